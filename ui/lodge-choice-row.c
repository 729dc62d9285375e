/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-choice-row.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-row-place.h"
#include "ui/lodge-setting-link.h"

struct _LodgeChoiceRow
{
  AdwComboRow parent_instance;

  LodgeSettingLink *link; /* (owned) */
  GStrv values;           /* (owned) */
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
  const char *value = lodge_machine_item_setting_string (lodge_setting_link_get_item (self->link),
                                                         lodge_setting_link_get_key (self->link), "");

  self->reading = TRUE;
  for (guint i = 0; self->values[i] != NULL; i++)
    if (g_str_equal (self->values[i], value))
      adw_combo_row_set_selected (ADW_COMBO_ROW (self), i);
  self->reading = FALSE;
}

static void
selected_cb (LodgeChoiceRow *self)
{
  guint selected = adw_combo_row_get_selected (ADW_COMBO_ROW (self));
  LodgeMachineItem *item = lodge_setting_link_get_item (self->link);
  const char *value;
  g_autofree char *done = NULL;

  if (self->reading || item == NULL || selected >= g_strv_length (self->values))
    return;
  value = self->values[selected];
  done = g_strdup_printf (_("%s: %s"), adw_preferences_row_get_title (ADW_PREFERENCES_ROW (self)),
                          gtk_string_object_get_string (adw_combo_row_get_selected_item (ADW_COMBO_ROW (self))));
  lodge_setting_link_change (self->link, g_variant_new_string (value), done);
}

static void
lodge_choice_row_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  LodgeChoiceRow *self = LODGE_CHOICE_ROW (object);

  if (prop_id == PROP_KEY)
    g_value_set_string (value, lodge_setting_link_get_key (self->link));
  else
    g_value_set_boxed (value, self->values);
}

static void
lodge_choice_row_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  LodgeChoiceRow *self = LODGE_CHOICE_ROW (object);

  if (prop_id == PROP_KEY)
    self->link = lodge_setting_link_new (GTK_WIDGET (self), NULL, g_value_get_string (value));
  else
    self->values = g_value_dup_boxed (value);
}

static void
lodge_choice_row_dispose (GObject *object)
{
  LodgeChoiceRow *self = LODGE_CHOICE_ROW (object);

  if (self->link != NULL)
    g_signal_handlers_disconnect_by_data (self->link, self);
  g_clear_object (&self->link);

  G_OBJECT_CLASS (lodge_choice_row_parent_class)->dispose (object);
}

static void
lodge_choice_row_finalize (GObject *object)
{
  g_strfreev (LODGE_CHOICE_ROW (object)->values);

  G_OBJECT_CLASS (lodge_choice_row_parent_class)->finalize (object);
}

static void
lodge_choice_row_constructed (GObject *object)
{
  LodgeChoiceRow *self = LODGE_CHOICE_ROW (object);
  GtkWidget *mark = lodge_setting_link_get_mark (self->link);

  G_OBJECT_CLASS (lodge_choice_row_parent_class)->constructed (object);
  lodge_row_show_choice (ADW_COMBO_ROW (self));
  adw_action_row_add_suffix (ADW_ACTION_ROW (self), mark);
  /* Before the choice itself, where switches and amounts have it too. */
  gtk_box_reorder_child_after (GTK_BOX (gtk_widget_get_parent (mark)), mark, NULL);
  g_signal_connect_swapped (self->link, "changed", G_CALLBACK (update), self);
  g_signal_connect_swapped (self->link, "refused", G_CALLBACK (update), self);
  g_signal_connect (self, "notify::selected", G_CALLBACK (selected_cb), NULL);
}

static void
lodge_choice_row_class_init (LodgeChoiceRowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->get_property = lodge_choice_row_get_property;
  object_class->set_property = lodge_choice_row_set_property;
  object_class->constructed = lodge_choice_row_constructed;
  object_class->dispose = lodge_choice_row_dispose;
  object_class->finalize = lodge_choice_row_finalize;

  properties[PROP_KEY] = g_param_spec_string ("key", NULL, NULL, NULL, flags);
  properties[PROP_VALUES] = g_param_spec_boxed ("values", NULL, NULL, G_TYPE_STRV, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
lodge_choice_row_init (LodgeChoiceRow *self)
{
}

void
lodge_choice_row_set_item (LodgeChoiceRow *self, LodgeMachineItem *item)
{
  lodge_setting_link_set_item (self->link, item);
}
