/* SPDX-License-Identifier: GPL-3.0-or-later */

/* "lodgectl disk NAME ACTION": each action is one method of Core1.Machine. What is not understood is refused here, before
 * the core is asked for anything; what cannot be done is the core's to say. */

#include "config.h"

#include "app/ctl-verbs.h"

#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "app/ctl-output.h"
#include "core/ipc/lodge-disk-text.h"

typedef struct
{
  char *size;
  char *format;
  char *bus;
  gboolean copy;
  gboolean cd;
  gboolean delete_file;
} Options;

typedef struct
{
  CtlContext *ctx;
  const char *path;    /* of the machine's object */
  const char *machine; /* as it was typed */
  const Options *options;
} Disk;

/* "20G", "512M", "1.5GiB", plain bytes. Returns 0 for what is no size. */
static guint64
parse_size (const char *text)
{
  static const char units[] = "KMGT";
  g_autofree char *upper = g_ascii_strup (text, -1);
  char *end;
  double number = g_ascii_strtod (upper, &end);
  const char *unit;
  double factor = 1;

  if (end == upper || number <= 0 || number != number)
    return 0;
  if (*end != '\0' && (unit = strchr (units, *end)) != NULL)
    {
      for (const char *u = units; u <= unit; u++)
        factor *= 1024;
      end++;
      if (g_str_equal (end, "IB") || g_str_equal (end, "B"))
        end += strlen (end);
    }
  number *= factor;
  return *end == '\0' && number < 9e18 ? (guint64) number : 0;
}

static char *
size_text (guint64 bytes)
{
  return g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);
}

/* ---- list ---- */

static char **
make_row (GVariant *disk)
{
  const char *id = "", *file = "", *format = "", *bus = "";
  guint64 size = 0, used = 0;
  gboolean cdrom = FALSE, waiting = FALSE;
  char **row = g_new0 (char *, 8);

  g_variant_lookup (disk, "id", "&s", &id);
  g_variant_lookup (disk, "file", "&s", &file);
  g_variant_lookup (disk, "format", "&s", &format);
  g_variant_lookup (disk, "bus", "&s", &bus);
  g_variant_lookup (disk, "size", "t", &size);
  g_variant_lookup (disk, "used", "t", &used);
  g_variant_lookup (disk, "cdrom", "b", &cdrom);
  g_variant_lookup (disk, "waits", "b", &waiting);
  row[0] = g_strdup (*id != '\0' ? id : "-");
  row[1] = cdrom ? g_strdup ("CD") : g_strdup (lodge_disk_format_text (format));
  row[2] = cdrom && *file == '\0' ? g_strdup ("-") : size_text (size);
  row[3] = cdrom ? g_strdup ("-") : size_text (used);
  row[4] = g_strdup (*bus != '\0' ? bus : "-");
  row[5] = g_strdup (*id == '\0' ? _("unused") : waiting ? _("next start") : "");
  row[6] = g_strdup (*file != '\0' ? file : "-");
  return row;
}

static void
print_reasons (CtlContext *ctx, GVariant *disks)
{
  GVariantIter iter;
  GVariant *disk;

  g_variant_iter_init (&iter, disks);
  while ((disk = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_autoptr (GVariant) owned = disk;
      g_autofree const char **reasons = NULL;
      const char *id = "";

      g_variant_lookup (owned, "id", "&s", &id);
      if (*id == '\0' || !g_variant_lookup (owned, "reasons", "^a&s", &reasons))
        continue;
      for (gsize i = 0; reasons[i] != NULL; i++)
        if (lodge_disk_reason_text (reasons[i]) != NULL)
          {
            g_autofree char *safe = ctl_escape (id, FALSE);

            ctl_printf (ctx->err, "%s: %s\n", safe, lodge_disk_reason_text (reasons[i]));
          }
    }
}

static GVariant *
get_disks (Disk *self, GError **error)
{
  g_autoptr (GVariant) reply = NULL;

  reply = ctl_call (self->ctx, self->path, CTL_MACHINE_INTERFACE, "ListDisks",
                    g_variant_new ("(@a{sv})", ctl_no_options ()), "(aa{sv})", NULL, NULL, error);
  return reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
}

static CtlExit
do_list (Disk *self, char **arguments)
{
  const char *heading[] = { _("ID"), _("FORMAT"), _("SIZE"), _("USED"), _("BUS"), _("STATE"), _("FILE"), NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) disks = get_disks (self, &error);

  if (disks == NULL)
    return ctl_report_machine_error (self->ctx, error, self->path, self->machine);
  if (self->ctx->json)
    {
      ctl_json_print (self->ctx->out, disks);
      return CTL_EXIT_OK;
    }
  ctl_table_print_entries (self->ctx->out, heading, disks, make_row, 6);
  print_reasons (self->ctx, disks);
  return CTL_EXIT_OK;
}

/* ---- What changes something ---- */

static CtlExit
finish (Disk *self, const char *id)
{
  if (self->ctx->json)
    ctl_json_print (self->ctx->out, g_variant_new_parsed ("{'id': <%s>}", id));
  return CTL_EXIT_OK;
}

static CtlExit
call (Disk *self, const char *method, GVariant *parameters, const char *id)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;

  reply = ctl_call (self->ctx, self->path, CTL_MACHINE_INTERFACE, method, parameters, "()", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_machine_error (self->ctx, error, self->path, self->machine);
  return finish (self, id);
}

static CtlExit
do_add (Disk *self, char **arguments)
{
  const Options *given = self->options;
  const char *file = arguments[0];
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  const char *id;

  if (given->size != NULL)
    g_variant_builder_add (&builder, "{sv}", "size", g_variant_new_uint64 (parse_size (given->size)));
  if (given->format != NULL)
    g_variant_builder_add (&builder, "{sv}", "format", g_variant_new_string (lodge_disk_format_parse (given->format)));
  if (given->bus != NULL)
    g_variant_builder_add (&builder, "{sv}", "bus", g_variant_new_string (given->bus));
  if (given->cd)
    g_variant_builder_add (&builder, "{sv}", "cdrom", g_variant_new_boolean (TRUE));
  if (given->copy)
    g_variant_builder_add (&builder, "{sv}", "copy", g_variant_new_boolean (TRUE));
  if (file != NULL && g_str_has_prefix (file, "disks/") && !g_file_test (file, G_FILE_TEST_EXISTS))
    g_variant_builder_add (&builder, "{sv}", "file", g_variant_new_string (file));
  else if (file != NULL)
    {
      g_autofree char *name = g_filename_display_basename (file);
      int fd = ctl_open_file (file, &error);

      if (fd < 0)
        return ctl_report_error (self->ctx, error, &(LodgeErrorContext){ .file = file, .role = "disk" });
      g_variant_builder_add (&builder, "{sv}", "image", g_variant_new_handle (g_unix_fd_list_append (fds, fd, NULL)));
      g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string (name));
      close (fd);
    }

  reply = ctl_call (self->ctx, self->path, CTL_MACHINE_INTERFACE, "AddDisk", g_variant_new ("(a{sv})", &builder), "(s)", fds,
                    NULL, &error);
  if (reply == NULL && file != NULL && g_error_matches (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT))
    return ctl_report_error (self->ctx, error, &(LodgeErrorContext){ .file = file, .role = given->cd ? "iso" : "disk" });
  if (reply == NULL)
    return ctl_report_machine_error (self->ctx, error, self->path, self->machine);
  g_variant_get (reply, "(&s)", &id);
  if (!self->ctx->json)
    ctl_printf (self->ctx->out, "%s\n", id);
  return finish (self, id);
}

static CtlExit
do_detach (Disk *self, char **arguments)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (self->options->delete_file)
    g_variant_builder_add (&builder, "{sv}", "delete-file", g_variant_new_boolean (TRUE));
  return call (self, "DetachDisk", g_variant_new ("(sa{sv})", arguments[0], &builder), arguments[0]);
}

/* What "+10G" is more than. */
static CtlExit
find_size (Disk *self, const char *id, guint64 *size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) disks = get_disks (self, &error);
  GVariantIter iter;
  GVariant *disk;

  if (disks == NULL)
    return ctl_report_machine_error (self->ctx, error, self->path, self->machine);
  *size = 0;
  g_variant_iter_init (&iter, disks);
  while ((disk = g_variant_iter_next_value (&iter)) != NULL)
    {
      const char *name = "";

      if (g_variant_lookup (disk, "id", "&s", &name) && g_str_equal (name, id))
        g_variant_lookup (disk, "size", "t", size);
      g_variant_unref (disk);
    }
  return CTL_EXIT_OK;
}

static CtlExit
do_grow (Disk *self, char **arguments)
{
  gboolean more = *arguments[1] == '+';
  guint64 size = parse_size (arguments[1] + (more ? 1 : 0));
  guint64 now = 0;
  CtlExit code;

  if (more && (code = find_size (self, arguments[0], &now)) != CTL_EXIT_OK)
    return code;
  return call (self, "GrowDisk", g_variant_new ("(st@a{sv})", arguments[0], now + size, ctl_no_options ()), arguments[0]);
}

static CtlExit
do_compact (Disk *self, char **arguments)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree char *text = NULL;
  guint64 freed;

  reply = ctl_call (self->ctx, self->path, CTL_MACHINE_INTERFACE, "CompactDisk",
                    g_variant_new ("(s@a{sv})", arguments[0], ctl_no_options ()), "(t)", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_machine_error (self->ctx, error, self->path, self->machine);
  g_variant_get (reply, "(t)", &freed);
  text = size_text (freed);
  if (self->ctx->json)
    ctl_json_print (self->ctx->out, g_variant_new_parsed ("{'id': <%s>, 'freed': <%t>}", arguments[0], freed));
  else if (freed > 0)
    ctl_printf (self->ctx->out, _("%s are free again.\n"), text);
  else
    ctl_put (self->ctx->out, _("There was nothing to give back.\n"));
  return CTL_EXIT_OK;
}

static CtlExit
do_convert (Disk *self, char **arguments)
{
  return call (self, "ConvertDisk",
               g_variant_new ("(ss@a{sv})", arguments[0], lodge_disk_format_parse (arguments[1]), ctl_no_options ()),
               arguments[0]);
}

static const struct
{
  const char *name;
  int min, max; /* arguments after it */
  CtlExit (*run) (Disk *self, char **arguments);
} actions[] = {
  { "list", 0, 0, do_list },       { "add", 0, 1, do_add },       { "detach", 1, 1, do_detach },
  { "grow", 2, 2, do_grow },       { "compact", 1, 1, do_compact }, { "convert", 2, 2, do_convert },
};

/* What is wrong with the command line, or NULL. */
static char *
find_fault (const char *action, char **arguments, int n, const Options *given)
{
  gboolean add = g_str_equal (action, "add");

  if (!add && (given->size != NULL || given->format != NULL || given->bus != NULL || given->copy || given->cd))
    return g_strdup (_("--size, --format, --bus, --copy and --cd belong to “add”."));
  if (given->delete_file && !g_str_equal (action, "detach"))
    return g_strdup (_("--delete belongs to “detach”."));
  if (add && !given->cd && (given->size == NULL) == (n == 0))
    return g_strdup (_("Say what to add: --size for a new disk, a FILE, or --cd."));
  if (given->size != NULL && parse_size (given->size) == 0)
    return g_strdup_printf (_("“%s” is not a size, such as 20G."), given->size);
  if (given->format != NULL && lodge_disk_format_parse (given->format) == NULL)
    return g_strdup_printf (_("“%s” is not a format: qcow2, raw, vmdk, vhd, vhdx, vdi."), given->format);
  if (g_str_equal (action, "grow") && parse_size (arguments[1] + (*arguments[1] == '+' ? 1 : 0)) == 0)
    return g_strdup_printf (_("“%s” is not a size, such as 20G."), arguments[1]);
  if (g_str_equal (action, "convert") && lodge_disk_format_parse (arguments[1]) == NULL)
    return g_strdup_printf (_("“%s” is not a format: qcow2, raw, vmdk, vhd, vhdx, vdi."), arguments[1]);
  return NULL;
}

static CtlExit
run (CtlContext *ctx, int argc, char **argv, const Options *given)
{
  g_autofree char *path = NULL;
  g_autofree char *fault = NULL;
  g_autofree char **arguments = NULL;
  CtlExit code;
  int n = argc - 3;

  for (gsize i = 0; i < G_N_ELEMENTS (actions); i++)
    {
      Disk self = { ctx, NULL, argv[1], given };

      if (!g_str_equal (actions[i].name, argv[2]))
        continue;
      if (n < actions[i].min || n > actions[i].max)
        break;
      /* GOption leaves the arguments that remain without an end. */
      arguments = g_new0 (char *, n + 1);
      memcpy (arguments, argv + 3, sizeof (char *) * n);
      fault = find_fault (argv[2], arguments, n, given);
      if (fault != NULL)
        return ctl_usage_error (ctx, argv[0], "%s", fault);
      path = ctl_find (ctx, argv[1], &code);
      if (path == NULL)
        return code;
      self.path = path;
      return actions[i].run (&self, arguments);
    }
  return ctl_usage_error (ctx, argv[0],
                          _("Say “list”, “add”, “detach ID”, “grow ID SIZE”, “compact ID” or “convert ID FORMAT” after the name."));
}

CtlExit
ctl_verb_disk (CtlContext *ctx, int argc, char **argv)
{
  Options given = { NULL };
  const GOptionEntry entries[] = {
    { "size", 0, 0, G_OPTION_ARG_STRING, &given.size, N_("add: a new disk of this size (20G)"), N_("SIZE") },
    { "format", 0, 0, G_OPTION_ARG_STRING, &given.format, N_("add: qcow2 (as a rule), raw, vmdk, vhd, vhdx or vdi"), N_("FORMAT") },
    { "bus", 0, 0, G_OPTION_ARG_STRING, &given.bus, N_("add: virtio, sata, nvme, ide, scsi or usb"), N_("BUS") },
    { "copy", 0, 0, G_OPTION_ARG_NONE, &given.copy, N_("add: copy the image into the machine’s folder"), NULL },
    { "cd", 0, 0, G_OPTION_ARG_NONE, &given.cd, N_("add: a CD drive"), NULL },
    { "delete", 0, 0, G_OPTION_ARG_NONE, &given.delete_file, N_("detach: move the image to the trash"), NULL },
    G_OPTION_ENTRY_NULL
  };
  CtlExit code;

  if (ctl_verb_parse (ctx, entries, &argc, &argv, 2, -1, &code))
    code = run (ctx, argc, argv, &given);
  g_free (given.size);
  g_free (given.format);
  g_free (given.bus);
  return code;
}
