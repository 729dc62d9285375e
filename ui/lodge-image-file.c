/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-image-file.h"

#include <fcntl.h>
#include <gio/gfiledescriptorbased.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <unistd.h>

#include "core/ipc/lodge-error.h"

#define HEAD_BYTES (36u * 1024)

/* ISO 9660: the first volume descriptor is in sector 16. */
#define ISO_DESCRIPTOR (16u * 2048)
#define ISO_LABEL (ISO_DESCRIPTOR + 40)
#define ISO_LABEL_LENGTH 32u

static const struct
{
  gsize offset;
  const char *bytes;
  gsize length;
  const char *role;
  const char *format;
} signatures[] = {
  { ISO_DESCRIPTOR + 1, "CD001", 5, "iso", "ISO" },
  { ISO_DESCRIPTOR + 1, "BEA01", 5, "iso", "UDF" },
  { 0, "QFI\xfb", 4, "disk", "qcow2" },
  { 0, "KDMV", 4, "disk", "VMDK" },
  { 0, "# Disk DescriptorFile", 21, "disk", "VMDK" },
  { 0x40, "\x7f\x10\xda\xbe", 4, "disk", "VDI" },
  { 0, "vhdxfile", 8, "disk", "VHDX" },
  { 0, "conectix", 8, "disk", "VHD" },
  { 510, "\x55\xaa", 2, "disk", "raw" },
};

void
lodge_image_file_free (LodgeImageFile *image)
{
  if (image == NULL)
    return;

  g_free (image->display_name);
  g_free (image->suggestion);
  if (image->fd >= 0)
    close (image->fd);
  g_free (image);
}

static char *
read_label (const guint8 *head, gsize length)
{
  g_autofree char *label = NULL;

  if (length < ISO_LABEL + ISO_LABEL_LENGTH)
    return NULL;

  label = g_strndup ((const char *) head + ISO_LABEL, ISO_LABEL_LENGTH);
  for (char *c = label; *c != '\0'; c++)
    {
      if (*c == '_' || *c == '/')
        *c = ' ';
      else if (!g_ascii_isprint (*c))
        return NULL;
    }
  g_strstrip (label);
  return *label != '\0' ? g_steal_pointer (&label) : NULL;
}

const char *
lodge_image_file_recognise (const guint8 *head, gsize length, const char **role, char **label)
{
  *label = NULL;
  for (guint i = 0; i < G_N_ELEMENTS (signatures); i++)
    {
      if (signatures[i].offset + signatures[i].length > length ||
          memcmp (head + signatures[i].offset, signatures[i].bytes, signatures[i].length) != 0)
        continue;

      *role = signatures[i].role;
      if (g_str_equal (*role, "iso"))
        *label = read_label (head, length);
      return signatures[i].format;
    }

  *role = NULL;
  return NULL;
}

static char *
describe_stranger (const guint8 *head, gsize length)
{
  gsize sample = MIN (length, 512);

  if (length == 0)
    return g_strdup (_("This file is empty, not a disc image."));
  if (memchr (head, '\0', sample) == NULL && g_utf8_validate_len ((const char *) head, sample, NULL))
    return g_strdup (_("This is a text file, not a disc image."));
  if (length >= 4 && memcmp (head, "PK\x03\x04", 4) == 0)
    return g_strdup (_("This is a ZIP archive. Extract the image from it first."));
  if (length >= 2 && memcmp (head, "\x1f\x8b", 2) == 0)
    return g_strdup (_("This file is compressed. Extract the image from it first."));
  if (length >= 6 && memcmp (head, "\xfd" "7zXZ\0", 6) == 0)
    return g_strdup (_("This file is compressed. Extract the image from it first."));
  return g_strdup (_("This is not a disc or disk image that Lodge knows."));
}

static char *
suggestion_from_name (const char *display_name)
{
  char *name = g_strdup (display_name);
  char *dot = strrchr (name, '.');

  if (dot != NULL && dot != name)
    *dot = '\0';
  return name;
}

static void
read_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  LodgeImageFile **place = g_task_get_task_data (task);
  LodgeImageFile *image = *place;
  GError *error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
  g_autofree char *label = NULL;
  const guint8 *head;
  gsize length;

  if (bytes == NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  head = g_bytes_get_data (bytes, &length);
  image->format = lodge_image_file_recognise (head, length, &image->role, &label);
  if (image->format == NULL)
    {
      g_autofree char *sentence = describe_stranger (head, length);

      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s", sentence);
      return;
    }

  image->suggestion = label != NULL ? g_steal_pointer (&label) : suggestion_from_name (image->display_name);
  image->fd = fcntl (g_file_descriptor_based_get_fd (G_FILE_DESCRIPTOR_BASED (source)), F_DUPFD_CLOEXEC, 3);
  if (image->fd < 0)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IO, "Too many open files");
      return;
    }

  g_task_return_pointer (task, g_steal_pointer (place), (GDestroyNotify) lodge_image_file_free);
}

static void
info_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  LodgeImageFile **place = g_task_get_task_data (task);
  GInputStream *stream = G_INPUT_STREAM (source);
  g_autoptr (GFileInfo) info = g_file_input_stream_query_info_finish (G_FILE_INPUT_STREAM (source), result, NULL);

  if (info != NULL)
    (*place)->size = (guint64) g_file_info_get_size (info);
  g_input_stream_read_bytes_async (stream, HEAD_BYTES, G_PRIORITY_DEFAULT, g_task_get_cancellable (task), read_cb,
                                   g_object_ref (task));
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (GFileInputStream) stream = g_file_read_finish (G_FILE (source), result, &error);

  if (stream == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  if (!G_IS_FILE_DESCRIPTOR_BASED (stream))
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "%s",
                               _("Only files on this computer can be used. Copy the image here first."));
      return;
    }

  g_file_input_stream_query_info_async (stream, G_FILE_ATTRIBUTE_STANDARD_SIZE, G_PRIORITY_DEFAULT,
                                        g_task_get_cancellable (task), info_cb, g_object_ref (task));
}

/* A task that fails still owns its image; one that succeeds gave it away. */
static void
free_place (gpointer data)
{
  LodgeImageFile **place = data;

  lodge_image_file_free (*place);
  g_free (place);
}

void
lodge_image_file_open_async (GFile *file, GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  LodgeImageFile **place = g_new0 (LodgeImageFile *, 1);
  LodgeImageFile *image = *place = g_new0 (LodgeImageFile, 1);
  g_autofree char *base = g_file_get_basename (file);

  g_task_set_source_tag (task, lodge_image_file_open_async);
  image->fd = -1;
  image->display_name = g_filename_display_name (base);
  g_task_set_task_data (task, place, free_place);
  g_file_read_async (file, G_PRIORITY_DEFAULT, cancellable, opened_cb, task);
}

LodgeImageFile *
lodge_image_file_open_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
