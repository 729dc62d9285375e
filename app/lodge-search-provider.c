/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * The shell starts the program when somebody types, so a question may come before the core has
 * answered. Such a question waits until the machines are known, or until it is clear that they will not be.
 */

#include "config.h"

#include "app/lodge-search-provider.h"

#include <string.h>

#include "ui/lodge-machine-text.h"
#include "ui/lodge-system.h"

#define MAX_RESULTS 20u
#define MAX_TERMS 16u

struct _LodgeSearchProvider
{
  GObject parent_instance;

  LodgeLibrary *library;       /* (owned) */
  GDBusConnection *connection; /* (owned) */
  guint registration;
  GQueue waiting;              /* GDBusMethodInvocation (owned) of GetInitialResultSet */
};

enum
{
  ACTIVATED,
  SEARCHED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static const char interface_xml[] =
  "<node><interface name='org.gnome.Shell.SearchProvider2'>"
  "<method name='GetInitialResultSet'><arg type='as' direction='in'/><arg type='as' direction='out'/></method>"
  "<method name='GetSubsearchResultSet'><arg type='as' direction='in'/><arg type='as' direction='in'/>"
  "<arg type='as' direction='out'/></method>"
  "<method name='GetResultMetas'><arg type='as' direction='in'/><arg type='aa{sv}' direction='out'/></method>"
  "<method name='ActivateResult'><arg type='s' direction='in'/><arg type='as' direction='in'/>"
  "<arg type='u' direction='in'/></method>"
  "<method name='LaunchSearch'><arg type='as' direction='in'/><arg type='u' direction='in'/></method>"
  "</interface></node>";

G_DEFINE_FINAL_TYPE (LodgeSearchProvider, lodge_search_provider, G_TYPE_OBJECT)

static gboolean
matches (LodgeMachineItem *item, const char *const *terms)
{
  const char *name = lodge_machine_item_get_name (item);

  for (guint i = 0; terms[i] != NULL && i < MAX_TERMS; i++)
    if (!g_str_match_string (terms[i], name, TRUE))
      return FALSE;

  return TRUE;
}

static void
answer_search (LodgeSearchProvider *self, GDBusMethodInvocation *invocation)
{
  GVariant *parameters = g_dbus_method_invocation_get_parameters (invocation);
  g_autoptr (GVariant) list = g_variant_get_child_value (parameters, g_variant_n_children (parameters) - 1);
  g_autofree const char **terms = g_variant_get_strv (list, NULL);
  GListModel *machines = lodge_library_get_machines (self->library);
  guint n = g_list_model_get_n_items (machines), found = 0;
  GVariantBuilder ids;

  g_variant_builder_init (&ids, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; i < n && found < MAX_RESULTS; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i);

      if (matches (item, terms))
        {
          g_variant_builder_add (&ids, "s", lodge_machine_item_get_id (item));
          found++;
        }
    }
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(as)", &ids));
}

static void
library_changed_cb (LodgeSearchProvider *self)
{
  GDBusMethodInvocation *invocation;

  if (lodge_library_get_status (self->library) == LODGE_LIBRARY_CONNECTING)
    return;
  while ((invocation = g_queue_pop_head (&self->waiting)) != NULL)
    answer_search (self, invocation);
}

static LodgeMachineItem *
find_machine (LodgeSearchProvider *self, const char *id)
{
  GListModel *machines = lodge_library_get_machines (self->library);
  guint n = g_list_model_get_n_items (machines);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i);

      if (g_str_equal (lodge_machine_item_get_id (item), id))
        return item; /* the library keeps it */
    }

  return NULL;
}

static void
answer_metas (LodgeSearchProvider *self, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  g_autofree const char **ids = NULL;
  GVariantBuilder metas;

  g_variant_get (parameters, "(^a&s)", &ids);
  g_variant_builder_init (&metas, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; ids[i] != NULL && i < MAX_RESULTS; i++)
    {
      LodgeMachineItem *item = find_machine (self, ids[i]);
      g_autofree char *name = NULL;
      g_autoptr (GIcon) icon = NULL;
      g_autoptr (GVariant) icon_variant = NULL;

      if (item == NULL)
        continue;
      name = lodge_system_icon (lodge_machine_item_setting_string (item, "os", ""), "");
      icon = g_themed_icon_new (name);
      icon_variant = g_icon_serialize (icon);
      g_variant_builder_open (&metas, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&metas, "{sv}", "id", g_variant_new_string (ids[i]));
      g_variant_builder_add (&metas, "{sv}", "name", g_variant_new_string (lodge_machine_item_get_name (item)));
      g_variant_builder_add (&metas, "{sv}", "description", g_variant_new_string (lodge_machine_text_state (item)));
      g_variant_builder_add (&metas, "{sv}", "icon", icon_variant);
      g_variant_builder_close (&metas);
    }
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(aa{sv})", &metas));
}

static void
method_cb (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *method,
           GVariant *parameters, GDBusMethodInvocation *invocation, gpointer user_data)
{
  LodgeSearchProvider *self = user_data;

  if (g_str_equal (method, "GetInitialResultSet") || g_str_equal (method, "GetSubsearchResultSet"))
    {
      g_queue_push_tail (&self->waiting, invocation);
      library_changed_cb (self);
    }
  else if (g_str_equal (method, "GetResultMetas"))
    answer_metas (self, invocation, parameters);
  else if (g_str_equal (method, "ActivateResult"))
    {
      const char *id;

      g_variant_get_child (parameters, 0, "&s", &id);
      g_signal_emit (self, signals[ACTIVATED], 0, id);
      g_dbus_method_invocation_return_value (invocation, NULL);
    }
  else
    {
      g_autofree const char **terms = NULL;
      g_autofree char *text = NULL;

      g_variant_get (parameters, "(^a&su)", &terms, NULL);
      text = g_strjoinv (" ", (char **) terms);
      g_signal_emit (self, signals[SEARCHED], 0, text);
      g_dbus_method_invocation_return_value (invocation, NULL);
    }
}

static void
lodge_search_provider_dispose (GObject *object)
{
  LodgeSearchProvider *self = LODGE_SEARCH_PROVIDER (object);

  if (self->registration != 0)
    g_dbus_connection_unregister_object (self->connection, self->registration);
  self->registration = 0;
  g_queue_clear_full (&self->waiting, g_object_unref);
  g_clear_object (&self->library);
  g_clear_object (&self->connection);

  G_OBJECT_CLASS (lodge_search_provider_parent_class)->dispose (object);
}

static void
lodge_search_provider_class_init (LodgeSearchProviderClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_search_provider_dispose;

  signals[ACTIVATED] = g_signal_new ("activated", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                     G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[SEARCHED] = g_signal_new ("searched", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                    G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
lodge_search_provider_init (LodgeSearchProvider *self)
{
}

LodgeSearchProvider *
lodge_search_provider_new (LodgeLibrary *library, GDBusConnection *connection, GError **error)
{
  static const GDBusInterfaceVTable vtable = { .method_call = method_cb };
  g_autoptr (LodgeSearchProvider) self = g_object_new (LODGE_TYPE_SEARCH_PROVIDER, NULL);
  g_autoptr (GDBusNodeInfo) node = g_dbus_node_info_new_for_xml (interface_xml, error);

  if (node == NULL)
    return NULL;
  self->library = g_object_ref (library);
  self->connection = g_object_ref (connection);
  self->registration = g_dbus_connection_register_object (connection, "/org/lodgevm/Lodge/SearchProvider",
                                                          node->interfaces[0], &vtable, self, NULL, error);
  if (self->registration == 0)
    return NULL;
  g_signal_connect_object (library, "changed", G_CALLBACK (library_changed_cb), self, G_CONNECT_SWAPPED);
  return g_steal_pointer (&self);
}
