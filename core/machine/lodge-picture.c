/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What a machine's screen showed, small, beside its saved memory. Each pixel is the mean of those that it stands for:
 * text stays readable as grey, where taking every n-th pixel would drop strokes. */

#include "core/machine/lodge-picture.h"

#include "core/config/lodge-atomic-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SIDE 16384
#define MAX_HEAD 32
#define MAX_FILE (LODGE_PICTURE_SIDE * LODGE_PICTURE_SIDE * 3 + MAX_HEAD)

/* The header's length, 0 when it is none or the bytes do not fit it. */
static gsize
parse_head (const char *ppm, gsize length, guint *width, guint *height)
{
  g_autofree char *head = g_strndup (ppm, MIN (length, MAX_HEAD));
  guint most = 0;
  int used = 0;

  if (sscanf (head, "P6 %5u %5u %3u%n", width, height, &most, &used) != 3 || most != 255 || *width == 0 || *height == 0
      || *width > MAX_SIDE || *height > MAX_SIDE || length < (gsize) used + 1 + (gsize) *width * *height * 3)
    return 0;
  return (gsize) used + 1;
}

static void
mean (const guint8 *from, gsize row, guint x0, guint x1, guint y0, guint y1, guint8 *into)
{
  guint64 sums[3] = { 0 };
  guint n = (x1 - x0) * (y1 - y0);

  for (guint y = y0; y < y1; y++)
    for (guint x = x0; x < x1; x++)
      for (guint c = 0; c < 3; c++)
        sums[c] += from[y * row + x * 3 + c];
  for (guint c = 0; c < 3; c++)
    into[c] = (guint8) (sums[c] / n);
}

char *
lodge_picture_shrink (const char *ppm, gsize length, gsize *shrunk_length)
{
  guint width = 0, height = 0, to_width, to_height;
  gsize head = parse_head (ppm, length, &width, &height);
  guint side = MAX (width, height);
  char *shrunk;
  int used;

  if (head == 0)
    return NULL;
  to_width = side <= LODGE_PICTURE_SIDE ? width : MAX (1, width * LODGE_PICTURE_SIDE / side);
  to_height = side <= LODGE_PICTURE_SIDE ? height : MAX (1, height * LODGE_PICTURE_SIDE / side);
  shrunk = g_malloc (MAX_HEAD + (gsize) to_width * to_height * 3);
  used = g_snprintf (shrunk, MAX_HEAD, "P6\n%u %u\n255\n", to_width, to_height);
  for (guint y = 0; y < to_height; y++)
    for (guint x = 0; x < to_width; x++)
      mean ((const guint8 *) ppm + head, (gsize) width * 3, x * width / to_width, MAX (x * width / to_width + 1, (x + 1) * width / to_width),
            y * height / to_height, MAX (y * height / to_height + 1, (y + 1) * height / to_height),
            (guint8 *) shrunk + used + ((gsize) y * to_width + x) * 3);
  *shrunk_length = (gsize) used + (gsize) to_width * to_height * 3;
  return shrunk;
}

gboolean
lodge_picture_keep (int fd, const char *path)
{
  g_autofree char *shrunk = NULL;
  struct stat st;
  gsize length;
  void *map;

  /* Sealed, so it cannot become shorter than it is now. */
  if (fstat (fd, &st) != 0 || st.st_size <= 0)
    return FALSE;
  map = mmap (NULL, (gsize) st.st_size, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED)
    return FALSE;
  shrunk = lodge_picture_shrink (map, (gsize) st.st_size, &length);
  munmap (map, (gsize) st.st_size);
  return shrunk != NULL && lodge_atomic_file_write (path, shrunk, length, NULL);
}

int
lodge_picture_open (const char *path, GError **error)
{
  g_autofree char *ppm = NULL;
  guint width, height;
  gsize length;
  int fd;

  ppm = lodge_file_read (path, MAX_FILE, &length, error);
  if (ppm == NULL)
    return -1;
  if (parse_head (ppm, length, &width, &height) == 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s is no picture", path);
      return -1;
    }
  fd = memfd_create ("lodge-picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0 || write (fd, ppm, length) != (gssize) length
      || fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
    {
      lodge_error_set_errno (error, errno, "reading", path);
      if (fd >= 0)
        close (fd);
      return -1;
    }
  return fd;
}
