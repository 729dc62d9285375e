/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-machine-pane.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-backup-page.h"
#include "ui/lodge-core-bar.h"
#include "ui/lodge-family-page.h"
#include "ui/lodge-snapshot-page.h"

struct _LodgeMachinePane
{
  GtkBox parent_instance;

  LodgeLibrary *library;            /* (owned) (nullable) until set */
  gboolean folded;

  AdwWindowTitle *title;
  GtkWidget *back;
  LodgeCoreBar *core_bar;
  GtkStack *stack;
  LodgeMachinePage *page;
  LodgeSnapshotPage *snapshot_page; /* (nullable) until it is wanted, as are */
  LodgeFamilyPage *family_page;     /* (nullable) */
  LodgeBackupPage *backup_page;     /* (nullable) */
  GtkWidget *none;                  /* (nullable) for no machine */
};

enum
{
  PROP_FOLDED = 1,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (LodgeMachinePane, lodge_machine_pane, GTK_TYPE_BOX)

/* Returns: (nullable): the title of the page that lies over the machine's own */
static const char *
get_sub_page (LodgeMachinePane *self)
{
  const char *name = gtk_stack_get_visible_child_name (self->stack);

  if (g_strcmp0 (name, "snapshots") == 0)
    return _("Snapshots");
  if (g_strcmp0 (name, "backups") == 0)
    return _("Backups");
  return g_strcmp0 (name, "family") == 0 ? _("Family") : NULL;
}

static void
update (LodgeMachinePane *self)
{
  LodgeMachineItem *item = lodge_machine_page_get_item (self->page);
  const char *name = item != NULL ? lodge_machine_item_get_name (item) : "";
  const char *sub_page = get_sub_page (self);

  gtk_widget_set_visible (self->back, self->folded || sub_page != NULL);
  /* Else the sidebar has it. */
  gtk_widget_set_visible (GTK_WIDGET (self->core_bar), self->folded);
  lodge_machine_page_set_narrow (self->page, self->folded);
  if (self->family_page != NULL)
    lodge_family_page_set_narrow (self->family_page, self->folded);
  adw_window_title_set_title (self->title, sub_page != NULL ? sub_page : name);
  adw_window_title_set_subtitle (self->title, sub_page != NULL ? name : "");
}

static void
library_changed_cb (LodgeMachinePane *self)
{
  lodge_core_bar_set_status (self->core_bar, lodge_library_get_status (self->library));
}

static void
show_none (LodgeMachinePane *self)
{
  if (self->none == NULL)
    {
      self->none = g_object_new (ADW_TYPE_STATUS_PAGE, "icon-name", LODGE_APP_ID "-symbolic", "title",
                                 _("No Machine Selected"), NULL);
      gtk_stack_add_child (self->stack, self->none);
    }
  gtk_stack_set_visible_child (self->stack, self->none);
}

static void
leave_sub_page (LodgeMachinePane *self)
{
  if (lodge_machine_page_get_item (self->page) != NULL)
    gtk_stack_set_visible_child_name (self->stack, "machine");
  else
    show_none (self);
  if (self->snapshot_page != NULL)
    lodge_snapshot_page_set_list (self->snapshot_page, self->library, NULL);
  if (self->family_page != NULL)
    lodge_family_page_set_machine (self->family_page, NULL, NULL);
  if (self->backup_page != NULL)
    lodge_backup_page_set_list (self->backup_page, NULL, NULL);
}

static void
show_snapshots (LodgeMachinePane *self)
{
  if (self->snapshot_page == NULL)
    {
      self->snapshot_page = g_object_new (LODGE_TYPE_SNAPSHOT_PAGE, NULL);
      gtk_stack_add_named (self->stack, GTK_WIDGET (self->snapshot_page), "snapshots");
    }
  lodge_snapshot_page_set_list (self->snapshot_page, self->library, lodge_machine_page_get_snapshots (self->page));
}

static void
show_family (LodgeMachinePane *self)
{
  if (self->family_page == NULL)
    {
      self->family_page = g_object_new (LODGE_TYPE_FAMILY_PAGE, NULL);
      gtk_stack_add_named (self->stack, GTK_WIDGET (self->family_page), "family");
    }
  lodge_family_page_set_machine (self->family_page, self->library, lodge_machine_page_get_item (self->page));
}

static void
show_backups (LodgeMachinePane *self)
{
  if (self->backup_page == NULL)
    {
      self->backup_page = g_object_new (LODGE_TYPE_BACKUP_PAGE, NULL);
      gtk_stack_add_named (self->stack, GTK_WIDGET (self->backup_page), "backups");
    }
  lodge_backup_page_set_list (self->backup_page, self->library, lodge_machine_page_get_snapshots (self->page));
}

static void
lodge_machine_pane_dispose (GObject *object)
{
  g_clear_object (&LODGE_MACHINE_PANE (object)->library);

  G_OBJECT_CLASS (lodge_machine_pane_parent_class)->dispose (object);
}

static void
lodge_machine_pane_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_boolean (value, LODGE_MACHINE_PANE (object)->folded);
}

static void
lodge_machine_pane_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  LODGE_MACHINE_PANE (object)->folded = g_value_get_boolean (value);
  update (LODGE_MACHINE_PANE (object));
}

static void
lodge_machine_pane_class_init (LodgeMachinePaneClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = lodge_machine_pane_dispose;
  object_class->get_property = lodge_machine_pane_get_property;
  object_class->set_property = lodge_machine_pane_set_property;

  g_object_class_install_property (object_class, PROP_FOLDED,
                                   g_param_spec_boolean ("folded", NULL, NULL, FALSE,
                                                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-machine-pane.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePane, title);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePane, back);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePane, core_bar);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePane, stack);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePane, page);
}

static void
lodge_machine_pane_init (LodgeMachinePane *self)
{
  g_type_ensure (LODGE_TYPE_CORE_BAR);
  g_type_ensure (LODGE_TYPE_MACHINE_PAGE);
  gtk_widget_init_template (GTK_WIDGET (self));
}

void
lodge_machine_pane_setup (LodgeMachinePane *self, LodgeLibrary *library)
{
  g_return_if_fail (self->library == NULL);

  self->library = g_object_ref (library);
  g_signal_connect_object (library, "changed", G_CALLBACK (library_changed_cb), self, G_CONNECT_SWAPPED);
}

void
lodge_machine_pane_set_item (LodgeMachinePane *self, LodgeMachineItem *item)
{
  gboolean same = item == lodge_machine_page_get_item (self->page);

  lodge_machine_page_set_item (self->page, self->library, item);
  if (item == NULL || !same || get_sub_page (self) == NULL)
    leave_sub_page (self);
  update (self);
}

LodgeMachinePage *
lodge_machine_pane_get_page (LodgeMachinePane *self)
{
  return self->page;
}

void
lodge_machine_pane_show (LodgeMachinePane *self, const char *name)
{
  if (g_str_equal (name, "snapshots"))
    show_snapshots (self);
  else if (g_str_equal (name, "backups"))
    show_backups (self);
  else
    show_family (self);
  gtk_stack_set_visible_child_name (self->stack, name);
  update (self);
}

void
lodge_machine_pane_focus (LodgeMachinePane *self)
{
  const char *name = gtk_stack_get_visible_child_name (self->stack);

  if (g_strcmp0 (name, "snapshots") == 0)
    lodge_snapshot_page_focus (self->snapshot_page);
  else if (g_strcmp0 (name, "backups") == 0)
    lodge_backup_page_focus (self->backup_page);
  else if (g_strcmp0 (name, "family") == 0)
    lodge_family_page_focus (self->family_page);
  else
    gtk_widget_child_focus (GTK_WIDGET (self->page), GTK_DIR_TAB_FORWARD);
}

gboolean
lodge_machine_pane_go_back (LodgeMachinePane *self)
{
  if (get_sub_page (self) == NULL)
    return FALSE;
  leave_sub_page (self);
  update (self);
  lodge_machine_pane_focus (self);
  return TRUE;
}
