/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * UEFI firmware is found by the JSON descriptors that distributions install for QEMU (docs/interop/firmware.json): those of
 * /etc/qemu/firmware and /usr/share/qemu/firmware, in the order of their names; a file in /etc hides one of the same name. Where
 * there are none, by the paths that distributions are known to use.
 */
#include "config.h"
#include "core/qemu/lodge-probe-private.h"

#include <json-glib/json-glib.h>
#include <string.h>
#include <unistd.h>

#define MAX_DESCRIPTOR (64 * 1024)
#define MAX_DESCRIPTORS 200

typedef struct
{
  const char *arch;
  gboolean    secure;
  const char *code;
  const char *vars;
} KnownFirmware;

static const KnownFirmware known[] = {
  { "x86_64", FALSE, "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd" },
  { "x86_64", FALSE, "/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd" },
  { "x86_64", FALSE, "/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd" },
  { "x86_64", FALSE, "/usr/share/qemu/ovmf-x86_64-4m-code.bin", "/usr/share/qemu/ovmf-x86_64-4m-vars.bin" },
  { "x86_64", TRUE, "/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd" },
  { "x86_64", TRUE, "/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd", "/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd" },
  { "x86_64", TRUE, "/usr/share/qemu/ovmf-x86_64-smm-ms-code.bin", "/usr/share/qemu/ovmf-x86_64-smm-ms-vars.bin" },
  { "aarch64", FALSE, "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd" },
  { "aarch64", FALSE, "/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw" },
  { "riscv64", FALSE, "/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd", "/usr/share/qemu-efi-riscv64/RISCV_VIRT_VARS.fd" },
  { "riscv64", FALSE, "/usr/share/edk2/riscv/RISCV_VIRT_CODE.fd", "/usr/share/edk2/riscv/RISCV_VIRT_VARS.fd" },
};

static JsonObject *
get_object (JsonObject *object, const char *member)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static JsonArray *
get_array (JsonObject *object, const char *member)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static const char *
get_string (JsonObject *object, const char *member)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
}

static gboolean
contains (JsonArray *array, const char *wanted)
{
  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);

      if (JSON_NODE_HOLDS_VALUE (node) && g_strcmp0 (json_node_get_string (node), wanted) == 0)
        return TRUE;
    }
  return FALSE;
}

/* Whether one of the targets is the architecture with the board that Lodge uses. */
static gboolean
fits_target (JsonArray *targets, const char *arch)
{
  const char *machine = strcmp (arch, "x86_64") == 0 ? "pc-q35-7.2" : "virt-7.2";

  for (guint i = 0; targets != NULL && i < json_array_get_length (targets); i++)
    {
      JsonNode *node = json_array_get_element (targets, i);
      JsonObject *target = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
      JsonArray *machines = get_array (target, "machines");

      if (target == NULL || g_strcmp0 (get_string (target, "architecture"), arch) != 0)
        continue;
      for (guint j = 0; machines != NULL && j < json_array_get_length (machines); j++)
        {
          JsonNode *pattern = json_array_get_element (machines, j);

          if (JSON_NODE_HOLDS_VALUE (pattern) && json_node_get_string (pattern) != NULL
              && (g_pattern_match_simple (json_node_get_string (pattern), machine)
                  || strcmp (json_node_get_string (pattern), "virt") == 0))
            return TRUE;
        }
    }
  return FALSE;
}

/* A path below @root when it is a file that can be read. */
static char *
usable_file (const char *root, const char *path)
{
  g_autofree char *full = NULL;

  if (path == NULL || !g_path_is_absolute (path))
    return NULL;
  full = g_strconcat (root, path, NULL);
  return access (full, R_OK) == 0 && g_file_test (full, G_FILE_TEST_IS_REGULAR) ? g_steal_pointer (&full) : NULL;
}

static char *
usable_flash (const char *root, JsonObject *file)
{
  /* Some come as qcow2 with the code; Lodge reads the code as raw and makes its own image for the variables. */
  if (g_strcmp0 (get_string (file, "format"), "raw") != 0)
    return NULL;
  return usable_file (root, get_string (file, "filename"));
}

/* Sets both or none. */
static gboolean
take_pair (char **code, char **vars, char *new_code, char *new_vars)
{
  if (new_code == NULL || new_vars == NULL)
    {
      g_free (new_code);
      g_free (new_vars);
      return FALSE;
    }
  *code = new_code;
  *vars = new_vars;
  return TRUE;
}

static void
use_descriptor (const char *root, JsonObject *object, const char *arch, gboolean secure, char **code, char **vars)
{
  JsonObject *mapping = get_object (object, "mapping");
  JsonArray *features = get_array (object, "features");
  const char *mode = get_string (mapping, "mode");
  gboolean is_secure = contains (features, "secure-boot") && contains (features, "enrolled-keys");
  gboolean plain = !contains (features, "secure-boot") && !contains (features, "requires-smm");

  if (*code != NULL || !contains (get_array (object, "interface-types"), "uefi")
      || g_strcmp0 (get_string (mapping, "device"), "flash") != 0 || (mode != NULL && strcmp (mode, "split") != 0)
      || !fits_target (get_array (object, "targets"), arch) || (secure ? !is_secure : !plain))
    return;
  take_pair (code, vars, usable_flash (root, get_object (mapping, "executable")),
             usable_flash (root, get_object (mapping, "nvram-template")));
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
add_names (const char *root, const char *folder, GHashTable *files)
{
  g_autofree char *path = g_strconcat (root, folder, NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL && g_hash_table_size (files) < MAX_DESCRIPTORS)
    if (g_str_has_suffix (name, ".json") && !g_hash_table_contains (files, name))
      g_hash_table_insert (files, g_strdup (name), g_build_filename (path, name, NULL));
}

void
lodge_probe_firmware (const char *root, LodgeHost *host)
{
  struct
  {
    const char *arch;
    gboolean    secure;
    char      **code, **vars;
  } wanted[] = {
    { "x86_64", FALSE, &host->ovmf_code, &host->ovmf_vars },
    { "x86_64", TRUE, &host->ovmf_code_secure, &host->ovmf_vars_secure },
    { "aarch64", FALSE, &host->aavmf_code, &host->aavmf_vars },
    { "riscv64", FALSE, &host->riscv_code, &host->riscv_vars },
  };
  g_autoptr (GHashTable) files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autofree gpointer *names = NULL;
  guint n_names;

  add_names (root, "/etc/qemu/firmware", files);
  add_names (root, "/usr/share/qemu/firmware", files);
  names = g_hash_table_get_keys_as_array (files, &n_names);
  qsort (names, n_names, sizeof (gpointer), compare_names);
  for (guint i = 0; i < n_names; i++)
    {
      g_autofree char *text = lodge_probe_read (g_hash_table_lookup (files, names[i]), MAX_DESCRIPTOR);
      g_autoptr (JsonParser) parser = json_parser_new ();
      JsonNode *node;

      /* An empty file in /etc is the way to hide one of the distribution. */
      if (text == NULL || !json_parser_load_from_data (parser, text, -1, NULL))
        continue;
      node = json_parser_get_root (parser);
      for (guint j = 0; node != NULL && JSON_NODE_HOLDS_OBJECT (node) && j < G_N_ELEMENTS (wanted); j++)
        use_descriptor (root, json_node_get_object (node), wanted[j].arch, wanted[j].secure, wanted[j].code, wanted[j].vars);
    }
  for (guint j = 0; j < G_N_ELEMENTS (wanted); j++)
    for (guint i = 0; i < G_N_ELEMENTS (known) && *wanted[j].code == NULL; i++)
      if (strcmp (known[i].arch, wanted[j].arch) == 0 && known[i].secure == wanted[j].secure)
        take_pair (wanted[j].code, wanted[j].vars, usable_file (root, known[i].code), usable_file (root, known[i].vars));
}
