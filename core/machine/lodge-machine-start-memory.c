/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The memory of a guest that starts: a new file, one that is filled with what was saved, that file itself, or none; and what QEMU
 * reads before it runs. lodge-machine-start.c has the other steps. */

#include "core/machine/lodge-machine-start.h"

#include "core/config/lodge-atomic-file.h"
#include "core/machine/lodge-fork.h"
#include "core/machine/lodge-machine-save.h"
#include "core/machine/lodge-stream.h"
#include "core/qemu/lodge-command-line.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
memory_read_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeStart) start = data;
  LodgeGuest *guest = start->guest; /* valid where the start is not stale */
  GError *error = NULL;
  gboolean there = lodge_stream_finish (result, &error);

  if (lodge_start_is_stale (start) || g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING))
    {
      g_clear_error (&error); /* its end says why */
      return;
    }
  if (!there)
    lodge_start_give_up (start, error);
  else if (guest->place != NULL)
    guest->waiting = g_steal_pointer (&start);
  else
    lodge_start_resume (g_steal_pointer (&start));
}

/* @fd: taken */
static void
read_stream (LodgeStart *start, int fd)
{
  LodgeMachine *self = start->machine;

  fcntl (fd, F_SETFL, 0);
  if (start->saved->mapped)
    /* A moment, so no job. */
    lodge_stream_devices_in_async (self, fd, memory_read_cb, start);
  else
    {
      start->job = lodge_job_new ("restore", self->id);
      lodge_machine_emit_job (self, start->job);
      lodge_stream_in_async (self, fd, start->job, memory_read_cb, start);
    }
  close (fd);
}

static void
read_memory (LodgeStart *owned)
{
  g_autoptr (LodgeStart) start = owned;
  g_autofree char *path = g_build_filename (start->machine->folder, LODGE_SAVED_DIR,
                                            start->saved->mapped ? LODGE_SAVED_DEVICES : LODGE_SAVED_MEMORY, NULL);
  int fd = open (path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  GError *error = NULL;
  struct stat st;

  if (fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode))
    {
      read_stream (g_steal_pointer (&start), fd);
      return;
    }
  lodge_error_set_errno (&error, fd < 0 ? errno : EINVAL, "opening", path);
  if (fd >= 0)
    close (fd);
  lodge_start_give_up (start, error);
}

static void
filled_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeStart) start = data;
  GError *error = NULL;
  gboolean filled = lodge_ram_fill_wait_finish (result, &error);

  if (lodge_start_is_stale (start))
    g_clear_error (&error);
  else if (!filled)
    lodge_start_give_up (start, error);
  else
    {
      g_clear_pointer (&start->fill, lodge_ram_fill_free);
      read_memory (g_steal_pointer (&start));
    }
}

static void
ram_opened_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeStart) start = data;
  GError *error = NULL;

  start->ram_fd = lodge_fork_open_finish (LODGE_ENGINE (source), result, &error);
  if (lodge_start_is_stale (start))
    g_clear_error (&error);
  else if (start->ram_fd < 0)
    lodge_start_give_up (start, error);
  else
    lodge_start_launch (g_steal_pointer (&start));
}

gboolean
lodge_start_take_saved (LodgeMachine *self, gboolean discard, LodgeSaved **saved, GError **error)
{
  g_autofree char *path = g_build_filename (self->folder, LODGE_SAVED_DIR, NULL);

  if (self->state != LODGE_STATE_SAVED)
    return TRUE;
  if (discard)
    return lodge_machine_discard_saved (self, error);

  *saved = lodge_saved_read (path, error);
  if (*saved != NULL && g_strcmp0 ((*saved)->profile->id, self->id) != 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                   "the saved memory is that of the machine %s, which this one is a copy of; drop it, and this one starts from its own disks",
                   (*saved)->profile->id);
      g_clear_pointer (saved, lodge_saved_free);
    }
  if (*saved == NULL)
    return FALSE;
  g_free ((*saved)->profile->name);
  (*saved)->profile->name = g_strdup (self->entry->profile->name);
  return TRUE;
}

gboolean
lodge_start_check_saved (LodgeStart *start, GError **error)
{
  LodgeMachine *self = start->machine;
  g_autofree char *cpuinfo = NULL;
  g_autofree char *host_cpu = NULL;

  if (start->saved == NULL)
    return TRUE;
  if (start->saved->host_cpu != NULL && g_file_get_contents ("/proc/cpuinfo", &cpuinfo, NULL, NULL))
    host_cpu = lodge_saved_host_cpu (cpuinfo);
  return lodge_saved_check_host (start->saved, lodge_capabilities_get_version (start->capabilities),
                                 lodge_engine_get_host (self->engine)->accel == LODGE_ACCEL_KVM, host_cpu, error)
         && lodge_saved_check_disks (start->saved, self->folder, error);
}

void
lodge_start_find_memory (LodgeStart *start)
{
  LodgeMachine *self = start->machine;
  g_autofree char *path = g_build_filename (self->folder, LODGE_SAVED_DIR, LODGE_SAVED_RAM, NULL);
  struct stat st;

  if (start->saved == NULL || !start->saved->mapped || lodge_saved_is_filled (start->saved))
    {
      lodge_start_launch (start);
      return;
    }
  /* A file that has no other name is this guest's alone. */
  if (lodge_capabilities_has_member (start->capabilities, "object-add/arg-type/+memory-backend-file/rom")
      || (stat (path, &st) == 0 && st.st_nlink == 1))
    {
      start->ram = start->guest->place != NULL ? g_build_filename (start->guest->place, LODGE_SAVED_DIR, LODGE_SAVED_RAM, NULL)
                                               : g_steal_pointer (&path);
      lodge_start_launch (start);
      return;
    }
  start->ram = g_strdup (LODGE_RAM_PATH);
  lodge_fork_open_async (self->engine, path, ram_opened_cb, start);
}

/* The memory of a guest in software is a file that the core can read, where QEMU knows how to be saved without it. */
gboolean
lodge_start_make_memory (LodgeStart *start, GError **error)
{
  LodgeMachine *self = start->machine;
  guint64 size = start->guest->profile->memory;
  int fd;

  if (start->ram != NULL || start->plan->launch.accel != LODGE_ACCEL_TCG || !lodge_ram_is_possible (start->capabilities)
      || (start->saved != NULL && !start->saved->mapped))
    return TRUE;
  if (start->saved != NULL)
    {
      g_autofree char *path = g_build_filename (self->folder, LODGE_SAVED_DIR, LODGE_SAVED_RAM, NULL);

      /* A restore may have begun with it. */
      start->fill = g_steal_pointer (&self->fill);
      if (start->fill != NULL && !lodge_ram_fill_is_of (start->fill, path))
        g_clear_pointer (&start->fill, lodge_ram_fill_free);
      if (start->fill == NULL)
        start->fill = lodge_ram_fill_new (path, size, -1, error);
      if (start->fill == NULL)
        return FALSE;
      fd = lodge_ram_fill_dup (start->fill);
    }
  else if ((fd = lodge_ram_new (size, NULL)) < 0)
    return TRUE; /* memory of the usual kind does as well */
  lodge_launch_plan_add_fd (start->plan, fd, LODGE_CHILD_FD_RAM);
  start->plan->launch.ram = LODGE_RAM_PATH;
  start->plan->launch.ram_use = LODGE_RAM_SHARED;
  return TRUE;
}

void
lodge_start_read_memory (LodgeStart *start)
{
  if (start->fill == NULL)
    {
      read_memory (start);
      return;
    }
  if (!lodge_ram_fill_is_done (start->fill))
    {
      start->job = lodge_job_new ("restore", start->machine->id);
      lodge_machine_emit_job (start->machine, start->job);
    }
  lodge_ram_fill_wait_async (start->fill, start->job, filled_cb, start);
}

void
lodge_start_resume (LodgeStart *owned)
{
  g_autoptr (LodgeStart) start = owned;
  LodgeMachine *self = start->machine;
  GError *error = NULL;

  /* From here on the guest's disks may differ from what its memory says, so it is not resumed twice. */
  if (start->paused || lodge_machine_consume_saved (self, &error))
    {
      start->guest->unspent = start->paused;
      g_clear_pointer (&self->saved, lodge_saved_free);
      lodge_start_let_go (g_steal_pointer (&start));
    }
  else
    lodge_start_give_up (start, error);
}
