/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/directory/links.h"
#include "tests/unit/controlplane/directory/hosts.h"
#include "tests/unit/fog_test.h"

/* A sink that gives ids in order of appearance. */
static u8 known[FOG_LINKS_MAX][32];
static u32 known_count, sets, removes;

static int on_set(void *ctx, const struct fog_descriptor *d)
{
	sets++;
	for (u32 i = 0; i < known_count; i++)
		if (memcmp(known[i], d->node_id, 32) == 0)
			return (int)i + 1;
	for (u32 i = 0; i < known_count; i++) {
		static const u8 zero[32];
		if (memcmp(known[i], zero, 32) != 0)
			continue;
		memcpy(known[i], d->node_id, 32);
		return (int)i + 1;
	}
	if (known_count == FOG_LINKS_MAX)
		return -ENOSPC;
	memcpy(known[known_count++], d->node_id, 32);
	return (int)known_count;
}

static void on_remove(void *ctx, const u8 node_id[32])
{
	removes++;
	for (u32 i = 0; i < known_count; i++)
		if (memcmp(known[i], node_id, 32) == 0)
			memset(known[i], 0, 32);
}

static const struct fog_links_sink sink = {on_set, on_remove};
static struct fog_identity self;

static struct fog_links *start(u32 own_roles)
{
	struct fog_links *l = NULL;

	known_count = sets = removes = 0;
	test_identity(&self, 0);
	CU_ASSERT_EQUAL_FATAL(fog_links_new(&l, self.node_id, own_roles, &sink, NULL), 0);
	return l;
}

static void host(struct fog_links *l, u32 n, u32 roles, enum fog_directory_change change)
{
	struct fog_identity id;
	struct fog_descriptor d;

	test_identity(&id, n);
	test_descriptor(&d, &id, n);
	d.roles = roles;
	fog_links_host(l, change, &d);
}

static enum fog_link_state state(struct fog_links *l, u32 n, u64 now)
{
	struct fog_identity id;

	test_identity(&id, n);
	return fog_links_state(l, id.node_id, now);
}

static void test_life_cycle(void)
{
	struct fog_links *l = start(FOG_ROLE_RELAY);
	struct fog_link_info info;
	u32 up;

	host(l, 1, FOG_ROLE_RELAY, FOG_DIRECTORY_ADDED);
	host(l, 2, FOG_ROLE_WORKER, FOG_DIRECTORY_ADDED);
	CU_ASSERT_EQUAL(fog_links_count(l, &up), 2);
	CU_ASSERT_EQUAL(up, 0);
	CU_ASSERT_EQUAL(state(l, 1, 100), FOG_LINK_DOWN);
	CU_ASSERT_EQUAL(state(l, 3, 100), FOG_LINK_NONE);
	fog_links_event(l, 1, true, 100);
	CU_ASSERT_EQUAL(state(l, 1, 100), FOG_LINK_UP);
	CU_ASSERT_EQUAL(fog_links_count(l, &up), 2);
	CU_ASSERT_EQUAL(up, 1);
	fog_links_event(l, 1, false, 200);
	CU_ASSERT_EQUAL(state(l, 1, 200), FOG_LINK_RECENT);
	CU_ASSERT_EQUAL(state(l, 1, 200 + FOG_LINK_RECENT_MS), FOG_LINK_DOWN);
	fog_links_event(l, 1, false, 99999); /* again: nothing moves */
	CU_ASSERT_EQUAL(state(l, 1, 200 + FOG_LINK_RECENT_MS), FOG_LINK_DOWN);
	fog_links_event(l, 1, true, 99999);
	fog_links_forget(l);
	CU_ASSERT_EQUAL(state(l, 1, 99999), FOG_LINK_DOWN);
	CU_ASSERT(fog_links_at(l, 1, &info));
	CU_ASSERT_EQUAL(info.link_id, 2);
	CU_ASSERT(!fog_links_at(l, 2, &info));
	host(l, 1, FOG_ROLE_RELAY, FOG_DIRECTORY_REMOVED);
	CU_ASSERT_EQUAL(removes, 1);
	CU_ASSERT_EQUAL(fog_links_count(l, &up), 1);
	fog_links_free(l);
	fog_links_free(NULL);
}

static void test_bad_events(void)
{
	struct fog_links *l = start(FOG_ROLE_RELAY);
	u32 up;

	fog_links_event(l, 0, true, 1);
	fog_links_event(l, FOG_LINKS_MAX + 1, true, 1);
	fog_links_event(l, UINT32_MAX, true, 1);
	fog_links_event(l, 5, true, 1);
	CU_ASSERT_EQUAL(fog_links_count(l, &up), 0);
	CU_ASSERT_EQUAL(up, 0);
	fog_links_free(l);
}

static void test_who_gets_a_link(void)
{
	static const struct {
		u32 own, other;
		bool link;
	} cases[] = {
		{FOG_ROLE_RELAY, FOG_ROLE_RELAY, true},
		{FOG_ROLE_RELAY, 0, true},
		{0, FOG_ROLE_RELAY, true},
		{0, 0, false},
		{FOG_ROLE_WORKER, FOG_ROLE_EXIT, false},
	};
	u32 up;

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_links *l = start(cases[i].own);
		host(l, 1, cases[i].other, FOG_DIRECTORY_ADDED);
		host(l, 0, cases[i].other, FOG_DIRECTORY_ADDED); /* ourselves: never */
		CU_ASSERT_EQUAL(fog_links_count(l, &up), cases[i].link ? 1 : 0);
		fog_links_free(l);
	}
	/* A relay that stops relaying loses the link of a host that needs one no more. */
	struct fog_links *l = start(0);
	host(l, 1, FOG_ROLE_RELAY, FOG_DIRECTORY_ADDED);
	host(l, 1, FOG_ROLE_WORKER, FOG_DIRECTORY_UPDATED);
	CU_ASSERT_EQUAL(fog_links_count(l, &up), 0);
	CU_ASSERT_EQUAL(removes, 1);
	fog_links_free(l);
}

static void test_full(void)
{
	struct fog_links *l = start(FOG_ROLE_RELAY);
	u32 up;

	fog_log_set_level(FOG_LOG_ERROR);
	for (u32 n = 1; n <= FOG_LINKS_MAX + 3; n++)
		host(l, n, FOG_ROLE_RELAY, FOG_DIRECTORY_ADDED);
	CU_ASSERT_EQUAL(fog_links_count(l, &up), FOG_LINKS_MAX);
	CU_ASSERT_EQUAL(state(l, FOG_LINKS_MAX + 1, 1), FOG_LINK_NONE);
	host(l, FOG_LINKS_MAX + 1, FOG_ROLE_RELAY, FOG_DIRECTORY_REMOVED);
	CU_ASSERT_EQUAL(removes, 0);
	fog_links_free(l);
}

/* Who was drawn gets a link when there is no id left; somebody who was not makes room, once. */
static void test_preferred(void)
{
	struct fog_links *l = start(FOG_ROLE_RELAY);
	struct fog_identity id;
	u8 ids[2][32];
	u32 up;

	fog_log_set_level(FOG_LOG_ERROR);
	test_identity(&id, 1);
	memcpy(ids[0], id.node_id, 32);
	test_identity(&id, FOG_LINKS_MAX + 2);
	memcpy(ids[1], id.node_id, 32);
	for (u32 n = 1; n <= FOG_LINKS_MAX; n++)
		host(l, n, FOG_ROLE_RELAY, FOG_DIRECTORY_ADDED);
	fog_links_prefer(l, (const u8(*)[32])ids, 2);
	host(l, FOG_LINKS_MAX + 1, FOG_ROLE_RELAY, FOG_DIRECTORY_ADDED);
	CU_ASSERT_EQUAL(removes, 0); /* not drawn: no link */
	host(l, FOG_LINKS_MAX + 2, FOG_ROLE_RELAY, FOG_DIRECTORY_ADDED);
	CU_ASSERT_EQUAL(removes, 1);
	CU_ASSERT_EQUAL(fog_links_count(l, &up), FOG_LINKS_MAX);
	CU_ASSERT_NOT_EQUAL(state(l, FOG_LINKS_MAX + 2, 1), FOG_LINK_NONE);
	CU_ASSERT_NOT_EQUAL(state(l, 1, 1), FOG_LINK_NONE); /* drawn as well: it stayed */
	CU_ASSERT_EQUAL(state(l, 2, 1), FOG_LINK_NONE);
	fog_links_free(l);
}

FOG_TEST_MAIN("controlplane/directory/links", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_events),
	      FOG_TEST(test_who_gets_a_link), FOG_TEST(test_full), FOG_TEST(test_preferred))
