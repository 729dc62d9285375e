/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

#define LODGE_PROFILE_SCHEMA 1
#define LODGE_PROFILE_MAX_BYTES (1024 * 1024)
#define LODGE_NAME_MAX_CHARS 128

typedef enum { LODGE_ARCH_X86_64, LODGE_ARCH_AARCH64, LODGE_ARCH_RISCV64 } LodgeArch;
typedef enum { LODGE_FAMILY_LINUX, LODGE_FAMILY_WINDOWS, LODGE_FAMILY_WINDOWS_OLD, LODGE_FAMILY_BSD, LODGE_FAMILY_DOS, LODGE_FAMILY_OTHER } LodgeFamily;
typedef enum { LODGE_CHIPSET_Q35, LODGE_CHIPSET_I440FX, LODGE_CHIPSET_VIRT } LodgeChipset;
typedef enum { LODGE_FIRMWARE_BIOS, LODGE_FIRMWARE_UEFI, LODGE_FIRMWARE_NONE } LodgeFirmware; /* NONE: direct kernel, or the board's own */
typedef enum { LODGE_BUS_VIRTIO, LODGE_BUS_SATA, LODGE_BUS_NVME, LODGE_BUS_IDE, LODGE_BUS_SCSI, LODGE_BUS_USB } LodgeBus;
typedef enum { LODGE_VIDEO_VIRTIO, LODGE_VIDEO_VGA, LODGE_VIDEO_NONE } LodgeVideo;
typedef enum { LODGE_NETWORK_NONE, LODGE_NETWORK_USER } LodgeNetworkKind; /* USER: passt, or QEMU's own where there is none */
typedef enum { LODGE_NIC_VIRTIO, LODGE_NIC_E1000E, LODGE_NIC_E1000, LODGE_NIC_RTL8139 } LodgeNicModel;
typedef enum { LODGE_SOUND_NONE, LODGE_SOUND_HDA, LODGE_SOUND_AC97, LODGE_SOUND_SB16 } LodgeSound;
typedef enum { LODGE_CLOCK_UTC, LODGE_CLOCK_LOCALTIME } LodgeClock;
typedef enum { LODGE_POINTER_TABLET, LODGE_POINTER_PS2 } LodgePointer;
typedef enum { LODGE_CPU_HOST, LODGE_CPU_PORTABLE } LodgeCpuModel; /* HOST becomes "max" under TCG */

/**
 * LodgeDisk: a disk or CD drive of a machine.
 *
 * @file is relative to the machine's folder for images of its own, absolute for images that are
 * referenced in place. An empty CD drive has no file.
 */
typedef struct
{
  char    *id;      /* stable device id: "disk0", "cd0" */
  char    *file;    /* (nullable) */
  char    *format;  /* "qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc"; "raw" for CDs */
  guint64  size;    /* disk: virtual size in bytes; referenced file: its size when given */
  gint64   mtime;   /* referenced file: its time when given, else 0 */
  LodgeBus bus;
  gboolean cdrom;
  guint    boot_order; /* 1 is first, 0: not booted from */
  char    *address; /* "bus:slot" as the command line writes it, e.g. "rp1:00.0"; NULL until assigned */
  JsonObject *unknown; /* (nullable) keys this Lodge does not know: written back */
} LodgeDisk;

typedef struct
{
  char            *id;  /* "net0" */
  LodgeNetworkKind kind;
  LodgeNicModel    model;
  char            *mac; /* "52:54:00:..", lower case; NULL until assigned */
  guint            boot_order; /* among those of the disks; 0: not booted from */
  char            *address;
  JsonObject      *unknown; /* (nullable) */
} LodgeNic;

/** LodgeParent: what a machine was made from. Its disks go on from files in the parent's folder, but those of a full clone. */
typedef struct
{
  char *machine;  /* (nullable) id; NULL: it was made from nothing */
  char *snapshot; /* (nullable) id of the parent's snapshot */
  char *kind;     /* (nullable) "full", "linked", "instant" */
} LodgeParent;

/**
 * LodgeProfile:
 *
 * One machine.json: what the machine is, free of anything about this host. A plain structure that
 * is filled, validated as a whole and then treated as immutable: to change a profile copy it,
 * change the copy, validate, save. The fields are documented in docs/ARCHITECTURE ("machine.json").
 */
typedef struct
{
  char         *id;        /* UUID, lower case; never changes */
  char         *name;      /* 1-128 printable characters, no '/' */
  gint64        created;   /* seconds since the epoch */
  char         *os;        /* (nullable) libosinfo short id, "debian12" */
  LodgeFamily   family;
  LodgeArch     arch;
  LodgeChipset  chipset;
  char         *machine_type; /* versioned QEMU type, "pc-q35-7.2"; pinned at first start when NULL */
  LodgeCpuModel cpu_model;
  guint         cores;     /* 1-288 */
  guint64       memory;    /* bytes, a multiple of 1 MiB, 16 MiB-4 TiB */
  LodgeFirmware firmware;
  gboolean      secure_boot;
  gboolean      tpm;
  LodgeVideo    video;
  gboolean      accel_3d;  /* "3d": wished for; the core decides the back end */
  LodgeSound    sound;
  LodgePointer  pointer;
  LodgeClock    clock;
  gboolean      hyperv;    /* Hyper-V enlightenments */
  gboolean      balloon;
  gboolean      demo;      /* made by "Try Lodge" */
  gboolean      template;   /* machines are made from it; read-only while some depend on it */
  gboolean      disposable; /* goes for good when its guest ends */
  gboolean      renew;      /* a clone, whose guest has the host name and the machine id of its parent still */
  LodgeParent   parent;
  char         *snapshot;  /* (nullable) id of the snapshot that the present state came from */
  char         *vars;      /* (nullable) lodge_profile_get_vars() */
  guint         snapshot_every; /* minutes between automatic snapshots while it runs, 0: none */
  gboolean      snapshot_before_start;
  guint         backup_every;   /* hours between backups, 0: none */
  char         *backup_folder;  /* (nullable) absolute; where they go */
  guint         spare_ports; /* pcie-root-ports kept free for hot-plug */
  GPtrArray    *disks;     /* (element-type LodgeDisk) disks and CD drives in order */
  GPtrArray    *nics;      /* (element-type LodgeNic) */
  char         *kernel;    /* (nullable) direct boot; relative to the folder */
  char         *initrd;    /* (nullable) */
  char         *append;    /* (nullable) */
  JsonObject   *unknown;   /* (nullable) keys this Lodge does not know: written back */
} LodgeProfile;

/** lodge_profile_new: Returns: (transfer full): a profile with a new id and the neutral defaults of its family */
LodgeProfile *lodge_profile_new        (const char *name, LodgeFamily family, LodgeArch arch);
LodgeProfile *lodge_profile_copy       (const LodgeProfile *profile);
void          lodge_profile_free       (LodgeProfile *profile);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeProfile, lodge_profile_free)

/**
 * lodge_profile_add_disk, lodge_profile_add_cd:
 * @file: relative to the folder, or absolute when referenced; (nullable) for a CD drive: empty
 *
 * Adds a drive on the bus that suits the family, with the next free id and last in the boot order.
 * Size and time are the caller's to fill in.
 *
 * Returns: (transfer none)
 */
LodgeDisk    *lodge_profile_add_disk   (LodgeProfile *profile, const char *file, const char *format);
LodgeDisk    *lodge_profile_add_cd     (LodgeProfile *profile, const char *file);

/** The UEFI variables that a machine has at first: a qcow2 image as large as the firmware's template is. */
#define LODGE_FIRMWARE_VARS_FILE "firmware/vars.qcow2"
/** lodge_profile_has_disk: @profile: (nullable); @file: (nullable): relative to the folder, as LodgeDisk.file */
gboolean      lodge_profile_has_disk   (const LodgeProfile *profile, const char *file);

/** lodge_profile_get_vars: with and without Secure Boot there are different ones, and both are kept. Returns: (transfer none): relative to the folder */
const char   *lodge_profile_get_vars   (const LodgeProfile *profile);

LodgeDisk    *lodge_disk_new           (const char *id, gboolean cdrom);
LodgeDisk    *lodge_disk_copy          (const LodgeDisk *disk);
void          lodge_disk_free          (LodgeDisk *disk);
void          lodge_parent_clear       (LodgeParent *parent);
LodgeNic     *lodge_nic_new            (const char *id);
void          lodge_nic_free           (LodgeNic *nic);

/**
 * lodge_profile_from_json:
 * @data: the bytes of a machine.json, untrusted
 *
 * Parses and validates as a whole. Errors: BROKEN_PROFILE (the message has a sentence for each
 * fault, one a line, at most 32), NEWER_SCHEMA.
 *
 * Returns: (transfer full):
 */
LodgeProfile *lodge_profile_from_json  (const char *data, gsize length, GError **error);

/** lodge_profile_to_json: Returns: (transfer full): the document, pretty-printed with a final newline, unknown keys kept */
char         *lodge_profile_to_json    (const LodgeProfile *profile, gsize *length);

/**
 * lodge_profile_validate:
 *
 * Checks ranges and that the parts fit together (TPM with an x86 or ARM UEFI, Secure Boot only with
 * UEFI, ...). Errors: OUT_OF_RANGE, NAME_INVALID, NOT_SUPPORTED, INVALID_ARGUMENT; the message
 * has a sentence for each fault, the code is that of the first.
 */
gboolean      lodge_profile_validate   (const LodgeProfile *profile, GError **error);

/**
 * lodge_name_validate:
 * @name: untrusted
 *
 * The rule for machine names of docs/ARCHITECTURE. Error: NAME_INVALID
 */
gboolean      lodge_name_validate      (const char *name, GError **error);

/* Each enum to and from the word used in machine.json, in settings and in lodgectl. */
const char   *lodge_arch_name          (LodgeArch arch);
gboolean      lodge_arch_parse         (const char *text, LodgeArch *arch);
const char   *lodge_family_name        (LodgeFamily family);
gboolean      lodge_family_parse       (const char *text, LodgeFamily *family);
const char   *lodge_firmware_name      (LodgeFirmware firmware);
gboolean      lodge_firmware_parse     (const char *text, LodgeFirmware *firmware);
const char   *lodge_bus_name           (LodgeBus bus);
gboolean      lodge_bus_parse          (const char *text, LodgeBus *bus);

G_END_DECLS
