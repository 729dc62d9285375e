/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * Fixed newstyle negotiation: structured replies, the context "base:allocation" (which tells what is zeros without reading it),
 * then GO. After that one request at a time and its reply, which comes in chunks when structured replies were agreed on. */

#include "config.h"

#include "core/qemu/lodge-nbd-client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MAGIC_GREETING   G_GUINT64_CONSTANT (0x4e42444d41474943)
#define MAGIC_OPTION     G_GUINT64_CONSTANT (0x49484156454f5054)
#define MAGIC_ANSWER     G_GUINT64_CONSTANT (0x0003e889045565a9)
#define MAGIC_REQUEST    0x25609513u
#define MAGIC_SIMPLE     0x67446698u
#define MAGIC_STRUCTURED 0x668e33efu

#define FLAG_FIXED_NEWSTYLE 1u
#define FLAG_NO_ZEROES      2u

#define OPTION_GO               7u
#define OPTION_STRUCTURED_REPLY 8u
#define OPTION_SET_META_CONTEXT 10u
#define ANSWER_ACK          1u
#define ANSWER_INFO         3u
#define ANSWER_META_CONTEXT 4u
#define ANSWER_ERROR        0x80000000u

#define COMMAND_READ         0u
#define COMMAND_WRITE        1u
#define COMMAND_DISCONNECT   2u
#define COMMAND_FLUSH        3u
#define COMMAND_BLOCK_STATUS 7u

#define CHUNK_DONE         1u
#define CHUNK_NONE         0u
#define CHUNK_OFFSET_DATA  1u
#define CHUNK_OFFSET_HOLE  2u
#define CHUNK_BLOCK_STATUS 5u
#define CHUNK_ERROR        0x8000u

#define STATE_ZERO 2u
#define NO_SPACE   28u
#define CONTEXT "base:allocation"
#define ANSWER_MAX 8192
#define ANSWERS_MAX 64
#define EXTENTS_MAX 8192
#define MAP_STEP (1u << 30)
/* A disk that does not answer for that long is not to be read. */
#define PATIENCE_SECONDS 120

struct _LodgeNbdClient
{
  int      fd;
  guint64  size;
  guint64  handle;     /* of the last request */
  guint32  context;
  gboolean structured;
  gboolean mapped;     /* the context was agreed on */
  gboolean broken;     /* out of step: nothing more can be asked */
  guint8  *extents;    /* (owned) */
};

/* Where the data of a reply goes. */
typedef struct
{
  guint64            offset;
  guint32            length;
  guint8            *into;    /* (nullable) */
  guint32            covered; /* bytes of it that have come */
  LodgeNbdExtentFunc func;    /* (nullable) */
  gpointer           data;
} Reply;

static void
put_be (guint8 *at, guint64 value, guint bytes)
{
  for (guint i = 0; i < bytes; i++)
    at[i] = (guint8) (value >> 8 * (bytes - 1 - i));
}

static guint64
get_be (const guint8 *at, guint bytes)
{
  guint64 value = 0;

  for (guint i = 0; i < bytes; i++)
    value = value << 8 | at[i];
  return value;
}

static gboolean
send_all (LodgeNbdClient *self, const void *data, gsize length, GError **error)
{
  const guint8 *bytes = data;

  while (length > 0)
    {
      gssize n = send (self->fd, bytes, length, MSG_NOSIGNAL);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        {
          self->broken = TRUE;
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "the disk's contents cannot be reached: %s", g_strerror (errno));
          return FALSE;
        }
      bytes += n;
      length -= (gsize) n;
    }
  return TRUE;
}

static gboolean
receive_all (LodgeNbdClient *self, void *into, gsize length, GError **error)
{
  guint8 *bytes = into;

  while (length > 0)
    {
      gssize n = recv (self->fd, bytes, length, 0);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        {
          self->broken = TRUE;
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "the disk's contents cannot be reached: %s",
                       n == 0 ? "the export has ended" : g_strerror (errno));
          return FALSE;
        }
      bytes += n;
      length -= (gsize) n;
    }
  return TRUE;
}

static gboolean
refuse (LodgeNbdClient *self, const char *what, GError **error)
{
  self->broken = TRUE;
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "the export of the disk does not keep to its protocol: %s", what);
  return FALSE;
}

/* ---- Negotiation ---- */

static gboolean
send_option (LodgeNbdClient *self, guint32 option, const guint8 *data, guint32 length, GError **error)
{
  guint8 head[16];

  put_be (head, MAGIC_OPTION, 8);
  put_be (head + 8, option, 4);
  put_be (head + 12, length, 4);
  return send_all (self, head, sizeof head, error) && send_all (self, data, length, error);
}

static void
take_answer (LodgeNbdClient *self, guint32 option, guint32 type, const guint8 *data, guint32 length)
{
  if (option == OPTION_GO && type == ANSWER_INFO && length >= 12 && get_be (data, 2) == 0)
    self->size = get_be (data + 2, 8);
  else if (option == OPTION_SET_META_CONTEXT && type == ANSWER_META_CONTEXT && length == 4 + strlen (CONTEXT)
           && memcmp (data + 4, CONTEXT, strlen (CONTEXT)) == 0)
    {
      self->context = (guint32) get_be (data, 4);
      self->mapped = TRUE;
    }
}

/* @agreed: whether the server acknowledged; that it did not is no error here */
static gboolean
negotiate (LodgeNbdClient *self, guint32 option, const guint8 *data, guint32 length, gboolean *agreed, GError **error)
{
  if (!send_option (self, option, data, length, error))
    return FALSE;
  for (guint i = 0; i < ANSWERS_MAX; i++)
    {
      guint8 head[20], answer[ANSWER_MAX];
      guint32 type, size;

      if (!receive_all (self, head, sizeof head, error))
        return FALSE;
      type = (guint32) get_be (head + 12, 4);
      size = (guint32) get_be (head + 16, 4);
      if (get_be (head, 8) != MAGIC_ANSWER || get_be (head + 8, 4) != option || size > sizeof answer)
        return refuse (self, "an answer of the negotiation", error);
      if (!receive_all (self, answer, size, error))
        return FALSE;
      take_answer (self, option, type, answer, size);
      *agreed = type == ANSWER_ACK;
      if (*agreed || (type & ANSWER_ERROR) != 0)
        return TRUE;
    }
  return refuse (self, "too many answers of the negotiation", error);
}

static gboolean
greet (LodgeNbdClient *self, const char *name, GError **error)
{
  guint8 greeting[18], flags[4], text[600];
  gsize length = strlen (name), end;
  gboolean agreed = FALSE;

  g_return_val_if_fail (length < 256, FALSE);
  if (!receive_all (self, greeting, sizeof greeting, error))
    return FALSE;
  if (get_be (greeting, 8) != MAGIC_GREETING || get_be (greeting + 8, 8) != MAGIC_OPTION
      || (get_be (greeting + 16, 2) & (FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES)) != (FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES))
    return refuse (self, "the greeting", error);
  put_be (flags, FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES, 4);
  if (!send_all (self, flags, sizeof flags, error)
      || !negotiate (self, OPTION_STRUCTURED_REPLY, flags, 0, &self->structured, error))
    return FALSE;

  put_be (text, length, 4);
  memcpy (text + 4, name, length);
  end = 4 + length;
  put_be (text + end, 1, 4);
  put_be (text + end + 4, strlen (CONTEXT), 4);
  memcpy (text + end + 8, CONTEXT, strlen (CONTEXT));
  if (self->structured
      && !negotiate (self, OPTION_SET_META_CONTEXT, text, (guint32) (end + 8 + strlen (CONTEXT)), &agreed, error))
    return FALSE;
  self->mapped = self->mapped && agreed;

  put_be (text + end, 0, 2);
  if (!negotiate (self, OPTION_GO, text, (guint32) (end + 2), &agreed, error))
    return FALSE;
  return agreed || refuse (self, "there is no such export", error);
}

/* ---- Requests ---- */

static gboolean
send_request (LodgeNbdClient *self, guint16 command, guint64 offset, guint32 length, GError **error)
{
  guint8 request[28];

  if (self->broken)
    return refuse (self, "it has failed before", error);
  put_be (request, MAGIC_REQUEST, 4);
  put_be (request + 4, 0, 2);
  put_be (request + 6, command, 2);
  put_be (request + 8, ++self->handle, 8);
  put_be (request + 16, offset, 8);
  put_be (request + 24, length, 4);
  return send_all (self, request, sizeof request, error);
}

static gboolean
set_failure (guint32 code, GError **error)
{
  if (code != 0)
    g_set_error (error, LODGE_ERROR, code == NO_SPACE ? LODGE_ERROR_NO_SPACE : LODGE_ERROR_IO,
                 "the disk cannot be read or written: %s", g_strerror ((int) MIN (code, 133)));
  return code == 0;
}

static gboolean
take_data (LodgeNbdClient *self, Reply *reply, gboolean hole, guint32 length, GError **error)
{
  guint8 head[12];
  guint32 bytes = hole ? 12 : 8;
  guint64 offset, size;

  if (reply->into == NULL || length < bytes || (hole && length != bytes))
    return refuse (self, "data that nobody asked for", error);
  if (!receive_all (self, head, bytes, error))
    return FALSE;
  offset = get_be (head, 8);
  size = hole ? get_be (head + 8, 4) : length - bytes;
  if (offset < reply->offset || size > reply->length || offset - reply->offset > reply->length - size
      || size > reply->length - reply->covered)
    return refuse (self, "data outside of what was asked for", error);
  reply->covered += (guint32) size;
  if (!hole)
    return receive_all (self, reply->into + (offset - reply->offset), size, error);
  memset (reply->into + (offset - reply->offset), 0, size);
  return TRUE;
}

static gboolean
take_extents (LodgeNbdClient *self, Reply *reply, guint32 length, GError **error)
{
  if (reply->func == NULL || length < 12 || (length - 4) % 8 != 0 || (length - 4) / 8 > EXTENTS_MAX)
    return refuse (self, "a map that nobody asked for", error);
  if (self->extents == NULL)
    self->extents = g_malloc (4 + EXTENTS_MAX * 8);
  if (!receive_all (self, self->extents, length, error))
    return FALSE;
  if (get_be (self->extents, 4) != self->context || reply->covered > 0)
    return refuse (self, "a map of another kind", error);
  for (guint32 at = 4; at < length && reply->covered < reply->length; at += 8)
    {
      guint64 size = MIN (get_be (self->extents + at, 4), reply->length - reply->covered);

      if (size == 0)
        return refuse (self, "an empty extent", error);
      reply->func (reply->offset + reply->covered, size, (get_be (self->extents + at + 4, 4) & STATE_ZERO) != 0, reply->data);
      reply->covered += (guint32) size;
    }
  return TRUE;
}

static gboolean
take_failure (LodgeNbdClient *self, guint32 length, guint32 *code, GError **error)
{
  guint8 words[ANSWER_MAX];

  if (length < 6 || length > sizeof words)
    return refuse (self, "an error without end", error);
  if (!receive_all (self, words, length, error))
    return FALSE;
  *code = (guint32) get_be (words, 4);
  return *code != 0 || refuse (self, "an error that is none", error);
}

static gboolean
take_chunks (LodgeNbdClient *self, Reply *reply, guint32 *code, GError **error)
{
  guint8 head[16];
  guint16 flags = 0, type;
  guint32 length;

  /* Each chunk brings something, so their number is bounded by what was asked for. */
  for (guint32 n = 0; (flags & CHUNK_DONE) == 0; n++)
    {
      /* The first four bytes of the first one are known already. */
      guint skip = n == 0 ? 0 : 4;
      guint8 magic[4];

      if ((skip > 0 && !receive_all (self, magic, 4, error)) || !receive_all (self, head, sizeof head, error))
        return FALSE;
      flags = (guint16) get_be (head, 2);
      type = (guint16) get_be (head + 2, 2);
      length = (guint32) get_be (head + 12, 4);
      if ((skip > 0 && get_be (magic, 4) != MAGIC_STRUCTURED) || get_be (head + 4, 8) != self->handle || n > reply->length / 512 + 8)
        return refuse (self, "a reply", error);
      if ((type & CHUNK_ERROR) != 0)
        {
          if (!take_failure (self, length, code, error))
            return FALSE;
        }
      else if (type == CHUNK_OFFSET_DATA || type == CHUNK_OFFSET_HOLE)
        {
          if (!take_data (self, reply, type == CHUNK_OFFSET_HOLE, length, error))
            return FALSE;
        }
      else if (type == CHUNK_BLOCK_STATUS)
        {
          if (!take_extents (self, reply, length, error))
            return FALSE;
        }
      else if (type != CHUNK_NONE || length != 0)
        return refuse (self, "a kind of reply that is not known", error);
    }
  return TRUE;
}

static gboolean
take_reply (LodgeNbdClient *self, Reply *reply, GError **error)
{
  guint8 head[16];
  guint32 code = 0;

  if (!receive_all (self, head, 4, error))
    return FALSE;
  if (get_be (head, 4) == MAGIC_STRUCTURED && self->structured)
    {
      if (!take_chunks (self, reply, &code, error) || !set_failure (code, error))
        return FALSE;
      return (reply->into == NULL || reply->covered == reply->length) || refuse (self, "too little data", error);
    }
  if (get_be (head, 4) != MAGIC_SIMPLE || (self->structured && reply->into != NULL) || reply->func != NULL)
    return refuse (self, "a reply", error);
  if (!receive_all (self, head + 4, 12, error))
    return FALSE;
  if (get_be (head + 8, 8) != self->handle)
    return refuse (self, "a reply to something else", error);
  return set_failure ((guint32) get_be (head + 4, 4), error)
         && (reply->into == NULL || receive_all (self, reply->into, reply->length, error));
}

/* ---- Public ---- */

LodgeNbdClient *
lodge_nbd_client_new (int fd, const char *name, GError **error)
{
  g_autoptr (LodgeNbdClient) self = g_new0 (LodgeNbdClient, 1);
  struct timeval patience = { .tv_sec = PATIENCE_SECONDS };

  self->fd = fd;
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (!greet (self, name, error))
    {
      self->broken = TRUE;
      return NULL;
    }
  return g_steal_pointer (&self);
}

void
lodge_nbd_client_free (LodgeNbdClient *self)
{
  if (!self->broken)
    send_request (self, COMMAND_DISCONNECT, 0, 0, NULL);
  close (self->fd);
  g_free (self->extents);
  g_free (self);
}

guint64
lodge_nbd_client_get_size (LodgeNbdClient *self)
{
  return self->size;
}

gboolean
lodge_nbd_client_map (LodgeNbdClient *self, LodgeNbdExtentFunc func, gpointer data, GError **error)
{
  guint64 offset = 0;

  if (!self->mapped && self->size > 0)
    func (0, self->size, FALSE, data);
  while (self->mapped && offset < self->size)
    {
      Reply reply = { .offset = offset, .length = (guint32) MIN (MAP_STEP, self->size - offset), .func = func, .data = data };

      if (!send_request (self, COMMAND_BLOCK_STATUS, offset, reply.length, error) || !take_reply (self, &reply, error))
        return FALSE;
      if (reply.covered == 0)
        return refuse (self, "an empty map", error);
      offset += reply.covered;
    }
  return TRUE;
}

gboolean
lodge_nbd_client_read (LodgeNbdClient *self, guint64 offset, guint8 *into, guint32 length, GError **error)
{
  Reply reply = { .offset = offset, .length = length, .into = into };

  g_return_val_if_fail (length <= LODGE_NBD_MAX_BYTES, FALSE);
  return send_request (self, COMMAND_READ, offset, length, error) && take_reply (self, &reply, error);
}

gboolean
lodge_nbd_client_write (LodgeNbdClient *self, guint64 offset, const guint8 *from, guint32 length, GError **error)
{
  Reply reply = { .offset = offset, .length = length };

  g_return_val_if_fail (length <= LODGE_NBD_MAX_BYTES, FALSE);
  return send_request (self, COMMAND_WRITE, offset, length, error) && send_all (self, from, length, error)
         && take_reply (self, &reply, error);
}

gboolean
lodge_nbd_client_flush (LodgeNbdClient *self, GError **error)
{
  Reply reply = { 0 };

  return send_request (self, COMMAND_FLUSH, 0, 0, error) && take_reply (self, &reply, error);
}
