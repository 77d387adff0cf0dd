/* SPDX-License-Identifier: BSD-3-Clause */
/* What the simulator's minutes do not reach: the end of a message's life, copies that come days
 * later, senders that break the rules of a fragment. */
#include "dataplane/edge/mix/mail.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/fog_test.h"

#define S    1000000000ull
#define HOUR (3600 * S)
#define WALL 1700000000000ull /* Unix ms at the start */

static struct fog_mailstore store;
static struct fog_mail mail;
static char dir[64];
static unsigned lost, came, delivered;
static u64 now = 5 * S;

static bool no_send(void *user, const u8 first_hop[32], u64 epoch, const u8 *packet)
{
	(void)user, (void)first_hop, (void)epoch, (void)packet;
	return true;
}

static void over(void *user, const struct fog_mail_out *m)
{
	(void)user;
	*(m->state == FOG_MAIL_LOST ? &lost : &delivered) += 1;
}

static void received(void *user, const u8 id[FOG_STORE_ID])
{
	(void)user, (void)id;
	came++;
}

static const struct fog_mail_ops ops = {.send = no_send, .over = over, .received = received};

static void start(void)
{
	static const u8 seed[32] = {1}, rng[32] = {2};

	CU_ASSERT_EQUAL_FATAL(fog_mailstore_open(&store, dir), 0);
	CU_ASSERT_EQUAL_FATAL(
		fog_mail_init(&mail, &ops, NULL, &store, seed, rng, now, WALL + now / 1000000), 0);
}

static void stop(void)
{
	fog_mail_free(&mail);
	fog_mailstore_close(&store);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void begin(void)
{
	snprintf(dir, sizeof(dir), "/dev/shm/fog-mail-test-XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
	lost = came = delivered = 0;
	start();
}

static void end(void)
{
	stop();
	CU_ASSERT_EQUAL(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* From acceptance, whatever became of the process meanwhile. */
static void test_life(void)
{
	static const u8 to[32] = {7};
	u8 first[FOG_STORE_ID], second[FOG_STORE_ID];

	begin();
	CU_ASSERT_EQUAL(fog_mail_send(&mail, to, to, "a", 1, now, first), 0);
	now += 20 * HOUR;
	CU_ASSERT_EQUAL(fog_mail_send(&mail, to, to, "b", 1, now, second), 0);
	now += 3 * HOUR;
	fog_mail_poll(&mail, now);
	CU_ASSERT_EQUAL(lost, 0);
	stop();
	now += 2 * HOUR;
	start();
	CU_ASSERT_EQUAL(store.outbox_count, 2);
	fog_mail_poll(&mail, now);
	CU_ASSERT_EQUAL(lost, 1);
	CU_ASSERT_EQUAL(store.outbox_count, 1);
	CU_ASSERT_EQUAL(fog_mail_forget(&mail, second), -EBUSY);
	CU_ASSERT_EQUAL(fog_mail_forget(&mail, first), 0);
	now += 24 * HOUR;
	fog_mail_poll(&mail, now);
	CU_ASSERT_EQUAL(lost, 2);
	CU_ASSERT_EQUAL(store.outbox_count, 0);
	CU_ASSERT_EQUAL(mail.counts.lost, 2);
	end();
}

/* id | index | count | length, sealed to us */
static void seal(u8 id, u16 index, u16 count, u16 len, u8 sealed[FOG_MAIL_SEALED])
{
	u8 clear[FOG_MAIL_CLEAR] = {id};

	fog_store_u16(clear + 16, index);
	fog_store_u16(clear + 18, count);
	fog_store_u16(clear + 20, len);
	CU_ASSERT_EQUAL(fog_seal(sealed, clear, sizeof(clear), mail.box.id), 0);
}

/* And held for us. */
static void hold(u8 id, u16 index, u16 count, u16 len)
{
	u8 sealed[FOG_MAIL_SEALED];

	seal(id, index, count, len, sealed);
	CU_ASSERT_EQUAL(fog_mailstore_hold(&store, mail.box.id, sealed, sizeof(sealed)), 0);
	fog_mail_local(&mail, now);
}

static void take_all(void)
{
	u8 id[8][FOG_STORE_ID];
	int n = fog_mailstore_list(&store, FOG_MAILSTORE_INBOX, id, 8);

	for (int i = 0; i < n; i++)
		CU_ASSERT_EQUAL(fog_mailstore_delete(&store, FOG_MAILSTORE_INBOX, id[i]), 0);
}

/* A copy is known in whatever piece it comes, taken or not, over restarts. */
static void test_copies(void)
{
	begin();
	hold(1, 0, 2, FOG_MAIL_FRAGMENT);
	hold(1, 0, 2, FOG_MAIL_FRAGMENT);
	CU_ASSERT_EQUAL(mail.counts.duplicates, 1);
	hold(1, 1, 2, 9);
	CU_ASSERT_EQUAL(came, 1);
	hold(1, 0, 2, FOG_MAIL_FRAGMENT);
	hold(1, 1, 2, 9);
	CU_ASSERT_EQUAL(mail.counts.duplicates, 3);
	take_all();
	for (unsigned i = 0; i < 3; i++) {
		stop();
		now += 10 * HOUR;
		start();
		hold(1, i % 2, 2, i % 2 == 0 ? FOG_MAIL_FRAGMENT : 9);
		CU_ASSERT_EQUAL(mail.counts.duplicates, 1);
	}
	CU_ASSERT_EQUAL(came, 1);
	CU_ASSERT_EQUAL(store.inbox_count, 0);
	CU_ASSERT_EQUAL(store.held_count, 0);
	end();
}

/* A provider whose sequences lie far ahead does not make us forget what came. */
static void test_ahead(void)
{
	const u64 wall_ns = WALL * 1000000 + now;
	u8 sealed[FOG_MAIL_SEALED];

	begin();
	for (u8 i = 0; i < 4; i++) {
		seal((u8)(i + 1), 0, 1, 9, sealed);
		fog_mail_fragment(&mail, sealed, wall_ns + i * 26 * HOUR, now);
	}
	seal(5, 0, 1, 9, sealed);
	fog_mail_fragment(&mail, sealed, UINT64_MAX, now);
	CU_ASSERT_EQUAL(came, 5);
	seal(1, 0, 1, 9, sealed);
	fog_mail_fragment(&mail, sealed, wall_ns + 1, now);
	CU_ASSERT_EQUAL(came, 5);
	CU_ASSERT_EQUAL(mail.counts.duplicates, 1);
	end();
}

static void test_malformed(void)
{
	static const struct {
		u8 id;
		u16 index, count, len;
	} cases[] = {
		{1, 0, 0, 9},
		{1, 1, 1, 9},
		{1, 0, 1, 0},
		{1, 0, 1, FOG_MAIL_FRAGMENT + 1},
		{1, 0, 2, FOG_MAIL_FRAGMENT - 1},
		{1, 0, FOG_MAIL_FRAGMENTS + 1, FOG_MAIL_FRAGMENT},
		{0, 0, 1, 9},
	};

	begin();
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		hold(cases[i].id, cases[i].index, cases[i].count, cases[i].len);
		CU_ASSERT_EQUAL(mail.counts.malformed, i + 1);
	}
	CU_ASSERT_EQUAL(came, 0);
	CU_ASSERT_EQUAL(store.held_count, 0); /* nothing of it stays */
	end();
}

FOG_TEST_MAIN("dataplane/edge/mix/mail", FOG_TEST(test_life), FOG_TEST(test_copies),
	      FOG_TEST(test_ahead), FOG_TEST(test_malformed))
