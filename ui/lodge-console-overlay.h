/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

/**
 * LodgeConsoleCause:
 *
 * Why there is no picture, or why it stands still, and what can be done about it. All texts translated.
 */
typedef struct
{
  const char *icon;          /* (nullable): the spinner instead */
  const char *title;
  const char *text;          /* (nullable) */
  const char *label;         /* (nullable): of the button, with a mnemonic */
  const char *action;        /* of the button */
  const char *second_label;  /* (nullable): of the button below */
  const char *second_action;
} LodgeConsoleCause;

/**
 * LodgeConsoleOverlay:
 *
 * What lies over the picture of a console while that is not the present one: dimmed at least, with a
 * cause as a rule. Starts hidden.
 */
#define LODGE_TYPE_CONSOLE_OVERLAY (lodge_console_overlay_get_type ())
G_DECLARE_FINAL_TYPE (LodgeConsoleOverlay, lodge_console_overlay, LODGE, CONSOLE_OVERLAY, AdwBin)

void lodge_console_overlay_show_cause (LodgeConsoleOverlay *self, const LodgeConsoleCause *cause);

/* The picture is dimmed without a word, for a moment that is too short for one. */
void lodge_console_overlay_dim        (LodgeConsoleOverlay *self);
void lodge_console_overlay_hide       (LodgeConsoleOverlay *self);

G_END_DECLS
