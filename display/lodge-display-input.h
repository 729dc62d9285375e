/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "display/lodge-console.h"

G_BEGIN_DECLS

/** The keys that end a grab when they are pressed together and let go with nothing between. */
typedef enum
{
  LODGE_RELEASE_KEYS_CTRL_ALT,
  LODGE_RELEASE_KEYS_CTRL_ALT_SHIFT,
  LODGE_RELEASE_KEYS_RIGHT_CTRL,
} LodgeReleaseKeys;

GType lodge_release_keys_get_type (void);
#define LODGE_TYPE_RELEASE_KEYS (lodge_release_keys_get_type ())

#define LODGE_TYPE_DISPLAY_INPUT (lodge_display_input_get_type ())
/**
 * LodgeDisplayInput:
 *
 * Keys and pointer of a widget, sent to a console; the part of #LodgeDisplayView that listens.
 *
 * Properties (read, notify): grabbed.
 * Signals:
 * - shortcut (guint keyval, GdkModifierType state) -> gboolean: a key before it goes to the guest;
 *   TRUE keeps it from the guest
 * - leave: Ctrl+Alt+Tab was pressed
 * - moved (double dx, double dy): of a pointer that the host holds in place
 */
G_DECLARE_FINAL_TYPE (LodgeDisplayInput, lodge_display_input, LODGE, DISPLAY_INPUT, GObject)

/** @widget: (unowned): outlives it */
LodgeDisplayInput *lodge_display_input_new         (GtkWidget *widget);

/** @console: (nullable) */
void               lodge_display_input_set_console (LodgeDisplayInput *self, LodgeConsole *console);
void               lodge_display_input_set_enabled (LodgeDisplayInput *self, gboolean enabled);

void               lodge_display_input_set_release_keys (LodgeDisplayInput *self,
                                                         LodgeReleaseKeys   keys);

/** Where the picture is within the widget, and how many guest pixels it has. */
void               lodge_display_input_set_area    (LodgeDisplayInput     *self,
                                                    const graphene_rect_t *area,
                                                    guint                  width,
                                                    guint                  height);
void               lodge_display_input_grab        (LodgeDisplayInput *self);
void               lodge_display_input_release     (LodgeDisplayInput *self);
gboolean           lodge_display_input_is_grabbed  (LodgeDisplayInput *self);

/** Whether the host's pointer stands still, for a guest that has a plain mouse. */
gboolean           lodge_display_input_holds_pointer (LodgeDisplayInput *self);

G_END_DECLS
