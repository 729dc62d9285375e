/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-os-rules.h"

#include "core/config/lodge-json.h"

#include <string.h>

#define FILE_MAX 4096 /* bytes of a file that an expression sees */
#define WORD_MAX 96   /* of what a disc says of itself */

/* In the order in which one with brackets fills in \1. */
typedef enum { VOLUME, WINDOWS, APPLICATION, FILE_NAME, SYSTEM, PUBLISHER, UDF, DISK, N_TEXTS } Text;

static const char *const text_keys[N_TEXTS] = { "volume", "windows", "application", "file-name",
                                                "system", "publisher", "udf", "disk" };

typedef enum { OS, NAME, VERSION, VARIANT, ARCH, CONFIDENCE, N_WORDS } Word;

static const char *const word_keys[N_WORDS] = { "os", "name", "version", "variant", "arch", "confidence" };

typedef struct
{
  char   *path;  /* (owned) */
  GRegex *regex; /* (owned) (nullable): it only must be there */
} File;

typedef struct
{
  GRegex     *texts[N_TEXTS]; /* (owned) (nullable) */
  GPtrArray  *files;          /* (owned) (element-type File) */
  GStrv       any_file;       /* (owned) (nullable) */
  gboolean    floppy;
  char       *words[N_WORDS]; /* (owned) (nullable) */
  LodgeFamily family;
  gboolean    installer;
  gboolean    live;
} Rule;

struct _LodgeOsRules
{
  GPtrArray *rules; /* (owned) (element-type Rule) */
};

/* What is matched against; the texts of the disc, the expensive ones only when an entry asks. */
typedef struct
{
  LodgeDisc  *disc;           /* (nullable) */
  const char *texts[N_TEXTS]; /* (nullable) */
  char       *windows;        /* (owned) (nullable) */
  gboolean    windows_known;
} Subject;

LodgeOsMatch *
lodge_os_match_new (void)
{
  LodgeOsMatch *match = g_new0 (LodgeOsMatch, 1);

  match->os = g_strdup ("");
  match->name = g_strdup ("");
  match->version = g_strdup ("");
  match->variant = g_strdup ("");
  match->arch = g_strdup ("");
  match->confidence = g_strdup ("none");
  match->family = LODGE_FAMILY_OTHER;
  return match;
}

LodgeOsMatch *
lodge_os_match_copy (const LodgeOsMatch *match)
{
  LodgeOsMatch *copy = g_memdup2 (match, sizeof *match);

  copy->os = g_strdup (match->os);
  copy->name = g_strdup (match->name);
  copy->version = g_strdup (match->version);
  copy->variant = g_strdup (match->variant);
  copy->arch = g_strdup (match->arch);
  copy->confidence = g_strdup (match->confidence);
  return copy;
}

void
lodge_os_match_free (LodgeOsMatch *match)
{
  if (match == NULL)
    return;

  g_free (match->os);
  g_free (match->name);
  g_free (match->version);
  g_free (match->variant);
  g_free (match->arch);
  g_free (match->confidence);
  g_free (match);
}

void
lodge_os_match_set (char **field, const char *text)
{
  g_autofree char *cut = g_utf8_strlen (text, -1) > WORD_MAX ? g_utf8_substring (text, 0, WORD_MAX) : g_strdup (text);

  g_free (*field);
  *field = g_steal_pointer (&cut);
}

const char *
lodge_os_arch_word (const char *word)
{
  static const struct
  {
    const char *words;
    const char *arch;
  } table[] = {
    { " amd64 x86_64 x64 64 64-bit x86-64 ", "x86_64" },
    { " i386 i486 i586 i686 x86 ia32 32 32-bit x86_gcc2 x86_gcc2h ", "i686" },
    { " arm64 aarch64 a64 ", "aarch64" },
    { " riscv64 riscv ", "riscv64" },
    { " ppc64el ppc64le p64el ppc64 ", "ppc64le" },
    { " armhf armv7 armv7l armel ", "armv7l" },
  };
  g_autofree char *lower = g_ascii_strdown (word, -1);
  g_autofree char *wanted = g_strconcat (" ", lower, " ", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    if (strstr (table[i].words, wanted) != NULL)
      return table[i].arch;
  return word;
}

static void
file_free (gpointer data)
{
  File *file = data;

  g_free (file->path);
  g_clear_pointer (&file->regex, g_regex_unref);
  g_free (file);
}

static void
rule_free (gpointer data)
{
  Rule *rule = data;

  for (guint i = 0; i < N_TEXTS; i++)
    g_clear_pointer (&rule->texts[i], g_regex_unref);
  for (guint i = 0; i < N_WORDS; i++)
    g_free (rule->words[i]);
  g_ptr_array_unref (rule->files);
  g_strfreev (rule->any_file);
  g_free (rule);
}

static const char *
get_string (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

static gboolean
take_flag (JsonNode *node, gboolean *flag)
{
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
    return FALSE;
  *flag = json_node_get_boolean (node);
  return TRUE;
}

static GRegex *
compile (const char *pattern)
{
  return pattern != NULL ? g_regex_new (pattern, G_REGEX_CASELESS, 0, NULL) : NULL;
}

static gboolean
take_files (Rule *rule, JsonNode *node)
{
  JsonObjectIter iter;
  const char *path;
  JsonNode *value;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return FALSE;
  json_object_iter_init_ordered (&iter, json_node_get_object (node));
  while (json_object_iter_next_ordered (&iter, &path, &value))
    {
      const char *pattern = get_string (value);
      File *file = g_new0 (File, 1);

      file->path = g_strdup (path);
      g_ptr_array_add (rule->files, file);
      if (pattern == NULL)
        return FALSE;
      if (*pattern != '\0')
        {
          file->regex = compile (pattern);
          if (file->regex == NULL)
            return FALSE;
        }
    }
  return TRUE;
}

static gboolean
take_list (Rule *rule, JsonNode *node)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  JsonArray *list = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  for (guint i = 0; list != NULL && i < json_array_get_length (list); i++)
    {
      const char *path = get_string (json_array_get_element (list, i));

      if (path == NULL)
        return FALSE;
      g_strv_builder_add (builder, path);
    }
  rule->any_file = g_strv_builder_end (builder);
  return list != NULL;
}

static gboolean
take_key (Rule *rule, const char *key, JsonNode *node)
{
  const char *text = get_string (node);

  for (guint i = 0; i < N_TEXTS; i++)
    if (g_str_equal (key, text_keys[i]))
      return (rule->texts[i] = compile (text)) != NULL;
  for (guint i = 0; i < N_WORDS; i++)
    if (g_str_equal (key, word_keys[i]))
      return (rule->words[i] = g_strdup (text)) != NULL && g_regex_check_replacement (text, NULL, NULL);
  if (g_str_equal (key, "files"))
    return take_files (rule, node);
  if (g_str_equal (key, "any-file"))
    return take_list (rule, node);
  if (g_str_equal (key, "family"))
    return text != NULL && lodge_family_parse (text, &rule->family);
  if (g_str_equal (key, "floppy"))
    return take_flag (node, &rule->floppy);
  if (g_str_equal (key, "installer"))
    return take_flag (node, &rule->installer);
  return g_str_equal (key, "live") && take_flag (node, &rule->live);
}

LodgeOsRules *
lodge_os_rules_new (const char *text, gsize length, GError **error)
{
  g_autoptr (LodgeOsRules) self = NULL;
  g_autoptr (JsonNode) root = lodge_json_parse (text, length, error);
  JsonArray *list = root != NULL && JSON_NODE_HOLDS_ARRAY (root) ? json_node_get_array (root) : NULL;

  if (list == NULL)
    {
      if (root != NULL)
        g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "is not a list");
      return NULL;
    }

  self = g_new0 (LodgeOsRules, 1);
  self->rules = g_ptr_array_new_with_free_func (rule_free);
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonNode *node = json_array_get_element (list, i), *value;
      Rule *rule = g_new0 (Rule, 1);
      JsonObjectIter iter;
      const char *key;

      rule->files = g_ptr_array_new_with_free_func (file_free);
      rule->family = LODGE_FAMILY_OTHER;
      g_ptr_array_add (self->rules, rule);
      if (!JSON_NODE_HOLDS_OBJECT (node))
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "entry %u is not an object", i + 1);
          return NULL;
        }
      json_object_iter_init_ordered (&iter, json_node_get_object (node));
      while (json_object_iter_next_ordered (&iter, &key, &value))
        if (!take_key (rule, key, value))
          {
            g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "entry %u: %s has no usable value", i + 1, key);
            return NULL;
          }
    }
  return g_steal_pointer (&self);
}

void
lodge_os_rules_free (LodgeOsRules *self)
{
  if (self == NULL)
    return;

  g_ptr_array_unref (self->rules);
  g_free (self);
}

static const char *
text_of (Subject *subject, Text text)
{
  if (text == WINDOWS && !subject->windows_known)
    {
      subject->windows_known = TRUE;
      subject->windows = subject->disc != NULL ? lodge_disc_describe_windows (subject->disc) : NULL;
      subject->texts[WINDOWS] = subject->windows;
    }
  return subject->texts[text];
}

static gboolean
file_fits (LodgeDisc *disc, const File *file, GMatchInfo **match, char **text)
{
  g_autofree guint8 *bytes = NULL;
  gsize length;

  if (file->regex == NULL)
    return lodge_disc_has (disc, file->path);
  bytes = lodge_disc_read (disc, file->path, 0, FILE_MAX, &length);
  if (bytes == NULL)
    return FALSE;
  *text = g_utf8_make_valid ((const char *) bytes, (gssize) length);
  return g_regex_match (file->regex, *text, 0, match);
}

static gboolean
any_file_fits (LodgeDisc *disc, const Rule *rule)
{
  for (guint i = 0; rule->any_file[i] != NULL; i++)
    if (lodge_disc_has (disc, rule->any_file[i]))
      return TRUE;
  return FALSE;
}

static LodgeOsMatch *
say (const Rule *rule, GMatchInfo *groups)
{
  LodgeOsMatch *match = lodge_os_match_new ();
  char **fields[N_WORDS] = { &match->os, &match->name, &match->version, &match->variant, &match->arch, &match->confidence };

  lodge_os_match_set (&match->confidence, "exact");
  for (guint i = 0; i < N_WORDS; i++)
    if (rule->words[i] != NULL)
      {
        g_autofree char *text = groups != NULL ? g_match_info_expand_references (groups, rule->words[i], NULL) : NULL;

        lodge_os_match_set (fields[i], text != NULL ? text : rule->words[i]);
      }
  for (char *p = match->os; *p != '\0'; p++)
    *p = g_ascii_tolower (*p);
  lodge_os_match_set (&match->arch, lodge_os_arch_word (match->arch));
  match->family = rule->family;
  match->installer = rule->installer;
  match->live = rule->live;
  return match;
}

/* Cheap conditions first: most entries end with the label. */
static LodgeOsMatch *
try_rule (const Rule *rule, Subject *subject)
{
  g_autoptr (GMatchInfo) groups = NULL;
  g_autofree char *file_text = NULL;

  for (guint i = 0; i < N_TEXTS; i++)
    {
      g_autoptr (GMatchInfo) match = NULL;

      if (rule->texts[i] == NULL)
        continue;
      if (text_of (subject, i) == NULL || !g_regex_match (rule->texts[i], subject->texts[i], 0, &match))
        return NULL;
      if (groups == NULL && g_regex_get_capture_count (rule->texts[i]) > 0)
        groups = g_steal_pointer (&match);
    }
  if (rule->floppy && (subject->disc == NULL || !lodge_disc_get_facts (subject->disc)->boots_floppy))
    return NULL;
  if ((rule->files->len > 0 || rule->any_file != NULL) && subject->disc == NULL)
    return NULL;
  for (guint i = 0; i < rule->files->len; i++)
    {
      g_autoptr (GMatchInfo) match = NULL;
      g_autofree char *text = NULL;

      if (!file_fits (subject->disc, rule->files->pdata[i], &match, &text))
        return NULL;
      if (groups == NULL && match != NULL && g_match_info_get_match_count (match) > 1)
        {
          groups = g_steal_pointer (&match);
          file_text = g_steal_pointer (&text); /* which the match refers to */
        }
    }
  if (rule->any_file != NULL && !any_file_fits (subject->disc, rule))
    return NULL;
  return say (rule, groups);
}

LodgeOsMatch *
lodge_os_rules_match (LodgeOsRules *self, LodgeDisc *disc, const char *partitions, const char *file_name,
                      gboolean only_families)
{
  Subject subject = { .disc = disc };
  LodgeOsMatch *match = NULL;

  if (disc != NULL)
    {
      const LodgeDiscFacts *facts = lodge_disc_get_facts (disc);

      subject.texts[VOLUME] = *facts->volume_id != '\0' ? facts->volume_id : facts->udf_id;
      subject.texts[APPLICATION] = facts->application_id;
      subject.texts[SYSTEM] = facts->system_id;
      subject.texts[PUBLISHER] = facts->publisher_id;
      subject.texts[UDF] = facts->udf_id;
    }
  subject.texts[FILE_NAME] = file_name;
  subject.texts[DISK] = partitions;

  for (guint i = 0; i < self->rules->len && match == NULL; i++)
    {
      const Rule *rule = self->rules->pdata[i];
      const char *confidence = rule->words[CONFIDENCE];
      gboolean family = confidence != NULL && (g_str_equal (confidence, "family") || g_str_equal (confidence, "none"));

      if (family == only_families)
        match = try_rule (rule, &subject);
    }
  g_free (subject.windows);
  return match;
}
