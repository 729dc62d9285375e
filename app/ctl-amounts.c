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

GVariant *
ctl_get_amounts (CtlContext *ctx, const char *path)
{
  g_autofree char *id = ctl_machine_id (path);
  g_autoptr (GVariant) reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "Amounts",
                                         g_variant_new_parsed ("({'machine': <%s>},)", id), "(a{sv})", NULL, NULL,
                                         NULL);

  return reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
}

void
ctl_warn_of_amounts (CtlContext *ctx, const char *path)
{
  g_autoptr (GVariant) amounts = ctl_get_amounts (ctx, path);
  g_autofree char *memory_text = NULL;
  g_autofree char *cores_text = NULL;
  guint64 memory = 0;
  guint32 cores = 0;

  if (amounts == NULL)
    return;
  g_variant_lookup (amounts, "memory", "t", &memory);
  g_variant_lookup (amounts, "cores", "u", &cores);
  memory_text = lodge_memory_judgement_text (amounts, memory);
  cores_text = lodge_cores_judgement_text (amounts, cores);
  warn (ctx, memory_text);
  warn (ctx, cores_text);
}
