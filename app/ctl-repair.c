/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-repair.h"

#include <glib/gi18n.h>

#include "app/ctl-output.h"
#include "app/ctl-verbs.h"

static const char *
get_string (GVariant *properties, const char *name)
{
  const char *value = "";

  g_variant_lookup (properties, name, "&s", &value);
  return value;
}

const char *
ctl_fault_code (GVariant *properties)
{
  g_autoptr (GVariant) fault = g_variant_lookup_value (properties, "Fault", G_VARIANT_TYPE_VARDICT);
  const char *code = "";
  gboolean previous = FALSE;

  if (fault == NULL)
    return code;
  g_variant_lookup (fault, "code", "&s", &code);
  g_variant_lookup (fault, "previous", "b", &previous);
  return g_str_equal (code, "broken") && !previous ? "broken-alone" : code;
}

CtlExit
ctl_report_fault (CtlContext *ctx, GVariant *properties, const char *path, const char *machine)
{
  static const struct
  {
    const char *fault;
    LodgeError code;
  } codes[] = {
    { "broken", LODGE_ERROR_BROKEN_PROFILE },
    { "broken-alone", LODGE_ERROR_BROKEN_PROFILE },
    { "newer-schema", LODGE_ERROR_NEWER_SCHEMA },
    { "unreadable", LODGE_ERROR_NOT_READABLE },
  };
  g_autoptr (GVariant) fault = g_variant_lookup_value (properties, "Fault", G_VARIANT_TYPE_VARDICT);
  const char *what = ctl_fault_code (properties);
  g_autofree char *sentence = lodge_fault_text (what, machine);
  g_autoptr (GError) error = NULL;
  LodgeError code = LODGE_ERROR_WRONG_STATE;
  CtlExit exit_code;

  for (gsize i = 0; i < G_N_ELEMENTS (codes); i++)
    if (g_str_equal (codes[i].fault, what))
      code = codes[i].code;
  error = g_error_new_literal (LODGE_ERROR, code, fault != NULL ? get_string (fault, "message") : "");
  exit_code = ctl_report_sentence (ctx, error, sentence);

  if (g_str_equal (what, "broken"))
    {
      g_autofree char *quoted = g_shell_quote (machine);
      g_autofree char *safe = ctl_escape (quoted, FALSE);

      ctl_printf (ctx->err, _("Restore: lodgectl repair %s\n"), safe);
    }
  else if (g_str_equal (what, "duplicate-id"))
    {
      /* Its name is most probably that of the other one, too. */
      g_autofree char *id = ctl_machine_id (path);

      ctl_printf (ctx->err, _("Make separate: lodgectl repair --separate %s\n"), id);
    }
  return exit_code;
}

/* A machine whose folder is mended may go by another id. Returns: (transfer full) (nullable): its properties */
static GVariant *
find_by_folder (CtlContext *ctx, const char *folder, GError **error)
{
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariantIter) objects = NULL;
  GVariant *machine;

  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "ListMachines",
                    g_variant_new_parsed ("({'properties': <['Id', 'Name', 'Folder', 'State']>},)"), "(a{oa{sv}})",
                    NULL, NULL, error);
  if (reply == NULL)
    return NULL;
  g_variant_get (reply, "(a{oa{sv}})", &objects);
  while (g_variant_iter_next (objects, "{o@a{sv}}", NULL, &machine))
    {
      g_autoptr (GVariant) properties = machine;

      if (g_str_equal (get_string (properties, "Folder"), folder))
        return g_steal_pointer (&properties);
    }
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "there is no machine in %s any more", folder);
  return NULL;
}

static CtlExit
print_repaired (CtlContext *ctx, const char *folder, const char *machine, gboolean separate)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) properties = find_by_folder (ctx, folder, &error);

  if (properties == NULL)
    return ctl_report_error (ctx, error, &(LodgeErrorContext){ .machine = machine, .lookup = TRUE });
  if (ctx->json)
    ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>, 'name': <%s>, 'state': <%s>}",
                                                    get_string (properties, "Id"), get_string (properties, "Name"),
                                                    get_string (properties, "State")));
  else if (separate)
    ctl_printf (ctx->out, "%s\n", get_string (properties, "Id"));
  return CTL_EXIT_OK;
}

static CtlExit
refuse (CtlContext *ctx, const char *sentence, const char *machine)
{
  g_autofree char *said = g_strdup_printf (sentence, machine);
  g_autoptr (GError) error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "");

  return ctl_report_sentence (ctx, error, said);
}

CtlExit
ctl_verb_repair (CtlContext *ctx, int argc, char **argv)
{
  gboolean separate = FALSE;
  const GOptionEntry entries[] = {
    { "separate", 0, 0, G_OPTION_ARG_NONE, &separate, N_("Give the copy of a machine an id of its own"), NULL },
    G_OPTION_ENTRY_NULL
  };
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  const char *fault;
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, entries, &argc, &argv, 1, 1, &code);
  if (path == NULL)
    return code;
  properties = ctl_machine_get (ctx, path, &error);
  if (properties == NULL)
    return ctl_report_error (ctx, error, &(LodgeErrorContext){ .machine = argv[1], .lookup = TRUE });

  fault = ctl_fault_code (properties);
  if (*fault == '\0')
    return refuse (ctx, _("“%s” needs no repair: its description can be used."), argv[1]);
  if (separate && !g_str_equal (fault, "duplicate-id"))
    return refuse (ctx, _("“%s” is no copy of another machine: it cannot be made a separate one."), argv[1]);
  /* What is to become of a copy is for the person to say: it may be the one that should go. */
  if (!separate && !g_str_equal (fault, "broken"))
    return ctl_report_fault (ctx, properties, path, argv[1]);

  code = ctl_machine_call (ctx, path, argv[1], separate ? "MakeSeparate" : "RestorePrevious", ctl_no_options ());
  return code != CTL_EXIT_OK ? code : print_repaired (ctx, get_string (properties, "Folder"), argv[1], separate);
}
