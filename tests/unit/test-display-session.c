/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "display/lodge-display-error.h"
#include "display/lodge-display-session.h"
#include "display/lodge-handshake.h"
#include "display/lodge-pixels.h"
#include "tests/unit/lodge-fake-display.h"

#define XRGB LODGE_PIXELS_X8R8G8B8

typedef struct
{
  FakeDisplay *peer;
  LodgeDisplaySession *session;
  LodgeConsole *console;         /* (unowned) */
  LodgeListener *listener;
  GDBusConnection *handshaken;   /* (nullable): of tests that open no session */
  GError *error;                 /* of opening or attaching */
  GError *closed;                /* what "closed" of the session said */
  guint n_closed;
} Fixture;

#define wait_until(condition) \
  G_STMT_START \
    { \
      while (!(condition)) \
        g_main_context_iteration (NULL, TRUE); \
    } \
  G_STMT_END

static void
closed_cb (LodgeDisplaySession *session, GError *reason, Fixture *f)
{
  f->n_closed++;
  g_clear_error (&f->closed);
  f->closed = g_error_copy (reason);
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Fixture *f = user_data;

  f->session = lodge_display_session_new_finish (result, &f->error);
}

static void
attached_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Fixture *f = user_data;

  f->listener = lodge_console_attach_finish (LODGE_CONSOLE (source), result, &f->error);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->peer = fake_display_new ();
  lodge_display_session_new_async (f->peer->client_fd, -1, NULL, opened_cb, f);
  wait_until (f->session != NULL || f->error != NULL);
  g_assert_no_error (f->error);
  g_signal_connect (f->session, "closed", G_CALLBACK (closed_cb), f);
  f->console = lodge_display_session_get_primary_console (f->session);
  lodge_console_attach_async (f->console, NULL, attached_cb, f);
  wait_until (f->listener != NULL && f->peer->listener != NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  if (f->listener != NULL)
    g_assert_finalize_object (f->listener);
  g_clear_object (&f->session);
  fake_display_free (f->peer);
  g_clear_error (&f->error);
  g_clear_error (&f->closed);
}

static void
send_scanout (Fixture *f, guint width, guint height, guint8 value)
{
  fake_display_send (f->peer, "Scanout",
                     g_variant_new ("(uuuu@ay)", width, height, width * 4, XRGB,
                                    fake_display_bytes (width * height * 4, value)), -1);
}

static guint32
read_pixel (Fixture *f, guint x, guint y)
{
  LodgeFramebuffer *fb = lodge_listener_get_framebuffer (f->listener);
  guint32 pixel = 0;

  lodge_framebuffer_begin (fb);
  lodge_framebuffer_read (fb, x, y, 1, 1, (guint8 *) &pixel, 4, NULL);
  lodge_framebuffer_end (fb);
  return pixel | 0xff000000u;
}

static gboolean
has_frame (Fixture *f)
{
  return lodge_framebuffer_is_pending (lodge_listener_get_framebuffer (f->listener));
}

static void
test_open (Fixture *f, gconstpointer data)
{
  g_assert_cmpstr (lodge_display_session_get_name (f->session), ==, "fake");
  g_assert_cmpuint (g_list_model_get_n_items (lodge_display_session_get_consoles (f->session)), ==, 1);
  g_assert_cmpstr (lodge_console_get_label (f->console), ==, "fake");
  g_assert_cmpuint (lodge_console_get_width (f->console), ==, 640);
  g_assert_true (lodge_console_is_graphic (f->console));
  g_assert_true (lodge_mouse_is_absolute (lodge_console_get_mouse (f->console)));

  send_scanout (f, 64, 64, 0x55);
  wait_until (has_frame (f));
  g_assert_cmphex (read_pixel (f, 63, 63), ==, 0xff555555);
  fake_display_set_size (f->peer, 800, 600);
  wait_until (lodge_console_get_height (f->console) == 600);
}

/* Whether QEMU may use shared memory is asked of us before the first picture. */
static void
test_interfaces (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) all = NULL;
  g_autofree const char **interfaces = NULL;

  /* Synchronously: our main loop stands still, and it is answered all the same. */
  reply = g_dbus_connection_call_sync (f->peer->listener, NULL, "/org/qemu/Display1/Listener",
                                       "org.freedesktop.DBus.Properties", "GetAll",
                                       g_variant_new ("(s)", "org.qemu.Display1.Listener"), NULL,
                                       G_DBUS_CALL_FLAGS_NONE, 10000, NULL, &error);
  g_assert_no_error (error);
  all = g_variant_get_child_value (reply, 0);
  g_assert_true (g_variant_lookup (all, "Interfaces", "^a&s", &interfaces));
  g_assert_true (g_strv_contains (interfaces, "org.qemu.Display1.Listener.Unix.Map"));
  g_assert_cmpuint (g_strv_length ((char **) interfaces), ==, 1);
}

/* Pictures whose numbers contradict each other or their data; @length is that of the data or of the memory, and @says is in
 * the sentence. */
static const struct
{
  const char *member;
  guint32 width, height, stride, format;
  gsize length;
  const char *says;
} bad_pictures[] = {
  { "Scanout", 64, 64, 255, XRGB, 64 * 256, "too short" },
  { "Scanout", 64, 64, 0, XRGB, 64 * 256, "too short" },
  { "Scanout", 64, 64, 0xffffffff, XRGB, 64 * 256, "bytes" },
  { "Scanout", 64, 64, 0x80000000, XRGB, 64 * 256, "bytes" },
  { "Scanout", 64, 64, 257, XRGB, 64 * 256, "bytes" },
  { "Scanout", 64, 64, 256, XRGB, 64 * 256 - 1, "bytes" },
  { "Scanout", 64, 64, 256, 0, 64 * 256, "format" },
  { "Scanout", 64, 64, 256, 0xffffffff, 64 * 256, "format" },
  { "Scanout", 64, 64, 256, XRGB ^ 0x10000000, 64 * 256, "format" },
  { "Scanout", 0, 64, 256, XRGB, 64 * 256, "out of bounds" },
  { "Scanout", 64, 0, 256, XRGB, 64 * 256, "out of bounds" },
  { "Scanout", 64, 0xffffffff, 256, XRGB, 64 * 256, "out of bounds" },
  { "Scanout", 0xffffffff, 64, 0xffffffff, XRGB, 64 * 256, "out of bounds" },
  { "Scanout", 64, 64, 128, LODGE_PIXELS_R5G6B5, 64 * 128 - 1, "bytes" },
  { "Update", 64, 64, 255, XRGB, 64 * 256, "too short" },
  { "Update", 64, 64, 0xffffffff, XRGB, 64 * 256, "bytes" },
  { "Update", 64, 64, 256, 0x12345678, 64 * 256, "format" },
  { "Update", 0x7fffffff, 0x7fffffff, 256, XRGB, 64 * 256, "out of bounds" },
  { "Update", 0x80000000, 1, 256, XRGB, 64 * 256, "out of bounds" },
  { "ScanoutMap", 64, 64, 255, XRGB, 64 * 256, "too short" },
  { "ScanoutMap", 64, 64, 0xffffffff, XRGB, 64 * 256, "bytes" },
  { "ScanoutMap", 64, 64, 257, XRGB, 64 * 256, "bytes" },
  { "ScanoutMap", 64, 64, 256, 0, 64 * 256, "format" },
  { "ScanoutMap", 0xffffffff, 1, 0xffffffff, XRGB, 64 * 256, "out of bounds" },
  { "UpdateMap", 64, 64, 0, 0, 0, "out of bounds" },
};

static void
test_bad_picture (Fixture *f, gconstpointer data)
{
  const guint row = GPOINTER_TO_UINT (data);
  const char *member = bad_pictures[row].member;
  const guint32 width = bad_pictures[row].width, height = bad_pictures[row].height;
  const guint32 stride = bad_pictures[row].stride, format = bad_pictures[row].format;
  int fd = -1;

  if (strcmp (member, "Scanout") == 0)
    fake_display_send (f->peer, member,
                       g_variant_new ("(uuuu@ay)", width, height, stride, format,
                                      fake_display_bytes (bad_pictures[row].length, 0)), -1);
  else if (strcmp (member, "Update") == 0)
    {
      send_scanout (f, 64, 64, 0);
      fake_display_send (f->peer, member,
                         g_variant_new ("(iiiiuu@ay)", 0, 0, (gint32) width, (gint32) height, stride, format,
                                        fake_display_bytes (bad_pictures[row].length, 0)), -1);
    }
  else if (strcmp (member, "ScanoutMap") == 0)
    {
      fd = memfd_create ("picture", MFD_CLOEXEC);
      g_assert_cmpint (ftruncate (fd, (off_t) bad_pictures[row].length), ==, 0);
      fake_display_send (f->peer, member, g_variant_new ("(huuuuu)", 0, 0, width, height, stride, format), fd);
    }
  else
    {
      fd = memfd_create ("picture", MFD_CLOEXEC);
      g_assert_cmpint (ftruncate (fd, 64 * 256), ==, 0);
      fake_display_send (f->peer, "ScanoutMap", g_variant_new ("(huuuuu)", 0, 0, 64, 64, 256, XRGB), fd);
      fake_display_send (f->peer, member, g_variant_new ("(iiii)", 1, 1, (gint32) width, (gint32) height), -1);
    }
  wait_until (f->closed != NULL);
  g_assert_error (f->closed, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL);
  g_assert_nonnull (strstr (f->closed->message, bad_pictures[row].says));
  g_assert_cmpuint (f->n_closed, ==, 1);
  g_assert_true (lodge_display_session_is_closed (f->session));
  if (fd >= 0)
    close (fd);
}

/* Each breaks a rule; the session ends with a sentence. */
static void
test_hostile (Fixture *f, gconstpointer data)
{
  const int row = GPOINTER_TO_INT (data);
  int fd = -1;

  switch (row)
    {
    case 0:
      fake_display_send (f->peer, "Scanout", g_variant_new ("(s)", "picture"), -1);
      break;
    case 1:
      fake_display_send (f->peer, "Scanout", NULL, -1);
      break;
    case 2:
      fake_display_send (f->peer, "Scanout",
                         g_variant_new ("(uuuu@ay)", 64, 64, 256, XRGB, fake_display_bytes (100, 0)),
                         -1);
      break;
    case 3:
      fake_display_send (f->peer, "Scanout",
                         g_variant_new ("(uuuu@ay)", 70000, 70000, 280000, XRGB,
                                        fake_display_bytes (100, 0)), -1);
      break;
    case 4:
      send_scanout (f, 64, 64, 0);
      fake_display_send (f->peer, "Update",
                         g_variant_new ("(iiiiuu@ay)", -5, 0, 10, 10, 40, XRGB,
                                        fake_display_bytes (400, 0)), -1);
      break;
    case 5:
      fake_display_send (f->peer, "CursorDefine",
                         g_variant_new ("(iiii@ay)", 4096, 4096, 0, 0, fake_display_bytes (400, 0)), -1);
      break;
    case 6:
      fake_display_send (f->peer, "ScanoutMap",
                         g_variant_new ("(huuuuu)", 0, 0, 64, 64, 256, XRGB), -1);
      break;
    case 7:
      fd = memfd_create ("short", MFD_CLOEXEC);
      g_assert_cmpint (ftruncate (fd, 1000), ==, 0);
      fake_display_send (f->peer, "ScanoutMap",
                         g_variant_new ("(huuuuu)", 0, 0, 64, 64, 256, XRGB), fd);
      break;
    default:
      fd = memfd_create ("index", MFD_CLOEXEC);
      g_assert_cmpint (ftruncate (fd, 1 << 20), ==, 0);
      fake_display_send (f->peer, "ScanoutMap",
                         g_variant_new ("(huuuuu)", 7, 0, 64, 64, 256, XRGB), fd);
    }
  wait_until (f->closed != NULL);
  g_assert_error (f->closed, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL);
  g_assert_cmpuint (strlen (f->closed->message), >, 10);
  g_assert_cmpuint (f->n_closed, ==, 1);
  g_assert_true (lodge_display_session_is_closed (f->session));
  if (fd >= 0)
    close (fd);
}

static gsize
resident (void)
{
  g_autofree char *text = NULL;
  gsize pages = 0;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  sscanf (text, "%*u %" G_GSIZE_FORMAT, &pages);
  return pages * (gsize) sysconf (_SC_PAGESIZE);
}

/* A sanitizer keeps freed memory for a while, so how much there is says nothing. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define KEEPS_FREED_MEMORY 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define KEEPS_FREED_MEMORY 1
#endif

static gpointer
flood_thread (gpointer data)
{
  Fixture *f = data;

  /* Flushing each keeps what is not read in the socket, not in the peer's own queue. */
  for (int i = 0; i < 200; i++)
    {
      send_scanout (f, 1024, 512, (guint8) i);
      g_dbus_connection_flush_sync (f->peer->listener, NULL, NULL);
    }
  return NULL;
}

/* 400 MB of pictures while the main loop stands still: what is kept is the last one. */
static void
test_flood (Fixture *f, gconstpointer data)
{
  const gsize frame = 1024 * 512 * 4;
  gsize before = resident ();

  g_thread_join (g_thread_new ("flood", flood_thread, f));
  while (read_pixel (f, 0, 0) != (0xff000000u | 199 * 0x10101u))
    g_usleep (1000);
#ifdef KEEPS_FREED_MEMORY
  before = G_MAXSIZE / 2;
#endif
  /* Generous, because the peer's own memory is in this process too. */
  g_assert_cmpuint (resident (), <, before + 24 * frame);
}

/* Signals about properties do not pile up either, and end in what was said last. */
static void
test_property_flood (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 5000; i++)
    fake_display_set_size (f->peer, 100 + i, 100 + i);
  wait_until (lodge_console_get_width (f->console) == 5099
              && lodge_console_get_height (f->console) == 5099);
}

/* A peer that calls and never reads the answers is cut off. */
static void
test_unread_answers (Fixture *f, gconstpointer data)
{
  int ends[2];
  g_autoptr (GDBusMessage) ping = g_dbus_message_new_method_call (
      NULL, "/org/qemu/Display1/Listener", "org.freedesktop.DBus.Peer", "Ping");
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GSocketConnection) stream = NULL;
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (LodgeListener) listener = NULL;
  guint n = 0;

  /* Authentication is left out on both ends, so that a bare socket can be the peer. */
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
  socket = g_socket_new_from_fd (ends[0], NULL);
  stream = g_socket_connection_factory_create_connection (socket);
  connection = g_dbus_connection_new_sync (G_IO_STREAM (stream), NULL,
                                           G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING, NULL,
                                           NULL, NULL);
  g_assert_nonnull (connection);
  listener = lodge_listener_new (connection);
  while (!lodge_listener_is_closed (listener))
    {
      g_autofree guchar *data_out = NULL;
      gsize size;

      g_dbus_message_set_serial (ping, ++n);
      data_out = g_dbus_message_to_blob (ping, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
      if (send (ends[1], data_out, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        g_usleep (100);
      g_main_context_iteration (NULL, FALSE);
    }
  close (ends[1]);
}

static void
test_peer_ends (Fixture *f, gconstpointer data)
{
  g_dbus_connection_close_sync (f->peer->connection, NULL, NULL);
  wait_until (f->closed != NULL);
  g_assert_error (f->closed, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_CLOSED);
  g_assert_true (lodge_listener_is_closed (f->listener));
}

static void
test_close (Fixture *f, gconstpointer data)
{
  lodge_display_session_close (f->session);
  g_assert_true (lodge_listener_is_closed (f->listener));
  g_assert_true (lodge_console_is_closed (f->console));
  g_assert_cmpuint (f->n_closed, ==, 0);
}

static guint
count_calls (Fixture *f, const char *prefix)
{
  guint n = 0;

  for (guint i = 0; i < f->peer->calls->len; i++)
    n += g_str_has_prefix (f->peer->calls->pdata[i], prefix);
  return n;
}

static const char *
last_call (Fixture *f)
{
  return f->peer->calls->pdata[f->peer->calls->len - 1];
}

/* One request under way, one waiting: of a hundred wishes two reach the guest. */
static void
test_resize (Fixture *f, gconstpointer data)
{
  f->peer->hold = TRUE;
  for (guint i = 0; i < 100; i++)
    lodge_console_set_size (f->console, 1000 + i, 500, 0, 0);
  wait_until (f->peer->held->len == 1);
  fake_display_let_go (f->peer);
  wait_until (count_calls (f, "SetUIInfo") == 2);
  g_assert_cmpstr (last_call (f), ==, "SetUIInfo (0, 0, 0, 0, 1099, 500)");

  f->peer->refuse_size = TRUE;
  lodge_console_set_size (f->console, 800, 600, 0, 0);
  wait_until (!lodge_console_can_resize (f->console));
  lodge_console_set_size (f->console, 640, 480, 0, 0);
  g_assert_cmpuint (count_calls (f, "SetUIInfo"), ==, 3);
}

/* A guest that followed and then went its own way is asked anew, in words that QEMU does not take for
 * the last ones; one that has what was asked for, or never took it, is left alone. */
static void
test_resize_again (Fixture *f, gconstpointer data)
{
  lodge_console_set_size (f->console, 1000, 500, 0, 0);
  wait_until (count_calls (f, "SetUIInfo") == 1);
  lodge_console_set_size (f->console, 1000, 500, 0, 0);
  fake_display_set_size (f->peer, 1000, 500);
  wait_until (lodge_console_get_width (f->console) == 1000);
  lodge_console_set_size (f->console, 1000, 500, 0, 0);
  fake_display_set_size (f->peer, 720, 400);
  wait_until (lodge_console_get_width (f->console) == 720);
  g_assert_cmpuint (count_calls (f, "SetUIInfo"), ==, 1);

  lodge_console_set_size (f->console, 1000, 500, 0, 0);
  wait_until (count_calls (f, "SetUIInfo") == 2);
  g_assert_cmpstr (last_call (f), ==, "SetUIInfo (1, 0, 0, 0, 1000, 500)");
  lodge_console_set_size (f->console, 1000, 500, 0, 0);
  lodge_console_set_size (f->console, 800, 600, 0, 0);
  wait_until (count_calls (f, "SetUIInfo") == 3);
  g_assert_cmpstr (last_call (f), ==, "SetUIInfo (0, 0, 0, 0, 800, 600)");
}

static gboolean
has_size (Fixture *f, guint width, guint height)
{
  guint now_width, now_height;

  lodge_framebuffer_get_size (lodge_listener_get_framebuffer (f->listener), &now_width, &now_height);
  return now_width == width && now_height == height;
}

/* As a view does: what is taken before the signal is not told again. */
static void
take_cb (LodgeListener *listener)
{
  lodge_framebuffer_begin (lodge_listener_get_framebuffer (listener));
  lodge_framebuffer_end (lodge_listener_get_framebuffer (listener));
}

/* An update of the old mode comes after the new size, by another connection: what it adds is cut off again. */
static void
test_late_update (Fixture *f, gconstpointer data)
{
  g_signal_connect (f->listener, "damaged", G_CALLBACK (take_cb), NULL);
  send_scanout (f, 640, 480, 0);
  wait_until (has_size (f, 640, 480));
  fake_display_set_size (f->peer, 720, 400);
  wait_until (has_size (f, 720, 400));
  fake_display_send (f->peer, "Update", g_variant_new ("(iiiiuu@ay)", 0, 464, 640, 16, 2560, XRGB,
                                                       fake_display_bytes (2560 * 16, 1)), -1);
  wait_until (has_size (f, 720, 480));
  wait_until (has_size (f, 720, 400));
  /* One that paints there again means it. */
  fake_display_send (f->peer, "Update", g_variant_new ("(iiiiuu@ay)", 0, 464, 640, 16, 2560, XRGB,
                                                       fake_display_bytes (2560 * 16, 1)), -1);
  wait_until (has_size (f, 720, 480));
  fake_display_set_size (f->peer, 720, 401);
  wait_until (has_size (f, 720, 401));
}

static void
test_keyboard (Fixture *f, gconstpointer data)
{
  LodgeKeyboard *keyboard = lodge_console_get_keyboard (f->console);
  static const guint chord[] = { 29, 56, 0xd3 };

  lodge_keyboard_press (keyboard, 30);
  lodge_keyboard_press (keyboard, 30);
  lodge_keyboard_press (keyboard, 0);
  lodge_keyboard_release (keyboard, 31);
  lodge_keyboard_press (keyboard, 42);
  g_assert_cmpuint (lodge_keyboard_get_n_pressed (keyboard), ==, 2);
  lodge_keyboard_release_all (keyboard);
  lodge_keyboard_send_chord (keyboard, chord, 3);
  g_assert_cmpuint (lodge_keyboard_get_n_pressed (keyboard), ==, 0);
  wait_until (f->peer->calls->len == 1 + 5 + 6);
  g_assert_cmpstr (f->peer->calls->pdata[4], ==, "Release (42,)");
  g_assert_cmpstr (f->peer->calls->pdata[5], ==, "Release (30,)");
  g_assert_cmpstr (f->peer->calls->pdata[6], ==, "Press (29,)");
  g_assert_cmpstr (last_call (f), ==, "Release (29,)");

  /* A guest that hangs is not sent keys without end; what went down comes up. */
  f->peer->hold = TRUE;
  for (guint i = 0; i < 1000; i++)
    lodge_keyboard_press (keyboard, 30);
  lodge_keyboard_release_all (keyboard);
  wait_until (g_strcmp0 (last_call (f), "Release (30,)") == 0);
  g_assert_cmpuint (count_calls (f, "Press"), <, 200);
}

/* Motion is merged while the guest is slow; a click comes after the motion before it. */
static void
test_mouse (Fixture *f, gconstpointer data)
{
  LodgeMouse *mouse = lodge_console_get_mouse (f->console);

  f->peer->hold = TRUE;
  for (guint i = 0; i < 100; i++)
    lodge_mouse_move_to (mouse, i, i);
  lodge_mouse_press (mouse, LODGE_MOUSE_LEFT);
  lodge_mouse_release_all (mouse);
  wait_until (count_calls (f, "Release") == 1);
  g_assert_cmpuint (count_calls (f, "SetAbsPosition"), ==, 2);
  g_assert_cmpstr (f->peer->calls->pdata[2], ==, "SetAbsPosition (99, 99)");
  g_assert_cmpstr (f->peer->calls->pdata[3], ==, "Press (0,)");
  fake_display_let_go (f->peer);

  /* The guest takes motion only, whatever it says: after some refusals we believe that. */
  f->peer->mouse_absolute = FALSE;
  while (lodge_mouse_is_absolute (mouse))
    {
      lodge_mouse_move_to (mouse, 1, 1);
      g_main_context_iteration (NULL, TRUE);
    }
  lodge_mouse_move_by (mouse, -3, 4);
  wait_until (count_calls (f, "RelMotion") == 1);
  g_assert_cmpstr (last_call (f), ==, "RelMotion (-3, 4)");
  /* Parts of a step are not lost, in either direction, and not sent before they are a whole one. */
  lodge_mouse_move_by (mouse, 0.5, -0.75);
  lodge_mouse_move_by (mouse, 0.25, 0.5);
  lodge_mouse_move_by (mouse, 0.25, -0.75);
  wait_until (count_calls (f, "RelMotion") == 2);
  g_assert_cmpstr (last_call (f), ==, "RelMotion (1, -1)");
  lodge_mouse_offer_position (mouse, 5, 5);
  wait_until (g_strcmp0 (last_call (f), "SetAbsPosition (5, 5)") == 0);
  f->peer->mouse_absolute = TRUE;
  while (!lodge_mouse_is_absolute (mouse))
    {
      lodge_mouse_move_by (mouse, 1, 1);
      g_main_context_iteration (NULL, TRUE);
    }
}

static void
test_no_console (void)
{
  Fixture f = { .peer = fake_display_new () };

  f.peer->n_consoles = 0;
  lodge_display_session_new_async (f.peer->client_fd, -1, NULL, opened_cb, &f);
  wait_until (f.error != NULL);
  g_assert_error (f.error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_NO_CONSOLE);
  tear_down (&f, NULL);
}

/* The person does not wait for a peer that says nothing. */
static void
test_cancel_silent_peer (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Fixture f = { 0 };
  int ends[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
  lodge_display_session_new_async (ends[0], -1, cancellable, opened_cb, &f);
  g_cancellable_cancel (cancellable);
  wait_until (f.error != NULL);
  g_assert_error (f.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  close (ends[1]);
  g_clear_error (&f.error);
}

static void
handshaken_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Fixture *f = user_data;

  f->handshaken = lodge_handshake_finish (result, &f->error);
}

/* Nor does the window, for ever. */
static void
test_silent_peer_times_out (void)
{
  Fixture f = { 0 };
  int ends[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
  lodge_handshake_async (ends[0], -1, 50, NULL, handshaken_cb, &f);
  wait_until (f.error != NULL);
  g_assert_error (f.error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_NOT_RESPONDING);
  close (ends[1]);
  g_clear_error (&f.error);
}

static void
count_cb (guint *n)
{
  (*n)++;
}

static void
unanswered_cb (GVariant *reply, const GError *error, gpointer user_data)
{
  g_assert_null (reply);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  count_cb (user_data);
}

/* The watch of a session: a call that is not answered tells that QEMU hangs. */
static void
test_unanswered_call (void)
{
  Fixture f = { .peer = fake_display_new () };
  g_autoptr (LodgePeer) peer = NULL;
  guint n_answers = 0, n_signals = 0;

  f.peer->hold = TRUE;
  lodge_handshake_async (f.peer->client_fd, -1, 10000, NULL, handshaken_cb, &f);
  wait_until (f.handshaken != NULL);
  g_dbus_connection_start_message_processing (f.handshaken);
  peer = lodge_peer_new (f.handshaken, -1);
  g_signal_connect_swapped (peer, "not-responding", G_CALLBACK (count_cb), &n_signals);
  lodge_peer_call (peer, "/org/qemu/Display1/Console_0", "org.qemu.Display1.Keyboard", "Press",
                   g_variant_new ("(u)", 30), NULL, 50, unanswered_cb, &n_answers);
  wait_until (n_signals == 1);
  g_assert_cmpuint (n_answers, ==, 1);
  g_clear_object (&f.handshaken);
  tear_down (&f, NULL);
}

static void
test_no_socket (void)
{
  Fixture f = { 0 };
  int fd = memfd_create ("no socket", MFD_CLOEXEC);

  lodge_display_session_new_async (fd, -1, NULL, opened_cb, &f);
  wait_until (f.error != NULL);
  g_assert_error (f.error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_FAILED);
  g_clear_error (&f.error);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define add(path, func, data) g_test_add (path, Fixture, data, set_up, func, tear_down)
  add ("/display-session/open", test_open, NULL);
  add ("/display-session/interfaces", test_interfaces, NULL);
  for (int i = 0; i < 9; i++)
    {
      g_autofree char *path = g_strdup_printf ("/display-session/hostile/%d", i);

      add (path, test_hostile, GINT_TO_POINTER (i));
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad_pictures); i++)
    {
      g_autofree char *path = g_strdup_printf ("/display-session/bad-picture/%u", i);

      add (path, test_bad_picture, GUINT_TO_POINTER (i));
    }
  add ("/display-session/flood", test_flood, NULL);
  add ("/display-session/property-flood", test_property_flood, NULL);
  add ("/display-session/unread-answers", test_unread_answers, NULL);
  add ("/display-session/peer-ends", test_peer_ends, NULL);
  add ("/display-session/close", test_close, NULL);
  add ("/display-session/resize", test_resize, NULL);
  add ("/display-session/resize-again", test_resize_again, NULL);
  add ("/display-session/late-update", test_late_update, NULL);
  add ("/display-session/keyboard", test_keyboard, NULL);
  add ("/display-session/mouse", test_mouse, NULL);
  g_test_add_func ("/display-session/no-console", test_no_console);
  g_test_add_func ("/display-session/cancel-silent-peer", test_cancel_silent_peer);
  g_test_add_func ("/display-session/silent-peer-times-out", test_silent_peer_times_out);
  g_test_add_func ("/display-session/unanswered-call", test_unanswered_call);
  g_test_add_func ("/display-session/no-socket", test_no_socket);
  return g_test_run ();
}
