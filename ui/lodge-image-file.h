/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * LodgeImageFile: a file that a person wants to make a machine from, opened and recognised by its
 * first bytes.
 */
typedef struct
{
  char       *display_name; /* file name for people */
  char       *suggestion;   /* a name for the machine: the disc's label, else the file's name */
  const char *role;         /* "iso" or "disk", as CreateMachine takes it */
  const char *format;       /* "ISO", "qcow2", ...: for people */
  guint64     size;
  int         fd;           /* open for reading */
} LodgeImageFile;

void            lodge_image_file_free        (LodgeImageFile *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeImageFile, lodge_image_file_free)

/**
 * lodge_image_file_open_async:
 *
 * Only the head of the file is looked at, and only compared with known signatures. Errors:
 * LODGE_ERROR_WRONG_FORMAT with a translated sentence that says what the file is instead;
 * LODGE_ERROR_NOT_SUPPORTED for files that are not local; G_IO_ERROR
 */
void            lodge_image_file_open_async  (GFile *file, GCancellable *cancellable, GAsyncReadyCallback callback,
                                              gpointer user_data);
LodgeImageFile *lodge_image_file_open_finish (GAsyncResult *result, GError **error);

/**
 * lodge_image_file_recognise:
 * @head: the first bytes, untrusted
 * @role: (out): static
 * @label: (out) (nullable) (transfer full): the label of a disc
 *
 * Returns: (nullable): the format's name, static; %NULL when it is no image that is known
 */
const char     *lodge_image_file_recognise   (const guint8 *head, gsize length, const char **role, char **label);

G_END_DECLS
