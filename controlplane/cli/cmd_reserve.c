/* SPDX-License-Identifier: BSD-3-Clause */
/* Reservations: hosts or amounts, for a namespace and a time. */
#include <time.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"

#define MIB              1048576u
#define ACCELERATORS_MAX 65536

static const struct fog_column columns[] = {
	{"ID", "id", FOG_FORMAT_TEXT, false},
	{"NAMESPACE", "namespace", FOG_FORMAT_TEXT, false},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"BEGINS", "begins", FOG_FORMAT_TEXT, false},
	{"FOR", "lasts", FOG_FORMAT_TEXT, true},
	{"EVERY", "again", FOG_FORMAT_TEXT, true},
	{"HOSTS", "names", FOG_FORMAT_LIST, false},
	{"CORES", "asked.cpu_cores", FOG_FORMAT_TEXT, true},
	{"MEMORY MB", "asked.memory_mb", FOG_FORMAT_TEXT, true},
	{"KEPT CORES", "kept.cpu_cores", FOG_FORMAT_TEXT, true},
	{"KEPT MB", "kept.memory_mb", FOG_FORMAT_TEXT, true},
	{"NOTE", "note", FOG_FORMAT_TEXT, false},
};

/* Local time for people; JSON has it exactly. */
static void words_add(json_t *row)
{
	char text[64], lasts[FOG_UNITS_TEXT_SIZE], again[FOG_UNITS_TEXT_SIZE] = "once";
	u64 every = (u64)fog_pick_number(row, "every_seconds", 0);
	time_t next = (time_t)((u64)fog_pick_number(row, "next_ms", 0) / 1000);
	json_t *names = json_array(), *host;
	struct tm tm;
	size_t i;

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M", localtime_r(&next, &tm));
	json_object_set_new(row, "begins", json_string(next != 0 ? text : "-"));
	fog_duration_format(1000 * (u64)fog_pick_number(row, "duration_seconds", 0), lasts);
	json_object_set_new(row, "lasts", json_string(lasts));
	if (every != 0)
		fog_duration_format(1000 * every, again);
	json_object_set_new(row, "again", json_string(again));
	json_array_foreach(json_object_get(row, "hosts"), i, host)
	{
		json_array_append_new(names, json_string(fog_pick_text(host, "name", "?")));
	}
	json_object_set_new(row, "names", names);
}

static int call_print(struct fog_cli *cli, const char *method, const char *path, json_t *body)
{
	struct fog_client client;
	json_t *answer = NULL, *row;
	int rc = fog_api_open(cli, &client);
	size_t i;

	if (rc == FOG_CLI_OK) {
		rc = fog_api_call(cli, &client, method, path, body, &answer);
		fog_client_close(&client);
	}
	if (rc == FOG_CLI_OK && cli->json) {
		fog_json_print(cli, answer);
	} else if (rc == FOG_CLI_OK) {
		json_array_foreach(json_object_get(answer, "reservations"), i, row)
		{
			words_add(row);
		}
		fog_table_print(cli, json_object_get(answer, "reservations"), columns,
				FOG_ARRAY_COUNT(columns), "nothing is reserved");
	}
	json_decref(answer);
	json_decref(body);
	return rc;
}

int fog_cmd_reserve_list(struct fog_cli *cli)
{
	return call_print(cli, "GET", "/v1/reservations", NULL);
}

int fog_cmd_reserve_cancel(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX] = "/v1/reservations/";

	if (fog_path_append(path, sizeof(path), cli->args[0]) != 0)
		return fog_cli_usage(cli, "the id is too long");
	return call_print(cli, "DELETE", path, NULL);
}

/* "+2h", "22:00" (the next), "2026-11-28 22:00" or "2026-11-28T22:00"; local time. */
static bool moment_parse(const char *text, u64 *ms)
{
	time_t now = time(NULL);
	const char *end;
	struct tm tm;
	u64 later;

	if (text[0] == '+' && fog_duration_parse(text + 1, &later) == 0) {
		*ms = (u64)now * 1000 + later;
		return true;
	}
	localtime_r(&now, &tm);
	tm.tm_sec = 0;
	end = strptime(text, "%H:%M", &tm);
	if (end != NULL && *end == '\0') {
		tm.tm_isdst = -1;
		time_t at = mktime(&tm);
		if (at < now) {
			tm.tm_mday++;
			tm.tm_isdst = -1;
			at = mktime(&tm);
		}
		*ms = (u64)at * 1000;
		return true;
	}
	memset(&tm, 0, sizeof(tm));
	end = strptime(text, "%Y-%m-%d", &tm);
	if (end == NULL || (*end != 'T' && *end != ' ') ||
	    (end = strptime(end + 1, "%H:%M", &tm)) == NULL || *end != '\0')
		return false;
	tm.tm_isdst = -1;
	*ms = (u64)mktime(&tm) * 1000;
	return true;
}

static int times_add(struct fog_cli *cli, json_t *body)
{
	const char *start = cli->option[FOG_OPTION_START];
	const char *duration = cli->option[FOG_OPTION_DURATION];
	const char *every = cli->option[FOG_OPTION_EVERY];
	const char *until = cli->option[FOG_OPTION_UNTIL];
	u64 ms;

	if (duration == NULL || fog_duration_parse(duration, &ms) != 0 || ms < 1000)
		return fog_cli_usage(cli, "--duration is a time like 90m or 8h");
	json_object_set_new(body, "duration_seconds", json_integer((json_int_t)(ms / 1000)));
	if (start != NULL) {
		if (!moment_parse(start, &ms))
			return fog_cli_usage(
				cli, "--start is +2h, 22:00 or 2026-11-28 22:00, local time");
		json_object_set_new(body, "start_ms", json_integer((json_int_t)ms));
	}
	if (every != NULL) {
		if (fog_duration_parse(every, &ms) != 0 || ms < 1000)
			return fog_cli_usage(cli, "--every is a time like 1d or 7d");
		json_object_set_new(body, "every_seconds", json_integer((json_int_t)(ms / 1000)));
	}
	if (until != NULL) {
		if (!moment_parse(until, &ms))
			return fog_cli_usage(cli,
					     "--until is +30d or 2026-12-28 22:00, local time");
		json_object_set_new(body, "until_ms", json_integer((json_int_t)ms));
	}
	return FOG_CLI_OK;
}

static int amounts_add(struct fog_cli *cli, json_t *body)
{
	const char *cpu_text = cli->option[FOG_OPTION_CPU];
	const char *memory_text = cli->option[FOG_OPTION_MEMORY];
	const char *accelerators = cli->option[FOG_OPTION_ACCELERATORS];
	json_t *hosts = json_array();
	u64 memory = 0, count = 0;
	u32 cpu = 0;

	for (u32 i = 1; i < cli->args_count; i++)
		json_array_append_new(hosts, json_string(cli->args[i]));
	if (cli->args_count > 1)
		json_object_set(body, "hosts", hosts);
	json_decref(hosts);
	if (cpu_text != NULL && fog_cpu_parse(cpu_text, &cpu) != 0)
		return fog_cli_usage(cli, "--cpu is a number of cores");
	if (memory_text != NULL && fog_size_parse(memory_text, &memory) != 0)
		return fog_cli_usage(cli, "--memory is a size like 64M or 1G");
	if (accelerators != NULL && fog_count_parse(accelerators, 1, ACCELERATORS_MAX, &count) != 0)
		return fog_cli_usage(cli, "--accelerators is a number");
	if (cpu != 0)
		json_object_set_new(body, "cpu_cores", json_real(cpu / 1000.0));
	if (memory != 0)
		json_object_set_new(body, "memory_mb", json_integer((json_int_t)(memory / MIB)));
	if (count != 0)
		json_object_set_new(body, "accelerators", json_integer((json_int_t)count));
	return FOG_CLI_OK;
}

int fog_cmd_reserve_create(struct fog_cli *cli)
{
	const char *note = cli->option[FOG_OPTION_NAME];
	json_t *body = json_pack("{s:s}", "namespace", cli->args[0]);
	int rc = amounts_add(cli, body);

	if (rc == FOG_CLI_OK)
		rc = times_add(cli, body);
	if (rc != FOG_CLI_OK) {
		json_decref(body);
		return rc;
	}
	if (cli->option[FOG_OPTION_SUBMITTER] != NULL)
		json_object_set_new(body, "submitter",
				    json_string(cli->option[FOG_OPTION_SUBMITTER]));
	if (note != NULL)
		json_object_set_new(body, "note", json_string(note));
	return call_print(cli, "POST", "/v1/reservations", body);
}
