/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-amounts.h"

#include <glib/gi18n.h>

#include "app/ctl-output.h"
#include "core/ipc/lodge-amounts-text.h"

static void
warn (CtlContext *ctx, const char *text)
{
  if (text != NULL)
    ctl_printf (ctx->err, _("Warning: %s.\n"), text);
}

static void
copy_word (GVariantDict *options, const char *key, GVariant *settings)
{
  const char *word = NULL;

  if (g_variant_lookup (settings, key, "&s", &word) && *word != '\0')
    g_variant_dict_insert (options, key, "s", word);
}

void
ctl_warn_of_amounts (CtlContext *ctx, const char *path)
{
  g_autoptr (GVariant) properties = ctl_machine_get (ctx, path, NULL);
  g_autoptr (GVariant) settings = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) amounts = NULL;
  g_autofree char *id = ctl_machine_id (path);
  g_autofree char *memory_text = NULL;
  g_autofree char *cores_text = NULL;
  GVariantDict options;
  guint64 memory = 0;
  guint32 cores = 0;

  if (properties != NULL)
    settings = g_variant_lookup_value (properties, "Settings", G_VARIANT_TYPE_VARDICT);
  if (settings == NULL || !g_variant_lookup (settings, "memory", "t", &memory)
      || !g_variant_lookup (settings, "cores", "u", &cores))
    return;

  g_variant_dict_init (&options, NULL);
  copy_word (&options, "os", settings);
  copy_word (&options, "family", settings);
  copy_word (&options, "arch", settings);
  g_variant_dict_insert (&options, "machine", "s", id);
  g_variant_dict_insert (&options, "memory", "t", memory);
  g_variant_dict_insert (&options, "cores", "u", cores);
  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "Amounts",
                    g_variant_new ("(@a{sv})", g_variant_dict_end (&options)), "(a{sv})", NULL, NULL, NULL);
  if (reply == NULL)
    return;

  amounts = g_variant_get_child_value (reply, 0);
  memory_text = lodge_memory_judgement_text (amounts, memory);
  cores_text = lodge_cores_judgement_text (amounts, cores);
  warn (ctx, memory_text);
  warn (ctx, cores_text);
}
