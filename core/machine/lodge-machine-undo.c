/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A core that was killed while it took a snapshot of a guest that lives on. The next one finds snapshots/.new-ID, and takes it back:
 *
 *   the stream of the memory is ended
 *   QEMU is asked which file each disk is: of one that it has not switched yet, machine.json names the empty layer too early,
 *   and is put back; a layer that it has switched to stays, and what is below it has no name then
 *   layers that are not used are closed and deleted, .new-ID goes
 *   the guest goes on if it ran before: the file "running" in .new-ID says so
 *
 * Without a guest only the last is left to do: an empty layer reads as what is below it. */

#include "core/machine/lodge-machine-snapshot.h"

#include "core/config/lodge-atomic-file.h"
#include "core/machine/lodge-block-nodes.h"
#include "core/machine/lodge-machine-disks-private.h"
#include "core/machine/lodge-machine-layers.h"
#include "core/machine/lodge-machine-save.h"
#include "core/machine/lodge-stream.h"
#include "core/qemu/lodge-qmp-value.h"
#include "core/storage/lodge-layers.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  LodgeMachine *machine; /* (owned) */
  guint serial;          /* of the guest */
  GPtrArray *ids;        /* (element-type utf8) of the snapshots */
  gboolean ran;          /* the guest did, before */
} Undo;

static void
undo_free (Undo *undo)
{
  g_ptr_array_unref (undo->ids);
  g_object_unref (undo->machine);
  g_free (undo);
}

/* The ids of the snapshots that are half-made. */
static GPtrArray *
find_half_made (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, LODGE_SNAPSHOTS_DIR, NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  GPtrArray *ids = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, LODGE_SNAPSHOTS_NEW_PREFIX))
      g_ptr_array_add (ids, g_strdup (name + strlen (LODGE_SNAPSHOTS_NEW_PREFIX)));
  return ids;
}

static char *
half_made_path (const char *folder, const char *id, const char *file)
{
  g_autofree char *name = g_strconcat (LODGE_SNAPSHOTS_NEW_PREFIX, id, NULL);

  return g_build_filename (folder, LODGE_SNAPSHOTS_DIR, name, file, NULL);
}

/* Its files have no name, the machine comes from its parent, and its folder goes. */
static void
forget (LodgeMachine *self, const char *id)
{
  g_autofree char *name = g_strconcat (LODGE_SNAPSHOTS_NEW_PREFIX, id, NULL);
  g_autofree char *half = g_build_filename (LODGE_SNAPSHOTS_DIR, name, NULL);
  g_autoptr (LodgeSnapshot) snapshot = lodge_snapshot_read_half_made (self->folder, id, NULL);
  g_autoptr (GString) files = g_string_new (NULL);

  for (guint i = 0; snapshot != NULL && i + 1 < snapshot->disks->len; i += 2)
    g_string_append_printf (files, "%s\n", (char *) g_ptr_array_index (snapshot->disks, i + 1));
  lodge_machine_note_nameless (self->folder, files->str, NULL);
  if (self->entry != NULL && self->entry->profile != NULL && g_strcmp0 (self->entry->profile->snapshot, id) == 0)
    {
      LodgeProfile *profile = lodge_profile_copy (self->entry->profile);

      g_free (profile->snapshot);
      profile->snapshot = g_strdup (snapshot != NULL ? snapshot->parent : NULL);
      lodge_machine_save_profile (self, profile, NULL);
    }
  lodge_machine_remove_folder (self->folder, half);
}

void
lodge_machine_forget_half_made (LodgeMachine *self)
{
  g_autoptr (GPtrArray) ids = find_half_made (self->folder);

  for (guint i = 0; i < ids->len; i++)
    forget (self, ids->pdata[i]);
}

/* ---- Under a guest ---- */

static gboolean
is_current (const Undo *undo)
{
  const LodgeGuest *guest = undo->machine->guest;

  return guest != NULL && guest->serial == undo->serial && guest->qmp != NULL;
}

static void
end (Undo *undo)
{
  LodgeMachine *self = undo->machine;

  self->busy = NULL;
  if (self->guest != NULL && self->guest->serial == undo->serial)
    {
      self->guest->held = FALSE;
      if (self->guest->qmp != NULL)
        lodge_machine_query_status (self);
    }
  lodge_machine_emit_snapshots (self);
  undo_free (undo);
}

static void
let_go_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);

  if (value == NULL)
    g_debug ("the guest could not be let go");
  end (data);
}

static void
closed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Undo *undo = data;
  LodgeMachine *self = undo->machine;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);

  if (value == NULL || !is_current (undo) || self->entry == NULL)
    {
      end (undo); /* without the guest the next core does it */
      return;
    }
  lodge_machine_recover_new_layers (self->folder);
  lodge_machine_forget_half_made (self);
  if (undo->ran)
    lodge_qmp_client_execute_async (self->guest->qmp, "cont", NULL, -1, NULL, let_go_cb, undo);
  else
    end (undo);
}

/* @disk of machine.json becomes the file that QEMU writes to, where that is the one below. */
static gboolean
put_back (LodgeMachine *self, LodgeDisk *disk, const char *top)
{
  g_autofree char *name = g_path_get_basename (disk->file);
  g_autofree char *path = g_build_filename (self->folder, disk->file, NULL);
  g_autofree char *folder = g_path_get_dirname (disk->file);
  g_autofree char *below = NULL;
  g_autoptr (LodgeLayer) layer = NULL;

  if (g_str_equal (name, top))
    return FALSE;
  layer = lodge_layers_read (path, NULL);
  below = layer != NULL && layer->empty ? g_path_get_basename (layer->backing) : NULL;
  if (g_strcmp0 (below, top) != 0)
    return FALSE;
  g_free (disk->file);
  disk->file = g_build_filename (folder, top, NULL);
  g_free (disk->format);
  disk->format = g_strdup (layer->backing_format != NULL ? layer->backing_format : "qcow2");
  return TRUE;
}

/* Whether @node is a layer of a snapshot that is taken back. */
static gboolean
is_half_made (const Undo *undo, const char *node)
{
  for (guint i = 0; i < undo->ids->len; i++)
    {
      g_autofree char *prefix = g_strdup_printf ("l%s-", (char *) undo->ids->pdata[i]);

      if (g_str_has_prefix (node, prefix))
        return TRUE;
    }
  return FALSE;
}

static void
blocks_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Undo *undo = data;
  LodgeMachine *self = undo->machine;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);
  LodgeProfile *profile;
  gboolean changed = FALSE;

  if (value == NULL || !is_current (undo) || self->entry == NULL || self->entry->profile == NULL)
    {
      end (undo);
      return;
    }
  profile = lodge_profile_copy (self->entry->profile);
  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeDisk *disk = g_ptr_array_index (profile->disks, i), *own;
      g_autofree char *top = NULL;
      const char *node;

      if (disk->cdrom || disk->file == NULL || g_path_is_absolute (disk->file)
          || (node = lodge_block_top (lodge_qmp_node_array (value), disk->id, &top)) == NULL)
        continue;
      own = lodge_machine_get_disk (self->guest->profile, disk->id);
      /* What QEMU says of a long chain cannot be read; the name of the node says which of the two it is. */
      if (top == NULL && (is_half_made (undo, node) || (own != NULL && own->file != NULL)))
        top = g_path_get_basename (is_half_made (undo, node) ? disk->file : own->file);
      if (top == NULL)
        continue;
      changed = put_back (self, disk, top) || changed;
      if (own != NULL && g_str_has_suffix (disk->file, top))
        {
          g_free (own->file);
          own->file = g_strdup (disk->file);
          g_free (own->format);
          own->format = g_strdup (disk->format);
        }
    }
  lodge_guest_write_record (self);
  if (!changed)
    lodge_profile_free (profile);
  else if (!lodge_machine_save_profile (self, profile, NULL))
    {
      end (undo);
      return;
    }
  /* One that a disk has is refused. */
  for (guint i = 0; i < undo->ids->len; i++)
    for (guint n = 0; n < self->entry->profile->disks->len; n++)
      {
        g_autofree char *node = g_strdup_printf ("l%s-%u", (char *) undo->ids->pdata[i], n);
        g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'node-name': <%s>}", node);

        lodge_qmp_client_execute_async (self->guest->qmp, "blockdev-del", arguments, -1, NULL, NULL, NULL);
      }
  lodge_qmp_client_execute_async (self->guest->qmp, "query-status", NULL, -1, NULL, closed_cb, undo);
}

static void
abandoned_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Undo *undo = data;

  lodge_stream_finish (result, NULL);
  if (is_current (undo))
    lodge_qmp_client_execute_async (undo->machine->guest->qmp, "query-block", NULL, -1, NULL, blocks_cb, undo);
  else
    end (undo);
}

gboolean
lodge_machine_undo_snapshot (LodgeMachine *self)
{
  g_autoptr (GPtrArray) ids = self->entry != NULL ? find_half_made (self->folder) : NULL;
  Undo *undo;

  if (ids != NULL)
    lodge_machine_remove_begun (self);
  if (ids == NULL || ids->len == 0)
    return FALSE;
  undo = g_new0 (Undo, 1);
  undo->machine = g_object_ref (self);
  undo->serial = self->guest->serial;
  for (guint i = 0; i < ids->len; i++)
    {
      g_autofree char *mark = half_made_path (self->folder, ids->pdata[i], LODGE_SNAPSHOT_RUNNING);

      undo->ran = undo->ran || access (mark, F_OK) == 0;
    }
  undo->ids = g_steal_pointer (&ids);
  self->busy = "a snapshot is being taken back";
  self->guest->held = TRUE;
  lodge_stream_abandon_async (self, abandoned_cb, undo);
  return TRUE;
}
