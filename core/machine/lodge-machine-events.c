/* SPDX-License-Identifier: GPL-3.0-or-later */

/* QEMU's events are the truth about a running guest. STOP alone does not say why, so each is
 * followed by query-status; what a BLOCK_IO_ERROR said before is remembered for that answer.
 *
 * A guest that stands still because the host's disk is full goes on by itself when there is space
 * again. Only while it stands still for that reason is a timer set, so a quiet core stays asleep. */

#include "core/machine/lodge-machine-private.h"

#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-identity.h"
#include "core/machine/lodge-stream.h"

#include <string.h>
#include <sys/statvfs.h>

#define SPACE_SECONDS 2
/* Less would let a guest that writes fast run into the wall again at once. A small file system may
 * never have that much. */
#define SPACE_WANTED (64ull * 1024 * 1024)
#define SPACE_SHARE 8
#define MAX_WORDS 200

/* *@needed: what is missing at the worst place so far */
static void
look_at_space (const char *path, guint64 *needed)
{
  struct statvfs fs;
  guint64 wanted, present;

  if (statvfs (path, &fs) != 0)
    return;
  wanted = MIN (SPACE_WANTED, (guint64) fs.f_blocks * fs.f_frsize / SPACE_SHARE);
  present = (guint64) fs.f_bavail * fs.f_frsize;
  if (present < wanted)
    *needed = MAX (*needed, wanted - present);
}

gboolean
lodge_machine_has_space (LodgeMachine *self, guint64 *needed)
{
  *needed = 0;
  if (self->folder != NULL)
    look_at_space (self->folder, needed);
  for (guint i = 0; i < self->guest->profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (self->guest->profile->disks, i);
      g_autofree char *path = disk->cdrom ? NULL : lodge_launch_disk_path (disk, self->folder);

      if (path != NULL)
        look_at_space (path, needed);
    }
  return *needed == 0;
}

/* The timer stays until the guest runs: a cont that QEMU could not take, or that a still full disk
 * undid at once, is not the last. */
static gboolean
look_for_space_cb (gpointer data)
{
  LodgeMachine *self = data;
  guint64 needed;

  if (lodge_machine_has_space (self, &needed) && self->guest->qmp != NULL)
    lodge_qmp_client_execute_async (self->guest->qmp, "cont", NULL, -1, NULL, NULL, NULL);
  return G_SOURCE_CONTINUE;
}

static void
paused_for_disk (LodgeMachine *self)
{
  LodgeGuest *guest = self->guest;
  g_autoptr (GVariant) basic = g_variant_ref_sink (lodge_guest_details (self, guest->block_error));
  GVariantDict details;
  guint64 needed = 0;

  g_variant_dict_init (&details, basic);
  if (guest->block_nospace)
    {
      if (lodge_machine_has_space (self, &needed))
        needed = SPACE_WANTED;
      g_variant_dict_insert (&details, "needed", "t", needed);
    }
  lodge_machine_change (self, LODGE_CHANGE_STOPPED, guest->block_nospace ? "disk-full" : "io-error",
                        g_variant_dict_end (&details));
  if (guest->block_nospace && guest->space_id == 0)
    guest->space_id = g_timeout_add_seconds (SPACE_SECONDS, look_for_space_cb, self);
}

/* After an adoption nobody remembers the event, but QEMU still knows why each disk stands still. */
static void
query_block_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeMachine) self = data;
  LodgeQmpClient *qmp = LODGE_QMP_CLIENT (source);
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (qmp, result, NULL);
  JsonArray *devices = answer != NULL && JSON_NODE_HOLDS_ARRAY (answer) ? json_node_get_array (answer) : NULL;

  if (self->guest == NULL || self->guest->qmp != qmp || self->guest->block_error != NULL)
    return;

  for (guint i = 0; devices != NULL && i < json_array_get_length (devices); i++)
    {
      JsonNode *device = json_array_get_element (devices, i);

      if (g_strcmp0 (lodge_qmp_string (lodge_qmp_node_object (device), "io-status"), "nospace") == 0)
        self->guest->block_nospace = TRUE;
    }
  paused_for_disk (self);
}

static void
guest_runs (LodgeMachine *self)
{
  LodgeGuest *guest = self->guest;
  gboolean resumed = self->state == LODGE_STATE_PAUSED;

  g_clear_handle_id (&guest->space_id, g_source_remove);
  g_clear_pointer (&guest->block_error, g_free);
  guest->block_nospace = FALSE;
  guest->user_pause = FALSE;
  if (resumed)
    lodge_machine_change (self, LODGE_CHANGE_RAN, self->entry == NULL ? "folder-gone" : "", NULL);
  if (resumed && self->guest == guest)
    lodge_machine_settle_in (self);
}

void
lodge_machine_apply_status (LodgeMachine *self, const char *status)
{
  LodgeGuest *guest = self->guest;

  if (guest->start != NULL || guest->save != NULL || guest->held)
    return;
  if (strcmp (status, "running") == 0 || strcmp (status, "suspended") == 0)
    guest_runs (self);
  else if (strcmp (status, "internal-error") == 0)
    lodge_machine_change (self, LODGE_CHANGE_STOPPED, "internal-error", lodge_guest_details (self, NULL));
  else if (strcmp (status, "guest-panicked") == 0)
    lodge_machine_change (self, LODGE_CHANGE_STOPPED, "guest-panicked", lodge_guest_details (self, NULL));
  else if (strcmp (status, "io-error") == 0 && guest->block_error != NULL)
    paused_for_disk (self);
  else if (strcmp (status, "io-error") == 0)
    lodge_qmp_client_execute_async (guest->qmp, "query-block", NULL, -1, NULL, query_block_cb,
                                    g_object_ref (self));
  else if (self->state != LODGE_STATE_PAUSED || strcmp (self->reason, "user") != 0)
    lodge_machine_change (self, LODGE_CHANGE_STOPPED, guest->user_pause ? "user" : "", NULL);
}

static void
status_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeMachine) self = data;
  LodgeQmpClient *qmp = LODGE_QMP_CLIENT (source);
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (qmp, result, NULL);
  const char *status = lodge_qmp_string (lodge_qmp_node_object (answer), "status");

  if (self->guest != NULL && self->guest->qmp == qmp && status != NULL)
    lodge_machine_apply_status (self, status);
}

void
lodge_machine_query_status (LodgeMachine *self)
{
  lodge_qmp_client_execute_async (self->guest->qmp, "query-status", NULL, -1, NULL, status_cb,
                                  g_object_ref (self));
}

/* QEMU may say as much as fits into a message; everybody who watches the machine gets this one. */
static char *
bounded (const char *text)
{
  return g_utf8_substring (text, 0, MIN (MAX_WORDS, g_utf8_strlen (text, -1)));
}

static void
block_error_event (LodgeMachine *self, JsonObject *data)
{
  LodgeGuest *guest = self->guest;
  /* With -blockdev the old "device" is empty and the node's name says which disk it is. */
  const char *node = lodge_qmp_string (data, "node-name");
  const char *device = lodge_qmp_string (data, "device");
  const char *why = lodge_qmp_string (data, "reason");
  g_autofree char *where = bounded (node != NULL && *node != '\0' ? node : device != NULL ? device : "disk");
  g_autofree char *what = bounded (why != NULL ? why : "input/output error");

  guest->block_nospace = lodge_qmp_boolean (data, "nospace", FALSE);
  g_free (guest->block_error);
  guest->block_error = g_strdup_printf ("%s: %s", where, what);
}

void
lodge_machine_event (LodgeMachine *self, const char *name, JsonObject *data)
{
  LodgeGuest *guest = self->guest;

  /* While it starts, the steps of the start are the only ones that move the state. */
  if (strcmp (name, "SHUTDOWN") == 0)
    {
      const char *why = lodge_qmp_string (data, "reason");

      g_free (guest->shutdown_reason);
      guest->shutdown_reason = bounded (why != NULL ? why : "guest-shutdown");
    }
  else if (strcmp (name, "BLOCK_IO_ERROR") == 0)
    block_error_event (self, data);
  else if (strcmp (name, "GUEST_PANICKED") == 0)
    lodge_machine_say (self, "guest-panicked", lodge_guest_details (self, NULL));
  else if (strcmp (name, "MIGRATION") == 0)
    lodge_stream_event (self, lodge_qmp_string (data, "status"));
  else if (strcmp (name, "DEVICE_DELETED") == 0 && lodge_qmp_string (data, "device") != NULL)
    lodge_machine_unplugged (self, lodge_qmp_string (data, "device"));
  else if (strcmp (name, "VSERPORT_CHANGE") == 0 && g_strcmp0 (lodge_qmp_string (data, "id"), "agent") == 0)
    {
      if (lodge_qmp_boolean (data, "open", FALSE))
        lodge_machine_agent_is_there (self);
    }
  else if (guest->start != NULL || guest->save != NULL || guest->held)
    return;
  else if (strcmp (name, "STOP") == 0)
    lodge_machine_query_status (self);
  else if (strcmp (name, "RESUME") == 0)
    guest_runs (self);
}
