/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

#define LODGE_LOG_MAX_BYTES  (1024 * 1024)
#define LODGE_LOG_KEEP_BYTES (256 * 1024)

/**
 * LodgeLogFile: keeps a log that another process appends to (O_APPEND) within bounds.
 *
 * When it has grown over LODGE_LOG_MAX_BYTES, its last LODGE_LOG_KEEP_BYTES stay, in place, so that the writer goes on. It
 * is seen by inotify, not by polling, so between two looks (a second) more can come. What another process
 * writes in the instant of the cut is lost.
 */
#define LODGE_TYPE_LOG_FILE (lodge_log_file_get_type ())
G_DECLARE_FINAL_TYPE (LodgeLogFile, lodge_log_file, LODGE, LOG_FILE, GObject)

/** lodge_log_file_new: looks at once, and then follows the file, which need not exist yet */
LodgeLogFile *lodge_log_file_new    (const char *path);

/** lodge_log_file_rotate: before a start: what is there becomes PATH.old, in place of an older one. Errors are not worth a failed start. */
void          lodge_log_file_rotate (const char *path);

/** lodge_log_file_tail: (transfer full): the last @max_bytes from @start on, whole lines, valid UTF-8 without control characters but newline and tab; "" when there is nothing */
char         *lodge_log_file_tail   (const char *path, gint64 start, gsize max_bytes);

G_END_DECLS
