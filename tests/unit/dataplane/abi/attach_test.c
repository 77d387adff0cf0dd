/* SPDX-License-Identifier: BSD-3-Clause */
/* Both halves of HELLO against each other in one thread, and each against a liar. */
#include "dataplane/abi/attach.h"
#include "tests/unit/fog_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WORKERS 3

struct server {
	char dir[64];
	char path[96];
	int listener;
	struct fog_region region;
	int fds[FOG_REPLY_FDS_MAX];
	unsigned count;
};

static unsigned open_fds(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n;
}

static void server_open(struct server *s, enum fog_hello_role role)
{
	bool control = role == FOG_HELLO_CONTROL;
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(s->dir, sizeof(s->dir), "/tmp/fog-attach-XXXXXX");
	if (mkdtemp(s->dir) == NULL)
		abort();
	snprintf(s->path, sizeof(s->path), "%s/dataplane.sock", s->dir);
	memcpy(un.sun_path, s->path, strlen(s->path) + 1);
	s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(s->listener, (struct sockaddr *)&un, sizeof(un)) != 0 ||
	    listen(s->listener, 4) != 0)
		abort();
	if (fog_region_create(&s->region, "srv",
			      control ? sizeof(struct fog_data_region)
				      : sizeof(struct fog_edge_rx_region),
			      control ? FOG_REGION_DATA : FOG_REGION_EDGE_RX, 5) != 0)
		abort();
	s->count = control ? 3 + WORKERS : 3;
	s->fds[0] = s->region.fd;
	for (unsigned i = 1; i < s->count; i++)
		s->fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void server_close(struct server *s)
{
	for (unsigned i = 1; i < s->count; i++)
		close(s->fds[i]);
	fog_region_close(&s->region);
	close(s->listener);
	unlink(s->path);
	rmdir(s->dir);
}

static struct fog_hello_reply good_reply(const struct server *s)
{
	return (struct fog_hello_reply){
		.magic = FOG_ABI_MAGIC,
		.abi = FOG_ABI,
		.layout_hash = fog_abi_layout_hash(),
		.region_size = s->region.size,
		.boot_id = 5,
		.attachment = 17,
		.workers = WORKERS,
		.verify_workers = 1,
	};
}

static u64 eventfd_take(int fd)
{
	u64 v = 0;

	return read(fd, &v, sizeof(v)) == sizeof(v) ? v : 0;
}

static void life_cycle(enum fog_hello_role role)
{
	bool control = role == FOG_HELLO_CONTROL;
	struct server s;
	struct fog_attachment a;
	struct fog_hello hello;
	char why[256], text[72];
	int fd;
	unsigned before = open_fds();

	server_open(&s, role);
	CU_ASSERT_EQUAL_FATAL(fog_attach_start(&a, s.path, role, 77, why), 0);
	CU_ASSERT_EQUAL(fog_attach_finish(&a, why), -EAGAIN);
	CU_ASSERT_FALSE(fog_attachment_ready(&a));
	int sock = accept4(s.listener, NULL, NULL, SOCK_CLOEXEC);
	CU_ASSERT_EQUAL_FATAL(fog_hello_receive(sock, &hello, &fd, text), 0);
	CU_ASSERT_EQUAL(hello.boot_id, 77);
	CU_ASSERT_EQUAL(hello.role, role);
	struct fog_region client;
	CU_ASSERT_EQUAL_FATAL(
		fog_region_map_peer(&client, fd, hello.region_size,
				    control ? FOG_REGION_CONTROL : FOG_REGION_EDGE_TX),
		0);
	struct fog_hello_reply reply = good_reply(&s);
	CU_ASSERT_EQUAL(fog_hello_reply(sock, &reply, s.fds, s.count), 0);
	CU_ASSERT_EQUAL_FATAL(fog_attach_finish(&a, why), 0);
	CU_ASSERT_EQUAL(a.workers, WORKERS);
	CU_ASSERT_EQUAL(a.number, 17);

	if (control) {
		struct fog_data_region *data = s.region.base;

		CU_ASSERT_FALSE(fog_attachment_ready(&a));
		for (unsigned w = 0; w < WORKERS; w++) {
			CU_ASSERT_FALSE(fog_attachment_ready(&a));
			atomic_store(&data->status[w].attachment, 17);
			fog_attachment_wake(&a, w);
			CU_ASSERT_EQUAL(eventfd_take(s.fds[2 + w]), 1);
		}
		fog_attachment_wake_verify(&a, 0);
		CU_ASSERT_EQUAL(eventfd_take(s.fds[2 + WORKERS]), 1);
	} else {
		fog_attachment_wake(&a, 0);
		CU_ASSERT_EQUAL(eventfd_take(s.fds[2]), 1);
		CU_ASSERT_EQUAL(a.wake_verify[0], -1);
	}
	CU_ASSERT_TRUE(fog_attachment_ready(&a));
	u64 one = 1;
	CU_ASSERT_EQUAL(write(s.fds[1], &one, 8), 8);
	CU_ASSERT_EQUAL(eventfd_take(a.notify), 1);

	/* The hang-up of either side is the sign for the other. */
	fog_detach(&a);
	CU_ASSERT_EQUAL(fog_hello_receive(sock, &hello, &fd, text), -ECONNRESET);
	fog_detach(&a);
	close(sock);
	fog_region_close(&client);
	server_close(&s);
	CU_ASSERT_EQUAL(open_fds(), before);
}

static void test_life_cycle(void)
{
	life_cycle(FOG_HELLO_CONTROL);
	life_cycle(FOG_HELLO_EDGE);
}

static void test_bad_arguments(void)
{
	struct fog_attachment a;
	char why[256];
	char path[200];
	struct fog_hello_reply reply = {0};
	unsigned before = open_fds();

	CU_ASSERT_EQUAL(fog_attach_start(&a, NULL, FOG_HELLO_CONTROL, 1, why), -EINVAL);
	CU_ASSERT_EQUAL(fog_attach_start(&a, "/tmp/x", 0, 1, why), -EINVAL);
	CU_ASSERT_EQUAL(fog_attach_start(&a, "/tmp/x", 3, 1, why), -EINVAL);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	CU_ASSERT_EQUAL(fog_attach_start(&a, path, FOG_HELLO_EDGE, 1, why), -ENAMETOOLONG);
	CU_ASSERT_EQUAL(fog_attach_start(&a, "/nonexistent/x", FOG_HELLO_EDGE, 1, why), -ENOENT);
	CU_ASSERT(strstr(why, "/nonexistent/x") != NULL);
	CU_ASSERT_EQUAL(fog_attach_finish(&a, why), -EINVAL);
	CU_ASSERT_EQUAL(fog_attach(&a, "/nonexistent/x", FOG_HELLO_EDGE, 1, 10, why), -ENOENT);
	CU_ASSERT_FALSE(fog_attachment_ready(&a));
	fog_attachment_wake(&a, 0);
	fog_attachment_wake(&a, 1000);
	fog_attachment_wake_verify(&a, 0);
	fog_detach(&a);
	CU_ASSERT_EQUAL(fog_hello_reply(-1, &reply, NULL, FOG_REPLY_FDS_MAX + 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_hello_reply(-1, &reply, NULL, 1), -EINVAL);
	CU_ASSERT_EQUAL(fog_hello_reply(-1, &reply, NULL, 0), -EBADF);
	CU_ASSERT_EQUAL(open_fds(), before);
}

static void test_no_answer(void)
{
	struct server s;
	struct fog_attachment a;
	char why[256];
	unsigned before = open_fds();

	server_open(&s, FOG_HELLO_CONTROL);
	CU_ASSERT_EQUAL(fog_attach(&a, s.path, FOG_HELLO_CONTROL, 1, 30, why), -ETIMEDOUT);
	CU_ASSERT(strstr(why, "30 ms") != NULL);
	server_close(&s);
	CU_ASSERT_EQUAL(open_fds(), before);
}

/* Answers a client must refuse, each in words. */
static void test_bad_replies(void)
{
	struct server s;
	unsigned before = open_fds();

	server_open(&s, FOG_HELLO_CONTROL);
	struct {
		unsigned number;
		int rc;
		struct fog_hello_reply reply;
		unsigned fds;
		bool swap; /* send an eventfd where the region should be */
		const char *text;
	} cases[] = {
		{1, -EPROTO, good_reply(&s), s.count, false, "another ABI"},
		{2, -EPROTO, good_reply(&s), s.count, false, "another ABI: abc"},
		{3, -EPROTO, good_reply(&s), s.count, false, "another ABI"},
		{4, -EBUSY, good_reply(&s), 0, false, "refused: full"},
		{5, -EPROTO, good_reply(&s), 0, false, "refused"},
		{6, -EPROTO, good_reply(&s), s.count, false, "0 workers"},
		{7, -EPROTO, good_reply(&s), s.count, false, "17 workers"},
		{8, -EPROTO, good_reply(&s), s.count - 1, false, "fds"},
		{9, -EPROTO, good_reply(&s), 0, false, "0 fds"},
		{10, -EPROTO, good_reply(&s), s.count, true, "region"},
		{11, -EPROTO, good_reply(&s), 0, false, "refused"},
		{12, -EPROTO, good_reply(&s), s.count, false, "0 verify workers"},
		{13, -EPROTO, good_reply(&s), s.count, false, "5 verify workers"},
	};
	cases[0].reply.magic = 1;
	cases[1].reply.abi = 99;
	memcpy(cases[1].reply.text, "abc", 4);
	cases[2].reply.layout_hash = 1;
	cases[3].reply.status = -EBUSY;
	memcpy(cases[3].reply.text, "full", 5);
	cases[4].reply.status = 7;
	cases[5].reply.workers = 0;
	cases[6].reply.workers = FOG_WORKERS_MAX + 1;
	cases[11].reply.verify_workers = 0;
	cases[12].reply.verify_workers = FOG_VERIFY_WORKERS_MAX + 1;
	cases[10].reply.status = -EAGAIN; /* would read as "come back" */
	memset(cases[10].reply.text, 'x', sizeof(cases[10].reply.text)); /* no terminator */

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_attachment a;
		int fds[FOG_REPLY_FDS_MAX];
		char why[256];

		CU_ASSERT_EQUAL(fog_attach_start(&a, s.path, FOG_HELLO_CONTROL, 1, why), 0);
		int sock = accept4(s.listener, NULL, NULL, SOCK_CLOEXEC);
		memcpy(fds, s.fds, sizeof(fds));
		if (cases[i].swap)
			fds[0] = s.fds[1];
		CU_ASSERT_EQUAL(fog_hello_reply(sock, &cases[i].reply, fds, cases[i].fds), 0);
		int rc = fog_attach_finish(&a, why);
		if (rc != cases[i].rc || strstr(why, cases[i].text) == NULL)
			printf("case %u: %d %s\n", cases[i].number, rc, why);
		CU_ASSERT_EQUAL(rc, cases[i].rc);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].text));
		CU_ASSERT_EQUAL(a.sock, -1);
		close(sock);
	}
	server_close(&s);
	CU_ASSERT_EQUAL(open_fds(), before);
}

/* Bytes that are no reply, and a hang-up instead of one. */
static void test_no_reply(void)
{
	static const size_t sizes[] = {1, sizeof(struct fog_hello_reply) - 1,
				       sizeof(struct fog_hello_reply) + 1, 0};
	struct server s;
	unsigned before = open_fds();

	server_open(&s, FOG_HELLO_CONTROL);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(sizes); i++) {
		struct fog_attachment a;
		char why[256];
		u8 junk[200] = {0};

		CU_ASSERT_EQUAL(fog_attach_start(&a, s.path, FOG_HELLO_CONTROL, 1, why), 0);
		int sock = accept4(s.listener, NULL, NULL, SOCK_CLOEXEC);
		/* Unread bytes would turn the close into a reset, which overtakes the answer. */
		CU_ASSERT_EQUAL(recv(sock, junk, sizeof(junk), 0), sizeof(struct fog_hello));
		if (sizes[i] != 0)
			CU_ASSERT_EQUAL(send(sock, junk, sizes[i], 0), (ssize_t)sizes[i]);
		close(sock);
		CU_ASSERT_EQUAL(fog_attach_finish(&a, why), sizes[i] != 0 ? -EPROTO : -ECONNRESET);
	}
	server_close(&s);
	CU_ASSERT_EQUAL(open_fds(), before);
}

static void hello_send(int sock, const void *data, size_t len, const int *fds, unsigned count)
{
	struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
	_Alignas(struct cmsghdr) u8 control[CMSG_SPACE(32 * sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (count != 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	CU_ASSERT_EQUAL(sendmsg(sock, &msg, MSG_NOSIGNAL), (ssize_t)len);
}

/* HELLOs a server must refuse; no fd of theirs may stay open. */
static void test_bad_hellos(void)
{
	const struct fog_hello good = {
		.magic = FOG_ABI_MAGIC,
		.abi = FOG_ABI,
		.role = FOG_HELLO_EDGE,
		.layout_hash = fog_abi_layout_hash(),
	};
	struct {
		unsigned number;
		int rc;
		struct fog_hello hello;
		size_t len;
		unsigned fds;
		const char *text;
	} cases[] = {
		{1, 0, good, 64, 1, ""},
		{2, -EBADMSG, good, 63, 1, "63 bytes"},
		{3, -EBADMSG, good, 1, 0, "1 bytes"},
		{4, -EBADMSG, good, 65, 1, "65 bytes"},
		{5, -EBADMSG, good, 200, 1, "bytes"},
		{6, -EBADMSG, good, 64, 1, "magic"},
		{7, -EPROTO, good, 64, 1, "ABI"},
		{8, -EPROTO, good, 64, 1, "layout"},
		{9, -EPROTO, good, 64, 1, "role 0"},
		{10, -EPROTO, good, 64, 1, "role 9"},
		{11, -EPROTO, good, 64, 0, "0 fds"},
		{12, -EPROTO, good, 64, 2, "2 fds"},
		{13, -EPROTO, good, 64, 8, "8 fds"},
		{14, -EPROTO, good, 64, 32, "more than"},
	};
	unsigned before = open_fds();
	int fds[32];

	cases[5].hello.magic ^= 1;
	cases[6].hello.abi++;
	cases[7].hello.layout_hash ^= 1;
	cases[8].hello.role = 0;
	cases[9].hello.role = 9;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (unsigned i = 0; i < 32; i++)
		fds[i] = null;
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		u8 buffer[256] = {0};
		struct fog_hello hello;
		char why[72];
		int pair[2], fd = -1;

		CU_ASSERT_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
		CU_ASSERT_EQUAL(fog_hello_receive(pair[1], &hello, &fd, why), -EAGAIN);
		memcpy(buffer, &cases[i].hello, sizeof(good));
		hello_send(pair[0], buffer, cases[i].len, fds, cases[i].fds);
		int rc = fog_hello_receive(pair[1], &hello, &fd, why);
		if (rc != cases[i].rc || strstr(why, cases[i].text) == NULL)
			printf("case %u: %d %s\n", cases[i].number, rc, why);
		CU_ASSERT_EQUAL(rc, cases[i].rc);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].text));
		CU_ASSERT_EQUAL(fd >= 0, rc == 0);
		if (fd >= 0)
			close(fd);
		close(pair[0]);
		close(pair[1]);
	}
	close(null);
	CU_ASSERT_EQUAL(open_fds(), before);
}

FOG_TEST_MAIN("dataplane/abi/attach", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_no_answer), FOG_TEST(test_bad_replies), FOG_TEST(test_no_reply),
	      FOG_TEST(test_bad_hellos))
