/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * The database has a folder for each vendor and in it a file for each system. A file that speaks of no disc is
 * passed over without being parsed. The others say for each disc which texts it has, as regular expressions of which
 * all that are there must be found, and in <resources> what the system needs.
 *
 * When several discs fit, the one with the most texts is meant, and among those the newest system: the files of
 * Windows 10 fit discs of 11 as well, and a rolling distribution's those of its relatives.
 */

#include "config.h"

#include "core/storage/lodge-osinfo.h"

#include "core/config/lodge-os-profile.h"

#include <string.h>

#define MAX_FILES 4096
#define MAX_FILE (1024 * 1024)
#define MAX_TEXT 4096

typedef enum { VOLUME, SYSTEM, PUBLISHER, APPLICATION, SIZE, N_TEXTS } Text;

static const char *const text_elements[N_TEXTS] = { "volume-id", "system-id", "publisher-id", "application-id",
                                                    "volume-size" };

typedef struct
{
  const LodgeDiscFacts *facts;
  /* of the best match so far */
  LodgeOsMatch *best;  /* (owned) (nullable) */
  guint         best_score;
  char         *best_date; /* (owned) */
  /* of the file being read */
  GString      *text;
  gboolean      collect;
  gboolean      in_media, in_minimum, in_recommended, resources;
  char         *short_id, *name, *version, *family, *date; /* (owned) (nullable) */
  char         *arch, *variant;                            /* (owned) (nullable) of the disc */
  gboolean      live, installer;
  char         *patterns[N_TEXTS];                         /* (owned) (nullable) */
  guint64       memory_minimum, memory, disk_size;
  LodgeOsMatch *found; /* (owned) (nullable) in this file */
  guint         found_score;
} Reader;

static void
clear_media (Reader *self)
{
  g_clear_pointer (&self->arch, g_free);
  g_clear_pointer (&self->variant, g_free);
  for (guint i = 0; i < N_TEXTS; i++)
    g_clear_pointer (&self->patterns[i], g_free);
}

static void
clear_file (Reader *self)
{
  clear_media (self);
  g_clear_pointer (&self->short_id, g_free);
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->version, g_free);
  g_clear_pointer (&self->family, g_free);
  g_clear_pointer (&self->date, g_free);
  g_clear_pointer (&self->found, lodge_os_match_free);
  self->found_score = 0;
  self->memory_minimum = self->memory = self->disk_size = 0;
  self->in_media = self->in_minimum = self->in_recommended = self->collect = FALSE;
}

/* How many of the texts of a disc are found; 0 when one of them is not. */
static guint
score (Reader *self)
{
  const char *values[] = { self->facts->volume_id, self->facts->system_id, self->facts->publisher_id,
                           self->facts->application_id };
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    if (self->patterns[i] != NULL)
      {
        if (!g_regex_match_simple (self->patterns[i], values[i], 0, 0))
          return 0;
        n++;
      }
  if (self->patterns[SIZE] != NULL)
    {
      if (g_ascii_strtoull (self->patterns[SIZE], NULL, 10) != self->facts->volume_size)
        return 0;
      n += 2;
    }
  /* What every disc of some writer has says nothing about the system. */
  return self->patterns[VOLUME] != NULL ? n : 0;
}

static void
end_media (Reader *self)
{
  guint n = score (self);

  if (n > self->found_score)
    {
      g_clear_pointer (&self->found, lodge_os_match_free);
      self->found = lodge_os_match_new ();
      self->found_score = n;
      lodge_os_match_set (&self->found->arch, lodge_os_arch_word (self->arch != NULL ? self->arch : ""));
      lodge_os_match_set (&self->found->variant, self->variant != NULL ? self->variant : "");
      self->found->live = self->live;
      self->found->installer = self->installer;
    }
  clear_media (self);
  self->in_media = FALSE;
}

static const char *
attribute (const char **names, const char **values, const char *name)
{
  for (guint i = 0; names[i] != NULL; i++)
    if (g_str_equal (names[i], name))
      return values[i];
  return NULL;
}

static void
start_cb (GMarkupParseContext *context, const char *element, const char **names, const char **values,
          gpointer data, GError **error)
{
  Reader *self = data;
  const char *value;

  g_string_truncate (self->text, 0);
  self->collect = attribute (names, values, "xml:lang") == NULL;
  if (g_str_equal (element, "media"))
    {
      self->in_media = TRUE;
      self->arch = g_strdup (attribute (names, values, "arch"));
      self->live = g_strcmp0 (attribute (names, values, "live"), "true") == 0;
      self->installer = g_strcmp0 (attribute (names, values, "installer"), "false") != 0;
    }
  else if (self->in_media && g_str_equal (element, "variant") && (value = attribute (names, values, "id")) != NULL)
    {
      g_free (self->variant);
      self->variant = g_strdup (value);
    }
  else if (g_str_equal (element, "resources"))
    {
      value = attribute (names, values, "arch");
      self->resources = value == NULL || g_str_equal (value, "all") || g_str_equal (value, "x86_64");
    }
  else if (g_str_equal (element, "minimum"))
    self->in_minimum = self->resources;
  else if (g_str_equal (element, "recommended"))
    self->in_recommended = self->resources;
}

static void
take_resource (Reader *self, const char *element)
{
  guint64 number = g_ascii_strtoull (self->text->str, NULL, 10);

  if (g_str_equal (element, "ram"))
    *(self->in_minimum ? &self->memory_minimum : &self->memory) = number;
  else if (g_str_equal (element, "storage") && self->in_recommended)
    self->disk_size = number;
}

static void
take_once (Reader *self, char **field)
{
  if (*field == NULL && self->collect && self->text->len > 0)
    *field = g_strdup (self->text->str);
}

static void
end_cb (GMarkupParseContext *context, const char *element, gpointer data, GError **error)
{
  Reader *self = data;
  const char *parent = g_markup_parse_context_get_element_stack (context)->next != NULL
                           ? g_markup_parse_context_get_element_stack (context)->next->data
                           : "";

  if (g_str_equal (element, "media"))
    end_media (self);
  else if (g_str_equal (element, "minimum"))
    self->in_minimum = FALSE;
  else if (g_str_equal (element, "recommended"))
    self->in_recommended = FALSE;
  else if (self->in_minimum || self->in_recommended)
    take_resource (self, element);
  else if (self->in_media && g_str_equal (parent, "iso"))
    {
      for (guint i = 0; i < N_TEXTS; i++)
        if (g_str_equal (element, text_elements[i]))
          take_once (self, &self->patterns[i]);
    }
  else if (g_str_equal (parent, "os"))
    {
      if (g_str_equal (element, "short-id"))
        take_once (self, &self->short_id);
      else if (g_str_equal (element, "name"))
        take_once (self, &self->name);
      else if (g_str_equal (element, "version"))
        take_once (self, &self->version);
      else if (g_str_equal (element, "family"))
        take_once (self, &self->family);
      else if (g_str_equal (element, "release-date"))
        take_once (self, &self->date);
    }
  self->collect = FALSE;
}

static void
text_cb (GMarkupParseContext *context, const char *text, gsize length, gpointer data, GError **error)
{
  Reader *self = data;

  if (self->collect && self->text->len + length <= MAX_TEXT)
    g_string_append_len (self->text, text, (gssize) length);
}

static LodgeFamily
family_of (const char *id, const char *family)
{
  if (g_strcmp0 (family, "linux") == 0)
    return LODGE_FAMILY_LINUX;
  if (g_strcmp0 (family, "winnt") == 0 || g_strcmp0 (family, "win9x") == 0 || g_strcmp0 (family, "win16") == 0)
    return lodge_os_guess_family (id);
  if (g_strcmp0 (family, "freebsd") == 0 || g_strcmp0 (family, "openbsd") == 0 || g_strcmp0 (family, "netbsd") == 0
      || g_strcmp0 (family, "dragonflybsd") == 0)
    return LODGE_FAMILY_BSD;
  if (g_strcmp0 (family, "msdos") == 0 || g_strcmp0 (family, "freedos") == 0)
    return LODGE_FAMILY_DOS;
  return LODGE_FAMILY_OTHER;
}

static void
end_file (Reader *self)
{
  LodgeOsMatch *found = self->found;
  const char *date = self->date != NULL ? self->date : "";

  if (found == NULL || self->short_id == NULL
      || self->found_score < self->best_score
      || (self->found_score == self->best_score && strcmp (date, self->best_date) <= 0))
    return;

  lodge_os_match_set (&found->os, self->short_id);
  lodge_os_match_set (&found->name, self->name != NULL ? self->name : "");
  lodge_os_match_set (&found->version, self->version != NULL ? self->version : "");
  lodge_os_match_set (&found->confidence, "exact");
  found->family = family_of (self->short_id, self->family);
  found->memory_minimum = self->memory_minimum;
  found->memory = MAX (self->memory, self->memory_minimum);
  found->disk_size = self->disk_size;
  g_clear_pointer (&self->best, lodge_os_match_free);
  self->best = g_steal_pointer (&self->found);
  self->best_score = self->found_score;
  g_free (self->best_date);
  self->best_date = g_strdup (date);
}

static void
read_file (Reader *self, const char *path)
{
  static const GMarkupParser parser = { start_cb, end_cb, text_cb, NULL, NULL };
  g_autoptr (GMarkupParseContext) context = NULL;
  g_autofree char *text = NULL;
  gsize length;

  if (!g_file_get_contents (path, &text, &length, NULL) || length > MAX_FILE || strstr (text, "<iso>") == NULL)
    return;
  context = g_markup_parse_context_new (&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, self, NULL);
  /* A file that is broken half-way is no reason not to know the others. */
  if (g_markup_parse_context_parse (context, text, (gssize) length, NULL))
    end_file (self);
  clear_file (self);
}

LodgeOsMatch *
lodge_osinfo_match (const char *folder, const LodgeDiscFacts *facts)
{
  g_autoptr (GDir) vendors = g_dir_open (folder, 0, NULL);
  Reader self = { .facts = facts, .text = g_string_new (NULL), .best_date = g_strdup ("") };
  const char *vendor, *name;
  guint n = 0;

  while (vendors != NULL && (vendor = g_dir_read_name (vendors)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, vendor, NULL);
      g_autoptr (GDir) files = g_dir_open (path, 0, NULL);

      while (files != NULL && (name = g_dir_read_name (files)) != NULL && n < MAX_FILES)
        if (g_str_has_suffix (name, ".xml"))
          {
            g_autofree char *file = g_build_filename (path, name, NULL);

            read_file (&self, file);
            n++;
          }
    }

  g_string_free (self.text, TRUE);
  g_free (self.best_date);
  return self.best;
}
