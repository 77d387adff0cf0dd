/* SPDX-License-Identifier: BSD-3-Clause */
/* What people see: tables made from JSON rows, "key  value" sheets, colours. Text that came from
 * elsewhere is printed with control characters made harmless. */
#ifndef FOG_CLI_OUTPUT_H
#define FOG_CLI_OUTPUT_H

#include <jansson.h>

#include "controlplane/cli/command.h"

#define FOG_CELL_TEXT_SIZE 256 /* of one table cell; longer text is cut */

enum fog_format {
	FOG_FORMAT_TEXT = 1, /* strings as they are, numbers, yes/no */
	FOG_FORMAT_ID,       /* first 8 characters */
	FOG_FORMAT_AGE,      /* Unix ms -> "3m20s" before now */
	FOG_FORMAT_MS,       /* "1.2s" */
	FOG_FORMAT_US,       /* microseconds -> "1.25 ms" */
	FOG_FORMAT_SIZE,     /* bytes -> "1.5M" */
	FOG_FORMAT_STATE,    /* coloured word */
	FOG_FORMAT_LIST,     /* items joined with ", " */
	FOG_FORMAT_PATH,     /* node ids shortened, joined with " > " */
	FOG_FORMAT_FIXED3,   /* three decimals */
	FOG_FORMAT_CORES,    /* 1/1000 cores -> "1.5" */
	FOG_FORMAT_COUNT,    /* of items in a list */
	FOG_FORMAT_UFOG,     /* as fog: "1.5" */
	FOG_FORMAT_MFOG,     /* 1/1000 fog, as fog */
	FOG_FORMAT_ACCOUNT,  /* "host:0123abcd": long names after the colon shortened as ids are */
};

struct fog_column {
	const char *title;
	const char *path; /* "capacity.cpu_cores"; absent or null values print "-" */
	enum fog_format format;
	bool right;
};

/* Value at a dotted path, or NULL. Borrowed. */
const json_t *fog_pick(const json_t *object, const char *path);
/* Likewise, as string or number; def when absent or of another type. */
const char *fog_pick_text(const json_t *object, const char *path, const char *def);
i64 fog_pick_number(const json_t *object, const char *path, i64 def);

/* Text of one value. now_ms is for ages. Returns text[FOG_CELL_TEXT_SIZE]. */
char *fog_cell_format(const json_t *value, enum fog_format format, u64 now_ms, char *text);

/* The same rows by the text of member `key`, as a new array; the caller's. */
json_t *fog_rows_sort(const json_t *rows, const char *key);

/* One row an object of `rows` on cli->out. Prints `empty` when there are none. 0 or -errno. */
int fog_table_print(const struct fog_cli *cli, const json_t *rows, const struct fog_column *columns,
		    u32 count, const char *empty);
/* One line a column: "title  value". */
int fog_sheet_print(const struct fog_cli *cli, const json_t *object,
		    const struct fog_column *columns, u32 count);
/* Indented JSON and a line feed on cli->out. */
void fog_json_print(const struct fog_cli *cli, const json_t *value);

/* Escape sequence to start `color` ("green", "red", "yellow", "bold", "dim"; NULL = back to
 * normal), or
 * "" when cli->color is off. */
const char *fog_color(const struct fog_cli *cli, const char *color);
/* Colour of a state word, or NULL. */
const char *fog_state_color(const char *state);

/* Unix time in milliseconds. */
u64 fog_now_ms(void);

#endif
