/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-job.h"
#include "core/machine/lodge-machine-share.h"
#include "core/machine/lodge-machine.h"
#include "core/machine/lodge-saved.h"
#include "core/qemu/lodge-guest-agent.h"
#include "core/qemu/lodge-log-file.h"
#include "core/qemu/lodge-process.h"
#include "core/qemu/lodge-qmp-client.h"
#include "core/sharing/lodge-helper.h"

G_BEGIN_DECLS

/** LodgeGuestHelper: a helper process of the guest */
typedef struct
{
  LodgeMachine *machine;
  LodgeHelper  *helper;  /* (owned) */
  LodgeLogFile *log;     /* (owned) (nullable) keeps what it writes within bounds */
  gboolean      ended;
  int           wait_status;
  guint         judge_id; /* source: whether it ended with QEMU or before it */
} LodgeGuestHelper;

/**
 * LodgeGuest: what exists only while there is a QEMU, from the first step of a start until all of
 * it is gone again. lodge_guest_free() takes back whatever of it is there.
 */
typedef struct
{
  guint               serial;  /* tells one guest of a machine from the next */
  LodgeProfile       *profile; /* (owned) as it was at the start */
  LodgeRuntimeRecord *record;  /* (owned) (nullable) until the runtime folder is there */
  LodgeProcess       *process; /* (owned) (nullable) until it is spawned */
  LodgeQmpClient     *qmp;     /* (owned) (nullable) until it is connected */
  LodgeGuestAgent    *agent;   /* (owned) (nullable) until something is asked of it */
  GPtrArray          *helpers; /* (element-type LodgeGuestHelper) */
  GPtrArray          *locks;   /* (owned) (nullable) (element-type LodgeDiskLock) */
  LodgeLogFile       *log_file; /* (owned) (nullable) keeps what QEMU writes within bounds */
  char               *log;     /* (owned) (nullable) path */
  goffset             log_start; /* where this guest's part of the log begins */

  GTask              *start;   /* (owned) (nullable) the Start that is under way */
  gpointer            waiting; /* (owned) (nullable) a start of lodge_machine_start_ahead() that has come as far as it can */
  char               *place;   /* (owned) (nullable) where QEMU sees the machine's folder, when it is not there yet */
  GError             *start_error; /* (owned) (nullable) why it was given up, once known */
  GPtrArray          *off_waiters; /* (element-type GTask) ForceOff calls */
  GPtrArray          *unplugging;  /* (element-type GTask) who waits for it to let go of a disk */
  struct _LodgeMachineSave *save;  /* (owned) (nullable) the Save that is under way */
  gboolean            renewing;    /* it is to get the identity of a clone, or a folder, through its agent, and no command begins before that */
  gboolean            settling;    /* that is under way */
  gboolean            refused;     /* it wants no other identity */
  gboolean            mounted;     /* or could not be */
  gboolean            missing;     /* it has the identity of its parent, and people are told */
  guint               settle_id;   /* source: the next try */
  guint               missing_id;  /* source: it has had its time */
  guint               n_settled;   /* tries that had no answer */
  LodgeShare         *share;       /* (owned) (nullable) folder of the host that it has */
  char               *share_error; /* (owned) (nullable) why it has it not, after all */
  double              stood;       /* seconds for the last snapshot or clone, 0: none was made */
  gboolean            held;        /* it stands still for a moment, for a snapshot: its state does not follow */
  GTask              *stream;      /* (owned) (nullable) whoever waits for the stream of its memory */
  LodgeJob           *check;       /* (owned) (nullable) of the disks, before QEMU may have them */
  gboolean            killed;      /* by us: what it said before of an orderly end does not count */
  gboolean            in_use;      /* the guest may have written to its disks */
  gboolean            force_off;   /* ForceOff was asked */
  gboolean            shutdown_asked;
  gboolean            user_pause;  /* Pause was asked, or Start with paused */
  gboolean            unspent;     /* it was resumed, has not run since, and saved/ is still there: lodge_machine_spend_saved() */
  gboolean            exited;
  int                 wait_status;
  char               *shutdown_reason; /* (owned) (nullable) of the SHUTDOWN event */
  char               *block_error;     /* (owned) (nullable) node of the last BLOCK_IO_ERROR */
  gboolean            block_nospace;
  guint               kill_id;  /* source: QEMU did not obey quit */
  guint               close_id; /* source: the process is gone but the QMP socket is not */
  guint               close_stage;
  guint               reconnect_id; /* source: the QMP connection broke under a guest that lives */
  int                 inner_fd; /* pidfd of what bubblewrap stands around, or -1 */
  guint               n_reconnects;
  guint               start_id; /* source: QEMU gives no greeting */
  guint               n_waited; /* seconds for the greeting */
  guint               n_idle;   /* how many of them it slept */
  guint               space_id; /* source: looks whether there is space again */
  guint               fdset;    /* counter for names of passed descriptors */
} LodgeGuest;

struct _LodgeMachine
{
  GObject parent_instance;

  LodgeEngine      *engine;  /* (owned) */
  char             *id;      /* (owned) */
  LodgeStoreEntry  *entry;   /* (nullable) the store's; NULL when the folder is gone */
  char             *name;    /* (owned) the last one known */
  char             *folder;  /* (owned) the last one known */
  LodgeMachineState state;
  char             *reason;  /* (owned) */
  GVariant         *details; /* (owned) a{sv} */
  char             *reason_before;  /* (owned) (nullable) what the reason was when the folder went */
  GVariant         *details_before; /* (owned) (nullable) */
  gint64            last_started;
  LodgeGuest       *guest;   /* (owned) (nullable) */
  guint             n_guests;
  guint             n_occupied; /* works on the disks, while it is off */
  char             *doing;      /* (owned) (nullable) what they are, for a sentence */
  GPtrArray        *clones_waiting; /* (owned) (nullable) (element-type GTask) for a freeze that is under way */
  gboolean          freezing;
  char             *shown_snapshot; /* (owned) (nullable) the one that it came from, while a snapshot for clones is there */
  gboolean          opening;    /* a disposable one that is still to start */
  GQueue            inputs; /* (element-type GTask) (owned) SendKeys and TypeText; the first is under way */
  struct _LodgeMachineMerge *merge; /* (nullable) of layers, which goes on by itself */
  struct _LodgeSpare *spare; /* (nullable) of a template; lodge-spare.c has it */
  LodgeShare       *share;   /* (owned) (nullable) for the guest that is started next */
  GCancellable     *backup;  /* (owned) (nullable) of a backup that is made by itself */
  GQueue            waiting; /* methods that wait until those two have given way: lodge-machine-wait.c */
  GError           *left_out; /* (owned) (nullable) why the last start goes without the snapshot that is taken before each */
  gboolean          left_out_new; /* which nobody was told yet */
  const char       *busy;    /* (nullable) why much cannot be done now, for a sentence */
  gboolean          restoring; /* from the snapshot that is taken before it on: no layers are merged */
  LodgeSaved       *saved;   /* (owned) (nullable) in state saved, where it can be read */
  struct _LodgeRamFill *fill; /* (owned) (nullable) the memory that the next start is going to want */
};

/* lodge-machine.c */
void     lodge_machine_change         (LodgeMachine *self, LodgeMachineChange change, const char *reason, GVariant *details);
void     lodge_machine_say            (LodgeMachine *self, const char *reason, GVariant *details);
void     lodge_machine_notify         (LodgeMachine *self);
void     lodge_machine_emit_stopped   (LodgeMachine *self);
void     lodge_machine_emit_snapshots (LodgeMachine *self);
void     lodge_machine_emit_job       (LodgeMachine *self, LodgeJob *job);
void     lodge_machine_follow_entry   (LodgeMachine *self);
void     lodge_machine_mark_started   (LodgeMachine *self);
gboolean lodge_machine_check          (LodgeMachine *self, LodgeMethod method, GError **error);

/* lodge-guest.c */
LodgeGuest *lodge_guest_new           (LodgeMachine *self, LodgeProfile *profile); /* profile: taken */
void        lodge_guest_free          (LodgeGuest *guest);
char       *lodge_guest_log_tail      (LodgeGuest *guest);
void        lodge_guest_watch_process (LodgeMachine *self);
void        lodge_guest_write_record  (LodgeMachine *self); /* what its profile has become, for the next core */
void        lodge_guest_follow_folder (LodgeGuest *guest, const char *folder); /* (nullable) it is gone */
void        lodge_guest_watch_helper  (LodgeMachine *self, LodgeHelper *helper, const char *log); /* helper: taken */
void        lodge_guest_connect       (LodgeMachine *self, LodgeQmpClient *qmp);
void        lodge_guest_reconnect_later (LodgeMachine *self);
void        lodge_guest_hold_inner    (LodgeMachine *self);
void        lodge_guest_limit_greeting (LodgeMachine *self); /* kills a QEMU that hangs, until start_id is cleared */
void        lodge_guest_kill          (LodgeMachine *self);
GVariant   *lodge_guest_details       (LodgeMachine *self, const char *message);

/* lodge-machine-start.c */
void     lodge_machine_start          (LodgeMachine *self, GTask *task, GVariant *options);
/* A machine that is no machine yet, in a hidden folder with a saved memory, is started until it would run; a Start goes on from there.
 * @place: where the folder will be; @task: taken; answered when it failed or its guest ended before that, or when it goes on */
void     lodge_machine_start_ahead    (LodgeMachine *self, const char *place, GTask *task);
void     lodge_machine_start_forget   (gpointer waiting);

/* lodge-machine-control.c */
void     lodge_machine_command        (LodgeMachine *self, const char *command, JsonObject *arguments, GTask *task);
void     lodge_machine_force_off      (LodgeMachine *self, GTask *task);
void     lodge_machine_quit           (LodgeMachine *self);

/* lodge-machine-disk-plug.c */
void     lodge_machine_unplugged      (LodgeMachine *self, const char *id); /* QEMU's DEVICE_DELETED */
void     lodge_machine_unplug_ended   (LodgeMachine *self); /* QEMU is gone; answers whoever waits */

/* lodge-machine-adopt.c */
void     lodge_machine_reconnect      (LodgeMachine *self);

/* lodge-machine-events.c */
void     lodge_machine_event          (LodgeMachine *self, const char *name, JsonObject *data);
void     lodge_machine_query_status   (LodgeMachine *self);
void     lodge_machine_apply_status   (LodgeMachine *self, const char *status); /* what query-status said */
gboolean lodge_machine_has_space      (LodgeMachine *self, guint64 *needed);

/* lodge-machine-medium.c */
int      lodge_machine_open_medium    (const char *path, GError **error); /* NOT_FOUND, NOT_READABLE, WRONG_FORMAT */
void     lodge_machine_change_medium  (LodgeMachine *self, const char *drive, const char *path, GTask *task);

/* lodge-broker.c */
void     lodge_broker_open_display    (LodgeMachine *self, GTask *task);
void     lodge_broker_open_channel    (LodgeMachine *self, const char *channel, GTask *task);
void     lodge_broker_screenshot      (LodgeMachine *self, GTask *task);

G_END_DECLS
