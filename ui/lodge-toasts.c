/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * An overlay has a queue of its own, but would bring an older offer back once the newer one is gone, and who presses Undo then
 * means the newer one. So what is over is dismissed, and what is to come waits here until the one before has faded: libadwaita 1.2
 * lets a toast that comes while another one fades move in for longer than it takes to fade itself, and one that is dismissed in its
 * first moments is freed while it still moves. */

#include "config.h"

#include "ui/lodge-toasts.h"

#define DATA_KEY "lodge-toasts"
/* Longer than libadwaita's 300 ms. */
#define FADE_MS 400

typedef struct
{
  AdwToastOverlay *overlay; /* (unowned): has this */
  AdwToast *shown;          /* (owned) (nullable) */
  AdwToast *offer;          /* (owned) (nullable) waits */
  AdwToast *note;           /* (owned) (nullable) waits */
  gboolean shows_offer;
  guint timer;              /* what was shown fades */
} Toasts;

static void dismissed_cb (Toasts *self, AdwToast *toast);

static void
let_go (Toasts *self, AdwToast **toast)
{
  if (*toast != NULL)
    g_signal_handlers_disconnect_by_func (*toast, dismissed_cb, self);
  g_clear_object (toast);
}

static void
toasts_free (gpointer data)
{
  Toasts *self = data;

  g_clear_handle_id (&self->timer, g_source_remove);
  let_go (self, &self->shown);
  let_go (self, &self->offer);
  let_go (self, &self->note);
  g_free (self);
}

static void
show_next (Toasts *self)
{
  AdwToast **next = self->offer != NULL ? &self->offer : &self->note;

  if (self->shown != NULL || self->timer != 0 || *next == NULL)
    return;
  self->shows_offer = next == &self->offer;
  self->shown = g_steal_pointer (next);
  adw_toast_overlay_add_toast (self->overlay, g_object_ref (self->shown));
}

static gboolean
faded_cb (gpointer data)
{
  Toasts *self = data;

  self->timer = 0;
  show_next (self);
  return G_SOURCE_REMOVE;
}

static void
dismissed_cb (Toasts *self, AdwToast *toast)
{
  if (toast == self->shown)
    {
      let_go (self, &self->shown);
      self->timer = g_timeout_add (FADE_MS, faded_cb, self);
    }
  else
    /* It was taken back before it was shown. */
    let_go (self, toast == self->offer ? &self->offer : &self->note);
}

void
lodge_toasts_show (AdwToastOverlay *overlay, AdwToast *toast, gboolean offer)
{
  Toasts *self = g_object_get_data (G_OBJECT (overlay), DATA_KEY);

  if (self == NULL)
    {
      self = g_new0 (Toasts, 1);
      self->overlay = overlay;
      g_object_set_data_full (G_OBJECT (overlay), DATA_KEY, self, toasts_free);
    }
  g_signal_connect_swapped (toast, "dismissed", G_CALLBACK (dismissed_cb), self);
  let_go (self, &self->note);
  if (offer)
    let_go (self, &self->offer);
  *(offer ? &self->offer : &self->note) = toast;
  if (self->shown != NULL && (offer || !self->shows_offer))
    adw_toast_dismiss (self->shown);
  show_next (self);
}
