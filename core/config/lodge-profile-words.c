/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-profile-private.h"

/* In the order of the enums; these words are in every machine.json, so they never change. */
const char *const lodge_arch_words[] = { "x86_64", "aarch64", "riscv64", NULL };
const char *const lodge_family_words[] = { "linux", "windows", "windows-old", "bsd",
                                           "dos",   "other",   NULL };
const char *const lodge_chipset_words[] = { "q35", "i440fx", "virt", NULL };
const char *const lodge_firmware_words[] = { "bios", "uefi", "none", NULL };
const char *const lodge_bus_words[] = { "virtio", "sata", "nvme", "ide", "scsi", "usb", NULL };
const char *const lodge_video_words[] = { "virtio", "vga", "none", NULL };
const char *const lodge_network_words[] = { "none", "user", NULL };
const char *const lodge_nic_model_words[] = { "virtio", "e1000e", "e1000", "rtl8139", NULL };
const char *const lodge_sound_words[] = { "none", "hda", "ac97", "sb16", NULL };
const char *const lodge_clock_words[] = { "utc", "localtime", NULL };
const char *const lodge_pointer_words[] = { "tablet", "ps2", NULL };
const char *const lodge_cpu_words[] = { "host", "portable", NULL };

const char *
lodge_word_name (const char *const *words, guint value)
{
  return value < g_strv_length ((char **) words) ? words[value] : NULL;
}

gboolean
lodge_word_parse (const char *const *words, const char *text, guint *value)
{
  for (guint i = 0; words[i] != NULL; i++)
    if (g_strcmp0 (words[i], text) == 0)
      {
        *value = i;
        return TRUE;
      }

  return FALSE;
}

#define DEFINE_WORDS(Type, type, words)                                                            \
  const char *lodge_##type##_name (Type value)                                                     \
  {                                                                                                \
    return lodge_word_name (words, value);                                                         \
  }                                                                                                \
  gboolean lodge_##type##_parse (const char *text, Type *value)                                    \
  {                                                                                                \
    guint number;                                                                                  \
    if (!lodge_word_parse (words, text, &number))                                                  \
      return FALSE;                                                                                \
    *value = (Type) number;                                                                        \
    return TRUE;                                                                                   \
  }

DEFINE_WORDS (LodgeArch, arch, lodge_arch_words)
DEFINE_WORDS (LodgeFamily, family, lodge_family_words)
DEFINE_WORDS (LodgeFirmware, firmware, lodge_firmware_words)
DEFINE_WORDS (LodgeBus, bus, lodge_bus_words)
