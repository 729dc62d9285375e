/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-window.h"

#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error-text.h"
#include "ui/lodge-demo.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-machine-page.h"
#include "ui/lodge-machine-row.h"
#include "ui/lodge-new-dialog.h"
#include "ui/lodge-settings-window.h"
#include "ui/lodge-thumbnailer.h"

struct _LodgeWindow
{
  AdwApplicationWindow parent_instance;

  LodgeLibrary *library;         /* (owned) */
  GSettings *settings;           /* (owned) */
  LodgeThumbnailer *thumbnailer; /* (owned) */
  GtkFilter *filter;             /* (owned) */
  GtkSingleSelection *selection; /* (owned) */
  char *awaited;                 /* (owned) (nullable) object path to be shown once it appears */
  gboolean awaited_console;
  gboolean complete;             /* the machines have been read once */

  AdwLeaflet *leaflet;
  GtkStack *stack;
  GtkStack *list_stack;
  GtkListView *list;
  GtkSearchBar *search_bar;
  GtkSearchEntry *search_entry;
  GtkInfoBar *core_bar;
  GtkLabel *core_bar_text;
  AdwWindowTitle *page_title;
  GtkStack *page_stack;
  LodgeMachinePage *page;
  AdwStatusPage *welcome;
  GtkWidget *welcome_try;
  AdwStatusPage *trouble;
  GtkWidget *drop_hint;
};

static guint open_console_signal;

G_DEFINE_FINAL_TYPE (LodgeWindow, lodge_window, ADW_TYPE_APPLICATION_WINDOW)

static LodgeMachineItem *
get_selected (LodgeWindow *self)
{
  return gtk_single_selection_get_selected_item (self->selection);
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
  /* Deleting a running machine stays possible to ask for, and is answered with the reason. */
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.delete", ready && item != NULL);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.new", ready);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.try",
                                 ready && lodge_library_has_feature (self->library, "demo"));
}

static void
update_page (LodgeWindow *self)
{
  LodgeMachineItem *item = get_selected (self);

  lodge_machine_page_set_item (self->page, self->library, item);
  lodge_thumbnailer_set_favourite (self->thumbnailer, item);
  adw_window_title_set_title (self->page_title, item != NULL ? lodge_machine_item_get_name (item) : "");
  gtk_stack_set_visible_child_name (self->page_stack, item != NULL ? "machine" : "none");
  update_actions (self);
}

static void
selected_changed_cb (LodgeWindow *self)
{
  update_page (self);
}

static void
update_list_stack (LodgeWindow *self)
{
  guint shown = g_list_model_get_n_items (G_LIST_MODEL (self->selection));

  gtk_stack_set_visible_child_name (self->list_stack, shown > 0 ? "list" : "nothing-found");
}

static void
update_core_bar (LodgeWindow *self)
{
  LodgeLibraryStatus status = lodge_library_get_status (self->library);

  if (status == LODGE_LIBRARY_CORE_GONE)
    gtk_label_set_label (self->core_bar_text, _("Reconnecting; your machines keep running"));
  else if (status == LODGE_LIBRARY_WRONG_VERSION)
    gtk_label_set_label (self->core_bar_text, _("Lodge was updated. Close this window and open it again."));
  gtk_info_bar_set_revealed (self->core_bar,
                             status == LODGE_LIBRARY_CORE_GONE || status == LODGE_LIBRARY_WRONG_VERSION);
}

static void
show_trouble (LodgeWindow *self)
{
  const GError *error = lodge_library_get_error (self->library);
  g_autofree char *sentence = NULL;
  g_autofree char *escaped = NULL;

  if (error != NULL)
    {
      g_autoptr (GError) copy = g_error_copy (error);

      lodge_error_normalize (copy);
      sentence = lodge_error_text (copy, NULL);
    }
  else
    sentence = g_strdup (_("Lodge’s core ended. It is being started again."));
  escaped = g_markup_escape_text (sentence, -1);
  adw_status_page_set_description (self->trouble, escaped);
  gtk_stack_set_visible_child_name (self->stack, "trouble");
}

static void
update_stack (LodgeWindow *self)
{
  LodgeLibraryStatus status = lodge_library_get_status (self->library);
  gboolean any = g_list_model_get_n_items (lodge_library_get_machines (self->library)) > 0;

  gtk_widget_set_visible (self->welcome_try, lodge_library_has_feature (self->library, "demo"));
  if (any)
    gtk_stack_set_visible_child_name (self->stack, "library");
  else if (status == LODGE_LIBRARY_READY)
    gtk_stack_set_visible_child_name (self->stack, "welcome");
  else if (status == LODGE_LIBRARY_CONNECTING)
    gtk_stack_set_visible_child_name (self->stack, "connecting");
  else
    show_trouble (self);
}

static void
library_changed_cb (LodgeWindow *self)
{
  if (!self->complete && lodge_library_get_status (self->library) == LODGE_LIBRARY_READY)
    {
      /* The selection stayed with whichever machine came first. */
      self->complete = TRUE;
      gtk_single_selection_set_selected (self->selection, 0);
    }
  update_core_bar (self);
  update_stack (self);
  update_actions (self);
}

static void
show_awaited (LodgeWindow *self)
{
  LodgeMachineItem *item = self->awaited != NULL ? lodge_library_find (self->library, self->awaited) : NULL;

  if (item == NULL)
    return;

  g_clear_pointer (&self->awaited, g_free);
  lodge_window_show_item (self, item);
  if (self->awaited_console)
    g_signal_emit (self, open_console_signal, 0, item);
}

static void
machines_changed_cb (LodgeWindow *self)
{
  update_stack (self);
  update_list_stack (self);
  update_page (self);
  show_awaited (self);
}

/* The machine was just made: show it as soon as its object is here. */
static void
await_machine (LodgeWindow *self, const char *object_path, gboolean console)
{
  g_free (self->awaited);
  self->awaited = g_strdup (object_path);
  self->awaited_console = console;
  show_awaited (self);
}

static void
row_setup_cb (GtkSignalListItemFactory *factory, GtkListItem *list_item)
{
  gtk_list_item_set_child (list_item, lodge_machine_row_new ());
}

static void
row_bind_cb (GtkSignalListItemFactory *factory, GtkListItem *list_item)
{
  lodge_machine_row_set_item (LODGE_MACHINE_ROW (gtk_list_item_get_child (list_item)),
                              gtk_list_item_get_item (list_item));
}

static void
row_unbind_cb (GtkSignalListItemFactory *factory, GtkListItem *list_item)
{
  lodge_machine_row_set_item (LODGE_MACHINE_ROW (gtk_list_item_get_child (list_item)), NULL);
}

static void
row_activated_cb (LodgeWindow *self, guint position)
{
  gtk_single_selection_set_selected (self->selection, position);
  if (adw_leaflet_get_folded (self->leaflet))
    adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_FORWARD);
  else
    gtk_widget_activate_action (GTK_WIDGET (self), "win.console", NULL);
}

static void
list_clicked_cb (LodgeWindow *self)
{
  /* Folded, one click opens, as in a list on a telephone. */
  if (adw_leaflet_get_folded (self->leaflet))
    adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_FORWARD);
}

static void
search_changed_cb (LodgeWindow *self)
{
  gtk_string_filter_set_search (GTK_STRING_FILTER (self->filter),
                                gtk_editable_get_text (GTK_EDITABLE (self->search_entry)));
  update_list_stack (self);
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
created_cb (LodgeWindow *self, const char *object_path)
{
  await_machine (self, object_path, FALSE);
}

static void
back_cb (LodgeWindow *self)
{
  adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
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
  gtk_search_bar_set_search_mode (self->search_bar, TRUE);
  gtk_widget_grab_focus (GTK_WIDGET (self->search_entry));
}

static void
rename_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeWindow *self = LODGE_WINDOW (widget);

  adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_FORWARD);
  lodge_machine_page_rename (self->page);
}

static void
settings_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  show_settings_cb (LODGE_WINDOW (widget), "system");
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
  if (state == LODGE_MACHINE_OFF || state == LODGE_MACHINE_BROKEN)
    {
      gtk_widget_activate_action (GTK_WIDGET (self->page), "machine.delete", NULL);
      return;
    }
  text = g_strdup_printf (_("“%s” is running. Shut it down before deleting it."), lodge_machine_item_get_name (item));
  lodge_feedback_toast (GTK_WIDGET (self->leaflet), text);
}

static gboolean
drop_cb (LodgeWindow *self, const GValue *value)
{
  GSList *files = g_value_get_boxed (value);

  gtk_widget_set_visible (self->drop_hint, FALSE);
  if (files == NULL)
    return FALSE;
  lodge_window_new_machine (self, files->data);
  return TRUE;
}

static GdkDragAction
drop_enter_cb (LodgeWindow *self)
{
  gtk_widget_set_visible (self->drop_hint, TRUE);
  return GDK_ACTION_COPY;
}

static void
drop_leave_cb (LodgeWindow *self)
{
  gtk_widget_set_visible (self->drop_hint, FALSE);
}

static void
setup_drop_target (LodgeWindow *self)
{
  GtkDropTarget *target = gtk_drop_target_new (GDK_TYPE_FILE_LIST, GDK_ACTION_COPY);

  g_signal_connect_swapped (target, "drop", G_CALLBACK (drop_cb), self);
  g_signal_connect_swapped (target, "enter", G_CALLBACK (drop_enter_cb), self);
  g_signal_connect_swapped (target, "leave", G_CALLBACK (drop_leave_cb), self);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (target));
}

static void
setup_list (LodgeWindow *self)
{
  GtkExpression *name = gtk_property_expression_new (LODGE_TYPE_MACHINE_ITEM, NULL, "name");
  GtkStringSorter *sorter = gtk_string_sorter_new (gtk_expression_ref (name));
  GListModel *machines = g_object_ref (lodge_library_get_machines (self->library));
  GtkSortListModel *sorted = gtk_sort_list_model_new (machines, GTK_SORTER (sorter));
  GtkFilterListModel *filtered;

  self->filter = GTK_FILTER (gtk_string_filter_new (name));
  filtered = gtk_filter_list_model_new (G_LIST_MODEL (sorted), g_object_ref (self->filter));
  self->selection = gtk_single_selection_new (G_LIST_MODEL (filtered));
  gtk_list_view_set_model (self->list, GTK_SELECTION_MODEL (self->selection));

  g_signal_connect_object (self->selection, "notify::selected-item", G_CALLBACK (selected_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (machines, "items-changed", G_CALLBACK (machines_changed_cb), self,
                           G_CONNECT_SWAPPED | G_CONNECT_AFTER);
}

static void
lodge_window_dispose (GObject *object)
{
  LodgeWindow *self = LODGE_WINDOW (object);

  g_clear_object (&self->thumbnailer);
  g_clear_object (&self->library);
  g_clear_object (&self->settings);
  g_clear_object (&self->filter);
  g_clear_object (&self->selection);
  g_clear_pointer (&self->awaited, g_free);

  G_OBJECT_CLASS (lodge_window_parent_class)->dispose (object);
}

static void
install_actions (GtkWidgetClass *widget_class)
{
  gtk_widget_class_install_action (widget_class, "win.new", NULL, new_action);
  gtk_widget_class_install_action (widget_class, "win.try", NULL, try_action);
  gtk_widget_class_install_action (widget_class, "win.search", NULL, search_action);
  gtk_widget_class_install_action (widget_class, "win.rename", NULL, rename_action);
  gtk_widget_class_install_action (widget_class, "win.settings", NULL, settings_action);
  gtk_widget_class_install_action (widget_class, "win.console", NULL, console_action);
  gtk_widget_class_install_action (widget_class, "win.delete", NULL, delete_action);
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
    { GDK_KEY_f, GDK_CONTROL_MASK, "win.search" },
    { GDK_KEY_F2, 0, "win.rename" },
    { GDK_KEY_comma, GDK_CONTROL_MASK, "win.settings" },
    { GDK_KEY_Delete, 0, "win.delete" },
    { GDK_KEY_w, GDK_CONTROL_MASK, "window.close" },
    { GDK_KEY_q, GDK_CONTROL_MASK, "app.quit" },
    { GDK_KEY_question, GDK_CONTROL_MASK, "win.show-help-overlay" },
    { GDK_KEY_question, GDK_CONTROL_MASK | GDK_SHIFT_MASK, "win.show-help-overlay" },
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
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, leaflet);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, stack);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, list_stack);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, list);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, search_bar);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, search_entry);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, core_bar);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, core_bar_text);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, page_title);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, page_stack);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, page);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, welcome);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, welcome_try);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, trouble);
  gtk_widget_class_bind_template_child (widget_class, LodgeWindow, drop_hint);
  gtk_widget_class_bind_template_callback (widget_class, row_setup_cb);
  gtk_widget_class_bind_template_callback (widget_class, row_bind_cb);
  gtk_widget_class_bind_template_callback (widget_class, row_unbind_cb);
  gtk_widget_class_bind_template_callback (widget_class, row_activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, list_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, show_console_cb);
  gtk_widget_class_bind_template_callback (widget_class, show_settings_cb);
  gtk_widget_class_bind_template_callback (widget_class, back_cb);
  install_actions (widget_class);
  install_shortcuts (widget_class);
}

static void
lodge_window_init (LodgeWindow *self)
{
  g_type_ensure (LODGE_TYPE_MACHINE_PAGE);
  g_type_ensure (LODGE_TYPE_MACHINE_ROW);
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_search_bar_set_key_capture_widget (self->search_bar, GTK_WIDGET (self->list_stack));
  setup_drop_target (self);
}

LodgeWindow *
lodge_window_new (AdwApplication *application, LodgeLibrary *library, GSettings *settings)
{
  LodgeWindow *self = g_object_new (LODGE_TYPE_WINDOW, "application", application, NULL);

  self->library = g_object_ref (library);
  self->settings = g_object_ref (settings);
  self->thumbnailer = lodge_thumbnailer_new (library, GTK_WIDGET (self));
  setup_list (self);
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
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->selection));

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeMachineItem) candidate = g_list_model_get_item (G_LIST_MODEL (self->selection), i);

      if (candidate == item)
        gtk_single_selection_set_selected (self->selection, i);
    }
  adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_FORWARD);
}

void
lodge_window_new_machine (LodgeWindow *self, GFile *file)
{
  GtkWidget *dialog = lodge_new_dialog_new (self->library);

  g_signal_connect_object (dialog, "created", G_CALLBACK (created_cb), self, G_CONNECT_SWAPPED);
  gtk_window_set_transient_for (GTK_WINDOW (dialog), GTK_WINDOW (self));
  if (file != NULL)
    lodge_new_dialog_set_file (LODGE_NEW_DIALOG (dialog), file);
  gtk_window_present (GTK_WINDOW (dialog));
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
    await_machine (self, object_path, TRUE);
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
