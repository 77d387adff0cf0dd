/* SPDX-License-Identifier: BSD-3-Clause */
/* What every answer gets: tags, compression, and the headers that are not the handler's. */
#include <ctype.h>
#include <errno.h>
#include <strings.h>
#include <zlib.h>

#include "controlplane/core/log.h"
#include "controlplane/gateway/gateway_private.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define GZIP_BYTES_MIN 1000
#define GZIP_LEVEL     4
#define LINK_SIZE      1024 /* bytes of a Link header; a longer one is left out */
#define TAG_SIZE       24

const char *fog_exchange_header_in(const struct fog_exchange *x, const char *name)
{
	const char *v = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);

	return v != NULL ? v : "";
}

struct lines {
	const char *name;
	const char **line;
	u32 count;
};

static enum MHD_Result line_take(void *ctx, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	struct lines *l = ctx;

	if (strcasecmp(name, l->name) != 0 || value == NULL)
		return MHD_YES;
	if (l->count >= FOG_EXCHANGE_LINES_MAX)
		memmove(l->line, l->line + 1, (FOG_EXCHANGE_LINES_MAX - 1) * sizeof(*l->line));
	l->line[FOG_MIN(l->count, (u32)FOG_EXCHANGE_LINES_MAX - 1)] = value;
	l->count++;
	return MHD_YES;
}

u32 fog_exchange_lines_in(const struct fog_exchange *x, const char *name,
			  const char *line[FOG_EXCHANGE_LINES_MAX])
{
	struct lines l = {.name = name, .line = line};

	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, line_take, &l);
	return l.count;
}

/* ---- tags ----------------------------------------------------------------------------------- */

/* Answers in the published envelope hold the time, so that no two are the same. */
static bool tagged(const struct fog_exchange *x, unsigned status)
{
	for (u32 i = 0; i < x->header_count; i++)
		if (strcmp(x->headers[i].name, MHD_HTTP_HEADER_ETAG) == 0)
			return false; /* it has one */
	return status == 200 && x->entry != NULL && !x->entry->contract &&
	       strcmp(x->entry->route->method, MHD_HTTP_METHOD_GET) == 0;
}

static void tag_make(const void *data, size_t len, char tag[TAG_SIZE])
{
	u8 hash[16];
	char hex[17];

	fog_hash_blake2b(hash, sizeof(hash), NULL, 0, data, len);
	fog_hex_encode(hash, 8, hex, sizeof(hex));
	/* Weak: with and without compression it is the same. */
	snprintf(tag, TAG_SIZE, "W/\"%s\"", hex);
}

/* If-None-Match compares weakly (RFC 9110 13.1.2). */
static bool tag_known(const struct fog_exchange *x, const char *tag)
{
	const char *known = fog_exchange_header_in(x, MHD_HTTP_HEADER_IF_NONE_MATCH);

	return strcmp(known, "*") == 0 || strstr(known, tag + 2) != NULL;
}

/* ---- compression ---------------------------------------------------------------------------- */

static bool textual(const char *type)
{
	return strstr(type, "json") != NULL || strncmp(type, "text/", 5) == 0;
}

static bool accepts_gzip(const struct fog_exchange *x)
{
	const char *p = strstr(fog_exchange_header_in(x, MHD_HTTP_HEADER_ACCEPT_ENCODING), "gzip");

	if (p == NULL)
		return false;
	p += 4 + strspn(p + 4, " ");
	if (*p != ';')
		return true;
	p = strstr(p, "q=");
	return p == NULL || strtod(p + 2, NULL) > 0;
}

/* Replaces *data by what is smaller. False: it stays. */
static bool gzip(char **data, size_t *len)
{
	z_stream z = {0};

	if (*len > UINT32_MAX ||
	    deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	char *out = malloc(*len);
	z.next_in = (Bytef *)*data;
	z.avail_in = (uInt)*len;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)*len;
	bool good = out != NULL && deflate(&z, Z_FINISH) == Z_STREAM_END;
	if (good) {
		free(*data);
		*data = out;
		*len = z.total_out;
	} else {
		free(out);
	}
	deflateEnd(&z);
	return good;
}

/* ---- the next page -------------------------------------------------------------------------- */

struct link {
	char text[LINK_SIZE];
	size_t used;
	char separator;
};

static void link_put(struct link *l, const char *text, const char *safe)
{
	for (; *text != '\0' && l->used + 4 < sizeof(l->text); text++) {
		bool plain = isalnum((unsigned char)*text) || strchr(safe, *text) != NULL;
		l->used += (size_t)snprintf(l->text + l->used, 4, plain ? "%c" : "%%%02X",
					    (unsigned char)*text);
	}
}

static enum MHD_Result link_argument(void *ctx, enum MHD_ValueKind kind, const char *name,
				     const char *value)
{
	struct link *l = ctx;

	if (strcmp(name, "after") == 0 || strcmp(name, "access_token") == 0 || value == NULL)
		return MHD_YES;
	link_put(l, l->separator == '?' ? "?" : "&", "?&");
	l->separator = '&';
	link_put(l, name, "-._~");
	link_put(l, "=", "=");
	link_put(l, value, "-._~");
	return MHD_YES;
}

void fog_exchange_link_next(struct fog_exchange *x, const json_t *value)
{
	const json_t *next = json_object_get(value, "next");
	struct link l = {.text = "<", .used = 1, .separator = '?'};
	char number[32];

	if (next == NULL || x->entry == NULL || x->entry->query == NULL ||
	    fog_schema_member(x->entry->query, "after") == NULL)
		return;
	if (json_is_integer(next))
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(next));
	else if (!json_is_string(next))
		return;
	link_put(&l, x->path, "-._~/");
	MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, link_argument, &l);
	link_put(&l, l.separator == '?' ? "?after=" : "&after=", "?&=");
	link_put(&l, json_is_integer(next) ? number : json_string_value(next), "-._~");
	link_put(&l, ">; rel=next", ">; =");
	if (l.used + 4 < sizeof(l.text))
		x->link = strdup(l.text);
}

/* ---- headers -------------------------------------------------------------------------------- */

static void limits_add(const struct fog_exchange *x, struct MHD_Response *r)
{
	const struct fog_limit_left *left = &x->limit;
	char text[24];

	if (left->limit == 0)
		return;
	snprintf(text, sizeof(text), "%u", left->limit);
	MHD_add_response_header(r, "X-RateLimit-Limit", text);
	snprintf(text, sizeof(text), "%u", left->remaining);
	MHD_add_response_header(r, "X-RateLimit-Remaining", text);
	snprintf(text, sizeof(text), "%llu",
		 (unsigned long long)(fog_loop_now_ms(x->gateway->loop) / 1000 + left->reset_s));
	MHD_add_response_header(r, "X-RateLimit-Reset", text);
}

int fog_exchange_respond(struct fog_exchange *x, unsigned status, struct MHD_Response *r)
{
	FOG_ASSERT(x->response == NULL);
	/* Without memory even for an empty response: the connection is closed unanswered. */
	if (r != NULL) {
		char trace[FOG_TRACEPARENT_SIZE];
		MHD_add_response_header(r, "X-Request-Id", x->request_id);
		MHD_add_response_header(r, "traceresponse", fog_trace_format(&x->trace, trace));
		for (u32 i = 0; i < x->header_count; i++)
			MHD_add_response_header(r, x->headers[i].name, x->headers[i].value);
		if (x->link != NULL)
			MHD_add_response_header(r, MHD_HTTP_HEADER_LINK, x->link);
		limits_add(x, r);
		fog_cors_add(x, r);
	}
	x->response = r;
	x->status = status;
	fog_gateway_answered(x->gateway, x);
	return 0;
}

bool fog_exchange_room(struct fog_exchange *x, u64 len)
{
	if (len < FOG_GATEWAY_ANSWER_LARGE ||
	    x->gateway->answers_bytes + len <= FOG_GATEWAY_ANSWERS_MAX)
		return true;
	fog_exchange_header(x, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	fog_exchange_problem(x, 503, "too many large answers wait to be taken");
	return false;
}

int fog_exchange_answer(struct fog_exchange *x, unsigned status, const char *type, char *data,
			size_t len)
{
	char tag[TAG_SIZE] = "";
	bool compressed = false;

	fog_idempotent_end(x, status, type, data, len);
	if (tagged(x, status)) {
		tag_make(data, len, tag);
		if (tag_known(x, tag)) {
			status = MHD_HTTP_NOT_MODIFIED;
			len = 0;
		}
	}
	if (len >= GZIP_BYTES_MIN && textual(type) && accepts_gzip(x))
		compressed = gzip(&data, &len);
	struct MHD_Response *r = MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_FREE);
	if (r == NULL) {
		free(data);
		len = 0;
		r = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
		status = 500;
	}
	if (r != NULL) {
		x->answer_bytes = len;
		x->gateway->answers_bytes += len;
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
		MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL,
					tag[0] != '\0' ? "private, no-cache" : "no-store");
		if (tag[0] != '\0')
			MHD_add_response_header(r, MHD_HTTP_HEADER_ETAG, tag);
		if (compressed)
			MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
		if (len >= GZIP_BYTES_MIN || compressed)
			MHD_add_response_header(r, MHD_HTTP_HEADER_VARY,
						MHD_HTTP_HEADER_ACCEPT_ENCODING);
	}
	return fog_exchange_respond(x, status, r);
}
