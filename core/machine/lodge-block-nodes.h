/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* What QEMU tells of the images that it has open. */

/** How the node of a new layer's file is called, behind the name of the layer's */
#define LODGE_BLOCK_LAYER_FILE "-f"

/**
 * lodge_block_find: the node over the image at @path
 * @nodes: (nullable): query-named-block-nodes' answer
 * @path: plain, as QEMU was told it
 *
 * Returns: (transfer none) (nullable): NULL also where there are several
 */
const char *lodge_block_find      (JsonArray *nodes, const char *path);

/** lodge_block_file_name: Returns: (transfer full) (nullable): the last part of an image's name as QEMU tells it; @file: (nullable) */
char       *lodge_block_file_name (const char *file);

/**
 * lodge_block_top: the node on top of a disk now: a snapshot may have put one over that of the start
 * @blocks: (nullable): query-block's answer
 * @disk: id
 * @file: (out) (optional) (transfer full): the last part of its file's name
 *
 * Returns: (transfer none) (nullable): its name
 */
const char *lodge_block_top       (JsonArray *blocks, const char *disk, char **file);

/**
 * lodge_block_named: the nodes over files of these names that were opened by name, in an order in which they can be closed
 * @nodes: (nullable): query-named-block-nodes' answer
 * @files: (element-type utf8): paths, of which the last part counts, from the top of the disk down
 *
 * Returns: (transfer full) (element-type utf8)
 */
GPtrArray  *lodge_block_named     (JsonArray *nodes, GPtrArray *files);

G_END_DECLS
