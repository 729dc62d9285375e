/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * QEMU's end of the D-Bus display, in the same main loop as the test: one machine with one graphic
 * console, made from data/dbus/org.qemu.Display1.xml.
 */
typedef struct
{
  int client_fd;                  /* for lodge_display_session_new_async() */
  GDBusConnection *connection;    /* (nullable): once authenticated */
  GDBusConnection *listener;      /* (nullable): once RegisterListener was called and authenticated */
  GDBusNodeInfo *info;
  GArray *exports;                /* of guint: registrations on connection */
  GPtrArray *calls;               /* of char *: "Press (30,)", in the order they came */
  GPtrArray *held;                /* of GDBusMethodInvocation *: answers that are held back */
  gboolean hold;                  /* hold back answers to everything but properties */
  gboolean refuse_size;           /* SetUIInfo fails, as on a plain VGA */
  gboolean absolute;              /* what IsAbsolute says */
  gboolean mouse_absolute;        /* what the mouse really takes */
  guint n_consoles;
  gboolean no_audio;              /* there is no sound; set before the main loop runs */
  guint audio_busy;               /* how many more listeners for sound are refused, as while another is there */
  char *audio_sender;             /* (nullable): whom the last one said it is of */
  GDBusConnection *audio;         /* (nullable): once RegisterOutListener was called and authenticated */
} FakeDisplay;

FakeDisplay *fake_display_new      (void);
void         fake_display_free     (FakeDisplay *self);

/** Answers what is held back and holds nothing back any more. */
void         fake_display_let_go   (FakeDisplay *self);
void         fake_display_set_size (FakeDisplay *self, guint width, guint height);

/** Calls the listener as QEMU does, without waiting; @member of Listener or Listener.Unix.Map */
void         fake_display_send     (FakeDisplay *self, const char *member, GVariant *arguments,
                                    int fd);

/** Calls the listener for sound likewise. */
void         fake_display_send_audio (FakeDisplay *self, const char *member, GVariant *arguments);
GVariant    *fake_display_bytes    (gsize length, guint8 value);
