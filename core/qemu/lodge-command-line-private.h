/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/qemu/lodge-command-line.h"

G_BEGIN_DECLS

/**
 * LodgeArgs: an argv in the making. Options in QEMU's "a,key=value" form are put together here and nowhere
 * else, so that a comma in a name or path is always doubled.
 */
typedef struct
{
  GPtrArray *argv;    /* (owned) (element-type utf8) */
  GString   *current; /* (owned) (nullable) the option group that is being written */
} LodgeArgs;

void  lodge_args_init    (LodgeArgs *args);
void  lodge_args_clear   (LodgeArgs *args);
GStrv lodge_args_steal   (LodgeArgs *args);
/** lodge_args_add: arguments as they are; NULL ends them */
void  lodge_args_add     (LodgeArgs *args, const char *first, ...) G_GNUC_NULL_TERMINATED;
/** lodge_args_begin: "-device virtio-vga"; @type may be NULL where all is key=value */
void  lodge_args_begin   (LodgeArgs *args, const char *option, const char *type);
/** lodge_args_option: ",key=value" to what was begun last, escaped */
void  lodge_args_option  (LodgeArgs *args, const char *key, const char *value);
void  lodge_args_optionf (LodgeArgs *args, const char *key, const char *format, ...) G_GNUC_PRINTF (3, 4);

/** What the parts of the builder share. */
typedef struct
{
  const LodgeProfile *profile;
  LodgeCapabilities  *capabilities;
  const LodgeHost    *host;
  const LodgeLaunch  *launch;
  LodgeArgs           args;
} LodgeCommandLine;

/** Where the devices sit that every machine of a chipset has; part of a machine's identity, so never changed. */
typedef struct
{
  const char *bus;      /* the root bus */
  guint       video, channels, rng, balloon, usb, scsi, ahci, sound, panic; /* slots */
  guint       first_slot, last_slot; /* for disks and NICs without root ports */
  gboolean    root_ports;
} LodgeLayout;

#define LODGE_MAX_ROOT_PORTS 32
#define LODGE_ROOT_PORT_SLOT 2 /* eight ports a slot, from here on */

const LodgeLayout *lodge_layout_get      (LodgeChipset chipset);
/** lodge_layout_root_ports: how many ports the machine has: those in use and the spare ones */
guint              lodge_layout_root_ports (const LodgeProfile *profile);
/** lodge_layout_last_free: Returns: (transfer full) (nullable): the last free address for a device that is plugged in */
char              *lodge_layout_last_free (const LodgeProfile *profile);
/** lodge_address_split: "rp1:00.0" → "rp1", "00.0". Returns: FALSE when it is not of that form */
gboolean           lodge_address_split   (const char *address, char **bus, char **place);
/** lodge_disk_effective_bus: the bus a disk really gets on this chipset: virtio has no CD drive, q35 no IDE, ... */
LodgeBus           lodge_disk_effective_bus (const LodgeDisk *disk, LodgeChipset chipset);

/** lodge_family_is_modern: whether the guest has drivers for devices without a counterpart in old hardware */
gboolean           lodge_family_is_modern (LodgeFamily family);

/* The parts, in the order of the command line. */
gboolean lodge_command_line_add_machine  (LodgeCommandLine *self, GError **error);
gboolean lodge_command_line_add_firmware (LodgeCommandLine *self, GError **error);
gboolean lodge_command_line_add_storage  (LodgeCommandLine *self, GError **error);
gboolean lodge_command_line_add_devices  (LodgeCommandLine *self, GError **error);
void     lodge_command_line_add_root_ports (LodgeCommandLine *self);
void     lodge_command_line_add_usb      (LodgeCommandLine *self);
/** lodge_command_line_firmware_option: pflash0 and so on for -machine */
void     lodge_command_line_add_firmware_options (LodgeCommandLine *self);

/** lodge_command_line_path: Returns: (transfer full): a file of the profile as QEMU sees it */
char    *lodge_command_line_path         (LodgeCommandLine *self, const char *file);

G_END_DECLS
