/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-core-bar.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-status-pages.h"

struct _LodgeCoreBar
{
  AdwBin parent_instance;

  GtkInfoBar *bar; /* (nullable) until it is wanted, as are */
  GtkLabel *text;
  GtkButton *button;
};

G_DEFINE_FINAL_TYPE (LodgeCoreBar, lodge_core_bar, ADW_TYPE_BIN)

static void
make_bar (LodgeCoreBar *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);

  self->bar = g_object_new (GTK_TYPE_INFO_BAR, "message-type", GTK_MESSAGE_WARNING, "revealed", FALSE, NULL);
  self->text = g_object_new (GTK_TYPE_LABEL, "wrap", TRUE, "xalign", 0.0, NULL);
  self->button = g_object_new (GTK_TYPE_BUTTON, "label", _("_Try Again"), "use-underline", TRUE, "halign",
                               GTK_ALIGN_START, "action-name", "app.reconnect", NULL);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->text));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->button));
  gtk_info_bar_add_child (self->bar, box);
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->bar));
}

static void
lodge_core_bar_class_init (LodgeCoreBarClass *klass)
{
}

static void
lodge_core_bar_init (LodgeCoreBar *self)
{
}

void
lodge_core_bar_set_status (LodgeCoreBar *self, LodgeLibraryStatus status)
{
  gboolean trouble = status == LODGE_LIBRARY_CORE_GONE || status == LODGE_LIBRARY_WRONG_VERSION;

  if (self->bar == NULL && !trouble)
    return;
  if (self->bar == NULL)
    make_bar (self);
  if (status == LODGE_LIBRARY_CORE_GONE)
    gtk_label_set_label (self->text, _("Reconnecting; your machines keep running"));
  else if (status == LODGE_LIBRARY_WRONG_VERSION)
    gtk_label_set_label (self->text, _("Lodge was updated. Restart it; your machines keep running."));
  lodge_status_page_set_remedy (self->button, status);
  /* What is only folded away is still there for screen readers. */
  gtk_widget_set_visible (GTK_WIDGET (self->bar), trouble);
  gtk_info_bar_set_revealed (self->bar, trouble);
}
