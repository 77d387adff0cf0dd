/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/top.h"

#include "controlplane/cli/output.h"
#include "tests/unit/fog_test.h"

#define NEAR(o, path, want) CU_ASSERT_DOUBLE_EQUAL(json_number_value(fog_pick(o, path)), want, 1e-6)

static json_t *answer(u64 ns, const char *traffic)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "{\"name\":\"h\",\"state\":\"up\",\"io\":\"sim\",\"monotonic_ns\":%llu,"
		 "\"links\":2,\"links_up\":1,\"traffic\":%s}",
		 (unsigned long long)ns, traffic);
	json_t *o = json_loads(text, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	return o;
}

static void test_life_cycle(void)
{
	json_t *a = answer(1000000000, "[{\"counters\":{\"dgrams_rx\":100,\"ticks\":1000},"
				       "\"drops\":{\"length\":5}},{\"counters\":{},\"drops\":{}}]");
	json_t *b =
		answer(3000000000,
		       "[{\"counters\":{\"dgrams_rx\":300,\"dgrams_tx\":100,\"bytes_rx\":1000,"
		       "\"batches\":50,\"batches_2_7\":50,\"ticks\":11000,\"cycles_rx\":1000,"
		       "\"cycles_open_cipher\":2000,\"cycles_seal_cipher\":1000,\"cycles_tx\":500,"
		       "\"cycles_idle\":4500,\"circuits_live\":7},\"drops\":{\"length\":15,"
		       "\"padding\":8}},{\"counters\":{\"dgrams_rx\":4,\"circuits_live\":2},"
		       "\"drops\":{}}]");
	json_t *r = fog_top_rates(a, b);

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "workers")), 2);
	const json_t *w = json_array_get(json_object_get(r, "workers"), 0);
	NEAR(r, "seconds", 2);
	NEAR(w, "rx", 100);
	NEAR(w, "rx_bits", 4000);
	NEAR(w, "busy", 0.45);
	NEAR(w, "fill", 4);
	NEAR(w, "circuits", 7);
	NEAR(w, "drops.length.rate", 5);
	NEAR(w, "drops.length.total", 15);
	NEAR(w, "dropped", 5); /* cover is not lost */
	NEAR(w, "cycles", 5 + 10 + 10 + 5);
	NEAR(w, "overhead", 10);
	CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_array_get(json_object_get(w, "fills"), 1)), 1,
			       1e-9);
	NEAR(r, "total.rx", 102);
	NEAR(r, "total.circuits", 9);
	json_decref(r);
	/* The data plane started again: its counters count from zero. */
	r = fog_top_rates(b, a);
	CU_ASSERT_PTR_NULL(r);
	json_object_set_new(a, "monotonic_ns", json_integer(4000000000));
	r = fog_top_rates(b, a);
	NEAR(r, "total.rx", 100);
	json_decref(r);
	json_decref(a);
	json_decref(b);
}

static void test_bad_arguments(void)
{
	json_t *a = answer(1, "[]"), *b = answer(2, "[]"), *odd = answer(3, "{}");

	CU_ASSERT_PTR_NULL(fog_top_rates(NULL, b));
	CU_ASSERT_PTR_NULL(fog_top_rates(a, a));
	CU_ASSERT_PTR_NULL(fog_top_rates(a, odd));
	CU_ASSERT_PTR_NULL(fog_top_rates(odd, b));
	json_t *r = fog_top_rates(a, b); /* a host without a data plane */
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	NEAR(r, "total.rx", 0);
	json_decref(r);
	json_decref(a);
	json_decref(b);
	json_decref(odd);
}

FOG_TEST_MAIN("controlplane/cli/top", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments))
