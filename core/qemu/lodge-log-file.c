/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/qemu/lodge-log-file.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct _LodgeLogFile
{
  GObject       parent_instance;

  char         *path;    /* (owned) */
  GFileMonitor *monitor; /* (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE (LodgeLogFile, lodge_log_file, G_TYPE_OBJECT)

/* The folder is one that QEMU may write to: what stands at the log's place may be a link or a pipe. */
static int
open_regular (const char *path, int flags, gint64 *size)
{
  struct stat info;
  int fd = open (path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

  if (fd >= 0 && (fstat (fd, &info) < 0 || !S_ISREG (info.st_mode) || info.st_nlink != 1))
    {
      close (fd);
      return -1;
    }
  if (fd >= 0)
    *size = info.st_size;

  return fd;
}

/* At most @max bytes up to @size, from the first whole line on when not from @start. */
static char *
read_end (int fd, gint64 start, gint64 size, gsize max, gsize *length)
{
  gint64 from = MAX (start, size - (gint64) max);
  g_autofree char *text = NULL;
  gssize n;
  char *line;

  *length = 0;
  if (from >= size)
    return g_strdup ("");
  text = g_malloc (size - from + 1);
  n = pread (fd, text, size - from, from);
  if (n <= 0)
    return g_strdup ("");
  text[n] = '\0';
  *length = n;

  line = from > start ? memchr (text, '\n', n) : NULL;
  if (line != NULL)
    {
      *length = text + n - (line + 1);
      memmove (text, line + 1, *length + 1);
    }

  return g_steal_pointer (&text);
}

static void
cut (LodgeLogFile *self)
{
  gint64 size;
  int fd = open_regular (self->path, O_RDWR | O_APPEND, &size);

  if (fd < 0)
    return;
  if (size > LODGE_LOG_MAX_BYTES)
    {
      gsize length;
      g_autofree char *kept = read_end (fd, 0, size, LODGE_LOG_KEEP_BYTES, &length);

      if (ftruncate (fd, 0) < 0 || write (fd, kept, length) < 0)
        g_debug ("%s cannot be cut", self->path);
    }
  close (fd);
}

static void
changed_cb (GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event, gpointer data)
{
  cut (data);
}

static void
lodge_log_file_finalize (GObject *object)
{
  LodgeLogFile *self = LODGE_LOG_FILE (object);

  if (self->monitor != NULL)
    g_signal_handlers_disconnect_by_data (self->monitor, self);
  g_clear_object (&self->monitor);
  g_free (self->path);

  G_OBJECT_CLASS (lodge_log_file_parent_class)->finalize (object);
}

static void
lodge_log_file_class_init (LodgeLogFileClass *class)
{
  G_OBJECT_CLASS (class)->finalize = lodge_log_file_finalize;
}

static void
lodge_log_file_init (LodgeLogFile *self)
{
}

LodgeLogFile *
lodge_log_file_new (const char *path)
{
  LodgeLogFile *self = g_object_new (LODGE_TYPE_LOG_FILE, NULL);
  g_autoptr (GFile) file = g_file_new_for_path (path);

  self->path = g_strdup (path);
  cut (self);
  self->monitor = g_file_monitor_file (file, G_FILE_MONITOR_NONE, NULL, NULL);
  if (self->monitor != NULL)
    {
      g_file_monitor_set_rate_limit (self->monitor, 1000);
      g_signal_connect (self->monitor, "changed", G_CALLBACK (changed_cb), self);
    }

  return self;
}

void
lodge_log_file_rotate (const char *path)
{
  g_autofree char *old = g_strconcat (path, ".old", NULL);
  gint64 size = 0;
  int fd = open_regular (path, O_RDONLY, &size);

  if (fd < 0)
    return;
  close (fd);
  if (size > 0 && g_rename (path, old) < 0)
    g_debug ("%s cannot be put aside", path);
}

char *
lodge_log_file_tail (const char *path, gint64 start, gsize max_bytes)
{
  g_autofree char *text = NULL;
  char *valid;
  gint64 size;
  gsize length;
  int fd = open_regular (path, O_RDONLY, &size);

  if (fd < 0)
    return g_strdup ("");
  /* A log that was cut meanwhile is shorter than it was. */
  text = read_end (fd, start <= size ? start : 0, size, max_bytes, &length);
  close (fd);

  valid = g_utf8_make_valid (text, length);
  for (char *p = valid; *p != '\0'; p++)
    if (((guchar) *p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
      *p = ' ';

  return valid;
}
