/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-text-row.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-setting-link.h"

/* Characters of a text, in a message and in the menu. */
#define SAID_MAX 60

/* As the texts of the toolkit's rows. */
#define MARK_START 12
#define MARK_BOTTOM 6

struct _LodgeTextRow
{
  AdwEntryRow parent_instance;

  LodgeSettingLink *link; /* (owned) */
  char *shown;            /* (owned) the machine's value; another text is what the person is typing */
  GtkWidget *suffixes;    /* where the mark is, beside the text */
  GtkWidget *lines;       /* the text, and below it the mark where there is no room */
};

enum
{
  PROP_KEY = 1,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (LodgeTextRow, lodge_text_row, ADW_TYPE_ENTRY_ROW)

static void
update (LodgeTextRow *self)
{
  const char *value = lodge_machine_item_setting_string (lodge_setting_link_get_item (self->link),
                                                         lodge_setting_link_get_key (self->link), "");
  gboolean typing = lodge_text_row_is_typing (self);

  if (g_str_equal (value, self->shown))
    return;
  g_free (self->shown);
  self->shown = g_strdup (value);
  if (typing)
    return;
  /* Without this the button to apply would be offered for what nobody typed. */
  adw_entry_row_set_show_apply_button (ADW_ENTRY_ROW (self), FALSE);
  gtk_editable_set_text (GTK_EDITABLE (self), value);
  adw_entry_row_set_show_apply_button (ADW_ENTRY_ROW (self), TRUE);
}

static void
refused_cb (LodgeTextRow *self)
{
  /* It stays, to be corrected. */
  g_free (self->shown);
  self->shown = g_strdup (lodge_machine_item_setting_string (lodge_setting_link_get_item (self->link),
                                                             lodge_setting_link_get_key (self->link), ""));
  gtk_widget_add_css_class (GTK_WIDGET (self), "error");
}

static void
text_cb (LodgeTextRow *self)
{
  gtk_widget_remove_css_class (GTK_WIDGET (self), "error");
}

/* Returns: (transfer full): @text for a message */
static char *
describe (LodgeTextRow *self, const char *text)
{
  g_autofree char *start = NULL;

  if (*text == '\0')
    /* Without an address a card gets another one. */
    return g_strdup (g_str_equal (lodge_setting_link_get_key (self->link), "mac") ? _("New") : _("None"));
  if (g_utf8_strlen (text, -1) <= SAID_MAX)
    return g_strdup (text);
  start = g_utf8_substring (text, 0, SAID_MAX - 1);
  return g_strconcat (start, "…", NULL);
}

static void
apply_cb (LodgeTextRow *self)
{
  g_autofree char *text = g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self))));
  g_autofree char *said = describe (self, text);
  g_autofree char *done = g_strdup_printf (_("%s: %s"), adw_preferences_row_get_title (ADW_PREFERENCES_ROW (self)), said);

  if (lodge_setting_link_get_item (self->link) == NULL)
    return;
  /* What was typed is no longer that: the machine's answer will be shown. */
  g_free (self->shown);
  self->shown = g_strdup (gtk_editable_get_text (GTK_EDITABLE (self)));
  lodge_setting_link_change (self->link, g_variant_new_string (text), done);
}

static void
lodge_text_row_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  g_value_set_string (value, lodge_setting_link_get_key (LODGE_TEXT_ROW (object)->link));
}

static void
lodge_text_row_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  LODGE_TEXT_ROW (object)->link = lodge_setting_link_new (GTK_WIDGET (object), NULL, g_value_get_string (value));
}

static void
make_lines (LodgeTextRow *self)
{
  GtkWidget *line = g_object_ref (gtk_list_box_row_get_child (GTK_LIST_BOX_ROW (self)));

  self->lines = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  gtk_widget_add_css_class (self->lines, "lines");
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (self), self->lines);
  gtk_box_append (GTK_BOX (self->lines), line);
  g_object_unref (line);
}

static void
lodge_text_row_constructed (GObject *object)
{
  LodgeTextRow *self = LODGE_TEXT_ROW (object);

  G_OBJECT_CLASS (lodge_text_row_parent_class)->constructed (object);
  adw_entry_row_set_show_apply_button (ADW_ENTRY_ROW (self), TRUE);
  adw_entry_row_add_suffix (ADW_ENTRY_ROW (self), lodge_setting_link_get_mark (self->link));
  self->suffixes = gtk_widget_get_parent (lodge_setting_link_get_mark (self->link));
  make_lines (self);
  g_signal_connect_swapped (self->link, "changed", G_CALLBACK (update), self);
  g_signal_connect_swapped (self->link, "refused", G_CALLBACK (refused_cb), self);
  g_signal_connect (self, "apply", G_CALLBACK (apply_cb), NULL);
  g_signal_connect (self, "changed", G_CALLBACK (text_cb), NULL);
}

static void
lodge_text_row_dispose (GObject *object)
{
  LodgeTextRow *self = LODGE_TEXT_ROW (object);

  if (self->link != NULL)
    g_signal_handlers_disconnect_by_data (self->link, self);
  g_clear_object (&self->link);

  G_OBJECT_CLASS (lodge_text_row_parent_class)->dispose (object);
}

static void
lodge_text_row_finalize (GObject *object)
{
  g_free (LODGE_TEXT_ROW (object)->shown);

  G_OBJECT_CLASS (lodge_text_row_parent_class)->finalize (object);
}

static void
lodge_text_row_class_init (LodgeTextRowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = lodge_text_row_get_property;
  object_class->set_property = lodge_text_row_set_property;
  object_class->constructed = lodge_text_row_constructed;
  object_class->dispose = lodge_text_row_dispose;
  object_class->finalize = lodge_text_row_finalize;

  properties[PROP_KEY] = g_param_spec_string ("key", NULL, NULL, NULL,
                                              G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
lodge_text_row_init (LodgeTextRow *self)
{
  self->shown = g_strdup ("");
}

void
lodge_text_row_set_item (LodgeTextRow *self, LodgeMachineItem *item)
{
  lodge_setting_link_set_item (self->link, item);
}

void
lodge_text_row_apply (LodgeTextRow *self, const char *text)
{
  gtk_editable_set_text (GTK_EDITABLE (self), text);
  apply_cb (self);
}

void
lodge_text_row_set_narrow (LodgeTextRow *self, gboolean narrow)
{
  GtkWidget *mark = lodge_setting_link_get_mark (self->link);
  GtkWidget *from = narrow ? self->suffixes : self->lines;

  if (gtk_widget_get_parent (mark) != from)
    return;
  g_object_ref (mark);
  gtk_box_remove (GTK_BOX (from), mark);
  if (narrow)
    gtk_box_append (GTK_BOX (self->lines), mark);
  else
    gtk_box_prepend (GTK_BOX (self->suffixes), mark);
  g_object_unref (mark);
  gtk_widget_set_halign (mark, narrow ? GTK_ALIGN_START : GTK_ALIGN_FILL);
  gtk_widget_set_margin_start (mark, narrow ? MARK_START : 0);
  gtk_widget_set_margin_bottom (mark, narrow ? MARK_BOTTOM : 0);
}

gboolean
lodge_text_row_is_typing (LodgeTextRow *self)
{
  return !g_str_equal (gtk_editable_get_text (GTK_EDITABLE (self)), self->shown);
}
