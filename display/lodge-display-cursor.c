/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "display/lodge-display-cursor.h"

struct _LodgeDisplayCursor
{
  GObject parent_instance;

  GtkWidget *widget;     /* (unowned) */
  LodgeMouse *mouse;     /* (owned) (nullable) */
  LodgeCursor *cursor;   /* (owned) (nullable) */
  gboolean grabbed;
  gboolean drawn;        /* it is part of what was last asked to be painted */
};

G_DEFINE_FINAL_TYPE (LodgeDisplayCursor, lodge_display_cursor, G_TYPE_OBJECT)

static gboolean
is_drawn (LodgeDisplayCursor *self)
{
  return self->mouse != NULL && self->cursor != NULL && !lodge_mouse_is_absolute (self->mouse)
         && lodge_cursor_is_visible (self->cursor) && lodge_cursor_get_texture (self->cursor) != NULL;
}

static void
update (LodgeDisplayCursor *self)
{
  g_autoptr (GdkCursor) shown = NULL;
  const gboolean draw = is_drawn (self);

  if (self->mouse != NULL && self->cursor != NULL)
    {
      GdkTexture *texture = lodge_cursor_get_texture (self->cursor);
      int hot_x, hot_y;

      lodge_cursor_get_hotspot (self->cursor, &hot_x, &hot_y);
      if (!lodge_mouse_is_absolute (self->mouse))
        {
          if (self->grabbed)
            shown = gdk_cursor_new_from_name ("none", NULL);
        }
      else if (texture != NULL && !lodge_cursor_is_visible (self->cursor))
        shown = gdk_cursor_new_from_name ("none", NULL);
      else if (texture != NULL)
        shown = gdk_cursor_new_from_texture (texture, hot_x, hot_y, NULL);
    }
  gtk_widget_set_cursor (self->widget, shown);
  /* Also once when it is not drawn any more, or it would stay where it was. */
  if (draw || self->drawn)
    gtk_widget_queue_draw (self->widget);
  self->drawn = draw;
}

static void
take_source (LodgeDisplayCursor *self, LodgeMouse *mouse, LodgeCursor *cursor)
{
  if (self->mouse != NULL)
    g_signal_handlers_disconnect_by_data (self->mouse, self);
  if (self->cursor != NULL)
    g_signal_handlers_disconnect_by_data (self->cursor, self);
  g_set_object (&self->mouse, mouse);
  g_set_object (&self->cursor, cursor);
  if (mouse != NULL)
    g_signal_connect_swapped (mouse, "notify::absolute", G_CALLBACK (update), self);
  if (cursor != NULL)
    g_signal_connect_swapped (cursor, "changed", G_CALLBACK (update), self);
}

static void
lodge_display_cursor_dispose (GObject *object)
{
  take_source (LODGE_DISPLAY_CURSOR (object), NULL, NULL);
  G_OBJECT_CLASS (lodge_display_cursor_parent_class)->dispose (object);
}

static void
lodge_display_cursor_class_init (LodgeDisplayCursorClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_display_cursor_dispose;
}

static void
lodge_display_cursor_init (LodgeDisplayCursor *self)
{
}

LodgeDisplayCursor *
lodge_display_cursor_new (GtkWidget *widget)
{
  LodgeDisplayCursor *self = g_object_new (LODGE_TYPE_DISPLAY_CURSOR, NULL);

  self->widget = widget;
  return self;
}

void
lodge_display_cursor_set_source (LodgeDisplayCursor *self, LodgeMouse *mouse, LodgeCursor *cursor)
{
  take_source (self, mouse, cursor);
  update (self);
}

void
lodge_display_cursor_set_grabbed (LodgeDisplayCursor *self, gboolean grabbed)
{
  self->grabbed = grabbed;
  update (self);
}

void
lodge_display_cursor_snapshot (LodgeDisplayCursor *self, GtkSnapshot *snapshot, const graphene_rect_t *area, guint width,
                               guint height)
{
  GdkTexture *texture;
  double across, down;
  int x, y, hot_x, hot_y;

  if (!is_drawn (self) || width == 0 || height == 0)
    return;
  texture = lodge_cursor_get_texture (self->cursor);
  across = area->size.width / width;
  down = area->size.height / height;
  lodge_cursor_get_position (self->cursor, &x, &y);
  lodge_cursor_get_hotspot (self->cursor, &hot_x, &hot_y);
  gtk_snapshot_append_texture (snapshot, texture,
                               &GRAPHENE_RECT_INIT (area->origin.x + (x - hot_x) * across,
                                                    area->origin.y + (y - hot_y) * down,
                                                    gdk_texture_get_width (texture) * across,
                                                    gdk_texture_get_height (texture) * down));
}
