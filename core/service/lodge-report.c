/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The bundle is a tar (ustar) of a few text files, compressed with GZlibCompressor: small enough to
 * be made in memory, and no archive library is asked for. What machines and engine know is noted down first; reading
 * the logs, redacting, compressing and writing happen in a thread: the logs of many machines are much to search
 * through. Only a regular file is written to, for a pipe that nobody reads would hold the thread for ever.
 *
 * What a person called a machine or a file is in the descriptions and anywhere in the logs: a machine is called by the beginning
 * of its id, a file by a number. All machines are noted, also where the bundle is about one, for their logs tell of each other. */

#include "config.h"

#include "core/service/lodge-report.h"

#include "core/service/lodge-redact.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixoutputstream.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FILE_MAX_BYTES (256 * 1024)
#define MAX_MACHINES 100
#define BLOCK 512

typedef struct
{
  char *name; /* (owned) in the bundle */
  char *text; /* (owned) (nullable) */
  char *path; /* (owned) (nullable) of a file to be read, when there is no text */
  gboolean host; /* it is about the host alone */
} Part;

typedef struct
{
  GPtrArray *parts;        /* (owned) (element-type Part) */
  LodgeRedactor *redactor; /* (owned) */
  int fd;                  /* (owned) */
} Report;

static void
part_free (gpointer data)
{
  Part *part = data;

  g_free (part->name);
  g_free (part->text);
  g_free (part->path);
  g_free (part);
}

static void
report_free (Report *report)
{
  g_ptr_array_unref (report->parts);
  lodge_redactor_free (report->redactor);
  if (report->fd >= 0)
    close (report->fd);
  g_free (report);
}

static void
add_file (GByteArray *tar, const char *name, const char *text)
{
  static const guint8 zeros[BLOCK] = { 0 };
  char header[BLOCK] = "";
  gsize length = strlen (text);
  guint sum = 0;

  g_snprintf (header, 100, "lodge-report/%s", name);
  memcpy (header + 100, "0000644", 8);
  memcpy (header + 108, "0000000", 8);
  memcpy (header + 116, "0000000", 8);
  g_snprintf (header + 124, 12, "%011" G_GSIZE_MODIFIER "o", length);
  g_snprintf (header + 136, 12, "%011o", 0);
  memcpy (header + 148, "        ", 8);
  header[156] = '0';
  memcpy (header + 257, "ustar\00000", 8);
  for (gsize i = 0; i < BLOCK; i++)
    sum += (guchar) header[i];
  g_snprintf (header + 148, 8, "%06o", sum);

  g_byte_array_append (tar, (const guint8 *) header, BLOCK);
  g_byte_array_append (tar, (const guint8 *) text, (guint) length);
  if (length % BLOCK != 0)
    g_byte_array_append (tar, zeros, (guint) (BLOCK - length % BLOCK));
}

/* Takes @name, @text and @path. */
static void
add_part (Report *report, char *name, char *text, char *path)
{
  Part *part = g_new0 (Part, 1);

  part->name = name;
  part->text = text;
  part->path = path;
  g_ptr_array_add (report->parts, part);
}

/* ---- What the person has given names to ---- */

typedef struct
{
  LodgeRedactor *redactor;
  guint disks, cds, folders;
} Names;

static void
note_folder (Names *names, const char *path)
{
  static const char *const common[] = { "/", ".", "/tmp", "/var/tmp", "/home", "/root", "/srv", "/usr", "/media", "/mnt", NULL };
  g_autofree char *placeholder = NULL;

  if (g_strv_contains (common, path) || strcmp (path, g_get_home_dir ()) == 0)
    return;
  placeholder = g_strdup_printf ("folder-%u", ++names->folders);
  lodge_redactor_add (names->redactor, path, placeholder);
}

static void
note_file (Names *names, const LodgeDisk *disk)
{
  g_autofree char *base = g_path_get_basename (disk->file);
  g_autofree char *folder = g_path_get_dirname (disk->file);
  g_autofree char *placeholder = NULL;

  /* "disks/disk0.qcow2" and the layers of snapshots have their names from us. */
  if (!g_path_is_absolute (disk->file) && g_regex_match_simple ("^disk[0-9]+[.-]", base, 0, 0))
    return;
  placeholder = disk->cdrom ? g_strdup_printf ("cd-%u", ++names->cds) : g_strdup_printf ("disk-%u", ++names->disks);
  lodge_redactor_add (names->redactor, disk->file, placeholder);
  lodge_redactor_add (names->redactor, base, placeholder);
  if (g_path_is_absolute (disk->file))
    note_folder (names, folder);
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(LodgeStoreEntry *const *) a)->id, (*(LodgeStoreEntry *const *) b)->id);
}

static void
note_machines (LodgeRedactor *redactor, LodgeStore *store)
{
  g_autoptr (GPtrArray) entries = lodge_store_list (store);
  Names names = { redactor, 0, 0, 0 };

  g_ptr_array_sort (entries, compare_entries);
  for (guint i = 0; i < entries->len; i++)
    {
      const LodgeStoreEntry *entry = g_ptr_array_index (entries, i);
      g_autofree char *placeholder = g_strdup_printf ("machine-%.8s", entry->id);
      g_autofree char *slug = g_path_get_basename (entry->folder);

      lodge_redactor_add (redactor, slug, placeholder);
      if (entry->profile == NULL)
        continue;
      lodge_redactor_add (redactor, entry->profile->name, placeholder);
      if (entry->profile->append != NULL)
        lodge_redactor_add (redactor, entry->profile->append, "APPEND");
      for (guint n = 0; n < entry->profile->disks->len; n++)
        {
          const LodgeDisk *disk = g_ptr_array_index (entry->profile->disks, n);

          if (disk->file != NULL)
            note_file (&names, disk);
        }
    }
}

/* ---- Contents ---- */

/* The end of a file that may be large, or not be there. */
static char *
read_end (const char *path)
{
  g_autofree char *buffer = g_malloc (FILE_MAX_BYTES);
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  off_t end;
  gssize length;

  if (fd < 0)
    return NULL;
  end = lseek (fd, 0, SEEK_END);
  length = pread (fd, buffer, FILE_MAX_BYTES, MAX (0, end - FILE_MAX_BYTES));
  close (fd);
  return length >= 0 ? g_utf8_make_valid (buffer, length) : NULL;
}

static void
add_machine (Report *report, LodgeMachine *machine)
{
  static const char *const files[] = { "machine.json", "log/qemu.log", "log/passt.log", "log/swtpm.log" };
  const char *id = lodge_machine_get_id (machine);
  g_autoptr (GVariant) effective = g_variant_ref_sink (lodge_machine_get_effective (machine));
  g_autoptr (GVariant) fault = g_variant_ref_sink (lodge_machine_get_fault (machine));
  g_autofree char *effective_text = g_variant_print (effective, FALSE);
  g_autofree char *fault_text = g_variant_print (fault, FALSE);
  g_autofree char *details_text = g_variant_print (lodge_machine_get_details (machine), FALSE);
  char *state = g_strdup_printf ("state: %s\nreason: %s\ndetails: %s\neffective: %s\nfault: %s\n",
                                            lodge_machine_state_name (lodge_machine_get_state (machine)),
                                            lodge_machine_get_reason (machine), details_text,
                                            effective_text, fault_text);

  add_part (report, g_strdup_printf ("machine-%.8s/state.txt", id), state, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *base = g_path_get_basename (files[i]);

      add_part (report, g_strdup_printf ("machine-%.8s/%s", id, base), NULL,
                g_build_filename (lodge_machine_get_folder (machine), files[i], NULL));
    }
}

static char *
describe (LodgeEngine *engine, GVariant *findings)
{
  g_autoptr (GVariant) facts = g_variant_ref_sink (lodge_engine_get_facts (engine));
  g_autofree char *facts_text = g_variant_print (facts, FALSE);
  /* What is in /etc is a link to this, as a rule. */
  g_autofree char *os = read_end ("/usr/lib/os-release");
  GString *text = g_string_new ("Lodge " LODGE_VERSION "\n");
  struct utsname kernel;

  if (uname (&kernel) == 0)
    g_string_append_printf (text, "%s %s %s\n", kernel.sysname, kernel.release, kernel.machine);
  g_string_append_printf (text, "host: %s\n\n%s\n", facts_text, os != NULL ? os : "");
  for (gsize i = 0; i < g_variant_n_children (findings); i++)
    {
      g_autoptr (GVariant) finding = g_variant_get_child_value (findings, i);
      g_autofree char *line = g_variant_print (finding, FALSE);

      g_string_append_printf (text, "%s\n", line);
    }
  return g_string_free (text, FALSE);
}

static GByteArray *
make_tar (const Report *report)
{
  static const guint8 end[2 * BLOCK] = { 0 };
  GByteArray *tar = g_byte_array_new ();

  for (guint i = 0; i < report->parts->len; i++)
    {
      const Part *part = g_ptr_array_index (report->parts, i);
      g_autofree char *text = part->path != NULL ? read_end (part->path) : g_strdup (part->text);
      g_autofree char *clean = text != NULL ? lodge_redactor_apply (report->redactor, text, !part->host) : NULL;

      if (clean != NULL)
        add_file (tar, part->name, clean);
    }
  g_byte_array_append (tar, end, sizeof end);
  return tar;
}

static void
write_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Report *report = data;
  g_autoptr (GByteArray) tar = make_tar (report);
  g_autoptr (GOutputStream) file = g_unix_output_stream_new (report->fd, FALSE);
  g_autoptr (GZlibCompressor) compressor = g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1);
  g_autoptr (GOutputStream) stream = g_converter_output_stream_new (file, G_CONVERTER (compressor));
  GError *error = NULL;

  if (g_output_stream_write_all (stream, tar->data, tar->len, NULL, cancellable, &error)
      && g_output_stream_close (stream, cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
lodge_report_write_async (int fd, LodgeEngine *engine, LodgeMachineSet *machines, const char *machine_id,
                          GVariant *findings, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  const LodgePaths *paths = lodge_engine_get_paths (engine);
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  g_autoptr (GList) list = lodge_machine_set_list (machines);
  Report *report = g_new0 (Report, 1);
  struct stat st;
  guint n = 0;

  report->fd = fd;
  report->redactor = lodge_redactor_new (g_get_user_name (), g_get_real_name (), g_get_home_dir (), g_get_host_name ());
  report->parts = g_ptr_array_new_with_free_func (part_free);
  g_task_set_task_data (task, report, (GDestroyNotify) report_free);
  if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode))
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "a report can be written to a regular file only");
      return;
    }
  if (machine_id != NULL && lodge_machine_set_lookup (machines, machine_id) == NULL)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "there is no machine %s", machine_id);
      return;
    }

  note_machines (report->redactor, lodge_engine_get_store (engine));
  add_part (report, g_strdup ("host.txt"), describe (engine, findings), NULL);
  ((Part *) g_ptr_array_index (report->parts, 0))->host = TRUE;
  add_part (report, g_strdup ("core.log"), NULL, g_build_filename (paths->state_dir, "core.log", NULL));
  for (GList *l = list; l != NULL && n < MAX_MACHINES; l = l->next)
    if (machine_id == NULL || strcmp (lodge_machine_get_id (l->data), machine_id) == 0)
      {
        add_machine (report, l->data);
        n++;
      }
  g_task_run_in_thread (task, write_thread);
}

gboolean
lodge_report_write_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
