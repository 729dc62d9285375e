/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * UDF as writers of discs of Windows use it: version 1.02, one partition, blocks of 2 KiB.
 *
 *   sector 256: the anchor -> the sequence of volume descriptors -> partition (where it begins) and
 *   logical volume (its name; where the set of files is) -> file set -> file entry of the root
 *
 * A file entry holds the length and says where the bytes are: pieces by short or long descriptors, or in the entry
 * itself. A folder is a file of identifiers: name and file entry of each child.
 */

#include "config.h"

#include "core/storage/lodge-disc-private.h"

#include <string.h>

#define ANCHOR 256
#define MAX_DESCRIPTORS 64
#define FOLDER_MAX (512 * 1024)

#define TAG_ANCHOR 2
#define TAG_PARTITION 5
#define TAG_LOGICAL_VOLUME 6
#define TAG_TERMINATOR 8
#define TAG_FILE_SET 256
#define TAG_FILE_IDENTIFIER 257
#define TAG_FILE_ENTRY 261
#define TAG_EXTENDED_FILE_ENTRY 266

#define FILE_TYPE_FOLDER 4
#define FILE_DELETED 4
#define FILE_PARENT 8

/* The sum of the tag's other bytes is in its fifth: noise is told from a descriptor. */
static guint
tag_of (const guint8 *bytes)
{
  guint8 sum = 0;

  for (guint i = 0; i < 16; i++)
    if (i != 4)
      sum = (guint8) (sum + bytes[i]);
  return sum == bytes[4] ? lodge_disc_le16 (bytes) : 0;
}

static gboolean
read_sector (LodgeDisc *disc, guint64 offset, guint8 *sector)
{
  return lodge_disc_read_at (disc, offset, sector, LODGE_DISC_SECTOR) == LODGE_DISC_SECTOR;
}

/* A block of the partition. */
static gboolean
read_block (LodgeDisc *disc, guint32 block, guint8 *sector)
{
  guint64 offset = (guint64) block * LODGE_DISC_SECTOR;

  return offset < disc->udf_length && read_sector (disc, disc->udf_start + offset, sector);
}

/* Texts begin with how many bits a character has; the last byte says how many bytes are used. */
static char *
take_text (const guint8 *bytes, gsize length)
{
  GString *text = g_string_new (NULL);
  gsize used = MIN (bytes[length - 1], length - 1);
  gsize width = bytes[0] == 16 ? 2 : 1;

  for (gsize at = 1; at + width <= used; at += width)
    {
      gunichar c = width == 2 ? (gunichar) (bytes[at] << 8 | bytes[at + 1]) : bytes[at];

      g_string_append_unichar (text, g_unichar_validate (c) && g_unichar_isprint (c) ? c : 0xfffd);
    }
  return g_strstrip (g_string_free (text, FALSE));
}

gboolean
lodge_disc_udf_open (LodgeDisc *disc)
{
  guint8 sector[LODGE_DISC_SECTOR];
  gboolean partition = FALSE;
  guint32 first, n, file_set = 0;

  if (!read_sector (disc, (guint64) ANCHOR * LODGE_DISC_SECTOR, sector) || tag_of (sector) != TAG_ANCHOR)
    return FALSE;
  n = MIN (lodge_disc_le32 (sector + 16) / LODGE_DISC_SECTOR, MAX_DESCRIPTORS);
  first = lodge_disc_le32 (sector + 20);

  for (guint32 i = 0; i < n; i++)
    {
      guint tag;

      if (!read_sector (disc, ((guint64) first + i) * LODGE_DISC_SECTOR, sector))
        break;
      tag = tag_of (sector);
      if (tag == TAG_TERMINATOR)
        break;
      if (tag == TAG_PARTITION)
        {
          partition = TRUE;
          disc->udf_start = (guint64) lodge_disc_le32 (sector + 188) * LODGE_DISC_SECTOR;
          disc->udf_length = (guint64) lodge_disc_le32 (sector + 192) * LODGE_DISC_SECTOR;
        }
      else if (tag == TAG_LOGICAL_VOLUME)
        {
          /* Later versions have maps of other types, which lead round corners. */
          if (lodge_disc_le32 (sector + 212) != LODGE_DISC_SECTOR || sector[440] != 1)
            return FALSE;
          g_free (disc->facts.udf_id);
          disc->facts.udf_id = take_text (sector + 84, 128);
          file_set = lodge_disc_le32 (sector + 252);
        }
    }

  if (!partition || disc->udf_start >= disc->size)
    return FALSE;
  if (disc->facts.volume_size == 0)
    disc->facts.volume_size = disc->udf_start + disc->udf_length;
  if (!read_block (disc, file_set, sector) || tag_of (sector) != TAG_FILE_SET)
    return FALSE;
  disc->udf_root = lodge_disc_le32 (sector + 404);
  return TRUE;
}

static void
add_piece (LodgeDisc *disc, LodgeDiscNode *node, guint32 length, guint32 block)
{
  /* The two highest bits: 0 recorded; the rest reads as zeroes, which no file of interest has. */
  guint64 offset = (guint64) block * LODGE_DISC_SECTOR;

  if (node->n_pieces == LODGE_DISC_PIECES || length >> 30 != 0 || length == 0 || offset >= disc->udf_length)
    return;
  node->pieces[node->n_pieces].offset = disc->udf_start + offset;
  node->pieces[node->n_pieces++].length = length;
}

static gboolean
read_entry (LodgeDisc *disc, guint32 block, LodgeDiscNode *node)
{
  guint8 sector[LODGE_DISC_SECTOR];
  guint64 base, n_attributes, n_places;
  guint kind, tag;

  memset (node, 0, sizeof *node);
  if (!read_block (disc, block, sector))
    {
      lodge_disc_set_damage (disc, "a file of it lies outside of it");
      return FALSE;
    }
  tag = tag_of (sector);
  if (tag != TAG_FILE_ENTRY && tag != TAG_EXTENDED_FILE_ENTRY)
    return FALSE;

  base = tag == TAG_FILE_ENTRY ? 176 : 216;
  n_attributes = lodge_disc_le32 (sector + base - 8);
  n_places = lodge_disc_le32 (sector + base - 4);
  base += n_attributes;
  if (base + n_places > sizeof sector)
    {
      lodge_disc_set_damage (disc, "a file of it has a broken entry");
      return FALSE;
    }
  node->folder = sector[27] == FILE_TYPE_FOLDER;
  node->length = lodge_disc_le64 (sector + 56);

  kind = lodge_disc_le16 (sector + 34) & 7;
  if (kind == 3)
    {
      node->pieces[0].offset = disc->udf_start + (guint64) block * LODGE_DISC_SECTOR + base;
      node->pieces[0].length = n_places;
      node->n_pieces = 1;
    }
  else if (kind <= 1)
    for (guint64 at = 0, step = kind == 0 ? 8 : 16; at + step <= n_places; at += step)
      add_piece (disc, node, lodge_disc_le32 (sector + base + at), lodge_disc_le32 (sector + base + at + 4));
  return TRUE;
}

gboolean
lodge_disc_udf_root (LodgeDisc *disc, LodgeDiscNode *folder)
{
  return read_entry (disc, disc->udf_root, folder) && folder->folder;
}

static gboolean
is_name (const guint8 *bytes, gsize length, const char *name)
{
  gsize width = length > 0 && bytes[0] == 16 ? 2 : 1;
  gsize n = 0;

  for (gsize at = 1; at + width <= length; at += width, n++)
    {
      if (name[n] == '\0' || (width == 2 && bytes[at] != 0)
          || g_ascii_tolower ((char) bytes[at + width - 1]) != g_ascii_tolower (name[n]))
        return FALSE;
    }
  return n > 0 && name[n] == '\0';
}

gboolean
lodge_disc_udf_child (LodgeDisc *disc, const LodgeDiscNode *folder, const char *name, LodgeDiscNode *child)
{
  gsize length, size;
  g_autofree guint8 *bytes = lodge_disc_read_node (disc, folder, 0, FOLDER_MAX, &length);

  for (gsize at = 0; at + 38 <= length; at += size)
    {
      const guint8 *record = bytes + at;
      gsize n_name = record[19], n_use = lodge_disc_le16 (record + 36);

      size = (38 + n_use + n_name + 3) / 4 * 4;
      if (lodge_disc_le16 (record) != TAG_FILE_IDENTIFIER || at + 38 + n_use + n_name > length)
        {
          lodge_disc_set_damage (disc, "a folder of it has a broken entry");
          return FALSE;
        }
      if ((record[18] & (FILE_DELETED | FILE_PARENT)) == 0 && is_name (record + 38 + n_use, n_name, name))
        return read_entry (disc, lodge_disc_le32 (record + 24), child);
    }
  return FALSE;
}
