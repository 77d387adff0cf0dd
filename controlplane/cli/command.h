/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line: one table of commands gives parsing, help and completion. Pure but for the
 * streams it prints on. */
#ifndef FOG_CLI_COMMAND_H
#define FOG_CLI_COMMAND_H

#include "controlplane/core/trace.h"
#include "crypto/types.h"

#define FOG_CLI_ARGS_MAX 256 /* words after the command; more: usage error */

/* Exit statuses. */
#define FOG_CLI_OK     0
#define FOG_CLI_FAILED 1
#define FOG_CLI_USAGE  2

enum fog_option {
#define X(id, name, letter, argument, help) FOG_OPTION_##id,
#include "controlplane/cli/options.def"
#undef X
	FOG_OPTION_COUNT
};

/* A set of options. */
typedef unsigned __int128 fog_option_set;

#define FOG_OPTION_BIT(id) ((fog_option_set)1 << FOG_OPTION_##id)
#define FOG_OPTIONS_GLOBAL                                                       \
	(FOG_OPTION_BIT(JSON) | FOG_OPTION_BIT(HELP) | FOG_OPTION_BIT(VERBOSE) | \
	 FOG_OPTION_BIT(SOCKET) | FOG_OPTION_BIT(HOST) | FOG_OPTION_BIT(LAB))

_Static_assert(FOG_OPTION_COUNT <= 128, "options are a bit set");

struct fog_option_info {
	const char *name;
	char letter;          /* 0 = none; one command has at most one of a letter */
	const char *argument; /* NULL = flag */
	const char *help;
};

extern const struct fog_option_info fog_options[FOG_OPTION_COUNT];

struct fog_cli;

struct fog_command {
	const char *words;     /* "job submit", "status" */
	const char *arguments; /* as in the usage line: "JOB", "[HOST]", "-- ARGV..." or "" */
	u32 args_min, args_max;
	fog_option_set options; /* FOG_OPTION_BIT()s beside the global ones */
	const char *summary;
	const char *details;             /* NULL = none */
	int (*run)(struct fog_cli *cli); /* FOG_CLI_OK, _FAILED or _USAGE; has printed why */
	bool hidden;                     /* not in help and completion */
};

extern const struct fog_command fog_commands[];
extern const u32 fog_commands_count;

/* One call of fogctl. */
struct fog_cli {
	const struct fog_command *command;      /* NULL with help of all */
	const char *option[FOG_OPTION_COUNT];   /* NULL = not given; "" for flags */
	const char *args[FOG_CLI_ARGS_MAX + 1]; /* after the command's words; NULL at the end */
	u32 args_count;
	FILE *out, *err;
	struct fog_trace trace; /* of all calls of this command; none: they have none */
	bool json;
	bool color;    /* out is a terminal and NO_COLOR is unset */
	bool terminal; /* err is a terminal: progress may be drawn */
};

/* Parse argv into cli, whose streams are set. FOG_CLI_OK, or FOG_CLI_USAGE after printing why.
 * `--help` and `help WORDS` leave option[HELP] set and command the one asked about. */
int fog_cli_parse(struct fog_cli *cli, int argc, char *const *argv);

/* Print help on `command`, or the overview when it is NULL. */
void fog_cli_help(FILE *out, const struct fog_command *command);
/* Bash completion script. */
void fog_cli_completion(FILE *out);
/* The manual page fogctl(1). */
void fog_cli_man(FILE *out);

/* Say why on cli->err as "fogctl: ...", or with --json {"error":{"message":..,"trace_id":..}} on
 * cli->out. Return FOG_CLI_FAILED and FOG_CLI_USAGE, so that commands can return their value. */
__attribute__((format(printf, 2, 3))) int fog_cli_fail(const struct fog_cli *cli, const char *fmt,
						       ...);
__attribute__((format(printf, 2, 3))) int fog_cli_usage(const struct fog_cli *cli, const char *fmt,
							...);

#endif
