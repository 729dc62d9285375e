/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What a console asks of a running machine: keys, the CD drive, the cable, its display and channels, a screenshot. What QEMU
 * is told of it is held against the recorded QAPI schema of each version by the scripted peer. */

#include "tests/unit/lodge-fake-guest.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

typedef LodgeFakeGuest Fixture;

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
set (Fixture *f, const char *settings)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (settings));

  f->answers = 0;
  lodge_machine_set_settings_async (f->machine, value, NULL, NULL, settings_cb, f);
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
  lodge_fake_guest_expect_answer (f);

  expect_chord (f, "shift+a", 6);
  expect_chord (f, "ret", 6);
  f->answers = 0;
  lodge_machine_type_text_async (f->machine, "A\n", NULL, NULL, input_cb, f);
  lodge_fake_guest_expect_answer (f);

  /* Only asked about, nothing of it goes to QEMU. */
  f->answers = 0;
  lodge_machine_send_keys_async (f->machine, keys, g_variant_new_parsed ("{'check': <true>}"), NULL, input_cb, f);
  lodge_fake_guest_expect_answer (f);
  f->answers = 0;
  lodge_machine_type_text_async (f->machine, "A", g_variant_new_parsed ("{'check': <true>}"), NULL, input_cb, f);
  lodge_fake_guest_expect_answer (f);

  f->answers = 0;
  lodge_machine_send_keys_async (f->machine, nonsense, NULL, NULL, input_cb, f);
  lodge_fake_guest_expect_refusal (f, LODGE_ERROR_INVALID_ARGUMENT);
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
  lodge_fake_guest_expect_played (f);
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
  lodge_fake_guest_call (f, LODGE_METHOD_INSERT_MEDIUM, iso);
  lodge_fake_guest_expect_answer (f);
  lodge_fake_guest_expect_played (f);
  fd = lodge_qmp_peer_take_fd (f->peer);
  g_assert_no_errno (fstat (fd, &passed));
  g_assert_no_errno (stat (iso, &given));
  g_assert_cmpuint (passed.st_ino, ==, given.st_ino);
  close (fd);
  g_assert_cmpstr (saved_cd (f), ==, iso);

  lodge_qmp_peer_expect_ok (f->peer, "eject", "{\"id\": \"cd0\", \"force\": true}");
  lodge_fake_guest_call (f, LODGE_METHOD_EJECT_MEDIUM, NULL);
  lodge_fake_guest_expect_answer (f);
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
  lodge_fake_guest_expect_refusal (f, LODGE_ERROR_NOT_FOUND);
  set (f, text);
  lodge_fake_guest_expect_refusal (f, LODGE_ERROR_WRONG_FORMAT);
  set (f, "{'cd': <'/dev/null'>}");
  lodge_fake_guest_expect_refusal (f, LODGE_ERROR_WRONG_FORMAT);
  g_assert_null (saved_cd (f));
  g_assert_cmpstr (lodge_machine_get_name (f->machine), ==, "Fake");

  if (runs)
    expect_change (f, TRUE);
  set (f, good);
  lodge_fake_guest_expect_answer (f);
  g_assert_cmpstr (saved_cd (f), ==, iso);
  if (!runs)
    return;

  expect_change (f, FALSE);
  set (f, with_name);
  lodge_fake_guest_expect_refusal (f, LODGE_ERROR_QEMU_FAILED);
  lodge_fake_guest_expect_played (f);
  g_assert_cmpstr (saved_cd (f), ==, iso);
  g_assert_cmpstr (lodge_machine_get_name (f->machine), ==, "Renamed");
}

static void
test_cable (Fixture *f, gconstpointer version)
{
  lodge_qmp_peer_expect_ok (f->peer, "set_link", "{\"name\": \"net0\", \"up\": false}");
  set (f, "{'network': <'none'>}");
  lodge_fake_guest_expect_answer (f);
  lodge_fake_guest_expect_played (f);
  lodge_qmp_peer_expect_ok (f->peer, "set_link", "{\"name\": \"net0\", \"up\": true}");
  set (f, "{'network': <'user'>}");
  lodge_fake_guest_expect_answer (f);
  lodge_fake_guest_expect_played (f);
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
  lodge_fake_guest_expect_answer (f);
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
  lodge_fake_guest_expect_refusal (f, LODGE_ERROR_QEMU_FAILED);
  lodge_fake_guest_expect_played (f);
}

static void
test_channel (Fixture *f, gconstpointer version)
{
  lodge_qmp_peer_expect (f->peer, "query-chardev", NULL,
                         "\"return\": [{\"label\": \"serial\", \"filename\": \"disconnected:unix:fd\", \"frontend-open\": true}]");
  open_it (f, LODGE_METHOD_OPEN_CHANNEL, "serial");
  lodge_fake_guest_expect_answer (f);
  g_assert_cmpint (f->fd, >=, 0);
  close (f->fd);

  lodge_qmp_peer_expect (f->peer, "query-chardev", NULL,
                         "\"return\": [{\"label\": \"serial\", \"filename\": \"unix:fd <-> x\", \"frontend-open\": true}]");
  open_it (f, LODGE_METHOD_OPEN_CHANNEL, "serial");
  lodge_fake_guest_expect_refusal (f, LODGE_ERROR_IN_USE);
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
          lodge_fake_guest_expect_refusal (f, LODGE_ERROR_QEMU_FAILED);
          lodge_fake_guest_expect_played (f);
          continue;
        }
      lodge_fake_guest_expect_answer (f);
      lodge_fake_guest_expect_played (f);
      g_assert_cmpint (pread (f->fd, got, sizeof got, 0), ==, sizeof picture - 1);
      g_assert_cmpstr (got, ==, picture);
      close (f->fd);
    }
}

int
main (int argc, char **argv)
{
  static const char *const versions[] = { "7.2", "10.0" };
  static const struct
  {
    const char *name;
    void (*set_up) (Fixture *, gconstpointer);
    void (*func) (Fixture *, gconstpointer);
  } tests[] = {
    { "keys", lodge_fake_guest_set_up, test_keys },
    { "keys-of-two-clients", lodge_fake_guest_set_up, test_keys_of_two_clients },
    { "keys-of-a-guest-that-ends", lodge_fake_guest_set_up, test_keys_of_a_guest_that_ends },
    { "medium", lodge_fake_guest_set_up, test_medium },
    { "settings-with-a-medium", lodge_fake_guest_set_up, test_settings_with_a_medium },
    { "settings-with-a-medium-off", lodge_fake_guest_set_up_off, test_settings_with_a_medium },
    { "cable", lodge_fake_guest_set_up, test_cable },
    { "display", lodge_fake_guest_set_up, test_display },
    { "channel", lodge_fake_guest_set_up, test_channel },
    { "screenshot", lodge_fake_guest_set_up, test_screenshot },
  };

  lodge_fake_host_main (argc, argv);
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (versions); i++)
    for (guint k = 0; k < G_N_ELEMENTS (tests); k++)
      {
        g_autofree char *path = g_strdup_printf ("/machine-console/%s/%s", versions[i], tests[k].name);

        g_test_add (path, Fixture, versions[i], tests[k].set_up, tests[k].func, lodge_fake_guest_tear_down);
      }
  return g_test_run ();
}
