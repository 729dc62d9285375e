/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-engine.h"

#include "core/config/lodge-size.h"
#include "core/machine/lodge-fork.h"
#include "core/machine/lodge-spare.h"
#include "core/machine/lodge-identifier.h"
#include "core/machine/lodge-launch.h"
#include "core/qemu/lodge-command-line.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_ARCHES (LODGE_ARCH_RISCV64 + 1)

typedef enum { PROBE_IDLE, PROBE_RUNNING, PROBE_DONE } ProbeState;

typedef struct
{
  LodgeEngine *engine;
  LodgeArch arch;
  ProbeState state;
  char *binary;                    /* (owned) (nullable) */
  struct stat stamp;               /* of the binary when it was probed */
  LodgeCapabilities *capabilities; /* (owned) (nullable) */
  GError *error;                   /* (owned) (nullable) */
} Target;

struct _LodgeEngine
{
  GObject parent_instance;

  const LodgePaths *paths;
  LodgeStore *store;         /* (owned) */
  GDBusConnection *session;  /* (owned) (nullable) */
  GCancellable *cancellable; /* (owned) ends the probes with the engine */
  LodgeHost *host;           /* (owned) (nullable) */
  LodgeSandbox *sandbox;     /* (owned) (nullable) */
  gboolean host_probing;
  gboolean sandbox_probing;
  Target targets[N_ARCHES];
  GPtrArray *waiting;        /* (element-type GTask) task data: the architecture */
  GPtrArray *sandbox_waiting; /* (element-type GTask) */
  LodgeIdentifier *identifier; /* (owned) */
  GHashTable *memories; /* (owned) of lodge-fork-open.c */
  GHashTable *spares;   /* (owned) of lodge-spare.c */
  LodgePromisedFunc promised; /* (nullable) */
  gpointer promised_data;
};

G_DEFINE_FINAL_TYPE (LodgeEngine, lodge_engine, G_TYPE_OBJECT)

enum { CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

static LodgeArch
native_arch (void)
{
#if defined (__aarch64__)
  return LODGE_ARCH_AARCH64;
#elif defined (__riscv)
  return LODGE_ARCH_RISCV64;
#else
  return LODGE_ARCH_X86_64;
#endif
}

/* Answers those whose answers have come. */
static void
answer_waiting (LodgeEngine *self)
{
  g_autoptr (GPtrArray) ready = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < self->waiting->len;)
    {
      GTask *task = g_ptr_array_index (self->waiting, i);
      Target *target = &self->targets[GPOINTER_TO_INT (g_task_get_task_data (task))];

      if (self->host != NULL && self->sandbox != NULL && target->state == PROBE_DONE)
        g_ptr_array_add (ready, g_ptr_array_steal_index (self->waiting, i));
      else
        i++;
    }

  for (guint i = 0; i < ready->len; i++)
    {
      GTask *task = g_ptr_array_index (ready, i);
      Target *target = &self->targets[GPOINTER_TO_INT (g_task_get_task_data (task))];

      if (target->capabilities != NULL)
        g_task_return_pointer (task, g_object_ref (target->capabilities), g_object_unref);
      else
        g_task_return_error (task, g_error_copy (target->error));
    }
}

static void
probe_ended (LodgeEngine *self)
{
  answer_waiting (self);
  g_signal_emit (self, signals[CHANGED], 0);
}

static void
host_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeEngine) self = data;
  LodgeHost *host = lodge_probe_host_finish (result, NULL);

  self->host_probing = FALSE;
  if (host == NULL)
    return;
  /* What Doctor found meanwhile is newer. */
  if (self->host != NULL)
    lodge_host_free (host);
  else
    self->host = host;
  probe_ended (self);
}

static void
answer_sandbox_waiting (LodgeEngine *self)
{
  g_autoptr (GPtrArray) ready = g_steal_pointer (&self->sandbox_waiting);

  self->sandbox_waiting = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < ready->len; i++)
    g_task_return_pointer (ready->pdata[i], self->sandbox != NULL ? g_object_ref (self->sandbox) : NULL, g_object_unref);
}

static void
sandbox_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeEngine) self = data;
  LodgeSandbox *sandbox = lodge_sandbox_probe_finish (result, NULL);

  self->sandbox_probing = FALSE;
  if (sandbox != NULL)
    g_set_object (&self->sandbox, sandbox);
  answer_sandbox_waiting (self);
  if (sandbox == NULL)
    return;
  g_object_unref (sandbox);
  probe_ended (self);
}

static void
capabilities_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Target *target = data;
  g_autoptr (LodgeEngine) self = target->engine;

  g_clear_object (&target->capabilities);
  g_clear_error (&target->error);
  target->capabilities = lodge_capabilities_probe_finish (result, &target->error);
  target->state = PROBE_DONE;
  probe_ended (self);
}

static gboolean
stamp_fits (const Target *target)
{
  struct stat now;

  return target->capabilities != NULL && stat (target->binary, &now) == 0
         && now.st_mtim.tv_sec == target->stamp.st_mtim.tv_sec
         && now.st_mtim.tv_nsec == target->stamp.st_mtim.tv_nsec
         && now.st_size == target->stamp.st_size && now.st_ino == target->stamp.st_ino;
}

static void
probe_target (LodgeEngine *self, Target *target)
{
  if (target->state == PROBE_RUNNING || (target->state == PROBE_DONE && stamp_fits (target)))
    return;

  g_free (target->binary);
  target->binary = lodge_capabilities_find_binary (target->arch);
  if (target->binary == NULL || stat (target->binary, &target->stamp) != 0)
    {
      g_clear_object (&target->capabilities);
      g_clear_error (&target->error);
      target->error = g_error_new (LODGE_ERROR, LODGE_ERROR_NO_QEMU,
                                   "there is no QEMU for %s on this host",
                                   lodge_arch_name (target->arch));
      target->state = PROBE_DONE;
      return;
    }

  target->state = PROBE_RUNNING;
  g_object_ref (self);
  lodge_capabilities_probe_async (target->binary, target->arch, self->paths->cache_dir,
                                  self->cancellable, capabilities_cb, target);
}

static void
lodge_engine_dispose (GObject *object)
{
  LodgeEngine *self = LODGE_ENGINE (object);

  g_cancellable_cancel (self->cancellable);

  G_OBJECT_CLASS (lodge_engine_parent_class)->dispose (object);
}

static void
lodge_engine_finalize (GObject *object)
{
  LodgeEngine *self = LODGE_ENGINE (object);

  g_clear_object (&self->identifier);
  g_clear_object (&self->store);
  g_clear_object (&self->session);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->host, lodge_host_free);
  g_clear_object (&self->sandbox);
  for (guint i = 0; i < N_ARCHES; i++)
    {
      g_free (self->targets[i].binary);
      g_clear_object (&self->targets[i].capabilities);
      g_clear_error (&self->targets[i].error);
    }
  g_ptr_array_unref (self->waiting);
  g_ptr_array_unref (self->sandbox_waiting);
  g_hash_table_unref (self->memories);
  g_hash_table_unref (self->spares);

  G_OBJECT_CLASS (lodge_engine_parent_class)->finalize (object);
}

static void
lodge_engine_class_init (LodgeEngineClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = lodge_engine_dispose;
  object_class->finalize = lodge_engine_finalize;
  signals[CHANGED] = g_signal_new ("changed", LODGE_TYPE_ENGINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 0);
}

static void
lodge_engine_init (LodgeEngine *self)
{
  self->cancellable = g_cancellable_new ();
  self->memories = lodge_fork_memories_new ();
  self->spares = lodge_spares_new ();
  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  self->sandbox_waiting = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < N_ARCHES; i++)
    {
      self->targets[i].engine = self;
      self->targets[i].arch = (LodgeArch) i;
    }
}

LodgeEngine *
lodge_engine_new (const LodgePaths *paths, LodgeStore *store, GDBusConnection *session)
{
  LodgeEngine *self = g_object_new (LODGE_TYPE_ENGINE, NULL);

  self->paths = paths;
  self->store = g_object_ref (store);
  g_set_object (&self->session, session);
  self->identifier = lodge_identifier_new (self);
  return self;
}

static void
probe_programs (LodgeEngine *self)
{
  if (!self->sandbox_probing)
    {
      self->sandbox_probing = TRUE;
      lodge_sandbox_probe_async (self->cancellable, sandbox_cb, g_object_ref (self));
    }
  /* The other architectures' are probed when a machine asks; most people never do. */
  probe_target (self, &self->targets[native_arch ()]);
}

void
lodge_engine_probe (LodgeEngine *self)
{
  g_autofree char *qemu = lodge_capabilities_find_binary (native_arch ());

  if (self->host == NULL && !self->host_probing)
    {
      self->host_probing = TRUE;
      lodge_probe_host_async (self->paths, qemu, FALSE, self->cancellable, host_cb, g_object_ref (self));
    }
  probe_programs (self);
}

void
lodge_engine_look_again (LodgeEngine *self, LodgeHost *host)
{
  g_clear_pointer (&self->host, lodge_host_free);
  self->host = host;
  probe_programs (self);
  probe_ended (self);
}

void
lodge_engine_prepare_async (LodgeEngine *self, LodgeArch arch, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (self, cancellable, callback, data);

  g_return_if_fail ((guint) arch < N_ARCHES);

  g_task_set_source_tag (task, lodge_engine_prepare_async);
  g_task_set_task_data (task, GINT_TO_POINTER (arch), NULL);
  g_ptr_array_add (self->waiting, task);
  if (self->host == NULL || self->sandbox == NULL)
    lodge_engine_probe (self);
  probe_target (self, &self->targets[arch]);
  answer_waiting (self);
}

LodgeCapabilities *
lodge_engine_prepare_finish (LodgeEngine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
lodge_engine_wait_sandbox_async (LodgeEngine *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                 gpointer data)
{
  GTask *task = g_task_new (self, cancellable, callback, data);

  g_task_set_source_tag (task, lodge_engine_wait_sandbox_async);
  g_ptr_array_add (self->sandbox_waiting, task);
  if (self->sandbox != NULL)
    answer_sandbox_waiting (self);
  else if (!self->sandbox_probing)
    lodge_engine_probe (self);
}

LodgeSandbox *
lodge_engine_wait_sandbox_finish (LodgeEngine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

const LodgePaths *
lodge_engine_get_paths (LodgeEngine *self)
{
  return self->paths;
}

GDBusConnection *
lodge_engine_get_session (LodgeEngine *self)
{
  return self->session;
}

LodgeStore *
lodge_engine_get_store (LodgeEngine *self)
{
  return self->store;
}

const LodgeHost *
lodge_engine_get_host (LodgeEngine *self)
{
  if (self->host != NULL)
    lodge_probe_memory (self->host);
  return self->host;
}

LodgeSandbox *
lodge_engine_get_sandbox (LodgeEngine *self)
{
  return self->sandbox;
}

void
lodge_engine_look_for_audio (LodgeEngine *self)
{
  if (self->host != NULL)
    lodge_probe_audio (self->paths, self->host);
}

GVariant *
lodge_engine_get_facts (LodgeEngine *self)
{
  const LodgeHost *host = lodge_engine_get_host (self);
  const Target *native = &self->targets[native_arch ()];
  GVariantBuilder arches;
  GVariantBuilder backends;
  GVariantDict facts;

  g_variant_dict_init (&facts, NULL);
  if (host != NULL)
    {
      g_variant_dict_insert (&facts, "acceleration", "s", host->accel == LODGE_ACCEL_KVM ? "kvm" : "tcg");
      g_variant_dict_insert (&facts, "acceleration-reason", "s", host->accel_reason);
      g_variant_dict_insert (&facts, "cores", "u", host->cores);
      g_variant_dict_insert (&facts, "memory", "t", host->memory);
      g_variant_dict_insert (&facts, "memory-available", "t", host->memory_available);
      g_variant_dict_insert (&facts, "audio", "s", host->audio_driver);
    }
  if (self->sandbox != NULL)
    {
      /* Of a QEMU that is not known yet, or cannot be used, nothing bad is said. */
      gboolean seccomp = native->capabilities == NULL || lodge_capabilities_has_sandbox (native->capabilities);
      const char *reason;
      LodgeConfinement level = lodge_sandbox_judge (self->sandbox, seccomp, &reason);

      g_variant_dict_insert (&facts, "confinement", "s", lodge_confinement_name (level));
      g_variant_dict_insert (&facts, "confinement-reason", "s", reason);
    }
  if (native->capabilities != NULL)
    {
      g_variant_dict_insert (&facts, "qemu-version", "s", lodge_capabilities_get_version (native->capabilities));
      g_variant_dict_insert (&facts, "qemu-path", "s", native->binary);
    }

  g_variant_builder_init (&arches, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; i < N_ARCHES; i++)
    {
      g_autofree char *binary = lodge_capabilities_find_binary ((LodgeArch) i);

      if (binary != NULL && self->targets[i].error == NULL)
        g_variant_builder_add (&arches, "s", lodge_arch_name ((LodgeArch) i));
    }
  g_variant_dict_insert_value (&facts, "architectures", g_variant_builder_end (&arches));

  g_variant_builder_init (&backends, G_VARIANT_TYPE_STRING_ARRAY);
  if (host != NULL)
    {
      const char *reason;
      const char *backend = lodge_launch_gl_backend (native->capabilities, host, &reason);

      if (strcmp (backend, "none") != 0)
        g_variant_builder_add (&backends, "s", backend);
      g_variant_dict_insert (&facts, "gl-reason", "s", reason);
    }
  g_variant_dict_insert_value (&facts, "gl-backends", g_variant_builder_end (&backends));

  return g_variant_dict_end (&facts);
}

LodgeIdentifier *
lodge_engine_get_identifier (LodgeEngine *self)
{
  return self->identifier;
}

void
lodge_engine_set_promised (LodgeEngine *self, LodgePromisedFunc func, gpointer data)
{
  self->promised = func;
  self->promised_data = data;
}

void
lodge_engine_get_amounts (LodgeEngine *self, const char *except, LodgeAmountsHost *host)
{
  const LodgeHost *probed = lodge_engine_get_host (self);
  guint64 page = (guint64) sysconf (_SC_PAGESIZE);
  gint64 promised;

  host->memory = probed != NULL ? probed->memory : (guint64) sysconf (_SC_PHYS_PAGES) * page;
  host->available = probed != NULL ? probed->memory_available : (guint64) sysconf (_SC_AVPHYS_PAGES) * page;
  host->cores = probed != NULL ? probed->cores : g_get_num_processors ();
  promised = self->promised != NULL ? self->promised (self->promised_data, except) : 0;
  host->promised = promised > 0 ? (guint64) promised : 0;
  if (promised < 0)
    host->available += (guint64) -promised;
}

gboolean
lodge_engine_check_profile (LodgeEngine *self, const LodgeProfile *profile, GError **error)
{
  LodgeAmountsSystem system = { 0 };
  LodgeAmountsHost host;
  LodgeAmounts amounts;

  lodge_engine_get_amounts (self, NULL, &host);
  lodge_amounts_compute (&host, &system, &amounts);
  if (lodge_amounts_judge_memory (&amounts, profile->memory) == LODGE_JUDGEMENT_IMPOSSIBLE)
    {
      g_autofree char *wanted = lodge_memory_format (profile->memory);
      g_autofree char *there = lodge_memory_format (amounts.memory_maximum);

      g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE,
                   "memory: %s is out of range: 16 MB to %s, which the host has", wanted, there);
      return FALSE;
    }
  if (lodge_amounts_judge_cores (&amounts, profile->cores) == LODGE_JUDGEMENT_IMPOSSIBLE)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE,
                   "cores: %u is out of range: 1 to %u, as the host has %u", profile->cores,
                   amounts.cores_maximum, amounts.cores_host);
      return FALSE;
    }
  return TRUE;
}

GHashTable *
lodge_engine_get_memories (LodgeEngine *self)
{
  return self->memories;
}

GHashTable *
lodge_engine_get_spares (LodgeEngine *self)
{
  return self->spares;
}
