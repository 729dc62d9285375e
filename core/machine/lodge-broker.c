/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Hands connected descriptors of a running guest to clients, so that pixels, sound and bytes go
 * between QEMU and the window without passing the core.
 *
 * Display: one end of a fresh socket pair is passed to QEMU (getfd), which is told to serve
 * org.qemu.Display1 on it (add_client); the caller gets the other. It works as often as one likes,
 * so also after an adoption: the newest client has the display.
 * Channels: QEMU listens on a socket in the runtime folder; the core connects and passes that on.
 * Screenshot: QEMU writes into a memory file that it was passed (add-fd), so it needs no folder to
 * write to, and what it wrote is sealed and checked before anybody maps it. */

#include "core/ipc/lodge-picture.h"
#include "core/machine/lodge-machine-private.h"

#include "core/machine/lodge-picture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a request holds while QEMU is asked. */
typedef struct
{
  int fd;      /* for the caller */
  char *name;  /* (owned) (nullable) of the descriptor passed to QEMU */
  gint64 fdset;
} Request;

static void
request_free (Request *request)
{
  if (request->fd >= 0)
    close (request->fd);
  g_free (request->name);
  g_free (request);
}

static void
return_fd (GTask *task)
{
  Request *request = g_task_get_task_data (task);

  g_task_return_int (task, g_steal_fd (&request->fd));
}

static LodgeQmpClient *
task_qmp (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);

  return self->guest != NULL ? self->guest->qmp : NULL;
}

static void
return_off (GTask *task)
{
  g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "the machine went off meanwhile");
}

static void
client_added_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Request *request = g_task_get_task_data (task);
  LodgeQmpClient *qmp = LODGE_QMP_CLIENT (source);
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (qmp, result, &error);

  if (answer == NULL)
    {
      g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'fdname': <%s>}", request->name);

      lodge_qmp_client_execute_async (qmp, "closefd", arguments, -1, NULL, NULL, NULL);
      g_task_return_error (task, error);
      return;
    }
  return_fd (task);
}

static void
display_passed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Request *request = g_task_get_task_data (task);
  LodgeQmpClient *qmp = LODGE_QMP_CLIENT (source);
  g_autoptr (JsonObject) arguments = NULL;
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (qmp, result, &error);

  if (answer == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  arguments = lodge_qmp_args_new ("{'protocol': <'@dbus-display'>, 'fdname': <%s>, 'skipauth': <true>}",
                                  request->name);
  lodge_qmp_client_execute_async (qmp, "add_client", arguments, -1, NULL, client_added_cb,
                                  g_steal_pointer (&task));
}

void
lodge_broker_open_display (LodgeMachine *self, GTask *task)
{
  g_autoptr (JsonObject) arguments = NULL;
  Request *request = g_new0 (Request, 1);
  int fds[2] = { -1, -1 };

  request->fd = -1;
  g_task_set_task_data (task, request, (GDestroyNotify) request_free);
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IO, "no socket pair: %s", g_strerror (errno));
      g_object_unref (task);
      return;
    }
  request->fd = fds[0];
  request->name = g_strdup_printf ("lodge-display-%u", ++self->guest->fdset);
  arguments = lodge_qmp_args_new ("{'fdname': <%s>}", request->name);
  lodge_qmp_client_execute_async (self->guest->qmp, "getfd", arguments, fds[1], NULL,
                                  display_passed_cb, task);
  close (fds[1]);
}

static gboolean
has_client (JsonNode *answer, const char *channel)
{
  JsonArray *chardevs = lodge_qmp_node_array (answer);

  for (guint i = 0; chardevs != NULL && i < json_array_get_length (chardevs); i++)
    {
      JsonObject *chardev = lodge_qmp_element (chardevs, i);
      const char *filename = lodge_qmp_string (chardev, "filename");
      const char *label = lodge_qmp_string (chardev, "label");

      if (label != NULL && g_str_has_prefix (label, channel))
        return filename != NULL && !g_str_has_prefix (filename, "disconnected:");
    }
  return FALSE;
}

static void
chardevs_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  Request *request = g_task_get_task_data (task);
  g_autofree char *socket_name = g_strconcat (request->name, ".sock", NULL);
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (answer == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  if (self->guest == NULL || self->guest->record == NULL)
    {
      return_off (task);
      return;
    }
  /* QEMU serves one client of a channel; a second one would wait in the queue without a word. */
  if (has_client (answer, request->name))
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IN_USE,
                               "another client has the channel “%s”", request->name);
      return;
    }

  request->fd = lodge_runtime_connect (self->guest->record->dir, socket_name, &error);
  if (request->fd < 0)
    g_task_return_error (task, error);
  else
    return_fd (task);
}

void
lodge_broker_open_channel (LodgeMachine *self, const char *channel, GTask *task)
{
  Request *request = g_new0 (Request, 1);

  request->fd = -1;
  request->name = g_strdup (channel);
  g_task_set_task_data (task, request, (GDestroyNotify) request_free);
  if (g_strcmp0 (channel, "serial") != 0 && g_strcmp0 (channel, "vdagent") != 0)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_FOUND,
                               "there is no channel “%s”; there are “serial” and “vdagent”", channel);
      g_object_unref (task);
      return;
    }
  lodge_qmp_client_execute_async (self->guest->qmp, "query-chardev", NULL, -1, NULL, chardevs_cb, task);
}

/* What has been checked must not change any more. */
static gboolean
seal (int fd, GError **error)
{
  if (fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
    return TRUE;
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "cannot seal the picture: %s", g_strerror (errno));
  return FALSE;
}

/* QEMU writes each row with the padding that it has in memory: to whole words. @fd is replaced. */
static gboolean
drop_padding (int *fd, gsize head, gsize row, gsize padded, gsize height, GError **error)
{
  int tight = memfd_create ("lodge-screenshot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  gsize from_size = head + padded * height, to_size = head + row * height;
  char *from = mmap (NULL, from_size, PROT_READ, MAP_SHARED, *fd, 0);
  char *to = MAP_FAILED;
  gboolean done;

  if (tight >= 0 && ftruncate (tight, (off_t) to_size) == 0)
    to = mmap (NULL, to_size, PROT_READ | PROT_WRITE, MAP_SHARED, tight, 0);
  done = from != MAP_FAILED && to != MAP_FAILED;
  if (done)
    {
      memcpy (to, from, head);
      for (gsize y = 0; y < height; y++)
        memcpy (to + head + y * row, from + head + y * padded, row);
    }
  else
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "no memory for the picture: %s", g_strerror (errno));

  if (from != MAP_FAILED)
    munmap (from, from_size);
  if (to != MAP_FAILED)
    munmap (to, to_size);
  if (tight >= 0)
    {
      close (*fd);
      *fd = tight;
    }
  return done && seal (tight, error);
}

/* A head, and exactly the bytes that follow from it. */
static gboolean
check_ppm (int *fd, GError **error)
{
  guint width = 0, height = 0;
  gsize start = 0;
  const char *fault = lodge_picture_read_head (*fd, &width, &height, &start);
  struct stat st;

  if (fault == NULL && fstat (*fd, &st) == 0)
    {
      gsize row = (gsize) width * 3, padded = (row + 3) & ~(gsize) 3;

      if ((gsize) st.st_size == start + row * height)
        return TRUE;
      if ((gsize) st.st_size == start + padded * height)
        return drop_padding (fd, start, row, padded, height, error);
    }

  g_set_error (error, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED, "QEMU gave no usable picture (%u x %u): %s",
               width, height, fault != NULL ? fault : "its size does not fit");
  return FALSE;
}

static void
dumped_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Request *request = g_task_get_task_data (task);
  LodgeQmpClient *qmp = LODGE_QMP_CLIENT (source);
  g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'fdset-id': <%x>}", request->fdset);
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (qmp, result, &error);

  lodge_qmp_client_execute_async (qmp, "remove-fd", arguments, -1, NULL, NULL, NULL);
  if (answer != NULL && seal (request->fd, &error) && check_ppm (&request->fd, &error))
    return_fd (task);
  else
    g_task_return_error (task, error);
}

static void
picture_passed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Request *request = g_task_get_task_data (task);
  LodgeQmpClient *qmp = task_qmp (task);
  g_autoptr (JsonObject) arguments = NULL;
  g_autofree char *path = NULL;
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (answer == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  if (qmp == NULL)
    {
      return_off (task);
      return;
    }
  request->fdset = lodge_qmp_integer (lodge_qmp_node_object (answer), "fdset-id", -1);
  path = g_strdup_printf ("/dev/fdset/%" G_GINT64_FORMAT, request->fdset);
  arguments = lodge_qmp_args_new ("{'filename': <%s>}", path);
  lodge_qmp_client_execute_async (qmp, "screendump", arguments, -1, NULL, dumped_cb, g_steal_pointer (&task));
}

void
lodge_broker_screenshot (LodgeMachine *self, GTask *task)
{
  g_autofree char *path = NULL;
  Request *request = g_new0 (Request, 1);
  int write_only;

  request->fd = memfd_create ("lodge-screenshot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  g_task_set_task_data (task, request, (GDestroyNotify) request_free);
  if (self->guest->profile->video == LODGE_VIDEO_NONE)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "the machine has no screen");
      g_object_unref (task);
      return;
    }
  /* QEMU picks a descriptor of a set by its access mode, and screendump wants to write only. */
  path = g_strdup_printf ("/proc/self/fd/%d", request->fd);
  write_only = request->fd >= 0 ? open (path, O_WRONLY | O_CLOEXEC) : -1;
  if (write_only < 0)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IO, "no memory file: %s", g_strerror (errno));
      g_object_unref (task);
      return;
    }
  lodge_qmp_client_execute_async (self->guest->qmp, "add-fd", NULL, write_only, NULL, picture_passed_cb, task);
  close (write_only);
}

int
lodge_machine_open_keyring (LodgeMachine *self, GError **error)
{
  g_autofree char *path = NULL;
  int fd;

  if (self->guest == NULL || self->guest->record == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "the machine went off meanwhile");
      return -1;
    }
  path = g_build_filename (self->guest->record->dir, LODGE_KEYRING_DIR, NULL);
  fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "cannot open %s: %s", path, g_strerror (errno));
  return fd;
}

void
lodge_machine_open_async (LodgeMachine *self, LodgeMethod method, const char *channel,
                          GVariant *options, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data)
{
  static const char *const none[] = { NULL };
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_machine_open_async);
  if (!lodge_machine_check (self, method, &error)
      || !lodge_machine_check_options (options, none, &error))
    g_task_return_error (task, error);
  else if (self->state == LODGE_STATE_SAVED)
    {
      g_autofree char *path = g_build_filename (self->folder, LODGE_SAVED_DIR, LODGE_SAVED_PICTURE, NULL);
      int fd = lodge_picture_open (path, &error);

      if (fd >= 0)
        g_task_return_int (task, fd);
      else
        g_task_return_error (task, error);
    }
  else if (method == LODGE_METHOD_OPEN_DISPLAY)
    lodge_broker_open_display (self, g_steal_pointer (&task));
  else if (method == LODGE_METHOD_OPEN_CHANNEL)
    lodge_broker_open_channel (self, channel, g_steal_pointer (&task));
  else
    lodge_broker_screenshot (self, g_steal_pointer (&task));
}

int
lodge_machine_open_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  /* g_task_propagate_int() gives -1 on an error, as we do. */
  return (int) g_task_propagate_int (G_TASK (result), error);
}
