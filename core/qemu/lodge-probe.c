/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "core/qemu/lodge-probe-private.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixsocketaddress.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

char *
lodge_probe_read (const char *path, gsize max)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  g_autofree char *text = NULL;
  gsize length = 0;

  if (fd < 0)
    return NULL;
  text = g_malloc (max + 1);
  /* Files in /proc have no size, so reading goes on until there is no more. */
  while (length < max)
    {
      gssize n = read (fd, text + length, max - length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        break;
      length += n;
    }
  close (fd);
  text[length] = '\0';
  return g_steal_pointer (&text);
}

static guint64
find_kib (const char *text, const char *name)
{
  const char *line = strstr (text, name);

  return line != NULL ? g_ascii_strtoull (line + strlen (name), NULL, 10) * 1024 : 0;
}

void
lodge_probe_memory_from (const char *root, LodgeHost *host)
{
  g_autofree char *path = g_strconcat (root, "/proc/meminfo", NULL);
  g_autofree char *text = lodge_probe_read (path, 16 * 1024);

  if (text == NULL)
    return;
  host->memory = find_kib (text, "MemTotal:");
  host->memory_available = find_kib (text, "MemAvailable:");
}

void
lodge_probe_memory (LodgeHost *host)
{
  lodge_probe_memory_from ("", host);
}

/* Whether a server listens there; a socket that was left behind by one that died does not count. */
static gboolean
answers (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  gboolean good;
  int fd;

  if (strlen (path) >= sizeof address.sun_path)
    return FALSE;
  strcpy (address.sun_path, path);
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return FALSE;
  good = connect (fd, (struct sockaddr *) &address, sizeof address) == 0;
  close (fd);
  return good;
}

void
lodge_probe_audio (const LodgePaths *paths, LodgeHost *host)
{
  /* PulseAudio's protocol first: PipeWire speaks it too, and its socket can be named on QEMU's command line. */
  static const struct
  {
    const char *driver;
    const char *variable; /* the server's own, of the folder where its socket is instead */
    const char *folder;
    const char *socket;
  } servers[] = { { "pa", "PULSE_RUNTIME_PATH", "pulse", "native" }, { "pipewire", "PIPEWIRE_RUNTIME_DIR", "", "pipewire-0" } };
  /* The servers' sockets lie in $XDG_RUNTIME_DIR, in which ours is a folder. */
  g_autofree char *runtime = g_path_get_dirname (paths->runtime_dir);

  g_free (host->audio_driver);
  host->audio_driver = g_strdup ("none");
  g_clear_pointer (&host->audio_socket, g_free);
  for (guint i = 0; i < G_N_ELEMENTS (servers); i++)
    {
      const char *elsewhere = g_getenv (servers[i].variable);
      g_autofree char *path = elsewhere != NULL && g_path_is_absolute (elsewhere)
                                ? g_build_filename (elsewhere, servers[i].socket, NULL)
                                : g_build_filename (runtime, servers[i].folder, servers[i].socket, NULL);

      if (!answers (path))
        continue;
      g_free (host->audio_driver);
      host->audio_driver = g_strdup (servers[i].driver);
      host->audio_socket = g_steal_pointer (&path);
      return;
    }
}

static void
probe_render_node (const char *root, LodgeHost *host)
{
  g_autofree char *folder = g_strconcat (root, "/dev/dri", NULL);
  const char *reason = "no-render-node";

  for (guint i = 128; i < 192 && host->render_node == NULL; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/renderD%u", folder, i);
      int fd = open (path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

      if (fd >= 0)
        {
          close (fd);
          host->render_node = g_steal_pointer (&path);
          reason = "ok";
        }
      else if (errno == EACCES || errno == EPERM)
        reason = "no-permission";
    }
  g_free (host->gl_reason);
  host->gl_reason = g_strdup (reason);
}

/* A kernel may lack it, and may refuse it to some users (kernel.io_uring_disabled) or inside a container. */
static gboolean
probe_io_uring (void)
{
  struct io_uring_params parameters = { 0 };
  long fd = syscall (SYS_io_uring_setup, 1, &parameters);

  if (fd < 0)
    return FALSE;
  close (fd);
  return TRUE;
}

static void
kvm_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeHost *host = g_task_get_task_data (task);

  g_free (host->accel_reason);
  host->accel_reason = lodge_probe_kvm_finish (result, &host->accel_message);
  host->accel = strcmp (host->accel_reason, "ok") == 0 ? LODGE_ACCEL_KVM : LODGE_ACCEL_TCG;
  if (!g_task_return_error_if_cancelled (task))
    g_task_return_pointer (task, lodge_host_copy (host), (GDestroyNotify) lodge_host_free);
}

void
lodge_probe_full_async (const char *root, const LodgePaths *paths, const char *qemu, const char *kvm_accel, gboolean anew,
                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, data);
  LodgeHost *host = lodge_host_new ();

  g_task_set_source_tag (task, lodge_probe_full_async);
  g_task_set_task_data (task, host, (GDestroyNotify) lodge_host_free);
  host->cores = g_get_num_processors ();
  lodge_probe_memory_from (root, host);
  lodge_probe_firmware (root, host);
  lodge_probe_audio (paths, host);
  probe_render_node (root, host);
  host->passt = g_find_program_in_path ("passt");
  host->swtpm = g_find_program_in_path ("swtpm");
  host->io_uring = probe_io_uring ();
  lodge_probe_kvm_async (root, paths->cache_dir, qemu, kvm_accel, anew, cancellable, kvm_cb, task);
}

void
lodge_probe_host_async (const LodgePaths *paths, const char *qemu, gboolean anew, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer data)
{
  lodge_probe_full_async ("", paths, qemu, "kvm", anew, cancellable, callback, data);
}

LodgeHost *
lodge_probe_host_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
