/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/report.h"
#include "tests/unit/fog_test.h"

#define A "\"0101010101010101010101010101010101010101010101010101010101010101\""
#define B "\"0202020202020202020202020202020202020202020202020202020202020202\""

static struct fog_report r, back;

static void test_life_cycle(void)
{
	memset(&r, 0, sizeof(r));
	r.has_load = r.has_place = true;
	r.load = (struct fog_load){1500, 3, 1ull << 30, 7, 2, 600000, 250};
	r.place = (struct fog_place){{-1500, 20, 0}, 300, 50000};
	r.energy = (struct fog_energy){90000, 40000, 120000, FOG_ENERGY_RAPL};
	r.opinion_count = FOG_REPORT_OPINIONS_MAX;
	for (u32 i = 0; i < r.opinion_count; i++) {
		r.opinion[i].node_id[0] = (u8)(i + 1);
		r.opinion[i].good = i * 1000;
		r.opinion[i].bad = 500;
	}
	r.draw_epoch = 77;
	r.draw_digest[3] = 9;
	r.neighbour_count = FOG_REPORT_NEIGHBOURS_MAX;
	for (u32 i = 0; i < r.neighbour_count; i++)
		r.neighbour[i][5] = (u8)i;
	r.closed_count = 2;
	r.closed[0] = (struct fog_closed){.begin_ms = 5, .end_ms = 9};
	r.closed[1] = (struct fog_closed){.submitter = {7}, .begin_ms = 10, .end_ms = 19};
	r.has_committee_lot = r.has_mix_lot = true;
	r.committee_lot[0] = 2;
	r.mix_lot[FOG_VRF_BATCH_PROOF_SIZE - 1] = 9;
	json_t *o = fog_report_json(&r);
	CU_ASSERT_PTR_NULL(fog_report_read(&back, o));
	CU_ASSERT_EQUAL(memcmp(&back, &r, sizeof(r)), 0);
	json_decref(o);
	/* Nothing known, nothing said. */
	memset(&r, 0, sizeof(r));
	o = fog_report_json(&r);
	CU_ASSERT_EQUAL(json_object_size(o), 0);
	CU_ASSERT_PTR_NULL(fog_report_read(&back, o));
	CU_ASSERT_EQUAL(memcmp(&back, &r, sizeof(r)), 0);
	json_decref(o);
	CU_ASSERT_PTR_NULL(fog_report_read(&back, NULL));
}

static void test_bad_arguments(void)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"[]", false},
		{"{}", true},
		{"{\"later\": 7}", true},
		{"{\"load\": {}}", false},
		{"{\"load\": 1}", false},
		{"{\"coordinate\": {\"us\": [1, 2], \"height_us\": 0, \"error_ppm\": 0}}", false},
		{"{\"coordinate\": {\"us\": [1, 2, 3], \"height_us\": 0, \"error_ppm\": 0}}", true},
		{"{\"coordinate\": {\"us\": [1, 2, 3], \"height_us\": -1, \"error_ppm\": 0}}",
		 false},
		{"{\"coordinate\": {\"us\": [1, 2, 3e9], \"height_us\": 0, \"error_ppm\": 0}}",
		 false},
		{"{\"coordinate\": {\"us\": [1, 2, 10000001], \"height_us\": 0, "
		 "\"error_ppm\": 0}}",
		 false},
		{"{\"energy\": {\"milliwatts\": 1, \"idle_milliwatts\": 1, \"full_milliwatts\": 2, "
		 "\"source\": \"rapl\"}}",
		 true},
		{"{\"energy\": {\"milliwatts\": 1, \"idle_milliwatts\": 3, \"full_milliwatts\": 2, "
		 "\"source\": \"rapl\"}}",
		 false},
		{"{\"energy\": {\"milliwatts\": 1, \"source\": \"rapl\"}}", false},
		{"{\"energy\": {\"milliwatts\": 1, \"idle_milliwatts\": 1, \"full_milliwatts\": 2, "
		 "\"source\": \"unknown\"}}",
		 false},
		{"{\"energy\": {\"milliwatts\": 0, \"source\": \"rapl\"}}", false},
		{"{\"opinions\": [[" A ", 1, 2]]}", true},
		{"{\"opinions\": [[" A ", 1, 2], [" B ", 1, 2]]}", true},
		{"{\"opinions\": [[" A ", 1, 2], [" A ", 1, 2]]}", false}, /* twice */
		{"{\"opinions\": [[" A ", 1000001, 2]]}", false},
		{"{\"opinions\": [[" A ", 1, -1]]}", false},
		{"{\"opinions\": [[" A ", 1.5, 1]]}", false},
		{"{\"opinions\": [[\"01\", 1, 1]]}", false},
		{"{\"draw\": {\"epoch\": 1, \"digest\": " A ", \"neighbours\": [" B "]}}", true},
		{"{\"draw\": {\"epoch\": 0, \"digest\": " A ", \"neighbours\": [" B "]}}", false},
		{"{\"draw\": {\"epoch\": 1, \"digest\": " A ", \"neighbours\": [7]}}", false},
		{"{\"closed\": [[5, 9, null], [10, 11, " A "]]}", true},
		{"{\"closed\": [[5, 5, null]]}", false},
		{"{\"closed\": [[0, 5, null]]}", false},
		{"{\"closed\": [[1, 5, 7]]}", false},
		{"{\"closed\": [[1, 5]]}", false},
		{"{\"draw\": {\"epoch\": 1, \"digest\": " A ", \"neighbours\": [], \"mix\": " A
		 "}}",
		 false},
		{"{\"draw\": {\"epoch\": 1, \"digest\": " A
		 ", \"neighbours\": [], \"committee\": 7}}",
		 false},
	};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		json_t *o = json_loads(cases[i].text, 0, NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(o);
		const char *error = fog_report_read(&back, o);
		if ((error == NULL) != cases[i].good)
			printf("case %u: %s\n", i, error != NULL ? error : "accepted");
		CU_ASSERT_EQUAL(error == NULL, cases[i].good);
		json_decref(o);
	}
}

FOG_TEST_MAIN("controlplane/directory/report", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments))
