/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-verbs.h"

#include <glib/gi18n.h>
#include <string.h>

#include "app/ctl-output.h"

/* The id of the one snapshot of that id, beginning of an id, or name. NULL when there is none or are several, which is reported. */
static char *
find_snapshot (CtlContext *ctx, const char *path, const char *machine, const char *text, CtlExit *code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "ListSnapshots",
                                         g_variant_new ("(@a{sv})", ctl_no_options ()), "(aa{sv})", NULL, NULL, &error);
  g_autoptr (GVariant) list = reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
  char *found = NULL;
  guint n = 0;

  for (gsize i = 0; list != NULL && i < g_variant_n_children (list); i++)
    {
      g_autoptr (GVariant) snapshot = g_variant_get_child_value (list, i);
      const char *id = "", *name = "";

      g_variant_lookup (snapshot, "id", "&s", &id);
      g_variant_lookup (snapshot, "name", "&s", &name);
      if (strcmp (name, text) != 0 && !(strlen (text) >= 4 && g_str_has_prefix (id, text)))
        continue;
      n++;
      g_free (found);
      found = g_strdup (id);
    }
  if (n == 1)
    return found;

  g_free (found);
  if (error == NULL)
    error = g_error_new (LODGE_ERROR, n == 0 ? LODGE_ERROR_NOT_FOUND : LODGE_ERROR_AMBIGUOUS,
                         n == 0 ? "there is no snapshot “%s”" : "several snapshots are called “%s”", text);
  *code = n == 0 || list == NULL ? ctl_report_machine_error (ctx, error, path, machine) : ctl_report_error (ctx, error, NULL);
  return NULL;
}

static CtlExit
print_id (CtlContext *ctx, const char *path, const char *snapshot)
{
  g_autofree char *id = ctl_machine_id (path);

  if (ctx->json)
    ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>, 'snapshot': <%s>}", id, snapshot));
  return CTL_EXIT_OK;
}

static CtlExit
call (CtlContext *ctx, const char *path, const char *machine, const char *method, const char *snapshot, GVariant *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, method,
                                         g_variant_new ("(s@a{sv})", snapshot, options), "()", NULL, NULL, &error);

  return reply != NULL ? print_id (ctx, path, snapshot) : ctl_report_machine_error (ctx, error, path, machine);
}

static CtlExit
create (CtlContext *ctx, const char *path, const char *machine, const char *name, const char *note, gboolean disks_only)
{
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  const char *id;

  if (name != NULL)
    g_variant_builder_add (&options, "{sv}", "name", g_variant_new_string (name));
  if (note != NULL)
    g_variant_builder_add (&options, "{sv}", "note", g_variant_new_string (note));
  if (disks_only)
    g_variant_builder_add (&options, "{sv}", "memory", g_variant_new_boolean (FALSE));
  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "TakeSnapshot", g_variant_new ("(@a{sv})", g_variant_builder_end (&options)),
                    "(s)", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_machine_error (ctx, error, path, machine);
  g_variant_get (reply, "(&s)", &id);
  if (!ctx->json)
    ctl_printf (ctx->out, "%s\n", id);
  return print_id (ctx, path, id);
}

static char **
make_row (GVariant *snapshot)
{
  g_autoptr (GDateTime) date = NULL;
  g_autofree char *when = NULL;
  g_autofree char *size = ctl_size (snapshot, "size");
  const char *parent = ctl_string (snapshot, "parent");
  gboolean memory = FALSE, current = FALSE;
  gint64 created = 0;

  g_variant_lookup (snapshot, "memory", "b", &memory);
  g_variant_lookup (snapshot, "current", "b", &current);
  g_variant_lookup (snapshot, "created", "x", &created);
  date = g_date_time_new_from_unix_local (created);
  when = date != NULL ? g_date_time_format (date, "%Y-%m-%d %H:%M") : g_strdup ("");
  return g_strdupv ((char *[]){ (char *) (current ? "*" : " "), (char *) ctl_string (snapshot, "id"), (char *) (*parent != '\0' ? parent : "-"), when, size,
                                memory ? _("memory") : _("disks"), (char *) ctl_string (snapshot, "name"), NULL });
}

static CtlExit
list (CtlContext *ctx, const char *path, const char *machine)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "ListSnapshots",
                                         g_variant_new ("(@a{sv})", ctl_no_options ()), "(aa{sv})", NULL, NULL, &error);
  g_autoptr (GVariant) snapshots = NULL;

  if (reply == NULL)
    return ctl_report_machine_error (ctx, error, path, machine);
  snapshots = g_variant_get_child_value (reply, 0);
  if (ctx->json)
    ctl_json_print (ctx->out, snapshots);
  else if (g_variant_n_children (snapshots) > 0)
    {
      /* Translators: the headings of “lodgectl snapshot NAME list”; PARENT is the snapshot that it goes on from. The one that
       * the machine goes on from now has a star before it. */
      const char *heading[] = { " ", _("ID"), _("PARENT"), _("TAKEN"), _("SIZE"), _("KIND"), _("NAME"), NULL };

      ctl_table_print_entries (ctx->out, heading, snapshots, make_row, 6);
    }
  return CTL_EXIT_OK;
}

CtlExit
ctl_verb_snapshot (CtlContext *ctx, int argc, char **argv)
{
  gboolean disks_only = FALSE, discard = FALSE, start = FALSE;
  g_autofree char *note = NULL;
  const GOptionEntry entries[] = {
    { "note", 0, 0, G_OPTION_ARG_STRING, &note, N_("With create and rename: a note"), N_("TEXT") },
    { "disks-only", 0, 0, G_OPTION_ARG_NONE, &disks_only, N_("Leave the guest’s memory out"), NULL },
    { "discard-present", 0, 0, G_OPTION_ARG_NONE, &discard, N_("With restore: do not keep the present in a snapshot"), NULL },
    { "start", 0, 0, G_OPTION_ARG_NONE, &start, N_("With restore: start the machine then"), NULL },
    G_OPTION_ENTRY_NULL
  };
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autofree char *path = NULL;
  g_autofree char *id = NULL;
  const char *action, *machine;
  CtlExit code;

  if (!ctl_verb_parse (ctx, entries, &argc, &argv, 2, 4, &code))
    return code;
  machine = argv[1];
  action = argv[2];
  if (argc < 3 + (strcmp (action, "restore") == 0 || strcmp (action, "delete") == 0) + 2 * (strcmp (action, "rename") == 0)
      || (argc > 3 && strcmp (action, "list") == 0) || (argc > 4 && strcmp (action, "rename") != 0)
      || !g_strv_contains ((const char *const[]) { "create", "list", "restore", "delete", "rename", NULL }, action))
    return ctl_usage_error (ctx, argv[0], _("What is to be done is one of: create [NAME], list, restore ID, delete ID, rename ID NAME."));
  path = ctl_find (ctx, machine, &code);
  if (path == NULL)
    return code;
  if (strcmp (action, "create") == 0)
    return create (ctx, path, machine, argc > 3 ? argv[3] : NULL, note, disks_only);
  if (strcmp (action, "list") == 0)
    return list (ctx, path, machine);
  id = find_snapshot (ctx, path, machine, argv[3], &code);
  if (id == NULL)
    return code;
  if (strcmp (action, "delete") == 0)
    return call (ctx, path, machine, "DeleteSnapshot", id, ctl_no_options ());
  if (strcmp (action, "rename") == 0)
    {
      g_variant_builder_add (&options, "{sv}", "name", g_variant_new_string (argv[4]));
      if (note != NULL)
        g_variant_builder_add (&options, "{sv}", "note", g_variant_new_string (note));
      return call (ctx, path, machine, "EditSnapshot", id, g_variant_builder_end (&options));
    }
  if (disks_only)
    g_variant_builder_add (&options, "{sv}", "disks-only", g_variant_new_boolean (TRUE));
  if (discard)
    g_variant_builder_add (&options, "{sv}", "keep-present", g_variant_new_boolean (FALSE));
  if (start)
    g_variant_builder_add (&options, "{sv}", "start", g_variant_new_boolean (TRUE));
  return call (ctx, path, machine, "RestoreSnapshot", id, g_variant_builder_end (&options));
}
