/* SPDX-License-Identifier: GPL-3.0-or-later */

/* GTK prepares GL with its first connection to the display. Where there is no graphics card, in a virtual machine or on a
 * remote desktop, that loads Mesa's rasteriser with its compiler: more than half of the time until a window is there and
 * sixty megabytes of memory, for pictures that are drawn faster without it. */

#include "config.h"

#include "app/lodge-graphics.h"

gboolean
lodge_graphics_has_card (const char *devices)
{
  /* NVIDIA's own driver can do without a render node; Windows shows its card to Linux as dxg. */
  static const char *const others[] = { "nvidiactl", "dxg" };
  g_autofree char *folder = g_build_filename (devices, "dri", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, "renderD"))
      return TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *path = g_build_filename (devices, others[i], NULL);

      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return TRUE;
    }
  return FALSE;
}

void
lodge_graphics_choose (const char *devices)
{
  const char *renderer = g_getenv ("GSK_RENDERER");

  if ((renderer != NULL && !g_str_equal (renderer, "cairo")) || lodge_graphics_has_card (devices))
    return;
  g_setenv ("GDK_DEBUG", "gl-disable", FALSE);
  /* GTK 4.16 and later */
  g_setenv ("GDK_DISABLE", "gl,vulkan", FALSE);
}
