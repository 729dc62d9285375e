/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-template-popover.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "ui/lodge-clone.h"

struct _LodgeTemplatePopover
{
  GtkPopover parent_instance;

  LodgeLibrary *library; /* (owned) (nullable) until set */
  GPtrArray *templates;  /* (owned) of LodgeMachineItem, as the rows are */

  GtkStack *stack;
  GtkListBox *rows;
  GtkSpinButton *count;
};

G_DEFINE_FINAL_TYPE (LodgeTemplatePopover, lodge_template_popover, GTK_TYPE_POPOVER)

static guint
get_count (LodgeTemplatePopover *self)
{
  return (guint) gtk_spin_button_get_value_as_int (self->count);
}

/* What each would take, in the row where it is chosen. */
static void
update_memory (LodgeTemplatePopover *self)
{
  for (guint i = 0; i < self->templates->len; i++)
    {
      GtkListBoxRow *row = gtk_list_box_get_row_at_index (self->rows, (int) i);
      g_autofree char *memory = lodge_clone_text_memory (self->library, self->templates->pdata[i], get_count (self));

      adw_action_row_set_subtitle (ADW_ACTION_ROW (row), memory);
    }
}

static int
compare_items (gconstpointer a, gconstpointer b)
{
  return lodge_machine_item_compare (*(gpointer *) a, *(gpointer *) b, NULL);
}

static void
fill (LodgeTemplatePopover *self)
{
  GListModel *machines = lodge_library_get_machines (self->library);
  guint n = g_list_model_get_n_items (machines);
  GtkWidget *row;

  while ((row = gtk_widget_get_first_child (GTK_WIDGET (self->rows))) != NULL)
    gtk_list_box_remove (self->rows, row);
  g_ptr_array_set_size (self->templates, 0);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i);

      if (lodge_machine_item_is_template (item) && lodge_clone_is_possible (self->library, item))
        g_ptr_array_add (self->templates, g_steal_pointer (&item));
    }
  g_ptr_array_sort (self->templates, compare_items);
  for (guint i = 0; i < self->templates->len; i++)
    {
      row = adw_action_row_new ();
      adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
      adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), lodge_machine_item_get_name (self->templates->pdata[i]));
      gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), TRUE);
      gtk_list_box_append (self->rows, row);
    }
  gtk_stack_set_visible_child_name (self->stack, self->templates->len > 0 ? "templates" : "none");
  update_memory (self);
}

static void
row_activated_cb (LodgeTemplatePopover *self, GtkListBoxRow *row)
{
  LodgeMachineItem *item = self->templates->pdata[gtk_list_box_row_get_index (row)];
  LodgeCloneOrder order = { .count = get_count (self), .start = TRUE };
  GtkWidget *from = gtk_widget_get_parent (GTK_WIDGET (self));

  gtk_popover_popdown (GTK_POPOVER (self));
  lodge_clone (from, self->library, item, &order);
}

static void
lodge_template_popover_map (GtkWidget *widget)
{
  LodgeTemplatePopover *self = LODGE_TEMPLATE_POPOVER (widget);

  gtk_spin_button_set_value (self->count, 1);
  if (self->library != NULL)
    fill (self);
  GTK_WIDGET_CLASS (lodge_template_popover_parent_class)->map (widget);
}

static void
lodge_template_popover_dispose (GObject *object)
{
  LodgeTemplatePopover *self = LODGE_TEMPLATE_POPOVER (object);

  gtk_widget_dispose_template (GTK_WIDGET (self), LODGE_TYPE_TEMPLATE_POPOVER);
  g_clear_object (&self->library);
  g_clear_pointer (&self->templates, g_ptr_array_unref);

  G_OBJECT_CLASS (lodge_template_popover_parent_class)->dispose (object);
}

static void
lodge_template_popover_class_init (LodgeTemplatePopoverClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_template_popover_dispose;
  widget_class->map = lodge_template_popover_map;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-template-popover.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeTemplatePopover, stack);
  gtk_widget_class_bind_template_child (widget_class, LodgeTemplatePopover, rows);
  gtk_widget_class_bind_template_child (widget_class, LodgeTemplatePopover, count);
  gtk_widget_class_bind_template_callback (widget_class, row_activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, update_memory);
}

static void
lodge_template_popover_init (LodgeTemplatePopover *self)
{
  self->templates = g_ptr_array_new_with_free_func (g_object_unref);
  gtk_widget_init_template (GTK_WIDGET (self));
}

void
lodge_template_popover_set_library (LodgeTemplatePopover *self, LodgeLibrary *library)
{
  g_set_object (&self->library, library);
}
