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

/* Each pixel of the sums is one of @columns of the row. */
static void
add_row (guint32 *sums, const guint8 *row, guint width, guint columns)
{
  for (guint x = 0; x < width; x++)
    for (guint i = 0; i < columns; i++, row += 3)
      {
        sums[x * 3] += row[0];
        sums[x * 3 + 1] += row[1];
        sums[x * 3 + 2] += row[2];
      }
}

GdkTexture *
lodge_ppm_load (int fd, guint max_side, GError **error)
{
  guint full_width, full_height;
  gsize start;
  const char *fault;
  g_autofree guint8 *row = NULL;
  g_autofree guint32 *sums = NULL;
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
  sums = g_new (guint32, (gsize) width * 3);
  pixels = g_malloc ((gsize) width * height * 3);

  for (guint y = 0; y < height; y++)
    {
      guint8 *out = pixels + (gsize) y * width * 3;
      guint rows = MIN (factor, full_height - y * factor);

      memset (sums, 0, (gsize) width * 3 * sizeof *sums);
      for (guint i = 0; i < rows; i++)
        {
          goffset offset = (goffset) start + ((goffset) y * factor + i) * full_width * 3;

          if (!lodge_picture_read (fd, row, (gsize) full_width * 3, offset))
            {
              refuse (error, "it is shorter than its head says");
              return NULL;
            }
          add_row (sums, row, width, MIN (factor, full_width));
        }
      for (gsize i = 0; i < (gsize) width * 3; i++)
        out[i] = (guint8) (sums[i] / (rows * MIN (factor, full_width)));
    }

  bytes = g_bytes_new_take (g_steal_pointer (&pixels), (gsize) width * height * 3);
  /* Without GL a texture is converted for each frame that shows it, by GTK 4.8 even where it has the format already, and
   * then by way of floats; of those that cairo does not draw itself this is the quickest by far. */
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
