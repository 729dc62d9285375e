/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Board, processor, memory, clock and what the machine starts from. */
#include "config.h"
#include "core/qemu/lodge-command-line-private.h"

/* Each is asked for by name, so one that this QEMU lacks is left out; the order is that of their dependencies. */
static const struct
{
  const char *flag;
  const char *value;
} hyperv_flags[] = {
  { "hv-relaxed", "on" },      { "hv-vapic", "on" },  { "hv-spinlocks", "0x1fff" }, { "hv-vpindex", "on" },
  { "hv-runtime", "on" },      { "hv-time", "on" },   { "hv-synic", "on" },         { "hv-stimer", "on" },
  { "hv-frequencies", "on" },  { "hv-reenlightenment", "on" },                      { "hv-tlbflush", "on" },
  { "hv-ipi", "on" },
};

static gboolean
is_x86 (LodgeCommandLine *self)
{
  return self->profile->arch == LODGE_ARCH_X86_64;
}

static gboolean
needs_smm (LodgeCommandLine *self)
{
  return is_x86 (self) && self->profile->firmware == LODGE_FIRMWARE_UEFI && self->profile->secure_boot;
}

static void
add_machine_type (LodgeCommandLine *self)
{
  LodgeArgs *args = &self->args;
  const LodgeProfile *profile = self->profile;

  lodge_args_begin (args, "-machine", profile->machine_type);
  lodge_args_option (args, "memory-backend", "pc.ram");
  /* A core dump of QEMU is for its developers; the guest's memory is the person's. */
  lodge_args_option (args, "dump-guest-core", "off");
  lodge_args_option (args, "mem-merge", "off");
  if (is_x86 (self))
    {
      lodge_args_option (args, "vmport", "off");
      if (lodge_capabilities_has_property (self->capabilities, "generic-pc-machine", "hpet"))
        lodge_args_option (args, "hpet", "off");
      if (needs_smm (self))
        lodge_args_option (args, "smm", "on");
    }
  else if (profile->arch == LODGE_ARCH_AARCH64)
    lodge_args_option (args, "gic-version", "max");
  if (profile->video == LODGE_VIDEO_NONE)
    lodge_args_option (args, "graphics", "off");
  lodge_command_line_add_firmware_options (self);
  lodge_args_add (args, "-accel", self->launch->accel == LODGE_ACCEL_KVM ? "kvm" : "tcg", NULL);
}

static void
add_cpu (LodgeCommandLine *self)
{
  LodgeArgs *args = &self->args;
  const LodgeProfile *profile = self->profile;
  gboolean kvm = self->launch->accel == LODGE_ACCEL_KVM;
  gboolean host = profile->cpu_model == LODGE_CPU_HOST;

  switch (profile->arch)
    {
    case LODGE_ARCH_AARCH64:
      /* Under KVM on ARM no other model than the host's exists. */
      lodge_args_begin (args, "-cpu", kvm ? "host" : host ? "max" : "cortex-a72");
      /* The architected pointer authentication costs TCG half of its speed. */
      if (!kvm && host)
        lodge_args_option (args, "pauth-impdef", "on");
      break;
    case LODGE_ARCH_RISCV64:
      lodge_args_begin (args, "-cpu", kvm ? "host" : "rv64");
      break;
    case LODGE_ARCH_X86_64:
    default:
      /* Nehalem is x86-64-v2, the least that current systems want, and any processor of the last 15 years has it. */
      lodge_args_begin (args, "-cpu", !host ? "Nehalem" : kvm ? "host" : "max");
      /* The enlightenments are KVM's; TCG knows the names and refuses them. */
      for (guint i = 0; profile->hyperv && kvm && i < G_N_ELEMENTS (hyperv_flags); i++)
        if (lodge_capabilities_has_property (self->capabilities, "max-x86_64-cpu", hyperv_flags[i].flag))
          lodge_args_option (args, hyperv_flags[i].flag, hyperv_flags[i].value);
      break;
    }
  lodge_args_begin (args, "-smp", NULL);
  lodge_args_optionf (args, "cpus", "%u", profile->cores);
  /* One socket: Windows' home editions use no more than one. */
  lodge_args_option (args, "sockets", "1");
  lodge_args_optionf (args, "cores", "%u", profile->cores);
  lodge_args_option (args, "threads", "1");
}

static void
add_memory (LodgeCommandLine *self)
{
  LodgeArgs *args = &self->args;

  lodge_args_begin (args, "-m", NULL);
  lodge_args_optionf (args, "size", "%" G_GUINT64_FORMAT "M", self->profile->memory / (1024 * 1024));
  /* A backend of its own from the first start: a later one in a file, for clones, has the same name in a saved state. */
  lodge_args_begin (args, "-object", self->launch->ram != NULL ? "memory-backend-file" : "memory-backend-ram");
  lodge_args_option (args, "id", "pc.ram");
  lodge_args_optionf (args, "size", "%" G_GUINT64_FORMAT "M", self->profile->memory / (1024 * 1024));
  if (self->launch->ram != NULL)
    {
      lodge_args_option (args, "mem-path", self->launch->ram);
      lodge_args_option (args, "share", self->launch->ram_use == LODGE_RAM_SHARED ? "on" : "off");
    }
  if (self->launch->ram != NULL && self->launch->ram_use == LODGE_RAM_PRIVATE)
    {
      lodge_args_option (args, "readonly", "on");
      lodge_args_option (args, "rom", "off");
    }
}

static void
add_clock_and_power (LodgeCommandLine *self)
{
  LodgeArgs *args = &self->args;
  gboolean windows
      = self->profile->family == LODGE_FAMILY_WINDOWS || self->profile->family == LODGE_FAMILY_WINDOWS_OLD;

  lodge_args_add (args, "-uuid", self->profile->id, NULL);
  lodge_args_begin (args, "-rtc", NULL);
  lodge_args_option (args, "base", self->profile->clock == LODGE_CLOCK_LOCALTIME ? "localtime" : "utc");
  /* Windows counts the ticks of the clock and is slow for ever after a missed one. */
  if (windows && is_x86 (self))
    lodge_args_option (args, "driftfix", "slew");
  lodge_args_begin (args, "-boot", NULL);
  lodge_args_option (args, "menu", "off");
  lodge_args_option (args, "strict", "on");
  if (is_x86 (self))
    {
      gboolean q35 = self->profile->chipset == LODGE_CHIPSET_Q35;

      lodge_args_begin (args, "-global", NULL);
      lodge_args_option (args, q35 ? "ICH9-LPC.disable_s3" : "PIIX4_PM.disable_s3", "1");
    }
}

gboolean
lodge_command_line_add_machine (LodgeCommandLine *self, GError **error)
{
  add_machine_type (self);
  add_cpu (self);
  add_memory (self);
  add_clock_and_power (self);
  return TRUE;
}

/* Firmware */

typedef struct
{
  const char *code;    /* (nullable) */
  const char *package; /* that brings it, on Debian */
} Firmware;

static Firmware
find_firmware (LodgeCommandLine *self)
{
  const LodgeHost *host = self->host;

  switch (self->profile->arch)
    {
    case LODGE_ARCH_AARCH64:
      return (Firmware) { host->aavmf_code, "qemu-efi-aarch64" };
    case LODGE_ARCH_RISCV64:
      return (Firmware) { host->riscv_code, "qemu-efi-riscv64" };
    case LODGE_ARCH_X86_64:
    default:
      return (Firmware) { self->profile->secure_boot ? host->ovmf_code_secure : host->ovmf_code, "ovmf" };
    }
}

void
lodge_command_line_add_firmware_options (LodgeCommandLine *self)
{
  if (self->profile->firmware != LODGE_FIRMWARE_UEFI)
    return;
  lodge_args_option (&self->args, "pflash0", "firmware");
  lodge_args_option (&self->args, "pflash1", "firmware-vars");
}

static gboolean
add_uefi (LodgeCommandLine *self, GError **error)
{
  LodgeArgs *args = &self->args;
  Firmware firmware = find_firmware (self);
  g_autofree char *vars = lodge_command_line_path (self, lodge_profile_get_vars (self->profile));

  if (firmware.code == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                   "there is no UEFI firmware%s for %s machines on this computer; the package %s brings it",
                   self->profile->secure_boot ? " with Secure Boot" : "", lodge_arch_name (self->profile->arch),
                   firmware.package);
      return FALSE;
    }
  lodge_args_begin (args, "-blockdev", NULL);
  lodge_args_option (args, "driver", "file");
  lodge_args_option (args, "node-name", "firmware-file");
  lodge_args_option (args, "filename", firmware.code);
  lodge_args_option (args, "read-only", "on");
  lodge_args_begin (args, "-blockdev", NULL);
  lodge_args_option (args, "driver", "raw");
  lodge_args_option (args, "node-name", "firmware");
  lodge_args_option (args, "file", "firmware-file");
  lodge_args_option (args, "read-only", "on");
  lodge_args_begin (args, "-blockdev", NULL);
  lodge_args_option (args, "driver", "file");
  lodge_args_option (args, "node-name", "firmware-vars-file");
  lodge_args_option (args, "filename", vars);
  lodge_args_begin (args, "-blockdev", NULL);
  lodge_args_option (args, "driver", "qcow2");
  lodge_args_option (args, "node-name", "firmware-vars");
  lodge_args_option (args, "file", "firmware-vars-file");
  if (needs_smm (self))
    {
      lodge_args_begin (args, "-global", NULL);
      lodge_args_option (args, "driver", "cfi.pflash01");
      lodge_args_option (args, "property", "secure");
      lodge_args_option (args, "value", "on");
    }
  return TRUE;
}

gboolean
lodge_command_line_add_firmware (LodgeCommandLine *self, GError **error)
{
  const LodgeProfile *profile = self->profile;

  if (profile->firmware == LODGE_FIRMWARE_UEFI && !add_uefi (self, error))
    return FALSE;
  if (profile->firmware == LODGE_FIRMWARE_BIOS && !is_x86 (self))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "%s machines have no BIOS; they start with UEFI",
                   lodge_arch_name (profile->arch));
      return FALSE;
    }
  if (profile->kernel != NULL)
    {
      g_autofree char *kernel = lodge_command_line_path (self, profile->kernel);

      lodge_args_add (&self->args, "-kernel", kernel, NULL);
      if (profile->initrd != NULL)
        {
          g_autofree char *initrd = lodge_command_line_path (self, profile->initrd);

          lodge_args_add (&self->args, "-initrd", initrd, NULL);
        }
      if (profile->append != NULL)
        lodge_args_add (&self->args, "-append", profile->append, NULL);
    }
  return TRUE;
}
