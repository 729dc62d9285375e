/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/qemu/lodge-probe.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char *
first_file (const char *const *paths)
{
  for (; *paths != NULL; paths++)
    if (access (*paths, R_OK) == 0)
      return g_strdup (*paths);
  return NULL;
}

/* Firmware comes in pairs: a code image without its variables is of no use. */
static void
find_pair (const char *const *codes, const char *const *vars, char **code_path, char **vars_path)
{
  *code_path = first_file (codes);
  *vars_path = first_file (vars);
  if (*code_path == NULL || *vars_path == NULL)
    {
      g_clear_pointer (code_path, g_free);
      g_clear_pointer (vars_path, g_free);
    }
}

static void
find_firmware (LodgeHost *host)
{
  static const char *const ovmf[] = { "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/edk2/x64/OVMF_CODE.4m.fd", NULL };
  static const char *const ovmf_vars[] = { "/usr/share/OVMF/OVMF_VARS_4M.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd", NULL };
  static const char *const secure[] = { "/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", NULL };
  static const char *const secure_vars[] = { "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", NULL };
  static const char *const aavmf[] = { "/usr/share/AAVMF/AAVMF_CODE.fd", NULL };
  static const char *const aavmf_vars[] = { "/usr/share/AAVMF/AAVMF_VARS.fd", NULL };
  static const char *const riscv[] = { "/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd", NULL };
  static const char *const riscv_vars[] = { "/usr/share/qemu-efi-riscv64/RISCV_VIRT_VARS.fd", NULL };

  find_pair (ovmf, ovmf_vars, &host->ovmf_code, &host->ovmf_vars);
  find_pair (secure, secure_vars, &host->ovmf_code_secure, &host->ovmf_vars_secure);
  find_pair (aavmf, aavmf_vars, &host->aavmf_code, &host->aavmf_vars);
  find_pair (riscv, riscv_vars, &host->riscv_code, &host->riscv_vars);
}

static gboolean
cpu_has_flags (void)
{
  g_autofree char *text = NULL;

  return g_file_get_contents ("/proc/cpuinfo", &text, NULL, NULL)
         && (g_regex_match_simple ("^flags\\s*:.*\\b(vmx|svm)\\b", text, G_REGEX_MULTILINE, 0));
}

/* A /dev/kvm that opens proves nothing, so without a guest that was seen to run it is not used. */
static void
decide_acceleration (LodgeHost *host)
{
  const char *reason = "probe-failed";

  if (access ("/dev/kvm", F_OK) != 0)
    reason = "no-device";
  else if (!cpu_has_flags ())
    reason = "no-cpu-flags";
  else if (access ("/dev/kvm", R_OK | W_OK) != 0)
    reason = "no-permission";
  host->accel = LODGE_ACCEL_TCG;
  g_free (host->accel_reason);
  host->accel_reason = g_strdup (reason);
}

void
lodge_probe_memory (LodgeHost *host)
{
  g_autofree char *text = NULL;
  const char *total, *available;

  if (!g_file_get_contents ("/proc/meminfo", &text, NULL, NULL))
    return;
  total = strstr (text, "MemTotal:");
  available = strstr (text, "MemAvailable:");
  if (total != NULL)
    host->memory = g_ascii_strtoull (total + strlen ("MemTotal:"), NULL, 10) * 1024;
  if (available != NULL)
    host->memory_available = g_ascii_strtoull (available + strlen ("MemAvailable:"), NULL, 10) * 1024;
}

void
lodge_probe_host_async (const LodgePaths *paths, const char *qemu, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  LodgeHost *host = lodge_host_new ();

  decide_acceleration (host);
  host->cores = g_get_num_processors ();
  lodge_probe_memory (host);
  find_firmware (host);
  host->passt = g_find_program_in_path ("passt");
  host->swtpm = g_find_program_in_path ("swtpm");
  g_free (host->gl_reason);
  host->gl_reason = g_strdup ("no-render-node");
  g_free (host->audio_driver);
  host->audio_driver = g_strdup ("none");
  g_task_return_pointer (task, host, (GDestroyNotify) lodge_host_free);
}

LodgeHost *
lodge_probe_host_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
