/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-verbs.h"

#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "app/ctl-amounts.h"
#include "app/ctl-output.h"
#include "app/ctl-repair.h"
#include "core/ipc/lodge-amounts-text.h"

/* A property of a machine under the name that --json gives it. */
static const struct
{
  const char *property;
  const char *key;
  const char *nothing; /* (nullable) what list --json prints where ListMachines leaves it out; NULL: it has no place there */
} keys[] = {
  { "Id", "id", "''" },
  { "Name", "name", "''" },
  { "State", "state", "''" },
  { "StateReason", "state-reason", "''" },
  { "StateDetails", "state-details", NULL },
  { "Folder", "folder", "''" },
  { "Settings", "settings", NULL },
  { "PendingSettings", "pending-settings", NULL },
  { "Effective", "effective", NULL },
  { "Fault", "fault", "@a{sv} {}" },
  { "Created", "created", "int64 0" },
  { "LastStarted", "last-started", "int64 0" },
};

static GVariant *
machine_to_json (GVariant *properties, gboolean list)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GVariant) value = list && keys[i].nothing == NULL ? NULL
                                   : g_variant_lookup_value (properties, keys[i].property, NULL);

      if (value == NULL && list && keys[i].nothing != NULL)
        value = g_variant_ref_sink (g_variant_new_parsed (keys[i].nothing));
      if (value != NULL)
        g_variant_builder_add (&builder, "{sv}", keys[i].key, value);
    }
  return g_variant_builder_end (&builder);
}

/* What a machine is sorted by, made once for each: a language's order is dear to find. */
typedef struct
{
  char *key;            /* (owned) */
  GVariant *properties; /* (owned) */
} Listed;

static int
compare_listed (gconstpointer a, gconstpointer b)
{
  const Listed *left = a, *right = b;
  int order = strcmp (left->key, right->key);

  return order != 0 ? order : strcmp (ctl_string (left->properties, "Id"), ctl_string (right->properties, "Id"));
}

/* @options: (transfer floating): of ListMachines
 * Returns: (transfer full) (element-type GVariant): the properties of each machine, by name */
static GPtrArray *
get_machines (CtlContext *ctx, GVariant *options, GError **error)
{
  g_autoptr (GPtrArray) machines = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr (GArray) listed = g_array_new (FALSE, FALSE, sizeof (Listed));
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariantIter) objects = NULL;
  GVariant *properties;

  reply = ctl_call (ctx, LODGE_CORE_PATH, LODGE_BUS_NAME, "ListMachines", g_variant_new ("(@a{sv})", options),
                    "(a{oa{sv}})", NULL, NULL, error);
  if (reply == NULL)
    return NULL;

  g_variant_get (reply, "(a{oa{sv}})", &objects);
  /* Not the paths, too: "&o" would have the whole answer serialised once more. */
  while (g_variant_iter_next (objects, "{o@a{sv}}", NULL, &properties))
    {
      Listed one = { .key = g_utf8_collate_key (ctl_string (properties, "Name"), -1), .properties = properties };

      g_array_append_val (listed, one);
    }
  g_array_sort (listed, compare_listed);
  for (guint i = 0; i < listed->len; i++)
    {
      g_free (g_array_index (listed, Listed, i).key);
      g_ptr_array_add (machines, g_array_index (listed, Listed, i).properties);
    }
  return g_steal_pointer (&machines);
}

/* Returns: (transfer floating): how ListMachines is asked for what --json prints */
static GVariant *
json_options (void)
{
  const char *names[G_N_ELEMENTS (keys) + 1] = { NULL };
  gsize n = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    if (keys[i].nothing != NULL)
      names[n++] = keys[i].property;
  return g_variant_new_parsed ("{'properties': <%^as>}", names);
}

/* Returns: (transfer floating): and for the other forms */
static GVariant *
text_options (gboolean names)
{
  if (names)
    return g_variant_new_parsed ("{'properties': <['Id', 'Name']>}");
  return g_variant_new_parsed ("{'properties': <['Id', 'Name', 'State', 'Template', 'Settings']>, 'settings': <['cores', 'memory']>}");
}

static char **
make_row (GVariant *properties)
{
  g_autoptr (GVariant) settings = g_variant_lookup_value (properties, "Settings", G_VARIANT_TYPE_VARDICT);
  g_autofree char *cores = NULL;
  g_autofree char *memory = settings != NULL && g_variant_lookup (settings, "memory", "t", NULL) ? ctl_size (settings, "memory") : g_strdup ("");
  g_autofree char *id = g_strndup (ctl_string (properties, "Id"), 8);
  const char *state = lodge_state_text (ctl_string (properties, "State"));
  g_autofree char *text = NULL;
  gboolean template = FALSE;
  guint n;

  g_variant_lookup (properties, "Template", "b", &template);
  /* Translators: %s is a template's state: Off, Saved */
  text = template ? g_strdup_printf (_("%s, template"), state) : g_strdup (state);
  cores = settings != NULL && g_variant_lookup (settings, "cores", "u", &n) ? g_strdup_printf ("%u", n) : g_strdup ("");
  return g_strdupv ((char *[]){ (char *) ctl_string (properties, "Name"), text, cores, memory, id, NULL });
}

static void
print_table (CtlContext *ctx, GPtrArray *machines)
{
  const char *heading[] = { _("NAME"), _("STATE"), _("CORES"), _("MEMORY"), _("ID"), NULL };
  g_autoptr (GVariant) entries = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE_VARDICT, (GVariant **) machines->pdata, machines->len));

  ctl_table_print_entries (ctx->out, heading, entries, make_row, 0);
}

CtlExit
ctl_verb_list (CtlContext *ctx, int argc, char **argv)
{
  gboolean names = FALSE;
  const GOptionEntry entries[] = {
    { "names", 0, 0, G_OPTION_ARG_NONE, &names, N_("Print only the names, one a line"), NULL },
    G_OPTION_ENTRY_NULL
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) machines = NULL;
  CtlExit code;

  if (!ctl_verb_parse (ctx, entries, &argc, &argv, 0, 0, &code))
    return code;
  machines = get_machines (ctx, ctx->json ? json_options () : text_options (names), &error);
  if (machines == NULL)
    return ctl_report_error (ctx, error, NULL);

  if (ctx->json)
    {
      GVariantBuilder array = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

      for (guint i = 0; i < machines->len; i++)
        g_variant_builder_add_value (&array, machine_to_json (machines->pdata[i], TRUE));
      ctl_json_print (ctx->out, g_variant_builder_end (&array));
    }
  else if (names)
    {
      for (guint i = 0; i < machines->len; i++)
        {
          g_autofree char *safe = ctl_escape (ctl_string (machines->pdata[i], "Name"), FALSE);

          ctl_printf (ctx->out, "%s\n", safe);
        }
    }
  else if (machines->len > 0)
    {
      print_table (ctx, machines);
    }
  else
    {
      ctl_put (ctx->err, _("There are no machines yet. “lodgectl create --help” tells how to make one.\n"));
    }
  return CTL_EXIT_OK;
}

/* ---- show ---- */

static void
print_line (CtlContext *ctx, const char *key, const char *value)
{
  g_autofree char *safe_key = ctl_escape (key, FALSE);
  g_autofree char *safe = ctl_escape (value, FALSE);

  ctl_printf (ctx->out, "%-20s %s\n", safe_key, safe);
}

static char *
format_value (const char *key, GVariant *value)
{
  gboolean size = g_str_equal (key, "memory") || g_str_equal (key, "disk-size");

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_strdup (g_variant_get_boolean (value) ? "on" : "off");
  if (size && g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64))
    return g_format_size_full (g_variant_get_uint64 (value), G_FORMAT_SIZE_IEC_UNITS);
  return g_variant_print (value, FALSE);
}

static int
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
print_dictionary (CtlContext *ctx, const char *title, GVariant *dictionary, GStrv pending)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  GVariantIter iter;
  const char *name;

  g_variant_iter_init (&iter, dictionary);
  while (g_variant_iter_next (&iter, "{&sv}", &name, NULL))
    g_ptr_array_add (names, (gpointer) name);
  if (names->len == 0)
    return;
  g_ptr_array_sort (names, compare_strings);

  ctl_printf (ctx->out, "\n%s\n", title);
  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (dictionary, names->pdata[i], NULL);
      g_autofree char *text = format_value (names->pdata[i], value);
      g_autofree char *indented = g_strdup_printf ("  %s", (char *) names->pdata[i]);

      if (pending != NULL && g_strv_contains ((const char *const *) pending, names->pdata[i]))
        {
          g_autofree char *marked = g_strdup_printf (_("%s (from the next start)"), text);

          print_line (ctx, indented, marked);
        }
      else
        {
          print_line (ctx, indented, text);
        }
    }
}

static char *
format_time (GVariant *properties, const char *name)
{
  gint64 seconds = 0;
  g_autoptr (GDateTime) time = NULL;

  g_variant_lookup (properties, name, "x", &seconds);
  time = seconds > 0 ? g_date_time_new_from_unix_local (seconds) : NULL;
  return time != NULL ? g_date_time_format (time, "%Y-%m-%d %H:%M:%S") : g_strdup (_("never"));
}

/* What the settings are to be measured by. */
static void
print_amounts (CtlContext *ctx, GVariant *amounts)
{
  g_autofree char *memory = NULL;
  g_autofree char *cores = NULL;
  guint64 best_memory = 0;
  guint32 best_cores = 0;

  g_variant_lookup (amounts, "memory-recommended", "t", &best_memory);
  g_variant_lookup (amounts, "cores-recommended", "u", &best_cores);
  memory = lodge_memory_marks_text (amounts, best_memory);
  cores = lodge_cores_marks_text (amounts, best_cores);
  ctl_printf (ctx->out, "\n%s\n", _("Possible here"));
  print_line (ctx, "  cores", cores);
  print_line (ctx, "  memory", memory);
}

static void
print_machine (CtlContext *ctx, GVariant *properties, GVariant *amounts)
{
  g_autoptr (GVariant) settings = g_variant_lookup_value (properties, "Settings", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) effective = g_variant_lookup_value (properties, "Effective", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) details = g_variant_lookup_value (properties, "StateDetails", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) fault = g_variant_lookup_value (properties, "Fault", G_VARIANT_TYPE_VARDICT);
  const char *code = ctl_fault_code (properties);
  g_autofree char *created = format_time (properties, "Created");
  g_autofree char *started = format_time (properties, "LastStarted");
  g_auto (GStrv) pending = NULL;
  g_autofree char *reason = NULL;
  const char *message = NULL;

  g_variant_lookup (properties, "PendingSettings", "^as", &pending);
  reason = lodge_state_reason_text (ctl_string (properties, "StateReason"), details,
                                    ctl_string (properties, "Name"));

  print_line (ctx, _("Name"), ctl_string (properties, "Name"));
  print_line (ctx, _("Id"), ctl_string (properties, "Id"));
  print_line (ctx, _("State"), lodge_state_text (ctl_string (properties, "State")));
  if (reason != NULL)
    print_line (ctx, "", reason);
  if (details != NULL && g_variant_lookup (details, "message", "&s", &message))
    print_line (ctx, _("Details"), message);
  print_line (ctx, _("Folder"), ctl_string (properties, "Folder"));
  print_line (ctx, _("Created"), created);
  print_line (ctx, _("Last started"), started);

  if (*code != '\0')
    {
      g_autofree char *text = lodge_fault_text (code, ctl_string (properties, "Name"));

      print_line (ctx, _("Fault"), text);
      if (g_variant_lookup (fault, "message", "&s", &message))
        print_line (ctx, _("Details"), message);
    }
  if (settings != NULL)
    print_dictionary (ctx, _("Settings"), settings, pending);
  if (settings != NULL && amounts != NULL)
    print_amounts (ctx, amounts);
  if (effective != NULL)
    print_dictionary (ctx, _("Running with"), effective, NULL);
}

static GVariant *
with_amounts (GVariant *machine, GVariant *amounts)
{
  g_autoptr (GVariant) own = g_variant_ref_sink (machine);
  GVariantDict dict;

  g_variant_dict_init (&dict, own);
  if (amounts != NULL)
    g_variant_dict_insert_value (&dict, "amounts", amounts);
  return g_variant_dict_end (&dict);
}

CtlExit
ctl_verb_show (CtlContext *ctx, int argc, char **argv)
{
  g_autoptr (GVariant) amounts = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) properties = NULL;
  g_autofree char *path = NULL;
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, NULL, &argc, &argv, 1, 1, &code);
  if (path == NULL)
    return code;
  properties = ctl_machine_get (ctx, path, &error);
  if (properties == NULL)
    return ctl_report_machine_error (ctx, error, path, argv[1]);

  /* What is broken has no settings to be measured. */
  if (*ctl_fault_code (properties) == '\0')
    amounts = ctl_get_amounts (ctx, path);
  if (ctx->json)
    ctl_json_print (ctx->out, with_amounts (machine_to_json (properties, FALSE), amounts));
  else
    print_machine (ctx, properties, amounts);
  return CTL_EXIT_OK;
}

/* ---- log ---- */

CtlExit
ctl_verb_log (CtlContext *ctx, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree char *path = NULL;
  g_autofree char *safe = NULL;
  const char *text;
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, NULL, &argc, &argv, 1, 1, &code);
  if (path == NULL)
    return code;
  reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, "GetLog",
                    g_variant_new ("(@a{sv})", ctl_no_options ()), "(s)", NULL, NULL, &error);
  if (reply == NULL)
    return ctl_report_machine_error (ctx, error, path, argv[1]);
  g_variant_get (reply, "(&s)", &text);

  if (ctx->json)
    {
      g_autofree char *id = ctl_machine_id (path);

      ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>, 'log': <%s>}", id, text));
    }
  else
    {
      /* What QEMU printed can hold what a guest made it print. */
      safe = ctl_escape (text, TRUE);
      ctl_put (ctx->out, safe);
      if (*safe != '\0' && !g_str_has_suffix (safe, "\n"))
        ctl_put (ctx->out, "\n");
    }
  return CTL_EXIT_OK;
}
