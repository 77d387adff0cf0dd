/* SPDX-License-Identifier: BSD-3-Clause */
/* Offers, receipts, settlements, see papers.h. */
#include "controlplane/jobs/papers.h"

#include <errno.h>

#include "controlplane/ledger/ledger.h"
#include "controlplane/scheduler/scheduler.h"

#define BYTES_MAX   (1ull << 53)
#define TIME_MAX    (1ull << 50)
#define ATTEMPT_MAX 1000000

static const char *const outcome_name[FOG_OUTCOME_COUNT] = {
	[FOG_OUTCOME_INVALID] = "invalid",   [FOG_OUTCOME_EXITED] = "exited",
	[FOG_OUTCOME_SIGNALED] = "signaled", [FOG_OUTCOME_TIMEOUT] = "timeout",
	[FOG_OUTCOME_OOM] = "oom",           [FOG_OUTCOME_CANCELLED] = "cancelled",
	[FOG_OUTCOME_DISK] = "disk",         [FOG_OUTCOME_NOEXEC] = "noexec",
	[FOG_OUTCOME_FAILED] = "failed",
};

const char *fog_outcome_name(enum fog_outcome outcome)
{
	return outcome < FOG_OUTCOME_COUNT ? outcome_name[outcome] : "invalid";
}

enum fog_outcome fog_outcome_parse(const char *name)
{
	for (u32 i = 1; i < FOG_OUTCOME_COUNT; i++)
		if (strcmp(outcome_name[i], name) == 0)
			return (enum fog_outcome)i;
	return FOG_OUTCOME_INVALID;
}

u32 fog_paper_message(const char *label, const char *text, u8 out[FOG_PAPER_SIZE_MAX])
{
	size_t label_len = strlen(label) + 1, text_len = strlen(text);

	FOG_ASSERT(label_len + text_len <= FOG_PAPER_SIZE_MAX);
	memcpy(out, label, label_len);
	memcpy(out + label_len, text, text_len);
	return (u32)(label_len + text_len);
}

bool fog_attempt_key_equal(const struct fog_attempt_key *a, const struct fog_attempt_key *b)
{
	return memcmp(a->submitter, b->submitter, sizeof(a->submitter)) == 0 &&
	       memcmp(a->worker, b->worker, sizeof(a->worker)) == 0 &&
	       strcmp(a->job, b->job) == 0 && a->attempt == b->attempt;
}

static json_t *integer(u64 v)
{
	return json_integer((json_int_t)v);
}

static json_t *paper_begin(const char *kind, const struct fog_attempt_key *key)
{
	return json_pack("{s:s,s:i,s:o,s:o,s:s,s:I}", "kind", kind, "version", 1, "submitter",
			 fog_json_hex_new(key->submitter, sizeof(key->submitter)), "worker",
			 fog_json_hex_new(key->worker, sizeof(key->worker)), "job", key->job,
			 "attempt", (json_int_t)key->attempt);
}

/* A NULL value makes json_object_set_new fail; the lack of a field then makes the text NULL. */
static char *paper_end(json_t *root, size_t fields)
{
	char *text = json_object_size(root) == fields ? fog_json_text(root) : NULL;

	json_decref(root);
	/* All fields are bounded: what no verifier takes is never written. */
	FOG_ASSERT(text == NULL || strlen(text) <= FOG_JOBS_VERIFY_TEXT_MAX);
	return text;
}

static void paper_read(struct fog_json_reader *r, const char *kind, struct fog_attempt_key *key)
{
	fog_json_expect(r, "kind", kind);
	fog_json_u64(r, "version", 1, 1);
	fog_json_hex(r, "submitter", key->submitter, sizeof(key->submitter));
	fog_json_hex(r, "worker", key->worker, sizeof(key->worker));
	fog_json_copy(r, "job", key->job, sizeof(key->job));
	if (fog_json_ok(r) && !fog_job_id_valid(key->job))
		fog_json_wrong(r, "job", "not a job id");
	key->attempt = (u32)fog_json_u64(r, "attempt", 1, ATTEMPT_MAX);
}

static int finish(struct fog_json_reader *r, json_t *root, char error[FOG_JSON_ERROR_SIZE])
{
	fog_json_end(r);
	json_decref(root);
	snprintf(error, FOG_JSON_ERROR_SIZE, "%s", r->error);
	return fog_json_ok(r) ? 0 : -EINVAL;
}

static json_t *paper_parse(const char *text, char error[FOG_JSON_ERROR_SIZE])
{
	size_t len = strlen(text);

	if (len <= FOG_JOBS_VERIFY_TEXT_MAX)
		return fog_json_parse(text, len, error);
	snprintf(error, FOG_JSON_ERROR_SIZE, "longer than %u bytes", FOG_JOBS_VERIFY_TEXT_MAX);
	return NULL;
}

char *fog_offer_text(const struct fog_offer *offer)
{
	json_t *root = paper_begin("fog-offer", &offer->key);

	json_object_set_new(root, "spec_sha256", fog_json_hex_new(offer->spec_sha256, 32));
	json_object_set_new(root, "price_cpu_hour", integer(offer->price.cpu_hour));
	json_object_set_new(root, "price_memory_gb_hour", integer(offer->price.memory_gb_hour));
	json_object_set_new(root, "price_max", json_integer(offer->price_max));
	json_object_set_new(root, "created_ms", integer(offer->created_ms));
	if (offer->price.accelerator_hour != 0)
		json_object_set_new(root, "price_accelerator_hour",
				    integer(offer->price.accelerator_hour));
	return paper_end(root, 6 + 5 + (offer->price.accelerator_hour != 0));
}

int fog_offer_parse(const char *text, struct fog_offer *out, char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_json_reader r;
	json_t *root = paper_parse(text, error);

	memset(out, 0, sizeof(*out));
	if (root == NULL)
		return -EINVAL;
	fog_json_begin(&r, root, "offer.");
	paper_read(&r, "fog-offer", &out->key);
	fog_json_hex(&r, "spec_sha256", out->spec_sha256, 32);
	out->price.cpu_hour = fog_json_u64(&r, "price_cpu_hour", 0, FOG_PLACEMENT_PRICE_MAX);
	out->price.memory_gb_hour =
		fog_json_u64(&r, "price_memory_gb_hour", 0, FOG_PLACEMENT_PRICE_MAX);
	if (fog_json_has(&r, "price_accelerator_hour"))
		out->price.accelerator_hour =
			fog_json_u64(&r, "price_accelerator_hour", 1, FOG_PLACEMENT_PRICE_MAX);
	out->price_max = fog_json_i64(&r, "price_max", 0, FOG_LEDGER_AMOUNT_MAX);
	out->created_ms = fog_json_u64(&r, "created_ms", 1, TIME_MAX);
	return finish(&r, root, error);
}

static json_t *output_make(const struct fog_job_output *o)
{
	return json_pack("{s:o,s:I}", "sha256", fog_json_hex_new(o->sha256, 32), "size",
			 (json_int_t)o->size);
}

static json_t *usage_make(const struct fog_job_usage *u)
{
	return json_pack(
		"{s:I,s:I,s:I,s:I,s:I,s:I}", "wall_ms", (json_int_t)u->wall_ms, "cpu_user_ms",
		(json_int_t)u->cpu_user_ms, "cpu_system_ms", (json_int_t)u->cpu_system_ms,
		"memory_peak_bytes", (json_int_t)u->memory_peak_bytes, "io_read_bytes",
		(json_int_t)u->io_read_bytes, "io_write_bytes", (json_int_t)u->io_write_bytes);
}

/* Members that are there only when the job left something; how many. */
static size_t leavings_make(json_t *root, const struct fog_receipt *t)
{
	size_t count = 0;

	if (t->checkpoint_number != 0) {
		json_t *o = output_make(&t->checkpoint);
		json_object_set_new(o, "number", integer(t->checkpoint_number));
		json_object_set_new(root, "checkpoint", o);
		count++;
	}
	if (t->manifest.size != 0) {
		json_t *o = output_make(&t->manifest);
		json_object_set_new(o, "count", integer(t->artifacts));
		json_object_set_new(o, "bytes", integer(t->artifact_bytes));
		json_object_set_new(root, "artifacts", o);
		count++;
	}
	return count;
}

char *fog_receipt_text(const struct fog_receipt *t)
{
	json_t *root = paper_begin("fog-receipt", &t->key);
	json_t *price = json_pack("{s:I,s:I}", "cpu_hour", (json_int_t)t->price.cpu_hour,
				  "memory_gb_hour", (json_int_t)t->price.memory_gb_hour);

	json_object_set_new(root, "offer_sha256", fog_json_hex_new(t->offer_sha256, 32));
	json_object_set_new(root, "spec_sha256", fog_json_hex_new(t->spec_sha256, 32));
	json_object_set_new(root, "outcome", json_string(fog_outcome_name(t->outcome)));
	json_object_set_new(root, "exit_code", json_integer(t->exit_code));
	json_object_set_new(root, "signal", integer(t->signal));
	json_object_set_new(root, "error", json_string(t->error));
	json_object_set_new(root, "stdout", output_make(&t->output[0]));
	json_object_set_new(root, "stderr", output_make(&t->output[1]));
	json_object_set_new(root, "truncated", json_boolean(t->truncated));
	json_object_set_new(root, "usage", usage_make(&t->usage));
	json_object_set_new(root, "sandbox", json_loads(t->sandbox, JSON_REJECT_DUPLICATES, NULL));
	size_t more = leavings_make(root, t);
	json_object_set_new(root, "price", price);
	json_object_set_new(root, "amount", json_integer(t->amount));
	json_object_set_new(root, "started_ms", integer(t->started_ms));
	json_object_set_new(root, "ended_ms", integer(t->ended_ms));
	json_object_set_new(root, "sequence", integer(t->sequence));
	if (t->price.accelerator_hour != 0)
		json_object_set_new(price, "accelerator_hour", integer(t->price.accelerator_hour));
	if (t->accelerators != 0)
		json_object_set_new(root, "accelerators",
				    json_pack("{s:i,s:s}", "count", (int)t->accelerators, "type",
					      t->accelerator_type));
	return paper_end(root, 6 + 16 + more + (t->accelerators != 0));
}

static void inner_error(struct fog_json_reader *outer, struct fog_json_reader *inner)
{
	fog_json_end(inner);
	if (fog_json_ok(outer) && !fog_json_ok(inner))
		snprintf(outer->error, sizeof(outer->error), "%s", inner->error);
}

static void output_read(struct fog_json_reader *r, const char *field, struct fog_job_output *o)
{
	struct fog_json_reader e;

	fog_json_begin(&e, fog_json_object(r, field), "receipt.output.");
	fog_json_hex(&e, "sha256", o->sha256, 32);
	o->size = fog_json_u64(&e, "size", 0, FOG_JOB_OUTPUT_MAX);
	inner_error(r, &e);
}

static void leavings_read(struct fog_json_reader *r, struct fog_receipt *t)
{
	struct fog_json_reader e;

	if (fog_json_has(r, "checkpoint")) {
		fog_json_begin(&e, fog_json_object(r, "checkpoint"), "receipt.checkpoint.");
		t->checkpoint_number = (u32)fog_json_u64(&e, "number", 1, UINT32_MAX);
		fog_json_hex(&e, "sha256", t->checkpoint.sha256, 32);
		t->checkpoint.size = fog_json_u64(&e, "size", 1, FOG_JOB_FILE_MAX);
		inner_error(r, &e);
	}
	if (fog_json_has(r, "artifacts")) {
		fog_json_begin(&e, fog_json_object(r, "artifacts"), "receipt.artifacts.");
		t->artifacts = (u32)fog_json_u64(&e, "count", 0, FOG_EXECUTOR_ARTIFACTS_MAX);
		t->artifact_bytes = fog_json_u64(&e, "bytes", 0, FOG_JOB_FILE_MAX);
		fog_json_hex(&e, "sha256", t->manifest.sha256, 32);
		t->manifest.size = fog_json_u64(&e, "size", 1, FOG_EXECUTOR_MANIFEST_MAX);
		inner_error(r, &e);
	}
}

static void usage_read(struct fog_json_reader *r, struct fog_job_usage *u)
{
	struct fog_json_reader e;

	fog_json_begin(&e, fog_json_object(r, "usage"), "receipt.usage.");
	u->wall_ms = fog_json_u64(&e, "wall_ms", 0, TIME_MAX);
	u->cpu_user_ms = fog_json_u64(&e, "cpu_user_ms", 0, TIME_MAX);
	u->cpu_system_ms = fog_json_u64(&e, "cpu_system_ms", 0, TIME_MAX);
	u->memory_peak_bytes = fog_json_u64(&e, "memory_peak_bytes", 0, BYTES_MAX);
	u->io_read_bytes = fog_json_u64(&e, "io_read_bytes", 0, BYTES_MAX);
	u->io_write_bytes = fog_json_u64(&e, "io_write_bytes", 0, BYTES_MAX);
	inner_error(r, &e);
}

static void sandbox_read(struct fog_json_reader *r, struct fog_receipt *t)
{
	const json_t *object = fog_json_object(r, "sandbox");
	char *text = object != NULL ? fog_json_text(object) : NULL;

	if (object == NULL)
		return;
	if (text == NULL || strlen(text) >= sizeof(t->sandbox))
		fog_json_wrong(r, "sandbox", "longer than %zu bytes", sizeof(t->sandbox) - 1);
	else
		memcpy(t->sandbox, text, strlen(text) + 1);
	free(text);
}

static void accelerators_read(struct fog_json_reader *r, struct fog_receipt *t)
{
	struct fog_json_reader e;

	fog_json_begin(&e, fog_json_object(r, "accelerators"), "receipt.accelerators.");
	t->accelerators = (u32)fog_json_u64(&e, "count", 1, FOG_JOB_ACCELERATORS_MAX);
	fog_json_copy(&e, "type", t->accelerator_type, sizeof(t->accelerator_type));
	inner_error(r, &e);
}

int fog_receipt_parse(const char *text, struct fog_receipt *t, char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_json_reader r, e;
	json_t *root = paper_parse(text, error);

	memset(t, 0, sizeof(*t));
	if (root == NULL)
		return -EINVAL;
	fog_json_begin(&r, root, "receipt.");
	paper_read(&r, "fog-receipt", &t->key);
	fog_json_hex(&r, "offer_sha256", t->offer_sha256, 32);
	fog_json_hex(&r, "spec_sha256", t->spec_sha256, 32);
	t->outcome = fog_outcome_parse(fog_json_text_of(&r, "outcome", 32));
	if (t->outcome == FOG_OUTCOME_INVALID)
		fog_json_wrong(&r, "outcome", "unknown");
	t->exit_code = (i32)fog_json_i64(&r, "exit_code", -1, 255);
	t->signal = (u32)fog_json_u64(&r, "signal", 0, 128);
	fog_json_copy(&r, "error", t->error, sizeof(t->error));
	output_read(&r, "stdout", &t->output[0]);
	output_read(&r, "stderr", &t->output[1]);
	t->truncated = fog_json_bool(&r, "truncated");
	usage_read(&r, &t->usage);
	sandbox_read(&r, t);
	leavings_read(&r, t);
	fog_json_begin(&e, fog_json_object(&r, "price"), "receipt.price.");
	t->price.cpu_hour = fog_json_u64(&e, "cpu_hour", 0, FOG_PLACEMENT_PRICE_MAX);
	t->price.memory_gb_hour = fog_json_u64(&e, "memory_gb_hour", 0, FOG_PLACEMENT_PRICE_MAX);
	if (fog_json_has(&e, "accelerator_hour"))
		t->price.accelerator_hour =
			fog_json_u64(&e, "accelerator_hour", 1, FOG_PLACEMENT_PRICE_MAX);
	inner_error(&r, &e);
	if (fog_json_has(&r, "accelerators"))
		accelerators_read(&r, t);
	t->amount = fog_json_i64(&r, "amount", 0, FOG_LEDGER_AMOUNT_MAX);
	t->started_ms = fog_json_u64(&r, "started_ms", 0, TIME_MAX);
	t->ended_ms = fog_json_u64(&r, "ended_ms", 0, TIME_MAX);
	t->sequence = fog_json_u64(&r, "sequence", 1, BYTES_MAX);
	return finish(&r, root, error);
}

char *fog_settlement_text(const struct fog_settlement *s)
{
	json_t *root = paper_begin("fog-settlement", &s->key);

	json_object_set_new(root, "receipt_sha256", fog_json_hex_new(s->receipt_sha256, 32));
	json_object_set_new(root, "amount", json_integer(s->amount));
	json_object_set_new(root, "created_ms", integer(s->created_ms));
	return paper_end(root, 6 + 3);
}

int fog_settlement_parse(const char *text, struct fog_settlement *out,
			 char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_json_reader r;
	json_t *root = paper_parse(text, error);

	memset(out, 0, sizeof(*out));
	if (root == NULL)
		return -EINVAL;
	fog_json_begin(&r, root, "settlement.");
	paper_read(&r, "fog-settlement", &out->key);
	fog_json_hex(&r, "receipt_sha256", out->receipt_sha256, 32);
	out->amount = fog_json_i64(&r, "amount", 0, FOG_LEDGER_AMOUNT_MAX);
	out->created_ms = fog_json_u64(&r, "created_ms", 1, TIME_MAX);
	return finish(&r, root, error);
}

i64 fog_receipt_amount(const struct fog_offer *offer, const struct fog_job_limits *limits,
		       enum fog_outcome outcome, u64 wall_ms)
{
	if (outcome == FOG_OUTCOME_FAILED)
		return 0;
	i64 amount = fog_price(limits->cpu_milli, limits->memory_bytes, 1000 * limits->accelerators,
			       FOG_MIN(wall_ms, limits->wall_ms), &offer->price);
	return amount < 0 ? offer->price_max : FOG_MIN(amount, offer->price_max);
}

const char *fog_receipt_audit(const struct fog_receipt *t, const struct fog_offer *offer,
			      const u8 offer_sha256[32], const struct fog_job_limits *limits,
			      u64 observed_ms)
{
	if (!fog_attempt_key_equal(&t->key, &offer->key))
		return "the receipt is for another attempt";
	if (memcmp(t->offer_sha256, offer_sha256, 32) != 0)
		return "the receipt is for another offer";
	if (memcmp(t->spec_sha256, offer->spec_sha256, 32) != 0)
		return "the receipt is for another spec";
	if (!fog_tariff_equal(&t->price, &offer->price))
		return "the receipt names another price";
	if (t->accelerators != limits->accelerators ||
	    (limits->accelerator_type[0] != '\0' &&
	     strcmp(t->accelerator_type, limits->accelerator_type) != 0))
		return "the receipt names other accelerators than those asked for";
	if (t->usage.wall_ms > limits->wall_ms + FOG_JOBS_SLACK_MS)
		return "the receipt claims more time than the limit";
	if (t->usage.wall_ms > observed_ms + FOG_JOBS_SLACK_MS)
		return "the receipt claims more time than passed";
	if (t->amount != fog_receipt_amount(offer, limits, t->outcome, t->usage.wall_ms))
		return "the amount is not the price of the claimed time";
	if (t->output[0].size > limits->output_bytes || t->output[1].size > limits->output_bytes)
		return "the receipt claims more output than the limit";
	if (t->checkpoint.size > limits->checkpoint_bytes)
		return "the receipt claims a larger checkpoint than the limit";
	if (t->artifact_bytes > limits->artifact_bytes)
		return "the receipt claims more artifacts than the limit";
	if (t->outcome == FOG_OUTCOME_EXITED && t->exit_code < 0)
		return "the receipt has no exit code";
	return NULL;
}
