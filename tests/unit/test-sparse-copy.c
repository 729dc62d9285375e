/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-sparse-copy.h"

#include "core/ipc/lodge-error.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KIB 1024
#define MIB (1024 * KIB)
/* No whole number of anything. */
#define SIZE (40 * MIB + 5 * KIB + 3)

typedef struct
{
  int from, to;
} Fixture;

static int
make_file (void)
{
  int fd = memfd_create ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (ftruncate (fd, SIZE), ==, 0);
  return fd;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->from = make_file ();
  fixture->to = make_file ();
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  close (fixture->from);
  close (fixture->to);
}

static void
put (int fd, guint64 at, gsize length, guint8 value)
{
  g_autofree guint8 *bytes = g_malloc (length);

  memset (bytes, value, length);
  g_assert_cmpint (pwrite (fd, bytes, length, (off_t) at), ==, (gssize) length);
}

static void
assert_same (const Fixture *fixture)
{
  g_autofree char *a = g_malloc (SIZE);
  g_autofree char *b = g_malloc (SIZE);

  g_assert_cmpint (pread (fixture->from, a, SIZE, 0), ==, SIZE);
  g_assert_cmpint (pread (fixture->to, b, SIZE, 0), ==, SIZE);
  g_assert_true (memcmp (a, b, SIZE) == 0);
}

static guint64
pass (LodgeSparseCopy *copy, guint threads)
{
  guint64 written = 0;
  g_autoptr (GError) error = NULL;

  g_assert_true (lodge_sparse_copy_pass (copy, threads, NULL, &written, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (lodge_sparse_copy_get_done (copy), ==, SIZE);
  return written;
}

static guint64
allocated (int fd)
{
  struct stat st;

  g_assert_cmpint (fstat (fd, &st), ==, 0);
  return (guint64) st.st_blocks * 512;
}

static void
check_passes (const Fixture *fixture, guint threads)
{
  g_autoptr (LodgeSparseCopy) copy = lodge_sparse_copy_new (fixture->from, fixture->to, SIZE);

  /* Nothing, then something at both ends, over borders, single pages, and a part of the last one. */
  g_assert_cmpuint (pass (copy, threads), ==, 0);
  put (fixture->from, 0, 4 * KIB, 1);
  put (fixture->from, 3 * MIB - 8 * KIB, 16 * KIB, 2);
  put (fixture->from, 8 * MIB - 4 * KIB, 8 * KIB, 3);
  put (fixture->from, 20 * MIB, 4 * MIB, 4);
  put (fixture->from, SIZE - 1, 1, 5);
  g_assert_cmpuint (pass (copy, threads), ==, 4 * KIB + 16 * KIB + 8 * KIB + 4 * MIB + KIB + 3);
  assert_same (fixture);
  g_assert_cmpuint (pass (copy, threads), ==, 0);

  /* One byte of a page, a page beside another, zeros where something was, and what was given back altogether. */
  put (fixture->from, 20 * MIB + 5000, 1, 9);
  put (fixture->from, 3 * MIB + 8 * KIB, 4 * KIB, 9);
  put (fixture->from, 0, 4 * KIB, 0);
  g_assert_cmpint (fallocate (fixture->from, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 21 * MIB, 2 * MIB), ==, 0);
  g_assert_cmpuint (pass (copy, threads), ==, 3 * 4 * KIB + 2 * MIB);
  assert_same (fixture);
}

static void
test_passes (Fixture *fixture, gconstpointer data)
{
  guint threads = GPOINTER_TO_UINT (data);

  /* One that keeps its size is read in place. */
  if (threads == 0)
    g_assert_cmpint (fcntl (fixture->from, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), ==, 0);
  check_passes (fixture, threads);
}

static void
test_holes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LodgeSparseCopy) copy = lodge_sparse_copy_new (fixture->from, fixture->to, SIZE);

  /* A guest that has read its memory, or zeroed it, has pages there that need no place. */
  put (fixture->from, 4 * MIB, 16 * MIB, 0);
  put (fixture->from, 8 * MIB, 4 * KIB, 1);
  g_assert_cmpuint (allocated (fixture->from), >=, 16 * MIB);
  g_assert_cmpuint (pass (copy, 0), ==, 4 * KIB);
  g_assert_cmpuint (allocated (fixture->to), <=, 64 * KIB);
  assert_same (fixture);
}

/* Looking at pages that a guest has never had must not make them. */
static void
test_looking (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LodgeSparseCopy) copy = NULL;

  g_assert_cmpint (fcntl (fixture->from, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), ==, 0);
  copy = lodge_sparse_copy_new (fixture->from, fixture->to, SIZE);
  for (guint64 at = 0; at < SIZE; at += 64 * KIB)
    put (fixture->from, at, 1, 1);
  g_assert_cmpuint (pass (copy, 0), ==, (SIZE / (64 * KIB) + 1) * 4 * KIB);
  g_assert_cmpuint (pass (copy, 0), ==, 0);
  g_assert_cmpuint (allocated (fixture->from), <=, (SIZE / (64 * KIB) + 1) * 4 * KIB);
  assert_same (fixture);
}

static void
test_once (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LodgeSparseCopy) copy = lodge_sparse_copy_new_once (fixture->from, fixture->to, SIZE);

  put (fixture->from, 8 * MIB - 4 * KIB, 20 * MIB, 1);
  put (fixture->from, 35 * MIB, 4 * KIB, 2);
  put (fixture->from, SIZE - 1, 1, 5);
  g_assert_cmpuint (pass (copy, 2), ==, 20 * MIB + 4 * KIB + KIB + 3);
  g_assert_cmpuint (allocated (fixture->to), <=, 20 * MIB + 8 * KIB);
  assert_same (fixture);
}

/* What differs is written, whatever there was, and what the file has nothing for is given back. */
static void
test_onto (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LodgeSparseCopy) copy = NULL;
  guint64 before;

  copy = lodge_sparse_copy_new_onto (fixture->from, fixture->to, SIZE);
  for (gsize i = 0; i < 2; i++)
    {
      int fd = i == 0 ? fixture->from : fixture->to;

      put (fd, 4 * MIB, 8 * MIB, 1);
      put (fd, SIZE - 1, 1, 5);
    }
  /* A byte, pages beside each other and over a border, ones that only one of them has, the last one, and zeros that nobody needs. */
  put (fixture->to, 5 * MIB + 4095, 1, 9);
  put (fixture->to, 8 * MIB - 8 * KIB, 16 * KIB, 9);
  put (fixture->from, 16 * MIB, 4 * KIB, 2);
  put (fixture->from, 18 * MIB, 256 * KIB, 0);
  put (fixture->to, 24 * MIB, 9 * MIB, 9);
  put (fixture->to, SIZE - 2, 1, 9);
  before = allocated (fixture->to);
  g_assert_cmpuint (pass (copy, GPOINTER_TO_UINT (data)), ==, 4 * KIB + 16 * KIB + 4 * KIB + KIB + 3);
  assert_same (fixture);
  g_assert_cmpuint (allocated (fixture->to), ==, before - 9 * MIB + 4 * KIB);
}

/* A file that is cut between the look at its size and the reading is an error, not the end of the core. */
static void
test_cut (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LodgeSparseCopy) copy = lodge_sparse_copy_new_once (fixture->from, fixture->to, 2 * SIZE);
  g_autoptr (GError) error = NULL;

  put (fixture->from, 8 * MIB, 32 * MIB, 1);
  g_assert_cmpint (ftruncate (fixture->from, 20 * MIB + 1), ==, 0);
  g_assert_cmpint (fallocate (fixture->to, 0, 0, 2 * SIZE), ==, 0);
  if (!lodge_sparse_copy_pass (copy, 0, NULL, NULL, &error))
    g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IO);
}

static void
test_fails (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LodgeSparseCopy) copy = lodge_sparse_copy_new (fixture->from, fixture->to, SIZE);
  g_autoptr (LodgeSparseCopy) shorter = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) cancelled = NULL;
  g_autoptr (GError) cut = NULL;
  g_autoptr (GError) refused = NULL;
  int sealed = memfd_create ("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  put (fixture->from, 8 * MIB, 4 * KIB, 1);
  g_cancellable_cancel (cancellable);
  g_assert_false (lodge_sparse_copy_pass (copy, 0, cancellable, NULL, &cancelled));
  g_assert_error (cancelled, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  g_assert_cmpint (fcntl (sealed, F_ADD_SEALS, F_SEAL_WRITE), ==, 0);
  shorter = lodge_sparse_copy_new (fixture->from, sealed, SIZE);
  g_assert_false (lodge_sparse_copy_pass (shorter, 0, NULL, NULL, &refused));
  g_assert_error (refused, LODGE_ERROR, LODGE_ERROR_NOT_READABLE);
  close (sealed);

  /* It became shorter than it was said to be. */
  pass (copy, 0);
  g_assert_cmpint (ftruncate (fixture->from, 8 * MIB), ==, 0);
  g_assert_false (lodge_sparse_copy_pass (copy, 0, NULL, NULL, &cut));
  g_assert_error (cut, LODGE_ERROR, LODGE_ERROR_IO);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/sparse-copy/passes", Fixture, GUINT_TO_POINTER (1), set_up, test_passes, tear_down);
  g_test_add ("/sparse-copy/passes/threads", Fixture, GUINT_TO_POINTER (4), set_up, test_passes, tear_down);
  g_test_add ("/sparse-copy/passes/sealed", Fixture, GUINT_TO_POINTER (0), set_up, test_passes, tear_down);
  g_test_add ("/sparse-copy/holes", Fixture, NULL, set_up, test_holes, tear_down);
  g_test_add ("/sparse-copy/looking", Fixture, NULL, set_up, test_looking, tear_down);
  g_test_add ("/sparse-copy/once", Fixture, NULL, set_up, test_once, tear_down);
  g_test_add ("/sparse-copy/onto", Fixture, GUINT_TO_POINTER (1), set_up, test_onto, tear_down);
  g_test_add ("/sparse-copy/onto/threads", Fixture, GUINT_TO_POINTER (4), set_up, test_onto, tear_down);
  g_test_add ("/sparse-copy/cut", Fixture, NULL, set_up, test_cut, tear_down);
  g_test_add ("/sparse-copy/fails", Fixture, NULL, set_up, test_fails, tear_down);
  return g_test_run ();
}
