/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The trash and families. A linked clone reads on in its parent's files, be it in the trash or not: the clone can come back as long as
 * those are somewhere. So a parent may lie in the trash beside its clones, but it is not deleted for good before them, and a clone
 * comes back only after its parent did. */

#include "config.h"

#include "core/config/lodge-store-private.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-disk-trash.h"

#include <string.h>

#define NAMES_MAX 5

/* Of a machine, or of the machine whose disk @item is. */
static LodgeProfile *
read_profile (const LodgeTrashItem *item)
{
  g_autofree char *path = g_build_filename (item->path, "machine.json", NULL);
  g_autofree char *text = NULL;
  gsize length;

  if (lodge_disk_trash_is_disk (item->path))
    return lodge_disk_trash_read (item->path, NULL);
  text = lodge_file_read (path, LODGE_PROFILE_MAX_BYTES, &length, NULL);
  return text != NULL ? lodge_profile_from_json (text, length, NULL) : NULL;
}

/* The id of the machine in whose files it reads on. (nullable) */
static const char *
parent_of (const LodgeProfile *profile)
{
  gboolean reads = profile != NULL && profile->parent.machine != NULL && g_strcmp0 (profile->parent.kind, "full") != 0;

  return reads ? profile->parent.machine : NULL;
}

static gboolean
goes (const LodgeTrashItem *item, const char *const *ids)
{
  return ids == NULL || *ids == NULL || g_strv_contains (ids, item->id);
}

static gboolean
is_deleted (GPtrArray *items, const char *const *ids, const char *id)
{
  for (guint i = 0; i < items->len; i++)
    {
      const LodgeTrashItem *item = items->pdata[i];

      if (g_str_equal (item->id, id) && goes (item, ids))
        return TRUE;
    }
  return FALSE;
}

static void
add_name (GString *names, guint *n, const char *name)
{
  if ((*n)++ < NAMES_MAX)
    g_string_append_printf (names, "%s“%s”", names->len > 0 ? ", " : "", name);
}

gboolean
lodge_store_check_purge (LodgeStore *self, const char *const *ids, GError **error)
{
  g_autoptr (GPtrArray) items = lodge_trash_list (self->trash_dir);
  g_autoptr (GString) names = g_string_new (NULL);
  GHashTableIter iter;
  gpointer value;
  guint n = 0;

  for (guint i = 0; i < items->len; i++)
    {
      const LodgeTrashItem *item = items->pdata[i];
      g_autoptr (LodgeProfile) profile = goes (item, ids) ? NULL : read_profile (item);
      const char *parent = parent_of (profile);

      /* One that was put back by hand is no less a parent than the one in the trash. */
      if (parent != NULL && lodge_store_lookup (self, parent) == NULL && is_deleted (items, ids, parent))
        add_name (names, &n, item->name);
    }
  g_hash_table_iter_init (&iter, self->ids);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const LodgeStoreItem *item = value;
      const char *parent = parent_of (item->public.profile);

      if (parent != NULL && lodge_store_lookup (self, parent) == NULL && is_deleted (items, ids, parent))
        add_name (names, &n, item->public.profile->name);
    }
  if (n == 0)
    return TRUE;
  if (n > NAMES_MAX)
    g_string_append_printf (names, " and %u more", n - NAMES_MAX);
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_HAS_DEPENDANTS, "built on its disks: %s", names->str);
  return FALSE;
}

gboolean
lodge_store_check_undelete (LodgeStore *self, const LodgeTrashItem *item, GError **error)
{
  g_autoptr (LodgeProfile) profile = read_profile (item);
  const char *parent = parent_of (profile);
  g_autoptr (LodgeTrashItem) trashed = NULL;

  if (parent == NULL || lodge_store_lookup (self, parent) != NULL
      || (trashed = lodge_trash_find (self->trash_dir, parent, NULL)) == NULL || !g_str_equal (trashed->id, parent))
    return TRUE;
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND,
               "the machine “%s”, on whose disks it is built, is in the trash, too; bring that back first", trashed->name);
  return FALSE;
}
