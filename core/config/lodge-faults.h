/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

#define LODGE_FAULTS_MAX 32

/**
 * LodgeFaults: what is wrong with a document, collected so that it can be told at once: a sentence
 * for each fault, led by the path of the field ("disks[1].bus"). On one field only the first is
 * kept, since the rest usually follows from it.
 */
typedef struct
{
  GPtrArray *sentences;
  GPtrArray *paths;
  LodgeError first;
  guint      left_out; /* beyond LODGE_FAULTS_MAX */
} LodgeFaults;

void     lodge_faults_init     (LodgeFaults *faults);
void     lodge_faults_clear    (LodgeFaults *faults);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LodgeFaults, lodge_faults_clear)

void     lodge_faults_add      (LodgeFaults *faults, LodgeError code, const char *path,
                                const char *format, ...) G_GNUC_PRINTF (4, 5);

/** lodge_faults_has: whether @path, or anything when %NULL, has a fault */
gboolean lodge_faults_has      (const LodgeFaults *faults, const char *path);

/** lodge_faults_to_error: Returns: TRUE when there is no fault; else @error has all sentences, one a line */
gboolean lodge_faults_to_error (const LodgeFaults *faults, GError **error);

/** lodge_quote: Returns: (transfer full): untrusted @text for a sentence: in quotation marks, printable, at most 40 characters */
char    *lodge_quote           (const char *text);

G_END_DECLS
