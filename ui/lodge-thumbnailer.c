/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-thumbnailer.h"

#include <gio/gunixfdlist.h>
#include <string.h>

#include "ui/lodge-ppm.h"

#define PERIOD_MS 1000u
#define PICTURE_MAX_WIDTH 1280u

struct _LodgeThumbnailer
{
  GObject parent_instance;

  LodgeLibrary *library;       /* (owned) */
  GtkWidget *window;
  LodgeMachineList *list;
  LodgeMachineItem *favourite; /* (owned) (nullable) */
  LodgeMachineItem *current;   /* (owned) (nullable) its picture is on the way */
  GCancellable *cancellable;   /* (owned) */
  guint source;
  guint turn;
  guint next_other;
};

G_DEFINE_FINAL_TYPE (LodgeThumbnailer, lodge_thumbnailer, G_TYPE_OBJECT)

static gboolean
wants_picture (LodgeMachineItem *item)
{
  /* A saved machine's picture does not change. */
  gboolean saved = lodge_machine_item_get_state (item) == LODGE_MACHINE_SAVED && lodge_machine_item_get_picture (item) == NULL;

  return (saved || lodge_machine_item_is_up (item)) && lodge_machine_item_is_connected (item) &&
         !lodge_machine_item_has_viewer (item);
}

/* A guest that shows the same as a second ago is not drawn again. */
static gboolean
shows_the_same (GdkPaintable *before, GdkTexture *now)
{
  gsize stride = (gsize) gdk_texture_get_width (now) * 4;
  gsize size = stride * (gsize) gdk_texture_get_height (now);
  g_autofree guchar *old_pixels = NULL;
  g_autofree guchar *pixels = NULL;

  if (!GDK_IS_TEXTURE (before) || gdk_texture_get_width (GDK_TEXTURE (before)) != gdk_texture_get_width (now) ||
      gdk_texture_get_height (GDK_TEXTURE (before)) != gdk_texture_get_height (now))
    return FALSE;

  old_pixels = g_malloc (size);
  pixels = g_malloc (size);
  gdk_texture_download (GDK_TEXTURE (before), old_pixels, stride);
  gdk_texture_download (now, pixels, stride);
  return memcmp (old_pixels, pixels, size) == 0;
}

static void
decoded_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeThumbnailer *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GdkTexture) texture = lodge_ppm_load_finish (result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  /* It may have been stopped, or its console opened, meanwhile. */
  if (texture != NULL && wants_picture (self->current) && !lodge_machine_item_has_viewer (self->current) &&
      !shows_the_same (lodge_machine_item_get_picture (self->current), texture))
    lodge_machine_item_set_picture (self->current, GDK_PAINTABLE (texture));
  g_clear_object (&self->current);
}

static void
screenshot_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeThumbnailer *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GUnixFDList) files = NULL;
  g_autoptr (GVariant) handle = NULL;
  int fd = -1;

  lodge_ipc_machine_call_screenshot_finish (LODGE_IPC_MACHINE (source), &handle, &files, result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  if (handle != NULL && files != NULL)
    fd = g_unix_fd_list_get (files, g_variant_get_handle (handle), NULL);
  /* No picture is no news: a machine that just stopped, or a screen that is off. */
  if (fd < 0)
    {
      g_clear_object (&self->current);
      return;
    }

  lodge_ppm_load_async (fd, PICTURE_MAX_WIDTH, self->cancellable, decoded_cb, self);
}

/* Returns: (transfer full) (nullable) */
static LodgeMachineItem *
next_other (LodgeThumbnailer *self)
{
  GListModel *machines = lodge_library_get_machines (self->library);
  guint n = g_list_model_get_n_items (machines);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, self->next_other++ % n);

      if (item != self->favourite && wants_picture (item) && lodge_machine_list_shows (self->list, item))
        return g_steal_pointer (&item);
    }

  return NULL;
}

static gboolean
is_on_screen (LodgeThumbnailer *self)
{
  GdkSurface *surface = gtk_native_get_surface (GTK_NATIVE (self->window));

  return gtk_widget_get_mapped (self->window) && surface != NULL &&
         (gdk_toplevel_get_state (GDK_TOPLEVEL (surface)) & GDK_TOPLEVEL_STATE_MINIMIZED) == 0;
}

static gboolean
tick_cb (gpointer user_data)
{
  LodgeThumbnailer *self = user_data;
  g_autoptr (LodgeMachineItem) item = NULL;

  if (self->current != NULL || !is_on_screen (self))
    return G_SOURCE_CONTINUE;

  if (self->turn++ % 2 == 0 && self->favourite != NULL && wants_picture (self->favourite))
    item = g_object_ref (self->favourite);
  else
    item = next_other (self);
  if (item == NULL)
    return G_SOURCE_CONTINUE;

  self->current = g_steal_pointer (&item);
  lodge_ipc_machine_call_screenshot (lodge_machine_item_get_proxy (self->current), g_variant_new ("a{sv}", NULL), NULL,
                                     self->cancellable, screenshot_cb, self);
  return G_SOURCE_CONTINUE;
}

static gboolean
any_wants_picture (LodgeThumbnailer *self)
{
  GListModel *machines = lodge_library_get_machines (self->library);
  guint n = g_list_model_get_n_items (machines);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i);

      /* Not wants_picture(): that a console closed is not told. */
      if (lodge_machine_item_is_up (item) || wants_picture (item))
        return TRUE;
    }

  return FALSE;
}

/* Without a running machine or a visible window nothing wakes up. */
static void
update (LodgeThumbnailer *self)
{
  gboolean wanted = gtk_widget_get_mapped (self->window) && any_wants_picture (self);

  if (wanted && self->source == 0)
    self->source = g_timeout_add (PERIOD_MS, tick_cb, self);
  else if (!wanted)
    g_clear_handle_id (&self->source, g_source_remove);
}

static void
items_changed_cb (LodgeThumbnailer *self, guint position, guint removed, guint added, GListModel *machines)
{
  for (guint i = position; i < position + added; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i);

      g_signal_connect_object (item, "notify::state", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
    }
  update (self);
}

static void
lodge_thumbnailer_dispose (GObject *object)
{
  LodgeThumbnailer *self = LODGE_THUMBNAILER (object);

  g_cancellable_cancel (self->cancellable);
  g_clear_handle_id (&self->source, g_source_remove);
  g_clear_object (&self->library);
  g_clear_object (&self->favourite);
  g_clear_object (&self->current);
  g_clear_object (&self->cancellable);

  G_OBJECT_CLASS (lodge_thumbnailer_parent_class)->dispose (object);
}

static void
lodge_thumbnailer_class_init (LodgeThumbnailerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_thumbnailer_dispose;
}

static void
lodge_thumbnailer_init (LodgeThumbnailer *self)
{
  self->cancellable = g_cancellable_new ();
}

LodgeThumbnailer *
lodge_thumbnailer_new (LodgeLibrary *library, GtkWidget *window, LodgeMachineList *list)
{
  LodgeThumbnailer *self = g_object_new (LODGE_TYPE_THUMBNAILER, NULL);
  GListModel *machines = lodge_library_get_machines (library);

  self->library = g_object_ref (library);
  self->window = window;
  self->list = list;
  g_signal_connect_object (machines, "items-changed", G_CALLBACK (items_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (window, "map", G_CALLBACK (update), self, G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  g_signal_connect_object (window, "unmap", G_CALLBACK (update), self, G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  items_changed_cb (self, 0, 0, g_list_model_get_n_items (machines), machines);
  return self;
}

void
lodge_thumbnailer_set_favourite (LodgeThumbnailer *self, LodgeMachineItem *item)
{
  if (g_set_object (&self->favourite, item))
    self->turn = 0;
}
