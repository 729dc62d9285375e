/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "core/service/lodge-core-log.h"
#include "core/service/lodge-service.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define IDLE_SECONDS 60
#define LOCK_TRIES 60
#define LOCK_RETRY_MS 50

typedef struct
{
  GMainLoop *loop;
  LodgePaths *paths;
  GDBusConnection *connection;
  LodgeEngine *engine;
  LodgeService *service;
  int idle_timeout;
  int lock_fd;
  int runtime_fd; /* -1 when there is no such folder */
  guint lock_tries;
  int exit_status;
} Core;

static void
ended_cb (LodgeService *service, int exit_status, Core *core)
{
  core->exit_status = exit_status;
  g_main_loop_quit (core->loop);
}

static gboolean
signal_cb (gpointer data)
{
  Core *core = data;

  if (core->service != NULL)
    lodge_service_end (core->service, 0);
  else
    g_main_loop_quit (core->loop);
  return G_SOURCE_CONTINUE;
}

static void
serve (Core *core)
{
  g_autoptr (LodgeStore) store = lodge_store_new (core->paths);

  core->engine = lodge_engine_new (core->paths, store, core->connection);
  core->service = lodge_service_new (core->connection, core->engine, (guint) core->idle_timeout);
  g_signal_connect (core->service, "ended", G_CALLBACK (ended_cb), core);
  lodge_service_begin (core->service);
}

/* One core for one set of machines and for one set of guests, whatever bus it is on: it would take another's
 * guests over. The locks are on the folders themselves, so there is no lock file to leave behind, and the kernel
 * takes them back from a core that is killed. A core that is just leaving may still hold them when its
 * successor is started. */
static const char *
lock_folders (Core *core)
{
  if (flock (core->lock_fd, LOCK_EX | LOCK_NB) != 0)
    return core->paths->data_dir;
  if (core->runtime_fd >= 0 && flock (core->runtime_fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return core->paths->runtime_dir;
  return NULL;
}

static gboolean
lock_cb (gpointer data)
{
  Core *core = data;
  const char *locked = lock_folders (core);

  if (locked == NULL)
    {
      serve (core);
      return G_SOURCE_REMOVE;
    }
  if (errno == EWOULDBLOCK && ++core->lock_tries < LOCK_TRIES)
    return G_SOURCE_CONTINUE;

  if (errno == EWOULDBLOCK)
    fprintf (stderr, "lodge-core: another one already serves the machines in %s\n", locked);
  else
    fprintf (stderr, "lodge-core: cannot lock %s: %s\n", locked, g_strerror (errno));
  core->exit_status = 1;
  g_main_loop_quit (core->loop);
  return G_SOURCE_REMOVE;
}

static gboolean
take_lock (Core *core)
{
  struct stat st;

  if (g_mkdir_with_parents (core->paths->data_dir, 0700) != 0
      || (core->lock_fd = open (core->paths->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
    {
      g_warning ("cannot use %s: %s", core->paths->data_dir, g_strerror (errno));
      return FALSE;
    }
  /* Without it no guest can be started, which Start says. One of somebody else's, below /tmp, is not waited for. */
  if (g_mkdir_with_parents (core->paths->runtime_dir, 0700) == 0)
    core->runtime_fd = open (core->paths->runtime_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (core->runtime_fd >= 0 && (fstat (core->runtime_fd, &st) != 0 || st.st_uid != getuid ()))
    {
      close (core->runtime_fd);
      core->runtime_fd = -1;
    }
  if (lock_cb (core) == G_SOURCE_CONTINUE)
    g_timeout_add (LOCK_RETRY_MS, lock_cb, core);
  return core->exit_status == 0;
}

static gboolean
parse (int *argc, char ***argv, Core *core, gboolean *version)
{
  const GOptionEntry entries[] = {
    { "idle-timeout", 0, 0, G_OPTION_ARG_INT, &core->idle_timeout,
      "Leave after SECONDS without client and guest (0: never)", "SECONDS" },
    { "version", 0, 0, G_OPTION_ARG_NONE, version, "Print the version and leave", NULL },
    { NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_option_context_set_summary (context, "Runs virtual machines for Lodge. Started by D-Bus when needed.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (g_option_context_parse (context, argc, argv, &error) && *argc == 1 && core->idle_timeout >= 0)
    return TRUE;
  fprintf (stderr, "lodge-core: %s\n", error != NULL ? error->message : "wrong arguments; see --help");
  return FALSE;
}

int
main (int argc, char **argv)
{
  Core core = { .idle_timeout = IDLE_SECONDS, .lock_fd = -1, .runtime_fd = -1 };
  g_autoptr (GError) error = NULL;
  gboolean version = FALSE;

  setlocale (LC_ALL, "");
  if (!parse (&argc, &argv, &core, &version))
    return 2;
  if (version)
    {
      printf ("lodge-core %s\n", LODGE_VERSION);
      return 0;
    }

  signal (SIGPIPE, SIG_IGN);
  core.paths = lodge_paths_new ();
  lodge_core_log_open (core.paths->state_dir);
  core.loop = g_main_loop_new (NULL, FALSE);
  core.connection = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, &error);
  if (core.connection == NULL)
    {
      g_warning ("there is no session bus: %s", error->message);
      return 1;
    }
  /* A guest must not lose its core's good end because the session's bus ends first. */
  g_dbus_connection_set_exit_on_close (core.connection, FALSE);
  g_unix_signal_add (SIGTERM, signal_cb, &core);
  g_unix_signal_add (SIGINT, signal_cb, &core);
  g_unix_signal_add (SIGHUP, signal_cb, &core);

  if (take_lock (&core))
    g_main_loop_run (core.loop);
  else
    core.exit_status = 1;

  g_clear_object (&core.service);
  g_clear_object (&core.engine);
  g_dbus_connection_close_sync (core.connection, NULL, NULL);
  g_object_unref (core.connection);
  g_main_loop_unref (core.loop);
  lodge_paths_free (core.paths);
  if (core.lock_fd >= 0)
    close (core.lock_fd);
  if (core.runtime_fd >= 0)
    close (core.runtime_fd);
  return core.exit_status;
}
