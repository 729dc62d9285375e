/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Golden command lines: tests/unit/data/command-line/NAME-qemuVERSION.args, one argument a line, from the recorded
 * capabilities caps-VERSION-ARCH.json. LODGE_UPDATE_GOLDEN=1 writes them anew; the difference is then read
 * in the commit. tests/integration/test_command_lines.py starts each of them.
 */
#include "core/qemu/lodge-capabilities-private.h"
#include "core/qemu/lodge-command-line-private.h"

#include <string.h>

#define GIB (G_GUINT64_CONSTANT (1024) * 1024 * 1024)
#define MIB (G_GUINT64_CONSTANT (1024) * 1024)

static const char *const versions[] = { "7.2", "10.0" };

static LodgeCapabilities *
load_capabilities (const char *version, LodgeArch arch)
{
  g_autofree char *name = g_strdup_printf ("caps-%s-%s.json", version, lodge_arch_name (arch));
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", name, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  LodgeCapabilities *capabilities;
  gsize length;

  g_file_get_contents (path, &text, &length, &error);
  g_assert_no_error (error);
  capabilities = lodge_capabilities_new_from_json (text, length, &error);
  g_assert_no_error (error);
  return capabilities;
}

/* A desktop with all that Lodge can use. */
static LodgeHost *
make_host (void)
{
  LodgeHost *host = lodge_host_new ();

  host->accel = LODGE_ACCEL_KVM;
  host->cores = 8;
  host->memory = 24 * GIB;
  host->memory_available = 16 * GIB;
  host->ovmf_code = g_strdup ("/usr/share/OVMF/OVMF_CODE_4M.fd");
  host->ovmf_vars = g_strdup ("/usr/share/OVMF/OVMF_VARS_4M.fd");
  host->ovmf_code_secure = g_strdup ("/usr/share/OVMF/OVMF_CODE_4M.ms.fd");
  host->ovmf_vars_secure = g_strdup ("/usr/share/OVMF/OVMF_VARS_4M.ms.fd");
  host->aavmf_code = g_strdup ("/usr/share/AAVMF/AAVMF_CODE.fd");
  host->aavmf_vars = g_strdup ("/usr/share/AAVMF/AAVMF_VARS.fd");
  host->render_node = g_strdup ("/dev/dri/renderD128");
  host->io_uring = TRUE;
  g_free (host->audio_driver);
  host->audio_driver = g_strdup ("pa");
  host->audio_socket = g_strdup ("/run/user/1000/pulse/native");
  return host;
}

static LodgeProfile *
make_profile (const char *name, LodgeFamily family, LodgeArch arch)
{
  LodgeProfile *profile = lodge_profile_new (name, family, arch);
  LodgeNic *nic = profile->nics->pdata[0];

  /* Nothing random in a golden file. */
  g_free (profile->id);
  profile->id = g_strdup ("0f8e7c52-5a0e-4c1f-9a53-9d0b6f2f8a11");
  g_free (nic->mac);
  nic->mac = g_strdup ("52:54:00:12:34:56");
  profile->cores = 2;
  return profile;
}

static void
add_disk (LodgeProfile *profile, const char *id, const char *file, gboolean cdrom, LodgeBus bus, guint boot_order)
{
  LodgeDisk *disk = lodge_disk_new (id, cdrom);

  disk->file = g_strdup (file);
  g_free (disk->format);
  disk->format = g_strdup (cdrom ? "raw" : "qcow2");
  disk->bus = bus;
  disk->boot_order = boot_order;
  g_ptr_array_add (profile->disks, disk);
}

static LodgeProfile *
linux_bios (void)
{
  /* The name and the medium have what has a meaning in QEMU's options. */
  LodgeProfile *profile = make_profile ("Debian, the second=2", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);

  profile->firmware = LODGE_FIRMWARE_BIOS;
  add_disk (profile, "disk0", "disks/disk0.qcow2", FALSE, LODGE_BUS_VIRTIO, 1);
  add_disk (profile, "cd0", "/media/iso, new/debian=12.iso", TRUE, LODGE_BUS_SATA, 2);
  return profile;
}

static LodgeProfile *
linux_uefi (void)
{
  LodgeProfile *profile = make_profile ("Debian", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);

  profile->firmware = LODGE_FIRMWARE_UEFI;
  profile->memory = 4 * GIB;
  add_disk (profile, "disk0", "disks/disk0.qcow2", FALSE, LODGE_BUS_VIRTIO, 1);
  add_disk (profile, "disk1", "disks/disk1.qcow2", FALSE, LODGE_BUS_NVME, 0);
  add_disk (profile, "disk2", "disks/disk2.qcow2", FALSE, LODGE_BUS_SCSI, 0);
  add_disk (profile, "disk3", "disks/disk3.qcow2", FALSE, LODGE_BUS_USB, 0);
  add_disk (profile, "cd0", NULL, TRUE, LODGE_BUS_SATA, 2);
  return profile;
}

static LodgeProfile *
linux_3d (void)
{
  LodgeProfile *profile = make_profile ("Games", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);

  profile->firmware = LODGE_FIRMWARE_UEFI;
  profile->accel_3d = TRUE;
  profile->cpu_model = LODGE_CPU_PORTABLE;
  add_disk (profile, "disk0", "disks/disk0.qcow2", FALSE, LODGE_BUS_VIRTIO, 1);
  return profile;
}

static LodgeProfile *
windows_11 (void)
{
  LodgeProfile *profile = make_profile ("Windows 11", LODGE_FAMILY_WINDOWS, LODGE_ARCH_X86_64);

  profile->firmware = LODGE_FIRMWARE_UEFI;
  profile->secure_boot = TRUE;
  profile->tpm = TRUE;
  profile->memory = 8 * GIB;
  profile->cores = 4;
  add_disk (profile, "disk0", "disks/disk0.qcow2", FALSE, LODGE_BUS_SATA, 1);
  add_disk (profile, "cd0", "/media/windows.iso", TRUE, LODGE_BUS_SATA, 2);
  add_disk (profile, "cd1", "/media/virtio-win.iso", TRUE, LODGE_BUS_SATA, 0);
  return profile;
}

static LodgeProfile *
windows_10 (void)
{
  LodgeProfile *profile = make_profile ("Windows 10", LODGE_FAMILY_WINDOWS, LODGE_ARCH_X86_64);

  profile->firmware = LODGE_FIRMWARE_BIOS;
  profile->memory = 4 * GIB;
  add_disk (profile, "disk0", "disks/disk0.qcow2", FALSE, LODGE_BUS_SATA, 1);
  add_disk (profile, "cd0", "/media/windows.iso", TRUE, LODGE_BUS_SATA, 2);
  return profile;
}

static LodgeProfile *
windows_xp (void)
{
  LodgeProfile *profile = make_profile ("Windows XP", LODGE_FAMILY_WINDOWS_OLD, LODGE_ARCH_X86_64);

  profile->cores = 1;
  add_disk (profile, "disk0", "disks/disk0.qcow2", FALSE, LODGE_BUS_IDE, 1);
  add_disk (profile, "cd0", "/media/xp.iso", TRUE, LODGE_BUS_IDE, 2);
  return profile;
}

static LodgeProfile *
dos (void)
{
  LodgeProfile *profile = make_profile ("FreeDOS", LODGE_FAMILY_DOS, LODGE_ARCH_X86_64);

  profile->memory = 64 * MIB;
  profile->sound = LODGE_SOUND_SB16;
  add_disk (profile, "disk0", "disks/disk0.qcow2", FALSE, LODGE_BUS_IDE, 1);
  return profile;
}

static LodgeProfile *
foreign_uefi (LodgeArch arch)
{
  LodgeProfile *profile = make_profile ("Debian", LODGE_FAMILY_LINUX, arch);

  profile->firmware = LODGE_FIRMWARE_UEFI;
  add_disk (profile, "disk0", "disks/disk0.qcow2", FALSE, LODGE_BUS_VIRTIO, 1);
  add_disk (profile, "cd0", "/media/debian.iso", TRUE, LODGE_BUS_SCSI, 2);
  return profile;
}

static LodgeProfile *
aarch64_uefi (void)
{
  return foreign_uefi (LODGE_ARCH_AARCH64);
}

static LodgeProfile *
riscv64 (void)
{
  LodgeProfile *profile = foreign_uefi (LODGE_ARCH_RISCV64);

  /* The board's own firmware and a kernel: Debian 12 has no UEFI for it. */
  profile->firmware = LODGE_FIRMWARE_NONE;
  profile->kernel = g_strdup ("kernel");
  profile->initrd = g_strdup ("initrd");
  profile->append = g_strdup ("console=ttyS0");
  return profile;
}

static LodgeProfile *
demo (void)
{
  LodgeProfile *profile = make_profile ("Try Lodge", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);

  profile->firmware = LODGE_FIRMWARE_NONE;
  profile->demo = TRUE;
  profile->memory = 512 * MIB;
  profile->kernel = g_strdup ("kernel");
  profile->initrd = g_strdup ("initrd");
  profile->append = g_strdup ("console=ttyS0 console=tty0 quiet");
  return profile;
}

typedef struct
{
  const char   *name;
  LodgeProfile *(*make) (void);
  LodgeAccel    accel;
  gboolean      passt;
  const char   *gl_backend;
} Golden;

static const Golden goldens[] = {
  { "linux-bios", linux_bios, LODGE_ACCEL_TCG, FALSE, "none" },
  { "linux-uefi", linux_uefi, LODGE_ACCEL_KVM, TRUE, "none" },
  { "linux-3d", linux_3d, LODGE_ACCEL_KVM, TRUE, "virgl" },
  { "windows11", windows_11, LODGE_ACCEL_KVM, TRUE, "none" },
  { "windows10", windows_10, LODGE_ACCEL_KVM, FALSE, "none" },
  { "windows-xp", windows_xp, LODGE_ACCEL_TCG, FALSE, "none" },
  { "dos", dos, LODGE_ACCEL_TCG, FALSE, "none" },
  { "aarch64-uefi", aarch64_uefi, LODGE_ACCEL_TCG, TRUE, "none" },
  { "riscv64", riscv64, LODGE_ACCEL_TCG, FALSE, "none" },
  { "demo", demo, LODGE_ACCEL_TCG, TRUE, "none" },
};

static GStrv
build (const Golden *golden, const char *version, GError **error)
{
  g_autoptr (LodgeProfile) profile = golden->make ();
  g_autoptr (LodgeCapabilities) capabilities = load_capabilities (version, profile->arch);
  g_autoptr (LodgeHost) host = make_host ();
  LodgeLaunch launch = { .folder = "/machine", .passt = golden->passt, .tpm = profile->tpm, .paused = TRUE,
                         .accel = golden->accel, .gl_backend = golden->gl_backend, .audio = TRUE };
  g_autoptr (GError) fault = NULL;

  lodge_profile_validate (profile, &fault);
  g_assert_no_error (fault);
  g_assert_true (lodge_command_line_assign (profile, capabilities));
  /* What is assigned stays as it is. */
  g_assert_false (lodge_command_line_assign (profile, capabilities));
  lodge_profile_validate (profile, &fault);
  g_assert_no_error (fault);
  return lodge_command_line_build (profile, capabilities, host, &launch, error);
}

static void
test_golden (gconstpointer data)
{
  const Golden *golden = data;

  for (guint i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_autofree char *name = g_strdup_printf ("%s-qemu%s.args", golden->name, versions[i]);
      g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "command-line", name, NULL);
      g_autofree char *expected = NULL;
      g_autofree char *joined = NULL;
      g_autofree char *text = NULL;
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) argv = build (golden, versions[i], &error);

      g_assert_no_error (error);
      joined = g_strjoinv ("\n", argv);
      text = g_strconcat (joined, "\n", NULL);
      if (g_getenv ("LODGE_UPDATE_GOLDEN") != NULL)
        g_assert_true (g_file_set_contents (path, text, -1, NULL));
      g_file_get_contents (path, &expected, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (text, ==, expected);
    }
}

static void
assert_refused (LodgeProfile *profile, LodgeHost *host, LodgeLaunch *launch, LodgeCapabilities *capabilities,
                int code, const char *words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) argv = lodge_command_line_build (profile, capabilities, host, launch, &error);

  g_assert_null (argv);
  g_assert_error (error, LODGE_ERROR, code);
  g_test_message ("%s", error->message);
  if (strstr (error->message, words) == NULL)
    g_error ("\"%s\" is not in: %s", words, error->message);
}

static void
test_refusals (void)
{
  g_autoptr (LodgeProfile) profile = windows_11 ();
  g_autoptr (LodgeCapabilities) capabilities = load_capabilities ("7.2", LODGE_ARCH_X86_64);
  g_autoptr (LodgeCapabilities) arm = load_capabilities ("7.2", LODGE_ARCH_AARCH64);
  g_autoptr (LodgeHost) host = make_host ();
  LodgeLaunch launch = { "/machine", TRUE, TRUE, TRUE, LODGE_ACCEL_KVM, "none", FALSE };

  assert_refused (profile, host, &launch, capabilities, LODGE_ERROR_NOT_SUPPORTED, "machine types");
  lodge_command_line_assign (profile, capabilities);
  assert_refused (profile, host, &launch, arm, LODGE_ERROR_NOT_SUPPORTED, "does not run x86_64 machines");

  profile->memory = 900 * GIB;
  assert_refused (profile, host, &launch, capabilities, LODGE_ERROR_OUT_OF_RANGE,
                  "memory: 900 GB is out of range: 16 MB to 24 GB, which the host has");
  profile->memory = 4 * GIB;
  profile->cores = 280;
  assert_refused (profile, host, &launch, capabilities, LODGE_ERROR_OUT_OF_RANGE, "cores: 280 is out of range: 1 to ");
  profile->cores = 4;

  g_clear_pointer (&host->ovmf_code_secure, g_free);
  assert_refused (profile, host, &launch, capabilities, LODGE_ERROR_NOT_SUPPORTED, "the package ovmf");
  profile->secure_boot = FALSE;

  launch.tpm = FALSE;
  assert_refused (profile, host, &launch, capabilities, LODGE_ERROR_NOT_SUPPORTED, "the package swtpm");
  launch.tpm = TRUE;

  g_free (profile->machine_type);
  profile->machine_type = g_strdup ("pc-q35-10.0");
  assert_refused (profile, host, &launch, capabilities, LODGE_ERROR_NOT_SUPPORTED, "\"pc-q35-10.0\"");
}

static const LodgeDisk *
disk_at (LodgeProfile *profile, guint i)
{
  return profile->disks->pdata[i];
}

/* Addresses stay when devices come and go, and a drive that moves to another bus gets one there. */
static void
test_addresses (void)
{
  g_autoptr (LodgeProfile) profile = make_profile ("Ports", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);
  g_autoptr (LodgeCapabilities) capabilities = load_capabilities ("10.0", LODGE_ARCH_X86_64);
  g_autofree char *second = NULL;

  profile->spare_ports = 4;
  add_disk (profile, "disk0", "a", FALSE, LODGE_BUS_VIRTIO, 1);
  add_disk (profile, "disk1", "b", FALSE, LODGE_BUS_VIRTIO, 0);
  g_assert_true (lodge_command_line_assign (profile, capabilities));
  g_assert_cmpstr (profile->machine_type, ==, "pc-q35-10.0");
  g_assert_cmpstr (disk_at (profile, 0)->address, ==, "rp1:00.0");
  g_assert_cmpstr (disk_at (profile, 1)->address, ==, "rp2:00.0");
  g_assert_cmpstr (((LodgeNic *) profile->nics->pdata[0])->address, ==, "rp3:00.0");
  g_assert_cmpuint (lodge_layout_root_ports (profile), ==, 7);

  /* Without the first disk the others stay where they are, and the next one fills the gap. */
  g_ptr_array_remove_index (profile->disks, 0);
  g_assert_false (lodge_command_line_assign (profile, capabilities));
  g_assert_cmpuint (lodge_layout_root_ports (profile), ==, 6);
  add_disk (profile, "disk2", "c", FALSE, LODGE_BUS_VIRTIO, 0);
  g_assert_true (lodge_command_line_assign (profile, capabilities));
  g_assert_cmpstr (disk_at (profile, 0)->address, ==, "rp2:00.0");
  g_assert_cmpstr (disk_at (profile, 1)->address, ==, "rp1:00.0");

  ((LodgeDisk *) disk_at (profile, 1))->bus = LODGE_BUS_SATA;
  g_assert_true (lodge_command_line_assign (profile, capabilities));
  g_assert_cmpstr (disk_at (profile, 1)->address, ==, "ide.0:0");

  /* Two with one address, as after a copy by hand: the first keeps it. */
  second = g_strdup (disk_at (profile, 0)->address);
  add_disk (profile, "disk3", "d", FALSE, LODGE_BUS_VIRTIO, 0);
  ((LodgeDisk *) disk_at (profile, 2))->address = g_steal_pointer (&second);
  g_assert_true (lodge_command_line_assign (profile, capabilities));
  g_assert_cmpstr (disk_at (profile, 0)->address, ==, "rp2:00.0");
  g_assert_cmpstr (disk_at (profile, 2)->address, ==, "rp1:00.0");

  /* A full bus is no crash but a sentence. */
  for (guint i = 0; i < 6; i++)
    {
      g_autofree char *id = g_strdup_printf ("cd%u", i);

      add_disk (profile, id, NULL, TRUE, LODGE_BUS_SATA, 0);
    }
  lodge_command_line_assign (profile, capabilities);
  g_assert_null (disk_at (profile, profile->disks->len - 1)->address);
  {
    g_autoptr (LodgeHost) host = make_host ();
    LodgeLaunch launch = { "/machine", TRUE, TRUE, TRUE, LODGE_ACCEL_TCG, "none", FALSE };

    assert_refused (profile, host, &launch, capabilities, LODGE_ERROR_OUT_OF_RANGE, "no free place for the drive \"cd5\"");
  }
}

static void
test_mac (void)
{
  g_autoptr (LodgeProfile) profile = make_profile ("Mac", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);
  g_autoptr (LodgeCapabilities) capabilities = load_capabilities ("7.2", LODGE_ARCH_X86_64);
  LodgeNic *nic = profile->nics->pdata[0];
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&nic->mac, g_free);
  g_assert_true (lodge_command_line_assign (profile, capabilities));
  g_assert_true (g_str_has_prefix (nic->mac, "52:54:00:"));
  lodge_profile_validate (profile, &error);
  g_assert_no_error (error);
}

/* What a QEMU lacks falls back where there is something to fall back to. */
static void
test_video (void)
{
  g_autoptr (LodgeProfile) profile = linux_3d ();
  g_autoptr (LodgeCapabilities) full = load_capabilities ("7.2", LODGE_ARCH_X86_64);
  g_autoptr (LodgeCapabilities) bare = lodge_capabilities_new ("/usr/bin/qemu", LODGE_ARCH_X86_64, "9.0.0");
  LodgeLaunch launch = { "/machine", TRUE, FALSE, TRUE, LODGE_ACCEL_KVM, "virgl", FALSE };

  g_assert_cmpstr (lodge_command_line_video (profile, full, &launch), ==, "virtio-vga-gl");
  g_assert_cmpstr (lodge_command_line_video (profile, bare, &launch), ==, "VGA");
  launch.gl_backend = "none";
  g_assert_cmpstr (lodge_command_line_video (profile, full, &launch), ==, "virtio-vga");
  profile->video = LODGE_VIDEO_VGA;
  g_assert_cmpstr (lodge_command_line_video (profile, full, &launch), ==, "VGA");
  profile->video = LODGE_VIDEO_NONE;
  g_assert_cmpstr (lodge_command_line_video (profile, full, &launch), ==, "none");
}

/* Sound goes where it is heard, and a sound server that is out of reach is not tried. */
static void
test_audio (void)
{
  g_autoptr (LodgeProfile) profile = linux_uefi ();
  g_autoptr (LodgeCapabilities) old = load_capabilities ("7.2", LODGE_ARCH_X86_64);
  g_autoptr (LodgeCapabilities) new = load_capabilities ("10.0", LODGE_ARCH_X86_64);
  g_autoptr (LodgeHost) host = make_host ();
  LodgeLaunch launch = { .folder = "/machine", .passt = TRUE, .paused = TRUE, .accel = LODGE_ACCEL_KVM,
                         .gl_backend = "none", .audio = TRUE };

  g_assert_cmpstr (lodge_command_line_audio (profile, old, host, &launch), ==, "dbus");
  g_assert_cmpstr (lodge_command_line_audio (profile, new, host, &launch), ==, "dbus");
  /* Without a display there is no window to play it. */
  profile->video = LODGE_VIDEO_NONE;
  g_assert_cmpstr (lodge_command_line_audio (profile, old, host, &launch), ==, "pa");
  g_assert_cmpstr (lodge_command_line_audio (profile, new, host, &launch), ==, "pa");
  launch.audio = FALSE;
  g_assert_cmpstr (lodge_command_line_audio (profile, new, host, &launch), ==, "none");
  profile->video = LODGE_VIDEO_VIRTIO;
  profile->sound = LODGE_SOUND_NONE;
  launch.audio = TRUE;
  g_assert_cmpstr (lodge_command_line_audio (profile, old, host, &launch), ==, "none");
}

static const char *
word_after (char **argv, const char *option)
{
  for (guint i = 0; argv[i] != NULL; i++)
    if (strcmp (argv[i], option) == 0)
      return argv[i + 1];
  return NULL;
}

/* The folder is there from the start, its device comes into the last place that is free; with none left there is no device. */
static void
test_share (void)
{
  g_autoptr (LodgeProfile) profile = make_profile ("Share", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);
  g_autoptr (LodgeProfile) old = make_profile ("Old", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);
  g_autoptr (LodgeCapabilities) capabilities = load_capabilities ("7.2", LODGE_ARCH_X86_64);
  g_autoptr (LodgeHost) host = make_host ();
  LodgeLaunch launch = { .folder = "/machine", .passt = TRUE, .paused = TRUE, .accel = LODGE_ACCEL_KVM, .gl_backend = "none",
                         .share = "/srv/files/a, b" };
  g_autoptr (JsonObject) device = NULL;
  g_autoptr (JsonObject) none = NULL;
  g_auto (GStrv) argv = NULL;
  g_autoptr (GError) error = NULL;

  profile->spare_ports = 2;
  lodge_command_line_assign (profile, capabilities);
  argv = lodge_command_line_build (profile, capabilities, host, &launch, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (word_after (argv, "-fsdev"), ==, "local,id=share,path=/srv/files/a,, b,security_model=none,multidevs=remap,readonly=on");
  g_clear_pointer (&argv, g_strfreev);
  launch.share_writable = TRUE;
  argv = lodge_command_line_build (profile, capabilities, host, &launch, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (word_after (argv, "-fsdev"), ==, "local,id=share,path=/srv/files/a,, b,security_model=none,multidevs=remap");

  device = lodge_command_line_plug_share (profile);
  g_assert_cmpstr (json_object_get_string_member (device, "bus"), ==, "rp3");
  g_assert_cmpstr (json_object_get_string_member (device, "addr"), ==, "00.0");
  g_clear_pointer (&device, json_object_unref);
  profile->spare_ports = 0;
  none = lodge_command_line_plug_share (profile);
  g_assert_null (none);
  old->chipset = LODGE_CHIPSET_I440FX;
  device = lodge_command_line_plug_share (old);
  g_assert_cmpstr (json_object_get_string_member (device, "bus"), ==, "pci.0");
  g_assert_cmpstr (json_object_get_string_member (device, "addr"), ==, "1f.0");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (goldens); i++)
    {
      g_autofree char *path = g_strconcat ("/command-line/golden/", goldens[i].name, NULL);

      g_test_add_data_func (path, &goldens[i], test_golden);
    }
  g_test_add_func ("/command-line/refusals", test_refusals);
  g_test_add_func ("/command-line/addresses", test_addresses);
  g_test_add_func ("/command-line/mac", test_mac);
  g_test_add_func ("/command-line/video", test_video);
  g_test_add_func ("/command-line/audio", test_audio);
  g_test_add_func ("/command-line/share", test_share);
  return g_test_run ();
}
