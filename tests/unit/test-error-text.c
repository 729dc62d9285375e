/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/ipc/lodge-error-text.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
text_for (int code, const LodgeErrorContext *context)
{
  g_autoptr (GError) error = g_error_new_literal (LODGE_ERROR, code, "technical");

  return lodge_error_text (error, context);
}

/* Every code has a sentence of its own, whatever is known about the failure. */
static void
test_every_code (void)
{
  const LodgeErrorContext contexts[] = {
    { NULL },
    { .machine = "web" },
    { .machine = "web", .file = "a.iso" },
    { .machine = "", .state = "running" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (contexts); i++)
    {
      g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

      for (int code = 0; code < LODGE_N_ERRORS; code++)
        {
          char *text = text_for (code, &contexts[i]);

          g_assert_cmpuint (strlen (text), >, 20);
          g_assert_true (g_str_has_suffix (text, "."));
          g_assert_null (strchr (text, '\n'));
          g_assert_null (strstr (text, "technical"));
          g_assert_null (strchr (text, '%'));
          g_assert_true (g_hash_table_add (seen, text));
        }
    }
}

static void
test_context (void)
{
  g_autofree char *lookup = text_for (LODGE_ERROR_NOT_FOUND,
                                      &(LodgeErrorContext){ .machine = "web", .lookup = TRUE });
  g_autofree char *iso = text_for (LODGE_ERROR_WRONG_FORMAT,
                                   &(LodgeErrorContext){ .file = "a.iso", .role = "iso" });
  g_autofree char *off = text_for (LODGE_ERROR_WRONG_STATE,
                                   &(LodgeErrorContext){ .machine = "web", .state = "off" });
  g_autoptr (GError) foreign = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "x");
  g_autofree char *other = lodge_error_text (foreign, NULL);

  g_assert_nonnull (strstr (lookup, "There is no machine “web”"));
  g_assert_nonnull (strstr (iso, "“a.iso” is not a disc image"));
  g_assert_nonnull (strstr (off, "“web” is off"));
  g_assert_cmpstr (other, !=, "");
}

/* A file that is to be written fails for other reasons than one that is to be read. */
static void
test_output (void)
{
  static const struct
  {
    int code;
    const char *said;
  } cases[] = {
    { LODGE_ERROR_NOT_FOUND, "The folder in which “a.png” was to be written does not exist." },
    { LODGE_ERROR_NOT_READABLE, "“a.png” may not be written by you." },
    { LODGE_ERROR_EXISTS, "“a.png” is a folder." },
    { LODGE_ERROR_IO, "“a.png” could not be written." },
    { LODGE_ERROR_NO_SPACE, "There is not enough free disk space for “a.png”." },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = text_for (cases[i].code, &(LodgeErrorContext){ .file = "a.png", .role = "output" });

      g_assert_true (g_str_has_prefix (text, cases[i].said));
    }
}

/* A value that is refused is named, with what it may be. */
static void
test_values (void)
{
  static const struct
  {
    int code;
    const char *message, *text;
  } cases[] = {
    { LODGE_ERROR_INVALID_ARGUMENT, "firmware: “bios” is not one of uefi, none", "“firmware” can be one of these: uefi, none." },
    { LODGE_ERROR_INVALID_ARGUMENT, "tpm: needs firmware=uefi", "“tpm” works only with firmware=uefi. Change that as well, or leave it as it is." },
    { LODGE_ERROR_OUT_OF_RANGE, "cores: 0 is out of range: 1 to 288", "“cores” can be 1 to 288. Choose a value between them." },
    { LODGE_ERROR_OUT_OF_RANGE, "memory: 900 GB is out of range: 16 MB to 4 GB, which the host has",
      "“memory” can be 16 MB to 4 GB on this computer. Choose a value between them." },
    { LODGE_ERROR_OUT_OF_RANGE, "memory: “5: 1 to 2 is out of range: 7 to 8” is out of range: 16 MiB to 4 TiB\ncores: x",
      "“memory” can be 16 MiB to 4 TiB. Choose a value between them." },
    { LODGE_ERROR_OUT_OF_RANGE, "disks[0].size: 1 is out of range: 1 MiB to 64 TiB", "“disks[0].size” can be 1 MiB to 64 TiB. Choose a value between them." },
    { LODGE_ERROR_OUT_OF_RANGE, "a disk can only become larger, since", "A disk can only become larger. Choose a larger size." },
    { LODGE_ERROR_OUT_OF_RANGE, "something else", "One of the values is more or less than what is possible. Choose another one." },
    { LODGE_ERROR_INVALID_ARGUMENT, "disk-size: “4X” is not a size; write", "“disk-size” takes a size, such as 512M or 20G." },
    { LODGE_ERROR_INVALID_ARGUMENT, "cores: “many” is not a whole number", "“cores” takes a whole number." },
    { LODGE_ERROR_INVALID_ARGUMENT, "tpm: “x” is not on or off\ncores: y", "“tpm” can be on or off." },
    { LODGE_ERROR_INVALID_ARGUMENT, "firmware: “%s” is not one of bios, uefi", "“firmware” can be one of these: bios, uefi." },
    { LODGE_ERROR_INVALID_ARGUMENT, "“memroy”: there is no such setting; did you mean “memory”?",
      "There is no setting “memroy”. Did you mean “memory”?" },
    { LODGE_ERROR_INVALID_ARGUMENT, "“%n\xff”: there is no such setting", "There is no setting “%n\xef\xbf\xbd”." },
    { LODGE_ERROR_INVALID_ARGUMENT, "arch: can only be given when the machine is made", "“arch” can be given only when a machine is made." },
    { LODGE_ERROR_INVALID_ARGUMENT, "disk: can be read only", "“disk” cannot be set; it only tells something." },
    { LODGE_ERROR_INVALID_ARGUMENT, "nics[0].mac: is of a group", "The value of “nics[0].mac” is not possible. Choose another one." },
    { LODGE_ERROR_INVALID_ARGUMENT, "", "One of the values cannot be understood. Correct it and try again." },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = g_error_new_literal (LODGE_ERROR, cases[i].code, cases[i].message);
      g_autofree char *text = lodge_error_text (error, &(LodgeErrorContext){ .machine = "web" });

      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

static const char *
title_of (const char *key)
{
  return g_str_equal (key, "memory") ? "Memory" : g_str_equal (key, "mac") ? "Hardware Address" : key;
}

/* Where people do not know the keys, a setting is called by its title. */
static void
test_titles (void)
{
  static const struct
  {
    const char *message, *text;
  } cases[] = {
    { "memory: 900 GB is out of range: 16 MB to 4 GB, which the host has",
      "“Memory” can be 16 MB to 4 GB on this computer. Choose a value between them." },
    { "nics[0].mac: must be six pairs of 0-9 and a-f with",
      "“Hardware Address” takes six pairs of hexadecimal digits, such as 52:54:00:12:34:56." },
    { "nics[0].mac: is used twice", "The value of “Hardware Address” is not possible. Choose another one." },
    { "later: “x” is not a whole number", "“later” takes a whole number." },
    { "“memroy”: there is no such setting; did you mean “memory”?", "There is no setting “memroy”. Did you mean “memory”?" },
    { "a disk can only become larger, since", "A disk can only become larger. Choose a larger size." },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, cases[i].message);
      g_autofree char *text = lodge_error_text (error, &(LodgeErrorContext){ .machine = "web", .title = title_of });

      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

static void
test_states (void)
{
  static const char *const states[] = { "off", "starting", "running", "paused", "stopping", "broken" };

  for (gsize i = 0; i < G_N_ELEMENTS (states); i++)
    g_assert_cmpstr (lodge_state_text (states[i]), !=, states[i]);
  g_assert_cmpstr (lodge_state_text ("later"), ==, "later");
}

/* What was asked for and is there already is no matter of another state, and no advice for one method misleads in another. */
static void
test_refusals (void)
{
  static const struct
  {
    const char *message, *state, *sentence;
  } rows[] = {
    { "Start is not possible while the machine is running", "running", "“web” is already running." },
    { "Start is not possible while the machine is paused", "paused", "“web” has been started and is paused. Resume it, so that it goes on." },
    { "StartOver is not possible while the machine is running", "running",
      "“web” is running, which does not allow this. Shut it down first, or force it off." },
    { "Delete is not possible while the machine is running", "running",
      "“web” is running, which does not allow this. Shut it down first, or force it off." },
    { "Shutdown is not possible while the machine is off", "off", "“web” is already off." },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_WRONG_STATE, rows[i].message);
      g_autofree char *text = lodge_error_text (error, &(LodgeErrorContext){ .machine = "web", .state = rows[i].state });

      g_assert_cmpstr (text, ==, rows[i].sentence);
    }
}

/* A folder that is there or can be made is no trouble; a file in its place, or above it, is. */
static void
test_data_folder (void)
{
  g_autofree char *root = g_dir_make_tmp ("lodge-data-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (root, "file", NULL);
  g_autofree char *below = g_build_filename (file, "lodge", NULL);
  g_autofree char *missing = g_build_filename (root, "share", "lodge", NULL);
  const char *const bad[] = { file, below };
  struct stat st;

  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  g_assert_null (lodge_data_folder_text (root));
  g_assert_null (lodge_data_folder_text (missing));
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *text = lodge_data_folder_text (bad[i]);

      g_assert_nonnull (text);
      g_assert_nonnull (strstr (text, bad[i]));
      g_assert_nonnull (strstr (text, g_strerror (ENOTDIR)));
    }
  /* It only looks. */
  g_assert_cmpint (stat (missing, &st), <, 0);
  g_assert_cmpint (chmod (root, 0500), ==, 0);
  if (access (root, W_OK) != 0)
    {
      g_autofree char *text = lodge_data_folder_text (missing);

      g_assert_nonnull (strstr (text, g_strerror (EACCES)));
    }
  g_assert_cmpint (chmod (root, 0700), ==, 0);
  g_assert_cmpint (unlink (file), ==, 0);
  g_assert_cmpint (rmdir (root), ==, 0);
}

/* The reasons of Machine.StateReason: those that need a sentence have one, the others none. */
static void
test_reasons (void)
{
  static const char *const spoken[] = { "disk-full", "io-error", "internal-error", "guest-panicked",
                                        "start-failed", "kvm-failed", "crashed", "killed", "folder-gone" };
  static const char *const silent[] = { "", "user", "guest-shutdown", "adopted" };
  g_autoptr (GVariant) details = g_variant_ref_sink (g_variant_new_parsed ("{'needed': <%t>}", (guint64) 3 << 30));
  g_autofree char *needed = lodge_state_reason_text ("disk-full", details, "web");

  for (gsize i = 0; i < G_N_ELEMENTS (spoken); i++)
    {
      g_autofree char *text = lodge_state_reason_text (spoken[i], NULL, "web");

      g_assert_nonnull (text);
      g_assert_nonnull (strstr (text, "“web”"));
    }
  for (gsize i = 0; i < G_N_ELEMENTS (silent); i++)
    g_assert_null (lodge_state_reason_text (silent[i], NULL, "web"));
  g_assert_nonnull (strstr (needed, "3.2"));
}

static void
test_normalize (void)
{
  static const struct
  {
    const char *dbus;
    int         code;
  } cases[] = {
    { "org.lodgevm.Error.InUse", LODGE_ERROR_IN_USE },
    { "org.freedesktop.DBus.Error.NoReply", LODGE_ERROR_CORE_GONE },
    { "org.freedesktop.DBus.Error.ServiceUnknown", LODGE_ERROR_CORE_GONE },
    { "org.freedesktop.DBus.Error.Spawn.ChildExited", LODGE_ERROR_CORE_GONE },
    { "org.freedesktop.DBus.Error.InvalidArgs", LODGE_ERROR_INVALID_ARGUMENT },
    { "org.freedesktop.DBus.Error.UnknownObject", LODGE_ERROR_NOT_FOUND },
    { "org.example.Other", LODGE_ERROR_FAILED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = g_dbus_error_new_for_dbus_error (cases[i].dbus, "why");

      lodge_error_normalize (error);
      g_assert_error (error, LODGE_ERROR, cases[i].code);
      g_assert_cmpstr (error->message, ==, "why");
    }
}

static void
test_faults (void)
{
  static const char *const codes[] = { "broken", "broken-alone", "newer-schema", "duplicate-id", "unreadable", "new" };

  for (gsize i = 0; i < G_N_ELEMENTS (codes); i++)
    {
      g_autofree char *text = lodge_fault_text (codes[i], "web");

      g_assert_nonnull (strstr (text, "“web”"));
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  /* The domain has to know its D-Bus names even if nobody asked for it before. */
  g_test_add_func ("/error-text/normalize", test_normalize);
  g_test_add_func ("/error-text/every-code", test_every_code);
  g_test_add_func ("/error-text/context", test_context);
  g_test_add_func ("/error-text/output", test_output);
  g_test_add_func ("/error-text/values", test_values);
  g_test_add_func ("/error-text/titles", test_titles);
  g_test_add_func ("/error-text/states", test_states);
  g_test_add_func ("/error-text/refusals", test_refusals);
  g_test_add_func ("/error-text/data-folder", test_data_folder);
  g_test_add_func ("/error-text/reasons", test_reasons);
  g_test_add_func ("/error-text/faults", test_faults);
  return g_test_run ();
}
