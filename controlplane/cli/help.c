/* SPDX-License-Identifier: BSD-3-Clause */
/* What the table of commands says to people and to bash. */
#include "controlplane/cli/command.h"

static void options_print(FILE *out, fog_option_set set)
{
	for (int i = 0; i < FOG_OPTION_COUNT; i++) {
		const struct fog_option_info *o = &fog_options[i];
		char left[48];

		if ((set & ((fog_option_set)1 << i)) == 0)
			continue;
		snprintf(left, sizeof(left), "%s%c%s--%s%s%s", o->letter ? "-" : "",
			 o->letter ? o->letter : ' ', o->letter ? ", " : "   ", o->name,
			 o->argument ? " " : "", o->argument ? o->argument : "");
		fprintf(out, "  %-24s %s\n", left, o->help);
	}
}

static void overview_print(FILE *out)
{
	fputs("fogctl: talk to a control plane, run a local fog.\n\n"
	      "Usage: fogctl [OPTIONS] COMMAND [ARGUMENTS]\n\nCommands:\n",
	      out);
	for (u32 i = 0; i < fog_commands_count; i++) {
		const struct fog_command *c = &fog_commands[i];
		char left[48];

		if (c->hidden)
			continue;
		snprintf(left, sizeof(left), "%s %s", c->words, c->arguments);
		fprintf(out, "  %-24s %s\n", left, c->summary);
	}
	fputs("\nOptions of every command:\n", out);
	options_print(out, FOG_OPTIONS_GLOBAL);
	fputs("\nExit status: 0 done, 1 failed, 2 wrong usage. More: fogctl help COMMAND\n", out);
}

void fog_cli_help(FILE *out, const struct fog_command *command)
{
	if (command == NULL) {
		overview_print(out);
		return;
	}
	fprintf(out, "%s: %s.\n\nUsage: fogctl %s%s%s%s\n", command->words, command->summary,
		command->words, command->options ? " [OPTIONS]" : "",
		command->arguments[0] ? " " : "", command->arguments);
	if (command->details != NULL)
		fprintf(out, "\n%s\n", command->details);
	if (command->options != 0) {
		fputs("\nOptions:\n", out);
		options_print(out, command->options);
	}
	fputs("\nOptions of every command:\n", out);
	options_print(out, FOG_OPTIONS_GLOBAL);
}

/* The first words of all commands, each once; `group` NULL. Or the second words of one group. */
static void words_print(FILE *out, const char *group)
{
	const char *last = "";

	for (u32 i = 0; i < fog_commands_count; i++) {
		const char *words = fog_commands[i].words;
		size_t first = strcspn(words, " ");

		if (fog_commands[i].hidden)
			continue;
		if (group != NULL) {
			if (strlen(group) == first && memcmp(group, words, first) == 0 &&
			    words[first] != '\0')
				fprintf(out, "%s ", words + first + 1);
		} else if (strncmp(last, words, first) != 0 || last[first] > ' ') {
			fprintf(out, "%.*s ", (int)first, words);
			last = words;
		}
	}
}

static void options_words(FILE *out, fog_option_set set)
{
	for (int i = 0; i < FOG_OPTION_COUNT; i++)
		if ((set & ((fog_option_set)1 << i)) != 0)
			fprintf(out, "--%s ", fog_options[i].name);
}

static void groups_print(FILE *out)
{
	const char *last = "";

	for (u32 i = 0; i < fog_commands_count; i++) {
		const char *words = fog_commands[i].words;
		char group[32];

		snprintf(group, sizeof(group), "%.*s", (int)strcspn(words, " "), words);
		if (strchr(words, ' ') == NULL || strncmp(last, words, strlen(group) + 1) == 0)
			continue;
		last = words;
		fprintf(out, "\t%s) COMPREPLY=($(compgen -W \"", group);
		words_print(out, group);
		fputs("\" -- \"$cur\")); return ;;\n", out);
	}
}

void fog_cli_completion(FILE *out)
{
	fputs("# bash completion of fogctl; source it or put it into /etc/bash_completion.d\n"
	      "_fogctl()\n{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal words=() word options lab=${FOG_LAB:-/tmp/fog-lab-$(id -u)}\n"
	      "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	      "\t\t[[ $word == -* ]] || words+=(\"$word\")\n\tdone\n"
	      "\tcase $prev in\n"
	      "\t--host|--target|kill)\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$(ls \"$lab/hosts\" 2>/dev/null)\" -- \"$cur\"))\n"
	      "\t\treturn ;;\n"
	      "\t--mode) COMPREPLY=($(compgen -W 'auto netns loopback' -- \"$cur\")); return ;;\n"
	      "\t--process)\n"
	      "\t\tCOMPREPLY=($(compgen -W 'dataplane controlplane edge' -- \"$cur\"))\n"
	      "\t\treturn ;;\n"
	      "\t--lab|--dir|--socket|--stdin|--file|-f) COMPREPLY=($(compgen -f -- \"$cur\")); "
	      "return ;;\n"
	      "\tesac\n"
	      "\tif [[ $cur == -* ]]; then\n"
	      "\t\tcase \"${words[*]:0:2}\" in\n",
	      out);
	for (u32 i = 0; i < fog_commands_count; i++) {
		if (fog_commands[i].hidden)
			continue;
		fprintf(out, "\t\t'%s'*) options='", fog_commands[i].words);
		options_words(out, fog_commands[i].options);
		fputs("' ;;\n", out);
	}
	fputs("\t\tesac\n\t\tCOMPREPLY=($(compgen -W \"$options ", out);
	options_words(out, FOG_OPTIONS_GLOBAL);
	fputs("\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
	      "\tcase \"${words[*]:0:1}:${#words[@]}\" in\n"
	      "\t:0|help:1) COMPREPLY=($(compgen -W \"help ",
	      out);
	words_print(out, NULL);
	fputs("\" -- \"$cur\")); return ;;\n\tesac\n"
	      "\t[[ ${words[0]} == help ]] && words=(\"${words[@]:1}\")\n"
	      "\t(( ${#words[@]} == 1 )) || return\n"
	      "\tcase ${words[0]} in\n",
	      out);
	groups_print(out);
	fputs("\tesac\n}\ncomplete -o default -F _fogctl fogctl\n", out);
}
