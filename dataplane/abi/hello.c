/* SPDX-License-Identifier: BSD-3-Clause */
/* The server's half of HELLO: take one message with one fd, answer with one message and some. */
#include "dataplane/abi/attach.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELLO_FDS_MAX 8 /* more than the one allowed, so that extra ones are seen and closed */

struct hello_message {
	struct fog_hello hello;
	u8 excess; /* a message longer than struct fog_hello reaches this byte */
};

/* Collect every fd of the message, so that none leaks whatever the sender put there. */
static unsigned hello_fds(struct msghdr *msg, int *fds, unsigned max)
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (n < max)
				fds[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

/* 0 or -errno with the reason in why. */
static int hello_check(const struct hello_message *m, size_t len, unsigned fds, bool truncated,
		       char why[72])
{
	const struct fog_hello *h = &m->hello;

	if (len != sizeof(*h)) {
		snprintf(why, 72, "HELLO is %zu bytes, not %zu", len, sizeof(*h));
		return -EBADMSG;
	}
	if (h->magic != FOG_ABI_MAGIC) {
		snprintf(why, 72, "HELLO has the wrong magic");
		return -EBADMSG;
	}
	if (h->abi != FOG_ABI) {
		snprintf(why, 72, "ABI %u here, %u there", FOG_ABI, h->abi);
		return -EPROTO;
	}
	if (h->layout_hash != fog_abi_layout_hash()) {
		snprintf(why, 72, "layout hash differs: built from different sources");
		return -EPROTO;
	}
	if (h->role != FOG_HELLO_CONTROL && h->role != FOG_HELLO_EDGE) {
		snprintf(why, 72, "role %u is unknown", h->role);
		return -EPROTO;
	}
	if (fds != 1 || truncated) {
		snprintf(why, 72, "HELLO carries %s%u fds, not 1", truncated ? "more than " : "",
			 fds);
		return -EPROTO;
	}
	return 0;
}

int fog_hello_receive(int sock, struct fog_hello *hello, int *region_fd, char why[72])
{
	struct hello_message m = {0};
	struct iovec iov = {.iov_base = &m, .iov_len = sizeof(m)};
	_Alignas(struct cmsghdr) u8 control[CMSG_SPACE(HELLO_FDS_MAX * sizeof(int))] = {0};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fds[HELLO_FDS_MAX];

	*region_fd = -1;
	why[0] = '\0';
	ssize_t len = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (len < 0)
		return errno == EINTR ? -EAGAIN : -errno;

	unsigned count = hello_fds(&msg, fds, HELLO_FDS_MAX);
	/* An empty message is end of file: SEQPACKET has no other way to say it. */
	int rc = len == 0 && count == 0 ? -ECONNRESET
					: hello_check(&m, (size_t)len, count,
						      (msg.msg_flags & MSG_CTRUNC) != 0, why);
	if (rc != 0) {
		for (unsigned i = 0; i < count; i++)
			close(fds[i]);
		return rc;
	}
	*hello = m.hello;
	*region_fd = fds[0];
	return 0;
}

int fog_hello_reply(int sock, const struct fog_hello_reply *reply, const int *fds, unsigned count)
{
	struct fog_hello_reply copy = *reply;
	struct iovec iov = {.iov_base = &copy, .iov_len = sizeof(copy)};
	_Alignas(struct cmsghdr) u8 control[CMSG_SPACE(FOG_REPLY_FDS_MAX * sizeof(int))] = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (count > FOG_REPLY_FDS_MAX || (count != 0 && fds == NULL))
		return -EINVAL;
	if (count != 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	ssize_t n = sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	return n == sizeof(copy) ? 0 : -EIO;
}
