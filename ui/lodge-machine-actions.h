/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeMachineActions:
 *
 * What can be done with one machine, as the action group "machine" that pages, rows and consoles
 * insert: start, pause, resume, reset, shutdown, restart (off and on again, for settings that wait), revert (those
 * settings are taken back), save, discard-saved, snapshot, clone (asks how), clone-start (of a template, without
 * asking), disposable, make-template, make-machine (of a template), force-off, send-keys(as), delete, show-log,
 * show-file, restore-previous, make-separate. Each is enabled in the states that allow it. Failures are told
 * through the widget that the group was made for.
 */
#define LODGE_TYPE_MACHINE_ACTIONS (lodge_machine_actions_get_type ())
G_DECLARE_FINAL_TYPE (LodgeMachineActions, lodge_machine_actions, LODGE, MACHINE_ACTIONS, GObject)

/**
 * lodge_machine_actions_new:
 * @widget: (weak): the group is inserted here, and failures are told here
 */
LodgeMachineActions *lodge_machine_actions_new (LodgeLibrary *library, LodgeMachineItem *item, GtkWidget *widget);

/* Returns: (transfer none): to be inserted at further widgets, whose failures are told at the first */
GActionGroup        *lodge_machine_actions_get_group (LodgeMachineActions *self);

/* Takes the group from the widget; calls under way still tell their end. */
void                 lodge_machine_actions_drop (LodgeMachineActions *self);

G_END_DECLS
