/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl quorum join and leave: a host becomes a validator, or stops being one. */
#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/keys.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"
#include "controlplane/ledger/record.h"
#include "configs/address.h"
#include "crypto/mem.h"

/* What this host would register as: GET /v1/quorum/candidate. */
static int attributes_take(struct fog_cli *cli, const json_t *o, struct fog_validator_attributes *a)
{
	const char *text = fog_pick_text(o, "address", "");
	struct fog_address at;

	memset(a, 0, sizeof(*a));
	if (fog_address_parse(text, &at) != 0 || fog_is_zero(at.ip, 12))
		return fog_cli_fail(cli,
				    "quorum.listen is \"%s\": set it to the address and port at "
				    "which other validators reach this host, and restart it",
				    text);
	if (fog_hex_decode(fog_pick_text(o, "control_pk", ""), a->control_pk, 32) != 0)
		return fog_cli_fail(cli, "the control plane did not say its key");
	memcpy(a->address, at.ip, 16);
	a->port = at.port;
	a->as = (u32)fog_pick_number(o, "as", 0);
	snprintf(a->operator_name, sizeof(a->operator_name), "%s",
		 fog_pick_text(o, "operator", ""));
	snprintf(a->country, sizeof(a->country), "%s", fog_pick_text(o, "country", ""));
	snprintf(a->power_region, sizeof(a->power_region), "%s",
		 fog_pick_text(o, "power_region", ""));
	snprintf(a->tee_vendor, sizeof(a->tee_vendor), "%s", fog_pick_text(o, "tee_vendor", ""));
	return FOG_CLI_OK;
}

static int post(struct fog_cli *cli, struct fog_tx *tx, i64 *height)
{
	json_t *answer;
	int rc = fog_ledger_post(cli, FOG_KEYS_HOST, tx, &answer);

	*height = fog_pick_number(answer, "height", 0);
	json_decref(answer);
	return rc;
}

/* What the ledger knows of this host as a validator: node id, state ("" none), own bond. */
struct standing {
	u8 node_id[32];
	char state[16];
	u64 bond, bond_min;
};

static i64 parameter_of(const json_t *answer, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(answer, "parameters"), i,
			   row) if (strcmp(fog_pick_text(row, "name", ""), name) ==
				    0) return fog_pick_number(row, "value", 0);
	return 0;
}

static int standing_get(struct fog_cli *cli, struct standing *s)
{
	json_t *account = NULL, *validators = NULL, *parameters = NULL;
	const json_t *row;
	const char *key;
	size_t i;
	int rc = fog_api_get(cli, "/v1/ledger/accounts/host", &account);

	memset(s, 0, sizeof(*s));
	if (rc == FOG_CLI_OK)
		rc = fog_api_get(cli, "/v1/ledger/validators", &validators);
	if (rc == FOG_CLI_OK)
		rc = fog_api_get(cli, "/v1/ledger/parameters", &parameters);
	key = fog_pick_text(account, "account", "");
	if (rc == FOG_CLI_OK && fog_hex_decode(key, s->node_id, 32) != 0)
		rc = fog_cli_fail(cli, "the control plane did not say who it is");
	json_array_foreach(json_object_get(validators, "validators"), i,
			   row) if (strcmp(fog_pick_text(row, "account", ""), key) == 0)
		snprintf(s->state, sizeof(s->state), "%s", fog_pick_text(row, "state", ""));
	json_array_foreach(json_object_get(account, "delegations"), i,
			   row) if (strcmp(fog_pick_text(row, "validator", ""), key) == 0) s->bond =
		(u64)fog_pick_number(row, "tokens", 0);
	s->bond_min = (u64)parameter_of(parameters, "ledger.bond_min");
	json_decref(account);
	json_decref(validators);
	json_decref(parameters);
	return rc;
}

static int done(struct fog_cli *cli, const char *what, u64 bond, i64 height, const char *then)
{
	char text[FOG_UNITS_TEXT_SIZE];
	json_t *o = json_pack("{s:s, s:I, s:I}", "result", what, "bond", (json_int_t)bond, "height",
			      (json_int_t)height);

	if (cli->json)
		fog_json_print(cli, o);
	else
		fprintf(cli->out, "%s with a bond of %s fog, in block %lld; %s\n", what,
			fog_amount_format((i64)bond, text), (long long)height, then);
	json_decref(o);
	return FOG_CLI_OK;
}

/* Registration (anew: attributes may have changed), back from a leave, and the bond. */
static int join(struct fog_cli *cli, struct fog_tx *registration, u64 amount)
{
	struct fog_tx back = {.kind = FOG_TX_UNJAIL}, bond = {.kind = FOG_TX_BOND};
	struct standing s;
	i64 height = 0;
	int rc = standing_get(cli, &s);

	if (rc == FOG_CLI_OK && s.bond + amount < s.bond_min) {
		char least[FOG_UNITS_TEXT_SIZE];
		return fog_cli_fail(cli, "a validator bonds %s fog at least (ledger.bond_min)",
				    fog_amount_format((i64)s.bond_min, least));
	}
	if (rc == FOG_CLI_OK)
		rc = post(cli, registration, &height);
	if (rc == FOG_CLI_OK && strcmp(s.state, "jailed") == 0)
		rc = post(cli, &back, &height);
	memcpy(bond.body.stake.validator, s.node_id, 32);
	bond.body.stake.amount = amount;
	if (rc == FOG_CLI_OK && amount != 0)
		rc = post(cli, &bond, &height);
	return rc != FOG_CLI_OK ? rc
				: done(cli, "registered", s.bond + amount, height,
				       "it votes from the next epoch on: fogctl quorum status");
}

int fog_cmd_quorum_join(struct fog_cli *cli)
{
	const char *commission = cli->option[FOG_OPTION_COMMISSION];
	struct fog_tx tx = {.kind = FOG_TX_VALIDATOR};
	u64 amount = 0, percent = 0;
	json_t *candidate = NULL;

	if (cli->args_count != 0 && fog_amount_parse(cli->args[0], &amount) != 0)
		return fog_cli_usage(cli,
				     "\"%s\" is no amount: fog with at most six digits after "
				     "the point",
				     cli->args[0]);
	if (commission != NULL && fog_count_parse(commission, 0, 100, &percent) != 0)
		return fog_cli_usage(cli, "--commission is a number from 0 to 100");
	int rc = fog_api_get(cli, "/v1/quorum/candidate", &candidate);
	if (rc == FOG_CLI_OK)
		rc = attributes_take(cli, candidate, &tx.body.validator.attributes);
	json_decref(candidate);
	tx.body.validator.commission_ppm = (u32)percent * 10000;
	return rc == FOG_CLI_OK ? join(cli, &tx, amount) : rc;
}

int fog_cmd_quorum_leave(struct fog_cli *cli)
{
	struct fog_tx out = {.kind = FOG_TX_JAIL}, bond = {.kind = FOG_TX_UNBOND};
	struct standing s;
	i64 height = 0;
	int rc = standing_get(cli, &s);

	if (rc == FOG_CLI_OK && s.state[0] == '\0')
		return fog_cli_fail(cli, "this host is no validator");
	if (rc == FOG_CLI_OK && strcmp(s.state, "active") == 0)
		rc = post(cli, &out, &height);
	memcpy(bond.body.stake.validator, s.node_id, 32);
	if (rc == FOG_CLI_OK && s.bond != 0)
		rc = post(cli, &bond, &height);
	return rc != FOG_CLI_OK ? rc
				: done(cli, "leaves", s.bond, height,
				       "keep the host running until the epoch has ended");
}
