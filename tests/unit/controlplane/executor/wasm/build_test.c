/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-wasm as people use it: key, build, show. Running is engine_wasm_test.c's. */

#include "tests/unit/controlplane/executor/wasm/wat.h"
#include "tests/unit/fog_test.h"

static struct wat w;

static void test_life_cycle(void)
{
	wat_begin(&w);
	CU_ASSERT_EQUAL(wat_build(&w, "a", "(module " WAT_MEMORY "(func (export \"_start\")))"), 0);
	CU_ASSERT_EQUAL(wat_run(&w, FOG_WASM_PATH " show a"), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.out, w.builder));
	CU_ASSERT_PTR_NOT_NULL(strstr(w.out, "target "));
	// The same module and compiler give the same code: anyone can check a builder.
	CU_ASSERT_EQUAL(wat_run(&w, FOG_WASM_PATH " build --key key a.wasm b && cmp a b"), 0);
	wat_end(&w);
}

static void test_bad_arguments(void)
{
	static const struct {
		int number;
		const char *text;
		const char *says;
	} cases[] = {
		{1, "(module " WAT_MEMORY ")", "has no _start"},
		{2, "(module (func (export \"_start\")))", "exports no memory"},
		{3,
		 "(module (import \"env\" \"system\" (func)) " WAT_MEMORY
		 "(func (export \"_start\")))",
		 "imports from \"env\", which is not WASI"},
	};

	wat_begin(&w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_EQUAL(wat_build(&w, "bad", cases[i].text), 1);
		if (strstr(w.out, cases[i].says) == NULL)
			printf("\n  case %d: %s\n", cases[i].number, w.out);
		CU_ASSERT_PTR_NOT_NULL(strstr(w.out, cases[i].says));
	}
	CU_ASSERT_EQUAL(wat_run(&w, "echo no > x.wasm; " FOG_WASM_PATH " build --key key x.wasm x"),
			1);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.out, "is not WebAssembly"));
	CU_ASSERT_EQUAL(wat_run(&w, FOG_WASM_PATH " build --key nokey x.wasm x"), 1);
	CU_ASSERT_EQUAL(wat_run(&w, FOG_WASM_PATH " build x.wasm x"), 2);
	CU_ASSERT_EQUAL(wat_run(&w, FOG_WASM_PATH " key key"), 1);
	CU_ASSERT_EQUAL(wat_run(&w, FOG_WASM_PATH " show x.wasm"), 1);
	CU_ASSERT_EQUAL(wat_run(&w, FOG_WASM_PATH " run ./x.wasm"), 126);
	CU_ASSERT_EQUAL(wat_run(&w, FOG_WASM_PATH), 2);
	CU_ASSERT_EQUAL(wat_run(&w, FOG_WASM_PATH " --help"), 0);
	wat_end(&w);
}

FOG_TEST_MAIN("controlplane/executor/wasm/build", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments))
