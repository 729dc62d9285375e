/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/sharing/lodge-tpm.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTROL_FD 3

static LodgeHelper *
fail (GError **error, const char *what, int saved_errno)
{
  g_set_error (error, LODGE_ERROR, saved_errno == ENOSPC ? LODGE_ERROR_NO_SPACE : LODGE_ERROR_IO, "%s: %s", what,
               g_strerror (saved_errno));

  return NULL;
}

LodgeHelper *
lodge_tpm_start (const char *swtpm, LodgeSandbox *sandbox, const char *folder, const char *log_path, int *fd,
                 GError **error)
{
  /* The folder is "." because swtpm takes a comma in a path for the next option. The control channel is a connection
   * that is there already; QEMU sends the data channel over it, and the power-up command. */
  const char *argv[] = { swtpm, "socket", "--tpm2", "--tpmstate", "dir=.,mode=0600", "--ctrl",
                         "type=unixio,clientfd=" G_STRINGIFY (CONTROL_FD), "--terminate", NULL };
  const char *read_write[] = { folder, NULL };
  LodgeSandboxSpec spec = { .read_write = read_write, .folder = folder, .new_session = TRUE };
  g_auto (GStrv) command = NULL;
  LodgeHelper *helper;
  int pair[2];

  if (mkdir (folder, 0700) < 0 && errno != EEXIST)
    return fail (error, folder, errno);
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    return fail (error, "socketpair", errno);

  command = lodge_sandbox_wrap (sandbox, &spec, argv);
  helper = lodge_helper_spawn ("swtpm", (const char *const *) command,
                               (LodgeFdMap[]){ { pair[1], CONTROL_FD }, { -1, -1 } }, log_path, error);
  close (pair[1]);
  if (helper == NULL)
    {
      close (pair[0]);
      return NULL;
    }
  *fd = pair[0];

  return helper;
}
