/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include <glib/gi18n.h>
#include <unistd.h>

#include "app/ctl-output.h"
#include "app/ctl-png.h"
#include "app/ctl-verbs.h"

typedef struct
{
  int   fd; /* of the PPM */
  guint width, height;
} Picture;

static gboolean
write_png (FILE *file, gpointer data, GError **error)
{
  Picture *picture = data;

  return ctl_ppm_to_png (picture->fd, file, &picture->width, &picture->height, error);
}

static int
take_screenshot (CtlContext *ctx, const char *path, GError **error)
{
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  int handle;

  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "Screenshot",
                    g_variant_new ("(@a{sv})", ctl_no_options ()), "(h)", NULL, &fds, error);
  if (reply == NULL)
    return -1;
  g_variant_get (reply, "(h)", &handle);
  if (fds == NULL || handle < 0 || handle >= g_unix_fd_list_get_length (fds))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_FAILED, "Screenshot came without its file");
      return -1;
    }
  return g_unix_fd_list_get (fds, handle, error);
}

CtlExit
ctl_verb_screenshot (CtlContext *ctx, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  Picture picture = { -1, 0, 0 };
  const char *file;
  gboolean ok;
  CtlExit code;

  if (!ctl_verb_parse (ctx, NULL, &argc, &argv, 2, 2, &code))
    return code;
  file = argv[2];
  if (g_str_equal (file, "-") && (ctx->json || isatty (fileno (ctx->out))))
    return ctl_usage_error (ctx, argv[0], _("The picture cannot go to a terminal or together with --json; give a file."));
  path = ctl_find (ctx, argv[1], &code);
  if (path == NULL)
    return code;

  picture.fd = take_screenshot (ctx, path, &error);
  if (picture.fd < 0)
    return ctl_report_machine_error (ctx, error, path, argv[1]);

  ok = g_str_equal (file, "-") ? write_png (ctx->out, &picture, &error)
                               : ctl_write_file (file, write_png, &picture, &error);
  close (picture.fd);
  if (!ok)
    return ctl_report_error (ctx, error, &(LodgeErrorContext){ .file = file, .role = "output" });

  if (ctx->json)
    ctl_json_print (ctx->out, g_variant_new_parsed ("{'file': <%s>, 'width': <%u>, 'height': <%u>}",
                                                    file, picture.width, picture.height));
  return CTL_EXIT_OK;
}
