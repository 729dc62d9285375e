/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A window with one LodgeDisplayView, driven by lines on stdin, for the tests of display/:
 *
 *   frame                 waits for the first frame
 *   size WIDTH HEIGHT     waits until the guest's picture has that size
 *   resize WIDTH HEIGHT   makes the view that large, with resize-guest on
 *   keys QCODE...         sends a chord
 *   screenshot FILE.png   the newest frame, in guest pixels
 *   window FILE.png       what the window shows
 *   listen                has the guest's sound played
 *   playing               waits until it is played
 *   mute                  not any more
 *   mapped                whether pictures come through shared memory
 *   closed                waits until the session has ended; says the code and the message
 *
 * Each line is answered by one line that begins with "ok" or "error"; what is waited for and does not come within two minutes
 * is an error, which says what is there instead. The arguments are the number of the
 * socket's descriptor and, for a confined QEMU, of its keyring's.
 */

#include <gtk/gtk.h>
#include <gio/gunixinputstream.h>
#include <string.h>

#include "display/lodge-display-error.h"
#include "display/lodge-display-session.h"
#include "display/lodge-display-view.h"

#define PATIENCE_S 120

static LodgeDisplaySession *session;
static LodgeDisplayView *view;
static GtkWindow *window;
static GDataInputStream *input;
static char *closed;
static gboolean seen;
static char *waiting_for;
static guint wanted_width, wanted_height;
static guint patience;

static void read_line (void);

static void
answer (const char *text)
{
  g_clear_handle_id (&patience, g_source_remove);
  g_print ("%s\n", text);
  read_line ();
}

static void
check_wait (void)
{
  guint width, height;
  g_autofree char *waited = NULL;

  if (waiting_for == NULL)
    return;
  g_object_get (view, "guest-width", &width, "guest-height", &height, NULL);
  if ((strcmp (waiting_for, "frame") == 0 && seen)
      || (strcmp (waiting_for, "size") == 0 && width == wanted_width && height == wanted_height)
      || (strcmp (waiting_for, "playing") == 0 && session != NULL
          && lodge_audio_get_state (lodge_display_session_get_audio (session)) == LODGE_AUDIO_PLAYING)
      || (strcmp (waiting_for, "closed") == 0 && closed != NULL))
    {
      g_autofree char *text = closed != NULL ? g_strdup_printf ("ok %s", closed) : g_strdup ("ok");

      waited = g_steal_pointer (&waiting_for);
      answer (text);
    }
  else if (closed != NULL)
    {
      g_autofree char *text = g_strdup_printf ("error closed: %s", closed);

      waited = g_steal_pointer (&waiting_for);
      answer (text);
    }
}

static gboolean
too_long_cb (gpointer data)
{
  g_autofree char *waited = g_steal_pointer (&waiting_for);
  g_autofree char *text = NULL;
  guint width, height;

  patience = 0;
  g_object_get (view, "guest-width", &width, "guest-height", &height, NULL);
  text = g_strdup_printf ("error there is no %s, but a picture of %ux%u", waited, width, height);
  answer (text);
  return G_SOURCE_REMOVE;
}

static void
wait_for (const char *what)
{
  waiting_for = g_strdup (what);
  patience = g_timeout_add_seconds (PATIENCE_S, too_long_cb, NULL);
  check_wait ();
}

static void
save (GdkTexture *texture, const char *path)
{
  if (texture != NULL && gdk_texture_save_to_png (texture, path))
    answer ("ok");
  else
    answer ("error no picture");
}

static void
save_window (const char *path)
{
  GtkWidget *widget = GTK_WIDGET (view);
  g_autoptr (GdkPaintable) paintable = gtk_widget_paintable_new (widget);
  GtkSnapshot *snapshot = gtk_snapshot_new ();
  g_autoptr (GskRenderNode) node = NULL;
  g_autoptr (GdkTexture) texture = NULL;

  gdk_paintable_snapshot (paintable, snapshot, gtk_widget_get_width (widget),
                          gtk_widget_get_height (widget));
  node = gtk_snapshot_free_to_node (snapshot);
  if (node != NULL)
    texture = gsk_renderer_render_texture (gtk_native_get_renderer (GTK_NATIVE (window)), node, NULL);
  save (texture, path);
}

static void
run (char **words)
{
  guint n = g_strv_length (words);
  g_autoptr (GdkTexture) texture = NULL;

  if (n == 1 && (strcmp (words[0], "frame") == 0 || strcmp (words[0], "closed") == 0 || strcmp (words[0], "playing") == 0))
    wait_for (words[0]);
  else if (n == 3 && strcmp (words[0], "size") == 0)
    {
      wanted_width = (guint) atoi (words[1]);
      wanted_height = (guint) atoi (words[2]);
      wait_for ("size");
    }
  else if (n == 3 && strcmp (words[0], "resize") == 0)
    {
      g_object_set (view, "resize-guest", TRUE, NULL);
      gtk_window_set_default_size (window, atoi (words[1]), atoi (words[2]));
      answer ("ok");
    }
  else if (n >= 2 && strcmp (words[0], "keys") == 0)
    {
      lodge_display_view_send_keys (view, (const char * const *) words + 1);
      answer ("ok");
    }
  else if (n == 2 && strcmp (words[0], "screenshot") == 0)
    {
      texture = lodge_display_view_screenshot (view);
      save (texture, words[1]);
    }
  else if (n == 1 && strcmp (words[0], "listen") == 0 && session != NULL)
    {
      lodge_audio_listen (lodge_display_session_get_audio (session));
      answer ("ok");
    }
  else if (n == 1 && strcmp (words[0], "mute") == 0 && session != NULL)
    {
      lodge_audio_set_volume (lodge_display_session_get_audio (session), 100, TRUE);
      answer ("ok");
    }
  else if (n == 1 && strcmp (words[0], "mapped") == 0)
    answer (lodge_display_view_is_shared (view) ? "ok yes" : "ok no");
  else if (n == 2 && strcmp (words[0], "window") == 0)
    save_window (words[1]);
  else
    answer ("error unknown command");
}

static void
line_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree char *line = g_data_input_stream_read_line_finish (input, result, NULL, NULL);
  g_auto (GStrv) words = NULL;

  if (line == NULL)
    exit (0);
  words = g_strsplit (g_strstrip (line), " ", -1);
  run (words);
}

static void
read_line (void)
{
  g_data_input_stream_read_line_async (input, G_PRIORITY_LOW, NULL, line_cb, NULL);
}

static void
closed_cb (gpointer source, GError *reason)
{
  if (closed == NULL)
    closed = g_strdup_printf ("%d %s", reason->code, reason->message);
  check_wait ();
}

static void
first_frame_cb (void)
{
  seen = TRUE;
  check_wait ();
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  session = lodge_display_session_new_finish (result, &error);
  if (session == NULL)
    {
      closed_cb (NULL, error);
      return;
    }
  g_signal_connect (session, "closed", G_CALLBACK (closed_cb), NULL);
  g_signal_connect (lodge_display_session_get_audio (session), "changed", G_CALLBACK (check_wait), NULL);
  lodge_display_view_set_console (view, lodge_display_session_get_primary_console (session));
}

int
main (int argc, char *argv[])
{
  g_autoptr (GInputStream) stream = g_unix_input_stream_new (0, FALSE);

  if (argc != 2 && argc != 3)
    return 2;
  setvbuf (stdout, NULL, _IOLBF, 0);
  gtk_init ();
  window = GTK_WINDOW (gtk_window_new ());
  view = LODGE_DISPLAY_VIEW (lodge_display_view_new ());
  gtk_window_set_title (window, "display-viewer");
  gtk_window_set_decorated (window, FALSE);
  gtk_window_set_default_size (window, 1024, 768);
  gtk_window_set_child (window, GTK_WIDGET (view));
  g_signal_connect (view, "first-frame", G_CALLBACK (first_frame_cb), NULL);
  g_signal_connect (view, "closed", G_CALLBACK (closed_cb), NULL);
  g_signal_connect (view, "notify::guest-width", G_CALLBACK (check_wait), NULL);
  g_signal_connect (view, "notify::guest-height", G_CALLBACK (check_wait), NULL);
  gtk_window_present (window);
  gtk_widget_grab_focus (GTK_WIDGET (view));
  lodge_display_session_new_async (atoi (argv[1]), argc == 3 ? atoi (argv[2]) : -1, NULL, opened_cb, NULL);

  input = g_data_input_stream_new (stream);
  read_line ();
  for (;;)
    g_main_context_iteration (NULL, TRUE);
}
