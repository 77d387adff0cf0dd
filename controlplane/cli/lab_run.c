/* SPDX-License-Identifier: BSD-3-Clause */
/* `fogctl lab run`: a lab up, the story of one job, then serve until Ctrl-C. */
#include <unistd.h>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/proc.h"
#include "controlplane/cli/units.h"

#define HOSTS_MIN 5 /* three relays of which none is an end, and some choice */
#define POLL_MS   200

static int hosts_check(const struct fog_cli *cli)
{
	const char *text = cli->option[FOG_OPTION_HOSTS];
	u64 hosts;

	if (text != NULL && fog_count_parse(text, HOSTS_MIN, FOG_LAB_HOSTS_MAX, &hosts) != 0)
		return fog_cli_usage(cli, "--hosts is a number from %d to %d", HOSTS_MIN,
				     FOG_LAB_HOSTS_MAX);
	return FOG_CLI_OK;
}

static void tips_print(const struct fog_cli *cli, const char *dir, const json_t *lab)
{
	char usual[FOG_LAB_DIR_MAX], programs[FOG_LAB_PATH_MAX];
	const json_t *host = fog_lab_host(lab, NULL);
	const char *netns = fog_pick_text(host, "netns", NULL);

	fprintf(cli->out, "\n%sThe fog is up.%s Ctrl-C stops it. In another terminal:\n",
		fog_color(cli, "bold"), fog_color(cli, NULL));
	if (fog_proc_own_folder(programs, sizeof(programs)) == 0)
		fprintf(cli->out, "  export PATH=%s:$PATH\n", programs);
	fog_lab_dir_usual(usual);
	if (strcmp(usual, dir) != 0)
		fprintf(cli->out, "  export FOG_LAB=%s\n", dir);
	fprintf(cli->out,
		"  fogctl lab status\n"
		"  fogctl job submit --wait -- sh -c 'echo hello from a host I do not know'\n"
		"  fogctl lab kill %s --process dataplane\n"
		"  %s%s%scurl --socks5-hostname %s http://ADDRESS/\n",
		fog_pick_text(fog_lab_host(lab, "birch") ? fog_lab_host(lab, "birch") : host,
			      "name", ""),
		netns ? "ip netns exec " : "", netns ? netns : "", netns ? " " : "",
		fog_pick_text(host, "socks", ""));
	fflush(cli->out);
}

static void serve(const struct fog_cli *cli, const char *dir)
{
	while (!fog_lab_interrupted()) {
		if (!fog_lab_alive(dir)) {
			fprintf(cli->err, "the lab was stopped\n");
			return;
		}
		usleep(POLL_MS * 1000);
	}
}

int fog_cmd_lab_run(struct fog_cli *cli)
{
	char dir[FOG_LAB_DIR_MAX];
	json_t *lab;
	u64 start = fog_now_ms();
	int rc = hosts_check(cli);

	if (rc != FOG_CLI_OK)
		return rc;
	if (fog_lab_dir(cli, dir) != 0)
		return fog_cli_usage(cli, "the path of the lab may have at most %d bytes",
				     FOG_LAB_DIR_MAX - 1);
	if (!cli->json)
		fprintf(cli->out, "Starting a fog in %s ..\n", dir);
	fflush(cli->out);
	rc = fog_lab_up(cli, dir, &lab);
	if (rc != FOG_CLI_OK)
		return rc;
	if (!cli->json)
		fprintf(cli->out, "%zu hosts are up (%s), %.1f s\n",
			json_array_size(json_object_get(lab, "hosts")),
			fog_pick_text(lab, "mode", ""), (double)(fog_now_ms() - start) / 1000);
	rc = fog_lab_story(cli, lab);
	fflush(cli->out);
	if (rc == FOG_CLI_OK && cli->option[FOG_OPTION_ONCE] == NULL) {
		tips_print(cli, dir, lab);
		serve(cli, dir);
	}
	if (rc != FOG_CLI_OK && !cli->json)
		fprintf(cli->err, "fogctl: the logs of the hosts are in %s/hosts\n", dir);
	json_decref(lab);
	if (fog_lab_down(dir) != 0)
		return fog_cli_fail(cli, "the supervisor does not stop, see %s/supervisor.log",
				    dir);
	return rc;
}
