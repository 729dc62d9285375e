/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-machine-wait.h"

#include "core/machine/lodge-machine-backup.h"
#include "core/machine/lodge-machine-family.h"
#include "core/machine/lodge-machine-snapshot.h"

#include <fcntl.h>
#include <unistd.h>

typedef struct
{
  LodgeMethod method;
  char *text;        /* (owned) (nullable) */
  GVariant *options; /* (owned) (nullable) */
  int fd;            /* or -1 */
  GAsyncReadyCallback callback;
  gpointer data;
} Call;

void
lodge_machine_put_off_free (gpointer data)
{
  Call *call = data;

  g_free (call->text);
  g_clear_pointer (&call->options, g_variant_unref);
  if (call->fd >= 0)
    close (call->fd);
  g_free (call);
}

static void
make_call (LodgeMachine *self, const Call *call)
{
  switch (call->method)
    {
    case LODGE_METHOD_START:
    case LODGE_METHOD_SAVE:
      lodge_machine_call_async (self, call->method, call->options, NULL, NULL, call->callback, call->data);
      break;
    case LODGE_METHOD_TAKE_SNAPSHOT:
      lodge_machine_take_snapshot_async (self, call->options, call->callback, call->data);
      break;
    case LODGE_METHOD_RESTORE_SNAPSHOT:
      lodge_machine_restore_snapshot_async (self, call->text, call->options, call->callback, call->data);
      break;
    case LODGE_METHOD_DELETE_SNAPSHOT:
      lodge_machine_delete_snapshot_async (self, call->text, call->options, call->callback, call->data);
      break;
    case LODGE_METHOD_FLATTEN:
      lodge_machine_flatten_async (self, call->options, call->callback, call->data);
      break;
    case LODGE_METHOD_CLONE:
    case LODGE_METHOD_OPEN_DISPOSABLE:
      lodge_machine_clone_async (self, call->text, call->options, call->method == LODGE_METHOD_OPEN_DISPOSABLE, call->callback, call->data);
      break;
    case LODGE_METHOD_BACKUP:
      lodge_machine_backup_async (self, call->fd, call->options, call->callback, call->data);
      break;
    default:
      g_assert_not_reached ();
    }
}

/* Nobody waits for such a one; and a long backup would never end if each of them interrupted it. */
static gboolean
is_by_itself (LodgeMethod method, GVariant *options)
{
  gboolean automatic = FALSE;

  if (method == LODGE_METHOD_TAKE_SNAPSHOT && options != NULL)
    g_variant_lookup (options, "automatic", "b", &automatic);
  return automatic;
}

gboolean
lodge_machine_put_off (LodgeMachine *self, LodgeMethod method, const char *text, GVariant *options, int fd,
                       GAsyncReadyCallback callback, gpointer data)
{
  gboolean backup = self->backup != NULL && !is_by_itself (method, options);
  /* The child of a deleted snapshot is told at once; what becomes of the files is then looked at anew. */
  gboolean merge = self->merge != NULL && method != LODGE_METHOD_DELETE_SNAPSHOT;
  Call *call;

  if (!backup && !merge)
    return FALSE;
  call = g_new0 (Call, 1);
  call->method = method;
  call->text = g_strdup (text);
  call->options = options != NULL ? g_variant_ref (options) : NULL;
  call->fd = fd >= 0 ? fcntl (fd, F_DUPFD_CLOEXEC, 3) : -1;
  call->callback = callback;
  call->data = data;
  g_queue_push_tail (&self->waiting, call);
  if (merge)
    lodge_machine_interrupt_merge (self);
  if (backup)
    g_cancellable_cancel (self->backup);
  return TRUE;
}

gboolean
lodge_machine_has_waiting (LodgeMachine *self)
{
  return self->waiting.length > 0;
}

void
lodge_machine_take_up (LodgeMachine *self)
{
  Call *call;

  g_object_ref (self);
  /* One of them may begin something by itself that those after it interrupt again. */
  while (self->merge == NULL && self->backup == NULL && (call = g_queue_pop_head (&self->waiting)) != NULL)
    {
      make_call (self, call);
      lodge_machine_put_off_free (call);
    }
  if (self->waiting.length > 0)
    {
      lodge_machine_interrupt_merge (self);
      if (self->backup != NULL)
        g_cancellable_cancel (self->backup);
    }
  g_object_unref (self);
}
