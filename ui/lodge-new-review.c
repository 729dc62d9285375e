/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A value comes from three places: the defaults of this page, then the settings that go with the
 * recognised system, then the person. Each row remembers whether the person changed it; a system
 * that is recognised late, or another image, moves only what was not touched.
 *
 * The name is selected, so that what is typed takes its place. The toolkit makes what is selected the
 * session's primary selection, and unselects it when that goes elsewhere, with the cursor before the
 * first letter; so the first key selects it once more. From that key or a click on, the name is the
 * person's, whatever it says.
 */

#include "config.h"

#include "ui/lodge-new-review.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "core/ipc/lodge-error.h"
#include "ui/lodge-amount-row.h"
#include "ui/lodge-amounts.h"
#include "ui/lodge-demo.h"
#include "ui/lodge-fix-dialog.h"
#include "ui/lodge-identify.h"
#include "ui/lodge-machine-text.h"
#include "ui/lodge-row-place.h"
#include "ui/lodge-system.h"

#define MIB (1024.0 * 1024.0)
#define GIB (1024.0 * MIB)
#define MEMORY_MIN_MIB 16.0
#define MEMORY_USUAL_MIB 2048.0
#define DISK_MIN_GIB 1.0
#define DISK_USUAL_GIB 32.0
#define DISK_MAX_GIB 2048.0

struct _LodgeNewReview
{
  AdwBin parent_instance;

  LodgeLibrary *library; /* (owned) */
  GVariant *settings;    /* (owned) (nullable) a{sv}: what goes with the recognised system */
  GVariant *amounts;     /* (owned) a{sv}: what this computer has and can spare */
  GCancellable *asking;  /* (owned) (nullable) for the amounts */
  char *suggestion;      /* (owned) (nullable) the name that this page wrote */
  gboolean has_image;
  gboolean no_disk;      /* the image is the disk */
  gboolean filling;      /* this page itself is changing its rows */
  gboolean touched_name;  /* since this page wrote it */
  gboolean selected_name; /* or about to be, with the focus; and no key came since */
  gboolean touched_family, touched_tpm, touched_firmware, touched_secure_boot;

  GtkWidget *notices;
  GtkWidget *error;
  GtkLabel *error_text;
  GtkWidget *slow;
  GtkLabel *slow_text;
  AdwEntryRow *name;
  AdwActionRow *system;
  GtkImage *system_icon;
  GtkSpinner *system_spinner;
  AdwComboRow *family;
  LodgeAmountRow *cores;
  LodgeAmountRow *memory;
  LodgeAmountRow *disk;
  GtkSwitch *accel_3d;
  AdwActionRow *accel_3d_row;
  GtkSwitch *tpm;
  AdwActionRow *tpm_row;
  AdwComboRow *firmware;
  GtkSwitch *secure_boot;
};

enum
{
  SUBMIT,
  CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static const char *const families[] = { "linux", "windows", "windows-old", "bsd", "dos", "other" };
static const char *const firmwares[] = { "uefi", "bios" };

G_DEFINE_FINAL_TYPE (LodgeNewReview, lodge_new_review, ADW_TYPE_BIN)

static void
hide_error (LodgeNewReview *self)
{
  gtk_widget_set_visible (self->error, FALSE);
  gtk_widget_set_visible (self->notices, gtk_widget_get_visible (self->slow));
}

static void
tell (LodgeNewReview *self, const char *sentence)
{
  gtk_label_set_label (self->error_text, sentence);
  gtk_widget_set_visible (self->error, TRUE);
  gtk_widget_set_visible (self->notices, TRUE);
}

/* Values that go with the system */

static guint64
system_uint (LodgeNewReview *self, const char *key, guint64 fallback)
{
  guint64 wide;
  guint32 narrow;

  if (self->settings != NULL && g_variant_lookup (self->settings, key, "t", &wide))
    return wide;
  if (self->settings != NULL && g_variant_lookup (self->settings, key, "u", &narrow))
    return narrow;
  return fallback;
}

static gboolean
system_boolean (LodgeNewReview *self, const char *key)
{
  gboolean value = FALSE;

  return self->settings != NULL && g_variant_lookup (self->settings, key, "b", &value) && value;
}

static const char *
system_string (LodgeNewReview *self, const char *key, const char *fallback)
{
  const char *value;

  return self->settings != NULL && g_variant_lookup (self->settings, key, "&s", &value) ? value : fallback;
}

/* Hints */

static void
update_memory_hint (LodgeNewReview *self)
{
  if (self->amounts != NULL)
    lodge_amount_row_tell_memory (self->memory, self->amounts);
}

static void
update_cores_hint (LodgeNewReview *self)
{
  if (self->amounts != NULL)
    lodge_amount_row_tell_cores (self->cores, self->amounts);
}

static void
fill_amounts (LodgeNewReview *self)
{
  double host_cores = (double) lodge_amounts_get (self->amounts, "cores-host");
  double total = (double) lodge_amounts_get (self->amounts, "memory-maximum") / MIB;
  double available = (double) lodge_amounts_get (self->amounts, "memory-free") / MIB;
  double memory = (double) system_uint (self, "memory", (guint64) (MEMORY_USUAL_MIB * MIB)) / MIB;
  double cores = (double) system_uint (self, "cores", 2);
  double disk = (double) system_uint (self, "disk-size", (guint64) (DISK_USUAL_GIB * GIB)) / GIB;

  memory = MAX (MIN (memory, floor (total * 3 / 4)), MEMORY_MIN_MIB);
  cores = MAX (MIN (cores, host_cores), 1);
  disk = CLAMP (disk, DISK_MIN_GIB, DISK_MAX_GIB);
  lodge_amount_row_setup (self->cores, LODGE_AMOUNT_COUNT, 1, MAX (host_cores, 2), cores, 0);
  lodge_amount_row_setup (self->memory, LODGE_AMOUNT_MEMORY, MEMORY_MIN_MIB, floor (total), memory, available);
  lodge_amount_row_setup (self->disk, LODGE_AMOUNT_DISK, DISK_MIN_GIB, DISK_MAX_GIB, disk, 0);
  if (!lodge_amount_row_is_touched (self->cores))
    lodge_amount_row_set_value (self->cores, cores);
  if (!lodge_amount_row_is_touched (self->memory))
    lodge_amount_row_set_value (self->memory, memory);
  if (!lodge_amount_row_is_touched (self->disk))
    lodge_amount_row_set_value (self->disk, disk);
  lodge_amount_row_set_hint (self->disk, _("Takes only the space that is used"), FALSE);
  update_memory_hint (self);
  update_cores_hint (self);
}

static void
update_switches (LodgeNewReview *self)
{
  gboolean uefi = adw_combo_row_get_selected (self->firmware) == 0;
  gboolean swtpm = lodge_library_has_feature (self->library, "swtpm");

  gtk_widget_set_sensitive (GTK_WIDGET (self->tpm), uefi && swtpm);
  gtk_widget_set_sensitive (GTK_WIDGET (self->secure_boot), uefi);
  adw_action_row_set_subtitle (self->tpm_row, !swtpm  ? _("Not available: swtpm is not installed on this computer")
                                              : !uefi ? _("Needs UEFI firmware")
                                                      : _("A security chip; Windows 11 asks for it"));
}

static void
fill_switches (LodgeNewReview *self)
{
  gboolean bios = g_str_equal (system_string (self, "firmware", "uefi"), "bios");

  if (!self->touched_firmware)
    adw_combo_row_set_selected (self->firmware, bios ? 1 : 0);
  if (!self->touched_tpm)
    gtk_switch_set_active (self->tpm, system_boolean (self, "tpm"));
  if (!self->touched_secure_boot)
    gtk_switch_set_active (self->secure_boot, system_boolean (self, "secure-boot"));
  update_switches (self);
}

static void
amounts_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeNewReview *self = user_data;
  GVariant *amounts = lodge_amounts_finish (result, NULL);

  /* Without an answer, or too late for one, what the host says of itself stays. */
  if (amounts == NULL)
    return;
  g_variant_unref (self->amounts);
  self->amounts = amounts;
  self->filling = TRUE;
  fill_amounts (self);
  self->filling = FALSE;
}

static void
ask_amounts (LodgeNewReview *self, const char *os, const char *family)
{
  if (self->asking != NULL)
    g_cancellable_cancel (self->asking);
  g_clear_object (&self->asking);
  self->asking = g_cancellable_new ();
  lodge_amounts_async (self->library, os, family, NULL, self->asking, amounts_cb, self);
}

/* What the person does */

static void
name_changed_cb (LodgeNewReview *self)
{
  g_autofree char *name = lodge_new_review_get_name (self);
  gboolean slash = strchr (name, '/') != NULL;

  hide_error (self);
  if (slash)
    tell (self, _("A name cannot contain “/”."));
  if (lodge_new_review_is_complete (self))
    gtk_widget_remove_css_class (GTK_WIDGET (self->name), "error");
  else
    gtk_widget_add_css_class (GTK_WIDGET (self->name), "error");
  g_signal_emit (self, signals[CHANGED], 0);
}

static void
write_name (LodgeNewReview *self, const char *wish)
{
  g_free (self->suggestion);
  self->suggestion = lodge_demo_free_name (self->library, wish);
  gtk_editable_set_text (GTK_EDITABLE (self->name), self->suggestion);
  self->touched_name = FALSE;
  self->selected_name = TRUE;
}

static void
select_name (LodgeNewReview *self)
{
  gtk_editable_select_region (GTK_EDITABLE (self->name), 0, -1);
  self->selected_name = TRUE;
}

static gboolean
has_focus (LodgeNewReview *self)
{
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (self));
  GtkWidget *focus = root != NULL ? gtk_root_get_focus (root) : NULL;

  return focus != NULL && gtk_widget_is_ancestor (focus, GTK_WIDGET (self->name));
}

static gboolean
name_key_cb (LodgeNewReview *self, guint keyval, guint keycode, GdkModifierType state, GtkEventController *keys)
{
  GdkEvent *event = gtk_event_controller_get_current_event (keys);

  if (keyval == GDK_KEY_Tab || keyval == GDK_KEY_ISO_Left_Tab || (event != NULL && gdk_key_event_is_modifier (event)))
    return FALSE;
  if (self->selected_name && !gtk_editable_get_selection_bounds (GTK_EDITABLE (self->name), NULL, NULL))
    select_name (self);
  self->touched_name = TRUE;
  self->selected_name = FALSE;
  return FALSE;
}

static void
name_pressed_cb (LodgeNewReview *self)
{
  self->touched_name = TRUE;
  self->selected_name = FALSE;
}

static void
submit_cb (LodgeNewReview *self)
{
  g_signal_emit (self, signals[SUBMIT], 0);
}

static void
family_changed_cb (LodgeNewReview *self)
{
  const char *family = families[MIN (adw_combo_row_get_selected (self->family), G_N_ELEMENTS (families) - 1)];

  if (self->filling || self->library == NULL)
    return;
  self->touched_family = TRUE;
  self->filling = TRUE;
  g_clear_pointer (&self->settings, g_variant_unref);
  self->settings = g_variant_ref_sink (lodge_system_family_settings (family));
  fill_amounts (self);
  fill_switches (self);
  self->filling = FALSE;
  ask_amounts (self, NULL, family);
}

static void
tpm_changed_cb (LodgeNewReview *self)
{
  if (!self->filling)
    self->touched_tpm = TRUE;
}

static void
secure_boot_changed_cb (LodgeNewReview *self)
{
  if (!self->filling)
    self->touched_secure_boot = TRUE;
}

static void
firmware_changed_cb (LodgeNewReview *self)
{
  if (self->library == NULL)
    return;
  if (!self->filling)
    self->touched_firmware = TRUE;
  if (adw_combo_row_get_selected (self->firmware) != 0)
    {
      gtk_switch_set_active (self->tpm, FALSE);
      gtk_switch_set_active (self->secure_boot, FALSE);
    }
  update_switches (self);
}

static void
how_to_fix_cb (LodgeNewReview *self)
{
  lodge_fix_dialog_present (GTK_WIDGET (self), "kvm",
                            lodge_library_host_string (self->library, "acceleration-reason", "probe-failed"), NULL);
}

static void
update_host (LodgeNewReview *self)
{
  gboolean slow = g_str_equal (lodge_library_host_string (self->library, "acceleration", ""), "tcg");
  const char *reason = lodge_library_host_string (self->library, "acceleration-reason", "");
  const char *gl = lodge_library_host_string (self->library, "gl-reason", "ok");
  const char *backend = lodge_library_host_first (self->library, "gl-backends", "none");
  g_autofree char *what_3d = lodge_machine_text_3d (backend, gl);
  const char *sentence;

  gtk_widget_set_visible (self->slow, slow);
  gtk_widget_set_visible (self->notices, slow || gtk_widget_get_visible (self->error));
  if (g_str_equal (reason, "no-permission"))
    sentence = _("About 10 times slower: you may not use /dev/kvm.");
  else if (g_str_equal (reason, "no-cpu-flags"))
    sentence = _("About 10 times slower: virtualisation is off in the firmware.");
  else if (g_str_equal (reason, "no-device"))
    sentence = _("About 10 times slower: this system has no /dev/kvm.");
  else
    sentence = _("About 10 times slower: hardware virtualisation does not work on this computer.");
  gtk_label_set_label (self->slow_text, sentence);
  adw_action_row_set_subtitle (self->accel_3d_row, what_3d);
}

static void
lodge_new_review_dispose (GObject *object)
{
  LodgeNewReview *self = LODGE_NEW_REVIEW (object);

  if (self->asking != NULL)
    g_cancellable_cancel (self->asking);
  g_clear_object (&self->asking);
  g_clear_pointer (&self->amounts, g_variant_unref);
  g_clear_object (&self->library);
  g_clear_pointer (&self->settings, g_variant_unref);
  g_clear_pointer (&self->suggestion, g_free);

  G_OBJECT_CLASS (lodge_new_review_parent_class)->dispose (object);
}

static void
lodge_new_review_class_init (LodgeNewReviewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_new_review_dispose;

  signals[SUBMIT] = g_signal_new ("submit", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 0);
  signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-new-review.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, notices);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, error);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, error_text);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, slow);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, slow_text);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, name);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, system);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, system_icon);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, system_spinner);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, family);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, cores);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, memory);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, disk);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, accel_3d);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, accel_3d_row);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, tpm);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, tpm_row);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, firmware);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewReview, secure_boot);
  gtk_widget_class_bind_template_callback (widget_class, name_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, submit_cb);
  gtk_widget_class_bind_template_callback (widget_class, family_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, tpm_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, secure_boot_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, firmware_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, how_to_fix_cb);
  gtk_widget_class_bind_template_callback (widget_class, update_memory_hint);
  gtk_widget_class_bind_template_callback (widget_class, update_cores_hint);
}

static void
lodge_new_review_init (LodgeNewReview *self)
{
  g_autoptr (GtkStringList) names = gtk_string_list_new (NULL);
  GtkEventController *keys = gtk_event_controller_key_new ();
  GtkGesture *click = gtk_gesture_click_new ();

  self->filling = TRUE;
  g_type_ensure (LODGE_TYPE_AMOUNT_ROW);
  gtk_widget_init_template (GTK_WIDGET (self));
  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    gtk_string_list_append (names, lodge_system_family_name (families[i]));
  adw_combo_row_set_model (self->family, G_LIST_MODEL (names));
  lodge_row_show_choice (self->family);
  lodge_row_show_choice (self->firmware);
  self->filling = FALSE;

  /* Before the entry's own. */
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (keys, "key-pressed", G_CALLBACK (name_key_cb), self);
  gtk_widget_add_controller (GTK_WIDGET (self->name), keys);
  gtk_event_controller_set_propagation_phase (GTK_EVENT_CONTROLLER (click), GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (click, "pressed", G_CALLBACK (name_pressed_cb), self);
  gtk_widget_add_controller (GTK_WIDGET (self->name), GTK_EVENT_CONTROLLER (click));
}

void
lodge_new_review_setup (LodgeNewReview *self, LodgeLibrary *library)
{
  self->library = g_object_ref (library);
  self->amounts = lodge_amounts_guess (library);
  lodge_new_review_update (self);
}

void
lodge_new_review_update (LodgeNewReview *self)
{
  self->filling = TRUE;
  if (self->asking == NULL)
    {
      g_variant_unref (self->amounts);
      self->amounts = lodge_amounts_guess (self->library);
    }
  update_host (self);
  fill_amounts (self);
  fill_switches (self);
  self->filling = FALSE;
}

void
lodge_new_review_set_image (LodgeNewReview *self, const LodgeImageFile *image)
{
  const char *wish = image != NULL ? image->suggestion : _("New Machine");
  g_autofree char *present = lodge_new_review_get_name (self);

  self->has_image = image != NULL;
  self->no_disk = image != NULL && g_str_equal (image->role, "disk");
  gtk_widget_set_visible (GTK_WIDGET (self->disk), !self->no_disk);
  if (*present == '\0' || g_strcmp0 (present, self->suggestion) == 0)
    write_name (self, wish);
  hide_error (self);
}

static void
suggest_name (LodgeNewReview *self, const char *wish)
{
  g_autofree char *present = lodge_new_review_get_name (self);

  if (*wish == '\0' || self->touched_name || g_strcmp0 (present, self->suggestion) != 0)
    return;
  write_name (self, wish);
  /* Elsewhere it is selected when the focus comes to it. */
  if (has_focus (self))
    select_name (self);
}

void
lodge_new_review_set_system (LodgeNewReview *self, GVariant *identified, gboolean asking)
{
  const char *name = lodge_identified_string (identified, "os-name");
  const char *family = lodge_identified_string (identified, "family");
  gboolean known = *name != '\0';
  guint selected = 0;

  self->filling = TRUE;
  g_clear_pointer (&self->settings, g_variant_unref);
  if (identified != NULL)
    self->settings = g_variant_lookup_value (identified, "settings", G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    if (g_str_equal (families[i], family))
      selected = i;
  if (!self->touched_family)
    adw_combo_row_set_selected (self->family, selected);
  if (self->settings == NULL)
    self->settings = g_variant_ref_sink (
      lodge_system_family_settings (families[adw_combo_row_get_selected (self->family)]));

  gtk_widget_set_visible (GTK_WIDGET (self->system), known || asking);
  gtk_widget_set_visible (GTK_WIDGET (self->family), !known && !asking);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->family), _("Kind of System"));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self->family),
                               self->has_image ? _("It was not recognised. Choose what comes closest.")
                                               : _("What will be installed"));
  gtk_widget_set_visible (GTK_WIDGET (self->system_spinner), asking);
  gtk_spinner_set_spinning (self->system_spinner, asking);
  adw_action_row_set_subtitle (self->system, known ? name : _("Recognising…"));
  if (known)
    {
      g_autofree char *icon = lodge_identified_icon (identified);

      gtk_image_set_from_icon_name (self->system_icon, icon);
      suggest_name (self, name);
    }
  else
    {
      g_autofree char *icon = lodge_system_icon ("", "other");

      gtk_image_set_from_icon_name (self->system_icon, icon);
    }
  fill_amounts (self);
  fill_switches (self);
  self->filling = FALSE;
  if (!asking)
    ask_amounts (self, lodge_identified_string (identified, "os"),
                 identified != NULL ? family : families[adw_combo_row_get_selected (self->family)]);
}

char *
lodge_new_review_get_name (LodgeNewReview *self)
{
  return g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->name))));
}

GVariant *
lodge_new_review_collect (LodgeNewReview *self)
{
  GVariantDict settings;

  g_variant_dict_init (&settings, self->settings);
  if (gtk_widget_get_visible (GTK_WIDGET (self->family)))
    g_variant_dict_insert (&settings, "family", "s", families[adw_combo_row_get_selected (self->family)]);
  g_variant_dict_insert (&settings, "cores", "u", (guint32) lodge_amount_row_get_value (self->cores));
  g_variant_dict_insert (&settings, "memory", "t",
                         (guint64) lodge_amount_row_get_value (self->memory) * 1024 * 1024);
  g_variant_dict_insert (&settings, "firmware", "s", firmwares[MIN (adw_combo_row_get_selected (self->firmware), 1)]);
  g_variant_dict_insert (&settings, "3d", "b", gtk_switch_get_active (self->accel_3d));
  g_variant_dict_insert (&settings, "tpm", "b", gtk_switch_get_active (self->tpm));
  g_variant_dict_insert (&settings, "secure-boot", "b", gtk_switch_get_active (self->secure_boot));
  if (self->no_disk)
    g_variant_dict_remove (&settings, "disk-size");
  else
    g_variant_dict_insert (&settings, "disk-size", "t", (guint64) lodge_amount_row_get_value (self->disk) << 30);
  return g_variant_dict_end (&settings);
}

gboolean
lodge_new_review_is_complete (LodgeNewReview *self)
{
  g_autofree char *name = lodge_new_review_get_name (self);

  return *name != '\0' && strchr (name, '/') == NULL && g_utf8_strlen (name, -1) <= 128;
}

gboolean
lodge_new_review_is_touched (LodgeNewReview *self)
{
  g_autofree char *name = lodge_new_review_get_name (self);

  return (self->suggestion != NULL && !g_str_equal (name, self->suggestion)) ||
         lodge_amount_row_is_touched (self->cores) || lodge_amount_row_is_touched (self->memory) ||
         lodge_amount_row_is_touched (self->disk) || self->touched_family || self->touched_tpm ||
         self->touched_firmware || self->touched_secure_boot || gtk_switch_get_active (self->accel_3d);
}

void
lodge_new_review_begin (LodgeNewReview *self)
{
  gtk_widget_grab_focus (GTK_WIDGET (self->name));
  select_name (self);
}

void
lodge_new_review_show_error (LodgeNewReview *self, const GError *error, const char *sentence)
{
  GtkWidget *place = GTK_WIDGET (self->name);

  if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NO_SPACE))
    place = GTK_WIDGET (self->disk);
  else if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE))
    place = GTK_WIDGET (self->memory);

  /* The field first: entering it hides what was told before. */
  gtk_widget_child_focus (place, GTK_DIR_TAB_FORWARD);
  tell (self, sentence);
}
