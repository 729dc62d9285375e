/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/**
 * LodgeDisks:
 *
 * What ListDisks says of a machine, asked again whenever it may say something else: after DisksChanged, and with each
 * change of the machine, as a disk that comes back from the trash or a start is one.
 *
 * Signal "changed": there is a new list.
 */
#define LODGE_TYPE_DISKS (lodge_disks_get_type ())
G_DECLARE_FINAL_TYPE (LodgeDisks, lodge_disks, LODGE, DISKS, GObject)

LodgeDisks       *lodge_disks_new         (LodgeMachineItem *item);

/* Returns: (transfer none) (nullable): aa{sv} as ListDisks; %NULL before the first answer */
GVariant         *lodge_disks_get         (LodgeDisks *self);
LodgeMachineItem *lodge_disks_get_item    (LodgeDisks *self);

/* Values of one entry; empty, 0 and FALSE where they are missing. Strings are the entry's. */
const char       *lodge_disk_string       (GVariant *disk, const char *key);
guint64           lodge_disk_uint         (GVariant *disk, const char *key);
gboolean          lodge_disk_boolean      (GVariant *disk, const char *key);
/* Whether the list @key of strings has @word. */
gboolean          lodge_disk_has          (GVariant *disk, const char *key, const char *word);

/* What people call it: the file's name, "CD Drive". (transfer full) */
char             *lodge_disk_title        (GVariant *disk);

G_END_DECLS
