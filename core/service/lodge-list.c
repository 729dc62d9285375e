/* SPDX-License-Identifier: GPL-3.0-or-later */

/* GetManagedObjects gives each machine's fifty values, most of them settings that nobody looks at in a list; putting
 * them on the wire and reading them there takes longer than all else that a list of a thousand machines needs. */

#include "config.h"

#include "core/service/lodge-list.h"

#include "core/ipc/lodge-error.h"

/* More names than there are properties or settings; and of machines that are whole, more than anybody looks at. */
#define MAX_NAMES 128

/* (owned) names, of which NULL stands for all, but for none of @whole */
typedef struct
{
  const char **properties;
  const char **settings;
  const char **whole;
} Wanted;

static void
wanted_clear (Wanted *wanted)
{
  g_free (wanted->properties);
  g_free (wanted->settings);
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
check_properties (const char **names, GError **error)
{
  for (gsize i = 0; names != NULL && names[i] != NULL; i++)
    if (g_dbus_interface_info_lookup_property (lodge_ipc_machine_interface_info (), names[i]) == NULL)
      {
        g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "there is no property “%s”", names[i]);
        return FALSE;
      }
  return TRUE;
}

/* Returns: (transfer floating): those of @settings that are wanted */
static GVariant *
pick (GVariant *settings, const char **wanted)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (gsize i = 0; wanted[i] != NULL; i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (settings, wanted[i], NULL);

      if (value != NULL)
        g_variant_builder_add (&builder, "{sv}", wanted[i], value);
    }
  return g_variant_builder_end (&builder);
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
describe (LodgeIpcMachine *machine, const Wanted *wanted)
{
  GDBusInterfaceSkeleton *skeleton = G_DBUS_INTERFACE_SKELETON (machine);
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (wanted->whole != NULL && has_name (wanted->whole, lodge_ipc_machine_get_id (machine)))
    return g_dbus_interface_skeleton_get_properties (skeleton);

  for (GDBusPropertyInfo **info = lodge_ipc_machine_interface_info ()->properties; *info != NULL; info++)
    {
      const char *name = (*info)->name;
      g_autoptr (GVariant) value = NULL;

      if (wanted->properties != NULL && !has_name (wanted->properties, name))
        continue;
      value = get_property (skeleton, name);
      if (wanted->settings != NULL && g_str_equal (name, "Settings"))
        g_variant_builder_add (&builder, "{sv}", name, pick (value, wanted->settings));
      else
        g_variant_builder_add (&builder, "{sv}", name, value);
    }
  return g_variant_builder_end (&builder);
}

GVariant *
lodge_list_machines (GDBusObjectManager *manager, GVariant *options, GError **error)
{
  g_auto (Wanted) wanted = { NULL, NULL, NULL };
  GVariantBuilder builder;
  GList *objects;

  if (!take_names (options, "properties", &wanted.properties, error) || !take_names (options, "settings", &wanted.settings, error)
      || !take_names (options, "whole", &wanted.whole, error) || !check_properties (wanted.properties, error))
    return NULL;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{oa{sv}}"));
  objects = g_dbus_object_manager_get_objects (manager);
  for (GList *l = objects; l != NULL; l = l->next)
    {
      LodgeIpcMachine *machine = lodge_ipc_object_peek_machine (l->data);

      if (machine != NULL)
        g_variant_builder_add (&builder, "{o@a{sv}}", g_dbus_object_get_object_path (l->data), describe (machine, &wanted));
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
