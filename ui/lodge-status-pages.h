/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/* Pages that most starts do not show: each is made when it is wanted. */

GtkWidget *lodge_status_page_connecting (void);

/* @status: (out) (transfer none): for its title and description
 * @button: (out) (transfer none): what can be done */
GtkWidget *lodge_status_page_trouble    (AdwStatusPage **status, GtkButton **button);

/* What is to be done about the core: one of another version cannot be talked to, so this window has to be the other one. */
void       lodge_status_page_set_remedy (GtkButton *button, LodgeLibraryStatus status);

/* @try_button: (out) (transfer none): shown where there is a demo */
GtkWidget *lodge_status_page_welcome    (GMenuModel *menu, GtkWidget **try_button);

/* A machine that cannot be read, with what to do about it. */
GtkWidget *lodge_status_page_broken     (GtkWidget **restore, GtkWidget **separate);

/* A popover is made of the menu when it is first opened; a menu of twenty entries is a hundred widgets. */
void       lodge_menu_button_set_menu   (GtkMenuButton *button, GMenuModel *menu);

G_END_DECLS
