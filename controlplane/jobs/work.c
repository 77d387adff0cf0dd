/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker: admission, inputs, the executor, the receipt. */
#include <errno.h>

#include "controlplane/jobs/state.h"
#include "crypto/mem.h"

#define RUN_DIGITS     32
#define RUN_RETRY_MS   1000
#define SWEEP_ROWS_MAX 256

void fog_work_free(struct fog_jobs *j, struct fog_work *w)
{
	if (w->session != NULL)
		w->session->work = NULL;
	TAILQ_REMOVE(&j->works, w, link);
	fog_job_spec_free(w->spec);
	fog_jobs_bury(j, w);
}

struct fog_work *fog_work_find(struct fog_jobs *j, const struct fog_attempt_key *key)
{
	struct fog_work *w;

	TAILQ_FOREACH(w, &j->works, link)
	if (fog_attempt_key_equal(&w->key, key))
		return w;
	return NULL;
}

/* Two submitters may use one job id, so the spool is named by a hash of both. */
static void run_name(struct fog_work *w)
{
	char digits[2 * FOG_SHA256_SIZE + 1];
	struct fog_sha256 state;
	u8 hash[FOG_SHA256_SIZE];

	fog_sha256_init(&state);
	fog_sha256_update(&state, w->key.submitter, sizeof(w->key.submitter));
	fog_sha256_update(&state, w->key.job, strlen(w->key.job));
	fog_sha256_final(&state, hash);
	if (fog_hex_encode(hash, sizeof(hash), digits, sizeof(digits)) != 0)
		FOG_UNREACHABLE();
	snprintf(w->run, sizeof(w->run), "%.*s.%u%s", RUN_DIGITS, digits, w->key.attempt,
		 w->runs > 1 ? ".rerun" : "");
}

static struct fog_work *work_new(struct fog_jobs *j, const struct fog_attempt_key *key,
				 struct fog_job_spec *spec)
{
	struct fog_work *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		fog_job_spec_free(spec);
		fog_jobs_fail(j, -ENOMEM);
		return NULL;
	}
	w->key = *key;
	w->spec = spec;
	w->limits = spec->limits;
	w->runs = 1;
	w->progress_ms = j->now_ms;
	fog_sha256_init(&w->sha256);
	TAILQ_INSERT_TAIL(&j->works, w, link);
	return w;
}

/* ---- receipt -------------------------------------------------------------------------------- */

/* A state that has ended: out of memory, the row stays. */
static void close_work(struct fog_jobs *j, struct fog_work *w, const char *reason)
{
	struct fog_jobs_session *s = w->session;

	fog_action_run(j, FOG_ACTION_RUN_CANCEL, w->run);
	fog_action_run(j, FOG_ACTION_RUN_REMOVE, w->run);
	fog_db_work_update(j, &w->key, FOG_WORK_CLOSED, reason);
	fog_work_free(j, w);
	if (s != NULL)
		fog_jobs_session_send(j, s, fog_job_closed(reason));
}

static void receipt_fill(struct fog_receipt *t, const struct fog_run_status *r,
			 const struct fog_job_limits *limits)
{
	t->outcome = r->outcome;
	t->exit_code = r->exit_code;
	t->signal = r->signal;
	char error[FOG_JOB_REASON_SIZE];
	fog_jobs_reason(error, "%s", r->error);
	snprintf(t->error, sizeof(t->error), "%.255s", error);
	for (u32 i = 0; i < 2; i++) {
		t->output[i].size = FOG_MIN(r->output_size[i], limits->output_bytes);
		memcpy(t->output[i].sha256, r->output_sha256[i], sizeof(t->output[i].sha256));
	}
	t->truncated = r->truncated;
	t->checkpoint_number = r->kept.number;
	t->checkpoint.size = r->kept.checkpoint.size;
	memcpy(t->checkpoint.sha256, r->kept.checkpoint.sha256, sizeof(t->checkpoint.sha256));
	t->artifacts = r->kept.artifacts;
	t->artifact_bytes = r->kept.artifact_bytes;
	t->manifest.size = r->kept.manifest.size;
	memcpy(t->manifest.sha256, r->kept.manifest.sha256, sizeof(t->manifest.sha256));
	t->usage = r->usage;
	/* What it took the monitor to notice the limit is not the submitter's. */
	t->usage.wall_ms = FOG_MIN(t->usage.wall_ms, limits->wall_ms);
	snprintf(t->sandbox, sizeof(t->sandbox), "%s", r->sandbox[0] != '\0' ? r->sandbox : "{}");
	t->started_ms = r->started_ms;
	t->ended_ms = r->ended_ms;
}

/* The span's length is what it takes of the processor. */
static void prove(struct fog_jobs *j, const struct fog_receipt *t, const char *text,
		  const struct fog_work *w)
{
	const struct fog_trace *before = fog_trace_enter(&w->trace);
	u64 start_ns = j->ports.cpu_ns != NULL ? j->ports.cpu_ns(j->ports.context) : 0;

	j->ports.receipted(j->ports.context, t, text, w->spec);
	u64 end_ns = j->ports.cpu_ns != NULL ? j->ports.cpu_ns(j->ports.context) : 0;
	fog_trace_enter(before);
	fog_jobs_step(j,
		      (struct fog_job_step){.name = "prove",
					    .trace = &w->trace,
					    .job = w->key.job,
					    .attempt = w->key.attempt,
					    .start_ms = j->now_ms,
					    .end_ms = j->now_ms + (end_ns - start_ns) / 1000000});
}

static void receipt_write(struct fog_jobs *j, const struct fog_receipt *t, const struct fog_work *w)
{
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	char *text = fog_receipt_text(t);

	if (text == NULL) {
		fog_jobs_fail(j, -ENOMEM);
		return;
	}
	fog_jobs_sign(j, FOG_RECEIPT_LABEL, text, signature);
	fog_db_receipt_put(j, &t->key, text, signature, t->amount);
	if (j->ports.receipted != NULL)
		prove(j, t, text, w);
	free(text);
}

static void finish(struct fog_jobs *j, struct fog_work *w, const struct fog_run_status *r)
{
	struct fog_jobs_session *s = w->session;
	struct fog_work_row row;
	struct fog_receipt t = {.key = w->key};

	if (!fog_db_work_get(j, &w->key, &row)) {
		fog_jobs_fail(j, -EUCLEAN);
		return;
	}
	memcpy(t.offer_sha256, row.offer_sha256, sizeof(t.offer_sha256));
	memcpy(t.spec_sha256, w->spec->sha256, sizeof(t.spec_sha256));
	receipt_fill(&t, r, &w->limits);
	t.price = row.offer.price;
	t.accelerators = (u32)w->limits.accelerators;
	if (t.accelerators != 0)
		memcpy(t.accelerator_type, j->config.accelerators.type, sizeof(t.accelerator_type));
	t.amount = fog_receipt_amount(&row.offer, &w->limits, t.outcome, t.usage.wall_ms);
	t.sequence = fog_db_sequence_next(j);
	fog_jobs_step(j, (struct fog_job_step){.name = "execute",
					       .trace = &w->trace,
					       .job = w->key.job,
					       .attempt = w->key.attempt,
					       .start_ms = t.started_ms,
					       .end_ms = t.ended_ms,
					       .error = t.outcome == FOG_OUTCOME_EXITED &&
									t.exit_code == 0
								? NULL
								: fog_outcome_name(t.outcome)});
	receipt_write(j, &t, w);
	fog_db_work_update(j, &w->key, FOG_WORK_FINISHED, fog_outcome_name(t.outcome));
	if (s != NULL) {
		w->output_size[0] = t.output[0].size;
		w->output_size[1] = t.output[1].size;
		fog_serve_status(j, s, w, FOG_WORK_FINISHED);
		s->work = NULL;
		w->session = NULL;
		fog_serve_result(j, s);
		fog_serve_output(j, s);
	}
	fog_work_free(j, w);
}

/* An end without a run: nothing was used. */
static void finish_unrun(struct fog_jobs *j, struct fog_work *w, enum fog_outcome outcome,
			 const char *error)
{
	struct fog_run_status r = {
		.outcome = outcome,
		.exit_code = -1,
		.started_ms = j->now_ms,
		.ended_ms = j->now_ms,
	};

	snprintf(r.error, sizeof(r.error), "%s", error);
	for (u32 i = 0; i < 2; i++)
		fog_hash_sha256(r.output_sha256[i], "", 0);
	fog_action_run(j, FOG_ACTION_RUN_CANCEL, w->run);
	finish(j, w, &r);
}

/* ---- admission ------------------------------------------------------------------------------ */

static bool accelerators_suit(const struct fog_accelerators *have, const struct fog_job_limits *l)
{
	return l->accelerators == 0 ||
	       (l->accelerators <= have->count &&
		l->accelerator_memory_bytes <= have->memory_bytes &&
		(l->accelerator_type[0] == '\0' || strcmp(l->accelerator_type, have->type) == 0));
}

/* The lowest that are free; capacity_check() has counted them. */
static u64 accelerators_take(const struct fog_jobs *j, u64 count)
{
	struct fog_jobs_load load;
	u64 taken = 0;

	fog_jobs_load(j, &load);
	for (u32 i = 0; count > 0 && i < j->config.accelerators.count; i++) {
		if (load.accelerators >> i & 1)
			continue;
		taken |= 1ull << i;
		count--;
	}
	return taken;
}

static enum fog_decline capacity_check(const struct fog_jobs *j, const struct fog_job_limits *l,
				       char reason[FOG_JOB_REASON_SIZE])
{
	struct fog_jobs_load load;

	if (!accelerators_suit(&j->config.accelerators, l)) {
		fog_jobs_reason(reason, "this host has no such accelerators");
		return FOG_DECLINE_SPEC;
	}
	if (l->cpu_milli > j->config.cpu_milli || l->memory_bytes > j->config.memory_bytes) {
		fog_jobs_reason(reason, "larger than this host");
		return FOG_DECLINE_SPEC;
	}
	fog_jobs_load(j, &load);
	if (load.works >= j->config.works_max)
		fog_jobs_reason(reason, "%u jobs are running", load.works);
	else if (load.cpu_milli + l->cpu_milli > j->config.cpu_milli)
		fog_jobs_reason(reason, "no CPU left");
	else if (load.memory_bytes + l->memory_bytes > j->config.memory_bytes)
		fog_jobs_reason(reason, "no memory left");
	else if ((u64)__builtin_popcountll(load.accelerators) + l->accelerators >
		 j->config.accelerators.count)
		fog_jobs_reason(reason, "no accelerator left");
	else
		return FOG_DECLINE_INVALID;
	return FOG_DECLINE_CAPACITY;
}

static enum fog_decline offer_check(const struct fog_jobs *j, const struct fog_offer *offer,
				    char reason[FOG_JOB_REASON_SIZE])
{
	struct fog_host_hold hold;

	if (!j->config.worker) {
		fog_jobs_reason(reason, "this host runs no jobs");
		return FOG_DECLINE_ROLE;
	}
	if (fog_hold_find(j, j->config.node_id, &hold)) {
		fog_jobs_reason(reason, "this host takes no new jobs for now");
		return FOG_DECLINE_CAPACITY;
	}
	if (offer->created_ms > j->now_ms + FOG_JOBS_CLOCK_SKEW_MS ||
	    offer->created_ms + FOG_JOBS_OFFER_LIFE_MS + FOG_JOBS_CLOCK_SKEW_MS < j->now_ms) {
		fog_jobs_reason(reason, "the offer is too old or from the future");
		return FOG_DECLINE_OFFER;
	}
	if (offer->price.cpu_hour < j->config.price.cpu_hour ||
	    offer->price.memory_gb_hour < j->config.price.memory_gb_hour) {
		fog_jobs_reason(reason, "this host asks %llu and %llu mfog an hour",
				(unsigned long long)j->config.price.cpu_hour,
				(unsigned long long)j->config.price.memory_gb_hour);
		return FOG_DECLINE_PRICE;
	}
	return FOG_DECLINE_INVALID;
}

static enum fog_decline spec_check(struct fog_jobs *j, const struct fog_offer *offer,
				   const struct fog_job_spec *spec,
				   char reason[FOG_JOB_REASON_SIZE])
{
	const struct fog_job_limits *l = &spec->limits;
	bool ours = memcmp(offer->key.submitter, j->config.node_id, FOG_JOB_NODE_SIZE) == 0;
	i64 price = fog_price(l->cpu_milli, l->memory_bytes, 1000 * l->accelerators, l->wall_ms,
			      &offer->price);

	if (memcmp(spec->sha256, offer->spec_sha256, sizeof(spec->sha256)) != 0) {
		fog_jobs_reason(reason, "the spec is not the one that was signed");
		return FOG_DECLINE_OFFER;
	}
	if (l->accelerators != 0 &&
	    offer->price.accelerator_hour < j->config.price.accelerator_hour) {
		fog_jobs_reason(reason, "this host asks %llu mfog for an accelerator and hour",
				(unsigned long long)j->config.price.accelerator_hour);
		return FOG_DECLINE_PRICE;
	}
	if (price < 0 || price > offer->price_max) {
		fog_jobs_reason(reason, "%lld mfog do not cover the limit, %lld would",
				(long long)offer->price_max, (long long)price);
		return FOG_DECLINE_PRICE;
	}
	if (!ours && fog_reserve_meets(j, l->wall_ms, offer->key.submitter) != NULL) {
		fog_jobs_reason(reason, "this host is reserved for others in that time");
		return FOG_DECLINE_CAPACITY;
	}
	return capacity_check(j, l, reason);
}

/* The spool before the promise: what the executor refuses is never accepted. */
static enum fog_decline spool_make(struct fog_jobs *j, const struct fog_work *w,
				   char reason[FOG_JOB_REASON_SIZE])
{
	char error[FOG_JSON_ERROR_SIZE] = "";
	const struct fog_trace *before = fog_trace_enter(&w->trace);
	int rc = j->ports.run_prepare(j->ports.context, w->run, w->spec, w->accelerators, error);

	fog_trace_enter(before);

	if (rc == 0)
		return FOG_DECLINE_INVALID;
	fog_jobs_reason(reason, "%s", error[0] != '\0' ? error : strerror(-rc));
	return rc == -EINVAL ? FOG_DECLINE_SPEC : FOG_DECLINE_CAPACITY;
}

enum fog_decline fog_work_admit(struct fog_jobs *j, const struct fog_offer *offer, const char *text,
				const u8 *signature, const char *spec_text, bool hold,
				const struct fog_trace *trace, char reason[FOG_JOB_REASON_SIZE])
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_spec *spec;
	enum fog_decline code = offer_check(j, offer, reason);

	if (code != FOG_DECLINE_INVALID)
		return code;
	if (fog_job_spec_parse(spec_text, strlen(spec_text), &spec, error) != 0) {
		fog_jobs_reason(reason, "%s", error);
		return FOG_DECLINE_SPEC;
	}
	code = spec_check(j, offer, spec, reason);
	if (code != FOG_DECLINE_INVALID) {
		fog_job_spec_free(spec);
		return code;
	}
	struct fog_work *w = work_new(j, &offer->key, spec);
	if (w == NULL)
		return FOG_DECLINE_CAPACITY;
	run_name(w);
	w->trace = *trace;
	w->accelerators = accelerators_take(j, spec->limits.accelerators);
	code = spool_make(j, w, reason);
	if (code != FOG_DECLINE_INVALID) {
		fog_work_free(j, w);
		return code;
	}
	w->held = hold;
	w->hold_ms = j->now_ms + FOG_WORK_HOLD_MS;
	w->state = hold || spec->input_count != 0 ? FOG_WORK_FETCHING : FOG_WORK_STARTING;
	fog_db_work_insert(j, w, text, signature, spec_text);
	fog_jobs_step(j, (struct fog_job_step){.name = "accept",
					       .trace = &w->trace,
					       .job = w->key.job,
					       .attempt = w->key.attempt});
	if (w->state == FOG_WORK_STARTING)
		fog_action_run(j, FOG_ACTION_RUN_START, w->run);
	return FOG_DECLINE_INVALID;
}

void fog_work_resume(struct fog_jobs *j, const struct fog_work_row *row, const char *spec_text)
{
	char error[FOG_JSON_ERROR_SIZE];
	struct fog_job_spec *spec;
	int rc = fog_job_spec_parse(spec_text, strlen(spec_text), &spec, error);

	if (rc != 0) {
		fog_jobs_fail(j, rc == -ENOMEM ? rc : -EUCLEAN);
		return;
	}
	struct fog_work *w = work_new(j, &row->key, spec);
	if (w == NULL)
		return;
	w->state = row->state;
	w->runs = row->runs;
	w->accelerators = row->accelerators;
	w->cancel = row->cancel;
	w->trace = row->trace;
	w->held = row->held;
	w->hold_ms = j->now_ms + FOG_WORK_HOLD_MS;
	snprintf(w->run, sizeof(w->run), "%s", row->run);
}

/* ---- inputs --------------------------------------------------------------------------------- */

static void need(struct fog_jobs *j, struct fog_work *w)
{
	const struct fog_job_input *in = &w->spec->input[w->input];

	if (w->session == NULL)
		return;
	w->asked = FOG_MIN(in->size, w->offset + FOG_JOBS_NEED_MAX);
	fog_jobs_session_send(j, w->session,
			      fog_job_need(in->name, w->offset, (u32)(w->asked - w->offset)));
}

static void starting(struct fog_jobs *j, struct fog_work *w)
{
	w->state = FOG_WORK_STARTING;
	w->starts = 0;
	w->poll_ms = j->now_ms + FOG_JOBS_POLL_MS;
	fog_db_work_update(j, &w->key, w->state, "");
	fog_action_run(j, FOG_ACTION_RUN_START, w->run);
	if (w->session != NULL)
		fog_serve_status(j, w->session, w, w->state);
}

/* All inputs are here: begins, unless its place is only kept. */
static void fetched(struct fog_jobs *j, struct fog_work *w)
{
	if (!w->held)
		starting(j, w);
}

void fog_work_go(struct fog_jobs *j, struct fog_work *w)
{
	if (!w->held)
		return;
	w->held = false;
	fog_db_work_run(j, w);
	if (w->input == w->spec->input_count)
		starting(j, w);
}

/* The current input is complete: on to the next one that has bytes to ask for. */
static void input_done(struct fog_jobs *j, struct fog_work *w)
{
	for (;;) {
		const struct fog_job_input *in = &w->spec->input[w->input];
		u8 sha256[FOG_SHA256_SIZE];
		fog_sha256_final(&w->sha256, sha256);
		fog_sha256_init(&w->sha256);
		if (!fog_equal(sha256, in->sha256, sizeof(sha256))) {
			close_work(j, w, "an input does not match its hash");
			return;
		}
		w->offset = w->asked = 0;
		if (++w->input == w->spec->input_count) {
			fetched(j, w);
			return;
		}
		if (w->spec->input[w->input].size != 0)
			break;
		if (j->ports.run_input(j->ports.context, w->run, w->spec->input[w->input].name, 0,
				       "", 0) != 0) {
			close_work(j, w, "an input could not be stored");
			return;
		}
	}
	need(j, w);
}

void fog_work_need(struct fog_jobs *j, struct fog_work *w)
{
	const struct fog_job_input *in = &w->spec->input[w->input];

	if (w->state != FOG_WORK_FETCHING)
		return;
	if (w->input == w->spec->input_count)
		fetched(j, w);
	else if (in->size != 0)
		need(j, w);
	else if (j->ports.run_input(j->ports.context, w->run, in->name, 0, "", 0) != 0)
		close_work(j, w, "an input could not be stored");
	else
		input_done(j, w);
}

void fog_work_blob(struct fog_jobs *j, struct fog_work *w, const struct fog_jobs_session *s,
		   const u8 *data, u32 len)
{
	const struct fog_job_input *in = &w->spec->input[w->input];

	if (w->state != FOG_WORK_FETCHING || w->input == w->spec->input_count ||
	    strcmp(in->name, s->name) != 0 || s->offset != w->offset || s->offset + len > w->asked)
		return; /* asked for twice, answered twice */
	int rc = j->ports.run_input(j->ports.context, w->run, in->name, w->offset, data, len);
	if (rc != 0) {
		close_work(j, w, "an input could not be stored");
		return;
	}
	fog_sha256_update(&w->sha256, data, len);
	w->offset += len;
	w->progress_ms = j->now_ms;
	if (w->offset == in->size)
		input_done(j, w);
	else if (w->offset == w->asked)
		need(j, w);
}

/* ---- the executor --------------------------------------------------------------------------- */

static void fetching(struct fog_jobs *j, struct fog_work *w)
{
	w->state = FOG_WORK_FETCHING;
	w->input = 0;
	w->offset = w->asked = 0;
	w->progress_ms = j->now_ms;
	fog_sha256_init(&w->sha256);
	fog_db_work_update(j, &w->key, w->state, "");
	if (w->session == NULL)
		return;
	fog_serve_status(j, w->session, w, w->state);
	fog_work_need(j, w);
}

/* Its monitor was killed or the host restarted. Once we try again, in a new spool. */
static void vanished(struct fog_jobs *j, struct fog_work *w)
{
	char reason[FOG_JOB_REASON_SIZE];

	if (w->cancel) {
		finish_unrun(j, w, FOG_OUTCOME_CANCELLED, "");
		return;
	}
	/* Here it would begin where this attempt began; the submitter may know of something later.
	 */
	if (w->runs >= FOG_WORK_RUNS_MAX || w->spec->checkpoint.bytes_max != 0) {
		finish_unrun(j, w, FOG_OUTCOME_FAILED,
			     w->runs > 1 ? "the executor vanished twice" : "the executor vanished");
		return;
	}
	fog_action_run(j, FOG_ACTION_RUN_REMOVE, w->run);
	w->runs++;
	j->totals.runs_vanished++;
	run_name(w);
	w->output_size[0] = w->output_size[1] = 0;
	if (w->session != NULL) {
		w->session->following = false;
		memset(w->session->sent, 0, sizeof(w->session->sent));
		snprintf(w->session->run, sizeof(w->session->run), "%s", w->run);
	}
	if (spool_make(j, w, reason) != FOG_DECLINE_INVALID) {
		finish_unrun(j, w, FOG_OUTCOME_FAILED, reason);
		return;
	}
	fog_db_work_run(j, w);
	if (w->spec->input_count != 0)
		fetching(j, w);
	else
		starting(j, w);
}

static void unstarted(struct fog_jobs *j, struct fog_work *w)
{
	if (w->cancel) {
		finish_unrun(j, w, FOG_OUTCOME_CANCELLED, "");
	} else if (w->starts++ < FOG_WORK_STARTS_MAX) {
		fog_action_run(j, FOG_ACTION_RUN_START, w->run);
		w->poll_ms = j->now_ms + RUN_RETRY_MS;
	} else {
		finish_unrun(j, w, FOG_OUTCOME_FAILED, "the executor does not start");
	}
}

static void running(struct fog_jobs *j, struct fog_work *w, const struct fog_run_status *r)
{
	bool first = w->state == FOG_WORK_STARTING;

	memcpy(w->output_size, r->output_size, sizeof(w->output_size));
	if (w->cancel) {
		fog_action_run(j, FOG_ACTION_RUN_CANCEL, w->run);
		w->poll_ms = j->now_ms + FOG_JOBS_POLL_MS;
	}
	if (first) {
		w->state = FOG_WORK_RUNNING;
		fog_db_work_update(j, &w->key, w->state, "");
	}
	if (w->session == NULL)
		return;
	if (first)
		fog_serve_status(j, w->session, w, w->state);
	if (w->session != NULL)
		fog_serve_output(j, w->session);
	if (w->session != NULL)
		fog_serve_kept(j, w->session, &r->kept);
}

void fog_work_tick(struct fog_jobs *j, struct fog_work *w)
{
	struct fog_run_status r = {0};

	if (w->state == FOG_WORK_FETCHING) {
		if (w->held && j->now_ms >= w->hold_ms)
			close_work(j, w, "its gang did not come together in time");
		else if (j->now_ms >= w->progress_ms + FOG_JOBS_FETCH_MS)
			close_work(j, w, "the input did not arrive");
		return;
	}
	if (j->now_ms < w->poll_ms)
		return;
	w->poll_ms = j->now_ms + FOG_JOBS_POLL_MS;
	if (j->ports.run_poll(j->ports.context, w->run, &r) != 0)
		r.state = FOG_RUN_VANISHED; /* what it left cannot be read */
	switch (r.state) {
	case FOG_RUN_PENDING:
		unstarted(j, w);
		break;
	case FOG_RUN_RUNNING:
		running(j, w, &r);
		break;
	case FOG_RUN_FINISHED:
		finish(j, w, &r);
		break;
	default:
		vanished(j, w);
	}
}

void fog_work_cancel(struct fog_jobs *j, struct fog_work *w)
{
	if (w->cancel)
		return;
	w->cancel = true;
	fog_db_work_run(j, w);
	if (w->state == FOG_WORK_FETCHING)
		finish_unrun(j, w, FOG_OUTCOME_CANCELLED, "");
	else
		fog_action_run(j, FOG_ACTION_RUN_CANCEL, w->run);
}

/* ---- old rows ------------------------------------------------------------------------------- */

static void forget_old(struct fog_jobs *j, enum fog_work_state state)
{
	struct fog_work_row row;

	for (u32 i = 0; i < SWEEP_ROWS_MAX && j->now_ms > FOG_JOBS_KEEP_MS; i++) {
		if (!fog_db_work_stale(j, state, j->now_ms - FOG_JOBS_KEEP_MS, &row))
			return;
		fog_db_work_delete(j, &row.key);
	}
}

void fog_work_sweep(struct fog_jobs *j)
{
	struct fog_work_row row;

	for (u32 i = 0; i < SWEEP_ROWS_MAX && j->now_ms > FOG_JOBS_UNPAID_MS; i++) {
		if (!fog_db_work_stale(j, FOG_WORK_FINISHED, j->now_ms - FOG_JOBS_UNPAID_MS, &row))
			break;
		fog_db_work_update(j, &row.key, FOG_WORK_CLOSED, "never paid");
		if (strcmp(row.reason, fog_outcome_name(FOG_OUTCOME_FAILED)) != 0)
			fog_db_evidence_add(j, row.key.submitter, FOG_EVIDENCE_PEER_COMPLAINT, 0.5,
					    row.key.job, row.key.attempt, "did not pay");
		fog_action_run(j, FOG_ACTION_RUN_REMOVE, row.run);
	}
	forget_old(j, FOG_WORK_SETTLED);
	forget_old(j, FOG_WORK_CLOSED);
}
