/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation
 *
 * The binary is started three times at once, each bounded in time and output: once with a QMP monitor on stdio and no
 * machine, which answers nearly all; and with "-display help" and "-audiodev help", because
 * QMP says which back ends were compiled in, but not whether their modules are installed.
 *
 * Shared memory for the display (Unix.Map) leaves no trace in QAPI. It is told by the interface's name inside
 * the code that QEMU has loaded by then: the check function looks into /proc/PID/maps before the process is
 * ended, so what is examined is this QEMU's own module and not one of another that is installed too.
 *
 * The result is kept in cache_dir, one file for each path of a binary. The key of a file names the binary's size, time and inode and
 * those of the usual module folders, so that a module installed later is noticed. A
 * cache that is damaged or does not fit is the same as none, and one that cannot be written is no error.
 */
#include "config.h"
#include "core/qemu/lodge-capabilities-private.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/qemu/lodge-capabilities-schema.h"
#include "core/qemu/lodge-probe-command.h"

#define DEFAULT_TIMEOUT 20000
#define MAX_OUTPUT (16 * 1024 * 1024)
#define LAST_ID "the-end"
#define MAP_INTERFACE "org.qemu.Display1.Listener.Unix.Map"

const char *const lodge_capabilities_types[] = {
  "max-x86_64-cpu", "generic-pc-machine", "virt-machine", "virtio-balloon-pci", "virtio-blk-pci", "virtio-net-pci", "virtio-gpu-pci",
  "virtio-vga", "virtio-vga-gl", "virtio-gpu-gl-pci", "pcie-root-port", "memory-backend-ram", "memory-backend-memfd",
  "memory-backend-file", "nvme", "ide-hd", "scsi-hd", "usb-storage", "qemu-xhci", "tpm-crb", "isa-debugcon", NULL,
};

const char *const lodge_capabilities_members[] = {
  "add_client",
  "block-commit/arg-type/backing-file",
  "block-commit/arg-type/backing-mask-protocol",
  "blockdev-add/arg-type/+file/aio/^io_uring",
  "chardev-add/arg-type/backend/+qemu-vdagent",
  "migrate-set-capabilities/arg-type/capabilities/capability/^mapped-ram",
  "migrate-set-capabilities/arg-type/capabilities/capability/^x-ignore-shared",
  "netdev_add/arg-type/+stream",
  "netdev_add/arg-type/+stream/reconnect-ms",
  "netdev_add/arg-type/+user",
  "object-add/arg-type/qom-type/^memory-backend-memfd",
  "object-add/arg-type/+memory-backend-file/readonly",
  "object-add/arg-type/+memory-backend-file/rom",
  "query-display-options/ret-type/+dbus",
  "screendump/arg-type/device",
  "screendump/arg-type/format",
  NULL,
};

typedef struct
{
  char              *binary;       /* (owned) */
  char              *name;         /* (owned) the binary's base name, for sentences */
  LodgeArch          arch;
  char              *cache_file;   /* (owned) (nullable) */
  char              *key;          /* (owned) */
  guint              timeout;
  guint              pending;      /* starts of the binary that have not ended */
  char              *display_code; /* (owned) (nullable) file that holds the D-Bus display's code */
  LodgeCommandResult *answers[3];  /* (owned) (nullable) QMP, displays, audio drivers */
  GError            *error;        /* (owned) (nullable) the first that went wrong */
} Probe;

enum { ANSWER_QMP, ANSWER_DISPLAYS, ANSWER_AUDIODEVS };

typedef struct
{
  GTask *task; /* (owned) */
  guint  which;
} ProbeStep;

static void
probe_free (Probe *probe)
{
  g_free (probe->binary);
  g_free (probe->name);
  g_free (probe->cache_file);
  g_free (probe->key);
  g_free (probe->display_code);
  for (guint i = 0; i < G_N_ELEMENTS (probe->answers); i++)
    lodge_command_result_free (probe->answers[i]);
  g_clear_error (&probe->error);
  g_free (probe);
}

/* Everything that makes an old answer wrong: the file itself, its modules, and what is asked. */
static char *
make_key (const struct stat *st)
{
  static const char *const module_dirs[]
      = { "/usr/lib/x86_64-linux-gnu/qemu", "/usr/lib/aarch64-linux-gnu/qemu", "/usr/lib/riscv64-linux-gnu/qemu",
          "/usr/lib64/qemu", "/usr/lib/qemu" };
  g_autoptr (GString) key = g_string_new (NULL);
  guint questions = 0;

  for (guint i = 0; lodge_capabilities_types[i] != NULL; i++)
    questions = questions * 31 + g_str_hash (lodge_capabilities_types[i]);
  for (guint i = 0; lodge_capabilities_members[i] != NULL; i++)
    questions = questions * 31 + g_str_hash (lodge_capabilities_members[i]);
  g_string_printf (key, "%" G_GINT64_FORMAT ".%09ld:%" G_GINT64_FORMAT ":%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT ":%08x",
                   (gint64) st->st_mtim.tv_sec, (long) st->st_mtim.tv_nsec, (gint64) st->st_size,
                   (guint64) st->st_ino, (guint64) st->st_dev, questions);
  for (guint i = 0; i < G_N_ELEMENTS (module_dirs); i++)
    {
      struct stat dir;

      if (stat (module_dirs[i], &dir) == 0)
        g_string_append_printf (key, ":%" G_GINT64_FORMAT, (gint64) dir.st_mtim.tv_sec);
    }
  return g_string_free (g_steal_pointer (&key), FALSE);
}

static LodgeCapabilities *
load_cache (const char *file, const char *binary, LodgeArch arch, const char *key)
{
  g_autofree char *data = NULL;
  g_autoptr (LodgeCapabilities) capabilities = NULL;
  struct stat st;
  gsize length;

  if (stat (file, &st) < 0 || !S_ISREG (st.st_mode) || st.st_size > LODGE_CAPABILITIES_MAX_BYTES
      || !g_file_get_contents (file, &data, &length, NULL))
    return NULL;
  capabilities = lodge_capabilities_new_from_json (data, length, NULL);
  if (capabilities == NULL || g_strcmp0 (lodge_capabilities_get_key (capabilities), key) != 0
      || g_strcmp0 (lodge_capabilities_get_binary (capabilities), binary) != 0
      || lodge_capabilities_get_arch (capabilities) != arch)
    return NULL;
  return g_steal_pointer (&capabilities);
}

static void
save_cache (const char *file, LodgeCapabilities *capabilities)
{
  g_autofree char *dir = g_path_get_dirname (file);
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  data = lodge_capabilities_to_json (capabilities, &length);
  /* Without fsync: after a power cut the probe is simply done again. */
  if (g_mkdir_with_parents (dir, 0700) < 0
      || !g_file_set_contents_full (file, data, length, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
    g_debug ("cannot keep what %s can do: %s", lodge_capabilities_get_binary (capabilities),
             error != NULL ? error->message : g_strerror (errno));
}

static char *
make_questions (void)
{
  g_autoptr (GString) text = g_string_new ("{\"execute\":\"qmp_capabilities\"}\n");

  g_string_append (text, "{\"execute\":\"query-version\",\"id\":\"version\"}\n"
                         "{\"execute\":\"query-qmp-schema\",\"id\":\"schema\"}\n"
                         "{\"execute\":\"query-machines\",\"id\":\"machines\"}\n"
                         "{\"execute\":\"query-command-line-options\",\"id\":\"options\"}\n"
                         /* This one loads all modules, so it comes before the questions about types. */
                         "{\"execute\":\"qom-list-types\",\"arguments\":{\"implements\":\"device\"},\"id\":\"devices\"}\n");
  for (guint i = 0; lodge_capabilities_types[i] != NULL; i++)
    g_string_append_printf (text,
                            "{\"execute\":\"qom-list-properties\",\"arguments\":{\"typename\":\"%s\"},\"id\":\"of %s\"}\n",
                            lodge_capabilities_types[i], lodge_capabilities_types[i]);
  g_string_append (text, "{\"execute\":\"query-status\",\"id\":\"" LAST_ID "\"}\n");
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* Returns the file that @pid has mapped and that holds the D-Bus display: its module, or else the program. */
static char *
find_display_code (GPid pid)
{
  g_autofree char *maps_path = g_strdup_printf ("/proc/%d/maps", (int) pid);
  g_autofree char *exe_path = g_strdup_printf ("/proc/%d/exe", (int) pid);
  g_autofree char *maps = NULL;
  const char *module;

  if (!g_file_get_contents (maps_path, &maps, NULL, NULL))
    return NULL;
  module = strstr (maps, "/ui-dbus.so\n");
  if (module == NULL)
    return g_file_read_link (exe_path, NULL);

  const char *line = module;

  while (line > maps && line[-1] != '\n')
    line--;
  line = memchr (line, '/', module - line + 1);
  return g_strndup (line, module + strlen ("/ui-dbus.so") - line);
}

static gboolean
check_qmp (const char *output, gsize length, GPid pid, gpointer data)
{
  Probe *probe = data;
  static const char last[] = "\"id\": \"" LAST_ID "\"}";
  gsize tail = MIN (length, sizeof last + 16);

  if (g_strstr_len (output + length - tail, tail, last) == NULL)
    return FALSE;
  probe->display_code = find_display_code (pid);
  return TRUE;
}

static gboolean
file_contains (const char *path, const char *text)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, NULL);

  return file != NULL && g_mapped_file_get_length (file) > 0
         && memmem (g_mapped_file_get_contents (file), g_mapped_file_get_length (file), text, strlen (text)) != NULL;
}

static gboolean
span_to_string (LodgeJsonSpan object, const char *member, char **text)
{
  LodgeJsonSpan value;

  g_clear_pointer (text, g_free);
  if (lodge_json_find_member (object, member, &value))
    *text = lodge_json_span_dup_string (value);
  return *text != NULL;
}

static guint
span_to_uint (LodgeJsonSpan object, const char *member, guint fallback)
{
  LodgeJsonSpan value;

  if (!lodge_json_find_member (object, member, &value) || value.end - value.start > 9
      || !g_ascii_isdigit (*value.start))
    return fallback;
  return g_ascii_strtoull (value.start, NULL, 10);
}

static void
read_names (LodgeCapabilities *self, LodgeHas kind, const char *member, LodgeJsonSpan array, const char *prefix)
{
  g_autofree char *name = NULL;
  LodgeJsonSpan element;

  while (lodge_json_next_element (&array, &element))
    {
      g_autofree char *full = NULL;

      if (!span_to_string (element, member, &name) || *name == '\0' || g_str_has_prefix (name, "x-"))
        continue;
      full = prefix != NULL ? g_strconcat (prefix, ".", name, NULL) : NULL;
      lodge_capabilities_add (self, kind, full != NULL ? full : name);
    }
}

static void
read_machines (LodgeCapabilities *self, LodgeJsonSpan array)
{
  g_autofree char *name = NULL;
  g_autofree char *alias = NULL;
  LodgeJsonSpan element;

  while (lodge_json_next_element (&array, &element))
    {
      if (!span_to_string (element, "name", &name))
        continue;
      span_to_string (element, "alias", &alias);
      lodge_capabilities_add_machine (self, name, alias, span_to_uint (element, "cpu-max", 1));
    }
}

static gboolean
read_schema (LodgeCapabilities *self, LodgeJsonSpan array)
{
  g_autoptr (LodgeSchemaIndex) schema = lodge_schema_index_new (array);
  g_autoptr (GPtrArray) commands = NULL;

  if (schema == NULL)
    return FALSE;
  commands = lodge_schema_index_get_commands (schema);
  for (guint i = 0; i < commands->len; i++)
    lodge_capabilities_add (self, LODGE_HAS_COMMAND, commands->pdata[i]);
  for (guint i = 0; lodge_capabilities_members[i] != NULL; i++)
    if (lodge_schema_index_has (schema, lodge_capabilities_members[i]))
      lodge_capabilities_add (self, LODGE_HAS_MEMBER, lodge_capabilities_members[i]);
  return TRUE;
}

static char *
read_version (LodgeJsonSpan reply)
{
  LodgeJsonSpan qemu;

  if (!lodge_json_find_member (reply, "qemu", &qemu))
    return NULL;
  return g_strdup_printf ("%u.%u.%u", span_to_uint (qemu, "major", 0), span_to_uint (qemu, "minor", 0),
                          span_to_uint (qemu, "micro", 0));
}

/* "-display help" and "-audiodev help" print a heading, one name a line, and then maybe advice after an empty line. */
static void
read_help (LodgeCapabilities *self, LodgeHas kind, const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", 100);

  for (guint i = 0; lines[i] != NULL && (i == 0 || *lines[i] != '\0'); i++)
    if (*lines[i] != '\0' && strpbrk (lines[i], " :") == NULL && strlen (lines[i]) < 64)
      lodge_capabilities_add (self, kind, lines[i]);
}

/* Makes the capabilities out of the answers; NULL when they are not those of a QEMU. */
static LodgeCapabilities *
read_answers (Probe *probe)
{
  const char *line = probe->answers[ANSWER_QMP]->output;
  const char *end = line + probe->answers[ANSWER_QMP]->output_length;
  g_autoptr (LodgeCapabilities) self = NULL;
  gboolean schema = FALSE, last = FALSE;

  while (line < end)
    {
      const char *newline = memchr (line, '\n', end - line);
      LodgeJsonSpan reply = { line, newline != NULL ? newline : end }, value;
      g_autofree char *id = NULL;

      line = reply.end + 1;
      if (!lodge_json_find_member (reply, "id", &value) || (id = lodge_json_span_dup_string (value)) == NULL)
        continue;
      last = last || strcmp (id, LAST_ID) == 0;
      /* An error is an answer too: that type is not there. */
      if (!lodge_json_find_member (reply, "return", &value))
        continue;
      if (strcmp (id, "version") == 0 && self == NULL)
        {
          g_autofree char *version = read_version (value);

          if (version == NULL)
            return NULL;
          self = lodge_capabilities_new (probe->binary, probe->arch, version);
        }
      else if (self == NULL)
        return NULL;
      else if (strcmp (id, "schema") == 0)
        schema = read_schema (self, value);
      else if (strcmp (id, "machines") == 0)
        read_machines (self, value);
      else if (strcmp (id, "options") == 0)
        read_names (self, LODGE_HAS_OPTION, "option", value, NULL);
      else if (strcmp (id, "devices") == 0)
        read_names (self, LODGE_HAS_DEVICE, "name", value, NULL);
      else if (g_str_has_prefix (id, "of "))
        read_names (self, LODGE_HAS_PROPERTY, "name", value, id + strlen ("of "));
    }
  if (self == NULL || !schema || !last)
    return NULL;
  read_help (self, LODGE_HAS_DISPLAY, probe->answers[ANSWER_DISPLAYS]->output);
  read_help (self, LODGE_HAS_AUDIODEV, probe->answers[ANSWER_AUDIODEVS]->output);
  if (probe->display_code != NULL && file_contains (probe->display_code, MAP_INTERFACE))
    lodge_capabilities_add (self, LODGE_HAS_OPTION, "dbus-map");
  lodge_capabilities_set_key (self, probe->key);
  return g_steal_pointer (&self);
}

static void
probe_complete (GTask *task)
{
  Probe *probe = g_task_get_task_data (task);
  g_autoptr (LodgeCapabilities) capabilities = NULL;

  if (probe->error != NULL)
    {
      g_task_return_error (task, g_steal_pointer (&probe->error));
      return;
    }
  /* It is ended as soon as it has said all; one that ended before or had to be ended is none that can be used. */
  if (probe->answers[ANSWER_QMP]->stopped)
    capabilities = read_answers (probe);
  if (capabilities == NULL)
    {
      g_autofree char *how = lodge_command_result_describe (probe->answers[ANSWER_QMP]);

      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED,
                               "%s, asked what it can do, %s", probe->name, how);
      return;
    }
  if (!lodge_capabilities_has_member (capabilities, "query-display-options/ret-type/+dbus")
      || !lodge_capabilities_has_member (capabilities, "add_client")
      || !lodge_capabilities_has_member (capabilities, "object-add/arg-type/qom-type/^memory-backend-memfd"))
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_QEMU_TOO_OLD,
                               "%s is version %s, which has no display over D-Bus; 7.2 or newer is needed",
                               probe->name, lodge_capabilities_get_version (capabilities));
      return;
    }
  if (probe->cache_file != NULL)
    save_cache (probe->cache_file, capabilities);
  g_task_return_pointer (task, g_steal_pointer (&capabilities), g_object_unref);
}

static void
step_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  ProbeStep *step = data;
  g_autoptr (GTask) task = step->task;
  Probe *probe = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  probe->answers[step->which] = lodge_command_run_finish (result, &error);
  g_free (step);
  if (error != NULL && probe->error == NULL)
    {
      if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND))
        g_set_error (&probe->error, LODGE_ERROR, LODGE_ERROR_NO_QEMU, "there is no %s", probe->binary);
      else
        probe->error = g_steal_pointer (&error);
    }
  probe->pending--;
  if (probe->pending == 0)
    probe_complete (task);
}

static void
start_step (GTask *task, guint which, const char *const *argv, const char *input)
{
  Probe *probe = g_task_get_task_data (task);
  ProbeStep *step = g_new0 (ProbeStep, 1);
  LodgeCommand command = { argv, input, MAX_OUTPUT, probe->timeout, which == ANSWER_QMP ? check_qmp : NULL, probe };

  step->task = g_object_ref (task);
  step->which = which;
  probe->pending++;
  lodge_command_run_async (&command, g_task_get_cancellable (task), step_cb, step);
}

void
lodge_capabilities_probe_full_async (const char *binary, LodgeArch arch, const char *cache_dir, guint timeout,
                                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  g_autoptr (LodgeCapabilities) cached = NULL;
  g_autofree char *questions = NULL;
  Probe *probe = g_new0 (Probe, 1);
  struct stat st;

  g_task_set_source_tag (task, lodge_capabilities_probe_full_async);
  /* The steps notice a cancellation, with an error of our own domain. */
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, probe, (GDestroyNotify) probe_free);
  probe->binary = g_strdup (binary);
  probe->name = g_path_get_basename (binary);
  probe->arch = arch;
  probe->timeout = timeout;
  if (stat (binary, &st) < 0 || !S_ISREG (st.st_mode))
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NO_QEMU, "there is no %s", binary);
      return;
    }
  probe->key = make_key (&st);
  if (cache_dir != NULL)
    {
      g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, binary, -1);
      g_autofree char *base = g_strdup_printf ("qemu-%s-%.16s.json", lodge_arch_name (arch), sum);

      probe->cache_file = g_build_filename (cache_dir, base, NULL);
      cached = load_cache (probe->cache_file, binary, arch, probe->key);
    }
  if (cached != NULL)
    {
      g_task_return_pointer (task, g_steal_pointer (&cached), g_object_unref);
      return;
    }

  const char *const qmp[] = { binary, "-machine", "none", "-S", "-nodefaults", "-no-user-config",
                              "-display", "none", "-qmp", "stdio", NULL };
  const char *const displays[] = { binary, "-display", "help", NULL };
  const char *const audiodevs[] = { binary, "-audiodev", "help", NULL };

  questions = make_questions ();
  start_step (task, ANSWER_QMP, qmp, questions);
  start_step (task, ANSWER_DISPLAYS, displays, NULL);
  start_step (task, ANSWER_AUDIODEVS, audiodevs, NULL);
}

void
lodge_capabilities_probe_async (const char *binary, LodgeArch arch, const char *cache_dir, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer data)
{
  lodge_capabilities_probe_full_async (binary, arch, cache_dir, DEFAULT_TIMEOUT, cancellable, callback, data);
}

LodgeCapabilities *
lodge_capabilities_probe_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
