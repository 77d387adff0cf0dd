/* SPDX-License-Identifier: BSD-3-Clause */
/* The Debian 12 header knows ABI 1 and 2; newer rights are named here (kernel documentation,
 * userspace-api/landlock). */
#include "controlplane/executor/confine.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FS_TRUNCATE     (1ull << 14) /* ABI 3 */
#define FS_IOCTL_DEV    (1ull << 15) /* ABI 5 */
#define NET_BIND_TCP    (1ull << 0)  /* ABI 4 */
#define NET_CONNECT_TCP (1ull << 1)
#define SCOPE_ABSTRACT  (1ull << 0) /* ABI 6 */
#define SCOPE_SIGNAL    (1ull << 1)
#define ABI_NET         4
#define ABI_SCOPE       6
#define ATTR_SIZE_FS    8
#define ATTR_SIZE_NET   16
#define ATTR_SIZE_SCOPE 24

#define FS_FILE_READ  (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE)
#define FS_READ       (FS_FILE_READ | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_FILE_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define FS_WRITE                                                                          \
	(FS_FILE_WRITE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                      \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                    \
	 LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define FS_DEVICE (LANDLOCK_ACCESS_FS_READ_FILE | FS_FILE_WRITE | FS_IOCTL_DEV)
#define FS_FILE   (FS_FILE_READ | FS_FILE_WRITE | FS_IOCTL_DEV)

struct ruleset_attr {
	u64 fs;
	u64 net;
	u64 scoped;
};

/* Rights an ABI can handle; what is not handled is allowed, so more is stricter. */
static u64 handled_fs(u32 abi)
{
	static const u64 by_abi[] = {0,
				     (1ull << 13) - 1,  /* 1: all but the following */
				     (1ull << 14) - 1,  /* 2: REFER */
				     (1ull << 15) - 1,  /* 3: TRUNCATE */
				     (1ull << 15) - 1,  /* 4: network */
				     (1ull << 16) - 1}; /* 5: IOCTL_DEV */

	return by_abi[FOG_MIN(abi, FOG_ARRAY_COUNT(by_abi) - 1)];
}

u32 fog_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (u32)abi : 0;
}

static int rule_add(int ruleset, const struct fog_landlock_rule *rule, u64 handled)
{
	static const u64 rights[] = {
		[FOG_LANDLOCK_READ] = FS_READ,
		[FOG_LANDLOCK_WRITE] = FS_READ | FS_WRITE,
		[FOG_LANDLOCK_DEVICE] = FS_DEVICE,
		[FOG_LANDLOCK_LIST] = LANDLOCK_ACCESS_FS_READ_DIR,
	};
	struct landlock_path_beneath_attr attr = {.parent_fd = rule->fd};
	struct stat st;

	if (fstat(rule->fd, &st) < 0)
		return -errno;
	attr.allowed_access = rights[rule->right];
	if (!S_ISDIR(st.st_mode))
		attr.allowed_access &= FS_FILE;
	attr.allowed_access &= handled;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0)
		return -errno;
	return 0;
}

int fog_landlock_enter(const struct fog_landlock_rule *rules, size_t count, bool tcp, u32 *abi)
{
	struct ruleset_attr attr = {0};
	size_t size = ATTR_SIZE_FS;
	int ret = 0;

	FOG_ASSERT(count <= FOG_LANDLOCK_RULES_MAX);
	*abi = 0;
	u32 has = fog_landlock_abi();
	if (has == 0)
		return -EOPNOTSUPP;
	attr.fs = handled_fs(has);
	if (has >= ABI_NET) {
		size = ATTR_SIZE_NET;
		attr.net = tcp ? 0 : NET_BIND_TCP | NET_CONNECT_TCP;
	}
	if (has >= ABI_SCOPE) {
		size = ATTR_SIZE_SCOPE;
		attr.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	}
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; ret == 0 && i < count; i++)
		ret = rule_add(ruleset, &rules[i], attr.fs);
	if (ret == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		ret = -errno;
	close(ruleset);
	if (ret == 0)
		*abi = has;
	return ret;
}
