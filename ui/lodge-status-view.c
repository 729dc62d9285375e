/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-status-view.h"

#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error-text.h"
#include "core/ipc/lodge-paths.h"
#include "ui/lodge-status-pages.h"

struct _LodgeStatusView
{
  AdwBin parent_instance;

  LodgeLibrary *library;     /* (owned) (nullable) until set */
  GMenuModel *menu;          /* (owned) (nullable) until set */

  GtkStack *stack;
  GtkWidget *content;        /* (nullable) until set */
  GtkWidget *welcome_try;    /* (nullable) with its page, which is made when it is wanted, as are */
  GtkWidget *connecting;     /* (nullable) */
  AdwStatusPage *trouble;    /* (nullable) */
  GtkButton *trouble_button; /* (nullable) */
};

enum
{
  PROP_CONTENT = 1,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (LodgeStatusView, lodge_status_view, ADW_TYPE_BIN)

static char *
word_trouble (LodgeStatusView *self)
{
  const GError *error = lodge_library_get_error (self->library);
  g_autoptr (GError) copy = NULL;

  if (lodge_library_get_status (self->library) == LODGE_LIBRARY_WRONG_VERSION)
    return g_strdup (_("The part of Lodge that runs machines is of another version than this window. Restart "
                       "Lodge; your machines keep running."));
  if (error == NULL)
    return g_strdup (_("Lodge’s core ended. It is being started again."));
  copy = g_error_copy (error);
  lodge_error_normalize (copy);
  if (g_error_matches (copy, LODGE_ERROR, LODGE_ERROR_CORE_GONE))
    {
      /* A core that could not be started cannot say why; this much can be seen from here. */
      g_autoptr (LodgePaths) paths = lodge_paths_new ();
      char *cause = lodge_data_folder_text (paths->data_dir);

      if (cause != NULL)
        return cause;
    }
  return lodge_error_text (copy, NULL);
}

static void
show_trouble (LodgeStatusView *self)
{
  LodgeLibraryStatus status = lodge_library_get_status (self->library);
  g_autofree char *sentence = word_trouble (self);
  g_autofree char *escaped = g_markup_escape_text (sentence, -1);

  if (self->trouble == NULL)
    gtk_stack_add_named (self->stack, lodge_status_page_trouble (&self->trouble, &self->trouble_button), "trouble");
  adw_status_page_set_title (self->trouble, status == LODGE_LIBRARY_WRONG_VERSION
                                              ? _("Lodge Was Updated")
                                              : _("Lodge’s Core Does Not Answer"));
  adw_status_page_set_description (self->trouble, escaped);
  lodge_status_page_set_remedy (self->trouble_button, status);
  gtk_stack_set_visible_child_name (self->stack, "trouble");
}

static void
show_welcome (LodgeStatusView *self)
{
  if (self->welcome_try == NULL)
    gtk_stack_add_named (self->stack, lodge_status_page_welcome (self->menu, &self->welcome_try), "welcome");
  gtk_widget_set_visible (self->welcome_try, lodge_library_has_feature (self->library, "demo"));
  gtk_stack_set_visible_child_name (self->stack, "welcome");
}

static void
show_connecting (LodgeStatusView *self)
{
  if (self->connecting == NULL)
    {
      self->connecting = lodge_status_page_connecting ();
      gtk_stack_add_child (self->stack, self->connecting);
    }
  gtk_stack_set_visible_child (self->stack, self->connecting);
}

static void
lodge_status_view_dispose (GObject *object)
{
  LodgeStatusView *self = LODGE_STATUS_VIEW (object);

  g_clear_object (&self->library);
  g_clear_object (&self->menu);

  G_OBJECT_CLASS (lodge_status_view_parent_class)->dispose (object);
}

static void
lodge_status_view_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_object (value, LODGE_STATUS_VIEW (object)->content);
}

static void
lodge_status_view_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  LodgeStatusView *self = LODGE_STATUS_VIEW (object);

  g_return_if_fail (self->content == NULL);
  self->content = g_value_get_object (value);
  gtk_stack_add_child (self->stack, self->content);
}

static void
lodge_status_view_class_init (LodgeStatusViewClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = lodge_status_view_dispose;
  object_class->get_property = lodge_status_view_get_property;
  object_class->set_property = lodge_status_view_set_property;

  g_object_class_install_property (object_class, PROP_CONTENT,
                                   g_param_spec_object ("content", NULL, NULL, GTK_TYPE_WIDGET,
                                                        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
}

static void
lodge_status_view_init (LodgeStatusView *self)
{
  self->stack = GTK_STACK (gtk_stack_new ());
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->stack));
}

void
lodge_status_view_setup (LodgeStatusView *self, LodgeLibrary *library, GMenuModel *menu)
{
  g_return_if_fail (self->library == NULL);

  self->library = g_object_ref (library);
  self->menu = g_object_ref (menu);
}

void
lodge_status_view_update (LodgeStatusView *self, gboolean animate)
{
  LodgeLibraryStatus status = lodge_library_get_status (self->library);
  gboolean any = g_list_model_get_n_items (lodge_library_get_machines (self->library)) > 0;

  gtk_stack_set_transition_type (self->stack,
                                 animate ? GTK_STACK_TRANSITION_TYPE_CROSSFADE : GTK_STACK_TRANSITION_TYPE_NONE);
  if (any)
    gtk_stack_set_visible_child (self->stack, self->content);
  else if (status == LODGE_LIBRARY_READY)
    show_welcome (self);
  else if (status == LODGE_LIBRARY_CONNECTING)
    show_connecting (self);
  else
    show_trouble (self);
  /* On a page that is not shown its spinner would go on, and the window be drawn sixty times a second. */
  if (self->connecting != NULL && gtk_stack_get_visible_child (self->stack) != self->connecting)
    {
      gtk_stack_remove (self->stack, self->connecting);
      self->connecting = NULL;
    }
}
