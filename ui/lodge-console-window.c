/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-console-window.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-console-page.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-machine-actions.h"
#include "ui/lodge-machine-text.h"

/* In fullscreen the bar comes after a rest of the pointer at the top edge, so that a guest's own
 * menus there can be used. */
#define EDGE_PX 1.0
#define EDGE_MS 200u
#define LEAVE_PX 60.0

struct _LodgeConsoleWindow
{
  AdwApplicationWindow parent_instance;

  LodgeMachineItem *item;       /* (owned) (nullable) until set */
  LodgeMachineActions *actions; /* (owned) (nullable) */
  guint edge_source;

  LodgeConsolePage *page;
  GtkWidget *bar_place;      /* the bar above the screen */
  GtkRevealer *hover_bar;    /* the bar over the screen in fullscreen */
  AdwWindowTitle *title;
  AdwWindowTitle *hover_title;
  GtkWidget *pause;
  GtkWidget *resume;
  GtkWidget *hover_pause;
  GtkWidget *hover_resume;
  GtkWidget *grab_symbol;
  GtkWidget *hover_grab_symbol;
};

G_DEFINE_FINAL_TYPE (LodgeConsoleWindow, lodge_console_window, ADW_TYPE_APPLICATION_WINDOW)

static void
update (LodgeConsoleWindow *self)
{
  LodgeMachineState state = lodge_machine_item_get_state (self->item);
  const char *name = lodge_machine_item_get_name (self->item);
  const char *word = lodge_machine_text_state (self->item);
  gboolean there = lodge_machine_item_get_proxy (self->item) != NULL;
  const char *subtitle = there ? word : _("Reconnecting; the machine keeps running");
  gboolean running = state == LODGE_MACHINE_RUNNING || state == LODGE_MACHINE_STOPPING;

  gtk_window_set_title (GTK_WINDOW (self), name);
  adw_window_title_set_title (self->title, name);
  adw_window_title_set_title (self->hover_title, name);
  adw_window_title_set_subtitle (self->title, subtitle);
  adw_window_title_set_subtitle (self->hover_title, subtitle);
  gtk_widget_set_visible (self->pause, running);
  gtk_widget_set_visible (self->resume, state == LODGE_MACHINE_PAUSED);
  gtk_widget_set_visible (self->hover_pause, running);
  gtk_widget_set_visible (self->hover_resume, state == LODGE_MACHINE_PAUSED);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.screenshot", lodge_machine_item_is_up (self->item));
}

static void
grab_changed_cb (LodgeConsoleWindow *self, gboolean grabbed)
{
  gtk_widget_set_visible (self->grab_symbol, grabbed);
  gtk_widget_set_visible (self->hover_grab_symbol, grabbed);
}

static void
fullscreen_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  GtkWindow *window = GTK_WINDOW (widget);

  if (gtk_window_is_fullscreen (window))
    gtk_window_unfullscreen (window);
  else
    gtk_window_fullscreen (window);
}

static void
fullscreened_cb (LodgeConsoleWindow *self)
{
  gboolean fullscreen = gtk_window_is_fullscreen (GTK_WINDOW (self));

  gtk_widget_set_visible (self->bar_place, !fullscreen);
  gtk_revealer_set_reveal_child (self->hover_bar, FALSE);
  g_clear_handle_id (&self->edge_source, g_source_remove);
  if (fullscreen)
    lodge_feedback_toast (GTK_WIDGET (self->page), _("Press F11 to leave fullscreen"));
  lodge_console_page_focus (self->page);
}

static gboolean
edge_cb (gpointer user_data)
{
  LodgeConsoleWindow *self = user_data;

  self->edge_source = 0;
  gtk_revealer_set_reveal_child (self->hover_bar, TRUE);
  return G_SOURCE_REMOVE;
}

static void
motion_cb (LodgeConsoleWindow *self, double x, double y)
{
  if (!gtk_window_is_fullscreen (GTK_WINDOW (self)))
    return;

  if (y <= EDGE_PX && self->edge_source == 0)
    self->edge_source = g_timeout_add (EDGE_MS, edge_cb, self);
  else if (y > EDGE_PX)
    g_clear_handle_id (&self->edge_source, g_source_remove);
  if (y > LEAVE_PX)
    gtk_revealer_set_reveal_child (self->hover_bar, FALSE);
}

static void
focus_bar_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (widget);
  gboolean fullscreen = gtk_window_is_fullscreen (GTK_WINDOW (self));

  lodge_console_page_release_grab (self->page);
  if (fullscreen)
    gtk_revealer_set_reveal_child (self->hover_bar, TRUE);
  gtk_widget_child_focus (fullscreen ? GTK_WIDGET (self->hover_bar) : self->bar_place, GTK_DIR_TAB_FORWARD);
}

typedef struct
{
  LodgeConsoleWindow *self; /* (owned) */
  GFile *file;              /* (owned) */
} Screenshot;

static void
screenshot_free (Screenshot *screenshot)
{
  g_object_unref (screenshot->self);
  g_object_unref (screenshot->file);
  g_free (screenshot);
}

static void
show_in_files_cb (GFile *file)
{
  g_autofree char *uri = g_file_get_uri (file);

  gtk_show_uri (NULL, uri, GDK_CURRENT_TIME);
}

static void
unref_file (gpointer data, GClosure *closure)
{
  g_object_unref (data);
}

static void
saved_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Screenshot *screenshot = user_data;
  GError *error = NULL;
  AdwToast *toast;

  if (!g_file_replace_contents_finish (G_FILE (source), result, NULL, &error))
    lodge_feedback_error (GTK_WIDGET (screenshot->self->page), _("The Screenshot Could Not Be Saved"), error, NULL);
  else
    {
      toast = lodge_feedback_toast (GTK_WIDGET (screenshot->self->page), _("Screenshot saved"));
      adw_toast_set_button_label (toast, _("_Open"));
      g_signal_connect_data (toast, "button-clicked", G_CALLBACK (show_in_files_cb), g_object_ref (screenshot->file),
                             unref_file, G_CONNECT_SWAPPED);
    }
  screenshot_free (screenshot);
}

/* Names from people may hold what a file name may not. */
static char *
screenshot_path (LodgeConsoleWindow *self)
{
  const char *pictures = g_get_user_special_dir (G_USER_DIRECTORY_PICTURES);
  const char *folder = pictures != NULL ? pictures : g_get_home_dir ();
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *time = g_date_time_format (now, "%Y-%m-%d %H-%M-%S");
  /* Translators: file name of a screenshot: the machine's name and the time */
  g_autofree char *name = g_strdup_printf (_("%s %s.png"), lodge_machine_item_get_name (self->item), time);

  g_strdelimit (name, "/", '-');
  return g_build_filename (folder, name, NULL);
}

static void
screenshot_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (widget);
  g_autoptr (GdkTexture) texture = lodge_console_page_screenshot (self->page);
  g_autofree char *path = NULL;
  g_autofree char *folder = NULL;
  g_autoptr (GBytes) png = NULL;
  Screenshot *screenshot;

  if (texture == NULL)
    {
      lodge_feedback_toast (GTK_WIDGET (self->page), _("There is no picture yet"));
      return;
    }

  path = screenshot_path (self);
  folder = g_path_get_dirname (path);
  g_mkdir_with_parents (folder, 0755);
  png = gdk_texture_save_to_png_bytes (texture);
  screenshot = g_new0 (Screenshot, 1);
  screenshot->self = g_object_ref (self);
  screenshot->file = g_file_new_for_path (path);
  g_file_replace_contents_bytes_async (screenshot->file, png, NULL, FALSE, G_FILE_CREATE_NONE, NULL, saved_cb,
                                       screenshot);
}

static gboolean
lodge_console_window_close_request (GtkWindow *window)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (window);

  lodge_console_page_close (self->page);
  return GTK_WINDOW_CLASS (lodge_console_window_parent_class)->close_request (window);
}

static void
lodge_console_window_dispose (GObject *object)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (object);

  g_clear_handle_id (&self->edge_source, g_source_remove);
  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);
  if (self->actions != NULL)
    lodge_machine_actions_drop (self->actions);
  g_clear_object (&self->actions);
  g_clear_object (&self->item);

  G_OBJECT_CLASS (lodge_console_window_parent_class)->dispose (object);
}

static void
lodge_console_window_class_init (LodgeConsoleWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_console_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = lodge_console_window_close_request;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-console-window.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, page);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, bar_place);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, hover_bar);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, title);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, hover_title);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, pause);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, resume);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, hover_pause);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, hover_resume);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, grab_symbol);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, hover_grab_symbol);
  gtk_widget_class_bind_template_callback (widget_class, grab_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, fullscreened_cb);
  gtk_widget_class_bind_template_callback (widget_class, motion_cb);

  gtk_widget_class_install_action (widget_class, "win.fullscreen", NULL, fullscreen_action);
  gtk_widget_class_install_action (widget_class, "win.screenshot", NULL, screenshot_action);
  gtk_widget_class_install_action (widget_class, "win.focus-bar", NULL, focus_bar_action);
}

/* Before the screen takes its keys: those that must never be the guest's alone. */
static void
setup_shortcuts (LodgeConsoleWindow *self)
{
  GtkEventController *controller = gtk_shortcut_controller_new ();
  static const struct
  {
    guint key;
    GdkModifierType modifiers;
    const char *action;
  } shortcuts[] = {
    { GDK_KEY_F11, 0, "win.fullscreen" },
    { GDK_KEY_Tab, GDK_CONTROL_MASK | GDK_ALT_MASK, "win.focus-bar" },
  };

  gtk_event_controller_set_propagation_phase (controller, GTK_PHASE_CAPTURE);
  for (guint i = 0; i < G_N_ELEMENTS (shortcuts); i++)
    gtk_shortcut_controller_add_shortcut (
      GTK_SHORTCUT_CONTROLLER (controller),
      gtk_shortcut_new (gtk_keyval_trigger_new (shortcuts[i].key, shortcuts[i].modifiers),
                        gtk_named_action_new (shortcuts[i].action)));
  gtk_widget_add_controller (GTK_WIDGET (self), controller);
}

static void
lodge_console_window_init (LodgeConsoleWindow *self)
{
  g_type_ensure (LODGE_TYPE_CONSOLE_PAGE);
  gtk_widget_init_template (GTK_WIDGET (self));
  setup_shortcuts (self);
}

LodgeConsoleWindow *
lodge_console_window_new (AdwApplication *application, LodgeLibrary *library, LodgeMachineItem *item)
{
  LodgeConsoleWindow *self = g_object_new (LODGE_TYPE_CONSOLE_WINDOW, "application", application, NULL);

  self->item = g_object_ref (item);
  self->actions = lodge_machine_actions_new (library, item, GTK_WIDGET (self));
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  lodge_console_page_set_item (self->page, item);
  update (self);
  lodge_console_page_focus (self->page);
  return self;
}

LodgeMachineItem *
lodge_console_window_get_item (LodgeConsoleWindow *self)
{
  return self->item;
}
