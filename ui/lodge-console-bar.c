/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-console-bar.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-console-cd.h"
#include "ui/lodge-console-sound.h"
#include "ui/lodge-machine-text.h"
#include "ui/lodge-pane.h"

struct _LodgeConsoleBar
{
  AdwBin parent_instance;

  LodgeMachineItem *item; /* (owned) (nullable) until set */
  GListModel *monitors;   /* (owned) (nullable) */
  gboolean fullscreen;
  gboolean folded;

  AdwWindowTitle *title;
  GtkWidget *pause;        /* Pause or Resume: one button, so that it keeps the focus */
  GtkWidget *grab_symbol;
  GtkWidget *status;       /* the box of the status buttons */
  GtkWidget *screenshot;
  GtkWidget *fullscreen_button;
  GtkWidget *pin;
  LodgeConsoleCd *cd;
  LodgeConsoleSound *sound;
  GtkMenuButton *sound_button;
  GMenu *folded_section;
  GMenu *fullscreen_section;
};

enum
{
  PROP_FULLSCREEN = 1,
  N_PROPERTIES
};

G_DEFINE_FINAL_TYPE (LodgeConsoleBar, lodge_console_bar, ADW_TYPE_BIN)

static void
add_item (GMenu *menu, const char *label, const char *action, gboolean hide)
{
  g_autoptr (GMenuItem) item = g_menu_item_new (label, action);

  if (hide)
    g_menu_item_set_attribute (item, "hidden-when", "s", "action-disabled");
  g_menu_append_item (menu, item);
}

static void
update_menu (LodgeConsoleBar *self)
{
  g_menu_remove_all (self->folded_section);
  if (!self->folded)
    return;
  add_item (self->folded_section, _("_Pause"), "machine.pause", TRUE);
  add_item (self->folded_section, _("_Resume"), "machine.resume", TRUE);
  add_item (self->folded_section, _("_Insert Disc…"), "win.insert-medium", FALSE);
  add_item (self->folded_section, _("_Eject Disc"), "win.eject-medium", TRUE);
  add_item (self->folded_section, _("_Mute Sound"), "view.sound-muted", FALSE);
  add_item (self->folded_section, _("_Take Screenshot"), "win.screenshot", FALSE);
  add_item (self->folded_section, self->fullscreen ? _("Leave _Fullscreen") : _("_Fullscreen"), "win.fullscreen",
            FALSE);
}

static void
update (LodgeConsoleBar *self)
{
  LodgeMachineState state = lodge_machine_item_get_state (self->item);
  gboolean there = lodge_machine_item_is_connected (self->item);
  gboolean running = state == LODGE_MACHINE_RUNNING || state == LODGE_MACHINE_STOPPING;
  gboolean paused = state == LODGE_MACHINE_PAUSED;
  const char *verb = paused ? _("Resume") : _("Pause");

  adw_window_title_set_title (self->title, lodge_machine_item_get_name (self->item));
  adw_window_title_set_subtitle (self->title, there ? lodge_machine_text_state (self->item)
                                                    : _("Reconnecting; the machine keeps running"));
  gtk_widget_set_visible (self->pause, !self->folded && (running || paused));
  gtk_widget_set_sensitive (self->pause, there);
  gtk_button_set_icon_name (GTK_BUTTON (self->pause),
                            paused ? "media-playback-start-symbolic" : "media-playback-pause-symbolic");
  gtk_widget_set_tooltip_text (self->pause, verb);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->pause), GTK_ACCESSIBLE_PROPERTY_LABEL, verb, -1);
  gtk_widget_set_visible (self->status, !self->folded);
  gtk_widget_set_visible (self->screenshot, !self->folded);
  gtk_widget_set_visible (self->fullscreen_button, !self->folded);
  gtk_widget_set_visible (self->pin, self->fullscreen && !self->folded);
}

static void
pause_cb (LodgeConsoleBar *self)
{
  gboolean paused = lodge_machine_item_get_state (self->item) == LODGE_MACHINE_PAUSED;

  gtk_widget_activate_action (GTK_WIDGET (self), paused ? "machine.resume" : "machine.pause", NULL);
}

static void update_monitors (LodgeConsoleBar *self);

/* One that was just plugged in tells its name a moment later. */
static void
watch_monitor (LodgeConsoleBar *self, GdkMonitor *monitor)
{
  g_signal_handlers_disconnect_by_func (monitor, update_monitors, self);
  g_signal_connect_object (monitor, "notify::model", G_CALLBACK (update_monitors), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (monitor, "notify::connector", G_CALLBACK (update_monitors), self, G_CONNECT_SWAPPED);
}

/* With one monitor there is nothing to choose. */
static void
update_monitors (LodgeConsoleBar *self)
{
  guint n = g_list_model_get_n_items (self->monitors);
  g_autoptr (GMenu) menu = g_menu_new ();

  g_menu_remove_all (self->fullscreen_section);
  for (guint i = 0; n > 1 && i < n; i++)
    {
      g_autoptr (GdkMonitor) monitor = g_list_model_get_item (self->monitors, i);
      const char *model = gdk_monitor_get_model (monitor);
      const char *connector = gdk_monitor_get_connector (monitor);
      g_autofree char *action = g_strdup_printf ("win.fullscreen-on(uint32 %u)", i);
      g_autofree char *label = NULL;
      g_autofree char *escaped = NULL;
      g_auto (GStrv) parts = NULL;

      watch_monitor (self, monitor);
      if (model != NULL && connector != NULL)
        label = g_strdup_printf ("%s (%s)", model, connector);
      else if (model != NULL || connector != NULL)
        label = g_strdup (model != NULL ? model : connector);
      else
        /* Translators: a monitor without a name */
        label = g_strdup_printf (_("Monitor %u"), i + 1);
      parts = g_strsplit (label, "_", -1);
      escaped = g_strjoinv ("__", parts);
      g_menu_append (menu, escaped, action);
    }
  if (n > 1)
    g_menu_append_submenu (self->fullscreen_section, _("Fullscreen _On"), G_MENU_MODEL (menu));
}

static void
lodge_console_bar_realize (GtkWidget *widget)
{
  LodgeConsoleBar *self = LODGE_CONSOLE_BAR (widget);

  GTK_WIDGET_CLASS (lodge_console_bar_parent_class)->realize (widget);
  if (self->monitors != NULL)
    return;
  self->monitors = g_object_ref (gdk_display_get_monitors (gtk_widget_get_display (widget)));
  g_signal_connect_object (self->monitors, "items-changed", G_CALLBACK (update_monitors), self, G_CONNECT_SWAPPED);
  update_monitors (self);
}

static void
lodge_console_bar_dispose (GObject *object)
{
  LodgeConsoleBar *self = LODGE_CONSOLE_BAR (object);

  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);
  g_clear_object (&self->item);
  g_clear_object (&self->monitors);

  G_OBJECT_CLASS (lodge_console_bar_parent_class)->dispose (object);
}

static void
lodge_console_bar_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_boolean (value, LODGE_CONSOLE_BAR (object)->fullscreen);
}

static void
lodge_console_bar_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  LodgeConsoleBar *self = LODGE_CONSOLE_BAR (object);
  const char *label;

  self->fullscreen = g_value_get_boolean (value);
  label = self->fullscreen ? _("Leave Fullscreen") : _("Fullscreen");
  gtk_button_set_icon_name (GTK_BUTTON (self->fullscreen_button),
                            self->fullscreen ? "view-restore-symbolic" : "view-fullscreen-symbolic");
  gtk_widget_set_tooltip_text (self->fullscreen_button, label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->fullscreen_button), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  if (self->item != NULL)
    {
      update_menu (self);
      update (self);
    }
}

static void
lodge_console_bar_class_init (LodgeConsoleBarClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = lodge_console_bar_dispose;
  object_class->get_property = lodge_console_bar_get_property;
  object_class->set_property = lodge_console_bar_set_property;
  widget_class->realize = lodge_console_bar_realize;

  g_object_class_install_property (object_class, PROP_FULLSCREEN,
                                   g_param_spec_boolean ("fullscreen", NULL, NULL, FALSE,
                                                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT
                                                         | G_PARAM_STATIC_STRINGS));

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-console-bar.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleBar, title);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleBar, pause);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleBar, grab_symbol);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleBar, status);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleBar, screenshot);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleBar, fullscreen_button);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleBar, pin);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleBar, cd);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleBar, sound);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleBar, sound_button);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleBar, folded_section);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleBar, fullscreen_section);
  gtk_widget_class_bind_template_callback (widget_class, pause_cb);
}

static void
lodge_console_bar_init (LodgeConsoleBar *self)
{
  g_type_ensure (LODGE_TYPE_CONSOLE_CD);
  g_type_ensure (LODGE_TYPE_CONSOLE_SOUND);
  g_type_ensure (LODGE_TYPE_PANE);
  gtk_widget_init_template (GTK_WIDGET (self));
}

void
lodge_console_bar_set_item (LodgeConsoleBar *self, LodgeMachineItem *item)
{
  g_return_if_fail (self->item == NULL);

  self->item = g_object_ref (item);
  lodge_console_cd_set_item (self->cd, item);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  update (self);
}

void
lodge_console_bar_set_settings (LodgeConsoleBar *self, GSettings *settings)
{
  lodge_console_sound_set_settings (self->sound, settings);
}

void
lodge_console_bar_update_sound (LodgeConsoleBar *self, LodgeAudio *audio)
{
  g_autofree char *text = NULL;

  lodge_console_sound_update (self->sound, self->item, audio);
  /* Translators: %s is what becomes of a machine's sound: "Playing", "Muted" */
  text = g_strdup_printf (_("Sound: %s"), lodge_console_sound_get_word (self->sound));
  gtk_menu_button_set_icon_name (self->sound_button, lodge_console_sound_get_icon (self->sound));
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->sound_button), text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->sound_button), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
}

void
lodge_console_bar_set_folded (LodgeConsoleBar *self, gboolean folded)
{
  if (self->folded == folded)
    return;
  self->folded = folded;
  update_menu (self);
  update (self);
}

void
lodge_console_bar_set_grabbed (LodgeConsoleBar *self, gboolean grabbed, const char *keys)
{
  /* Translators: %s are keys, "Ctrl+Alt" */
  g_autofree char *text = g_strdup_printf (_("All keys go to the machine; press %s to release"), keys);

  gtk_widget_set_visible (self->grab_symbol, grabbed);
  gtk_widget_set_tooltip_text (self->grab_symbol, text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->grab_symbol), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
}
