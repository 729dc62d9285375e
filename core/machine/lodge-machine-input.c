/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Keys for a guest without a window. Text goes one key at a time, with a moment between them: a
 * keyboard controller holds sixteen codes and drops the rest silently, so a guest that is slower
 * than us would lose letters. It is QEMU that releases each key: a core that is killed in the
 * middle of a word must not leave one down. */

#include "core/machine/lodge-keys.h"
#include "core/machine/lodge-machine-private.h"

#include <string.h>

#define KEY_MS 6
#define MAX_HOLD_MS 10000

typedef struct
{
  char *text; /* (owned) */
  const char *at;
} Typing;

static void next_key (GTask *task);

static void
typing_free (Typing *typing)
{
  g_free (typing->text);
  g_free (typing);
}

static gboolean
released_cb (gpointer data)
{
  g_autoptr (GTask) task = data;

  g_task_return_boolean (task, TRUE);
  return G_SOURCE_REMOVE;
}

static void
sent_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  /* QEMU answers when the keys are down; what is typed next must not come in between. */
  if (answer != NULL)
    {
      guint hold = GPOINTER_TO_UINT (g_task_get_task_data (task));

      g_timeout_add (hold + KEY_MS, released_cb, g_steal_pointer (&task));
      return;
    }
  /* Of a chord that looks right QEMU refuses nothing but the name of a key. */
  if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED))
    error->code = LODGE_ERROR_INVALID_ARGUMENT;
  g_task_return_error (task, error);
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

void
lodge_machine_send_keys_async (LodgeMachine *self, const char *const *keys, GVariant *options,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const known[] = { "hold-time", "u", NULL };
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  g_autoptr (JsonObject) arguments = NULL;
  guint32 hold = 100;
  GError *error = NULL;

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
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT,
                               "hold-time must be 1 to %d ms", MAX_HOLD_MS);
      return;
    }

  g_task_set_task_data (task, GUINT_TO_POINTER (hold), NULL);
  arguments = make_chord (keys, hold);
  lodge_qmp_client_execute_async (self->guest->qmp, "send-key", arguments, -1, NULL, sent_cb,
                                  g_steal_pointer (&task));
}

static gboolean
pause_over_cb (gpointer data)
{
  next_key (data);
  return G_SOURCE_REMOVE;
}

static void
key_sent_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Typing *typing = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (answer == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  typing->at = g_utf8_next_char (typing->at);
  g_timeout_add (2 * KEY_MS, pause_over_cb, g_steal_pointer (&task));
}

static void
next_key (GTask *owned_task)
{
  g_autoptr (GTask) task = owned_task;
  LodgeMachine *self = g_task_get_source_object (task);
  Typing *typing = g_task_get_task_data (task);
  g_autoptr (JsonObject) arguments = NULL;
  const char *key;
  gboolean shift;
  GError *error = NULL;

  if (*typing->at == '\0')
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  if (g_task_return_error_if_cancelled (task))
    return;
  if (!lodge_machine_check (self, LODGE_METHOD_TYPE_TEXT, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  key = lodge_keys_from_char (g_utf8_get_char (typing->at), &shift);
  arguments = make_chord (shift ? (const char *const[]) { "shift", key, NULL }
                                : (const char *const[]) { key, NULL }, KEY_MS);
  lodge_qmp_client_execute_async (self->guest->qmp, "send-key", arguments, -1, NULL,
                                  key_sent_cb, g_steal_pointer (&task));
}

void
lodge_machine_type_text_async (LodgeMachine *self, const char *text, GVariant *options,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const none[] = { NULL };
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  Typing *typing;
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_machine_type_text_async);
  if (!lodge_machine_check (self, LODGE_METHOD_TYPE_TEXT, &error)
      || !lodge_machine_check_options (options, none, &error) || !lodge_keys_check_text (text, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  typing = g_new0 (Typing, 1);
  typing->text = g_strdup (text);
  typing->at = typing->text;
  g_task_set_task_data (task, typing, (GDestroyNotify) typing_free);
  next_key (g_steal_pointer (&task));
}

gboolean
lodge_machine_input_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
