/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-console-window.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-console-bar.h"
#include "ui/lodge-console-disposable.h"
#include "ui/lodge-console-medium.h"
#include "ui/lodge-console-page.h"
#include "ui/lodge-console-screenshot.h"
#include "ui/lodge-console-space.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-machine-actions.h"

/* In fullscreen the bar comes after a rest of the pointer at the top edge, so that a guest's own
 * menus there can be used. */
#define EDGE_PX 1.0
#define EDGE_MS 200u
#define LEAVE_PX 60.0
/* Narrower than this, the header bar's buttons go into its menu. */
#define FOLD_PX 500

struct _LodgeConsoleWindow
{
  AdwApplicationWindow parent_instance;

  LodgeLibrary *library;        /* (owned) (nullable) until set */
  LodgeMachineItem *item;       /* (owned) (nullable) until set */
  LodgeMachineActions *actions; /* (owned) (nullable) */
  GSettings *settings;          /* (owned) (nullable): of the program */
  GSettings *own_settings;      /* (owned) (nullable): of this machine's console */
  gboolean folded;
  gboolean by_keys;             /* opened by somebody who uses the keyboard, and not active yet */
  gboolean at_bar;              /* the pointer is over the bar or near it */
  gboolean focus_comes;         /* to the bar over the screen, with its first frame */
  double pointer_y;             /* G_MAXDOUBLE: not over the window */
  guint edge_source;
  guint fold_source;
  guint refocus_source;

  LodgeConsolePage *page;
  GtkWidget *bar_place;         /* the bar above the screen */
  LodgeConsoleBar *bar;
  GtkWidget *disposable;        /* says that the machine goes with its guest */
  GtkRevealer *hover_place;     /* the bar over the screen in fullscreen */
  LodgeConsoleBar *hover_bar;
};

G_DEFINE_FINAL_TYPE (LodgeConsoleWindow, lodge_console_window, ADW_TYPE_APPLICATION_WINDOW)

static void
sound_changed_cb (LodgeConsoleWindow *self)
{
  LodgeAudio *audio = lodge_console_page_get_audio (self->page);

  /* The page ends its sound also as a part of a window that goes. */
  if (gtk_widget_in_destruction (GTK_WIDGET (self)))
    return;
  lodge_console_bar_update_sound (self->bar, audio);
  lodge_console_bar_update_sound (self->hover_bar, audio);
}

static void
update (LodgeConsoleWindow *self)
{
  g_autofree char *medium = lodge_console_medium_name (self->item);
  gboolean up = lodge_machine_item_is_up (self->item);
  gboolean there = lodge_machine_item_is_connected (self->item);

  gboolean disposable = lodge_machine_item_is_disposable (self->item);

  gtk_window_set_title (GTK_WINDOW (self), lodge_machine_item_get_name (self->item));
  gtk_widget_set_visible (self->disposable, disposable);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.keep", disposable && up && there);
  if (disposable)
    gtk_widget_add_css_class (GTK_WIDGET (self), "disposable");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self), "disposable");
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.screenshot", up);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.copy-screenshot", up);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.grab", up);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.insert-medium", there);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.eject-medium", there && medium != NULL);
  sound_changed_cb (self);
}

/* The machine of a console that nobody can start any more. While the core is gone the library keeps its machines. */
static void
machines_changed_cb (LodgeConsoleWindow *self)
{
  if (lodge_library_find (self->library, lodge_machine_item_get_object_path (self->item)) != self->item)
    gtk_window_destroy (GTK_WINDOW (self));
}

/* The grab */

static const char *
release_keys_text (LodgeReleaseKeys keys)
{
  switch (keys)
    {
    case LODGE_RELEASE_KEYS_CTRL_ALT_SHIFT:
      return _("Ctrl+Alt+Shift");
    case LODGE_RELEASE_KEYS_RIGHT_CTRL:
      return _("Right Ctrl");
    case LODGE_RELEASE_KEYS_CTRL_ALT:
    default:
      return _("Ctrl+Alt");
    }
}

static void
update_grab (LodgeConsoleWindow *self)
{
  const char *keys = release_keys_text ((LodgeReleaseKeys) g_settings_get_enum (self->settings, "release-keys"));
  gboolean grabbed = lodge_display_view_get_grabbed (lodge_console_page_get_view (self->page));

  lodge_console_page_set_release_keys (self->page, keys);
  lodge_console_bar_set_grabbed (self->bar, grabbed, keys);
  lodge_console_bar_set_grabbed (self->hover_bar, grabbed, keys);
}

static void
grab_changed_cb (LodgeConsoleWindow *self, gboolean grabbed)
{
  update_grab (self);
}

/* Sound */

static void
volume_changed_cb (LodgeConsoleWindow *self)
{
  lodge_console_page_set_volume (self->page, (guint) g_settings_get_int (self->own_settings, "sound-volume"),
                                 g_settings_get_boolean (self->own_settings, "sound-muted"));
  sound_changed_cb (self);
}

static void
grab_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (widget);

  lodge_display_view_grab (lodge_console_page_get_view (self->page));
}

static void
release_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (widget);

  lodge_display_view_release_grab (lodge_console_page_get_view (self->page));
}

/* Fullscreen and its bar */

static gboolean
is_pinned (LodgeConsoleWindow *self)
{
  return self->own_settings != NULL && g_settings_get_boolean (self->own_settings, "bar-pinned");
}

static gboolean
has_focus_within (LodgeConsoleWindow *self)
{
  return (gtk_widget_get_state_flags (GTK_WIDGET (self->hover_place)) & GTK_STATE_FLAG_FOCUS_WITHIN) != 0;
}

static void
set_hover_bar (LodgeConsoleWindow *self, gboolean shown)
{
  self->focus_comes = FALSE;
  if (shown)
    gtk_widget_set_visible (GTK_WIDGET (self->hover_place), TRUE);
  gtk_revealer_set_reveal_child (self->hover_place, shown);
}

/* What a revealer hides is still there for screen readers. */
static void
hover_revealed_cb (LodgeConsoleWindow *self)
{
  if (!gtk_revealer_get_reveal_child (self->hover_place) && !gtk_revealer_get_child_revealed (self->hover_place))
    gtk_widget_set_visible (GTK_WIDGET (self->hover_place), FALSE);
}

static void
update_bars (LodgeConsoleWindow *self)
{
  gboolean fullscreen = gtk_window_is_fullscreen (GTK_WINDOW (self));

  /* A bar that stays belongs above the picture, not on it. */
  gtk_widget_set_visible (self->bar_place, !fullscreen || is_pinned (self));
  g_object_set (self->bar, "fullscreen", fullscreen, NULL);
  set_hover_bar (self, fullscreen && !is_pinned (self) && has_focus_within (self));
  g_clear_handle_id (&self->edge_source, g_source_remove);
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
fullscreen_on_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  GListModel *monitors = gdk_display_get_monitors (gtk_widget_get_display (widget));
  g_autoptr (GdkMonitor) monitor = g_list_model_get_item (monitors, g_variant_get_uint32 (parameter));

  if (monitor != NULL)
    gtk_window_fullscreen_on_monitor (GTK_WINDOW (widget), monitor);
}

static gboolean
edge_cb (gpointer user_data)
{
  LodgeConsoleWindow *self = user_data;

  self->edge_source = 0;
  set_hover_bar (self, TRUE);
  return G_SOURCE_REMOVE;
}

static void
hide_hover_bar (LodgeConsoleWindow *self)
{
  /* Its menus and popovers have the focus within it. */
  if (!has_focus_within (self) && !self->focus_comes)
    set_hover_bar (self, FALSE);
}

static void
follow_pointer (LodgeConsoleWindow *self)
{
  if (!gtk_window_is_fullscreen (GTK_WINDOW (self)) || is_pinned (self))
    return;

  if (self->pointer_y <= EDGE_PX && self->edge_source == 0)
    self->edge_source = g_timeout_add (EDGE_MS, edge_cb, self);
  else if (self->pointer_y > EDGE_PX)
    g_clear_handle_id (&self->edge_source, g_source_remove);
  self->at_bar = self->pointer_y <= LEAVE_PX;
  if (!self->at_bar)
    hide_hover_bar (self);
}

static void
motion_cb (LodgeConsoleWindow *self, double x, double y)
{
  self->pointer_y = y;
  follow_pointer (self);
}

static void
leave_cb (LodgeConsoleWindow *self)
{
  self->pointer_y = G_MAXDOUBLE;
}

static void
fullscreened_cb (LodgeConsoleWindow *self)
{
  update_bars (self);
  if (gtk_window_is_fullscreen (GTK_WINDOW (self)))
    lodge_feedback_toast (GTK_WIDGET (self->page), _("Press F11 to leave fullscreen"));
  lodge_console_page_focus (self->page);
  /* A pointer may be at the edge before the window knows that it is fullscreen, and rest there. */
  follow_pointer (self);
}

static void
hover_focus_cb (LodgeConsoleWindow *self)
{
  if (!self->at_bar)
    hide_hover_bar (self);
}

/* What is not mapped takes no focus, and a bar that slides in is mapped with its first frame. */
static void
hover_mapped_cb (LodgeConsoleWindow *self)
{
  if (!self->focus_comes)
    return;
  gtk_widget_child_focus (GTK_WIDGET (self->hover_bar), GTK_DIR_TAB_FORWARD);
  self->focus_comes = FALSE;
}

static void
focus_bar_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (widget);
  gboolean hover = gtk_window_is_fullscreen (GTK_WINDOW (self)) && !is_pinned (self);
  gboolean focused;

  lodge_display_view_release_grab (lodge_console_page_get_view (self->page));
  if (hover)
    set_hover_bar (self, TRUE);
  gtk_window_set_focus_visible (GTK_WINDOW (self), TRUE);
  focused = gtk_widget_child_focus (hover ? GTK_WIDGET (self->hover_bar) : self->bar_place, GTK_DIR_TAB_FORWARD);
  self->focus_comes = hover && !focused;
}

static gboolean
refocus_cb (gpointer user_data)
{
  LodgeConsoleWindow *self = user_data;

  self->refocus_source = 0;
  if (gtk_window_get_focus (GTK_WINDOW (self)) == NULL)
    lodge_console_page_focus (self->page);
  return G_SOURCE_REMOVE;
}

/* A button that goes with its click, or the overlay that it was on, leaves no focus behind; keys belong to the guest
 * then. */
static void
focus_widget_cb (LodgeConsoleWindow *self)
{
  if (gtk_window_get_focus (GTK_WINDOW (self)) == NULL && self->refocus_source == 0)
    self->refocus_source = g_idle_add (refocus_cb, self);
}

/* The way back from the bar, with the grab: without it the desktop may keep Ctrl+Alt+Tab for itself, and who uses keys
 * alone could not leave the picture again. */
static gboolean
bar_key_cb (LodgeConsoleWindow *self, guint keyval, guint keycode, GdkModifierType state)
{
  if (keyval != GDK_KEY_Escape)
    return GDK_EVENT_PROPAGATE;
  lodge_display_view_grab (lodge_console_page_get_view (self->page));
  return GDK_EVENT_STOP;
}

/* The same for who came here by keys, once there is a screen to send them to; who came by the pointer is not surprised
 * by a grab. */
static void
active_cb (LodgeConsoleWindow *self)
{
  LodgeDisplayView *view = lodge_console_page_get_view (self->page);

  if (!self->by_keys || !gtk_window_is_active (GTK_WINDOW (self)) || lodge_display_view_get_console (view) == NULL)
    return;
  self->by_keys = FALSE;
  if (gtk_window_get_focus (GTK_WINDOW (self)) == GTK_WIDGET (view))
    lodge_display_view_grab (view);
}

static gboolean
fold_cb (gpointer user_data)
{
  LodgeConsoleWindow *self = user_data;

  self->fold_source = 0;
  lodge_console_bar_set_folded (self->bar, self->folded);
  lodge_console_bar_set_folded (self->hover_bar, self->folded);
  return G_SOURCE_REMOVE;
}

static void
lodge_console_window_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (widget);
  gboolean folded = width < FOLD_PX;

  GTK_WIDGET_CLASS (lodge_console_window_parent_class)->size_allocate (widget, width, height, baseline);
  /* Not now: what is being allocated cannot change its size. */
  if (folded != self->folded && self->item != NULL)
    {
      self->folded = folded;
      if (self->fold_source == 0)
        self->fold_source = g_idle_add (fold_cb, self);
    }
}

/* Screenshots */

static void
show_file_cb (GFile *file)
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
  g_autoptr (LodgeConsoleWindow) self = user_data;
  GError *error = NULL;
  g_autoptr (GFile) file = lodge_console_screenshot_save_finish (result, &error);
  AdwToast *toast;

  if (file == NULL)
    {
      lodge_feedback_error (GTK_WIDGET (self->page), _("The Screenshot Could Not Be Saved"), error, NULL);
      return;
    }
  toast = lodge_feedback_toast_button (GTK_WIDGET (self->page), _("Screenshot saved"), _("_Open"));
  g_signal_connect_data (toast, "button-clicked", G_CALLBACK (show_file_cb), g_steal_pointer (&file), unref_file,
                         G_CONNECT_SWAPPED);
}

static GdkTexture *
take_screenshot (LodgeConsoleWindow *self)
{
  GdkTexture *texture = lodge_display_view_screenshot (lodge_console_page_get_view (self->page));

  if (texture == NULL)
    lodge_feedback_toast (GTK_WIDGET (self->page), _("There is no picture yet"));
  return texture;
}

static void
screenshot_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (widget);
  g_autoptr (GdkTexture) texture = take_screenshot (self);

  if (texture != NULL)
    lodge_console_screenshot_save_async (texture, lodge_console_screenshot_folder (),
                                         lodge_machine_item_get_name (self->item), NULL, saved_cb,
                                         g_object_ref (self));
}

static void
copy_screenshot_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (widget);
  g_autoptr (GdkTexture) texture = take_screenshot (self);

  if (texture == NULL)
    return;
  gdk_clipboard_set_texture (gtk_widget_get_clipboard (widget), texture);
  lodge_feedback_toast (GTK_WIDGET (self->page), _("Screenshot copied"));
}

/* The drive, the disk */

static void
insert_medium_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (widget);

  lodge_console_medium_choose (GTK_WIDGET (self->page), self->item);
}

static void
eject_medium_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (widget);

  lodge_console_medium_eject (GTK_WIDGET (self->page), self->item);
}

static void
free_space_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (widget);

  lodge_console_space_present (GTK_WINDOW (self), self->library, self->item);
}

static void
keep_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (widget);

  lodge_console_disposable_ask (GTK_WINDOW (self), self->library, self->item, FALSE);
}

/* The window */

static gboolean
lodge_console_window_close_request (GtkWindow *window)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (window);

  if (lodge_console_disposable_asks (self->item))
    {
      /* Keys that are the guest's do not reach the question. */
      lodge_display_view_release_grab (lodge_console_page_get_view (self->page));
      lodge_console_disposable_ask (window, self->library, self->item, TRUE);
      return GDK_EVENT_STOP;
    }
  lodge_console_page_close (self->page);
  return GTK_WINDOW_CLASS (lodge_console_window_parent_class)->close_request (window);
}

static void
lodge_console_window_dispose (GObject *object)
{
  LodgeConsoleWindow *self = LODGE_CONSOLE_WINDOW (object);

  g_clear_handle_id (&self->edge_source, g_source_remove);
  g_clear_handle_id (&self->fold_source, g_source_remove);
  g_clear_handle_id (&self->refocus_source, g_source_remove);
  if (self->library != NULL)
    g_signal_handlers_disconnect_by_data (lodge_library_get_machines (self->library), self);
  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);
  if (self->settings != NULL)
    g_signal_handlers_disconnect_by_data (self->settings, self);
  if (self->own_settings != NULL)
    g_signal_handlers_disconnect_by_data (self->own_settings, self);
  if (self->actions != NULL)
    lodge_machine_actions_drop (self->actions);
  g_clear_object (&self->actions);
  g_clear_object (&self->item);
  g_clear_object (&self->library);
  g_clear_object (&self->settings);
  g_clear_object (&self->own_settings);

  G_OBJECT_CLASS (lodge_console_window_parent_class)->dispose (object);
}

static void
lodge_console_window_class_init (LodgeConsoleWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_console_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = lodge_console_window_close_request;
  widget_class->size_allocate = lodge_console_window_size_allocate;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-console-window.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, page);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, bar_place);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, bar);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, disposable);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, hover_place);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleWindow, hover_bar);
  gtk_widget_class_bind_template_callback (widget_class, grab_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, sound_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, fullscreened_cb);
  gtk_widget_class_bind_template_callback (widget_class, leave_cb);
  gtk_widget_class_bind_template_callback (widget_class, motion_cb);
  gtk_widget_class_bind_template_callback (widget_class, hover_mapped_cb);
  gtk_widget_class_bind_template_callback (widget_class, hover_focus_cb);
  gtk_widget_class_bind_template_callback (widget_class, hover_revealed_cb);
  gtk_widget_class_bind_template_callback (widget_class, bar_key_cb);

  gtk_widget_class_install_action (widget_class, "win.fullscreen", NULL, fullscreen_action);
  gtk_widget_class_install_action (widget_class, "win.fullscreen-on", "u", fullscreen_on_action);
  gtk_widget_class_install_action (widget_class, "win.grab", NULL, grab_action);
  gtk_widget_class_install_action (widget_class, "win.release", NULL, release_action);
  gtk_widget_class_install_action (widget_class, "win.screenshot", NULL, screenshot_action);
  gtk_widget_class_install_action (widget_class, "win.copy-screenshot", NULL, copy_screenshot_action);
  gtk_widget_class_install_action (widget_class, "win.focus-bar", NULL, focus_bar_action);
  gtk_widget_class_install_action (widget_class, "win.insert-medium", NULL, insert_medium_action);
  gtk_widget_class_install_action (widget_class, "win.eject-medium", NULL, eject_medium_action);
  gtk_widget_class_install_action (widget_class, "win.free-space", NULL, free_space_action);
  gtk_widget_class_install_action (widget_class, "win.keep", NULL, keep_action);
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
  g_type_ensure (LODGE_TYPE_CONSOLE_BAR);
  gtk_widget_init_template (GTK_WIDGET (self));
  self->pointer_y = G_MAXDOUBLE;
  setup_shortcuts (self);
  g_signal_connect (self, "notify::focus-widget", G_CALLBACK (focus_widget_cb), NULL);
  g_signal_connect (self, "notify::is-active", G_CALLBACK (active_cb), NULL);
}

static void
setup_settings (LodgeConsoleWindow *self, GSettings *settings)
{
  g_autofree char *path = g_strdup_printf ("/org/lodgevm/Lodge/consoles/%s/", lodge_machine_item_get_id (self->item));
  g_autoptr (GSimpleActionGroup) group = g_simple_action_group_new ();
  LodgeDisplayView *view = lodge_console_page_get_view (self->page);
  static const char *const own[] = { "scaling", "resize-guest", "bar-pinned", "sound-muted" };
  g_autoptr (GAction) release = NULL;

  self->settings = g_object_ref (settings);
  self->own_settings = g_settings_new_with_path (LODGE_APP_ID ".Console", path);

  release = g_settings_create_action (settings, "release-keys");
  g_action_map_add_action (G_ACTION_MAP (group), release);
  for (guint i = 0; i < G_N_ELEMENTS (own); i++)
    {
      g_autoptr (GAction) action = g_settings_create_action (self->own_settings, own[i]);

      g_action_map_add_action (G_ACTION_MAP (group), action);
    }
  gtk_widget_insert_action_group (GTK_WIDGET (self), "view", G_ACTION_GROUP (group));

  g_settings_bind (settings, "release-keys", view, "release-keys", G_SETTINGS_BIND_GET);
  g_settings_bind (self->own_settings, "scaling", view, "scaling", G_SETTINGS_BIND_GET);
  g_settings_bind (self->own_settings, "resize-guest", view, "resize-guest", G_SETTINGS_BIND_GET);
  g_settings_bind (self->own_settings, "window-width", self, "default-width", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (self->own_settings, "window-height", self, "default-height", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (self->own_settings, "window-maximized", self, "maximized", G_SETTINGS_BIND_DEFAULT);
  g_signal_connect_swapped (settings, "changed::release-keys", G_CALLBACK (update_grab), self);
  g_signal_connect_swapped (self->own_settings, "changed::bar-pinned", G_CALLBACK (update_bars), self);
  g_signal_connect_swapped (self->own_settings, "changed::sound-muted", G_CALLBACK (volume_changed_cb), self);
  g_signal_connect_swapped (self->own_settings, "changed::sound-volume", G_CALLBACK (volume_changed_cb), self);
  g_signal_connect_object (view, "notify::console", G_CALLBACK (active_cb), self, G_CONNECT_SWAPPED);
  update_grab (self);
}

LodgeConsoleWindow *
lodge_console_window_new (AdwApplication *application, LodgeLibrary *library, LodgeMachineItem *item,
                          GSettings *settings, gboolean by_keys)
{
  LodgeConsoleWindow *self = g_object_new (LODGE_TYPE_CONSOLE_WINDOW, "application", application, NULL);

  self->by_keys = by_keys;
  self->library = g_object_ref (library);
  self->item = g_object_ref (item);
  lodge_machine_item_load (item);
  self->actions = lodge_machine_actions_new (library, item, GTK_WIDGET (self));
  setup_settings (self, settings);
  lodge_console_bar_set_item (self->bar, item);
  lodge_console_bar_set_item (self->hover_bar, item);
  lodge_console_bar_set_settings (self->bar, self->own_settings);
  lodge_console_bar_set_settings (self->hover_bar, self->own_settings);
  volume_changed_cb (self);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  g_signal_connect_swapped (lodge_library_get_machines (library), "items-changed", G_CALLBACK (machines_changed_cb),
                            self);
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
