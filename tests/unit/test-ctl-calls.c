/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What lodgectl asks of the core, played by GtDBusQueue, and what it makes of the answers. */

#include <gio/gunixfdlist.h>
#include <glib/gstdio.h>
#include <libglib-testing/dbus-queue.h>
#include <locale.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/ctl-verbs.h"
#include "lodge-core1.h"

#define ID "0f5c8a1e-0000-4000-8000-000000000001"
#define MACHINE LODGE_MACHINES_PATH "/0f5c8a1e_0000_4000_8000_000000000001"

/* One expected call: the answer is the text of a tuple, or an error of ours. */
typedef struct
{
  const char *method;
  const char *parameters; /* (nullable) as g_variant_print() writes them; NULL: any */
  const char *reply;      /* (nullable) NULL: fail with @error */
  int         error;
  const char *ppm;        /* (nullable) goes along as a descriptor */
  gboolean    removed;    /* the machine leaves the bus after the answer */
} Step;

typedef struct
{
  GtDBusQueue   *queue;
  guint          name;
  guint          objects[2];
  const Step    *steps;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->queue = gt_dbus_queue_new ();
  g_assert_true (gt_dbus_queue_connect (f->queue, &error));
  f->name = gt_dbus_queue_own_name (f->queue, LODGE_BUS_NAME);
  f->objects[0] = gt_dbus_queue_export_object (f->queue, LODGE_CORE_PATH, lodge_ipc_core_interface_info (), &error);
  f->objects[1] = gt_dbus_queue_export_object (f->queue, MACHINE, lodge_ipc_machine_interface_info (), &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  /* What disconnecting undoes by itself is undone too late: the queue then asserts that its thread has nothing left to do. */
  for (gsize i = 0; i < G_N_ELEMENTS (f->objects); i++)
    gt_dbus_queue_unexport_object (f->queue, f->objects[i]);
  gt_dbus_queue_unown_name (f->queue, f->name);
  gt_dbus_queue_disconnect (f->queue, TRUE);
  gt_dbus_queue_free (f->queue);
}

static void
serve (GtDBusQueue *queue, gpointer user_data)
{
  Fixture *f = user_data;

  for (const Step *step = f->steps; step->method != NULL; step++)
    {
      GDBusMethodInvocation *invocation;
      g_autoptr (GDBusConnection) connection = NULL;

      g_assert_true (gt_dbus_queue_pop_message (queue, &invocation));
      connection = g_object_ref (g_dbus_method_invocation_get_connection (invocation));
      g_assert_cmpstr (g_dbus_method_invocation_get_method_name (invocation), ==, step->method);
      if (step->parameters != NULL)
        {
          g_autofree char *given =
            g_variant_print (g_dbus_method_invocation_get_parameters (invocation), FALSE);

          g_assert_cmpstr (given, ==, step->parameters);
        }
      if (step->reply == NULL)
        {
          g_dbus_method_invocation_return_error (invocation, LODGE_ERROR, step->error, "technical");
        }
      else if (step->ppm != NULL)
        {
          g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
          int fd = memfd_create ("ppm", MFD_CLOEXEC);

          g_assert_cmpint (write (fd, step->ppm, strlen (step->ppm)), >, 0);
          g_unix_fd_list_append (fds, fd, NULL);
          close (fd);
          g_dbus_method_invocation_return_value_with_unix_fd_list (invocation, g_variant_new ("(h)", 0), fds);
        }
      else
        {
          g_dbus_method_invocation_return_value (invocation, g_variant_new_parsed (step->reply));
        }
      if (step->removed)
        g_assert_true (g_dbus_connection_emit_signal (connection, NULL, LODGE_CORE_PATH,
                                                      "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved",
                                                      g_variant_new_parsed ("(%o, ['org.lodgevm.Core1.Machine'])", MACHINE), NULL));
    }
}

/* Words are separated by '|', since names have spaces. */
static CtlExit
run (Fixture *f, const Step *steps, const char *line, char **out, char **err)
{
  g_auto (GStrv) argv = g_strsplit (line, "|", -1);
  g_autofree char **copy = g_memdup2 (argv, sizeof (char *) * (g_strv_length (argv) + 1));
  gsize out_length, err_length;
  CtlContext ctx = { .out = open_memstream (out, &out_length), .err = open_memstream (err, &err_length) };
  CtlExit code;

  lodge_error_quark ();
  f->steps = steps;
  gt_dbus_queue_set_server_func (f->queue, serve, f);
  ctx.bus = g_object_ref (gt_dbus_queue_get_client_connection (f->queue));
  code = ctl_run (&ctx, g_strv_length (copy), copy);
  ctl_context_clear (&ctx);
  fclose (ctx.out);
  fclose (ctx.err);
  return code;
}

#define FOUND { "FindMachine", "('web', {})", "(objectpath '" MACHINE "',)", 0, NULL }
#define AMOUNTS(words) { "Amounts", "({'machine': <'" ID "'>},)", "({" words "},)", 0, NULL }
#define END { NULL, NULL, NULL, 0, NULL }

/* A start is three calls and not one more: the budget of `lodgectl start` depends on it. */
static void
test_start (Fixture *f, gconstpointer data)
{
  static const Step steps[] = { FOUND, { "Start", "({},)", "()", 0, NULL },
                                { "GetAll", NULL, "({'Effective': <{'confinement': <'bubblewrap'>, 'confinement-reason': <'ok'>}>},)", 0, NULL },
                                END };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|start|web", &out, &err), ==, CTL_EXIT_OK);
  g_assert_cmpstr (out, ==, "");
  g_assert_cmpstr (err, ==, "");
}

static void
test_start_less_confined (Fixture *f, gconstpointer data)
{
  static const Step steps[] = { FOUND, { "Start", "({},)", "()", 0, NULL },
                                { "GetAll", NULL, "({'Effective': <{'confinement': <'seccomp'>, 'confinement-reason': <'no-bubblewrap'>}>},)", 0, NULL },
                                END };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|start|web", &out, &err), ==, CTL_EXIT_OK);
  g_assert_cmpstr (out, ==, "");
  g_assert_nonnull (strstr (err, "confined less well: seccomp.\n"));
  g_assert_nonnull (strstr (err, "lodgectl doctor"));
}

/* What broke down under KVM can be had without it. */
static void
test_start_kvm_failed (Fixture *f, gconstpointer data)
{
  static const Step steps[] = { FOUND, { "Start", "({},)", NULL, LODGE_ERROR_QEMU_FAILED, NULL },
                                { "GetAll", NULL, "({'StateReason': <'kvm-failed'>},)", 0, NULL }, END };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|start|web", &out, &err), ==, CTL_EXIT_QEMU);
  g_assert_cmpstr (out, ==, "");
  g_assert_nonnull (strstr (err, "hardware virtualisation (KVM)"));
  g_assert_nonnull (strstr (err, "lodgectl start --tcg\n"));
}

/* The snapshot that is taken before each start may be left out; the start is none the worse, but whoever starts it is told. */
static void
test_start_without_its_snapshot (Fixture *f, gconstpointer data)
{
  static const Step short_of_space[] = { FOUND, { "Start", "({},)", "()", 0, NULL },
                                         { "GetAll", NULL, "({'Automatic': <{'before-start-error': <'no-space'>, 'before-start-message': <'x'>}>},)", 0, NULL },
                                         END };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, short_of_space, "lodgectl|start|web", &out, &err), ==, CTL_EXIT_OK);
  g_assert_cmpstr (out, ==, "");
  g_assert_nonnull (strstr (err, "“web” was started without the snapshot before it: less than 2 GB"));
}

/* A machine whose folder was deleted is no more when its guest has ended: nothing else is waited for. */
static void
test_stop_of_a_machine_without_folder (Fixture *f, gconstpointer data)
{
  static const Step steps[] = { FOUND, { "Shutdown", "({},)", "()", 0, NULL, TRUE }, END };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|stop|--timeout|30|web", &out, &err), ==, CTL_EXIT_OK);
  g_assert_cmpstr (err, ==, "");
}

static void
test_start_failed (Fixture *f, gconstpointer data)
{
  static const Step steps[] = { FOUND, { "Start", "({'accelerator': <'tcg'>},)", NULL, LODGE_ERROR_QEMU_FAILED, NULL },
                                { "GetAll", NULL, "({'StateReason': <'start-failed'>},)", 0, NULL }, END };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|start|--tcg|web", &out, &err), ==, CTL_EXIT_QEMU);
  g_assert_nonnull (strstr (err, "QEMU ended instead of running “web”."));
  g_assert_nonnull (strstr (err, "\nDetails: technical\n"));
  g_assert_nonnull (strstr (err, "lodgectl log 'web'"));
}

static void
test_not_found (Fixture *f, gconstpointer data)
{
  static const Step steps[] = { { "FindMachine", NULL, NULL, LODGE_ERROR_NOT_FOUND, NULL }, END };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|pause|w\033x|--json", &out, &err), ==, CTL_EXIT_NOT_FOUND);
  g_assert_nonnull (strstr (err, "There is no machine “w\\x1bx”."));
  g_assert_nonnull (strstr (out, "\"code\" : \"not-found\""));
  g_assert_nonnull (strstr (out, "\"details\" : \"technical\""));
}

static void
test_ambiguous (Fixture *f, gconstpointer data)
{
  static const Step steps[] = { { "FindMachine", NULL, NULL, LODGE_ERROR_AMBIGUOUS, NULL }, END };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|stop|--force|web", &out, &err), ==, CTL_EXIT_AMBIGUOUS);
}

static void
test_create (Fixture *f, gconstpointer data)
{
  static const Step steps[] = {
    { "CreateMachine",
      "('web', {'cores': <'4'>, 'memory': <'2G'>, 'disk-size': <'20G'>, '3d': <true>}, [('iso', 'test.iso', 0)], {})",
      "(objectpath '" MACHINE "',)", 0, NULL },
    AMOUNTS ("'memory': <uint64 2147483648>, 'memory-maximum': <uint64 3221225472>, 'memory-judgement': <'tight'>, "
             "'cores': <uint32 4>, 'cores-host': <uint32 2>, 'cores-judgement': <'ok'>"),
    END
  };
  g_autofree char *folder = g_dir_make_tmp ("lodge-test-XXXXXX", NULL);
  g_autofree char *iso = g_build_filename (folder, "test.iso", NULL);
  g_autofree char *line = g_strdup_printf ("lodgectl|create|web|--iso|%s|--memory|2G|--cores|4|--disk-size|20G|--3d", iso);
  g_autofree char *out = NULL, *err = NULL;

  g_assert_true (g_file_set_contents (iso, "x", 1, NULL));
  g_assert_cmpint (run (f, steps, line, &out, &err), ==, CTL_EXIT_OK);
  g_assert_cmpstr (out, ==, ID "\n");
  g_assert_cmpstr (err, ==, "Warning: 2 GB of 3 GB: other programs may slow down.\n");
  g_unlink (iso);
  g_rmdir (folder);
}

/* The refusal speaks of the file that the core's message names. */
static void
test_create_refused (Fixture *f, gconstpointer data)
{
  static const Step steps[] = { { "CreateMachine", NULL, NULL, LODGE_ERROR_WRONG_FORMAT, NULL }, END };
  g_autofree char *folder = g_dir_make_tmp ("lodge-test-XXXXXX", NULL);
  g_autofree char *disk = g_build_filename (folder, "technical", NULL);
  g_autofree char *iso = g_build_filename (folder, "test.iso", NULL);
  g_autofree char *line = g_strdup_printf ("lodgectl|create|web|--iso|%s|--disk|%s", iso, disk);
  g_autofree char *out = NULL, *err = NULL;

  g_assert_true (g_file_set_contents (iso, "x", 1, NULL));
  g_assert_true (g_file_set_contents (disk, "x", 1, NULL));
  g_assert_cmpint (run (f, steps, line, &out, &err), ==, CTL_EXIT_REFUSED);
  g_assert_nonnull (strstr (err, "technical” is not a disk image"));
  g_unlink (iso);
  g_unlink (disk);
  g_rmdir (folder);
}

static void
test_set (Fixture *f, gconstpointer data)
{
  static const Step steps[] = {
    FOUND,
    { "CheckSettings", "({'cores': <'4'>, 'append': <'a=b'>}, {})", "({'pending': <['cores']>, 'warnings': <['nic-new']>},)", 0, NULL },
    { "EjectMedium", "({},)", "()", 0, NULL },
    { "SetSettings", "({'cores': <'4'>, 'append': <'a=b'>}, {})", "(['cores'],)", 0, NULL },
    AMOUNTS ("'memory': <uint64 1>, 'memory-judgement': <'ok'>"),
    END
  };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|set|web|cores=4|append=a=b|cd=", &out, &err), ==, CTL_EXIT_OK);
  g_assert_cmpstr (out, ==, "From the next start: cores\n");
  g_assert_true (g_str_has_prefix (err, "Note: The system will find a new network card"));
}

/* --check asks and changes nothing. */
static void
test_set_check (Fixture *f, gconstpointer data)
{
  static const Step steps[] = {
    FOUND,
    { "CheckSettings", "({'firmware': <'bios'>}, {})", "({'pending': <@as []>, 'warnings': <['firmware-installed']>},)", 0, NULL },
    END
  };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|set|web|--check|firmware=bios|cd=", &out, &err), ==, CTL_EXIT_OK);
  g_assert_cmpstr (out, ==, "");
  g_assert_true (g_str_has_prefix (err, "Note: The system that is installed"));
}

static void
test_set_json (Fixture *f, gconstpointer data)
{
  static const Step steps[] = {
    FOUND, { "CheckSettings", NULL, "({'pending': <@as []>, 'warnings': <['tpm-off']>},)", 0, NULL },
    { "SetSettings", NULL, "(@as [],)", 0, NULL }, END
  };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|--json|set|web|name=x", &out, &err), ==, CTL_EXIT_OK);
  g_assert_cmpstr (out, ==, "{\n  \"id\" : \"" ID "\",\n  \"pending-settings\" : [],\n  \"warnings\" : [\n    \"tpm-off\"\n  ]\n}\n");
}

static void
test_list (Fixture *f, gconstpointer data)
{
  static const Step steps[] = {
    { "ListMachines", "({'properties': <['Id', 'Name', 'State', 'Template', 'Settings']>, 'settings': <['cores', 'memory']>},)",
      "({objectpath '" MACHINE "': {'Id': <'" ID "'>, 'Name': <'w\\u001bb'>, 'State': <'off'>,"
      " 'Template': <true>, 'Settings': <{'cores': <uint32 2>, 'memory': <uint64 1073741824>}>}},)", 0, NULL },
    END
  };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|list", &out, &err), ==, CTL_EXIT_OK);
  g_assert_nonnull (strstr (out, "\nw\\x1bb  Off, template  2      1.0"));
  g_assert_nonnull (strstr (out, "0f5c8a1e\n"));
  g_assert_null (strchr (out, '\033'));
}

static void
test_list_json (Fixture *f, gconstpointer data)
{
  static const Step steps[] = {
    { "ListMachines", "({'properties': <['Id', 'Name', 'State', 'StateReason', 'Folder', 'Fault', 'Created', 'LastStarted']>},)",
      "({objectpath '" MACHINE "': {'Id': <'" ID "'>, 'Name': <'w\\u001bb'>, 'State': <'off'>}},)", 0, NULL },
    END
  };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|list|--json", &out, &err), ==, CTL_EXIT_OK);
  g_assert_true (g_str_has_prefix (out, "[\n  {\n    \"id\" : \"" ID "\",\n    \"name\" : \"w\\u001bb\",\n    \"state\" : \"off\",\n"));
  /* What the core leaves out is there all the same. */
  g_assert_nonnull (strstr (out, "\n    \"state-reason\" : \"\",\n    \"folder\" : \"\",\n    \"fault\" : {"));
  g_assert_true (g_str_has_suffix (out, "\n    \"created\" : 0,\n    \"last-started\" : 0\n  }\n]\n"));
}

static void
test_list_empty (Fixture *f, gconstpointer data)
{
  static const Step steps[] = { { "ListMachines", NULL, "(@a{oa{sv}} {},)", 0, NULL }, END };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|list|--json", &out, &err), ==, CTL_EXIT_OK);
  g_assert_cmpstr (out, ==, "[]\n");
}

static void
test_send_keys (Fixture *f, gconstpointer data)
{
  static const Step steps[] = {
    FOUND,
    { "SendKeys", "(['ctrl', 'alt', 'delete'], {'hold-time': <uint32 50>, 'check': <true>})", "()", 0, NULL },
    { "SendKeys", "(['ret'], {'hold-time': <uint32 50>, 'check': <true>})", "()", 0, NULL },
    { "SendKeys", "(['ctrl', 'alt', 'delete'], {'hold-time': <uint32 50>})", "()", 0, NULL },
    { "SendKeys", "(['ret'], {'hold-time': <uint32 50>})", "()", 0, NULL },
    END
  };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|send-keys|web|--hold-time|50|ctrl-alt-del|enter", &out, &err), ==, CTL_EXIT_OK);
}

/* "--" lets a text begin with a dash. */
static void
test_type (Fixture *f, gconstpointer data)
{
  static const Step steps[] = { FOUND, { "TypeText", "('--help', {})", "()", 0, NULL }, END };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, "lodgectl|type|web|--|--help", &out, &err), ==, CTL_EXIT_OK);
}

/* A text of more than one call is whole or not there at all. */
static void
test_type_long (Fixture *f, gconstpointer data)
{
  g_autofree char *many = g_strnfill (4096, 'x');
  g_autofree char *line = g_strdup_printf ("lodgectl|type|web|%s\303\251", many);
  g_autofree char *first = g_strdup_printf ("('%s', {'check': <true>})", many);
  const Step steps[] = { FOUND, { "TypeText", first, "()", 0, NULL },
                         { "TypeText", "('\303\251', {'check': <true>})", NULL, LODGE_ERROR_NOT_SUPPORTED, NULL }, END };
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, line, &out, &err), ==, CTL_EXIT_HOST);
}

static void
test_screenshot (Fixture *f, gconstpointer data)
{
  static const Step steps[] = { FOUND, { "Screenshot", "({},)", "(handle 0,)", 0, "P6 1 1 255 abc" }, END };
  g_autofree char *folder = g_dir_make_tmp ("lodge-test-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (folder, "a.png", NULL);
  g_autofree char *line = g_strdup_printf ("lodgectl|screenshot|web|%s|--json", file);
  g_autofree char *out = NULL, *err = NULL, *png = NULL;
  gsize length;

  g_assert_cmpint (run (f, steps, line, &out, &err), ==, CTL_EXIT_OK);
  g_assert_nonnull (strstr (out, "\"width\" : 1"));
  g_assert_true (g_file_get_contents (file, &png, &length, NULL));
  g_assert_cmpmem (png, 4, "\x89PNG", 4);
  g_unlink (file);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
test_doctor (Fixture *f, gconstpointer data)
{
  static const Step good[] = { { "Doctor", NULL, "([{'id': <'kvm'>, 'level': <'warning'>, 'reason': <'no-permission'>, 'details': <@a{sv} {}>}],)", 0, NULL }, END };
  static const Step bad[] = { { "Doctor", NULL, "([{'id': <'qemu-x86_64'>, 'level': <'problem'>, 'reason': <'missing'>}],)", 0, NULL }, END };
  gboolean problem = GPOINTER_TO_INT (data);
  g_autofree char *out = NULL, *err = NULL;
  CtlExit code = run (f, problem ? bad : good, "lodgectl|doctor", &out, &err);

  g_assert_cmpint (code, ==, problem ? CTL_EXIT_HOST : CTL_EXIT_OK);
  if (problem)
    g_assert_nonnull (strstr (out, "[Problem] QEMU for x86 PCs: QEMU for x86 is not installed"));
  else
    g_assert_nonnull (strstr (out, "\n      sudo usermod -aG kvm"));
}

/* A report that failed leaves no file. */
static void
test_report_failed (Fixture *f, gconstpointer data)
{
  static const Step steps[] = { { "WriteReport", "(0, {})", NULL, LODGE_ERROR_IO, NULL }, END };
  g_autofree char *folder = g_dir_make_tmp ("lodge-test-XXXXXX", NULL);
  g_autofree char *line = g_strdup_printf ("lodgectl|report|%s/r.tar.gz", folder);
  g_autofree char *out = NULL, *err = NULL;

  g_assert_cmpint (run (f, steps, line, &out, &err), ==, CTL_EXIT_FAILED);
  g_assert_cmpstr (out, ==, "");
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

int
main (int argc, char *argv[])
{
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func, data) g_test_add ("/ctl-calls/" name, Fixture, data, set_up, func, tear_down)
  ADD ("start", test_start, NULL);
  ADD ("start-less-confined", test_start_less_confined, NULL);
  ADD ("start-kvm-failed", test_start_kvm_failed, NULL);
  ADD ("start-without-its-snapshot", test_start_without_its_snapshot, NULL);
  ADD ("stop-without-folder", test_stop_of_a_machine_without_folder, NULL);
  ADD ("start-failed", test_start_failed, NULL);
  ADD ("not-found", test_not_found, NULL);
  ADD ("ambiguous", test_ambiguous, NULL);
  ADD ("create", test_create, NULL);
  ADD ("create-refused", test_create_refused, NULL);
  ADD ("set", test_set, NULL);
  ADD ("set-check", test_set_check, NULL);
  ADD ("set-json", test_set_json, NULL);
  ADD ("list", test_list, NULL);
  ADD ("list-json", test_list_json, NULL);
  ADD ("list-empty", test_list_empty, NULL);
  ADD ("send-keys", test_send_keys, NULL);
  ADD ("type-long", test_type_long, NULL);
  ADD ("type", test_type, NULL);
  ADD ("screenshot", test_screenshot, NULL);
  ADD ("doctor", test_doctor, NULL);
  ADD ("doctor-problem", test_doctor, GINT_TO_POINTER (TRUE));
  ADD ("report-failed", test_report_failed, NULL);
#undef ADD
  return g_test_run ();
}
