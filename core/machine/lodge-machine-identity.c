/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A clone wakes up as its parent: with its host name and its machine id; an instant one with its network cards' addresses, too, which
 * are state of the devices, and the time of the fork. Where a guest agent answers, a script gives it its own, before any other command of
 * Execute begins. Until that has been done machine.json says so ("renew"), so it is made up for whenever the agent comes, at a later
 * start, and by a core that finds the guest:
 *
 *   the guest runs -> forked, or its agent has opened its port (query-chardev, VSERPORT_CHANGE), or the agent answers to a command
 *   -> the script -> it says that the name has been taken -> "renew" goes
 *   no answer, or none in time -> again, a little later each time, as long as the port is open
 *   the guest says no, or a forked one has not said yes in MISSING_SECONDS -> people are told
 *
 * The driver changes the card's address while it is in use; a card that was unplugged and plugged in again would come back
 * without what the guest had configured. One that cannot has the new address at its next start from off, which
 * does no harm meanwhile: each guest is alone in its network. A shared folder is mounted in the same go. Windows could take another name only at
 * its next start, and is left alone. */

#include "core/machine/lodge-machine-identity.h"

#include "core/machine/lodge-machine-execute.h"
#include "core/machine/lodge-machine-private.h"

#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

/* For an agent whose port is open; others that ask it something wait meanwhile. */
#define WAIT_SECONDS 20
#define LIMIT_SECONDS 120
/* With a folder to mount. */
#define START_SECONDS 300
#define MOUNT_SECONDS 180
#define MISSING_SECONDS 300
#define MAX_TRIES 8
#define MAX_PAUSE 60
#define SAID_MAX 1000
#define NAME_MAX_LENGTH 63
#define ID_LENGTH 8
#define PORT "agent-socket"
/* What the script says when the guest has its own name. */
#define DONE "lodge: own"

/* $1: host name; $2: machine id; $3: seconds since the epoch, or nothing; then pairs of addresses. Each is of use without the others. Each program
 * that is started costs a guest in software some ten milliseconds, so the shell does what it can by itself. */
static const char script[] = "[ -z \"$3\" ] || date -u -s \"@$3\" >/dev/null; "
                             "own=$1; read -r old < /proc/sys/kernel/hostname && echo \"$1\" > /proc/sys/kernel/hostname; "
                             "if [ -f /etc/hostname ]; then echo \"$1\" > /etc/hostname; fi; "
                             "if [ -f /etc/hosts ] && [ -n \"$old\" ]; then "
                             "sed \"s/^\\(127\\.0\\.1\\.1[[:space:]].*\\)\\b$old\\b/\\1$1/\" /etc/hosts > /etc/hosts.lodge "
                             "&& cat /etc/hosts.lodge > /etc/hosts; rm -f /etc/hosts.lodge; fi; "
                             "for file in /etc/machine-id /var/lib/dbus/machine-id; do "
                             "if [ -f $file ] && [ ! -L $file ]; then echo \"$2\" > $file; fi; done; "
                             "shift 3; while [ $# -ge 2 ]; do for card in /sys/class/net/*; do "
                             "read -r address < $card/address; if [ \"$address\" = \"$1\" ]; then "
                             "ip link set dev ${card##*/} address \"$2\" || ifconfig ${card##*/} hw ether \"$2\"; fi; "
                             "done; shift 2; done; "
                             "read -r now < /proc/sys/kernel/hostname; [ \"$now\" != \"$own\" ] || echo '" DONE "'";

typedef enum
{
  TAKEN,
  REFUSED,
  NO_ANSWER,
  STANDS, /* the guest, which is let go later */
} Outcome;

/* One go of the script. */
typedef struct
{
  LodgeMachine *machine;     /* (owned) */
  guint serial;              /* of the guest */
  gboolean mounting;
  LodgeExecution *execution; /* (owned) (nullable) */
} Attempt;

static void look (LodgeMachine *self);

gboolean
lodge_machine_can_renew (const LodgeProfile *profile)
{
  return profile->family == LODGE_FAMILY_LINUX;
}

static const LodgeProfile *
profile_of (LodgeMachine *self)
{
  return self->entry != NULL && self->entry->profile != NULL ? self->entry->profile : self->guest->profile;
}

static gboolean
is_to_renew (LodgeMachine *self)
{
  return profile_of (self)->renew && self->guest->profile->renew;
}

static gboolean
is_due (LodgeMachine *self)
{
  return is_to_renew (self) && !self->guest->refused;
}

static gboolean
is_to_mount (LodgeMachine *self)
{
  return self->guest->share != NULL && !self->guest->mounted;
}

static gboolean
is_forked (LodgeMachine *self)
{
  return self->guest->record != NULL && self->guest->record->addresses != NULL;
}

const char *
lodge_machine_get_identity (LodgeMachine *self)
{
  if (self->guest == NULL || !is_to_renew (self))
    return NULL;
  return self->guest->missing ? "missing" : "pending";
}

static void
set_missing (LodgeMachine *self, gboolean missing)
{
  g_clear_handle_id (&self->guest->missing_id, g_source_remove);
  if (self->guest->missing == missing)
    return;
  self->guest->missing = missing;
  lodge_machine_notify (self);
}

static gboolean
missing_cb (gpointer data)
{
  LodgeMachine *self = data;

  self->guest->missing_id = 0;
  set_missing (self, TRUE);
  return G_SOURCE_REMOVE;
}

/* ---- The end of an attempt ---- */

static void
is_renewed (LodgeMachine *self)
{
  g_autoptr (GError) error = NULL;
  LodgeProfile *profile;

  /* Also where that cannot be written: the next start does it again then. */
  self->guest->profile->renew = FALSE;
  set_missing (self, FALSE);
  if (self->entry == NULL || self->entry->profile == NULL)
    return;
  profile = lodge_profile_copy (self->entry->profile);
  profile->renew = FALSE;
  if (lodge_store_save (lodge_engine_get_store (self->engine), self->id, profile, &error))
    return;
  g_debug ("%s: %s", self->id, error->message);
  lodge_profile_free (profile);
  lodge_machine_notify (self);
}

static gboolean
again_cb (gpointer data)
{
  LodgeMachine *self = data;

  self->guest->settle_id = 0;
  look (self);
  return G_SOURCE_REMOVE;
}

static void
again (LodgeMachine *self)
{
  LodgeGuest *guest = self->guest;

  guest->settle_id = g_timeout_add_seconds (MIN (1u << MIN (guest->n_settled, MAX_TRIES), MAX_PAUSE), again_cb, self);
  if (++guest->n_settled < MAX_TRIES)
    return;
  /* Commands wait no longer; it is tried on. */
  guest->renewing = FALSE;
  set_missing (self, TRUE);
}

/* @why: (nullable): what stands against the folder */
static void
finish (Attempt *attempt, Outcome outcome, const char *why)
{
  LodgeMachine *self = attempt->machine;
  LodgeGuest *guest = self->guest != NULL && self->guest->serial == attempt->serial ? self->guest : NULL;

  if (guest != NULL)
    {
      guest->settling = FALSE;
      if (attempt->mounting)
        {
          guest->mounted = TRUE;
          guest->share_error = g_strdup (why);
        }
      guest->renewing = is_due (self) && outcome == NO_ANSWER;
      if (guest->renewing)
        again (self);
      else if (is_due (self) && outcome == TAKEN)
        is_renewed (self);
      else if (is_due (self) && outcome == REFUSED)
        {
          guest->refused = TRUE;
          set_missing (self, TRUE);
        }
    }
  g_clear_pointer (&attempt->execution, lodge_execution_free);
  g_object_unref (attempt->machine);
  g_free (attempt);
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
  Attempt *attempt = data;
  g_autofree char *status = read_last (fd);
  g_autofree char *said = NULL;
  g_autofree char *complained = NULL;

  if (!g_str_has_prefix (status, "exit "))
    {
      finish (attempt, NO_ANSWER, status);
      return G_SOURCE_REMOVE;
    }
  said = read_last (attempt->execution->output);
  complained = read_last (attempt->execution->errors);
  finish (attempt, strstr (said, DONE) != NULL ? TAKEN : REFUSED,
          strcmp (status, "exit 0") == 0 ? NULL : *complained != '\0' ? complained : status);
  return G_SOURCE_REMOVE;
}

static void
begun_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Attempt *attempt = data;
  g_autoptr (GError) error = NULL;

  attempt->execution = lodge_machine_execute_finish (LODGE_MACHINE (source), result, &error);
  if (attempt->execution != NULL)
    {
      g_unix_fd_add (attempt->execution->status, G_IO_IN | G_IO_HUP | G_IO_ERR, ended_cb, attempt);
      return;
    }
  g_debug ("%s has the identity of its parent still: %s", attempt->machine->id, error->message);
  finish (attempt,
          g_error_matches (error, LODGE_ERROR, LODGE_ERROR_FAILED)        ? REFUSED
          : g_error_matches (error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE) ? STANDS
                                                                          : NO_ANSWER,
          error->message);
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

/* ---- Its beginning ---- */

static void
attempt (LodgeMachine *self)
{
  LodgeGuest *guest = self->guest;
  gboolean renew = is_due (self), mounting = is_to_mount (self);
  const char *mount = mounting ? lodge_share_mount_script (guest->share) : "";
  g_autofree char *host = lodge_machine_host_name (lodge_machine_get_name (self), self->id, profile_of (self)->disposable);
  g_autofree char *unique = g_uuid_string_random ();
  g_auto (GStrv) parts = g_strsplit (unique, "-", -1);
  g_autofree char *machine_id = g_strjoinv ("", parts);
  g_autofree char *whole = g_strconcat (renew ? script : "", renew && mounting ? "; " : "", mount, NULL);
  const char *words[] = { "/bin/sh", "-c", whole, "sh", host, machine_id, is_forked (self) ? LODGE_EXECUTE_NOW : "" };
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GVariant) options = NULL;
  Attempt *new;

  /* Who wants a folder waits for it while the guest starts. */
  options = g_variant_ref_sink (g_variant_new_parsed ("{'wait': <%u>, 'timeout': <%u>}", (guint32) (mounting ? START_SECONDS : WAIT_SECONDS),
                                                      (guint32) (mounting ? MOUNT_SECONDS : LIMIT_SECONDS)));
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    g_ptr_array_add (argv, (gpointer) words[i]);
  for (guint i = 0; renew && is_forked (self) && guest->record->addresses[i] != NULL; i++)
    g_ptr_array_add (argv, guest->record->addresses[i]);
  g_ptr_array_add (argv, NULL);
  new = g_new0 (Attempt, 1);
  new->machine = g_object_ref (self);
  new->serial = guest->serial;
  new->mounting = mounting;
  guest->settling = TRUE;
  lodge_machine_execute_captured_async (self, (const char *const *) argv->pdata, options, begun_cb, new);
}

static gboolean
has_open_port (JsonNode *answer)
{
  JsonArray *chardevs = lodge_qmp_node_array (answer);

  for (guint i = 0; chardevs != NULL && i < json_array_get_length (chardevs); i++)
    {
      JsonObject *chardev = lodge_qmp_element (chardevs, i);

      if (g_strcmp0 (lodge_qmp_string (chardev, "label"), PORT) == 0)
        return lodge_qmp_boolean (chardev, "frontend-open", FALSE);
    }
  return FALSE;
}

static void
looked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeMachine) self = data;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);
  LodgeGuest *guest = self->guest;

  if (guest == NULL || guest->qmp != LODGE_QMP_CLIENT (source) || guest->settling || guest->settle_id != 0)
    return;
  /* QEMU itself may be too slow to say. */
  if (answer == NULL && is_due (self))
    again (self);
  else if (has_open_port (answer))
    lodge_machine_agent_is_there (self);
}

/* Nothing is written to a port that nobody reads: what lies there would be in the way of whoever asks the agent something. */
static void
look (LodgeMachine *self)
{
  lodge_qmp_client_execute_async (self->guest->qmp, "query-chardev", NULL, -1, NULL, looked_cb, g_object_ref (self));
}

void
lodge_machine_agent_is_there (LodgeMachine *self)
{
  LodgeGuest *guest = self->guest;

  if (guest == NULL || guest->settling || guest->start != NULL || !(is_due (self) || is_to_mount (self)))
    return;
  g_clear_handle_id (&guest->settle_id, g_source_remove);
  guest->renewing = TRUE;
  attempt (self);
}

void
lodge_machine_settle_in (LodgeMachine *self)
{
  LodgeGuest *guest = self->guest;

  if (guest->settling || !(is_due (self) || is_to_mount (self)))
    return;
  g_clear_handle_id (&guest->settle_id, g_source_remove);
  guest->renewing = TRUE;
  guest->n_settled = 0;
  if (is_forked (self) && is_due (self) && guest->missing_id == 0)
    guest->missing_id = g_timeout_add_seconds (MISSING_SECONDS, missing_cb, self);
  /* The parent's agent mostly ran. */
  if (is_forked (self) || is_to_mount (self))
    attempt (self);
  else
    look (self);
}
