/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * The host's folder has links with the names of the programs to the test's own executable. Run under such a name it
 * connects to the socket "control" beside the link, hands over QEMU's control socket (descriptor 10), and waits for one
 * order: to say something and to end. When the test is gone it ends, too.
 *
 * What QEMU is asked when its abilities are probed is answered from files that are written from the recorded abilities
 * and the recorded QAPI schema, so the probe is the real one.
 */

#include "tests/unit/lodge-fake-host.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/qemu/lodge-command-line.h"
#include "core/qemu/lodge-qmp-value.h"

#define CONTROL      "control"
#define ANSWERS      "answers"
#define DISPLAYS     "displays"
#define MAX_WORDS    1024
#define HANG_SECONDS 40

static const char *const names[] = { "qemu-system-x86_64", "qemu-img", "swtpm" };

/* ---- The programs: they use nothing of the core, and end here ---- */

static gboolean
has_words (char **argv, const char *first, const char *second)
{
  for (; argv[0] != NULL && argv[1] != NULL; argv++)
    if (strcmp (argv[0], first) == 0 && strcmp (argv[1], second) == 0)
      return TRUE;
  return FALSE;
}

static void
print_file (const char *folder, const char *name)
{
  char path[PATH_MAX], chunk[4096];
  gssize n;
  int fd;

  g_snprintf (path, sizeof path, "%s/%s", folder, name);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  while (fd >= 0 && (n = read (fd, chunk, sizeof chunk)) > 0)
    if (write (1, chunk, n) != n)
      _exit (1);
}

static int
connect_control (const char *folder)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  if (g_snprintf (address.sun_path, sizeof address.sun_path, "%s/" CONTROL, folder) >= (int) sizeof address.sun_path
      || fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
    _exit (125);
  return fd;
}

static void
send_hello (int control, const char *name, int fd)
{
  union
  {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } room = { 0 };
  struct iovec vector = { (gpointer) name, strlen (name) };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };

  if (fd >= 0)
    {
      message.msg_control = &room;
      message.msg_controllen = sizeof room;
      room.header.cmsg_level = SOL_SOCKET;
      room.header.cmsg_type = SCM_RIGHTS;
      room.header.cmsg_len = CMSG_LEN (sizeof (int));
      memcpy (CMSG_DATA (&room.header), &fd, sizeof fd);
    }
  if (sendmsg (control, &message, MSG_NOSIGNAL) < 0)
    _exit (124);
}

static void
obey (int control)
{
  char order[MAX_WORDS + 16] = "";
  gssize n = recv (control, order, sizeof order - 1, 0);
  int status = 0, words = 0;

  if (n > 0 && sscanf (order, "%d %n", &status, &words) == 1 && order[words] != '\0'
      && (write (2, order + words, strlen (order + words)) < 0 || write (2, "\n", 1) < 0))
    _exit (123);
  if (status < 0)
    {
      signal (-status, SIG_DFL);
      kill (getpid (), -status);
    }
  _exit (status);
}

void
lodge_fake_host_main (int argc, char **argv)
{
  char folder[PATH_MAX];
  char *name;
  gboolean is_qemu;

  if (argc < 1 || g_strlcpy (folder, argv[0], sizeof folder) >= sizeof folder || (name = strrchr (folder, '/')) == NULL)
    return;
  *name++ = '\0';
  for (guint i = 0;; i++)
    if (i == G_N_ELEMENTS (names))
      return;
    else if (strcmp (names[i], name) == 0)
      break;

  is_qemu = strcmp (name, names[0]) == 0;
  if (is_qemu && has_words (argv, "-machine", "none"))
    {
      alarm (HANG_SECONDS); /* whoever asks ends it when all was said */
      print_file (folder, ANSWERS);
      for (;;)
        pause ();
    }
  if (is_qemu && has_words (argv, "-display", "help"))
    {
      print_file (folder, DISPLAYS);
      _exit (0);
    }
  /* Without a control socket it is a question that nobody here has an answer to, as whether KVM works. */
  if (is_qemu && fcntl (LODGE_CHILD_FD_QMP, F_GETFD) < 0)
    _exit (1);

  int control = connect_control (folder);

  send_hello (control, name, is_qemu ? LODGE_CHILD_FD_QMP : -1);
  obey (control);
}

/* ---- The host ---- */

static void
program_free (gpointer data)
{
  LodgeFakeProgram *program = data;

  g_clear_pointer (&program->peer, lodge_qmp_peer_free);
  g_clear_handle_id (&program->control_id, g_source_remove);
  close (program->control);
  if (program->listener >= 0)
    close (program->listener);
  g_free (program->name);
  g_free (program);
}

/* A program says nothing after its name: this is its end, and that of its sockets. */
static gboolean
ended_cb (int fd, GIOCondition condition, gpointer data)
{
  LodgeFakeProgram *program = data;

  program->control_id = 0;
  program->ended = TRUE;
  if (program->peer != NULL)
    lodge_qmp_peer_close (program->peer);
  if (program->listener >= 0)
    close (program->listener);
  program->listener = -1;
  return G_SOURCE_REMOVE;
}

static void
receive_hello (LodgeFakeHost *self, int control)
{
  union
  {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } room = { 0 };
  char name[64] = "";
  struct iovec vector = { name, sizeof name - 1 };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room };
  struct ucred credentials;
  socklen_t length = sizeof credentials;
  LodgeFakeProgram *program;

  /* It may have been killed before it said anything. */
  if (recvmsg (control, &message, MSG_CMSG_CLOEXEC) <= 0)
    {
      close (control);
      return;
    }
  g_assert_no_errno (getsockopt (control, SOL_SOCKET, SO_PEERCRED, &credentials, &length));
  program = g_new0 (LodgeFakeProgram, 1);
  program->name = g_strdup (name);
  program->pid = credentials.pid;
  program->control = control;
  program->control_id = g_unix_fd_add (control, G_IO_IN, ended_cb, program);
  program->listener = -1;
  if (message.msg_controllen >= CMSG_LEN (sizeof (int)))
    memcpy (&program->listener, CMSG_DATA (&room.header), sizeof (int));
  g_ptr_array_add (self->programs, program);
}

static gboolean
control_cb (int fd, GIOCondition condition, gpointer data)
{
  int control = accept4 (fd, NULL, NULL, SOCK_CLOEXEC);

  if (control >= 0)
    receive_hello (data, control);
  return G_SOURCE_CONTINUE;
}

static void
listen_control (LodgeFakeHost *self)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_assert_cmpint (g_snprintf (address.sun_path, sizeof address.sun_path, "%s/" CONTROL, self->folder), <,
                   sizeof address.sun_path);
  self->listener = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  g_assert_no_errno (bind (self->listener, (struct sockaddr *) &address, sizeof address));
  g_assert_no_errno (listen (self->listener, 16));
  self->listener_id = g_unix_fd_add (self->listener, G_IO_IN, control_cb, self);
}

static void
write_file (LodgeFakeHost *self, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static JsonNode *
load_recorded (const char *format, const char *version)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *name = g_strdup_printf (format, version);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", name, NULL);
  g_autoptr (GError) error = NULL;

  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  return json_parser_steal_root (parser);
}

static void
add_answer (GString *text, const char *id, const char *value)
{
  g_string_append_printf (text, "{\"return\": %s, \"id\": \"%s\"}\n", value, id);
}

/* The strings of @array from @prefix on as [{"KEY": "…"}, …]. */
static char *
as_objects (JsonArray *array, const char *prefix, const char *key)
{
  GString *text = g_string_new ("[");

  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      const char *word = json_array_get_string_element (array, i);

      if (g_str_has_prefix (word, prefix))
        g_string_append_printf (text, "%s{\"%s\": \"%s\"}", text->len > 1 ? ", " : "", key, word + strlen (prefix));
    }
  return g_string_free (g_string_append_c (text, ']'), FALSE);
}

static void
add_machines (GString *text, JsonArray *machines)
{
  g_autoptr (GString) list = g_string_new ("[");

  for (guint i = 0; i < json_array_get_length (machines); i++)
    {
      JsonObject *machine = lodge_qmp_element (machines, i);
      const char *alias = lodge_qmp_string (machine, "alias");

      g_string_append_printf (list, "%s{\"name\": \"%s\", \"cpu-max\": %" G_GINT64_FORMAT, i > 0 ? ", " : "",
                              lodge_qmp_string (machine, "name"), lodge_qmp_integer (machine, "max-cpus", 1));
      if (alias != NULL)
        g_string_append_printf (list, ", \"alias\": \"%s\"", alias);
      g_string_append_c (list, '}');
    }
  add_answer (text, "machines", g_string_append_c (list, ']')->str);
}

/* Properties are recorded as TYPE.NAME; each type's is an answer of its own. */
static void
add_properties (GString *text, JsonArray *properties)
{
  g_autoptr (GHashTable) done = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < json_array_get_length (properties); i++)
    {
      const char *word = json_array_get_string_element (properties, i);
      const char *dot = strchr (word, '.');
      g_autofree char *prefix = g_strndup (word, dot - word + 1);
      g_autofree char *id = g_strdup_printf ("of %.*s", (int) (dot - word), word);
      g_autofree char *list = NULL;

      if (g_hash_table_contains (done, prefix))
        continue;
      list = as_objects (properties, prefix, "name");
      add_answer (text, id, list);
      g_hash_table_add (done, g_steal_pointer (&prefix));
    }
}

static void
write_answers (LodgeFakeHost *self, const char *version)
{
  g_autoptr (JsonNode) abilities = load_recorded ("caps-%s-x86_64.json", version);
  g_autoptr (JsonNode) schema = load_recorded ("qapi-schema-%s.json", version);
  JsonObject *object = json_node_get_object (abilities);
  g_autofree char *schema_text = json_to_string (schema, FALSE);
  g_autofree char *devices = as_objects (lodge_qmp_array (object, "devices"), "", "name");
  g_autofree char *options = as_objects (lodge_qmp_array (object, "options"), "", "option");
  g_autofree char *version_text = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) displays = g_string_new ("Available display backend types:\n");
  JsonArray *array = lodge_qmp_array (object, "displays");
  int major = 0, minor = 0, micro = 0;

  sscanf (lodge_qmp_string (object, "version"), "%d.%d.%d", &major, &minor, &micro);
  version_text = g_strdup_printf ("{\"qemu\": {\"major\": %d, \"minor\": %d, \"micro\": %d}}", major, minor, micro);
  add_answer (text, "version", version_text);
  add_answer (text, "schema", schema_text);
  add_machines (text, lodge_qmp_array (object, "machines"));
  add_answer (text, "options", options);
  add_answer (text, "devices", devices);
  add_properties (text, lodge_qmp_array (object, "properties"));
  add_answer (text, "the-end", "{}");
  write_file (self, ANSWERS, text->str);

  for (guint i = 0; i < json_array_get_length (array); i++)
    g_string_append_printf (displays, "%s\n", json_array_get_string_element (array, i));
  write_file (self, DISPLAYS, displays->str);
}

static LodgePaths *
make_paths (const char *folder)
{
  LodgePaths *paths = g_new0 (LodgePaths, 1);

  paths->data_dir = g_build_filename (folder, "data", NULL);
  paths->machines_dir = g_build_filename (folder, "data", "machines", NULL);
  paths->trash_dir = g_build_filename (folder, "data", "trash", NULL);
  paths->state_dir = g_build_filename (folder, "state", NULL);
  paths->cache_dir = g_build_filename (folder, "cache", NULL);
  paths->runtime_dir = g_build_filename (folder, "run", "lodge", NULL);
  paths->share_dir = g_build_filename (folder, "share", NULL);
  return paths;
}

LodgeFakeHost *
lodge_fake_host_new (const char *version)
{
  LodgeFakeHost *self = g_new0 (LodgeFakeHost, 1);
  g_autofree char *self_path = g_file_read_link ("/proc/self/exe", NULL);
  g_autoptr (GError) error = NULL;

  self->folder = g_dir_make_tmp ("lodge-host-XXXXXX", &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *link = g_build_filename (self->folder, names[i], NULL);

      g_assert_no_errno (symlink (self_path, link));
    }
  write_answers (self, version);
  self->programs = g_ptr_array_new_with_free_func (program_free);
  listen_control (self);

  /* The only programs that can be found: no bubblewrap, no passt. */
  g_setenv ("PATH", self->folder, TRUE);
  g_setenv ("LODGE_QEMU_DIR", self->folder, TRUE);
  self->paths = make_paths (self->folder);
  self->store = lodge_store_new (self->paths);
  lodge_store_load (self->store, &error);
  g_assert_no_error (error);
  self->engine = lodge_engine_new (self->paths, self->store, NULL);
  return self;
}

void
lodge_fake_host_lack_option (LodgeFakeHost *self, const char *option)
{
  g_autofree char *path = g_build_filename (self->folder, ANSWERS, NULL);
  g_autofree char *before = g_strdup_printf ("{\"option\": \"%s\"}", option);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *all = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &all, NULL, &error);
  g_assert_no_error (error);
  g_string_assign (text, all);
  g_assert_cmpuint (g_string_replace (text, before, "{\"option\": \"name\"}", 0), ==, 1);
  write_file (self, ANSWERS, text->str);
}

void
lodge_fake_host_add_machine (LodgeFakeHost *self, LodgeProfile *profile)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *prepared = NULL;
  LodgeStoreEntry *entry;

  g_assert_null (self->machine);
  prepared = lodge_store_prepare (self->store, profile, &error);
  g_assert_no_error (error);
  entry = lodge_store_commit (self->store, prepared, profile, &error);
  g_assert_no_error (error);
  self->machine = lodge_machine_new (self->engine, entry->id, entry);
}

LodgeFakeProgram *
lodge_fake_host_find (LodgeFakeHost *self, const char *name)
{
  for (guint i = self->programs->len; i > 0; i--)
    {
      LodgeFakeProgram *program = g_ptr_array_index (self->programs, i - 1);

      if (!program->ended && strcmp (program->name, name) == 0)
        return program;
    }
  return NULL;
}

LodgeFakeProgram *
lodge_fake_host_wait (LodgeFakeHost *self, const char *name)
{
  lodge_fake_until (lodge_fake_host_find (self, name) != NULL);
  return lodge_fake_host_find (self, name);
}

LodgeQmpPeer *
lodge_fake_host_greet (LodgeFakeHost *self, LodgeFakeProgram *qemu, const char *version)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = NULL;
  int fd;

  g_assert_cmpint (qemu->listener, >=, 0);
  g_clear_pointer (&qemu->peer, lodge_qmp_peer_free);
  fd = accept4 (qemu->listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  socket = g_socket_new_from_fd (fd, &error);
  g_assert_no_error (error);
  qemu->peer = lodge_qmp_peer_new_for_socket (version, socket);
  return qemu->peer;
}

void
lodge_fake_host_end (LodgeFakeHost *self, LodgeFakeProgram *program, int status, const char *words)
{
  g_autofree char *order = g_strdup_printf ("%d %s", status, words != NULL ? words : "");

  /* One that was killed meanwhile takes no orders. */
  (void) !send (program->control, order, MIN (strlen (order), MAX_WORDS), MSG_NOSIGNAL);
  program->ended = TRUE;
}

/* Whether a process has the folder in its command line: a program, its gate, what stands around it. */
static gboolean
has_process (LodgeFakeHost *self)
{
  g_autoptr (GDir) proc = g_dir_open ("/proc", 0, NULL);
  const char *name;

  while (proc != NULL && (name = g_dir_read_name (proc)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc", name, "cmdline", NULL);
      g_autofree char *line = NULL;
      gsize length;

      if (g_ascii_isdigit (*name) && g_file_get_contents (path, &line, &length, NULL)
          && memmem (line, length, self->folder, strlen (self->folder)) != NULL)
        return TRUE;
    }
  return FALSE;
}

gboolean
lodge_fake_host_is_clean (LodgeFakeHost *self)
{
  g_autoptr (GDir) runtime = g_dir_open (self->paths->runtime_dir, 0, NULL);

  return (runtime == NULL || g_dir_read_name (runtime) == NULL) && !has_process (self);
}

void
lodge_fake_host_free (LodgeFakeHost *self)
{
  g_autofree char *command = g_strdup_printf ("/bin/rm -r '%s'", self->folder);

  g_clear_object (&self->machine);
  g_clear_object (&self->engine);
  lodge_fake_until (lodge_fake_host_is_clean (self));
  g_clear_object (&self->store);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_source_remove (self->listener_id);
  close (self->listener);
  g_ptr_array_unref (self->programs);
  lodge_paths_free (self->paths);
  g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));
  g_free (self->folder);
  g_free (self);
}

static gboolean
hangs_cb (gpointer data)
{
  g_error ("not within %d s: %s", HANG_SECONDS, (const char *) data);
  return G_SOURCE_REMOVE;
}

guint
lodge_fake_limit (const char *what)
{
  return g_timeout_add_seconds (HANG_SECONDS, hangs_cb, (gpointer) what);
}
