/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/wasm/run.h"

#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

#include <wasm-rt-impl.h>

#include "controlplane/executor/wasm/wasi.h"

typedef wasm_rt_memory_t *memory_fn(void);
typedef void setup_fn(FOG_WASI *);
typedef void start_fn(void);

static const struct {
	const char *path;
	const char *name;
} preopens[] = {{"/work", "."},
		{"/work", "/work"},
		{"/input", "/input"},
		{"/tmp", "/tmp"},
		{"/checkpoint", "/checkpoint"}};

struct module {
	memory_fn *memory;
	setup_fn *setup;
	start_fn *start;
};

static int load(const char *object, struct module *m)
{
	void *so = dlopen(object, RTLD_NOW | RTLD_LOCAL);
	if (so == NULL) {
		fprintf(stderr, "fog-wasm: %s\n", dlerror());
		return -ENOEXEC;
	}
	m->memory = (memory_fn *)dlsym(so, FOG_WASM_SYMBOL_MEMORY);
	m->setup = (setup_fn *)dlsym(so, FOG_WASM_SYMBOL_SETUP);
	m->start = (start_fn *)dlsym(so, FOG_WASM_SYMBOL_START);
	if (m->memory != NULL && m->setup != NULL && m->start != NULL)
		return 0;
	fprintf(stderr, "fog-wasm: %s: not a module of ours\n", object);
	return -ENOEXEC;
}

int fog_wasm_run(const char *object, char **argv)
{
	static FOG_WASI wasi;
	static struct module module;

	if (load(object, &module) < 0)
		return FOG_WASM_EXIT_LOAD;
	fog_wasi_init(&wasi, argv, environ);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(preopens); i++) {
		int ret = fog_wasi_preopen(&wasi, preopens[i].path, preopens[i].name);
		if (ret < 0 && ret != -ENOENT && ret != -EACCES) {
			fprintf(stderr, "fog-wasm: %s: %s\n", preopens[i].path, strerror(-ret));
			return FOG_WASM_EXIT_LOAD;
		}
	}
	wasm_rt_init();
	int trap = wasm_rt_impl_try();
	if (trap == FOG_WASI_EXIT_TRAP)
		return wasi.exit_code;
	if (trap != 0) {
		fprintf(stderr, "fog-wasm: trap: %s\n", wasm_rt_strerror((wasm_rt_trap_t)trap));
		return FOG_WASM_EXIT_TRAP;
	}
	wasi.memory = module.memory();
	module.setup(&wasi);
	module.start();
	return 0;
}
