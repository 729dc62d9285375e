/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Values go to the core as the strings that were typed: what they may be is decided in one place,
 * the core's settings table. Files are opened here, with the rights of the person, and go as
 * descriptors; so a file that is missing or unreadable is refused before the core is asked.
 */

#include "config.h"

#include "app/ctl-verbs.h"

#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "app/ctl-amounts.h"
#include "app/ctl-output.h"
#include "core/ipc/lodge-settings-text.h"

typedef struct
{
  const char *role;
  char       *path; /* (owned) (nullable) */
} Medium;

/* The file that a refusal speaks of: the only one given, or the one whose name it holds. */
static void
fill_file_context (LodgeErrorContext *context, const Medium *media, gsize n_media, const char *message)
{
  const Medium *only = NULL, *named = NULL;
  guint n_given = 0, n_named = 0;

  for (gsize i = 0; i < n_media; i++)
    {
      g_autofree char *base = media[i].path != NULL ? g_path_get_basename (media[i].path) : NULL;

      if (base == NULL)
        continue;
      only = &media[i];
      n_given++;
      if (strstr (message, base) != NULL)
        {
          named = &media[i];
          n_named++;
        }
    }

  if (n_named != 1)
    named = n_given == 1 ? only : NULL;
  if (named != NULL)
    {
      context->file = named->path;
      context->role = named->role;
    }
}

static gboolean
is_about_a_file (const GError *error)
{
  return g_error_matches (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT) ||
         g_error_matches (error, LODGE_ERROR, LODGE_ERROR_IN_USE) ||
         g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_READABLE) ||
         g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
}

static GVariant *
open_media (const Medium *media, gsize n_media, GUnixFDList *fds, LodgeErrorContext *context,
            GError **error)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(ssh)"));

  for (gsize i = 0; i < n_media; i++)
    {
      g_autofree char *name = NULL;
      int fd, handle;

      if (media[i].path == NULL)
        continue;
      context->file = media[i].path;
      context->role = media[i].role;
      fd = ctl_open_file (media[i].path, error);
      if (fd < 0)
        return NULL;
      handle = g_unix_fd_list_append (fds, fd, error);
      close (fd);
      if (handle < 0)
        return NULL;
      name = g_filename_display_basename (media[i].path);
      g_variant_builder_add (&builder, "(ssh)", media[i].role, name, handle);
    }
  context->file = context->role = NULL;
  return g_variant_builder_end (&builder);
}

/* "0", "0G": no new disk. Whatever else it is, the core judges. */
static gboolean
is_nothing (const char *size)
{
  return size == NULL || (*size == '0' && strpbrk (size, "123456789") == NULL);
}

static void
add_string (GVariantBuilder *settings, const char *key, const char *value)
{
  if (value != NULL)
    g_variant_builder_add (settings, "{sv}", key, g_variant_new_string (value));
}

CtlExit
ctl_verb_create (CtlContext *ctx, int argc, char **argv)
{
  Medium media[] = { { "iso", NULL }, { "disk", NULL }, { "kernel", NULL }, { "initrd", NULL } };
  enum { APPEND, OS, ARCH, CORES, MEMORY, DISK_SIZE, FIRMWARE, N_VALUES };
  static const char *const value_keys[N_VALUES] = { "append", "os", "arch", "cores", "memory",
                                                    "disk-size", "firmware" };
  char *values[N_VALUES] = { NULL };
  gboolean demo = FALSE, accel_3d = FALSE;
  const GOptionEntry entries[] = {
    { "iso", 0, 0, G_OPTION_ARG_FILENAME, &media[0].path, N_("Disc image to boot, referenced in place"), N_("FILE") },
    { "disk", 0, 0, G_OPTION_ARG_FILENAME, &media[1].path, N_("Existing disk image, referenced in place"), N_("FILE") },
    { "kernel", 0, 0, G_OPTION_ARG_FILENAME, &media[2].path, N_("Kernel to boot directly, copied"), N_("FILE") },
    { "initrd", 0, 0, G_OPTION_ARG_FILENAME, &media[3].path, N_("Initial RAM disk for the kernel, copied"), N_("FILE") },
    { "append", 0, 0, G_OPTION_ARG_STRING, &values[APPEND], N_("Command line of the kernel"), N_("STRING") },
    { "demo", 0, 0, G_OPTION_ARG_NONE, &demo, N_("The small Linux that comes with Lodge"), NULL },
    { "disk-size", 0, 0, G_OPTION_ARG_STRING, &values[DISK_SIZE], N_("New disk of this size (20G)"), N_("SIZE") },
    { "os", 0, 0, G_OPTION_ARG_STRING, &values[OS], N_("Operating system, as libosinfo names it (debian12)"), N_("ID") },
    { "arch", 0, 0, G_OPTION_ARG_STRING, &values[ARCH], N_("x86_64, aarch64 or riscv64"), N_("ARCH") },
    { "cores", 0, 0, G_OPTION_ARG_STRING, &values[CORES], N_("Number of processor cores"), N_("N") },
    { "memory", 0, 0, G_OPTION_ARG_STRING, &values[MEMORY], N_("Memory (2G)"), N_("SIZE") },
    { "firmware", 0, 0, G_OPTION_ARG_STRING, &values[FIRMWARE], N_("bios or uefi"), N_("KIND") },
    { "3d", 0, 0, G_OPTION_ARG_NONE, &accel_3d, N_("With 3D acceleration where it can be had"), NULL },
    G_OPTION_ENTRY_NULL
  };
  g_auto (GVariantBuilder) settings = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  LodgeErrorContext context = { NULL };
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) files = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  CtlExit code = CTL_EXIT_OK;
  gboolean parsed;

  parsed = ctl_verb_parse (ctx, entries, &argc, &argv, 1, 1, &code);
  if (!parsed)
    goto out;

  if (demo && (media[0].path != NULL || media[1].path != NULL || media[2].path != NULL))
    {
      code = ctl_usage_error (ctx, argv[0], _("--demo brings its own system; leave --iso, --disk and --kernel out."));
      goto out;
    }
  if (media[2].path == NULL && (media[3].path != NULL || values[APPEND] != NULL))
    {
      code = ctl_usage_error (ctx, argv[0], _("--initrd and --append need --kernel."));
      goto out;
    }
  if (!demo && media[0].path == NULL && media[1].path == NULL && media[2].path == NULL && is_nothing (values[DISK_SIZE]))
    {
      code = ctl_usage_error (ctx, argv[0], _("Say what the machine starts from: --iso, --disk, --kernel, --demo or --disk-size."));
      goto out;
    }

  files = open_media (media, G_N_ELEMENTS (media), fds, &context, &error);
  if (files == NULL)
    {
      code = ctl_report_error (ctx, error, &context);
      goto out;
    }
  g_variant_ref_sink (files);

  for (guint i = 0; i < N_VALUES; i++)
    add_string (&settings, value_keys[i], values[i]);
  if (demo)
    g_variant_builder_add (&settings, "{sv}", "demo", g_variant_new_boolean (TRUE));
  if (accel_3d)
    g_variant_builder_add (&settings, "{sv}", "3d", g_variant_new_boolean (TRUE));

  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "CreateMachine",
                    g_variant_new ("(sa{sv}@a(ssh)@a{sv})", argv[1], &settings, files, ctl_no_options ()),
                    "(o)", fds, NULL, &error);
  if (reply == NULL)
    {
      context.machine = argv[1];
      if (is_about_a_file (error))
        fill_file_context (&context, media, G_N_ELEMENTS (media), error->message);
      code = ctl_report_error (ctx, error, &context);
    }
  else
    {
      g_autofree char *id = NULL;
      const char *path;

      g_variant_get (reply, "(&o)", &path);
      id = ctl_machine_id (path);
      if (ctx->json)
        ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>, 'name': <%s>}", id, argv[1]));
      else
        ctl_printf (ctx->out, "%s\n", id);
      ctl_warn_of_amounts (ctx, path);
    }

out:
  for (gsize i = 0; i < G_N_ELEMENTS (media); i++)
    g_free (media[i].path);
  for (gsize i = 0; i < N_VALUES; i++)
    g_free (values[i]);
  return code;
}

/* ---- set ---- */

/* cd=FILE: the file goes as a descriptor, like every file of the person's; cd= takes it out. */
static CtlExit
set_cd (CtlContext *ctx, const char *path, const char *machine, const char *file, int fd)
{
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL;
  LodgeErrorContext context = { .machine = machine, .role = "iso" };

  if (*file == '\0')
    return ctl_machine_call (ctx, path, machine, "EjectMedium", ctl_no_options ());

  fds = g_unix_fd_list_new ();
  if (g_unix_fd_list_append (fds, fd, &error) < 0)
    return ctl_report_error (ctx, error, NULL);
  name = g_filename_display_basename (file);
  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "InsertMedium",
                    g_variant_new ("(sh@a{sv})", name, 0, ctl_no_options ()), "()", fds, NULL, &error);
  if (reply != NULL)
    return CTL_EXIT_OK;
  if (!is_about_a_file (error))
    return ctl_report_machine_error (ctx, error, path, machine);
  context.file = file;
  return ctl_report_error (ctx, error, &context);
}

static void
print_pending (CtlContext *ctx, const char *path, const char *const *pending, const char *const *warnings)
{
  if (ctx->json)
    {
      g_autofree char *id = ctl_machine_id (path);

      ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>, 'pending-settings': <%^as>, 'warnings': <%^as>}", id,
                                                      pending, warnings));
      return;
    }
  for (gsize i = 0; warnings[i] != NULL; i++)
    ctl_printf (ctx->err, _("Note: %s\n"), lodge_settings_warning_text (warnings[i]));
  if (pending[0] != NULL)
    {
      g_autofree char *list = g_strjoinv (", ", (char **) pending);

      ctl_printf (ctx->out, _("From the next start: %s\n"), list);
    }
}

static CtlExit
check_settings (CtlContext *ctx, const char *path, const char *machine, GVariant *settings, GStrv *pending, GStrv *warnings)
{
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;

  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "CheckSettings",
                    g_variant_new ("(@a{sv}@a{sv})", settings, ctl_no_options ()), "(a{sv})", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_machine_error (ctx, error, path, machine);
  answer = g_variant_get_child_value (reply, 0);
  g_variant_lookup (answer, "pending", "^as", pending);
  g_variant_lookup (answer, "warnings", "^as", warnings);
  return CTL_EXIT_OK;
}

static CtlExit
set_settings (CtlContext *ctx, const char *path, const char *machine, GVariant *settings, GStrv *pending)
{
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;

  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "SetSettings",
                    g_variant_new ("(@a{sv}@a{sv})", settings, ctl_no_options ()), "(as)", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_machine_error (ctx, error, path, machine);
  g_clear_pointer (pending, g_strfreev);
  g_variant_get (reply, "(^as)", pending);
  return CTL_EXIT_OK;
}

CtlExit
ctl_verb_set (CtlContext *ctx, int argc, char **argv)
{
  gboolean only_check = FALSE;
  const GOptionEntry entries[] = {
    { "check", 0, 0, G_OPTION_ARG_NONE, &only_check, N_("Change nothing; only say what the change would mean"), NULL },
    G_OPTION_ENTRY_NULL
  };
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  static const char *const none[] = { NULL };
  g_autofree char *path = NULL;
  g_auto (GStrv) pending = NULL;
  g_auto (GStrv) warnings = NULL;
  g_autoptr (GVariant) settings = NULL;
  g_autoptr (GError) error = NULL;
  const char *cd = NULL;
  int cd_fd = -1;
  gboolean amounts = FALSE;
  CtlExit code;

  if (!ctl_verb_parse (ctx, entries, &argc, &argv, 2, -1, &code))
    return code;

  for (int i = 2; i < argc; i++)
    {
      const char *equals = strchr (argv[i], '=');
      g_autofree char *key = equals != NULL ? g_strndup (argv[i], equals - argv[i]) : NULL;

      if (key == NULL || *key == '\0')
        {
          code = ctl_usage_error (ctx, argv[0], _("“%s” is not KEY=VALUE."), argv[i]);
          goto out;
        }
      if (g_str_equal (key, "cd"))
        {
          cd = equals + 1;
          continue;
        }
      amounts = amounts || g_str_equal (key, "memory") || g_str_equal (key, "cores");
      add_string (&builder, key, equals + 1);
    }
  settings = g_variant_ref_sink (g_variant_builder_end (&builder));

  if (cd != NULL && *cd != '\0')
    {
      cd_fd = ctl_open_file (cd, &error);
      if (cd_fd < 0)
        {
          code = ctl_report_error (ctx, error, &(LodgeErrorContext){ .file = cd, .role = "iso" });
          goto out;
        }
    }

  path = ctl_find (ctx, argv[1], &code);
  if (path == NULL)
    goto out;

  /* All or nothing: the disc, which may be refused for what is in it, comes before settings that were found good. */
  code = CTL_EXIT_OK;
  if (g_variant_n_children (settings) > 0)
    code = check_settings (ctx, path, argv[1], settings, &pending, &warnings);
  if (code == CTL_EXIT_OK && cd != NULL && !only_check)
    code = set_cd (ctx, path, argv[1], cd, cd_fd);
  if (code == CTL_EXIT_OK && g_variant_n_children (settings) > 0 && !only_check)
    code = set_settings (ctx, path, argv[1], settings, &pending);
  if (code == CTL_EXIT_OK && amounts && !only_check)
    ctl_warn_of_amounts (ctx, path);
  if (code == CTL_EXIT_OK)
    print_pending (ctx, path, pending != NULL ? (const char *const *) pending : none,
                   warnings != NULL ? (const char *const *) warnings : none);

out:
  if (cd_fd >= 0)
    close (cd_fd);
  return code;
}
