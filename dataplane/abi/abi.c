/* SPDX-License-Identifier: BSD-3-Clause */
/* The ABI as data: every field of every shared struct, every shared constant, and the names of the
 * counters. A field that is missing here is caught by tests/abi/layout_test.c. */
#include "dataplane/abi/attach.h"

#include <inttypes.h>

struct abi_item {
	const char *name;
	u64 offset; /* or the value of a constant */
	u64 size;   /* 0 for a constant */
};

/* clang-format off */
#define S(s)	{#s, 0, sizeof(struct s)},
#define F(s, f) {#s "." #f, offsetof(struct s, f), sizeof(((struct s *)0)->f)},
#define C(name) {#name, (u64)(name), 0},
/* clang-format on */

/* clang-format off */
static const struct abi_item abi_items[] = {
	C(FOG_ABI) C(FOG_ABI_MAGIC) C(FOG_WORKERS_MAX) C(FOG_COMMAND_RING_COUNT)
	C(FOG_EVENT_RING_COUNT) C(FOG_VERIFY_RING_COUNT) C(FOG_LINKS_MAX)
	C(FOG_VERIFY_WORKERS_MAX) C(FOG_VERIFY_CLASSES) C(FOG_VERIFY_ARENA_SIZE)
	C(FOG_VERDICT_RING_COUNT)
	C(FOG_CHECK_PAYLOAD_MAX) C(FOG_EDGE_RING_COUNT) C(FOG_SNAPSHOT_SIZE)
	C(FOG_FEATURE_DRAIN)
	C(FOG_REGION_CONTROL) C(FOG_REGION_DATA) C(FOG_REGION_EDGE_TX) C(FOG_REGION_EDGE_RX)
	C(FOG_COMMAND_GENERATION_BEGIN) C(FOG_COMMAND_GENERATION_END) C(FOG_COMMAND_LINK_SET)
	C(FOG_COMMAND_LINK_DELETE) C(FOG_COMMAND_CIRCUIT_CLOSE)
	C(FOG_VERIFY_VOTES) C(FOG_VERIFY_RECEIPTS) C(FOG_VERIFY_MARKET) C(FOG_VERIFY_BULK)
	C(FOG_CHECK_ED25519) C(FOG_CHECK_VRF) C(FOG_CHECK_RANGE) C(FOG_CHECK_SIGMA)
	C(FOG_CHECK_MERKLE_INCLUSION) C(FOG_CHECK_MERKLE_CONSISTENCY) C(FOG_CHECK_STATEMENT)
	C(FOG_CHECK_ECDSA_P256) C(FOG_CHECK_ECDSA_P384)
	C(FOG_EVENT_LINK_UP) C(FOG_EVENT_LINK_DOWN) C(FOG_EVENT_LINK_WANTED)
	C(FOG_EVENT_CIRCUIT_OPENED) C(FOG_EVENT_CIRCUIT_CLOSED) C(FOG_EVENT_CIRCUIT_TAGGED)
	C(FOG_EVENT_COMMAND_REJECTED) C(FOG_EVENT_EDGE_UP) C(FOG_EVENT_EDGE_DOWN)
	C(FOG_EVENT_SWEPT) C(FOG_EVENT_LINK_RTT) C(FOG_EVENT_LINK_BANDWIDTH)
	C(FOG_EDGE_CELL) C(FOG_EDGE_DATAGRAM) C(FOG_EDGE_CLOSE)
	C(FOG_EDGE_MIX) C(FOG_EDGE_MIX_RECIPIENT) C(FOG_EDGE_MIX_SURB) C(FOG_MIX_KEYS)
	C(FOG_HELLO_CONTROL) C(FOG_HELLO_EDGE)
	C(FOG_REASON_NONE) C(FOG_REASON_REQUESTED) C(FOG_REASON_PROTOCOL)
	C(FOG_REASON_INTEGRITY) C(FOG_REASON_NO_LINK) C(FOG_REASON_LINK_LOST)
	C(FOG_REASON_RESOURCE) C(FOG_REASON_HANDSHAKE) C(FOG_REASON_IDLE) C(FOG_REASON_NO_EDGE)
	C(FOG_REASON_DRAINING) C(FOG_REASON_TIMEOUT)

	S(fog_ring_head) F(fog_ring_head, head) F(fog_ring_head, pad)
	S(fog_ring_tail) F(fog_ring_tail, tail) F(fog_ring_tail, waiting) F(fog_ring_tail, pad)

	S(fog_region_header)
	F(fog_region_header, magic) F(fog_region_header, abi) F(fog_region_header, workers)
	F(fog_region_header, layout_hash) F(fog_region_header, size) F(fog_region_header, boot_id)
	F(fog_region_header, pid) F(fog_region_header, kind) F(fog_region_header, pad)

	S(fog_snapshot)
	F(fog_snapshot, node_id) F(fog_snapshot, lease_ns) F(fog_snapshot, epoch)
	F(fog_snapshot, circuits_max) F(fog_snapshot, creates_per_second)
	F(fog_snapshot, creates_burst) F(fog_snapshot, handshakes_per_second)
	F(fog_snapshot, keepalive_ms) F(fog_snapshot, link_dead_ms)
	F(fog_snapshot, circuit_idle_ms) F(fog_snapshot, rekey_ms) F(fog_snapshot, features)
	F(fog_snapshot, mix_mode) F(fog_snapshot, probe_ms)
	F(fog_snapshot, mix_threshold) F(fog_snapshot, mix_epoch) F(fog_snapshot, mix_oldest)
	F(fog_snapshot, mix_pool_min) F(fog_snapshot, mix_interval_ms)
	F(fog_snapshot, mix_link_interval_us) F(fog_snapshot, mix_link_poisson)
	F(fog_snapshot, pad)
	S(fog_snapshot_page)
	F(fog_snapshot_page, sequence) F(fog_snapshot_page, pad) F(fog_snapshot_page, slot)

	S(fog_command)
	F(fog_command, seq) F(fog_command, type) F(fog_command, flags) F(fog_command, link_id)
	F(fog_command, generation) F(fog_command, node_id) F(fog_command, link_pk)
	F(fog_command, address) F(fog_command, port) F(fog_command, pad0)
	F(fog_command, circuit_id) F(fog_command, pad)

	S(fog_verify_submit)
	F(fog_verify_submit, tag) F(fog_verify_submit, deadline_ns) F(fog_verify_submit, offset)
	F(fog_verify_submit, length) F(fog_verify_submit, kind) F(fog_verify_submit, pad)
	S(fog_verify_feed) F(fog_verify_feed, submit) F(fog_verify_feed, arena)

	S(fog_control_region)
	F(fog_control_region, header) F(fog_control_region, snapshot)
	F(fog_control_region, command_head) F(fog_control_region, event_tail)
	F(fog_control_region, verify_head) F(fog_control_region, verdict_tail)
	F(fog_control_region, commands) F(fog_control_region, verify)

	S(fog_event)
	F(fog_event, seq) F(fog_event, type) F(fog_event, reason) F(fog_event, link_id)
	F(fog_event, circuit_id) F(fog_event, pad0) F(fog_event, value) F(fog_event, node_id)

	S(fog_verify_verdict)
	F(fog_verify_verdict, tag) F(fog_verify_verdict, result) F(fog_verify_verdict, pad)

	S(fog_worker_status)
	F(fog_worker_status, heartbeat_ns) F(fog_worker_status, applied_seq)
	F(fog_worker_status, snapshot_seen) F(fog_worker_status, generation)
	F(fog_worker_status, attachment) F(fog_worker_status, cpu) F(fog_worker_status, state)
	F(fog_worker_status, pad)

	S(fog_counters)
#define X(name, unit, help) F(fog_counters, name)
#include "dataplane/abi/counters.def"
#undef X
	F(fog_counters, drops)
#define X(name, text) C(FOG_DROP_##name)
#include "dataplane/abi/drops.def"
#undef X
	C(FOG_DROP_COUNT)

	S(fog_data_region)
	F(fog_data_region, header) F(fog_data_region, link_pk) F(fog_data_region, onion_pk)
	F(fog_data_region, io_name) F(fog_data_region, crypto_name)
	F(fog_data_region, pin_reason) F(fog_data_region, status)
	F(fog_data_region, command_tail) F(fog_data_region, event_head)
	F(fog_data_region, verify_tail) F(fog_data_region, verdict_head)
	F(fog_data_region, counters) F(fog_data_region, events) F(fog_data_region, verdicts)

	S(fog_hello)
	F(fog_hello, magic) F(fog_hello, abi) F(fog_hello, role) F(fog_hello, layout_hash)
	F(fog_hello, region_size) F(fog_hello, boot_id) F(fog_hello, pad)
	S(fog_hello_reply)
	F(fog_hello_reply, magic) F(fog_hello_reply, abi) F(fog_hello_reply, status)
	F(fog_hello_reply, layout_hash) F(fog_hello_reply, region_size)
	F(fog_hello_reply, boot_id) F(fog_hello_reply, attachment) F(fog_hello_reply, workers)
	F(fog_hello_reply, verify_workers) F(fog_hello_reply, steer) F(fog_hello_reply, text)

	S(fog_mix_key) F(fog_mix_key, epoch) F(fog_mix_key, word) F(fog_mix_key, pad)
	S(fog_mix_keys) F(fog_mix_keys, sequence) F(fog_mix_keys, pad) F(fog_mix_keys, key)

	S(fog_edge_slot)
	F(fog_edge_slot, handle) F(fog_edge_slot, kind) F(fog_edge_slot, reason)
	F(fog_edge_slot, length) F(fog_edge_slot, data) F(fog_edge_slot, node)
	F(fog_edge_slot, epoch) F(fog_edge_slot, surb) F(fog_edge_slot, pad)
	S(fog_edge_tx_region)
	F(fog_edge_tx_region, header) F(fog_edge_tx_region, tx_head)
	F(fog_edge_tx_region, rx_tail) F(fog_edge_tx_region, slots)
	S(fog_edge_rx_region)
	F(fog_edge_rx_region, header) F(fog_edge_rx_region, rx_head)
	F(fog_edge_rx_region, tx_tail) F(fog_edge_rx_region, slots)
};
/* clang-format on */

#undef S
#undef F
#undef C

struct abi_counter {
	const char *name;
	const char *unit;
	const char *help;
	size_t offset;
};

static const struct abi_counter abi_counters[] = {
#define X(name, unit, help) {#name, unit, help, offsetof(struct fog_counters, name)},
#include "dataplane/abi/counters.def"
#undef X
};

#define DROP_NAME_SIZE 24

/* The list spells names in capitals for the enum; people see lower case, written once at load. */
static char abi_drop_names[FOG_DROP_COUNT][DROP_NAME_SIZE] = {
#define X(name, text) #name,
#include "dataplane/abi/drops.def"
#undef X
};

static const char *const abi_drop_texts[] = {
#define X(name, text) text,
#include "dataplane/abi/drops.def"
#undef X
};

#define X(name, text) \
	_Static_assert(sizeof(#name) <= DROP_NAME_SIZE, "the name of a drop reason is too long");
#include "dataplane/abi/drops.def"
#undef X

__attribute__((constructor)) static void drop_names_lower(void)
{
	for (unsigned d = 0; d < FOG_DROP_COUNT; d++)
		for (char *c = abi_drop_names[d]; *c != '\0'; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c |= 0x20;
}

static u64 fnv1a(u64 h, const void *data, size_t len)
{
	const u8 *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

u64 fog_abi_layout_hash(void)
{
	u64 h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < FOG_ARRAY_COUNT(abi_items); i++) {
		const struct abi_item *item = &abi_items[i];

		h = fnv1a(h, item->name, strlen(item->name) + 1);
		h = fnv1a(h, &item->offset, sizeof(item->offset));
		h = fnv1a(h, &item->size, sizeof(item->size));
	}
	return h;
}

void fog_abi_layout_print(FILE *out)
{
	for (size_t i = 0; i < FOG_ARRAY_COUNT(abi_items); i++)
		fprintf(out, "%s %" PRIu64 " %" PRIu64 "\n", abi_items[i].name, abi_items[i].offset,
			abi_items[i].size);
	fprintf(out, "layout_hash %016" PRIx64 "\n", fog_abi_layout_hash());
}

const char *fog_drop_name(enum fog_drop d)
{
	return (unsigned)d < FOG_DROP_COUNT ? abi_drop_names[d] : "unknown";
}

const char *fog_drop_text(enum fog_drop d)
{
	return (unsigned)d < FOG_DROP_COUNT ? abi_drop_texts[d] : "unknown";
}

bool fog_counter_info(unsigned i, const char **name, const char **unit, const char **help)
{
	if (i >= FOG_ARRAY_COUNT(abi_counters))
		return false;
	if (name != NULL)
		*name = abi_counters[i].name;
	if (unit != NULL)
		*unit = abi_counters[i].unit;
	if (help != NULL)
		*help = abi_counters[i].help;
	return true;
}

u64 fog_counter_read(const struct fog_counters *c, unsigned i)
{
	if (i >= FOG_ARRAY_COUNT(abi_counters))
		return 0;
	const _Atomic u64 *counter = (const void *)((const u8 *)c + abi_counters[i].offset);

	return atomic_load_explicit(counter, memory_order_relaxed);
}

u64 fog_counter_drop(const struct fog_counters *c, enum fog_drop d)
{
	if ((unsigned)d >= FOG_DROP_COUNT)
		return 0;
	return atomic_load_explicit(&c->drops[d], memory_order_relaxed);
}
