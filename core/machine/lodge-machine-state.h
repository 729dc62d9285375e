/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

typedef enum
{
  LODGE_STATE_OFF,
  LODGE_STATE_STARTING,
  LODGE_STATE_RUNNING,
  LODGE_STATE_PAUSED,
  LODGE_STATE_STOPPING, /* an ACPI shutdown was asked; the guest still runs */
  LODGE_STATE_SAVING,   /* its memory is being written, to be resumed later */
  LODGE_STATE_SAVED,    /* off, with a saved memory */
  LODGE_STATE_BROKEN,   /* the folder cannot be used */
} LodgeMachineState;
#define LODGE_N_STATES (LODGE_STATE_BROKEN + 1)

/* The methods of org.lodgevm.Core1.Machine, in the order of the XML. */
typedef enum
{
  LODGE_METHOD_START,
  LODGE_METHOD_PAUSE,
  LODGE_METHOD_RESUME,
  LODGE_METHOD_RESET,
  LODGE_METHOD_SHUTDOWN,
  LODGE_METHOD_FORCE_OFF,
  LODGE_METHOD_SET_SETTINGS,
  LODGE_METHOD_CHECK_SETTINGS,
  LODGE_METHOD_INSERT_MEDIUM,
  LODGE_METHOD_EJECT_MEDIUM,
  LODGE_METHOD_OPEN_DISPLAY,
  LODGE_METHOD_OPEN_CHANNEL,
  LODGE_METHOD_SCREENSHOT,
  LODGE_METHOD_SEND_KEYS,
  LODGE_METHOD_TYPE_TEXT,
  LODGE_METHOD_GET_LOG,
  LODGE_METHOD_DELETE,
  LODGE_METHOD_RESTORE_PREVIOUS,
  LODGE_METHOD_MAKE_SEPARATE,
  LODGE_METHOD_SAVE,
  LODGE_METHOD_DISCARD_SAVED,
  LODGE_METHOD_SET_TEMPLATE,
  LODGE_METHOD_CLONE,
  LODGE_METHOD_OPEN_DISPOSABLE,
  LODGE_METHOD_KEEP,
  LODGE_METHOD_DEPENDANTS,
  LODGE_METHOD_FLATTEN,
  LODGE_METHOD_LIST_DISKS,
  LODGE_METHOD_ADD_DISK,
  LODGE_METHOD_DETACH_DISK,
  LODGE_METHOD_GROW_DISK,
  LODGE_METHOD_COMPACT_DISK,
  LODGE_METHOD_CONVERT_DISK,
  LODGE_METHOD_TAKE_SNAPSHOT,
  LODGE_METHOD_LIST_SNAPSHOTS,
  LODGE_METHOD_RESTORE_SNAPSHOT,
  LODGE_METHOD_DELETE_SNAPSHOT,
  LODGE_METHOD_EDIT_SNAPSHOT,
  LODGE_METHOD_GET_SNAPSHOT_PICTURE,
  LODGE_METHOD_FORECAST,
  LODGE_METHOD_EXECUTE,
  LODGE_METHOD_BACKUP,
} LodgeMethod;
#define LODGE_N_METHODS (LODGE_METHOD_BACKUP + 1)

/* What can happen to a machine; the second table says where it leads. */
typedef enum
{
  LODGE_CHANGE_START,         /* Start was asked */
  LODGE_CHANGE_RAN,           /* the guest's processors run */
  LODGE_CHANGE_STOPPED,       /* the guest's processors stand still */
  LODGE_CHANGE_SHUTDOWN,      /* Shutdown was asked */
  LODGE_CHANGE_ENDED,         /* QEMU is gone, or never came */
  LODGE_CHANGE_ADOPT_RUNNING, /* a guest of an earlier core was found */
  LODGE_CHANGE_ADOPT_ENDING,  /* the same, of which all is saved: its QEMU is about to end */
  LODGE_CHANGE_BROKE,         /* the folder cannot be used */
  LODGE_CHANGE_MENDED,        /* it can again */
  LODGE_CHANGE_SAVE,          /* Save was asked */
  LODGE_CHANGE_SAVED,         /* there is a saved memory */
  LODGE_CHANGE_DISCARDED,     /* there is none any more */
} LodgeMachineChange;
#define LODGE_N_CHANGES (LODGE_CHANGE_DISCARDED + 1)

const char *lodge_machine_state_name    (LodgeMachineState state);
const char *lodge_method_name           (LodgeMethod method);
const char *lodge_machine_change_name   (LodgeMachineChange change);

/** lodge_machine_state_allows: whether @method may be called in @state */
gboolean    lodge_machine_state_allows  (LodgeMachineState state, LodgeMethod method);

/** lodge_machine_state_check: the same as an error. Error: WRONG_STATE; the message names method and state */
gboolean    lodge_machine_state_check   (LodgeMachineState state, LodgeMethod method, GError **error);

/**
 * lodge_machine_state_next:
 *
 * Returns: FALSE, with @next untouched, when @change cannot happen in @state
 */
gboolean    lodge_machine_state_next    (LodgeMachineState state, LodgeMachineChange change, LodgeMachineState *next);

/** lodge_machine_state_table: the two tables in Markdown, as docs/DBUS.md has them. Returns: (transfer full): */
char       *lodge_machine_state_table   (void);

G_END_DECLS
