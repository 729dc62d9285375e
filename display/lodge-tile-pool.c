/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "display/lodge-tile-pool.h"

/* In front of each piece; keeps what follows aligned for vector instructions. */
typedef union _Header Header;
union _Header
{
  struct
  {
    LodgeTilePool *pool;    /* (owned) while in use */
    Header *next;           /* while spare */
  } links;
  char padding[64];
};

struct _LodgeTilePool
{
  gatomicrefcount refs;     /* the owner's and one per piece in use */
  gsize size;
  GMutex mutex;             /* for all below */
  Header *spare;            /* (owned) (nullable) */
  guint n_spare, max_spare;
};

static void
drop_spare (LodgeTilePool *self)
{
  while (self->spare != NULL)
    {
      Header *next = self->spare->links.next;

      g_free (self->spare);
      self->spare = next;
    }
  self->n_spare = 0;
}

static void
pool_unref (LodgeTilePool *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  drop_spare (self);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

LodgeTilePool *
lodge_tile_pool_new (gsize size, guint max_spare)
{
  LodgeTilePool *self = g_new0 (LodgeTilePool, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->mutex);
  self->size = size;
  self->max_spare = max_spare;
  return self;
}

void
lodge_tile_pool_free (LodgeTilePool *self)
{
  if (self == NULL)
    return;
  g_mutex_lock (&self->mutex);
  self->max_spare = 0;
  drop_spare (self);
  g_mutex_unlock (&self->mutex);
  pool_unref (self);
}

gpointer
lodge_tile_pool_take (LodgeTilePool *self)
{
  Header *header;

  g_mutex_lock (&self->mutex);
  header = self->spare;
  if (header != NULL)
    {
      self->spare = header->links.next;
      self->n_spare--;
    }
  g_mutex_unlock (&self->mutex);

  if (header == NULL)
    header = g_malloc (sizeof *header + self->size);
  g_atomic_ref_count_inc (&self->refs);
  header->links.pool = self;
  return header + 1;
}

void
lodge_tile_pool_give (gpointer piece)
{
  Header *header = (Header *) piece - 1;
  LodgeTilePool *self = header->links.pool;

  g_mutex_lock (&self->mutex);
  if (self->n_spare < self->max_spare)
    {
      header->links.next = self->spare;
      self->spare = g_steal_pointer (&header);
      self->n_spare++;
    }
  g_mutex_unlock (&self->mutex);
  g_free (header);
  pool_unref (self);
}

GBytes *
lodge_tile_pool_wrap (gpointer piece, gsize length)
{
  return g_bytes_new_with_free_func (piece, length, lodge_tile_pool_give, piece);
}
