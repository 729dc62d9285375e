/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-file-tree.h"
#include "core/storage/lodge-identify.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* A helper of the test's stands in the path, which is where a build tree has its own. */
typedef struct
{
  char         *folder; /* (owned) */
  char         *path;   /* (owned) the helper */
  char         *share;  /* (owned) */
  char         *before; /* (owned) PATH */
  int           image;
  LodgeSandbox *sandbox; /* (owned) (nullable) */
  GAsyncResult *result;  /* (owned) (nullable) */
} Fixture;

static void
result_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = NULL;
  g_autofree char *image = NULL;
  GAsyncResult *result = NULL;

  fixture->folder = g_dir_make_tmp ("lodge-identify-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->folder, "lodge-identify", NULL);
  fixture->share = g_test_build_filename (G_TEST_DIST, "..", "..", "data", NULL);
  fixture->before = g_strdup (g_getenv ("PATH"));
  path = g_strconcat (fixture->folder, ":", fixture->before, NULL);
  g_setenv ("PATH", path, TRUE);
  image = g_build_filename (fixture->folder, "x.iso", NULL);
  g_assert_true (g_file_set_contents (image, "an image", -1, NULL));
  fixture->image = g_open (image, O_RDONLY | O_CLOEXEC, 0);

  lodge_sandbox_probe_async (NULL, result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  fixture->sandbox = lodge_sandbox_probe_finish (result, NULL);
  g_object_unref (result);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_setenv ("PATH", fixture->before, TRUE);
  close (fixture->image);
  g_assert_true (lodge_file_tree_remove (fixture->folder, NULL, NULL));
  g_clear_object (&fixture->sandbox);
  g_free (fixture->folder);
  g_free (fixture->path);
  g_free (fixture->share);
  g_free (fixture->before);
}

static gboolean
is_installed (void)
{
  if (!g_file_test (LODGE_LIBEXECDIR "/lodge-identify", G_FILE_TEST_IS_EXECUTABLE))
    return FALSE;
  g_test_skip ("an installed lodge-identify goes before the test's");
  return TRUE;
}

static void
write_helper (Fixture *fixture, const char *script)
{
  g_autofree char *text = g_strconcat ("#!/bin/sh\n", script, "\n", NULL);

  g_unlink (fixture->path); /* it would be written in place, and be the old one behind its end */
  g_assert_true (g_file_set_contents_full (fixture->path, text, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
}

static LodgeRecognition *
identify (Fixture *fixture, GCancellable *cancellable, GError **error)
{
  LodgeRecognition *found;
  GAsyncResult *result = NULL;

  lodge_identify_async (fixture->sandbox, fixture->share, fixture->image, "my disc", cancellable, result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  found = lodge_identify_finish (result, error);
  g_object_unref (result);
  return found;
}

static void
test_answer (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LodgeRecognition) found = NULL;
  g_autoptr (GError) error = NULL;

  if (is_installed ())
    return;
  write_helper (fixture, "[ \"$(cat)\" = 'an image' ] && [ \"$2\" = 'my disc' ] && [ -r \"$1/media.json\" ] && echo "
                         "'{\"kind\": \"iso\", \"family\": \"bsd\", \"os\": \"freebsd15.0\", \"name\": \"FreeBSD\", \"uefi\": true, "
                         "\"memory\": 5, \"confidence\": \"exact\", \"arch\": \"aarch64\", \"live\": true}'");
  found = identify (fixture, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (found->disc && found->boots_uefi && !found->boots_bios && found->match->live);
  g_assert_cmpint (found->match->family, ==, LODGE_FAMILY_BSD);
  g_assert_cmpstr (found->match->os, ==, "freebsd15.0");
  g_assert_cmpstr (found->match->arch, ==, "aarch64");
  g_assert_cmpuint (found->match->memory, ==, 5);
}

/* A helper that its image took over says what it likes. */
static void
test_hostile_answer (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LodgeRecognition) found = NULL;
  g_autoptr (GError) error = NULL;

  if (is_installed ())
    return;
  write_helper (fixture, "printf '{\"kind\": \"iso\", \"family\": \"linux\", \"os\": \"../../etc\", \"confidence\": \"certain\", "
                         "\"memory\": -1, \"live\": 7, \"version\": [], \"name\": \"a\\\\nb\\\\u202ec%0500d\"}' 0");
  found = identify (fixture, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (found->match->os, ==, "");
  g_assert_cmpstr (found->match->confidence, ==, "none");
  g_assert_cmpstr (found->match->version, ==, "");
  g_assert_cmpuint (found->match->memory, ==, 0);
  g_assert_false (found->match->live);
  g_assert_cmpuint (g_utf8_strlen (found->match->name, -1), ==, 128);
  g_assert_true (g_str_has_prefix (found->match->name, "a�b�c000"));
}

static void
test_failures (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *script;
    int code;
    const char *message;
  } cases[] = {
    { "echo '{\"error\": \"damaged\", \"message\": \"is cut off\"}'", LODGE_ERROR_DAMAGED, "“my disc” is cut off" },
    { "echo '{\"error\": \"text-file\", \"message\": \"is text\"}'", LODGE_ERROR_TEXT_FILE, "“my disc” is text" },
    { "echo '{\"error\": \"wrong-format\", \"message\": \"“x” is odd\"}'", LODGE_ERROR_WRONG_FORMAT, "“x” is odd" },
    /* No code but those of a refusal is taken over. */
    { "echo '{\"error\": \"core-gone\", \"message\": \"x\"}'", LODGE_ERROR_HELPER_FAILED, "lodge-identify: x" },
    { "echo hello", LODGE_ERROR_HELPER_FAILED, NULL },
    { "echo '[]'", LODGE_ERROR_HELPER_FAILED, "lodge-identify: no answer" },
    { "echo '{}'", LODGE_ERROR_HELPER_FAILED, "lodge-identify: no answer" },
    { "echo '{\"kind\": \"iso\", \"family\": \"toaster\"}'", LODGE_ERROR_HELPER_FAILED, "lodge-identify: no answer" },
    { "echo oh >&2; exit 7", LODGE_ERROR_HELPER_FAILED, "lodge-identify ended with 7: oh" },
    { "cat /dev/zero", LODGE_ERROR_OUT_OF_RANGE, NULL },
  };

  if (is_installed ())
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      write_helper (fixture, cases[i].script);
      g_assert_null (identify (fixture, NULL, &error));
      g_assert_error (error, LODGE_ERROR, cases[i].code);
      if (cases[i].message != NULL)
        g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

/* What the helper cannot do: see the person's files, write, reach the network. */
static void
test_confined (Fixture *fixture, gconstpointer data)
{
  g_autofree char *home = g_build_filename (fixture->folder, "home", NULL);
  g_autofree char *script = NULL;
  g_autoptr (GError) error = NULL;

  if (is_installed ())
    return;
  if (lodge_sandbox_get_level (fixture->sandbox) != LODGE_CONFINEMENT_BUBBLEWRAP)
    {
      g_test_skip ("bubblewrap does not work here");
      return;
    }
  g_mkdir (home, 0700);
  script = g_strdup_printf ("[ -e %s ] && echo home >&2\n"
                            "(echo x > \"$1/media.json\") 2> /dev/null && echo written >&2\n"
                            "(echo x > /usr/x) 2> /dev/null && echo written >&2\n"
                            "[ $(wc -l < /proc/net/route) -gt 1 ] && echo network >&2\n"
                            "[ $(ls /proc | grep -c '^[0-9]') -gt 12 ] && echo processes >&2\n"
                            "exit 9", home);
  write_helper (fixture, script);
  g_assert_null (identify (fixture, NULL, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_HELPER_FAILED);
  g_assert_cmpstr (error->message, ==, "lodge-identify ended with 9: ");
}

static gboolean
cancel_cb (gpointer data)
{
  g_cancellable_cancel (data);
  return G_SOURCE_REMOVE;
}

static void
test_cancel (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  if (is_installed ())
    return;
  write_helper (fixture, "sleep 600");
  g_timeout_add (50, cancel_cb, cancellable);
  g_assert_null (identify (fixture, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/identify/answer", Fixture, NULL, set_up, test_answer, tear_down);
  g_test_add ("/identify/hostile-answer", Fixture, NULL, set_up, test_hostile_answer, tear_down);
  g_test_add ("/identify/failures", Fixture, NULL, set_up, test_failures, tear_down);
  g_test_add ("/identify/confined", Fixture, NULL, set_up, test_confined, tear_down);
  g_test_add ("/identify/cancel", Fixture, NULL, set_up, test_cancel, tear_down);
  return g_test_run ();
}
