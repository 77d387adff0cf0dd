/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl reputation: what this host saw of another, what others tell, and what comes of both. */
#include <errno.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"

#define COLUMNS(c) c, FOG_ARRAY_COUNT(c)

static const struct fog_column score_sheet[] = {
	{"node id", "node_id", FOG_FORMAT_TEXT, false},
	{"trust", "trust_score", FOG_FORMAT_FIXED3, false},
	{"tier", "tier_name", FOG_FORMAT_TEXT, false},
	{"first hand: good", "first_hand.alpha", FOG_FORMAT_FIXED3, false},
	{"            bad", "first_hand.beta", FOG_FORMAT_FIXED3, false},
	{"            lower bound", "first_hand.lower", FOG_FORMAT_FIXED3, false},
	{"told: good", "told.good", FOG_FORMAT_FIXED3, false},
	{"      bad", "told.bad", FOG_FORMAT_FIXED3, false},
	{"      by raters", "told.raters", FOG_FORMAT_TEXT, false},
	{"both: mean", "combined.mean", FOG_FORMAT_FIXED3, false},
	{"      lower bound", "combined.lower", FOG_FORMAT_FIXED3, false},
	{"      uncertainty", "combined.uncertainty", FOG_FORMAT_FIXED3, false},
	{"its own word counts", "told.credibility", FOG_FORMAT_FIXED3, false},
};

static const struct fog_column evidence_columns[] = {
	{"AGE", "at_ms", FOG_FORMAT_AGE, true},
	{"KIND", "kind", FOG_FORMAT_TEXT, false},
	{"QUALITY", "quality", FOG_FORMAT_FIXED3, true},
	{"FROM", "job", FOG_FORMAT_TEXT, false},
	{"ATTEMPT", "attempt", FOG_FORMAT_TEXT, true},
	{"DETAIL", "detail", FOG_FORMAT_TEXT, false},
};

static const struct fog_column opinion_columns[] = {
	{"RATER", "name", FOG_FORMAT_TEXT, false},
	{"ID", "rater", FOG_FORMAT_ID, false},
	{"GOOD", "good", FOG_FORMAT_FIXED3, true},
	{"BAD", "bad", FOG_FORMAT_FIXED3, true},
	{"BELIEVED", "credibility", FOG_FORMAT_FIXED3, true},
	{"SAID", "published_ms", FOG_FORMAT_AGE, true},
};

static const struct fog_column tier_columns[] = {
	{"TIER", "name", FOG_FORMAT_TEXT, false},
	{"LOWER BOUND", "lower_min", FOG_FORMAT_FIXED3, true},
	{"EVIDENCE", "evidence_min", FOG_FORMAT_TEXT, true},
};

int fog_cmd_reputation_show(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX] = "/v1/fog/reputation/score/";
	json_t *answer;

	if (fog_path_append(path, sizeof(path), cli->args[0]) != 0)
		return fog_cli_usage(cli, "the name is too long");
	int rc = fog_api_get(cli, path, &answer);
	if (rc != FOG_CLI_OK)
		return rc;
	const json_t *data = json_object_get(answer, "data");
	if (cli->json)
		fog_json_print(cli, data);
	else
		fog_sheet_print(cli, data, COLUMNS(score_sheet));
	json_decref(answer);
	return rc;
}

/* The node id of a host by any name. */
static int node_find(const struct fog_cli *cli, const char *name, char id[65])
{
	char path[FOG_CLIENT_PATH_MAX] = "/v1/hosts/";
	json_t *answer;

	if (strlen(name) == 64) { /* hosts that left have evidence, too */
		memcpy(id, name, 65);
		return FOG_CLI_OK;
	}
	if (fog_path_append(path, sizeof(path), name) != 0)
		return fog_cli_usage(cli, "the name is too long");
	int rc = fog_api_get(cli, path, &answer);
	if (rc == FOG_CLI_OK)
		snprintf(id, 65, "%s", fog_pick_text(answer, "node_id", ""));
	json_decref(rc == FOG_CLI_OK ? answer : NULL);
	return rc;
}

int fog_cmd_reputation_evidence(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX], id[65];
	int rc = node_find(cli, cli->args[0], id);

	if (rc != FOG_CLI_OK)
		return rc;
	snprintf(path, sizeof(path), "/v1/reputation/%s/evidence", id);
	return fog_api_list(cli, path, "evidence", COLUMNS(evidence_columns),
			    "no evidence of our own");
}

int fog_cmd_reputation_opinions(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX], id[65];
	int rc = node_find(cli, cli->args[0], id);

	if (rc != FOG_CLI_OK)
		return rc;
	snprintf(path, sizeof(path), "/v1/reputation/%s/opinions", id);
	return fog_api_list(cli, path, "opinions", COLUMNS(opinion_columns),
			    "nobody says anything");
}

int fog_cmd_reputation_tiers(struct fog_cli *cli)
{
	return fog_api_list(cli, "/v1/reputation/tiers", "tiers", COLUMNS(tier_columns),
			    "no tiers");
}
