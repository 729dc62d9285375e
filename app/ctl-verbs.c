/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-verbs.h"

#include <glib/gi18n.h>
#include <string.h>

#include "app/ctl-output.h"

static const CtlVerb verbs[] = {
  { "list", "", N_("List the machines and their states"), ctl_verb_list },
  { "show", "NAME", N_("Show all about a machine"), ctl_verb_show },
  { "create", "NAME OPTION…", N_("Make a machine and print its id"), ctl_verb_create },
  { "set", "NAME KEY=VALUE…", N_("Change settings of a machine"), ctl_verb_set },
  { "disk", "NAME list|add|detach|grow|compact|convert [ID] [VALUE]", N_("Show and change the disks of a machine"), ctl_verb_disk },
  { "identify", "FILE", N_("Say which system an image holds"), ctl_verb_identify },
  { "start", "NAME", N_("Start a machine"), ctl_verb_start },
  { "stop", "NAME", N_("Shut a machine down, or force it off"), ctl_verb_stop },
  { "pause", "NAME", N_("Pause a running machine"), ctl_verb_pause },
  { "resume", "NAME", N_("Let a paused machine go on"), ctl_verb_resume },
  { "reset", "NAME", N_("Reset a machine, as the button on a PC does"), ctl_verb_reset },
  { "save", "NAME", N_("Save a machine’s memory and switch it off; start lets it go on"), ctl_verb_save },
  { "snapshot", "NAME create|list|restore|delete|rename …", N_("Keep a machine as it is now, and go back to that"), ctl_verb_snapshot },
  { "log", "NAME", N_("Print the end of a machine’s log"), ctl_verb_log },
  { "serial", "NAME", N_("Connect to the serial line; Ctrl+] leaves"), ctl_verb_serial },
  { "screenshot", "NAME FILE.png", N_("Save the screen as a picture"), ctl_verb_screenshot },
  { "type", "NAME TEXT", N_("Type a text on the machine’s keyboard"), ctl_verb_type },
  { "send-keys", "NAME CHORD…", N_("Press keys together, such as ctrl-alt-delete"), ctl_verb_send_keys },
  { "template", "NAME", N_("Make a machine a template, or a machine again"), ctl_verb_template },
  { "clone", "NAME NEW", N_("Make another machine like this one, or several"), ctl_verb_clone },
  { "disposable", "NAME", N_("Run a throw-away clone of a machine"), ctl_verb_disposable },
  { "keep", "NAME NEW", N_("Keep a disposable machine, by a new name"), ctl_verb_keep },
  { "dependants", "NAME", N_("Show which machines are built on a machine’s disks"), ctl_verb_dependants },
  { "flatten", "NAME", N_("Make a linked clone depend on no other machine"), ctl_verb_flatten },
  { "execute", "NAME [--] COMMAND…", N_("Run a command in a running guest"), ctl_verb_execute },
  { "run", "NAME [--] COMMAND…", N_("Run a command in a throw-away clone of a machine"), ctl_verb_run },
  { "backup", "NAME FOLDER", N_("Back a machine up into a folder"), ctl_verb_backup },
  { "backups", "FOLDER [list|verify|delete] [BACKUP]", N_("Show, check and delete the backups in a folder"), ctl_verb_backups },
  { "restore", "FOLDER BACKUP", N_("Make a machine of a backup"), ctl_verb_restore },
  { "delete", "NAME", N_("Move a machine to the trash"), ctl_verb_delete },
  { "undelete", "NAME", N_("Bring a machine back from the trash"), ctl_verb_undelete },
  { "trash", "list|empty [ID…]", N_("Show the trash, or delete for good what is in it"), ctl_verb_trash },
  { "repair", "NAME", N_("Mend the description of a machine that cannot be used"), ctl_verb_repair },
  { "doctor", "", N_("Examine this computer and say what is missing"), ctl_verb_doctor },
  { "report", "[FILE]", N_("Write a bundle for a bug report, without personal data"), ctl_verb_report },
  { NULL, NULL, NULL, NULL },
};

const CtlVerb *
ctl_verbs (void)
{
  return verbs;
}

static const CtlVerb *
find_verb (const char *name)
{
  for (const CtlVerb *verb = verbs; verb->name != NULL; verb++)
    if (g_str_equal (verb->name, name))
      return verb;
  return NULL;
}

gboolean
ctl_verb_parse (CtlContext *ctx, const GOptionEntry *entries, int *argc, char ***argv,
                int min, int max, CtlExit *exit_code)
{
  const CtlVerb *verb = find_verb ((*argv)[0]);

  return ctl_parse (ctx, verb->usage, _(verb->summary), entries, argc, argv, min, max, exit_code);
}

char *
ctl_verb_parse_machine (CtlContext *ctx, const GOptionEntry *entries, int *argc, char ***argv,
                        int min, int max, CtlExit *exit_code)
{
  if (!ctl_verb_parse (ctx, entries, argc, argv, min, max, exit_code))
    return NULL;
  return ctl_find (ctx, (*argv)[1], exit_code);
}

static CtlExit
print_help (CtlContext *ctx)
{
  ctl_put (ctx->out, _("Usage: lodgectl VERB [ARGUMENT…] [--json]\n\n"
                       "Makes and runs virtual machines. NAME is a machine’s name, its id, or the\n"
                       "beginning of its id (4 characters or more).\n\n"));
  for (const CtlVerb *verb = verbs; verb->name != NULL; verb++)
    ctl_printf (ctx->out, "  %-11s %s\n", verb->name, _(verb->summary));
  ctl_put (ctx->out, _("\n“lodgectl VERB --help” tells more; lodgectl(1) all, with the exit codes.\n"));
  return CTL_EXIT_OK;
}

CtlExit
ctl_run (CtlContext *ctx, int argc, char **argv)
{
  const CtlVerb *verb;
  int first = 1;

  /* --json may also stand before the verb, where a script that always wants it puts it. It holds for what is wrong with
   * the words, too, wherever it stands among them; what comes after "--" is somebody else's. */
  for (int i = 1; i < argc && !g_str_equal (argv[i], "--"); i++)
    if (g_str_equal (argv[i], "--json"))
      ctx->json = TRUE;
  if (argc > 1 && g_str_equal (argv[1], "--json"))
    first = 2;

  if (argc <= first)
    return ctl_usage_error (ctx, NULL, _("Say what to do."));

  if (g_str_equal (argv[first], "--version"))
    {
      if (ctx->json)
        ctl_json_print (ctx->out, g_variant_new_parsed ("{'version': <%s>}", LODGE_VERSION));
      else
        ctl_printf (ctx->out, "lodgectl %s\n", LODGE_VERSION);
      return CTL_EXIT_OK;
    }
  if (g_str_equal (argv[first], "--help") || g_str_equal (argv[first], "-h"))
    return print_help (ctx);
  if (g_str_equal (argv[first], "help"))
    {
      if (argc <= first + 1)
        return print_help (ctx);
      verb = find_verb (argv[first + 1]);
      if (verb != NULL)
        {
          char *help_argv[] = { argv[first + 1], (char *) "--help", NULL };

          return verb->run (ctx, 2, help_argv);
        }
      first++;
    }

  verb = find_verb (argv[first]);
  if (verb == NULL)
    {
      if (!g_utf8_validate (argv[first], -1, NULL))
        return ctl_usage_error (ctx, NULL, _("This verb is not known."));
      return ctl_usage_error (ctx, NULL, _("There is no verb “%s”."), argv[first]);
    }
  return verb->run (ctx, argc - first, argv + first);
}
