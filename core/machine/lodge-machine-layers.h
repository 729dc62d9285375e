/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine-private.h"

G_BEGIN_DECLS

/** LodgeNewLayer: an empty image over a frozen one */
typedef struct
{
  char   *disk;    /* id */
  char   *file;    /* relative to the machine's folder */
  char   *frozen;  /* the one below, relative too */
  char   *format;  /* its */
  guint64 size;    /* bytes, as the guest sees them */
} LodgeNewLayer;

/** lodge_machine_plan_layers: for the disks of @profile. Errors: NOT_SUPPORTED (a disk lies elsewhere), WRONG_FORMAT, IO. Returns: (transfer full) (element-type LodgeNewLayer) */
GPtrArray *lodge_machine_plan_layers    (const LodgeProfile *profile, const char *folder, GError **error);

/** lodge_machine_write_layers: notes them, then makes them; for a thread. Errors: NO_SPACE, IO */
gboolean   lodge_machine_write_layers   (GPtrArray *layers, const char *folder, GError **error);

/** lodge_machine_recover_new_layers: what was noted and no machine.json names goes; for a thread or at a core's start */
void       lodge_machine_recover_new_layers (const char *folder);

/** lodge_machine_name_layers: @profile goes on in @layers */
void       lodge_machine_name_layers    (LodgeProfile *profile, GPtrArray *layers);

/** lodge_machine_save_profile: @profile: taken. Errors: those of lodge_store_save() */
gboolean   lodge_machine_save_profile   (LodgeMachine *self, LodgeProfile *profile, GError **error);

/** lodge_machine_copy_firmware: UEFI variables and TPM between the machine and the folder of a snapshot. Errors: NO_SPACE, IO */
gboolean   lodge_machine_copy_firmware  (const LodgeProfile *profile, const char *machine_folder, const char *snapshot_folder, GError **error);

G_END_DECLS
