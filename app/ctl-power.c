/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Every verb is FindMachine and one method. stop alone waits: it follows the machine's State from before
 * Shutdown is called, so that no change is missed, until it is "off", or until the machine is no more: one
 * whose folder was deleted goes when its guest ends. A guest may ignore the power button; then stop says
 * so after its time and leaves the guest as it is, since forcing it off can lose what the guest has not written.
 */

#include "config.h"

#include "app/ctl-verbs.h"

#include <glib/gi18n.h>

#include "app/ctl-output.h"
#include "core/ipc/lodge-doctor-text.h"

#define STOP_TIMEOUT_DEFAULT 120

static gboolean
is_gone (CtlContext *ctx, const char *id)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;

  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "FindMachine",
                    g_variant_new ("(s@a{sv})", id, ctl_no_options ()), "(o)", NULL, NULL, &error);
  return reply == NULL && g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
}

/* With --json a verb that changes the state says what it is now. @gone: (nullable): what it is when there is no such machine any more */
static CtlExit
print_state (CtlContext *ctx, const char *path, const char *machine, const char *gone)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) properties = NULL;
  g_autofree char *id = ctl_machine_id (path);
  const char *state = gone != NULL ? gone : "";
  const char *name = machine;

  if (!ctx->json)
    return CTL_EXIT_OK;

  properties = ctl_machine_get (ctx, path, &error);
  if (properties == NULL && (gone == NULL || !is_gone (ctx, id)))
    return ctl_report_machine_error (ctx, error, path, machine);
  if (properties != NULL)
    {
      g_variant_lookup (properties, "State", "&s", &state);
      g_variant_lookup (properties, "Name", "&s", &name);
    }
  ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>, 'name': <%s>, 'state': <%s>}",
                                                  id, name, state));
  return CTL_EXIT_OK;
}

/* A guest that is confined less well than it should be runs all the same, but nobody finds that out late. */
static void
warn_of_confinement (CtlContext *ctx, GVariant *properties)
{
  g_autoptr (GVariant) effective = g_variant_lookup_value (properties, "Effective", G_VARIANT_TYPE_VARDICT);
  g_autofree char *sentence = NULL;
  const char *level, *reason;

  if (effective == NULL || !g_variant_lookup (effective, "confinement", "&s", &level)
      || !g_variant_lookup (effective, "confinement-reason", "&s", &reason))
    return;
  sentence = lodge_confinement_text (level, reason);
  if (sentence != NULL)
    ctl_printf (ctx->err, "%s\n%s\n", sentence, _("What to do: lodgectl doctor"));
}

/* Nor that there is no snapshot to go back to. */
static void
warn_of_left_out (CtlContext *ctx, GVariant *properties, const char *machine)
{
  g_autoptr (GVariant) automatic = g_variant_lookup_value (properties, "Automatic", G_VARIANT_TYPE_VARDICT);
  g_autofree char *sentence = lodge_left_out_text (automatic, machine);
  g_autofree char *safe = sentence != NULL ? ctl_escape (sentence, FALSE) : NULL;

  if (safe != NULL)
    ctl_printf (ctx->err, "%s\n", safe);
}

static void
warn (CtlContext *ctx, const char *path, const char *machine)
{
  g_autoptr (GVariant) properties = ctl_machine_get (ctx, path, NULL);

  if (properties == NULL)
    return;
  warn_of_confinement (ctx, properties);
  warn_of_left_out (ctx, properties, machine);
}

/* What QEMU said last seldom tells that it was KVM, nor that there is another way. */
static void
explain_failure (CtlContext *ctx, const char *path, const char *machine)
{
  g_autoptr (GVariant) properties = ctl_machine_get (ctx, path, NULL);
  const char *reason = properties != NULL ? ctl_string (properties, "StateReason") : "";
  g_autofree char *sentence = NULL;
  g_autofree char *safe = NULL;

  if (!g_str_equal (reason, "kvm-failed"))
    return;
  sentence = lodge_state_reason_text (reason, NULL, machine);
  safe = ctl_escape (sentence, FALSE);
  ctl_printf (ctx->err, "%s\n", safe);
}

static CtlExit
simple_verb (CtlContext *ctx, int argc, char **argv, const char *method)
{
  g_autofree char *path = NULL;
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, NULL, &argc, &argv, 1, 1, &code);
  if (path == NULL)
    return code;
  code = ctl_machine_call (ctx, path, argv[1], method, ctl_no_options ());
  return code != CTL_EXIT_OK ? code : print_state (ctx, path, argv[1], NULL);
}

CtlExit
ctl_verb_pause (CtlContext *ctx, int argc, char **argv)
{
  return simple_verb (ctx, argc, argv, "Pause");
}

CtlExit
ctl_verb_resume (CtlContext *ctx, int argc, char **argv)
{
  return simple_verb (ctx, argc, argv, "Resume");
}

CtlExit
ctl_verb_reset (CtlContext *ctx, int argc, char **argv)
{
  return simple_verb (ctx, argc, argv, "Reset");
}

CtlExit
ctl_verb_start (CtlContext *ctx, int argc, char **argv)
{
  gboolean paused = FALSE, tcg = FALSE, repair = FALSE, discard = FALSE;
  const GOptionEntry entries[] = {
    { "paused", 0, 0, G_OPTION_ARG_NONE, &paused, N_("Stop before the first instruction"), NULL },
    { "repair", 0, 0, G_OPTION_ARG_NONE, &repair, N_("Repair damaged disks first; the originals are kept"), NULL },
    { "discard-saved", 0, 0, G_OPTION_ARG_NONE, &discard, N_("Drop a saved memory and start from the disks"), NULL },
    { "tcg", 0, 0, G_OPTION_ARG_NONE, &tcg, N_("Run in software, without KVM, this once"), NULL },
    G_OPTION_ENTRY_NULL
  };
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autofree char *path = NULL;
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, entries, &argc, &argv, 1, 1, &code);
  if (path == NULL)
    return code;

  if (paused)
    g_variant_builder_add (&options, "{sv}", "paused", g_variant_new_boolean (TRUE));
  if (repair)
    g_variant_builder_add (&options, "{sv}", "repair", g_variant_new_boolean (TRUE));
  if (discard)
    g_variant_builder_add (&options, "{sv}", "discard-saved", g_variant_new_boolean (TRUE));
  if (tcg)
    g_variant_builder_add (&options, "{sv}", "accelerator", g_variant_new_string ("tcg"));
  code = ctl_machine_call (ctx, path, argv[1], "Start", g_variant_builder_end (&options));
  if (code == CTL_EXIT_QEMU)
    {
      g_autofree char *name = g_shell_quote (argv[1]);
      g_autofree char *safe = ctl_escape (name, FALSE);

      explain_failure (ctx, path, argv[1]);
      ctl_printf (ctx->err, _("Log: lodgectl log %s\n"), safe);
    }
  if (code == CTL_EXIT_OK)
    warn (ctx, path, argv[1]);
  return code != CTL_EXIT_OK ? code : print_state (ctx, path, argv[1], NULL);
}

CtlExit
ctl_verb_save (CtlContext *ctx, int argc, char **argv)
{
  gboolean discard = FALSE;
  const GOptionEntry entries[] = {
    { "discard", 0, 0, G_OPTION_ARG_NONE, &discard, N_("Drop the saved memory of a machine that is saved"), NULL },
    G_OPTION_ENTRY_NULL
  };
  g_autofree char *path = NULL;
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, entries, &argc, &argv, 1, 1, &code);
  if (path == NULL)
    return code;
  code = ctl_machine_call (ctx, path, argv[1], discard ? "DiscardSaved" : "Save", ctl_no_options ());
  return code != CTL_EXIT_OK ? code : print_state (ctx, path, argv[1], NULL);
}

/* ---- stop ---- */

typedef struct
{
  const char *path; /* of the machine */
  gboolean off;
  gboolean gone;    /* the core left the bus */
  gboolean expired;
} Stop;

static void
properties_changed_cb (GDBusConnection *connection, const char *sender, const char *path,
                       const char *interface, const char *signal, GVariant *parameters,
                       gpointer user_data)
{
  Stop *stop = user_data;
  g_autoptr (GVariant) changed = NULL;
  const char *state = NULL;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;
  changed = g_variant_get_child_value (parameters, 1);
  if (g_variant_lookup (changed, "State", "&s", &state) && g_str_equal (state, "off"))
    stop->off = TRUE;
}

static void
removed_cb (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
            const char *signal, GVariant *parameters, gpointer user_data)
{
  Stop *stop = user_data;
  const char *removed = NULL;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oas)")))
    return;
  g_variant_get_child (parameters, 0, "&o", &removed);
  if (g_str_equal (removed, stop->path))
    stop->off = TRUE;
}

static void
core_vanished_cb (GDBusConnection *connection, const char *name, gpointer user_data)
{
  Stop *stop = user_data;

  stop->gone = TRUE;
}

static gboolean
expired_cb (gpointer user_data)
{
  Stop *stop = user_data;

  stop->expired = TRUE;
  return G_SOURCE_REMOVE;
}

static CtlExit
report_stop_timeout (CtlContext *ctx, const char *machine, int seconds)
{
  g_autofree char *safe = ctl_escape (machine, FALSE);
  g_autofree char *sentence = NULL;

  sentence = g_strdup_printf (g_dngettext (NULL,
                                           "“%s” has not shut down within %d second: the system in it may be busy, or may ignore the power button. Wait, or force it off with --force.",
                                           "“%s” has not shut down within %d seconds: the system in it may be busy, or may ignore the power button. Wait, or force it off with --force.",
                                           seconds),
                              safe, seconds);
  ctl_printf (ctx->err, "lodgectl: %s\n", sentence);
  if (ctx->json)
    ctl_json_print (ctx->out,
                    g_variant_new_parsed ("{'error': <{'code': <'timeout'>, 'message': <%s>, 'details': <''>}>}",
                                          sentence));
  return CTL_EXIT_TIMEOUT;
}

static CtlExit
shut_down (CtlContext *ctx, const char *path, const char *machine, int seconds)
{
  Stop stop = { .path = path };
  guint subscription, removal, watch, timer;
  CtlExit code;

  subscription = g_dbus_connection_signal_subscribe (ctx->bus, LODGE_BUS_NAME,
                                                     "org.freedesktop.DBus.Properties",
                                                     "PropertiesChanged", path,
                                                     CTL_MACHINE_INTERFACE,
                                                     G_DBUS_SIGNAL_FLAGS_NONE,
                                                     properties_changed_cb, &stop, NULL);
  removal = g_dbus_connection_signal_subscribe (ctx->bus, LODGE_BUS_NAME, "org.freedesktop.DBus.ObjectManager",
                                                "InterfacesRemoved", LODGE_CORE_PATH, NULL,
                                                G_DBUS_SIGNAL_FLAGS_NONE, removed_cb, &stop, NULL);
  watch = g_bus_watch_name_on_connection (ctx->bus, LODGE_BUS_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                          NULL, core_vanished_cb, &stop, NULL);
  timer = g_timeout_add_seconds (seconds, expired_cb, &stop);

  code = ctl_machine_call (ctx, path, machine, "Shutdown", ctl_no_options ());
  while (code == CTL_EXIT_OK && !stop.off && !stop.gone && !stop.expired)
    g_main_context_iteration (NULL, TRUE);

  g_dbus_connection_signal_unsubscribe (ctx->bus, subscription);
  g_dbus_connection_signal_unsubscribe (ctx->bus, removal);
  g_bus_unwatch_name (watch);
  if (!stop.expired)
    g_source_remove (timer);

  if (code != CTL_EXIT_OK || stop.off)
    return code;
  if (stop.gone)
    {
      g_autoptr (GError) error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CORE_GONE,
                                                      "lodge-core left while the guest was shutting down");

      return ctl_report_error (ctx, error, NULL);
    }
  return report_stop_timeout (ctx, machine, seconds);
}

CtlExit
ctl_verb_stop (CtlContext *ctx, int argc, char **argv)
{
  gboolean force = FALSE;
  int timeout = STOP_TIMEOUT_DEFAULT;
  const GOptionEntry entries[] = {
    { "force", 'f', 0, G_OPTION_ARG_NONE, &force, N_("Force it off at once; what the guest has not written is lost"), NULL },
    { "timeout", 't', 0, G_OPTION_ARG_INT, &timeout, N_("How long to wait until it is off (120)"), N_("SECONDS") },
    G_OPTION_ENTRY_NULL
  };
  g_autofree char *path = NULL;
  CtlExit code;

  if (!ctl_verb_parse (ctx, entries, &argc, &argv, 1, 1, &code))
    return code;
  if (timeout < 0)
    return ctl_usage_error (ctx, argv[0], _("--timeout cannot be negative."));
  path = ctl_find (ctx, argv[1], &code);
  if (path == NULL)
    return code;

  if (force)
    code = ctl_machine_call (ctx, path, argv[1], "ForceOff", ctl_no_options ());
  else
    code = shut_down (ctx, path, argv[1], timeout);
  return code != CTL_EXIT_OK ? code : print_state (ctx, path, argv[1], "off");
}
