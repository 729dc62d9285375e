/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "display/lodge-cursor.h"

struct _LodgeCursor
{
  GObject parent_instance;

  GdkTexture *texture;    /* (owned) (nullable) */
  int hot_x, hot_y;
  int x, y;
  gboolean visible;
};

enum
{
  SIGNAL_CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgeCursor, lodge_cursor, G_TYPE_OBJECT)

static void
lodge_cursor_finalize (GObject *object)
{
  LodgeCursor *self = LODGE_CURSOR (object);

  g_clear_object (&self->texture);
  G_OBJECT_CLASS (lodge_cursor_parent_class)->finalize (object);
}

static void
lodge_cursor_class_init (LodgeCursorClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_cursor_finalize;

  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                          0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
lodge_cursor_init (LodgeCursor *self)
{
  /* QEMU says where the pointer is only when that changes. */
  self->visible = TRUE;
}

LodgeCursor *
lodge_cursor_new (void)
{
  return g_object_new (LODGE_TYPE_CURSOR, NULL);
}

GdkTexture *
lodge_cursor_get_texture (LodgeCursor *self)
{
  return self->texture;
}

void
lodge_cursor_get_hotspot (LodgeCursor *self, int *x, int *y)
{
  *x = self->hot_x;
  *y = self->hot_y;
}

void
lodge_cursor_get_position (LodgeCursor *self, int *x, int *y)
{
  *x = self->x;
  *y = self->y;
}

gboolean
lodge_cursor_is_visible (LodgeCursor *self)
{
  return self->visible;
}

void
lodge_cursor_set_shape (LodgeCursor *self, GdkTexture *texture, int hot_x, int hot_y)
{
  g_set_object (&self->texture, texture);
  self->hot_x = hot_x;
  self->hot_y = hot_y;
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

void
lodge_cursor_set_position (LodgeCursor *self, int x, int y, gboolean visible)
{
  if (self->x == x && self->y == y && self->visible == visible)
    return;
  self->x = x;
  self->y = y;
  self->visible = visible;
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}
