/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tests/unit/lodge-fake-host.h"

G_BEGIN_DECLS

/** LodgeFakeGuest: a fixture: the machine of a LodgeFakeHost, the scripted QEMU that it runs in, and the last answer of a method */
typedef struct
{
  const char       *version; /* of the recorded QEMU */
  LodgeFakeHost    *host;    /* (owned) */
  LodgeMachine     *machine; /* (not owned) the host's */
  LodgeFakeProgram *qemu;    /* (not owned) */
  LodgeQmpPeer     *peer;    /* (not owned) */
  guint             answers;
  GError           *error;   /* (owned) (nullable) of the last answer */
  int               fd;      /* of the last answer, or -1 */
} LodgeFakeGuest;

/** lodge_fake_guest_set_up_off: a machine with an empty CD drive, which is off */
void lodge_fake_guest_set_up_off  (LodgeFakeGuest *self, gconstpointer version);

/** lodge_fake_guest_set_up: the same, started */
void lodge_fake_guest_set_up      (LodgeFakeGuest *self, gconstpointer version);

/** lodge_fake_guest_end: forces the guest off when there is one */
void lodge_fake_guest_end         (LodgeFakeGuest *self);

/** lodge_fake_guest_tear_down: ends it and lets all go */
void lodge_fake_guest_tear_down   (LodgeFakeGuest *self, gconstpointer version);

/** lodge_fake_guest_greet: waits for QEMU and plays it from there on */
void lodge_fake_guest_greet       (LodgeFakeGuest *self);

/** lodge_fake_guest_call: a method without options; @medium: (nullable) */
void lodge_fake_guest_call        (LodgeFakeGuest *self, LodgeMethod method, const char *medium);

/** lodge_fake_guest_expect_answer: waits for the one answer, which is no error */
void lodge_fake_guest_expect_answer  (LodgeFakeGuest *self);

/** lodge_fake_guest_expect_refusal: waits for the one answer, which is that error */
void lodge_fake_guest_expect_refusal (LodgeFakeGuest *self, LodgeError code);

/** lodge_fake_guest_expect_played: waits until the peer has had all that it expects, also what nobody waits for an answer to */
void lodge_fake_guest_expect_played  (LodgeFakeGuest *self);

/** lodge_fake_guest_note_sent: adds to @sent (element-type utf8) the commands that each QEMU of the host has got */
void lodge_fake_guest_note_sent      (LodgeFakeGuest *self, GHashTable *sent);

G_END_DECLS
