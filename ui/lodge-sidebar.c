/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-sidebar.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-core-bar.h"
#include "ui/lodge-status-pages.h"
#include "ui/lodge-template-popover.h"

/* Who has more machines knows how they are made. */
#define HINT_MACHINES_MAX 3u

struct _LodgeSidebar
{
  GtkBox parent_instance;

  LodgeLibrary *library; /* (owned) (nullable) until set */
  GSettings *settings;   /* (owned) (nullable) until set */

  AdwHeaderBar *header;
  GtkMenuButton *from_template;
  GtkMenuButton *menu_button;
  GtkToggleButton *search_button;
  LodgeCoreBar *core_bar;
  LodgeMachineList *list;
  GtkRevealer *hint;
};

enum
{
  PROP_FOLDED = 1,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (LodgeSidebar, lodge_sidebar, GTK_TYPE_BOX)

static void
update_hint (LodgeSidebar *self)
{
  guint n = g_list_model_get_n_items (lodge_library_get_machines (self->library));
  gboolean shown;

  shown = n > 0 && g_settings_get_boolean (self->settings, "drop-hint");
  if (shown && n > HINT_MACHINES_MAX)
    {
      g_settings_set_boolean (self->settings, "drop-hint", FALSE);
      shown = FALSE;
    }
  if (shown)
    gtk_widget_set_visible (GTK_WIDGET (self->hint), TRUE);
  gtk_revealer_set_reveal_child (self->hint, shown);
}

/* What a revealer hides is still there for screen readers. */
static void
hint_revealed_cb (LodgeSidebar *self)
{
  if (!gtk_revealer_get_reveal_child (self->hint) && !gtk_revealer_get_child_revealed (self->hint))
    gtk_widget_set_visible (GTK_WIDGET (self->hint), FALSE);
}

static void
create_templates_cb (GtkMenuButton *button, gpointer user_data)
{
  LodgeTemplatePopover *templates;

  if (gtk_menu_button_get_popover (button) != NULL)
    return;
  templates = g_object_new (LODGE_TYPE_TEMPLATE_POPOVER, NULL);
  lodge_template_popover_set_library (templates, LODGE_SIDEBAR (user_data)->library);
  gtk_menu_button_set_popover (button, GTK_WIDGET (templates));
}

static void
lodge_sidebar_dispose (GObject *object)
{
  LodgeSidebar *self = LODGE_SIDEBAR (object);

  g_clear_object (&self->library);
  g_clear_object (&self->settings);

  G_OBJECT_CLASS (lodge_sidebar_parent_class)->dispose (object);
}

static void
lodge_sidebar_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_boolean (value, adw_header_bar_get_show_end_title_buttons (LODGE_SIDEBAR (object)->header));
}

static void
lodge_sidebar_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  adw_header_bar_set_show_end_title_buttons (LODGE_SIDEBAR (object)->header, g_value_get_boolean (value));
}

static void
lodge_sidebar_class_init (LodgeSidebarClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = lodge_sidebar_dispose;
  object_class->get_property = lodge_sidebar_get_property;
  object_class->set_property = lodge_sidebar_set_property;

  g_object_class_install_property (object_class, PROP_FOLDED,
                                   g_param_spec_boolean ("folded", NULL, NULL, FALSE,
                                                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-sidebar.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeSidebar, header);
  gtk_widget_class_bind_template_child (widget_class, LodgeSidebar, from_template);
  gtk_widget_class_bind_template_child (widget_class, LodgeSidebar, menu_button);
  gtk_widget_class_bind_template_child (widget_class, LodgeSidebar, search_button);
  gtk_widget_class_bind_template_child (widget_class, LodgeSidebar, core_bar);
  gtk_widget_class_bind_template_child (widget_class, LodgeSidebar, list);
  gtk_widget_class_bind_template_child (widget_class, LodgeSidebar, hint);
  gtk_widget_class_bind_template_callback (widget_class, hint_revealed_cb);
}

static void
lodge_sidebar_init (LodgeSidebar *self)
{
  g_type_ensure (LODGE_TYPE_CORE_BAR);
  g_type_ensure (LODGE_TYPE_MACHINE_LIST);
  gtk_widget_init_template (GTK_WIDGET (self));
  g_object_bind_property (lodge_machine_list_get_search_bar (self->list), "search-mode-enabled", self->search_button,
                          "active", G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
  gtk_menu_button_set_create_popup_func (self->from_template, create_templates_cb, self, NULL);
}

void
lodge_sidebar_setup (LodgeSidebar *self, LodgeLibrary *library, GSettings *settings, GMenuModel *menu)
{
  g_return_if_fail (self->library == NULL);

  self->library = g_object_ref (library);
  self->settings = g_object_ref (settings);
  lodge_menu_button_set_menu (self->menu_button, menu);
  g_signal_connect_object (lodge_library_get_machines (library), "items-changed", G_CALLBACK (update_hint), self,
                           G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  update_hint (self);
}

LodgeMachineList *
lodge_sidebar_get_list (LodgeSidebar *self)
{
  return self->list;
}

void
lodge_sidebar_update (LodgeSidebar *self)
{
  lodge_core_bar_set_status (self->core_bar, lodge_library_get_status (self->library));
  gtk_widget_set_visible (GTK_WIDGET (self->from_template), lodge_library_has_feature (self->library, "template"));
  gtk_widget_set_sensitive (GTK_WIDGET (self->from_template),
                            lodge_library_get_status (self->library) == LODGE_LIBRARY_READY);
}

void
lodge_sidebar_show_templates (LodgeSidebar *self)
{
  gtk_menu_button_popup (self->from_template);
}

void
lodge_sidebar_hide_hint (LodgeSidebar *self)
{
  g_settings_set_boolean (self->settings, "drop-hint", FALSE);
  update_hint (self);
}
