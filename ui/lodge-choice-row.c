/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-choice-row.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-setting-change.h"

struct _LodgeChoiceRow
{
  AdwComboRow parent_instance;

  char *key;              /* (owned) */
  GStrv values;           /* (owned) */
  LodgeMachineItem *item; /* (owned) (nullable) */
  GtkWidget *when;
  gboolean reading;
};

enum
{
  PROP_KEY = 1,
  PROP_VALUES,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (LodgeChoiceRow, lodge_choice_row, ADW_TYPE_COMBO_ROW)

static void
update (LodgeChoiceRow *self)
{
  const char *value = lodge_machine_item_setting_string (self->item, self->key, "");

  self->reading = TRUE;
  for (guint i = 0; self->values[i] != NULL; i++)
    if (g_str_equal (self->values[i], value))
      adw_combo_row_set_selected (ADW_COMBO_ROW (self), i);
  self->reading = FALSE;
  lodge_setting_when (GTK_LABEL (self->when), self->item, self->key);
}

static void
selected_cb (LodgeChoiceRow *self)
{
  guint selected = adw_combo_row_get_selected (ADW_COMBO_ROW (self));
  const char *value;
  g_autofree char *done = NULL;

  if (self->reading || self->item == NULL || selected >= g_strv_length (self->values))
    return;
  value = self->values[selected];
  if (g_str_equal (value, lodge_machine_item_setting_string (self->item, self->key, "")))
    return;
  done = g_strdup_printf (_("%s: %s"), adw_preferences_row_get_title (ADW_PREFERENCES_ROW (self)),
                          gtk_string_object_get_string (adw_combo_row_get_selected_item (ADW_COMBO_ROW (self))));
  lodge_setting_change (GTK_WIDGET (self), self->item, self->key, g_variant_new_string (value), done);
}

static void
lodge_choice_row_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  LodgeChoiceRow *self = LODGE_CHOICE_ROW (object);

  if (prop_id == PROP_KEY)
    g_value_set_string (value, self->key);
  else
    g_value_set_boxed (value, self->values);
}

static void
lodge_choice_row_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  LodgeChoiceRow *self = LODGE_CHOICE_ROW (object);

  if (prop_id == PROP_KEY)
    self->key = g_value_dup_string (value);
  else
    self->values = g_value_dup_boxed (value);
}

static void
drop_item (LodgeChoiceRow *self)
{
  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);
  g_clear_object (&self->item);
}

static void
lodge_choice_row_dispose (GObject *object)
{
  drop_item (LODGE_CHOICE_ROW (object));

  G_OBJECT_CLASS (lodge_choice_row_parent_class)->dispose (object);
}

static void
lodge_choice_row_finalize (GObject *object)
{
  g_free (LODGE_CHOICE_ROW (object)->key);
  g_strfreev (LODGE_CHOICE_ROW (object)->values);

  G_OBJECT_CLASS (lodge_choice_row_parent_class)->finalize (object);
}

static void
lodge_choice_row_class_init (LodgeChoiceRowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->get_property = lodge_choice_row_get_property;
  object_class->set_property = lodge_choice_row_set_property;
  object_class->dispose = lodge_choice_row_dispose;
  object_class->finalize = lodge_choice_row_finalize;

  properties[PROP_KEY] = g_param_spec_string ("key", NULL, NULL, NULL, flags);
  properties[PROP_VALUES] = g_param_spec_boxed ("values", NULL, NULL, G_TYPE_STRV, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
lodge_choice_row_init (LodgeChoiceRow *self)
{
  self->when = gtk_label_new (NULL);
  gtk_widget_add_css_class (self->when, "setting-when");
  /* In two lines it leaves room in a narrow window. */
  gtk_label_set_wrap (GTK_LABEL (self->when), TRUE);
  gtk_label_set_width_chars (GTK_LABEL (self->when), 8);
  gtk_label_set_max_width_chars (GTK_LABEL (self->when), 8);
  gtk_label_set_xalign (GTK_LABEL (self->when), 1);
  gtk_label_set_justify (GTK_LABEL (self->when), GTK_JUSTIFY_RIGHT);
  adw_action_row_add_suffix (ADW_ACTION_ROW (self), self->when);
  /* Before the choice itself, where switches and amounts have it too. */
  gtk_box_reorder_child_after (GTK_BOX (gtk_widget_get_parent (self->when)), self->when, NULL);
  g_signal_connect (self, "notify::selected", G_CALLBACK (selected_cb), NULL);
}

void
lodge_choice_row_set_item (LodgeChoiceRow *self, LodgeMachineItem *item)
{
  drop_item (self);
  self->item = g_object_ref (item);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  update (self);
}
