/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation
 *
 * Everything a QEMU of Lodge is told is decided here and in lodge-command-line-*.c, one file for each concern, from four
 * plain values. Nothing is read from the host, so the golden files in tests/unit/data/command-line state the whole.
 *
 * Some choices that hold for all machines:
 *  - Options are written in the key=value form throughout; LodgeArgs does the escaping.
 *  - "-nodefaults -no-user-config -boot strict=on": what is not named here is not there.
 *  - Sockets are inherited (LodgeChildFd), so QEMU needs no right to the runtime folder.
 *  - -action: a guest that panics is kept, paused, with its last words on the screen; switching off ends QEMU.
 *  - Sleep (S3) is not offered: QEMU's "suspended" looks like a guest that hangs.
 *  - NICs have a boot ROM only where they are in the boot order: each ROM costs time at every start.
 */
#include "config.h"
#include "core/qemu/lodge-command-line-private.h"

#include "core/config/lodge-size.h"

#include <string.h>

gboolean
lodge_family_is_modern (LodgeFamily family)
{
  return family != LODGE_FAMILY_WINDOWS_OLD && family != LODGE_FAMILY_DOS;
}

char *
lodge_command_line_path (LodgeCommandLine *self, const char *file)
{
  return g_path_is_absolute (file) ? g_strdup (file) : g_build_filename (self->launch->folder, file, NULL);
}

static gboolean
check_architecture (LodgeCommandLine *self, GError **error)
{
  const LodgeProfile *profile = self->profile;

  if (lodge_capabilities_get_arch (self->capabilities) != profile->arch)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "%s does not run %s machines",
                   lodge_capabilities_get_binary (self->capabilities), lodge_arch_name (profile->arch));
      return FALSE;
    }
  if (profile->machine_type == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "QEMU %s has none of the machine types that Lodge uses",
                   lodge_capabilities_get_version (self->capabilities));
      return FALSE;
    }
  if (!lodge_capabilities_has_machine (self->capabilities, profile->machine_type))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                   "the machine is a \"%s\", which QEMU %s does not know; it was made with another QEMU",
                   profile->machine_type, lodge_capabilities_get_version (self->capabilities));
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_amounts (LodgeCommandLine *self, GError **error)
{
  const LodgeProfile *profile = self->profile;
  guint max_cpus = lodge_capabilities_get_max_cpus (self->capabilities, profile->machine_type);

  /* More than 255 need an IOMMU with extended interrupts, which these machines do not have. */
  max_cpus = MIN (max_cpus, 255);
  if (profile->cores > max_cpus)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE,
                   "cores: %u is out of range: 1 to %u", profile->cores, max_cpus);
      return FALSE;
    }
  if (profile->memory > self->host->memory)
    {
      g_autofree char *wanted = lodge_memory_format (profile->memory);
      g_autofree char *there = lodge_memory_format (self->host->memory);

      g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE,
                   "memory: %s is out of range: 16 MB to %s, which the host has", wanted, there);
      return FALSE;
    }
  return TRUE;
}

static void
add_monitor (LodgeCommandLine *self, const char *id, LodgeChildFd fd)
{
  lodge_args_begin (&self->args, "-chardev", "socket");
  lodge_args_option (&self->args, "id", id);
  lodge_args_optionf (&self->args, "fd", "%d", fd);
  lodge_args_option (&self->args, "server", "on");
  lodge_args_option (&self->args, "wait", "off");
  lodge_args_begin (&self->args, "-mon", NULL);
  lodge_args_option (&self->args, "chardev", id);
  lodge_args_option (&self->args, "mode", "control");
}

/* What has nothing to do with the guest's hardware. */
static void
add_process (LodgeCommandLine *self)
{
  LodgeArgs *args = &self->args;

  lodge_args_begin (args, "-name", NULL);
  lodge_args_option (args, "guest", self->profile->name);
  lodge_args_optionf (args, "process", "lodge-%.8s", self->profile->id);
  lodge_args_option (args, "debug-threads", "on");
  lodge_args_add (args, "-nodefaults", "-no-user-config", NULL);
  lodge_args_begin (args, "-msg", NULL);
  lodge_args_option (args, "timestamp", "on");
  if (lodge_capabilities_has_sandbox (self->capabilities))
    {
      lodge_args_begin (args, "-sandbox", "on");
      lodge_args_option (args, "obsolete", "deny");
      lodge_args_option (args, "elevateprivileges", "deny");
      lodge_args_option (args, "spawn", "deny");
      lodge_args_option (args, "resourcecontrol", "deny");
    }
  if (self->launch->paused)
    lodge_args_add (args, "-S", NULL);
  if (self->launch->incoming)
    lodge_args_add (args, "-incoming", "defer", NULL);
  add_monitor (self, "qmp", LODGE_CHILD_FD_QMP);
  add_monitor (self, "rescue", LODGE_CHILD_FD_RESCUE);
  lodge_args_begin (args, "-action", NULL);
  lodge_args_option (args, "reboot", "reset");
  lodge_args_option (args, "shutdown", "poweroff");
  lodge_args_option (args, "panic", "pause");
}

GStrv
lodge_command_line_build (const LodgeProfile *profile, LodgeCapabilities *capabilities, const LodgeHost *host,
                          const LodgeLaunch *launch, GError **error)
{
  LodgeCommandLine self = { profile, capabilities, host, launch, { NULL, NULL } };

  if (!check_architecture (&self, error) || !check_amounts (&self, error))
    return NULL;
  lodge_args_init (&self.args);
  lodge_args_add (&self.args, lodge_capabilities_get_binary (capabilities), NULL);
  add_process (&self);
  if (lodge_command_line_add_machine (&self, error) && lodge_command_line_add_firmware (&self, error))
    {
      /* Buses come before what is plugged into them. */
      lodge_command_line_add_root_ports (&self);
      lodge_command_line_add_usb (&self);
      if (lodge_command_line_add_storage (&self, error) && lodge_command_line_add_devices (&self, error))
        return lodge_args_steal (&self.args);
    }
  lodge_args_clear (&self.args);
  return NULL;
}
