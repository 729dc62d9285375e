/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Opening: handshake, properties of the machine, properties of each console and its devices. All
 * calls to one console go out together, and the session is there when all have been answered.
 *
 * From then on QEMU sends us answers and PropertiesChanged. The latter are merged by a filter in
 * GDBus' worker thread, one table per console and interface, and reach the consoles by one idle
 * source, so a peer cannot make the main loop's queue grow. Everything else is dropped.
 */

#include "display/lodge-display-session.h"

#include <string.h>

#include "display/lodge-console-private.h"
#include "display/lodge-display-error.h"
#include "display/lodge-handshake.h"

#define VM_PATH "/org/qemu/Display1/VM"
#define VM_INTERFACE "org.qemu.Display1.VM"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define MAX_CONSOLES 16
/* Changes that wait for the main loop; QEMU has four properties that change, per console. */
#define MAX_CHANGES (MAX_CONSOLES * 8)
/* Of a path and of a property's name; a message may hold far longer ones, which would stay in the table. */
#define MAX_NAME 128

static const char * const interfaces[] = { LODGE_CONSOLE_INTERFACE, LODGE_KEYBOARD_INTERFACE,
                                           LODGE_MOUSE_INTERFACE, NULL };

/* Changed properties on their way from the worker thread to the main one. */
typedef struct
{
  gatomicrefcount refs;
  GWeakRef session;
  GMainContext *context;     /* (owned) */
  GMutex mutex;              /* for all below */
  GHashTable *changes;       /* (owned): "path interface name" -> GVariant */
  gboolean scheduled;
} Shared;

struct _LodgeDisplaySession
{
  GObject parent_instance;

  GDBusConnection *connection;   /* (owned) (nullable) */
  LodgePeer *peer;               /* (owned) (nullable) */
  int keyring_fd;                /* (owned) or -1 */
  Shared *shared;                /* (owned) (nullable) */
  guint filter;
  gulong closed_handler;
  GListStore *consoles;          /* (owned): LodgeConsole */
  LodgeAudio *audio;             /* (owned) (nullable) until it is open */
  char *name;                    /* (owned) */
  gboolean closed;
  gboolean opened;
};

enum
{
  SIGNAL_CLOSED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgeDisplaySession, lodge_display_session, G_TYPE_OBJECT)

static void
shared_unref (gpointer data)
{
  Shared *shared = data;

  if (!g_atomic_ref_count_dec (&shared->refs))
    return;
  g_weak_ref_clear (&shared->session);
  g_main_context_unref (shared->context);
  g_hash_table_unref (shared->changes);
  g_mutex_clear (&shared->mutex);
  g_free (shared);
}

static Shared *
shared_ref (Shared *shared)
{
  g_atomic_ref_count_inc (&shared->refs);
  return shared;
}

static void
finish (LodgeDisplaySession *self, const GError *reason)
{
  g_autoptr (LodgeDisplaySession) keep = NULL;

  if (self->closed)
    return;
  keep = g_object_ref (self);
  self->closed = TRUE;
  if (self->connection != NULL)
    {
      g_clear_signal_handler (&self->closed_handler, self->connection);
      g_dbus_connection_close (self->connection, NULL, NULL, NULL);
    }
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->consoles)); i++)
    {
      g_autoptr (LodgeConsole) console = g_list_model_get_item (G_LIST_MODEL (self->consoles), i);

      lodge_console_shut (console, reason);
    }
  if (self->audio != NULL)
    lodge_audio_close (self->audio);
  if (reason != NULL && self->opened)
    g_signal_emit (self, signals[SIGNAL_CLOSED], 0, reason);
}

static LodgeConsole *
find_console (LodgeDisplaySession *self, const char *path, gsize length)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->consoles)); i++)
    {
      /* The store keeps it alive. */
      g_autoptr (LodgeConsole) console = g_list_model_get_item (G_LIST_MODEL (self->consoles), i);
      const char *own = lodge_console_get_path (console);

      if (strlen (own) == length && memcmp (own, path, length) == 0)
        return console;
    }
  return NULL;
}

static gboolean
changed_cb (gpointer user_data)
{
  Shared *shared = user_data;
  g_autoptr (LodgeDisplaySession) self = g_weak_ref_get (&shared->session);
  g_autoptr (GHashTable) changes = NULL;
  GHashTableIter iter;
  gpointer key, value;

  g_mutex_lock (&shared->mutex);
  changes = shared->changes;
  shared->changes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                           (GDestroyNotify) g_variant_unref);
  shared->scheduled = FALSE;
  g_mutex_unlock (&shared->mutex);

  if (self == NULL || self->closed)
    return G_SOURCE_REMOVE;
  g_hash_table_iter_init (&iter, changes);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      const char *space = strchr (key, ' ');
      LodgeConsole *console = find_console (self, key, (gsize) (space - (char *) key));
      g_auto (GStrv) parts = g_strsplit (space + 1, " ", 2);
      GVariantBuilder builder;
      g_autoptr (GVariant) all = NULL;

      if (console == NULL)
        continue;
      g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sv}"));
      g_variant_builder_add (&builder, "{sv}", parts[1], value);
      all = g_variant_ref_sink (g_variant_builder_end (&builder));
      lodge_console_update (console, parts[0], all);
    }
  return G_SOURCE_REMOVE;
}

/* In the worker thread. */
static void
merge_changes (Shared *shared, const char *path, GVariant *body)
{
  g_autoptr (GVariant) all = NULL;
  const char *interface, *name;
  GVariantIter iter;
  GVariant *value;
  gboolean tell = FALSE;

  g_variant_get (body, "(&s@a{sv}as)", &interface, &all, NULL);
  if (!g_strv_contains (interfaces, interface) || strlen (path) > MAX_NAME)
    return;

  g_mutex_lock (&shared->mutex);
  g_variant_iter_init (&iter, all);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      g_autofree char *key = g_strdup_printf ("%s %s %.*s", path, interface, MAX_NAME, name);

      /* Only numbers, flags and short texts are of interest here. */
      if (strlen (name) <= MAX_NAME && g_variant_get_size (value) <= 1024
          && (g_hash_table_contains (shared->changes, key)
              || g_hash_table_size (shared->changes) < MAX_CHANGES))
        {
          g_hash_table_replace (shared->changes, g_steal_pointer (&key), g_variant_ref (value));
          tell = !shared->scheduled;
          shared->scheduled = TRUE;
        }
      g_variant_unref (value);
      if (tell)
        {
          g_autoptr (GSource) source = g_idle_source_new ();

          g_source_set_priority (source, G_PRIORITY_DEFAULT);
          g_source_set_callback (source, changed_cb, shared_ref (shared), shared_unref);
          g_source_attach (source, shared->context);
          tell = FALSE;
        }
    }
  g_mutex_unlock (&shared->mutex);
}

/* In the worker thread. */
static GDBusMessage *
filter_cb (GDBusConnection *connection, GDBusMessage *message, gboolean incoming,
           gpointer user_data)
{
  GVariant *body;

  if (!incoming)
    return message;
  switch (g_dbus_message_get_message_type (message))
    {
    case G_DBUS_MESSAGE_TYPE_METHOD_RETURN:
    case G_DBUS_MESSAGE_TYPE_ERROR:
      return message;
    case G_DBUS_MESSAGE_TYPE_SIGNAL:
      body = g_dbus_message_get_body (message);
      if (g_strcmp0 (g_dbus_message_get_interface (message), PROPERTIES) == 0
          && g_strcmp0 (g_dbus_message_get_member (message), "PropertiesChanged") == 0
          && body != NULL && g_variant_is_of_type (body, G_VARIANT_TYPE ("(sa{sv}as)")))
        merge_changes (user_data, g_dbus_message_get_path (message), body);
      break;
    default:
      break;
    }
  g_object_unref (message);
  return NULL;
}

static void
connection_closed_cb (GDBusConnection *connection, gboolean vanished, GError *error,
                      LodgeDisplaySession *self)
{
  g_autoptr (GError) reason
      = g_error_new (LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_CLOSED, "the display has been closed: %s",
                     error != NULL ? error->message : "by the peer");

  finish (self, reason);
}

static void
not_responding_cb (LodgePeer *peer, LodgeDisplaySession *self)
{
  g_autoptr (GError) reason
      = g_error_new_literal (LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_NOT_RESPONDING,
                             "QEMU does not answer");

  finish (self, reason);
}

static void
console_closed_cb (LodgeConsole *console, GError *reason, LodgeDisplaySession *self)
{
  finish (self, reason);
}

static void
lodge_display_session_dispose (GObject *object)
{
  LodgeDisplaySession *self = LODGE_DISPLAY_SESSION (object);

  if (self->consoles != NULL)
    {
      self->closed = self->closed || self->connection == NULL;
      finish (self, NULL);
    }
  if (self->connection != NULL && self->filter != 0)
    g_dbus_connection_remove_filter (self->connection, self->filter);
  self->filter = 0;
  g_clear_object (&self->consoles);
  g_clear_object (&self->audio);
  g_clear_object (&self->peer);
  g_clear_object (&self->connection);
  g_clear_pointer (&self->shared, shared_unref);
  G_OBJECT_CLASS (lodge_display_session_parent_class)->dispose (object);
}

static void
lodge_display_session_finalize (GObject *object)
{
  LodgeDisplaySession *self = LODGE_DISPLAY_SESSION (object);

  g_free (self->name);
  if (self->keyring_fd >= 0)
    close (self->keyring_fd);
  G_OBJECT_CLASS (lodge_display_session_parent_class)->finalize (object);
}

static void
lodge_display_session_class_init (LodgeDisplaySessionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = lodge_display_session_dispose;
  object_class->finalize = lodge_display_session_finalize;

  signals[SIGNAL_CLOSED] = g_signal_new ("closed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
lodge_display_session_init (LodgeDisplaySession *self)
{
  self->keyring_fd = -1;
  self->consoles = g_list_store_new (LODGE_TYPE_CONSOLE);
  self->name = g_strdup ("");
}

/* Opening */

typedef struct
{
  LodgeDisplaySession *session;   /* (owned) */
  guint pending;                  /* answers of consoles to come */
} Open;

typedef struct
{
  GTask *task;                    /* (owned) */
  LodgeConsole *console;          /* (owned) */
  const char *interface;
} Question;

static void
open_free (gpointer data)
{
  Open *open = data;

  g_clear_object (&open->session);
  g_free (open);
}

/* Takes the session out of the task's data first: whoever gets it owns it alone. */
static void
open_done (GTask *task, GError *error)
{
  Open *open = g_task_get_task_data (task);
  LodgeDisplaySession *self = open->session;

  if (error == NULL && self->closed)
    error = g_error_new_literal (LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_CLOSED,
                                 "the peer has closed the connection");
  if (error != NULL)
    {
      finish (self, NULL);
      g_task_return_error (task, error);
      return;
    }
  self->opened = TRUE;
  self->audio = lodge_audio_new (self->peer, self->name);
  g_task_return_pointer (task, g_steal_pointer (&open->session), g_object_unref);
}

/* Words a failed question of the opening; @error is not what the person gave. */
static GError *
open_error (const GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    return g_error_new_literal (LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_NOT_RESPONDING,
                                "QEMU does not answer");
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    return g_error_new_literal (LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_CLOSED,
                                "the peer has closed the connection");
  return g_error_new (LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_FAILED,
                      "QEMU does not tell its properties: %s", error->message);
}

static void
console_answered_cb (GVariant *reply, const GError *error, gpointer user_data)
{
  Question *question = user_data;
  GTask *task = question->task;
  Open *open = g_task_get_task_data (task);

  /* A console may lack a keyboard or a mouse, but must be one. */
  if (reply != NULL && g_variant_is_of_type (reply, G_VARIANT_TYPE ("(a{sv})")))
    {
      g_autoptr (GVariant) all = g_variant_get_child_value (reply, 0);

      lodge_console_update (question->console, question->interface, all);
    }
  else if (!g_task_get_completed (task) && open->pending > 0
           && g_str_equal (question->interface, LODGE_CONSOLE_INTERFACE))
    {
      open->pending = 0;
      if (error != NULL)
        open_done (task, open_error (error));
      else
        open_done (task, g_error_new_literal (LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL,
                                              "properties of the wrong type"));
    }
  if (open->pending > 0 && --open->pending == 0)
    open_done (task, NULL);

  g_object_unref (question->console);
  g_free (question);
  g_object_unref (task);
}

static void
ask_console (GTask *task, LodgeConsole *console, const char *interface)
{
  Open *open = g_task_get_task_data (task);
  Question *question = g_new (Question, 1);

  question->task = g_object_ref (task);
  question->console = g_object_ref (console);
  question->interface = interface;
  open->pending++;
  lodge_peer_call (open->session->peer, lodge_console_get_path (console), PROPERTIES, "GetAll",
                   g_variant_new ("(s)", interface), NULL, LODGE_DISPLAY_OPEN_TIMEOUT_MS,
                   console_answered_cb, question);
}

static void
machine_answered_cb (GVariant *reply, const GError *error, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Open *open = g_task_get_task_data (task);
  LodgeDisplaySession *self = open->session;
  g_autoptr (GVariant) all = NULL;
  g_autoptr (GVariant) ids = NULL;
  const guint32 *id = NULL;
  gsize n_ids = 0;

  if (reply == NULL)
    {
      open_done (task, open_error (error));
      return;
    }
  if (g_variant_is_of_type (reply, G_VARIANT_TYPE ("(a{sv})")))
    {
      all = g_variant_get_child_value (reply, 0);
      ids = g_variant_lookup_value (all, "ConsoleIDs", G_VARIANT_TYPE ("au"));
    }
  if (ids != NULL)
    id = g_variant_get_fixed_array (ids, &n_ids, sizeof *id);
  if (n_ids == 0 || n_ids > MAX_CONSOLES)
    {
      open_done (task, g_error_new (LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_NO_CONSOLE,
                                    "the machine has %" G_GSIZE_FORMAT " consoles", n_ids));
      return;
    }
  if (g_variant_lookup (all, "Name", "s", NULL))
    {
      g_free (self->name);
      g_variant_lookup (all, "Name", "s", &self->name);
    }
  for (gsize i = 0; i < n_ids; i++)
    {
      g_autoptr (LodgeConsole) console = lodge_console_new (self->peer, id[i]);

      g_list_store_append (self->consoles, console);
      g_signal_connect_object (console, "closed", G_CALLBACK (console_closed_cb), self, 0);
    }
  for (gsize i = 0; i < n_ids; i++)
    {
      g_autoptr (LodgeConsole) console = g_list_model_get_item (G_LIST_MODEL (self->consoles), i);

      for (gsize j = 0; interfaces[j] != NULL; j++)
        ask_console (task, console, interfaces[j]);
    }
}

static void
authenticated_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Open *open = g_task_get_task_data (task);
  LodgeDisplaySession *self = open->session;
  GError *error = NULL;
  Shared *shared;

  self->connection = lodge_handshake_finish (result, &error);
  if (self->connection == NULL)
    {
      open_done (task, error);
      return;
    }
  shared = self->shared = g_new0 (Shared, 1);
  g_atomic_ref_count_init (&shared->refs);
  g_weak_ref_init (&shared->session, self);
  shared->context = g_main_context_ref_thread_default ();
  g_mutex_init (&shared->mutex);
  shared->changes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                           (GDestroyNotify) g_variant_unref);
  self->filter = g_dbus_connection_add_filter (self->connection, filter_cb, shared_ref (shared),
                                               shared_unref);
  self->closed_handler = g_signal_connect (self->connection, "closed",
                                           G_CALLBACK (connection_closed_cb), self);
  self->peer = lodge_peer_new (self->connection, self->keyring_fd);
  g_signal_connect_object (self->peer, "not-responding", G_CALLBACK (not_responding_cb), self, 0);
  g_dbus_connection_start_message_processing (self->connection);

  lodge_peer_call (self->peer, VM_PATH, PROPERTIES, "GetAll", g_variant_new ("(s)", VM_INTERFACE),
                   NULL, LODGE_DISPLAY_OPEN_TIMEOUT_MS, machine_answered_cb, g_object_ref (task));
}

void
lodge_display_session_new_async (int fd, int keyring_fd, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Open *open = g_new0 (Open, 1);

  open->session = g_object_new (LODGE_TYPE_DISPLAY_SESSION, NULL);
  g_task_set_task_data (task, open, open_free);
  open->session->keyring_fd = keyring_fd;
  lodge_handshake_async (fd, keyring_fd, LODGE_DISPLAY_OPEN_TIMEOUT_MS, cancellable, authenticated_cb, task);
}

LodgeDisplaySession *
lodge_display_session_new_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

const char *
lodge_display_session_get_name (LodgeDisplaySession *self)
{
  return self->name;
}

GListModel *
lodge_display_session_get_consoles (LodgeDisplaySession *self)
{
  return G_LIST_MODEL (self->consoles);
}

LodgeConsole *
lodge_display_session_get_primary_console (LodgeDisplaySession *self)
{
  LodgeConsole *first = NULL;

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->consoles)); i++)
    {
      /* The store keeps it alive. */
      g_autoptr (LodgeConsole) console = g_list_model_get_item (G_LIST_MODEL (self->consoles), i);

      if (lodge_console_is_graphic (console))
        return console;
      if (first == NULL)
        first = console;
    }
  return first;
}

LodgeAudio *
lodge_display_session_get_audio (LodgeDisplaySession *self)
{
  return self->audio;
}

gboolean
lodge_display_session_is_closed (LodgeDisplaySession *self)
{
  return self->closed;
}

void
lodge_display_session_close (LodgeDisplaySession *self)
{
  finish (self, NULL);
}
