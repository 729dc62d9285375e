/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-amounts.h"
#include "core/config/lodge-os-profile.h"
#include "core/machine/lodge-engine.h"
#include "core/storage/lodge-recognise.h"

G_BEGIN_DECLS

/*
 * What a new machine should be like: from what is known of a system and of this host. The core does what it advises when
 * nobody says otherwise, and clients show it.
 */

/** LodgeAdviceSystem: what a machine is for; all may be unset */
typedef struct
{
  const char        *os;     /* (nullable) */
  const LodgeFamily *family; /* (nullable) */
  LodgeArch          arch;
} LodgeAdviceSystem;

/**
 * lodge_advice_identified:
 *
 * The answer of Core1.Identify for what a medium was recognised as.
 *
 * Returns: (transfer floating): a{sv}
 */
GVariant *lodge_advice_identified (LodgeEngine *engine, const LodgeRecognition *found);

/** lodge_advice_fit: gives a new machine's profile what comes nearest to its memory and cores on this host */
void      lodge_advice_fit        (LodgeEngine *engine, LodgeProfile *profile, const LodgeOsNeeds *needs);

/**
 * lodge_advice_amounts:
 * @except: (nullable): id of the machine in question, whose own memory does not count as taken
 * @memory, @cores: (nullable): to be judged
 *
 * Returns: (transfer floating): a{sv}, the answer of Core1.Amounts
 */
GVariant *lodge_advice_amounts    (LodgeEngine *engine, const LodgeAdviceSystem *system, const char *except,
                                   const guint64 *memory, const guint *cores);

G_END_DECLS
