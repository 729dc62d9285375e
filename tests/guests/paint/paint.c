/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A guest without an operating system, for the tests of display/: sets 800x600 at 32 bits on
 * QEMU's standard VGA, paints a picture that differs in every pixel, and then tells each scancode
 * on the debug console (port 0xe9, "key 1e"). A key changes the 64x64 pixels at the top left.
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

#define WIDTH 800
#define HEIGHT 600
#define BLOCK 64

#define DEBUG_PORT 0xe9
#define KEYBOARD_STATUS 0x64
#define KEYBOARD_DATA 0x60
#define VGA_ID 0x11111234       /* device 1111 of vendor 1234 */

extern void interrupt_stub (void);

struct gate
{
  u16 low, selector, flags, high;
} __attribute__ ((packed));

static struct gate gates[256];

static void
out8 (u16 port, u8 value)
{
  __asm__ volatile ("outb %0, %1" : : "a"(value), "Nd"(port));
}

static u8
in8 (u16 port)
{
  u8 value;

  __asm__ volatile ("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static void
out32 (u16 port, u32 value)
{
  __asm__ volatile ("outl %0, %1" : : "a"(value), "Nd"(port));
}

static u32
in32 (u16 port)
{
  u32 value;

  __asm__ volatile ("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static void
say (const char *text)
{
  for (; *text != '\0'; text++)
    out8 (DEBUG_PORT, (u8) *text);
}

static u32
read_pci (u32 device, u32 offset)
{
  out32 (0xcf8, 0x80000000u | device << 8 | offset);
  return in32 (0xcfc);
}

/* Device and function on bus 0, or 256. */
static u32
find_vga (void)
{
  u32 device = 0;

  while (device < 256 && read_pci (device, 0) != VGA_ID)
    device++;
  return device;
}

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

static void
wait_for_keys_only (void)
{
  struct
  {
    u16 limit;
    u32 base;
  } __attribute__ ((packed)) pointer = { sizeof gates - 1, (u32) gates };
  u32 stub = (u32) interrupt_stub;

  for (u32 i = 0; i < 256; i++)
    gates[i] = (struct gate) { (u16) stub, 8, 0x8e00, (u16) (stub >> 16) };
  __asm__ volatile ("lidt %0" : : "m"(pointer));
  /* Both interrupt controllers anew: from 32 and 40 on, and of all lines the keyboard's alone. */
  out8 (0x20, 0x11);
  out8 (0xa0, 0x11);
  out8 (0x21, 32);
  out8 (0xa1, 40);
  out8 (0x21, 4);
  out8 (0xa1, 2);
  out8 (0x21, 1);
  out8 (0xa1, 1);
  out8 (0x21, 0xfd);
  out8 (0xa1, 0xff);
}

void
guest_main (void)
{
  static const char digits[] = "0123456789abcdef";
  u32 device = find_vga (), n_keys = 0;
  volatile u32 *pixels;

  if (device == 256)
    {
      say ("no VGA\n");
      return;
    }
  pixels = set_mode (device);
  for (u32 y = 0; y < HEIGHT; y++)
    for (u32 x = 0; x < WIDTH; x++)
      pixels[y * WIDTH + x] = (x & 0xff) << 16 | (y & 0xff) << 8 | ((x >> 8) << 4 | y >> 8);
  wait_for_keys_only ();
  say ("painted\n");

  for (;;)
    {
      __asm__ volatile ("sti; hlt; cli");
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
