/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-private.h"
#include "core/machine/lodge-ram.h"

G_BEGIN_DECLS

/** LodgeStart: a start that is under way. Whoever is given one has it, and calls the next step with it or lodge_start_give_up() */
typedef struct
{
  LodgeMachine *machine;           /* (owned) */
  LodgeGuest *guest;               /* the machine's; valid while !lodge_start_is_stale() */
  guint serial;                    /* of the guest */
  LodgeCapabilities *capabilities; /* (owned) (nullable) */
  LodgeLaunchPlan *plan;           /* (owned) (nullable) descriptors and what differs this time */
  LodgeSaved *saved;               /* (owned) (nullable) what the guest is resumed from */
  char *ram;                       /* (owned) (nullable) of a memory that is in a file: as QEMU is told of it */
  LodgeRamFill *fill;              /* (owned) (nullable) that file, when it is filled with what was saved */
  int ram_fd;                      /* or -1 */
  LodgeJob *job;                   /* (owned) (nullable) the memory is being read */
  gboolean paused;
  gboolean without_kvm;
  gboolean repair;
} LodgeStart;

void     lodge_start_free     (LodgeStart *start);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeStart, lodge_start_free)

/**
 * lodge_start_is_stale: whether the start is over, or given up: a good answer of QEMU that was on its way when it was killed
 * must not bring it back; the end of the guest answers
 */
gboolean lodge_start_is_stale (const LodgeStart *start);

/** lodge_start_give_up: unwinds whatever has been made so far. @start: not taken; @error: taken */
void     lodge_start_give_up  (LodgeStart *start, GError *error);

/** lodge_start_launch: the memory is found; makes the guest's processes. @start: taken */
void     lodge_start_launch   (LodgeStart *start);

/** lodge_start_let_go: the guest has its memory; it gets what it lacks of hardware and runs. @start: taken */
void     lodge_start_let_go   (LodgeStart *start);

/* lodge-machine-start-memory.c */

/**
 * lodge_start_take_saved: what the guest of @self is resumed from, read afresh
 * @saved: (out) (nullable): nothing, where it is not saved
 *
 * Errors: as lodge_saved_read(), NOT_SUPPORTED (it is the memory of another machine). FALSE: there is something that cannot be used
 */
gboolean lodge_start_take_saved  (LodgeMachine *self, gboolean discard, LodgeSaved **saved, GError **error);

/** lodge_start_check_saved: whether that fits to this host and to the disks. Errors: NOT_SUPPORTED */
gboolean lodge_start_check_saved (LodgeStart *start, GError **error);

/** lodge_start_find_memory: where the memory of the guest is to come from; goes on with lodge_start_launch(). @start: taken */
void     lodge_start_find_memory (LodgeStart *start);

/** lodge_start_make_memory: the file that the memory of the guest is to be in, where it is one, for the plan. Errors: as lodge_ram_fill_new() */
gboolean lodge_start_make_memory (LodgeStart *start, GError **error);

/** lodge_start_read_memory: QEMU greets, and waits for what was saved; goes on with lodge_start_resume(). @start: taken */
void     lodge_start_read_memory (LodgeStart *start);

/** lodge_start_resume: the memory is there; goes on with lodge_start_let_go(). @start: taken */
void     lodge_start_resume      (LodgeStart *start);

G_END_DECLS
