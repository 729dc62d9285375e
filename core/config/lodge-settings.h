/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"

G_BEGIN_DECLS

typedef enum
{
  LODGE_SETTING_NOW,        /* takes effect at once, also on a running guest */
  LODGE_SETTING_NEXT_START, /* a running guest keeps the old value */
  LODGE_SETTING_CREATION,   /* can only be given when the machine is made */
  LODGE_SETTING_READ_ONLY,
} LodgeSettingEffect;

/**
 * LodgeSetting: a row of the one table of what a person can set on a machine. SetSettings of
 * D-Bus, lodgectl set, and the Settings property are made from it; docs/DBUS "Settings" lists it and
 * a test compares the two.
 */
typedef struct
{
  const char        *key;
  const char        *type;  /* GVariant type string: "s", "b", "u" or "t" */
  LodgeSettingEffect effect;
  const char *const *words; /* (nullable) the values that a "s" may have; NULL-terminated */
} LodgeSetting;

/** lodge_settings_table: Returns: (transfer none) (array length=n) */
const LodgeSetting *lodge_settings_table (guint *n);

/** lodge_settings_lookup: Returns: (transfer none) (nullable): the row of @key */
const LodgeSetting *lodge_settings_lookup (const char *key);

/**
 * lodge_settings_from_profile:
 *
 * Returns: (transfer floating): a{sv} with every key
 */
GVariant *lodge_settings_from_profile (const LodgeProfile *profile);

/**
 * lodge_settings_apply:
 * @profile: changed only on success
 * @settings: a{sv}; a value has the key's type (any integer type for "u" and "t"), or is a string in lodgectl's form
 * @creating: whether the keys that can only be given at creation are allowed. Then "disk-size" adds
 *   the disk "disks/disk0.qcow2" to a machine that has none (the caller makes the image), and a
 *   firmware other than uefi drops Secure Boot and TPM that were only a default
 *
 * Checks all, then changes all, then validates the whole. The message has a sentence for each fault.
 * Errors: INVALID_ARGUMENT (unknown key, wrong type; the message names it and the nearest key), OUT_OF_RANGE, NAME_INVALID, NOT_SUPPORTED
 */
gboolean  lodge_settings_apply        (LodgeProfile *profile, GVariant *settings, gboolean creating, GError **error);

/**
 * lodge_settings_warnings: what a person should know before @before becomes @after
 * @used: whether a system may be installed in the machine
 *
 * Returns: (transfer full): codes, worded by core/ipc/lodge-settings-text.c
 */
GStrv     lodge_settings_warnings     (const LodgeProfile *before, const LodgeProfile *after, gboolean used);

/**
 * lodge_settings_pending:
 *
 * Returns: (transfer full): keys whose value differs between the two and which take effect at the next start only
 */
GStrv     lodge_settings_pending      (const LodgeProfile *running, const LodgeProfile *wanted);

G_END_DECLS
