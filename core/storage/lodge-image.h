/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"
#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

typedef enum
{
  LODGE_IMAGE_UNKNOWN, /* bytes that nothing is known about: may be a raw disk */
  LODGE_IMAGE_EMPTY,
  LODGE_IMAGE_TEXT,
  LODGE_IMAGE_COMPRESSED,
  LODGE_IMAGE_RAW,     /* a disk with a partition table */
  LODGE_IMAGE_ISO,     /* ISO 9660 or UDF */
  LODGE_IMAGE_QCOW2,
  LODGE_IMAGE_VMDK,
  LODGE_IMAGE_VMDK_TEXT, /* only says in which other files the disk is */
  LODGE_IMAGE_VDI,
  LODGE_IMAGE_VHDX,
  LODGE_IMAGE_VPC,
  LODGE_IMAGE_KERNEL,  /* Linux, or an ELF program */
} LodgeImageKind;

/** LodgeImageReader: reads at most @length bytes at @offset; fewer at the end, negative on an error (errno) */
typedef gssize (*LodgeImageReader) (gpointer data, guint8 *into, gsize length, guint64 offset);

/**
 * LodgeImage: what an image says of itself in its headers. None of it is believed further than to refuse it.
 */
typedef struct
{
  LodgeImageKind kind;
  guint64        size;         /* of the file */
  guint64        virtual_size; /* of the disk in it, by its header; 0: not known */
  gboolean       encrypted;
  gboolean       dirty;        /* qcow2: was not closed in order */
  gboolean       corrupt;      /* qcow2: QEMU found damage in it */
  gboolean       unsupported;  /* a version or variant that cannot be used */
  gboolean       elf;          /* a kernel without a boot protocol of its own: no firmware can start it */
  int            arch;         /* of a kernel: LodgeArch, -1: not known */
  gboolean       external;     /* needs other files, so that it could make QEMU read any file of the host */
  char           reference[192]; /* with @external: the file's name, quoted; room for all that lodge_quote() makes */
} LodgeImage;

/**
 * lodge_image_identify:
 *
 * Looks at the magic bytes and headers: a few bounded reads, whatever the image says. Error: IO,
 * NOT_READABLE when reading fails.
 */
gboolean    lodge_image_identify  (LodgeImageReader reader, gpointer data, guint64 size, LodgeImage *image,
                                   GError **error);

/** lodge_image_check_role: whether @image can be used as "iso", "disk", "kernel" or "initrd". Error: WRONG_FORMAT, a sentence about @name */
gboolean    lodge_image_check_role (const LodgeImage *image, const char *role, const char *name, GError **error);

/** lodge_image_format: QEMU's name of the format to use a disk image with */
const char *lodge_image_format    (const LodgeImage *image);

G_END_DECLS
