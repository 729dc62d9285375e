/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-faults.h"
#include "core/config/lodge-profile.h"

G_BEGIN_DECLS

/* What the files lodge-profile-*.c and lodge-settings.c share; nobody else includes this but their tests. */

#define LODGE_MIB (G_GUINT64_CONSTANT (1) << 20)
#define LODGE_GIB (G_GUINT64_CONSTANT (1) << 30)
#define LODGE_TIB (G_GUINT64_CONSTANT (1) << 40)

#define LODGE_MEMORY_MIN (16 * LODGE_MIB)
#define LODGE_MEMORY_MAX (4 * LODGE_TIB)
#define LODGE_CORES_MAX 288
#define LODGE_DISK_SIZE_MIN LODGE_MIB
#define LODGE_DISK_SIZE_MAX (64 * LODGE_TIB)
#define LODGE_DISKS_MAX 32
#define LODGE_NICS_MAX 8
#define LODGE_SPARE_PORTS_MAX 16
#define LODGE_APPEND_MAX 2048
#define LODGE_SNAPSHOT_EVERY_MAX 10080 /* minutes: a week */
#define LODGE_BACKUP_EVERY_MAX 8760 /* hours: a year */

extern const char *const lodge_arch_words[];
extern const char *const lodge_family_words[];
extern const char *const lodge_chipset_words[];
extern const char *const lodge_firmware_words[];
extern const char *const lodge_bus_words[];
extern const char *const lodge_video_words[];
extern const char *const lodge_network_words[];
extern const char *const lodge_nic_model_words[];
extern const char *const lodge_sound_words[];
extern const char *const lodge_clock_words[];
extern const char *const lodge_pointer_words[];
extern const char *const lodge_cpu_words[];

const char *lodge_word_name  (const char *const *words, guint value); /* (nullable) */
gboolean    lodge_word_parse (const char *const *words, const char *text, guint *value);

typedef enum { LODGE_FIELD_STRING, LODGE_FIELD_UINT, LODGE_FIELD_UINT64, LODGE_FIELD_INT64, LODGE_FIELD_BOOL, LODGE_FIELD_WORD } LodgeFieldType;

/** LodgeField: one key of machine.json and where its value is in the structure; a key of %NULL ends a table. */
typedef struct
{
  const char        *key;
  LodgeFieldType     type;
  gsize              offset;
  const char *const *words;    /* WORD only */
  gboolean           required;
  guint64            min, max; /* UINT and UINT64 */
  gboolean           is_size;  /* told in MiB, GiB in sentences */
} LodgeField;

extern const LodgeField lodge_profile_fields[];
extern const LodgeField lodge_keep_fields[]; /* of LodgeProfile, too: written only where they are set */
extern const LodgeField lodge_disk_fields[];
extern const LodgeField lodge_nic_fields[];

/** lodge_profile_field: Returns: (transfer none): the field of machine.json that is called @key, which there has to be */
const LodgeField *lodge_profile_field (const char *key);

/** LodgeMigration: takes a document from schema @from to @from + 1, in place; a @step of %NULL ends a table. */
typedef struct
{
  guint from;
  void (*step) (JsonObject *document);
} LodgeMigration;

gboolean lodge_profile_migrate       (JsonObject *document, const LodgeMigration *table, guint target, GError **error);
void     lodge_profile_find_faults   (const LodgeProfile *profile, LodgeFaults *faults);

/** lodge_field_check_range: the sentence for a number of @field that is out of its range */
void     lodge_field_check_range     (const LodgeField *field, guint64 value, const char *path, LodgeFaults *faults);

G_END_DECLS
