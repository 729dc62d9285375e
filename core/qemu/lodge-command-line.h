/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/qemu/lodge-capabilities.h"
#include "core/qemu/lodge-host.h"

G_BEGIN_DECLS

/**
 * LodgeChildFd: the descriptors a QEMU of Lodge is born with, by fixed number, so that the command line has no
 * path of the runtime folder in it and a golden file is the same everywhere. The sockets are listening
 * ones that the core made, but NET and TPM, which are connected to a helper.
 */
typedef enum
{
  LODGE_CHILD_FD_QMP = 10,    /* control */
  LODGE_CHILD_FD_RESCUE = 11, /* second QMP monitor; a busy or stolen control socket can be got round */
  LODGE_CHILD_FD_AGENT = 12,  /* qemu-guest-agent, org.qemu.guest_agent.0 */
  LODGE_CHILD_FD_VDAGENT = 13,/* com.redhat.spice.0 */
  LODGE_CHILD_FD_SERIAL = 14, /* first serial port */
  LODGE_CHILD_FD_NET = 15,    /* stream to passt, for the first NIC */
  LODGE_CHILD_FD_TPM = 16,    /* control channel of swtpm */
  LODGE_CHILD_FD_RAM = 17,    /* memory that is mapped privately, where QEMU would open the file for writing */
} LodgeChildFd;

/** LodgeRam: how a guest uses the file that its memory is in */
typedef enum
{
  LODGE_RAM_PRIVATE,   /* what it writes is its own; the file is opened for reading */
  LODGE_RAM_WRITABLE,  /* the same, by a QEMU that can only open for writing */
  LODGE_RAM_SHARED,    /* it writes to the file */
} LodgeRam;

/**
 * LodgeLaunch: what differs from start to start; everything else is in profile, capabilities, host.
 */
typedef struct
{
  const char *folder;       /* the machine's folder as QEMU sees it */
  gboolean    passt;        /* LODGE_CHILD_FD_NET is there; else a NIC uses QEMU's own user network */
  gboolean    tpm;          /* LODGE_CHILD_FD_TPM is there */
  gboolean    paused;       /* start with -S (Lodge always does, and sends cont) */
  LodgeAccel  accel;        /* what to use this time */
  const char *gl_backend;   /* "none", "virgl", "venus" */
  gboolean    incoming;     /* wait for a saved memory before anything else (migrate-incoming) */
  const char *ram;          /* (nullable) file that holds the guest's memory */
  LodgeRam    ram_use;      /* of it */
  const char *share;        /* (nullable) folder of the host that the guest may get: lodge_command_line_plug_share() */
  gboolean    share_writable;
  gboolean    audio;        /* host->audio_socket is there in the confinement; QEMU ends at once when it cannot connect to it */
} LodgeLaunch;

/**
 * lodge_command_line_build:
 *
 * A pure function: reads no file, no environment, no clock. @profile has been validated, and has its
 * machine type and addresses (lodge_command_line_assign()).
 *
 * Returns: (transfer full): argv, the binary first, without the confinement around it.
 * Errors: NOT_SUPPORTED (the host, QEMU or the architecture lacks it; the message says what), OUT_OF_RANGE (more than the host or QEMU can give)
 */
GStrv    lodge_command_line_build  (const LodgeProfile *profile, LodgeCapabilities *capabilities, const LodgeHost *host,
                                    const LodgeLaunch *launch, GError **error);

/**
 * lodge_command_line_assign:
 *
 * Gives a new machine what must stay stable from its first start: the versioned machine type, device addresses, MACs.
 * What is assigned already is kept. Returns: TRUE if @profile was changed and wants saving.
 */
gboolean lodge_command_line_assign (LodgeProfile *profile, LodgeCapabilities *capabilities);

/*
 * A disk for a guest that runs, as arguments of blockdev-add (twice) and device_add. (transfer full)
 * @aio: "threads", "io_uring"; @path: as QEMU sees it
 */
JsonObject *lodge_command_line_plug_file   (const LodgeDisk *disk, const char *path, const char *aio);
JsonObject *lodge_command_line_plug_image  (const LodgeDisk *disk);
JsonObject *lodge_command_line_plug_device (const LodgeProfile *profile, const LodgeDisk *disk); /* (nullable) where it cannot be plugged */
/** lodge_command_line_plug_share: the device for LodgeLaunch.share, in the last place that is free; the guest mounts LODGE_SHARE_TAG. (transfer full) (nullable) where none is */
#define LODGE_SHARE_TAG "lodge"
JsonObject *lodge_command_line_plug_share  (const LodgeProfile *profile);
/** lodge_command_line_can_plug: whether the bus of @disk takes and gives disks while the guest runs */
gboolean    lodge_command_line_can_plug    (const LodgeProfile *profile, const LodgeDisk *disk);

/** lodge_command_line_audio: the QEMU audio driver that will be used: "dbus" (the window plays), "pipewire", "pa", "none" */
const char *lodge_command_line_audio (const LodgeProfile *profile, LodgeCapabilities *capabilities, const LodgeHost *host,
                                      const LodgeLaunch *launch);

/** lodge_command_line_video: the display device that will be used, for "Effective": "virtio-vga", "VGA", ... */
const char *lodge_command_line_video (const LodgeProfile *profile, LodgeCapabilities *capabilities, const LodgeLaunch *launch);

G_END_DECLS
