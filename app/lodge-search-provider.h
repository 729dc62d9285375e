/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeSearchProvider:
 *
 * Machines in the search of GNOME Shell: org.gnome.Shell.SearchProvider2 at /org/lodgevm/Lodge/SearchProvider.
 *
 * Signals: "activated" (id): a machine was chosen; "searched" (text): all results are wanted in the window.
 */
#define LODGE_TYPE_SEARCH_PROVIDER (lodge_search_provider_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSearchProvider, lodge_search_provider, LODGE, SEARCH_PROVIDER, GObject)

LodgeSearchProvider *lodge_search_provider_new (LodgeLibrary *library, GDBusConnection *connection, GError **error);

G_END_DECLS
