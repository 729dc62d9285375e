/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * One process serves a session. A second one hands its command line to the first and ends; when the first is just ending
 * itself, it still has the name on the bus and takes nothing any more, so the second tries again until the name is free.
 */

#include "config.h"

#include <glib/gi18n-lib.h>
#include <locale.h>
#include <unistd.h>

#include "app/lodge-application.h"
#include "app/lodge-graphics.h"

/* Twice as long each time: some twelve seconds. */
#define TRIES 8u
#define PAUSE_US 50000u

int
main (int argc, char **argv)
{
  g_autoptr (LodgeApplication) application = NULL;
  int status;

  lodge_graphics_choose ("/dev");
  setlocale (LC_ALL, "");
  /* Before it is installed, the program finds its translations in the build folder. */
  bindtextdomain (GETTEXT_PACKAGE, g_getenv ("LODGE_LOCALEDIR") != NULL ? g_getenv ("LODGE_LOCALEDIR") : LODGE_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  g_set_application_name ("Lodge");

  for (guint i = 0;; i++)
    {
      application = lodge_application_new ();
      status = g_application_run (G_APPLICATION (application), argc, argv);
      if (!lodge_application_was_missed (application) || i == TRIES)
        break;
      g_clear_object (&application);
      g_usleep (PAUSE_US << i);
    }
  /* Without what it was started for the first time, which was done. */
  if (lodge_application_wants_restart (application))
    execlp (argv[0], argv[0], NULL);
  return status;
}
