/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/lodge-notifier.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-machine-text.h"

struct _LodgeNotifier
{
  GObject parent_instance;

  GtkApplication *application;
  LodgeLibrary *library; /* (owned) */
};

G_DEFINE_FINAL_TYPE (LodgeNotifier, lodge_notifier, G_TYPE_OBJECT)

static gboolean
is_looked_at (LodgeNotifier *self)
{
  for (GList *l = gtk_application_get_windows (self->application); l != NULL; l = l->next)
    if (gtk_window_is_active (l->data))
      return TRUE;

  return FALSE;
}

static char *
notification_id (LodgeMachineItem *item)
{
  return g_strconcat ("machine-", lodge_machine_item_get_id (item), NULL);
}

/* Whether the state is trouble or the guest's own doing; what the person asked for needs no news. */
static gboolean
is_news (LodgeMachineItem *item)
{
  static const char *const ends[] = { "crashed", "kvm-failed", "killed", "guest-panicked", "internal-error", "folder-gone",
                                      "guest-shutdown", NULL };
  static const char *const pauses[] = { "disk-full", "io-error", "internal-error", "guest-panicked", NULL };
  const char *reason = lodge_machine_item_get_state_reason (item);

  switch (lodge_machine_item_get_state (item))
    {
    case LODGE_MACHINE_OFF:
      return g_strv_contains (ends, reason);
    case LODGE_MACHINE_PAUSED:
      return g_strv_contains (pauses, reason);
    case LODGE_MACHINE_BROKEN:
    case LODGE_MACHINE_STARTING:
    case LODGE_MACHINE_RUNNING:
    case LODGE_MACHINE_STOPPING:
    case LODGE_MACHINE_SAVING:
    case LODGE_MACHINE_SAVED:
    default:
      return FALSE;
    }
}

static void
state_cb (LodgeNotifier *self, GParamSpec *pspec, LodgeMachineItem *item)
{
  const char *name = lodge_machine_item_get_name (item);
  gboolean paused = lodge_machine_item_get_state (item) == LODGE_MACHINE_PAUSED;
  g_autofree char *id = notification_id (item);
  g_autofree char *body = NULL;
  g_autofree char *title = NULL;
  g_autoptr (GNotification) notification = NULL;

  if (!is_news (item))
    {
      /* It runs again: what was said before is over. */
      if (lodge_machine_item_is_up (item))
        g_application_withdraw_notification (G_APPLICATION (self->application), id);
      return;
    }
  if (is_looked_at (self))
    return;

  title = paused ? g_strdup_printf (_("“%s” Was Paused"), name) : g_strdup_printf (_("“%s” Stopped"), name);
  body = lodge_machine_text_reason (item);
  notification = g_notification_new (title);
  if (body != NULL)
    g_notification_set_body (notification, body);
  g_notification_set_default_action_and_target (notification, "app.show-machine", "s",
                                                lodge_machine_item_get_id (item));
  g_application_send_notification (G_APPLICATION (self->application), id, notification);
}

static void
machines_changed_cb (LodgeNotifier *self, guint position, guint removed, guint added, GListModel *machines)
{
  for (guint i = position; i < position + added; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i);

      g_signal_connect_object (item, "notify::state", G_CALLBACK (state_cb), self, G_CONNECT_SWAPPED);
    }
}

static void
lodge_notifier_dispose (GObject *object)
{
  g_clear_object (&LODGE_NOTIFIER (object)->library);

  G_OBJECT_CLASS (lodge_notifier_parent_class)->dispose (object);
}

static void
lodge_notifier_class_init (LodgeNotifierClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_notifier_dispose;
}

static void
lodge_notifier_init (LodgeNotifier *self)
{
}

LodgeNotifier *
lodge_notifier_new (GtkApplication *application, LodgeLibrary *library)
{
  LodgeNotifier *self = g_object_new (LODGE_TYPE_NOTIFIER, NULL);
  GListModel *machines = lodge_library_get_machines (library);

  self->application = application;
  self->library = g_object_ref (library);
  g_signal_connect_object (machines, "items-changed", G_CALLBACK (machines_changed_cb), self, G_CONNECT_SWAPPED);
  machines_changed_cb (self, 0, 0, g_list_model_get_n_items (machines), machines);
  return self;
}
