/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-undo.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-feedback.h"

/* More is nobody's wish, and each keeps its machine's item alive. */
#define ENTRIES_MAX 50u
#define DATA_KEY "lodge-undo"

typedef struct
{
  guint number;
  char *title;     /* (owned) */
  GClosure *undo;  /* (owned) */
  AdwToast *toast; /* (weak) (nullable) */
} Entry;

struct _LodgeUndo
{
  GObject parent_instance;

  GQueue entries; /* of Entry, the latest first */
  guint last_number;
};

static guint changed_signal;

G_DEFINE_FINAL_TYPE (LodgeUndo, lodge_undo, G_TYPE_OBJECT)

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_clear_weak_pointer (&entry->toast);
  g_closure_unref (entry->undo);
  g_free (entry->title);
  g_free (entry);
}

static void
run (LodgeUndo *self, GList *link, GtkWidget *from)
{
  Entry *entry = link->data;
  GValue where = G_VALUE_INIT;

  /* First: what is called may add something, and must not find this one. */
  g_queue_delete_link (&self->entries, link);
  g_value_init (&where, GTK_TYPE_WIDGET);
  g_value_set_object (&where, from);
  g_closure_invoke (entry->undo, NULL, 1, &where, NULL);
  g_value_unset (&where);
  if (entry->toast != NULL)
    adw_toast_dismiss (entry->toast);
  entry_free (entry);
  g_signal_emit (self, changed_signal, 0);
}

static void
lodge_undo_finalize (GObject *object)
{
  g_queue_clear_full (&LODGE_UNDO (object)->entries, entry_free);

  G_OBJECT_CLASS (lodge_undo_parent_class)->finalize (object);
}

static void
lodge_undo_class_init (LodgeUndoClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_undo_finalize;

  changed_signal = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 0);
}

static void
lodge_undo_init (LodgeUndo *self)
{
  g_queue_init (&self->entries);
}

LodgeUndo *
lodge_undo_new (void)
{
  return g_object_new (LODGE_TYPE_UNDO, NULL);
}

static void
update_action (LodgeUndo *self, GSimpleAction *action)
{
  const char *title = lodge_undo_get_title (self);

  g_simple_action_set_enabled (action, title != NULL);
  g_simple_action_set_state (action, g_variant_new_string (title != NULL ? title : ""));
}

static void
activate_cb (GtkWidget *window)
{
  LodgeUndo *self = lodge_undo_find (window);

  if (self != NULL)
    lodge_undo_take_last (self, window);
}

void
lodge_undo_attach (LodgeUndo *self, GtkApplicationWindow *window)
{
  g_autoptr (GSimpleAction) action = g_simple_action_new_stateful ("undo", NULL, g_variant_new_string (""));

  g_object_set_data_full (G_OBJECT (window), DATA_KEY, g_object_ref (self), g_object_unref);
  g_signal_connect_object (self, "changed", G_CALLBACK (update_action), action, 0);
  g_signal_connect_object (action, "activate", G_CALLBACK (activate_cb), window, G_CONNECT_SWAPPED);
  g_action_map_add_action (G_ACTION_MAP (window), G_ACTION (action));
  update_action (self, action);
}

LodgeUndo *
lodge_undo_find (GtkWidget *from)
{
  GtkRoot *root = gtk_widget_get_root (from);

  for (GtkWindow *window = GTK_IS_WINDOW (root) ? GTK_WINDOW (root) : NULL; window != NULL;
       window = gtk_window_get_transient_for (window))
    {
      LodgeUndo *self = g_object_get_data (G_OBJECT (window), DATA_KEY);

      if (self != NULL)
        return self;
    }
  return NULL;
}

guint
lodge_undo_add (LodgeUndo *self, const char *title, GCallback undo, gpointer user_data, GClosureNotify destroy,
                AdwToast *toast)
{
  Entry *entry = g_new0 (Entry, 1);

  entry->number = ++self->last_number;
  entry->title = g_strdup (title);
  entry->undo = g_closure_ref (g_cclosure_new_swap (undo, user_data, destroy));
  g_closure_sink (entry->undo);
  g_closure_set_marshal (entry->undo, g_cclosure_marshal_VOID__VOID);
  g_set_weak_pointer (&entry->toast, toast);
  g_queue_push_head (&self->entries, entry);
  if (self->entries.length > ENTRIES_MAX)
    entry_free (g_queue_pop_tail (&self->entries));
  g_signal_emit (self, changed_signal, 0);
  return entry->number;
}

void
lodge_undo_take (LodgeUndo *self, guint number, GtkWidget *from)
{
  for (GList *link = self->entries.head; link != NULL; link = link->next)
    {
      Entry *entry = link->data;

      if (entry->number != number)
        continue;
      /* It goes by itself once its button was pressed. */
      g_clear_weak_pointer (&entry->toast);
      run (self, link, from);
      return;
    }
}

void
lodge_undo_take_last (LodgeUndo *self, GtkWidget *from)
{
  Entry *latest = g_queue_peek_head (&self->entries);
  g_autofree char *text = NULL;

  if (latest == NULL)
    return;
  /* Translators: what is being taken back: "Undo: Memory: 4 GB" */
  text = g_strdup_printf (_("Undo: %s"), latest->title);
  /* First: what cannot be taken back says so in a toast of its own. */
  lodge_feedback_toast (from, text);
  run (self, self->entries.head, from);
}

const char *
lodge_undo_get_title (LodgeUndo *self)
{
  Entry *latest = g_queue_peek_head (&self->entries);

  return latest != NULL ? latest->title : NULL;
}
