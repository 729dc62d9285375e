/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/** CtlExit: lodgectl's exit codes; a promise to scripts, so numbers are never reused. */
typedef enum
{
  CTL_EXIT_OK = 0,
  CTL_EXIT_FAILED = 1,
  CTL_EXIT_USAGE = 2,
  CTL_EXIT_NOT_FOUND = 3,
  CTL_EXIT_AMBIGUOUS = 4,
  CTL_EXIT_WRONG_STATE = 5,
  CTL_EXIT_REFUSED = 6,
  CTL_EXIT_HOST = 7,
  CTL_EXIT_IN_USE = 8,
  CTL_EXIT_NO_SPACE = 9,
  CTL_EXIT_NO_CORE = 10,
  CTL_EXIT_QEMU = 11,
  CTL_EXIT_DAMAGED = 12,
  CTL_EXIT_TIMEOUT = 13,
} CtlExit;
#define CTL_N_EXITS (CTL_EXIT_TIMEOUT + 1)

/** ctl_exit_from_error: the exit code for @error of any domain */
CtlExit     ctl_exit_from_error (const GError *error);

/**
 * ctl_exit_meaning:
 *
 * Returns: (transfer none): what @code means, in the words of lodgectl(1), which a test compares
 */
const char *ctl_exit_meaning    (CtlExit code);

G_END_DECLS
