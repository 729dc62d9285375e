/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/* The words for a machine: what the windows say about it. All translated. */

/* The word and the symbolic icon of a state; colour alone never says it. */
const char *lodge_machine_text_state        (LodgeMachineItem *item);
const char *lodge_machine_text_state_icon   (LodgeMachineItem *item);

/**
 * lodge_machine_text_reason:
 *
 * Returns: (nullable) (transfer full): why it is in its state, a sentence; %NULL when there is nothing to say
 */
char       *lodge_machine_text_reason       (LodgeMachineItem *item);

/* One line each for the cards of the machine page. (transfer full) */
char       *lodge_machine_text_system       (LodgeMachineItem *item);
char       *lodge_machine_text_display      (LodgeMachineItem *item);
char       *lodge_machine_text_storage      (LodgeMachineItem *item);
char       *lodge_machine_text_network      (LodgeMachineItem *item);

/* What is wrong with a broken machine's folder. (transfer full) */
char       *lodge_machine_text_fault        (LodgeMachineItem *item);

/* What 3D really uses on the running guest, or will use; @reason a code of the contract. (transfer full) */
char       *lodge_machine_text_3d           (const char *backend, const char *reason);

/**
 * lodge_text_setting:
 * @key: of Settings
 *
 * Returns: (transfer none): what people call it, as a row's title: "Memory"; the key itself where there is no row
 */
const char *lodge_text_setting              (const char *key);

/* Sizes of memory and disks, which are powers of two: "4 GB", "512 MB". (transfer full) */
char       *lodge_text_size                 (guint64 bytes);

/* "UEFI", "BIOS", ... */
const char *lodge_text_firmware             (const char *firmware);

G_END_DECLS
