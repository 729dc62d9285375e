/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "core/qemu/lodge-command-line-private.h"

void
lodge_args_init (LodgeArgs *args)
{
  args->argv = g_ptr_array_new_with_free_func (g_free);
  args->current = NULL;
}

static void
finish_current (LodgeArgs *args)
{
  if (args->current != NULL)
    g_ptr_array_add (args->argv, g_string_free (g_steal_pointer (&args->current), FALSE));
}

void
lodge_args_clear (LodgeArgs *args)
{
  finish_current (args);
  g_clear_pointer (&args->argv, g_ptr_array_unref);
}

GStrv
lodge_args_steal (LodgeArgs *args)
{
  finish_current (args);
  g_ptr_array_add (args->argv, NULL);
  return (GStrv) g_ptr_array_free (g_steal_pointer (&args->argv), FALSE);
}

void
lodge_args_add (LodgeArgs *args, const char *first, ...)
{
  va_list list;

  finish_current (args);
  va_start (list, first);
  for (const char *text = first; text != NULL; text = va_arg (list, const char *))
    g_ptr_array_add (args->argv, g_strdup (text));
  va_end (list);
}

void
lodge_args_begin (LodgeArgs *args, const char *option, const char *type)
{
  finish_current (args);
  g_ptr_array_add (args->argv, g_strdup (option));
  args->current = g_string_new (type);
}

void
lodge_args_option (LodgeArgs *args, const char *key, const char *value)
{
  g_return_if_fail (args->current != NULL);
  if (args->current->len > 0)
    g_string_append_c (args->current, ',');
  g_string_append_printf (args->current, "%s=", key);
  for (const char *p = value; *p != '\0'; p++)
    {
      if (*p == ',')
        g_string_append_c (args->current, ',');
      g_string_append_c (args->current, *p);
    }
}

void
lodge_args_optionf (LodgeArgs *args, const char *key, const char *format, ...)
{
  g_autofree char *value = NULL;
  va_list list;

  va_start (list, format);
  value = g_strdup_vprintf (format, list);
  va_end (list);
  lodge_args_option (args, key, value);
}
