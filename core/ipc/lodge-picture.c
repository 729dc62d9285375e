/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/ipc/lodge-picture.h"

#include <errno.h>
#include <unistd.h>

#define MAX_VALUE 255u

/* Skips white space and comments, then reads a number; FALSE when there is none, or when it is larger than @most. */
static gboolean
parse_number (const char *text, gsize length, gsize *position, guint most, guint *number)
{
  gsize i = *position;
  guint value = 0;
  gsize begin;

  while (i < length && (g_ascii_isspace (text[i]) || text[i] == '#'))
    {
      if (text[i] == '#')
        while (i < length && text[i] != '\n')
          i++;
      else
        i++;
    }

  for (begin = i; i < length && g_ascii_isdigit (text[i]); i++)
    {
      value = value * 10 + (guint) (text[i] - '0');
      if (value > most)
        return FALSE;
    }
  *position = i;
  *number = value;
  return i > begin && value > 0;
}

const char *
lodge_picture_parse_head (const char *text, gsize length, guint *width, guint *height, gsize *start)
{
  gsize position = 2;
  guint maximum;

  if (length < 2 || text[0] != 'P' || text[1] != '6')
    return "no P6 at its beginning";
  if (!parse_number (text, length, &position, LODGE_PICTURE_MAX_SIDE, width)
      || !parse_number (text, length, &position, LODGE_PICTURE_MAX_SIDE, height))
    return "its sides are not there or out of range";
  if (!parse_number (text, length, &position, MAX_VALUE, &maximum) || maximum != MAX_VALUE)
    return "its maximum is not 255";
  /* Exactly one white space ends the head; the next byte may be a pixel that looks like one. */
  if (position >= length || !g_ascii_isspace (text[position]))
    return "no pixels follow";

  *start = position + 1;
  return NULL;
}

gboolean
lodge_picture_read (int fd, gpointer buffer, gsize length, goffset offset)
{
  guint8 *into = buffer;

  while (length > 0)
    {
      gssize n = pread (fd, into, length, offset);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      into += n;
      length -= (gsize) n;
      offset += n;
    }
  return TRUE;
}

const char *
lodge_picture_read_head (int fd, guint *width, guint *height, gsize *start)
{
  char head[LODGE_PICTURE_HEAD_MAX];
  gssize length;

  do
    length = pread (fd, head, sizeof head, 0);
  while (length < 0 && errno == EINTR);
  return lodge_picture_parse_head (head, MAX (length, 0), width, height, start);
}
