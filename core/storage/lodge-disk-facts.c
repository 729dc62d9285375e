/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-disk-facts.h"

#include "core/config/lodge-atomic-file.h"
#include "core/storage/lodge-image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct
{
  const char *name;
  const char *suffix;
  gboolean    grows;     /* qemu-img and QEMU can make it larger */
  gboolean    memory;    /* a guest that has it can be saved with its memory */
} formats[] = {
  { "qcow2", ".qcow2", TRUE, TRUE }, { "raw", ".img", TRUE, TRUE },    { "vmdk", ".vmdk", FALSE, FALSE },
  { "vpc", ".vhd", FALSE, FALSE },   { "vhdx", ".vhdx", FALSE, FALSE }, { "vdi", ".vdi", FALSE, FALSE },
};

static gssize
read_fd (gpointer data, guint8 *into, gsize length, guint64 offset)
{
  return pread (GPOINTER_TO_INT (data), into, length, (off_t) offset);
}

gboolean
lodge_disk_facts_read (const char *path, LodgeDiskFacts *facts, GError **error)
{
  int fd = open (path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  LodgeImage image = { 0 };
  struct stat st;
  guint64 size;
  gboolean good;

  *facts = (LodgeDiskFacts){ .format = "raw" };
  if (fd < 0 || fstat (fd, &st) != 0)
    {
      lodge_error_set_errno (error, errno, "opening", path);
      if (fd >= 0)
        close (fd);
      return FALSE;
    }
  size = (guint64) st.st_size;
  good = S_ISREG (st.st_mode) || (S_ISBLK (st.st_mode) && ioctl (fd, BLKGETSIZE64, &size) == 0);
  if (!good)
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s is not a file", path);
  good = good && lodge_image_identify (read_fd, GINT_TO_POINTER (fd), size, &image, error);
  close (fd);
  if (!good)
    return FALSE;

  facts->format = lodge_image_format (&image);
  facts->size = image.virtual_size;
  facts->used = S_ISBLK (st.st_mode) ? size : (guint64) st.st_blocks * 512;
  facts->layered = image.external;
  return TRUE;
}

GStrv
lodge_disk_format_costs (const char *format)
{
  g_autoptr (GStrvBuilder) codes = g_strv_builder_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    if (g_strcmp0 (formats[i].name, format) == 0)
      {
        if (!formats[i].memory)
          g_strv_builder_add (codes, "no-memory");
        if (!formats[i].grows)
          g_strv_builder_add (codes, "no-growing");
      }

  return g_strv_builder_end (codes);
}

gboolean
lodge_disk_format_is_known (const char *format)
{
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    if (g_str_equal (formats[i].name, format))
      return TRUE;

  return FALSE;
}

const char *
lodge_disk_format_suffix (const char *format)
{
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    if (g_str_equal (formats[i].name, format))
      return formats[i].suffix;

  return ".img";
}
