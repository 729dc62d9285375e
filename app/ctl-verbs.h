/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "app/ctl-context.h"

G_BEGIN_DECLS

/** CtlVerb: one command of lodgectl. @run gets the verb itself as argv[0] and reports its own failures. */
typedef struct
{
  const char *name;
  const char *usage;   /* what follows the name */
  const char *summary; /* for lists: a few words, translatable */
  CtlExit   (*run) (CtlContext *ctx, int argc, char **argv);
} CtlVerb;

/** ctl_verbs: the table, ended by a verb without a name */
const CtlVerb *ctl_verbs          (void);

/** ctl_run: runs one command line (argv[0] is the program). Returns: the exit code */
CtlExit        ctl_run            (CtlContext *ctx, int argc, char **argv);

/** ctl_verb_parse: ctl_parse() with the usage and summary of the verb argv[0] */
gboolean       ctl_verb_parse     (CtlContext *ctx, const GOptionEntry *entries, int *argc, char ***argv,
                                   int min, int max, CtlExit *exit_code);

/** ctl_verb_parse_machine: ctl_verb_parse() of a verb whose first argument names a machine.
 *  Returns: (transfer full) (nullable): its object path, as of ctl_find(); NULL with @exit_code when the verb is at its end */
char          *ctl_verb_parse_machine (CtlContext *ctx, const GOptionEntry *entries, int *argc, char ***argv,
                                       int min, int max, CtlExit *exit_code);

CtlExit        ctl_verb_list      (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_show      (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_log       (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_create    (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_set       (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_identify  (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_disk      (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_start     (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_stop      (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_pause     (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_resume    (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_reset     (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_snapshot  (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_save      (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_serial    (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_screenshot (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_type      (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_send_keys (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_template  (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_clone     (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_disposable (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_keep      (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_dependants (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_flatten   (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_execute   (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_run       (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_backup    (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_backups   (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_restore   (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_delete    (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_undelete  (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_trash     (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_doctor    (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_repair    (CtlContext *ctx, int argc, char **argv);
CtlExit        ctl_verb_report    (CtlContext *ctx, int argc, char **argv);

G_END_DECLS
