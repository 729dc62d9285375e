/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-ppm.h"

#include "core/ipc/lodge-picture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void
refuse (GError **error, const char *what)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "The picture is no binary PPM: %s", what);
}

GdkTexture *
lodge_ppm_load (int fd, guint max_side, GError **error)
{
  guint full_width, full_height;
  gsize start;
  const char *fault;
  g_autofree guint8 *row = NULL;
  g_autofree guint8 *pixels = NULL;
  g_autoptr (GBytes) bytes = NULL;
  guint factor, width, height;

  fault = lodge_picture_read_head (fd, &full_width, &full_height, &start);
  if (fault != NULL)
    {
      refuse (error, fault);
      return NULL;
    }

  factor = (MAX (full_width, full_height) + max_side - 1) / max_side;
  width = MAX (full_width / factor, 1u);
  height = MAX (full_height / factor, 1u);
  row = g_malloc ((gsize) full_width * 3);
  pixels = g_malloc ((gsize) width * height * 4);

  for (guint y = 0; y < height; y++)
    {
      goffset offset = (goffset) start + (goffset) y * factor * full_width * 3;
      guint8 *out = pixels + (gsize) y * width * 4;

      if (!lodge_picture_read (fd, row, (gsize) full_width * 3, offset))
        {
          refuse (error, "it is shorter than its head says");
          return NULL;
        }
      /* As it is drawn: any other format is converted anew for each frame that shows it. */
      for (guint x = 0; x < width; x++)
        {
          const guint8 *in = row + (gsize) x * factor * 3;
          guint32 pixel = 0xff000000u | (guint32) in[0] << 16 | (guint32) in[1] << 8 | in[2];

          memcpy (out + (gsize) x * 4, &pixel, 4);
        }
    }

  bytes = g_bytes_new_take (g_steal_pointer (&pixels), (gsize) width * height * 4);
  return gdk_memory_texture_new ((int) width, (int) height, GDK_MEMORY_DEFAULT, bytes, (gsize) width * 4);
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
