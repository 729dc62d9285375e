/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-setting-change.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "ui/lodge-feedback.h"

typedef struct
{
  GtkWidget *from;        /* (weak) (nullable) */
  LodgeMachineItem *item; /* (owned) */
  char *key;              /* (owned) */
  GVariant *old;          /* (owned) (nullable) */
  char *done;             /* (owned) (nullable) NULL when this is the undoing */
} Change;

static void
change_free (Change *change)
{
  g_clear_weak_pointer (&change->from);
  g_object_unref (change->item);
  g_free (change->key);
  g_clear_pointer (&change->old, g_variant_unref);
  g_free (change->done);
  g_free (change);
}

static void apply (GtkWidget *from, LodgeMachineItem *item, const char *key, GVariant *value, GVariant *old,
                   const char *done);

static void
undo_cb (Change *change)
{
  if (change->from != NULL)
    apply (change->from, change->item, change->key, change->old, NULL, NULL);
}

static void
undo_free (gpointer data, GClosure *closure)
{
  change_free (data);
}

static void
changed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;
  Change *change = user_data;

  if (!lodge_ipc_machine_call_set_settings_finish (LODGE_IPC_MACHINE (source), NULL, result, &error))
    {
      g_signal_emit_by_name (change->item, "changed");
      if (change->from != NULL)
        lodge_feedback_error (change->from, _("The Setting Could Not Be Changed"), error, NULL);
      else
        g_clear_error (&error);
    }
  else if (change->done != NULL && change->old != NULL && change->from != NULL)
    {
      lodge_feedback_undo_toast (change->from, change->done, G_CALLBACK (undo_cb), change, undo_free);
      return;
    }

  change_free (change);
}

static void
apply (GtkWidget *from, LodgeMachineItem *item, const char *key, GVariant *value, GVariant *old, const char *done)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (item);
  g_autoptr (GVariant) own = g_variant_ref_sink (value);
  GVariantBuilder settings;
  Change *change;

  if (proxy == NULL)
    {
      g_signal_emit_by_name (item, "changed");
      return;
    }

  change = g_new0 (Change, 1);
  g_set_weak_pointer (&change->from, from);
  change->item = g_object_ref (item);
  change->key = g_strdup (key);
  change->old = old != NULL ? g_variant_ref (old) : NULL;
  change->done = g_strdup (done);

  g_variant_builder_init (&settings, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&settings, "{sv}", key, own);
  lodge_ipc_machine_call_set_settings (proxy, g_variant_builder_end (&settings), g_variant_new ("a{sv}", NULL),
                                       NULL, changed_cb, change);
}

void
lodge_setting_change (GtkWidget *from, LodgeMachineItem *item, const char *key, GVariant *value, const char *done)
{
  g_autoptr (GVariant) old = lodge_machine_item_lookup_setting (item, key);

  apply (from, item, key, value, old, done);
}

/* What waits is told by the core; what would wait, before it is changed, is in the table of docs/DBUS "Settings". */
void
lodge_setting_when (GtkLabel *label, LodgeMachineItem *item, const char *key)
{
  static const char *const at_once[] = { "name", "os", "cd", NULL };
  gboolean waits = lodge_machine_item_is_pending (item, key);

  gtk_widget_set_visible (GTK_WIDGET (label), TRUE);
  gtk_label_set_label (label, g_strv_contains (at_once, key) ? _("Now") : _("At Next Start"));
  gtk_widget_set_tooltip_text (GTK_WIDGET (label), waits ? _("Changed; takes effect at the next start") : NULL);
  if (waits)
    gtk_widget_add_css_class (GTK_WIDGET (label), "waiting");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (label), "waiting");
}
