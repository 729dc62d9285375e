/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parsed once for each library of the core; see ui/pch. */
#include <gio/gio.h>
#include <json-glib/json-glib.h>
