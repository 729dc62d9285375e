/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-store.h"

G_BEGIN_DECLS

#define LODGE_LAYERS_MAX_DEPTH 200

/**
 * LodgeLayer: one image in the disks/ folder of a machine. Most read on in another one, their backing file, for what
 * they do not hold themselves.
 */
typedef struct
{
  char      *path;           /* absolute, plain */
  char      *machine;        /* id of the machine in whose folder it is */
  char      *backing;        /* (nullable) absolute, plain */
  char      *backing_format; /* (nullable) */
  GPtrArray *snapshots;      /* (element-type utf8) ids of that machine's snapshots that name it */
  guint64    virtual_size;   /* bytes, as the guest sees it; of a qcow2 image, else 0 */
  guint64    size;           /* bytes on the disk */
  gboolean   active;         /* machine.json names it: its guest writes to it */
  gboolean   empty;          /* has a backing and holds nothing of its own */
  gboolean   trashed;        /* lies in the trash; path and machine are what they were */
} LodgeLayer;

/**
 * LodgeLayers: who reads which file: all images of all machines, those in the trash too, as they were when it was made. It is read from the images'
 * headers, a few bounded reads each, so it is right whatever the profiles say.
 */
typedef struct _LodgeLayers LodgeLayers;

void         lodge_layers_scan_async  (LodgeStore *store, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
LodgeLayers *lodge_layers_scan_finish (GAsyncResult *result, GError **error);

/** lodge_layers_scan: the same at once; for tests and threads. @folders: (element-type utf8 utf8) id to absolute folder; @trash_dir: (nullable) */
LodgeLayers *lodge_layers_scan        (GHashTable *folders, const char *trash_dir);
void         lodge_layers_free        (LodgeLayers *layers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeLayers, lodge_layers_free)

GPtrArray        *lodge_layers_list     (LodgeLayers *layers); /* (transfer none) (element-type LodgeLayer) */
const LodgeLayer *lodge_layers_lookup   (LodgeLayers *layers, const char *path); /* (nullable) (transfer none) */

/** lodge_layers_children: Returns: (transfer container) (element-type LodgeLayer): those that have @path as their backing, of whatever machine */
GPtrArray        *lodge_layers_children (LodgeLayers *layers, const char *path);

/** lodge_layers_below: whether @path reads from @other, directly or through others */
gboolean          lodge_layers_below    (LodgeLayers *layers, const char *path, const char *other);

/**
 * lodge_layers_read: the header of one image.
 * Errors: WRONG_FORMAT (a data file of its own, or a backing that is not a file beside it or in the disks/ folder of another machine), NOT_FOUND, NOT_READABLE, IO
 * Returns: (transfer full): without machine, snapshots and active
 */
LodgeLayer       *lodge_layers_read     (const char *path, GError **error);
void              lodge_layer_free      (LodgeLayer *layer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeLayer, lodge_layer_free)

/**
 * lodge_layers_chain: the files that the image at @path reads on in, nearest first; empty for one that stands alone. What
 * QEMU has to be let read. Errors: those of lodge_layers_read(); NOT_FOUND says which file of which folder is missing
 * Returns: (transfer full) (element-type utf8):
 */
GPtrArray        *lodge_layers_chain    (const char *path, GError **error);

/** lodge_layers_relative: Returns: (transfer full): how the image at @path must name @backing: "disk0.qcow2" or "../../FOLDER/disks/disk0.qcow2" */
char             *lodge_layers_relative (const char *path, const char *backing);

G_END_DECLS
