/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-boot-order.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-setting-link.h"

/* The first network card; settings know no further ones. */
#define NIC_ID "net0"

struct _LodgeBootOrder
{
  AdwPreferencesGroup parent_instance;

  LodgeDisks *disks;      /* (owned) (nullable) until set */
  LodgeSettingLink *link; /* (owned) (nullable) until set */
  GPtrArray *rows;        /* (owned) of AdwActionRow */
  GPtrArray *ids;         /* (owned) of the rows */
  guint n_tried;          /* the first rows: those that are started from */
  char *shown;            /* (owned) (nullable) what the rows were made from */
  char *wanted;           /* (owned) (nullable) the device that was moved, which keeps the focus */
  int wanted_step;
};

G_DEFINE_FINAL_TYPE (LodgeBootOrder, lodge_boot_order, ADW_TYPE_PREFERENCES_GROUP)

static GVariant *
find_disk (LodgeBootOrder *self, const char *id)
{
  GVariant *disks = lodge_disks_get (self->disks);
  GVariantIter iter;
  GVariant *disk;

  if (disks == NULL)
    return NULL;
  g_variant_iter_init (&iter, disks);
  while ((disk = g_variant_iter_next_value (&iter)) != NULL)
    {
      if (g_str_equal (lodge_disk_string (disk, "id"), id))
        return disk;
      g_variant_unref (disk);
    }
  return NULL;
}

static char *
make_title (LodgeBootOrder *self, const char *id)
{
  g_autoptr (GVariant) disk = find_disk (self, id);

  if (disk != NULL)
    return lodge_disk_title (disk);
  return g_strdup (g_str_equal (id, NIC_ID) ? _("Network") : id);
}

/* The row is found by what moves with it. */
static int
find_row (LodgeBootOrder *self, GtkWidget *button)
{
  for (guint i = 0; i < self->rows->len; i++)
    if (gtk_widget_is_ancestor (button, self->rows->pdata[i]))
      return (int) i;
  return -1;
}

static void
apply (LodgeBootOrder *self, GPtrArray *ids, guint n)
{
  g_autoptr (GString) order = g_string_new (NULL);
  g_autoptr (GString) words = g_string_new (NULL);
  g_autofree char *done = NULL;

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *title = make_title (self, ids->pdata[i]);

      g_string_append_printf (order, "%s%s", i > 0 ? "," : "", (char *) ids->pdata[i]);
      g_string_append_printf (words, "%s%s", i > 0 ? ", " : "", title);
    }
  done = g_strdup_printf (_("%s: %s"), _("Starts From"), n > 0 ? words->str : _("Nothing"));
  lodge_setting_link_change (self->link, g_variant_new_string (order->str), done);
}

static void
move (LodgeBootOrder *self, GtkWidget *button, int step)
{
  int at = find_row (self, button);
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();

  if (at < 0 || at + step < 0 || at + step >= (int) self->n_tried)
    return;
  g_ptr_array_extend (ids, self->ids, NULL, NULL);
  ids->pdata[at] = self->ids->pdata[at + step];
  ids->pdata[at + step] = self->ids->pdata[at];
  g_free (self->wanted);
  self->wanted = g_strdup (self->ids->pdata[at]);
  self->wanted_step = step;
  lodge_setting_link_set_row (self->link, self->rows->pdata[at]);
  apply (self, ids, self->n_tried);
}

static void
up_cb (LodgeBootOrder *self, GtkWidget *button)
{
  move (self, button, -1);
}

static void
down_cb (LodgeBootOrder *self, GtkWidget *button)
{
  move (self, button, 1);
}

static void
active_cb (LodgeBootOrder *self, GParamSpec *pspec, GtkWidget *toggle)
{
  int at = find_row (self, toggle);
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  gboolean active = gtk_switch_get_active (GTK_SWITCH (toggle));

  if (at < 0 || active == (at < (int) self->n_tried))
    return;
  for (guint i = 0; i < self->n_tried; i++)
    if ((int) i != at)
      g_ptr_array_add (ids, self->ids->pdata[i]);
  if (active)
    g_ptr_array_add (ids, self->ids->pdata[at]);
  g_free (self->wanted);
  self->wanted = g_strdup (self->ids->pdata[at]);
  self->wanted_step = 0;
  lodge_setting_link_set_row (self->link, self->rows->pdata[at]);
  apply (self, ids, ids->len);
}

static GtkWidget *
make_button (LodgeBootOrder *self, const char *icon, const char *text, const char *title, gboolean possible,
             GCallback callback)
{
  GtkWidget *button = gtk_button_new_from_icon_name (icon);
  g_autofree char *name = g_strdup_printf (text, title);

  gtk_widget_set_tooltip_text (button, name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_set_sensitive (button, possible);
  g_signal_connect_swapped (button, "clicked", callback, self);
  return button;
}

static void
add_row (LodgeBootOrder *self, const char *id)
{
  guint at = self->rows->len;
  gboolean tried = at < self->n_tried;
  g_autoptr (GVariant) disk = find_disk (self, id);
  g_autofree char *title = make_title (self, id);
  GtkWidget *row = adw_action_row_new ();
  GtkWidget *toggle = gtk_switch_new ();
  const char *icon = disk == NULL                           ? "network-wired-symbolic"
                     : lodge_disk_boolean (disk, "cdrom") ? "media-optical-symbolic"
                                                            : "drive-harddisk-symbolic";
  GtkWidget *up = make_button (self, "go-up-symbolic", _("Try %s Earlier"), title, tried && at > 0, G_CALLBACK (up_cb));
  GtkWidget *down = make_button (self, "go-down-symbolic", _("Try %s Later"), title, tried && at + 1 < self->n_tried,
                                 G_CALLBACK (down_cb));

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_icon_name (ADW_ACTION_ROW (row), icon);
  gtk_switch_set_active (GTK_SWITCH (toggle), tried);
  gtk_widget_set_valign (toggle, GTK_ALIGN_CENTER);
  gtk_accessible_update_property (GTK_ACCESSIBLE (toggle), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
  g_signal_connect_swapped (toggle, "notify::active", G_CALLBACK (active_cb), self);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), up);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), down);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), toggle);

  adw_preferences_group_add (ADW_PREFERENCES_GROUP (self), row);
  g_object_set_data (G_OBJECT (row), "toggle", toggle);
  g_ptr_array_add (self->rows, row);
  g_ptr_array_add (self->ids, g_strdup (id));
  if (g_strcmp0 (self->wanted, id) != 0)
    return;
  lodge_setting_link_set_row (self->link, row);
  if (self->wanted_step < 0 && gtk_widget_is_sensitive (up))
    gtk_widget_grab_focus (up);
  else if (self->wanted_step > 0 && gtk_widget_is_sensitive (down))
    gtk_widget_grab_focus (down);
  else
    gtk_widget_grab_focus (toggle);
}

/* Of the devices that there are, those of the setting first, in its order. */
static GPtrArray *
list_ids (LodgeBootOrder *self, guint *n_tried)
{
  LodgeMachineItem *item = lodge_disks_get_item (self->disks);
  g_auto (GStrv) order = g_strsplit (lodge_machine_item_setting_string (item, "boot-order", ""), ",", -1);
  GVariant *disks = lodge_disks_get (self->disks);
  GPtrArray *ids = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; order[i] != NULL; i++)
    if (*order[i] != '\0')
      g_ptr_array_add (ids, g_strdup (order[i]));
  *n_tried = ids->len;
  for (guint i = 0; i < g_variant_n_children (disks); i++)
    {
      g_autoptr (GVariant) disk = g_variant_get_child_value (disks, i);
      const char *id = lodge_disk_string (disk, "id");

      if (*id != '\0' && !g_strv_contains ((const char *const *) order, id))
        g_ptr_array_add (ids, g_strdup (id));
    }
  if (!g_strv_contains ((const char *const *) order, NIC_ID)
      && !g_str_equal (lodge_machine_item_setting_string (item, "network", "none"), "none"))
    g_ptr_array_add (ids, g_strdup (NIC_ID));
  return ids;
}

static char *
describe (LodgeBootOrder *self, GPtrArray *ids, guint n_tried)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < ids->len; i++)
    {
      g_autofree char *title = make_title (self, ids->pdata[i]);

      g_string_append_printf (text, "%s%s=%s\n", i < n_tried ? "+" : "-", (char *) ids->pdata[i], title);
    }
  return g_string_free (text, FALSE);
}

static void
update (LodgeBootOrder *self)
{
  g_autoptr (GPtrArray) ids = NULL;
  g_autofree char *text = NULL;
  guint n_tried;

  if (lodge_disks_get (self->disks) == NULL)
    return;
  ids = list_ids (self, &n_tried);
  text = describe (self, ids, n_tried);
  if (g_strcmp0 (text, self->shown) == 0)
    return;
  g_free (self->shown);
  self->shown = g_steal_pointer (&text);

  for (guint i = 0; i < self->rows->len; i++)
    adw_preferences_group_remove (ADW_PREFERENCES_GROUP (self), self->rows->pdata[i]);
  g_ptr_array_set_size (self->rows, 0);
  g_ptr_array_set_size (self->ids, 0);
  self->n_tried = n_tried;
  for (guint i = 0; i < ids->len; i++)
    add_row (self, ids->pdata[i]);
  g_clear_pointer (&self->wanted, g_free);
}

/* What was refused is shown as it is again. */
static void
refused_cb (LodgeBootOrder *self)
{
  g_clear_pointer (&self->shown, g_free);
  update (self);
}

static void
link_changed_cb (LodgeBootOrder *self)
{
  for (guint i = 0; i < self->rows->len; i++)
    {
      GtkWidget *toggle = g_object_get_data (self->rows->pdata[i], "toggle");

      if (toggle != NULL && gtk_switch_get_active (GTK_SWITCH (toggle)) != (i < self->n_tried))
        g_clear_pointer (&self->shown, g_free);
    }
  update (self);
}

static void
lodge_boot_order_dispose (GObject *object)
{
  LodgeBootOrder *self = LODGE_BOOT_ORDER (object);

  if (self->disks != NULL)
    g_signal_handlers_disconnect_by_data (self->disks, self);
  g_clear_object (&self->disks);
  if (self->link != NULL)
    g_signal_handlers_disconnect_by_data (self->link, self);
  g_clear_object (&self->link);

  G_OBJECT_CLASS (lodge_boot_order_parent_class)->dispose (object);
}

static void
lodge_boot_order_finalize (GObject *object)
{
  LodgeBootOrder *self = LODGE_BOOT_ORDER (object);

  g_ptr_array_unref (self->rows);
  g_ptr_array_unref (self->ids);
  g_free (self->shown);
  g_free (self->wanted);

  G_OBJECT_CLASS (lodge_boot_order_parent_class)->finalize (object);
}

static void
lodge_boot_order_class_init (LodgeBootOrderClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_boot_order_dispose;
  G_OBJECT_CLASS (klass)->finalize = lodge_boot_order_finalize;
}

static void
lodge_boot_order_init (LodgeBootOrder *self)
{
  self->rows = g_ptr_array_new ();
  self->ids = g_ptr_array_new_with_free_func (g_free);
  adw_preferences_group_set_title (ADW_PREFERENCES_GROUP (self), _("Starts From"));
}

void
lodge_boot_order_set_disks (LodgeBootOrder *self, LodgeDisks *disks)
{
  g_return_if_fail (self->disks == NULL);

  self->disks = g_object_ref (disks);
  self->link = lodge_setting_link_new (GTK_WIDGET (self), NULL, "boot-order");
  adw_preferences_group_set_header_suffix (ADW_PREFERENCES_GROUP (self), lodge_setting_link_get_mark (self->link));
  g_signal_connect_swapped (self->link, "changed", G_CALLBACK (link_changed_cb), self);
  g_signal_connect_swapped (self->link, "refused", G_CALLBACK (refused_cb), self);
  g_signal_connect_swapped (disks, "changed", G_CALLBACK (update), self);
  lodge_setting_link_set_item (self->link, lodge_disks_get_item (disks));
}
