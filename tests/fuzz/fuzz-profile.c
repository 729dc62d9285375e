/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/config/lodge-profile.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* machine.json from anywhere: whatever is accepted is written and read again as the same thing. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeProfile) profile = lodge_profile_from_json ((const char *) data, size, &error);
  g_autoptr (LodgeProfile) copy = NULL;
  g_autoptr (LodgeProfile) again = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  gsize length;

  g_assert ((profile == NULL) == (error != NULL));
  if (profile == NULL)
    return 0;

#ifdef LODGE_PLANTED_BUG
  if (profile->append != NULL)
    {
      char line[20];

      strcpy (line, profile->append);
      g_assert (strlen (line) < 4096);
    }
#endif

  copy = lodge_profile_copy (profile);
  first = lodge_profile_to_json (copy, &length);
  /* What is near the limit may become larger than it by being laid out. */
  if (length > LODGE_PROFILE_MAX_BYTES)
    return 0;
  again = lodge_profile_from_json (first, length, &error);
  g_assert_no_error (error);
  second = lodge_profile_to_json (again, NULL);
  g_assert_cmpstr (first, ==, second);

  return 0;
}
