/* SPDX-License-Identifier: BSD-3-Clause */
/* The client against a data plane played by the test, in one thread and on a clock of its own. The
 * played data plane keeps what a real one would keep: links by id with the generation that set
 * them, over attachments; a sweep removes the older ones. */
#include "controlplane/core/dpclient.h"

#include "dataplane/abi/attach.h"
#include "dataplane/abi/feed.h"
#include "tests/unit/fog_test.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MS 1000000ull

struct held_link {
	bool used;
	u64 generation;
	struct fog_command set;
};

struct plane {
	char dir[64];
	char path[96];
	int listener;
	u32 workers;
	u64 attachments;
	u64 boot_id;

	int sock;
	struct fog_region own, peer;
	int fds[FOG_REPLY_FDS_MAX];
	unsigned fd_count;
	struct fog_ring commands[FOG_WORKERS_MAX], events[FOG_WORKERS_MAX];
	struct fog_ring submissions[FOG_VERIFY_CLASSES], verdicts;
	u64 next_seq[FOG_WORKERS_MAX], generation[FOG_WORKERS_MAX];
	bool sweeping_done;

	struct held_link link[FOG_LINKS_MAX + 1];
	unsigned sets, deletes, closes, begins, ends;
	struct fog_command last_close;
};

struct seen {
	unsigned states[5];
	char why[256];
	struct fog_event event[64];
	unsigned events;
	int result[4096];
	unsigned results;
};

struct bench {
	struct plane plane;
	struct fog_dpclient *client;
	struct seen seen;
	u64 now;
	unsigned fds_before;
};

static unsigned open_fds(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n;
}

static void on_state(void *arg, enum fog_dpclient_state state, const char *why)
{
	struct seen *s = arg;

	s->states[state]++;
	snprintf(s->why, sizeof(s->why), "%s", why);
}

static void on_event(void *arg, u32 worker, const struct fog_event *event)
{
	struct seen *s = arg;

	s->event[s->events++ % 64] = *event;
}

static void on_verdict(void *arg, int result)
{
	struct seen *s = arg;

	s->result[s->results++ % 4096] = result;
}

static void plane_listen(struct plane *p)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	memcpy(un.sun_path, p->path, strlen(p->path) + 1);
	p->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(p->listener, (struct sockaddr *)&un, sizeof(un)) != 0 ||
	    listen(p->listener, 4) != 0)
		abort();
}

static void plane_hangup(struct plane *p)
{
	if (p->sock < 0)
		return;
	close(p->sock);
	p->sock = -1;
	for (unsigned i = 1; i < p->fd_count; i++)
		close(p->fds[i]);
	fog_region_close(&p->own);
	fog_region_close(&p->peer);
}

static void plane_vanish(struct plane *p)
{
	plane_hangup(p);
	if (p->listener >= 0)
		close(p->listener);
	p->listener = -1;
	unlink(p->path);
}

static void rings_open(struct plane *p)
{
	struct fog_data_region *d = p->own.base;
	struct fog_control_region *c = p->peer.base;

	for (u32 w = 0; w < p->workers; w++) {
		fog_ring_consumer(&p->commands[w], &c->command_head[w], &d->command_tail[w],
				  c->commands[w], FOG_COMMAND_RING_COUNT,
				  sizeof(struct fog_command));
		fog_ring_producer(&p->events[w], &d->event_head[w], &c->event_tail[w], d->events[w],
				  FOG_EVENT_RING_COUNT, sizeof(struct fog_event));
		p->next_seq[w] = 1;
		p->generation[w] = 0;
	}
	for (unsigned k = 0; k < FOG_VERIFY_CLASSES; k++)
		fog_ring_consumer(&p->submissions[k], &c->verify_head[0][k], &d->verify_tail[0][k],
				  c->verify[0][k].submit, FOG_VERIFY_RING_COUNT,
				  sizeof(struct fog_verify_submit));
	fog_ring_producer(&p->verdicts, &d->verdict_head[0], &c->verdict_tail[0], d->verdicts[0],
			  FOG_VERDICT_RING_COUNT, sizeof(struct fog_verify_verdict));
}

static struct fog_data_region *data_of(struct plane *p)
{
	return p->own.base;
}

static void plane_take_up(struct plane *p)
{
	for (u32 w = 0; w < p->workers; w++)
		atomic_store(&data_of(p)->status[w].attachment, p->attachments);
}

/* Accept and answer one HELLO; the workers have not taken it up yet. */
static void plane_answer(struct plane *p)
{
	struct fog_hello hello;
	char why[72];
	int fd;

	p->sock = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	CU_ASSERT_FATAL(p->sock >= 0);
	CU_ASSERT_EQUAL_FATAL(fog_hello_receive(p->sock, &hello, &fd, why), 0);
	CU_ASSERT_EQUAL_FATAL(
		fog_region_map_peer(&p->peer, fd, hello.region_size, FOG_REGION_CONTROL), 0);
	if (fog_region_create(&p->own, "dp", sizeof(struct fog_data_region), FOG_REGION_DATA,
			      p->boot_id) != 0)
		abort();
	p->fd_count = 3 + p->workers;
	p->fds[0] = p->own.fd;
	for (unsigned i = 1; i < p->fd_count; i++)
		p->fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct fog_hello_reply reply = {
		.magic = FOG_ABI_MAGIC,
		.abi = FOG_ABI,
		.layout_hash = fog_abi_layout_hash(),
		.region_size = p->own.size,
		.boot_id = p->boot_id,
		.attachment = ++p->attachments,
		.workers = p->workers,
		.verify_workers = 1,
	};
	CU_ASSERT_EQUAL(fog_hello_reply(p->sock, &reply, p->fds, p->fd_count), 0);
	rings_open(p);
}

static void command_apply(struct plane *p, u32 worker, const struct fog_command *c)
{
	CU_ASSERT_EQUAL(c->seq, p->next_seq[worker]);
	p->next_seq[worker] = c->seq + 1;
	switch (c->type) {
	case FOG_COMMAND_GENERATION_BEGIN:
		p->begins++;
		p->generation[worker] = c->generation;
		break;
	case FOG_COMMAND_GENERATION_END:
		p->ends++;
		CU_ASSERT_EQUAL(c->generation, p->generation[worker]);
		for (u32 id = 1; id <= FOG_LINKS_MAX; id++)
			if (id % p->workers == worker && p->link[id].generation < c->generation)
				p->link[id].used = false;
		atomic_store(&data_of(p)->status[worker].generation, c->generation);
		break;
	case FOG_COMMAND_LINK_SET:
		p->sets++;
		CU_ASSERT_EQUAL(c->link_id % p->workers, worker);
		CU_ASSERT_EQUAL(c->generation, p->generation[worker]);
		p->link[c->link_id] = (struct held_link){true, c->generation, *c};
		break;
	case FOG_COMMAND_LINK_DELETE:
		p->deletes++;
		CU_ASSERT(p->link[c->link_id].used);
		CU_ASSERT_EQUAL(memcmp(p->link[c->link_id].set.node_id, c->node_id, 32), 0);
		p->link[c->link_id].used = false;
		break;
	case FOG_COMMAND_CIRCUIT_CLOSE:
		p->closes++;
		p->last_close = *c;
		break;
	default:
		CU_FAIL("unknown command");
	}
}

/* What the workers do in one round: at most `max` commands each, and the snapshot. */
static void plane_work(struct plane *p, unsigned max)
{
	struct fog_command c;
	struct fog_snapshot s;

	if (p->sock < 0)
		return;
	const struct fog_control_region *control = p->peer.base;
	for (u32 w = 0; w < p->workers; w++) {
		for (unsigned n = 0; n < max && fog_ring_pop(&p->commands[w], &c) == 0; n++)
			command_apply(p, w, &c);
		atomic_store(&data_of(p)->status[w].snapshot_seen,
			     fog_snapshot_read(&control->snapshot, &s));
	}
}

static void bench_open(struct bench *b, u32 workers)
{
	memset(b, 0, sizeof(*b));
	b->fds_before = open_fds();
	b->now = 1000 * MS;
	struct plane *p = &b->plane;
	p->sock = p->listener = -1;
	p->own.fd = p->peer.fd = -1;
	p->workers = workers;
	p->boot_id = 50;
	snprintf(p->dir, sizeof(p->dir), "/tmp/fog-dpclient-XXXXXX");
	if (mkdtemp(p->dir) == NULL)
		abort();
	snprintf(p->path, sizeof(p->path), "%s/dataplane.sock", p->dir);
	struct fog_dpclient_config config = {
		.socket_path = p->path,
		.boot_id = 7,
		.state = on_state,
		.event = on_event,
		.arg = &b->seen,
	};
	if (fog_dpclient_open(&b->client, &config) != 0)
		abort();
}

static void bench_close(struct bench *b)
{
	fog_dpclient_close(b->client);
	plane_vanish(&b->plane);
	CU_ASSERT_EQUAL(rmdir(b->plane.dir), 0);
	CU_ASSERT_EQUAL(open_fds(), b->fds_before);
}

static u64 step(struct bench *b)
{
	return fog_dpclient_step(b->client, b->now);
}

static void attach(struct bench *b)
{
	if (b->plane.listener < 0)
		plane_listen(&b->plane);
	b->now += 10000 * MS; /* past any backoff */
	step(b);
	CU_ASSERT_EQUAL_FATAL(fog_dpclient_state(b->client), FOG_DPCLIENT_HELLO);
	plane_answer(&b->plane);
	step(b);
	CU_ASSERT_EQUAL_FATAL(fog_dpclient_state(b->client), FOG_DPCLIENT_READYING);
	plane_take_up(&b->plane);
	step(b);
	CU_ASSERT_EQUAL_FATAL(fog_dpclient_state(b->client), FOG_DPCLIENT_UP);
}

static struct fog_dpclient_link link_make(u32 n)
{
	struct fog_dpclient_link l = {.port = (u16)(1 + n % 60000)};

	fog_store_u32(l.node_id, n * 2654435761u);
	fog_store_u32(l.node_id + 4, n);
	fog_store_u32(l.link_pk, n);
	l.address[15] = (u8)n;
	return l;
}

/* The played data plane holds exactly the wanted links. */
static bool same_links(const struct bench *b)
{
	for (u32 id = 1; id <= FOG_LINKS_MAX; id++) {
		const struct fog_dpclient_link *want = fog_dpclient_link_get(b->client, id);
		const struct held_link *have = &b->plane.link[id];

		if ((want != NULL) != have->used)
			return false;
		if (want != NULL && (memcmp(want->node_id, have->set.node_id, 32) != 0 ||
				     memcmp(want->link_pk, have->set.link_pk, 32) != 0 ||
				     memcmp(want->address, have->set.address, 16) != 0 ||
				     want->port != have->set.port))
			return false;
	}
	return true;
}

static void settle(struct bench *b)
{
	for (unsigned i = 0; i < 200 && !fog_dpclient_synced(b->client); i++) {
		b->now += 3 * MS;
		plane_work(&b->plane, 100);
		step(b);
	}
	CU_ASSERT_TRUE(fog_dpclient_synced(b->client));
}

/* Status and counters of a data plane of two workers. */
static void shows(struct bench *b)
{
	struct fog_dpclient_info info;
	static struct fog_dpclient_counters counters;

	memset(data_of(&b->plane)->link_pk, 3, 32);
	memset(data_of(&b->plane)->io_name, 'x', sizeof(data_of(&b->plane)->io_name));
	memcpy(data_of(&b->plane)->io_name, "sim\n", 4);
	atomic_store(&data_of(&b->plane)->counters[0].dgrams_rx, 5);
	atomic_store(&data_of(&b->plane)->counters[1].dgrams_rx, 6);
	atomic_store(&data_of(&b->plane)->counters[1].drops[FOG_DROP_REPLAY], 9);
	CU_ASSERT_EQUAL(fog_dpclient_info(b->client, &info), 0);
	CU_ASSERT_EQUAL(info.boot_id, 50);
	CU_ASSERT_EQUAL(info.link_pk[31], 3);
	CU_ASSERT_EQUAL(strlen(info.io_name), sizeof(info.io_name) - 1);
	CU_ASSERT_NSTRING_EQUAL(info.io_name, "sim?xxx", 7);
	CU_ASSERT_EQUAL(fog_dpclient_counters(b->client, &counters), 0);
	CU_ASSERT_EQUAL(counters.workers, 2);
	CU_ASSERT_EQUAL(counters.counter_sum[0], 11);
	CU_ASSERT_EQUAL(counters.counter[1][0], 6);
	CU_ASSERT_EQUAL(counters.drop_sum[FOG_DROP_REPLAY], 9);
}

static void test_life_cycle(void)
{
	struct bench b;
	struct fog_snapshot policy = {.circuits_max = 77}, got;
	struct fog_dpclient_totals totals;

	bench_open(&b, 2);
	CU_ASSERT_EQUAL(fog_dpclient_state(b.client), FOG_DPCLIENT_DOWN);
	/* Said before anybody is there. */
	fog_dpclient_policy(b.client, &policy, b.now);
	struct fog_dpclient_link l = link_make(1);
	int id = fog_dpclient_link_set(b.client, &l);
	CU_ASSERT(id >= 1 && id <= FOG_LINKS_MAX);
	CU_ASSERT_EQUAL(fog_dpclient_link_set(b.client, &l), id);
	CU_ASSERT_EQUAL(fog_dpclient_link_count(b.client), 1);

	attach(&b);
	CU_ASSERT_FALSE(fog_dpclient_synced(b.client));
	const struct fog_control_region *control = b.plane.peer.base;
	CU_ASSERT(fog_snapshot_read(&control->snapshot, &got) != 0);
	CU_ASSERT_EQUAL(got.circuits_max, 77);
	CU_ASSERT_EQUAL(got.lease_ns, b.now + FOG_DPCLIENT_LEASE_MS * MS);
	settle(&b);
	CU_ASSERT_TRUE(same_links(&b));
	CU_ASSERT_EQUAL(b.plane.begins, 2);
	CU_ASSERT_EQUAL(b.plane.ends, 2);
	CU_ASSERT_EQUAL(b.plane.sets, 1);

	/* Changes go out at once and wake a sleeping worker. */
	fog_ring_wait_begin(&b.plane.commands[0]);
	fog_ring_wait_begin(&b.plane.commands[1]);
	l.port++;
	CU_ASSERT_EQUAL(fog_dpclient_link_set(b.client, &l), id);
	u64 n;
	CU_ASSERT_EQUAL(read(b.plane.fds[2 + id % 2], &n, 8), 8);
	settle(&b);
	CU_ASSERT_TRUE(same_links(&b));
	CU_ASSERT_EQUAL(fog_dpclient_link_delete(b.client, l.node_id), 0);
	settle(&b);
	CU_ASSERT_TRUE(same_links(&b));
	CU_ASSERT_EQUAL(b.plane.deletes, 1);
	CU_ASSERT_EQUAL(fog_dpclient_circuit_close(b.client, 5, 0x80000001u), 0);
	settle(&b);
	CU_ASSERT_EQUAL(b.plane.closes, 1);
	CU_ASSERT_EQUAL(b.plane.last_close.link_id, 5);
	CU_ASSERT_EQUAL(b.plane.last_close.circuit_id, 0x80000001u);

	shows(&b);
	fog_dpclient_totals(b.client, &totals);
	CU_ASSERT_EQUAL(totals.attachments, 1);
	CU_ASSERT_EQUAL(totals.commands, 2 * 2 + 1 + 3);
	bench_close(&b);
}

static void test_bad_arguments(void)
{
	struct fog_dpclient *c;
	struct fog_dpclient_config config = {0};
	struct fog_dpclient_info info;
	static struct fog_dpclient_counters counters;
	struct fog_dpclient_link l = link_make(1);
	char path[200];
	u8 zero[64] = {0};
	struct bench b;

	CU_ASSERT_EQUAL(fog_dpclient_open(&c, &config), -EINVAL);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	config.socket_path = path;
	CU_ASSERT_EQUAL(fog_dpclient_open(&c, &config), -EINVAL);
	CU_ASSERT_PTR_NULL(c);
	fog_dpclient_close(NULL);
	CU_ASSERT_STRING_EQUAL(fog_dpclient_state_name(0), "unknown");
	CU_ASSERT_STRING_EQUAL(fog_dpclient_state_name(9), "unknown");
	CU_ASSERT_STRING_EQUAL(fog_dpclient_state_name(FOG_DPCLIENT_UP), "up");

	bench_open(&b, 1);
	CU_ASSERT_EQUAL(fog_dpclient_info(b.client, &info), -ENOTCONN);
	CU_ASSERT_EQUAL(fog_dpclient_counters(b.client, &counters), -ENOTCONN);
	l.port = 0;
	CU_ASSERT_EQUAL(fog_dpclient_link_set(b.client, &l), -EINVAL);
	CU_ASSERT_EQUAL(fog_dpclient_link_delete(b.client, zero), -ENOENT);
	CU_ASSERT_PTR_NULL(fog_dpclient_link_get(b.client, 0));
	CU_ASSERT_PTR_NULL(fog_dpclient_link_get(b.client, 1));
	CU_ASSERT_PTR_NULL(fog_dpclient_link_get(b.client, FOG_LINKS_MAX + 1));
	CU_ASSERT_EQUAL(fog_dpclient_circuit_close(b.client, 1, 1), -ENOTCONN);
	CU_ASSERT_EQUAL(fog_dpclient_circuit_close(b.client, FOG_LINKS_MAX + 1, 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_dpclient_circuit_close(b.client, 1, 0), -EINVAL);
	CU_ASSERT_EQUAL(fog_dpclient_verify(b.client, zero, zero, zero, FOG_CHECK_PAYLOAD_MAX - 95,
					    0, on_verdict, NULL, 0),
			-EMSGSIZE);
	CU_ASSERT_EQUAL(fog_dpclient_verify(b.client, zero, zero, zero, 1, 4, on_verdict, NULL, 0),
			-EINVAL);
	CU_ASSERT_EQUAL(fog_dpclient_verify(b.client, zero, zero, zero, 1, 0, NULL, NULL, 0),
			-EINVAL);
	/* The table of links is as large as the data plane's. */
	for (u32 n = 0; n < FOG_LINKS_MAX; n++) {
		l = link_make(n);
		CU_ASSERT(fog_dpclient_link_set(b.client, &l) > 0);
	}
	l = link_make(FOG_LINKS_MAX);
	CU_ASSERT_EQUAL(fog_dpclient_link_set(b.client, &l), -ENOSPC);
	CU_ASSERT_EQUAL(fog_dpclient_link_count(b.client), FOG_LINKS_MAX);
	bench_close(&b);
}

/* Nobody there: tries at growing intervals, each a cheap connect. */
static void test_backoff(void)
{
	struct bench b;
	u64 last = 0;

	bench_open(&b, 1);
	for (unsigned i = 0; i < 12; i++) {
		u64 next = step(&b);
		u64 wait = next - b.now;

		CU_ASSERT(wait >= FOG_DPCLIENT_BACKOFF_MIN_MS * MS);
		CU_ASSERT(wait <= FOG_DPCLIENT_BACKOFF_MAX_MS * MS * 5 / 4);
		CU_ASSERT(i >= 5 || wait > last);
		last = wait;
		/* Stepping early changes nothing. */
		b.now += wait / 2;
		CU_ASSERT_EQUAL(step(&b), next);
		b.now = next;
	}
	CU_ASSERT_EQUAL(fog_dpclient_state(b.client), FOG_DPCLIENT_DOWN);
	attach(&b);
	bench_close(&b);
}

/* 1024 links on one worker do not fit its ring together with the generation marks. */
static void test_full_ring(void)
{
	struct bench b;
	struct fog_dpclient_link l;

	bench_open(&b, 1);
	for (u32 n = 0; n < FOG_LINKS_MAX; n++) {
		l = link_make(n);
		CU_ASSERT(fog_dpclient_link_set(b.client, &l) > 0);
	}
	attach(&b);
	CU_ASSERT(step(&b) <= b.now + 5 * MS);
	/* While it is stuck: changes, also of what is already in the ring, and closes. */
	for (u32 n = 0; n < 500; n++) {
		l = link_make(n);
		CU_ASSERT_EQUAL(fog_dpclient_link_delete(b.client, l.node_id), 0);
	}
	for (u32 n = 300; n < 600; n++) {
		l = link_make(n);
		l.port ^= 0x8000;
		CU_ASSERT(fog_dpclient_link_set(b.client, &l) > 0);
	}
	for (u32 i = 0; i < FOG_DPCLIENT_CLOSES_MAX; i++)
		CU_ASSERT_EQUAL(fog_dpclient_circuit_close(b.client, 1, 1 + i), 0);
	CU_ASSERT_EQUAL(fog_dpclient_circuit_close(b.client, 1, 1), -EAGAIN);
	settle(&b);
	CU_ASSERT_TRUE(same_links(&b));
	CU_ASSERT_EQUAL(b.plane.closes, FOG_DPCLIENT_CLOSES_MAX);
	bench_close(&b);
}

/* Loss of the data plane in every phase; each time everything is there again, and what was deleted
 * meanwhile is swept. */
static void test_replay(void)
{
	struct bench b;
	u64 generation = 0;

	bench_open(&b, 3);
	for (u32 n = 0; n < 60; n++) {
		struct fog_dpclient_link l = link_make(n);
		CU_ASSERT(fog_dpclient_link_set(b.client, &l) > 0);
	}
	for (unsigned round = 0; round < 10; round++) {
		struct fog_dpclient_link l = link_make(round);

		attach(&b);
		plane_work(&b.plane, round * 3); /* so far and no further */
		CU_ASSERT_EQUAL(fog_dpclient_link_delete(b.client, l.node_id), 0);
		plane_hangup(&b.plane);
		step(&b);
		CU_ASSERT_EQUAL(fog_dpclient_state(b.client), FOG_DPCLIENT_DOWN);
		CU_ASSERT_PTR_NOT_NULL(strstr(b.seen.why, "hung up"));
		l = link_make(100 + round);
		CU_ASSERT(fog_dpclient_link_set(b.client, &l) > 0);

		attach(&b);
		settle(&b);
		CU_ASSERT_TRUE(same_links(&b));
		CU_ASSERT(b.plane.generation[0] > generation);
		generation = b.plane.generation[0];
		plane_hangup(&b.plane);
		step(&b);
	}
	CU_ASSERT_EQUAL(fog_dpclient_link_count(b.client), 60);
	bench_close(&b);
}

/* A second control plane, started later, overrides what the first set: its generation is greater
 * and its link ids are the same. */
static void test_restart_of_client(void)
{
	struct bench b;
	struct fog_dpclient_link l = link_make(4);

	bench_open(&b, 4);
	int first = fog_dpclient_link_set(b.client, &l);
	l = link_make(5);
	CU_ASSERT(fog_dpclient_link_set(b.client, &l) > 0);
	attach(&b);
	settle(&b);
	u64 generation = b.plane.generation[0];
	fog_dpclient_close(b.client);
	plane_hangup(&b.plane);

	struct fog_dpclient_config config = {.socket_path = b.plane.path, .boot_id = 8};
	CU_ASSERT_EQUAL_FATAL(fog_dpclient_open(&b.client, &config), 0);
	l = link_make(4);
	CU_ASSERT_EQUAL(fog_dpclient_link_set(b.client, &l), first);
	attach(&b);
	settle(&b);
	CU_ASSERT(b.plane.generation[0] > generation);
	CU_ASSERT_TRUE(same_links(&b));
	bench_close(&b);
}

/* Random changes, slow workers and losses, then quiet: both sides agree. */
static void test_random(void)
{
	const char *env = getenv("FOG_SEED");
	u64 seed = env != NULL ? strtoull(env, NULL, 0) : 4711;
	u64 x = seed * 2654435761u + 88172645463325252ull;
	struct bench b;

	printf("seed %llu ", (unsigned long long)seed);
	bench_open(&b, 1 + (u32)(seed % 5));
	for (unsigned i = 0; i < 6000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		u32 n = (u32)(x >> 20) % 400;
		struct fog_dpclient_link l = link_make(n);

		l.port = (u16)(1 + (x >> 40) % 4);
		switch ((x >> 32) % 16) {
		case 0:
			if (b.plane.sock < 0)
				attach(&b);
			break;
		case 1:
			if ((x >> 36) % 8 == 0) {
				plane_hangup(&b.plane);
				step(&b);
			}
			break;
		case 2:
		case 3:
			plane_work(&b.plane, (unsigned)(x >> 50) % 6);
			break;
		case 4:
			b.now += 3 * MS;
			step(&b);
			break;
		case 5:
		case 6:
		case 7:
		case 8:
			(void)fog_dpclient_link_delete(b.client, l.node_id);
			break;
		default:
			CU_ASSERT(fog_dpclient_link_set(b.client, &l) > 0);
		}
	}
	if (b.plane.sock < 0)
		attach(&b);
	settle(&b);
	CU_ASSERT_TRUE(same_links(&b));
	CU_ASSERT(b.plane.attachments > 3);
	bench_close(&b);
}

static void test_lease(void)
{
	struct bench b;
	struct fog_snapshot policy = {0}, got;
	u64 last = 0;
	unsigned renewals = 0;

	bench_open(&b, 1);
	attach(&b);
	const struct fog_control_region *control = b.plane.peer.base;
	CU_ASSERT_EQUAL(fog_snapshot_read(&control->snapshot, &got), 0);
	fog_dpclient_policy(b.client, &policy, b.now);
	/* Called only when it asks to be: the lease never comes near its end. */
	for (unsigned i = 0; i < 1000; i++) {
		b.now = step(&b);
		CU_ASSERT(fog_snapshot_read(&control->snapshot, &got) != 0);
		CU_ASSERT(got.lease_ns > b.now + FOG_DPCLIENT_LEASE_MS * MS / 2);
		renewals += got.lease_ns != last;
		last = got.lease_ns;
	}
	CU_ASSERT(renewals > 10 && renewals < 100);
	bench_close(&b);
}

static void event_push(struct bench *b, u64 seq, u16 type, u32 link_id)
{
	struct fog_event e = {.seq = seq, .type = type, .link_id = link_id};
	u64 one = 1;

	CU_ASSERT_EQUAL(fog_ring_push(&b->plane.events[0], &e), 0);
	if (fog_ring_wants_wake(&b->plane.events[0]))
		CU_ASSERT_EQUAL(write(b->plane.fds[1], &one, 8), 8);
}

static bool readable(const struct bench *b)
{
	struct pollfd p = {.fd = fog_dpclient_fd(b->client), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void test_events(void)
{
	static const struct {
		unsigned number;
		u64 seq;
		u16 type;
		u32 link_id;
		bool good;
		unsigned lost;
	} cases[] = {
		{1, 1, FOG_EVENT_LINK_UP, 1, true, 0},
		{2, 2, FOG_EVENT_SWEPT, 0, true, 0},
		{3, 3, FOG_EVENT_INVALID, 1, false, 0},
		{4, 4, FOG_EVENT_LINK_BANDWIDTH + 1, 1, false, 0},
		{5, 5, 0xffff, 1, false, 0},
		{6, 6, FOG_EVENT_LINK_DOWN, FOG_LINKS_MAX, true, 0},
		{7, 7, FOG_EVENT_LINK_DOWN, FOG_LINKS_MAX + 2, false, 0},
		{8, 10, FOG_EVENT_LINK_UP, 1, true, 2},
		{9, 4, FOG_EVENT_LINK_UP, 1, true, 0},
	};
	struct fog_dpclient_totals t;
	struct bench b;
	u64 good = 0, lost = 0;

	bench_open(&b, 1);
	attach(&b);
	settle(&b);
	CU_ASSERT_FALSE(readable(&b));
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		event_push(&b, cases[i].seq, cases[i].type, cases[i].link_id);
		CU_ASSERT_TRUE(readable(&b));
		step(&b);
		CU_ASSERT_FALSE(readable(&b));
		good += cases[i].good;
		lost += cases[i].lost;
		fog_dpclient_totals(b.client, &t);
		CU_ASSERT_EQUAL(t.events, good);
		CU_ASSERT_EQUAL(t.events_invalid, i + 1 - good);
		CU_ASSERT_EQUAL(t.events_lost, lost);
		CU_ASSERT_EQUAL(b.seen.events, good);
	}
	/* A flood is taken in bounded bites. */
	for (u64 i = 0; i < FOG_EVENT_RING_COUNT; i++)
		event_push(&b, 11 + i, FOG_EVENT_LINK_UP, 1);
	unsigned bites = 0;
	while (step(&b) <= b.now)
		CU_ASSERT_FATAL(bites++ < 100);
	fog_dpclient_totals(b.client, &t);
	CU_ASSERT_EQUAL(t.events, good + FOG_EVENT_RING_COUNT);
	CU_ASSERT(bites >= FOG_EVENT_RING_COUNT / FOG_DPCLIENT_EVENTS_MAX - 1);
	bench_close(&b);
}

static int verify(struct bench *b, u8 n)
{
	u8 key[32] = {1}, signature[64] = {2};

	return fog_dpclient_verify(b->client, key, signature, &n, 1, n % FOG_VERIFY_CLASSES,
				   on_verdict, &b->seen, b->now);
}

/* The next submission of a class, and its payload. */
static const u8 *submission_pop(struct bench *b, unsigned class, struct fog_verify_submit *s)
{
	const struct fog_control_region *c = b->plane.peer.base;

	CU_ASSERT_EQUAL_FATAL(fog_ring_pop(&b->plane.submissions[class], s), 0);
	CU_ASSERT_FATAL(fog_feed_valid(s));
	return c->verify[0][class].arena + s->offset;
}

static void verdict_push(struct bench *b, u64 tag, i32 result)
{
	struct fog_verify_verdict v = {.tag = tag, .result = result};

	CU_ASSERT_EQUAL(fog_ring_push(&b->plane.verdicts, &v), 0);
}

static void test_verify(void)
{
	static const struct {
		unsigned number;
		i32 verdict;
		int result;
	} cases[] = {
		{1, 0, 0},
		{2, -EBADMSG, -EBADMSG},
		{3, -EINVAL, -EINVAL},
		{4, -EOPNOTSUPP, -EOPNOTSUPP},
		{5, 1, -EPROTO},
		{6, -EPERM, -EPROTO},
		{7, INT32_MIN, -EPROTO},
		{8, -ECANCELED, -EPROTO},
	};
	struct fog_verify_submit s;
	struct fog_dpclient_totals t;
	struct bench b;

	bench_open(&b, 1);
	attach(&b);
	settle(&b);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		u64 n;

		unsigned class = i % FOG_VERIFY_CLASSES;
		fog_ring_wait_begin(&b.plane.submissions[class]);
		CU_ASSERT_EQUAL(verify(&b, (u8)i), 0);
		CU_ASSERT_EQUAL(read(b.plane.fds[3], &n, 8), 8);
		const u8 *payload = submission_pop(&b, class, &s);
		CU_ASSERT(s.kind == FOG_CHECK_ED25519 && s.length == 97);
		CU_ASSERT(payload[96] == i && payload[0] == 1 && payload[32] == 2);
		CU_ASSERT_EQUAL(s.deadline_ns, b.now + FOG_DPCLIENT_VERIFY_MS * MS);
		/* Verdicts on things never asked, and one twice. */
		verdict_push(&b, s.tag + 1, 0);
		verdict_push(&b, s.tag ^ 1ull << 40, 0);
		verdict_push(&b, s.tag, cases[i].verdict);
		verdict_push(&b, s.tag, 0);
		verdict_push(&b, ~0ull, 0);
		step(&b);
		CU_ASSERT_EQUAL(b.seen.results, i + 1);
		CU_ASSERT_EQUAL(b.seen.result[i], cases[i].result);
		fog_dpclient_totals(b.client, &t);
		CU_ASSERT_EQUAL(t.verdicts, i + 1);
		CU_ASSERT_EQUAL(t.verdicts_invalid, 4 * (i + 1));
	}
	bench_close(&b);
}

#define VERIFY_ALL (FOG_VERIFY_CLASSES * FOG_DPCLIENT_VERIFY_MAX)

static void verify_all(struct bench *b)
{
	for (unsigned i = 0; i < VERIFY_ALL; i++)
		CU_ASSERT_EQUAL(verify(b, (u8)i), 0);
	for (unsigned k = 0; k < FOG_VERIFY_CLASSES; k++)
		CU_ASSERT_EQUAL(verify(b, (u8)k), -EAGAIN);
}

/* Submissions outlive the data plane, in order, but not for ever. */
static void test_verify_resubmission(void)
{
	struct fog_verify_submit s;
	struct bench b;

	bench_open(&b, 1);
	verify_all(&b);
	/* Nobody came: all fail, and all can be used again. */
	b.now += (FOG_DPCLIENT_VERIFY_MS + 1) * MS;
	step(&b);
	CU_ASSERT_EQUAL(b.seen.results, VERIFY_ALL);
	CU_ASSERT_EQUAL(b.seen.result[17], -ECONNRESET);

	b.seen.results = 0;
	attach(&b);
	verify_all(&b);
	for (unsigned attempt = 0; attempt < FOG_DPCLIENT_VERIFY_TRIES; attempt++) {
		for (unsigned i = 0; i < VERIFY_ALL; i++)
			CU_ASSERT_EQUAL(submission_pop(&b, i % FOG_VERIFY_CLASSES, &s)[96], (u8)i);
		CU_ASSERT_EQUAL(b.seen.results, 0);
		plane_hangup(&b.plane);
		step(&b);
		if (attempt + 1 == FOG_DPCLIENT_VERIFY_TRIES)
			break;
		if (b.plane.listener < 0)
			plane_listen(&b.plane);
		b.now += 400 * MS; /* soon enough for the time limit */
		step(&b);
		plane_answer(&b.plane);
		plane_take_up(&b.plane);
		step(&b);
		CU_ASSERT_EQUAL_FATAL(fog_dpclient_state(b.client), FOG_DPCLIENT_UP);
	}
	CU_ASSERT_EQUAL(b.seen.results, VERIFY_ALL);
	CU_ASSERT_EQUAL(b.seen.result[0], -ECONNRESET);

	/* Attached, but no verdict: that is another answer. A late one is ignored. */
	b.seen.results = 0;
	attach(&b);
	CU_ASSERT_EQUAL(verify(&b, 9), 0);
	submission_pop(&b, 1, &s);
	b.now += (FOG_DPCLIENT_VERIFY_MS + 1) * MS;
	step(&b);
	CU_ASSERT_EQUAL(b.seen.results, 1);
	CU_ASSERT_EQUAL(b.seen.result[0], -ETIMEDOUT);
	verdict_push(&b, s.tag, 0);
	step(&b);
	CU_ASSERT_EQUAL(b.seen.results, 1);
	CU_ASSERT_EQUAL(verify(&b, 10), 0);
	b.seen.results = 0;
	bench_close(&b);
	CU_ASSERT_EQUAL(b.seen.results, 1);
	CU_ASSERT_EQUAL(b.seen.result[0], -ECANCELED);
}

/* Large payloads fill the arena long before the ring: they wait, and follow as room comes. */
static void test_verify_back_pressure(void)
{
	static u8 payload[FOG_CHECK_PAYLOAD_MAX];
	const unsigned total = 40;
	struct fog_verifier_request r = {.kind = FOG_CHECK_SIGMA,
					 .class = FOG_VERIFY_BULK,
					 .payload = payload,
					 .length = sizeof(payload)};
	struct fog_verify_submit s;
	struct bench b;
	unsigned got = 0, turns = 0;

	bench_open(&b, 1);
	attach(&b);
	struct fog_verifier v = fog_dpclient_verifier(b.client);
	for (unsigned i = 0; i < total; i++) {
		memset(payload, (int)i, sizeof(payload));
		CU_ASSERT_EQUAL(fog_verifier_submit(&v, &r, on_verdict, &b.seen, b.now), 0);
	}
	r.deadline_ns = b.now;
	CU_ASSERT_EQUAL(fog_verifier_submit(&v, &r, on_verdict, &b.seen, b.now), -ETIMEDOUT);
	CU_ASSERT_EQUAL(verify(&b, 0), 0); /* another class has room */
	submission_pop(&b, 0, &s);
	while (got < total && turns++ < total) {
		while (fog_ring_ready(&b.plane.submissions[3]) != 0) {
			const u8 *p = submission_pop(&b, 3, &s);

			CU_ASSERT(s.length == sizeof(payload) && p[0] == got &&
				  p[sizeof(payload) - 1] == got);
			verdict_push(&b, s.tag, got % 2 == 0 ? 0 : -EBADMSG);
			got++;
		}
		step(&b);
	}
	CU_ASSERT_EQUAL(got, total);
	CU_ASSERT(turns >= total / 8);
	CU_ASSERT_EQUAL(b.seen.results, total);
	for (unsigned i = 0; i < total; i++)
		CU_ASSERT_EQUAL(b.seen.result[i], i % 2 == 0 ? 0 : -EBADMSG);
	bench_close(&b);
}

/* A data plane that refuses, is silent, never gets ready, or writes nonsense. */
static void test_hostile_plane(void)
{
	struct bench b;

	bench_open(&b, 2);
	plane_listen(&b.plane);
	step(&b);
	CU_ASSERT_EQUAL(fog_dpclient_state(b.client), FOG_DPCLIENT_HELLO);
	b.now = step(&b) + 1;
	step(&b);
	CU_ASSERT_EQUAL(fog_dpclient_state(b.client), FOG_DPCLIENT_DOWN);
	CU_ASSERT_PTR_NOT_NULL(strstr(b.seen.why, "does not answer"));
	plane_vanish(&b.plane);

	plane_listen(&b.plane);
	b.now += 10000 * MS;
	step(&b);
	plane_answer(&b.plane);
	step(&b);
	CU_ASSERT_EQUAL(fog_dpclient_state(b.client), FOG_DPCLIENT_READYING);
	b.now += (FOG_DPCLIENT_HELLO_MS + 1) * MS;
	step(&b);
	CU_ASSERT_EQUAL(fog_dpclient_state(b.client), FOG_DPCLIENT_DOWN);
	CU_ASSERT_PTR_NOT_NULL(strstr(b.seen.why, "workers"));
	plane_hangup(&b.plane);

	for (unsigned i = 0; i < 4; i++) {
		attach(&b);
		struct fog_data_region *d = data_of(&b.plane);
		if (i == 0)
			atomic_store(&d->event_head[1].head, 1ull << 40);
		if (i == 1)
			atomic_store(&d->command_tail[0].tail, 1ull << 40);
		if (i == 2)
			atomic_store(&d->verdict_head[0].head, FOG_VERDICT_RING_COUNT + 1);
		if (i == 3)
			CU_ASSERT_EQUAL(send(b.plane.sock, "x", 1, 0), 1);
		for (u32 n = 0; i == 1 && n < FOG_LINKS_MAX; n++) {
			/* The position is looked at when the ring seems full. */
			struct fog_dpclient_link l = link_make(n);
			(void)fog_dpclient_link_set(b.client, &l);
			l.port++;
			(void)fog_dpclient_link_set(b.client, &l);
		}
		step(&b);
		CU_ASSERT_EQUAL(fog_dpclient_state(b.client), FOG_DPCLIENT_DOWN);
		CU_ASSERT_PTR_NOT_NULL(strstr(b.seen.why, i == 3 ? "hung up" : "impossible"));
		plane_hangup(&b.plane);
	}
	attach(&b);
	settle(&b);
	CU_ASSERT_TRUE(same_links(&b));
	bench_close(&b);
}

FOG_TEST_MAIN("controlplane/core/dpclient", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_backoff), FOG_TEST(test_full_ring), FOG_TEST(test_replay),
	      FOG_TEST(test_restart_of_client), FOG_TEST(test_random), FOG_TEST(test_lease),
	      FOG_TEST(test_events), FOG_TEST(test_verify), FOG_TEST(test_verify_resubmission),
	      FOG_TEST(test_verify_back_pressure), FOG_TEST(test_hostile_plane))
