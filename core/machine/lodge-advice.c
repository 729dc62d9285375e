/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/machine/lodge-advice.h"

#include "core/config/lodge-settings.h"

#include <string.h>

static LodgeOsDatabase *
open_database (LodgeEngine *engine)
{
  g_autoptr (GError) error = NULL;
  LodgeOsDatabase *database = lodge_os_database_new (lodge_engine_get_paths (engine)->share_dir, &error);

  if (database == NULL)
    g_debug ("no operating systems' defaults: %s", error->message);
  return database;
}

static void
fill_amounts (LodgeEngine *engine, const char *except, const LodgeProfile *profile, const LodgeOsNeeds *needs,
              LodgeAmounts *amounts)
{
  LodgeAmountsSystem system = { .memory_minimum = needs->memory_minimum,
                                .memory = profile->memory,
                                .cores_minimum = needs->cores_minimum,
                                .cores = profile->cores };
  LodgeAmountsHost host;

  lodge_engine_get_amounts (engine, except, &host);
  lodge_amounts_compute (&host, &system, amounts);
}

void
lodge_advice_fit (LodgeEngine *engine, LodgeProfile *profile, const LodgeOsNeeds *needs)
{
  LodgeAmounts amounts;

  fill_amounts (engine, NULL, profile, needs, &amounts);
  profile->memory = amounts.memory_suggested;
  profile->cores = amounts.cores_suggested;
}

/* The processor of a machine for a system that calls its own so; FALSE where Lodge has none. */
static gboolean
arch_for (const char *arch, LodgeArch *machine_arch)
{
  *machine_arch = LODGE_ARCH_X86_64;
  if (*arch == '\0' || g_str_equal (arch, "i686"))
    return TRUE;
  return lodge_arch_parse (arch, machine_arch);
}

/* What a medium has no boot code for cannot be its firmware. Nothing is known of a catalogue that is not there. */
static void
suit_firmware (LodgeProfile *profile, const LodgeRecognition *found)
{
  gboolean small = g_str_equal (found->match->arch, "i686");

  if (profile->arch != LODGE_ARCH_X86_64 || profile->firmware != LODGE_FIRMWARE_UEFI)
    return;
  if (!found->disc || (!found->boots_uefi && found->boots_bios) || (small && found->boots_bios))
    {
      profile->firmware = LODGE_FIRMWARE_BIOS;
      profile->secure_boot = FALSE;
      profile->tpm = FALSE;
    }
}

static void
take_from_settings (GVariantDict *into, LodgeProfile *profile)
{
  static const char *const keys[] = { "firmware", "secure-boot", "tpm", "video", "sound", "network",
                                      "nic-model", "clock", "hyperv", "balloon" };
  g_autoptr (GVariant) all = g_variant_ref_sink (lodge_settings_from_profile (profile));

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (all, keys[i], NULL);

      if (value != NULL)
        g_variant_dict_insert_value (into, keys[i], value);
    }
}

static GVariant *
advise_settings (LodgeEngine *engine, LodgeProfile *profile, const LodgeOsNeeds *needs, const LodgeAmounts *amounts)
{
  GVariantDict settings;

  g_variant_dict_init (&settings, NULL);
  take_from_settings (&settings, profile);
  g_variant_dict_insert (&settings, "family", "s", lodge_family_name (profile->family));
  g_variant_dict_insert (&settings, "arch", "s", lodge_arch_name (profile->arch));
  if (profile->os != NULL)
    g_variant_dict_insert (&settings, "os", "s", profile->os);
  g_variant_dict_insert (&settings, "cores", "u", amounts->cores_suggested);
  g_variant_dict_insert (&settings, "memory", "t", amounts->memory_suggested);
  g_variant_dict_insert (&settings, "disk-size", "t", needs->disk_size);
  return g_variant_dict_end (&settings);
}

static GVariant *
advise_minimum (const LodgeOsNeeds *needs)
{
  GVariantDict minimum;

  g_variant_dict_init (&minimum, NULL);
  g_variant_dict_insert (&minimum, "memory", "t", needs->memory_minimum);
  g_variant_dict_insert (&minimum, "cores", "u", needs->cores_minimum);
  g_variant_dict_insert (&minimum, "disk-size", "t", needs->disk_size_minimum);
  return g_variant_dict_end (&minimum);
}

static const char *
name_for (LodgeOsDatabase *database, const LodgeOsMatch *match)
{
  const LodgeOs *known = database != NULL && *match->os != '\0' ? lodge_os_database_lookup (database, match->os) : NULL;

  /* The list's name says more ("trixie"), unless the medium is of a relative of that system. */
  if (known != NULL && (*match->name == '\0' || g_str_has_prefix (known->name, match->name)))
    return known->name;
  return match->name;
}

GVariant *
lodge_advice_identified (LodgeEngine *engine, const LodgeRecognition *found)
{
  const LodgeOsMatch *match = found->match;
  g_autoptr (LodgeOsDatabase) database = open_database (engine);
  g_autoptr (LodgeProfile) profile = NULL;
  const char *os = *match->os != '\0' ? match->os : NULL;
  LodgeAmounts amounts;
  LodgeOsNeeds needs;
  GVariantDict answer;
  LodgeArch arch;
  gboolean supported = arch_for (match->arch, &arch);

  profile = lodge_os_database_new_profile (database, "x", os, &match->family, arch, &needs);
  if (os != NULL && (database == NULL || lodge_os_database_lookup_near (database, os) == NULL))
    {
      /* One that only libosinfo knows. */
      profile->memory = MAX (profile->memory, match->memory);
      needs.memory_minimum = match->memory_minimum;
      needs.disk_size = MAX (needs.disk_size, match->disk_size);
    }
  suit_firmware (profile, found);
  fill_amounts (engine, NULL, profile, &needs, &amounts);
  if (!found->disc)
    needs.disk_size = 0;

  g_variant_dict_init (&answer, NULL);
  g_variant_dict_insert (&answer, "kind", "s", found->disc ? "iso" : "disk");
  g_variant_dict_insert (&answer, "format", "s", found->format);
  g_variant_dict_insert (&answer, "volume-id", "s", found->volume_id);
  g_variant_dict_insert (&answer, "bios", "b", found->boots_bios);
  g_variant_dict_insert (&answer, "uefi", "b", found->boots_uefi);
  g_variant_dict_insert (&answer, "os", "s", match->os);
  g_variant_dict_insert (&answer, "os-name", "s", name_for (database, match));
  g_variant_dict_insert (&answer, "family", "s", lodge_family_name (match->family));
  g_variant_dict_insert (&answer, "version", "s", match->version);
  g_variant_dict_insert (&answer, "variant", "s", match->variant);
  g_variant_dict_insert (&answer, "arch", "s", match->arch);
  g_variant_dict_insert (&answer, "supported", "b", supported);
  g_variant_dict_insert (&answer, "installer", "b", match->installer);
  g_variant_dict_insert (&answer, "live", "b", match->live);
  g_variant_dict_insert (&answer, "confidence", "s", match->confidence);
  g_variant_dict_insert (&answer, "symbol", "s",
                         database != NULL ? lodge_os_database_symbol (database, os, match->family) : "other");
  g_variant_dict_insert_value (&answer, "settings", advise_settings (engine, profile, &needs, &amounts));
  g_variant_dict_insert_value (&answer, "minimum", advise_minimum (&needs));
  return g_variant_dict_end (&answer);
}

GVariant *
lodge_advice_amounts (LodgeEngine *engine, const LodgeAdviceSystem *system, const char *except, const guint64 *memory,
                      const guint *cores)
{
  g_autoptr (LodgeOsDatabase) database = open_database (engine);
  g_autoptr (LodgeProfile) profile = NULL;
  LodgeAmounts amounts;
  LodgeOsNeeds needs;
  GVariantDict answer;

  profile = lodge_os_database_new_profile (database, "x", system->os, system->family, system->arch, &needs);
  fill_amounts (engine, except, profile, &needs, &amounts);

  g_variant_dict_init (&answer, NULL);
  g_variant_dict_insert (&answer, "memory-minimum", "t", amounts.memory_minimum);
  g_variant_dict_insert (&answer, "memory-recommended", "t", amounts.memory_recommended);
  g_variant_dict_insert (&answer, "memory-suggested", "t", amounts.memory_suggested);
  g_variant_dict_insert (&answer, "memory-free", "t", amounts.memory_free);
  g_variant_dict_insert (&answer, "memory-maximum", "t", amounts.memory_maximum);
  g_variant_dict_insert (&answer, "cores-minimum", "u", amounts.cores_minimum);
  g_variant_dict_insert (&answer, "cores-recommended", "u", amounts.cores_recommended);
  g_variant_dict_insert (&answer, "cores-suggested", "u", amounts.cores_suggested);
  g_variant_dict_insert (&answer, "cores-host", "u", amounts.cores_host);
  g_variant_dict_insert (&answer, "cores-maximum", "u", amounts.cores_maximum);
  g_variant_dict_insert (&answer, "disk-size-minimum", "t", needs.disk_size_minimum);
  g_variant_dict_insert (&answer, "disk-size-recommended", "t", needs.disk_size);
  if (memory != NULL)
    {
      g_variant_dict_insert (&answer, "memory", "t", *memory);
      g_variant_dict_insert (&answer, "memory-judgement", "s",
                             lodge_judgement_name (lodge_amounts_judge_memory (&amounts, *memory)));
    }
  if (cores != NULL)
    {
      g_variant_dict_insert (&answer, "cores", "u", *cores);
      g_variant_dict_insert (&answer, "cores-judgement", "s",
                             lodge_judgement_name (lodge_amounts_judge_cores (&amounts, *cores)));
    }
  return g_variant_dict_end (&answer);
}
