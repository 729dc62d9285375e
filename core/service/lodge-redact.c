/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/service/lodge-redact.h"

#include <string.h>

typedef struct
{
  GRegex *regex;           /* (owned) */
  const char *replacement;
} Rule;

struct _LodgeRedactor
{
  GArray *rules; /* (element-type Rule), in order: longer and more telling things first */
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
  g_autofree char *escaped = NULL;
  g_autofree char *pattern = NULL;

  if (word == NULL || strlen (word) < 3 || strcmp (word, "root") == 0)
    return;
  escaped = g_regex_escape_string (word, -1);
  pattern = g_strdup_printf ("(?<![\\w])%s(?![\\w])", escaped);
  add_rule (self, pattern, replacement);
}

LodgeRedactor *
lodge_redactor_new (const char *user, const char *real_name, const char *home, const char *host)
{
  LodgeRedactor *self = g_new0 (LodgeRedactor, 1);

  self->rules = g_array_new (FALSE, FALSE, sizeof (Rule));
  g_array_set_clear_func (self->rules, rule_clear);

  if (home != NULL && strlen (home) > 1)
    {
      g_autofree char *escaped = g_regex_escape_string (home, -1);

      add_rule (self, escaped, "~");
    }
  /* Homes of others, and this one by another name. */
  add_rule (self, "/(home|Users)/[^/\\s\"']+", "/\\1/USER");
  add_rule (self, "\\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\\b", "MAC");
  add_rule (self, "\\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\b", "\\1");
  add_rule (self, "(serial(?:[ _-]?(?:number|no))?\"?\\s*[=:]\\s*\"?)(?!disk\\d|cd\\d)[\\w.-]+", "\\1SERIAL");
  add_word (self, real_name, "NAME");
  add_word (self, user, "USER");
  add_word (self, host, "HOST");
  return self;
}

void
lodge_redactor_free (LodgeRedactor *self)
{
  g_array_unref (self->rules);
  g_free (self);
}

char *
lodge_redactor_apply (LodgeRedactor *self, const char *text)
{
  char *result = g_strdup (text);

  for (guint i = 0; i < self->rules->len; i++)
    {
      const Rule *rule = &g_array_index (self->rules, Rule, i);
      char *next = g_regex_replace (rule->regex, result, -1, 0, rule->replacement, 0, NULL);

      if (next != NULL)
        {
          g_free (result);
          result = next;
        }
    }
  return result;
}
