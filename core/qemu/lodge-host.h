/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"

G_BEGIN_DECLS

typedef enum { LODGE_ACCEL_TCG, LODGE_ACCEL_KVM } LodgeAccel;

/**
 * LodgeHost: what this host offers a guest, as plain values, so that the command line is a pure
 * function and a golden file can state them. Filled by LodgeProbe (core/qemu/lodge-probe.h).
 */
typedef struct
{
  LodgeAccel accel;
  char      *accel_reason;  /* "ok", "no-device", "no-permission", "no-cpu-flags", "probe-failed" */
  char      *accel_message; /* (nullable) what was seen when the reason is "probe-failed" */
  guint      cores;
  guint64    memory;
  guint64    memory_available;
  char      *ovmf_code;         /* (nullable) x86_64 UEFI, read-only flash */
  char      *ovmf_vars;         /* (nullable) its variable template */
  char      *ovmf_code_secure;  /* (nullable) with Secure Boot and SMM */
  char      *ovmf_vars_secure;  /* (nullable) with Microsoft's keys enrolled */
  char      *aavmf_code;        /* (nullable) */
  char      *aavmf_vars;        /* (nullable) */
  char      *riscv_code;        /* (nullable) */
  char      *riscv_vars;        /* (nullable) */
  char      *render_node;       /* (nullable) a usable /dev/dri/renderD* */
  char      *gl_reason;         /* "ok", "no-render-node", "no-permission" */
  char      *passt;             /* (nullable) path */
  char      *swtpm;             /* (nullable) path */
  char      *audio_driver;      /* of the sound server that answers: "pa", "pipewire" or "none" */
  char      *audio_socket;      /* (nullable) its socket, to be let into the confinement */
  gboolean   io_uring;          /* the kernel lets this user have it */
} LodgeHost;

LodgeHost *lodge_host_new  (void);
LodgeHost *lodge_host_copy (const LodgeHost *host);
void       lodge_host_free (LodgeHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeHost, lodge_host_free)

G_END_DECLS
