/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What a running machine says to QEMU. Every command is held against the recorded QAPI schema of each version by the
 * scripted peer; the last test looks into the sources for commands that no test here has made the machine send. */

#include "core/machine/lodge-stream.h"
#include "tests/unit/lodge-fake-host.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define QEMU "qemu-system-x86_64"

typedef struct
{
  const char       *version;
  LodgeFakeHost    *host;
  LodgeMachine     *machine; /* the host's */
  LodgeFakeProgram *qemu;
  LodgeQmpPeer     *peer;
  guint             answers;
  GError           *error;   /* of the last answer */
  int               fd;      /* of the last answer, or -1 */
} Fixture;

static const char *const versions[] = { "7.2", "10.0" };

/* The folders whose sources speak to QEMU's monitor of a guest. */
static const char *const folders[] = { "core/machine", "core/sharing", "core/storage" };

/* Commands that other tests hold against the schema, or QEMU itself; each with the one that does. */
static const struct
{
  const char *command;
  const char *test;
} elsewhere[] = {
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
call_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;

  g_clear_error (&f->error);
  lodge_machine_call_finish (LODGE_MACHINE (source), result, &f->error);
  f->answers++;
}

static void
input_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;

  g_clear_error (&f->error);
  lodge_machine_input_finish (LODGE_MACHINE (source), result, &f->error);
  f->answers++;
}

static void
open_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;

  g_clear_error (&f->error);
  f->fd = lodge_machine_open_finish (LODGE_MACHINE (source), result, &f->error);
  f->answers++;
}

static void
settings_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;

  g_clear_error (&f->error);
  g_strfreev (lodge_machine_set_settings_finish (LODGE_MACHINE (source), result, &f->error));
  f->answers++;
}

static void
call (Fixture *f, LodgeMethod method, const char *medium)
{
  f->answers = 0;
  lodge_machine_call_async (f->machine, method, NULL, medium, NULL, call_cb, f);
}

static void
set (Fixture *f, const char *settings)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (settings));

  f->answers = 0;
  lodge_machine_set_settings_async (f->machine, value, NULL, NULL, settings_cb, f);
}

static void
expect_answer (Fixture *f)
{
  lodge_fake_until (f->answers == 1);
  g_assert_no_error (f->error);
}

static void
expect_refusal (Fixture *f, LodgeError code)
{
  lodge_fake_until (f->answers == 1);
  g_assert_error (f->error, LODGE_ERROR, (int) code);
}

/* Until the peer has had all that it expects, also what nobody waits for an answer to. */
static void
expect_played (Fixture *f)
{
  lodge_qmp_peer_run (f->peer);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
greet (Fixture *f)
{
  f->qemu = lodge_fake_host_wait (f->host, QEMU);
  f->peer = lodge_fake_host_greet (f->host, f->qemu, f->version);
}

static void
start (Fixture *f)
{
  call (f, LODGE_METHOD_START, NULL);
  greet (f);
  lodge_qmp_peer_expect_ok (f->peer, "cont", NULL);
  expect_answer (f);
}

static LodgeProfile *
make_profile (void)
{
  LodgeProfile *profile = lodge_profile_new ("Fake", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);

  profile->firmware = LODGE_FIRMWARE_BIOS;
  profile->memory = 64 * 1024 * 1024;
  lodge_profile_add_cd (profile, NULL);
  return profile;
}

static void
set_up_off (Fixture *f, gconstpointer version)
{
  f->version = version;
  f->fd = -1;
  f->host = lodge_fake_host_new (version);
  lodge_fake_host_add_machine (f->host, make_profile ());
  f->machine = f->host->machine;
}

static void
set_up (Fixture *f, gconstpointer version)
{
  set_up_off (f, version);
  start (f);
}

static void
note_sent (Fixture *f)
{
  for (guint i = 0; i < f->host->programs->len; i++)
    {
      LodgeFakeProgram *program = g_ptr_array_index (f->host->programs, i);

      if (program->peer != NULL)
        lodge_qmp_peer_add_seen (program->peer, sent);
    }
}

static void
tear_down (Fixture *f, gconstpointer version)
{
  if (lodge_machine_has_guest (f->machine))
    {
      lodge_qmp_peer_expect_ok (f->peer, "quit", NULL);
      call (f, LODGE_METHOD_FORCE_OFF, NULL);
      lodge_qmp_peer_run (f->peer);
      lodge_fake_host_end (f->host, f->qemu, 0, NULL);
      expect_answer (f);
    }
  note_sent (f);
  g_clear_error (&f->error);
  lodge_fake_host_free (f->host);
}

static void
test_power (Fixture *f, gconstpointer version)
{
  lodge_qmp_peer_expect_ok (f->peer, "stop", NULL);
  call (f, LODGE_METHOD_PAUSE, NULL);
  expect_answer (f);
  g_assert_cmpint (lodge_machine_get_state (f->machine), ==, LODGE_STATE_PAUSED);
  lodge_qmp_peer_event (f->peer, "STOP", NULL);
  lodge_qmp_peer_expect (f->peer, "query-status", NULL, "\"return\": {\"status\": \"paused\", \"singlestep\": false, \"running\": false}");
  expect_played (f);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "user");

  lodge_qmp_peer_expect_ok (f->peer, "cont", NULL);
  call (f, LODGE_METHOD_RESUME, NULL);
  expect_answer (f);
  lodge_qmp_peer_expect_ok (f->peer, "system_reset", NULL);
  call (f, LODGE_METHOD_RESET, NULL);
  expect_answer (f);
  lodge_qmp_peer_expect_ok (f->peer, "system_powerdown", NULL);
  call (f, LODGE_METHOD_SHUTDOWN, NULL);
  expect_answer (f);
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
  call (f, LODGE_METHOD_RESUME, NULL);
  expect_refusal (f, LODGE_ERROR_QEMU_FAILED);
  g_assert_cmpint (lodge_machine_get_state (f->machine), ==, LODGE_STATE_PAUSED);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "internal-error");

  lodge_qmp_peer_expect_error (f->peer, "system_reset", NULL, "no");
  call (f, LODGE_METHOD_RESET, NULL);
  expect_refusal (f, LODGE_ERROR_QEMU_FAILED);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "internal-error");

  lodge_qmp_peer_expect_ok (f->peer, "system_reset", NULL);
  lodge_qmp_peer_expect_ok (f->peer, "cont", NULL);
  call (f, LODGE_METHOD_RESET, NULL);
  expect_answer (f);
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
  call (f, LODGE_METHOD_RESET, NULL);
  expect_answer (f);
  g_assert_cmpint (lodge_machine_get_state (f->machine), ==, LODGE_STATE_RUNNING);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "");

  lodge_qmp_peer_expect_ok (f->peer, "stop", NULL);
  call (f, LODGE_METHOD_PAUSE, NULL);
  expect_answer (f);
  lodge_qmp_peer_expect_ok (f->peer, "system_reset", NULL);
  call (f, LODGE_METHOD_RESET, NULL);
  expect_answer (f);
  g_assert_cmpint (lodge_machine_get_state (f->machine), ==, LODGE_STATE_PAUSED);
  lodge_qmp_peer_expect_ok (f->peer, "cont", NULL);
  call (f, LODGE_METHOD_RESUME, NULL);
  expect_answer (f);

  /* A QEMU that was told to end by it ends for that reason. */
  g_signal_connect (f->machine, "stopped", G_CALLBACK (stopped_cb), &said);
  lodge_qmp_peer_event (f->peer, "GUEST_PANICKED", "{\"action\": \"poweroff\"}");
  lodge_qmp_peer_event (f->peer, "SHUTDOWN", "{\"guest\": true, \"reason\": \"guest-panic\"}");
  /* What is answered after the events shows that they were read. */
  lodge_qmp_peer_expect_ok (f->peer, "system_reset", NULL);
  call (f, LODGE_METHOD_RESET, NULL);
  expect_answer (f);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "guest-panicked");
  lodge_fake_host_end (f->host, f->qemu, 0, NULL);
  lodge_fake_until (lodge_machine_get_state (f->machine) == LODGE_STATE_OFF);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "guest-panicked");
  g_assert_cmpstr (said, ==, "guest-panicked");
  g_signal_handlers_disconnect_by_data (f->machine, &said);
}

/* ---- Keys ---- */

static char *
chord (const char *keys, guint hold)
{
  g_auto (GStrv) words = g_strsplit (keys, "+", -1);
  GString *text = g_string_new (NULL);

  g_string_printf (text, "{\"hold-time\": %u, \"keys\": [", hold);
  for (guint i = 0; words[i] != NULL; i++)
    g_string_append_printf (text, "%s{\"type\": \"qcode\", \"data\": \"%s\"}", i > 0 ? ", " : "", words[i]);
  return g_string_free (g_string_append (text, "]}"), FALSE);
}

static void
expect_chord (Fixture *f, const char *keys, guint hold)
{
  g_autofree char *arguments = chord (keys, hold);

  lodge_qmp_peer_expect_ok (f->peer, "send-key", arguments);
}

static void
test_keys (Fixture *f, gconstpointer version)
{
  static const char *const keys[] = { "ctrl", "alt", "delete", NULL };
  static const char *const nonsense[] = { "ctrl", "no-such-key", NULL };

  expect_chord (f, "ctrl+alt+delete", 1);
  f->answers = 0;
  lodge_machine_send_keys_async (f->machine, keys, g_variant_new_parsed ("{'hold-time': <uint32 1>}"), NULL, input_cb, f);
  expect_answer (f);

  expect_chord (f, "shift+a", 6);
  expect_chord (f, "ret", 6);
  f->answers = 0;
  lodge_machine_type_text_async (f->machine, "A\n", NULL, NULL, input_cb, f);
  expect_answer (f);

  f->answers = 0;
  lodge_machine_send_keys_async (f->machine, nonsense, NULL, NULL, input_cb, f);
  expect_refusal (f, LODGE_ERROR_INVALID_ARGUMENT);
}

/* Two clients at once: each one's keys stay together, in the order of the calls, and the errors are each one's own. */
static void
test_keys_of_two_clients (Fixture *f, gconstpointer version)
{
  static const char *const keys[] = { "f1", NULL };
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  Fixture first = { 0 }, second = { 0 }, third = { 0 }, fourth = { 0 }, fifth = { 0 };

  expect_chord (f, "a", 6);
  expect_chord (f, "b", 6);
  lodge_qmp_peer_expect_error (f->peer, "send-key", "{\"hold-time\": 6, \"keys\": [{\"type\": \"qcode\", \"data\": \"c\"}]}", "no");
  expect_chord (f, "f1", 100);
  expect_chord (f, "e", 6);
  lodge_machine_type_text_async (f->machine, "ab", NULL, NULL, input_cb, &first);
  lodge_machine_type_text_async (f->machine, "cd", NULL, NULL, input_cb, &second);
  lodge_machine_send_keys_async (f->machine, keys, NULL, NULL, input_cb, &third);
  lodge_machine_type_text_async (f->machine, "xyz", NULL, cancelled, input_cb, &fourth);
  lodge_machine_type_text_async (f->machine, "e", NULL, NULL, input_cb, &fifth);
  g_cancellable_cancel (cancelled);
  lodge_fake_until (fifth.answers == 1);
  g_assert_cmpuint (first.answers, ==, 1);
  g_assert_no_error (first.error);
  g_assert_error (second.error, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED);
  g_assert_no_error (third.error);
  g_assert_error (fourth.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_no_error (fifth.error);
  g_clear_error (&second.error);
  g_clear_error (&fourth.error);
  g_assert_cmpuint (lodge_qmp_peer_get_left (f->peer), ==, 0);
}

/* A guest that ends takes its queue along: everybody is answered. */
static void
test_keys_of_a_guest_that_ends (Fixture *f, gconstpointer version)
{
  Fixture first = { 0 }, second = { 0 };

  lodge_qmp_peer_expect (f->peer, "send-key", NULL, NULL);
  lodge_machine_type_text_async (f->machine, "a", NULL, NULL, input_cb, &first);
  lodge_machine_type_text_async (f->machine, "b", NULL, NULL, input_cb, &second);
  expect_played (f);
  lodge_fake_host_end (f->host, f->qemu, -SIGKILL, NULL);
  lodge_fake_until (first.answers == 1 && second.answers == 1 && !lodge_machine_has_guest (f->machine));
  g_assert_nonnull (first.error);
  g_assert_nonnull (second.error);
  g_clear_error (&first.error);
  g_clear_error (&second.error);
}

/* ---- The CD drive ---- */

/* The least that is an ISO 9660 image: its volume descriptor. */
static char *
make_iso (Fixture *f, const char *name)
{
  char *path = g_build_filename (f->host->folder, name, NULL);
  g_autofree char *image = g_malloc0 (40 * 2048);

  memcpy (image + 16 * 2048, "\1CD001\1", 7);
  memcpy (image + 17 * 2048, "\xff" "CD001\1", 7);
  g_assert_true (g_file_set_contents (path, image, 40 * 2048, NULL));
  return path;
}

static const char *
saved_cd (Fixture *f)
{
  LodgeStoreEntry *entry = lodge_store_lookup (f->host->store, lodge_machine_get_id (f->machine));
  const LodgeDisk *disk = g_ptr_array_index (entry->profile->disks, 0);

  g_assert_true (disk->cdrom);
  return disk->file;
}

static void
expect_change (Fixture *f, gboolean taken)
{
  static const char arguments[] = "{\"id\": \"cd0\", \"filename\": \"/dev/fdset/3\", \"format\": \"raw\", "
                                  "\"read-only-mode\": \"read-only\", \"force\": true}";

  lodge_qmp_peer_expect (f->peer, "add-fd", "{}", "\"return\": {\"fdset-id\": 3, \"fd\": 40}");
  if (taken)
    lodge_qmp_peer_expect_ok (f->peer, "blockdev-change-medium", arguments);
  else
    lodge_qmp_peer_expect_error (f->peer, "blockdev-change-medium", arguments, "the tray is locked");
  lodge_qmp_peer_expect_ok (f->peer, "remove-fd", "{\"fdset-id\": 3}");
}

static void
test_medium (Fixture *f, gconstpointer version)
{
  g_autofree char *iso = make_iso (f, "a.iso");
  struct stat passed, given;
  int fd;

  expect_change (f, TRUE);
  call (f, LODGE_METHOD_INSERT_MEDIUM, iso);
  expect_answer (f);
  expect_played (f);
  fd = lodge_qmp_peer_take_fd (f->peer);
  g_assert_no_errno (fstat (fd, &passed));
  g_assert_no_errno (stat (iso, &given));
  g_assert_cmpuint (passed.st_ino, ==, given.st_ino);
  close (fd);
  g_assert_cmpstr (saved_cd (f), ==, iso);

  lodge_qmp_peer_expect_ok (f->peer, "eject", "{\"id\": \"cd0\", \"force\": true}");
  call (f, LODGE_METHOD_EJECT_MEDIUM, NULL);
  expect_answer (f);
  g_assert_null (saved_cd (f));
}

/* What the drive cannot have is refused before anything is saved; what QEMU refuses is not saved either. */
static void
test_settings_with_a_medium (Fixture *f, gconstpointer version)
{
  g_autofree char *iso = make_iso (f, "a.iso");
  g_autofree char *other = make_iso (f, "b.iso");
  g_autofree char *letter = g_build_filename (f->host->folder, "letter.iso", NULL);
  g_autofree char *good = g_strdup_printf ("{'cd': <'%s'>}", iso);
  g_autofree char *with_name = g_strdup_printf ("{'cd': <'%s'>, 'name': <'Renamed'>}", other);
  g_autofree char *text = g_strdup_printf ("{'cd': <'%s'>, 'name': <'Renamed'>}", letter);
  gboolean runs = lodge_machine_has_guest (f->machine);

  g_assert_true (g_file_set_contents (letter, "no disc\n", -1, NULL));
  set (f, "{'cd': <'/nonexistent.iso'>, 'name': <'Renamed'>}");
  expect_refusal (f, LODGE_ERROR_NOT_FOUND);
  set (f, text);
  expect_refusal (f, LODGE_ERROR_WRONG_FORMAT);
  set (f, "{'cd': <'/dev/null'>}");
  expect_refusal (f, LODGE_ERROR_WRONG_FORMAT);
  g_assert_null (saved_cd (f));
  g_assert_cmpstr (lodge_machine_get_name (f->machine), ==, "Fake");

  if (runs)
    expect_change (f, TRUE);
  set (f, good);
  expect_answer (f);
  g_assert_cmpstr (saved_cd (f), ==, iso);
  if (!runs)
    return;

  expect_change (f, FALSE);
  set (f, with_name);
  expect_refusal (f, LODGE_ERROR_QEMU_FAILED);
  expect_played (f);
  g_assert_cmpstr (saved_cd (f), ==, iso);
  g_assert_cmpstr (lodge_machine_get_name (f->machine), ==, "Renamed");
}

static void
test_cable (Fixture *f, gconstpointer version)
{
  lodge_qmp_peer_expect_ok (f->peer, "set_link", "{\"name\": \"net0\", \"up\": false}");
  set (f, "{'network': <'none'>}");
  expect_answer (f);
  expect_played (f);
  lodge_qmp_peer_expect_ok (f->peer, "set_link", "{\"name\": \"net0\", \"up\": true}");
  set (f, "{'network': <'user'>}");
  expect_answer (f);
  expect_played (f);
}

/* ---- What is handed out ---- */

static void
open_it (Fixture *f, LodgeMethod method, const char *channel)
{
  f->answers = 0;
  lodge_machine_open_async (f->machine, method, channel, NULL, NULL, open_cb, f);
}

static void
test_display (Fixture *f, gconstpointer version)
{
  int fd;

  lodge_qmp_peer_expect_ok (f->peer, "getfd", "{\"fdname\": \"lodge-display-1\"}");
  lodge_qmp_peer_expect_ok (f->peer, "add_client", "{\"protocol\": \"@dbus-display\", \"fdname\": \"lodge-display-1\", \"skipauth\": true}");
  open_it (f, LODGE_METHOD_OPEN_DISPLAY, NULL);
  expect_answer (f);
  fd = lodge_qmp_peer_take_fd (f->peer);
  g_assert_cmpint (send (fd, "x", 1, 0), ==, 1);
  g_assert_cmpint (recv (f->fd, (char[1]) { 0 }, 1, 0), ==, 1);
  close (fd);
  close (f->fd);

  /* One that QEMU does not want must not stay with it. */
  lodge_qmp_peer_expect_ok (f->peer, "getfd", NULL);
  lodge_qmp_peer_expect_error (f->peer, "add_client", NULL, "no display");
  lodge_qmp_peer_expect_ok (f->peer, "closefd", "{\"fdname\": \"lodge-display-2\"}");
  open_it (f, LODGE_METHOD_OPEN_DISPLAY, NULL);
  expect_refusal (f, LODGE_ERROR_QEMU_FAILED);
  expect_played (f);
}

static void
test_channel (Fixture *f, gconstpointer version)
{
  lodge_qmp_peer_expect (f->peer, "query-chardev", NULL,
                         "\"return\": [{\"label\": \"serial\", \"filename\": \"disconnected:unix:fd\", \"frontend-open\": true}]");
  open_it (f, LODGE_METHOD_OPEN_CHANNEL, "serial");
  expect_answer (f);
  g_assert_cmpint (f->fd, >=, 0);
  close (f->fd);

  lodge_qmp_peer_expect (f->peer, "query-chardev", NULL,
                         "\"return\": [{\"label\": \"serial\", \"filename\": \"unix:fd <-> x\", \"frontend-open\": true}]");
  open_it (f, LODGE_METHOD_OPEN_CHANNEL, "serial");
  expect_refusal (f, LODGE_ERROR_IN_USE);
}

static void
write_picture (Fixture *f, const char *picture, gsize length)
{
  int fd;

  lodge_fake_until (lodge_qmp_peer_get_left (f->peer) == 2);
  fd = lodge_qmp_peer_take_fd (f->peer);
  g_assert_cmpint (write (fd, picture, length), ==, length);
  close (fd);
}

static void
test_screenshot (Fixture *f, gconstpointer version)
{
  static const char picture[] = "P6\n1 1\n255\nabc", padded[] = "P6\n1 1\n255\nabc\0", nonsense[] = "P6\n2 2\n255\nabc";
  static const struct
  {
    const char *bytes;
    gsize length;
    gboolean good;
  } pictures[] = { { picture, sizeof picture - 1, TRUE }, { padded, sizeof padded - 1, TRUE }, { nonsense, sizeof nonsense - 1, FALSE } };

  for (guint i = 0; i < G_N_ELEMENTS (pictures); i++)
    {
      char got[32] = "";

      lodge_qmp_peer_expect (f->peer, "add-fd", "{}", NULL);
      lodge_qmp_peer_expect_ok (f->peer, "screendump", "{\"filename\": \"/dev/fdset/5\"}");
      lodge_qmp_peer_expect_ok (f->peer, "remove-fd", "{\"fdset-id\": 5}");
      open_it (f, LODGE_METHOD_SCREENSHOT, NULL);
      write_picture (f, pictures[i].bytes, pictures[i].length);
      lodge_qmp_peer_answer_last (f->peer, "\"return\": {\"fdset-id\": 5, \"fd\": 41}");
      if (!pictures[i].good)
        {
          expect_refusal (f, LODGE_ERROR_QEMU_FAILED);
          expect_played (f);
          continue;
        }
      expect_answer (f);
      expect_played (f);
      g_assert_cmpint (pread (f->fd, got, sizeof got, 0), ==, sizeof picture - 1);
      g_assert_cmpstr (got, ==, picture);
      close (f->fd);
    }
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
  expect_answer (f);
  lodge_qmp_peer_allow (f->peer, "query-migrate", "\"return\": {\"status\": \"completed\"}");
  lodge_qmp_peer_expect_ok (f->peer, "migrate-continue", "{\"state\": \"pre-switchover\"}");
  f->answers = 0;
  lodge_stream_go_on_async (f->machine, stream_cb, f);
  expect_answer (f);

  lodge_qmp_peer_allow (f->peer, "query-migrate", "\"return\": {\"status\": \"cancelled\"}");
  lodge_qmp_peer_expect_ok (f->peer, "migrate_cancel", NULL);
  f->answers = 0;
  lodge_stream_abandon_async (f->machine, stream_cb, f);
  expect_answer (f);

  /* What QEMU does not want must not keep the descriptor. */
  lodge_qmp_peer_expect_ok (f->peer, "migrate-set-capabilities", NULL);
  lodge_qmp_peer_expect_ok (f->peer, "getfd", NULL);
  lodge_qmp_peer_expect_error (f->peer, "migrate-incoming", NULL, "not now");
  lodge_qmp_peer_expect_ok (f->peer, "closefd", "{\"fdname\": \"lodge-stream-2\"}");
  f->answers = 0;
  lodge_stream_in_async (f->machine, fd, NULL, stream_cb, f);
  expect_refusal (f, LODGE_ERROR_QEMU_FAILED);
  expect_played (f);

  lodge_qmp_peer_allow (f->peer, "query-migrate", "\"return\": {\"status\": \"completed\"}");
  expect_stream (f, "migrate-incoming", FALSE, 3);
  f->answers = 0;
  lodge_stream_in_async (f->machine, fd, NULL, stream_cb, f);
  expect_answer (f);
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

  note_sent (f);
  g_clear_object (&f->host->machine);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  records = lodge_runtime_dir_scan (f->host->paths->runtime_dir);
  g_assert_cmpuint (records->len, ==, 1);
  f->machine = f->host->machine = lodge_machine_new (f->host->engine, id, lodge_store_lookup (f->host->store, id));
  f->answers = 0;
  lodge_machine_adopt_async (f->machine, g_ptr_array_index (records, 0), NULL, adopted_cb, f);
  g_ptr_array_set_free_func (records, NULL);
  greet (f);
  lodge_qmp_peer_expect (f->peer, "query-status", NULL, answer);
}

static void
test_adopt (Fixture *f, gconstpointer version)
{
  adopt (f, "running");
  expect_answer (f);
  g_assert_cmpint (lodge_machine_get_state (f->machine), ==, LODGE_STATE_RUNNING);
  g_assert_cmpstr (lodge_machine_get_reason (f->machine), ==, "adopted");

  /* One that its core died on before it let it go is let go. */
  adopt (f, "prelaunch");
  lodge_qmp_peer_expect_ok (f->peer, "cont", NULL);
  expect_answer (f);
  expect_played (f);

  adopt (f, "paused");
  lodge_qmp_peer_expect (f->peer, "query-status", NULL, "\"return\": {\"status\": \"paused\", \"singlestep\": false, \"running\": false}");
  expect_answer (f);
  lodge_fake_until (lodge_machine_get_state (f->machine) == LODGE_STATE_PAUSED);
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
        { "power", set_up, test_power },
        { "disk-errors", set_up, test_disk_errors },
        { "internal-error", set_up, test_internal_error },
        { "guest-panicked", set_up, test_guest_panicked },
        { "keys", set_up, test_keys },
        { "keys-of-two-clients", set_up, test_keys_of_two_clients },
        { "keys-of-a-guest-that-ends", set_up, test_keys_of_a_guest_that_ends },
        { "medium", set_up, test_medium },
        { "settings-with-a-medium", set_up, test_settings_with_a_medium },
        { "settings-with-a-medium-off", set_up_off, test_settings_with_a_medium },
        { "cable", set_up, test_cable },
        { "display", set_up, test_display },
        { "channel", set_up, test_channel },
        { "screenshot", set_up, test_screenshot },
        { "stream", set_up, test_stream },
        { "adopt", set_up, test_adopt },
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
