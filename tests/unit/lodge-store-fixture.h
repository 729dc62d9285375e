/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-store.h"

G_BEGIN_DECLS

/** StoreFixture: a store in a folder of its own */
typedef struct
{
  char       *base;
  LodgePaths *paths;
  LodgeStore *store;
  GString    *events; /* "added NAME;" in order */
} StoreFixture;

void             store_set_up      (StoreFixture *f, gconstpointer data);
void             store_tear_down   (StoreFixture *f, gconstpointer data);
void             store_reopen      (StoreFixture *f); /* as the next core does */
LodgeStoreEntry *store_make        (StoreFixture *f, const char *name);

/* Files, as a person's own tools change them. */
void             store_put         (const char *folder, const char *name, const char *text);
char            *store_get         (const char *folder, const char *name);
void             store_copy_folder (const char *from, const char *to);

G_END_DECLS
