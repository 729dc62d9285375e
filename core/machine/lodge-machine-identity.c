/* SPDX-License-Identifier: GPL-3.0-or-later */

/* An instant clone wakes up as its parent: with its host name, its machine id, its network cards' addresses, which are state of the
 * devices, and the time of the fork. Where a guest agent answers, a script gives it its own, before any other command of Execute
 * begins. The driver changes the card's address while it is in use; a card that was unplugged and plugged in again would come back
 * without what the guest had configured. One that cannot, and a guest without an agent, has the new address at its next start from off, which
 * does no harm meanwhile: each guest is alone in its network. Windows could take another name only at its next start, and is left alone. */

#include "core/machine/lodge-machine-execute.h"

#include "core/machine/lodge-machine-private.h"

#include <glib-unix.h>
#include <unistd.h>

#define WAIT_SECONDS 5
#define LIMIT_SECONDS 20
#define NAME_MAX_LENGTH 63
#define ID_LENGTH 8

/* $1: host name; $2: machine id; $3: seconds since the epoch; then pairs of addresses. Each is of use without the others. */
static const char script[] = "date -u -s \"@$3\"; old=$(hostname); hostname \"$1\"; "
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

static void
renewal_free (Renewal *renewal)
{
  LodgeGuest *guest = renewal->machine->guest;

  if (guest != NULL && guest->serial == renewal->serial)
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

static gboolean
ended_cb (int fd, GIOCondition condition, gpointer data)
{
  renewal_free (data);
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
  renewal_free (renewal);
}

void
lodge_machine_renew_identity (LodgeMachine *self, GPtrArray *addresses)
{
  LodgeGuest *guest = self->guest;
  g_autofree char *host = lodge_machine_host_name (lodge_machine_get_name (self), self->id, guest->profile->disposable);
  g_autofree char *seconds = g_strdup_printf ("%" G_GINT64_FORMAT, g_get_real_time () / G_USEC_PER_SEC);
  g_autofree char *unique = g_uuid_string_random ();
  g_auto (GStrv) parts = g_strsplit (unique, "-", -1);
  g_autofree char *machine_id = g_strjoinv ("", parts);
  const char *words[] = { "/bin/sh", "-c", script, "sh", host, machine_id, seconds };
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new_parsed ("{'wait': <%u>, 'timeout': <%u>}", (guint32) WAIT_SECONDS,
                                                                           (guint32) LIMIT_SECONDS));
  Renewal *renewal;

  if (guest->profile->family == LODGE_FAMILY_WINDOWS)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    g_ptr_array_add (argv, (gpointer) words[i]);
  for (guint i = 0; i < addresses->len; i++)
    g_ptr_array_add (argv, g_ptr_array_index (addresses, i));
  g_ptr_array_add (argv, NULL);
  renewal = g_new0 (Renewal, 1);
  renewal->machine = g_object_ref (self);
  renewal->serial = guest->serial;
  lodge_machine_execute_async (self, (const char *const *) argv->pdata, NULL, options, begun_cb, renewal);
  guest->renewing = TRUE;
}
