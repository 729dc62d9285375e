/* SPDX-License-Identifier: GPL-3.0-or-later */

/* AddDisk: a new image, an image of the person's (used where it lies, or copied), one that lies in disks/ unused, or a CD
 * drive. The file is there, whole, before machine.json names it; the guest gets the disk last, and what it cannot take now it has
 * at its next start. */

#include "core/machine/lodge-machine-disks-private.h"

#include "core/config/lodge-faults.h"
#include "core/machine/lodge-launch.h"
#include "core/qemu/lodge-command-line.h"
#include "core/qemu/lodge-qemu-img.h"
#include "core/storage/lodge-disk-image.h"
#include "core/storage/lodge-disk-intent.h"
#include "core/storage/lodge-medium.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SIZE_MIN (1ull << 20)
#define SIZE_MAX_BYTES (64ull << 40)

typedef struct
{
  LodgeBus bus;
  gboolean has_bus;
  gboolean cdrom;
  gboolean copy;
  gint64 mtime;
  LodgeCapabilities *capabilities; /* (owned) (nullable) */
} Add;

static void
add_free (gpointer data)
{
  Add *add = data;

  g_clear_object (&add->capabilities);
  g_free (add);
}

static Add *
get_add (GTask *task)
{
  return g_object_get_data (G_OBJECT (task), "add");
}

static void
fail (GTask *task, GError *error)
{
  lodge_disk_work_end (task, error, NULL, NULL);
}

static void
plugged_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeDiskWork *work = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  /* The machine has it either way; ListDisks says that it waits. */
  if (!lodge_machine_plug_finish (result, &error))
    g_debug ("the disk “%s” waits for the next start: %s", work->id, error->message);
  lodge_machine_follow_entry (g_task_get_source_object (task));
  lodge_disk_work_end (task, NULL, g_strdup (work->id), g_free);
}

static gboolean
has_place (const LodgeDisk *disk, LodgeCapabilities *capabilities)
{
  return capabilities == NULL || disk->address != NULL;
}

/* The file is there: the step that counts. */
static void
commit (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  Add *add = get_add (task);
  LodgeProfile *profile;
  LodgeDisk *disk;
  GError *error = NULL;

  if (self->entry == NULL || self->entry->profile == NULL)
    {
      fail (task, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone"));
      return;
    }
  profile = lodge_profile_copy (self->entry->profile);
  disk = add->cdrom ? lodge_profile_add_cd (profile, work->file) : lodge_profile_add_disk (profile, work->file, work->format);
  if (add->has_bus)
    disk->bus = add->bus;
  disk->size = work->size;
  disk->mtime = add->mtime;
  if (add->capabilities != NULL)
    lodge_command_line_assign (profile, add->capabilities);
  if (!has_place (disk, add->capabilities))
    g_set_error (&error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE, "there is no free place on the bus %s", lodge_bus_name (disk->bus));
  if (error != NULL || !lodge_profile_validate (profile, &error))
    {
      lodge_profile_free (profile);
      fail (task, error);
      return;
    }
  work->id = g_strdup (disk->id);
  if (!lodge_machine_save_disks (self, profile, &error))
    {
      fail (task, error);
      return;
    }

  disk = lodge_machine_get_disk (self->entry->profile, work->id);
  if (self->guest != NULL && self->guest->qmp != NULL && disk != NULL && !disk->cdrom)
    lodge_machine_plug_disk_async (self, disk, add->capabilities, plugged_cb, task);
  else
    lodge_disk_work_end (task, NULL, g_strdup (work->id), g_free);
}

/* ---- The file ---- */

static char *
free_name (LodgeMachine *self, const char *format)
{
  for (guint n = 0;; n++)
    {
      g_autofree char *id = g_strdup_printf ("disk%u", n);
      g_autofree char *file = g_strconcat ("disks/", id, lodge_disk_format_suffix (format), NULL);
      g_autofree char *path = g_build_filename (self->folder, file, NULL);

      /* Named after the disk where that can be. */
      if (access (path, F_OK) != 0 && lodge_machine_get_disk (self->entry->profile, id) == NULL)
        return g_steal_pointer (&file);
    }
}

static void
created_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  if (!lodge_disk_image_finish (result, &error))
    fail (data, error);
  else
    commit (data);
}

static void
progress_cb (double fraction, gpointer data)
{
  LodgeDiskWork *work = data;
  guint64 total = MAX (work->facts.used, 1);

  lodge_job_progress (work->job, (guint64) (fraction * (double) total), total, g_get_monotonic_time ());
}

static void
flush_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;

  if (lodge_disk_image_flush (data, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
flushed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    commit (data);
  else
    fail (data, error);
}

static void
copied_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  g_autoptr (GTask) flushing = NULL;
  GError *error = NULL;

  if (!lodge_qemu_img_convert_finish (result, &error))
    {
      fail (task, error);
      return;
    }
  flushing = g_task_new (NULL, NULL, flushed_cb, task);
  g_task_set_task_data (flushing, g_build_filename (self->folder, work->file, NULL), g_free);
  g_task_run_in_thread (flushing, flush_thread);
}

static void
measured_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  g_autofree char *target = g_build_filename (self->folder, work->file, NULL);
  guint64 needed = 0;
  GError *error = NULL;

  if (!lodge_qemu_img_measure_finish (result, &needed, &error)
      || !lodge_disk_image_check_space (self->folder, needed, &error))
    {
      fail (task, error);
      return;
    }
  lodge_qemu_img_convert_async (lodge_engine_get_sandbox (self->engine), work->path, work->wanted, NULL, target, work->format,
                                progress_cb, work, lodge_job_get_cancellable (work->job), copied_cb, task);
}

static void
intended_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  LodgeSandbox *sandbox = lodge_engine_get_sandbox (self->engine);
  GCancellable *cancellable = lodge_job_get_cancellable (work->job);
  g_autofree char *target = g_build_filename (self->folder, work->file, NULL);
  GError *error = NULL;

  if (!lodge_disk_intent_write_finish (result, &error))
    {
      fail (task, error);
      return;
    }
  work->intent = TRUE;
  if (!get_add (task)->copy)
    {
      lodge_disk_image_create_async (sandbox, target, work->format, work->size, cancellable, created_cb, task);
      return;
    }
  lodge_machine_emit_job (self, work->job);
  lodge_qemu_img_measure_async (sandbox, work->path, work->wanted, cancellable, measured_cb, task);
}

static void
make_file (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  g_autofree char *half = NULL;

  work->file = free_name (self, work->format);
  half = g_strconcat (work->file, ".new", NULL);
  lodge_disk_intent_write_async (self->folder, (const char *[]){ work->file, half, NULL }, NULL, intended_cb, task);
}

/* ---- What there is ---- */

static void
looked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeDiskWork *work = g_task_get_task_data (task);
  Add *add = get_add (task);
  GError *error = NULL;

  if (!lodge_disk_work_look_finish (task, result, &error) || !lodge_disk_work_check_alone (task, &error))
    {
      fail (task, error);
      return;
    }
  if (work->format == NULL)
    work->format = g_strdup (work->facts.format);
  /* What a person gave was looked at and goes on nowhere; a layer of the machine's own may. */
  if (add->copy)
    {
      g_free (work->wanted);
      work->wanted = g_strdup (work->facts.format);
      work->size = work->facts.size;
      make_file (task);
      return;
    }
  if (work->facts.layered && lodge_layers_lookup (work->layers, work->path) == NULL)
    {
      fail (task, g_error_new (LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s needs other files", work->path));
      return;
    }
  if (work->size == 0 || !g_path_is_absolute (work->file))
    work->size = work->facts.size;
  commit (task);
}

static gboolean
lies_in (const char *path, const char *folder)
{
  return g_str_has_prefix (path, folder) && path[strlen (folder)] == '/';
}

static void
medium_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  Add *add = get_add (task);
  GError *error = NULL;
  g_autoptr (LodgeMedium) medium = lodge_medium_check_finish (result, &error);

  if (medium == NULL)
    {
      fail (task, error);
      return;
    }
  work->path = g_strdup (medium->path);
  work->size = medium->size;
  add->mtime = medium->mtime;
  if (add->cdrom)
    {
      work->file = g_strdup (medium->path);
      work->format = g_strdup ("raw");
      commit (task);
      return;
    }
  if (!add->copy)
    {
      /* One of its own that is given by its name is not a stranger's. */
      work->file = lies_in (medium->path, self->folder) ? g_strdup (medium->path + strlen (self->folder) + 1)
                                                        : g_strdup (medium->path);
      g_free (work->format);
      work->format = g_strdup (medium->format);
    }
  lodge_disk_work_look_async (task, looked_cb);
}

static gboolean
is_plain (const char *file)
{
  g_autofree char *parent = g_path_get_dirname (file);
  g_autofree char *name = g_path_get_basename (file);

  return g_str_equal (parent, "disks") && *name != '.' && strlen (file) == strlen (parent) + 1 + strlen (name);
}

static void
prepared_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  Add *add = get_add (task);
  const char *name = "", *file = NULL;
  int fd = GPOINTER_TO_INT (g_object_get_data (G_OBJECT (task), "fd"));

  /* Without a QEMU a machine can have a disk, which gets its place at the first start. */
  add->capabilities = lodge_engine_prepare_finish (LODGE_ENGINE (source), result, NULL);
  if (self->entry == NULL || self->entry->profile == NULL)
    {
      fail (task, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone"));
      return;
    }
  g_variant_lookup (work->options, "name", "&s", &name);
  if (fd > 0)
    {
      lodge_medium_check_async (fd, add->cdrom ? "iso" : "disk", name, NULL, medium_cb, task);
      return;
    }
  if (g_variant_lookup (work->options, "file", "&s", &file))
    {
      work->file = g_strdup (file);
      work->path = g_build_filename (self->folder, file, NULL);
      lodge_disk_work_look_async (task, looked_cb);
    }
  else if (add->cdrom)
    commit (task);
  else
    make_file (task);
}

static void
refuse_word (GError **error, const char *option, const char *word, const char *known)
{
  g_autofree char *quoted = lodge_quote (word);

  g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "%s: %s is not one of %s", option, quoted, known);
}

static gboolean
parse (GTask *task, int fd, GError **error)
{
  LodgeDiskWork *work = g_task_get_task_data (task);
  Add *add = get_add (task);
  const char *bus = NULL, *format = NULL, *file = NULL;
  gboolean has_size = g_variant_lookup (work->options, "size", "t", &work->size);
  guint sources;

  g_variant_lookup (work->options, "bus", "&s", &bus);
  g_variant_lookup (work->options, "format", "&s", &format);
  g_variant_lookup (work->options, "file", "&s", &file);
  g_variant_lookup (work->options, "cdrom", "b", &add->cdrom);
  g_variant_lookup (work->options, "copy", "b", &add->copy);
  sources = (has_size ? 1 : 0) + (fd >= 0 ? 1 : 0) + (file != NULL ? 1 : 0);

  if (add->cdrom ? (has_size || file != NULL || format != NULL || add->copy) : sources != 1)
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT,
                         add->cdrom ? "a CD drive takes nothing but an image" : "one of size, image and file must be given");
  else if (add->copy && fd < 0)
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "only an image can be copied");
  else if (format != NULL && !has_size && !add->copy)
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "the format of an image is what it is; convert or copy it");
  else if (format != NULL && !lodge_disk_format_is_known (format))
    refuse_word (error, "format", format, "qcow2, raw, vmdk, vpc (VHD), vhdx, vdi");
  else if (bus != NULL && !lodge_bus_parse (bus, &add->bus))
    refuse_word (error, "bus", bus, "virtio, sata, nvme, ide, scsi, usb");
  else if (file != NULL && !is_plain (file))
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "the file must be one of disks/");
  else if (has_size && (work->size < SIZE_MIN || work->size > SIZE_MAX_BYTES))
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE,
                 "size: %" G_GUINT64_FORMAT " bytes is out of range: 1 MiB to 64 TiB", work->size);
  else
    {
      add->has_bus = bus != NULL;
      if (has_size || add->copy)
        work->format = g_strdup (format != NULL ? format : "qcow2");
      work->size = has_size ? (work->size + 511) / 512 * 512 : 0;
      return TRUE;
    }
  return FALSE;
}

static void
close_fd (gpointer fd)
{
  close (GPOINTER_TO_INT (fd));
}

void
lodge_machine_add_disk_async (LodgeMachine *self, int fd, GVariant *options, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const known[] = { "size", "t", "image", "h",  "name", "s", "file",  "s",
                                       "copy", "b", "format", "s", "bus",  "s", "cdrom", "b", NULL };
  GTask *task = lodge_disk_work_begin (self, LODGE_METHOD_ADD_DISK, options, known, "disk", lodge_machine_add_disk_async,
                                       callback, data);
  GError *error = NULL;

  if (task == NULL)
    return;
  g_object_set_data_full (G_OBJECT (task), "add", g_new0 (Add, 1), add_free);
  if (!parse (task, fd, &error))
    {
      fail (task, error);
      return;
    }
  if (fd >= 0)
    g_object_set_data_full (G_OBJECT (task), "fd", GINT_TO_POINTER (fcntl (fd, F_DUPFD_CLOEXEC, 3)), close_fd);
  lodge_engine_prepare_async (self->engine, self->entry->profile->arch, NULL, prepared_cb, task);
}

char *
lodge_machine_add_disk_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
