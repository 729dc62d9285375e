/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/qemu/lodge-sandbox.h"
#include "core/sharing/lodge-helper.h"

G_BEGIN_DECLS

/**
 * lodge_tpm_start: a TPM 2.0 by swtpm, behind the gate (see lodge_helper_spawn()).
 * @swtpm: path, see LodgeHost
 * @folder: the machine's tpm/ folder, which holds what the TPM knows; made when it is missing. swtpm reaches nothing else.
 * @fd: (out): for QEMU: LODGE_CHILD_FD_TPM; the caller closes it once QEMU has it. swtpm ends with a QEMU that
 *   has set up its TPM; when QEMU ends earlier, kill it.
 * Errors: HELPER_FAILED, IO, NO_SPACE
 */
LodgeHelper *lodge_tpm_start (const char *swtpm, LodgeSandbox *sandbox, const char *folder, const char *log_path,
                              int *fd, GError **error);

G_END_DECLS
