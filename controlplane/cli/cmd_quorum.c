/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl quorum: who agrees and why not, whether quorums intersect, and proofs checked from genesis
 * without believing any host. */
#include <errno.h>
#include <time.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/keys.h"
#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/quorum_file.h"
#include "controlplane/quorum/light.h"
#include "controlplane/validator/genesis.h"
#include "crypto/mem.h"

#define COLUMNS(c) c, FOG_ARRAY_COUNT(c)

#define PROOF_TRIES   40 /* the state must be in a final header: a block or two later */
#define PROOF_WAIT_NS 250000000

static const struct fog_column quorum_sheet[] = {
	{"role", "role", FOG_FORMAT_TEXT, false},
	{"quorum", "quorum", FOG_FORMAT_TEXT, false},
	{"why not", "why", FOG_FORMAT_TEXT, false},
	{"epoch", "epoch", FOG_FORMAT_TEXT, false},
	{"view", "view", FOG_FORMAT_TEXT, false},
	{"height", "height", FOG_FORMAT_TEXT, false},
	{"profile", "rules.profile", FOG_FORMAT_TEXT, false},
	{"weight of a quorum", "rules.weight_quorum", FOG_FORMAT_TEXT, false},
	{"weight of all", "rules.weight_total", FOG_FORMAT_TEXT, false},
	{"weights capped", "rules.capped", FOG_FORMAT_TEXT, false},
	{"too concentrated", "rules.flagged", FOG_FORMAT_TEXT, false},
	{"commit p50 ms", "figures.commit_ms_p50", FOG_FORMAT_FIXED3, false},
	{"views that worked", "figures.success_rate", FOG_FORMAT_FIXED3, false},
	{"transactions", "figures.transactions", FOG_FORMAT_TEXT, false},
	{"signatures by", "figures.verifier", FOG_FORMAT_TEXT, false},
	{"offences seen", "net.equivocations", FOG_FORMAT_TEXT, false},
};

static const struct fog_column member_columns[] = {
	{"VALIDATOR", "node_id", FOG_FORMAT_ID, false},
	{"ADDRESS", "address", FOG_FORMAT_TEXT, false},
	{"WEIGHT", "weight", FOG_FORMAT_TEXT, true},
	{"OPERATOR", "operator", FOG_FORMAT_TEXT, false},
	{"COUNTRY", "country", FOG_FORMAT_TEXT, false},
	{"AS", "as", FOG_FORMAT_TEXT, true},
	{"POWER", "power_region", FOG_FORMAT_TEXT, false},
	{"TEE", "tee_vendor", FOG_FORMAT_TEXT, false},
	{"HEARD", "heard", FOG_FORMAT_TEXT, false},
	{"LEADS", "leader", FOG_FORMAT_TEXT, false},
};

static const struct fog_column class_columns[] = {
	{"FAILS TOGETHER", "attribute", FOG_FORMAT_TEXT, false},
	{"VALUE", "value", FOG_FORMAT_TEXT, false},
	{"MEMBERS", "members", FOG_FORMAT_TEXT, true},
	{"WEIGHT", "weight", FOG_FORMAT_TEXT, true},
	{"MORE TOLERATED", "residual", FOG_FORMAT_TEXT, true},
	{"SAFE", "safe", FOG_FORMAT_TEXT, false},
	{"LIVE WITHOUT", "live_without", FOG_FORMAT_TEXT, false},
};

int fog_cmd_quorum_status(struct fog_cli *cli)
{
	json_t *o;
	int rc = fog_api_get(cli, "/v1/quorum", &o);

	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json) {
		fog_json_print(cli, o);
	} else {
		(void)fog_sheet_print(cli, o, COLUMNS(quorum_sheet));
		fputc('\n', cli->out);
		(void)fog_table_print(cli, json_object_get(o, "validators"),
				      COLUMNS(member_columns), "no validators");
	}
	json_decref(o);
	return FOG_CLI_OK;
}

/* ---- check: a genesis ------------------------------------------------------------------------ */

static json_t *names_json(const struct fog_validators *s, u64 mask)
{
	json_t *a = json_array();
	char text[65];

	for (; mask != 0; mask &= mask - 1) {
		(void)fog_hex_encode(s->v[__builtin_ctzll(mask)].node_id, 32, text, sizeof(text));
		json_array_append_new(a, json_stringn(text, 8));
	}
	return a;
}

static json_t *class_json(const struct fog_validators *s, const struct fog_class_tolerance *c)
{
	char as[24];
	u64 a, b;
	enum fog_intersection split = fog_validators_check(s, c->mask, &a, &b);

	snprintf(as, sizeof(as), "%u", c->as);
	const char *value = c->attribute == FOG_ATTRIBUTE_AS && c->as != 0 ? as : c->value;
	json_t *o = json_pack("{s:s, s:s, s:i, s:I, s:I, s:b, s:b}", "attribute",
			      fog_attribute_name(c->attribute), "value",
			      *value != '\0' ? value : "unknown", "members",
			      __builtin_popcountll(c->mask), "weight", (json_int_t)c->weight,
			      "residual", (json_int_t)c->residual, "safe",
			      split == FOG_INTERSECTION_HOLDS, "live_without", (int)c->live);
	if (split == FOG_INTERSECTION_SPLIT)
		json_object_set_new(o, "split",
				    json_pack("[o,o]", names_json(s, a), names_json(s, b)));
	return o;
}

static json_t *genesis_json(const struct fog_validators *s, bool *good)
{
	struct fog_tolerance *t = malloc(sizeof(*t));
	json_t *classes = json_array();
	u64 a, b;

	if (t == NULL)
		return NULL;
	fog_validators_tolerance(s, t);
	*good = !s->flagged && fog_validators_check(s, 0, &a, &b) == FOG_INTERSECTION_HOLDS;
	for (u32 i = 0; i < t->class_count; i++) {
		json_t *c = class_json(s, &t->classes[i]);
		*good = *good && json_is_true(json_object_get(c, "safe")) && t->classes[i].live;
		json_array_append_new(classes, c);
	}
	json_t *o =
		json_pack("{s:s, s:i, s:s, s:b, s:b, s:I, s:I, s:I, s:b, s:o}", "kind", "weighted",
			  "nodes", (int)s->count, "profile", fog_profile_name(s->rules.profile),
			  "capped", (int)s->capped, "flagged", (int)s->flagged, "weight_total",
			  (json_int_t)s->total, "weight_quorum", (json_int_t)s->quorum, "tolerated",
			  (json_int_t)t->weight, "good", (int)*good, "classes", classes);
	free(t);
	return o;
}

static int genesis_check(struct fog_cli *cli, const char *path)
{
	struct fog_genesis_file g;
	char why[FOG_GENESIS_WHY_SIZE];
	bool good = false;

	if (fog_genesis_read(&g, path, true, why) != 0)
		return fog_cli_fail(cli, "%s", why);
	json_t *o = genesis_json(&g.set, &good);
	fog_genesis_free(&g);
	if (cli->json) {
		fog_json_print(cli, o);
	} else {
		fprintf(cli->out,
			"%lld validators, profile %s, weights%s capped. Any set of weight up to "
			"%lld of %lld may fail.\n",
			(long long)fog_pick_number(o, "nodes", 0), fog_pick_text(o, "profile", ""),
			json_is_true(json_object_get(o, "capped")) ? "" : " not",
			(long long)fog_pick_number(o, "tolerated", 0),
			(long long)fog_pick_number(o, "weight_total", 0));
		(void)fog_table_print(cli, json_object_get(o, "classes"), COLUMNS(class_columns),
				      "");
	}
	json_decref(o);
	return good ? FOG_CLI_OK
		    : fog_cli_fail(cli, "one of these alone splits or stops the quorum");
}

/* ---- check: federated quorum sets -------------------------------------------------------------
 */

static const char *verdict_text(enum fog_intersection v)
{
	static const char *const names[] = {"?", "yes", "no", "no quorum", "undecided"};

	return names[v];
}

/* Value number `kind` of a node: 0 itself, 1 country, 2 internet provider. */
static const char *group_of(const struct fog_quorum_file *q, u32 node, u32 kind)
{
	const struct fog_quorum_node *n = &q->node[node];

	return kind == 0 ? n->key : kind == 1 ? n->country : n->isp;
}

/* What the failure of everybody with one value does; only what splits or stops is listed. */
static void groups_check(const struct fog_quorum_file *q, u32 kind, const struct fog_fbas_mask *in,
			 json_t *out)
{
	static const char *const names[] = {"node", "country", "provider"};
	struct fog_fbas_mask left, a, b;

	for (u32 i = 0; i < q->f.node_count; i++) {
		struct fog_fbas_mask faulty = {0};
		const char *value = group_of(q, i, kind);
		bool first = *value != '\0', matters = false;
		left = (struct fog_fbas_mask){0};
		for (u32 k = 0; k < q->f.node_count; k++) {
			bool same = strcmp(group_of(q, k, kind), value) == 0;
			first = first && !(same && k < i);
			matters |= same && fog_fbas_has(in, k);
			fog_fbas_bit(same ? &faulty : &left, k);
		}
		if (!first || !matters)
			continue;
		enum fog_intersection split = fog_fbas_check(&q->f, &faulty, &a, &b);
		fog_fbas_greatest(&q->f, &left, &a);
		bool live = fog_fbas_size(&a) != 0;
		if (split == FOG_INTERSECTION_HOLDS && live)
			continue;
		const char *label = kind == 0 && *q->node[i].name != '\0' ? q->node[i].name : value;
		json_array_append_new(
			out, json_pack("{s:s, s:s, s:i, s:s, s:b}", "attribute", names[kind],
				       "value", label, "members", (int)fog_fbas_size(&faulty),
				       "safe", verdict_text(split), "live_without", (int)live));
	}
}

static const struct fog_column failure_columns[] = {
	{"FAILS TOGETHER", "attribute", FOG_FORMAT_TEXT, false},
	{"VALUE", "value", FOG_FORMAT_TEXT, false},
	{"NODES", "members", FOG_FORMAT_TEXT, true},
	{"STILL INTERSECT", "safe", FOG_FORMAT_TEXT, false},
	{"LIVE WITHOUT", "live_without", FOG_FORMAT_TEXT, false},
};

static json_t *split_json(const struct fog_quorum_file *q, const struct fog_fbas_mask *m)
{
	json_t *a = json_array();

	for (u32 i = 0; i < q->f.node_count; i++)
		if (fog_fbas_has(m, i))
			json_array_append_new(a, json_string(q->node[i].key));
	return a;
}

static int federated_check(struct fog_cli *cli, struct fog_quorum_file *q)
{
	struct fog_fbas_mask all = {0}, greatest, a, b;
	json_t *failures = json_array();

	for (u32 i = 0; i < q->f.node_count; i++)
		fog_fbas_bit(&all, i);
	fog_fbas_greatest(&q->f, &all, &greatest);
	enum fog_intersection v = fog_fbas_check(&q->f, NULL, &a, &b);
	for (u32 kind = 0; kind < 3 && v == FOG_INTERSECTION_HOLDS; kind++)
		groups_check(q, kind, &greatest, failures);
	json_t *o = json_pack("{s:s, s:i, s:i, s:s, s:o, s:o}", "kind", "federated", "nodes",
			      (int)q->f.node_count, "in_quorums", (int)fog_fbas_size(&greatest),
			      "intersect", verdict_text(v), "split",
			      v == FOG_INTERSECTION_SPLIT
				      ? json_pack("[o,o]", split_json(q, &a), split_json(q, &b))
				      : json_null(),
			      "failures", failures);
	if (cli->json) {
		fog_json_print(cli, o);
	} else {
		fprintf(cli->out, "%u nodes, %u of them in a quorum. Quorums intersect: %s.\n",
			q->f.node_count, fog_fbas_size(&greatest), verdict_text(v));
		if (v == FOG_INTERSECTION_SPLIT)
			fprintf(cli->out,
				"Two that do not have %u and %u nodes (--json names them).\n",
				fog_fbas_size(&a), fog_fbas_size(&b));
		(void)fog_table_print(cli, failures, COLUMNS(failure_columns),
				      v == FOG_INTERSECTION_HOLDS
					      ? "no single node, country or provider breaks it"
					      : "");
	}
	json_decref(o);
	return v == FOG_INTERSECTION_HOLDS ? FOG_CLI_OK : FOG_CLI_FAILED;
}

int fog_cmd_quorum_check(struct fog_cli *cli)
{
	static struct fog_quorum_file q;
	char why[FOG_QUORUM_FILE_WHY] = "";
	json_error_t error;
	json_t *root = json_load_file(cli->args[0], 0, &error);

	if (root == NULL)
		return fog_cli_fail(cli, "%s: line %d: %s", cli->args[0], error.line, error.text);
	if (json_object_get(root, "accounts") != NULL) {
		json_decref(root);
		return genesis_check(cli, cli->args[0]);
	}
	int rc = fog_quorum_file_read(&q, root, why);
	rc = rc == 0 ? federated_check(cli, &q)
		     : fog_cli_fail(cli, "%s: %s", cli->args[0],
				    why[0] != '\0' ? why : strerror(-rc));
	fog_quorum_file_free(&q);
	return rc;
}

/* ---- proofs ---------------------------------------------------------------------------------- */

/* Bytes of a string of hex digits; at most cap. -1 when it is none. */
static int bytes_take(const json_t *v, u8 *out, size_t cap)
{
	const char *text = json_string_value(v);
	size_t len = text != NULL ? strlen(text) : 1;

	if (len % 2 != 0 || len / 2 > cap || fog_hex_decode(text, out, len / 2) != 0)
		return -1;
	return (int)(len / 2);
}

/* The set of the epoch the proof ends in, each following from the one before. */
static int epochs_follow(const json_t *proof, const u8 chain[32], struct fog_validators *set)
{
	struct fog_epoch *e = malloc(sizeof(*e));
	u8 bytes[FOG_EPOCH_SIZE_MAX];
	int rc = e != NULL ? 0 : -ENOMEM;
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(proof, "epochs"), i, one)
	{
		int len = bytes_take(one, bytes, sizeof(bytes));
		if (rc == 0 && (len < 0 || fog_epoch_decode(e, bytes, (u32)len) != 0 ||
				fog_epoch_follows(e, set, chain) != 0))
			rc = -EBADMSG;
		if (rc == 0)
			*set = e->set;
	}
	free(e);
	return rc;
}

static int headers_check(const json_t *proof, const u8 chain[32], const struct fog_validators *set,
			 struct fog_header *first)
{
	const json_t *list = json_object_get(proof, "headers");
	size_t count = json_array_size(list);
	struct fog_header *h = calloc(count + 1, sizeof(*h));
	struct fog_certificate cert;
	u8 bytes[FOG_CERTIFICATE_SIZE_MAX];
	int rc = h != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && rc == 0; i++)
		if (bytes_take(json_array_get(list, i), bytes, sizeof(bytes)) != FOG_HEADER_SIZE ||
		    fog_header_decode(&h[i], bytes) != 0)
			rc = -EBADMSG;
	int len = bytes_take(json_object_get(proof, "certificate"), bytes, sizeof(bytes));
	if (rc == 0 && (len < 0 || fog_certificate_decode(&cert, bytes, (u32)len) != len))
		rc = -EBADMSG;
	if (rc == 0)
		rc = fog_light_verify(set, chain, h, (u32)count, &cert);
	if (rc == 0)
		*first = h[0];
	free(h);
	return rc;
}

/* From the genesis file alone: is `root` the state after `height`? */
static int root_prove(const struct fog_genesis_file *g, const json_t *proof, const u8 root[32],
		      u64 height, u64 *epoch)
{
	static const struct fog_chain_ports ports = {NULL, ""};
	struct fog_validators *set = malloc(sizeof(*set));
	struct fog_ledger_app *app = NULL;
	struct fog_application i;
	struct fog_header first;
	u8 chain[32], genesis_root[32];
	const char *why;
	u64 zero;
	int rc = set != NULL ? fog_ledger_app_new(&app, &ports, &g->ledger, &why) : -ENOMEM;

	if (rc == 0) {
		fog_ledger_app_interface(app, &i);
		i.info(i.context, &zero, genesis_root);
		*set = g->set;
		fog_genesis_chain(set, g->ledger.time_ms, genesis_root, chain);
		rc = epochs_follow(proof, chain, set);
	}
	if (rc == 0)
		rc = headers_check(proof, chain, set, &first);
	if (rc == 0 && (first.state_height != height || memcmp(first.state_root, root, 32) != 0))
		rc = -EBADMSG;
	if (rc == 0)
		*epoch = set->epoch;
	fog_ledger_app_free(app);
	free(set);
	return rc;
}

/* The account with its proof, and the headers for the same state. A busy chain goes on between the
 * two questions: then both again. */
static int proof_get(const struct fog_cli *cli, const char *key, json_t **account, json_t **proof)
{
	struct fog_client client;
	char path[160];
	int rc = fog_api_open(cli, &client);

	for (u32 i = 0; rc == FOG_CLI_OK && i < PROOF_TRIES; i++) {
		snprintf(path, sizeof(path), "/v1/ledger/accounts/%s", key);
		rc = fog_api_call(cli, &client, "GET", path, NULL, account);
		if (rc != FOG_CLI_OK)
			break;
		snprintf(path, sizeof(path), "/v1/quorum/proof?height=%lld",
			 (long long)fog_pick_number(*account, "proof.height", 0));
		for (u32 k = 0; k < 6; k++) {
			if (fog_client_call(&client, "GET", path, NULL, proof) == 0) {
				fog_client_close(&client);
				return FOG_CLI_OK;
			}
			nanosleep(&(struct timespec){0, PROOF_WAIT_NS}, NULL);
		}
		json_decref(*account);
	}
	if (rc == FOG_CLI_OK) {
		rc = fog_cli_fail(cli, "no proof: %s", client.error);
		fog_client_close(&client);
	}
	return rc;
}

static int account_prove(struct fog_cli *cli, const struct fog_genesis_file *g, json_t *account,
			 const json_t *proof)
{
	u8 root[32], pk[32], record[4096], path[8192];
	u64 height = (u64)fog_pick_number(account, "proof.height", 0), epoch = 0;
	int record_len = bytes_take(fog_pick(account, "proof.record"), record, sizeof(record));
	int path_len = bytes_take(fog_pick(account, "proof.proof"), path, sizeof(path));

	if (bytes_take(fog_pick(account, "proof.root"), root, 32) != 32 ||
	    bytes_take(fog_pick(account, "account"), pk, 32) != 32 || record_len < 0 ||
	    path_len < 0)
		return fog_cli_fail(cli, "the answer holds no proof");
	if (root_prove(g, proof, root, height, &epoch) != 0)
		return fog_cli_fail(cli, "FALSE: no quorum of this genesis agreed on that state");
	if (fog_ledger_proof_check(root, FOG_RECORD_ACCOUNT, pk, record_len > 0 ? record : NULL,
				   (u32)record_len, path, (u32)path_len) != 0)
		return fog_cli_fail(cli, "FALSE: the account is not like that in that state");
	struct fog_rec_account a = {0};
	enum fog_record kind;
	const void *id, *body;
	if (record_len != 0 && fog_record_read(record, (u32)record_len, &kind, &id, &body) != 0)
		return fog_cli_fail(cli, "the record is malformed");
	if (record_len != 0)
		memcpy(&a, body, sizeof(a));
	json_object_set_new(account, "verified",
			    json_pack("{s:I, s:I, s:I, s:I}", "balance", (json_int_t)a.balance,
				      "nonce", (json_int_t)a.nonce, "height", (json_int_t)height,
				      "epoch", (json_int_t)epoch));
	if (cli->json)
		fog_json_print(cli, json_object_get(account, "verified"));
	else
		fprintf(cli->out,
			"true: %llu ufog after block %llu, by %llu epochs from genesis and a "
			"certificate of epoch %llu\n",
			(unsigned long long)a.balance, (unsigned long long)height,
			(unsigned long long)(epoch - 1), (unsigned long long)epoch);
	return FOG_CLI_OK;
}

int fog_cmd_quorum_verify(struct fog_cli *cli)
{
	struct fog_genesis_file g;
	char why[FOG_GENESIS_WHY_SIZE], dir[FOG_LAB_DIR_MAX], path[FOG_LAB_DIR_MAX + 32];
	char key[65] = "host";
	json_t *account = NULL, *proof = NULL;
	u8 pk[32];

	if (cli->args_count > 1)
		snprintf(path, sizeof(path), "%s", cli->args[1]);
	else if (fog_lab_dir(cli, dir) == 0)
		snprintf(path, sizeof(path), "%s/genesis.json", dir);
	else
		return FOG_CLI_FAILED;
	if (strcmp(cli->args[0], "host") != 0) {
		if (fog_keys_resolve(cli->args[0], pk, why) != 0)
			return fog_cli_fail(cli, "%s", why);
		(void)fog_hex_encode(pk, 32, key, sizeof(key));
	}
	if (fog_genesis_read(&g, path, true, why) != 0)
		return fog_cli_fail(cli, "%s", why);
	int rc = proof_get(cli, key, &account, &proof);
	if (rc == FOG_CLI_OK)
		rc = account_prove(cli, &g, account, proof);
	json_decref(account);
	json_decref(proof);
	fog_genesis_free(&g);
	return rc;
}
