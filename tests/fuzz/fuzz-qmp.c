/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <stdint.h>
#include <string.h>

#include "core/qemu/lodge-qmp-parser.h"
#include "core/qemu/lodge-qmp-value.h"

#define MAX_LINE 4096

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* What the client asks of a message, whatever it holds. */
static void
read_message (JsonObject *message)
{
  JsonObject *stamp = lodge_qmp_object (message, "timestamp");
  const char *event = lodge_qmp_string (message, "event");
  const char *desc = lodge_qmp_string (lodge_qmp_object (message, "error"), "desc");

  lodge_qmp_integer (stamp, "seconds", 0);
  lodge_qmp_integer (message, "id", -1);
  lodge_qmp_boolean (message, "return", FALSE);
  lodge_qmp_element (lodge_qmp_array (message, "return"), 0);
  g_assert (event == NULL || g_utf8_validate (event, -1, NULL));
  g_assert (desc == NULL || g_utf8_validate (desc, -1, NULL));

#ifdef LODGE_PLANTED_BUG
  if (event != NULL && stamp != NULL)
    {
      char name[12];

      strcpy (name, event);
      g_assert (strlen (name) < MAX_LINE);
    }
#endif
}

/* Parses @data in pieces of @piece bytes; every message is added to @text. Returns whether it ended without a fault. */
static gboolean
parse (const uint8_t *data, size_t size, size_t piece, GString *text)
{
  g_autoptr (LodgeQmpParser) parser = lodge_qmp_parser_new (MAX_LINE);

  for (size_t at = 0; at < size; at += piece)
    {
      lodge_qmp_parser_feed (parser, (const char *) data + at, MIN (piece, size - at));
      for (;;)
        {
          g_autoptr (GError) error = NULL;
          g_autoptr (JsonObject) message = lodge_qmp_parser_next (parser, &error);
          g_autoptr (JsonNode) node = NULL;
          g_autofree char *printed = NULL;

          g_assert (message == NULL || error == NULL);
          if (error != NULL)
            {
              /* It stays broken. */
              g_assert (lodge_qmp_parser_next (parser, NULL) == NULL);
              return FALSE;
            }
          if (message == NULL)
            break;

          read_message (message);
          node = json_node_init_object (json_node_alloc (), message);
          printed = json_to_string (node, FALSE);
          g_string_append (text, printed);
        }
      g_assert (lodge_qmp_parser_get_pending (parser) <= MAX_LINE + 1);
    }

  return TRUE;
}

/* However the bytes arrive, the messages are the same. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GString) whole = g_string_new (NULL);
  g_autoptr (GString) pieces = g_string_new (NULL);
  size_t piece;
  gboolean good;

  if (size < 2)
    return 0;
  piece = 1 + data[0];
  good = parse (data + 1, size - 1, size, whole);
  g_assert (good == parse (data + 1, size - 1, piece, pieces));
  g_assert (g_str_equal (whole->str, pieces->str));

  return 0;
}
