/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-picture.h"
#include "core/machine/lodge-saved.h"

#include <glib/gstdio.h>
#include <string.h>

static const char *const argv[] = { "/usr/bin/qemu-system-x86_64", "-name", "guest=a", "-machine", "pc-q35-7.2,memory-backend=pc.ram",
                                    "-cpu", "max", "-m", "size=64M", "-object", "memory-backend-ram,id=pc.ram,size=64M",
                                    "-blockdev", "driver=file,filename=/a", "-device", "virtio-vga,id=video0", NULL };

static LodgeSaved *
make_saved (void)
{
  LodgeSaved *saved = lodge_saved_new ();

  saved->profile = lodge_profile_new ("Test", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);
  saved->argv = g_strdupv ((GStrv) argv);
  saved->qemu_version = g_strdup ("8.1.2 (Debian 1:8.1)");
  saved->accelerator = g_strdup ("tcg");
  saved->running = TRUE;
  saved->created = 12345;
  return saved;
}

static char *
make_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("lodge-saved-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

static void
remove_file (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_unlink (path);
}

static void
test_written_is_read (void)
{
  g_autoptr (LodgeSaved) saved = make_saved ();
  g_autoptr (LodgeSaved) read = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = make_folder ();
  g_autofree char *launch = g_build_filename (folder, LODGE_SAVED_LAUNCH, NULL);

  saved->host_cpu = g_strdup ("abc");
  g_assert_true (lodge_saved_write (saved, folder, &error));
  read = lodge_saved_read (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpstrv (read->argv, saved->argv);
  g_assert_cmpstr (read->profile->id, ==, saved->profile->id);
  g_assert_cmpstr (read->qemu_version, ==, saved->qemu_version);
  g_assert_cmpstr (read->accelerator, ==, "tcg");
  g_assert_cmpstr (read->host_cpu, ==, "abc");
  g_assert_true (read->running);
  g_assert_false (read->stamped);
  g_assert_cmpint (read->created, ==, 12345);

  g_assert_true (g_file_set_contents (launch, "{\"schema\":1,\"argv\":[1],\"qemu-version\":\"8\",\"accelerator\":\"tcg\"}", -1, NULL));
  g_assert_null (lodge_saved_read (folder, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (launch, "{\"schema\":9,\"argv\":[],\"qemu-version\":\"8\",\"accelerator\":\"tcg\"}", -1, NULL));
  g_assert_null (lodge_saved_read (folder, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NEWER_SCHEMA);
  remove_file (folder, LODGE_SAVED_LAUNCH);
  remove_file (folder, LODGE_SAVED_PROFILE);
  g_rmdir (folder);
}

static void
assert_host (const LodgeSaved *saved, const char *version, gboolean kvm, const char *cpu, const char *refusal)
{
  g_autoptr (GError) error = NULL;
  gboolean fits = lodge_saved_check_host (saved, version, kvm, cpu, &error);

  g_assert_cmpint (fits, ==, refusal == NULL);
  if (refusal != NULL)
    {
      g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED);
      g_assert_nonnull (strstr (error->message, refusal));
    }
}

static void
test_host (void)
{
  g_autoptr (LodgeSaved) saved = make_saved ();

  assert_host (saved, "8.1.2", FALSE, NULL, NULL);
  assert_host (saved, "10.0.0", FALSE, NULL, NULL);
  assert_host (saved, "8.0.9", TRUE, NULL, "older");
  assert_host (saved, "7.2.22 (Debian 1:7.2)", FALSE, NULL, "older");
  g_free (saved->accelerator);
  saved->accelerator = g_strdup ("kvm");
  assert_host (saved, "9.0.0", FALSE, NULL, "KVM");
  saved->host_cpu = g_strdup ("this one");
  assert_host (saved, "9.0.0", TRUE, "this one", NULL);
  assert_host (saved, "9.0.0", TRUE, "that one", "processor");
  assert_host (saved, "9.0.0", TRUE, NULL, "processor");
}

static void
assert_argv (const LodgeSaved *saved, guint index, const char *word, gboolean fits)
{
  g_auto (GStrv) changed = g_strdupv ((GStrv) argv);
  g_autoptr (GError) error = NULL;

  g_free (changed[index]);
  changed[index] = g_strdup (word);
  g_assert_cmpint (lodge_saved_check_argv (saved, (const char *const *) changed, &error), ==, fits);
  if (!fits)
    g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED);
}

static void
test_argv (void)
{
  g_autoptr (LodgeSaved) saved = make_saved ();

  assert_argv (saved, 2, "guest=b", TRUE);
  assert_argv (saved, 4, "pc-q35-8.0,memory-backend=pc.ram", FALSE);
  assert_argv (saved, 6, "host", FALSE);
  assert_argv (saved, 8, "size=65M", FALSE);
  assert_argv (saved, 10, "memory-backend-file,id=pc.ram,size=64M,share=off", TRUE);
  assert_argv (saved, 12, "driver=file,filename=/b", TRUE);
  assert_argv (saved, 14, "VGA,id=video0", FALSE);
}

static void
test_disks (void)
{
  g_autoptr (LodgeSaved) saved = make_saved ();
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = make_folder ();
  g_autofree char *path = g_build_filename (folder, "disk0.qcow2", NULL);

  lodge_profile_add_disk (saved->profile, "disk0.qcow2", "qcow2");
  lodge_profile_add_cd (saved->profile, NULL);
  g_assert_true (g_file_set_contents (path, "disk", -1, NULL));
  g_assert_true (lodge_saved_check_disks (saved, folder, &error)); /* nothing was noted */
  lodge_saved_stamp (saved, folder);
  g_assert_true (lodge_saved_check_disks (saved, folder, &error));
  g_assert_true (g_file_set_contents (path, "other", -1, NULL));
  g_assert_false (lodge_saved_check_disks (saved, folder, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED);
  g_unlink (path);
  g_rmdir (folder);
}

static void
test_host_cpu (void)
{
  g_autofree char *one = lodge_saved_host_cpu ("processor\t: 0\nmodel name\t: A\nflags\t: x y\ncpu MHz\t: 1\n\nprocessor\t: 1\nflags\t: z\n\n");
  g_autofree char *same = lodge_saved_host_cpu ("processor\t: 0\nmodel name\t: A\nflags\t: x y\ncpu MHz\t: 2\n\n");
  g_autofree char *other = lodge_saved_host_cpu ("processor\t: 0\nmodel name\t: A\nflags\t: x\ncpu MHz\t: 1\n\n");

  g_assert_cmpstr (one, ==, same);
  g_assert_cmpstr (one, !=, other);
}

static void
test_picture (void)
{
  static const char head[] = "P6\n1000 500\n255\n";
  g_autofree char *ppm = g_malloc (sizeof head - 1 + 1000 * 500 * 3);
  g_autofree char *small = NULL;
  gsize length = 0;

  memcpy (ppm, head, sizeof head - 1);
  for (gsize i = 0; i < 1000 * 500 * 3; i++)
    ppm[sizeof head - 1 + i] = i % 3 == 1 ? 100 : 7;
  small = lodge_picture_shrink (ppm, sizeof head - 1 + 1000 * 500 * 3, &length);
  g_assert_true (g_str_has_prefix (small, "P6\n480 240\n255\n"));
  g_assert_cmpuint (length, ==, strlen ("P6\n480 240\n255\n") + 480 * 240 * 3);
  g_assert_cmpint (small[length - 2], ==, 100);
  g_assert_cmpint (small[length - 1], ==, 7);

  g_assert_null (lodge_picture_shrink (ppm, 1000, &length));
  g_assert_null (lodge_picture_shrink ("P6\n99999 1\n255\n", 14, &length));
  g_assert_null (lodge_picture_shrink ("P5\n1 1\n255\nx", 12, &length));
}

int
main (int argc, char **args)
{
  g_test_init (&argc, &args, NULL);
  g_test_add_func ("/saved/written-is-read", test_written_is_read);
  g_test_add_func ("/saved/host", test_host);
  g_test_add_func ("/saved/argv", test_argv);
  g_test_add_func ("/saved/disks", test_disks);
  g_test_add_func ("/saved/host-cpu", test_host_cpu);
  g_test_add_func ("/saved/picture", test_picture);
  return g_test_run ();
}
