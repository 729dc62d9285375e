/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "core/qemu/lodge-host.h"

LodgeHost *
lodge_host_new (void)
{
  LodgeHost *host = g_new0 (LodgeHost, 1);

  host->accel = LODGE_ACCEL_TCG;
  host->accel_reason = g_strdup ("no-device");
  host->cores = 1;
  host->gl_reason = g_strdup ("no-render-node");
  host->audio_driver = g_strdup ("none");
  return host;
}

LodgeHost *
lodge_host_copy (const LodgeHost *host)
{
  LodgeHost *copy = g_memdup2 (host, sizeof *host);

  copy->accel_reason = g_strdup (host->accel_reason);
  copy->accel_message = g_strdup (host->accel_message);
  copy->ovmf_code = g_strdup (host->ovmf_code);
  copy->ovmf_vars = g_strdup (host->ovmf_vars);
  copy->ovmf_code_secure = g_strdup (host->ovmf_code_secure);
  copy->ovmf_vars_secure = g_strdup (host->ovmf_vars_secure);
  copy->aavmf_code = g_strdup (host->aavmf_code);
  copy->aavmf_vars = g_strdup (host->aavmf_vars);
  copy->riscv_code = g_strdup (host->riscv_code);
  copy->riscv_vars = g_strdup (host->riscv_vars);
  copy->render_node = g_strdup (host->render_node);
  copy->gl_reason = g_strdup (host->gl_reason);
  copy->passt = g_strdup (host->passt);
  copy->swtpm = g_strdup (host->swtpm);
  copy->audio_driver = g_strdup (host->audio_driver);
  copy->audio_socket = g_strdup (host->audio_socket);
  return copy;
}

void
lodge_host_free (LodgeHost *host)
{
  if (host == NULL)
    return;
  g_free (host->accel_reason);
  g_free (host->accel_message);
  g_free (host->ovmf_code);
  g_free (host->ovmf_vars);
  g_free (host->ovmf_code_secure);
  g_free (host->ovmf_vars_secure);
  g_free (host->aavmf_code);
  g_free (host->aavmf_vars);
  g_free (host->riscv_code);
  g_free (host->riscv_vars);
  g_free (host->render_node);
  g_free (host->gl_reason);
  g_free (host->passt);
  g_free (host->swtpm);
  g_free (host->audio_driver);
  g_free (host->audio_socket);
  g_free (host);
}
