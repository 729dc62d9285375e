/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * LodgePaths:
 *
 * Where Lodge keeps things, decided once in main() and handed down; nothing else reads the
 * XDG variables. Every path is absolute.
 */
typedef struct
{
  char *data_dir;    /* $XDG_DATA_HOME/lodge */
  char *machines_dir;/* data_dir/machines */
  char *trash_dir;   /* data_dir/trash */
  char *state_dir;   /* $XDG_STATE_HOME/lodge: per-host matters: window sizes, last started */
  char *cache_dir;   /* $XDG_CACHE_HOME/lodge: probes; may vanish at any time */
  char *runtime_dir; /* $XDG_RUNTIME_DIR/lodge: sockets and run-time records */
  char *share_dir;   /* the installed share/lodge: OS profiles, demo guest; $LODGE_SHARE_DIR overrides it for a build tree */
} LodgePaths;

/**
 * lodge_paths_new:
 *
 * Reads the environment; creates nothing. Where $XDG_RUNTIME_DIR is not set, a folder of the
 * user's own below /tmp is used, as the base directory specification asks.
 *
 * Returns: (transfer full):
 */
LodgePaths *lodge_paths_new  (void);
void        lodge_paths_free (LodgePaths *paths);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgePaths, lodge_paths_free)

G_END_DECLS
