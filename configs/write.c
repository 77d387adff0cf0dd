/* SPDX-License-Identifier: BSD-3-Clause */
/* The annotated example and the man page, from the same table as the reader. */
#include "configs/config.h"

#include <errno.h>
#include <inttypes.h>

/* What the example shows for keys without a default. */
static const char *example_value(const struct fog_config_key *k)
{
	if (strcmp(k->key, "name") == 0)
		return "host-1";
	return strcmp(k->group, "dataplane") == 0 ? "192.0.2.1:9001" : "192.0.2.1:9002";
}

static bool is_optional(const struct fog_config_key *k)
{
	return k->type != FOG_CONFIG_STR || k->def_str != NULL;
}

static void write_default(FILE *out, const struct fog_config_key *k)
{
	switch (k->type) {
	case FOG_CONFIG_STR:
		fprintf(out, "\"%s\"", k->def_str != NULL ? k->def_str : example_value(k));
		break;
	case FOG_CONFIG_INT:
		fprintf(out, "%" PRId64, k->def);
		break;
	case FOG_CONFIG_BOOL:
		fputs(k->def != 0 ? "true" : "false", out);
		break;
	case FOG_CONFIG_LIST:
		fputs("( )", out);
		break;
	}
}

static int finish(FILE *out)
{
	return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}

int fog_config_write_example(FILE *out)
{
	const char *group = "";

	fputs("# fog.conf - configuration of one Fog host, see fog.conf(5).\n"
	      "# Made from configs/config.def; do not edit the copy in the source tree.\n"
	      "# Commented keys show their default. Keys without '#' must be set.\n",
	      out);
	for (unsigned i = 0; i < fog_config_key_count; i++) {
		const struct fog_config_key *k = &fog_config_keys[i];
		if (strcmp(k->group, group) != 0) {
			fprintf(out, "%s\n%s = {\n", group[0] != '\0' ? "};\n" : "", k->group);
			group = k->group;
		}
		fprintf(out, "\t# %s", k->help);
		if (k->type == FOG_CONFIG_INT)
			fprintf(out, " (%" PRId64 " to %" PRId64 ")", k->min, k->max);
		fprintf(out, "\n\t%s%s = ", is_optional(k) ? "#" : "", k->key);
		write_default(out, k);
		fputs(";\n", out);
	}
	fputs("};\n", out);
	return finish(out);
}

/* roff: a backslash and a leading dot or quote would be commands. */
static void write_roff(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			fputc(*text, out);
	}
}

static void write_man_key(FILE *out, const struct fog_config_key *k)
{
	static const char *const types[] = {"", "string", "whole number", "boolean",
					    "list of strings"};

	fprintf(out, ".TP\n.BR %s \" (%s", k->key, types[k->type]);
	if (k->type == FOG_CONFIG_INT)
		fprintf(out, ", %" PRId64 " to %" PRId64, k->min, k->max);
	fputs(")\"\n", out);
	write_roff(out, k->help);
	fputs(".\n", out);
	if (!is_optional(k)) {
		fputs("Must be set.\n", out);
	} else if (k->type == FOG_CONFIG_LIST) {
		fputs("Default: empty.\n", out);
	} else {
		fputs("Default:\n.BR ", out);
		if (k->type == FOG_CONFIG_STR)
			fprintf(out, "\"\"\"%s\"\"\" .\n", k->def_str);
		else if (k->type == FOG_CONFIG_BOOL)
			fprintf(out, "%s .\n", k->def != 0 ? "true" : "false");
		else
			fprintf(out, "%" PRId64 " .\n", k->def);
	}
}

int fog_config_write_man(FILE *out)
{
	const char *group = "";

	fputs(".\\\" SPDX-License-Identifier: BSD-3-Clause\n"
	      ".\\\" Made from configs/config.def by fog-config-gen; do not edit.\n"
	      ".TH FOG.CONF 5 \"\" \"Fog " FOG_VERSION "\" \"Fog\"\n"
	      ".SH NAME\nfog.conf \\- configuration of one Fog host\n"
	      ".SH DESCRIPTION\n"
	      "One file configures the processes of a host:\n"
	      ".BR fog\\-controlplane (8),\nfog\\-dataplane and fog\\-edge.\n"
	      "It holds groups of settings:\n"
	      ".PP\n.nf\n\thost = {\n\t\tname = \"host\\-1\";\n\t};\n"
	      "\troles = {\n\t\tenable = (\"relay\", \"worker\");\n\t};\n.fi\n.PP\n"
	      "Comments start with # or // and end with the line.\n"
	      "Strings are in double quotes; several strings next to each other are joined.\n"
	      "An unknown group or key, a value of the wrong type or out of range is an error "
	      "that\n"
	      "names file and line, and no process starts with such a file.\n"
	      ".B fog\\-controlplane \\-\\-check\\-config\n.I FILE\nchecks without starting.\n",
	      out);
	for (unsigned i = 0; i < fog_config_key_count; i++) {
		const struct fog_config_key *k = &fog_config_keys[i];
		if (strcmp(k->group, group) != 0)
			fprintf(out, ".SH GROUP %s\n", k->group);
		group = k->group;
		write_man_key(out, k);
	}
	fputs(".SH RELOADING\n"
	      "On SIGHUP fog\\-controlplane reads the file again and takes over\n"
	      ".IR host.log_level ,\nthe group\n.IR exit ,\n"
	      ".I worker.price_cpu_hour\nand\n.IR worker.price_memory_gb_hour .\n"
	      "Other changes are named in the log and wait for a restart.\n"
	      ".SH SEE ALSO\n.BR fog\\-controlplane (8)\n",
	      out);
	return finish(out);
}
