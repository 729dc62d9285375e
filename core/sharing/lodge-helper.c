/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/sharing/lodge-helper.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/qemu/lodge-log-file.h"

#define TAIL_BYTES     8192
#define MAX_WORD_CHARS 500

struct _LodgeHelper
{
  GObject       parent_instance;

  char         *name;     /* (owned) */
  char         *log_path; /* (owned) (nullable) */
  gint64        log_start;/* the log's size before it was started */
  LodgeProcess *process;  /* (owned) */
};

G_DEFINE_FINAL_TYPE (LodgeHelper, lodge_helper, G_TYPE_OBJECT)

static void
lodge_helper_finalize (GObject *object)
{
  LodgeHelper *self = LODGE_HELPER (object);

  g_free (self->name);
  g_free (self->log_path);
  g_clear_object (&self->process);

  G_OBJECT_CLASS (lodge_helper_parent_class)->finalize (object);
}

static void
lodge_helper_class_init (LodgeHelperClass *class)
{
  G_OBJECT_CLASS (class)->finalize = lodge_helper_finalize;
}

static void
lodge_helper_init (LodgeHelper *self)
{
}

/* Takes @process. */
static LodgeHelper *
helper_new (const char *name, LodgeProcess *process, const char *log_path, gint64 log_start)
{
  LodgeHelper *self = g_object_new (LODGE_TYPE_HELPER, NULL);

  self->name = g_strdup (name);
  self->log_path = g_strdup (log_path);
  self->log_start = log_start;
  self->process = process;

  return self;
}

LodgeHelper *
lodge_helper_spawn (const char *name, const char *const *argv, const LodgeFdMap *fds, const char *log_path,
                    GError **error)
{
  static const char *const environment[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                             "LC_ALL=C", NULL };
  g_autoptr (GError) local = NULL;
  LodgeProcess *process;
  struct stat info;
  gint64 log_start = 0;

  if (log_path != NULL && stat (log_path, &info) == 0)
    log_start = info.st_size;

  process = lodge_process_spawn (argv, environment, fds, log_path, &local);
  if (process == NULL)
    {
      if (g_error_matches (local, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED))
        local->code = LODGE_ERROR_HELPER_FAILED;
      g_propagate_prefixed_error (error, g_steal_pointer (&local), "%s: ", name);
      return NULL;
    }

  return helper_new (name, process, log_path, log_start);
}

LodgeHelper *
lodge_helper_adopt (const char *name, GPid pid, guint64 start_time, const char *log_path, GError **error)
{
  LodgeProcess *process = lodge_process_adopt (pid, start_time, error);

  return process != NULL ? helper_new (name, process, log_path, 0) : NULL;
}

const char *
lodge_helper_get_name (LodgeHelper *self)
{
  return self->name;
}

LodgeProcess *
lodge_helper_get_process (LodgeHelper *self)
{
  return self->process;
}

/* What they say at every start, or about the system log where there is none. */
static gboolean
is_noise (const char *line)
{
  return *line == '\0' || g_str_has_prefix (line, "Failed to send ") || g_str_has_prefix (line, "Don't run as root");
}

char *
lodge_helper_last_words (LodgeHelper *self)
{
  g_autofree char *tail = NULL;
  g_auto (GStrv) lines = NULL;

  if (self->log_path == NULL)
    return NULL;
  tail = lodge_log_file_tail (self->log_path, self->log_start, TAIL_BYTES);
  lines = g_strsplit (tail, "\n", -1);

  for (guint i = g_strv_length (lines); i > 0; i--)
    {
      char *line = g_strstrip (lines[i - 1]);

      if (!is_noise (line))
        return g_utf8_substring (line, 0, MIN (MAX_WORD_CHARS, g_utf8_strlen (line, -1)));
    }

  return NULL;
}

GError *
lodge_helper_failure (LodgeHelper *self, int wait_status)
{
  g_autofree char *words = lodge_helper_last_words (self);

  if (words != NULL)
    return g_error_new (LODGE_ERROR, LODGE_ERROR_HELPER_FAILED, "%s: %s", self->name, words);
  if (wait_status >= 0 && WIFSIGNALED (wait_status))
    return g_error_new (LODGE_ERROR, LODGE_ERROR_HELPER_FAILED, "%s was ended by signal %d", self->name,
                        WTERMSIG (wait_status));
  if (wait_status >= 0 && WIFEXITED (wait_status))
    return g_error_new (LODGE_ERROR, LODGE_ERROR_HELPER_FAILED, "%s ended with exit code %d", self->name,
                        WEXITSTATUS (wait_status));

  return g_error_new (LODGE_ERROR, LODGE_ERROR_HELPER_FAILED, "%s ended without a word", self->name);
}
