/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/sharing/lodge-helper.h"

G_BEGIN_DECLS

/*
 * The network of a guest by passt: user-mode, no privilege, no bridge. The guest gets 10.0.2.15, router 10.0.2.2 (those of
 * QEMU's own user network, so it can change between the two), and reaches what the host reaches, but
 * not the host's loopback services. passt confines itself.
 */

/**
 * lodge_network_is_usable: whether passt can start: it refuses to without a default route. A guest on a computer that is
 * off line gets QEMU's own user network.
 * @route, @ipv6_route: contents of /proc/net/route and /proc/net/ipv6_route
 */
gboolean     lodge_network_has_route (const char *route, const char *ipv6_route);
gboolean     lodge_network_is_usable (void);

/**
 * lodge_network_build: the command line of passt; pure.
 * @resolv: /etc/resolv.conf
 * @upstream: (nullable): systemd-resolved's list of the servers behind its local one
 *
 * A guest cannot ask a name server on the host's loopback. Where that is the only one, those of @upstream are
 * announced; where there are none, the router's address is mapped to the host, which opens its loopback
 * to the guest as QEMU's own network always does, because a network without names is of no use.
 *
 * Returns: (transfer full):
 */
GStrv        lodge_network_build     (const char *passt, const char *resolv, const char *upstream);

/**
 * lodge_network_start: starts passt behind the gate (see lodge_helper_spawn()).
 * @passt: path, see LodgeHost
 * @fd: (out): for QEMU: LODGE_CHILD_FD_NET; the caller closes it once QEMU has it, so that passt ends with QEMU
 * Errors: HELPER_FAILED, IO
 */
LodgeHelper *lodge_network_start     (const char *passt, const char *log_path, int *fd, GError **error);

G_END_DECLS
