/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/core/trace.h"

#include <ctype.h>
#include <errno.h>

#include "crypto/mem.h"
#include "crypto/random/random.h"

#define PARENT_LEN  55
#define MEMBERS_MAX 32
#define KEY_MAX     256 /* of a member; of one with a tenant 241, @ and 14 */
#define TENANT_MAX  241
#define SYSTEM_MAX  14
#define VALUE_MAX   256

static const struct fog_trace *current;
static fog_span_sink sink;
static void *sink_ctx;
static u64 sample_below; /* of half of the id; UINT64_MAX: all */

/* ---- headers -------------------------------------------------------------------------------- */

/* Lower case only; false at anything else. */
static bool hex_take(const char **p, u8 *out, size_t size)
{
	for (size_t i = 0; i < 2 * size; i++, (*p)++) {
		char c = **p;
		u8 digit;
		if (c >= '0' && c <= '9')
			digit = (u8)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (u8)(c - 'a' + 10);
		else
			return false;
		out[i / 2] = (u8)(out[i / 2] << 4 | digit);
	}
	return true;
}

static bool zero(const u8 *id, size_t size)
{
	u8 any = 0;

	for (size_t i = 0; i < size; i++)
		any |= id[i];
	return any == 0;
}

int fog_trace_parse(const char *text, struct fog_trace *out)
{
	struct fog_trace t = {0};
	u8 version = 0;

	if (!hex_take(&text, &version, 1) || *text++ != '-' ||
	    !hex_take(&text, t.trace_id, sizeof(t.trace_id)) || *text++ != '-' ||
	    !hex_take(&text, t.span_id, sizeof(t.span_id)) || *text++ != '-' ||
	    !hex_take(&text, &t.flags, 1))
		return -EINVAL;
	if (version == 0xff || (version == 0 ? *text != '\0' : *text != '\0' && *text != '-') ||
	    zero(t.trace_id, sizeof(t.trace_id)) || zero(t.span_id, sizeof(t.span_id)))
		return -EINVAL;
	t.flags &= FOG_TRACE_SAMPLED;
	*out = t;
	return 0;
}

char *fog_trace_id_hex(const struct fog_trace *t, char out[FOG_TRACE_ID_SIZE])
{
	fog_hex_encode(t->trace_id, sizeof(t->trace_id), out, FOG_TRACE_ID_SIZE);
	return out;
}

char *fog_trace_format(const struct fog_trace *t, char out[FOG_TRACEPARENT_SIZE])
{
	char trace[FOG_TRACE_ID_SIZE], span[FOG_SPAN_ID_SIZE];

	fog_hex_encode(t->span_id, sizeof(t->span_id), span, sizeof(span));
	snprintf(out, FOG_TRACEPARENT_SIZE, "00-%s-%s-%02x", fog_trace_id_hex(t, trace), span,
		 t->flags);
	return out;
}

static size_t word_length(const char *p)
{
	size_t n = 0;

	while (islower((unsigned char)p[n]) || isdigit((unsigned char)p[n]) ||
	       (p[n] != '\0' && strchr("_-*/", p[n]) != NULL))
		n++;
	return n;
}

/* A key begins with a letter, a tenant may with a digit. 0: it is none. */
static size_t key_length(const char *p)
{
	size_t n = word_length(p);

	if (n == 0 || strchr("_-*/", p[0]) != NULL)
		return 0;
	if (p[n] != '@')
		return islower((unsigned char)p[0]) && n <= KEY_MAX ? n : 0;
	size_t system = word_length(p + n + 1);
	return n <= TENANT_MAX && system != 0 && system <= SYSTEM_MAX &&
			       islower((unsigned char)p[n + 1])
		       ? n + 1 + system
		       : 0;
}

/* Printable but for , and =, without a space at its end. 0: it is none. */
static size_t value_length(const char *p)
{
	size_t n = 0;

	while (p[n] >= ' ' && p[n] <= '~' && p[n] != ',' && p[n] != '=')
		n++;
	while (n > 0 && p[n - 1] == ' ')
		n--;
	return n <= VALUE_MAX ? n : 0;
}

bool fog_tracestate_good(const char *text)
{
	struct {
		const char *key;
		size_t len;
	} seen[MEMBERS_MAX];
	u32 count = 0;

	if (strlen(text) > FOG_TRACESTATE_MAX)
		return false;
	for (const char *p = text;;) {
		p += strspn(p, " \t");
		if (*p != ',' && *p != '\0') {
			size_t len = key_length(p), value;
			if (len == 0 || p[len] != '=' || count == MEMBERS_MAX)
				return false;
			for (u32 i = 0; i < count; i++)
				if (seen[i].len == len && memcmp(seen[i].key, p, len) == 0)
					return false;
			seen[count].key = p;
			seen[count++].len = len;
			p += len + 1;
			value = value_length(p);
			if (value == 0)
				return false;
			p += value;
			p += strspn(p, " \t");
		}
		if (*p == '\0')
			return count != 0;
		if (*p++ != ',')
			return false;
	}
}

/* ---- making them ---------------------------------------------------------------------------- */

void fog_trace_ratio_set(double ratio)
{
	sample_below = ratio >= 1 ? UINT64_MAX : ratio > 0 ? (u64)(ratio * 0x1p64) : 0;
}

void fog_trace_begin(struct fog_trace *out)
{
	u8 bytes[24];

	do
		fog_random_bytes(bytes, sizeof(bytes));
	while (zero(bytes, 16) || zero(bytes + 16, 8));
	memcpy(out->trace_id, bytes, 16);
	memcpy(out->span_id, bytes + 16, 8);
	bool sampled = sample_below == UINT64_MAX || fog_load_u64(bytes + 8) < sample_below;
	out->flags = sampled ? FOG_TRACE_SAMPLED : 0;
}

void fog_span_id_make(u8 span_id[8])
{
	do
		fog_random_bytes(span_id, 8);
	while (zero(span_id, 8));
}

/* ---- the log, spans ------------------------------------------------------------------------- */

const struct fog_trace *fog_trace_enter(const struct fog_trace *t)
{
	const struct fog_trace *before = current;

	current = t != NULL && fog_trace_is(t) ? t : NULL;
	return before;
}

const struct fog_trace *fog_trace_current(void)
{
	return current;
}

void fog_span_sink_set(fog_span_sink fn, void *ctx)
{
	sink = fn;
	sink_ctx = ctx;
}

bool fog_span_wanted(const struct fog_trace *t)
{
	return sink != NULL && (t->flags & FOG_TRACE_SAMPLED) != 0 && fog_trace_is(t);
}

void fog_span_end(const struct fog_span *span)
{
	if (fog_span_wanted(span->trace))
		sink(sink_ctx, span);
}
