/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/machine/lodge-backups.h"

#include "core/machine/lodge-machine-backup.h"

#include <string.h>
#include <unistd.h>

/* What fits into one message of D-Bus many times. */
#define LISTED_MAX 10000

typedef struct
{
  int        folder;
  char      *id;      /* (owned) (nullable) */
  char      *machine; /* (owned) (nullable) */
  LodgeJob  *job;     /* (owned) (nullable) */
  LodgeMeter meter;
} Call;

static void
call_free (gpointer data)
{
  Call *call = data;

  lodge_meter_end (&call->meter);
  g_clear_object (&call->job);
  if (call->folder >= 0)
    close (call->folder);
  g_free (call->id);
  g_free (call->machine);
  g_free (call);
}

/* Returns: (transfer full): with a Call as its data; NULL when it has failed already, which is told */
static GTask *
task_new (int folder, const char *id, GVariant *options, const char *const *known, gpointer tag, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, data);
  Call *call = g_new0 (Call, 1);
  GError *error = NULL;

  call->folder = -1;
  call->id = g_strdup (id);
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, call, call_free);
  if (lodge_machine_check_options (options, known, &error) && (call->folder = lodge_backup_take_folder (folder, &error)) >= 0)
    return g_steal_pointer (&task);
  g_task_return_error (task, error);
  return NULL;
}

/* @id: its two parts. */
static LodgeBackupSet *
open_set (int folder, const char *id, const char **backup, GError **error)
{
  const char *slash = strchr (id, '/');
  g_autofree char *name = slash != NULL ? g_strndup (id, (gsize) (slash - id)) : NULL;

  if (name == NULL)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "there is no such backup in this folder");
      return NULL;
    }
  *backup = slash + 1;
  return lodge_backup_set_open (folder, name, error);
}

LodgeBackupSet *
lodge_backups_open (int folder, const char *id, LodgeBackup **backup, GError **error)
{
  const char *name;
  g_autoptr (LodgeBackupSet) set = open_set (folder, id, &name, error);

  if (set == NULL || !lodge_backup_set_lock_shared (set, error))
    return NULL;
  *backup = lodge_backup_set_read (set, name, error);
  return *backup != NULL ? g_steal_pointer (&set) : NULL;
}

/* ---- List ---- */

static GVariant *
describe (LodgeBackupSet *set, const char *id, LodgeBackup *backup, const GError *fault)
{
  g_autofree char *whole = g_strdup_printf ("%s/%s", set->name, id);
  GVariantDict facts;
  guint64 size = 0;
  gint64 verified = 0;
  gboolean sound = FALSE;

  g_variant_dict_init (&facts, NULL);
  g_variant_dict_insert (&facts, "id", "s", whole);
  if (backup == NULL)
    {
      g_autofree char *message = g_utf8_make_valid (fault->message, -1);

      g_variant_dict_insert (&facts, "fault", "s", lodge_error_code_name (fault->code));
      g_variant_dict_insert (&facts, "message", "s", message);
      return g_variant_dict_end (&facts);
    }
  for (guint i = 0; i < backup->disks->len; i++)
    size += ((const LodgeBackupDisk *) g_ptr_array_index (backup->disks, i))->size;
  g_variant_dict_insert (&facts, "fault", "s", "");
  g_variant_dict_insert (&facts, "machine", "s", backup->machine);
  g_variant_dict_insert (&facts, "name", "s", backup->name);
  g_variant_dict_insert (&facts, "created", "x", backup->created);
  g_variant_dict_insert (&facts, "size", "t", size);
  g_variant_dict_insert (&facts, "stored", "t", lodge_backup_set_size (set, id));
  g_variant_dict_insert (&facts, "incremental", "b", lodge_backup_is_increment (backup));
  g_variant_dict_insert (&facts, "consistent", "s", lodge_backup_kind_name (backup->kind));
  if (lodge_backup_set_get_note (set, id, &verified, &sound))
    {
      g_variant_dict_insert (&facts, "verified", "x", verified);
      g_variant_dict_insert (&facts, "damaged", "b", !sound);
    }
  return g_variant_dict_end (&facts);
}

static guint
list_set (int folder, const char *name, const char *machine, GVariantBuilder *list, guint n)
{
  g_autoptr (LodgeBackupSet) set = lodge_backup_set_open (folder, name, NULL);
  g_autoptr (GPtrArray) ids = set != NULL ? lodge_backup_set_ids (set) : NULL;

  for (guint i = 0; ids != NULL && i < ids->len && n < LISTED_MAX; i++)
    {
      const char *id = g_ptr_array_index (ids, i);
      g_autoptr (GError) fault = NULL;
      g_autoptr (LodgeBackup) backup = lodge_backup_set_read (set, id, &fault);

      if (machine != NULL && (backup == NULL || strcmp (backup->machine, machine) != 0))
        continue;
      g_variant_builder_add_value (list, describe (set, id, backup, fault));
      n++;
    }
  return n;
}

static void
list_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Call *call = data;
  GError *error = NULL;
  g_autoptr (GPtrArray) names = lodge_backup_set_names (call->folder, &error);
  GVariantBuilder list;
  guint n = 0;

  if (names == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < names->len; i++)
    n = list_set (call->folder, g_ptr_array_index (names, i), call->machine, &list, n);
  g_task_return_pointer (task, g_variant_ref_sink (g_variant_builder_end (&list)), (GDestroyNotify) g_variant_unref);
}

void
lodge_backups_list_async (int folder, GVariant *options, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const known[] = { "machine", "s", NULL };
  g_autoptr (GTask) task = task_new (folder, NULL, options, known, lodge_backups_list_async, callback, data);

  if (task == NULL)
    return;
  g_variant_lookup (options, "machine", "s", &((Call *) g_task_get_task_data (task))->machine);
  g_task_run_in_thread (task, list_thread);
}

GVariant *
lodge_backups_list_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- Verify ---- */

static gboolean
verify_disk (LodgeBackupReader *reader, guint64 size, LodgeMeter *meter, GError **error)
{
  g_autofree guint8 *block = g_malloc (LODGE_BACKUP_BLOCK);
  gboolean zero;

  for (guint64 n = lodge_backup_count_blocks (size); n > 0; n--)
    {
      if (!lodge_meter_check (meter, error) || !lodge_backup_reader_next (reader, block, &zero, error))
        return FALSE;
      if (!zero)
        lodge_meter_add (meter, LODGE_BACKUP_BLOCK);
    }
  return TRUE;
}

static gboolean
verify_all (LodgeBackupSet *set, const LodgeBackup *backup, LodgeMeter *meter, GError **error)
{
  g_autoptr (GPtrArray) readers = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_backup_reader_free);
  guint64 total = 0;

  for (guint i = 0; i < backup->files->len; i++)
    if (!lodge_backup_extract (set, backup, i, -1, error))
      return FALSE;
  for (guint i = 0; i < backup->disks->len; i++)
    {
      LodgeBackupReader *reader = lodge_backup_reader_new (set, backup, i, error);

      if (reader == NULL)
        return FALSE;
      g_ptr_array_add (readers, reader);
      total += lodge_backup_reader_get_data (reader);
    }
  lodge_meter_set_total (meter, total);
  for (guint i = 0; i < readers->len; i++)
    if (!verify_disk (g_ptr_array_index (readers, i), ((const LodgeBackupDisk *) g_ptr_array_index (backup->disks, i))->size, meter, error))
      return FALSE;
  return TRUE;
}

gboolean
lodge_backup_verify (LodgeBackupSet *set, const LodgeBackup *backup, LodgeMeter *meter, GError **error)
{
  g_autoptr (GError) own = NULL;
  gboolean whole = verify_all (set, backup, meter, &own);

  /* One that was cancelled, or could not be read, is neither. */
  if (whole || g_error_matches (own, LODGE_ERROR, LODGE_ERROR_DAMAGED))
    lodge_backup_set_note (set, backup->id, g_get_real_time () / G_USEC_PER_SEC, whole);
  if (!whole)
    g_propagate_error (error, g_steal_pointer (&own));
  return whole;
}

static void
verify_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Call *call = data;
  GError *error = NULL;
  g_autoptr (LodgeBackup) backup = NULL;
  g_autoptr (LodgeBackupSet) set = lodge_backups_open (call->folder, call->id, &backup, &error);
  GVariantDict facts;

  if (set == NULL || !lodge_backup_verify (set, backup, &call->meter, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  g_variant_dict_init (&facts, NULL);
  g_variant_dict_insert (&facts, "bytes", "t", call->meter.total);
  g_variant_dict_insert (&facts, "disks", "u", backup->disks->len);
  g_task_return_pointer (task, g_variant_ref_sink (g_variant_dict_end (&facts)), (GDestroyNotify) g_variant_unref);
}

void
lodge_backups_verify_async (int folder, const char *id, GVariant *options, LodgeJob *job, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const none[] = { NULL };
  g_autoptr (GTask) task = task_new (folder, id, options, none, lodge_backups_verify_async, callback, data);
  Call *call = task != NULL ? g_task_get_task_data (task) : NULL;

  if (task == NULL)
    return;
  call->job = g_object_ref (job);
  lodge_meter_begin (&call->meter, job);
  g_task_run_in_thread (task, verify_thread);
}

GVariant *
lodge_backups_verify_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- Delete ---- */

static void
delete_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Call *call = data;
  const char *name;
  GError *error = NULL;
  g_autoptr (LodgeBackupSet) set = open_set (call->folder, call->id, &name, &error);

  if (set == NULL || !lodge_backup_set_lock (set, &error) || !lodge_backup_set_delete (set, name, &error))
    g_task_return_error (task, error);
  else
    {
      lodge_backup_set_remove_if_empty (set, call->folder);
      g_task_return_boolean (task, TRUE);
    }
}

void
lodge_backups_delete_async (int folder, const char *id, GVariant *options, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const none[] = { NULL };
  g_autoptr (GTask) task = task_new (folder, id, options, none, lodge_backups_delete_async, callback, data);

  if (task != NULL)
    g_task_run_in_thread (task, delete_thread);
}

gboolean
lodge_backups_delete_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
