/* SPDX-License-Identifier: BSD-3-Clause */
/* Batches, reasons, namespaces, held hosts and service levels. */
#include <errno.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/job.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"

#define LIMIT_MAX 1000
#define MIB       1048576u

static const struct fog_column batch_columns[] = {
	{"ID", "id", FOG_FORMAT_TEXT, false},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"JOBS", "jobs_count", FOG_FORMAT_TEXT, true},
	{"DONE", "succeeded", FOG_FORMAT_TEXT, true},
	{"FAILED", "failed", FOG_FORMAT_TEXT, true},
	{"PAID", "paid", FOG_FORMAT_TEXT, true},
	{"SUBMITTED", "submitted_ms", FOG_FORMAT_AGE, true},
	{"WHY", "reason", FOG_FORMAT_TEXT, false},
};

static const struct fog_column batch_sheet[] = {
	{"batch", "id", FOG_FORMAT_TEXT, false},
	{"state", "state", FOG_FORMAT_STATE, false},
	{"why", "reason", FOG_FORMAT_TEXT, false},
	{"submitted ago", "submitted_ms", FOG_FORMAT_AGE, false},
	{"paid fog", "paid", FOG_FORMAT_MFOG, false},
};

static const struct fog_column stage_columns[] = {
	{"STAGE", "name", FOG_FORMAT_TEXT, false},   {"KIND", "kind", FOG_FORMAT_TEXT, false},
	{"AFTER", "after", FOG_FORMAT_TEXT, false},  {"JOBS", "jobs", FOG_FORMAT_TEXT, true},
	{"PLACED", "placed", FOG_FORMAT_TEXT, true}, {"DONE", "succeeded", FOG_FORMAT_TEXT, true},
	{"FAILED", "failed", FOG_FORMAT_TEXT, true},
};

static const struct fog_column member_columns[] = {
	{"JOB", "id", FOG_FORMAT_TEXT, false},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"HOST", "worker_name", FOG_FORMAT_TEXT, false},
	{"ATTEMPTS", "attempt_count", FOG_FORMAT_TEXT, true},
	{"PAID", "paid", FOG_FORMAT_TEXT, true},
	{"WHY", "reason", FOG_FORMAT_TEXT, false},
};

static const struct fog_column event_columns[] = {
	{"AGO", "at_ms", FOG_FORMAT_AGE, true},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"WHY", "reason", FOG_FORMAT_TEXT, false},
};

static const struct fog_column space_columns[] = {
	{"NAMESPACE", "name", FOG_FORMAT_TEXT, false},
	{"PENDING", "pending", FOG_FORMAT_TEXT, true},
	{"RUNNING", "running", FOG_FORMAT_TEXT, true},
	{"WEIGHT", "weight", FOG_FORMAT_FIXED3, true},
	{"CORES", "cpu_cores", FOG_FORMAT_TEXT, true},
	{"MEMORY MB", "memory_mb", FOG_FORMAT_TEXT, true},
	{"JOBS", "jobs", FOG_FORMAT_TEXT, true},
	{"USED CORE S", "used_core_seconds", FOG_FORMAT_FIXED3, true},
};

static const struct fog_column hold_columns[] = {
	{"HOST", "name", FOG_FORMAT_TEXT, false},    {"NODE", "node_id", FOG_FORMAT_ID, false},
	{"MODE", "mode", FOG_FORMAT_TEXT, false},    {"JOBS LEFT", "jobs", FOG_FORMAT_TEXT, true},
	{"SINCE", "since_ms", FOG_FORMAT_AGE, true},
};

static const struct fog_column breach_columns[] = {
	{"AGO", "at_ms", FOG_FORMAT_AGE, true},
	{"JOB", "job", FOG_FORMAT_TEXT, false},
	{"TIER", "tier", FOG_FORMAT_TEXT, false},
	{"WHAT", "kind", FOG_FORMAT_TEXT, false},
	{"PAID BACK", "paid_back", FOG_FORMAT_TEXT, true},
	{"DETAIL", "detail", FOG_FORMAT_TEXT, false},
};

static const struct fog_column level_columns[] = {
	{"CLASS", "class", FOG_FORMAT_TEXT, false},
	{"TIER", "tier", FOG_FORMAT_TEXT, false},
	{"NAMESPACE", "namespace", FOG_FORMAT_TEXT, false},
	{"JOBS IN 30 D", "jobs", FOG_FORMAT_TEXT, true},
	{"KEPT", "kept", FOG_FORMAT_TEXT, true},
	{"PERCENT", "percent", FOG_FORMAT_TEXT, true},
	{"AIM", "aim_percent", FOG_FORMAT_TEXT, true},
	{"MET", "met", FOG_FORMAT_TEXT, false},
};

static const struct fog_column scheduler_sheet[] = {
	{"hosts", "total_nodes", FOG_FORMAT_TEXT, false},
	{"alive", "healthy_nodes", FOG_FORMAT_TEXT, false},
	{"jobs in the queue", "queue_length", FOG_FORMAT_TEXT, false},
	{"placed", "successful_placements", FOG_FORMAT_TEXT, false},
	{"not placed yet", "failed_placements", FOG_FORMAT_TEXT, false},
	{"mean ms of a pass", "avg_placement_latency_ms", FOG_FORMAT_FIXED3, false},
	{"p95 ms of a pass", "p95_placement_latency_ms", FOG_FORMAT_FIXED3, false},
	{"batches by NSGA-II", "batches", FOG_FORMAT_TEXT, false},
	{"generations", "optimization_generations", FOG_FORMAT_TEXT, false},
	{"preemptions", "preemptions", FOG_FORMAT_TEXT, false},
	{"service levels broken", "sla_breaches", FOG_FORMAT_TEXT, false},
};

bool fog_batch_is(const json_t *answer)
{
	return strcmp(fog_pick_text(answer, "kind", ""), "batch") == 0;
}

void fog_batch_print(const struct fog_cli *cli, const json_t *batch)
{
	fog_sheet_print(cli, batch, batch_sheet, FOG_ARRAY_COUNT(batch_sheet));
	fputc('\n', cli->out);
	fog_table_print(cli, json_object_get(batch, "stages"), stage_columns,
			FOG_ARRAY_COUNT(stage_columns), "no stages");
	fputc('\n', cli->out);
	fog_table_print(cli, json_object_get(batch, "jobs"), member_columns,
			FOG_ARRAY_COUNT(member_columns), "no jobs");
}

/* ---- why ------------------------------------------------------------------------------------ */

static void why_say(const struct fog_cli *cli, const json_t *why)
{
	const json_t *list = json_object_get(why, "constraints");
	char text[FOG_UNITS_TEXT_SIZE];
	const json_t *in = fog_pick(why, "likely_start_in_ms");
	size_t i;
	json_t *row;

	fprintf(cli->out, "%s\n", fog_pick_text(why, "reason", ""));
	if (!json_is_true(json_object_get(why, "pending")))
		return;
	json_array_foreach((json_t *)list, i, row) fprintf(
		cli->out, "  %4lld of %lld hosts %s\n", (long long)fog_pick_number(row, "hosts", 0),
		(long long)fog_pick_number(why, "hosts", 0), fog_pick_text(row, "constraint", "?"));
	if (fog_pick_number(why, "ahead", 0) != 0)
		fprintf(cli->out, "  %4lld jobs come before it\n",
			(long long)fog_pick_number(why, "ahead", 0));
	if (json_is_integer(in))
		fprintf(cli->out, "likely to start %s%s\n",
			json_integer_value(in) == 0 ? "now" : "in ",
			json_integer_value(in) == 0
				? ""
				: fog_duration_format((u64)json_integer_value(in), text));
	else if (!json_is_true(json_object_get(why, "held")) &&
		 !json_is_true(json_object_get(why, "quota")))
		fprintf(cli->out, "%s\n",
			json_is_true(json_object_get(why, "possible"))
				? "nothing that runs now makes room for it when it ends"
				: "no host that is known will do, however long it waits");
}

int fog_why_print(const struct fog_cli *cli, const char *id)
{
	char path[FOG_CLIENT_PATH_MAX];
	json_t *why;

	if (fog_job_path(path, sizeof(path), id, "/why") != 0)
		return fog_cli_usage(cli, "the id is too long");
	int rc = fog_api_get(cli, path, &why);
	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json)
		fog_json_print(cli, why);
	else
		why_say(cli, why);
	json_decref(why);
	return FOG_CLI_OK;
}

int fog_cmd_job_why(struct fog_cli *cli)
{
	return fog_why_print(cli, cli->args[0]);
}

int fog_cmd_job_plan(struct fog_cli *cli)
{
	char why[FOG_JOB_WHY_SIZE];
	struct fog_client client;
	json_t *answer = NULL;
	size_t i;
	json_t *row;

	json_t *body = fog_job_body(cli, why);
	if (body == NULL)
		return fog_cli_usage(cli, "%s", why);
	int rc = fog_api_open(cli, &client);
	if (rc == FOG_CLI_OK) {
		rc = fog_api_call(cli, &client, "POST", "/v1/plan", body, &answer);
		fog_client_close(&client);
	}
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, answer);
	else if (rc == FOG_CLI_OK)
		json_array_foreach(json_object_get(answer, "jobs"), i, row)
		{
			const char *id = fog_pick_text(row, "id", "");
			if (*id != '\0')
				fprintf(cli->out,
					"%s: ", strncmp(id, "plan.", 5) == 0 ? id + 5 : id);
			why_say(cli, row);
		}
	json_decref(answer);
	json_decref(body);
	return rc;
}

int fog_cmd_job_history(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX];

	if (fog_job_path(path, sizeof(path), cli->args[0], "/history") != 0)
		return fog_cli_usage(cli, "the id is too long");
	return fog_api_list(cli, path, "history", event_columns, FOG_ARRAY_COUNT(event_columns),
			    "nothing is known of it");
}

int fog_cmd_job_artifact(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX] = "/v1/artifacts/";
	struct fog_client client;
	char *data;
	size_t size;

	if (cli->json)
		return fog_cli_usage(cli, "an output is bytes, not JSON");
	if (fog_path_append(path, sizeof(path), cli->args[0]) != 0)
		return fog_cli_usage(cli, "the hash is too long");
	int rc = fog_api_open(cli, &client);
	if (rc != FOG_CLI_OK)
		return rc;
	if (fog_client_bytes(&client, path, &data, &size) == 0) {
		fwrite(data, 1, size, cli->out);
		free(data);
	} else {
		rc = fog_cli_fail(cli, "%s", client.error);
	}
	fog_client_close(&client);
	return rc;
}

static int limited(struct fog_cli *cli, const char *what, char path[FOG_CLIENT_PATH_MAX])
{
	const char *text = cli->option[FOG_OPTION_LIMIT];
	u64 limit = 50;

	if (text != NULL && fog_count_parse(text, 1, LIMIT_MAX, &limit) != 0)
		return fog_cli_usage(cli, "--limit is a number from 1 to %d", LIMIT_MAX);
	snprintf(path, FOG_CLIENT_PATH_MAX, "/v1/%s?limit=%u", what, (u32)limit);
	return FOG_CLI_OK;
}

int fog_cmd_batch_list(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX];
	int rc = limited(cli, "batches", path);

	return rc != FOG_CLI_OK ? rc
				: fog_api_list(cli, path, "batches", batch_columns,
					       FOG_ARRAY_COUNT(batch_columns), "no batches");
}

int fog_cmd_sla(struct fog_cli *cli)
{
	return fog_api_list(cli, "/v1/sla?limit=1", "levels", level_columns,
			    FOG_ARRAY_COUNT(level_columns), "nothing was promised in 30 days");
}

int fog_cmd_sla_list(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX];
	int rc = limited(cli, "sla", path);

	return rc != FOG_CLI_OK
		       ? rc
		       : fog_api_list(cli, path, "breaches", breach_columns,
				      FOG_ARRAY_COUNT(breach_columns), "every promise was kept");
}

/* ---- namespaces and hosts ------------------------------------------------------------------- */

int fog_cmd_namespace_list(struct fog_cli *cli)
{
	return fog_api_list(cli, "/v1/namespaces", "namespaces", space_columns,
			    FOG_ARRAY_COUNT(space_columns), "no namespaces");
}

/* Posts and shows the list that comes back. */
static int post_print(struct fog_cli *cli, const char *path, json_t *body, const char *member,
		      const struct fog_column *columns, u32 count, const char *empty)
{
	struct fog_client client;
	json_t *answer = NULL;
	int rc = fog_api_open(cli, &client);

	if (rc == FOG_CLI_OK) {
		rc = fog_api_call(cli, &client, "POST", path, body, &answer);
		fog_client_close(&client);
	}
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, answer);
	else if (rc == FOG_CLI_OK)
		fog_table_print(cli, json_object_get(answer, member), columns, count, empty);
	json_decref(answer);
	json_decref(body);
	return rc;
}

int fog_cmd_namespace_set(struct fog_cli *cli)
{
	const char *cpu_text = cli->option[FOG_OPTION_CPU];
	const char *memory_text = cli->option[FOG_OPTION_MEMORY];
	const char *jobs_text = cli->option[FOG_OPTION_JOBS];
	const char *weight_text = cli->option[FOG_OPTION_WEIGHT];
	char path[FOG_CLIENT_PATH_MAX] = "/v1/namespaces/";
	u64 memory = 0, jobs = 0;
	double weight = 1;
	char *end = NULL;
	u32 cpu = 0;

	if (cpu_text != NULL && fog_cpu_parse(cpu_text, &cpu) != 0)
		return fog_cli_usage(cli, "--cpu is a number of cores");
	if (memory_text != NULL && fog_size_parse(memory_text, &memory) != 0)
		return fog_cli_usage(cli, "--memory is a size like 64M or 1G");
	if (jobs_text != NULL && fog_count_parse(jobs_text, 0, UINT32_MAX, &jobs) != 0)
		return fog_cli_usage(cli, "--jobs is a number");
	if (weight_text != NULL)
		weight = strtod(weight_text, &end);
	if (end != NULL && (*end != '\0' || !(weight > 0)))
		return fog_cli_usage(cli, "--weight is a number above 0");
	if (fog_path_append(path, sizeof(path), cli->args[0]) != 0)
		return fog_cli_usage(cli, "the name is too long");
	json_t *body =
		json_pack("{s:f,s:I,s:I,s:f}", "cpu_cores", cpu / 1000.0, "memory_mb",
			  (json_int_t)(memory / MIB), "jobs", (json_int_t)jobs, "weight", weight);
	return post_print(cli, path, body, "namespaces", space_columns,
			  FOG_ARRAY_COUNT(space_columns), "no namespaces");
}

static int hold(struct fog_cli *cli, const char *mode)
{
	const char *text = cli->option[FOG_OPTION_DEADLINE];
	char path[FOG_CLIENT_PATH_MAX] = "/v1/hosts/", post[FOG_CLIENT_PATH_MAX];
	json_t *host;
	u64 ms = 0;

	if (text != NULL && fog_duration_parse(text, &ms) != 0)
		return fog_cli_usage(cli, "--deadline is a time like 60s or 5m");
	if (fog_path_append(path, sizeof(path), cli->args[0]) != 0)
		return fog_cli_usage(cli, "the name is too long");
	int rc = fog_api_get(cli, path, &host);
	if (rc != FOG_CLI_OK)
		return rc;
	snprintf(post, sizeof(post), "/v1/holds/%.64s", fog_pick_text(host, "node_id", ""));
	json_decref(host);
	json_t *body = json_pack("{s:s,s:I}", "mode", mode, "deadline_seconds",
				 (json_int_t)((ms + 999) / 1000));
	return post_print(cli, post, body, "holds", hold_columns, FOG_ARRAY_COUNT(hold_columns),
			  "no host is held");
}

int fog_cmd_host_cordon(struct fog_cli *cli)
{
	return hold(cli, "cordon");
}

int fog_cmd_host_drain(struct fog_cli *cli)
{
	return hold(cli, "drain");
}

int fog_cmd_host_uncordon(struct fog_cli *cli)
{
	return hold(cli, "none");
}

int fog_cmd_scheduler(struct fog_cli *cli)
{
	json_t *answer;
	int rc = fog_api_get(cli, "/v1/scheduler", &answer);

	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json)
		fog_json_print(cli, answer);
	else
		fog_sheet_print(cli, answer, scheduler_sheet, FOG_ARRAY_COUNT(scheduler_sheet));
	json_decref(answer);
	return FOG_CLI_OK;
}
