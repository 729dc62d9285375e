/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A guest without an operating system, for the tests of sound: plays a square wave of 500 Hz, 8000 high, on an AC97
 * sound card for ever, and says so on the debug console (port 0xe9).
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef short s16;

#define DEBUG_PORT 0xe9
#define AC97_ID 0x24158086      /* device 2415 of vendor 8086 */
#define COMMAND 4               /* of PCI: ports, memory, bus master */

/* The card mixes at this rate where nobody asks for another one. */
#define RATE 48000
#define TONE 500
#define HEIGHT 8000
#define FRAMES (RATE / 10)

/* The first window has the mixer, the second what fetches samples. */
#define MASTER_VOLUME 0x02
#define SAMPLES_VOLUME 0x18
#define LIST 0x10
#define NOW 0x14
#define LAST 0x15
#define CONTROL 0x1b
#define GLOBAL_CONTROL 0x2c

#define N_PARTS 32              /* of the ring that the card goes round */

extern void interrupt_stub (void);

struct gate
{
  u16 low, selector, flags, high;
} __attribute__ ((packed));

struct part
{
  u32 address;
  u16 n_samples, flags;
} __attribute__ ((packed));

static struct gate gates[256];
static struct part parts[N_PARTS] __attribute__ ((aligned (8)));
static s16 samples[FRAMES * 2] __attribute__ ((aligned (8)));

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
out16 (u16 port, u16 value)
{
  __asm__ volatile ("outw %0, %1" : : "a"(value), "Nd"(port));
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

static void
select_pci (u32 device, u32 offset)
{
  out32 (0xcf8, 0x80000000u | device << 8 | offset);
}

static u32
read_pci (u32 device, u32 offset)
{
  select_pci (device, offset);
  return in32 (0xcfc);
}

/* The clock alone wakes the processor up, 18 times a second. */
static void
wait_for_clock_only (void)
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
  out8 (0x20, 0x11);
  out8 (0x21, 32);
  out8 (0x21, 4);
  out8 (0x21, 1);
  out8 (0x21, 0xfe);
  out8 (0xa1, 0xff);
}

void
guest_main (void)
{
  u32 device = 0;
  u16 mixer, master;

  /* Device and function on bus 0. */
  while (device < 256 && read_pci (device, 0) != AC97_ID)
    device++;
  if (device == 256)
    {
      say ("no AC97\n");
      return;
    }
  select_pci (device, COMMAND);
  out16 (0xcfc, 7);
  mixer = (u16) (read_pci (device, 0x10) & ~3u);
  master = (u16) (read_pci (device, 0x14) & ~3u);

  for (u32 i = 0; i < FRAMES; i++)
    samples[i * 2] = samples[i * 2 + 1] = i % (RATE / TONE) < RATE / TONE / 2 ? HEIGHT : -HEIGHT;
  for (u32 i = 0; i < N_PARTS; i++)
    parts[i] = (struct part) { (u32) samples, FRAMES * 2, 0 };

  out32 (master + GLOBAL_CONTROL, 2);
  out16 (mixer + MASTER_VOLUME, 0);
  out16 (mixer + SAMPLES_VOLUME, 0x0808);
  out8 (master + CONTROL, 2);
  out32 (master + LIST, (u32) parts);
  out8 (master + LAST, N_PARTS - 1);
  out8 (master + CONTROL, 1);
  wait_for_clock_only ();
  say ("tone\n");
  for (;;)
    {
      __asm__ volatile ("sti; hlt; cli");
      /* The end of the ring is always the part before the present one. */
      out8 (master + LAST, (u8) (in8 (master + NOW) + N_PARTS - 1) % N_PARTS);
    }
}
