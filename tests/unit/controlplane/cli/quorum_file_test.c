/* SPDX-License-Identifier: BSD-3-Clause */
/* The verdicts on published quorum sets of Stellar (tests/vectors/quorum), and on the organisations
 * whose failure together would split or stop the network. */
#include "controlplane/cli/quorum_file.h"
#include "tests/unit/fog_test.h"

#include <errno.h>

static int load(struct fog_quorum_file *q, const char *name, char *why)
{
	char path[512];
	json_error_t error;

	snprintf(path, sizeof(path), "%s/%s.json", FOG_VECTORS_DIR, name);
	json_t *root = json_load_file(path, 0, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(root);
	memset(q, 0, sizeof(*q));
	return fog_quorum_file_read(q, root, why);
}

static bool quorum_in(const struct fog_fbas *f, const struct fog_fbas_mask *m)
{
	struct fog_fbas_mask q;

	fog_fbas_greatest(f, m, &q);
	return memcmp(&q, m, sizeof(q)) == 0 && fog_fbas_size(m) > 0;
}

static void test_verdicts(void)
{
	static const struct {
		const char *name;
		enum fog_intersection want;
	} files[] = {
		{"fbas-correct", FOG_INTERSECTION_HOLDS},
		{"fbas-correct_trivial", FOG_INTERSECTION_HOLDS},
		{"fbas-broken", FOG_INTERSECTION_SPLIT},
		{"fbas-broken_trivial", FOG_INTERSECTION_SPLIT},
		{"fbas-stellarbeat_nodes_2019-09-17", FOG_INTERSECTION_HOLDS},
		{"fbas-stellarbeat_nodes_2020-01-16_broken_by_hand", FOG_INTERSECTION_SPLIT},
		{"stellar-enjoys-intersection", FOG_INTERSECTION_HOLDS},
		{"stellar-no-intersection", FOG_INTERSECTION_SPLIT},
	};
	static struct fog_quorum_file q;
	struct fog_fbas_mask a, b;
	char why[FOG_QUORUM_FILE_WHY];

	for (u32 i = 0; i < FOG_ARRAY_COUNT(files); i++) {
		CU_ASSERT_EQUAL_FATAL(load(&q, files[i].name, why), 0);
		enum fog_intersection got = fog_fbas_check(&q.f, NULL, &a, &b);
		if (got != files[i].want)
			printf("\n%s: %d\n", files[i].name, (int)got);
		CU_ASSERT_EQUAL(got, files[i].want);
		/* A split is proven by what is found. */
		if (got == FOG_INTERSECTION_SPLIT) {
			CU_ASSERT(quorum_in(&q.f, &a) && quorum_in(&q.f, &b));
			for (u32 w = 0; w < FOG_FBAS_NODES_MAX / 64; w++)
				CU_ASSERT((a.w[w] & b.w[w]) == 0);
		}
		fog_quorum_file_free(&q);
	}
}

static void test_refused(void)
{
	static struct fog_quorum_file q;
	char why[FOG_QUORUM_FILE_WHY];

	CU_ASSERT_EQUAL(load(&q, "stellar-bad-key", why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "no key"));
	fog_quorum_file_free(&q);
	CU_ASSERT_EQUAL(load(&q, "stellar-bad-threshold-type", why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "threshold"));
	fog_quorum_file_free(&q);
	memset(&q, 0, sizeof(q));
	CU_ASSERT_EQUAL(fog_quorum_file_read(&q, json_object(), why), -EINVAL);
	fog_quorum_file_free(&q);
}

/* In September 2019 the three nodes of one organisation could cut somebody off who trusted only
 * them; no organisation could stop everybody. */
static void test_organisations(void)
{
	static struct fog_quorum_file q;
	struct fog_fbas_mask faulty, left, a, b;
	char why[FOG_QUORUM_FILE_WHY], path[512];
	json_error_t error;
	json_t *org, *key;
	size_t i, k;
	u32 members, splitting = 0, blocking = 0, known = 0;

	snprintf(path, sizeof(path), "%s/fbas-stellarbeat_organizations_2019-09-17.json",
		 FOG_VECTORS_DIR);
	json_t *orgs = json_load_file(path, 0, &error);
	CU_ASSERT_EQUAL_FATAL(load(&q, "fbas-stellarbeat_nodes_2019-09-17", why), 0);
	json_array_foreach(orgs, i, org)
	{
		memset(&faulty, 0, sizeof(faulty));
		memset(&left, 0, sizeof(left));
		members = 0;
		json_array_foreach(
			json_object_get(org, "validators"), k,
			key) for (u32 n = 0; n < q.f.node_count;
				  n++) if (strcmp(q.node[n].key, json_string_value(key)) == 0)
		{
			fog_fbas_bit(&faulty, n);
			members++;
		}
		known += members != 0;
		for (u32 n = 0; n < q.f.node_count; n++)
			if (!fog_fbas_has(&faulty, n))
				fog_fbas_bit(&left, n);
		enum fog_intersection got = fog_fbas_check(&q.f, &faulty, &a, &b);
		CU_ASSERT(got != FOG_INTERSECTION_UNDECIDED);
		if (got == FOG_INTERSECTION_SPLIT) {
			splitting++;
			CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(org, "name")),
					       "Stellar Development Foundation");
		}
		fog_fbas_greatest(&q.f, &left, &a);
		blocking += fog_fbas_size(&a) == 0;
	}
	CU_ASSERT_EQUAL(json_array_size(orgs), 20);
	CU_ASSERT(known > 10);
	CU_ASSERT_EQUAL(splitting, 1);
	CU_ASSERT_EQUAL(blocking, 0);
	json_decref(orgs);
	fog_quorum_file_free(&q);
}

FOG_TEST_MAIN("controlplane/cli/quorum_file", FOG_TEST(test_verdicts), FOG_TEST(test_refused),
	      FOG_TEST(test_organisations))
