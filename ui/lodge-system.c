/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-system.h"

#include <glib/gi18n-lib.h>

static const struct
{
  const char *prefix; /* of the system's id */
  const char *family;
  const char *icon;   /* (nullable) where the family's does not do */
} systems[] = {
  { "freedos", "dos", NULL },
  { "msdos", "dos", NULL },
  { "freebsd", "bsd", NULL },
  { "openbsd", "bsd", NULL },
  { "netbsd", "bsd", NULL },
  { "dragonflybsd", "bsd", NULL },
  { "ghostbsd", "bsd", NULL },
  { "haiku", "other", "lodge-system-leaf-symbolic" },
  { "reactos", "windows-old", "lodge-system-atom-symbolic" },
  { "memtest", "other", "lodge-system-memory-symbolic" },
  { "win9", "windows-old", NULL },
  { "winxp", "windows-old", NULL },
  { "winme", "windows-old", NULL },
  { "winnt", "windows-old", NULL },
  { "win2k-", "windows", NULL },
  { "win2k1", "windows", NULL },
  { "win2k2", "windows", NULL },
  { "win2k8", "windows", NULL },
  { "win2k", "windows-old", NULL },
  { "win", "windows", NULL },
};

static const char *const linux_prefixes[] = {
  "almalinux", "alpinelinux", "altlinux", "archlinux", "centos", "debian", "elementary", "endless", "fedora", "gentoo",
  "guix", "linux", "linuxmint", "manjaro", "mageia", "nixos", "opensuse", "oraclelinux", "ol", "pop", "rhel", "rocky",
  "silverblue", "slackware", "sle", "tails", "ubuntu", "void", "zorin",
};

static const struct
{
  const char *word;
  const char *name;
  const char *icon;
} families[] = {
  { "linux", N_("Linux"), "lodge-system-linux-symbolic" },
  { "windows", N_("Windows"), "lodge-system-windows-symbolic" },
  { "windows-old", N_("Old Windows, up to XP"), "lodge-system-windows-symbolic" },
  { "bsd", N_("BSD"), "lodge-system-bsd-symbolic" },
  { "dos", N_("DOS"), "lodge-system-dos-symbolic" },
  { "other", N_("Another System"), "lodge-system-other-symbolic" },
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

const char *
lodge_system_icon (const char *os, const char *family)
{
  gssize i = find_system (os);

  if (i >= 0 && systems[i].icon != NULL)
    return systems[i].icon;
  if (*family == '\0')
    family = lodge_system_family (os);
  for (guint j = 0; j < G_N_ELEMENTS (families); j++)
    if (g_str_equal (families[j].word, family))
      return families[j].icon;
  return "lodge-system-other-symbolic";
}

const char *
lodge_system_family_name (const char *family)
{
  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    if (g_str_equal (families[i].word, family))
      return _(families[i].name);

  return _("Another System");
}
