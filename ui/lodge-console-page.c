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
 * is not even noticed here. After a close the machine's state is given a moment to arrive, since QEMU's socket is
 * faster than the core's signal; what is shown meanwhile is the last frame.
 *
 * A frame of an earlier session, or the picture that the library had last, is dimmed until the first frame of the
 * present one: it looks like the machine and is not.
 */

#include "config.h"

#include "ui/lodge-console-page.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error-text.h"
#include "display/lodge-display-error.h"
#include "display/lodge-display-session.h"
#include "ui/lodge-console-medium.h"
#include "ui/lodge-console-overlay.h"
#include "ui/lodge-machine-text.h"

/* How long after the close of a session the machine's state may still be the old one. */
#define SETTLE_MS 700u
#define SPINNER_MS 300u
#define HINT_MS 3000u
/* A guest that changes its mode has no screen for a moment. */
#define OFF_MS 1000u
#define THUMBNAIL_MS 2000u
#define THUMBNAIL_WIDTH 640u

struct _LodgeConsolePage
{
  AdwBin parent_instance;

  LodgeMachineItem *item;        /* (owned) (nullable) */
  LodgeDisplaySession *session;  /* (owned) (nullable) */
  GCancellable *opening;         /* (owned) (nullable) of the attempt under way */
  gboolean waiting;              /* for the machine or its picture */
  gboolean closed;               /* the display went while the machine stayed, most likely to another viewer */
  gboolean fresh;                /* what is seen is of the present session */
  gboolean no_screen;            /* the machine has no display device */
  gboolean display_off;          /* the guest has switched its screen off, and not only for a moment */
  char *trouble;                 /* (owned) (nullable) why it could not be opened, a sentence */
  guint settle_source;
  guint spinner_source;
  guint hint_source;
  guint thumbnail_source;
  guint off_source;
  guint volume;                  /* of its sound, 0 to 100 */
  gboolean muted;

  LodgeDisplayView *view;
  GtkPicture *last;              /* what the library has of the screen, while the view has nothing */
  LodgeConsoleOverlay *overlay;
  GtkRevealer *hint;
  GtkLabel *hint_label;
  GtkWidget *drop_hint;
};

static guint grab_changed_signal, sound_changed_signal;

G_DEFINE_FINAL_TYPE (LodgeConsolePage, lodge_console_page, ADW_TYPE_BIN)

static void update (LodgeConsolePage *self);

static void
drop_session (LodgeConsolePage *self)
{
  g_cancellable_cancel (self->opening);
  g_clear_object (&self->opening);
  g_clear_handle_id (&self->settle_source, g_source_remove);
  g_clear_handle_id (&self->thumbnail_source, g_source_remove);
  g_clear_handle_id (&self->off_source, g_source_remove);
  self->fresh = self->display_off = FALSE;
  if (self->view != NULL)
    lodge_display_view_set_console (self->view, NULL);
  if (self->session != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->session, self);
      g_signal_handlers_disconnect_by_data (lodge_display_session_get_audio (self->session), self);
      lodge_display_session_close (self->session);
      g_clear_object (&self->session);
      g_signal_emit (self, sound_changed_signal, 0);
    }
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
sound_changed_cb (LodgeConsolePage *self)
{
  g_signal_emit (self, sound_changed_signal, 0);
}

static void
listen_to (LodgeConsolePage *self, LodgeAudio *audio)
{
  g_signal_connect_swapped (audio, "changed", G_CALLBACK (sound_changed_cb), self);
  lodge_audio_set_volume (audio, self->volume, self->muted);
  lodge_audio_listen (audio);
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
      drop_session (self);
      lodge_display_session_close (session);
      self->no_screen = TRUE;
      update (self);
      return;
    }

  g_clear_object (&self->opening);
  self->session = g_steal_pointer (&session);
  g_signal_connect_swapped (self->session, "closed", G_CALLBACK (session_closed_cb), self);
  lodge_display_view_set_console (self->view, console);
  listen_to (self, lodge_display_session_get_audio (self->session));
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

static gboolean
spinner_cb (gpointer user_data)
{
  LodgeConsolePage *self = user_data;

  self->spinner_source = 0;
  update (self);
  return G_SOURCE_REMOVE;
}

/* A picture that comes within a moment needs no word about waiting. */
static void
show_waiting (LodgeConsolePage *self, const char *title)
{
  if (!self->waiting)
    {
      self->waiting = TRUE;
      self->spinner_source = g_timeout_add (SPINNER_MS, spinner_cb, self);
    }
  if (self->spinner_source != 0)
    lodge_console_overlay_dim (self->overlay);
  else
    lodge_console_overlay_show_cause (self->overlay, &(LodgeConsoleCause) { .title = title });
}

static void
show_paused (LodgeConsolePage *self, const char *reason)
{
  LodgeConsoleCause cause = { .icon = "media-playback-pause-symbolic", .title = _("Paused"), .text = reason,
                              .label = _("_Resume"), .action = "machine.resume" };

  if (g_str_equal (lodge_machine_item_get_state_reason (self->item), "disk-full"))
    {
      cause.icon = "drive-harddisk-symbolic";
      cause.title = _("Disk Full");
      /* Resumed as it is, it would only stop again. */
      cause.second_label = cause.label;
      cause.second_action = cause.action;
      cause.label = _("_Free Space…");
      cause.action = "win.free-space";
    }
  else if (reason != NULL)
    {
      /* It did not pause because somebody wished it. */
      cause.icon = "dialog-warning-symbolic";
      cause.second_label = _("Show _Log");
      cause.second_action = "machine.show-log";
    }
  lodge_console_overlay_show_cause (self->overlay, &cause);
}

/* As the running guest has it, whatever waits for its next start. */
static gboolean
has_screen (LodgeConsolePage *self)
{
  return !g_str_equal (lodge_machine_item_setting_string (self->item, "video", ""), "none")
         || lodge_machine_item_is_pending (self->item, "video");
}

/* Returns FALSE where the present picture is seen. */
static gboolean
show_up (LodgeConsolePage *self, const char *reason)
{
  if (!has_screen (self))
    self->no_screen = TRUE;
  if (!self->closed && self->trouble == NULL && !self->no_screen)
    open_display (self);

  if (lodge_machine_item_get_state (self->item) == LODGE_MACHINE_PAUSED)
    show_paused (self, reason);
  else if (self->closed)
    lodge_console_overlay_show_cause (
      self->overlay,
      &(LodgeConsoleCause) { .icon = "video-display-symbolic", .title = _("Shown in Another Window"),
                             .text = _("The screen was opened elsewhere, or its connection was lost. "
                                       "The machine keeps running."),
                             .label = _("Show _Here Again"), .action = "console.retry" });
  else if (self->no_screen)
    lodge_console_overlay_show_cause (
      self->overlay,
      &(LodgeConsoleCause) { .icon = "video-display-symbolic", .title = _("No Screen"),
                             .text = _("This machine has no display device. It can be reached through its serial "
                                       "line or the network.") });
  else if (self->trouble != NULL)
    lodge_console_overlay_show_cause (
      self->overlay,
      &(LodgeConsoleCause) { .icon = "dialog-warning-symbolic", .title = _("No Picture"), .text = self->trouble,
                             .label = _("_Try Again"), .action = "console.retry", .second_label = _("Show _Log"),
                             .second_action = "machine.show-log" });
  else if (!self->fresh && self->session == NULL && !lodge_machine_item_is_connected (self->item))
    lodge_console_overlay_show_cause (
      self->overlay, &(LodgeConsoleCause) { .title = _("Reconnecting…"),
                                            .text = _("The machine keeps running. Its picture comes back with "
                                                      "Lodge’s core.") });
  else if (self->display_off)
    lodge_console_overlay_show_cause (
      self->overlay, &(LodgeConsoleCause) { .icon = "video-display-symbolic", .title = _("Display Off"),
                                            .text = _("The guest has switched its screen off. Press a key to wake it."),
                                            .label = _("_Wake Up"), .action = "console.wake" });
  else
    return FALSE;
  return TRUE;
}

static void
show_down (LodgeConsolePage *self, const char *reason)
{
  if (self->session != NULL || self->opening != NULL)
    drop_session (self);
  /* It went because the machine did, which the next start must not be judged by. */
  g_clear_handle_id (&self->settle_source, g_source_remove);
  self->closed = self->no_screen = self->fresh = FALSE;
  g_clear_pointer (&self->trouble, g_free);

  if (lodge_machine_item_get_state (self->item) == LODGE_MACHINE_BROKEN)
    lodge_console_overlay_show_cause (
      self->overlay, &(LodgeConsoleCause) { .icon = "dialog-warning-symbolic", .title = _("Needs Attention") });
  else if (lodge_machine_item_get_state (self->item) == LODGE_MACHINE_SAVED)
    lodge_console_overlay_show_cause (
      self->overlay,
      &(LodgeConsoleCause) { .icon = "document-save-symbolic", .title = _("Saved"),
                             .text = reason, .label = _("_Resume"),
                             .action = "machine.start" });
  else if (reason != NULL)
    lodge_console_overlay_show_cause (
      self->overlay,
      &(LodgeConsoleCause) { .icon = "dialog-warning-symbolic", .title = _("Stopped Unexpectedly"), .text = reason,
                             .label = _("_Start"), .action = "machine.start", .second_label = _("Show _Log"),
                             .second_action = "machine.show-log" });
  else
    lodge_console_overlay_show_cause (
      self->overlay,
      &(LodgeConsoleCause) { .icon = "system-shutdown-symbolic", .title = _("Switched Off"), .label = _("_Start"),
                             .action = "machine.start" });
}

static void
end_waiting (LodgeConsolePage *self)
{
  g_clear_handle_id (&self->spinner_source, g_source_remove);
  self->waiting = FALSE;
}

static void
update (LodgeConsolePage *self)
{
  LodgeMachineState state = lodge_machine_item_get_state (self->item);
  g_autofree char *reason = lodge_machine_text_reason (self->item);
  gboolean waiting = FALSE;

  if (state == LODGE_MACHINE_STARTING)
    {
      waiting = TRUE;
      show_waiting (self, _("Starting…"));
    }
  else if (state == LODGE_MACHINE_SAVING)
    {
      /* Its screen stays, as it was at that moment. */
      waiting = TRUE;
      show_waiting (self, _("Saving…"));
    }
  else if (!lodge_machine_item_is_up (self->item))
    show_down (self, reason);
  else if (!show_up (self, reason))
    {
      waiting = !self->fresh;
      if (waiting)
        show_waiting (self, _("Connecting to the Screen…"));
      else
        lodge_console_overlay_hide (self->overlay);
    }
  if (!waiting)
    end_waiting (self);
  /* A pointer that is held presses no button that is offered. */
  if (!waiting && gtk_widget_get_visible (GTK_WIDGET (self->overlay)) && lodge_display_view_holds_pointer (self->view))
    lodge_display_view_release_grab (self->view);

  gtk_picture_set_paintable (self->last, lodge_machine_item_get_picture (self->item));
  gtk_widget_set_visible (GTK_WIDGET (self->last), !lodge_display_view_has_frame (self->view)
                                                     && lodge_machine_item_get_picture (self->item) != NULL);
}

static void
retry_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsolePage *self = LODGE_CONSOLE_PAGE (widget);

  self->closed = FALSE;
  g_clear_pointer (&self->trouble, g_free);
  update (self);
  lodge_console_page_focus (self);
}

static void
wake_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsolePage *self = LODGE_CONSOLE_PAGE (widget);
  /* A key that types nothing. */
  static const char *const keys[] = { "shift", NULL };

  lodge_display_view_send_keys (self->view, keys);
  lodge_console_page_focus (self);
}

static void
first_frame_cb (LodgeConsolePage *self)
{
  self->fresh = TRUE;
  update (self);
}

static gboolean
off_cb (gpointer user_data)
{
  LodgeConsolePage *self = user_data;

  self->off_source = 0;
  self->display_off = TRUE;
  update (self);
  return G_SOURCE_REMOVE;
}

static void
display_off_cb (LodgeConsolePage *self)
{
  g_clear_handle_id (&self->off_source, g_source_remove);
  self->display_off = FALSE;
  if (lodge_display_view_is_off (self->view))
    self->off_source = g_timeout_add (OFF_MS, off_cb, self);
  if (self->item != NULL)
    update (self);
}

static void
set_hint (LodgeConsolePage *self, gboolean shown)
{
  if (shown)
    gtk_widget_set_visible (GTK_WIDGET (self->hint), TRUE);
  gtk_revealer_set_reveal_child (self->hint, shown);
}

/* What a revealer hides is still there for screen readers. */
static void
hint_revealed_cb (LodgeConsolePage *self)
{
  if (!gtk_revealer_get_reveal_child (self->hint) && !gtk_revealer_get_child_revealed (self->hint))
    gtk_widget_set_visible (GTK_WIDGET (self->hint), FALSE);
}

static gboolean
hint_over_cb (gpointer user_data)
{
  LodgeConsolePage *self = user_data;

  self->hint_source = 0;
  set_hint (self, FALSE);
  return G_SOURCE_REMOVE;
}

static void
grab_changed_cb (LodgeConsolePage *self, gboolean grabbed)
{
  g_clear_handle_id (&self->hint_source, g_source_remove);
  set_hint (self, grabbed);
  if (grabbed)
    self->hint_source = g_timeout_add (HINT_MS, hint_over_cb, self);
  g_signal_emit (self, grab_changed_signal, 0, grabbed);
}

/* Files that are dropped */

static gboolean
drop_cb (LodgeConsolePage *self, const GValue *value)
{
  GSList *files = g_value_get_boxed (value);

  gtk_widget_set_visible (self->drop_hint, FALSE);
  if (files == NULL)
    return FALSE;
  lodge_console_medium_insert (GTK_WIDGET (self), self->item, files->data);
  return TRUE;
}

static GdkDragAction
drop_enter_cb (LodgeConsolePage *self)
{
  if (!lodge_machine_item_is_up (self->item) || !lodge_machine_item_is_connected (self->item))
    return 0;
  gtk_widget_set_visible (self->drop_hint, TRUE);
  return GDK_ACTION_COPY;
}

static void
drop_leave_cb (LodgeConsolePage *self)
{
  gtk_widget_set_visible (self->drop_hint, FALSE);
}

static void
setup_drop_target (LodgeConsolePage *self)
{
  GtkDropTarget *target = gtk_drop_target_new (GDK_TYPE_FILE_LIST, GDK_ACTION_COPY);

  g_signal_connect_swapped (target, "drop", G_CALLBACK (drop_cb), self);
  g_signal_connect_swapped (target, "enter", G_CALLBACK (drop_enter_cb), self);
  g_signal_connect_swapped (target, "leave", G_CALLBACK (drop_leave_cb), self);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (target));
}

static void
lodge_console_page_dispose (GObject *object)
{
  LodgeConsolePage *self = LODGE_CONSOLE_PAGE (object);

  drop_session (self);
  end_waiting (self);
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
  sound_changed_signal = g_signal_new ("sound-changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                       NULL, G_TYPE_NONE, 0);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-console-page.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, view);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, overlay);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, last);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, hint);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, hint_label);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsolePage, drop_hint);
  gtk_widget_class_bind_template_callback (widget_class, first_frame_cb);
  gtk_widget_class_bind_template_callback (widget_class, grab_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, display_off_cb);
  gtk_widget_class_bind_template_callback (widget_class, hint_revealed_cb);
  gtk_widget_class_install_action (widget_class, "console.retry", NULL, retry_action);
  gtk_widget_class_install_action (widget_class, "console.wake", NULL, wake_action);
}

static void
lodge_console_page_init (LodgeConsolePage *self)
{
  g_type_ensure (LODGE_TYPE_DISPLAY_VIEW);
  g_type_ensure (LODGE_TYPE_CONSOLE_OVERLAY);
  gtk_widget_init_template (GTK_WIDGET (self));
  self->volume = 100;
  setup_drop_target (self);
}

void
lodge_console_page_set_item (LodgeConsolePage *self, LodgeMachineItem *item)
{
  g_return_if_fail (self->item == NULL);

  self->item = g_object_ref (item);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  update (self);
}

LodgeDisplayView *
lodge_console_page_get_view (LodgeConsolePage *self)
{
  return self->view;
}

void
lodge_console_page_set_release_keys (LodgeConsolePage *self, const char *keys)
{
  /* Translators: %s are keys, "Ctrl+Alt" */
  g_autofree char *text = g_strdup_printf (_("Press %s to release"), keys);

  gtk_label_set_label (self->hint_label, text);
}

void
lodge_console_page_set_volume (LodgeConsolePage *self, guint volume, gboolean muted)
{
  self->volume = volume;
  self->muted = muted;
  if (self->session != NULL)
    lodge_audio_set_volume (lodge_display_session_get_audio (self->session), volume, muted);
}

LodgeAudio *
lodge_console_page_get_audio (LodgeConsolePage *self)
{
  return self->session != NULL ? lodge_display_session_get_audio (self->session) : NULL;
}

void
lodge_console_page_focus (LodgeConsolePage *self)
{
  gtk_widget_grab_focus (GTK_WIDGET (self->view));
}

void
lodge_console_page_close (LodgeConsolePage *self)
{
  /* A window that something still holds on to must not open the display again, unseen. */
  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);
  drop_session (self);
}
