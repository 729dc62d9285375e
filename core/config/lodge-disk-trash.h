/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"

G_BEGIN_DECLS

/*
 * A disk that was taken out to be deleted lies in the trash like a machine: in a folder with its image and "disk.json", which is the
 * profile of its machine with this one disk. The folder is made in the machine's disks/ first, then machine.json forgets the disk,
 * then image and folder move; the folder itself says to the next core what a killed one had begun.
 */

/** lodge_disk_trash_prepare: makes @dir with the disk.json of @disk. Errors: EXISTS, NO_SPACE, IO */
gboolean      lodge_disk_trash_prepare (const char *dir, const LodgeProfile *profile, const LodgeDisk *disk, GError **error);

/** lodge_disk_trash_settle: @profile, of the machine in @folder, has the disk still: @dir goes; else the image goes to the trash with it */
void          lodge_disk_trash_settle  (const char *trash_dir, const char *folder, const char *dir, const LodgeProfile *profile);

/** lodge_disk_trash_is_disk: whether @dir in the trash holds a disk, not a machine */
gboolean      lodge_disk_trash_is_disk (const char *dir);

/**
 * lodge_disk_trash_read: the machine's id and name, and the disk, as they were. Errors: NOT_FOUND, BROKEN_PROFILE
 * Returns: (transfer full): with that one disk
 */
LodgeProfile *lodge_disk_trash_read    (const char *dir, GError **error);

/**
 * lodge_disk_trash_take: puts the image of @dir into the machine's @folder and the disk into @profile, under other names where
 * the old ones are taken. The caller saves @profile; what is left of @dir it removes. Errors: NOT_FOUND, BROKEN_PROFILE, IO
 * Returns: (transfer full): the image's path now; NULL on error
 */
char         *lodge_disk_trash_take    (const char *dir, const char *folder, LodgeProfile *profile, GError **error);

G_END_DECLS
