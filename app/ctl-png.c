/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-png.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <png.h>
#include <setjmp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ipc/lodge-error.h"
#include "core/ipc/lodge-picture.h"

#define LINKS_MAX 40

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
  else if (saved == EISDIR)
    code = LODGE_ERROR_EXISTS;
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

/* Where what is written by the name @path comes to lie: behind links, also those that lead to nothing yet. */
static char *
resolve_links (const char *path)
{
  char *at = g_strdup (path);

  for (guint n = 0; n < LINKS_MAX; n++)
    {
      g_autofree char *link = g_file_read_link (at, NULL);
      g_autofree char *folder = NULL;

      if (link == NULL)
        break;
      folder = g_path_get_dirname (at);
      g_free (at);
      at = g_path_is_absolute (link) ? g_strdup (link) : g_build_filename (folder, link, NULL);
    }
  return at;
}

/* Fills @fd, which is taken. */
static gboolean
fill (int fd, const char *path, gboolean flush, CtlFileWriter writer, gpointer data, GError **error)
{
  FILE *file = fdopen (fd, "wb");
  gboolean ok = writer (file, data, error);
  int saved;

  if (ok && (fflush (file) != 0 || (flush && fsync (fd) != 0)))
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
  return ok;
}

/* Devices, pipes and the like are written to as they are; nothing is made, should it be gone by now. */
static gboolean
write_in_place (const char *path, CtlFileWriter writer, gpointer data, GError **error)
{
  int fd = open (path, O_WRONLY | O_NOCTTY | O_CLOEXEC);

  if (fd < 0)
    {
      set_errno_error (error, errno, path);
      return FALSE;
    }
  return fill (fd, path, FALSE, writer, data, error);
}

static gboolean
replace_file (const char *target, const char *path, CtlFileWriter writer, gpointer data, GError **error)
{
  g_autofree char *temporary = g_strconcat (target, ".XXXXXX", NULL);
  /* g_mkstemp_full() obeys the umask, as a program that makes a new file should. */
  int fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC, 0644);
  gboolean ok;

  if (fd < 0)
    {
      set_errno_error (error, errno, path);
      return FALSE;
    }

  ok = fill (fd, path, TRUE, writer, data, error);
  if (ok && g_rename (temporary, target) != 0)
    {
      set_errno_error (error, errno, path);
      ok = FALSE;
    }
  if (!ok)
    g_unlink (temporary);
  else
    sync_folder (target);
  return ok;
}

gboolean
ctl_write_file (const char *path, CtlFileWriter writer, gpointer data, GError **error)
{
  g_autofree char *target = resolve_links (path);
  struct stat there, resolved;

  if (stat (path, &there) == 0)
    {
      /* The links in /proc lead to files that their text need not name. */
      if (!S_ISREG (there.st_mode) || stat (target, &resolved) != 0 || resolved.st_dev != there.st_dev
          || resolved.st_ino != there.st_ino)
        return write_in_place (path, writer, data, error);
    }
  else if (errno != ENOENT)
    {
      set_errno_error (error, errno, path);
      return FALSE;
    }
  return replace_file (target, path, writer, data, error);
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
