/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A guest that is forked has its memory in a file that every clone maps privately: what a clone only reads is there once for all, and
 * its start costs the same whatever the size. That file is made of a memory that was saved as a stream, by a QEMU that never runs:
 *
 *   a hidden folder among the machines, with empty layers on the disks  -> a QEMU with the same hardware, whose memory is a file
 *   there, reads the stream  -> it writes the devices' state alone ("x-ignore-shared")  -> it ends, and nobody writes to the file again
 *   -> note, launch.json, both files into the place of the stream, the stream goes, note goes
 *
 * A killed core leaves a hidden folder, which the store clears away, a QEMU that dies with it, and at most the note: with it the
 * next core knows whether the new form is whole (LODGE_SAVED_DEVICES comes last), and drops the other one.
 *
 * Where the file system has reflinks a guest's memory could be in a file from the start and be forked by reference; branch(), which
 * makes the file, is where that would be decided. */

#include "core/machine/lodge-fork.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-save.h"
#include "core/machine/lodge-ram.h"
#include "core/machine/lodge-stream.h"
#include "core/storage/lodge-disk-image.h"
#include "core/storage/lodge-layers.h"
#include "core/storage/lodge-overlay.h"
#include "core/storage/lodge-snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE ".mapping"
#define NOTE_MAX 4096
#define TAIL_BYTES 4096
/* The devices' state, the layers, the log. */
#define SPACE_FOR_REST (32 * 1024 * 1024)

typedef struct
{
  LodgeMachine *maker;             /* (owned) the machine that is made for this alone; no store knows it */
  char *machine_folder;            /* (owned) */
  char *folder;                    /* (owned) */
  char *prepared;                  /* (owned) (nullable) hidden folder */
  char *dir;                       /* (owned) (nullable) runtime folder */
  LodgeSaved *saved;               /* (owned) */
  LodgeCapabilities *capabilities; /* (owned) (nullable) */
  LodgeLaunchPlan *plan;           /* (owned) (nullable) */
  LodgeJob *job;                   /* (owned) */
  GError *error;                   /* (owned) (nullable) */
  gulong cancelled_id;
  int network;                     /* the far end of a network that is not there, or -1 */
  int memory, devices;             /* files, or -1 */
} Map;

static void
map_free (Map *map)
{
  g_clear_object (&map->maker);
  g_free (map->machine_folder);
  g_free (map->folder);
  g_free (map->prepared);
  g_free (map->dir);
  lodge_saved_free (map->saved);
  g_clear_object (&map->capabilities);
  g_clear_pointer (&map->plan, lodge_launch_plan_free);
  g_object_unref (map->job);
  g_clear_error (&map->error);
  if (map->network >= 0)
    close (map->network);
  if (map->memory >= 0)
    close (map->memory);
  if (map->devices >= 0)
    close (map->devices);
  g_free (map);
}

static gboolean
is_cancelled (const Map *map)
{
  return g_cancellable_is_cancelled (lodge_job_get_cancellable (map->job));
}

/* ---- The end ---- */

/* @task: taken */
static void
finish (GTask *owned_task, GError *error)
{
  g_autoptr (GTask) task = owned_task;
  LodgeEngine *engine = g_task_get_source_object (task);
  Map *map = g_task_get_task_data (task);

  if (map->cancelled_id != 0)
    g_cancellable_disconnect (lodge_job_get_cancellable (map->job), map->cancelled_id);
  map->cancelled_id = 0;
  if (map->prepared != NULL)
    lodge_store_abandon (lodge_engine_get_store (engine), map->prepared);
  if (map->dir != NULL)
    lodge_runtime_dir_remove (map->dir);
  if (error != NULL && is_cancelled (map))
    {
      g_clear_error (&error);
      error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "it was cancelled");
    }
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static char *
join (const char *folder, const char *file)
{
  return g_build_filename (folder, file, NULL);
}

static gboolean
move (const char *from_folder, const char *to_folder, const char *file, GError **error)
{
  g_autofree char *from = join (from_folder, file);
  g_autofree char *to = join (to_folder, file);

  return rename (from, to) == 0 || lodge_error_set_errno (error, errno, "naming", to);
}

static void
drop (const char *folder, const char *file)
{
  g_autofree char *path = join (folder, file);

  unlink (path);
}

static void
commit_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  Map *map = data;
  g_autofree char *ram = join (map->prepared, LODGE_SAVED_RAM);
  g_autofree char *devices = join (map->prepared, LODGE_SAVED_DEVICES);
  g_autofree char *note = join (map->machine_folder, NOTE);
  GError *error = NULL;

  if (lodge_disk_image_flush (ram, &error) && lodge_disk_image_flush (devices, &error)
      && lodge_saved_write (map->saved, map->folder, &error)
      && lodge_atomic_file_write (note, map->folder + strlen (map->machine_folder) + 1,
                                  strlen (map->folder) - strlen (map->machine_folder) - 1, &error)
      && move (map->prepared, map->folder, LODGE_SAVED_RAM, &error)
      && move (map->prepared, map->folder, LODGE_SAVED_DEVICES, &error))
    lodge_folder_sync (map->folder, &error);
  lodge_fork_recover (map->machine_folder);
  if (error != NULL)
    g_task_return_error (work, error);
  else
    g_task_return_boolean (work, TRUE);
}

static void
committed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  finish (data, error);
}

/* QEMU is gone. */
static void
ended_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Map *map = g_task_get_task_data (task);
  g_autoptr (GTask) work = NULL;

  if (G_IS_TASK (result))
    g_task_propagate_boolean (G_TASK (result), NULL);
  if (map->error != NULL)
    {
      finish (task, g_steal_pointer (&map->error));
      return;
    }
  work = g_task_new (NULL, NULL, committed_cb, task);
  g_task_set_task_data (work, map, NULL);
  g_task_run_in_thread (work, commit_thread);
}

/* @task: taken; @error: taken, (nullable) */
static void
end_maker (GTask *task, GError *error)
{
  Map *map = g_task_get_task_data (task);
  g_autofree char *log = join (map->prepared, "log/qemu.log");
  g_autofree char *tail = error != NULL ? g_strstrip (lodge_log_file_tail (log, 0, TAIL_BYTES)) : NULL;

  if (tail != NULL && *tail != '\0' && g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING))
    {
      g_clear_error (&error);
      error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_QEMU_FAILED, tail);
    }
  map->error = error;
  if (map->maker->guest != NULL && map->maker->guest->process == NULL)
    lodge_guest_kill (map->maker);
  if (map->maker->guest != NULL)
    lodge_machine_force_off (map->maker, g_task_new (map->maker, NULL, ended_cb, task));
  else
    ended_cb (NULL, NULL, task);
}

/* ---- QEMU ---- */

static void
written_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  lodge_stream_finish (result, &error);
  end_maker (data, error);
}

static void
read_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Map *map = g_task_get_task_data (task);
  GError *error = NULL;

  if (!lodge_stream_finish (result, &error) || is_cancelled (map))
    end_maker (task, error != NULL ? error : g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "it was cancelled"));
  else
    lodge_stream_devices_out_async (map->maker, map->devices, FALSE, NULL, written_cb, task);
}

static void
ready_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Map *map = g_task_get_task_data (task);
  GError *error = NULL;

  if (map->maker->guest != NULL)
    g_clear_handle_id (&map->maker->guest->start_id, g_source_remove);
  if (!lodge_qmp_client_ready_finish (LODGE_QMP_CLIENT (source), result, &error))
    end_maker (task, g_error_new (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU did not answer: %s", error->message));
  else
    lodge_stream_in_async (map->maker, map->memory, map->job, read_cb, task);
  g_clear_error (&error);
}

static gboolean
kill_cb (gpointer data)
{
  LodgeMachine *maker = data;

  if (maker->guest != NULL && maker->guest->process != NULL)
    lodge_guest_kill (maker);
  return G_SOURCE_REMOVE;
}

/* From wherever it is cancelled: not in the middle of something. */
static void
cancelled_cb (GCancellable *cancellable, gpointer data)
{
  Map *map = data;

  g_idle_add_full (G_PRIORITY_DEFAULT, kill_cb, g_object_ref (map->maker), g_object_unref);
}

static gboolean
open_sockets (Map *map, GError **error)
{
  static const struct
  {
    const char *name;
    int target;
  } sockets[] = {
    { LODGE_SOCKET_QMP, LODGE_CHILD_FD_QMP },         { LODGE_SOCKET_RESCUE, LODGE_CHILD_FD_RESCUE },
    { LODGE_SOCKET_AGENT, LODGE_CHILD_FD_AGENT },     { LODGE_SOCKET_VDAGENT, LODGE_CHILD_FD_VDAGENT },
    { LODGE_SOCKET_SERIAL, LODGE_CHILD_FD_SERIAL },
  };
  int pair[2];

  for (gsize i = 0; i < G_N_ELEMENTS (sockets); i++)
    {
      int fd = lodge_runtime_listen (map->dir, sockets[i].name, error);

      if (fd < 0)
        return FALSE;
      lodge_launch_plan_add_fd (map->plan, fd, sockets[i].target);
    }
  /* QEMU's own network has a state of its own, passt none: what the guest had is told by its command line. */
  for (gsize i = 0; map->saved->argv[i] != NULL && map->saved->argv[i + 1] != NULL; i++)
    if (strcmp (map->saved->argv[i], "-netdev") == 0 && g_str_has_prefix (map->saved->argv[i + 1], "stream,"))
      map->plan->launch.passt = TRUE;
  if (!map->plan->launch.passt)
    return TRUE;
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return lodge_error_set_errno (error, errno, "making", "a socket");
  map->network = pair[0];
  lodge_launch_plan_add_fd (map->plan, pair[1], LODGE_CHILD_FD_NET);
  return TRUE;
}

static gboolean
spawn (GTask *task, GError **error)
{
  LodgeEngine *engine = g_task_get_source_object (task);
  Map *map = g_task_get_task_data (task);
  LodgeGuest *guest = map->maker->guest;
  g_autofree char *ram = join (map->prepared, LODGE_SAVED_RAM);
  g_autofree char *path = NULL;
  g_autoptr (LodgeQmpClient) qmp = NULL;
  g_auto (GStrv) bare = NULL;
  g_auto (GStrv) confined = NULL;
  g_auto (GStrv) environment = lodge_launch_environment ();

  map->dir = lodge_runtime_dir_create (lodge_engine_get_paths (engine)->runtime_dir, guest->profile->id, error);
  if (map->dir == NULL)
    return FALSE;
  map->plan = lodge_launch_plan_new (engine, guest->profile, map->capabilities, map->prepared,
                                     strcmp (map->saved->accelerator, "tcg") == 0);
  map->plan->with_core = TRUE;
  map->plan->launch.incoming = TRUE;
  map->plan->launch.audio = FALSE;
  map->plan->launch.ram = ram;
  map->plan->launch.ram_use = LODGE_RAM_SHARED;
  if (!open_sockets (map, error)
      || (bare = lodge_command_line_build (guest->profile, map->capabilities, lodge_engine_get_host (engine), &map->plan->launch, error)) == NULL
      || !lodge_saved_check_argv (map->saved, (const char *const *) bare, error))
    return FALSE;
  confined = lodge_launch_plan_confine (map->plan, guest->profile, map->capabilities, engine, (const char *const *) bare);
  guest->log = join (map->prepared, "log/qemu.log");
  guest->process = lodge_process_spawn ((const char *const *) confined, (const char *const *) environment,
                                        (const LodgeFdMap *) (gpointer) map->plan->fds->data, guest->log, error);
  map->plan->launch.ram = NULL;
  if (guest->process == NULL)
    return FALSE;
  lodge_guest_watch_process (map->maker);
  lodge_process_release (guest->process);
  lodge_launch_plan_close (map->plan);

  path = join (map->dir, LODGE_SOCKET_QMP);
  qmp = lodge_qmp_client_connect (path, error);
  if (qmp == NULL)
    return FALSE;
  lodge_guest_connect (map->maker, qmp);
  lodge_guest_limit_greeting (map->maker);
  map->cancelled_id = g_cancellable_connect (lodge_job_get_cancellable (map->job), G_CALLBACK (cancelled_cb), map, NULL);
  lodge_qmp_client_ready_async (qmp, NULL, ready_cb, task);
  return TRUE;
}

/* ---- The files ---- */

static gboolean
branch (Map *map, GError **error)
{
  g_autofree char *ram = join (map->prepared, LODGE_SAVED_RAM);
  int fd = open (ram, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  gboolean good = fd >= 0 && ftruncate (fd, (off_t) map->saved->profile->memory) == 0;

  if (!good)
    lodge_error_set_errno (error, errno, "making", ram);
  if (fd >= 0)
    close (fd);
  return good;
}

static gboolean
make_disks (Map *map, GError **error)
{
  LodgeProfile *profile = map->maker->guest->profile;

  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeDisk *disk = g_ptr_array_index (profile->disks, i);
      g_autofree char *path = lodge_launch_disk_path (disk, map->machine_folder);
      g_autofree char *layer = g_strdup_printf ("disks/%s.qcow2", disk->id);
      g_autofree char *place = join (map->prepared, layer);
      g_autofree char *backing = NULL;
      g_autoptr (LodgeLayer) below = NULL;
      struct stat st;

      if (path == NULL)
        continue;
      if (disk->cdrom)
        {
          g_free (disk->file);
          disk->file = g_steal_pointer (&path);
          continue;
        }
      below = lodge_layers_read (path, error);
      if (below == NULL)
        return FALSE;
      backing = lodge_layers_relative (place, path);
      if (!lodge_overlay_write (place, below->virtual_size != 0 ? below->virtual_size : stat (path, &st) == 0 ? (guint64) st.st_size : disk->size,
                                backing, disk->format, error))
        return FALSE;
      g_free (disk->file);
      disk->file = g_steal_pointer (&layer);
      g_free (disk->format);
      disk->format = g_strdup ("qcow2");
    }
  return TRUE;
}

/* What QEMU only reads stays where it is; the UEFI variables it opens for writing. */
static gboolean
make_rest (Map *map, GError **error)
{
  LodgeProfile *profile = map->maker->guest->profile;
  g_autofree char *kept = join (map->folder, "vars.qcow2");
  g_autofree char *present = join (map->machine_folder, lodge_profile_get_vars (profile));
  g_autofree char *vars = join (map->prepared, lodge_profile_get_vars (profile));
  char **files[] = { &profile->kernel, &profile->initrd };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    if (*files[i] != NULL && !g_path_is_absolute (*files[i]))
      {
        char *path = join (map->machine_folder, *files[i]);

        g_free (*files[i]);
        *files[i] = path;
      }
  return profile->firmware != LODGE_FIRMWARE_UEFI || lodge_file_duplicate (access (kept, F_OK) == 0 ? kept : present, vars, error);
}

static void
build_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  Map *map = data;
  GError *error = NULL;

  if (branch (map, &error) && make_disks (map, &error) && make_rest (map, &error))
    g_task_return_boolean (work, TRUE);
  else
    g_task_return_error (work, error);
}

static void
built_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error) || !spawn (task, &error))
    end_maker (task, error);
}

static int
open_file (const char *folder, const char *name, int flags, GError **error)
{
  g_autofree char *path = join (folder, name);
  int fd = open (path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  struct stat st;

  if (fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode))
    {
      fcntl (fd, F_SETFL, 0);
      return fd;
    }
  lodge_error_set_errno (error, fd < 0 ? errno : EINVAL, "opening", path);
  if (fd >= 0)
    close (fd);
  return -1;
}

static gboolean
begin (LodgeEngine *engine, Map *map, GError **error)
{
  LodgeProfile *profile = lodge_profile_copy (map->saved->profile);
  g_autofree char *cpuinfo = NULL;
  g_autofree char *host_cpu = NULL;
  struct stat st;

  g_free (profile->id);
  profile->id = g_uuid_string_random ();
  map->maker = lodge_machine_new (engine, profile->id, NULL);
  map->maker->guest = lodge_guest_new (map->maker, profile);
  if (map->saved->host_cpu != NULL && g_file_get_contents ("/proc/cpuinfo", &cpuinfo, NULL, NULL))
    host_cpu = lodge_saved_host_cpu (cpuinfo);
  if (!lodge_fork_check (profile, map->capabilities, error)
      || !lodge_saved_check_host (map->saved, lodge_capabilities_get_version (map->capabilities),
                                  lodge_engine_get_host (engine)->accel == LODGE_ACCEL_KVM, host_cpu, error)
      || (map->memory = open_file (map->folder, LODGE_SAVED_MEMORY, O_RDONLY, error)) < 0)
    return FALSE;
  /* The file has holes where the guest's memory is empty, as the stream has none of it. */
  if (fstat (map->memory, &st) == 0
      && !lodge_disk_image_check_space (map->machine_folder, (guint64) st.st_size + SPACE_FOR_REST, error))
    return FALSE;
  map->prepared = lodge_store_prepare (lodge_engine_get_store (engine), profile, error);
  map->devices = map->prepared != NULL ? open_file (map->prepared, LODGE_SAVED_DEVICES, O_RDWR | O_CREAT | O_EXCL, error) : -1;
  g_free (map->saved->qemu_version);
  map->saved->qemu_version = g_strdup (lodge_capabilities_get_version (map->capabilities));
  return map->devices >= 0;
}

static void
prepared_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeEngine *engine = LODGE_ENGINE (source);
  Map *map = g_task_get_task_data (task);
  g_autoptr (GTask) work = NULL;
  GError *error = NULL;

  map->capabilities = lodge_engine_prepare_finish (engine, result, &error);
  if (map->capabilities == NULL || !begin (engine, map, &error))
    {
      finish (task, error);
      return;
    }
  work = g_task_new (NULL, NULL, built_cb, task);
  g_task_set_task_data (work, map, NULL);
  g_task_run_in_thread (work, build_thread);
}

void
lodge_fork_map_async (LodgeEngine *engine, const char *machine_folder, const char *folder, LodgeJob *job,
                      GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (engine, NULL, callback, data);
  Map *map = g_new0 (Map, 1);
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_fork_map_async);
  g_task_set_task_data (task, map, (GDestroyNotify) map_free);
  map->machine_folder = g_strdup (machine_folder);
  map->folder = g_strdup (folder);
  map->job = g_object_ref (job);
  map->network = map->memory = map->devices = -1;
  map->saved = lodge_saved_read (folder, &error);
  if (map->saved == NULL)
    g_task_return_error (task, error);
  else if (map->saved->mapped)
    g_task_return_boolean (task, TRUE);
  else
    lodge_engine_prepare_async (engine, map->saved->profile->arch, NULL, prepared_cb, g_steal_pointer (&task));
}

gboolean
lodge_fork_map_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
lodge_fork_recover (const char *machine_folder)
{
  g_autofree char *note = join (machine_folder, NOTE);
  gsize length;
  g_autofree char *text = lodge_file_read (note, NOTE_MAX, &length, NULL);
  g_autofree char *folder = NULL;
  g_autofree char *devices = NULL;

  if (text == NULL)
    return;
  if (strcmp (text, LODGE_SAVED_DIR) == 0
      || (g_str_has_prefix (text, LODGE_SNAPSHOTS_DIR "/") && strchr (text + strlen (LODGE_SNAPSHOTS_DIR "/"), '/') == NULL
          && strstr (text, "/..") == NULL))
    {
      folder = join (machine_folder, text);
      devices = join (folder, LODGE_SAVED_DEVICES);
      drop (folder, access (devices, F_OK) == 0 ? LODGE_SAVED_MEMORY : LODGE_SAVED_RAM);
    }
  unlink (note);
}

gboolean
lodge_fork_check (const LodgeProfile *profile, LodgeCapabilities *capabilities, GError **error)
{
  if (profile->tpm)
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                         "the machine has a TPM, which cannot be in two running guests; a linked clone gets a new one");
  else if (!lodge_ram_is_possible (capabilities))
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "QEMU %s cannot start several guests from one memory",
                 lodge_capabilities_get_version (capabilities));
  else
    return TRUE;
  return FALSE;
}
