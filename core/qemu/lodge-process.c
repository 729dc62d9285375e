/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Birth: posix_spawn() (no copy of the core's page tables, and a new session without a further exec) runs the
 * gate, /bin/sh, with a socket as its standard input. The gate reads a line and becomes the command with
 * /dev/null there; when the socket ends first, it exits. The pid stays the same all along.
 *
 * Life: a pidfd. It stays right when the pid is used again, and it also watches processes that are not our
 * children, which is what an adopted process is.
 *
 * Death: bubblewrap is two processes besides the command: one outside, whose pid we have, and the init of the inner
 * pid namespace. Killing the outer one would leave the inner ones running, so kill() stops it, so that the tree cannot
 * grow, kills all below it and lets it go on: it ends by itself when the inner processes are really gone (which
 * takes the kernel a while for a guest with much memory), so "exited" never comes too early. What does not end
 * by itself then is killed too.
 */

#include "core/qemu/lodge-process.h"

#include "core/qemu/lodge-process-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GATE          "umask 077; read -r _ && exec \"$@\" </dev/null"
#define MAX_FDS       32
#define MAX_TARGET    255
#define FIRST_SAFE_FD 256 /* sources are moved beyond every target first, so that no dup2 hits one */
#define MAX_TREE      64
#define KILL_GRACE_MS 2000

struct _LodgeProcess
{
  GObject  parent_instance;

  GPid     pid;
  guint64  start_time;
  int      pidfd;
  int      gate;      /* -1 once released, and for adopted ones */
  guint    watch_id;
  guint    kill_id;   /* 0 when kill() is not under way */
  gboolean own_child;
  gboolean exited;
};

G_DEFINE_FINAL_TYPE (LodgeProcess, lodge_process, G_TYPE_OBJECT)

enum
{
  SIGNAL_EXITED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

static gboolean
has_ended (LodgeProcess *self)
{
  struct pollfd poll_fd = { self->pidfd, POLLIN, 0 };

  return self->exited || poll (&poll_fd, 1, 0) == 1;
}

static gboolean
ended_cb (int fd, GIOCondition condition, gpointer data)
{
  g_autoptr (LodgeProcess) self = g_object_ref (data);
  int status = -1;

  if (self->own_child && waitpid (self->pid, &status, WNOHANG) != self->pid)
    status = -1;
  self->exited = TRUE;
  self->watch_id = 0;
  g_clear_handle_id (&self->kill_id, g_source_remove);
  g_signal_emit (self, signals[SIGNAL_EXITED], 0, status);

  return G_SOURCE_REMOVE;
}

static void
reap_cb (GPid pid, int status, gpointer data)
{
}

static void
lodge_process_finalize (GObject *object)
{
  LodgeProcess *self = LODGE_PROCESS (object);

  g_clear_handle_id (&self->watch_id, g_source_remove);
  if (self->kill_id != 0)
    pidfd_send_signal (self->pidfd, SIGKILL, NULL, 0);
  g_clear_handle_id (&self->kill_id, g_source_remove);
  /* The process goes on without us; when it ends while we live, it must not stay as a zombie. */
  if (self->own_child && !self->exited)
    g_child_watch_add (self->pid, reap_cb, NULL);
  if (self->gate >= 0)
    close (self->gate);
  if (self->pidfd >= 0)
    close (self->pidfd);

  G_OBJECT_CLASS (lodge_process_parent_class)->finalize (object);
}

static void
lodge_process_class_init (LodgeProcessClass *class)
{
  G_OBJECT_CLASS (class)->finalize = lodge_process_finalize;

  signals[SIGNAL_EXITED] = g_signal_new ("exited", LODGE_TYPE_PROCESS, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                         NULL, G_TYPE_NONE, 1, G_TYPE_INT);
}

static void
lodge_process_init (LodgeProcess *self)
{
  self->pidfd = -1;
  self->gate = -1;
}

static void
set_io_error (GError **error, const char *what)
{
  int saved = errno;

  g_set_error (error, LODGE_ERROR, saved == ENOSPC ? LODGE_ERROR_NO_SPACE : LODGE_ERROR_IO, "%s: %s",
               what, g_strerror (saved));
}

/* Takes @pidfd. */
static LodgeProcess *
process_new (GPid pid, guint64 start_time, int pidfd, gboolean own_child)
{
  LodgeProcess *self = g_object_new (LODGE_TYPE_PROCESS, NULL);

  self->pid = pid;
  self->start_time = start_time;
  self->pidfd = pidfd;
  self->own_child = own_child;
  self->watch_id = g_unix_fd_add (pidfd, G_IO_IN, ended_cb, self);

  return self;
}

static int
open_log (const char *path, GError **error)
{
  struct stat info;
  int fd;

  if (path == NULL)
    fd = open ("/dev/null", O_WRONLY | O_CLOEXEC);
  else
    fd = open (path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
  if (fd < 0)
    {
      set_io_error (error, path != NULL ? path : "/dev/null");
      return -1;
    }
  if (path != NULL && (fstat (fd, &info) < 0 || !S_ISREG (info.st_mode)))
    {
      close (fd);
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "%s is not a regular file", path);
      return -1;
    }

  return fd;
}

/* What the child has open: 0, 1, 2 and the targets of @moved, nothing else. */
static void
plan_descriptors (posix_spawn_file_actions_t *actions, const LodgeFdMap *moved, guint n, int gate, int log)
{
  gboolean wanted[MAX_TARGET + 1] = { TRUE, TRUE, TRUE };
  int highest = 2;

  posix_spawn_file_actions_adddup2 (actions, gate, 0);
  posix_spawn_file_actions_adddup2 (actions, log, 1);
  posix_spawn_file_actions_adddup2 (actions, log, 2);
  for (guint i = 0; i < n; i++)
    {
      posix_spawn_file_actions_adddup2 (actions, moved[i].source, moved[i].target);
      wanted[moved[i].target] = TRUE;
      highest = MAX (highest, moved[i].target);
    }
  for (int fd = 3; fd <= highest; fd++)
    if (!wanted[fd])
      posix_spawn_file_actions_addclose (actions, fd);
  posix_spawn_file_actions_addclosefrom_np (actions, highest + 1);
}

GStrv
lodge_process_gate (const char *const *argv)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  g_strv_builder_add_many (builder, "/bin/sh", "-c", GATE, "lodge-gate", NULL);
  g_strv_builder_addv (builder, (const char **) argv);
  return g_strv_builder_end (builder);
}

static int
spawn_gate (const char *const *argv, const char *const *envp, const LodgeFdMap *moved, guint n, int gate,
            int log, GPid *pid)
{
  g_auto (GStrv) command = lodge_process_gate (argv);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  int result;

  posix_spawn_file_actions_init (&actions);
  plan_descriptors (&actions, moved, n, gate, log);

  sigemptyset (&none);
  sigfillset (&all);
  posix_spawnattr_init (&attributes);
  posix_spawnattr_setsigmask (&attributes, &none);
  posix_spawnattr_setsigdefault (&attributes, &all);
  posix_spawnattr_setflags (&attributes,
                            POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  result = posix_spawn (pid, "/bin/sh", &actions, &attributes, command, (char *const *) envp);
  posix_spawnattr_destroy (&attributes);
  posix_spawn_file_actions_destroy (&actions);

  return result;
}

static LodgeProcess *
spawn_with (const char *const *argv, const char *const *envp, const LodgeFdMap *moved, guint n, int log,
            GError **error)
{
  LodgeProcess *self;
  int pair[2], moved_gate, pidfd, result;
  GPid pid = -1;
  LodgeProcessStat stat;

  /* A socket, because writing to a pipe whose gate was killed would raise SIGPIPE in the core. */
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    {
      set_io_error (error, "socketpair");
      return NULL;
    }
  moved_gate = fcntl (pair[0], F_DUPFD_CLOEXEC, FIRST_SAFE_FD);
  close (pair[0]);
  if (moved_gate < 0)
    {
      set_io_error (error, "descriptors");
      close (pair[1]);
      return NULL;
    }

  result = spawn_gate (argv, envp, moved, n, moved_gate, log, &pid);
  close (moved_gate);
  if (result != 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED, "/bin/sh: %s", g_strerror (result));
      close (pair[1]);
      return NULL;
    }

  /* It is our child and not waited for, so the pid is its own even if it has ended by now. */
  pidfd = pidfd_open (pid, 0);
  if (pidfd < 0 || !lodge_process_read_stat (LODGE_PROC, pid, &stat))
    {
      set_io_error (error, "pidfd");
      if (pidfd >= 0)
        close (pidfd);
      close (pair[1]); /* ends the gate */
      g_child_watch_add (pid, reap_cb, NULL);
      return NULL;
    }

  self = process_new (pid, stat.start_time, pidfd, TRUE);
  self->gate = pair[1];

  return self;
}

LodgeProcess *
lodge_process_spawn (const char *const *argv, const char *const *envp, const LodgeFdMap *fds,
                     const char *log_path, GError **error)
{
  g_autofree char *program = g_find_program_in_path (argv[0]);
  LodgeFdMap moved[MAX_FDS];
  LodgeProcess *self = NULL;
  guint n = 0;
  int log, moved_log = -1;

  if (program == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED, "%s cannot be started: no such program",
                   argv[0]);
      return NULL;
    }
  log = open_log (log_path, error);
  if (log < 0)
    return NULL;
  moved_log = fcntl (log, F_DUPFD_CLOEXEC, FIRST_SAFE_FD);
  close (log);

  for (; moved_log >= 0 && fds != NULL && fds[n].target >= 0; n++)
    {
      g_assert (n < MAX_FDS && fds[n].target > 2 && fds[n].target <= MAX_TARGET);
      moved[n].target = fds[n].target;
      moved[n].source = fcntl (fds[n].source, F_DUPFD_CLOEXEC, FIRST_SAFE_FD);
      if (moved[n].source < 0)
        break;
    }

  if (moved_log < 0 || (fds != NULL && fds[n].target >= 0))
    set_io_error (error, "descriptors");
  else
    self = spawn_with (argv, envp, moved, n, moved_log, error);

  while (n > 0)
    close (moved[--n].source);
  if (moved_log >= 0)
    close (moved_log);

  return self;
}

void
lodge_process_release (LodgeProcess *self)
{
  g_return_if_fail (self->gate >= 0);

  /* A gate that is gone shows as "exited". */
  (void) !send (self->gate, "\n", 1, MSG_NOSIGNAL);
  close (self->gate);
  self->gate = -1;
}

LodgeProcess *
lodge_process_adopt (GPid pid, guint64 start_time, GError **error)
{
  LodgeProcessStat stat;
  int pidfd = -1;

  /* First the pidfd, then the comparison: what the pidfd stands for cannot change in between. */
  if (pid > 0)
    pidfd = pidfd_open (pid, 0);
  if (pidfd >= 0 && lodge_process_read_stat (LODGE_PROC, pid, &stat) && stat.start_time == start_time && stat.state != 'Z')
    {
      /* A core that was killed inside kill() has left it stopped. */
      if (stat.state == 'T')
        pidfd_send_signal (pidfd, SIGCONT, NULL, 0);
      return process_new (pid, start_time, pidfd, FALSE);
    }

  if (pidfd >= 0)
    close (pidfd);
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "process %d has ended", pid);

  return NULL;
}

GPid
lodge_process_get_pid (LodgeProcess *self)
{
  return self->pid;
}

guint64
lodge_process_get_start_time (LodgeProcess *self)
{
  return self->start_time;
}

gboolean
lodge_process_is_alive (LodgeProcess *self)
{
  return !has_ended (self);
}

static void
wait_until_stopped (LodgeProcess *self)
{
  LodgeProcessStat stat;

  /* It stops as soon as it is scheduled; one that sits in the kernel is not waited for longer than this. */
  for (guint i = 0; i < 50; i++)
    {
      if (!lodge_process_read_stat (LODGE_PROC, self->pid, &stat) || strchr ("TtZX", stat.state) != NULL)
        return;
      g_usleep (100);
    }
}

static void
kill_children (GPid parent, guint *killed)
{
  g_autoptr (GArray) children = lodge_process_list_children (LODGE_PROC, parent);

  for (guint i = 0; i < children->len && *killed < MAX_TREE; i++)
    {
      GPid pid = g_array_index (children, GPid, i);
      int pidfd = pidfd_open (pid, 0);
      LodgeProcessStat stat;

      if (pidfd < 0)
        continue;
      if (lodge_process_read_stat (LODGE_PROC, pid, &stat) && stat.parent == parent)
        {
          kill_children (pid, killed);
          ++*killed;
          pidfd_send_signal (pidfd, SIGKILL, NULL, 0);
        }
      close (pidfd);
    }
}

/* Stops the process and kills all below it. Returns how many that were; the process stays stopped. */
static guint
kill_below (LodgeProcess *self)
{
  guint killed = 0;

  pidfd_send_signal (self->pidfd, SIGSTOP, NULL, 0);
  wait_until_stopped (self);
  kill_children (self->pid, &killed);

  return killed;
}

static gboolean
kill_all_cb (gpointer data)
{
  LodgeProcess *self = data;

  self->kill_id = 0;
  kill_below (self);
  pidfd_send_signal (self->pidfd, SIGKILL, NULL, 0);

  return G_SOURCE_REMOVE;
}

void
lodge_process_kill (LodgeProcess *self)
{
  if (has_ended (self) || self->kill_id != 0)
    return;

  if (kill_below (self) > 0)
    {
      self->kill_id = g_timeout_add (KILL_GRACE_MS, kill_all_cb, self);
      pidfd_send_signal (self->pidfd, SIGCONT, NULL, 0);
    }
  else
    pidfd_send_signal (self->pidfd, SIGKILL, NULL, 0);
}
