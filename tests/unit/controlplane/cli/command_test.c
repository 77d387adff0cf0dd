/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "controlplane/cli/command.h"
#include "tests/unit/fog_test.h"

#define WORDS_MAX 16

/* One parsed command line with what it printed. */
struct call {
	struct fog_cli cli;
	char *out, *err;
	size_t out_size, err_size;
	int rc;
};

static void call_parse(struct call *c, const char *const *words)
{
	static char program[] = "fogctl";
	char *argv[WORDS_MAX + 1] = {program};
	int argc = 1;

	memset(c, 0, sizeof(*c));
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)words[argc - 1];
	c->cli.out = open_memstream(&c->out, &c->out_size);
	c->cli.err = open_memstream(&c->err, &c->err_size);
	c->rc = fog_cli_parse(&c->cli, argc, argv);
	fflush(c->cli.out);
	fflush(c->cli.err);
}

static void call_end(struct call *c)
{
	fclose(c->cli.out);
	fclose(c->cli.err);
	free(c->out);
	free(c->err);
}

#define PARSE(c, ...) call_parse(&(c), (const char *const[]){__VA_ARGS__, NULL})

static void test_life_cycle(void)
{
	struct call c;

	PARSE(c, "job", "submit", "--cpu=0.5", "--memory", "64M", "--json", "--", "sh", "-c",
	      "--json");
	CU_ASSERT_EQUAL(c.rc, FOG_CLI_OK);
	CU_ASSERT_STRING_EQUAL(c.cli.command->words, "job submit");
	CU_ASSERT_STRING_EQUAL(c.cli.option[FOG_OPTION_CPU], "0.5");
	CU_ASSERT_STRING_EQUAL(c.cli.option[FOG_OPTION_MEMORY], "64M");
	CU_ASSERT_PTR_NULL(c.cli.option[FOG_OPTION_WALL]);
	CU_ASSERT(c.cli.json);
	CU_ASSERT_EQUAL(c.cli.args_count, 3);
	CU_ASSERT_STRING_EQUAL(c.cli.args[0], "sh");
	CU_ASSERT_STRING_EQUAL(c.cli.args[2], "--json");
	CU_ASSERT_PTR_NULL(c.cli.args[3]);
	call_end(&c);

	PARSE(c, "--host", "ash", "job", "logs", "-f", "1234");
	CU_ASSERT_EQUAL(c.rc, FOG_CLI_OK);
	CU_ASSERT_STRING_EQUAL(c.cli.option[FOG_OPTION_HOST], "ash");
	CU_ASSERT_PTR_NOT_NULL(c.cli.option[FOG_OPTION_FOLLOW]);
	CU_ASSERT(!c.cli.json);
	call_end(&c);

	PARSE(c, "job", "submit", "--", "echo", "--json");
	CU_ASSERT_EQUAL(c.rc, FOG_CLI_OK);
	CU_ASSERT(!c.cli.json);
	call_end(&c);
}

struct wrong_case {
	const char *words[WORDS_MAX];
	const char *message;
};

static const struct wrong_case wrong_cases[] = {
	/*  1 */ {{NULL}, "which command?"},
	/*  2 */ {{"nonsense"}, "no command \"nonsense\""},
	/*  3 */ {{"job"}, "job what? One of: submit, plan"},
	/*  4 */ {{"job", "nonsense"}, "job what?"},
	/*  5 */ {{"job", "why"}, "needs JOB"},
	/*  6 */ {{"job", "show"}, "needs JOB"},
	/*  7 */ {{"job", "show", "a", "b"}, "too many words after \"job show\": b"},
	/*  8 */ {{"status", "--bogus"}, "unknown option --bogus"},
	/*  9 */ {{"status", "-x"}, "unknown option -x"},
	/* 10 */ {{"status", "--jso"}, "unknown option --jso"},
	/* 11 */ {{"status", "--json=yes"}, "--json takes no value"},
	/* 12 */ {{"status", "--socket"}, "--socket needs a value: PATH"},
	/* 13 */ {{"status", "--cpu", "1"}, "\"status\" takes no --cpu"},
	/* 14 */ {{"host", "list", "-ff"}, "unknown option -ff"},
};

static void test_bad_arguments(void)
{
	for (size_t i = 0; i < FOG_ARRAY_COUNT(wrong_cases); i++) {
		struct call c;

		call_parse(&c, wrong_cases[i].words);
		CU_ASSERT_EQUAL(c.rc, FOG_CLI_USAGE);
		CU_ASSERT_PTR_NOT_NULL(strstr(c.err, wrong_cases[i].message));
		CU_ASSERT_EQUAL(c.out_size, 0);
		if (strstr(c.err, wrong_cases[i].message) == NULL)
			printf("case %zu: %s\n", i + 1, c.err);
		call_end(&c);
	}
}

static void test_errors_are_json(void)
{
	struct call c;

	PARSE(c, "status", "--bogus", "--json");
	CU_ASSERT_EQUAL(c.rc, FOG_CLI_USAGE);
	CU_ASSERT_EQUAL(c.err_size, 0);
	json_t *answer = json_loads(c.out, 0, NULL);
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_object_get(json_object_get(answer, "error"), "message")),
		"unknown option --bogus");
	json_decref(answer);
	call_end(&c);

	PARSE(c, "--json", "job", "show", "\xff\xfe", "b\xff");
	answer = json_loads(c.out, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL(json_object_get(answer, "error"));
	json_decref(answer);
	call_end(&c);
}

static void test_too_many_words(void)
{
	static char word[] = "status";
	static char *argv[FOG_CLI_ARGS_MAX + 8];
	struct fog_cli cli = {.out = stdout};

	for (int i = 0; i < FOG_CLI_ARGS_MAX + 7; i++)
		argv[i] = word;
	cli.err = fopen("/dev/null", "w");
	CU_ASSERT_EQUAL(fog_cli_parse(&cli, FOG_CLI_ARGS_MAX + 7, argv), FOG_CLI_USAGE);
	fclose(cli.err);
}

/* Help of each command names its words, its options and what it does. */
static void test_help(void)
{
	for (u32 i = 0; i < fog_commands_count; i++) {
		const struct fog_command *command = &fog_commands[i];
		char *text;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		fog_cli_help(out, command);
		fclose(out);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, command->words));
		CU_ASSERT_PTR_NOT_NULL(strstr(text, command->summary));
		for (int o = 0; o < FOG_OPTION_COUNT; o++) {
			bool takes = ((command->options | FOG_OPTIONS_GLOBAL) &
				      ((fog_option_set)1 << o)) != 0;
			char flag[32];

			snprintf(flag, sizeof(flag), " --%s ", fog_options[o].name);
			CU_ASSERT_EQUAL(strstr(text, flag) != NULL, takes);
		}
		free(text);
	}
	struct call c;
	PARSE(c, "help", "lab", "up");
	CU_ASSERT_EQUAL(c.rc, FOG_CLI_OK);
	CU_ASSERT_STRING_EQUAL(c.cli.command->words, "lab up");
	CU_ASSERT_PTR_NOT_NULL(c.cli.option[FOG_OPTION_HELP]);
	call_end(&c);
	PARSE(c, "job", "show", "--help");
	CU_ASSERT_EQUAL(c.rc, FOG_CLI_OK);
	call_end(&c);
}

static void test_table_is_sound(void)
{
	for (u32 i = 0; i < fog_commands_count; i++) {
		const struct fog_command *c = &fog_commands[i];

		CU_ASSERT_PTR_NOT_NULL(c->run);
		CU_ASSERT((c->options & FOG_OPTIONS_GLOBAL) == 0);
		CU_ASSERT(c->args_min <= c->args_max);
		CU_ASSERT(c->args_max <= FOG_CLI_ARGS_MAX);
		CU_ASSERT_EQUAL(c->arguments[0] == '\0', c->args_max == 0);
		for (u32 j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(c->words, fog_commands[j].words);
	}
}

/* Run by bash: the words it offers are the table's. */
static void test_completion(void)
{
	char script[] = "/tmp/fog-completion-XXXXXX";
	int fd = mkstemp(script);
	FILE *out = fdopen(fd, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fog_cli_completion(out);
	fputs("t() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($#-1)); _fogctl; echo \"${COMPREPLY[*]}\"; "
	      "}\n"
	      "[ \"$(t fogctl lab '')\" = 'up down status kill run' ] || exit 1\n"
	      "[ \"$(t fogctl --json jo)\" = job ] || exit 2\n"
	      "[ \"$(t fogctl job submit --me)\" = --memory ] || exit 3\n"
	      "[ \"$(t fogctl lab up --mode n)\" = netns ] || exit 4\n"
	      "[ \"$(t fogctl help circuit '')\" = 'list build send close' ] || exit 5\n",
	      out);
	fclose(out);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("bash", "bash", script, (char *)NULL);
		_exit(127);
	}
	int status;
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
	unlink(script);
}

/* The page in the tree is the one the table makes; `ninja cli-docs` mends it. */
static void test_man(void)
{
	char *page, *text = calloc(1, 1 << 20);
	size_t size;
	FILE *out = open_memstream(&page, &size);
	FILE *in = fopen(FOG_SOURCE_DIR "/docs/man/fogctl.1", "re");

	fog_cli_man(out);
	fclose(out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	CU_ASSERT_EQUAL(fread(text, 1, (1 << 20) - 1, in), size);
	CU_ASSERT_STRING_EQUAL(text, page);
	fclose(in);
	free(text);
	free(page);
}

FOG_TEST_MAIN("controlplane/cli/command", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_errors_are_json), FOG_TEST(test_too_many_words), FOG_TEST(test_help),
	      FOG_TEST(test_table_is_sound), FOG_TEST(test_completion), FOG_TEST(test_man))
