/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine.h"
#include "core/storage/lodge-backup-data.h"

G_BEGIN_DECLS

/** LodgeBackupPart: what one disk or small file of a backup becomes */
typedef struct
{
  guint    number; /* in the backup */
  char    *file;   /* relative to the place where the machine is put together */
  guint64  size;
} LodgeBackupPart;

/** LodgeBackupPlan: which part of a backup goes where, and nothing else does */
typedef struct
{
  GPtrArray *disks; /* (element-type LodgeBackupPart) new qcow2 images */
  GPtrArray *files; /* (element-type LodgeBackupPart) */
} LodgeBackupPlan;

/**
 * lodge_backup_plan_new:
 * @profile: the backup's, untrusted; every path in it becomes one of ours
 * @target: (nullable): the machine in whose place it is restored; no file of it is replaced
 *
 * Errors: DAMAGED (something is missing), those of lodge_profile_validate()
 */
LodgeBackupPlan *lodge_backup_plan_new     (const LodgeBackup *backup, LodgeProfile *profile, LodgeMachine *target, GError **error);
void             lodge_backup_plan_free    (LodgeBackupPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeBackupPlan, lodge_backup_plan_free)

/** lodge_backup_plan_extract: writes one of plan->files below @place; for a thread. Errors: DAMAGED, WRONG_FORMAT (UEFI variables that are none), NOT_FOUND, NO_SPACE, IO */
gboolean         lodge_backup_plan_extract (const LodgeBackupPart *part, LodgeBackupSet *set, const LodgeBackup *backup, const char *place, GError **error);

G_END_DECLS
