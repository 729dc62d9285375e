/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * LodgeDisplayError:
 *
 * Why a display session could not be opened or has ended. The message is technical English; the
 * window words the code.
 */
typedef enum
{
  LODGE_DISPLAY_ERROR_FAILED,         /* anything without a code of its own */
  LODGE_DISPLAY_ERROR_CLOSED,         /* the peer ended the connection: the guest is off, or another
                                         viewer has taken the display */
  LODGE_DISPLAY_ERROR_PROTOCOL,       /* the peer broke the protocol or a bound; message says which */
  LODGE_DISPLAY_ERROR_NOT_RESPONDING, /* the peer keeps the connection but does not answer */
  LODGE_DISPLAY_ERROR_NO_CONSOLE,     /* the peer has no graphic console */
} LodgeDisplayError;

#define LODGE_DISPLAY_ERROR (lodge_display_error_quark ())

GQuark lodge_display_error_quark (void);

G_END_DECLS
