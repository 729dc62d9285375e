/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"

G_BEGIN_DECLS

/* Folders of a machine's folder. LODGE_SAVED_DIR is there only while no guest has run since it was written. */
#define LODGE_SAVED_DIR     "saved"
#define LODGE_SAVED_NEW_DIR "saved.new"  /* being written */
#define LODGE_SAVED_USED_DIR "saved.used" /* a guest was made of it, which may have run on since */

/* Files of such a folder, and of a snapshot with memory. The memory is a stream, or mapped: then it is a file that any number of
 * guests map privately and nobody writes to, beside the state of the devices. */
#define LODGE_SAVED_MEMORY  "memory"
#define LODGE_SAVED_RAM     "ram"
#define LODGE_SAVED_DEVICES "devices" /* there only when LODGE_SAVED_RAM is whole */
#define LODGE_SAVED_LAUNCH  "launch.json"
#define LODGE_SAVED_PROFILE "machine.json"
#define LODGE_SAVED_PICTURE "picture.ppm"

/**
 * LodgeSaved: what a saved memory was made under, so that it is resumed under the same or not at all.
 */
typedef struct
{
  LodgeProfile *profile;      /* as the guest had it */
  GStrv         argv;         /* of QEMU, without the confinement */
  char         *qemu_version;
  char         *accelerator;  /* "kvm", "tcg" */
  char         *host_cpu;     /* (nullable) of a guest that sees the host's processor: lodge_saved_host_cpu() */
  gboolean      running;      /* the guest ran; else it was paused */
  gboolean      forked;       /* of another guest, whose identity it still has */
  GPtrArray    *addresses;    /* (element-type utf8) of that one's network cards, each with the one that replaces it after it */
  gboolean      mapped;       /* LODGE_SAVED_RAM and LODGE_SAVED_DEVICES, not LODGE_SAVED_MEMORY */
  gboolean      stamped;      /* @disks is to be compared */
  GPtrArray    *disks;        /* (element-type utf8) "ID SIZE NANOSECONDS" of each disk's file when all was written */
  gint64        created;
} LodgeSaved;

LodgeSaved *lodge_saved_new      (void);
void        lodge_saved_free     (LodgeSaved *saved);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeSaved, lodge_saved_free)

/** lodge_saved_write: launch.json and machine.json into @folder, each atomically. Errors: NO_SPACE, IO */
gboolean    lodge_saved_write    (const LodgeSaved *saved, const char *folder, GError **error);

/** lodge_saved_write_new: the same in a folder that nobody knows yet and that is flushed as a whole (lodge_file_tree_flush()) */
gboolean    lodge_saved_write_new (const LodgeSaved *saved, const char *folder, GError **error);

/** lodge_saved_read: untrusted. Errors: NOT_FOUND, IO, WRONG_FORMAT, BROKEN_PROFILE, NEWER_SCHEMA */
LodgeSaved *lodge_saved_read     (const char *folder, GError **error);

/**
 * lodge_saved_is_filled: whether a guest that goes on from it gets its memory read into a file of its own (lodge-ram.h); else a mapped one is mapped:
 * clones are a crowd, and mostly read what they share
 */
gboolean    lodge_saved_is_filled (const LodgeSaved *saved);

/** lodge_saved_exists: whether the machine in @folder has a saved memory */
gboolean    lodge_saved_exists   (const char *folder);

/**
 * lodge_saved_share: the memory in @from, in whichever form, gets a second name in @to, with its picture; lodge_saved_write()
 * makes the rest. Errors: as lodge_error_set_errno()
 */
gboolean    lodge_saved_share    (const LodgeSaved *saved, const char *from, const char *to, GError **error);

/** lodge_saved_addresses: Returns: (transfer full) */
GStrv       lodge_saved_addresses (const LodgeSaved *saved);

/** lodge_saved_replace: in @argv, every @before becomes @after */
void        lodge_saved_replace  (LodgeSaved *saved, const char *before, const char *after);

/** lodge_saved_check_host: Error: NOT_SUPPORTED: another processor, no KVM, or an older QEMU */
gboolean    lodge_saved_check_host (const LodgeSaved *saved, const char *qemu_version, gboolean kvm, const char *host_cpu,
                                    GError **error);

/** lodge_saved_check_argv: whether @argv makes the same hardware. Error: NOT_SUPPORTED; the message has the first difference */
gboolean    lodge_saved_check_argv (const LodgeSaved *saved, const char *const *argv, GError **error);

/** lodge_saved_stamp: looks at the disks of the machine in @machine_folder */
void        lodge_saved_stamp    (LodgeSaved *saved, const char *machine_folder);

/** lodge_saved_check_disks: whether they are as they were then. Errors: NOT_SUPPORTED (the message names the disk) */
gboolean    lodge_saved_check_disks (const LodgeSaved *saved, const char *machine_folder, GError **error);

/** lodge_saved_host_cpu: @cpuinfo: contents of /proc/cpuinfo. Returns: (transfer full): a hash of what a guest sees of the processor */
char       *lodge_saved_host_cpu (const char *cpuinfo);

G_END_DECLS
