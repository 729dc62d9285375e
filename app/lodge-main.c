/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include <glib/gi18n-lib.h>
#include <locale.h>
#include <unistd.h>

#include "app/lodge-application.h"
#include "app/lodge-graphics.h"

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

  application = lodge_application_new ();
  status = g_application_run (G_APPLICATION (application), argc, argv);
  /* Without what it was started for the first time, which was done. */
  if (lodge_application_wants_restart (application))
    execlp (argv[0], argv[0], NULL);
  return status;
}
