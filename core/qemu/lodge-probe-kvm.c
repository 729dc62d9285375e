/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation
 *
 * /dev/kvm that opens proves nothing: inside some virtual machines and containers it answers, runs a firmware, and
 * then hangs or aborts with every kernel. So, on a PC: first the processor's flags (without vmx or svm there
 * is no hardware behind it, whatever the device says), then whether the device can be opened, and last a guest of a few instructions
 * (lodge-probe-guest.S) on the very QEMU and processor model that machines will use. Elsewhere than on a PC the flags do
 * not exist and the device's own answer has to do.
 *
 * The guest costs some tenths of a second, so that it came to its end is kept for this boot, kernel and QEMU. That it did
 * not is not kept: another hypervisor may have had the processor just then, or the host was too busy for the time limit, and machines
 * would run in software until the next boot. Doctor tries anew in any case, and what it finds takes the place of what was kept.
 */
#include "config.h"
#include "core/qemu/lodge-probe-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/qemu/lodge-probe-command.h"

/* A KVM that works needs a tenth of this. */
#define GUEST_TIMEOUT 5000
#define GUEST_EXIT_STATUS 33 /* isa-debug-exit: (0x10 << 1) | 1 */
#define GUEST_WORD "LONG MODE"

typedef struct
{
  char *cache_file; /* (owned) (nullable) */
  char *key;        /* (owned) */
  char *message;    /* (owned) (nullable) */
} KvmProbe;

static void
kvm_probe_free (KvmProbe *probe)
{
  g_free (probe->cache_file);
  g_free (probe->key);
  g_free (probe->message);
  g_free (probe);
}

#if defined (__x86_64__)
extern const char lodge_probe_guest[], lodge_probe_guest_end[];

/* The first "flags" line is enough: all processors of a PC are alike in this. */
static gboolean
has_cpu_flags (const char *root)
{
  g_autofree char *path = g_strconcat (root, "/proc/cpuinfo", NULL);
  g_autofree char *text = lodge_probe_read (path, 64 * 1024);
  const char *flags = text != NULL ? strstr (text, "\nflags") : NULL;
  g_auto (GStrv) words = NULL;
  g_autofree char *line = NULL;

  if (flags == NULL)
    return FALSE;
  line = g_strndup (flags + 1, strcspn (flags + 1, "\n"));
  words = g_strsplit_set (line, " \t:", -1);
  return g_strv_contains ((const char *const *) words, "vmx") || g_strv_contains ((const char *const *) words, "svm");
}
#endif

/* NULL when the device can be used, else the reason. */
static const char *
try_device (const char *root)
{
  g_autofree char *path = g_strconcat (root, "/dev/kvm", NULL);
  int fd = open (path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
  int vm = -1;

  if (fd < 0)
    return errno == EACCES || errno == EPERM ? "no-permission" : "no-device";
  if (ioctl (fd, KVM_GET_API_VERSION, 0) == KVM_API_VERSION)
    vm = ioctl (fd, KVM_CREATE_VM, 0);
  close (fd);
  if (vm < 0)
    return "probe-failed";
  close (vm);
  return NULL;
}

static char *
make_key (const char *root, const char *qemu)
{
  g_autofree char *boot_id_path = g_strconcat (root, "/proc/sys/kernel/random/boot_id", NULL);
  g_autofree char *boot_id = lodge_probe_read (boot_id_path, 64);
  struct utsname names;
  struct stat st;

  if (boot_id == NULL || stat (qemu, &st) < 0)
    return NULL;
  uname (&names);
  return g_strdup_printf ("%s %s %s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GUINT64_FORMAT, g_strstrip (boot_id),
                          names.release, qemu, (gint64) st.st_mtim.tv_sec, (gint64) st.st_size, (guint64) st.st_ino);
}

/* The file has the key and "ok", a line each. */
static char *
make_cache (KvmProbe *probe)
{
  return g_strdup_printf ("%s\nok\n", probe->key);
}

static gboolean
is_known_good (KvmProbe *probe)
{
  g_autofree char *text = probe->cache_file != NULL && probe->key != NULL ? lodge_probe_read (probe->cache_file, 4096) : NULL;
  g_autofree char *wanted = text != NULL ? make_cache (probe) : NULL;

  return text != NULL && strcmp (text, wanted) == 0;
}

static void
save_cache (KvmProbe *probe, gboolean good)
{
  g_autofree char *text = NULL;
  g_autofree char *dir = NULL;

  if (probe->cache_file == NULL || probe->key == NULL)
    return;
  if (!good)
    {
      g_unlink (probe->cache_file);
      return;
    }
  dir = g_path_get_dirname (probe->cache_file);
  text = make_cache (probe);
  /* A cache that cannot be written means another probe next time. */
  if (g_mkdir_with_parents (dir, 0700) == 0)
    g_file_set_contents_full (probe->cache_file, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
}

#if defined (__x86_64__)
static void
guest_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  KvmProbe *probe = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeCommandResult) done = lodge_command_run_finish (result, &error);
  gboolean good = FALSE;

  if (done == NULL)
    probe->message = g_strdup (error->message);
  else if (!done->timed_out && !done->flooded && WIFEXITED (done->wait_status)
           && WEXITSTATUS (done->wait_status) == GUEST_EXIT_STATUS && strstr (done->output, GUEST_WORD) != NULL)
    good = TRUE;
  else
    probe->message = lodge_command_result_describe (done);
  if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_CANCELLED))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  save_cache (probe, good);
  g_task_return_pointer (task, g_strdup (good ? "ok" : "probe-failed"), g_free);
}

static void
start_guest (GTask *task, const char *qemu, const char *accel)
{
  const char *const argv[]
      = { qemu, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "q35", "-accel", accel,
          /* As real machines do: on some hosts it is the processor model that QEMU cannot set up. */
          "-cpu", strcmp (accel, "kvm") == 0 ? "host" : "max", "-m", "16", "-kernel", LODGE_COMMAND_FILE,
          "-chardev", "stdio,id=out,signal=off", "-device", "isa-debugcon,iobase=0xe9,chardev=out",
          "-device", "isa-debug-exit,iobase=0xf4,iosize=1", NULL };
  LodgeCommand command = { .argv = argv, .input = "", .max_output = 64 * 1024, .timeout = GUEST_TIMEOUT,
                           .file = lodge_probe_guest, .file_length = lodge_probe_guest_end - lodge_probe_guest };

  lodge_command_run_async (&command, g_task_get_cancellable (task), guest_cb, g_object_ref (task));
}
#endif

void
lodge_probe_kvm_async (const char *root, const char *cache_dir, const char *qemu, const char *accel, gboolean anew,
                       GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  KvmProbe *probe = g_new0 (KvmProbe, 1);
  const char *reason;

  g_task_set_source_tag (task, lodge_probe_kvm_async);
  g_task_set_task_data (task, probe, (GDestroyNotify) kvm_probe_free);
#if defined (__x86_64__)
  if (!has_cpu_flags (root))
    {
      g_task_return_pointer (task, g_strdup ("no-cpu-flags"), g_free);
      return;
    }
#endif
  /* A test that runs the guest without KVM has no device to try. */
  reason = strcmp (accel, "kvm") == 0 ? try_device (root) : NULL;
  if (reason != NULL)
    {
      g_task_return_pointer (task, g_strdup (reason), g_free);
      return;
    }
#if defined (__x86_64__)
  if (qemu == NULL)
    {
      g_task_return_pointer (task, g_strdup ("probe-failed"), g_free);
      return;
    }
  probe->cache_file = cache_dir != NULL ? g_build_filename (cache_dir, "kvm", NULL) : NULL;
  probe->key = make_key (root, qemu);
  if (!anew && is_known_good (probe))
    g_task_return_pointer (task, g_strdup ("ok"), g_free);
  else
    start_guest (task, qemu, accel);
#else
  g_task_return_pointer (task, g_strdup ("ok"), g_free);
#endif
}

char *
lodge_probe_kvm_finish (GAsyncResult *result, char **message)
{
  KvmProbe *probe = g_task_get_task_data (G_TASK (result));
  char *reason = g_task_propagate_pointer (G_TASK (result), NULL);

  *message = g_steal_pointer (&probe->message);
  return reason != NULL ? reason : g_strdup ("probe-failed");
}
