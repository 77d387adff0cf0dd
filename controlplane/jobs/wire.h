/* SPDX-License-Identifier: BSD-3-Clause */
/* The JSON messages of the job channel, docs/design/jobs.md. Text in a parsed message is borrowed
 * from its JSON value. */
#ifndef FOG_JOBS_WIRE_H
#define FOG_JOBS_WIRE_H

#include "controlplane/core/trace.h"
#include "controlplane/jobs/papers.h"

#define FOG_JOB_PROTOCOL_VERSION 1
#define FOG_JOB_MESSAGE_MAX      (256u << 10) /* bytes of a JSON frame */
#define FOG_JOB_PROOF_MAX        4096         /* bytes of a proof of execution as JSON */

/* X(NAME, "op"): S from the submitter, W from the worker. */
#define FOG_JOB_MESSAGES(X)                                                                      \
	X(HELLO, "hello")     /* S W  version, node_id (worker only) */                          \
	X(KEPT, "kept")       /*   W  number, sha256, size: newest checkpoint; note; gone */     \
	X(OFFER, "offer")     /* S    text, signature, spec, query, hold, traceparent */         \
	X(GO, "go")           /* S    -: all members of its gang are held, begin */              \
	X(ACCEPT, "accept")   /*   W  state */                                                   \
	X(DECLINE, "decline") /* W  code, reason */                                              \
	X(NEED, "need")       /* S W  name, offset, length: of an input; of what a job left */   \
	X(BLOB, "blob")       /* S W  name, offset, length; one data frame follows */            \
	X(STATUS, "status")   /*   W  state, run, stdout, stderr (sizes) */                      \
	X(FOLLOW, "follow")   /* S    stdout, stderr (bytes the submitter holds) */              \
	X(LOG, "log")         /*   W  stream, offset, length; one data frame follows */          \
	X(RESULT, "result")   /*   W  text, signature: the receipt; proof, where there is one */ \
	X(SETTLE, "settle")   /* S    text, signature: the settlement */                         \
	X(SETTLED, "settled") /* W  - */                                                         \
	X(CANCEL, "cancel")   /* S    abandon: false = stop and account, true = forget it */     \
	X(CLOSED, "closed")   /*   W  reason: nothing more will come of this attempt */          \
	X(ERROR, "error")     /* S W  reason; the stream is closed */

enum fog_job_op {
	FOG_JOB_OP_INVALID = 0,
#define X(name, text) FOG_JOB_OP_##name,
	FOG_JOB_MESSAGES(X)
#undef X
		FOG_JOB_OP_COUNT
};

/* Why an offer was not taken. */
enum fog_decline {
	FOG_DECLINE_INVALID = 0,
	FOG_DECLINE_CAPACITY, /* full now: may be asked again */
	FOG_DECLINE_PRICE,    /* below what the host asks */
	FOG_DECLINE_ROLE,     /* runs no jobs */
	FOG_DECLINE_OFFER,    /* malformed, badly signed, too old, for somebody else */
	FOG_DECLINE_SPEC,     /* the host cannot run such a job */
	FOG_DECLINE_UNKNOWN,  /* answer to a query: no such attempt here */
	FOG_DECLINE_COUNT
};
const char *fog_decline_name(enum fog_decline code);

/* What the worker says an attempt is doing. */
enum fog_work_state {
	FOG_WORK_INVALID = 0,
	FOG_WORK_FETCHING, /* accepted, inputs on their way */
	FOG_WORK_STARTING, /* given to the executor */
	FOG_WORK_RUNNING,
	FOG_WORK_FINISHED, /* receipt signed, not paid */
	FOG_WORK_SETTLED,  /* paid */
	FOG_WORK_CLOSED,   /* abandoned, failed or never paid */
	FOG_WORK_COUNT
};
const char *fog_work_state_name(enum fog_work_state state);

struct fog_job_message {
	enum fog_job_op op;
	json_t *root;               /* owns the texts */
	u8 node[FOG_JOB_NODE_SIZE]; /* hello */
	bool has_node;
	const char *text; /* offer, result, settle */
	u8 signature[FOG_JOB_SIGNATURE_SIZE];
	const char *spec;
	const char *proof;      /* result: of the execution, as JSON; NULL: none */
	bool flag;              /* offer: query; cancel: abandon */
	bool hold;              /* offer: keep a place, begin when told to go */
	struct fog_trace trace; /* offer: what it belongs to; zero: nothing we can read */
	enum fog_work_state state;
	u32 run; /* accept, status: 1, 2 after a rerun: logs start again */
	enum fog_decline code;
	const char *reason;
	const char *name;
	u32 stream; /* 0 stdout, 1 stderr */
	u64 offset;
	u32 length;
	u64 size[2]; /* status, follow */
	/* kept */
	u32 number; /* 0: none yet */
	u8 sha256[32];
	u64 bytes;
	const char *note; /* why one was not taken; "" */
	const char *gone; /* a file that was asked for and is not there; "" */
};

/* 0 or -EPROTO with error; on success free with fog_job_message_free(). */
int fog_job_message_parse(const u8 *payload, size_t len, struct fog_job_message *out,
			  char error[FOG_JSON_ERROR_SIZE]);
void fog_job_message_free(struct fog_job_message *m);

/* Builders: text to free(), NULL without memory. */
char *fog_job_hello(const u8 *node /* or NULL */);
char *fog_job_offer(const char *text, const u8 signature[FOG_JOB_SIGNATURE_SIZE], const char *spec,
		    bool query, bool hold, const struct fog_trace *trace);
char *fog_job_go(void);
char *fog_job_accept(enum fog_work_state state, u32 run);
char *fog_job_decline(enum fog_decline code, const char *reason);
char *fog_job_need(const char *name, u64 offset, u32 length);
char *fog_job_blob(const char *name, u64 offset, u32 length);
char *fog_job_kept(const struct fog_executor_kept *kept, const char *gone /* or "" */);
char *fog_job_status(enum fog_work_state state, u32 run, const u64 size[2]);
char *fog_job_follow(const u64 size[2]);
char *fog_job_log(u32 stream, u64 offset, u32 length);
char *fog_job_result(const char *text, const u8 signature[FOG_JOB_SIGNATURE_SIZE],
		     const char *proof /* or NULL */);
char *fog_job_settle(const char *text, const u8 signature[FOG_JOB_SIGNATURE_SIZE]);
char *fog_job_settled(void);
char *fog_job_cancel(bool abandon);
char *fog_job_closed(const char *reason);
char *fog_job_error(const char *reason);

#endif
