/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-console-sound.h"

#include <glib/gi18n-lib.h>

struct _LodgeConsoleSound
{
  GtkPopover parent_instance;

  GSettings *settings;       /* (owned) (nullable) until set */
  const char *icon;
  const char *word;

  GtkLabel *state;
  GtkLabel *details;
  GtkAdjustment *volume;
  GtkWidget *scale;
};

G_DEFINE_FINAL_TYPE (LodgeConsoleSound, lodge_console_sound, GTK_TYPE_POPOVER)

static void
volume_cb (LodgeConsoleSound *self)
{
  int volume = (int) (gtk_adjustment_get_value (self->volume) + 0.5);

  if (self->settings != NULL && g_settings_get_int (self->settings, "sound-volume") != volume)
    g_settings_set_int (self->settings, "sound-volume", volume);
}

static void
settings_cb (LodgeConsoleSound *self)
{
  int volume = g_settings_get_int (self->settings, "sound-volume");

  if ((int) (gtk_adjustment_get_value (self->volume) + 0.5) != volume)
    gtk_adjustment_set_value (self->volume, volume);
  /* It can be set beforehand, but that it is not heard must be seen here too. */
  gtk_widget_set_opacity (self->scale, g_settings_get_boolean (self->settings, "sound-muted") ? 0.5 : 1);
}

static char *
format_cb (GtkScale *scale, double value, LodgeConsoleSound *self)
{
  /* Translators: a volume */
  return g_strdup_printf (_("%.0f %%"), value);
}

static void
lodge_console_sound_dispose (GObject *object)
{
  LodgeConsoleSound *self = LODGE_CONSOLE_SOUND (object);

  if (self->settings != NULL)
    g_signal_handlers_disconnect_by_data (self->settings, self);
  g_clear_object (&self->settings);

  G_OBJECT_CLASS (lodge_console_sound_parent_class)->dispose (object);
}

static void
lodge_console_sound_class_init (LodgeConsoleSoundClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_console_sound_dispose;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-console-sound.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleSound, state);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleSound, details);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleSound, volume);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleSound, scale);
  gtk_widget_class_bind_template_callback (widget_class, volume_cb);
}

static void
lodge_console_sound_init (LodgeConsoleSound *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_scale_set_format_value_func (GTK_SCALE (self->scale), (GtkScaleFormatValueFunc) format_cb, self, NULL);
}

void
lodge_console_sound_set_settings (LodgeConsoleSound *self, GSettings *settings)
{
  g_return_if_fail (self->settings == NULL);

  self->settings = g_object_ref (settings);
  g_signal_connect_swapped (settings, "changed::sound-volume", G_CALLBACK (settings_cb), self);
  g_signal_connect_swapped (settings, "changed::sound-muted", G_CALLBACK (settings_cb), self);
  settings_cb (self);
}

void
lodge_console_sound_update (LodgeConsoleSound *self, LodgeMachineItem *item, LodgeAudio *audio)
{
  LodgeAudioState state = audio != NULL ? lodge_audio_get_state (audio) : LODGE_AUDIO_NONE;
  int volume = g_settings_get_int (self->settings, "sound-volume");
  gboolean muted = g_settings_get_boolean (self->settings, "sound-muted") || volume == 0;
  g_autofree char *failure = NULL;
  const char *details = NULL;

  self->icon = muted          ? "audio-volume-muted-symbolic"
               : volume <= 33 ? "audio-volume-low-symbolic"
               : volume <= 66 ? "audio-volume-medium-symbolic"
                              : "audio-volume-high-symbolic";
  if (g_str_equal (lodge_machine_item_setting_string (item, "sound", ""), "none"))
    {
      self->icon = "audio-volume-muted-symbolic";
      self->word = _("No Sound Card");
      details = _("The machine’s settings can give it one.");
    }
  else if (state == LODGE_AUDIO_FAILED)
    {
      self->icon = "dialog-warning-symbolic";
      self->word = _("Cannot Be Played");
      failure = lodge_audio_get_failure (audio);
      details = failure;
    }
  else if (state == LODGE_AUDIO_NONE && audio != NULL)
    {
      self->word = _("Not Through This Window");
      details = _("It will be when the machine is started the next time.");
    }
  else if (muted)
    self->word = _("Muted");
  else
    /* Translators: a machine's sound */
    self->word = state == LODGE_AUDIO_PLAYING ? _("Playing") : _("Silent");

  gtk_label_set_label (self->state, self->word);
  gtk_label_set_label (self->details, details != NULL ? details : "");
  gtk_widget_set_visible (GTK_WIDGET (self->details), details != NULL && *details != '\0');
}

const char *
lodge_console_sound_get_icon (LodgeConsoleSound *self)
{
  return self->icon;
}

const char *
lodge_console_sound_get_word (LodgeConsoleSound *self)
{
  return self->word;
}
