/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-verbs.h"

#include <glib/gi18n.h>

#include "app/ctl-output.h"

CtlExit
ctl_verb_template (CtlContext *ctx, int argc, char **argv)
{
  gboolean off = FALSE;
  const GOptionEntry entries[] = {
    { "off", 0, 0, G_OPTION_ARG_NONE, &off, N_("Make it an ordinary machine again"), NULL },
    G_OPTION_ENTRY_NULL
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree char *path = NULL;
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, entries, &argc, &argv, 1, 1, &code);
  if (path == NULL)
    return code;

  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "SetTemplate",
                    g_variant_new ("(b@a{sv})", !off, ctl_no_options ()), "()", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_machine_error (ctx, error, path, argv[1]);
  if (ctx->json)
    {
      g_autofree char *id = ctl_machine_id (path);

      ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>, 'template': <%b>}", id, !off));
    }
  return CTL_EXIT_OK;
}

static const char *
reason_text (const char *reason)
{
  if (g_str_equal (reason, "disk-outside"))
    return _("Copied in full, because a disk lies outside the machine’s folder.");
  if (g_str_equal (reason, "many-layers"))
    return _("Copied in full, because its disks have many layers already.");
  if (g_str_equal (reason, "tpm"))
    return _("It starts from the disks, because the machine has a TPM, which cannot be in two running guests.");
  if (g_str_equal (reason, "memory-refused"))
    return _("It starts from the disks, because the memory of this machine cannot be shared.");
  return NULL;
}

static void
print_clones (CtlContext *ctx, const char *const *paths, const char *kind, const char *reason)
{
  GVariantBuilder ids;

  g_variant_builder_init (&ids, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; paths[i] != NULL; i++)
    {
      g_autofree char *id = ctl_machine_id (paths[i]);

      g_variant_builder_add (&ids, "s", id);
      if (!ctx->json)
        ctl_printf (ctx->out, "%s\n", id);
    }
  if (ctx->json)
    ctl_json_print (ctx->out, g_variant_new_parsed ("{'ids': <%@as>, 'kind': <%s>, 'reason': <%s>}",
                                                    g_variant_builder_end (&ids), kind, reason));
  else
    {
      g_variant_unref (g_variant_ref_sink (g_variant_builder_end (&ids)));
      if (reason_text (reason) != NULL)
        ctl_printf (ctx->err, "%s\n", reason_text (reason));
    }
}

/* What a clone of a guest that runs cost that guest. */
static void
tell_of_pause (CtlContext *ctx, const char *path)
{
  g_autoptr (GVariant) properties = ctl_machine_get (ctx, path, NULL);
  g_autoptr (GVariant) effective = properties != NULL ? g_variant_lookup_value (properties, "Effective", G_VARIANT_TYPE_VARDICT) : NULL;
  double seconds;

  if (!ctx->json && effective != NULL && g_str_equal (ctl_string (properties, "State"), "running")
      && g_variant_lookup (effective, "pause-seconds", "d", &seconds))
    /* Translators: of the machine that was cloned */
    ctl_printf (ctx->err, _("The guest stood still for %.2f seconds.\n"), seconds);
}

CtlExit
ctl_verb_clone (CtlContext *ctx, int argc, char **argv)
{
  gboolean full = FALSE, linked = FALSE, instant = FALSE, start = FALSE, off = FALSE;
  g_autofree char *snapshot = NULL;
  int count = 1;
  const GOptionEntry entries[] = {
    { "full", 0, 0, G_OPTION_ARG_NONE, &full, N_("Copy the disks, so that the clone depends on nothing"), NULL },
    { "linked", 0, 0, G_OPTION_ARG_NONE, &linked, N_("Build on the disks of the machine, which takes no time and no space"), NULL },
    { "instant", 0, 0, G_OPTION_ARG_NONE, &instant, N_("Go on where the guest is now, or was saved"), NULL },
    { "snapshot", 0, 0, G_OPTION_ARG_STRING, &snapshot, N_("Clone this snapshot of the machine"), N_("ID") },
    { "count", 'n', 0, G_OPTION_ARG_INT, &count, N_("How many clones to make (1)"), N_("N") },
    { "start", 0, 0, G_OPTION_ARG_NONE, &start, N_("Start them; instant ones are started anyway"), NULL },
    { "no-start", 0, 0, G_OPTION_ARG_NONE, &off, N_("Leave instant ones saved"), NULL },
    G_OPTION_ENTRY_NULL
  };
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree const char **paths = NULL;
  g_autofree char *path = NULL;
  const char *kind, *reason;
  CtlExit code;

  if (!ctl_verb_parse (ctx, entries, &argc, &argv, 2, 2, &code))
    return code;
  if (full + linked + instant > 1)
    return ctl_usage_error (ctx, argv[0], _("A clone is one of --full, --linked and --instant."));
  if (start && off)
    return ctl_usage_error (ctx, argv[0], _("--start and --no-start exclude each other."));
  if (count < 1)
    return ctl_usage_error (ctx, argv[0], _("--count is at least 1."));
  path = ctl_find (ctx, argv[1], &code);
  if (path == NULL)
    return code;

  if (full || linked || instant)
    g_variant_builder_add (&options, "{sv}", "kind", g_variant_new_string (full ? "full" : linked ? "linked" : "instant"));
  if (snapshot != NULL)
    g_variant_builder_add (&options, "{sv}", "snapshot", g_variant_new_string (snapshot));
  if (count > 1)
    g_variant_builder_add (&options, "{sv}", "count", g_variant_new_uint32 ((guint32) count));
  if (start || off)
    g_variant_builder_add (&options, "{sv}", "start", g_variant_new_boolean (start));
  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "Clone",
                    g_variant_new ("(s@a{sv})", argv[2], g_variant_builder_end (&options)), "(aoss)", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_machine_error (ctx, error, path,
                                     g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NAME_INVALID) ? argv[2] : argv[1]);

  g_variant_get (reply, "(^a&o&s&s)", &paths, &kind, &reason);
  print_clones (ctx, paths, kind, reason);
  if (snapshot == NULL && !full)
    tell_of_pause (ctx, path);
  return CTL_EXIT_OK;
}

CtlExit
ctl_verb_disposable (CtlContext *ctx, int argc, char **argv)
{
  g_autofree char *snapshot = NULL;
  const GOptionEntry entries[] = {
    { "snapshot", 0, 0, G_OPTION_ARG_STRING, &snapshot, N_("A clone of this snapshot of the machine"), N_("ID") },
    G_OPTION_ENTRY_NULL
  };
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree char *path = NULL;
  g_autofree char *id = NULL;
  const char *clone;
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, entries, &argc, &argv, 1, 1, &code);
  if (path == NULL)
    return code;

  if (snapshot != NULL)
    g_variant_builder_add (&options, "{sv}", "snapshot", g_variant_new_string (snapshot));
  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "OpenDisposable", g_variant_new ("(@a{sv})", g_variant_builder_end (&options)),
                    "(o)", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_machine_error (ctx, error, path, argv[1]);
  g_variant_get (reply, "(&o)", &clone);
  id = ctl_machine_id (clone);
  if (ctx->json)
    ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>}", id));
  else
    ctl_printf (ctx->out, "%s\n", id);
  return CTL_EXIT_OK;
}

CtlExit
ctl_verb_keep (CtlContext *ctx, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree char *path = NULL;
  g_autofree char *id = NULL;
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, NULL, &argc, &argv, 2, 2, &code);
  if (path == NULL)
    return code;

  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "Keep", g_variant_new ("(s@a{sv})", argv[2], ctl_no_options ()),
                    "()", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_machine_error (ctx, error, path,
                                     g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NAME_INVALID) ? argv[2] : argv[1]);
  id = ctl_machine_id (path);
  if (ctx->json)
    ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>, 'name': <%s>}", id, argv[2]));
  return CTL_EXIT_OK;
}

CtlExit
ctl_verb_flatten (CtlContext *ctx, int argc, char **argv)
{
  g_autofree char *path = NULL;
  g_autofree char *id = NULL;
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, NULL, &argc, &argv, 1, 1, &code);
  if (path == NULL)
    return code;

  code = ctl_machine_call (ctx, path, argv[1], "Flatten", ctl_no_options ());
  id = ctl_machine_id (path);
  if (code == CTL_EXIT_OK && ctx->json)
    ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>}", id));
  return code;
}

static char **
make_row (GVariant *machine)
{
  g_autofree char *own = ctl_size (machine, "bytes");
  g_autofree char *elsewhere = ctl_size (machine, "flatten-bytes");
  g_autofree char *id = g_strndup (ctl_string (machine, "machine"), 8);

  return g_strdupv ((char *[]){ (char *) ctl_string (machine, "name"), (char *) ctl_string (machine, "kind"), own, elsewhere, id, NULL });
}

static void
print_dependants (CtlContext *ctx, GVariant *machines)
{
  const char *heading[] = { _("NAME"), _("KIND"), _("SIZE"), _("TO FLATTEN"), _("ID"), NULL };

  ctl_table_print_entries (ctx->out, heading, machines, make_row, 0);
}

CtlExit
ctl_verb_dependants (CtlContext *ctx, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) machines = NULL;
  g_autofree char *path = NULL;
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, NULL, &argc, &argv, 1, 1, &code);
  if (path == NULL)
    return code;

  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "Dependants", g_variant_new ("(@a{sv})", ctl_no_options ()),
                    "(aa{sv})", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_machine_error (ctx, error, path, argv[1]);
  machines = g_variant_get_child_value (reply, 0);
  if (ctx->json)
    ctl_json_print (ctx->out, machines);
  else if (g_variant_n_children (machines) > 0)
    print_dependants (ctx, machines);
  else
    ctl_put (ctx->err, _("No machine depends on it.\n"));
  return CTL_EXIT_OK;
}
