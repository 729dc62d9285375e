/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * LodgeError:
 *
 * What can go wrong, as codes that travel over D-Bus as org.lodgevm.Error.NAME. The message of a
 * GError in this domain is technical English for logs and details; the sentence for the person is
 * made by lodge_error_text() (core/ipc/lodge-error-text.h) in the client.
 *
 * The numbers are never sent, so the order may change; the names are the contract.
 */
typedef enum
{
  LODGE_ERROR_FAILED,           /* anything without a code of its own */
  LODGE_ERROR_INVALID_ARGUMENT, /* an argument that is malformed or unknown */
  LODGE_ERROR_NAME_INVALID,     /* a machine name that is empty, too long, has '/' or control characters */
  LODGE_ERROR_OUT_OF_RANGE,     /* a number that is beyond what is possible; message says the range */
  LODGE_ERROR_NOT_FOUND,        /* no such machine, file, channel */
  LODGE_ERROR_AMBIGUOUS,        /* several machines match; message lists their ids */
  LODGE_ERROR_EXISTS,           /* something of that name or id is there already */
  LODGE_ERROR_NOT_READABLE,     /* a file that may not be read */
  LODGE_ERROR_WRONG_FORMAT,     /* a file that is not what it was given as */
  LODGE_ERROR_TEXT_FILE,        /* Identify: the file is text, neither a disc nor a disk image */
  LODGE_ERROR_COMPRESSED,       /* Identify: the file has to be unpacked first */
  LODGE_ERROR_DAMAGED,          /* Identify: an image that is cut off or points outside of itself; message says how */
  LODGE_ERROR_IN_USE,           /* a disk, machine or channel that another machine or program holds */
  LODGE_ERROR_HAS_DEPENDANTS,   /* other machines are built on its disks; message names them */
  LODGE_ERROR_NO_SPACE,         /* the file system is full or would become so */
  LODGE_ERROR_IO,               /* any other trouble with files */
  LODGE_ERROR_WRONG_STATE,      /* the method is not allowed in the machine's state */
  LODGE_ERROR_NOT_SUPPORTED,    /* host, QEMU or machine cannot do it; message says which */
  LODGE_ERROR_NO_QEMU,          /* no QEMU for that architecture */
  LODGE_ERROR_QEMU_TOO_OLD,     /* a QEMU without what Lodge needs */
  LODGE_ERROR_QEMU_FAILED,      /* QEMU ended or refused; message is what it said */
  LODGE_ERROR_HELPER_FAILED,    /* passt or swtpm ended or refused; message is what it said */
  LODGE_ERROR_NOT_RESPONDING,   /* QEMU does not answer */
  LODGE_ERROR_CONFINEMENT,      /* the confinement that was asked for cannot be had */
  LODGE_ERROR_RUNTIME_DIR,      /* $XDG_RUNTIME_DIR/lodge cannot be used */
  LODGE_ERROR_BROKEN_PROFILE,   /* machine.json cannot be read; message has the sentence per fault */
  LODGE_ERROR_NEWER_SCHEMA,     /* machine.json was written by a newer Lodge */
  LODGE_ERROR_NEEDS_REPAIR,     /* a disk image fails its check */
  LODGE_ERROR_CANCELLED,        /* the person or a client cancelled it */
  LODGE_ERROR_CORE_GONE,        /* client side: lodge-core left the bus while the call was under way */
} LodgeError;
#define LODGE_N_ERRORS (LODGE_ERROR_CORE_GONE + 1)

#define LODGE_ERROR (lodge_error_quark ())

/**
 * lodge_error_quark:
 *
 * Registers the D-Bus names of the domain on first use, so call it (or use %LODGE_ERROR) before
 * the first message goes out or comes in.
 */
GQuark      lodge_error_quark   (void);

/**
 * lodge_error_code_name:
 *
 * Returns: (transfer none): the name of @code as lodgectl --json prints it, e.g. "name-invalid"
 */
const char *lodge_error_code_name (LodgeError code);

/**
 * lodge_error_normalize:
 * @error: as a D-Bus call gave it; changed in place
 *
 * Makes it one of this domain, without GDBus' prefix in its message. That the core cannot be
 * started, left, or does not answer becomes CORE_GONE.
 */
void        lodge_error_normalize (GError *error);

G_END_DECLS
