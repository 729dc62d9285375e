/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/storage/lodge-image.h"

G_BEGIN_DECLS

/** LodgeDiscFacts: what the volume descriptors of a disc say; strings are UTF-8 without blanks at the ends, never NULL */
typedef struct
{
  char   *volume_id;
  char   *system_id;
  char   *publisher_id;
  char   *preparer_id;
  char   *application_id;
  char   *udf_id;      /* of the UDF volume; "" without UDF */
  guint64 volume_size; /* bytes, 0 when it is not said */
  gboolean boots_bios; /* El Torito has an entry for the PC's BIOS */
  gboolean boots_uefi; /* ... for UEFI */
  gboolean boots_floppy; /* ... and it is the picture of a floppy disk */
} LodgeDiscFacts;

/**
 * LodgeDisc: a disc image (ISO 9660 with Rock Ridge and Joliet, UDF 1.02) that is looked into.
 *
 * Nothing that the image says is believed: each read is bounded, and all reads together are; a name
 * is looked up along a path of ours, so that no structure of the image can make it go round.
 */
typedef struct _LodgeDisc LodgeDisc;

/**
 * lodge_disc_open:
 * @size: of the file in bytes
 *
 * Errors: WRONG_FORMAT (no disc), DAMAGED (cut off, or what it points to lies outside of it), IO, NOT_READABLE
 */
LodgeDisc            *lodge_disc_open      (LodgeImageReader reader, gpointer data, guint64 size, GError **error);
void                  lodge_disc_free      (LodgeDisc *disc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeDisc, lodge_disc_free)

const LodgeDiscFacts *lodge_disc_get_facts (LodgeDisc *disc);

/** lodge_disc_has: whether a file or folder is there: "sources/install.wim"; letters count as the same in both cases */
gboolean              lodge_disc_has       (LodgeDisc *disc, const char *path);

/**
 * lodge_disc_read:
 * @max: at most so many bytes
 *
 * Returns: (transfer full) (nullable): a piece of a file, followed by a NUL that is not counted; NULL when it is not there
 */
guint8               *lodge_disc_read      (LodgeDisc *disc, const char *path, guint64 offset, gsize max, gsize *length);

/** lodge_disc_get_damage: (nullable): what was found wrong on the way to a file since the disc was opened */
const char           *lodge_disc_get_damage (LodgeDisc *disc);

/**
 * lodge_disc_describe_windows:
 *
 * Which Windows an installer disc holds, by the description in its image file: "10.0.22631 client x86_64".
 *
 * Returns: (transfer full) (nullable): NULL when it is none
 */
char                 *lodge_disc_describe_windows (LodgeDisc *disc);

G_END_DECLS
