/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/sharing/lodge-network.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_FD     3
#define MAX_RESOLVERS 3
#define MAX_FILE      (64 * 1024)

/* A locally administered address of our own: passt's default is the host's, which is nobody's business. */
#define ROUTER_MAC "02:4c:4f:44:47:45"

gboolean
lodge_network_has_route (const char *route, const char *ipv6_route)
{
  g_auto (GStrv) lines = g_strsplit (route, "\n", -1);
  g_auto (GStrv) lines6 = g_strsplit (ipv6_route, "\n", -1);

  /* Interface, destination, gateway, flags (bit 0: up). */
  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) words = g_strsplit_set (g_strstrip (lines[i]), " \t", 5);

      if (g_strv_length (words) >= 4 && g_str_equal (words[1], "00000000") &&
          (g_ascii_strtoull (words[3], NULL, 16) & 1) != 0)
        return TRUE;
    }

  /* Destination, its length, ..., interface. A route that refuses everything is there on every host, by "lo". */
  for (guint i = 0; lines6[i] != NULL; i++)
    if (g_str_has_prefix (lines6[i], "00000000000000000000000000000000 00 ") &&
        !g_str_has_suffix (g_strchomp (lines6[i]), " lo"))
      return TRUE;

  return FALSE;
}

gboolean
lodge_network_is_usable (void)
{
  g_autofree char *route = NULL;
  g_autofree char *ipv6_route = NULL;

  g_file_get_contents ("/proc/net/route", &route, NULL, NULL);
  g_file_get_contents ("/proc/net/ipv6_route", &ipv6_route, NULL, NULL);

  return lodge_network_has_route (route != NULL ? route : "", ipv6_route != NULL ? ipv6_route : "");
}

/* The addresses of the "nameserver" lines that a guest can reach; @any: (out): whether there were others too. */
static GPtrArray *
get_resolvers (const char *text, gboolean *any)
{
  g_auto (GStrv) lines = g_strsplit (text != NULL ? text : "", "\n", -1);
  GPtrArray *resolvers = g_ptr_array_new_with_free_func (g_free);

  *any = FALSE;
  for (guint i = 0; lines[i] != NULL && resolvers->len < MAX_RESOLVERS; i++)
    {
      g_auto (GStrv) words = g_strsplit_set (g_strstrip (lines[i]), " \t", -1);
      g_autoptr (GInetAddress) address = NULL;
      const char *last = NULL;

      if (words[0] == NULL || !g_str_equal (words[0], "nameserver"))
        continue;
      for (guint k = 1; words[k] != NULL && last == NULL; k++)
        if (*words[k] != '\0')
          last = words[k];
      address = last != NULL ? g_inet_address_new_from_string (last) : NULL;
      if (address == NULL)
        continue;
      *any = TRUE;
      if (!g_inet_address_get_is_loopback (address) && !g_inet_address_get_is_link_local (address))
        g_ptr_array_add (resolvers, g_inet_address_to_string (address));
    }

  return resolvers;
}

GStrv
lodge_network_build (const char *passt, const char *resolv, const char *upstream)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  gboolean any, any_upstream;
  g_autoptr (GPtrArray) direct = get_resolvers (resolv, &any);
  g_autoptr (GPtrArray) behind = get_resolvers (upstream, &any_upstream);
  gboolean local_only = any && direct->len == 0;

  g_strv_builder_add_many (builder, passt, "--foreground", "--quiet", "--stderr", "--fd",
                           G_STRINGIFY (SOCKET_FD), "--mac-addr", ROUTER_MAC, "--address", "10.0.2.15",
                           "--netmask", "255.255.255.0", "--gateway", "10.0.2.2", NULL);
  if (!local_only || behind->len > 0)
    g_strv_builder_add (builder, "--no-map-gw");
  for (guint i = 0; local_only && i < behind->len; i++)
    g_strv_builder_add_many (builder, "--dns", g_ptr_array_index (behind, i), NULL);

  return g_strv_builder_end (builder);
}

static char *
read_small (const char *path)
{
  g_autofree char *text = NULL;
  gsize length;

  if (!g_file_get_contents (path, &text, &length, NULL) || length > MAX_FILE)
    return NULL;

  return g_steal_pointer (&text);
}

LodgeHelper *
lodge_network_start (const char *passt, const char *log_path, int *fd, GError **error)
{
  g_autofree char *resolv = read_small ("/etc/resolv.conf");
  g_autofree char *upstream = read_small ("/run/systemd/resolve/resolv.conf");
  g_auto (GStrv) argv = lodge_network_build (passt, resolv, upstream);
  LodgeHelper *helper;
  int pair[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "socketpair: %s", g_strerror (errno));
      return NULL;
    }
  helper = lodge_helper_spawn ("passt", (const char *const *) argv,
                               (LodgeFdMap[]){ { pair[1], SOCKET_FD }, { -1, -1 } }, log_path, error);
  close (pair[1]);
  if (helper == NULL)
    {
      close (pair[0]);
      return NULL;
    }
  *fd = pair[0];

  return helper;
}
