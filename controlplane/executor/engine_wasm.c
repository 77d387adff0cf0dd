/* SPDX-License-Identifier: BSD-3-Clause */
/* Engine "wasm": argv[0] is an input file, an artifact of fog-wasm by a builder the host trusts. It
 * runs as a process in the sandbox; the code's own bounds are a second wall, not the only one. */
#include "controlplane/executor/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "controlplane/executor/file.h"
#include "controlplane/executor/spec.h"
#include "controlplane/executor/wasm/artifact.h"

static int input_read(struct fog_job *job, const char *name, char **data, size_t *size)
{
	if (!fog_spec_name_valid(name))
		return -EINVAL;
	int dir = openat(job->spool_fd, "input", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return -errno;
	int ret = fog_file_read(dir, name, FOG_WASM_CODE_MAX + FOG_WASM_HEADER_SIZE, data, size);
	close(dir);
	return ret;
}

static bool trusted(const struct fog_executor_spec *spec, const u8 builder[FOG_SIGN_PUBLIC_SIZE])
{
	for (size_t i = 0; i < spec->builder_count; i++)
		if (memcmp(spec->builders[i], builder, FOG_SIGN_PUBLIC_SIZE) == 0)
			return true;
	return false;
}

static int code_take(struct fog_job *job, const char *name, const u8 *data, size_t size)
{
	struct fog_wasm_artifact a;
	const char *why;

	int ret = fog_wasm_artifact_parse(data, size, &a, &why);
	if (ret < 0) {
		fog_job_fail(job, 0, "wasm: %s: %s", name, why);
	} else if (strcmp(a.target, fog_wasm_target) != 0) {
		fog_job_fail(job, 0, "wasm: %s is for %s, this host runs %s", name, a.target,
			     fog_wasm_target);
		ret = -ENOEXEC;
	} else if (!trusted(job->spec, a.builder)) {
		fog_job_fail(job, 0, "wasm: the builder of %s is not trusted here", name);
		ret = -EACCES;
	} else {
		ret = fog_engine_data_add(job, a.code, a.code_size, "module.so", 0555);
	}
	return ret;
}

static int wasm_prepare(struct fog_job *job)
{
	const struct fog_executor_spec *spec = job->spec;
	const char **argv = job->launch.argv;
	const char *runner = fog_engine_sibling("fog-wasm");
	const char *name = spec->argv[0];
	char *data = NULL;
	size_t size, n = 0;

	if (runner == NULL) {
		fog_job_fail(job, 0, "wasm: there is no fog-wasm beside fog-exec");
		return -ENOENT;
	}
	int ret = input_read(job, name, &data, &size);
	if (ret < 0)
		fog_job_fail(job, -ret, "wasm: input/%s", name);
	else
		ret = code_take(job, name, (const u8 *)data, size);
	free(data);
	if (ret == 0)
		ret = fog_engine_file_add(job, runner, "fog-wasm", 0555);
	argv[n++] = "/engine/fog-wasm";
	argv[n++] = "run";
	argv[n++] = "/engine/module.so";
	for (size_t i = 1; i < spec->argv_count; i++)
		argv[n++] = spec->argv[i];
	snprintf(job->sandbox.machine, sizeof(job->sandbox.machine),
		 "process, compiled WebAssembly");
	return ret;
}

const struct fog_engine fog_engine_wasm = {
	.name = "wasm",
	.ops = &fog_sandbox_ops,
	.prepare = wasm_prepare,
};
