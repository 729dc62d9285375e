/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What clones will be: their kind, their profiles. See lodge-machine-clone.c. */

#include "core/machine/lodge-clone.h"

#include "core/config/lodge-file-tree.h"
#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-identity.h"
#include "core/qemu/lodge-command-line.h"
#include "core/storage/lodge-disk-image.h"
#include "core/storage/lodge-layers.h"

#include <string.h>

#define COUNT_MAX 100
/* Each layer costs a little at every read; a chain that grows further is copied. */
#define DEEPEST 32
#define SMALL_CLONE (4 * 1024 * 1024)

static void
copy_free (gpointer data)
{
  LodgeCloneCopy *copy = data;

  g_clear_pointer (&copy->profile, lodge_profile_free);
  g_free (copy->id);
  g_free (copy->prepared);
  g_free (copy);
}

LodgeClone *
lodge_clone_new (LodgeMachine *parent, const char *name, gboolean disposable)
{
  LodgeClone *clone = g_new0 (LodgeClone, 1);

  clone->job = lodge_job_new ("clone", parent->id);
  clone->copies = g_ptr_array_new_with_free_func (copy_free);
  clone->name = g_strdup (name);
  clone->count = 1;
  clone->disposable = disposable;
  return clone;
}

void
lodge_clone_free (LodgeClone *clone)
{
  g_free (clone->name);
  g_free (clone->snapshot);
  g_free (clone->source);
  g_clear_pointer (&clone->parent, lodge_profile_free);
  g_clear_pointer (&clone->frozen, lodge_frozen_free);
  g_clear_pointer (&clone->locks, g_ptr_array_unref);
  g_ptr_array_unref (clone->copies);
  g_object_unref (clone->job);
  g_free (clone);
}

const char *
lodge_clone_kind (const LodgeClone *clone)
{
  return clone->instant ? "instant" : clone->linked ? "linked" : "full";
}

LodgeDisk *
lodge_clone_find_disk (const LodgeProfile *profile, const char *id)
{
  for (guint i = 0; i < profile->disks->len; i++)
    if (g_str_equal (((LodgeDisk *) profile->disks->pdata[i])->id, id))
      return profile->disks->pdata[i];
  return NULL;
}

/* ---- The kind ---- */

static const char *
why_not_linked (LodgeMachine *self, const LodgeProfile *profile)
{
  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = profile->disks->pdata[i];
      g_autofree char *path = NULL;
      g_autoptr (GPtrArray) chain = NULL;

      if (disk->cdrom || disk->file == NULL)
        continue;
      /* The layers find one another by their places in the library. */
      if (!g_str_has_prefix (disk->file, "disks/") || strchr (disk->file + strlen ("disks/"), '/') != NULL)
        return "disk-outside";
      path = lodge_launch_disk_path (disk, self->folder);
      chain = lodge_layers_chain (path, NULL);
      if (chain != NULL && chain->len >= DEEPEST)
        return "many-layers";
    }
  return NULL;
}

static gboolean
check_names (const LodgeClone *clone, GError **error)
{
  g_autofree char *longest = g_strdup_printf ("%s %u", clone->name, clone->count);

  if (clone->count < 1 || clone->count > COUNT_MAX)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE, "count: %u is out of range: 1 to %d", clone->count, COUNT_MAX);
      return FALSE;
    }
  return lodge_name_validate (clone->count > 1 ? longest : clone->name, error);
}

gboolean
lodge_clone_choose (LodgeClone *clone, LodgeMachine *self, const char *asked, GError **error)
{
  static const char *const kinds[] = { "best", "instant", "linked", "full", NULL };
  const char *why_not = clone->snapshot == NULL ? why_not_linked (self, clone->parent) : NULL;
  gboolean memory = lodge_machine_has_memory (self, clone->snapshot);

  if (!check_names (clone, error))
    return FALSE;
  if (asked != NULL && !g_strv_contains (kinds, asked))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "kind: “%s” is not one of best, instant, linked, full", asked);
      return FALSE;
    }
  if (g_strcmp0 (asked, "best") == 0)
    asked = NULL;
  clone->chosen = asked == NULL;
  clone->instant = asked != NULL ? g_str_equal (asked, "instant") : memory && why_not == NULL && !clone->parent->tpm;
  clone->linked = asked != NULL ? !g_str_equal (asked, "full") : why_not == NULL;
  clone->reason = asked != NULL                   ? "asked"
                  : why_not != NULL               ? why_not
                  : clone->instant                ? "has-memory"
                  : memory && clone->parent->tpm  ? "tpm"
                                                  : "no-copy-needed";
  if (clone->instant && !memory)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                           "an instant clone is made of a memory: of a machine that runs or is saved, or of a snapshot with memory");
      return FALSE;
    }
  if (clone->linked && why_not != NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "%s",
                   g_str_equal (why_not, "disk-outside") ? "a linked clone needs disks in the machine's own folder; this one has a disk elsewhere"
                                                         : "the disks have too many layers for a further linked clone; flatten the machine");
      return FALSE;
    }
  return TRUE;
}

gboolean
lodge_clone_check_space (LodgeClone *clone, GError **error)
{
  g_autofree char *library = g_path_get_dirname (clone->source);
  guint64 needed = SMALL_CLONE;

  for (guint i = 0; i < clone->frozen->disks->len && !clone->linked; i++)
    {
      const LodgeFrozenDisk *disk = clone->frozen->disks->pdata[i];
      g_autoptr (GPtrArray) chain = lodge_layers_chain (disk->path, error);
      guint64 occupied = lodge_file_tree_size (disk->path);

      if (chain == NULL)
        return FALSE;
      for (guint n = 0; n < chain->len; n++)
        occupied += lodge_file_tree_size (g_ptr_array_index (chain, n));
      needed += MIN (occupied, disk->size);
      clone->total += disk->size;
    }
  clone->total *= clone->count;
  return lodge_disk_image_check_space (library, needed * clone->count, error);
}

/* ---- The profiles ---- */

static LodgeProfile *
profile_for (const LodgeClone *clone, guint number)
{
  LodgeProfile *profile = lodge_profile_copy (clone->parent);

  g_free (profile->id);
  profile->id = g_uuid_string_random ();
  g_free (profile->name);
  profile->name = clone->count > 1 ? g_strdup_printf ("%s %u", clone->name, number + 1) : g_strdup (clone->name);
  profile->created = g_get_real_time () / G_USEC_PER_SEC;
  profile->template = FALSE;
  profile->disposable = clone->disposable;
  profile->renew = lodge_machine_can_renew (profile);
  /* Whose backups are made by themselves a person says for each machine. */
  profile->backup_every = 0;
  g_clear_pointer (&profile->backup_folder, g_free);
  lodge_parent_clear (&profile->parent);
  profile->parent.machine = g_strdup (clone->parent->id);
  profile->parent.snapshot = g_strdup (clone->snapshot);
  profile->parent.kind = g_strdup (lodge_clone_kind (clone));
  g_clear_pointer (&profile->snapshot, g_free);
  for (guint i = 0; i < profile->nics->len; i++)
    g_clear_pointer (&((LodgeNic *) profile->nics->pdata[i])->mac, g_free);
  for (guint i = 0; i < clone->frozen->disks->len; i++)
    {
      const LodgeFrozenDisk *frozen = clone->frozen->disks->pdata[i];
      LodgeDisk *disk = lodge_clone_find_disk (profile, frozen->disk);

      g_free (disk->file);
      disk->file = g_strdup_printf ("disks/%s.qcow2", frozen->disk);
      g_free (disk->format);
      disk->format = g_strdup ("qcow2");
      disk->size = frozen->size;
      disk->mtime = 0;
    }
  return profile;
}

gboolean
lodge_clone_prepare (LodgeClone *clone, LodgeStore *store, LodgeCapabilities *capabilities, GError **error)
{
  for (guint i = clone->copies->len; i < clone->count; i++)
    {
      LodgeCloneCopy *copy = g_new0 (LodgeCloneCopy, 1);

      g_ptr_array_add (clone->copies, copy);
      copy->profile = profile_for (clone, i);
      copy->id = g_strdup (copy->profile->id);
      if (capabilities != NULL)
        lodge_command_line_assign (copy->profile, capabilities);
      if (!lodge_profile_validate (copy->profile, error))
        return FALSE;
      copy->prepared = lodge_store_prepare (store, copy->profile, error);
      if (copy->prepared == NULL)
        return FALSE;
    }
  return TRUE;
}
