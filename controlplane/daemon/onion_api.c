/* SPDX-License-Identifier: BSD-3-Clause */
/* Data over a circuit of its own, to a host or through an exit, and what came in that way.
 *
 *	POST /v1/fog/onion/route --edge.sock--> fresh circuit --> far edge --data.sock--> its inbox
 *	                                                      `-> exit --TCP--> anywhere
 *
 * A host gets one JSON frame {"data":..} and answers with one, {"received":true,"bytes","sha256"};
 * it does not learn who sent it. Through an exit bytes go out, the sending side closes, and what
 * comes back until the end or the time-out is the response. */
#include <errno.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/daemon/circuits_api.h"
#include "controlplane/daemon/envelope.h"
#include "controlplane/jobs/base64.h"
#include "controlplane/proofs/hex.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define CALLS_MAX    64
#define HOPS_DEFAULT 3
#define INBOUND_MS   20000 /* for the frame of who connected, and for taking our answer */
#define FD_WANTED    -2    /* call.fd: a stream through an exit, not there yet */

/* One stream: ours out, or somebody's in (x is NULL). */
struct call {
	struct fog_host *host;
	struct fog_exchange *x;
	struct fog_opening *opening;
	struct fog_framed *stream; /* to and from a host */
	int fd;                    /* through an exit; -1 = none */
	struct ev_io io;
	struct ev_timer timer;
	char *data; /* what is sent */
	size_t size, sent;
	json_t *circuit;
	u64 start_ms, built_ms, wait_ms;
	bool taken; /* inbound: the frame has come */
	u32 answer_used;
	u8 answer[FOG_ONION_DATA_MAX];
	TAILQ_ENTRY(call) link;
};

struct received {
	char *text; /* JSON */
	size_t size;
	u64 at_ms;
	u8 sha256[32];
};

struct fog_host_onion {
	struct fog_acceptor *acceptor;
	TAILQ_HEAD(, call) calls;
	u32 count;
	u64 received_total;
	struct received inbox[FOG_ONION_INBOX_MAX]; /* number n at n % MAX */
};

static void call_free(struct call *c)
{
	struct fog_host_onion *o = c->host->onion;

	ev_io_stop(c->host->loop, &c->io);
	ev_timer_stop(c->host->loop, &c->timer);
	if (c->opening != NULL)
		fog_opening_cancel(c->opening);
	fog_framed_close(c->stream);
	if (c->fd >= 0)
		close(c->fd);
	json_decref(c->circuit);
	free(c->data);
	TAILQ_REMOVE(&o->calls, c, link);
	o->count--;
	free(c);
}

/* ---- out ------------------------------------------------------------------------------------ */

static json_t *bytes_json(const u8 *data, size_t len, const char **name)
{
	json_t *text = json_stringn((const char *)data, len);

	*name = text != NULL ? "response" : "response_hex";
	return text != NULL ? text : fog_hex_json(data, len);
}

/* The stream is over: tell what became of it. complete: the other side said so. */
static void call_answer(struct call *c, json_t *acknowledgement, bool complete)
{
	u64 now_ms = fog_monotonic_ms();
	const char *name = "";
	json_t *o = json_pack(
		"{s:b, s:b, s:O, s:I, s:I, s:I, s:I, s:I}", "delivered", c->sent == c->size,
		"complete", complete, "circuit", c->circuit, "circuit_length",
		(json_int_t)json_array_size(json_object_get(c->circuit, "path")), "bytes_sent",
		(json_int_t)c->sent, "bytes_received", (json_int_t)c->answer_used, "build_ms",
		(json_int_t)(c->built_ms - c->start_ms), "latency_ms",
		(json_int_t)(now_ms - c->built_ms));

	if (o != NULL && acknowledgement != NULL)
		json_object_set_new(o, "acknowledgement", acknowledgement);
	else if (o != NULL) {
		json_t *response = bytes_json(c->answer, c->answer_used, &name);
		json_object_set_new(o, name, response);
	}
	fog_envelope(c->x, o, "Data routed");
	call_free(c);
}

static void on_frame(void *ctx, struct fog_framed *s, enum fog_framed_type type, const u8 *payload,
		     u32 len)
{
	struct call *c = ctx;
	json_t *answer = type == FOG_FRAMED_JSON ? json_loadb((const char *)payload, len,
							      JSON_REJECT_DUPLICATES, NULL)
						 : NULL;

	if (!json_is_object(answer)) {
		json_decref(answer);
		fog_exchange_problem(c->x, 502, "the host answered something else than an object");
		call_free(c);
		return;
	}
	c->sent = c->size;
	call_answer(c, answer, true);
}

static void on_end(void *ctx, struct fog_framed *s, int error)
{
	struct call *c = ctx;

	fog_exchange_problem(c->x, 502, "the host hung up without an answer");
	call_free(c);
}

static void on_exit_io(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct call *c = w->data;
	ssize_t n = 0;

	if (revents & EV_WRITE) {
		n = send(c->fd, c->data + c->sent, c->size - c->sent, MSG_NOSIGNAL);
		c->sent += n > 0 ? (size_t)n : 0;
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			fog_exchange_problem(c->x, 502, "the circuit broke: %s", strerror(errno));
			call_free(c);
			return;
		}
		if (c->sent == c->size) {
			shutdown(c->fd, SHUT_WR);
			ev_io_stop(loop, w);
			ev_io_set(w, c->fd, EV_READ);
			ev_io_start(loop, w);
		}
	}
	if (!(revents & EV_READ))
		return;
	n = recv(c->fd, c->answer + c->answer_used, sizeof(c->answer) - c->answer_used, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	c->answer_used += n > 0 ? (u32)n : 0;
	if (n <= 0 || c->answer_used == sizeof(c->answer))
		call_answer(c, NULL, n == 0);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct call *c = w->data;

	if (c->fd >= 0) {
		call_answer(c, NULL, false);
		return;
	}
	fog_exchange_problem(c->x, 504, "no answer within %llu ms", (unsigned long long)c->wait_ms);
	call_free(c);
}

static const struct fog_framed_events out_events = {.frame = on_frame, .end = on_end};

static int host_send(struct call *c, int fd)
{
	int rc = fog_framed_new(&c->stream, c->host->loop, fd, &out_events, c);

	if (rc != 0) {
		close(fd);
		return rc;
	}
	return fog_framed_send(c->stream, FOG_FRAMED_JSON, c->data, (u32)c->size);
}

static void on_opened(void *ctx, int rc, int fd, const char *error, const json_t *answer)
{
	struct call *c = ctx;
	const json_t *path = json_object_get(answer, "path");
	int sent;

	c->opening = NULL;
	if (rc != 0) {
		fog_host_opening_problem(c->x, rc, error);
		call_free(c);
		return;
	}
	c->built_ms = fog_monotonic_ms();
	c->circuit = json_pack("{s:O, s:O, s:o}", "handle", json_object_get(answer, "circuit"),
			       "path", path, "names", fog_host_path_names(c->host, path));
	ev_timer_set(&c->timer, (double)c->wait_ms / 1000.0, 0.0);
	ev_timer_start(c->host->loop, &c->timer);
	if (c->fd != FD_WANTED) {
		sent = host_send(c, fd);
	} else {
		c->fd = fd;
		ev_io_set(&c->io, fd, EV_READ | EV_WRITE);
		ev_io_start(c->host->loop, &c->io);
		sent = 0;
	}
	if (sent == 0 && c->circuit != NULL)
		return;
	fog_exchange_problem(c->x, 500, "it cannot be sent: %s", strerror(-sent));
	call_free(c);
}

/* ---- the request ---------------------------------------------------------------------------- */

/* To a host: the frame. Through an exit: raw or raw_base64, else the object as a line of JSON.
 * -EINVAL, -EMSGSIZE or -ENOMEM. */
static int data_make(struct call *c, const json_t *data, bool exits)
{
	const char *raw = json_string_value(json_object_get(data, "raw"));
	const char *base64 = json_string_value(json_object_get(data, "raw_base64"));

	if (exits && base64 != NULL) {
		c->data = malloc(strlen(base64) + 1);
		long size = c->data != NULL
				    ? fog_base64_decode(base64, strlen(base64), (u8 *)c->data)
				    : -ENOMEM;
		if (size < 0)
			return (int)size;
		c->size = (size_t)size;
	} else if (exits && raw != NULL) {
		c->data = strdup(raw);
		c->size = strlen(raw);
	} else {
		json_t *frame =
			exits ? json_incref((json_t *)data) : json_pack("{s:O}", "data", data);
		c->data = frame != NULL ? json_dumps(frame, JSON_COMPACT) : NULL;
		json_decref(frame);
		c->size = c->data != NULL ? strlen(c->data) : 0;
		if (exits && c->data != NULL)
			c->data[c->size++] = '\n'; /* in place of the zero */
	}
	if (c->data == NULL)
		return -ENOMEM;
	return c->size > FOG_ONION_DATA_MAX ? -EMSGSIZE : 0;
}

static json_int_t number_or(const json_t *o, const char *name, json_int_t def)
{
	const json_t *v = json_object_get(o, name);

	return v != NULL ? json_integer_value(v) : def;
}

static struct call *call_new(struct fog_host *h, struct fog_exchange *x)
{
	struct call *c = h->onion->count < CALLS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (c == NULL)
		return NULL;
	c->host = h;
	c->x = x;
	c->fd = -1;
	c->start_ms = fog_monotonic_ms();
	ev_init(&c->io, on_exit_io);
	ev_init(&c->timer, on_timer);
	c->io.data = c->timer.data = c;
	TAILQ_INSERT_TAIL(&h->onion->calls, c, link);
	h->onion->count++;
	return c;
}

static int call_start(struct call *c, const json_t *data, json_t *request)
{
	bool exits = json_object_get(request, "port") != NULL;
	struct fog_exchange *x = c->x;

	json_object_set_new(request, "service", json_string(exits ? "tcp" : "data"));
	int rc = data_make(c, data, exits);
	if (rc != 0) {
		json_decref(request);
	} else {
		c->fd = exits ? FD_WANTED : -1;
		rc = fog_host_edge_ask(c->host, request, on_opened, c, &c->opening);
	}
	if (rc == 0)
		return 0;
	call_free(c);
	return fog_exchange_problem(x, fog_status_of_errno(rc),
				    rc == -EMSGSIZE ? "data is longer than 65536 bytes"
				    : rc == -EINVAL ? "raw_base64 is not base64"
						    : "no memory");
}

static int route_post(struct fog_exchange *x)
{
	struct fog_host *h = fog_exchange_ctx(x);
	const json_t *body = fog_exchange_body(x), *data = json_object_get(body, "data");
	const char *destination = json_string_value(json_object_get(body, "destination"));

	json_t *request = json_pack("{s:b, s:I}", "fresh", 1, "hops",
				    number_or(body, "circuit_length", HOPS_DEFAULT));
	if (!fog_host_destination(x, destination, request)) {
		json_decref(request);
		return 0;
	}
	struct call *c = call_new(h, x);
	if (c == NULL) {
		json_decref(request);
		return fog_exchange_problem(x, 503, "%d circuits are in use for this", CALLS_MAX);
	}
	c->wait_ms = 1000 * (u64)number_or(body, "timeout_seconds", FOG_ONION_ANSWER_S);
	return call_start(c, data, request);
}

/* ---- in ------------------------------------------------------------------------------------- */

/* Takes over `text`. */
static void inbox_put(struct fog_host *h, char *text, u8 sha256[32])
{
	struct fog_host_onion *o = h->onion;
	struct received *r = &o->inbox[o->received_total++ % FOG_ONION_INBOX_MAX];

	free(r->text);
	*r = (struct received){
		.text = text, .size = strlen(text), .at_ms = fog_loop_now_ms(h->loop)};
	fog_hash_sha256(r->sha256, text, r->size);
	memcpy(sha256, r->sha256, 32);
}

static void on_inbound(void *ctx, struct fog_framed *s, enum fog_framed_type type,
		       const u8 *payload, u32 len)
{
	struct call *c = ctx;
	json_t *frame =
		type == FOG_FRAMED_JSON && len <= FOG_ONION_DATA_MAX
			? json_loadb((const char *)payload, len, JSON_REJECT_DUPLICATES, NULL)
			: NULL;
	const json_t *data = json_object_get(frame, "data");
	char *text = json_is_object(data) ? json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	char hex[65];
	u8 sha256[32];

	json_decref(frame);
	if (text == NULL || c->taken) {
		free(text);
		call_free(c);
		return;
	}
	c->taken = true;
	json_int_t size = (json_int_t)strlen(text);
	inbox_put(c->host, text, sha256);
	fog_hex_encode(sha256, 32, hex, sizeof(hex));
	json_t *answer = json_pack("{s:b, s:I, s:s}", "received", 1, "bytes", size, "sha256", hex);
	(void)fog_framed_send_json(s, answer);
	json_decref(answer);
	fog_framed_finish(s);
}

static void on_inbound_end(void *ctx, struct fog_framed *s, int error)
{
	call_free(ctx);
}

static int on_admit(void *ctx, char error[128])
{
	struct fog_host *h = ctx;

	if (h->onion->count < CALLS_MAX)
		return 0;
	snprintf(error, 128, "too much comes in at once");
	return -EBUSY;
}

static void on_accepted(void *ctx, int fd)
{
	static const struct fog_framed_events events = {.frame = on_inbound, .end = on_inbound_end};
	struct call *c = call_new(ctx, NULL);

	if (c == NULL || fog_framed_new(&c->stream, c->host->loop, fd, &events, c) != 0) {
		if (c != NULL)
			call_free(c);
		close(fd);
		return;
	}
	fog_framed_set_idle(c->stream, INBOUND_MS);
}

static int received_get(struct fog_exchange *x)
{
	const struct fog_host_onion *o = ((struct fog_host *)fog_exchange_ctx(x))->onion;
	u64 kept = FOG_MIN(o->received_total, (u64)FOG_ONION_INBOX_MAX);
	json_t *list = json_array();
	char hex[65];

	for (u64 i = 0; i < kept; i++) {
		const struct received *r =
			&o->inbox[(o->received_total - 1 - i) % FOG_ONION_INBOX_MAX];
		fog_hex_encode(r->sha256, 32, hex, sizeof(hex));
		json_array_append_new(list, json_pack("{s:I, s:I, s:s, s:o}", "received_ms",
						      (json_int_t)r->at_ms, "bytes",
						      (json_int_t)r->size, "sha256", hex, "data",
						      json_loadb(r->text, r->size, 0, NULL)));
	}
	return fog_envelope(
		x,
		json_pack("{s:o, s:I}", "received", list, "total", (json_int_t)o->received_total),
		"Data received");
}

static const struct fog_route routes[] = {
	{"POST", "/v1/fog/onion/route", route_post,
	 FOG_DESCRIBE("Send data over a circuit of its own",
		      .request =
			      "{destination: string 1..300 (a host, or name:port through an exit),"
			      " data: object, circuit_length?: integer 2..6 = 3,"
			      " timeout_seconds?: integer 1..60 = 10, ...}",
		      .answer = "{delivered: boolean, complete: boolean, circuit: {handle: integer,"
				" path: [hex64], names: [string]}, circuit_length: integer,"
				" bytes_sent: integer, bytes_received: integer, build_ms: integer,"
				" latency_ms: integer, acknowledgement?: object, response?: string,"
				" response_hex?: string}")},
	{"GET", "/v1/fog/onion/received", received_get,
	 FOG_DESCRIBE("Data that came in over circuits", .scope = FOG_SCOPE_ADMIN,
		      .answer = "{received: [{received_ms: ms, bytes: integer, sha256: hex64,"
				" data: object}], total: integer}")},
};

static int serve(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	static const struct fog_acceptor_events events = {on_admit, on_accepted};
	char path[128];

	snprintf(path, sizeof(path), "%s/data.sock", h->config.host_run_dir);
	int rc = fog_acceptor_start(&h->onion->acceptor, h->loop, path, "data", &events, h);
	if (rc != 0)
		snprintf(why, FOG_HOST_WHY_SIZE, "%s: %s", path, strerror(-rc));
	return rc;
}

int fog_host_onion_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	h->onion = calloc(1, sizeof(*h->onion));
	if (h->onion == NULL)
		return -ENOMEM;
	TAILQ_INIT(&h->onion->calls);
	fog_gateway_add(h->gateway, routes, FOG_ARRAY_COUNT(routes), h);
	return serve(h, why);
}

int fog_host_onion_restart(struct fog_host *h, char why[FOG_HOST_WHY_SIZE])
{
	struct fog_host_onion *o = h->onion;
	struct call *c;

	fog_acceptor_stop(o->acceptor);
	o->acceptor = NULL;
	while ((c = TAILQ_FIRST(&o->calls)) != NULL) {
		if (c->x != NULL)
			fog_exchange_problem(c->x, 503, "the onion router was restarted");
		call_free(c);
	}
	return serve(h, why);
}

void fog_host_onion_stop(struct fog_host *h)
{
	struct call *c;

	if (h->onion == NULL)
		return;
	fog_acceptor_stop(h->onion->acceptor);
	while ((c = TAILQ_FIRST(&h->onion->calls)) != NULL)
		call_free(c); /* the gateway answers who waits */
	for (u32 i = 0; i < FOG_ONION_INBOX_MAX; i++)
		free(h->onion->inbox[i].text);
	free(h->onion);
	h->onion = NULL;
}
