/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Windows since Vista is installed from an image file (WIM, or ESD, which is packed tighter), whose header leads to
 * a description in XML, UTF-16 and never packed. The labels of the discs do not tell 10 from 11, nor a server of 2019
 * from one of 2025; the build in the description does.
 */

#include "config.h"

#include "core/storage/lodge-disc-private.h"

#include <string.h>

#define HEADER 208
#define XML_ENTRY 72 /* in the header: seven bytes of size and one of flags, offset, size when unpacked */
#define XML_MAX (512 * 1024)

/* Best first: boot.wim has the small system that installs, of the same build but of no kind. */
static const char *const places[] = {
  "sources/install.wim", "sources/install.esd", "sources/install.swm",
  "x64/sources/install.wim", "x64/sources/install.esd", "sources/boot.wim",
};

/* What is between the first <@name> and the next tag, in a buffer of the caller's. */
static const char *
value_of (const char *xml, const char *name, char *into, gsize size)
{
  g_autofree char *tag = g_strdup_printf ("<%s>", name);
  const char *begin = strstr (xml, tag);
  gsize n;

  if (begin == NULL)
    return NULL;
  begin += strlen (tag);
  n = strcspn (begin, "<");
  if (n >= size)
    return NULL;
  memcpy (into, begin, n);
  into[n] = '\0';
  return into;
}

static gboolean
is_number (const char *text)
{
  return text != NULL && *text != '\0' && strlen (text) <= 6 && strspn (text, "0123456789") == strlen (text);
}

static const char *
arch_of (const char *number)
{
  if (g_strcmp0 (number, "0") == 0)
    return "i686";
  if (g_strcmp0 (number, "9") == 0)
    return "x86_64";
  if (g_strcmp0 (number, "12") == 0)
    return "aarch64";
  if (g_strcmp0 (number, "6") == 0)
    return "ia64";
  return "unknown";
}

static const char *
kind_of (const char *type)
{
  if (type == NULL || g_str_equal (type, "WindowsPE"))
    return "setup";
  return g_str_has_prefix (type, "Server") || g_str_has_prefix (type, "Nano") ? "server" : "client";
}

static char *
describe (const char *xml)
{
  char major[16], minor[16], build[16], arch[16], type[64];

  if (!is_number (value_of (xml, "MAJOR", major, sizeof major))
      || !is_number (value_of (xml, "MINOR", minor, sizeof minor))
      || !is_number (value_of (xml, "BUILD", build, sizeof build)))
    return NULL;
  return g_strdup_printf ("%s.%s.%s %s %s", major, minor, build,
                          kind_of (value_of (xml, "INSTALLATIONTYPE", type, sizeof type)),
                          arch_of (value_of (xml, "ARCH", arch, sizeof arch)));
}

/* ASCII is all that is looked for; the rest only has to be no tag. */
static char *
narrow (const guint8 *bytes, gsize length)
{
  char *text = g_malloc (length / 2 + 1);
  gsize n = 0;

  for (gsize at = 0; at + 1 < length; at += 2)
    text[n++] = bytes[at + 1] == 0 && bytes[at] != 0 && bytes[at] < 0x80 ? (char) bytes[at] : '?';
  text[n] = '\0';
  return text;
}

static char *
describe_file (LodgeDisc *disc, const char *path)
{
  g_autofree guint8 *header = NULL;
  g_autofree guint8 *bytes = NULL;
  g_autofree char *xml = NULL;
  gsize length;

  header = lodge_disc_read (disc, path, 0, HEADER, &length);
  if (header == NULL || length < HEADER || memcmp (header, "MSWIM\0\0", 8) != 0)
    return NULL;
  bytes = lodge_disc_read (disc, path, lodge_disc_le64 (header + XML_ENTRY + 8),
                           MIN (lodge_disc_le64 (header + XML_ENTRY) & 0xffffffffffffff, XML_MAX), &length);
  if (bytes == NULL)
    return NULL;
  xml = narrow (bytes, length);
  return describe (xml);
}

char *
lodge_disc_describe_windows (LodgeDisc *disc)
{
  for (gsize i = 0; i < G_N_ELEMENTS (places); i++)
    {
      char *text = describe_file (disc, places[i]);

      if (text != NULL)
        return text;
    }
  return NULL;
}
