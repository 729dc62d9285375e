/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

typedef enum
{
  LODGE_LIBRARY_CONNECTING,    /* nothing is known yet */
  LODGE_LIBRARY_READY,
  LODGE_LIBRARY_CORE_GONE,     /* the last known machines are kept; guests run on */
  LODGE_LIBRARY_WRONG_VERSION, /* the core speaks a newer contract than this window */
} LodgeLibraryStatus;

/**
 * LodgeLibrary:
 *
 * What the windows show: the machines, the core's own object and how it stands with the core. A
 * passive model; app/lodge-client.c fills it.
 *
 * Signal "changed": status, core or host facts changed.
 */
#define LODGE_TYPE_LIBRARY (lodge_library_get_type ())
G_DECLARE_FINAL_TYPE (LodgeLibrary, lodge_library, LODGE, LIBRARY, GObject)

LodgeLibrary      *lodge_library_new          (void);

/* The machines: a #GListModel of #LodgeMachineItem in no particular order. */
GListModel        *lodge_library_get_machines (LodgeLibrary *self);
LodgeMachineItem  *lodge_library_find         (LodgeLibrary *self, const char *object_path);
/* @items: of #LodgeMachineItem; all at once, so that a large library is sorted once */
void               lodge_library_add          (LodgeLibrary *self, GPtrArray *items);
void               lodge_library_remove       (LodgeLibrary *self, const char *object_path);

/* The core's jobs: a #GListModel of #LodgeIpcJob; those that ended stay for some seconds. */
GListModel        *lodge_library_get_jobs     (LodgeLibrary *self);
void               lodge_library_add_job      (LodgeLibrary *self, LodgeIpcJob *job);
/* @object_path: (nullable): all of them when %NULL */
void               lodge_library_remove_job   (LodgeLibrary *self, const char *object_path);

/* (nullable) while the core is gone */
LodgeIpcCore      *lodge_library_get_core     (LodgeLibrary *self);
LodgeLibraryStatus lodge_library_get_status   (LodgeLibrary *self);

/* Why the core cannot be had, (nullable); technical text. */
const GError      *lodge_library_get_error    (LodgeLibrary *self);

/* @error: (nullable) */
void               lodge_library_set_status   (LodgeLibrary *self, LodgeLibraryStatus status,
                                               LodgeIpcCore *core, const GError *error);

gboolean           lodge_library_has_feature  (LodgeLibrary *self, const char *feature);

/* Facts of the core's Host property; they stay known while it is gone. */
const char        *lodge_library_host_string  (LodgeLibrary *self, const char *key, const char *fallback);
/* The first of a list, the best where there is an order. */
const char        *lodge_library_host_first   (LodgeLibrary *self, const char *key, const char *fallback);
guint64            lodge_library_host_uint    (LodgeLibrary *self, const char *key, guint64 fallback);

G_END_DECLS
