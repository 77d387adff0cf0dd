/* SPDX-License-Identifier: BSD-3-Clause */
/* One request on its way; private to gateway/. */
#ifndef FOG_GATEWAY_EXCHANGE_H
#define FOG_GATEWAY_EXCHANGE_H

#include <microhttpd.h>

#include "controlplane/gateway/jwt.h"
#include "controlplane/gateway/limit.h"
#include "controlplane/gateway/routes.h"

#define FOG_EXCHANGE_HEADERS_MAX 4
#define FOG_EXCHANGE_PATH_MAX    1024 /* bytes of a decoded path; longer: 404 */
#define FOG_EXCHANGE_ID_SIZE     65   /* of a request's id with its zero */

struct fog_gateway_listener;

struct fog_exchange_header_entry {
	char name[48];
	char value[160];
};

struct fog_exchange {
	struct fog_gateway *gateway;
	struct fog_gateway_listener *listener;
	struct fog_exchange *prev, *next; /* all open exchanges of the gateway */
	struct MHD_Connection *connection;
	const struct fog_entry *entry; /* NULL until matched */
	const char *path;              /* decoded; MHD's */
	char request_id[FOG_EXCHANGE_ID_SIZE];
	bool is_head;
	u64 start_ns;

	struct fog_trace trace;
	u8 trace_parent[8]; /* span of the caller's; zero: none */
	char *tracestate;   /* malloc; NULL: none */

	struct fog_claims caller; /* subject "": unknown */
	u8 client[16];            /* address; zero on the unix socket */
	struct fog_limit_left limit;

	u32 param_count;
	char param_name[FOG_GATEWAY_PARAMS_MAX][32];
	char param_value[FOG_GATEWAY_PARAMS_MAX][FOG_GATEWAY_PARAM_SIZE];

	char *body;
	size_t body_used, body_cap, body_dropped;
	bool body_too_large;
	bool body_no_memory;
	json_t *json;
	char *idempotency_key; /* whose answer is to be kept; malloc */

	struct MHD_Response *response; /* set once answered */
	size_t answer_bytes;
	unsigned status;
	const struct fog_websocket_handlers *websocket; /* what it becomes, else NULL */
	void *websocket_ctx;
	bool dispatched; /* given to its handler, or refused by what checks the body */
	bool suspended;  /* the connection waits for a later answer */
	bool queued;     /* the response was handed to MHD */
	char *link;      /* of the next page; malloc */
	u32 header_count;
	struct fog_exchange_header_entry headers[FOG_EXCHANGE_HEADERS_MAX];
};

/* Split pattern and path into segments and compare; on a match *x holds the parameters. Returns the
 * number of literal segments + 1 (so that exact segments win), 0 for no match. */
u32 fog_route_match(const char *pattern, const char *path, struct fog_exchange *x);
/* The route for a path, with *x holding the parameters; NULL, and then `allow` lists the methods
 * there are ("" = none). */
const struct fog_entry *fog_routes_find(const struct fog_routes *r, struct fog_exchange *x,
					const char *method, const char *path,
					char allow[FOG_ROUTES_ALLOW_SIZE]);
/* Parameters and body against what the route says. False: answered. */
bool fog_exchange_valid(struct fog_exchange *x);

/* The rule of fog_exchange_owns(). */
bool fog_claims_own(const struct fog_claims *c, const char *owner);

/* A header of the request; "" when there is none. */
const char *fog_exchange_header_in(const struct fog_exchange *x, const char *name);
#define FOG_EXCHANGE_LINES_MAX 16 /* of one header that are looked at; the last ones */
/* All its lines in their order; how many there are, which may be more. */
u32 fog_exchange_lines_in(const struct fog_exchange *x, const char *name,
			  const char *lines[FOG_EXCHANGE_LINES_MAX]);
/* fog_exchange_problem() with a further member, or another `detail`; takes over `value`. */
__attribute__((format(printf, 5, 6))) int fog_exchange_problem_with(struct fog_exchange *x,
								    unsigned status,
								    const char *member,
								    json_t *value, const char *fmt,
								    ...);
/* Answer with a text, which it takes over (malloc): tagged, compressed, kept for its idempotency
 * key. Returns 0. */
int fog_exchange_answer(struct fog_exchange *x, unsigned status, const char *type, char *data,
			size_t len);
/* Whether another answer of len bytes may wait to be taken (FOG_GATEWAY_ANSWERS_MAX). False: it was
 * answered, 503. To be asked before a large one is made. */
bool fog_exchange_room(struct fog_exchange *x, u64 len);
/* Answer with a response of MHD's, which it takes; NULL: the connection is closed. Returns 0. */
int fog_exchange_respond(struct fog_exchange *x, unsigned status, struct MHD_Response *r);
/* A Link header when the answer is a page and says what is next. */
void fog_exchange_link_next(struct fog_exchange *x, const json_t *value);

/* Hand the finished response to MHD, now or by waking the connection. */
void fog_gateway_answered(struct fog_gateway *gw, struct fog_exchange *x);

#endif
