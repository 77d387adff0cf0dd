/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "controlplane/directory/path.h"
#include "tests/unit/controlplane/directory/hosts.h"
#include "tests/unit/fog_test.h"

#define HOSTS_MAX 40

static struct fog_descriptor descriptors[HOSTS_MAX];
static struct fog_path_host hosts[HOSTS_MAX];
static u8 self[32];
static struct fog_guards guards;
static struct fog_rng rng;
static char why[FOG_PATH_WHY_SIZE];
static struct fog_path path;
static bool changed;

/* Host 0 is ourselves. The others: relays and workers with a live link, no operator named. */
static void fog_of(u32 count, u64 seed)
{
	struct fog_identity id;

	for (u32 n = 0; n < count; n++) {
		test_identity(&id, n);
		test_descriptor(&descriptors[n], &id, n);
		hosts[n] = (struct fog_path_host){&descriptors[n], FOG_LINK_UP, 1.0};
	}
	memcpy(self, descriptors[0].node_id, 32);
	memset(&guards, 0, sizeof(guards));
	fog_rng_init_u64(&rng, seed);
}

static int choose(const struct fog_path_request *r, u32 count)
{
	return fog_path_choose(&path, r, self, hosts, count, &guards, &changed, TEST_NOW_MS, &rng,
			       why);
}

static struct fog_path_request to_node(u32 n, u32 hops)
{
	struct fog_path_request r = {.purpose = FOG_PATH_NODE, .has_target = true, .hops = hops};

	memcpy(r.target, descriptors[n].node_id, 32);
	return r;
}

static void exclude(struct fog_path_request *r, u32 n)
{
	memcpy(r->exclude[r->exclude_count++], descriptors[n].node_id, 32);
}

static void test_life_cycle(void)
{
	fog_of(6, 1);
	struct fog_path_request r = to_node(3, 3);
	CU_ASSERT_EQUAL_FATAL(choose(&r, 6), 0);
	CU_ASSERT_EQUAL(path.count, 3);
	CU_ASSERT_PTR_EQUAL(path.hops[2], &descriptors[3]);
	CU_ASSERT(changed);
	CU_ASSERT_EQUAL(guards.count, FOG_GUARDS_PRIMARY);
	r = to_node(3, 1);
	CU_ASSERT_EQUAL(choose(&r, 6), 0);
	CU_ASSERT_EQUAL(path.count, 1);
	CU_ASSERT(!changed);
	r = (struct fog_path_request){.purpose = FOG_PATH_JOB, .hops = 2};
	CU_ASSERT_EQUAL(choose(&r, 6), 0);
	CU_ASSERT((path.hops[1]->roles & FOG_ROLE_WORKER) != 0);
}

static void expect(struct fog_path_request r, u32 count, int rc, const char *says)
{
	int got = choose(&r, count);

	if (got != rc || strstr(why, says) == NULL)
		printf("got %d: %s\n", got, why);
	CU_ASSERT_EQUAL(got, rc);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, says));
}

static void test_bad_requests(void)
{
	fog_of(6, 1);
	expect(to_node(3, 0), 6, -EINVAL, "1 to 8 hops");
	expect(to_node(3, 9), 6, -EINVAL, "1 to 8 hops");
	expect(to_node(0, 3), 6, -EINVAL, "the target is this host");
	expect((struct fog_path_request){.purpose = FOG_PATH_NODE, .hops = 3}, 6, -EINVAL,
	       "wants a target");
	expect((struct fog_path_request){.purpose = FOG_PATH_EXIT, .hops = 3}, 6, -EINVAL,
	       "wants a port");
	expect((struct fog_path_request){.hops = 3}, 6, -EINVAL, "unknown purpose");
	struct fog_path_request r = to_node(3, 3);
	r.exclude_count = FOG_PATH_EXCLUDE_MAX + 1;
	expect(r, 6, -EINVAL, "too many");
	expect(to_node(3, 3), 0, -ENOENT, "not in the directory");
}

static void test_reasons(void)
{
	fog_of(4, 1);
	/* 3 besides us; one is the end, two relays are needed and there. */
	expect(to_node(3, 3), 4, 0, "");
	expect(to_node(2, 3), 3, -EHOSTUNREACH,
	       "need 2 relays besides this host and the last hop, have 1: 2 known");
	hosts[1].link = FOG_LINK_DOWN;
	expect(to_node(3, 3), 4, -EHOSTUNREACH, "have 1: 3 known, 1 with a dead link");
	hosts[1].link = FOG_LINK_UP;
	struct fog_path_request r = to_node(3, 3);
	exclude(&r, 1);
	expect(r, 4, -EHOSTUNREACH, "1 excluded");
	exclude(&r, 3);
	expect(r, 4, -EHOSTUNREACH, "host host-3 (");
	expect(r, 4, -EHOSTUNREACH, "is excluded by the request");
	hosts[3].link = FOG_LINK_DOWN;
	expect(to_node(3, 3), 4, -EHOSTUNREACH, "has no live link");
	hosts[3].link = FOG_LINK_NONE;
	expect(to_node(3, 3), 4, 0, "");
	expect(to_node(3, 1), 4, -EHOSTUNREACH, "has no live link");
	descriptors[3].has_quic = false;
	expect(to_node(3, 3), 4, -EHOSTUNREACH, "runs no fog-edge");
	hosts[1].link = hosts[2].link = FOG_LINK_NONE;
	descriptors[3].has_quic = true;
	expect(to_node(3, 3), 4, -EHOSTUNREACH, "none with a live link for the first hop");
}

static void test_exits(void)
{
	struct fog_path_request r = {.purpose = FOG_PATH_EXIT, .port = 80, .hops = 3};

	fog_of(8, 1);
	expect(r, 8, -EHOSTUNREACH,
	       "no exit reaches this destination (port 80); exits besides this "
	       "host: 0");
	descriptors[5].roles |= FOG_ROLE_EXIT;
	descriptors[5].allow_count = 1;
	CU_ASSERT_EQUAL(fog_exit_rule_parse("10.0.0.0/8:80", &descriptors[5].allow[0]), 0);
	descriptors[0].roles |= FOG_ROLE_EXIT; /* ours does not count */
	CU_ASSERT_EQUAL(choose(&r, 8), 0);
	CU_ASSERT_PTR_EQUAL(path.hops[2], &descriptors[5]);
	r.has_ip = true;
	CU_ASSERT_EQUAL(fog_ip_parse("11.0.0.1", r.ip), 0);
	expect(r, 8, -EHOSTUNREACH, "exits besides this host: 1");
	CU_ASSERT_EQUAL(fog_ip_parse("10.0.0.1", r.ip), 0);
	CU_ASSERT_EQUAL(choose(&r, 8), 0);
	r.port = 81;
	expect(r, 8, -EHOSTUNREACH, "port 81");
	r.has_target = true;
	memcpy(r.target, descriptors[5].node_id, 32);
	expect(r, 8, -EHOSTUNREACH, "does not exit to this destination");
}

/* ---- properties over random fogs ------------------------------------------------------------ */

static void random_fog(u32 count, u64 seed)
{
	fog_of(count, seed);
	for (u32 n = 1; n < count; n++) {
		struct fog_descriptor *d = &descriptors[n];
		d->roles = (u32)fog_rng_below(&rng, 8);
		d->has_quic = fog_rng_below(&rng, 5) != 0;
		snprintf(d->operator_name, sizeof(d->operator_name), "%s",
			 (const char *[]){"", "a", "b", "c", "d"}[fog_rng_below(&rng, 5)]);
		d->allow_count = 1;
		fog_exit_rule_parse("10.0.0.0/8:80-90", &d->allow[0]);
		hosts[n].link = (enum fog_link_state)fog_rng_below(&rng, 4);
		hosts[n].weight = fog_rng_unit(&rng);
	}
}

static void random_request(struct fog_path_request *r, u32 count)
{
	*r = (struct fog_path_request){
		.purpose = (enum fog_path_purpose)(1 + fog_rng_below(&rng, 3)),
		.hops = 1 + (u32)fog_rng_below(&rng, 4),
		.port = (u16)(78 + fog_rng_below(&rng, 14)),
	};
	r->has_target = r->purpose == FOG_PATH_NODE || fog_rng_below(&rng, 3) == 0;
	memcpy(r->target, descriptors[1 + fog_rng_below(&rng, count - 1)].node_id, 32);
	for (u32 n = (u32)fog_rng_below(&rng, 4); n > 0; n--)
		exclude(r, (u32)fog_rng_below(&rng, count));
}

static const struct fog_path_host *host_of(const struct fog_descriptor *d)
{
	return &hosts[d - descriptors];
}

static bool is_guard(const u8 node_id[32])
{
	for (u32 i = 0; i < guards.count; i++)
		if (memcmp(guards.list[i].node_id, node_id, 32) == 0)
			return true;
	return false;
}

/* What must hold of any path given for r. */
static void check_path(const struct fog_path_request *r)
{
	CU_ASSERT_EQUAL(path.count, r->hops);
	for (u32 i = 0; i < path.count; i++) {
		const struct fog_descriptor *d = path.hops[i];
		bool last = i == path.count - 1;
		CU_ASSERT(memcmp(d->node_id, self, 32) != 0);
		for (u32 j = 0; j < i; j++)
			CU_ASSERT(memcmp(d->node_id, path.hops[j]->node_id, 32) != 0);
		for (u32 j = 0; j < r->exclude_count; j++)
			CU_ASSERT(memcmp(d->node_id, r->exclude[j], 32) != 0);
		CU_ASSERT(host_of(d)->link != FOG_LINK_DOWN);
		if (i == 0)
			CU_ASSERT(host_of(d)->link == FOG_LINK_UP ||
				  host_of(d)->link == FOG_LINK_RECENT);
		if (!last)
			CU_ASSERT((d->roles & FOG_ROLE_RELAY) != 0);
		if (i == 0 && !last)
			CU_ASSERT(is_guard(d->node_id));
		if (last)
			CU_ASSERT(d->has_quic);
		if (last && r->has_target)
			CU_ASSERT_EQUAL(memcmp(d->node_id, r->target, 32), 0);
		if (last && r->purpose == FOG_PATH_JOB)
			CU_ASSERT((d->roles & FOG_ROLE_WORKER) != 0);
		if (last && r->purpose == FOG_PATH_EXIT)
			CU_ASSERT(fog_descriptor_exit_allows(d, NULL, r->port));
	}
}

/* Is there a path at all? By counting, as the chooser's own pools do not. */
static bool path_exists(const struct fog_path_request *r, u32 count)
{
	for (u32 t = 1; t < count; t++) {
		const struct fog_descriptor *d = &descriptors[t];
		bool good = d->has_quic && hosts[t].link != FOG_LINK_DOWN &&
			    (r->hops > 1 || hosts[t].link >= FOG_LINK_RECENT) &&
			    (!r->has_target || memcmp(d->node_id, r->target, 32) == 0);
		if (r->purpose == FOG_PATH_JOB)
			good = good && (d->roles & FOG_ROLE_WORKER) != 0;
		if (r->purpose == FOG_PATH_EXIT)
			good = good && fog_descriptor_exit_allows(d, NULL, r->port);
		u32 relays = 0, firsts = 0;
		for (u32 j = 0; j < r->exclude_count; j++)
			good = good && memcmp(d->node_id, r->exclude[j], 32) != 0;
		for (u32 n = 1; n < count; n++) {
			bool relay = n != t && (descriptors[n].roles & FOG_ROLE_RELAY) != 0 &&
				     hosts[n].link != FOG_LINK_DOWN;
			for (u32 j = 0; j < r->exclude_count; j++)
				relay = relay &&
					memcmp(descriptors[n].node_id, r->exclude[j], 32) != 0;
			relays += relay;
			firsts += relay && hosts[n].link >= FOG_LINK_RECENT;
		}
		if (good && (r->hops == 1 || (relays >= r->hops - 1 && firsts >= 1)))
			return true;
	}
	return false;
}

static void test_properties(void)
{
	const char *given = getenv("FOG_SEED");
	u64 seed = given != NULL ? strtoull(given, NULL, 0) : 1;
	u32 found = 0, none = 0, missed = 0;

	printf("seed %llu ", (unsigned long long)seed);
	for (u64 round = 0; round < 300; round++) {
		u32 count = 2 + (u32)((seed + round) % (HOSTS_MAX - 2));
		random_fog(count, seed * 1000 + round);
		for (u32 i = 0; i < 10; i++) {
			struct fog_path_request r;
			random_request(&r, count);
			int rc = choose(&r, count);
			if (rc == 0) {
				check_path(&r);
				found++;
				CU_ASSERT(path_exists(&r, count));
			} else {
				none++;
				CU_ASSERT(strlen(why) > 10);
				/* A random last hop may take the only first hop: then it is fair to
				 * fail once, but not with a target. */
				if (r.has_target && path_exists(&r, count))
					missed++;
			}
			CU_ASSERT(guards.count <= FOG_GUARDS_MAX);
		}
	}
	printf("(%u found, %u not) ", found, none);
	CU_ASSERT(found > 200);
	CU_ASSERT(none > 200);
	CU_ASSERT_EQUAL(missed, 0);
}

static void test_operators_differ(void)
{
	fog_of(12, 3);
	for (u32 n = 1; n < 12; n++)
		snprintf(descriptors[n].operator_name, 8, "op%u", n % 4);
	u32 equal = 0;
	for (u32 i = 0; i < 200; i++) {
		struct fog_path_request r = to_node(1 + i % 11, 3);
		CU_ASSERT_EQUAL_FATAL(choose(&r, 12), 0);
		for (u32 a = 0; a < 3; a++)
			for (u32 b = 0; b < a; b++)
				equal += strcmp(path.hops[a]->operator_name,
						path.hops[b]->operator_name) == 0;
	}
	/* Only where all three guards are of the end's operator is there no choice. */
	CU_ASSERT(equal <= 60);
	/* One operator for all: a path still comes. */
	for (u32 n = 1; n < 12; n++)
		snprintf(descriptors[n].operator_name, 8, "one");
	struct fog_path_request r = to_node(1, 3);
	CU_ASSERT_EQUAL(choose(&r, 12), 0);
}

static void test_weights(void)
{
	u32 picked[HOSTS_MAX] = {0};

	fog_of(12, 4);
	hosts[5].weight = 0.0;   /* counts as 0.05 */
	hosts[6].weight = 100.0; /* counts as 1 */
	for (u32 i = 0; i < 4000; i++) {
		struct fog_path_request r = {.purpose = FOG_PATH_JOB, .hops = 1};
		CU_ASSERT_EQUAL_FATAL(choose(&r, 12), 0);
		picked[path.hops[0] - descriptors]++;
	}
	CU_ASSERT_EQUAL(picked[0], 0);
	CU_ASSERT(picked[5] > 2);
	CU_ASSERT(picked[5] < 60);
	for (u32 n = 1; n < 12; n++)
		if (n != 5)
			CU_ASSERT(picked[n] > 300 && picked[n] < 500);
}

static void test_guards_are_kept(void)
{
	u32 first[HOSTS_MAX] = {0}, used = 0;

	fog_of(30, 5);
	for (u32 i = 0; i < 300; i++) {
		struct fog_path_request r = {.purpose = FOG_PATH_JOB, .hops = 3};
		CU_ASSERT_EQUAL_FATAL(choose(&r, 30), 0);
		CU_ASSERT(i == 0 || !changed);
		first[path.hops[0] - descriptors]++;
	}
	for (u32 n = 0; n < 30; n++)
		used += first[n] != 0;
	CU_ASSERT_EQUAL(used, FOG_GUARDS_PRIMARY);
	/* One guard fails: the other two carry on, no new one is drawn. */
	struct fog_guards before = guards;
	for (u32 n = 0; n < 30; n++)
		if (memcmp(descriptors[n].node_id, guards.list[0].node_id, 32) == 0)
			hosts[n].link = FOG_LINK_DOWN;
	for (u32 i = 0; i < 50; i++) {
		struct fog_path_request r = {.purpose = FOG_PATH_JOB, .hops = 3};
		CU_ASSERT_EQUAL_FATAL(choose(&r, 30), 0);
		CU_ASSERT(!changed);
		CU_ASSERT(memcmp(path.hops[0]->node_id, before.list[0].node_id, 32) != 0);
	}
	/* All fail: new ones are drawn, behind the old. */
	for (u32 n = 0; n < 30; n++)
		if (is_guard(descriptors[n].node_id))
			hosts[n].link = FOG_LINK_DOWN;
	struct fog_path_request r = {.purpose = FOG_PATH_JOB, .hops = 3};
	CU_ASSERT_EQUAL_FATAL(choose(&r, 30), 0);
	CU_ASSERT(changed);
	CU_ASSERT_EQUAL(guards.count, FOG_GUARDS_PRIMARY + 1);
	CU_ASSERT_EQUAL(memcmp(guards.list, before.list, sizeof(before.list[0]) * 3), 0);
	/* They come back: so do the first ones. */
	for (u32 n = 0; n < 30; n++)
		hosts[n].link = FOG_LINK_UP;
	CU_ASSERT_EQUAL_FATAL(choose(&r, 30), 0);
	CU_ASSERT(memcmp(path.hops[0]->node_id, guards.list[3].node_id, 32) != 0);
	/* Age. */
	CU_ASSERT(!fog_guards_expire(&guards, TEST_NOW_MS + FOG_GUARD_LIFE_MS));
	CU_ASSERT(fog_guards_expire(&guards, TEST_NOW_MS + FOG_GUARD_LIFE_MS + 1));
	CU_ASSERT_EQUAL(guards.count, 0);
}

static void test_guards_full(void)
{
	struct fog_path_request r = {.purpose = FOG_PATH_JOB, .hops = 2};

	fog_of(HOSTS_MAX, 6);
	for (u32 i = 0; i < 2 * FOG_GUARDS_MAX; i++) {
		if (choose(&r, HOSTS_MAX) != 0)
			break;
		CU_ASSERT(guards.count <= FOG_GUARDS_MAX);
		for (u32 n = 0; n < HOSTS_MAX; n++)
			if (is_guard(descriptors[n].node_id))
				hosts[n].link = FOG_LINK_NONE;
	}
	CU_ASSERT_EQUAL(guards.count, FOG_GUARDS_MAX);
}

/* New guards come from the epoch's draw, in its order, as far as it goes. */
static void test_drawn_guards(void)
{
	for (u64 seed = 1; seed <= 20; seed++) {
		fog_of(20, seed);
		hosts[7].drawn = 1;
		hosts[9].drawn = 2;
		hosts[9].link = FOG_LINK_DOWN; /* cannot be one now */
		hosts[4].drawn = 3;
		struct fog_path_request r = to_node(3, 3);
		CU_ASSERT_EQUAL_FATAL(choose(&r, 20), 0);
		CU_ASSERT_EQUAL(guards.count, FOG_GUARDS_PRIMARY);
		CU_ASSERT_EQUAL(memcmp(guards.list[0].node_id, descriptors[7].node_id, 32), 0);
		CU_ASSERT_EQUAL(memcmp(guards.list[1].node_id, descriptors[4].node_id, 32), 0);
	}
}

/* Two hosts of one public network are not on one path while others are there. */
static void test_networks(void)
{
	for (u64 seed = 1; seed <= 50; seed++) {
		fog_of(12, seed);
		for (u32 n = 1; n < 12; n++) {
			char address[32];
			/* Hosts 1 to 8 share one network, the others have one each. */
			snprintf(address, sizeof(address), "8.8.%u.%u:1", n <= 8 ? 1 : n, n);
			CU_ASSERT_EQUAL(fog_address_parse(address, &descriptors[n].link), 0);
		}
		struct fog_path_request r = to_node(1, 3);
		CU_ASSERT_EQUAL_FATAL(choose(&r, 12), 0);
		CU_ASSERT_EQUAL(path.hops[1]->link.ip[14] == 1, false);
	}
}

FOG_TEST_MAIN("controlplane/directory/path", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_requests),
	      FOG_TEST(test_reasons), FOG_TEST(test_exits), FOG_TEST(test_properties),
	      FOG_TEST(test_operators_differ), FOG_TEST(test_weights),
	      FOG_TEST(test_guards_are_kept), FOG_TEST(test_guards_full),
	      FOG_TEST(test_drawn_guards), FOG_TEST(test_networks))
