/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/job.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"

#define LIMIT_MAX       1000
#define POLL_MS         200
#define WAIT_DEFAULT_MS (10 * 60 * 1000)

static const struct fog_column job_columns[] = {
	{"ID", "id", FOG_FORMAT_ID, false},
	{"NAME", "name", FOG_FORMAT_TEXT, false},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"HOST", "worker_name", FOG_FORMAT_TEXT, false},
	{"ATTEMPTS", "attempts", FOG_FORMAT_COUNT, true},
	{"PAID", "paid", FOG_FORMAT_TEXT, true},
	{"SUBMITTED", "submitted_ms", FOG_FORMAT_AGE, true},
	{"WHY", "reason", FOG_FORMAT_TEXT, false},
};

static const struct fog_column job_sheet[] = {
	{"id", "id", FOG_FORMAT_TEXT, false},
	{"name", "name", FOG_FORMAT_TEXT, false},
	{"state", "state", FOG_FORMAT_STATE, false},
	{"why", "reason", FOG_FORMAT_TEXT, false},
	{"submitted ago", "submitted_ms", FOG_FORMAT_AGE, false},
	{"paid fog", "paid", FOG_FORMAT_MFOG, false},
	{"trace", "trace_id", FOG_FORMAT_TEXT, false},
};

static const struct fog_column attempt_columns[] = {
	{"ATTEMPT", "number", FOG_FORMAT_TEXT, true},
	{"HOST", "worker_name", FOG_FORMAT_TEXT, false},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"PATH", "path", FOG_FORMAT_PATH, false},
	{"EXIT", "exit", FOG_FORMAT_TEXT, false},
	{"WALL", "wall_ms", FOG_FORMAT_MS, true},
	{"CPU", "cpu_ms", FOG_FORMAT_MS, true},
	{"MEMORY", "memory_max_bytes", FOG_FORMAT_SIZE, true},
	{"WHY", "reason", FOG_FORMAT_TEXT, false},
};

static const struct fog_column checkpoint_columns[] = {
	{"CHECKPOINT", "number", FOG_FORMAT_TEXT, true},
	{"ATTEMPT", "attempt", FOG_FORMAT_TEXT, true},
	{"SIZE", "size", FOG_FORMAT_SIZE, true},
	{"WHOLE", "whole", FOG_FORMAT_TEXT, false},
	{"AGO", "at_ms", FOG_FORMAT_AGE, true},
};

int fog_job_path(char *path, size_t size, const char *id, const char *rest)
{
	snprintf(path, size, "/v1/jobs/");
	if (fog_path_append(path, size, id) != 0 || strlen(path) + strlen(rest) >= size)
		return -ENAMETOOLONG;
	snprintf(path + strlen(path), size - strlen(path), "%s", rest);
	return 0;
}

bool fog_job_ended(const json_t *job)
{
	const char *state = fog_pick_text(job, "state", "");

	return strcmp(state, "succeeded") == 0 || strcmp(state, "failed") == 0 ||
	       strcmp(state, "cancelled") == 0;
}

static bool job_succeeded(const json_t *job)
{
	return strcmp(fog_pick_text(job, "state", ""), "succeeded") == 0;
}

static void progress_draw(const struct fog_cli *cli, const json_t *job, u64 ms)
{
	static const char spin[] = "|/-\\";
	char text[FOG_UNITS_TEXT_SIZE];

	if (!cli->terminal || cli->json)
		return;
	fprintf(cli->err, "\r\033[K%c job %.8s: %s, %s", spin[ms / POLL_MS % 4],
		fog_pick_text(job, "id", ""), fog_pick_text(job, "state", "?"),
		fog_duration_format(ms, text));
	fflush(cli->err);
}

int fog_job_wait(const struct fog_cli *cli, struct fog_client *client, const char *id,
		 u64 timeout_ms, json_t **out)
{
	char path[FOG_CLIENT_PATH_MAX];
	u64 start = fog_now_ms();
	json_t *job = NULL;
	int rc = FOG_CLI_OK;

	*out = NULL;
	if (fog_job_path(path, sizeof(path), id, "") != 0)
		return fog_cli_usage(cli, "the id is too long");
	for (;;) {
		json_decref(job);
		rc = fog_api_call(cli, client, "GET", path, NULL, &job);
		if (rc != FOG_CLI_OK || fog_job_ended(job))
			break;
		u64 ms = fog_now_ms() - start;
		if (ms >= timeout_ms) {
			rc = fog_cli_fail(cli, "job %.8s is still %s after %u s", id,
					  fog_pick_text(job, "state", "?"), (u32)(ms / 1000));
			break;
		}
		progress_draw(cli, job, ms);
		usleep(POLL_MS * 1000);
	}
	if (cli->terminal && !cli->json)
		fputs("\r\033[K", cli->err);
	if (rc != FOG_CLI_OK) {
		json_decref(job);
		return rc;
	}
	*out = job;
	return FOG_CLI_OK;
}

static int timeout_parse(const struct fog_cli *cli, u64 *ms)
{
	const char *text = cli->option[FOG_OPTION_TIMEOUT];

	*ms = WAIT_DEFAULT_MS;
	if (text != NULL && fog_duration_parse(text, ms) != 0)
		return fog_cli_usage(cli, "--timeout \"%s\" is not a time like 500ms, 60s or 5m",
				     text);
	return FOG_CLI_OK;
}

/* Print one log from *offset on; moves *offset. */
static int log_print(const struct fog_cli *cli, struct fog_client *client, const char *id,
		     const char *stream, u64 *offset, FILE *out)
{
	char path[FOG_CLIENT_PATH_MAX], rest[64];
	char *data;
	size_t size;

	snprintf(rest, sizeof(rest), "/logs?stream=%s&offset=%llu", stream,
		 (unsigned long long)*offset);
	if (fog_job_path(path, sizeof(path), id, rest) != 0)
		return fog_cli_usage(cli, "the id is too long");
	if (fog_client_bytes(client, path, &data, &size) != 0)
		return fog_cli_fail(cli, "%s", client->error);
	fwrite(data, 1, size, out);
	fflush(out);
	*offset += size;
	free(data);
	return FOG_CLI_OK;
}

/* How the job ended, for people: one line on err. */
static void ending_print(const struct fog_cli *cli, const json_t *job)
{
	const char *state = fog_pick_text(job, "state", "?");
	const char *reason = fog_pick_text(job, "reason", "");

	fprintf(cli->err, "job %.8s %s%s%s%s%s", fog_pick_text(job, "id", ""),
		fog_color(cli, fog_state_color(state)), state, fog_color(cli, NULL),
		*reason != '\0' && !job_succeeded(job) ? ": " : "",
		job_succeeded(job) ? "" : reason);
	char paid[FOG_CELL_TEXT_SIZE];
	if (fog_pick(job, "paid") != NULL)
		fprintf(cli->err, ", paid %s fog",
			fog_cell_format(fog_pick(job, "paid"), FOG_FORMAT_MFOG, 0, paid));
	fputc('\n', cli->err);
}

/* After the end: outputs and verdict. */
static int job_finish(const struct fog_cli *cli, struct fog_client *client, const json_t *job)
{
	const char *id = fog_pick_text(job, "id", "");
	u64 from_out = 0, from_err = 0;

	if (cli->json) {
		fog_json_print(cli, job);
	} else if (fog_batch_is(job)) {
		fog_batch_print(cli, job);
	} else if (job_succeeded(job)) {
		log_print(cli, client, id, "stdout", &from_out, cli->out);
		log_print(cli, client, id, "stderr", &from_err, cli->err);
		ending_print(cli, job);
	} else {
		ending_print(cli, job);
	}
	return job_succeeded(job) ? FOG_CLI_OK : FOG_CLI_FAILED;
}

int fog_cmd_job_submit(struct fog_cli *cli)
{
	char why[FOG_JOB_WHY_SIZE];
	struct fog_client client;
	json_t *job = NULL, *ended = NULL;
	u64 timeout_ms;

	int rc = timeout_parse(cli, &timeout_ms);
	if (rc != FOG_CLI_OK)
		return rc;
	json_t *body = fog_job_body(cli, why);
	if (body == NULL)
		return fog_cli_usage(cli, "%s", why);
	rc = fog_api_open(cli, &client);
	if (rc != FOG_CLI_OK) {
		json_decref(body);
		return rc;
	}
	rc = fog_api_call(cli, &client, "POST", "/v1/jobs", body, &job);
	const char *id = fog_pick_text(job, "id", NULL);
	if (rc == FOG_CLI_OK && id == NULL)
		rc = fog_cli_fail(cli, "the control plane's answer has no job id");
	if (rc == FOG_CLI_OK && cli->option[FOG_OPTION_WAIT] != NULL) {
		rc = fog_job_wait(cli, &client, id, timeout_ms, &ended);
		if (rc == FOG_CLI_OK)
			rc = job_finish(cli, &client, ended);
	} else if (rc == FOG_CLI_OK && cli->json) {
		fog_json_print(cli, job);
	} else if (rc == FOG_CLI_OK) {
		fprintf(cli->out, "%s\n", id);
	}
	json_decref(ended);
	json_decref(job);
	json_decref(body);
	fog_client_close(&client);
	return rc;
}

int fog_cmd_job_list(struct fog_cli *cli)
{
	const char *state = cli->option[FOG_OPTION_STATE];
	const char *limit_text = cli->option[FOG_OPTION_LIMIT];
	char path[FOG_CLIENT_PATH_MAX];
	u64 limit = 50;

	if (limit_text != NULL && fog_count_parse(limit_text, 1, LIMIT_MAX, &limit) != 0)
		return fog_cli_usage(cli, "--limit is a number from 1 to %d", LIMIT_MAX);
	snprintf(path, sizeof(path), "/v1/jobs?limit=%u%s", (u32)limit, state ? "&state=" : "");
	if (state != NULL && fog_path_append(path, sizeof(path), state) != 0)
		return fog_cli_usage(cli, "no state \"%s\"", state);
	return fog_api_list(cli, path, "jobs", job_columns, FOG_ARRAY_COUNT(job_columns),
			    "no jobs");
}

int fog_cmd_job_show(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX];
	json_t *job;

	if (fog_job_path(path, sizeof(path), cli->args[0], "") != 0)
		return fog_cli_usage(cli, "the id is too long");
	int rc = fog_api_get(cli, path, &job);
	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json) {
		fog_json_print(cli, job);
	} else if (fog_batch_is(job)) {
		fog_batch_print(cli, job);
	} else {
		fog_sheet_print(cli, job, job_sheet, FOG_ARRAY_COUNT(job_sheet));
		if (strcmp(fog_pick_text(job, "state", ""), "queued") == 0)
			fog_why_print(cli, cli->args[0]);
		fputc('\n', cli->out);
		fog_table_print(cli, json_object_get(job, "attempts"), attempt_columns,
				FOG_ARRAY_COUNT(attempt_columns), "not tried anywhere yet");
		if (json_array_size(json_object_get(job, "checkpoints")) != 0)
			fog_table_print(cli, json_object_get(job, "checkpoints"),
					checkpoint_columns, FOG_ARRAY_COUNT(checkpoint_columns),
					"");
	}
	json_decref(job);
	return FOG_CLI_OK;
}

int fog_cmd_job_logs(struct fog_cli *cli)
{
	const char *stream = cli->option[FOG_OPTION_STDERR] != NULL ? "stderr" : "stdout";
	bool follow = cli->option[FOG_OPTION_FOLLOW] != NULL;
	char path[FOG_CLIENT_PATH_MAX];
	struct fog_client client;
	json_t *job = NULL;
	u64 offset = 0;
	bool ended = false;

	if (cli->json)
		return fog_cli_usage(cli, "a log is bytes, not JSON");
	if (fog_job_path(path, sizeof(path), cli->args[0], "") != 0)
		return fog_cli_usage(cli, "the id is too long");
	int rc = fog_api_open(cli, &client);
	if (rc != FOG_CLI_OK)
		return rc;
	for (;;) {
		if (follow) {
			json_decref(job);
			rc = fog_api_call(cli, &client, "GET", path, NULL, &job);
			ended = rc != FOG_CLI_OK || fog_job_ended(job);
		}
		/* Asked after the state, so that nothing written before the end is missed. */
		if (rc == FOG_CLI_OK)
			rc = log_print(cli, &client, cli->args[0], stream, &offset, cli->out);
		if (!follow || ended || rc != FOG_CLI_OK)
			break;
		usleep(POLL_MS * 1000);
	}
	json_decref(job);
	fog_client_close(&client);
	return rc;
}

int fog_cmd_job_cancel(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX];
	struct fog_client client;
	json_t *answer = NULL;

	if (fog_job_path(path, sizeof(path), cli->args[0], "/cancel") != 0)
		return fog_cli_usage(cli, "the id is too long");
	int rc = fog_api_open(cli, &client);
	if (rc != FOG_CLI_OK)
		return rc;
	rc = fog_api_call(cli, &client, "POST", path, NULL, &answer);
	fog_client_close(&client);
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, answer);
	else if (rc == FOG_CLI_OK)
		fprintf(cli->out, "job %.8s: %s\n", cli->args[0],
			fog_pick_text(answer, "state", "cancelling"));
	json_decref(answer);
	return rc;
}

int fog_cmd_job_wait(struct fog_cli *cli)
{
	struct fog_client client;
	json_t *job = NULL;
	u64 timeout_ms;

	int rc = timeout_parse(cli, &timeout_ms);
	if (rc != FOG_CLI_OK)
		return rc;
	rc = fog_api_open(cli, &client);
	if (rc != FOG_CLI_OK)
		return rc;
	rc = fog_job_wait(cli, &client, cli->args[0], timeout_ms, &job);
	if (rc == FOG_CLI_OK) {
		if (cli->json)
			fog_json_print(cli, job);
		else
			ending_print(cli, job);
		rc = job_succeeded(job) ? FOG_CLI_OK : FOG_CLI_FAILED;
	}
	json_decref(job);
	fog_client_close(&client);
	return rc;
}
