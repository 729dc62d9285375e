/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-feedback.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-log-window.h"
#include "ui/lodge-machine-text.h"
#include "ui/lodge-toasts.h"

/* What a toast has beside the title: margins, the button that closes it; and beside the words of its other button. */
#define AROUND_TITLE 96
#define AROUND_BUTTON 46
#define TITLE_LINES 3

static AdwToastOverlay *
find_overlay (GtkWidget *from)
{
  GtkWidget *overlay = gtk_widget_get_ancestor (from, ADW_TYPE_TOAST_OVERLAY);
  GtkRoot *root = gtk_widget_get_root (from);

  if (overlay != NULL)
    return ADW_TOAST_OVERLAY (overlay);

  /* A window keeps its overlay below itself. */
  if (root != NULL)
    for (GtkWidget *child = gtk_widget_get_first_child (GTK_WIDGET (root)); child != NULL;
         child = gtk_widget_get_next_sibling (child))
      for (GtkWidget *w = child; w != NULL; w = gtk_widget_get_first_child (w))
        if (ADW_IS_TOAST_OVERLAY (w))
          return ADW_TOAST_OVERLAY (w);

  return NULL;
}

static int
measure_text (GtkWidget *widget, const char *markup)
{
  g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (widget, NULL);
  int width;

  pango_layout_set_markup (layout, markup, -1);
  pango_layout_get_pixel_size (layout, &width, NULL);
  return width;
}

/* As a label does it, and a little more, for letters that are bold. */
static int
measure_character (GtkWidget *widget)
{
  PangoFontMetrics *metrics = pango_context_get_metrics (gtk_widget_get_pango_context (widget), NULL, NULL);
  int width = MAX (pango_font_metrics_get_approximate_char_width (metrics),
                   pango_font_metrics_get_approximate_digit_width (metrics));

  pango_font_metrics_unref (metrics);
  return width * 11 / 10 / PANGO_SCALE + 1;
}

/* The toolkit gives a message one line, and cuts what a narrow window has no room for. It asks how high a toast is where it is
 * as wide as it likes to be; so the label likes to be as wide as its room, at most. */
static void
fit_title (AdwToastOverlay *overlay, AdwToast *toast)
{
  const char *button = adw_toast_get_button_label (toast);
  g_autofree char *title = g_strdup (adw_toast_get_title (toast));
  g_autofree char *bold = g_strdup_printf ("<b>%s</b>", title);
  int room = gtk_widget_get_width (GTK_WIDGET (overlay)) - AROUND_TITLE;
  int text = measure_text (GTK_WIDGET (overlay), bold);
  GtkWidget *label;

  if (button != NULL)
    room -= measure_text (GTK_WIDGET (overlay), button) + AROUND_BUTTON;
  if (gtk_widget_get_width (GTK_WIDGET (overlay)) == 0 || text <= room)
    return;
  label = gtk_label_new (NULL);
  gtk_label_set_markup (GTK_LABEL (label), title);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_label_set_lines (GTK_LABEL (label), TITLE_LINES);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_max_width_chars (GTK_LABEL (label), MAX (room / measure_character (GTK_WIDGET (overlay)), 1));
  gtk_widget_set_tooltip_markup (label, title);
  gtk_widget_add_css_class (label, "heading");
  adw_toast_set_custom_title (toast, label);
}

static void
show_toast (AdwToastOverlay *overlay, AdwToast *toast, gboolean offer)
{
  g_autoptr (GSettings) settings = g_settings_new (LODGE_APP_ID);
  guint seconds = g_settings_get_uint (settings, "message-seconds");

  /* Who reads slowly, or by a screen reader, sets how long (WCAG 2.2.1). */
  if (adw_toast_get_timeout (toast) > 0 && adw_toast_get_timeout (toast) < seconds)
    adw_toast_set_timeout (toast, seconds);
  fit_title (overlay, toast);
  lodge_toasts_show (overlay, toast, offer);
}

AdwToast *
lodge_feedback_toast_new (const char *title)
{
  g_autofree char *escaped = g_markup_escape_text (title, -1);

  return adw_toast_new (escaped);
}

void
lodge_feedback_toast (GtkWidget *from, const char *title)
{
  lodge_feedback_toast_button (from, title, NULL);
}

AdwToast *
lodge_feedback_toast_button (GtkWidget *from, const char *title, const char *button)
{
  AdwToast *toast = lodge_feedback_toast_new (title);
  AdwToastOverlay *overlay = find_overlay (from);

  if (overlay == NULL)
    {
      /* The window went meanwhile; nobody is left to be told. */
      g_idle_add_once ((GSourceOnceFunc) g_object_unref, toast);
      return toast;
    }

  adw_toast_set_button_label (toast, button);
  show_toast (overlay, toast, FALSE);
  return toast;
}

/* What a toast offers to take back. */
typedef struct
{
  LodgeUndo *undo;    /* (owned) */
  guint number;
  GtkWidget *overlay; /* (weak) (nullable) */
} Offer;

static void
offer_free (gpointer data, GClosure *closure)
{
  Offer *offer = data;

  g_clear_weak_pointer (&offer->overlay);
  g_object_unref (offer->undo);
  g_free (offer);
}

static void
taken_cb (Offer *offer)
{
  if (offer->overlay != NULL)
    lodge_undo_take (offer->undo, offer->number, offer->overlay);
}

void
lodge_feedback_undo (GtkWidget *from, LodgeUndo *undo, const char *title, GCallback callback, gpointer user_data,
                     GClosureNotify destroy)
{
  AdwToastOverlay *overlay = from != NULL ? find_overlay (from) : NULL;
  LodgeUndo *history = undo != NULL || from == NULL ? undo : lodge_undo_find (from);
  g_autoptr (LodgeUndo) own = history != NULL ? g_object_ref (history) : lodge_undo_new ();
  AdwToast *toast;
  Offer *offer;

  if (overlay == NULL)
    {
      lodge_undo_add (own, title, callback, user_data, destroy, NULL);
      return;
    }
  toast = lodge_feedback_toast_new (title);
  offer = g_new0 (Offer, 1);
  offer->number = lodge_undo_add (own, title, callback, user_data, destroy, toast);
  offer->undo = g_steal_pointer (&own);
  g_set_weak_pointer (&offer->overlay, GTK_WIDGET (overlay));
  g_signal_connect_data (toast, "button-clicked", G_CALLBACK (taken_cb), offer, offer_free, G_CONNECT_SWAPPED);
  adw_toast_set_button_label (toast, _("_Undo"));
  adw_toast_set_timeout (toast, LODGE_FEEDBACK_UNDO_SECONDS);
  show_toast (overlay, toast, TRUE);
}

void
lodge_feedback_undo_toast (GtkWidget *from, const char *title, GCallback undo, gpointer user_data,
                           GClosureNotify destroy)
{
  lodge_feedback_undo (from, NULL, title, undo, user_data, destroy);
}

typedef struct
{
  GtkWindow *parent;      /* (owned) */
  LodgeMachineItem *item; /* (owned) (nullable) */
} ErrorDialog;

static void
error_dialog_free (gpointer data, GClosure *closure)
{
  ErrorDialog *context = data;

  g_clear_object (&context->parent);
  g_clear_object (&context->item);
  g_free (context);
}

static void
response_cb (AdwMessageDialog *dialog, const char *response, gpointer user_data)
{
  ErrorDialog *context = user_data;

  if (g_str_equal (response, "log"))
    lodge_feedback_show_log (GTK_WIDGET (context->parent), context->item);
}

void
lodge_feedback_error (GtkWidget *from, const char *heading, GError *error, LodgeMachineItem *item)
{
  LodgeErrorContext about = { .machine = item != NULL ? lodge_machine_item_get_name (item) : NULL,
                              .title = lodge_text_setting };

  lodge_feedback_error_about (from, heading, error, &about, item);
}

void
lodge_feedback_error_about (GtkWidget *from, const char *heading, GError *error, const LodgeErrorContext *about,
                            LodgeMachineItem *item)
{
  g_autoptr (GError) own = error;
  g_autofree char *sentence = NULL;
  GtkRoot *root = gtk_widget_get_root (from);
  ErrorDialog *context;
  GtkWidget *dialog;

  if (root == NULL || g_error_matches (own, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  lodge_error_normalize (own);
  /* Who pressed Cancel knows. */
  if (g_error_matches (own, LODGE_ERROR, LODGE_ERROR_CANCELLED))
    return;
  sentence = lodge_error_text (own, about);
  dialog = adw_message_dialog_new (GTK_WINDOW (root), heading, sentence);
  adw_message_dialog_add_response (ADW_MESSAGE_DIALOG (dialog), "close", _("_Close"));
  if (item != NULL && lodge_machine_item_is_connected (item))
    adw_message_dialog_add_response (ADW_MESSAGE_DIALOG (dialog), "log", _("Show _Log"));
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), "close");
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "close");
  if (*own->message != '\0')
    adw_message_dialog_set_extra_child (ADW_MESSAGE_DIALOG (dialog), lodge_feedback_details_new (own));

  context = g_new0 (ErrorDialog, 1);
  context->parent = GTK_WINDOW (g_object_ref (root));
  context->item = item != NULL ? g_object_ref (item) : NULL;
  g_signal_connect_data (dialog, "response", G_CALLBACK (response_cb), context, error_dialog_free, 0);
  gtk_window_present (GTK_WINDOW (dialog));
  /* It would be in the details, and Return would open them instead of closing the dialog. */
  gtk_window_set_focus (GTK_WINDOW (dialog), NULL);
}

GtkWidget *
lodge_feedback_details_new (const GError *error)
{
  g_autofree char *text = g_strndup (error->message, 4096);
  GtkWidget *expander = gtk_expander_new (_("Technical Details"));
  GtkWidget *label;
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  /* GTK 4.8 does not take a name from its label. */
  gtk_accessible_update_property (GTK_ACCESSIBLE (expander), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Technical Details"), -1);

  label = gtk_label_new (valid);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_selectable (GTK_LABEL (label), TRUE);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 48);
  gtk_widget_add_css_class (label, "monospace");
  gtk_widget_add_css_class (label, "caption");
  gtk_widget_set_margin_top (label, 6);
  gtk_expander_set_child (GTK_EXPANDER (expander), label);
  return expander;
}

void
lodge_feedback_show_log (GtkWidget *from, LodgeMachineItem *item)
{
  GtkRoot *root = gtk_widget_get_root (from);
  GtkWidget *window = lodge_log_window_new (item);

  if (root != NULL)
    gtk_window_set_transient_for (GTK_WINDOW (window), GTK_WINDOW (root));
  gtk_window_present (GTK_WINDOW (window));
}
