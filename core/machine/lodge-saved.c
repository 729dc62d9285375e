/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-saved.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-faults.h"
#include "core/config/lodge-json.h"
#include "core/qemu/lodge-qmp-value.h"
#include "core/storage/lodge-snapshot.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEMA 1
#define MAX_LAUNCH (1024 * 1024)
#define MAX_WORDS 4096
#define MAX_DISKS 64
#define MAX_ADDRESSES 64

LodgeSaved *
lodge_saved_new (void)
{
  LodgeSaved *saved = g_new0 (LodgeSaved, 1);

  saved->disks = g_ptr_array_new_with_free_func (g_free);
  saved->addresses = g_ptr_array_new_with_free_func (g_free);
  return saved;
}

void
lodge_saved_free (LodgeSaved *saved)
{
  if (saved == NULL)
    return;

  lodge_profile_free (saved->profile);
  g_strfreev (saved->argv);
  g_free (saved->qemu_version);
  g_free (saved->accelerator);
  g_free (saved->host_cpu);
  g_ptr_array_unref (saved->disks);
  g_ptr_array_unref (saved->addresses);
  g_free (saved);
}

gboolean
lodge_saved_exists (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, LODGE_SAVED_DIR, NULL);
  struct stat st;

  return lstat (path, &st) == 0 && S_ISDIR (st.st_mode);
}

static JsonArray *
make_array (const char *const *words, guint n)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < n; i++)
    json_array_add_string_element (array, words[i]);
  return array;
}

typedef gboolean (*Write) (const char *path, const void *data, gsize length, GError **error);

static gboolean
write_both (const LodgeSaved *saved, const char *folder, Write write_file, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autofree char *launch_path = g_build_filename (folder, LODGE_SAVED_LAUNCH, NULL);
  g_autofree char *profile_path = g_build_filename (folder, LODGE_SAVED_PROFILE, NULL);
  g_autofree char *launch = NULL;
  g_autofree char *profile = NULL;
  gsize length, profile_length;

  json_object_set_int_member (object, "schema", SCHEMA);
  json_object_set_int_member (object, "created", saved->created);
  json_object_set_string_member (object, "qemu-version", saved->qemu_version);
  json_object_set_string_member (object, "accelerator", saved->accelerator);
  if (saved->host_cpu != NULL)
    json_object_set_string_member (object, "host-cpu", saved->host_cpu);
  json_object_set_boolean_member (object, "running", saved->running);
  if (saved->forked)
    {
      json_object_set_boolean_member (object, "forked", TRUE);
      json_object_set_array_member (object, "addresses",
                                    make_array ((const char *const *) saved->addresses->pdata, saved->addresses->len));
    }
  if (saved->stamped)
    json_object_set_array_member (object, "disks",
                                  make_array ((const char *const *) saved->disks->pdata, saved->disks->len));
  json_object_set_array_member (object, "argv",
                                make_array ((const char *const *) saved->argv, g_strv_length (saved->argv)));
  launch = lodge_json_print (object, &length);
  profile = lodge_profile_to_json (saved->profile, &profile_length);
  return write_file (profile_path, profile, profile_length, error) && write_file (launch_path, launch, length, error);
}

gboolean
lodge_saved_write (const LodgeSaved *saved, const char *folder, GError **error)
{
  return write_both (saved, folder, lodge_atomic_file_write, error);
}

gboolean
lodge_saved_write_new (const LodgeSaved *saved, const char *folder, GError **error)
{
  return write_both (saved, folder, lodge_file_write_new, error);
}

gboolean
lodge_saved_is_filled (const LodgeSaved *saved)
{
  return saved->mapped && !saved->forked && strcmp (saved->accelerator, "tcg") == 0;
}

gboolean
lodge_saved_share (const LodgeSaved *saved, const char *from, const char *to, GError **error)
{
  const char *files[] = { saved->mapped ? LODGE_SAVED_RAM : LODGE_SAVED_MEMORY, saved->mapped ? LODGE_SAVED_DEVICES : NULL,
                          LODGE_SAVED_PICTURE };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *source = files[i] != NULL ? g_build_filename (from, files[i], NULL) : NULL;
      g_autofree char *target = files[i] != NULL ? g_build_filename (to, files[i], NULL) : NULL;

      if (source != NULL && (i < 2 || access (source, F_OK) == 0) && !lodge_file_share (source, target, error))
        return FALSE;
    }
  return TRUE;
}

GStrv
lodge_saved_addresses (const LodgeSaved *saved)
{
  g_autoptr (GStrvBuilder) addresses = g_strv_builder_new ();

  for (guint i = 0; i < saved->addresses->len; i++)
    g_strv_builder_add (addresses, g_ptr_array_index (saved->addresses, i));
  return g_strv_builder_end (addresses);
}

void
lodge_saved_replace (LodgeSaved *saved, const char *before, const char *after)
{
  for (gsize i = 0; saved->argv[i] != NULL; i++)
    {
      g_autoptr (GString) word = g_string_new (saved->argv[i]);

      if (g_string_replace (word, before, after, 0) > 0)
        {
          g_free (saved->argv[i]);
          saved->argv[i] = g_string_free (g_steal_pointer (&word), FALSE);
        }
    }
}

static GPtrArray *
read_words (JsonObject *object, const char *member, guint max)
{
  JsonArray *array = lodge_qmp_array (object, member);
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);

  if (array == NULL || json_array_get_length (array) > max)
    return NULL;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);

      if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
        return NULL;
      g_ptr_array_add (words, json_node_dup_string (node));
    }
  return g_steal_pointer (&words);
}

LodgeSaved *
lodge_saved_read (const char *folder, GError **error)
{
  g_autoptr (LodgeSaved) saved = lodge_saved_new ();
  g_autofree char *launch_path = g_build_filename (folder, LODGE_SAVED_LAUNCH, NULL);
  g_autofree char *profile_path = g_build_filename (folder, LODGE_SAVED_PROFILE, NULL);
  g_autofree char *devices_path = g_build_filename (folder, LODGE_SAVED_DEVICES, NULL);
  g_autofree char *launch = NULL;
  g_autofree char *profile = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GPtrArray) argv = NULL;
  JsonObject *object;
  GPtrArray *disks, *addresses;
  gsize length;

  launch = lodge_file_read (launch_path, MAX_LAUNCH, &length, error);
  if (launch == NULL || (node = lodge_json_parse (launch, length, error)) == NULL)
    return NULL;
  object = lodge_qmp_node_object (node);
  argv = read_words (object, "argv", MAX_WORDS);
  if (argv == NULL || lodge_qmp_string (object, "qemu-version") == NULL || lodge_qmp_string (object, "accelerator") == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s is not the description of a saved memory", launch_path);
      return NULL;
    }
  if (lodge_qmp_integer (object, "schema", 0) > SCHEMA)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NEWER_SCHEMA, "%s was written by a newer Lodge", launch_path);
      return NULL;
    }
  g_ptr_array_add (argv, NULL);
  saved->argv = (GStrv) g_ptr_array_free (g_steal_pointer (&argv), FALSE);
  saved->qemu_version = g_strdup (lodge_qmp_string (object, "qemu-version"));
  saved->accelerator = g_strdup (lodge_qmp_string (object, "accelerator"));
  saved->host_cpu = g_strdup (lodge_qmp_string (object, "host-cpu"));
  saved->running = lodge_qmp_boolean (object, "running", TRUE);
  saved->forked = lodge_qmp_boolean (object, "forked", FALSE);
  saved->created = lodge_qmp_integer (object, "created", 0);
  saved->mapped = access (devices_path, F_OK) == 0;
  addresses = read_words (object, "addresses", MAX_ADDRESSES);
  if (addresses != NULL)
    {
      g_ptr_array_unref (saved->addresses);
      saved->addresses = addresses;
    }
  disks = read_words (object, "disks", MAX_DISKS);
  if (disks != NULL)
    {
      g_ptr_array_unref (saved->disks);
      saved->disks = disks;
      saved->stamped = TRUE;
    }

  profile = lodge_file_read (profile_path, LODGE_PROFILE_MAX_BYTES, &length, error);
  if (profile == NULL || (saved->profile = lodge_profile_from_json (profile, length, error)) == NULL)
    return NULL;
  return g_steal_pointer (&saved);
}

/* ---- What must be the same ---- */

static void
parse_version (const char *text, guint *major, guint *minor)
{
  *major = *minor = 0;
  sscanf (text, "%3u.%3u", major, minor);
}

gboolean
lodge_saved_check_host (const LodgeSaved *saved, const char *qemu_version, gboolean kvm, const char *host_cpu, GError **error)
{
  guint major, minor, now_major, now_minor;
  g_autofree char *then = lodge_quote (saved->qemu_version);

  parse_version (saved->qemu_version, &major, &minor);
  parse_version (qemu_version, &now_major, &now_minor);
  if (now_major < major || (now_major == major && now_minor < minor))
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                 "the memory was saved with QEMU %s, and QEMU %s of this host is older", then, qemu_version);
  else if (strcmp (saved->accelerator, "kvm") == 0 && !kvm)
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                         "the memory was saved under KVM, which this host does not have now");
  else if (saved->host_cpu != NULL && g_strcmp0 (saved->host_cpu, host_cpu) != 0)
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                         "the memory was saved on another processor, whose abilities the guest uses");
  else
    return TRUE;
  return FALSE;
}

/* The words of a command line that make hardware, each with its option. */
static GPtrArray *
hardware (const char *const *argv)
{
  static const char *const options[] = { "-machine", "-cpu", "-smp", "-m", "-object", "-global", "-device", "-serial",
                                         "-kernel", NULL };
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);

  for (gsize i = 0; argv[i] != NULL && argv[i + 1] != NULL; i++)
    {
      if (!g_strv_contains (options, argv[i]))
        continue;
      i++;
      /* Where the memory lies is no part of what it is; its size is said by -m. Files have other paths elsewhere. */
      if (strstr (argv[i], "id=pc.ram") != NULL || strcmp (argv[i - 1], "-kernel") == 0)
        continue;
      g_ptr_array_add (words, g_strdup_printf ("%s %s", argv[i - 1], argv[i]));
    }
  return words;
}

gboolean
lodge_saved_check_argv (const LodgeSaved *saved, const char *const *argv, GError **error)
{
  g_autoptr (GPtrArray) then = hardware ((const char *const *) saved->argv);
  g_autoptr (GPtrArray) now = hardware (argv);

  for (guint i = 0; i < MAX (then->len, now->len); i++)
    {
      const char *before = i < then->len ? g_ptr_array_index (then, i) : "nothing";
      const char *after = i < now->len ? g_ptr_array_index (now, i) : "nothing";

      if (strcmp (before, after) != 0)
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                       "the memory was saved with other virtual hardware: then “%.200s”, now “%.200s”", before, after);
          return FALSE;
        }
    }
  return TRUE;
}

static char *
stamp_of (const LodgeDisk *disk, const char *machine_folder)
{
  g_autofree char *path = g_path_is_absolute (disk->file) ? g_strdup (disk->file)
                                                          : g_build_filename (machine_folder, disk->file, NULL);
  struct stat st = { 0 };

  if (stat (path, &st) != 0)
    return g_strdup_printf ("%s -", disk->id);
  return g_strdup_printf ("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, disk->id, (gint64) st.st_size,
                          (gint64) st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
}

void
lodge_saved_stamp (LodgeSaved *saved, const char *machine_folder)
{
  g_ptr_array_set_size (saved->disks, 0);
  saved->stamped = TRUE;
  for (guint i = 0; i < saved->profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (saved->profile->disks, i);

      if (!disk->cdrom && disk->file != NULL)
        g_ptr_array_add (saved->disks, stamp_of (disk, machine_folder));
    }
}

gboolean
lodge_saved_check_disks (const LodgeSaved *saved, const char *machine_folder, GError **error)
{
  guint n = 0;

  for (guint i = 0; saved->stamped && i < saved->profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (saved->profile->disks, i);
      g_autofree char *now = disk->cdrom || disk->file == NULL ? NULL : stamp_of (disk, machine_folder);

      if (now == NULL)
        continue;
      if (n >= saved->disks->len || strcmp (g_ptr_array_index (saved->disks, n++), now) != 0)
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                       "the disk “%s” was changed or copied after the memory was saved, which does not fit it any more; drop the "
                       "memory, and the machine starts from its disks", disk->id);
          return FALSE;
        }
    }
  return TRUE;
}

char *
lodge_saved_host_cpu (const char *cpuinfo)
{
  static const char *const keys[] = { "vendor_id", "cpu family", "model", "model name", "flags",
                                      "CPU implementer", "CPU part", "Features", "isa", NULL };
  g_autoptr (GString) facts = g_string_new (NULL);
  g_auto (GStrv) lines = NULL;
  const char *end = strstr (cpuinfo, "\n\n"); /* they are all the same */
  g_autofree char *first = end != NULL ? g_strndup (cpuinfo, (gsize) (end - cpuinfo)) : g_strdup (cpuinfo);

  lines = g_strsplit (first, "\n", -1);
  for (gsize i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) pair = g_strsplit (lines[i], ":", 2);

      if (pair[0] != NULL && pair[1] != NULL && g_strv_contains (keys, g_strstrip (pair[0])))
        g_string_append_printf (facts, "%s=%s\n", pair[0], g_strstrip (pair[1]));
    }
  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, facts->str, -1);
}
