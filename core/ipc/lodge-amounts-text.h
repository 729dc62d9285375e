/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * lodge_memory_judgement_text:
 * @amounts: a{sv}, what Core1.Amounts answered; its memory-judgement is worded
 * @memory: bytes that were judged
 *
 * Returns: (transfer full) (nullable): a sentence for people: "12 of 16 GB: other programs may slow down"; NULL when all is well
 */
char *lodge_memory_judgement_text (GVariant *amounts, guint64 memory);

/** lodge_cores_judgement_text: the same for cores */
char *lodge_cores_judgement_text  (GVariant *amounts, guint cores);

/**
 * lodge_memory_marks_text:
 * @amounts: a{sv}, as above
 * @recommended: bytes that serve the system; 0 when that is not known
 *
 * Returns: (transfer full): "Recommended 2 GB, free now 9 GB, this computer has 16 GB"
 */
char *lodge_memory_marks_text     (GVariant *amounts, guint64 recommended);

/** lodge_cores_marks_text: "Recommended 2, this computer has 8" */
char *lodge_cores_marks_text      (GVariant *amounts, guint recommended);

G_END_DECLS
