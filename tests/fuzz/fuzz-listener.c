/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gio/gunixfdlist.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "display/lodge-listener-protocol.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define MEMORY_SIZE 65536

/* What a peer shares: the same memory for every message, as small as a short one would be. */
static int
get_memory (void)
{
  static int fd = -1;

  if (fd < 0)
    {
      fd = memfd_create ("fuzz", MFD_CLOEXEC);
      g_assert (fd >= 0 && ftruncate (fd, MEMORY_SIZE) == 0);
    }
  return fd;
}

static void
show (LodgeFramebuffer *framebuffer)
{
  static guint8 pixels[LODGE_FRAMEBUFFER_TILE * LODGE_FRAMEBUFFER_TILE * 4];
  LodgeFramebufferChanges changes = lodge_framebuffer_begin (framebuffer);
  LodgeFramebufferCursor cursor;

  g_assert (changes.columns <= LODGE_FRAMEBUFFER_MAX_SIDE / LODGE_FRAMEBUFFER_TILE);
  for (guint i = 0; i < changes.columns * changes.rows; i++)
    if (changes.dirty[i])
      {
        guint x = i % changes.columns * LODGE_FRAMEBUFFER_TILE;
        guint y = i / changes.columns * LODGE_FRAMEBUFFER_TILE;

        lodge_framebuffer_read (framebuffer, x, y, MIN (LODGE_FRAMEBUFFER_TILE, changes.width - x),
                                MIN (LODGE_FRAMEBUFFER_TILE, changes.height - y), pixels,
                                LODGE_FRAMEBUFFER_TILE * 4, NULL);
        break;
      }
  lodge_framebuffer_end (framebuffer);

  if (lodge_framebuffer_take_cursor (framebuffer, &cursor))
    {
#ifdef LODGE_PLANTED_BUG
      char line[4] = " ";

      memset (line, ' ', (gsize) ((cursor.x | cursor.y) & 31));
      g_assert (line[0] != '\1');
#endif
      g_assert (!cursor.shape_changed || (cursor.hot_x >= 0 && cursor.hot_x < cursor.width));
      if (cursor.shape_changed)
        g_bytes_unref (cursor.shape);
    }
}

/* D-Bus messages one after the other, as they come on a listener's connection. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (LodgeFramebuffer) framebuffer = lodge_framebuffer_new (NULL, NULL);

  while (size >= 16)
    {
      gssize needed = g_dbus_message_bytes_needed ((guchar *) data, size, NULL);
      g_autoptr (GDBusMessage) message = NULL;
      g_autoptr (GDBusMessage) reply = NULL;
      g_autoptr (GUnixFDList) fds = NULL;
      g_autoptr (GError) error = NULL;
      int fd = get_memory ();

      if (needed <= 0 || (gsize) needed > size)
        break;
      message = g_dbus_message_new_from_blob ((guchar *) data, (gsize) needed,
                                              G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL);
      data += needed;
      size -= (gsize) needed;
      if (message == NULL)
        continue;
      fds = g_unix_fd_list_new ();
      g_unix_fd_list_append (fds, fd, NULL);
      g_dbus_message_set_unix_fd_list (message, fds);
      reply = lodge_listener_protocol_handle (framebuffer, message, &error);
      g_assert (error == NULL || reply == NULL
                || g_dbus_message_get_message_type (reply) != G_DBUS_MESSAGE_TYPE_METHOD_RETURN);
      show (framebuffer);
      if (error != NULL)
        break;
    }
  return 0;
}
