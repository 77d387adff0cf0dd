/* SPDX-License-Identifier: BSD-3-Clause */
#include <signal.h>
#include <unistd.h>

#include "controlplane/cli/command.h"

int main(int argc, char **argv)
{
	struct fog_cli cli = {.out = stdout, .err = stderr};
	char trace[FOG_TRACE_ID_SIZE];

	signal(SIGPIPE, SIG_IGN);
	cli.color = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	cli.terminal = isatty(STDERR_FILENO);
	int rc = fog_cli_parse(&cli, argc, argv);
	fog_trace_begin(&cli.trace);
	if (rc == FOG_CLI_OK) {
		if (cli.option[FOG_OPTION_HELP] != NULL)
			fog_cli_help(stdout, cli.command);
		else
			rc = cli.command->run(&cli);
		if (cli.option[FOG_OPTION_VERBOSE] != NULL)
			fprintf(stderr, "fogctl: trace %s\n", fog_trace_id_hex(&cli.trace, trace));
	}
	if (fflush(stdout) != 0 && rc == FOG_CLI_OK)
		rc = FOG_CLI_FAILED;
	return rc;
}
