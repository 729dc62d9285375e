/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/qemu/lodge-qmp-client.h"
#include "core/qemu/lodge-qmp-parser.h"
#include "tests/unit/lodge-qapi-schema.h"
#include "tests/unit/lodge-qmp-peer.h"

typedef struct
{
  LodgeQmpPeer   *peer;
  LodgeQmpClient *client;
  guint           events;
  guint           closed;
  guint           done_when_closed; /* callbacks that had run by then */
  guint           done;
  GString        *order;
} Fixture;

typedef struct
{
  Fixture  *fixture;
  guint     calls;
  JsonNode *value;
  GError   *error;
} Answer;

static void
event_cb (LodgeQmpClient *client, const char *name, JsonObject *data, gint64 microseconds, gpointer user)
{
  Fixture *fixture = user;

  fixture->events++;
  g_assert_cmpint (microseconds, ==, 1700000000250000);
  g_string_append_printf (fixture->order, "%s ", name);
  if (g_str_equal (name, "SHUTDOWN"))
    g_assert_cmpstr (lodge_qmp_string (data, "reason"), ==, "guest-shutdown");
}

static void
closed_cb (LodgeQmpClient *client, const GError *error, gpointer user)
{
  Fixture *fixture = user;

  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING);
  fixture->closed++;
  fixture->done_when_closed = fixture->done;
}

static void
watch (Fixture *fixture)
{
  g_signal_connect (fixture->client, "event", G_CALLBACK (event_cb), fixture);
  g_signal_connect (fixture->client, "closed", G_CALLBACK (closed_cb), fixture);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GSocket) socket = NULL;

  fixture->order = g_string_new (NULL);
  fixture->peer = lodge_qmp_peer_new ("7.2", &socket);
  fixture->client = lodge_qmp_client_new (socket);
  watch (fixture);
}

static void
set_up_silent (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GSocket) socket = NULL;

  fixture->order = g_string_new (NULL);
  fixture->peer = lodge_qmp_peer_new_silent ("7.2", &socket);
  fixture->client = lodge_qmp_client_new (socket);
  watch (fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  lodge_qmp_client_close (fixture->client);
  while (fixture->closed == 0)
    g_main_context_iteration (NULL, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (fixture->closed, ==, 1);
  g_assert_cmpuint (fixture->done_when_closed, ==, fixture->done);
  g_assert_finalize_object (fixture->client);
  lodge_qmp_peer_free (fixture->peer);
  g_string_free (fixture->order, TRUE);
}

static void
executed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Answer *answer = data;

  answer->calls++;
  answer->fixture->done++;
  g_string_append_c (answer->fixture->order, 'r');
  answer->value =
      lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &answer->error);
}

static void
ready_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Answer *answer = data;

  answer->calls++;
  answer->fixture->done++;
  lodge_qmp_client_ready_finish (LODGE_QMP_CLIENT (source), result, &answer->error);
}

static void
execute (Fixture *fixture, Answer *answer, const char *command, JsonObject *arguments, int fd,
         GCancellable *cancellable)
{
  memset (answer, 0, sizeof *answer);
  answer->fixture = fixture;
  lodge_qmp_client_execute_async (fixture->client, command, arguments, fd, cancellable, executed_cb,
                                  answer);
}

static void
wait_for (Answer *answer)
{
  while (answer->calls == 0)
    g_main_context_iteration (NULL, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (answer->calls, ==, 1);
}

static void
answer_clear (Answer *answer)
{
  g_clear_pointer (&answer->value, json_node_unref);
  g_clear_error (&answer->error);
}

static void
test_commands (Fixture *fixture, gconstpointer data)
{
  g_autoptr (JsonObject) arguments =
      lodge_qmp_args_new ("{'path': <%s>, 'property': <'b'>, 'value': <{'c': [1, 2]}>}", "/a");
  Answer first, second, third;

  lodge_qmp_peer_expect (fixture->peer, "query-status", NULL,
                         "\"return\": {\"status\": \"running\", \"running\": true}");
  lodge_qmp_peer_expect_error (fixture->peer, "cont", NULL, "it won't");
  lodge_qmp_peer_expect_ok (fixture->peer, "qom-set",
                            "{\"path\": \"/a\", \"property\": \"b\", \"value\": {\"c\": [1, 2]}}");

  execute (fixture, &first, "query-status", NULL, -1, NULL);
  execute (fixture, &second, "cont", NULL, -1, NULL);
  execute (fixture, &third, "qom-set", arguments, -1, NULL);
  wait_for (&third);

  g_assert_cmpuint (first.calls + second.calls, ==, 2);
  g_assert_no_error (first.error);
  g_assert_cmpstr (lodge_qmp_string (lodge_qmp_node_object (first.value), "status"), ==, "running");
  g_assert_error (second.error, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED);
  g_assert_cmpstr (second.error->message, ==, "it won't");
  g_assert_no_error (third.error);
  answer_clear (&first);
  answer_clear (&second);
  answer_clear (&third);
}

static void
test_events (Fixture *fixture, gconstpointer data)
{
  Answer ready = { fixture }, answer;

  lodge_qmp_client_ready_async (fixture->client, NULL, ready_cb, &ready);
  wait_for (&ready);
  g_assert_no_error (ready.error);

  lodge_qmp_peer_expect (fixture->peer, "stop", NULL, NULL);
  execute (fixture, &answer, "stop", NULL, -1, NULL);
  lodge_qmp_peer_run (fixture->peer);
  lodge_qmp_peer_event (fixture->peer, "STOP", NULL);
  lodge_qmp_peer_raw (fixture->peer, "{\"return\": {}, \"id\": 2}\r\n", -1);
  lodge_qmp_peer_event (fixture->peer, "SHUTDOWN",
                        "{\"guest\": true, \"reason\": \"guest-shutdown\"}");
  lodge_qmp_peer_close (fixture->peer);
  while (fixture->closed == 0)
    g_main_context_iteration (NULL, TRUE);

  g_assert_cmpstr (fixture->order->str, ==, "STOP rSHUTDOWN ");
  g_assert_no_error (answer.error);
  answer_clear (&answer);
}

/* The greeting and the answer arrive byte by byte. */
static void
test_split (Fixture *fixture, gconstpointer data)
{
  static const char text[] = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";
  Answer answer;

  lodge_qmp_peer_expect (fixture->peer, "query-name", NULL, NULL);
  execute (fixture, &answer, "query-name", NULL, -1, NULL);
  for (const char *p = text; *p != '\0'; p++)
    {
      lodge_qmp_peer_raw (fixture->peer, p, 1);
      g_main_context_iteration (NULL, FALSE);
    }
  lodge_qmp_peer_run (fixture->peer);
  for (const char *p = "{\"return\": {\"name\": \"\xc3\xa4\"}, \"id\": 1}\n"; *p != '\0'; p++)
    {
      g_assert_cmpuint (answer.calls, ==, 0);
      lodge_qmp_peer_raw (fixture->peer, p, 1);
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
  wait_for (&answer);
  g_assert_no_error (answer.error);
  g_assert_cmpstr (lodge_qmp_string (lodge_qmp_node_object (answer.value), "name"), ==, "\xc3\xa4");
  answer_clear (&answer);
}

/* Whatever ends the connection fails what is under way, once, before "closed". */
static void
test_fatal (Fixture *fixture, gconstpointer data)
{
  const char *bytes = data;
  Answer answer, after, ready = { fixture };

  lodge_qmp_client_ready_async (fixture->client, NULL, ready_cb, &ready);
  wait_for (&ready);
  lodge_qmp_peer_expect (fixture->peer, "stop", NULL, NULL);
  execute (fixture, &answer, "stop", NULL, -1, NULL);
  lodge_qmp_peer_run (fixture->peer);
  lodge_qmp_peer_raw (fixture->peer, bytes, -1);
  if (!g_str_has_suffix (bytes, "\n"))
    lodge_qmp_peer_close (fixture->peer);
  wait_for (&answer);
  g_assert_error (answer.error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING);
  g_assert_false (lodge_qmp_client_is_open (fixture->client));

  execute (fixture, &after, "cont", NULL, -1, NULL);
  g_assert_cmpuint (after.calls, ==, 0);
  wait_for (&after);
  g_assert_error (after.error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING);
  fixture->done_when_closed = fixture->done;
  answer_clear (&answer);
  answer_clear (&after);
}

static void
test_long_line (Fixture *fixture, gconstpointer data)
{
  g_autofree char *filler = g_malloc (1024 * 1024);
  Answer answer;

  memset (filler, 'x', 1024 * 1024);
  execute (fixture, &answer, "query-name", NULL, -1, NULL);
  lodge_qmp_peer_expect (fixture->peer, "query-name", NULL, NULL);
  lodge_qmp_peer_run (fixture->peer);
  lodge_qmp_peer_raw (fixture->peer, "{\"return\": \"", -1);
  for (guint i = 0; i < 17 && lodge_qmp_client_is_open (fixture->client); i++)
    lodge_qmp_peer_raw (fixture->peer, filler, 1024 * 1024);
  wait_for (&answer);
  g_assert_error (answer.error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING);
  g_assert_nonnull (strstr (answer.error->message, "longer"));
  answer_clear (&answer);
}

static void
test_no_greeting (Fixture *fixture, gconstpointer data)
{
  Answer ready = { fixture }, answer;

  lodge_qmp_client_set_timeout (fixture->client, 30);
  lodge_qmp_client_ready_async (fixture->client, NULL, ready_cb, &ready);
  execute (fixture, &answer, "query-name", NULL, -1, NULL);
  wait_for (&answer);
  g_assert_error (answer.error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING);
  g_assert_true (lodge_qmp_client_is_open (fixture->client));
  g_assert_cmpuint (ready.calls, ==, 0);
  answer_clear (&answer);

  /* The greeting comes after all: the late command is not sent, the next one is; and who waited for it is told. */
  lodge_qmp_client_set_timeout (fixture->client, 0);
  lodge_qmp_peer_expect_ok (fixture->peer, "cont", NULL);
  lodge_qmp_peer_raw (fixture->peer, "{\"QMP\": {}}\r\n", -1);
  execute (fixture, &answer, "cont", NULL, -1, NULL);
  wait_for (&answer);
  g_assert_no_error (answer.error);
  g_assert_cmpuint (ready.calls, ==, 1);
  g_assert_no_error (ready.error);
  answer_clear (&ready);
  answer_clear (&answer);
}

static void
test_timeout (Fixture *fixture, gconstpointer data)
{
  Answer late, next;

  lodge_qmp_client_set_timeout (fixture->client, 30);
  lodge_qmp_peer_expect (fixture->peer, "stop", NULL, NULL);
  execute (fixture, &late, "stop", NULL, -1, NULL);
  wait_for (&late);
  g_assert_error (late.error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING);
  answer_clear (&late);

  /* Its answer is dropped when it comes. */
  lodge_qmp_client_set_timeout (fixture->client, 0);
  lodge_qmp_peer_raw (fixture->peer, "{\"return\": {}, \"id\": 1}\r\n", -1);
  lodge_qmp_peer_expect_ok (fixture->peer, "cont", NULL);
  execute (fixture, &next, "cont", NULL, -1, NULL);
  wait_for (&next);
  g_assert_no_error (next.error);
  answer_clear (&next);
}

static void
test_cancel (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GCancellable) early = g_cancellable_new ();
  Answer sent, unsent, next;

  lodge_qmp_peer_expect (fixture->peer, "stop", NULL, NULL);
  execute (fixture, &sent, "stop", NULL, -1, cancellable);
  lodge_qmp_peer_run (fixture->peer);
  g_cancellable_cancel (cancellable);
  wait_for (&sent);
  g_assert_error (sent.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  lodge_qmp_peer_raw (fixture->peer, "{\"return\": {}, \"id\": 1}\r\n", -1);

  /* Cancelled before the main loop turned: the peer, which expects only "cont", never sees it. */
  execute (fixture, &unsent, "system_reset", NULL, -1, early);
  g_cancellable_cancel (early);
  lodge_qmp_peer_expect_ok (fixture->peer, "cont", NULL);
  execute (fixture, &next, "cont", NULL, -1, NULL);
  wait_for (&unsent);
  wait_for (&next);
  g_assert_error (unsent.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_no_error (next.error);
  answer_clear (&sent);
  answer_clear (&unsent);
  answer_clear (&next);
}

/* Descriptors arrive with their own command, also when the lines before fill the socket. */
static void
test_descriptors (Fixture *fixture, gconstpointer data)
{
  g_autofree char *big = g_strnfill (300 * 1024, 'n');
  g_autofree int *pipes = g_new (int, 4);
  Answer ready = { fixture }, answers[3];

  lodge_qmp_client_ready_async (fixture->client, NULL, ready_cb, &ready);
  wait_for (&ready);
  lodge_qmp_peer_hold (fixture->peer, TRUE);
  g_assert_no_errno (pipe (pipes));
  g_assert_no_errno (pipe (pipes + 2));

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (JsonObject) arguments = NULL;

      if (i == 0)
        arguments = lodge_qmp_args_new ("{'path': <'/x'>, 'property': <%s>}", big);
      else
        arguments = lodge_qmp_args_new ("{'fdname': <%s>}", i == 1 ? "one" : "two");
      execute (fixture, &answers[i], i == 0 ? "qom-get" : "getfd", arguments,
               i == 0 ? -1 : pipes[i * 2 - 1], NULL);
    }
  for (guint i = 0; i < 20; i++)
    g_main_context_iteration (NULL, FALSE);
  close (pipes[1]);
  close (pipes[3]);

  lodge_qmp_peer_expect_ok (fixture->peer, "qom-get", NULL);
  lodge_qmp_peer_expect_ok (fixture->peer, "getfd", "{\"fdname\": \"one\"}");
  lodge_qmp_peer_expect_ok (fixture->peer, "getfd", "{\"fdname\": \"two\"}");
  lodge_qmp_peer_hold (fixture->peer, FALSE);
  lodge_qmp_peer_run (fixture->peer);
  for (guint i = 1; i < 3; i++)
    {
      char byte = 0;
      int fd;

      fd = lodge_qmp_peer_take_fd (fixture->peer);
      g_assert_cmpint (fd, >=, 0);
      g_assert_cmpint (write (fd, &"12"[i - 1], 1), ==, 1);
      close (fd);
      g_assert_cmpint (read (pipes[i * 2 - 2], &byte, 1), ==, 1);
      g_assert_cmpint (byte, ==, '0' + i);
      g_assert_cmpint (read (pipes[i * 2 - 2], &byte, 1), ==, 0); /* no copy was left open */
      close (pipes[i * 2 - 2]);
      wait_for (&answers[i]);
      g_assert_no_error (answers[i].error);
      answer_clear (&answers[i]);
    }
  wait_for (&answers[0]);
  answer_clear (&answers[0]);
}

/* close() from inside a callback, with more commands under way. */
static void
close_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  executed_cb (source, result, data);
  lodge_qmp_client_close (LODGE_QMP_CLIENT (source));
}

static void
test_close_inside (Fixture *fixture, gconstpointer data)
{
  Answer first = { fixture }, second;

  lodge_qmp_peer_expect_ok (fixture->peer, "stop", NULL);
  lodge_qmp_peer_expect_ok (fixture->peer, "cont", NULL);
  lodge_qmp_client_execute_async (fixture->client, "stop", NULL, -1, NULL, close_cb, &first);
  execute (fixture, &second, "cont", NULL, -1, NULL);
  lodge_qmp_peer_run (fixture->peer);
  wait_for (&first);
  wait_for (&second);
  g_assert_no_error (first.error);
  g_assert_error (second.error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING);
  answer_clear (&first);
  answer_clear (&second);
}

static void
test_connect (void)
{
  g_autofree char *folder = g_dir_make_tmp ("lodge-qmp-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "qmp.sock", NULL);
  g_autofree char *long_path = g_strnfill (200, 'x');
  g_autoptr (GError) error = NULL;

  g_assert_null (lodge_qmp_client_connect (path, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING);
  g_clear_error (&error);
  g_assert_null (lodge_qmp_client_connect (long_path, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IO);
  g_rmdir (folder);
}

static void
test_parser_refusals (void)
{
  static const struct
  {
    const char *line;
    gboolean good;
  } rows[] = {
    { "{}", TRUE },
    { "{\"a\": \"\\ud83d\\ude00\"}", TRUE },
    { "{\"a\": \"\\ud83d\"}", FALSE },       /* lone surrogates */
    { "{\"a\": \"\\ude00\\ud83d\"}", FALSE },
    { "{\"a\": \"\\u0000\"}", FALSE },
    { "{\"a\": \"\\u12\"}", FALSE },
    { "{\"a\": \"\xff\"}", FALSE },
    { "{\"a\": \"\x01\"}", FALSE },
    { "{\"a\": 1 /* ] */}", FALSE },
    { "[]", FALSE },
    { "7", FALSE },
    { "{\"a\": 1}}", FALSE },
    { "{\"a\": ", FALSE },
    { "{\"a\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (LodgeQmpParser) parser = lodge_qmp_parser_new (1000);
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonObject) message = NULL;

      lodge_qmp_parser_feed (parser, rows[i].line, strlen (rows[i].line));
      lodge_qmp_parser_feed (parser, "\n", 1);
      message = lodge_qmp_parser_next (parser, &error);
      if (rows[i].good)
        g_assert_nonnull (message);
      else
        g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING);
    }
}

static void
test_schema (gconstpointer data)
{
  static const struct
  {
    const char *command;
    const char *arguments;
    const char *fault; /* (nullable) a part of it */
  } rows[] = {
    { "stop", NULL, NULL },
    { "halt", NULL, "no command" },
    { "stop", "{\"now\": true}", "stop.now is not known" },
    { "getfd", "{}", "getfd.fdname is missing" },
    { "getfd", "{\"fdname\": 1}", "not of type string" },
    { "migrate-set-capabilities", "{\"capabilities\": [{\"capability\": \"events\", \"state\": true}]}", NULL },
    { "migrate-set-capabilities", "{\"capabilities\": [{\"capability\": \"event\", \"state\": true}]}", "not among" },
    { "blockdev-add", "{\"driver\": \"qcow2\", \"node-name\": \"n\", \"file\": {\"driver\": \"file\", \"filename\": \"f\"}}", NULL },
    { "blockdev-add", "{\"driver\": \"qcow2\", \"node-name\": \"n\", \"file\": \"node\"}", NULL },
    { "blockdev-add", "{\"driver\": \"qcow2\", \"node-name\": \"n\", \"file\": 5}", "alternate" },
    { "blockdev-add", "{\"driver\": \"qcow2\", \"filename\": \"f\", \"file\": \"node\"}", "not known" },
    { "device_add", "{\"driver\": \"virtio-net-pci\", \"anything\": 1}", NULL },
  };
  g_autoptr (LodgeQapiSchema) schema = lodge_qapi_schema_load (data);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (JsonNode) node = json_from_string (rows[i].arguments != NULL ? rows[i].arguments : "{}", NULL);
      g_autofree char *fault = lodge_qapi_schema_check (schema, rows[i].command, json_node_get_object (node));

      if (rows[i].fault == NULL)
        g_assert_cmpstr (fault, ==, NULL);
      else
        g_assert_nonnull (strstr (fault != NULL ? fault : "", rows[i].fault));
    }
}

static void
test_real (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GSubprocess) qemu = NULL;
  g_autoptr (GSubprocessLauncher) launcher = NULL;
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *binary = g_find_program_in_path ("qemu-system-x86_64");
  Answer schema, quit;
  int fds[2];

  if (binary == NULL)
    {
      g_test_skip ("no qemu-system-x86_64");
      lodge_qmp_client_close (fixture->client);
      return;
    }

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_subprocess_launcher_take_fd (launcher, fds[1], 10);
  qemu = g_subprocess_launcher_spawn (launcher, &error, binary, "-machine", "none", "-nodefaults",
                                      "-display", "none", "-S", "-chardev", "socket,id=q,fd=10",
                                      "-mon", "chardev=q,mode=control", NULL);
  g_assert_no_error (error);
  socket = g_socket_new_from_fd (fds[0], &error);
  g_assert_no_error (error);

  g_clear_object (&fixture->client);
  fixture->client = lodge_qmp_client_new (socket);
  g_signal_connect (fixture->client, "closed", G_CALLBACK (closed_cb), fixture);
  execute (fixture, &schema, "query-qmp-schema", NULL, -1, NULL);
  wait_for (&schema);
  g_assert_no_error (schema.error);
  g_assert_cmpuint (json_array_get_length (lodge_qmp_node_array (schema.value)), >, 500);
  execute (fixture, &quit, "quit", NULL, -1, NULL);
  wait_for (&quit);
  g_assert_no_error (quit.error);
  g_assert_true (g_subprocess_wait (qemu, NULL, NULL));
  answer_clear (&schema);
  answer_clear (&quit);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, set, data, func) g_test_add ("/qmp-client/" name, Fixture, data, set, func, tear_down)
  ADD ("commands", set_up, NULL, test_commands);
  ADD ("events", set_up, NULL, test_events);
  ADD ("split", set_up_silent, NULL, test_split);
  ADD ("eof-in-line", set_up, "{\"return\": {", test_fatal);
  ADD ("eof", set_up, "", test_fatal);
  ADD ("garbage", set_up, "hello\n", test_fatal);
  ADD ("id-never-given", set_up, "{\"return\": {}, \"id\": 900}\n", test_fatal);
  ADD ("id-missing", set_up, "{\"return\": {}}\n", test_fatal);
  ADD ("id-of-wrong-type", set_up, "{\"return\": {}, \"id\": \"2\"}\n", test_fatal);
  ADD ("neither-return-nor-error", set_up, "{\"id\": 2}\n", test_fatal);
  ADD ("both-return-and-error", set_up, "{\"id\": 2, \"return\": {}, \"error\": {}}\n", test_fatal);
  ADD ("long-line", set_up, NULL, test_long_line);
  ADD ("no-greeting", set_up_silent, NULL, test_no_greeting);
  ADD ("timeout", set_up, NULL, test_timeout);
  ADD ("cancel", set_up, NULL, test_cancel);
  ADD ("descriptors", set_up, NULL, test_descriptors);
  ADD ("close-inside", set_up, NULL, test_close_inside);
  ADD ("real", set_up, NULL, test_real);
#undef ADD
  g_test_add_func ("/qmp-client/connect", test_connect);
  g_test_add_data_func ("/qmp-client/schema-7.2", "7.2", test_schema);
  g_test_add_data_func ("/qmp-client/schema-10.0", "10.0", test_schema);
  g_test_add_func ("/qmp-parser/refusals", test_parser_refusals);
  return g_test_run ();
}
