/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "core/ipc/lodge-error-text.h"
#include "ui/lodge-machine-item.h"
#include "ui/lodge-undo.h"

G_BEGIN_DECLS

/* The usual five seconds are short for reading and deciding. */
#define LODGE_FEEDBACK_UNDO_SECONDS 10

/* How windows speak back: toasts for what can be undone or only needs a note, a dialog where a
 * person must read. */

/**
 * lodge_feedback_toast:
 * @from: any widget; the toast appears in its nearest AdwToastOverlay
 */
void      lodge_feedback_toast       (GtkWidget *from, const char *title);

/**
 * lodge_feedback_toast_button:
 * @button: (nullable): what it offers, with a mnemonic
 *
 * Returns: (transfer none): to connect to; shown already, so do it at once
 */
AdwToast *lodge_feedback_toast_button (GtkWidget *from, const char *title, const char *button);

/** lodge_feedback_toast_new: libadwaita takes titles for markup; here @title is plain text, as names of machines are */
AdwToast *lodge_feedback_toast_new   (const char *title);

/**
 * lodge_feedback_undo:
 * @from: (nullable): the toast appears in its nearest AdwToastOverlay; where that is no more, there is none
 * @undo: (nullable): that keeps it after the toast is gone; that of the window of @from where none is given
 * @callback: called at most once, with @user_data and a widget of the window in which it was asked for
 * @destroy: (nullable): frees @user_data once that cannot be any more
 *
 * Offers to take back what was done. There is one such offer at a time; older ones are left to @undo.
 */
void      lodge_feedback_undo        (GtkWidget *from, LodgeUndo *undo, const char *title, GCallback callback,
                                      gpointer user_data, GClosureNotify destroy);

/* The same, for what is done in the window of @from. */
void      lodge_feedback_undo_toast  (GtkWidget *from, const char *title, GCallback undo, gpointer user_data,
                                      GClosureNotify destroy);

/**
 * lodge_feedback_error:
 * @from: any widget; the dialog belongs to its window
 * @heading: what did not happen, "“Debian” Could Not Be Started"
 * @error: (transfer full): as the call gave it
 * @item: (nullable): the machine whose log is offered
 */
void      lodge_feedback_error       (GtkWidget *from, const char *heading, GError *error, LodgeMachineItem *item);

/* As lodge_feedback_error(), where more than the machine's name makes the sentence. @about: what is known */
void      lodge_feedback_error_about (GtkWidget *from, const char *heading, GError *error, const LodgeErrorContext *about,
                                      LodgeMachineItem *item);

/* The technical text of @error, folded. */
GtkWidget *lodge_feedback_details_new (const GError *error);

/* Fetches and shows the log of @item. */
void      lodge_feedback_show_log    (GtkWidget *from, LodgeMachineItem *item);

G_END_DECLS
