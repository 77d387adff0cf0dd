/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/io/route.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#define USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

struct request {
	struct nlmsghdr head;
	union {
		struct rtmsg route;
		struct ndmsg neighbour;
	} body;
	u8 attributes[64];
};

struct reply {
	_Alignas(struct nlmsghdr) u8 bytes[2048];
	u32 length;
};

int fog_route_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

static bool is_v4(const u8 ip[16])
{
	static const u8 mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(ip, mapped, sizeof(mapped)) == 0;
}

static void attribute(struct request *r, u16 type, const void *data, u16 size)
{
	struct rtattr a = {.rta_len = (u16)RTA_LENGTH(size), .rta_type = type};
	u8 *end = (u8 *)r + NLMSG_ALIGN(r->head.nlmsg_len);

	memcpy(end, &a, sizeof(a));
	memcpy(end + RTA_LENGTH(0), data, size);
	r->head.nlmsg_len = (u32)(end + RTA_ALIGN(a.rta_len) - (u8 *)r);
}

static void address(struct request *r, u16 type, const u8 ip[16])
{
	attribute(r, type, is_v4(ip) ? ip + 12 : ip, is_v4(ip) ? 4 : 16);
}

/* The kernel answers before sendto() returns. Answers to nobody's question are passed over. */
static int ask(int fd, struct request *r, struct reply *out)
{
	static _Thread_local u32 sequence;
	struct nlmsghdr h;

	r->head.nlmsg_flags = NLM_F_REQUEST;
	r->head.nlmsg_seq = ++sequence;
	if (send(fd, r, r->head.nlmsg_len, MSG_DONTWAIT) < 0)
		return -errno;
	for (unsigned tries = 0; tries < 8; tries++) {
		ssize_t n = recv(fd, out->bytes, sizeof(out->bytes), MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n < (ssize_t)sizeof(h))
			continue;
		memcpy(&h, out->bytes, sizeof(h));
		if (h.nlmsg_seq != sequence)
			continue;
		if (h.nlmsg_type == NLMSG_ERROR) {
			struct nlmsgerr e;
			memcpy(&e, out->bytes + NLMSG_HDRLEN, sizeof(e));
			return e.error < 0 ? e.error : -EPROTO;
		}
		out->length = FOG_MIN(h.nlmsg_len, (u32)n);
		return 0;
	}
	return -ETIMEDOUT;
}

/* Attribute `type` behind a body of `body` bytes; its size, or 0. */
static u32 find(const struct reply *r, size_t body, u16 type, void *out, u32 size)
{
	u32 at = (u32)(NLMSG_HDRLEN + NLMSG_ALIGN(body));
	struct rtattr a;

	while (at + sizeof(a) <= r->length) {
		memcpy(&a, r->bytes + at, sizeof(a));
		if (a.rta_len < sizeof(a) || at + a.rta_len > r->length)
			return 0;
		u32 have = a.rta_len - (u32)RTA_LENGTH(0);
		if (a.rta_type == type) {
			memcpy(out, r->bytes + at + RTA_LENGTH(0), FOG_MIN(have, size));
			return have;
		}
		at += RTA_ALIGN(a.rta_len);
	}
	return 0;
}

/* The next hop's address goes to hop. */
static int route_get(int fd, u32 ifindex, const u8 ip[16], u8 hop[16])
{
	const bool v4 = is_v4(ip);
	struct request r = {
		.head = {.nlmsg_type = RTM_GETROUTE,
			 .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg))},
		.body.route = {.rtm_family = v4 ? AF_INET : AF_INET6, .rtm_dst_len = v4 ? 32 : 128},
	};
	struct reply reply;
	struct rtmsg route;
	u32 device = 0;

	address(&r, RTA_DST, ip);
	int rc = ask(fd, &r, &reply);
	if (rc < 0)
		return rc;
	memcpy(&route, reply.bytes + NLMSG_HDRLEN, sizeof(route));
	(void)find(&reply, sizeof(route), RTA_OIF, &device, sizeof(device));
	if (route.rtm_type != RTN_UNICAST || device != ifindex)
		return -EXDEV;
	memcpy(hop, ip, 16);
	(void)find(&reply, sizeof(route), RTA_GATEWAY, v4 ? hop + 12 : hop, v4 ? 4 : 16);
	return 0;
}

int fog_route_resolve(int fd, u32 ifindex, const u8 ip[16], u8 mac[6])
{
	struct request r = {
		.head = {.nlmsg_type = RTM_GETNEIGH,
			 .nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg))},
		.body.neighbour = {.ndm_family = is_v4(ip) ? AF_INET : AF_INET6,
				   .ndm_ifindex = (int)ifindex},
	};
	struct reply reply;
	struct ndmsg neighbour;
	u8 hop[16];
	int rc = route_get(fd, ifindex, ip, hop);

	if (rc < 0)
		return rc;
	address(&r, NDA_DST, hop);
	rc = ask(fd, &r, &reply);
	if (rc == -ENOENT)
		return -EAGAIN;
	if (rc < 0)
		return rc;
	memcpy(&neighbour, reply.bytes + NLMSG_HDRLEN, sizeof(neighbour));
	if ((neighbour.ndm_state & USABLE) == 0)
		return -EAGAIN;
	return find(&reply, sizeof(neighbour), NDA_LLADDR, mac, 6) == 6 ? 0 : -EXDEV;
}
