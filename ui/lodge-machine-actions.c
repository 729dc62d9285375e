/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-machine-actions.h"

#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error.h"
#include "ui/lodge-clone.h"
#include "ui/lodge-clone-dialog.h"
#include "ui/lodge-desktop-entry.h"
#include "ui/lodge-family.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-snapshot-take.h"

struct _LodgeMachineActions
{
  GObject parent_instance;

  LodgeLibrary *library;     /* (owned) */
  LodgeMachineItem *item;    /* (owned) */
  GtkWidget *widget;         /* (weak) (nullable) */
  gboolean inserted;
  gboolean restarting;       /* to be started as soon as it is off */
  GSimpleActionGroup *group; /* (owned) */
};

G_DEFINE_FINAL_TYPE (LodgeMachineActions, lodge_machine_actions, G_TYPE_OBJECT)

#define STATE(name) (1u << LODGE_MACHINE_##name)
#define UP (STATE (RUNNING) | STATE (PAUSED) | STATE (STOPPING))
#define ANY (UP | STATE (OFF) | STATE (STARTING) | STATE (BROKEN) | STATE (SAVING) | STATE (SAVED))

typedef struct
{
  const char *action;
  const char *method;   /* (nullable) of the Machine interface, called with an empty a{sv} */
  guint states;         /* in which it is allowed, the table of docs/DBUS */
  const char *heading;  /* of the error dialog */
} Verb;

static const Verb verbs[] = {
  { "start", "Start", STATE (OFF) | STATE (SAVED), N_("“%s” Could Not Be Started") },
  { "pause", "Pause", STATE (RUNNING) | STATE (STOPPING), N_("“%s” Could Not Be Paused") },
  { "resume", "Resume", STATE (PAUSED), N_("“%s” Could Not Be Resumed") },
  { "reset", "Reset", UP, N_("“%s” Could Not Be Restarted") },
  { "shutdown", "Shutdown", STATE (RUNNING) | STATE (STOPPING), N_("“%s” Could Not Be Asked to Shut Down") },
  { "restart", "Shutdown", STATE (RUNNING) | STATE (STOPPING), N_("“%s” Could Not Be Asked to Shut Down") },
  { "revert", NULL, UP, N_("The Changes of “%s” Could Not Be Taken Back") },
  { "save", "Save", STATE (RUNNING) | STATE (PAUSED), N_("“%s” Could Not Be Saved") },
  { "discard-saved", "DiscardSaved", STATE (SAVED), N_("What “%s” Had Saved Could Not Be Dropped") },
  { "force-off", "ForceOff", UP | STATE (STARTING) | STATE (SAVING), N_("“%s” Could Not Be Switched Off") },
  { "restore-previous", "RestorePrevious", STATE (BROKEN), N_("“%s” Could Not Be Restored") },
  { "make-separate", "MakeSeparate", STATE (BROKEN), N_("“%s” Could Not Be Made a Separate Machine") },
  { "send-keys", NULL, UP, N_("The Keys Could Not Be Sent to “%s”") },
  { "delete", NULL, STATE (OFF) | STATE (BROKEN) | STATE (SAVED), N_("“%s” Could Not Be Deleted") },
  { "snapshot", NULL, STATE (OFF) | STATE (RUNNING) | STATE (PAUSED) | STATE (SAVED), NULL },
  { "clone", NULL, ANY & ~STATE (BROKEN), NULL },
  { "clone-start", NULL, ANY & ~STATE (BROKEN), NULL },
  { "disposable", NULL, ANY & ~STATE (BROKEN), NULL },
  { "make-template", NULL, STATE (OFF) | STATE (SAVED), NULL },
  { "make-machine", NULL, STATE (OFF) | STATE (SAVED), NULL },
  { "show-log", NULL, ANY, NULL },
  { "show-file", NULL, ANY, NULL },
  { "add-to-applications", NULL, ANY & ~STATE (BROKEN), N_("“%s” Could Not Be Added to the Applications") },
  { "remove-from-applications", NULL, ANY, N_("“%s” Could Not Be Taken from the Applications") },
};

typedef struct
{
  LodgeMachineActions *self; /* (owned) */
  const Verb *verb;
} Call;

static Call *
call_new (LodgeMachineActions *self, const Verb *verb)
{
  Call *call = g_new0 (Call, 1);

  call->self = g_object_ref (self);
  call->verb = verb;
  lodge_machine_item_push_busy (self->item);
  return call;
}

/* Why it is not deleted, and what could be done, is on the page of its family. */
static gboolean
show_dependants (LodgeMachineActions *self)
{
  g_autofree char *title = NULL;

  if (self->widget == NULL || !gtk_widget_activate_action (self->widget, "win.family", NULL))
    return FALSE;
  title = g_strdup_printf (_("“%s” stays: other machines are built on it"), lodge_machine_item_get_name (self->item));
  lodge_feedback_toast (self->widget, title);
  return TRUE;
}

static void
call_end (Call *call, GError *error)
{
  LodgeMachineActions *self = call->self;
  g_autofree char *heading = NULL;

  lodge_machine_item_pop_busy (self->item);
  if (error != NULL)
    lodge_error_normalize (error);
  if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_HAS_DEPENDANTS) && g_str_equal (call->verb->action, "delete") &&
      show_dependants (self))
    g_clear_error (&error);
  else if (error != NULL && self->widget != NULL)
    {
      heading = g_strdup_printf (_(call->verb->heading), lodge_machine_item_get_name (self->item));
      lodge_feedback_error (self->widget, heading, error, self->item);
    }
  else
    g_clear_error (&error);
  g_object_unref (self);
  g_free (call);
}

static void
called_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;
  g_autoptr (GVariant) reply G_GNUC_UNUSED = g_dbus_proxy_call_finish (G_DBUS_PROXY (source), result, &error);

  call_end (user_data, error);
}

static void
undeleted_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;
  Call *call = user_data;
  LodgeMachineActions *self = call->self;

  lodge_ipc_core_call_undelete_finish (LODGE_IPC_CORE (source), NULL, result, &error);
  if (error != NULL && self->widget != NULL)
    lodge_feedback_error (self->widget, _("The Machine Could Not Be Brought Back"), error, NULL);
  else
    g_clear_error (&error);
  g_object_unref (self);
  g_free (call);
}

static void
undo_delete_cb (LodgeMachineActions *self)
{
  LodgeIpcCore *core = lodge_library_get_core (self->library);
  Call *call;

  /* It may have been brought back otherwise. */
  if (core == NULL || lodge_library_find (self->library, lodge_machine_item_get_object_path (self->item)) != NULL)
    return;
  call = g_new0 (Call, 1);
  call->self = g_object_ref (self);
  lodge_ipc_core_call_undelete (core, lodge_machine_item_get_id (self->item), g_variant_new ("a{sv}", NULL), NULL,
                                undeleted_cb, call);
}

static void
unref_closure_data (gpointer data, GClosure *closure)
{
  g_object_unref (data);
}

/* @size: of what lies in the trash; 0 when it is not known */
static void
tell_deleted (LodgeMachineActions *self, guint64 size)
{
  const char *name = lodge_machine_item_get_name (self->item);
  g_autofree char *bytes = g_format_size (size);
  /* Translators: name of the machine, size of what lies in the trash: "“Debian” deleted, 12 GB" */
  g_autofree char *title = size > 0 ? g_strdup_printf (_("“%s” deleted, %s"), name, bytes)
                                    : g_strdup_printf (_("“%s” deleted"), name);

  if (self->widget != NULL)
    lodge_feedback_undo_toast (self->widget, title, G_CALLBACK (undo_delete_cb), g_object_ref (self),
                               unref_closure_data);
}

static void
trash_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeMachineActions) self = user_data;
  g_autoptr (GVariant) entries = NULL;
  GVariantIter iter;
  GVariant *entry;
  guint64 size = 0;

  lodge_ipc_core_call_list_trash_finish (LODGE_IPC_CORE (source), &entries, result, NULL);
  if (entries != NULL)
    {
      g_variant_iter_init (&iter, entries);
      while ((entry = g_variant_iter_next_value (&iter)) != NULL)
        {
          const char *id = "";

          g_variant_lookup (entry, "id", "&s", &id);
          if (g_str_equal (id, lodge_machine_item_get_id (self->item)))
            g_variant_lookup (entry, "size", "t", &size);
          g_variant_unref (entry);
        }
    }
  tell_deleted (self, size);
}

static void
deleted_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;
  Call *call = user_data;
  LodgeMachineActions *self = call->self;

  if (lodge_ipc_machine_call_delete_finish (LODGE_IPC_MACHINE (source), result, &error))
    {
      LodgeIpcCore *core = lodge_library_get_core (self->library);

      /* An application that opens nothing would be left behind. */
      lodge_desktop_entry_remove (lodge_machine_item_get_id (self->item), NULL);
      if (core != NULL)
        lodge_ipc_core_call_list_trash (core, g_variant_new ("a{sv}", NULL), NULL, trash_cb, g_object_ref (self));
      else
        tell_deleted (self, 0);
    }
  call_end (call, error);
}

static void
reverted_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;

  lodge_ipc_machine_call_set_settings_finish (LODGE_IPC_MACHINE (source), NULL, result, &error);
  call_end (user_data, error);
}

static void
revert (LodgeMachineActions *self, const Verb *verb)
{
  g_autoptr (GVariant) running = lodge_machine_item_dup_running_settings (self->item);

  if (running != NULL)
    lodge_ipc_machine_call_set_settings (lodge_machine_item_get_proxy (self->item), running,
                                         g_variant_new ("a{sv}", NULL), NULL, reverted_cb, call_new (self, verb));
}

static void update (LodgeMachineActions *self);
static void set_entry (LodgeMachineActions *self, gboolean there, gboolean undoable);

static void
undo_entry_cb (LodgeMachineActions *self)
{
  set_entry (self, !lodge_desktop_entry_exists (lodge_machine_item_get_id (self->item)), FALSE);
}

/* The machine among the applications of the desktop, or not. */
static void
set_entry (LodgeMachineActions *self, gboolean there, gboolean undoable)
{
  const char *name = lodge_machine_item_get_name (self->item);
  GError *error = NULL;
  g_autofree char *title = NULL;

  if (there)
    lodge_desktop_entry_write (self->item, &error);
  else
    lodge_desktop_entry_remove (lodge_machine_item_get_id (self->item), &error);
  update (self);
  if (self->widget == NULL || (error == NULL && !undoable))
    {
      g_clear_error (&error);
      return;
    }
  if (error != NULL)
    {
      title = g_strdup_printf (there ? _("“%s” Could Not Be Added to the Applications")
                                     : _("“%s” Could Not Be Taken from the Applications"), name);
      lodge_feedback_error (self->widget, title, error, NULL);
      return;
    }
  title = g_strdup_printf (there ? _("“%s” is among the applications") : _("“%s” taken from the applications"), name);
  lodge_feedback_undo_toast (self->widget, title, G_CALLBACK (undo_entry_cb), g_object_ref (self),
                             unref_closure_data);
}

static const Verb *
find_verb (const char *action)
{
  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    if (g_str_equal (verbs[i].action, action))
      return &verbs[i];

  g_return_val_if_reached (NULL);
}

static void
show_file (LodgeMachineActions *self)
{
  g_autofree char *uri = g_filename_to_uri (lodge_machine_item_get_folder (self->item), NULL, NULL);

  if (uri != NULL)
    gtk_show_uri (GTK_WINDOW (gtk_widget_get_root (self->widget)), uri, GDK_CURRENT_TIME);
}

/* Returns: whether it was one of these */
static gboolean
activate_family (LodgeMachineActions *self, const char *action)
{
  LodgeCloneOrder order = { .count = 1, .start = TRUE };

  if (g_str_equal (action, "snapshot"))
    lodge_snapshot_take (self->widget, self->item);
  else if (g_str_equal (action, "clone"))
    lodge_clone_dialog_present (self->widget, self->library, self->item, NULL);
  else if (g_str_equal (action, "clone-start"))
    lodge_clone (self->widget, self->library, self->item, &order);
  else if (g_str_equal (action, "disposable"))
    lodge_clone_disposable (self->widget, self->item, NULL);
  else if (g_str_equal (action, "make-template") || g_str_equal (action, "make-machine"))
    lodge_family_set_template (self->widget, self->item, g_str_equal (action, "make-template"));
  else
    return FALSE;
  return TRUE;
}

/* Whether the core can do it, and whether it makes sense for this machine. */
static gboolean
is_possible (LodgeMachineActions *self, const char *action)
{
  gboolean template = lodge_machine_item_is_template (self->item);
  gboolean disposable = lodge_machine_item_is_disposable (self->item);

  if (g_str_equal (action, "save"))
    return lodge_library_has_feature (self->library, "save") && !disposable;
  if (g_str_equal (action, "snapshot"))
    return lodge_library_has_feature (self->library, "snapshots") && !disposable;
  if (g_str_equal (action, "clone") || g_str_equal (action, "disposable"))
    return lodge_clone_is_possible (self->library, self->item) && !disposable;
  if (g_str_equal (action, "clone-start"))
    return lodge_clone_is_possible (self->library, self->item) && template;
  if (g_str_equal (action, "make-template"))
    return lodge_library_has_feature (self->library, "template") && !template && !disposable &&
           (lodge_machine_item_get_state (self->item) == LODGE_MACHINE_OFF ||
            lodge_library_has_feature (self->library, "clone-running"));
  if (g_str_equal (action, "make-machine"))
    return lodge_library_has_feature (self->library, "template") && template;
  if (g_str_equal (action, "restart") || g_str_equal (action, "revert"))
    return lodge_machine_item_get_n_pending (self->item) > 0;
  return TRUE;
}

static void
activate_cb (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  LodgeMachineActions *self = user_data;
  const Verb *verb = find_verb (g_action_get_name (G_ACTION (action)));
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (self->item);
  GVariant *options;

  if (self->widget == NULL)
    return;
  if (g_str_equal (verb->action, "show-file"))
    {
      show_file (self);
      return;
    }
  if (g_str_has_suffix (verb->action, "-applications"))
    {
      set_entry (self, g_str_has_prefix (verb->action, "add"), TRUE);
      return;
    }
  if (g_str_equal (verb->action, "show-log"))
    {
      lodge_feedback_show_log (self->widget, self->item);
      return;
    }
  if (proxy == NULL)
    return;

  if (verb->method == NULL && activate_family (self, verb->action))
    return;
  if (g_str_equal (verb->action, "revert"))
    {
      revert (self, verb);
      return;
    }

  self->restarting = g_str_equal (verb->action, "restart");
  options = g_variant_new ("a{sv}", NULL);
  if (g_str_equal (verb->action, "send-keys"))
    g_dbus_proxy_call (G_DBUS_PROXY (proxy), "SendKeys", g_variant_new ("(@as@a{sv})", parameter, options),
                       G_DBUS_CALL_FLAGS_NONE, -1, NULL, called_cb, call_new (self, verb));
  else if (g_str_equal (verb->action, "delete"))
    lodge_ipc_machine_call_delete (proxy, options, NULL, deleted_cb, call_new (self, verb));
  else
    g_dbus_proxy_call (G_DBUS_PROXY (proxy), verb->method, g_variant_new ("(@a{sv})", options),
                       G_DBUS_CALL_FLAGS_NONE, -1, NULL, called_cb, call_new (self, verb));
}

static void
start_again (LodgeMachineActions *self)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (self->item);

  if (!self->restarting || proxy == NULL || lodge_machine_item_get_state (self->item) != LODGE_MACHINE_OFF)
    return;
  self->restarting = FALSE;
  lodge_ipc_machine_call_start (proxy, g_variant_new ("a{sv}", NULL), NULL, called_cb,
                                call_new (self, find_verb ("start")));
}

static void
update (LodgeMachineActions *self)
{
  guint state = 1u << lodge_machine_item_get_state (self->item);
  gboolean there = lodge_machine_item_is_connected (self->item);
  gboolean entry = lodge_desktop_entry_exists (lodge_machine_item_get_id (self->item));
  const char *fault = lodge_machine_item_fault_string (self->item, "code", "");

  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    {
      GAction *action = g_action_map_lookup_action (G_ACTION_MAP (self->group), verbs[i].action);
      gboolean local = g_str_equal (verbs[i].action, "show-file") || g_str_has_suffix (verbs[i].action, "-applications");
      gboolean enabled = (verbs[i].states & state) != 0 && (there || local);

      if (g_str_equal (verbs[i].action, "restore-previous"))
        enabled = enabled && lodge_machine_item_fault_boolean (self->item, "previous");
      if (local && !g_str_equal (verbs[i].action, "show-file"))
        enabled = enabled && g_str_has_prefix (verbs[i].action, "add") != entry;
      enabled = enabled && is_possible (self, verbs[i].action);
      if (g_str_equal (verbs[i].action, "make-separate"))
        enabled = enabled && g_str_equal (fault, "duplicate-id");
      g_simple_action_set_enabled (G_SIMPLE_ACTION (action), enabled);
    }
  start_again (self);
}

static void
lodge_machine_actions_finalize (GObject *object)
{
  LodgeMachineActions *self = LODGE_MACHINE_ACTIONS (object);

  g_clear_weak_pointer (&self->widget);
  g_clear_object (&self->library);
  g_clear_object (&self->item);
  g_clear_object (&self->group);

  G_OBJECT_CLASS (lodge_machine_actions_parent_class)->finalize (object);
}

static void
lodge_machine_actions_class_init (LodgeMachineActionsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_machine_actions_finalize;
}

static void
lodge_machine_actions_init (LodgeMachineActions *self)
{
  self->group = g_simple_action_group_new ();
}

LodgeMachineActions *
lodge_machine_actions_new (LodgeLibrary *library, LodgeMachineItem *item, GtkWidget *widget)
{
  LodgeMachineActions *self = g_object_new (LODGE_TYPE_MACHINE_ACTIONS, NULL);

  self->library = g_object_ref (library);
  self->item = g_object_ref (item);
  g_set_weak_pointer (&self->widget, widget);
  self->inserted = TRUE;

  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    {
      gboolean keys = g_str_equal (verbs[i].action, "send-keys");
      g_autoptr (GSimpleAction) action = g_simple_action_new (verbs[i].action,
                                                              keys ? G_VARIANT_TYPE_STRING_ARRAY : NULL);

      g_signal_connect_object (action, "activate", G_CALLBACK (activate_cb), self, 0);
      g_action_map_add_action (G_ACTION_MAP (self->group), G_ACTION (action));
    }
  g_signal_connect_object (item, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (library, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  gtk_widget_insert_action_group (widget, "machine", G_ACTION_GROUP (self->group));
  return self;
}

GActionGroup *
lodge_machine_actions_get_group (LodgeMachineActions *self)
{
  return G_ACTION_GROUP (self->group);
}

void
lodge_machine_actions_drop (LodgeMachineActions *self)
{
  /* The widget stays known: an answer may come after the page went on to another machine. */
  if (self->widget != NULL && self->inserted)
    gtk_widget_insert_action_group (self->widget, "machine", NULL);
  self->inserted = FALSE;
}
