/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-verbs.h"

#include <glib/gi18n.h>

#include "app/ctl-output.h"

CtlExit
ctl_verb_delete (CtlContext *ctx, int argc, char **argv)
{
  g_autofree char *path = NULL;
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, NULL, &argc, &argv, 1, 1, &code);
  if (path == NULL)
    return code;

  code = ctl_machine_call (ctx, path, argv[1], "Delete", ctl_no_options ());
  if (code == CTL_EXIT_OK && ctx->json)
    {
      g_autofree char *id = ctl_machine_id (path);

      ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>}", id));
    }
  return code;
}

CtlExit
ctl_verb_undelete (CtlContext *ctx, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree char *id = NULL;
  const char *path;
  CtlExit code;

  if (!ctl_verb_parse (ctx, NULL, &argc, &argv, 1, 1, &code))
    return code;
  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "Undelete",
                    g_variant_new ("(s@a{sv})", argv[1], ctl_no_options ()), "(o)", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_error (ctx, error, &(LodgeErrorContext){ .file = argv[1], .role = "trash" });

  g_variant_get (reply, "(&o)", &path);
  id = ctl_machine_id (path);
  if (ctx->json)
    ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>}", id));
  else
    ctl_printf (ctx->out, "%s\n", id);
  return CTL_EXIT_OK;
}

static char **
make_row (GVariant *entry)
{
  g_autoptr (GDateTime) time = NULL;
  g_autofree char *when = NULL;
  g_autofree char *size = ctl_size (entry, "size");
  gint64 deleted = 0;

  g_variant_lookup (entry, "deleted", "x", &deleted);
  time = g_date_time_new_from_unix_local (deleted);
  when = time != NULL ? g_date_time_format (time, "%Y-%m-%d %H:%M") : g_strdup ("");
  /* The id is whole: "trash empty" takes nothing less. */
  return g_strdupv ((char *[]){ (char *) ctl_string (entry, "name"), when, size, (char *) ctl_string (entry, "id"), NULL });
}

static void
print_trash_table (CtlContext *ctx, GVariant *entries)
{
  const char *heading[] = { _("NAME"), _("DELETED"), _("SIZE"), _("ID"), NULL };

  ctl_table_print_entries (ctx->out, heading, entries, make_row, 0);
}

static CtlExit
list_trash (CtlContext *ctx)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) entries = NULL;

  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "ListTrash",
                    g_variant_new ("(@a{sv})", ctl_no_options ()), "(aa{sv})", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_error (ctx, error, NULL);

  entries = g_variant_get_child_value (reply, 0);
  if (ctx->json)
    ctl_json_print (ctx->out, entries);
  else if (g_variant_n_children (entries) > 0)
    print_trash_table (ctx, entries);
  else
    ctl_put (ctx->err, _("The trash is empty.\n"));
  return CTL_EXIT_OK;
}

static CtlExit
empty_trash (CtlContext *ctx, const char *const *ids)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;

  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "EmptyTrash",
                    g_variant_new ("(^as@a{sv})", ids, ctl_no_options ()), "()", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_error (ctx, error, NULL);
  if (ctx->json)
    ctl_json_print (ctx->out, g_variant_new_parsed ("@a{sv} {}"));
  return CTL_EXIT_OK;
}

CtlExit
ctl_verb_trash (CtlContext *ctx, int argc, char **argv)
{
  CtlExit code;

  if (!ctl_verb_parse (ctx, NULL, &argc, &argv, 1, -1, &code))
    return code;
  if (g_str_equal (argv[1], "list") && argc == 2)
    return list_trash (ctx);
  if (g_str_equal (argv[1], "empty"))
    {
      /* GOption leaves the arguments that remain without an end. */
      g_autoptr (GPtrArray) ids = g_ptr_array_new ();

      for (int i = 2; i < argc; i++)
        g_ptr_array_add (ids, argv[i]);
      g_ptr_array_add (ids, NULL);
      return empty_trash (ctx, (const char *const *) ids->pdata);
    }
  return ctl_usage_error (ctx, argv[0], _("Say “trash list” or “trash empty [ID…]”."));
}
