/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/lodge-store-fixture.h"

#include "core/config/lodge-file-tree.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
save_name (StoreFixture *f, const char *id, const char *name)
{
  g_autoptr (GError) error = NULL;
  LodgeProfile *profile = lodge_profile_copy (lodge_store_lookup (f->store, id)->profile);

  g_free (profile->name);
  profile->name = g_strdup (name);
  g_assert_true (lodge_store_save (f->store, id, profile, &error));
  g_assert_no_error (error);
}

static gboolean
give_up_cb (gpointer data)
{
  g_error ("nothing came within 20 s; so far: %s", ((StoreFixture *) data)->events->str);
  return G_SOURCE_REMOVE;
}

static void
wait_events (StoreFixture *f, const char *expected)
{
  guint source = g_timeout_add_seconds (20, give_up_cb, f);

  while (strstr (f->events->str, expected) == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (source);
}

static void
test_make (StoreFixture *f, gconstpointer data)
{
  LodgeStoreEntry *entry = store_make (f, "Bücher & Röntgen");
  g_autofree char *base = g_path_get_basename (entry->folder);
  g_autofree char *expected = g_strdup_printf ("bucher-rontgen-%.8s", entry->id);
  g_autofree char *file = g_build_filename (entry->folder, "machine.json", NULL);
  g_autofree char *id = g_strdup (entry->id);
  struct stat st;

  g_assert_cmpstr (base, ==, expected);
  g_assert_cmpint (g_stat (entry->folder, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0700);
  g_assert_cmpint (g_stat (file, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0600);
  g_assert_cmpstr (f->events->str, ==, "added Bücher & Röntgen;");

  /* The name changes, the folder does not. */
  save_name (f, id, "Other");
  g_assert_cmpstr (f->events->str, ==, "added Bücher & Röntgen;changed Other;");
  store_reopen (f);
  g_assert_cmpstr (lodge_store_lookup (f->store, id)->profile->name, ==, "Other");
}

static void
test_names_of_folders (StoreFixture *f, gconstpointer data)
{
  static const char *const names[][2] = { { "測試", "machine" }, { "..", "machine" }, { "-rf *", "rf" },
                                          { "A  b!!", "a-b" } };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      LodgeStoreEntry *entry = store_make (f, names[i][0]);
      g_autofree char *base = g_path_get_basename (entry->folder);
      g_autofree char *expected = g_strdup_printf ("%s-%.8s", names[i][1], entry->id);

      if (i > 0) /* what the C library makes of the first is its own affair */
        g_assert_cmpstr (base, ==, expected);
      g_assert_true (g_str_is_ascii (base));
    }
}

static void
test_generations (StoreFixture *f, gconstpointer data)
{
  LodgeStoreEntry *entry = store_make (f, "v0");
  static const char *const files[] = { "machine.json", "machine.json.1", "machine.json.2", "machine.json.3" };

  for (int i = 1; i <= 5; i++)
    {
      g_autofree char *name = g_strdup_printf ("v%d", i);

      save_name (f, entry->id, name);
      save_name (f, entry->id, name); /* nothing changes: no generation */
    }

  for (int i = 0; i < 4; i++)
    {
      g_autofree char *text = store_get (entry->folder, files[i]);
      g_autofree char *expected = g_strdup_printf ("\"name\" : \"v%d\"", 5 - i);

      g_assert_nonnull (strstr (text, expected));
    }
  g_assert_null (store_get (entry->folder, "machine.json.4"));
  g_assert_null (store_get (entry->folder, "machine.json.new"));
}

/* Where a number is free, as after a save that failed in the middle, the older ones stay. */
static void
test_generations_hole (StoreFixture *f, gconstpointer data)
{
  LodgeStoreEntry *entry = store_make (f, "v0");
  g_autofree char *first = g_build_filename (entry->folder, "machine.json.1", NULL);
  static const char *const files[] = { "machine.json", "machine.json.1", "machine.json.2", "machine.json.3" };
  static const char *const expected[] = { "v4", "v3", "v1", "v0" };

  save_name (f, entry->id, "v1");
  save_name (f, entry->id, "v2");
  save_name (f, entry->id, "v3");
  g_assert_cmpint (g_unlink (first), ==, 0);
  save_name (f, entry->id, "v4");
  for (int i = 0; i < 4; i++)
    {
      g_autofree char *text = store_get (entry->folder, files[i]);
      g_autofree char *name = g_strdup_printf ("\"name\" : \"%s\"", expected[i]);

      g_assert_nonnull (text);
      g_assert_nonnull (strstr (text, name));
    }
}

static void
test_find (StoreFixture *f, gconstpointer data)
{
  LodgeStoreEntry *a = store_make (f, "alpha");
  LodgeStoreEntry *b = store_make (f, "beta");
  LodgeStoreEntry *c = store_make (f, "beta");
  g_autofree char *prefix = g_strndup (a->id, 9);
  g_autofree char *short_prefix = g_strndup (a->id, 3);
  g_autoptr (GError) error = NULL;

  g_assert_true (lodge_store_find (f->store, "alpha", NULL) == a);
  g_assert_true (lodge_store_find (f->store, a->id, NULL) == a);
  g_assert_true (lodge_store_find (f->store, prefix, NULL) == a);
  g_assert_null (lodge_store_find (f->store, short_prefix, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (lodge_store_find (f->store, "", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (lodge_store_find (f->store, "beta", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_AMBIGUOUS);
  g_assert_nonnull (strstr (error->message, b->id));
  g_assert_nonnull (strstr (error->message, c->id));
}

static void
test_broken (StoreFixture *f, gconstpointer data)
{
  LodgeStoreEntry *entry = store_make (f, "first");
  g_autofree char *id = g_strdup (entry->id);
  g_autofree char *folder = g_strdup (entry->folder);
  g_autofree char *kept = NULL;
  g_autoptr (GError) error = NULL;
  LodgeProfile *profile;

  save_name (f, id, "second");
  g_string_truncate (f->events, 0);
  store_put (folder, "machine.json", "{ \"schema\": 1, \"name\": ");
  wait_events (f, "changed second;");

  /* The same machine, with what it had last, and it is not written. */
  g_assert_true (lodge_store_lookup (f->store, id) == entry);
  g_assert_error (entry->fault, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE);
  g_assert_true (entry->has_previous);
  profile = lodge_profile_copy (entry->profile);
  g_assert_false (lodge_store_save (f->store, id, profile, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE);
  g_clear_error (&error);
  lodge_profile_free (profile);

  /* A new core knows the id still. */
  store_reopen (f);
  entry = lodge_store_lookup (f->store, id);
  g_assert_nonnull (entry);
  g_assert_null (entry->profile);
  g_assert_error (entry->fault, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE);
  g_assert_nonnull (strstr (entry->fault->message, "line 1, column"));

  g_assert_true (lodge_store_restore_previous (f->store, id, &error));
  g_assert_no_error (error);
  g_assert_true (lodge_store_lookup (f->store, id) == entry);
  g_assert_null (entry->fault);
  g_assert_cmpstr (entry->profile->name, ==, "first");
  kept = store_get (folder, "machine.json.broken");
  g_assert_cmpstr (kept, ==, "{ \"schema\": 1, \"name\": ");

  g_assert_false (lodge_store_restore_previous (f->store, id, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE);
}

/* A broken file in a folder that this host never saw, and one without any: shown, under a stable id. */
static void
test_unknown_broken (StoreFixture *f, gconstpointer data)
{
  g_autofree char *one = g_build_filename (f->paths->machines_dir, "one", NULL);
  g_autofree char *two = g_build_filename (f->paths->machines_dir, "two", "disks", NULL);
  g_autofree char *other = g_build_filename (f->paths->machines_dir, "other", NULL);
  g_autofree char *id = NULL;
  g_autoptr (GPtrArray) list = NULL;
  LodgeStoreEntry *entry;
  g_autoptr (GError) error = NULL;

  g_mkdir_with_parents (one, 0700);
  g_mkdir_with_parents (two, 0700);
  g_mkdir_with_parents (other, 0700);
  store_put (one, "machine.json", "[]");
  store_reopen (f);
  list = lodge_store_list (f->store);
  g_assert_cmpuint (list->len, ==, 2);
  entry = list->pdata[0];
  g_assert_cmpstr (entry->fault->message, ==, "the document is not an object");
  g_assert_true (g_uuid_string_is_valid (entry->id));
  g_assert_false (entry->has_previous);
  g_assert_true (lodge_store_find (f->store, "one", NULL) == entry);
  g_assert_cmpstr (((LodgeStoreEntry *) list->pdata[1])->fault->message, ==, "machine.json is missing");
  g_assert_false (lodge_store_restore_previous (f->store, entry->id, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);

  id = g_strdup (entry->id);
  store_reopen (f);
  g_assert_nonnull (lodge_store_lookup (f->store, id));
}

static void
test_newer (StoreFixture *f, gconstpointer data)
{
  LodgeStoreEntry *entry = store_make (f, "m");
  g_autofree char *id = g_strdup (entry->id);
  g_autofree char *text = NULL;
  LodgeProfile *profile;
  g_autoptr (GError) error = NULL;

  store_put (entry->folder, "machine.json", "{\"schema\": 2}");
  /* At once, before anybody was told of the change. */
  profile = lodge_profile_copy (entry->profile);
  g_assert_false (lodge_store_save (f->store, id, profile, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NEWER_SCHEMA);
  g_clear_error (&error);
  lodge_profile_free (profile);
  g_assert_false (lodge_store_restore_previous (f->store, id, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE);
  text = store_get (entry->folder, "machine.json");
  g_assert_cmpstr (text, ==, "{\"schema\": 2}");
}

static void
test_by_hand (StoreFixture *f, gconstpointer data)
{
  LodgeStoreEntry *entry = store_make (f, "m");
  g_autofree char *id = g_strdup (entry->id);
  g_autofree char *folder = g_strdup (entry->folder);
  g_autofree char *away = g_build_filename (f->base, "away", NULL);
  g_autofree char *text = store_get (folder, "machine.json");
  g_autoptr (GString) edited = g_string_new (text);

  g_string_replace (edited, "\"name\" : \"m\"", "\"name\" : \"edited\"", 1);
  store_put (folder, "machine.json", edited->str);
  wait_events (f, "changed edited;");

  g_assert_cmpint (g_rename (folder, away), ==, 0);
  wait_events (f, "removed;");
  g_assert_null (lodge_store_lookup (f->store, id));

  store_copy_folder (away, folder);
  wait_events (f, "added edited;");
  g_assert_nonnull (lodge_store_lookup (f->store, id));
}

/* The folder of all machines is renamed, comes back, is removed, and another one takes its place. */
static void
test_whole_folder_by_hand (StoreFixture *f, gconstpointer data)
{
  LodgeStoreEntry *entry = store_make (f, "m");
  g_autofree char *id = g_strdup (entry->id);
  g_autofree char *folder = g_strdup (entry->folder);
  g_autofree char *name = g_path_get_basename (folder);
  g_autofree char *away = g_build_filename (f->base, "data", "machines-old", NULL);
  g_autofree char *away_folder = g_build_filename (away, name, NULL);
  g_autofree char *text = store_get (folder, "machine.json");
  g_autoptr (GString) edited = g_string_new (text);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_rename (f->paths->machines_dir, away), ==, 0);
  wait_events (f, "removed;");
  g_assert_null (lodge_store_lookup (f->store, id));
  g_assert_false (g_file_test (f->paths->machines_dir, G_FILE_TEST_EXISTS));

  /* What happens in the other place is nobody's business; back in its own it is followed as before. */
  g_string_truncate (f->events, 0);
  store_put (away_folder, "machine.json", text);
  g_assert_cmpint (g_rename (away, f->paths->machines_dir), ==, 0);
  wait_events (f, "added m;");
  g_string_replace (edited, "\"name\" : \"m\"", "\"name\" : \"edited\"", 1);
  store_put (folder, "machine.json", edited->str);
  wait_events (f, "changed edited;");

  /* Away and back before anybody looked: still followed. */
  g_string_truncate (f->events, 0);
  g_assert_cmpint (g_rename (f->paths->machines_dir, away), ==, 0);
  g_assert_cmpint (g_rename (away, f->paths->machines_dir), ==, 0);
  store_put (folder, "machine.json", text);
  wait_events (f, "changed m;");

  g_string_truncate (f->events, 0);
  g_assert_true (lodge_file_tree_remove (f->paths->machines_dir, NULL, &error));
  g_assert_no_error (error);
  wait_events (f, "removed;");
  store_make (f, "second");
  g_string_truncate (f->events, 0);
  g_free (g_steal_pointer (&folder));
  folder = g_strdup (((LodgeStoreEntry *) lodge_store_find (f->store, "second", NULL))->folder);
  store_copy_folder (folder, away);
  g_assert_true (lodge_file_tree_remove (folder, NULL, &error));
  wait_events (f, "removed;");
  g_assert_cmpint (g_rename (away, folder), ==, 0);
  wait_events (f, "added second;");
}

static void
test_copy (StoreFixture *f, gconstpointer data)
{
  LodgeStoreEntry *entry = store_make (f, "m");
  g_autofree char *id = g_strdup (entry->id);
  g_autofree char *copy = g_build_filename (f->paths->machines_dir, "a-copy", NULL);
  g_autoptr (GPtrArray) list = NULL;
  LodgeStoreEntry *second;
  g_autofree char *second_id = NULL;
  g_autoptr (GError) error = NULL;

  store_copy_folder (entry->folder, copy);
  g_string_truncate (f->events, 0);
  wait_events (f, "added m;");

  /* The first stays the first, also for a new core, although the copy's name comes before it. */
  for (int i = 0; i < 2; i++)
    {
      g_clear_pointer (&list, g_ptr_array_unref);
      list = lodge_store_list (f->store);
      g_assert_cmpuint (list->len, ==, 2);
      second = list->pdata[0];
      g_assert_cmpstr (second->folder, ==, copy);
      g_assert_error (second->fault, LODGE_ERROR, LODGE_ERROR_EXISTS);
      g_assert_cmpstr (second->id, !=, id);
      g_assert_null (lodge_store_lookup (f->store, id)->fault);
      g_assert_true (lodge_store_find (f->store, "m", NULL) == lodge_store_lookup (f->store, id));
      if (i == 0)
        store_reopen (f);
    }

  g_assert_false (lodge_store_make_separate (f->store, id, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE);
  g_clear_error (&error);
  g_string_truncate (f->events, 0);
  second_id = g_strdup (second->id);
  g_assert_true (lodge_store_make_separate (f->store, second_id, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (f->events->str, ==, "removed;added m;");
  g_clear_pointer (&list, g_ptr_array_unref);
  list = lodge_store_list (f->store);
  second = list->pdata[0];
  g_assert_null (second->fault);
  g_assert_cmpstr (second->id, !=, id);
  g_assert_cmpstr (second->id, ==, second->profile->id);
}

/* When the first of two goes, the copy takes its place. */
static void
test_copy_inherits (StoreFixture *f, gconstpointer data)
{
  LodgeStoreEntry *entry = store_make (f, "m");
  g_autofree char *id = g_strdup (entry->id);
  g_autofree char *copy = g_build_filename (f->paths->machines_dir, "z-copy", NULL);
  g_autofree char *separate = NULL;
  g_autoptr (GError) error = NULL;

  store_copy_folder (entry->folder, copy);
  store_reopen (f);
  g_assert_true (lodge_store_trash (f->store, id, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (f->events->str, ==, "added m;removed;removed;added m;");
  entry = lodge_store_lookup (f->store, id);
  g_assert_cmpstr (entry->folder, ==, copy);
  g_assert_null (entry->fault);

  /* What is in the trash comes back beside it as the copy that it is now, and can be made separate. */
  entry = lodge_store_undelete (f->store, id, &error);
  g_assert_no_error (error);
  g_assert_error (entry->fault, LODGE_ERROR, LODGE_ERROR_EXISTS);
  g_assert_cmpstr (entry->id, !=, id);
  g_assert_cmpstr (lodge_store_lookup (f->store, id)->folder, ==, copy);
  separate = g_strdup (entry->id);
  store_reopen (f);
  g_assert_cmpstr (lodge_store_lookup (f->store, id)->folder, ==, copy);
  g_assert_true (lodge_store_make_separate (f->store, separate, &error));
  g_assert_no_error (error);
}

static void
test_leftovers (StoreFixture *f, gconstpointer data)
{
  g_autoptr (LodgeProfile) profile = lodge_profile_new ("m", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);
  g_autofree char *prepared = lodge_store_prepare (f->store, profile, NULL);
  g_autofree char *abandoned = NULL;
  LodgeStore *second = lodge_store_new (f->paths);
  g_autoptr (GPtrArray) list = NULL;

  store_put (prepared, "big.qcow2", "x");
  /* A second core that is still to find out that it is one must not take it away ... */
  g_assert_true (lodge_store_load (second, NULL));
  g_assert_true (g_file_test (prepared, G_FILE_TEST_IS_DIR));
  g_assert_finalize_object (second);
  /* ... and the next one does. */
  store_reopen (f);
  g_assert_false (g_file_test (prepared, G_FILE_TEST_EXISTS));

  abandoned = lodge_store_prepare (f->store, profile, NULL);
  lodge_store_abandon (f->store, abandoned);
  g_assert_false (g_file_test (abandoned, G_FILE_TEST_EXISTS));
  list = lodge_store_list (f->store);
  g_assert_cmpuint (list->len, ==, 0);
}

static void
test_refused (StoreFixture *f, gconstpointer data)
{
  LodgeStoreEntry *entry = store_make (f, "m");
  g_autofree char *before = store_get (entry->folder, "machine.json");
  g_autofree char *after = NULL;
  g_autoptr (LodgeProfile) profile = lodge_profile_copy (entry->profile);
  g_autofree char *prepared = NULL;
  g_autoptr (GError) error = NULL;

  profile->cores = 0;
  g_assert_false (lodge_store_save (f->store, entry->id, profile, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE);
  g_clear_error (&error);
  profile->cores = 1;
  g_assert_false (lodge_store_save (f->store, "nobody", profile, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  prepared = lodge_store_prepare (f->store, profile, NULL);
  g_assert_null (lodge_store_commit (f->store, prepared, profile, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_EXISTS);
  g_clear_error (&error);
  lodge_store_abandon (f->store, prepared);
  g_free (profile->id);
  profile->id = g_uuid_string_random ();
  g_assert_false (lodge_store_save (f->store, entry->id, profile, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT);
  after = store_get (entry->folder, "machine.json");
  g_assert_cmpstr (before, ==, after);
}

/* The folder itself cannot be made: an error in words, not an empty library. */
static void
test_no_folder (StoreFixture *f, gconstpointer data)
{
  g_autofree char *file = g_build_filename (f->base, "file", NULL);
  LodgePaths paths = *f->paths;
  LodgeStore *store;
  g_autoptr (GError) error = NULL;

  store_put (f->base, "file", "x");
  paths.machines_dir = g_build_filename (file, "machines", NULL);
  store = lodge_store_new (&paths);
  g_assert_false (lodge_store_load (store, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_assert_finalize_object (store);
  g_free (paths.machines_dir);
}

static void
test_many (StoreFixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) list = NULL;
  g_autofree char *first = g_strdup (store_make (f, "m")->folder);
  g_autofree char *text = store_get (first, "machine.json");

  for (int i = 0; i < 1000; i++)
    {
      g_autofree char *folder = g_strdup_printf ("%s/n%d", f->paths->machines_dir, i);
      g_autoptr (GString) json = g_string_new (text);
      g_autofree char *id = g_uuid_string_random ();
      g_autofree char *member = g_strdup_printf ("\"id\" : \"%s\"", id);
      g_autofree char *path = g_build_filename (folder, "machine.json", NULL);

      g_string_overwrite (json, strstr (json->str, "\"id\"") - json->str, member);
      g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
      g_assert_true (g_file_set_contents_full (path, json->str, json->len, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    }
  store_reopen (f);
  list = lodge_store_list (f->store);
  g_assert_cmpuint (list->len, ==, 1001);
  for (guint i = 0; i < list->len; i++)
    g_assert_no_error (((LodgeStoreEntry *) list->pdata[i])->fault);
}

#define ADD(name, func) g_test_add ("/store/" name, StoreFixture, NULL, store_set_up, func, store_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("make", test_make);
  ADD ("names-of-folders", test_names_of_folders);
  ADD ("generations", test_generations);
  ADD ("generations-hole", test_generations_hole);
  ADD ("find", test_find);
  ADD ("broken", test_broken);
  ADD ("unknown-broken", test_unknown_broken);
  ADD ("newer", test_newer);
  ADD ("by-hand", test_by_hand);
  ADD ("whole-folder-by-hand", test_whole_folder_by_hand);
  ADD ("copy", test_copy);
  ADD ("copy-inherits", test_copy_inherits);
  ADD ("leftovers", test_leftovers);
  ADD ("refused", test_refused);
  ADD ("no-folder", test_no_folder);
  ADD ("many", test_many);
  return g_test_run ();
}
