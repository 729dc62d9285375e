/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * One inotify descriptor with a watch on the root and one on each folder. GFileMonitor would need an
 * object and a rate limiter for each folder, and wakes up every few seconds when a watched one is gone; an
 * idle core shall sleep. Events only mark names as dirty; a short timer tells them together, so that a folder
 * that is copied in is looked at when the copying rests, not at each file.
 *
 * The root itself can be renamed, removed, or be another one suddenly: a watch on its parent tells. All watches are
 * set again then, since they follow the folders and not the names, and everything may have changed.
 */

#include "config.h"

#include "core/config/lodge-folder-watch.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define SETTLE_MS 50

#define PARENT_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)
#define ROOT_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)
#define CHILD_EVENTS                                                                               \
  (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR)

struct _LodgeFolderWatch
{
  GObject     parent_instance;

  char       *folder;  /* (owned) */
  char       *file;    /* (owned) */
  int         fd;      /* -1 when there is none */
  char       *base;    /* (owned) the folder's own name */
  int         root;    /* watch descriptor, -1 when there is none */
  int         parent;  /* of the root's parent, -1 when there is none */
  guint       source;
  guint       settle;
  gboolean    everything;
  GHashTable *names;   /* (owned) watch descriptor to (owned) name */
  GHashTable *watches; /* (owned) name to watch descriptor, -1 where the folder is gone for now */
  GHashTable *dirty;   /* (owned) a set of names */
};

G_DEFINE_FINAL_TYPE (LodgeFolderWatch, lodge_folder_watch, G_TYPE_OBJECT)

enum { CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

static gboolean
settled_cb (gpointer data)
{
  g_autoptr (LodgeFolderWatch) self = g_object_ref (data);
  g_autoptr (GHashTable) dirty = g_steal_pointer (&self->dirty);
  GHashTableIter iter;
  const char *name;

  self->settle = 0;
  self->dirty = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (self->everything)
    {
      self->everything = FALSE;
      g_signal_emit (self, signals[CHANGED], 0, NULL);
      return G_SOURCE_REMOVE;
    }

  g_hash_table_iter_init (&iter, dirty);
  while (g_hash_table_iter_next (&iter, (gpointer *) &name, NULL))
    g_signal_emit (self, signals[CHANGED], 0, name);

  return G_SOURCE_REMOVE;
}

static void
mark (LodgeFolderWatch *self, const char *name)
{
  if (name != NULL)
    g_hash_table_add (self->dirty, g_strdup (name));
  else
    self->everything = TRUE;
  if (self->settle == 0)
    self->settle = g_timeout_add (SETTLE_MS, settled_cb, self);
}

static void
watch_again (LodgeFolderWatch *self)
{
  g_autoptr (GHashTable) before = g_steal_pointer (&self->watches);
  GHashTableIter iter;
  gpointer name, watch;

  self->watches = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_remove_all (self->names);
  if (self->root >= 0)
    inotify_rm_watch (self->fd, self->root);
  g_hash_table_iter_init (&iter, before);
  while (g_hash_table_iter_next (&iter, NULL, &watch))
    if (GPOINTER_TO_INT (watch) >= 0)
      inotify_rm_watch (self->fd, GPOINTER_TO_INT (watch));

  self->root = inotify_add_watch (self->fd, self->folder, ROOT_EVENTS);
  g_hash_table_iter_init (&iter, before);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    {
      lodge_folder_watch_add (self, name);
      if (!g_hash_table_contains (self->watches, name))
        g_hash_table_insert (self->watches, g_strdup (name), GINT_TO_POINTER (-1));
    }
  mark (self, NULL);
}

static void
handle (LodgeFolderWatch *self, const struct inotify_event *event)
{
  const char *name = g_hash_table_lookup (self->names, GINT_TO_POINTER (event->wd));

  if (event->mask & IN_Q_OVERFLOW)
    {
      mark (self, NULL);
    }
  else if (event->wd == self->parent)
    {
      if (event->mask & IN_IGNORED)
        self->parent = -1;
      else if (event->len > 0 && g_str_equal (event->name, self->base))
        watch_again (self);
    }
  else if (event->wd == self->root)
    {
      if (event->mask & IN_IGNORED)
        self->root = -1;
      else if (event->len > 0)
        mark (self, event->name);
    }
  else if (name != NULL)
    {
      /* The folder's own attributes have no name: it may have become readable. */
      if (event->len == 0 || g_str_equal (event->name, self->file))
        mark (self, name);
    }
}

static gboolean
readable_cb (int fd, GIOCondition condition, gpointer data)
{
  LodgeFolderWatch *self = data;
  char buffer[16384] __attribute__ ((aligned (__alignof__ (struct inotify_event))));
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) > 0)
    for (char *p = buffer; p < buffer + n;)
      {
        const struct inotify_event *event = (const struct inotify_event *) p;

        handle (self, event);
        p += sizeof *event + event->len;
      }

  return G_SOURCE_CONTINUE;
}

static void
lodge_folder_watch_finalize (GObject *object)
{
  LodgeFolderWatch *self = LODGE_FOLDER_WATCH (object);

  g_clear_handle_id (&self->source, g_source_remove);
  g_clear_handle_id (&self->settle, g_source_remove);
  if (self->fd >= 0)
    close (self->fd);
  g_clear_pointer (&self->names, g_hash_table_unref);
  g_clear_pointer (&self->watches, g_hash_table_unref);
  g_clear_pointer (&self->dirty, g_hash_table_unref);
  g_free (self->folder);
  g_free (self->base);
  g_free (self->file);

  G_OBJECT_CLASS (lodge_folder_watch_parent_class)->finalize (object);
}

static void
lodge_folder_watch_class_init (LodgeFolderWatchClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_folder_watch_finalize;

  signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
lodge_folder_watch_init (LodgeFolderWatch *self)
{
  self->fd = -1;
  self->root = -1;
  self->parent = -1;
  self->names = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->watches = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->dirty = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

LodgeFolderWatch *
lodge_folder_watch_new (const char *folder, const char *file)
{
  LodgeFolderWatch *self = g_object_new (LODGE_TYPE_FOLDER_WATCH, NULL);

  self->folder = g_strdup (folder);
  self->base = g_path_get_basename (folder);
  self->file = g_strdup (file);

  return self;
}

gboolean
lodge_folder_watch_start (LodgeFolderWatch *self)
{
  if (self->fd < 0)
    {
      self->fd = inotify_init1 (IN_NONBLOCK | IN_CLOEXEC);
      if (self->fd < 0)
        return FALSE;
      self->source = g_unix_fd_add (self->fd, G_IO_IN, readable_cb, self);
    }
  if (self->parent < 0)
    {
      g_autofree char *parent = g_path_get_dirname (self->folder);

      self->parent = inotify_add_watch (self->fd, parent, PARENT_EVENTS);
    }
  if (self->root < 0)
    self->root = inotify_add_watch (self->fd, self->folder, ROOT_EVENTS);

  return self->root >= 0;
}

void
lodge_folder_watch_add (LodgeFolderWatch *self, const char *name)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  int watch = self->fd >= 0 ? inotify_add_watch (self->fd, path, CHILD_EVENTS) : -1;

  if (watch < 0)
    return;
  g_hash_table_replace (self->names, GINT_TO_POINTER (watch), g_strdup (name));
  g_hash_table_replace (self->watches, g_strdup (name), GINT_TO_POINTER (watch));
}

void
lodge_folder_watch_remove (LodgeFolderWatch *self, const char *name)
{
  gpointer watch;

  if (!g_hash_table_lookup_extended (self->watches, name, NULL, &watch))
    return;

  /* A folder that was renamed has its watch still, under the name that is gone. */
  if (GPOINTER_TO_INT (watch) >= 0 && g_strcmp0 (g_hash_table_lookup (self->names, watch), name) == 0)
    {
      inotify_rm_watch (self->fd, GPOINTER_TO_INT (watch));
      g_hash_table_remove (self->names, watch);
    }
  g_hash_table_remove (self->watches, name);
}
