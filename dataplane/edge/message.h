/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of JSON: those of control.sock, the opening lines of edge.sock and jobs.sock, and the
 * header and answer lines of streams (docs/ARCHITECTURE.md). Pure: text to struct and back. Unknown
 * members are ignored, so that the other side may be newer; wrong types, ranges and lengths are
 * errors. */
#ifndef FOG_EDGE_MESSAGE_H
#define FOG_EDGE_MESSAGE_H

#include "crypto/types.h"
#include "dataplane/abi/wire.h"
#include "dataplane/edge/circuit.h"
#include "dataplane/edge/policy.h"
#include "dataplane/edge/tls.h"

#define FOG_MESSAGE_LINE_MAX (64 * 1024) /* of control.sock, without its end */
#define FOG_HEADER_LINE_MAX  1024        /* of a stream, edge.sock, jobs.sock */
#define FOG_EXCLUDE_MAX      16          /* hosts a route may be asked to avoid */
#define FOG_ERROR_TEXT_MAX   128
#define FOG_OWNER_SIZE       65 /* of a user's name with its zero */
#define FOG_NODE_HEX_SIZE    (2 * FOG_NODE_ID_SIZE + 1)

enum fog_purpose {
	FOG_PURPOSE_EXIT = 1,
	FOG_PURPOSE_JOB = 2,
	FOG_PURPOSE_NODE = 3,
};

enum fog_service {
	FOG_SERVICE_TCP = 1,
	FOG_SERVICE_JOB = 2,
	FOG_SERVICE_PAY = 3,     /* vouchers: mints, and pay for relays */
	FOG_SERVICE_DATA = 4,    /* a request of the API to a host */
	FOG_SERVICE_CIRCUIT = 5, /* edge.sock only: a circuit that is kept, no stream */
};

/* Outcome of opening a stream; the first six travel as "code". */
enum fog_open_code {
	FOG_OPEN_OK = 0,
	FOG_OPEN_REFUSED,
	FOG_OPEN_UNREACHABLE,
	FOG_OPEN_TIMEOUT,
	FOG_OPEN_POLICY,
	FOG_OPEN_RESOLVE,
	FOG_OPEN_NO_ROUTE, /* local: no path, or no control plane */
	FOG_OPEN_RESOURCE, /* local: a limit */
	FOG_OPEN_PROTOCOL, /* the far edge answered nonsense */
};

struct fog_route {
	u64 id;
	bool ok;
	char error[FOG_ERROR_TEXT_MAX];
	unsigned hops;
	struct fog_circuit_hop path[FOG_HOPS_MAX];
	u8 terminus[FOG_NODE_ID_SIZE];
	u8 quic_pk[FOG_TLS_KEY_SIZE];
};

struct fog_edge_config {
	u8 node_id[FOG_NODE_ID_SIZE];
	char socks[64]; /* empty: none */
	u32 hops;
	struct fog_policy policy;
};

enum fog_control_op {
	FOG_CONTROL_CONFIG = 1,
	FOG_CONTROL_ROUTE = 2,
	FOG_CONTROL_CIRCUITS = 3, /* id */
	FOG_CONTROL_CLOSE = 4,    /* id, handle, owner */
	FOG_CONTROL_PING = 5,     /* id */
};

struct fog_control_message {
	enum fog_control_op op;
	u64 id;
	u32 handle;
	bool has_owner; /* CLOSE: only a circuit of this one */
	char owner[FOG_OWNER_SIZE];
	struct fog_route route;
	struct fog_edge_config config;
};

/* One line from the control plane. 0, or -EPROTO with why. The path of a route is checked: known
 * length, no host twice, ends at the terminus. */
int fog_message_parse(struct fog_control_message *m, const char *line, size_t size,
		      char why[FOG_ERROR_TEXT_MAX]);

struct fog_route_request {
	u64 id;
	enum fog_purpose purpose;
	bool has_target;
	u8 target[FOG_NODE_ID_SIZE];
	char host[256]; /* empty unless purpose is EXIT */
	u16 port;
	u32 hops;
	u32 exclude_count;
	u8 exclude[FOG_EXCLUDE_MAX][FOG_NODE_ID_SIZE];
};

/* Lines to send: malloc'ed, ending in a newline; NULL when out of memory. */
char *fog_message_hello(const u8 quic_pk[FOG_TLS_KEY_SIZE], const u8 *mailbox); /* or NULL */
char *fog_message_route(const struct fog_route_request *r);

/* Header of a stream, and the opening line of edge.sock. */
struct fog_stream_header {
	enum fog_service service;
	char host[256];
	u16 port;
	/* edge.sock only: */
	u8 target[FOG_NODE_ID_SIZE];
	enum fog_purpose purpose; /* of a CIRCUIT */
	u32 hops;                 /* of the circuit; 0 = as configured */
	bool fresh;               /* over a circuit that nobody else uses, and that ends with it */
	char owner[FOG_OWNER_SIZE]; /* of a CIRCUIT: the user it is for; empty: the host */
};

/* 0 or -EPROTO. A header, as it travels, names no circuit. */
int fog_header_parse(struct fog_stream_header *h, const char *line, size_t size);
int fog_open_parse(struct fog_stream_header *h, const char *line, size_t size);
/* Writes the line with its newline to out; returns its size. h is valid, so it fits. */
size_t fog_header_format(const struct fog_stream_header *h, char out[FOG_HEADER_LINE_MAX + 1]);

/* {"ok":..}: code FOG_OPEN_OK or what went wrong. -EPROTO when malformed. */
int fog_answer_parse(enum fog_open_code *code, char error[FOG_ERROR_TEXT_MAX], const char *line,
		     size_t size);
/* far: for another host, to whom our own troubles are an unreachable target. */
size_t fog_answer_format(enum fog_open_code code, const char *error, bool far,
			 char out[FOG_HEADER_LINE_MAX + 1]);

const char *fog_purpose_name(enum fog_purpose p);
const char *fog_service_name(enum fog_service s);        /* of one that travels */
const char *fog_open_code_name(enum fog_open_code code); /* "refused", "policy", .. */

#endif
