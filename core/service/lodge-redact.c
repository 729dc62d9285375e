/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * First the texts that are known (lodge_redactor_add): all of them in one regular expression, for there may be hundreds, the
 * longer first, so that a file goes before its folder. Each may stand there as JSON, a printed GVariant or one of
 * QEMU's options writes it: a quotation mark or backslash may have a backslash before it, a comma may be two.
 * What was found is brought into one form, by which its placeholder is known. Then the rules, for what is known by its looks. */

#include "core/service/lodge-redact.h"

#include <string.h>

/* Shorter ones and mere numbers are in all places; they are taken for names only where they are quoted. */
#define NAME_MIN 3
/* Our own folders in a home tell nothing, and much about what went wrong. */
#define OWN_FOLDERS "\\.(?:local/(?:share|state)|cache|config)/lodge(?!\\w)"
#define JSON_REST "(?:[^\"\\\\]|\\\\.)*\""

typedef struct
{
  GRegex *regex;           /* (owned) */
  const char *replacement;
} Rule;

struct _LodgeRedactor
{
  GHashTable *placeholders; /* (owned) normal form -> placeholder */
  GPtrArray *texts;         /* (owned) (element-type utf8) */
  GRegex *regex;            /* (owned) (nullable) of the texts; NULL until it is needed */
  GArray *rules;            /* (element-type Rule), in order: longer and more telling things first */
};

static void
rule_clear (gpointer data)
{
  g_regex_unref (((Rule *) data)->regex);
}

static void
add_rule (LodgeRedactor *self, const char *pattern, const char *replacement)
{
  Rule rule = { g_regex_new (pattern, G_REGEX_OPTIMIZE | G_REGEX_CASELESS, 0, NULL), replacement };

  if (rule.regex != NULL)
    g_array_append_val (self->rules, rule);
}

static void
add_word (LodgeRedactor *self, const char *word, const char *replacement)
{
  static const char *const nobody[] = { "", "root", "unknown", "localhost", NULL };
  g_autofree char *lower = word != NULL ? g_utf8_strdown (word, -1) : NULL;
  g_autofree char *escaped = NULL;
  g_autofree char *pattern = NULL;

  if (lower == NULL || g_strv_contains (nobody, lower) || strspn (lower, "0123456789") == strlen (lower))
    return;
  escaped = g_regex_escape_string (word, -1);
  pattern = g_strdup_printf ("(?<!\\w)%s(?!\\w)", escaped);
  add_rule (self, pattern, replacement);
}

static void
add_home (LodgeRedactor *self, const char *home)
{
  g_autofree char *escaped = g_regex_escape_string (home, -1);
  g_autofree char *quoted = g_strdup_printf ("([\"'“])%s/(?!" OWN_FOLDERS ")[^\"'”\n]*", escaped);
  g_autofree char *plain = g_strdup_printf ("%s/(?!" OWN_FOLDERS ")[^\\s\"'”,;:)]+", escaped);
  g_autofree char *alone = g_strdup_printf ("%s(?!\\w)", escaped);

  add_rule (self, quoted, "\\1~/PATH");
  add_rule (self, plain, "~/PATH");
  add_rule (self, alone, "~");
}

LodgeRedactor *
lodge_redactor_new (const char *user, const char *real_name, const char *home, const char *host)
{
  LodgeRedactor *self = g_new0 (LodgeRedactor, 1);
  g_autofree char *label = host != NULL ? g_strndup (host, strcspn (host, ".")) : NULL;

  self->placeholders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->texts = g_ptr_array_new_with_free_func (g_free);
  self->rules = g_array_new (FALSE, FALSE, sizeof (Rule));
  g_array_set_clear_func (self->rules, rule_clear);

  if (home != NULL && strlen (home) > 1)
    add_home (self, home);
  /* Homes of others, and this one by another name; what is plugged in has its label for a name. */
  add_rule (self, "([\"'“])/(home|Users|media|run/media|mnt)/[^\"'”\n]+", "\\1/\\2/PATH");
  add_rule (self, "/(home|Users|media|run/media|mnt)/(?!PATH)[^\\s\"'”,;:)]+", "/\\1/PATH");
  /* Of a machine.json that could not be read, so that nothing in it was added. */
  add_rule (self, "(\"name\"\\s*:\\s*\")(?!machine-[0-9a-f]{1,8}\")" JSON_REST, "\\1NAME\"");
  add_rule (self, "(\"append\"\\s*:\\s*\")(?!APPEND\")" JSON_REST, "\\1APPEND\"");
  add_rule (self, "(\"file\"\\s*:\\s*\")/" JSON_REST, "\\1/PATH\"");
  add_rule (self, "(?<![\\w:-])[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}(?![\\w:-])", "MAC");
  add_rule (self, "(?<![\\w.])(?!127\\.|0\\.|10\\.0\\.2\\.)(?:\\d{1,3}\\.){3}\\d{1,3}(?![\\w.])", "IP");
  add_rule (self, "(?<![\\w:.])(?=[0-9a-f:]*[0-9a-f]::|(?:[0-9a-f]{1,4}:){7})[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7}(?![\\w:])", "IP");
  add_rule (self, "\\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\b", "\\1");
  add_rule (self, "(serial(?:[ _-]?(?:number|no))?\"?\\s*[=:]\\s*\"?)(?!disk\\d|cd\\d)[\\w.-]+", "\\1SERIAL");
  add_word (self, real_name, "NAME");
  add_word (self, user, "USER");
  add_word (self, host, "HOST");
  add_word (self, label, "HOST");
  return self;
}

void
lodge_redactor_free (LodgeRedactor *self)
{
  g_hash_table_unref (self->placeholders);
  g_ptr_array_unref (self->texts);
  g_clear_pointer (&self->regex, g_regex_unref);
  g_array_unref (self->rules);
  g_free (self);
}

/* ---- Texts that are known ---- */

/* However it was quoted. */
static char *
normal_form (const char *text)
{
  g_autoptr (GString) plain = g_string_new (NULL);

  for (const char *p = text; *p != '\0'; p++)
    if (*p != '\\' && !(*p == ',' && p[1] == ','))
      g_string_append_c (plain, *p);
  return g_utf8_casefold (plain->str, -1);
}

void
lodge_redactor_add (LodgeRedactor *self, const char *text, const char *placeholder)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autofree char *form = normal_form (valid);

  if (*form == '\0' || g_hash_table_contains (self->placeholders, form))
    return;
  g_hash_table_insert (self->placeholders, g_steal_pointer (&form), g_strdup (placeholder));
  g_ptr_array_add (self->texts, g_steal_pointer (&valid));
  g_clear_pointer (&self->regex, g_regex_unref);
}

static void
append_pattern (GString *pattern, const char *text)
{
  gboolean is_short = g_utf8_strlen (text, -1) < NAME_MIN || strspn (text, "0123456789") == strlen (text);

  /* The systems that guests run have names by which machines are called, too. */
  g_string_append (pattern, is_short ? "(?<=[\"'“])" : "(?<!\\w)(?<!\"os\" : \")");
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    {
      g_autofree char *escaped = g_regex_escape_string (p, (int) (g_utf8_next_char (p) - p));

      if (*p == ',')
        g_string_append (pattern, ",,?");
      else if (*p == '\\')
        g_string_append (pattern, "\\\\{1,2}");
      else
        g_string_append_printf (pattern, "%s%s", strchr ("\"'/", *p) != NULL ? "\\\\?" : "", escaped);
    }
  g_string_append (pattern, is_short ? "(?=[\"'”])" : "(?!\\w)");
}

static int
compare_lengths (gconstpointer a, gconstpointer b)
{
  gsize first = strlen (*(char *const *) a), second = strlen (*(char *const *) b);

  return first > second ? -1 : first < second;
}

static gboolean
placeholder_cb (const GMatchInfo *match, GString *result, gpointer data)
{
  LodgeRedactor *self = data;
  g_autofree char *found = g_match_info_fetch (match, 0);
  g_autofree char *form = normal_form (found);
  const char *placeholder = g_hash_table_lookup (self->placeholders, form);

  /* Letters that are alike to the one and not to the other rule of case. */
  g_string_append (result, placeholder != NULL ? placeholder : "NAME");
  return FALSE;
}

static void
compile_texts (LodgeRedactor *self)
{
  g_autoptr (GString) pattern = g_string_new ("(?:");

  g_ptr_array_sort (self->texts, compare_lengths);
  for (guint i = 0; i < self->texts->len; i++)
    {
      if (i > 0)
        g_string_append_c (pattern, '|');
      append_pattern (pattern, g_ptr_array_index (self->texts, i));
    }
  g_string_append_c (pattern, ')');
  self->regex = g_regex_new (pattern->str, G_REGEX_OPTIMIZE | G_REGEX_CASELESS, 0, NULL);
}

char *
lodge_redactor_apply (LodgeRedactor *self, const char *text, gboolean texts)
{
  char *result = NULL;

  if (texts && self->texts->len > 0)
    {
      if (self->regex == NULL)
        compile_texts (self);
      if (self->regex == NULL)
        return NULL;
      result = g_regex_replace_eval (self->regex, text, -1, 0, 0, placeholder_cb, self, NULL);
      if (result == NULL)
        return NULL;
    }
  else
    result = g_strdup (text);

  for (guint i = 0; i < self->rules->len; i++)
    {
      const Rule *rule = &g_array_index (self->rules, Rule, i);
      char *next = g_regex_replace (rule->regex, result, -1, 0, rule->replacement, 0, NULL);

      g_free (result);
      if (next == NULL)
        return NULL;
      result = next;
    }
  return result;
}
