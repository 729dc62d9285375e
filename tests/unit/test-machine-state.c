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

  g_test_add_func ("/machine-state/contract", test_methods_are_those_of_the_contract);
  g_test_add_func ("/machine-state/every-method", test_every_method_has_a_state);
  g_test_add_func ("/machine-state/check", test_check_says_what_and_where);
  g_test_add_func ("/machine-state/life", test_life);
  g_test_add_func ("/machine-state/impossible", test_impossible_change_keeps_the_state);
  g_test_add_func ("/machine-state/no-dead-end", test_no_dead_end);
  g_test_add_func ("/machine-state/documentation", test_documentation_has_the_tables);

  return g_test_run ();
}
