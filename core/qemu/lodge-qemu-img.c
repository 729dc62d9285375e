/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/qemu/lodge-qemu-img.h"

#include <stdio.h>
#include <string.h>

#include "core/config/lodge-json.h"
#include "core/qemu/lodge-qmp-value.h"
#include "core/qemu/lodge-subprocess.h"

#define MAX_OUTPUT (1024 * 1024)

/* Of qemu-img check: the image has corruptions, has leaks only; its format knows no check. */
#define CHECK_CORRUPT     2
#define CHECK_LEAKS       3
#define CHECK_UNSUPPORTED 63

typedef void (*ResultFunc) (GTask *task, const LodgeOutput *output);

typedef struct
{
  ResultFunc        result;
  LodgeProgressFunc progress; /* (nullable) */
  gpointer          progress_data;
  const char       *write_too; /* (nullable) while it is being started */
  double            fraction;
} Job;

static void
progress_cb (const char *chunk, gsize length, gpointer data)
{
  Job *job = data;
  g_autofree char *text = g_strndup (chunk, MIN (length, 4096));
  char *end = strrchr (text, '%'); /* "    (12.34/100%)\r", possibly cut */
  double percent;
  const char *begin;

  if (end == NULL)
    return;
  *end = '\0';
  begin = strrchr (text, '(');
  if (begin == NULL || strstr (begin, "/100") == NULL)
    return;
  percent = g_ascii_strtod (begin + 1, NULL);
  if (percent > 100 * job->fraction && percent <= 100)
    {
      job->fraction = percent / 100;
      job->progress (job->fraction, job->progress_data);
    }
}

static int
code_from_complaint (const char *complaint)
{
  static const struct
  {
    const char *mark;
    LodgeError code;
  } marks[] = {
    { "No space left on device", LODGE_ERROR_NO_SPACE },
    { "Disk quota exceeded", LODGE_ERROR_NO_SPACE },
    { "Failed to get", LODGE_ERROR_IN_USE }, /* "write" lock, shared "write" lock, "consistent read" lock */
    { "No such file or directory", LODGE_ERROR_NOT_FOUND },
    { "Permission denied", LODGE_ERROR_NOT_READABLE },
    { "not in ", LODGE_ERROR_WRONG_FORMAT }, /* "Image is not in qcow2 format", "Image not in VMDK format" */
    { "nvalid image", LODGE_ERROR_WRONG_FORMAT },
    { "nvalid VMDK", LODGE_ERROR_WRONG_FORMAT },
    { "format probing failed", LODGE_ERROR_WRONG_FORMAT },
    { "Unsupported ", LODGE_ERROR_WRONG_FORMAT },
    { "does not have a valid", LODGE_ERROR_WRONG_FORMAT },
    { "--shrink", LODGE_ERROR_OUT_OF_RANGE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (marks); i++)
    if (strstr (complaint, marks[i].mark) != NULL)
      return marks[i].code;

  return LODGE_ERROR_IO;
}

/* What the image or the disk has to say, in the domain of callers. Takes @error. */
static void
return_failure (GTask *task, GError *error, const LodgeOutput *output)
{
  if (error == NULL)
    {
      const char *words = output->complaint;

      if (g_str_has_prefix (words, "qemu-img: "))
        words += strlen ("qemu-img: ");
      g_task_return_new_error (task, LODGE_ERROR, code_from_complaint (words), "%s",
                               *words != '\0' ? words : "qemu-img ended without a word");
    }
  else
    g_task_return_error (task, error);
}

static void
ran_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Job *job = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeOutput) output = lodge_subprocess_run_finish (result, &error);

  if (output == NULL)
    return_failure (task, g_steal_pointer (&error), NULL);
  else
    job->result (task, output);
}

static void
done_result (GTask *task, const LodgeOutput *output)
{
  if (output->exit_code != 0)
    return_failure (task, NULL, output);
  else
    g_task_return_boolean (task, TRUE);
}

char *
lodge_qemu_img_find (void)
{
  const char *folder = g_getenv ("LODGE_QEMU_DIR");
  g_autofree char *path = folder != NULL ? g_build_filename (folder, "qemu-img", NULL) : NULL;

  if (path != NULL && g_file_test (path, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&path);

  return g_find_program_in_path ("qemu-img");
}

/* Takes a task for @result. */
static GTask *
job_new (ResultFunc result, gpointer tag, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, data);
  Job *job = g_new0 (Job, 1);

  job->result = result;
  g_task_set_task_data (task, job, g_free);
  g_task_set_source_tag (task, tag);
  g_task_set_check_cancellable (task, FALSE);

  return task;
}

/* Runs it with @words (NULL: left out). @read, @below and @write: (nullable): the paths it may reach. */
static void
run (GTask *task, LodgeSandbox *sandbox, const char *read, const char *const *below, const char *write,
     const char *const *words, guint n_words)
{
  Job *job = g_task_get_task_data (task);
  g_autofree char *binary = lodge_qemu_img_find ();
  g_autofree char *folder = binary != NULL ? g_path_get_dirname (binary) : NULL;
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  const char *read_only[] = { NULL, NULL, NULL };
  const char *read_write[] = { write, job->write_too, NULL };
  LodgeSandboxSpec spec = { .read_only = read_only, .read_write = read_write, .frozen = below,
                            .new_session = TRUE, .die_with_parent = TRUE };
  guint n = 0;

  if (binary == NULL)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NO_QEMU, "there is no qemu-img");
      return;
    }
  if (!g_str_has_prefix (folder, "/usr/"))
    read_only[n++] = folder;
  if (read != NULL)
    read_only[n++] = read;

  g_ptr_array_add (argv, binary);
  for (guint i = 0; i < n_words; i++)
    if (words[i] != NULL)
      g_ptr_array_add (argv, (gpointer) words[i]);
  g_ptr_array_add (argv, NULL);

  lodge_subprocess_run_async (sandbox, &spec, (const char *const *) argv->pdata, MAX_OUTPUT,
                              job->progress != NULL ? progress_cb : NULL, job,
                              g_task_get_cancellable (task), ran_cb, g_object_ref (task));
}

/* qemu-img would overwrite without a word. */
static gboolean
refuse_existing (GTask *task, const char *path)
{
  if (!g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    return FALSE;
  g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_EXISTS, "%s is there already", path);

  return TRUE;
}

void
lodge_qemu_img_create_async (LodgeSandbox *sandbox, const char *path, const char *format, guint64 size,
                             const char *backing, const char *backing_format, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = job_new (done_result, lodge_qemu_img_create_async, cancellable, callback, data);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, size);
  const char *plain[] = { "create", "-q", "-f", format, path, bytes };
  const char *overlay[] = { "create", "-q", "-f", format, "-u", "-b", backing, "-F", backing_format, path, bytes };

  g_return_if_fail (g_path_is_absolute (path) && (backing == NULL || backing_format != NULL));
  if (refuse_existing (task, path))
    return;
  if (backing != NULL)
    run (task, sandbox, NULL, NULL, folder, overlay, G_N_ELEMENTS (overlay));
  else
    run (task, sandbox, NULL, NULL, folder, plain, G_N_ELEMENTS (plain));
}

gboolean
lodge_qemu_img_create_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
lodge_image_info_free (LodgeImageInfo *info)
{
  g_free (info->format);
  g_free (info->backing_file);
  g_free (info->backing_format);
  g_free (info->data_file);
  g_free (info);
}

static void
info_result (GTask *task, const LodgeOutput *output)
{
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) error = NULL;
  JsonObject *object, *specific;
  LodgeImageInfo *info;

  if (output->exit_code != 0)
    {
      return_failure (task, NULL, output);
      return;
    }
  node = lodge_json_parse (output->text, output->length, &error);
  object = lodge_qmp_node_object (node);
  if (lodge_qmp_string (object, "format") == NULL || lodge_qmp_integer (object, "virtual-size", -1) < 0)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IO, "qemu-img's answer cannot be understood%s%s",
                               error != NULL ? ": " : "", error != NULL ? error->message : "");
      return;
    }

  specific = lodge_qmp_object (lodge_qmp_object (object, "format-specific"), "data");
  info = g_new0 (LodgeImageInfo, 1);
  info->format = g_strdup (lodge_qmp_string (object, "format"));
  info->virtual_size = lodge_qmp_integer (object, "virtual-size", 0);
  info->actual_size = MAX (0, lodge_qmp_integer (object, "actual-size", 0));
  info->backing_file = g_strdup (lodge_qmp_string (object, "backing-filename"));
  info->backing_format = g_strdup (lodge_qmp_string (object, "backing-filename-format"));
  info->data_file = g_strdup (lodge_qmp_string (specific, "data-file"));
  info->dirty = lodge_qmp_boolean (object, "dirty-flag", FALSE);
  info->corrupt = lodge_qmp_boolean (specific, "corrupt", FALSE);
  info->encrypted = lodge_qmp_boolean (object, "encrypted", FALSE);
  g_task_return_pointer (task, info, (GDestroyNotify) lodge_image_info_free);
}

void
lodge_qemu_img_info_async (LodgeSandbox *sandbox, const char *path, const char *format,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = job_new (info_result, lodge_qemu_img_info_async, cancellable, callback, data);
  const char *words[] = { "info", "-U", "--output=json", format != NULL ? "-f" : NULL, format, path };

  g_return_if_fail (g_path_is_absolute (path));
  run (task, sandbox, path, NULL, NULL, words, G_N_ELEMENTS (words));
}

LodgeImageInfo *
lodge_qemu_img_info_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
lodge_qemu_img_convert_async (LodgeSandbox *sandbox, const char *source, const char *source_format,
                              const char *const *below, const char *target, const char *target_format,
                              LodgeProgressFunc progress, gpointer progress_data, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = job_new (done_result, lodge_qemu_img_convert_async, cancellable, callback, data);
  Job *job = g_task_get_task_data (task);
  g_autofree char *folder = g_path_get_dirname (target);
  const char *words[] = { "convert", progress != NULL ? "-p" : NULL, "-f", source_format, "-O", target_format,
                          source, target };

  g_return_if_fail (g_path_is_absolute (source) && g_path_is_absolute (target));
  job->progress = progress;
  job->progress_data = progress_data;
  if (!refuse_existing (task, target))
    run (task, sandbox, source, below, folder, words, G_N_ELEMENTS (words));
}

gboolean
lodge_qemu_img_convert_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
lodge_qemu_img_resize_async (LodgeSandbox *sandbox, const char *path, const char *format, guint64 size,
                             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = job_new (done_result, lodge_qemu_img_resize_async, cancellable, callback, data);
  g_autofree char *bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, size);
  const char *words[] = { "resize", "-q", "-f", format, path, bytes };

  g_return_if_fail (g_path_is_absolute (path));
  run (task, sandbox, NULL, NULL, path, words, G_N_ELEMENTS (words));
}

gboolean
lodge_qemu_img_resize_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
lodge_qemu_img_rebase_async (LodgeSandbox *sandbox, const char *path, const char *const *below, const char *backing,
                             const char *backing_format, LodgeProgressFunc progress, gpointer progress_data,
                             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = job_new (done_result, lodge_qemu_img_rebase_async, cancellable, callback, data);
  Job *job = g_task_get_task_data (task);
  gboolean alone = *backing == '\0';
  /* Written through: else the tables that find what was copied are written when the tool ends, after the header has
   * forgotten the image below, and a kill in between loses what was read there (seen in 295 of 425 kills; so in 0 of 120). */
  const char *words[] = { "rebase", progress != NULL ? "-p" : NULL, "-t", "writethrough", "-f", "qcow2", "-b", backing,
                          alone ? NULL : "-F", alone ? NULL : backing_format, path };

  g_return_if_fail (g_path_is_absolute (path) && (alone || backing_format != NULL));
  job->progress = progress;
  job->progress_data = progress_data;
  run (task, sandbox, NULL, below, path, words, G_N_ELEMENTS (words));
}

gboolean
lodge_qemu_img_rebase_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
lodge_qemu_img_commit_async (LodgeSandbox *sandbox, const char *path, const char *const *below, LodgeProgressFunc progress,
                             gpointer progress_data, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = job_new (done_result, lodge_qemu_img_commit_async, cancellable, callback, data);
  Job *job = g_task_get_task_data (task);
  const char *words[] = { "commit", progress != NULL ? "-p" : NULL, "-d", "-f", "qcow2", path };

  g_return_if_fail (g_path_is_absolute (path) && below[0] != NULL);
  job->progress = progress;
  job->progress_data = progress_data;
  job->write_too = below[0];
  run (task, sandbox, NULL, below + 1, path, words, G_N_ELEMENTS (words));
}

gboolean
lodge_qemu_img_commit_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
measure_result (GTask *task, const LodgeOutput *output)
{
  g_autoptr (JsonNode) node = NULL;
  gint64 required;
  guint64 *bytes;

  if (output->exit_code != 0)
    {
      return_failure (task, NULL, output);
      return;
    }
  node = lodge_json_parse (output->text, output->length, NULL);
  required = lodge_qmp_integer (lodge_qmp_node_object (node), "required", -1);
  if (required < 0)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IO, "qemu-img's answer cannot be understood");
      return;
    }
  bytes = g_new (guint64, 1);
  *bytes = (guint64) required;
  g_task_return_pointer (task, bytes, g_free);
}

void
lodge_qemu_img_measure_async (LodgeSandbox *sandbox, const char *path, const char *format, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = job_new (measure_result, lodge_qemu_img_measure_async, cancellable, callback, data);
  /* Of the formats that the tool can measure qcow2 is the one that holds only what there is. */
  const char *words[] = { "measure", "--output=json", "-O", "qcow2", "-f", format, path };

  g_return_if_fail (g_path_is_absolute (path));
  run (task, sandbox, path, NULL, NULL, words, G_N_ELEMENTS (words));
}

gboolean
lodge_qemu_img_measure_finish (GAsyncResult *result, guint64 *bytes, GError **error)
{
  g_autofree guint64 *found = g_task_propagate_pointer (G_TASK (result), error);

  if (found != NULL)
    *bytes = *found;

  return found != NULL;
}

static void
check_result (GTask *task, const LodgeOutput *output)
{
  g_autoptr (JsonNode) node = NULL;
  JsonObject *object;
  LodgeImageCheck *check;

  if (output->exit_code == CHECK_UNSUPPORTED)
    {
      g_task_return_pointer (task, g_new0 (LodgeImageCheck, 1), g_free);
      return;
    }
  node = lodge_json_parse (output->text, output->length, NULL);
  object = lodge_qmp_node_object (node);
  if (object == NULL || lodge_qmp_integer (object, "check-errors", 0) > 0 ||
      (output->exit_code != 0 && output->exit_code != CHECK_CORRUPT && output->exit_code != CHECK_LEAKS))
    {
      return_failure (task, NULL, output);
      return;
    }

  check = g_new0 (LodgeImageCheck, 1);
  check->corruptions = MAX (0, lodge_qmp_integer (object, "corruptions", 0));
  check->leaks = MAX (0, lodge_qmp_integer (object, "leaks", 0));
  check->fixed = MAX (0, lodge_qmp_integer (object, "corruptions-fixed", 0)) +
                 MAX (0, lodge_qmp_integer (object, "leaks-fixed", 0));
  g_task_return_pointer (task, check, g_free);
}

void
lodge_qemu_img_check_async (LodgeSandbox *sandbox, const char *path, const char *format,
                            const char *const *below, LodgeImageRepair repair,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = job_new (check_result, lodge_qemu_img_check_async, cancellable, callback, data);
  const char *words[] = { "check", "--output=json", "-f", format, repair != LODGE_IMAGE_REPAIR_NONE ? "-r" : NULL,
                          repair == LODGE_IMAGE_REPAIR_ALL ? "all" : repair == LODGE_IMAGE_REPAIR_LEAKS ? "leaks" : NULL, path };

  g_return_if_fail (g_path_is_absolute (path));
  run (task, sandbox, repair ? NULL : path, below, repair ? path : NULL, words, G_N_ELEMENTS (words));
}

gboolean
lodge_qemu_img_check_finish (GAsyncResult *result, LodgeImageCheck *check, GError **error)
{
  g_autofree LodgeImageCheck *found = g_task_propagate_pointer (G_TASK (result), error);

  if (found != NULL)
    *check = *found;

  return found != NULL;
}
