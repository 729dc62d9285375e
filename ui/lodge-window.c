/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-window.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "ui/lodge-backup-window.h"
#include "ui/lodge-demo.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-machine-pane.h"
#include "ui/lodge-new-dialog.h"
#include "ui/lodge-pane.h"
#include "ui/lodge-settings-window.h"
#include "ui/lodge-sidebar.h"
#include "ui/lodge-status-view.h"
#include "ui/lodge-thumbnailer.h"
#include "ui/lodge-trash-window.h"
#include "ui/lodge-undo.h"

#define REMEMBER_MS 500u

struct _LodgeWindow
{
  AdwApplicationWindow parent_instance;

  LodgeLibrary *library;         /* (owned) */
  GSettings *settings;           /* (owned) */
  LodgeThumbnailer *thumbnailer; /* (owned) */
  char *awaited;                 /* (owned) (nullable) object path to be shown once it appears */
  gboolean awaited_console;
  gboolean awaited_start;
  gboolean awaited_by_keys;
  gboolean complete;             /* the machines have been read once */
  guint remember_source;         /* the selected machine will be remembered */

  GMenuModel *menu;
  GtkOverlay *overlay;
  LodgeStatusView *status;
  AdwLeaflet *leaflet;
  LodgeSidebar *sidebar;
  LodgeMachineList *list;        /* of the sidebar */
  LodgeMachinePane *pane;
  LodgeMachinePage *page;        /* of the pane */
  GtkWidget *drop_hint;          /* (nullable) until something is dragged over the window */
};

static guint open_console_signal;

G_DEFINE_FINAL_TYPE (LodgeWindow, lodge_window, ADW_TYPE_APPLICATION_WINDOW)

static LodgeMachineItem *
get_selected (LodgeWindow *self)
{
  return lodge_machine_list_get_selected (self->list);
}

static void
update_actions (LodgeWindow *self)
{
  LodgeMachineItem *item = get_selected (self);
  gboolean ready = lodge_library_get_status (self->library) == LODGE_LIBRARY_READY;
  gboolean whole = item != NULL && lodge_machine_item_get_state (item) != LODGE_MACHINE_BROKEN;

  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.rename", ready && whole);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.settings", ready && whole);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.console", whole);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.snapshots",
                                 whole && lodge_library_has_feature (self->library, "snapshots"));
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.family", whole);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.backups",
                                 whole && lodge_library_has_feature (self->library, "backup"));
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.restore-backup",
                                 ready && lodge_library_has_feature (self->library, "backup"));
  /* Deleting a running machine stays possible to ask for, and is answered with the reason. */
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.delete", ready && item != NULL);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.new", ready);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.trash", ready);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.try",
                                 ready && lodge_library_has_feature (self->library, "demo"));
}

static void
update_page (LodgeWindow *self)
{
  LodgeMachineItem *item = get_selected (self);

  lodge_machine_pane_set_item (self->pane, item);
  /* For the menu of the list. */
  gtk_widget_insert_action_group (GTK_WIDGET (self->list), "machine", lodge_machine_page_get_actions (self->page));
  lodge_thumbnailer_set_favourite (self->thumbnailer, item);
  update_actions (self);
}

static gboolean
remember_cb (gpointer user_data)
{
  LodgeWindow *self = user_data;
  LodgeMachineItem *item = get_selected (self);

  self->remember_source = 0;
  if (item != NULL)
    g_settings_set_string (self->settings, "selected-machine", lodge_machine_item_get_id (item));
  return G_SOURCE_REMOVE;
}

/* Each letter of a search selects another one, and each is a file to be written. */
static void
remember_later (LodgeWindow *self)
{
  g_clear_handle_id (&self->remember_source, g_source_remove);
  self->remember_source = g_timeout_add (REMEMBER_MS, remember_cb, self);
}

static void
selected_cb (LodgeWindow *self)
{
  LodgeMachineItem *item = get_selected (self);

  update_page (self);
  if (item == NULL && adw_leaflet_get_folded (self->leaflet))
    adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
  /* While the machines arrive, whichever comes first is selected; that says nothing about the person. */
  if (item != NULL && self->complete)
    remember_later (self);
}

/* The machine that was looked at last; else the first, not whichever came first. */
static void
restore_selection (LodgeWindow *self)
{
  GListModel *machines = lodge_library_get_machines (self->library);
  g_autofree char *id = g_settings_get_string (self->settings, "selected-machine");
  guint n = *id != '\0' ? g_list_model_get_n_items (machines) : 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i);

      if (g_str_equal (lodge_machine_item_get_id (item), id))
        {
          lodge_machine_list_select (self->list, item);
          return;
        }
    }
  lodge_machine_list_select (self->list, NULL);
}

static void
library_changed_cb (LodgeWindow *self)
{
  gboolean complete = self->complete;

  if (!complete && lodge_library_get_status (self->library) == LODGE_LIBRARY_READY)
    {
      restore_selection (self);
      complete = TRUE;
    }
  lodge_sidebar_update (self->sidebar);
  /* What was waited for comes at once; what follows something is seen to follow it. */
  lodge_status_view_update (self->status, self->complete);
  self->complete = complete;
  update_actions (self);
}

static void
hide_hint_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  lodge_sidebar_hide_hint (LODGE_WINDOW (widget)->sidebar);
}

static void
show_awaited (LodgeWindow *self)
{
  LodgeMachineItem *item = self->awaited != NULL ? lodge_library_find (self->library, self->awaited) : NULL;

  if (item == NULL)
    return;

  g_clear_pointer (&self->awaited, g_free);
  /* Somebody who looks into a throw-away copy comes back to where they were. */
  if (!lodge_machine_item_is_disposable (item))
    lodge_window_show_item (self, item);
  if (self->awaited_start)
    gtk_widget_activate_action (GTK_WIDGET (self->page), "machine.start", NULL);
  /* The toolkit forgets after some seconds that keys were used. */
  gtk_window_set_focus_visible (GTK_WINDOW (self), self->awaited_by_keys);
  if (self->awaited_console)
    g_signal_emit (self, open_console_signal, 0, item);
}

static void
machines_changed_cb (LodgeWindow *self)
{
  lodge_status_view_update (self->status, self->complete);
  update_page (self);
  show_awaited (self);
}

/* The machine was just made: show it as soon as its object is here. */
static void
await_machine (LodgeWindow *self, const char *object_path, gboolean start, gboolean console)
{
  g_free (self->awaited);
  self->awaited = g_strdup (object_path);
  self->awaited_start = start;
  self->awaited_console = console;
  self->awaited_by_keys = gtk_window_get_focus_visible (GTK_WINDOW (self));
  show_awaited (self);
}

static void
opened_cb (LodgeWindow *self)
{
  if (adw_leaflet_get_folded (self->leaflet))
    adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_FORWARD);
  else
    gtk_widget_activate_action (GTK_WIDGET (self), "win.console", NULL);
}

static void
pressed_cb (LodgeWindow *self)
{
  /* Folded, one click opens, as in a list on a telephone. */
  if (adw_leaflet_get_folded (self->leaflet))
    adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_FORWARD);
}

static void
show_console_cb (LodgeWindow *self)
{
  LodgeMachineItem *item = get_selected (self);

  if (item != NULL)
    g_signal_emit (self, open_console_signal, 0, item);
}

static void
show_settings_cb (LodgeWindow *self, const char *page)
{
  LodgeMachineItem *item = get_selected (self);
  GtkWidget *window;

  if (item == NULL)
    return;

  window = lodge_settings_window_new (self->library, item, page);
  gtk_window_set_transient_for (GTK_WINDOW (window), GTK_WINDOW (self));
  gtk_window_present (GTK_WINDOW (window));
}

static void
created_cb (LodgeWindow *self, const char *object_path, gboolean start)
{
  await_machine (self, object_path, start, start);
}

static void
back_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeWindow *self = LODGE_WINDOW (widget);

  if (!lodge_machine_pane_go_back (self->pane))
    adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
}

/* The pages over the machine's own have the names of these actions. */
static void
sub_page_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeWindow *self = LODGE_WINDOW (widget);

  if (get_selected (self) == NULL)
    return;
  lodge_machine_pane_show (self->pane, name + strlen ("win."));
  adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_FORWARD);
  lodge_machine_pane_focus (self->pane);
}

/* The folder; "" to ask for it. */
static void
restore_backup_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeWindow *self = LODGE_WINDOW (widget);
  const char *path = g_variant_get_string (parameter, NULL);

  if (*path == '\0')
    lodge_backup_window_choose (GTK_WINDOW (self), self->library);
  else
    gtk_window_present (GTK_WINDOW (lodge_backup_window_new (GTK_WINDOW (self), self->library, path)));
}

/* Object path of a machine that is there or comes; whether its console is opened, too. */
static void
await_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  const char *path;
  gboolean console;

  g_variant_get (parameter, "(&sb)", &path, &console);
  await_machine (LODGE_WINDOW (widget), path, FALSE, console);
}

static void
from_template_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeWindow *self = LODGE_WINDOW (widget);

  adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
  lodge_sidebar_show_templates (self->sidebar);
}

static void
clone_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  gtk_widget_activate_action (GTK_WIDGET (LODGE_WINDOW (widget)->page), "machine.clone", NULL);
}

static void
snapshot_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  gtk_widget_activate_action (GTK_WIDGET (LODGE_WINDOW (widget)->page), "machine.snapshot", NULL);
}

static void
new_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  lodge_window_new_machine (LODGE_WINDOW (widget), NULL);
}

static void
try_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  lodge_window_try_lodge (LODGE_WINDOW (widget));
}

static void
search_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeWindow *self = LODGE_WINDOW (widget);

  adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
  lodge_machine_list_search (self->list, NULL);
}

static void
rename_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeWindow *self = LODGE_WINDOW (widget);

  if (adw_leaflet_get_folded (self->leaflet) &&
      g_str_equal (adw_leaflet_get_visible_child_name (self->leaflet), "page"))
    lodge_machine_page_rename (self->page);
  else
    lodge_machine_list_rename (self->list);
}

static void
menu_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  lodge_machine_list_show_menu (LODGE_WINDOW (widget)->list);
}

static void
settings_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  show_settings_cb (LODGE_WINDOW (widget), "system");
}

static void
trash_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  GtkWidget *window = lodge_trash_window_new (LODGE_WINDOW (widget)->library);

  gtk_window_set_transient_for (GTK_WINDOW (window), GTK_WINDOW (widget));
  gtk_window_present (GTK_WINDOW (window));
}

static void
console_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  show_console_cb (LODGE_WINDOW (widget));
}

static void
delete_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeWindow *self = LODGE_WINDOW (widget);
  LodgeMachineItem *item = get_selected (self);
  LodgeMachineState state;
  g_autofree char *text = NULL;

  if (item == NULL)
    return;

  state = lodge_machine_item_get_state (item);
  if (state == LODGE_MACHINE_OFF || state == LODGE_MACHINE_BROKEN || state == LODGE_MACHINE_SAVED)
    {
      gtk_widget_activate_action (GTK_WIDGET (self->page), "machine.delete", NULL);
      return;
    }
  text = g_strdup_printf (_("“%s” is running. Shut it down before deleting it."), lodge_machine_item_get_name (item));
  lodge_feedback_toast (GTK_WIDGET (self->leaflet), text);
}

static void
hide_drop_hint (LodgeWindow *self)
{
  if (self->drop_hint != NULL)
    gtk_widget_set_visible (self->drop_hint, FALSE);
}

static gboolean
drop_cb (LodgeWindow *self, const GValue *value)
{
  GSList *files = g_value_get_boxed (value);

  hide_drop_hint (self);
  if (files == NULL)
    return FALSE;
  lodge_window_new_machine (self, files->data);
  gtk_widget_activate_action (GTK_WIDGET (self), "win.hide-hint", NULL);
  return TRUE;
}

static GdkDragAction
drop_enter_cb (LodgeWindow *self)
{
  if (self->drop_hint == NULL)
    {
      self->drop_hint = g_object_new (ADW_TYPE_STATUS_PAGE, "can-target", FALSE, "icon-name", "document-open-symbolic",
                                      "title", _("Drop an Image to Make a Machine"), NULL);
      gtk_widget_add_css_class (self->drop_hint, "drop-hint");
      gtk_overlay_add_overlay (self->overlay, self->drop_hint);
    }
  gtk_widget_set_visible (self->drop_hint, TRUE);
  return GDK_ACTION_COPY;
}

static void
setup_drop_target (LodgeWindow *self)
{
  GtkDropTarget *target = gtk_drop_target_new (GDK_TYPE_FILE_LIST, GDK_ACTION_COPY);

  g_signal_connect_swapped (target, "drop", G_CALLBACK (drop_cb), self);
  g_signal_connect_swapped (target, "enter", G_CALLBACK (drop_enter_cb), self);
  g_signal_connect_swapped (target, "leave", G_CALLBACK (hide_drop_hint), self);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (target));
}

static void
setup_parts (LodgeWindow *self)
{
  GListModel *machines = lodge_library_get_machines (self->library);

  lodge_status_view_setup (self->status, self->library, self->menu);
  lodge_sidebar_setup (self->sidebar, self->library, self->settings, self->menu);
  lodge_machine_pane_setup (self->pane, self->library);
  lodge_machine_list_setup (self->list, self->library, GTK_WIDGET (self), lodge_machine_page_get_menu (self->page));
  g_signal_connect_object (machines, "items-changed", G_CALLBACK (machines_changed_cb), self,
                           G_CONNECT_SWAPPED | G_CONNECT_AFTER);
}

static void
lodge_window_dispose (GObject *object)
{
  LodgeWindow *self = LODGE_WINDOW (object);

  if (self->remember_source != 0)
    {
      g_clear_handle_id (&self->remember_source, g_source_remove);
      remember_cb (self);
    }
  g_clear_object (&self->thumbnailer);
  g_clear_object (&self->library);
  g_clear_object (&self->settings);
  g_clear_pointer (&self->awaited, g_free);

  G_OBJECT_CLASS (lodge_window_parent_class)->dispose (object);
}

static void
install_actions (GtkWidgetClass *widget_class)
{
  gtk_widget_class_install_action (widget_class, "win.new", NULL, new_action);
  gtk_widget_class_install_action (widget_class, "win.hide-hint", NULL, hide_hint_action);
  gtk_widget_class_install_action (widget_class, "win.try", NULL, try_action);
  gtk_widget_class_install_action (widget_class, "win.search", NULL, search_action);
  gtk_widget_class_install_action (widget_class, "win.rename", NULL, rename_action);
  gtk_widget_class_install_action (widget_class, "win.menu", NULL, menu_action);
  gtk_widget_class_install_action (widget_class, "win.settings", NULL, settings_action);
  gtk_widget_class_install_action (widget_class, "win.console", NULL, console_action);
  gtk_widget_class_install_action (widget_class, "win.back", NULL, back_action);
  gtk_widget_class_install_action (widget_class, "win.snapshots", NULL, sub_page_action);
  gtk_widget_class_install_action (widget_class, "win.snapshot", NULL, snapshot_action);
  gtk_widget_class_install_action (widget_class, "win.family", NULL, sub_page_action);
  gtk_widget_class_install_action (widget_class, "win.restore-backup", "s", restore_backup_action);
  gtk_widget_class_install_action (widget_class, "win.backups", NULL, sub_page_action);
  gtk_widget_class_install_action (widget_class, "win.await", "(sb)", await_action);
  gtk_widget_class_install_action (widget_class, "win.new-from-template", NULL, from_template_action);
  gtk_widget_class_install_action (widget_class, "win.clone", NULL, clone_action);
  gtk_widget_class_install_action (widget_class, "win.delete", NULL, delete_action);
  gtk_widget_class_install_action (widget_class, "win.trash", NULL, trash_action);
}

/* Not the application's accelerators: those come before the focused widget, so Delete would not reach an entry, and
 * Ctrl+W not the guest of a console. */
static void
install_shortcuts (GtkWidgetClass *widget_class)
{
  static const struct
  {
    guint key;
    GdkModifierType modifiers;
    const char *action;
  } shortcuts[] = {
    { GDK_KEY_n, GDK_CONTROL_MASK, "win.new" },
    { GDK_KEY_n, GDK_CONTROL_MASK | GDK_SHIFT_MASK, "win.new-from-template" },
    { GDK_KEY_d, GDK_CONTROL_MASK, "win.clone" },
    { GDK_KEY_f, GDK_CONTROL_MASK, "win.search" },
    { GDK_KEY_F2, 0, "win.rename" },
    { GDK_KEY_F10, GDK_SHIFT_MASK, "win.menu" },
    { GDK_KEY_Menu, 0, "win.menu" },
    { GDK_KEY_comma, GDK_CONTROL_MASK, "win.settings" },
    { GDK_KEY_s, GDK_CONTROL_MASK | GDK_SHIFT_MASK, "win.snapshot" },
    { GDK_KEY_Delete, 0, "win.delete" },
    { GDK_KEY_z, GDK_CONTROL_MASK, "win.undo" },
    { GDK_KEY_w, GDK_CONTROL_MASK, "window.close" },
    { GDK_KEY_q, GDK_CONTROL_MASK, "app.quit" },
    { GDK_KEY_question, GDK_CONTROL_MASK | GDK_SHIFT_MASK, "app.shortcuts" }, /* a menu tells the last one */
    { GDK_KEY_question, GDK_CONTROL_MASK, "app.shortcuts" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (shortcuts); i++)
    gtk_widget_class_add_binding_action (widget_class, shortcuts[i].key, shortcuts[i].modifiers, shortcuts[i].action,
                                         NULL);
}

static void
lodge_window_class_init (LodgeWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_window_dispose;

  open_console_signal = g_signal_new ("open-console", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                      NULL, G_TYPE_NONE, 1, LODGE_TYPE_MACHINE_ITEM);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-window.ui");
  gtk_widget_class_bind_template_child_full (widget_class, "primary_menu", FALSE, G_STRUCT_OFFSET (LodgeWindow, menu));
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, overlay);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, status);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, leaflet);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, sidebar);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, pane);
  install_actions (widget_class);
  install_shortcuts (widget_class);
}

static void
lodge_window_init (LodgeWindow *self)
{
  g_type_ensure (LODGE_TYPE_MACHINE_PANE);
  g_type_ensure (LODGE_TYPE_PANE);
  g_type_ensure (LODGE_TYPE_SIDEBAR);
  g_type_ensure (LODGE_TYPE_STATUS_VIEW);
  gtk_widget_init_template (GTK_WIDGET (self));
  self->list = lodge_sidebar_get_list (self->sidebar);
  self->page = lodge_machine_pane_get_page (self->pane);
  g_signal_connect_object (self->list, "selected", G_CALLBACK (selected_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->list, "opened", G_CALLBACK (opened_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->list, "pressed", G_CALLBACK (pressed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->page, "show-console", G_CALLBACK (show_console_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->page, "show-settings", G_CALLBACK (show_settings_cb), self, G_CONNECT_SWAPPED);
  setup_drop_target (self);
}

LodgeWindow *
lodge_window_new (AdwApplication *application, LodgeLibrary *library, GSettings *settings)
{
  LodgeWindow *self = g_object_new (LODGE_TYPE_WINDOW, "application", application, NULL);
  g_autoptr (LodgeUndo) undo = lodge_undo_new ();

  self->library = g_object_ref (library);
  self->settings = g_object_ref (settings);
  lodge_undo_attach (undo, GTK_APPLICATION_WINDOW (self));
  self->thumbnailer = lodge_thumbnailer_new (library, GTK_WIDGET (self), self->list);
  setup_parts (self);
  g_signal_connect_object (library, "changed", G_CALLBACK (library_changed_cb), self, G_CONNECT_SWAPPED);

  g_settings_bind (settings, "window-width", self, "default-width", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (settings, "window-height", self, "default-height", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (settings, "window-maximized", self, "maximized", G_SETTINGS_BIND_DEFAULT);

  library_changed_cb (self);
  machines_changed_cb (self);
  return self;
}

void
lodge_window_show_item (LodgeWindow *self, LodgeMachineItem *item)
{
  lodge_machine_list_select (self->list, item);
  adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_FORWARD);
}

void
lodge_window_new_machine (LodgeWindow *self, GFile *file)
{
  LodgeNewDialog *dialog = lodge_new_dialog_new (self->library, self->settings);

  g_signal_connect_object (dialog, "created", G_CALLBACK (created_cb), self, G_CONNECT_SWAPPED);
  gtk_window_set_transient_for (GTK_WINDOW (dialog), GTK_WINDOW (self));
  lodge_new_dialog_present (dialog, file);
}

static void
demo_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeWindow) self = user_data;
  g_autofree char *object_path = NULL;
  GError *error = NULL;

  object_path = lodge_demo_create_finish (result, &error);
  if (object_path == NULL)
    lodge_feedback_error (GTK_WIDGET (self->leaflet), _("The Demo Machine Could Not Be Made"), error, NULL);
  else
    await_machine (self, object_path, FALSE, TRUE);
}

void
lodge_window_try_lodge (LodgeWindow *self)
{
  LodgeIpcCore *core = lodge_library_get_core (self->library);

  if (core != NULL)
    lodge_demo_create_async (self->library, demo_cb, g_object_ref (self));
}

void
lodge_window_toast (LodgeWindow *self, const char *text)
{
  lodge_feedback_toast (GTK_WIDGET (self->leaflet), text);
}

void
lodge_window_search (LodgeWindow *self, const char *text)
{
  adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
  lodge_machine_list_search (self->list, text);
}
