/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-system.h"

#include <glib/gi18n-lib.h>

/* The longest beginning of an id comes first where two fit. */
static const struct
{
  const char *prefix;
  const char *family;
  const char *symbol;
} systems[] = {
  { "alpine", "linux", "alpine" },
  { "arch", "linux", "arch" },
  { "debian", "linux", "debian" },
  { "dragonflybsd", "bsd", "bsd" },
  { "fedora", "linux", "fedora" },
  { "freebsd", "bsd", "freebsd" },
  { "freedos", "dos", "dos" },
  { "ghostbsd", "bsd", "bsd" },
  { "haiku", "other", "haiku" },
  { "linuxmint", "linux", "mint" },
  { "lmde", "linux", "mint" },
  { "memtest", "other", "memtest" },
  { "msdos", "dos", "dos" },
  { "netbsd", "bsd", "bsd" },
  { "openbsd", "bsd", "bsd" },
  { "opensuse", "linux", "opensuse" },
  { "pop", "linux", "popos" },
  { "reactos", "windows-old", "reactos" },
  { "silverblue", "linux", "fedora" },
  { "ubuntu", "linux", "ubuntu" },
  { "win2k1", "windows", "windows-server" },
  { "win2k2", "windows", "windows-server" },
  { "win2k8", "windows", "windows-server" },
  { "win2k3", "windows-old", "windows-server" },
  { "win2k", "windows-old", "windows-classic" },
  { "win9", "windows-old", "windows-classic" },
  { "winme", "windows-old", "windows-classic" },
  { "winnt", "windows-old", "windows-classic" },
  { "winxp", "windows-old", "windows-classic" },
  { "win", "windows", "windows" },
};

static const char *const linux_prefixes[] = {
  "almalinux", "altlinux", "centos", "elementary", "endless", "gentoo", "guix", "linux", "manjaro", "mageia", "nixos",
  "oraclelinux", "ol", "rhel", "rocky", "slackware", "sle", "tails", "void", "zorin",
};

static const struct
{
  const char *word;
  const char *name;
  const char *symbol;
  guint memory_mib;
  guint cores;
  guint disk_gib;
  const char *firmware;
} families[] = {
  { "linux", N_("Linux"), "linux", 2048, 2, 32, "uefi" },
  { "windows", N_("Windows"), "windows", 4096, 2, 64, "uefi" },
  { "windows-old", N_("Old Windows, up to XP"), "windows-classic", 512, 1, 16, "bios" },
  { "bsd", N_("BSD"), "bsd", 2048, 2, 32, "uefi" },
  { "dos", N_("DOS"), "dos", 64, 1, 2, "bios" },
  { "other", N_("Another System"), "other", 1024, 1, 16, "bios" },
};

static gssize
find_system (const char *os)
{
  for (guint i = 0; i < G_N_ELEMENTS (systems); i++)
    if (g_str_has_prefix (os, systems[i].prefix))
      return i;

  return -1;
}

const char *
lodge_system_family (const char *os)
{
  gssize i = find_system (os);

  if (i >= 0)
    return systems[i].family;
  for (guint j = 0; j < G_N_ELEMENTS (linux_prefixes); j++)
    if (g_str_has_prefix (os, linux_prefixes[j]))
      return "linux";
  return "other";
}

static const char *
find_symbol (const char *os, const char *family)
{
  gssize i = find_system (os);

  if (i >= 0)
    return systems[i].symbol;
  if (*family == '\0')
    family = lodge_system_family (os);
  for (guint j = 0; j < G_N_ELEMENTS (families); j++)
    if (g_str_equal (families[j].word, family))
      return families[j].symbol;
  return "other";
}

char *
lodge_system_icon (const char *os, const char *family)
{
  return g_strconcat ("lodge-os-", find_symbol (os, family), NULL);
}

GVariant *
lodge_system_family_settings (const char *family)
{
  GVariantBuilder settings;

  g_variant_builder_init (&settings, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    if (g_str_equal (families[i].word, family))
      {
        g_variant_builder_add (&settings, "{sv}", "memory",
                               g_variant_new_uint64 ((guint64) families[i].memory_mib << 20));
        g_variant_builder_add (&settings, "{sv}", "cores", g_variant_new_uint32 (families[i].cores));
        g_variant_builder_add (&settings, "{sv}", "disk-size",
                               g_variant_new_uint64 ((guint64) families[i].disk_gib << 30));
        g_variant_builder_add (&settings, "{sv}", "firmware", g_variant_new_string (families[i].firmware));
      }
  return g_variant_builder_end (&settings);
}

const char *
lodge_system_family_name (const char *family)
{
  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    if (g_str_equal (families[i].word, family))
      return _(families[i].name);

  return _("Another System");
}
