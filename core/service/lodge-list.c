/* SPDX-License-Identifier: GPL-3.0-or-later */

/* GetManagedObjects gives each machine's fifty values, most of them settings that nobody looks at in a list; putting
 * them on the wire and reading them there takes longer than all else that a list of a thousand machines needs. */

#include "config.h"

#include "core/service/lodge-list.h"

#include "core/ipc/lodge-error.h"

/* More names than there are properties or settings; and of machines that are whole, more than anybody looks at. */
#define MAX_NAMES 128

typedef struct
{
  GPtrArray *properties; /* (owned) of GVariant: the names as keys, made once for all machines */
  const char **settings; /* (owned) (nullable) all */
  gsize *places;         /* (owned) (nullable) where the last machine had each of them, which is where the next has it, as a rule */
  const char **whole;    /* (owned) (nullable) none */
} Wanted;

static void
wanted_clear (Wanted *wanted)
{
  g_clear_pointer (&wanted->properties, g_ptr_array_unref);
  g_free (wanted->settings);
  g_free (wanted->places);
  g_free (wanted->whole);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Wanted, wanted_clear)

static gboolean
has_name (const char **names, const char *name)
{
  return g_strv_contains ((const char *const *) names, name);
}

static gboolean
take_names (GVariant *options, const char *option, const char ***names, GError **error)
{
  if (!g_variant_lookup (options, option, "^a&s", names) || g_strv_length ((char **) *names) <= MAX_NAMES)
    return TRUE;
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "more than %d names in option “%s”", MAX_NAMES, option);
  return FALSE;
}

static gboolean
take_properties (GVariant *options, GPtrArray *properties, GError **error)
{
  GDBusInterfaceInfo *info = lodge_ipc_machine_interface_info ();
  g_autofree const char **names = NULL;

  if (!take_names (options, "properties", &names, error))
    return FALSE;
  for (gsize i = 0; names != NULL && names[i] != NULL; i++)
    if (g_dbus_interface_info_lookup_property (info, names[i]) == NULL)
      {
        g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "there is no property “%s”", names[i]);
        return FALSE;
      }
  for (GDBusPropertyInfo **property = info->properties; *property != NULL; property++)
    if (names == NULL || has_name (names, (*property)->name))
      g_ptr_array_add (properties, g_variant_ref_sink (g_variant_new_string ((*property)->name)));
  return TRUE;
}

static gboolean
wanted_take (Wanted *wanted, GVariant *options, GError **error)
{
  wanted->properties = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  if (!take_properties (options, wanted->properties, error) || !take_names (options, "settings", &wanted->settings, error)
      || !take_names (options, "whole", &wanted->whole, error))
    return FALSE;
  if (wanted->settings != NULL)
    wanted->places = g_new0 (gsize, g_strv_length ((char **) wanted->settings) + 1);
  return TRUE;
}

static gboolean
has_key (GVariant *entry, const char *key)
{
  g_autoptr (GVariant) own = g_variant_get_child_value (entry, 0);

  return g_str_equal (g_variant_get_string (own, NULL), key);
}

/* @place: where it is looked for first, and where it was found
 * Returns: (transfer full) (nullable): the entry of @dictionary */
static GVariant *
find_entry (GVariant *dictionary, const char *key, gsize *place)
{
  gsize n = g_variant_n_children (dictionary);

  for (gsize i = 0; i < n; i++)
    {
      gsize at = (*place + i) % n;
      g_autoptr (GVariant) entry = g_variant_get_child_value (dictionary, at);

      if (has_key (entry, key))
        {
          *place = at;
          return g_steal_pointer (&entry);
        }
    }
  return NULL;
}

/* Returns: (transfer full): those of @settings that are wanted */
static GVariant *
pick (GVariant *settings, Wanted *wanted)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (gsize i = 0; wanted->settings[i] != NULL; i++)
    {
      g_autoptr (GVariant) entry = find_entry (settings, wanted->settings[i], &wanted->places[i]);

      if (entry != NULL)
        g_variant_builder_add_value (&builder, entry);
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static gboolean
holds_nothing (GVariant *value)
{
  if (g_variant_is_container (value))
    return g_variant_n_children (value) == 0;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return *g_variant_get_string (value, NULL) == '\0';
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return !g_variant_get_boolean (value);
  return g_variant_is_of_type (value, G_VARIANT_TYPE_INT64) && g_variant_get_int64 (value) == 0;
}

/* As GDBus asks for them. Returns: (transfer full) */
static GVariant *
get_property (GDBusInterfaceSkeleton *skeleton, const char *name)
{
  return g_variant_take_ref (g_dbus_interface_skeleton_get_vtable (skeleton)->get_property (
    NULL, NULL, NULL, g_dbus_interface_skeleton_get_info (skeleton)->name, name, NULL, skeleton));
}

/* Returns: (transfer floating): a{sv} */
static GVariant *
describe (LodgeIpcMachine *machine, Wanted *wanted)
{
  GDBusInterfaceSkeleton *skeleton = G_DBUS_INTERFACE_SKELETON (machine);
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (wanted->whole != NULL && has_name (wanted->whole, lodge_ipc_machine_get_id (machine)))
    return g_dbus_interface_skeleton_get_properties (skeleton);

  for (guint i = 0; i < wanted->properties->len; i++)
    {
      GVariant *key = wanted->properties->pdata[i];
      g_autoptr (GVariant) value = get_property (skeleton, g_variant_get_string (key, NULL));

      if (wanted->settings != NULL && g_str_equal (g_variant_get_string (key, NULL), "Settings"))
        {
          GVariant *all = value;

          value = pick (all, wanted);
          g_variant_unref (all);
        }
      if (!holds_nothing (value))
        g_variant_builder_add_value (&builder, g_variant_new_dict_entry (key, g_variant_new_variant (value)));
    }
  return g_variant_builder_end (&builder);
}

GVariant *
lodge_list_machines (GDBusObjectManager *manager, GVariant *options, GError **error)
{
  g_auto (Wanted) wanted = { NULL, NULL, NULL, NULL };
  GVariantBuilder builder;
  GList *objects;

  if (!wanted_take (&wanted, options, error))
    return NULL;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{oa{sv}}"));
  objects = g_dbus_object_manager_get_objects (manager);
  for (GList *l = objects; l != NULL; l = l->next)
    {
      LodgeIpcMachine *machine = lodge_ipc_object_peek_machine (l->data);

      if (machine != NULL)
        g_variant_builder_add_value (&builder, g_variant_new_dict_entry (g_variant_new_object_path (g_dbus_object_get_object_path (l->data)),
                                                                         describe (machine, &wanted)));
    }
  g_list_free_full (objects, g_object_unref);
  return g_variant_builder_end (&builder);
}

GVariant *
lodge_list_jobs (GDBusObjectManager *manager)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{oa{sv}}"));
  GList *objects = g_dbus_object_manager_get_objects (manager);

  for (GList *l = objects; l != NULL; l = l->next)
    {
      LodgeIpcJob *job = lodge_ipc_object_peek_job (l->data);

      if (job != NULL)
        g_variant_builder_add (&builder, "{o@a{sv}}", g_dbus_object_get_object_path (l->data),
                               g_dbus_interface_skeleton_get_properties (G_DBUS_INTERFACE_SKELETON (job)));
    }
  g_list_free_full (objects, g_object_unref);
  return g_variant_builder_end (&builder);
}
