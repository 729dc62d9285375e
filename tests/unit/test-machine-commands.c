/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What a running machine says to QEMU. Every command is held against the recorded QAPI schema of each version by the
 * scripted peer; the last test looks into the sources for commands that no test here has made the machine send. */

#include "core/machine/lodge-stream.h"
#include "tests/unit/lodge-fake-guest.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef LodgeFakeGuest Fixture;

static const char *const versions[] = { "7.2", "10.0" };

/* The folders whose sources speak to QEMU's monitor of a guest. */
static const char *const folders[] = { "core/machine", "core/sharing", "core/storage" };

/* Commands that other tests hold against the schema, or QEMU itself; each with the one that does. */
static const struct
{
  const char *command;
  const char *test;
} elsewhere[] = {
  { "send-key", "machine-console" },
  { "add-fd", "machine-console" },
  { "remove-fd", "machine-console" },
  { "blockdev-change-medium", "machine-console" },
  { "eject", "machine-console" },
  { "set_link", "machine-console" },
  { "add_client", "machine-console" },
  { "query-chardev", "machine-console" },
  { "screendump", "machine-console" },
  { "blockdev-add", "machine-disks" },
  { "blockdev-del", "machine-disks" },
  { "block_resize", "machine-disks" },
  { "device_add", "machine-disks" },
  { "device_del", "machine-disks" },
  { "query-named-block-nodes", "machine-disks" },
  { "transaction", "integration/test_snapshots.py" },
  { "nbd-server-stop", "integration/test_backup.py" },
  { "block-job-cancel", "integration/test_backup.py" },
  { NULL, NULL },
};

static GHashTable *sent; /* (element-type utf8) commands that a peer has seen */

static void
tear_down (Fixture *f, gconstpointer version)
{
  lodge_fake_guest_end (f);
  lodge_fake_guest_note_sent (f, sent);
  lodge_fake_guest_tear_down (f, version);
}

static void
test_power (Fixture *f, gconstpointer version)
{
  lodge_qmp_peer_expect_ok (f->peer, "stop", NULL);
  lodge_fake_guest_call (f, LODGE_METHOD_PAUSE, NULL);
  lodge_fake_guest_expect_answer (f);
  g_assert_cmpint (lodge_machine_get_state (f->machine), ==, LODGE_STATE_PAUSED);
  lodge_qmp_peer_event (f->peer, "STOP", NULL);
  lodge_qmp_peer_expect (f->peer, "query-status", NULL, "\"return\": {\"status\": \"paused\", \"singlestep\": false, \"running\": false}");
  lodge_fake_guest_expect_played (f);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "user");

  lodge_qmp_peer_expect_ok (f->peer, "cont", NULL);
  lodge_fake_guest_call (f, LODGE_METHOD_RESUME, NULL);
  lodge_fake_guest_expect_answer (f);
  lodge_qmp_peer_expect_ok (f->peer, "system_reset", NULL);
  lodge_fake_guest_call (f, LODGE_METHOD_RESET, NULL);
  lodge_fake_guest_expect_answer (f);
  lodge_qmp_peer_expect_ok (f->peer, "system_powerdown", NULL);
  lodge_fake_guest_call (f, LODGE_METHOD_SHUTDOWN, NULL);
  lodge_fake_guest_expect_answer (f);
  g_assert_cmpint (lodge_machine_get_state (f->machine), ==, LODGE_STATE_STOPPING);
}

/* A disk error says why with an event; after an adoption only the question is left. */
static void
test_disk_errors (Fixture *f, gconstpointer version)
{
  static const char stopped[] = "\"return\": {\"status\": \"io-error\", \"singlestep\": false, \"running\": false}";

  lodge_qmp_peer_event (f->peer, "BLOCK_IO_ERROR",
                        "{\"device\": \"\", \"node-name\": \"disk0\", \"operation\": \"write\", \"action\": \"stop\", "
                        "\"nospace\": false, \"reason\": \"Input/output error\"}");
  lodge_qmp_peer_event (f->peer, "STOP", NULL);
  lodge_qmp_peer_expect (f->peer, "query-status", NULL, stopped);
  lodge_fake_until (lodge_machine_get_state (f->machine) == LODGE_STATE_PAUSED);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "io-error");

  lodge_qmp_peer_event (f->peer, "RESUME", NULL);
  lodge_fake_until (lodge_machine_get_state (f->machine) == LODGE_STATE_RUNNING);
  lodge_qmp_peer_event (f->peer, "STOP", NULL);
  lodge_qmp_peer_expect (f->peer, "query-status", NULL, stopped);
  lodge_qmp_peer_expect (f->peer, "query-block", NULL, "\"return\": [{\"device\": \"\", \"io-status\": \"failed\"}]");
  lodge_fake_until (lodge_machine_get_state (f->machine) == LODGE_STATE_PAUSED);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "io-error");
}

static void
expect_halt (Fixture *f, const char *status)
{
  g_autofree char *reply = g_strdup_printf ("\"return\": {\"status\": \"%s\", \"singlestep\": false, \"running\": false}", status);

  lodge_qmp_peer_event (f->peer, "STOP", NULL);
  lodge_qmp_peer_expect (f->peer, "query-status", NULL, reply);
  lodge_fake_until (lodge_machine_get_state (f->machine) == LODGE_STATE_PAUSED);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, status);
}

/* KVM gives up: the guest stands still and the reason stays, whatever is tried, until a reset sets it going again. */
static void
test_internal_error (Fixture *f, gconstpointer version)
{
  expect_halt (f, "internal-error");

  lodge_qmp_peer_expect_error (f->peer, "cont", NULL, "Resetting the Virtual Machine is required");
  lodge_fake_guest_call (f, LODGE_METHOD_RESUME, NULL);
  lodge_fake_guest_expect_refusal (f, LODGE_ERROR_QEMU_FAILED);
  g_assert_cmpint (lodge_machine_get_state (f->machine), ==, LODGE_STATE_PAUSED);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "internal-error");

  lodge_qmp_peer_expect_error (f->peer, "system_reset", NULL, "no");
  lodge_fake_guest_call (f, LODGE_METHOD_RESET, NULL);
  lodge_fake_guest_expect_refusal (f, LODGE_ERROR_QEMU_FAILED);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "internal-error");

  lodge_qmp_peer_expect_ok (f->peer, "system_reset", NULL);
  lodge_qmp_peer_expect_ok (f->peer, "cont", NULL);
  lodge_fake_guest_call (f, LODGE_METHOD_RESET, NULL);
  lodge_fake_guest_expect_answer (f);
  g_assert_cmpint (lodge_machine_get_state (f->machine), ==, LODGE_STATE_RUNNING);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "");
}

static void
stopped_cb (LodgeMachine *machine, const char *reason, GVariant *details, char **said)
{
  g_free (*said);
  *said = g_strdup (reason);
}

/* A guest that panics is kept with its last words on the screen; a person's own pause is not set going by a reset. */
static void
test_guest_panicked (Fixture *f, gconstpointer version)
{
  g_autofree char *said = NULL;

  lodge_qmp_peer_event (f->peer, "GUEST_PANICKED", "{\"action\": \"pause\"}");
  expect_halt (f, "guest-panicked");
  lodge_qmp_peer_expect_ok (f->peer, "system_reset", NULL);
  lodge_qmp_peer_expect_ok (f->peer, "cont", NULL);
  lodge_fake_guest_call (f, LODGE_METHOD_RESET, NULL);
  lodge_fake_guest_expect_answer (f);
  g_assert_cmpint (lodge_machine_get_state (f->machine), ==, LODGE_STATE_RUNNING);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "");

  lodge_qmp_peer_expect_ok (f->peer, "stop", NULL);
  lodge_fake_guest_call (f, LODGE_METHOD_PAUSE, NULL);
  lodge_fake_guest_expect_answer (f);
  lodge_qmp_peer_expect_ok (f->peer, "system_reset", NULL);
  lodge_fake_guest_call (f, LODGE_METHOD_RESET, NULL);
  lodge_fake_guest_expect_answer (f);
  g_assert_cmpint (lodge_machine_get_state (f->machine), ==, LODGE_STATE_PAUSED);
  lodge_qmp_peer_expect_ok (f->peer, "cont", NULL);
  lodge_fake_guest_call (f, LODGE_METHOD_RESUME, NULL);
  lodge_fake_guest_expect_answer (f);

  /* A QEMU that was told to end by it ends for that reason. */
  g_signal_connect (f->machine, "stopped", G_CALLBACK (stopped_cb), &said);
  lodge_qmp_peer_event (f->peer, "GUEST_PANICKED", "{\"action\": \"poweroff\"}");
  lodge_qmp_peer_event (f->peer, "SHUTDOWN", "{\"guest\": true, \"reason\": \"guest-panic\"}");
  /* What is answered after the events shows that they were read. */
  lodge_qmp_peer_expect_ok (f->peer, "system_reset", NULL);
  lodge_fake_guest_call (f, LODGE_METHOD_RESET, NULL);
  lodge_fake_guest_expect_answer (f);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "guest-panicked");
  lodge_fake_host_end (f->host, f->qemu, 0, NULL);
  lodge_fake_until (lodge_machine_get_state (f->machine) == LODGE_STATE_OFF);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "guest-panicked");
  g_assert_cmpstr (said, ==, "guest-panicked");
  g_signal_handlers_disconnect_by_data (f->machine, &said);
}

/* ---- The guest's memory as a stream ---- */

static void
stream_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;

  g_clear_error (&f->error);
  lodge_stream_finish (result, &f->error);
  f->answers++;
}

static void
expect_stream (Fixture *f, const char *command, gboolean hold, guint number)
{
  g_autofree char *name = g_strdup_printf ("{\"fdname\": \"lodge-stream-%u\"}", number);
  g_autofree char *uri = g_strdup_printf ("{\"uri\": \"fd:lodge-stream-%u\"}", number);
  g_autofree char *capabilities
    = g_strdup_printf ("{\"capabilities\": [{\"capability\": \"events\", \"state\": true}, "
                       "{\"capability\": \"pause-before-switchover\", \"state\": %s}, "
                       "{\"capability\": \"x-ignore-shared\", \"state\": false}]}", hold ? "true" : "false");

  lodge_qmp_peer_expect_ok (f->peer, "migrate-set-capabilities", capabilities);
  lodge_qmp_peer_expect_ok (f->peer, "getfd", name);
  lodge_qmp_peer_expect_ok (f->peer, command, uri);
}

static void
test_stream (Fixture *f, gconstpointer version)
{
  g_autofree char *path = g_build_filename (f->host->folder, "memory", NULL);
  int fd = g_open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  lodge_qmp_peer_allow (f->peer, "query-status", "\"return\": {\"status\": \"paused\", \"singlestep\": false, \"running\": false}");

  /* Held before the switch, and then gone on with. */
  lodge_qmp_peer_allow (f->peer, "query-migrate", "\"return\": {\"status\": \"pre-switchover\"}");
  lodge_qmp_peer_expect (f->peer, "query-migrate", NULL, "\"return\": {}");
  lodge_qmp_peer_expect_ok (f->peer, "migrate-set-parameters", NULL);
  expect_stream (f, "migrate", TRUE, 1);
  f->answers = 0;
  lodge_stream_out_async (f->machine, fd, TRUE, NULL, stream_cb, f);
  lodge_fake_guest_expect_answer (f);
  lodge_qmp_peer_allow (f->peer, "query-migrate", "\"return\": {\"status\": \"completed\"}");
  lodge_qmp_peer_expect_ok (f->peer, "migrate-continue", "{\"state\": \"pre-switchover\"}");
  f->answers = 0;
  lodge_stream_go_on_async (f->machine, stream_cb, f);
  lodge_fake_guest_expect_answer (f);

  lodge_qmp_peer_allow (f->peer, "query-migrate", "\"return\": {\"status\": \"cancelled\"}");
  lodge_qmp_peer_expect_ok (f->peer, "migrate_cancel", NULL);
  f->answers = 0;
  lodge_stream_abandon_async (f->machine, stream_cb, f);
  lodge_fake_guest_expect_answer (f);

  /* What QEMU does not want must not keep the descriptor. */
  lodge_qmp_peer_expect_ok (f->peer, "migrate-set-capabilities", NULL);
  lodge_qmp_peer_expect_ok (f->peer, "getfd", NULL);
  lodge_qmp_peer_expect_error (f->peer, "migrate-incoming", NULL, "not now");
  lodge_qmp_peer_expect_ok (f->peer, "closefd", "{\"fdname\": \"lodge-stream-2\"}");
  f->answers = 0;
  lodge_stream_in_async (f->machine, fd, NULL, stream_cb, f);
  lodge_fake_guest_expect_refusal (f, LODGE_ERROR_QEMU_FAILED);
  lodge_fake_guest_expect_played (f);

  lodge_qmp_peer_allow (f->peer, "query-migrate", "\"return\": {\"status\": \"completed\"}");
  expect_stream (f, "migrate-incoming", FALSE, 3);
  f->answers = 0;
  lodge_stream_in_async (f->machine, fd, NULL, stream_cb, f);
  lodge_fake_guest_expect_answer (f);
  close (fd);
}

/* ---- Adoption ---- */

static void
adopted_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;

  g_clear_error (&f->error);
  lodge_machine_adopt_finish (LODGE_MACHINE (source), result, &f->error);
  f->answers++;
}

/* As the next core does it. */
static void
adopt (Fixture *f, const char *status)
{
  g_autofree char *id = g_strdup (lodge_machine_get_id (f->machine));
  g_autofree char *answer = g_strdup_printf ("\"return\": {\"status\": \"%s\", \"singlestep\": false, \"running\": %s}", status,
                                             strcmp (status, "running") == 0 ? "true" : "false");
  g_autoptr (GPtrArray) records = NULL;

  lodge_fake_guest_note_sent (f, sent);
  g_clear_object (&f->host->machine);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  records = lodge_runtime_dir_scan (f->host->paths->runtime_dir);
  g_assert_cmpuint (records->len, ==, 1);
  f->machine = f->host->machine = lodge_machine_new (f->host->engine, id, lodge_store_lookup (f->host->store, id));
  f->answers = 0;
  lodge_machine_adopt_async (f->machine, g_ptr_array_index (records, 0), NULL, adopted_cb, f);
  g_ptr_array_set_free_func (records, NULL);
  lodge_fake_guest_greet (f);
  lodge_qmp_peer_expect (f->peer, "query-status", NULL, answer);
}

static void
test_adopt (Fixture *f, gconstpointer version)
{
  adopt (f, "running");
  lodge_fake_guest_expect_answer (f);
  g_assert_cmpint (lodge_machine_get_state (f->machine), ==, LODGE_STATE_RUNNING);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "adopted");

  /* One that its core died on before it let it go is let go. */
  adopt (f, "prelaunch");
  lodge_qmp_peer_expect_ok (f->peer, "cont", NULL);
  lodge_fake_guest_expect_answer (f);
  lodge_fake_guest_expect_played (f);

  /* Nobody ever sees one that stands still as running. */
  adopt (f, "paused");
  lodge_fake_guest_expect_answer (f);
  g_assert_cmpint (lodge_machine_get_state (f->machine), ==, LODGE_STATE_PAUSED);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "user");
}

/* ---- The sources ---- */

static void
check_source (const char *path, GRegex *regex, guint *n)
{
  g_autofree char *text = NULL;
  g_autoptr (GMatchInfo) match = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  for (g_regex_match (regex, text, 0, &match); g_match_info_matches (match); g_match_info_next (match, NULL))
    {
      g_autofree char *command = g_match_info_fetch (match, 1);
      gboolean known = g_hash_table_contains (sent, command);

      for (guint i = 0; !known && elsewhere[i].command != NULL; i++)
        known = strcmp (elsewhere[i].command, command) == 0;
      if (!known)
        g_error ("%s sends %s, which no test here has held against the schema: add it above, or name the test that does in "
                 "the table “elsewhere”", path, command);
      ++*n;
    }
}

static void
test_all_were_sent (void)
{
  g_autoptr (GRegex) regex = g_regex_new ("(?:lodge_qmp_client_execute_async|lodge_machine_command)\\s*\\([^;\"]*\"([a-z][a-z_-]+)\"", 0, 0, NULL);
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      g_autofree char *folder = g_test_build_filename (G_TEST_DIST, "..", "..", folders[i], NULL);
      g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
      const char *name;

      g_assert_nonnull (dir);
      while ((name = g_dir_read_name (dir)) != NULL)
        {
          g_autofree char *path = g_build_filename (folder, name, NULL);

          if (g_str_has_suffix (name, ".c"))
            check_source (path, regex, &n);
        }
    }
  g_assert_cmpuint (n, >=, 25);
}

int
main (int argc, char **argv)
{
  int result;

  lodge_fake_host_main (argc, argv);
  g_test_init (&argc, &argv, NULL);
  sent = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      static const struct
      {
        const char *name;
        void (*set_up) (Fixture *, gconstpointer);
        void (*func) (Fixture *, gconstpointer);
      } tests[] = {
        { "power", lodge_fake_guest_set_up, test_power },
        { "disk-errors", lodge_fake_guest_set_up, test_disk_errors },
        { "internal-error", lodge_fake_guest_set_up, test_internal_error },
        { "guest-panicked", lodge_fake_guest_set_up, test_guest_panicked },
        { "stream", lodge_fake_guest_set_up, test_stream },
        { "adopt", lodge_fake_guest_set_up, test_adopt },
      };

      for (guint k = 0; k < G_N_ELEMENTS (tests); k++)
        {
          g_autofree char *path = g_strdup_printf ("/machine-commands/%s/%s", versions[i], tests[k].name);

          g_test_add (path, Fixture, versions[i], tests[k].set_up, tests[k].func, tear_down);
        }
    }
  /* A folder of its own, since those run in the order in which they were added. */
  g_test_add_func ("/machine-commands/sources/all-were-sent", test_all_were_sent);
  result = g_test_run ();
  g_hash_table_unref (sent);
  return result;
}
