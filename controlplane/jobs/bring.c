/* SPDX-License-Identifier: BSD-3-Clause */
/* Checkpoints and artifacts, see state.h. */
#include <errno.h>

#include "controlplane/executor/kept.h"
#include "controlplane/jobs/state.h"
#include "crypto/mem.h"

#define REFUSED "checkpoint: " /* begins the error of a run whose checkpoint was no archive */

void fog_bring_name(const struct fog_bring_file *f, char out[FOG_JOB_FILE_NAME_SIZE])
{
	if (f->kind == FOG_BRING_MANIFEST)
		snprintf(out, FOG_JOB_FILE_NAME_SIZE, "manifest");
	else
		snprintf(out, FOG_JOB_FILE_NAME_SIZE, "%s.%u",
			 f->kind == FOG_BRING_CHECKPOINT ? "checkpoint" : "artifact", f->number);
}

static bool same_file(const struct fog_bring_file *a, const struct fog_bring_file *b)
{
	return a->kind == b->kind && a->attempt == b->attempt && a->number == b->number;
}

static void tell_text(struct fog_jobs *j, struct fog_job *job, const char *format, va_list args)
{
	char text[FOG_JOB_REASON_SIZE], reason[FOG_JOB_REASON_SIZE];

	vsnprintf(text, sizeof(text), format, args);
	fog_jobs_reason(reason, "%s", text);
	fog_db_event_add(j, job, reason);
}

/* An event of a job whose state stays as it is. */
__attribute__((format(printf, 3, 4))) static void tell(struct fog_jobs *j, struct fog_job *job,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell_text(j, job, format, args);
	va_end(args);
}

/* The same of what the worker is the cause of, so often and no more. */
__attribute__((format(printf, 3, 4))) static void tell_of(struct fog_jobs *j, struct fog_attempt *a,
							  const char *format, ...)
{
	va_list args;

	if (a->told++ >= FOG_JOBS_TOLD_MAX)
		return;
	va_start(args, format);
	tell_text(j, a->job, format, args);
	va_end(args);
}

/* ---- fetching ------------------------------------------------------------------------------- */

static void fetch_stop(struct fog_attempt *a)
{
	a->bring = (struct fog_bring_file){0};
	a->bring_have = a->bring_asked = 0;
}

static void fetch_ask(struct fog_jobs *j, struct fog_attempt *a)
{
	char name[FOG_JOB_FILE_NAME_SIZE];

	if (a->session == NULL || !a->session->open || a->bring_asked > a->bring_have)
		return;
	fog_bring_name(&a->bring, name);
	a->bring_asked = FOG_MIN(a->bring.size, a->bring_have + FOG_JOBS_BRING_MAX);
	fog_jobs_session_send(
		j, a->session,
		fog_job_need(name, a->bring_have, (u32)(a->bring_asked - a->bring_have)));
}

/* What is due next; after a crash from where it was stored. */
static void fetch_next(struct fog_jobs *j, struct fog_attempt *a)
{
	if (a->limits.checkpoint_bytes == 0 && a->limits.artifact_bytes == 0)
		return;
	if (a->bring.kind == FOG_BRING_NONE) {
		if (!fog_db_file_next(j, a, &a->bring, &a->bring_have))
			return;
		a->bring_asked = 0;
		fog_db_file_hash(j, a->key.job, &a->bring, &a->bring_hash);
	}
	fetch_ask(j, a);
}

void fog_bring_again(struct fog_jobs *j, struct fog_attempt *a)
{
	a->bring_asked = 0;
	if (a->session != NULL)
		fetch_next(j, a);
}

/* Only the newest two, and what the current attempt may be asked for again. */
static void checkpoints_prune(struct fog_jobs *j, const struct fog_attempt *a)
{
	struct fog_bring_file f;
	u32 skip = FOG_JOBS_CHECKPOINTS_MAX;

	while (fog_db_checkpoint_get(j, a->key.job, skip, &f)) {
		if (a->restored && fog_equal(f.sha256, a->restored_sha256, sizeof(f.sha256)))
			skip++;
		else
			fog_db_file_drop(j, a->key.job, &f);
		if (j->rc != 0)
			return;
	}
}

/* Forgets what older jobs left until there is room for so much more. */
static bool room_make(struct fog_jobs *j, u64 bytes)
{
	char job[FOG_JOB_ID_SIZE];

	for (u32 i = 0; i < FOG_JOBS_SWEEP_MAX; i++) {
		if (fog_db_files_size(j) <= FOG_JOBS_FILES_MAX - bytes)
			return true;
		if (!fog_db_files_oldest(j, 0, FOG_JOBS_FILES_MAX - bytes, job))
			return false;
		fog_db_files_forget(j, job);
	}
	return false;
}

/* An entry of a list of artifacts, of at most this size; path: its name. */
static bool artifact_read(json_t *v, u64 max, struct fog_bring_file *f, const char **path,
			  bool *executable)
{
	char decoded[FOG_EXECUTOR_ARTIFACT_NAME_MAX + 1];
	u8 nothing[FOG_SHA256_SIZE];
	struct fog_json_reader r;

	fog_json_begin(&r, v, "");
	*path = fog_json_text_of(&r, "name", FOG_EXECUTOR_ARTIFACT_TEXT_SIZE);
	*executable = fog_json_bool(&r, "executable");
	f->size = fog_json_u64(&r, "size", 0, max);
	fog_json_hex(&r, "sha256", f->sha256, sizeof(f->sha256));
	if (!fog_json_ok(&r) || !fog_kept_name_decode(*path, decoded))
		return false;
	fog_hash_sha256(nothing, "", 0);
	/* An empty file is not fetched: its hash is looked at here. */
	return f->size != 0 || fog_equal(f->sha256, nothing, sizeof(nothing));
}

/* Artifacts that were listed are to be fetched, all or, when they find no room, none. */
static void artifacts_add(struct fog_jobs *j, struct fog_attempt *a, const json_t *files, u64 sum)
{
	const char *path;
	bool executable;
	size_t i;
	json_t *v;

	if (!room_make(j, sum)) {
		tell(j, a->job, "its artifacts are not fetched: there is no room for them");
		return;
	}
	json_array_foreach((json_t *)files, i, v)
	{
		struct fog_bring_file f = {
			.attempt = a->key.attempt, .kind = FOG_BRING_ARTIFACT, .number = (u32)i};
		if (artifact_read(v, sum, &f, &path, &executable))
			fog_db_file_add(j, a->key.job, &f, path, executable);
	}
}

/* A list of artifacts that is not what fog-exec writes is a lie. */
static bool manifest_read(struct fog_jobs *j, struct fog_attempt *a)
{
	u8 *text = malloc(a->bring.size);
	struct fog_bring_file f;
	const char *path;
	bool executable;
	u64 sum = 0;
	u32 len = 0;
	size_t i;
	json_t *v;

	if (text == NULL) {
		fog_jobs_fail(j, -ENOMEM);
		return true;
	}
	fog_db_file_read(j, a->key.job, &a->bring, 0, text, (u32)a->bring.size, &len);
	json_t *root = json_loadb((char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *files = json_object_get(root, "files");
	bool good = json_is_array(files) && json_array_size(files) <= FOG_EXECUTOR_ARTIFACTS_MAX;
	json_array_foreach((json_t *)files, i, v)
	{
		good = good &&
		       artifact_read(v, a->limits.artifact_bytes - sum, &f, &path, &executable);
		if (!good)
			break;
		sum += f.size;
	}
	if (good)
		artifacts_add(j, a, files, sum);
	json_decref(root);
	free(text);
	return good;
}

/* All bytes are here. Returns why the worker lied, or NULL. */
static const char *fetched(struct fog_jobs *j, struct fog_attempt *a)
{
	u8 sha256[FOG_SHA256_SIZE];

	fog_sha256_final(&a->bring_hash, sha256);
	if (!fog_equal(sha256, a->bring.sha256, sizeof(sha256))) {
		fog_db_file_drop(j, a->key.job, &a->bring);
		if (a->state == FOG_ATTEMPT_RECEIVED)
			return "what it left behind is not what the receipt says";
		tell_of(j, a, "checkpoint %u is not what its hash says: dropped", a->bring.number);
		return NULL;
	}
	if (a->bring.kind == FOG_BRING_MANIFEST && !manifest_read(j, a))
		return "its list of artifacts is none";
	fog_db_file_done(j, a->key.job, &a->bring);
	if (a->bring.kind == FOG_BRING_CHECKPOINT) {
		a->checkpoint = a->bring.number;
		checkpoints_prune(j, a);
	}
	return NULL;
}

void fog_bring_blob(struct fog_jobs *j, struct fog_attempt *a, const struct fog_jobs_session *s,
		    const u8 *data, u32 len)
{
	char name[FOG_JOB_FILE_NAME_SIZE];

	fog_bring_name(&a->bring, name);
	if (a->bring.kind == FOG_BRING_NONE || strcmp(name, s->name) != 0 ||
	    s->offset != a->bring_have || s->offset + len > a->bring_asked ||
	    (a->state != FOG_ATTEMPT_ACCEPTED && a->state != FOG_ATTEMPT_RECEIVED))
		return; /* asked for twice, answered twice */
	fog_db_file_append(j, a->key.job, &a->bring, s->offset, data, len);
	fog_sha256_update(&a->bring_hash, data, len);
	a->bring_have += len;
	if (a->bring_have < a->bring.size) {
		fetch_ask(j, a);
		return;
	}
	const char *lie = fetched(j, a);
	fetch_stop(a);
	if (lie != NULL) {
		fog_attempt_lose(j, a, FOG_EVIDENCE_FRAUD_DETECTED, lie);
		return;
	}
	fetch_next(j, a);
	if (a->state == FOG_ATTEMPT_RECEIVED && a->bring.kind == FOG_BRING_NONE)
		fog_collect_check(j, a);
}

/* ---- what the worker tells ------------------------------------------------------------------ */

static void checkpoint_add(struct fog_jobs *j, struct fog_attempt *a, u32 number, const u8 *sha256,
			   u64 size)
{
	struct fog_bring_file f = {.attempt = a->key.attempt,
				   .kind = FOG_BRING_CHECKPOINT,
				   .number = number,
				   .size = size};

	memcpy(f.sha256, sha256, sizeof(f.sha256));
	/* Older ones that nobody has begun to fetch are not worth it any more. */
	fog_db_checkpoints_undone_drop(j, a, &a->bring);
	if (fog_db_checkpoints_size(j) > FOG_JOBS_CHECKPOINTS_SIZE - size) {
		tell_of(j, a, "checkpoint %u is not fetched: there is no room for it", number);
		return;
	}
	fog_db_file_add(j, a->key.job, &f, "", false);
}

void fog_bring_kept(struct fog_jobs *j, struct fog_attempt *a, const struct fog_job_message *m)
{
	char name[FOG_JOB_FILE_NAME_SIZE];
	u32 gone = 0;

	if (a->job == NULL || a->state != FOG_ATTEMPT_ACCEPTED || a->limits.checkpoint_bytes == 0)
		return;
	fog_bring_name(&a->bring, name);
	if (a->bring.kind != FOG_BRING_NONE && strcmp(name, m->gone) == 0) {
		gone = a->bring.number;
		fog_db_file_drop(j, a->key.job, &a->bring);
		fetch_stop(a);
	}
	if (m->note[0] != '\0' && strcmp(m->note, a->note) != 0)
		tell_of(j, a, "a checkpoint was not taken: %.200s", m->note);
	snprintf(a->note, sizeof(a->note), "%s", m->note);
	if (m->number > FOG_MAX(a->checkpoint, gone) && m->bytes > 0 &&
	    m->bytes <= a->limits.checkpoint_bytes &&
	    !(a->bring.kind == FOG_BRING_CHECKPOINT && a->bring.number >= m->number))
		checkpoint_add(j, a, m->number, m->sha256, m->bytes);
	fetch_next(j, a);
}

enum fog_stop fog_bring_goes_on(const struct fog_attempt *a, const struct fog_receipt *t)
{
	const struct fog_job *job = a->job;

	if (job->attempt_count >= FOG_JOBS_ATTEMPTS_MAX)
		return FOG_STOP_NONE;
	if (t->outcome == FOG_OUTCOME_CANCELLED)
		return a->stop;
	if (t->checkpoint_number == 0)
		return FOG_STOP_NONE;
	if (t->outcome == FOG_OUTCOME_EXITED && t->exit_code > 0 &&
	    (u32)t->exit_code == job->checkpoint.exit_code)
		return FOG_STOP_YIELD;
	if (t->outcome == FOG_OUTCOME_TIMEOUT && job->terms.resume_timeout)
		return FOG_STOP_TIMEOUT;
	return FOG_STOP_NONE;
}

/* What the receipt names becomes what is to be fetched, once. */
static void receipt_take(struct fog_jobs *j, struct fog_attempt *a, const struct fog_receipt *t)
{
	struct fog_bring_file manifest = {
		.attempt = a->key.attempt, .kind = FOG_BRING_MANIFEST, .size = t->manifest.size};
	struct fog_bring_file last = {.attempt = a->key.attempt,
				      .kind = FOG_BRING_CHECKPOINT,
				      .number = t->checkpoint_number};
	bool goes_on = fog_bring_goes_on(a, t) != FOG_STOP_NONE;
	bool want = goes_on && a->job->cancel_ms == 0 && t->checkpoint_number > a->checkpoint;

	memcpy(manifest.sha256, t->manifest.sha256, sizeof(manifest.sha256));
	bool same = want && same_file(&a->bring, &last) &&
		    fog_equal(a->bring.sha256, t->checkpoint.sha256, FOG_SHA256_SIZE);
	if (!same && a->bring.kind == FOG_BRING_CHECKPOINT)
		fetch_stop(a);
	fog_db_checkpoints_undone_drop(j, a, same ? &a->bring : NULL);
	if (want && !same)
		checkpoint_add(j, a, t->checkpoint_number, t->checkpoint.sha256,
			       t->checkpoint.size);
	/* Artifacts are what is there at the end of the job. */
	if (t->manifest.size != 0 && !goes_on && !room_make(j, t->manifest.size))
		tell(j, a->job, "its artifacts are not fetched: there is no room for their list");
	else if (t->manifest.size != 0 && !goes_on)
		fog_db_file_add(j, a->key.job, &manifest, "", false);
	a->leavings_known = true;
}

bool fog_bring_ready(struct fog_jobs *j, struct fog_attempt *a, const struct fog_receipt *t)
{
	if (!a->leavings_known && (t->manifest.size != 0 || a->limits.checkpoint_bytes != 0))
		receipt_take(j, a, t);
	fetch_next(j, a);
	return a->bring.kind == FOG_BRING_NONE && j->rc == 0;
}

/* ---- the next worker ------------------------------------------------------------------------ */

/* The newest whole one whose bytes are still what they were. */
static bool checkpoint_choose(struct fog_jobs *j, struct fog_job *job, struct fog_bring_file *f)
{
	u8 sha256[FOG_SHA256_SIZE];
	struct fog_sha256 state;

	while (fog_db_checkpoint_get(j, job->id, 0, f)) {
		if (job->restored && fog_equal(f->sha256, job->restored_sha256, sizeof(sha256)))
			return true; /* looked at before */
		fog_db_file_hash(j, job->id, f, &state);
		fog_sha256_final(&state, sha256);
		if (fog_equal(sha256, f->sha256, sizeof(sha256)))
			return true;
		tell(j, job, "checkpoint %u of attempt %u is damaged: dropped", f->number,
		     f->attempt);
		fog_db_file_drop(j, job->id, f);
		if (j->rc != 0)
			return false;
	}
	return false;
}

static bool spec_restore(struct fog_jobs *j, struct fog_job *job, const struct fog_bring_file *f,
			 u32 restart)
{
	char error[FOG_JSON_ERROR_SIZE] = "no memory", reason[FOG_JOB_REASON_SIZE];
	json_t *spec = fog_input_spec(j, job);

	if (f != NULL)
		fog_input_spec_with(spec, FOG_JOB_CHECKPOINT_FILE, f->sha256, f->size);
	else
		fog_input_spec_without(spec, FOG_JOB_CHECKPOINT_FILE);
	json_object_set_new(json_object_get(spec, "checkpoint"), "restart",
			    json_integer((json_int_t)restart));
	char *text = spec != NULL ? fog_json_text(spec) : NULL;
	json_decref(spec);
	bool ok = text != NULL && fog_input_spec_set(j, job, text, error);
	free(text);
	if (!ok && j->rc == 0) {
		fog_jobs_reason(reason, "it cannot be offered again: %s", error);
		fog_job_end(j, job, FOG_JOB_FAILED, reason, NULL);
	}
	return ok;
}

bool fog_bring_offer(struct fog_jobs *j, struct fog_job *job)
{
	struct fog_bring_file f;

	if (job->checkpoint.bytes_max == 0)
		return true;
	u32 restart = fog_db_attempts_begun(j, job->id);
	bool found = checkpoint_choose(j, job, &f);
	bool same = found == job->restored &&
		    (!found || fog_equal(f.sha256, job->restored_sha256, sizeof(f.sha256)));
	if (j->rc != 0 || (same && restart == job->checkpoint.restart))
		return true;
	if (!spec_restore(j, job, found ? &f : NULL, restart))
		return false;
	if (found)
		tell(j, job, "goes on from checkpoint %u of attempt %u, %llu bytes", f.number,
		     f.attempt, (unsigned long long)f.size);
	else
		tell(j, job, "begins anew: it has no checkpoint");
	return true;
}

bool fog_bring_refused(struct fog_jobs *j, struct fog_attempt *a, const struct fog_receipt *t,
		       char reason[FOG_JOB_REASON_SIZE])
{
	struct fog_bring_file f;
	struct fog_job *job = a->job;

	if (!a->restored || strncmp(t->error, REFUSED, strlen(REFUSED)) != 0)
		return false;
	if (!fog_db_checkpoint_find(j, a->key.job, a->restored_sha256, &f)) {
		fog_jobs_reason(reason, "the host could not restore a checkpoint");
		return true;
	}
	fog_jobs_reason(reason, "the host could not restore checkpoint %u of attempt %u", f.number,
			f.attempt);
	if (fog_db_reason_found(j, a, reason)) {
		tell(j, job, "two hosts could not restore checkpoint %u of attempt %u: dropped",
		     f.number, f.attempt);
		fog_db_file_drop(j, a->key.job, &f);
	}
	return true;
}

void fog_bring_lost(struct fog_jobs *j, struct fog_attempt *a)
{
	fetch_stop(a);
	if (a->limits.checkpoint_bytes != 0 || a->limits.artifact_bytes != 0)
		fog_db_files_lost(j, a);
}

bool fog_bring_sweep(struct fog_jobs *j)
{
	u64 before = j->now_ms > FOG_JOBS_FILES_MS ? j->now_ms - FOG_JOBS_FILES_MS : 0;
	char job[FOG_JOB_ID_SIZE];

	for (u32 i = 0; i < FOG_JOBS_SWEEP_MAX; i++) {
		if (!fog_db_files_oldest(j, before, FOG_JOBS_FILES_MAX, job))
			return false;
		fog_db_files_forget(j, job);
	}
	return true;
}
