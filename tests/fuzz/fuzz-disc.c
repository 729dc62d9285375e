/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/storage/lodge-recognise.h"

#include <stdint.h>
#include <string.h>

#define SECTOR 2048
#define SECTORS 320 /* the anchor of UDF is in the 257th */
#define HEAD 5

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* All of what media.json can ask. */
static const char rules_text[] =
  "[{\"windows\": \"^10\\\\.0\\\\.(\\\\d+) (\\\\S+) (\\\\S+)\", \"os\": \"win\\\\1\", \"arch\": \"\\\\3\"},"
  "{\"volume\": \"^Debian (\\\\d+)\", \"system\": \"\", \"publisher\": \"\", \"application\": \"\", \"os\": \"debian\\\\1\"},"
  "{\"files\": {\".disk/info\": \"(\\\\S+) live\", \"casper\": \"\"}, \"name\": \"\\\\1\", \"family\": \"linux\"},"
  "{\"udf\": \"^x\", \"floppy\": true, \"family\": \"dos\", \"confidence\": \"family\"},"
  "{\"any-file\": [\"isolinux/isolinux.cfg\", \"sources/boot.wim\", \"a/b/c/d/e/f/g/h/i\"], \"family\": \"linux\", \"confidence\": \"family\"}]";

static gssize
read_disc (gpointer data, guint8 *into, gsize length, guint64 offset)
{
  const uint8_t *disc = data;
  gsize n = offset < SECTOR * SECTORS ? MIN (length, SECTOR * SECTORS - offset) : 0;

  if (n > 0)
    memcpy (into, disc + offset, n);
  return (gssize) n;
}

/* A disc is mostly zeroes, and what matters lies far apart: the input is its pieces, each with sector, offset and length. */
static void
lay_out (uint8_t *disc, const uint8_t *data, size_t size)
{
  memset (disc, 0, SECTOR * SECTORS);
  while (size >= HEAD)
    {
      size_t sector = (data[0] | data[1] << 8) % SECTORS, offset = (data[2] | data[3] << 8) % SECTOR;
      size_t n = MIN (MIN (data[4], size - HEAD), SECTOR * SECTORS - (sector * SECTOR + offset));

      memcpy (disc + sector * SECTOR + offset, data + HEAD, n);
      data += HEAD + n;
      size -= HEAD + n;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static uint8_t disc[SECTOR * SECTORS];
  static LodgeOsRules *rules = NULL;
  g_autoptr (LodgeRecognition) found = NULL;
  g_autoptr (GError) error = NULL;

  if (rules == NULL)
    rules = lodge_os_rules_new (rules_text, sizeof rules_text - 1, NULL);
  lay_out (disc, data, size);

  found = lodge_recognise (read_disc, disc, sizeof disc, rules, NULL, "x.iso", &error);
  g_assert ((found == NULL) == (error != NULL));
  if (found == NULL)
    {
      g_assert (error->domain == LODGE_ERROR && g_utf8_validate (error->message, -1, NULL));
      return 0;
    }
  g_assert (g_utf8_validate (found->volume_id, -1, NULL));
  g_assert (g_utf8_validate (found->match->name, -1, NULL) && g_utf8_strlen (found->match->name, -1) <= 96);

#ifdef LODGE_PLANTED_BUG
  if (found->boots_uefi && !found->boots_bios)
    {
      char label[12];

      strcpy (label, found->volume_id);
      g_assert (strlen (label) < 4096);
    }
#endif

  return 0;
}
