/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/storage/lodge-os-rules.h"

G_BEGIN_DECLS

/** LodgeRecognition: what an image is: all that lodge-identify says of it */
typedef struct
{
  gboolean      disc;       /* a disc image; else a disk image */
  char         *format;     /* QEMU's name */
  char         *volume_id;
  gboolean      boots_bios; /* disc: what it has boot code for; both FALSE: not known */
  gboolean      boots_uefi;
  LodgeOsMatch *match;
} LodgeRecognition;

LodgeRecognition *lodge_recognition_copy (const LodgeRecognition *recognition);
void              lodge_recognition_free (LodgeRecognition *recognition);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeRecognition, lodge_recognition_free)

/**
 * lodge_recognise:
 * @size: of the file
 * @osinfo: (nullable): folder of libosinfo's database, for discs that @rules do not know
 * @name: what the person calls the file
 *
 * Every disc is something: where no list knows it, it is of a family, and be it "other". Messages are sentences without their
 * subject: "is cut off: …".
 * Errors: TEXT_FILE, COMPRESSED, DAMAGED, WRONG_FORMAT, IO, NOT_READABLE
 */
LodgeRecognition *lodge_recognise        (LodgeImageReader reader, gpointer data, guint64 size, LodgeOsRules *rules,
                                          const char *osinfo, const char *name, GError **error);

G_END_DECLS
