/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <strings.h>

#include "controlplane/cli/commands.h"
#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/proc.h"

struct signal_name {
	const char *name;
	int number;
};

static const struct signal_name signal_names[] = {
	{"KILL", SIGKILL}, {"TERM", SIGTERM}, {"INT", SIGINT},   {"HUP", SIGHUP},
	{"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"SEGV", SIGSEGV}, {"ABRT", SIGABRT},
	{"USR1", SIGUSR1}, {"USR2", SIGUSR2},
};

static const struct fog_column status_columns[] = {
	{"HOST", "name", FOG_FORMAT_TEXT, false},
	{"ADDRESS", "address", FOG_FORMAT_TEXT, false},
	{"DATAPLANE", "dataplane", FOG_FORMAT_STATE, false},
	{"PID", "dataplane_pid", FOG_FORMAT_TEXT, true},
	{"CONTROLPLANE", "controlplane", FOG_FORMAT_STATE, false},
	{"PID", "controlplane_pid", FOG_FORMAT_TEXT, true},
	{"EDGE", "edge", FOG_FORMAT_STATE, false},
	{"PID", "edge_pid", FOG_FORMAT_TEXT, true},
	{"RESTARTS", "restarts", FOG_FORMAT_TEXT, true},
	{"HOSTS", "hosts_known", FOG_FORMAT_TEXT, true},
	{"LINKS", "links_up", FOG_FORMAT_TEXT, true},
	{"ATTACHED", "attached_ms", FOG_FORMAT_AGE, true},
};

static int dir_find(const struct fog_cli *cli, char dir[FOG_LAB_DIR_MAX])
{
	if (fog_lab_dir(cli, dir) == 0)
		return FOG_CLI_OK;
	return fog_cli_usage(cli, "the path of the lab may have at most %d bytes",
			     FOG_LAB_DIR_MAX - 1);
}

/* The lab as its supervisor sees it. */
static int lab_find(const struct fog_cli *cli, char dir[FOG_LAB_DIR_MAX], json_t **lab)
{
	int rc = dir_find(cli, dir);

	if (rc != FOG_CLI_OK)
		return rc;
	*lab = fog_lab_load(dir, "lab.json");
	if (*lab == NULL)
		return fog_cli_fail(cli, "there is no lab in %s; start one with: fogctl lab up",
				    dir);
	return FOG_CLI_OK;
}

int fog_cmd_lab_up(struct fog_cli *cli)
{
	char dir[FOG_LAB_DIR_MAX];
	json_t *lab;
	u64 start = fog_now_ms();
	int rc = dir_find(cli, dir);

	if (rc != FOG_CLI_OK)
		return rc;
	rc = fog_lab_up(cli, dir, &lab);
	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json) {
		fog_json_print(cli, lab);
	} else {
		fprintf(cli->out, "%zu hosts are up in %s (%s, %.1f s)\n",
			json_array_size(json_object_get(lab, "hosts")), dir,
			fog_pick_text(lab, "mode", ""), (double)(fog_now_ms() - start) / 1000);
		fprintf(cli->out, "next: fogctl host list; fogctl job submit --wait -- /bin/date; "
				  "fogctl lab down\n");
	}
	json_decref(lab);
	return FOG_CLI_OK;
}

int fog_cmd_lab_down(struct fog_cli *cli)
{
	char dir[FOG_LAB_DIR_MAX];
	int rc = dir_find(cli, dir);

	if (rc != FOG_CLI_OK)
		return rc;
	rc = fog_lab_down(dir);
	if (rc == -ENOENT)
		return fog_cli_fail(cli, "there is no lab in %s", dir);
	if (rc != 0)
		return fog_cli_fail(cli, "the supervisor does not stop, see %s/supervisor.log",
				    dir);
	if (cli->json)
		fprintf(cli->out, "{\"state\": \"down\", \"dir\": \"%s\"}\n", dir);
	else
		fprintf(cli->out, "down; the logs stay in %s/hosts until the next lab up\n", dir);
	return FOG_CLI_OK;
}

/* A process's state as it is now: the supervisor may be gone, too. */
static const char *process_state(const json_t *process)
{
	pid_t pid = (pid_t)fog_pick_number(process, "pid", 0);
	u64 ticks = (u64)fog_pick_number(process, "start_ticks", 0);

	if (pid == 0)
		return fog_pick_text(process, "state", "stopped");
	return fog_proc_start_ticks(pid) == ticks && ticks != 0 ? "running" : "dead";
}

static json_t *status_row(const json_t *host)
{
	struct fog_lab_facts facts;
	json_t *row = json_pack("{s:s?, s:s?}", "name", fog_pick_text(host, "name", NULL),
				"address", fog_pick_text(host, "address", NULL));
	json_int_t restarts = 0;
	size_t index;
	const json_t *process;

	json_array_foreach(json_object_get(host, "processes"), index, process)
	{
		const char *name = fog_pick_text(process, "name", "");
		char key[64];

		json_object_set_new(row, name, json_string(process_state(process)));
		snprintf(key, sizeof(key), "%s_pid", name);
		json_object_set(row, key, json_object_get(process, "pid"));
		restarts += fog_pick_number(process, "restarts", 0);
	}
	json_object_set_new(row, "restarts", json_integer(restarts));
	fog_lab_facts_read(host, &facts);
	json_object_set_new(row, "answers", json_boolean(facts.answers));
	if (!facts.answers)
		return row;
	json_object_set_new(row, "hosts_known", json_integer(facts.hosts_known));
	json_object_set_new(row, "links_up", json_integer(facts.links_up));
	if (facts.attached && facts.attached_ms > 0)
		json_object_set_new(row, "attached_ms", json_integer(facts.attached_ms));
	return row;
}

int fog_cmd_lab_status(struct fog_cli *cli)
{
	char dir[FOG_LAB_DIR_MAX];
	json_t *lab;
	size_t index;
	const json_t *host;
	int rc = lab_find(cli, dir, &lab);

	if (rc != FOG_CLI_OK)
		return rc;
	bool alive = fog_lab_alive(dir);
	json_t *rows = json_array();
	json_array_foreach(json_object_get(lab, "hosts"), index, host)
		json_array_append_new(rows, status_row(host));
	const char *state = alive ? fog_pick_text(lab, "state", "") : "down";
	if (cli->json) {
		json_t *all = json_pack("{s:s, s:s, s:s?, s:s?, s:O}", "dir", dir, "state", state,
					"id", fog_pick_text(lab, "id", NULL), "mode",
					fog_pick_text(lab, "mode", NULL), "hosts", rows);
		fog_json_print(cli, all);
		json_decref(all);
	} else {
		fprintf(cli->out, "lab %s in %s: %s%s%s, %s\n", fog_pick_text(lab, "id", ""), dir,
			fog_color(cli, fog_state_color(state)), state, fog_color(cli, NULL),
			fog_pick_text(lab, "mode", ""));
		fog_table_print(cli, rows, status_columns, FOG_ARRAY_COUNT(status_columns), "");
	}
	json_decref(rows);
	json_decref(lab);
	return alive ? FOG_CLI_OK : FOG_CLI_FAILED;
}

static int signal_parse(const char *text)
{
	if (text == NULL)
		return SIGKILL;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t i = 0; i < FOG_ARRAY_COUNT(signal_names); i++)
		if (strcasecmp(signal_names[i].name, text) == 0)
			return signal_names[i].number;
	return 0;
}

/* Signal the chosen processes of one host. Returns how many got it. */
static u32 host_kill(const struct fog_cli *cli, const json_t *host, const char *only, int number)
{
	u32 count = 0;
	size_t index;
	const json_t *process;

	json_array_foreach(json_object_get(host, "processes"), index, process)
	{
		const char *name = fog_pick_text(process, "name", "");
		pid_t pid = (pid_t)fog_pick_number(process, "pid", 0);

		if (only != NULL && strcmp(only, name) != 0)
			continue;
		if (fog_proc_signal(pid, (u64)fog_pick_number(process, "start_ticks", 0), number) !=
		    0)
			continue;
		count++;
		if (!cli->json)
			fprintf(cli->out, "%s %s: signal %d to pid %d\n",
				fog_pick_text(host, "name", ""), name, number, (int)pid);
	}
	return count;
}

int fog_cmd_lab_kill(struct fog_cli *cli)
{
	const char *only = cli->option[FOG_OPTION_PROCESS];
	int number = signal_parse(cli->option[FOG_OPTION_SIGNAL]);
	char dir[FOG_LAB_DIR_MAX];
	json_t *lab;

	if (number == 0)
		return fog_cli_usage(cli, "no signal \"%s\"", cli->option[FOG_OPTION_SIGNAL]);
	if (only != NULL && strcmp(only, "dataplane") != 0 && strcmp(only, "controlplane") != 0 &&
	    strcmp(only, "edge") != 0)
		return fog_cli_usage(cli, "--process is dataplane, controlplane or edge");
	int rc = lab_find(cli, dir, &lab);
	if (rc != FOG_CLI_OK)
		return rc;
	const json_t *host = fog_lab_host(lab, cli->args[0]);
	u32 count = host != NULL ? host_kill(cli, host, only, number) : 0;
	if (host == NULL)
		rc = fog_cli_fail(cli, "the lab has no host \"%s\"", cli->args[0]);
	else if (count == 0)
		rc = fog_cli_fail(cli, "no such process of %s is running", cli->args[0]);
	else if (cli->json)
		fprintf(cli->out, "{\"signalled\": %u, \"signal\": %d}\n", count, number);
	json_decref(lab);
	return rc;
}

int fog_cmd_lab_supervise(struct fog_cli *cli)
{
	char dir[FOG_LAB_DIR_MAX];
	int rc = dir_find(cli, dir);

	if (rc != FOG_CLI_OK)
		return rc;
	rc = fog_supervise(dir);
	if (rc == -EBUSY)
		return fog_cli_fail(cli, "another supervisor runs the lab in %s", dir);
	if (rc != 0)
		return fog_cli_fail(cli, "cannot supervise %s: %s", dir, strerror(-rc));
	return FOG_CLI_OK;
}
