/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/machine/lodge-automatic.h"

#include "core/machine/lodge-automatic-plan.h"
#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-snapshot.h"
#include "core/storage/lodge-layers.h"

#include <sys/statvfs.h>

gboolean
lodge_automatic_has_space (const char *folder, GError **error)
{
  struct statvfs st;

  if (statvfs (folder, &st) != 0
      || lodge_automatic_is_enough ((guint64) st.f_bavail * st.f_frsize, (guint64) st.f_blocks * st.f_frsize))
    return TRUE;
  g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NO_SPACE, "no snapshot is taken by itself while less than 2 GiB or a twentieth of the disk is free");
  return FALSE;
}

/* Whether a guest has written anything since the snapshot that the machine goes on from. */
static gboolean
has_changed (LodgeMachine *self)
{
  const LodgeProfile *profile = self->entry->profile;

  if (profile->snapshot == NULL)
    return TRUE;
  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);
      g_autofree char *path = disk->cdrom || disk->file == NULL ? NULL : lodge_launch_disk_path (disk, self->folder);
      g_autoptr (LodgeLayer) layer = path != NULL ? lodge_layers_read (path, NULL) : NULL;

      if (path != NULL && (layer == NULL || !layer->empty))
        return TRUE;
    }
  return FALSE;
}

void
lodge_automatic_left_out (LodgeMachine *self, GError *error)
{
  if (error == NULL && self->left_out == NULL)
    return;
  g_clear_error (&self->left_out);
  self->left_out = error;
  self->left_out_new = TRUE;
  lodge_machine_notify (self);
}

gboolean
lodge_automatic_before_start (LodgeMachine *self, GAsyncReadyCallback callback, gpointer data)
{
  const LodgeProfile *profile = self->entry != NULL ? self->entry->profile : NULL;
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new_parsed ("{'automatic': <true>, 'memory': <false>}"));
  GError *error = NULL;

  lodge_automatic_left_out (self, NULL);
  /* What was saved goes on; nothing begins there. */
  if (profile == NULL || !profile->snapshot_before_start || profile->template || profile->disposable || self->state != LODGE_STATE_OFF
      || self->guest != NULL || !has_changed (self))
    return FALSE;
  if (!lodge_automatic_has_space (self->folder, &error))
    {
      lodge_automatic_left_out (self, error);
      return FALSE;
    }
  lodge_machine_take_snapshot_async (self, options, callback, data);
  return TRUE;
}
