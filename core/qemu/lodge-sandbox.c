/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Three ways to start a process that must not reach the person's files, best first. Which one a host allows is found by
 * running /bin/true in it: a program that is installed proves nothing (a container or a security
 * module may refuse user namespaces).
 *
 *   bubblewrap  namespaces of its own; only what the spec names is there at all
 *   landlock    core/qemu/lodge-landlock.c: the kernel refuses every other path; nothing is hidden
 *   seccomp     nothing here; the command line of QEMU has -sandbox on at every level
 *
 * A guest and its helpers have no --die-with-parent: they outlive the core. LodgeProcess kills what is inside.
 */

#include "config.h"

#include "core/qemu/lodge-sandbox.h"

#include "core/qemu/lodge-probe-command.h"

#include <string.h>

/* Some ten milliseconds are enough; on a computer that is busy beyond measure guests shall not be confined less for it. */
#define PROBE_TIMEOUT_MS 20000
#define MAX_OUTPUT 4096

#define BASE_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct _LodgeSandbox
{
  GObject          parent_instance;

  LodgeConfinement level;
  char            *reason;  /* (owned) */
  char            *program; /* (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE (LodgeSandbox, lodge_sandbox, G_TYPE_OBJECT)

/* Where programs, their libraries and data are. On most hosts all but /usr are links into it. */
static const char *const system_folders[] = { "/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", NULL };

/* The loader's cache, links of Debian's alternatives (BLAS, ...), and the time zone, which a guest with a local clock needs. */
static const char *const system_files[] = { "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", NULL };

const char *
lodge_confinement_name (LodgeConfinement level)
{
  switch (level)
    {
    case LODGE_CONFINEMENT_SECCOMP:
      return "seccomp";
    case LODGE_CONFINEMENT_LANDLOCK:
      return "landlock";
    case LODGE_CONFINEMENT_BUBBLEWRAP:
      return "bubblewrap";
    case LODGE_CONFINEMENT_NONE:
    default:
      return "none";
    }
}

static void
lodge_sandbox_finalize (GObject *object)
{
  LodgeSandbox *self = LODGE_SANDBOX (object);

  g_free (self->reason);
  g_free (self->program);

  G_OBJECT_CLASS (lodge_sandbox_parent_class)->finalize (object);
}

static void
lodge_sandbox_class_init (LodgeSandboxClass *class)
{
  G_OBJECT_CLASS (class)->finalize = lodge_sandbox_finalize;
}

static void
lodge_sandbox_init (LodgeSandbox *self)
{
}

static void
add (GStrvBuilder *builder, const char *first, ...)
{
  va_list args;

  va_start (args, first);
  for (const char *word = first; word != NULL; word = va_arg (args, const char *))
    g_strv_builder_add (builder, word);
  va_end (args);
}

/* Where it is seen. */
static char *
inside (const LodgeSandboxSpec *spec, const char *path)
{
  gsize length = spec->moved_from != NULL ? strlen (spec->moved_from) : 0;

  if (length == 0 || strncmp (path, spec->moved_from, length) != 0 || (path[length] != '\0' && path[length] != '/'))
    return g_strdup (path);
  return g_strconcat (spec->moved_to, path + length, NULL);
}

static void
add_binds (GStrvBuilder *builder, const char *option, const char *const *paths, const LodgeSandboxSpec *spec)
{
  for (guint i = 0; paths != NULL && paths[i] != NULL; i++)
    {
      g_autofree char *place = inside (spec, paths[i]);

      add (builder, option, paths[i], place, NULL);
    }
}

static void
add_environment (GStrvBuilder *builder, const char *option, const LodgeSandboxSpec *spec)
{
  static const char *const base[] = { "PATH=" BASE_PATH, "HOME=/tmp", "LANG=C.UTF-8", NULL };
  const char *const *sets[] = { base, spec->environment };

  for (guint s = 0; s < G_N_ELEMENTS (sets); s++)
    for (guint i = 0; sets[s] != NULL && sets[s][i] != NULL; i++)
      {
        g_auto (GStrv) pair = g_strsplit (sets[s][i], "=", 2);

        if (option == NULL)
          add (builder, sets[s][i], NULL);
        else if (pair[0] != NULL && pair[1] != NULL)
          add (builder, option, pair[0], pair[1], NULL);
      }
}

static void
wrap_bubblewrap (LodgeSandbox *self, GStrvBuilder *builder, const LodgeSandboxSpec *spec)
{
  add (builder, self->program, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
       "--unshare-cgroup-try", NULL);
  if (!spec->network)
    add (builder, "--unshare-net", NULL);
  if (spec->new_session)
    add (builder, "--new-session", NULL);
  if (spec->die_with_parent)
    add (builder, "--die-with-parent", NULL);
  add (builder, "--cap-drop", "ALL", "--hostname", "lodge", "--clearenv", NULL);
  add_environment (builder, "--setenv", spec);

  add_binds (builder, "--ro-bind-try", system_folders, spec);
  add_binds (builder, "--ro-bind-try", system_files, spec);
  if (spec->network)
    add (builder, "--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf", NULL);
  add (builder, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", NULL);
  add_binds (builder, "--ro-bind", spec->read_only, spec);
  add_binds (builder, "--bind", spec->read_write, spec);
  add_binds (builder, "--ro-bind", spec->frozen, spec);
  add_binds (builder, "--dev-bind", spec->devices, spec);
  add (builder, "--chdir", spec->folder != NULL ? spec->folder : "/", "--", NULL);
}

static void
add_rules (GStrvBuilder *builder, const char *option, const char *const *paths)
{
  for (guint i = 0; paths != NULL && paths[i] != NULL; i++)
    add (builder, option, paths[i], NULL);
}

static void
wrap_landlock (LodgeSandbox *self, GStrvBuilder *builder, const LodgeSandboxSpec *spec)
{
  static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                                         "/dev/urandom", "/dev/shm", NULL };
  static const char *const kernel[] = { "/proc", "/sys/devices/system", "/etc/resolv.conf", NULL };

  add (builder, self->program, NULL);
  if (!spec->network)
    add (builder, "--no-tcp", NULL);
  if (spec->new_session)
    add (builder, "--new-session", NULL);
  if (spec->die_with_parent)
    add (builder, "--die-with-parent", NULL);
  add (builder, "--clearenv", NULL);
  add_environment (builder, "--setenv", spec);
  add_rules (builder, "--read-try", system_folders);
  add_rules (builder, "--read-try", system_files);
  add_rules (builder, "--read-try", kernel);
  add_rules (builder, "--write-try", devices);
  add_rules (builder, "--read", spec->read_only);
  add_rules (builder, "--read", spec->frozen);
  add_rules (builder, "--write", spec->read_write);
  add_rules (builder, "--write", spec->devices);
  add (builder, "--chdir", spec->folder != NULL ? spec->folder : "/", "--", NULL);
}

LodgeConfinement
lodge_sandbox_judge (LodgeSandbox *self, gboolean seccomp, const char **reason)
{
  *reason = seccomp ? self->reason : "no-seccomp";
  /* At this level QEMU's own is all that there is. */
  return !seccomp && self->level == LODGE_CONFINEMENT_SECCOMP ? LODGE_CONFINEMENT_NONE : self->level;
}

GStrv
lodge_sandbox_wrap (LodgeSandbox *self, const LodgeSandboxSpec *spec, const char *const *argv)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (self->level == LODGE_CONFINEMENT_BUBBLEWRAP)
    wrap_bubblewrap (self, builder, spec);
  else if (self->level == LODGE_CONFINEMENT_LANDLOCK)
    wrap_landlock (self, builder, spec);
  else
    {
      add (builder, "/usr/bin/env", "-i", "-C", spec->folder != NULL ? spec->folder : "/", NULL);
      add_environment (builder, NULL, spec);
    }
  g_strv_builder_addv (builder, (const char **) argv);

  return g_strv_builder_end (builder);
}

LodgeSandbox *
lodge_sandbox_new (LodgeConfinement level, const char *reason, const char *program)
{
  LodgeSandbox *self = g_object_new (LODGE_TYPE_SANDBOX, NULL);

  g_return_val_if_fail (level < LODGE_CONFINEMENT_LANDLOCK || program != NULL, self);
  self->level = level;
  self->reason = g_strdup (reason);
  self->program = g_strdup (program);

  return self;
}

LodgeConfinement
lodge_sandbox_get_level (LodgeSandbox *self)
{
  return self->level;
}

const char *
lodge_sandbox_get_reason (LodgeSandbox *self)
{
  return self->reason;
}

/* Probing: a candidate after the other, until one runs /bin/true. */

typedef struct
{
  char         *landlock;  /* (owned) (nullable) */
  LodgeSandbox *candidate; /* (owned) the one that is being tried */
  const char   *reason;    /* why it is not bubblewrap */
  guint         timeout;   /* milliseconds, for each */
} Probe;

static void try_candidate (GTask *task);

static void
probe_free (Probe *probe)
{
  g_free (probe->landlock);
  g_clear_object (&probe->candidate);
  g_free (probe);
}

/* Takes @task on. */
static void
try_next (GTask *task)
{
  Probe *probe = g_task_get_task_data (task);
  gboolean was_bubblewrap = probe->candidate == NULL ||
                            lodge_sandbox_get_level (probe->candidate) == LODGE_CONFINEMENT_BUBBLEWRAP;

  g_clear_object (&probe->candidate);
  if (was_bubblewrap && probe->landlock != NULL)
    {
      probe->candidate =
          lodge_sandbox_new (LODGE_CONFINEMENT_LANDLOCK, probe->reason, probe->landlock);
      try_candidate (task);
      return;
    }

  /* The level says that Landlock is missing too; what a person can mend is what keeps bubblewrap away. */
  g_task_return_pointer (task, lodge_sandbox_new (LODGE_CONFINEMENT_SECCOMP, probe->reason, NULL),
                         g_object_unref);
  g_object_unref (task);
}

static const char *
reason_from_words (const char *words)
{
  static const char *const marks[] = { "namespace", "uid map", "gid map", "setgroups", "Operation not permitted" };

  for (guint i = 0; i < G_N_ELEMENTS (marks); i++)
    if (words != NULL && strstr (words, marks[i]) != NULL)
      return "no-user-namespaces";

  return "bubblewrap-failed";
}

static void
tried_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Probe *probe = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeCommandResult) tried = lodge_command_run_finish (result, &error);

  if (g_task_return_error_if_cancelled (task))
    {
      g_object_unref (task);
      return;
    }
  if (tried != NULL && !tried->timed_out && !tried->flooded && g_spawn_check_wait_status (tried->wait_status, NULL))
    {
      g_task_return_pointer (task, g_steal_pointer (&probe->candidate), g_object_unref);
      g_object_unref (task);
      return;
    }

  if (lodge_sandbox_get_level (probe->candidate) == LODGE_CONFINEMENT_BUBBLEWRAP)
    probe->reason = reason_from_words (tried != NULL ? tried->errors : NULL);
  g_debug ("%s does not work: %s", lodge_confinement_name (lodge_sandbox_get_level (probe->candidate)),
           tried == NULL ? error->message : tried->timed_out ? "no end of it" : tried->errors);
  try_next (task);
}

/* Takes @task on. */
static void
try_candidate (GTask *task)
{
  static const char *const argv[] = { "/bin/true", NULL };
  Probe *probe = g_task_get_task_data (task);
  LodgeSandboxSpec spec = { .new_session = TRUE };
  g_auto (GStrv) wrapped = lodge_sandbox_wrap (probe->candidate, &spec, argv);
  LodgeCommand command = { .argv = (const char *const *) wrapped, .max_output = MAX_OUTPUT, .timeout = probe->timeout };

  lodge_command_run_async (&command, g_task_get_cancellable (task), tried_cb, task);
}

void
lodge_sandbox_probe_programs_async (const char *bwrap, const char *landlock, guint timeout, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, data);
  Probe *probe = g_new0 (Probe, 1);

  g_task_set_source_tag (task, lodge_sandbox_probe_programs_async);
  g_task_set_task_data (task, probe, (GDestroyNotify) probe_free);
  probe->landlock = g_strdup (landlock);
  probe->timeout = timeout;
  probe->reason = "no-bubblewrap";

  if (bwrap == NULL)
    {
      try_next (task);
      return;
    }
  probe->candidate = lodge_sandbox_new (LODGE_CONFINEMENT_BUBBLEWRAP, "ok", bwrap);
  try_candidate (task);
}

void
lodge_sandbox_probe_async (GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autofree char *bwrap = g_find_program_in_path ("bwrap");
  g_autofree char *landlock = g_strdup (LODGE_LIBEXECDIR "/lodge-landlock");

  if (!g_file_test (landlock, G_FILE_TEST_IS_EXECUTABLE))
    {
      g_free (landlock);
      landlock = g_find_program_in_path ("lodge-landlock"); /* a build tree */
    }

  lodge_sandbox_probe_programs_async (bwrap, landlock, PROBE_TIMEOUT_MS, cancellable, callback, data);
}

LodgeSandbox *
lodge_sandbox_probe_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
