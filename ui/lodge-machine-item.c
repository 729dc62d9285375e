/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-machine-item.h"

#include <string.h>

/* Start may verify disks and wait for helpers; the default of 25 s is too short on a slow disk. */
#define CALL_TIMEOUT_MS 120000

struct _LodgeMachineItem
{
  GObject parent_instance;

  char *object_path;        /* (owned) */
  GDBusConnection *connection; /* (owned) (nullable) NULL while the core is gone */
  char *owner;              /* (owned) (nullable) the core's unique name, with connection */
  LodgeIpcMachine *proxy;   /* (owned) (nullable) made when it is asked for */
  GCancellable *loading;    /* (owned) (nullable) of the question for all values */
  gboolean wanted;          /* whole: asked for */
  gboolean whole;           /* answered, by this core or the one before */
  char *id;                 /* (owned) */
  char *name;               /* (owned) */
  char *folder;             /* (owned) */
  char *state_reason;       /* (owned) */
  char *sort_key;           /* (owned) (nullable) of the name, made when it is asked for */
  char *search_key;         /* (owned) (nullable) of the name, likewise */
  LodgeMachineState state;
  GVariant *state_details;  /* (owned) a{sv} */
  GVariant *settings;       /* (owned) a{sv} */
  GVariant *effective;      /* (owned) a{sv} */
  GVariant *fault;          /* (owned) a{sv} */
  GStrv pending;            /* (owned) */
  GdkPaintable *picture;    /* (owned) (nullable) */
  guint busy;
  gboolean viewer;
  gboolean is_template;
  gboolean disposable;
  GVariant *origin;         /* (owned) a{sv} */
  GVariant *automatic;      /* (owned) a{sv} */
  char *current_snapshot;   /* (owned) */
  gint64 last_started;
};

enum
{
  PROP_NAME = 1,
  PROP_STATE,
  PROP_PICTURE,
  PROP_BUSY,
  PROP_GROUP,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];
static guint changed_signal;
static GVariant *nothing; /* a{sv}, of all items that have nothing to say somewhere */

G_DEFINE_FINAL_TYPE (LodgeMachineItem, lodge_machine_item, G_TYPE_OBJECT)

static LodgeMachineState
state_from_word (const char *word)
{
  static const char *const words[] = { "off", "starting", "running", "paused", "stopping", "broken",
                                       "saving", "saved" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_strcmp0 (word, words[i]) == 0)
      return (LodgeMachineState) i;

  return LODGE_MACHINE_OFF;
}

static gboolean
replace_string (char **place, const char *value)
{
  if (g_strcmp0 (*place, value) == 0)
    return FALSE;

  g_free (*place);
  *place = g_strdup (value != NULL ? value : "");
  return TRUE;
}

static void
replace_dictionary (GVariant **place, GVariant *value)
{
  g_clear_pointer (place, g_variant_unref);
  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    *place = g_variant_ref (value);
  else
    *place = g_variant_ref (nothing);
}

static void
take_string (char **place, GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    replace_string (place, g_variant_get_string (value, NULL));
}

static void
take_boolean (gboolean *place, GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    *place = g_variant_get_boolean (value);
}

static void
take_pending (LodgeMachineItem *self, GVariant *value)
{
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY))
    return;
  g_strfreev (self->pending);
  self->pending = g_variant_dup_strv (value, NULL);
}

static void
take_property (LodgeMachineItem *self, const char *key, GVariant *value)
{
  if (g_str_equal (key, "Id"))
    take_string (&self->id, value);
  else if (g_str_equal (key, "Name"))
    take_string (&self->name, value);
  else if (g_str_equal (key, "Folder"))
    take_string (&self->folder, value);
  else if (g_str_equal (key, "State") && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    self->state = state_from_word (g_variant_get_string (value, NULL));
  else if (g_str_equal (key, "StateReason"))
    take_string (&self->state_reason, value);
  else if (g_str_equal (key, "StateDetails"))
    replace_dictionary (&self->state_details, value);
  else if (g_str_equal (key, "Settings"))
    replace_dictionary (&self->settings, value);
  else if (g_str_equal (key, "PendingSettings"))
    take_pending (self, value);
  else if (g_str_equal (key, "Effective"))
    replace_dictionary (&self->effective, value);
  else if (g_str_equal (key, "Fault"))
    replace_dictionary (&self->fault, value);
  else if (g_str_equal (key, "Template"))
    take_boolean (&self->is_template, value);
  else if (g_str_equal (key, "Disposable"))
    take_boolean (&self->disposable, value);
  else if (g_str_equal (key, "Origin"))
    replace_dictionary (&self->origin, value);
  else if (g_str_equal (key, "Automatic"))
    replace_dictionary (&self->automatic, value);
  else if (g_str_equal (key, "CurrentSnapshot"))
    take_string (&self->current_snapshot, value);
  else if (g_str_equal (key, "LastStarted") && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    self->last_started = g_variant_get_int64 (value);
}

void
lodge_machine_item_take (LodgeMachineItem *self, GVariant *changed)
{
  LodgeMachineGroup group = lodge_machine_item_get_group (self);
  LodgeMachineState before = self->state;
  g_autofree char *name = g_strdup (self->name);
  gboolean moved, renamed;
  GVariantIter iter;
  GVariant *entry;

  g_variant_iter_init (&iter, changed);
  /* Child by child: a format with "&s" would have each dictionary serialised once more. */
  for (; (entry = g_variant_iter_next_value (&iter)) != NULL; g_variant_unref (entry))
    {
      g_autoptr (GVariant) key = g_variant_get_child_value (entry, 0);
      g_autoptr (GVariant) boxed = g_variant_get_child_value (entry, 1);
      g_autoptr (GVariant) value = g_variant_get_variant (boxed);

      take_property (self, g_variant_get_string (key, NULL), value);
    }

  moved = self->state != before;
  renamed = !g_str_equal (self->name, name);
  if (renamed)
    {
      g_clear_pointer (&self->sort_key, g_free);
      g_clear_pointer (&self->search_key, g_free);
    }

  /* A picture of the last session would pass for the present one; a saved one goes on where its picture shows. */
  if (moved && (self->state == LODGE_MACHINE_OFF || self->state == LODGE_MACHINE_BROKEN ||
                (self->state == LODGE_MACHINE_STARTING && before != LODGE_MACHINE_SAVED)))
    lodge_machine_item_set_picture (self, NULL);

  if (renamed)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
  if (moved)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
  if (group != lodge_machine_item_get_group (self))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_GROUP]);
  g_signal_emit (self, changed_signal, 0);
}

static void
lodge_machine_item_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  LodgeMachineItem *self = LODGE_MACHINE_ITEM (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;
    case PROP_STATE:
      g_value_set_uint (value, self->state);
      break;
    case PROP_PICTURE:
      g_value_set_object (value, self->picture);
      break;
    case PROP_BUSY:
      g_value_set_boolean (value, self->busy > 0);
      break;
    case PROP_GROUP:
      g_value_set_uint (value, lodge_machine_item_get_group (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
drop_remote (LodgeMachineItem *self)
{
  g_cancellable_cancel (self->loading);
  g_clear_object (&self->loading);
  g_clear_object (&self->proxy);
  g_clear_object (&self->connection);
  g_clear_pointer (&self->owner, g_free);
}

static void
lodge_machine_item_finalize (GObject *object)
{
  LodgeMachineItem *self = LODGE_MACHINE_ITEM (object);

  drop_remote (self);
  g_free (self->object_path);
  g_free (self->id);
  g_free (self->name);
  g_free (self->sort_key);
  g_free (self->search_key);
  g_free (self->folder);
  g_free (self->state_reason);
  g_clear_pointer (&self->state_details, g_variant_unref);
  g_clear_pointer (&self->settings, g_variant_unref);
  g_clear_pointer (&self->effective, g_variant_unref);
  g_clear_pointer (&self->fault, g_variant_unref);
  g_clear_pointer (&self->origin, g_variant_unref);
  g_clear_pointer (&self->automatic, g_variant_unref);
  g_free (self->current_snapshot);
  g_strfreev (self->pending);
  g_clear_object (&self->picture);

  G_OBJECT_CLASS (lodge_machine_item_parent_class)->finalize (object);
}

static void
lodge_machine_item_class_init (LodgeMachineItemClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  nothing = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  object_class->get_property = lodge_machine_item_get_property;
  object_class->finalize = lodge_machine_item_finalize;

  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, "", flags);
  properties[PROP_STATE] = g_param_spec_uint ("state", NULL, NULL, 0, LODGE_MACHINE_SAVED, 0, flags);
  properties[PROP_PICTURE] = g_param_spec_object ("picture", NULL, NULL, GDK_TYPE_PAINTABLE, flags);
  properties[PROP_BUSY] = g_param_spec_boolean ("busy", NULL, NULL, FALSE, flags);
  properties[PROP_GROUP] = g_param_spec_uint ("group", NULL, NULL, 0, LODGE_MACHINE_GROUP_TEMPLATES,
                                              LODGE_MACHINE_GROUP_MACHINES, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  changed_signal = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 0);
}

static void
lodge_machine_item_init (LodgeMachineItem *self)
{
  self->id = g_strdup ("");
  self->name = g_strdup ("");
  self->folder = g_strdup ("");
  self->state_reason = g_strdup ("");
  replace_dictionary (&self->state_details, NULL);
  replace_dictionary (&self->settings, NULL);
  replace_dictionary (&self->effective, NULL);
  replace_dictionary (&self->fault, NULL);
  replace_dictionary (&self->origin, NULL);
  replace_dictionary (&self->automatic, NULL);
  self->current_snapshot = g_strdup ("");
}

LodgeMachineItem *
lodge_machine_item_new (const char *object_path)
{
  LodgeMachineItem *self = g_object_new (LODGE_TYPE_MACHINE_ITEM, NULL);

  self->object_path = g_strdup (object_path);
  return self;
}

const char *
lodge_machine_item_get_object_path (LodgeMachineItem *self)
{
  return self->object_path;
}

static void
loaded_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeMachineItem) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariant) values = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&self->loading);
  /* A machine that goes meanwhile has nothing to be shown; who wants it later asks again. */
  if (reply == NULL)
    {
      self->wanted = FALSE;
      return;
    }
  self->whole = TRUE;
  g_variant_get (reply, "(@a{sv})", &values);
  lodge_machine_item_take (self, values);
}

static void
load (LodgeMachineItem *self)
{
  self->loading = g_cancellable_new ();
  g_dbus_connection_call (self->connection, self->owner, self->object_path, "org.freedesktop.DBus.Properties", "GetAll",
                          g_variant_new ("(s)", "org.lodgevm.Core1.Machine"), G_VARIANT_TYPE ("(a{sv})"),
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->loading, loaded_cb, g_object_ref (self));
}

/* A list leaves out what holds nothing. */
static void
forget (LodgeMachineItem *self)
{
  replace_string (&self->state_reason, "");
  replace_dictionary (&self->settings, NULL);
  replace_dictionary (&self->fault, NULL);
  replace_dictionary (&self->origin, NULL);
  self->is_template = self->disposable = FALSE;
}

void
lodge_machine_item_connect (LodgeMachineItem *self, GDBusConnection *connection, const char *owner, GVariant *values,
                            gboolean whole)
{
  drop_remote (self);
  self->connection = g_object_ref (connection);
  self->owner = g_strdup (owner);
  if (self->wanted && !whole)
    {
      /* The little would take the place of the much that is known; and all comes at once. */
      load (self);
      g_signal_emit (self, changed_signal, 0);
      return;
    }
  self->wanted = self->whole = whole;
  if (!whole)
    forget (self);
  lodge_machine_item_take (self, values);
}

void
lodge_machine_item_load (LodgeMachineItem *self)
{
  if (self->wanted)
    return;
  self->wanted = TRUE;
  if (self->connection != NULL)
    load (self);
}

gboolean
lodge_machine_item_is_whole (LodgeMachineItem *self)
{
  return self->whole;
}

void
lodge_machine_item_disconnect (LodgeMachineItem *self)
{
  if (self->connection == NULL)
    return;
  drop_remote (self);
  g_signal_emit (self, changed_signal, 0);
}

gboolean
lodge_machine_item_is_connected (LodgeMachineItem *self)
{
  return self->connection != NULL;
}

LodgeIpcMachine *
lodge_machine_item_get_proxy (LodgeMachineItem *self)
{
  if (self->proxy == NULL && self->connection != NULL)
    {
      /* For a unique name, and without properties, this asks nobody anything; so it does not block. */
      self->proxy = lodge_ipc_machine_proxy_new_sync (
        self->connection, G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES | G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START, self->owner,
        self->object_path, NULL, NULL);
      if (self->proxy != NULL)
        g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (self->proxy), CALL_TIMEOUT_MS);
    }
  return self->proxy;
}

const char *
lodge_machine_item_get_id (LodgeMachineItem *self)
{
  return self->id;
}

const char *
lodge_machine_item_get_name (LodgeMachineItem *self)
{
  return self->name;
}

const char *
lodge_machine_item_get_folder (LodgeMachineItem *self)
{
  return self->folder;
}

LodgeMachineState
lodge_machine_item_get_state (LodgeMachineItem *self)
{
  return self->state;
}

static const char *
get_sort_key (LodgeMachineItem *self)
{
  if (self->sort_key == NULL)
    {
      g_autofree char *folded = g_utf8_casefold (self->name, -1);

      /* As file managers do: "Debian 2" before "Debian 10". */
      self->sort_key = g_utf8_collate_key_for_filename (folded, -1);
    }
  return self->sort_key;
}

int
lodge_machine_item_compare (gconstpointer a, gconstpointer b, gpointer unused)
{
  LodgeMachineItem *first = (LodgeMachineItem *) a;
  LodgeMachineItem *second = (LodgeMachineItem *) b;
  int groups = (int) lodge_machine_item_get_group (first) - (int) lodge_machine_item_get_group (second);

  return groups != 0 ? groups : strcmp (get_sort_key (first), get_sort_key (second));
}

char *
lodge_machine_item_search_key (const char *text)
{
  g_autofree char *normal = g_utf8_normalize (text, -1, G_NORMALIZE_ALL);

  return g_utf8_casefold (normal != NULL ? normal : "", -1);
}

gboolean
lodge_machine_item_matches (LodgeMachineItem *self, const char *key)
{
  if (self->search_key == NULL)
    self->search_key = lodge_machine_item_search_key (self->name);
  return strstr (self->search_key, key) != NULL;
}

LodgeMachineGroup
lodge_machine_item_get_group (LodgeMachineItem *self)
{
  if (self->state == LODGE_MACHINE_STARTING || self->state == LODGE_MACHINE_SAVING || lodge_machine_item_is_up (self))
    return LODGE_MACHINE_GROUP_RUNNING;
  return self->is_template ? LODGE_MACHINE_GROUP_TEMPLATES : LODGE_MACHINE_GROUP_MACHINES;
}

gboolean
lodge_machine_item_is_template (LodgeMachineItem *self)
{
  return self->is_template;
}

gboolean
lodge_machine_item_is_disposable (LodgeMachineItem *self)
{
  return self->disposable;
}

GVariant *
lodge_machine_item_get_automatic (LodgeMachineItem *self)
{
  return self->automatic;
}

const char *
lodge_machine_item_get_current_snapshot (LodgeMachineItem *self)
{
  return self->current_snapshot;
}

gint64
lodge_machine_item_get_last_started (LodgeMachineItem *self)
{
  return self->last_started;
}

const char *
lodge_machine_item_get_state_reason (LodgeMachineItem *self)
{
  return self->state_reason;
}

GVariant *
lodge_machine_item_get_state_details (LodgeMachineItem *self)
{
  return self->state_details;
}

gboolean
lodge_machine_item_is_pending (LodgeMachineItem *self, const char *key)
{
  return self->pending != NULL && g_strv_contains ((const char *const *) self->pending, key);
}

guint
lodge_machine_item_get_n_pending (LodgeMachineItem *self)
{
  return self->pending != NULL ? g_strv_length (self->pending) : 0;
}

const char *const *
lodge_machine_item_get_pending (LodgeMachineItem *self)
{
  return (const char *const *) self->pending;
}

GVariant *
lodge_machine_item_dup_running_settings (LodgeMachineItem *self)
{
  return g_variant_lookup_value (self->effective, "settings", G_VARIANT_TYPE_VARDICT);
}

gboolean
lodge_machine_item_is_up (LodgeMachineItem *self)
{
  return self->state == LODGE_MACHINE_RUNNING || self->state == LODGE_MACHINE_PAUSED ||
         self->state == LODGE_MACHINE_STOPPING;
}

GVariant *
lodge_machine_item_lookup_setting (LodgeMachineItem *self, const char *key)
{
  return g_variant_lookup_value (self->settings, key, NULL);
}

/* The borrowed string lives as long as @dictionary keeps it, which is until the next change. */
static const char *
lookup_string (GVariant *dictionary, const char *key, const char *fallback)
{
  const char *value;

  return g_variant_lookup (dictionary, key, "&s", &value) ? value : fallback;
}

static guint64
lookup_uint (GVariant *dictionary, const char *key, guint64 fallback)
{
  guint64 wide;
  guint32 narrow;

  if (g_variant_lookup (dictionary, key, "t", &wide))
    return wide;
  if (g_variant_lookup (dictionary, key, "u", &narrow))
    return narrow;
  return fallback;
}

const char *
lodge_machine_item_setting_string (LodgeMachineItem *self, const char *key, const char *fallback)
{
  return lookup_string (self->settings, key, fallback);
}

guint64
lodge_machine_item_setting_uint (LodgeMachineItem *self, const char *key, guint64 fallback)
{
  return lookup_uint (self->settings, key, fallback);
}

gboolean
lodge_machine_item_setting_boolean (LodgeMachineItem *self, const char *key, gboolean fallback)
{
  gboolean value;

  return g_variant_lookup (self->settings, key, "b", &value) ? value : fallback;
}

const char *
lodge_machine_item_detail_string (LodgeMachineItem *self, const char *key, const char *fallback)
{
  return lookup_string (self->state_details, key, fallback);
}

guint64
lodge_machine_item_detail_uint (LodgeMachineItem *self, const char *key, guint64 fallback)
{
  return lookup_uint (self->state_details, key, fallback);
}

const char *
lodge_machine_item_effective_string (LodgeMachineItem *self, const char *key, const char *fallback)
{
  return lookup_string (self->effective, key, fallback);
}

const char *
lodge_machine_item_fault_string (LodgeMachineItem *self, const char *key, const char *fallback)
{
  return lookup_string (self->fault, key, fallback);
}

gboolean
lodge_machine_item_fault_boolean (LodgeMachineItem *self, const char *key)
{
  gboolean value = FALSE;

  return g_variant_lookup (self->fault, key, "b", &value) && value;
}

const char *
lodge_machine_item_origin_string (LodgeMachineItem *self, const char *key, const char *fallback)
{
  return lookup_string (self->origin, key, fallback);
}

GdkPaintable *
lodge_machine_item_get_picture (LodgeMachineItem *self)
{
  return self->picture;
}

void
lodge_machine_item_set_picture (LodgeMachineItem *self, GdkPaintable *picture)
{
  if (g_set_object (&self->picture, picture))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PICTURE]);
}

gboolean
lodge_machine_item_has_viewer (LodgeMachineItem *self)
{
  return self->viewer;
}

void
lodge_machine_item_set_viewer (LodgeMachineItem *self, gboolean viewer)
{
  self->viewer = viewer;
}

gboolean
lodge_machine_item_is_busy (LodgeMachineItem *self)
{
  return self->busy > 0;
}

void
lodge_machine_item_push_busy (LodgeMachineItem *self)
{
  if (self->busy++ == 0)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_BUSY]);
}

void
lodge_machine_item_pop_busy (LodgeMachineItem *self)
{
  g_return_if_fail (self->busy > 0);

  if (--self->busy == 0)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_BUSY]);
}
