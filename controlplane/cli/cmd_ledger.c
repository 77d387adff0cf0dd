/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl account, dao, offer: the shared ledger. */
#include <errno.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/keys.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/prove.h"
#include "controlplane/cli/units.h"
#include "controlplane/governance/governance.h"
#include "controlplane/ledger/application.h"
#include "controlplane/market/auction.h"
#include "controlplane/market/market.h"
#include "controlplane/quorum/validators.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define ORDER_LIFE_MS 86400000ull

#define COLUMNS(c) c, FOG_ARRAY_COUNT(c)

static const struct fog_column ledger_sheet[] = {
	{"chain", "chain", FOG_FORMAT_TEXT, false},
	{"height", "height", FOG_FORMAT_TEXT, false},
	{"last block", "time_ms", FOG_FORMAT_AGE, false},
	{"root", "root", FOG_FORMAT_TEXT, false},
	{"issued fog", "issued", FOG_FORMAT_UFOG, false},
	{"treasury fog", "treasury", FOG_FORMAT_UFOG, false},
	{"rewards fog", "rewards", FOG_FORMAT_UFOG, false},
	{"fog a byte", "base_fee", FOG_FORMAT_UFOG, false},
	{"records", "records", FOG_FORMAT_TEXT, false},
	{"all money there", "conserved", FOG_FORMAT_TEXT, false},
};

static const struct fog_column account_sheet[] = {
	{"account", "account", FOG_FORMAT_TEXT, false},
	{"balance fog", "balance", FOG_FORMAT_UFOG, false},
	{"transactions", "nonce", FOG_FORMAT_TEXT, false},
	{"locked for votes", "vote_locked", FOG_FORMAT_UFOG, false},
	{"votes", "votes", FOG_FORMAT_UFOG, false},
	{"rank", "rank", FOG_FORMAT_TEXT, false},
	{"proven", "proven", FOG_FORMAT_TEXT, false},
};

static const struct fog_column validator_columns[] = {
	{"ACCOUNT", "account", FOG_FORMAT_ID, false},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"FOG", "tokens", FOG_FORMAT_UFOG, true},
	{"REWARDS", "rewards", FOG_FORMAT_UFOG, true},
	{"SLASHED", "slashed", FOG_FORMAT_UFOG, true},
	{"COMMISSION", "commission_ppm", FOG_FORMAT_TEXT, true},
	{"OPERATOR", "operator", FOG_FORMAT_TEXT, false},
	{"COUNTRY", "country", FOG_FORMAT_TEXT, false},
};

static const struct fog_column escrow_columns[] = {
	{"ESCROW", "escrow", FOG_FORMAT_TEXT, false},  {"PAYER", "payer", FOG_FORMAT_ID, false},
	{"PAYEE", "payee", FOG_FORMAT_ID, false},      {"HELD", "held", FOG_FORMAT_UFOG, true},
	{"CLAIMED", "claimed", FOG_FORMAT_UFOG, true}, {"STATE", "state", FOG_FORMAT_STATE, false},
	{"LANE", "lane", FOG_FORMAT_TEXT, false},
};

static const struct fog_column parameter_columns[] = {
	{"PARAMETER", "name", FOG_FORMAT_TEXT, false}, {"VALUE", "value", FOG_FORMAT_TEXT, true},
	{"DEFAULT", "default", FOG_FORMAT_TEXT, true}, {"LEAST", "least", FOG_FORMAT_TEXT, true},
	{"MOST", "most", FOG_FORMAT_TEXT, true},       {"WHAT", "help", FOG_FORMAT_TEXT, false},
};

static const struct fog_column proposal_columns[] = {
	{"ID", "id", FOG_FORMAT_TEXT, true},
	{"TITLE", "title", FOG_FORMAT_TEXT, false},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"FOR", "for", FOG_FORMAT_UFOG, true},
	{"AGAINST", "against", FOG_FORMAT_UFOG, true},
	{"ABSTAIN", "abstain", FOG_FORMAT_UFOG, true},
	{"QUORUM", "quorum", FOG_FORMAT_UFOG, true},
	{"MADE", "created_ms", FOG_FORMAT_AGE, true},
};

static const struct fog_column motion_columns[] = {
	{"MOTION", "kind", FOG_FORMAT_TEXT, false},
	{"PARAMETER", "parameter", FOG_FORMAT_TEXT, false},
	{"VALUE", "value", FOG_FORMAT_TEXT, true},
	{"ACCOUNT", "account", FOG_FORMAT_ID, false},
	{"RANK", "rank", FOG_FORMAT_TEXT, false},
};

static const struct fog_column offer_columns[] = {
	{"ID", "id", FOG_FORMAT_TEXT, true},          {"LANE", "lane", FOG_FORMAT_TEXT, false},
	{"SIDE", "side", FOG_FORMAT_TEXT, false},     {"PRICE", "price", FOG_FORMAT_UFOG, true},
	{"LEFT", "remaining", FOG_FORMAT_TEXT, true}, {"OF", "quantity", FOG_FORMAT_TEXT, true},
	{"ACCOUNT", "account", FOG_FORMAT_ID, false},
};

static const struct fog_column lane_columns[] = {
	{"LANE", "lane", FOG_FORMAT_TEXT, false},       {"ORDERS", "orders", FOG_FORMAT_TEXT, true},
	{"LAST PRICE", "price", FOG_FORMAT_UFOG, true}, {"VOLUME", "volume", FOG_FORMAT_TEXT, true},
	{"TRADED", "time_ms", FOG_FORMAT_AGE, true},
};

/* ---- account -------------------------------------------------------------------------------- */

int fog_cmd_ledger_status(struct fog_cli *cli)
{
	json_t *answer;
	int rc = fog_api_get(cli, "/v1/ledger", &answer);

	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json)
		fog_json_print(cli, answer);
	else
		(void)fog_sheet_print(cli, answer, COLUMNS(ledger_sheet));
	json_decref(answer);
	return FOG_CLI_OK;
}

int fog_cmd_account_create(struct fog_cli *cli)
{
	const char *name = cli->args_count != 0 ? cli->args[0] : "default";
	char why[FOG_KEYS_WHY_SIZE], text[65];
	u8 pk[32];

	if (fog_keys_create(name, pk, why) != 0)
		return fog_cli_fail(cli, "%s", why);
	(void)fog_hex_encode(pk, 32, text, sizeof(text));
	if (cli->json)
		fprintf(cli->out, "{\"name\": \"%s\", \"account\": \"%s\"}\n", name, text);
	else
		fprintf(cli->out, "%s\n", text);
	return FOG_CLI_OK;
}

static u8 *bytes_of(const json_t *o, const char *path, u32 *len)
{
	const char *text = fog_pick_text(o, path, "");
	u8 *out = malloc(strlen(text) / 2 + 1);

	*len = (u32)(strlen(text) / 2);
	if (out != NULL && fog_hex_decode(text, out, *len) != 0) {
		free(out);
		out = NULL;
	}
	return out;
}

/* Balance and nonce as the proof says them, against the root that came with it. "no" when the proof
 * fails: then nothing of the answer is worth anything. */
static const char *proof_check(const json_t *answer)
{
	u32 root_len, record_len, proof_len;
	u8 *root = bytes_of(answer, "proof.root", &root_len);
	u8 *record = bytes_of(answer, "proof.record", &record_len);
	u8 *proof = bytes_of(answer, "proof.proof", &proof_len), pk[32];
	const struct fog_rec_account *a;
	const char *verdict = "no";
	enum fog_record kind;
	const void *id, *body;

	if (root == NULL || record == NULL || proof == NULL || root_len != 32 ||
	    fog_hex_decode(fog_pick_text(answer, "account", ""), pk, 32) != 0)
		goto out;
	if (fog_ledger_proof_check(root, FOG_RECORD_ACCOUNT, pk, record_len != 0 ? record : NULL,
				   record_len, proof, proof_len) != 0)
		goto out;
	if (record_len == 0) {
		verdict = fog_pick_number(answer, "balance", -1) == 0 ? "yes: there is none" : "no";
		goto out;
	}
	if (fog_record_read(record, record_len, &kind, &id, &body) != 0)
		goto out;
	a = body;
	if (fog_pick_number(answer, "balance", -1) == (i64)a->balance &&
	    fog_pick_number(answer, "nonce", -1) == (i64)a->nonce)
		verdict = "yes, against the root this host gave";
out:
	free(root);
	free(record);
	free(proof);
	return verdict;
}

int fog_cmd_account_show(struct fog_cli *cli)
{
	const char *name = cli->args_count != 0 ? cli->args[0] : fog_ledger_account(cli);
	char why[FOG_KEYS_WHY_SIZE], path[128] = "/v1/ledger/accounts/host", text[65];
	json_t *answer;
	u8 pk[32];

	if (strcmp(name, FOG_KEYS_HOST) != 0) {
		if (fog_keys_resolve(name, pk, why) != 0)
			return fog_cli_fail(cli, "%s", why);
		(void)fog_hex_encode(pk, 32, text, sizeof(text));
		snprintf(path, sizeof(path), "/v1/ledger/accounts/%s", text);
	}
	/* Believed is a quorum, when asked for or a genesis is trusted; else only the host's root.
	 */
	char genesis[FOG_PROVE_PATH_SIZE];
	bool verify = cli->option[FOG_OPTION_VERIFY] != NULL ||
		      cli->option[FOG_OPTION_GENESIS] != NULL || getenv("FOG_GENESIS") != NULL;
	if (verify && !fog_prove_genesis(cli, genesis))
		return fog_cli_usage(cli, "--verify wants --genesis FILE or $FOG_GENESIS");
	int rc = verify ? fog_prove_account(cli, name, genesis, &answer)
			: fog_api_get(cli, path, &answer);
	if (rc != FOG_CLI_OK)
		return rc;
	const char *proven = verify ? "yes, by a quorum of the genesis" : proof_check(answer);
	json_object_set_new(answer, "proven", json_string(proven));
	if (cli->json)
		fog_json_print(cli, answer);
	else
		(void)fog_sheet_print(cli, answer, COLUMNS(account_sheet));
	json_decref(answer);
	return strcmp(proven, "no") == 0 ? fog_cli_fail(cli, "the proof does not hold")
					 : FOG_CLI_OK;
}

/* Argument `index` as an account ("host" is asked for) or an amount; FOG_CLI_OK or what to return.
 */
static int account_arg(struct fog_cli *cli, u32 index, u8 pk[32])
{
	char why[FOG_KEYS_WHY_SIZE];
	json_t *answer;

	if (strcmp(cli->args[index], FOG_KEYS_HOST) != 0)
		return fog_keys_resolve(cli->args[index], pk, why) == 0
			       ? FOG_CLI_OK
			       : fog_cli_usage(cli, "%s", why);
	int rc = fog_api_get(cli, "/v1/ledger", &answer);
	if (rc == FOG_CLI_OK && fog_hex_decode(fog_pick_text(answer, "host", ""), pk, 32) != 0)
		rc = fog_cli_fail(cli, "the control plane did not say who it is");
	json_decref(answer);
	return rc;
}

static int amount_arg(struct fog_cli *cli, u32 index, u64 *ufog)
{
	if (fog_amount_parse(cli->args[index], ufog) == 0)
		return FOG_CLI_OK;
	return fog_cli_usage(cli,
			     "\"%s\" is no amount: fog with at most six digits after the point",
			     cli->args[index]);
}

int fog_cmd_account_transfer(struct fog_cli *cli)
{
	struct fog_tx tx = {.kind = FOG_TX_TRANSFER};
	int rc = account_arg(cli, 0, tx.body.transfer.to);

	if (rc == FOG_CLI_OK)
		rc = amount_arg(cli, 1, &tx.body.transfer.amount);
	return rc == FOG_CLI_OK ? fog_ledger_send(cli, &tx, "transferred") : rc;
}

static int stake(struct fog_cli *cli, enum fog_tx_kind kind, const char *done)
{
	struct fog_tx tx = {.kind = kind};
	int rc = account_arg(cli, 0, tx.body.stake.validator);

	if (rc == FOG_CLI_OK && cli->args_count > 1)
		rc = amount_arg(cli, 1, &tx.body.stake.amount);
	return rc == FOG_CLI_OK ? fog_ledger_send(cli, &tx, done) : rc;
}

int fog_cmd_account_stake(struct fog_cli *cli)
{
	return stake(cli, FOG_TX_BOND, "bonded");
}

int fog_cmd_account_unstake(struct fog_cli *cli)
{
	return stake(cli, FOG_TX_UNBOND, "unbonding; it is paid when ledger.unbonding_ms are over");
}

int fog_cmd_account_rewards(struct fog_cli *cli)
{
	struct fog_tx tx = {.kind = FOG_TX_REWARDS};
	int rc = account_arg(cli, 0, tx.body.account.account);

	return rc == FOG_CLI_OK ? fog_ledger_send(cli, &tx, "rewards paid") : rc;
}

int fog_cmd_account_validators(struct fog_cli *cli)
{
	return fog_api_list(cli, "/v1/ledger/validators", "validators", COLUMNS(validator_columns),
			    "no validators");
}

int fog_cmd_account_escrows(struct fog_cli *cli)
{
	return fog_api_list(cli, "/v1/ledger/escrows", "escrows", COLUMNS(escrow_columns),
			    "no escrows");
}

/* ---- dao ------------------------------------------------------------------------------------ */

int fog_cmd_dao_parameters(struct fog_cli *cli)
{
	return fog_api_list(cli, "/v1/ledger/parameters", "parameters", COLUMNS(parameter_columns),
			    "");
}

int fog_cmd_dao_list(struct fog_cli *cli)
{
	return fog_api_list(cli, "/v1/proposals", "proposals", COLUMNS(proposal_columns),
			    "no proposals");
}

int fog_cmd_dao_show(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX] = "/v1/proposals/";
	json_t *answer;

	if (fog_path_append(path, sizeof(path), cli->args[0]) != 0)
		return fog_cli_usage(cli, "the id is too long");
	int rc = fog_api_get(cli, path, &answer);
	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json) {
		fog_json_print(cli, answer);
	} else {
		(void)fog_sheet_print(cli, answer, COLUMNS(proposal_columns));
		(void)fog_table_print(cli, json_object_get(answer, "motions"),
				      COLUMNS(motion_columns), "no motions");
	}
	json_decref(answer);
	return FOG_CLI_OK;
}

/* "group.key=value", "pay:ACCOUNT:AMOUNT" or "rank:ACCOUNT:RANK". */
static int motion_parse(struct fog_cli *cli, const char *text, struct fog_motion *out)
{
	char copy[256], why[FOG_KEYS_WHY_SIZE], *first, *second, *end;

	memset(out, 0, sizeof(*out));
	snprintf(copy, sizeof(copy), "%s", text);
	if ((first = strchr(copy, '=')) != NULL) {
		*first++ = '\0';
		const struct fog_parameter_info *p = fog_parameter_named(copy);
		if (p == NULL)
			return fog_cli_usage(cli,
					     "there is no parameter \"%s\"; fogctl dao parameters "
					     "lists them",
					     copy);
		errno = 0;
		out->kind = FOG_MOTION_PARAMETER;
		out->target = p->number;
		out->value = strtoll(first, &end, 10);
		if (p->number == FOG_PARAMETER_QUORUM_PROFILE && fog_profile_parse(first) != 0) {
			out->value = (i64)fog_profile_parse(first);
			return FOG_CLI_OK;
		}
		if (*first == '\0' || *end != '\0' || errno != 0 ||
		    fog_parameter_check(p->number, out->value) != 0)
			return fog_cli_usage(cli, "%s is a number from %lld to %lld", p->name,
					     (long long)p->least, (long long)p->most);
		return FOG_CLI_OK;
	}
	first = strchr(copy, ':');
	second = first != NULL ? strchr(first + 1, ':') : NULL;
	if (second == NULL)
		return fog_cli_usage(cli, "a motion is PARAMETER=VALUE, pay:ACCOUNT:AMOUNT or "
					  "rank:ACCOUNT:RANK");
	*first++ = *second++ = '\0';
	if (fog_keys_resolve(first, out->account, why) != 0)
		return fog_cli_usage(cli, "%s", why);
	if (strcmp(copy, "pay") == 0) {
		u64 amount;
		out->kind = FOG_MOTION_PAY;
		if (fog_amount_parse(second, &amount) != 0)
			return fog_cli_usage(cli, "\"%s\" is no amount", second);
		out->value = (i64)amount;
		return FOG_CLI_OK;
	}
	out->kind = FOG_MOTION_RANK;
	for (u32 i = 0; strcmp(copy, "rank") == 0 && i < FOG_RANK_COUNT; i++)
		if (strcmp(second, fog_rank_name(i)) == 0) {
			out->value = i;
			return FOG_CLI_OK;
		}
	return fog_cli_usage(cli, "a rank is citizen, delegate, councilor, guardian or king");
}

int fog_cmd_dao_propose(struct fog_cli *cli)
{
	struct fog_tx tx = {.kind = FOG_TX_PROPOSE};
	struct fog_tx_propose *p = &tx.body.propose;
	int rc = FOG_CLI_OK;

	if (strlen(cli->args[0]) >= sizeof(p->title))
		return fog_cli_usage(cli, "a title has at most %zu bytes", sizeof(p->title) - 1);
	memcpy(p->title, cli->args[0], strlen(cli->args[0]));
	fog_hash_sha256(p->text, cli->args[0], strlen(cli->args[0]));
	for (u32 i = 1; rc == FOG_CLI_OK && i < cli->args_count; i++)
		rc = motion_parse(cli, cli->args[i], &p->motion[p->motion_count++]);
	return rc == FOG_CLI_OK ? fog_ledger_send(cli, &tx, "proposed") : rc;
}

static int number_send(struct fog_cli *cli, enum fog_tx_kind kind, const char *done)
{
	struct fog_tx tx = {.kind = kind};

	if (fog_count_parse(cli->args[0], 1, INT64_MAX, &tx.body.number.number) != 0)
		return fog_cli_usage(cli, "\"%s\" is no number of the list", cli->args[0]);
	return fog_ledger_send(cli, &tx, done);
}

int fog_cmd_dao_vote(struct fog_cli *cli)
{
	static const char *const choices[] = {"against", "for", "abstain"};
	struct fog_tx tx = {.kind = FOG_TX_VOTE};

	if (fog_count_parse(cli->args[0], 1, INT64_MAX, &tx.body.vote.proposal) != 0)
		return fog_cli_usage(cli, "\"%s\" is no number of fogctl dao list", cli->args[0]);
	for (u32 i = 0; i < 3; i++)
		if (strcmp(cli->args[1], choices[i]) == 0) {
			tx.body.vote.choice = i;
			return fog_ledger_send(cli, &tx, "voted");
		}
	return fog_cli_usage(cli, "a vote is for, against or abstain");
}

int fog_cmd_dao_queue(struct fog_cli *cli)
{
	return number_send(cli, FOG_TX_PROPOSAL_QUEUE, "queued");
}

int fog_cmd_dao_execute(struct fog_cli *cli)
{
	return number_send(cli, FOG_TX_PROPOSAL_EXECUTE, "executed");
}

int fog_cmd_dao_cancel(struct fog_cli *cli)
{
	return number_send(cli, FOG_TX_PROPOSAL_CANCEL, "cancelled");
}

static int amount_send(struct fog_cli *cli, enum fog_tx_kind kind, const char *done)
{
	struct fog_tx tx = {.kind = kind};
	int rc = amount_arg(cli, 0, &tx.body.amount.amount);

	return rc == FOG_CLI_OK ? fog_ledger_send(cli, &tx, done) : rc;
}

int fog_cmd_dao_lock(struct fog_cli *cli)
{
	return amount_send(cli, FOG_TX_VOTE_LOCK,
			   "locked; fogctl dao delegate says who votes with it");
}

int fog_cmd_dao_unlock(struct fog_cli *cli)
{
	return amount_send(cli, FOG_TX_VOTE_UNLOCK,
			   "unlocked; it is paid when ledger.unbonding_ms are over");
}

int fog_cmd_dao_delegate(struct fog_cli *cli)
{
	struct fog_tx tx = {.kind = FOG_TX_VOTE_DELEGATE};
	int rc = account_arg(cli, 0, tx.body.account.account);

	return rc == FOG_CLI_OK ? fog_ledger_send(cli, &tx, "delegated") : rc;
}

/* ---- offer ---------------------------------------------------------------------------------- */

int fog_cmd_offer_list(struct fog_cli *cli)
{
	json_t *answer;
	int rc = fog_api_get(cli, "/v1/offers", &answer);

	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json) {
		fog_json_print(cli, answer);
	} else {
		(void)fog_table_print(cli, json_object_get(answer, "offers"),
				      COLUMNS(offer_columns), "no offers");
		(void)fog_table_print(cli, json_object_get(answer, "lanes"), COLUMNS(lane_columns),
				      "");
	}
	json_decref(answer);
	return FOG_CLI_OK;
}

static int order_send(struct fog_cli *cli, enum fog_order_side side)
{
	struct fog_tx tx = {.kind = FOG_TX_ORDER_PLACE};
	struct fog_tx_order *o = &tx.body.order;

	o->lane = fog_lane_parse(cli->args[0]);
	if (o->lane == FOG_LANE_COUNT)
		return fog_cli_usage(cli,
				     "there is no lane \"%s\": cpu, memory, storage, bandwidth, "
				     "gpu ..",
				     cli->args[0]);
	if (fog_count_parse(cli->args[1], 1, FOG_AUCTION_QUANTITY_MAX, &o->quantity) != 0)
		return fog_cli_usage(cli, "QUANTITY is a number of unit hours up to %lld",
				     FOG_AUCTION_QUANTITY_MAX);
	int rc = amount_arg(cli, 2, &o->price);
	if (rc != FOG_CLI_OK)
		return rc;
	o->side = side;
	o->life_ms = ORDER_LIFE_MS;
	return fog_ledger_send(cli, &tx, "placed; it is matched at the next call");
}

int fog_cmd_offer_bid(struct fog_cli *cli)
{
	return order_send(cli, FOG_ORDER_BID);
}

int fog_cmd_offer_ask(struct fog_cli *cli)
{
	return order_send(cli, FOG_ORDER_ASK);
}

int fog_cmd_offer_cancel(struct fog_cli *cli)
{
	return number_send(cli, FOG_TX_ORDER_CANCEL, "cancelled");
}

static int escrow_send(struct fog_cli *cli, enum fog_tx_kind kind, const char *done)
{
	struct fog_tx tx = {.kind = kind};
	u64 amount = 0;
	int rc = FOG_CLI_OK;

	if (strlen(cli->args[0]) != 64 ||
	    fog_hex_decode(cli->args[0], tx.body.escrow.escrow, 32) != 0)
		return fog_cli_usage(cli, "ESCROW is an id of fogctl account escrows");
	if (cli->args_count > 1)
		rc = amount_arg(cli, 1, &amount);
	if (kind == FOG_TX_ESCROW_SETTLE)
		tx.body.escrow_settle.amount = amount;
	if (kind == FOG_TX_ESCROW_CLAIM)
		tx.body.escrow_claim.amount = amount;
	return rc == FOG_CLI_OK ? fog_ledger_send(cli, &tx, done) : rc;
}

int fog_cmd_offer_settle(struct fog_cli *cli)
{
	return escrow_send(cli, FOG_TX_ESCROW_SETTLE, "paid");
}

int fog_cmd_offer_claim(struct fog_cli *cli)
{
	return escrow_send(cli, FOG_TX_ESCROW_CLAIM,
			   "claimed; it is paid when the buyer stays silent");
}

int fog_cmd_offer_dispute(struct fog_cli *cli)
{
	return escrow_send(cli, FOG_TX_ESCROW_DISPUTE, "disputed: the money is back");
}

int fog_cmd_offer_finish(struct fog_cli *cli)
{
	return escrow_send(cli, FOG_TX_ESCROW_FINISH, "finished");
}
