/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl quorum status, check and verify-proof: who agrees and why not, whether quorums intersect,
 * and an account proven from the genesis. */
#include <errno.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/prove.h"
#include "controlplane/cli/quorum_file.h"
#include "controlplane/cli/units.h"
#include "controlplane/validator/genesis.h"
#include "crypto/mem.h"

#define COLUMNS(c) c, FOG_ARRAY_COUNT(c)

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
	{"TEE vendors claimed", "tee.claimed", FOG_FORMAT_TEXT, false},
	{"  attested by us", "tee.shown", FOG_FORMAT_TEXT, false},
	{"  diverse with these", "tee.diverse", FOG_FORMAT_TEXT, false},
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
	{"SHOWN", "tee_shown", FOG_FORMAT_TEXT, false},
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

int fog_cmd_quorum_verify(struct fog_cli *cli)
{
	char path[FOG_PROVE_PATH_SIZE], balance[FOG_UNITS_TEXT_SIZE];
	json_t *account = NULL;
	int rc = FOG_CLI_OK;

	if (cli->args_count > 1)
		snprintf(path, sizeof(path), "%s", cli->args[1]);
	else if (!fog_prove_genesis(cli, path))
		rc = fog_cli_fail(cli, "name the GENESIS to prove it from");
	if (rc == FOG_CLI_OK)
		rc = fog_prove_account(cli, cli->args[0], path, &account);
	const json_t *v = json_object_get(account, "verified");
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, v);
	else if (rc == FOG_CLI_OK)
		fprintf(cli->out,
			"true: %s fog after block %lld, by %lld epochs from genesis and a "
			"certificate of epoch %lld\n",
			fog_amount_format(fog_pick_number(v, "balance", 0), balance),
			(long long)fog_pick_number(v, "height", 0),
			(long long)fog_pick_number(v, "epoch", 1) - 1,
			(long long)fog_pick_number(v, "epoch", 0));
	json_decref(account);
	return rc;
}
