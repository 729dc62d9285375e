/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * One Work is one call of the machine, with the words for its end. What undoes it is another work, made from the same
 * entry of ListDisks:
 *
 *   create, add image, add drive, attach --> detach, with the file where it was made for it
 *   detach --> AddDisk of the file, and its place in the boot order; delete --> Undelete, found by its name in the trash
 *   convert --> convert back, unless the image lay outside: that one is still there, unchanged
 *
 * To grow and to compact cannot be undone: the first is asked about before, the second loses nothing. */

#include "config.h"

#include "ui/lodge-disk-work.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <glib/gi18n-lib.h>
#include <unistd.h>

#include "core/ipc/lodge-disk-text.h"
#include "core/ipc/lodge-error.h"
#include "ui/lodge-disks.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-machine-text.h"

typedef enum
{
  WORK_ADD,
  WORK_DETACH,
  WORK_DELETE,
  WORK_GROW,
  WORK_COMPACT,
  WORK_CONVERT,
} Kind;

typedef struct
{
  GtkWidget *from;        /* (weak) (nullable) the window: rows are made anew when a disk changes */
  LodgeUndo *undo;        /* (owned) (nullable) of the window, which may be closed before the answer */
  LodgeLibrary *library;  /* (owned) */
  LodgeMachineItem *item; /* (owned) */
  Kind kind;
  GVariant *disk;         /* (owned) (nullable) of ListDisks, as it was before */
  char *done;             /* (owned) (nullable) for the toast; NULL: nothing is to be told, as at the end of an undoing */
  char *boot_order;       /* (owned) (nullable) to be set once the disk is back under its id */
  char *id;               /* (owned) (nullable) that AddDisk gave */
  gboolean made;          /* there is a file that was made by it */
} Work;

static const char *const headings[] = {
  [WORK_ADD] = N_("The Disk Could Not Be Added"),         [WORK_DETACH] = N_("The Disk Could Not Be Detached"),
  [WORK_DELETE] = N_("The Disk Could Not Be Deleted"),    [WORK_GROW] = N_("The Disk Could Not Be Made Larger"),
  [WORK_COMPACT] = N_("The Disk Could Not Be Compacted"), [WORK_CONVERT] = N_("The Disk Could Not Be Converted"),
};

static Work *
work_new (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, Kind kind, GVariant *disk)
{
  Work *work = g_new0 (Work, 1);
  LodgeUndo *undo;

  g_set_weak_pointer (&work->from, GTK_WIDGET (gtk_widget_get_root (from)));
  undo = lodge_undo_find (from);
  g_set_object (&work->undo, undo);
  work->library = g_object_ref (library);
  work->item = g_object_ref (item);
  work->kind = kind;
  work->disk = disk != NULL ? g_variant_ref (disk) : NULL;
  return work;
}

static void
work_free (Work *work)
{
  g_clear_weak_pointer (&work->from);
  g_clear_object (&work->undo);
  g_object_unref (work->library);
  g_object_unref (work->item);
  g_clear_pointer (&work->disk, g_variant_unref);
  g_free (work->done);
  g_free (work->boot_order);
  g_free (work->id);
  g_free (work);
}

static void
work_unref_closure (gpointer data, GClosure *closure)
{
  work_free (data);
}

static void
fail (Work *work, GError *error)
{
  if (work->from != NULL)
    lodge_feedback_error (work->from, _(headings[work->kind]), error, NULL);
  else
    g_error_free (error);
}

/* ---- Calls ---- */

static void undo_cb (Work *done, GtkWidget *where);

static void
tell (Work *work)
{
  gboolean undoable = work->kind == WORK_ADD || work->kind == WORK_DETACH || work->kind == WORK_DELETE
                      || (work->kind == WORK_CONVERT && lodge_disk_boolean (work->disk, "own"));

  if (work->done != NULL && undoable)
    {
      lodge_feedback_undo (work->from, work->undo, work->done, G_CALLBACK (undo_cb), work, work_unref_closure);
      return;
    }
  if (work->done != NULL && work->from != NULL)
    lodge_feedback_toast (work->from, work->done);
  work_free (work);
}

static void
ordered_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  /* The disk is back either way; where it starts from is in the list. */
  lodge_ipc_machine_call_set_settings_finish (LODGE_IPC_MACHINE (source), NULL, result, NULL);
}

static void
restore_order (Work *work, LodgeIpcMachine *proxy)
{
  GVariantBuilder settings;

  g_variant_builder_init (&settings, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&settings, "{sv}", "boot-order", g_variant_new_string (work->boot_order));
  lodge_ipc_machine_call_set_settings (proxy, g_variant_builder_end (&settings), g_variant_new ("a{sv}", NULL), NULL,
                                       ordered_cb, NULL);
}

static void
called_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Work *work = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_proxy_call_with_unix_fd_list_finish (G_DBUS_PROXY (source), NULL, result, &error);

  if (reply == NULL)
    {
      fail (work, error);
      work_free (work);
      return;
    }
  if (g_variant_is_of_type (reply, G_VARIANT_TYPE ("(s)")))
    g_variant_get (reply, "(s)", &work->id);
  if (work->kind == WORK_COMPACT)
    {
      guint64 freed;
      g_autofree char *size = NULL;

      g_variant_get (reply, "(t)", &freed);
      size = g_format_size (freed);
      work->done = g_strdup_printf (_("%s freed"), size);
    }
  if (work->boot_order != NULL && work->disk != NULL
      && g_strcmp0 (work->id, lodge_disk_string (work->disk, "id")) == 0)
    restore_order (work, LODGE_IPC_MACHINE (source));
  tell (work);
}

/* Compacting and converting take as long as they take. */
static void
call (Work *work, const char *method, GVariant *parameters, GUnixFDList *files)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (work->item);

  if (proxy != NULL)
    {
      g_dbus_proxy_call_with_unix_fd_list (G_DBUS_PROXY (proxy), method, parameters, G_DBUS_CALL_FLAGS_NONE, G_MAXINT,
                                           files, NULL, called_cb, work);
      return;
    }
  g_variant_unref (g_variant_ref_sink (parameters));
  fail (work, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CORE_GONE, "there is no core to be asked"));
  work_free (work);
}

static GVariant *
options (const char *key, GVariant *value)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (key != NULL)
    g_variant_builder_add (&builder, "{sv}", key, value);
  return g_variant_builder_end (&builder);
}

/* ---- Undo ---- */

static void
undeleted_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Work *work = user_data;
  GError *error = NULL;

  if (!lodge_ipc_core_call_undelete_finish (LODGE_IPC_CORE (source), NULL, result, &error))
    {
      if (work->from != NULL)
        lodge_feedback_error (work->from, _("The Disk Could Not Be Brought Back"), error, NULL);
      else
        g_error_free (error);
    }
  work_free (work);
}

static void
trash_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Work *work = user_data;
  g_autofree char *name = g_strdup_printf ("%s (%s)", lodge_machine_item_get_name (work->item),
                                           lodge_disk_string (work->disk, "id"));
  g_autoptr (GVariant) entries = NULL;
  g_autofree char *id = NULL;
  gint64 latest = -1;
  GVariantIter iter;
  GVariant *entry;

  lodge_ipc_core_call_list_trash_finish (LODGE_IPC_CORE (source), &entries, result, NULL);
  if (entries != NULL)
    g_variant_iter_init (&iter, entries);
  while (entries != NULL && (entry = g_variant_iter_next_value (&iter)) != NULL)
    {
      gint64 deleted = 0;

      g_variant_lookup (entry, "deleted", "x", &deleted);
      if (deleted > latest && g_str_equal (lodge_disk_string (entry, "kind"), "disk")
          && g_str_equal (lodge_disk_string (entry, "name"), name))
        {
          g_free (id);
          id = g_strdup (lodge_disk_string (entry, "id"));
          latest = deleted;
        }
      g_variant_unref (entry);
    }
  lodge_ipc_core_call_undelete (LODGE_IPC_CORE (source), id != NULL ? id : name, g_variant_new ("a{sv}", NULL), NULL,
                                undeleted_cb, work);
}

static int
open_image (const char *path, GUnixFDList *files, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  int handle;

  if (fd < 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_READABLE, "“%s”: %s", path, g_strerror (errno));
      return -1;
    }
  handle = g_unix_fd_list_append (files, fd, error);
  close (fd);
  return handle;
}

/* The disk or drive @disk is no more the machine's, and its image is where it was. */
static void
add_again (Work *work)
{
  const char *file = lodge_disk_string (work->disk, "file");
  gboolean own = lodge_disk_boolean (work->disk, "own");
  g_autoptr (GUnixFDList) files = NULL;
  g_autofree char *name = g_path_get_basename (file);
  GVariantBuilder builder;
  GError *error = NULL;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (*lodge_disk_string (work->disk, "bus") != '\0')
    g_variant_builder_add (&builder, "{sv}", "bus", g_variant_new_string (lodge_disk_string (work->disk, "bus")));
  if (lodge_disk_boolean (work->disk, "cdrom"))
    g_variant_builder_add (&builder, "{sv}", "cdrom", g_variant_new_boolean (TRUE));
  if (*file != '\0' && own && !lodge_disk_boolean (work->disk, "cdrom"))
    g_variant_builder_add (&builder, "{sv}", "file", g_variant_new_string (file));
  else if (*file != '\0')
    {
      files = g_unix_fd_list_new ();
      if (open_image (lodge_disk_string (work->disk, "path"), files, &error) < 0)
        {
          g_variant_builder_clear (&builder);
          fail (work, error);
          work_free (work);
          return;
        }
      g_variant_builder_add (&builder, "{sv}", "image", g_variant_new_handle (0));
      g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string (name));
    }
  call (work, "AddDisk", g_variant_new ("(a{sv})", &builder), files);
}

static void
undo_cb (Work *done, GtkWidget *where)
{
  LodgeIpcCore *core = lodge_library_get_core (done->library);
  Kind kind = done->kind == WORK_ADD ? WORK_DETACH : done->kind == WORK_CONVERT ? WORK_CONVERT : WORK_ADD;
  Work *work = work_new (where, done->library, done->item, kind, done->disk);

  work->boot_order = g_strdup (done->boot_order);
  if (done->kind == WORK_ADD)
    call (work, "DetachDisk",
          g_variant_new ("(s@a{sv})", done->id,
                         done->made ? options ("delete-file", g_variant_new_boolean (TRUE)) : options (NULL, NULL)),
          NULL);
  else if (done->kind == WORK_CONVERT)
    call (work, "ConvertDisk",
          g_variant_new ("(ss@a{sv})", lodge_disk_string (done->disk, "id"), lodge_disk_string (done->disk, "format"),
                         options (NULL, NULL)),
          NULL);
  else if (done->kind == WORK_DETACH)
    add_again (work);
  else if (core != NULL)
    lodge_ipc_core_call_list_trash (core, g_variant_new ("a{sv}", NULL), NULL, trash_cb, work);
  else
    work_free (work);
}

/* ---- What is done ---- */

void
lodge_disk_work_create (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, guint64 size)
{
  Work *work = work_new (from, library, item, WORK_ADD, NULL);
  g_autofree char *text = lodge_text_size (size);

  work->made = TRUE;
  /* Translators: %s is a size */
  work->done = g_strdup_printf (_("Disk of %s added"), text);
  call (work, "AddDisk", g_variant_new ("(@a{sv})", options ("size", g_variant_new_uint64 (size))), NULL);
}

void
lodge_disk_work_add_image (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, GFile *file, gboolean copy)
{
  Work *work = work_new (from, library, item, WORK_ADD, NULL);
  g_autoptr (GUnixFDList) files = g_unix_fd_list_new ();
  g_autofree char *path = g_file_get_path (file);
  g_autofree char *base = g_file_get_basename (file);
  g_autofree char *name = g_filename_display_name (base);
  GVariantBuilder builder;
  GError *error = NULL;

  if (path == NULL)
    g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "the file is not on this computer");
  if (path == NULL || open_image (path, files, &error) < 0)
    {
      fail (work, error);
      work_free (work);
      return;
    }
  work->made = copy;
  work->done = g_strdup_printf (_("“%s” added"), name);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "image", g_variant_new_handle (0));
  g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string (name));
  if (copy)
    g_variant_builder_add (&builder, "{sv}", "copy", g_variant_new_boolean (TRUE));
  call (work, "AddDisk", g_variant_new ("(a{sv})", &builder), files);
}

void
lodge_disk_work_add_drive (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item)
{
  Work *work = work_new (from, library, item, WORK_ADD, NULL);

  work->done = g_strdup (_("CD drive added"));
  call (work, "AddDisk", g_variant_new ("(@a{sv})", options ("cdrom", g_variant_new_boolean (TRUE))), NULL);
}

void
lodge_disk_work_attach (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, GVariant *disk)
{
  Work *work = work_new (from, library, item, WORK_ADD, disk);
  g_autofree char *title = lodge_disk_title (disk);

  work->done = g_strdup_printf (_("“%s” attached"), title);
  call (work, "AddDisk",
        g_variant_new ("(@a{sv})", options ("file", g_variant_new_string (lodge_disk_string (disk, "file")))), NULL);
}

void
lodge_disk_work_detach (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, GVariant *disk,
                        gboolean delete_file)
{
  Work *work = work_new (from, library, item, delete_file ? WORK_DELETE : WORK_DETACH, disk);
  g_autofree char *title = lodge_disk_title (disk);
  g_autofree char *size = g_format_size (lodge_disk_uint (disk, "used"));

  work->boot_order = g_strdup (lodge_machine_item_setting_string (item, "boot-order", NULL));
  if (lodge_disk_boolean (disk, "cdrom"))
    work->done = g_strdup (_("CD drive removed"));
  else
    work->done = delete_file ? g_strdup_printf (_("“%s” deleted, %s"), title, size)
                             : g_strdup_printf (_("“%s” detached; its file is still there"), title);
  call (work, "DetachDisk",
        g_variant_new ("(s@a{sv})", lodge_disk_string (disk, "id"),
                       delete_file ? options ("delete-file", g_variant_new_boolean (TRUE)) : options (NULL, NULL)),
        NULL);
}

void
lodge_disk_work_grow (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, GVariant *disk, guint64 size)
{
  Work *work = work_new (from, library, item, WORK_GROW, disk);
  g_autofree char *title = lodge_disk_title (disk);
  g_autofree char *text = lodge_text_size (size);

  /* Translators: name and size of a disk */
  work->done = g_strdup_printf (_("“%s” has %s now"), title, text);
  call (work, "GrowDisk", g_variant_new ("(st@a{sv})", lodge_disk_string (disk, "id"), size, options (NULL, NULL)), NULL);
}

void
lodge_disk_work_compact (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, GVariant *disk)
{
  call (work_new (from, library, item, WORK_COMPACT, disk), "CompactDisk",
        g_variant_new ("(s@a{sv})", lodge_disk_string (disk, "id"), options (NULL, NULL)), NULL);
}

void
lodge_disk_work_convert (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, GVariant *disk,
                         const char *format)
{
  Work *work = work_new (from, library, item, WORK_CONVERT, disk);
  g_autofree char *title = lodge_disk_title (disk);

  /* Translators: name of a disk, name of a format */
  work->done = g_strdup_printf (_("“%s” converted to %s"), title, lodge_disk_format_text (format));
  call (work, "ConvertDisk", g_variant_new ("(ss@a{sv})", lodge_disk_string (disk, "id"), format, options (NULL, NULL)),
        NULL);
}
