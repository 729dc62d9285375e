/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gdk/gdk.h>

#include "lodge-core1.h"

G_BEGIN_DECLS

typedef enum
{
  LODGE_MACHINE_OFF,
  LODGE_MACHINE_STARTING,
  LODGE_MACHINE_RUNNING,
  LODGE_MACHINE_PAUSED,
  LODGE_MACHINE_STOPPING,
  LODGE_MACHINE_BROKEN,
  LODGE_MACHINE_SAVING,
  LODGE_MACHINE_SAVED,
} LodgeMachineState;

/* The groups of the library, in their order. */
typedef enum
{
  LODGE_MACHINE_GROUP_RUNNING,
  LODGE_MACHINE_GROUP_MACHINES,
  LODGE_MACHINE_GROUP_TEMPLATES,
} LodgeMachineGroup;

/**
 * LodgeMachineItem:
 *
 * One machine as the window shows it. It outlives the core that it was filled from: while that is
 * away the last known values stay, and there is no proxy to call.
 *
 * There may be thousands: one is values alone until somebody wants to call it, and has only those that a list shows (id,
 * name, state and its reason, fault, template, disposable, origin, the settings os, family and memory) until somebody wants
 * it whole.
 *
 * Signal "changed": some value changed, or the core came or went; the properties name, state, group, picture and busy notify too.
 */
#define LODGE_TYPE_MACHINE_ITEM (lodge_machine_item_get_type ())
G_DECLARE_FINAL_TYPE (LodgeMachineItem, lodge_machine_item, LODGE, MACHINE_ITEM, GObject)

LodgeMachineItem *lodge_machine_item_new              (const char       *object_path);
const char       *lodge_machine_item_get_object_path  (LodgeMachineItem *self);

/**
 * lodge_machine_item_connect:
 * @owner: the core's unique name
 * @values: a{sv}, the properties of org.lodgevm.Core1.Machine
 * @whole: whether these are all of them; else those of a list, which leaves out what holds nothing
 */
void              lodge_machine_item_connect          (LodgeMachineItem *self, GDBusConnection *connection,
                                                       const char *owner, GVariant *values, gboolean whole);
/* The core is gone. */
void              lodge_machine_item_disconnect       (LodgeMachineItem *self);
gboolean          lodge_machine_item_is_connected     (LodgeMachineItem *self);
/* Asks for the values that are missing, and again after each time that the core was gone; "changed" tells that they are there. */
void              lodge_machine_item_load             (LodgeMachineItem *self);
/* Whether all values are known, be it those of before the core went. */
gboolean          lodge_machine_item_is_whole         (LodgeMachineItem *self);
/* @changed: a{sv}, those of the properties that changed */
void              lodge_machine_item_take             (LodgeMachineItem *self, GVariant *changed);

/**
 * lodge_machine_item_get_proxy:
 *
 * For calls and signals; it has no properties, this object has them.
 *
 * Returns: (nullable) (transfer none): %NULL while the core is gone
 */
LodgeIpcMachine  *lodge_machine_item_get_proxy        (LodgeMachineItem *self);

const char       *lodge_machine_item_get_id           (LodgeMachineItem *self);
const char       *lodge_machine_item_get_name         (LodgeMachineItem *self);
const char       *lodge_machine_item_get_folder       (LodgeMachineItem *self);
LodgeMachineState lodge_machine_item_get_state        (LodgeMachineItem *self);
LodgeMachineGroup lodge_machine_item_get_group        (LodgeMachineItem *self);
/* By group, then by name: a #GCompareDataFunc. */
int               lodge_machine_item_compare          (gconstpointer a, gconstpointer b, gpointer unused);
/* What is typed into a search, once for all machines, (transfer full); and whether the name has it in it. */
char             *lodge_machine_item_search_key       (const char *text);
gboolean          lodge_machine_item_matches          (LodgeMachineItem *self, const char *key);
const char       *lodge_machine_item_get_state_reason (LodgeMachineItem *self);
GVariant         *lodge_machine_item_get_state_details (LodgeMachineItem *self);
gboolean          lodge_machine_item_is_pending       (LodgeMachineItem *self, const char *key);
guint             lodge_machine_item_get_n_pending    (LodgeMachineItem *self);
/* The keys that wait for the next start, (nullable) (transfer none) */
const char *const *lodge_machine_item_get_pending     (LodgeMachineItem *self);
/* What the running guest has of those keys: a{sv}, (transfer full) (nullable) */
GVariant         *lodge_machine_item_dup_running_settings (LodgeMachineItem *self);

/* The family: whether machines are made from it, whether it goes with its guest, and what it was made from (keys of
 * Machine.Origin: "machine", "machine-name", "snapshot", "kind"). */
gboolean          lodge_machine_item_is_template      (LodgeMachineItem *self);
gboolean          lodge_machine_item_is_disposable    (LodgeMachineItem *self);
const char       *lodge_machine_item_origin_string    (LodgeMachineItem *self, const char *key, const char *fallback);
/* What is done by itself and when: a{sv}, (transfer none); keys of Machine.Automatic. */
GVariant         *lodge_machine_item_get_automatic    (LodgeMachineItem *self);
/* The id of the snapshot that the present state goes on from; "" for none. */
const char       *lodge_machine_item_get_current_snapshot (LodgeMachineItem *self);
/* Seconds since the epoch, 0 for never. */
gint64            lodge_machine_item_get_last_started (LodgeMachineItem *self);

/* Whether there is a guest whose picture can be asked for: running, paused or stopping. */
gboolean          lodge_machine_item_is_up            (LodgeMachineItem *self);

/* Returns: (transfer full) (nullable): the value of @key in Settings */
GVariant         *lodge_machine_item_lookup_setting   (LodgeMachineItem *self, const char *key);

/* Values of the dictionaries; the fallback where the key is missing or has another type. */
const char       *lodge_machine_item_setting_string   (LodgeMachineItem *self, const char *key, const char *fallback);
guint64           lodge_machine_item_setting_uint     (LodgeMachineItem *self, const char *key, guint64 fallback);
gboolean          lodge_machine_item_setting_boolean  (LodgeMachineItem *self, const char *key, gboolean fallback);
const char       *lodge_machine_item_detail_string    (LodgeMachineItem *self, const char *key, const char *fallback);
guint64           lodge_machine_item_detail_uint      (LodgeMachineItem *self, const char *key, guint64 fallback);
const char       *lodge_machine_item_effective_string (LodgeMachineItem *self, const char *key, const char *fallback);
const char       *lodge_machine_item_fault_string     (LodgeMachineItem *self, const char *key, const char *fallback);
gboolean          lodge_machine_item_fault_boolean    (LodgeMachineItem *self, const char *key);

/* The last picture of the screen, (nullable) when none is known. */
GdkPaintable     *lodge_machine_item_get_picture      (LodgeMachineItem *self);
void              lodge_machine_item_set_picture      (LodgeMachineItem *self, GdkPaintable *picture);

/* Whether an open console gives the picture, so that none need be asked for. */
gboolean          lodge_machine_item_has_viewer       (LodgeMachineItem *self);
void              lodge_machine_item_set_viewer       (LodgeMachineItem *self, gboolean viewer);

/* Calls under way that the person waits for; a spinner shows while there are any. */
gboolean          lodge_machine_item_is_busy          (LodgeMachineItem *self);
void              lodge_machine_item_push_busy        (LodgeMachineItem *self);
void              lodge_machine_item_pop_busy         (LodgeMachineItem *self);

G_END_DECLS
