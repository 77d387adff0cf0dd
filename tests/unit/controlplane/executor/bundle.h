/* SPDX-License-Identifier: BSD-3-Clause */
/* OCI bundles for tests: one static program in an otherwise empty tree. */
#ifndef FOG_TEST_EXECUTOR_BUNDLE_H
#define FOG_TEST_EXECUTOR_BUNDLE_H

#include "tests/unit/controlplane/executor/run.h"
#include "tests/unit/controlplane/executor/shell.h"

#define BUNDLE_CONFIG                                                                  \
	"{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"/probe\",\"exit\",\"9\"]," \
	"\"env\":[\"FROM=bundle\"],\"cwd\":\"/work\"},\"root\":{\"path\":\"rootfs\"}}"

/* base/bundle.tar of a tree with the probe and this config; extra shell commands run in the tree.
 */
__attribute__((unused)) static bool bundle_make(const char *base, const char *config,
						const char *extra)
{
	char command[4096];

	snprintf(command, sizeof(command),
		 "cd %s && rm -rf tree && mkdir -p tree/rootfs && cp %s tree/rootfs/probe && cd "
		 "tree && "
		 "mkdir -p rootfs/proc rootfs/dev rootfs/tmp rootfs/work rootfs/input && "
		 "printf '%%s' '%s' > config.json && { %s; } && tar -cf ../bundle.tar .",
		 base, FOG_PROBE_STATIC, config, extra);
	return shell_run(NULL, command, NULL, 0) == 0;
}

#endif
