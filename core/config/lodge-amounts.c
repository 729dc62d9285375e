/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-amounts.h"

#include "core/config/lodge-profile-private.h"

/* More virtual cores than real ones are slow but useful for trying things; far more are a slip. */
#define CORES_FACTOR 4
#define CORES_AT_LEAST 8
/* Suggestions are round numbers. */
#define ROUND (256 * LODGE_MIB)

static guint64
round_down (guint64 bytes, guint64 unit)
{
  return bytes / unit * unit;
}

static guint64
suggest_memory (const LodgeAmounts *amounts)
{
  guint64 wanted = amounts->memory_recommended;

  if (wanted > amounts->memory_free)
    wanted = MAX (round_down (amounts->memory_free, ROUND), MIN (amounts->memory_minimum, wanted));
  wanted = MAX (wanted, MIN (amounts->memory_recommended, LODGE_MEMORY_MIN));
  return MIN (wanted, amounts->memory_maximum);
}

void
lodge_amounts_compute (const LodgeAmountsHost *host, const LodgeAmountsSystem *system, LodgeAmounts *amounts)
{
  guint64 unclaimed = host->available > host->promised ? host->available - host->promised : 0;

  amounts->memory_recommended = MAX (system->memory, system->memory_minimum);
  amounts->memory_minimum = system->memory_minimum;
  amounts->memory_maximum = round_down (MIN (host->memory, LODGE_MEMORY_MAX), LODGE_MIB);
  amounts->memory_free = round_down (MIN (unclaimed, host->memory), LODGE_MIB);
  amounts->memory_suggested = suggest_memory (amounts);

  amounts->cores_minimum = MAX (system->cores_minimum, 1);
  amounts->cores_recommended = MAX (system->cores, amounts->cores_minimum);
  amounts->cores_host = MAX (host->cores, 1);
  amounts->cores_maximum = MIN (MAX (CORES_AT_LEAST, CORES_FACTOR * amounts->cores_host), LODGE_CORES_MAX);
  amounts->cores_suggested = MAX (MIN (amounts->cores_recommended, amounts->cores_host), amounts->cores_minimum);
}

LodgeJudgement
lodge_amounts_judge_memory (const LodgeAmounts *amounts, guint64 memory)
{
  if (memory > amounts->memory_maximum)
    return LODGE_JUDGEMENT_IMPOSSIBLE;
  if (memory > amounts->memory_free)
    return LODGE_JUDGEMENT_TIGHT;
  return memory < amounts->memory_minimum ? LODGE_JUDGEMENT_LOW : LODGE_JUDGEMENT_OK;
}

LodgeJudgement
lodge_amounts_judge_cores (const LodgeAmounts *amounts, guint cores)
{
  if (cores > amounts->cores_maximum)
    return LODGE_JUDGEMENT_IMPOSSIBLE;
  if (cores > amounts->cores_host)
    return LODGE_JUDGEMENT_TIGHT;
  return cores < amounts->cores_minimum ? LODGE_JUDGEMENT_LOW : LODGE_JUDGEMENT_OK;
}

const char *
lodge_judgement_name (LodgeJudgement judgement)
{
  static const char *const names[] = { "ok", "low", "tight", "impossible" };

  return names[judgement];
}
