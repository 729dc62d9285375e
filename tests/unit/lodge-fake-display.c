/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/lodge-fake-display.h"

#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONSOLE "/org/qemu/Display1/Console_0"

static void method_cb (GDBusConnection *connection, const char *sender, const char *path,
                       const char *interface, const char *method, GVariant *arguments,
                       GDBusMethodInvocation *invocation, gpointer user_data);
static GVariant *property_cb (GDBusConnection *connection, const char *sender, const char *path,
                              const char *interface, const char *property, GError **error,
                              gpointer user_data);

static const GDBusInterfaceVTable vtable = { method_cb, property_cb, NULL, { 0 } };

static void
serve (int fd, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, NULL);
  g_autoptr (GSocketConnection) stream = g_socket_connection_factory_create_connection (socket);
  g_autofree char *guid = g_dbus_generate_guid ();

  g_dbus_connection_new (G_IO_STREAM (stream), guid,
                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER
                         | G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                         NULL, NULL, callback, user_data);
}

static void
listener_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  FakeDisplay *self = user_data;

  self->listener = g_dbus_connection_new_finish (result, NULL);
  if (self->listener != NULL)
    g_dbus_connection_start_message_processing (self->listener);
}

static void
audio_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  FakeDisplay *self = user_data;

  self->audio = g_dbus_connection_new_finish (result, NULL);
  if (self->audio != NULL)
    g_dbus_connection_start_message_processing (self->audio);
}

static void
answer (FakeDisplay *self, GDBusMethodInvocation *invocation)
{
  const char *method = g_dbus_method_invocation_get_method_name (invocation);
  gboolean refused = (strcmp (method, "SetUIInfo") == 0 && self->refuse_size)
                     || (strcmp (method, "SetAbsPosition") == 0 && !self->mouse_absolute)
                     || (strcmp (method, "RelMotion") == 0 && self->mouse_absolute);

  if (refused)
    g_dbus_method_invocation_return_dbus_error (invocation, "org.qemu.Display1.Error.Unsupported", "no");
  else
    g_dbus_method_invocation_return_value (invocation, NULL);
}

static void
method_cb (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
           const char *method, GVariant *arguments, GDBusMethodInvocation *invocation,
           gpointer user_data)
{
  FakeDisplay *self = user_data;
  g_autofree char *text = g_variant_print (arguments, FALSE);

  g_ptr_array_add (self->calls, g_strdup_printf ("%s %s", method, text));
  if (strcmp (method, "RegisterListener") == 0)
    {
      GUnixFDList *fds
          = g_dbus_message_get_unix_fd_list (g_dbus_method_invocation_get_message (invocation));

      serve (g_unix_fd_list_get (fds, 0, NULL), listener_cb, self);
    }
  if (strcmp (method, "RegisterOutListener") == 0)
    {
      GDBusMessage *message = g_dbus_method_invocation_get_message (invocation);
      GUnixFDList *fds = g_dbus_message_get_unix_fd_list (message);

      g_free (self->audio_sender);
      self->audio_sender = g_strdup (g_dbus_message_get_sender (message));
      if (self->audio_busy > 0)
        {
          self->audio_busy--;
          g_dbus_method_invocation_return_dbus_error (invocation, "org.qemu.Display1.Error.Invalid", "already");
          return;
        }
      serve (g_unix_fd_list_get (fds, 0, NULL), audio_cb, self);
    }
  if (self->hold)
    g_ptr_array_add (self->held, invocation);
  else
    answer (self, invocation);
}

static GVariant *
property_cb (GDBusConnection *connection, const char *sender, const char *path,
             const char *interface, const char *property, GError **error, gpointer user_data)
{
  FakeDisplay *self = user_data;
  guint32 ids[32];

  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    ids[i] = i;
  if (strcmp (property, "ConsoleIDs") == 0)
    return g_variant_new_fixed_array (G_VARIANT_TYPE_UINT32, ids, self->n_consoles, 4);
  if (strcmp (property, "Width") == 0)
    return g_variant_new_uint32 (640);
  if (strcmp (property, "Height") == 0)
    return g_variant_new_uint32 (480);
  if (strcmp (property, "Type") == 0)
    return g_variant_new_string ("Graphic");
  if (strcmp (property, "IsAbsolute") == 0)
    return g_variant_new_boolean (self->absolute);
  if (strcmp (property, "Head") == 0 || strcmp (property, "Modifiers") == 0)
    return g_variant_new_uint32 (0);
  return g_variant_new_string ("fake");
}

static void
export (FakeDisplay *self, const char *path, const char *interface)
{
  g_autofree char *name = g_strconcat ("org.qemu.Display1.", interface, NULL);
  g_autoptr (GError) error = NULL;
  guint id = g_dbus_connection_register_object (self->connection, path,
                                                g_dbus_node_info_lookup_interface (self->info, name),
                                                &vtable, self, NULL, &error);

  g_assert_no_error (error);
  g_array_append_val (self->exports, id);
}

static void
connected_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  FakeDisplay *self = user_data;

  self->connection = g_dbus_connection_new_finish (result, NULL);
  if (self->connection == NULL)
    return;
  export (self, "/org/qemu/Display1/VM", "VM");
  export (self, CONSOLE, "Console");
  export (self, CONSOLE, "Keyboard");
  export (self, CONSOLE, "Mouse");
  if (!self->no_audio)
    export (self, "/org/qemu/Display1/Audio", "Audio");
  g_dbus_connection_start_message_processing (self->connection);
}

FakeDisplay *
fake_display_new (void)
{
  FakeDisplay *self = g_new0 (FakeDisplay, 1);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "..", "data", "dbus",
                                                 "org.qemu.Display1.xml", NULL);
  g_autofree char *xml = NULL;
  g_autoptr (GError) error = NULL;
  int ends[2];

  g_file_get_contents (path, &xml, NULL, &error);
  g_assert_no_error (error);
  self->info = g_dbus_node_info_new_for_xml (xml, &error);
  g_assert_no_error (error);
  self->exports = g_array_new (FALSE, FALSE, sizeof (guint));
  self->calls = g_ptr_array_new_with_free_func (g_free);
  self->held = g_ptr_array_new ();
  self->absolute = self->mouse_absolute = TRUE;
  self->n_consoles = 1;
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
  self->client_fd = ends[0];
  serve (ends[1], connected_cb, self);
  return self;
}

void
fake_display_free (FakeDisplay *self)
{
  /* Calls that have come in but were not dispatched must not find what is freed here. */
  for (guint i = 0; i < self->exports->len; i++)
    g_dbus_connection_unregister_object (self->connection, g_array_index (self->exports, guint, i));
  g_array_unref (self->exports);
  fake_display_let_go (self);
  if (self->listener != NULL)
    g_dbus_connection_close_sync (self->listener, NULL, NULL);
  if (self->audio != NULL)
    g_dbus_connection_close_sync (self->audio, NULL, NULL);
  if (self->connection != NULL)
    g_dbus_connection_close_sync (self->connection, NULL, NULL);
  g_free (self->audio_sender);
  g_clear_object (&self->listener);
  g_clear_object (&self->audio);
  g_clear_object (&self->connection);
  g_ptr_array_unref (self->calls);
  g_ptr_array_unref (self->held);
  g_dbus_node_info_unref (self->info);
  g_free (self);
}

void
fake_display_let_go (FakeDisplay *self)
{
  self->hold = FALSE;
  for (guint i = 0; i < self->held->len; i++)
    answer (self, self->held->pdata[i]);
  g_ptr_array_set_size (self->held, 0);
}

void
fake_display_set_size (FakeDisplay *self, guint width, guint height)
{
  GVariantBuilder changed;

  g_variant_builder_init (&changed, G_VARIANT_TYPE ("a{sv}"));
  g_variant_builder_add (&changed, "{sv}", "Width", g_variant_new_uint32 (width));
  g_variant_builder_add (&changed, "{sv}", "Height", g_variant_new_uint32 (height));
  g_dbus_connection_emit_signal (self->connection, NULL, CONSOLE, "org.freedesktop.DBus.Properties",
                                 "PropertiesChanged",
                                 g_variant_new ("(sa{sv}as)", "org.qemu.Display1.Console", &changed,
                                                NULL),
                                 NULL);
}

void
fake_display_send (FakeDisplay *self, const char *member, GVariant *arguments, int fd)
{
  const char *interface = strstr (member, "Map") != NULL ? "org.qemu.Display1.Listener.Unix.Map"
                                                         : "org.qemu.Display1.Listener";
  g_autoptr (GDBusMessage) message
      = g_dbus_message_new_method_call (NULL, "/org/qemu/Display1/Listener", interface, member);

  g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  if (arguments != NULL)
    g_dbus_message_set_body (message, arguments);
  if (fd >= 0)
    {
      g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();

      g_unix_fd_list_append (fds, fd, NULL);
      g_dbus_message_set_unix_fd_list (message, fds);
    }
  g_dbus_connection_send_message (self->listener, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
}

void
fake_display_send_audio (FakeDisplay *self, const char *member, GVariant *arguments)
{
  g_autoptr (GDBusMessage) message = g_dbus_message_new_method_call (
    NULL, "/org/qemu/Display1/AudioOutListener", "org.qemu.Display1.AudioOutListener", member);

  g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  if (arguments != NULL)
    g_dbus_message_set_body (message, arguments);
  g_dbus_connection_send_message (self->audio, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
}

GVariant *
fake_display_bytes (gsize length, guint8 value)
{
  guint8 *data = g_malloc (length + 1);

  memset (data, value, length);
  return g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, data, length, TRUE, g_free, data);
}
