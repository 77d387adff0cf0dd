/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/command.h"

#include <stdarg.h>

#include <jansson.h>

const struct fog_option_info fog_options[FOG_OPTION_COUNT] = {
#define X(id, name, letter, argument, help) {name, letter, argument, help},
#include "controlplane/cli/options.def"
#undef X
};

static void complain(const struct fog_cli *cli, const char *fmt, va_list args)
{
	char text[1024], trace[FOG_TRACE_ID_SIZE];

	vsnprintf(text, sizeof(text), fmt, args);
	if (!cli->json) {
		fprintf(cli->err, "fogctl: %s\n", text);
		return;
	}
	json_t *error = json_pack("{s:{s:s?}}", "error", "message", text);
	if (error == NULL) /* the text is not UTF-8 */
		error = json_pack("{s:{s:s}}", "error", "message", "failed");
	if (error != NULL && fog_trace_is(&cli->trace))
		json_object_set_new(json_object_get(error, "error"), "trace_id",
				    json_string(fog_trace_id_hex(&cli->trace, trace)));
	if (error != NULL) {
		json_dumpf(error, cli->out, JSON_COMPACT);
		fputc('\n', cli->out);
		json_decref(error);
	}
}

int fog_cli_fail(const struct fog_cli *cli, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(cli, fmt, args);
	va_end(args);
	return FOG_CLI_FAILED;
}

int fog_cli_usage(const struct fog_cli *cli, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(cli, fmt, args);
	va_end(args);
	if (!cli->json)
		fprintf(cli->err, "Try: fogctl help%s%s\n", cli->command ? " " : "",
			cli->command ? cli->command->words : "");
	return FOG_CLI_USAGE;
}

/* The command these words begin with: two words are tried before one. *used = how many it took. */
static const struct fog_command *command_find(const char *const *words, u32 count, u32 *used)
{
	char two[64];

	for (u32 n = FOG_MIN(count, 2u); n > 0; n--) {
		snprintf(two, sizeof(two), "%s%s%s", words[0], n == 2 ? " " : "",
			 n == 2 ? words[1] : "");
		for (u32 i = 0; i < fog_commands_count; i++) {
			if (strcmp(fog_commands[i].words, two) == 0) {
				*used = n;
				return &fog_commands[i];
			}
		}
	}
	*used = 0;
	return NULL;
}

static int option_find(const char *name, size_t length, char letter, fog_option_set allowed)
{
	for (int i = 0; i < FOG_OPTION_COUNT; i++) {
		const struct fog_option_info *o = &fog_options[i];
		if (letter != 0 ? o->letter == letter && (allowed & ((fog_option_set)1 << i)) != 0
				: strlen(o->name) == length && memcmp(o->name, name, length) == 0)
			return i;
	}
	return -1;
}

/* A letter means what it means to the command, when that comes first. */
static fog_option_set letters_of(const struct fog_cli *cli)
{
	const struct fog_command *command;
	u32 used;

	command = command_find(cli->args, cli->args_count, &used);
	return command != NULL ? command->options | FOG_OPTIONS_GLOBAL : ~(fog_option_set)0;
}

/* argv[*at] is an option; takes its argument too. */
static int option_take(struct fog_cli *cli, int argc, char *const *argv, int *at)
{
	const char *word = argv[*at];
	bool letter = word[1] != '-';
	const char *name = word + (letter ? 1 : 2);
	size_t length = strcspn(name, "=");
	const char *value = name[length] == '=' ? name + length + 1 : NULL;
	int id = -1;

	if (!letter)
		id = option_find(name, length, 0, 0);
	else if (name[1] == '\0')
		id = option_find(NULL, 0, name[0], letters_of(cli));
	if (id < 0)
		return fog_cli_usage(cli, "unknown option %s", word);
	if (fog_options[id].argument == NULL) {
		if (value != NULL)
			return fog_cli_usage(cli, "--%s takes no value", fog_options[id].name);
		value = "";
	} else if (value == NULL) {
		if (*at + 1 >= argc)
			return fog_cli_usage(cli, "--%s needs a value: %s", fog_options[id].name,
					     fog_options[id].argument);
		value = argv[++*at];
	}
	cli->option[id] = value;
	return FOG_CLI_OK;
}

static int words_collect(struct fog_cli *cli, int argc, char *const *argv)
{
	bool options = true;

	for (int i = 1; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
			int rc = option_take(cli, argc, argv, &i);
			if (rc != FOG_CLI_OK)
				return rc;
		} else if (cli->args_count == FOG_CLI_ARGS_MAX) {
			return fog_cli_usage(cli, "more than %d words", FOG_CLI_ARGS_MAX);
		} else {
			cli->args[cli->args_count++] = argv[i];
		}
	}
	return FOG_CLI_OK;
}

static void words_drop(struct fog_cli *cli, u32 count)
{
	cli->args_count -= count;
	memmove(cli->args, cli->args + count, (cli->args_count + 1) * sizeof(cli->args[0]));
}

static int command_check(struct fog_cli *cli)
{
	fog_option_set allowed = cli->command->options | FOG_OPTIONS_GLOBAL;

	for (int i = 0; i < FOG_OPTION_COUNT; i++)
		if (cli->option[i] != NULL && (allowed & ((fog_option_set)1 << i)) == 0)
			return fog_cli_usage(cli, "\"%s\" takes no --%s", cli->command->words,
					     fog_options[i].name);
	if (cli->args_count < cli->command->args_min)
		return fog_cli_usage(cli, "\"%s\" needs %s", cli->command->words,
				     cli->command->arguments);
	if (cli->args_count > cli->command->args_max)
		return fog_cli_usage(cli, "too many words after \"%s\": %s", cli->command->words,
				     cli->args[cli->command->args_max]);
	return FOG_CLI_OK;
}

static int command_missing(const struct fog_cli *cli)
{
	char known[256] = "";
	size_t length = strlen(cli->args[0]);
	size_t used = 0;

	for (u32 i = 0; i < fog_commands_count; i++) {
		const char *words = fog_commands[i].words;
		if (strncmp(words, cli->args[0], length) == 0 && words[length] == ' ')
			used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
						 used ? ", " : "", words + length + 1);
		if (used >= sizeof(known))
			break;
	}
	if (known[0] != '\0')
		return fog_cli_usage(cli, "%s what? One of: %s", cli->args[0], known);
	return fog_cli_usage(cli, "no command \"%s\"", cli->args[0]);
}

int fog_cli_parse(struct fog_cli *cli, int argc, char *const *argv)
{
	u32 used;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		cli->json |= strcmp(argv[i], "--json") == 0; /* so that our errors are JSON, too */
	int rc = words_collect(cli, argc, argv);
	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->args_count > 0 && strcmp(cli->args[0], "help") == 0) {
		cli->option[FOG_OPTION_HELP] = "";
		words_drop(cli, 1);
	}
	if (cli->args_count == 0) {
		if (cli->option[FOG_OPTION_HELP] != NULL)
			return FOG_CLI_OK;
		return fog_cli_usage(cli, "which command?");
	}
	cli->command = command_find(cli->args, cli->args_count, &used);
	if (cli->command == NULL)
		return command_missing(cli);
	words_drop(cli, used);
	if (cli->option[FOG_OPTION_HELP] != NULL)
		return FOG_CLI_OK;
	return command_check(cli);
}
