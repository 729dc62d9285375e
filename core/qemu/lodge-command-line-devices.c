/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is neither board nor drive: screen, keyboard and pointer, sound, network, channels and helpers. */
#include "config.h"
#include "core/qemu/lodge-command-line-private.h"

#include <string.h>

static const LodgeLayout *
layout_of (LodgeCommandLine *self)
{
  return lodge_layout_get (self->profile->chipset);
}

static void
begin_pci (LodgeCommandLine *self, const char *type, const char *id, guint slot)
{
  lodge_args_begin (&self->args, "-device", type);
  lodge_args_option (&self->args, "id", id);
  lodge_args_option (&self->args, "bus", layout_of (self)->bus);
  lodge_args_optionf (&self->args, "addr", "%02x.0", slot);
}

static void
add_socket (LodgeCommandLine *self, const char *id, LodgeChildFd fd, gboolean listening)
{
  lodge_args_begin (&self->args, "-chardev", "socket");
  lodge_args_option (&self->args, "id", id);
  lodge_args_optionf (&self->args, "fd", "%d", fd);
  if (listening)
    {
      lodge_args_option (&self->args, "server", "on");
      lodge_args_option (&self->args, "wait", "off");
    }
}

static gboolean
has (LodgeCommandLine *self, const char *device)
{
  return lodge_capabilities_has_device (self->capabilities, device);
}

/* Screen */

static gboolean
wants_gl (const LodgeLaunch *launch)
{
  return launch->gl_backend != NULL && strcmp (launch->gl_backend, "none") != 0;
}

const char *
lodge_command_line_video (const LodgeProfile *profile, LodgeCapabilities *capabilities, const LodgeLaunch *launch)
{
  gboolean x86 = profile->arch == LODGE_ARCH_X86_64;
  const char *gl = x86 ? "virtio-vga-gl" : "virtio-gpu-gl-pci";
  const char *plain = x86 ? "virtio-vga" : "virtio-gpu-pci";

  if (profile->video == LODGE_VIDEO_NONE)
    return "none";
  /* The virt boards' firmware draws on nothing but virtio. */
  if (x86 && profile->video == LODGE_VIDEO_VGA)
    return "VGA";
  if (wants_gl (launch) && lodge_capabilities_has_device (capabilities, gl))
    return gl;
  if (lodge_capabilities_has_device (capabilities, plain))
    return plain;
  return x86 ? "VGA" : "none";
}

static gboolean
add_screen (LodgeCommandLine *self, GError **error)
{
  const char *video = lodge_command_line_video (self->profile, self->capabilities, self->launch);
  gboolean gl = strstr (video, "-gl") != NULL;
  LodgeArgs *args = &self->args;

  if (strcmp (video, "none") == 0)
    {
      if (self->profile->video != LODGE_VIDEO_NONE)
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                       "QEMU %s has no virtio graphics card; the package qemu-system-common or qemu-system-gui brings it",
                       lodge_capabilities_get_version (self->capabilities));
          return FALSE;
        }
      lodge_args_add (args, "-display", "none", NULL);
      return TRUE;
    }
  if (!lodge_capabilities_has_display (self->capabilities, "dbus"))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                   "the part of QEMU %s that shows its screen over D-Bus is not installed; the package qemu-system-gui or "
                   "qemu-system-modules-opengl brings it", lodge_capabilities_get_version (self->capabilities));
      return FALSE;
    }
  begin_pci (self, video, "video0", layout_of (self)->video);
  if (gl && strcmp (self->launch->gl_backend, "venus") == 0)
    {
      lodge_args_option (args, "venus", "on");
      lodge_args_option (args, "blob", "on");
      lodge_args_option (args, "hostmem", "4G");
    }
  lodge_args_begin (args, "-display", "dbus");
  lodge_args_option (args, "p2p", "on");
  lodge_args_option (args, "gl", gl ? "on" : "off");
  if (gl && self->host->render_node != NULL)
    lodge_args_option (args, "rendernode", self->host->render_node);
  if (strcmp (lodge_command_line_audio (self->profile, self->capabilities, self->host, self->launch), "dbus") == 0)
    lodge_args_option (args, "audiodev", "audio0");
  return TRUE;
}

/* Keyboard and pointer */

void
lodge_command_line_add_usb (LodgeCommandLine *self)
{
  gboolean modern = lodge_family_is_modern (self->profile->family);

  /* Systems of the time of the PIIX have drivers for its USB 1.1 only. */
  begin_pci (self, modern ? "qemu-xhci" : "piix3-usb-uhci", "usb0", layout_of (self)->usb);
  if (modern)
    {
      lodge_args_option (&self->args, "p2", "8");
      lodge_args_option (&self->args, "p3", "8");
    }
}

static void
add_input (LodgeCommandLine *self)
{
  const LodgeProfile *profile = self->profile;
  LodgeArgs *args = &self->args;
  gboolean virt = profile->chipset == LODGE_CHIPSET_VIRT;

  if (profile->pointer == LODGE_POINTER_TABLET || virt)
    {
      lodge_args_begin (args, "-device", profile->pointer == LODGE_POINTER_TABLET ? "usb-tablet" : "usb-mouse");
      lodge_args_option (args, "id", "pointer0");
      lodge_args_option (args, "bus", "usb0.0");
      lodge_args_option (args, "port", "1");
    }
  /* A PC has a keyboard and a mouse on PS/2 of its own. */
  if (virt)
    {
      lodge_args_begin (args, "-device", "usb-kbd");
      lodge_args_option (args, "id", "keyboard0");
      lodge_args_option (args, "bus", "usb0.0");
      lodge_args_option (args, "port", "2");
    }
}

/* Sound */

const char *
lodge_command_line_audio (const LodgeProfile *profile, LodgeCapabilities *capabilities, const LodgeHost *host,
                          const LodgeLaunch *launch)
{
  if (profile->sound == LODGE_SOUND_NONE)
    return "none";
  /* A part of that display: to the window, which plays it, so that a confined QEMU sees nothing of the host's sound
   * server (display/lodge-audio.c). */
  if (profile->video != LODGE_VIDEO_NONE && lodge_capabilities_has_audiodev (capabilities, "dbus"))
    return "dbus";
  if (launch->audio && host->audio_socket != NULL && lodge_capabilities_has_audiodev (capabilities, host->audio_driver))
    return host->audio_driver;
  return "none";
}

static void
add_sound (LodgeCommandLine *self)
{
  LodgeArgs *args = &self->args;
  const LodgeProfile *profile = self->profile;
  const char *driver;

  if (profile->sound == LODGE_SOUND_NONE)
    return;
  /* The card stays when the host has no sound, so that the guest's hardware does not depend on the host. */
  driver = lodge_command_line_audio (profile, self->capabilities, self->host, self->launch);
  lodge_args_begin (args, "-audiodev", driver);
  lodge_args_option (args, "id", "audio0");
  if (strcmp (driver, "pa") == 0)
    lodge_args_optionf (args, "server", "unix:%s", self->host->audio_socket);
  switch (profile->sound)
    {
    case LODGE_SOUND_AC97:
      begin_pci (self, "AC97", "sound0", layout_of (self)->sound);
      lodge_args_option (args, "audiodev", "audio0");
      break;
    case LODGE_SOUND_SB16:
      if (has (self, "sb16"))
        {
          lodge_args_begin (args, "-device", "sb16");
          lodge_args_option (args, "id", "sound0");
          lodge_args_option (args, "audiodev", "audio0");
        }
      break;
    case LODGE_SOUND_HDA:
    default:
      begin_pci (self, profile->chipset == LODGE_CHIPSET_Q35 ? "ich9-intel-hda" : "intel-hda", "sound0", layout_of (self)->sound);
      lodge_args_begin (args, "-device", "hda-duplex");
      lodge_args_option (args, "id", "sound0-codec");
      lodge_args_option (args, "bus", "sound0.0");
      lodge_args_option (args, "cad", "0");
      lodge_args_option (args, "audiodev", "audio0");
      break;
    }
}

/* Network */

static const char *
nic_type (LodgeNicModel model)
{
  switch (model)
    {
    case LODGE_NIC_E1000E:
      return "e1000e";
    case LODGE_NIC_E1000:
      return "e1000";
    case LODGE_NIC_RTL8139:
      return "rtl8139";
    case LODGE_NIC_VIRTIO:
    default:
      return "virtio-net-pci";
    }
}

static gboolean
add_nic (LodgeCommandLine *self, const LodgeNic *nic, gboolean first, GError **error)
{
  LodgeArgs *args = &self->args;
  g_autofree char *parent = NULL;
  g_autofree char *place = NULL;

  if (nic->kind == LODGE_NETWORK_NONE)
    return TRUE;
  if (!lodge_address_split (nic->address, &parent, &place) || nic->mac == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE, "there is no free place for the network card \"%s\"", nic->id);
      return FALSE;
    }
  if (first && self->launch->passt)
    {
      lodge_args_begin (args, "-netdev", "stream");
      lodge_args_optionf (args, "id", "%s-link", nic->id);
      lodge_args_option (args, "server", "off");
      lodge_args_option (args, "addr.type", "fd");
      lodge_args_optionf (args, "addr.str", "%d", LODGE_CHILD_FD_NET);
    }
  else if (lodge_capabilities_has_member (self->capabilities, "netdev_add/arg-type/+user"))
    {
      lodge_args_begin (args, "-netdev", "user");
      lodge_args_optionf (args, "id", "%s-link", nic->id);
    }
  else
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                   "QEMU %s has no user network of its own, and passt is not there; the package passt brings one",
                   lodge_capabilities_get_version (self->capabilities));
      return FALSE;
    }
  lodge_args_begin (args, "-device", nic_type (nic->model));
  lodge_args_option (args, "id", nic->id);
  lodge_args_option (args, "bus", parent);
  lodge_args_option (args, "addr", place);
  lodge_args_optionf (args, "netdev", "%s-link", nic->id);
  lodge_args_option (args, "mac", nic->mac);
  /* With its ROM the firmware can start from the network; everybody else is spared the time that it takes. */
  if (nic->boot_order > 0)
    lodge_args_optionf (args, "bootindex", "%u", nic->boot_order);
  if (nic->boot_order == 0 || self->profile->arch != LODGE_ARCH_X86_64)
    lodge_args_option (args, "romfile", "");
  return TRUE;
}

/* Channels and helpers */

static void
add_port (LodgeCommandLine *self, const char *id, guint number, const char *name, LodgeChildFd fd)
{
  LodgeArgs *args = &self->args;
  g_autofree char *chardev = g_strdup_printf ("%s-socket", id);

  add_socket (self, chardev, fd, TRUE);
  lodge_args_begin (args, "-device", "virtserialport");
  lodge_args_option (args, "id", id);
  lodge_args_option (args, "bus", "channels0.0");
  lodge_args_optionf (args, "nr", "%u", number);
  lodge_args_option (args, "chardev", chardev);
  lodge_args_option (args, "name", name);
}

static void
add_serial (LodgeCommandLine *self)
{
  LodgeArgs *args = &self->args;

  add_socket (self, "serial0-socket", LODGE_CHILD_FD_SERIAL, TRUE);
  if (self->profile->chipset == LODGE_CHIPSET_VIRT)
    {
      /* The board's own port, which cannot be named by -device. */
      lodge_args_add (args, "-serial", "chardev:serial0-socket", NULL);
      return;
    }
  lodge_args_begin (args, "-device", "isa-serial");
  lodge_args_option (args, "id", "serial0");
  lodge_args_option (args, "chardev", "serial0-socket");
  lodge_args_option (args, "index", "0");
}

static gboolean
add_tpm (LodgeCommandLine *self, GError **error)
{
  LodgeArgs *args = &self->args;
  const char *type = self->profile->arch == LODGE_ARCH_X86_64 ? "tpm-crb" : "tpm-tis-device";

  if (!self->profile->tpm)
    return TRUE;
  if (!self->launch->tpm)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                   "the machine has a TPM and this computer no swtpm; the package swtpm brings it");
      return FALSE;
    }
  if (!has (self, type))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "QEMU %s has no TPM for %s machines",
                   lodge_capabilities_get_version (self->capabilities), lodge_arch_name (self->profile->arch));
      return FALSE;
    }
  add_socket (self, "tpm0-socket", LODGE_CHILD_FD_TPM, FALSE);
  lodge_args_begin (args, "-tpmdev", "emulator");
  lodge_args_option (args, "id", "tpm0-link");
  lodge_args_option (args, "chardev", "tpm0-socket");
  lodge_args_begin (args, "-device", type);
  lodge_args_option (args, "id", "tpm0");
  lodge_args_option (args, "tpmdev", "tpm0-link");
  return TRUE;
}

/* Virtual hardware that has no counterpart in a real computer; old systems would only ask for drivers. */
static void
add_virtual (LodgeCommandLine *self)
{
  LodgeArgs *args = &self->args;
  const LodgeProfile *profile = self->profile;
  const LodgeLayout *layout = layout_of (self);
  gboolean x86 = profile->arch == LODGE_ARCH_X86_64;

  if (!lodge_family_is_modern (profile->family))
    return;
  begin_pci (self, "virtio-serial-pci", "channels0", layout->channels);
  add_port (self, "agent", 1, "org.qemu.guest_agent.0", LODGE_CHILD_FD_AGENT);
  add_port (self, "vdagent", 2, "com.redhat.spice.0", LODGE_CHILD_FD_VDAGENT);
  /* Random numbers by getrandom(), which needs no file inside the confinement. */
  lodge_args_begin (args, "-object", "rng-builtin");
  lodge_args_option (args, "id", "rng0-source");
  begin_pci (self, "virtio-rng-pci", "rng0", layout->rng);
  lodge_args_option (args, "rng", "rng0-source");
  if (profile->balloon)
    {
      begin_pci (self, "virtio-balloon-pci", "balloon0", layout->balloon);
      lodge_args_option (args, "deflate-on-oom", "on");
      if (lodge_capabilities_has_property (self->capabilities, "virtio-balloon-pci", "free-page-reporting"))
        lodge_args_option (args, "free-page-reporting", "on");
    }
  /* A new number at each start: a guest that comes back from a saved state renews its random numbers. */
  if (x86 && has (self, "vmgenid"))
    {
      lodge_args_begin (args, "-device", "vmgenid");
      lodge_args_option (args, "id", "generation0");
      lodge_args_option (args, "guid", "auto");
    }
  /* Windows has no driver for it and would show an unknown device. */
  if (profile->family != LODGE_FAMILY_WINDOWS && has (self, "pvpanic-pci"))
    begin_pci (self, "pvpanic-pci", "panic0", layout->panic);
}

/* The device is plugged in when the guest's memory is there, whose hardware has none. What the guest makes belongs to whoever runs QEMU. */
static void
add_share (LodgeCommandLine *self)
{
  LodgeArgs *args = &self->args;

  if (self->launch->share == NULL)
    return;
  lodge_args_begin (args, "-fsdev", "local");
  lodge_args_option (args, "id", "share");
  lodge_args_option (args, "path", self->launch->share);
  lodge_args_option (args, "security_model", "none");
  lodge_args_option (args, "multidevs", "remap");
  if (!self->launch->share_writable)
    lodge_args_option (args, "readonly", "on");
}

gboolean
lodge_command_line_add_devices (LodgeCommandLine *self, GError **error)
{
  add_input (self);
  add_sound (self);
  if (!add_screen (self, error))
    return FALSE;
  for (guint i = 0; i < self->profile->nics->len; i++)
    if (!add_nic (self, self->profile->nics->pdata[i], i == 0, error))
      return FALSE;
  add_serial (self);
  add_virtual (self);
  add_share (self);
  return add_tpm (self, error);
}
