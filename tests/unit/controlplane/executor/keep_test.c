/* SPDX-License-Identifier: BSD-3-Clause */
/* What real jobs leave behind: checkpoints, taken and restored, and artifacts. */
#include "controlplane/executor/keep.h"

#include "controlplane/executor/kept.h"
#include "crypto/hash/hash.h"
#include "tests/unit/controlplane/executor/run.h"
#include "tests/unit/controlplane/executor/shell.h"
#include "tests/unit/fog_test.h"

#define MIB          (1u << 20)
#define MARK         "touch /checkpoint/.complete; "
#define MARK_WAIT    MARK "while [ -e /checkpoint/.complete ]; do sleep 0.05; done; "
#define CONTENT_SIZE 65536

static char content[CONTENT_SIZE + 1];

static void begin(struct run *r, const char *script)
{
	run_begin(r, script);
	run_leaves(r);
	r->spec.artifacts.count = 0;
}

static struct fog_executor_kept kept_of(const struct run *r)
{
	struct fog_executor_kept k;

	CU_ASSERT_EQUAL(fog_executor_kept(r->spool, &k), 0);
	return k;
}

/* Bytes of a kept file, which must be what its hash says. */
static size_t kept_read(const struct run *r, const char *name, const struct fog_executor_file *f)
{
	u8 sha256[32];
	size_t len;

	CU_ASSERT_EQUAL(fog_executor_kept_read(r->spool, name, 0, content, CONTENT_SIZE, &len), 0);
	content[len] = '\0';
	fog_hash_sha256(sha256, content, len);
	CU_ASSERT_EQUAL(len, f->size);
	CU_ASSERT_EQUAL(memcmp(sha256, f->sha256, 32), 0);
	return len;
}

static void test_life_cycle(void)
{
	static const char script[] =
		"n=$(cat /checkpoint/deep/n 2>/dev/null || echo 0); mkdir -p /checkpoint/deep; "
		"for i in 1 2 3; do n=$((n+1)); echo $n > /checkpoint/deep/n; " MARK_WAIT "done; "
		"echo at $n; ls -A /checkpoint";
	struct run a, b;

	begin(&a, script);
	begin(&b, script);
	CU_ASSERT_EQUAL_FATAL(run_to_end(&a), 0);
	run_read(&a);
	CU_ASSERT_STRING_EQUAL(a.out, "at 3\ndeep\n");
	CU_ASSERT_EQUAL(a.status.result.outcome, FOG_EXECUTOR_EXITED);
	CU_ASSERT_EQUAL(kept_of(&a).number, 3);
	CU_ASSERT(a.status.result.usage.wall_ms >= 2 * FOG_KEEP_INTERVAL_MS);
	CU_ASSERT_EQUAL(kept_of(&a).manifest.size, 0);
	CU_ASSERT_TRUE_FATAL(run_goes_on(&a, &b));
	CU_ASSERT_EQUAL_FATAL(run_to_end(&b), 0);
	run_read(&b);
	CU_ASSERT_STRING_EQUAL(b.out, "at 6\ndeep\n");
	run_end(&a);
	run_end(&b);
}

static void test_bad_arguments(void)
{
	struct fog_executor_kept k;
	char error[256], text[FOG_EXECUTOR_ARTIFACT_TEXT_SIZE];
	const char *up[] = {"../x"}, *stars[] = {"a*b*c*d*e*f*g*h*i*"};
	struct run r;
	size_t len;

	begin(&r, "true");
	r.spec.checkpoint.exit_code = 256;
	CU_ASSERT_EQUAL(fog_executor_prepare_explain(&r.spec, r.spool, error, 256), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, "checkpoint.exit_code"));
	r.spec.checkpoint = (struct fog_executor_checkpoint){.bytes_max = 1, .grace_ms = 60001};
	CU_ASSERT_EQUAL(fog_executor_prepare(&r.spec, r.spool), -EINVAL);
	r.spec.checkpoint = (struct fog_executor_checkpoint){
		.bytes_max = FOG_EXECUTOR_CHECKPOINT_MAX + 1, .grace_ms = 1};
	CU_ASSERT_EQUAL(fog_executor_prepare(&r.spec, r.spool), -EINVAL);
	r.spec.checkpoint = (struct fog_executor_checkpoint){
		.bytes_max = 1, .grace_ms = 1, .from = "../spec.json"};
	CU_ASSERT_EQUAL(fog_executor_prepare(&r.spec, r.spool), -EINVAL);
	r.spec.checkpoint.from = NULL;
	r.spec.artifacts = (struct fog_executor_artifacts){up, 1, 1};
	CU_ASSERT_EQUAL(fog_executor_prepare(&r.spec, r.spool), -EINVAL);
	r.spec.artifacts.patterns = stars;
	CU_ASSERT_EQUAL(fog_executor_prepare(&r.spec, r.spool), -EINVAL);
	CU_ASSERT_EQUAL(fog_executor_kept(r.spool, &k), -ENOENT);
	CU_ASSERT_EQUAL(fog_executor_kept_read(r.spool, "../spec.json", 0, text, 9, &len), -EINVAL);
	CU_ASSERT_EQUAL(fog_executor_kept_read(r.spool, "checkpoint.", 0, text, 9, &len), -EINVAL);
	CU_ASSERT_EQUAL(fog_executor_kept_read(r.spool, "index.json", 0, text, 9, &len), -EINVAL);
	CU_ASSERT_EQUAL(fog_executor_kept_read(r.spool, "manifest", 0, text, 9, &len), -ENOENT);
	run_end(&r);
}

/* Too soon, too large, not archivable, not complete: the one before stays. */
static void test_not_taken(void)
{
	struct run r;

	begin(&r, "echo 1 > /checkpoint/n; " MARK_WAIT
		  "head -c 1100000 /dev/zero > /checkpoint/big; " MARK_WAIT
		  "rm /checkpoint/big; echo half > /checkpoint/n");
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_EQUAL(kept_of(&r).number, 1);
	CU_ASSERT_STRING_EQUAL(kept_of(&r).note, "larger than 1048576 bytes");
	run_end(&r);
	begin(&r, "mkfifo /checkpoint/pipe; " MARK_WAIT);
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_EQUAL(kept_of(&r).number, 0);
	CU_ASSERT_EQUAL(strncmp(kept_of(&r).note, "holds what cannot", 17), 0);
	run_end(&r);
	begin(&r, MARK_WAIT MARK "sleep 1; ls -A /checkpoint");
	r.spec.checkpoint.interval_ms = 600000;
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	run_read(&r);
	CU_ASSERT_STRING_EQUAL(r.out, ".complete\n");
	CU_ASSERT_EQUAL(kept_of(&r).number, 2); /* at the end it is never too soon */
	run_end(&r);
}

/* What is no file is no mark, and what the job has in its place is left alone, however it grows. */
static void test_marker_hostile(void)
{
	struct run r;

	begin(&r, "mkdir -p /checkpoint/.complete/x; "
		  "(while :; do mkdir -p /checkpoint/.complete/x/y; done) 2>/dev/null & "
		  "sleep 2; kill $!; ls -A /checkpoint; rm -r /checkpoint/.complete; "
		  "ln -s /work /checkpoint/.complete; sleep 1; ls -A /checkpoint");
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	run_read(&r);
	CU_ASSERT_STRING_EQUAL(r.out, ".complete\n.complete\n");
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_EXITED);
	CU_ASSERT_EQUAL(kept_of(&r).number, 0);
	CU_ASSERT_STRING_EQUAL(kept_of(&r).note, ".complete is not a file");
	run_end(&r);
}

/* The monitor's own end comes first: what it cuts off stays complete, for the end of the job. */
static void test_deadline(void)
{
	struct fog_job job = {0};
	struct fog_keep k = {0};
	struct run r;

	begin(&r, "true");
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	job.spec = &r.spec;
	job.spool_fd = open(r.spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_EQUAL_FATAL(fog_keep_open(&k, &job), 0);
	CU_ASSERT_EQUAL(shell_run(r.spool,
				  "cd checkpoint && touch .complete && "
				  "head -c 900000 /dev/urandom > big",
				  NULL, 0),
			0);
	fog_keep_tick(&k, run_now_ms() * 1000000);
	CU_ASSERT_EQUAL(k.kept.number, 0);
	CU_ASSERT_EQUAL(faccessat(k.checkpoint_fd, FOG_KEEP_MARKER, F_OK, 0), 0);
	fog_keep_tick(&k, UINT64_MAX);
	CU_ASSERT_EQUAL(k.kept.number, 1);
	CU_ASSERT_EQUAL(faccessat(k.checkpoint_fd, FOG_KEEP_MARKER, F_OK, 0), -1);
	fog_keep_close(&k);
	close(job.spool_fd);
	run_end(&r);
}

/* By its exit code, when it is cancelled, when its time is nearly over. */
static void test_ends(void)
{
	static const char trap[] =
		"trap 'echo saved > /checkpoint/n; touch /checkpoint/.complete; exit 7' TERM; "
		"echo ready; while :; do sleep 0.1; done";
	struct run r;

	begin(&r, "echo x > /checkpoint/n; exit 85");
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_EQUAL(r.status.result.exit_code, 85);
	CU_ASSERT_EQUAL(kept_of(&r).number, 1);
	run_end(&r);
	begin(&r, "echo x > /checkpoint/n; exit 84");
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_EQUAL(kept_of(&r).number, 0);
	run_end(&r);
	begin(&r, trap);
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE_FATAL(run_wait_output(&r, "ready"));
	CU_ASSERT_EQUAL(fog_executor_cancel(r.spool), 0);
	CU_ASSERT_TRUE_FATAL(run_wait(&r, FOG_EXECUTOR_FINISHED));
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_CANCELLED);
	CU_ASSERT_EQUAL(kept_of(&r).number, 1);
	run_end(&r);
	begin(&r, trap);
	r.spec.limits.wall_ms = 30000;
	r.spec.checkpoint.grace_ms = 60000; /* half the wall time in truth */
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE_FATAL(run_wait(&r, FOG_EXECUTOR_FINISHED) ||
			     run_wait(&r, FOG_EXECUTOR_FINISHED));
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_TIMEOUT);
	CU_ASSERT_EQUAL(r.status.result.exit_code, 7);
	CU_ASSERT_EQUAL(kept_of(&r).number, 1);
	run_end(&r);
}

static void test_disk(void)
{
	struct run r;

	begin(&r, "head -c 2200000 /dev/zero > /checkpoint/big; sleep 30");
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_FAILED);
	CU_ASSERT_EQUAL(strncmp(r.status.result.error, "disk limit: /checkpoint", 23), 0);
	run_end(&r);
}

/* Archives of an enemy: none leads out, and what is none fails the run before it begins. */
static void test_restore_hostile(void)
{
	char out[64], script[512];
	struct run r;

	begin(&r, "echo ran; ls /checkpoint");
	r.spec.checkpoint.from = "checkpoint.tar";
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL(fog_executor_input_write(r.spool, "checkpoint.tar", 0, "noise", 5), 0);
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE_FATAL(run_wait(&r, FOG_EXECUTOR_FINISHED));
	CU_ASSERT_EQUAL(r.status.result.outcome, FOG_EXECUTOR_FAILED);
	CU_ASSERT_STRING_EQUAL(r.status.result.error, "checkpoint: it cannot be restored");
	run_end(&r);

	begin(&r, "echo ran; ls /checkpoint");
	r.spec.checkpoint.from = "checkpoint.tar";
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	snprintf(script, sizeof(script),
		 "mkdir x && ln -s %s x/link && tar -C x -cf %s/input/checkpoint.tar link && "
		 "rm x/link && mkdir x/link && echo bad > x/link/bad && "
		 "tar -C x -rf %s/input/checkpoint.tar link/bad",
		 r.base, r.spool, r.spool);
	CU_ASSERT_EQUAL_FATAL(shell_run(r.base, script, out, sizeof(out)), 0);
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE_FATAL(run_wait(&r, FOG_EXECUTOR_FINISHED));
	snprintf(script, sizeof(script), "test ! -e %s/bad", r.base);
	CU_ASSERT_EQUAL(shell_run(r.base, script, out, sizeof(out)), 0);
	run_end(&r);
}

/* One that is being read stays while newer ones come. */
static void test_reading(void)
{
	struct fog_executor_kept first;
	u64 end = run_now_ms() + RUN_WAIT_MS;
	struct run r;
	size_t len;
	u8 byte;

	begin(&r, "for i in 1 2 3; do echo $i > /checkpoint/n; " MARK_WAIT
		  "echo made $i; while [ $i = 1 ] && [ ! -e /work/go ]; do sleep 0.05; done; done");
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE_FATAL(run_wait_output(&r, "made 1"));
	first = kept_of(&r);
	CU_ASSERT_EQUAL(first.number, 1);
	CU_ASSERT_EQUAL(fog_executor_kept_read(r.spool, "checkpoint.1", 0, &byte, 1, &len), 0);
	CU_ASSERT_EQUAL(shell_run(r.spool, "touch work/go", content, 64), 0);
	CU_ASSERT_TRUE_FATAL(run_wait(&r, FOG_EXECUTOR_FINISHED));
	while (kept_of(&r).number != 3 && run_now_ms() < end)
		run_sleep_ms(10);
	kept_read(&r, "checkpoint.1", &first.checkpoint);
	CU_ASSERT_EQUAL(fog_executor_kept_read(r.spool, "checkpoint.2", 0, &byte, 1, &len),
			-ENOENT);
	struct fog_executor_kept last = kept_of(&r);
	kept_read(&r, "checkpoint.3", &last.checkpoint);
	CU_ASSERT_EQUAL(fog_executor_kept_read(r.spool, "checkpoint.1", 0, &byte, 1, &len),
			-ENOENT);
	run_end(&r);
}

/* ---- artifacts ------------------------------------------------------------------------------ */

static json_t *manifest_of(struct run *r)
{
	struct fog_executor_kept k = kept_of(r);
	size_t len = kept_read(r, "manifest", &k.manifest);
	json_t *v = json_loadb(content, len, 0, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(v);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(v, "files")), k.artifacts);
	return v;
}

static const char *name_at(const json_t *manifest, const char *list, size_t i)
{
	const char *name = json_string_value(
		json_object_get(json_array_get(json_object_get(manifest, list), i), "name"));

	return name != NULL ? name : "";
}

static const char *why_of(const json_t *manifest, const char *name)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(manifest, "left_out"), i,
			   v) if (strcmp(json_string_value(json_object_get(v, "name")), name) ==
				  0) return json_string_value(json_object_get(v, "why"));
	return "";
}

static void test_artifacts(void)
{
	static const char *const patterns[] = {"a.txt", "out",  "/work/x*.bin",
					       "none",  "link", "fifo"};
	static const char script[] =
		"mkdir -p out/deep other; echo A > a.txt; echo D > out/deep/d; chmod +x "
		"out/deep/d; "
		"printf 'X' > \"$(printf 'x\\377.bin')\"; ln -s /etc/passwd link; mkfifo fifo; "
		"ln -s .. out/up; echo no > other/no; truncate -s 1G out/huge; : > out/empty; exit "
		"3";
	struct fog_executor_file f;
	struct run r;

	run_begin(&r, script);
	r.spec.limits.disk_bytes = 0;
	r.spec.artifacts = (struct fog_executor_artifacts){patterns, 6, MIB};
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_EQUAL(r.status.result.exit_code, 3);
	json_t *m = manifest_of(&r);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(m, "files")), 4);
	CU_ASSERT_STRING_EQUAL(name_at(m, "files", 0), "a.txt");
	CU_ASSERT_STRING_EQUAL(name_at(m, "files", 1), "out/deep/d");
	CU_ASSERT_STRING_EQUAL(name_at(m, "files", 2), "out/empty");
	CU_ASSERT_STRING_EQUAL(name_at(m, "files", 3), "x%FF.bin");
	CU_ASSERT_STRING_EQUAL(why_of(m, "link"), "not a file");
	CU_ASSERT_STRING_EQUAL(why_of(m, "fifo"), "not a file");
	CU_ASSERT_STRING_EQUAL(why_of(m, "out/up"), "not a file");
	CU_ASSERT_STRING_EQUAL(why_of(m, "out/huge"), "over the limit of all together");
	CU_ASSERT_STRING_EQUAL(why_of(m, "none"), "nothing matches");
	json_decref(m);
	f.size = 2;
	fog_hash_sha256(f.sha256, "D\n", 2);
	kept_read(&r, "artifact.1", &f);
	run_end(&r);
}

static void test_artifacts_many(void)
{
	static const char *const all[] = {"*"};
	struct run r;

	run_begin(&r, "i=0; while [ $i -lt 300 ]; do : > f$i; i=$((i+1)); done");
	r.spec.artifacts = (struct fog_executor_artifacts){all, 1, MIB};
	CU_ASSERT_EQUAL_FATAL(run_to_end(&r), 0);
	CU_ASSERT_EQUAL(kept_of(&r).artifacts, FOG_EXECUTOR_ARTIFACTS_MAX);
	json_t *m = manifest_of(&r);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(m, "left_out_count")), 44);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(m, "left_out")), FOG_EXECUTOR_LEFT_OUT_MAX);
	json_decref(m);
	run_end(&r);
	/* A cancelled job leaves none. */
	run_begin(&r, "echo x > x; echo ready; sleep 60");
	r.spec.artifacts = (struct fog_executor_artifacts){all, 1, MIB};
	CU_ASSERT_EQUAL_FATAL(fog_executor_prepare(&r.spec, r.spool), 0);
	CU_ASSERT_EQUAL_FATAL(fog_executor_start(FOG_EXEC_PATH, r.spool, NULL), 0);
	CU_ASSERT_TRUE_FATAL(run_wait_output(&r, "ready"));
	fog_executor_cancel(r.spool);
	CU_ASSERT_TRUE_FATAL(run_wait(&r, FOG_EXECUTOR_FINISHED));
	CU_ASSERT_EQUAL(kept_of(&r).manifest.size, 0);
	run_end(&r);
}

FOG_TEST_MAIN("controlplane/executor/keep", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_not_taken), FOG_TEST(test_marker_hostile), FOG_TEST(test_deadline),
	      FOG_TEST(test_ends), FOG_TEST(test_disk), FOG_TEST(test_restore_hostile),
	      FOG_TEST(test_reading), FOG_TEST(test_artifacts), FOG_TEST(test_artifacts_many))
