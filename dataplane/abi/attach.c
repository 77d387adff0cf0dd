/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's half of HELLO. */
#include "dataplane/abi/attach.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define WHY_SIZE 256

static void why_set(char why[WHY_SIZE], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void why_set(char why[WHY_SIZE], const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, WHY_SIZE, format, ap);
	va_end(ap);
}

static void attachment_clear(struct fog_attachment *a)
{
	*a = (struct fog_attachment){
		.sock = -1,
		.notify = -1,
		.own.fd = -1,
		.peer.fd = -1,
	};
	for (unsigned w = 0; w < FOG_WORKERS_MAX; w++)
		a->wake[w] = a->steer[w] = -1;
	for (unsigned w = 0; w < FOG_VERIFY_WORKERS_MAX; w++)
		a->wake_verify[w] = -1;
}

/* Whoever may bind in the run directory is root or us; anyone else is an impostor. */
static int peer_trusted(int sock, char why[WHY_SIZE])
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return -errno;
	if (cred.uid != 0 && cred.uid != geteuid()) {
		why_set(why, "the listener runs as uid %u", cred.uid);
		return -EPERM;
	}
	return 0;
}

static int hello_send(int sock, const struct fog_region *own, enum fog_hello_role role, u64 boot_id)
{
	struct fog_hello hello = {
		.magic = FOG_ABI_MAGIC,
		.abi = FOG_ABI,
		.role = role,
		.layout_hash = fog_abi_layout_hash(),
		.region_size = own->size,
		.boot_id = boot_id,
	};
	struct iovec iov = {.iov_base = &hello, .iov_len = sizeof(hello)};
	_Alignas(struct cmsghdr) u8 control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &own->fd, sizeof(int));
	ssize_t n = sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	return n == sizeof(hello) ? 0 : -EIO;
}

int fog_attach_start(struct fog_attachment *a, const char *path, enum fog_hello_role role,
		     u64 boot_id, char why[WHY_SIZE])
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	bool control = role == FOG_HELLO_CONTROL;
	int rc;

	attachment_clear(a);
	why[0] = '\0';
	if (path == NULL || (!control && role != FOG_HELLO_EDGE))
		return -EINVAL;
	if (strlen(path) >= sizeof(un.sun_path)) {
		why_set(why, "socket path is longer than %zu bytes", sizeof(un.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(un.sun_path, path, strlen(path) + 1);
	a->role = role;
	a->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->sock < 0)
		return -errno;
	if (connect(a->sock, (struct sockaddr *)&un, sizeof(un)) != 0) {
		rc = -errno;
		why_set(why, "connect to %s: %s", path, strerror(-rc));
		goto err_detach;
	}
	rc = peer_trusted(a->sock, why);
	if (rc != 0)
		goto err_detach;
	rc = control ? fog_region_create(&a->own, "fog-control", sizeof(struct fog_control_region),
					 FOG_REGION_CONTROL, boot_id)
		     : fog_region_create(&a->own, "fog-edge-tx", sizeof(struct fog_edge_tx_region),
					 FOG_REGION_EDGE_TX, boot_id);
	if (rc == 0)
		rc = hello_send(a->sock, &a->own, role, boot_id);
	if (rc == 0)
		return 0;
	why_set(why, "HELLO: %s", strerror(-rc));

err_detach:
	fog_detach(a);
	return rc;
}

struct reply_message {
	struct fog_hello_reply reply;
	u8 excess;
};

/* Receive the reply and its fds. -EAGAIN, or the number of fds, or another -errno. */
static int reply_receive(int sock, struct reply_message *m, int fds[FOG_REPLY_FDS_MAX],
			 char why[WHY_SIZE])
{
	struct iovec iov = {.iov_base = m, .iov_len = sizeof(*m)};
	_Alignas(struct cmsghdr) u8 control[CMSG_SPACE(FOG_REPLY_FDS_MAX * sizeof(int))] = {0};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (len < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	/* The buffer holds FOG_REPLY_FDS_MAX fds and one header, so at most one SCM_RIGHTS. */
	unsigned count = 0;
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), count * sizeof(int));
	}
	if (len == sizeof(m->reply) && (msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0)
		return (int)count;
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
	if (len == 0) {
		why_set(why, "the data plane hung up");
		return -ECONNRESET;
	}
	why_set(why, "the answer is malformed");
	return -EPROTO;
}

static int reply_check(const struct fog_attachment *a, const struct fog_hello_reply *r,
		       unsigned fds, char why[WHY_SIZE])
{
	bool control = a->role == FOG_HELLO_CONTROL;

	if (r->magic != FOG_ABI_MAGIC || r->abi != FOG_ABI ||
	    r->layout_hash != fog_abi_layout_hash()) {
		/* A refusal by another ABI still has its text at the same place. */
		why_set(why, "the data plane speaks another ABI: %.*s", (int)sizeof(r->text),
			r->text);
		return -EPROTO;
	}
	if (r->status != 0) {
		why_set(why, "refused: %.*s", (int)sizeof(r->text), r->text);
		return r->status < 0 && r->status >= -4095 && r->status != -EAGAIN ? r->status
										   : -EPROTO;
	}
	if (r->workers == 0 || r->workers > FOG_WORKERS_MAX) {
		why_set(why, "the data plane claims %u workers", r->workers);
		return -EPROTO;
	}
	if (control && (r->verify_workers == 0 || r->verify_workers > FOG_VERIFY_WORKERS_MAX)) {
		why_set(why, "the data plane claims %u verify workers", r->verify_workers);
		return -EPROTO;
	}
	unsigned steer = r->steer != 0 ? r->workers : 0;
	if (fds != (control ? 2 + r->workers + r->verify_workers + steer : 3)) {
		why_set(why, "the answer carries %u fds", fds);
		return -EPROTO;
	}
	return 0;
}

int fog_attach_finish(struct fog_attachment *a, char why[WHY_SIZE])
{
	struct reply_message m = {0};
	int fds[FOG_REPLY_FDS_MAX];
	bool control = a->role == FOG_HELLO_CONTROL;
	size_t size = control ? sizeof(struct fog_data_region) : sizeof(struct fog_edge_rx_region);

	if (a->sock < 0 || a->peer.base != NULL)
		return -EINVAL;
	why[0] = '\0';
	int count = reply_receive(a->sock, &m, fds, why);
	if (count == -EAGAIN)
		return -EAGAIN;
	if (count < 0) {
		fog_detach(a);
		return count;
	}
	int rc = reply_check(a, &m.reply, (unsigned)count, why);
	if (rc == 0) {
		rc = fog_region_map_peer(&a->peer, fds[0], size,
					 control ? FOG_REGION_DATA : FOG_REGION_EDGE_RX);
		if (rc != 0)
			why_set(why, "the data plane's region is not what it should be");
	}
	if (rc != 0) {
		for (int i = 0; i < count; i++)
			close(fds[i]);
		fog_detach(a);
		return rc;
	}
	a->workers = m.reply.workers;
	a->number = m.reply.attachment;
	a->notify = fds[1];
	memcpy(a->wake, &fds[2], (control ? a->workers : 1) * sizeof(int));
	if (control) {
		a->verify_workers = m.reply.verify_workers;
		memcpy(a->wake_verify, &fds[2 + a->workers], a->verify_workers * sizeof(int));
	}
	if (control && m.reply.steer != 0)
		memcpy(a->steer, &fds[2 + a->workers + a->verify_workers],
		       a->workers * sizeof(int));
	return 0;
}

static i64 clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (i64)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int fog_attach(struct fog_attachment *a, const char *path, enum fog_hello_role role, u64 boot_id,
	       int timeout_ms, char why[WHY_SIZE])
{
	i64 deadline = clock_ms() + timeout_ms;
	int rc = fog_attach_start(a, path, role, boot_id, why);

	if (rc != 0)
		return rc;
	for (;;) {
		i64 left = deadline - clock_ms();
		struct pollfd p = {.fd = a->sock, .events = POLLIN};

		if (left <= 0 || poll(&p, 1, (int)left) == 0) {
			why_set(why, "no answer in %d ms", timeout_ms);
			fog_detach(a);
			return -ETIMEDOUT;
		}
		rc = fog_attach_finish(a, why);
		if (rc != -EAGAIN)
			return rc;
	}
}

bool fog_attachment_ready(const struct fog_attachment *a)
{
	if (a->peer.base == NULL)
		return false;
	if (a->role != FOG_HELLO_CONTROL)
		return true;

	const struct fog_data_region *data = a->peer.base;
	for (u32 w = 0; w < a->workers; w++) {
		/* pairs with the release by which a worker takes the attachment up */
		u64 taken = atomic_load_explicit(&data->status[w].attachment, memory_order_acquire);

		if (taken != a->number)
			return false;
	}
	return true;
}

static void wake_write(int fd)
{
	u64 one = 1;

	/* Fails only when the counter is about to overflow: then it is readable anyway. */
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		return;
}

void fog_attachment_wake(const struct fog_attachment *a, u32 worker)
{
	if (worker < FOG_WORKERS_MAX)
		wake_write(a->wake[worker]);
}

void fog_attachment_wake_verify(const struct fog_attachment *a, u32 worker)
{
	if (worker < FOG_VERIFY_WORKERS_MAX)
		wake_write(a->wake_verify[worker]);
}

void fog_attachment_forget_steer(struct fog_attachment *a)
{
	for (unsigned w = 0; w < FOG_WORKERS_MAX; w++) {
		if (a->steer[w] >= 0)
			close(a->steer[w]);
		a->steer[w] = -1;
	}
}

void fog_detach(struct fog_attachment *a)
{
	if (a->sock >= 0)
		close(a->sock);
	if (a->notify >= 0)
		close(a->notify);
	for (unsigned w = 0; w < FOG_VERIFY_WORKERS_MAX; w++)
		if (a->wake_verify[w] >= 0)
			close(a->wake_verify[w]);
	for (unsigned w = 0; w < FOG_WORKERS_MAX; w++)
		if (a->wake[w] >= 0)
			close(a->wake[w]);
	fog_attachment_forget_steer(a);
	fog_region_close(&a->peer);
	fog_region_close(&a->own);
	attachment_clear(a);
}
