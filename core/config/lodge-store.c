/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-store-private.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/config/lodge-generations.h"
#include "core/config/lodge-trash.h"
#include "core/config/lodge-disk-trash.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define SLUG_MAX 40

G_DEFINE_FINAL_TYPE (LodgeStore, lodge_store, G_TYPE_OBJECT)

guint lodge_store_signals[LODGE_STORE_N_SIGNALS];

static char *
slug_from_name (const char *name)
{
  g_autofree char *ascii = g_str_to_ascii (name, "C");
  GString *slug = g_string_new (NULL);

  for (const char *p = ascii; *p != '\0' && slug->len < SLUG_MAX; p++)
    if (g_ascii_isalnum (*p))
      g_string_append_c (slug, g_ascii_tolower (*p));
    else if (slug->len > 0 && slug->str[slug->len - 1] != '-')
      g_string_append_c (slug, '-');

  while (slug->len > 0 && slug->str[slug->len - 1] == '-')
    g_string_truncate (slug, slug->len - 1);
  if (slug->len == 0)
    g_string_append (slug, "machine");

  return g_string_free (slug, FALSE);
}

static char *
folder_name (const LodgeProfile *profile)
{
  g_autofree char *slug = slug_from_name (profile->name);

  return g_strdup_printf ("%s-%.8s", slug, profile->id);
}

static void
changed_cb (LodgeFolderWatch *watch, const char *name, gpointer data)
{
  g_autoptr (LodgeStore) self = g_object_ref (data);

  if (name != NULL)
    lodge_store_scan_folder (self, name);
  else
    lodge_store_scan_all (self);
  lodge_registry_save (self->registry);
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  const LodgeStoreEntry *first = *(LodgeStoreEntry *const *) a;
  const LodgeStoreEntry *second = *(LodgeStoreEntry *const *) b;

  return strcmp (first->folder, second->folder);
}

GPtrArray *
lodge_store_list (LodgeStore *self)
{
  GPtrArray *entries = g_ptr_array_sized_new (g_hash_table_size (self->folders));
  GHashTableIter iter;
  gpointer entry;

  /* The public part is the beginning of each entry. */
  g_hash_table_iter_init (&iter, self->folders);
  while (g_hash_table_iter_next (&iter, NULL, &entry))
    g_ptr_array_add (entries, entry);
  g_ptr_array_sort (entries, compare_entries);

  return entries;
}

LodgeStoreEntry *
lodge_store_lookup (LodgeStore *self, const char *id)
{
  LodgeStoreItem *entry = g_hash_table_lookup (self->ids, id);

  return entry != NULL ? &entry->public : NULL;
}

static LodgeStoreItem *
lookup_entry (LodgeStore *self, const char *id, GError **error)
{
  LodgeStoreItem *entry = g_hash_table_lookup (self->ids, id);

  if (entry == NULL)
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "there is no machine %s", id);
  return entry;
}

/* How well @text names @entry: 0 is not at all. */
static guint
match (const LodgeStoreItem *entry, const char *text)
{
  const LodgeProfile *profile = entry->public.profile;

  if (g_str_equal (entry->public.id, text))
    return 4;
  if (entry->public.fault == NULL && profile != NULL && g_str_equal (profile->name, text))
    return 3;
  if (strlen (text) >= 4 && g_str_has_prefix (entry->public.id, text))
    return 2;

  return entry->public.fault != NULL && (g_str_equal (entry->name, text) ||
                                         (profile != NULL && g_str_equal (profile->name, text)));
}

LodgeStoreEntry *
lodge_store_find (LodgeStore *self, const char *text, GError **error)
{
  g_autoptr (GPtrArray) entries = lodge_store_list (self);
  g_autoptr (GString) candidates = g_string_new (NULL);
  LodgeStoreEntry *found = NULL;
  guint best = 1;
  guint n = 0;

  for (guint i = 0; i < entries->len; i++)
    best = MAX (best, match (entries->pdata[i], text));
  for (guint i = 0; i < entries->len; i++)
    if (match (entries->pdata[i], text) == best)
      {
        found = entries->pdata[i];
        g_string_append_printf (candidates, "%s%s", n++ > 0 ? ", " : "", found->id);
      }

  if (n == 1)
    return found;

  if (n == 0)
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "there is no such machine");
  else
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_AMBIGUOUS, "several machines match: %s",
                 candidates->str);
  return NULL;
}

/* Making machines */

char *
lodge_store_prepare (LodgeStore *self, const LodgeProfile *profile, GError **error)
{
  static const char *const parts[] = { "disks", "firmware", "log", "snapshots", "tpm" };
  g_autofree char *name = folder_name (profile);
  g_autofree char *folder = g_strconcat (self->machines_dir, "/" LODGE_STORE_NEW_PREFIX, name, NULL);

  if (g_mkdir_with_parents (self->machines_dir, 0700) != 0 || g_mkdir (folder, 0700) != 0)
    {
      lodge_error_set_errno (error, errno, "making", folder);
      return NULL;
    }
  lodge_folder_watch_start (self->watch);

  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      g_autofree char *part = g_build_filename (folder, parts[i], NULL);

      if (g_mkdir (part, 0700) != 0)
        {
          lodge_error_set_errno (error, errno, "making", part);
          lodge_store_abandon (self, folder);
          return NULL;
        }
    }

  return g_steal_pointer (&folder);
}

void
lodge_store_abandon (LodgeStore *self, const char *prepared)
{
  g_autoptr (GError) error = NULL;

  if (!lodge_file_tree_remove (prepared, NULL, &error))
    g_debug ("%s", error->message);
}

/* Renames @from to a folder of @name below machines/, or of @name-2, @name-3, ... */
static char *
move_in (LodgeStore *self, const char *from, const char *name, GError **error)
{
  for (guint attempt = 1; attempt <= 100; attempt++)
    {
      g_autofree char *free_name = attempt == 1 ? g_strdup (name)
                                                : g_strdup_printf ("%s-%u", name, attempt);
      g_autofree char *folder = g_build_filename (self->machines_dir, free_name, NULL);

      if (lodge_rename_new (from, folder) == 0)
        return g_steal_pointer (&free_name);
      if (errno != EEXIST && errno != ENOTEMPTY)
        break;
    }

  lodge_error_set_errno (error, errno, "moving", from);
  return NULL;
}

static void
sync_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  lodge_folder_sync (data, NULL);
  g_task_return_boolean (task, TRUE);
}

static void
sync_later (const char *folder)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, NULL, NULL);

  g_task_set_task_data (task, g_strdup (folder), g_free);
  g_task_run_in_thread (task, sync_thread);
}

LodgeStoreEntry *
lodge_store_commit (LodgeStore *self, const char *prepared, LodgeProfile *profile, GError **error)
{
  g_autofree char *hidden = g_path_get_basename (prepared);
  /* As it was prepared, whatever the machine is called by now. */
  const char *wanted = g_str_has_prefix (hidden, LODGE_STORE_NEW_PREFIX) ? hidden + strlen (LODGE_STORE_NEW_PREFIX) : NULL;
  g_autofree char *own = folder_name (profile);
  g_autofree char *name = NULL;
  LodgeStoreItem *entry;

  if (g_hash_table_contains (self->ids, profile->id))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_EXISTS, "there is a machine %s already", profile->id);
      return NULL;
    }
  if (!lodge_profile_validate (profile, error) ||
      !lodge_generations_save (prepared, profile, error))
    return NULL;

  name = move_in (self, prepared, wanted != NULL ? wanted : own, error);
  if (name == NULL)
    return NULL;

  /* The machine is there; that its name may be lost in a power cut is no reason to say it is not, or to wait. */
  sync_later (self->machines_dir);
  lodge_store_scan_folder (self, name);
  lodge_registry_save (self->registry);
  entry = g_hash_table_lookup (self->folders, name);
  if (entry == NULL)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_IO, "the new machine's folder vanished");
      return NULL;
    }

  lodge_profile_free (profile);
  return &entry->public;
}

gboolean
lodge_store_save (LodgeStore *self, const char *id, LodgeProfile *profile, GError **error)
{
  LodgeStoreItem *entry = lookup_entry (self, id, error);
  g_autofree char *name = NULL;

  if (entry == NULL)
    return FALSE;

  /* A change made by hand a moment ago may have made the file one that must not be written. */
  name = g_strdup (entry->name);
  lodge_store_scan_folder (self, name);
  entry = lookup_entry (self, id, error);
  if (entry == NULL)
    return FALSE;
  if (entry->public.fault != NULL)
    {
      g_propagate_error (error, g_error_copy (entry->public.fault));
      return FALSE;
    }
  if (!g_str_equal (profile->id, id))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT,
                           "the id of a machine never changes");
      return FALSE;
    }
  if (!lodge_profile_validate (profile, error) ||
      !lodge_generations_save (entry->public.folder, profile, error))
    return FALSE;

  lodge_store_scan_folder (self, name);
  lodge_profile_free (profile);
  return TRUE;
}

gboolean
lodge_store_restore_previous (LodgeStore *self, const char *id, GError **error)
{
  LodgeStoreItem *entry = lookup_entry (self, id, error);
  g_autofree char *name = NULL;

  if (entry == NULL)
    return FALSE;
  if (!g_error_matches (entry->public.fault, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "machine.json is not broken");
      return FALSE;
    }
  if (!lodge_generations_restore (entry->public.folder, error))
    return FALSE;

  name = g_strdup (entry->name);
  lodge_store_scan_folder (self, name);
  lodge_registry_save (self->registry);
  return TRUE;
}

gboolean
lodge_store_make_separate (LodgeStore *self, const char *id, GError **error)
{
  LodgeStoreItem *entry = lookup_entry (self, id, error);
  g_autoptr (LodgeProfile) profile = NULL;
  g_autofree char *name = NULL;

  if (entry == NULL)
    return FALSE;
  if (!g_error_matches (entry->public.fault, LODGE_ERROR, LODGE_ERROR_EXISTS))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE,
                           "the machine is not a copy of another one");
      return FALSE;
    }

  profile = lodge_profile_copy (entry->public.profile);
  g_free (profile->id);
  profile->id = g_uuid_string_random ();
  for (guint i = 0; i < profile->nics->len; i++)
    g_clear_pointer (&((LodgeNic *) profile->nics->pdata[i])->mac, g_free);
  if (!lodge_generations_save (entry->public.folder, profile, error))
    return FALSE;

  name = g_strdup (entry->name);
  lodge_store_scan_folder (self, name);
  lodge_registry_save (self->registry);
  return TRUE;
}

/* The trash */

gboolean
lodge_store_trash (LodgeStore *self, const char *id, GError **error)
{
  LodgeStoreItem *entry = lookup_entry (self, id, error);
  g_autofree char *name = NULL;

  /* A copy goes by the id under which it is known: the one in its profile is the other machine's. */
  if (entry == NULL ||
      !lodge_trash_put (self->trash_dir, entry->public.folder, id,
                        entry->public.profile != NULL ? entry->public.profile->name : entry->name,
                        error))
    return FALSE;

  name = g_strdup (entry->name);
  lodge_store_scan_folder (self, name);
  lodge_registry_save (self->registry);
  return TRUE;
}

static void
remove_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  /* What stays because of a fault, or of a core that was killed now, goes at the next load. */
  g_task_return_boolean (task, lodge_file_tree_remove (data, NULL, NULL));
}

gboolean
lodge_store_discard (LodgeStore *self, const char *id, GError **error)
{
  LodgeStoreItem *entry = lookup_entry (self, id, error);
  g_autoptr (GTask) task = NULL;
  g_autofree char *name = NULL;
  g_autofree char *hidden = NULL;

  if (entry == NULL)
    return FALSE;
  name = g_strdup (entry->name);
  hidden = g_strconcat (self->machines_dir, "/" LODGE_STORE_NEW_PREFIX "gone-", name, NULL);
  if (rename (entry->public.folder, hidden) != 0)
    return lodge_error_set_errno (error, errno, "deleting", entry->public.folder);

  lodge_store_scan_folder (self, name);
  lodge_registry_save (self->registry);
  task = g_task_new (NULL, NULL, NULL, NULL);
  g_task_set_task_data (task, g_steal_pointer (&hidden), g_free);
  g_task_run_in_thread (task, remove_thread);
  return TRUE;
}

const char *
lodge_store_get_trash_dir (LodgeStore *self)
{
  return self->trash_dir;
}

GVariant *
lodge_store_list_trash (LodgeStore *self)
{
  g_autoptr (GPtrArray) items = lodge_trash_list (self->trash_dir);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < items->len; i++)
    {
      const LodgeTrashItem *item = items->pdata[i];

      g_variant_builder_open (&builder, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&builder, "{sv}", "id", g_variant_new_string (item->id));
      g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string (item->name));
      g_variant_builder_add (&builder, "{sv}", "kind",
                             g_variant_new_string (lodge_disk_trash_is_disk (item->path) ? "disk" : "machine"));
      g_variant_builder_add (&builder, "{sv}", "deleted", g_variant_new_int64 (item->deleted));
      g_variant_builder_add (&builder, "{sv}", "size", g_variant_new_uint64 (item->size));
      g_variant_builder_close (&builder);
    }

  return g_variant_builder_end (&builder);
}

/* Out of the trash into a folder of the name that it had, or of NAME-2, NAME-3, ... */
static char *
take_from_trash (LodgeStore *self, const LodgeTrashItem *item, GError **error)
{
  for (guint attempt = 1;; attempt++)
    {
      g_autofree char *name = attempt == 1 ? g_strdup (item->folder)
                                           : g_strdup_printf ("%s-%u", item->folder, attempt);
      g_autofree char *folder = g_build_filename (self->machines_dir, name, NULL);
      g_autoptr (GError) local = NULL;

      if (lodge_trash_take (item, folder, &local))
        return g_steal_pointer (&name);
      if (attempt < 100 && g_error_matches (local, LODGE_ERROR, LODGE_ERROR_EXISTS))
        continue;
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
}

/* A disk goes back to the machine that had it; what follows from that a running guest has at its next start. */
static LodgeStoreEntry *
undelete_disk (LodgeStore *self, const LodgeTrashItem *item, GError **error)
{
  g_autoptr (LodgeProfile) document = lodge_disk_trash_read (item->path, error);
  LodgeStoreEntry *entry = document != NULL ? lodge_store_lookup (self, document->id) : NULL;
  g_autoptr (LodgeProfile) profile = NULL;
  g_autofree char *path = NULL;
  g_autofree char *base = NULL;
  g_autofree char *back = NULL;

  if (document == NULL)
    return NULL;
  if (entry == NULL || entry->profile == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the disk's machine, “%s”, is not there; bring that back first",
                   document->name);
      return NULL;
    }
  profile = lodge_profile_copy (entry->profile);
  path = lodge_disk_trash_take (item->path, entry->folder, profile, error);
  if (path == NULL)
    return NULL;
  if (lodge_profile_validate (profile, error) && lodge_store_save (self, document->id, profile, error))
    {
      g_steal_pointer (&profile); /* the store's now */
      lodge_file_tree_remove (item->path, NULL, NULL);
      return lodge_store_lookup (self, document->id);
    }

  base = g_path_get_basename (((const LodgeDisk *) document->disks->pdata[0])->file);
  back = g_build_filename (item->path, base, NULL);
  lodge_rename_new (path, back);
  return NULL;
}

LodgeStoreEntry *
lodge_store_undelete (LodgeStore *self, const char *text, GError **error)
{
  g_autoptr (LodgeTrashItem) item = lodge_trash_find (self->trash_dir, text, error);
  g_autofree char *name = NULL;
  LodgeStoreItem *entry;

  if (item == NULL || !lodge_store_check_undelete (self, item, error))
    return NULL;
  if (lodge_disk_trash_is_disk (item->path))
    return undelete_disk (self, item, error);
  if (g_mkdir_with_parents (self->machines_dir, 0700) != 0)
    {
      lodge_error_set_errno (error, errno, "making", self->machines_dir);
      return NULL;
    }
  name = take_from_trash (self, item, error);
  if (name == NULL)
    return NULL;

  /* Where a copy took the id meanwhile, this one is the copy now, and can be made separate. */
  if (!g_hash_table_contains (self->ids, item->id))
    lodge_registry_set (self->registry, name, item->id);
  lodge_store_scan_folder (self, name);
  lodge_registry_save (self->registry);
  entry = g_hash_table_lookup (self->folders, name);
  if (entry == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s is not a machine's folder", name);
      return NULL;
    }

  return &entry->public;
}

static void
empty_trash_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  LodgeStore *self = source;
  GError *error = NULL;

  /* The path is set once, at construction. */
  if (lodge_trash_empty (self->trash_dir, data, cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
lodge_store_empty_trash_async (LodgeStore *self, const char *const *ids, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_store_empty_trash_async);
  if (!lodge_store_check_purge (self, ids, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  /* The thread's own word counts: what is deleted is deleted. */
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, g_strdupv ((char **) ids), (GDestroyNotify) g_strfreev);
  g_task_run_in_thread (task, empty_trash_thread);
}

gboolean
lodge_store_empty_trash_finish (LodgeStore *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* The object */

static void
lodge_store_finalize (GObject *object)
{
  LodgeStore *self = LODGE_STORE (object);

  g_signal_handlers_disconnect_by_data (self->watch, self);
  g_clear_object (&self->watch);
  g_clear_pointer (&self->ids, g_hash_table_unref);
  g_clear_pointer (&self->folders, g_hash_table_unref);
  g_clear_pointer (&self->registry, lodge_registry_free);
  if (self->lock >= 0)
    close (self->lock);
  g_free (self->machines_dir);
  g_free (self->trash_dir);
  g_free (self->lock_path);

  G_OBJECT_CLASS (lodge_store_parent_class)->finalize (object);
}

static void
lodge_store_class_init (LodgeStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_store_finalize;

  lodge_store_signals[LODGE_STORE_ADDED] = g_signal_new ("added", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                 NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
  lodge_store_signals[LODGE_STORE_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
  lodge_store_signals[LODGE_STORE_REMOVED] = g_signal_new ("removed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
lodge_store_init (LodgeStore *self)
{
  self->lock = -1;
  self->folders = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, lodge_store_item_free);
  self->ids = g_hash_table_new (g_str_hash, g_str_equal);
}

LodgeStore *
lodge_store_new (const LodgePaths *paths)
{
  LodgeStore *self = g_object_new (LODGE_TYPE_STORE, NULL);

  self->machines_dir = g_strdup (paths->machines_dir);
  self->trash_dir = g_strdup (paths->trash_dir);
  self->lock_path = g_build_filename (paths->data_dir, ".lock", NULL);
  self->registry = lodge_registry_new (paths->state_dir);
  self->watch = lodge_folder_watch_new (paths->machines_dir, LODGE_MACHINE_FILE);
  g_signal_connect (self->watch, "changed", G_CALLBACK (changed_cb), self);

  return self;
}
