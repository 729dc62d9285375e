/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/lodge-application.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "app/lodge-client.h"
#include "app/lodge-notifier.h"
#include "app/lodge-search-provider.h"
#include "core/ipc/lodge-error-text.h"
#include "ui/lodge-console-toast.h"
#include "ui/lodge-console-window.h"
#include "ui/lodge-shortcuts.h"
#include "ui/lodge-window.h"

/* Nobody notices; a core that has to be started takes longer, and the window says so. */
#define WAIT_MS 80u

struct _LodgeApplication
{
  AdwApplication parent_instance;

  LodgeClient *client;  /* (owned) (nullable) until startup */
  GSettings *settings;  /* (owned) (nullable) until startup */
  LodgeWindow *window;  /* (weak) (nullable) */
  LodgeNotifier *notifier;       /* (owned) (nullable) until startup */
  LodgeSearchProvider *provider; /* (owned) (nullable) until the program is on the bus */
  gboolean restart;     /* asked to make place for itself */
  gboolean missed;      /* the one that has the name did not take the command line */
  guint wait_source;    /* the window comes with the machines, or when this one fires */
  GPtrArray *wanted;    /* (owned) names of machines to be opened once the core answers */
};

G_DEFINE_FINAL_TYPE (LodgeApplication, lodge_application, ADW_TYPE_APPLICATION)

static void open_console_cb (LodgeApplication *self, LodgeMachineItem *item);

static LodgeLibrary *
get_library (LodgeApplication *self)
{
  return lodge_client_get_library (self->client);
}

static LodgeWindow *
ensure_window (LodgeApplication *self)
{
  if (self->window == NULL)
    {
      g_set_weak_pointer (&self->window,
                          lodge_window_new (ADW_APPLICATION (self), get_library (self), self->settings));
      g_signal_connect_object (self->window, "open-console", G_CALLBACK (open_console_cb), self, G_CONNECT_SWAPPED);
    }

  return self->window;
}

static gboolean
console_closed_cb (LodgeApplication *self, GtkWindow *console)
{
  LodgeMachineItem *item = lodge_console_window_get_item (LODGE_CONSOLE_WINDOW (console));

  /* A disposable one does not run on; its console asks what becomes of it. */
  if (lodge_machine_item_is_up (item) && !lodge_machine_item_is_disposable (item) && self->window != NULL)
    lodge_console_toast (GTK_WIDGET (self->window), get_library (self), item);
  return FALSE;
}

/* @by_keys: whoever opens it is not using a pointer */
static void
open_console (LodgeApplication *self, LodgeMachineItem *item, gboolean by_keys)
{
  LodgeConsoleWindow *console;

  for (GList *l = gtk_application_get_windows (GTK_APPLICATION (self)); l != NULL; l = l->next)
    if (LODGE_IS_CONSOLE_WINDOW (l->data) && lodge_console_window_get_item (l->data) == item)
      {
        gtk_window_present (l->data);
        return;
      }

  console = lodge_console_window_new (ADW_APPLICATION (self), get_library (self), item, self->settings, by_keys);
  g_signal_connect_object (console, "close-request", G_CALLBACK (console_closed_cb), self, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (console));
}

static void
open_console_cb (LodgeApplication *self, LodgeMachineItem *item)
{
  open_console (self, item, gtk_window_get_focus_visible (GTK_WINDOW (self->window)));
}

typedef struct
{
  LodgeApplication *self; /* (owned) */
  char *text;             /* (owned) */
} Find;

static void
found_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Find *find = user_data;
  LodgeApplication *self = find->self;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  LodgeMachineItem *item = NULL;

  if (lodge_ipc_core_call_find_machine_finish (LODGE_IPC_CORE (source), &path, result, &error))
    item = lodge_library_find (get_library (self), path);

  if (item != NULL)
    open_console (self, item, FALSE);
  else
    {
      LodgeWindow *window = ensure_window (self);
      g_autofree char *sentence = NULL;

      gtk_window_present (GTK_WINDOW (window));
      if (error != NULL)
        {
          LodgeErrorContext about = { .machine = find->text, .lookup = TRUE };

          lodge_error_normalize (error);
          sentence = lodge_error_text (error, &about);
          lodge_window_toast (window, sentence);
        }
    }

  g_application_release (G_APPLICATION (self));
  g_object_unref (self);
  g_free (find->text);
  g_free (find);
}

static void
open_wanted (LodgeApplication *self)
{
  LodgeIpcCore *core = lodge_library_get_core (get_library (self));
  LodgeLibraryStatus status = lodge_library_get_status (get_library (self));

  if (status == LODGE_LIBRARY_CORE_GONE || status == LODGE_LIBRARY_WRONG_VERSION)
    {
      /* The main window says what is wrong; without it there would be none at all. */
      if (self->wanted->len > 0)
        gtk_window_present (GTK_WINDOW (ensure_window (self)));
      for (; self->wanted->len > 0; g_ptr_array_remove_index (self->wanted, 0))
        g_application_release (G_APPLICATION (self));
    }
  if (status != LODGE_LIBRARY_READY)
    return;

  while (self->wanted->len > 0)
    {
      Find *find = g_new0 (Find, 1);

      find->self = g_object_ref (self);
      find->text = g_ptr_array_steal_index (self->wanted, 0);
      /* The hold of the command line is kept until the console is there. */
      lodge_ipc_core_call_find_machine (core, find->text, g_variant_new ("a{sv}", NULL), NULL, found_cb, find);
    }
}

static void
open_machine (LodgeApplication *self, const char *text)
{
  g_application_hold (G_APPLICATION (self));
  g_ptr_array_add (self->wanted, g_strdup (text));
  open_wanted (self);
}

static void
show_machine_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  open_machine (user_data, g_variant_get_string (parameter, NULL));
}

static void
searched_cb (LodgeApplication *self, const char *text)
{
  LodgeWindow *window = ensure_window (self);

  gtk_window_present (GTK_WINDOW (window));
  lodge_window_search (window, text);
}

static void
about_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  LodgeApplication *self = user_data;
  GtkWindow *parent = gtk_application_get_active_window (GTK_APPLICATION (self));

  adw_show_about_window (parent,
                         "application-name", "Lodge",
                         "application-icon", LODGE_APP_ID,
                         "version", LODGE_VERSION,
                         "developer-name", _("The Lodge developers"),
                         "comments", _("Runs other operating systems in windows of their own"),
                         "license-type", GTK_LICENSE_GPL_3_0,
                         NULL);
}

static void
reconnect_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  lodge_client_retry (LODGE_APPLICATION (user_data)->client);
}

static void
shortcuts_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  LodgeApplication *self = user_data;

  lodge_shortcuts_present (gtk_application_get_active_window (GTK_APPLICATION (self)), self->settings);
}

/* The program that is installed now takes this one's place (app/lodge-main.c). */
static void
restart_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  LODGE_APPLICATION (user_data)->restart = TRUE;
  g_action_group_activate_action (G_ACTION_GROUP (user_data), "quit", NULL);
}

static void
quit_action (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  GList *windows;

  while ((windows = gtk_application_get_windows (GTK_APPLICATION (user_data))) != NULL)
    gtk_window_destroy (windows->data);
  g_application_quit (G_APPLICATION (user_data));
}

static void
stop_waiting (LodgeApplication *self)
{
  if (self->wait_source == 0)
    return;
  g_clear_handle_id (&self->wait_source, g_source_remove);
  g_application_release (G_APPLICATION (self));
}

static gboolean
waited_cb (gpointer user_data)
{
  LodgeApplication *self = user_data;

  gtk_window_present (GTK_WINDOW (ensure_window (self)));
  stop_waiting (self);
  return G_SOURCE_REMOVE;
}

static void
library_changed_cb (LodgeApplication *self)
{
  open_wanted (self);
  if (self->wait_source != 0 && lodge_library_get_status (get_library (self)) != LODGE_LIBRARY_CONNECTING)
    waited_cb (self);
}

static void
lodge_application_startup (GApplication *application)
{
  LodgeApplication *self = LODGE_APPLICATION (application);
  g_autofree char *favourite = NULL;
  static const GActionEntry actions[] = {
    { .name = "about", .activate = about_action },
    { .name = "quit", .activate = quit_action },
    { .name = "reconnect", .activate = reconnect_action },
    { .name = "restart", .activate = restart_action },
    { .name = "shortcuts", .activate = shortcuts_action },
    { .name = "show-machine", .activate = show_machine_action, .parameter_type = "s" },
  };

  /* First of all, so that the core answers while the toolkit sets itself up. */
  self->settings = g_settings_new (LODGE_APP_ID);
  favourite = g_settings_get_string (self->settings, "selected-machine");
  self->client = lodge_client_new (g_application_get_dbus_connection (application), favourite);
  G_APPLICATION_CLASS (lodge_application_parent_class)->startup (application);

  gtk_window_set_default_icon_name (LODGE_APP_ID);
  g_signal_connect_object (get_library (self), "changed", G_CALLBACK (library_changed_cb), self, G_CONNECT_SWAPPED);

  self->notifier = lodge_notifier_new (GTK_APPLICATION (self), get_library (self));
  if (g_application_get_dbus_connection (application) != NULL)
    self->provider = lodge_search_provider_new (get_library (self), g_application_get_dbus_connection (application),
                                                NULL);
  if (self->provider != NULL)
    {
      g_signal_connect_object (self->provider, "activated", G_CALLBACK (open_machine), self, G_CONNECT_SWAPPED);
      g_signal_connect_object (self->provider, "searched", G_CALLBACK (searched_cb), self, G_CONNECT_SWAPPED);
    }

  g_action_map_add_action_entries (G_ACTION_MAP (self), actions, G_N_ELEMENTS (actions), self);
}

/* The machines are there in a moment, as a rule: a window that shows that it has none yet would only be drawn for
 * nothing, and be in the way of the one that is wanted. */
static void
lodge_application_activate (GApplication *application)
{
  LodgeApplication *self = LODGE_APPLICATION (application);

  if (self->window != NULL || lodge_library_get_status (get_library (self)) != LODGE_LIBRARY_CONNECTING)
    gtk_window_present (GTK_WINDOW (ensure_window (self)));
  else if (self->wait_source == 0)
    {
      g_application_hold (application);
      self->wait_source = g_timeout_add (WAIT_MS, waited_cb, self);
    }
}

/* An argument is a file when it has a folder in it or is there; machines cannot have '/' in their names. */
static GFile *
file_for_argument (GApplicationCommandLine *command_line, const char *argument)
{
  g_autoptr (GFile) file = g_application_command_line_create_file_for_arg (command_line, argument);

  if (strchr (argument, '/') != NULL || g_file_query_file_type (file, 0, NULL) == G_FILE_TYPE_REGULAR)
    return g_steal_pointer (&file);
  return NULL;
}

static void
open_image (LodgeApplication *self, GFile *file)
{
  LodgeWindow *window = ensure_window (self);

  gtk_window_present (GTK_WINDOW (window));
  lodge_window_new_machine (window, file);
}

static int
lodge_application_command_line (GApplication *application, GApplicationCommandLine *command_line)
{
  LodgeApplication *self = LODGE_APPLICATION (application);
  GVariantDict *options = g_application_command_line_get_options_dict (command_line);
  g_autofree const char **arguments = NULL;
  const char *image = NULL;
  gboolean handled = FALSE;

  if (g_variant_dict_lookup (options, "new", "^&ay", &image))
    {
      g_autoptr (GFile) file = g_application_command_line_create_file_for_arg (command_line, image);

      open_image (self, file);
      handled = TRUE;
    }

  g_variant_dict_lookup (options, G_OPTION_REMAINING, "^a&ay", &arguments);
  for (guint i = 0; arguments != NULL && arguments[i] != NULL; i++)
    {
      g_autoptr (GFile) file = file_for_argument (command_line, arguments[i]);

      handled = TRUE;
      if (file != NULL)
        open_image (self, file);
      else
        open_machine (self, arguments[i]);
    }

  if (!handled)
    g_application_activate (application);
  return 0;
}

static int
lodge_application_handle_local_options (GApplication *application, GVariantDict *options)
{
  g_autoptr (GError) error = NULL;

  if (g_variant_dict_contains (options, "version"))
    {
      g_print ("lodge %s\n", LODGE_VERSION);
      return 0;
    }

  /* Here, because later the toolkit would only print that it failed. */
  if (g_application_register (application, NULL, &error))
    return -1;
  g_printerr ("%s\n", error->message);
  LODGE_APPLICATION (application)->missed = !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  return 1;
}

static gboolean
lodge_application_local_command_line (GApplication *application, char ***arguments, int *status)
{
  GApplicationClass *parent_class = G_APPLICATION_CLASS (lodge_application_parent_class);
  gboolean handled = parent_class->local_command_line (application, arguments, status);

  /* One that takes it says 0. */
  if (handled && *status != 0 && g_application_get_is_registered (application)
      && g_application_get_is_remote (application))
    LODGE_APPLICATION (application)->missed = TRUE;
  return handled;
}

static void
lodge_application_shutdown (GApplication *application)
{
  LodgeApplication *self = LODGE_APPLICATION (application);

  stop_waiting (self);
  g_clear_object (&self->provider);
  g_clear_object (&self->notifier);
  g_clear_object (&self->client);
  g_clear_object (&self->settings);

  G_APPLICATION_CLASS (lodge_application_parent_class)->shutdown (application);
}

static void
lodge_application_finalize (GObject *object)
{
  LodgeApplication *self = LODGE_APPLICATION (object);

  g_clear_weak_pointer (&self->window);
  g_clear_object (&self->client);
  g_clear_object (&self->settings);
  g_clear_pointer (&self->wanted, g_ptr_array_unref);

  G_OBJECT_CLASS (lodge_application_parent_class)->finalize (object);
}

static void
lodge_application_class_init (LodgeApplicationClass *klass)
{
  GApplicationClass *application_class = G_APPLICATION_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = lodge_application_finalize;
  application_class->startup = lodge_application_startup;
  application_class->activate = lodge_application_activate;
  application_class->command_line = lodge_application_command_line;
  application_class->handle_local_options = lodge_application_handle_local_options;
  application_class->local_command_line = lodge_application_local_command_line;
  application_class->shutdown = lodge_application_shutdown;
}

static void
lodge_application_init (LodgeApplication *self)
{
  static const GOptionEntry options[] = {
    { "new", 0, 0, G_OPTION_ARG_FILENAME, NULL, N_("Make a machine from a disc or disk image"), N_("FILE") },
    { "version", 0, 0, G_OPTION_ARG_NONE, NULL, N_("Print the version and exit"), NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, NULL, NULL, N_("[MACHINE|FILE…]") },
    { NULL },
  };

  self->wanted = g_ptr_array_new_with_free_func (g_free);
  g_application_add_main_option_entries (G_APPLICATION (self), options);
  g_application_set_option_context_summary (G_APPLICATION (self), _("Opens Lodge, or the console of a machine."));
}

LodgeApplication *
lodge_application_new (void)
{
  return g_object_new (LODGE_TYPE_APPLICATION,
                       "application-id", LODGE_APP_ID,
                       "resource-base-path", "/org/lodgevm/Lodge",
                       "flags", G_APPLICATION_HANDLES_COMMAND_LINE,
                       NULL);
}

gboolean
lodge_application_wants_restart (LodgeApplication *self)
{
  return self->restart;
}

gboolean
lodge_application_was_missed (LodgeApplication *self)
{
  return self->missed;
}
