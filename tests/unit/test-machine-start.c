/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The start of a machine, step by step, with programs that do what a test says (lodge-fake-host.h). */

#include "tests/unit/lodge-fake-host.h"

#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-private.h"
#include "core/qemu/lodge-doctor.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define QEMU "qemu-system-x86_64"
#define VERSION "7.2"

typedef struct
{
  LodgeFakeHost *host;
  LodgeMachine  *machine; /* the host's */
  LodgeQmpPeer  *peer;    /* (nullable) of the QEMU that was greeted last */
  guint          answers; /* to the Start */
  GError        *error;   /* of the Start */
  guint          off_answers;
  guint          stopped;
} Fixture;

static void
stopped_cb (LodgeMachine *machine, const char *reason, GVariant *details, gpointer data)
{
  ((Fixture *) data)->stopped++;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->host = lodge_fake_host_new (VERSION);
}

static void
add_machine (Fixture *fixture, LodgeProfile *profile)
{
  lodge_fake_host_add_machine (fixture->host, profile);
  fixture->machine = fixture->host->machine;
  g_signal_connect (fixture->machine, "stopped", G_CALLBACK (stopped_cb), fixture);
}

static LodgeProfile *
simple_profile (void)
{
  LodgeProfile *profile = lodge_profile_new ("Fake", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);

  profile->firmware = LODGE_FIRMWARE_BIOS;
  profile->memory = 64 * 1024 * 1024;
  return profile;
}

static void
set_up_simple (Fixture *fixture, gconstpointer data)
{
  set_up (fixture, data);
  add_machine (fixture, simple_profile ());
}

/* A TPM is the one helper whose start asks nothing of the host but UEFI's files. */
static void
set_up_tpm (Fixture *fixture, gconstpointer data)
{
  LodgeProfile *profile = simple_profile ();

  set_up (fixture, data);
  profile->firmware = LODGE_FIRMWARE_UEFI;
  profile->tpm = TRUE;
  add_machine (fixture, profile);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  if (fixture->machine != NULL)
    g_assert_cmpint (lodge_machine_get_state (fixture->machine), ==, LODGE_STATE_OFF);
  g_assert_cmpuint (fixture->stopped, ==, 0);
  g_clear_error (&fixture->error);
  lodge_fake_host_free (fixture->host);
}

static void
started_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *fixture = data;

  fixture->answers++;
  g_clear_error (&fixture->error);
  lodge_machine_call_finish (LODGE_MACHINE (source), result, &fixture->error);
}

static void
off_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  lodge_machine_call_finish (LODGE_MACHINE (source), result, &error);
  g_assert_no_error (error);
  ((Fixture *) data)->off_answers++;
}

static void
start_with (Fixture *fixture, GVariant *options)
{
  g_autoptr (GVariant) owned = options != NULL ? g_variant_ref_sink (options) : NULL;

  fixture->answers = fixture->off_answers = 0;
  lodge_machine_call_async (fixture->machine, LODGE_METHOD_START, owned, NULL, NULL, started_cb, fixture);
}

static void
start (Fixture *fixture)
{
  start_with (fixture, NULL);
  g_assert_cmpint (lodge_machine_get_state (fixture->machine), ==, LODGE_STATE_STARTING);
}

static void
force_off (Fixture *fixture)
{
  lodge_machine_call_async (fixture->machine, LODGE_METHOD_FORCE_OFF, NULL, NULL, NULL, off_cb, fixture);
}

/* Until QEMU was greeted; the step that follows is the caller's. */
static LodgeFakeProgram *
greet (Fixture *fixture)
{
  LodgeFakeProgram *qemu = lodge_fake_host_wait (fixture->host, QEMU);

  fixture->peer = lodge_fake_host_greet (fixture->host, qemu, VERSION);
  return qemu;
}

static char *
file_in_folder (Fixture *fixture, const char *name)
{
  return g_build_filename (lodge_machine_get_folder (fixture->machine), name, NULL);
}

static gboolean
has_mark (Fixture *fixture)
{
  g_autofree char *path = file_in_folder (fixture, "in-use");

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* As QEMU ends when it is told to. */
static void
end_in_order (Fixture *fixture, LodgeFakeProgram *qemu)
{
  lodge_qmp_peer_expect_ok (fixture->peer, "quit", NULL);
  force_off (fixture);
  lodge_qmp_peer_run (fixture->peer);
  lodge_qmp_peer_event (fixture->peer, "SHUTDOWN", "{\"guest\": false, \"reason\": \"host-qmp-quit\"}");
  lodge_fake_host_end (fixture->host, qemu, 0, NULL);
  lodge_fake_until (fixture->off_answers == 1);
  g_assert_cmpint (lodge_machine_get_state (fixture->machine), ==, LODGE_STATE_OFF);
  g_assert_cmpstr (lodge_machine_get_reason (fixture->machine), ==, "user");
  g_assert_false (has_mark (fixture));
}

/* The Start was answered once, with an error of @code whose message has @words and is what a person reads. */
static void
assert_failed (Fixture *fixture, LodgeError code, const char *words)
{
  const char *message = NULL;

  lodge_fake_until (fixture->answers > 0 && lodge_machine_get_state (fixture->machine) == LODGE_STATE_OFF);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (fixture->answers, ==, 1);
  g_assert_error (fixture->error, LODGE_ERROR, (int) code);
  if (strstr (fixture->error->message, words) == NULL)
    g_error ("“%s” is not in “%s”", words, fixture->error->message);
  g_assert_cmpstr (lodge_machine_get_reason (fixture->machine), ==, "start-failed");
  g_assert_true (g_variant_lookup (lodge_machine_get_details (fixture->machine), "message", "&s", &message));
  g_assert_cmpstr (message, ==, fixture->error->message);
  g_assert_false (lodge_machine_has_guest (fixture->machine));
  g_assert_false (has_mark (fixture));
  lodge_fake_until (lodge_fake_host_is_clean (fixture->host));
}

static int
get_number (Fixture *fixture, const char *name)
{
  gint32 value = -1;

  g_variant_lookup (lodge_machine_get_details (fixture->machine), name, "i", &value);
  return value;
}

/* The guest's record, which must be there and be true before the first instruction of QEMU. */
static void
assert_recorded (Fixture *fixture, const LodgeFakeProgram *qemu, gboolean paused)
{
  g_autofree char *name = g_strndup (lodge_machine_get_id (fixture->machine), 8);
  g_autofree char *dir = g_build_filename (fixture->host->paths->runtime_dir, name, NULL);
  g_autoptr (LodgeRuntimeRecord) record = NULL;
  g_autoptr (GError) error = NULL;
  struct stat st;

  record = lodge_runtime_record_read (dir, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (record->id, ==, lodge_machine_get_id (fixture->machine));
  g_assert_cmpstr (record->folder, ==, lodge_machine_get_folder (fixture->machine));
  g_assert_cmpint (record->pid, ==, qemu->pid);
  g_assert_cmpint (record->paused, ==, paused);
  g_assert_true (lodge_runtime_record_verify (record));
  g_assert_no_errno (stat (dir, &st));
  g_assert_cmpint (st.st_mode & 0777, ==, 0700);
}

static void
test_runs (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GVariant) effective = NULL;
  const char *confinement = NULL;
  LodgeFakeProgram *qemu;

  for (guint i = 0; i < 2; i++)
    {
      start (fixture);
      qemu = lodge_fake_host_wait (fixture->host, QEMU);
      assert_recorded (fixture, qemu, FALSE);
      g_assert_false (has_mark (fixture));
      greet (fixture);
      lodge_qmp_peer_expect (fixture->peer, "cont", NULL, NULL);
      lodge_qmp_peer_run (fixture->peer);
      /* It runs when QEMU says so, and from then on its disks may have been written to. */
      g_assert_cmpint (lodge_machine_get_state (fixture->machine), ==, LODGE_STATE_STARTING);
      g_assert_cmpuint (fixture->answers, ==, 0);
      g_assert_true (has_mark (fixture));
      lodge_qmp_peer_answer_last (fixture->peer, "\"return\": {}");
      lodge_fake_until (fixture->answers == 1);
      g_assert_no_error (fixture->error);
      g_assert_cmpint (lodge_machine_get_state (fixture->machine), ==, LODGE_STATE_RUNNING);
      g_assert_cmpstr (lodge_machine_get_reason (fixture->machine), ==, "");
      g_clear_pointer (&effective, g_variant_unref);
      effective = g_variant_ref_sink (lodge_machine_get_effective (fixture->machine));
      g_assert_true (g_variant_lookup (effective, "confinement", "&s", &confinement));
      g_assert_cmpstr (confinement, ==, "seccomp");
      end_in_order (fixture, qemu);
      g_assert_cmpuint (fixture->answers, ==, 1);
    }
  g_assert_cmpint (lodge_machine_get_last_started (fixture->machine), >, 0);
}

static void
result_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

/* Nothing is around this QEMU, and it has no sandbox of its own: all who tell of it say so. */
static void
test_unconfined (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LodgeSandbox) bubblewrap = lodge_sandbox_new (LODGE_CONFINEMENT_BUBBLEWRAP, "ok", "/bin/false");
  LodgeSandbox *const sandboxes[] = { NULL, bubblewrap };
  static const char *const levels[] = { "none", "bubblewrap" };
  g_autoptr (GVariant) effective = NULL;
  g_autoptr (GVariant) facts = NULL;
  const char *level = NULL, *reason = NULL;

  lodge_fake_host_lack_option (fixture->host, "sandbox");
  start (fixture);
  greet (fixture);
  lodge_qmp_peer_expect (fixture->peer, "cont", NULL, "\"return\": {}");
  lodge_qmp_peer_run (fixture->peer);
  lodge_fake_until (fixture->answers == 1);
  g_assert_no_error (fixture->error);
  effective = g_variant_ref_sink (lodge_machine_get_effective (fixture->machine));
  facts = g_variant_ref_sink (lodge_engine_get_facts (fixture->host->engine));
  for (guint i = 0; i < 2; i++)
    {
      GVariant *told = i == 0 ? effective : facts;

      g_assert_true (g_variant_lookup (told, "confinement", "&s", &level));
      g_assert_cmpstr (level, ==, "none");
      g_assert_true (g_variant_lookup (told, "confinement-reason", "&s", &reason));
      g_assert_cmpstr (reason, ==, "no-seccomp");
    }
  for (guint i = 0; i < G_N_ELEMENTS (sandboxes); i++)
    {
      g_autoptr (GAsyncResult) result = NULL;
      g_autoptr (GVariant) findings = NULL;
      gboolean found = FALSE;

      lodge_doctor_examine_async (fixture->host->paths, sandboxes[i], NULL, result_cb, &result);
      lodge_fake_until (result != NULL);
      findings = lodge_doctor_examine_finish (result, NULL, NULL);
      for (gsize k = 0; k < g_variant_n_children (findings); k++)
        {
          g_autoptr (GVariant) finding = g_variant_get_child_value (findings, k);
          g_autoptr (GVariant) details = g_variant_lookup_value (finding, "details", NULL);
          const char *id = NULL;

          if (!g_variant_lookup (finding, "id", "&s", &id) || strcmp (id, "confinement") != 0)
            continue;
          found = TRUE;
          g_assert_true (g_variant_lookup (finding, "level", "&s", &level));
          g_assert_cmpstr (level, ==, "warning");
          g_assert_true (g_variant_lookup (finding, "reason", "&s", &reason));
          g_assert_cmpstr (reason, ==, "no-seccomp");
          g_assert_true (g_variant_lookup (details, "level", "&s", &level));
          g_assert_cmpstr (level, ==, levels[i]);
        }
      g_assert_true (found);
    }
  end_in_order (fixture, lodge_fake_host_find (fixture->host, QEMU));
}

/* A KVM that was found sound and is not: QEMU breaks down before the guest runs, or as soon as it does. */
static void
test_kvm_failed (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    LodgeAccel  accel;
    gboolean    runs;
    gboolean    old; /* it has run for a while */
    int         status;
    const char *words;
    const char *reason;
  } ends[] = {
    { LODGE_ACCEL_KVM, FALSE, FALSE, -SIGABRT, "kvm_buf_set_msrs: Assertion `ret == cpu->kvm_msr_buf->nmsrs' failed.", "kvm-failed" },
    { LODGE_ACCEL_KVM, TRUE, FALSE, -SIGABRT, NULL, "kvm-failed" },
    { LODGE_ACCEL_KVM, FALSE, FALSE, 1, "qemu: failed to initialize KVM: Device or resource busy", "kvm-failed" },
    { LODGE_ACCEL_KVM, TRUE, TRUE, -SIGABRT, NULL, "crashed" },
    { LODGE_ACCEL_KVM, TRUE, FALSE, -SIGKILL, NULL, "killed" },
    { LODGE_ACCEL_KVM, FALSE, FALSE, 1, "qemu: could not open the disk", "start-failed" },
    { LODGE_ACCEL_TCG, FALSE, FALSE, -SIGABRT, "the wrong kind of electrons", "start-failed" },
    { LODGE_ACCEL_TCG, TRUE, FALSE, -SIGABRT, NULL, "crashed" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      LodgeHost *found = lodge_host_new ();
      LodgeFakeProgram *qemu;

      found->cores = 2;
      found->accel = ends[i].accel;
      g_free (found->accel_reason);
      found->accel_reason = g_strdup ("ok");
      lodge_probe_memory (found);
      lodge_engine_look_again (fixture->host->engine, found);
      start (fixture);
      qemu = lodge_fake_host_wait (fixture->host, QEMU);
      if (ends[i].runs)
        {
          greet (fixture);
          lodge_qmp_peer_expect (fixture->peer, "cont", NULL, "\"return\": {}");
          lodge_qmp_peer_run (fixture->peer);
          lodge_fake_until (fixture->answers == 1);
          g_assert_no_error (fixture->error);
        }
      if (ends[i].old)
        fixture->machine->guest->record->started -= 60;
      lodge_fake_host_end (fixture->host, qemu, ends[i].status, ends[i].words);
      lodge_fake_until (lodge_machine_get_state (fixture->machine) == LODGE_STATE_OFF && fixture->answers == 1);
      g_assert_cmpstr (lodge_machine_get_reason (fixture->machine), ==, ends[i].reason);
      if (!ends[i].runs)
        g_assert_error (fixture->error, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED);
      lodge_fake_until (lodge_fake_host_is_clean (fixture->host));
    }
  g_assert_cmpuint (fixture->stopped, ==, 4);
  fixture->stopped = 0;
}

static void
test_paused (Fixture *fixture, gconstpointer data)
{
  LodgeFakeProgram *qemu;

  start_with (fixture, g_variant_new_parsed ("{'paused': <true>}"));
  qemu = lodge_fake_host_wait (fixture->host, QEMU);
  assert_recorded (fixture, qemu, TRUE);
  greet (fixture);
  lodge_fake_until (fixture->answers == 1);
  g_assert_no_error (fixture->error);
  g_assert_cmpint (lodge_machine_get_state (fixture->machine), ==, LODGE_STATE_PAUSED);
  g_assert_cmpstr (lodge_machine_get_reason (fixture->machine), ==, "user");
  end_in_order (fixture, qemu);
}

/* What QEMU says when it dies reaches the person, with how it died and where the log is. */
static void
test_dies_before_greeting (Fixture *fixture, gconstpointer data)
{
  const char *log = NULL;
  g_autofree char *text = NULL;

  start (fixture);
  lodge_fake_host_end (fixture->host, lodge_fake_host_wait (fixture->host, QEMU), 1, "qemu: no machine of \033[1mthis type");
  assert_failed (fixture, LODGE_ERROR_QEMU_FAILED, "qemu: no machine of");
  g_assert_nonnull (strstr (fixture->error->message, "exit status 1"));
  g_assert_null (strchr (fixture->error->message, '\033'));
  g_assert_cmpint (get_number (fixture, "exit-status"), ==, 1);
  g_assert_true (g_variant_lookup (lodge_machine_get_details (fixture->machine), "log", "&s", &log));
  g_assert_true (g_file_get_contents (log, &text, NULL, NULL));
  g_assert_nonnull (strstr (text, "this type"));

  /* The next one's words are its own. */
  start (fixture);
  lodge_fake_host_end (fixture->host, lodge_fake_host_wait (fixture->host, QEMU), 3, NULL);
  assert_failed (fixture, LODGE_ERROR_QEMU_FAILED, "without a word");
  g_assert_cmpint (get_number (fixture, "exit-status"), ==, 3);
}

static void
test_dies_of_a_signal (Fixture *fixture, gconstpointer data)
{
  start (fixture);
  lodge_fake_host_end (fixture->host, lodge_fake_host_wait (fixture->host, QEMU), -SIGABRT, "assertion failed");
  assert_failed (fixture, LODGE_ERROR_QEMU_FAILED, "assertion failed");
  g_assert_cmpint (get_number (fixture, "signal"), ==, SIGABRT);
  g_assert_cmpint (get_number (fixture, "exit-status"), ==, -1);
}

/* A connection that broke says less than the end that broke it. */
static void
test_dies_at_cont (Fixture *fixture, gconstpointer data)
{
  LodgeFakeProgram *qemu;

  start (fixture);
  qemu = greet (fixture);
  lodge_qmp_peer_expect (fixture->peer, "cont", NULL, NULL);
  lodge_qmp_peer_run (fixture->peer);
  lodge_qmp_peer_close (fixture->peer);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (fixture->answers, ==, 0);
  lodge_fake_host_end (fixture->host, qemu, 1, "the disk is gone");
  lodge_fake_until (fixture->answers == 1 && lodge_machine_get_state (fixture->machine) == LODGE_STATE_OFF);
  g_assert_error (fixture->error, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED);
  g_assert_nonnull (strstr (fixture->error->message, "the disk is gone"));
  /* It may have written by then, so the disks are looked at before the next start. */
  g_assert_true (has_mark (fixture));
}

static void
test_cont_is_refused (Fixture *fixture, gconstpointer data)
{
  start (fixture);
  greet (fixture);
  lodge_qmp_peer_expect_error (fixture->peer, "cont", NULL, "not with this disk");
  lodge_qmp_peer_run (fixture->peer);
  lodge_fake_until (fixture->answers == 1 && lodge_machine_get_state (fixture->machine) == LODGE_STATE_OFF);
  g_assert_error (fixture->error, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED);
  g_assert_cmpstr (fixture->error->message, ==, "not with this disk");
  g_assert_cmpstr (lodge_machine_get_reason (fixture->machine), ==, "start-failed");
}

static void
test_second_start (Fixture *fixture, gconstpointer data)
{
  LodgeFakeProgram *qemu;
  guint answers;

  start (fixture);
  answers = fixture->answers;
  lodge_machine_call_async (fixture->machine, LODGE_METHOD_START, NULL, NULL, NULL, started_cb, fixture);
  lodge_fake_until (fixture->answers > answers);
  g_assert_error (fixture->error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE);
  qemu = greet (fixture);
  lodge_qmp_peer_expect_ok (fixture->peer, "cont", NULL);
  lodge_fake_until (fixture->answers == 2);
  g_assert_no_error (fixture->error);
  end_in_order (fixture, qemu);
}

static gboolean
has_uefi (Fixture *fixture)
{
  start (fixture);
  lodge_fake_until (lodge_engine_get_host (fixture->host->engine) != NULL);
  if (lodge_engine_get_host (fixture->host->engine)->ovmf_code != NULL)
    return TRUE;
  lodge_fake_until (fixture->answers == 1);
  g_test_skip ("no UEFI firmware");
  return FALSE;
}

static void
test_helper_dies (Fixture *fixture, gconstpointer data)
{
  LodgeFakeProgram *qemu;

  if (!has_uefi (fixture))
    return;
  qemu = lodge_fake_host_wait (fixture->host, QEMU);
  assert_recorded (fixture, qemu, FALSE);
  lodge_fake_host_end (fixture->host, lodge_fake_host_wait (fixture->host, "swtpm"), 1, "the state is not mine");
  assert_failed (fixture, LODGE_ERROR_HELPER_FAILED, "swtpm: the state is not mine");
}

/* QEMU cannot go on without its TPM and complains of what it does not know. */
static void
test_helper_takes_qemu_along (Fixture *fixture, gconstpointer data)
{
  g_autofree char *process = NULL;
  LodgeFakeProgram *swtpm;

  if (!has_uefi (fixture))
    return;
  lodge_fake_host_wait (fixture->host, QEMU);
  swtpm = lodge_fake_host_wait (fixture->host, "swtpm");
  process = g_strdup_printf ("/proc/%d", swtpm->pid);
  lodge_fake_host_end (fixture->host, swtpm, -SIGSEGV, NULL);
  lodge_fake_until (!g_file_test (process, G_FILE_TEST_EXISTS)); /* the core has seen it */
  lodge_fake_host_end (fixture->host, lodge_fake_host_find (fixture->host, QEMU), 1, "tpm-emulator: Broken pipe");
  lodge_fake_until (fixture->answers == 1);
  g_assert_error (fixture->error, LODGE_ERROR, LODGE_ERROR_HELPER_FAILED);
  g_assert_nonnull (strstr (fixture->error->message, "swtpm was ended by signal 11"));
}

/* And the other way round: a helper that QEMU left behind is ended, and QEMU's words count. */
static void
test_helper_ends_with_qemu (Fixture *fixture, gconstpointer data)
{
  if (!has_uefi (fixture))
    return;
  lodge_fake_host_wait (fixture->host, "swtpm");
  lodge_fake_host_end (fixture->host, lodge_fake_host_wait (fixture->host, QEMU), 1, "no such CPU");
  assert_failed (fixture, LODGE_ERROR_QEMU_FAILED, "no such CPU");
}

static void
test_helper_cannot_start (Fixture *fixture, gconstpointer data)
{
  g_autofree char *tpm = file_in_folder (fixture, "tpm");

  g_rmdir (tpm);
  g_assert_true (g_file_set_contents (tpm, "", 0, NULL));
  if (!has_uefi (fixture))
    return;
  assert_failed (fixture, LODGE_ERROR_HELPER_FAILED, "swtpm: ");
}

static int
count_processes_of_log (Fixture *fixture)
{
  g_autofree char *path = file_in_folder (fixture, "log/qemu.log");
  struct stat st;

  return stat (path, &st) == 0 ? (int) st.st_size : -1;
}

/* Without its record a guest would be lost to the next core: it never begins. */
static void
test_record_cannot_be_written (Fixture *fixture, gconstpointer data)
{
  struct rlimit before, none;
  LodgeFakeProgram *qemu;
  int log;

  /* What the first start writes for good is written. */
  start (fixture);
  qemu = greet (fixture);
  lodge_qmp_peer_expect_ok (fixture->peer, "cont", NULL);
  lodge_fake_until (fixture->answers == 1);
  end_in_order (fixture, qemu);
  log = count_processes_of_log (fixture);

  signal (SIGXFSZ, SIG_IGN);
  g_assert_no_errno (getrlimit (RLIMIT_FSIZE, &before));
  none = before;
  none.rlim_cur = 0;
  g_assert_no_errno (setrlimit (RLIMIT_FSIZE, &none));
  start (fixture);
  lodge_fake_until (fixture->answers == 1);
  g_assert_no_errno (setrlimit (RLIMIT_FSIZE, &before));
  assert_failed (fixture, LODGE_ERROR_RUNTIME_DIR, "cannot write");
  g_assert_null (lodge_fake_host_find (fixture->host, QEMU));
  g_assert_cmpint (count_processes_of_log (fixture), ==, log);
}

static void
test_no_runtime_folder (Fixture *fixture, gconstpointer data)
{
  g_autofree char *run = g_path_get_dirname (fixture->host->paths->runtime_dir);

  g_assert_true (g_file_set_contents (run, "", 0, NULL));
  start (fixture);
  lodge_fake_until (fixture->answers == 1);
  g_assert_error (fixture->error, LODGE_ERROR, LODGE_ERROR_RUNTIME_DIR);
  g_assert_cmpstr (lodge_machine_get_reason (fixture->machine), ==, "start-failed");
  g_assert_no_errno (g_unlink (run));
}

static void
set_up_no_qemu (Fixture *fixture, gconstpointer data)
{
  g_autofree char *link = NULL;

  set_up_simple (fixture, data);
  link = g_build_filename (fixture->host->folder, QEMU, NULL);
  g_assert_no_errno (g_unlink (link));
}

static void
test_no_qemu (Fixture *fixture, gconstpointer data)
{
  start (fixture);
  assert_failed (fixture, LODGE_ERROR_NO_QEMU, "no QEMU");
}

/* A program of that name that is none. */
static void
test_no_real_qemu (Fixture *fixture, gconstpointer data)
{
  g_autofree char *link = g_build_filename (fixture->host->folder, QEMU, NULL);

  g_assert_no_errno (symlink ("/bin/true", link));
  start (fixture);
  assert_failed (fixture, LODGE_ERROR_QEMU_FAILED, QEMU ", asked what it can do");
}

static LodgeProfile *
disk_profile (const char *path)
{
  LodgeProfile *profile = simple_profile ();

  lodge_profile_add_disk (profile, path, "raw")->size = 1024 * 1024;
  return profile;
}

static void
test_disk_is_gone (Fixture *fixture, gconstpointer data)
{
  add_machine (fixture, disk_profile ("/nonexistent/disk.img"));
  start (fixture);
  assert_failed (fixture, LODGE_ERROR_NOT_FOUND, "/nonexistent/disk.img");
}

/* Two machines of one core: the second must not write what the first has. */
static void
test_disk_in_use (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->host->folder, "disk.img", NULL);
  g_autofree char *zeros = g_malloc0 (65536);
  g_autoptr (GError) error = NULL;
  LodgeProfile *second_profile = disk_profile (path);
  g_autofree char *prepared = NULL;
  g_autoptr (LodgeMachine) second = NULL;
  LodgeStoreEntry *entry;
  LodgeFakeProgram *qemu;
  Fixture other = { 0 };

  g_assert_true (g_file_set_contents (path, zeros, 65536, NULL));
  add_machine (fixture, disk_profile (path));
  start (fixture);
  qemu = greet (fixture);
  lodge_qmp_peer_expect_ok (fixture->peer, "cont", NULL);
  lodge_fake_until (fixture->answers == 1);
  g_assert_no_error (fixture->error);

  prepared = lodge_store_prepare (fixture->host->store, second_profile, &error);
  entry = lodge_store_commit (fixture->host->store, prepared, second_profile, &error);
  g_assert_no_error (error);
  second = lodge_machine_new (fixture->host->engine, entry->id, entry);
  lodge_machine_call_async (second, LODGE_METHOD_START, NULL, NULL, NULL, started_cb, &other);
  lodge_fake_until (other.answers == 1);
  g_assert_error (other.error, LODGE_ERROR, LODGE_ERROR_IN_USE);
  g_clear_error (&other.error);
  end_in_order (fixture, qemu);

  /* With the first one off it can have it. */
  other.answers = 0;
  lodge_machine_call_async (second, LODGE_METHOD_START, NULL, NULL, NULL, started_cb, &other);
  qemu = greet (fixture);
  lodge_qmp_peer_expect_ok (fixture->peer, "cont", NULL);
  lodge_fake_until (other.answers == 1);
  g_assert_no_error (other.error);
  lodge_fake_host_end (fixture->host, qemu, -SIGKILL, NULL);
  lodge_fake_until (!lodge_machine_has_guest (second));
}

/* ---- ForceOff while it starts ---- */

static guint
count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

/* One turn of the main context, and QEMU's part when there is a QEMU. */
static void
turn (Fixture *fixture)
{
  LodgeFakeProgram *qemu = lodge_fake_host_find (fixture->host, QEMU);

  if (qemu != NULL && qemu->peer == NULL)
    {
      greet (fixture);
      lodge_qmp_peer_allow (fixture->peer, "cont", "\"return\": {}");
      lodge_qmp_peer_allow (fixture->peer, "quit", "\"return\": {}");
    }
  g_main_context_iteration (NULL, FALSE);
}

/* Starts, forces off after @turns, and looks whether anything is left. Returns: whether it was in time. */
static gboolean
force_off_after (Fixture *fixture, guint turns)
{
  gboolean cancelled;

  start (fixture);
  for (guint i = 0; i < turns && fixture->answers == 0; i++)
    {
      turn (fixture);
      if (i % 16 == 15)
        g_usleep (200); /* other processes get on, too */
    }

  cancelled = lodge_machine_get_state (fixture->machine) == LODGE_STATE_STARTING;
  force_off (fixture);
  /* Where it ran already the fake does not obey quit, so it is killed. */
  lodge_fake_until (fixture->off_answers == 1 && fixture->answers == 1);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (fixture->answers, ==, 1);
  g_assert_cmpuint (fixture->off_answers, ==, 1);
  g_assert_cmpint (lodge_machine_get_state (fixture->machine), ==, LODGE_STATE_OFF);
  g_assert_cmpstr (lodge_machine_get_reason (fixture->machine), ==, "user");
  if (cancelled)
    g_assert_error (fixture->error, LODGE_ERROR, LODGE_ERROR_CANCELLED);
  else
    g_assert_no_error (fixture->error);
  lodge_fake_until (lodge_fake_host_is_clean (fixture->host));
  g_ptr_array_set_size (fixture->host->programs, 0);
  return cancelled;
}

static void
test_force_off_while_probing (Fixture *fixture, gconstpointer data)
{
  for (guint turns = 0; turns < 40; turns += 8)
    force_off_after (fixture, turns);
}

static void
test_force_off_at_every_step (Fixture *fixture, gconstpointer data)
{
  guint turns = 0, fds;

  /* The probes' answers and what GLib opens once for all are there then. */
  g_assert_false (force_off_after (fixture, G_MAXUINT));
  fds = count_fds ();
  while (force_off_after (fixture, turns))
    turns += turns < 200 ? 1 : turns / 8;
  g_assert_cmpuint (turns, >, 5);
  g_assert_cmpuint (count_fds (), <=, fds);
}

/* While qemu-img looks at a disk that was not closed in order: the tool goes, and QEMU never comes. */
static void
test_force_off_while_checking (Fixture *fixture, gconstpointer data)
{
  static const guint8 head[104] = { 'Q', 'F', 'I', 0xfb, 0, 0, 0, 3, [20] = 0, 0, 0, 16, [27] = 0, 0, 0, 0, 16, 0, 0 };
  g_autofree char *path = g_build_filename (fixture->host->folder, "disk.qcow2", NULL);
  g_autofree char *image = g_malloc0 (65536 * 4);
  g_autofree char *mark = NULL;
  LodgeProfile *profile = simple_profile ();

  memcpy (image, head, sizeof head);
  g_assert_true (g_file_set_contents (path, image, 65536 * 4, NULL));
  lodge_profile_add_disk (profile, path, "qcow2")->size = 1024 * 1024;
  add_machine (fixture, profile);
  mark = file_in_folder (fixture, "in-use");
  g_assert_true (g_file_set_contents (mark, "", 0, NULL));

  start (fixture);
  lodge_fake_host_wait (fixture->host, "qemu-img");
  force_off (fixture);
  lodge_fake_until (fixture->off_answers == 1 && fixture->answers == 1);
  g_assert_error (fixture->error, LODGE_ERROR, LODGE_ERROR_CANCELLED);
  lodge_fake_until (lodge_fake_host_is_clean (fixture->host));
  g_assert_null (lodge_fake_host_find (fixture->host, QEMU));
  g_assert_true (has_mark (fixture));
}

static void
test_3d_is_not_promised (void)
{
  g_autoptr (LodgeHost) host = lodge_host_new ();
  const char *reason = NULL;

  g_assert_cmpstr (lodge_launch_gl_backend (NULL, host, &reason), ==, "none");
  g_assert_cmpstr (reason, ==, "no-render-node");
  host->render_node = g_strdup ("/dev/dri/renderD128");
  g_assert_cmpstr (lodge_launch_gl_backend (NULL, host, &reason), ==, "none");
  g_assert_cmpstr (reason, ==, "no-module");
}

int
main (int argc, char **argv)
{
  lodge_fake_host_main (argc, argv);
  g_test_init (&argc, &argv, NULL);

#define ADD(name, set_up_func, func) \
  g_test_add ("/machine-start/" name, Fixture, NULL, set_up_func, func, tear_down)
  ADD ("runs", set_up_simple, test_runs);
  ADD ("kvm-failed", set_up_simple, test_kvm_failed);
  ADD ("unconfined", set_up_simple, test_unconfined);
  ADD ("paused", set_up_simple, test_paused);
  ADD ("dies-before-greeting", set_up_simple, test_dies_before_greeting);
  ADD ("dies-of-a-signal", set_up_simple, test_dies_of_a_signal);
  ADD ("dies-at-cont", set_up_simple, test_dies_at_cont);
  ADD ("cont-is-refused", set_up_simple, test_cont_is_refused);
  ADD ("second-start", set_up_simple, test_second_start);
  ADD ("helper-dies", set_up_tpm, test_helper_dies);
  ADD ("helper-takes-qemu-along", set_up_tpm, test_helper_takes_qemu_along);
  ADD ("helper-ends-with-qemu", set_up_tpm, test_helper_ends_with_qemu);
  ADD ("helper-cannot-start", set_up_tpm, test_helper_cannot_start);
  ADD ("record-cannot-be-written", set_up_simple, test_record_cannot_be_written);
  ADD ("no-runtime-folder", set_up_simple, test_no_runtime_folder);
  ADD ("no-qemu", set_up_no_qemu, test_no_qemu);
  ADD ("no-real-qemu", set_up_no_qemu, test_no_real_qemu);
  ADD ("disk-is-gone", set_up, test_disk_is_gone);
  ADD ("disk-in-use", set_up, test_disk_in_use);
  ADD ("force-off-while-probing", set_up_simple, test_force_off_while_probing);
  ADD ("force-off-while-checking", set_up, test_force_off_while_checking);
  ADD ("force-off-at-every-step", set_up_simple, test_force_off_at_every_step);
  g_test_add_func ("/machine-start/3d-is-not-promised", test_3d_is_not_promised);
  return g_test_run ();
}
