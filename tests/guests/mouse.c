/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A guest without an operating system, for the tests of a plain mouse: switches the PS/2 mouse on, says "ready" on its
 * serial line, and then after each packet where all motion so far adds up to, right and down, and which buttons are down
 * ("at 120 -7 1").
 */

#include "guest.h"

#define PS2_DATA 0x60
#define PS2_STATUS 0x64
#define PS2_COMMAND 0x64
#define HAS_DATA 0x01
#define IS_BUSY 0x02
#define IS_MOUSE 0x20
#define SELECT_MOUSE 0xd4
#define REPORT 0xf4
#define ACKNOWLEDGED 0xfa

/* In the first byte of a packet. */
#define BUTTONS 0x07
#define FIRST 0x08
#define LEFTWARD 0x10
#define DOWNWARD 0x20

static void
say_number (int number)
{
  char text[12], *start = text + sizeof text;
  u32 size = (u32) (number < 0 ? -number : number);

  *--start = '\0';
  do
    *--start = (char) ('0' + size % 10);
  while ((size /= 10) > 0);
  if (number < 0)
    *--start = '-';
  say_serially (start);
}

static void
command (u16 port, u8 value)
{
  while (in8 (PS2_STATUS) & IS_BUSY)
    ;
  out8 (port, value);
}

static u8
answer (void)
{
  while (!(in8 (PS2_STATUS) & HAS_DATA))
    ;
  return in8 (PS2_DATA);
}

static void
switch_mouse_on (void)
{
  u8 settings;

  command (PS2_COMMAND, 0xad);                  /* no keys in between */
  while (in8 (PS2_STATUS) & HAS_DATA)
    in8 (PS2_DATA);
  command (PS2_COMMAND, 0xa8);
  command (PS2_COMMAND, 0x20);
  settings = answer ();
  command (PS2_COMMAND, 0x60);
  command (PS2_DATA, (u8) ((settings | 0x02) & ~0x21));       /* of the two interrupts the mouse's */
  command (PS2_COMMAND, SELECT_MOUSE);
  command (PS2_DATA, REPORT);
  while (answer () != ACKNOWLEDGED)
    ;
}

void
guest_main (void)
{
  u8 packet[3];
  u32 n = 0;
  int x = 0, y = 0;

  wait_for_line_only (MOUSE_LINE);
  switch_mouse_on ();
  say_serially ("ready\n");
  for (;;)
    {
      if (!(in8 (PS2_STATUS) & HAS_DATA))
        halt ();
      while (in8 (PS2_STATUS) & HAS_DATA)
        {
          packet[n] = in8 (PS2_DATA);
          if (n == 0 && !(packet[0] & FIRST))
            continue;
          if (++n < 3)
            continue;
          n = 0;
          x += packet[1] - (packet[0] & LEFTWARD ? 256 : 0);
          /* A mouse counts upwards. */
          y -= packet[2] - (packet[0] & DOWNWARD ? 256 : 0);
          say_serially ("at ");
          say_number (x);
          say_serially (" ");
          say_number (y);
          say_serially (" ");
          say_number (packet[0] & BUTTONS);
          say_serially ("\n");
        }
    }
}
