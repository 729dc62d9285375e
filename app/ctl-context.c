/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-context.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>

#include "app/ctl-output.h"
#include "app/ctl-repair.h"
#include "core/ipc/lodge-paths.h"

void
ctl_context_clear (CtlContext *ctx)
{
  g_clear_object (&ctx->bus);
}

/* ---- Command lines ---- */

CtlExit
ctl_usage_error (CtlContext *ctx, const char *verb, const char *format, ...)
{
  g_autofree char *message = NULL;
  g_autofree char *safe = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  safe = ctl_escape (message, FALSE);

  ctl_printf (ctx->err, "lodgectl: %s\n", safe);
  if (verb != NULL)
    ctl_printf (ctx->err, _("See “lodgectl %s --help”.\n"), verb);
  else
    ctl_put (ctx->err, _("See “lodgectl --help”.\n"));

  if (ctx->json)
    ctl_json_print (ctx->out,
                    g_variant_new_parsed ("{'error': <{'code': <'usage'>, 'message': <%s>, 'details': <''>}>}",
                                          safe));
  return CTL_EXIT_USAGE;
}

gboolean
ctl_parse (CtlContext *ctx, const char *usage, const char *summary, const GOptionEntry *entries,
           int *argc, char ***argv, int min, int max, CtlExit *exit_code)
{
  gboolean help = FALSE;
  const GOptionEntry common[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &ctx->json, N_("Print JSON"), NULL },
    { "help", 'h', 0, G_OPTION_ARG_NONE, &help, N_("Show this help"), NULL },
    G_OPTION_ENTRY_NULL
  };
  g_autoptr (GOptionContext) options = g_option_context_new (usage);
  g_autoptr (GError) error = NULL;
  const char *verb = (*argv)[0];
  int given;

  g_option_context_set_help_enabled (options, FALSE);
  g_option_context_set_summary (options, summary);
  if (entries != NULL)
    g_option_context_add_main_entries (options, entries, GETTEXT_PACKAGE);
  g_option_context_add_main_entries (options, common, GETTEXT_PACKAGE);

  if (!g_option_context_parse (options, argc, argv, &error))
    {
      *exit_code = ctl_usage_error (ctx, verb, "%s", error->message);
      return FALSE;
    }

  if (help)
    {
      g_autofree char *program = g_strdup_printf ("lodgectl %s", verb);
      g_autofree char *text = NULL;

      g_set_prgname (program);
      text = g_option_context_get_help (options, TRUE, NULL);
      ctl_put (ctx->out, text);
      *exit_code = CTL_EXIT_OK;
      return FALSE;
    }

  /* GOption keeps the "--" that ended the options when what follows begins with a dash. */
  for (int i = 1; i < *argc; i++)
    if (g_str_equal ((*argv)[i], "--"))
      {
        memmove (*argv + i, *argv + i + 1, sizeof (char *) * (*argc - i));
        (*argc)--;
        break;
      }

  given = *argc - 1;
  for (int i = 1; i <= given; i++)
    if (!g_utf8_validate ((*argv)[i], -1, NULL))
      {
        *exit_code = ctl_usage_error (ctx, verb, _("An argument is not valid UTF-8: %s"), (*argv)[i]);
        return FALSE;
      }
  if (given < min || (max >= 0 && given > max))
    {
      if (given < min)
        *exit_code = ctl_usage_error (ctx, verb, _("Something is missing: lodgectl %s %s"), verb, usage);
      else
        *exit_code = ctl_usage_error (ctx, verb, _("Unexpected argument “%s”"), (*argv)[max + 1]);
      return FALSE;
    }

  return TRUE;
}

/* ---- Calls ---- */

typedef struct
{
  GAsyncResult *result; /* (owned) (nullable) */
} Answer;

static void
answer_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Answer *answer = user_data;

  answer->result = g_object_ref (result);
}

static GAsyncResult *
wait_for (Answer *answer)
{
  while (answer->result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return answer->result;
}

static gboolean
connect_bus (CtlContext *ctx, GError **error)
{
  Answer answer = { NULL };
  g_autoptr (GError) local = NULL;

  if (ctx->bus != NULL)
    return TRUE;

  g_bus_get (G_BUS_TYPE_SESSION, NULL, answer_cb, &answer);
  ctx->bus = g_bus_get_finish (wait_for (&answer), &local);
  g_object_unref (answer.result);
  if (ctx->bus == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_CORE_GONE, "no session bus: %s", local->message);
      return FALSE;
    }
  g_dbus_connection_set_exit_on_close (ctx->bus, FALSE);
  return TRUE;
}

GVariant *
ctl_call (CtlContext *ctx, const char *path, const char *interface, const char *method,
          GVariant *parameters, const char *reply_type,
          GUnixFDList *fds, GUnixFDList **out_fds, GError **error)
{
  Answer answer = { NULL };
  GError *local = NULL;
  GVariant *reply;

  if (!connect_bus (ctx, error))
    {
      if (parameters != NULL)
        g_variant_unref (g_variant_ref_sink (parameters));
      return NULL;
    }

  /* No time limit: creating can copy gigabytes, and a core that dies is reported by the bus at once. */
  g_dbus_connection_call_with_unix_fd_list (ctx->bus, LODGE_BUS_NAME, path, interface, method,
                                            parameters,
                                            reply_type != NULL ? G_VARIANT_TYPE (reply_type) : NULL,
                                            G_DBUS_CALL_FLAGS_NONE, G_MAXINT, fds, NULL,
                                            answer_cb, &answer);
  reply = g_dbus_connection_call_with_unix_fd_list_finish (ctx->bus, out_fds, wait_for (&answer),
                                                           &local);
  g_object_unref (answer.result);
  if (reply == NULL)
    {
      lodge_error_normalize (local);
      g_propagate_error (error, local);
    }
  return reply;
}

GVariant *
ctl_no_options (void)
{
  return g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0);
}

char *
ctl_find (CtlContext *ctx, const char *text, CtlExit *exit_code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  char *path = NULL;

  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "FindMachine",
                    g_variant_new ("(s@a{sv})", text, ctl_no_options ()), "(o)", NULL, NULL, &error);
  if (reply == NULL)
    {
      *exit_code = ctl_report_error (ctx, error,
                                     &(LodgeErrorContext){ .machine = text, .lookup = TRUE });
      return NULL;
    }
  g_variant_get (reply, "(o)", &path);
  return path;
}

CtlExit
ctl_machine_call (CtlContext *ctx, const char *path, const char *machine, const char *method,
                  GVariant *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;

  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, method, g_variant_new ("(@a{sv})", options),
                    "()", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_machine_error (ctx, error, path, machine);
  return CTL_EXIT_OK;
}

GVariant *
ctl_machine_get (CtlContext *ctx, const char *path, GError **error)
{
  g_autoptr (GVariant) reply = NULL;

  reply = ctl_call (ctx, path, "org.freedesktop.DBus.Properties", "GetAll",
                    g_variant_new ("(s)", CTL_MACHINE_INTERFACE), "(a{sv})", NULL, NULL, error);
  return reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
}

char *
ctl_machine_id (const char *path)
{
  const char *last = strrchr (path, '/');

  return g_strdelimit (g_strdup (last != NULL ? last + 1 : path), "_", '-');
}

/* ---- Failures ---- */

CtlExit
ctl_report_error (CtlContext *ctx, const GError *error, const LodgeErrorContext *context)
{
  g_autofree char *sentence = lodge_error_text (error, context);
  g_autofree char *cause = NULL;

  /* A core that could not be started cannot say why; this much can be seen from here. */
  if (ctl_exit_from_error (error) == CTL_EXIT_NO_CORE)
    {
      g_autoptr (LodgePaths) paths = lodge_paths_new ();

      cause = lodge_data_folder_text (paths->data_dir);
    }
  return ctl_report_sentence (ctx, error, cause != NULL ? cause : sentence);
}

CtlExit
ctl_report_sentence (CtlContext *ctx, const GError *error, const char *sentence)
{
  g_autofree char *safe = ctl_escape (sentence, FALSE);
  g_autofree char *details = ctl_escape (error->message, TRUE);
  /* File names need not be UTF-8, JSON must. */
  g_autofree char *json_sentence = g_utf8_make_valid (sentence, -1);
  g_autofree char *json_details = g_utf8_make_valid (error->message, -1);
  const char *code = error->domain == LODGE_ERROR ? lodge_error_code_name (error->code) : "failed";

  ctl_printf (ctx->err, "lodgectl: %s\n", safe);
  if (*g_strstrip (details) != '\0')
    ctl_printf (ctx->err, _("Details: %s\n"), details);

  if (ctx->json)
    ctl_json_print (ctx->out,
                    g_variant_new_parsed ("{'error': <{'code': <%s>, 'message': <%s>, 'details': <%s>}>}",
                                          code, json_sentence, json_details));
  return ctl_exit_from_error (error);
}

CtlExit
ctl_report_machine_error (CtlContext *ctx, const GError *error, const char *path,
                          const char *machine)
{
  LodgeErrorContext context = { .machine = machine };
  g_autoptr (GVariant) properties = NULL;

  /* It is a new name that is refused, not the machine's. */
  if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NAME_INVALID))
    context.machine = NULL;
  if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE))
    {
      properties = ctl_machine_get (ctx, path, NULL);
      if (properties != NULL)
        g_variant_lookup (properties, "State", "&s", &context.state);
      if (g_strcmp0 (context.state, "broken") == 0)
        return ctl_report_fault (ctx, properties, path, machine);
    }
  return ctl_report_error (ctx, error, &context);
}

int
ctl_open_file (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  int code = LODGE_ERROR_IO;

  if (fd >= 0)
    return fd;

  if (errno == ENOENT || errno == ENOTDIR)
    code = LODGE_ERROR_NOT_FOUND;
  else if (errno == EACCES || errno == EPERM)
    code = LODGE_ERROR_NOT_READABLE;
  g_set_error (error, LODGE_ERROR, code, "%s: %s", path, g_strerror (errno));
  return -1;
}
