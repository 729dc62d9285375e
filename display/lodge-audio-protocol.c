/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "display/lodge-audio-protocol.h"

#include "display/lodge-display-error.h"

#define LISTENER "org.qemu.Display1.AudioOutListener"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define PEER "org.freedesktop.DBus.Peer"

typedef gboolean (*Handler) (LodgeAudioPlayer *player, GVariant *arguments, GError **error);

static gboolean
init (LodgeAudioPlayer *player, GVariant *arguments, GError **error)
{
  LodgeAudioFormat format;
  guint64 id;
  guint8 bits, channels;
  guint32 rate, bytes_per_frame;

  g_variant_get (arguments, "(tybbuyuub)", &id, &bits, &format.is_signed, &format.is_float, &rate, &channels,
                 &bytes_per_frame, NULL, &format.big_endian);
  format.bits = bits;
  format.rate = rate;
  format.channels = channels;
  if (bytes_per_frame != lodge_audio_format_frame_size (&format))
    {
      g_set_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL,
                   "%u bytes a frame, for %u channels of %u bits", bytes_per_frame, format.channels, format.bits);
      return FALSE;
    }
  return lodge_audio_player_add (player, id, &format, error);
}

static gboolean
fini (LodgeAudioPlayer *player, GVariant *arguments, GError **error)
{
  guint64 id;

  g_variant_get (arguments, "(t)", &id);
  lodge_audio_player_remove (player, id);
  return TRUE;
}

static gboolean
set_enabled (LodgeAudioPlayer *player, GVariant *arguments, GError **error)
{
  guint64 id;
  gboolean enabled;

  g_variant_get (arguments, "(tb)", &id, &enabled);
  lodge_audio_player_set_enabled (player, id, enabled);
  return TRUE;
}

/* Only a QEMU without its mixer sends this. The loudest channel counts; the balance is lost. */
static gboolean
set_volume (LodgeAudioPlayer *player, GVariant *arguments, GError **error)
{
  g_autoptr (GVariant) channels = NULL;
  const guint8 *volumes;
  guint64 id;
  gboolean mute;
  guint8 gain = 0;
  gsize n;

  g_variant_get (arguments, "(tb@ay)", &id, &mute, &channels);
  volumes = g_variant_get_fixed_array (channels, &n, 1);
  for (gsize i = 0; i < n && !mute; i++)
    gain = MAX (gain, volumes[i]);
  lodge_audio_player_set_gain (player, id, gain);
  return TRUE;
}

static gboolean
write_samples (LodgeAudioPlayer *player, GVariant *arguments, GError **error)
{
  g_autoptr (GVariant) samples = NULL;
  const guint8 *data;
  guint64 id;
  gsize length;

  g_variant_get (arguments, "(t@ay)", &id, &samples);
  data = g_variant_get_fixed_array (samples, &length, 1);
  if (length <= LODGE_AUDIO_MAX_WRITE && lodge_audio_player_write (player, id, data, length))
    return TRUE;
  g_set_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL,
               "%" G_GSIZE_FORMAT " bytes of sound are too many or no whole frames", length);
  return FALSE;
}

static const struct
{
  const char *member;
  const char *type;
  Handler handler;
} methods[] = {
  { "Init", "(tybbuyuub)", init },
  { "Fini", "(t)", fini },
  { "SetEnabled", "(tb)", set_enabled },
  { "SetVolume", "(tbay)", set_volume },
  { "Write", "(tay)", write_samples },
};

static GDBusMessage *
handle_call (LodgeAudioPlayer *player, GDBusMessage *message, GError **error)
{
  const char *interface = g_dbus_message_get_interface (message);
  const char *member = g_dbus_message_get_member (message);
  GVariant *body = g_dbus_message_get_body (message);
  g_autoptr (GVariant) arguments = body != NULL ? g_variant_ref (body) : g_variant_ref_sink (g_variant_new ("()"));
  GDBusMessage *reply;

  if (g_strcmp0 (interface, LISTENER) == 0 && g_strcmp0 (g_dbus_message_get_path (message), LODGE_AUDIO_LISTENER_PATH) == 0)
    for (gsize i = 0; i < G_N_ELEMENTS (methods); i++)
      {
        if (g_strcmp0 (member, methods[i].member) != 0)
          continue;
        if (!g_variant_is_of_type (arguments, G_VARIANT_TYPE (methods[i].type)))
          {
            g_set_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL, "%s was called with %s instead of %s",
                         member, g_variant_get_type_string (arguments), methods[i].type);
            return NULL;
          }
        if (!methods[i].handler (player, arguments, error))
          {
            g_prefix_error (error, "%s: ", member);
            return NULL;
          }
        return g_dbus_message_new_method_reply (message);
      }
  /* QEMU asks for the properties of each listener, of which this one has none. */
  if (g_strcmp0 (interface, PROPERTIES) == 0 && g_strcmp0 (member, "GetAll") == 0)
    {
      reply = g_dbus_message_new_method_reply (message);
      g_dbus_message_set_body (reply, g_variant_new ("(a{sv})", NULL));
      return reply;
    }
  if (g_strcmp0 (interface, PEER) == 0 && g_strcmp0 (member, "Ping") == 0)
    return g_dbus_message_new_method_reply (message);
  return g_dbus_message_new_method_error (message, "org.freedesktop.DBus.Error.UnknownMethod", "No method %s.%s here",
                                          interface, member);
}

GDBusMessage *
lodge_audio_protocol_handle (LodgeAudioPlayer *player, GDBusMessage *message, GError **error)
{
  g_autoptr (GDBusMessage) reply = NULL;

  /* We call nothing on this connection and know no signals, so the rest is noise. */
  if (g_dbus_message_get_message_type (message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    return NULL;
  reply = handle_call (player, message, error);
  if (g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED)
    return NULL;
  return g_steal_pointer (&reply);
}
