/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * What a 1920x1080 frame costs the client, and what a window that stands still keeps of a flood.
 * The peer is a process of its own that sends as QEMU does. LODGE_BENCH_SHORT=1: a fifth of the time.
 *
 * What counts is the CPU time of this process, all its threads, kernel included. The yardstick is a
 * memcpy of a frame between two buffers that only this process uses, so they are as near as the
 * caches allow. A frame that another processor has just painted is farther away; what a memcpy of
 * such a one takes is told beside it. "painted" adds what GTK does with the frame without a GPU:
 * snapshot and drawing into the window's buffer at 1:1.
 */

#include <gio/gunixfdlist.h>
#include <gtk/gtk.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "display/lodge-handshake.h"
#include "display/lodge-listener.h"
#include "display/lodge-pixels.h"
#include "display/lodge-scanout.h"

#define WIDTH 1920
#define HEIGHT 1080
#define FRAME ((gsize) WIDTH * HEIGHT * 4)
#define XRGB LODGE_PIXELS_X8R8G8B8

#define MAX_MEMCPYS 3.0
#define MAX_GROWTH 4.0

static gboolean failed;
static LodgeListener *listener;
static LodgeScanout *scanout;
static guint n_taken;
static cairo_surface_t *painted;   /* (nullable): what the frames are drawn into */
static guint8 *shared_frame;
static int painter_fd;

static double
now (void)
{
  return (double) g_get_monotonic_time () / 1e6;
}

/* CPU time, so that what else runs on the machine counts on neither side. */
static double
cpu_time (clockid_t clock)
{
  struct timespec time;

  clock_gettime (clock, &time);
  return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static double
resident_frames (void)
{
  g_autofree char *text = NULL;
  gsize pages = 0;

  g_file_get_contents ("/proc/self/statm", &text, NULL, NULL);
  sscanf (text, "%*u %" G_GSIZE_FORMAT, &pages);
  return (double) (pages * (gsize) sysconf (_SC_PAGESIZE)) / (double) FRAME;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  const double *x = a, *y = b;

  return (*x > *y) - (*x < *y);
}

/* Paints the shared frame for each byte that comes. */
G_GNUC_NORETURN
static void
run_painter (int fd)
{
  char byte;

  while (read (fd, &byte, 1) == 1)
    {
      memset (shared_frame, byte, FRAME);
      if (write (fd, &byte, 1) != 1)
        break;
    }
  _exit (0);
}

static void
start_painter (void)
{
  int ends[2];

  shared_frame = mmap (NULL, FRAME, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared_frame == MAP_FAILED || socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    g_error ("no painter");
  painter_fd = ends[0];
  if (fork () == 0)
    {
      close (ends[0]);
      run_painter (ends[1]);
    }
  close (ends[1]);
}

static double
measure_memcpy (gboolean fresh)
{
  g_autofree guint8 *own = g_malloc (FRAME);
  g_autofree guint8 *to = g_malloc (FRAME);
  double times[51];

  memset (own, 1, FRAME);
  memset (to, 2, FRAME);
  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    {
      char byte = (char) i;
      double start;

      if (fresh && (write (painter_fd, &byte, 1) != 1 || read (painter_fd, &byte, 1) != 1))
        g_error ("the painter has gone");
      start = cpu_time (CLOCK_THREAD_CPUTIME_ID);
      memcpy (to, fresh ? shared_frame : own, FRAME);
      times[i] = cpu_time (CLOCK_THREAD_CPUTIME_ID) - start;
      own[i] = to[i + 1];
    }
  qsort (times, G_N_ELEMENTS (times), sizeof *times, compare);
  return times[G_N_ELEMENTS (times) / 2];
}

/* The peer */

static void
send_call (GDBusConnection *connection, const char *member, GVariant *arguments, int fd)
{
  g_autoptr (GDBusMessage) message = g_dbus_message_new_method_call (
      NULL, "/org/qemu/Display1/Listener",
      fd >= 0 || g_str_equal (member, "UpdateMap") ? "org.qemu.Display1.Listener.Unix.Map"
                                                   : "org.qemu.Display1.Listener",
      member);

  g_dbus_message_set_flags (message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
  g_dbus_message_set_body (message, arguments);
  if (fd >= 0)
    {
      g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();

      g_unix_fd_list_append (fds, fd, NULL);
      g_dbus_message_set_unix_fd_list (message, fds);
    }
  if (!g_dbus_connection_send_message (connection, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL,
                                       NULL)
      || !g_dbus_connection_flush_sync (connection, NULL, NULL))
    _exit (0);
}

/* Sends full frames until the other end goes; @fps 0: as fast as they are taken. */
G_GNUC_NORETURN
static void
run_peer (int socket_fd, gboolean map, guint fps)
{
  g_autoptr (GSocket) socket = g_socket_new_from_fd (socket_fd, NULL);
  g_autoptr (GSocketConnection) stream = g_socket_connection_factory_create_connection (socket);
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autofree guint8 *pixels = g_malloc0 (FRAME);
  GDBusConnection *connection
      = g_dbus_connection_new_sync (G_IO_STREAM (stream), guid,
                                    G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER, NULL, NULL, NULL);
  guint8 *shared = NULL;
  int fd = -1;

  if (connection == NULL)
    _exit (1);
  if (map)
    {
      fd = memfd_create ("picture", MFD_CLOEXEC);
      if (ftruncate (fd, (off_t) FRAME) != 0)
        _exit (1);
      shared = mmap (NULL, FRAME, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      send_call (connection, "ScanoutMap",
                 g_variant_new ("(huuuuu)", 0, 0, WIDTH, HEIGHT, WIDTH * 4, XRGB), fd);
    }
  for (guint i = 0;; i++)
    {
      memset (map ? shared : pixels, (int) (i & 0xff), FRAME);
      if (map)
        send_call (connection, "UpdateMap", g_variant_new ("(iiii)", 0, 0, WIDTH, HEIGHT), -1);
      else
        send_call (connection, "Scanout",
                   g_variant_new ("(uuuu@ay)", WIDTH, HEIGHT, WIDTH * 4, XRGB,
                                  g_variant_new_from_data (G_VARIANT_TYPE_BYTESTRING, pixels, FRAME,
                                                           TRUE, NULL, NULL)),
                   -1);
      if (fps != 0)
        g_usleep (G_USEC_PER_SEC / fps);
    }
}

/* The client */

/* Keeps the nodes of the last frame alive, as a renderer does. */
static void
paint (void)
{
  static GskRenderNode *last;
  GtkSnapshot *snapshot = gtk_snapshot_new ();
  GskRenderNode *node;
  cairo_t *cr = cairo_create (painted);

  gdk_paintable_snapshot (GDK_PAINTABLE (scanout), snapshot, WIDTH, HEIGHT);
  node = gtk_snapshot_free_to_node (snapshot);
  gsk_render_node_draw (node, cr);
  g_clear_pointer (&last, gsk_render_node_unref);
  last = node;
  cairo_destroy (cr);
}

static void
damaged_cb (void)
{
  if (!lodge_scanout_take (scanout, lodge_listener_get_framebuffer (listener), NULL))
    return;
  n_taken++;
  if (painted != NULL)
    paint ();
}

static void
connected_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GDBusConnection) connection = lodge_handshake_finish (result, NULL);

  g_assert_nonnull (connection);
  listener = lodge_listener_new (connection);
  g_signal_connect (listener, "damaged", G_CALLBACK (damaged_cb), NULL);
}

/* This process has threads, so the peer is this program executed anew. */
static GPid
start (const char *program, gboolean map, guint fps)
{
  g_autofree char *fd_text = NULL;
  g_autofree char *fps_text = g_strdup_printf ("%u", fps);
  int ends[2];
  pid_t pid;

  if (socketpair (AF_UNIX, SOCK_STREAM, 0, ends) != 0)
    g_error ("no socket pair");
  fd_text = g_strdup_printf ("%d", ends[1]);
  pid = fork ();
  if (pid == 0)
    {
      close (ends[0]);
      execl (program, program, "--peer", map ? "map" : "bytes", fps_text, fd_text, NULL);
      _exit (127);
    }
  close (ends[1]);
  listener = NULL;
  scanout = lodge_scanout_new ();
  lodge_scanout_set_software (scanout, painted != NULL);
  n_taken = 0;
  lodge_handshake_async (ends[0], -1, 10000, NULL, connected_cb, NULL);
  while (n_taken < 3)
    g_main_context_iteration (NULL, TRUE);
  return pid;
}

static void
stop (GPid pid)
{
  g_clear_object (&listener);
  g_clear_object (&scanout);
  waitpid (pid, NULL, 0);
}

/* @limit: in memcpys, 0 for none */
static void
bench_frames (const char *program, const char *name, gboolean map, gboolean with_painting,
              double limit, double seconds)
{
  double one_memcpy = measure_memcpy (FALSE), one_fresh = measure_memcpy (TRUE);
  LodgeFramebuffer *fb;
  double end, cpu, per_frame, copied;
  GPid pid;

  painted = with_painting ? cairo_image_surface_create (CAIRO_FORMAT_RGB24, WIDTH, HEIGHT) : NULL;
  pid = start (program, map, 60);
  fb = lodge_listener_get_framebuffer (listener);
  end = now () + seconds;
  n_taken = 0;
  copied = (double) lodge_framebuffer_get_copied (fb);
  cpu = cpu_time (CLOCK_PROCESS_CPUTIME_ID);
  while (now () < end)
    g_main_context_iteration (NULL, TRUE);
  per_frame = (cpu_time (CLOCK_PROCESS_CPUTIME_ID) - cpu) / n_taken;
  copied = ((double) lodge_framebuffer_get_copied (fb) - copied) / n_taken / (double) FRAME;
  stop (pid);
  g_clear_pointer (&painted, cairo_surface_destroy);
  /* Other work on the machine slows both; before and after is the nearest to the same moment. */
  one_memcpy = (one_memcpy + measure_memcpy (FALSE)) / 2;
  one_fresh = (one_fresh + measure_memcpy (TRUE)) / 2;

  g_print ("%s: %.2f ms CPU a full 1080p frame (%u frames), memcpy %.2f ms, ratio %.2f", name,
           per_frame * 1e3, n_taken, one_memcpy * 1e3, per_frame / one_memcpy);
  if (limit > 0)
    g_print (" (limit %.2f)", limit);
  g_print ("; of a frame just painted elsewhere %.2f ms, ratio %.2f; frame bytes copied %.2f times\n",
           one_fresh * 1e3, per_frame / one_fresh, copied);
  if (limit > 0 && (per_frame / one_memcpy > limit || copied > limit))
    failed = TRUE;
}

static void
bench_stall (const char *program, const char *name, gboolean map, double seconds)
{
  GPid pid = start (program, map, 0);
  double before = resident_frames (), after;

  g_usleep ((gulong) (seconds * G_USEC_PER_SEC));
  after = resident_frames ();
  stop (pid);
  g_print ("%s: main loop stalled %.0f s under a flood, grown by %.1f frames (limit %.1f)\n", name,
           seconds, MAX (0, after - before), MAX_GROWTH);
  if (after - before > MAX_GROWTH)
    failed = TRUE;
}

int
main (int argc, char *argv[])
{
  const double seconds = g_getenv ("LODGE_BENCH_SHORT") != NULL ? 2 : 10;

  if (argc == 5 && strcmp (argv[1], "--peer") == 0)
    run_peer (atoi (argv[4]), strcmp (argv[2], "map") == 0, (guint) atoi (argv[3]));

  start_painter ();
  /* Render nodes need it; a display they do not. */
  gtk_init_check ();
  bench_frames ("/proc/self/exe", "map", TRUE, FALSE, MAX_MEMCPYS, seconds / 2);
  bench_frames ("/proc/self/exe", "map, painted", TRUE, TRUE, 0, seconds / 2);
  bench_frames ("/proc/self/exe", "bytes", FALSE, FALSE, 0, seconds / 2);
  bench_stall ("/proc/self/exe", "map", TRUE, seconds);
  bench_stall ("/proc/self/exe", "bytes", FALSE, seconds);
  return failed ? 1 : 0;
}
