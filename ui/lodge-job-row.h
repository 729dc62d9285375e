/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "lodge-core1.h"

G_BEGIN_DECLS

/**
 * LodgeJobRow:
 *
 * A job of the core: what is being done, how far it is, how long it still takes, and Cancel. It hides itself when the job ends.
 */
#define LODGE_TYPE_JOB_ROW (lodge_job_row_get_type ())
G_DECLARE_FINAL_TYPE (LodgeJobRow, lodge_job_row, LODGE, JOB_ROW, AdwPreferencesRow)

GtkWidget   *lodge_job_row_new     (LodgeIpcJob *job);
LodgeIpcJob *lodge_job_row_get_job (LodgeJobRow *self);

/* Returns: (transfer none) (nullable): what a job of this kind does, "Compacting"; NULL for a kind of a newer core */
const char  *lodge_job_kind_text   (const char *kind);

G_END_DECLS
