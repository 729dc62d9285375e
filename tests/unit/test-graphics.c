/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include <glib/gstdio.h>

#include "app/lodge-graphics.h"

typedef struct
{
  char *devices; /* (owned) */
  char *dri;     /* (owned) */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->devices = g_dir_make_tmp ("lodge-graphics-XXXXXX", NULL);
  fixture->dri = g_build_filename (fixture->devices, "dri", NULL);
  g_unsetenv ("GDK_DEBUG");
  g_unsetenv ("GDK_DISABLE");
  g_unsetenv ("GSK_RENDERER");
}

static void
add (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, "", 0, NULL));
}

static void
take (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_cmpint (g_remove (path), ==, 0);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_rmdir (fixture->dri);
  g_assert_cmpint (g_rmdir (fixture->devices), ==, 0);
  g_free (fixture->dri);
  g_free (fixture->devices);
}

static void
test_cards (Fixture *fixture, gconstpointer data)
{
  static const char *const others[] = { "nvidiactl", "dxg" };

  g_assert_false (lodge_graphics_has_card (fixture->devices));

  /* A card that only shows what others drew. */
  g_assert_cmpint (g_mkdir (fixture->dri, 0700), ==, 0);
  add (fixture->dri, "card0");
  g_assert_false (lodge_graphics_has_card (fixture->devices));
  add (fixture->dri, "renderD129");
  g_assert_true (lodge_graphics_has_card (fixture->devices));
  take (fixture->dri, "card0");
  take (fixture->dri, "renderD129");

  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    {
      add (fixture->devices, others[i]);
      g_assert_true (lodge_graphics_has_card (fixture->devices));
      take (fixture->devices, others[i]);
    }
}

static void
test_choice (Fixture *fixture, gconstpointer data)
{
  /* What a person asks for counts. */
  g_setenv ("GSK_RENDERER", "gl", TRUE);
  lodge_graphics_choose (fixture->devices);
  g_assert_null (g_getenv ("GDK_DEBUG"));
  g_unsetenv ("GSK_RENDERER");
  g_setenv ("GDK_DEBUG", "events", TRUE);
  lodge_graphics_choose (fixture->devices);
  g_assert_cmpstr (g_getenv ("GDK_DEBUG"), ==, "events");
  g_unsetenv ("GDK_DEBUG");
  g_unsetenv ("GDK_DISABLE");

  add (fixture->devices, "dxg");
  lodge_graphics_choose (fixture->devices);
  g_assert_null (g_getenv ("GDK_DEBUG"));
  take (fixture->devices, "dxg");

  lodge_graphics_choose (fixture->devices);
  g_assert_cmpstr (g_getenv ("GDK_DEBUG"), ==, "gl-disable");
  g_assert_cmpstr (g_getenv ("GDK_DISABLE"), ==, "gl,vulkan");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/graphics/cards", Fixture, NULL, set_up, test_cards, tear_down);
  g_test_add ("/graphics/choice", Fixture, NULL, set_up, test_choice, tear_down);
  return g_test_run ();
}
