/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-partitions.h"

#include <string.h>

#define SECTOR 512
#define MBR_TABLE 446
#define MBR_ENTRY 16
#define GPT_ENTRIES 32
#define GPT_ENTRY 128

static const struct
{
  guint8 type;
  const char *system;
} mbr_types[] = {
  { 0x82, "linux" }, { 0x83, "linux" }, { 0x8e, "linux" }, { 0xfd, "linux" }, { 0xa5, "bsd" },     { 0xa6, "bsd" },
  { 0xa9, "bsd" },   { 0x07, "windows" }, { 0x27, "windows" }, { 0x01, "dos" }, { 0x04, "dos" },   { 0x06, "dos" },
  { 0x0b, "dos" },   { 0x0c, "dos" },   { 0x0e, "dos" },
};

/* The first eight bytes of a type, as they lie on the disk, tell those apart that matter. */
static const struct
{
  guint8 type[8];
  const char *system;
} gpt_types[] = {
  { { 0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47 }, "linux" },   /* file system */
  { { 0xe3, 0xbc, 0x68, 0x4f, 0xcd, 0xe8, 0xb1, 0x4d }, "linux" },   /* root, x86-64 */
  { { 0x45, 0xb0, 0x21, 0xb9, 0xf0, 0x1d, 0xc3, 0x41 }, "linux" },   /* root, arm64 */
  { { 0x79, 0xd3, 0xd6, 0xe6, 0x07, 0xf5, 0xc2, 0x44 }, "linux" },   /* LVM */
  { { 0x16, 0xe3, 0xc9, 0xe3, 0x5c, 0x0b, 0xb8, 0x4d }, "windows" }, /* Microsoft reserved */
  { { 0xa4, 0xbb, 0x94, 0xde, 0xd1, 0x06, 0x40, 0x4d }, "windows" }, /* recovery */
  { { 0xb6, 0x7c, 0x6e, 0x51, 0xcf, 0x6e, 0xd6, 0x11 }, "bsd" },     /* FreeBSD UFS */
  { { 0xba, 0x7c, 0x6e, 0x51, 0xcf, 0x6e, 0xd6, 0x11 }, "bsd" },     /* FreeBSD ZFS */
  { { 0x9d, 0x6b, 0xbd, 0x83, 0x41, 0x7f, 0xdc, 0x11 }, "bsd" },     /* FreeBSD boot */
};

static gboolean
read_exactly (LodgeImageReader reader, gpointer data, guint8 *into, gsize length, guint64 offset)
{
  return reader (data, into, length, offset) == (gssize) length;
}

static const char *
look_at_gpt (LodgeImageReader reader, gpointer data)
{
  guint8 entries[GPT_ENTRIES * GPT_ENTRY];

  if (!read_exactly (reader, data, entries, sizeof entries, 2 * SECTOR))
    return "unknown";
  for (guint i = 0; i < GPT_ENTRIES; i++)
    for (gsize k = 0; k < G_N_ELEMENTS (gpt_types); k++)
      if (memcmp (entries + i * GPT_ENTRY, gpt_types[k].type, sizeof gpt_types[k].type) == 0)
        return gpt_types[k].system;
  return "unknown";
}

const char *
lodge_partitions_describe (LodgeImageReader reader, gpointer data, guint64 size)
{
  guint8 head[2 * SECTOR];
  const char *system = NULL;

  if (size < sizeof head || !read_exactly (reader, data, head, sizeof head, 0) || head[510] != 0x55 || head[511] != 0xaa)
    return "unknown";
  if (memcmp (head + SECTOR, "EFI PART", 8) == 0)
    return look_at_gpt (reader, data);

  /* Linux beside a partition that DOS could read, which holds its loader, is Linux. */
  for (gsize k = 0; k < G_N_ELEMENTS (mbr_types) && system == NULL; k++)
    for (guint i = 0; i < 4 && system == NULL; i++)
      if (head[MBR_TABLE + i * MBR_ENTRY + 4] == mbr_types[k].type)
        system = mbr_types[k].system;
  return system != NULL ? system : "unknown";
}
