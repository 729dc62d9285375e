/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * Everything is on the bus before the name is: the machines are loaded, guests of an earlier core
 * are adopted, and only then do callers, who wait for the name, get an answer. The probes run
 * meanwhile and are waited for by Start alone.
 *
 * The service ends by itself when nobody uses it and no guest runs. The name goes first, then what
 * has arrived until that moment is answered, so that no call is lost between two cores. */

#include "config.h"

#include "core/service/lodge-service.h"

#include "core/ipc/lodge-names.h"
#include "core/machine/lodge-advice.h"
#include "core/machine/lodge-create.h"
#include "core/machine/lodge-identifier.h"
#include "core/service/lodge-backup-object.h"
#include "core/service/lodge-clients.h"
#include "core/qemu/lodge-doctor.h"
#include "core/service/lodge-disks-object.h"
#include "core/service/lodge-family-object.h"
#include "core/service/lodge-job-object.h"
#include "core/service/lodge-list.h"
#include "core/service/lodge-machine-object.h"
#include "core/service/lodge-report.h"

#include <gio/gunixfdlist.h>
#include <string.h>
#include <unistd.h>

#define LAST_CALLS_MS 100

struct _LodgeService
{
  GObject parent_instance;

  GDBusConnection *connection;       /* (owned) */
  LodgeEngine *engine;               /* (owned) */
  LodgeMachineSet *machines;         /* (owned) */
  LodgeAutomatic *automatic;         /* (owned) */
  LodgeClients *clients;             /* (owned) */
  LodgeIpcCore *core;                /* (owned) */
  GDBusObjectManagerServer *manager; /* (owned) */
  guint name_id;
  guint idle_timeout;
  guint idle_id;
  guint n_jobs;
  guint working; /* calls under way that must not be cut off */
  gboolean ending;
  int exit_status;
};

G_DEFINE_FINAL_TYPE (LodgeService, lodge_service, G_TYPE_OBJECT)

enum { ENDED, N_SIGNALS };
static guint signals[N_SIGNALS];

typedef struct
{
  LodgeService *service; /* (owned) */
  GDBusMethodInvocation *invocation;
  LodgeJob *job;         /* (owned) (nullable) */
} Call;

/* Of Amounts; those that are settings, too, come from a machine where one is named. */
static const char *const amount_options[] = { "os", "s", "family", "s", "arch", "s", "memory", "t", "cores", "u",
                                              "machine", "s", NULL };

static void update_idle (LodgeService *self);

static Call *
call_new (LodgeService *self, GDBusMethodInvocation *invocation)
{
  Call *call = g_new0 (Call, 1);

  call->service = g_object_ref (self);
  call->invocation = invocation;
  self->working++;
  update_idle (self);
  return call;
}

static void
call_free (Call *call)
{
  call->service->working--;
  update_idle (call->service);
  g_clear_object (&call->job);
  g_object_unref (call->service);
  g_free (call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_free)

static gboolean
idle_cb (gpointer data)
{
  LodgeService *self = data;

  self->idle_id = 0;
  g_debug ("no client and no guest for %u s", self->idle_timeout);
  lodge_service_end (self, 0);
  return G_SOURCE_REMOVE;
}

static void
update_idle (LodgeService *self)
{
  gboolean idle = self->name_id != 0 && !self->ending && self->idle_timeout > 0 && self->working == 0
                  && lodge_clients_count (self->clients) == 0
                  && lodge_machine_set_count_guests (self->machines) == 0;

  if (!idle)
    g_clear_handle_id (&self->idle_id, g_source_remove);
  else if (self->idle_id == 0)
    self->idle_id = g_timeout_add_seconds (self->idle_timeout, idle_cb, self);
}

static void
update_facts (LodgeService *self)
{
  g_autoptr (GStrvBuilder) features = g_strv_builder_new ();
  const LodgePaths *paths = lodge_engine_get_paths (self->engine);
  const LodgeHost *host = lodge_engine_get_host (self->engine);
  g_autofree char *demo = g_build_filename (paths->share_dir, "demo", "lodge-demo.vmlinux", NULL);
  g_auto (GStrv) list = NULL;

  if (g_file_test (demo, G_FILE_TEST_IS_REGULAR))
    g_strv_builder_add (features, "demo");
  if (host != NULL && host->passt != NULL)
    g_strv_builder_add (features, "passt");
  if (host != NULL && host->swtpm != NULL)
    g_strv_builder_add (features, "swtpm");
  g_strv_builder_add (features, "save");
  g_strv_builder_add (features, "template");
  g_strv_builder_add (features, "clone");
  g_strv_builder_add (features, "clone-running");
  g_strv_builder_add (features, "clone-snapshot");
  g_strv_builder_add (features, "disposable-snapshot");
  g_strv_builder_add (features, "disposable-share");
  g_strv_builder_add (features, "disks");
  g_strv_builder_add (features, "snapshots");
  g_strv_builder_add (features, "execute");
  g_strv_builder_add (features, "backup");
  list = g_strv_builder_end (features);

  lodge_ipc_core_set_api_version (self->core, LODGE_API_VERSION);
  lodge_ipc_core_set_version (self->core, LODGE_VERSION);
  lodge_ipc_core_set_features (self->core, (const char *const *) list);
  lodge_ipc_core_set_host (self->core, lodge_engine_get_facts (self->engine));
}

static void
job_ended_cb (LodgeService *self, LodgeJob *job)
{
  self->working--;
  update_idle (self);
}

/* Work goes on when whoever asked for it has left. */
static void
job_cb (LodgeService *self, LodgeJob *job)
{
  lodge_job_object_export (self->manager, ++self->n_jobs, job);
  self->working++;
  g_signal_connect_object (job, "ended", G_CALLBACK (job_ended_cb), self, G_CONNECT_SWAPPED);
  update_idle (self);
}

static void
backup_job_cb (LodgeJob *job, gpointer data)
{
  job_cb (data, job);
}

static void
machine_added_cb (LodgeService *self, LodgeMachine *machine)
{
  g_autoptr (LodgeMachineObject) object = lodge_machine_object_new (machine);

  g_autoptr (LodgeIpcMachine) skeleton = lodge_ipc_object_get_machine (LODGE_IPC_OBJECT (object));

  lodge_disks_object_connect (skeleton, machine);
  lodge_family_object_connect (skeleton, machine, self->machines);
  lodge_backup_object_connect_machine (skeleton, machine, self->automatic);
  lodge_automatic_watch (self->automatic, machine);
  g_dbus_object_manager_server_export (self->manager, G_DBUS_OBJECT_SKELETON (object));
  g_signal_connect_object (machine, "changed", G_CALLBACK (update_idle), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (machine, "job", G_CALLBACK (job_cb), self, G_CONNECT_SWAPPED);
}

static void
machine_removed_cb (LodgeService *self, LodgeMachine *machine)
{
  g_autofree char *path = lodge_machine_object_path (lodge_machine_get_id (machine));

  g_dbus_object_manager_server_unexport (self->manager, path);
  update_idle (self);
}

static gboolean
check_no_options (GDBusMethodInvocation *invocation, GVariant *options)
{
  static const char *const none[] = { NULL };
  GError *error = NULL;

  if (lodge_machine_check_options (options, none, &error))
    return TRUE;
  lodge_return_error (invocation, error);
  return FALSE;
}

/* @id: (nullable): NULL: @error says why not */
static void
return_machine (GDBusMethodInvocation *invocation, const char *id, GError *error)
{
  g_autofree char *path = NULL;

  if (id == NULL)
    {
      lodge_return_error (invocation, error);
      return;
    }
  path = lodge_machine_object_path (id);
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", path));
}

static void
created_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;
  g_autofree char *id = lodge_create_machine_finish (LODGE_ENGINE (source), result, &error);
  g_autofree char *path = NULL;

  lodge_job_end (call->job, error);
  if (id == NULL)
    {
      lodge_return_error (call->invocation, error);
      return;
    }
  path = lodge_machine_object_path (id);
  g_dbus_method_invocation_return_value_with_unix_fd_list (call->invocation, g_variant_new ("(o)", path), NULL);
}

static gboolean
handle_create_machine (LodgeService *self, GDBusMethodInvocation *invocation, GUnixFDList *fds,
                       const char *name, GVariant *settings, GVariant *media, GVariant *options)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_create_medium_free);
  GVariantIter iter;
  const char *role, *display_name;
  gint32 handle;
  GError *error = NULL;
  Call *call;

  if (!check_no_options (invocation, options))
    return G_DBUS_METHOD_INVOCATION_HANDLED;

  g_variant_iter_init (&iter, media);
  while (g_variant_iter_next (&iter, "(&s&sh)", &role, &display_name, &handle))
    {
      int fd = lodge_take_fd (fds, handle, &error);
      LodgeCreateMedium *medium = fd >= 0 ? lodge_create_medium_new (role, display_name, fd, &error) : NULL;

      if (medium == NULL)
        {
          lodge_return_error (invocation, error);
          return G_DBUS_METHOD_INVOCATION_HANDLED;
        }
      g_ptr_array_add (list, medium);
    }
  call = call_new (self, invocation);
  call->job = lodge_job_new ("create", NULL);
  lodge_job_object_export (self->manager, ++self->n_jobs, call->job);
  lodge_create_machine_async (self->engine, name, settings, list, call->job, created_cb, call);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
identified_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;
  g_autoptr (LodgeRecognition) found = lodge_identifier_ask_finish (LODGE_IDENTIFIER (source), result, &error);

  if (found == NULL)
    lodge_return_error (call->invocation, error);
  else
    lodge_ipc_core_complete_identify (call->service->core, call->invocation, NULL,
                                      lodge_advice_identified (call->service->engine, found));
}

static gboolean
handle_identify (LodgeService *self, GDBusMethodInvocation *invocation, GUnixFDList *fds, const char *name,
                 GVariant *file, GVariant *options)
{
  GError *error = NULL;
  int fd;

  if (!check_no_options (invocation, options))
    return G_DBUS_METHOD_INVOCATION_HANDLED;

  fd = lodge_take_fd (fds, g_variant_get_handle (file), &error);
  if (fd < 0)
    {
      lodge_return_error (invocation, error);
      return G_DBUS_METHOD_INVOCATION_HANDLED;
    }
  lodge_identifier_ask_async (lodge_engine_get_identifier (self->engine), fd, name, NULL, identified_cb,
                              call_new (self, invocation));
  close (fd);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

/* What the options leave out comes from the machine that they name. Returns: (transfer full) (nullable): a{sv} */
static GVariant *
complete_options (LodgeService *self, GVariant *options, GError **error)
{
  g_autoptr (GVariant) settings = NULL;
  const char *id = NULL;
  LodgeMachine *machine;
  GVariantDict dict;

  if (!g_variant_lookup (options, "machine", "&s", &id))
    return g_variant_ref (options);
  machine = lodge_machine_set_lookup (self->machines, id);
  if (machine == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "no machine has the id “%s”", id);
      return NULL;
    }

  settings = g_variant_ref_sink (lodge_machine_get_settings (machine));
  g_variant_dict_init (&dict, options);
  for (gsize i = 0; amount_options[i] != NULL; i += 2)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (settings, amount_options[i], G_VARIANT_TYPE (amount_options[i + 1]));

      if (value != NULL && !g_variant_dict_contains (&dict, amount_options[i]))
        g_variant_dict_insert_value (&dict, amount_options[i], value);
    }
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static gboolean
take_system (GVariant *options, LodgeAdviceSystem *system, LodgeFamily *family, GError **error)
{
  const char *word = NULL;

  system->arch = LODGE_ARCH_X86_64;
  if (g_variant_lookup (options, "os", "&s", &system->os) && *system->os == '\0')
    system->os = NULL;
  if (g_variant_lookup (options, "family", "&s", &word) && lodge_family_parse (word, family))
    {
      system->family = family;
      word = NULL;
    }
  if (word == NULL && g_variant_lookup (options, "arch", "&s", &word) && lodge_arch_parse (word, &system->arch))
    word = NULL;
  if (word != NULL)
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "“%s” is not known", word);
  return word == NULL;
}

static gboolean
handle_amounts (LodgeService *self, GDBusMethodInvocation *invocation, GVariant *given)
{
  g_autoptr (GVariant) options = NULL;
  LodgeAdviceSystem system = { NULL };
  const char *machine = NULL;
  LodgeFamily family;
  GError *error = NULL;
  gboolean has_memory, has_cores;
  guint64 memory = 0;
  guint32 cores = 0;

  if (lodge_machine_check_options (given, amount_options, &error))
    options = complete_options (self, given, &error);
  if (options == NULL || !take_system (options, &system, &family, &error))
    {
      lodge_return_error (invocation, error);
      return G_DBUS_METHOD_INVOCATION_HANDLED;
    }

  g_variant_lookup (options, "machine", "&s", &machine);
  has_memory = g_variant_lookup (options, "memory", "t", &memory);
  has_cores = g_variant_lookup (options, "cores", "u", &cores);
  lodge_ipc_core_complete_amounts (self->core, invocation,
                                   lodge_advice_amounts (self->engine, &system, machine,
                                                         has_memory ? &memory : NULL, has_cores ? &cores : NULL));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_find_machine (LodgeService *self, GDBusMethodInvocation *invocation, const char *text, GVariant *options)
{
  GError *error = NULL;

  if (check_no_options (invocation, options))
    {
      LodgeMachine *machine = lodge_machine_set_find (self->machines, text, &error);

      return_machine (invocation, machine != NULL ? lodge_machine_get_id (machine) : NULL, error);
    }
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_list_machines (LodgeService *self, GDBusMethodInvocation *invocation, GVariant *options)
{
  static const char *const known[] = { "properties", "as", "settings", "as", "whole", "as", NULL };
  GVariant *machines = NULL;
  GError *error = NULL;

  if (lodge_machine_check_options (options, known, &error))
    machines = lodge_list_machines (G_DBUS_OBJECT_MANAGER (self->manager), options, &error);
  if (machines != NULL)
    lodge_ipc_core_complete_list_machines (self->core, invocation, machines);
  else
    lodge_return_error (invocation, error);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_list_jobs (LodgeService *self, GDBusMethodInvocation *invocation, GVariant *options)
{
  if (check_no_options (invocation, options))
    lodge_ipc_core_complete_list_jobs (self->core, invocation, lodge_list_jobs (G_DBUS_OBJECT_MANAGER (self->manager)));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_list_trash (LodgeService *self, GDBusMethodInvocation *invocation, GVariant *options)
{
  if (check_no_options (invocation, options))
    lodge_ipc_core_complete_list_trash (self->core, invocation,
                                        lodge_store_list_trash (lodge_engine_get_store (self->engine)));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

/* It may have been a disk. */
static void
emit_disks_changed (LodgeService *self, const char *id)
{
  g_autofree char *path = lodge_machine_object_path (id);
  g_autoptr (GDBusObject) object = g_dbus_object_manager_get_object (G_DBUS_OBJECT_MANAGER (self->manager), path);
  g_autoptr (LodgeIpcMachine) skeleton = object != NULL ? lodge_ipc_object_get_machine (LODGE_IPC_OBJECT (object)) : NULL;

  if (skeleton == NULL)
    return;
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (skeleton));
  lodge_ipc_machine_emit_disks_changed (skeleton);
}

static gboolean
handle_undelete (LodgeService *self, GDBusMethodInvocation *invocation, const char *text, GVariant *options)
{
  GError *error = NULL;

  if (check_no_options (invocation, options))
    {
      LodgeStoreEntry *entry = lodge_store_undelete (lodge_engine_get_store (self->engine), text, &error);

      if (entry != NULL)
        emit_disks_changed (self, entry->id);
      return_machine (invocation, entry != NULL ? entry->id : NULL, error);
    }
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
emptied_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;

  if (lodge_store_empty_trash_finish (LODGE_STORE (source), result, &error))
    g_dbus_method_invocation_return_value (call->invocation, NULL);
  else
    lodge_return_error (call->invocation, error);
}

static gboolean
handle_empty_trash (LodgeService *self, GDBusMethodInvocation *invocation, const char *const *ids, GVariant *options)
{
  if (check_no_options (invocation, options))
    lodge_store_empty_trash_async (lodge_engine_get_store (self->engine), ids, NULL, emptied_cb,
                                   call_new (self, invocation));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
examined_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;
  LodgeHost *host = NULL;
  g_autoptr (GVariant) findings = lodge_doctor_examine_finish (result, &host, &error);

  if (findings == NULL)
    {
      lodge_return_error (call->invocation, error);
      return;
    }
  /* What the person has put right since shows in the Host property, and in the next start of a machine, too. */
  lodge_engine_look_again (call->service->engine, host);
  lodge_ipc_core_complete_doctor (call->service->core, call->invocation, findings);
}

static gboolean
handle_doctor (LodgeService *self, GDBusMethodInvocation *invocation, GVariant *options)
{
  if (!check_no_options (invocation, options))
    return G_DBUS_METHOD_INVOCATION_HANDLED;

  lodge_doctor_examine_async (lodge_engine_get_paths (self->engine), NULL, NULL, examined_cb, call_new (self, invocation));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
reported_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;

  if (lodge_report_write_finish (result, &error))
    g_dbus_method_invocation_return_value_with_unix_fd_list (call->invocation, NULL, NULL);
  else
    lodge_return_error (call->invocation, error);
}

static void
examined_for_report_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Call *call = data;
  LodgeService *self = call->service;
  GVariant *parameters = g_dbus_method_invocation_get_parameters (call->invocation);
  GUnixFDList *fds = g_dbus_message_get_unix_fd_list (g_dbus_method_invocation_get_message (call->invocation));
  g_autoptr (GVariant) findings = NULL;
  g_autoptr (GVariant) options = NULL;
  const char *machine = NULL;
  GError *error = NULL;
  gint32 handle;
  int fd = -1;

  g_variant_get (parameters, "(h@a{sv})", &handle, &options);
  g_variant_lookup (options, "machine", "&s", &machine);
  findings = lodge_doctor_examine_finish (result, NULL, &error);
  if (findings == NULL || (fd = lodge_take_fd (fds, handle, &error)) < 0)
    {
      lodge_return_error (call->invocation, error);
      call_free (call);
      return;
    }
  lodge_report_write_async (fd, self->engine, self->machines, machine, findings, NULL, reported_cb, call);
}

static gboolean
handle_write_report (LodgeService *self, GDBusMethodInvocation *invocation, GUnixFDList *fds, GVariant *file,
                     GVariant *options)
{
  static const char *const known[] = { "machine", "s", NULL };
  GError *error = NULL;

  if (!lodge_machine_check_options (options, known, &error))
    lodge_return_error (invocation, error);
  else
    lodge_doctor_examine_async (lodge_engine_get_paths (self->engine), NULL, NULL, examined_for_report_cb,
                                call_new (self, invocation));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_quit (LodgeService *self, GDBusMethodInvocation *invocation, GVariant *options)
{
  if (check_no_options (invocation, options))
    {
      g_dbus_method_invocation_return_value (invocation, NULL);
      lodge_service_end (self, 0);
    }
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
ended_cb (gpointer data)
{
  LodgeService *self = data;

  g_signal_emit (self, signals[ENDED], 0, self->exit_status);
  return G_SOURCE_REMOVE;
}

void
lodge_service_end (LodgeService *self, int exit_status)
{
  if (self->ending)
    return;

  self->ending = TRUE;
  self->exit_status = exit_status;
  g_clear_handle_id (&self->idle_id, g_source_remove);
  lodge_machine_set_drop_spares (self->machines);
  g_clear_handle_id (&self->name_id, g_bus_unown_name);
  g_dbus_connection_flush (self->connection, NULL, NULL, NULL);
  g_timeout_add_full (G_PRIORITY_LOW, LAST_CALLS_MS, ended_cb, g_object_ref (self), g_object_unref);
}

static void
name_acquired_cb (GDBusConnection *connection, const char *name, gpointer data)
{
  g_info ("serving %s", name);
  update_idle (data);
}

/* @connection: (nullable): NULL when it was closed */
static void
name_lost_cb (GDBusConnection *connection, const char *name, gpointer data)
{
  LodgeService *self = data;

  /* The bus that is gone is the session's end; a name that never came is another core's, with other machines
   * or it would have the lock. */
  if (connection == NULL || g_dbus_connection_is_closed (connection))
    lodge_service_end (self, 0);
  else
    {
      g_warning ("another lodge-core already serves this session");
      lodge_service_end (self, 1);
    }
}

static void
loaded_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeService) self = data;
  g_autoptr (GError) error = NULL;

  if (!lodge_machine_set_load_finish (self->machines, result, &error))
    {
      g_warning ("cannot load the machines: %s", error->message);
      lodge_service_end (self, 1);
      return;
    }
  if (!self->ending)
    self->name_id = g_bus_own_name_on_connection (self->connection, LODGE_BUS_NAME,
                                                  G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE, name_acquired_cb,
                                                  name_lost_cb, self, NULL);
}

void
lodge_service_begin (LodgeService *self)
{
  g_autoptr (GError) error = NULL;

  if (!g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (self->core), self->connection,
                                         LODGE_CORE_PATH, &error))
    {
      g_warning ("cannot export the core: %s", error->message);
      lodge_service_end (self, 1);
      return;
    }
  g_dbus_object_manager_server_set_connection (self->manager, self->connection);
  lodge_engine_probe (self->engine);
  update_facts (self);
  lodge_machine_set_load_async (self->machines, NULL, loaded_cb, g_object_ref (self));
}

static void
lodge_service_dispose (GObject *object)
{
  LodgeService *self = LODGE_SERVICE (object);

  g_clear_handle_id (&self->idle_id, g_source_remove);
  g_clear_handle_id (&self->name_id, g_bus_unown_name);
  g_clear_object (&self->manager);
  g_clear_object (&self->core);
  g_clear_object (&self->automatic);
  g_clear_object (&self->machines);
  g_clear_object (&self->clients);
  g_clear_object (&self->engine);
  g_clear_object (&self->connection);

  G_OBJECT_CLASS (lodge_service_parent_class)->dispose (object);
}

static void
lodge_service_class_init (LodgeServiceClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_service_dispose;

  signals[ENDED] = g_signal_new ("ended", LODGE_TYPE_SERVICE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 1, G_TYPE_INT);
}

static void
lodge_service_init (LodgeService *self)
{
  static const struct
  {
    const char *signal;
    GCallback handler;
  } handlers[] = {
    { "handle-create-machine", G_CALLBACK (handle_create_machine) },
    { "handle-identify", G_CALLBACK (handle_identify) },
    { "handle-amounts", G_CALLBACK (handle_amounts) },
    { "handle-find-machine", G_CALLBACK (handle_find_machine) },
    { "handle-list-machines", G_CALLBACK (handle_list_machines) },
    { "handle-list-jobs", G_CALLBACK (handle_list_jobs) },
    { "handle-list-trash", G_CALLBACK (handle_list_trash) },
    { "handle-undelete", G_CALLBACK (handle_undelete) },
    { "handle-empty-trash", G_CALLBACK (handle_empty_trash) },
    { "handle-doctor", G_CALLBACK (handle_doctor) },
    { "handle-write-report", G_CALLBACK (handle_write_report) },
    { "handle-quit", G_CALLBACK (handle_quit) },
  };

  self->core = lodge_ipc_core_skeleton_new ();
  for (gsize i = 0; i < G_N_ELEMENTS (handlers); i++)
    g_signal_connect_object (self->core, handlers[i].signal, handlers[i].handler, self, G_CONNECT_SWAPPED);
}

static gint64
now_cb (gpointer data)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

LodgeService *
lodge_service_new (GDBusConnection *connection, LodgeEngine *engine, guint idle_timeout)
{
  LodgeService *self = g_object_new (LODGE_TYPE_SERVICE, NULL);

  self->connection = g_object_ref (connection);
  self->engine = g_object_ref (engine);
  self->idle_timeout = idle_timeout;
  self->manager = g_dbus_object_manager_server_new (LODGE_CORE_PATH);
  self->clients = lodge_clients_new (connection);
  self->machines = lodge_machine_set_new (engine);
  self->automatic = lodge_automatic_new (engine, now_cb, NULL);
  lodge_backup_object_connect (self->core, engine, self->machines, backup_job_cb, self);
  g_signal_connect_object (self->clients, "changed", G_CALLBACK (update_idle), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->machines, "added", G_CALLBACK (machine_added_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->machines, "removed", G_CALLBACK (machine_removed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (engine, "changed", G_CALLBACK (update_facts), self, G_CONNECT_SWAPPED);
  return self;
}
