/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <time.h>

#include <libsmartcols/libsmartcols.h>

#include "controlplane/cli/units.h"

#define ID_SHOWN       8
#define LIST_ITEMS_MAX 16 /* shown of a list; more: "+N" */

struct color {
	const char *name;
	const char *start;
};

static const struct color colors[] = {
	{"red", "\033[31m"}, {"green", "\033[32m"}, {"yellow", "\033[33m"},
	{"bold", "\033[1m"}, {"dim", "\033[2m"},
};

static const struct color state_colors[] = {
	{"up", "green"},        {"running", "green"},    {"succeeded", "green"},
	{"built", "green"},     {"open", "green"},       {"down", "red"},
	{"failed", "red"},      {"dead", "red"},         {"cancelled", "red"},
	{"lost", "red"},        {"queued", "yellow"},    {"starting", "yellow"},
	{"placing", "yellow"},  {"stopped", "yellow"},   {"offered", "yellow"},
	{"building", "yellow"}, {"handshake", "yellow"}, {"healthy", "green"},
	{"degraded", "yellow"}, {"critical", "red"},     {"offline", "red"},
	{"error", "red"},       {"firing", "red"},       {"resolved", "green"},
	{"warning", "yellow"}};

const char *fog_color(const struct fog_cli *cli, const char *color)
{
	if (!cli->color)
		return "";
	if (color == NULL)
		return "\033[0m";
	for (size_t i = 0; i < FOG_ARRAY_COUNT(colors); i++)
		if (strcmp(colors[i].name, color) == 0)
			return colors[i].start;
	return "";
}

const char *fog_state_color(const char *state)
{
	for (size_t i = 0; i < FOG_ARRAY_COUNT(state_colors); i++)
		if (strcmp(state_colors[i].name, state) == 0)
			return state_colors[i].start;
	return NULL;
}

u64 fog_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

const json_t *fog_pick(const json_t *object, const char *path)
{
	char key[64];

	while (object != NULL && *path != '\0') {
		size_t length = strcspn(path, ".");
		if (length >= sizeof(key))
			return NULL;
		memcpy(key, path, length);
		key[length] = '\0';
		object = json_object_get(object, key);
		path += length + (path[length] == '.');
	}
	return object;
}

const char *fog_pick_text(const json_t *object, const char *path, const char *def)
{
	const char *text = json_string_value(fog_pick(object, path));

	return text != NULL ? text : def;
}

i64 fog_pick_number(const json_t *object, const char *path, i64 def)
{
	const json_t *value = fog_pick(object, path);

	if (json_is_integer(value))
		return json_integer_value(value);
	return json_is_real(value) ? (i64)json_real_value(value) : def;
}

/* Append to text, cut at its size. */
__attribute__((format(printf, 2, 3))) static void cell_add(char *text, const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + used, FOG_CELL_TEXT_SIZE - used, fmt, args);
	va_end(args);
}

static void cell_account(const char *name, char *text)
{
	const char *colon = strchr(name, ':');

	if (colon != NULL && strspn(colon + 1, "0123456789abcdef") > ID_SHOWN)
		cell_add(text, "%.*s", (int)(colon + 1 - name) + ID_SHOWN, name);
	else
		cell_add(text, "%s", name);
}

static void cell_plain(const json_t *value, char *text)
{
	if (json_is_string(value))
		cell_add(text, "%s", json_string_value(value));
	else if (json_is_integer(value))
		cell_add(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		cell_add(text, "%g", json_real_value(value));
	else if (json_is_boolean(value))
		cell_add(text, "%s", json_is_true(value) ? "yes" : "no");
	else
		cell_add(text, "-");
}

static void cell_list(const json_t *value, enum fog_format format, char *text)
{
	size_t index;
	const json_t *item;

	if (!json_is_array(value)) {
		cell_plain(value, text);
		return;
	}
	json_array_foreach((json_t *)value, index, item)
	{
		if (index == LIST_ITEMS_MAX) {
			cell_add(text, " +%zu", json_array_size(value) - index);
			break;
		}
		if (index > 0)
			cell_add(text, "%s", format == FOG_FORMAT_PATH ? " > " : ", ");
		if (format == FOG_FORMAT_PATH && json_is_string(item))
			cell_add(text, "%.*s", ID_SHOWN, json_string_value(item));
		else
			cell_plain(item, text);
	}
	if (json_array_size(value) == 0)
		cell_add(text, "-");
}

static void cell_number(const json_t *value, enum fog_format format, u64 now_ms, char *text)
{
	char unit[FOG_UNITS_TEXT_SIZE];
	double real = json_number_value(value);
	u64 whole = real > 0 ? (u64)real : 0;

	switch (format) {
	case FOG_FORMAT_AGE:
		whole = whole < now_ms ? now_ms - whole : 0;
		cell_add(text, "%s", fog_duration_format(whole, unit));
		break;
	case FOG_FORMAT_US:
		cell_add(text, "%.2f ms", json_number_value(value) / 1000);
		break;
	case FOG_FORMAT_MS:
		cell_add(text, "%s", fog_duration_format(whole, unit));
		break;
	case FOG_FORMAT_SIZE:
		cell_add(text, "%s", fog_size_format(whole, unit));
		break;
	case FOG_FORMAT_FIXED3:
		cell_add(text, "%.3f", real);
		break;
	case FOG_FORMAT_UFOG:
		cell_add(text, "%s", fog_amount_format(json_integer_value(value), unit));
		break;
	case FOG_FORMAT_MFOG:
		cell_add(text, "%s", fog_amount_format(1000 * json_integer_value(value), unit));
		break;
	case FOG_FORMAT_CORES:
		cell_add(text, "%g", real / 1000);
		break;
	default:
		cell_plain(value, text);
	}
}

/* Terminal escapes and line feeds in names and messages of others become '?'. */
static void text_defuse(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			*text = '?';
}

char *fog_cell_format(const json_t *value, enum fog_format format, u64 now_ms, char *text)
{
	text[0] = '\0';
	if (value == NULL || json_is_null(value) ||
	    (json_is_string(value) && json_string_length(value) == 0))
		cell_add(text, "-");
	else if (format == FOG_FORMAT_ACCOUNT && json_is_string(value))
		cell_account(json_string_value(value), text);
	else if (format == FOG_FORMAT_LIST || format == FOG_FORMAT_PATH)
		cell_list(value, format, text);
	else if (format == FOG_FORMAT_COUNT)
		cell_add(text, "%zu", json_array_size(value));
	else if (format == FOG_FORMAT_ID && json_is_string(value))
		cell_add(text, "%.*s", ID_SHOWN, json_string_value(value));
	else if (json_is_number(value))
		cell_number(value, format, now_ms, text);
	else
		cell_plain(value, text);
	text_defuse(text);
	return text;
}

static int row_compare(const void *a, const void *b, void *key)
{
	return strcmp(fog_pick_text(*(json_t *const *)a, key, ""),
		      fog_pick_text(*(json_t *const *)b, key, ""));
}

json_t *fog_rows_sort(const json_t *rows, const char *key)
{
	size_t count = json_array_size(rows);
	json_t **list = calloc(count + 1, sizeof(*list));
	json_t *sorted = json_array();

	for (size_t i = 0; list != NULL && i < count; i++)
		list[i] = json_array_get(rows, i);
	if (list != NULL)
		qsort_r(list, count, sizeof(*list), row_compare, (void *)key);
	for (size_t i = 0; list != NULL && i < count; i++)
		json_array_append(sorted, list[i]);
	free(list);
	return sorted;
}

static int row_add(struct libscols_table *table, const struct fog_cli *cli, const json_t *row,
		   const struct fog_column *columns, u32 count)
{
	char text[FOG_CELL_TEXT_SIZE];
	struct libscols_line *line = scols_table_new_line(table, NULL);

	if (line == NULL)
		return -ENOMEM;
	for (u32 i = 0; i < count; i++) {
		fog_cell_format(fog_pick(row, columns[i].path), columns[i].format, fog_now_ms(),
				text);
		if (scols_line_set_data(line, i, text) != 0)
			return -ENOMEM;
		const char *color = fog_state_color(text);
		if (columns[i].format == FOG_FORMAT_STATE && cli->color && color != NULL)
			scols_cell_set_color(scols_line_get_cell(line, i), color);
	}
	return 0;
}

int fog_table_print(const struct fog_cli *cli, const json_t *rows, const struct fog_column *columns,
		    u32 count, const char *empty)
{
	int rc = -ENOMEM;
	size_t index;
	const json_t *row;

	if (json_array_size(rows) == 0) {
		fprintf(cli->out, "%s\n", empty);
		return 0;
	}
	struct libscols_table *table = scols_new_table();
	if (table == NULL)
		return -ENOMEM;
	scols_table_set_stream(table, cli->out);
	scols_table_enable_colors(table, cli->color);
	for (u32 i = 0; i < count; i++)
		if (scols_table_new_column(table, columns[i].title, 0,
					   columns[i].right ? SCOLS_FL_RIGHT : 0) == NULL)
			goto out;
	json_array_foreach((json_t *)rows, index, row)
	{
		rc = row_add(table, cli, row, columns, count);
		if (rc != 0)
			goto out;
	}
	rc = scols_print_table(table) == 0 ? 0 : -EIO;
out:
	scols_unref_table(table);
	return rc;
}

int fog_sheet_print(const struct fog_cli *cli, const json_t *object,
		    const struct fog_column *columns, u32 count)
{
	char text[FOG_CELL_TEXT_SIZE];
	size_t width = 0;

	for (u32 i = 0; i < count; i++)
		width = FOG_MAX(width, strlen(columns[i].title));
	for (u32 i = 0; i < count; i++) {
		fog_cell_format(fog_pick(object, columns[i].path), columns[i].format, fog_now_ms(),
				text);
		bool state = columns[i].format == FOG_FORMAT_STATE;
		const char *color = state ? fog_state_color(text) : NULL;
		fprintf(cli->out, "%-*s  %s%s%s\n", (int)width, columns[i].title,
			color ? fog_color(cli, color) : "", text,
			color ? fog_color(cli, NULL) : "");
	}
	return 0;
}

void fog_json_print(const struct fog_cli *cli, const json_t *value)
{
	json_dumpf(value, cli->out, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	fputc('\n', cli->out);
}
