/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <stdio.h>

#include "app/ctl-exit.h"
#include "core/ipc/lodge-error-text.h"
#include "core/ipc/lodge-names.h"

G_BEGIN_DECLS

#define CTL_MACHINE_INTERFACE LODGE_BUS_NAME ".Machine"

/**
 * CtlContext: one run of lodgectl.
 *
 * @bus is connected by the first call that needs it, so that what is refused before costs no bus;
 * tests put their own there.
 */
typedef struct
{
  GDBusConnection *bus;  /* (owned) (nullable) */
  FILE            *out;  /* what was asked for */
  FILE            *err;  /* sentences about failures */
  gboolean         json; /* --json was given */
} CtlContext;

void      ctl_context_clear     (CtlContext *ctx);

/**
 * ctl_parse:
 * @entries: (nullable): the verb's own options; --json is added
 * @min, @max: how many arguments have to remain (@max < 0: any number)
 *
 * Parses the options of a verb; what remains in @argv begins with the verb at 0.
 *
 * Returns: FALSE when the verb is done: *@exit_code says how (usage error, or --help)
 */
gboolean  ctl_parse             (CtlContext *ctx, const char *usage, const char *summary, const GOptionEntry *entries,
                                 int *argc, char ***argv, int min, int max, CtlExit *exit_code);

/** ctl_usage_error: says what is wrong with the command line of @verb. Returns: CTL_EXIT_USAGE */
CtlExit   ctl_usage_error       (CtlContext *ctx, const char *verb, const char *format, ...) G_GNUC_PRINTF (3, 4);

/**
 * ctl_call:
 * @parameters: (transfer floating) (nullable):
 * @reply_type: (nullable):
 * @fds: (nullable): descriptors that go along
 * @out_fds: (out) (optional) (transfer full): descriptors that came back
 *
 * Calls the core, starting it if need be, and runs the main context until the answer is there. Errors
 * are of the LODGE_ERROR domain.
 *
 * Returns: (transfer full): the reply, NULL on error
 */
GVariant *ctl_call              (CtlContext *ctx, const char *path, const char *interface, const char *method,
                                 GVariant *parameters, const char *reply_type,
                                 GUnixFDList *fds, GUnixFDList **out_fds, GError **error);

/** ctl_find: Returns: (transfer full): the object path of the machine that @text names, NULL on error, which is then reported in *@exit_code */
char     *ctl_find              (CtlContext *ctx, const char *text, CtlExit *exit_code);

/** ctl_machine_call: a method of a machine with nothing but options and without result. Returns: the exit code; failures are reported */
CtlExit   ctl_machine_call      (CtlContext *ctx, const char *path, const char *machine, const char *method, GVariant *options);

/** ctl_machine_get: Returns: (transfer full): all properties of the machine at @path, a{sv}; NULL on error */
GVariant *ctl_machine_get       (CtlContext *ctx, const char *path, GError **error);

/** ctl_machine_id: Returns: (transfer full): the id that an object path ends with */
char     *ctl_machine_id        (const char *path);

/**
 * ctl_report_error:
 * @context: (nullable):
 *
 * Tells the person on stderr and, with --json, the program on stdout.
 *
 * Returns: the exit code
 */
CtlExit   ctl_report_error      (CtlContext *ctx, const GError *error, const LodgeErrorContext *context);

/** ctl_report_sentence: the same with a sentence that is made already */
CtlExit   ctl_report_sentence   (CtlContext *ctx, const GError *error, const char *sentence);

/** ctl_report_machine_error: the same for a machine's method that failed; asks for the state where it matters, and of a broken machine says what is wrong */
CtlExit   ctl_report_machine_error (CtlContext *ctx, const GError *error, const char *path, const char *machine);

/** ctl_no_options: Returns: (transfer floating): an empty a{sv} */
GVariant *ctl_no_options        (void);

/** ctl_open_file: opens a file of the person's for reading, without ever waiting for a writer. Errors: NOT_FOUND, NOT_READABLE, IO */
int       ctl_open_file         (const char *path, GError **error);

G_END_DECLS
