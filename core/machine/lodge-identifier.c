/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * A question waits in a queue until one of two places is free; then the confinement is waited for, which is known
 * after the first time, and the helper runs. What was recognised is remembered by device, inode, size and
 * time of change, for as long as the core lives; the name counts too, since it may have decided. Refusals are not remembered:
 * a file that is still being downloaded is asked about again.
 */

#include "config.h"

#include "core/machine/lodge-identifier.h"

#include "core/storage/lodge-identify.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACES 2
#define QUEUE_MAX 256
#define REMEMBERED_MAX 256

struct _LodgeIdentifier
{
  GObject parent_instance;

  LodgeEngine *engine;    /* (weak) */
  GQueue       queue;     /* (element-type GTask) */
  guint        running;
  GHashTable  *known;     /* (element-type utf8 LodgeRecognition) by what the file is */
};

G_DEFINE_FINAL_TYPE (LodgeIdentifier, lodge_identifier, G_TYPE_OBJECT)

typedef struct
{
  int   fd;   /* (owned) */
  char *name; /* (owned) */
  char *key;  /* (owned) (nullable) */
} Question;

static void run_next (LodgeIdentifier *self);

static void
question_free (gpointer data)
{
  Question *question = data;

  if (question->fd >= 0)
    close (question->fd);
  g_free (question->name);
  g_free (question->key);
  g_free (question);
}

static char *
key_of (int fd, const char *name)
{
  struct stat st;

  if (fstat (fd, &st) != 0)
    return NULL;
  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT ":%" G_GINT64_FORMAT ".%ld:%s",
                          (guint64) st.st_dev, (guint64) st.st_ino, (guint64) st.st_size,
                          (gint64) st.st_mtim.tv_sec, st.st_mtim.tv_nsec, name);
}

static void
remember (LodgeIdentifier *self, const char *key, const LodgeRecognition *found)
{
  /* Which one goes does not matter: it is asked for anew in some ten milliseconds. */
  if (g_hash_table_size (self->known) >= REMEMBERED_MAX)
    g_hash_table_remove_all (self->known);
  g_hash_table_replace (self->known, g_strdup (key), lodge_recognition_copy (found));
}

/* The place of @task is free; drops the reference that it held. */
static void
leave (GTask *task)
{
  LodgeIdentifier *self = g_task_get_source_object (task);

  self->running--;
  run_next (self);
  g_object_unref (task);
}

static void
identified_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Question *question = g_task_get_task_data (task);
  GError *error = NULL;
  LodgeRecognition *found = lodge_identify_finish (result, &error);

  if (found != NULL)
    {
      g_autofree char *key = key_of (question->fd, question->name);

      /* A file that grew meanwhile is another one. */
      if (g_strcmp0 (key, question->key) == 0)
        remember (g_task_get_source_object (task), key, found);
      g_task_return_pointer (task, found, (GDestroyNotify) lodge_recognition_free);
    }
  else
    g_task_return_error (task, error);
  leave (task);
}

static void
sandbox_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Question *question = g_task_get_task_data (task);
  LodgeEngine *engine = LODGE_ENGINE (source);
  g_autoptr (LodgeSandbox) sandbox = NULL;
  GError *error = NULL;

  sandbox = lodge_engine_wait_sandbox_finish (engine, result, &error);
  if (error != NULL)
    {
      g_task_return_error (task, error);
      leave (task);
      return;
    }
  lodge_identify_async (sandbox, lodge_engine_get_paths (engine)->share_dir, question->fd, question->name,
                        g_task_get_cancellable (task), identified_cb, task);
}

static void
run_next (LodgeIdentifier *self)
{
  while (self->engine != NULL && self->running < PLACES && !g_queue_is_empty (&self->queue))
    {
      GTask *task = g_queue_pop_head (&self->queue);

      self->running++;
      lodge_engine_wait_sandbox_async (self->engine, g_task_get_cancellable (task), sandbox_cb, task);
    }
}

static void
lodge_identifier_finalize (GObject *object)
{
  LodgeIdentifier *self = LODGE_IDENTIFIER (object);

  g_clear_weak_pointer (&self->engine);
  g_queue_clear_full (&self->queue, g_object_unref);
  g_hash_table_unref (self->known);

  G_OBJECT_CLASS (lodge_identifier_parent_class)->finalize (object);
}

static void
lodge_identifier_class_init (LodgeIdentifierClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_identifier_finalize;
}

static void
lodge_identifier_init (LodgeIdentifier *self)
{
  g_queue_init (&self->queue);
  self->known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) lodge_recognition_free);
}

LodgeIdentifier *
lodge_identifier_new (LodgeEngine *engine)
{
  LodgeIdentifier *self = g_object_new (LODGE_TYPE_IDENTIFIER, NULL);

  g_set_weak_pointer (&self->engine, engine);
  return self;
}

void
lodge_identifier_ask_async (LodgeIdentifier *self, int fd, const char *display_name, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  Question *question = g_new0 (Question, 1);
  const LodgeRecognition *known;

  g_task_set_source_tag (task, lodge_identifier_ask_async);
  question->fd = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  question->name = g_utf8_make_valid (display_name, -1);
  question->key = key_of (question->fd, question->name);
  g_task_set_task_data (task, question, question_free);

  known = question->key != NULL ? g_hash_table_lookup (self->known, question->key) : NULL;
  if (known != NULL)
    g_task_return_pointer (task, lodge_recognition_copy (known), (GDestroyNotify) lodge_recognition_free);
  else if (g_queue_get_length (&self->queue) >= QUEUE_MAX)
    g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "too many images are asked about at once");
  else
    {
      g_queue_push_tail (&self->queue, g_steal_pointer (&task));
      run_next (self);
    }
}

LodgeRecognition *
lodge_identifier_ask_finish (LodgeIdentifier *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
