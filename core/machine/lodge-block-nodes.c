/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-block-nodes.h"

#include "core/config/lodge-json.h"
#include "core/qemu/lodge-qmp-value.h"

#include <string.h>

static char *
read_path (const char *file)
{
  g_autoptr (JsonNode) node = NULL;

  /* A node whose parent is another than its header says has a description in place of the name. Of a long chain that is cut off. */
  if (file != NULL && g_str_has_prefix (file, "json:"))
    {
      node = lodge_json_parse (file + strlen ("json:"), strlen (file) - strlen ("json:"), NULL);
      file = lodge_qmp_string (lodge_qmp_object (lodge_qmp_node_object (node), "file"), "filename");
    }
  return g_strdup (file);
}

char *
lodge_block_file_name (const char *file)
{
  g_autofree char *path = read_path (file);

  return path != NULL ? g_path_get_basename (path) : NULL;
}

static const char *
find_name (JsonArray *nodes, const char *name, gsize length)
{
  for (guint i = 0; i < json_array_get_length (nodes); i++)
    {
      const char *found = lodge_qmp_string (lodge_qmp_element (nodes, i), "node-name");

      if (found != NULL && strlen (found) == length && strncmp (found, name, length) == 0)
        return found;
    }
  return NULL;
}

const char *
lodge_block_find (JsonArray *nodes, const char *path)
{
  static const char *const endings[] = { "-file", LODGE_BLOCK_LAYER_FILE };
  const char *found = NULL;

  for (guint i = 0; nodes != NULL && i < json_array_get_length (nodes); i++)
    {
      JsonObject *node = lodge_qmp_element (nodes, i);
      const char *name = lodge_qmp_string (node, "node-name");
      gboolean is_file = g_strcmp0 (lodge_qmp_string (node, "drv"), "file") == 0;
      g_autofree char *said = read_path (lodge_qmp_string (node, "file"));
      g_autofree char *plain = said != NULL ? g_canonicalize_filename (said, "/") : NULL;

      if (name == NULL || g_strcmp0 (plain, path) != 0)
        continue;
      /* Those that Lodge named say it best: the image goes by the name of its file without the ending. */
      for (gsize n = 0; is_file && n < G_N_ELEMENTS (endings); n++)
        if (g_str_has_suffix (name, endings[n]))
          return find_name (nodes, name, strlen (name) - strlen (endings[n]));
      if (!is_file && found != NULL)
        return NULL;
      if (!is_file)
        found = name;
    }
  return found;
}

const char *
lodge_block_top (JsonArray *blocks, const char *disk, char **file)
{
  g_autofree char *inside = g_strdup_printf ("/machine/peripheral/%s/", disk);

  for (guint i = 0; blocks != NULL && i < json_array_get_length (blocks); i++)
    {
      JsonObject *block = lodge_qmp_element (blocks, i);
      JsonObject *inserted = lodge_qmp_object (block, "inserted");
      const char *qdev = lodge_qmp_string (block, "qdev");

      if (qdev == NULL || (!g_str_equal (qdev, disk) && !g_str_has_prefix (qdev, inside)))
        continue;
      if (file != NULL)
        *file = lodge_block_file_name (lodge_qmp_string (inserted, "file"));
      return lodge_qmp_string (inserted, "node-name");
    }
  return NULL;
}

GPtrArray *
lodge_block_named (JsonArray *nodes, GPtrArray *files)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; nodes != NULL && i < files->len; i++)
    {
      g_autofree char *wanted = g_path_get_basename (files->pdata[i]);

      /* The image before the file that it is in. */
      for (guint file = 0; file < 2; file++)
        for (guint n = 0; n < json_array_get_length (nodes); n++)
          {
            JsonObject *node = lodge_qmp_element (nodes, n);
            const char *name = lodge_qmp_string (node, "node-name");
            g_autofree char *base = lodge_block_file_name (lodge_qmp_string (node, "file"));

            /* QEMU's own names begin with #; those, and a layer's file, go with the node that they are of. Which may not tell its own file. */
            if (name != NULL && file == 0 && g_str_has_suffix (name, LODGE_BLOCK_LAYER_FILE) && g_strcmp0 (base, wanted) == 0)
              {
                g_autofree char *image = g_strndup (name, strlen (name) - strlen (LODGE_BLOCK_LAYER_FILE));

                if (!g_ptr_array_find_with_equal_func (names, image, g_str_equal, NULL))
                  g_ptr_array_add (names, g_steal_pointer (&image));
                continue;
              }
            if (name != NULL && *name != '#' && !g_str_has_suffix (name, LODGE_BLOCK_LAYER_FILE) && g_str_has_suffix (name, "-file") == (file == 1)
                && g_strcmp0 (base, wanted) == 0 && !g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
              g_ptr_array_add (names, g_strdup (name));
          }
    }
  return names;
}
