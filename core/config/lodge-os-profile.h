/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"

G_BEGIN_DECLS

/**
 * LodgeOsDatabase: what serves each family of operating systems, and each system that Lodge knows, best.
 *
 * Data, in share/lodge/os: families.json has an object by family, systems.json a list of objects with
 * id (libosinfo's short id), name and family. The other keys are "symbol", those of LodgeOsNeeds, and those of
 * machine.json with "nic-model", sizes as "2G"; an object by the name of an architecture has keys for that one
 * only. A system's keys go over its family's. A system that is newer than the list is served like the newest of its kind
 * in it: "debian14" like "debian13".
 */
typedef struct _LodgeOsDatabase LodgeOsDatabase;

typedef struct
{
  char       *id;
  char       *name;   /* for people */
  LodgeFamily family;
  char       *symbol; /* of its icon, "debian": lodge-os-debian, lodge-os-debian-symbolic */
} LodgeOs;

/** LodgeOsNeeds: what is not in a profile */
typedef struct
{
  guint64  disk_size;         /* of a new disk; 0: it needs none */
  guint64  disk_size_minimum; /* what the system's makers demand, or 0 */
  guint64  memory_minimum;
  guint    cores_minimum;
  int      disk_bus;          /* LodgeBus for disks, -1: the one that suits the family */
} LodgeOsNeeds;

/** lodge_os_database_new: Errors: NOT_FOUND, NOT_READABLE, WRONG_FORMAT (message has file and key) */
LodgeOsDatabase *lodge_os_database_new         (const char *share_dir, GError **error);
void             lodge_os_database_free        (LodgeOsDatabase *database);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeOsDatabase, lodge_os_database_free)

/** lodge_os_database_list: Returns: (transfer none) (element-type LodgeOs): sorted by id */
GPtrArray       *lodge_os_database_list        (LodgeOsDatabase *database);
const LodgeOs   *lodge_os_database_lookup      (LodgeOsDatabase *database, const char *id); /* (nullable) */

/** lodge_os_database_lookup_near: the system itself, else the newest older one of its kind, else the oldest; (nullable) */
const LodgeOs   *lodge_os_database_lookup_near (LodgeOsDatabase *database, const char *id);

/** lodge_os_database_symbol: @os: (nullable). Returns: (transfer none): the symbol of a system, its family's when it is not known */
const char      *lodge_os_database_symbol      (LodgeOsDatabase *database, const char *os, LodgeFamily family);

/** lodge_os_guess_family: the family of a system that nobody knows, by the beginning of its id; OTHER when that says nothing */
LodgeFamily      lodge_os_guess_family         (const char *id);

/**
 * lodge_os_database_new_profile:
 * @database: (nullable): without it, lodge_profile_new()'s own defaults
 * @os: (nullable): id, may be an unknown one
 * @family: (nullable): what the person said; else the system's, else LINUX
 * @needs: (out):
 *
 * Returns: (transfer full): a new profile with the best defaults, without disks
 */
LodgeProfile    *lodge_os_database_new_profile (LodgeOsDatabase *database, const char *name, const char *os,
                                                const LodgeFamily *family, LodgeArch arch, LodgeOsNeeds *needs);

G_END_DECLS
