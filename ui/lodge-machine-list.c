/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 *   library's machines -> GtkSortListModel (group, name) -> GtkFilterListModel -> selection -> LodgeHeadModel -> GtkListView
 *
 * Sorters of GTK 4.8 do not notice that an item changed, so a change of name or group asks for one
 * new sorting when the main loop is idle. The heading of a group belongs to the row that is its
 * first; which one that is, is found for the bound rows only, each time the model changed.
 *
 * Rows are shown, which is the costly part, when they come in sight. What was typed into the search entry is answered with as many
 * rows as can be seen; the list view hears of those below in the frames after it. That another machine is selected by it is
 * told after the first frame, too, or when somebody asks which one is.
 */

#include "config.h"

#include "ui/lodge-machine-list.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "ui/lodge-head-model.h"
#include "ui/lodge-list-sight.h"
#include "ui/lodge-machine-row.h"

/* A row is not lower than this. */
#define ROW_HEIGHT 40

struct _LodgeMachineList
{
  AdwBin parent_instance;

  LodgeLibrary *library;         /* (owned) */
  GtkFilter *filter;             /* (owned) */
  char *search;                  /* (owned) (nullable) key of what is searched for */
  GtkSorter *sorter;             /* (owned) */
  GtkSingleSelection *selection; /* (owned) */
  LodgeHeadModel *head;          /* (owned) of the selection; what the list view shows */
  LodgeListSight *sight;         /* (owned) */
  GMenuModel *menu;              /* (owned) */
  GtkWidget *popover;            /* (nullable) child of the list */
  LodgeMachineRow *pattern;      /* (weak) (nullable) a row that has a body */
  guint sort_source;
  guint heading_source;
  guint selected_source;         /* what a search selected was not told yet */
  gboolean searching;            /* right now, another machine may be selected */

  GtkSearchBar *search_bar;
  GtkSearchEntry *search_entry;
  GtkStack *stack;
  GtkWidget *scrolled;
  GtkWidget *nothing;            /* (nullable) until nothing was found */
  GtkListView *list;
};

enum
{
  SELECTED,
  OPENED,
  PRESSED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgeMachineList, lodge_machine_list, ADW_TYPE_BIN)

static guint
n_shown (LodgeMachineList *self)
{
  return g_list_model_get_n_items (G_LIST_MODEL (self->selection));
}

static LodgeMachineGroup
group_at (LodgeMachineList *self, guint position)
{
  g_autoptr (LodgeMachineItem) item = g_list_model_get_item (G_LIST_MODEL (self->selection), position);

  return lodge_machine_item_get_group (item);
}

static const char *
heading_at (LodgeMachineList *self, guint position)
{
  LodgeMachineGroup group = group_at (self, position);

  if (position > 0 && group_at (self, position - 1) == group)
    return NULL;
  /* All machines of one kind need no heading, except that templates are always told apart. */
  if (group_at (self, 0) == group_at (self, n_shown (self) - 1) && group != LODGE_MACHINE_GROUP_TEMPLATES)
    return NULL;
  switch (group)
    {
    case LODGE_MACHINE_GROUP_RUNNING:
      return _("Running");
    case LODGE_MACHINE_GROUP_TEMPLATES:
      return _("Templates");
    case LODGE_MACHINE_GROUP_MACHINES:
    default:
      return _("Machines");
    }
}

static void
set_heading (LodgeMachineList *self, GtkListItem *list_item)
{
  guint position = gtk_list_item_get_position (list_item);
  GtkWidget *row = gtk_list_item_get_child (list_item);

  if (position < n_shown (self))
    lodge_machine_row_set_heading (LODGE_MACHINE_ROW (row), heading_at (self, position));
}

static void
comes_cb (GtkListItem *list_item, gpointer unused)
{
  lodge_machine_row_show (LODGE_MACHINE_ROW (gtk_list_item_get_child (list_item)));
}

static gboolean
headings_cb (gpointer user_data)
{
  LodgeMachineList *self = user_data;
  GHashTableIter iter;
  gpointer list_item;

  self->heading_source = 0;
  g_hash_table_iter_init (&iter, lodge_list_sight_get_bound (self->sight));
  while (g_hash_table_iter_next (&iter, &list_item, NULL))
    set_heading (self, list_item);
  return G_SOURCE_REMOVE;
}

static void
model_changed_cb (LodgeMachineList *self)
{
  if (n_shown (self) == 0 && self->nothing == NULL)
    {
      self->nothing = g_object_new (ADW_TYPE_STATUS_PAGE, "icon-name", "system-search-symbolic", "title",
                                    _("No Machine Found"), "description", _("Try another name"), NULL);
      gtk_widget_add_css_class (self->nothing, "compact");
      gtk_stack_add_child (self->stack, self->nothing);
    }
  gtk_stack_set_visible_child (self->stack, n_shown (self) > 0 ? self->scrolled : self->nothing);
  /* Before the next frame is drawn. */
  if (self->heading_source == 0)
    self->heading_source = g_idle_add_full (GTK_PRIORITY_RESIZE - 1, headings_cb, self, NULL);
}

static gboolean
sort_cb (gpointer user_data)
{
  LodgeMachineList *self = user_data;

  self->sort_source = 0;
  gtk_sorter_changed (self->sorter, GTK_SORTER_CHANGE_DIFFERENT);
  gtk_filter_changed (self->filter, GTK_FILTER_CHANGE_DIFFERENT);
  return G_SOURCE_REMOVE;
}

static void
item_changed_cb (LodgeMachineList *self)
{
  if (self->sort_source == 0)
    self->sort_source = g_idle_add (sort_cb, self);
}

static void
machines_changed_cb (LodgeMachineList *self, guint position, guint removed, guint added, GListModel *machines)
{
  for (guint i = position; i < position + added; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i);

      g_signal_connect_object (item, "notify::name", G_CALLBACK (item_changed_cb), self, G_CONNECT_SWAPPED);
      g_signal_connect_object (item, "notify::group", G_CALLBACK (item_changed_cb), self, G_CONNECT_SWAPPED);
    }
}

static void
show_menu (LodgeMachineList *self, GtkWidget *row, double x, double y)
{
  GdkRectangle at = { (int) x, (int) y, 1, 1 };
  double list_x, list_y;

  if (self->popover == NULL)
    {
      self->popover = gtk_popover_menu_new_from_model (self->menu);
      gtk_popover_set_has_arrow (GTK_POPOVER (self->popover), FALSE);
      gtk_widget_set_halign (self->popover, GTK_ALIGN_START);
      gtk_widget_set_parent (self->popover, GTK_WIDGET (self));
    }
  if (gtk_widget_translate_coordinates (row, GTK_WIDGET (self), x, y, &list_x, &list_y))
    {
      at.x = (int) list_x;
      at.y = (int) list_y;
    }
  gtk_popover_set_pointing_to (GTK_POPOVER (self->popover), &at);
  gtk_popover_popup (GTK_POPOVER (self->popover));
}

/* Returns: (nullable): the row at a place of the list */
static GtkWidget *
row_at (LodgeMachineList *self, double x, double y)
{
  GtkWidget *widget = gtk_widget_pick (GTK_WIDGET (self->list), x, y, GTK_PICK_DEFAULT);

  while (widget != NULL && gtk_widget_get_parent (widget) != GTK_WIDGET (self->list))
    widget = gtk_widget_get_parent (widget);
  widget = widget != NULL ? gtk_widget_get_first_child (widget) : NULL;
  return LODGE_IS_MACHINE_ROW (widget) ? widget : NULL;
}

static void
secondary_cb (LodgeMachineList *self, int n_press, double x, double y, GtkGesture *gesture)
{
  GtkWidget *row = row_at (self, x, y);
  LodgeMachineItem *item = row != NULL ? lodge_machine_row_get_item (LODGE_MACHINE_ROW (row)) : NULL;
  double row_x, row_y;

  if (item == NULL || !gtk_widget_translate_coordinates (GTK_WIDGET (self->list), row, x, y, &row_x, &row_y))
    return;
  gtk_gesture_set_state (gesture, GTK_EVENT_SEQUENCE_CLAIMED);
  lodge_machine_list_select (self, item);
  show_menu (self, row, row_x, row_y);
}

static GtkListItem *
find_list_item (LodgeMachineList *self, LodgeMachineItem *item)
{
  GHashTableIter iter;
  gpointer list_item;

  g_hash_table_iter_init (&iter, lodge_list_sight_get_bound (self->sight));
  while (g_hash_table_iter_next (&iter, &list_item, NULL))
    if (gtk_list_item_get_item (list_item) == item)
      return list_item;

  return NULL;
}

void
lodge_machine_list_show_menu (LodgeMachineList *self)
{
  LodgeMachineItem *item = lodge_machine_list_get_selected (self);
  GtkListItem *list_item = item != NULL ? find_list_item (self, item) : NULL;
  GtkWidget *row = list_item != NULL ? gtk_list_item_get_child (list_item) : NULL;

  if (row != NULL)
    show_menu (self, row, gtk_widget_get_width (row) / 2.0, gtk_widget_get_height (row) / 2.0);
}

static void
setup_cb (LodgeMachineList *self, GtkListItem *list_item)
{
  GtkWidget *row = lodge_machine_row_new (self->pattern);

  if (self->pattern == NULL)
    g_set_weak_pointer (&self->pattern, LODGE_MACHINE_ROW (row));
  gtk_list_item_set_child (list_item, row);
}

static void
bind_cb (LodgeMachineList *self, GtkListItem *list_item)
{
  lodge_machine_row_set_item (LODGE_MACHINE_ROW (gtk_list_item_get_child (list_item)),
                              gtk_list_item_get_item (list_item));
  set_heading (self, list_item);
  lodge_list_sight_add (self->sight, list_item);
}

static void
unbind_cb (LodgeMachineList *self, GtkListItem *list_item)
{
  lodge_list_sight_remove (self->sight, list_item);
  lodge_machine_row_set_item (LODGE_MACHINE_ROW (gtk_list_item_get_child (list_item)), NULL);
}

static void
activated_cb (LodgeMachineList *self, guint position)
{
  gtk_single_selection_set_selected (self->selection, position);
  g_signal_emit (self, signals[OPENED], 0, lodge_machine_list_get_selected (self));
}

static void
released_cb (LodgeMachineList *self)
{
  g_signal_emit (self, signals[PRESSED], 0);
}

static gboolean
matches_cb (gpointer item, gpointer user_data)
{
  LodgeMachineList *self = user_data;

  return self->search == NULL || lodge_machine_item_matches (item, self->search);
}

static void
scroll_to (LodgeMachineList *self, guint position)
{
  if (position >= g_list_model_get_n_items (G_LIST_MODEL (self->head)))
    lodge_head_model_grow (self->head, G_MAXUINT);
  gtk_widget_activate_action (GTK_WIDGET (self->list), "list.scroll-to-item", "u", position);
}

static void
refilter (LodgeMachineList *self, GtkFilterChange change)
{
  gboolean scrolled = gtk_adjustment_get_value (gtk_scrollable_get_vadjustment (GTK_SCROLLABLE (self->list))) > 0;
  /* Who takes letters back stays where they are, which only the whole list knows; who types more sees the first. */
  gboolean from_top = !scrolled || change == GTK_FILTER_CHANGE_MORE_STRICT;

  self->searching = TRUE;
  lodge_head_model_hold (self->head);
  gtk_filter_changed (self->filter, change);
  lodge_head_model_release (self->head, from_top);
  self->searching = FALSE;
  if (scrolled && from_top && n_shown (self) > 0)
    scroll_to (self, 0);
}

/* @text: what stands in the entry */
static void
set_search (LodgeMachineList *self, const char *text)
{
  g_autofree char *before = g_steal_pointer (&self->search);
  GtkFilterChange change = GTK_FILTER_CHANGE_DIFFERENT;

  self->search = *text != '\0' ? lodge_machine_item_search_key (text) : NULL;
  if (g_strcmp0 (before, self->search) == 0)
    return;
  /* Nobody is asked again who cannot answer otherwise. */
  if (before == NULL || (self->search != NULL && strstr (self->search, before) != NULL))
    change = GTK_FILTER_CHANGE_MORE_STRICT;
  else if (self->search == NULL || strstr (before, self->search) != NULL)
    change = GTK_FILTER_CHANGE_LESS_STRICT;
  refilter (self, change);
}

static void
search_changed_cb (LodgeMachineList *self)
{
  set_search (self, gtk_editable_get_text (GTK_EDITABLE (self->search_entry)));
}

static void
search_activated_cb (LodgeMachineList *self)
{
  if (lodge_machine_list_get_selected (self) != NULL)
    g_signal_emit (self, signals[OPENED], 0, lodge_machine_list_get_selected (self));
}

/* The arrow keys choose among what was found while typing goes on. */
static gboolean
search_key_cb (LodgeMachineList *self, guint keyval)
{
  guint position = gtk_single_selection_get_selected (self->selection);
  guint n = n_shown (self);

  if (n == 0 || (keyval != GDK_KEY_Down && keyval != GDK_KEY_Up))
    return FALSE;
  if (keyval == GDK_KEY_Down && position + 1 < n)
    position++;
  else if (keyval == GDK_KEY_Up && position > 0)
    position--;
  gtk_single_selection_set_selected (self->selection, position);
  scroll_to (self, position);
  return TRUE;
}

static void
tell_selected (LodgeMachineList *self)
{
  g_clear_handle_id (&self->selected_source, g_source_remove);
  g_signal_emit (self, signals[SELECTED], 0);
}

static gboolean
tell_selected_cb (gpointer user_data)
{
  LodgeMachineList *self = user_data;

  self->selected_source = 0;
  tell_selected (self);
  return G_SOURCE_REMOVE;
}

static void
selected_cb (LodgeMachineList *self)
{
  if (!self->searching)
    tell_selected (self);
  else if (self->selected_source == 0)
    self->selected_source = g_idle_add (tell_selected_cb, self);
}

static void
lodge_machine_list_dispose (GObject *object)
{
  LodgeMachineList *self = LODGE_MACHINE_LIST (object);

  g_clear_handle_id (&self->sort_source, g_source_remove);
  g_clear_handle_id (&self->heading_source, g_source_remove);
  g_clear_handle_id (&self->selected_source, g_source_remove);
  g_clear_pointer (&self->popover, gtk_widget_unparent);
  if (self->list != NULL)
    gtk_list_view_set_model (self->list, NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), LODGE_TYPE_MACHINE_LIST);
  g_clear_object (&self->library);
  g_clear_object (&self->filter);
  g_clear_object (&self->sorter);
  g_clear_object (&self->head);
  g_clear_object (&self->selection);
  g_clear_object (&self->menu);
  g_clear_weak_pointer (&self->pattern);

  G_OBJECT_CLASS (lodge_machine_list_parent_class)->dispose (object);
}

static void
lodge_machine_list_finalize (GObject *object)
{
  g_clear_object (&LODGE_MACHINE_LIST (object)->sight);
  g_free (LODGE_MACHINE_LIST (object)->search);

  G_OBJECT_CLASS (lodge_machine_list_parent_class)->finalize (object);
}

static void
lodge_machine_list_class_init (LodgeMachineListClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = lodge_machine_list_dispose;
  object_class->finalize = lodge_machine_list_finalize;

  signals[SELECTED] = g_signal_new ("selected", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                    G_TYPE_NONE, 0);
  signals[OPENED] = g_signal_new ("opened", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, LODGE_TYPE_MACHINE_ITEM);
  signals[PRESSED] = g_signal_new ("pressed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-machine-list.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeMachineList, search_bar);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachineList, search_entry);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachineList, stack);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachineList, scrolled);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachineList, list);
  gtk_widget_class_bind_template_callback (widget_class, setup_cb);
  gtk_widget_class_bind_template_callback (widget_class, bind_cb);
  gtk_widget_class_bind_template_callback (widget_class, unbind_cb);
  gtk_widget_class_bind_template_callback (widget_class, activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, released_cb);
  gtk_widget_class_bind_template_callback (widget_class, secondary_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, search_key_cb);
}

static void
lodge_machine_list_init (LodgeMachineList *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->sight = lodge_list_sight_new (self->list, comes_cb, NULL);
}

void
lodge_machine_list_setup (LodgeMachineList *self, LodgeLibrary *library, GtkWidget *keys, GMenuModel *menu)
{
  GListModel *machines = lodge_library_get_machines (library);
  /* One with cached keys, as GtkStringSorter is, would go on with the old names. */
  GtkSorter *sorter = GTK_SORTER (gtk_custom_sorter_new (lodge_machine_item_compare, NULL, NULL));
  GtkSortListModel *sorted;
  GtkFilterListModel *filtered;

  self->library = g_object_ref (library);
  self->menu = g_object_ref (menu);
  self->sorter = g_object_ref (sorter);
  self->filter = g_object_ref (GTK_FILTER (gtk_custom_filter_new (matches_cb, self, NULL)));
  sorted = gtk_sort_list_model_new (g_object_ref (machines), sorter);
  filtered = gtk_filter_list_model_new (G_LIST_MODEL (sorted), self->filter);
  self->selection = gtk_single_selection_new (G_LIST_MODEL (filtered));
  self->head = lodge_head_model_new (GTK_SELECTION_MODEL (self->selection), ROW_HEIGHT);
  g_signal_connect_object (self->selection, "items-changed", G_CALLBACK (model_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->selection, "notify::selected-item", G_CALLBACK (selected_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (machines, "items-changed", G_CALLBACK (machines_changed_cb), self, G_CONNECT_SWAPPED);
  machines_changed_cb (self, 0, 0, g_list_model_get_n_items (machines), machines);
  lodge_head_model_show_in (self->head, self->list);
  gtk_search_bar_set_key_capture_widget (self->search_bar, keys);
}

LodgeMachineItem *
lodge_machine_list_get_selected (LodgeMachineList *self)
{
  /* Whoever asks goes on with what was told. */
  if (self->selected_source != 0)
    tell_selected (self);
  return self->selection != NULL ? gtk_single_selection_get_selected_item (self->selection) : NULL;
}

static guint
find_position (LodgeMachineList *self, LodgeMachineItem *item)
{
  guint n = n_shown (self);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeMachineItem) candidate = g_list_model_get_item (G_LIST_MODEL (self->selection), i);

      if (candidate == item)
        return i;
    }

  return GTK_INVALID_LIST_POSITION;
}

void
lodge_machine_list_select (LodgeMachineList *self, LodgeMachineItem *item)
{
  guint position = item != NULL ? find_position (self, item) : 0;

  if (position == GTK_INVALID_LIST_POSITION)
    {
      gtk_search_bar_set_search_mode (self->search_bar, FALSE);
      set_search (self, "");
      position = find_position (self, item);
    }
  if (position == GTK_INVALID_LIST_POSITION || position >= n_shown (self))
    return;
  gtk_single_selection_set_selected (self->selection, position);
  scroll_to (self, position);
}

void
lodge_machine_list_search (LodgeMachineList *self, const char *text)
{
  gtk_search_bar_set_search_mode (self->search_bar, TRUE);
  if (text != NULL)
    gtk_editable_set_text (GTK_EDITABLE (self->search_entry), text);
  gtk_widget_grab_focus (GTK_WIDGET (self->search_entry));
}

GtkSearchBar *
lodge_machine_list_get_search_bar (LodgeMachineList *self)
{
  return self->search_bar;
}

void
lodge_machine_list_rename (LodgeMachineList *self)
{
  LodgeMachineItem *item = lodge_machine_list_get_selected (self);
  GtkListItem *list_item;

  if (item == NULL || lodge_machine_item_get_state (item) == LODGE_MACHINE_BROKEN)
    return;
  scroll_to (self, gtk_single_selection_get_selected (self->selection));
  list_item = find_list_item (self, item);
  if (list_item == NULL)
    return;
  /* An entry that is not in sight would not take the focus. */
  lodge_list_sight_show (self->sight, list_item);
  lodge_machine_row_rename (LODGE_MACHINE_ROW (gtk_list_item_get_child (list_item)));
}

gboolean
lodge_machine_list_shows (LodgeMachineList *self, LodgeMachineItem *item)
{
  GtkListItem *list_item = find_list_item (self, item);

  return list_item != NULL && lodge_list_sight_sees (self->sight, list_item);
}
