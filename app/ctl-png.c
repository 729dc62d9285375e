/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-png.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <png.h>
#include <setjmp.h>
#include <string.h>
#include <unistd.h>

#include "core/ipc/lodge-error.h"
#include "core/ipc/lodge-picture.h"

/* ---- Files ---- */

static void
set_errno_error (GError **error, int saved, const char *path)
{
  int code = LODGE_ERROR_IO;

  if (saved == ENOENT || saved == ENOTDIR)
    code = LODGE_ERROR_NOT_FOUND;
  else if (saved == EACCES || saved == EPERM)
    code = LODGE_ERROR_NOT_READABLE;
  else if (saved == ENOSPC || saved == EDQUOT || saved == EFBIG)
    code = LODGE_ERROR_NO_SPACE;
  g_set_error (error, LODGE_ERROR, code, "%s: %s", path, g_strerror (saved));
}

static void
sync_folder (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd >= 0)
    {
      fsync (fd);
      close (fd);
    }
}

gboolean
ctl_write_file (const char *path, CtlFileWriter writer, gpointer data, GError **error)
{
  g_autofree char *temporary = g_strconcat (path, ".XXXXXX", NULL);
  int fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC, 0644);
  FILE *file;
  gboolean ok;
  int saved;

  if (fd < 0)
    {
      set_errno_error (error, errno, path);
      return FALSE;
    }

  /* g_mkstemp_full() obeys the umask, as a program that makes a new file should. */
  file = fdopen (fd, "wb");
  ok = writer (file, data, error);
  if (ok && (fflush (file) != 0 || fsync (fd) != 0))
    {
      set_errno_error (error, errno, path);
      ok = FALSE;
    }
  saved = fclose (file) != 0 ? errno : 0;
  if (ok && saved != 0)
    {
      set_errno_error (error, saved, path);
      ok = FALSE;
    }
  if (ok && g_rename (temporary, path) != 0)
    {
      set_errno_error (error, errno, path);
      ok = FALSE;
    }
  if (!ok)
    g_unlink (temporary);
  else
    sync_folder (path);
  return ok;
}

/* ---- PNG ---- */

static void
png_error_cb (png_structp png, png_const_charp message)
{
  /* Only writing can fail here; the reason is in the FILE. */
  longjmp (png_jmpbuf (png), 1);
}

static void
png_warning_cb (png_structp png, png_const_charp message)
{
}

/* Apart from its caller, so that nothing which longjmp() could clobber is read after it. */
static gboolean
write_rows (png_structp png, png_infop info, FILE *out, int fd, goffset offset,
            guint width, guint height, guint8 *row, gboolean *short_input)
{
  if (setjmp (png_jmpbuf (png)) != 0)
    return FALSE;

  png_init_io (png, out);
  png_set_IHDR (png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  /* Screens are flat; the fastest level and one filter give small files at a fifth of the time. */
  png_set_compression_level (png, 1);
  png_set_filter (png, 0, PNG_FILTER_SUB);
  png_write_info (png, info);
  for (guint y = 0; y < height; y++)
    {
      if (!lodge_picture_read (fd, row, width * 3, offset + (goffset) y * width * 3))
        {
          *short_input = TRUE;
          return FALSE;
        }
      png_write_row (png, row);
    }
  png_write_end (png, info);
  return TRUE;
}

gboolean
ctl_ppm_to_png (int fd, FILE *out, guint *width, guint *height, GError **error)
{
  png_structp png;
  png_infop info;
  const char *fault;
  gsize pixels;
  g_autofree guint8 *row = NULL;
  gboolean short_input = FALSE;
  gboolean ok;
  int saved;

  fault = lodge_picture_read_head (fd, width, height, &pixels);
  if (fault != NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT,
                   "the screenshot is not a binary PPM with sides up to %u: %s", LODGE_PICTURE_MAX_SIDE, fault);
      return FALSE;
    }

  png = png_create_write_struct (PNG_LIBPNG_VER_STRING, NULL, png_error_cb, png_warning_cb);
  info = png_create_info_struct (png);
  row = g_malloc ((gsize) *width * 3);
  errno = 0;
  ok = write_rows (png, info, out, fd, pixels, *width, *height, row, &short_input);
  saved = errno;
  png_destroy_write_struct (&png, &info);

  if (short_input)
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT,
                 "the screenshot ends before its %u x %u pixels", *width, *height);
  else if (!ok)
    set_errno_error (error, saved != 0 ? saved : EIO, "writing the PNG");
  return ok;
}
