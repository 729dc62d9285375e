/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * One pass over the bytes, by recursive descent; the depth is bounded before each step down, so the
 * stack is. The whole text is checked to be UTF-8 first, which lets the rest work on bytes. The
 * first error ends the reading: its place is turned into line and column only then.
 */

#include "config.h"

#include "core/config/lodge-json.h"

#include <math.h>
#include <string.h>

/* Longer than any number that a double or an int64 can hold with full precision. */
#define MAX_NUMBER 64

typedef struct
{
  const char *data;
  const char *p;
  const char *end;
  guint       depth;
  guint       values;
  GError    **error;
} Reader;

static JsonNode *read_value (Reader *reader);

static void
fail (Reader *reader, const char *at, const char *why)
{
  guint line = 1;
  const char *start = reader->data;

  for (const char *p = reader->data; p < at; p++)
    if (*p == '\n')
      {
        line++;
        start = p + 1;
      }

  g_set_error (reader->error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "line %u, column %lu: %s",
               line, (gulong) (at - start) + 1, why);
}

static void
skip_space (Reader *reader)
{
  while (reader->p < reader->end && strchr (" \t\r\n", *reader->p) != NULL && *reader->p != '\0')
    reader->p++;
}

static int
peek (Reader *reader)
{
  return reader->p < reader->end ? (guchar) *reader->p : -1;
}

static gboolean
read_hex (Reader *reader, gunichar *unit)
{
  *unit = 0;
  if (reader->end - reader->p < 4)
    {
      fail (reader, reader->p, "a \\u needs four hexadecimal digits");
      return FALSE;
    }

  for (int i = 0; i < 4; i++, reader->p++)
    {
      int digit = g_ascii_xdigit_value (*reader->p);

      if (digit < 0)
        {
          fail (reader, reader->p, "a \\u needs four hexadecimal digits");
          return FALSE;
        }
      *unit = *unit * 16 + digit;
    }

  return TRUE;
}

/* After "\u": one code point, from one escape or from a surrogate pair of two. */
static gboolean
read_escaped_char (Reader *reader, GString *into)
{
  const char *at = reader->p;
  gunichar high, low;

  if (!read_hex (reader, &high))
    return FALSE;

  if (high >= 0xd800 && high < 0xdc00 && reader->end - reader->p >= 2 && reader->p[0] == '\\' &&
      reader->p[1] == 'u')
    {
      reader->p += 2;
      if (!read_hex (reader, &low))
        return FALSE;
      if (low >= 0xdc00 && low < 0xe000)
        high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }

  if (high == 0 || !g_unichar_validate (high))
    {
      fail (reader, at, "this escape is not a character that may stand in a text");
      return FALSE;
    }

  g_string_append_unichar (into, high);
  return TRUE;
}

static char *
read_string (Reader *reader)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *at = reader->p;

  for (reader->p++; peek (reader) != '"';)
    {
      int c = peek (reader);

      if (c < 0)
        {
          fail (reader, at, "a text begins here and does not end");
          return NULL;
        }
      if (c < 0x20)
        {
          fail (reader, reader->p, "a control character in a text must be escaped");
          return NULL;
        }
      if (c != '\\')
        {
          g_string_append_c (text, *reader->p++);
          continue;
        }

      reader->p++;
      c = peek (reader);
      reader->p++;
      switch (c)
        {
        case '"': case '\\': case '/':
          g_string_append_c (text, (char) c);
          break;
        case 'b': g_string_append_c (text, '\b'); break;
        case 'f': g_string_append_c (text, '\f'); break;
        case 'n': g_string_append_c (text, '\n'); break;
        case 'r': g_string_append_c (text, '\r'); break;
        case 't': g_string_append_c (text, '\t'); break;
        case 'u':
          if (!read_escaped_char (reader, text))
            return NULL;
          break;
        default:
          fail (reader, reader->p - 1, "unknown escape in a text");
          return NULL;
        }
    }

  reader->p++;
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
skip_digits (Reader *reader)
{
  const char *start = reader->p;

  while (g_ascii_isdigit (peek (reader)))
    reader->p++;

  return reader->p > start;
}

static JsonNode *
read_number (Reader *reader)
{
  const char *at = reader->p;
  gboolean is_double = FALSE;
  gboolean good;
  char text[MAX_NUMBER + 1];
  gint64 integer;
  double number;

  if (peek (reader) == '-')
    reader->p++;
  if (peek (reader) == '0')
    good = ++reader->p != NULL;
  else
    good = skip_digits (reader);
  if (good && peek (reader) == '.')
    {
      is_double = TRUE;
      reader->p++;
      good = skip_digits (reader);
    }
  if (good && (peek (reader) == 'e' || peek (reader) == 'E'))
    {
      is_double = TRUE;
      reader->p++;
      if (peek (reader) == '+' || peek (reader) == '-')
        reader->p++;
      good = skip_digits (reader);
    }

  if (!good)
    {
      fail (reader, at, "this is not a number");
      return NULL;
    }
  if (reader->p - at > MAX_NUMBER)
    {
      fail (reader, at, "this number has too many digits");
      return NULL;
    }

  memcpy (text, at, reader->p - at);
  text[reader->p - at] = '\0';

  if (!is_double)
    {
      if (!g_ascii_string_to_signed (text, 10, G_MININT64, G_MAXINT64, &integer, NULL))
        {
          fail (reader, at, "this number is beyond 64 bits");
          return NULL;
        }
      return json_node_init_int (json_node_alloc (), integer);
    }

  number = g_ascii_strtod (text, NULL);
  if (!isfinite (number))
    {
      fail (reader, at, "this number is beyond what can be stored");
      return NULL;
    }
  return json_node_init_double (json_node_alloc (), number);
}

static JsonNode *
read_word (Reader *reader)
{
  gsize left = reader->end - reader->p;

  if (left >= 4 && memcmp (reader->p, "true", 4) == 0)
    {
      reader->p += 4;
      return json_node_init_boolean (json_node_alloc (), TRUE);
    }
  if (left >= 5 && memcmp (reader->p, "false", 5) == 0)
    {
      reader->p += 5;
      return json_node_init_boolean (json_node_alloc (), FALSE);
    }
  if (left >= 4 && memcmp (reader->p, "null", 4) == 0)
    {
      reader->p += 4;
      return json_node_init_null (json_node_alloc ());
    }

  fail (reader, reader->p, "a value is expected here");
  return NULL;
}

/* TRUE when a ',' was read and another element must follow, FALSE at the closing bracket; an error
 * leaves @reader->error set and *@good FALSE. */
static gboolean
read_separator (Reader *reader, char closing, gboolean *good)
{
  int c;

  skip_space (reader);
  c = peek (reader);
  *good = c == ',' || c == closing;
  if (!*good)
    {
      fail (reader, reader->p, closing == '}' ? "“,” or “}” is expected here"
                                              : "“,” or “]” is expected here");
      return FALSE;
    }
  reader->p++;
  return c == ',';
}

static JsonNode *
read_object (Reader *reader)
{
  g_autoptr (JsonObject) object = json_object_new ();
  gboolean good = TRUE;
  gboolean more;

  reader->p++;
  skip_space (reader);
  more = peek (reader) != '}';
  if (!more)
    reader->p++;

  while (more)
    {
      g_autofree char *key = NULL;
      const char *at;
      JsonNode *value;

      skip_space (reader);
      at = reader->p;
      if (peek (reader) != '"')
        {
          fail (reader, at, "a key in quotation marks is expected here");
          return NULL;
        }
      key = read_string (reader);
      if (key == NULL)
        return NULL;
      if (json_object_has_member (object, key))
        {
          fail (reader, at, "this key stands here for the second time");
          return NULL;
        }
      skip_space (reader);
      if (peek (reader) != ':')
        {
          fail (reader, reader->p, "“:” is expected here");
          return NULL;
        }
      reader->p++;
      value = read_value (reader);
      if (value == NULL)
        return NULL;
      json_object_set_member (object, key, value);
      more = read_separator (reader, '}', &good);
    }

  return good ? json_node_init_object (json_node_alloc (), object) : NULL;
}

static JsonNode *
read_array (Reader *reader)
{
  g_autoptr (JsonArray) array = json_array_new ();
  gboolean good = TRUE;
  gboolean more;

  reader->p++;
  skip_space (reader);
  more = peek (reader) != ']';
  if (!more)
    reader->p++;

  while (more)
    {
      JsonNode *value = read_value (reader);

      if (value == NULL)
        return NULL;
      json_array_add_element (array, value);
      more = read_separator (reader, ']', &good);
    }

  return good ? json_node_init_array (json_node_alloc (), array) : NULL;
}

static JsonNode *
read_value (Reader *reader)
{
  g_autofree char *text = NULL;
  JsonNode *node;

  skip_space (reader);
  if (++reader->values > LODGE_JSON_MAX_VALUES)
    {
      fail (reader, reader->p, "there are too many values");
      return NULL;
    }

  switch (peek (reader))
    {
    case '{':
    case '[':
      if (reader->depth == LODGE_JSON_MAX_DEPTH)
        {
          fail (reader, reader->p, "the values are nested too deep");
          return NULL;
        }
      reader->depth++;
      node = *reader->p == '{' ? read_object (reader) : read_array (reader);
      reader->depth--;
      return node;

    case '"':
      text = read_string (reader);
      return text != NULL ? json_node_init_string (json_node_alloc (), text) : NULL;

    case '-': case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9':
      return read_number (reader);

    default:
      return read_word (reader);
    }
}

JsonNode *
lodge_json_parse (const char *data, gsize length, GError **error)
{
  Reader reader = { .data = data, .p = data, .end = data + length, .error = error };
  g_autoptr (JsonNode) node = NULL;
  const char *bad;

  if (!g_utf8_validate_len (data, length, &bad))
    {
      fail (&reader, bad, *bad == '\0' ? "there is a NUL byte" : "the text is not valid UTF-8");
      return NULL;
    }

  /* Some editors put a byte order mark in front. */
  if (length >= 3 && memcmp (data, "\xef\xbb\xbf", 3) == 0)
    reader.p += 3;

  node = read_value (&reader);
  if (node == NULL)
    return NULL;

  skip_space (&reader);
  if (reader.p != reader.end)
    {
      fail (&reader, reader.p, "there is something after the end of the document");
      return NULL;
    }

  return g_steal_pointer (&node);
}

char *
lodge_json_print (JsonObject *object, gsize *length)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = json_node_init_object (json_node_alloc (), object);
  GString *text = g_string_new (NULL);

  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  json_generator_set_indent (generator, 2);
  json_generator_to_gstring (generator, text);
  g_string_append_c (text, '\n');
  if (length != NULL)
    *length = text->len;

  return g_string_free (text, FALSE);
}
