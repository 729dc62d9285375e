/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-exit.h"

static const char *const meanings[CTL_N_EXITS] = {
  [CTL_EXIT_OK] = "Success.",
  [CTL_EXIT_FAILED] = "Any failure without a code of its own.",
  [CTL_EXIT_USAGE] = "The command line was not understood; nothing was done.",
  [CTL_EXIT_NOT_FOUND] = "No such machine, file or channel.",
  [CTL_EXIT_AMBIGUOUS] = "Several machines match.",
  [CTL_EXIT_WRONG_STATE] = "The machine's state does not allow this.",
  [CTL_EXIT_REFUSED] = "A value, name or file was refused.",
  [CTL_EXIT_HOST] = "This computer lacks what is needed, or doctor found a problem.",
  [CTL_EXIT_IN_USE] = "A disk, machine or channel is in use.",
  [CTL_EXIT_NO_SPACE] = "Not enough disk space.",
  [CTL_EXIT_NO_CORE] = "lodge-core cannot be reached.",
  [CTL_EXIT_QEMU] = "QEMU or a helper failed or does not answer.",
  [CTL_EXIT_DAMAGED] = "The machine's files are damaged or from a newer Lodge.",
  [CTL_EXIT_TIMEOUT] = "It did not happen within the time given by --timeout.",
};

CtlExit
ctl_exit_from_error (const GError *error)
{
  if (error->domain == G_OPTION_ERROR)
    return CTL_EXIT_USAGE;
  if (error->domain != LODGE_ERROR)
    return CTL_EXIT_FAILED;

  switch ((LodgeError) error->code)
    {
    case LODGE_ERROR_NOT_FOUND:
      return CTL_EXIT_NOT_FOUND;
    case LODGE_ERROR_AMBIGUOUS:
      return CTL_EXIT_AMBIGUOUS;
    case LODGE_ERROR_WRONG_STATE:
      return CTL_EXIT_WRONG_STATE;
    case LODGE_ERROR_INVALID_ARGUMENT:
    case LODGE_ERROR_NAME_INVALID:
    case LODGE_ERROR_OUT_OF_RANGE:
    case LODGE_ERROR_EXISTS:
    case LODGE_ERROR_NOT_READABLE:
    case LODGE_ERROR_WRONG_FORMAT:
    case LODGE_ERROR_TEXT_FILE:
    case LODGE_ERROR_COMPRESSED:
    case LODGE_ERROR_DAMAGED:
      return CTL_EXIT_REFUSED;
    case LODGE_ERROR_NOT_SUPPORTED:
    case LODGE_ERROR_NO_QEMU:
    case LODGE_ERROR_QEMU_TOO_OLD:
    case LODGE_ERROR_CONFINEMENT:
    case LODGE_ERROR_RUNTIME_DIR:
      return CTL_EXIT_HOST;
    case LODGE_ERROR_IN_USE:
    case LODGE_ERROR_HAS_DEPENDANTS:
      return CTL_EXIT_IN_USE;
    case LODGE_ERROR_NO_SPACE:
      return CTL_EXIT_NO_SPACE;
    case LODGE_ERROR_CORE_GONE:
      return CTL_EXIT_NO_CORE;
    case LODGE_ERROR_QEMU_FAILED:
    case LODGE_ERROR_HELPER_FAILED:
    case LODGE_ERROR_NOT_RESPONDING:
      return CTL_EXIT_QEMU;
    case LODGE_ERROR_BROKEN_PROFILE:
    case LODGE_ERROR_NEWER_SCHEMA:
    case LODGE_ERROR_NEEDS_REPAIR:
      return CTL_EXIT_DAMAGED;
    case LODGE_ERROR_FAILED:
    case LODGE_ERROR_IO:
    case LODGE_ERROR_CANCELLED:
    default:
      return CTL_EXIT_FAILED;
    }
}

const char *
ctl_exit_meaning (CtlExit code)
{
  return meanings[code];
}
