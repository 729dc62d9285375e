/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/ipc/lodge-error.h"

static const struct
{
  GDBusErrorEntry entry;
  const char *name;
} errors[] = {
#define E(code, dbus, name) { { LODGE_ERROR_##code, "org.lodgevm.Error." dbus }, name }
  E (FAILED, "Failed", "failed"),
  E (INVALID_ARGUMENT, "InvalidArgument", "invalid-argument"),
  E (NAME_INVALID, "NameInvalid", "name-invalid"),
  E (OUT_OF_RANGE, "OutOfRange", "out-of-range"),
  E (NOT_FOUND, "NotFound", "not-found"),
  E (AMBIGUOUS, "Ambiguous", "ambiguous"),
  E (EXISTS, "Exists", "exists"),
  E (NOT_READABLE, "NotReadable", "not-readable"),
  E (WRONG_FORMAT, "WrongFormat", "wrong-format"),
  E (IN_USE, "InUse", "in-use"),
  E (NO_SPACE, "NoSpace", "no-space"),
  E (IO, "Io", "io"),
  E (WRONG_STATE, "WrongState", "wrong-state"),
  E (NOT_SUPPORTED, "NotSupported", "not-supported"),
  E (NO_QEMU, "NoQemu", "no-qemu"),
  E (QEMU_TOO_OLD, "QemuTooOld", "qemu-too-old"),
  E (QEMU_FAILED, "QemuFailed", "qemu-failed"),
  E (HELPER_FAILED, "HelperFailed", "helper-failed"),
  E (NOT_RESPONDING, "NotResponding", "not-responding"),
  E (CONFINEMENT, "Confinement", "confinement"),
  E (RUNTIME_DIR, "RuntimeDir", "runtime-dir"),
  E (BROKEN_PROFILE, "BrokenProfile", "broken-profile"),
  E (NEWER_SCHEMA, "NewerSchema", "newer-schema"),
  E (NEEDS_REPAIR, "NeedsRepair", "needs-repair"),
  E (CANCELLED, "Cancelled", "cancelled"),
  E (CORE_GONE, "CoreGone", "core-gone"),
#undef E
};
G_STATIC_ASSERT (G_N_ELEMENTS (errors) == LODGE_N_ERRORS);

GQuark
lodge_error_quark (void)
{
  static gsize quark = 0;

  if (g_once_init_enter (&quark))
    {
      GQuark q = g_quark_from_static_string ("lodge-error-quark");

      for (gsize i = 0; i < G_N_ELEMENTS (errors); i++)
        g_dbus_error_register_error (q, errors[i].entry.error_code,
                                     errors[i].entry.dbus_error_name);
      g_once_init_leave (&quark, q);
    }

  return (GQuark) quark;
}

const char *
lodge_error_code_name (LodgeError code)
{
  for (gsize i = 0; i < G_N_ELEMENTS (errors); i++)
    if (errors[i].entry.error_code == (int) code)
      return errors[i].name;

  return "failed";
}
