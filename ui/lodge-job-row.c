/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-job-row.h"

#include <glib/gi18n-lib.h>

#define PULSE_MS 100u

struct _LodgeJobRow
{
  AdwPreferencesRow parent_instance;

  LodgeIpcJob *job; /* (owned) (nullable) */
  guint pulse_source;

  GtkLabel *title;
  GtkLabel *left;
  GtkProgressBar *bar;
  GtkWidget *cancel;
};

G_DEFINE_FINAL_TYPE (LodgeJobRow, lodge_job_row, ADW_TYPE_PREFERENCES_ROW)

const char *
lodge_job_kind_text (const char *kind)
{
  static const struct
  {
    const char *kind;
    const char *text;
  } kinds[] = {
    { "create", N_("Creating") },       { "check", N_("Checking the Disk") }, { "repair", N_("Repairing the Disk") },
    { "save", N_("Saving") },           { "restore", N_("Restoring") },       { "clone", N_("Cloning") },
    { "flatten", N_("Making It Stand Alone") }, { "disk", N_("Copying the Image") }, { "compact", N_("Compacting") },
    { "convert", N_("Converting") },    { "snapshot", N_("Taking a Snapshot") }, { "merge", N_("Deleting a Snapshot") },
    { "backup", N_("Backing Up") },     { "verify", N_("Verifying a Backup") },
  };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_strcmp0 (kinds[i].kind, kind) == 0)
      return _(kinds[i].text);
  return NULL;
}

static char *
describe_left (gint64 seconds, double progress)
{
  guint minutes = (guint) ((seconds + 30) / 60);

  if (seconds < 0)
    /* Translators: how far a job is */
    return progress >= 0 ? g_strdup_printf (_("%.0f %%"), progress * 100) : g_strdup ("");
  if (seconds < 60)
    /* Translators: how far a job is, and how long it still takes */
    return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%.0f %%, %u second left", "%.0f %%, %u seconds left", seconds),
                            progress * 100, (guint) seconds);
  return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%.0f %%, %u minute left", "%.0f %%, %u minutes left", minutes),
                          progress * 100, minutes);
}

static gboolean
pulse_cb (gpointer user_data)
{
  gtk_progress_bar_pulse (LODGE_JOB_ROW (user_data)->bar);
  return G_SOURCE_CONTINUE;
}

static void
update (LodgeJobRow *self)
{
  gboolean running = g_strcmp0 (lodge_ipc_job_get_state (self->job), "running") == 0;
  const char *text = lodge_job_kind_text (lodge_ipc_job_get_kind (self->job));
  double progress = lodge_ipc_job_get_progress (self->job);
  gint64 seconds = lodge_ipc_job_get_time_left (self->job);
  g_autofree char *left = describe_left (seconds, progress);

  gtk_widget_set_visible (GTK_WIDGET (self), running);
  gtk_label_set_label (self->title, text != NULL ? text : _("Working"));
  gtk_label_set_label (self->left, left);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->bar), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  gtk_label_get_label (self->title), -1);
  if (progress >= 0)
    gtk_progress_bar_set_fraction (self->bar, CLAMP (progress, 0, 1));
  if (running && progress < 0 && self->pulse_source == 0)
    self->pulse_source = g_timeout_add (PULSE_MS, pulse_cb, self);
  else if (!running || progress >= 0)
    g_clear_handle_id (&self->pulse_source, g_source_remove);
}

static void
cancel_cb (LodgeJobRow *self)
{
  gtk_widget_set_sensitive (self->cancel, FALSE);
  lodge_ipc_job_call_cancel (self->job, g_variant_new ("a{sv}", NULL), NULL, NULL, NULL);
}

static void
lodge_job_row_dispose (GObject *object)
{
  LodgeJobRow *self = LODGE_JOB_ROW (object);

  g_clear_handle_id (&self->pulse_source, g_source_remove);
  if (self->job != NULL)
    g_signal_handlers_disconnect_by_data (self->job, self);
  g_clear_object (&self->job);

  G_OBJECT_CLASS (lodge_job_row_parent_class)->dispose (object);
}

static void
lodge_job_row_class_init (LodgeJobRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_job_row_dispose;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-job-row.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeJobRow, title);
  gtk_widget_class_bind_template_child (widget_class, LodgeJobRow, left);
  gtk_widget_class_bind_template_child (widget_class, LodgeJobRow, bar);
  gtk_widget_class_bind_template_child (widget_class, LodgeJobRow, cancel);
  gtk_widget_class_bind_template_callback (widget_class, cancel_cb);
}

static void
lodge_job_row_init (LodgeJobRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWidget *
lodge_job_row_new (LodgeIpcJob *job)
{
  LodgeJobRow *self = g_object_new (LODGE_TYPE_JOB_ROW, NULL);

  self->job = g_object_ref (job);
  g_signal_connect_swapped (job, "g-properties-changed", G_CALLBACK (update), self);
  update (self);
  return GTK_WIDGET (self);
}

LodgeIpcJob *
lodge_job_row_get_job (LodgeJobRow *self)
{
  return self->job;
}
