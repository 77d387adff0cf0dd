/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/core/loop.h"
#include "tests/unit/fog_test.h"

static struct ev_loop *loop;
static char dir[64], path[96];
static u32 accepted;
static int last_fd;

static void on_accepted(void *ctx, int fd, const struct sockaddr_storage *address)
{
	accepted++;
	last_fd = fd;
}

static void start(void)
{
	snprintf(dir, sizeof(dir), "/tmp/fog-loop-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x.sock", dir);
	loop = ev_loop_new(EVFLAG_AUTO);
	accepted = 0;
	last_fd = -1;
}

static void stop(void)
{
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
	ev_loop_destroy(loop);
}

static void test_life_cycle(void)
{
	struct fog_listener l = {0};
	struct stat st;

	start();
	fog_listener_stop(&l);
	int fd = fog_unix_listen(path, 4);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	fog_listener_start(&l, loop, fd, "test", on_accepted, NULL);
	int a = fog_unix_connect(path), b = fog_unix_connect(path);
	CU_ASSERT(a >= 0);
	CU_ASSERT(b >= 0);
	ev_run(loop, EVRUN_ONCE);
	CU_ASSERT_EQUAL(accepted, 1);
	CU_ASSERT((fcntl(last_fd, F_GETFL) & O_NONBLOCK) != 0);
	close(last_fd);
	ev_run(loop, EVRUN_ONCE);
	CU_ASSERT_EQUAL(accepted, 2);
	close(last_fd);
	fog_listener_stop(&l);
	CU_ASSERT_EQUAL(fog_unix_connect(path), -ECONNREFUSED);
	close(a);
	close(b);
	stop();
}

static void test_bad_paths(void)
{
	char longer[300];

	start();
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	CU_ASSERT_EQUAL(fog_unix_listen(longer, 4), -ENAMETOOLONG);
	CU_ASSERT_EQUAL(fog_unix_connect(longer), -ENAMETOOLONG);
	CU_ASSERT_EQUAL(fog_unix_connect(path), -ENOENT);
	CU_ASSERT_EQUAL(fog_unix_listen("/nonexistent/x.sock", 4), -ENOENT);
	/* A living socket is left alone, a dead one is replaced. */
	int fd = fog_unix_listen(path, 4);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(fog_unix_listen(path, 4), -EADDRINUSE);
	close(fd);
	fd = fog_unix_listen(path, 4);
	CU_ASSERT(fd >= 0);
	close(fd);
	stop();
}

/* Without a free descriptor the loop must sleep, not spin, and accept again later. */
static void test_out_of_descriptors(void)
{
	struct fog_listener l;
	struct rlimit old, none;

	start();
	fog_log_set_level(FOG_LOG_ERROR);
	int fd = fog_unix_listen(path, 4);
	fog_listener_start(&l, loop, fd, "test", on_accepted, NULL);
	int a = fog_unix_connect(path);
	ev_run(loop, EVRUN_NOWAIT);
	if (accepted == 0) /* the first turn may only register the watcher */
		ev_run(loop, EVRUN_NOWAIT);
	close(last_fd);
	accepted = 0;
	int b = fog_unix_connect(path);
	CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &none), 0);
	u32 turns = 0;
	ev_tstamp end = ev_time() + 0.2;
	while (ev_time() < end && ++turns < 1000)
		ev_run(loop, turns < 3 ? EVRUN_ONCE : EVRUN_NOWAIT);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &old), 0);
	CU_ASSERT_EQUAL(accepted, 0);
	while (accepted == 0 && ++turns < 2000)
		ev_run(loop, EVRUN_ONCE);
	CU_ASSERT_EQUAL(accepted, 1);
	close(last_fd);
	fog_listener_stop(&l);
	close(a);
	close(b);
	stop();
}

FOG_TEST_MAIN("controlplane/core/loop", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_paths),
	      FOG_TEST(test_out_of_descriptors))
