/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine-disks.h"
#include "core/machine/lodge-machine-private.h"
#include "core/storage/lodge-disk-facts.h"
#include "core/storage/lodge-disk-lock.h"
#include "core/storage/lodge-layers.h"

G_BEGIN_DECLS

/* What lodge-machine-disks.c, -disk-add.c, -disk-detach.c, -disk-work.c and -disk-plug.c share. */

/** LodgeDiskWork: one method that is under way: the data of its task */
typedef struct
{
  char          *id;       /* (owned) (nullable) of the disk */
  char          *file;     /* (owned) (nullable) as machine.json has it, or will have it */
  char          *path;     /* (owned) (nullable) of it, absolute */
  char          *old_file; /* (owned) (nullable) that is replaced */
  char          *temporary; /* (owned) (nullable) absolute */
  char          *format;   /* (owned) (nullable) */
  char          *wanted;   /* (owned) (nullable) format */
  guint64        size;     /* as the guest sees it */
  LodgeDiskFacts facts;    /* of @path */
  LodgeLayers   *layers;   /* (owned) (nullable) */
  LodgeJob      *job;      /* (owned) (nullable) */
  LodgeDiskLock *lock;     /* (owned) (nullable) */
  GVariant      *options;  /* (owned) (nullable) */
  gboolean       occupied;
  gboolean       intent;   /* was written: to be settled at the end */
} LodgeDiskWork;

/**
 * lodge_disk_work_begin: checks state and options, and that no other work on the disks is under way.
 * @known: as lodge_machine_check_options(); @kind: (nullable): of the job
 * Returns: (transfer full) (nullable): the task; NULL: it has failed
 */
GTask           *lodge_disk_work_begin      (LodgeMachine *self, LodgeMethod method, GVariant *options, const char *const *known,
                                             const char *kind, gpointer tag, GAsyncReadyCallback callback, gpointer data);

/** lodge_disk_work_find: the disk @id, which is no CD drive, into the work. Error: NOT_FOUND */
gboolean         lodge_disk_work_find       (GTask *task, const char *id, GError **error);

/** lodge_disk_work_end: settles, releases and returns. @error: (nullable) (transfer full); @value: (nullable) (transfer full) */
void             lodge_disk_work_end        (GTask *task, GError *error, gpointer value, GDestroyNotify free_value);

/** lodge_disk_work_look_async: facts and layers, in a thread. Errors: those of lodge_disk_facts_read() */
void             lodge_disk_work_look_async (GTask *task, GAsyncReadyCallback callback);
gboolean         lodge_disk_work_look_finish (GTask *task, GAsyncResult *result, GError **error);

/** lodge_disk_work_check_alone: Error: HAS_DEPENDANTS when another image, of whatever machine, or a snapshot needs the file */
gboolean         lodge_disk_work_check_alone (GTask *task, GError **error);

/** lodge_machine_get_disk: Returns: (transfer none) (nullable): the disk or drive @id of @profile */
LodgeDisk       *lodge_machine_get_disk     (const LodgeProfile *profile, const char *id);

/** lodge_machine_disk_is_in_guest: whether the running guest has this very image as @id */
gboolean         lodge_machine_disk_is_in_guest (LodgeMachine *self, const LodgeDisk *disk);

/** lodge_machine_save_disks: saves @profile, which is taken. Error: NO_SPACE, IO */
gboolean         lodge_machine_save_disks   (LodgeMachine *self, LodgeProfile *profile, GError **error);

/** lodge_machine_plug_disk_async: gives the running guest a disk. Errors: NOT_SUPPORTED (only at the next start), QEMU_FAILED, NOT_RESPONDING, IN_USE */
void             lodge_machine_plug_disk_async   (LodgeMachine *self, const LodgeDisk *disk, LodgeCapabilities *capabilities,
                                                  GAsyncReadyCallback callback, gpointer data);
/** lodge_machine_unplug_disk_async: asks the running guest to let go of a disk. Errors: NOT_SUPPORTED, NOT_RESPONDING (it has not within @seconds, and may later), QEMU_FAILED */
void             lodge_machine_unplug_disk_async (LodgeMachine *self, const char *id, guint seconds, GAsyncReadyCallback callback,
                                                  gpointer data);
gboolean         lodge_machine_plug_finish       (GAsyncResult *result, GError **error);

/** lodge_machine_resize_in_guest_async: Errors: QEMU_FAILED, NOT_RESPONDING, NOT_FOUND */
void             lodge_machine_resize_in_guest_async (LodgeMachine *self, const char *id, guint64 size, GAsyncReadyCallback callback, gpointer data);

G_END_DECLS
