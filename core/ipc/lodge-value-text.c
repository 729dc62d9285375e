/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/ipc/lodge-value-text.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* What is looked for in a message, the more telling first; each sentence takes the groups that were found, in their order. */
static const struct
{
  const char *pattern;
  const char *sentence;
} forms[] = {
  /* Only a limit of this computer is followed by its reason. */
  { "^(KEY): .* is out of range: (.+?) to (.+?), ", N_("“%s” can be %s to %s on this computer. Choose a value between them.") },
  { "^(KEY): .* is out of range: (.+?) to (.+)$", N_("“%s” can be %s to %s. Choose a value between them.") },
  { "^(KEY): .*” is not a size(?:;|$)", N_("“%s” takes a size, such as 512M or 20G.") },
  { "^(KEY): .*” is not a whole number$", N_("“%s” takes a whole number.") },
  { "^(KEY): .*” is not on or off$", N_("“%s” can be on or off.") },
  { "^(KEY): .*” is not one of (.+)$", N_("“%s” can be one of these: %s.") },
  { "^(KEY): must be six pairs ", N_("“%s” takes six pairs of hexadecimal digits, such as 52:54:00:12:34:56.") },
  { "^(KEY): can only be given when the machine is made$", N_("“%s” can be given only when a machine is made.") },
  { "^(KEY): can be read only$", N_("“%s” cannot be set; it only tells something.") },
  { "^“(.*)”: there is no such setting; did you mean “(KEY)”\\?$", N_("There is no setting “%s”. Did you mean “%s”?") },
  { "^“(.*)”: there is no such setting$", N_("There is no setting “%s”.") },
  { "^(KEY): needs (.+)$", N_("“%s” works only with %s. Change that as well, or leave it as it is.") },
  { "^(KEY): ", N_("The value of “%s” is not possible. Choose another one.") },
  { "^a disk can only become (larger)", N_("A disk can only become larger. Choose a larger size.") },
};

/* A key may be a path in machine.json: its last part is what people see. */
static char *
word_key (char *key, LodgeSettingTitle title)
{
  const char *last = strrchr (key, '.');
  char *word;

  if (title == NULL)
    return key;
  word = g_strdup (title (last != NULL ? last + 1 : key));
  g_free (key);
  return word;
}

char *
lodge_value_text (const char *message, LodgeSettingTitle title)
{
  g_autofree char *valid = g_utf8_make_valid (message, -1);
  char *end = strchr (valid, '\n');

  if (end != NULL)
    *end = '\0';
  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      g_auto (GStrv) parts = g_strsplit (forms[i].pattern, "KEY", -1);
      g_autofree char *pattern = g_strjoinv ("[a-z0-9][]a-z0-9.[-]{0,40}", parts);
      g_autoptr (GRegex) regex = g_regex_new (pattern, G_REGEX_DOLLAR_ENDONLY, 0, NULL);
      g_autoptr (GMatchInfo) match = NULL;
      g_autofree char *first = NULL, *second = NULL, *third = NULL;

      if (!g_regex_match (regex, valid, 0, &match))
        continue;
      first = g_match_info_fetch (match, 1);
      second = g_match_info_fetch (match, 2);
      third = g_match_info_fetch (match, 3);
      if (g_str_has_prefix (forms[i].pattern, "^(KEY)"))
        first = word_key (g_steal_pointer (&first), title);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-extra-args"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      return g_strdup_printf (_(forms[i].sentence), first, second, third);
#pragma GCC diagnostic pop
    }
  return NULL;
}
