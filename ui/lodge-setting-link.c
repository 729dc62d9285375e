/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 *   idle --change--> asking (CheckSettings) --nothing to say--> applied (lodge_setting_change), idle
 *    ^                  | refused: notice below the row, "refused" and "changed"
 *    |                  | warnings: notice below the row, the new value stays in it
 *    +---- keep --------+---- change: applied
 *
 * While a change is asked about or waits for its yes, what the machine has is not shown in the row: it would take the
 * person's choice from under their eyes. A further change of the same row takes the place of the one before.
 */

#include "config.h"

#include "ui/lodge-setting-link.h"

#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error-text.h"
#include "core/ipc/lodge-settings-text.h"
#include "ui/lodge-machine-text.h"
#include "ui/lodge-setting-change.h"
#include "ui/lodge-setting-notice.h"

struct _LodgeSettingLink
{
  GObject parent_instance;

  char *key;                 /* (owned) */
  LodgeMachineItem *item;    /* (owned) (nullable) */
  GtkWidget *row;            /* (weak) (nullable) */
  GtkWidget *mark;           /* (weak) (nullable) */
  GtkWidget *notice;         /* (weak) (nullable) */
  GCancellable *cancellable; /* (owned) (nullable) of the question under way */
  GVariant *value;           /* (owned) (nullable) asked about, or waiting for its yes */
  char *done;                /* (owned) (nullable) with it */
  LodgeUndo *undo;           /* (owned) (nullable) of the window in which it was asked for */
};

enum
{
  CHANGED,
  REFUSED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgeSettingLink, lodge_setting_link, G_TYPE_OBJECT)

static void
drop_notice (LodgeSettingLink *self)
{
  GtkWidget *notice = self->notice;
  GtkWidget *list = notice != NULL ? gtk_widget_get_parent (notice) : NULL;
  gboolean focused;

  g_clear_weak_pointer (&self->notice);
  if (list == NULL)
    return;
  focused = gtk_widget_get_focus_child (list) == notice;
  g_signal_handlers_disconnect_by_data (notice, self);
  gtk_list_box_remove (GTK_LIST_BOX (list), notice);
  if (focused && self->row != NULL)
    gtk_widget_child_focus (self->row, GTK_DIR_TAB_FORWARD);
}

static void
drop_question (LodgeSettingLink *self)
{
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->value, g_variant_unref);
  g_clear_pointer (&self->done, g_free);
}

static void
update (LodgeSettingLink *self)
{
  if (self->mark != NULL)
    lodge_setting_when (GTK_LABEL (self->mark), self->item, self->key);
  if (self->value == NULL)
    g_signal_emit (self, signals[CHANGED], 0);
}

static void
dismissed_cb (LodgeSettingLink *self)
{
  drop_question (self);
  drop_notice (self);
  update (self);
}

static void
apply (LodgeSettingLink *self)
{
  g_autoptr (GVariant) value = g_steal_pointer (&self->value);
  g_autofree char *done = g_steal_pointer (&self->done);

  drop_question (self);
  drop_notice (self);
  /* Told at the window, as the row may be another one by then; and done where the window was closed after the click, too. */
  lodge_setting_change (self->row != NULL ? GTK_WIDGET (gtk_widget_get_root (self->row)) : NULL, self->undo, self->item,
                        self->key, value, done);
}

static void
show_notice (LodgeSettingLink *self, const char *text, const GError *error)
{
  GtkWidget *list = self->row != NULL ? gtk_widget_get_ancestor (self->row, GTK_TYPE_LIST_BOX) : NULL;
  GtkWidget *notice;

  drop_notice (self);
  if (list == NULL)
    return;
  notice = lodge_setting_notice_new (text, error);
  g_set_weak_pointer (&self->notice, notice);
  g_signal_connect_swapped (notice, "accepted", G_CALLBACK (apply), self);
  g_signal_connect_swapped (notice, "dismissed", G_CALLBACK (dismissed_cb), self);
  gtk_list_box_insert (GTK_LIST_BOX (list), notice, gtk_list_box_row_get_index (GTK_LIST_BOX_ROW (self->row)) + 1);
}

static char *
word_warnings (GVariant *answer)
{
  g_autofree const char **codes = NULL;
  GString *text = g_string_new (NULL);

  if (g_variant_lookup (answer, "warnings", "^a&s", &codes))
    for (guint i = 0; codes[i] != NULL; i++)
      g_string_append_printf (text, "%s%s", i > 0 ? "\n" : "", lodge_settings_warning_text (codes[i]));
  return g_string_free (text, FALSE);
}

static void
refuse (LodgeSettingLink *self, GError *error)
{
  LodgeErrorContext about = { .machine = lodge_machine_item_get_name (self->item), .title = lodge_text_setting };
  g_autofree char *sentence = NULL;

  drop_question (self);
  lodge_error_normalize (error);
  sentence = lodge_error_text (error, &about);
  /* First: the row may have to be made anew to show what is. */
  g_signal_emit (self, signals[REFUSED], 0);
  show_notice (self, sentence, error);
}

static void
checked_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeSettingLink) self = user_data;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *warnings = NULL;

  lodge_ipc_machine_call_check_settings_finish (LODGE_IPC_MACHINE (source), &answer, result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (answer == NULL)
    {
      refuse (self, error);
      return;
    }

  g_clear_object (&self->cancellable);
  warnings = word_warnings (answer);
  if (*warnings == '\0')
    apply (self);
  else
    show_notice (self, warnings, NULL);
}

static void
drop_item (LodgeSettingLink *self)
{
  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);
  g_clear_object (&self->item);
}

static void
lodge_setting_link_dispose (GObject *object)
{
  LodgeSettingLink *self = LODGE_SETTING_LINK (object);

  drop_question (self);
  if (self->notice != NULL)
    g_signal_handlers_disconnect_by_data (self->notice, self);
  g_clear_weak_pointer (&self->notice);
  drop_item (self);
  g_clear_object (&self->undo);

  G_OBJECT_CLASS (lodge_setting_link_parent_class)->dispose (object);
}

static void
lodge_setting_link_finalize (GObject *object)
{
  LodgeSettingLink *self = LODGE_SETTING_LINK (object);

  g_clear_weak_pointer (&self->row);
  g_clear_weak_pointer (&self->mark);
  g_free (self->key);

  G_OBJECT_CLASS (lodge_setting_link_parent_class)->finalize (object);
}

static void
lodge_setting_link_class_init (LodgeSettingLinkClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_setting_link_dispose;
  G_OBJECT_CLASS (klass)->finalize = lodge_setting_link_finalize;

  signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);
  signals[REFUSED] = g_signal_new ("refused", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);
}

static void
lodge_setting_link_init (LodgeSettingLink *self)
{
}

LodgeSettingLink *
lodge_setting_link_new (GtkWidget *row, GtkLabel *mark, const char *key)
{
  LodgeSettingLink *self = g_object_new (LODGE_TYPE_SETTING_LINK, NULL);
  GtkWidget *label = mark != NULL ? GTK_WIDGET (mark) : gtk_label_new (NULL);

  self->key = g_strdup (key);
  g_set_weak_pointer (&self->row, row);
  g_set_weak_pointer (&self->mark, label);
  if (mark == NULL)
    {
      /* In two lines it leaves room in a narrow window. */
      gtk_label_set_wrap (GTK_LABEL (label), TRUE);
      gtk_label_set_natural_wrap_mode (GTK_LABEL (label), GTK_NATURAL_WRAP_NONE);
      gtk_label_set_xalign (GTK_LABEL (label), 1);
      gtk_label_set_justify (GTK_LABEL (label), GTK_JUSTIFY_RIGHT);
    }
  gtk_widget_add_css_class (label, "setting-when");
  gtk_widget_set_visible (label, FALSE);
  return self;
}

GtkWidget *
lodge_setting_link_get_mark (LodgeSettingLink *self)
{
  return self->mark;
}

const char *
lodge_setting_link_get_key (LodgeSettingLink *self)
{
  return self->key;
}

void
lodge_setting_link_set_row (LodgeSettingLink *self, GtkWidget *row)
{
  g_clear_weak_pointer (&self->row);
  g_set_weak_pointer (&self->row, row);
}

void
lodge_setting_link_set_item (LodgeSettingLink *self, LodgeMachineItem *item)
{
  /* What was asked about another machine is not for this one. */
  drop_question (self);
  drop_notice (self);
  drop_item (self);
  self->item = g_object_ref (item);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  update (self);
}

LodgeMachineItem *
lodge_setting_link_get_item (LodgeSettingLink *self)
{
  return self->item;
}

void
lodge_setting_link_change (LodgeSettingLink *self, GVariant *value, const char *done)
{
  g_autoptr (GVariant) own = g_variant_ref_sink (value);
  LodgeIpcMachine *proxy = self->item != NULL ? lodge_machine_item_get_proxy (self->item) : NULL;
  g_autoptr (GVariant) present = self->item != NULL ? lodge_machine_item_lookup_setting (self->item, self->key) : NULL;
  GVariantBuilder settings;
  LodgeUndo *undo;

  drop_question (self);
  drop_notice (self);
  if (proxy == NULL || (present != NULL && g_variant_equal (present, own)))
    {
      g_signal_emit (self, signals[CHANGED], 0);
      return;
    }

  undo = self->row != NULL ? lodge_undo_find (self->row) : NULL;
  g_set_object (&self->undo, undo);
  self->value = g_steal_pointer (&own);
  self->done = g_strdup (done);
  self->cancellable = g_cancellable_new ();
  g_variant_builder_init (&settings, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&settings, "{sv}", self->key, self->value);
  lodge_ipc_machine_call_check_settings (proxy, g_variant_builder_end (&settings), g_variant_new ("a{sv}", NULL),
                                         self->cancellable, checked_cb, g_object_ref (self));
}
