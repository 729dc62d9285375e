/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/service/lodge-machine-object.h"

#include "core/ipc/lodge-names.h"
#include "core/service/lodge-snapshot-object.h"
#include "core/storage/lodge-medium.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

struct _LodgeMachineObject
{
  LodgeIpcObjectSkeleton parent_instance;

  LodgeMachine *machine;    /* (owned) */
  LodgeIpcMachine *skeleton; /* (owned) */
};

G_DEFINE_FINAL_TYPE (LodgeMachineObject, lodge_machine_object, LODGE_IPC_TYPE_OBJECT_SKELETON)

/* What an asynchronous call needs to answer. */
typedef struct
{
  LodgeIpcMachine *skeleton;         /* (owned) */
  GDBusMethodInvocation *invocation; /* (owned) until it is answered */
  LodgeMethod method;
} Call;

static Call *
call_new (LodgeMachineObject *self, GDBusMethodInvocation *invocation, LodgeMethod method)
{
  Call *call = g_new0 (Call, 1);

  call->skeleton = g_object_ref (self->skeleton);
  call->invocation = invocation;
  call->method = method;
  return call;
}

static void
call_free (Call *call)
{
  g_object_unref (call->skeleton);
  g_free (call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_free)

char *
lodge_machine_object_path (const char *id)
{
  g_autofree char *element = g_strdup (id);

  /* A folder that cannot be read has a made-up id; keep the path legal whatever it is. */
  g_strcanon (element, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS, '_');
  return g_strconcat (LODGE_MACHINES_PATH "/", element, NULL);
}

void
lodge_return_error (GDBusMethodInvocation *invocation, GError *error)
{
  g_autoptr (GError) owned = error;
  LodgeError code = LODGE_ERROR_FAILED;

  if (owned->domain != LODGE_ERROR)
    {
      if (g_error_matches (owned, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        code = LODGE_ERROR_CANCELLED;
      else if (g_error_matches (owned, G_IO_ERROR, G_IO_ERROR_NO_SPACE)
               || g_error_matches (owned, G_FILE_ERROR, G_FILE_ERROR_NOSPC))
        code = LODGE_ERROR_NO_SPACE;
      else if (owned->domain == G_IO_ERROR || owned->domain == G_FILE_ERROR)
        code = LODGE_ERROR_IO;
      owned->domain = LODGE_ERROR;
      owned->code = code;
    }
  g_debug ("%s: %s: %s", g_dbus_method_invocation_get_method_name (invocation),
           lodge_error_code_name (owned->code), owned->message);
  g_dbus_method_invocation_return_gerror (invocation, owned);
}

int
lodge_take_fd (GUnixFDList *list, gint32 handle, GError **error)
{
  int fd = -1;

  if (list != NULL && handle >= 0 && handle < g_unix_fd_list_get_length (list))
    fd = g_unix_fd_list_get (list, handle, NULL);
  if (fd < 0)
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "the descriptor is missing");
  return fd;
}

static void
update_properties (LodgeMachineObject *self)
{
  LodgeMachine *machine = self->machine;
  LodgeIpcMachine *skeleton = self->skeleton;
  g_auto (GStrv) pending = lodge_machine_get_pending (machine);

  /* The skeleton compares, and sends what really changed as one signal from an idle. */
  lodge_ipc_machine_set_id (skeleton, lodge_machine_get_id (machine));
  lodge_ipc_machine_set_name (skeleton, lodge_machine_get_name (machine));
  lodge_ipc_machine_set_folder (skeleton, lodge_machine_get_folder (machine));
  lodge_ipc_machine_set_state (skeleton, lodge_machine_state_name (lodge_machine_get_state (machine)));
  lodge_ipc_machine_set_state_reason (skeleton, lodge_machine_get_reason (machine));
  lodge_ipc_machine_set_state_details (skeleton, lodge_machine_get_details (machine));
  lodge_ipc_machine_set_settings (skeleton, lodge_machine_get_settings (machine));
  lodge_ipc_machine_set_pending_settings (skeleton, (const char *const *) pending);
  lodge_ipc_machine_set_effective (skeleton, lodge_machine_get_effective (machine));
  lodge_ipc_machine_set_fault (skeleton, lodge_machine_get_fault (machine));
  lodge_ipc_machine_set_current_snapshot (skeleton, lodge_machine_get_current_snapshot (machine));
  lodge_ipc_machine_set_created (skeleton, lodge_machine_get_created (machine));
  lodge_ipc_machine_set_last_started (skeleton, lodge_machine_get_last_started (machine));
}

static void
flush (LodgeIpcMachine *skeleton)
{
  /* A caller whose method is done must see the new state when it asks next. */
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (skeleton));
}

static void
called_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;

  flush (call->skeleton);
  if (lodge_machine_call_finish (LODGE_MACHINE (source), result, &error))
    g_dbus_method_invocation_return_value (call->invocation, NULL);
  else
    lodge_return_error (call->invocation, error);
}

#define HANDLE_CALL(name, METHOD)                                                                  \
  static gboolean handle_##name (LodgeMachineObject *self, GDBusMethodInvocation *invocation,      \
                                 GVariant *options)                                                \
  {                                                                                                \
    lodge_machine_call_async (self->machine, LODGE_METHOD_##METHOD, options, NULL, NULL, called_cb, \
                              call_new (self, invocation, LODGE_METHOD_##METHOD));                 \
    return G_DBUS_METHOD_INVOCATION_HANDLED;                                                       \
  }

HANDLE_CALL (start, START)
HANDLE_CALL (pause, PAUSE)
HANDLE_CALL (resume, RESUME)
HANDLE_CALL (reset, RESET)
HANDLE_CALL (shutdown, SHUTDOWN)
HANDLE_CALL (force_off, FORCE_OFF)
HANDLE_CALL (eject_medium, EJECT_MEDIUM)
HANDLE_CALL (save, SAVE)
HANDLE_CALL (discard_saved, DISCARD_SAVED)

#define HANDLE_ARRANGE(name, METHOD)                                                              \
  static gboolean handle_##name (LodgeMachineObject *self, GDBusMethodInvocation *invocation,     \
                                 GVariant *options)                                               \
  {                                                                                               \
    GError *error = NULL;                                                                         \
                                                                                                  \
    if (lodge_machine_arrange (self->machine, LODGE_METHOD_##METHOD, options, &error))            \
      {                                                                                           \
        flush (self->skeleton);                                                                   \
        g_dbus_method_invocation_return_value (invocation, NULL);                                 \
      }                                                                                           \
    else                                                                                          \
      lodge_return_error (invocation, error);                                                     \
    return G_DBUS_METHOD_INVOCATION_HANDLED;                                                      \
  }

HANDLE_ARRANGE (delete, DELETE)
HANDLE_ARRANGE (restore_previous, RESTORE_PREVIOUS)
HANDLE_ARRANGE (make_separate, MAKE_SEPARATE)

static void
settings_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;
  g_auto (GStrv) pending = lodge_machine_set_settings_finish (LODGE_MACHINE (source), result, &error);

  flush (call->skeleton);
  if (pending != NULL)
    lodge_ipc_machine_complete_set_settings (call->skeleton, call->invocation, (const char *const *) pending);
  else
    lodge_return_error (call->invocation, error);
}

static gboolean
handle_set_settings (LodgeMachineObject *self, GDBusMethodInvocation *invocation, GVariant *settings,
                     GVariant *options)
{
  lodge_machine_set_settings_async (self->machine, settings, options, NULL, settings_cb,
                                    call_new (self, invocation, LODGE_METHOD_SET_SETTINGS));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_check_settings (LodgeMachineObject *self, GDBusMethodInvocation *invocation, GVariant *settings,
                       GVariant *options)
{
  GError *error = NULL;
  GVariant *answer = lodge_machine_check_settings (self->machine, settings, options, &error);

  if (answer != NULL)
    lodge_ipc_machine_complete_check_settings (self->skeleton, invocation, answer);
  else
    lodge_return_error (invocation, error);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

typedef struct
{
  LodgeMachineObject *object; /* (owned) */
  GDBusMethodInvocation *invocation;
  GVariant *options;          /* (owned) */
  char *name;                 /* (owned) */
  int fd;                     /* (owned) */
} Insert;

static void
medium_checked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Insert *insert = data;
  GError *error = NULL;
  LodgeMedium *info = lodge_medium_check_finish (result, &error);

  if (info == NULL)
    lodge_return_error (insert->invocation, error);
  else
    {
      lodge_machine_call_async (insert->object->machine, LODGE_METHOD_INSERT_MEDIUM, insert->options,
                                info->path, NULL, called_cb,
                                call_new (insert->object, insert->invocation, LODGE_METHOD_INSERT_MEDIUM));
      lodge_medium_free (info);
    }
  g_object_unref (insert->object);
  g_variant_unref (insert->options);
  g_free (insert->name);
  close (insert->fd);
  g_free (insert);
}

static gboolean
handle_insert_medium (LodgeMachineObject *self, GDBusMethodInvocation *invocation, GUnixFDList *fds,
                      const char *display_name, GVariant *handle, GVariant *options)
{
  GError *error = NULL;
  Insert *insert;
  int fd = -1;

  if (!lodge_machine_state_check (lodge_machine_get_state (self->machine), LODGE_METHOD_INSERT_MEDIUM, &error)
      || (fd = lodge_take_fd (fds, g_variant_get_handle (handle), &error)) < 0)
    {
      lodge_return_error (invocation, error);
      return G_DBUS_METHOD_INVOCATION_HANDLED;
    }

  insert = g_new0 (Insert, 1);
  insert->object = g_object_ref (self);
  insert->invocation = invocation;
  insert->options = g_variant_ref (options);
  insert->name = g_strdup (display_name);
  insert->fd = fd;
  lodge_medium_check_async (fd, "iso", insert->name, NULL, medium_checked_cb, insert);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  g_autoptr (GUnixFDList) list = NULL;
  GError *error = NULL;
  int fd = lodge_machine_open_finish (LODGE_MACHINE (source), result, &error);

  if (fd < 0)
    {
      lodge_return_error (call->invocation, error);
      return;
    }
  list = g_unix_fd_list_new_from_array (&fd, 1);
  g_dbus_method_invocation_return_value_with_unix_fd_list (call->invocation, g_variant_new ("(h)", 0), list);
}

static void
display_opened_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  g_autoptr (GUnixFDList) list = NULL;
  GError *error = NULL;
  int fds[2];

  fds[0] = lodge_machine_open_finish (LODGE_MACHINE (source), result, &error);
  fds[1] = error == NULL ? lodge_machine_open_keyring (LODGE_MACHINE (source), &error) : -1;
  if (error != NULL)
    {
      if (fds[0] >= 0)
        close (fds[0]);
      lodge_return_error (call->invocation, error);
      return;
    }
  list = g_unix_fd_list_new_from_array (fds, 2);
  g_dbus_method_invocation_return_value_with_unix_fd_list (call->invocation, g_variant_new ("(hh)", 0, 1), list);
}

static gboolean
handle_open_display (LodgeMachineObject *self, GDBusMethodInvocation *invocation, GUnixFDList *fds,
                     GVariant *options)
{
  lodge_machine_open_async (self->machine, LODGE_METHOD_OPEN_DISPLAY, NULL, options, NULL, display_opened_cb,
                            call_new (self, invocation, LODGE_METHOD_OPEN_DISPLAY));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_open_channel (LodgeMachineObject *self, GDBusMethodInvocation *invocation, GUnixFDList *fds,
                     const char *channel, GVariant *options)
{
  lodge_machine_open_async (self->machine, LODGE_METHOD_OPEN_CHANNEL, channel, options, NULL, opened_cb,
                            call_new (self, invocation, LODGE_METHOD_OPEN_CHANNEL));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_screenshot (LodgeMachineObject *self, GDBusMethodInvocation *invocation, GUnixFDList *fds,
                   GVariant *options)
{
  lodge_machine_open_async (self->machine, LODGE_METHOD_SCREENSHOT, NULL, options, NULL, opened_cb,
                            call_new (self, invocation, LODGE_METHOD_SCREENSHOT));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
input_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;

  if (lodge_machine_input_finish (LODGE_MACHINE (source), result, &error))
    g_dbus_method_invocation_return_value (call->invocation, NULL);
  else
    lodge_return_error (call->invocation, error);
}

static gboolean
handle_send_keys (LodgeMachineObject *self, GDBusMethodInvocation *invocation, const char *const *keys,
                  GVariant *options)
{
  lodge_machine_send_keys_async (self->machine, keys, options, NULL, input_cb,
                                 call_new (self, invocation, LODGE_METHOD_SEND_KEYS));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_type_text (LodgeMachineObject *self, GDBusMethodInvocation *invocation, const char *text,
                  GVariant *options)
{
  lodge_machine_type_text_async (self->machine, text, options, NULL, input_cb,
                                 call_new (self, invocation, LODGE_METHOD_TYPE_TEXT));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_get_log (LodgeMachineObject *self, GDBusMethodInvocation *invocation, GVariant *options)
{
  static const char *const none[] = { NULL };
  g_autofree char *text = NULL;
  GError *error = NULL;

  if (!lodge_machine_check_options (options, none, &error))
    {
      lodge_return_error (invocation, error);
      return G_DBUS_METHOD_INVOCATION_HANDLED;
    }
  text = lodge_machine_get_log (self->machine);
  lodge_ipc_machine_complete_get_log (self->skeleton, invocation, text);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
stopped_cb (LodgeMachineObject *self, const char *reason, GVariant *details)
{
  flush (self->skeleton);
  lodge_ipc_machine_emit_stopped (self->skeleton, reason, details);
}

static void
lodge_machine_object_dispose (GObject *object)
{
  LodgeMachineObject *self = LODGE_MACHINE_OBJECT (object);

  g_clear_object (&self->machine);
  g_clear_object (&self->skeleton);

  G_OBJECT_CLASS (lodge_machine_object_parent_class)->dispose (object);
}

static void
lodge_machine_object_class_init (LodgeMachineObjectClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_machine_object_dispose;
}

static void
lodge_machine_object_init (LodgeMachineObject *self)
{
  static const struct
  {
    const char *signal;
    GCallback handler;
  } handlers[] = {
    { "handle-start", G_CALLBACK (handle_start) },
    { "handle-pause", G_CALLBACK (handle_pause) },
    { "handle-resume", G_CALLBACK (handle_resume) },
    { "handle-reset", G_CALLBACK (handle_reset) },
    { "handle-shutdown", G_CALLBACK (handle_shutdown) },
    { "handle-force-off", G_CALLBACK (handle_force_off) },
    { "handle-set-settings", G_CALLBACK (handle_set_settings) },
    { "handle-check-settings", G_CALLBACK (handle_check_settings) },
    { "handle-insert-medium", G_CALLBACK (handle_insert_medium) },
    { "handle-eject-medium", G_CALLBACK (handle_eject_medium) },
    { "handle-open-display", G_CALLBACK (handle_open_display) },
    { "handle-open-channel", G_CALLBACK (handle_open_channel) },
    { "handle-screenshot", G_CALLBACK (handle_screenshot) },
    { "handle-send-keys", G_CALLBACK (handle_send_keys) },
    { "handle-type-text", G_CALLBACK (handle_type_text) },
    { "handle-get-log", G_CALLBACK (handle_get_log) },
    { "handle-delete", G_CALLBACK (handle_delete) },
    { "handle-restore-previous", G_CALLBACK (handle_restore_previous) },
    { "handle-save", G_CALLBACK (handle_save) },
    { "handle-discard-saved", G_CALLBACK (handle_discard_saved) },
    { "handle-make-separate", G_CALLBACK (handle_make_separate) },
  };

  self->skeleton = lodge_ipc_machine_skeleton_new ();
  for (gsize i = 0; i < G_N_ELEMENTS (handlers); i++)
    g_signal_connect_object (self->skeleton, handlers[i].signal, handlers[i].handler, self, G_CONNECT_SWAPPED);
}

LodgeMachineObject *
lodge_machine_object_new (LodgeMachine *machine)
{
  g_autofree char *path = lodge_machine_object_path (lodge_machine_get_id (machine));
  LodgeMachineObject *self = g_object_new (LODGE_TYPE_MACHINE_OBJECT, "g-object-path", path, NULL);

  self->machine = g_object_ref (machine);
  g_signal_connect_object (machine, "changed", G_CALLBACK (update_properties), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (machine, "stopped", G_CALLBACK (stopped_cb), self, G_CONNECT_SWAPPED);
  lodge_snapshot_object_connect (self->skeleton, machine);
  update_properties (self);
  lodge_ipc_object_skeleton_set_machine (LODGE_IPC_OBJECT_SKELETON (self), self->skeleton);
  return self;
}
