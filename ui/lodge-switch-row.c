/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-switch-row.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-setting-link.h"

struct _LodgeSwitchRow
{
  AdwActionRow parent_instance;

  LodgeSettingLink *link; /* (owned) */
  char *subtitle;         /* (owned) (nullable) while an obstacle stands in its place */
  GtkWidget *toggle;
  gboolean reading;
};

enum
{
  PROP_KEY = 1,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (LodgeSwitchRow, lodge_switch_row, ADW_TYPE_ACTION_ROW)

static gboolean
get_value (LodgeSwitchRow *self)
{
  return lodge_machine_item_setting_boolean (lodge_setting_link_get_item (self->link),
                                             lodge_setting_link_get_key (self->link), FALSE);
}

static void
update (LodgeSwitchRow *self)
{
  self->reading = TRUE;
  gtk_switch_set_active (GTK_SWITCH (self->toggle), get_value (self));
  self->reading = FALSE;
}

static void
active_cb (LodgeSwitchRow *self)
{
  gboolean active = gtk_switch_get_active (GTK_SWITCH (self->toggle));
  g_autofree char *done = NULL;

  if (self->reading || lodge_setting_link_get_item (self->link) == NULL)
    return;
  /* Translators: a setting and its new value: "3D Acceleration: On" */
  done = g_strdup_printf (_("%s: %s"), adw_preferences_row_get_title (ADW_PREFERENCES_ROW (self)),
                          active ? _("On") : _("Off"));
  lodge_setting_link_change (self->link, g_variant_new_boolean (active), done);
}

static void
lodge_switch_row_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  g_value_set_string (value, lodge_setting_link_get_key (LODGE_SWITCH_ROW (object)->link));
}

static void
lodge_switch_row_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  LODGE_SWITCH_ROW (object)->link = lodge_setting_link_new (GTK_WIDGET (object), NULL, g_value_get_string (value));
}

static void
lodge_switch_row_dispose (GObject *object)
{
  LodgeSwitchRow *self = LODGE_SWITCH_ROW (object);

  if (self->link != NULL)
    g_signal_handlers_disconnect_by_data (self->link, self);
  g_clear_object (&self->link);

  G_OBJECT_CLASS (lodge_switch_row_parent_class)->dispose (object);
}

static void
lodge_switch_row_finalize (GObject *object)
{
  g_free (LODGE_SWITCH_ROW (object)->subtitle);

  G_OBJECT_CLASS (lodge_switch_row_parent_class)->finalize (object);
}

static void
lodge_switch_row_constructed (GObject *object)
{
  LodgeSwitchRow *self = LODGE_SWITCH_ROW (object);

  G_OBJECT_CLASS (lodge_switch_row_parent_class)->constructed (object);
  adw_action_row_add_suffix (ADW_ACTION_ROW (self), lodge_setting_link_get_mark (self->link));
  adw_action_row_add_suffix (ADW_ACTION_ROW (self), self->toggle);
  g_signal_connect_swapped (self->link, "changed", G_CALLBACK (update), self);
  g_signal_connect_swapped (self->link, "refused", G_CALLBACK (update), self);
}

static void
lodge_switch_row_class_init (LodgeSwitchRowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = lodge_switch_row_get_property;
  object_class->set_property = lodge_switch_row_set_property;
  object_class->constructed = lodge_switch_row_constructed;
  object_class->dispose = lodge_switch_row_dispose;
  object_class->finalize = lodge_switch_row_finalize;

  properties[PROP_KEY] = g_param_spec_string ("key", NULL, NULL, NULL,
                                              G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
lodge_switch_row_init (LodgeSwitchRow *self)
{
  self->toggle = gtk_switch_new ();
  gtk_widget_set_valign (self->toggle, GTK_ALIGN_CENTER);
  g_signal_connect_swapped (self->toggle, "notify::active", G_CALLBACK (active_cb), self);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (self), self->toggle);
  adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (self), 4);
}

void
lodge_switch_row_set_item (LodgeSwitchRow *self, LodgeMachineItem *item)
{
  lodge_setting_link_set_item (self->link, item);
}

void
lodge_switch_row_set_obstacle (LodgeSwitchRow *self, const char *why)
{
  gboolean active = gtk_switch_get_active (GTK_SWITCH (self->toggle));

  if (self->subtitle == NULL)
    self->subtitle = g_strdup (adw_action_row_get_subtitle (ADW_ACTION_ROW (self)));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self), why != NULL ? why : self->subtitle);
  /* What is on may always be switched off. */
  gtk_widget_set_sensitive (self->toggle, why == NULL || active);
}
