/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/sharing/lodge-network.h"
#include "core/sharing/lodge-tpm.h"

typedef struct
{
  char  *folder;
  char  *log;
  guint  exits;
  int    status;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("lodge-sharing-XXXXXX", NULL);
  fixture->log = g_build_filename (fixture->folder, "log", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autofree char *command = g_strdup_printf ("rm -r '%s'", fixture->folder);

  g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));
  g_free (fixture->folder);
  g_free (fixture->log);
}

static void
exited_cb (LodgeProcess *process, int status, gpointer data)
{
  Fixture *fixture = data;

  fixture->exits++;
  fixture->status = status;
}

static void
go (Fixture *fixture, LodgeHelper *helper)
{
  g_signal_connect (lodge_helper_get_process (helper), "exited", G_CALLBACK (exited_cb), fixture);
  lodge_process_release (lodge_helper_get_process (helper));
}

static void
wait_for_exit (Fixture *fixture)
{
  while (fixture->exits == 0)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_words (Fixture *fixture, gconstpointer data)
{
  const char *argv[] = { "sh", "-c", "echo new; printf 'the \\033 reason\\n\\n'; echo Failed to send 9 bytes to syslog; exit 3", NULL };
  const char *silent[] = { "sh", "-c", "kill -9 $$", NULL };
  const char *missing[] = { "/nonexistent/passt", NULL };
  g_autoptr (LodgeHelper) helper = NULL;
  g_autoptr (LodgeHelper) second = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) failure = NULL;

  g_assert_true (g_file_set_contents (fixture->log, "what an older one said\n", -1, NULL));
  helper = lodge_helper_spawn ("passt", argv, NULL, fixture->log, &error);
  g_assert_no_error (error);
  g_assert_null (lodge_helper_last_words (helper));
  go (fixture, helper);
  wait_for_exit (fixture);
  failure = lodge_helper_failure (helper, fixture->status);
  g_assert_error (failure, LODGE_ERROR, LODGE_ERROR_HELPER_FAILED);
  g_assert_cmpstr (failure->message, ==, "passt: the   reason");
  g_clear_error (&failure);

  second = lodge_helper_spawn ("swtpm", silent, NULL, fixture->log, &error);
  g_assert_no_error (error);
  fixture->exits = 0;
  go (fixture, second);
  wait_for_exit (fixture);
  failure = lodge_helper_failure (second, fixture->status);
  g_assert_cmpstr (failure->message, ==, "swtpm was ended by signal 9");

  g_assert_null (lodge_helper_spawn ("passt", missing, NULL, fixture->log, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_HELPER_FAILED);
}

static void
test_resolvers (void)
{
  static const struct
  {
    const char *resolv;
    const char *upstream;
    const char *tail;
  } rows[] = {
    { "nameserver 192.0.2.1\n", NULL, " --no-map-gw" },
    { "# nothing\n", NULL, " --no-map-gw" },
    { NULL, NULL, " --no-map-gw" },
    { "nameserver 127.0.0.53\noptions edns0\n", "nameserver 192.0.2.7\nnameserver\t2001:db8::7\n", " --no-map-gw --dns 192.0.2.7 --dns 2001:db8::7" },
    { "nameserver 127.0.0.53\nnameserver 192.0.2.1\n", "nameserver 192.0.2.7\n", " --no-map-gw" },
    { "nameserver 127.0.0.1\nnameserver ::1\n", NULL, "" },
    { "nameserver 127.0.0.53\n", "nameserver 127.0.0.1\nnameserver --runas\n", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_auto (GStrv) argv = lodge_network_build ("passt", rows[i].resolv, rows[i].upstream);
      g_autofree char *line = g_strjoinv (" ", argv);
      g_autofree char *wanted = g_strconcat (
          "passt --foreground --quiet --stderr --fd 3 --mac-addr 02:4c:4f:44:47:45 --address 10.0.2.15 "
          "--netmask 255.255.255.0 --gateway 10.0.2.2", rows[i].tail, NULL);

      g_assert_cmpstr (line, ==, wanted);
    }
}

static void
test_routes (void)
{
  static const char head[] = "Iface\tDestination\tGateway\tFlags\tRefCnt\n";
  static const char lo6[] = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
                            "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";
  static const char eth6[] = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
                             "fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0\n";
  g_autofree char *up = g_strconcat (head, "eth0\t00000000\t010200C0\t0003\t0\n", NULL);
  g_autofree char *down = g_strconcat (head, "eth0\t00000000\t010200C0\t0002\t0\n", NULL);
  g_autofree char *local = g_strconcat (head, "eth0\t000200C0\t00000000\t0001\t0\n", NULL);

  g_assert_true (lodge_network_has_route (up, ""));
  g_assert_true (lodge_network_has_route (head, eth6));
  g_assert_false (lodge_network_has_route (down, lo6));
  g_assert_false (lodge_network_has_route (local, ""));
  g_assert_false (lodge_network_has_route ("", ""));
}

static guint16
checksum (const guint8 *data, gsize length)
{
  guint32 sum = 0;

  for (gsize i = 0; i + 1 < length; i += 2)
    sum += (guint32) data[i] << 8 | data[i + 1];
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);

  return htons ((guint16) ~sum);
}

/* A DHCP discover as QEMU would send it for the guest: a frame after its length. */
static void
send_discover (int fd)
{
  guint8 frame[4 + 14 + 20 + 8 + 300] = { 0 };
  guint8 *ethernet = frame + 4, *ip = ethernet + 14, *udp = ip + 20, *dhcp = udp + 8;
  guint32 length = htonl (sizeof frame - 4);
  guint16 sum;

  memcpy (frame, &length, 4);
  memset (ethernet, 0xff, 6);
  memcpy (ethernet + 6, "\x52\x54\x00\x12\x34\x56\x08\x00", 8);
  memcpy (ip, "\x45\x00\x01\x48\x00\x00\x00\x00\x40\x11", 10); /* 328 bytes of UDP */
  memset (ip + 16, 0xff, 4);
  sum = checksum (ip, 20);
  memcpy (ip + 10, &sum, 2);
  memcpy (udp, "\x00\x44\x00\x43\x01\x34", 6); /* 68 to 67, 308 bytes */
  memcpy (dhcp, "\x01\x01\x06\x00\x12\x34\x56\x78", 8);
  memcpy (dhcp + 28, "\x52\x54\x00\x12\x34\x56", 6);
  memcpy (dhcp + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8);
  g_assert_cmpint (write (fd, frame, sizeof frame), ==, sizeof frame);
}

/* passt offers the guest its address, and ends when QEMU's end is closed. */
static void
test_passt (Fixture *fixture, gconstpointer data)
{
  g_autofree char *passt = g_find_program_in_path ("passt");
  g_autoptr (LodgeHelper) helper = NULL;
  g_autoptr (GError) error = NULL;
  struct timeval patience = { 10, 0 };
  guint8 reply[2048];
  gssize n, total = 0;
  int fd;

  if (passt == NULL || !lodge_network_is_usable ())
    {
      g_test_skip (passt == NULL ? "no passt" : "no default route");
      return;
    }

  helper = lodge_network_start (passt, fixture->log, &fd, &error);
  g_assert_no_error (error);
  go (fixture, helper);
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  send_discover (fd);
  while (total < 4 + 14 + 20 + 8 + 20 && (n = read (fd, reply + total, sizeof reply - total)) > 0)
    total += n;
  g_assert_cmpint (total, >=, 4 + 14 + 20 + 8 + 20);
  g_assert_cmpmem (reply + 4 + 6, 6, "\x02LODGE", 6);                    /* from the router */
  g_assert_cmpmem (reply + 4 + 14 + 20 + 8 + 16, 4, "\x0a\x00\x02\x0f", 4); /* your address */

  g_assert_cmpuint (fixture->exits, ==, 0);
  close (fd);
  wait_for_exit (fixture);
  g_assert_cmpint (fixture->status, ==, 0);
}

static void
probed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(LodgeSandbox **) data = lodge_sandbox_probe_finish (result, NULL);
}

static void
send_with_fd (int socket, const guint8 *data, gsize length, int fd)
{
  union
  {
    struct cmsghdr header;
    char           space[CMSG_SPACE (sizeof (int))];
  } control = { 0 };
  struct iovec vector = { (gpointer) data, length };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };

  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN (sizeof (int));
  memcpy (CMSG_DATA (&control.header), &fd, sizeof fd);
  g_assert_cmpint (sendmsg (socket, &message, MSG_NOSIGNAL), ==, length);
}

/* The control channel answers as QEMU asks, state appears in the folder, and it ends with QEMU. */
static void
test_swtpm (Fixture *fixture, gconstpointer data)
{
  static const guint8 get_capability[] = { 0, 0, 0, 1 };
  static const guint8 set_data_fd[] = { 0, 0, 0, 16 };
  static const guint8 init[] = { 0, 0, 0, 2, 0, 0, 0, 0 };
  g_autofree char *swtpm = g_find_program_in_path ("swtpm");
  g_autofree char *folder = g_build_filename (fixture->folder, "a, b", NULL);
  g_autofree char *state = g_build_filename (folder, "tpm2-00.permall", NULL);
  g_autoptr (LodgeSandbox) sandbox = NULL;
  g_autoptr (LodgeHelper) helper = NULL;
  g_autoptr (GError) error = NULL;
  struct timeval patience = { 10, 0 };
  guint8 reply[64];
  int fd, data_pair[2];

  if (swtpm == NULL)
    {
      g_test_skip ("no swtpm");
      return;
    }
  lodge_sandbox_probe_async (NULL, probed_cb, &sandbox);
  while (sandbox == NULL)
    g_main_context_iteration (NULL, TRUE);

  helper = lodge_tpm_start (swtpm, sandbox, folder, fixture->log, &fd, &error);
  g_assert_no_error (error);
  go (fixture, helper);
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  g_assert_cmpint (write (fd, get_capability, sizeof get_capability), ==, sizeof get_capability);
  g_assert_cmpint (read (fd, reply, sizeof reply), >=, 8);
  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, data_pair));
  send_with_fd (fd, set_data_fd, sizeof set_data_fd, data_pair[1]);
  close (data_pair[1]);
  g_assert_cmpint (read (fd, reply, 4), ==, 4);
  g_assert_cmpmem (reply, 4, "\0\0\0\0", 4);
  g_assert_cmpint (write (fd, init, sizeof init), ==, sizeof init);
  g_assert_cmpint (read (fd, reply, 4), ==, 4);
  g_assert_cmpmem (reply, 4, "\0\0\0\0", 4);
  g_assert_true (g_file_test (state, G_FILE_TEST_EXISTS));

  g_assert_cmpuint (fixture->exits, ==, 0);
  close (fd);
  close (data_pair[0]);
  wait_for_exit (fixture);
  g_assert_cmpint (fixture->status, ==, 0);
}

/* A state that is no TPM's: the person is told what swtpm says. */
static void
test_swtpm_broken (Fixture *fixture, gconstpointer data)
{
  g_autofree char *swtpm = g_find_program_in_path ("swtpm");
  g_autofree char *folder = g_build_filename (fixture->folder, "file", NULL);
  g_autoptr (LodgeSandbox) sandbox = lodge_sandbox_new (LODGE_CONFINEMENT_SECCOMP, "no-bubblewrap", NULL);
  g_autoptr (LodgeHelper) helper = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) failure = NULL;
  int fd;

  if (swtpm == NULL)
    {
      g_test_skip ("no swtpm");
      return;
    }
  g_assert_true (g_file_set_contents (folder, "", -1, NULL)); /* a file in the folder's place */
  helper = lodge_tpm_start (swtpm, sandbox, folder, fixture->log, &fd, &error);
  g_assert_no_error (error);
  go (fixture, helper);
  wait_for_exit (fixture);
  failure = lodge_helper_failure (helper, fixture->status);
  g_assert_error (failure, LODGE_ERROR, LODGE_ERROR_HELPER_FAILED);
  g_assert_nonnull (strstr (failure->message, "Not a directory"));
  close (fd);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/sharing/words", Fixture, NULL, set_up, test_words, tear_down);
  g_test_add_func ("/sharing/resolvers", test_resolvers);
  g_test_add_func ("/sharing/routes", test_routes);
  g_test_add ("/sharing/passt", Fixture, NULL, set_up, test_passt, tear_down);
  g_test_add ("/sharing/swtpm", Fixture, NULL, set_up, test_swtpm, tear_down);
  g_test_add ("/sharing/swtpm-broken", Fixture, NULL, set_up, test_swtpm_broken, tear_down);
  return g_test_run ();
}
