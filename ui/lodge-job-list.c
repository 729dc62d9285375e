/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-job-list.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-job-row.h"

/* What is over sooner is not shown at all. */
#define MOMENT_MS 700u

struct _LodgeJobList
{
  AdwBin parent_instance;

  LodgeLibrary *library; /* (owned) (nullable) */
  char *machine;         /* (owned) (nullable) object path */
  const char *const *kinds; /* (nullable) of jobs for no machine */
  GtkListBox *rows;
  guint moment_source;
};

G_DEFINE_FINAL_TYPE (LodgeJobList, lodge_job_list, ADW_TYPE_BIN)

static LodgeJobRow *
find_row (LodgeJobList *self, LodgeIpcJob *job)
{
  for (GtkWidget *row = gtk_widget_get_first_child (GTK_WIDGET (self->rows)); row != NULL;
       row = gtk_widget_get_next_sibling (row))
    if (LODGE_IS_JOB_ROW (row) && lodge_job_row_get_job (LODGE_JOB_ROW (row)) == job)
      return LODGE_JOB_ROW (row);
  return NULL;
}

static void
update_visible (LodgeJobList *self)
{
  gboolean any = FALSE;

  for (GtkWidget *row = gtk_widget_get_first_child (GTK_WIDGET (self->rows)); row != NULL;
       row = gtk_widget_get_next_sibling (row))
    any = any || gtk_widget_get_visible (row);
  gtk_widget_set_visible (GTK_WIDGET (self), any);
}

static gboolean
is_running (LodgeJobList *self, LodgeIpcJob *job)
{
  const char *machine = lodge_ipc_job_get_machine (job);
  const char *kind = lodge_ipc_job_get_kind (job);
  gboolean ours = g_strcmp0 (machine, "/") == 0 ? self->kinds != NULL && kind != NULL && g_strv_contains (self->kinds, kind)
                                                : self->machine != NULL && g_strcmp0 (machine, self->machine) == 0;

  return ours && g_strcmp0 (lodge_ipc_job_get_state (job), "running") == 0;
}

static gboolean
moment_cb (gpointer user_data)
{
  LodgeJobList *self = user_data;
  GListModel *jobs = lodge_library_get_jobs (self->library);
  guint n = g_list_model_get_n_items (jobs);

  self->moment_source = 0;
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeIpcJob) job = g_list_model_get_item (jobs, i);

      if (is_running (self, job) && find_row (self, job) == NULL)
        {
          GtkWidget *row = lodge_job_row_new (job);

          g_signal_connect_object (row, "notify::visible", G_CALLBACK (update_visible), self, G_CONNECT_SWAPPED);
          gtk_list_box_append (self->rows, row);
        }
    }
  update_visible (self);
  return G_SOURCE_REMOVE;
}

static gboolean
is_known (LodgeJobList *self, LodgeIpcJob *wanted)
{
  GListModel *jobs = lodge_library_get_jobs (self->library);
  guint n = g_list_model_get_n_items (jobs);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeIpcJob) job = g_list_model_get_item (jobs, i);

      if (job == wanted)
        return TRUE;
    }
  return FALSE;
}

static void
jobs_changed_cb (LodgeJobList *self)
{
  GtkWidget *next;

  for (GtkWidget *row = gtk_widget_get_first_child (GTK_WIDGET (self->rows)); row != NULL; row = next)
    {
      next = gtk_widget_get_next_sibling (row);
      if (LODGE_IS_JOB_ROW (row) && !is_known (self, lodge_job_row_get_job (LODGE_JOB_ROW (row))))
        gtk_list_box_remove (self->rows, row);
    }
  update_visible (self);
  if (self->moment_source == 0)
    self->moment_source = g_timeout_add (MOMENT_MS, moment_cb, self);
}

static void
drop_machine (LodgeJobList *self)
{
  GtkWidget *row;

  g_clear_handle_id (&self->moment_source, g_source_remove);
  if (self->library != NULL)
    g_signal_handlers_disconnect_by_data (lodge_library_get_jobs (self->library), self);
  while (self->rows != NULL && (row = gtk_widget_get_first_child (GTK_WIDGET (self->rows))) != NULL)
    gtk_list_box_remove (self->rows, row);
  g_clear_object (&self->library);
  g_clear_pointer (&self->machine, g_free);
}

static void
lodge_job_list_dispose (GObject *object)
{
  LodgeJobList *self = LODGE_JOB_LIST (object);

  drop_machine (self);
  self->rows = NULL;

  G_OBJECT_CLASS (lodge_job_list_parent_class)->dispose (object);
}

static void
lodge_job_list_class_init (LodgeJobListClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_job_list_dispose;
}

static void
lodge_job_list_init (LodgeJobList *self)
{
  GtkWidget *rows = gtk_list_box_new ();

  self->rows = GTK_LIST_BOX (rows);
  gtk_list_box_set_selection_mode (self->rows, GTK_SELECTION_NONE);
  gtk_widget_add_css_class (rows, "boxed-list");
  gtk_accessible_update_property (GTK_ACCESSIBLE (rows), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Work in progress"), -1);
  adw_bin_set_child (ADW_BIN (self), rows);
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
}

void
lodge_job_list_set_machine (LodgeJobList *self, LodgeLibrary *library, LodgeMachineItem *item)
{
  drop_machine (self);
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
  if (library == NULL || (item == NULL && self->kinds == NULL))
    return;

  self->library = g_object_ref (library);
  self->machine = item != NULL ? g_strdup (lodge_machine_item_get_object_path (item)) : NULL;
  g_signal_connect_swapped (lodge_library_get_jobs (library), "items-changed", G_CALLBACK (jobs_changed_cb), self);
  moment_cb (self);
}

void
lodge_job_list_set_kinds (LodgeJobList *self, const char *const *kinds)
{
  self->kinds = kinds;
}
