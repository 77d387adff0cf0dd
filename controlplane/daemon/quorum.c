/* SPDX-License-Identifier: BSD-3-Clause */
/* This host's part in the quorum: started with the ledger, its signatures checked by the data
 * plane, seen through the API. */
#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/chain.h"
#include "controlplane/daemon/draws.h"
#include "controlplane/daemon/envelope.h"
#include "controlplane/daemon/tee.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/sign/sign.h"

#define CONSENSUS_SECONDS     30
#define CONSENSUS_SECONDS_MAX 300

/* ---- signatures ------------------------------------------------------------------------------ */

/* One message's signatures at the data plane. */
struct checking {
	struct fog_host *host;
	u32 left, count;
	int result;
	fog_node_verified_fn *done;
	void *arg;
	struct one {
		struct checking *all;
		struct fog_vote_check check;
	} one[];
};

static void checking_end(struct checking *c)
{
	if (--c->left != 0)
		return;
	c->done(c->arg, c->result);
	free(c);
}

static int check_here(const struct fog_vote_check *c)
{
	return fog_sign_verify(c->signature, c->message, sizeof(c->message), c->key);
}

static void on_checked(void *arg, int result)
{
	struct one *o = arg;

	/* Agreement must not hang on the data plane: what it did not judge is judged here. */
	if (result != 0 && result != -EBADMSG && result != -ECANCELED)
		result = check_here(&o->check);
	if (result != 0)
		o->all->result = -EBADMSG;
	checking_end(o->all);
}

static int verify(void *context, const struct fog_vote_check *check, u32 count,
		  fog_node_verified_fn *done, void *arg)
{
	struct fog_host *h = context;
	struct checking *c;

	if (h->dp == NULL || fog_dpclient_state(h->dp) != FOG_DPCLIENT_UP)
		return -EAGAIN;
	c = calloc(1, sizeof(*c) + count * sizeof(c->one[0]));
	if (c == NULL)
		return -EAGAIN;
	*c = (struct checking){
		.host = h, .left = count + 1, .count = count, .done = done, .arg = arg};
	for (u32 i = 0; i < count; i++) {
		struct one *o = &c->one[i];
		o->all = c;
		o->check = check[i];
		if (fog_dpclient_verify(h->dp, o->check.key, o->check.signature, o->check.message,
					sizeof(o->check.message), FOG_VERIFY_VOTES, on_checked, o,
					fog_monotonic_ns()) != 0) {
			if (check_here(&o->check) != 0)
				c->result = -EBADMSG;
			c->left--;
		}
	}
	/* Off it goes before the loop sleeps. */
	ev_feed_event(h->loop, &h->dp_timer, EV_TIMER);
	checking_end(c);
	return 0;
}

/* ---- API ------------------------------------------------------------------------------------- */

static struct fog_node *node_of(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);

	return fog_host_chain_node(h->chain);
}

/* What the set's claims are worth to this host: into "tee", and "tee_shown" of each validator. */
static void tee_add(struct fog_host *h, const struct fog_validators *s, json_t *o)
{
	json_t *list = json_object_get(o, "validators");
	u32 claimed = 0, count = 0;
	char why[256];
	u64 shown = 0;

	for (u32 i = 0; i < s->count; i++) {
		bool claims = s->v[i].tee_vendor[0] != '\0';
		bool good = claims && fog_host_tee_shown(h, s->v[i].node_id, s->v[i].tee_vendor);
		shown |= good ? 1ull << i : 0;
		claimed += claims;
		count += good;
		json_object_set_new(json_array_get(list, i), "tee_shown", json_boolean(good));
	}
	bool spans = fog_validators_span(s, shown, why, sizeof(why));
	json_object_set_new(o, "tee",
			    json_pack("{s:i, s:i, s:b, s:s}", "claimed", (int)claimed, "shown",
				      (int)count, "diverse", (int)spans, "reason", why));
}

static int quorum_get(struct fog_exchange *x)
{
	json_t *o = fog_node_json(node_of(x));

	tee_add(fog_exchange_ctx(x), fog_node_set(node_of(x)), o);
	return fog_exchange_json(x, 200, o);
}

/* The vendor of our TEE, if a validator has attested it: others would not take the claim. */
static const char *vendor_given(const struct fog_host *h, const struct fog_validators *s)
{
	u8 digest[32];
	u32 kind;

	for (u32 i = 0; i < s->count; i++)
		if (fog_host_evidence_for(h, s->v[i].node_id, digest, &kind) &&
		    strcmp(fog_tee_vendor(kind), h->published.tee_vendor) == 0)
			return h->published.tee_vendor;
	return "";
}

/* What this host would register as with `fogctl quorum join`: its configuration, and as TEE vendor
 * what validators have found when they attested it. */
static int candidate_get(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	char node[65], control[65];

	fog_hex_encode(h->id.node_id, 32, node, sizeof(node));
	fog_hex_encode(h->id.control_pk, 32, control, sizeof(control));
	return fog_exchange_json(
		x, 200,
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "node_id", node, "control_pk",
			  control, "address", h->config.quorum_listen, "operator",
			  h->config.attributes_operator, "country", h->config.attributes_country,
			  "power_region", h->config.attributes_power_region, "tee_vendor",
			  vendor_given(h, fog_node_set(node_of(x))), "as",
			  (json_int_t)h->config.attributes_as));
}

/* ?height= of the state, ?epoch= the asker knows the set of. */
static int proof_get(struct fog_exchange *x)
{
	u64 height, epoch;

	if (fog_exchange_query_u64(x, "height", 0, UINT64_MAX / 2, &height) != 0 ||
	    fog_exchange_query_u64(x, "epoch", 1, UINT64_MAX / 2, &epoch) != 0)
		return 0;
	json_t *o = fog_node_proof_json(node_of(x), height, epoch);
	if (o == NULL)
		return fog_exchange_problem(
			x, 404, "no final header carries the state of height %llu (yet)",
			(unsigned long long)height);
	return fog_exchange_json(x, 200, o);
}

/* Fields of the published contract, and what is behind them. */
static int fog_status_get(struct fog_exchange *x)
{
	struct fog_node *n = node_of(x);
	struct fog_quorum_status s;
	struct fog_node_figures f;
	const struct fog_validators *set = fog_node_set(n);
	struct fog_tolerance *t = malloc(sizeof(*t));

	if (t == NULL)
		return fog_exchange_problem(x, 503, "no memory");
	fog_node_status(n, &s);
	fog_node_figures(n, &f);
	fog_validators_tolerance(set, t);
	double tolerated = (double)t->weight / (double)set->total;
	free(t);
	return fog_envelope(
		x,
		json_pack("{s:i, s:i, s:f, s:f, s:f, s:b, s:s, s:I, s:I, s:I, s:s, s:b, s:b}",
			  "active_nodes", __builtin_popcountll(s.heard), "total_nodes",
			  (int)set->count, "success_rate", f.success_rate, "byzantine_tolerance",
			  tolerated, "avg_consensus_time_ms", f.commit_ms_mean, "healthy",
			  (int)(s.quorum && !s.diverged), "reason", s.why, "height",
			  (json_int_t)s.height, "epoch", (json_int_t)s.epoch, "view",
			  (json_int_t)s.view, "profile", fog_profile_name(set->rules.profile),
			  "capped", (int)set->capped, "flagged", (int)set->flagged),
		"Quorum status");
}

struct consensus {
	struct fog_exchange *x; /* NULL: answered at the time-out, the verdict is nobody's */
	struct ev_timer timer;
	struct fog_host *h;
	u8 digest[32];
	u64 start_ms;
	char type[32];
};

/* The account named by the digest holds what was sent: anybody can have it proven. */
static void consensus_answer(struct consensus *c, const char *tx, u64 height, const char *why)
{
	struct fog_node *n = fog_host_chain_node(c->h->chain);
	const struct fog_validators *set = fog_node_set(n);
	bool reached = why[0] == '\0';
	struct fog_quorum_status s;
	char digest[65];

	fog_hex_encode(c->digest, 32, digest, sizeof(digest));
	fog_node_status(n, &s);
	fog_envelope(c->x,
		     json_pack("{s:b, s:s, s:s, s:I, s:s, s:i, s:i, s:I, s:I, s:I, s:s}",
			       "consensus_reached", reached, "proposal_digest", digest,
			       "transaction", tx, "height", (json_int_t)height, "quorum_type",
			       c->type, "participants", __builtin_popcountll(s.heard), "validators",
			       (int)set->count, "weight_quorum", (json_int_t)set->quorum,
			       "weight_total", (json_int_t)set->total, "consensus_time_ms",
			       (json_int_t)(fog_monotonic_ms() - c->start_ms), "reason", why),
		     reached ? "Consensus reached" : "Consensus not reached");
	c->x = NULL;
}

static void on_consensus_late(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	consensus_answer(w->data, "", 0, "no verdict in timeout_seconds; it may still come");
}

static void on_consensus(void *ctx, const u8 id[32], u64 height, enum fog_tx_error error,
			 int result)
{
	struct consensus *c = ctx;
	struct fog_node *n = fog_host_chain_node(c->h->chain);
	struct fog_quorum_status s;
	char tx[65];

	ev_timer_stop(c->h->loop, &c->timer);
	if (c->x != NULL && error == FOG_TX_ERROR_COUNT && n == NULL) {
		fog_exchange_problem(c->x, 503, "the control plane stops");
	} else if (c->x != NULL) {
		fog_hex_encode(id, 32, tx, sizeof(tx));
		fog_node_status(n, &s);
		consensus_answer(c, tx, height,
				 error == FOG_TX_OK ? ""
				 : error == FOG_TX_ERROR_COUNT && s.why[0] != '\0'
					 ? s.why
					 : fog_chain_why(error, result, NULL));
	}
	free(c);
}

/* Have the quorum agree that this proposal was put before it: one ufog of this host goes to the
 * account whose key is the digest of the proposal. */
static int consensus_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const json_t *body = fog_exchange_body(x), *proposal = json_object_get(body, "proposal");
	const json_t *seconds = json_object_get(body, "timeout_seconds");
	const char *type = json_string_value(json_object_get(body, "quorum_type"));
	json_int_t wait = seconds != NULL ? json_integer_value(seconds) : CONSENSUS_SECONDS;
	struct fog_tx tx = {.kind = FOG_TX_TRANSFER};
	enum fog_tx_error error = FOG_TX_ERROR_COUNT;

	if (!json_is_object(proposal) || wait < 1 || wait > CONSENSUS_SECONDS_MAX)
		return fog_exchange_problem(x, 422,
					    "proposal is an object, timeout_seconds from 1 to %d",
					    CONSENSUS_SECONDS_MAX);
	char *text = json_dumps(proposal, JSON_COMPACT | JSON_SORT_KEYS);
	struct consensus *c = calloc(1, sizeof(*c));
	if (text == NULL || c == NULL) {
		free(text);
		free(c);
		return fog_exchange_problem(x, 503, "no memory");
	}
	*c = (struct consensus){.x = x, .h = h, .start_ms = fog_monotonic_ms()};
	snprintf(c->type, sizeof(c->type), "%s", type != NULL ? type : "byzantine");
	fog_hash_sha256(c->digest, text, strlen(text));
	free(text);
	memcpy(tx.body.transfer.to, c->digest, 32);
	tx.body.transfer.amount = 1;
	int rc = fog_host_chain_send(h->chain, &tx, &error, on_consensus, c);
	if (rc == 0) {
		ev_timer_init(&c->timer, on_consensus_late, (double)wait, 0);
		c->timer.data = c;
		ev_timer_start(h->loop, &c->timer);
		return 0;
	}
	free(c);
	int status;
	const char *why = fog_chain_why(error, rc, &status);
	return fog_exchange_problem(x, status, "%s", why);
}

#define QUORUM                                                                              \
	"{chain: hex64, role: observer|validator|follower, quorum: boolean, failed:"        \
	" boolean, why: string, epoch: integer, view: integer, height: integer, executed:"  \
	" integer, validators: [{node_id: hex64, address: string, weight_asked: integer,"   \
	" weight: integer, operator: string, as: integer, country: string, power_region:"   \
	" string, tee_vendor: string, heard: boolean, leader: boolean, self: boolean,"      \
	" tee_shown: boolean (this host has attested its vendor)}], snapshot_height:"       \
	" integer, rules: {profile: string, residual: number, strict: boolean, capped:"     \
	" boolean, flagged: boolean, weight_total: integer, weight_quorum: integer,"        \
	" tolerated: integer}, classes: [{attribute: string, value: string, members:"       \
	" integer, weight: integer, residual: integer, safe: boolean, live_without:"        \
	" boolean}], randomness: hex64, epoch_seed: hex64, figures: {blocks: integer,"      \
	" transactions: integer, commit_ms_mean: number, commit_ms_p50: number,"            \
	" commit_ms_p99: number, success_rate: number, syncs: integer, log_bytes: integer," \
	" pool: integer, signatures: integer, verifier: string}, net: {validators:"         \
	" integer, followers: integer, dropped_full: integer, malformed: integer,"          \
	" false_signatures: integer, equivocations: integer}, tee: {claimed: integer,"      \
	" shown: integer, diverse: boolean, reason: string}}"
#define CANDIDATE                                                                         \
	"{node_id: hex64, control_pk: hex64, address: string, operator: string, country:" \
	" string, power_region: string, tee_vendor: string, as: integer}"
#define PROOF                                                                         \
	"{chain: hex64, epochs: [hex] (validator sets since ?epoch=), headers: [hex]" \
	" (from the one that carries the root to the certified one), certificate: hex}"
#define CONSENSUS                                                                           \
	"{consensus_reached: boolean, proposal_digest: hex64, transaction: string, height:" \
	" integer, quorum_type: string, participants: integer, validators: integer,"        \
	" weight_quorum: integer, weight_total: integer, consensus_time_ms: integer,"       \
	" reason: string}"

static const struct fog_route routes[] = {
	{"GET", "/v1/quorum", quorum_get,
	 FOG_DESCRIBE("The quorum as this host sees it", .answer = QUORUM)},
	{"GET", "/v1/quorum/candidate", candidate_get,
	 FOG_DESCRIBE("What this host would join as", .answer = CANDIDATE)},
	{"GET", "/v1/quorum/proof", proof_get,
	 FOG_DESCRIBE("What a light client needs",
		      .query = "height?: integer 0..9223372036854775807 = 0, epoch?: integer"
			       " 0..9223372036854775807 = 1",
		      .answer = PROOF)},
	{"GET", "/v1/fog/quorum/status", fog_status_get,
	 FOG_DESCRIBE("State of the quorum",
		      .answer = "{active_nodes: integer, total_nodes: integer, success_rate:"
				" number, byzantine_tolerance: number, avg_consensus_time_ms:"
				" number, healthy: boolean, reason: string, height: integer, epoch:"
				" integer, view: integer, profile: string, capped: boolean,"
				" flagged: boolean}")},
	{"POST", "/v1/fog/quorum/consensus", consensus_post,
	 FOG_DESCRIBE("Put a proposal before the quorum", .creates = true,
		      .request = "{proposal: object, quorum_type?: string 1..32 = byzantine,"
				 " timeout_seconds?: integer 1..300 = 30}",
		      .answer = CONSENSUS)},
};

/* ---- start ----------------------------------------------------------------------------------- */

static void flags_say(const struct fog_validators *s)
{
	struct fog_tolerance *t = malloc(sizeof(*t));

	if (t == NULL || !s->flagged) {
		free(t);
		return;
	}
	fog_validators_tolerance(s, t);
	for (u32 i = 0; i < t->class_count; i++)
		if (t->classes[i].residual < 0)
			fog_log(FOG_LOG_WARNING, "quorum",
				"one %s holds a third of the weight or more value=\"%s\" as=%u "
				"weight=%llu of=%llu",
				fog_attribute_name(t->classes[i].attribute), t->classes[i].value,
				t->classes[i].as, (unsigned long long)t->classes[i].weight,
				(unsigned long long)s->total);
	free(t);
}

static void on_executed(void *context, const struct fog_app_block *b)
{
	fog_host_draws_block(context, b->height, b->time_ms, b->randomness);
}

int fog_host_quorum_start(struct fog_host *h, const struct fog_genesis_file *genesis,
			  const struct fog_application *app, struct fog_node **out,
			  char why[FOG_HOST_WHY_SIZE])
{
	struct fog_address listen;
	char dir[4096], key_new[4096], node_why[FOG_NODE_WHY_SIZE];
	struct fog_node_config c = {
		.loop = h->loop,
		.id = &h->id,
		.dir = dir,
		.genesis = &genesis->set,
		.genesis_ms = genesis->ledger.time_ms,
		.view_ms = (u32)h->config.quorum_view_ms,
		.idle_ms = (u32)h->config.quorum_idle_ms,
		.key_new = key_new,
		.app = *app,
		.executed = on_executed,
		.executed_context = h,
		.verifier = {h, "data plane", verify},
	};

	snprintf(dir, sizeof(dir), "%s/quorum", h->config.host_state_dir);
	snprintf(key_new, sizeof(key_new), "%s/%s", h->config.host_state_dir, FOG_IDENTITY_NEW);
	if (h->config.quorum_listen[0] != '\0') {
		if (fog_address_parse(h->config.quorum_listen, &listen) != 0) {
			snprintf(why, FOG_HOST_WHY_SIZE, "quorum.listen is not address:port");
			return -EINVAL;
		}
		c.listen = &listen;
	}
	int rc = fog_node_start(out, &c, node_why);
	if (rc != 0) {
		snprintf(why, FOG_HOST_WHY_SIZE, "%s", node_why);
		return rc;
	}
	flags_say(&genesis->set);
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
	fog_log(FOG_LOG_NOTICE, "quorum", "started validators=%u voting=%d", genesis->set.count,
		fog_validators_find(&genesis->set, h->id.node_id) >= 0);
	return 0;
}
