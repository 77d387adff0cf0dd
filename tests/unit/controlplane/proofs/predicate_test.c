/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/proofs/predicate.h"

#include "tests/unit/fog_test.h"

#include <errno.h>

static struct fog_predicate p;
static char why[FOG_PREDICATE_WHY];

static void test_life_cycle(void)
{
	static const struct {
		unsigned number;
		const char *text;
		unsigned attributes, conditions, alternatives, bits;
	} cases[] = {
		{1, "age >= 18", 1, 1, 1, 64},
		{2, "18 <= age", 1, 1, 1, 64},
		{3, "age in 18..99", 1, 1, 1, 8},
		{4, "a == 1 and b == 2 or c == 3", 3, 3, 2, 0},
		{5, "a == 1 and (b == 2 or c == 3)", 3, 3, 2, 0},
		{6, "not (a == 1 or b == \"x\")", 2, 2, 1, 0},
		{7, "not (a == 1 and b == 2)", 2, 2, 2, 0},
		{8, "country in {\"de\", \"fr\", \"de\"}", 1, 1, 1, 0},
		{9, "country not in {\"de\"}", 1, 1, 1, 0},
		{10, "not not a != b", 2, 1, 1, 0},
		{11, "a < b or b < a", 2, 2, 2, 64},
		{12, "not (port in 6000..6063)", 1, 2, 2, 64},
		{13, "port <= 65535", 1, 1, 1, 16},
		{14, "a == 1 or a == 1 and b == 2", 2, 1, 1, 0},
		{15, "size <= 4GiB", 1, 1, 1, 64},
		{16, "flag == true && !(x = 0x10)", 2, 2, 1, 0},
		{17, "network_policy()", 3, 3, 1, 16},
		{18, "network_policy(ports = registered, max_services = 3) or a == 1", 4, 4, 2, 16},
		{19, "model_hash(allowed = {\"ab\", \"cd\"})", 2, 2, 1, 32},
		{20, "compliance_check() and mime_type(allowed = {\"a/b\"})", 5, 5, 1, 16},
		{21, "((((a == 1))))", 1, 1, 1, 0},
	};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		int rc = fog_predicate_compile(&p, cases[i].text, why);

		if (rc != 0 || p.conditions != cases[i].conditions ||
		    p.alternatives != cases[i].alternatives)
			printf("case %u: %d %s, %u conditions, %u alternatives\n", cases[i].number,
			       rc, why, p.conditions, p.alternatives);
		CU_ASSERT_EQUAL(rc, 0);
		CU_ASSERT_EQUAL(p.attributes, cases[i].attributes);
		CU_ASSERT_EQUAL(p.conditions, cases[i].conditions);
		CU_ASSERT_EQUAL(p.alternatives, cases[i].alternatives);
		CU_ASSERT_EQUAL(p.statement.bits, cases[i].bits);
		CU_ASSERT(fog_statement_proof_len(&p.statement) > 0);
	}
}

static void test_bad_arguments(void)
{
	static const struct {
		unsigned number;
		const char *text, *why;
	} cases[] = {
		{1, "", "missing"},
		{2, "age", "comparison"},
		{3, "age >=", "missing"},
		{4, "age >= 18 and", "missing"},
		{5, "(age >= 18", "("},
		{6, "age >= 18)", ")"},
		{7, "1 == 1", "without an attribute"},
		{8, "a == a", "itself"},
		{9, "a == 1 or a == \"x\"", "number and with a text"},
		{10, "a == \"x\" and b == 1 and a == b", "number is compared with a text"},
		{11, "a < \"x\"", "texts"},
		{12, "a < 0", "below 0"},
		{13, "a in 5..4", "in order"},
		{14, "a in {1, \"x\"}", "numbers only"},
		{15, "a in {}", "missing"},
		{16, "a in {1, 2", "comma"},
		{17, "a in 5", "set"},
		{18, "a == 18446744073709551616", "2^64"},
		{19, "a == \"x", "quote"},
		{20, "a == 1 b == 2", "missing"},
		{21, "a # 1", "character"},
		{22, "nonsense(x = 1)", "library"},
		{23, "model_hash()", "must be given"},
		{24, "mime_type(denied = {})", "parameter"},
		{25, "mime_type(allowed", "="},
		{26, "mime_type(allowed = {\"a\"", ")"},
		{27, "not (a >= 0)", "never"},
		{28, "not a", "comparison"},
		{29, "a not 5", "comparison"},
		{30, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa == 1",
		 "63 letters"},
		{31,
		 "a in "
		 "20..30653cd18c478a105b7a0e87d662a5accf16a1e1ac5c2732a331e594ce74e373b1c25544",
		 "2^64"},
	};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		int rc = fog_predicate_compile(&p, cases[i].text, why);

		if (rc != -EINVAL || strstr(why, cases[i].why) == NULL)
			printf("case %u: %d %s\n", cases[i].number, rc, why);
		CU_ASSERT_EQUAL(rc, -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].why));
	}
}

/* Too much of anything is refused with its limit. */
static void test_limits(void)
{
	static char text[FOG_PREDICATE_TEXT_MAX + 10];
	size_t n = 0;

	for (unsigned i = 0; i < 17; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%sa%u == 1",
				      i == 0 ? "" : " and ", i);
	CU_ASSERT_EQUAL(fog_predicate_compile(&p, text, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "16 attributes"));
	n = 0;
	for (unsigned i = 0; i < 17; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%sa == %u", i == 0 ? "" : " or ",
				      i);
	CU_ASSERT_EQUAL(fog_predicate_compile(&p, text, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "16 alternatives"));
	memset(text, '(', 100);
	text[100] = '\0';
	CU_ASSERT_EQUAL(fog_predicate_compile(&p, text, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "64 levels"));
	memset(text, ' ', sizeof(text) - 1);
	CU_ASSERT_EQUAL(fog_predicate_compile(&p, text, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "4095"));
	n = (size_t)snprintf(text, sizeof(text), "a not in {0");
	for (unsigned i = 1; i < 65; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",%u", i);
	snprintf(text + n, sizeof(text) - n, "}");
	CU_ASSERT_EQUAL(fog_predicate_compile(&p, text, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "64 excluded"));
	n = 0;
	for (unsigned i = 0; i < 9; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%sa != %u",
				      i == 0 ? "" : " and ", i);
	CU_ASSERT_EQUAL(fog_predicate_compile(&p, text, why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "16 conditions"));
}

static void test_explain(void)
{
	char *text = NULL;
	size_t len = 0;

	CU_ASSERT_EQUAL(
		fog_predicate_compile(&p, "age >= 18 and country in {\"a\", \"b\"} or x == y", why),
		0);
	FILE *out = open_memstream(&text, &len);
	fog_predicate_explain(&p, out);
	fclose(out);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "age is at least 18: range proof of 64 bits"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "country is one of 2 values"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "or alternative 2"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "x and y are the same"));
	free(text);
	unsigned n = 0;
	while (fog_predicate_library(n) != NULL)
		n++;
	CU_ASSERT_EQUAL(n, 4);
}

/* Any bytes: an answer, never more than that. */
static void test_garbage(void)
{
	static const char *const words[] = {
		"a", "b", "and",   "or", "not", "(",  ")",  "{",  "}",         "..",      ",",
		"1", "2", "\"x\"", "in", "<",   ">=", "==", "!=", "mime_type", "allowed", "="};
	u64 x = 99;
	unsigned good = 0;

	for (unsigned i = 0; i < 20000; i++) {
		char text[200];
		size_t n = 0;

		text[0] = '\0';
		for (unsigned k = 0; k < 3 + i % 12; k++) {
			x = x * 6364136223846793005ull + 1442695040888963407ull;
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ",
					      words[(x >> 33) % FOG_ARRAY_COUNT(words)]);
		}
		if (fog_predicate_compile(&p, text, why) == 0) {
			CU_ASSERT_PTR_NULL(fog_statement_fault(&p.statement));
			good++;
		} else {
			CU_ASSERT_NOT_EQUAL(why[0], '\0');
		}
	}
	printf("%u of 20000 mean something ", good);
}

FOG_TEST_MAIN("controlplane/proofs/predicate", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_limits), FOG_TEST(test_explain),
	      FOG_TEST(test_garbage))
