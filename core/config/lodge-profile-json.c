/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Three tables say which keys machine.json has: of the machine, of a disk, of a network card. Reading takes each known
 * key out of the document into the structure; what is left over belongs to a later Lodge or to the
 * person, is kept as it is, and is written back behind the known keys. A key that is absent has the
 * default of the schema, which never depends on the family or on the version of Lodge: the same
 * file is the same machine everywhere.
 *
 * A document of an older schema is brought forward step by step in memory before it is read; the
 * file itself changes with the next save, which keeps the older generations beside it.
 */

#include "config.h"

#include "core/config/lodge-json.h"
#include "core/config/lodge-profile-private.h"

#define STRING(key, Type, member) { key, LODGE_FIELD_STRING, G_STRUCT_OFFSET (Type, member), NULL, FALSE, 0, 0, FALSE }
#define NEEDED_STRING(key, Type, member) { key, LODGE_FIELD_STRING, G_STRUCT_OFFSET (Type, member), NULL, TRUE, 0, 0, FALSE }
#define WORD(key, Type, member, words) { key, LODGE_FIELD_WORD, G_STRUCT_OFFSET (Type, member), words, FALSE, 0, 0, FALSE }
#define NEEDED_WORD(key, Type, member, words) { key, LODGE_FIELD_WORD, G_STRUCT_OFFSET (Type, member), words, TRUE, 0, 0, FALSE }
#define BOOL(key, Type, member) { key, LODGE_FIELD_BOOL, G_STRUCT_OFFSET (Type, member), NULL, FALSE, 0, 0, FALSE }
#define NUMBER(key, Type, member, min, max) { key, LODGE_FIELD_UINT, G_STRUCT_OFFSET (Type, member), NULL, FALSE, min, max, FALSE }
#define NEEDED_NUMBER(key, Type, member, min, max) { key, LODGE_FIELD_UINT, G_STRUCT_OFFSET (Type, member), NULL, TRUE, min, max, FALSE }
#define TIME(key, Type, member) { key, LODGE_FIELD_INT64, G_STRUCT_OFFSET (Type, member), NULL, FALSE, 0, 0, FALSE }

const LodgeField lodge_profile_fields[] = {
  NEEDED_STRING ("id", LodgeProfile, id),
  NEEDED_STRING ("name", LodgeProfile, name),
  TIME ("created", LodgeProfile, created),
  STRING ("os", LodgeProfile, os),
  NEEDED_WORD ("family", LodgeProfile, family, lodge_family_words),
  NEEDED_WORD ("arch", LodgeProfile, arch, lodge_arch_words),
  NEEDED_WORD ("chipset", LodgeProfile, chipset, lodge_chipset_words),
  STRING ("machine-type", LodgeProfile, machine_type),
  WORD ("cpu", LodgeProfile, cpu_model, lodge_cpu_words),
  NEEDED_NUMBER ("cores", LodgeProfile, cores, 1, LODGE_CORES_MAX),
  { "memory", LODGE_FIELD_UINT64, G_STRUCT_OFFSET (LodgeProfile, memory), NULL, TRUE, LODGE_MEMORY_MIN, LODGE_MEMORY_MAX, TRUE },
  NEEDED_WORD ("firmware", LodgeProfile, firmware, lodge_firmware_words),
  BOOL ("secure-boot", LodgeProfile, secure_boot),
  BOOL ("tpm", LodgeProfile, tpm),
  WORD ("video", LodgeProfile, video, lodge_video_words),
  BOOL ("3d", LodgeProfile, accel_3d),
  WORD ("sound", LodgeProfile, sound, lodge_sound_words),
  WORD ("pointer", LodgeProfile, pointer, lodge_pointer_words),
  WORD ("clock", LodgeProfile, clock, lodge_clock_words),
  BOOL ("hyperv", LodgeProfile, hyperv),
  BOOL ("balloon", LodgeProfile, balloon),
  BOOL ("demo", LodgeProfile, demo),
  NUMBER ("spare-ports", LodgeProfile, spare_ports, 0, LODGE_SPARE_PORTS_MAX),
  STRING ("kernel", LodgeProfile, kernel),
  STRING ("initrd", LodgeProfile, initrd),
  STRING ("append", LodgeProfile, append),
  { NULL }
};

const LodgeField lodge_disk_fields[] = {
  NEEDED_STRING ("id", LodgeDisk, id),
  STRING ("file", LodgeDisk, file),
  NEEDED_STRING ("format", LodgeDisk, format),
  { "size", LODGE_FIELD_UINT64, G_STRUCT_OFFSET (LodgeDisk, size), NULL, FALSE, 0, G_MAXINT64, TRUE },
  TIME ("mtime", LodgeDisk, mtime),
  NEEDED_WORD ("bus", LodgeDisk, bus, lodge_bus_words),
  BOOL ("cdrom", LodgeDisk, cdrom),
  NUMBER ("boot-order", LodgeDisk, boot_order, 0, 99),
  STRING ("address", LodgeDisk, address),
  { NULL }
};

const LodgeField lodge_nic_fields[] = {
  NEEDED_STRING ("id", LodgeNic, id),
  NEEDED_WORD ("network", LodgeNic, kind, lodge_network_words),
  WORD ("model", LodgeNic, model, lodge_nic_model_words),
  STRING ("mac", LodgeNic, mac),
  STRING ("address", LodgeNic, address),
  { NULL }
};

/* What few machines have is written only where it is so. */
static const LodgeField role_fields[] = {
  BOOL ("template", LodgeProfile, template),
  BOOL ("disposable", LodgeProfile, disposable),
  BOOL ("renew", LodgeProfile, renew),
  STRING ("snapshot", LodgeProfile, snapshot),
  STRING ("vars", LodgeProfile, vars),
  { NULL }
};

const LodgeField lodge_keep_fields[] = {
  NUMBER ("snapshot-every", LodgeProfile, snapshot_every, 0, LODGE_SNAPSHOT_EVERY_MAX),
  BOOL ("snapshot-before-start", LodgeProfile, snapshot_before_start),
  NUMBER ("backup-every", LodgeProfile, backup_every, 0, LODGE_BACKUP_EVERY_MAX),
  STRING ("backup-folder", LodgeProfile, backup_folder),
  { NULL }
};

static const LodgeField nic_boot_fields[] = {
  NUMBER ("boot-order", LodgeNic, boot_order, 0, 99),
  { NULL }
};

static const LodgeField parent_fields[] = {
  NEEDED_STRING ("machine", LodgeParent, machine),
  STRING ("snapshot", LodgeParent, snapshot),
  NEEDED_STRING ("kind", LodgeParent, kind),
  { NULL }
};

/* Schema 1 is the first, so there is nothing to bring forward yet. */
static const LodgeMigration migrations[] = { { 0, NULL } };

/* Reading */

static const char *
kind_of (JsonNode *node)
{
  switch (json_node_get_node_type (node))
    {
    case JSON_NODE_OBJECT:
      return "an object";
    case JSON_NODE_ARRAY:
      return "a list";
    case JSON_NODE_NULL:
      return "null";
    default:
      return json_node_get_value_type (node) == G_TYPE_BOOLEAN ? "true or false" : "a fraction";
    }
}

/* What stands in the file, for a sentence. */
static char *
describe (JsonNode *node)
{
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
    return lodge_quote (json_node_get_string (node));
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64)
    return g_strdup_printf ("%" G_GINT64_FORMAT, json_node_get_int (node));

  return g_strdup (kind_of (node));
}

static gboolean
holds (JsonNode *node, GType type)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type;
}

static void
read_string (const LodgeField *field, JsonNode *node, char **into, const char *path,
             LodgeFaults *faults)
{
  g_autofree char *found = describe (node);

  if (holds (node, G_TYPE_STRING))
    *into = json_node_dup_string (node);
  else if (!JSON_NODE_HOLDS_NULL (node) || field->required)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, path, "%s is not a text", found);
}

static void
read_number (const LodgeField *field, JsonNode *node, gpointer into, const char *path,
             LodgeFaults *faults)
{
  g_autofree char *found = describe (node);
  gint64 number;

  if (!holds (node, G_TYPE_INT64))
    {
      lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, path, "%s is not a number%s", found,
                        field->is_size ? " of bytes" : "");
      return;
    }

  number = json_node_get_int (node);
  if (field->type == LODGE_FIELD_INT64)
    *(gint64 *) into = number;
  else if (number < 0)
    lodge_faults_add (faults, LODGE_ERROR_OUT_OF_RANGE, path, "%s is negative", found);
  else if (field->type == LODGE_FIELD_UINT64)
    *(guint64 *) into = (guint64) number;
  else
    *(guint *) into = (guint) MIN (number, (gint64) G_MAXUINT);
}

static void
read_word (const LodgeField *field, JsonNode *node, guint *into, const char *path,
           LodgeFaults *faults)
{
  g_autofree char *found = describe (node);
  g_autofree char *known = g_strjoinv (", ", (char **) field->words);

  if (!holds (node, G_TYPE_STRING) ||
      !lodge_word_parse (field->words, json_node_get_string (node), into))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, path, "%s is not one of %s", found,
                      known);
}

static void
read_field (const LodgeField *field, JsonNode *node, gpointer into, const char *path,
            LodgeFaults *faults)
{
  g_autofree char *found = NULL;

  switch (field->type)
    {
    case LODGE_FIELD_STRING:
      read_string (field, node, into, path, faults);
      break;
    case LODGE_FIELD_UINT:
    case LODGE_FIELD_UINT64:
    case LODGE_FIELD_INT64:
      read_number (field, node, into, path, faults);
      break;
    case LODGE_FIELD_WORD:
      read_word (field, node, into, path, faults);
      break;
    case LODGE_FIELD_BOOL:
      found = describe (node);
      if (holds (node, G_TYPE_BOOLEAN))
        *(gboolean *) into = json_node_get_boolean (node);
      else
        lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, path, "%s is not true or false",
                          found);
      break;
    }
}

/* Takes the keys of @fields out of @object into @structure. */
static void
read_fields (const LodgeField *fields, JsonObject *object, gpointer structure, const char *prefix,
             LodgeFaults *faults)
{
  for (const LodgeField *field = fields; field->key != NULL; field++)
    {
      g_autofree char *path = g_strconcat (prefix, field->key, NULL);
      JsonNode *node = json_object_get_member (object, field->key);

      if (node != NULL)
        {
          read_field (field, node, G_STRUCT_MEMBER_P (structure, field->offset), path, faults);
          json_object_remove_member (object, field->key);
        }
      else if (field->required)
        {
          lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, path, "is missing");
        }
    }
}

static JsonObject *
left_over (JsonObject *object)
{
  return json_object_get_size (object) > 0 ? json_object_ref (object) : NULL;
}

/* The list at @key, taken out of @object; NULL when there is none or it is none. */
static JsonNode *
take_list (JsonObject *object, const char *key, guint max, LodgeFaults *faults)
{
  JsonNode *node = json_object_dup_member (object, key);
  guint length;

  json_object_remove_member (object, key);
  if (node == NULL)
    return NULL;

  if (!JSON_NODE_HOLDS_ARRAY (node))
    {
      g_autofree char *found = describe (node);

      lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, key, "%s is not a list", found);
      g_clear_pointer (&node, json_node_unref);
      return NULL;
    }

  length = json_array_get_length (json_node_get_array (node));
  if (length > max)
    {
      lodge_faults_add (faults, LODGE_ERROR_OUT_OF_RANGE, key, "has %u entries; at most %u can be used",
                        length, max);
      g_clear_pointer (&node, json_node_unref);
    }
  return node;
}

/* The object at @index, or NULL with a fault. */
static JsonObject *
list_object (JsonArray *list, guint index, const char *prefix, LodgeFaults *faults)
{
  JsonNode *node = json_array_get_element (list, index);
  g_autofree char *path = NULL;
  g_autofree char *found = NULL;

  if (JSON_NODE_HOLDS_OBJECT (node))
    return json_node_get_object (node);

  path = g_strndup (prefix, strlen (prefix) - 1); /* without the "." */
  found = describe (node);
  lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, path, "%s is not an object", found);
  return NULL;
}

static void
read_disks (LodgeProfile *profile, JsonObject *document, LodgeFaults *faults)
{
  g_autoptr (JsonNode) node = take_list (document, "disks", LODGE_DISKS_MAX, faults);
  JsonArray *list = node != NULL ? json_node_get_array (node) : NULL;

  for (guint i = 0; list != NULL && i < json_array_get_length (list); i++)
    {
      g_autofree char *prefix = g_strdup_printf ("disks[%u].", i);
      JsonObject *object = list_object (list, i, prefix, faults);
      LodgeDisk *disk;

      if (object == NULL)
        continue;
      disk = g_new0 (LodgeDisk, 1);
      g_ptr_array_add (profile->disks, disk);
      read_fields (lodge_disk_fields, object, disk, prefix, faults);
      disk->unknown = left_over (object);
    }
}

static void
read_nics (LodgeProfile *profile, JsonObject *document, LodgeFaults *faults)
{
  g_autoptr (JsonNode) node = take_list (document, "nics", LODGE_NICS_MAX, faults);
  JsonArray *list = node != NULL ? json_node_get_array (node) : NULL;

  for (guint i = 0; list != NULL && i < json_array_get_length (list); i++)
    {
      g_autofree char *prefix = g_strdup_printf ("nics[%u].", i);
      JsonObject *object = list_object (list, i, prefix, faults);
      LodgeNic *nic;

      if (object == NULL)
        continue;
      nic = g_new0 (LodgeNic, 1);
      g_ptr_array_add (profile->nics, nic);
      read_fields (lodge_nic_fields, object, nic, prefix, faults);
      read_fields (nic_boot_fields, object, nic, prefix, faults);
      nic->unknown = left_over (object);
    }
}

static void
read_parent (LodgeProfile *profile, JsonObject *document, LodgeFaults *faults)
{
  g_autoptr (JsonNode) node = json_object_dup_member (document, "parent");
  g_autofree char *found = NULL;

  if (node == NULL)
    return;
  json_object_remove_member (document, "parent");
  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      read_fields (parent_fields, json_node_get_object (node), &profile->parent, "parent.", faults);
      return;
    }
  found = describe (node);
  lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "parent", "%s is not an object", found);
}

static gboolean
schema_of (JsonObject *document, gint64 *schema, GError **error)
{
  JsonNode *node = json_object_get_member (document, "schema");
  g_autofree char *found = node != NULL ? describe (node) : NULL;

  if (node == NULL)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE, "schema: is missing");
      return FALSE;
    }
  if (!holds (node, G_TYPE_INT64) || json_node_get_int (node) < 1)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE,
                   "schema: %s is not the number of a schema", found);
      return FALSE;
    }

  *schema = json_node_get_int (node);
  return TRUE;
}

gboolean
lodge_profile_migrate (JsonObject *document, const LodgeMigration *table, guint target,
                       GError **error)
{
  gint64 schema;

  if (!schema_of (document, &schema, error))
    return FALSE;
  if (schema > target)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NEWER_SCHEMA,
                   "schema: %" G_GINT64_FORMAT " was written by a newer Lodge; this one knows up to %u",
                   schema, target);
      return FALSE;
    }

  for (; table->step != NULL; table++)
    if (table->from == schema && schema < target)
      {
        table->step (document);
        json_object_set_int_member (document, "schema", ++schema);
      }

  g_assert (schema == target); /* the table has every step, a test sees to it */
  return TRUE;
}

LodgeProfile *
lodge_profile_from_json (const char *data, gsize length, GError **error)
{
  g_autoptr (LodgeProfile) profile = NULL;
  g_autoptr (JsonNode) root = NULL;
  g_auto (LodgeFaults) faults = { 0 };
  g_autoptr (GError) local = NULL;
  JsonObject *document;

  if (length > LODGE_PROFILE_MAX_BYTES)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE,
                           "the file is larger than 1 MiB");
      return NULL;
    }

  root = lodge_json_parse (data, length, &local);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE,
                           root == NULL ? local->message : "the document is not an object");
      return NULL;
    }

  document = json_node_get_object (root);
  if (!lodge_profile_migrate (document, migrations, LODGE_PROFILE_SCHEMA, error))
    return NULL;
  json_object_remove_member (document, "schema");

  profile = g_new0 (LodgeProfile, 1);
  profile->disks = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_disk_free);
  profile->nics = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_nic_free);

  lodge_faults_init (&faults);
  read_fields (lodge_profile_fields, document, profile, "", &faults);
  read_fields (role_fields, document, profile, "", &faults);
  read_fields (lodge_keep_fields, document, profile, "", &faults);
  read_parent (profile, document, &faults);
  read_disks (profile, document, &faults);
  read_nics (profile, document, &faults);
  profile->unknown = left_over (document);

  lodge_profile_find_faults (profile, &faults);
  if (!lodge_faults_to_error (&faults, &local))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE, local->message);
      return NULL;
    }

  return g_steal_pointer (&profile);
}

/* Writing */

static void
write_fields (const LodgeField *fields, gconstpointer structure, JsonObject *object)
{
  for (const LodgeField *field = fields; field->key != NULL; field++)
    {
      gconstpointer from = (const guint8 *) structure + field->offset;

      switch (field->type)
        {
        case LODGE_FIELD_STRING:
          if (*(char *const *) from != NULL)
            json_object_set_string_member (object, field->key, *(char *const *) from);
          break;
        case LODGE_FIELD_UINT:
          json_object_set_int_member (object, field->key, *(const guint *) from);
          break;
        case LODGE_FIELD_UINT64:
        case LODGE_FIELD_INT64:
          json_object_set_int_member (object, field->key, *(const gint64 *) from);
          break;
        case LODGE_FIELD_BOOL:
          json_object_set_boolean_member (object, field->key, *(const gboolean *) from);
          break;
        case LODGE_FIELD_WORD:
          json_object_set_string_member (object, field->key,
                                         lodge_word_name (field->words, *(const guint *) from));
          break;
        }
    }
}

static void
write_unknown (JsonObject *unknown, JsonObject *object)
{
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;

  if (unknown == NULL)
    return;

  json_object_iter_init_ordered (&iter, unknown);
  while (json_object_iter_next_ordered (&iter, &key, &node))
    json_object_set_member (object, key, json_node_copy (node));
}

const LodgeField *
lodge_profile_field (const char *key)
{
  const LodgeField *field = lodge_profile_fields;

  while (field->key != NULL && !g_str_equal (field->key, key))
    field++;
  if (field->key != NULL)
    return field;
  for (field = lodge_keep_fields; !g_str_equal (field->key, key); field++)
    g_assert (field->key != NULL);
  return field;
}

static void
write_keep (const LodgeProfile *profile, JsonObject *document)
{
  if (profile->snapshot_every > 0)
    json_object_set_int_member (document, "snapshot-every", profile->snapshot_every);
  if (profile->snapshot_before_start)
    json_object_set_boolean_member (document, "snapshot-before-start", TRUE);
  if (profile->backup_every > 0)
    json_object_set_int_member (document, "backup-every", profile->backup_every);
  if (profile->backup_folder != NULL)
    json_object_set_string_member (document, "backup-folder", profile->backup_folder);
}

static void
write_role (const LodgeProfile *profile, JsonObject *document)
{
  JsonObject *parent;

  if (profile->template)
    json_object_set_boolean_member (document, "template", TRUE);
  if (profile->disposable)
    json_object_set_boolean_member (document, "disposable", TRUE);
  if (profile->renew)
    json_object_set_boolean_member (document, "renew", TRUE);
  if (profile->snapshot != NULL)
    json_object_set_string_member (document, "snapshot", profile->snapshot);
  if (profile->vars != NULL)
    json_object_set_string_member (document, "vars", profile->vars);
  if (profile->parent.machine == NULL)
    return;

  parent = json_object_new ();
  write_fields (parent_fields, &profile->parent, parent);
  json_object_set_object_member (document, "parent", parent);
}

char *
lodge_profile_to_json (const LodgeProfile *profile, gsize *length)
{
  g_autoptr (JsonObject) document = json_object_new ();
  JsonArray *disks = json_array_new ();
  JsonArray *nics = json_array_new ();

  json_object_set_int_member (document, "schema", LODGE_PROFILE_SCHEMA);
  write_fields (lodge_profile_fields, profile, document);

  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = profile->disks->pdata[i];
      JsonObject *object = json_object_new ();

      write_fields (lodge_disk_fields, disk, object);
      write_unknown (disk->unknown, object);
      json_array_add_object_element (disks, object);
    }
  json_object_set_array_member (document, "disks", disks);

  for (guint i = 0; i < profile->nics->len; i++)
    {
      const LodgeNic *nic = profile->nics->pdata[i];
      JsonObject *object = json_object_new ();

      write_fields (lodge_nic_fields, nic, object);
      if (nic->boot_order > 0)
        json_object_set_int_member (object, "boot-order", nic->boot_order);
      write_unknown (nic->unknown, object);
      json_array_add_object_element (nics, object);
    }
  json_object_set_array_member (document, "nics", nics);
  write_role (profile, document);
  write_keep (profile, document);

  write_unknown (profile->unknown, document);
  return lodge_json_print (document, length);
}
