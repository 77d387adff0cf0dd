/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/io/frame.h"

#define ETHERTYPE_IP4  0x0800
#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_IP6  0x86dd
#define PROTOCOL_UDP   17
#define PROTOCOL_ICMP6 58
#define ND_SOLICIT     135
#define ND_ADVERTISE   136
#define ND_LENGTH      32 /* ICMPv6 part: 8 | target 16 | option 8 */
#define HOPS           64

static const u8 mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool fog_ip_is_v4(const u8 ip[16])
{
	return memcmp(ip, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static u16 get16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static void put16(u8 *p, u32 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

static void put_ip4(u8 ip[16], const u8 four[4])
{
	memcpy(ip, mapped_prefix, sizeof(mapped_prefix));
	memcpy(ip + 12, four, 4);
}

/* One's complement sum of native 16-bit words, folded only at the end. */
static u64 sum_add(u64 sum, const u8 *p, size_t length)
{
	for (; length >= 4; p += 4, length -= 4) {
		u32 v;
		memcpy(&v, p, sizeof(v));
		sum += v;
	}
	if (length >= 2) {
		u16 v;
		memcpy(&v, p, sizeof(v));
		sum += v;
		p += 2;
		length -= 2;
	}
	if (length != 0)
		sum += *p;
	return sum;
}

static u16 sum_fold(u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)sum;
}

/* Pseudo header of IPv6: ip6 points at the IPv6 header. */
static u64 sum_pseudo(const u8 *ip6, u32 length, u8 protocol)
{
	u8 tail[8] = {0};

	put16(tail + 2, length);
	tail[7] = protocol;
	return sum_add(sum_add(0, ip6 + 8, 32), tail, sizeof(tail));
}

static void put_sum(u8 *p, u16 v)
{
	memcpy(p, &v, sizeof(v));
}

static enum fog_frame_kind parse_arp(const struct fog_frame_self *self, const u8 *frame, u32 length,
				     struct fog_frame *out, u8 mac[FOG_MAC_SIZE])
{
	static const u8 ethernet_ip4[6] = {0, 1, 8, 0, 6, 4};
	const u8 *arp = frame + 14;

	if (length < FOG_ARP_SIZE || memcmp(arp, ethernet_ip4, 6) != 0 ||
	    !fog_ip_is_v4(self->address.ip) || memcmp(arp + 24, self->address.ip + 12, 4) != 0)
		return FOG_FRAME_OTHER;
	memcpy(mac, arp + 8, FOG_MAC_SIZE);
	put_ip4(out->peer.ip, arp + 14);
	if (get16(arp + 6) == 1)
		return FOG_FRAME_ASKS;
	return get16(arp + 6) == 2 ? FOG_FRAME_ANSWERS : FOG_FRAME_OTHER;
}

/* icmp: of at least ND_LENGTH bytes. */
static enum fog_frame_kind parse_nd(const struct fog_frame_self *self, const u8 *ip6, u32 length,
				    struct fog_frame *out, u8 mac[FOG_MAC_SIZE])
{
	const u8 *icmp = ip6 + 40;
	bool solicits = icmp[0] == ND_SOLICIT;

	if (length < ND_LENGTH || ip6[7] != 255 || icmp[1] != 0 || icmp[25] != 1 ||
	    icmp[24] != (solicits ? 1 : 2) ||
	    sum_fold(sum_add(sum_pseudo(ip6, length, PROTOCOL_ICMP6), icmp, length)) != 0xffff)
		return FOG_FRAME_OTHER;
	memcpy(mac, icmp + 26, FOG_MAC_SIZE);
	if (solicits) {
		memcpy(out->peer.ip, ip6 + 8, 16);
		return memcmp(icmp + 8, self->address.ip, 16) == 0 ? FOG_FRAME_ASKS
								   : FOG_FRAME_OTHER;
	}
	memcpy(out->peer.ip, icmp + 8, 16);
	return memcmp(ip6 + 24, self->address.ip, 16) == 0 ? FOG_FRAME_ANSWERS : FOG_FRAME_OTHER;
}

static enum fog_frame_kind parse_udp(const struct fog_frame_self *self, u8 *udp, u32 length,
				     struct fog_frame *out)
{
	u32 said;

	if (length < 8 || get16(udp + 2) != self->address.port)
		return FOG_FRAME_OTHER;
	said = get16(udp + 4);
	if (said < 8 || said > length)
		return FOG_FRAME_OTHER;
	out->peer.port = get16(udp);
	out->data = udp + 8;
	out->length = FOG_MIN(said - 8, (u32)FOG_FRAME_MAX);
	return FOG_FRAME_DGRAM;
}

static enum fog_frame_kind parse_ip4(const struct fog_frame_self *self, u8 *ip, u32 length,
				     struct fog_frame *out)
{
	if (length < 20 || ip[0] != 0x45 || ip[9] != PROTOCOL_UDP ||
	    (get16(ip + 6) & 0x3fff) != 0 || !fog_ip_is_v4(self->address.ip) ||
	    memcmp(ip + 16, self->address.ip + 12, 4) != 0 ||
	    sum_fold(sum_add(0, ip, 20)) != 0xffff)
		return FOG_FRAME_OTHER;
	u32 said = get16(ip + 2);
	if (said < 20 || said > length)
		return FOG_FRAME_OTHER;
	put_ip4(out->peer.ip, ip + 12);
	return parse_udp(self, ip + 20, said - 20, out);
}

static enum fog_frame_kind parse_ip6(const struct fog_frame_self *self, u8 *ip, u32 length,
				     struct fog_frame *out, u8 mac[FOG_MAC_SIZE])
{
	if (length < 40 || ip[0] >> 4 != 6)
		return FOG_FRAME_OTHER;
	u32 said = get16(ip + 4);
	if (said > length - 40)
		return FOG_FRAME_OTHER;
	if (ip[6] == PROTOCOL_ICMP6 && said >= ND_LENGTH &&
	    (ip[40] == ND_SOLICIT || ip[40] == ND_ADVERTISE))
		return parse_nd(self, ip, said, out, mac);
	if (ip[6] != PROTOCOL_UDP || memcmp(ip + 24, self->address.ip, 16) != 0)
		return FOG_FRAME_OTHER;
	memcpy(out->peer.ip, ip + 8, 16);
	return parse_udp(self, ip + 40, said, out);
}

enum fog_frame_kind fog_frame_parse(const struct fog_frame_self *self, u8 *frame, u32 length,
				    struct fog_frame *out, u8 mac[FOG_MAC_SIZE])
{
	if (length < 14)
		return FOG_FRAME_OTHER;
	switch (get16(frame + 12)) {
	case ETHERTYPE_IP4:
		return parse_ip4(self, frame + 14, length - 14, out);
	case ETHERTYPE_IP6:
		return parse_ip6(self, frame + 14, length - 14, out, mac);
	case ETHERTYPE_ARP:
		return parse_arp(self, frame, length, out, mac);
	default:
		return FOG_FRAME_OTHER;
	}
}

static u8 *ethernet(const struct fog_frame_self *self, const u8 mac[FOG_MAC_SIZE], u32 type,
		    u8 *out)
{
	memcpy(out, mac, FOG_MAC_SIZE);
	memcpy(out + 6, self->mac, FOG_MAC_SIZE);
	put16(out + 12, type);
	return out + 14;
}

static u8 *ip6_header(const u8 from[16], const u8 to[16], u32 length, u8 protocol, u8 hops, u8 *out)
{
	memset(out, 0, 8);
	out[0] = 0x60;
	put16(out + 4, length);
	out[6] = protocol;
	out[7] = hops;
	memcpy(out + 8, from, 16);
	memcpy(out + 24, to, 16);
	return out + 40;
}

u32 fog_frame_header(const struct fog_frame_self *self, const u8 mac[FOG_MAC_SIZE],
		     const struct fog_address *to, u8 out[FOG_FRAME_HEADER_MAX])
{
	bool v4 = fog_ip_is_v4(to->ip);
	u8 *p = ethernet(self, mac, v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6, out);

	if (v4) {
		memset(p, 0, 20);
		p[0] = 0x45;
		put16(p + 2, 20 + 8 + FOG_DGRAM_SIZE);
		p[6] = 0x40; /* don't fragment */
		p[8] = HOPS;
		p[9] = PROTOCOL_UDP;
		memcpy(p + 12, self->address.ip + 12, 4);
		memcpy(p + 16, to->ip + 12, 4);
		put_sum(p + 10, (u16)~sum_fold(sum_add(0, p, 20)));
		p += 20;
	} else {
		p = ip6_header(self->address.ip, to->ip, 8 + FOG_DGRAM_SIZE, PROTOCOL_UDP, HOPS, p);
	}
	put16(p, self->address.port);
	put16(p + 2, to->port);
	put16(p + 4, 8 + FOG_DGRAM_SIZE);
	put16(p + 6, 0);
	return v4 ? FOG_FRAME_HEADER4 : FOG_FRAME_HEADER6;
}

void fog_frame_udp6_checksum(u8 *frame)
{
	u8 *ip = frame + 14, *udp = ip + 40;

	put16(udp + 6, 0);
	u16 sum = (u16)~sum_fold(
		sum_add(sum_pseudo(ip, 8 + FOG_DGRAM_SIZE, PROTOCOL_UDP), udp, 8 + FOG_DGRAM_SIZE));
	put_sum(udp + 6, sum != 0 ? sum : 0xffff);
}

void fog_frame_udp6_pseudo(u8 *frame)
{
	u8 *ip = frame + 14;

	put_sum(ip + 40 + 6, sum_fold(sum_pseudo(ip, 8 + FOG_DGRAM_SIZE, PROTOCOL_UDP)));
}

static u32 arp(const struct fog_frame_self *self, const u8 mac[FOG_MAC_SIZE], u32 operation,
	       const u8 ip[16], u8 *out)
{
	static const u8 head[6] = {0, 1, 8, 0, 6, 4};
	u8 *p = ethernet(self, mac, ETHERTYPE_ARP, out);

	memcpy(p, head, 6);
	put16(p + 6, operation);
	memcpy(p + 8, self->mac, FOG_MAC_SIZE);
	memcpy(p + 14, self->address.ip + 12, 4);
	memcpy(p + 18, mac, FOG_MAC_SIZE);
	if (operation == 1)
		memset(p + 18, 0, FOG_MAC_SIZE);
	memcpy(p + 24, ip + 12, 4);
	return FOG_ARP_SIZE;
}

static u32 nd(const struct fog_frame_self *self, const u8 mac[FOG_MAC_SIZE], const u8 to[16],
	      u8 type, const u8 target[16], u8 *out)
{
	u8 *ip = ethernet(self, mac, ETHERTYPE_IP6, out);
	u8 *p = ip6_header(self->address.ip, to, ND_LENGTH, PROTOCOL_ICMP6, 255, ip);

	memset(p, 0, ND_LENGTH);
	p[0] = type;
	p[4] = type == ND_ADVERTISE ? 0x60 : 0; /* solicited, override */
	memcpy(p + 8, target, 16);
	p[24] = type == ND_ADVERTISE ? 2 : 1;
	p[25] = 1;
	memcpy(p + 26, self->mac, FOG_MAC_SIZE);
	put_sum(p + 2,
		(u16)~sum_fold(sum_add(sum_pseudo(ip, ND_LENGTH, PROTOCOL_ICMP6), p, ND_LENGTH)));
	return FOG_ND_SIZE;
}

u32 fog_frame_ask(const struct fog_frame_self *self, const u8 ip[16], u8 out[FOG_ND_SIZE])
{
	static const u8 everyone[FOG_MAC_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	u8 group[16] = {0xff, 0x02, [11] = 1, [12] = 0xff};
	u8 mac[FOG_MAC_SIZE] = {0x33, 0x33};

	if (fog_ip_is_v4(ip))
		return arp(self, everyone, 1, ip, out);
	memcpy(group + 13, ip + 13, 3);
	memcpy(mac + 2, group + 12, 4);
	return nd(self, mac, group, ND_SOLICIT, ip, out);
}

u32 fog_frame_answer(const struct fog_frame_self *self, const u8 ip[16], const u8 mac[FOG_MAC_SIZE],
		     u8 out[FOG_ND_SIZE])
{
	if (fog_ip_is_v4(ip))
		return arp(self, mac, 2, ip, out);
	return nd(self, mac, ip, ND_ADVERTISE, self->address.ip, out);
}
