/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 *   idle --machine up--> opening (OpenDisplay, session) --first frame--> shown
 *     ^                     |                                             |
 *     +------ error --------+------------- session closed ----------------+
 *
 * A session that closes while the machine stays up was most likely taken by another viewer: QEMU then only closes the
 * connection, which looks the same as one that was lost, so the words are true of both. A peer that broke the protocol
 * or went silent is told apart. OpenDisplay goes through the core, the picture does not, so a restart of the core alone
 * is not even noticed here. After a close the machine's state is given a moment to arrive, since QEMU's socket is faster than the core's signal; what is
 * shown meanwhile is the last frame.
 */

#include "config.h"

#include "ui/lodge-console-page.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error-text.h"
#include "display/lodge-display-error.h"
#include "display/lodge-display-session.h"
#include "display/lodge-display-view.h"
#include "ui/lodge-machine-text.h"

/* How long after the close of a session the machine's state may still be the old one. */
#define SETTLE_MS 700u
#define SPINNER_MS 300u
#define HINT_MS 3000u
#define THUMBNAIL_MS 2000u
#define THUMBNAIL_WIDTH 640u

struct _LodgeConsolePage
{
  AdwBin parent_instance;

  LodgeMachineItem *item;        /* (owned) (nullable) */
  LodgeDisplaySession *session;  /* (owned) (nullable) */
  GCancellable *opening;         /* (owned) (nullable) of the attempt under way */
  gboolean closed;               /* the display went while the machine stayed, most likely to another viewer */
  char *trouble;                 /* (owned) (nullable) why it could not be opened, a sentence */
  guint settle_source;
  guint spinner_source;
  guint hint_source;
  guint thumbnail_source;

  LodgeDisplayView *view;
  GtkWidget *overlay;
  GtkImage *overlay_icon;
  GtkSpinner *overlay_spinner;
  GtkLabel *overlay_title;
  GtkLabel *overlay_text;
  GtkButton *overlay_action;
  GtkWidget *overlay_log;
  GtkRevealer *hint;
};

static guint grab_changed_signal;

G_DEFINE_FINAL_TYPE (LodgeConsolePage, lodge_console_page, ADW_TYPE_BIN)

static void update (LodgeConsolePage *self);

static void
drop_session (LodgeConsolePage *self)
{
  g_cancellable_cancel (self->opening);
  g_clear_object (&self->opening);
  g_clear_handle_id (&self->settle_source, g_source_remove);
  g_clear_handle_id (&self->thumbnail_source, g_source_remove);
  if (self->view != NULL)
    lodge_display_view_set_console (self->view, NULL);
  if (self->session != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->session, self);
      lodge_display_session_close (self->session);
    }
  g_clear_object (&self->session);
  if (self->item != NULL)
    lodge_machine_item_set_viewer (self->item, FALSE);
}

static gboolean
thumbnail_cb (gpointer user_data)
{
  LodgeConsolePage *self = user_data;
  g_autoptr (GdkTexture) texture = lodge_display_view_thumbnail (self->view, THUMBNAIL_WIDTH);

  if (texture != NULL)
    lodge_machine_item_set_picture (self->item, GDK_PAINTABLE (texture));
  return G_SOURCE_CONTINUE;
}

static void
fail (LodgeConsolePage *self, const char *sentence)
{
  drop_session (self);
  g_free (self->trouble);
  self->trouble = g_strdup (sentence);
  update (self);
}

static gboolean
settled_cb (gpointer user_data)
{
  LodgeConsolePage *self = user_data;

  self->settle_source = 0;
  if (lodge_machine_item_is_up (self->item))
    self->closed = TRUE;
  update (self);
  return G_SOURCE_REMOVE;
}

static void
session_closed_cb (LodgeConsolePage *self, const GError *reason)
{
  drop_session (self);
  if (g_error_matches (reason, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL))
    {
      fail (self, _("The machine sent a picture that Lodge cannot show. It keeps running."));
      return;
    }
  if (g_error_matches (reason, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_NOT_RESPONDING))
    {
      fail (self, _("The machine’s screen does not answer."));
      return;
    }
  self->settle_source = g_timeout_add (SETTLE_MS, settled_cb, self);
}

static void
session_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeConsolePage *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeDisplaySession) session = lodge_display_session_new_finish (result, &error);
  LodgeConsole *console;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (session == NULL)
    {
      g_debug ("The display could not be opened: %s", error->message);
      fail (self, _("The screen cannot be reached. The machine itself keeps running."));
      return;
    }

  console = lodge_display_session_get_primary_console (session);
  if (console == NULL)
    {
      fail (self, _("This machine has no screen."));
      return;
    }

  g_clear_object (&self->opening);
  self->session = g_steal_pointer (&session);
  g_signal_connect_swapped (self->session, "closed", G_CALLBACK (session_closed_cb), self);
  lodge_display_view_set_console (self->view, console);
  lodge_machine_item_set_viewer (self->item, TRUE);
  self->thumbnail_source = g_timeout_add (THUMBNAIL_MS, thumbnail_cb, self);
  update (self);
}

static void
display_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeConsolePage *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GUnixFDList) files = NULL;
  g_autoptr (GVariant) handle = NULL;
  g_autoptr (GVariant) keyring_handle = NULL;
  int fd = -1, keyring_fd = -1;

  lodge_ipc_machine_call_open_display_finish (LODGE_IPC_MACHINE (source), &handle, &keyring_handle, &files, result,
                                             &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  if (handle != NULL && files != NULL)
    fd = g_unix_fd_list_get (files, g_variant_get_handle (handle), &error);
  if (fd >= 0)
    keyring_fd = g_unix_fd_list_get (files, g_variant_get_handle (keyring_handle), NULL);
  if (fd < 0)
    {
      LodgeErrorContext about = { .machine = lodge_machine_item_get_name (self->item) };
      g_autofree char *sentence = NULL;

      if (error == NULL)
        g_set_error (&error, LODGE_ERROR, LODGE_ERROR_FAILED, "OpenDisplay gave no socket");
      lodge_error_normalize (error);
      sentence = lodge_error_text (error, &about);
      fail (self, sentence);
      return;
    }

  lodge_display_session_new_async (fd, keyring_fd, self->opening, session_cb, self);
}

static void
open_display (LodgeConsolePage *self)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (self->item);

  if (proxy == NULL || self->session != NULL || self->opening != NULL || self->settle_source != 0)
    return;

  g_clear_pointer (&self->trouble, g_free);
  self->opening = g_cancellable_new ();
  lodge_ipc_machine_call_open_display (proxy, g_variant_new ("a{sv}", NULL), NULL, self->opening, display_cb, self);
}

typedef struct
{
  const char *icon;   /* (nullable) the spinner instead */
  const char *title;
  const char *text;   /* (nullable) */
  const char *label;  /* (nullable) of the button */
  const char *action; /* (nullable) of the button; NULL tries again */
  gboolean log;
} Cause;

static void
show_cause (LodgeConsolePage *self, const Cause *cause)
{
  g_clear_handle_id (&self->spinner_source, g_source_remove);
  gtk_widget_set_visible (self->overlay, TRUE);
  gtk_widget_set_visible (GTK_WIDGET (self->overlay_icon), cause->icon != NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->overlay_spinner), cause->icon == NULL);
  gtk_spinner_set_spinning (self->overlay_spinner, cause->icon == NULL);
  if (cause->icon != NULL)
    gtk_image_set_from_icon_name (self->overlay_icon, cause->icon);
  gtk_label_set_label (self->overlay_title, cause->title);
  gtk_label_set_label (self->overlay_text, cause->text != NULL ? cause->text : "");
  gtk_widget_set_visible (GTK_WIDGET (self->overlay_text), cause->text != NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->overlay_action), cause->label != NULL);
  if (cause->label != NULL)
    gtk_button_set_label (self->overlay_action, cause->label);
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->overlay_action),
                                  cause->action != NULL ? cause->action : "console.retry");
  gtk_widget_set_visible (self->overlay_log, cause->log);
}

static gboolean
spinner_cb (gpointer user_data)
{
  LodgeConsolePage *self = user_data;

  self->spinner_source = 0;
  if (!(self->session != NULL && lodge_display_view_has_frame (self->view)))
    show_cause (self, &(Cause) { .title = _("Connecting to the Screen…") });
  return G_SOURCE_REMOVE;
}

static void
show_connecting (LodgeConsolePage *self)
{
  /* A picture that comes within a moment needs no word about waiting. */
  if (gtk_widget_get_visible (self->overlay))
    show_cause (self, &(Cause) { .title = _("Connecting to the Screen…") });
  else if (self->spinner_source == 0)
    self->spinner_source = g_timeout_add (SPINNER_MS, spinner_cb, self);
}

static void
hide_overlay (LodgeConsolePage *self)
{
  g_clear_handle_id (&self->spinner_source, g_source_remove);
  gtk_spinner_set_spinning (self->overlay_spinner, FALSE);
  gtk_widget_set_visible (self->overlay, FALSE);
}

static void
update_up (LodgeConsolePage *self)
{
  LodgeMachineState state = lodge_machine_item_get_state (self->item);
  g_autofree char *reason = lodge_machine_text_reason (self->item);
  gboolean full = g_str_equal (lodge_machine_item_get_state_reason (self->item), "disk-full");

  if (!self->closed && self->trouble == NULL)
    open_display (self);

  if (self->closed)
    show_cause (self, &(Cause) { .icon = "video-display-symbolic", .title = _("Not Shown Here Any More"),
                                 .text = _("The screen was opened in another window, or its connection was lost. "
                                           "The machine keeps running."),
                                 .label = _("Show _Here Again") });
  else if (self->trouble != NULL)
    show_cause (self, &(Cause) { .icon = "dialog-warning-symbolic", .title = _("No Picture"),
                                 .text = self->trouble, .label = _("_Try Again"), .log = TRUE });
  else if (state == LODGE_MACHINE_PAUSED)
    show_cause (self, &(Cause) { .icon = full ? "drive-harddisk-symbolic" : "media-playback-pause-symbolic",
                                 .title = full ? _("Disk Full") : _("Paused"), .text = reason,
                                 .label = _("_Resume"), .action = "machine.resume" });
  else if (self->session == NULL || !lodge_display_view_has_frame (self->view))
    show_connecting (self);
  else
    hide_overlay (self);
}

static void
update (LodgeConsolePage *self)
{
  LodgeMachineState state = lodge_machine_item_get_state (self->item);
  g_autofree char *reason = lodge_machine_text_reason (self->item);

  if (lodge_machine_item_is_up (self->item))
    {
      update_up (self);
      return;
    }

  if (self->session != NULL || self->opening != NULL)
    drop_session (self);
  /* It went because the machine did, which the next start must not be judged by. */
  g_clear_handle_id (&self->settle_source, g_source_remove);
  self->closed = FALSE;
  g_clear_pointer (&self->trouble, g_free);
  g_clear_handle_id (&self->spinner_source, g_source_remove);

  if (state == LODGE_MACHINE_STARTING)
    show_cause (self, &(Cause) { .title = _("Starting…") });
  else if (state == LODGE_MACHINE_BROKEN)
    show_cause (self, &(Cause) { .icon = "dialog-warning-symbolic", .title = _("Needs Attention") });
  else if (reason != NULL)
    show_cause (self, &(Cause) { .icon = "dialog-warning-symbolic", .title = _("Stopped Unexpectedly"),
                                 .text = reason, .label = _("_Start"), .action = "machine.start", .log = TRUE });
  else
    show_cause (self, &(Cause) { .icon = "system-shutdown-symbolic", .title = _("Switched Off"),
                                 .label = _("_Start"), .action = "machine.start" });
}

static void
retry_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsolePage *self = LODGE_CONSOLE_PAGE (widget);

  self->closed = FALSE;
  g_clear_pointer (&self->trouble, g_free);
  update (self);
}

static void
first_frame_cb (LodgeConsolePage *self)
{
  update (self);
}

static gboolean
hint_over_cb (gpointer user_data)
{
  LodgeConsolePage *self = user_data;

  self->hint_source = 0;
  gtk_revealer_set_reveal_child (self->hint, FALSE);
  return G_SOURCE_REMOVE;
}

static void
grab_changed_cb (LodgeConsolePage *self, gboolean grabbed)
{
  g_clear_handle_id (&self->hint_source, g_source_remove);
  gtk_revealer_set_reveal_child (self->hint, grabbed);
  if (grabbed)
    self->hint_source = g_timeout_add (HINT_MS, hint_over_cb, self);
  g_signal_emit (self, grab_changed_signal, 0, grabbed);
}

static void
lodge_console_page_dispose (GObject *object)
{
  LodgeConsolePage *self = LODGE_CONSOLE_PAGE (object);

  drop_session (self);
  g_clear_handle_id (&self->spinner_source, g_source_remove);
  g_clear_handle_id (&self->hint_source, g_source_remove);
  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);
  g_clear_object (&self->item);
  g_clear_pointer (&self->trouble, g_free);
  self->view = NULL;

  G_OBJECT_CLASS (lodge_console_page_parent_class)->dispose (object);
}

static void
lodge_console_page_class_init (LodgeConsolePageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_console_page_dispose;

  grab_changed_signal = g_signal_new ("grab-changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                      NULL, G_TYPE_NONE, 1, G_TYPE_BOOLEAN);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-console-page.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, view);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, overlay);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, overlay_icon);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, overlay_spinner);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, overlay_title);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, overlay_text);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, overlay_action);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, overlay_log);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, hint);
  gtk_widget_class_bind_template_callback (widget_class, first_frame_cb);
  gtk_widget_class_bind_template_callback (widget_class, grab_changed_cb);
  gtk_widget_class_install_action (widget_class, "console.retry", NULL, retry_action);
}

static void
lodge_console_page_init (LodgeConsolePage *self)
{
  g_type_ensure (LODGE_TYPE_DISPLAY_VIEW);
  gtk_widget_init_template (GTK_WIDGET (self));
}

void
lodge_console_page_set_item (LodgeConsolePage *self, LodgeMachineItem *item)
{
  g_return_if_fail (self->item == NULL);

  self->item = g_object_ref (item);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  update (self);
}

GdkTexture *
lodge_console_page_screenshot (LodgeConsolePage *self)
{
  return lodge_display_view_screenshot (self->view);
}

void
lodge_console_page_focus (LodgeConsolePage *self)
{
  gtk_widget_grab_focus (GTK_WIDGET (self->view));
}

void
lodge_console_page_release_grab (LodgeConsolePage *self)
{
  lodge_display_view_release_grab (self->view);
}

void
lodge_console_page_close (LodgeConsolePage *self)
{
  /* A window that something still holds on to must not open the display again, unseen. */
  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);
  drop_session (self);
}
