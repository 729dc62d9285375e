/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/service/lodge-core-log.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_BYTES (512 * 1024)

typedef struct
{
  char *path;
  int fd;
  goffset size;
} CoreLog;

static void
open_file (CoreLog *log)
{
  struct stat st;

  log->fd = open (log->path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  log->size = log->fd >= 0 && fstat (log->fd, &st) == 0 ? st.st_size : 0;
}

static void
rotate (CoreLog *log)
{
  g_autofree char *old = g_strconcat (log->path, ".1", NULL);

  close (log->fd);
  g_rename (log->path, old);
  open_file (log);
}

static const char *
get_field (const GLogField *fields, gsize n, const char *key)
{
  for (gsize i = 0; i < n; i++)
    if (strcmp (fields[i].key, key) == 0 && fields[i].length < 0)
      return fields[i].value;
  return NULL;
}

static GLogWriterOutput
writer (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
  CoreLog *log = data;
  const char *message = get_field (fields, n_fields, "MESSAGE");

  if (log->fd >= 0 && message != NULL && (level & G_LOG_LEVEL_DEBUG) == 0)
    {
      g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
      g_autofree char *time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%SZ");
      g_autofree char *line = g_strdup_printf ("%s %.2000s\n", time, message);
      gssize written = write (log->fd, line, strlen (line));

      if (written > 0)
        log->size += written;
      if (log->size > MAX_BYTES)
        rotate (log);
    }
  return g_log_writer_default (level, fields, n_fields, NULL);
}

void
lodge_core_log_open (const char *state_dir)
{
  /* The log writer can be set once and is used until the process ends. */
  CoreLog *log = g_new0 (CoreLog, 1);

  log->fd = -1;
  log->path = g_build_filename (state_dir, "core.log", NULL);
  if (g_mkdir_with_parents (state_dir, 0700) == 0)
    open_file (log);
  g_log_set_writer_func (writer, log, NULL);
}
