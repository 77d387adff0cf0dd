/* SPDX-License-Identifier: BSD-3-Clause */
/* Job channel messages, see wire.h. */
#include "controlplane/jobs/wire.h"

#include <errno.h>

static const char *const op_name[FOG_JOB_OP_COUNT] = {[FOG_JOB_OP_INVALID] = "invalid",
#define X(name, text) [FOG_JOB_OP_##name] = text,
						      FOG_JOB_MESSAGES(X)
#undef X
};

static const char *const decline_name[FOG_DECLINE_COUNT] = {
	[FOG_DECLINE_INVALID] = "invalid", [FOG_DECLINE_CAPACITY] = "capacity",
	[FOG_DECLINE_PRICE] = "price",     [FOG_DECLINE_ROLE] = "role",
	[FOG_DECLINE_OFFER] = "offer",     [FOG_DECLINE_SPEC] = "spec",
	[FOG_DECLINE_UNKNOWN] = "unknown",
};

static const char *const state_name[FOG_WORK_COUNT] = {
	[FOG_WORK_INVALID] = "invalid",   [FOG_WORK_FETCHING] = "fetching",
	[FOG_WORK_STARTING] = "starting", [FOG_WORK_RUNNING] = "running",
	[FOG_WORK_FINISHED] = "finished", [FOG_WORK_SETTLED] = "settled",
	[FOG_WORK_CLOSED] = "closed",
};

const char *fog_decline_name(enum fog_decline code)
{
	return code < FOG_DECLINE_COUNT ? decline_name[code] : "invalid";
}

const char *fog_work_state_name(enum fog_work_state state)
{
	return state < FOG_WORK_COUNT ? state_name[state] : "invalid";
}

/* Index of the field's text among names[1..count), 0 and an error when it is none. */
static u32 word(struct fog_json_reader *r, const char *field, const char *const *names, u32 count)
{
	const char *text = fog_json_text_of(r, field, 32);

	for (u32 i = 1; i < count; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	fog_json_wrong(r, field, "unknown word");
	return 0;
}

static void reason_read(struct fog_json_reader *r, struct fog_job_message *m)
{
	m->reason = fog_json_text_of(r, "reason", FOG_JOB_REASON_SIZE);
}

static void paper_read(struct fog_json_reader *r, struct fog_job_message *m)
{
	m->text = fog_json_text_of(r, "text", FOG_JOBS_VERIFY_TEXT_MAX + 1);
	fog_json_hex(r, "signature", m->signature, sizeof(m->signature));
}

static void chunk_read(struct fog_json_reader *r, struct fog_job_message *m, u64 offset_max,
		       u32 length_max)
{
	m->offset = fog_json_u64(r, "offset", 0, offset_max);
	m->length = (u32)fog_json_u64(r, "length", 1, length_max);
}

static void sizes_read(struct fog_json_reader *r, struct fog_job_message *m)
{
	m->size[0] = fog_json_u64(r, "stdout", 0, FOG_JOB_OUTPUT_MAX);
	m->size[1] = fog_json_u64(r, "stderr", 0, FOG_JOB_OUTPUT_MAX);
}

static void hello_read(struct fog_json_reader *r, struct fog_job_message *m)
{
	fog_json_u64(r, "version", FOG_JOB_PROTOCOL_VERSION, FOG_JOB_PROTOCOL_VERSION);
	m->has_node = fog_json_has(r, "node_id");
	if (m->has_node)
		fog_json_hex(r, "node_id", m->node, sizeof(m->node));
}

/* A trace is no reason to refuse an offer. */
static void trace_read(struct fog_job_message *m)
{
	const char *text = json_string_value(json_object_get(m->root, "traceparent"));

	if (text != NULL)
		(void)fog_trace_parse(text, &m->trace);
}

static void kept_read(struct fog_json_reader *r, struct fog_job_message *m)
{
	m->number = (u32)fog_json_u64(r, "number", 0, UINT32_MAX);
	fog_json_hex(r, "sha256", m->sha256, sizeof(m->sha256));
	m->bytes = fog_json_u64(r, "size", 0, FOG_JOB_FILE_MAX);
	m->note = fog_json_text_of(r, "note", FOG_JOB_REASON_SIZE);
	m->gone = fog_json_text_of(r, "gone", FOG_JOB_FILE_NAME_SIZE);
}

static void fields_read(struct fog_json_reader *r, struct fog_job_message *m)
{
	static const char *const streams[] = {"", "stdout", "stderr"};

	switch (m->op) {
	case FOG_JOB_OP_HELLO:
		hello_read(r, m);
		break;
	case FOG_JOB_OP_OFFER:
		paper_read(r, m);
		m->spec = fog_json_text_of(r, "spec", FOG_JOB_SPEC_MAX + 1);
		m->flag = fog_json_bool(r, "query");
		m->hold = fog_json_has(r, "hold") && fog_json_bool(r, "hold");
		trace_read(m);
		break;
	case FOG_JOB_OP_ACCEPT:
		m->state = word(r, "state", state_name, FOG_WORK_COUNT);
		m->run = (u32)fog_json_u64(r, "run", 1, FOG_WORK_RUNS_MAX);
		break;
	case FOG_JOB_OP_DECLINE:
		m->code = word(r, "code", decline_name, FOG_DECLINE_COUNT);
		reason_read(r, m);
		break;
	case FOG_JOB_OP_KEPT:
		kept_read(r, m);
		break;
	case FOG_JOB_OP_NEED:
		m->name = fog_json_text_of(r, "name", FOG_JOB_INPUT_NAME_SIZE);
		chunk_read(r, m, FOG_JOB_FILE_MAX, FOG_JOBS_NEED_MAX);
		break;
	case FOG_JOB_OP_BLOB:
		m->name = fog_json_text_of(r, "name", FOG_JOB_INPUT_NAME_SIZE);
		chunk_read(r, m, FOG_JOB_FILE_MAX, FOG_JOBS_CHUNK_MAX);
		break;
	case FOG_JOB_OP_STATUS:
		m->state = word(r, "state", state_name, FOG_WORK_COUNT);
		m->run = (u32)fog_json_u64(r, "run", 1, FOG_WORK_RUNS_MAX);
		sizes_read(r, m);
		break;
	case FOG_JOB_OP_FOLLOW:
		sizes_read(r, m);
		break;
	case FOG_JOB_OP_LOG:
		m->stream = word(r, "stream", streams, FOG_ARRAY_COUNT(streams)) - 1;
		chunk_read(r, m, FOG_JOB_OUTPUT_MAX, FOG_JOBS_CHUNK_MAX);
		break;
	case FOG_JOB_OP_RESULT:
		paper_read(r, m);
		if (fog_json_has(r, "proof"))
			m->proof = fog_json_text_of(r, "proof", FOG_JOB_PROOF_MAX + 1);
		break;
	case FOG_JOB_OP_SETTLE:
		paper_read(r, m);
		break;
	case FOG_JOB_OP_CANCEL:
		m->flag = fog_json_bool(r, "abandon");
		break;
	case FOG_JOB_OP_CLOSED:
	case FOG_JOB_OP_ERROR:
		reason_read(r, m);
		break;
	default:
		break;
	}
}

int fog_job_message_parse(const u8 *payload, size_t len, struct fog_job_message *out,
			  char error[FOG_JSON_ERROR_SIZE])
{
	struct fog_json_reader r;

	memset(out, 0, sizeof(*out));
	if (len > FOG_JOB_MESSAGE_MAX) {
		snprintf(error, FOG_JSON_ERROR_SIZE, "message too large");
		return -EPROTO;
	}
	out->root = fog_json_parse((const char *)payload, len, error);
	if (out->root == NULL)
		return -EPROTO;
	fog_json_begin(&r, out->root, "");
	out->op = word(&r, "op", op_name, FOG_JOB_OP_COUNT);
	if (fog_json_ok(&r))
		fields_read(&r, out);
	/* Unknown fields are allowed here: a later minor version may add some. */
	if (fog_json_ok(&r))
		return 0;
	snprintf(error, FOG_JSON_ERROR_SIZE, "%s: %.200s", op_name[out->op], r.error);
	fog_job_message_free(out);
	return -EPROTO;
}

void fog_job_message_free(struct fog_job_message *m)
{
	json_decref(m->root);
	memset(m, 0, sizeof(*m));
}

/* Takes over root. */
static char *text_of(enum fog_job_op op, json_t *root)
{
	if (root == NULL)
		return NULL;
	json_object_set_new(root, "op", json_string(op_name[op]));
	char *text = fog_json_text(root);
	json_decref(root);
	return text;
}

char *fog_job_hello(const u8 *node)
{
	json_t *root = json_pack("{s:i}", "version", FOG_JOB_PROTOCOL_VERSION);

	if (root != NULL && node != NULL)
		json_object_set_new(root, "node_id", fog_json_hex_new(node, FOG_JOB_NODE_SIZE));
	return text_of(FOG_JOB_OP_HELLO, root);
}

char *fog_job_go(void)
{
	return text_of(FOG_JOB_OP_GO, json_object());
}

static json_t *paper_make(const char *text, const u8 signature[FOG_JOB_SIGNATURE_SIZE])
{
	return json_pack("{s:s,s:o}", "text", text, "signature",
			 fog_json_hex_new(signature, FOG_JOB_SIGNATURE_SIZE));
}

char *fog_job_offer(const char *text, const u8 signature[FOG_JOB_SIGNATURE_SIZE], const char *spec,
		    bool query, bool hold, const struct fog_trace *trace)
{
	json_t *root = paper_make(text, signature);
	char parent[FOG_TRACEPARENT_SIZE];

	json_object_set_new(root, "spec", json_string(spec));
	json_object_set_new(root, "query", json_boolean(query));
	if (hold)
		json_object_set_new(root, "hold", json_true());
	if (fog_trace_is(trace))
		json_object_set_new(root, "traceparent",
				    json_string(fog_trace_format(trace, parent)));
	return text_of(FOG_JOB_OP_OFFER, root);
}

char *fog_job_accept(enum fog_work_state state, u32 run)
{
	return text_of(FOG_JOB_OP_ACCEPT,
		       json_pack("{s:s,s:I}", "state", fog_work_state_name(state), "run",
				 (json_int_t)run));
}

char *fog_job_decline(enum fog_decline code, const char *reason)
{
	return text_of(FOG_JOB_OP_DECLINE,
		       json_pack("{s:s,s:s}", "code", fog_decline_name(code), "reason", reason));
}

static json_t *input_chunk(const char *name, u64 offset, u32 length)
{
	return json_pack("{s:s,s:I,s:I}", "name", name, "offset", (json_int_t)offset, "length",
			 (json_int_t)length);
}

char *fog_job_need(const char *name, u64 offset, u32 length)
{
	return text_of(FOG_JOB_OP_NEED, input_chunk(name, offset, length));
}

char *fog_job_blob(const char *name, u64 offset, u32 length)
{
	return text_of(FOG_JOB_OP_BLOB, input_chunk(name, offset, length));
}

static json_t *sizes_make(const u64 size[2])
{
	return json_pack("{s:I,s:I}", "stdout", (json_int_t)size[0], "stderr", (json_int_t)size[1]);
}

char *fog_job_kept(const struct fog_executor_kept *k, const char *gone)
{
	return text_of(FOG_JOB_OP_KEPT,
		       json_pack("{s:I,s:o,s:I,s:s,s:s}", "number", (json_int_t)k->number, "sha256",
				 fog_json_hex_new(k->checkpoint.sha256, 32), "size",
				 (json_int_t)k->checkpoint.size, "note", k->note, "gone", gone));
}

char *fog_job_status(enum fog_work_state state, u32 run, const u64 size[2])
{
	json_t *root = sizes_make(size);

	json_object_set_new(root, "run", json_integer((json_int_t)run));
	json_object_set_new(root, "state", json_string(fog_work_state_name(state)));
	return text_of(FOG_JOB_OP_STATUS, root);
}

char *fog_job_follow(const u64 size[2])
{
	return text_of(FOG_JOB_OP_FOLLOW, sizes_make(size));
}

char *fog_job_log(u32 stream, u64 offset, u32 length)
{
	return text_of(FOG_JOB_OP_LOG,
		       json_pack("{s:s,s:I,s:I}", "stream", stream == 0 ? "stdout" : "stderr",
				 "offset", (json_int_t)offset, "length", (json_int_t)length));
}

char *fog_job_result(const char *text, const u8 signature[FOG_JOB_SIGNATURE_SIZE],
		     const char *proof)
{
	json_t *root = paper_make(text, signature);

	if (proof != NULL)
		json_object_set_new(root, "proof", json_string(proof));
	return text_of(FOG_JOB_OP_RESULT, root);
}

char *fog_job_settle(const char *text, const u8 signature[FOG_JOB_SIGNATURE_SIZE])
{
	return text_of(FOG_JOB_OP_SETTLE, paper_make(text, signature));
}

char *fog_job_settled(void)
{
	return text_of(FOG_JOB_OP_SETTLED, json_object());
}

char *fog_job_cancel(bool abandon)
{
	return text_of(FOG_JOB_OP_CANCEL, json_pack("{s:b}", "abandon", abandon));
}

char *fog_job_closed(const char *reason)
{
	return text_of(FOG_JOB_OP_CLOSED, json_pack("{s:s}", "reason", reason));
}

char *fog_job_error(const char *reason)
{
	return text_of(FOG_JOB_OP_ERROR, json_pack("{s:s}", "reason", reason));
}
