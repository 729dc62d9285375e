/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * The table of streams says what should be; the player's thread makes it so: a device for each stream that is enabled,
 * none for the others. Opening one waits for the host's sound server, which is why nobody else does it. A peer may
 * change its mind as often as it likes: the thread looks at the table as it is then, and opens a device at most every
 * GAP_MS.
 *
 * A device that has become idle stays for IDLE_S, because guests stop and start between two sounds, and an idle one
 * wakes this process up. While something plays, the thread looks every CHECK_S whether the server is still there;
 * where there is none it tries again after RETRY_S.
 *
 * SDL is asked for by name and not linked: it brings two dozen libraries, which a window that shows a silent guest, or
 * none, should neither wait for nor carry. It stays loaded.
 */

#include "display/lodge-audio-player.h"

#include <SDL.h>
#include <gmodule.h>

#include "display/lodge-display-error.h"

#define SDL_LIBRARY "libSDL2-2.0.so.0"
#define IDLE_S 10
#define CHECK_S 2
#define RETRY_S 10
#define GAP_MS 250
/* Of a device's period, which is a power of two of frames. */
#define PERIOD_MS 20

typedef struct
{
  guint64 id;
  LodgeAudioStream *stream;      /* (owned) (nullable): NULL is a free place */
  gboolean enabled;
  gint64 idle_since;             /* monotonic, of the moment of the last disabling */
} Place;

/* What one device plays; the thread's own. */
typedef struct
{
  LodgeAudioPlayer *player;
  LodgeAudioStream *stream;      /* (owned) (nullable) */
  SDL_AudioDeviceID device;      /* 0: none */
  SDL_AudioFormat format;
  guint8 silence;
  guint8 *buffer;                /* (owned) (nullable), of @length */
  gsize length;
  gint64 not_before;             /* monotonic: of the next attempt to open */
  LodgeAudioPlayerState state;
} Output;

struct _LodgeAudioPlayer
{
  gatomicrefcount refs;
  char *name;                    /* (owned) */
  Output outputs[LODGE_AUDIO_MAX_STREAMS];
  int volume;                    /* atomic: 0 to SDL_MIX_MAXVOLUME */
  LodgeAudioPlayerNotify notify;
  gpointer user_data;            /* (owned) */
  GDestroyNotify destroy;

  GMutex mutex;                  /* for all below */
  GCond cond;
  Place places[LODGE_AUDIO_MAX_STREAMS];
  gboolean has_thread, changed, over;
  LodgeAudioPlayerState state;
  char *failure;                 /* (owned) */
};

static struct
{
  int (*InitSubSystem) (Uint32 flags);
  SDL_bool (*SetHint) (const char *name, const char *value);
  SDL_AudioDeviceID (*OpenAudioDevice) (const char *device, int capture, const SDL_AudioSpec *desired, SDL_AudioSpec *obtained,
                                        int allowed_changes);
  void (*PauseAudioDevice) (SDL_AudioDeviceID device, int on);
  void (*CloseAudioDevice) (SDL_AudioDeviceID device);
  SDL_AudioStatus (*GetAudioDeviceStatus) (SDL_AudioDeviceID device);
  void (*MixAudioFormat) (Uint8 *to, const Uint8 *from, SDL_AudioFormat format, Uint32 length, int volume);
  const char *(*GetError) (void);
  void (*TLSCleanup) (void);
} sdl;

/* SDL's functions may be called by several players, but its devices are to be opened one at a time: the hint with the
 * stream's name is of the whole program. */
static GMutex sdl_mutex;

/* Under sdl_mutex. */
static gboolean
load_sdl (char **failure)
{
  static gboolean ready;
  static const struct
  {
    const char *name;
    gpointer *function;
  } functions[] = {
    { "SDL_InitSubSystem", (gpointer *) &sdl.InitSubSystem },
    { "SDL_SetHint", (gpointer *) &sdl.SetHint },
    { "SDL_OpenAudioDevice", (gpointer *) &sdl.OpenAudioDevice },
    { "SDL_PauseAudioDevice", (gpointer *) &sdl.PauseAudioDevice },
    { "SDL_CloseAudioDevice", (gpointer *) &sdl.CloseAudioDevice },
    { "SDL_GetAudioDeviceStatus", (gpointer *) &sdl.GetAudioDeviceStatus },
    { "SDL_MixAudioFormat", (gpointer *) &sdl.MixAudioFormat },
    { "SDL_GetError", (gpointer *) &sdl.GetError },
    { "SDL_TLSCleanup", (gpointer *) &sdl.TLSCleanup },
  };
  GModule *module;

  if (ready)
    return TRUE;
  module = g_module_open (SDL_LIBRARY, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  for (gsize i = 0; module != NULL && i < G_N_ELEMENTS (functions); i++)
    if (!g_module_symbol (module, functions[i].name, functions[i].function))
      g_clear_pointer (&module, g_module_close);
  if (module == NULL)
    {
      *failure = g_strdup (g_module_error ());
      return FALSE;
    }
  g_module_make_resident (module);
  /* It would take SIGINT and SIGTERM from the program. */
  sdl.SetHint (SDL_HINT_NO_SIGNAL_HANDLERS, "1");
  sdl.SetHint (SDL_HINT_AUDIO_DEVICE_APP_NAME, "Lodge");
  if (sdl.InitSubSystem (SDL_INIT_AUDIO) != 0)
    {
      *failure = g_strdup (sdl.GetError ());
      return FALSE;
    }
  ready = TRUE;
  return TRUE;
}

static SDL_AudioFormat
sdl_format (const LodgeAudioFormat *format)
{
  if (format->bits == 8)
    return format->is_signed ? AUDIO_S8 : AUDIO_U8;
  if (format->is_float)
    return format->big_endian ? AUDIO_F32MSB : AUDIO_F32LSB;
  if (format->bits == 16)
    return format->big_endian ? AUDIO_S16MSB : AUDIO_S16LSB;
  return format->big_endian ? AUDIO_S32MSB : AUDIO_S32LSB;
}

/* In SDL's thread of the device. */
static void
play_cb (void *user_data, Uint8 *data, int length)
{
  Output *output = user_data;
  int volume = g_atomic_int_get (&output->player->volume) * lodge_audio_stream_get_gain (output->stream) / 255;

  memset (data, output->silence, (gsize) length);
  if ((gsize) length > output->length)
    return;
  /* It is taken also where it is not heard, or there would be old sound afterwards. */
  lodge_audio_stream_read (output->stream, output->buffer, (gsize) length);
  if (volume > 0)
    sdl.MixAudioFormat (data, output->buffer, output->format, (Uint32) length, volume);
}

static void
close_output (Output *output)
{
  if (output->device != 0)
    {
      g_mutex_lock (&sdl_mutex);
      sdl.CloseAudioDevice (output->device);
      g_mutex_unlock (&sdl_mutex);
    }
  output->device = 0;
  g_clear_pointer (&output->stream, lodge_audio_stream_unref);
  g_clear_pointer (&output->buffer, g_free);
}

/* Returns: (transfer full) (nullable): what went wrong */
static char *
open_output (Output *output, LodgeAudioStream *stream)
{
  const LodgeAudioFormat *format = lodge_audio_stream_get_format (stream);
  SDL_AudioSpec wanted = { .freq = (int) format->rate, .format = sdl_format (format), .channels = (Uint8) format->channels,
                           .samples = 1, .callback = play_cb, .userdata = output };
  SDL_AudioSpec got;
  char *failure = NULL;

  while (wanted.samples < format->rate * PERIOD_MS / 1000)
    wanted.samples = (Uint16) (wanted.samples * 2);
  g_mutex_lock (&sdl_mutex);
  if (load_sdl (&failure))
    {
      output->stream = lodge_audio_stream_ref (stream);
      output->format = wanted.format;
      output->silence = wanted.format == AUDIO_U8 ? 0x80 : 0;
      output->length = (gsize) wanted.samples * lodge_audio_format_frame_size (format);
      output->buffer = g_malloc (output->length);
      sdl.SetHint (SDL_HINT_AUDIO_DEVICE_STREAM_NAME, output->player->name);
      /* No change is allowed, so SDL converts to what the device takes. */
      output->device = sdl.OpenAudioDevice (NULL, 0, &wanted, &got, 0);
      if (output->device == 0)
        {
          failure = g_strdup (sdl.GetError ());
          g_clear_pointer (&output->stream, lodge_audio_stream_unref);
          g_clear_pointer (&output->buffer, g_free);
        }
      else
        sdl.PauseAudioDevice (output->device, 0);
    }
  g_mutex_unlock (&sdl_mutex);
  return failure;
}

/* Under the mutex, which it gives up meanwhile. Returns: when to look again, monotonic. */
static gint64
adjust (LodgeAudioPlayer *self, guint i)
{
  Place *place = &self->places[i];
  Output *output = &self->outputs[i];
  g_autoptr (LodgeAudioStream) stream = NULL;
  g_autofree char *failure = NULL;
  const gint64 now = g_get_monotonic_time ();
  const gint64 idle_at = place->idle_since + IDLE_S * G_USEC_PER_SEC;
  const gboolean idle = !place->enabled && now >= idle_at;

  if (place->enabled)
    stream = lodge_audio_stream_ref (place->stream);
  g_mutex_unlock (&self->mutex);

  if (output->stream != NULL
      && (idle || (stream != NULL && stream != output->stream)
          || sdl.GetAudioDeviceStatus (output->device) == SDL_AUDIO_STOPPED))
    close_output (output);
  if (stream == NULL)
    output->state = LODGE_AUDIO_PLAYER_SILENT;
  else if (output->stream != NULL)
    output->state = LODGE_AUDIO_PLAYER_PLAYING;
  else if (now >= output->not_before)
    {
      failure = open_output (output, stream);
      output->state = failure != NULL ? LODGE_AUDIO_PLAYER_FAILED : LODGE_AUDIO_PLAYER_PLAYING;
      output->not_before = g_get_monotonic_time () + (failure != NULL ? RETRY_S * 1000 : GAP_MS) * 1000;
    }

  g_mutex_lock (&self->mutex);
  if (failure != NULL)
    {
      g_free (self->failure);
      self->failure = g_steal_pointer (&failure);
    }
  if (stream != NULL)
    return output->stream != NULL ? now + CHECK_S * G_USEC_PER_SEC : output->not_before;
  return output->stream != NULL ? MAX (idle_at, now + G_USEC_PER_SEC) : G_MAXINT64;
}

void
lodge_audio_player_unref (LodgeAudioPlayer *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  for (guint i = 0; i < LODGE_AUDIO_MAX_STREAMS; i++)
    g_clear_pointer (&self->places[i].stream, lodge_audio_stream_unref);
  if (self->destroy != NULL)
    self->destroy (self->user_data);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
  g_free (self->failure);
  g_free (self->name);
  g_free (self);
}

static gpointer
thread_cb (gpointer data)
{
  LodgeAudioPlayer *self = data;

  g_mutex_lock (&self->mutex);
  while (!self->over)
    {
      LodgeAudioPlayerState state = LODGE_AUDIO_PLAYER_SILENT;
      gint64 again = G_MAXINT64;

      self->changed = FALSE;
      for (guint i = 0; i < LODGE_AUDIO_MAX_STREAMS; i++)
        {
          gint64 next = adjust (self, i);

          again = MIN (again, next);
          state = MAX (state, self->outputs[i].state);
        }
      if (state != self->state)
        {
          self->state = state;
          g_mutex_unlock (&self->mutex);
          self->notify (self->user_data);
          g_mutex_lock (&self->mutex);
        }
      while (!self->changed && !self->over)
        if (again == G_MAXINT64)
          g_cond_wait (&self->cond, &self->mutex);
        else if (!g_cond_wait_until (&self->cond, &self->mutex, again))
          break;
    }
  g_mutex_unlock (&self->mutex);

  for (guint i = 0; i < LODGE_AUDIO_MAX_STREAMS; i++)
    close_output (&self->outputs[i]);
  /* What SDL keeps for a thread that is not of its making. */
  g_mutex_lock (&sdl_mutex);
  if (sdl.TLSCleanup != NULL)
    sdl.TLSCleanup ();
  g_mutex_unlock (&sdl_mutex);
  lodge_audio_player_unref (self);
  return NULL;
}

/* Under the mutex. */
static void
tell_thread (LodgeAudioPlayer *self)
{
  self->changed = TRUE;
  g_cond_signal (&self->cond);
}

/* Under the mutex. Returns: (nullable) */
static Place *
find (LodgeAudioPlayer *self, guint64 id)
{
  for (guint i = 0; i < LODGE_AUDIO_MAX_STREAMS; i++)
    if (self->places[i].stream != NULL && self->places[i].id == id)
      return &self->places[i];
  return NULL;
}

LodgeAudioPlayer *
lodge_audio_player_new (const char *name, LodgeAudioPlayerNotify notify, gpointer user_data, GDestroyNotify destroy)
{
  LodgeAudioPlayer *self = g_new0 (LodgeAudioPlayer, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
  self->name = g_strdup (name);
  self->notify = notify;
  self->user_data = user_data;
  self->destroy = destroy;
  self->volume = SDL_MIX_MAXVOLUME;
  self->failure = g_strdup ("");
  for (guint i = 0; i < LODGE_AUDIO_MAX_STREAMS; i++)
    self->outputs[i].player = self;
  return self;
}

LodgeAudioPlayer *
lodge_audio_player_ref (LodgeAudioPlayer *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
lodge_audio_player_stop (LodgeAudioPlayer *self)
{
  g_mutex_lock (&self->mutex);
  self->over = TRUE;
  g_cond_signal (&self->cond);
  g_mutex_unlock (&self->mutex);
}

gboolean
lodge_audio_player_add (LodgeAudioPlayer *self, guint64 id, const LodgeAudioFormat *format, GError **error)
{
  Place *place;

  if (!lodge_audio_format_check (format, error))
    return FALSE;

  g_mutex_lock (&self->mutex);
  place = find (self, id);
  for (guint i = 0; place == NULL && i < LODGE_AUDIO_MAX_STREAMS; i++)
    if (self->places[i].stream == NULL)
      place = &self->places[i];
  if (place != NULL)
    {
      g_clear_pointer (&place->stream, lodge_audio_stream_unref);
      *place = (Place) { .id = id, .stream = lodge_audio_stream_new (format) };
      tell_thread (self);
    }
  g_mutex_unlock (&self->mutex);

  if (place == NULL)
    g_set_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL, "more than %d streams of sound",
                 LODGE_AUDIO_MAX_STREAMS);
  return place != NULL;
}

void
lodge_audio_player_remove (LodgeAudioPlayer *self, guint64 id)
{
  Place *place;

  g_mutex_lock (&self->mutex);
  place = find (self, id);
  if (place != NULL)
    {
      g_clear_pointer (&place->stream, lodge_audio_stream_unref);
      *place = (Place) { 0 };
      tell_thread (self);
    }
  g_mutex_unlock (&self->mutex);
}

void
lodge_audio_player_set_enabled (LodgeAudioPlayer *self, guint64 id, gboolean enabled)
{
  Place *place;

  g_mutex_lock (&self->mutex);
  place = find (self, id);
  if (place != NULL && place->enabled != enabled)
    {
      place->enabled = enabled;
      place->idle_since = g_get_monotonic_time ();
      lodge_audio_stream_clear (place->stream);
      if (!self->has_thread && !self->over)
        {
          self->has_thread = TRUE;
          g_thread_unref (g_thread_new ("audio", thread_cb, lodge_audio_player_ref (self)));
        }
      tell_thread (self);
    }
  g_mutex_unlock (&self->mutex);
}

void
lodge_audio_player_set_gain (LodgeAudioPlayer *self, guint64 id, guint8 gain)
{
  Place *place;

  g_mutex_lock (&self->mutex);
  place = find (self, id);
  if (place != NULL)
    lodge_audio_stream_set_gain (place->stream, gain);
  g_mutex_unlock (&self->mutex);
}

gboolean
lodge_audio_player_write (LodgeAudioPlayer *self, guint64 id, const guint8 *data, gsize length)
{
  g_autoptr (LodgeAudioStream) stream = NULL;
  Place *place;

  g_mutex_lock (&self->mutex);
  place = find (self, id);
  if (place != NULL && place->enabled)
    stream = lodge_audio_stream_ref (place->stream);
  g_mutex_unlock (&self->mutex);
  return stream == NULL || lodge_audio_stream_write (stream, data, length);
}

void
lodge_audio_player_set_volume (LodgeAudioPlayer *self, guint volume, gboolean muted)
{
  const int percent = (int) MIN (volume, 100);

  /* By the square, as ears have it; nothing but 0 is silent. */
  g_atomic_int_set (&self->volume, muted || percent == 0 ? 0 : MAX (1, percent * percent * SDL_MIX_MAXVOLUME / 10000));
}

LodgeAudioPlayerState
lodge_audio_player_get_state (LodgeAudioPlayer *self)
{
  LodgeAudioPlayerState state;

  g_mutex_lock (&self->mutex);
  state = self->state;
  g_mutex_unlock (&self->mutex);
  return state;
}

char *
lodge_audio_player_get_failure (LodgeAudioPlayer *self)
{
  char *failure;

  g_mutex_lock (&self->mutex);
  failure = g_strdup (self->failure);
  g_mutex_unlock (&self->mutex);
  return failure;
}

guint64
lodge_audio_player_get_dropped (LodgeAudioPlayer *self)
{
  guint64 dropped = 0;

  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < LODGE_AUDIO_MAX_STREAMS; i++)
    if (self->places[i].stream != NULL)
      dropped += lodge_audio_stream_get_dropped (self->places[i].stream);
  g_mutex_unlock (&self->mutex);
  return dropped;
}
