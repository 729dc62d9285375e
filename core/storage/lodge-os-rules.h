/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"
#include "core/storage/lodge-disc.h"

G_BEGIN_DECLS

/** LodgeOsMatch: which system a disc or disk image holds; strings may be empty, never NULL */
typedef struct
{
  char       *os;         /* libosinfo's short id where it has one: "debian13" */
  char       *name;       /* for people, where the system is not in Lodge's own list */
  char       *version;
  char       *variant;    /* "netinst", "desktop", "server" */
  char       *arch;       /* as people of that system say, in one form: "x86_64", "i686", "aarch64", "ppc64le" */
  char       *confidence; /* "exact", "likely" (the version is a guess), "family", "none" */
  LodgeFamily family;
  gboolean    installer;
  gboolean    live;
  guint64     memory_minimum; /* bytes, 0: not known; from libosinfo */
  guint64     memory;
  guint64     disk_size;
} LodgeOsMatch;

LodgeOsMatch *lodge_os_match_new  (void);
LodgeOsMatch *lodge_os_match_copy (const LodgeOsMatch *match);
void          lodge_os_match_free (LodgeOsMatch *match);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeOsMatch, lodge_os_match_free)

/** lodge_os_match_set: replaces one of its strings */
void          lodge_os_match_set  (char **field, const char *text);

/**
 * LodgeOsRules: the list of share/lodge/os/media.json, whose first entry that fits says which system it is.
 *
 * An entry has conditions, which must all hold: regular expressions (letters count as the same in both cases)
 * on "volume", "system", "publisher", "application" and "udf" (LodgeDiscFacts), "windows"
 * (lodge_disc_describe_windows), "file-name" (what the person calls it) and "disk" (LodgeImage's
 * partitions, "linux", "windows", "freebsd"…); "files", an object of paths and expressions on their beginning ("" when
 * it only must be there); "any-file", a list of paths of which one must be there; "floppy": true.
 * The other keys are what it says then: os, name, family, version, variant, arch, confidence, installer, live.
 * \1 in them stands for what matched in brackets in the first of volume, windows, application, file-name, and the files.
 */
typedef struct _LodgeOsRules LodgeOsRules;

/** lodge_os_rules_new: Error: WRONG_FORMAT with the number of the entry and its key */
LodgeOsRules *lodge_os_rules_new  (const char *text, gsize length, GError **error);
void          lodge_os_rules_free (LodgeOsRules *rules);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeOsRules, lodge_os_rules_free)

/**
 * lodge_os_rules_match:
 * @disc: (nullable): for a disc image
 * @partitions: (nullable): for a disk image, what kind of system its partitions are of
 *
 * With @only_families the entries whose confidence is "family" or "none", else the others.
 *
 * Returns: (transfer full) (nullable)
 */
LodgeOsMatch *lodge_os_rules_match (LodgeOsRules *rules, LodgeDisc *disc, const char *partitions, const char *file_name,
                                    gboolean only_families);

/** lodge_os_arch_word: "amd64" to "x86_64" and so on. Returns: (transfer none): @word itself when it is not known */
const char   *lodge_os_arch_word  (const char *word);

G_END_DECLS
