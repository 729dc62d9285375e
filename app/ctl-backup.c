/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "app/ctl-output.h"

static CtlExit
report (CtlContext *ctx, const GError *error, const char *folder, const char *path, const char *machine)
{
  LodgeErrorContext context = { .machine = machine, .file = folder, .role = "backups" };

  if (path != NULL && g_error_matches (error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE))
    return ctl_report_machine_error (ctx, error, path, machine);
  return ctl_report_error (ctx, error, &context);
}

/* The folder as a list of descriptors for a call; NULL when it cannot be opened, which is reported. */
static GUnixFDList *
open_folder (CtlContext *ctx, const char *folder, CtlExit *code)
{
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr (GError) error = NULL;

  if (fd >= 0)
    return g_unix_fd_list_new_from_array (&fd, 1);
  g_set_error (&error, LODGE_ERROR,
               errno == EACCES    ? LODGE_ERROR_NOT_READABLE
               : errno == ENOTDIR ? LODGE_ERROR_INVALID_ARGUMENT
                                  : LODGE_ERROR_IO,
               "%s: %s", folder, g_strerror (errno));
  *code = report (ctx, error, folder, NULL, NULL);
  return NULL;
}

static char *
format_time (gint64 created)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_local (created);

  return date != NULL ? g_date_time_format (date, "%F %R") : g_strdup ("");
}

static const char *
consistency_text (const char *word)
{
  if (g_str_equal (word, "off"))
    return _("off");
  return g_str_equal (word, "frozen") ? _("held still") : _("as after a power cut");
}

CtlExit
ctl_verb_backup (CtlContext *ctx, int argc, char **argv)
{
  gboolean verify = FALSE;
  const GOptionEntry entries[] = {
    { "verify", 0, 0, G_OPTION_ARG_NONE, &verify, N_("Read all of it back and compare"), NULL },
    G_OPTION_ENTRY_NULL
  };
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) facts = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  const char *id;
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, entries, &argc, &argv, 2, 2, &code);
  fds = path != NULL ? open_folder (ctx, argv[2], &code) : NULL;
  if (fds == NULL)
    return code;

  if (verify)
    g_variant_builder_add (&options, "{sv}", "verify", g_variant_new_boolean (TRUE));
  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "Backup", g_variant_new ("(h@a{sv})", 0, g_variant_builder_end (&options)),
                    "(sa{sv})", fds, NULL, &error);
  if (reply == NULL)
    return report (ctx, error, argv[2], path, argv[1]);
  g_variant_get (reply, "(&s@a{sv})", &id, &facts);
  if (ctx->json)
    {
      g_autofree char *machine = ctl_machine_id (path);
      GVariantDict dict;

      g_variant_dict_init (&dict, facts);
      g_variant_dict_insert (&dict, "id", "s", machine);
      g_variant_dict_insert (&dict, "backup", "s", id);
      ctl_json_print (ctx->out, g_variant_dict_end (&dict));
    }
  else
    ctl_printf (ctx->out, "%s\n", id);
  return CTL_EXIT_OK;
}

/* ---- backups ---- */

/* When all of it was last read and compared, and what came of it. */
static char *
format_verified (GVariant *backup)
{
  gint64 verified = 0;
  gboolean damaged = FALSE;
  g_autofree char *time = NULL;

  if (!g_variant_lookup (backup, "verified", "x", &verified))
    return g_strdup (_("never"));
  g_variant_lookup (backup, "damaged", "b", &damaged);
  time = format_time (verified);
  return damaged ? g_strdup_printf (_("damaged (%s)"), time) : g_steal_pointer (&time);
}

static char **
make_row (GVariant *backup)
{
  const char *fault = ctl_string (backup, "fault"), *id = ctl_string (backup, "id");
  char *none = (char *) "";
  g_autofree char *when = NULL;
  g_autofree char *size = NULL;
  g_autofree char *stored = NULL;
  g_autofree char *verified = NULL;
  gint64 created = 0;

  if (*fault != '\0')
    return g_strdupv ((char *[]){ _("(cannot be used)"), none, none, none, (char *) fault, none, (char *) id, NULL });
  g_variant_lookup (backup, "created", "x", &created);
  when = format_time (created);
  size = ctl_size (backup, "size");
  stored = ctl_size (backup, "stored");
  verified = format_verified (backup);
  return g_strdupv ((char *[]){ (char *) ctl_string (backup, "name"), when, size, stored,
                                (char *) consistency_text (ctl_string (backup, "consistent")), verified, (char *) id, NULL });
}

static CtlExit
list (CtlContext *ctx, const char *folder, const char *machine)
{
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const char *heading[] = { _("NAME"), _("TAKEN"), _("SIZE"), _("STORED"), _("MACHINE WAS"), _("VERIFIED"), _("ID"), NULL };
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) backups = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  CtlExit code;

  if (machine != NULL)
    {
      g_autofree char *id = NULL;

      path = ctl_find (ctx, machine, &code);
      if (path == NULL)
        return code;
      id = ctl_machine_id (path);
      g_variant_builder_add (&options, "{sv}", "machine", g_variant_new_string (id));
    }
  fds = open_folder (ctx, folder, &code);
  if (fds == NULL)
    return code;
  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "ListBackups",
                    g_variant_new ("(h@a{sv})", 0, g_variant_builder_end (&options)), "(aa{sv})", fds, NULL, &error);
  if (reply == NULL)
    return report (ctx, error, folder, NULL, NULL);
  backups = g_variant_get_child_value (reply, 0);
  if (ctx->json)
    {
      ctl_json_print (ctx->out, backups);
      return CTL_EXIT_OK;
    }
  if (g_variant_n_children (backups) > 0)
    ctl_table_print_entries (ctx->out, heading, backups, make_row, 0);
  else
    ctl_put (ctx->err, _("There are no backups in this folder.\n"));
  return CTL_EXIT_OK;
}

static CtlExit
verify_or_delete (CtlContext *ctx, const char *folder, const char *id, gboolean verify)
{
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  CtlExit code;

  fds = open_folder (ctx, folder, &code);
  if (fds == NULL)
    return code;
  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, verify ? "VerifyBackup" : "DeleteBackup",
                    g_variant_new ("(hs@a{sv})", 0, id, ctl_no_options ()), verify ? "(a{sv})" : "()", fds, NULL, &error);
  if (reply == NULL)
    return report (ctx, error, folder, NULL, NULL);
  if (ctx->json)
    {
      g_autoptr (GVariant) facts = verify ? g_variant_get_child_value (reply, 0) : NULL;
      GVariantDict dict;

      g_variant_dict_init (&dict, facts);
      g_variant_dict_insert (&dict, "backup", "s", id);
      ctl_json_print (ctx->out, g_variant_dict_end (&dict));
    }
  else if (verify)
    ctl_put (ctx->out, _("The backup is whole.\n"));
  return CTL_EXIT_OK;
}

CtlExit
ctl_verb_backups (CtlContext *ctx, int argc, char **argv)
{
  g_autofree char *machine = NULL;
  const GOptionEntry entries[] = {
    { "machine", 0, 0, G_OPTION_ARG_STRING, &machine, N_("With list: those of this machine alone"), N_("NAME") },
    G_OPTION_ENTRY_NULL
  };
  const char *action;
  CtlExit code;

  if (!ctl_verb_parse (ctx, entries, &argc, &argv, 1, 3, &code))
    return code;
  action = argc > 2 ? argv[2] : "list";
  if (g_str_equal (action, "list") && argc <= 3)
    return list (ctx, argv[1], machine);
  if (argc != 4 || machine != NULL || !(g_str_equal (action, "verify") || g_str_equal (action, "delete")))
    return ctl_usage_error (ctx, argv[0], _("What is to be done is one of: list, verify BACKUP, delete BACKUP."));
  return verify_or_delete (ctx, argv[1], argv[3], g_str_equal (action, "verify"));
}

/* ---- restore ---- */

CtlExit
ctl_verb_restore (CtlContext *ctx, int argc, char **argv)
{
  g_autofree char *name = NULL, *in_place = NULL;
  gboolean start = FALSE, disposable = FALSE;
  const GOptionEntry entries[] = {
    { "name", 0, 0, G_OPTION_ARG_STRING, &name, N_("The restored machine’s name"), N_("NAME") },
    { "in-place", 0, 0, G_OPTION_ARG_STRING, &in_place, N_("Restore this machine, of which the backup is; its present is kept in a snapshot"), N_("MACHINE") },
    { "start", 0, 0, G_OPTION_ARG_NONE, &start, N_("Start it then"), NULL },
    { "disposable", 0, 0, G_OPTION_ARG_NONE, &disposable, N_("Run it as a disposable machine, to look into the backup"), NULL },
    G_OPTION_ENTRY_NULL
  };
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL, *id = NULL;
  const char *machine;
  CtlExit code;

  if (!ctl_verb_parse (ctx, entries, &argc, &argv, 2, 2, &code))
    return code;
  if (in_place != NULL && disposable)
    return ctl_usage_error (ctx, argv[0], _("A machine is restored --in-place or as a --disposable one."));
  if (in_place != NULL)
    {
      g_autofree char *target = NULL;

      path = ctl_find (ctx, in_place, &code);
      if (path == NULL)
        return code;
      target = ctl_machine_id (path);
      g_variant_builder_add (&options, "{sv}", "machine", g_variant_new_string (target));
    }
  fds = open_folder (ctx, argv[1], &code);
  if (fds == NULL)
    return code;
  if (name != NULL)
    g_variant_builder_add (&options, "{sv}", "name", g_variant_new_string (name));
  if (start)
    g_variant_builder_add (&options, "{sv}", "start", g_variant_new_boolean (TRUE));
  if (disposable)
    g_variant_builder_add (&options, "{sv}", "disposable", g_variant_new_boolean (TRUE));
  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "RestoreBackup",
                    g_variant_new ("(hs@a{sv})", 0, argv[2], g_variant_builder_end (&options)), "(o)", fds, NULL, &error);
  if (reply == NULL)
    return report (ctx, error, argv[1], path, in_place);
  g_variant_get (reply, "(&o)", &machine);
  id = ctl_machine_id (machine);
  if (ctx->json)
    ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>}", id));
  else
    ctl_printf (ctx->out, "%s\n", id);
  return CTL_EXIT_OK;
}
