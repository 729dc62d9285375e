/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A guest without an operating system, for the tests of display/: sets 800x600 at 32 bits on
 * QEMU's standard VGA, paints a picture that differs in every pixel, and then tells each scancode
 * on the debug console (port 0xe9, "key 1e"). A key changes the 64x64 pixels at the top left.
 */

#include "guest.h"

#define WIDTH 800
#define HEIGHT 600
#define BLOCK 64

#define KEYBOARD_STATUS 0x64
#define KEYBOARD_DATA 0x60
#define VGA_ID 0x11111234       /* device 1111 of vendor 1234 */

/* The registers of the "Bochs VBE" interface lie at 0x500 of the second memory window. */
static volatile u32 *
set_mode (u32 device)
{
  volatile u16 *vbe = (volatile u16 *) ((read_pci (device, 0x18) & ~15u) + 0x500);

  vbe[4] = 0;            /* off */
  vbe[1] = WIDTH;
  vbe[2] = HEIGHT;
  vbe[3] = 32;
  vbe[4] = 0x41;         /* on, linear */
  in8 (0x3da);           /* the attribute controller takes an index next: picture on */
  out8 (0x3c0, 0x20);
  return (volatile u32 *) (read_pci (device, 0x10) & ~15u);
}

void
guest_main (void)
{
  static const char digits[] = "0123456789abcdef";
  u32 device = find_pci (VGA_ID), n_keys = 0;
  volatile u32 *pixels;

  if (device == NO_DEVICE)
    {
      say ("no VGA\n");
      return;
    }
  pixels = set_mode (device);
  for (u32 y = 0; y < HEIGHT; y++)
    for (u32 x = 0; x < WIDTH; x++)
      pixels[y * WIDTH + x] = (x & 0xff) << 16 | (y & 0xff) << 8 | ((x >> 8) << 4 | y >> 8);
  wait_for_line_only (KEYBOARD_LINE);
  say ("painted\n");

  for (;;)
    {
      halt ();
      while (in8 (KEYBOARD_STATUS) & 1)
        {
          u8 code = in8 (KEYBOARD_DATA);
          char text[] = "key xx\n";

          text[4] = digits[code >> 4];
          text[5] = digits[code & 15];
          n_keys++;
          for (u32 y = 0; y < BLOCK; y++)
            for (u32 x = 0; x < BLOCK; x++)
              pixels[y * WIDTH + x] = n_keys * 0x3f1f77;
          say (text);
        }
    }
}
