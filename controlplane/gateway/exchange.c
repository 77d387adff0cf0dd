/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/exchange.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>

#include "controlplane/core/log.h"

#define PROBLEM_DETAIL_MAX 512
#define PAGE_MAX           1000

void *fog_exchange_ctx(const struct fog_exchange *x)
{
	return x->entry->ctx;
}

const char *fog_exchange_param(const struct fog_exchange *x, const char *name)
{
	for (u32 i = 0; i < x->param_count; i++)
		if (strcmp(x->param_name[i], name) == 0)
			return x->param_value[i];
	FOG_ASSERT(!"the route has no such parameter");
	return "";
}

const char *fog_exchange_query(const struct fog_exchange *x, const char *name)
{
	const char *v = NULL;

	/* MHD returns NULL both for "?name" and for no name. */
	if (MHD_lookup_connection_value_n(x->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name),
					  &v, NULL) != MHD_YES)
		return NULL;
	return v != NULL ? v : "";
}

int fog_exchange_query_u64(struct fog_exchange *x, const char *name, u64 def, u64 max, u64 *out)
{
	const char *v = fog_exchange_query(x, name);
	char *end;

	*out = def;
	if (v == NULL)
		return 0;
	errno = 0;
	unsigned long long n = strtoull(v, &end, 10);
	if (!isdigit((unsigned char)*v) || *end != '\0' || errno != 0 || n > max) {
		fog_exchange_problem(x, 400, "query \"%s\" wants a whole number from 0 to %llu",
				     name, (unsigned long long)max);
		return -EINVAL;
	}
	*out = n;
	return 0;
}

const json_t *fog_exchange_body(const struct fog_exchange *x)
{
	return x->json;
}

const char *fog_exchange_subject(const struct fog_exchange *x)
{
	return x->caller.subject;
}

enum fog_scope fog_exchange_scope(const struct fog_exchange *x)
{
	return x->caller.scope > FOG_SCOPE_NONE ? x->caller.scope : FOG_SCOPE_NONE;
}

bool fog_claims_own(const struct fog_claims *c, const char *owner)
{
	return c->scope == FOG_SCOPE_ADMIN ||
	       (c->subject[0] != '\0' && strcmp(c->subject, owner) == 0);
}

bool fog_exchange_owns(const struct fog_exchange *x, const char *owner)
{
	return fog_claims_own(&x->caller, owner);
}

const char *fog_exchange_owner(const struct fog_exchange *x)
{
	FOG_ASSERT(x->caller.subject[0] != '\0'); /* else the route asks for no token */
	return x->caller.scope == FOG_SCOPE_ADMIN ? NULL : x->caller.subject;
}

const char *fog_exchange_request_id(const struct fog_exchange *x)
{
	return x->request_id;
}

void fog_exchange_header(struct fog_exchange *x, const char *name, const char *value)
{
	FOG_ASSERT(x->header_count < FOG_EXCHANGE_HEADERS_MAX);
	struct fog_exchange_header_entry *h = &x->headers[x->header_count++];
	FOG_ASSERT(strlen(name) < sizeof(h->name));
	snprintf(h->name, sizeof(h->name), "%s", name);
	snprintf(h->value, sizeof(h->value), "%s", value);
}

static int answer_json(struct fog_exchange *x, unsigned status, const char *content_type,
		       json_t *value)
{
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY |
							       JSON_REAL_PRECISION(15))
				   : NULL;

	json_decref(value);
	if (text == NULL) {
		fog_log(FOG_LOG_ERROR, "gateway", "no memory for an answer");
		status = 500;
		content_type = "application/problem+json";
		text = strdup("{\"title\":\"Internal Server Error\",\"status\":500}");
	}
	size_t len = text != NULL ? strlen(text) : 0;
	if (text != NULL)
		text[len++] = '\n'; /* in place of the zero: kind to terminals */
	return fog_exchange_answer(x, status, content_type, text, len);
}

int fog_exchange_json(struct fog_exchange *x, unsigned status, json_t *value)
{
	fog_exchange_link_next(x, value);
	return answer_json(x, status, "application/json", value);
}

int fog_exchange_list(struct fog_exchange *x, json_t *answer, const char *name)
{
	const json_t *all = json_object_get(answer, name);
	size_t size = json_array_size(all);
	u64 limit, after;

	if (fog_exchange_query_u64(x, "limit", size, size + PAGE_MAX, &limit) != 0 ||
	    fog_exchange_query_u64(x, "after", 0, UINT32_MAX, &after) != 0) {
		json_decref(answer);
		return 0;
	}
	json_t *page = json_array();
	for (size_t i = after; i < size && i < after + limit; i++)
		json_array_append(page, json_array_get(all, i));
	json_object_set_new(answer, "next",
			    after + limit < size ? json_integer((json_int_t)(after + limit))
						 : json_null());
	json_object_set_new(answer, name, page);
	return fog_exchange_json(x, 200, answer);
}

int fog_exchange_json_text(struct fog_exchange *x, unsigned status, char *text, size_t len)
{
	return fog_exchange_answer(x, status, "application/json", text, len);
}

int fog_exchange_bytes(struct fog_exchange *x, unsigned status, const char *content_type,
		       const void *data, size_t len)
{
	if (!fog_exchange_room(x, len))
		return 0;
	char *copy = malloc(len + 1);

	if (copy == NULL)
		return fog_exchange_problem(x, 500, "no memory");
	memcpy(copy, data, len);
	return fog_exchange_answer(x, status, content_type, copy, len);
}

/* Detail may quote what a client or peer sent: make it valid UTF-8 first. */
static json_t *text_to_json(const char *text)
{
	json_t *v = json_string(text);

	if (v != NULL)
		return v;
	char ascii[PROBLEM_DETAIL_MAX];
	size_t i = 0;
	for (; text[i] != '\0' && i < sizeof(ascii) - 1; i++)
		ascii[i] = (text[i] & 0x80) ? '?' : text[i];
	ascii[i] = '\0';
	return json_string(ascii);
}

static json_t *problem_json(struct fog_exchange *x, unsigned status, const char *fmt, va_list ap)
{
	char detail[PROBLEM_DETAIL_MAX], trace[FOG_TRACE_ID_SIZE];
	const char *title = MHD_get_reason_phrase_for(status);

	vsnprintf(detail, sizeof(detail), fmt, ap);
	return json_pack("{s:s, s:s, s:i, s:o, s:s, s:s}", "type", "about:blank", "title",
			 title != NULL ? title : "Error", "status", (int)status, "detail",
			 text_to_json(detail), "request_id", x->request_id, "trace_id",
			 fog_trace_id_hex(&x->trace, trace));
}

int fog_exchange_problem(struct fog_exchange *x, unsigned status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	json_t *problem = problem_json(x, status, fmt, ap);
	va_end(ap);
	return answer_json(x, status, "application/problem+json", problem);
}

int fog_exchange_problem_with(struct fog_exchange *x, unsigned status, const char *member,
			      json_t *value, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	json_t *problem = problem_json(x, status, fmt, ap);
	va_end(ap);
	json_object_set_new(problem, member, value);
	return answer_json(x, status, "application/problem+json", problem);
}

unsigned fog_status_of_errno(int rc)
{
	switch (-rc) {
	case 0:
		return 200;
	case EINVAL:
	case EPROTO:
	case ERANGE:
	case EBADMSG:
		return 400;
	case EPERM:
	case EACCES:
		return 403;
	case ENOENT:
		return 404;
	case EEXIST:
	case EALREADY:
		return 409;
	case EMSGSIZE:
	case EFBIG:
	case E2BIG:
		return 413;
	case EAGAIN:
	case EBUSY:
	case ENOTCONN:
	case ECONNREFUSED:
	case ECONNRESET:
		return 503;
	case ETIMEDOUT:
		return 504;
	case ENOSPC:
		return 507;
	default:
		return 500;
	}
}
