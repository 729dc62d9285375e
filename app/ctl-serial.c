/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * The core hands out a connected socket to the guest's serial line; bytes go between it and
 * stdin/stdout without change, in one poll() loop with one bounded buffer for each direction: a side
 * that does not take its bytes stops the reading of the other side, and nothing grows.
 *
 * On a terminal it is put into raw mode, so that Ctrl+C and the like reach the guest; Ctrl+] leaves.
 * In a pipe the end of stdin ends nothing, since the answer is still to come: the guest's end, --timeout
 * or a reader that goes away do.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "app/ctl-output.h"
#include "app/ctl-verbs.h"

#define BUFFER_SIZE 4096
#define LEAVE_KEY 0x1d /* Ctrl+] */

typedef struct
{
  int     from;
  int     to;
  guint8  data[BUFFER_SIZE];
  gsize   begin, end; /* what of @data still has to go out */
  gboolean eof;       /* @from has ended */
} Direction;

static volatile sig_atomic_t interrupted;

static void
interrupted_cb (int number)
{
  interrupted = number;
}

/* Returns: FALSE when the direction cannot go on */
static gboolean
pump_in (Direction *d, gboolean has_leave_key, gboolean *leave)
{
  gssize n = read (d->from, d->data, BUFFER_SIZE);
  guint8 *key;

  if (n < 0)
    return errno == EINTR || errno == EAGAIN;
  if (n == 0)
    {
      d->eof = TRUE;
      return TRUE;
    }
  d->begin = 0;
  d->end = n;
  key = has_leave_key ? memchr (d->data, LEAVE_KEY, n) : NULL;
  if (key != NULL)
    {
      d->end = key - d->data;
      *leave = TRUE;
    }
  return TRUE;
}

static gboolean
pump_out (Direction *d)
{
  gssize n = write (d->to, d->data + d->begin, d->end - d->begin);

  if (n < 0)
    return errno == EINTR || errno == EAGAIN;
  d->begin += n;
  return TRUE;
}

static gboolean
is_pending (const Direction *d)
{
  return d->begin < d->end;
}

static void
add_poll (struct pollfd *fds, nfds_t *n, int fd, short events)
{
  fds[*n].fd = fd;
  fds[*n].events = events;
  fds[*n].revents = 0;
  (*n)++;
}

static short
get_events (const struct pollfd *fds, nfds_t n, int fd, short wanted)
{
  for (nfds_t i = 0; i < n; i++)
    if (fds[i].fd == fd && (fds[i].events & wanted) != 0)
      return fds[i].revents & (wanted | POLLHUP | POLLERR | POLLNVAL);
  return 0;
}

static int
time_left (gint64 deadline)
{
  gint64 left;

  if (deadline == 0)
    return -1;
  left = (deadline - g_get_monotonic_time () + 999) / 1000;
  return (int) CLAMP (left, 0, G_MAXINT);
}

static void
pump (int socket, int in, int out, gboolean terminal, gint64 deadline)
{
  Direction up = { .from = in, .to = socket }, down = { .from = socket, .to = out };
  gboolean leave = FALSE;

  while (interrupted == 0)
    {
      struct pollfd fds[4];
      nfds_t n = 0;
      int left = time_left (deadline);

      if (left == 0 || (leave && !is_pending (&up)) || (down.eof && !is_pending (&down)))
        return;
      if (is_pending (&up))
        add_poll (fds, &n, socket, POLLOUT);
      else if (!up.eof && !leave)
        add_poll (fds, &n, in, POLLIN);
      if (is_pending (&down))
        add_poll (fds, &n, out, POLLOUT);
      else if (!down.eof)
        add_poll (fds, &n, socket, POLLIN);

      if (poll (fds, n, left) < 0)
        {
          if (errno == EINTR)
            continue;
          return;
        }

      if (is_pending (&up))
        {
          if (get_events (fds, n, socket, POLLOUT) && !pump_out (&up))
            return;
        }
      else if (!up.eof && get_events (fds, n, in, POLLIN) && !pump_in (&up, terminal, &leave))
        {
          return;
        }
      if (is_pending (&down))
        {
          if (get_events (fds, n, out, POLLOUT) && !pump_out (&down))
            return;
        }
      else if (get_events (fds, n, socket, POLLIN) && !pump_in (&down, FALSE, &leave))
        {
          return;
        }
    }
}

static void
run_console (CtlContext *ctx, int socket, const char *machine, int timeout)
{
  struct sigaction action = { .sa_handler = interrupted_cb }, old_int, old_term, old_hup, old_pipe;
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  struct termios saved, raw;
  gboolean terminal = tcgetattr (STDIN_FILENO, &saved) == 0;
  gint64 deadline = timeout > 0 ? g_get_monotonic_time () + timeout * G_USEC_PER_SEC : 0;

  /* The terminal has to be given back however this ends. */
  sigaction (SIGINT, &action, &old_int);
  sigaction (SIGTERM, &action, &old_term);
  sigaction (SIGHUP, &action, &old_hup);
  sigaction (SIGPIPE, &ignore, &old_pipe);
  if (terminal)
    {
      g_autofree char *safe = ctl_escape (machine, FALSE);

      ctl_printf (ctx->err, _("Connected to the serial line of “%s”. Ctrl+] leaves.\n"), safe);
      raw = saved;
      cfmakeraw (&raw);
      tcsetattr (STDIN_FILENO, TCSANOW, &raw);
    }

  fflush (ctx->out);
  g_unix_set_fd_nonblocking (socket, TRUE, NULL);
  pump (socket, STDIN_FILENO, STDOUT_FILENO, terminal, deadline);

  if (terminal)
    {
      tcsetattr (STDIN_FILENO, TCSANOW, &saved);
      ctl_put (ctx->err, "\n");
    }
  sigaction (SIGINT, &old_int, NULL);
  sigaction (SIGTERM, &old_term, NULL);
  sigaction (SIGHUP, &old_hup, NULL);
  sigaction (SIGPIPE, &old_pipe, NULL);
}

CtlExit
ctl_verb_serial (CtlContext *ctx, int argc, char **argv)
{
  int timeout = 0;
  const GOptionEntry entries[] = {
    { "timeout", 't', 0, G_OPTION_ARG_INT, &timeout, N_("Leave after this time"), N_("SECONDS") },
    G_OPTION_ENTRY_NULL
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree char *path = NULL;
  int handle, socket = -1;
  CtlExit code;

  if (!ctl_verb_parse (ctx, entries, &argc, &argv, 1, 1, &code))
    return code;
  if (timeout < 0)
    return ctl_usage_error (ctx, argv[0], _("--timeout cannot be negative."));
  path = ctl_find (ctx, argv[1], &code);
  if (path == NULL)
    return code;

  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "OpenChannel",
                    g_variant_new ("(s@a{sv})", "serial", ctl_no_options ()), "(h)",
                    NULL, &fds, &error);
  if (reply != NULL)
    {
      g_variant_get (reply, "(h)", &handle);
      if (fds != NULL && handle >= 0 && handle < g_unix_fd_list_get_length (fds))
        socket = g_unix_fd_list_get (fds, handle, &error);
      else
        g_set_error (&error, LODGE_ERROR, LODGE_ERROR_FAILED, "OpenChannel came without its socket");
    }
  if (socket < 0)
    return ctl_report_machine_error (ctx, error, path, argv[1]);

  run_console (ctx, socket, argv[1], timeout);
  close (socket);
  return interrupted != 0 ? 128 + interrupted : CTL_EXIT_OK;
}
