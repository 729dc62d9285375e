/* SPDX-License-Identifier: GPL-3.0-or-later */

/* An instant clone wakes up as its parent: with its host name, its machine id, its network cards' addresses, which are state of the
 * devices, and the time of the fork. Where a guest agent answers, a script gives it its own, before any other command of Execute
 * begins. The driver changes the card's address while it is in use; a card that was unplugged and plugged in again would come back
 * without what the guest had configured. One that cannot, and a guest without an agent, has the new address at its next start from off, which
 * does no harm meanwhile: each guest is alone in its network. A shared folder is mounted in the same go. Windows could take another name only at its next start, and is left alone. */

#include "core/machine/lodge-machine-execute.h"

#include "core/machine/lodge-machine-private.h"

#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#define WAIT_SECONDS 5
#define LIMIT_SECONDS 20
/* With a folder to mount. */
#define START_SECONDS 300
#define MOUNT_SECONDS 60
#define SAID_MAX 1000
#define NAME_MAX_LENGTH 63
#define ID_LENGTH 8

/* $1: host name; $2: machine id; $3: seconds since the epoch; then pairs of addresses. Each is of use without the others. Each program
 * that is started costs a guest in software some ten milliseconds, so the shell does what it can by itself. */
static const char script[] = "date -u -s \"@$3\"; read -r old < /proc/sys/kernel/hostname && echo \"$1\" > /proc/sys/kernel/hostname; "
                             "if [ -f /etc/hostname ]; then echo \"$1\" > /etc/hostname; fi; "
                             "if [ -f /etc/hosts ] && [ -n \"$old\" ]; then "
                             "sed \"s/^\\(127\\.0\\.1\\.1[[:space:]].*\\)\\b$old\\b/\\1$1/\" /etc/hosts > /etc/hosts.lodge "
                             "&& cat /etc/hosts.lodge > /etc/hosts; rm -f /etc/hosts.lodge; fi; "
                             "for file in /etc/machine-id /var/lib/dbus/machine-id; do "
                             "if [ -f $file ] && [ ! -L $file ]; then echo \"$2\" > $file; fi; done; "
                             "shift 3; while [ $# -ge 2 ]; do for card in /sys/class/net/*; do "
                             "read -r address < $card/address; if [ \"$address\" = \"$1\" ]; then "
                             "ip link set dev ${card##*/} address \"$2\" || ifconfig ${card##*/} hw ether \"$2\"; fi; "
                             "done; shift 2; done";

typedef struct
{
  LodgeMachine *machine;     /* (owned) */
  guint serial;              /* of the guest */
  LodgeExecution *execution; /* (owned) (nullable) */
} Renewal;

static LodgeGuest *
guest_of (const Renewal *renewal)
{
  LodgeGuest *guest = renewal->machine->guest;

  return guest != NULL && guest->serial == renewal->serial ? guest : NULL;
}

/* @why: (nullable): what stood against it */
static void
finish (Renewal *renewal, const char *why)
{
  LodgeGuest *guest = guest_of (renewal);

  if (guest != NULL && guest->share != NULL && why != NULL)
    guest->share_error = g_strdup (why);
  if (guest != NULL)
    guest->renewing = FALSE;
  g_clear_pointer (&renewal->execution, lodge_execution_free);
  g_object_unref (renewal->machine);
  g_free (renewal);
}

char *
lodge_machine_host_name (const char *name, const char *id, gboolean disposable)
{
  g_autoptr (GString) host = g_string_new (NULL);

  for (const char *c = name; *c != '\0' && *c != '('; c++)
    if (g_ascii_isalnum (*c))
      g_string_append_c (host, g_ascii_tolower (*c));
    else if (host->len > 0 && host->str[host->len - 1] != '-')
      g_string_append_c (host, '-');
  g_string_truncate (host, MIN (host->len, NAME_MAX_LENGTH - ID_LENGTH - 1));
  while (host->len > 0 && host->str[host->len - 1] == '-')
    g_string_truncate (host, host->len - 1);
  /* Throw-away ones have one name all. */
  if (host->len == 0 || disposable)
    g_string_append_printf (host, "%s%.*s", host->len == 0 ? "lodge-" : "-", ID_LENGTH, id);
  return g_string_free (g_steal_pointer (&host), FALSE);
}

/* What came through a pipe whose other end is closed, or not written to now. */
static char *
read_last (int fd)
{
  char text[SAID_MAX + 1];
  gssize n = 0, got;

  while (n < SAID_MAX && (got = read (fd, text + n, (gsize) (SAID_MAX - n))) > 0)
    n += got;
  text[n] = '\0';
  return g_strstrip (g_utf8_make_valid (text, -1));
}

static gboolean
ended_cb (int fd, GIOCondition condition, gpointer data)
{
  Renewal *renewal = data;
  g_autofree char *status = read_last (fd);
  g_autofree char *said = NULL;

  if (strcmp (status, "exit 0") == 0)
    {
      finish (renewal, NULL);
      return G_SOURCE_REMOVE;
    }
  if (g_str_has_prefix (status, "exit "))
    said = read_last (renewal->execution->errors);
  finish (renewal, said != NULL && *said != '\0' ? said : status);
  return G_SOURCE_REMOVE;
}

static void
begun_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Renewal *renewal = data;
  g_autoptr (GError) error = NULL;

  renewal->execution = lodge_machine_execute_finish (LODGE_MACHINE (source), result, &error);
  if (renewal->execution != NULL)
    {
      g_unix_fd_add (renewal->execution->status, G_IO_IN | G_IO_HUP | G_IO_ERR, ended_cb, renewal);
      return;
    }
  g_debug ("%s keeps its identity: %s", renewal->machine->id, error->message);
  finish (renewal, error->message);
}

void
lodge_machine_settle_in (LodgeMachine *self, GPtrArray *addresses)
{
  LodgeGuest *guest = self->guest;
  g_autofree char *host = lodge_machine_host_name (lodge_machine_get_name (self), self->id, guest->profile->disposable);
  g_autofree char *seconds = g_strdup_printf ("%" G_GINT64_FORMAT, g_get_real_time () / G_USEC_PER_SEC);
  g_autofree char *unique = g_uuid_string_random ();
  g_auto (GStrv) parts = g_strsplit (unique, "-", -1);
  g_autofree char *machine_id = g_strjoinv ("", parts);
  const char *mount = guest->share != NULL ? lodge_share_mount_script (guest->share) : NULL;
  g_autofree char *whole = g_strconcat (addresses != NULL ? script : "", addresses != NULL && mount != NULL ? "; " : "", mount, NULL);
  const char *words[] = { "/bin/sh", "-c", whole, "sh", host, machine_id, seconds };
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GVariant) options = NULL;
  Renewal *renewal;

  if (guest->profile->family == LODGE_FAMILY_WINDOWS || *whole == '\0')
    return;
  /* Who wants a folder waits for it while the guest starts. */
  options = g_variant_ref_sink (g_variant_new_parsed ("{'wait': <%u>, 'timeout': <%u>}", (guint32) (mount != NULL ? START_SECONDS : WAIT_SECONDS),
                                                      (guint32) (mount != NULL ? MOUNT_SECONDS : LIMIT_SECONDS)));
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    g_ptr_array_add (argv, (gpointer) words[i]);
  for (guint i = 0; addresses != NULL && i < addresses->len; i++)
    g_ptr_array_add (argv, g_ptr_array_index (addresses, i));
  g_ptr_array_add (argv, NULL);
  renewal = g_new0 (Renewal, 1);
  renewal->machine = g_object_ref (self);
  renewal->serial = guest->serial;
  lodge_machine_execute_captured_async (self, (const char *const *) argv->pdata, options, begun_cb, renewal);
  guest->renewing = TRUE;
}
