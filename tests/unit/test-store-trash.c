/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The store's trash. */

#include "tests/unit/lodge-store-fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* A deleted copy is in the trash by its own id, not by the one of the machine that it is a copy of. */
static void
test_trash_copy (StoreFixture *f, gconstpointer data)
{
  LodgeStoreEntry *entry = store_make (f, "m");
  g_autofree char *id = g_strdup (entry->id);
  g_autofree char *first = g_strdup (entry->folder);
  g_autofree char *copy = g_build_filename (f->paths->machines_dir, "z-copy", NULL);
  g_autofree char *second = g_build_filename (f->paths->machines_dir, "z-copy-2", NULL);
  g_autofree char *copy_id = NULL;
  g_autoptr (GPtrArray) list = NULL;
  g_autoptr (GError) error = NULL;

  store_copy_folder (entry->folder, copy);
  store_reopen (f);
  list = lodge_store_list (f->store);
  entry = list->pdata[list->len - 1];
  g_assert_cmpstr (entry->folder, ==, copy);
  copy_id = g_strdup (entry->id);

  g_assert_true (lodge_store_trash (f->store, copy_id, &error));
  g_assert_no_error (error);
  g_assert_null (lodge_store_undelete (f->store, id, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);

  /* Its folder's name has been taken meanwhile. */
  store_copy_folder (first, copy);
  entry = lodge_store_undelete (f->store, copy_id, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (entry->folder, ==, second);
  g_assert_error (entry->fault, LODGE_ERROR, LODGE_ERROR_EXISTS);
  g_assert_null (lodge_store_lookup (f->store, id)->fault);
}

static void
test_trash (StoreFixture *f, gconstpointer data)
{
  LodgeStoreEntry *entry = store_make (f, "m");
  g_autofree char *id = g_strdup (entry->id);
  g_autofree char *folder = g_strdup (entry->folder);
  g_autoptr (GVariant) listed = NULL;
  g_autoptr (GVariant) item = NULL;
  const char *text;
  gint64 deleted;
  guint64 size;
  g_autoptr (GError) error = NULL;

  g_assert_true (lodge_store_trash (f->store, id, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (f->events->str, ==, "added m;removed;");
  g_assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));

  listed = g_variant_ref_sink (lodge_store_list_trash (f->store));
  g_assert_cmpuint (g_variant_n_children (listed), ==, 1);
  item = g_variant_get_child_value (listed, 0);
  g_assert_true (g_variant_lookup (item, "id", "&s", &text));
  g_assert_cmpstr (text, ==, id);
  g_assert_true (g_variant_lookup (item, "name", "&s", &text));
  g_assert_cmpstr (text, ==, "m");
  g_assert_true (g_variant_lookup (item, "deleted", "x", &deleted));
  g_assert_cmpint (ABS (deleted - g_get_real_time () / G_USEC_PER_SEC), <, 100);
  g_assert_true (g_variant_lookup (item, "size", "t", &size));
  g_assert_cmpuint (size, >, 0);

  g_assert_null (lodge_store_undelete (f->store, "nobody", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  entry = lodge_store_undelete (f->store, "m", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (entry->folder, ==, folder);
  g_assert_cmpstr (entry->id, ==, id);
  g_assert_null (store_get (folder, "trash.json"));
}

static void
test_trash_ambiguous (StoreFixture *f, gconstpointer data)
{
  g_autofree char *a = g_strdup (store_make (f, "m")->id);
  g_autofree char *b = g_strdup (store_make (f, "m")->id);
  g_autoptr (GError) error = NULL;

  g_assert_true (lodge_store_trash (f->store, a, NULL));
  g_assert_true (lodge_store_trash (f->store, b, NULL));
  g_assert_null (lodge_store_undelete (f->store, "m", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_AMBIGUOUS);
  g_assert_nonnull (lodge_store_undelete (f->store, a, NULL));
}

static void
emptied_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static gboolean
empty_trash (StoreFixture *f, const char *const *ids, GCancellable *cancellable, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  lodge_store_empty_trash_async (f->store, ids, cancellable, emptied_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return lodge_store_empty_trash_finish (f->store, result, error);
}

static guint
count_children (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_empty_trash (StoreFixture *f, gconstpointer data)
{
  g_autofree char *outside = g_build_filename (f->base, "precious", NULL);
  char *ids[3];
  g_autofree char *link = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();

  store_put (f->base, "precious", "x");
  for (int i = 0; i < 3; i++)
    {
      LodgeStoreEntry *entry = store_make (f, "m");
      g_autofree char *inner = g_build_filename (entry->folder, "disks", "deep", NULL);

      ids[i] = g_strdup (entry->id);
      g_mkdir (inner, 0500);
      g_free (link);
      link = g_build_filename (entry->folder, "disks", "link", NULL);
      g_assert_cmpint (symlink (f->base, link), ==, 0);
      g_assert_true (lodge_store_trash (f->store, ids[i], NULL));
    }

  g_assert_false (empty_trash (f, (const char *[]) { "nobody", NULL }, NULL, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_cancellable_cancel (cancelled);
  g_assert_false (empty_trash (f, NULL, cancelled, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_cmpuint (count_children (f->paths->trash_dir), ==, 3);

  g_assert_true (empty_trash (f, (const char *[]) { ids[1], NULL }, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (count_children (f->paths->trash_dir), ==, 2);
  g_assert_true (empty_trash (f, (const char *[]) { NULL }, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (count_children (f->paths->trash_dir), ==, 0);
  g_assert_true (g_file_test (outside, G_FILE_TEST_EXISTS));
  for (int i = 0; i < 3; i++)
    g_free (ids[i]);
}

/* A linked clone in the trash needs its parent to come back. */
static void
test_trash_family (StoreFixture *f, gconstpointer data)
{
  g_autofree char *parent = g_strdup (store_make (f, "parent")->id);
  g_autofree char *child = g_strdup (store_make (f, "child")->id);
  g_autofree char *copy = g_strdup (store_make (f, "copy")->id);
  const char *parent_alone[] = { parent, NULL }, *both[] = { parent, child, NULL };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 2; i++)
    {
      const char *id = i == 0 ? child : copy;
      LodgeProfile *profile = lodge_profile_copy (lodge_store_lookup (f->store, id)->profile);

      profile->parent.machine = g_strdup (parent);
      profile->parent.kind = g_strdup (i == 0 ? "linked" : "full");
      g_assert_true (lodge_store_save (f->store, id, profile, &error));
      g_assert_true (lodge_store_trash (f->store, id, &error));
    }
  g_assert_true (lodge_store_trash (f->store, parent, &error));
  g_assert_false (empty_trash (f, parent_alone, NULL, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_HAS_DEPENDANTS);
  g_assert_nonnull (strstr (error->message, "“child”"));
  g_assert_null (strstr (error->message, "copy"));
  g_clear_error (&error);
  g_assert_cmpuint (count_children (f->paths->trash_dir), ==, 3);

  g_assert_null (lodge_store_undelete (f->store, child, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "“parent”"));
  g_clear_error (&error);
  g_assert_nonnull (lodge_store_undelete (f->store, copy, &error));
  g_assert_nonnull (lodge_store_undelete (f->store, parent, &error));
  g_assert_nonnull (lodge_store_undelete (f->store, child, &error));
  g_assert_no_error (error);

  /* A child that is there again holds it, too; both go together. */
  g_assert_true (lodge_store_trash (f->store, parent, &error));
  g_assert_false (empty_trash (f, NULL, NULL, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_HAS_DEPENDANTS);
  g_clear_error (&error);
  g_assert_true (lodge_store_trash (f->store, child, &error));
  g_assert_true (empty_trash (f, both, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (count_children (f->paths->trash_dir), ==, 0);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add ("/store-trash/restore", StoreFixture, NULL, store_set_up, test_trash, store_tear_down);
  g_test_add ("/store-trash/copy", StoreFixture, NULL, store_set_up, test_trash_copy, store_tear_down);
  g_test_add ("/store-trash/ambiguous", StoreFixture, NULL, store_set_up, test_trash_ambiguous, store_tear_down);
  g_test_add ("/store-trash/empty", StoreFixture, NULL, store_set_up, test_empty_trash, store_tear_down);
  g_test_add ("/store-trash/family", StoreFixture, NULL, store_set_up, test_trash_family, store_tear_down);

  return g_test_run ();
}
