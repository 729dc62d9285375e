/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/qemu/lodge-qmp-parser.h"

#include <string.h>

#include "core/config/lodge-json.h"

struct _LodgeQmpParser
{
  GByteArray *buffer;  /* (owned) */
  gsize       start;   /* where the next message begins */
  gsize       scanned; /* no end of line before this */
  gsize       max_line;
  GError     *error;   /* (owned) (nullable) sticky */
};

LodgeQmpParser *
lodge_qmp_parser_new (gsize max_line)
{
  LodgeQmpParser *self = g_new0 (LodgeQmpParser, 1);

  self->buffer = g_byte_array_new ();
  self->max_line = max_line;

  return self;
}

void
lodge_qmp_parser_free (LodgeQmpParser *self)
{
  if (self == NULL)
    return;
  g_byte_array_unref (self->buffer);
  g_clear_error (&self->error);
  g_free (self);
}

void
lodge_qmp_parser_feed (LodgeQmpParser *self, const char *data, gsize length)
{
  if (self->error != NULL)
    return;

  if (self->start == self->buffer->len)
    {
      /* A long answer is rare: its memory is not kept for the rest of the connection. */
      if (self->buffer->len > 64 * 1024)
        {
          g_byte_array_unref (self->buffer);
          self->buffer = g_byte_array_new ();
        }
      else
        g_byte_array_set_size (self->buffer, 0);
      self->start = self->scanned = 0;
    }
  else if (self->start > 64 * 1024 && self->start > self->buffer->len / 2)
    {
      g_byte_array_remove_range (self->buffer, 0, self->start);
      self->scanned -= self->start;
      self->start = 0;
    }

  g_byte_array_append (self->buffer, (const guint8 *) data, length);
}

/* Finds the end of the line that begins at start; NULL when it is not there yet. */
static const char *
find_line_end (LodgeQmpParser *self)
{
  const char *data = (const char *) self->buffer->data;
  const char *end;

  if (self->scanned == self->buffer->len)
    return NULL;
  end = memchr (data + self->scanned, '\n', self->buffer->len - self->scanned);
  if (end == NULL)
    self->scanned = self->buffer->len;
  else
    self->scanned = end - data;

  return end;
}

JsonObject *
lodge_qmp_parser_next (LodgeQmpParser *self, GError **error)
{
  while (self->error == NULL)
    {
      const char *end = find_line_end (self);
      const char *line = (const char *) self->buffer->data + self->start;
      gsize length = (end != NULL ? self->scanned : self->buffer->len) - self->start;
      g_autoptr (JsonNode) root = NULL;
      g_autoptr (GError) local = NULL;

      if (length > self->max_line)
        {
          g_set_error (&self->error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING,
                       "a message is longer than %" G_GSIZE_FORMAT " bytes", self->max_line);
          break;
        }
      if (end == NULL)
        return NULL;

      self->start = self->scanned = self->scanned + 1;
      if (length > 0 && line[length - 1] == '\r')
        length--;
      if (length == 0)
        continue;

      root = lodge_json_parse (line, length, &local);
      if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
        return json_object_ref (json_node_get_object (root));

      g_set_error (&self->error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "a message is unusable: %s",
                   local != NULL ? local->message : "it is not an object");
    }

  if (error != NULL)
    *error = g_error_copy (self->error);

  return NULL;
}

gsize
lodge_qmp_parser_get_pending (LodgeQmpParser *self)
{
  return self->buffer->len - self->start;
}
