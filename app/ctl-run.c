/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * execute runs a command in a guest that is there, run in a throw-away clone of a machine. Both pass on what the command writes,
 * byte for byte, and end with its exit status: 128 and the number for a signal, 124 when its time was over, and 125 for every
 * failure of Lodge itself, which is then told on stderr.
 *
 * The clone of run is bound to this process: when it goes, be it by Ctrl+C, the core ends the clone and deletes it.
 */

#include "config.h"

#include "app/ctl-verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/ctl-output.h"

#define STATUS_TIMEOUT 124
#define STATUS_FAILED 125
#define STATUS_SIGNAL 128
#define START_SECONDS 300
#define INPUT_MAX (512 * 1024)
/* Where the guest has the folder of --share. */
#define SHARE_FOLDER "/mnt/lodge"
#define COLLECT_MAX (16 * 1024 * 1024)

typedef struct
{
  char **environment;
  char *folder;
  int timeout;
  gboolean input;
} Options;

/* What a command wrote, where it is printed as JSON. */
typedef struct
{
  GByteArray *streams[2];
} Collected;

static gboolean
write_all (FILE *out, const char *bytes, gsize length)
{
  return fwrite (bytes, 1, length, out) == length && fflush (out) == 0;
}

static void
take (CtlContext *ctx, Collected *collected, guint stream, const char *bytes, gsize length)
{
  GByteArray *array = collected->streams[stream];

  if (!ctx->json)
    write_all (stream == 0 ? ctx->out : ctx->err, bytes, length);
  else if (array->len < COLLECT_MAX)
    g_byte_array_append (array, (const guint8 *) bytes, MIN (length, COLLECT_MAX - array->len));
}

/* JSON has no other text than UTF-8. */
static char *
as_text (const GByteArray *bytes)
{
  return bytes->len > 0 ? g_utf8_make_valid ((const char *) bytes->data, bytes->len) : g_strdup ("");
}

/* Reads the three pipes to their ends. Returns: (transfer full): the status line */
static char *
follow (CtlContext *ctx, Collected *collected, const int *fds)
{
  g_autoptr (GString) status = g_string_new (NULL);
  struct pollfd polls[3];
  guint open = 3;

  for (guint i = 0; i < 3; i++)
    polls[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
  while (open > 0)
    {
      if (poll (polls, 3, -1) < 0 && errno != EINTR)
        break;
      for (guint i = 0; i < 3; i++)
        {
          char bytes[65536];
          gssize n;

          if (polls[i].fd < 0 || polls[i].revents == 0)
            continue;
          n = read (polls[i].fd, bytes, sizeof bytes);
          if (n > 0 && i < 2)
            take (ctx, collected, i, bytes, (gsize) n);
          else if (n > 0 && status->len < sizeof bytes)
            g_string_append_len (status, bytes, n);
          else if (n == 0 || errno != EINTR)
            {
              polls[i].fd = -1;
              open--;
            }
        }
    }
  return g_strchomp (g_string_free (g_steal_pointer (&status), FALSE));
}

static int
judge (CtlContext *ctx, const char *status)
{
  g_autofree char *safe = NULL;

  if (g_str_has_prefix (status, "exit "))
    return atoi (status + strlen ("exit "));
  if (g_str_has_prefix (status, "signal "))
    return STATUS_SIGNAL + atoi (status + strlen ("signal "));
  if (g_str_equal (status, "timeout"))
    {
      ctl_put (ctx->err, _("lodgectl: The command was ended, because its time was over.\n"));
      return STATUS_TIMEOUT;
    }
  safe = ctl_escape (g_str_has_prefix (status, "lost ") ? status + strlen ("lost ") : status, FALSE);
  ctl_printf (ctx->err, _("lodgectl: The guest ended before the command did. Details: %s\n"), safe);
  return STATUS_FAILED;
}

static GVariant *
read_input (GError **error)
{
  g_autoptr (GByteArray) input = g_byte_array_new ();
  guint8 bytes[65536];
  gssize n;

  while ((n = read (STDIN_FILENO, bytes, sizeof bytes)) > 0 && input->len <= INPUT_MAX)
    g_byte_array_append (input, bytes, (guint) n);
  if (n < 0 || input->len > INPUT_MAX)
    {
      g_set_error (error, LODGE_ERROR, n < 0 ? LODGE_ERROR_IO : LODGE_ERROR_OUT_OF_RANGE, "standard input: %s",
                   n < 0 ? g_strerror (errno) : "more than 512 KiB");
      return NULL;
    }
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, input->data, input->len, 1);
}

/* The command has begun all the same. */
static void
warn_of_identity (CtlContext *ctx, const char *path, const char *machine)
{
  g_autoptr (GVariant) properties = ctl_machine_get (ctx, path, NULL);
  g_autoptr (GVariant) effective = properties != NULL ? g_variant_lookup_value (properties, "Effective", G_VARIANT_TYPE_VARDICT) : NULL;
  const char *identity = NULL;
  g_autofree char *sentence = NULL;
  g_autofree char *safe = NULL;

  if (effective != NULL)
    g_variant_lookup (effective, "identity", "&s", &identity);
  sentence = lodge_identity_text (identity, machine);
  safe = sentence != NULL ? ctl_escape (sentence, FALSE) : NULL;
  if (safe != NULL)
    ctl_printf (ctx->err, "lodgectl: %s\n", safe);
}

/* Runs @argv in the guest at @path. Returns: the exit status of this program */
static int
execute (CtlContext *ctx, const char *path, const char *machine, char **argv, const Options *given, guint wait)
{
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *status = NULL;
  g_autofree int *pipes = NULL;
  Collected collected = { { NULL, NULL } };
  int result, n = 0;

  if (given->input)
    {
      GVariant *input = read_input (&error);

      if (input == NULL)
        {
          ctl_report_error (ctx, error, NULL);
          return STATUS_FAILED;
        }
      g_variant_builder_add (&options, "{sv}", "input", input);
    }
  if (given->environment != NULL)
    g_variant_builder_add (&options, "{sv}", "environment", g_variant_new_strv ((const char *const *) given->environment, -1));
  if (given->folder != NULL)
    g_variant_builder_add (&options, "{sv}", "folder", g_variant_new_string (given->folder));
  if (given->timeout > 0)
    g_variant_builder_add (&options, "{sv}", "timeout", g_variant_new_uint32 ((guint32) given->timeout));
  g_variant_builder_add (&options, "{sv}", "wait", g_variant_new_uint32 (wait));

  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "Execute",
                    g_variant_new ("(^as@a{sv})", argv, g_variant_builder_end (&options)), "(hhh)", NULL, &fds, &error);
  if (reply != NULL && fds != NULL)
    pipes = g_unix_fd_list_steal_fds (fds, &n);
  if (n != 3)
    {
      if (error == NULL)
        g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_FAILED, "the answer lacks the pipes");
      ctl_report_machine_error (ctx, error, path, machine);
      return STATUS_FAILED;
    }

  warn_of_identity (ctx, path, machine);
  for (guint i = 0; i < G_N_ELEMENTS (collected.streams); i++)
    collected.streams[i] = g_byte_array_new ();
  status = follow (ctx, &collected, pipes);
  result = judge (ctx, status);
  if (ctx->json)
    {
      g_autofree char *output = as_text (collected.streams[0]);
      g_autofree char *errors = as_text (collected.streams[1]);

      ctl_json_print (ctx->out, g_variant_new_parsed ("{'status': <%i>, 'output': <%s>, 'errors': <%s>}", result, output, errors));
    }
  for (guint i = 0; i < G_N_ELEMENTS (collected.streams); i++)
    g_byte_array_unref (collected.streams[i]);
  for (int i = 0; i < n; i++)
    close (pipes[i]);
  return result;
}

static void
options_clear (Options *options)
{
  g_strfreev (options->environment);
  g_free (options->folder);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* GOption leaves the arguments that remain without an end. */
static char **
command_of (int argc, char **argv)
{
  char **command = g_new0 (char *, argc - 1);

  for (int i = 2; i < argc; i++)
    command[i - 2] = argv[i];
  return command;
}

CtlExit
ctl_verb_execute (CtlContext *ctx, int argc, char **argv)
{
  g_auto (Options) options = { NULL };
  const GOptionEntry entries[] = {
    { "env", 'e', 0, G_OPTION_ARG_STRING_ARRAY, &options.environment, N_("Set a variable for the command"), N_("NAME=VALUE") },
    { "folder", 0, 0, G_OPTION_ARG_STRING, &options.folder, N_("Run it in this folder of the guest"), N_("FOLDER") },
    { "stdin", 'i', 0, G_OPTION_ARG_NONE, &options.input, N_("Give it the standard input, at most 512 KiB"), NULL },
    { "timeout", 't', 0, G_OPTION_ARG_INT, &options.timeout, N_("End it after this time"), N_("SECONDS") },
    G_OPTION_ENTRY_NULL
  };
  g_autofree char **command = NULL;
  g_autofree char *path = NULL;
  CtlExit code;
  int result;

  if (!ctl_verb_parse (ctx, entries, &argc, &argv, 2, -1, &code))
    return code;
  if (options.timeout < 0)
    return ctl_usage_error (ctx, argv[0], _("--timeout cannot be negative."));
  command = command_of (argc, argv);
  path = ctl_find (ctx, argv[1], &code);
  result = path != NULL ? execute (ctx, path, argv[1], command, &options, 5) : STATUS_FAILED;
  return (CtlExit) result;
}

/* @share: (nullable) path of a folder. Returns: (transfer full) (nullable): a reply with the clone's path */
static GVariant *
open_clone (CtlContext *ctx, const char *template, const char *name, const char *share, gboolean writable)
{
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *reply;

  g_variant_builder_add (&options, "{sv}", "bound", g_variant_new_boolean (TRUE));
  if (share != NULL)
    {
      LodgeErrorContext context = { .file = share };
      int fd = open (share, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

      if (fd < 0)
        {
          g_set_error (&error, LODGE_ERROR, errno == ENOENT || errno == ENOTDIR ? LODGE_ERROR_NOT_FOUND : LODGE_ERROR_NOT_READABLE, "%s: %s", share,
                       g_strerror (errno));
          ctl_report_error (ctx, error, &context);
          return NULL;
        }
      fds = g_unix_fd_list_new_from_array (&fd, 1);
      g_variant_builder_add (&options, "{sv}", "share", g_variant_new_handle (0));
      g_variant_builder_add (&options, "{sv}", "share-writable", g_variant_new_boolean (writable));
    }
  reply = ctl_call (ctx, template, CTL_MACHINE_INTERFACE, "OpenDisposable", g_variant_new ("(@a{sv})", g_variant_builder_end (&options)),
                    "(o)", fds, NULL, &error);
  if (reply == NULL)
    ctl_report_machine_error (ctx, error, template, name);
  return reply;
}

CtlExit
ctl_verb_run (CtlContext *ctx, int argc, char **argv)
{
  g_auto (Options) options = { NULL };
  gboolean keep = FALSE, writable = FALSE;
  g_autofree char *share = NULL;
  const GOptionEntry entries[] = {
    { "env", 'e', 0, G_OPTION_ARG_STRING_ARRAY, &options.environment, N_("Set a variable for the command"), N_("NAME=VALUE") },
    { "folder", 0, 0, G_OPTION_ARG_STRING, &options.folder, N_("Run it in this folder of the guest"), N_("FOLDER") },
    { "stdin", 'i', 0, G_OPTION_ARG_NONE, &options.input, N_("Give it the standard input, at most 512 KiB"), NULL },
    { "timeout", 't', 0, G_OPTION_ARG_INT, &options.timeout, N_("End it after this time"), N_("SECONDS") },
    { "share", 0, 0, G_OPTION_ARG_FILENAME, &share, N_("Give the clone this folder of the host, in which the command then runs"), N_("DIR") },
    { "writable", 0, 0, G_OPTION_ARG_NONE, &writable, N_("Let it write to that folder"), NULL },
    { "keep-on-failure", 0, 0, G_OPTION_ARG_NONE, &keep, N_("Keep the clone, running, when the command fails"), NULL },
    G_OPTION_ENTRY_NULL
  };
  g_autofree char **command = NULL;
  g_autofree char *template = NULL;
  g_autoptr (GVariant) reply = NULL;
  const char *path;
  CtlExit code;
  int result;

  if (!ctl_verb_parse (ctx, entries, &argc, &argv, 2, -1, &code))
    return code;
  if (options.timeout < 0)
    return ctl_usage_error (ctx, argv[0], _("--timeout cannot be negative."));
  if (writable && share == NULL)
    return ctl_usage_error (ctx, argv[0], _("--writable says what may be done with the folder of --share."));
  command = command_of (argc, argv);
  template = ctl_find (ctx, argv[1], &code);
  reply = template != NULL ? open_clone (ctx, template, argv[1], share, writable) : NULL;
  if (reply == NULL)
    return (CtlExit) STATUS_FAILED;

  if (share != NULL && options.folder == NULL)
    options.folder = g_strdup (SHARE_FOLDER);
  g_variant_get (reply, "(&o)", &path);
  result = execute (ctx, path, argv[1], command, &options, START_SECONDS);
  if (result != 0 && keep)
    {
      g_autofree char *id = ctl_machine_id (path);
      g_autofree char *name = g_strdup_printf ("%.100s (%.8s)", argv[1], id);
      g_autoptr (GVariant) kept = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "Keep",
                                            g_variant_new ("(s@a{sv})", name, ctl_no_options ()), "()", NULL, NULL, NULL);

      if (kept != NULL)
        ctl_printf (ctx->err, _("lodgectl: The clone was kept: %s\n"), id);
    }
  else
    {
      /* Bound as it is, it would go with us; this way it is gone when we are. */
      g_autoptr (GVariant) off G_GNUC_UNUSED = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "ForceOff",
                                           g_variant_new ("(@a{sv})", ctl_no_options ()), "()", NULL, NULL, NULL);
    }
  return (CtlExit) result;
}
