/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-runtime-record.h"

#include "core/qemu/lodge-process.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID "0a1b2c3d-1111-4222-8333-444455556666"
#define OTHER_ID "0a1b2c3d-9999-4222-8333-444455556666"

typedef struct
{
  char *parent;
  GPid child;
} Fixture;

static const char *const child_argv[] = { "sleep", "600", NULL };

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *top = g_dir_make_tmp ("lodge-record-XXXXXX", &error);

  g_assert_no_error (error);
  fixture->parent = g_build_filename (top, "lodge", NULL);
  g_spawn_async (NULL, (char **) child_argv, NULL,
                 G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &fixture->child, &error);
  g_assert_no_error (error);
}

static void
end_child (Fixture *fixture)
{
  if (fixture->child == 0)
    return;
  kill (fixture->child, SIGKILL);
  waitpid (fixture->child, NULL, 0);
  fixture->child = 0;
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autofree char *top = g_path_get_dirname (fixture->parent);

  end_child (fixture);
  lodge_runtime_dir_remove (top);
  g_assert_false (g_file_test (top, G_FILE_TEST_EXISTS));
  g_free (fixture->parent);
}

static LodgeRuntimeRecord *
make_record (Fixture *fixture, const char *dir, const char *id)
{
  LodgeRuntimeRecord *record = lodge_runtime_record_new (dir, id);

  record->folder = g_strdup ("/machines/one");
  record->boot_id = lodge_runtime_boot_id ();
  record->pid = fixture->child;
  record->start_time = lodge_runtime_start_time (fixture->child);
  record->started = 1234567;
  record->paused = TRUE;
  record->ahead = TRUE;
  lodge_runtime_record_set_argv (record, child_argv, child_argv);
  lodge_runtime_record_add_helper (record, "passt", 4711, 99);
  g_variant_unref (record->effective);
  record->effective = g_variant_ref_sink (g_variant_new_parsed ("{'accelerator': <'tcg'>, 'number': <1>}"));
  return record;
}

static char *
create (Fixture *fixture, const char *id)
{
  g_autoptr (GError) error = NULL;
  char *dir = lodge_runtime_dir_create (fixture->parent, id, &error);

  g_assert_no_error (error);
  return dir;
}

static char *
create_with_record (Fixture *fixture, const char *id)
{
  g_autoptr (GError) error = NULL;
  char *dir = create (fixture, id);
  g_autoptr (LodgeRuntimeRecord) record = make_record (fixture, dir, id);

  lodge_runtime_record_write (record, "{}\n", 3, &error);
  g_assert_no_error (error);
  return dir;
}

static void
test_round_trip (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = create_with_record (fixture, ID);
  g_autofree char *name = g_path_get_basename (dir);
  g_autoptr (LodgeRuntimeRecord) record = NULL;
  LodgeRuntimeHelper *helper;
  const char *accelerator = NULL;
  struct stat st;

  g_assert_cmpstr (name, ==, "0a1b2c3d");
  g_assert_cmpint (stat (dir, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 0777, ==, 0700);

  record = lodge_runtime_record_read (dir, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (record->id, ==, ID);
  g_assert_cmpstr (record->folder, ==, "/machines/one");
  g_assert_cmpint (record->pid, ==, fixture->child);
  g_assert_cmpint (record->started, ==, 1234567);
  g_assert_true (record->paused);
  g_assert_true (record->ahead);
  g_assert_cmpuint (record->helpers->len, ==, 1);
  helper = g_ptr_array_index (record->helpers, 0);
  g_assert_cmpstr (helper->name, ==, "passt");
  g_assert_cmpint (helper->pid, ==, 4711);
  g_assert_true (g_variant_lookup (record->effective, "accelerator", "&s", &accelerator));
  g_assert_cmpstr (accelerator, ==, "tcg");
}

/* The child may still be between fork and exec, with the test's own command line. */
static void
wait_for_exec (const LodgeRuntimeRecord *record)
{
  for (guint i = 0; i < 5000 && !lodge_runtime_record_verify (record); i++)
    g_usleep (1000);
}

static void
test_verify (Fixture *fixture, gconstpointer data)
{
  static const char *const other_argv[] = { "sleep", "601", NULL };
  g_autofree char *dir = create (fixture, ID);
  g_autoptr (LodgeRuntimeRecord) record = make_record (fixture, dir, ID);

  wait_for_exec (record);
  g_assert_true (lodge_runtime_record_verify (record));

  lodge_runtime_record_set_argv (record, other_argv, other_argv);
  g_assert_false (lodge_runtime_record_verify (record));
  g_assert_true (lodge_runtime_record_is_alive (record));
  lodge_runtime_record_set_argv (record, other_argv, child_argv);
  g_assert_true (lodge_runtime_record_verify (record));

  record->start_time++;
  g_assert_false (lodge_runtime_record_verify (record));
  record->start_time--;

  record->boot_id[0] ^= 1;
  g_assert_false (lodge_runtime_record_verify (record));
  record->boot_id[0] ^= 1;

  g_assert_true (lodge_runtime_record_verify (record));
  kill (fixture->child, SIGKILL);
  waitid (P_PID, fixture->child, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
  g_assert_false (lodge_runtime_record_is_alive (record));
  end_child (fixture);
  g_assert_false (lodge_runtime_record_verify (record));
}

static void
test_scan_removes_the_dead (Fixture *fixture, gconstpointer data)
{
  g_autofree char *dir = create_with_record (fixture, ID);
  g_autofree char *empty = create (fixture, "ffffffff-1111-4222-8333-444455556666");
  g_autoptr (LodgeRuntimeRecord) record = make_record (fixture, dir, ID);
  GPtrArray *records;

  wait_for_exec (record);
  records = lodge_runtime_dir_scan (fixture->parent);
  g_assert_cmpuint (records->len, ==, 1);
  g_assert_cmpstr (((LodgeRuntimeRecord *) g_ptr_array_index (records, 0))->dir, ==, dir);
  g_assert_false (g_file_test (empty, G_FILE_TEST_EXISTS));
  g_ptr_array_unref (records);

  end_child (fixture);
  records = lodge_runtime_dir_scan (fixture->parent);
  g_assert_cmpuint (records->len, ==, 0);
  g_assert_false (g_file_test (dir, G_FILE_TEST_EXISTS));
  g_ptr_array_unref (records);
}

static void
test_same_eight_digits (Fixture *fixture, gconstpointer data)
{
  g_autofree char *dir G_GNUC_UNUSED = create_with_record (fixture, ID);
  g_autofree char *second = create (fixture, OTHER_ID);
  g_autofree char *name = g_path_get_basename (second);
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (name, ==, "0a1b2c3d-2");
  g_assert_null (lodge_runtime_dir_create (fixture->parent, ID, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IN_USE);
}

static void
test_left_over_is_replaced (Fixture *fixture, gconstpointer data)
{
  g_autofree char *dir = create_with_record (fixture, ID);
  g_autofree char *again = NULL;
  g_autofree char *file = g_build_filename (dir, "record.json", NULL);

  end_child (fixture);
  again = create (fixture, ID);
  g_assert_cmpstr (again, ==, dir);
  g_assert_false (g_file_test (file, G_FILE_TEST_EXISTS));
}

static void
test_hostile_records (Fixture *fixture, gconstpointer data)
{
  static const char *const texts[] = {
    "", "[]", "{}", "nonsense", "{\"version\":1}",
    "{\"version\":1,\"id\":1,\"folder\":[],\"boot-id\":\"\",\"pid\":5,\"start-time\":5}",
    "{\"version\":1,\"id\":\"" ID "\",\"folder\":\"/f\",\"boot-id\":\"b\",\"pid\":1,\"start-time\":5,\"argv-hashes\":[],\"effective\":{},\"helpers\":[]}",
    "{\"version\":1,\"id\":\"" ID "\",\"folder\":\"f\",\"boot-id\":\"b\",\"pid\":9,\"start-time\":5,\"argv-hashes\":[],\"effective\":{},\"helpers\":[]}",
    "{\"version\":1,\"id\":\"" ID "\",\"folder\":\"/f\",\"boot-id\":\"b\",\"pid\":9,\"start-time\":5,\"argv-hashes\":[{}],\"effective\":{},\"helpers\":[]}",
    "{\"version\":1,\"id\":\"" ID "\",\"folder\":\"/f\",\"boot-id\":\"b\",\"pid\":9,\"start-time\":5,\"argv-hashes\":[],\"effective\":{},\"helpers\":[7]}",
    "{\"version\":1,\"id\":\"../x\",\"folder\":\"/f\",\"boot-id\":\"b\",\"pid\":9,\"start-time\":5,\"argv-hashes\":[],\"effective\":{},\"helpers\":[]}",
    "{\"version\":2,\"id\":\"" ID "\",\"folder\":\"/f\",\"boot-id\":\"b\",\"pid\":9,\"start-time\":5,\"argv-hashes\":[],\"effective\":{},\"helpers\":[]}",
  };
  g_autofree char *dir = create (fixture, ID);
  g_autofree char *path = g_build_filename (dir, "record.json", NULL);
  g_autofree char *deep = g_strnfill (60000, '[');

  g_assert_true (g_file_set_contents (path, deep, -1, NULL));
  g_assert_null (lodge_runtime_record_read (dir, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (g_file_set_contents (path, texts[i], -1, NULL));
      g_assert_null (lodge_runtime_record_read (dir, &error));
      g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IO);
    }
}

/* A core that dies just when it has opened the gate leaves a guest whose command line is still the gate's. */
static void
test_gate_is_verified (Fixture *fixture, gconstpointer data)
{
  static const char *const environment[] = { NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = create (fixture, ID);
  g_autoptr (LodgeRuntimeRecord) record = make_record (fixture, dir, ID);
  g_autoptr (LodgeProcess) process = lodge_process_spawn (child_argv, environment, NULL, NULL, &error);

  g_assert_no_error (error);
  record->pid = lodge_process_get_pid (process);
  record->start_time = lodge_process_get_start_time (process);
  wait_for_exec (record);
  g_assert_true (lodge_runtime_record_verify (record));
  lodge_process_kill (process);
}

/* swtpm waits for ever for a QEMU that ended before it had set up its TPM. */
static void
test_helpers_of_the_dead_end (Fixture *fixture, gconstpointer data)
{
  g_autofree char *dir = create (fixture, ID);
  g_autoptr (LodgeRuntimeRecord) record = make_record (fixture, dir, ID);
  g_autoptr (GPtrArray) records = NULL;

  lodge_runtime_record_add_helper (record, "swtpm", record->pid, record->start_time);
  record->pid = G_MAXINT;
  g_assert_true (lodge_runtime_record_write (record, "{}\n", 3, NULL));
  records = lodge_runtime_dir_scan (fixture->parent);
  g_assert_cmpuint (records->len, ==, 0);
  waitid (P_PID, fixture->child, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
  g_assert_false (g_file_test (dir, G_FILE_TEST_EXISTS));
}

/* bubblewrap was killed, QEMU was not. */
static void
test_inner_process_is_found (Fixture *fixture, gconstpointer data)
{
  static const char *const argv[] = { "sleep", "600.125", NULL };
  g_autofree char *dir = create (fixture, ID);
  g_autoptr (LodgeRuntimeRecord) record = NULL;
  g_autoptr (GPtrArray) records = NULL;
  int listener = lodge_runtime_listen (dir, LODGE_SOCKET_RESCUE, NULL);

  end_child (fixture);
  g_assert_true (g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                                NULL, &fixture->child, NULL));
  record = make_record (fixture, dir, ID);
  lodge_runtime_record_set_argv (record, argv, argv);
  wait_for_exec (record);
  record->pid = G_MAXINT;
  g_assert_true (lodge_runtime_record_write (record, "{}\n", 3, NULL));

  records = lodge_runtime_dir_scan (fixture->parent);
  g_assert_cmpuint (records->len, ==, 1);
  g_assert_cmpint (((LodgeRuntimeRecord *) g_ptr_array_index (records, 0))->pid, ==, fixture->child);
  close (listener);
}

static void
test_record_of_another_version (Fixture *fixture, gconstpointer data)
{
  g_autofree char *dir = create (fixture, ID);
  g_autofree char *path = g_build_filename (dir, "record.json", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) records = NULL;
  g_autoptr (GPtrArray) later = NULL;
  int listener = lodge_runtime_listen (dir, LODGE_SOCKET_RESCUE, NULL);

  g_assert_cmpint (listener, >=, 0);
  g_assert_true (g_file_set_contents (path, "{\"version\": 2}", -1, NULL));
  records = lodge_runtime_dir_scan (fixture->parent);
  g_assert_cmpuint (records->len, ==, 0);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_null (lodge_runtime_dir_create (fixture->parent, ID, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IN_USE);

  close (listener);
  later = lodge_runtime_dir_scan (fixture->parent);
  g_assert_false (g_file_test (dir, G_FILE_TEST_EXISTS));
}

static void
test_long_path (Fixture *fixture, gconstpointer data)
{
  g_autofree char *long_name = g_strnfill (100, 'x');
  g_autofree char *parent = g_build_filename (fixture->parent, long_name, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (lodge_runtime_listen (parent, LODGE_SOCKET_QMP, &error), ==, -1);
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_RUNTIME_DIR);
  g_assert_nonnull (strstr (error->message, "XDG_RUNTIME_DIR"));
}

static void
test_listen_and_connect (Fixture *fixture, gconstpointer data)
{
  g_autofree char *dir = create (fixture, ID);
  g_autoptr (GError) error = NULL;
  int listener, client;

  g_assert_cmpint (lodge_runtime_connect (dir, LODGE_SOCKET_SERIAL, &error), ==, -1);
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);

  listener = lodge_runtime_listen (dir, LODGE_SOCKET_SERIAL, &error);
  g_assert_no_error (error);
  client = lodge_runtime_connect (dir, LODGE_SOCKET_SERIAL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (client, >=, 0);
  close (client);
  close (listener);
}

static void
test_parent_is_a_file (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (fixture->parent, "x", 1, NULL));
  g_assert_null (lodge_runtime_dir_create (fixture->parent, ID, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_RUNTIME_DIR);
}

static void
test_remove_follows_no_link (Fixture *fixture, gconstpointer data)
{
  g_autofree char *dir = create (fixture, ID);
  g_autofree char *kept = g_build_filename (fixture->parent, "kept", NULL);
  g_autofree char *kept_file = g_build_filename (kept, "file", NULL);
  g_autofree char *link = g_build_filename (dir, "link", NULL);

  g_assert_cmpint (g_mkdir (kept, 0700), ==, 0);
  g_assert_true (g_file_set_contents (kept_file, "x", 1, NULL));
  g_assert_cmpint (symlink (kept, link), ==, 0);
  lodge_runtime_dir_remove (dir);
  g_assert_false (g_file_test (dir, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (kept_file, G_FILE_TEST_EXISTS));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(name, func) g_test_add ("/runtime-record/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("round-trip", test_round_trip);
  ADD ("verify", test_verify);
  ADD ("scan", test_scan_removes_the_dead);
  ADD ("same-eight-digits", test_same_eight_digits);
  ADD ("left-over", test_left_over_is_replaced);
  ADD ("hostile", test_hostile_records);
  ADD ("gate", test_gate_is_verified);
  ADD ("helpers", test_helpers_of_the_dead_end);
  ADD ("inner", test_inner_process_is_found);
  ADD ("other-version", test_record_of_another_version);
  ADD ("long-path", test_long_path);
  ADD ("listen", test_listen_and_connect);
  ADD ("parent-is-a-file", test_parent_is_a_file);
  ADD ("no-link", test_remove_follows_no_link);

  return g_test_run ();
}
