/* SPDX-License-Identifier: BSD-3-Clause */
/* How well a whole mixnet hides from somebody who sees every link: real packets through the data
 * planes of twelve hosts on the network in memory - three senders, six mixes in three layers, three
 * recipients - and an observer who gets time, source and destination of each datagram and knows the
 * law of the delays.
 *
 * The observer. The delay has no memory, so of the messages inside a mix each is as likely to be
 *the next to leave. From the entry of a message he follows its probability through the pools: a mix
 * that holds n messages and the share m of the probability gives m / n to the one that leaves. What
 * reaches the recipients is the posterior over exits: its entropy is the receiver's. Time runs
 * backward by the same rule (M/M/inf is reversible), which gives the sender's. His attack names the
 * exit (or entry) of the highest posterior.
 *
 * Closed forms, with messages (cover too) at rate L through the network and a mean delay d a mix:
 *
 *	entropy		of an Erlang-3 delay of mean 3 d against exits at rate L:
 *			log2(L d) + (3 + ln 2 - 2 psi(3)) / ln 2, for a stream: as many messages
 *			as there are make it less, by up to 1 / sqrt(L d)
 *	attack		at most (1 - exp(-a)) / a, a = what one mix holds: so well is a message
 *hidden by a single mix from one who knows all that happens in the others
 *
 * Exit status 1 when a measure is off. --table: the rows of the document, longer; --svg FILE. */
#include <math.h>

#include "dataplane/edge/mix/topology.h"
#include "tests/sim/testbed.h"

#define SENDERS  3
#define MIXES    6
#define HOSTS    12
#define MIX_0    SENDERS
#define READER_0 (SENDERS + MIXES)
#define EPOCH    1000
#define EVENTS   200000
#define MESSAGES 50000
#define MARGIN   24 /* mean delays before and after a target: all of its probability is seen */
#define PSI_3    0.92278433509846714 /* digamma(3) */
/* Of every link, to the nanosecond: nothing for the observer to guess. */
#define LINK_DELAY (2 * TB_MS)
/* No pings and no new keys of links so long: what is sent is the mix's. */
#define QUIET_MS 3600000

static struct tb tb;
static struct fog_topology topology;
static struct fog_sphinx_geometry geometry;
static struct fog_rng rng;

/* A datagram with a cell, which is one of the mix: there are no others. */
static struct event {
	u64 sent_ns;
	u8 from, to;
	double share; /* of the target's probability; below 0 until it was delivered */
} event[EVENTS];
static u32 events;

/* Both ends of every datagram in the order of time. */
static struct item {
	u64 at_ns;
	u32 event;
	u32 inside; /* the host, before it */
	bool arrival;
} item[2 * EVENTS];
static u32 at_departure[EVENTS], at_arrival[EVENTS]; /* places in item */

/* What happened: numbers of events. */
static struct message {
	u32 entry, exit;
} message[MESSAGES];
static u32 messages, arrived;

struct setting {
	double rate, cover, delay; /* messages and cover a second, of all senders; seconds */
};

struct result {
	double entropy[2]; /* receiver, sender */
	double hosts[2];   /* the same over hosts, not messages */
	double won[2], hoped[2];
	double model, bound;
	u32 targets;
};

/* ---- the network -------------------------------------------------------------------------- */

static u8 host_of(const struct fog_address *a)
{
	for (u32 i = 0; i < HOSTS; i++)
		if (tb.host[i].address.port == a->port)
			return (u8)i;
	FOG_UNREACHABLE();
}

static bool observe(void *arg, const struct fog_address *from, const struct fog_address *to,
		    u8 *data, u32 *length)
{
	(void)arg;
	(void)data;
	(void)length;
	FOG_ASSERT(events < EVENTS);
	event[events++] = (struct event){
		.sent_ns = tb.now, .from = host_of(from), .to = host_of(to), .share = -1};
	return true;
}

/* It came with the first datagram that arrives now and was not taken yet. */
static void on_mix(struct tb *t, struct tb_host *h, struct fog_edge_slot *s)
{
	u32 number, found = UINT32_MAX;

	memcpy(&number, s->data + FOG_SPHINX_TAG_SIZE, sizeof(number));
	FOG_ASSERT(number < messages);
	for (u32 e = events; e-- > 0 && event[e].sent_ns + LINK_DELAY >= t->now;)
		if (event[e].sent_ns + LINK_DELAY == t->now && event[e].to == h->index &&
		    event[e].share < 0)
			found = e;
	FOG_ASSERT(found != UINT32_MAX);
	event[found].share = 0;
	message[number].exit = found;
	arrived++;
}

static void topology_read(void)
{
	u64 epochs[FOG_MIX_KEYS];
	u8 keys[FOG_MIX_KEYS][32];

	topology = (struct fog_topology){.epoch = EPOCH, .count = HOSTS};
	for (u32 i = 0; i < HOSTS; i++) {
		struct fog_mixnet_host *h = &topology.host[i];
		bool mixes = i >= MIX_0 && i < READER_0;
		FOG_ASSERT(fog_mix_keys_read(&tb.host[i].data->mix_keys, epochs, keys));
		for (unsigned k = 0; k < FOG_MIX_KEYS; k++)
			if (epochs[k] == EPOCH)
				memcpy(h->key, keys[k], 32);
		memcpy(h->node_id, tb.host[i].node_id, 32);
		h->layer = mixes ? (u8)((i - MIX_0) % FOG_MIXNET_LAYERS) : FOG_MIXNET_NO_LAYER;
	}
}

static void network_open(void)
{
	struct fog_sim_path path = {.delay_ns = LINK_DELAY};

	tb_init(&tb, 1, HOSTS, 1, 16);
	tb.on_mix = on_mix;
	for (u32 i = 0; i < HOSTS; i++) {
		struct fog_snapshot *p = &tb.host[i].policy;
		p->mix_epoch = p->mix_oldest = EPOCH;
		p->keepalive_ms = QUIET_MS;
		p->link_dead_ms = 2 * QUIET_MS;
		p->rekey_ms = QUIET_MS;
		tb_policy(&tb, i);
	}
	FOG_ASSERT(tb_mesh(&tb));
	tb_run(&tb, 2000 * TB_MS);
	topology_read();
	fog_sim_set_default(tb.sim, &path);
	fog_sim_set_tap(tb.sim, observe, NULL);
	FOG_ASSERT(fog_sphinx_geometry_init(&geometry, FOG_SPHINX_NIKE, 5, FOG_BODY_SIZE) == 0);
}

static void message_send(void)
{
	struct fog_edge_slot s = {.kind = FOG_EDGE_MIX, .length = FOG_BODY_SIZE, .epoch = EPOCH};
	u32 from = (u32)fog_rng_below(&rng, SENDERS), before = events;
	const u8 *reader = tb.host[READER_0 + fog_rng_below(&rng, SENDERS)].node_id;
	u8 payload[FOG_BODY_SIZE] = {0};
	struct fog_mixnet_path p;

	FOG_ASSERT(messages < MESSAGES);
	FOG_ASSERT(fog_topology_path(&topology, &rng, reader, &p) == 0 && p.hops == 4);
	struct fog_sphinx_commands *last = &p.hop[p.hops - 1].commands;
	last->has_recipient = true;
	memcpy(payload, &messages, sizeof(messages));
	FOG_ASSERT(fog_sphinx_wrap(&geometry, &rng, p.hop, p.hops, payload, s.data) == 0);
	memcpy(s.node, p.hop[0].id, 32);
	FOG_ASSERT(tb_edge_slot(&tb, from, &s) == 0);
	tb_run(&tb, 0);
	while (before < events && event[before].from != from)
		before++;
	FOG_ASSERT(before < events);
	message[messages] = (struct message){.entry = before, .exit = UINT32_MAX};
	messages++;
}

static double exponential(double mean)
{
	return -log1p(-fog_rng_unit(&rng)) * mean;
}

/* Cover is messages that nobody reads: the network carries them alike, so one stream is both. */
static void traffic(const struct setting *s, u32 count)
{
	events = messages = arrived = 0;
	topology.delay_mean_us = (u32)(1e6 * s->delay);
	while (messages < count) {
		tb_run(&tb, (u64)(1e9 * exponential(1 / (s->rate + s->cover))) + 1);
		message_send();
	}
	tb_run(&tb, (u64)(1e9 * 3 * MARGIN * s->delay));
	FOG_ASSERT(arrived == messages);
}

/* ---- the observer ------------------------------------------------------------------------- */

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	/* What comes and goes at one instant came first. */
	if (x->arrival != y->arrival)
		return x->arrival ? -1 : 1;
	return x->event < y->event ? -1 : 1;
}

static bool is_mix(u8 host)
{
	return host >= MIX_0 && host < READER_0;
}

static void timeline_build(void)
{
	u32 inside[HOSTS] = {0};

	for (u32 e = 0; e < events; e++) {
		item[2 * e] = (struct item){.at_ns = event[e].sent_ns, .event = e};
		item[2 * e + 1] = (struct item){
			.at_ns = event[e].sent_ns + LINK_DELAY, .event = e, .arrival = true};
	}
	qsort(item, 2 * (size_t)events, sizeof(item[0]), compare_items);
	for (u32 i = 0; i < 2 * events; i++) {
		struct item *t = &item[i];
		u8 host = t->arrival ? event[t->event].to : event[t->event].from;
		t->inside = inside[host];
		if (t->arrival) {
			at_arrival[t->event] = i;
			inside[host]++;
		} else {
			at_departure[t->event] = i;
			FOG_ASSERT(!is_mix(host) || inside[host] > 0);
			inside[host]--;
		}
	}
}

/* The posterior as it comes out of the pools. */
struct posterior {
	double bits, best, host[HOSTS];
	u32 best_event;
};

static void posterior_add(struct posterior *p, u32 e, u8 host)
{
	double share = event[e].share;

	if (share <= 0)
		return;
	p->bits -= share * log2(share);
	p->host[host] += share;
	if (share > p->best) {
		p->best = share;
		p->best_event = e;
	}
}

/* Where what entered with event `target` leaves. */
static void follow_forward(struct posterior *p, u32 target, u64 until_ns)
{
	double mass[HOSTS] = {0};
	u32 first = at_departure[target];

	for (u32 i = first; i < 2 * events && item[i].at_ns <= until_ns; i++) {
		const struct item *t = &item[i];
		struct event *e = &event[t->event];
		if (!t->arrival) {
			e->share = is_mix(e->from) ? mass[e->from] / t->inside : t->event == target;
			mass[e->from] -= is_mix(e->from) ? e->share : 0;
		} else if (at_departure[t->event] < first) {
			continue; /* under way before */
		} else if (is_mix(e->to)) {
			mass[e->to] += e->share;
		} else {
			posterior_add(p, t->event, e->to);
		}
	}
}

/* Where what left with event `target` entered. */
static void follow_backward(struct posterior *p, u32 target, u64 until_ns)
{
	double mass[HOSTS] = {0};
	u32 first = at_arrival[target];

	for (u32 i = first + 1; i-- > 0 && item[i].at_ns >= until_ns;) {
		const struct item *t = &item[i];
		struct event *e = &event[t->event];
		if (t->arrival) {
			e->share =
				is_mix(e->to) ? mass[e->to] / (t->inside + 1) : t->event == target;
			mass[e->to] -= is_mix(e->to) ? e->share : 0;
		} else if (at_arrival[t->event] > first) {
			continue; /* arrives later */
		} else if (is_mix(e->from)) {
			mass[e->from] += e->share;
		} else {
			posterior_add(p, t->event, e->from);
		}
	}
}

static void result_add(struct result *r, unsigned side, const struct posterior *p, u32 truth)
{
	r->entropy[side] += p->bits;
	for (u32 i = 0; i < HOSTS; i++)
		if (p->host[i] > 0)
			r->hosts[side] -= p->host[i] * log2(p->host[i]);
	r->hoped[side] += p->best;
	r->won[side] += p->best_event == truth;
}

static struct result observe_all(const struct setting *s)
{
	struct result r = {0};
	u64 margin = (u64)(1e9 * MARGIN * s->delay),
	    last = event[message[messages - 1].entry].sent_ns;

	timeline_build();
	for (u32 n = 0; n < messages; n++) {
		u64 in = event[message[n].entry].sent_ns, out = event[message[n].exit].sent_ns;
		struct posterior forward = {0}, backward = {0};
		if (in < event[0].sent_ns + margin || in + margin > last || out + margin > last)
			continue;
		follow_forward(&forward, message[n].entry, in + margin);
		follow_backward(&backward, message[n].exit, out - margin);
		result_add(&r, 0, &forward, message[n].exit);
		result_add(&r, 1, &backward, message[n].entry);
		r.targets++;
	}
	FOG_ASSERT(r.targets > 0);
	for (unsigned k = 0; k < 2; k++) {
		r.entropy[k] /= r.targets;
		r.hosts[k] /= r.targets;
		r.hoped[k] /= r.targets;
		r.won[k] /= r.targets;
	}
	double rate = s->rate + s->cover, a = rate * s->delay * FOG_MIXNET_LAYERS / MIXES;
	r.model = log2(rate * s->delay) + (3 + log(2) - 2 * PSI_3) / log(2);
	r.bound = (1 - exp(-a)) / a;
	return r;
}

/* ---- what is looked at -------------------------------------------------------------------- */

static struct result measure(const struct setting *s, u32 targets)
{
	/* Those near the ends are no targets. */
	u32 ends = (u32)(2.5 * MARGIN * s->delay * (s->rate + s->cover));

	traffic(s, targets + ends);
	return observe_all(s);
}

static int check(const struct setting *s, u32 targets)
{
	struct result r = measure(s, targets);
	/* Targets share the messages they hide among: 2 standard deviations of a quarter as many.
	 */
	double slack = 4 * sqrt(r.bound / r.targets);
	/* The closed form is of a stream, messages are whole. */
	double whole = 1 / sqrt((s->rate + s->cover) * s->delay);
	int bad = 0;

	for (unsigned k = 0; k < 2; k++) {
		bad |= r.won[k] > r.bound + slack;
		/* The posterior is what it says: the best guess wins as often as it hopes. */
		bad |= fabs(r.won[k] - r.hoped[k]) > slack;
		bad |= fabs(r.entropy[k] - r.model) > whole;
	}
	printf("| %.0f | %.0f | %.0f ms | %.2f | %.2f | %.2f | %.2f, %.2f | %.3f | %.3f | %.3f "
	       "|%s\n",
	       s->rate, s->cover, 1000 * s->delay, r.entropy[1], r.entropy[0], r.model, r.hosts[1],
	       r.hosts[0], r.won[0], r.won[1], r.bound, bad ? " WRONG" : "");
	fflush(stdout);
	return bad;
}

static const struct setting settings[] = {
	{20, 0, 0.05}, {100, 0, 0.05}, {400, 0, 0.05},
	{100, 0, 0.2}, {20, 80, 0.05}, {20, 380, 0.05},
};

static const char svg_head[] =
	"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 340\" "
	"font-family=\"sans-serif\" font-size=\"12\">\n"
	"<rect width=\"640\" height=\"340\" fill=\"white\"/>\n"
	"<text x=\"60\" y=\"20\">entropy in bit over six mixes in three layers: lines Erlang, "
	"rings sender, dots receiver</text>\n";

/* Load on a log axis from 10 to 1,000 a second; 0 to 12 bit. */
static int svg(const char *path)
{
	static const double delays[] = {0.02, 0.05, 0.2};
	static const char *const colors[] = {"#1b6ca8", "#d9822b", "#3d9970"};
	FILE *f = fopen(path, "w");

	if (f == NULL)
		return 1;
	fputs(svg_head, f);
	for (unsigned b = 0; b <= 12; b += 2)
		fprintf(f,
			"<path d=\"M60 %u H600\" stroke=\"#ddd\"/><text x=\"38\" "
			"y=\"%u\">%u</text>\n",
			300 - 20 * b, 304 - 20 * b, b);
	for (unsigned k = 0; k < 3; k++) {
		fprintf(f,
			"<text x=\"520\" y=\"%u\" fill=\"%s\">%.0f ms a mix</text>\n"
			"<path fill=\"none\" stroke=\"%s\" d=\"",
			240 + 16 * k, colors[k], 1000 * delays[k], colors[k]);
		for (unsigned x = 0; x <= 8; x++) {
			double model = log2(pow(10, 1 + x / 4.0) * delays[k]) +
				       (3 + log(2) - 2 * PSI_3) / log(2);
			fprintf(f, "%s%.1f %.1f ", x == 0 ? "M" : "L", 60 + 67.5 * x,
				300 - 20 * fmax(model, 0));
		}
		fprintf(f, "\"/>\n");
		for (unsigned x = 0; x <= 8; x += 2) {
			struct setting s = {.rate = pow(10, 1 + x / 4.0), .delay = delays[k]};
			struct result r = measure(&s, 1000);
			fprintf(f,
				"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n"
				"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"none\" "
				"stroke=\"%s\"/>\n",
				60 + 67.5 * x, 300 - 20 * r.entropy[0], colors[k], 60 + 67.5 * x,
				300 - 20 * r.entropy[1], colors[k]);
		}
	}
	for (unsigned x = 0; x <= 2; x++)
		fprintf(f, "<text x=\"%.0f\" y=\"318\">%.0f</text>\n", 52 + 270.0 * x,
			pow(10, 1 + x));
	fprintf(f, "<text x=\"200\" y=\"334\">messages and cover a second, of the network</text>\n"
		   "</svg>\n");
	return fclose(f) != 0;
}

int main(int argc, char **argv)
{
	bool table = argc == 2 && strcmp(argv[1], "--table") == 0;
	bool plot = argc == 3 && strcmp(argv[1], "--svg") == 0;
	int failed = 0;

	if (argc > 1 && !table && !plot) {
		fprintf(stderr, "usage: mix_network [--table | --svg FILE]\n");
		return 2;
	}
	fog_rng_init_u64(&rng, 1);
	network_open();
	for (unsigned i = 0; !plot && i < FOG_ARRAY_COUNT(settings); i++)
		failed += check(&settings[i], table ? 4000 : 500);
	if (plot)
		failed = svg(argv[2]);
	else
		printf("%zu passed, %d failed\n", FOG_ARRAY_COUNT(settings) - (size_t)failed,
		       failed);
	tb_free(&tb);
	return failed != 0;
}
