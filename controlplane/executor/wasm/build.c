/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/wasm/build.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/executor/file.h"
#include "controlplane/executor/wasm/artifact.h"
#include "controlplane/executor/wasm/run.h"
#include "crypto/hash/hash.h"

#define MODULE_MAX   (64u << 20) /* bytes of WebAssembly */
#define HEADER_MAX   (1u << 20)  /* of the header wasm2c writes */
#define DIR_TEMPLATE "/tmp/fog-wasm.XXXXXX"

extern char **environ;

struct work {
	const struct fog_wasm_build *b;
	char dir[sizeof(DIR_TEMPLATE)];
	int dir_fd;
	u8 module_sha256[32];
	bool wasi; /* the module imports WASI */
	char *why;
	size_t why_cap;
};

__attribute__((format(printf, 3, 4))) static int refuse(struct work *w, int err, const char *fmt,
							...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->why, w->why_cap, fmt, ap);
	va_end(ap);
	return err;
}

static int run(struct work *w, const char *const argv[])
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status;

	// In our directory and with names relative to it: what is made must not depend on where.
	int ret = posix_spawn_file_actions_init(&actions);
	if (ret == 0)
		ret = posix_spawn_file_actions_addfchdir_np(&actions, w->dir_fd);
	if (ret == 0)
		ret = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (ret != 0)
		return refuse(w, -ret, "%s: %s", argv[0], strerror(ret));
	do
		ret = waitpid(pid, &status, 0);
	while (ret < 0 && errno == EINTR);
	if (ret < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return refuse(w, -EINVAL, "%s failed on %s", argv[0], w->b->input);
	return 0;
}

/* The input becomes module.wasm of our directory: what is hashed is what is compiled. */
static int input_take(struct work *w)
{
	char *text = NULL;
	size_t len;

	int ret = fog_file_read(AT_FDCWD, w->b->input, MODULE_MAX, &text, &len);
	if (ret < 0)
		return refuse(w, ret, "%s: %s", w->b->input, strerror(-ret));
	if (len < 8 || memcmp(text, "\0asm", 4) != 0)
		ret = refuse(w, -EINVAL, "%s is not WebAssembly", w->b->input);
	fog_hash_sha256(w->module_sha256, text, len);
	if (ret == 0)
		ret = fog_file_replace(w->dir_fd, "module.wasm", text, len);
	free(text);
	return ret;
}

/* What the module wants and gives, read off the header that wasm2c wrote. */
static int header_check(struct work *w)
{
	static const char import[] = "/* import: '";
	static const char wasi[] = "wasi_snapshot_preview1'";
	char *text;
	size_t len;

	int ret = fog_file_read(w->dir_fd, "module.h", HEADER_MAX, &text, &len);
	if (ret < 0)
		return refuse(w, ret, "wasm2c wrote no header");
	for (char *at = text; ret == 0 && (at = strstr(at, import)) != NULL;) {
		at += sizeof(import) - 1;
		w->wasi = true;
		if (strncmp(at, wasi, sizeof(wasi) - 1) != 0)
			ret = refuse(w, -EINVAL, "%s imports from \"%.*s\", which is not WASI",
				     w->b->input, (int)strcspn(at, "'\n"), at);
	}
	if (ret == 0 && strstr(text, "Z_fogjobZ__start(Z_fogjob_instance_t*)") == NULL)
		ret = refuse(w, -EINVAL, "%s has no _start: it is a library, not a program",
			     w->b->input);
	if (ret == 0 && strstr(text, "Z_fogjobZ_memory(Z_fogjob_instance_t*") == NULL)
		ret = refuse(w, -EINVAL, "%s exports no memory", w->b->input);
	free(text);
	return ret;
}

static int glue_write(struct work *w)
{
	char text[1024];

	int len = snprintf(
		text, sizeof(text),
		"#include \"module.h\"\n"
		"#define SHOW __attribute__((visibility(\"default\")))\n"
		"struct Z_wasi_snapshot_preview1_instance_t;\n"
		"static Z_fogjob_instance_t instance;\n"
		"SHOW wasm_rt_memory_t *%s(void) { return Z_fogjobZ_memory(&instance); }\n"
		"SHOW void %s(struct Z_wasi_snapshot_preview1_instance_t *wasi)\n"
		"{ Z_fogjob_init_module(); Z_fogjob_instantiate(&instance%s); (void)wasi; }\n"
		"SHOW void %s(void) { Z_fogjobZ__start(&instance); }\n",
		FOG_WASM_SYMBOL_MEMORY, FOG_WASM_SYMBOL_SETUP, w->wasi ? ", wasi" : "",
		FOG_WASM_SYMBOL_START);
	return fog_file_replace(w->dir_fd, "glue.c", text, (size_t)len);
}

static int compile(struct work *w)
{
	static const char *const to_c[] = {"wasm2c", "module.wasm", "-n", "fogjob",
					   "-o",     "module.c",    NULL};
	// Rounding and signalling NaNs are visible in WebAssembly; tail calls would hide stack
	// exhaustion (wabt, wasm2c/README).
	const char *const to_code[] = {w->b->compiler != NULL ? w->b->compiler : "cc",
				       "-w",
				       "-O2",
				       "-std=gnu17",
				       "-shared",
				       "-s",
				       "-Wl,--build-id=none",
				       "-fPIC",
				       "-fvisibility=hidden",
				       "-fno-optimize-sibling-calls",
				       "-frounding-math",
				       "-fsignaling-nans",
				       "-o",
				       "module.so",
				       "module.c",
				       "glue.c",
				       "-lm",
				       NULL};
	int ret = run(w, to_c);
	if (ret == 0)
		ret = header_check(w);
	if (ret == 0)
		ret = glue_write(w);
	return ret == 0 ? run(w, to_code) : ret;
}

static int output_write(struct work *w)
{
	struct fog_wasm_artifact a = {0};
	u8 header[FOG_WASM_HEADER_SIZE];
	char part[4096];
	char *code;

	int ret = fog_file_read(w->dir_fd, "module.so", FOG_WASM_CODE_MAX, &code, &a.code_size);
	if (ret < 0)
		return refuse(w, ret, "compiled code: %s", strerror(-ret));
	snprintf(a.target, sizeof(a.target), "%s", fog_wasm_target);
	memcpy(a.module_sha256, w->module_sha256, sizeof(a.module_sha256));
	a.code = (const u8 *)code;
	fog_wasm_artifact_seal(header, &a, w->b->sk);
	snprintf(part, sizeof(part), "%s.part", w->b->output);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ret = fd < 0 ? -errno : fog_file_write_all(fd, header, sizeof(header));
	if (ret == 0)
		ret = fog_file_write_all(fd, code, a.code_size);
	if (ret == 0 && fsync(fd) < 0)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	if (ret == 0 && rename(part, w->b->output) < 0)
		ret = -errno;
	free(code);
	return ret < 0 ? refuse(w, ret, "%s: %s", w->b->output, strerror(-ret)) : 0;
}

int fog_wasm_build(const struct fog_wasm_build *b, char *why, size_t why_cap)
{
	struct work w = {.b = b, .dir = DIR_TEMPLATE, .why = why, .why_cap = why_cap};

	why[0] = '\0';
	if (mkdtemp(w.dir) == NULL)
		return refuse(&w, -errno, "%s: %s", DIR_TEMPLATE, strerror(errno));
	w.dir_fd = open(w.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = w.dir_fd < 0 ? -errno : input_take(&w);
	if (ret == 0)
		ret = compile(&w);
	if (ret == 0)
		ret = output_write(&w);
	if (w.dir_fd >= 0)
		close(w.dir_fd);
	(void)fog_tree_remove(AT_FDCWD, w.dir);
	if (ret < 0 && why[0] == '\0')
		refuse(&w, ret, "%s", strerror(-ret));
	return ret;
}
