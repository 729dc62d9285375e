/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-amounts.h"

#include "core/ipc/lodge-amounts-text.h"
#include "core/ipc/lodge-error.h"

static void
answered_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GVariant *amounts = NULL;

  if (lodge_ipc_core_call_amounts_finish (LODGE_IPC_CORE (source), &amounts, result, &error))
    g_task_return_pointer (task, amounts, (GDestroyNotify) g_variant_unref);
  else
    g_task_return_error (task, error);
}

static void
add_word (GVariantBuilder *options, const char *key, const char *value)
{
  if (value != NULL && *value != '\0')
    g_variant_builder_add (options, "{sv}", key, g_variant_new_string (value));
}

void
lodge_amounts_async (LodgeLibrary *library, const char *os, const char *family, const char *machine,
                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (library, cancellable, callback, user_data);
  LodgeIpcCore *core = lodge_library_get_core (library);
  GVariantBuilder options;

  g_task_set_source_tag (task, lodge_amounts_async);
  if (core == NULL)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_CORE_GONE, "no core");
      return;
    }
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  add_word (&options, "os", os);
  add_word (&options, "family", family);
  add_word (&options, "machine", machine);
  lodge_ipc_core_call_amounts (core, g_variant_builder_end (&options), cancellable, answered_cb,
                               g_steal_pointer (&task));
}

GVariant *
lodge_amounts_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

GVariant *
lodge_amounts_guess (LodgeLibrary *library)
{
  GVariantDict amounts;
  guint cores = (guint) lodge_library_host_uint (library, "cores", 4);

  g_variant_dict_init (&amounts, NULL);
  g_variant_dict_insert (&amounts, "memory-free", "t", lodge_library_host_uint (library, "memory-available", 0));
  g_variant_dict_insert (&amounts, "memory-maximum", "t",
                         lodge_library_host_uint (library, "memory", (guint64) 16 << 30));
  g_variant_dict_insert (&amounts, "cores-host", "u", cores);
  g_variant_dict_insert (&amounts, "cores-maximum", "u", MAX (cores, 2));
  return g_variant_ref_sink (g_variant_dict_end (&amounts));
}

guint64
lodge_amounts_get (GVariant *amounts, const char *key)
{
  guint64 wide;
  guint32 narrow;

  if (g_variant_lookup (amounts, key, "t", &wide))
    return wide;
  if (g_variant_lookup (amounts, key, "u", &narrow))
    return narrow;
  return 0;
}

static const char *
judge (guint64 value, guint64 minimum, guint64 free, guint64 maximum)
{
  if (maximum > 0 && value > maximum)
    return "impossible";
  if (free > 0 && value > free)
    return "tight";
  if (value < minimum)
    return "low";
  return "ok";
}

/* While a scale is moved the core need not be asked for each step: its numbers are here. */
static GVariant *
with_judgement (GVariant *amounts, const char *key, const char *judgement)
{
  GVariantDict judged;

  g_variant_dict_init (&judged, amounts);
  g_variant_dict_insert (&judged, key, "s", judgement);
  return g_variant_ref_sink (g_variant_dict_end (&judged));
}

char *
lodge_amounts_judge_memory (GVariant *amounts, guint64 memory)
{
  const char *judgement = judge (memory, lodge_amounts_get (amounts, "memory-minimum"),
                                 lodge_amounts_get (amounts, "memory-free"),
                                 lodge_amounts_get (amounts, "memory-maximum"));
  g_autoptr (GVariant) judged = with_judgement (amounts, "memory-judgement", judgement);

  return lodge_memory_judgement_text (judged, memory);
}

char *
lodge_amounts_judge_cores (GVariant *amounts, guint cores)
{
  const char *judgement = judge (cores, lodge_amounts_get (amounts, "cores-minimum"),
                                 lodge_amounts_get (amounts, "cores-host"),
                                 lodge_amounts_get (amounts, "cores-maximum"));
  g_autoptr (GVariant) judged = with_judgement (amounts, "cores-judgement", judgement);

  return lodge_cores_judgement_text (judged, cores);
}
