/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-layers.h"

#include "core/config/lodge-disk-trash.h"
#include "core/config/lodge-file-tree.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define HEAD 104
#define L1_AT 512

typedef struct
{
  char *machines;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autofree char *top = g_dir_make_tmp ("lodge-layers-XXXXXX", NULL);

  fixture->machines = g_build_filename (top, "machines", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autofree char *top = g_path_get_dirname (fixture->machines);

  g_assert_true (lodge_file_tree_remove (top, NULL, NULL));
  g_free (fixture->machines);
}

static void
put_be (guint8 *at, guint64 value, guint bytes)
{
  for (guint i = 0; i < bytes; i++)
    at[i] = (guint8) (value >> 8 * (bytes - 1 - i));
}

/* The part of a qcow2 image that is looked at: header, name of the backing, one entry of the first level. */
static char *
add_image (Fixture *fixture, const char *folder, const char *name, const char *backing, gboolean data)
{
  g_autofree char *disks = g_build_filename (fixture->machines, folder, "disks", NULL);
  char *path = g_build_filename (disks, name, NULL);
  guint8 image[1024] = "QFI\xfb";

  put_be (image + 4, 3, 4);
  put_be (image + 24, 1 << 30, 8);
  put_be (image + 36, 1, 4);
  put_be (image + 40, L1_AT, 8);
  put_be (image + 100, HEAD, 4);
  put_be (image + HEAD, 0xe2792aca, 4);
  put_be (image + HEAD + 4, 5, 4);
  memcpy (image + HEAD + 8, "qcow2", 5);
  if (backing != NULL)
    {
      put_be (image + 8, 256, 8);
      put_be (image + 16, strlen (backing), 4);
      memcpy (image + 256, backing, strlen (backing));
    }
  if (data)
    put_be (image + L1_AT, 65536, 8);
  g_assert_cmpint (g_mkdir_with_parents (disks, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, (const char *) image, sizeof image, NULL));
  return path;
}

static void
write_text (Fixture *fixture, const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (fixture->machines, folder, name, NULL);
  g_autofree char *dir = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (dir, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
test_graph (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) folders = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  g_autofree char *base = add_image (fixture, "web", "disk0.qcow2", NULL, TRUE);
  g_autofree char *own = add_image (fixture, "web", "disk0-1.qcow2", "disk0.qcow2", FALSE);
  g_autofree char *clone = add_image (fixture, "clone", "disk0.qcow2", "../../web/disks/disk0.qcow2", TRUE);
  g_autofree char *grand = add_image (fixture, "grand", "disk0.qcow2", "../../clone/disks/disk0.qcow2", FALSE);
  g_autoptr (LodgeLayers) layers = NULL;
  g_autoptr (GPtrArray) children = NULL;
  g_autoptr (GPtrArray) chain = NULL;
  g_autoptr (GError) error = NULL;
  const LodgeLayer *layer;

  write_text (fixture, "web", "machine.json", "{\"disks\": [{\"id\": \"disk0\", \"file\": \"disks/disk0-1.qcow2\"}]}");
  write_text (fixture, "web", "snapshots/s1/snapshot.json", "{\"disks\": {\"disk0\": \"disks/disk0.qcow2\"}}");
  g_hash_table_insert (folders, (gpointer) "W", g_build_filename (fixture->machines, "web", NULL));
  g_hash_table_insert (folders, (gpointer) "C", g_build_filename (fixture->machines, "clone", NULL));
  g_hash_table_insert (folders, (gpointer) "G", g_build_filename (fixture->machines, "grand", NULL));
  layers = lodge_layers_scan (folders, NULL);

  g_assert_cmpuint (lodge_layers_list (layers)->len, ==, 4);
  layer = lodge_layers_lookup (layers, base);
  g_assert_cmpstr (layer->machine, ==, "W");
  g_assert_null (layer->backing);
  g_assert_false (layer->active);
  g_assert_false (layer->empty);
  g_assert_cmpuint (layer->virtual_size, ==, 1 << 30);
  g_assert_cmpuint (layer->snapshots->len, ==, 1);
  g_assert_cmpstr (layer->snapshots->pdata[0], ==, "s1");
  layer = lodge_layers_lookup (layers, own);
  g_assert_true (layer->active);
  g_assert_true (layer->empty);
  g_assert_cmpstr (layer->backing, ==, base);
  g_assert_cmpstr (layer->backing_format, ==, "qcow2");
  g_assert_false (lodge_layers_lookup (layers, clone)->empty);

  children = lodge_layers_children (layers, base);
  g_assert_cmpuint (children->len, ==, 2);
  g_assert_true (lodge_layers_below (layers, grand, base));
  g_assert_true (lodge_layers_below (layers, grand, clone));
  g_assert_false (lodge_layers_below (layers, base, grand));
  g_assert_false (lodge_layers_below (layers, own, clone));

  chain = lodge_layers_chain (grand, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (chain->len, ==, 2);
  g_assert_cmpstr (chain->pdata[0], ==, clone);
  g_assert_cmpstr (chain->pdata[1], ==, base);
}

/* What lies in the trash reads on in what it will find when it comes back: a clone, and a disk that was taken out. */
static void
test_trash (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) folders = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  g_autofree char *base = add_image (fixture, "web", "disk0.qcow2", NULL, TRUE);
  g_autofree char *own = add_image (fixture, "web", "disk0-1.qcow2", "disk0.qcow2", TRUE);
  g_autofree char *clone = add_image (fixture, "../trash/clone.7", "disk0.qcow2", "../../web/disks/disk0-1.qcow2", TRUE);
  g_autofree char *disk = add_image (fixture, "../trash/.deleted-1.8", "disk1.qcow2", "disk0.qcow2", TRUE);
  g_autofree char *trash = g_build_filename (fixture->machines, "..", "trash", NULL);
  g_autofree char *taken = g_build_filename (trash, "deleted-1.8", NULL);
  g_autoptr (LodgeProfile) profile = lodge_profile_new ("web", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);
  g_autoptr (LodgeLayers) layers = NULL;
  g_autoptr (GPtrArray) children = NULL;
  g_autoptr (GPtrArray) above = NULL;
  g_autoptr (GError) error = NULL;

  write_text (fixture, "../trash/clone.7", "trash.json", "{\"id\": \"C\", \"name\": \"clone\", \"folder\": \"clone\", \"deleted\": 7}");
  g_free (profile->id);
  profile->id = g_strdup ("11111111-2222-4333-8444-555555555555");
  lodge_profile_add_disk (profile, "disks/disk1.qcow2", "qcow2");
  g_assert_true (lodge_disk_trash_prepare (taken, profile, profile->disks->pdata[0], &error));
  g_assert_no_error (error);
  {
    g_autofree char *to = g_build_filename (taken, "disk1.qcow2", NULL);

    g_assert_cmpint (g_rename (disk, to), ==, 0);
  }
  g_hash_table_insert (folders, profile->id, g_build_filename (fixture->machines, "web", NULL));
  layers = lodge_layers_scan (folders, trash);

  g_assert_cmpuint (lodge_layers_list (layers)->len, ==, 4);
  children = lodge_layers_children (layers, own);
  g_assert_cmpuint (children->len, ==, 1);
  g_assert_true (((LodgeLayer *) children->pdata[0])->trashed);
  g_assert_cmpstr (((LodgeLayer *) children->pdata[0])->machine, ==, "C");
  above = lodge_layers_children (layers, base);
  g_assert_cmpuint (above->len, ==, 2);
  g_assert_false (lodge_layers_lookup (layers, own)->trashed);
  g_assert_null (lodge_layers_lookup (layers, clone));
}

static void
test_refused (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = {
    "/etc/passwd", "../../../../etc/passwd", "../../web/log/disk0.qcow2", "json:{}", "nbd:disk0.qcow2",
    "disk9.qcow2", /* itself */
    "../../../machines2/web/disks/disk0.qcow2",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = add_image (fixture, "bad", "disk9.qcow2", names[i], FALSE);
      g_autoptr (GError) error = NULL;

      g_assert_null (lodge_layers_chain (path, &error));
      g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
      /* What an image says is not repeated: it may be anything. */
      g_assert_null (strstr (error->message, "passwd"));
    }
}

/* A link in place of an image would let QEMU read what it leads to. */
static void
test_link (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = add_image (fixture, "web", "disk0.qcow2", "disk1.qcow2", FALSE);
  g_autofree char *link = g_build_filename (fixture->machines, "web/disks/disk1.qcow2", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (lodge_layers_chain (path, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_cmpint (symlink ("/etc/passwd", link), ==, 0);
  g_assert_null (lodge_layers_chain (path, &error));
  g_assert_nonnull (error);
}

static void
test_circle (Fixture *fixture, gconstpointer data)
{
  g_autofree char *one = add_image (fixture, "web", "disk0.qcow2", "disk1.qcow2", FALSE);
  g_autofree char *two G_GNUC_UNUSED = add_image (fixture, "web", "disk1.qcow2", "disk0.qcow2", FALSE);
  g_autoptr (GError) error = NULL;

  g_assert_null (lodge_layers_chain (one, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
}

static void
test_relative (void)
{
  g_autofree char *beside = lodge_layers_relative ("/m/a/disks/x.qcow2", "/m/a/disks/y.raw");
  g_autofree char *other = lodge_layers_relative ("/m/.new-b/disks/x.qcow2", "/m/a/disks/y.qcow2");

  g_assert_cmpstr (beside, ==, "y.raw");
  g_assert_cmpstr (other, ==, "../../a/disks/y.qcow2");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/layers/graph", Fixture, NULL, set_up, test_graph, tear_down);
  g_test_add ("/layers/trash", Fixture, NULL, set_up, test_trash, tear_down);
  g_test_add ("/layers/refused", Fixture, NULL, set_up, test_refused, tear_down);
  g_test_add ("/layers/link", Fixture, NULL, set_up, test_link, tear_down);
  g_test_add ("/layers/circle", Fixture, NULL, set_up, test_circle, tear_down);
  g_test_add_func ("/layers/relative", test_relative);
  return g_test_run ();
}
