/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-machine-text.h"

#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error-text.h"

const char *
lodge_machine_text_state (LodgeMachineItem *item)
{
  switch (lodge_machine_item_get_state (item))
    {
    case LODGE_MACHINE_STARTING:
      return _("Starting");
    case LODGE_MACHINE_RUNNING:
      return _("Running");
    case LODGE_MACHINE_PAUSED:
      return _("Paused");
    case LODGE_MACHINE_STOPPING:
      return _("Shutting Down");
    case LODGE_MACHINE_SAVING:
      return _("Saving");
    case LODGE_MACHINE_SAVED:
      return _("Saved");
    case LODGE_MACHINE_BROKEN:
      return _("Needs Attention");
    case LODGE_MACHINE_OFF:
    default:
      return _("Off");
    }
}

const char *
lodge_machine_text_state_icon (LodgeMachineItem *item)
{
  switch (lodge_machine_item_get_state (item))
    {
    case LODGE_MACHINE_STARTING:
      return "content-loading-symbolic";
    case LODGE_MACHINE_RUNNING:
      return "media-playback-start-symbolic";
    case LODGE_MACHINE_PAUSED:
      return "media-playback-pause-symbolic";
    case LODGE_MACHINE_STOPPING:
      return "system-shutdown-symbolic";
    case LODGE_MACHINE_SAVING:
    case LODGE_MACHINE_SAVED:
      return "document-save-symbolic";
    case LODGE_MACHINE_BROKEN:
      return "dialog-warning-symbolic";
    case LODGE_MACHINE_OFF:
    default:
      return "media-playback-stop-symbolic";
    }
}

char *
lodge_machine_text_reason (LodgeMachineItem *item)
{
  return lodge_state_reason_text (lodge_machine_item_get_state_reason (item),
                                  lodge_machine_item_get_state_details (item), lodge_machine_item_get_name (item));
}

const char *
lodge_text_firmware (const char *firmware)
{
  if (g_str_equal (firmware, "uefi"))
    return _("UEFI");
  if (g_str_equal (firmware, "bios"))
    return _("BIOS");
  return _("Direct kernel");
}

const char *
lodge_text_setting (const char *key)
{
  static const struct
  {
    const char *key;
    const char *title;
  } titles[] = {
    { "name", N_("Name") },
    { "os", N_("System") },
    { "cores", N_("Cores") },
    { "memory", N_("Memory") },
    { "cpu", N_("Processor") },
    { "firmware", N_("Firmware") },
    { "secure-boot", N_("Secure Boot") },
    { "tpm", N_("TPM") },
    { "boot", N_("Starts From") },
    { "video", N_("Display Device") },
    { "3d", N_("3D Acceleration") },
    { "sound", N_("Sound Card") },
    { "network", N_("Connection") },
    { "nic-model", N_("Network Card") },
    { "clock", N_("Clock") },
    { "hyperv", N_("Help for Windows") },
    { "balloon", N_("Give Back Unused Memory") },
    { "append", N_("Kernel Options") },
    { "cd", N_("CD Drive") },
    { "boot-order", N_("Starts From") },
    { "mac", N_("Hardware Address") },
    { "pointer", N_("Pointer") },
    { "disks", N_("Disks") },
  };

  for (guint i = 0; i < G_N_ELEMENTS (titles); i++)
    if (g_str_equal (titles[i].key, key))
      return _(titles[i].title);

  return key;
}

char *
lodge_text_size (guint64 bytes)
{
  const guint64 mib = 1024 * 1024, gib = 1024 * mib, tib = 1024 * gib;

  /* Translators: a size of memory or of a disk */
  if (bytes >= tib)
    return g_strdup_printf (_("%.3g TB"), (double) bytes / (double) tib);
  /* Translators: a size of memory or of a disk */
  if (bytes >= 1000 * gib)
    return g_strdup_printf (_("%.0f GB"), (double) bytes / (double) gib);
  if (bytes >= gib)
    return g_strdup_printf (_("%.3g GB"), (double) bytes / (double) gib);
  /* Translators: a size of memory or of a disk */
  return g_strdup_printf (_("%.0f MB"), (double) bytes / (double) mib);
}

char *
lodge_machine_text_system (LodgeMachineItem *item)
{
  guint64 cores = lodge_machine_item_setting_uint (item, "cores", 1);
  g_autofree char *memory = lodge_text_size (lodge_machine_item_setting_uint (item, "memory", 0));
  g_autofree char *processors = g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u core", "%u cores", cores),
                                                 (guint) cores);

  /* Translators: "4 cores, 8 GB memory, UEFI" */
  return g_strdup_printf (_("%s, %s memory, %s"), processors, memory,
                          lodge_text_firmware (lodge_machine_item_setting_string (item, "firmware", "none")));
}

char *
lodge_machine_text_3d (const char *backend, const char *reason)
{
  if (g_str_equal (backend, "virgl"))
    return g_strdup (_("virgl: OpenGL in the guest; snapshots are without memory"));
  if (g_str_equal (backend, "venus"))
    return g_strdup (_("Venus: Vulkan and OpenGL in the guest; snapshots are without memory"));
  if (g_str_equal (reason, "no-render-node"))
    return g_strdup (_("Not available: this computer offers no graphics device (/dev/dri). "
                       "The picture is drawn in software."));
  if (g_str_equal (reason, "no-viewer"))
    return g_strdup (_("Not available: Lodge cannot show pictures of a graphics card yet. The picture is drawn in software."));
  if (g_str_equal (reason, "no-permission"))
    return g_strdup (_("Not available: you may not use the graphics device. Add yourself to the group “render”."));
  if (g_str_equal (reason, "no-device"))
    return g_strdup (_("Not available: this machine’s display device has no 3D. The picture is drawn in software."));
  if (g_str_equal (reason, "no-qemu-module") || g_str_equal (reason, "no-module"))
    return g_strdup (_("Not available: QEMU’s OpenGL modules are not installed."));
  if (reason != NULL && *reason != '\0' && !g_str_equal (reason, "ok") && !g_str_equal (reason, "off"))
    /* Translators: %s is a technical code */
    return g_strdup_printf (_("Not available on this computer (%s). The picture is drawn in software."), reason);
  return g_strdup (_("Drawn in software"));
}

char *
lodge_machine_text_display (LodgeMachineItem *item)
{
  const char *backend = lodge_machine_item_effective_string (item, "3d", "none");

  if (!lodge_machine_item_setting_boolean (item, "3d", FALSE))
    return g_strdup (_("One screen, without 3D acceleration"));
  if (lodge_machine_item_is_up (item) && g_str_equal (backend, "none"))
    return g_strdup (_("One screen, 3D acceleration is not available"));
  return g_strdup (_("One screen, with 3D acceleration"));
}

char *
lodge_machine_text_storage (LodgeMachineItem *item)
{
  guint64 size = lodge_machine_item_setting_uint (item, "disk-size", 0);
  const char *disk = lodge_machine_item_setting_string (item, "disk", "");
  const char *cd = lodge_machine_item_setting_string (item, "cd", "");
  g_autofree char *medium = *cd != '\0' ? g_path_get_basename (cd) : NULL;
  g_autofree char *bytes = lodge_text_size (size);

  if (*disk == '\0' && medium == NULL)
    return g_strdup (_("No disk"));
  if (*disk == '\0')
    return g_strdup_printf (_("No disk, CD “%s”"), medium);
  if (size == 0)
    return medium != NULL ? g_strdup_printf (_("One disk, CD “%s”"), medium) : g_strdup (_("One disk"));
  /* Translators: "Disk of 20 GB" */
  return medium != NULL ? g_strdup_printf (_("Disk of %s, CD “%s”"), bytes, medium)
                        : g_strdup_printf (_("Disk of %s"), bytes);
}

char *
lodge_machine_text_network (LodgeMachineItem *item)
{
  const char *network = lodge_machine_item_setting_string (item, "network", "none");

  if (g_str_equal (network, "none"))
    return g_strdup (_("Not connected"));
  return g_strdup (_("Shared with this computer"));
}

char *
lodge_machine_text_fault (LodgeMachineItem *item)
{
  const char *code = lodge_machine_item_fault_string (item, "code", "");

  if (g_str_equal (code, "broken") && !lodge_machine_item_fault_boolean (item, "previous"))
    code = "broken-alone";
  return lodge_fault_text (code, lodge_machine_item_get_name (item));
}
