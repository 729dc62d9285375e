/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeJobList:
 *
 * What the core is doing with one machine: a row for each job that runs for longer than a moment. Not visible without one.
 */
#define LODGE_TYPE_JOB_LIST (lodge_job_list_get_type ())
G_DECLARE_FINAL_TYPE (LodgeJobList, lodge_job_list, LODGE, JOB_LIST, AdwBin)

/* @item: (nullable): none but those of lodge_job_list_set_kinds(); @library: (nullable): none at all */
void lodge_job_list_set_machine (LodgeJobList *self, LodgeLibrary *library, LodgeMachineItem *item);

/* @kinds: (not owned): jobs of these kinds that work for no machine are shown, too */
void lodge_job_list_set_kinds   (LodgeJobList *self, const char *const *kinds);

G_END_DECLS
