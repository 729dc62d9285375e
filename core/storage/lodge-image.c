/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * One read of the first 68 KiB serves nearly every format; the fixed VHD has its mark in the last
 * sector, a VMDK its descriptor wherever the header says. Each of these is one more bounded read.
 *
 * The headers matter because QEMU opens what they name: a backing file, a data file, the extents of a
 * VMDK. In an image from elsewhere that is a way to have any file of the host copied into a guest, so an
 * image that names others is refused, not followed.
 */

#include "config.h"

#include "core/storage/lodge-image.h"

#include "core/config/lodge-faults.h"

#include <errno.h>
#include <string.h>

#define HEAD_SIZE (68 * 1024)
#define SECTOR 512
#define ISO_SECTOR 2048
#define ISO_START (16 * ISO_SECTOR)
#define DESCRIPTOR_MAX (20 * SECTOR)
#define TEXT_SAMPLE 4096

#define QCOW2_INCOMPATIBLE_DIRTY (G_GUINT64_CONSTANT (1) << 0)
#define QCOW2_INCOMPATIBLE_CORRUPT (G_GUINT64_CONSTANT (1) << 1)
#define QCOW2_INCOMPATIBLE_DATA_FILE (G_GUINT64_CONSTANT (1) << 2)

typedef struct
{
  LodgeImageReader read;
  gpointer         data;
  guint64          size;
  guint8          *head;
  gsize            n_head;
  int              number; /* errno of a read that failed */
} Source;

static guint32
get_le32 (const guint8 *p)
{
  return (guint32) p[0] | (guint32) p[1] << 8 | (guint32) p[2] << 16 | (guint32) p[3] << 24;
}

static guint64
get_le64 (const guint8 *p)
{
  return get_le32 (p) | (guint64) get_le32 (p + 4) << 32;
}

static guint32
get_be32 (const guint8 *p)
{
  return (guint32) p[0] << 24 | (guint32) p[1] << 16 | (guint32) p[2] << 8 | (guint32) p[3];
}

static guint64
get_be64 (const guint8 *p)
{
  return (guint64) get_be32 (p) << 32 | get_be32 (p + 4);
}

/* As much as there is of @length bytes. */
static gsize
read_at (Source *source, guint8 *into, gsize length, guint64 offset)
{
  gsize have = 0;

  while (have < length && offset + have >= offset)
    {
      gssize n = source->read (source->data, into + have, length - have, offset + have);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        source->number = errno;
      if (n <= 0)
        break;
      have += n;
    }

  return have;
}

static gboolean
has (const Source *source, gsize offset, const char *magic, gsize length)
{
  return offset + length <= source->n_head && memcmp (source->head + offset, magic, length) == 0;
}

#define HAS(source, offset, magic) has (source, offset, magic, sizeof (magic) - 1)

static void
set_reference (LodgeImage *image, const char *name, gsize length)
{
  g_autofree char *text = g_strndup (name, length);
  g_autofree char *quoted = lodge_quote (text);

  image->external = TRUE;
  g_strlcpy (image->reference, quoted, sizeof image->reference);
}

static void
look_at_qcow2 (Source *source, LodgeImage *image)
{
  const guint8 *head = source->head;
  guint64 backing, features;
  guint32 version, length;
  guint8 name[1024];

  image->kind = LODGE_IMAGE_QCOW2;
  if (source->n_head < 72)
    {
      image->unsupported = TRUE;
      return;
    }

  version = get_be32 (head + 4);
  image->virtual_size = get_be64 (head + 24);
  backing = get_be64 (head + 8);
  length = get_be32 (head + 16);
  image->encrypted = get_be32 (head + 32) != 0;
  image->unsupported = version != 2 && version != 3;
  if (backing != 0)
    {
      /* 1023 is QEMU's own limit; what claims more is not an image that it would open. */
      gsize n = read_at (source, name, MIN (length, sizeof name - 1), backing);

      set_reference (image, (const char *) name, n);
    }

  features = version == 3 && source->n_head >= 104 ? get_be64 (head + 72) : 0;
  image->dirty = (features & QCOW2_INCOMPATIBLE_DIRTY) != 0;
  image->corrupt = (features & QCOW2_INCOMPATIBLE_CORRUPT) != 0;
  if (features & QCOW2_INCOMPATIBLE_DATA_FILE)
    image->external = TRUE;
}

/* The descriptor of a VMDK is lines of text. Only one that says that the data is in this very file will do. */
static void
look_at_descriptor (LodgeImage *image, const char *text)
{
  g_auto (GStrv) lines = g_strsplit_set (text, "\r\n", -1);
  guint extents = 0;

  for (guint i = 0; lines[i] != NULL; i++)
    {
      const char *line = g_strchug (lines[i]);
      const char *quote = strchr (line, '"');
      const char *end = quote != NULL ? strchr (quote + 1, '"') : NULL;
      gboolean extent = g_ascii_strncasecmp (line, "RW ", 3) == 0 ||
                        g_ascii_strncasecmp (line, "RDONLY ", 7) == 0 ||
                        g_ascii_strncasecmp (line, "NOACCESS ", 9) == 0;
      gboolean parent = g_ascii_strncasecmp (line, "parentFileNameHint", 18) == 0;

      extents += extent;
      if (parent || (extent && (extents > 1 || strstr (line, " SPARSE ") == NULL)))
        {
          if (end != NULL)
            set_reference (image, quote + 1, end - quote - 1);
          image->external = TRUE;
        }
    }
}

static void
look_at_vmdk (Source *source, LodgeImage *image)
{
  g_autofree char *text = NULL;
  guint64 capacity, offset, length;
  gsize n;

  image->kind = LODGE_IMAGE_VMDK;
  if (source->n_head < SECTOR)
    {
      image->unsupported = TRUE;
      return;
    }

  capacity = get_le64 (source->head + 12);
  image->virtual_size = capacity <= G_MAXINT64 / SECTOR ? capacity * SECTOR : 0;
  offset = get_le64 (source->head + 28);
  length = get_le64 (source->head + 36);
  /* With no capacity QEMU takes the descriptor for the whole truth, extents and all. */
  if (capacity == 0)
    image->external = TRUE;
  if (offset == 0 || length == 0)
    return;
  if (offset > G_MAXINT64 / SECTOR)
    {
      image->unsupported = TRUE;
      return;
    }

  text = g_malloc0 (DESCRIPTOR_MAX + 1);
  n = read_at (source, (guint8 *) text, MIN (length, DESCRIPTOR_MAX / SECTOR) * SECTOR, offset * SECTOR);
  text[n] = '\0';
  look_at_descriptor (image, text);
}

static void
look_at_vpc (LodgeImage *image, const guint8 *footer)
{
  guint32 type = get_be32 (footer + 60);

  image->virtual_size = get_be64 (footer + 48);
  image->kind = LODGE_IMAGE_VPC;
  image->external = type == 4; /* a difference to a parent */
  image->unsupported = type != 2 && type != 3 && type != 4;
}

static gboolean
is_disc (const Source *source)
{
  /* The descriptors of a disc follow each other, one a sector, from the 16th on. */
  for (gsize offset = ISO_START; offset + 6 <= source->n_head; offset += ISO_SECTOR)
    if (HAS (source, offset + 1, "CD001") || HAS (source, offset + 1, "NSR02") ||
        HAS (source, offset + 1, "NSR03"))
      return TRUE;

  return FALSE;
}

static gboolean
is_compressed (const Source *source)
{
  return HAS (source, 0, "\x1f\x8b") || HAS (source, 0, "\xfd" "7zXZ") || HAS (source, 0, "BZh") ||
         HAS (source, 0, "\x28\xb5\x2f\xfd") || HAS (source, 0, "PK\x03\x04") ||
         HAS (source, 0, "7z\xbc\xaf\x27\x1c") || HAS (source, 0, "Rar!") ||
         HAS (source, 0, "\x04\x22\x4d\x18");
}

/* Linux: Documentation/arch/x86/boot.rst, arch/arm64/booting.rst, arch/riscv/boot-image-header.rst; ELF: e_machine. */
static gboolean
is_kernel (const Source *source, LodgeImage *image)
{
  if (HAS (source, 0x202, "HdrS"))
    image->arch = LODGE_ARCH_X86_64;
  else if (HAS (source, 56, "ARM\x64"))
    image->arch = LODGE_ARCH_AARCH64;
  else if (HAS (source, 56, "RSC\x05"))
    image->arch = LODGE_ARCH_RISCV64;
  else if (HAS (source, 0, "\x7f" "ELF"))
    {
      guint machine = source->n_head >= 20 ? source->head[18] | source->head[19] << 8 : 0;

      image->elf = TRUE;
      image->arch = machine == 62 || machine == 3 ? LODGE_ARCH_X86_64
                    : machine == 183              ? LODGE_ARCH_AARCH64
                    : machine == 243              ? LODGE_ARCH_RISCV64
                                                  : -1;
    }
  return image->elf || image->arch >= 0;
}

/* No NUL, hardly a control character, and all of it UTF-8 or nearly (the end may be cut, old texts are Latin-1). */
static gboolean
is_text (const Source *source)
{
  gsize length = MIN (source->n_head, TEXT_SAMPLE);
  gsize odd = 0;

  for (gsize i = 0; i < length; i++)
    {
      guint8 c = source->head[i];

      if (c == 0)
        return FALSE;
      if (c < 0x20 && strchr ("\t\n\r\f\x1b\b", c) == NULL)
        return FALSE;
      odd += c >= 0x80;
    }

  return length > 0 &&
         (odd < length / 4 || g_utf8_validate_len ((const char *) source->head, length, NULL));
}

static void
classify (Source *source, LodgeImage *image)
{
  guint8 footer[SECTOR];

  if (source->n_head == 0)
    image->kind = LODGE_IMAGE_EMPTY;
  else if (HAS (source, 0, "QFI\xfb"))
    look_at_qcow2 (source, image);
  else if (HAS (source, 0, "KDMV"))
    look_at_vmdk (source, image);
  else if (HAS (source, 0, "COWD"))
    {
      image->kind = LODGE_IMAGE_VMDK;
      image->unsupported = TRUE;
    }
  else if (HAS (source, 0, "# Disk Descriptor"))
    {
      image->kind = LODGE_IMAGE_VMDK_TEXT;
      image->external = TRUE;
    }
  else if (HAS (source, 64, "\x7f\x10\xda\xbe"))
    {
      image->kind = LODGE_IMAGE_VDI;
      image->external = source->n_head >= 80 && get_le32 (source->head + 76) == 4;
      image->virtual_size = source->n_head >= 376 ? get_le64 (source->head + 368) : 0;
    }
  else if (HAS (source, 0, "vhdxfile"))
    image->kind = LODGE_IMAGE_VHDX;
  else if (HAS (source, 0, "conectix") && source->n_head >= SECTOR)
    look_at_vpc (image, source->head);
  else if (is_disc (source))
    image->kind = LODGE_IMAGE_ISO;
  else if (is_compressed (source))
    image->kind = LODGE_IMAGE_COMPRESSED;
  else if (is_kernel (source, image))
    image->kind = LODGE_IMAGE_KERNEL;
  else if (source->size >= 2 * SECTOR &&
           read_at (source, footer, SECTOR, source->size - SECTOR) == SECTOR &&
           memcmp (footer, "conectix", 8) == 0)
    look_at_vpc (image, footer);
  else if (HAS (source, 510, "\x55\xaa") || HAS (source, 512, "EFI PART") ||
           HAS (source, 4096, "EFI PART"))
    image->kind = LODGE_IMAGE_RAW;
  else if (is_text (source))
    image->kind = LODGE_IMAGE_TEXT;

  if (g_str_equal (lodge_image_format (image), "raw"))
    image->virtual_size = source->size;
}

gboolean
lodge_image_identify (LodgeImageReader reader, gpointer data, guint64 size, LodgeImage *image,
                      GError **error)
{
  g_autofree guint8 *head = g_malloc (HEAD_SIZE);
  Source source = { .read = reader, .data = data, .size = size, .head = head };

  memset (image, 0, sizeof *image);
  image->size = size;
  image->arch = -1;
  source.n_head = read_at (&source, head, HEAD_SIZE, 0);
  if (source.number == 0)
    classify (&source, image);
  if (source.number == 0)
    return TRUE;

  g_set_error (error, LODGE_ERROR,
               source.number == EACCES || source.number == EBADF ? LODGE_ERROR_NOT_READABLE
                                                                 : LODGE_ERROR_IO,
               "reading failed: %s", g_strerror (source.number));
  return FALSE;
}

const char *
lodge_image_format (const LodgeImage *image)
{
  switch (image->kind)
    {
    case LODGE_IMAGE_QCOW2:
      return "qcow2";
    case LODGE_IMAGE_VMDK:
    case LODGE_IMAGE_VMDK_TEXT:
      return "vmdk";
    case LODGE_IMAGE_VDI:
      return "vdi";
    case LODGE_IMAGE_VHDX:
      return "vhdx";
    case LODGE_IMAGE_VPC:
      return "vpc";
    default:
      return "raw";
    }
}

/* What it is, in the words of a sentence: "X is ...". */
static const char *
describe (const LodgeImage *image)
{
  switch (image->kind)
    {
    case LODGE_IMAGE_EMPTY:
      return "empty";
    case LODGE_IMAGE_TEXT:
      return "a text file";
    case LODGE_IMAGE_COMPRESSED:
      return "a compressed file";
    case LODGE_IMAGE_ISO:
      return "a disc image";
    case LODGE_IMAGE_KERNEL:
      return "a program";
    case LODGE_IMAGE_QCOW2:
    case LODGE_IMAGE_VMDK:
    case LODGE_IMAGE_VMDK_TEXT:
    case LODGE_IMAGE_VDI:
    case LODGE_IMAGE_VHDX:
    case LODGE_IMAGE_VPC:
    case LODGE_IMAGE_RAW:
      return "a disk image";
    default:
      return "something unknown";
    }
}

static gboolean
refuse (GError **error, const char *name, const char *is, const char *rest)
{
  g_autofree char *quoted = lodge_quote (name);

  g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s %s%s", quoted, is, rest);
  return FALSE;
}

static gboolean
check_disk (const LodgeImage *image, const char *name, GError **error)
{
  g_autofree char *is = g_strdup_printf ("is %s", describe (image));
  g_autofree char *needs = NULL;

  switch (image->kind)
    {
    case LODGE_IMAGE_EMPTY:
    case LODGE_IMAGE_TEXT:
    case LODGE_IMAGE_KERNEL:
      return refuse (error, name, is, ", not a disk image");
    case LODGE_IMAGE_COMPRESSED:
      return refuse (error, name, is, "; unpack it first");
    case LODGE_IMAGE_ISO:
      return refuse (error, name, is, ", not a disk image; use it as a CD");
    case LODGE_IMAGE_UNKNOWN:
    case LODGE_IMAGE_RAW:
      if (image->size % SECTOR != 0)
        return refuse (error, name, "is no disk image", ": its size is not a multiple of 512 bytes");
      break;
    default:
      break;
    }

  if (image->external)
    {
      needs = g_strdup_printf ("is a %s image that needs another file%s%s", lodge_image_format (image),
                               *image->reference != '\0' ? ", " : "", image->reference);
      return refuse (error, name, needs, "; only an image that is complete in itself can be used");
    }
  if (image->encrypted)
    return refuse (error, name, "is encrypted", ", which cannot be used");
  if (image->unsupported)
    return refuse (error, name, is, " of a variant that cannot be used");

  return TRUE;
}

gboolean
lodge_image_check_role (const LodgeImage *image, const char *role, const char *name, GError **error)
{
  g_autofree char *is = g_strdup_printf ("is %s", describe (image));

  if (g_str_equal (role, "disk"))
    return check_disk (image, name, error);

  if (g_str_equal (role, "iso"))
    {
      if (image->kind == LODGE_IMAGE_ISO)
        return TRUE;
      return refuse (error, name, is,
                     image->kind == LODGE_IMAGE_COMPRESSED ? "; unpack it first"
                                                           : ", not a disc image");
    }

  if (image->kind == LODGE_IMAGE_EMPTY)
    return refuse (error, name, is, "");
  if (g_str_equal (role, "kernel") && image->kind != LODGE_IMAGE_KERNEL &&
      image->kind != LODGE_IMAGE_COMPRESSED)
    return refuse (error, name, is, ", not a kernel");
  /* It may be an archive, packed or not, a file system, or whatever else a kernel takes that is not Linux. */
  if (g_str_equal (role, "initrd") && image->kind != LODGE_IMAGE_UNKNOWN && image->kind != LODGE_IMAGE_COMPRESSED &&
      image->kind != LODGE_IMAGE_KERNEL && image->kind != LODGE_IMAGE_RAW)
    return refuse (error, name, is, ", not an initial RAM disk");

  return TRUE;
}
