/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "display/lodge-keyboard.h"

#define INTERFACE "org.qemu.Display1.Keyboard"
/* A person has ten fingers; more keys than this at once are not typed. */
#define MAX_PRESSED 32
/* Presses under way. Beyond, QEMU does not keep up and further presses are dropped, not queued. */
#define MAX_UNDER_WAY 128

struct _LodgeKeyboard
{
  GObject parent_instance;

  LodgePeer *peer;              /* (owned) */
  char *path;                   /* (owned) */
  guint pressed[MAX_PRESSED];   /* in the order of presses */
  guint n_pressed;
  guint under_way;
  guint modifiers;
};

enum
{
  PROP_MODIFIERS = 1,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_FINAL_TYPE (LodgeKeyboard, lodge_keyboard, G_TYPE_OBJECT)

static void
answered_cb (GVariant *reply, const GError *error, gpointer user_data)
{
  g_autoptr (LodgeKeyboard) self = user_data;

  self->under_way--;
}

static void
send (LodgeKeyboard *self, const char *method, guint qnum)
{
  self->under_way++;
  lodge_peer_call (self->peer, self->path, INTERFACE, method, g_variant_new ("(u)", qnum), NULL,
                   LODGE_PEER_TIMEOUT_MS, answered_cb, g_object_ref (self));
}

static int
find (LodgeKeyboard *self, guint qnum)
{
  for (guint i = 0; i < self->n_pressed; i++)
    if (self->pressed[i] == qnum)
      return (int) i;
  return -1;
}

static void
lodge_keyboard_finalize (GObject *object)
{
  LodgeKeyboard *self = LODGE_KEYBOARD (object);

  g_clear_object (&self->peer);
  g_free (self->path);
  G_OBJECT_CLASS (lodge_keyboard_parent_class)->finalize (object);
}

static void
lodge_keyboard_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_uint (value, LODGE_KEYBOARD (object)->modifiers);
}

static void
lodge_keyboard_class_init (LodgeKeyboardClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = lodge_keyboard_finalize;
  object_class->get_property = lodge_keyboard_get_property;

  properties[PROP_MODIFIERS] = g_param_spec_uint ("modifiers", NULL, NULL, 0, G_MAXUINT, 0,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
lodge_keyboard_init (LodgeKeyboard *self)
{
}

LodgeKeyboard *
lodge_keyboard_new (LodgePeer *peer, const char *path)
{
  LodgeKeyboard *self = g_object_new (LODGE_TYPE_KEYBOARD, NULL);

  self->peer = g_object_ref (peer);
  self->path = g_strdup (path);
  return self;
}

void
lodge_keyboard_press (LodgeKeyboard *self, guint qnum)
{
  if (qnum == 0 || self->under_way >= MAX_UNDER_WAY)
    return;
  if (find (self, qnum) < 0)
    {
      if (self->n_pressed == MAX_PRESSED)
        return;
      self->pressed[self->n_pressed++] = qnum;
    }
  send (self, "Press", qnum);
}

void
lodge_keyboard_release (LodgeKeyboard *self, guint qnum)
{
  int index = find (self, qnum);

  if (index < 0)
    return;
  self->n_pressed--;
  for (guint i = (guint) index; i < self->n_pressed; i++)
    self->pressed[i] = self->pressed[i + 1];
  send (self, "Release", qnum);
}

void
lodge_keyboard_release_all (LodgeKeyboard *self)
{
  while (self->n_pressed > 0)
    lodge_keyboard_release (self, self->pressed[self->n_pressed - 1]);
}

gboolean
lodge_keyboard_is_pressed (LodgeKeyboard *self, guint qnum)
{
  return find (self, qnum) >= 0;
}

guint
lodge_keyboard_get_n_pressed (LodgeKeyboard *self)
{
  return self->n_pressed;
}

void
lodge_keyboard_send_chord (LodgeKeyboard *self, const guint *qnums, guint n_qnums)
{
  for (guint i = 0; i < n_qnums; i++)
    lodge_keyboard_press (self, qnums[i]);
  for (guint i = n_qnums; i > 0; i--)
    lodge_keyboard_release (self, qnums[i - 1]);
}

guint
lodge_keyboard_get_modifiers (LodgeKeyboard *self)
{
  return self->modifiers;
}

void
lodge_keyboard_set_modifiers (LodgeKeyboard *self, guint modifiers)
{
  if (self->modifiers == modifiers)
    return;
  self->modifiers = modifiers;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MODIFIERS]);
}
