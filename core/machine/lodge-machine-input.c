/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Keys for a guest without a window. Text goes one key at a time, with a moment between them: a
 * keyboard controller holds sixteen codes and drops the rest silently, so a guest that is slower
 * than us would lose letters. It is QEMU that releases each key: a core that is killed in the
 * middle of a word must not leave one down.
 *
 * What several clients send to one machine is typed in the order in which it came, one call after the
 * other: the calls stand in a queue, of which the first is under way, and stay there until they are answered. */

#include "core/machine/lodge-keys.h"
#include "core/machine/lodge-machine-private.h"

#include <string.h>

#define KEY_MS 6
#define MAX_HOLD_MS 10000

typedef struct
{
  LodgeMethod method;
  GStrv keys;     /* (owned) (nullable) of SendKeys */
  guint hold;
  char *text;     /* (owned) (nullable) of TypeText */
  const char *at; /* what of it comes next */
} Input;

static void
input_free (Input *input)
{
  g_strfreev (input->keys);
  g_free (input->text);
  g_free (input);
}

/* The keys go down in their order and up after @hold ms, whatever becomes of us. */
static JsonObject *
make_chord (const char *const *keys, guint hold)
{
  JsonObject *arguments = lodge_qmp_args_new ("{'hold-time': <%x>}", (gint64) hold);
  JsonArray *array = json_array_new ();

  for (gsize i = 0; keys[i] != NULL; i++)
    json_array_add_object_element (array, lodge_qmp_args_new ("{'type': <'qcode'>, 'data': <%s>}", keys[i]));
  json_object_set_array_member (arguments, "keys", array);
  return arguments;
}

static void sent_cb (GObject *source, GAsyncResult *result, gpointer data);

/* The next keys of @task. Returns: FALSE when it has been answered instead */
static gboolean
send_next (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Input *input = g_task_get_task_data (task);
  g_autoptr (JsonObject) chord = NULL;
  const char *key;
  gboolean shift;
  GError *error = NULL;

  if (input->text != NULL && *input->at == '\0')
    {
      g_task_return_boolean (task, TRUE);
      return FALSE;
    }
  if (g_task_return_error_if_cancelled (task))
    return FALSE;
  /* Its guest may have gone while it waited for its turn. */
  if (!lodge_machine_check (self, input->method, &error))
    {
      g_task_return_error (task, error);
      return FALSE;
    }

  if (input->text != NULL)
    {
      key = lodge_keys_from_char (g_utf8_get_char (input->at), &shift);
      chord = make_chord (shift ? (const char *const[]) { "shift", key, NULL }
                                : (const char *const[]) { key, NULL }, KEY_MS);
      input->at = g_utf8_next_char (input->at);
    }
  else
    chord = make_chord ((const char *const *) input->keys, input->hold);
  lodge_qmp_client_execute_async (self->guest->qmp, "send-key", chord, -1, NULL, sent_cb, task);
  return TRUE;
}

/* Begins with the first of the queue that is not answered at once. */
static void
begin_first (LodgeMachine *self)
{
  GTask *task;

  while ((task = g_queue_peek_head (&self->inputs)) != NULL && !send_next (task))
    g_object_unref (g_queue_pop_head (&self->inputs));
}

/* @task, the first of the queue, has been answered. */
static void
end_first (GTask *task)
{
  g_autoptr (LodgeMachine) self = g_object_ref (g_task_get_source_object (task));

  g_queue_pop_head (&self->inputs);
  g_object_unref (task);
  begin_first (self);
}

static gboolean
pause_over_cb (gpointer data)
{
  GTask *task = data;
  Input *input = g_task_get_task_data (task);

  if (input->keys != NULL)
    g_task_return_boolean (task, TRUE);
  if (input->keys != NULL || !send_next (task))
    end_first (task);
  return G_SOURCE_REMOVE;
}

static void
sent_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Input *input = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  /* QEMU answers when the keys are down; what comes next must not come in between. */
  if (answer != NULL)
    {
      g_timeout_add (input->keys != NULL ? input->hold + KEY_MS : 2 * KEY_MS, pause_over_cb, task);
      return;
    }
  /* Of a chord that looks right QEMU refuses nothing but the name of a key. */
  if (input->keys != NULL && g_error_matches (error, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED))
    error->code = LODGE_ERROR_INVALID_ARGUMENT;
  g_task_return_error (task, error);
  end_first (task);
}

/* @task: taken */
static void
append (LodgeMachine *self, GTask *task)
{
  g_queue_push_tail (&self->inputs, task);
  if (self->inputs.length == 1)
    begin_first (self);
}

static Input *
input_new (GTask *task, LodgeMethod method)
{
  Input *input = g_new0 (Input, 1);

  input->method = method;
  g_task_set_task_data (task, input, (GDestroyNotify) input_free);
  return input;
}

void
lodge_machine_send_keys_async (LodgeMachine *self, const char *const *keys, GVariant *options,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const known[] = { "hold-time", "u", "check", "b", NULL };
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  gboolean only_check = FALSE;
  guint32 hold = 100;
  GError *error = NULL;
  Input *input;

  g_task_set_source_tag (task, lodge_machine_send_keys_async);
  if (!lodge_machine_check (self, LODGE_METHOD_SEND_KEYS, &error)
      || !lodge_machine_check_options (options, known, &error)
      || !lodge_keys_check_chord (keys, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (options != NULL)
    g_variant_lookup (options, "hold-time", "u", &hold);
  if (hold < 1 || hold > MAX_HOLD_MS)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE,
                               "hold-time: %u is out of range: 1 to %d", hold, MAX_HOLD_MS);
      return;
    }
  if (options != NULL && g_variant_lookup (options, "check", "b", &only_check) && only_check)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  input = input_new (task, LODGE_METHOD_SEND_KEYS);
  input->keys = g_strdupv ((GStrv) keys);
  input->hold = hold;
  append (self, g_steal_pointer (&task));
}

void
lodge_machine_type_text_async (LodgeMachine *self, const char *text, GVariant *options,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const known[] = { "check", "b", NULL };
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  gboolean only_check = FALSE;
  GError *error = NULL;
  Input *input;

  g_task_set_source_tag (task, lodge_machine_type_text_async);
  if (!lodge_machine_check (self, LODGE_METHOD_TYPE_TEXT, &error)
      || !lodge_machine_check_options (options, known, &error) || !lodge_keys_check_text (text, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (options != NULL && g_variant_lookup (options, "check", "b", &only_check) && only_check)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  input = input_new (task, LODGE_METHOD_TYPE_TEXT);
  input->text = g_strdup (text);
  input->at = input->text;
  append (self, g_steal_pointer (&task));
}

gboolean
lodge_machine_input_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
