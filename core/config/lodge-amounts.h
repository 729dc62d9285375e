/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"

G_BEGIN_DECLS

/*
 * How much memory and how many cores a machine should have on this host. Pure: what the host has and has free comes
 * as numbers.
 */

typedef struct
{
  guint64 memory;    /* bytes, physical */
  guint64 available; /* what the kernel could give at once (MemAvailable) */
  guint64 promised;  /* what running guests have not taken of their memory yet, and may */
  guint   cores;
} LodgeAmountsHost;

typedef struct
{
  guint64 memory_minimum; /* 0: not known */
  guint64 memory;         /* recommended */
  guint   cores_minimum;
  guint   cores;
} LodgeAmountsSystem;

typedef struct
{
  guint64 memory_minimum;     /* of the system */
  guint64 memory_recommended;
  guint64 memory_free;        /* the host can spare so much now */
  guint64 memory_maximum;     /* more is refused: the host has not got it */
  guint64 memory_suggested;   /* the recommended, or what comes nearest to it here */
  guint   cores_minimum;
  guint   cores_recommended;
  guint   cores_host;
  guint   cores_maximum;
  guint   cores_suggested;
} LodgeAmounts;

typedef enum
{
  LODGE_JUDGEMENT_OK,
  LODGE_JUDGEMENT_LOW,        /* less than the system's makers demand */
  LODGE_JUDGEMENT_TIGHT,      /* more than is free, or more cores than the host has: others will suffer */
  LODGE_JUDGEMENT_IMPOSSIBLE, /* more than there is */
} LodgeJudgement;

void           lodge_amounts_compute      (const LodgeAmountsHost *host, const LodgeAmountsSystem *system, LodgeAmounts *amounts);
LodgeJudgement lodge_amounts_judge_memory (const LodgeAmounts *amounts, guint64 memory);
LodgeJudgement lodge_amounts_judge_cores  (const LodgeAmounts *amounts, guint cores);

/** lodge_judgement_name: "ok", "low", "tight", "impossible" */
const char    *lodge_judgement_name       (LodgeJudgement judgement);

G_END_DECLS
