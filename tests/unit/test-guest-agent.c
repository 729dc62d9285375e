/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/qemu/lodge-guest-agent.h"

typedef struct
{
  LodgeGuestAgent *agent;
  int              guest; /* the guest's end */
  GAsyncResult    *result;
  guint            calls;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GSocket) socket = NULL;
  struct timeval patience = { 10, 0 };
  int pair[2];

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  socket = g_socket_new_from_fd (pair[0], NULL);
  fixture->guest = pair[1];
  setsockopt (fixture->guest, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  fixture->agent = lodge_guest_agent_new (socket);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  lodge_guest_agent_close (fixture->agent);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_clear_object (&fixture->result);
  g_assert_finalize_object (fixture->agent);
  close (fixture->guest);
}

static void
done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *fixture = data;

  fixture->calls++;
  g_set_object (&fixture->result, result);
}

static GAsyncResult *
wait_for (Fixture *fixture)
{
  while (fixture->calls == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (fixture->calls, ==, 1);
  fixture->calls = 0;

  return fixture->result;
}

static void
say (Fixture *fixture, const char *text, gssize length)
{
  gsize n = length >= 0 ? (gsize) length : strlen (text);

  g_assert_cmpint (send (fixture->guest, text, n, MSG_NOSIGNAL), ==, n);
}

/* The next line from the host, without what is before a 0xff. */
static char *
hear (Fixture *fixture)
{
  g_autoptr (GString) line = g_string_new (NULL);
  char byte = 0;

  while (byte != '\n')
    {
      gssize n = recv (fixture->guest, &byte, 1, MSG_DONTWAIT);

      if (n == 1 && (guchar) byte == 0xff)
        g_string_truncate (line, 0);
      else if (n == 1)
        g_string_append_c (line, byte);
      else
        g_main_context_iteration (NULL, TRUE);
    }

  return g_string_free (g_steal_pointer (&line), FALSE);
}

static void
hear_this (Fixture *fixture, const char *wanted)
{
  g_autofree char *line = hear (fixture);
  g_autoptr (JsonNode) got = json_from_string (line, NULL);
  g_autoptr (JsonNode) want = json_from_string (wanted, NULL);

  if (!json_node_equal (got, want))
    g_error ("the guest got %s instead of %s", line, wanted);
}

/* Plays the agent's part of a sync, with @before ahead of the right answer. */
static void
sync_with (Fixture *fixture, const char *before)
{
  g_autofree char *line = hear (fixture);
  g_autoptr (JsonNode) node = json_from_string (line, NULL);
  JsonObject *object = lodge_qmp_node_object (node);
  g_autofree char *answer = NULL;

  g_assert_cmpstr (lodge_qmp_string (object, "execute"), ==, "guest-sync-delimited");
  answer = g_strdup_printf ("%s\xff{\"return\": %" G_GINT64_FORMAT "}\n", before,
                            lodge_qmp_integer (lodge_qmp_object (object, "arguments"), "id", -1));
  say (fixture, answer, -1);
}

static void
test_commands (Fixture *fixture, gconstpointer data)
{
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) error = NULL;

  /* Old answers, half lines and wrong numbers before the right one are dropped. */
  lodge_guest_agent_execute_async (fixture->agent, "guest-ping", NULL, NULL, done_cb, fixture);
  sync_with (fixture, "{\"return\": {\"old\": true}}\n\xff{\"return\": 0}\nhalf {\xff garbage\n");
  hear_this (fixture, "{\"execute\": \"guest-ping\"}");
  say (fixture, "{\"return\": {}}\n", -1);
  node = lodge_guest_agent_execute_finish (fixture->agent, wait_for (fixture), &error);
  g_assert_no_error (error);
  g_assert_nonnull (node);

  /* In step: no second sync. An error of the agent is its own words. */
  lodge_guest_agent_execute_async (fixture->agent, "guest-info", NULL, NULL, done_cb, fixture);
  hear_this (fixture, "{\"execute\": \"guest-info\"}");
  say (fixture, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"it is disabled\"}}\n", -1);
  g_assert_null (lodge_guest_agent_execute_finish (fixture->agent, wait_for (fixture), &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "it is disabled");
}

static void
test_timeout (Fixture *fixture, gconstpointer data)
{
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) error = NULL;

  lodge_guest_agent_set_timeout (fixture->agent, 30);
  lodge_guest_agent_execute_async (fixture->agent, "guest-ping", NULL, NULL, done_cb, fixture);
  g_assert_null (lodge_guest_agent_execute_finish (fixture->agent, wait_for (fixture), &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING);
  g_clear_error (&error);
  g_free (hear (fixture));

  /* The agent comes up and answers the old sync, late; the next command has one of its own. */
  lodge_guest_agent_set_timeout (fixture->agent, 10000);
  say (fixture, "\xff{\"return\": 17}\n", -1);
  lodge_guest_agent_execute_async (fixture->agent, "guest-ping", NULL, NULL, done_cb, fixture);
  sync_with (fixture, "");
  hear_this (fixture, "{\"execute\": \"guest-ping\"}");
  say (fixture, "{\"return\": {}}\n", -1);
  node = lodge_guest_agent_execute_finish (fixture->agent, wait_for (fixture), &error);
  g_assert_no_error (error);
}

static void
test_cancel (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = NULL;

  lodge_guest_agent_execute_async (fixture->agent, "guest-ping", NULL, cancellable, done_cb, fixture);
  sync_with (fixture, "");
  hear_this (fixture, "{\"execute\": \"guest-ping\"}");
  g_cancellable_cancel (cancellable);
  g_assert_null (lodge_guest_agent_execute_finish (fixture->agent, wait_for (fixture), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  lodge_guest_agent_execute_async (fixture->agent, "guest-info", NULL, NULL, done_cb, fixture);
  sync_with (fixture, "{\"return\": {}}\n");
  hear_this (fixture, "{\"execute\": \"guest-info\"}");
  say (fixture, "{\"return\": {\"version\": \"7\"}}\n", -1);
  node = lodge_guest_agent_execute_finish (fixture->agent, wait_for (fixture), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (lodge_qmp_string (lodge_qmp_node_object (node), "version"), ==, "7");
}

/* A guest that floods: a line beyond the limit, or no JSON. */
static void
test_hostile (Fixture *fixture, gconstpointer data)
{
  g_autofree char *filler = g_strnfill (64 * 1024, 'x');
  g_autoptr (GError) error = NULL;

  lodge_guest_agent_execute_async (fixture->agent, "guest-ping", NULL, NULL, done_cb, fixture);
  sync_with (fixture, "");
  hear_this (fixture, "{\"execute\": \"guest-ping\"}");
  say (fixture, "{\"return\": \"", -1);
  for (guint i = 0; i < 17; i++)
    {
      say (fixture, filler, -1);
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
  g_assert_null (lodge_guest_agent_execute_finish (fixture->agent, wait_for (fixture), &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING);
  g_clear_error (&error);

  lodge_guest_agent_execute_async (fixture->agent, "guest-ping", NULL, NULL, done_cb, fixture);
  sync_with (fixture, "\"}\n");
  hear_this (fixture, "{\"execute\": \"guest-ping\"}");
  close (fixture->guest);
  g_assert_null (lodge_guest_agent_execute_finish (fixture->agent, wait_for (fixture), &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING);
  fixture->guest = dup (0);
}

static void
test_shutdown (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  lodge_guest_agent_shutdown_async (fixture->agent, "powerdown", NULL, done_cb, fixture);
  sync_with (fixture, "");
  hear_this (fixture, "{\"execute\": \"guest-shutdown\", \"arguments\": {\"mode\": \"powerdown\"}}");
  g_assert_true (lodge_guest_agent_shutdown_finish (fixture->agent, wait_for (fixture), &error));
  g_assert_no_error (error);
}

static void
test_exec (Fixture *fixture, gconstpointer data)
{
  static const char *const argv[] = { "/bin/echo", "a", "b c", NULL };
  g_autoptr (GBytes) output = NULL;
  g_autoptr (GError) error = NULL;
  int exit_code = 0;

  lodge_guest_agent_exec_async (fixture->agent, argv, NULL, done_cb, fixture);
  sync_with (fixture, "");
  hear_this (fixture, "{\"execute\": \"guest-exec\", \"arguments\": {\"path\": \"/bin/echo\", "
                      "\"arg\": [\"a\", \"b c\"], \"capture-output\": true}}");
  say (fixture, "{\"return\": {\"pid\": 77}}\n", -1);
  for (guint i = 0; i < 2; i++)
    {
      hear_this (fixture, "{\"execute\": \"guest-exec-status\", \"arguments\": {\"pid\": 77}}");
      if (i == 0)
        say (fixture, "{\"return\": {\"exited\": false}}\n", -1);
    }
  say (fixture, "{\"return\": {\"exited\": true, \"exitcode\": 3, \"out-data\": \"YSBiIGMK\"}}\n", -1);
  output = lodge_guest_agent_exec_finish (fixture->agent, wait_for (fixture), &exit_code, &error);
  g_assert_no_error (error);
  g_assert_cmpint (exit_code, ==, 3);
  g_assert_cmpmem (g_bytes_get_data (output, NULL), g_bytes_get_size (output), "a b c\n", 6);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/guest-agent/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("commands", test_commands);
  ADD ("timeout", test_timeout);
  ADD ("cancel", test_cancel);
  ADD ("hostile", test_hostile);
  ADD ("shutdown", test_shutdown);
  ADD ("exec", test_exec);
#undef ADD
  return g_test_run ();
}
