/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-machine-page.h"

#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-doctor-text.h"
#include "core/ipc/lodge-error-text.h"
#include "ui/lodge-backup-text.h"
#include "ui/lodge-family.h"
#include "ui/lodge-job-list.h"
#include "ui/lodge-machine-actions.h"
#include "ui/lodge-machine-text.h"
#include "ui/lodge-screen.h"
#include "ui/lodge-setting-change.h"
#include "ui/lodge-snapshot-text.h"
#include "ui/lodge-status-pages.h"

struct _LodgeMachinePage
{
  AdwBin parent_instance;

  LodgeLibrary *library;        /* (owned) (nullable) with item */
  LodgeMachineItem *item;       /* (owned) (nullable) */
  LodgeMachineActions *actions; /* (owned) (nullable) */
  LodgeSnapshotList *list;      /* (owned) (nullable) */

  GMenuModel *menu;
  GtkStack *stack;
  GtkMenuButton *menu_button;
  AdwStatusPage *broken; /* (nullable) until there is a broken machine, and so its buttons */
  GtkWidget *restore;
  GtkWidget *separate;
  LodgeScreen *screen;
  GtkWidget *placeholder;
  GtkButton *primary;
  GtkStack *name_stack;
  GtkLabel *name;
  GtkEntry *name_entry;
  GtkWidget *state_box;
  GtkImage *state_icon;
  GtkLabel *state;
  GtkSpinner *spinner;
  GtkWidget *pause;
  GtkWidget *resume;
  GtkWidget *shutdown;
  GtkWidget *notice;
  GtkLabel *notice_text;
  GtkWidget *notice_log;
  GtkWidget *pending;
  GtkLabel *pending_title;
  GtkLabel *pending_names;
  GtkWidget *cards;
  AdwActionRow *system;
  AdwActionRow *display;
  AdwActionRow *storage;
  AdwActionRow *network;
  AdwActionRow *snapshots;
  AdwActionRow *backups;
  AdwActionRow *family;
  LodgeJobList *jobs;
};

enum
{
  SHOW_CONSOLE,
  SHOW_SETTINGS,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgeMachinePage, lodge_machine_page, ADW_TYPE_BIN)

static void
update_picture (LodgeMachinePage *self)
{
  GdkPaintable *picture = lodge_machine_item_get_picture (self->item);

  lodge_screen_set_picture (self->screen, picture);
  gtk_widget_set_visible (self->placeholder, picture == NULL);
  gtk_widget_set_valign (GTK_WIDGET (self->primary), picture != NULL ? GTK_ALIGN_END : GTK_ALIGN_CENTER);
}

static void
update_primary (LodgeMachinePage *self)
{
  LodgeMachineState state = lodge_machine_item_get_state (self->item);
  const char *label;

  switch (state)
    {
    case LODGE_MACHINE_PAUSED:
      label = _("Resume");
      break;
    case LODGE_MACHINE_SAVED:
      label = lodge_machine_item_is_template (self->item) ? _("New from Template") : _("Resume");
      break;
    case LODGE_MACHINE_RUNNING:
    case LODGE_MACHINE_STOPPING:
      label = _("Show Console");
      break;
    case LODGE_MACHINE_SAVING:
      label = _("Saving…");
      break;
    case LODGE_MACHINE_STARTING:
      label = _("Starting…");
      break;
    case LODGE_MACHINE_OFF:
    case LODGE_MACHINE_BROKEN:
    default:
      label = lodge_machine_item_is_template (self->item) ? _("New from Template") : _("Start");
      break;
    }

  gtk_button_set_label (self->primary, label);
  gtk_widget_set_sensitive (GTK_WIDGET (self->primary), state != LODGE_MACHINE_STARTING && state != LODGE_MACHINE_SAVING &&
                            lodge_machine_item_is_connected (self->item) &&
                            !(state == LODGE_MACHINE_OFF && lodge_machine_item_is_busy (self->item)));
}

static void
update_notice (LodgeMachinePage *self)
{
  g_autofree char *reason = lodge_machine_text_reason (self->item);
  gboolean stopped = lodge_machine_item_get_state (self->item) == LODGE_MACHINE_OFF;
  const char *level = lodge_machine_item_effective_string (self->item, "confinement", NULL);
  const char *identity = lodge_machine_item_effective_string (self->item, "identity", NULL);

  if (reason == NULL && level != NULL)
    reason = lodge_confinement_text (level, lodge_machine_item_effective_string (self->item, "confinement-reason", ""));
  if (reason == NULL && lodge_machine_item_is_up (self->item))
    reason = lodge_left_out_text (lodge_machine_item_get_automatic (self->item), lodge_machine_item_get_name (self->item));
  if (reason == NULL && g_strcmp0 (identity, "missing") == 0)
    reason = lodge_identity_text (identity, lodge_machine_item_get_name (self->item));
  gtk_widget_set_visible (self->notice, reason != NULL && lodge_machine_item_is_whole (self->item));
  if (reason != NULL)
    gtk_label_set_label (self->notice_text, reason);
  gtk_widget_set_visible (self->notice_log, stopped);
}

static void
update_pending (LodgeMachinePage *self)
{
  guint n = lodge_machine_item_get_n_pending (self->item);
  g_autofree char *title = g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u change waits for the next start",
                                                         "%u changes wait for the next start", n), n);

  const char *const *keys = lodge_machine_item_get_pending (self->item);
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    {
      if (i > 0)
        /* Translators: between the parts of a list, "Cores, Memory" */
        g_string_append (names, _(", "));
      g_string_append (names, lodge_text_setting (keys[i]));
    }
  gtk_widget_set_visible (self->pending, n > 0);
  gtk_label_set_label (self->pending_title, title);
  gtk_label_set_label (self->pending_names, names->str);
}

static void
update_snapshots (LodgeMachinePage *self)
{
  g_autofree char *summary = lodge_snapshot_list_is_loaded (self->list) ? lodge_snapshot_text_summary (self->list) : NULL;

  adw_action_row_set_subtitle (self->snapshots, summary != NULL ? summary : "");
}

/* What it is in its family; others come and go. */
static void
update_family (LodgeMachinePage *self)
{
  g_autofree char *summary = lodge_family_summary (self->library, self->item);

  gtk_widget_set_visible (GTK_WIDGET (self->family), summary != NULL);
  adw_action_row_set_subtitle (self->family, summary != NULL ? summary : "");
}

static void
update_backups (LodgeMachinePage *self)
{
  g_autofree char *summary = lodge_backup_text_summary (self->item, g_get_real_time () / G_USEC_PER_SEC);

  gtk_widget_set_visible (GTK_WIDGET (self->backups), lodge_library_has_feature (self->library, "backup"));
  adw_action_row_set_subtitle (self->backups, summary);
}

static void
update_state (LodgeMachinePage *self)
{
  const char *state = lodge_machine_text_state (self->item);
  const char *kind = lodge_machine_item_is_disposable (self->item) ? _("Disposable")
                     : lodge_machine_item_is_template (self->item) ? _("Template") : NULL;
  /* Translators: state of a machine, and "Template" or "Disposable" */
  g_autofree char *both = kind != NULL ? g_strdup_printf (_("%s · %s"), state, kind) : NULL;

  gtk_label_set_label (self->state, both != NULL ? both : state);
  if (lodge_machine_item_get_state (self->item) == LODGE_MACHINE_RUNNING)
    gtk_widget_add_css_class (self->state_box, "running");
  else
    gtk_widget_remove_css_class (self->state_box, "running");
}

static void
update (LodgeMachinePage *self)
{
  LodgeMachineState state = lodge_machine_item_get_state (self->item);
  gboolean up = lodge_machine_item_is_up (self->item);
  gboolean busy = lodge_machine_item_is_busy (self->item) || state == LODGE_MACHINE_STARTING || state == LODGE_MACHINE_SAVING;
  g_autofree char *system = lodge_machine_text_system (self->item);
  g_autofree char *display = lodge_machine_text_display (self->item);
  g_autofree char *storage = lodge_machine_text_storage (self->item);
  g_autofree char *network = lodge_machine_text_network (self->item);

  if (state == LODGE_MACHINE_BROKEN)
    {
      g_autofree char *fault = lodge_machine_text_fault (self->item);
      g_autofree char *escaped = g_markup_escape_text (fault, -1);
      g_autofree char *title = g_markup_escape_text (lodge_machine_item_get_name (self->item), -1);

      if (self->broken == NULL)
        {
          self->broken = ADW_STATUS_PAGE (lodge_status_page_broken (&self->restore, &self->separate));
          gtk_stack_add_named (self->stack, GTK_WIDGET (self->broken), "broken");
        }
      adw_status_page_set_title (self->broken, title);
      adw_status_page_set_description (self->broken, escaped);
      gtk_widget_set_visible (self->restore, lodge_machine_item_fault_boolean (self->item, "previous"));
      gtk_widget_set_visible (self->separate,
                              g_str_equal (lodge_machine_item_fault_string (self->item, "code", ""), "duplicate-id"));
      gtk_stack_set_visible_child_name (self->stack, "broken");
      return;
    }

  gtk_stack_set_visible_child_name (self->stack, "machine");
  gtk_label_set_label (self->name, lodge_machine_item_get_name (self->item));
  update_state (self);
  gtk_image_set_from_icon_name (self->state_icon, lodge_machine_text_state_icon (self->item));
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), busy);
  gtk_spinner_set_spinning (self->spinner, busy);
  gtk_widget_set_visible (self->pause, state == LODGE_MACHINE_RUNNING || state == LODGE_MACHINE_STOPPING);
  gtk_widget_set_visible (self->resume, state == LODGE_MACHINE_PAUSED);
  gtk_widget_set_visible (self->shutdown, up);
  lodge_screen_set_dimmed (self->screen, state == LODGE_MACHINE_PAUSED || state == LODGE_MACHINE_SAVED);

  /* The values come before the next frame is drawn; nobody sees this unless the core has died. */
  gtk_widget_set_visible (self->cards, lodge_machine_item_is_whole (self->item));
  adw_action_row_set_subtitle (self->system, system);
  adw_action_row_set_subtitle (self->display, display);
  adw_action_row_set_subtitle (self->storage, storage);
  adw_action_row_set_subtitle (self->network, network);

  update_picture (self);
  update_primary (self);
  update_notice (self);
  update_pending (self);
  update_family (self);
  update_backups (self);
}

static void
primary_cb (LodgeMachinePage *self)
{
  LodgeMachineState state;

  if (self->item == NULL)
    return;

  state = lodge_machine_item_get_state (self->item);
  if (lodge_machine_item_is_template (self->item) && !lodge_machine_item_is_up (self->item))
    {
      gtk_widget_activate_action (GTK_WIDGET (self), "machine.clone-start", NULL);
      return;
    }
  if (state == LODGE_MACHINE_OFF || state == LODGE_MACHINE_SAVED)
    gtk_widget_activate_action (GTK_WIDGET (self), "machine.start", NULL);
  else if (state == LODGE_MACHINE_PAUSED)
    gtk_widget_activate_action (GTK_WIDGET (self), "machine.resume", NULL);
  g_signal_emit (self, signals[SHOW_CONSOLE], 0);
}

static void
row_activated_cb (LodgeMachinePage *self, AdwActionRow *row)
{
  g_signal_emit (self, signals[SHOW_SETTINGS], 0, gtk_widget_get_name (GTK_WIDGET (row)));
}

static void
name_done_cb (LodgeMachinePage *self)
{
  g_autofree char *name = NULL;
  g_autofree char *done = NULL;

  if (!g_str_equal (gtk_stack_get_visible_child_name (self->name_stack), "entry"))
    return;

  gtk_stack_set_visible_child_name (self->name_stack, "label");
  name = g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->name_entry))));
  if (self->item == NULL || *name == '\0' || g_str_equal (name, lodge_machine_item_get_name (self->item)))
    return;

  done = g_strdup_printf (_("Renamed to “%s”"), name);
  lodge_setting_change (GTK_WIDGET (self), NULL, self->item, "name", g_variant_new_string (name), done);
}

static gboolean
name_key_cb (LodgeMachinePage *self, guint keyval)
{
  if (keyval != GDK_KEY_Escape)
    return FALSE;

  gtk_editable_set_text (GTK_EDITABLE (self->name_entry), "");
  gtk_stack_set_visible_child_name (self->name_stack, "label");
  return TRUE;
}

static void
drop_item (LodgeMachinePage *self)
{
  if (self->item != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->item, self);
      g_signal_handlers_disconnect_by_data (self->library, self);
      g_signal_handlers_disconnect_by_data (lodge_library_get_machines (self->library), self);
    }
  if (self->actions != NULL)
    lodge_machine_actions_drop (self->actions);
  if (self->list != NULL)
    g_signal_handlers_disconnect_by_data (self->list, self);
  g_clear_object (&self->list);
  g_clear_object (&self->actions);
  g_clear_object (&self->item);
  g_clear_object (&self->library);
}

static void
lodge_machine_page_dispose (GObject *object)
{
  drop_item (LODGE_MACHINE_PAGE (object));

  G_OBJECT_CLASS (lodge_machine_page_parent_class)->dispose (object);
}

static void
lodge_machine_page_class_init (LodgeMachinePageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_machine_page_dispose;

  signals[SHOW_CONSOLE] = g_signal_new ("show-console", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                        NULL, NULL, G_TYPE_NONE, 0);
  signals[SHOW_SETTINGS] = g_signal_new ("show-settings", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                         NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-machine-page.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, stack);
  gtk_widget_class_bind_template_child_full (widget_class, "machine_menu", FALSE,
                                             G_STRUCT_OFFSET (LodgeMachinePage, menu));
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, menu_button);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, screen);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, placeholder);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, primary);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, name_stack);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, name);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, name_entry);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, state_box);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, state_icon);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, state);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, spinner);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, pause);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, resume);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, shutdown);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, notice);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, notice_text);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, notice_log);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, pending);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, pending_title);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, pending_names);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, cards);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, system);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, display);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, storage);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, network);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, snapshots);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, backups);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, family);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachinePage, jobs);
  gtk_widget_class_bind_template_callback (widget_class, primary_cb);
  gtk_widget_class_bind_template_callback (widget_class, row_activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, name_done_cb);
  gtk_widget_class_bind_template_callback (widget_class, name_key_cb);
}

static void
lodge_machine_page_init (LodgeMachinePage *self)
{
  g_autoptr (GSimpleActionGroup) none = g_simple_action_group_new ();

  /* Buttons look for actions only in those ancestors that had any when they were put in. */
  gtk_widget_insert_action_group (GTK_WIDGET (self), "machine", G_ACTION_GROUP (none));
  g_type_ensure (LODGE_TYPE_SCREEN);
  g_type_ensure (LODGE_TYPE_JOB_LIST);
  gtk_widget_init_template (GTK_WIDGET (self));
  lodge_menu_button_set_menu (self->menu_button, self->menu);
}

void
lodge_machine_page_set_item (LodgeMachinePage *self, LodgeLibrary *library, LodgeMachineItem *item)
{
  if (item == self->item)
    return;

  drop_item (self);
  gtk_stack_set_visible_child_name (self->name_stack, "label");
  lodge_job_list_set_machine (self->jobs, library, item);
  if (item == NULL)
    return;

  self->library = g_object_ref (library);
  self->item = g_object_ref (item);
  lodge_machine_item_load (item);
  self->actions = lodge_machine_actions_new (library, item, GTK_WIDGET (self));
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  g_signal_connect_swapped (item, "notify::busy", G_CALLBACK (update), self);
  g_signal_connect_swapped (lodge_library_get_machines (library), "items-changed", G_CALLBACK (update_family), self);
  g_signal_connect_swapped (library, "changed", G_CALLBACK (update_backups), self);
  g_signal_connect_swapped (item, "notify::picture", G_CALLBACK (update_picture), self);
  self->list = lodge_snapshot_list_new (item);
  g_signal_connect_swapped (self->list, "changed", G_CALLBACK (update_snapshots), self);
  update (self);
  update_snapshots (self);
}

LodgeMachineItem *
lodge_machine_page_get_item (LodgeMachinePage *self)
{
  return self->item;
}

GMenuModel *
lodge_machine_page_get_menu (LodgeMachinePage *self)
{
  return self->menu;
}

GActionGroup *
lodge_machine_page_get_actions (LodgeMachinePage *self)
{
  return self->actions != NULL ? lodge_machine_actions_get_group (self->actions) : NULL;
}

LodgeSnapshotList *
lodge_machine_page_get_snapshots (LodgeMachinePage *self)
{
  return self->list;
}

void
lodge_machine_page_rename (LodgeMachinePage *self)
{
  if (self->item == NULL || lodge_machine_item_get_state (self->item) == LODGE_MACHINE_BROKEN)
    return;

  gtk_editable_set_text (GTK_EDITABLE (self->name_entry), lodge_machine_item_get_name (self->item));
  gtk_stack_set_visible_child_name (self->name_stack, "entry");
  gtk_widget_grab_focus (GTK_WIDGET (self->name_entry));
}

void
lodge_machine_page_set_narrow (LodgeMachinePage *self, gboolean narrow)
{
  GtkOrientation orientation = narrow ? GTK_ORIENTATION_VERTICAL : GTK_ORIENTATION_HORIZONTAL;

  gtk_orientable_set_orientation (GTK_ORIENTABLE (self->pending), orientation);
  gtk_orientable_set_orientation (GTK_ORIENTABLE (self->notice), orientation);
}
