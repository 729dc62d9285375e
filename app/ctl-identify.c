/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-verbs.h"

#include <glib/gi18n.h>
#include <unistd.h>

#include "app/ctl-output.h"

static const char *
word (GVariant *facts, const char *key)
{
  const char *text = "";

  g_variant_lookup (facts, key, "&s", &text);
  return text;
}

static gboolean
flag (GVariant *facts, const char *key)
{
  gboolean value = FALSE;

  g_variant_lookup (facts, key, "b", &value);
  return value;
}

static const char *
family_text (const char *family)
{
  static const struct
  {
    const char *family;
    const char *text;
  } texts[] = {
    { "linux", N_("Linux") },           { "windows", N_("Windows") }, { "windows-old", N_("Old Windows") },
    { "bsd", N_("BSD") },               { "dos", N_("DOS") },         { "other", N_("Unknown system") },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    if (g_str_equal (texts[i].family, family))
      return _(texts[i].text);
  return family;
}

static char *
title_of (GVariant *facts)
{
  GString *title = g_string_new (NULL);
  const char *confidence = word (facts, "confidence");
  const char *name = word (facts, "os-name");

  if (*name == '\0' || g_str_equal (confidence, "family") || g_str_equal (confidence, "none"))
    name = family_text (word (facts, "family"));
  g_string_append (title, name);
  if (g_str_equal (confidence, "likely"))
    /* Translators: follows the name of a system whose version is a guess */
    g_string_append_printf (title, " %s", _("(probably)"));
  if (*word (facts, "variant") != '\0')
    g_string_append_printf (title, ", %s", word (facts, "variant"));
  if (*word (facts, "arch") != '\0')
    g_string_append_printf (title, ", %s", word (facts, "arch"));
  return g_string_free (title, FALSE);
}

static void
print_line (CtlContext *ctx, const char *what, const char *text)
{
  g_autofree char *clean = ctl_escape (text, FALSE);

  if (*clean != '\0')
    ctl_printf (ctx->out, "%s: %s\n", what, clean);
}

static void
print_facts (CtlContext *ctx, GVariant *facts)
{
  g_autoptr (GVariant) settings = g_variant_lookup_value (facts, "settings", G_VARIANT_TYPE_VARDICT);
  g_autofree char *title = title_of (facts);
  g_autofree char *clean = ctl_escape (title, FALSE);
  g_autofree char *memory = NULL;
  g_autofree char *disk = NULL;
  g_autofree char *advice = NULL;
  guint64 memory_size = 0, disk_size = 0;
  guint32 cores = 0;

  ctl_printf (ctx->out, "%s\n", clean);
  print_line (ctx, _("Label"), word (facts, "volume-id"));
  if (flag (facts, "installer") || flag (facts, "live"))
    print_line (ctx, _("Kind"),
                flag (facts, "installer") ? flag (facts, "live") ? _("live system and installer") : _("installer")
                                          : _("live system"));
  if (!flag (facts, "supported"))
    {
      ctl_printf (ctx->out, _("Lodge has no machines of the architecture %s.\n"), word (facts, "arch"));
      return;
    }

  g_variant_lookup (settings, "memory", "t", &memory_size);
  g_variant_lookup (settings, "disk-size", "t", &disk_size);
  g_variant_lookup (settings, "cores", "u", &cores);
  memory = g_format_size_full (memory_size, G_FORMAT_SIZE_IEC_UNITS);
  disk = disk_size > 0 ? g_format_size_full (disk_size, G_FORMAT_SIZE_IEC_UNITS) : g_strdup (_("none"));
  /* Translators: cores, memory, disk, firmware, TPM */
  advice = g_strdup_printf (_("cores %u, memory %s, disk %s, firmware %s%s%s"), cores, memory, disk,
                            word (settings, "firmware"), flag (settings, "secure-boot") ? ", Secure Boot" : "",
                            flag (settings, "tpm") ? ", TPM" : "");
  print_line (ctx, _("Machine"), advice);
}

CtlExit
ctl_verb_identify (CtlContext *ctx, int argc, char **argv)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) facts = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL;
  LodgeErrorContext context = { .role = "image" };
  CtlExit code;
  int fd;

  if (!ctl_verb_parse (ctx, NULL, &argc, &argv, 1, 1, &code))
    return code;

  context.file = argv[1];
  fd = ctl_open_file (argv[1], &error);
  if (fd < 0)
    return ctl_report_error (ctx, error, &context);
  g_unix_fd_list_append (fds, fd, &error);
  close (fd);
  if (error != NULL)
    return ctl_report_error (ctx, error, NULL);

  name = g_filename_display_basename (argv[1]);
  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "Identify",
                    g_variant_new ("(sh@a{sv})", name, 0, ctl_no_options ()), "(a{sv})", fds, NULL, &error);
  if (reply == NULL)
    return ctl_report_error (ctx, error, &context);

  facts = g_variant_get_child_value (reply, 0);
  if (ctx->json)
    ctl_json_print (ctx->out, facts);
  else
    print_facts (ctx, facts);
  return CTL_EXIT_OK;
}
