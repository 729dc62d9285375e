/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"

G_BEGIN_DECLS

/**
 * LodgeSettings: the one table of what a person can set on a machine: key, type, range, when it takes
 * effect. SetSettings of D-Bus, lodgectl set, and the Settings property are made from it; docs/DBUS
 * lists it and a test compares the two.
 *
 * Keys of this version: name s, cores u, memory t, firmware s, secure-boot b, tpm b, 3d b, video s,
 * sound s, network s ("none", "user"), nic-model s, clock s, cpu s, boot s ("disk", "cd"), append s, os s,
 * balloon b, hyperv b, cd s (path of the medium, "" for none), disk s (read-only: path of the first disk),
 * disk-size t (read-only).
 */

/**
 * lodge_settings_from_profile:
 *
 * Returns: (transfer floating): a{sv} with every key
 */
GVariant *lodge_settings_from_profile (const LodgeProfile *profile);

/**
 * lodge_settings_apply:
 * @profile: changed only on success
 * @settings: a{sv}; a value may also be a string in lodgectl's form
 * @creating: whether the keys that can only be given at creation are allowed
 *
 * Checks all, then changes all, then validates the whole.
 * Errors: INVALID_ARGUMENT (unknown key, wrong type; the message names it and the nearest key), OUT_OF_RANGE, NAME_INVALID, NOT_SUPPORTED
 */
gboolean  lodge_settings_apply        (LodgeProfile *profile, GVariant *settings, gboolean creating, GError **error);

/**
 * lodge_settings_pending:
 *
 * Returns: (transfer full): keys whose value differs between the two and which take effect at the next start only
 */
GStrv     lodge_settings_pending      (const LodgeProfile *running, const LodgeProfile *wanted);

G_END_DECLS
