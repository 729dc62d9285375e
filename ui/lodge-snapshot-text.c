/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-text.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-machine-text.h"

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

char *
lodge_snapshot_text_span (gint64 seconds)
{
  guint n;

  if (seconds < MINUTE)
    {
      n = (guint) MAX (seconds, 1);
      return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u second", "%u seconds", n), n);
    }
  if (seconds < 2 * HOUR)
    {
      n = (guint) (seconds / MINUTE);
      return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u minute", "%u minutes", n), n);
    }
  if (seconds < 2 * DAY)
    {
      n = (guint) (seconds / HOUR);
      return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u hour", "%u hours", n), n);
    }
  n = (guint) MIN (seconds / DAY, G_MAXINT);
  return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u day", "%u days", n), n);
}

static gint64
day_of (GDateTime *date)
{
  return g_date_time_get_year (date) * 366 + g_date_time_get_day_of_year (date);
}

char *
lodge_snapshot_text_when (gint64 created, gint64 now)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_local (created);
  g_autoptr (GDateTime) today = g_date_time_new_from_unix_local (now);
  g_autoptr (GDateTime) yesterday = today != NULL ? g_date_time_add_days (today, -1) : NULL;
  g_autofree char *time = date != NULL ? g_date_time_format (date, "%H:%M") : NULL;
  g_autofree char *day = NULL;

  if (time == NULL || yesterday == NULL)
    return g_strdup (_("Unknown time"));
  if (day_of (date) == day_of (today))
    /* Translators: %s is a time of day, "14:05" */
    return g_strdup_printf (_("Today, %s"), time);
  if (day_of (date) == day_of (yesterday))
    /* Translators: %s is a time of day, "14:05" */
    return g_strdup_printf (_("Yesterday, %s"), time);
  /* Translators: a date, in the form of g_date_time_format(): "3 March 2026" */
  day = g_date_time_format (date, _("%-e %B %Y"));
  /* Translators: date, time of day: "3 March 2026, 14:05" */
  return g_strdup_printf (_("%s, %s"), day, time);
}

/* The core calls a snapshot by its time when nobody gave it a name. */
static gboolean
is_named_by_time (LodgeSnapshotItem *item)
{
  const char *name = lodge_snapshot_item_get_name (item);

  return *name == '\0' ||
         g_regex_match_simple ("^\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}(:\\d{2})?$", name, G_REGEX_DEFAULT, 0);
}

char *
lodge_snapshot_text_title (LodgeSnapshotItem *item, gint64 now)
{
  if (lodge_snapshot_item_is_present (item))
    return g_strdup (_("You Are Here"));
  if (is_named_by_time (item))
    return lodge_snapshot_text_when (lodge_snapshot_item_get_created (item), now);
  return g_strdup (lodge_snapshot_item_get_name (item));
}

static void
add_fact (GString *facts, const char *fact)
{
  if (fact == NULL)
    return;
  if (facts->len > 0)
    g_string_append (facts, " · ");
  g_string_append (facts, fact);
}

static char *
present_facts (LodgeSnapshotList *list, gint64 now)
{
  LodgeMachineItem *machine = lodge_snapshot_list_get_machine (list);
  g_autofree char *loss = lodge_snapshot_text_loss (list, now);
  GString *facts = g_string_new (lodge_machine_text_state (machine));

  if (loss != NULL)
    add_fact (facts, loss);
  else if (lodge_snapshot_list_get_current (list) != NULL)
    add_fact (facts, _("nothing changed since the snapshot"));
  return g_string_free (facts, FALSE);
}

/* @first: it begins the line */
static const char *
kind_of (LodgeSnapshotItem *item, gboolean first)
{
  if (lodge_snapshot_item_has_memory (item))
    return first ? _("With memory") : _("with memory");
  /* Translators: a snapshot of a guest that ran, without its memory; of a machine that was off */
  if (*lodge_snapshot_item_get_reason (item) != '\0')
    return first ? _("Disks only") : _("disks only");
  return first ? _("Was off") : _("was off");
}

char *
lodge_snapshot_text_facts (LodgeSnapshotItem *item, LodgeSnapshotList *list, gint64 now)
{
  g_autofree char *when = NULL;
  g_autofree char *size = NULL;
  GString *facts;

  if (lodge_snapshot_item_is_present (item))
    return present_facts (list, now);

  facts = g_string_new (NULL);
  if (!is_named_by_time (item))
    {
      when = lodge_snapshot_text_when (lodge_snapshot_item_get_created (item), now);
      add_fact (facts, when);
    }
  add_fact (facts, kind_of (item, facts->len == 0));
  size = g_format_size (lodge_snapshot_item_get_size (item));
  add_fact (facts, size);
  return g_string_free (facts, FALSE);
}

char *
lodge_snapshot_text_spoken (LodgeSnapshotItem *item, LodgeSnapshotList *list, gint64 now)
{
  g_autofree char *title = lodge_snapshot_text_title (item, now);
  g_autofree char *facts = lodge_snapshot_text_facts (item, list, now);
  LodgeSnapshotItem *parent = lodge_snapshot_list_find (list, lodge_snapshot_item_get_parent (item));
  GString *spoken = g_string_new (title);

  g_string_append_printf (spoken, ", %s", facts);
  if (lodge_snapshot_item_is_automatic (item))
    g_string_append_printf (spoken, ", %s", _("automatic"));
  if (*lodge_snapshot_item_get_note (item) != '\0')
    g_string_append_printf (spoken, ", %s", lodge_snapshot_item_get_note (item));
  if (parent != NULL)
    {
      g_autofree char *name = lodge_snapshot_text_title (parent, now);

      g_string_append (spoken, ", ");
      /* Translators: how a screen reader says where a snapshot stands in the tree */
      g_string_append_printf (spoken, _("after %s"), name);
    }
  return g_string_free (spoken, FALSE);
}

char *
lodge_snapshot_text_loss (LodgeSnapshotList *list, gint64 now)
{
  LodgeMachineItem *machine = lodge_snapshot_list_get_machine (list);
  LodgeSnapshotItem *current = lodge_snapshot_list_get_current (list);
  LodgeSnapshotItem *newest = lodge_snapshot_list_get_newest (list);
  gint64 since = current != NULL ? lodge_snapshot_item_get_created (current) : 0;
  gint64 started = lodge_machine_item_get_last_started (machine);
  g_autofree char *span = NULL;
  g_autofree char *when = NULL;

  if (lodge_machine_item_is_up (machine))
    {
      /* What came after a restore counts from when it began, not from when the snapshot was taken. */
      span = lodge_snapshot_text_span (now - MAX (since, started));
      /* Translators: what is lost by going back: "41 minutes of changes" */
      return g_strdup_printf (_("%s of changes"), span);
    }
  /* Nothing since, when it was taken of the machine that was off, or when it was gone back to (the newest is another) and not
   * started again. */
  if (newest != NULL && lodge_snapshot_item_get_created (newest) >= started &&
      (newest != current || (!lodge_snapshot_item_has_memory (newest) && *lodge_snapshot_item_get_reason (newest) == '\0')))
    return NULL;
  if (started == 0)
    return NULL;
  when = lodge_snapshot_text_when (MAX (since, started), now);
  /* Translators: "changes since Today, 14:05" */
  return g_strdup_printf (_("changes since %s"), when);
}

char *
lodge_snapshot_text_summary (LodgeSnapshotList *list)
{
  guint n = lodge_snapshot_list_get_n (list);
  g_autofree char *size = g_format_size (lodge_snapshot_list_get_size (list));

  if (n == 0)
    return g_strdup (_("None yet"));
  /* Translators: number of snapshots, their size together: "3 snapshots, 240 MB" */
  return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u snapshot, %s", "%u snapshots, %s", n), n, size);
}

char *
lodge_snapshot_text_reasons (const char *const *reasons)
{
  static const struct
  {
    const char *code;
    const char *sentence;
  } sentences[] = {
    { "nvme", N_("QEMU cannot save the state of an NVMe disk. Connect the disk by another bus in the settings to keep the memory, too.") },
    { "disk-format", N_("QEMU does not save the memory of a machine with a disk in this format. Convert the disk to qcow2 in the settings to keep the memory, too.") },
    { "3d", N_("The graphics card’s part of the memory cannot be saved. Switch 3D acceleration off to keep the memory, too.") },
    { "no-space", N_("There is not enough free space for the memory.") },
    { "disk-outside", N_("A disk lies outside of the machine’s folder, so no snapshot can hold it. Convert it in the settings, which makes a copy inside.") },
  };
  GString *text = g_string_new (NULL);

  for (guint i = 0; reasons != NULL && reasons[i] != NULL; i++)
    for (guint s = 0; s < G_N_ELEMENTS (sentences); s++)
      if (g_str_equal (reasons[i], sentences[s].code))
        g_string_append_printf (text, "%s%s", text->len > 0 ? "\n\n" : "", _(sentences[s].sentence));
  if (text->len == 0)
    g_string_append (text, _("Something that this machine uses cannot be saved while it runs."));
  return g_string_free (text, FALSE);
}
