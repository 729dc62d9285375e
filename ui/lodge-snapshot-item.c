/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-item.h"

struct _LodgeSnapshotItem
{
  GObject parent_instance;

  char *id;     /* (owned) */
  char *parent; /* (owned) */
  char *name;   /* (owned) */
  char *note;   /* (owned) */
  char *reason; /* (owned) */
  gint64 created;
  guint64 size;
  double pause;
  gboolean automatic;
  gboolean memory;
  gboolean current;
  gboolean has_picture;
  LodgeSnapshotPlace place;
  GdkPaintable *picture; /* (owned) (nullable) */
};

static guint changed_signal;

G_DEFINE_FINAL_TYPE (LodgeSnapshotItem, lodge_snapshot_item, G_TYPE_OBJECT)

static void
lodge_snapshot_item_finalize (GObject *object)
{
  LodgeSnapshotItem *self = LODGE_SNAPSHOT_ITEM (object);

  g_free (self->id);
  g_free (self->parent);
  g_free (self->name);
  g_free (self->note);
  g_free (self->reason);
  g_clear_object (&self->picture);

  G_OBJECT_CLASS (lodge_snapshot_item_parent_class)->finalize (object);
}

static void
lodge_snapshot_item_class_init (LodgeSnapshotItemClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_snapshot_item_finalize;

  changed_signal = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 0);
}

static void
lodge_snapshot_item_init (LodgeSnapshotItem *self)
{
  self->parent = g_strdup ("");
  self->name = g_strdup ("");
  self->note = g_strdup ("");
  self->reason = g_strdup ("");
}

LodgeSnapshotItem *
lodge_snapshot_item_new (const char *id)
{
  LodgeSnapshotItem *self = g_object_new (LODGE_TYPE_SNAPSHOT_ITEM, NULL);

  self->id = g_strdup (id);
  return self;
}

static gboolean
take_string (GVariant *facts, const char *key, char **place)
{
  const char *value = "";

  g_variant_lookup (facts, key, "&s", &value);
  if (g_str_equal (*place, value))
    return FALSE;
  g_free (*place);
  *place = g_strdup (value);
  return TRUE;
}

static gboolean
take_boolean (GVariant *facts, const char *key, gboolean *place)
{
  gboolean value = FALSE;

  g_variant_lookup (facts, key, "b", &value);
  if (!*place == !value)
    return FALSE;
  *place = value;
  return TRUE;
}

void
lodge_snapshot_item_update (LodgeSnapshotItem *self, GVariant *facts)
{
  gboolean changed = FALSE;
  gint64 created = 0;
  guint64 size = 0;
  double pause = 0;

  changed |= take_string (facts, "parent", &self->parent);
  changed |= take_string (facts, "name", &self->name);
  changed |= take_string (facts, "note", &self->note);
  changed |= take_string (facts, "reason", &self->reason);
  changed |= take_boolean (facts, "automatic", &self->automatic);
  changed |= take_boolean (facts, "memory", &self->memory);
  changed |= take_boolean (facts, "current", &self->current);
  changed |= take_boolean (facts, "picture", &self->has_picture);
  g_variant_lookup (facts, "created", "x", &created);
  g_variant_lookup (facts, "size", "t", &size);
  g_variant_lookup (facts, "pause-seconds", "d", &pause);
  changed |= created != self->created || size != self->size;
  self->created = created;
  self->size = size;
  self->pause = pause;
  if (changed)
    lodge_snapshot_item_touch (self);
}

void
lodge_snapshot_item_set_parent (LodgeSnapshotItem *self, const char *parent)
{
  g_free (self->parent);
  self->parent = g_strdup (parent);
}

gboolean
lodge_snapshot_item_is_present (LodgeSnapshotItem *self)
{
  return *self->id == '\0';
}

const char *
lodge_snapshot_item_get_id (LodgeSnapshotItem *self)
{
  return self->id;
}

const char *
lodge_snapshot_item_get_parent (LodgeSnapshotItem *self)
{
  return self->parent;
}

const char *
lodge_snapshot_item_get_name (LodgeSnapshotItem *self)
{
  return self->name;
}

const char *
lodge_snapshot_item_get_note (LodgeSnapshotItem *self)
{
  return self->note;
}

const char *
lodge_snapshot_item_get_reason (LodgeSnapshotItem *self)
{
  return self->reason;
}

gint64
lodge_snapshot_item_get_created (LodgeSnapshotItem *self)
{
  return self->created;
}

guint64
lodge_snapshot_item_get_size (LodgeSnapshotItem *self)
{
  return self->size;
}

double
lodge_snapshot_item_get_pause (LodgeSnapshotItem *self)
{
  return self->pause;
}

gboolean
lodge_snapshot_item_is_automatic (LodgeSnapshotItem *self)
{
  return self->automatic;
}

gboolean
lodge_snapshot_item_has_memory (LodgeSnapshotItem *self)
{
  return self->memory;
}

gboolean
lodge_snapshot_item_is_current (LodgeSnapshotItem *self)
{
  return self->current;
}

gboolean
lodge_snapshot_item_has_picture (LodgeSnapshotItem *self)
{
  return self->has_picture;
}

const LodgeSnapshotPlace *
lodge_snapshot_item_get_place (LodgeSnapshotItem *self)
{
  return &self->place;
}

void
lodge_snapshot_item_set_place (LodgeSnapshotItem *self, const LodgeSnapshotPlace *place)
{
  const LodgeSnapshotPlace *old = &self->place;

  if (old->lane == place->lane && old->passing == place->passing && old->joining == place->joining &&
      old->above == place->above && old->below == place->below)
    return;
  self->place = *place;
  lodge_snapshot_item_touch (self);
}

GdkPaintable *
lodge_snapshot_item_get_picture (LodgeSnapshotItem *self)
{
  return self->picture;
}

void
lodge_snapshot_item_set_picture (LodgeSnapshotItem *self, GdkPaintable *picture)
{
  if (g_set_object (&self->picture, picture))
    lodge_snapshot_item_touch (self);
}

void
lodge_snapshot_item_touch (LodgeSnapshotItem *self)
{
  g_signal_emit (self, changed_signal, 0);
}
