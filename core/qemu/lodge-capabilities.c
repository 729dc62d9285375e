/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "core/qemu/lodge-capabilities-private.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define MAX_STRINGS 20000
#define MAX_MACHINES 1000
#define MAX_STRING 255

struct _LodgeCapabilities
{
  GObject       parent_instance;
  char         *binary;            /* (owned) */
  char         *version;           /* (owned) */
  char         *key;               /* (owned) (nullable) */
  LodgeArch     arch;
  GStringChunk *strings;           /* (owned) all names below: one block instead of thousands */
  GHashTable   *has[LODGE_N_HAS];  /* (owned) sets of strings */
  GArray       *machines;          /* (owned) (element-type LodgeMachineType) */
};

G_DEFINE_FINAL_TYPE (LodgeCapabilities, lodge_capabilities, G_TYPE_OBJECT)

static const char *const has_names[LODGE_N_HAS]
    = { "devices", "properties", "commands", "members", "displays", "audiodevs", "options" };

static gboolean
has (LodgeCapabilities *self, LodgeHas kind, const char *name)
{
  return g_hash_table_contains (self->has[kind], name);
}

LodgeCapabilities *
lodge_capabilities_new (const char *binary, LodgeArch arch, const char *version)
{
  LodgeCapabilities *self = g_object_new (LODGE_TYPE_CAPABILITIES, NULL);

  self->binary = g_strdup (binary);
  self->version = g_strdup (version);
  self->arch = arch;
  return self;
}

void
lodge_capabilities_add (LodgeCapabilities *self, LodgeHas kind, const char *name)
{
  if (!has (self, kind, name))
    g_hash_table_add (self->has[kind], g_string_chunk_insert (self->strings, name));
}

void
lodge_capabilities_add_machine (LodgeCapabilities *self, const char *name, const char *alias, guint max_cpus)
{
  LodgeMachineType machine = { g_string_chunk_insert_const (self->strings, name),
                               alias != NULL ? g_string_chunk_insert_const (self->strings, alias) : NULL, max_cpus };

  g_array_append_val (self->machines, machine);
}

void
lodge_capabilities_set_key (LodgeCapabilities *self, const char *key)
{
  g_free (self->key);
  self->key = g_strdup (key);
}

const char *
lodge_capabilities_get_key (LodgeCapabilities *self)
{
  return self->key;
}

/* A string member of @object that is not empty and not long; NULL otherwise. */
static const char *
get_string (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);
  const char *text = node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;

  return text != NULL && *text != '\0' && strlen (text) <= 4096 ? text : NULL;
}

static JsonArray *
get_array (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static gboolean
read_strings (LodgeCapabilities *self, LodgeHas kind, JsonArray *array)
{
  if (array == NULL || json_array_get_length (array) > MAX_STRINGS)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);
      const char *text = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;

      if (text == NULL || strlen (text) > MAX_STRING)
        return FALSE;
      lodge_capabilities_add (self, kind, text);
    }
  return TRUE;
}

static gboolean
read_machines (LodgeCapabilities *self, JsonArray *array)
{
  if (array == NULL || json_array_get_length (array) > MAX_MACHINES)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);
      JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      const char *name = object != NULL ? get_string (object, "name") : NULL;

      if (name == NULL)
        return FALSE;
      lodge_capabilities_add_machine (self, name, get_string (object, "alias"),
                                      CLAMP (json_object_get_int_member_with_default (object, "max-cpus", 1), 1, 65536));
    }
  return TRUE;
}

LodgeCapabilities *
lodge_capabilities_new_from_json (const char *data, gsize length, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (LodgeCapabilities) self = NULL;
  JsonObject *object = NULL;
  LodgeArch arch;
  gboolean good;

  if (length > LODGE_CAPABILITIES_MAX_BYTES || !json_parser_load_from_data (parser, data, length, NULL))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "a record of a QEMU's abilities that is not JSON");
      return NULL;
    }
  if (json_parser_get_root (parser) != NULL && JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    object = json_node_get_object (json_parser_get_root (parser));
  if (object == NULL || json_object_get_int_member_with_default (object, "format", 0) != LODGE_CAPABILITIES_FORMAT
      || get_string (object, "binary") == NULL || get_string (object, "version") == NULL
      || get_string (object, "arch") == NULL || !lodge_arch_parse (get_string (object, "arch"), &arch))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "not a record of a QEMU's abilities of this Lodge");
      return NULL;
    }
  self = lodge_capabilities_new (get_string (object, "binary"), arch, get_string (object, "version"));
  lodge_capabilities_set_key (self, get_string (object, "key"));
  good = read_machines (self, get_array (object, "machines"));
  for (guint kind = 0; kind < LODGE_N_HAS; kind++)
    good = good && read_strings (self, kind, get_array (object, has_names[kind]));
  if (!good)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "a damaged record of a QEMU's abilities");
      return NULL;
    }
  return g_steal_pointer (&self);
}

static int
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
write_strings (JsonBuilder *builder, const char *name, GHashTable *set)
{
  g_autofree gpointer *strings = g_hash_table_get_keys_as_array (set, NULL);
  guint n = g_hash_table_size (set);

  /* In order, so that two records can be compared as text. */
  qsort (strings, n, sizeof (gpointer), compare_strings);
  json_builder_set_member_name (builder, name);
  json_builder_begin_array (builder);
  for (guint i = 0; i < n; i++)
    json_builder_add_string_value (builder, strings[i]);
  json_builder_end_array (builder);
}

static void
write_string (JsonBuilder *builder, const char *name, const char *value)
{
  if (value == NULL)
    return;
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

char *
lodge_capabilities_to_json (LodgeCapabilities *self, gsize *length)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "format");
  json_builder_add_int_value (builder, LODGE_CAPABILITIES_FORMAT);
  write_string (builder, "binary", self->binary);
  write_string (builder, "key", self->key);
  write_string (builder, "arch", lodge_arch_name (self->arch));
  write_string (builder, "version", self->version);
  json_builder_set_member_name (builder, "machines");
  json_builder_begin_array (builder);
  for (guint i = 0; i < self->machines->len; i++)
    {
      const LodgeMachineType *machine = &g_array_index (self->machines, LodgeMachineType, i);

      json_builder_begin_object (builder);
      write_string (builder, "name", machine->name);
      write_string (builder, "alias", machine->alias);
      json_builder_set_member_name (builder, "max-cpus");
      json_builder_add_int_value (builder, machine->max_cpus);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  for (guint kind = 0; kind < LODGE_N_HAS; kind++)
    write_strings (builder, has_names[kind], self->has[kind]);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  json_generator_set_indent (generator, 1);
  return json_generator_to_data (generator, length);
}

char *
lodge_capabilities_find_binary (LodgeArch arch)
{
  g_autofree char *name = g_strdup_printf ("qemu-system-%s", lodge_arch_name (arch));
  const char *dir = g_getenv ("LODGE_QEMU_DIR");

  if (dir != NULL && g_path_is_absolute (dir))
    {
      g_autofree char *path = g_build_filename (dir, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_EXECUTABLE) && !g_file_test (path, G_FILE_TEST_IS_DIR))
        return g_steal_pointer (&path);
    }
  return g_find_program_in_path (name);
}

const char *
lodge_capabilities_get_binary (LodgeCapabilities *self)
{
  return self->binary;
}

LodgeArch
lodge_capabilities_get_arch (LodgeCapabilities *self)
{
  return self->arch;
}

const char *
lodge_capabilities_get_version (LodgeCapabilities *self)
{
  return self->version;
}

gboolean
lodge_capabilities_has_device (LodgeCapabilities *self, const char *type)
{
  return has (self, LODGE_HAS_DEVICE, type);
}

gboolean
lodge_capabilities_has_property (LodgeCapabilities *self, const char *type, const char *property)
{
  g_autofree char *name = g_strconcat (type, ".", property, NULL);

  return has (self, LODGE_HAS_PROPERTY, name);
}

gboolean
lodge_capabilities_has_command (LodgeCapabilities *self, const char *command)
{
  return has (self, LODGE_HAS_COMMAND, command);
}

gboolean
lodge_capabilities_has_member (LodgeCapabilities *self, const char *path)
{
  /* A path that was never looked up would always be absent: that is an error in the program. */
  g_return_val_if_fail (g_strv_contains (lodge_capabilities_members, path), FALSE);
  return has (self, LODGE_HAS_MEMBER, path);
}

static const LodgeMachineType *
find_machine (LodgeCapabilities *self, const char *type)
{
  for (guint i = 0; i < self->machines->len; i++)
    {
      const LodgeMachineType *machine = &g_array_index (self->machines, LodgeMachineType, i);

      if (strcmp (machine->name, type) == 0 || g_strcmp0 (machine->alias, type) == 0)
        return machine;
    }
  return NULL;
}

gboolean
lodge_capabilities_has_machine (LodgeCapabilities *self, const char *type)
{
  return find_machine (self, type) != NULL;
}

const char *
lodge_capabilities_get_machine (LodgeCapabilities *self, const char *alias)
{
  const LodgeMachineType *machine = find_machine (self, alias);

  return machine != NULL ? machine->name : NULL;
}

guint
lodge_capabilities_get_max_cpus (LodgeCapabilities *self, const char *type)
{
  const LodgeMachineType *machine = find_machine (self, type);

  return machine != NULL ? machine->max_cpus : 0;
}

gboolean
lodge_capabilities_has_display (LodgeCapabilities *self, const char *display)
{
  return has (self, LODGE_HAS_DISPLAY, display);
}

gboolean
lodge_capabilities_has_audiodev (LodgeCapabilities *self, const char *driver)
{
  return has (self, LODGE_HAS_AUDIODEV, driver);
}

gboolean
lodge_capabilities_has_sandbox (LodgeCapabilities *self)
{
  return has (self, LODGE_HAS_OPTION, "sandbox");
}

gboolean
lodge_capabilities_has_io_uring (LodgeCapabilities *self)
{
  return lodge_capabilities_has_member (self, "blockdev-add/arg-type/+file/aio/^io_uring");
}

gboolean
lodge_capabilities_has_dbus_map (LodgeCapabilities *self)
{
  return has (self, LODGE_HAS_OPTION, "dbus-map");
}

static void
lodge_capabilities_finalize (GObject *object)
{
  LodgeCapabilities *self = LODGE_CAPABILITIES (object);

  g_free (self->binary);
  g_free (self->version);
  g_free (self->key);
  for (guint kind = 0; kind < LODGE_N_HAS; kind++)
    g_hash_table_unref (self->has[kind]);
  g_array_unref (self->machines);
  g_string_chunk_free (self->strings);
  G_OBJECT_CLASS (lodge_capabilities_parent_class)->finalize (object);
}

static void
lodge_capabilities_class_init (LodgeCapabilitiesClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_capabilities_finalize;
}

static void
lodge_capabilities_init (LodgeCapabilities *self)
{
  self->strings = g_string_chunk_new (4096);
  self->machines = g_array_new (FALSE, FALSE, sizeof (LodgeMachineType));
  for (guint kind = 0; kind < LODGE_N_HAS; kind++)
    self->has[kind] = g_hash_table_new (g_str_hash, g_str_equal);
}
