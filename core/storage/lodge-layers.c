/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Images are built on one another: an overlay holds what was written since, and reads the rest in its backing file, which
 * must not change any more. The name of that file is in the header of each overlay, relative to the overlay, so that the
 * library can be moved as a whole:
 *
 *   machines/web-1a2b3c4d/disks/disk0-1.qcow2   ->  disk0.qcow2
 *   machines/clone-5e6f7a8b/disks/disk0.qcow2   ->  ../../web-1a2b3c4d/disks/disk0.qcow2
 *
 * Nothing else is accepted. A header can be written by a QEMU that its guest took over, and what it names becomes readable
 * to the next QEMU: so a backing file must be a plain file in some machine's disks/ folder below the same library, and
 * "json:", absolute names and links are refused. An image that a person uses where it lies is no such backing; what
 * is to be built on it is copied.
 *
 * What lies in the trash reads on in the library as it will when it comes back, so it counts: its images are in the list under the
 * names that they had and would have again.
 *
 * "Empty" is read from the first level of a qcow2 image's tables: with all its entries zero there is no second level and so no
 * cluster of data. Such an overlay reads exactly as its backing does.
 */

#include "config.h"

#include "core/storage/lodge-layers.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-disk-trash.h"
#include "core/config/lodge-json.h"
#include "core/config/lodge-trash.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DISKS "disks"
#define SNAPSHOT_MAX (1024 * 1024)
#define SNAPSHOTS_MAX 10000
#define BACKING_FORMAT_EXTENSION 0xe2792aca
#define FEATURE_DATA_FILE (1 << 2)
#define EXTENSIONS_MAX (64 * 1024)
#define L1_MAX (32 * 1024 * 1024)

struct _LodgeLayers
{
  GPtrArray  *list;   /* (owned) (element-type LodgeLayer) */
  GHashTable *by_path; /* (owned) the layers' own paths to them */
};

void
lodge_layer_free (LodgeLayer *layer)
{
  if (layer == NULL)
    return;

  g_free (layer->path);
  g_free (layer->machine);
  g_free (layer->backing);
  g_free (layer->backing_format);
  g_ptr_array_unref (layer->snapshots);
  g_free (layer);
}

/* ---- One header ---- */

static guint32
get_be32 (const guint8 *p)
{
  return (guint32) p[0] << 24 | (guint32) p[1] << 16 | (guint32) p[2] << 8 | p[3];
}

static guint64
get_be64 (const guint8 *p)
{
  return (guint64) get_be32 (p) << 32 | get_be32 (p + 4);
}

static gboolean
read_whole (int fd, gpointer into, gsize length, guint64 offset)
{
  gsize have = 0;

  while (have < length)
    {
      gssize n = pread (fd, (guint8 *) into + have, length - have, (off_t) (offset + have));

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      have += (gsize) n;
    }
  return TRUE;
}

/* "machines/FOLDER/disks" of the library in which @path is, as far as its name tells. */
static char *
library_of (const char *path)
{
  g_autofree char *disks = g_path_get_dirname (path);
  g_autofree char *folder = g_path_get_dirname (disks);
  g_autofree char *last = g_path_get_basename (disks);

  return g_str_equal (last, DISKS) ? g_path_get_dirname (folder) : NULL;
}

/* The absolute name of what @path calls @name, NULL when that is no image of a machine. */
static char *
resolve (const char *path, const char *name)
{
  g_autofree char *library = library_of (path);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *absolute = NULL;
  g_autofree char *found = NULL;

  if (library == NULL || *name == '\0' || g_path_is_absolute (name) || strchr (name, ':') != NULL)
    return NULL;
  absolute = g_canonicalize_filename (name, folder);
  found = library_of (absolute);

  return g_strcmp0 (library, found) == 0 && !g_str_equal (absolute, path) ? g_steal_pointer (&absolute) : NULL;
}

char *
lodge_layers_relative (const char *path, const char *backing)
{
  g_autofree char *own = g_path_get_dirname (path);
  g_autofree char *other = g_path_get_dirname (backing);
  g_autofree char *name = g_path_get_basename (backing);
  g_autofree char *folder = g_path_get_dirname (other);
  g_autofree char *machine = g_path_get_basename (folder);

  if (g_str_equal (own, other))
    return g_steal_pointer (&name);
  return g_build_filename ("..", "..", machine, DISKS, name, NULL);
}

static char *
read_backing_format (int fd, const guint8 *head, guint64 end)
{
  guint64 at = get_be32 (head + 4) == 3 ? get_be32 (head + 100) : 72;

  while (at + 8 <= MIN (end, EXTENSIONS_MAX))
    {
      guint8 extension[8];
      guint32 type, length;

      if (!read_whole (fd, extension, sizeof extension, at))
        return NULL;
      type = get_be32 (extension);
      length = get_be32 (extension + 4);
      if (type == 0 || length > EXTENSIONS_MAX)
        return NULL;
      if (type == BACKING_FORMAT_EXTENSION && length < 16)
        {
          char name[16] = "";

          return read_whole (fd, name, length, at + 8) ? g_strdup (name) : NULL;
        }
      at += 8 + ((length + 7) & ~7u);
    }
  return NULL;
}

static gboolean
holds_nothing (int fd, const guint8 *head)
{
  gsize length = (gsize) get_be32 (head + 36) * 8;
  g_autofree guint8 *table = NULL;

  /* A snapshot inside the image is something of its own. */
  if (get_be32 (head + 60) != 0 || length > L1_MAX)
    return FALSE;
  table = g_malloc (MAX (length, 1));
  if (!read_whole (fd, table, length, get_be64 (head + 40)))
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (table[i] != 0)
      return FALSE;
  return TRUE;
}

static gboolean
read_qcow2 (int fd, const guint8 *head, LodgeLayer *layer, GError **error)
{
  guint64 offset = get_be64 (head + 8);
  guint32 length = get_be32 (head + 16);
  char name[1024] = "";

  layer->virtual_size = get_be64 (head + 24);
  if (get_be32 (head + 4) == 3 && (get_be64 (head + 72) & FEATURE_DATA_FILE) != 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s has its data in another file", layer->path);
      return FALSE;
    }
  if (offset == 0)
    return TRUE;

  if (length < sizeof name && read_whole (fd, name, length, offset))
    layer->backing = resolve (layer->path, name);
  if (layer->backing == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s goes on in a file that is no image of a machine",
                   layer->path);
      return FALSE;
    }
  layer->backing_format = read_backing_format (fd, head, offset);
  layer->empty = holds_nothing (fd, head);
  return TRUE;
}

/* @name: the one by which it goes and finds others, where that is not @path */
static LodgeLayer *
read_layer (const char *path, const char *name, gboolean follow, GError **error)
{
  int fd = open (path, O_RDONLY | (follow ? 0 : O_NOFOLLOW) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  g_autoptr (LodgeLayer) layer = NULL;
  guint8 head[104];
  struct stat st;
  gboolean good = TRUE;

  if (fd < 0 || fstat (fd, &st) != 0)
    {
      lodge_error_set_errno (error, errno, "opening", path);
      if (fd >= 0)
        close (fd);
      return NULL;
    }

  layer = g_new0 (LodgeLayer, 1);
  layer->path = g_strdup (name);
  layer->snapshots = g_ptr_array_new_with_free_func (g_free);
  layer->size = (guint64) st.st_blocks * 512;
  if (!S_ISREG (st.st_mode) && !follow)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s is not a file", path);
      good = FALSE;
    }
  else if (st.st_size >= (off_t) sizeof head && read_whole (fd, head, sizeof head, 0) && memcmp (head, "QFI\xfb", 4) == 0)
    good = read_qcow2 (fd, head, layer, error);
  close (fd);

  return good ? g_steal_pointer (&layer) : NULL;
}

LodgeLayer *
lodge_layers_read (const char *path, GError **error)
{
  return read_layer (path, path, FALSE, error);
}

GPtrArray *
lodge_layers_chain (const char *path, GError **error)
{
  g_autoptr (GPtrArray) chain = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *at = g_strdup (path);

  for (guint depth = 0; depth <= LODGE_LAYERS_MAX_DEPTH; depth++)
    {
      /* The image itself is the person's to place, be it by a link or as a block device. */
      g_autoptr (LodgeLayer) layer = read_layer (at, at, depth == 0, error);

      if (layer == NULL)
        return NULL;
      if (layer->backing == NULL)
        return g_steal_pointer (&chain);
      g_free (at);
      at = g_strdup (layer->backing);
      g_ptr_array_add (chain, g_strdup (at));
    }

  g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s is built on more than %d files", path,
               LODGE_LAYERS_MAX_DEPTH);
  return NULL;
}

/* ---- All of them ---- */

/* The images in @disks; @as: the folder that they are in by name; @only: (nullable) the one that counts */
static void
add_images (LodgeLayers *self, const char *machine, const char *disks, const char *as, const char *only)
{
  GDir *dir = g_dir_open (disks, 0, NULL);
  gboolean trashed = !g_str_equal (disks, as);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (disks, name, NULL);
      g_autofree char *known = g_build_filename (as, name, NULL);
      LodgeLayer *layer = only == NULL || g_str_equal (name, only) ? read_layer (path, known, FALSE, NULL) : NULL;

      if (layer == NULL)
        continue;
      layer->machine = g_strdup (machine);
      layer->trashed = trashed;
      g_ptr_array_add (self->list, layer);
      if (!trashed || !g_hash_table_contains (self->by_path, known))
        g_hash_table_replace (self->by_path, layer->path, layer);
    }
  g_clear_pointer (&dir, g_dir_close);
}

static void
add_folder (LodgeLayers *self, const char *machine, const char *folder)
{
  g_autofree char *disks = g_build_filename (folder, DISKS, NULL);

  add_images (self, machine, disks, disks, NULL);
}

/* The folder that a machine has, or had before it went to the trash; NULL for one that nobody knows. */
static char *
folder_of (GHashTable *folders, GPtrArray *items, const char *machines_dir, const char *id)
{
  const char *folder = g_hash_table_lookup (folders, id);

  for (guint i = 0; i < items->len && folder == NULL; i++)
    {
      const LodgeTrashItem *item = items->pdata[i];

      if (g_str_equal (item->id, id))
        return g_build_filename (machines_dir, item->folder, NULL);
    }
  return g_strdup (folder);
}

static void
add_trash (LodgeLayers *self, GHashTable *folders, const char *trash_dir)
{
  g_autoptr (GPtrArray) items = lodge_trash_list (trash_dir);
  g_autofree char *machines_dir = NULL;
  GHashTableIter iter;
  gpointer any;

  g_hash_table_iter_init (&iter, folders);
  if (items->len == 0 || !g_hash_table_iter_next (&iter, NULL, &any))
    return;
  machines_dir = g_path_get_dirname (any);
  for (guint i = 0; i < items->len; i++)
    {
      const LodgeTrashItem *item = items->pdata[i];
      g_autoptr (LodgeProfile) disk = lodge_disk_trash_is_disk (item->path) ? lodge_disk_trash_read (item->path, NULL) : NULL;
      g_autofree char *folder = folder_of (folders, items, machines_dir, disk != NULL ? disk->id : item->id);
      g_autofree char *disks = disk != NULL ? g_strdup (item->path) : g_build_filename (item->path, DISKS, NULL);
      g_autofree char *as = folder != NULL ? g_build_filename (folder, DISKS, NULL) : NULL;
      g_autofree char *image = disk != NULL ? g_path_get_basename (((const LodgeDisk *) disk->disks->pdata[0])->file) : NULL;

      if (as != NULL)
        add_images (self, disk != NULL ? disk->id : item->id, disks, as, image);
    }
}

static JsonNode *
read_document (const char *path)
{
  gsize length;
  g_autofree char *text = lodge_file_read (path, SNAPSHOT_MAX, &length, NULL);
  g_autoptr (JsonNode) root = text != NULL ? lodge_json_parse (text, length, NULL) : NULL;

  return root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? g_steal_pointer (&root) : NULL;
}

static LodgeLayer *
find_file (LodgeLayers *self, const char *folder, JsonNode *file)
{
  g_autofree char *path = NULL;

  if (file == NULL || !JSON_NODE_HOLDS_VALUE (file) || json_node_get_value_type (file) != G_TYPE_STRING)
    return NULL;
  path = g_canonicalize_filename (json_node_get_string (file), folder);
  return g_hash_table_lookup (self->by_path, path);
}

static void
mark_active (LodgeLayers *self, const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "machine.json", NULL);
  g_autoptr (JsonNode) root = read_document (path);
  JsonNode *disks = root != NULL ? json_object_get_member (json_node_get_object (root), "disks") : NULL;
  JsonArray *list = disks != NULL && JSON_NODE_HOLDS_ARRAY (disks) ? json_node_get_array (disks) : NULL;

  for (guint i = 0; list != NULL && i < json_array_get_length (list); i++)
    {
      JsonNode *disk = json_array_get_element (list, i);
      LodgeLayer *layer = JSON_NODE_HOLDS_OBJECT (disk)
                            ? find_file (self, folder, json_object_get_member (json_node_get_object (disk), "file"))
                            : NULL;

      if (layer != NULL)
        layer->active = TRUE;
    }
}

static void
mark_snapshot (LodgeLayers *self, const char *folder, const char *id)
{
  g_autofree char *path = g_build_filename (folder, "snapshots", id, "snapshot.json", NULL);
  g_autoptr (JsonNode) root = read_document (path);
  JsonNode *disks = root != NULL ? json_object_get_member (json_node_get_object (root), "disks") : NULL;
  JsonObjectIter iter;
  const char *disk;
  JsonNode *file;

  if (disks == NULL || !JSON_NODE_HOLDS_OBJECT (disks))
    return;
  json_object_iter_init (&iter, json_node_get_object (disks));
  while (json_object_iter_next (&iter, &disk, &file))
    {
      LodgeLayer *layer = find_file (self, folder, file);

      if (layer != NULL)
        g_ptr_array_add (layer->snapshots, g_strdup (id));
    }
}

static void
mark_snapshots (LodgeLayers *self, const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "snapshots", NULL);
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *name;

  for (guint n = 0; dir != NULL && n < SNAPSHOTS_MAX && (name = g_dir_read_name (dir)) != NULL; n++)
    if (*name != '.')
      mark_snapshot (self, folder, name);
  g_clear_pointer (&dir, g_dir_close);
}

LodgeLayers *
lodge_layers_scan (GHashTable *folders, const char *trash_dir)
{
  LodgeLayers *self = g_new0 (LodgeLayers, 1);
  GHashTableIter iter;
  gpointer id, folder;

  self->list = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_layer_free);
  self->by_path = g_hash_table_new (g_str_hash, g_str_equal);
  g_hash_table_iter_init (&iter, folders);
  while (g_hash_table_iter_next (&iter, &id, &folder))
    {
      add_folder (self, id, folder);
      mark_active (self, folder);
      mark_snapshots (self, folder);
    }
  if (trash_dir != NULL)
    add_trash (self, folders, trash_dir);
  return self;
}

void
lodge_layers_free (LodgeLayers *self)
{
  if (self == NULL)
    return;

  g_hash_table_unref (self->by_path);
  g_ptr_array_unref (self->list);
  g_free (self);
}

typedef struct
{
  GHashTable *folders; /* (owned) */
  char *trash_dir;     /* (owned) */
} Scan;

static void
scan_free (Scan *scan)
{
  g_hash_table_unref (scan->folders);
  g_free (scan->trash_dir);
  g_free (scan);
}

static void
scan_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Scan *scan = data;

  g_task_return_pointer (task, lodge_layers_scan (scan->folders, scan->trash_dir), (GDestroyNotify) lodge_layers_free);
}

void
lodge_layers_scan_async (LodgeStore *store, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  g_autoptr (GPtrArray) entries = lodge_store_list (store);
  Scan *scan = g_new0 (Scan, 1);

  scan->folders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  scan->trash_dir = g_strdup (lodge_store_get_trash_dir (store));
  for (guint i = 0; i < entries->len; i++)
    {
      const LodgeStoreEntry *entry = entries->pdata[i];

      g_hash_table_replace (scan->folders, g_strdup (entry->id), g_strdup (entry->folder));
    }
  g_task_set_source_tag (task, lodge_layers_scan_async);
  g_task_set_task_data (task, scan, (GDestroyNotify) scan_free);
  g_task_run_in_thread (task, scan_thread);
}

LodgeLayers *
lodge_layers_scan_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

GPtrArray *
lodge_layers_list (LodgeLayers *self)
{
  return self->list;
}

const LodgeLayer *
lodge_layers_lookup (LodgeLayers *self, const char *path)
{
  return g_hash_table_lookup (self->by_path, path);
}

GPtrArray *
lodge_layers_children (LodgeLayers *self, const char *path)
{
  GPtrArray *children = g_ptr_array_new ();

  for (guint i = 0; i < self->list->len; i++)
    if (g_strcmp0 (((LodgeLayer *) self->list->pdata[i])->backing, path) == 0)
      g_ptr_array_add (children, self->list->pdata[i]);
  return children;
}

gboolean
lodge_layers_below (LodgeLayers *self, const char *path, const char *other)
{
  const LodgeLayer *layer = lodge_layers_lookup (self, path);

  for (guint depth = 0; layer != NULL && layer->backing != NULL && depth <= LODGE_LAYERS_MAX_DEPTH; depth++)
    {
      if (g_str_equal (layer->backing, other))
        return TRUE;
      layer = lodge_layers_lookup (self, layer->backing);
    }
  return FALSE;
}
