/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "display/lodge-peer.h"

G_BEGIN_DECLS

#define LODGE_TYPE_MOUSE (lodge_mouse_get_type ())
/**
 * LodgeMouse:
 *
 * The guest's pointer; made by #LodgeConsole. Motion is coalesced while the guest is slow: at most
 * one motion is under way; buttons keep their place among the motions.
 *
 * Properties (read, notify): absolute.
 */
G_DECLARE_FINAL_TYPE (LodgeMouse, lodge_mouse, LODGE, MOUSE, GObject)

typedef enum
{
  LODGE_MOUSE_LEFT,
  LODGE_MOUSE_MIDDLE,
  LODGE_MOUSE_RIGHT,
  LODGE_MOUSE_WHEEL_UP,
  LODGE_MOUSE_WHEEL_DOWN,
  LODGE_MOUSE_SIDE,
  LODGE_MOUSE_EXTRA,
} LodgeMouseButton;

/** @path: the console's object on @peer */
LodgeMouse *lodge_mouse_new (LodgePeer *peer, const char *path);

/** Whether the guest has a tablet (positions) rather than a mouse (motions). */
gboolean lodge_mouse_is_absolute  (LodgeMouse *self);

/** What the guest says; for #LodgeConsole. */
void     lodge_mouse_set_absolute (LodgeMouse *self, gboolean absolute);

/**
 * lodge_mouse_offer_position:
 *
 * For a mouse that says it is not absolute: tries a position, once a second at most. When the guest
 * takes it after all, the mouse becomes absolute.
 */
void     lodge_mouse_offer_position (LodgeMouse *self, guint x, guint y);

/** @x, @y: guest pixels */
void     lodge_mouse_move_to      (LodgeMouse *self, guint x, guint y);

/** @dx, @dy: steps of the mouse, to the right and down; parts of one are kept until they make a whole */
void     lodge_mouse_move_by      (LodgeMouse *self, double dx, double dy);
void     lodge_mouse_press        (LodgeMouse *self, LodgeMouseButton button);
void     lodge_mouse_release      (LodgeMouse *self, LodgeMouseButton button);

/** One notch of the wheel: press and release. */
void     lodge_mouse_click        (LodgeMouse *self, LodgeMouseButton button);
void     lodge_mouse_release_all  (LodgeMouse *self);

G_END_DECLS
