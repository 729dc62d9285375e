/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-pictures.h"

#include <gio/gunixfdlist.h>

#include "ui/lodge-ppm.h"

#define MAX_KEPT 64u

struct _LodgeSnapshotPictures
{
  GObject parent_instance;

  LodgeSnapshotList *list;    /* (owned) */
  guint side;
  GPtrArray *wanted;          /* (owned) (nullable) of LodgeSnapshotItem */
  GQueue kept;                /* of LodgeSnapshotItem, owned; seen last first */
  GHashTable *tried;          /* (owned) set of LodgeSnapshotItem, owned: had no picture after all */
  LodgeSnapshotItem *current; /* (owned) (nullable) being fetched */
  GCancellable *cancellable;  /* (owned) */
};

G_DEFINE_FINAL_TYPE (LodgeSnapshotPictures, lodge_snapshot_pictures, G_TYPE_OBJECT)

static void fetch_next (LodgeSnapshotPictures *self);

static void
keep (LodgeSnapshotPictures *self, LodgeSnapshotItem *item)
{
  GList *link = g_queue_find (&self->kept, item);

  if (link != NULL)
    {
      g_queue_unlink (&self->kept, link);
      g_queue_push_head_link (&self->kept, link);
      return;
    }
  g_queue_push_head (&self->kept, g_object_ref (item));
  if (self->kept.length > MAX_KEPT)
    {
      g_autoptr (LodgeSnapshotItem) oldest = g_queue_pop_tail (&self->kept);

      lodge_snapshot_item_set_picture (oldest, NULL);
    }
}

static void
fetched (LodgeSnapshotPictures *self, GdkTexture *picture)
{
  g_autoptr (LodgeSnapshotItem) item = g_steal_pointer (&self->current);

  if (picture == NULL)
    g_hash_table_add (self->tried, g_object_ref (item));
  else
    {
      lodge_snapshot_item_set_picture (item, GDK_PAINTABLE (picture));
      keep (self, item);
    }
  fetch_next (self);
}

static void
decoded_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeSnapshotPictures) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GdkTexture) picture = lodge_ppm_load_finish (result, &error);

  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    fetched (self, picture);
}

static void
answered_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeSnapshotPictures) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GUnixFDList) files = NULL;
  g_autoptr (GVariant) handle = NULL;
  int fd = -1;

  lodge_ipc_machine_call_get_snapshot_picture_finish (LODGE_IPC_MACHINE (source), &handle, &files, result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (handle != NULL && files != NULL)
    fd = g_unix_fd_list_get (files, g_variant_get_handle (handle), NULL);
  if (fd < 0)
    fetched (self, NULL);
  else
    lodge_ppm_load_async (fd, self->side, self->cancellable, decoded_cb, g_object_ref (self));
}

static void
fetch_next (LodgeSnapshotPictures *self)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (lodge_snapshot_list_get_machine (self->list));

  if (self->current != NULL || self->wanted == NULL || proxy == NULL)
    return;
  for (guint i = 0; i < self->wanted->len; i++)
    {
      LodgeSnapshotItem *item = self->wanted->pdata[i];

      if (!lodge_snapshot_item_has_picture (item) || g_hash_table_contains (self->tried, item))
        continue;
      if (lodge_snapshot_item_get_picture (item) != NULL)
        {
          keep (self, item);
          continue;
        }
      self->current = g_object_ref (item);
      lodge_ipc_machine_call_get_snapshot_picture (proxy, lodge_snapshot_item_get_id (item),
                                                   g_variant_new ("a{sv}", NULL), NULL, self->cancellable, answered_cb,
                                                   g_object_ref (self));
      return;
    }
  g_clear_pointer (&self->wanted, g_ptr_array_unref);
}

static void
lodge_snapshot_pictures_finalize (GObject *object)
{
  LodgeSnapshotPictures *self = LODGE_SNAPSHOT_PICTURES (object);

  g_clear_pointer (&self->wanted, g_ptr_array_unref);
  g_queue_clear_full (&self->kept, g_object_unref);
  g_clear_pointer (&self->tried, g_hash_table_unref);
  g_clear_object (&self->current);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->list);

  G_OBJECT_CLASS (lodge_snapshot_pictures_parent_class)->finalize (object);
}

static void
lodge_snapshot_pictures_class_init (LodgeSnapshotPicturesClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_snapshot_pictures_finalize;
}

static void
lodge_snapshot_pictures_init (LodgeSnapshotPictures *self)
{
  g_queue_init (&self->kept);
  self->tried = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
  self->cancellable = g_cancellable_new ();
}

LodgeSnapshotPictures *
lodge_snapshot_pictures_new (LodgeSnapshotList *list, guint side)
{
  LodgeSnapshotPictures *self = g_object_new (LODGE_TYPE_SNAPSHOT_PICTURES, NULL);

  self->list = g_object_ref (list);
  self->side = side;
  return self;
}

void
lodge_snapshot_pictures_want (LodgeSnapshotPictures *self, GPtrArray *items)
{
  g_clear_pointer (&self->wanted, g_ptr_array_unref);
  self->wanted = items;
  fetch_next (self);
}
