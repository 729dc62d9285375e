/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-shortcuts.h"

#include "display/lodge-display-input.h"

static const char *
release_accelerator (LodgeReleaseKeys keys)
{
  switch (keys)
    {
    case LODGE_RELEASE_KEYS_CTRL_ALT_SHIFT:
      return "Control_L&Alt_L&Shift_L";
    case LODGE_RELEASE_KEYS_RIGHT_CTRL:
      return "Control_R";
    case LODGE_RELEASE_KEYS_CTRL_ALT:
    default:
      return "Control_L&Alt_L";
    }
}

/* Made when it is asked for: as the overlay of every window it would be made at each start. */
void
lodge_shortcuts_present (GtkWindow *parent, GSettings *settings)
{
  g_autoptr (GtkBuilder) builder = gtk_builder_new_from_resource ("/org/lodgevm/Lodge/ui/lodge-shortcuts.ui");
  GtkWindow *window = GTK_WINDOW (gtk_builder_get_object (builder, "shortcuts"));

  g_object_set (gtk_builder_get_object (builder, "release"), "accelerator",
                release_accelerator ((LodgeReleaseKeys) g_settings_get_enum (settings, "release-keys")), NULL);
  gtk_window_set_transient_for (window, parent);
  gtk_window_present (window);
}
