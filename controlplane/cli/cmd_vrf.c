/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl vrf: draws of hosts, and their verification, which trusts nobody: it is done here. */
#include <errno.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"
#include "controlplane/directory/draw_text.h"
#include "crypto/cpu.h"
#include "crypto/mem.h"

#define COLUMNS(c)     c, FOG_ARRAY_COUNT(c)
#define PATH_NEIGHBORS "/v1/fog/vrf/neighbors"
#define PATH_DRAWS     "/v1/fog/vrf/draws/"

static const struct fog_column neighbor_columns[] = {
	{"HOST", "name", FOG_FORMAT_TEXT, false},
	{"ID", "node_id", FOG_FORMAT_ID, false},
	{"WEIGHT", "weight", FOG_FORMAT_TEXT, true},
	{"TRUST", "trust_score", FOG_FORMAT_FIXED3, true},
};

static const struct fog_column status_sheet[] = {
	{"epoch", "epoch", FOG_FORMAT_TEXT, false},
	{"beacon", "beacon", FOG_FORMAT_TEXT, false},
	{"  from", "beacon_source", FOG_FORMAT_TEXT, false},
	{"neighbours drawn", "neighbours", FOG_FORMAT_TEXT, false},
	{"  of candidates", "candidates", FOG_FORMAT_TEXT, false},
	{"  against diversity", "relaxed", FOG_FORMAT_TEXT, false},
	{"committee of epoch", "committee.epoch", FOG_FORMAT_TEXT, false},
	{"  members", "committee.members", FOG_FORMAT_COUNT, false},
	{"  this host is one", "committee.member", FOG_FORMAT_TEXT, false},
	{"mix layers by", "mix.by", FOG_FORMAT_TEXT, false},
	{"  of epoch", "mix.epoch", FOG_FORMAT_TEXT, false},
	{"  mixes", "mix.mixes", FOG_FORMAT_TEXT, false},
	{"  layer of this host", "mix.layer", FOG_FORMAT_TEXT, false},
	{"false lots seen", "lots_false", FOG_FORMAT_TEXT, false},
	{"links looked at", "eclipse.links", FOG_FORMAT_TEXT, false},
	{"  networks", "eclipse.networks", FOG_FORMAT_TEXT, false},
	{"  eclipse suspected", "eclipse.suspected", FOG_FORMAT_TEXT, false},
};

/* GET; *data is borrowed from *answer, the caller's to free. */
static int vrf_get(const struct fog_cli *cli, const char *path, json_t **answer,
		   const json_t **data)
{
	int rc = fog_api_get(cli, path, answer);

	if (rc == FOG_CLI_OK)
		*data = json_object_get(*answer, "data");
	return rc;
}

int fog_cmd_vrf_status(struct fog_cli *cli)
{
	json_t *answer;
	const json_t *data;
	int rc = vrf_get(cli, "/v1/fog/vrf/status", &answer, &data);

	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json)
		fog_json_print(cli, data);
	else
		fog_sheet_print(cli, data, COLUMNS(status_sheet));
	json_decref(answer);
	return rc;
}

int fog_cmd_vrf_neighbors(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX] = PATH_NEIGHBORS "?neighbor_count=16&node_id=";
	json_t *answer;
	const json_t *data;

	if (cli->args_count != 0 && fog_path_append(path, sizeof(path), cli->args[0]) != 0)
		return fog_cli_usage(cli, "the name is too long");
	int rc = vrf_get(cli, path, &answer, &data);
	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json)
		fog_json_print(cli, data);
	else
		fog_table_print(cli, json_object_get(data, "neighbors"), COLUMNS(neighbor_columns),
				"nothing drawn yet");
	json_decref(answer);
	return rc;
}

/* KIND, also of HOST, or a file of what `vrf draw` printed. The caller's to free. */
static int document_get(const struct fog_cli *cli, const char *what, json_t **out)
{
	char path[FOG_CLIENT_PATH_MAX] = PATH_DRAWS;
	json_error_t error;
	json_t *answer;
	const json_t *data;

	if (fog_draw_kind_parse(what) == 0) {
		*out = strcmp(what, "-") == 0
			       ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &error)
			       : json_load_file(what, JSON_REJECT_DUPLICATES, &error);
		return *out != NULL
			       ? FOG_CLI_OK
			       : fog_cli_fail(cli, "%s: line %d: %s", what, error.line, error.text);
	}
	size_t at = strlen(path);
	snprintf(path + at, sizeof(path) - at, "%s", what);
	if (cli->args_count == 2) {
		at = strlen(path);
		snprintf(path + at, sizeof(path) - at, "?node_id=");
		if (fog_path_append(path, sizeof(path), cli->args[1]) != 0)
			return fog_cli_usage(cli, "the name is too long");
	}
	int rc = vrf_get(cli, path, &answer, &data);
	if (rc != FOG_CLI_OK)
		return rc;
	*out = json_incref((json_t *)data);
	json_decref(answer);
	return rc;
}

int fog_cmd_vrf_draw(struct fog_cli *cli)
{
	json_t *document;

	if (fog_draw_kind_parse(cli->args[0]) == 0)
		return fog_cli_usage(cli, "KIND is neighbours, relays, committee or mix");
	int rc = document_get(cli, cli->args[0], &document);
	if (rc != FOG_CLI_OK)
		return rc;
	fog_json_print(cli, document);
	json_decref(document);
	return rc;
}

static json_t *verdict_json(const struct fog_draw_verdict *v)
{
	char id[65];

	fog_hex_encode(v->node_id, 32, id, sizeof(id));
	json_t *o =
		json_pack("{s:b, s:s, s:s, s:I, s:s}", "valid", 1, "kind",
			  fog_draw_kind_name(v->kind), "node_id", id, "epoch", (json_int_t)v->epoch,
			  "beacon_source", v->source == FOG_BEACON_QUORUM ? "quorum" : "derived");
	if (v->kind == FOG_DRAW_COMMITTEE)
		json_object_set_new(o, "selected", json_boolean(v->selected));
	else if (v->kind == FOG_DRAW_MIX)
		json_object_update_new(
			o, json_pack("{s:i, s:i}", "layer", (int)v->layer, "mixes", (int)v->mixes));
	else {
		json_object_set_new(o, "candidates", json_integer(v->candidates));
		json_object_set_new(o, "chosen", json_integer(v->chosen));
		json_object_set_new(o, "relaxed", json_integer(v->relaxed));
	}
	return o;
}

static void verdict_print(const struct fog_cli *cli, const struct fog_draw_verdict *v)
{
	char id[65];

	fog_hex_encode(v->node_id, 32, id, sizeof(id));
	fprintf(cli->out, "valid: host %.8s drew %s in epoch %llu from the %s beacon\n", id,
		fog_draw_kind_name(v->kind), (unsigned long long)v->epoch,
		v->source == FOG_BEACON_QUORUM ? "quorum's" : "derived");
	if (v->kind == FOG_DRAW_COMMITTEE)
		fprintf(cli->out,
			"%s of the committee, by the weights of whoever told the document\n",
			v->selected ? "it is" : "it is not");
	else if (v->kind == FOG_DRAW_MIX)
		fprintf(cli->out, "it mixes in layer %u, by the order of the lots of %u mixes\n",
			v->layer, v->mixes);
	else
		fprintf(cli->out, "%u of %u candidates, %u against the rules of diversity\n",
			v->chosen, v->candidates, v->relaxed);
	if (v->source == FOG_BEACON_QUORUM)
		fprintf(cli->out, "the beacon is as the document says: compare it with `fogctl vrf "
				  "status` of a host you trust\n");
}

int fog_cmd_vrf_verify(struct fog_cli *cli)
{
	struct fog_draw_verdict v;
	char why[FOG_DRAW_WHY_SIZE];
	json_t *document;

	if (fog_crypto_init() != 0)
		return fog_cli_fail(cli, "the cryptographic library does not start");
	int rc = document_get(cli, cli->args[0], &document);
	if (rc != FOG_CLI_OK)
		return rc;
	if (fog_draw_document_verify(document, NULL, &v, why) != 0) {
		rc = fog_cli_fail(cli, "not valid: %s", why);
	} else if (cli->json) {
		json_t *o = verdict_json(&v);
		fog_json_print(cli, o);
		json_decref(o);
	} else {
		verdict_print(cli, &v);
	}
	json_decref(document);
	return rc;
}
