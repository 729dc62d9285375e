/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * An image comes from anywhere and is looked into by a helper program that lives for a few milliseconds in the confinement
 * that guests have: the image is its standard input, its list of systems and /usr are all it can read, it has no network, and it dies
 * with the core. What it answers is one JSON object of a few hundred bytes, whose texts are bounded again here: a
 * helper that an image took over can say what it likes, and all it can do so is to suggest another system.
 */

#include "config.h"

#include "core/storage/lodge-identify.h"

#include "core/config/lodge-faults.h"
#include "core/config/lodge-json.h"
#include "core/qemu/lodge-qmp-value.h"
#include "core/qemu/lodge-subprocess.h"

#include <string.h>
#include <sys/stat.h>

#define MAX_ANSWER (64 * 1024)
#define MAX_TEXT 128
#define PATIENCE_S 20

typedef struct
{
  char         *name;        /* (owned) */
  GCancellable *cancellable; /* (owned) of this run: by the caller, or when it takes too long */
  gulong        chained;
  GCancellable *outer;       /* (owned) (nullable) */
  guint         timeout;
  gboolean      late;
} Identify;

static void
identify_free (gpointer data)
{
  Identify *self = data;

  g_clear_handle_id (&self->timeout, g_source_remove);
  if (self->outer != NULL)
    g_cancellable_disconnect (self->outer, self->chained);
  g_clear_object (&self->outer);
  g_object_unref (self->cancellable);
  g_free (self->name);
  g_free (self);
}

/* A build tree has it in the path. */
static char *
find_helper (void)
{
  const char *installed = LODGE_LIBEXECDIR "/lodge-identify";

  if (g_file_test (installed, G_FILE_TEST_IS_EXECUTABLE))
    return g_strdup (installed);
  return g_find_program_in_path ("lodge-identify");
}

static char *
take_text (JsonObject *answer, const char *key)
{
  const char *text = lodge_qmp_string (answer, key);
  g_autoptr (GString) clean = g_string_new (NULL);
  guint n = 0;

  for (const char *p = text != NULL ? text : ""; *p != '\0' && n < MAX_TEXT; p = g_utf8_next_char (p), n++)
    g_string_append_unichar (clean, g_unichar_isprint (g_utf8_get_char (p)) ? g_utf8_get_char (p) : 0xfffd);
  return g_string_free (g_steal_pointer (&clean), FALSE);
}

static void
replace_text (char **field, JsonObject *answer, const char *key)
{
  g_free (*field);
  *field = take_text (answer, key);
}

static guint64
take_size (JsonObject *answer, const char *key)
{
  gint64 size = lodge_qmp_integer (answer, key, 0);

  return size > 0 ? (guint64) size : 0;
}

/* An id is a word that machine.json may have. */
static gboolean
is_id (const char *os)
{
  return strlen (os) <= 64 && strspn (os, "abcdefghijklmnopqrstuvwxyz0123456789._+-") == strlen (os);
}

static LodgeRecognition *
take_answer (JsonObject *answer, GError **error)
{
  const char *kind = lodge_qmp_string (answer, "kind");
  const char *family = lodge_qmp_string (answer, "family");
  const char *confidence = lodge_qmp_string (answer, "confidence");
  g_autoptr (LodgeRecognition) found = g_new0 (LodgeRecognition, 1);
  LodgeOsMatch *match = found->match = lodge_os_match_new ();

  if (kind == NULL || family == NULL || !lodge_family_parse (family, &match->family))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_HELPER_FAILED, "lodge-identify: no answer");
      return NULL;
    }
  found->disc = g_str_equal (kind, "iso");
  found->format = take_text (answer, "format");
  found->volume_id = take_text (answer, "volume-id");
  found->boots_bios = lodge_qmp_boolean (answer, "bios", FALSE);
  found->boots_uefi = lodge_qmp_boolean (answer, "uefi", FALSE);
  replace_text (&match->os, answer, "os");
  replace_text (&match->name, answer, "name");
  replace_text (&match->version, answer, "version");
  replace_text (&match->variant, answer, "variant");
  replace_text (&match->arch, answer, "arch");
  if (!is_id (match->os))
    lodge_os_match_set (&match->os, "");
  if (g_strcmp0 (confidence, "exact") == 0 || g_strcmp0 (confidence, "likely") == 0 || g_strcmp0 (confidence, "family") == 0)
    lodge_os_match_set (&match->confidence, confidence);
  match->installer = lodge_qmp_boolean (answer, "installer", FALSE);
  match->live = lodge_qmp_boolean (answer, "live", FALSE);
  match->memory_minimum = take_size (answer, "memory-minimum");
  match->memory = take_size (answer, "memory");
  match->disk_size = take_size (answer, "disk-size");
  return g_steal_pointer (&found);
}

/* The helper's refusals are of these codes; anything else it says is a failure of its own. */
static void
take_refusal (JsonObject *answer, const char *name, GError **error)
{
  static const LodgeError codes[] = { LODGE_ERROR_TEXT_FILE, LODGE_ERROR_COMPRESSED, LODGE_ERROR_DAMAGED,
                                      LODGE_ERROR_WRONG_FORMAT, LODGE_ERROR_NOT_READABLE, LODGE_ERROR_IO };
  g_autofree char *quoted = lodge_quote (name);
  g_autofree char *message = take_text (answer, "message");
  const char *code = lodge_qmp_string (answer, "error");

  for (gsize i = 0; i < G_N_ELEMENTS (codes); i++)
    if (g_strcmp0 (code, lodge_error_code_name (codes[i])) == 0)
      {
        /* Sentences on disk images name the file themselves. */
        if (g_str_has_prefix (message, "“"))
          g_set_error_literal (error, LODGE_ERROR, (int) codes[i], message);
        else
          g_set_error (error, LODGE_ERROR, (int) codes[i], "%s %s", quoted, message);
        return;
      }
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_HELPER_FAILED, "lodge-identify: %s", message);
}

static void
ran_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Identify *self = g_task_get_task_data (task);
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (LodgeOutput) output = NULL;
  LodgeRecognition *found = NULL;
  GError *error = NULL;

  output = lodge_subprocess_run_finish (result, &error);
  if (output == NULL)
    {
      if (self->late)
        {
          g_clear_error (&error);
          g_set_error (&error, LODGE_ERROR, LODGE_ERROR_HELPER_FAILED, "lodge-identify did not answer in %d s", PATIENCE_S);
        }
      g_task_return_error (task, error);
      return;
    }
  if (output->exit_code != 0)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_HELPER_FAILED, "lodge-identify ended with %d: %s",
                               output->exit_code, output->complaint);
      return;
    }

  node = lodge_json_parse (output->text, output->length, &error);
  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    {
      JsonObject *answer = json_node_get_object (node);

      if (json_object_has_member (answer, "error"))
        take_refusal (answer, self->name, &error);
      else
        found = take_answer (answer, &error);
    }
  else if (error == NULL)
    error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_HELPER_FAILED, "lodge-identify: no answer");
  else
    error->code = LODGE_ERROR_HELPER_FAILED;

  if (found != NULL)
    g_task_return_pointer (task, found, (GDestroyNotify) lodge_recognition_free);
  else
    g_task_return_error (task, error);
}

static gboolean
late_cb (gpointer data)
{
  Identify *self = data;

  self->timeout = 0;
  self->late = TRUE;
  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_REMOVE;
}

static void
cancel_cb (GCancellable *outer, gpointer data)
{
  g_cancellable_cancel (data);
}

void
lodge_identify_async (LodgeSandbox *sandbox, const char *share_dir, int fd, const char *display_name,
                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  Identify *self = g_new0 (Identify, 1);
  g_autofree char *program = find_helper ();
  g_autofree char *folder = g_build_filename (share_dir, "os", NULL);
  const char *readable[] = { folder, program, NULL };
  LodgeSandboxSpec spec = { .read_only = readable, .new_session = TRUE, .die_with_parent = TRUE };
  const char *argv[] = { program, folder, NULL, NULL };
  struct stat st;

  g_task_set_source_tag (task, lodge_identify_async);
  g_task_set_check_cancellable (task, FALSE);
  self->name = g_utf8_make_valid (display_name, -1);
  self->cancellable = g_cancellable_new ();
  g_task_set_task_data (task, self, identify_free);

  if (fstat (fd, &st) != 0 || !(S_ISREG (st.st_mode) || S_ISBLK (st.st_mode)))
    {
      g_autofree char *quoted = lodge_quote (self->name);

      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s is not a file", quoted);
      return;
    }
  if (program == NULL)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_HELPER_FAILED, "lodge-identify is not installed");
      return;
    }
  if (cancellable != NULL)
    {
      self->outer = g_object_ref (cancellable);
      self->chained = g_cancellable_connect (cancellable, G_CALLBACK (cancel_cb), g_object_ref (self->cancellable), g_object_unref);
    }
  argv[2] = self->name;
  self->timeout = g_timeout_add_seconds (PATIENCE_S, late_cb, self);
  lodge_subprocess_run_input_async (sandbox, &spec, argv, fd, MAX_ANSWER, self->cancellable, ran_cb,
                                    g_steal_pointer (&task));
}

LodgeRecognition *
lodge_identify_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
