/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-settings-window.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "ui/lodge-amount-row.h"
#include "ui/lodge-machine-text.h"
#include "ui/lodge-setting-change.h"

#define MIB (1024.0 * 1024.0)
#define CORES_MAX 288.0

struct _LodgeSettingsWindow
{
  AdwPreferencesWindow parent_instance;

  LodgeLibrary *library;  /* (owned) */
  LodgeMachineItem *item; /* (owned) */
  gboolean reading;       /* the rows are being filled from the machine */

  AdwPreferencesPage *system;
  AdwPreferencesPage *display;
  AdwPreferencesPage *storage;
  AdwPreferencesPage *network;
  AdwEntryRow *name;
  GtkLabel *name_when;
  LodgeAmountRow *cores;
  LodgeAmountRow *memory;
  GtkLabel *firmware;
  AdwActionRow *acceleration;
  GtkSwitch *accel_3d;
  AdwActionRow *accel_3d_row;
  GtkLabel *accel_3d_when;
  AdwActionRow *disk;
  AdwActionRow *medium;
  AdwComboRow *network_kind;
  GtkLabel *network_when;
};

G_DEFINE_FINAL_TYPE (LodgeSettingsWindow, lodge_settings_window, ADW_TYPE_PREFERENCES_WINDOW)

/* What waits is told by the core; what would wait, before it is changed, is in the table of docs/DBUS "Settings". */
static const char *
when_text (LodgeSettingsWindow *self, const char *key)
{
  static const char *const at_once[] = { "name", "os", "cd", NULL };

  if (lodge_machine_item_is_pending (self->item, key))
    return _("At Next Start");
  if (!lodge_machine_item_is_up (self->item))
    return NULL;
  return g_strv_contains (at_once, key) ? _("Now") : _("At Next Start");
}

static void
set_when (GtkLabel *label, const char *when)
{
  gtk_widget_set_visible (GTK_WIDGET (label), when != NULL);
  gtk_label_set_label (label, when != NULL ? when : "");
}

static void
update_memory_hint (LodgeSettingsWindow *self)
{
  guint64 total = lodge_library_host_uint (self->library, "memory", 0);
  guint64 available = lodge_library_host_uint (self->library, "memory-available", 0);
  double bytes = lodge_amount_row_get_value (self->memory) * MIB;
  g_autofree char *size = lodge_text_size ((guint64) bytes);
  g_autofree char *of = lodge_text_size (total);
  gboolean much = available > 0 && bytes > (double) available;
  g_autofree char *hint = NULL;

  if (total == 0)
    return;
  if (much)
    hint = g_strdup_printf (_("%s of %s: other programs may slow down"), size, of);
  lodge_amount_row_set_hint (self->memory, hint, much);
}

static void
update_3d (LodgeSettingsWindow *self)
{
  gboolean wanted = lodge_machine_item_setting_boolean (self->item, "3d", FALSE);
  /* What a running machine has; what the next start will bring once that differs. */
  gboolean now = lodge_machine_item_is_up (self->item) && !lodge_machine_item_is_pending (self->item, "3d");
  const char *possible = lodge_library_host_first (self->library, "gl-backends", "none");
  const char *host_reason = lodge_library_host_string (self->library, "gl-reason", "");
  g_autofree char *text = NULL;

  if (!wanted && !g_str_equal (possible, "none"))
    text = g_strdup (_("Draws the guest’s windows and games with this computer’s graphics card"));
  else if (wanted && now)
    text = lodge_machine_text_3d (lodge_machine_item_effective_string (self->item, "3d", "none"),
                                  lodge_machine_item_effective_string (self->item, "3d-reason", ""));
  else
    text = lodge_machine_text_3d (possible, host_reason);
  adw_action_row_set_subtitle (self->accel_3d_row, text);
  gtk_switch_set_active (self->accel_3d, wanted);
  set_when (self->accel_3d_when, when_text (self, "3d"));
}

static void
update_acceleration (LodgeSettingsWindow *self)
{
  const char *now = lodge_machine_item_effective_string (self->item, "accelerator", NULL);

  if (now == NULL)
    now = lodge_library_host_string (self->library, "acceleration", "");
  gtk_widget_set_visible (GTK_WIDGET (self->acceleration), *now != '\0');
  adw_action_row_set_subtitle (self->acceleration,
                               g_str_equal (now, "kvm")
                                 ? _("Hardware virtualisation (KVM)")
                                 : _("In software, about 10 times slower: hardware virtualisation is not available"));
}

static void
update (LodgeSettingsWindow *self)
{
  const char *disk = lodge_machine_item_setting_string (self->item, "disk", "");
  const char *cd = lodge_machine_item_setting_string (self->item, "cd", "");
  guint64 size = lodge_machine_item_setting_uint (self->item, "disk-size", 0);
  g_autofree char *bytes = lodge_text_size (size);
  g_autofree char *disk_name = *disk != '\0' ? g_path_get_basename (disk) : g_strdup (_("None"));
  g_autofree char *disk_line = size > 0 ? g_strdup_printf (_("%s, %s"), disk_name, bytes) : g_strdup (disk_name);
  g_autofree char *medium = *cd != '\0' ? g_path_get_basename (cd) : g_strdup (_("Empty"));
  const char *network = lodge_machine_item_setting_string (self->item, "network", "none");

  self->reading = TRUE;
  if (!gtk_widget_has_focus (GTK_WIDGET (gtk_editable_get_delegate (GTK_EDITABLE (self->name)))) &&
      g_strcmp0 (gtk_editable_get_text (GTK_EDITABLE (self->name)), lodge_machine_item_get_name (self->item)) != 0)
    gtk_editable_set_text (GTK_EDITABLE (self->name), lodge_machine_item_get_name (self->item));
  lodge_amount_row_set_value (self->cores, (double) lodge_machine_item_setting_uint (self->item, "cores", 1));
  lodge_amount_row_set_value (self->memory, (double) lodge_machine_item_setting_uint (self->item, "memory", 0) / MIB);
  set_when (self->name_when, when_text (self, "name"));
  lodge_amount_row_set_when (self->cores, when_text (self, "cores"));
  lodge_amount_row_set_when (self->memory, when_text (self, "memory"));
  gtk_label_set_label (self->firmware,
                       lodge_text_firmware (lodge_machine_item_setting_string (self->item, "firmware", "none")));
  adw_action_row_set_subtitle (self->disk, disk_line);
  adw_action_row_set_subtitle (self->medium, medium);
  adw_combo_row_set_selected (self->network_kind, g_str_equal (network, "none") ? 1 : 0);
  set_when (self->network_when, when_text (self, "network"));
  update_memory_hint (self);
  update_acceleration (self);
  update_3d (self);
  self->reading = FALSE;
}

static void
name_apply_cb (LodgeSettingsWindow *self)
{
  g_autofree char *name = g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->name))));
  g_autofree char *done = g_strdup_printf (_("Renamed to “%s”"), name);

  if (!g_str_equal (name, lodge_machine_item_get_name (self->item)))
    lodge_setting_change (GTK_WIDGET (self), self->item, "name", g_variant_new_string (name), done);
}

static void
cores_cb (LodgeSettingsWindow *self)
{
  guint cores = (guint) lodge_amount_row_get_value (self->cores);
  g_autofree char *done = NULL;

  if (cores == lodge_machine_item_setting_uint (self->item, "cores", 1))
    return;
  done = g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "The machine has %u core", "The machine has %u cores", cores),
                          cores);
  lodge_setting_change (GTK_WIDGET (self), self->item, "cores", g_variant_new_uint32 (cores), done);
}

static void
memory_cb (LodgeSettingsWindow *self)
{
  guint64 bytes = (guint64) lodge_amount_row_get_value (self->memory) * 1024 * 1024;
  g_autofree char *size = lodge_text_size (bytes);
  g_autofree char *done = g_strdup_printf (_("The machine has %s of memory"), size);

  if (bytes != lodge_machine_item_setting_uint (self->item, "memory", 0))
    lodge_setting_change (GTK_WIDGET (self), self->item, "memory", g_variant_new_uint64 (bytes), done);
}

static gboolean
accel_3d_cb (LodgeSettingsWindow *self, gboolean active)
{
  if (!self->reading && active != lodge_machine_item_setting_boolean (self->item, "3d", FALSE))
    lodge_setting_change (GTK_WIDGET (self), self->item, "3d", g_variant_new_boolean (active),
                          active ? _("3D acceleration switched on") : _("3D acceleration switched off"));
  return FALSE;
}

static void
network_cb (LodgeSettingsWindow *self)
{
  const char *kind = adw_combo_row_get_selected (self->network_kind) == 0 ? "user" : "none";

  if (self->reading || g_str_equal (kind, lodge_machine_item_setting_string (self->item, "network", "none")))
    return;
  lodge_setting_change (GTK_WIDGET (self), self->item, "network", g_variant_new_string (kind),
                        g_str_equal (kind, "user") ? _("Network connected") : _("Network disconnected"));
}

static void
setup_ranges (LodgeSettingsWindow *self)
{
  double cores = (double) lodge_library_host_uint (self->library, "cores", 0);
  double total = (double) lodge_library_host_uint (self->library, "memory", 0) / MIB;
  double available = (double) lodge_library_host_uint (self->library, "memory-available", 0) / MIB;
  double have_cores = (double) lodge_machine_item_setting_uint (self->item, "cores", 1);
  double have_memory = (double) lodge_machine_item_setting_uint (self->item, "memory", 0) / MIB;

  /* A machine from a larger host keeps what it has until the person changes it. */
  lodge_amount_row_setup (self->cores, LODGE_AMOUNT_COUNT, 1, MIN (MAX (MAX (cores, 2), have_cores), CORES_MAX), 0,
                          cores);
  lodge_amount_row_setup (self->memory, LODGE_AMOUNT_MEMORY, 16, MAX (floor (total), MAX (have_memory, 1024)), 0,
                          available);
}

static void
lodge_settings_window_dispose (GObject *object)
{
  LodgeSettingsWindow *self = LODGE_SETTINGS_WINDOW (object);

  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);

  G_OBJECT_CLASS (lodge_settings_window_parent_class)->dispose (object);
}

static void
lodge_settings_window_finalize (GObject *object)
{
  LodgeSettingsWindow *self = LODGE_SETTINGS_WINDOW (object);

  g_clear_object (&self->item);
  g_clear_object (&self->library);

  G_OBJECT_CLASS (lodge_settings_window_parent_class)->finalize (object);
}

static void
lodge_settings_window_class_init (LodgeSettingsWindowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = lodge_settings_window_dispose;
  object_class->finalize = lodge_settings_window_finalize;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-settings-window.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, system);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, display);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, storage);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, network);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, name);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, name_when);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, cores);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, memory);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, firmware);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, acceleration);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, accel_3d);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, accel_3d_row);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, accel_3d_when);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, disk);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, medium);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, network_kind);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, network_when);
  gtk_widget_class_bind_template_callback (widget_class, name_apply_cb);
  gtk_widget_class_bind_template_callback (widget_class, cores_cb);
  gtk_widget_class_bind_template_callback (widget_class, memory_cb);
  gtk_widget_class_bind_template_callback (widget_class, update_memory_hint);
  gtk_widget_class_bind_template_callback (widget_class, accel_3d_cb);
  gtk_widget_class_bind_template_callback (widget_class, network_cb);
}

static void
lodge_settings_window_init (LodgeSettingsWindow *self)
{
  g_type_ensure (LODGE_TYPE_AMOUNT_ROW);
  /* Rows send their signals while the template is built, before there is a machine. */
  self->reading = TRUE;
  gtk_widget_init_template (GTK_WIDGET (self));
}

static AdwPreferencesPage *
find_page (LodgeSettingsWindow *self, const char *name)
{
  if (g_strcmp0 (name, "display") == 0)
    return self->display;
  if (g_strcmp0 (name, "storage") == 0)
    return self->storage;
  if (g_strcmp0 (name, "network") == 0)
    return self->network;
  return self->system;
}

GtkWidget *
lodge_settings_window_new (LodgeLibrary *library, LodgeMachineItem *item, const char *page)
{
  LodgeSettingsWindow *self = g_object_new (LODGE_TYPE_SETTINGS_WINDOW, NULL);

  self->library = g_object_ref (library);
  self->item = g_object_ref (item);
  setup_ranges (self);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  update (self);
  adw_preferences_window_set_visible_page (ADW_PREFERENCES_WINDOW (self), find_page (self, page));
  return GTK_WIDGET (self);
}
