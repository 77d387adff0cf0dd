/* SPDX-License-Identifier: BSD-3-Clause */
/* jobs_sim [--seed N] [--seeds COUNT] [--verbose]
 *
 * Each seed: hosts, jobs and faults; then calm; then what must hold holds:
 *	every accepted job has ended, and succeeded unless it was to fail or was cancelled;
 *	what it printed is what arrived, and it ran to success at least once;
 *	a run that begins with a checkpoint begins with a whole one of its own job;
 *	artifacts of what succeeded are here, byte for byte, and no checkpoint is left over;
 *	it was paid exactly once; books conserve, no escrow is left, both books agree;
 *	no host still runs, holds or owes anything. */
#include "controlplane/core/log.h"
#include "tests/sim/jobs_sim.h"

#include <errno.h>
#include <stdarg.h>

#define STEP_MS       50
#define STORM_MS      180000
#define CALM_MS_MAX   3600000
#define JOBS_STORM_MS 90000

struct sim *sim_now;

/* ---- randomness and failure ----------------------------------------------------------------- */

u64 sim_below(struct sim *s, u64 bound)
{
	return fog_rng_below(&s->rng, bound);
}

bool sim_chance(struct sim *s, u32 per_mille)
{
	return s->now_ms < s->calm_ms && sim_below(s, 1000) < per_mille;
}

void sim_fail(struct sim *s, const char *format, ...)
{
	va_list args;

	printf("\nseed %llu, time %llu ms: ", (unsigned long long)s->seed,
	       (unsigned long long)(s->now_ms - SIM_START_MS));
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n1 failed\n");
	exit(1);
}

/* ---- the store, with faults ----------------------------------------------------------------- */

int __real_fog_store_end(struct fog_store *st, int rc);
int __wrap_fog_store_end(struct fog_store *st, int rc);
int __real_fog_stmt_run(struct fog_stmt *q);
int __wrap_fog_stmt_run(struct fog_stmt *q);
int __real_fog_stmt_step(struct fog_stmt *q);
int __wrap_fog_stmt_step(struct fog_stmt *q);

/* Of every commit: some fail, some are the last thing a host did, some it never got to. */
int __wrap_fog_store_end(struct fog_store *st, int rc)
{
	struct sim *s = sim_now;

	if (s == NULL || s->current == NULL)
		return __real_fog_store_end(st, rc);
	if (sim_chance(s, 1)) {
		s->faults_store++;
		return __real_fog_store_end(st, -ENOSPC);
	}
	if (sim_chance(s, 1)) {
		s->crash_pending = true;
		return __real_fog_store_end(st, -EIO);
	}
	rc = __real_fog_store_end(st, rc);
	if (sim_chance(s, 1))
		s->crash_pending = true;
	return rc;
}

/* A statement fails, or the host dies between two statements. */
static bool statement_fault(struct fog_stmt *q)
{
	struct sim *s = sim_now;

	if (s == NULL || s->current == NULL || !sim_chance(s, 2) || !sim_chance(s, 500))
		return false;
	s->crash_pending = s->crash_pending || sim_below(s, 2) == 0;
	s->faults_store++;
	fog_stmt_reset(q);
	return true;
}

int __wrap_fog_stmt_run(struct fog_stmt *q)
{
	return statement_fault(q) ? -EIO : __real_fog_stmt_run(q);
}

int __wrap_fog_stmt_step(struct fog_stmt *q)
{
	return statement_fault(q) ? -EIO : __real_fog_stmt_step(q);
}

/* ---- jobs ----------------------------------------------------------------------------------- */

static json_t *job_body(struct sim *s, struct sim_job *job, u64 duration, u64 wall_s)
{
	char text[6][32];
	json_t *body;

	snprintf(text[0], 32, "%llu", (unsigned long long)duration);
	snprintf(text[1], 32, "%u", job->exit_code);
	snprintf(text[2], 32, "%llu", (unsigned long long)job->size[0]);
	snprintf(text[3], 32, "%llu", (unsigned long long)job->size[1]);
	snprintf(text[4], 32, "%llu", (unsigned long long)job->seed);
	snprintf(text[5], 32, "%u", job->exits_at);
	body = json_pack("{s:[s,s,s,s,s,s,s],s:{s:f,s:i,s:i,s:i},s:s}", "argv", "sim", text[0],
			 text[1], text[2], text[3], text[4], text[5], "limits", "cpu_cores",
			 0.1 * (double)(1 + sim_below(s, 15)), "memory_mb",
			 (int)(16 + sim_below(s, 300)), "wall_seconds", (int)wall_s, "output_mb", 1,
			 "id", job->id);
	if (body == NULL)
		sim_fail(s, "no body");
	if (s->host[job->host].config.worker && sim_below(s, 5) == 0)
		json_object_set_new(body, "target", json_string("self"));
	job->preemptible = sim_below(s, 3) == 0;
	if (job->preemptible)
		json_object_set_new(body, "preemptible", json_true());
	if (job->checkpoints)
		json_object_set_new(body, "checkpoint", json_true());
	if (job->resumes)
		json_object_set_new(body, "on_timeout", json_string("resume"));
	if (job->artifacts)
		json_object_set_new(body, "artifacts", json_pack("[s]", "out"));
	json_object_set_new(body, "priority", json_integer((json_int_t)sim_below(s, 101)));
	json_object_set_new(body, "class", json_string(sim_below(s, 4) == 0 ? "A_CLASS" : "b"));
	if (sim_below(s, 3) == 0)
		json_object_set_new(body, "tier", json_string("gold"));
	return body;
}

static char *input_base64(u64 seed, u64 len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc(len / 3 * 4 + 1);

	FOG_ASSERT(len % 3 == 0 && text != NULL);
	for (u64 i = 0; i < len / 3; i++) {
		u32 v = 0;
		for (u32 k = 0; k < 3; k++)
			v = v << 8 | sim_output_byte(seed, 7, 3 * i + k);
		for (u32 k = 0; k < 4; k++)
			text[4 * i + k] = digits[v >> (18 - 6 * k) & 63];
	}
	text[len / 3 * 4] = '\0';
	return text;
}

static void job_new(struct sim *s, u32 index)
{
	struct sim_job *job = &s->job[index];
	char error[FOG_JSON_ERROR_SIZE];

	job->host = (u32)sim_below(s, FOG_MIN(s->host_count, 3));
	snprintf(job->id, sizeof(job->id), "job-%u", index);
	job->seed = 1000000 + s->seed % 1000 * 1000 + index;
	job->exit_code = sim_below(s, 6) == 0 ? 3 : 0;
	job->size[0] = sim_below(s, 3) == 0 ? 0 : sim_below(s, 400000);
	job->size[1] = sim_below(s, 3) == 0 ? sim_below(s, 90000) : 0;
	u64 wall_s = 5 + sim_below(s, 40), duration = sim_below(s, wall_s * 1000);
	if (sim_below(s, 12) == 0) {
		duration = wall_s * 1000 + 5000;
		job->times_out = true;
	}
	job->artifacts = sim_below(s, 3) == 0;
	job->checkpoints = !job->times_out && sim_below(s, 2) == 0;
	job->resumes = job->checkpoints && sim_below(s, 4) == 0;
	if (job->resumes)
		duration = wall_s * 1000 * 2;
	if (job->checkpoints && sim_below(s, 4) == 0)
		job->exits_at = 1 + (u32)sim_below(s, 5);
	job->input = sim_below(s, 3) == 0 ? 0 : 3 * sim_below(s, 100000);
	json_t *body = job_body(s, job, duration, wall_s);
	if (job->input != 0) {
		char *text = input_base64(job->seed, job->input);
		json_object_set_new(body, "stdin_base64", json_string(text));
		free(text);
	}
	if (fog_job_request_parse(body, &job->request, error) != 0)
		sim_fail(s, "job %u: %s", index, error);
	json_decref(body);
	job->submit_ms = s->now_ms + sim_below(s, JOBS_STORM_MS);
	if (sim_below(s, 7) == 0)
		job->cancel_ms = job->submit_ms + sim_below(s, 60000);
}

/* A client repeats itself until it is answered. */
static void job_step(struct sim *s, struct sim_job *job)
{
	struct sim_host *h = &s->host[job->host];
	char id[FOG_JOB_ID_SIZE], error[FOG_JSON_ERROR_SIZE];
	bool cancel = job->cancel_ms != 0 && s->now_ms >= job->cancel_ms && !job->cancelled;

	if (h->jobs == NULL || s->now_ms < job->submit_ms)
		return;
	if (!job->accepted || (sim_chance(s, 2) && !cancel)) {
		sim_event_begin(h);
		int rc = fog_jobs_submit(h->jobs, "ann", &job->request, s->now_ms, id, error);
		if (s->crash_pending)
			rc = -EAGAIN; /* the answer never reached the client */
		sim_event_end(h);
		if (rc == 0 || rc == 1)
			job->accepted = true;
		else if (rc != -EAGAIN)
			sim_fail(s, "%s was refused: %d %s", job->id, rc, error);
	} else if (cancel) {
		sim_event_begin(h);
		int rc = fog_jobs_cancel(h->jobs, job->id, s->now_ms);
		job->cancelled = rc == 0 && !s->crash_pending;
		if (rc == -ENOENT)
			sim_fail(s, "%s was forgotten", job->id);
		sim_event_end(h);
	}
}

/* ---- what must hold ------------------------------------------------------------------------- */

static i64 number(struct sim *s, struct sim_host *h, const char *sql, const char *text)
{
	struct fog_stmt *q = fog_stmt(h->store, sql);
	i64 value = 0;

	if (text != NULL)
		fog_bind_text(q, text);
	int rc = fog_stmt_step(q);
	if (rc < 0)
		sim_fail(s, "%s: %d", sql, rc);
	if (rc == 1) {
		value = fog_column_int(q, 0);
		fog_stmt_reset(q);
	}
	return value;
}

static bool settled(struct sim *s)
{
	for (u32 i = 0; i < s->host_count; i++) {
		struct sim_host *h = &s->host[i];
		if (h->jobs == NULL ||
		    number(s, h, "SELECT count(*) FROM job WHERE state <= 4", NULL) != 0 ||
		    number(s, h, "SELECT count(*) FROM attempt WHERE state <= 4 OR notify <> 0",
			   NULL) != 0 ||
		    number(s, h, "SELECT count(*) FROM work WHERE state <= 4", NULL) != 0)
			return false;
	}
	for (u32 i = 0; i < s->job_count; i++)
		if (!s->job[i].accepted)
			return false;
	for (u32 i = 0; i < s->batch_count; i++)
		if (!s->batch[i].accepted ||
		    number(s, &s->host[s->batch[i].host],
			   "SELECT count(*) FROM batch WHERE state = 0", NULL) != 0)
			return false;
	return true;
}

static void log_check(struct sim *s, struct sim_job *job, u32 stream)
{
	struct fog_stmt *q = fog_stmt(s->host[job->host].store,
				      "SELECT offset, data FROM job_log WHERE job = ?1"
				      " AND stream = ?2 AND attempt = (SELECT attempt_count"
				      " FROM job WHERE id = ?1) ORDER BY offset");
	u64 size = 0;

	fog_bind_text(q, job->id);
	fog_bind_u64(q, stream);
	while (fog_stmt_step(q) == 1) {
		size_t len;
		const u8 *data = fog_column_blob(q, 1, &len);
		if (fog_column_u64(q, 0) != size)
			sim_fail(s, "%s: its log has a gap", job->id);
		for (size_t i = 0; i < len; i++)
			if (data[i] != sim_output_byte(job->seed, stream, size + i))
				sim_fail(s, "%s: its log is wrong", job->id);
		size += len;
	}
	if (size != job->size[stream])
		sim_fail(s, "%s: %llu of %llu bytes of its log", job->id, (unsigned long long)size,
			 (unsigned long long)job->size[stream]);
}

/* Those of a job that succeeded are here; no checkpoint is any more. */
static void artifacts_check(struct sim *s, struct sim_job *job)
{
	struct sim_host *h = &s->host[job->host];
	struct fog_stmt *q;
	u64 size[SIM_ARTIFACTS] = {0};

	if (number(s, h, "SELECT count(*) FROM job_file WHERE job = ? AND (kind = 1 OR done = 0)",
		   job->id) != 0)
		sim_fail(s, "%s: files that nobody wants", job->id);
	if (number(s, h, "SELECT count(*) FROM job_file WHERE job = ? AND kind = 3", job->id) !=
	    (job->artifacts ? SIM_ARTIFACTS : 0))
		sim_fail(s, "%s: artifacts are missing, or too many", job->id);
	if (!job->artifacts)
		return;
	q = fog_stmt(h->store, "SELECT f.number, p.offset, p.data FROM job_file f"
			       " JOIN job_file_part p ON p.job = f.job AND p.attempt = f.attempt"
			       " AND p.name = f.name WHERE f.job = ? AND f.kind = 3"
			       " ORDER BY f.number, p.offset");
	fog_bind_text(q, job->id);
	while (fog_stmt_step(q) == 1) {
		size_t len;
		u32 n = (u32)fog_column_u64(q, 0);
		const u8 *data = fog_column_blob(q, 2, &len);
		if (fog_column_u64(q, 1) != size[n])
			sim_fail(s, "%s: artifact %u has a gap", job->id, n);
		for (size_t i = 0; i < len; i++)
			if (data[i] !=
			    sim_output_byte(job->seed, SIM_ARTIFACT_STREAM + n, size[n] + i))
				sim_fail(s, "%s: artifact %u is wrong", job->id, n);
		size[n] += len;
	}
	for (u32 i = 0; i < SIM_ARTIFACTS; i++)
		if (size[i] != sim_artifact_size(job->seed, i))
			sim_fail(s, "%s: artifact %u is not whole", job->id, i);
}

/* The story of a job that went wrong. */
static void job_print(struct sim *s, const struct sim_job *job)
{
	struct fog_stmt *q = fog_stmt(s->host[job->host].store,
				      "SELECT number, worker_name, state, created_ms, ended_ms,"
				      " reason FROM attempt WHERE job = ? ORDER BY number");

	fog_bind_text(q, job->id);
	while (fog_stmt_step(q) == 1)
		printf("%s.%lld on %s: %s, %lld to %lld ms: %s\n", job->id,
		       (long long)fog_column_int(q, 0), fog_column_text(q, 1),
		       fog_attempt_state_name((enum fog_attempt_state)fog_column_int(q, 2)),
		       (long long)fog_column_int(q, 3) - (long long)SIM_START_MS,
		       (long long)fog_column_int(q, 4) - (long long)SIM_START_MS,
		       fog_column_text(q, 5));
}

static void job_check(struct sim *s, struct sim_job *job)
{
	struct sim_host *h = &s->host[job->host];
	i64 state = number(s, h, "SELECT state FROM job WHERE id = ?", job->id);
	i64 paid = number(s, h,
			  "SELECT count(*) FROM settlement s JOIN attempt a ON a.job = s.job"
			  " AND a.number = s.attempt WHERE s.job = ? AND a.state = 5",
			  job->id);
	i64 stopped = number(
		s, h, "SELECT count(*) FROM attempt WHERE job = ? AND state = 5 AND stop <> 0",
		job->id);
	i64 lost = number(s, h, "SELECT lost_count FROM job WHERE id = ?", job->id);
	bool fails = job->exit_code != 0 || job->times_out;

	if (state < FOG_JOB_SUCCEEDED) {
		struct fog_job_why why;
		job_print(s, job);
		(void)fog_jobs_why(h->jobs, job->id, s->now_ms, &why);
		sim_fail(s, "%s has not ended: %lld: %s", job->id, (long long)state, why.text);
	}
	if (state == FOG_JOB_SUCCEEDED && fails)
		sim_fail(s, "%s succeeded, it was to fail", job->id);
	if (state == FOG_JOB_FAILED && !fails)
		job_print(s, job);
	if (state == FOG_JOB_FAILED && !fails)
		sim_fail(s, "%s failed after %lld lost attempts, it was to succeed", job->id,
			 (long long)lost);
	if (state == FOG_JOB_CANCELLED && job->cancel_ms == 0)
		sim_fail(s, "%s was cancelled by nobody", job->id);
	/* Runs that were stopped for another job, or with a drained host, are paid, too. */
	if (state != FOG_JOB_CANCELLED && paid - stopped != 1 && (stopped == 0 || paid < 1))
		sim_fail(s, "%s was paid %lld times", job->id, (long long)paid);
	if (paid > 1 + stopped)
		sim_fail(s, "%s was paid %lld times", job->id, (long long)paid);
	if (state != FOG_JOB_SUCCEEDED)
		return;
	if (job->successes == 0)
		sim_fail(s, "%s succeeded and never ran", job->id);
	log_check(s, job, 0);
	log_check(s, job, 1);
	artifacts_check(s, job);
}

static void hex(const u8 id[FOG_JOB_NODE_SIZE], char out[80])
{
	memcpy(out, "host:", 5);
	for (u32 i = 0; i < FOG_JOB_NODE_SIZE; i++)
		snprintf(out + 5 + 2 * i, 3, "%02x", id[i]);
}

static void books_check(struct sim *s)
{
	static const char balance[] = "SELECT balance FROM ledger_account WHERE name = ?";
	char why[FOG_STORE_WHY_SIZE], account[80];

	for (u32 i = 0; i < s->host_count; i++) {
		struct sim_host *h = &s->host[i];
		i64 own, owed = 0, self;
		if (fog_jobs_audit(h->store, why) != 0)
			sim_fail(s, "host %u: %s", i, why);
		if (number(s, h,
			   "SELECT count(*) FROM ledger_account WHERE balance <> 0 AND"
			   " name LIKE 'escrow:%'",
			   NULL) != 0)
			sim_fail(s, "host %u: escrow is left over", i);
		self = number(s, h,
			      "SELECT coalesce(sum(amount), 0) FROM settlement s JOIN"
			      " attempt a ON a.job = s.job AND a.number = s.attempt"
			      " WHERE a.state = 5",
			      NULL);
		/* What tiers cost on top, and what broken ones brought back. */
		self += number(s, h, balance, "fees") -
			number(s, h, "SELECT coalesce(sum(amount), 0) FROM sla_breach", NULL);
		own = number(s, h, balance, "user:ann");
		if (own != 0 && own != SIM_GRANT - self)
			sim_fail(s, "host %u: ann has %lld after spending %lld", i, (long long)own,
				 (long long)self);
		/* What the others owe this host, and what it knows of it. */
		hex(h->id, account);
		for (u32 k = 0; k < s->host_count; k++)
			owed += number(s, &s->host[k], balance, account) * (k != i);
		own = number(s, h,
			     "SELECT coalesce(sum(amount), 0) FROM ledger_entry e JOIN ledger_tx t"
			     " ON t.id = e.tx WHERE t.key LIKE 'credit:%' AND e.account = ?",
			     account);
		if (own != owed)
			sim_fail(s, "host %u was credited %lld and is owed %lld", i, (long long)own,
				 (long long)owed);
	}
}

/* What a liar printed was never paid for: the receipt did not fit. */
static void liars_check(struct sim *s)
{
	static const char sql[] =
		"SELECT count(*) FROM attempt a WHERE a.state = 5 AND a.worker_name = ?"
		" AND EXISTS(SELECT 1 FROM job_log l WHERE l.job = a.job"
		" AND l.attempt = a.number)";
	char name[16];

	for (u32 i = 0; i < s->host_count; i++)
		for (u32 k = 0; k < s->host_count; k++) {
			snprintf(name, sizeof(name), "h%u", k);
			if (s->host[k].liar && number(s, &s->host[i], sql, name) != 0)
				sim_fail(s, "host %u paid a liar", i);
		}
}

/* Whatever broke on the way, nobody honest looks like a liar. */
static void evidence_check(struct sim *s)
{
	for (u32 i = 0; i < s->host_count; i++) {
		struct fog_stmt *q =
			fog_stmt(s->host[i].store, "SELECT node, job, detail FROM evidence"
						   " WHERE kind = 'fraud_detected'");
		while (fog_stmt_step(q) == 1) {
			size_t len;
			const void *node = fog_column_blob(q, 0, &len);
			bool liar = false;
			for (u32 k = 0; k < s->host_count; k++)
				liar = liar || (s->host[k].liar && memcmp(node, s->host[k].id,
									  FOG_JOB_NODE_SIZE) == 0);
			if (!liar)
				sim_fail(s, "host %u calls an honest host a liar: %s: %s", i,
					 fog_column_text(q, 1), fog_column_text(q, 2));
		}
	}
}

static void runs_check(struct sim *s)
{
	for (u32 i = 0; i < s->host_count; i++)
		for (u32 k = 0; k < s->host[i].run_count; k++) {
			const struct sim_run *r = &s->host[i].run[k];
			if (!r->removed && r->started && !r->vanished &&
			    fog_jobs_run_live(s->host[i].jobs, r->name))
				sim_fail(s, "run %s is still wanted", r->name);
		}
}

/* ---- one seed ------------------------------------------------------------------------------- */

static void hosts_step(struct sim *s)
{
	for (u32 i = 0; i < s->host_count; i++) {
		struct sim_host *h = &s->host[i];
		if (h->jobs == NULL && s->now_ms >= h->up_ms)
			sim_host_start(h);
		sim_hold_step(s, h);
		if (h->jobs == NULL)
			continue;
		sim_event_begin(h);
		fog_jobs_tick(h->jobs, s->now_ms);
		sim_event_end(h);
		if (h->jobs != NULL && s->now_ms < s->calm_ms && sim_below(s, 1200) == 0)
			sim_host_crash(h, sim_below(s, 2) == 0);
	}
}

static void run(struct sim *s)
{
	u64 end_ms = s->calm_ms + CALM_MS_MAX;

	while (s->now_ms < end_ms) {
		for (u32 i = 0; i < s->job_count; i++)
			job_step(s, &s->job[i]);
		for (u32 i = 0; i < s->batch_count; i++)
			sim_batch_step(s, &s->batch[i]);
		sim_net_step(s);
		hosts_step(s);
		sim_capacity_check(s);
		if (s->now_ms >= s->calm_ms && s->now_ms % 1000 < STEP_MS && settled(s))
			return;
		s->now_ms += STEP_MS;
	}
	for (u32 i = 0; i < s->job_count; i++)
		job_check(s, &s->job[i]);
	sim_fail(s, "not settled after an hour of calm");
}

static void seed_run(u64 seed, bool verbose)
{
	struct sim *s = calloc(1, sizeof(*s));

	FOG_ASSERT(s != NULL);
	fog_rng_init_u64(&s->rng, seed);
	s->seed = seed;
	s->verbose = verbose;
	s->now_ms = SIM_START_MS;
	s->host_count = 2 + (u32)sim_below(s, SIM_HOSTS_MAX - 1);
	sim_now = s;
	for (u32 i = 0; i < s->host_count; i++)
		sim_host_new(s, i);
	if (s->host_count >= 4 && sim_below(s, 2) == 0)
		s->liars = s->host[s->host_count - 1].liar = true;
	s->calm_ms = s->now_ms + STORM_MS;
	s->job_count = 10 + (u32)sim_below(s, 30);
	for (u32 i = 0; i < s->job_count; i++)
		job_new(s, i);
	s->batch_count = (u32)sim_below(s, SIM_BATCHES_MAX + 1);
	for (u32 i = 0; i < s->batch_count; i++)
		sim_batch_new(s, i);
	run(s);
	for (u32 i = 0; i < s->job_count; i++)
		job_check(s, &s->job[i]);
	for (u32 i = 0; i < s->batch_count; i++)
		sim_batch_check(s, &s->batch[i]);
	for (u32 i = 0; i < s->host_count; i++)
		sim_sla_check(s, &s->host[i]);
	books_check(s);
	runs_check(s);
	evidence_check(s);
	liars_check(s);
	u32 crashes = 0;
	for (u32 i = 0; i < s->host_count; i++)
		crashes += s->host[i].crashes;
	printf("seed %llu: %u hosts, %u jobs, %u crashes, %u store faults, %u broken streams, "
	       "%u frames, %u repeated, %u restored, settled after %llu s\n",
	       (unsigned long long)seed, s->host_count, s->job_count, crashes, s->faults_store,
	       s->faults_net, s->frames, s->duplicates, s->restored,
	       (unsigned long long)(s->now_ms - SIM_START_MS) / 1000);
	sim_now = NULL;
	sim_net_free(s);
	for (u32 i = 0; i < s->host_count; i++)
		sim_host_free(&s->host[i]);
	for (u32 i = 0; i < s->job_count; i++)
		fog_job_request_free(&s->job[i].request);
	for (u32 i = 0; i < s->batch_count; i++)
		fog_job_batch_free(&s->batch[i].batch);
	free(s);
}

int main(int argc, char **argv)
{
	const char *text = getenv("FOG_SEED");
	u64 seed = text != NULL ? strtoull(text, NULL, 0) : 1, seeds = 1;
	bool verbose = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			seed = strtoull(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc)
			seeds = strtoull(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--verbose") == 0)
			verbose = true;
		else
			return 2;
	}
	FILE *quiet = verbose ? NULL : fopen("/dev/null", "w");
	fog_log_set_file(quiet); /* the faults are ours */
	for (u64 i = 0; i < seeds; i++)
		seed_run(seed + i, verbose);
	if (quiet != NULL)
		fclose(quiet);
	printf("%llu passed, 0 failed\n", (unsigned long long)seeds);
	return 0;
}
