/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/qemu/lodge-sandbox.h"

G_BEGIN_DECLS

/*
 * qemu-img, run to its end. Every path is absolute, so that it cannot be taken for a protocol ("json:", "nbd:"). With a
 * sandbox (nullable: without) the tool reaches nothing but the images that are named. Formats are always given: an
 * image whose format is guessed can pretend to be another one and name files of the host.
 * @below: (nullable): the files that an image reads on in, which the tool may then read.
 *
 * Errors of all: NO_QEMU (no qemu-img), NO_SPACE, IN_USE, WRONG_FORMAT, NOT_FOUND, NOT_READABLE, IO (message is
 * what qemu-img said), G_IO_ERROR_CANCELLED (the tool has ended by then; what it wrote is the caller's to remove).
 */

typedef struct
{
  char    *format;
  guint64  virtual_size;
  guint64  actual_size;
  char    *backing_file;   /* (nullable) as it is written in the image */
  char    *backing_format; /* (nullable) */
  char    *data_file;      /* (nullable) qcow2 with an external data file */
  gboolean dirty;          /* was not closed in order */
  gboolean corrupt;
  gboolean encrypted;
} LodgeImageInfo;

void            lodge_image_info_free (LodgeImageInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeImageInfo, lodge_image_info_free)

typedef struct
{
  guint64 corruptions; /* left */
  guint64 leaks;       /* left: space, not data */
  guint64 fixed;
} LodgeImageCheck;

/** LodgeProgressFunc: @fraction from 0 to 1, never less than before */
typedef void (*LodgeProgressFunc) (double fraction, gpointer data);

/** lodge_qemu_img_find: (transfer full) (nullable): $LODGE_QEMU_DIR first, then the PATH */
char           *lodge_qemu_img_find          (void);

/**
 * lodge_qemu_img_create_async: a new image of @size bytes; also EXISTS.
 * @backing: (nullable): its parent, as it is to be written in the image: relative to the image; not opened
 * @backing_format: (nullable): with @backing
 */
void            lodge_qemu_img_create_async  (LodgeSandbox *sandbox, const char *path, const char *format, guint64 size,
                                              const char *backing, const char *backing_format,
                                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean        lodge_qemu_img_create_finish (GAsyncResult *result, GError **error);

/** lodge_qemu_img_info_async: reads the header; also of an image in use. @format: (nullable): only to recognise what was given, and confined */
void            lodge_qemu_img_info_async    (LodgeSandbox *sandbox, const char *path, const char *format,
                                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
LodgeImageInfo *lodge_qemu_img_info_finish   (GAsyncResult *result, GError **error);

/** lodge_qemu_img_convert_async: copies the contents into a new image; also EXISTS. @progress: (nullable) */
void            lodge_qemu_img_convert_async (LodgeSandbox *sandbox, const char *source, const char *source_format,
                                              const char *const *below, const char *target, const char *target_format,
                                              LodgeProgressFunc progress, gpointer progress_data,
                                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean        lodge_qemu_img_convert_finish (GAsyncResult *result, GError **error);

/** lodge_qemu_img_resize_async: grows the image; one that would shrink is refused with OUT_OF_RANGE */
void            lodge_qemu_img_resize_async  (LodgeSandbox *sandbox, const char *path, const char *format, guint64 size,
                                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean        lodge_qemu_img_resize_finish (GAsyncResult *result, GError **error);

/**
 * lodge_qemu_img_rebase_async: gives a qcow2 image another parent, copying into it what it read in those between. The header is
 * changed last: at every moment the image reads the same. What is interrupted may leave space that nobody uses.
 * @backing: as it is to be written in the image, relative to it; one of @below; "" for none
 * @backing_format: (nullable): with a @backing
 * @progress: (nullable)
 */
void            lodge_qemu_img_rebase_async  (LodgeSandbox *sandbox, const char *path, const char *const *below,
                                              const char *backing, const char *backing_format,
                                              LodgeProgressFunc progress, gpointer progress_data,
                                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean        lodge_qemu_img_rebase_finish (GAsyncResult *result, GError **error);

/**
 * lodge_qemu_img_commit_async: writes what a qcow2 image holds into the first of @below, which reads as the image then; the image
 * stays as it is, and reads the same at every moment. @progress: (nullable)
 */
void            lodge_qemu_img_commit_async  (LodgeSandbox *sandbox, const char *path, const char *const *below,
                                              LodgeProgressFunc progress, gpointer progress_data,
                                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean        lodge_qemu_img_commit_finish (GAsyncResult *result, GError **error);

/** lodge_qemu_img_measure_async: what the contents need in a new image, whatever its format. @bytes: at most a little more than that */
void            lodge_qemu_img_measure_async (LodgeSandbox *sandbox, const char *path, const char *format,
                                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean        lodge_qemu_img_measure_finish (GAsyncResult *result, guint64 *bytes, GError **error);

typedef enum
{
  LODGE_IMAGE_REPAIR_NONE,
  LODGE_IMAGE_REPAIR_LEAKS, /* touches no data */
  LODGE_IMAGE_REPAIR_ALL,   /* may lose data, so on a copy */
} LodgeImageRepair;

/** lodge_qemu_img_check_async: A format without a check is a good one. */
void            lodge_qemu_img_check_async   (LodgeSandbox *sandbox, const char *path, const char *format, const char *const *below, LodgeImageRepair repair,
                                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean        lodge_qemu_img_check_finish  (GAsyncResult *result, LodgeImageCheck *check, GError **error);

G_END_DECLS
