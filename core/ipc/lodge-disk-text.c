/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/ipc/lodge-disk-text.h"

#include <glib/gi18n-lib.h>

static const struct
{
  const char *code;
  const char *sentence;
} reasons[] = {
  { "no-memory", N_("In this format the memory of the running machine cannot be saved: snapshots then hold the disks only. Converting it to qcow2 helps.") },
  { "no-growing", N_("In this format the disk cannot grow. Converting it to qcow2 helps.") },
  { "nvme-no-memory", N_("With an NVMe disk the memory of the running machine cannot be saved: snapshots then hold the disks only.") },
  { "outside", N_("The image lies outside of the machine’s folder: it is in no copy of the machine, and nothing can be built on it. Converting it makes a copy inside.") },
  { "layered", N_("The disk is built on other files, which must stay.") },
  { "has-children", N_("Other disks or snapshots are built on it, so it must stay as it is.") },
  { "missing", N_("The image is not there. Bring it back, or take the disk out.") },
};

static const struct
{
  const char *format;
  const char *name;
} formats[] = {
  { "qcow2", "qcow2" }, { "raw", "raw" },   { "vmdk", "VMDK" },
  { "vpc", "VHD" },     { "vhdx", "VHDX" }, { "vdi", "VDI" },
};

const char *
lodge_disk_reason_text (const char *code)
{
  for (gsize i = 0; i < G_N_ELEMENTS (reasons); i++)
    if (g_str_equal (reasons[i].code, code))
      return _(reasons[i].sentence);

  return NULL;
}

const char *const *
lodge_disk_reason_codes (void)
{
  static const char *codes[G_N_ELEMENTS (reasons) + 1];

  for (gsize i = 0; i < G_N_ELEMENTS (reasons); i++)
    codes[i] = reasons[i].code;

  return codes;
}

const char *
lodge_disk_format_text (const char *format)
{
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    if (g_str_equal (formats[i].format, format))
      return formats[i].name;

  return format;
}

const char *
lodge_disk_format_parse (const char *text)
{
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    if (g_ascii_strcasecmp (formats[i].format, text) == 0 || g_ascii_strcasecmp (formats[i].name, text) == 0)
      return formats[i].format;

  return NULL;
}
