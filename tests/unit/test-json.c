/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/config/lodge-json.h"

#include <string.h>

static const struct
{
  const char *text;
  gsize       length; /* 0: strlen */
  const char *message; /* NULL: good */
} cases[] = {
  { "{}", 0, NULL },
  { " [ 1 , -2.5e3 , \"a\\u00e9\\ud83d\\ude00\\n\" , true , false , null , { } , [ ] ] \n", 0, NULL },
  { "\xef\xbb\xbf{}", 0, NULL },
  { "-9223372036854775808", 0, NULL },
  { "", 0, "line 1, column 1: a value is expected here" },
  { "{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2}}", 0, "line 1, column 24: this key stands here for the second time" },
  { "// note\n{}", 0, "line 1, column 1: a value is expected here" },
  { "{\"a\": 1,}", 0, "line 1, column 9: a key in quotation marks is expected here" },
  { "{a: 1}", 0, "line 1, column 2: a key in quotation marks is expected here" },
  { "[1\n 2]", 0, "line 2, column 2: “,” or “]” is expected here" },
  { "[1,]", 0, "line 1, column 4: a value is expected here" },
  { "{} {}", 0, "line 1, column 4: there is something after the end of the document" },
  { "[01]", 0, "line 1, column 3: “,” or “]” is expected here" },
  { "[1.]", 0, "line 1, column 2: this is not a number" },
  { "[-]", 0, "line 1, column 2: this is not a number" },
  { "[+1]", 0, "line 1, column 2: a value is expected here" },
  { "[NaN]", 0, "line 1, column 2: a value is expected here" },
  { "[Infinity]", 0, "line 1, column 2: a value is expected here" },
  { "[1e999]", 0, "line 1, column 2: this number is beyond what can be stored" },
  { "[-9223372036854775809]", 0, "line 1, column 2: this number is beyond 64 bits" },
  { "[0.00000000000000000000000000000000000000000000000000000000000000001]", 0,
    "line 1, column 2: this number has too many digits" },
  { "\"a\nb\"", 0, "line 1, column 3: a control character in a text must be escaped" },
  { "\"abc", 0, "line 1, column 1: a text begins here and does not end" },
  { "\"\\", 0, "line 1, column 3: unknown escape in a text" },
  { "\"\\x\"", 0, "line 1, column 3: unknown escape in a text" },
  { "\"\\u12\"", 0, "line 1, column 4: a \\u needs four hexadecimal digits" },
  { "\"\\u0000\"", 0, "line 1, column 4: this escape is not a character that may stand in a text" },
  { "\"\\ud800\"", 0, "line 1, column 4: this escape is not a character that may stand in a text" },
  { "\"\\ude00\\ud83d\"", 0, "line 1, column 4: this escape is not a character that may stand in a text" },
  { "{\"a\0b\": 1}", 10, "line 1, column 4: there is a NUL byte" },
  { "{\"\xff\": 1}", 0, "line 1, column 3: the text is not valid UTF-8" },
  { "tru", 0, "line 1, column 1: a value is expected here" },
};

static void
test_cases (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      gsize length = cases[i].length > 0 ? cases[i].length : strlen (cases[i].text);
      /* Exactly as long as the text, so that reading past it is seen by ASan. */
      g_autofree char *exact = length > 0 ? g_memdup2 (cases[i].text, length) : NULL;
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = lodge_json_parse (exact != NULL ? exact : "", length, &error);

      g_test_message ("case %" G_GSIZE_FORMAT, i);
      if (cases[i].message == NULL)
        {
          g_assert_no_error (error);
          g_assert_nonnull (node);
        }
      else
        {
          g_assert_null (node);
          g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
          g_assert_cmpstr (error->message, ==, cases[i].message);
        }
    }
}

/* As deep as allowed is fine, one more is not, and a megabyte of brackets does not eat the stack. */
static void
test_depth (void)
{
  static const guint depths[] = { LODGE_JSON_MAX_DEPTH, LODGE_JSON_MAX_DEPTH + 1, 1024 * 1024 };

  for (gsize i = 0; i < G_N_ELEMENTS (depths); i++)
    {
      g_autofree char *open = g_strnfill (depths[i], '[');
      g_autofree char *close = g_strnfill (depths[i], ']');
      g_autofree char *text = g_strconcat (open, close, NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = lodge_json_parse (text, strlen (text), &error);

      g_assert_cmpint (node != NULL, ==, depths[i] <= LODGE_JSON_MAX_DEPTH);
      if (node == NULL)
        g_assert_cmpstr (error->message, ==, "line 1, column 33: the values are nested too deep");
    }
}

static void
test_too_many_values (void)
{
  g_autoptr (GString) text = g_string_new ("[0");
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < LODGE_JSON_MAX_VALUES; i++)
    g_string_append (text, ",0");
  g_string_append_c (text, ']');
  g_assert_null (lodge_json_parse (text->str, text->len, &error));
  g_assert_nonnull (strstr (error->message, "there are too many values"));
}

static void
test_values (void)
{
  const char *text = "{\"i\": -7, \"d\": 2.5, \"s\": \"\\u00fc\\ud83d\\ude00\\/\\t\", \"b\": true}";
  g_autoptr (JsonNode) node = lodge_json_parse (text, strlen (text), NULL);
  JsonObject *object = json_node_get_object (node);
  g_autofree char *printed = lodge_json_print (object, NULL);

  g_assert_cmpint (json_object_get_int_member (object, "i"), ==, -7);
  g_assert_cmpfloat (json_object_get_double_member (object, "d"), ==, 2.5);
  g_assert_cmpstr (json_object_get_string_member (object, "s"), ==, "ü😀/\t");
  g_assert_true (json_object_get_boolean_member (object, "b"));
  g_assert_cmpstr (printed, ==,
                   "{\n  \"i\" : -7,\n  \"d\" : 2.5,\n  \"s\" : \"ü😀/\\t\",\n  \"b\" : true\n}\n");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/cases", test_cases);
  g_test_add_func ("/json/depth", test_depth);
  g_test_add_func ("/json/too-many-values", test_too_many_values);
  g_test_add_func ("/json/values", test_values);
  return g_test_run ();
}
