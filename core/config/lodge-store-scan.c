/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * The folder is the truth; the entries are what was last seen of it. Everything that may have changed a
 * folder, be it the store itself, inotify or another entry's going, ends in scan_folder(): it compares
 * the folder with its entry and adds, changes or removes it. To save is thus to write and to scan.
 *
 * Each id belongs to one entry. A second folder with that id (a copy) is an entry with the fault EXISTS and
 * an id made from its folder's name. When the first goes, the copy is scanned again and takes the id.
 *
 * New machines grow in ".new-NAME", where nobody looks, and appear by one rename. There is one core
 * per user, which a lock makes sure of before the leftovers of a killed one are removed.
 */

#include "config.h"

#include "core/config/lodge-store-private.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/config/lodge-generations.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

void
lodge_store_item_free (gpointer data)
{
  LodgeStoreItem *entry = data;

  g_free (entry->name);
  g_free (entry->public.folder);
  g_free (entry->public.id);
  lodge_profile_free (entry->public.profile);
  g_clear_error (&entry->public.fault);
  g_free (entry);
}

/* The same for the same name, on every host. */
static char *
id_from_name (const char *name)
{
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, name, -1);

  return g_strdup_printf ("%.8s-%.4s-8%.3s-8%.3s-%.12s", hash, hash + 8, hash + 12, hash + 15, hash + 18);
}

/* Looking at folders */

static gboolean
same_file (const struct stat *a, const struct stat *b)
{
  return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mode == b->st_mode &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Whether this is a machine's folder at all: anybody may put anything beside them. */
static gboolean
is_machine_folder (const char *folder)
{
  static const char *const signs[] = { LODGE_MACHINE_FILE, LODGE_MACHINE_FILE ".1",
                                       LODGE_MACHINE_FILE ".2", LODGE_MACHINE_FILE ".3", "disks" };
  struct stat st;

  if (stat (folder, &st) != 0 || !S_ISDIR (st.st_mode))
    return FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (signs); i++)
    {
      g_autofree char *path = g_build_filename (folder, signs[i], NULL);

      /* A folder that may not be entered is shown rather than hidden. */
      if (lstat (path, &st) == 0 || errno == EACCES)
        return TRUE;
    }

  return FALSE;
}

static void
emit (LodgeStore *self, guint signal, gconstpointer argument)
{
  if (!self->quiet)
    g_signal_emit (self, lodge_store_signals[signal], 0, argument);
}

/* Copies of the machine whose id became free. */
static void
scan_copies (LodgeStore *self, const char *id)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  LodgeStoreItem *entry;

  g_hash_table_iter_init (&iter, self->folders);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &entry))
    if (entry->public.profile != NULL && g_str_equal (entry->public.profile->id, id))
      {
        memset (&entry->seen, 0, sizeof entry->seen);
        g_ptr_array_add (names, g_strdup (entry->name));
      }

  for (guint i = 0; i < names->len; i++)
    lodge_store_scan_folder (self, names->pdata[i]);
}

/* @forget: the folder is gone, not only its id */
static void
remove_entry (LodgeStore *self, LodgeStoreItem *entry, gboolean forget)
{
  g_autofree char *id = g_strdup (entry->public.id);

  g_hash_table_remove (self->ids, entry->public.id);
  g_hash_table_steal (self->folders, entry->name);
  if (forget)
    {
      lodge_folder_watch_remove (self->watch, entry->name);
      lodge_registry_set (self->registry, entry->name, NULL);
    }

  emit (self, LODGE_STORE_REMOVED, id);
  lodge_store_item_free (entry);
  scan_copies (self, id);
}

/* The entry of a folder as it is now, not yet known to the store. */
static LodgeStoreItem *
read_entry (LodgeStore *self, const char *name)
{
  LodgeStoreItem *entry = g_new0 (LodgeStoreItem, 1);
  g_autofree char *file = NULL;
  g_autoptr (LodgeProfile) previous = NULL;
  const char *known = lodge_registry_lookup (self->registry, name);
  const char *wanted;

  entry->name = g_strdup (name);
  entry->public.folder = g_build_filename (self->machines_dir, name, NULL);
  file = g_build_filename (entry->public.folder, LODGE_MACHINE_FILE, NULL);
  if (stat (file, &entry->seen) != 0)
    memset (&entry->seen, 0, sizeof entry->seen);
  entry->public.profile = lodge_generations_read (entry->public.folder, &entry->public.fault);
  if (entry->public.fault != NULL)
    {
      previous = lodge_generations_read_previous (entry->public.folder);
      entry->public.has_previous = previous != NULL;
    }

  wanted = entry->public.profile != NULL ? entry->public.profile->id : known;
  entry->public.id = wanted != NULL ? g_strdup (wanted) : id_from_name (name);

  return entry;
}

/* Gives an entry whose id is another folder's an id of its own. */
static void
settle_id (LodgeStore *self, LodgeStoreItem *entry)
{
  LodgeStoreItem *owner = g_hash_table_lookup (self->ids, entry->public.id);

  if (owner == NULL || g_str_equal (owner->name, entry->name))
    return;

  if (entry->public.fault == NULL)
    g_set_error (&entry->public.fault, LODGE_ERROR, LODGE_ERROR_EXISTS,
                 "%s has the id %s already", owner->public.folder, entry->public.id);
  for (guint attempt = 0; owner != NULL; attempt++)
    {
      g_autofree char *seed = g_strdup_printf ("%s/%u", entry->name, attempt);

      g_free (entry->public.id);
      entry->public.id = id_from_name (attempt == 0 ? entry->name : seed);
      owner = g_hash_table_lookup (self->ids, entry->public.id);
      if (owner != NULL && g_str_equal (owner->name, entry->name))
        owner = NULL;
    }
}

static void
insert_entry (LodgeStore *self, LodgeStoreItem *entry)
{
  g_hash_table_replace (self->ids, entry->public.id, entry);
  g_hash_table_replace (self->folders, entry->name, entry);
  lodge_folder_watch_add (self->watch, entry->name);
  if (entry->public.fault == NULL)
    lodge_registry_set (self->registry, entry->name, entry->public.id);
  emit (self, LODGE_STORE_ADDED, &entry->public);
}

/* Puts what was read now into the entry that clients hold. */
static void
replace_entry (LodgeStore *self, LodgeStoreItem *entry, LodgeStoreItem *fresh)
{
  /* A machine that runs goes on with what it had. */
  if (fresh->public.profile != NULL)
    {
      lodge_profile_free (entry->public.profile);
      entry->public.profile = g_steal_pointer (&fresh->public.profile);
    }
  g_clear_error (&entry->public.fault);
  entry->public.fault = g_steal_pointer (&fresh->public.fault);
  entry->public.has_previous = fresh->public.has_previous;
  entry->seen = fresh->seen;
  lodge_store_item_free (fresh);
  emit (self, LODGE_STORE_CHANGED, &entry->public);
}

void
lodge_store_scan_folder (LodgeStore *self, const char *name)
{
  LodgeStoreItem *entry = g_hash_table_lookup (self->folders, name);
  g_autofree char *folder = g_build_filename (self->machines_dir, name, NULL);
  g_autofree char *file = g_build_filename (folder, LODGE_MACHINE_FILE, NULL);
  struct stat st;
  LodgeStoreItem *fresh;

  if (*name == '.' || !is_machine_folder (folder))
    {
      if (entry != NULL)
        remove_entry (self, entry, TRUE);
      else if (*name != '.' && g_file_test (folder, G_FILE_TEST_IS_DIR))
        lodge_folder_watch_add (self->watch, name); /* it may become one */
      return;
    }

  if (entry != NULL && stat (file, &st) == 0 && same_file (&st, &entry->seen))
    return;

  fresh = read_entry (self, name);
  settle_id (self, fresh);
  if (entry != NULL && g_str_equal (fresh->public.id, entry->public.id))
    {
      replace_entry (self, entry, fresh);
      return;
    }
  if (entry != NULL)
    remove_entry (self, entry, FALSE);
  insert_entry (self, fresh);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Names in the folder, sorted. NULL with an error when it cannot be read. */
static GPtrArray *
list_names (LodgeStore *self, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  GDir *dir;
  const char *name;

  errno = 0;
  dir = g_dir_open (self->machines_dir, 0, NULL);
  if (dir == NULL)
    {
      lodge_error_set_errno (error, errno, "reading", self->machines_dir);
      return NULL;
    }

  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_dir_close (dir);
  g_ptr_array_sort (names, compare_names);

  return g_steal_pointer (&names);
}

void
lodge_store_scan_all (LodgeStore *self)
{
  /* Where the folder is gone nobody makes a new one: it may be on its way back. */
  g_autoptr (GPtrArray) names = list_names (self, NULL);
  g_autoptr (GPtrArray) known = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  const char *name;

  g_hash_table_iter_init (&iter, self->folders);
  while (g_hash_table_iter_next (&iter, (gpointer *) &name, NULL))
    g_ptr_array_add (known, g_strdup (name));

  for (guint i = 0; names != NULL && i < names->len; i++)
    lodge_store_scan_folder (self, names->pdata[i]);
  for (guint i = 0; i < known->len; i++)
    lodge_store_scan_folder (self, known->pdata[i]);
}

/* Loading */

/* Which of several folders with one id comes first and so gets it: one that can be read and had it
 * the last time, then one that can be read, then one whose file broke. */
static guint
rank (LodgeStore *self, const LodgeStoreItem *entry)
{
  const char *known = lodge_registry_lookup (self->registry, entry->name);

  if (entry->public.profile == NULL)
    return 2;

  return g_strcmp0 (known, entry->public.id) == 0 ? 0 : 1;
}

static void
remove_leftovers (LodgeStore *self, GPtrArray *names)
{
  for (guint i = 0; i < names->len; i++)
    if (g_str_has_prefix (names->pdata[i], LODGE_STORE_NEW_PREFIX))
      {
        g_autofree char *path = g_build_filename (self->machines_dir, names->pdata[i], NULL);
        g_autoptr (GError) error = NULL;

        if (!lodge_file_tree_remove (path, NULL, &error))
          g_debug ("%s", error->message);
      }
}

static void
take_lock (LodgeStore *self)
{
  if (self->lock >= 0)
    return;

  self->lock = open (self->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (self->lock >= 0 && flock (self->lock, LOCK_EX | LOCK_NB) != 0)
    {
      close (self->lock);
      self->lock = -1;
    }
}

gboolean
lodge_store_load (LodgeStore *self, GError **error)
{
  g_autoptr (GPtrArray) names = NULL;
  g_autoptr (GPtrArray) entries = g_ptr_array_new ();

  if (g_mkdir_with_parents (self->machines_dir, 0700) != 0)
    {
      lodge_error_set_errno (error, errno, "making", self->machines_dir);
      return FALSE;
    }
  names = list_names (self, error);
  if (names == NULL)
    return FALSE;

  take_lock (self);
  if (self->lock >= 0)
    remove_leftovers (self, names);

  /* Before the reading, so that nothing is missed in between. */
  if (!lodge_folder_watch_start (self->watch))
    g_debug ("changes made by hand will not be seen");

  self->quiet = TRUE;
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *folder = g_build_filename (self->machines_dir, names->pdata[i], NULL);

      if (*(char *) names->pdata[i] != '.' && is_machine_folder (folder))
        g_ptr_array_add (entries, read_entry (self, names->pdata[i]));
    }
  for (guint wanted = 0; wanted <= 2; wanted++)
    for (guint i = 0; i < entries->len; i++)
      if (entries->pdata[i] != NULL && rank (self, entries->pdata[i]) == wanted)
        {
          settle_id (self, entries->pdata[i]);
          insert_entry (self, g_steal_pointer (&entries->pdata[i]));
        }
  self->quiet = FALSE;
  lodge_registry_save (self->registry);

  return TRUE;
}
