/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/** LodgeDiskFacts: what a disk image is at this moment, by its header and the file system */
typedef struct
{
  const char *format;  /* QEMU's name, by what is in the file; a disk that is all zeroes looks raw */
  guint64     size;    /* as the guest sees it, 0: the header does not say */
  guint64     used;    /* bytes on the disk */
  gboolean    layered; /* reads on in another file */
} LodgeDiskFacts;

/** lodge_disk_facts_read: a few bounded reads, but of a disk that may be slow, so for a thread. Errors: NOT_FOUND, NOT_READABLE, WRONG_FORMAT (no file), IO */
gboolean lodge_disk_facts_read (const char *path, LodgeDiskFacts *facts, GError **error);

/**
 * lodge_disk_format_costs: what a format costs its machine: "no-memory" (QEMU does not save the memory of a guest with such a
 * disk), "no-growing". Returns: (transfer full): codes
 */
GStrv    lodge_disk_format_costs (const char *format);

/** lodge_disk_format_is_known: whether disks can be made in it */
gboolean lodge_disk_format_is_known (const char *format);

/** lodge_disk_format_suffix: Returns: (transfer none): of its files, with the dot */
const char *lodge_disk_format_suffix (const char *format);

G_END_DECLS
