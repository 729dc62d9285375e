/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * trash.json is written into the folder before the folder moves, so that the move is the one step that counts:
 * a core killed in between leaves a machine that is still there, with a trash.json that nobody reads. To delete
 * for good, a folder is first renamed to a hidden name: from then on it cannot be brought back half
 * deleted. What a killed core left under a hidden name goes with the next emptying.
 */

#include "config.h"

#include "core/config/lodge-trash.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/config/lodge-json.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define INFO_FILE "trash.json"
#define INFO_MAX 65536
#define GONE_PREFIX ".gone-"

void
lodge_trash_item_free (LodgeTrashItem *item)
{
  if (item == NULL)
    return;

  g_free (item->path);
  g_free (item->id);
  g_free (item->name);
  g_free (item->folder);
  g_free (item);
}

static gboolean
write_info (const char *folder, const char *id, const char *name, gint64 deleted, GError **error)
{
  g_autoptr (JsonObject) info = json_object_new ();
  g_autofree char *base = g_path_get_basename (folder);
  g_autofree char *valid = g_utf8_make_valid (base, -1);
  g_autofree char *path = g_build_filename (folder, INFO_FILE, NULL);
  g_autofree char *text = NULL;
  gsize length;

  json_object_set_string_member (info, "id", id);
  json_object_set_string_member (info, "name", name);
  json_object_set_string_member (info, "folder", valid);
  json_object_set_int_member (info, "deleted", deleted);
  json_object_set_int_member (info, "size", (gint64) lodge_file_tree_size (folder));
  text = lodge_json_print (info, &length);

  return lodge_atomic_file_write (path, text, length, error);
}

gboolean
lodge_trash_put (const char *trash_dir, const char *folder, const char *id, const char *name,
                 GError **error)
{
  g_autofree char *base = g_path_get_basename (folder);
  g_autofree char *parent = g_path_get_dirname (folder);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autoptr (GError) ignored = NULL;

  if (g_mkdir_with_parents (trash_dir, 0700) != 0)
    return lodge_error_set_errno (error, errno, "making", trash_dir);

  /* On a full disk or in a read-only folder deleting must work all the same; the list then tells what the name says. */
  if (!write_info (folder, id, name, now, &ignored))
    g_debug ("%s", ignored->message);

  for (guint attempt = 0;; attempt++)
    {
      g_autofree char *target = g_strdup_printf ("%s/%s.%" G_GINT64_FORMAT, trash_dir, base, now + attempt);

      if (lodge_rename_new (folder, target) == 0)
        break;
      if (errno != EEXIST || attempt == 100)
        return lodge_error_set_errno (error, errno, "moving", folder);
    }

  return lodge_folder_sync (trash_dir, error) && lodge_folder_sync (parent, error);
}

static char *
dup_text (JsonObject *info, const char *key)
{
  JsonNode *node = info != NULL ? json_object_get_member (info, key) : NULL;

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_dup_string (node)
                                                                          : NULL;
}

static gint64
get_number (JsonObject *info, const char *key)
{
  JsonNode *node = info != NULL ? json_object_get_member (info, key) : NULL;

  return node != NULL && json_node_get_value_type (node) == G_TYPE_INT64 ? json_node_get_int (node) : 0;
}

/* What trash.json does not say, the folder's name does. */
static LodgeTrashItem *
read_item (const char *trash_dir, const char *name)
{
  LodgeTrashItem *item = g_new0 (LodgeTrashItem, 1);
  g_autofree char *info_path = NULL;
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) root = NULL;
  JsonObject *info = NULL;
  const char *dot = strrchr (name, '.');
  gsize length;

  item->path = g_build_filename (trash_dir, name, NULL);
  info_path = g_build_filename (item->path, INFO_FILE, NULL);
  text = lodge_file_read (info_path, INFO_MAX, &length, NULL);
  root = text != NULL ? lodge_json_parse (text, length, NULL) : NULL;
  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    info = json_node_get_object (root);

  item->id = dup_text (info, "id");
  item->name = dup_text (info, "name");
  item->folder = dup_text (info, "folder");
  item->deleted = get_number (info, "deleted");
  item->size = (guint64) MAX (get_number (info, "size"), 0);
  if (item->folder == NULL || strchr (item->folder, '/') != NULL || *item->folder == '.' ||
      *item->folder == '\0')
    {
      g_free (item->folder);
      item->folder = dot != NULL && dot > name ? g_strndup (name, dot - name) : g_strdup (name);
    }
  if (item->deleted == 0 && dot != NULL)
    item->deleted = g_ascii_strtoll (dot + 1, NULL, 10);
  if (item->name == NULL)
    item->name = g_utf8_make_valid (item->folder, -1);
  if (item->id == NULL)
    item->id = g_utf8_make_valid (name, -1);

  return item;
}

static int
compare_items (gconstpointer a, gconstpointer b)
{
  const LodgeTrashItem *first = *(LodgeTrashItem *const *) a;
  const LodgeTrashItem *second = *(LodgeTrashItem *const *) b;

  if (first->deleted != second->deleted)
    return first->deleted > second->deleted ? -1 : 1;

  return strcmp (second->path, first->path);
}

GPtrArray *
lodge_trash_list (const char *trash_dir)
{
  GPtrArray *items = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_trash_item_free);
  GDir *dir = g_dir_open (trash_dir, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (*name != '.')
      g_ptr_array_add (items, read_item (trash_dir, name));
  g_clear_pointer (&dir, g_dir_close);
  g_ptr_array_sort (items, compare_items);

  return items;
}

/* 3: the id, 2: the name, 1: the beginning of the id, 0: another one */
static guint
match (const LodgeTrashItem *item, const char *text)
{
  if (g_str_equal (item->id, text))
    return 3;
  if (g_str_equal (item->name, text))
    return 2;

  return strlen (text) >= 4 && g_str_has_prefix (item->id, text) ? 1 : 0;
}

LodgeTrashItem *
lodge_trash_find (const char *trash_dir, const char *text, GError **error)
{
  g_autoptr (GPtrArray) items = lodge_trash_list (trash_dir);
  g_autoptr (GString) candidates = g_string_new (NULL);
  guint best = 0;
  guint found = 0;
  guint n = 0;

  for (guint i = 0; i < items->len; i++)
    best = MAX (best, match (items->pdata[i], text));
  for (guint i = 0; i < items->len && best > 0; i++)
    {
      const LodgeTrashItem *item = items->pdata[i];

      /* Newest first: an older life of the same machine is no second candidate. */
      if (match (item, text) != best ||
          (n > 0 && g_str_equal (item->id, ((LodgeTrashItem *) items->pdata[found])->id)))
        continue;
      found = n++ == 0 ? i : found;
      g_string_append_printf (candidates, "%s%s", n > 1 ? ", " : "", item->id);
    }

  if (n == 1)
    return g_ptr_array_steal_index (items, found);

  if (n == 0)
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND,
                         "there is no such machine or disk in the trash");
  else
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_AMBIGUOUS, "several machines match: %s",
                 candidates->str);
  return NULL;
}

gboolean
lodge_trash_take (const LodgeTrashItem *item, const char *folder, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (folder);
  g_autofree char *info = g_build_filename (folder, INFO_FILE, NULL);

  if (lodge_rename_new (item->path, folder) != 0)
    {
      if (errno == EEXIST)
        g_set_error (error, LODGE_ERROR, LODGE_ERROR_EXISTS, "%s is there already", folder);
      else
        lodge_error_set_errno (error, errno, "moving", item->path);
      return FALSE;
    }

  g_unlink (info);
  return lodge_folder_sync (parent, error);
}

static gboolean
remove_gone (const char *trash_dir, GCancellable *cancellable, GError **error)
{
  GDir *dir = g_dir_open (trash_dir, 0, NULL);
  const char *name;
  gboolean good = TRUE;

  while (dir != NULL && good && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, GONE_PREFIX))
      {
        g_autofree char *path = g_build_filename (trash_dir, name, NULL);

        good = lodge_file_tree_remove (path, cancellable, error);
      }
  g_clear_pointer (&dir, g_dir_close);

  return good;
}

static gboolean
has_id (GPtrArray *items, const char *id)
{
  for (guint i = 0; i < items->len; i++)
    if (g_str_equal (((LodgeTrashItem *) items->pdata[i])->id, id))
      return TRUE;

  return FALSE;
}

gboolean
lodge_trash_empty (const char *trash_dir, const char *const *ids, GCancellable *cancellable,
                   GError **error)
{
  g_autoptr (GPtrArray) items = lodge_trash_list (trash_dir);
  gboolean all = ids == NULL || *ids == NULL;

  for (guint i = 0; !all && ids[i] != NULL; i++)
    if (!has_id (items, ids[i]))
      {
        g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "%s is not in the trash", ids[i]);
        return FALSE;
      }

  if (g_cancellable_is_cancelled (cancellable))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_CANCELLED, "deleting was cancelled");
      return FALSE;
    }
  /* All of them at once: no machine is left to be brought back whose parent went before it. */
  for (guint i = 0; i < items->len; i++)
    {
      const LodgeTrashItem *item = items->pdata[i];
      g_autofree char *base = g_path_get_basename (item->path);
      g_autofree char *gone = g_strconcat (trash_dir, "/" GONE_PREFIX, base, NULL);

      if ((all || g_strv_contains (ids, item->id)) && rename (item->path, gone) != 0 && errno != ENOENT)
        return lodge_error_set_errno (error, errno, "deleting", item->path);
    }

  return remove_gone (trash_dir, cancellable, error);
}
