/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/ipc/lodge-settings-text.h"

#include <glib/gi18n-lib.h>

static const struct
{
  const char *code;
  const char *sentence;
} warnings[] = {
  { "firmware-installed", N_("The system that is installed will probably not start with the other firmware. Switching back brings it back.") },
  { "secure-boot-unsigned", N_("With Secure Boot only systems with a signature of Microsoft start.") },
  { "secure-boot-variables", N_("The firmware does not know the installed system yet and may need to be told where it is. Switching back brings back what it knew.") },
  { "tpm-off", N_("What the system has locked with its TPM stays locked while that is off: BitLocker will ask for its recovery key.") },
  { "nic-new", N_("The system will find a new network card, and may need a driver for it or set up its network anew.") },
  { "network-boot", N_("Starting from the network needs a server there that offers it.") },
  { "nothing-to-boot", N_("The machine will have nothing to start from.") },
  { "3d-no-memory", N_("With 3D acceleration the memory of the running machine cannot be saved: snapshots then hold the disks only.") },
  { "no-screen", N_("The machine will have no screen; it can be reached by its serial line and the network only.") },
  { "no-tpm-here", N_("This computer has no program for TPMs (swtpm), so the machine will not start here. Install it.") },
};

const char *
lodge_settings_warning_text (const char *code)
{
  for (gsize i = 0; i < G_N_ELEMENTS (warnings); i++)
    if (g_str_equal (warnings[i].code, code))
      return _(warnings[i].sentence);

  return _("The system in the machine may behave differently after this.");
}

const char *const *
lodge_settings_warning_codes (void)
{
  static const char *codes[G_N_ELEMENTS (warnings) + 1];

  for (gsize i = 0; i < G_N_ELEMENTS (warnings); i++)
    codes[i] = warnings[i].code;

  return codes;
}
