/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The socket listens and has its connection before the tool exists, so nobody waits for it to appear, and its name is gone at
 * once. qemu-nbd takes it as systemd would give it: as descriptor 3, with its own pid in LISTEN_PID, which a shell
 * puts there because the pid is another one in the confinement.
 *
 * A client that goes before it has said a word is no reason for qemu-nbd to end, and what ties a confined process to its parent is not
 * there yet in its first moments. So a core that is killed just then would leave a qemu-nbd for ever, with the image locked. A shell
 * beside it holds the other end of a pipe of the core's, and kills it when that closes. */

#include "config.h"

#include "core/qemu/lodge-nbd-export.h"

#include "core/qemu/lodge-subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_FD 3
#define LIFELINE_FD 4
#define SCRIPT \
  "sh -c 'export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\"' sh \"$@\" 4<&- & tool=$!; " \
  "(read -r word <&4; kill -9 $tool) 3<&- & watch=$!; exec 3<&-; wait $tool; status=$?; kill -9 $watch; exit $status"
#define COMPLAINT_MAX 2048
#define END_SECONDS 60

struct _LodgeNbdExport
{
  GSubprocess *process;   /* (owned) */
  int          complaint; /* its standard error */
  int          lifeline;  /* it ends when this is closed */
};

static int
connect_all (const struct sockaddr_un *address, int *clients, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      clients[i] = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (clients[i] < 0 || connect (clients[i], (const struct sockaddr *) address, sizeof *address) != 0)
        return errno;
    }
  return 0;
}

int
lodge_nbd_listen (const char *socket_dir, int *clients, guint n, GError **error)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int server, number;

  for (guint i = 0; i < n; i++)
    clients[i] = -1;
  if (g_snprintf (address.sun_path, sizeof address.sun_path, "%s/nbd-%08x", socket_dir, g_random_int ())
      >= (int) sizeof address.sun_path)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "%s is too long for the name of a socket", socket_dir);
      return -1;
    }
  server = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (server < 0 || bind (server, (struct sockaddr *) &address, sizeof address) != 0 || listen (server, (int) n + 1) != 0)
    number = errno;
  else
    number = connect_all (&address, clients, n);
  unlink (address.sun_path);
  if (number == 0)
    return server;

  g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "a socket in %s: %s", socket_dir, g_strerror (number));
  if (server >= 0)
    close (server);
  for (guint i = 0; i < n; i++)
    {
      if (clients[i] >= 0)
        close (clients[i]);
      clients[i] = -1;
    }
  return -1;
}

static char *
find_qemu_nbd (void)
{
  const char *folder = g_getenv ("LODGE_QEMU_DIR");
  g_autofree char *path = folder != NULL ? g_build_filename (folder, "qemu-nbd", NULL) : NULL;

  if (path != NULL && g_file_test (path, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&path);
  return g_find_program_in_path ("qemu-nbd");
}

static GStrv
build_command (LodgeSandbox *sandbox, const char *binary, const char *path, const char *format, const char *const *below, gboolean writable)
{
  g_autofree char *folder = g_path_get_dirname (binary);
  const char *read_only[] = { NULL, NULL, NULL }, *read_write[] = { writable ? path : NULL, NULL };
  LodgeSandboxSpec spec = { .read_only = read_only, .read_write = read_write, .frozen = below,
                            .new_session = TRUE, .die_with_parent = TRUE };
  const char *argv[] = { "/bin/sh", "-c", SCRIPT, "sh", binary,
                         "--export-name=" LODGE_NBD_EXPORT_NAME, "--shared=1", "--format", format,
                         writable ? "--discard=unmap" : "--read-only", writable ? "--detect-zeroes=unmap" : path,
                         writable ? path : NULL, NULL };
  guint n = 0;

  if (!writable)
    read_only[n++] = path;
  if (!g_str_has_prefix (folder, "/usr/"))
    read_only[n++] = folder;
  return sandbox != NULL ? lodge_sandbox_wrap (sandbox, &spec, argv) : g_strdupv ((GStrv) argv);
}

LodgeNbdExport *
lodge_nbd_export_new (LodgeSandbox *sandbox, const char *socket_dir, const char *path, const char *format, const char *const *below,
                      gboolean writable, int *client, GError **error)
{
  g_autofree char *binary = find_qemu_nbd ();
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
  g_auto (GStrv) command = NULL;
  g_autoptr (GError) local = NULL;
  GSubprocess *process;
  LodgeNbdExport *self;
  int server, words[2], lifeline[2] = { -1, -1 };

  *client = -1;
  g_return_val_if_fail (g_path_is_absolute (path), NULL);
  if (binary == NULL)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NO_QEMU, "there is no qemu-nbd");
      return NULL;
    }
  server = lodge_nbd_listen (socket_dir, client, 1, error);
  if (server < 0)
    return NULL;
  if (pipe2 (lifeline, O_CLOEXEC) != 0 || pipe2 (words, O_CLOEXEC | O_NONBLOCK) != 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "a pipe: %s", g_strerror (errno));
      if (lifeline[0] >= 0)
        {
          close (lifeline[0]);
          close (lifeline[1]);
        }
      close (server);
      close (*client);
      *client = -1;
      return NULL;
    }

  command = build_command (sandbox, binary, path, format, below, writable);
  g_subprocess_launcher_setenv (launcher, "LC_ALL", "C", TRUE);
  g_subprocess_launcher_take_fd (launcher, server, LISTEN_FD);
  g_subprocess_launcher_take_fd (launcher, lifeline[0], LIFELINE_FD);
  g_subprocess_launcher_take_stderr_fd (launcher, words[1]);
  process = g_subprocess_launcher_spawnv (launcher, (const char *const *) command, &local);
  if (process == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "%s", local->message);
      close (words[0]);
      close (lifeline[1]);
      close (*client);
      *client = -1;
      return NULL;
    }
  self = g_new0 (LodgeNbdExport, 1);
  self->process = process;
  self->complaint = words[0];
  self->lifeline = lifeline[1];
  return self;
}

void
lodge_nbd_export_free (LodgeNbdExport *self)
{
  lodge_subprocess_end (self->process);
  g_object_unref (self->process);
  close (self->complaint);
  close (self->lifeline);
  g_free (self);
}

static char *
read_complaint (LodgeNbdExport *self)
{
  char words[COMPLAINT_MAX];
  gssize n = read (self->complaint, words, sizeof words);
  char *text = g_utf8_make_valid (words, n > 0 ? n : 0);

  g_strstrip (text);
  for (char *p = text; *p != '\0'; p++)
    if ((guchar) *p < 0x20)
      *p = ' ';
  return text;
}

typedef struct
{
  LodgeNbdExport *export;
  guint           timeout_id;
} End;

static gboolean
late_cb (gpointer data)
{
  End *end = data;

  end->timeout_id = 0;
  lodge_subprocess_end (end->export->process);
  return G_SOURCE_REMOVE;
}

static void
ended_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  End *end = g_task_get_task_data (task);
  GSubprocess *process = G_SUBPROCESS (source);
  g_autofree char *complaint = NULL;

  g_clear_handle_id (&end->timeout_id, g_source_remove);
  g_subprocess_wait_finish (process, result, NULL);
  if (g_subprocess_get_if_exited (process) && g_subprocess_get_exit_status (process) == 0)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  complaint = read_complaint (end->export);
  g_task_return_new_error (task, LODGE_ERROR,
                           strstr (complaint, "No space left") != NULL    ? LODGE_ERROR_NO_SPACE
                           : strstr (complaint, "Failed to get") != NULL ? LODGE_ERROR_IN_USE
                           : strstr (complaint, "not in ") != NULL       ? LODGE_ERROR_WRONG_FORMAT
                                                                         : LODGE_ERROR_IO,
                           "%s", *complaint != '\0' ? complaint : "qemu-nbd ended without a word");
}

void
lodge_nbd_export_end_async (LodgeNbdExport *self, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (NULL, NULL, callback, data);
  End *end = g_new0 (End, 1);

  end->export = self;
  end->timeout_id = g_timeout_add_seconds (END_SECONDS, late_cb, end);
  g_task_set_source_tag (task, lodge_nbd_export_end_async);
  g_task_set_task_data (task, end, g_free);
  g_subprocess_wait_async (self->process, NULL, ended_cb, task);
}

gboolean
lodge_nbd_export_end_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
