/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/qemu/lodge-capabilities.h"

G_BEGIN_DECLS

/* What lodge-capabilities-probe.c and lodge-capabilities.c share. */

#define LODGE_CAPABILITIES_FORMAT 1
#define LODGE_CAPABILITIES_MAX_BYTES (1024 * 1024)

/* The kinds of things that a QEMU has or lacks; each is a list of strings in the JSON. */
typedef enum
{
  LODGE_HAS_DEVICE,   /* QOM type of a device */
  LODGE_HAS_PROPERTY, /* "type.property", of the types in lodge_capabilities_types */
  LODGE_HAS_COMMAND,
  LODGE_HAS_MEMBER,   /* of the paths in lodge_capabilities_members */
  LODGE_HAS_DISPLAY,
  LODGE_HAS_AUDIODEV,
  LODGE_HAS_OPTION,   /* a group of query-command-line-options, or "dbus-map" */
  LODGE_N_HAS
} LodgeHas;

typedef struct
{
  const char *name;  /* owned by the capabilities */
  const char *alias; /* (nullable) */
  guint       max_cpus;
} LodgeMachineType;

/** The types whose properties are asked for, and the schema paths that are looked up; NULL-terminated. */
extern const char *const lodge_capabilities_types[];
extern const char *const lodge_capabilities_members[];

LodgeCapabilities *lodge_capabilities_new         (const char *binary, LodgeArch arch, const char *version);
void               lodge_capabilities_add         (LodgeCapabilities *self, LodgeHas kind, const char *name);
void               lodge_capabilities_add_machine (LodgeCapabilities *self, const char *name, const char *alias, guint max_cpus);
/** The probe's key: which file at which time this is about; opaque, compared as a whole */
void               lodge_capabilities_set_key     (LodgeCapabilities *self, const char *key);
const char        *lodge_capabilities_get_key     (LodgeCapabilities *self);

/** As lodge_capabilities_probe_async(), with a time-out in milliseconds for each start of the binary. */
void lodge_capabilities_probe_full_async (const char *binary, LodgeArch arch, const char *cache_dir, guint timeout,
                                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);

G_END_DECLS
