/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/ipc/lodge-doctor-text.h"

#include <glib/gi18n-lib.h>

static const struct
{
  const char *id;
  const char *title;
} titles[] = {
  { "kvm", N_("Hardware virtualisation") },
  { "qemu-x86_64", N_("QEMU for x86 PCs") },
  { "qemu-aarch64", N_("QEMU for ARM") },
  { "qemu-riscv64", N_("QEMU for RISC-V") },
  { "qemu-img", N_("QEMU’s disk tool") },
  { "confinement", N_("Confinement of guests") },
  { "firmware-uefi", N_("UEFI firmware") },
  { "firmware-uefi-secure", N_("UEFI with Secure Boot") },
  { "firmware-aarch64", N_("UEFI firmware for ARM") },
  { "firmware-riscv64", N_("UEFI firmware for RISC-V") },
  { "passt", N_("Network helper (passt)") },
  { "swtpm", N_("TPM (swtpm)") },
  { "disk-space", N_("Disk space") },
  { "runtime-dir", N_("Runtime folder") },
  { "render-node", N_("3D acceleration") },
  { "audio", N_("Sound") },
  { "dbus-display", N_("Display of guests") },
  { "demo", N_("Demo guest") },
};

/* The words for each (id, reason). @fact names the member of the details that stands for the %s
 * of the sentence; without it @sentence has none. */
static const struct
{
  const char *id;
  const char *reason;
  const char *sentence;
  const char *fact;   /* (nullable) */
  const char *advice; /* (nullable) */
} words[] = {
  { "kvm", "ok", N_("KVM works: guests run at full speed."), NULL, NULL },
  { "kvm", "no-device", N_("There is no /dev/kvm, so guests run in software, about ten times slower."), NULL,
    N_("Switch virtualisation (VT-x or AMD-V) on in the computer’s firmware and load the module:\n"
       "  sudo modprobe kvm_intel || sudo modprobe kvm_amd\n"
       "In a virtual machine or a container its host has to allow it.") },
  { "kvm", "no-permission", N_("You may not use /dev/kvm, so guests run in software, about ten times slower."), NULL,
    N_("Join the group kvm, then log out and in again:\n"
       "  sudo usermod -aG kvm \"$USER\"") },
  { "kvm", "no-cpu-flags", N_("The processor shows no VT-x or AMD-V, so guests run in software, about ten times slower."), NULL,
    N_("Switch virtualisation (VT-x or AMD-V, “SVM”) on in the computer’s firmware. In a virtual machine its host has to allow nested virtualisation.") },
  { "kvm", "probe-failed", N_("KVM answers but could not run a trial guest, so guests run in software, about ten times slower."), NULL,
    N_("Another hypervisor (VirtualBox, VMware, Hyper-V below this system) may hold the processor: end it, then run “lodgectl doctor” again.") },

  { "qemu-x86_64", "ok", N_("QEMU %s."), "version", NULL },
  { "qemu-x86_64", "missing", N_("QEMU for x86 is not installed: no PC can run."), NULL,
    N_("Install it:\n"
       "  Debian, Ubuntu: sudo apt install qemu-system-x86\n"
       "  Fedora: sudo dnf install qemu-system-x86\n"
       "  Arch: sudo pacman -S qemu-system-x86") },
  { "qemu-x86_64", "too-old", N_("The installed QEMU (%s) lacks what Lodge needs."), "version",
    N_("Install QEMU 7.2 or newer.") },
  { "qemu-x86_64", "failed", N_("QEMU does not start: %s"), "message",
    N_("Reinstall it; if it was built by hand, look at its message.") },
  { "qemu-aarch64", "ok", N_("QEMU %s."), "version", NULL },
  { "qemu-aarch64", "missing", N_("QEMU for ARM is not installed: no ARM machine can run."), NULL,
    N_("Only if you want ARM machines, install it:\n"
       "  Debian, Ubuntu: sudo apt install qemu-system-arm\n"
       "  Fedora: sudo dnf install qemu-system-aarch64\n"
       "  Arch: sudo pacman -S qemu-system-aarch64") },
  { "qemu-aarch64", "too-old", N_("The installed QEMU (%s) lacks what Lodge needs."), "version",
    N_("Install QEMU 7.2 or newer.") },
  { "qemu-aarch64", "failed", N_("QEMU does not start: %s"), "message",
    N_("Reinstall it; if it was built by hand, look at its message.") },
  { "qemu-riscv64", "ok", N_("QEMU %s."), "version", NULL },
  { "qemu-riscv64", "missing", N_("QEMU for RISC-V is not installed: no RISC-V machine can run."), NULL,
    N_("Only if you want RISC-V machines, install it:\n"
       "  Debian, Ubuntu: sudo apt install qemu-system-misc\n"
       "  Fedora: sudo dnf install qemu-system-riscv\n"
       "  Arch: sudo pacman -S qemu-system-riscv") },
  { "qemu-riscv64", "too-old", N_("The installed QEMU (%s) lacks what Lodge needs."), "version",
    N_("Install QEMU 7.2 or newer.") },
  { "qemu-riscv64", "failed", N_("QEMU does not start: %s"), "message",
    N_("Reinstall it; if it was built by hand, look at its message.") },
  { "qemu-img", "ok", N_("qemu-img is there."), NULL, NULL },
  { "qemu-img", "missing", N_("qemu-img is not installed: no disks can be made or checked."), NULL,
    N_("Install it:\n"
       "  Debian, Ubuntu: sudo apt install qemu-utils\n"
       "  Fedora: sudo dnf install qemu-img\n"
       "  Arch: sudo pacman -S qemu-img") },

  { "confinement", "ok", N_("Guests are confined by bubblewrap and QEMU’s own sandbox."), NULL, NULL },
  { "confinement", "no-bubblewrap", N_("bubblewrap is not installed, so guests are confined less well: %s."), "level",
    N_("Install it:\n"
       "  Debian, Ubuntu: sudo apt install bubblewrap\n"
       "  Fedora: sudo dnf install bubblewrap\n"
       "  Arch: sudo pacman -S bubblewrap") },
  { "confinement", "no-user-namespaces", N_("User namespaces are switched off, so guests are confined less well: %s."), "level",
    N_("Allow them:\n"
       "  Debian: sudo sysctl kernel.unprivileged_userns_clone=1\n"
       "  Ubuntu: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0\n"
       "  all: sudo sysctl user.max_user_namespaces=10000") },
  { "confinement", "bubblewrap-failed", N_("bubblewrap does not work here, so guests are confined less well: %s."), "level",
    N_("Try it by hand to see what it says:\n"
       "  bwrap --unshare-all --ro-bind / / true") },
  { "confinement", "no-seccomp", N_("This QEMU was built without its own sandbox, so guests are confined less well: %s."), "level",
    N_("Install a QEMU built with seccomp, as those of the distributions are.") },
  { "confinement", "unconfined", N_("This QEMU has no sandbox, and nothing else confines guests: a hostile guest could reach your files."), NULL,
    N_("Install bubblewrap, and a QEMU built with seccomp.") },

  { "firmware-uefi", "ok", N_("There."), NULL, NULL },
  { "firmware-uefi", "missing", N_("There is no UEFI firmware: PCs can start with BIOS only."), NULL,
    N_("Install it:\n"
       "  Debian, Ubuntu: sudo apt install ovmf\n"
       "  Fedora: sudo dnf install edk2-ovmf\n"
       "  Arch: sudo pacman -S edk2-ovmf") },
  { "firmware-uefi-secure", "ok", N_("There."), NULL, NULL },
  { "firmware-uefi-secure", "missing", N_("There is no UEFI firmware with Secure Boot, which Windows 11 wants."), NULL,
    N_("Install it:\n"
       "  Debian, Ubuntu: sudo apt install ovmf\n"
       "  Fedora: sudo dnf install edk2-ovmf\n"
       "  Arch: sudo pacman -S edk2-ovmf") },
  { "firmware-aarch64", "ok", N_("There."), NULL, NULL },
  { "firmware-aarch64", "missing", N_("There is no UEFI firmware for ARM: ARM machines can start a kernel only."), NULL,
    N_("Only if you want ARM machines, install it:\n"
       "  Debian, Ubuntu: sudo apt install qemu-efi-aarch64\n"
       "  Fedora: sudo dnf install edk2-aarch64\n"
       "  Arch: sudo pacman -S edk2-aarch64") },
  { "firmware-riscv64", "ok", N_("There."), NULL, NULL },
  { "firmware-riscv64", "missing", N_("There is no UEFI firmware for RISC-V: RISC-V machines can start a kernel only."), NULL,
    N_("Only if you want RISC-V machines: Debian 13 and Ubuntu have it as qemu-efi-riscv64, Fedora as edk2-riscv64.") },

  { "passt", "ok", N_("There: guests have fast network."), NULL, NULL },
  { "passt", "missing", N_("passt is not installed; guests use QEMU’s own, slower network."), NULL,
    N_("Install it:\n"
       "  Debian, Ubuntu: sudo apt install passt\n"
       "  Fedora: sudo dnf install passt\n"
       "  Arch: sudo pacman -S passt") },
  { "swtpm", "ok", N_("There: guests can have a TPM 2.0."), NULL, NULL },
  { "swtpm", "missing", N_("swtpm is not installed: no machine can have a TPM, which Windows 11 wants."), NULL,
    N_("Install it:\n"
       "  Debian, Ubuntu: sudo apt install swtpm\n"
       "  Fedora: sudo dnf install swtpm\n"
       "  Arch: sudo pacman -S swtpm") },

  { "disk-space", "ok", N_("%s free for machines."), "free", NULL },
  { "disk-space", "low", N_("Only %s free for machines; guests pause when it runs out."), "free",
    N_("Delete or move what is not needed; “lodgectl trash empty” frees what deleted machines still take.") },
  { "disk-space", "full", N_("No space is left for machines; guests pause when they write."), NULL,
    N_("Delete or move what is not needed; “lodgectl trash empty” frees what deleted machines still take.") },

  { "runtime-dir", "ok", N_("Usable."), NULL, NULL },
  { "runtime-dir", "unset", N_("XDG_RUNTIME_DIR is not set; a folder below /tmp is used."), NULL,
    N_("Log in through a session manager (systemd-logind, elogind), which sets it.") },
  { "runtime-dir", "missing", N_("The folder that XDG_RUNTIME_DIR names does not exist: no guest can start."), NULL,
    N_("Log in through a session manager (systemd-logind, elogind), which makes it.") },
  { "runtime-dir", "read-only", N_("The runtime folder (XDG_RUNTIME_DIR) cannot be written: no guest can start."), NULL,
    N_("It has to belong to you and be writable:\n"
       "  ls -ld \"$XDG_RUNTIME_DIR\"") },
  { "runtime-dir", "full", N_("The runtime folder (XDG_RUNTIME_DIR) is full: no guest can start."), NULL,
    N_("See what fills it:\n"
       "  du -xh \"$XDG_RUNTIME_DIR\" | sort -h | tail") },
  { "runtime-dir", "too-long", N_("The path of the runtime folder (XDG_RUNTIME_DIR) is too long for sockets: no guest can start."), NULL,
    N_("Set XDG_RUNTIME_DIR to a shorter path, such as /run/user/1000.") },

  { "render-node", "no-viewer", N_("There is a graphics processor (%s), but Lodge’s window cannot show its pictures yet: no 3D acceleration."), "path", NULL },
  { "render-node", "no-render-node", N_("There is no graphics processor that guests could use: no 3D acceleration."), NULL,
    N_("On a real computer install the driver of its graphics card (Debian: libgl1-mesa-dri); /dev/dri/renderD128 then appears.") },
  { "render-node", "no-permission", N_("You may not use the graphics processor: no 3D acceleration."), NULL,
    N_("Join the group render, then log out and in again:\n"
       "  sudo usermod -aG render \"$USER\"") },
  { "render-node", "no-module", N_("This QEMU lacks the modules for 3D acceleration."), NULL,
    N_("Install them:\n"
       "  Debian, Ubuntu: sudo apt install qemu-system-modules-opengl\n"
       "  Fedora: sudo dnf install qemu-device-display-virtio-vga-gl\n"
       "  Arch: sudo pacman -S qemu-hw-display-virtio-vga-gl") },

  { "audio", "ok", N_("Works (%s)."), "driver", NULL },
  { "audio", "none", N_("There is no sound server: guests are silent."), NULL,
    N_("Start PipeWire or PulseAudio in your session.") },

  { "dbus-display", "ok", N_("Works, with shared memory."), NULL, NULL },
  { "dbus-display", "no-map", N_("Works, but this QEMU copies each picture; a newer one shares memory and needs less than half the time."), NULL,
    N_("Install QEMU 9 or newer. On Debian 12:\n"
       "  sudo apt install -t bookworm-backports qemu-system-x86") },
  { "dbus-display", "missing", N_("This QEMU lacks the D-Bus display: guests have no picture in Lodge."), NULL,
    N_("Install its module:\n"
       "  Debian, Ubuntu: sudo apt install qemu-system-gui\n"
       "  Fedora: sudo dnf install qemu-ui-dbus\n"
       "  Arch: sudo pacman -S qemu-ui-dbus") },

  { "demo", "ok", N_("There."), NULL, NULL },
  { "demo", "missing", N_("The demo guest is not installed: “Try Lodge” cannot be used."), NULL,
    N_("Install Lodge with its demo guest (meson option demo_guest).") },
};

/* A fact as it stands in a sentence: sizes readable, anything else as text. */
static char *
format_fact (GVariant *details, const char *name)
{
  g_autoptr (GVariant) value =
    details != NULL ? g_variant_lookup_value (details, name, NULL) : NULL;

  if (value == NULL)
    return g_strdup ("?");
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64))
    return g_format_size_full (g_variant_get_uint64 (value), G_FORMAT_SIZE_IEC_UNITS);
  return g_variant_print (value, FALSE);
}

gboolean
lodge_doctor_text (const char *id, const char *reason, GVariant *details,
                   char **title, char **sentence, char **advice)
{
  const char *level;

  *title = NULL;
  *advice = NULL;

  /* That nothing is left is another sentence than that there is less. */
  if (g_str_equal (id, "confinement") && details != NULL && g_variant_lookup (details, "level", "&s", &level)
      && g_str_equal (level, "none"))
    reason = "unconfined";
  for (gsize i = 0; i < G_N_ELEMENTS (titles) && *title == NULL; i++)
    if (g_str_equal (titles[i].id, id))
      *title = g_strdup (_(titles[i].title));
  if (*title == NULL)
    *title = g_strdup (id);

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_str_equal (words[i].id, id) && g_str_equal (words[i].reason, reason))
      {
        g_autofree char *fact =
          words[i].fact != NULL ? format_fact (details, words[i].fact) : NULL;

        *sentence = fact != NULL ? g_strdup_printf (_(words[i].sentence), fact)
                                 : g_strdup (_(words[i].sentence));
        if (words[i].advice != NULL)
          *advice = g_strdup (_(words[i].advice));
        return TRUE;
      }

  *sentence = g_strdup (reason);
  return FALSE;
}

char *
lodge_confinement_text (const char *level, const char *reason)
{
  g_autoptr (GVariant) details = NULL;
  g_autofree char *title = NULL;
  g_autofree char *advice = NULL;
  char *sentence;

  if (g_str_equal (level, "bubblewrap") && !g_str_equal (reason, "no-seccomp"))
    return NULL;

  details = g_variant_ref_sink (g_variant_new_parsed ("{'level': <%s>}", level));
  lodge_doctor_text ("confinement", reason, details, &title, &sentence, &advice);
  return sentence;
}
