/* SPDX-License-Identifier: BSD-3-Clause */
/* docs/man/fogctl.1, made from the table of commands: `ninja cli-docs` rewrites it. */
#include "controlplane/cli/command.h"

/* Text with what roff would take for a request or an escape made plain. */
static void roff_text(FILE *out, const char *text)
{
	bool start = true;

	for (; *text != '\0'; text++) {
		if (start && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			fputc(*text, out);
		start = *text == '\n';
	}
}

static void roff_options(FILE *out, fog_option_set set)
{
	for (int i = 0; i < FOG_OPTION_COUNT; i++) {
		const struct fog_option_info *o = &fog_options[i];

		if ((set & ((fog_option_set)1 << i)) == 0)
			continue;
		fputs(".TP\n", out);
		if (o->letter != 0)
			fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
		fputs("\\fB\\-\\-", out);
		roff_text(out, o->name);
		fputs("\\fR", out);
		if (o->argument != NULL)
			fprintf(out, " \\fI%s\\fR", o->argument);
		fputc('\n', out);
		roff_text(out, o->help);
		fputc('\n', out);
	}
}

static void roff_command(FILE *out, const struct fog_command *c)
{
	fprintf(out, ".SS %s", c->words);
	if (c->arguments[0] != '\0') {
		fputc(' ', out);
		roff_text(out, c->arguments);
	}
	fputc('\n', out);
	roff_text(out, c->summary);
	fputs(".\n", out);
	if (c->details != NULL) {
		fputs(".PP\n.nf\n", out);
		roff_text(out, c->details);
		fputs("\n.fi\n", out);
	}
	roff_options(out, c->options);
}

void fog_cli_man(FILE *out)
{
	fputs(".TH FOGCTL 1 \"\" \"Fog\" \"User commands\"\n"
	      ".SH NAME\nfogctl \\- talk to a control plane, run a local fog\n"
	      ".SH SYNOPSIS\n.B fogctl\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]\n"
	      ".SH DESCRIPTION\n"
	      "fogctl speaks HTTP to a control plane over its unix socket and prints what it\n"
	      "answers as tables, or with \\fB\\-\\-json\\fR as it came. Its \\fBlab\\fR commands "
	      "run\nseveral hosts of a fog on one machine.\n"
	      ".SH OPTIONS\nEvery command takes these:\n",
	      out);
	roff_options(out, FOG_OPTIONS_GLOBAL);
	fputs(".SH COMMANDS\n", out);
	for (u32 i = 0; i < fog_commands_count; i++)
		if (!fog_commands[i].hidden)
			roff_command(out, &fog_commands[i]);
	fputs(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage.\n"
	      ".SH ENVIRONMENT\n"
	      ".TP\n.B FOG_SOCKET\nsocket of the control plane, unless \\-\\-socket, \\-\\-host or "
	      "\\-\\-lab is given\n"
	      ".TP\n.B FOG_LAB\nfolder of the lab, unless \\-\\-lab is given\n"
	      ".TP\n.B NO_COLOR\nno colours, whatever its value\n"
	      ".SH SEE ALSO\n.BR fog.conf (5)\n",
	      out);
}
