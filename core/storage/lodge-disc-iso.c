/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Folders of ISO 9660. Names have eight letters and three, in capitals, with a version behind; the true
 * name is in a field of Rock Ridge after it ("NM"), or in the second tree, which is in UCS-2 (Joliet).
 */

#include "config.h"

#include "core/storage/lodge-disc-private.h"

#include <string.h>

#define FOLDER_MAX (256 * 1024)
#define FLAG_FOLDER 2
#define FLAG_GOES_ON 0x80

static gboolean
fill (LodgeDisc *disc, guint32 block, guint32 length, gboolean folder, LodgeDiscNode *node)
{
  guint64 offset = (guint64) block * LODGE_DISC_SECTOR;

  /* An empty file lies nowhere. */
  if (!folder && length == 0)
    {
      memset (node, 0, sizeof *node);
      return TRUE;
    }
  if (block == 0 || offset >= disc->size)
    {
      lodge_disc_set_damage (disc, "a %s of it lies outside of it", folder ? "folder" : "file");
      return FALSE;
    }
  node->folder = folder;
  node->length = length;
  node->n_pieces = 1;
  node->pieces[0].offset = offset;
  node->pieces[0].length = length;
  return TRUE;
}

gboolean
lodge_disc_iso_root (LodgeDisc *disc, const LodgeDiscRoot *root, LodgeDiscNode *folder)
{
  return root->block != 0 && fill (disc, root->block, root->length, TRUE, folder);
}

/* "README.TXT;1", "VMLINUZ.;1" */
static gboolean
is_short_name (const guint8 *id, gsize length, const char *name)
{
  gsize n = 0;

  while (n < length && id[n] != ';')
    n++;
  if (n > 0 && id[n - 1] == '.')
    n--;
  return n == strlen (name) && g_ascii_strncasecmp ((const char *) id, name, n) == 0;
}

static gboolean
is_wide_name (const guint8 *id, gsize length, const char *name)
{
  gsize n = 0;

  for (; 2 * n + 1 < length && name[n] != '\0'; n++)
    if (id[2 * n] != 0 || g_ascii_tolower ((char) id[2 * n + 1]) != g_ascii_tolower (name[n]))
      return FALSE;
  /* The version, if it is there at all, is no part of the name. */
  return name[n] == '\0' && (2 * n >= length || (id[2 * n] == 0 && 2 * n + 1 < length && id[2 * n + 1] == ';'));
}

/* A name may come in several fields; those that go on elsewhere on the disc are longer than any that is asked for. */
static gboolean
is_rock_ridge_name (const guint8 *fields, gsize length, const char *name)
{
  char whole[256];
  gsize have = 0;

  for (gsize at = 0; at + 4 <= length; at += fields[at + 2])
    {
      gsize size = fields[at + 2];

      if (size < 4 || at + size > length)
        break;
      if (fields[at] != 'N' || fields[at + 1] != 'M' || size < 5)
        continue;
      if (have + (size - 5) >= sizeof whole)
        return FALSE;
      memcpy (whole + have, fields + at + 5, size - 5);
      have += size - 5;
    }
  return have == strlen (name) && have > 0 && g_ascii_strncasecmp (whole, name, have) == 0;
}

static gboolean
is_named (const guint8 *record, gsize size, gboolean joliet, const char *name)
{
  gsize n_id = record[32];
  gsize fields = 33 + n_id + (n_id % 2 == 0 ? 1 : 0);

  if (33 + n_id > size || (n_id == 1 && record[33] <= 1))
    return FALSE;
  if (joliet)
    return is_wide_name (record + 33, n_id, name);
  return is_short_name (record + 33, n_id, name)
         || (fields < size && is_rock_ridge_name (record + fields, size - fields, name));
}

/* A file of more than 4 GiB has several records of one name; the pieces after the first are found by that. */
static void
add_piece (LodgeDiscNode *node, const guint8 *record)
{
  guint32 length = lodge_disc_le32 (record + 10);

  if (node->n_pieces == LODGE_DISC_PIECES)
    return;
  node->pieces[node->n_pieces].offset = (guint64) lodge_disc_le32 (record + 2) * LODGE_DISC_SECTOR;
  node->pieces[node->n_pieces++].length = length;
  node->length += length;
}

gboolean
lodge_disc_iso_child (LodgeDisc *disc, const LodgeDiscNode *folder, gboolean joliet, const char *name,
                      LodgeDiscNode *child)
{
  gsize length;
  g_autofree guint8 *bytes = lodge_disc_read_node (disc, folder, 0, FOLDER_MAX, &length);
  gboolean goes_on = FALSE;

  for (gsize at = 0; at < length;)
    {
      const guint8 *record = bytes + at;
      gsize size = record[0];

      /* Records do not cross sectors; what is left of one is filled with zeroes. */
      if (size == 0)
        {
          at = (at / LODGE_DISC_SECTOR + 1) * LODGE_DISC_SECTOR;
          continue;
        }
      if (size < 34 || at + size > length)
        {
          lodge_disc_set_damage (disc, "a folder of it has a broken entry");
          break;
        }
      if (goes_on)
        {
          add_piece (child, record);
          goes_on = (record[25] & FLAG_GOES_ON) != 0;
          if (!goes_on)
            return TRUE;
        }
      else if (is_named (record, size, joliet, name))
        {
          if (!fill (disc, lodge_disc_le32 (record + 2) + record[1], lodge_disc_le32 (record + 10),
                     (record[25] & FLAG_FOLDER) != 0, child))
            return FALSE;
          goes_on = !child->folder && (record[25] & FLAG_GOES_ON) != 0;
          if (!goes_on)
            return TRUE;
        }
      at += size;
    }
  return goes_on;
}
