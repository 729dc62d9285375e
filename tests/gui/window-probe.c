/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * Preloaded into the program as it is, by tests/lodgetest/probe.py. When the first window is presented, it connects to the
 * socket named in LODGE_PROBE; whoever waits there may then ask, one line each, and is answered with one line:
 *
 *   frames         how many frames all windows have painted so far
 *   filter TEXT    types TEXT, which is ASCII, into the search entry; milliseconds until the frame that shows it is painted, and those of them in
 *                  which the program had a processor, as a busy host does not always give it one
 *   scroll PIXELS [CLASS]  scrolls the first list, or that with the style class, to its end, PIXELS a frame; frames, frames that the
 *                  clock left out, median and longest milliseconds from a frame's begin to its end, and the same with a processor
 *   drop PATH TEXT drops a file on the first window; milliseconds until a frame of another window shows a text that begins so,
 *                  and the longest time for which the main loop did nothing else, until then and in the half second after it,
 *                  and these two with a processor
 *   open NAME TEXT activates an action; the same of any window
 *   labels         JSON: every text that can be seen in any window, where, whether it is cut, and whether it is that of a suggested action
 *   windows        JSON: the types of all windows that can be seen, the active one first
 *   page NUMBER    shows that page of the active window's view stack; how many it has
 *   action NAME    activates an action, whose name may have its target in brackets, of the first window or of what is seen in it, as a button there does; whether there
 *                  is one
 *   menu NUMBER [TYPE]  opens that menu button of the active window, or of the first thing of that type in it; how many it has
 *   machine NAME   goes to the page of that machine; whether there is one
 *   select NUMBER  selects that snapshot on their page
 *   focus          the type of what has the focus in the active window, and whether it is seen
 *   present TYPE   makes the window of that type the active one: a window manager gives no focus to what nobody asked for
 *   close          closes the active window, as its close button does
 *   direction DIR  "rtl" or "ltr" from now on, as the locale would have it
 */

#include <adwaita.h>
#include <dlfcn.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <time.h>

static GSocketConnection *probe;
static GDataInputStream *input;
static GtkWindow *first;
/* In microseconds. */
typedef struct
{
  gint64 wall;
  gint64 processor; /* of this thread */
} Time;

static guint64 n_frames;
static Time frame_began;

static Time filter_began;
static gboolean filtering;

static char *awaited;      /* the text that has not been seen */
static gboolean elsewhere; /* the first window does not count */
static gint64 awaited_since, awaited_took;
static Time last_turn, longest_turn, longest_before;

static double scroll_step;
static gint64 scroll_time, scroll_left_out;
static GArray *scroll_took, *scroll_worked; /* of gint64, a frame */

static void next_line (void);

static void
answer (const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (probe)), text, strlen (text), NULL, NULL, NULL);
  next_line ();
}

static Time
get_time (void)
{
  struct timespec processor;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &processor);
  return (Time) { g_get_monotonic_time (), processor.tv_sec * G_USEC_PER_SEC + processor.tv_nsec / 1000 };
}

static void
make_longest (Time *longest, Time since, Time now)
{
  longest->wall = MAX (longest->wall, now.wall - since.wall);
  longest->processor = MAX (longest->processor, now.processor - since.processor);
}

static double
in_ms (gint64 microseconds)
{
  return (double) microseconds / 1000;
}

static GtkWidget *
find (GtkWidget *top, GType type)
{
  if (!gtk_widget_get_mapped (top))
    return NULL;
  if (G_TYPE_CHECK_INSTANCE_TYPE (top, type))
    return top;
  for (GtkWidget *child = gtk_widget_get_first_child (top); child != NULL; child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *found = find (child, type);

      if (found != NULL)
        return found;
    }

  return NULL;
}

/* The list that is scrolled: that with the style class, or the first. */
static GtkWidget *
find_list (GtkWidget *top, const char *style)
{
  if (!gtk_widget_get_mapped (top))
    return NULL;
  if (GTK_IS_LIST_VIEW (top) && (style == NULL || gtk_widget_has_css_class (top, style)))
    return top;
  for (GtkWidget *child = gtk_widget_get_first_child (top); child != NULL; child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *found = find_list (child, style);

      if (found != NULL)
        return found;
    }

  return NULL;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  gint64 difference = *(const gint64 *) a - *(const gint64 *) b;

  return difference < 0 ? -1 : difference > 0;
}

static void
before_paint_cb (GdkFrameClock *clock)
{
  frame_began = get_time ();
}

static gboolean
shows_text (GtkWidget *widget, const char *text)
{
  if (!gtk_widget_get_mapped (widget))
    return FALSE;
  if (GTK_IS_LABEL (widget) && g_str_has_prefix (gtk_label_get_text (GTK_LABEL (widget)), text))
    return TRUE;
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL; child = gtk_widget_get_next_sibling (child))
    if (shows_text (child, text))
      return TRUE;

  return FALSE;
}

static void
look_for_awaited (Time now)
{
  GListModel *windows = gtk_window_get_toplevels ();

  for (guint i = 0; i < g_list_model_get_n_items (windows) && awaited != NULL; i++)
    {
      g_autoptr (GtkWidget) window = g_list_model_get_item (windows, i);

      if ((elsewhere && window == GTK_WIDGET (first)) || !shows_text (window, awaited))
        continue;
      g_clear_pointer (&awaited, g_free);
      awaited_took = now.wall - awaited_since;
      make_longest (&longest_turn, last_turn, now);
      longest_before = longest_turn;
      longest_turn = (Time) { 0, 0 };
      last_turn = now;
    }
}

/* The main loop comes by here each millisecond or so, unless something keeps it. */
static gboolean
turn_cb (gpointer unused)
{
  Time now = get_time ();

  make_longest (&longest_turn, last_turn, now);
  last_turn = now;
  if (awaited != NULL || now.wall - awaited_since - awaited_took < G_USEC_PER_SEC / 2)
    return G_SOURCE_CONTINUE;
  answer ("%.3f %.3f %.3f %.3f %.3f\n", in_ms (awaited_took), in_ms (longest_before.wall), in_ms (longest_turn.wall),
          in_ms (longest_before.processor), in_ms (longest_turn.processor));
  return G_SOURCE_REMOVE;
}

static void
await (const char *text, gboolean in_another)
{
  awaited = g_strdup (text);
  elsewhere = in_another;
  last_turn = get_time ();
  longest_turn = (Time) { 0, 0 };
  awaited_since = last_turn.wall;
  awaited_took = 0;
  g_timeout_add_full (G_PRIORITY_HIGH, 1, turn_cb, NULL, NULL);
}

static void
drop (const char *path, const char *text)
{
  g_autoptr (GListModel) controllers = gtk_widget_observe_controllers (GTK_WIDGET (first));
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_auto (GValue) value = G_VALUE_INIT;
  gboolean taken = FALSE;

  g_value_init (&value, GDK_TYPE_FILE_LIST);
  g_value_take_boxed (&value, gdk_file_list_new_from_array (&file, 1));
  await (text, TRUE);
  for (guint i = 0; i < g_list_model_get_n_items (controllers) && !taken; i++)
    {
      g_autoptr (GObject) controller = g_list_model_get_item (controllers, i);

      if (GTK_IS_DROP_TARGET (controller))
        g_signal_emit_by_name (controller, "drop", &value, 10.0, 10.0, &taken);
    }
}

static void
after_paint_cb (GdkFrameClock *clock)
{
  Time now = get_time ();
  gint64 took = now.wall - frame_began.wall, worked = now.processor - frame_began.processor;

  n_frames++;
  if (scroll_took != NULL)
    {
      g_array_append_val (scroll_took, took);
      g_array_append_val (scroll_worked, worked);
    }
  if (awaited != NULL)
    look_for_awaited (now);
  if (filtering)
    {
      filtering = FALSE;
      answer ("%.3f %.3f\n", in_ms (now.wall - filter_began.wall), in_ms (now.processor - filter_began.processor));
    }
}

/* Of sorted times the middle one or the last. */
static gint64
get_sorted (GArray *times, gboolean last)
{
  return times->len > 0 ? g_array_index (times, gint64, last ? times->len - 1 : times->len / 2) : 0;
}

static gboolean
scroll_cb (GtkWidget *list, GdkFrameClock *clock, gpointer unused)
{
  GtkAdjustment *adjustment = gtk_scrollable_get_vadjustment (GTK_SCROLLABLE (list));
  double end = gtk_adjustment_get_upper (adjustment) - gtk_adjustment_get_page_size (adjustment);
  double value = gtk_adjustment_get_value (adjustment);
  gint64 time = gdk_frame_clock_get_frame_time (clock), interval = 16667;

  gdk_frame_clock_get_refresh_info (clock, time, &interval, NULL);
  if (scroll_time != 0 && interval > 0)
    scroll_left_out += MAX (0, (time - scroll_time + interval / 2) / interval - 1);
  scroll_time = time;
  if (value < end - 0.5)
    {
      gtk_adjustment_set_value (adjustment, MIN (end, value + scroll_step));
      return G_SOURCE_CONTINUE;
    }

  g_array_sort (scroll_took, compare);
  g_array_sort (scroll_worked, compare);
  answer ("%u %" G_GINT64_FORMAT " %.3f %.3f %.3f %.3f\n", scroll_took->len, scroll_left_out,
          in_ms (get_sorted (scroll_took, FALSE)), in_ms (get_sorted (scroll_took, TRUE)),
          in_ms (get_sorted (scroll_worked, FALSE)), in_ms (get_sorted (scroll_worked, TRUE)));
  g_clear_pointer (&scroll_took, g_array_unref);
  g_clear_pointer (&scroll_worked, g_array_unref);
  return G_SOURCE_REMOVE;
}

/* Whether the label has less room than its text wants; one that is to wrap takes what it gets. */
static gboolean
is_cut (GtkLabel *label)
{
  PangoLayout *layout = gtk_label_get_layout (label);
  int width, height;

  if (pango_layout_is_ellipsized (layout))
    return TRUE;
  pango_layout_get_pixel_size (layout, &width, &height);
  return gtk_widget_get_width (GTK_WIDGET (label)) < width || gtk_widget_get_height (GTK_WIDGET (label)) < height;
}

static gboolean
is_suggested (GtkWidget *label)
{
  GtkWidget *button = gtk_widget_get_ancestor (label, GTK_TYPE_BUTTON);

  return button != NULL && gtk_widget_has_css_class (button, "suggested-action");
}

static void
add_labels (GString *json, GtkWidget *widget, const char *window)
{
  if (!gtk_widget_get_mapped (widget) || !gtk_widget_get_child_visible (widget))
    return;

  if (GTK_IS_LABEL (widget) && *gtk_label_get_text (GTK_LABEL (widget)) != '\0')
    {
      GtkWidget *parent = gtk_widget_get_parent (widget);
      /* What JSON would have to escape is not what is looked for. */
      g_auto (GStrv) parts = g_strsplit_set (gtk_label_get_text (GTK_LABEL (widget)), "\\\"\n\t", -1);
      g_autofree char *plain = g_strjoinv (" ", parts);

      graphene_rect_t bounds = GRAPHENE_RECT_INIT_ZERO;

      if (!gtk_widget_compute_bounds (widget, GTK_WIDGET (gtk_widget_get_native (widget)), &bounds))
        return;
      g_string_append_printf (json,
                              "%s{\"text\": \"%s\", \"in\": \"%s\", \"cut\": %s, \"suggested\": %s, \"window\": \"%s\", "
                              "\"x\": %d, \"width\": %d, \"room\": %d}",
                              json->len > 1 ? ", " : "", plain, G_OBJECT_TYPE_NAME (parent),
                              is_cut (GTK_LABEL (widget)) ? "true" : "false",
                              is_suggested (widget) ? "true" : "false", window, (int) bounds.origin.x,
                              (int) bounds.size.width, gtk_widget_get_width (GTK_WIDGET (gtk_widget_get_native (widget))));
    }
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL; child = gtk_widget_get_next_sibling (child))
    add_labels (json, child, window);
}

static void
answer_labels (void)
{
  GListModel *windows = gtk_window_get_toplevels ();
  g_autoptr (GString) json = g_string_new ("[");

  for (guint i = 0; i < g_list_model_get_n_items (windows); i++)
    {
      g_autoptr (GtkWidget) window = g_list_model_get_item (windows, i);

      add_labels (json, window, G_OBJECT_TYPE_NAME (window));
    }
  answer ("%s]\n", json->str);
}

static void
answer_windows (void)
{
  GListModel *windows = gtk_window_get_toplevels ();
  g_autoptr (GString) json = g_string_new (NULL);

  for (guint i = 0; i < g_list_model_get_n_items (windows); i++)
    {
      g_autoptr (GtkWindow) window = g_list_model_get_item (windows, i);
      g_autofree char *name = g_strdup_printf ("\"%s\"", G_OBJECT_TYPE_NAME (window));

      if (!gtk_widget_get_mapped (GTK_WIDGET (window)))
        continue;
      if (json->len > 0)
        g_string_insert (json, gtk_window_is_active (window) ? 0 : -1, ", ");
      g_string_insert (json, gtk_window_is_active (window) ? 0 : -1, name);
    }
  answer ("[%s]\n", json->str);
}

static void
raise_window (const char *type)
{
  GListModel *windows = gtk_window_get_toplevels ();

  for (guint i = 0; i < g_list_model_get_n_items (windows); i++)
    {
      g_autoptr (GtkWindow) window = g_list_model_get_item (windows, i);

      if (g_str_equal (G_OBJECT_TYPE_NAME (window), type) && gtk_widget_get_mapped (GTK_WIDGET (window)))
        gtk_window_present (window);
    }
  answer ("ok\n");
}

/* (transfer none) (nullable) */
static GtkWindow *
get_active (void)
{
  GListModel *windows = gtk_window_get_toplevels ();

  for (guint i = 0; i < g_list_model_get_n_items (windows); i++)
    {
      g_autoptr (GtkWindow) window = g_list_model_get_item (windows, i);

      if (gtk_window_is_active (window))
        return window;
    }
  return NULL;
}

static void
gather_menu_buttons (GPtrArray *buttons, GtkWidget *widget)
{
  if (!gtk_widget_get_mapped (widget))
    return;
  if (GTK_IS_MENU_BUTTON (widget))
    g_ptr_array_add (buttons, widget);
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL; child = gtk_widget_get_next_sibling (child))
    gather_menu_buttons (buttons, child);
}

/* Also where the list is on a page that is not shown. (transfer none) (nullable) */
static GtkWidget *
find_type (GtkWidget *widget, GType type)
{
  GtkWidget *found = G_TYPE_CHECK_INSTANCE_TYPE (widget, type) ? widget : NULL;

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL && found == NULL;
       child = gtk_widget_get_next_sibling (child))
    found = find_type (child, type);
  return found;
}

static void
go_to_machine (const char *wanted)
{
  /* The panes of the window, and so the lists in them, are in no order. */
  GType type = g_type_from_name ("LodgeMachineList");
  GtkWidget *pane = type != G_TYPE_INVALID ? find_type (GTK_WIDGET (first), type) : NULL;
  GtkWidget *list = pane != NULL ? find_type (pane, GTK_TYPE_LIST_VIEW) : NULL;
  GtkWidget *leaflet = find_type (GTK_WIDGET (first), ADW_TYPE_LEAFLET);
  GtkSelectionModel *model = list != NULL ? gtk_list_view_get_model (GTK_LIST_VIEW (list)) : NULL;
  guint n = model != NULL ? g_list_model_get_n_items (G_LIST_MODEL (model)) : 0;
  gboolean found = FALSE;

  for (guint i = 0; i < n && !found; i++)
    {
      g_autoptr (GObject) item = g_list_model_get_item (G_LIST_MODEL (model), i);
      g_autofree char *name = NULL;

      g_object_get (item, "name", &name, NULL);
      found = g_strcmp0 (name, wanted) == 0;
      if (found)
        gtk_selection_model_select_item (model, i, TRUE);
      if (found && leaflet != NULL && adw_leaflet_get_folded (ADW_LEAFLET (leaflet)))
        adw_leaflet_navigate (ADW_LEAFLET (leaflet), ADW_NAVIGATION_DIRECTION_FORWARD);
    }
  answer ("%d\n", found);
}

/* The list of a snapshots page that stands upright is the tree; the timeline lies. */
static GtkWidget *
find_tree (GtkWidget *widget)
{
  GtkWidget *found = GTK_IS_LIST_VIEW (widget) && gtk_orientable_get_orientation (GTK_ORIENTABLE (widget)) == GTK_ORIENTATION_VERTICAL
                       ? widget : NULL;

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL && found == NULL;
       child = gtk_widget_get_next_sibling (child))
    found = find_tree (child);
  return found;
}

static void
select_snapshot (guint number)
{
  GType type = g_type_from_name ("LodgeSnapshotPage");
  GtkWidget *page = type != G_TYPE_INVALID ? find_type (GTK_WIDGET (first), type) : NULL;
  GtkWidget *tree = page != NULL ? find_tree (page) : NULL;
  GtkSelectionModel *model = tree != NULL ? gtk_list_view_get_model (GTK_LIST_VIEW (tree)) : NULL;

  /* They come from the core, some time after the page. */
  answer ("%d\n", model != NULL && number < g_list_model_get_n_items (G_LIST_MODEL (model))
                    && gtk_selection_model_select_item (model, number, TRUE)
                    && gtk_selection_model_is_selected (model, number));
}

static void
open_menu (const char *words)
{
  GtkWindow *window = get_active ();
  g_autoptr (GPtrArray) buttons = g_ptr_array_new ();
  char *rest;
  guint number = (guint) g_ascii_strtoull (words, &rest, 10);
  GType type = *rest != '\0' ? g_type_from_name (rest + 1) : GTK_TYPE_WIDGET;
  GtkWidget *top = window != NULL && type != G_TYPE_INVALID ? find (GTK_WIDGET (window), type) : NULL;

  if (top != NULL)
    gather_menu_buttons (buttons, top);
  if (number < buttons->len)
    gtk_menu_button_popup (buttons->pdata[number]);
  answer ("%u\n", buttons->len);
}

static void
show_page (guint number)
{
  GtkWindow *window = get_active ();
  GtkWidget *stack = window != NULL ? find (GTK_WIDGET (window), ADW_TYPE_VIEW_STACK) : NULL;

  if (stack == NULL)
    answer ("0\n");
  else
    {
      g_autoptr (GtkSelectionModel) pages = adw_view_stack_get_pages (ADW_VIEW_STACK (stack));

      if (number < g_list_model_get_n_items (G_LIST_MODEL (pages)))
        gtk_selection_model_select_item (pages, number, TRUE);
      answer ("%u\n", g_list_model_get_n_items (G_LIST_MODEL (pages)));
    }
}

/* Groups of actions may be in any widget. */
static gboolean
activate (GtkWidget *widget, const char *action, GVariant *target)
{
  gboolean found = gtk_widget_get_mapped (widget) && gtk_widget_activate_action_variant (widget, action, target);

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL && !found;
       child = gtk_widget_get_next_sibling (child))
    found = activate (child, action, target);
  return found;
}

/* @detailed: "win.back", or "win.open('/tmp')" */
static gboolean
activate_detailed (const char *detailed)
{
  g_autoptr (GVariant) target = NULL;
  g_autofree char *action = NULL;

  return g_action_parse_detailed_name (detailed, &action, &target, NULL) && activate (GTK_WIDGET (first), action, target);
}

/* As keys do: what stays is not put in anew, which would be two searches. */
static void
type (const char *text)
{
  GtkWidget *entry = find (GTK_WIDGET (first), GTK_TYPE_SEARCH_ENTRY);
  const char *before = entry != NULL ? gtk_editable_get_text (GTK_EDITABLE (entry)) : "";
  int n = 0;

  g_return_if_fail (entry != NULL);
  if (g_str_equal (before, text))
    {
      answer ("0 0\n");
      return;
    }
  while (text[n] != '\0' && text[n] == before[n])
    n++;
  filter_began = get_time ();
  filtering = TRUE;
  if (before[n] != '\0')
    gtk_editable_delete_text (GTK_EDITABLE (entry), n, -1);
  if (text[n] != '\0')
    gtk_editable_insert_text (GTK_EDITABLE (entry), text + n, -1, &n);
}

static void
obey (const char *line)
{
  if (g_str_equal (line, "frames"))
    answer ("%" G_GUINT64_FORMAT "\n", n_frames);
  else if (g_str_has_prefix (line, "drop "))
    {
      g_auto (GStrv) words = g_strsplit (line, " ", 3);

      g_return_if_fail (g_strv_length (words) == 3);
      drop (words[1], words[2]);
    }
  else if (g_str_equal (line, "labels"))
    answer_labels ();
  else if (g_str_equal (line, "windows"))
    answer_windows ();
  else if (g_str_has_prefix (line, "page "))
    show_page ((guint) g_ascii_strtoull (line + strlen ("page "), NULL, 10));
  else if (g_str_has_prefix (line, "menu "))
    open_menu (line + strlen ("menu "));
  else if (g_str_has_prefix (line, "machine "))
    go_to_machine (line + strlen ("machine "));
  else if (g_str_has_prefix (line, "select "))
    select_snapshot ((guint) g_ascii_strtoull (line + strlen ("select "), NULL, 10));
  else if (g_str_equal (line, "focus"))
    {
      GtkWidget *focus = get_active () != NULL ? gtk_window_get_focus (get_active ()) : NULL;

      answer ("%s %d\n", focus != NULL ? G_OBJECT_TYPE_NAME (focus) : "none", focus != NULL && gtk_widget_get_mapped (focus));
    }
  else if (g_str_has_prefix (line, "present "))
    raise_window (line + strlen ("present "));
  else if (g_str_equal (line, "close"))
    {
      if (get_active () != NULL)
        gtk_window_close (get_active ());
      answer ("ok\n");
    }
  else if (g_str_has_prefix (line, "action "))
    answer ("%d\n", activate_detailed (line + strlen ("action ")));
  else if (g_str_has_prefix (line, "open "))
    {
      g_auto (GStrv) words = g_strsplit (line, " ", 3);

      g_return_if_fail (g_strv_length (words) == 3);
      await (words[2], FALSE);
      activate_detailed (words[1]);
    }
  else if (g_str_has_prefix (line, "direction "))
    {
      gtk_widget_set_default_direction (g_str_has_suffix (line, "rtl") ? GTK_TEXT_DIR_RTL : GTK_TEXT_DIR_LTR);
      answer ("ok\n");
    }
  else if (g_str_has_prefix (line, "filter "))
    type (line + strlen ("filter "));
  else if (g_str_has_prefix (line, "scroll "))
    {
      g_auto (GStrv) words = g_strsplit (line, " ", 3);
      GtkWidget *list = find_list (GTK_WIDGET (first), words[2]);

      g_return_if_fail (list != NULL);
      gtk_adjustment_set_value (gtk_scrollable_get_vadjustment (GTK_SCROLLABLE (list)), 0);
      scroll_step = g_ascii_strtod (words[1], NULL);
      scroll_time = scroll_left_out = 0;
      scroll_took = g_array_new (FALSE, FALSE, sizeof (gint64));
      scroll_worked = g_array_new (FALSE, FALSE, sizeof (gint64));
      gtk_widget_add_tick_callback (list, scroll_cb, NULL, NULL);
    }
}

static void
line_cb (GObject *source, GAsyncResult *result, gpointer unused)
{
  g_autofree char *line = g_data_input_stream_read_line_finish (input, result, NULL, NULL);

  if (line != NULL)
    obey (line);
}

static void
next_line (void)
{
  g_data_input_stream_read_line_async (input, G_PRIORITY_DEFAULT, NULL, line_cb, NULL);
}

static void
watch (GtkWidget *widget)
{
  GdkFrameClock *clock = gtk_widget_get_frame_clock (widget);

  g_signal_connect (clock, "before-paint", G_CALLBACK (before_paint_cb), NULL);
  g_signal_connect (clock, "after-paint", G_CALLBACK (after_paint_cb), NULL);
}

G_MODULE_EXPORT void
gtk_window_present (GtkWindow *window)
{
  static GHashTable *seen;
  void (*present) (GtkWindow *) = (void (*) (GtkWindow *)) dlsym (RTLD_NEXT, "gtk_window_present");
  const char *path = g_getenv ("LODGE_PROBE");

  if (seen == NULL)
    seen = g_hash_table_new (NULL, NULL);
  if (g_hash_table_add (seen, window))
    g_signal_connect (window, "realize", G_CALLBACK (watch), NULL);
  if (first == NULL && path != NULL)
    {
      g_autoptr (GSocketClient) client = g_socket_client_new ();
      g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);

      first = window;
      g_unsetenv ("LD_PRELOAD"); /* not for what the program starts */
      probe = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, NULL);
      if (probe != NULL)
        {
          input = g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (probe)));
          next_line ();
        }
    }
  present (window);
}
