/* SPDX-License-Identifier: BSD-3-Clause */
/* What people, the gateway and light clients see of a node. */
#include <errno.h>

#include "controlplane/validator/node_private.h"
#include "crypto/mem.h"

#define PROOF_LOOK_MAX 256 /* final headers searched for a root, from the newest down */

const char *fog_node_failed(const struct fog_node *n)
{
	return n->failed ? n->why : NULL;
}

void fog_node_status(const struct fog_node *n, struct fog_quorum_status *out)
{
	fog_quorum_status(n->q, fog_node_now_ms(), out);
}

const struct fog_validators *fog_node_set(const struct fog_node *n)
{
	return fog_quorum_set(n->q);
}

const u8 *fog_node_chain(const struct fog_node *n)
{
	return n->chain;
}

int fog_node_query(struct fog_node *n, const char *path, struct fog_app_bytes data, u8 **answer,
		   u32 *answer_len, u8 **proof, u32 *proof_len, u64 *height, u8 root[32])
{
	return n->app.query(n->app.context, path, data, answer, answer_len, proof, proof_len,
			    height, root);
}

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

void fog_node_figures(const struct fog_node *n, struct fog_node_figures *out)
{
	const struct fog_quorum_counts *c = fog_quorum_counts(n->q);
	double sorted[LATENCIES], sum = 0;
	u32 count = FOG_MIN(n->latency_count, (u32)LATENCIES);

	memset(out, 0, sizeof(*out));
	memcpy(sorted, n->latency, count * sizeof(sorted[0]));
	qsort(sorted, count, sizeof(sorted[0]), by_value);
	for (u32 i = 0; i < count; i++)
		sum += sorted[i];
	if (count != 0) {
		out->commit_ms_mean = sum / count;
		out->commit_ms_p50 = sorted[count / 2];
		out->commit_ms_p99 = sorted[count - 1 - count / 100];
	}
	u64 views = c->finalized + c->nullified;
	out->success_rate = views != 0 ? (double)c->finalized / (double)views : 1.0;
	out->blocks = n->blocks;
	out->transactions = n->transactions;
	out->verify_checks = n->checks;
	out->verify_failed = n->checks_failed;
	out->pool = fog_pool_count(n->pool);
	fog_qlog_counts(n->log, &out->syncs, &out->log_bytes);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *hex(const void *data, size_t len)
{
	char *text = malloc(2 * len + 1);

	if (text == NULL || fog_hex_encode(data, len, text, 2 * len + 1) != 0) {
		free(text);
		return NULL;
	}
	json_t *s = json_string(text);
	free(text);
	return s;
}

static json_t *validator_json(const struct fog_validators *s, u32 i,
			      const struct fog_quorum_status *q)
{
	const struct fog_app_validator *v = &s->v[i];
	char address[FOG_ADDRESS_TEXT_SIZE];
	struct fog_address a = {.port = v->port};

	memcpy(a.ip, v->address, 16);
	return json_pack("{s:o, s:s, s:I, s:I, s:s, s:I, s:s, s:s, s:s, s:b, s:b, s:b}", "node_id",
			 hex(v->node_id, 32), "address", fog_address_format(&a, address),
			 "weight_asked", (json_int_t)v->weight, "weight", (json_int_t)s->weight[i],
			 "operator", v->operator_name, "as", (json_int_t)v->as, "country",
			 v->country, "power_region", v->power_region, "tee_vendor", v->tee_vendor,
			 "heard", (int)(q->heard >> i & 1), "leader", q->leader == i, "self",
			 q->self == (int)i);
}

static json_t *classes_json(const struct fog_validators *s, u64 *f)
{
	struct fog_tolerance *t = malloc(sizeof(*t));
	json_t *a = json_array();
	char as[24];

	if (t == NULL)
		return a;
	fog_validators_tolerance(s, t);
	*f = t->weight;
	for (u32 i = 0; i < t->class_count; i++) {
		const struct fog_class_tolerance *c = &t->classes[i];
		snprintf(as, sizeof(as), "%u", c->as);
		const char *value = c->attribute == FOG_ATTRIBUTE_AS && c->as != 0 ? as : c->value;
		json_array_append_new(a, json_pack("{s:s, s:s, s:i, s:I, s:I, s:b, s:b}",
						   "attribute", fog_attribute_name(c->attribute),
						   "value", *value != '\0' ? value : "unknown",
						   "members", __builtin_popcountll(c->mask),
						   "weight", (json_int_t)c->weight, "residual",
						   (json_int_t)c->residual, "safe",
						   c->residual >= 0, "live_without", c->live));
	}
	free(t);
	return a;
}

json_t *fog_node_json(struct fog_node *n)
{
	struct fog_quorum_status q;
	struct fog_node_figures f;
	struct fog_net_counts net;
	const struct fog_validators *s = fog_quorum_set(n->q);
	u64 tolerated = 0, first, last;
	json_t *list = json_array();

	fog_node_status(n, &q);
	fog_node_figures(n, &f);
	fog_net_counts(n->net, &net);
	fog_qlog_heights(n->log, &first, &last);
	for (u32 i = 0; i < s->count; i++)
		json_array_append_new(list, validator_json(s, i, &q));
	json_t *classes = classes_json(s, &tolerated);
	const char *why = n->failed ? n->why : q.why;
	json_t *o = json_pack("{s:o, s:s, s:b, s:b, s:s, s:I, s:I, s:I, s:I, s:o, s:I}", "chain",
			      hex(n->chain, 32), "role",
			      q.observes    ? "observer"
			      : q.self >= 0 ? "validator"
					    : "follower",
			      "quorum", (int)(q.quorum && !n->failed), "failed", (int)n->failed,
			      "why", why, "epoch", (json_int_t)q.epoch, "view", (json_int_t)q.view,
			      "height", (json_int_t)q.height, "executed", (json_int_t)q.executed,
			      "validators", list, "snapshot_height", (json_int_t)n->offer_height);
	if (o == NULL)
		return NULL;
	json_object_set_new(o, "rules",
			    json_pack("{s:s, s:f, s:b, s:b, s:b, s:I, s:I, s:I}", "profile",
				      fog_profile_name(s->rules.profile), "residual",
				      s->rules.residual_ppm / 1e6, "strict", (int)s->rules.strict,
				      "capped", (int)s->capped, "flagged", (int)s->flagged,
				      "weight_total", (json_int_t)s->total, "weight_quorum",
				      (json_int_t)s->quorum, "tolerated", (json_int_t)tolerated));
	json_object_set_new(o, "classes", classes);
	json_object_set_new(o, "randomness", hex(q.randomness, 32));
	json_object_set_new(o, "epoch_seed", hex(q.epoch_seed, 32));
	json_object_set_new(
		o, "figures",
		json_pack("{s:I, s:I, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:s}", "blocks",
			  (json_int_t)f.blocks, "transactions", (json_int_t)f.transactions,
			  "commit_ms_mean", f.commit_ms_mean, "commit_ms_p50", f.commit_ms_p50,
			  "commit_ms_p99", f.commit_ms_p99, "success_rate", f.success_rate, "syncs",
			  (json_int_t)f.syncs, "log_bytes", (json_int_t)f.log_bytes, "pool",
			  (json_int_t)f.pool, "signatures", (json_int_t)f.verify_checks, "verifier",
			  n->config.verifier.name));
	json_object_set_new(o, "net",
			    json_pack("{s:i, s:i, s:I, s:I, s:I, s:I}", "validators",
				      (int)net.connected_validators, "followers",
				      (int)net.connected_followers, "dropped_full",
				      (json_int_t)net.dropped_full, "malformed",
				      (json_int_t)net.dropped_malformed, "false_signatures",
				      (json_int_t)f.verify_failed, "equivocations",
				      (json_int_t)fog_quorum_counts(n->q)->equivocations));
	return o;
}

/* ---- proofs ---------------------------------------------------------------------------------- */

static json_t *epochs_json(struct fog_node *n, u64 from, u64 to)
{
	struct fog_epoch *e = malloc(sizeof(*e));
	u8 bytes[FOG_EPOCH_SIZE_MAX];
	json_t *a = json_array();

	for (u64 i = FOG_MAX(from + 1, 2ull); e != NULL && i <= to; i++)
		if (fog_qlog_epoch_read(n->log, i, e) == 0)
			json_array_append_new(a, hex(bytes, fog_epoch_encode(e, bytes)));
	free(e);
	return a;
}

json_t *fog_node_proof_json(struct fog_node *n, u64 state_height, u64 epoch)
{
	struct fog_certificate cert = {0};
	u64 first, last, h, of = 0;
	u8 bytes[FOG_CERTIFICATE_SIZE_MAX];
	json_t *headers = json_array();

	fog_qlog_heights(n->log, &first, &last);
	for (h = state_height + 1; h <= last && h <= state_height + PROOF_LOOK_MAX; h++) {
		struct fog_block *b = fog_qlog_read(n->log, h, &cert);
		if (b == NULL)
			break;
		/* From the first that carries the root to the first certified one. */
		if (of != 0 || b->header.state_height == state_height) {
			json_array_append_new(headers, hex(b->bytes, FOG_HEADER_SIZE));
			of = b->header.epoch;
		}
		fog_block_unref(b);
		if (of != 0 && cert.kind != 0)
			break;
	}
	if (of == 0 || cert.kind == 0) {
		json_decref(headers);
		return NULL;
	}
	return json_pack("{s:o, s:o, s:o, s:o}", "chain", hex(n->chain, 32), "epochs",
			 epochs_json(n, epoch, of), "headers", headers, "certificate",
			 hex(bytes, fog_certificate_encode(&cert, bytes)));
}
