/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <locale.h>
#include <stdlib.h>

#include "app/ctl-output.h"
#include "app/ctl-verbs.h"

int
main (int argc, char *argv[])
{
  CtlContext ctx = { .out = stdout, .err = stderr };
  CtlExit code;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, LODGE_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  g_set_prgname ("lodgectl");

  code = ctl_run (&ctx, argc, argv);
  ctl_context_clear (&ctx);

  /* A full disk below a redirected stdout shows only here. */
  if ((fflush (stdout) != 0 || ferror (stdout)) && code == CTL_EXIT_OK)
    {
      ctl_printf (stderr, _("lodgectl: The output could not be written: %s\n"), g_strerror (errno));
      code = CTL_EXIT_FAILED;
    }
  return code;
}
