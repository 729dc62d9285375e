/* SPDX-License-Identifier: GPL-3.0-or-later */

/* When a clone gets an identity of its own, and what waits for it. The guest agent is played at the socket that the core finds. */

#include "tests/unit/lodge-fake-guest.h"

#include "core/machine/lodge-machine-execute.h"
#include "core/machine/lodge-machine-identity.h"
#include "core/machine/lodge-runtime-record.h"

#include <glib-unix.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct
{
  LodgeFakeGuest base;
  int listener;       /* or -1: there is no agent */
  guint listener_id;
  int fd;             /* of the core's connection, or -1 */
  guint fd_id;
  GString *line;      /* (owned) */
  GPtrArray *commands;/* (element-type utf8) the last word of each command that it started */
  gboolean refuses;   /* to start any */
  gboolean keeps;     /* its name */
  GPtrArray *begun;   /* (element-type LodgeExecution) commands of Execute; who lets go of one ends it */
} Fixture;

static void
say (Fixture *f, const char *text)
{
  g_assert_cmpint (send (f->fd, text, strlen (text), MSG_NOSIGNAL), ==, (gssize) strlen (text));
}

static void
start_command (Fixture *f, JsonObject *arguments)
{
  JsonArray *words = lodge_qmp_array (arguments, "arg");
  const char *script = json_array_get_string_element (words, 1);
  gboolean own = strstr (script, "machine-id") != NULL;

  if (f->refuses)
    {
      say (f, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"it is disabled\"}}\n");
      return;
    }
  g_ptr_array_add (f->commands, g_strdup (json_array_get_string_element (words, own ? 3 : json_array_get_length (words) - 1)));
  say (f, own ? "{\"return\": {\"pid\": 1}}\n" : "{\"return\": {\"pid\": 2}}\n");
}

static void
answer (Fixture *f, JsonObject *message)
{
  const char *command = lodge_qmp_string (message, "execute");
  JsonObject *arguments = lodge_qmp_object (message, "arguments");
  g_autofree char *output = g_base64_encode ((const guchar *) "lodge: own\n", f->keeps ? 0 : strlen ("lodge: own\n"));
  g_autofree char *text = NULL;

  if (strcmp (command, "guest-sync-delimited") == 0)
    text = g_strdup_printf ("\xff{\"return\": %" G_GINT64_FORMAT "}\n", lodge_qmp_integer (arguments, "id", -1));
  else if (strcmp (command, "guest-exec") == 0)
    start_command (f, arguments);
  else if (strcmp (command, "guest-exec-status") == 0 && lodge_qmp_integer (arguments, "pid", 0) == 1)
    text = g_strdup_printf ("{\"return\": {\"exited\": true, \"exitcode\": 0, \"out-data\": \"%s\"}}\n", output);
  else if (strcmp (command, "guest-exec-status") == 0)
    text = g_strdup ("{\"return\": {\"exited\": true, \"exitcode\": 0}}\n");
  else if (strcmp (command, "guest-file-read") == 0)
    text = g_strdup ("{\"return\": {\"count\": 0, \"buf-b64\": \"\", \"eof\": true}}\n");
  else if (strcmp (command, "guest-file-open") == 0)
    text = g_strdup ("{\"return\": 7}\n");
  else
    text = g_strdup ("{\"return\": {}}\n");
  if (text != NULL)
    say (f, text);
}

static gboolean
heard_cb (int fd, GIOCondition condition, gpointer data)
{
  Fixture *f = data;
  char byte;

  while (recv (fd, &byte, 1, MSG_DONTWAIT) == 1)
    {
      g_autoptr (JsonNode) node = NULL;

      if ((guchar) byte == 0xff)
        g_string_truncate (f->line, 0);
      else if (byte != '\n')
        g_string_append_c (f->line, byte);
      if (byte != '\n')
        continue;
      node = json_from_string (f->line->str, NULL);
      g_string_truncate (f->line, 0);
      answer (f, lodge_qmp_node_object (node));
    }
  if ((condition & G_IO_HUP) == 0)
    return G_SOURCE_CONTINUE;
  f->fd_id = 0;
  return G_SOURCE_REMOVE;
}

static gboolean
came_cb (int fd, GIOCondition condition, gpointer data)
{
  Fixture *f = data;

  f->fd = accept4 (fd, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (f->fd, >=, 0);
  f->fd_id = g_unix_fd_add (f->fd, G_IO_IN | G_IO_HUP, heard_cb, f);
  f->listener_id = 0;
  return G_SOURCE_REMOVE;
}

/* From here on there is one; the core does not know yet. */
static void
begin_agent (Fixture *f)
{
  g_autofree char *name = g_strndup (lodge_machine_get_id (f->base.machine), 8);
  g_autofree char *dir = g_build_filename (f->base.host->paths->runtime_dir, name, NULL);
  g_autofree char *path = g_build_filename (dir, LODGE_SOCKET_AGENT, NULL);
  GError *error = NULL;

  g_assert_no_errno (unlink (path));
  f->listener = lodge_runtime_listen (dir, LODGE_SOCKET_AGENT, &error);
  g_assert_no_error (error);
  f->listener_id = g_unix_fd_add (f->listener, G_IO_IN, came_cb, f);
}

static void
open_port (Fixture *f)
{
  lodge_qmp_peer_event (f->base.peer, "VSERPORT_CHANGE", "{\"id\": \"agent\", \"open\": true}");
}

static const char *
identity (Fixture *f)
{
  return lodge_machine_get_identity (f->base.machine);
}

static gboolean
is_noted (Fixture *f)
{
  return lodge_store_lookup (f->base.host->store, lodge_machine_get_id (f->base.machine))->profile->renew;
}

static void
start (Fixture *f)
{
  lodge_fake_guest_call (&f->base, LODGE_METHOD_START, NULL);
  lodge_fake_guest_greet (&f->base);
  lodge_qmp_peer_expect_ok (f->base.peer, "cont", NULL);
  lodge_qmp_peer_expect (f->base.peer, "query-chardev", NULL,
                         "\"return\": [{\"label\": \"agent-socket\", \"filename\": \"unix:fd\", \"frontend-open\": false}]");
  lodge_fake_guest_expect_answer (&f->base);
  lodge_fake_guest_expect_played (&f->base);
}

static void
set_up (Fixture *f, gconstpointer version)
{
  LodgeProfile *profile;
  GError *error = NULL;

  lodge_fake_guest_set_up_off (&f->base, version);
  f->listener = f->fd = -1;
  f->line = g_string_new (NULL);
  f->commands = g_ptr_array_new_with_free_func (g_free);
  f->begun = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_execution_free);
  profile = lodge_profile_copy (lodge_store_lookup (f->base.host->store, lodge_machine_get_id (f->base.machine))->profile);
  profile->renew = TRUE;
  lodge_store_save (f->base.host->store, lodge_machine_get_id (f->base.machine), profile, &error);
  g_assert_no_error (error);
  start (f);
}

static void
tear_down (Fixture *f, gconstpointer version)
{
  lodge_fake_guest_tear_down (&f->base, version);
  g_clear_handle_id (&f->listener_id, g_source_remove);
  g_clear_handle_id (&f->fd_id, g_source_remove);
  if (f->listener >= 0)
    close (f->listener);
  if (f->fd >= 0)
    close (f->fd);
  g_string_free (f->line, TRUE);
  g_ptr_array_unref (f->commands);
  g_ptr_array_unref (f->begun);
}

static void
begun_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;
  g_autoptr (GError) error = NULL;
  LodgeExecution *execution = lodge_machine_execute_finish (LODGE_MACHINE (source), result, &error);

  g_assert_no_error (error);
  g_ptr_array_add (f->begun, execution);
}

static void
execute (Fixture *f)
{
  static const char *const argv[] = { "true", NULL };

  lodge_machine_execute_async (f->base.machine, argv, NULL, g_variant_new_parsed ("{'wait': <uint32 600>}"), begun_cb, f);
}

/* However late it comes: nothing is asked of a port that nobody has opened, and then all is done at once. */
static void
test_late (Fixture *f, gconstpointer version)
{
  g_assert_cmpstr (identity (f), ==, "pending");
  begin_agent (f);
  g_assert_cmpint (f->fd, ==, -1);
  open_port (f);
  lodge_fake_until (identity (f) == NULL);
  g_assert_cmpuint (f->commands->len, ==, 1);
  g_assert_cmpstr (f->commands->pdata[0], ==, "fake");
  g_assert_false (is_noted (f));
  /* Once for all. */
  open_port (f);
  execute (f);
  lodge_fake_until (f->begun->len == 1);
  g_assert_cmpuint (f->commands->len, ==, 2);
}

/* Who asks something of the agent shows that it is there, and his command comes second. */
static void
test_commands_wait (Fixture *f, gconstpointer version)
{
  begin_agent (f);
  execute (f);
  lodge_fake_until (f->begun->len == 1);
  g_assert_cmpuint (f->commands->len, ==, 2);
  g_assert_cmpstr (f->commands->pdata[0], ==, "fake");
  g_assert_cmpstr (f->commands->pdata[1], ==, "true");
  g_assert_null (identity (f));
}

/* What ended before it was done is done at the next start. */
static void
test_next_start (Fixture *f, gconstpointer version)
{
  lodge_fake_guest_end (&f->base);
  g_assert_null (identity (f));
  g_assert_true (is_noted (f));
  start (f);
  begin_agent (f);
  open_port (f);
  lodge_fake_until (identity (f) == NULL);
  g_assert_false (is_noted (f));
}

static void
test_refused (Fixture *f, gconstpointer version)
{
  f->refuses = TRUE;
  begin_agent (f);
  open_port (f);
  lodge_fake_until (g_strcmp0 (identity (f), "missing") == 0);
  g_assert_true (is_noted (f));
}

/* A guest that does not take the name is not asked again and again, and commands go on. */
static void
test_kept (Fixture *f, gconstpointer version)
{
  f->keeps = TRUE;
  begin_agent (f);
  execute (f);
  lodge_fake_until (f->begun->len == 1);
  g_assert_cmpstr (identity (f), ==, "missing");
  execute (f);
  lodge_fake_until (f->begun->len == 2);
  g_assert_cmpuint (f->commands->len, ==, 3);
  g_assert_true (is_noted (f));
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    void (*func) (Fixture *f, gconstpointer version);
  } tests[] = { { "late", test_late }, { "commands-wait", test_commands_wait }, { "next-start", test_next_start },
                { "refused", test_refused }, { "kept", test_kept } };

  lodge_fake_host_main (argc, argv);
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strdup_printf ("/machine-identity/%s", tests[i].name);

      g_test_add (path, Fixture, "10.0", set_up, tests[i].func, tear_down);
    }
  return g_test_run ();
}
