/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine.h"
#include "core/qemu/lodge-command-line.h"

G_BEGIN_DECLS

/**
 * LodgeLaunchPlan: what differs from one start to the next: the descriptors that QEMU is born
 * with, the accelerator, the network, and what of the host it may reach.
 */
typedef struct
{
  LodgeLaunch  launch;
  char        *folder;    /* (owned) */
  char        *place;     /* (owned) (nullable) where QEMU sees @folder, when not there */
  char        *keyring;   /* (owned) (nullable) where QEMU's D-Bus keeps its cookies */
  GArray      *fds;       /* (element-type LodgeFdMap) ends with {-1, -1}; sources are closed with the plan */
  gboolean     with_core;  /* it dies with the core; never for a guest */
  const char  *accel_reason; /* static or the host's */
  const char  *gl_reason;
} LodgeLaunchPlan;

/** lodge_launch_gl_backend: the 3D back end that machines with the virtio display get here ("none", "virgl", "venus"). @capabilities: (nullable);
 * @reason: (out): "ok", "no-render-node", "no-permission", "no-module", "no-viewer"; static or the host's */
const char      *lodge_launch_gl_backend     (LodgeCapabilities *capabilities, const LodgeHost *host, const char **reason);

LodgeLaunchPlan *lodge_launch_plan_new       (LodgeEngine *engine, const LodgeProfile *profile, LodgeCapabilities *capabilities,
                                              const char *folder, gboolean without_kvm);
void             lodge_launch_plan_free      (LodgeLaunchPlan *plan);
void             lodge_launch_plan_add_fd    (LodgeLaunchPlan *plan, int fd, int target); /* fd: taken */
void             lodge_launch_plan_close     (LodgeLaunchPlan *plan);

/** lodge_launch_plan_confine: Returns: (transfer full): the command line around @argv */
GStrv            lodge_launch_plan_confine   (LodgeLaunchPlan *plan, const LodgeProfile *profile, LodgeCapabilities *capabilities,
                                              LodgeEngine *engine, const char *const *argv);

/** lodge_launch_plan_effective: Returns: (transfer floating): a{sv} of strings for the record */
GVariant        *lodge_launch_plan_effective (LodgeLaunchPlan *plan, const LodgeProfile *profile, LodgeCapabilities *capabilities,
                                              LodgeEngine *engine);

/** lodge_launch_environment: Returns: (transfer full): what QEMU gets of ours, without confinement */
GStrv            lodge_launch_environment    (void);

/** lodge_launch_disk_path: Returns: (transfer full) (nullable): the absolute path of a disk's file */
char            *lodge_launch_disk_path      (const LodgeDisk *disk, const char *folder);

/**
 * lodge_launch_lock_disks: checks that each disk and medium is there, and locks them.
 * @adopted: the guest runs already and has them open: what can be locked is, and there is no error
 *
 * Errors: NOT_FOUND, NOT_READABLE, IN_USE, IO. Returns: (transfer full) (element-type LodgeDiskLock):
 */
GPtrArray       *lodge_launch_lock_disks     (const LodgeProfile *profile, const char *folder, gboolean adopted, GError **error);

/**
 * lodge_launch_start_helpers: starts the helpers that the profile needs, each behind its gate; their sockets go into
 * @plan, the processes into the machine's guest. Errors: HELPER_FAILED, NOT_SUPPORTED (no swtpm), IO, NO_SPACE
 */
gboolean         lodge_launch_start_helpers  (LodgeMachine *machine, LodgeLaunchPlan *plan, GError **error);

/** lodge_launch_prepare_log: puts a log aside that is long, and removes what is no log. Returns: where a new part of it begins */
gint64           lodge_launch_prepare_log    (const char *path);

/** lodge_launch_helper_log: Returns: (transfer full): where helper @name writes */
char            *lodge_launch_helper_log     (const char *folder, const char *name);

G_END_DECLS
