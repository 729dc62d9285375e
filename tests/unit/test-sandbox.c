/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/qemu/lodge-sandbox.h"

static LodgeSandbox *found;

static void
probed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  found = lodge_sandbox_probe_finish (result, &error);
  g_assert_no_error (error);
  g_assert_nonnull (found);
}

static LodgeSandbox *
probe_for (const char *bwrap, const char *landlock, guint timeout)
{
  found = NULL;
  lodge_sandbox_probe_programs_async (bwrap, landlock, timeout, NULL, probed_cb, NULL);
  while (found == NULL)
    g_main_context_iteration (NULL, TRUE);

  return g_steal_pointer (&found);
}

static LodgeSandbox *
probe (const char *bwrap, const char *landlock)
{
  return probe_for (bwrap, landlock, 120000);
}

static char *
landlock_program (void)
{
  return g_test_build_filename (G_TEST_BUILT, "..", "..", "core", "qemu", "lodge-landlock", NULL);
}

static void
test_golden (void)
{
  static const char *const read_only[] = { "/srv/a.iso", NULL };
  static const char *const read_write[] = { "/srv/machine", NULL };
  static const char *const devices[] = { "/dev/kvm", NULL };
  static const char *const environment[] = { "XDG_RUNTIME_DIR=/run/user/7", NULL };
  static const char *const argv[] = { "qemu", "-S", NULL };
  LodgeSandboxSpec spec = { read_write, read_only, devices, TRUE, TRUE, "/srv/machine", environment };
  LodgeSandboxSpec least = { 0 };
  static const struct
  {
    LodgeConfinement level;
    const char *full;
    const char *least;
  } rows[] = {
    { LODGE_CONFINEMENT_BUBBLEWRAP,
      "PROGRAM --unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --new-session "
      "--cap-drop ALL --hostname lodge --clearenv --setenv PATH P --setenv HOME /tmp --setenv LANG C.UTF-8 "
      "--setenv XDG_RUNTIME_DIR /run/user/7 --ro-bind-try /usr /usr --ro-bind-try /bin /bin "
      "--ro-bind-try /sbin /sbin --ro-bind-try /lib /lib --ro-bind-try /lib64 /lib64 --ro-bind-try /lib32 /lib32 "
      "--ro-bind-try /etc/ld.so.cache /etc/ld.so.cache --ro-bind-try /etc/alternatives /etc/alternatives "
      "--ro-bind-try /etc/localtime /etc/localtime --ro-bind-try /etc/resolv.conf /etc/resolv.conf "
      "--proc /proc --dev /dev --tmpfs /tmp --ro-bind /srv/a.iso /srv/a.iso --bind /srv/machine /srv/machine "
      "--dev-bind /dev/kvm /dev/kvm --chdir /srv/machine -- qemu -S",
      "PROGRAM --unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --unshare-net "
      "--cap-drop ALL --hostname lodge --clearenv --setenv PATH P --setenv HOME /tmp --setenv LANG C.UTF-8 "
      "--ro-bind-try /usr /usr --ro-bind-try /bin /bin "
      "--ro-bind-try /sbin /sbin --ro-bind-try /lib /lib --ro-bind-try /lib64 /lib64 --ro-bind-try /lib32 /lib32 "
      "--ro-bind-try /etc/ld.so.cache /etc/ld.so.cache --ro-bind-try /etc/alternatives /etc/alternatives "
      "--ro-bind-try /etc/localtime /etc/localtime "
      "--proc /proc --dev /dev --tmpfs /tmp --chdir / -- qemu -S" },
    { LODGE_CONFINEMENT_LANDLOCK,
      "PROGRAM --new-session --clearenv --setenv PATH P --setenv HOME /tmp --setenv LANG C.UTF-8 "
      "--setenv XDG_RUNTIME_DIR /run/user/7 --read-try /usr --read-try /bin --read-try /sbin --read-try /lib "
      "--read-try /lib64 --read-try /lib32 --read-try /etc/ld.so.cache --read-try /etc/alternatives "
      "--read-try /etc/localtime --read-try /proc --read-try /sys/devices/system --read-try /etc/resolv.conf "
      "--write-try /dev/null --write-try /dev/zero --write-try /dev/full --write-try /dev/random "
      "--write-try /dev/urandom --write-try /dev/shm --read /srv/a.iso --write /srv/machine --write /dev/kvm "
      "--chdir /srv/machine -- qemu -S",
      "PROGRAM --no-tcp --clearenv --setenv PATH P --setenv HOME /tmp --setenv LANG C.UTF-8 "
      "--read-try /usr --read-try /bin --read-try /sbin --read-try /lib "
      "--read-try /lib64 --read-try /lib32 --read-try /etc/ld.so.cache --read-try /etc/alternatives "
      "--read-try /etc/localtime --read-try /proc --read-try /sys/devices/system --read-try /etc/resolv.conf "
      "--write-try /dev/null --write-try /dev/zero --write-try /dev/full --write-try /dev/random "
      "--write-try /dev/urandom --write-try /dev/shm --chdir / -- qemu -S" },
    { LODGE_CONFINEMENT_SECCOMP,
      "/usr/bin/env -i -C /srv/machine PATH=P HOME=/tmp LANG=C.UTF-8 XDG_RUNTIME_DIR=/run/user/7 qemu -S",
      "/usr/bin/env -i -C / PATH=P HOME=/tmp LANG=C.UTF-8 qemu -S" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    for (guint k = 0; k < 2; k++)
      {
        g_autoptr (LodgeSandbox) sandbox = lodge_sandbox_new (rows[i].level, "ok", "PROGRAM");
        g_auto (GStrv) command = lodge_sandbox_wrap (sandbox, k == 0 ? &spec : &least, argv);
        g_autofree char *line = g_strjoinv (" ", command);
        g_autoptr (GString) text = g_string_new (line);

        g_string_replace (text, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "P", 0);
        g_assert_cmpstr (text->str, ==, k == 0 ? rows[i].full : rows[i].least);
      }
}

/* A folder is seen where it will be, with all below it and nothing that only begins like it. */
static void
test_moved (void)
{
  static const char *const read_write[] = { "/srv/.new-a", NULL };
  static const char *const read_only[] = { "/srv/.new-a.iso", NULL };
  static const char *const frozen[] = { "/srv/.new-a/ram", "/srv/b/disk", NULL };
  static const char *const argv[] = { "qemu", NULL };
  LodgeSandboxSpec spec = { .read_write = read_write, .read_only = read_only, .frozen = frozen, .moved_from = "/srv/.new-a", .moved_to = "/srv/a" };
  g_autoptr (LodgeSandbox) sandbox = lodge_sandbox_new (LODGE_CONFINEMENT_BUBBLEWRAP, "ok", "PROGRAM");
  g_auto (GStrv) command = lodge_sandbox_wrap (sandbox, &spec, argv);
  g_autofree char *line = g_strjoinv (" ", command);

  g_assert_true (g_str_has_suffix (line, "--ro-bind /srv/.new-a.iso /srv/.new-a.iso --bind /srv/.new-a /srv/a "
                                         "--ro-bind /srv/.new-a/ram /srv/a/ram --ro-bind /srv/b/disk /srv/b/disk --chdir / -- qemu"));
}

static void
test_probe (void)
{
  g_autofree char *landlock = landlock_program ();
  static const struct
  {
    const char *bwrap;
    gboolean landlock;
    const char *reason; /* that bubblewrap was not taken for */
  } rows[] = {
    { NULL, TRUE, "no-bubblewrap" },
    { "/bin/false", TRUE, "bubblewrap-failed" },
    { "/nonexistent/bwrap", TRUE, "bubblewrap-failed" },
    { "SCRIPT", TRUE, "no-user-namespaces" },
    { NULL, FALSE, "no-bubblewrap" },
    { "/bin/false", FALSE, "bubblewrap-failed" },
  };
  g_autofree char *folder = g_dir_make_tmp ("lodge-sandbox-XXXXXX", NULL);
  g_autofree char *script = g_build_filename (folder, "bwrap", NULL);

  g_assert_true (g_file_set_contents_full (
      script, "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n", -1,
      G_FILE_SET_CONTENTS_NONE, 0755, NULL));

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const char *bwrap = g_strcmp0 (rows[i].bwrap, "SCRIPT") == 0 ? script : rows[i].bwrap;
      g_autoptr (LodgeSandbox) sandbox = probe (bwrap, rows[i].landlock ? landlock : "/bin/false");

      /* A kernel without Landlock falls through; what is never allowed is a level without its reason. */
      if (lodge_sandbox_get_level (sandbox) == LODGE_CONFINEMENT_LANDLOCK)
        g_assert_true (rows[i].landlock);
      else
        g_assert_cmpint (lodge_sandbox_get_level (sandbox), ==, LODGE_CONFINEMENT_SECCOMP);
      g_assert_cmpstr (lodge_sandbox_get_reason (sandbox), ==, rows[i].reason);
    }
  g_unlink (script);
  g_rmdir (folder);
}

/* One that never ends is given up, with whatever it has started. */
static void
test_no_end (void)
{
  g_autofree char *folder = g_dir_make_tmp ("lodge-sandbox-XXXXXX", NULL);
  g_autofree char *script = g_build_filename (folder, "bwrap", NULL);
  g_autoptr (LodgeSandbox) sandbox = NULL;

  g_assert_true (g_file_set_contents_full (script, "#!/bin/sh\nsleep 1000\n", -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
  sandbox = probe_for (script, NULL, 300);
  g_assert_cmpint (lodge_sandbox_get_level (sandbox), ==, LODGE_CONFINEMENT_SECCOMP);
  g_assert_cmpstr (lodge_sandbox_get_reason (sandbox), ==, "bubblewrap-failed");
  g_unlink (script);
  g_rmdir (folder);
}

static void
cancelled_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError **error = data;

  g_assert_null (lodge_sandbox_probe_finish (result, error));
}

static void
test_cancel (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  lodge_sandbox_probe_programs_async ("/bin/cat", NULL, 120000, cancellable, cancelled_cb, &error);
  g_cancellable_cancel (cancellable);
  while (error == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* What a hostile program inside tries; each line that it prints has to be the expected one. */
static const char attack[] =
    "exec 2>/dev/null; cd \"$OWN\" && echo kept > file && cat file;"
    "cat \"$SECRET\" >/dev/null 2>&1 && echo secret-read;"
    "ls \"${SECRET%/*}\" >/dev/null 2>&1 && echo secret-listed;"
    "echo x > \"$SECRET\" 2>/dev/null && echo secret-written;"
    "cat /etc/shadow >/dev/null 2>&1 && echo shadow-read;"
    "ls /root /home/* >/dev/null 2>&1 && echo home-listed;"
    "(echo x > /usr/lodge-was-here) 2>/dev/null && echo usr-written;"
    "(echo x > \"$ISO\") 2>/dev/null && echo iso-written;"
    "cat \"$ISO\";"
    "bash -c \"echo > /dev/tcp/127.0.0.1/$PORT\" 2>/dev/null && echo connected;"
    "kill -0 \"$HOST_PID\" 2>/dev/null && echo host-pid-seen;"
    "tr '\\0' '\\n' < /proc/$HOST_PID/environ 2>/dev/null | grep -q LODGE_SECRET && echo host-environment-read;"
    "test -n \"$LODGE_SECRET\" && echo environment-inherited;"
    "grep -q '^CapEff:.0*$' /proc/self/status || echo capabilities;"
    "grep -q '^NoNewPrivs:.1$' /proc/self/status || echo may-gain-privileges;"
    "pwd; echo end";

static char *
run_attack (LodgeSandbox *sandbox, const char *own, const char *iso, const char *secret, guint16 port,
            gboolean as_nobody)
{
  g_autofree char *own_variable = g_strdup_printf ("OWN=%s", own);
  g_autofree char *iso_variable = g_strdup_printf ("ISO=%s", iso);
  g_autofree char *secret_variable = g_strdup_printf ("SECRET=%s", secret);
  g_autofree char *port_variable = g_strdup_printf ("PORT=%u", port);
  g_autofree char *pid_variable = g_strdup_printf ("HOST_PID=%d", getpid ());
  const char *environment[] = { own_variable, iso_variable, secret_variable, port_variable, pid_variable, NULL };
  const char *read_write[] = { own, NULL };
  const char *read_only[] = { iso, NULL };
  const char *argv[] = { "sh", "-c", attack, NULL };
  LodgeSandboxSpec spec = { read_write, read_only, NULL, FALSE, TRUE, own, environment };
  g_auto (GStrv) command = lodge_sandbox_wrap (sandbox, &spec, argv);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) whole = NULL;
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  char *text = NULL;

  if (as_nobody)
    g_strv_builder_add_many (builder, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", NULL);
  g_strv_builder_addv (builder, (const char **) command);
  whole = g_strv_builder_end (builder);

  process = g_subprocess_newv ((const char *const *) whole,
                               G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE, &error);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (process, NULL, NULL, &text, NULL, &error);
  g_assert_no_error (error);

  return text;
}

/* What Landlock cannot hinder on this kernel: TCP before ABI 4 (6.7), signals before ABI 6 (6.12). */
static char *
expect_lines (LodgeConfinement level, const char *own, gboolean as_nobody)
{
  long abi = level == LODGE_CONFINEMENT_LANDLOCK ? syscall (SYS_landlock_create_ruleset, NULL, 0, 1) : 99;

  return g_strdup_printf ("kept\niso\n%s%s%s\nend\n", abi < 4 ? "connected\n" : "",
                          abi < 6 && !as_nobody ? "host-pid-seen\n" : "", own);
}

/* A build tree in root's home is out of nobody's reach. */
static gboolean
nobody_can_run (const char *program)
{
  g_autofree char *line = g_strdup_printf (
      "setpriv --reuid=65534 --regid=65534 --clear-groups test -x '%s'", program);
  int status;

  return g_spawn_command_line_sync (line, NULL, NULL, &status, NULL) && status == 0;
}

static void
test_inside (gconstpointer data)
{
  LodgeConfinement level = GPOINTER_TO_INT (data);
  g_autofree char *landlock = landlock_program ();
  g_autofree char *bwrap = g_find_program_in_path ("bwrap");
  g_autoptr (LodgeSandbox) sandbox = probe (level == LODGE_CONFINEMENT_BUBBLEWRAP ? bwrap : NULL, landlock);
  g_autofree char *folder = g_dir_make_tmp ("lodge-sandbox-XXXXXX", NULL);
  g_autofree char *own = g_build_filename (folder, "machine", NULL);
  g_autofree char *home = g_build_filename (folder, "home", NULL);
  g_autofree char *secret = g_build_filename (home, "secret", NULL);
  g_autofree char *iso = g_build_filename (folder, "a.iso", NULL);
  g_autofree char *file = g_build_filename (own, "file", NULL);
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  g_autofree char *kept = NULL;
  guint16 port = g_socket_listener_add_any_inet_port (listener, NULL, NULL);

  if (lodge_sandbox_get_level (sandbox) != level)
    {
      g_test_skip (lodge_sandbox_get_reason (sandbox));
      g_rmdir (folder);
      return;
    }

  g_assert_no_errno (g_mkdir (own, 0755) | g_mkdir (home, 0755));
  g_assert_true (g_file_set_contents (secret, "secret", -1, NULL));
  g_assert_true (g_file_set_contents (iso, "iso\n", -1, NULL));
  g_setenv ("LODGE_SECRET", "1", TRUE);

  for (guint round = 0; round < (getuid () == 0 && nobody_can_run (landlock) ? 2 : 1); round++)
    {
      g_autofree char *text = NULL;
      g_autofree char *expected = NULL;

      g_assert_no_errno (chmod (folder, 0755) | chmod (own, 0777) | chmod (secret, 0666) | chmod (iso, 0666));
      g_unlink (file);
      text = run_attack (sandbox, own, iso, secret, port, round == 1);
      expected = expect_lines (level, own, round == 1);
      g_assert_cmpstr (text, ==, expected);
      g_assert_true (g_file_get_contents (file, &kept, NULL, NULL));
      g_assert_cmpstr (kept, ==, "kept\n");
      g_clear_pointer (&kept, g_free);
    }

  g_unsetenv ("LODGE_SECRET");
  g_unlink (file), g_unlink (secret), g_unlink (iso);
  g_rmdir (own), g_rmdir (home), g_rmdir (folder);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sandbox/golden", test_golden);
  g_test_add_func ("/sandbox/moved", test_moved);
  g_test_add_func ("/sandbox/probe", test_probe);
  g_test_add_func ("/sandbox/no-end", test_no_end);
  g_test_add_func ("/sandbox/cancel", test_cancel);
  g_test_add_data_func ("/sandbox/inside-bubblewrap", GINT_TO_POINTER (LODGE_CONFINEMENT_BUBBLEWRAP), test_inside);
  g_test_add_data_func ("/sandbox/inside-landlock", GINT_TO_POINTER (LODGE_CONFINEMENT_LANDLOCK), test_inside);
  return g_test_run ();
}
