/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * In place of libFuzzer's main(): gives each file of the folders on the command line to the target once, and each
 * beginning of it, so that what was found once stays found with every compiler.
 */

#include <glib.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Cuts of long files are taken in steps, to keep the run short. */
#define MAX_CUTS 512

static void
give (const char *bytes, gsize length)
{
  /* Exactly as long, so that a sanitizer sees the first byte read beyond. */
  g_autofree uint8_t *exact = g_memdup2 (bytes, length);

  LLVMFuzzerTestOneInput (exact != NULL ? exact : (const uint8_t *) "", length);
}

int
main (int argc, char *argv[])
{
  guint n = 0;

  for (int i = 1; i < argc; i++)
    {
      g_autoptr (GDir) dir = g_dir_open (argv[i], 0, NULL);
      const char *name;

      while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
        {
          g_autofree char *path = g_build_filename (argv[i], name, NULL);
          g_autofree char *bytes = NULL;
          gsize length;

          if (!g_file_get_contents (path, &bytes, &length, NULL))
            continue;
          for (gsize cut = 0; cut < length; cut += length / MAX_CUTS + 1)
            give (bytes, cut);
          give (bytes, length);
          n++;
        }
    }

  g_print ("%u files replayed\n", n);
  return n > 0 ? 0 : 1;
}
