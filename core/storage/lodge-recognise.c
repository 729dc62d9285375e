/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-recognise.h"

#include "core/storage/lodge-osinfo.h"
#include "core/storage/lodge-partitions.h"

#include <string.h>

LodgeRecognition *
lodge_recognition_copy (const LodgeRecognition *recognition)
{
  LodgeRecognition *copy = g_memdup2 (recognition, sizeof *recognition);

  copy->format = g_strdup (recognition->format);
  copy->volume_id = g_strdup (recognition->volume_id);
  copy->match = lodge_os_match_copy (recognition->match);
  return copy;
}

void
lodge_recognition_free (LodgeRecognition *recognition)
{
  if (recognition == NULL)
    return;

  g_free (recognition->format);
  g_free (recognition->volume_id);
  g_clear_pointer (&recognition->match, lodge_os_match_free);
  g_free (recognition);
}

/* The names that firmware looks for tell the processor. */
static const char *
arch_of_loader (LodgeDisc *disc)
{
  static const struct
  {
    const char *path;
    const char *arch;
  } loaders[] = {
    { "efi/boot/bootx64.efi", "x86_64" },       { "efi/boot/bootaa64.efi", "aarch64" },
    { "efi/boot/bootriscv64.efi", "riscv64" },  { "efi/boot/bootia32.efi", "i686" },
    { "boot/x86_64", "x86_64" },                { "boot/aarch64", "aarch64" },
    { "install.amd", "x86_64" },                { "install.a64", "aarch64" },
    { "install.386", "i686" },                  { "ppc/bootinfo.txt", "ppc64le" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (loaders); i++)
    if (lodge_disc_has (disc, loaders[i].path))
      return loaders[i].arch;
  return NULL;
}

static const char *
arch_of_label (const char *label)
{
  g_auto (GStrv) words = g_strsplit_set (label, " -_.", -1);

  if (g_regex_match_simple ("x86_64", label, G_REGEX_CASELESS, 0))
    return "x86_64";
  for (guint i = 0; words[i] != NULL; i++)
    {
      const char *arch = strlen (words[i]) > 2 ? lodge_os_arch_word (words[i]) : words[i];

      if (arch != words[i])
        return arch;
    }
  return NULL;
}

static void
complete (LodgeOsMatch *match, LodgeDisc *disc)
{
  const LodgeDiscFacts *facts = lodge_disc_get_facts (disc);
  const char *arch = NULL;

  if (*match->arch == '\0' || g_str_equal (match->arch, "all"))
    {
      arch = arch_of_label (facts->volume_id);
      if (arch == NULL)
        arch = arch_of_loader (disc);
      /* The catalogue of a PC's disc begins with code for its BIOS; nothing else has that. */
      if (arch == NULL && facts->boots_bios)
        arch = "x86_64";
      lodge_os_match_set (&match->arch, arch != NULL ? arch : "");
    }
  if (*match->name == '\0' && *match->os == '\0' && *facts->volume_id != '\0')
    lodge_os_match_set (&match->name, facts->volume_id);
}

static LodgeRecognition *
recognise_disc (LodgeImageReader reader, gpointer data, guint64 size, LodgeOsRules *rules, const char *osinfo,
                const char *name, GError **error)
{
  g_autoptr (LodgeDisc) disc = lodge_disc_open (reader, data, size, error);
  g_autoptr (LodgeRecognition) found = NULL;
  const LodgeDiscFacts *facts;

  if (disc == NULL)
    return NULL;
  facts = lodge_disc_get_facts (disc);
  found = g_new0 (LodgeRecognition, 1);
  found->disc = TRUE;
  found->format = g_strdup ("raw");
  found->match = lodge_os_rules_match (rules, disc, NULL, name, FALSE);
  if (found->match == NULL && osinfo != NULL)
    found->match = lodge_osinfo_match (osinfo, facts);
  if (found->match == NULL)
    found->match = lodge_os_rules_match (rules, disc, NULL, name, TRUE);
  if (found->match == NULL)
    found->match = lodge_os_match_new ();
  complete (found->match, disc);
  found->volume_id = g_strdup (*facts->volume_id != '\0' ? facts->volume_id : facts->udf_id);
  found->boots_bios = facts->boots_bios;
  found->boots_uefi = facts->boots_uefi;

  if (lodge_disc_get_damage (disc) != NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_DAMAGED, "is damaged: %s", lodge_disc_get_damage (disc));
      return NULL;
    }
  return g_steal_pointer (&found);
}

static LodgeRecognition *
recognise_disk (LodgeImageReader reader, gpointer data, guint64 size, const LodgeImage *image, LodgeOsRules *rules,
                const char *name)
{
  LodgeRecognition *found = g_new0 (LodgeRecognition, 1);
  gboolean raw = image->kind == LODGE_IMAGE_RAW;
  const char *partitions = raw ? lodge_partitions_describe (reader, data, size) : "unknown";

  found->format = g_strdup (lodge_image_format (image));
  found->volume_id = g_strdup ("");
  found->match = lodge_os_rules_match (rules, NULL, partitions, name, FALSE);
  if (found->match == NULL)
    found->match = lodge_os_rules_match (rules, NULL, partitions, name, TRUE);
  if (found->match == NULL)
    found->match = lodge_os_match_new ();
  return found;
}

LodgeRecognition *
lodge_recognise (LodgeImageReader reader, gpointer data, guint64 size, LodgeOsRules *rules, const char *osinfo,
                 const char *name, GError **error)
{
  LodgeImage image;

  if (!lodge_image_identify (reader, data, size, &image, error))
    return NULL;

  switch (image.kind)
    {
    case LODGE_IMAGE_ISO:
      return recognise_disc (reader, data, size, rules, osinfo, name, error);
    case LODGE_IMAGE_TEXT:
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_TEXT_FILE, "is a text file, not a disc image");
      return NULL;
    case LODGE_IMAGE_COMPRESSED:
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_COMPRESSED, "is compressed; unpack it first");
      return NULL;
    case LODGE_IMAGE_EMPTY:
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_DAMAGED, "is empty");
      return NULL;
    case LODGE_IMAGE_KERNEL:
    case LODGE_IMAGE_UNKNOWN:
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "is neither a disc image nor a disk image");
      return NULL;
    default:
      /* What a disk image must not be is one sentence for all who take one. */
      if (!lodge_image_check_role (&image, "disk", name, error))
        return NULL;
      return recognise_disk (reader, data, size, &image, rules, name);
    }
}
