/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-job.h"
#include "core/machine/lodge-machine.h"

G_BEGIN_DECLS

/*
 * The memory and devices of a guest as a stream of bytes: QEMU's migration into a file, and out of one. One stream
 * a guest at a time. Errors of all: NOT_RESPONDING (also: QEMU ended meanwhile), and what is said below.
 */

/**
 * lodge_stream_out_async:
 * @fd: an empty file, open for writing; duplicated
 * @hold: done as soon as the guest stands still and all but the devices' state is written; its disks
 *   are active still. lodge_stream_go_on_async() or lodge_stream_abandon_async() must follow.
 * @job: is told the progress; cancelling it ends the stream. The caller ends the job.
 *
 * A guest that runs goes on running until nearly all of its memory is written, then stands still; it is not let go at
 * the end. After a failure the guest is as it was before. Errors: NOT_SUPPORTED (the message says what
 * of the guest cannot be written), NO_SPACE, IO, CANCELLED, QEMU_FAILED
 */
void     lodge_stream_out_async     (LodgeMachine *machine, int fd, gboolean hold, LodgeJob *job,
                                     GAsyncReadyCallback callback, gpointer data);

/** lodge_stream_go_on_async: writes the rest of a stream that holds; the disks are closed then, until "cont" */
void     lodge_stream_go_on_async   (LodgeMachine *machine, GAsyncReadyCallback callback, gpointer data);

/** lodge_stream_abandon_async: ends whatever stream there is, also one of an earlier core; a guest that ran before runs again */
void     lodge_stream_abandon_async (LodgeMachine *machine, GAsyncReadyCallback callback, gpointer data);

/**
 * lodge_stream_in_async: for a QEMU that was started to wait for a stream (LodgeLaunch.incoming)
 * @fd: the file, open for reading at its beginning; duplicated
 *
 * Done when the guest is there and stands still. A stream that QEMU cannot use mostly ends it. Error: QEMU_FAILED
 */
void     lodge_stream_in_async      (LodgeMachine *machine, int fd, LodgeJob *job, GAsyncReadyCallback callback, gpointer data);

/**
 * lodge_stream_devices_out_async: the devices' state alone, of a guest that stands still and whose memory is a file that it
 * shares (LODGE_RAM_SHARED); else as lodge_stream_out_async()
 */
void     lodge_stream_devices_out_async (LodgeMachine *machine, int fd, gboolean hold, LodgeJob *job, GAsyncReadyCallback callback,
                                         gpointer data);

/** lodge_stream_devices_in_async: the same into a QEMU that has that file as its memory; else as lodge_stream_in_async() */
void     lodge_stream_devices_in_async  (LodgeMachine *machine, int fd, GAsyncReadyCallback callback, gpointer data);

/** lodge_stream_finish: of all */
gboolean lodge_stream_finish        (GAsyncResult *result, GError **error);

/** lodge_stream_event: QEMU's MIGRATION event; @status: (nullable) */
void     lodge_stream_event         (LodgeMachine *machine, const char *status);

/** lodge_stream_ended: QEMU is gone; answers whoever waits */
void     lodge_stream_ended         (LodgeMachine *machine);

G_END_DECLS
