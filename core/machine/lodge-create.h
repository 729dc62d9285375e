/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-engine.h"
#include "core/machine/lodge-job.h"

G_BEGIN_DECLS

typedef enum { LODGE_ROLE_ISO, LODGE_ROLE_DISK, LODGE_ROLE_KERNEL, LODGE_ROLE_INITRD } LodgeMediumRole;

/** LodgeCreateMedium: a file that the person gave. */
typedef struct
{
  LodgeMediumRole role;
  char           *name; /* (owned) as the person sees it */
  int             fd;   /* (owned) */
} LodgeCreateMedium;

LodgeCreateMedium *lodge_create_medium_new  (const char *role, const char *name, int fd, GError **error); /* fd: taken, also on error */
void               lodge_create_medium_free (LodgeCreateMedium *medium);

/**
 * lodge_create_machine_async:
 * @settings: a{sv}, see CreateMachine
 * @media: (element-type LodgeCreateMedium)
 * @job: is told the progress and can cancel; the caller ends it
 *
 * Makes a machine in a prepared folder and renames it into place at the end: all or nothing.
 * Errors: as CreateMachine
 *
 * Returns: (transfer full): its id
 */
void               lodge_create_machine_async  (LodgeEngine *engine, const char *name, GVariant *settings, GPtrArray *media,
                                                LodgeJob *job, GAsyncReadyCallback callback, gpointer data);
char              *lodge_create_machine_finish (LodgeEngine *engine, GAsyncResult *result, GError **error);

G_END_DECLS
