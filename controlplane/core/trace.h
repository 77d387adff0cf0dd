/* SPDX-License-Identifier: BSD-3-Clause */
/* Traces: what one request set in motion, under one id. The W3C's Trace Context, level 1, says how
 * the id travels in headers:
 *
 *	traceparent: 00-<trace id, 32 hex digits>-<span id, 16>-<flags, 2>
 *	tracestate:  key=value, ..      of the caller's own tools, handed on as it is
 *
 * A span is one step of it, with a begin and an end, and a parent. What is logged while a trace is
 * entered says trace_id and span_id. Ended spans go to one sink (tracing/), when there is one and
 * the trace is sampled. The loop's thread only, but for the pure functions. */
#ifndef FOG_CORE_TRACE_H
#define FOG_CORE_TRACE_H

#include "crypto/types.h"

#define FOG_TRACEPARENT_SIZE    56  /* with its zero */
#define FOG_TRACESTATE_MAX      512 /* bytes; a longer one is dropped */
#define FOG_TRACE_ID_SIZE       33  /* as hex digits, with its zero */
#define FOG_SPAN_ID_SIZE        17
#define FOG_SPAN_ATTRIBUTES_MAX 6
#define FOG_TRACE_SAMPLED       1u /* of the flags: somebody keeps the spans */

struct fog_trace {
	u8 trace_id[16]; /* all zero: no trace */
	u8 span_id[8];
	u8 flags;
};

static inline bool fog_trace_is(const struct fog_trace *t)
{
	static const u8 none[16];

	return memcmp(t->trace_id, none, sizeof(none)) != 0;
}

/* A header's value. Later versions are read as far as they are like this one, of the flags only
 * SAMPLED is taken. 0; -EINVAL (out untouched): malformed, version ff, an id of zeros. */
int fog_trace_parse(const char *text, struct fog_trace *out);
char *fog_trace_format(const struct fog_trace *t, char out[FOG_TRACEPARENT_SIZE]); /* out */
char *fog_trace_id_hex(const struct fog_trace *t, char out[FOG_TRACE_ID_SIZE]);    /* out */
/* Up to 32 members of the grammar, none twice, at most FOG_TRACESTATE_MAX bytes. */
bool fog_tracestate_good(const char *text);

/* Part of the traces begun here that is sampled, 0 to 1; at first 0. */
void fog_trace_ratio_set(double ratio);
/* A new trace, and its first span. Random: ids tell nothing of each other. */
void fog_trace_begin(struct fog_trace *out);
/* Another span of the same trace. Random, too. */
void fog_span_id_make(u8 span_id[8]);

/* From now on records of the log belong to `t`, NULL: to none. Returns what was entered before, for
 * the call that leaves again. Must stay valid meanwhile. */
const struct fog_trace *fog_trace_enter(const struct fog_trace *t);
const struct fog_trace *fog_trace_current(void); /* NULL: none */

/* As OTLP numbers them. */
enum fog_span_kind {
	FOG_SPAN_INTERNAL = 1,
	FOG_SPAN_SERVER = 2, /* of a request that came in */
	FOG_SPAN_CLIENT = 3, /* of one that went out */
};

struct fog_span_attribute {
	const char *key;
	const char *text; /* NULL: the number */
	i64 number;
};

struct fog_span {
	const struct fog_trace *trace; /* its own span id */
	const u8 *parent;              /* span id; NULL or zeros: none */
	const char *name;
	enum fog_span_kind kind;
	u64 start_ns, end_ns; /* Unix */
	const char *error;    /* why it failed; NULL: it did not */
	u32 attribute_count;
	struct fog_span_attribute attribute[FOG_SPAN_ATTRIBUTES_MAX];
};

typedef void (*fog_span_sink)(void *ctx, const struct fog_span *span);
void fog_span_sink_set(fog_span_sink sink, void *ctx); /* NULL: none */
/* Does anybody want the spans of this trace? */
bool fog_span_wanted(const struct fog_trace *t);
/* It has ended; borrowed for the call. */
void fog_span_end(const struct fog_span *span);

#endif
