/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-schedule.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error-text.h"
#include "ui/lodge-backup-text.h"
#include "ui/lodge-interval-row.h"
#include "ui/lodge-snapshot-text.h"
#include "ui/lodge-switch-row.h"

typedef struct
{
  LodgeSnapshotList *list; /* (owned) */
  AdwActionRow *state;
  GtkWidget *warning;
} Schedule;

static char *
describe (LodgeMachineItem *item, gint64 now)
{
  guint minutes = (guint) lodge_machine_item_setting_uint (item, "snapshot-every", 0);
  gboolean before_start = lodge_machine_item_setting_boolean (item, "snapshot-before-start", FALSE);
  g_autofree char *every = lodge_interval_text (minutes);
  g_autofree char *when = NULL;
  gint64 next = 0;

  if (minutes == 0)
    return g_strdup (before_start ? _("Before each start") : _("Off"));
  g_variant_lookup (lodge_machine_item_get_automatic (item), "next-snapshot", "x", &next);
  if (next > 0)
    {
      when = lodge_snapshot_text_when (MAX (next, now), now);
      /* Translators: "Every 30 minutes; next: Today, 14:30" */
      return g_strdup_printf (_("%s; next: %s"), every, when);
    }
  if (before_start)
    /* Translators: "Every 30 minutes while it runs, and before each start" */
    return g_strdup_printf (_("%s while it runs, and before each start"), every);
  return g_strdup_printf (_("%s while it runs"), every);
}

char *
lodge_snapshot_schedule_text (LodgeSnapshotList *list)
{
  LodgeMachineItem *item = lodge_snapshot_list_get_machine (list);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  char *trouble = lodge_backup_text_trouble (item, "snapshot", now);

  if (trouble == NULL)
    trouble = lodge_left_out_text (lodge_machine_item_get_automatic (item), lodge_machine_item_get_name (item));
  return trouble != NULL ? trouble : describe (item, now);
}

static char *
count (LodgeSnapshotList *list)
{
  GListModel *rows = lodge_snapshot_list_get_rows (list);
  guint n = g_list_model_get_n_items (rows), found = 0;
  guint64 size = 0;
  g_autofree char *text = NULL;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeSnapshotItem) item = g_list_model_get_item (rows, i);

      if (lodge_snapshot_item_is_automatic (item))
        {
          found++;
          size += lodge_snapshot_item_get_size (item);
        }
    }
  text = g_format_size (size);
  /* Translators: number of automatic snapshots, their size together */
  return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u is kept, %s", "%u are kept, %s", found), found, text);
}

static void
update (Schedule *self)
{
  LodgeMachineItem *item = lodge_snapshot_list_get_machine (self->list);
  g_autofree char *text = lodge_snapshot_schedule_text (self->list);
  g_autofree char *kept = count (self->list);
  g_autofree char *both = g_strdup_printf ("%s\n%s", text, kept);
  GVariant *automatic = lodge_machine_item_get_automatic (item);
  const char *code = NULL;

  adw_action_row_set_subtitle (self->state, both);
  gtk_widget_set_visible (self->warning, g_variant_lookup (automatic, "snapshot-error", "&s", &code)
                                           || g_variant_lookup (automatic, "before-start-error", "&s", &code));
}

static void
schedule_free (gpointer data, GObject *window)
{
  Schedule *self = data;

  g_signal_handlers_disconnect_by_data (self->list, self);
  g_object_unref (self->list);
  g_free (self);
}

static GtkWidget *
make_state (Schedule *self)
{
  GtkWidget *row = adw_action_row_new ();

  self->state = ADW_ACTION_ROW (row);
  self->warning = gtk_image_new_from_icon_name ("dialog-warning-symbolic");
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), _("Now"));
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_action_row_set_subtitle_lines (self->state, 0);
  adw_action_row_add_prefix (self->state, self->warning);
  return row;
}

void
lodge_snapshot_schedule_present (GtkWidget *from, LodgeSnapshotList *list)
{
  LodgeMachineItem *item = lodge_snapshot_list_get_machine (list);
  Schedule *self = g_new0 (Schedule, 1);
  GtkWidget *window = g_object_new (ADW_TYPE_PREFERENCES_WINDOW, "title", _("Automatic Snapshots"), "modal", TRUE,
                                    "search-enabled", FALSE, "default-width", 480, "default-height", 460, "transient-for",
                                    gtk_widget_get_root (from), NULL);
  GtkWidget *page = adw_preferences_page_new (), *group = adw_preferences_group_new (), *kept = adw_preferences_group_new ();
  GtkWidget *every = g_object_new (LODGE_TYPE_INTERVAL_ROW, "key", "snapshot-every", "unit", 1, "title", _("While It Runs"), NULL);
  GtkWidget *start = g_object_new (LODGE_TYPE_SWITCH_ROW, "key", "snapshot-before-start", "title", _("Before Each Start"), "subtitle",
                                   _("When something has changed since the last one"), NULL);

  self->list = g_object_ref (list);
  lodge_interval_row_set_item (LODGE_INTERVAL_ROW (every), item);
  lodge_switch_row_set_item (LODGE_SWITCH_ROW (start), item);
  adw_preferences_group_set_description (ADW_PREFERENCES_GROUP (group),
                                         _("They hold the disks, without the memory. None is taken while space is short: less "
                                           "than 2 GB, or a twentieth of the disk."));
  adw_preferences_group_set_title (ADW_PREFERENCES_GROUP (kept), _("How Long They Are Kept"));
  adw_preferences_group_set_description (ADW_PREFERENCES_GROUP (kept),
                                         _("All of the last hour, then one an hour for a day, one a day for two weeks and one a "
                                           "week for twelve weeks. One that has a note stays until you delete it."));
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), every);
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), start);
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (kept), make_state (self));
  adw_preferences_page_add (ADW_PREFERENCES_PAGE (page), ADW_PREFERENCES_GROUP (group));
  adw_preferences_page_add (ADW_PREFERENCES_PAGE (page), ADW_PREFERENCES_GROUP (kept));
  adw_preferences_window_add (ADW_PREFERENCES_WINDOW (window), ADW_PREFERENCES_PAGE (page));
  g_signal_connect_swapped (list, "changed", G_CALLBACK (update), self);
  g_object_weak_ref (G_OBJECT (window), schedule_free, self);
  update (self);
  gtk_window_present (GTK_WINDOW (window));
}
