/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * lodge-identify FOLDER NAME < IMAGE
 *
 * Says on standard output, as a JSON object, which system the image holds that is standard input, or why it is none.
 * FOLDER has media.json; NAME is what the person calls the file.
 *
 * An image comes from anywhere, and its headers are read here and not in the core: this process has no network and no
 * home, nothing to write to, little memory and a few seconds (core/storage/lodge-identify.c), and what it says is
 * taken by the core as no more than a suggestion.
 */

#include "config.h"

#include "core/config/lodge-atomic-file.h"
#include "core/storage/lodge-recognise.h"

#include <json-glib/json-glib.h>
#include <linux/fs.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define OSINFO "/usr/share/osinfo/os"
#define CPU_SECONDS 10
#define MEMORY_MAX (512 * 1024 * 1024)
#define RULES_MAX (1024 * 1024)

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

static void
limit (int resource, rlim_t value)
{
  struct rlimit limits = { value, value };

  setrlimit (resource, &limits);
}

static void
limit_all (void)
{
  limit (RLIMIT_CPU, CPU_SECONDS);
  limit (RLIMIT_CORE, 0);
  /* A sanitizer reserves terabytes for its shadow. */
#ifndef SANITIZED
  limit (RLIMIT_AS, MEMORY_MAX);
#endif
}

static gssize
read_cb (gpointer data, guint8 *into, gsize length, guint64 offset)
{
  return pread (STDIN_FILENO, into, length, (off_t) offset);
}

static guint64
size_of_input (void)
{
  struct stat st;
  guint64 size = 0;

  if (fstat (STDIN_FILENO, &st) != 0)
    return 0;
  if (S_ISBLK (st.st_mode))
    return ioctl (STDIN_FILENO, BLKGETSIZE64, &size) == 0 ? size : 0;
  return (guint64) st.st_size;
}

static LodgeRecognition *
recognise (const char *folder, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "media.json", NULL);
  g_autofree char *text = NULL;
  g_autoptr (LodgeOsRules) rules = NULL;
  gsize length;

  text = lodge_file_read (path, RULES_MAX, &length, error);
  if (text == NULL)
    return NULL;
  rules = lodge_os_rules_new (text, length, error);
  if (rules == NULL)
    {
      g_prefix_error (error, "%s: ", path);
      return NULL;
    }
  return lodge_recognise (read_cb, NULL, size_of_input (), rules, OSINFO, name, error);
}

static void
describe (JsonObject *answer, const LodgeRecognition *found)
{
  const LodgeOsMatch *match = found->match;

  json_object_set_string_member (answer, "kind", found->disc ? "iso" : "disk");
  json_object_set_string_member (answer, "format", found->format);
  json_object_set_string_member (answer, "volume-id", found->volume_id);
  json_object_set_boolean_member (answer, "bios", found->boots_bios);
  json_object_set_boolean_member (answer, "uefi", found->boots_uefi);
  json_object_set_string_member (answer, "os", match->os);
  json_object_set_string_member (answer, "name", match->name);
  json_object_set_string_member (answer, "version", match->version);
  json_object_set_string_member (answer, "variant", match->variant);
  json_object_set_string_member (answer, "arch", match->arch);
  json_object_set_string_member (answer, "confidence", match->confidence);
  json_object_set_string_member (answer, "family", lodge_family_name (match->family));
  json_object_set_boolean_member (answer, "installer", match->installer);
  json_object_set_boolean_member (answer, "live", match->live);
  json_object_set_int_member (answer, "memory-minimum", (gint64) MIN (match->memory_minimum, G_MAXINT64));
  json_object_set_int_member (answer, "memory", (gint64) MIN (match->memory, G_MAXINT64));
  json_object_set_int_member (answer, "disk-size", (gint64) MIN (match->disk_size, G_MAXINT64));
}

int
main (int argc, char **argv)
{
  g_autoptr (JsonObject) answer = json_object_new ();
  g_autoptr (LodgeRecognition) found = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL;
  g_autofree char *text = NULL;

  if (argc != 3)
    {
      fputs ("usage: lodge-identify FOLDER NAME < IMAGE\n", stderr);
      return 2;
    }

  limit_all ();
  name = g_utf8_make_valid (argv[2], -1);
  found = recognise (argv[1], name, &error);
  if (found != NULL)
    describe (answer, found);
  else
    {
      json_object_set_string_member (answer, "error", lodge_error_code_name ((LodgeError) error->code));
      json_object_set_string_member (answer, "message", error->message);
    }
  node = json_node_init_object (json_node_alloc (), answer);
  text = json_to_string (node, FALSE);
  return puts (text) >= 0 && fflush (stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
