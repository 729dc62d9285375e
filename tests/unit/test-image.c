/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/config/lodge-file-tree.h"
#include "core/storage/lodge-image.h"
#include "core/storage/lodge-medium.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  const guint8 *bytes;
  gsize         length;
  guint         reads;
  guint64       total;
} Memory;

static gssize
read_memory (gpointer data, guint8 *into, gsize length, guint64 offset)
{
  Memory *memory = data;
  gsize n = offset < memory->length ? MIN (length, memory->length - offset) : 0;

  memcpy (into, memory->bytes + MIN (offset, memory->length), n);
  memory->reads++;
  memory->total += n;
  return n;
}

/* Puts @length bytes at @offset of zeros of @size. */
static guint8 *
blank (gsize size, gsize offset, const void *bytes, gsize length)
{
  guint8 *image = g_malloc0 (MAX (size, 1));

  memcpy (image + offset, bytes, length);
  return image;
}

static void
assert_role (const guint8 *bytes, gsize length, const char *role, const char *message)
{
  Memory memory = { bytes, length, 0, 0 };
  LodgeImage image;
  g_autoptr (GError) error = NULL;

  g_assert_true (lodge_image_identify (read_memory, &memory, length, &image, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (memory.total, <=, 128 * 1024);
  if (message == NULL)
    {
      g_assert_true (lodge_image_check_role (&image, role, "x", &error));
      g_assert_no_error (error);
      return;
    }
  g_assert_false (lodge_image_check_role (&image, role, "x", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
  g_assert_cmpstr (error->message, ==, message);
}

static void
test_simple (void)
{
  static const struct
  {
    const char *magic;
    gsize       length, offset, size;
    const char *role;
    const char *message;
  } cases[] = {
    { "", 0, 0, 0, "iso", "“x” is empty, not a disc image" },
    { "", 0, 0, 0, "disk", "“x” is empty, not a disk image" },
    { "", 0, 0, 0, "initrd", "“x” is empty" },
    { "CD001", 5, 32769, 40960, "iso", NULL },
    { "NSR02", 5, 34817, 40960, "iso", NULL },
    { "CD001", 5, 32769, 40960, "disk", "“x” is a disc image, not a disk image; use it as a CD" },
    { "CD001", 3, 32769, 40960, "iso", "“x” is something unknown, not a disc image" },
    { "QFI\xfb\0\0\0\3", 8, 0, 4096, "iso", "“x” is a disk image, not a disc image" },
    { "QFI\xfb\0\0\0\3", 8, 0, 4096, "disk", NULL },
    { "QFI\xfb\0\0\0\2", 8, 0, 4096, "disk", NULL },
    { "QFI\xfb\0\0\0\1", 8, 0, 4096, "disk", "“x” is a disk image of a variant that cannot be used" },
    { "QFI\xfb\0\0\0\3", 8, 0, 60, "disk", "“x” is a disk image of a variant that cannot be used" },
    { "\x55\xaa", 2, 510, 1024, "disk", NULL },
    { "\x55\xaa", 2, 510, 1025, "disk", "“x” is no disk image: its size is not a multiple of 512 bytes" },
    { "EFI PART", 8, 4096, 8192, "disk", NULL },
    { "", 0, 0, 1048576, "disk", NULL },
    { "\x1f\x8b", 2, 0, 100, "disk", "“x” is a compressed file; unpack it first" },
    { "\xfd" "7zXZ\0", 6, 0, 100, "iso", "“x” is a compressed file; unpack it first" },
    { "\x1f\x8b", 2, 0, 100, "kernel", NULL },
    { "HdrS", 4, 0x202, 4096, "kernel", NULL },
    { "ARMd", 4, 56, 4096, "kernel", NULL },
    { "\x7f" "ELF", 4, 0, 4096, "kernel", NULL },
    { "MZ", 2, 0, 4096, "kernel", "“x” is something unknown, not a kernel" },
    { "070701\0", 7, 0, 7, "initrd", NULL },
    { "\x1f\x8b\x08", 3, 0, 512, "initrd", NULL },
    { "Milk, bread, butter\n", 20, 0, 20, "initrd", "“x” is a text file, not an initial RAM disk" },
    { "vhdxfile", 8, 0, 4096, "disk", NULL },
    { "\x7f\x10\xda\xbe\1\0\1\0\0\0\0\0\1\0\0\0", 16, 64, 4096, "disk", NULL },
    { "\x7f\x10\xda\xbe\1\0\1\0\0\0\0\0\4\0\0\0", 16, 64, 4096, "disk",
      "“x” is a vdi image that needs another file; only an image that is complete in itself can be used" },
    { "COWD", 4, 0, 4096, "disk", "“x” is a disk image of a variant that cannot be used" },
    { "KDMV", 4, 0, 100, "disk", "“x” is a disk image of a variant that cannot be used" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree guint8 *bytes = blank (cases[i].size, cases[i].offset, cases[i].magic, cases[i].length);

      g_test_message ("case %" G_GSIZE_FORMAT, i);
      assert_role (bytes, cases[i].size, cases[i].role, cases[i].message);
    }
}

/* For which machines a kernel says that it is. */
static void
test_kernels (void)
{
  static const struct
  {
    const char *magic;
    gsize       length, offset;
    int         arch;
    gboolean    elf;
  } cases[] = {
    { "HdrS", 4, 0x202, LODGE_ARCH_X86_64, FALSE },
    { "ARMd", 4, 56, LODGE_ARCH_AARCH64, FALSE },
    { "RSC\5", 4, 56, LODGE_ARCH_RISCV64, FALSE },
    { "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\x3e\0", 20, 0, LODGE_ARCH_X86_64, TRUE },
    { "\x7f" "ELF\1\1\1\0\0\0\0\0\0\0\0\0\2\0\3\0", 20, 0, LODGE_ARCH_X86_64, TRUE },
    { "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\xb7\0", 20, 0, LODGE_ARCH_AARCH64, TRUE },
    { "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\xf3\0", 20, 0, LODGE_ARCH_RISCV64, TRUE },
    { "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\x15\0", 20, 0, -1, TRUE },
    { "\x1f\x8b", 2, 0, -1, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree guint8 *bytes = blank (4096, cases[i].offset, cases[i].magic, cases[i].length);
      Memory memory = { bytes, 4096, 0, 0 };
      LodgeImage image;

      g_test_message ("case %" G_GSIZE_FORMAT, i);
      g_assert_true (lodge_image_identify (read_memory, &memory, 4096, &image, NULL));
      g_assert_cmpint (image.arch, ==, cases[i].arch);
      g_assert_cmpint (image.elf, ==, cases[i].elf);
    }
}

static void
test_text (void)
{
  static const char *const texts[] = { "This is no image.\nReally.\n", "Grüße", "#!/bin/sh\n" };
  g_autofree char *latin1 = g_strdup ("Gr\xfc\xdf" "e aus dem letzten Jahrtausend\n");
  g_autofree char *umlauts = g_malloc (100000);

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      assert_role ((const guint8 *) texts[i], strlen (texts[i]), "iso", "“x” is a text file, not a disc image");
      assert_role ((const guint8 *) texts[i], strlen (texts[i]), "disk", "“x” is a text file, not a disk image");
    }
  assert_role ((const guint8 *) latin1, strlen (latin1), "iso", "“x” is a text file, not a disc image");

  memset (umlauts, 'x', 100000);
  assert_role ((const guint8 *) umlauts, 100000, "kernel", "“x” is a text file, not a kernel");
}

static void
put_be (guint8 *at, guint64 value, guint n)
{
  while (n-- > 0)
    {
      at[n] = value & 0xff;
      value >>= 8;
    }
}

static void
test_qcow2 (void)
{
  g_autofree guint8 *image = blank (65536, 0, "QFI\xfb\0\0\0\3", 8);

  put_be (image + 8, 1000, 8);
  put_be (image + 16, 11, 4);
  memcpy (image + 1000, "/etc/shadow", 11);
  assert_role (image, 65536, "disk",
               "“x” is a qcow2 image that needs another file, “/etc/shadow”; only an image that is complete in itself can be used");

  /* Lengths and places that lie. */
  put_be (image + 16, 0xffffffff, 4);
  put_be (image + 8, 65535, 8);
  assert_role (image, 65536, "disk",
               "“x” is a qcow2 image that needs another file, “”; only an image that is complete in itself can be used");
  put_be (image + 8, G_MAXUINT64 - 3, 8);
  assert_role (image, 65536, "disk",
               "“x” is a qcow2 image that needs another file, “”; only an image that is complete in itself can be used");

  put_be (image + 8, 0, 8);
  put_be (image + 72, 4, 8);
  assert_role (image, 65536, "disk",
               "“x” is a qcow2 image that needs another file; only an image that is complete in itself can be used");
  put_be (image + 72, 0, 8);
  put_be (image + 32, 2, 4);
  assert_role (image, 65536, "disk", "“x” is encrypted, which cannot be used");
}

static void
test_vmdk (void)
{
  static const struct
  {
    const char *descriptor;
    guint8      capacity;
    const char *message;
  } cases[] = {
    { "# Disk DescriptorFile\ncreateType=\"monolithicSparse\"\nRW 64 SPARSE \"a.vmdk\"\n", 64, NULL },
    { "RW 64 SPARSE \"a.vmdk\"\n", 0,
      "“x” is a vmdk image that needs another file; only an image that is complete in itself can be used" },
    { "RW 64 FLAT \"/etc/shadow\" 0\n", 64,
      "“x” is a vmdk image that needs another file, “/etc/shadow”; only an image that is complete in itself can be used" },
    { "RW 64 SPARSE \"a.vmdk\"\nRW 64 SPARSE \"b.vmdk\"\n", 64,
      "“x” is a vmdk image that needs another file, “b.vmdk”; only an image that is complete in itself can be used" },
    { "  parentfilenamehint=\"p.vmdk\"\r\nRW 64 SPARSE \"a.vmdk\"\n", 64,
      "“x” is a vmdk image that needs another file, “p.vmdk”; only an image that is complete in itself can be used" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree guint8 *image = blank (65536, 0, "KDMV\1\0\0\0", 8);

      image[12] = cases[i].capacity;
      image[28] = 1;
      image[36] = 20;
      memcpy (image + 512, cases[i].descriptor, strlen (cases[i].descriptor));
      g_test_message ("case %" G_GSIZE_FORMAT, i);
      assert_role (image, 65536, "disk", cases[i].message);
    }

  {
    const char *text = "# Disk DescriptorFile\nRW 64 FLAT \"/etc/shadow\" 0\n";

    assert_role ((const guint8 *) text, strlen (text), "disk",
                 "“x” is a vmdk image that needs another file; only an image that is complete in itself can be used");
  }
}

static void
test_vhd (void)
{
  g_autofree guint8 *image = g_malloc0 (8192 + 512);
  Memory memory = { image, 8192 + 512, 0, 0 };
  LodgeImage found;

  memcpy (image + 8192, "conectix", 8);
  put_be (image + 8192 + 60, 2, 4);
  assert_role (image, 8192 + 512, "disk", NULL);
  g_assert_true (lodge_image_identify (read_memory, &memory, memory.length, &found, NULL));
  g_assert_cmpstr (lodge_image_format (&found), ==, "vpc");
  put_be (image + 8192 + 60, 4, 4);
  assert_role (image, 8192 + 512, "disk",
               "“x” is a vpc image that needs another file; only an image that is complete in itself can be used");
}

/* What QEMU's own tool makes is taken for what it is. */
static void
test_real_images (void)
{
  static const char *const formats[] = { "qcow2", "vmdk", "vdi", "vhdx", "vpc", "raw" };
  g_autofree char *base = g_dir_make_tmp ("lodge-image-XXXXXX", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_autofree char *path = g_build_filename (base, formats[i], NULL);
      const char *argv[] = { "qemu-img", "create", "-q", "-f", formats[i], path, "8M", NULL };
      g_autofree char *bytes = NULL;
      gsize length;
      int status = -1;
      LodgeImage image;
      Memory memory = { 0 };

      g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
      g_assert_cmpint (status, ==, 0);
      g_assert_true (g_file_get_contents (path, &bytes, &length, NULL));
      memory.bytes = (const guint8 *) bytes;
      memory.length = length;
      g_assert_true (lodge_image_identify (read_memory, &memory, length, &image, NULL));
      g_assert_cmpstr (lodge_image_format (&image), ==, formats[i]);
      assert_role (memory.bytes, length, "disk", NULL);
    }
  g_assert_true (lodge_file_tree_remove (base, NULL, NULL));
}

static void
checked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static LodgeMedium *
check (int fd, const char *role, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  lodge_medium_check_async (fd, role, "my file", NULL, checked_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return lodge_medium_check_finish (result, error);
}

static void
test_medium (void)
{
  g_autofree char *base = g_dir_make_tmp ("lodge-medium-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (base, "a.iso", NULL);
  g_autofree guint8 *bytes = blank (40960, 32769, "CD001", 5);
  g_autoptr (LodgeMedium) medium = NULL;
  g_autoptr (GError) error = NULL;
  int fd, folder;

  g_assert_true (g_file_set_contents (path, (const char *) bytes, 40960, NULL));
  fd = open (path, O_RDONLY | O_CLOEXEC);
  medium = check (fd, "iso", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (medium->path, ==, path);
  g_assert_cmpstr (medium->format, ==, "raw");
  g_assert_cmpuint (medium->size, ==, 40960);
  g_assert_cmpint (medium->mtime, >, 0);

  g_assert_null (check (fd, "kernel", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
  g_assert_cmpstr (error->message, ==, "“my file” is a disc image, not a kernel");
  g_clear_error (&error);

  folder = open (base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_null (check (folder, "iso", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
  g_clear_error (&error);
  close (folder);

  /* Another file has the name now: the descriptor alone cannot be referenced later. */
  g_unlink (path);
  g_assert_true (g_file_set_contents (path, "x", 1, NULL));
  g_assert_null (check (fd, "iso", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  close (fd);

  fd = open (path, O_WRONLY | O_CLOEXEC);
  g_assert_null (check (fd, "iso", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_READABLE);
  close (fd);
  g_assert_true (lodge_file_tree_remove (base, NULL, NULL));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/image/simple", test_simple);
  g_test_add_func ("/image/kernels", test_kernels);
  g_test_add_func ("/image/text", test_text);
  g_test_add_func ("/image/qcow2", test_qcow2);
  g_test_add_func ("/image/vmdk", test_vmdk);
  g_test_add_func ("/image/vhd", test_vhd);
  g_test_add_func ("/image/real-images", test_real_images);
  g_test_add_func ("/image/medium", test_medium);
  return g_test_run ();
}
