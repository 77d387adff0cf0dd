/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/io/io_udp.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* Enough for a burst of all neighbours while the worker does something else. */
#define SOCKET_BUFFER (4 * 1024 * 1024)

static const u8 mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_mapped(const struct fog_address *a)
{
	return memcmp(a->ip, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

socklen_t fog_udp_to_sockaddr(const struct fog_address *a, int family, struct sockaddr_in6 *out)
{
	memset(out, 0, sizeof(*out));
	if (family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;
		if (!is_mapped(a))
			return 0;
		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip + 12, 4);
		return sizeof(*in);
	}
	out->sin6_family = AF_INET6;
	out->sin6_port = htons(a->port);
	memcpy(&out->sin6_addr, a->ip, 16);
	return sizeof(*out);
}

void fog_udp_from_sockaddr(const void *name, size_t length, struct fog_address *a)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	memset(a, 0, sizeof(*a));
	if (length >= sizeof(in6)) {
		memcpy(&in6, name, sizeof(in6));
		if (in6.sin6_family == AF_INET6) {
			memcpy(a->ip, &in6.sin6_addr, 16);
			a->port = ntohs(in6.sin6_port);
			return;
		}
	}
	if (length >= sizeof(in)) {
		memcpy(&in, name, sizeof(in));
		memcpy(a->ip, mapped_prefix, sizeof(mapped_prefix));
		memcpy(a->ip + 12, &in.sin_addr, 4);
		a->port = ntohs(in.sin_port);
	}
}

static int bind_socket(const struct fog_address *a, int family, bool share, int *out)
{
	struct sockaddr_in6 sa;
	const int one = 1, zero = 0, size = SOCKET_BUFFER;
	int rc;

	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (share && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0)
		goto err;
	if (family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) < 0)
		goto err;
	/* Beyond the system's limit if we may, up to it if not. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	socklen_t length = fog_udp_to_sockaddr(a, family, &sa);
	if (bind(fd, (struct sockaddr *)&sa, length) < 0)
		goto err;
	*out = fd;
	return 0;
err:
	rc = -errno;
	close(fd);
	return rc;
}

int fog_udp_open(const struct fog_io_open *o, int *out, int *family)
{
	const bool share = o->workers > 1;
	struct sockaddr_in6 sa;
	struct fog_address bound;
	socklen_t length = sizeof(sa);
	int fd;

	*family = is_mapped(o->listen) ? AF_INET : AF_INET6;
	if (share && o->worker == 0) {
		/* With SO_REUSEPORT a second daemon would quietly take half of our datagrams. */
		int rc = bind_socket(o->listen, *family, false, &fd);
		if (rc < 0)
			return rc;
		close(fd);
	}
	int rc = bind_socket(o->listen, *family, share, &fd);
	if (rc < 0)
		return rc;
	if (getsockname(fd, (struct sockaddr *)&sa, &length) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	fog_udp_from_sockaddr(&sa, length, &bound);
	o->listen->port = bound.port;
	*out = fd;
	return 0;
}

u64 fog_udp_missed(int fd)
{
	u32 info[SK_MEMINFO_VARS] = {0};
	socklen_t size = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) < 0)
		return 0;
	return info[SK_MEMINFO_DROPS];
}

bool fog_udp_enable_gro(int fd)
{
	const int one = 1;

	return setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof(one)) == 0;
}

bool fog_udp_has_gso(int fd)
{
	int size;
	socklen_t length = sizeof(size);

	return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, &length) == 0;
}

u32 fog_udp_segment(struct msghdr *m, u32 length)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		int size;
		if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO)
			continue;
		memcpy(&size, CMSG_DATA(c), sizeof(size));
		return size > 0 ? (u32)size : length;
	}
	return length;
}

size_t fog_udp_write_segment(u8 control[FOG_UDP_CONTROL_SIZE])
{
	struct cmsghdr c = {
		.cmsg_len = CMSG_LEN(sizeof(u16)),
		.cmsg_level = IPPROTO_UDP,
		.cmsg_type = UDP_SEGMENT,
	};

	memset(control, 0, FOG_UDP_CONTROL_SIZE);
	memcpy(control, &c, sizeof(c));
	fog_store_u16(control + CMSG_LEN(0), FOG_DGRAM_SIZE);
	return CMSG_SPACE(sizeof(u16));
}
