/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/lodge-fake-guest.h"

static void
call_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LodgeFakeGuest *self = data;

  g_clear_error (&self->error);
  lodge_machine_call_finish (LODGE_MACHINE (source), result, &self->error);
  self->answers++;
}

void
lodge_fake_guest_call (LodgeFakeGuest *self, LodgeMethod method, const char *medium)
{
  self->answers = 0;
  lodge_machine_call_async (self->machine, method, NULL, medium, NULL, call_cb, self);
}

void
lodge_fake_guest_expect_answer (LodgeFakeGuest *self)
{
  lodge_fake_until (self->answers == 1);
  g_assert_no_error (self->error);
}

void
lodge_fake_guest_expect_refusal (LodgeFakeGuest *self, LodgeError code)
{
  lodge_fake_until (self->answers == 1);
  g_assert_error (self->error, LODGE_ERROR, (int) code);
}

void
lodge_fake_guest_expect_played (LodgeFakeGuest *self)
{
  lodge_qmp_peer_run (self->peer);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

void
lodge_fake_guest_greet (LodgeFakeGuest *self)
{
  self->qemu = lodge_fake_host_wait (self->host, "qemu-system-x86_64");
  self->peer = lodge_fake_host_greet (self->host, self->qemu, self->version);
}

static void
start (LodgeFakeGuest *self)
{
  lodge_fake_guest_call (self, LODGE_METHOD_START, NULL);
  lodge_fake_guest_greet (self);
  lodge_qmp_peer_expect_ok (self->peer, "cont", NULL);
  lodge_fake_guest_expect_answer (self);
}

static LodgeProfile *
make_profile (void)
{
  LodgeProfile *profile = lodge_profile_new ("Fake", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);

  profile->firmware = LODGE_FIRMWARE_BIOS;
  profile->memory = 64 * 1024 * 1024;
  lodge_profile_add_cd (profile, NULL);
  return profile;
}

void
lodge_fake_guest_set_up_off (LodgeFakeGuest *self, gconstpointer version)
{
  self->version = version;
  self->fd = -1;
  self->host = lodge_fake_host_new (version);
  lodge_fake_host_add_machine (self->host, make_profile ());
  self->machine = self->host->machine;
}

void
lodge_fake_guest_set_up (LodgeFakeGuest *self, gconstpointer version)
{
  lodge_fake_guest_set_up_off (self, version);
  start (self);
}

void
lodge_fake_guest_note_sent (LodgeFakeGuest *self, GHashTable *sent)
{
  for (guint i = 0; i < self->host->programs->len; i++)
    {
      LodgeFakeProgram *program = g_ptr_array_index (self->host->programs, i);

      if (program->peer != NULL)
        lodge_qmp_peer_add_seen (program->peer, sent);
    }
}

void
lodge_fake_guest_end (LodgeFakeGuest *self)
{
  if (!lodge_machine_has_guest (self->machine))
    return;
  lodge_qmp_peer_expect_ok (self->peer, "quit", NULL);
  lodge_fake_guest_call (self, LODGE_METHOD_FORCE_OFF, NULL);
  lodge_qmp_peer_run (self->peer);
  lodge_fake_host_end (self->host, self->qemu, 0, NULL);
  lodge_fake_guest_expect_answer (self);
}

void
lodge_fake_guest_tear_down (LodgeFakeGuest *self, gconstpointer version)
{
  lodge_fake_guest_end (self);
  g_clear_error (&self->error);
  lodge_fake_host_free (self->host);
}
