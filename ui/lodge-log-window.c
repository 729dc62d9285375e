/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-log-window.h"

#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error-text.h"
#include "ui/lodge-feedback.h"

struct _LodgeLogWindow
{
  AdwWindow parent_instance;

  AdwWindowTitle *title;
  GtkStack *stack;
  AdwStatusPage *status;
  GtkTextView *text;
  GCancellable *cancellable; /* (owned) */
};

G_DEFINE_FINAL_TYPE (LodgeLogWindow, lodge_log_window, ADW_TYPE_WINDOW)

static void
show_status (LodgeLogWindow *self, const char *title, const char *description)
{
  adw_status_page_set_title (self->status, title);
  adw_status_page_set_description (self->status, description);
  gtk_stack_set_visible_child_name (self->stack, "status");
}

static void
log_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  LodgeLogWindow *self = user_data;
  GtkTextIter end;

  lodge_ipc_machine_call_get_log_finish (LODGE_IPC_MACHINE (source), &text, result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  if (error != NULL)
    {
      g_autofree char *sentence = NULL;

      lodge_error_normalize (error);
      sentence = lodge_error_text (error, NULL);
      show_status (self, _("The Log Cannot Be Shown"), sentence);
    }
  else if (*text == '\0')
    show_status (self, _("The Log Is Empty"), _("Nothing was written since the machine was made."));
  else
    {
      GtkTextBuffer *buffer = gtk_text_view_get_buffer (self->text);

      gtk_text_buffer_set_text (buffer, text, -1);
      gtk_stack_set_visible_child_name (self->stack, "text");
      gtk_text_buffer_get_end_iter (buffer, &end);
      gtk_text_buffer_place_cursor (buffer, &end);
      gtk_text_view_scroll_to_mark (self->text, gtk_text_buffer_get_insert (buffer), 0, TRUE, 0, 1);
    }
}

static void
copy_cb (LodgeLogWindow *self)
{
  GtkTextBuffer *buffer = gtk_text_view_get_buffer (self->text);
  GtkTextIter start, end;
  g_autofree char *text = NULL;

  gtk_text_buffer_get_bounds (buffer, &start, &end);
  text = gtk_text_buffer_get_text (buffer, &start, &end, FALSE);
  gdk_clipboard_set_text (gtk_widget_get_clipboard (GTK_WIDGET (self)), text);
  lodge_feedback_toast (GTK_WIDGET (self->text), _("Log copied"));
}

static void
lodge_log_window_dispose (GObject *object)
{
  LodgeLogWindow *self = LODGE_LOG_WINDOW (object);

  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);

  G_OBJECT_CLASS (lodge_log_window_parent_class)->dispose (object);
}

static void
lodge_log_window_class_init (LodgeLogWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_log_window_dispose;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-log-window.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeLogWindow, title);
  gtk_widget_class_bind_template_child (widget_class, LodgeLogWindow, stack);
  gtk_widget_class_bind_template_child (widget_class, LodgeLogWindow, status);
  gtk_widget_class_bind_template_child (widget_class, LodgeLogWindow, text);
  gtk_widget_class_bind_template_callback (widget_class, copy_cb);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void
lodge_log_window_init (LodgeLogWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->cancellable = g_cancellable_new ();
}

GtkWidget *
lodge_log_window_new (LodgeMachineItem *item)
{
  LodgeLogWindow *self = g_object_new (LODGE_TYPE_LOG_WINDOW, NULL);
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (item);

  adw_window_title_set_subtitle (self->title, lodge_machine_item_get_name (item));
  if (proxy != NULL)
    lodge_ipc_machine_call_get_log (proxy, g_variant_new ("a{sv}", NULL), self->cancellable, log_cb, self);
  else
    show_status (self, _("The Log Cannot Be Shown"), _("Lodge is reconnecting. Try again in a moment."));

  return GTK_WIDGET (self);
}
