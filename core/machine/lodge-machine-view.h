/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine-private.h"
#include "core/qemu/lodge-nbd-export.h"
#include "core/storage/lodge-backup.h"

G_BEGIN_DECLS

/** LodgeViewDisk: one disk's contents, to be read through @fd by lodge_nbd_client_new() */
typedef struct
{
  char           *id;
  char           *name;   /* of the export */
  int             fd;     /* whoever reads takes it: -1 then */
  LodgeNbdExport *export; /* (owned) (nullable) of a machine without a guest */
  char           *node;   /* (owned) (nullable) of a guest: the top of the disk in QEMU */
  guint64         size;
} LodgeViewDisk;

/** LodgeViewFile: one of lodge_backup_is_role() */
typedef struct
{
  char   *role;
  char   *path;     /* (nullable) one that nobody changes now */
  GBytes *contents; /* (nullable) or what it was */
} LodgeViewFile;

/**
 * LodgeMachineView: a machine as it was at one moment: disks, UEFI variables, TPM, settings, for as long as it takes to read them. A guest
 * runs on, and writes to its disks; what it overwrites is put aside in the machine's folder until the view is closed. The
 * machine's own files and machine.json stay as they are.
 */
typedef struct
{
  LodgeMachine   *machine;  /* (owned) */
  LodgeProfile   *profile;  /* (owned) */
  char           *folder;   /* (owned) as QEMU knows it */
  LodgeBackupKind kind;
  GPtrArray      *disks;    /* (element-type LodgeViewDisk) */
  GPtrArray      *files;    /* (element-type LodgeViewFile) */
  GPtrArray      *locks;    /* (owned) (nullable) */
  guint           serial;   /* of the guest, 0 for none */
  gboolean        was_running;
  guint           step;     /* of the disks that QEMU has been told of */
  gboolean        opened;   /* QEMU has something of it */
} LodgeMachineView;

/** Where what a running guest overwrites is put aside; relative to the machine's folder */
#define LODGE_VIEW_DIR "view"

/**
 * lodge_machine_view_open_async: of a machine that is off, saved, running or paused, and that the caller has occupied.
 * Errors: IN_USE, NOT_FOUND, NOT_SUPPORTED, NO_SPACE, NO_QEMU, NOT_RESPONDING, QEMU_FAILED, IO
 */
void              lodge_machine_view_open_async   (LodgeMachine *self, GAsyncReadyCallback callback, gpointer data);
LodgeMachineView *lodge_machine_view_open_finish  (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_machine_view_close_async: all that was needed for it is gone then, whatever happened to the guest. @view: taken */
void              lodge_machine_view_close_async  (LodgeMachineView *view, GAsyncReadyCallback callback, gpointer data);
/** lodge_machine_view_close_finish: FALSE with an @error when a tool that gave the contents failed */
gboolean          lodge_machine_view_close_finish (GAsyncResult *result, GError **error);

/** lodge_machine_view_is_there: whether it can still be read: its guest has not ended */
gboolean          lodge_machine_view_is_there     (LodgeMachineView *view);

/** lodge_machine_recover_view: a guest was adopted: what a killed core left of a view goes. Returns: whether the guest stood still for it, and now does not */
gboolean          lodge_machine_recover_view      (LodgeMachine *self);

/** lodge_machine_view_left: what a killed core left in @self's running guest, to be closed */
LodgeMachineView *lodge_machine_view_left         (LodgeMachine *self);

/* ---- lodge-machine-view-live.c ---- */

void              lodge_machine_view_open_live    (GTask *task);  /* taken; its data is the view */
void              lodge_machine_view_close_live   (LodgeMachineView *view, GTask *task); /* task: taken, returned TRUE */

G_END_DECLS
