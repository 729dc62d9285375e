/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A guest without an operating system, for the tests of sound: plays a square wave of 500 Hz, 8000 high, on an AC97
 * sound card for ever, and says so on the debug console (port 0xe9).
 */

#include "guest.h"

typedef short s16;

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

struct part
{
  u32 address;
  u16 n_samples, flags;
} __attribute__ ((packed));

static struct part parts[N_PARTS] __attribute__ ((aligned (8)));
static s16 samples[FRAMES * 2] __attribute__ ((aligned (8)));

void
guest_main (void)
{
  u32 device = find_pci (AC97_ID);
  u16 mixer, master;

  if (device == NO_DEVICE)
    {
      say ("no AC97\n");
      return;
    }
  select_pci (device, COMMAND);
  out16 (PCI_DATA, 7);
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
  /* The clock alone wakes the processor up, 18 times a second. */
  wait_for_line_only (CLOCK_LINE);
  say ("tone\n");
  for (;;)
    {
      halt ();
      /* The end of the ring is always the part before the present one. */
      out8 (master + LAST, (u8) (in8 (master + NOW) + N_PARTS - 1) % N_PARTS);
    }
}
