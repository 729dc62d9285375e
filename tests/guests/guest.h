/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What a program without an operating system needs of a PC: its ports, its bus, its interrupts. boot.S calls guest_main(),
 * and stops the processor when that returns. */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

#define DEBUG_PORT 0xe9
#define PCI_ADDRESS 0xcf8
#define PCI_DATA 0xcfc
#define NO_DEVICE 256

/* Lines of the first interrupt controller */
#define CLOCK_LINE 0
#define KEYBOARD_LINE 1
/* and of the second one */
#define MOUSE_LINE 12

#define SERIAL 0x3f8
#define SERIAL_STATUS 0x3fd
#define CAN_READ 0x01
#define CAN_WRITE 0x20

extern void interrupt_stub (void);
void guest_main (void);

static inline void
out8 (u16 port, u8 value)
{
  __asm__ volatile ("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline u8
in8 (u16 port)
{
  u8 value;

  __asm__ volatile ("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline void
out16 (u16 port, u16 value)
{
  __asm__ volatile ("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void
out32 (u16 port, u32 value)
{
  __asm__ volatile ("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline u32
in32 (u16 port)
{
  u32 value;

  __asm__ volatile ("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

/* On the debug console. */
static inline void
say (const char *text)
{
  for (; *text != '\0'; text++)
    out8 (DEBUG_PORT, (u8) *text);
}

static inline void
say_serially (const char *text)
{
  for (; *text != '\0'; text++)
    {
      while (!(in8 (SERIAL_STATUS) & CAN_WRITE))
        ;
      out8 (SERIAL, (u8) *text);
    }
}

/* What PCI_DATA is then. */
static inline void
select_pci (u32 device, u32 offset)
{
  out32 (PCI_ADDRESS, 0x80000000u | device << 8 | offset);
}

static inline u32
read_pci (u32 device, u32 offset)
{
  select_pci (device, offset);
  return in32 (PCI_DATA);
}

/* Device and function on bus 0 that say they are @id, or NO_DEVICE. */
static inline u32
find_pci (u32 id)
{
  u32 device = 0;

  while (device < NO_DEVICE && read_pci (device, 0) != id)
    device++;
  return device;
}

/* From now on @line alone ends a halt. Both interrupt controllers are set up anew: from 32 and 40 on. */
static inline void
wait_for_line_only (u32 line)
{
  static struct
  {
    u16 low, selector, flags, high;
  } __attribute__ ((packed)) gates[256];
  struct
  {
    u16 limit;
    u32 base;
  } __attribute__ ((packed)) pointer = { sizeof gates - 1, (u32) gates };
  u32 stub = (u32) interrupt_stub;
  /* The second controller is the first one's line 2. */
  u32 lines = line < 8 ? 1u << line : 1u << line | 4;

  for (u32 i = 0; i < 256; i++)
    {
      gates[i].low = (u16) stub;
      gates[i].selector = 8;
      gates[i].flags = 0x8e00;
      gates[i].high = (u16) (stub >> 16);
    }
  __asm__ volatile ("lidt %0" : : "m"(pointer));
  out8 (0x20, 0x11);
  out8 (0xa0, 0x11);
  out8 (0x21, 32);
  out8 (0xa1, 40);
  out8 (0x21, 4);
  out8 (0xa1, 2);
  /* interrupt_stub ends what the first had, the second one's ends by itself. */
  out8 (0x21, 1);
  out8 (0xa1, 3);
  out8 (0x21, (u8) ~lines);
  out8 (0xa1, (u8) ~(lines >> 8));
}

static inline void
halt (void)
{
  __asm__ volatile ("sti; hlt; cli");
}
