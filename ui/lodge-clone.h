/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

typedef struct
{
  const char *name;     /* (nullable): one is found that no machine has */
  const char *kind;     /* (nullable): Lodge chooses; else "instant", "linked" or "full" */
  const char *snapshot; /* (nullable): the machine as it was then; its id */
  guint count;
  gboolean start;
} LodgeCloneOrder;

/**
 * lodge_clone:
 * @from: where its end is told; its window shows the first clone, with its console where a single one was started
 *
 * Makes machines like @item. The end says of what kind they are and why; clones that were not started can be undone.
 */
void        lodge_clone            (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item,
                                    const LodgeCloneOrder *order);

/* Opens a throw-away clone and its console. @snapshot: (nullable) */
void        lodge_clone_disposable (GtkWidget *from, LodgeMachineItem *item, const char *snapshot);

/* Returns: (transfer full): a name for a clone of @item that no machine has */
char       *lodge_clone_name       (LodgeLibrary *library, LodgeMachineItem *item);

/* Returns: (transfer none): what kind of clone it is and why, as the end of a sentence: "linked, so nothing was copied" */
const char *lodge_clone_text       (const char *kind, const char *reason);

/* Whether @item can be cloned as it is now. */
gboolean    lodge_clone_is_possible (LodgeLibrary *library, LodgeMachineItem *item);

/**
 * lodge_clone_text_memory:
 *
 * Returns: (transfer full): what @count machines like @item take when they run, and what is free: "3 machines take up to
 * 6 GB of memory; 9 GB are free"
 */
char       *lodge_clone_text_memory (LodgeLibrary *library, LodgeMachineItem *item, guint count);

G_END_DECLS
