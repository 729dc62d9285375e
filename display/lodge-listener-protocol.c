/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "display/lodge-listener-protocol.h"

#include <gio/gunixfdlist.h>

#include "display/lodge-display-error.h"

#define LISTENER "org.qemu.Display1.Listener"
#define MAP "org.qemu.Display1.Listener.Unix.Map"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define PEER "org.freedesktop.DBus.Peer"

typedef struct
{
  LodgeFramebuffer *framebuffer;
  GDBusMessage *message;
  GVariant *arguments;    /* of the right type */
} Call;

typedef gboolean (*Handler) (const Call *call, GError **error);

/* The bytes of child @index, which is an "ay". They live as long as the message. */
static const guint8 *
get_bytes (const Call *call, gsize index, gsize *length)
{
  g_autoptr (GVariant) bytes = g_variant_get_child_value (call->arguments, index);

  /* The child shares the memory of the message's body, so it may be let go here. */
  return g_variant_get_fixed_array (bytes, length, 1);
}

static gboolean
scanout (const Call *call, GError **error)
{
  LodgeFramebufferLayout layout;
  const guint8 *data;
  gsize length;

  g_variant_get (call->arguments, "(uuuu@ay)", &layout.width, &layout.height, &layout.stride,
                 &layout.format, NULL);
  data = get_bytes (call, 4, &length);
  return lodge_framebuffer_scanout (call->framebuffer, &layout, data, length, error);
}

static gboolean
update (const Call *call, GError **error)
{
  gint32 x, y, width, height;
  guint32 stride, format;
  const guint8 *data;
  gsize length;

  g_variant_get (call->arguments, "(iiiiuu@ay)", &x, &y, &width, &height, &stride, &format, NULL);
  data = get_bytes (call, 6, &length);
  return lodge_framebuffer_update (call->framebuffer, x, y, width, height, stride, format, data,
                                   length, error);
}

static gboolean
scanout_map (const Call *call, GError **error)
{
  GUnixFDList *list = g_dbus_message_get_unix_fd_list (call->message);
  LodgeFramebufferLayout layout;
  gint32 handle;
  guint32 offset;
  const int *fds;
  int n_fds = 0;

  g_variant_get (call->arguments, "(huuuuu)", &handle, &offset, &layout.width, &layout.height,
                 &layout.stride, &layout.format);
  fds = list != NULL ? g_unix_fd_list_peek_fds (list, &n_fds) : NULL;
  if (handle < 0 || handle >= n_fds)
    {
      g_set_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL,
                   "descriptor %d of %d does not exist", handle, n_fds);
      return FALSE;
    }
  return lodge_framebuffer_scanout_map (call->framebuffer, &layout, fds[handle], offset, error);
}

static gboolean
update_map (const Call *call, GError **error)
{
  gint32 x, y, width, height;

  g_variant_get (call->arguments, "(iiii)", &x, &y, &width, &height);
  return lodge_framebuffer_update_map (call->framebuffer, x, y, width, height, error);
}

static gboolean
disable (const Call *call, GError **error)
{
  lodge_framebuffer_disable (call->framebuffer);
  return TRUE;
}

static gboolean
mouse_set (const Call *call, GError **error)
{
  gint32 x, y, on;

  g_variant_get (call->arguments, "(iii)", &x, &y, &on);
  lodge_framebuffer_set_mouse (call->framebuffer, x, y, on != 0);
  return TRUE;
}

static gboolean
cursor_define (const Call *call, GError **error)
{
  gint32 width, height, hot_x, hot_y;
  const guint8 *data;
  gsize length;

  g_variant_get (call->arguments, "(iiii@ay)", &width, &height, &hot_x, &hot_y, NULL);
  data = get_bytes (call, 4, &length);
  return lodge_framebuffer_define_cursor (call->framebuffer, width, height, hot_x, hot_y, data,
                                          length, error);
}

static gboolean
ping (const Call *call, GError **error)
{
  return TRUE;
}

static const struct
{
  const char *interface;
  const char *member;
  const char *type;
  Handler handler;
} methods[] = {
  { LISTENER, "Scanout", "(uuuuay)", scanout },
  { LISTENER, "Update", "(iiiiuuay)", update },
  { LISTENER, "Disable", "()", disable },
  { LISTENER, "MouseSet", "(iii)", mouse_set },
  { LISTENER, "CursorDefine", "(iiiiay)", cursor_define },
  { MAP, "ScanoutMap", "(huuuuu)", scanout_map },
  { MAP, "UpdateMap", "(iiii)", update_map },
  { PEER, "Ping", "()", ping },
};

/* The value of Interfaces, by which QEMU learns what it may call beyond the basic interface. */
static GVariant *
make_interfaces (void)
{
  static const char * const interfaces[] = { MAP, NULL };

  return g_variant_new_strv (interfaces, -1);
}

static GDBusMessage *
handle_properties (GDBusMessage *message, const char *member, GVariant *arguments)
{
  GDBusMessage *reply;
  const char *interface, *property;

  if (g_strcmp0 (member, "GetAll") == 0 && g_variant_is_of_type (arguments, G_VARIANT_TYPE ("(s)")))
    {
      GVariantBuilder builder;

      g_variant_get (arguments, "(&s)", &interface);
      g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sv}"));
      if (g_str_equal (interface, LISTENER))
        g_variant_builder_add (&builder, "{sv}", "Interfaces", make_interfaces ());
      reply = g_dbus_message_new_method_reply (message);
      g_dbus_message_set_body (reply, g_variant_new ("(a{sv})", &builder));
      return reply;
    }
  if (g_strcmp0 (member, "Get") == 0 && g_variant_is_of_type (arguments, G_VARIANT_TYPE ("(ss)")))
    {
      g_variant_get (arguments, "(&s&s)", &interface, &property);
      if (g_str_equal (interface, LISTENER) && g_str_equal (property, "Interfaces"))
        {
          reply = g_dbus_message_new_method_reply (message);
          g_dbus_message_set_body (reply, g_variant_new ("(v)", make_interfaces ()));
          return reply;
        }
    }
  return g_dbus_message_new_method_error_literal (message, "org.freedesktop.DBus.Error.InvalidArgs",
                                                  "No such property");
}

static GDBusMessage *
handle_call (LodgeFramebuffer *framebuffer, GDBusMessage *message, GError **error)
{
  const char *interface = g_dbus_message_get_interface (message);
  const char *member = g_dbus_message_get_member (message);
  GVariant *body = g_dbus_message_get_body (message);
  g_autoptr (GVariant) arguments = body != NULL ? g_variant_ref (body)
                                                : g_variant_ref_sink (g_variant_new ("()"));

  if (g_strcmp0 (interface, PROPERTIES) == 0)
    return handle_properties (message, member, arguments);

  if (g_strcmp0 (g_dbus_message_get_path (message), LODGE_LISTENER_PATH) == 0)
    for (gsize i = 0; i < G_N_ELEMENTS (methods); i++)
      {
        const Call call = { framebuffer, message, arguments };

        if (g_strcmp0 (interface, methods[i].interface) != 0
            || g_strcmp0 (member, methods[i].member) != 0)
          continue;
        if (!g_variant_is_of_type (arguments, G_VARIANT_TYPE (methods[i].type)))
          {
            g_set_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL,
                         "%s was called with %s instead of %s", member,
                         g_variant_get_type_string (arguments), methods[i].type);
            return NULL;
          }
        if (!methods[i].handler (&call, error))
          {
            g_prefix_error (error, "%s: ", member);
            return NULL;
          }
        return g_dbus_message_new_method_reply (message);
      }

  return g_dbus_message_new_method_error (message, "org.freedesktop.DBus.Error.UnknownMethod",
                                          "No method %s.%s here", interface, member);
}

GDBusMessage *
lodge_listener_protocol_handle (LodgeFramebuffer *framebuffer, GDBusMessage *message,
                                GError **error)
{
  g_autoptr (GDBusMessage) reply = NULL;

  /* We call nothing on this connection and know no signals, so the rest is noise. */
  if (g_dbus_message_get_message_type (message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    return NULL;

  reply = handle_call (framebuffer, message, error);
  if (g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED)
    return NULL;
  return g_steal_pointer (&reply);
}
