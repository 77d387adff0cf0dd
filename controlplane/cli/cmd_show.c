/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that ask one question and print the answer as a table or a sheet. */
#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"

#define LIMIT_MAX 1000

struct listing {
	const char *path; /* of the API */
	const char *key;  /* of the array in the answer */
	const struct fog_column *columns;
	u32 count;
	const char *empty;
	const char *sort; /* rows by the text of this member; NULL = as they come */
};

#define COLUMNS(c) c, FOG_ARRAY_COUNT(c)

static const struct fog_column host_columns[] = {
	{"NAME", "name", FOG_FORMAT_TEXT, false},
	{"ID", "node_id", FOG_FORMAT_ID, false},
	{"ADDRESS", "link.address", FOG_FORMAT_TEXT, false},
	{"ROLES", "roles", FOG_FORMAT_LIST, false},
	{"CORES", "capacity.cpu_cores", FOG_FORMAT_TEXT, true},
	{"MEMORY", "capacity.memory_bytes", FOG_FORMAT_SIZE, true},
	{"FOG/H", "price.cpu_hour", FOG_FORMAT_MFOG, true},
	{"OPERATOR", "attributes.operator", FOG_FORMAT_TEXT, false},
	{"COUNTRY", "attributes.country", FOG_FORMAT_TEXT, false},
	{"LINK", "link_state", FOG_FORMAT_STATE, false},
	{"RTT", "network.rtt_us", FOG_FORMAT_US, true},
	{"KNOWN BY", "network.kind", FOG_FORMAT_TEXT, false},
	{"REPUTATION", "reputation", FOG_FORMAT_FIXED3, true},
	{"PUBLISHED", "published_ms", FOG_FORMAT_AGE, true},
};

static const struct fog_column host_sheet[] = {
	{"name", "name", FOG_FORMAT_TEXT, false},
	{"node id", "node_id", FOG_FORMAT_TEXT, false},
	{"roles", "roles", FOG_FORMAT_LIST, false},
	{"link address", "link.address", FOG_FORMAT_TEXT, false},
	{"control address", "control.address", FOG_FORMAT_TEXT, false},
	{"cores", "capacity.cpu_cores", FOG_FORMAT_TEXT, false},
	{"accelerators", "capacity.accelerators.count", FOG_FORMAT_TEXT, false},
	{"  type", "capacity.accelerators.type", FOG_FORMAT_TEXT, false},
	{"  memory each", "capacity.accelerators.memory_bytes", FOG_FORMAT_SIZE, false},
	{"memory", "capacity.memory_bytes", FOG_FORMAT_SIZE, false},
	{"disk", "capacity.disk_bytes", FOG_FORMAT_SIZE, false},
	{"fog a core hour", "price.cpu_hour", FOG_FORMAT_MFOG, false},
	{"fog a GB hour", "price.memory_gb_hour", FOG_FORMAT_MFOG, false},
	{"operator", "attributes.operator", FOG_FORMAT_TEXT, false},
	{"country", "attributes.country", FOG_FORMAT_TEXT, false},
	{"region", "attributes.region", FOG_FORMAT_TEXT, false},
	{"AS", "attributes.as", FOG_FORMAT_TEXT, false},
	{"round trip", "network.rtt_us", FOG_FORMAT_US, false},
	{"  known by", "network.kind", FOG_FORMAT_TEXT, false},
	{"  mean", "network.mean_us", FOG_FORMAT_US, false},
	{"  lost ppm", "network.loss_ppm", FOG_FORMAT_TEXT, false},
	{"  bit/s", "network.bits_per_second", FOG_FORMAT_TEXT, false},
	{"coordinate us", "report.coordinate.us", FOG_FORMAT_LIST, false},
	{"  height us", "report.coordinate.height_us", FOG_FORMAT_TEXT, false},
	{"  error ppm", "report.coordinate.error_ppm", FOG_FORMAT_TEXT, false},
	{"power mW", "report.energy.milliwatts", FOG_FORMAT_TEXT, false},
	{"  from", "report.energy.source", FOG_FORMAT_TEXT, false},
	{"millicores in use", "report.load.cpu_millicores", FOG_FORMAT_TEXT, false},
	{"sequence", "sequence", FOG_FORMAT_TEXT, false},
	{"published ago", "published_ms", FOG_FORMAT_AGE, false},
};

static const struct fog_column link_columns[] = {
	{"HOST", "name", FOG_FORMAT_TEXT, false},
	{"ID", "node_id", FOG_FORMAT_ID, false},
	{"ADDRESS", "address", FOG_FORMAT_TEXT, false},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"SINCE", "since_ms", FOG_FORMAT_AGE, true},
	{"REASON", "reason", FOG_FORMAT_TEXT, false},
};

static const struct fog_column circuit_columns[] = {
	{"HANDLE", "handle", FOG_FORMAT_TEXT, true},
	{"PURPOSE", "purpose", FOG_FORMAT_TEXT, false},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"PATH", "names", FOG_FORMAT_PATH, false},
	{"BUILT IN", "build_ms", FOG_FORMAT_MS, true},
	{"AGE", "age_ms", FOG_FORMAT_MS, true},
	{"STREAMS", "streams", FOG_FORMAT_TEXT, true},
	{"SENT", "bytes_tx", FOG_FORMAT_SIZE, true},
	{"RECEIVED", "bytes_rx", FOG_FORMAT_SIZE, true},
};

static const struct fog_column account_columns[] = {
	{"ACCOUNT", "name", FOG_FORMAT_ACCOUNT, false},
	{"FOG", "balance", FOG_FORMAT_MFOG, true},
	{"ENTRIES", "entries", FOG_FORMAT_TEXT, true},
};

static const struct fog_column entry_columns[] = {
	{"SEQ", "sequence", FOG_FORMAT_TEXT, true},  {"AGE", "at_ms", FOG_FORMAT_AGE, true},
	{"KIND", "kind", FOG_FORMAT_TEXT, false},    {"FROM", "debit", FOG_FORMAT_ACCOUNT, false},
	{"TO", "credit", FOG_FORMAT_ACCOUNT, false}, {"FOG", "amount", FOG_FORMAT_MFOG, true},
	{"JOB", "job", FOG_FORMAT_ID, false},
};

static const struct fog_column reputation_columns[] = {
	{"HOST", "name", FOG_FORMAT_TEXT, false},
	{"ID", "node_id", FOG_FORMAT_ID, false},
	{"SCORE", "score", FOG_FORMAT_FIXED3, true},
	{"TIER", "tier", FOG_FORMAT_TEXT, false},
	{"UNCERTAIN", "uncertainty", FOG_FORMAT_FIXED3, true},
	{"GOOD", "alpha", FOG_FORMAT_FIXED3, true},
	{"BAD", "beta", FOG_FORMAT_FIXED3, true},
	{"UPDATED", "updated_ms", FOG_FORMAT_AGE, true},
};

static const struct fog_column xdp_sheet[] = {
	{"interface", "interface", FOG_FORMAT_TEXT, false},
	{"mode", "mode", FOG_FORMAT_TEXT, false},
	{"reason", "reason", FOG_FORMAT_TEXT, false},
	{"generation", "generation", FOG_FORMAT_TEXT, false},
	{"rules", "rules", FOG_FORMAT_TEXT, false},
	{"links", "links", FOG_FORMAT_TEXT, false},
	{"AF_XDP sockets", "sockets", FOG_FORMAT_TEXT, false},
	{"to AF_XDP", "frames.pass_steered", FOG_FORMAT_TEXT, false},
	{"  on another's queue", "frames.pass_astray", FOG_FORMAT_TEXT, false},
	{"to the UDP socket", "frames.pass_kernel", FOG_FORMAT_TEXT, false},
	{"not for links", "frames.pass_other", FOG_FORMAT_TEXT, false},
	{"unfiltered (no lease)", "frames.pass_open", FOG_FORMAT_TEXT, false},
	{"dropped: length", "frames.drop_length", FOG_FORMAT_TEXT, false},
	{"dropped: type", "frames.drop_type", FOG_FORMAT_TEXT, false},
	{"dropped: denied", "frames.drop_denied", FOG_FORMAT_TEXT, false},
	{"dropped: rate", "frames.drop_rate", FOG_FORMAT_TEXT, false},
};

static const struct fog_column status_sheet[] = {
	{"host", "name", FOG_FORMAT_TEXT, false},
	{"node id", "node_id", FOG_FORMAT_TEXT, false},
	{"version", "version", FOG_FORMAT_TEXT, false},
	{"up for", "uptime_ms", FOG_FORMAT_MS, false},
	{"data plane", "dataplane.state", FOG_FORMAT_STATE, false},
	{"  attached", "dataplane.attached_ms", FOG_FORMAT_AGE, false},
	{"  workers", "dataplane.workers", FOG_FORMAT_COUNT, false},
	{"  input/output", "dataplane.io", FOG_FORMAT_TEXT, false},
	{"  cipher", "dataplane.crypto", FOG_FORMAT_TEXT, false},
	{"edge", "edge.state", FOG_FORMAT_STATE, false},
	{"hosts known", "hosts", FOG_FORMAT_TEXT, false},
	{"links up", "links_up", FOG_FORMAT_TEXT, false},
	{"circuits built", "circuits.built", FOG_FORMAT_TEXT, false},
	{"circuits failed", "circuits.failed", FOG_FORMAT_TEXT, false},
	{"bytes received", "traffic.counters.bytes_rx", FOG_FORMAT_SIZE, false},
	{"bytes sent", "traffic.counters.bytes_tx", FOG_FORMAT_SIZE, false},
	{"jobs not ended", "jobs", FOG_FORMAT_TEXT, false},
};

static const struct listing host_listing = {"/v1/hosts", "hosts", COLUMNS(host_columns),
					    "no hosts known yet", "name"};
static const struct listing link_listing = {"/v1/links", "links", COLUMNS(link_columns), "no links",
					    "name"};
static const struct listing circuit_listing = {"/v1/circuits", "circuits", COLUMNS(circuit_columns),
					       "no circuits"};
static const struct listing account_listing = {"/v1/accounts", "accounts", COLUMNS(account_columns),
					       "no accounts"};
static const struct listing entry_listing = {"/v1/ledger/entries", "entries",
					     COLUMNS(entry_columns), "no entries"};
static const struct listing reputation_listing = {
	"/v1/reputation", "reputation", COLUMNS(reputation_columns), "nothing observed yet"};

static int rows_print(const struct fog_cli *cli, const struct listing *l, const json_t *rows)
{
	if (l->sort == NULL)
		return fog_table_print(cli, rows, l->columns, l->count, l->empty);
	json_t *sorted = fog_rows_sort(rows, l->sort);
	int rc = fog_table_print(cli, sorted, l->columns, l->count, l->empty);
	json_decref(sorted);
	return rc;
}

/* GET path (or the listing's own) and print its rows. */
static int listing_print(const struct fog_cli *cli, const struct listing *l, const char *path)
{
	json_t *answer;
	int rc = fog_api_get(cli, path != NULL ? path : l->path, &answer);

	if (rc != FOG_CLI_OK)
		return rc;
	const json_t *rows = json_is_array(answer) ? answer : json_object_get(answer, l->key);
	if (cli->json)
		fog_json_print(cli, answer);
	else if (!json_is_array(rows))
		rc = fog_cli_fail(cli, "the answer of %s has no list \"%s\"", l->path, l->key);
	else if (rows_print(cli, l, rows) != 0)
		rc = fog_cli_fail(cli, "cannot print the table");
	json_decref(answer);
	return rc;
}

static int sheet_show(const struct fog_cli *cli, const char *path, const struct fog_column *columns,
		      u32 count)
{
	json_t *answer;
	int rc = fog_api_get(cli, path, &answer);

	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json)
		fog_json_print(cli, answer);
	else
		fog_sheet_print(cli, answer, columns, count);
	json_decref(answer);
	return rc;
}

int fog_cmd_status(struct fog_cli *cli)
{
	return sheet_show(cli, "/v1/status", COLUMNS(status_sheet));
}

int fog_cmd_xdp_show(struct fog_cli *cli)
{
	return sheet_show(cli, "/v1/xdp", COLUMNS(xdp_sheet));
}

int fog_cmd_host_list(struct fog_cli *cli)
{
	return listing_print(cli, &host_listing, NULL);
}

int fog_cmd_host_show(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX] = "/v1/hosts/";

	if (fog_path_append(path, sizeof(path), cli->args[0]) != 0)
		return fog_cli_usage(cli, "the name is too long");
	return sheet_show(cli, path, COLUMNS(host_sheet));
}

int fog_cmd_link_list(struct fog_cli *cli)
{
	return listing_print(cli, &link_listing, NULL);
}

int fog_cmd_circuit_list(struct fog_cli *cli)
{
	return listing_print(cli, &circuit_listing, NULL);
}

int fog_cmd_account_list(struct fog_cli *cli)
{
	return listing_print(cli, &account_listing, NULL);
}

int fog_cmd_account_entries(struct fog_cli *cli)
{
	const char *account = cli->option[FOG_OPTION_ACCOUNT];
	const char *limit_text = cli->option[FOG_OPTION_LIMIT];
	char path[FOG_CLIENT_PATH_MAX];
	u64 limit = 50;

	if (limit_text != NULL && fog_count_parse(limit_text, 1, LIMIT_MAX, &limit) != 0)
		return fog_cli_usage(cli, "--limit is a number from 1 to %d", LIMIT_MAX);
	snprintf(path, sizeof(path), "%s?limit=%u", entry_listing.path, (u32)limit);
	if (account != NULL) {
		snprintf(path + strlen(path), sizeof(path) - strlen(path), "&account=");
		if (fog_path_append(path, sizeof(path), account) != 0)
			return fog_cli_usage(cli, "the name of the account is too long");
	}
	return listing_print(cli, &entry_listing, path);
}

int fog_cmd_reputation_list(struct fog_cli *cli)
{
	return listing_print(cli, &reputation_listing, NULL);
}

int fog_cmd_metrics(struct fog_cli *cli)
{
	struct fog_client client;
	char *data;
	size_t size;
	int rc = fog_api_open(cli, &client);

	if (rc != FOG_CLI_OK)
		return rc;
	if (fog_client_bytes(&client, "/metrics", &data, &size) != 0) {
		rc = fog_cli_fail(cli, "%s", client.error);
	} else if (cli->json) {
		json_t *text = json_pack("{s:s%}", "text", data, size);
		fog_json_print(cli, text);
		json_decref(text);
		free(data);
	} else {
		fwrite(data, 1, size, cli->out);
		free(data);
	}
	fog_client_close(&client);
	return rc;
}
