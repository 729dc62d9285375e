/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "app/ctl-input.h"
#include "app/ctl-verbs.h"

static char *
read_source (const char *folder, const char *name)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "..", folder, name, NULL);
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

/* Runs a command line that must not get as far as a bus. */
static CtlExit
run (const char *line, char **out, char **err)
{
  g_auto (GStrv) argv = g_strsplit (line, " ", -1);
  g_autofree char **copy = g_memdup2 (argv, sizeof (char *) * (g_strv_length (argv) + 1));
  gsize out_length, err_length;
  CtlContext ctx = { .out = open_memstream (out, &out_length), .err = open_memstream (err, &err_length) };
  CtlExit code = ctl_run (&ctx, g_strv_length (copy), copy);

  g_assert_null (ctx.bus);
  fclose (ctx.out);
  fclose (ctx.err);
  return code;
}

static void
test_usage (void)
{
  static const struct
  {
    const char *line;
    const char *said;
  } cases[] = {
    { "lodgectl", "Say what to do" },
    { "lodgectl --json", "Say what to do" },
    { "lodgectl fly", "There is no verb “fly”" },
    { "lodgectl start", "Something is missing" },
    { "lodgectl start a b", "Unexpected argument “b”" },
    { "lodgectl start --fast a", "--fast" },
    { "lodgectl stop --timeout soon a", "soon" },
    { "lodgectl stop --timeout -3 a", "negative" },
    { "lodgectl execute --timeout -1 a true", "negative" },
    { "lodgectl run --timeout -1 a true", "negative" },
    { "lodgectl create a", "Say what the machine starts from" },
    { "lodgectl create a --disk-size 0", "Say what the machine starts from" },
    { "lodgectl create a --disk-size 0G", "Say what the machine starts from" },
    { "lodgectl create a --demo --iso /none", "--demo" },
    { "lodgectl create a --iso /none --append x", "--kernel" },
    { "lodgectl create --demo", "Something is missing" },
    { "lodgectl set a", "Something is missing" },
    { "lodgectl set a cores", "“cores” is not KEY=VALUE" },
    { "lodgectl set a =4", "“=4” is not KEY=VALUE" },
    { "lodgectl send-keys a ctrl--c", "ctrl--c" },
    { "lodgectl send-keys a", "Something is missing" },
    { "lodgectl send-keys --hold-time=0 a b", "--hold-time takes 1 to 10000" },
    { "lodgectl send-keys --hold-time -1 a b", "--hold-time takes 1 to 10000" },
    { "lodgectl trash burn", "trash list" },
    { "lodgectl start x \033[31m", "\\x1b" },
    { "lodgectl screenshot a - --json", "--json" },
    { "lodgectl create a --bogus --json", "--bogus" },
    { "lodgectl stop --timeout x a --json", "timeout" },
    { "lodgectl frob --json", "There is no verb" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      char *out = NULL, *err = NULL;

      g_test_message ("%s", cases[i].line);
      g_assert_cmpint (run (cases[i].line, &out, &err), ==, CTL_EXIT_USAGE);
      g_assert_nonnull (strstr (err, cases[i].said));
      if (strstr (cases[i].line, "--json") == NULL)
        g_assert_cmpstr (out, ==, "");
      else
        g_assert_nonnull (strstr (out, "\"code\" : \"usage\""));
      free (out);
      free (err);
    }
}

/* What the person gave is looked at before the core is asked. */
static void
test_missing_file (void)
{
  char *out = NULL, *err = NULL;

  g_assert_cmpint (run ("lodgectl create a --iso /none/such.iso", &out, &err), ==, CTL_EXIT_NOT_FOUND);
  g_assert_nonnull (strstr (err, "The file “/none/such.iso” does not exist."));
  free (out);
  free (err);
}

/* A file's name need not be UTF-8; JSON is all the same. */
static void
test_strange_file_name (void)
{
  char *out = NULL, *err = NULL;

  g_assert_cmpint (run ("lodgectl --json create a --iso /none/\xff.iso", &out, &err), ==, CTL_EXIT_NOT_FOUND);
  g_assert_true (g_utf8_validate (out, -1, NULL));
  g_assert_true (g_utf8_validate (err, -1, NULL));
  g_assert_nonnull (strstr (out, "\"code\" : \"not-found\""));
  free (out);
  free (err);
}

static void
test_help (void)
{
  char *out = NULL, *err = NULL;

  g_assert_cmpint (run ("lodgectl --help", &out, &err), ==, CTL_EXIT_OK);
  for (const CtlVerb *verb = ctl_verbs (); verb->name != NULL; verb++)
    {
      g_autofree char *line = g_strdup_printf ("lodgectl %s --help", verb->name);
      g_autofree char *entry = g_strdup_printf ("\n  %s ", verb->name);
      char *verb_out = NULL, *verb_err = NULL;

      g_assert_nonnull (strstr (out, entry));
      g_assert_cmpint (run (line, &verb_out, &verb_err), ==, CTL_EXIT_OK);
      g_assert_nonnull (strstr (verb_out, "--json"));
      g_assert_cmpstr (verb_err, ==, "");
      free (verb_out);
      free (verb_err);
    }
  free (out);
  free (err);
}

/* The man page has the exit codes of the code, all and no others. */
static void
test_exit_codes (void)
{
  g_autofree char *page = read_source ("data/man", "lodgectl.1");
  const char *section = strstr (page, ".Sh EXIT STATUS");
  g_autoptr (GString) expected = g_string_new (".Sh EXIT STATUS\n.Bl -tag -width Ds\n");

  for (CtlExit code = 0; code < CTL_N_EXITS; code++)
    {
      g_assert_nonnull (ctl_exit_meaning (code));
      g_string_append_printf (expected, ".It %u\n%s\n", code, ctl_exit_meaning (code));
    }
  g_string_append (expected, ".El\n");
  g_assert_nonnull (section);
  g_assert_true (strncmp (section, expected->str, expected->len) == 0);
}

/* docs/DBUS.md says for each error which exit code it gives. */
static void
test_errors_table (void)
{
  g_autofree char *page = read_source ("docs", "DBUS.md");

  for (int code = 0; code < LODGE_N_ERRORS; code++)
    {
      g_autoptr (GError) error = g_error_new_literal (LODGE_ERROR, code, "x");
      g_autofree char *dbus_name = g_dbus_error_encode_gerror (error);
      g_autofree char *row = g_strdup_printf ("| %s | %s |", strrchr (dbus_name, '.') + 1,
                                              lodge_error_code_name (code));
      g_autofree char *end = g_strdup_printf ("| %u |", ctl_exit_from_error (error));
      const char *found = strstr (page, row);
      g_autofree char *line = NULL;

      g_assert_nonnull (found);
      line = g_strndup (found, strcspn (found, "\n"));
      g_assert_true (g_str_has_suffix (line, end));
    }
}

/* Every verb is in the man page, also in its synopsis, and in the completion. */
static void
test_documented (void)
{
  g_autofree char *page = read_source ("data/man", "lodgectl.1");
  g_autofree char *completion = read_source ("data/completions", "lodgectl");
  g_autofree char *synopsis = g_strndup (page, strstr (page, "\n.Sh DESCRIPTION") - page);

  for (const CtlVerb *verb = ctl_verbs (); verb->name != NULL; verb++)
    {
      g_autofree char *pattern = g_strdup_printf ("\\n\\.(It )?Cm ([a-z-]+ [|,] )*%s\\b", verb->name);
      g_autofree char *word = g_strdup_printf ("\\b%s\\b", verb->name);

      g_test_message ("%s", verb->name);
      g_assert_true (g_regex_match_simple (pattern, strstr (page, "\n.Sh DESCRIPTION"), 0, 0));
      g_assert_true (g_regex_match_simple (pattern, synopsis, 0, 0));
      g_assert_true (g_regex_match_simple (word, completion, 0, 0));
    }
}

static void
test_chords (void)
{
  static const struct
  {
    const char *in;
    const char *out; /* NULL: refused */
  } cases[] = {
    { "ctrl-alt-delete", "ctrl,alt,delete" }, { "Ctrl+Alt+Del", "ctrl,alt,delete" },
    { "enter", "ret" }, { "f1", "f1" }, { "win-r", "meta_l,r" }, { "meta_l", "meta_l" },
    { "", NULL }, { "-", NULL }, { "ctrl-", NULL }, { "a--b", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (GStrv) chord = ctl_chord_parse (cases[i].in);
      g_autofree char *joined = chord != NULL ? g_strjoinv (",", chord) : NULL;

      g_assert_cmpstr (joined, ==, cases[i].out);
    }
}

static void
test_chunks (void)
{
  g_auto (GStrv) chunks = ctl_text_chunks ("aéb机c", 2);
  g_auto (GStrv) none = ctl_text_chunks ("", 2);
  g_autofree char *joined = g_strjoinv ("|", chunks);

  g_assert_cmpstr (joined, ==, "aé|b机|c");
  g_assert_null (none[0]);
}

int
main (int argc, char *argv[])
{
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/usage", test_usage);
  g_test_add_func ("/ctl/missing-file", test_missing_file);
  g_test_add_func ("/ctl/strange-file-name", test_strange_file_name);
  g_test_add_func ("/ctl/help", test_help);
  g_test_add_func ("/ctl/exit-codes", test_exit_codes);
  g_test_add_func ("/ctl/errors-table", test_errors_table);
  g_test_add_func ("/ctl/documented", test_documented);
  g_test_add_func ("/ctl/chords", test_chords);
  g_test_add_func ("/ctl/chunks", test_chunks);
  return g_test_run ();
}
