/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * lodge_doctor_text:
 * @id, @reason: of a finding of Doctor (docs/DBUS.md, "Doctor findings")
 * @details: (nullable): its facts, a{sv}
 * @title: (out) (transfer full): what was examined: "Hardware virtualisation"
 * @sentence: (out) (transfer full): how it stands
 * @advice: (out) (transfer full) (nullable): what to do about it; commands stand in lines of their own, indented
 *
 * Words a finding for people, translated. A finding that this version does not know is given by its codes.
 *
 * Returns: whether the pair is known
 */
gboolean lodge_doctor_text (const char *id, const char *reason, GVariant *details,
                            char **title, char **sentence, char **advice);

/**
 * lodge_confinement_text:
 * @level, @reason: "confinement" and "confinement-reason" of Host or Effective
 *
 * Returns: (transfer full) (nullable): that guests are confined less well than they should be, and why, a sentence; %NULL where
 * they are confined by bubblewrap and QEMU's own sandbox
 */
char    *lodge_confinement_text (const char *level, const char *reason);

G_END_DECLS
