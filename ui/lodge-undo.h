/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

/**
 * LodgeUndo:
 *
 * What was done in a window and can be taken back, always the latest first. A toast offers that for seconds; this keeps
 * it for whoever missed the toast. Windows that belong to another one (transient for it) share what that one has, so what
 * was done in them can be taken back after they were closed.
 *
 * Signal "changed": another thing is the latest.
 */
#define LODGE_TYPE_UNDO (lodge_undo_get_type ())
G_DECLARE_FINAL_TYPE (LodgeUndo, lodge_undo, LODGE, UNDO, GObject)

LodgeUndo  *lodge_undo_new       (void);

/* From now on it is @window's, and that of the windows that belong to it; @window gets an action "undo" that takes back
 * the latest, whose title is its state. */
void        lodge_undo_attach    (LodgeUndo *self, GtkApplicationWindow *window);

/* Returns: (nullable) (transfer none): of the window that @from is in */
LodgeUndo  *lodge_undo_find      (GtkWidget *from);

/**
 * lodge_undo_add:
 * @title: what was done, as the toast says it
 * @undo: takes it back: called at most once, with @user_data and a widget of the window from which that was asked for
 * @destroy: (nullable): frees @user_data
 * @toast: (nullable): that offers it; goes when it is taken back otherwise
 *
 * Returns: a number for lodge_undo_take()
 */
guint       lodge_undo_add       (LodgeUndo *self, const char *title, GCallback undo, gpointer user_data,
                                  GClosureNotify destroy, AdwToast *toast);

/* Takes back that one, whose toast was pressed; nothing happens when it was taken back already. */
void        lodge_undo_take      (LodgeUndo *self, guint number, GtkWidget *from);

/* Takes back the latest, and says in a toast which one that is. */
void        lodge_undo_take_last (LodgeUndo *self, GtkWidget *from);

/* What is the latest, (nullable): nothing can be taken back */
const char *lodge_undo_get_title (LodgeUndo *self);

G_END_DECLS
