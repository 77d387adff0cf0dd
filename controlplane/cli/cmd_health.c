/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl health and fogctl alert: how a host is, and what it says about it. */
#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"

#define COLUMNS(c)    c, FOG_ARRAY_COUNT(c)
#define SILENCE_HOURS 2 /* unless --for says otherwise */

static const struct fog_column component_columns[] = {
	{"COMPONENT", "name", FOG_FORMAT_TEXT, false},
	{"STATUS", "status", FOG_FORMAT_STATE, false},
	{"HEALTH", "health", FOG_FORMAT_STATE, false},
	{"UP", "uptime_ms", FOG_FORMAT_MS, true},
	{"ERRORS", "error_count", FOG_FORMAT_TEXT, true},
	{"RESTARTS", "restarts", FOG_FORMAT_TEXT, true},
	{"RECOVERED IN", "recovery_ms", FOG_FORMAT_MS, true},
	{"REASON", "reason", FOG_FORMAT_TEXT, false},
};

static const struct fog_column alert_columns[] = {
	{"ID", "id", FOG_FORMAT_TEXT, true},
	{"RULE", "rule", FOG_FORMAT_TEXT, false},
	{"OF", "key", FOG_FORMAT_TEXT, false},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"SEVERITY", "severity", FOG_FORMAT_STATE, false},
	{"SINCE", "fired_ms", FOG_FORMAT_AGE, true},
	{"OVER SINCE", "resolved_ms", FOG_FORMAT_AGE, true},
	{"ACKNOWLEDGED", "acknowledged_ms", FOG_FORMAT_AGE, true},
	{"SILENCED", "silenced", FOG_FORMAT_TEXT, false},
	{"VALUE", "value", FOG_FORMAT_FIXED3, true},
	{"SUMMARY", "summary", FOG_FORMAT_TEXT, false},
};

static const struct fog_column silence_columns[] = {
	{"SILENCE", "id", FOG_FORMAT_TEXT, true},       {"RULE", "rule", FOG_FORMAT_TEXT, false},
	{"OF", "key", FOG_FORMAT_TEXT, false},          {"FOR", "left_ms", FOG_FORMAT_MS, true},
	{"COMMENT", "comment", FOG_FORMAT_TEXT, false},
};

static const struct fog_column rule_columns[] = {
	{"RULE", "name", FOG_FORMAT_TEXT, false},
	{"FIGURE", "metric", FOG_FORMAT_TEXT, false},
	{"LABELS", "labels", FOG_FORMAT_TEXT, false},
	{"BY", "by", FOG_FORMAT_TEXT, false},
	{"KIND", "kind", FOG_FORMAT_TEXT, false},
	{"", "op", FOG_FORMAT_TEXT, false},
	{"THRESHOLD", "threshold", FOG_FORMAT_FIXED3, true},
	{"FOR", "for_ms", FOG_FORMAT_MS, true},
	{"SEVERITY", "severity", FOG_FORMAT_STATE, false},
	{"SUMMARY", "summary", FOG_FORMAT_TEXT, false},
};

/* Exit status 1 unless the host is healthy, so that scripts can ask. */
int fog_cmd_health(struct fog_cli *cli)
{
	json_t *answer, *c, *rows = json_array();
	const char *name;
	int rc = fog_api_get(cli, "/v1/health", &answer);

	if (rc != FOG_CLI_OK) {
		json_decref(rows);
		return rc;
	}
	const char *overall = fog_pick_text(answer, "overall_health", "unknown");
	json_object_foreach(json_object_get(answer, "components"), name, c)
	{
		double up = json_number_value(json_object_get(c, "uptime_seconds"));
		json_object_set_new(c, "name", json_string(name));
		json_object_set_new(c, "uptime_ms", json_integer((json_int_t)(1000 * up)));
		json_array_append(rows, c);
	}
	if (cli->json) {
		fog_json_print(cli, answer);
	} else {
		fog_table_print(cli, rows, COLUMNS(component_columns), "no components");
		fprintf(cli->out, "\n%s: %lld of %lld components are healthy\n", overall,
			(long long)fog_pick_number(answer, "healthy_components", 0),
			(long long)fog_pick_number(answer, "total_components", 0));
	}
	rc = strcmp(overall, "healthy") == 0 ? FOG_CLI_OK : FOG_CLI_FAILED;
	json_decref(rows);
	json_decref(answer);
	return rc;
}

/* Prints `answer` as JSON, or the words. */
static int done(struct fog_cli *cli, int rc, json_t *answer, const char *words)
{
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, answer);
	else if (rc == FOG_CLI_OK)
		fprintf(cli->out, "%s\n", words);
	json_decref(answer);
	return rc;
}

/* before, the percent-encoded word, behind. */
static bool path_make(char path[FOG_CLIENT_PATH_MAX], const char *before, const char *word,
		      const char *behind)
{
	snprintf(path, FOG_CLIENT_PATH_MAX, "%s", before);
	if (fog_path_append(path, FOG_CLIENT_PATH_MAX, word) != 0)
		return false;
	size_t used = strlen(path);
	return snprintf(path + used, FOG_CLIENT_PATH_MAX - used, "%s", behind) <
	       (int)(FOG_CLIENT_PATH_MAX - used);
}

int fog_cmd_health_restart(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX];
	json_t *answer;

	if (!path_make(path, "/v1/health/", cli->args[0], "/restart"))
		return fog_cli_usage(cli, "the name is too long");
	int rc = fog_api_once(cli, "POST", path, NULL, &answer);
	return done(cli, rc, answer, "restarted");
}

int fog_cmd_alert_list(struct fog_cli *cli)
{
	json_t *answer, *row;
	size_t i;
	int rc = fog_api_get(
		cli, cli->option[FOG_OPTION_ALL] != NULL ? "/v1/alerts" : "/v1/alerts?state=firing",
		&answer);

	if (rc != FOG_CLI_OK)
		return rc;
	json_t *silences = json_object_get(answer, "silences");
	if (cli->json) {
		fog_json_print(cli, answer);
		json_decref(answer);
		return rc;
	}
	fog_table_print(cli, json_object_get(answer, "alerts"), COLUMNS(alert_columns),
			cli->option[FOG_OPTION_ALL] != NULL ? "no alerts" : "nothing fires");
	json_array_foreach(silences, i, row)
	{
		i64 left = fog_pick_number(row, "until_ms", 0) - (i64)fog_now_ms();
		json_object_set_new(row, "left_ms", json_integer(left > 0 ? left : 0));
	}
	if (json_array_size(silences) != 0) {
		fputc('\n', cli->out);
		fog_table_print(cli, silences, COLUMNS(silence_columns), "");
	}
	json_decref(answer);
	return rc;
}

int fog_cmd_alert_rules(struct fog_cli *cli)
{
	json_t *answer, *row;
	size_t i;
	int rc = fog_api_get(cli, "/v1/alerts/rules", &answer);

	if (rc != FOG_CLI_OK)
		return rc;
	json_t *rules = json_object_get(answer, "rules");
	if (cli->json) {
		fog_json_print(cli, answer);
	} else {
		json_array_foreach(rules, i, row) json_object_set_new(
			row, "for_ms",
			json_integer((json_int_t)(1000 * json_number_value(json_object_get(
								 row, "for_seconds")))));
		fog_table_print(cli, rules, COLUMNS(rule_columns), "no rules");
	}
	json_decref(answer);
	return rc;
}

int fog_cmd_alert_ack(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX];
	const char *user = getenv("USER");
	json_t *body = json_pack("{s:s}", "by", user != NULL ? user : ""), *answer;

	if (!path_make(path, "/v1/alerts/", cli->args[0], "/acknowledge")) {
		json_decref(body);
		return fog_cli_usage(cli, "the id is too long");
	}
	int rc = fog_api_once(cli, "POST", path, body, &answer);
	json_decref(body);
	return done(cli, rc, answer, "acknowledged");
}

int fog_cmd_alert_silence(struct fog_cli *cli)
{
	const char *wanted = cli->option[FOG_OPTION_FOR];
	u64 ms = SILENCE_HOURS * 3600000ull;
	json_t *answer;

	if (wanted != NULL && (fog_duration_parse(wanted, &ms) != 0 || ms < 1000))
		return fog_cli_usage(cli, "--for wants a time such as 30m or 2h");
	json_t *body = json_pack(
		"{s:s, s:s, s:I}", "rule", strcmp(cli->args[0], "all") != 0 ? cli->args[0] : "",
		"key", cli->args_count > 1 ? cli->args[1] : "", "seconds", (json_int_t)(ms / 1000));
	int rc = fog_api_once(cli, "POST", "/v1/alerts/silences", body, &answer);
	json_decref(body);
	return done(cli, rc, answer, "silenced");
}

int fog_cmd_alert_unsilence(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX];
	json_t *answer;

	if (!path_make(path, "/v1/alerts/silences/", cli->args[0], ""))
		return fog_cli_usage(cli, "the id is too long");
	int rc = fog_api_once(cli, "DELETE", path, NULL, &answer);
	return done(cli, rc, answer, "no longer silenced");
}
