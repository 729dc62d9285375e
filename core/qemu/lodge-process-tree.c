/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/qemu/lodge-process-tree.h"

#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 8 /* bubblewrap is two */

gboolean
lodge_process_read_stat (const char *proc, GPid pid, LodgeProcessStat *stat)
{
  g_autofree char *path = g_strdup_printf ("%s/%d/stat", proc, pid);
  g_autofree char *text = NULL;
  unsigned long long start_time;
  const char *rest;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  /* The name, in parentheses, may hold anything, also parentheses. */
  rest = strrchr (text, ')');
  if (rest == NULL ||
      sscanf (rest, ") %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
              &stat->state, &stat->parent, &start_time) != 3)
    return FALSE;
  stat->start_time = start_time;

  return TRUE;
}

static void
add (GArray *pids, const char *word)
{
  gint64 number = g_ascii_strtoll (word, NULL, 10);
  GPid pid = (GPid) number;

  if (number > 0 && number <= G_MAXINT)
    g_array_append_val (pids, pid);
}

static void
look_at_all (const char *proc, GPid parent, GArray *pids)
{
  g_autoptr (GDir) dir = g_dir_open (proc, 0, NULL);
  LodgeProcessStat stat;
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_ascii_isdigit (*name) && lodge_process_read_stat (proc, (GPid) g_ascii_strtoll (name, NULL, 10), &stat)
        && stat.parent == parent)
      add (pids, name);
}

GArray *
lodge_process_list_children (const char *proc, GPid parent)
{
  g_autofree char *path = g_strdup_printf ("%s/%d/task/%d/children", proc, parent, parent);
  g_autofree char *text = NULL;
  GArray *pids = g_array_new (FALSE, FALSE, sizeof (GPid));

  if (g_file_get_contents (path, &text, NULL, NULL))
    {
      g_auto (GStrv) words = g_strsplit (text, " ", -1);

      for (guint i = 0; words[i] != NULL; i++)
        add (pids, words[i]);
    }
  else
    look_at_all (proc, parent, pids);
  return pids;
}

static gboolean
has_working_thread (const char *proc, GPid pid)
{
  g_autofree char *path = g_strdup_printf ("%s/%d/task", proc, pid);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  LodgeProcessStat stat;
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (lodge_process_read_stat (path, (GPid) g_ascii_strtoll (name, NULL, 10), &stat) && (stat.state == 'R' || stat.state == 'D'))
      return TRUE;
  return FALSE;
}

static gboolean
works (const char *proc, GPid pid, guint depth)
{
  g_autoptr (GArray) children = NULL;

  if (has_working_thread (proc, pid))
    return TRUE;
  children = lodge_process_list_children (proc, pid);
  for (guint i = 0; i < children->len && depth < MAX_DEPTH; i++)
    if (works (proc, g_array_index (children, GPid, i), depth + 1))
      return TRUE;
  return FALSE;
}

gboolean
lodge_process_tree_works (const char *proc, GPid pid)
{
  return works (proc, pid, 0);
}

GPid
lodge_process_innermost (const char *proc, GPid pid)
{
  for (guint depth = 0; depth < MAX_DEPTH; depth++)
    {
      g_autoptr (GArray) children = lodge_process_list_children (proc, pid);

      if (children->len == 0)
        break;
      pid = g_array_index (children, GPid, 0);
    }
  return pid;
}
