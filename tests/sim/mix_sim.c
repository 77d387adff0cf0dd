/* SPDX-License-Identifier: BSD-3-Clause */
/* Mail through a mixnet, in virtual time: five mixes in three layers, a sender, a recipient who is
 * offline at times and whose provider is one of the mixes, a lossy network. Every message must end
 * up in the recipient's inbox or be reported lost to its sender; a mix that restarts takes nothing
 * twice; a provider that restarts loses nothing it acknowledged; keys of old epochs are refused.
 *
 *	mix_sim --messages 1000000			the full size: short messages, most of them
 *to a recipient who is the provider; an hour
 *	mix_sim --bad drop|delay|alter			a bad mix is found and no other one accused
 */
#include <dirent.h>
#include <getopt.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/mem.h"
#include "dataplane/edge/mix/mail.h"
#include "tests/sim/testbed.h"
#include "tests/unit/fog_place.h"

#define MIXES    5
#define SENDER   5
#define READER   6
#define PROVIDER 4
#define HOSTS    7
#define EPOCH    1000
#define STEP     (bulk ? 5 * TB_MS : 1 * TB_MS)
#define BULK     5000 /* messages from which on the simulation is coarser */

static struct tb tb;
static struct client {
	struct fog_mail mail;
	struct fog_mailstore store;
	char dir[64];
	bool on;
} client[HOSTS];
static struct fog_topology topology;
static u64 epoch = EPOCH, oldest = EPOCH;
static unsigned failures;
static u64 delivered, lost, received, twice, expected;
static u32 *came_ms;      /* by number: when; 0 = not yet */
static u8 reader_box[32]; /* known even while the reader is away */
static u8 provider_box[32];
static bool bulk;
static struct fog_suspicion suspected[64];
static unsigned suspicions;
static const char *bad = "";
static u32 loss = 10000;
static u64 wanted = 600, seed = 1;

#define EXPECT(cond, ...)                                   \
	do {                                                \
		if (!(cond)) {                              \
			failures++;                         \
			printf("%s:%d: ", #cond, __LINE__); \
			printf(__VA_ARGS__);                \
			printf("\n");                       \
		}                                           \
	} while (0)

static u32 host_of(const struct client *c)
{
	return (u32)(c - client);
}

static bool send_packet(void *user, const u8 first_hop[32], u64 of_epoch, const u8 *packet)
{
	struct fog_edge_slot s = {.kind = FOG_EDGE_MIX, .length = FOG_BODY_SIZE};

	memcpy(s.data, packet, FOG_BODY_SIZE);
	memcpy(s.node, first_hop, 32);
	s.epoch = of_epoch;
	u32 i = host_of(user);
	return tb.host[i].alive && tb_edge_slot(&tb, i, &s) == 0;
}

static void over(void *user, const struct fog_mail_out *m)
{
	(void)user;
	*(m->state == FOG_MAIL_LOST ? &lost : &delivered) += 1;
}

/* The text is its own number, all over. */
static void check_text(const u8 *text, size_t len)
{
	u64 first;

	EXPECT(len > FOG_MAIL_HEAD + 8, "length %zu", len);
	memcpy(&first, text + FOG_MAIL_HEAD, 8);
	EXPECT(first < expected, "number %" PRIu64, first);
	for (size_t i = FOG_MAIL_HEAD + 8; i < len; i++)
		if (text[i] != (u8)(first + i)) {
			EXPECT(false, "text of %" PRIu64 " at %zu", first, i);
			break;
		}
	if (first >= expected)
		return;
	if (came_ms[first] != 0) {
		twice++;
		printf("%" PRIu64 " came again after %.1f s\n", first,
		       (double)(tb.now / TB_MS - came_ms[first]) / 1e3);
		return;
	}
	came_ms[first] = (u32)(tb.now / TB_MS);
	received++;
}

static void got(void *user, const u8 id[FOG_STORE_ID])
{
	static u8 text[FOG_STORE_MESSAGE_MAX];
	struct client *c = user;
	size_t len;

	int rc = fog_mailstore_get(&c->store, FOG_MAILSTORE_INBOX, id, text, sizeof(text), &len);
	EXPECT(rc == 0, "inbox: %d", rc);
	check_text(text, len);
	(void)fog_mailstore_delete(&c->store, FOG_MAILSTORE_INBOX, id);
}

static void suspect(void *user, const struct fog_suspicion *s)
{
	(void)user;
	if (suspicions < 64)
		suspected[suspicions++] = *s;
}

static const struct fog_mail_ops ops = {send_packet, over, got, suspect};

static void on_mix(struct tb *t, struct tb_host *h, struct fog_edge_slot *s)
{
	struct client *c = &client[h->index];

	(void)t;
	if (c->on)
		fog_mail_receive(&c->mail, s->handle, s->node, s->surb, s->epoch, s->data,
				 s->length, tb.now);
}

static void policies_set(void)
{
	for (u32 i = 0; i < HOSTS; i++) {
		struct fog_snapshot *p = &tb.host[i].policy;
		p->mix_epoch = epoch;
		p->mix_oldest = oldest;
		/* Padding is what costs most of the simulator's time. */
		p->mix_link_interval_us = bulk ? 0 : bad[0] != '\0' ? 5000 : 10000;
		p->mix_link_poisson = 1;
		if (tb.host[i].alive)
			tb_policy(&tb, i);
	}
}

/* What the directory would say. */
static void topology_read(void)
{
	u64 epochs[FOG_MIX_KEYS];
	u8 keys[FOG_MIX_KEYS][32];

	memset(&topology, 0, sizeof(topology));
	topology.epoch = epoch;
	topology.delay_mean_us = 20000;
	for (u32 i = 0; i < HOSTS; i++) {
		struct fog_mixnet_host *h = &topology.host[topology.count];
		EXPECT(fog_mix_keys_read(&tb.host[i].data->mix_keys, epochs, keys), "keys of %u",
		       i);
		for (unsigned k = 0; k < FOG_MIX_KEYS; k++)
			if (epochs[k] == epoch) {
				memcpy(h->node_id, tb.host[i].node_id, 32);
				memcpy(h->key, keys[k], 32);
				h->layer = i < MIXES ? (u8)(i % FOG_MIXNET_LAYERS)
						     : FOG_MIXNET_NO_LAYER;
				topology.count++;
			}
	}
	EXPECT(topology.count == HOSTS, "only %u keys", topology.count);
	for (u32 i = 0; i < HOSTS; i++) {
		memcpy(topology.self, tb.host[i].node_id, 32);
		if (client[i].on)
			fog_mail_topology(&client[i].mail, &topology, tb.now);
	}
}

static void client_start(u32 i, double real, double loop)
{
	struct fog_mail_rates rates = {.real = real,
				       .loop = loop,
				       .drop = 1,
				       .slack_ns = 700 * TB_MS,
				       .fetch_ns = 300 * TB_MS};
	struct client *c = &client[i];
	u8 box_seed[32] = {(u8)(i + 1)}, rng_seed[32];

	EXPECT(fog_mailstore_open(&c->store, c->dir) == 0, "store");
	fog_rng_bytes(&tb.rng, rng_seed, 32);
	int rc = fog_mail_init(&c->mail, &ops, c, &c->store, box_seed, rng_seed, tb.now, 1000000);
	EXPECT(rc == 0, "mail: %d", rc);
	if (i == READER)
		memcpy(c->mail.provider, tb.host[PROVIDER].node_id, 32);
	c->on = true;
	memcpy(topology.self, tb.host[i].node_id, 32);
	fog_mail_topology(&c->mail, &topology, tb.now);
	fog_mail_rates_set(&c->mail, &rates, tb.now);
}

static void client_stop(u32 i)
{
	fog_mail_free(&client[i].mail);
	fog_mailstore_close(&client[i].store);
	client[i].on = false;
}

static void run(u64 ns)
{
	for (u64 end = tb.now + ns; tb.now < end;) {
		for (u32 i = 0; i < HOSTS; i++)
			if (client[i].on)
				fog_mail_poll(&client[i].mail, tb.now);
		tb_run(&tb, STEP);
	}
}

static void send_some(u64 count)
{
	u8 text[700], id[FOG_STORE_ID];

	for (u64 n = 0; n < count && expected < wanted; n++) {
		size_t len = 9 + fog_rng_below(&tb.rng, bulk ? 150 : sizeof(text) - 9);
		const u8 *box = bulk && expected % 64 != 0 ? provider_box : reader_box;
		memcpy(text, &expected, 8);
		for (size_t i = 8; i < len; i++)
			text[i] = (u8)(expected + i + FOG_MAIL_HEAD);
		int rc = fog_mail_send(&client[SENDER].mail, tb.host[PROVIDER].node_id, box, text,
				       len, tb.now, id);
		if (rc == -ENOSPC)
			return;
		EXPECT(rc == 0, "send: %d", rc);
		expected++;
	}
}

static void forget_old(void)
{
	struct fog_mail *m = &client[SENDER].mail;

	for (u32 i = 0; i < FOG_MAIL_OUT_MAX; i++)
		if (m->out[i].used && m->out[i].state != FOG_MAIL_SENDING)
			m->out[i].used = false;
}

/* A packet through mix `to` that went its way once; sent again it is one more REPLAY. */
static u8 old_packet[FOG_BODY_SIZE];

static void old_packet_make(u32 to)
{
	struct fog_mixnet_path p;

	do {
		FOG_ASSERT(fog_topology_path(&topology, &tb.rng, tb.host[READER].node_id, &p) == 0);
	} while (p.mix[0] != to);
	u8 payload[FOG_BODY_SIZE] = {0};
	FOG_ASSERT(fog_sphinx_wrap(&client[SENDER].mail.geometry, &tb.rng, p.hop, p.hops, payload,
				   old_packet) == 0);
	send_packet(&client[SENDER], tb.host[to].node_id, epoch, old_packet);
}

static void host_restart(u32 i)
{
	bool was_client = client[i].on;
	double real = client[i].mail.rates.real, loop = client[i].mail.rates.loop;

	tb_host_kill(&tb, i);
	if (was_client)
		client_stop(i);
	run(300 * TB_MS);
	tb_host_start(&tb, i);
	tb_generation_begin(&tb, i);
	for (u32 k = 0; k < HOSTS; k++)
		if (k != i)
			tb_link(&tb, i, k);
	tb_generation_end(&tb, i);
	run(2000 * TB_MS);
	if (was_client)
		client_start(i, real, loop);
}

static void restart_checked(u32 i)
{
	u64 before;

	old_packet_make(i);
	run(100 * TB_MS);
	host_restart(i);
	before = tb_drops(&tb, i, FOG_DROP_MIX_REPLAY);
	/* The network may lose it: more than once. */
	for (unsigned n = 0; n < 5; n++)
		send_packet(&client[SENDER], tb.host[i].node_id, epoch, old_packet);
	run(200 * TB_MS);
	EXPECT(tb_drops(&tb, i, FOG_DROP_MIX_REPLAY) > before, "no replay refused");
	EXPECT(tb_drops(&tb, i, FOG_DROP_MIX_AUTH) == 0, "the key was lost");
}

static void epoch_turn(void)
{
	u64 before = tb_drops(&tb, 0, FOG_DROP_MIX_EPOCH);

	old_packet_make(0);
	epoch++;
	policies_set();
	run(100 * TB_MS);
	topology_read();
	/* Until what is under way in the old epoch has arrived. */
	run(3000 * TB_MS);
	oldest = epoch;
	policies_set();
	run(100 * TB_MS);
	for (unsigned n = 0; n < 5; n++)
		send_packet(&client[SENDER], tb.host[0].node_id, epoch - 1, old_packet);
	run(200 * TB_MS);
	EXPECT(tb_drops(&tb, 0, FOG_DROP_MIX_EPOCH) > before, "an old key still works");
}

static void folders(bool make)
{
	for (u32 i = 0; i < HOSTS; i++) {
		struct tb_host *h = &tb.host[i];
		if (make) {
			snprintf(client[i].dir, sizeof(client[i].dir),
				 "/dev/shm/fog-mix-sim-XXXXXX");
			FOG_ASSERT(mkdtemp(client[i].dir) != NULL);
			snprintf(h->mix_dir, sizeof(h->mix_dir), "%s", client[i].dir);
		} else {
			(void)fog_test_tree_remove(client[i].dir);
		}
	}
}

static void fog_start(void)
{
	struct fog_sim_path path = {.delay_ns = 2 * TB_MS, .jitter_ns = TB_MS};

	tb_init(&tb, seed, HOSTS, 1, 256);
	tb.mix_tags = bulk ? (u32)FOG_MIN(4 * wanted, (u64)FOG_MIX_TAGS_LIMIT) : 0;
	tb.grain_ns = bulk ? STEP : 0;
	folders(true);
	for (u32 i = 0; i < HOSTS; i++) {
		tb_host_kill(&tb, i);
		tb_host_start(&tb, i);
	}
	tb.on_mix = on_mix;
	EXPECT(tb_mesh(&tb), "no mesh");
	policies_set();
	run(50 * TB_MS);
	topology_read();
	path.loss = loss;
	fog_sim_set_default(tb.sim, &path);
}

/* The full size takes its time. */
static void progress(void)
{
	static u64 told;

	if (!bulk || delivered + lost < told + 10000)
		return;
	told = delivered + lost;
	printf("%" PRIu64 " acknowledged, %" PRIu64 " lost, %" PRIu64 " in the inboxes, %.0f s\n",
	       delivered, lost, received, (double)tb.now / 1e9);
	fflush(stdout);
}

static void mail_run(void)
{
	double rate = bulk ? 1000 : 15, reads = bulk ? 50 : 15;
	unsigned step = 0;

	client_start(SENDER, rate, 2);
	client_start(READER, reads, 2);
	client_start(PROVIDER, 5, 0);
	memcpy(reader_box, client[READER].mail.box.id, 32);
	memcpy(provider_box, client[PROVIDER].mail.box.id, 32);
	while (delivered + lost < wanted && tb.now < (600 + wanted) * TB_S) {
		forget_old();
		send_some(bulk ? FOG_MAIL_OUT_MAX : wanted / 20);
		run(bulk ? 100 * TB_MS : 500 * TB_MS);
		progress();
		/* Each once, in the thick of it. */
		if (step == 0 && delivered >= wanted / 10 && ++step)
			restart_checked(3);
		else if (step == 1 && delivered >= wanted / 5 && ++step)
			host_restart(PROVIDER);
		else if (step == 2 && delivered >= wanted * 3 / 10 && ++step)
			client_stop(READER); /* offline: its provider holds on */
		else if (step == 3 && delivered >= wanted * 4 / 10 && ++step)
			client_start(READER, reads, 2);
		else if (step == 4 && delivered >= wanted / 2 && ++step)
			host_restart(SENDER); /* what it accepted goes on */
		else if (step == 5 && delivered >= wanted * 6 / 10 && ++step)
			epoch_turn();
	}
	EXPECT(step == 6, "only %u of the steps", step);
	for (unsigned i = 0; i < 240 + wanted / 5 && received < delivered; i++)
		run(500 * TB_MS);
	const struct fog_mail_counts *c = &client[SENDER].mail.counts;
	printf("%" PRIu64 " sent: %" PRIu64 " acknowledged, %" PRIu64 " reported lost, %" PRIu64
	       " in the inbox; %" PRIu64 " fragments again, %.0f s of virtual time\n",
	       expected, delivered, lost, received, c->resent, (double)tb.now / 1e9);
	EXPECT(delivered + lost == wanted, "%" PRIu64 " neither", wanted - delivered - lost);
	EXPECT(received >= delivered, "%" PRIu64 " acknowledged but gone", delivered - received);
	EXPECT(twice == 0, "%" PRIu64 " came twice", twice);
	EXPECT(lost <= wanted / 50, "too many lost");
	EXPECT(suspicions == 0, "an honest mix is accused");
}

/* ---- a bad mix ---------------------------------------------------------------------------- */

#define BAD_MIX 1

/* Does its evil between its mix and its links: to three in ten. */
static void misbehave(void)
{
	struct fog_mixnet *m = &tb.host[BAD_MIX].dp->mixnet;
	struct fog_mix_link *l;

	for (u32 i = 0; i < m->author_count; i++) {
		l = &m->links[m->authors[i]];
		if (l->count == 0 || fog_rng_below(&tb.rng, 100) >= 30)
			continue;
		struct fog_mix_held *h = &m->wheel->held[l->first];
		if (strcmp(bad, "alter") == 0)
			h->body[m->geometry.header + 5] ^= 1;
		if (strcmp(bad, "drop") == 0)
			memset(h->body + 40, 0, 8); /* the next hop throws it away */
		if (strcmp(bad, "delay") == 0) {
			u32 held = l->first;
			l->first = h->next;
			l->count--;
			fog_mix_wheel_put(m->wheel, held, tb.now + 900 * TB_MS);
		}
	}
}

static enum fog_loop_outcome bad_kind(void)
{
	return strcmp(bad, "alter") == 0   ? FOG_LOOP_ALTERED
	       : strcmp(bad, "delay") == 0 ? FOG_LOOP_LATE
					   : FOG_LOOP_LOST;
}

static void bad_run(void)
{
	client_start(SENDER, 10, 20);
	for (unsigned i = 0; i < 200 * 200 && suspicions == 0; i++) {
		misbehave();
		run(5 * TB_MS);
	}
	const struct fog_mail_counts *c = &client[SENDER].mail.counts;
	printf("loops: %" PRIu64 " back, %" PRIu64 " late, %" PRIu64 " altered, %" PRIu64 " lost\n",
	       c->loops_back, c->loops_late, c->loops_altered, c->loops_lost);
	EXPECT(suspicions > 0, "a mix that does %s is not found", bad);
	for (unsigned i = 0; i < suspicions; i++) {
		EXPECT(memcmp(suspected[i].node_id, tb.host[BAD_MIX].node_id, 32) == 0,
		       "the wrong mix is accused");
		EXPECT(suspected[i].kind == bad_kind(), "of the wrong thing: %d",
		       suspected[i].kind);
		printf("found after %u loops through it, %u bad; others %u, %u bad; sigma %.1f\n",
		       suspected[i].loops, suspected[i].bad, suspected[i].others,
		       suspected[i].others_bad, suspected[i].sigma);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"messages", required_argument, NULL, 'm'},
						{"loss", required_argument, NULL, 'l'},
						{"bad", required_argument, NULL, 'b'},
						{NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			wanted = strtoull(optarg, NULL, 0);
			break;
		case 'l':
			loss = (u32)strtoul(optarg, NULL, 0);
			break;
		case 'b':
			bad = optarg;
			break;
		default:
			fprintf(stderr,
				"usage: mix_sim [--seed N] [--messages N] [--loss MILLIONTHS]"
				" [--bad drop|delay|alter]\n");
			return 2;
		}
	}
	bulk = wanted > BULK;
	came_ms = calloc(wanted + 1, sizeof(*came_ms));
	FOG_ASSERT(came_ms != NULL);
	fog_start();
	if (bad[0] != '\0')
		bad_run();
	else
		mail_run();
	for (u32 i = 0; i < HOSTS; i++)
		if (client[i].on)
			client_stop(i);
	folders(false);
	tb_free(&tb);
	free(came_ms);
	printf("%d passed, %u failed\n", failures == 0, failures);
	return failures != 0;
}
