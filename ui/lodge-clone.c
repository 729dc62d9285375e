/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-clone.h"

#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-machine-text.h"

/* One order, from the click to the toast. */
typedef struct
{
  GtkWidget *from;       /* (weak) (nullable) */
  LodgeLibrary *library; /* (owned) (nullable) of a disposable one */
  LodgeMachineItem *item; /* (owned) */
  gboolean start;
  GStrv paths;           /* (owned) (nullable) object paths of the clones */
} Order;

static Order *
order_new (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item)
{
  Order *order = g_new0 (Order, 1);

  g_set_weak_pointer (&order->from, from);
  order->library = library != NULL ? g_object_ref (library) : NULL;
  order->item = g_object_ref (item);
  return order;
}

static void
order_free (gpointer data)
{
  Order *order = data;

  g_clear_weak_pointer (&order->from);
  g_clear_object (&order->library);
  g_object_unref (order->item);
  g_strfreev (order->paths);
  g_free (order);
}

static void
closure_free (gpointer data, GClosure *closure)
{
  order_free (data);
}

static gboolean
is_taken (GListModel *machines, const char *name)
{
  guint n = g_list_model_get_n_items (machines);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i);

      if (g_str_equal (lodge_machine_item_get_name (item), name))
        return TRUE;
    }
  return FALSE;
}

char *
lodge_clone_name (LodgeLibrary *library, LodgeMachineItem *item)
{
  GListModel *machines = lodge_library_get_machines (library);
  const char *name = lodge_machine_item_get_name (item);
  gboolean numbered = lodge_machine_item_is_template (item);

  for (guint i = 1;; i++)
    {
      /* Translators: names of clones: of a template, "Web server 1"; of a machine, "Debian Copy" and "Debian Copy 2" */
      g_autofree char *candidate = numbered ? g_strdup_printf (_("%s %u"), name, i)
                                   : i == 1 ? g_strdup_printf (_("%s Copy"), name)
                                            : g_strdup_printf (_("%s Copy %u"), name, i);

      if (!is_taken (machines, candidate))
        return g_steal_pointer (&candidate);
    }
}

const char *
lodge_clone_text (const char *kind, const char *reason)
{
  static const struct
  {
    const char *kind;
    const char *reason; /* (nullable): any */
    const char *text;
  } texts[] = {
    { "instant", NULL, N_("instant, so it goes on where the guest was") },
    { "linked", "asked", N_("linked, as you asked") },
    { "linked", "tpm", N_("linked, because a TPM cannot be in two running machines") },
    { "linked", "memory-refused", N_("linked, because its memory cannot be shared") },
    { "linked", NULL, N_("linked, so nothing was copied") },
    { "full", "disk-outside", N_("copied in full, because a disk lies outside of the machine’s folder") },
    { "full", "many-layers", N_("copied in full, because its disks have many layers already") },
    { "full", NULL, N_("copied in full, so it depends on nothing") },
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    if (g_str_equal (kind, texts[i].kind) && (texts[i].reason == NULL || g_str_equal (reason, texts[i].reason)))
      return _(texts[i].text);
  return kind;
}

gboolean
lodge_clone_is_possible (LodgeLibrary *library, LodgeMachineItem *item)
{
  LodgeMachineState state = lodge_machine_item_get_state (item);
  gboolean running = state == LODGE_MACHINE_RUNNING || state == LODGE_MACHINE_PAUSED || state == LODGE_MACHINE_SAVED;

  return lodge_machine_item_is_connected (item) && lodge_library_has_feature (library, "clone") &&
         (state == LODGE_MACHINE_OFF || (running && lodge_library_has_feature (library, "clone-running")));
}

char *
lodge_clone_text_memory (LodgeLibrary *library, LodgeMachineItem *item, guint count)
{
  guint64 each = lodge_machine_item_setting_uint (item, "memory", 0);
  guint64 available = lodge_library_host_uint (library, "memory-available", 0);
  g_autofree char *need = lodge_text_size (each * count);
  /* To the nearest gigabyte: it changes all the time. */
  g_autofree char *unused = lodge_text_size ((available + (1ull << 29)) >> 30 << 30);

  if (each * count > available)
    return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "Takes up to %s of memory; only %s are free",
                                         "Together they take up to %s of memory; only %s are free", count), need, unused);
  return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "Takes up to %s of memory; %s are free",
                                       "Together they take up to %s of memory; %s are free", count), need, unused);
}

static void
undo_cb (Order *order)
{
  for (guint i = 0; order->paths[i] != NULL; i++)
    {
      LodgeMachineItem *clone = lodge_library_find (order->library, order->paths[i]);
      LodgeIpcMachine *proxy = clone != NULL ? lodge_machine_item_get_proxy (clone) : NULL;

      /* One that was started meanwhile stays, which is what it is used for. */
      if (proxy != NULL && (lodge_machine_item_get_state (clone) == LODGE_MACHINE_OFF ||
                            lodge_machine_item_get_state (clone) == LODGE_MACHINE_SAVED))
        lodge_ipc_machine_call_delete (proxy, g_variant_new ("a{sv}", NULL), NULL, NULL, NULL);
    }
}

/* @order: taken */
static void
tell_cloned (Order *order, const char *kind, const char *reason)
{
  guint n = g_strv_length (order->paths);
  LodgeMachineItem *first = n > 0 ? lodge_library_find (order->library, order->paths[0]) : NULL;
  const char *why = lodge_clone_text (kind, reason);
  g_autofree char *title = NULL;

  if (order->from == NULL || n == 0)
    {
      order_free (order);
      return;
    }
  gtk_widget_activate_action (order->from, "win.await", "(sb)", order->paths[0], order->start && n == 1);
  if (n > 1)
    /* Translators: number of machines; of what kind they are and why: "3 clones made, linked, so nothing was copied" */
    title = g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u clone made, %s", "%u clones made, %s", n), n, why);
  else if (first != NULL)
    /* Translators: name of the clone; of what kind it is and why: "“Web server 1” made, linked, so nothing was copied" */
    title = g_strdup_printf (_("“%s” made, %s"), lodge_machine_item_get_name (first), why);
  else
    /* Translators: of what kind the clone is and why */
    title = g_strdup_printf (_("Clone made, %s"), why);
  if (order->start)
    {
      lodge_feedback_toast (order->from, title);
      order_free (order);
    }
  else
    lodge_feedback_undo_toast (order->from, title, G_CALLBACK (undo_cb), order, closure_free);
}

static void
fail (Order *order, GError *error, const char *heading_format)
{
  g_autofree char *heading = g_strdup_printf (_(heading_format), lodge_machine_item_get_name (order->item));

  lodge_error_normalize (error);
  if (order->from != NULL && !g_error_matches (error, LODGE_ERROR, LODGE_ERROR_CANCELLED))
    lodge_feedback_error (order->from, heading, error, order->item);
  else
    g_error_free (error);
  order_free (order);
}

static void
cloned_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Order *order = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_proxy_call_finish (G_DBUS_PROXY (source), result, &error);
  const char *kind, *reason;

  lodge_machine_item_pop_busy (order->item);
  if (reply == NULL)
    {
      fail (order, error, N_("“%s” Could Not Be Cloned"));
      return;
    }
  g_variant_get (reply, "(^ao&s&s)", &order->paths, &kind, &reason);
  tell_cloned (order, kind, reason);
}

void
lodge_clone (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, const LodgeCloneOrder *order)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (item);
  g_autofree char *found = order->name == NULL ? lodge_clone_name (library, item) : NULL;
  GVariantBuilder options;
  Order *kept;

  if (proxy == NULL)
    return;
  kept = order_new (from, library, item);
  kept->start = order->start;
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (order->kind != NULL)
    g_variant_builder_add (&options, "{sv}", "kind", g_variant_new_string (order->kind));
  if (order->snapshot != NULL)
    g_variant_builder_add (&options, "{sv}", "snapshot", g_variant_new_string (order->snapshot));
  if (order->count > 1)
    g_variant_builder_add (&options, "{sv}", "count", g_variant_new_uint32 (order->count));
  g_variant_builder_add (&options, "{sv}", "start", g_variant_new_boolean (order->start));
  lodge_machine_item_push_busy (item);
  g_dbus_proxy_call (G_DBUS_PROXY (proxy), "Clone",
                     g_variant_new ("(sa{sv})", order->name != NULL ? order->name : found, &options),
                     G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, cloned_cb, kept);
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Order *order = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_proxy_call_finish (G_DBUS_PROXY (source), result, &error);
  const char *path;

  lodge_machine_item_pop_busy (order->item);
  if (reply == NULL)
    {
      fail (order, error, N_("No Disposable Copy of “%s” Could Be Opened"));
      return;
    }
  g_variant_get (reply, "(&o)", &path);
  if (order->from != NULL)
    gtk_widget_activate_action (order->from, "win.await", "(sb)", path, TRUE);
  order_free (order);
}

void
lodge_clone_disposable (GtkWidget *from, LodgeMachineItem *item, const char *snapshot)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (item);
  GVariantBuilder options;

  if (proxy == NULL)
    return;
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (snapshot != NULL)
    g_variant_builder_add (&options, "{sv}", "snapshot", g_variant_new_string (snapshot));
  lodge_machine_item_push_busy (item);
  g_dbus_proxy_call (G_DBUS_PROXY (proxy), "OpenDisposable", g_variant_new ("(a{sv})", &options),
                     G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, opened_cb, order_new (from, NULL, item));
}
