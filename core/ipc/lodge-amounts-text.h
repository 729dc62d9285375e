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

G_END_DECLS
