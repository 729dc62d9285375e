/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/storage/lodge-image.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

typedef struct
{
  const uint8_t *data;
  size_t         size;
} Input;

static gssize
read_input (gpointer data, guint8 *into, gsize length, guint64 offset)
{
  const Input *input = data;
  gsize n = offset < input->size ? MIN (length, input->size - offset) : 0;

  if (n > 0)
    memcpy (into, input->data + offset, n);
  return n;
}

/* An image from anywhere, in each role that a person may give it. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const roles[] = { "iso", "disk", "kernel", "initrd" };
  Input input = { data, size };
  LodgeImage image;

  g_assert (lodge_image_identify (read_input, &input, size, &image, NULL));
  g_assert (g_utf8_validate (image.reference, -1, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (roles); i++)
    {
      g_autoptr (GError) error = NULL;
      gboolean good = lodge_image_check_role (&image, roles[i], "x", &error);

      g_assert (good == (error == NULL));
      /* The one thing that must never happen: a disk that makes QEMU open another file. */
      g_assert (!(good && i == 1 && image.external));
    }

#ifdef LODGE_PLANTED_BUG
  if (image.kind == LODGE_IMAGE_VMDK && image.external)
    {
      char name[24];

      strcpy (name, image.reference);
      g_assert (strlen (name) < 4096);
    }
#endif

  return 0;
}
