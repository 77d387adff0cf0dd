/* SPDX-License-Identifier: BSD-3-Clause */
/* Two validators and a follower on loopback: who may connect, messages in fragments, limits. */
#include "controlplane/validator/net.h"
#include "crypto/curve/x25519.h"
#include "crypto/sign/sign.h"
#include "tests/unit/fog_test.h"

#include <unistd.h>

#define HOSTS 3 /* the last one follows */
#define BIG   (300u * 1024 + 1)
#define WAIT  5000 /* ms, at most */

struct host {
	struct fog_identity id;
	struct fog_address listen;
	struct fog_net *net;
	u32 messages, ups, downs, last_peer, last_len;
	bool from_validator;
	u8 from[32], sum;
};

static struct ev_loop *loop;
static struct host hosts[HOSTS];
static struct fog_validators set;

static u8 sum_of(const u8 *data, u32 len)
{
	u8 sum = 0;

	for (u32 i = 0; i < len; i++)
		sum = (u8)(31 * sum + data[i]);
	return sum;
}

static void on_message(void *context, u32 peer, const u8 node_id[32], bool validator,
		       const u8 *data, u32 len)
{
	struct host *h = context;

	h->messages++;
	h->last_peer = peer;
	h->last_len = len;
	h->from_validator = validator;
	memcpy(h->from, node_id, 32);
	h->sum = sum_of(data, len);
}

static void on_up(void *context, u32 peer)
{
	((struct host *)context)->ups++;
}

static void on_down(void *context, u32 peer)
{
	((struct host *)context)->downs++;
}

static void on_nothing(struct ev_loop *l, struct ev_timer *w, int revents)
{
}

static bool until(const u32 *what, u32 least)
{
	u64 end = fog_monotonic_ms() + WAIT;
	struct ev_timer t;

	ev_timer_init(&t, on_nothing, 0.01, 0.01);
	ev_timer_start(loop, &t);
	while (*what < least && fog_monotonic_ms() < end)
		ev_run(loop, EVRUN_ONCE);
	ev_timer_stop(loop, &t);
	return *what >= least;
}

static void hosts_start(void)
{
	char why[FOG_APP_WHY_SIZE];

	memset(hosts, 0, sizeof(hosts));
	memset(&set, 0, sizeof(set));
	set.epoch = 1;
	set.rules.profile = FOG_PROFILE_NONE;
	loop = ev_loop_new(EVFLAG_AUTO);
	for (u32 i = 0; i < HOSTS; i++) {
		struct host *h = &hosts[i];
		struct fog_net_events events = {on_message, on_up, on_down, h};
		u8 seed[32] = {(u8)(i + 1)};
		fog_sign_keypair(h->id.node_id, h->id.sign_sk, seed);
		memset(h->id.control_sk, (int)(16 * (i + 1)), 32);
		fog_x25519_base(h->id.control_pk, h->id.control_sk);
		(void)fog_ip_parse("127.0.0.1", h->listen.ip);
		h->listen.port = (u16)(29000 + (unsigned)getpid() % 1000 * 3 + i);
		bool votes = i < HOSTS - 1;
		CU_ASSERT_EQUAL_FATAL(
			fog_net_start(&h->net, loop, &h->id, votes ? &h->listen : NULL, &events),
			0);
		if (!votes)
			continue;
		struct fog_app_validator *v = &set.v[set.count++];
		memcpy(v->node_id, h->id.node_id, 32);
		memcpy(v->control_pk, h->id.control_pk, 32);
		memcpy(v->address, h->listen.ip, 16);
		v->port = h->listen.port;
		v->weight = 1;
	}
	CU_ASSERT_EQUAL_FATAL(fog_validators_finish(&set, why), 0);
	for (u32 i = 0; i < HOSTS; i++)
		fog_net_set(hosts[i].net, &set);
	CU_ASSERT_TRUE_FATAL(until(&hosts[2].ups, 2));
	CU_ASSERT_TRUE_FATAL(until(&hosts[0].ups, 2));
	CU_ASSERT_TRUE_FATAL(until(&hosts[1].ups, 2));
}

static void hosts_stop(void)
{
	for (u32 i = 0; i < HOSTS; i++)
		fog_net_stop(hosts[i].net);
	ev_loop_destroy(loop);
}

static void test_who(void)
{
	struct fog_net_counts c;

	hosts_start();
	struct fog_net_buffer *b = fog_net_buffer_new(7, "hello", 5);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	fog_net_send_node(hosts[0].net, hosts[1].id.node_id, b);
	CU_ASSERT_TRUE(until(&hosts[1].messages, 1));
	CU_ASSERT_EQUAL(hosts[1].last_len, 6);
	CU_ASSERT_TRUE(hosts[1].from_validator);
	CU_ASSERT_EQUAL(memcmp(hosts[1].from, hosts[0].id.node_id, 32), 0);
	/* A follower is heard, and known to be none; it gets the answer at its place. */
	fog_net_send_node(hosts[2].net, hosts[0].id.node_id, b);
	CU_ASSERT_TRUE(until(&hosts[0].messages, 1));
	CU_ASSERT_FALSE(hosts[0].from_validator);
	fog_net_send(hosts[0].net, hosts[0].last_peer, b);
	CU_ASSERT_TRUE(until(&hosts[2].messages, 1));
	fog_net_counts(hosts[0].net, &c);
	CU_ASSERT_EQUAL(c.connected_validators, 1);
	CU_ASSERT_EQUAL(c.connected_followers, 1);
	/* A broadcast to validators passes the follower by: the second one arrives, only it. */
	fog_net_broadcast(hosts[0].net, b, true);
	fog_net_broadcast(hosts[0].net, b, false);
	CU_ASSERT_TRUE(until(&hosts[1].messages, 3));
	CU_ASSERT_TRUE(until(&hosts[2].messages, 2));
	CU_ASSERT_EQUAL(hosts[2].messages, 2);
	/* To nobody: dropped. */
	fog_net_send_node(hosts[0].net, set.hash, b);
	CU_ASSERT_EQUAL(b->references, 1);
	fog_net_buffer_unref(b);
	hosts_stop();
}

static void test_fragments(void)
{
	u8 *data = malloc(BIG);

	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	for (u32 i = 0; i < BIG; i++)
		data[i] = (u8)(i * 2654435761u >> 24);
	hosts_start();
	struct fog_net_buffer *b = fog_net_buffer_new(9, data, BIG);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	for (u32 i = 0; i < 4; i++)
		fog_net_send_node(hosts[0].net, hosts[1].id.node_id, b);
	CU_ASSERT_TRUE(until(&hosts[1].messages, 4));
	CU_ASSERT_EQUAL(hosts[1].last_len, BIG + 1);
	CU_ASSERT_EQUAL(hosts[1].sum, sum_of(b->data, b->len));
	fog_net_buffer_unref(b);
	hosts_stop();
	free(data);
}

/* More than a queue holds: the rest is dropped and counted, what was queued arrives. */
static void test_full(void)
{
	struct fog_net_counts c;

	hosts_start();
	struct fog_net_buffer *b = fog_net_buffer_new(1, "x", 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	for (u32 i = 0; i < 2 * FOG_NET_MESSAGES_MAX; i++)
		fog_net_send_node(hosts[0].net, hosts[1].id.node_id, b);
	fog_net_counts(hosts[0].net, &c);
	CU_ASSERT_TRUE(c.dropped_full != 0);
	u32 kept = 2 * FOG_NET_MESSAGES_MAX - (u32)c.dropped_full;
	CU_ASSERT_TRUE(kept >= FOG_NET_MESSAGES_MAX);
	CU_ASSERT_TRUE(until(&hosts[1].messages, kept));
	CU_ASSERT_EQUAL(hosts[1].messages, kept);
	fog_net_buffer_unref(b);
	hosts_stop();
}

/* Out of the set: its connection as a validator ends. */
static void test_set_change(void)
{
	struct fog_validators less;
	struct fog_net_counts c;
	char why[FOG_APP_WHY_SIZE];

	hosts_start();
	less = set;
	int out = fog_validators_find(&less, hosts[1].id.node_id);
	CU_ASSERT_TRUE_FATAL(out >= 0);
	less.v[out] = less.v[--less.count];
	CU_ASSERT_EQUAL_FATAL(fog_validators_finish(&less, why), 0);
	fog_net_set(hosts[0].net, &less);
	fog_net_counts(hosts[0].net, &c);
	CU_ASSERT_EQUAL(c.connected_validators, 0);
	CU_ASSERT_EQUAL(hosts[0].downs, 1);
	CU_ASSERT_TRUE(until(&hosts[1].downs, 1)); /* the other end sees it, too */
	hosts_stop();
}

FOG_TEST_MAIN("controlplane/validator/net", FOG_TEST(test_who), FOG_TEST(test_fragments),
	      FOG_TEST(test_full), FOG_TEST(test_set_change))
