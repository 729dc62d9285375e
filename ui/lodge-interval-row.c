/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-interval-row.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-row-place.h"
#include "ui/lodge-setting-link.h"

#define HOUR 60u
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)

struct _LodgeIntervalRow
{
  AdwComboRow parent_instance;

  LodgeSettingLink *link; /* (owned) */
  guint unit;             /* in minutes */
  GArray *values;         /* (owned) of guint, in units, as the model is */
  gboolean reading;
};

enum
{
  PROP_KEY = 1,
  PROP_UNIT,
  N_PROPS
};

/* In minutes; of those a row has the ones that are whole units. */
static const guint usual[] = { 0, 5, 15, 30, HOUR, 4 * HOUR, DAY, WEEK };

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (LodgeIntervalRow, lodge_interval_row, ADW_TYPE_COMBO_ROW)

char *
lodge_interval_text (guint minutes)
{
  guint n;

  if (minutes == 0)
    return g_strdup (_("Never"));
  if (minutes % WEEK == 0)
    {
      n = minutes / WEEK;
      return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "Every week", "Every %u weeks", n), n);
    }
  if (minutes % DAY == 0)
    {
      n = minutes / DAY;
      return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "Every day", "Every %u days", n), n);
    }
  if (minutes % HOUR == 0)
    {
      n = minutes / HOUR;
      return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "Every hour", "Every %u hours", n), n);
    }
  return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "Every minute", "Every %u minutes", minutes), minutes);
}

static int
compare_values (gconstpointer a, gconstpointer b)
{
  guint first = *(const guint *) a, second = *(const guint *) b;

  return first < second ? -1 : first > second;
}

static guint
find_value (LodgeIntervalRow *self, guint value)
{
  for (guint i = 0; i < self->values->len; i++)
    if (g_array_index (self->values, guint, i) == value)
      return i;
  return GTK_INVALID_LIST_POSITION;
}

static void
fill (LodgeIntervalRow *self)
{
  g_autoptr (GtkStringList) model = gtk_string_list_new (NULL);

  g_array_sort (self->values, compare_values);
  for (guint i = 0; i < self->values->len; i++)
    {
      g_autofree char *text = lodge_interval_text (g_array_index (self->values, guint, i) * self->unit);

      gtk_string_list_append (model, text);
    }
  adw_combo_row_set_model (ADW_COMBO_ROW (self), G_LIST_MODEL (model));
}

static void
update (LodgeIntervalRow *self)
{
  guint value = (guint) lodge_machine_item_setting_uint (lodge_setting_link_get_item (self->link),
                                                         lodge_setting_link_get_key (self->link), 0);

  self->reading = TRUE;
  if (find_value (self, value) == GTK_INVALID_LIST_POSITION)
    {
      g_array_append_val (self->values, value);
      fill (self);
    }
  adw_combo_row_set_selected (ADW_COMBO_ROW (self), find_value (self, value));
  self->reading = FALSE;
}

static void
selected_cb (LodgeIntervalRow *self)
{
  guint selected = adw_combo_row_get_selected (ADW_COMBO_ROW (self));
  g_autofree char *text = NULL;
  g_autofree char *done = NULL;
  guint value;

  if (self->reading || lodge_setting_link_get_item (self->link) == NULL || selected >= self->values->len)
    return;
  value = g_array_index (self->values, guint, selected);
  text = lodge_interval_text (value * self->unit);
  done = g_strdup_printf (_("%s: %s"), adw_preferences_row_get_title (ADW_PREFERENCES_ROW (self)), text);
  lodge_setting_link_change (self->link, g_variant_new_uint32 (value), done);
}

static void
lodge_interval_row_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  LodgeIntervalRow *self = LODGE_INTERVAL_ROW (object);

  if (prop_id == PROP_KEY)
    g_value_set_string (value, lodge_setting_link_get_key (self->link));
  else
    g_value_set_uint (value, self->unit);
}

static void
lodge_interval_row_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  LodgeIntervalRow *self = LODGE_INTERVAL_ROW (object);

  if (prop_id == PROP_KEY)
    self->link = lodge_setting_link_new (GTK_WIDGET (self), NULL, g_value_get_string (value));
  else
    self->unit = g_value_get_uint (value);
}

static void
lodge_interval_row_dispose (GObject *object)
{
  LodgeIntervalRow *self = LODGE_INTERVAL_ROW (object);

  if (self->link != NULL)
    g_signal_handlers_disconnect_by_data (self->link, self);
  g_clear_object (&self->link);

  G_OBJECT_CLASS (lodge_interval_row_parent_class)->dispose (object);
}

static void
lodge_interval_row_finalize (GObject *object)
{
  g_array_unref (LODGE_INTERVAL_ROW (object)->values);

  G_OBJECT_CLASS (lodge_interval_row_parent_class)->finalize (object);
}

static void
lodge_interval_row_constructed (GObject *object)
{
  LodgeIntervalRow *self = LODGE_INTERVAL_ROW (object);
  GtkWidget *mark = lodge_setting_link_get_mark (self->link);

  G_OBJECT_CLASS (lodge_interval_row_parent_class)->constructed (object);
  lodge_row_show_choice (ADW_COMBO_ROW (self));
  adw_action_row_add_suffix (ADW_ACTION_ROW (self), mark);
  /* Before the choice itself, where switches and amounts have it too. */
  gtk_box_reorder_child_after (GTK_BOX (gtk_widget_get_parent (mark)), mark, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (usual); i++)
    if (usual[i] % self->unit == 0)
      {
        guint value = usual[i] / self->unit;

        g_array_append_val (self->values, value);
      }
  self->reading = TRUE;
  fill (self);
  self->reading = FALSE;
  g_signal_connect_swapped (self->link, "changed", G_CALLBACK (update), self);
  g_signal_connect_swapped (self->link, "refused", G_CALLBACK (update), self);
  g_signal_connect (self, "notify::selected", G_CALLBACK (selected_cb), NULL);
}

static void
lodge_interval_row_class_init (LodgeIntervalRowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->get_property = lodge_interval_row_get_property;
  object_class->set_property = lodge_interval_row_set_property;
  object_class->constructed = lodge_interval_row_constructed;
  object_class->dispose = lodge_interval_row_dispose;
  object_class->finalize = lodge_interval_row_finalize;

  properties[PROP_KEY] = g_param_spec_string ("key", NULL, NULL, NULL, flags);
  properties[PROP_UNIT] = g_param_spec_uint ("unit", NULL, NULL, 1, DAY, 1, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
lodge_interval_row_init (LodgeIntervalRow *self)
{
  self->values = g_array_new (FALSE, FALSE, sizeof (guint));
}

void
lodge_interval_row_set_item (LodgeIntervalRow *self, LodgeMachineItem *item)
{
  lodge_setting_link_set_item (self->link, item);
}
