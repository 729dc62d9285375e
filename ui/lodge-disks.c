/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-disks.h"

#include <glib/gi18n-lib.h>

struct _LodgeDisks
{
  GObject parent_instance;

  LodgeMachineItem *item;    /* (owned) */
  LodgeIpcMachine *proxy;    /* (owned) (nullable) whose signal is listened to */
  GVariant *disks;           /* (owned) (nullable) */
  GCancellable *cancellable; /* (owned) */
  gboolean asking;
  gboolean again;            /* something changed while the list was asked for */
};

static guint changed_signal;

G_DEFINE_FINAL_TYPE (LodgeDisks, lodge_disks, G_TYPE_OBJECT)

static void ask (LodgeDisks *self);

static void
listed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeDisks *self = user_data;
  g_autoptr (GVariant) disks = NULL;
  g_autoptr (GError) error = NULL;

  lodge_ipc_machine_call_list_disks_finish (LODGE_IPC_MACHINE (source), &disks, result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  self->asking = FALSE;
  if (disks != NULL)
    {
      g_clear_pointer (&self->disks, g_variant_unref);
      self->disks = g_steal_pointer (&disks);
      g_signal_emit (self, changed_signal, 0);
    }
  if (self->again)
    ask (self);
}

static void
ask (LodgeDisks *self)
{
  self->again = self->asking;
  if (self->asking || self->proxy == NULL)
    return;
  self->asking = TRUE;
  lodge_ipc_machine_call_list_disks (self->proxy, g_variant_new ("a{sv}", NULL), self->cancellable, listed_cb, self);
}

static void
item_changed_cb (LodgeDisks *self)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (self->item);

  if (proxy != self->proxy)
    {
      if (self->proxy != NULL)
        g_signal_handlers_disconnect_by_data (self->proxy, self);
      g_set_object (&self->proxy, proxy);
      if (proxy != NULL)
        g_signal_connect_swapped (proxy, "disks-changed", G_CALLBACK (ask), self);
    }
  ask (self);
}

static void
lodge_disks_dispose (GObject *object)
{
  LodgeDisks *self = LODGE_DISKS (object);

  g_cancellable_cancel (self->cancellable);
  if (self->proxy != NULL)
    g_signal_handlers_disconnect_by_data (self->proxy, self);
  g_clear_object (&self->proxy);
  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);

  G_OBJECT_CLASS (lodge_disks_parent_class)->dispose (object);
}

static void
lodge_disks_finalize (GObject *object)
{
  LodgeDisks *self = LODGE_DISKS (object);

  g_clear_object (&self->item);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->disks, g_variant_unref);

  G_OBJECT_CLASS (lodge_disks_parent_class)->finalize (object);
}

static void
lodge_disks_class_init (LodgeDisksClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_disks_dispose;
  G_OBJECT_CLASS (klass)->finalize = lodge_disks_finalize;

  changed_signal = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 0);
}

static void
lodge_disks_init (LodgeDisks *self)
{
  self->cancellable = g_cancellable_new ();
}

LodgeDisks *
lodge_disks_new (LodgeMachineItem *item)
{
  LodgeDisks *self = g_object_new (LODGE_TYPE_DISKS, NULL);

  self->item = g_object_ref (item);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (item_changed_cb), self);
  item_changed_cb (self);
  return self;
}

GVariant *
lodge_disks_get (LodgeDisks *self)
{
  return self->disks;
}

LodgeMachineItem *
lodge_disks_get_item (LodgeDisks *self)
{
  return self->item;
}

const char *
lodge_disk_string (GVariant *disk, const char *key)
{
  const char *value;

  return g_variant_lookup (disk, key, "&s", &value) ? value : "";
}

guint64
lodge_disk_uint (GVariant *disk, const char *key)
{
  guint64 wide;
  guint32 narrow;

  if (g_variant_lookup (disk, key, "t", &wide))
    return wide;
  return g_variant_lookup (disk, key, "u", &narrow) ? narrow : 0;
}

gboolean
lodge_disk_boolean (GVariant *disk, const char *key)
{
  gboolean value;

  return g_variant_lookup (disk, key, "b", &value) && value;
}

gboolean
lodge_disk_has (GVariant *disk, const char *key, const char *word)
{
  g_autofree const char **words = NULL;

  return g_variant_lookup (disk, key, "^a&s", &words) && g_strv_contains (words, word);
}

char *
lodge_disk_title (GVariant *disk)
{
  const char *file = lodge_disk_string (disk, "file");

  if (lodge_disk_boolean (disk, "cdrom"))
    return g_strdup (_("CD Drive"));
  return *file != '\0' ? g_path_get_basename (file) : g_strdup (lodge_disk_string (disk, "id"));
}
