/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-family.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error.h"
#include "ui/lodge-feedback.h"

typedef struct
{
  GtkWidget *from;        /* (weak) (nullable) */
  LodgeMachineItem *item; /* (owned) */
  gboolean template;
  gboolean undoing;
} Call;

static Call *
call_new (GtkWidget *from, LodgeMachineItem *item, gboolean template)
{
  Call *call = g_new0 (Call, 1);

  g_set_weak_pointer (&call->from, from);
  call->item = g_object_ref (item);
  call->template = template;
  return call;
}

static void
call_free (gpointer data)
{
  Call *call = data;

  g_clear_weak_pointer (&call->from);
  g_object_unref (call->item);
  g_free (call);
}

static void
closure_free (gpointer data, GClosure *closure)
{
  call_free (data);
}

static void set_template (Call *call);

static void
undo_cb (Call *done, GtkWidget *where)
{
  Call *call = call_new (where, done->item, !done->template);

  call->undoing = TRUE;
  set_template (call);
}

static void
template_set_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *call = user_data;
  const char *name = lodge_machine_item_get_name (call->item);
  GError *error = NULL;
  g_autofree char *title = NULL;

  lodge_machine_item_pop_busy (call->item);
  lodge_ipc_machine_call_set_template_finish (LODGE_IPC_MACHINE (source), result, &error);
  if (call->from == NULL || (error == NULL && call->undoing))
    {
      g_clear_error (&error);
      call_free (call);
    }
  else if (error != NULL)
    {
      title = g_strdup_printf (call->template ? _("“%s” Could Not Be Made a Template") : _("“%s” Stays a Template"), name);
      lodge_feedback_error (call->from, title, error, call->item);
      call_free (call);
    }
  else
    {
      title = g_strdup_printf (call->template ? _("“%s” is a template") : _("“%s” is a machine again"), name);
      lodge_feedback_undo_toast (call->from, title, G_CALLBACK (undo_cb), call, closure_free);
    }
}

/* @call: taken */
static void
set_template (Call *call)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (call->item);

  if (proxy == NULL)
    {
      call_free (call);
      return;
    }
  lodge_machine_item_push_busy (call->item);
  lodge_ipc_machine_call_set_template (proxy, call->template, g_variant_new ("a{sv}", NULL), NULL, template_set_cb, call);
}

void
lodge_family_set_template (GtkWidget *from, LodgeMachineItem *item, gboolean template)
{
  set_template (call_new (from, item, template));
}

static void
flattened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *call = user_data;
  const char *name = lodge_machine_item_get_name (call->item);
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_proxy_call_finish (G_DBUS_PROXY (source), result, &error);
  g_autofree char *title = NULL;

  lodge_machine_item_pop_busy (call->item);
  if (error != NULL)
    lodge_error_normalize (error);
  if (call->from == NULL || g_error_matches (error, LODGE_ERROR, LODGE_ERROR_CANCELLED))
    g_clear_error (&error);
  else if (reply == NULL)
    {
      title = g_strdup_printf (_("“%s” Could Not Be Made Independent"), name);
      lodge_feedback_error (call->from, title, error, call->item);
    }
  else
    {
      title = g_strdup_printf (_("“%s” depends on no other machine"), name);
      lodge_feedback_toast (call->from, title);
    }
  call_free (call);
}

void
lodge_family_flatten (GtkWidget *from, LodgeMachineItem *item)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (item);

  if (proxy == NULL)
    return;
  lodge_machine_item_push_busy (item);
  g_dbus_proxy_call (G_DBUS_PROXY (proxy), "Flatten", g_variant_new ("(@a{sv})", g_variant_new ("a{sv}", NULL)),
                     G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, flattened_cb, call_new (from, item, FALSE));
}

LodgeMachineItem *
lodge_family_find (LodgeLibrary *library, const char *id)
{
  GListModel *machines = lodge_library_get_machines (library);
  guint n = *id != '\0' ? g_list_model_get_n_items (machines) : 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i);

      if (g_str_equal (lodge_machine_item_get_id (item), id))
        return item;
    }
  return NULL;
}

static gboolean
is_linked (LodgeMachineItem *item)
{
  return lodge_machine_item_origin_string (item, "machine", NULL) != NULL &&
         !g_str_equal (lodge_machine_item_origin_string (item, "kind", ""), "full");
}

LodgeMachineItem *
lodge_family_get_parent (LodgeLibrary *library, LodgeMachineItem *item)
{
  return is_linked (item) ? lodge_family_find (library, lodge_machine_item_origin_string (item, "machine", "")) : NULL;
}

guint
lodge_family_count (LodgeLibrary *library, LodgeMachineItem *item)
{
  GListModel *machines = lodge_library_get_machines (library);
  const char *id = lodge_machine_item_get_id (item);
  guint n = g_list_model_get_n_items (machines), count = 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeMachineItem) other = g_list_model_get_item (machines, i);

      if (is_linked (other) && g_str_equal (lodge_machine_item_origin_string (other, "machine", ""), id))
        count++;
    }
  return count;
}

char *
lodge_family_summary (LodgeLibrary *library, LodgeMachineItem *item)
{
  guint n = lodge_family_count (library, item);
  const char *kind = lodge_machine_item_origin_string (item, "kind", "");
  const char *parent = lodge_machine_item_origin_string (item, "machine-name", "");
  g_autofree char *below = NULL;
  g_autofree char *above = NULL;

  if (n > 0)
    below = g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u machine is built on it", "%u machines are built on it", n), n);
  else if (lodge_machine_item_is_template (item))
    below = g_strdup (_("Nothing is built on it yet"));
  if (*parent == '\0')
    return g_steal_pointer (&below);

  if (lodge_machine_item_is_disposable (item))
    above = g_strdup_printf (_("Disposable copy of “%s”"), parent);
  else if (g_str_equal (kind, "full"))
    above = g_strdup_printf (_("Copy of “%s”, which it does not need"), parent);
  else if (g_str_equal (kind, "instant"))
    above = g_strdup_printf (_("Instant clone of “%s”"), parent);
  else
    above = g_strdup_printf (_("Linked clone of “%s”"), parent);
  if (below == NULL)
    return g_steal_pointer (&above);
  /* Translators: what it was made from; what is made from it */
  return g_strdup_printf (_("%s; %s"), above, below);
}
