/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/ctl-output.h"
#include "app/ctl-png.h"
#include "app/ctl-verbs.h"
#include "core/ipc/lodge-doctor-text.h"

/* ---- doctor ---- */

static const char *
get_string (GVariant *finding, const char *key)
{
  const char *value = "";

  g_variant_lookup (finding, key, "&s", &value);
  return value;
}

static const char *
level_word (const char *level)
{
  if (g_str_equal (level, "ok"))
    return _("OK");
  if (g_str_equal (level, "note"))
    return _("Note");
  if (g_str_equal (level, "warning"))
    return _("Warning");
  if (g_str_equal (level, "problem"))
    return _("Problem");
  return level;
}

static void
print_indented (CtlContext *ctx, const char *text, guint indent)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_autofree char *safe = ctl_escape (lines[i], FALSE);

      ctl_printf (ctx->out, "%*s%s\n", (int) indent, "", safe);
    }
}

static void
print_finding (CtlContext *ctx, GVariant *finding)
{
  g_autoptr (GVariant) details = g_variant_lookup_value (finding, "details", G_VARIANT_TYPE_VARDICT);
  g_autofree char *title = NULL, *sentence = NULL, *advice = NULL;
  g_autofree char *safe_title = NULL, *safe = NULL, *safe_level = NULL;

  lodge_doctor_text (get_string (finding, "id"), get_string (finding, "reason"), details,
                     &title, &sentence, &advice);
  safe_title = ctl_escape (title, FALSE);
  safe = ctl_escape (sentence, FALSE);
  safe_level = ctl_escape (level_word (get_string (finding, "level")), FALSE);
  ctl_printf (ctx->out, "[%s] %s: %s\n", safe_level, safe_title, safe);
  if (advice != NULL)
    print_indented (ctx, advice, 4);
}

/* With --json each finding also carries its words, so that a program can show them. */
static GVariant *
finding_to_json (GVariant *finding)
{
  g_autoptr (GVariant) details = g_variant_lookup_value (finding, "details", G_VARIANT_TYPE_VARDICT);
  g_autofree char *title = NULL, *sentence = NULL, *advice = NULL;
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  lodge_doctor_text (get_string (finding, "id"), get_string (finding, "reason"), details,
                     &title, &sentence, &advice);
  g_variant_builder_add (&builder, "{sv}", "id", g_variant_new_string (get_string (finding, "id")));
  g_variant_builder_add (&builder, "{sv}", "level", g_variant_new_string (get_string (finding, "level")));
  g_variant_builder_add (&builder, "{sv}", "reason", g_variant_new_string (get_string (finding, "reason")));
  g_variant_builder_add (&builder, "{sv}", "title", g_variant_new_string (title));
  g_variant_builder_add (&builder, "{sv}", "message", g_variant_new_string (sentence));
  g_variant_builder_add (&builder, "{sv}", "advice", g_variant_new_string (advice != NULL ? advice : ""));
  if (details != NULL)
    g_variant_builder_add (&builder, "{sv}", "details", details);
  return g_variant_builder_end (&builder);
}

CtlExit
ctl_verb_doctor (CtlContext *ctx, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) findings = NULL;
  GVariantBuilder array;
  GVariantIter iter;
  GVariant *finding;
  gboolean problem = FALSE;
  CtlExit code;

  if (!ctl_verb_parse (ctx, NULL, &argc, &argv, 0, 0, &code))
    return code;
  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "Doctor",
                    g_variant_new ("(@a{sv})", ctl_no_options ()), "(aa{sv})", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_error (ctx, error, NULL);

  findings = g_variant_get_child_value (reply, 0);
  g_variant_builder_init (&array, G_VARIANT_TYPE ("aa{sv}"));
  g_variant_iter_init (&iter, findings);
  while ((finding = g_variant_iter_next_value (&iter)) != NULL)
    {
      problem |= g_str_equal (get_string (finding, "level"), "problem");
      if (ctx->json)
        g_variant_builder_add_value (&array, finding_to_json (finding));
      else
        print_finding (ctx, finding);
      g_variant_unref (finding);
    }
  if (ctx->json)
    ctl_json_print (ctx->out, g_variant_builder_end (&array));
  else
    g_variant_builder_clear (&array);
  return problem ? CTL_EXIT_HOST : CTL_EXIT_OK;
}

/* ---- report ---- */

/* The core writes into memory of ours: where the bundle goes then is our own matter, with our own rights. */
static int
make_report (CtlContext *ctx, const char *machine, GError **error)
{
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) reply = NULL;
  int fd = memfd_create ("lodge-report", MFD_CLOEXEC);

  if (fd < 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "memory for the bundle: %s", g_strerror (errno));
      return -1;
    }
  if (machine != NULL)
    g_variant_builder_add (&options, "{sv}", "machine", g_variant_new_string (machine));
  if (g_unix_fd_list_append (fds, fd, error) >= 0)
    reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "WriteReport",
                      g_variant_new ("(ha{sv})", 0, &options), "()", fds, NULL, error);
  if (reply == NULL)
    {
      close (fd);
      return -1;
    }
  return fd;
}

static gboolean
copy_report (FILE *file, gpointer data, GError **error)
{
  char buffer[65536];
  off_t offset = 0;
  gssize length;

  while ((length = pread (GPOINTER_TO_INT (data), buffer, sizeof buffer, offset)) > 0)
    {
      if (fwrite (buffer, 1, (gsize) length, file) != (gsize) length)
        break;
      offset += length;
    }
  if (length == 0)
    return TRUE;
  g_set_error (error, LODGE_ERROR, errno == ENOSPC ? LODGE_ERROR_NO_SPACE : LODGE_ERROR_IO, "writing the bundle: %s",
               g_strerror (errno));
  return FALSE;
}

CtlExit
ctl_verb_report (CtlContext *ctx, int argc, char **argv)
{
  g_autofree char *machine = NULL;
  const GOptionEntry entries[] = {
    { "machine", 0, 0, G_OPTION_ARG_STRING, &machine, N_("Only what is about this machine"), N_("NAME") },
    G_OPTION_ENTRY_NULL
  };
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *standard = g_date_time_format (now, "lodge-report-%Y%m%d-%H%M%S.tar.gz");
  g_autofree char *path = NULL, *id = NULL;
  g_autoptr (GError) error = NULL;
  const char *file;
  gboolean ok;
  CtlExit code;
  int fd;

  if (!ctl_verb_parse (ctx, entries, &argc, &argv, 0, 1, &code))
    return code;
  file = argc > 1 ? argv[1] : standard;

  if (machine != NULL)
    {
      path = ctl_find (ctx, machine, &code);
      if (path == NULL)
        return code;
      id = ctl_machine_id (path);
    }

  fd = make_report (ctx, id, &error);
  if (fd < 0)
    return ctl_report_error (ctx, error, &(LodgeErrorContext){ .machine = machine });
  ok = ctl_write_file (file, copy_report, GINT_TO_POINTER (fd), &error);
  close (fd);
  if (!ok)
    return ctl_report_error (ctx, error, &(LodgeErrorContext){ .file = file, .role = "output" });
  if (ctx->json)
    ctl_json_print (ctx->out, g_variant_new_parsed ("{'file': <%s>}", file));
  else
    ctl_printf (ctx->out, "%s\n", file);
  return CTL_EXIT_OK;
}
