/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdio.h>

G_BEGIN_DECLS

/**
 * ctl_put:
 *
 * Writes UTF-8 for people: converted to the locale's character set where that is another one.
 */
void     ctl_put            (FILE *out, const char *text);
void     ctl_printf         (FILE *out, const char *format, ...) G_GNUC_PRINTF (2, 3);

/**
 * ctl_escape:
 * @text: from a guest, a file or another program; may be invalid UTF-8
 * @keep_lines: whether newlines and tabs stay
 *
 * Makes text safe for a terminal: control characters, line and paragraph separators and
 * bidirectional overrides become \xNN or \u{NNNN}, invalid bytes U+FFFD.
 *
 * Returns: (transfer full): UTF-8
 */
char    *ctl_escape         (const char *text, gboolean keep_lines);

/** ctl_text_width: columns of @text on a terminal: wide characters count two, combining ones none */
guint    ctl_text_width     (const char *text);

/** ctl_text_ellipsize: Returns: (transfer full): @text in at most @width columns, "…" at the end if cut */
char    *ctl_text_ellipsize (const char *text, guint width);

/**
 * ctl_table_print:
 * @rows: (element-type GStrv): the first row is the heading; all rows have as many cells
 * @width: columns of the terminal, 0 for no limit
 * @flexible: the column that gives way when the table is wider
 *
 * Cells are escaped here, so callers pass them as they came.
 */
void     ctl_table_print    (FILE *out, GPtrArray *rows, guint width, guint flexible);

/** CtlRowFunc: Returns: (transfer full): the cells of @entry, an a{sv}: as many as the heading has */
typedef char **(*CtlRowFunc) (GVariant *entry);

/** ctl_table_print_entries: the heading, and a row for each of @entries, an aa{sv}; as wide as the terminal at most */
void     ctl_table_print_entries (FILE *out, const char *const *heading, GVariant *entries, CtlRowFunc make_row, guint flexible);

/** ctl_string: Returns: the member @key of an a{sv}, "" where there is none */
const char *ctl_string      (GVariant *entry, const char *key);

/** ctl_size: Returns: (transfer full): the member @key of an a{sv}, a t, as a size that people read */
char    *ctl_size           (GVariant *entry, const char *key);

/** ctl_terminal_width: columns of @out, 0 when it is no terminal */
guint    ctl_terminal_width (FILE *out);

/** ctl_json_print: one value as JSON and a newline; a{sv} becomes an object, variants what they hold */
void     ctl_json_print     (FILE *out, GVariant *value);

G_END_DECLS
