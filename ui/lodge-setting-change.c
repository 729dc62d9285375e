/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-setting-change.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "ui/lodge-feedback.h"
#include "ui/lodge-machine-text.h"

/* A change under way, and then what takes it back. */
typedef struct
{
  GtkWidget *from;        /* (weak) (nullable) */
  LodgeUndo *undo;        /* (owned) (nullable) of the window, which may be closed before the answer */
  LodgeMachineItem *item; /* (owned) */
  gulong watch;           /* of @item, until the new value is known */
  char *key;              /* (owned) */
  GVariant *old;          /* (owned) (nullable) */
  GVariant *made;         /* (owned) (nullable) the value that came of it, as the core words it */
  char *done;             /* (owned) (nullable) NULL when this is the undoing */
} Change;

static void
change_free (gpointer data)
{
  Change *change = data;

  g_clear_weak_pointer (&change->from);
  g_clear_object (&change->undo);
  g_clear_signal_handler (&change->watch, change->item);
  g_object_unref (change->item);
  g_free (change->key);
  g_clear_pointer (&change->old, g_variant_unref);
  g_clear_pointer (&change->made, g_variant_unref);
  g_free (change->done);
  g_free (change);
}

static void
closure_free (gpointer data, GClosure *closure)
{
  change_free (data);
}

static Change *apply (GtkWidget *from, LodgeMachineItem *item, const char *key, GVariant *value);

/* What came of a change may be worded in another way than what was asked for: a new hardware address is asked for as "". */
static void
item_changed_cb (Change *change)
{
  g_autoptr (GVariant) value = lodge_machine_item_lookup_setting (change->item, change->key);

  if (value == NULL || change->old == NULL || g_variant_equal (value, change->old))
    return;
  change->made = g_steal_pointer (&value);
  g_clear_signal_handler (&change->watch, change->item);
}

static void
undo_cb (Change *change, GtkWidget *where)
{
  g_autoptr (GVariant) present = lodge_machine_item_lookup_setting (change->item, change->key);

  /* Somebody else's change is not taken back with one's own. */
  if (change->made != NULL && present != NULL && !g_variant_equal (change->made, present))
    {
      g_autofree char *title = g_strdup_printf (_("“%s” was changed again since, and stays as it is"),
                                                lodge_text_setting (change->key));

      lodge_feedback_toast (where, title);
      return;
    }
  apply (where, change->item, change->key, change->old);
}

static void
changed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;
  Change *change = user_data;

  if (lodge_ipc_machine_call_set_settings_finish (LODGE_IPC_MACHINE (source), NULL, result, &error))
    {
      if (change->done != NULL && change->old != NULL)
        lodge_feedback_undo (change->from, change->undo, change->done, G_CALLBACK (undo_cb), change, closure_free);
      else
        change_free (change);
      return;
    }
  g_signal_emit_by_name (change->item, "changed");
  if (change->from != NULL)
    lodge_feedback_error (change->from, _("The Setting Could Not Be Changed"), error, NULL);
  else
    g_clear_error (&error);
  change_free (change);
}

/* Returns: (nullable) (transfer none): NULL where there is no core to be asked */
static Change *
apply (GtkWidget *from, LodgeMachineItem *item, const char *key, GVariant *value)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (item);
  g_autoptr (GVariant) own = g_variant_ref_sink (value);
  GVariantBuilder settings;
  Change *change;

  if (proxy == NULL)
    {
      g_signal_emit_by_name (item, "changed");
      return NULL;
    }

  change = g_new0 (Change, 1);
  g_set_weak_pointer (&change->from, from);
  change->item = g_object_ref (item);
  change->key = g_strdup (key);

  g_variant_builder_init (&settings, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&settings, "{sv}", key, own);
  lodge_ipc_machine_call_set_settings (proxy, g_variant_builder_end (&settings), g_variant_new ("a{sv}", NULL),
                                       NULL, changed_cb, change);
  return change;
}

void
lodge_setting_change (GtkWidget *from, LodgeUndo *undo, LodgeMachineItem *item, const char *key, GVariant *value,
                      const char *done)
{
  Change *change = apply (from, item, key, value);

  if (change == NULL)
    return;
  if (undo == NULL && from != NULL)
    undo = lodge_undo_find (from);
  g_set_object (&change->undo, undo);
  change->old = lodge_machine_item_lookup_setting (item, key);
  change->done = g_strdup (done);
  change->watch = g_signal_connect_swapped (item, "changed", G_CALLBACK (item_changed_cb), change);
}

/* What waits is told by the core; what would wait, before it is changed, is in the table of docs/DBUS "Settings". */
void
lodge_setting_when (GtkLabel *label, LodgeMachineItem *item, const char *key)
{
  static const char *const at_once[] = { "name", "os", "cd", "snapshot-every", "snapshot-before-start", "backup-every", NULL };
  gboolean waits = lodge_machine_item_is_pending (item, key);

  gtk_widget_set_visible (GTK_WIDGET (label), TRUE);
  gtk_label_set_label (label, g_strv_contains (at_once, key) ? _("Now") : _("At Next Start"));
  gtk_widget_set_tooltip_text (GTK_WIDGET (label), waits ? _("Changed; takes effect at the next start") : NULL);
  if (waits)
    gtk_widget_add_css_class (GTK_WIDGET (label), "waiting");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (label), "waiting");
}
