/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-console-toast.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-feedback.h"

#define NARROW 480

typedef struct
{
  GtkWidget *from;        /* (weak) (nullable) */
  LodgeMachineItem *item; /* (owned) */
  AdwToast *toast;        /* (weak) (nullable) */
  const char *method;
  const char *heading;    /* of the error dialog */
} Verb;

static void
verb_free (gpointer data)
{
  Verb *verb = data;

  g_clear_weak_pointer (&verb->from);
  g_clear_weak_pointer (&verb->toast);
  g_object_unref (verb->item);
  g_free (verb);
}

static void
verb_closure_free (gpointer data, GClosure *closure)
{
  verb_free (data);
}

static Verb *
verb_new (GtkWidget *from, LodgeMachineItem *item, AdwToast *toast, const char *method, const char *heading)
{
  Verb *verb = g_new0 (Verb, 1);

  g_set_weak_pointer (&verb->from, from);
  g_set_weak_pointer (&verb->toast, toast);
  verb->item = g_object_ref (item);
  verb->method = method;
  verb->heading = heading;
  return verb;
}

static void
called_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Verb *verb = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_proxy_call_finish (G_DBUS_PROXY (source), result, &error);

  lodge_machine_item_pop_busy (verb->item);
  if (reply == NULL && verb->from != NULL)
    {
      g_autofree char *heading = g_strdup_printf (_(verb->heading), lodge_machine_item_get_name (verb->item));

      lodge_feedback_error (verb->from, heading, error, verb->item);
    }
  else
    g_clear_error (&error);
  verb_free (verb);
}

static void
clicked_cb (Verb *verb)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (verb->item);

  if (proxy != NULL)
    {
      lodge_machine_item_push_busy (verb->item);
      g_dbus_proxy_call (G_DBUS_PROXY (proxy), verb->method, g_variant_new ("(@a{sv})", g_variant_new ("a{sv}", NULL)),
                         G_DBUS_CALL_FLAGS_NONE, -1, NULL, called_cb,
                         verb_new (verb->from, verb->item, NULL, verb->method, verb->heading));
    }
  if (verb->toast != NULL)
    adw_toast_dismiss (verb->toast);
}

/* A toast has one button of its own; the second one goes with the title, and below it where the window is narrow. */
static GtkWidget *
make_title (GtkWidget *from, const char *text, Verb *save)
{
  gboolean narrow = gtk_widget_get_width (GTK_WIDGET (gtk_widget_get_root (from))) < NARROW;
  GtkWidget *box = gtk_box_new (narrow ? GTK_ORIENTATION_VERTICAL : GTK_ORIENTATION_HORIZONTAL, narrow ? 6 : 12);
  GtkWidget *label = gtk_label_new (text);
  GtkWidget *button = gtk_button_new_with_mnemonic (_("Sa_ve"));

  gtk_widget_add_css_class (label, "heading");
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_set_tooltip_text (label, text);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_box_append (GTK_BOX (box), label);
  g_signal_connect_data (button, "clicked", G_CALLBACK (clicked_cb), save, verb_closure_free, G_CONNECT_SWAPPED);
  if (narrow)
    gtk_widget_set_halign (button, GTK_ALIGN_START);
  gtk_box_append (GTK_BOX (box), button);
  return box;
}

void
lodge_console_toast (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item)
{
  g_autofree char *text = g_strdup_printf (_("“%s” keeps running"), lodge_machine_item_get_name (item));
  AdwToast *toast;

  if (!lodge_machine_item_is_connected (item))
    {
      lodge_feedback_toast (from, text);
      return;
    }
  toast = lodge_feedback_toast_button (from, text, _("_Shut Down"));
  if (lodge_library_has_feature (library, "save"))
    adw_toast_set_custom_title (
      toast, make_title (from, text, verb_new (from, item, toast, "Save", N_("“%s” Could Not Be Saved"))));
  g_signal_connect_data (
    toast, "button-clicked", G_CALLBACK (clicked_cb),
    verb_new (from, item, NULL, "Shutdown", N_("“%s” Could Not Be Asked to Shut Down")), verb_closure_free,
    G_CONNECT_SWAPPED);
}
