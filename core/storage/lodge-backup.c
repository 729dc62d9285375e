/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-backup.h"

#include "core/config/lodge-json.h"
#include "core/config/lodge-profile.h"
#include "core/qemu/lodge-qmp-value.h"

#include <string.h>

#define SCHEMA 1
#define DIGITS "0123456789"
#define HEX DIGITS "abcdef"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const char *const kind_names[] = { "off", "frozen", "running" };

static void
file_free (gpointer data)
{
  LodgeBackupFile *file = data;

  g_free (file->role);
  g_free (file->sha256);
  g_free (file);
}

static void
disk_free (gpointer data)
{
  LodgeBackupDisk *disk = data;

  g_free (disk->id);
  g_free (disk->sha256);
  g_free (disk);
}

LodgeBackup *
lodge_backup_new (void)
{
  LodgeBackup *backup = g_new0 (LodgeBackup, 1);

  backup->sources = g_ptr_array_new_with_free_func (g_free);
  backup->files = g_ptr_array_new_with_free_func (file_free);
  backup->disks = g_ptr_array_new_with_free_func (disk_free);
  return backup;
}

void
lodge_backup_free (LodgeBackup *backup)
{
  if (backup == NULL)
    return;
  g_free (backup->id);
  g_free (backup->machine);
  g_free (backup->name);
  g_ptr_array_unref (backup->sources);
  g_ptr_array_unref (backup->files);
  g_ptr_array_unref (backup->disks);
  g_free (backup);
}

char *
lodge_backup_new_id (gint64 time)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_utc (time);
  g_autofree char *text = g_date_time_format (date, "%Y%m%d-%H%M%S");

  return g_strdup_printf ("%s-%08x", text, g_random_int ());
}

gboolean
lodge_backup_is_id (const char *text)
{
  return text != NULL && strlen (text) == 24 && strspn (text, DIGITS) == 8 && text[8] == '-' && strspn (text + 9, DIGITS) == 6
         && text[15] == '-' && strspn (text + 16, HEX) == 8;
}

const char *
lodge_backup_kind_name (LodgeBackupKind kind)
{
  return kind_names[kind];
}

void
lodge_backup_add_file (LodgeBackup *backup, const char *role, guint64 size, const char *sha256)
{
  LodgeBackupFile *file = g_new0 (LodgeBackupFile, 1);

  file->role = g_strdup (role);
  file->size = size;
  file->sha256 = g_strdup (sha256);
  g_ptr_array_add (backup->files, file);
}

void
lodge_backup_add_disk (LodgeBackup *backup, const char *id, guint64 size, const char *sha256)
{
  LodgeBackupDisk *disk = g_new0 (LodgeBackupDisk, 1);

  disk->id = g_strdup (id);
  disk->size = size;
  disk->sha256 = g_strdup (sha256);
  g_ptr_array_add (backup->disks, disk);
}

gboolean
lodge_backup_is_increment (const LodgeBackup *backup)
{
  return backup->sources->len > 1;
}

int
lodge_backup_find_file (const LodgeBackup *backup, const char *role)
{
  for (guint i = 0; i < backup->files->len; i++)
    if (strcmp (((const LodgeBackupFile *) g_ptr_array_index (backup->files, i))->role, role) == 0)
      return (int) i;
  return -1;
}

int
lodge_backup_find_disk (const LodgeBackup *backup, const char *id)
{
  for (guint i = 0; i < backup->disks->len; i++)
    if (strcmp (((const LodgeBackupDisk *) g_ptr_array_index (backup->disks, i))->id, id) == 0)
      return (int) i;
  return -1;
}

static gboolean
made_of (const char *text, gsize max, const char *characters)
{
  gsize length = strlen (text);

  return length > 0 && length <= max && strspn (text, characters) == length;
}

gboolean
lodge_backup_is_role (const char *role)
{
  static const char *const roles[] = { "machine.json", "vars", "kernel", "initrd", NULL };

  if (g_strv_contains (roles, role))
    return TRUE;
  return g_str_has_prefix (role, "tpm/") && role[4] != '.' && made_of (role + 4, 64, LOWER UPPER DIGITS "._-");
}

/* ---- The document ---- */

static gboolean
refuse (GError **error, const char *what)
{
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "this is not the description of a backup: %s", what);
  return FALSE;
}

static gboolean
is_sha256 (const char *text)
{
  return text != NULL && strlen (text) == 64 && made_of (text, 64, HEX);
}

static gboolean
is_disk_id (const char *id)
{
  return id != NULL && made_of (id, 32, LOWER DIGITS "-") && strchr (LOWER, *id) != NULL;
}

static gboolean
is_size (gint64 size, guint64 max)
{
  return size >= 0 && (guint64) size <= max;
}

static gboolean
take_sources (LodgeBackup *backup, JsonArray *array, GError **error)
{
  guint n = array != NULL ? json_array_get_length (array) : 0;

  if (n < 1 || n > LODGE_BACKUP_SOURCES_MAX)
    return refuse (error, "the list of backups that it builds on");
  for (guint i = 0; i < n; i++)
    {
      JsonNode *node = json_array_get_element (array, i);
      const char *id = JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;

      if (!lodge_backup_is_id (id) || (i == 0) != (strcmp (id, backup->id) == 0))
        return refuse (error, "the name of a backup that it builds on");
      g_ptr_array_add (backup->sources, g_strdup (id));
    }
  return TRUE;
}

static gboolean
take_files (LodgeBackup *backup, JsonArray *array, GError **error)
{
  guint n = array != NULL ? json_array_get_length (array) : 0;

  if (n > LODGE_BACKUP_FILES_MAX)
    return refuse (error, "too many files");
  for (guint i = 0; i < n; i++)
    {
      JsonObject *object = lodge_qmp_element (array, i);
      const char *role = lodge_qmp_string (object, "role"), *sha256 = lodge_qmp_string (object, "sha256");
      gint64 size = lodge_qmp_integer (object, "size", -1);

      if (role == NULL || !lodge_backup_is_role (role) || lodge_backup_find_file (backup, role) >= 0 || !is_sha256 (sha256)
          || !is_size (size, LODGE_BACKUP_FILE_MAX))
        return refuse (error, "one of its files");
      lodge_backup_add_file (backup, role, (guint64) size, sha256);
    }
  return lodge_backup_find_file (backup, "machine.json") >= 0 || refuse (error, "it has no machine.json");
}

static gboolean
take_disks (LodgeBackup *backup, JsonArray *array, GError **error)
{
  guint n = array != NULL ? json_array_get_length (array) : 0;

  if (n > LODGE_BACKUP_DISKS_MAX)
    return refuse (error, "too many disks");
  for (guint i = 0; i < n; i++)
    {
      JsonObject *object = lodge_qmp_element (array, i);
      const char *id = lodge_qmp_string (object, "id"), *sha256 = lodge_qmp_string (object, "sha256");
      gint64 size = lodge_qmp_integer (object, "size", -1);

      if (!is_disk_id (id) || lodge_backup_find_disk (backup, id) >= 0 || !is_sha256 (sha256) || !is_size (size, LODGE_BACKUP_DISK_MAX))
        return refuse (error, "one of its disks");
      lodge_backup_add_disk (backup, id, (guint64) size, sha256);
    }
  return TRUE;
}

static gboolean
take_kind (LodgeBackup *backup, const char *word, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (kind_names); i++)
    if (g_strcmp0 (word, kind_names[i]) == 0)
      {
        backup->kind = (LodgeBackupKind) i;
        return TRUE;
      }
  return refuse (error, "how the machine was");
}

LodgeBackup *
lodge_backup_parse (const char *data, gsize length, GError **error)
{
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (LodgeBackup) backup = lodge_backup_new ();
  JsonObject *object;
  gint64 blocks;

  if (length > LODGE_BACKUP_MANIFEST_MAX || (node = lodge_json_parse (data, length, NULL)) == NULL
      || (object = lodge_qmp_node_object (node)) == NULL)
    {
      refuse (error, "it is no JSON");
      return NULL;
    }
  if (lodge_qmp_integer (object, "schema", 0) > SCHEMA)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NEWER_SCHEMA, "the backup was made by a newer Lodge");
      return NULL;
    }
  backup->id = g_strdup (lodge_qmp_string (object, "id"));
  backup->machine = g_strdup (lodge_qmp_string (object, "machine"));
  backup->name = g_strdup (lodge_qmp_string (object, "name"));
  backup->created = lodge_qmp_integer (object, "created", -1);
  blocks = lodge_qmp_integer (object, "blocks", -1);
  if (lodge_qmp_integer (object, "schema", 0) != SCHEMA || lodge_qmp_integer (object, "block-size", 0) != LODGE_BACKUP_BLOCK)
    refuse (error, "the size of its blocks");
  else if (!lodge_backup_is_id (backup->id) || backup->machine == NULL || !g_uuid_string_is_valid (backup->machine))
    refuse (error, "its id");
  else if (backup->name == NULL || !lodge_name_validate (backup->name, NULL) || !is_size (backup->created, 253402300799)
           || !is_size (blocks, LODGE_BACKUP_DISKS_MAX * (LODGE_BACKUP_DISK_MAX / LODGE_BACKUP_BLOCK)))
    refuse (error, "its name, time or size");
  else if (take_kind (backup, lodge_qmp_string (object, "state"), error)
           && take_sources (backup, lodge_qmp_array (object, "sources"), error)
           && take_files (backup, lodge_qmp_array (object, "files"), error)
           && take_disks (backup, lodge_qmp_array (object, "disks"), error))
    {
      backup->blocks = (guint64) blocks;
      return g_steal_pointer (&backup);
    }
  return NULL;
}

char *
lodge_backup_print (const LodgeBackup *backup, gsize *length)
{
  g_autoptr (JsonObject) object = json_object_new ();
  JsonArray *sources = json_array_new (), *files = json_array_new (), *disks = json_array_new ();

  json_object_set_int_member (object, "schema", SCHEMA);
  json_object_set_string_member (object, "id", backup->id);
  json_object_set_string_member (object, "machine", backup->machine);
  json_object_set_string_member (object, "name", backup->name);
  json_object_set_int_member (object, "created", backup->created);
  json_object_set_string_member (object, "state", kind_names[backup->kind]);
  json_object_set_int_member (object, "block-size", LODGE_BACKUP_BLOCK);
  json_object_set_int_member (object, "blocks", (gint64) backup->blocks);
  for (guint i = 0; i < backup->sources->len; i++)
    json_array_add_string_element (sources, g_ptr_array_index (backup->sources, i));
  for (guint i = 0; i < backup->files->len; i++)
    {
      const LodgeBackupFile *file = g_ptr_array_index (backup->files, i);
      JsonObject *entry = json_object_new ();

      json_object_set_string_member (entry, "role", file->role);
      json_object_set_int_member (entry, "size", (gint64) file->size);
      json_object_set_string_member (entry, "sha256", file->sha256);
      json_array_add_object_element (files, entry);
    }
  for (guint i = 0; i < backup->disks->len; i++)
    {
      const LodgeBackupDisk *disk = g_ptr_array_index (backup->disks, i);
      JsonObject *entry = json_object_new ();

      json_object_set_string_member (entry, "id", disk->id);
      json_object_set_int_member (entry, "size", (gint64) disk->size);
      json_object_set_string_member (entry, "sha256", disk->sha256);
      json_array_add_object_element (disks, entry);
    }
  json_object_set_array_member (object, "sources", sources);
  json_object_set_array_member (object, "files", files);
  json_object_set_array_member (object, "disks", disks);
  return lodge_json_print (object, length);
}
