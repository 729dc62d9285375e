/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-ppm.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define HEADER_MAX 128u

typedef struct
{
  guint width;
  guint height;
  gsize data; /* offset of the first pixel */
} Header;

static gboolean
refuse (GError **error, const char *what)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "The picture is no binary PPM: %s", what);
  return FALSE;
}

static gboolean
read_at (int fd, guint8 *buffer, gsize length, goffset offset)
{
  while (length > 0)
    {
      ssize_t n = pread (fd, buffer, length, offset);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      buffer += n;
      length -= (gsize) n;
      offset += n;
    }

  return TRUE;
}

/* Skips white space and comments, then reads a number; FALSE when there is none. */
static gboolean
parse_number (const char *text, gsize length, gsize *position, guint *number)
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

  begin = i;
  while (i < length && g_ascii_isdigit (text[i]) && value <= LODGE_PPM_MAX_SIDE)
    value = value * 10 + (guint) (text[i++] - '0');
  *position = i;
  *number = value;
  return i > begin;
}

static gboolean
parse_header (int fd, Header *header, GError **error)
{
  char text[HEADER_MAX] = "";
  ssize_t length = pread (fd, text, sizeof text, 0);
  gsize position = 2;
  guint maximum;

  if (length < 8 || text[0] != 'P' || text[1] != '6')
    return refuse (error, "no P6 at its beginning");
  if (!parse_number (text, (gsize) length, &position, &header->width) ||
      !parse_number (text, (gsize) length, &position, &header->height) ||
      !parse_number (text, (gsize) length, &position, &maximum))
    return refuse (error, "its head is not complete");
  if (header->width == 0 || header->height == 0 || header->width > LODGE_PPM_MAX_SIDE ||
      header->height > LODGE_PPM_MAX_SIDE)
    return refuse (error, "its sides are out of range");
  if (maximum != 255)
    return refuse (error, "its maximum is not 255");
  if (position >= (gsize) length || !g_ascii_isspace (text[position]))
    return refuse (error, "no pixels follow");

  header->data = position + 1;
  return TRUE;
}

GdkTexture *
lodge_ppm_load (int fd, guint max_side, GError **error)
{
  Header header = { 0 };
  g_autofree guint8 *row = NULL;
  g_autofree guint8 *pixels = NULL;
  g_autoptr (GBytes) bytes = NULL;
  guint factor, width, height;

  if (!parse_header (fd, &header, error))
    return NULL;

  factor = (MAX (header.width, header.height) + max_side - 1) / max_side;
  width = MAX (header.width / factor, 1u);
  height = MAX (header.height / factor, 1u);
  row = g_malloc ((gsize) header.width * 3);
  pixels = g_malloc ((gsize) width * height * 3);

  for (guint y = 0; y < height; y++)
    {
      goffset offset = (goffset) header.data + (goffset) y * factor * header.width * 3;
      guint8 *out = pixels + (gsize) y * width * 3;

      if (!read_at (fd, row, (gsize) header.width * 3, offset))
        {
          refuse (error, "it is shorter than its head says");
          return NULL;
        }
      for (guint x = 0; x < width; x++)
        memcpy (out + (gsize) x * 3, row + (gsize) x * factor * 3, 3);
    }

  bytes = g_bytes_new_take (g_steal_pointer (&pixels), (gsize) width * height * 3);
  return gdk_memory_texture_new ((int) width, (int) height, GDK_MEMORY_R8G8B8, bytes, (gsize) width * 3);
}

typedef struct
{
  int fd;
  guint max_side;
} Load;

static void
load_free (gpointer data)
{
  Load *load = data;

  close (load->fd);
  g_free (load);
}

static void
load_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Load *load = task_data;
  GError *error = NULL;
  GdkTexture *texture = lodge_ppm_load (load->fd, load->max_side, &error);

  if (texture != NULL)
    g_task_return_pointer (task, texture, g_object_unref);
  else
    g_task_return_error (task, error);
}

void
lodge_ppm_load_async (int fd, guint max_side, GCancellable *cancellable, GAsyncReadyCallback callback,
                      gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Load *load = g_new0 (Load, 1);

  g_task_set_source_tag (task, lodge_ppm_load_async);
  load->fd = fd;
  load->max_side = max_side;
  g_task_set_task_data (task, load, load_free);
  g_task_run_in_thread (task, load_thread);
}

GdkTexture *
lodge_ppm_load_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
