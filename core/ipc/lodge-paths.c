/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/ipc/lodge-paths.h"

#include <unistd.h>

LodgePaths *
lodge_paths_new (void)
{
  LodgePaths *paths = g_new0 (LodgePaths, 1);
  const char *runtime = g_getenv ("XDG_RUNTIME_DIR");
  const char *share = g_getenv ("LODGE_SHARE_DIR");

  paths->data_dir = g_build_filename (g_get_user_data_dir (), "lodge", NULL);
  paths->machines_dir = g_build_filename (paths->data_dir, "machines", NULL);
  paths->trash_dir = g_build_filename (paths->data_dir, "trash", NULL);
  paths->state_dir = g_build_filename (g_get_user_state_dir (), "lodge", NULL);
  paths->cache_dir = g_build_filename (g_get_user_cache_dir (), "lodge", NULL);
  paths->share_dir = g_strdup (share != NULL && g_path_is_absolute (share) ? share : LODGE_PKGDATADIR);

  /* GLib's own fallback for a missing runtime folder is the cache folder, which is on disk and
   * often too long for a socket path. */
  if (runtime != NULL && g_path_is_absolute (runtime))
    paths->runtime_dir = g_build_filename (runtime, "lodge", NULL);
  else
    paths->runtime_dir = g_strdup_printf ("/tmp/lodge-%u", (guint) getuid ());

  return paths;
}

void
lodge_paths_free (LodgePaths *paths)
{
  if (paths == NULL)
    return;

  g_free (paths->data_dir);
  g_free (paths->machines_dir);
  g_free (paths->trash_dir);
  g_free (paths->state_dir);
  g_free (paths->cache_dir);
  g_free (paths->runtime_dir);
  g_free (paths->share_dir);
  g_free (paths);
}
