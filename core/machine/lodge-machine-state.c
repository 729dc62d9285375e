/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The one place that knows in which state a method may be called, and where a change leads.
 * Everything here is a table, so that the documentation can be compared with it and nobody needs
 * to read code to learn what a button may do. */

#include "core/machine/lodge-machine-state.h"

#define OFF      (1u << LODGE_STATE_OFF)
#define STARTING (1u << LODGE_STATE_STARTING)
#define RUNNING  (1u << LODGE_STATE_RUNNING)
#define PAUSED   (1u << LODGE_STATE_PAUSED)
#define STOPPING (1u << LODGE_STATE_STOPPING)
#define SAVING   (1u << LODGE_STATE_SAVING)
#define SAVED    (1u << LODGE_STATE_SAVED)
#define BROKEN   (1u << LODGE_STATE_BROKEN)
#define ALIVE    (RUNNING | PAUSED | STOPPING)

static const char *const state_names[LODGE_N_STATES] = {
  [LODGE_STATE_OFF] = "off",       [LODGE_STATE_STARTING] = "starting",
  [LODGE_STATE_RUNNING] = "running", [LODGE_STATE_PAUSED] = "paused",
  [LODGE_STATE_STOPPING] = "stopping", [LODGE_STATE_SAVING] = "saving",
  [LODGE_STATE_SAVED] = "saved",   [LODGE_STATE_BROKEN] = "broken",
};

static const struct
{
  const char *name;
  guint states;
} methods[LODGE_N_METHODS] = {
  [LODGE_METHOD_START] = { "Start", OFF | SAVED },
  [LODGE_METHOD_PAUSE] = { "Pause", RUNNING | STOPPING },
  [LODGE_METHOD_RESUME] = { "Resume", PAUSED },
  [LODGE_METHOD_RESET] = { "Reset", ALIVE },
  [LODGE_METHOD_SHUTDOWN] = { "Shutdown", RUNNING | STOPPING },
  [LODGE_METHOD_FORCE_OFF] = { "ForceOff", STARTING | ALIVE | SAVING },
  /* Not while starting: the guest would be half made from the old values and half from the new. */
  [LODGE_METHOD_SET_SETTINGS] = { "SetSettings", OFF | ALIVE | SAVED },
  [LODGE_METHOD_CHECK_SETTINGS] = { "CheckSettings", OFF | ALIVE | SAVED },
  [LODGE_METHOD_INSERT_MEDIUM] = { "InsertMedium", OFF | ALIVE },
  [LODGE_METHOD_EJECT_MEDIUM] = { "EjectMedium", OFF | ALIVE },
  [LODGE_METHOD_OPEN_DISPLAY] = { "OpenDisplay", ALIVE },
  [LODGE_METHOD_OPEN_CHANNEL] = { "OpenChannel", ALIVE },
  /* Of a saved machine: what its screen showed last. */
  [LODGE_METHOD_SCREENSHOT] = { "Screenshot", ALIVE | SAVED },
  /* QEMU drops key presses while the processors stand still. */
  [LODGE_METHOD_SEND_KEYS] = { "SendKeys", RUNNING | STOPPING },
  [LODGE_METHOD_TYPE_TEXT] = { "TypeText", RUNNING | STOPPING },
  [LODGE_METHOD_GET_LOG] = { "GetLog", OFF | STARTING | ALIVE | SAVING | SAVED | BROKEN },
  [LODGE_METHOD_DELETE] = { "Delete", OFF | SAVED | BROKEN },
  [LODGE_METHOD_RESTORE_PREVIOUS] = { "RestorePrevious", BROKEN },
  [LODGE_METHOD_MAKE_SEPARATE] = { "MakeSeparate", BROKEN },
  [LODGE_METHOD_SAVE] = { "Save", RUNNING | PAUSED },
  [LODGE_METHOD_DISCARD_SAVED] = { "DiscardSaved", SAVED },
  [LODGE_METHOD_SET_TEMPLATE] = { "SetTemplate", OFF | SAVED },
  [LODGE_METHOD_CLONE] = { "Clone", OFF | RUNNING | PAUSED | SAVED },
  [LODGE_METHOD_OPEN_DISPOSABLE] = { "OpenDisposable", OFF | RUNNING | PAUSED | SAVED },
  [LODGE_METHOD_KEEP] = { "Keep", STARTING | ALIVE },
  [LODGE_METHOD_DEPENDANTS] = { "Dependants", OFF | STARTING | ALIVE | SAVING | SAVED | BROKEN },
  [LODGE_METHOD_FLATTEN] = { "Flatten", OFF },
  [LODGE_METHOD_LIST_DISKS] = { "ListDisks", OFF | STARTING | ALIVE | SAVING | SAVED },
  [LODGE_METHOD_ADD_DISK] = { "AddDisk", OFF | ALIVE },
  [LODGE_METHOD_DETACH_DISK] = { "DetachDisk", OFF | ALIVE },
  [LODGE_METHOD_GROW_DISK] = { "GrowDisk", OFF | ALIVE },
  [LODGE_METHOD_COMPACT_DISK] = { "CompactDisk", OFF },
  [LODGE_METHOD_CONVERT_DISK] = { "ConvertDisk", OFF },
  [LODGE_METHOD_TAKE_SNAPSHOT] = { "TakeSnapshot", OFF | RUNNING | PAUSED | SAVED },
  [LODGE_METHOD_LIST_SNAPSHOTS] = { "ListSnapshots", OFF | STARTING | ALIVE | SAVING | SAVED | BROKEN },
  [LODGE_METHOD_RESTORE_SNAPSHOT] = { "RestoreSnapshot", OFF | RUNNING | PAUSED | SAVED },
  [LODGE_METHOD_DELETE_SNAPSHOT] = { "DeleteSnapshot", OFF | ALIVE | SAVED },
  [LODGE_METHOD_EDIT_SNAPSHOT] = { "EditSnapshot", OFF | ALIVE | SAVED },
  [LODGE_METHOD_GET_SNAPSHOT_PICTURE] = { "GetSnapshotPicture", OFF | STARTING | ALIVE | SAVING | SAVED | BROKEN },
  [LODGE_METHOD_FORECAST] = { "Forecast", OFF | RUNNING | PAUSED | SAVED },
  [LODGE_METHOD_EXECUTE] = { "Execute", RUNNING | STOPPING },
  [LODGE_METHOD_BACKUP] = { "Backup", OFF | RUNNING | PAUSED | SAVED },
};

#define NONE (-1)

static const struct
{
  const char *name;
  int next[LODGE_N_STATES];
} changes[LODGE_N_CHANGES] = {
#define ROW(off, starting, running, paused, stopping, saving, saved, broken) \
  { off, starting, running, paused, stopping, saving, saved, broken }
#define S(state) LODGE_STATE_##state
  /* off, starting, running, paused, stopping, saving, saved, broken */
  [LODGE_CHANGE_START] = { "start", ROW (S (STARTING), NONE, NONE, NONE, NONE, NONE, S (STARTING), NONE) },
  /* A guest that runs on while it is asked to shut down is still stopping; a resumed one is not. */
  [LODGE_CHANGE_RAN] = { "ran", ROW (NONE, S (RUNNING), S (RUNNING), S (RUNNING), S (STOPPING), S (RUNNING), NONE, NONE) },
  [LODGE_CHANGE_STOPPED] = { "stopped", ROW (NONE, S (PAUSED), S (PAUSED), S (PAUSED), S (PAUSED), S (PAUSED), NONE, NONE) },
  [LODGE_CHANGE_SHUTDOWN] = { "shutdown", ROW (NONE, NONE, S (STOPPING), NONE, S (STOPPING), NONE, NONE, NONE) },
  [LODGE_CHANGE_ENDED] = { "ended", ROW (NONE, S (OFF), S (OFF), S (OFF), S (OFF), S (OFF), NONE, NONE) },
  [LODGE_CHANGE_ADOPT_RUNNING] = { "adopt-running", ROW (S (RUNNING), NONE, NONE, NONE, NONE, NONE, S (RUNNING), S (RUNNING)) },
  [LODGE_CHANGE_ADOPT_ENDING] = { "adopt-ending", ROW (S (SAVING), NONE, NONE, NONE, NONE, NONE, S (SAVING), S (SAVING)) },
  /* A guest that runs needs its profile no more: it is broken when it has ended. */
  [LODGE_CHANGE_BROKE] = { "broke", ROW (S (BROKEN), NONE, NONE, NONE, NONE, NONE, S (BROKEN), S (BROKEN)) },
  [LODGE_CHANGE_MENDED] = { "mended", ROW (NONE, NONE, NONE, NONE, NONE, NONE, NONE, S (OFF)) },
  [LODGE_CHANGE_SAVE] = { "save", ROW (NONE, NONE, S (SAVING), S (SAVING), NONE, NONE, NONE, NONE) },
  [LODGE_CHANGE_SAVED] = { "saved", ROW (S (SAVED), NONE, NONE, NONE, NONE, NONE, S (SAVED), NONE) },
  [LODGE_CHANGE_DISCARDED] = { "discarded", ROW (NONE, NONE, NONE, NONE, NONE, NONE, S (OFF), NONE) },
#undef S
#undef ROW
};

const char *
lodge_machine_state_name (LodgeMachineState state)
{
  g_return_val_if_fail ((guint) state < LODGE_N_STATES, "off");

  return state_names[state];
}

const char *
lodge_method_name (LodgeMethod method)
{
  g_return_val_if_fail ((guint) method < LODGE_N_METHODS, "");

  return methods[method].name;
}

const char *
lodge_machine_change_name (LodgeMachineChange change)
{
  g_return_val_if_fail ((guint) change < LODGE_N_CHANGES, "");

  return changes[change].name;
}

gboolean
lodge_machine_state_allows (LodgeMachineState state, LodgeMethod method)
{
  g_return_val_if_fail ((guint) state < LODGE_N_STATES, FALSE);
  g_return_val_if_fail ((guint) method < LODGE_N_METHODS, FALSE);

  return (methods[method].states & (1u << state)) != 0;
}

gboolean
lodge_machine_state_check (LodgeMachineState state, LodgeMethod method, GError **error)
{
  if (lodge_machine_state_allows (state, method))
    return TRUE;

  g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE,
               "%s is not possible while the machine is %s", lodge_method_name (method),
               lodge_machine_state_name (state));
  return FALSE;
}

gboolean
lodge_machine_state_next (LodgeMachineState state, LodgeMachineChange change,
                          LodgeMachineState *next)
{
  g_return_val_if_fail ((guint) state < LODGE_N_STATES, FALSE);
  g_return_val_if_fail ((guint) change < LODGE_N_CHANGES, FALSE);

  if (changes[change].next[state] == NONE)
    return FALSE;

  *next = (LodgeMachineState) changes[change].next[state];
  return TRUE;
}

static void
append_head (GString *text, const char *first)
{
  g_string_append_printf (text, "| %s |", first);
  for (guint s = 0; s < LODGE_N_STATES; s++)
    g_string_append_printf (text, " %s |", state_names[s]);
  g_string_append (text, "\n|---|");
  for (guint s = 0; s < LODGE_N_STATES; s++)
    g_string_append (text, "---|");
  g_string_append_c (text, '\n');
}

char *
lodge_machine_state_table (void)
{
  GString *text = g_string_new (NULL);

  append_head (text, "Method");
  for (guint m = 0; m < LODGE_N_METHODS; m++)
    {
      g_string_append_printf (text, "| %s |", methods[m].name);
      for (guint s = 0; s < LODGE_N_STATES; s++)
        g_string_append (text, lodge_machine_state_allows (s, m) ? " yes |" : " WrongState |");
      g_string_append_c (text, '\n');
    }

  g_string_append_c (text, '\n');
  append_head (text, "Change");
  for (guint c = 0; c < LODGE_N_CHANGES; c++)
    {
      g_string_append_printf (text, "| %s |", changes[c].name);
      for (guint s = 0; s < LODGE_N_STATES; s++)
        g_string_append_printf (text, " %s |",
                                changes[c].next[s] == NONE ? "-" : state_names[changes[c].next[s]]);
      g_string_append_c (text, '\n');
    }

  return g_string_free (text, FALSE);
}
