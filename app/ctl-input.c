/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-input.h"

#include <glib/gi18n.h>

#include "app/ctl-output.h"
#include "app/ctl-verbs.h"

/* What TypeText takes at once. */
#define TYPE_MAX_CHARS 4096
#define NOT_GIVEN G_MININT

static const struct
{
  const char *usual;
  const char *key;
} aliases[] = {
  { "control", "ctrl" },  { "enter", "ret" },     { "return", "ret" },  { "escape", "esc" },
  { "del", "delete" },    { "ins", "insert" },    { "space", "spc" },   { "pageup", "pgup" },
  { "pagedown", "pgdn" }, { "super", "meta_l" },  { "win", "meta_l" },  { "altgr", "alt_r" },
  { "bksp", "backspace" }, { "printscreen", "print" },
};

GStrv
ctl_chord_parse (const char *text)
{
  g_auto (GStrv) parts = g_strsplit_set (text, "-+", -1);

  if (parts[0] == NULL)
    return NULL;
  for (guint i = 0; parts[i] != NULL; i++)
    {
      char *lower = g_ascii_strdown (parts[i], -1);

      g_free (parts[i]);
      parts[i] = lower;
      if (*lower == '\0')
        return NULL;
      for (gsize a = 0; a < G_N_ELEMENTS (aliases); a++)
        if (g_str_equal (lower, aliases[a].usual))
          {
            g_free (lower);
            parts[i] = g_strdup (aliases[a].key);
            break;
          }
    }
  return g_steal_pointer (&parts);
}

GStrv
ctl_text_chunks (const char *text, guint max)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  while (*text != '\0')
    {
      const char *end = text;
      g_autofree char *chunk = NULL;

      for (guint n = 0; n < max && *end != '\0'; n++)
        end = g_utf8_next_char (end);
      chunk = g_strndup (text, end - text);
      g_strv_builder_add (builder, chunk);
      text = end;
    }
  return g_strv_builder_end (builder);
}

static void
print_done (CtlContext *ctx, const char *path)
{
  g_autofree char *id = ctl_machine_id (path);

  if (ctx->json)
    ctl_json_print (ctx->out, g_variant_new_parsed ("{'id': <%s>}", id));
}

static GVariant *
make_options (int hold_time, gboolean only_check)
{
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (hold_time != NOT_GIVEN)
    g_variant_builder_add (&options, "{sv}", "hold-time", g_variant_new_uint32 (hold_time));
  if (only_check)
    g_variant_builder_add (&options, "{sv}", "check", g_variant_new_boolean (TRUE));
  return g_variant_builder_end (&options);
}

/* Several parts are all checked before the first one is sent: half a text, or half of what was to be pressed, is worse
 * than nothing. @parts: (element-type char* or GStrv) as @method takes it */
static CtlExit
send_parts (CtlContext *ctx, const char *path, const char *machine, const char *method, GPtrArray *parts, int hold_time)
{
  gboolean text = g_str_equal (method, "TypeText");

  for (int pass = parts->len > 1 ? 0 : 1; pass < 2; pass++)
    for (guint i = 0; i < parts->len; i++)
      {
        GVariant *options = make_options (hold_time, pass == 0);
        g_autoptr (GError) error = NULL;
        g_autoptr (GVariant) reply = NULL;

        reply = ctl_call (ctx, path, CTL_MACHINE_INTERFACE, method,
                          text ? g_variant_new ("(s@a{sv})", parts->pdata[i], options)
                               : g_variant_new ("(^as@a{sv})", parts->pdata[i], options),
                          "()", NULL, NULL, &error);
        if (reply == NULL)
          return ctl_report_machine_error (ctx, error, path, machine);
      }
  print_done (ctx, path);
  return CTL_EXIT_OK;
}

CtlExit
ctl_verb_type (CtlContext *ctx, int argc, char **argv)
{
  g_autofree char *path = NULL;
  g_auto (GStrv) chunks = NULL;
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  CtlExit code;

  path = ctl_verb_parse_machine (ctx, NULL, &argc, &argv, 2, 2, &code);
  if (path == NULL)
    return code;

  chunks = ctl_text_chunks (argv[2], TYPE_MAX_CHARS);
  for (guint i = 0; chunks[i] != NULL; i++)
    g_ptr_array_add (parts, chunks[i]);
  return send_parts (ctx, path, argv[1], "TypeText", parts, NOT_GIVEN);
}

CtlExit
ctl_verb_send_keys (CtlContext *ctx, int argc, char **argv)
{
  int hold_time = NOT_GIVEN;
  const GOptionEntry entries[] = {
    { "hold-time", 0, 0, G_OPTION_ARG_INT, &hold_time, N_("How long each chord is held, 1-10000"), N_("MILLISECONDS") },
    G_OPTION_ENTRY_NULL
  };
  g_autoptr (GPtrArray) chords = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  g_autofree char *path = NULL;
  CtlExit code;

  if (!ctl_verb_parse (ctx, entries, &argc, &argv, 2, -1, &code))
    return code;
  if (hold_time != NOT_GIVEN && hold_time < 1)
    return ctl_usage_error (ctx, argv[0], _("--hold-time takes 1 to 10000 milliseconds."));
  for (int i = 2; i < argc; i++)
    {
      GStrv chord = ctl_chord_parse (argv[i]);

      if (chord == NULL)
        return ctl_usage_error (ctx, argv[0], _("“%s” is not a chord of keys such as ctrl-alt-delete."), argv[i]);
      g_ptr_array_add (chords, chord);
    }

  path = ctl_find (ctx, argv[1], &code);
  if (path == NULL)
    return code;

  return send_parts (ctx, path, argv[1], "SendKeys", chords, hold_time);
}
