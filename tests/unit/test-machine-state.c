/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-machine-state.h"

#include "lodge-core1.h"

static void
test_methods_are_those_of_the_contract (void)
{
  GDBusInterfaceInfo *info = lodge_ipc_machine_interface_info ();
  guint n = 0;

  for (; info->methods[n] != NULL; n++)
    {
      g_assert_cmpuint (n, <, LODGE_N_METHODS);
      g_assert_cmpstr (info->methods[n]->name, ==, lodge_method_name (n));
    }
  g_assert_cmpuint (n, ==, LODGE_N_METHODS);
}

/* The comment above a method's declaration in the XML, on one line and without what is in parentheses. Where there is
 * nothing between two methods, one comment is of both. Returns: (transfer full) */
static char *
comment_of (const char *contract, const char *interface, const char *method)
{
  g_autofree char *head = g_strdup_printf ("<interface name=\"%s\">", interface);
  g_autofree char *tag = g_strdup_printf ("<method name=\"%s\">", method);
  const char *from = strstr (contract, head);
  const char *declared = from != NULL ? strstr (from, tag) : NULL;
  const char *begin, *end;
  GString *text = g_string_new (NULL);
  guint depth = 0;

  g_assert_nonnull (declared);
  begin = g_strrstr_len (from, declared - from, "<!--");
  end = g_strrstr_len (from, declared - from, "-->");
  g_assert_nonnull (begin);
  g_assert_true (begin < end);
  g_assert_null (g_strstr_len (end, declared - end, "<property"));
  g_assert_null (g_strstr_len (end, declared - end, "<signal"));

  for (const char *p = begin + strlen ("<!--"); p < end; p++)
    {
      depth += *p == '(';
      if (depth == 0 && !(g_ascii_isspace (*p) && text->len > 0 && text->str[text->len - 1] == ' '))
        g_string_append_c (text, g_ascii_isspace (*p) ? ' ' : *p);
      depth -= *p == ')' && depth > 0;
    }
  if (strstr (text->str, method) == NULL)
    g_error ("%s.%s has no comment of its own in the contract", interface, method);
  return g_string_free (text, FALSE);
}

/* The words of a list that begins after @head: up to the next full stop for states, to the end for errors. */
static GStrv
words_after (const char *comment, const char *head, const char *end, const char *method)
{
  const char *start = strstr (comment, head);
  const char *stop;
  g_autofree char *list = NULL;

  if (start == NULL || strstr (start + 1, head) != NULL)
    g_error ("%s should say “%s” once in the contract", method, head);
  start += strlen (head);
  stop = end != NULL ? strstr (start, end) : NULL;
  list = stop != NULL ? g_strndup (start, stop - start) : g_strdup (start);
  return g_strsplit_set (g_strdelimit (list, ",;.", ' '), " ", -1);
}

static guint
parse_states (const char *comment, const char *method)
{
  g_auto (GStrv) words = words_after (comment, "States:", ".", method);
  const guint all = (1u << LODGE_N_STATES) - 1;
  guint states = 0;
  gboolean but = FALSE;

  for (guint i = 0; words[i] != NULL; i++)
    {
      guint s = 0;

      while (s < LODGE_N_STATES && strcmp (words[i], lodge_machine_state_name (s)) != 0)
        s++;
      if (s < LODGE_N_STATES)
        states = but ? states & ~(1u << s) : states | 1u << s;
      else if (strcmp (words[i], "all") == 0)
        states = all;
      else if (strcmp (words[i], "but") == 0)
        but = TRUE;
      else if (*words[i] != '\0')
        g_error ("%s: “%s” is no state", method, words[i]);
    }
  return states;
}

static gboolean
is_error (const char *word)
{
  for (guint code = 0; code < LODGE_N_ERRORS; code++)
    {
      g_autoptr (GError) error = g_error_new_literal (LODGE_ERROR, code, "");
      g_autofree char *name = g_dbus_error_encode_gerror (error);

      if (strcmp (strrchr (name, '.') + 1, word) == 0)
        return TRUE;
    }
  return FALSE;
}

/* Words in small letters are for people; names are of errors or of methods, and these stand for the errors of that method.
 * Returns: whether @wanted is among them */
static gboolean
check_errors (const char *contract, GDBusInterfaceInfo *info, const char *method, const char *wanted, guint depth)
{
  g_autofree char *comment = comment_of (contract, info->name, method);
  g_auto (GStrv) words = words_after (comment, "Errors:", NULL, method);
  gboolean found = FALSE;
  guint n = 0;

  g_assert_cmpuint (depth, <, 4);
  for (guint i = 0; words[i] != NULL; i++)
    {
      if (!g_ascii_isupper (*words[i]))
        {
          n += strcmp (words[i], "none") == 0;
          continue;
        }
      n++;
      if (is_error (words[i]))
        found = found || strcmp (words[i], wanted) == 0;
      else if (g_dbus_interface_info_lookup_method (info, words[i]) != NULL)
        found = check_errors (contract, info, words[i], wanted, depth + 1) || found;
      else
        g_error ("%s: “%s” is no error", method, words[i]);
    }
  if (n == 0)
    g_error ("%s: which errors?", method);
  return found;
}

/* What the contract says to people in comments is what the core does. */
static void
test_contract_says_states_and_errors (void)
{
  g_autofree char *path
    = g_build_filename (g_getenv ("G_TEST_SRCDIR"), "..", "..", "data", "dbus", "org.lodgevm.Core1.xml", NULL);
  GDBusInterfaceInfo *infos[] = { lodge_ipc_machine_interface_info (), lodge_ipc_core_interface_info (),
                                  lodge_ipc_job_interface_info () };
  g_autofree char *contract = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &contract, NULL, &error);
  g_assert_no_error (error);

  for (guint m = 0; m < LODGE_N_METHODS; m++)
    {
      const char *method = lodge_method_name (m);
      g_autofree char *comment = comment_of (contract, infos[0]->name, method);
      guint said = parse_states (comment, method);
      gboolean refuses = FALSE;

      for (guint s = 0; s < LODGE_N_STATES; s++)
        {
          gboolean allowed = lodge_machine_state_allows (s, m);

          refuses = refuses || !allowed;
          if (allowed != ((said & (1u << s)) != 0))
            g_error ("%s: the contract is wrong about the state “%s”", method, lodge_machine_state_name (s));
        }
      if (check_errors (contract, infos[0], method, "WrongState", 0) != refuses)
        g_error ("%s: the contract is wrong about the error WrongState", method);
    }

  for (guint i = 1; i < G_N_ELEMENTS (infos); i++)
    for (guint m = 0; infos[i]->methods[m] != NULL; m++)
      check_errors (contract, infos[i], infos[i]->methods[m]->name, "", 0);
}

static void
test_every_method_has_a_state (void)
{
  for (guint m = 0; m < LODGE_N_METHODS; m++)
    {
      guint allowed = 0;

      for (guint s = 0; s < LODGE_N_STATES; s++)
        allowed += lodge_machine_state_allows (s, m);
      g_assert_cmpuint (allowed, >, 0);
    }

  g_assert_true (lodge_machine_state_allows (LODGE_STATE_OFF, LODGE_METHOD_START));
  g_assert_false (lodge_machine_state_allows (LODGE_STATE_BROKEN, LODGE_METHOD_START));
  g_assert_false (lodge_machine_state_allows (LODGE_STATE_RUNNING, LODGE_METHOD_DELETE));
  g_assert_true (lodge_machine_state_allows (LODGE_STATE_STARTING, LODGE_METHOD_FORCE_OFF));
}

static void
test_check_says_what_and_where (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (lodge_machine_state_check (LODGE_STATE_OFF, LODGE_METHOD_START, &error));
  g_assert_no_error (error);

  g_assert_false (lodge_machine_state_check (LODGE_STATE_PAUSED, LODGE_METHOD_START, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE);
  g_assert_cmpstr (error->message, ==, "Start is not possible while the machine is paused");
}

static void
test_life (void)
{
  static const struct
  {
    LodgeMachineChange change;
    LodgeMachineState state;
  } life[] = {
    { LODGE_CHANGE_START, LODGE_STATE_STARTING },   { LODGE_CHANGE_RAN, LODGE_STATE_RUNNING },
    { LODGE_CHANGE_STOPPED, LODGE_STATE_PAUSED },   { LODGE_CHANGE_RAN, LODGE_STATE_RUNNING },
    { LODGE_CHANGE_SHUTDOWN, LODGE_STATE_STOPPING }, { LODGE_CHANGE_RAN, LODGE_STATE_STOPPING },
    { LODGE_CHANGE_ENDED, LODGE_STATE_OFF },        { LODGE_CHANGE_BROKE, LODGE_STATE_BROKEN },
    { LODGE_CHANGE_MENDED, LODGE_STATE_OFF },       { LODGE_CHANGE_SAVED, LODGE_STATE_SAVED },
    { LODGE_CHANGE_ADOPT_ENDING, LODGE_STATE_SAVING },
  };
  LodgeMachineState state = LODGE_STATE_OFF;

  for (guint i = 0; i < G_N_ELEMENTS (life); i++)
    {
      g_assert_true (lodge_machine_state_next (state, life[i].change, &state));
      g_assert_cmpint (state, ==, life[i].state);
    }
}

static void
test_impossible_change_keeps_the_state (void)
{
  LodgeMachineState state = LODGE_STATE_BROKEN;

  g_assert_false (lodge_machine_state_next (LODGE_STATE_OFF, LODGE_CHANGE_ENDED, &state));
  g_assert_false (lodge_machine_state_next (LODGE_STATE_RUNNING, LODGE_CHANGE_START, &state));
  g_assert_cmpint (state, ==, LODGE_STATE_BROKEN);
}

/* From every state there is a way back to off, so no machine can be stuck. */
static void
test_no_dead_end (void)
{
  for (guint s = 0; s < LODGE_N_STATES; s++)
    {
      guint reached = 1u << s;

      for (guint round = 0; round < LODGE_N_STATES; round++)
        for (guint from = 0; from < LODGE_N_STATES; from++)
          for (guint c = 0; (reached & (1u << from)) != 0 && c < LODGE_N_CHANGES; c++)
            {
              LodgeMachineState to;

              if (lodge_machine_state_next (from, c, &to))
                reached |= 1u << to;
            }
      g_assert_true (reached & (1u << LODGE_STATE_OFF));
    }
}

static void
test_documentation_has_the_tables (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("G_TEST_SRCDIR"), "..", "..", "docs", "DBUS.md", NULL);
  g_autofree char *table = lodge_machine_state_table ();
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  const char *chapter;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  chapter = strstr (text, "## Methods and states");
  g_assert_nonnull (chapter);
  if (strstr (chapter, table) == NULL)
    g_error ("docs/DBUS.md should have:\n%s", table);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/machine-state/methods", test_methods_are_those_of_the_contract);
  g_test_add_func ("/machine-state/contract", test_contract_says_states_and_errors);
  g_test_add_func ("/machine-state/every-method", test_every_method_has_a_state);
  g_test_add_func ("/machine-state/check", test_check_says_what_and_where);
  g_test_add_func ("/machine-state/life", test_life);
  g_test_add_func ("/machine-state/impossible", test_impossible_change_keeps_the_state);
  g_test_add_func ("/machine-state/no-dead-end", test_no_dead_end);
  g_test_add_func ("/machine-state/documentation", test_documentation_has_the_tables);

  return g_test_run ();
}
