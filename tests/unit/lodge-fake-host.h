/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine.h"
#include "tests/unit/lodge-qmp-peer.h"

G_BEGIN_DECLS

/**
 * LodgeFakeProgram: a program that the core started and that plays QEMU, swtpm or qemu-img. It does nothing by itself;
 * QEMU's control socket, which it was born with, is handed to the test, which answers with a LodgeQmpPeer. It closes
 * with the program.
 */
typedef struct
{
  char         *name;     /* (owned) "qemu-system-x86_64", "swtpm", "qemu-img" */
  GPid          pid;
  int           control;  /* where its orders go */
  guint         control_id;
  gboolean      ended;    /* or told to */
  int           listener; /* QEMU's control socket, or -1 */
  LodgeQmpPeer *peer;     /* (owned) (nullable) */
} LodgeFakeProgram;

/**
 * LodgeFakeHost: everything that one machine needs to be started, in a folder of its own: paths, store, engine, and
 * programs that are this very test again (see lodge_fake_host_main()). QEMU's abilities are those of a recorded one, and
 * there is no confinement, so that nothing depends on what the host has.
 */
typedef struct
{
  char         *folder;
  LodgePaths   *paths;
  LodgeStore   *store;    /* (owned) */
  LodgeEngine  *engine;   /* (owned) */
  LodgeMachine *machine;  /* (owned) (nullable) */
  GPtrArray    *programs; /* (element-type LodgeFakeProgram) that were started, in order */
  int           listener;
  guint         listener_id;
} LodgeFakeHost;

/** lodge_fake_host_main: the first thing in main(). Returns: only when this is the test, not one of the programs */
void lodge_fake_host_main (int argc, char **argv);

/** lodge_fake_host_new: @version: of the recorded QEMU, "7.2" or "10.0" */
LodgeFakeHost *lodge_fake_host_new (const char *version);

/** lodge_fake_host_lack_option: from now on a QEMU that is asked what it can do does not name this option of its command line */
void lodge_fake_host_lack_option (LodgeFakeHost *self, const char *option);

/** lodge_fake_host_free: waits until it is clean, which it must be by itself */
void lodge_fake_host_free (LodgeFakeHost *self);

/** lodge_fake_host_add_machine: @profile: taken. The machine is self->machine then; disks must be put into its folder by the test */
void lodge_fake_host_add_machine (LodgeFakeHost *self, LodgeProfile *profile);

/** lodge_fake_host_find: Returns: (transfer none) (nullable): the program of that name that was started last and lives */
LodgeFakeProgram *lodge_fake_host_find (LodgeFakeHost *self, const char *name);

/** lodge_fake_host_wait: the same, waiting for it */
LodgeFakeProgram *lodge_fake_host_wait (LodgeFakeHost *self, const char *name);

/** lodge_fake_host_greet: takes the core's connection to QEMU's control socket and greets; what there was before is closed. Returns: (transfer none): lives as long as the host does */
LodgeQmpPeer *lodge_fake_host_greet (LodgeFakeHost *self, LodgeFakeProgram *qemu, const char *version);

/**
 * lodge_fake_host_end: makes a program say @words (nullable) on its standard error and end
 * @status: its exit status, or, when negative, the signal that it dies of
 */
void lodge_fake_host_end (LodgeFakeHost *self, LodgeFakeProgram *program, int status, const char *words);

/** lodge_fake_host_is_clean: Returns: whether the runtime folder is empty and none of the programs lives, nor a gate that would become one */
gboolean lodge_fake_host_is_clean (LodgeFakeHost *self);

/** lodge_fake_until: turns the main context until @condition; fails the test, which may hang in no other place, after 40 s */
#define lodge_fake_until(condition) \
  G_STMT_START { \
    guint until_id_ = lodge_fake_limit (G_STRLOC ": " #condition); \
    while (!(condition)) \
      g_main_context_iteration (NULL, TRUE); \
    g_source_remove (until_id_); \
  } G_STMT_END
guint lodge_fake_limit (const char *what);

G_END_DECLS
