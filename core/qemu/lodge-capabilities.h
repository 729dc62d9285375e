/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"

G_BEGIN_DECLS

/**
 * LodgeCapabilities: what one QEMU binary can do, asked of the binary (query-qmp-schema,
 * qom-list-types, device-list-properties, query-machines, -help where QMP is silent), never
 * concluded from its version. Cached below paths->cache_dir by path, mtime, size and inode.
 */
#define LODGE_TYPE_CAPABILITIES (lodge_capabilities_get_type ())
G_DECLARE_FINAL_TYPE (LodgeCapabilities, lodge_capabilities, LODGE, CAPABILITIES, GObject)

/** lodge_capabilities_find_binary: the QEMU for @arch: $LODGE_QEMU_DIR first, then the PATH; NULL when none */
char              *lodge_capabilities_find_binary (LodgeArch arch);

/** lodge_capabilities_probe_async: from the cache, else by starting the binary with -machine none -S. Errors: NO_QEMU, QEMU_TOO_OLD, QEMU_FAILED */
void               lodge_capabilities_probe_async  (const char *binary, LodgeArch arch, const char *cache_dir, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
LodgeCapabilities *lodge_capabilities_probe_finish (GAsyncResult *result, GError **error);

/** lodge_capabilities_new_from_json: from a recorded probe (the cache's format; tests/unit/data/caps-*.json) */
LodgeCapabilities *lodge_capabilities_new_from_json (const char *data, gsize length, GError **error);
char              *lodge_capabilities_to_json       (LodgeCapabilities *self, gsize *length);

const char        *lodge_capabilities_get_binary   (LodgeCapabilities *self);
LodgeArch          lodge_capabilities_get_arch     (LodgeCapabilities *self);
const char        *lodge_capabilities_get_version  (LodgeCapabilities *self); /* for people only */
gboolean           lodge_capabilities_has_device   (LodgeCapabilities *self, const char *type);
gboolean           lodge_capabilities_has_property (LodgeCapabilities *self, const char *type, const char *property);
gboolean           lodge_capabilities_has_command  (LodgeCapabilities *self, const char *command);
/** lodge_capabilities_has_property: of the types listed in lodge-capabilities-probe.c */
/** lodge_capabilities_has_member: whether the QAPI schema has it, by path: "netdev_add/arg-type/+stream/reconnect". Only the paths listed in lodge-capabilities-probe.c are known; add yours there */
gboolean           lodge_capabilities_has_member   (LodgeCapabilities *self, const char *path);
gboolean           lodge_capabilities_has_machine  (LodgeCapabilities *self, const char *type);
/** lodge_capabilities_get_machine: the newest versioned type behind an alias: "q35" → "pc-q35-7.2" */
const char        *lodge_capabilities_get_machine  (LodgeCapabilities *self, const char *alias);
/** lodge_capabilities_get_max_cpus: of a machine type or alias; 0 when there is no such */
guint              lodge_capabilities_get_max_cpus (LodgeCapabilities *self, const char *type);
gboolean           lodge_capabilities_has_display  (LodgeCapabilities *self, const char *display); /* "dbus", ... */
gboolean           lodge_capabilities_has_audiodev (LodgeCapabilities *self, const char *driver);
gboolean           lodge_capabilities_has_sandbox  (LodgeCapabilities *self);
gboolean           lodge_capabilities_has_io_uring (LodgeCapabilities *self);
/** lodge_capabilities_has_dbus_map: the display offers shared memory (org.qemu.Display1.Listener.Unix.Map) */
gboolean           lodge_capabilities_has_dbus_map (LodgeCapabilities *self);

G_END_DECLS
