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
  E (TEXT_FILE, "TextFile", "text-file"),
  E (COMPRESSED, "Compressed", "compressed"),
  E (DAMAGED, "Damaged", "damaged"),
  E (IN_USE, "InUse", "in-use"),
  E (HAS_DEPENDANTS, "HasDependants", "has-dependants"),
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

/* What GDBus or the bus report when nobody serves the call. */
static gboolean
is_core_gone (const GError *error)
{
  static const int dbus_codes[] = {
    G_DBUS_ERROR_SERVICE_UNKNOWN,        G_DBUS_ERROR_NAME_HAS_NO_OWNER,
    G_DBUS_ERROR_NO_REPLY,               G_DBUS_ERROR_DISCONNECTED,
    G_DBUS_ERROR_NO_SERVER,              G_DBUS_ERROR_TIMEOUT,
    G_DBUS_ERROR_TIMED_OUT,              G_DBUS_ERROR_SPAWN_EXEC_FAILED,
    G_DBUS_ERROR_SPAWN_FORK_FAILED,      G_DBUS_ERROR_SPAWN_CHILD_EXITED,
    G_DBUS_ERROR_SPAWN_CHILD_SIGNALED,   G_DBUS_ERROR_SPAWN_FAILED,
    G_DBUS_ERROR_SPAWN_SETUP_FAILED,     G_DBUS_ERROR_SPAWN_CONFIG_INVALID,
    G_DBUS_ERROR_SPAWN_SERVICE_INVALID,  G_DBUS_ERROR_SPAWN_SERVICE_NOT_FOUND,
    G_DBUS_ERROR_SPAWN_FILE_INVALID,     G_DBUS_ERROR_SPAWN_NO_MEMORY,
    G_DBUS_ERROR_SPAWN_PERMISSIONS_INVALID,
  };

  if (error->domain == G_DBUS_ERROR)
    for (gsize i = 0; i < G_N_ELEMENTS (dbus_codes); i++)
      if (error->code == dbus_codes[i])
        return TRUE;

  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED) ||
         g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

void
lodge_error_normalize (GError *error)
{
  /* A reply with a name of ours is known as such only when the domain is registered. */
  if (error->domain != LODGE_ERROR && g_dbus_error_is_remote_error (error))
    {
      g_autofree char *name = g_dbus_error_get_remote_error (error);
      g_autoptr (GError) again = g_dbus_error_new_for_dbus_error (name, "");

      if (again->domain == LODGE_ERROR)
        {
          error->domain = LODGE_ERROR;
          error->code = again->code;
        }
    }

  g_dbus_error_strip_remote_error (error);
  if (error->domain == LODGE_ERROR)
    return;

  if (is_core_gone (error))
    error->code = LODGE_ERROR_CORE_GONE;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    error->code = LODGE_ERROR_CANCELLED;
  else if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS))
    error->code = LODGE_ERROR_INVALID_ARGUMENT;
  else if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT))
    error->code = LODGE_ERROR_NOT_FOUND;
  else
    error->code = LODGE_ERROR_FAILED;
  error->domain = LODGE_ERROR;
}
