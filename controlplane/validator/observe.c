/* SPDX-License-Identifier: BSD-3-Clause */
/* A validator without its log does not know what it has voted for. It observes until an epoch that
 * began after it was started: whatever it signed before was of earlier ones. The file `observe`
 * outlives further starts, each of which begins the wait anew. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "configs/file.h"
#include "controlplane/core/log.h"
#include "controlplane/validator/node_private.h"

static void path_make(const struct fog_node *n, char out[4096])
{
	snprintf(out, 4096, "%s/observe", n->dir);
}

int fog_node_observe_start(struct fog_node *n)
{
	char path[4096];
	int rc = fog_qlog_exists(n->dir);

	n->started_ms = fog_monotonic_ms();
	path_make(n, path);
	if (rc == 0 && (n->config.key_new == NULL || access(n->config.key_new, F_OK) != 0)) {
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		rc = fd >= 0 ? fog_dir_sync(n->dir) : -errno;
		if (fd >= 0)
			close(fd);
	}
	n->observing = access(path, F_OK) == 0;
	if (n->observing)
		fog_log(FOG_LOG_WARNING, "quorum",
			"votes for nothing until an epoch begins: its log of votes was lost");
	return FOG_MIN(rc, 0);
}

int fog_node_observe_log(struct fog_node *n)
{
	if (n->config.key_new == NULL)
		return 0;
	if (unlink(n->config.key_new) != 0)
		return errno == ENOENT ? 0 : -errno;
	return fog_dir_sync_of(n->config.key_new);
}

void fog_node_observe_check(struct fog_node *n)
{
	u64 skew_ms = n->config.skew_ms != 0 ? n->config.skew_ms : FOG_QUORUM_SKEW_MS;
	u64 now_ms = fog_node_now_ms(), up_ms = fog_monotonic_ms() - n->started_ms;
	struct fog_quorum_status q;
	char path[4096];

	if (!n->observing || n->replaying)
		return;
	fog_node_status(n, &q);
	/* By the clock of now: it may have been set since the start. */
	if (q.epoch_began_ms <= now_ms - up_ms + FOG_QUORUM_REJOIN_SKEWS * skew_ms ||
	    q.epoch_began_ms > now_ms + skew_ms)
		return;
	path_make(n, path);
	if (unlink(path) != 0 || fog_dir_sync(n->dir) != 0) {
		fog_node_fail(n, "cannot end the observation: %s", strerror(errno));
		return;
	}
	n->observing = false;
	fog_quorum_rejoin(n->q);
	fog_log(FOG_LOG_NOTICE, "quorum", "votes again epoch=%llu", (unsigned long long)q.epoch);
}
