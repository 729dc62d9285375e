/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine-snapshot.h"
#include "core/storage/lodge-sparse-copy.h"

G_BEGIN_DECLS

/** LodgeTake: a snapshot that is being taken; the data of a task whose source is the machine */
typedef struct
{
  LodgeJob *job;           /* (owned) */
  LodgeSnapshot *snapshot; /* (owned) */
  char *folder;            /* (owned) .new-ID */
  char *machine_folder;    /* (owned) */
  LodgeProfile *before;    /* (owned) as machine.json was */
  LodgeSaved *saved;       /* (owned) (nullable) what its memory is made under */
  GPtrArray *layers;       /* (element-type LodgeNewLayer) */
  GPtrArray *nodes;        /* (element-type utf8) QEMU's names of the present top of each disk */
  GPtrArray *locks;        /* (owned) (nullable) while no QEMU has the disks */
  GError *error;           /* (owned) (nullable) */
  guint serial;            /* of the guest, 0 for none */
  guint added;             /* layers that QEMU has opened */
  int fd;                  /* of the memory, or with @ram of the devices, or -1 */
  LodgeSparseCopy *ram;    /* (owned) (nullable) of a memory that is in a file: lodge-ram.h */
  guint passes;            /* of that, which are done */
  guint awaited;           /* at the stand-still, what is to come yet */
  gboolean borrowed;       /* the job is the caller's */
  gboolean was_running;
  gboolean switched;       /* the transaction is done */
  gint64 began;
  gint64 stood;            /* microseconds: since when the guest stands still */
} LodgeTake;

/** lodge_take_new: @job: (nullable) the caller's. Returns: (transfer full) */
LodgeTake *lodge_take_new            (LodgeMachine *self, LodgeJob *job);
void       lodge_take_free           (LodgeTake *take);

/** lodge_take_guest_is_there: whether it is the same guest still, and can be asked */
gboolean   lodge_take_guest_is_there (GTask *task);

/** lodge_take_freeze_guest: (in lodge-machine-take-live.c) the layers are there; to the end. @task: taken */
void       lodge_take_freeze_guest   (GTask *task);

/** lodge_take_commit: all is frozen and copied; answers. @task: taken */
void       lodge_take_commit         (GTask *task);

/** lodge_take_fail: undoes what there is, lets the guest go on, and answers. @task: taken; @error: taken */
void       lodge_take_fail           (GTask *task, GError *error);

G_END_DECLS
