/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

#include "display/lodge-audio-stream.h"
#include "display/lodge-display-session.h"
#include "tests/unit/lodge-fake-display.h"

#define INIT "(tybbuyuub)"
#define PATIENCE_S 60

typedef struct
{
  FakeDisplay *peer;
  LodgeDisplaySession *session;
  LodgeAudio *audio;             /* (unowned) */
  GError *error;
  gboolean closed;
} Fixture;

static char *folder, *disk;

#define wait_until(condition) \
  G_STMT_START \
    { \
      const gint64 end_ = g_get_monotonic_time () + PATIENCE_S * G_USEC_PER_SEC; \
      while (!(condition)) \
        { \
          g_assert_cmpint (g_get_monotonic_time (), <, end_); \
          if (!g_main_context_iteration (NULL, FALSE)) \
            g_usleep (2000); \
        } \
    } \
  G_STMT_END

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Fixture *f = user_data;

  f->session = lodge_display_session_new_finish (result, &f->error);
}

static void
closed_cb (Fixture *f)
{
  f->closed = TRUE;
}

static void
open_session (Fixture *f)
{
  lodge_display_session_new_async (f->peer->client_fd, -1, NULL, opened_cb, f);
  wait_until (f->session != NULL || f->error != NULL);
  g_assert_no_error (f->error);
  g_signal_connect_swapped (f->session, "closed", G_CALLBACK (closed_cb), f);
  f->audio = lodge_display_session_get_audio (f->session);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->peer = fake_display_new ();
  open_session (f);
  g_assert_cmpint (lodge_audio_get_state (f->audio), ==, LODGE_AUDIO_NONE);
  lodge_audio_listen (f->audio);
  wait_until (f->peer->audio != NULL && lodge_audio_get_state (f->audio) == LODGE_AUDIO_SILENT);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_assert_false (f->closed);
  g_assert_finalize_object (f->session);
  fake_display_free (f->peer);
  g_clear_error (&f->error);
}

static void
send_init (Fixture *f, guint64 id, guint rate)
{
  fake_display_send_audio (f->peer, "Init",
                           g_variant_new (INIT, id, 16, TRUE, FALSE, rate, 2, 4, rate * 4, G_BYTE_ORDER == G_BIG_ENDIAN));
}

/* 10 ms of a square wave of 500 Hz, in stereo. */
static void
send_tone (Fixture *f, guint64 id, gint16 height)
{
  gint16 samples[480 * 2];

  for (guint i = 0; i < 480; i++)
    samples[i * 2] = samples[i * 2 + 1] = i % 96 < 48 ? height : (gint16) -height;
  fake_display_send_audio (f->peer, "Write",
                           g_variant_new ("(t@ay)", id,
                                          g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, samples, sizeof samples, 1)));
}

/* What was played since @from, a multiple of a frame. Returns: (transfer full) samples. */
static gint16 *
get_played (gsize from, gsize *n)
{
  char *data = NULL;
  gsize length = 0;

  *n = 0;
  if (!g_file_get_contents (disk, &data, &length, NULL) || length <= from)
    {
      g_free (data);
      return NULL;
    }
  memmove (data, data + from, length - from);
  *n = (length - from) / 2;
  return (gint16 *) data;
}

static gsize
get_length (void)
{
  GStatBuf info;

  return g_stat (disk, &info) == 0 ? (gsize) info.st_size / 4 * 4 : 0;
}

static gboolean
has_played (gsize from, gint16 height)
{
  gsize n;
  g_autofree gint16 *samples = get_played (from, &n);
  guint high = 0, low = 0;

  for (gsize i = 0; i < n; i++)
    {
      high += samples[i] == height;
      low += samples[i] == -height;
    }
  return high > 2000 && low > 2000;
}

/* Feeds the player until what it plays is of that height. */
static void
play_until (Fixture *f, guint64 id, gint16 height, gint16 heard)
{
  const gsize from = get_length ();
  const gint64 end = g_get_monotonic_time () + PATIENCE_S * G_USEC_PER_SEC;

  while (!has_played (from, heard))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      send_tone (f, id, height);
      g_main_context_iteration (NULL, FALSE);
      g_usleep (8000);
    }
}

static void
test_plays (Fixture *f, gconstpointer data)
{
  gsize from, n;
  g_autofree gint16 *samples = NULL;

  g_assert_cmpstr (f->peer->audio_sender, !=, NULL);
  send_init (f, 7, 48000);
  /* Nobody reads what is written to a stream that is off. */
  send_tone (f, 7, 100);
  fake_display_send_audio (f->peer, "SetEnabled", g_variant_new ("(tb)", (guint64) 7, TRUE));
  wait_until (lodge_audio_get_state (f->audio) == LODGE_AUDIO_PLAYING);
  play_until (f, 7, 8000, 8000);

  /* Half, by the square. */
  lodge_audio_set_volume (f->audio, 50, FALSE);
  play_until (f, 7, 8000, 2000);

  lodge_audio_set_volume (f->audio, 100, TRUE);
  from = get_length () + 48000;
  while (get_length () < from + 8192)
    {
      send_tone (f, 7, 8000);
      g_usleep (8000);
    }
  samples = get_played (from, &n);
  g_assert_cmpuint (n, >, 0);
  for (gsize i = 0; i < n; i++)
    g_assert_cmpint (samples[i], ==, 0);

  lodge_audio_set_volume (f->audio, 100, FALSE);
  fake_display_send_audio (f->peer, "SetVolume", g_variant_new_parsed ("(@t 7, false, @ay [0, 255])"));
  play_until (f, 7, 4000, 4000);
  fake_display_send_audio (f->peer, "SetEnabled", g_variant_new ("(tb)", (guint64) 7, FALSE));
  wait_until (lodge_audio_get_state (f->audio) == LODGE_AUDIO_SILENT);
}

static void
test_flood (Fixture *f, gconstpointer data)
{
  send_init (f, 1, 48000);
  fake_display_send_audio (f->peer, "SetEnabled", g_variant_new ("(tb)", (guint64) 1, TRUE));
  for (guint i = 0; i < 5000; i++)
    send_tone (f, 1, 1000);
  wait_until (lodge_audio_get_dropped (f->audio) > 48000);
  /* The stream's end, and what comes for it still, are nothing wrong. */
  fake_display_send_audio (f->peer, "Fini", g_variant_new ("(t)", (guint64) 1));
  send_tone (f, 1, 1000);
  for (guint i = 0; i < 2000; i++)
    {
      send_init (f, 2, 44100);
      fake_display_send_audio (f->peer, "SetEnabled", g_variant_new ("(tb)", (guint64) 2, i % 2 == 0));
    }
  fake_display_send_audio (f->peer, "SetEnabled", g_variant_new ("(tb)", (guint64) 2, TRUE));
  wait_until (lodge_audio_get_state (f->audio) == LODGE_AUDIO_PLAYING);
}

/* Member, arguments, and a word of what is said about it. */
static const char *const hostile[][3] = {
  { "Init", "(@t 1, @y 24, true, false, @u 48000, @y 2, @u 6, @u 288000, false)", "24 bits" },
  { "Init", "(@t 1, @y 16, false, false, @u 48000, @y 2, @u 4, @u 192000, false)", "unsigned" },
  { "Init", "(@t 1, @y 16, true, true, @u 48000, @y 2, @u 4, @u 192000, false)", "float" },
  { "Init", "(@t 1, @y 16, true, false, @u 48000, @y 0, @u 0, @u 0, false)", "0 channels" },
  { "Init", "(@t 1, @y 16, true, false, @u 48000, @y 255, @u 510, @u 0, false)", "255 channels" },
  { "Init", "(@t 1, @y 16, true, false, @u 0, @y 2, @u 4, @u 0, false)", "0 Hz" },
  { "Init", "(@t 1, @y 16, true, false, @u 4294967295, @y 2, @u 4, @u 0, false)", "4294967295 Hz" },
  { "Init", "(@t 1, @y 16, true, false, @u 48000, @y 2, @u 5, @u 0, false)", "5 bytes a frame" },
  { "Init", "(@t 1, true)", "instead of" },
  { "Write", "(@t 9, @ay [1, 2, 3])", "whole frames" },
  { "Write", "(@t 9, 'text')", "instead of" },
  { "Write", NULL, "too many" },
};

static void
test_hostile (Fixture *f, gconstpointer data)
{
  const char *const *row = data;
  g_autofree char *failure = NULL;

  send_init (f, 9, 44100);
  fake_display_send_audio (f->peer, "SetEnabled", g_variant_new ("(tb)", (guint64) 9, TRUE));
  fake_display_send_audio (f->peer, row[0],
                           row[1] != NULL ? g_variant_new_parsed (row[1])
                                          : g_variant_new ("(t@ay)", (guint64) 9, fake_display_bytes (2 << 20, 1)));
  wait_until (lodge_audio_get_state (f->audio) == LODGE_AUDIO_FAILED);
  wait_until ((g_free (failure), failure = lodge_audio_get_failure (f->audio), strstr (failure, row[2]) != NULL));
  /* The picture has nothing to do with it. */
  g_assert_false (lodge_display_session_is_closed (f->session));
}

static void
test_too_many (Fixture *f, gconstpointer data)
{
  for (guint64 id = 0; id < 9; id++)
    send_init (f, id, 44100);
  wait_until (lodge_audio_get_state (f->audio) == LODGE_AUDIO_FAILED);
}

static void
test_peer_ends (Fixture *f, gconstpointer data)
{
  g_dbus_connection_close_sync (f->peer->audio, NULL, NULL);
  wait_until (lodge_audio_get_state (f->audio) == LODGE_AUDIO_NONE);
}

static void
test_busy (void)
{
  Fixture f = { .peer = fake_display_new () };

  f.peer->audio_busy = 2;
  open_session (&f);
  lodge_audio_listen (f.audio);
  wait_until (f.peer->audio != NULL && lodge_audio_get_state (f.audio) == LODGE_AUDIO_SILENT);
  g_assert_cmpuint (f.peer->audio_busy, ==, 0);
  tear_down (&f, NULL);
}

static void
test_none (void)
{
  Fixture f = { .peer = fake_display_new () };

  f.peer->no_audio = TRUE;
  open_session (&f);
  lodge_audio_listen (f.audio);
  /* Whose answer comes after the refusal. */
  lodge_console_set_size (lodge_display_session_get_primary_console (f.session), 800, 600, 0, 0);
  lodge_console_set_size (lodge_display_session_get_primary_console (f.session), 801, 601, 0, 0);
  wait_until (f.peer->calls->len == 2);
  g_assert_cmpint (lodge_audio_get_state (f.audio), ==, LODGE_AUDIO_NONE);
  tear_down (&f, NULL);
}

static void
test_no_server (void)
{
  Fixture f = { 0 };
  g_autofree char *failure = NULL;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }
  g_setenv ("SDL_AUDIODRIVER", "none-such", TRUE);
  set_up (&f, NULL);
  send_init (&f, 7, 48000);
  fake_display_send_audio (f.peer, "SetEnabled", g_variant_new ("(tb)", (guint64) 7, TRUE));
  wait_until (lodge_audio_get_state (f.audio) == LODGE_AUDIO_FAILED);
  failure = lodge_audio_get_failure (f.audio);
  g_assert_cmpstr (failure, !=, "");
  tear_down (&f, NULL);
}

/* The ring */

static void
test_ring (void)
{
  const LodgeAudioFormat format = { .bits = 8, .rate = 8000, .channels = 1 };
  g_autoptr (LodgeAudioStream) stream = lodge_audio_stream_new (&format);
  guint8 in[4000], out[400];

  for (guint i = 0; i < sizeof in; i++)
    in[i] = (guint8) (i % 100);
  /* Too little to begin with: silence of this format. */
  g_assert_true (lodge_audio_stream_write (stream, in, 400));
  lodge_audio_stream_read (stream, out, 10);
  g_assert_cmpuint (out[0], ==, 0x80);
  g_assert_cmpuint (lodge_audio_stream_get_latency (stream), ==, 50);

  /* In order and round the ring's end. */
  g_assert_true (lodge_audio_stream_write (stream, in, 300));
  lodge_audio_stream_read (stream, out, 400);
  g_assert_cmpmem (out, 400, in, 400);
  for (guint i = 0; i < 20; i++)
    {
      g_assert_true (lodge_audio_stream_write (stream, in, 300));
      lodge_audio_stream_read (stream, out, 300);
      g_assert_cmpmem (out, 300, in, 300);
    }
  g_assert_cmpuint (lodge_audio_stream_get_dropped (stream), ==, 0);

  /* Too much: the newest stays, as much as there is at a beginning. */
  g_assert_true (lodge_audio_stream_write (stream, in, 1200));
  g_assert_true (lodge_audio_stream_write (stream, in, 200));
  g_assert_cmpuint (lodge_audio_stream_get_latency (stream), ==, LODGE_AUDIO_START_MS);
  g_assert_cmpuint (lodge_audio_stream_get_dropped (stream), ==, 300 + 1200 + 200 - 480);
  lodge_audio_stream_read (stream, out, 280);
  g_assert_cmpmem (out, 280, in + 1200 - 280, 280);
  g_assert_true (lodge_audio_stream_write (stream, in, 4000));
  g_assert_cmpuint (lodge_audio_stream_get_latency (stream), ==, LODGE_AUDIO_START_MS);
  lodge_audio_stream_read (stream, out, 400);
  g_assert_cmpmem (out, 400, in + 4000 - 480, 400);
  /* Run dry: silence, and nothing more before there is enough again. */
  lodge_audio_stream_read (stream, out, 100);
  g_assert_cmpuint (out[99], ==, 0x80);
  g_assert_true (lodge_audio_stream_write (stream, in, 100));
  lodge_audio_stream_read (stream, out, 100);
  g_assert_cmpuint (out[0], ==, 0x80);
}

static void
test_frames (void)
{
  const LodgeAudioFormat format = { .bits = 32, .is_float = TRUE, .rate = 192000, .channels = 8 };
  g_autoptr (LodgeAudioStream) stream = lodge_audio_stream_new (&format);
  guint8 data[64] = { 0 };

  g_assert_true (lodge_audio_format_check (&format, NULL));
  g_assert_cmpuint (lodge_audio_format_frame_size (&format), ==, 32);
  g_assert_false (lodge_audio_stream_write (stream, data, 33));
  g_assert_true (lodge_audio_stream_write (stream, data, 64));
  lodge_audio_stream_read (stream, data, 5);
}

int
main (int argc, char *argv[])
{
  int result;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("lodge-audio-XXXXXX", NULL);
  disk = g_build_filename (folder, "played", NULL);
  g_setenv ("SDL_AUDIODRIVER", "disk", TRUE);
  g_setenv ("SDL_DISKAUDIOFILE", disk, TRUE);

  g_test_add_func ("/audio/ring", test_ring);
  g_test_add_func ("/audio/frames", test_frames);
  g_test_add ("/audio/plays", Fixture, NULL, set_up, test_plays, tear_down);
  g_test_add ("/audio/flood", Fixture, NULL, set_up, test_flood, tear_down);
  for (guint i = 0; i < G_N_ELEMENTS (hostile); i++)
    {
      g_autofree char *path = g_strdup_printf ("/audio/hostile/%u", i);

      g_test_add (path, Fixture, hostile[i], set_up, test_hostile, tear_down);
    }
  g_test_add ("/audio/too-many", Fixture, NULL, set_up, test_too_many, tear_down);
  g_test_add ("/audio/peer-ends", Fixture, NULL, set_up, test_peer_ends, tear_down);
  g_test_add_func ("/audio/busy", test_busy);
  g_test_add_func ("/audio/none", test_none);
  g_test_add_func ("/audio/no-server", test_no_server);
  result = g_test_run ();

  g_remove (disk);
  g_rmdir (folder);
  g_free (folder);
  g_free (disk);
  return result;
}
