/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/lodge-store-fixture.h"

#include "core/config/lodge-file-tree.h"

#include <glib/gstdio.h>

static void
added_cb (LodgeStore *store, LodgeStoreEntry *entry, gpointer data)
{
  StoreFixture *f = data;

  g_string_append_printf (f->events, "added %s;", entry->profile != NULL ? entry->profile->name : "?");
}

static void
changed_cb (LodgeStore *store, LodgeStoreEntry *entry, gpointer data)
{
  StoreFixture *f = data;

  g_string_append_printf (f->events, "changed %s;", entry->profile != NULL ? entry->profile->name : "?");
}

static void
removed_cb (LodgeStore *store, const char *id, gpointer data)
{
  StoreFixture *f = data;

  g_assert_null (lodge_store_lookup (store, id));
  g_string_append (f->events, "removed;");
}

static void
open_store (StoreFixture *f)
{
  g_autoptr (GError) error = NULL;

  f->store = lodge_store_new (f->paths);
  g_signal_connect (f->store, "added", G_CALLBACK (added_cb), f);
  g_signal_connect (f->store, "changed", G_CALLBACK (changed_cb), f);
  g_signal_connect (f->store, "removed", G_CALLBACK (removed_cb), f);
  g_assert_true (lodge_store_load (f->store, &error));
  g_assert_no_error (error);
}

void
store_reopen (StoreFixture *f)
{
  g_assert_finalize_object (f->store);
  open_store (f);
}

void
store_set_up (StoreFixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->base = g_dir_make_tmp ("lodge-store-XXXXXX", &error);
  g_assert_no_error (error);
  f->events = g_string_new (NULL);
  f->paths = g_new0 (LodgePaths, 1);
  f->paths->data_dir = g_build_filename (f->base, "data", NULL);
  f->paths->machines_dir = g_build_filename (f->base, "data", "machines", NULL);
  f->paths->trash_dir = g_build_filename (f->base, "data", "trash", NULL);
  f->paths->state_dir = g_build_filename (f->base, "state", NULL);
  open_store (f);
}

void
store_tear_down (StoreFixture *f, gconstpointer data)
{
  /* The thread that emptied the trash lets go of its task a moment after the callback. */
  for (int i = 0; i < 10000 && g_atomic_int_get (&G_OBJECT (f->store)->ref_count) > 1; i++)
    g_usleep (1000);
  g_assert_finalize_object (f->store);
  g_assert_true (lodge_file_tree_remove (f->base, NULL, NULL));
  lodge_paths_free (f->paths);
  g_string_free (f->events, TRUE);
  g_free (f->base);
}

LodgeStoreEntry *
store_make (StoreFixture *f, const char *name)
{
  g_autoptr (GError) error = NULL;
  LodgeProfile *profile = lodge_profile_new (name, LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);
  g_autofree char *prepared = lodge_store_prepare (f->store, profile, &error);
  LodgeStoreEntry *entry;

  g_assert_no_error (error);
  entry = lodge_store_commit (f->store, prepared, profile, &error);
  g_assert_no_error (error);
  g_assert_null (entry->fault);
  return entry;
}

void
store_put (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *temporary = g_build_filename (folder, "editor~", NULL);

  /* As an editor does it; g_file_set_contents() has its own way. */
  g_assert_true (g_file_set_contents (temporary, text, -1, NULL));
  g_assert_cmpint (g_rename (temporary, path), ==, 0);
}

char *
store_get (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  return text;
}

void
store_copy_folder (const char *from, const char *to)
{
  const char *argv[] = { "cp", "-a", from, to, NULL };
  int status;

  g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
  g_assert_cmpint (status, ==, 0);
}
