/* SPDX-License-Identifier: BSD-3-Clause */
/* Several control planes' directories in one process, over TCP on the loopback. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/directory/peering.h"
#include "crypto/mem.h"
#include "tests/unit/controlplane/directory/hosts.h"
#include "tests/unit/fog_loop.h"
#include "tests/unit/fog_place.h"
#include "tests/unit/fog_test.h"

#define SIDES_MAX 6

struct side {
	struct fog_identity id;
	struct fog_address at;
	struct fog_directory *dir;
	struct fog_peering *p;
	char text[160]; /* as others name it in control.peers */
};

static struct ev_loop *loop;
static struct side sides[SIDES_MAX];

/* Our descriptor, true at the time of the wall clock: the exchange looks at it. */
static void offer_own(struct side *s, u32 n, u64 sequence)
{
	struct fog_descriptor d;
	struct fog_signed_descriptor signed_d;
	char why[FOG_DESCRIPTOR_WHY_SIZE];
	u64 now_ms = (u64)(ev_time() * 1000.0);

	test_descriptor(&d, &s->id, n);
	d.sequence = sequence;
	d.control = s->at;
	d.published_ms = now_ms;
	d.expires_ms = now_ms + 3600000;
	CU_ASSERT_EQUAL_FATAL(fog_descriptor_build(&signed_d, &d, NULL, NULL, &s->id), 0);
	CU_ASSERT_EQUAL(fog_directory_offer(s->dir, signed_d.text, signed_d.text_len,
					    signed_d.signature, now_ms, why),
			0);
	fog_signed_descriptor_free(&signed_d);
}

static void side_prepare(u32 n)
{
	struct side *s = &sides[n];
	char hex[65], address[FOG_ADDRESS_TEXT_SIZE];

	memset(s, 0, sizeof(*s));
	test_identity(&s->id, n);
	CU_ASSERT_EQUAL(fog_address_parse("127.0.0.1:1", &s->at), 0);
	s->at.port = fog_test_free_port();
	CU_ASSERT_EQUAL_FATAL(fog_directory_new(&s->dir), 0);
	snprintf(s->text, sizeof(s->text), "%s/%s", fog_address_format(&s->at, address),
		 fog_node_id_hex(s->id.control_pk, hex));
	offer_own(s, n, 1);
}

static void side_start(u32 n, char **peers, u32 count, u32 interval_ms)
{
	struct fog_config_list list = {peers, count};

	CU_ASSERT_EQUAL_FATAL(fog_peering_start(&sides[n].p, loop, sides[n].dir, &sides[n].id,
						&sides[n].at, &list, interval_ms),
			      0);
}

static void side_stop(u32 n)
{
	fog_peering_stop(sides[n].p);
	fog_directory_free(sides[n].dir);
}

static u64 sequence_of(u32 at, u32 of)
{
	const struct fog_signed_descriptor *s =
		fog_directory_find(sides[at].dir, sides[of].id.node_id);

	return s != NULL ? s->d.sequence : 0;
}

static void test_life_cycle(void)
{
	loop = ev_loop_new(EVFLAG_AUTO);
	side_prepare(0);
	side_prepare(1);
	char *peers[] = {sides[0].text};
	side_start(0, NULL, 0, 3600000);
	side_start(1, peers, 1, 3600000);
	/* 1 knows 0 from its configuration; 0 knows nobody. */
	RUN_UNTIL(sequence_of(0, 1) == 1 && sequence_of(1, 0) == 1);
	/* A change is told without waiting for the interval of an hour. */
	offer_own(&sides[0], 0, 2);
	fog_peering_announce(sides[0].p);
	RUN_UNTIL(sequence_of(1, 0) == 2);
	RUN_UNTIL(fog_peering_counts(sides[0].p)->finished >= 1);
	side_stop(0);
	side_stop(1);
	fog_peering_stop(NULL);
	ev_loop_destroy(loop);
}

static bool all_known(void)
{
	for (u32 a = 0; a < SIDES_MAX; a++)
		if (fog_directory_count(sides[a].dir) != SIDES_MAX)
			return false;
	return true;
}

/* A chain of bootstrap peers becomes one directory. */
static void test_spreads(void)
{
	loop = ev_loop_new(EVFLAG_AUTO);
	for (u32 n = 0; n < SIDES_MAX; n++)
		side_prepare(n);
	for (u32 n = 0; n < SIDES_MAX; n++) {
		char *peers[] = {n > 0 ? sides[n - 1].text : NULL};
		side_start(n, peers, n > 0 ? 1 : 0, 200);
	}
	RUN_UNTIL(all_known());
	for (u32 n = 0; n < SIDES_MAX; n++)
		side_stop(n);
	ev_loop_destroy(loop);
}

static void test_bad_neighbours(void)
{
	struct side *s = &sides[0];
	struct fog_peering *other;
	struct fog_config_list none = {0};

	loop = ev_loop_new(EVFLAG_AUTO);
	side_prepare(0);
	side_prepare(1);
	/* 1 expects another key at the address of 0. */
	char text[160], hex[65], address[FOG_ADDRESS_TEXT_SIZE];
	snprintf(text, sizeof(text), "%s/%s", fog_address_format(&s->at, address),
		 fog_node_id_hex(s->id.node_id, hex));
	char *peers[] = {text};
	side_start(0, NULL, 0, 3600000);
	CU_ASSERT_EQUAL(fog_peering_start(&other, loop, s->dir, &s->id, &s->at, &none, 1000),
			-EADDRINUSE);
	side_start(1, peers, 1, 100);
	RUN_UNTIL(fog_peering_counts(sides[1].p)->failed >= 2);
	CU_ASSERT_EQUAL(sequence_of(0, 1), 0);
	CU_ASSERT_EQUAL(sequence_of(1, 0), 0);
	side_stop(1);
	/* Strangers who connect in masses: first the rate, and nobody waits for ever. */
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port = htons(s->at.port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fds[60];
	for (u32 i = 0; i < FOG_ARRAY_COUNT(fds); i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		CU_ASSERT_EQUAL(connect(fds[i], (struct sockaddr *)&sa, sizeof(sa)), 0);
		ev_run(loop, EVRUN_NOWAIT);
	}
	RUN_UNTIL(fog_peering_counts(s->p)->refused_rate >= 20);
	CU_ASSERT(fog_peering_counts(s->p)->inbound <= FOG_PEERING_SOURCE_BURST + 5);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(fds); i++)
		close(fds[i]);
	side_stop(0);
	ev_loop_destroy(loop);
}

/* A side that stops in the middle of exchanges leaves nothing behind. */
static void test_stop_in_the_middle(void)
{
	loop = ev_loop_new(EVFLAG_AUTO);
	for (u32 round = 0; round < 12; round++) {
		side_prepare(0);
		side_prepare(1);
		char *peers0[] = {sides[1].text}, *peers1[] = {sides[0].text};
		side_start(0, peers0, 1, 50);
		side_start(1, peers1, 1, 50);
		fog_peering_announce(sides[0].p);
		for (u32 i = 0; i < round; i++)
			ev_run(loop, EVRUN_ONCE);
		side_stop(round % 2);
		for (u32 i = 0; i < 5; i++)
			ev_run(loop, EVRUN_NOWAIT);
		side_stop(1 - round % 2);
	}
	ev_loop_destroy(loop);
}

/* ---- talks ---------------------------------------------------------------------------------- */

static struct {
	u32 begun, answers, ends;
	char why[64];
} talks;

static void on_talk_message(void *ctx, struct fog_talk *t, const json_t *m)
{
	talks.answers++;
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(m, "n")), talks.answers);
	if (talks.answers == 3) {
		fog_talk_close(t);
		return;
	}
	CU_ASSERT_EQUAL(fog_talk_send(t, json_pack("{s:b}", "more", 1)), 0);
}

static void on_talk_end(void *ctx, const char *why)
{
	talks.ends++;
	snprintf(talks.why, sizeof(talks.why), "%s", why);
}

static void on_asked(void *ctx, struct fog_talk *t, const json_t *m)
{
	talks.begun++;
	CU_ASSERT_EQUAL(memcmp(fog_talk_peer(t), sides[1].id.control_pk, 32), 0);
	CU_ASSERT_EQUAL(fog_talk_send(t, json_pack("{s:i}", "n", (int)talks.begun)), 0);
}

static const struct fog_talk_events asker = {on_talk_message, on_talk_end};
static const struct fog_talk_events answerer = {on_asked, on_talk_end};

static bool begin(void *server, struct fog_talk *t, const json_t *first,
		  const struct fog_talk_events **events, void **ctx)
{
	const char *what = json_string_value(json_object_get(first, "talk"));

	if (what == NULL || strcmp(what, "numbers") != 0)
		return false;
	*events = &answerer;
	*ctx = NULL;
	on_asked(NULL, t, first);
	return true;
}

static int talk_begin(const char *what)
{
	struct fog_talk *t;

	return fog_peering_talk(sides[1].p, &sides[0].at, sides[0].id.control_pk,
				json_pack("{s:s}", "talk", what), &asker, NULL, &t);
}

/* Three questions and answers beside gossip; a talk of a kind that nobody answers; too many. */
static void test_talks(void)
{
	const struct fog_talk_server server = {begin, NULL};

	loop = ev_loop_new(EVFLAG_AUTO);
	side_prepare(0);
	side_prepare(1);
	char *peers[] = {sides[0].text};
	side_start(0, NULL, 0, 3600000);
	side_start(1, peers, 1, 100);
	fog_peering_serve(sides[0].p, &server);
	memset(&talks, 0, sizeof(talks));
	CU_ASSERT_EQUAL(talk_begin("numbers"), 0);
	RUN_UNTIL(talks.answers == 3 && talks.ends == 1); /* the other side is told */
	CU_ASSERT_EQUAL(talk_begin("weather"), 0);
	RUN_UNTIL(talks.ends == 2);
	CU_ASSERT_NOT_EQUAL(talks.why[0], '\0');
	RUN_UNTIL(sequence_of(0, 1) != 0); /* gossip went on */
	u32 n = 0;
	while (talk_begin("numbers") == 0)
		n++;
	CU_ASSERT_EQUAL(n, FOG_PEERING_TALKS_MAX);
	side_stop(1);
	side_stop(0);
	ev_loop_destroy(loop);
}

FOG_TEST_MAIN("controlplane/directory/peering", FOG_TEST(test_life_cycle), FOG_TEST(test_spreads),
	      FOG_TEST(test_talks), FOG_TEST(test_bad_neighbours),
	      FOG_TEST(test_stop_in_the_middle))
