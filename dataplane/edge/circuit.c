/* SPDX-License-Identifier: BSD-3-Clause */
/* Client circuit state machine; see circuit.h. */
#include "dataplane/edge/circuit.h"

#include <errno.h>

#include "crypto/mem.h"

/* Cell header offsets (wire.h). */
#define CELL_ID       0
#define CELL_COMMAND  4
#define CELL_FLAGS    5
#define CELL_ZERO     6
#define CELL_SEQUENCE 8

/* Message offsets in the onion body. */
#define MSG_COMMAND FOG_BODY_LEFT_SIZE
#define MSG_FLAGS   (FOG_BODY_LEFT_SIZE + 1)
#define MSG_LENGTH  (FOG_BODY_LEFT_SIZE + 2)
#define MSG_ZERO    (FOG_BODY_LEFT_SIZE + 4)
#define MSG_PAYLOAD (FOG_BODY_LEFT_SIZE + FOG_MSG_HEADER_SIZE)

/* A relay may say something back in its handshake; nothing is defined yet, so it is read and
 * ignored up to this size. */
#define SERVER_MESSAGE_MAX 64

_Static_assert(FOG_BODY_SIZE == FOG_ONION_BODY_SIZE, "one body");
_Static_assert(FOG_BODY_LEFT_SIZE == FOG_ONION_LEFT_SIZE, "one left block");
_Static_assert(FOG_NTOR_CLIENT_OVERHEAD + sizeof(struct fog_circuit_params) <= FOG_ONIONSKIN_MAX,
	       "onionskin fits");

static const char *const reason_names[] = {
	[FOG_REASON_NONE] = "none",         [FOG_REASON_REQUESTED] = "requested",
	[FOG_REASON_PROTOCOL] = "protocol", [FOG_REASON_INTEGRITY] = "integrity",
	[FOG_REASON_NO_LINK] = "no link",   [FOG_REASON_LINK_LOST] = "link lost",
	[FOG_REASON_RESOURCE] = "resource", [FOG_REASON_HANDSHAKE] = "handshake",
	[FOG_REASON_IDLE] = "idle",         [FOG_REASON_NO_EDGE] = "no edge",
	[FOG_REASON_DRAINING] = "draining", [FOG_REASON_TIMEOUT] = "timeout",
};

const char *fog_circuit_reason_name(unsigned reason)
{
	return reason < FOG_ARRAY_COUNT(reason_names) ? reason_names[reason] : "unknown";
}

static void cell_header_write(const struct fog_circuit *c, u8 *cell, u8 command, u64 sequence)
{
	memset(cell, 0, FOG_CELL_HEADER_SIZE);
	fog_store_u32(cell + CELL_ID, c->handle);
	cell[CELL_COMMAND] = command;
	fog_store_u64(cell + CELL_SEQUENCE, sequence);
}

static void destroy_write(const struct fog_circuit *c, u8 *cell, u8 reason)
{
	cell_header_write(c, cell, FOG_CELL_DESTROY, 0);
	memset(cell + FOG_CELL_HEADER_SIZE, 0, FOG_BODY_SIZE);
	cell[FOG_CELL_HEADER_SIZE] = reason;
}

/* End the circuit and forget its keys. */
static void shut(struct fog_circuit *c)
{
	c->state = FOG_CIRCUIT_CLOSED;
	fog_ntor_client_wipe(&c->ntor);
	fog_wipe(c->keys, sizeof(c->keys));
}

/* Our verdict: FAILED to the caller and DESTROY to the circuit. Returns 1: reply is filled. */
static int fail(struct fog_circuit *c, struct fog_circuit_event *event, u8 *reply, u8 reason,
		u8 hop)
{
	*event = (struct fog_circuit_event){
		.type = FOG_CIRCUIT_FAILED, .reason = reason, .hop = hop};
	destroy_write(c, reply, reason);
	shut(c);
	return 1;
}

/* ---- keys --------------------------------------------------------------------------------- */

static struct fog_cell_key *backward_key(struct fog_circuit *c, unsigned hop, u32 generation)
{
	return &c->keys[hop].backward[generation % 3];
}

static void forward_ratchet(struct fog_circuit *c)
{
	for (unsigned h = 0; h < c->ready; h++)
		fog_cell_key_ratchet(&c->keys[h].forward, &c->keys[h].forward);
	c->forward_generation++;
}

/* Derive, but do not yet enter, the next backward generation: only a recognized cell moves on. */
static void backward_prepare(struct fog_circuit *c)
{
	if (c->next_valid)
		return;
	for (unsigned h = 0; h < c->ready; h++)
		fog_cell_key_ratchet(backward_key(c, h, c->backward_generation + 1),
				     backward_key(c, h, c->backward_generation));
	c->next_valid = true;
}

static void backward_advance(struct fog_circuit *c)
{
	FOG_ASSERT(c->next_valid);
	c->backward_generation++;
	c->next_valid = false;
	for (unsigned h = 0; h < c->ready; h++)
		fog_cell_key_wipe(backward_key(c, h, c->backward_generation + 1));
}

/* ---- sending ------------------------------------------------------------------------------ */

static void message_write(struct fog_circuit *c, u8 *body, u8 command, const void *payload,
			  size_t length)
{
	memset(body, 0, MSG_PAYLOAD);
	body[MSG_COMMAND] = command;
	fog_store_u16(body + MSG_LENGTH, (u16)length);
	if (length != 0)
		memcpy(body + MSG_PAYLOAD, payload, length);
	fog_rng_bytes(c->rng, body + MSG_PAYLOAD + length, FOG_MSG_PAYLOAD_MAX - length);
}

/* Put all layers on cells whose bodies hold messages in clear; all of one generation. */
static void layers_add(struct fog_circuit *c, u8 *const *cells, unsigned count)
{
	struct fog_cell_job jobs[FOG_CIRCUIT_BATCH];

	FOG_ASSERT(count <= FOG_CIRCUIT_BATCH);
	for (unsigned i = 0; i < count; i++) {
		u8 *body = cells[i] + FOG_CELL_HEADER_SIZE;

		cell_header_write(c, cells[i], FOG_CELL_DATA, ++c->forward_sequence);
		jobs[i] = (struct fog_cell_job){.in = body,
						.out = body,
						.sequence = c->forward_sequence,
						.direction = FOG_CELL_FORWARD,
						.command = FOG_CELL_DATA};
	}
	for (unsigned h = c->ready; h-- > 0;) {
		for (unsigned i = 0; i < count; i++)
			jobs[i].key = &c->keys[h].forward;
		fog_cell_decrypt_many(jobs, count);
	}
}

static void seal(struct fog_circuit *c, u8 *const *cells, unsigned count)
{
	while (count != 0) {
		u64 next = c->forward_sequence + 1;

		if (next >> FOG_RATCHET_SHIFT != c->forward_generation)
			forward_ratchet(c);
		u64 left = ((u64)(c->forward_generation + 1) << FOG_RATCHET_SHIFT) - next;
		unsigned n = (unsigned)FOG_MIN((u64)count, left);
		layers_add(c, cells, n);
		cells += n;
		count -= n;
	}
}

int fog_circuit_send_many(struct fog_circuit *c, const struct fog_circuit_payload *payloads,
			  unsigned count, u8 *const *cells)
{
	FOG_ASSERT(count <= FOG_CIRCUIT_BATCH);
	if (c->state != FOG_CIRCUIT_OPEN)
		return -ENOTCONN;
	for (unsigned i = 0; i < count; i++) {
		if (payloads[i].length == 0 || payloads[i].length > FOG_MSG_PAYLOAD_MAX)
			return -EMSGSIZE;
	}
	for (unsigned i = 0; i < count; i++)
		message_write(c, cells[i] + FOG_CELL_HEADER_SIZE, FOG_MSG_DATAGRAM,
			      payloads[i].data, payloads[i].length);
	seal(c, cells, count);
	return 0;
}

int fog_circuit_send(struct fog_circuit *c, const u8 *payload, size_t length,
		     u8 cell[FOG_CELL_SIZE])
{
	struct fog_circuit_payload one = {payload, length};

	return fog_circuit_send_many(c, &one, 1, &cell);
}

int fog_circuit_send_cover(struct fog_circuit *c, u8 cell[FOG_CELL_SIZE])
{
	if (c->state != FOG_CIRCUIT_OPEN)
		return -ENOTCONN;
	message_write(c, cell + FOG_CELL_HEADER_SIZE, FOG_MSG_DROP, NULL, 0);
	seal(c, &cell, 1);
	return 0;
}

/* ---- building ----------------------------------------------------------------------------- */

/* Onionskin for hop c->ready. 0 or -EBADMSG. */
static int create_write(struct fog_circuit *c, struct fog_create *create)
{
	const struct fog_circuit_hop *hop = &c->path[c->ready];
	struct fog_circuit_params params = {.version = 1};
	u8 secret[FOG_NTOR_KEY_SIZE];
	size_t length;

	if (c->ready != 0)
		c->backward_first += FOG_EXTEND_MAX;
	c->backward_first += 1 + fog_rng_below(c->rng, FOG_CIRCUIT_GAP_MAX);
	if (c->ready == 0)
		c->backward_lowest = c->backward_first;
	params.backward_first = (u32)c->backward_first;
	memset(create, 0, sizeof(*create));
	fog_rng_bytes(c->rng, secret, sizeof(secret));
	int rc = fog_ntor_client_start(&c->ntor, hop->node_id, hop->onion_pk, NULL, 0,
				       (const u8 *)&params, sizeof(params), secret, create->skin,
				       sizeof(create->skin), &length);
	fog_wipe(secret, sizeof(secret));
	if (rc != 0)
		return rc;
	create->handshake = FOG_HANDSHAKE_NTOR3;
	create->length = (u16)length;
	return 0;
}

static void step_begin(struct fog_circuit *c, u64 now_ns)
{
	c->step_deadline = FOG_MIN(now_ns + FOG_CIRCUIT_STEP_NS, c->build_deadline);
}

int fog_circuit_start(struct fog_circuit *c, u64 now_ns, u8 cell[FOG_CELL_SIZE])
{
	struct fog_create_via via;

	if (c->state != FOG_CIRCUIT_IDLE || c->hops == 0)
		return -EALREADY;
	memset(&via, 0, sizeof(via));
	memcpy(via.first_hop, c->path[0].node_id, sizeof(via.first_hop));
	if (create_write(c, &via.create) != 0) {
		shut(c);
		return -EBADMSG;
	}
	cell_header_write(c, cell, FOG_CELL_CREATE_VIA, 0);
	memset(cell + FOG_CELL_HEADER_SIZE, 0, FOG_BODY_SIZE);
	memcpy(cell + FOG_CELL_HEADER_SIZE, &via, sizeof(via));
	c->state = FOG_CIRCUIT_BUILDING;
	c->build_deadline = now_ns + FOG_CIRCUIT_BUILD_NS;
	step_begin(c, now_ns);
	return 0;
}

static void extend_write(struct fog_circuit *c, u64 now_ns, u8 *cell)
{
	message_write(c, cell + FOG_CELL_HEADER_SIZE, FOG_MSG_EXTEND, &c->extend,
		      sizeof(c->extend));
	seal(c, &cell, 1);
	c->retry_at = now_ns + FOG_CIRCUIT_RETRY_NS;
}

static int extend(struct fog_circuit *c, u64 now_ns, struct fog_circuit_event *event, u8 *reply)
{
	memcpy(c->extend.next_hop, c->path[c->ready].node_id, sizeof(c->extend.next_hop));
	if (create_write(c, &c->extend.create) != 0)
		return fail(c, event, reply, FOG_REASON_HANDSHAKE, c->ready);
	extend_write(c, now_ns, reply);
	step_begin(c, now_ns);
	return 1;
}

/* The answer of hop c->ready arrived: `created` of `size` bytes, from CREATED or EXTENDED. */
static int step_finish(struct fog_circuit *c, u64 now_ns, const u8 *created, size_t size,
		       struct fog_circuit_event *event, u8 *reply)
{
	struct fog_circuit_keys *keys = &c->keys[c->ready];
	u8 seeds[FOG_NTOR_CIRCUIT_KEYS];
	u8 message[SERVER_MESSAGE_MAX];
	size_t message_len;

	if (size < sizeof(u16))
		return fail(c, event, reply, FOG_REASON_PROTOCOL, c->ready);
	size_t length = fog_load_u16(created);
	if (length > FOG_ONIONSKIN_MAX || length > size - sizeof(u16))
		return fail(c, event, reply, FOG_REASON_PROTOCOL, c->ready);
	int rc = fog_ntor_client_finish(&c->ntor, created + sizeof(u16), length, message,
					sizeof(message), &message_len, seeds, sizeof(seeds));
	if (rc != 0)
		return fail(c, event, reply, FOG_REASON_HANDSHAKE, c->ready);
	fog_ntor_client_wipe(&c->ntor);
	fog_cell_key_init(&keys->forward, seeds);
	fog_cell_key_init(&keys->backward[0], seeds + FOG_CELL_SEED_SIZE);
	fog_wipe(seeds, sizeof(seeds));
	/* What earlier hops sent before (an EXTENDED twice) is out of date now, not altered. */
	c->backward_lowest = c->backward_first;
	c->ready++;
	if (c->ready < c->hops)
		return extend(c, now_ns, event, reply);
	c->state = FOG_CIRCUIT_OPEN;
	event->type = FOG_CIRCUIT_BUILT;
	return 0;
}

int fog_circuit_init(struct fog_circuit *c, u32 handle, const struct fog_circuit_hop *path,
		     unsigned hops, struct fog_rng *rng)
{
	FOG_ASSERT(c != NULL);
	FOG_ASSERT(rng != NULL);
	memset(c, 0, sizeof(*c));
	if (handle == 0 || (handle & FOG_CIRCUIT_ID_HIGH) != 0)
		return -EINVAL;
	if (hops == 0 || hops > FOG_HOPS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < hops; i++) {
		for (unsigned k = 0; k < i; k++) {
			if (memcmp(path[i].node_id, path[k].node_id, FOG_NODE_ID_SIZE) == 0)
				return -EINVAL;
		}
	}
	c->handle = handle;
	c->hops = (u8)hops;
	c->rng = rng;
	memcpy(c->path, path, hops * sizeof(*path));
	return 0;
}

void fog_circuit_wipe(struct fog_circuit *c)
{
	fog_wipe(c, sizeof(*c));
}

/* ---- receiving ---------------------------------------------------------------------------- */

static bool header_valid(const struct fog_circuit *c, const u8 *cell)
{
	return fog_load_u32(cell + CELL_ID) == c->handle && cell[CELL_FLAGS] == 0 &&
	       fog_load_u16(cell + CELL_ZERO) == 0;
}

static int message_receive(struct fog_circuit *c, u64 now_ns, const u8 *body,
			   struct fog_circuit_event *event, u8 *reply)
{
	u16 length = fog_load_u16(body + MSG_LENGTH);
	u8 last = c->ready - 1;

	if (body[MSG_FLAGS] != 0 || fog_load_u32(body + MSG_ZERO) != 0 ||
	    length > FOG_MSG_PAYLOAD_MAX)
		return fail(c, event, reply, FOG_REASON_PROTOCOL, last);
	switch (body[MSG_COMMAND]) {
	case FOG_MSG_EXTENDED:
		if (c->state != FOG_CIRCUIT_BUILDING)
			break;
		return step_finish(c, now_ns, body + MSG_PAYLOAD, length, event, reply);
	case FOG_MSG_DATAGRAM:
		if (c->state != FOG_CIRCUIT_OPEN || length == 0)
			break;
		event->type = FOG_CIRCUIT_DATAGRAM;
		event->payload = body + MSG_PAYLOAD;
		event->length = length;
		return 0;
	case FOG_MSG_DROP:
		return 0;
	}
	return fail(c, event, reply, FOG_REASON_PROTOCOL, last);
}

/* May this DATA cell be decrypted, and with which generation? Counts the drop when not. */
static bool data_admit(struct fog_circuit *c, const u8 *cell, u32 *generation)
{
	u64 sequence = fog_load_u64(cell + CELL_SEQUENCE);
	u64 g = sequence >> FOG_RATCHET_SHIFT;
	u64 current = c->backward_generation;

	if (c->ready == 0 || c->state == FOG_CIRCUIT_CLOSED) {
		c->drops.state++;
		return false;
	}
	if (g > current + 1 || g + 1 < current || g >= UINT32_MAX) {
		c->drops.generation++;
		return false;
	}
	if (sequence < c->backward_lowest || fog_replay_check(&c->replay, sequence) != 0) {
		c->drops.replay++;
		return false;
	}
	if (g == current + 1)
		backward_prepare(c);
	*generation = (u32)g;
	return true;
}

/* After all layers are off. */
static int data_finish(struct fog_circuit *c, u64 now_ns, const u8 *cell, u32 generation,
		       struct fog_circuit_event *event, u8 *reply)
{
	u64 sequence = fog_load_u64(cell + CELL_SEQUENCE);
	const u8 *body = cell + FOG_CELL_HEADER_SIZE;

	if (c->state == FOG_CIRCUIT_CLOSED) {
		c->drops.state++;
		return 0;
	}
	if (fog_replay_check(&c->replay, sequence) != 0) {
		c->drops.replay++;
		return 0;
	}
	if (!fog_cell_recognized(body))
		return fail(c, event, reply, FOG_REASON_INTEGRITY, FOG_HOPS_MAX);
	fog_replay_commit(&c->replay, sequence);
	if (generation == c->backward_generation + 1)
		backward_advance(c);
	return message_receive(c, now_ns, body, event, reply);
}

/* A run of DATA cells. */
static int data_receive(struct fog_circuit *c, u64 now_ns, u8 *const *cells, unsigned count,
			struct fog_circuit_event *events, u8 *reply)
{
	struct fog_cell_job jobs[FOG_CIRCUIT_BATCH];
	u32 generation[FOG_CIRCUIT_BATCH];
	u8 index[FOG_CIRCUIT_BATCH];
	unsigned n = 0;
	int replies = 0;

	for (unsigned i = 0; i < count; i++) {
		u8 *body = cells[i] + FOG_CELL_HEADER_SIZE;

		if (!data_admit(c, cells[i], &generation[n]))
			continue;
		index[n] = (u8)i;
		jobs[n++] =
			(struct fog_cell_job){.in = body,
					      .out = body,
					      .sequence = fog_load_u64(cells[i] + CELL_SEQUENCE),
					      .direction = FOG_CELL_BACKWARD,
					      .command = FOG_CELL_DATA};
	}
	for (unsigned h = 0; h < c->ready; h++) {
		for (unsigned i = 0; i < n; i++)
			jobs[i].key = backward_key(c, h, generation[i]);
		fog_cell_decrypt_many(jobs, n);
	}
	for (unsigned i = 0; i < n; i++)
		replies |= data_finish(c, now_ns, cells[index[i]], generation[i], &events[index[i]],
				       reply);
	return replies;
}

static int control_receive(struct fog_circuit *c, u64 now_ns, const u8 *cell,
			   struct fog_circuit_event *event, u8 *reply)
{
	const u8 *body = cell + FOG_CELL_HEADER_SIZE;

	switch (cell[CELL_COMMAND]) {
	case FOG_CELL_CREATED:
		if (c->state != FOG_CIRCUIT_BUILDING || c->ready != 0)
			break;
		return step_finish(c, now_ns, body, FOG_BODY_SIZE, event, reply);
	case FOG_CELL_DESTROY:
		if (c->state != FOG_CIRCUIT_BUILDING && c->state != FOG_CIRCUIT_OPEN)
			break;
		event->type =
			c->state == FOG_CIRCUIT_BUILDING ? FOG_CIRCUIT_FAILED : FOG_CIRCUIT_ENDED;
		event->reason = body[0];
		event->hop = c->state == FOG_CIRCUIT_BUILDING ? c->ready : FOG_HOPS_MAX;
		shut(c);
		return 0;
	default:
		c->drops.header++;
		return 0;
	}
	c->drops.state++;
	return 0;
}

/* How many cells from the first on are DATA and may be decrypted together. While the circuit grows
 * an EXTENDED changes the number of layers, so then it is one at a time. */
static unsigned data_run(const struct fog_circuit *c, u8 *const *cells, unsigned count)
{
	unsigned max = c->state == FOG_CIRCUIT_BUILDING ? FOG_MIN(count, 1u) : count;
	unsigned n = 0;

	while (n < max && header_valid(c, cells[n]) && cells[n][CELL_COMMAND] == FOG_CELL_DATA)
		n++;
	return n;
}

int fog_circuit_receive_many(struct fog_circuit *c, u64 now_ns, u8 *const *cells, unsigned count,
			     struct fog_circuit_event *events, u8 reply[FOG_CELL_SIZE])
{
	int replies = 0;

	FOG_ASSERT(count <= FOG_CIRCUIT_BATCH);
	memset(events, 0, count * sizeof(*events));
	for (unsigned i = 0; i < count;) {
		unsigned n = data_run(c, cells + i, count - i);

		if (n != 0) {
			replies |= data_receive(c, now_ns, cells + i, n, events + i, reply);
			i += n;
		} else if (!header_valid(c, cells[i])) {
			c->drops.header++;
			i++;
		} else {
			replies |= control_receive(c, now_ns, cells[i], &events[i], reply);
			i++;
		}
	}
	return replies;
}

int fog_circuit_receive(struct fog_circuit *c, u64 now_ns, u8 *cell,
			struct fog_circuit_event *event, u8 reply[FOG_CELL_SIZE])
{
	return fog_circuit_receive_many(c, now_ns, &cell, 1, event, reply);
}

/* ---- ends --------------------------------------------------------------------------------- */

u64 fog_circuit_deadline(const struct fog_circuit *c)
{
	if (c->state != FOG_CIRCUIT_BUILDING)
		return UINT64_MAX;
	return c->ready != 0 ? FOG_MIN(c->retry_at, c->step_deadline) : c->step_deadline;
}

int fog_circuit_expire(struct fog_circuit *c, u64 now_ns, struct fog_circuit_event *event,
		       u8 cell[FOG_CELL_SIZE])
{
	memset(event, 0, sizeof(*event));
	if (now_ns < fog_circuit_deadline(c))
		return 0;
	if (now_ns >= c->step_deadline)
		return fail(c, event, cell, FOG_REASON_TIMEOUT, c->ready);
	extend_write(c, now_ns, cell);
	return 1;
}

int fog_circuit_close(struct fog_circuit *c, enum fog_reason reason, u8 cell[FOG_CELL_SIZE])
{
	if (c->state != FOG_CIRCUIT_BUILDING && c->state != FOG_CIRCUIT_OPEN) {
		c->state = FOG_CIRCUIT_CLOSED;
		return 0;
	}
	destroy_write(c, cell, (u8)reason);
	shut(c);
	return 1;
}
