/* SPDX-License-Identifier: BSD-3-Clause */
/* From a spec to the end of a program that does nothing, per engine: spool, sandbox, program,
 * result on disk. Beside it a bare fork and exec of the same program, and crun itself for
 * containers. Engines this machine lacks are left out, and it says so. */
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "controlplane/executor/executor.h"
#include "controlplane/executor/file.h"
#include "controlplane/executor/vault.h"
#include "crypto/mem.h"

#define PATH_SIZE    256
#define SAMPLES      9
#define SAMPLES_SLOW 3

extern char **environ;

struct launch {
	const char *engine;
	const char *name; /* of the row */
	const char *program;
	const char *input; /* a file below the directory, or NULL */
	u64 memory;
	unsigned samples;
};

static char dir[PATH_SIZE];
static u8 builders[1][32];

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Exit status of a program, its output dropped; -1 when it cannot run. */
static int run(const char *const *argv)
{
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	int rc = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc != 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int shell(const char *script)
{
	const char *const argv[] = {"sh", "-c", script, NULL};

	return run(argv);
}

/* What the engines run, in a directory of ours. */
static bool begin(void)
{
	char script[4096], text[65];

	snprintf(dir, sizeof(dir), "/tmp/fog-bench-executor.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return false;
	snprintf(script, sizeof(script),
		 "cd %s && %s key key > public && "
		 "echo '(module (memory (export \"memory\") 1) (func (export \"_start\")))' > "
		 "a.wat && "
		 "wat2wasm a.wat -o a.wasm && %s build --key key a.wasm nothing.fogwasm && "
		 "mkdir -p t/rootfs/proc t/rootfs/dev t/rootfs/tmp t/rootfs/work t/rootfs/input && "
		 "cp %s t/rootfs/probe && cp %s probe && echo '{\"process\":{\"args\":[\"/probe\","
		 "\"exit\"]},\"root\":{\"path\":\"rootfs\"}}' > t/config.json && tar -C t -cf "
		 "bundle.tar . && cd t && rm config.json && crun spec && sed -i "
		 "'s/\"sh\"/\"\\/probe\",\"exit\"/; s/\"terminal\": true/\"terminal\": false/' "
		 "config.json",
		 dir, FOG_WASM_PATH, FOG_WASM_PATH, FOG_NOTHING_PATH, FOG_NOTHING_PATH);
	if (shell(script) != 0)
		return false;
	snprintf(script, sizeof(script), "%s/public", dir);
	FILE *f = fopen(script, "re");
	bool read = f != NULL && fscanf(f, "builder %64s", text) == 1;
	if (f != NULL)
		fclose(f);
	return read && fog_hex_decode(text, builders[0], 32) == 0;
}

static bool input_copy(const char *spool, const char *name)
{
	char path[2 * PATH_SIZE];
	u8 buf[65536];
	ssize_t n;
	u64 at = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0) {
		if (fog_executor_input_write(spool, name, at, buf, (size_t)n) < 0)
			break;
		at += (u64)n;
	}
	if (fd >= 0)
		close(fd);
	return fd >= 0 && at > 0;
}

/* Microseconds of one launch; 0 when it did not run as it should, and why is said. */
static double launch(const struct launch *l)
{
	const char *argv[] = {l->program, "exit"};
	char spool[PATH_SIZE + 16];
	struct fog_executor_status status;
	struct fog_executor_spec spec = {
		.job = "bench",
		.engine = l->engine,
		.argv = argv,
		.argv_count = l->input == NULL || strcmp(l->engine, "microvm") == 0 ? 2 : 1,
		.builders = builders,
		.builder_count = 1,
		.limits = {.cpu_cores = 1, .memory_bytes = l->memory, .pids = 64, .wall_ms = 60000},
	};

	snprintf(spool, sizeof(spool), "%s/spool", dir);
	const char *const command[] = {FOG_EXEC_PATH, "--spool", spool, NULL};
	double start = now_us();
	if (fog_executor_prepare(&spec, spool) < 0 ||
	    (l->input != NULL && !input_copy(spool, l->input)))
		return 0;
	int rc = run(command);
	double took = now_us() - start;
	bool well = rc == 0 && fog_executor_poll(spool, &status) == 0 &&
		    status.result.outcome == FOG_EXECUTOR_EXITED && status.result.exit_code == 0;
	if (!well)
		printf("%s: not on this machine: %s\n", l->name, status.result.error);
	(void)fog_executor_remove(spool);
	return well ? took : 0;
}

/* The same in memory of its own, as enclaves run; the peer of its row is the launch above. */
static double launch_in_vault(const struct launch *l)
{
	const char *argv[] = {l->program, "exit"};
	struct fog_executor_status status = {0};
	struct fog_vault v;
	char at[PATH_SIZE + 16];
	struct fog_executor_spec spec = {
		.job = "bench",
		.argv = argv,
		.argv_count = 2,
		.limits = {.cpu_cores = 1, .memory_bytes = l->memory, .pids = 64, .wall_ms = 60000},
	};

	snprintf(at, sizeof(at), "%s/vault", dir);
	double start = now_us();
	if (mkdir(at, 0700) != 0 || fog_vault_open(&v, FOG_EXEC_PATH, at, l->memory) != 0)
		return 0;
	bool well = fog_executor_prepare(&spec, v.spool) == 0 && fog_vault_start(&v) == 0;
	while (well && fog_executor_poll(v.spool, &status) == 0 &&
	       status.state != FOG_EXECUTOR_FINISHED)
		usleep(100);
	double took = now_us() - start;
	well = well && status.result.outcome == FOG_EXECUTOR_EXITED;
	fog_vault_close(&v);
	(void)rmdir(at);
	return well ? took : 0;
}

static void vault_measure(struct bench *b, const struct launch *l)
{
	static const struct bench_case c = {.name = "executor.vault_launch",
					    .unit = "us",
					    .peer = "limit: the same launch, spool on a disk"};
	double ours[SAMPLES], plain[SAMPLES];

	if (!bench_wanted(b, c.name))
		return;
	for (unsigned i = 0; i < SAMPLES; i++) {
		ours[i] = launch_in_vault(l);
		plain[i] = launch(l);
		if (ours[i] == 0 || plain[i] == 0) {
			printf("%s: not on this machine\n", c.name);
			return;
		}
	}
	bench_record(b, &c, ours, SAMPLES, bench_median(plain, SAMPLES));
}

static double peer_time(bool container)
{
	static const char *const program[] = {FOG_NOTHING_PATH, "exit", NULL};
	double samples[SAMPLES];
	char bundle[PATH_SIZE + 8];

	snprintf(bundle, sizeof(bundle), "%s/t", dir);
	// The rest of the machine's crun setup is Debian's default specification.
	const char *const crun[] = {"unshare",
				    "-m",
				    "sh",
				    "-c",
				    "umount /sys/fs/cgroup/unified 2>/dev/null; exec crun "
				    "--cgroup-manager disabled run -b \"$0\" fog-bench",
				    bundle,
				    NULL};
	for (unsigned i = 0; i < SAMPLES; i++) {
		double start = now_us();
		if (run(container ? crun : program) != 0)
			return 0;
		samples[i] = now_us() - start;
	}
	return bench_median(samples, SAMPLES);
}

static void measure(struct bench *b, const struct launch *l, const char *peer, double peer_us)
{
	const struct bench_case c = {.name = l->name, .unit = "us", .peer = peer};
	double ours[SAMPLES];

	if (!bench_wanted(b, l->name))
		return;
	for (unsigned i = 0; i < l->samples; i++) {
		ours[i] = launch(l);
		if (ours[i] == 0)
			return;
	}
	bench_record(b, &c, ours, l->samples, peer_us);
}

void bench_suite_executor(struct bench *b)
{
	static const struct launch native = {
		"native", "executor.native_launch", "/usr/bin/true", NULL, 64u << 20, SAMPLES};
	static const struct launch wasm = {
		"wasm", "executor.wasm_launch", "nothing.fogwasm", "nothing.fogwasm", 64u << 20,
		SAMPLES};
	static const struct launch oci = {
		"oci", "executor.oci_launch", "bundle.tar", "bundle.tar", 64u << 20, SAMPLES};
	static const struct launch vm = {"microvm",      "executor.microvm_launch",
					 "/input/probe", "probe",
					 256u << 20,     SAMPLES_SLOW};

	if (!bench_wanted(b, native.name) && !bench_wanted(b, wasm.name) &&
	    !bench_wanted(b, "executor.vault_launch") && !bench_wanted(b, oci.name) &&
	    !bench_wanted(b, vm.name))
		return;
	if (begin()) {
		double bare = peer_time(false);
		measure(b, &native, "limit: fork and exec", bare);
		vault_measure(b, &native);
		measure(b, &wasm, "limit: fork and exec of a native program", bare);
		measure(b, &vm, "limit: fork and exec of a native program", bare);
		double crun = peer_time(true);
		if (crun > 0)
			measure(b, &oci, "crun alone, bundle already unpacked", crun);
	} else {
		printf("executor: fog-wasm, wabt and crun are wanted here\n");
	}
	if (dir[0] != '\0')
		(void)fog_tree_remove(AT_FDCWD, dir);
}
