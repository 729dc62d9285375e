/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/storage/lodge-disc.h"

G_BEGIN_DECLS

/* What the files lodge-disc*.c share. */

#define LODGE_DISC_SECTOR 2048
#define LODGE_DISC_PIECES 16
#define LODGE_DISC_DEPTH 8

/** LodgeDiscNode: a file or folder: where its bytes are. Pieces follow each other; one on no sector reads as zeroes. */
typedef struct
{
  gboolean folder;
  guint64  length;
  guint    n_pieces;
  struct
  {
    guint64 offset; /* bytes from the beginning of the image */
    guint64 length;
  } pieces[LODGE_DISC_PIECES];
} LodgeDiscNode;

typedef struct
{
  guint32 block;  /* first sector of the root folder, 0: there is none */
  guint32 length;
} LodgeDiscRoot;

struct _LodgeDisc
{
  LodgeImageReader read;
  gpointer         data;
  guint64          size;
  guint64          budget;  /* bytes that may yet be read */
  int              number;  /* errno of a read that failed */
  LodgeDiscFacts   facts;   /* (owned) */
  LodgeDiscRoot    primary;
  LodgeDiscRoot    joliet;
  gboolean         udf;
  guint64          udf_start;  /* bytes, of the partition */
  guint64          udf_length;
  guint32          udf_root;   /* block of the root's file entry */
  char            *damage;     /* (owned) (nullable) */
};

static inline guint16
lodge_disc_le16 (const guint8 *p)
{
  return (guint16) (p[0] | p[1] << 8);
}

static inline guint32
lodge_disc_le32 (const guint8 *p)
{
  return (guint32) p[0] | (guint32) p[1] << 8 | (guint32) p[2] << 16 | (guint32) p[3] << 24;
}

static inline guint64
lodge_disc_le64 (const guint8 *p)
{
  return lodge_disc_le32 (p) | (guint64) lodge_disc_le32 (p + 4) << 32;
}

/** lodge_disc_read_at: Returns: bytes read: fewer at the end of the image, on an error, and when the budget is spent */
gsize    lodge_disc_read_at      (LodgeDisc *disc, guint64 offset, guint8 *into, gsize length);

/** lodge_disc_read_node: Returns: (transfer full): a piece of what @node holds, with a NUL behind it */
guint8  *lodge_disc_read_node    (LodgeDisc *disc, const LodgeDiscNode *node, guint64 offset, gsize max, gsize *length);

void     lodge_disc_set_damage   (LodgeDisc *disc, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Each finds the child @name of @folder, or fills @folder for the root. */
gboolean lodge_disc_iso_root     (LodgeDisc *disc, const LodgeDiscRoot *root, LodgeDiscNode *folder);
gboolean lodge_disc_iso_child    (LodgeDisc *disc, const LodgeDiscNode *folder, gboolean joliet, const char *name, LodgeDiscNode *child);
gboolean lodge_disc_udf_open     (LodgeDisc *disc);
gboolean lodge_disc_udf_root     (LodgeDisc *disc, LodgeDiscNode *folder);
gboolean lodge_disc_udf_child    (LodgeDisc *disc, const LodgeDiscNode *folder, const char *name, LodgeDiscNode *child);

G_END_DECLS
