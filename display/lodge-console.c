/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Attaching: QEMU gets one end of a socket pair with RegisterListener and authenticates on it
 * before it answers; its main loop waits for that, so our end authenticates in a thread at the same
 * time. Both must succeed.
 *
 * Resizing: a guest takes its time over a new resolution, and a person who drags a border makes
 * many wishes, so one request is under way and only the latest wish waits behind it. A guest may
 * leave the size that was asked for by itself, and the same wish then counts again; but QEMU drops a
 * request that is the same as the last one, so the physical size differs in a millimetre.
 *
 * The size of a picture: QEMU 7.2 announces a new one here, and on the listener's connection only by an update of the whole
 * picture, which a text mode may never send. So an update beyond the edges makes the picture grow, and the size that is
 * announced cuts it. An update of the old mode may come after that and make it grow again, for good; so what is larger than
 * announced is cut once more when both connections had time to settle.
 */

#include "display/lodge-console.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "display/lodge-console-private.h"
#include "display/lodge-display-error.h"
#include "display/lodge-handshake.h"

#define SETTLE_MS 250

typedef struct
{
  guint width, height, width_mm, height_mm;
} Size;

struct _LodgeConsole
{
  GObject parent_instance;

  LodgePeer *peer;             /* (owned) */
  LodgeKeyboard *keyboard;     /* (owned) */
  LodgeMouse *mouse;           /* (owned) */
  GPtrArray *listeners;        /* (owned), elements unowned: weak pointers to what was attached */
  guint id;
  char *path;                  /* (owned) */
  char *label;                 /* (owned) */
  guint width, height;
  gboolean graphic, closed;

  guint settle_source;
  guint cut_width, cut_height; /* of a picture that was cut when all had settled; it is left alone if it grows again */

  Size asked;                  /* the last request that was sent, as QEMU has it */
  gboolean left;               /* the guest has changed its size since it was what was asked for */
  Size wish;                   /* waits while has_wish */
  gboolean asking, has_wish, cannot_resize;
};

enum
{
  PROP_ID = 1,
  PROP_LABEL,
  PROP_WIDTH,
  PROP_HEIGHT,
  PROP_GRAPHIC,
  N_PROPERTIES
};

enum
{
  SIGNAL_CLOSED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgeConsole, lodge_console, G_TYPE_OBJECT)

typedef struct
{
  GDBusConnection *connection;    /* (owned) (nullable) */
  GCancellable *cancellable;      /* (owned): stops the handshake when the call fails */
  gboolean done;                  /* the task has returned */
  guint pending;
} Attach;

static void
attach_free (gpointer data)
{
  Attach *attach = data;

  g_clear_object (&attach->connection);
  g_clear_object (&attach->cancellable);
  g_free (attach);
}

static void
listener_gone_cb (gpointer data, GObject *listener)
{
  g_ptr_array_remove_fast (data, listener);
}

static void
listener_closed_cb (LodgeListener *listener, GError *reason, LodgeConsole *self)
{
  lodge_console_shut (self, reason);
}

static void
tell_size (LodgeConsole *self)
{
  for (guint i = 0; i < self->listeners->len; i++)
    lodge_framebuffer_set_size_hint (lodge_listener_get_framebuffer (self->listeners->pdata[i]), self->width, self->height);
}

static gboolean
settle_cb (gpointer data)
{
  LodgeConsole *self = data;

  self->settle_source = 0;
  for (guint i = 0; i < self->listeners->len; i++)
    {
      LodgeFramebuffer *framebuffer = lodge_listener_get_framebuffer (self->listeners->pdata[i]);
      guint width, height;

      lodge_framebuffer_get_size (framebuffer, &width, &height);
      lodge_framebuffer_set_size_hint (framebuffer, MIN (width, self->width), MIN (height, self->height));
    }
  return G_SOURCE_REMOVE;
}

static void
listener_damaged_cb (LodgeListener *listener, LodgeConsole *self)
{
  guint width, height;

  lodge_framebuffer_get_size (lodge_listener_get_framebuffer (listener), &width, &height);
  if ((width <= self->width && height <= self->height) || (width == self->cut_width && height == self->cut_height))
    return;
  self->cut_width = width;
  self->cut_height = height;
  if (self->settle_source == 0)
    self->settle_source = g_timeout_add (SETTLE_MS, settle_cb, self);
}

static void
attach_step (GTask *task, GError *error)
{
  Attach *attach = g_task_get_task_data (task);
  LodgeConsole *self = g_task_get_source_object (task);
  LodgeListener *listener;

  attach->pending--;
  if (error != NULL && !attach->done)
    {
      attach->done = TRUE;
      g_cancellable_cancel (attach->cancellable);
      g_task_return_error (task, g_error_copy (error));
    }
  if (attach->pending > 0 || attach->done)
    return;

  attach->done = TRUE;
  if (self->closed)
    {
      g_task_return_new_error (task, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_CLOSED,
                               "the session has ended");
      return;
    }
  listener = lodge_listener_new (attach->connection);
  g_ptr_array_add (self->listeners, listener);
  g_object_weak_ref (G_OBJECT (listener), listener_gone_cb, self->listeners);
  g_signal_connect_object (listener, "closed", G_CALLBACK (listener_closed_cb), self, 0);
  g_signal_connect_object (listener, "damaged", G_CALLBACK (listener_damaged_cb), self, 0);
  g_task_return_pointer (task, listener, g_object_unref);
}

static void
registered_cb (GVariant *reply, const GError *error, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) failure = NULL;

  if (reply == NULL && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    failure = g_error_new_literal (LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_NOT_RESPONDING,
                                   "RegisterListener is not answered");
  else if (reply == NULL)
    failure = g_error_new (LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_FAILED,
                           "RegisterListener has failed: %s", error->message);
  attach_step (task, failure);
}

static void
authenticated_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Attach *attach = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  attach->connection = lodge_handshake_finish (result, &error);
  attach_step (task, error);
}

static void send_size (LodgeConsole *self);

static void
sized_cb (GVariant *reply, const GError *error, gpointer user_data)
{
  g_autoptr (LodgeConsole) self = user_data;

  self->asking = FALSE;
  if (reply == NULL && g_dbus_error_is_remote_error (error))
    {
      self->cannot_resize = TRUE;
      self->has_wish = FALSE;
    }
  if (self->has_wish)
    send_size (self);
}

static void
send_size (LodgeConsole *self)
{
  if (self->wish.width == self->asked.width && self->wish.height == self->asked.height
      && self->wish.width_mm == self->asked.width_mm)
    self->wish.width_mm = self->wish.width_mm > 0 ? self->wish.width_mm - 1 : 1;
  self->has_wish = FALSE;
  self->asking = TRUE;
  self->left = FALSE;
  self->asked = self->wish;
  lodge_peer_call (self->peer, self->path, LODGE_CONSOLE_INTERFACE, "SetUIInfo",
                   g_variant_new ("(qqiiuu)", (guint16) self->wish.width_mm,
                                  (guint16) self->wish.height_mm, 0, 0, self->wish.width,
                                  self->wish.height),
                   NULL, LODGE_PEER_TIMEOUT_MS, sized_cb, g_object_ref (self));
}

static void
lodge_console_dispose (GObject *object)
{
  LodgeConsole *self = LODGE_CONSOLE (object);

  g_clear_handle_id (&self->settle_source, g_source_remove);
  if (self->listeners != NULL)
    {
      lodge_console_shut (self, NULL);
      for (guint i = 0; i < self->listeners->len; i++)
        g_object_weak_unref (self->listeners->pdata[i], listener_gone_cb, self->listeners);
      g_clear_pointer (&self->listeners, g_ptr_array_unref);
    }
  g_clear_object (&self->peer);
  g_clear_object (&self->keyboard);
  g_clear_object (&self->mouse);
  G_OBJECT_CLASS (lodge_console_parent_class)->dispose (object);
}

static void
lodge_console_finalize (GObject *object)
{
  LodgeConsole *self = LODGE_CONSOLE (object);

  g_free (self->path);
  g_free (self->label);
  G_OBJECT_CLASS (lodge_console_parent_class)->finalize (object);
}

static void
lodge_console_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  LodgeConsole *self = LODGE_CONSOLE (object);

  switch (id)
    {
    case PROP_ID:
      g_value_set_uint (value, self->id);
      break;
    case PROP_LABEL:
      g_value_set_string (value, self->label);
      break;
    case PROP_WIDTH:
      g_value_set_uint (value, self->width);
      break;
    case PROP_HEIGHT:
      g_value_set_uint (value, self->height);
      break;
    case PROP_GRAPHIC:
      g_value_set_boolean (value, self->graphic);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
lodge_console_class_init (LodgeConsoleClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->dispose = lodge_console_dispose;
  object_class->finalize = lodge_console_finalize;
  object_class->get_property = lodge_console_get_property;

  properties[PROP_ID] = g_param_spec_uint ("id", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_LABEL] = g_param_spec_string ("label", NULL, NULL, "", flags);
  properties[PROP_WIDTH] = g_param_spec_uint ("width", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_HEIGHT] = g_param_spec_uint ("height", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_GRAPHIC] = g_param_spec_boolean ("graphic", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  signals[SIGNAL_CLOSED] = g_signal_new ("closed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
lodge_console_init (LodgeConsole *self)
{
  self->listeners = g_ptr_array_new ();
  self->label = g_strdup ("");
}

LodgeConsole *
lodge_console_new (LodgePeer *peer, guint id)
{
  LodgeConsole *self = g_object_new (LODGE_TYPE_CONSOLE, NULL);

  self->peer = g_object_ref (peer);
  self->id = id;
  self->path = g_strdup_printf ("/org/qemu/Display1/Console_%u", id);
  self->keyboard = lodge_keyboard_new (peer, self->path);
  self->mouse = lodge_mouse_new (peer, self->path);
  return self;
}

const char *
lodge_console_get_path (LodgeConsole *self)
{
  return self->path;
}

static void
update_uint (LodgeConsole *self, GVariant *all, const char *name, guint *field, guint property)
{
  guint value;

  if (g_variant_lookup (all, name, "u", &value) && value != *field)
    {
      *field = value;
      g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
    }
}

static gboolean
has_asked_size (LodgeConsole *self)
{
  return self->width == self->asked.width && self->height == self->asked.height;
}

void
lodge_console_update (LodgeConsole *self, const char *interface, GVariant *all)
{
  gboolean absolute;
  guint modifiers;

  if (g_str_equal (interface, LODGE_KEYBOARD_INTERFACE))
    {
      if (g_variant_lookup (all, "Modifiers", "u", &modifiers))
        lodge_keyboard_set_modifiers (self->keyboard, modifiers);
    }
  else if (g_str_equal (interface, LODGE_MOUSE_INTERFACE))
    {
      if (g_variant_lookup (all, "IsAbsolute", "b", &absolute))
        lodge_mouse_set_absolute (self->mouse, absolute);
    }
  else if (g_str_equal (interface, LODGE_CONSOLE_INTERFACE))
    {
      const char *text;

      const gboolean follows = has_asked_size (self);

      g_object_freeze_notify (G_OBJECT (self));
      update_uint (self, all, "Width", &self->width, PROP_WIDTH);
      update_uint (self, all, "Height", &self->height, PROP_HEIGHT);
      if (follows && !has_asked_size (self))
        self->left = TRUE;
      if (g_variant_lookup (all, "Label", "&s", &text) && !g_str_equal (text, self->label))
        {
          g_free (self->label);
          self->label = g_strdup (text);
          g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LABEL]);
        }
      if (g_variant_lookup (all, "Type", "&s", &text)
          && g_str_equal (text, "Graphic") != self->graphic)
        {
          self->graphic = !self->graphic;
          g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_GRAPHIC]);
        }
      g_object_thaw_notify (G_OBJECT (self));
      self->cut_width = self->cut_height = 0;
      tell_size (self);
    }
}

void
lodge_console_shut (LodgeConsole *self, const GError *reason)
{
  if (self->closed)
    return;
  self->closed = TRUE;
  for (guint i = 0; i < self->listeners->len; i++)
    lodge_listener_close (self->listeners->pdata[i]);
  if (reason != NULL)
    g_signal_emit (self, signals[SIGNAL_CLOSED], 0, reason);
}

guint
lodge_console_get_id (LodgeConsole *self)
{
  return self->id;
}

const char *
lodge_console_get_label (LodgeConsole *self)
{
  return self->label;
}

guint
lodge_console_get_width (LodgeConsole *self)
{
  return self->width;
}

guint
lodge_console_get_height (LodgeConsole *self)
{
  return self->height;
}

gboolean
lodge_console_is_graphic (LodgeConsole *self)
{
  return self->graphic;
}

gboolean
lodge_console_is_closed (LodgeConsole *self)
{
  return self->closed;
}

LodgeKeyboard *
lodge_console_get_keyboard (LodgeConsole *self)
{
  return self->keyboard;
}

LodgeMouse *
lodge_console_get_mouse (LodgeConsole *self)
{
  return self->mouse;
}

void
lodge_console_attach_async (LodgeConsole *self, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GUnixFDList) fds = NULL;
  Attach *attach;
  int ends[2];

  if (self->closed)
    {
      g_task_return_new_error (task, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_CLOSED,
                               "the session has ended");
      return;
    }
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    {
      g_task_return_new_error (task, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_FAILED,
                               "cannot make a socket: %s", g_strerror (errno));
      return;
    }

  attach = g_new0 (Attach, 1);
  attach->cancellable = g_cancellable_new ();
  attach->pending = 2;
  g_task_set_task_data (task, attach, attach_free);

  fds = g_unix_fd_list_new_from_array (&ends[1], 1);
  lodge_peer_call (self->peer, self->path, LODGE_CONSOLE_INTERFACE, "RegisterListener",
                   g_variant_new ("(h)", 0), fds, LODGE_DISPLAY_OPEN_TIMEOUT_MS, registered_cb,
                   g_object_ref (task));
  lodge_handshake_async (ends[0], lodge_peer_get_keyring (self->peer), LODGE_DISPLAY_OPEN_TIMEOUT_MS, attach->cancellable,
                         authenticated_cb, g_object_ref (task));
}

LodgeListener *
lodge_console_attach_finish (LodgeConsole *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

void
lodge_console_set_size (LodgeConsole *self, guint width, guint height, guint width_mm,
                        guint height_mm)
{
  const Size wish = { MIN (width, LODGE_FRAMEBUFFER_MAX_SIDE),
                      MIN (height, LODGE_FRAMEBUFFER_MAX_SIDE), MIN (width_mm, G_MAXUINT16),
                      MIN (height_mm, G_MAXUINT16) };

  if (self->cannot_resize || self->closed || width == 0 || height == 0)
    return;
  if (wish.width == self->asked.width && wish.height == self->asked.height && !self->left)
    {
      self->has_wish = FALSE;
      return;
    }
  self->wish = wish;
  self->has_wish = TRUE;
  if (!self->asking)
    send_size (self);
}

gboolean
lodge_console_can_resize (LodgeConsole *self)
{
  return !self->cannot_resize;
}
