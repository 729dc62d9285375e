/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-settings.h"

static const LodgeNic *
first_nic (const LodgeProfile *profile)
{
  return profile->nics->len > 0 ? profile->nics->pdata[0] : NULL;
}

static gboolean
boots_from_network (const LodgeProfile *profile)
{
  for (guint i = 0; i < profile->nics->len; i++)
    if (((const LodgeNic *) profile->nics->pdata[i])->boot_order > 0)
      return TRUE;

  return FALSE;
}

static gboolean
boots_at_all (const LodgeProfile *profile)
{
  for (guint i = 0; i < profile->disks->len; i++)
    if (((const LodgeDisk *) profile->disks->pdata[i])->boot_order > 0)
      return TRUE;

  return profile->kernel != NULL || boots_from_network (profile);
}

GStrv
lodge_settings_warnings (const LodgeProfile *before, const LodgeProfile *after, gboolean used)
{
  const LodgeNic *nic = first_nic (before), *new_nic = first_nic (after);
  gboolean uefi = before->firmware == LODGE_FIRMWARE_UEFI && after->firmware == LODGE_FIRMWARE_UEFI;
  gboolean new_card = nic != NULL && new_nic != NULL && new_nic->kind != LODGE_NETWORK_NONE
                      && (nic->model != new_nic->model || g_strcmp0 (nic->mac, new_nic->mac) != 0);
  const struct
  {
    const char *code;
    gboolean    applies;
  } warnings[] = {
    { "firmware-installed", used && before->firmware != after->firmware },
    { "secure-boot-unsigned", !before->secure_boot && after->secure_boot },
    { "secure-boot-variables", used && uefi && before->secure_boot != after->secure_boot },
    { "tpm-off", used && before->tpm && !after->tpm },
    { "nic-new", used && new_card },
    { "network-boot", !boots_from_network (before) && boots_from_network (after) },
    { "nothing-to-boot", boots_at_all (before) && !boots_at_all (after) },
    { "3d-no-memory", !before->accel_3d && after->accel_3d },
    { "no-screen", before->video != LODGE_VIDEO_NONE && after->video == LODGE_VIDEO_NONE },
  };
  g_autoptr (GStrvBuilder) codes = g_strv_builder_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (warnings); i++)
    if (warnings[i].applies)
      g_strv_builder_add (codes, warnings[i].code);

  return g_strv_builder_end (codes);
}
