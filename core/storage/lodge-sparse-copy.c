/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * Of each page that the copy has a hash is kept, so that a pass reads the file alone, in place where it cannot be cut meanwhile. The hash is
 * NH, a sum of products with a random key that nobody else knows: two different pages have the same one with a chance of 2^-64, also for
 * who would like them to. It is always that of the bytes that were written to the copy: a page is read into a buffer first, since the
 * file itself may be another moment later.
 *
 * Of what nobody writes to any more no hashes are needed: it is copied as it is, or, onto something that is mostly the same already, compared
 * with it, which is a read of both. */

#include "config.h"

#include "core/storage/lodge-sparse-copy.h"

#include "core/config/lodge-atomic-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define PAGE 4096
#define WORDS (PAGE / sizeof (guint64))
/* Stays in the cache of a processor. */
#define UNIT (128 * 1024)
/* What a thread takes at once. */
#define SLAB (8 * 1024 * 1024)
#define MOST_THREADS 4

__extension__ typedef unsigned __int128 Hash;

typedef enum { PASSES, ONCE, ONTO } Kind;

struct _LodgeSparseCopy
{
  int from, to;
  guint64 size;
  Kind kind;
  const guint8 *memory; /* (nullable) the file, mapped: where it keeps its size, whoever has it */
  guint8 *filled;  /* (owned) for each unit, whether the copy has anything there */
  Hash *hashes;    /* (owned) for each page; 0 is that of zeros */
  Hash nothing;    /* what NH says of zeros */
  guint64 key[WORDS];

  /* of the present pass */
  GMutex mutex;
  guint64 next;   /* slab to be taken */
  guint64 done;
  guint64 written;
  int failed;     /* an errno */
  GCancellable *cancellable; /* (nullable) */
};

typedef struct
{
  LodgeSparseCopy *copy;
  guint64 *buffer; /* (owned) UNIT bytes, or twice that for ONTO */
  guint64 data, hole; /* the piece of data in the file at which the worker is, or the next one */
  guint64 written;
} Worker;

static void
clear (gpointer data)
{
  LodgeSparseCopy *copy = data;

  if (copy->from >= 0)
    close (copy->from);
  if (copy->to >= 0)
    close (copy->to);
  if (copy->memory != NULL)
    munmap ((gpointer) copy->memory, copy->size);
  g_free (copy->filled);
  g_free (copy->hashes);
  g_mutex_clear (&copy->mutex);
}

static Hash
hash (const LodgeSparseCopy *copy, const guint64 *page)
{
  Hash sum = 0;

  for (gsize i = 0; i < WORDS; i += 2)
    sum += (Hash) (page[i] + copy->key[i]) * (page[i + 1] + copy->key[i + 1]);
  return sum ^ copy->nothing;
}

static LodgeSparseCopy *
make (Kind kind, int from, int to, guint64 size)
{
  LodgeSparseCopy *copy = g_atomic_rc_box_new0 (LodgeSparseCopy);
  int seals = fcntl (from, F_GET_SEALS);

  copy->kind = kind;
  copy->from = dup (from);
  copy->to = dup (to);
  copy->size = size;
  /* Once for all passes: what the last one has to look at is there then. */
  if (kind == PASSES && seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && size > 0)
    {
      void *memory = mmap (NULL, size, PROT_READ, MAP_SHARED | MAP_NORESERVE, from, 0);

      copy->memory = memory != MAP_FAILED ? memory : NULL;
    }
  g_mutex_init (&copy->mutex);
  return copy;
}

LodgeSparseCopy *
lodge_sparse_copy_new (int from, int to, guint64 size)
{
  static const guint64 zeros[WORDS];
  LodgeSparseCopy *copy = make (PASSES, from, to, size);

  copy->filled = g_malloc0 (size / UNIT + 1);
  copy->hashes = g_new0 (Hash, size / PAGE + 1);
  for (gsize i = 0; i < WORDS; i++)
    copy->key[i] = (guint64) g_random_int () << 32 | g_random_int ();
  if (getrandom (copy->key, sizeof copy->key, 0) != sizeof copy->key)
    g_debug ("hashing with a key that could be guessed");
  copy->nothing = hash (copy, zeros);
  return copy;
}

LodgeSparseCopy *
lodge_sparse_copy_new_once (int from, int to, guint64 size)
{
  return make (ONCE, from, to, size);
}

LodgeSparseCopy *
lodge_sparse_copy_new_onto (int from, int to, guint64 size)
{
  return make (ONTO, from, to, size);
}

LodgeSparseCopy *
lodge_sparse_copy_ref (LodgeSparseCopy *copy)
{
  return g_atomic_rc_box_acquire (copy);
}

void
lodge_sparse_copy_unref (LodgeSparseCopy *copy)
{
  g_atomic_rc_box_release_full (copy, clear);
}

/* Reads, or writes, all of it. Returns: 0, or an errno */
static int
transfer (int fd, gboolean out, guint8 *buffer, gsize length, guint64 at)
{
  while (length > 0)
    {
      ssize_t n = out ? pwrite (fd, buffer, length, (off_t) at) : pread (fd, buffer, length, (off_t) at);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return n < 0 ? errno : EIO;
      buffer += n;
      length -= (gsize) n;
      at += (guint64) n;
    }
  return 0;
}

/* Where @whence (SEEK_DATA, SEEK_HOLE) is next, or @end. A file system without it has data everywhere. */
static guint64
seek (int fd, guint64 at, int whence, guint64 end)
{
  off_t found = lseek (fd, (off_t) at, whence);

  if (found < 0)
    return errno == ENXIO || whence == SEEK_HOLE ? end : at;
  return MIN ((guint64) found, end);
}

/* Whether the file has data before @end, at @at or behind it: from worker->data on. To find the end of a long piece takes the kernel as
 * long as the piece is, so it is kept: a worker only goes forwards. */
static gboolean
has_data (Worker *worker, guint64 at, guint64 end)
{
  const LodgeSparseCopy *copy = worker->copy;

  if (worker->hole <= at)
    {
      worker->data = seek (copy->from, at, SEEK_DATA, copy->size);
      worker->hole = worker->data < copy->size ? seek (copy->from, worker->data, SEEK_HOLE, copy->size) : G_MAXUINT64;
    }
  return worker->data < end;
}

/* Whether the unit at @at is what the copy has. Pages that are not there must not be looked at: that would make them. */
static gboolean
is_same (Worker *worker, guint64 at, gsize length)
{
  const LodgeSparseCopy *copy = worker->copy;

  for (guint64 page = at; page < at + length; page += PAGE)
    {
      const guint64 *words = (const guint64 *) (gconstpointer) (copy->memory + page);
      Hash now = has_data (worker, page, page + 1) ? hash (copy, words) : 0;

      if (now != copy->hashes[page / PAGE])
        return FALSE;
    }
  return TRUE;
}

/* Reads the unit at @at, and writes the pages of it that are not what the copy has. Returns: 0, or an errno */
static int
bring (Worker *worker, guint64 at, gsize length)
{
  LodgeSparseCopy *copy = worker->copy;
  guint8 *bytes = (guint8 *) worker->buffer;
  Hash *hashes = copy->hashes + at / PAGE;
  gsize begin = 0, end = 0; /* of what is to be written in one go */
  int failed = transfer (copy->from, FALSE, bytes, length, at);

  memset (bytes + length, 0, UNIT - length);
  for (gsize page = 0; page < UNIT + PAGE && failed == 0; page += PAGE)
    {
      Hash now = page < UNIT ? hash (copy, worker->buffer + page / sizeof (guint64)) : 0;

      if (page < length && now != hashes[page / PAGE])
        {
          hashes[page / PAGE] = now;
          begin = end > begin ? begin : page;
          end = MIN (page + PAGE, length);
          continue;
        }
      if (end > begin)
        {
          failed = transfer (copy->to, TRUE, bytes + begin, end - begin, at + begin);
          worker->written += end - begin;
          copy->filled[at / UNIT] = TRUE;
        }
      begin = end;
    }
  return failed;
}

/* What the file has of the slab. The kernel reads the mapping: a file that is cut meanwhile is an error of it, not a signal. */
static int
do_slab_once (Worker *worker, guint64 at)
{
  LodgeSparseCopy *copy = worker->copy;
  gsize length = (gsize) MIN (SLAB, copy->size - at);
  guint8 *memory = mmap (NULL, length, PROT_READ, MAP_SHARED, copy->from, (off_t) at);
  guint64 end = at + length, from = at;
  int failed = memory != MAP_FAILED ? 0 : errno;

  while (failed == 0 && from < end && has_data (worker, from, end))
    {
      guint64 start = MAX (from, worker->data), stop = MIN (end, worker->hole);

      failed = transfer (copy->to, TRUE, memory + (start - at), (gsize) (stop - start), start);
      worker->written += stop - start;
      from = stop;
    }
  if (memory != MAP_FAILED)
    munmap (memory, length);
  return failed;
}

/* Makes the unit at @at, of which the file has something, what it is there. Pages that nobody had read as zeros, and stay so. */
static int
put_onto (Worker *worker, guint64 at, gsize length)
{
  const LodgeSparseCopy *copy = worker->copy;
  guint8 *bytes = (guint8 *) worker->buffer, *there = bytes + UNIT;
  gsize begin = 0, end = 0; /* of what is to be written in one go */
  int failed = transfer (copy->from, FALSE, bytes, length, at);

  if (failed == 0)
    failed = transfer (copy->to, FALSE, there, length, at);
  for (gsize page = 0; page < length + PAGE && failed == 0; page += PAGE)
    {
      gsize part = page < length ? MIN (PAGE, length - page) : 0;

      if (part > 0 && memcmp (bytes + page, there + page, part) != 0)
        {
          begin = end > begin ? begin : page;
          end = page + part;
          continue;
        }
      if (end > begin)
        {
          failed = transfer (copy->to, TRUE, bytes + begin, end - begin, at + begin);
          worker->written += end - begin;
        }
      begin = end;
    }
  return failed;
}

static int
do_slab_onto (Worker *worker, guint64 at)
{
  const LodgeSparseCopy *copy = worker->copy;
  guint64 end = MIN (at + SLAB, copy->size), hole = at; /* where the pages begin that the file has nothing for */
  int failed = 0;

  for (; failed == 0; at += UNIT)
    {
      gboolean something = at < end && has_data (worker, at, MIN (at + UNIT, end));

      if (at < end && !something)
        continue;
      if (hole < MIN (at, end) && fallocate (copy->to, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) hole, (off_t) (MIN (at, end) - hole)) != 0)
        failed = errno;
      if (at >= end)
        break;
      if (failed == 0)
        failed = put_onto (worker, at, (gsize) MIN (UNIT, end - at));
      hole = at + UNIT;
    }
  return failed;
}

static int
do_slab (Worker *worker, guint64 at)
{
  LodgeSparseCopy *copy = worker->copy;
  guint64 end = MIN (at + SLAB, copy->size);
  int failed = 0;

  for (; at < end && failed == 0; at += UNIT)
    {
      gsize length = (gsize) MIN (UNIT, end - at);

      if (!copy->filled[at / UNIT] ? has_data (worker, at, at + length)
                                   : copy->memory == NULL || !is_same (worker, at, length))
        failed = bring (worker, at, length);
    }
  return failed;
}

static int (*const slab_functions[]) (Worker *worker, guint64 at) = { [PASSES] = do_slab, [ONCE] = do_slab_once, [ONTO] = do_slab_onto };

static gpointer
work (gpointer data)
{
  Worker *worker = data;
  LodgeSparseCopy *copy = worker->copy;
  guint64 at;
  int failed = 0;

  worker->buffer = g_malloc (copy->kind == ONTO ? 2 * UNIT : UNIT);
  for (;;)
    {
      g_mutex_lock (&copy->mutex);
      if (failed != 0 && copy->failed == 0)
        copy->failed = failed;
      at = copy->next;
      if (copy->failed == 0 && at < copy->size && !g_cancellable_is_cancelled (copy->cancellable))
        copy->next = copy->done = at + SLAB;
      else
        at = copy->size;
      g_mutex_unlock (&copy->mutex);
      if (at >= copy->size)
        break;
      failed = slab_functions[copy->kind] (worker, at);
    }
  g_free (worker->buffer);
  return NULL;
}

gboolean
lodge_sparse_copy_pass (LodgeSparseCopy *copy, guint threads, GCancellable *cancellable, guint64 *written, GError **error)
{
  Worker workers[MOST_THREADS] = { 0 };
  GThread *others[MOST_THREADS] = { NULL };

  if (threads == 0)
    threads = g_get_num_processors ();
  threads = (guint) CLAMP (copy->size / SLAB, 1, CLAMP (threads, 1, MOST_THREADS));
  copy->next = copy->done = copy->written = 0;
  copy->failed = copy->from < 0 || copy->to < 0 ? EBADF : 0;
  copy->cancellable = cancellable;
  for (guint i = 0; i < threads; i++)
    {
      workers[i].copy = copy;
      if (i > 0)
        others[i] = g_thread_try_new ("lodge-copy", work, &workers[i], NULL);
    }
  work (&workers[0]);
  for (guint i = 0; i < threads; i++)
    {
      if (others[i] != NULL)
        g_thread_join (others[i]);
      copy->written += workers[i].written;
    }
  if (written != NULL)
    *written = copy->written;
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  return copy->failed == 0 || lodge_error_set_errno (error, copy->failed, "copying", "a guest's memory");
}

guint64
lodge_sparse_copy_get_done (LodgeSparseCopy *copy)
{
  guint64 done;

  g_mutex_lock (&copy->mutex);
  done = MIN (copy->done, copy->size);
  g_mutex_unlock (&copy->mutex);
  return done;
}

guint64
lodge_sparse_copy_get_size (LodgeSparseCopy *copy)
{
  return copy->size;
}
