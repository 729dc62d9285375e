/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-settings-window.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "core/ipc/lodge-doctor-text.h"
#include "ui/lodge-amount-row.h"
#include "ui/lodge-amounts.h"
#include "ui/lodge-boot-order.h"
#include "ui/lodge-choice-row.h"
#include "ui/lodge-disk-group.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-fix-dialog.h"
#include "ui/lodge-image-chooser.h"
#include "ui/lodge-machine-text.h"
#include "ui/lodge-row-place.h"
#include "ui/lodge-setting-link.h"
#include "ui/lodge-switch-row.h"
#include "ui/lodge-text-row.h"

#define MIB (1024.0 * 1024.0)
#define NARROW 480

struct _LodgeSettingsWindow
{
  AdwPreferencesWindow parent_instance;

  LodgeLibrary *library;         /* (owned) */
  LodgeMachineItem *item;        /* (owned) */
  GVariant *amounts;             /* (owned) a{sv}: what this computer has and can spare */
  GCancellable *cancellable;     /* (owned) */
  GtkFileChooserNative *chooser; /* (owned) (nullable) */
  LodgeSettingLink *cores_link;  /* (owned) */
  LodgeSettingLink *memory_link; /* (owned) */
  LodgeSettingLink *medium_link; /* (owned) */
  LodgeDisks *disks;             /* (owned) */

  AdwPreferencesPage *general;
  AdwPreferencesPage *system;
  AdwPreferencesPage *display;
  AdwPreferencesPage *storage;
  AdwPreferencesPage *network;
  AdwPreferencesPage *sound_page;
  LodgeTextRow *name;
  AdwActionRow *folder;
  LodgeAmountRow *cores;
  LodgeAmountRow *memory;
  LodgeChoiceRow *cpu;
  AdwActionRow *acceleration;
  AdwActionRow *confinement;
  GtkWidget *fix;
  GtkWidget *fix_confinement;
  LodgeChoiceRow *firmware;
  LodgeSwitchRow *secure_boot;
  LodgeSwitchRow *tpm;
  GtkWidget *kernel_group;
  AdwActionRow *kernel;
  AdwActionRow *initrd;
  LodgeTextRow *append;
  LodgeChoiceRow *clock;
  LodgeSwitchRow *balloon;
  LodgeSwitchRow *hyperv;
  LodgeSwitchRow *accel_3d;
  LodgeChoiceRow *video;
  AdwActionRow *medium;
  GtkLabel *medium_when;
  GtkWidget *eject;
  GtkButton *insert;
  LodgeDiskGroup *disk_group;
  LodgeBootOrder *boot_order;
  LodgeChoiceRow *network_kind;
  LodgeChoiceRow *nic_model;
  LodgeTextRow *mac;
  LodgeChoiceRow *pointer;
  LodgeChoiceRow *sound;
  AdwActionRow *sound_host;
};

G_DEFINE_FINAL_TYPE (LodgeSettingsWindow, lodge_settings_window, ADW_TYPE_PREFERENCES_WINDOW)

static void
update_memory_hint (LodgeSettingsWindow *self)
{
  if (self->amounts != NULL)
    lodge_amount_row_tell_memory (self->memory, self->amounts);
}

static void
update_cores_hint (LodgeSettingsWindow *self)
{
  if (self->amounts != NULL)
    lodge_amount_row_tell_cores (self->cores, self->amounts);
}

static char *
describe_3d (LodgeSettingsWindow *self)
{
  gboolean wanted = lodge_machine_item_setting_boolean (self->item, "3d", FALSE);
  /* What a running machine has; what the next start will bring once that differs. */
  gboolean now = lodge_machine_item_is_up (self->item) && !lodge_machine_item_is_pending (self->item, "3d");
  const char *possible = lodge_library_host_first (self->library, "gl-backends", "none");
  const char *host_reason = lodge_library_host_string (self->library, "gl-reason", "");

  if (!g_str_equal (lodge_machine_item_setting_string (self->item, "video", "virtio"), "virtio"))
    return g_strdup (_("Needs the display device Virtio"));
  if (wanted && now)
    return lodge_machine_text_3d (lodge_machine_item_effective_string (self->item, "3d", "none"),
                                  lodge_machine_item_effective_string (self->item, "3d-reason", ""));
  return lodge_machine_text_3d (possible, host_reason);
}

/* Why something cannot be switched on; what could be is said by the subtitles. */
static void
update_obstacles (LodgeSettingsWindow *self)
{
  gboolean uefi = g_str_equal (lodge_machine_item_setting_string (self->item, "firmware", ""), "uefi");
  gboolean swtpm = lodge_library_has_feature (self->library, "swtpm");
  gboolean virtio = g_str_equal (lodge_machine_item_setting_string (self->item, "video", "virtio"), "virtio");
  g_autofree char *text_3d = describe_3d (self);

  lodge_switch_row_set_obstacle (self->secure_boot, uefi ? NULL : _("Needs UEFI firmware"));
  lodge_switch_row_set_obstacle (self->tpm, !uefi    ? _("Needs UEFI firmware")
                                            : !swtpm ? _("Not available: swtpm is not installed on this computer")
                                                     : NULL);
  /* A wish for 3D may be kept for a computer that can; so it is no obstacle that this one cannot. */
  lodge_switch_row_set_obstacle (self->accel_3d, virtio ? NULL : text_3d);
  if (virtio)
    adw_action_row_set_subtitle (ADW_ACTION_ROW (self->accel_3d), text_3d);
}

static void
update_acceleration (LodgeSettingsWindow *self)
{
  const char *now = lodge_machine_item_effective_string (self->item, "accelerator", NULL);
  gboolean kvm;

  if (now == NULL)
    now = lodge_library_host_string (self->library, "acceleration", "");
  kvm = g_str_equal (now, "kvm");
  gtk_widget_set_visible (GTK_WIDGET (self->acceleration), *now != '\0');
  gtk_widget_set_visible (self->fix, !kvm && g_str_equal (lodge_library_host_string (self->library, "acceleration", ""),
                                                          "tcg"));
  adw_action_row_set_subtitle (self->acceleration,
                               kvm ? _("Hardware virtualisation (KVM)")
                                   : _("In software, about 10 times slower: hardware virtualisation is not available"));
}

/* What the running guest has, or else what the next start will bring. */
static const char *
get_confinement (LodgeSettingsWindow *self, const char *key)
{
  const char *now = lodge_machine_item_effective_string (self->item, key, NULL);

  return now != NULL ? now : lodge_library_host_string (self->library, key, "");
}

static void
update_confinement (LodgeSettingsWindow *self)
{
  const char *level = get_confinement (self, "confinement");
  g_autofree char *weaker = lodge_confinement_text (level, get_confinement (self, "confinement-reason"));

  gtk_widget_set_visible (GTK_WIDGET (self->confinement), *level != '\0');
  gtk_widget_set_visible (self->fix_confinement, weaker != NULL);
  adw_action_row_set_subtitle (self->confinement,
                               weaker != NULL ? weaker : _("The guest sees its own folder and nothing else of yours (bubblewrap)"));
}

static void
update_storage (LodgeSettingsWindow *self)
{
  const char *cd = lodge_machine_item_setting_string (self->item, "cd", "");
  g_autofree char *medium = *cd != '\0' ? g_path_get_basename (cd) : g_strdup (_("Empty"));

  adw_action_row_set_subtitle (self->medium, medium);
  gtk_widget_set_visible (self->eject, *cd != '\0');
  gtk_button_set_label (self->insert, *cd != '\0' ? _("Change…") : _("Insert…"));
}

/* The search finds what is hidden, too, unless it has no title. */
static void
show_row (AdwPreferencesRow *row, gboolean shown)
{
  const char *title = g_object_get_data (G_OBJECT (row), "title");

  if (title == NULL)
    {
      title = g_strdup (adw_preferences_row_get_title (row));
      g_object_set_data_full (G_OBJECT (row), "title", (gpointer) title, g_free);
    }
  adw_preferences_row_set_title (row, shown ? title : "");
  gtk_widget_set_visible (GTK_WIDGET (row), shown);
}

static void
update_kernel (LodgeSettingsWindow *self)
{
  const char *kernel = lodge_machine_item_setting_string (self->item, "kernel", "");
  const char *initrd = lodge_machine_item_setting_string (self->item, "initrd", "");

  gtk_widget_set_visible (self->kernel_group, *kernel != '\0');
  show_row (ADW_PREFERENCES_ROW (self->kernel), *kernel != '\0');
  show_row (ADW_PREFERENCES_ROW (self->initrd), *initrd != '\0');
  show_row (ADW_PREFERENCES_ROW (self->append), *kernel != '\0');
  adw_action_row_set_subtitle (self->kernel, kernel);
  adw_action_row_set_subtitle (self->initrd, initrd);
}

/* Without a drive there is nowhere to insert a disc. */
static void
disks_changed_cb (LodgeSettingsWindow *self)
{
  GVariant *disks = lodge_disks_get (self->disks);
  gboolean drive = FALSE;

  for (guint i = 0; i < g_variant_n_children (disks); i++)
    {
      g_autoptr (GVariant) disk = g_variant_get_child_value (disks, i);

      drive |= lodge_disk_boolean (disk, "cdrom");
    }
  gtk_widget_set_visible (GTK_WIDGET (self->medium), drive);
}

static void
update (LodgeSettingsWindow *self)
{
  const char *audio = lodge_library_host_string (self->library, "audio", "none");

  adw_action_row_set_subtitle (self->folder, lodge_machine_item_get_folder (self->item));
  adw_action_row_set_subtitle (self->sound_host, g_str_equal (audio, "none")
                                                   ? _("This session has no sound server: guests are silent")
                                                   : _("Heard while its console is open"));
  update_kernel (self);
  update_storage (self);
  update_memory_hint (self);
  update_cores_hint (self);
  update_acceleration (self);
  update_confinement (self);
  update_obstacles (self);
}

static void
setup_ranges (LodgeSettingsWindow *self)
{
  double cores = (double) lodge_amounts_get (self->amounts, "cores-host");
  double total = (double) lodge_amounts_get (self->amounts, "memory-maximum") / MIB;
  double available = (double) lodge_amounts_get (self->amounts, "memory-free") / MIB;
  double recommended_memory = (double) lodge_amounts_get (self->amounts, "memory-recommended") / MIB;
  double recommended_cores = (double) lodge_amounts_get (self->amounts, "cores-recommended");
  double have_cores = (double) lodge_machine_item_setting_uint (self->item, "cores", 1);
  double have_memory = (double) lodge_machine_item_setting_uint (self->item, "memory", 0) / MIB;

  /* A machine from a larger host keeps what it has until the person changes it. */
  lodge_amount_row_setup (self->cores, LODGE_AMOUNT_COUNT, 1, MAX (MAX (cores, 2), have_cores), recommended_cores, 0);
  lodge_amount_row_setup (self->memory, LODGE_AMOUNT_MEMORY, 16, MAX (floor (total), MAX (have_memory, 1024)),
                          recommended_memory, available);
}

static void
show_cores (LodgeSettingsWindow *self)
{
  /* What another client sets may be more than this host has. */
  setup_ranges (self);
  lodge_amount_row_set_value (self->cores, (double) lodge_machine_item_setting_uint (self->item, "cores", 1));
}

static void
show_memory (LodgeSettingsWindow *self)
{
  setup_ranges (self);
  lodge_amount_row_set_value (self->memory, (double) lodge_machine_item_setting_uint (self->item, "memory", 0) / MIB);
}

static void
cores_cb (LodgeSettingsWindow *self)
{
  guint cores = (guint) lodge_amount_row_get_value (self->cores);
  g_autofree char *number = g_strdup_printf ("%u", cores);
  g_autofree char *done = g_strdup_printf (_("%s: %s"), _("Cores"), number);

  lodge_setting_link_change (self->cores_link, g_variant_new_uint32 (cores), done);
}

static void
memory_cb (LodgeSettingsWindow *self)
{
  guint64 bytes = (guint64) lodge_amount_row_get_value (self->memory) * 1024 * 1024;
  g_autofree char *size = lodge_text_size (bytes);
  g_autofree char *done = g_strdup_printf (_("%s: %s"), _("Memory"), size);

  lodge_setting_link_change (self->memory_link, g_variant_new_uint64 (bytes), done);
}

static void
new_mac_cb (LodgeSettingsWindow *self)
{
  lodge_text_row_apply (self->mac, "");
}

static void
show_folder_cb (LodgeSettingsWindow *self)
{
  g_autofree char *uri = g_filename_to_uri (lodge_machine_item_get_folder (self->item), NULL, NULL);

  if (uri != NULL)
    gtk_show_uri (GTK_WINDOW (self), uri, GDK_CURRENT_TIME);
}

static void
how_to_fix_cb (LodgeSettingsWindow *self)
{
  lodge_fix_dialog_present (GTK_WIDGET (self), "kvm",
                            lodge_library_host_string (self->library, "acceleration-reason", "probe-failed"), NULL);
}

static void
fix_confinement_cb (LodgeSettingsWindow *self)
{
  lodge_fix_dialog_present (GTK_WIDGET (self), "confinement", get_confinement (self, "confinement-reason"),
                            g_variant_new_parsed ("{'level': <%s>}", get_confinement (self, "confinement")));
}

static void
set_medium (LodgeSettingsWindow *self, const char *path)
{
  g_autofree char *base = g_path_get_basename (path);
  g_autofree char *display = g_filename_display_name (base);
  g_autofree char *done = *path != '\0' ? g_strdup_printf (_("“%s” inserted"), display) : g_strdup (_("CD ejected"));

  lodge_setting_link_change (self->medium_link, g_variant_new_string (path), done);
}

static void
eject_cb (LodgeSettingsWindow *self)
{
  set_medium (self, "");
}

static void
medium_chosen_cb (LodgeSettingsWindow *self, int response)
{
  if (response == GTK_RESPONSE_ACCEPT)
    {
      g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (self->chooser));
      g_autofree char *path = file != NULL ? g_file_get_path (file) : NULL;

      if (path != NULL && g_utf8_validate (path, -1, NULL))
        set_medium (self, path);
      else
        lodge_feedback_toast (GTK_WIDGET (self), _("Only files on this computer can be used. Copy the image here first."));
    }
  g_clear_object (&self->chooser);
}

static void
insert_cb (LodgeSettingsWindow *self)
{
  g_clear_object (&self->chooser);
  self->chooser = lodge_image_chooser_new (GTK_WINDOW (self));
  g_signal_connect_swapped (self->chooser, "response", G_CALLBACK (medium_chosen_cb), self);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (self->chooser));
}

static void
amounts_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeSettingsWindow *self = user_data;
  GVariant *amounts = lodge_amounts_finish (result, NULL);

  if (amounts == NULL)
    return;
  g_variant_unref (self->amounts);
  self->amounts = amounts;
  setup_ranges (self);
  update (self);
}

static LodgeSettingLink *
link_row (LodgeSettingsWindow *self, gpointer row, GtkLabel *mark, const char *key, GCallback show)
{
  LodgeSettingLink *link = lodge_setting_link_new (row, mark, key);

  if (show != NULL)
    {
      g_signal_connect_swapped (link, "changed", show, self);
      g_signal_connect_swapped (link, "refused", show, self);
    }
  lodge_setting_link_set_item (link, self->item);
  return link;
}

static void
setup_rows (LodgeSettingsWindow *self)
{
  LodgeChoiceRow *choices[] = { self->cpu, self->firmware, self->clock, self->video, self->network_kind,
                                self->nic_model, self->sound, self->pointer };
  LodgeSwitchRow *switches[] = { self->secure_boot, self->tpm, self->balloon, self->hyperv, self->accel_3d };

  for (guint i = 0; i < G_N_ELEMENTS (choices); i++)
    lodge_choice_row_set_item (choices[i], self->item);
  for (guint i = 0; i < G_N_ELEMENTS (switches); i++)
    lodge_switch_row_set_item (switches[i], self->item);
  lodge_text_row_set_item (self->name, self->item);
  lodge_text_row_set_item (self->mac, self->item);
  lodge_text_row_set_item (self->append, self->item);
  self->cores_link = link_row (self, self->cores, lodge_amount_row_get_mark (self->cores), "cores",
                               G_CALLBACK (show_cores));
  self->memory_link = link_row (self, self->memory, lodge_amount_row_get_mark (self->memory), "memory",
                                G_CALLBACK (show_memory));
  self->medium_link = link_row (self, self->medium, self->medium_when, "cd", NULL);
  self->disks = lodge_disks_new (self->item);
  g_signal_connect_swapped (self->disks, "changed", G_CALLBACK (disks_changed_cb), self);
  lodge_disk_group_set_disks (self->disk_group, self->library, self->disks);
  lodge_boot_order_set_disks (self->boot_order, self->disks);
}

static void
drop_link (LodgeSettingsWindow *self, LodgeSettingLink **link)
{
  if (*link != NULL)
    g_signal_handlers_disconnect_by_data (*link, self);
  g_clear_object (link);
}

/* A text field has an Undo of its own, which is meant while something is being typed there. */
static gboolean
is_typing (LodgeSettingsWindow *self)
{
  GtkWidget *focus = gtk_window_get_focus (GTK_WINDOW (self));
  GtkWidget *row;

  if (!GTK_IS_TEXT (focus) || gtk_widget_get_ancestor (focus, LODGE_TYPE_AMOUNT_ROW) != NULL)
    return FALSE;
  row = gtk_widget_get_ancestor (focus, LODGE_TYPE_TEXT_ROW);
  return row == NULL || lodge_text_row_is_typing (LODGE_TEXT_ROW (row));
}

static gboolean
key_cb (LodgeSettingsWindow *self, guint keyval, guint keycode, GdkModifierType state)
{
  LodgeUndo *undo = lodge_undo_find (GTK_WIDGET (self));

  if (keyval != GDK_KEY_z || (state & gtk_accelerator_get_default_mod_mask ()) != GDK_CONTROL_MASK || undo == NULL
      || lodge_undo_get_title (undo) == NULL || is_typing (self))
    return FALSE;
  lodge_undo_take_last (undo, GTK_WIDGET (self));
  return TRUE;
}

static GtkWidget *
find_mark (GtkWidget *top)
{
  GtkWidget *found = NULL;

  if (GTK_IS_LABEL (top) && gtk_widget_has_css_class (top, "setting-when"))
    return top;
  for (GtkWidget *child = gtk_widget_get_first_child (top); child != NULL && found == NULL;
       child = gtk_widget_get_next_sibling (child))
    found = find_mark (child);
  return found;
}

/* Where there is room, "At Next Start" stands before what is chosen; else below what it is about, so that the choice can be
 * read. */
static void
place_marks (GtkWidget *top, gboolean narrow)
{
  if (LODGE_IS_TEXT_ROW (top))
    {
      lodge_text_row_set_narrow (LODGE_TEXT_ROW (top), narrow);
      return;
    }
  if (ADW_IS_ACTION_ROW (top))
    {
      GtkWidget *mark = find_mark (top);

      if (mark != NULL)
        lodge_row_place (ADW_ACTION_ROW (top), mark, narrow);
      return;
    }
  for (GtkWidget *child = gtk_widget_get_first_child (top); child != NULL; child = gtk_widget_get_next_sibling (child))
    place_marks (child, narrow);
}

/* The bar at the bottom has as much room for the names of its pages as it has, however large the text is. */
static void
width_cb (LodgeSettingsWindow *self)
{
  int width, height;
  gboolean narrow;

  gtk_window_get_default_size (GTK_WINDOW (self), &width, &height);
  narrow = width < NARROW;
  if (narrow == gtk_widget_has_css_class (GTK_WIDGET (self), "narrow"))
    return;
  if (narrow)
    gtk_widget_add_css_class (GTK_WIDGET (self), "narrow");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self), "narrow");
  place_marks (GTK_WIDGET (self), narrow);
}

/* What was chosen a moment ago is applied while there is still a window that keeps how to undo it. */
static gboolean
lodge_settings_window_close_request (GtkWindow *window)
{
  lodge_amount_row_commit (LODGE_SETTINGS_WINDOW (window)->memory);
  lodge_amount_row_commit (LODGE_SETTINGS_WINDOW (window)->cores);
  return GTK_WINDOW_CLASS (lodge_settings_window_parent_class)->close_request (window);
}

static void
lodge_settings_window_dispose (GObject *object)
{
  LodgeSettingsWindow *self = LODGE_SETTINGS_WINDOW (object);

  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->chooser);
  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);

  /* The rows give what was chosen a moment ago to their links while they go. */
  G_OBJECT_CLASS (lodge_settings_window_parent_class)->dispose (object);
  drop_link (self, &self->cores_link);
  drop_link (self, &self->memory_link);
  drop_link (self, &self->medium_link);
  if (self->disks != NULL)
    g_signal_handlers_disconnect_by_data (self->disks, self);
  g_clear_object (&self->disks);
}

static void
lodge_settings_window_finalize (GObject *object)
{
  LodgeSettingsWindow *self = LODGE_SETTINGS_WINDOW (object);

  g_clear_pointer (&self->amounts, g_variant_unref);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->item);
  g_clear_object (&self->library);

  G_OBJECT_CLASS (lodge_settings_window_parent_class)->finalize (object);
}

#define BIND(child) gtk_widget_class_bind_template_child (widget_class, LodgeSettingsWindow, child)

static void
lodge_settings_window_class_init (LodgeSettingsWindowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = lodge_settings_window_dispose;
  object_class->finalize = lodge_settings_window_finalize;
  GTK_WINDOW_CLASS (klass)->close_request = lodge_settings_window_close_request;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-settings-window.ui");
  BIND (general);
  BIND (system);
  BIND (display);
  BIND (storage);
  BIND (network);
  BIND (sound_page);
  BIND (name);
  BIND (folder);
  BIND (cores);
  BIND (memory);
  BIND (cpu);
  BIND (acceleration);
  BIND (confinement);
  BIND (fix_confinement);
  BIND (fix);
  BIND (firmware);
  BIND (secure_boot);
  BIND (tpm);
  BIND (kernel_group);
  BIND (kernel);
  BIND (initrd);
  BIND (append);
  BIND (clock);
  BIND (balloon);
  BIND (hyperv);
  BIND (accel_3d);
  BIND (video);
  BIND (medium);
  BIND (medium_when);
  BIND (eject);
  BIND (insert);
  BIND (disk_group);
  BIND (boot_order);
  BIND (network_kind);
  BIND (nic_model);
  BIND (mac);
  BIND (pointer);
  BIND (sound);
  BIND (sound_host);
  gtk_widget_class_bind_template_callback (widget_class, cores_cb);
  gtk_widget_class_bind_template_callback (widget_class, memory_cb);
  gtk_widget_class_bind_template_callback (widget_class, update_memory_hint);
  gtk_widget_class_bind_template_callback (widget_class, update_cores_hint);
  gtk_widget_class_bind_template_callback (widget_class, new_mac_cb);
  gtk_widget_class_bind_template_callback (widget_class, show_folder_cb);
  gtk_widget_class_bind_template_callback (widget_class, how_to_fix_cb);
  gtk_widget_class_bind_template_callback (widget_class, fix_confinement_cb);
  gtk_widget_class_bind_template_callback (widget_class, eject_cb);
  gtk_widget_class_bind_template_callback (widget_class, insert_cb);
}

static void
lodge_settings_window_init (LodgeSettingsWindow *self)
{
  GtkEventController *keys = gtk_event_controller_key_new ();

  g_type_ensure (LODGE_TYPE_AMOUNT_ROW);
  g_type_ensure (LODGE_TYPE_BOOT_ORDER);
  g_type_ensure (LODGE_TYPE_CHOICE_ROW);
  g_type_ensure (LODGE_TYPE_DISK_GROUP);
  g_type_ensure (LODGE_TYPE_SWITCH_ROW);
  g_type_ensure (LODGE_TYPE_TEXT_ROW);
  gtk_widget_init_template (GTK_WIDGET (self));
  self->cancellable = g_cancellable_new ();
  g_signal_connect (self, "notify::default-width", G_CALLBACK (width_cb), NULL);
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (keys, "key-pressed", G_CALLBACK (key_cb), self);
  gtk_widget_add_controller (GTK_WIDGET (self), keys);
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
  if (g_strcmp0 (name, "sound") == 0)
    return self->sound_page;
  if (g_strcmp0 (name, "general") == 0)
    return self->general;
  return self->system;
}

GtkWidget *
lodge_settings_window_new (LodgeLibrary *library, LodgeMachineItem *item, const char *page)
{
  LodgeSettingsWindow *self = g_object_new (LODGE_TYPE_SETTINGS_WINDOW, NULL);

  self->library = g_object_ref (library);
  self->item = g_object_ref (item);
  self->amounts = lodge_amounts_guess (library);
  setup_ranges (self);
  setup_rows (self);
  /* After the rows, so that what cannot be is decided by values that they show. */
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  update (self);
  lodge_amounts_async (library, lodge_machine_item_setting_string (item, "os", ""), NULL,
                       lodge_machine_item_get_id (item), self->cancellable, amounts_cb, self);
  adw_preferences_window_set_visible_page (ADW_PREFERENCES_WINDOW (self), find_page (self, page));
  return GTK_WIDGET (self);
}
