/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-backup-text.h"

#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error-text.h"
#include "ui/lodge-interval-row.h"
#include "ui/lodge-snapshot-text.h"

static const char *
get_string (GVariant *facts, const char *key)
{
  const char *value = "";

  g_variant_lookup (facts, key, "&s", &value);
  return value;
}

static gint64
get_time (GVariant *facts, const char *key)
{
  gint64 value = 0;

  g_variant_lookup (facts, key, "x", &value);
  return value;
}

char *
lodge_backup_text_title (GVariant *facts, gboolean named, gint64 now)
{
  g_autofree char *when = NULL;

  if (*get_string (facts, "fault") != '\0')
    return g_strdup (_("A Backup That Cannot Be Used"));
  when = lodge_snapshot_text_when (get_time (facts, "created"), now);
  /* Translators: name of a machine, time of its backup */
  return named ? g_strdup_printf (_("%s · %s"), get_string (facts, "name"), when) : g_steal_pointer (&when);
}

/* The code that a D-Bus property tells as a word. */
static int
find_code (const char *name)
{
  for (int code = 0; code < LODGE_N_ERRORS; code++)
    if (g_str_equal (lodge_error_code_name (code), name))
      return code;
  return LODGE_ERROR_FAILED;
}

static char *
fault_text (GVariant *facts)
{
  const char *fault = get_string (facts, "fault");

  if (g_str_equal (fault, "newer-schema"))
    return g_strdup (_("It was made by a newer Lodge. Update Lodge to use it."));
  if (g_str_equal (fault, "wrong-format"))
    return g_strdup (_("It is not as Lodge has written it. Use another one."));
  return g_strdup (_("It could not be read. Check the disk that it lies on."));
}

static const char *
consistency_text (const char *word)
{
  if (g_str_equal (word, "off"))
    return _("the machine was off");
  if (g_str_equal (word, "frozen"))
    return _("the guest held still");
  return _("as after a power cut");
}

char *
lodge_backup_text_facts (GVariant *facts, gint64 now)
{
  guint64 size = 0, stored = 0;
  gint64 verified = get_time (facts, "verified");
  gboolean damaged = FALSE;
  g_autofree char *whole = NULL;
  g_autofree char *own = NULL;
  g_autofree char *sizes = NULL;
  g_autofree char *when = NULL;
  g_autofree char *checked = NULL;

  if (*get_string (facts, "fault") != '\0')
    return fault_text (facts);
  g_variant_lookup (facts, "size", "t", &size);
  g_variant_lookup (facts, "stored", "t", &stored);
  g_variant_lookup (facts, "damaged", "b", &damaged);
  whole = g_format_size (size);
  own = g_format_size (stored);
  /* Translators: how large the disks are; how much of that this backup had to write */
  sizes = g_strdup_printf (_("%s of disks, %s stored"), whole, own);
  when = lodge_snapshot_text_when (verified, now);
  if (verified == 0)
    checked = g_strdup (_("not verified"));
  else
    checked = g_strdup_printf (damaged ? _("found damaged: %s") : _("verified: %s"), when);
  return g_strdup_printf ("%s · %s · %s", sizes, consistency_text (get_string (facts, "consistent")), checked);
}

char *
lodge_backup_text_loss (GVariant *facts, LodgeMachineItem *item, gint64 now)
{
  gint64 created = get_time (facts, "created");
  g_autofree char *when = NULL;

  if (g_str_equal (get_string (facts, "consistent"), "off") && lodge_machine_item_get_last_started (item) <= created)
    return NULL;
  when = lodge_snapshot_text_when (created, now);
  return g_strdup_printf (_("changes since %s"), when);
}

char *
lodge_backup_text_summary (LodgeMachineItem *item, gint64 now)
{
  GVariant *automatic = lodge_machine_item_get_automatic (item);
  const char *path = lodge_machine_item_setting_string (item, "backup-folder", "");
  guint hours = (guint) lodge_machine_item_setting_uint (item, "backup-every", 0);
  gint64 last = get_time (automatic, "last-backup");
  g_autofree char *every = NULL;
  g_autofree char *when = NULL;
  g_autofree char *trouble = lodge_backup_text_trouble (item, "backup", now);

  if (*path == '\0')
    return g_strdup (_("None yet"));
  if (trouble != NULL)
    return g_steal_pointer (&trouble);
  if (hours == 0)
    return g_strdup (_("When asked for"));
  every = lodge_interval_text (hours * 60);
  if (last == 0)
    return g_steal_pointer (&every);
  when = lodge_snapshot_text_when (last, now);
  /* Translators: "Every day; last: Today, 14:05" */
  return g_strdup_printf (_("%s; last: %s"), every, when);
}

char *
lodge_backup_text_error (const GError *error, const char *path)
{
  g_autofree char *display = g_filename_display_name (path);
  LodgeErrorContext about = { .file = display, .role = "backups" };

  return lodge_error_text (error, &about);
}

char *
lodge_backup_text_trouble (LodgeMachineItem *item, const char *what, gint64 now)
{
  GVariant *automatic = lodge_machine_item_get_automatic (item);
  gboolean backup = g_str_equal (what, "backup");
  g_autofree char *code_key = g_strconcat (what, "-error", NULL);
  g_autofree char *message_key = g_strconcat (what, "-message", NULL);
  g_autofree char *next_key = g_strconcat ("next-", what, NULL);
  const char *code = get_string (automatic, code_key);
  gint64 next = get_time (automatic, next_key);
  g_autoptr (GError) error = NULL;
  g_autofree char *sentence = NULL;
  g_autofree char *when = NULL;

  if (*code == '\0')
    return NULL;
  error = g_error_new_literal (LODGE_ERROR, find_code (code), get_string (automatic, message_key));
  /* What is not found is the folder: of the backups in it none was asked for. */
  if (backup && error->code == LODGE_ERROR_NOT_FOUND)
    error->code = LODGE_ERROR_IO;
  if (backup && error->code == LODGE_ERROR_NO_SPACE)
    sentence = g_strdup_printf (_("The last backup was not made: there is not enough free space in “%s”, or where the machine lies. Free some."),
                                lodge_machine_item_setting_string (item, "backup-folder", ""));
  else if (backup)
    sentence = lodge_backup_text_error (error, lodge_machine_item_setting_string (item, "backup-folder", ""));
  else if (error->code == LODGE_ERROR_NO_SPACE)
    sentence = g_strdup (_("The last one was left out: less than 2 GB or a twentieth of the disk is free. Free some space."));
  else
    {
      LodgeErrorContext about = { .machine = lodge_machine_item_get_name (item) };

      sentence = lodge_error_text (error, &about);
    }
  if (next == 0)
    return g_steal_pointer (&sentence);
  when = lodge_snapshot_text_when (next, now);
  /* Translators: why something failed; when it is tried again, "Today, 14:05" */
  return g_strdup_printf (_("%s Next attempt: %s."), sentence, when);
}
