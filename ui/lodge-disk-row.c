/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-disk-row.h"

#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-disk-text.h"
#include "ui/lodge-disks.h"
#include "ui/lodge-machine-text.h"

struct _LodgeDiskRow
{
  AdwExpanderRow parent_instance;

  GVariant *disk; /* (owned) (nullable) until set */

  GtkLabel *when;
  GtkWidget *attach;
  AdwActionRow *size_row;
  GtkWidget *compact;
  GtkWidget *grow;
  AdwActionRow *format_row;
  GtkMenuButton *convert;
  AdwActionRow *remove_row;
  GtkButton *delete_file;
  GtkButton *detach;
};

enum
{
  GROW,
  COMPACT,
  CONVERT,
  DETACH,
  DELETE,
  ATTACH,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgeDiskRow, lodge_disk_row, ADW_TYPE_EXPANDER_ROW)

static const char *
bus_text (const char *bus)
{
  static const struct
  {
    const char *bus;
    const char *text;
  } names[] = {
    { "virtio", "Virtio" }, { "sata", "SATA" }, { "nvme", "NVMe" }, { "ide", "IDE" }, { "scsi", "SCSI" }, { "usb", "USB" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (names[i].bus, bus))
      return names[i].text;
  return bus;
}

/* What was promised and what that takes, in one line. */
static char *
describe (GVariant *disk)
{
  const char *file = lodge_disk_string (disk, "file");
  const char *bus = bus_text (lodge_disk_string (disk, "bus"));
  g_autofree char *name = *file != '\0' ? g_path_get_basename (file) : g_strdup (_("Empty"));
  g_autofree char *size = lodge_text_size (lodge_disk_uint (disk, "size"));
  g_autofree char *used = g_format_size (lodge_disk_uint (disk, "used"));

  if (lodge_disk_boolean (disk, "cdrom"))
    return g_strdup_printf (_("%s, %s"), name, bus);
  if (lodge_disk_has (disk, "reasons", "missing"))
    return g_strdup (lodge_disk_reason_text ("missing"));
  if (!lodge_disk_boolean (disk, "attached"))
    /* Translators: sizes of a disk: what the guest sees, what its file occupies */
    return g_strdup_printf (_("%s, takes %s here; not used"), size, used);
  /* Translators: sizes of a disk: what the guest sees, what its file occupies; then its connector, "SATA" */
  return g_strdup_printf (_("%s, takes %s here; %s"), size, used, bus);
}

static const char *
why_not (GVariant *disk, const char *action, gboolean off)
{
  if (lodge_disk_has (disk, "can", action))
    return NULL;
  if (lodge_disk_has (disk, "reasons", "missing"))
    return "";
  if (lodge_disk_has (disk, "reasons", "has-children"))
    return lodge_disk_reason_text ("has-children");
  if (!off && !g_str_equal (action, "grow"))
    return _("It can be compacted and converted while the machine is off.");
  if (!g_str_equal (action, "grow") && lodge_disk_has (disk, "reasons", "layered"))
    return lodge_disk_reason_text ("layered");
  return "";
}

static void
update_size (LodgeDiskRow *self, gboolean off)
{
  const char *grow = why_not (self->disk, "grow", off);
  const char *compact = why_not (self->disk, "compact", off);
  const char *why = compact != NULL && *compact != '\0' ? compact : grow != NULL && *grow != '\0' ? grow : NULL;
  g_autofree char *size = lodge_text_size (lodge_disk_uint (self->disk, "size"));
  g_autofree char *used = g_format_size (lodge_disk_uint (self->disk, "used"));
  g_autofree char *line = g_strdup_printf (_("%s for the guest, of which %s are taken here"), size, used);
  g_autofree char *text = why != NULL ? g_strdup_printf ("%s\n%s", line, why) : g_strdup (line);

  gtk_widget_set_sensitive (self->grow, grow == NULL);
  gtk_widget_set_sensitive (self->compact, compact == NULL);
  adw_action_row_set_subtitle (self->size_row, text);
}

static GMenuModel *
make_formats (const char *present)
{
  static const char *const formats[] = { "qcow2", "raw", "vmdk", "vdi", "vpc", "vhdx" };
  GMenu *menu = g_menu_new ();

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if (!g_str_equal (formats[i], present))
      {
        g_autoptr (GMenuItem) item = g_menu_item_new (lodge_disk_format_text (formats[i]), NULL);

        g_menu_item_set_action_and_target (item, "disk.convert", "s", formats[i]);
        g_menu_append_item (menu, item);
      }
  return G_MENU_MODEL (menu);
}

static void
update_format (LodgeDiskRow *self, gboolean off)
{
  const char *format = lodge_disk_string (self->disk, "format");
  gboolean own = lodge_disk_boolean (self->disk, "own");
  /* One from outside becomes one of the machine's own, in the same format too. */
  g_autoptr (GMenuModel) formats = make_formats (own ? format : "");
  g_autoptr (GString) text = g_string_new (lodge_disk_format_text (format));
  g_autofree const char **reasons = NULL;

  if (g_variant_lookup (self->disk, "reasons", "^a&s", &reasons))
    for (guint i = 0; reasons[i] != NULL; i++)
      if (!g_str_equal (reasons[i], "missing") && lodge_disk_reason_text (reasons[i]) != NULL)
        g_string_append_printf (text, "\n%s", lodge_disk_reason_text (reasons[i]));
  adw_action_row_set_subtitle (self->format_row, text->str);
  gtk_menu_button_set_menu_model (self->convert, formats);
  gtk_widget_set_sensitive (GTK_WIDGET (self->convert), why_not (self->disk, "convert", off) == NULL);
}

static void
update_remove (LodgeDiskRow *self)
{
  gboolean drive = lodge_disk_boolean (self->disk, "cdrom");
  gboolean own = lodge_disk_boolean (self->disk, "own");
  g_autofree char *used = g_format_size (lodge_disk_uint (self->disk, "used"));
  /* Translators: a button; %s is what the file occupies */
  g_autofree char *label = g_strdup_printf (_("Delete File, %s"), used);
  gboolean can = lodge_disk_has (self->disk, "can", "detach");

  gtk_button_set_label (self->detach, drive ? _("_Remove") : _("_Detach"));
  gtk_button_set_label (self->delete_file, label);
  gtk_widget_set_visible (GTK_WIDGET (self->delete_file), !drive && own);
  gtk_widget_set_sensitive (GTK_WIDGET (self->detach), can);
  gtk_widget_set_sensitive (GTK_WIDGET (self->delete_file),
                            can && !lodge_disk_has (self->disk, "reasons", "has-children")
                              && !lodge_disk_has (self->disk, "reasons", "missing"));
  adw_action_row_set_subtitle (self->remove_row, lodge_disk_string (self->disk, own ? "file" : "path"));
  gtk_widget_set_visible (GTK_WIDGET (self->remove_row), lodge_disk_boolean (self->disk, "attached"));
}

static void
grow_cb (LodgeDiskRow *self)
{
  g_signal_emit (self, signals[GROW], 0);
}

static void
compact_cb (LodgeDiskRow *self)
{
  g_signal_emit (self, signals[COMPACT], 0);
}

static void
detach_cb (LodgeDiskRow *self)
{
  g_signal_emit (self, signals[DETACH], 0);
}

static void
delete_cb (LodgeDiskRow *self)
{
  g_signal_emit (self, signals[DELETE], 0);
}

static void
attach_cb (LodgeDiskRow *self)
{
  g_signal_emit (self, signals[ATTACH], 0);
}

static void
convert_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  g_signal_emit (user_data, signals[CONVERT], 0, g_variant_get_string (parameter, NULL));
}

static void
lodge_disk_row_finalize (GObject *object)
{
  g_clear_pointer (&LODGE_DISK_ROW (object)->disk, g_variant_unref);

  G_OBJECT_CLASS (lodge_disk_row_parent_class)->finalize (object);
}

#define BIND(child) gtk_widget_class_bind_template_child (widget_class, LodgeDiskRow, child)

static void
lodge_disk_row_class_init (LodgeDiskRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);
  static const char *const plain[] = { [GROW] = "grow", [COMPACT] = "compact", [DETACH] = "detach", [DELETE] = "delete",
                                       [ATTACH] = "attach" };

  G_OBJECT_CLASS (klass)->finalize = lodge_disk_row_finalize;

  for (guint i = 0; i < N_SIGNALS; i++)
    if (i != CONVERT)
      signals[i] = g_signal_new (plain[i], type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[CONVERT] = g_signal_new ("convert", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                   G_TYPE_STRING);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-disk-row.ui");
  BIND (when);
  BIND (attach);
  BIND (size_row);
  BIND (compact);
  BIND (grow);
  BIND (format_row);
  BIND (convert);
  BIND (remove_row);
  BIND (delete_file);
  BIND (detach);
  gtk_widget_class_bind_template_callback (widget_class, grow_cb);
  gtk_widget_class_bind_template_callback (widget_class, compact_cb);
  gtk_widget_class_bind_template_callback (widget_class, detach_cb);
  gtk_widget_class_bind_template_callback (widget_class, delete_cb);
  gtk_widget_class_bind_template_callback (widget_class, attach_cb);
}

static void
lodge_disk_row_init (LodgeDiskRow *self)
{
  static const GActionEntry actions[] = {
    { .name = "convert", .activate = convert_action, .parameter_type = "s" },
  };
  g_autoptr (GSimpleActionGroup) group = g_simple_action_group_new ();

  gtk_widget_init_template (GTK_WIDGET (self));
  g_action_map_add_action_entries (G_ACTION_MAP (group), actions, G_N_ELEMENTS (actions), self);
  gtk_widget_insert_action_group (GTK_WIDGET (self), "disk", G_ACTION_GROUP (group));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->convert), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Convert"), -1);
}

GtkWidget *
lodge_disk_row_new (void)
{
  return g_object_new (LODGE_TYPE_DISK_ROW, NULL);
}

void
lodge_disk_row_set_disk (LodgeDiskRow *self, GVariant *disk, gboolean off)
{
  g_autofree char *title = lodge_disk_title (disk);
  g_autofree char *subtitle = describe (disk);
  gboolean drive = lodge_disk_boolean (disk, "cdrom");
  gboolean attached = lodge_disk_boolean (disk, "attached");
  gboolean missing = lodge_disk_has (disk, "reasons", "missing");

  g_clear_pointer (&self->disk, g_variant_unref);
  self->disk = g_variant_ref (disk);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self), title);
  adw_expander_row_set_subtitle (ADW_EXPANDER_ROW (self), subtitle);
  adw_expander_row_set_icon_name (ADW_EXPANDER_ROW (self), missing ? "dialog-warning-symbolic"
                                                           : drive ? "media-optical-symbolic"
                                                                   : "drive-harddisk-symbolic");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
  gtk_label_set_label (self->when, _("At Next Start"));
  gtk_widget_set_visible (GTK_WIDGET (self->when), lodge_disk_boolean (disk, "waits"));
  gtk_widget_add_css_class (GTK_WIDGET (self->when), "waiting");
  gtk_widget_set_visible (self->attach, lodge_disk_has (disk, "can", "attach"));
  adw_expander_row_set_enable_expansion (ADW_EXPANDER_ROW (self), attached);
  gtk_widget_set_visible (GTK_WIDGET (self->size_row), !drive && !missing);
  gtk_widget_set_visible (GTK_WIDGET (self->format_row), !drive && !missing);
  update_size (self, off);
  update_format (self, off);
  update_remove (self);
}

GVariant *
lodge_disk_row_get_disk (LodgeDiskRow *self)
{
  return self->disk;
}
