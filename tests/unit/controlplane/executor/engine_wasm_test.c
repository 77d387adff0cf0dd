/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/wasm/run.h"
#include "tests/unit/controlplane/executor/run.h"
#include "tests/unit/controlplane/executor/wasm/wat.h"
#include "tests/unit/fog_test.h"

static struct run r;
static struct wat w;
static u8 builders[1][32];

/* Writes its second argument, then ends with its number of arguments. */
static const char hello_wat[] =
	"(module " WAT_WRITE "(import \"wasi_snapshot_preview1\" \"args_sizes_get\""
	" (func $sizes (param i32 i32) (result i32)))"
	"(import \"wasi_snapshot_preview1\" \"args_get\""
	" (func $args (param i32 i32) (result i32)))"
	"(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))" WAT_MEMORY
	"(func (export \"_start\")"
	" (drop (call $sizes (i32.const 0) (i32.const 4)))"
	" (drop (call $args (i32.const 64) (i32.const 1024)))"
	" (i32.store (i32.const 16) (i32.load (i32.const 68)))"
	" (i32.store (i32.const 20) (i32.const 5))"
	" (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 32)))"
	" (call $exit (i32.load (i32.const 0)))))";

/* Opens a name below descriptor 3 (".", that is /work) with the flags, then ends with the error. */
#define OPEN_WAT(name, len, oflags) OPEN_WAT_AT("3", name, len, oflags)
#define OPEN_WAT_AT(fd, name, len, oflags)                                                      \
	"(module (import \"wasi_snapshot_preview1\" \"path_open\" (func $open"                  \
	" (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"                           \
	"(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))" WAT_MEMORY \
	"(data (i32.const 8) \"" name "\")"                                                     \
	"(func (export \"_start\") (call $exit (call $open (i32.const " fd ") (i32.const 1)"    \
	" (i32.const 8) (i32.const " len ") (i32.const " oflags ") (i64.const 66)"              \
	" (i64.const 0) (i32.const 0) (i32.const 128)))))"

static void begin(const char *module)
{
	char path[160];

	run_begin(&r, "");
	r.argv[0] = module;
	r.argv[1] = "first";
	r.argv[2] = "more";
	r.spec.engine = "wasm";
	r.spec.builders = builders;
	r.spec.builder_count = 1;
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	snprintf(path, sizeof(path), "%s/%s", w.dir, module);
	if (access(path, R_OK) == 0)
		CU_ASSERT_TRUE_FATAL(run_input_copy(&r, path, module));
}

static void finish(void)
{
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE_FATAL(run_wait(&r, FOG_EXECUTOR_FINISHED));
	run_read(&r);
}

static void test_life_cycle(void)
{
	CU_ASSERT_EQUAL_FATAL(wat_build(&w, "hello", hello_wat), 0);
	begin("hello");
	finish();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 3, 0));
	CU_ASSERT_STRING_EQUAL(r.out, "first");
	CU_ASSERT_STRING_EQUAL(r.status.result.sandbox.machine, "process, compiled WebAssembly");
	CU_ASSERT_TRUE(r.status.result.sandbox.seccomp);
	run_end(&r);
}

static void test_bad_arguments(void)
{
	CU_ASSERT_EQUAL_FATAL(wat_build(&w, "hello", hello_wat), 0);
	// A builder nobody here trusts.
	begin("hello");
	run_end(&r);
	builders[0][0] ^= 1;
	begin("hello");
	builders[0][0] ^= 1;
	finish();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_FAILED, -1, 0));
	CU_ASSERT_STRING_EQUAL(r.status.result.error,
			       "wasm: the builder of hello is not trusted here");
	run_end(&r);
	// Code changed after it was signed.
	begin("hello");
	CU_ASSERT_EQUAL(fog_executor_input_write(r.spool, "hello", 5000, "\x90\x90\x90", 3), 0);
	finish();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_FAILED, -1, 0));
	CU_ASSERT_STRING_EQUAL(r.status.result.error,
			       "wasm: hello: its builder's signature is wrong");
	run_end(&r);
	begin("nothing");
	finish();
	CU_ASSERT_STRING_EQUAL(r.status.result.error,
			       "wasm: input/nothing: No such file or directory");
	run_end(&r);
}

/* Descriptor 7 is /checkpoint where the job has one. */
static void test_leavings(void)
{
	struct fog_executor_kept k;

	CU_ASSERT_EQUAL_FATAL(wat_build(&w, "mark", OPEN_WAT_AT("7", ".complete", "9", "1")), 0);
	begin("mark");
	run_leaves(&r);
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	finish();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 0, 0));
	CU_ASSERT_EQUAL(fog_executor_kept(r.spool, &k), 0);
	CU_ASSERT_EQUAL(k.number, 1);
	run_end(&r);
	begin("mark");
	finish();
	CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, 8, 0)); // badf
	run_end(&r);
}

static void test_traps(void)
{
	static const struct {
		int number;
		const char *body;
		const char *says;
	} cases[] = {
		{1, "unreachable", "Unreachable"},
		{2, "(drop (i32.load (i32.const 70000)))", "Out-of-bounds"},
		{3, "(drop (i32.div_u (i32.const 1) (i32.load (i32.const 0))))", "divide by zero"},
		{4, "(call $f)", "stack exhausted"},
	};
	char text[512];

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		snprintf(text, sizeof(text),
			 "(module " WAT_MEMORY "(func $f (export \"_start\") %s (drop (i32.load8_u "
			 "(i32.const 0)))))",
			 cases[i].body);
		CU_ASSERT_EQUAL_FATAL(wat_build(&w, "trap", text), 0);
		begin("trap");
		finish();
		CU_ASSERT_TRUE(run_is(&r, FOG_EXECUTOR_EXITED, FOG_WASM_EXIT_TRAP, 0));
		if (strcasestr(r.err, cases[i].says) == NULL)
			printf("\n  case %d: %s\n", cases[i].number, r.err);
		CU_ASSERT_PTR_NOT_NULL(strcasestr(r.err, cases[i].says));
		run_end(&r);
	}
}

static void test_files(void)
{
	static const struct {
		int number;
		const char *text;
		int error; /* of WASI */
	} cases[] = {
		{1, OPEN_WAT("new", "3", "1"), 0},
		{2, OPEN_WAT("none", "4", "0"), 44 /* NOENT */},
		{3, OPEN_WAT("../spec.json", "12", "0"), 75 /* XDEV: leads out */},
		{4, OPEN_WAT("/etc/passwd", "11", "0"), 75},
		{5, OPEN_WAT("a\\00b", "3", "1"), 28 /* INVAL */},
		{6, OPEN_WAT("x", "70000", "1"), 21 /* FAULT: not in its memory */},
	};

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL_FATAL(wat_build(&w, "open", cases[i].text), 0);
		begin("open");
		finish();
		if (!run_is(&r, FOG_EXECUTOR_EXITED, cases[i].error, 0)) {
			printf("  case %d\n", cases[i].number);
			CU_FAIL("path_open");
		}
		run_end(&r);
	}
}

static void test_limits(void)
{
	CU_ASSERT_EQUAL_FATAL(wat_build(&w, "loop",
					"(module " WAT_MEMORY
					"(func (export \"_start\") (loop $l (br $l))))"),
			      0);
	begin("loop");
	run_end(&r);
	run_begin(&r, "");
	r.argv[0] = "loop";
	r.spec.engine = "wasm";
	r.spec.builders = builders;
	r.spec.builder_count = 1;
	r.spec.limits.wall_ms = 300;
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	char path[160];
	snprintf(path, sizeof(path), "%s/loop", w.dir);
	CU_ASSERT_TRUE_FATAL(run_input_copy(&r, path, "loop"));
	finish();
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_TIMEOUT);
	run_end(&r);
}

int main(void)
{
	static const struct fog_test tests[] = {
		FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments), FOG_TEST(test_leavings),
		FOG_TEST(test_traps),      FOG_TEST(test_files),         FOG_TEST(test_limits)};

	wat_begin(&w);
	if (fog_hex_decode(w.builder, builders[0], 32) != 0)
		return 2;
	int ret = fog_test_run("controlplane/executor/engine_wasm", tests, FOG_ARRAY_COUNT(tests));
	wat_end(&w);
	return ret;
}
