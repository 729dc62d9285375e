/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * A guest without an operating system, for the tests of full disks: says "ready" on its serial line, waits for a byte
 * there, writes 8 MiB to the first IDE disk, and says "written".
 */

#include "guest.h"

#define DISK 0x1f0
#define BUSY 0x80
#define WANTS_DATA 0x08
#define WRITE_SECTORS 0x30
#define AT_ONCE 256             /* sectors, which the disk is told as 0 */
#define SECTORS (8 * 1024 * 2)

static void
write_sectors (u32 first)
{
  while (in8 (DISK + 7) & BUSY)
    ;
  out8 (DISK + 6, (u8) (0xe0 | first >> 24));
  out8 (DISK + 2, 0);
  out8 (DISK + 3, (u8) first);
  out8 (DISK + 4, (u8) (first >> 8));
  out8 (DISK + 5, (u8) (first >> 16));
  out8 (DISK + 7, WRITE_SECTORS);
  for (u32 i = 0; i < AT_ONCE; i++)
    {
      while ((in8 (DISK + 7) & (BUSY | WANTS_DATA)) != WANTS_DATA)
        ;
      for (u32 word = 0; word < 256; word++)
        out16 (DISK, (u16) (first + i + word + 1));
    }
}

void
guest_main (void)
{
  say_serially ("ready\n");
  while (!(in8 (SERIAL_STATUS) & CAN_READ))
    ;
  for (u32 sector = 0; sector < SECTORS; sector += AT_ONCE)
    write_sectors (sector);
  while (in8 (DISK + 7) & BUSY)
    ;
  say_serially ("written\n");
}
