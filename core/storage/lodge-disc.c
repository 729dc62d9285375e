/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * The descriptors begin at the 16th sector of 2 KiB and end with a terminator. One of them is the
 * primary volume, whose texts tell most systems apart; one may lead to the boot catalogue of El Torito; a
 * supplementary one may have the same tree in Unicode (Joliet). A disc of Windows has nearly nothing
 * in that tree and everything in UDF, which lies over the same sectors.
 *
 * What an image points to must be in it. That is checked when it is opened, for what every image
 * has, and on the way to a file for the rest. A hostile image is so refused or found to have less in it, and
 * in no case read for long: the budget is 16 MiB for all.
 */

#include "config.h"

#include "core/storage/lodge-disc-private.h"

#include <errno.h>
#include <string.h>

#define FIRST_DESCRIPTOR 16
#define MAX_DESCRIPTORS 64
#define BUDGET (16 * 1024 * 1024)
/* Writers of discs leave out up to 300 sectors at the end, which hold nothing. */
#define TOLERANCE (300 * LODGE_DISC_SECTOR)
#define EL_TORITO "EL TORITO SPECIFICATION"
#define PLATFORM_X86 0
#define PLATFORM_UEFI 0xef

gsize
lodge_disc_read_at (LodgeDisc *disc, guint64 offset, guint8 *into, gsize length)
{
  gsize have = 0;

  if (offset >= disc->size)
    return 0;
  length = MIN (length, MIN (disc->size - offset, disc->budget));
  while (have < length)
    {
      gssize n = disc->read (disc->data, into + have, length - have, offset + have);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        disc->number = errno;
      if (n <= 0)
        break;
      have += (gsize) n;
    }
  disc->budget -= have;
  return have;
}

guint8 *
lodge_disc_read_node (LodgeDisc *disc, const LodgeDiscNode *node, guint64 offset, gsize max, gsize *length)
{
  guint64 left = offset < node->length ? MIN (max, node->length - offset) : 0;
  guint64 begin = 0;
  guint8 *bytes;
  gsize have = 0;

  /* Never more memory than the image could fill. */
  left = MIN (left, MIN (disc->size, disc->budget));
  bytes = g_malloc (left + 1);
  for (guint i = 0; i < node->n_pieces && left > 0; i++)
    {
      guint64 piece = node->pieces[i].length;

      if (offset < begin + piece)
        {
          guint64 skip = offset - begin;
          gsize wanted = MIN (left, piece - skip);
          gsize n = lodge_disc_read_at (disc, node->pieces[i].offset + skip, bytes + have, wanted);

          have += n;
          offset += n;
          left -= n;
          if (n < wanted)
            break;
        }
      begin += piece;
    }
  bytes[have] = '\0';
  *length = have;
  return bytes;
}

void
lodge_disc_set_damage (LodgeDisc *disc, const char *format, ...)
{
  va_list args;

  if (disc->damage != NULL)
    return;
  va_start (args, format);
  disc->damage = g_strdup_vprintf (format, args);
  va_end (args);
}

/* Texts of a descriptor are filled up with blanks, by some writers with NUL. */
static char *
take_text (const guint8 *bytes, gsize length)
{
  g_autofree char *text = g_strndup ((const char *) bytes, length);
  char *valid = g_utf8_make_valid (text, -1);

  return g_strstrip (valid);
}

static gboolean
fits (LodgeDisc *disc, guint64 block, guint64 length)
{
  return block < disc->size / LODGE_DISC_SECTOR + 1 && block * LODGE_DISC_SECTOR + length <= disc->size + TOLERANCE
         && block * LODGE_DISC_SECTOR < disc->size;
}

static void
take_root (LodgeDisc *disc, const guint8 *descriptor, LodgeDiscRoot *root)
{
  const guint8 *record = descriptor + 156;
  guint32 block = lodge_disc_le32 (record + 2), length = lodge_disc_le32 (record + 10);
  guint32 table = lodge_disc_le32 (descriptor + 140), table_length = lodge_disc_le32 (descriptor + 132);

  /* Images made by hand for tests of boot code have no folders at all. */
  if (block != 0 && !fits (disc, block, length))
    lodge_disc_set_damage (disc, "its root folder lies outside of it");
  else if (table != 0 && !fits (disc, table, table_length))
    lodge_disc_set_damage (disc, "its path table lies outside of it");
  else
    {
      root->block = block;
      root->length = length;
    }
}

static void
take_primary (LodgeDisc *disc, const guint8 *descriptor)
{
  LodgeDiscFacts *facts = &disc->facts;
  guint block_size = lodge_disc_le16 (descriptor + 128);

  if (*facts->volume_id != '\0' || disc->primary.block != 0)
    return;
  g_free (facts->system_id);
  g_free (facts->volume_id);
  g_free (facts->publisher_id);
  g_free (facts->preparer_id);
  g_free (facts->application_id);
  facts->system_id = take_text (descriptor + 8, 32);
  facts->volume_id = take_text (descriptor + 40, 32);
  facts->publisher_id = take_text (descriptor + 318, 128);
  facts->preparer_id = take_text (descriptor + 446, 128);
  facts->application_id = take_text (descriptor + 574, 128);
  facts->volume_size = (guint64) lodge_disc_le32 (descriptor + 80) * block_size;
  take_root (disc, descriptor, &disc->primary);
}

static void
take_supplementary (LodgeDisc *disc, const guint8 *descriptor)
{
  /* The escape sequences of the three levels of UCS-2. */
  if (descriptor[88] == 0x25 && descriptor[89] == 0x2f && strchr ("@CE", descriptor[90]) != NULL && descriptor[90] != 0)
    take_root (disc, descriptor, &disc->joliet);
}

static void
take_boot_entry (LodgeDisc *disc, const guint8 *entry, guint platform)
{
  guint medium = entry[1] & 0x0f;

  if (entry[0] != 0x88)
    return;
  if (!fits (disc, lodge_disc_le32 (entry + 8), LODGE_DISC_SECTOR / 4))
    {
      lodge_disc_set_damage (disc, "its boot image lies outside of it");
      return;
    }
  if (platform == PLATFORM_UEFI)
    disc->facts.boots_uefi = TRUE;
  else if (platform == PLATFORM_X86)
    {
      disc->facts.boots_bios = TRUE;
      disc->facts.boots_floppy = medium >= 1 && medium <= 3;
    }
}

/* One sector has the validation entry, the default one, and section headers with their entries: 64 of 32 bytes. */
static void
take_boot_catalogue (LodgeDisc *disc, const guint8 *descriptor)
{
  guint8 sector[LODGE_DISC_SECTOR];
  guint32 block = lodge_disc_le32 (descriptor + 71);
  guint platform;
  gsize at = 64;

  if (memcmp (descriptor + 7, EL_TORITO, strlen (EL_TORITO)) != 0)
    return;
  if (!fits (disc, block, LODGE_DISC_SECTOR)
      || lodge_disc_read_at (disc, (guint64) block * LODGE_DISC_SECTOR, sector, sizeof sector) != sizeof sector)
    {
      lodge_disc_set_damage (disc, "its boot catalogue lies outside of it");
      return;
    }
  if (sector[0] != 1 || sector[30] != 0x55 || sector[31] != 0xaa)
    return;
  platform = sector[1];
  take_boot_entry (disc, sector + 32, platform);

  while (at + 32 <= sizeof sector && (sector[at] == 0x90 || sector[at] == 0x91))
    {
      gboolean last = sector[at] == 0x91;
      guint n = lodge_disc_le16 (sector + at + 2);

      platform = sector[at + 1];
      for (at += 32; n > 0 && at + 32 <= sizeof sector; at += 32)
        if (sector[at] != 0x44) /* 0x44: the entry before goes on */
          {
            take_boot_entry (disc, sector + at, platform);
            n--;
          }
      if (last)
        break;
    }
}

/* Returns whether there is a disc at all. */
static gboolean
read_descriptors (LodgeDisc *disc)
{
  gboolean iso = FALSE;

  for (guint i = 0; i < MAX_DESCRIPTORS; i++)
    {
      guint8 sector[LODGE_DISC_SECTOR];
      guint64 at = (guint64) (FIRST_DESCRIPTOR + i) * LODGE_DISC_SECTOR;

      if (lodge_disc_read_at (disc, at, sector, sizeof sector) != sizeof sector)
        break;
      if (memcmp (sector + 1, "NSR02", 5) == 0 || memcmp (sector + 1, "NSR03", 5) == 0)
        {
          disc->udf = TRUE;
          continue;
        }
      if (memcmp (sector + 1, "BEA01", 5) == 0 || memcmp (sector + 1, "BOOT2", 5) == 0)
        continue;
      if (memcmp (sector + 1, "CD001", 5) != 0)
        break;
      iso = TRUE;
      if (sector[0] == 0)
        take_boot_catalogue (disc, sector);
      else if (sector[0] == 1)
        take_primary (disc, sector);
      else if (sector[0] == 2)
        take_supplementary (disc, sector);
    }

  if (disc->udf)
    disc->udf = lodge_disc_udf_open (disc);
  return iso || disc->udf;
}

LodgeDisc *
lodge_disc_open (LodgeImageReader reader, gpointer data, guint64 size, GError **error)
{
  g_autoptr (LodgeDisc) disc = g_new0 (LodgeDisc, 1);
  gboolean found;

  disc->read = reader;
  disc->data = data;
  disc->size = size;
  disc->budget = BUDGET;
  disc->facts.volume_id = g_strdup ("");
  disc->facts.system_id = g_strdup ("");
  disc->facts.publisher_id = g_strdup ("");
  disc->facts.preparer_id = g_strdup ("");
  disc->facts.application_id = g_strdup ("");
  disc->facts.udf_id = g_strdup ("");

  found = read_descriptors (disc);
  if (disc->number != 0)
    {
      g_set_error (error, LODGE_ERROR,
                   disc->number == EACCES || disc->number == EBADF ? LODGE_ERROR_NOT_READABLE : LODGE_ERROR_IO,
                   "reading failed: %s", g_strerror (disc->number));
      return NULL;
    }
  if (!found)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "is not a disc image");
      return NULL;
    }
  if (disc->facts.volume_size > size + TOLERANCE)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_DAMAGED,
                   "is cut off: it has %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes", size,
                   disc->facts.volume_size);
      return NULL;
    }
  if (disc->damage != NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_DAMAGED, "is damaged: %s", disc->damage);
      return NULL;
    }
  return g_steal_pointer (&disc);
}

void
lodge_disc_free (LodgeDisc *disc)
{
  if (disc == NULL)
    return;

  g_free (disc->facts.volume_id);
  g_free (disc->facts.system_id);
  g_free (disc->facts.publisher_id);
  g_free (disc->facts.preparer_id);
  g_free (disc->facts.application_id);
  g_free (disc->facts.udf_id);
  g_free (disc->damage);
  g_free (disc);
}

const LodgeDiscFacts *
lodge_disc_get_facts (LodgeDisc *disc)
{
  return &disc->facts;
}

const char *
lodge_disc_get_damage (LodgeDisc *disc)
{
  return disc->damage;
}

typedef enum { TREE_PRIMARY, TREE_JOLIET, TREE_UDF, N_TREES } Tree;

static gboolean
get_root (LodgeDisc *disc, Tree tree, LodgeDiscNode *node)
{
  if (tree == TREE_UDF)
    return disc->udf && lodge_disc_udf_root (disc, node);
  return lodge_disc_iso_root (disc, tree == TREE_JOLIET ? &disc->joliet : &disc->primary, node);
}

static gboolean
get_child (LodgeDisc *disc, Tree tree, const LodgeDiscNode *folder, const char *name, LodgeDiscNode *child)
{
  if (!folder->folder)
    return FALSE;
  if (tree == TREE_UDF)
    return lodge_disc_udf_child (disc, folder, name, child);
  return lodge_disc_iso_child (disc, folder, tree == TREE_JOLIET, name, child);
}

static gboolean
find (LodgeDisc *disc, const char *path, LodgeDiscNode *node)
{
  g_auto (GStrv) names = g_strsplit (path, "/", LODGE_DISC_DEPTH);

  for (Tree tree = TREE_PRIMARY; tree < N_TREES; tree++)
    {
      guint64 way[LODGE_DISC_DEPTH + 1];
      guint depth = 0;
      gboolean found = get_root (disc, tree, node);

      for (guint i = 0; found && names[i] != NULL; i++)
        {
          LodgeDiscNode child;

          way[depth++] = node->n_pieces > 0 ? node->pieces[0].offset : 0;
          found = get_child (disc, tree, node, names[i], &child);
          for (guint j = 0; found && child.folder && child.n_pieces > 0 && j < depth; j++)
            if (way[j] == child.pieces[0].offset)
              {
                lodge_disc_set_damage (disc, "a folder of it lies in itself");
                found = FALSE;
              }
          if (found)
            *node = child;
        }
      if (found)
        return TRUE;
    }
  return FALSE;
}

gboolean
lodge_disc_has (LodgeDisc *disc, const char *path)
{
  LodgeDiscNode node;

  return find (disc, path, &node);
}

guint8 *
lodge_disc_read (LodgeDisc *disc, const char *path, guint64 offset, gsize max, gsize *length)
{
  LodgeDiscNode node;

  *length = 0;
  if (!find (disc, path, &node) || node.folder)
    return NULL;
  return lodge_disc_read_node (disc, &node, offset, max, length);
}
