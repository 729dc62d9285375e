/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/machine/lodge-automatic-plan.h"
#include "core/machine/lodge-automatic.h"
#include "tests/unit/lodge-fake-host.h"

#include <glib/gstdio.h>
#include <string.h>

#define HOUR 3600
#define DAY (24 * HOUR)
#define START 1700000000

static void
test_next (void)
{
  g_assert_cmpint (lodge_automatic_next (0, HOUR, 0, START), ==, START);
  g_assert_cmpint (lodge_automatic_next (START - 10, HOUR, 0, START), ==, START - 10 + HOUR);
  g_assert_cmpint (lodge_automatic_next (START - DAY, HOUR, 0, START), ==, START - DAY + HOUR);
  g_assert_cmpint (lodge_automatic_next (START - DAY, HOUR, START - 1, START), ==, START - 1 + LODGE_AUTOMATIC_RETRY);
  /* A clock that was set back by a year. */
  g_assert_cmpint (lodge_automatic_next (START + 365 * DAY, HOUR, START + 365 * DAY, START), ==, START + HOUR);
}

/* 2 GiB, and a twentieth of a large disk. */
static void
test_space (void)
{
  const guint64 gib = G_GUINT64_CONSTANT (1) << 30;

  g_assert_true (lodge_automatic_is_enough (2 * gib, 3 * gib));
  g_assert_false (lodge_automatic_is_enough (2 * gib - 1, 3 * gib));
  g_assert_true (lodge_automatic_is_enough (5 * gib, 100 * gib));
  g_assert_false (lodge_automatic_is_enough (5 * gib - 1, 100 * gib));
}

/* One every ten minutes for half a year, thinned after each: as many are left as the rules say, whatever the way there. */
static void
test_thin (void)
{
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 now = START, last = 0;
  guint hours = 0, days = 0, weeks = 0;

  for (guint i = 0; i < 6 * 24 * 180; i++, now += 600)
    {
      g_autoptr (GArray) gone = NULL;

      g_array_append_val (times, now);
      gone = lodge_automatic_thin (times, now);
      for (guint n = gone->len; n > 0; n--)
        {
          guint at = g_array_index (gone, guint, n - 1);

          g_assert_cmpuint (at, <, times->len - 1);
          g_array_remove_index (times, at);
        }
      g_assert_cmpuint (times->len, <=, 6 + 1 + 24 + 14 + 12 + 2);
    }
  now -= 600;
  for (guint i = 0; i < times->len; i++)
    {
      gint64 time = g_array_index (times, gint64, i), age = now - time;

      g_assert_cmpint (time, >, last);
      last = time;
      hours += age < HOUR;
      days += age >= HOUR && age < DAY;
      weeks += age >= DAY && age < 14 * DAY;
      g_assert_cmpint (age, <, 84 * DAY);
      if (i > 0)
        g_assert_cmpint (time - g_array_index (times, gint64, i - 1), <=, 8 * DAY);
    }
  g_assert_cmpuint (hours, ==, 6);
  g_assert_cmpuint (days, >=, 22);
  g_assert_cmpuint (days, <=, 24);
  g_assert_cmpuint (weeks, >=, 12);
  g_assert_cmpuint (weeks, <=, 14);
}

static void
test_thin_little (void)
{
  static const gint64 few[] = { START - 900 * DAY, START - 5 };
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autoptr (GArray) nothing = lodge_automatic_thin (times, START);
  g_autoptr (GArray) one = NULL, two = NULL;

  g_assert_cmpuint (nothing->len, ==, 0);
  /* The only one stays, however old it is. */
  g_array_append_vals (times, few, 1);
  one = lodge_automatic_thin (times, START);
  g_assert_cmpuint (one->len, ==, 0);
  g_array_append_vals (times, few + 1, 1);
  two = lodge_automatic_thin (times, START);
  g_assert_cmpuint (two->len, ==, 1);
  g_assert_cmpuint (g_array_index (two, guint, 0), ==, 0);
}

/* ---- Backups on a schedule ---- */

typedef struct
{
  LodgeFakeHost  *host;
  LodgeAutomatic *automatic;
  gint64          now;
  char           *safe;
} Fixture;

static gint64
clock_cb (gpointer data)
{
  return ((Fixture *) data)->now;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  LodgeProfile *profile = lodge_profile_new ("Fake", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);

  f->host = lodge_fake_host_new ("7.2");
  f->safe = g_build_filename (f->host->folder, "safe", NULL);
  f->now = START;
  profile->firmware = LODGE_FIRMWARE_BIOS;
  profile->backup_every = 24;
  profile->backup_folder = g_strdup (f->safe);
  lodge_fake_host_add_machine (f->host, profile);
  f->automatic = lodge_automatic_new (f->host->engine, clock_cb, f);
  lodge_automatic_watch (f->automatic, f->host->machine);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->automatic);
  lodge_fake_host_free (f->host);
  g_free (f->safe);
}

static gboolean
says (Fixture *f, const char *key)
{
  g_autoptr (GVariant) facts = g_variant_ref_sink (lodge_automatic_describe (f->automatic, f->host->machine));
  g_autoptr (GVariant) value = g_variant_lookup_value (facts, key, NULL);

  return value != NULL;
}

static guint
count_backups (Fixture *f)
{
  g_autoptr (GDir) dir = g_dir_open (f->safe, 0, NULL);
  const char *set = dir != NULL ? g_dir_read_name (dir) : NULL;
  g_autofree char *path = set != NULL ? g_build_filename (f->safe, set, NULL) : NULL;
  g_autoptr (GDir) inner = path != NULL ? g_dir_open (path, 0, NULL) : NULL;
  const char *name;
  guint n = 0;

  while (inner != NULL && (name = g_dir_read_name (inner)) != NULL)
    n += *name != '.';
  return n;
}

static void
test_backups (Fixture *f, gconstpointer data)
{
  /* The disk with the folder is not connected: told, and tried again. */
  g_assert_cmpint (lodge_automatic_tick (f->automatic), !=, 0);
  lodge_fake_until (says (f, "backup-error"));
  g_assert_cmpint (lodge_automatic_tick (f->automatic), ==, START + LODGE_AUTOMATIC_RETRY);
  g_assert_cmpint (g_mkdir (f->safe, 0700), ==, 0);
  f->now += LODGE_AUTOMATIC_RETRY;
  lodge_automatic_tick (f->automatic);
  lodge_fake_until (says (f, "last-backup"));
  g_assert_false (says (f, "backup-error"));
  g_assert_cmpuint (count_backups (f), ==, 1);
  /* Nobody started it since, so there is nothing to do, ever. */
  f->now += 30 * DAY;
  g_assert_cmpint (lodge_automatic_tick (f->automatic), ==, 0);
  g_assert_false (says (f, "next-backup"));
  g_assert_cmpuint (count_backups (f), ==, 1);

  /* The next core knows of it. */
  g_clear_object (&f->automatic);
  f->automatic = lodge_automatic_new (f->host->engine, clock_cb, f);
  lodge_automatic_watch (f->automatic, f->host->machine);
  g_assert_cmpint (lodge_automatic_tick (f->automatic), ==, 0);
  g_assert_true (says (f, "last-backup"));
}

int
main (int argc, char **argv)
{
  lodge_fake_host_main (argc, argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/automatic/next", test_next);
  g_test_add_func ("/automatic/space", test_space);
  g_test_add_func ("/automatic/thin", test_thin);
  g_test_add_func ("/automatic/thin-little", test_thin_little);
  g_test_add ("/automatic/backups", Fixture, NULL, set_up, test_backups, tear_down);
  return g_test_run ();
}
