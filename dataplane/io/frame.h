/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet, IPv4, IPv6, UDP, ARP and neighbour discovery for the back ends that see whole frames.
 * Pure functions over caller memory; network bytes are never trusted. No VLANs, IPv4 options, IPv6
 * extension headers or fragments: the link's datagrams have none, whatever has is not ours.
 *
 *	IPv4  Ethernet 14 | IPv4 20 | UDP 8 | payload       IPv6  Ethernet 14 | IPv6 40 | UDP 8 | ..
 */
#ifndef FOG_FRAME_H
#define FOG_FRAME_H

#include "dataplane/io/io.h"

#define FOG_FRAME_HEADER4    42
#define FOG_FRAME_HEADER6    62
#define FOG_FRAME_HEADER_MAX 62
#define FOG_MAC_SIZE         6
#define FOG_ARP_SIZE         42 /* Ethernet and ARP */
#define FOG_ND_SIZE          86 /* Ethernet, IPv6, NS or NA with one option */

/* This end. */
struct fog_frame_self {
	struct fog_address address;
	u8 mac[FOG_MAC_SIZE];
};

enum fog_frame_kind {
	FOG_FRAME_OTHER = 0,
	FOG_FRAME_DGRAM,   /* UDP to our address and port */
	FOG_FRAME_ASKS,    /* ARP request or neighbour solicitation for our address */
	FOG_FRAME_ANSWERS, /* ARP reply or neighbour advertisement to us */
};

/* What a frame is. DGRAM: data, length and peer of *out. ASKS, ANSWERS: peer.ip of *out and mac are
 * the other end's. Checksums of IPv4 headers and ICMPv6 are checked; that of UDP is not: a datagram
 * that was damaged fails its AEAD tag. */
enum fog_frame_kind fog_frame_parse(const struct fog_frame_self *self, u8 *frame, u32 length,
				    struct fog_frame *out, u8 mac[FOG_MAC_SIZE]);

/* Headers in front of a payload of FOG_DGRAM_SIZE. Returns their size. The UDP checksum is 0 (none)
 * in IPv4 and to be filled in by fog_frame_udp6_checksum() or the device in IPv6. */
u32 fog_frame_header(const struct fog_frame_self *self, const u8 mac[FOG_MAC_SIZE],
		     const struct fog_address *to, u8 out[FOG_FRAME_HEADER_MAX]);

/* Fill in the checksum of a whole IPv6 frame made by the above. Cost: one pass over it. */
void fog_frame_udp6_checksum(u8 *frame);
/* The pseudo header's part of it, for devices that do the rest. */
void fog_frame_udp6_pseudo(u8 *frame);

/* Ask who has `ip`; answer whoever asked. Returns the frame's size, FOG_ARP_SIZE or FOG_ND_SIZE. */
u32 fog_frame_ask(const struct fog_frame_self *self, const u8 ip[16], u8 out[FOG_ND_SIZE]);
u32 fog_frame_answer(const struct fog_frame_self *self, const u8 ip[16], const u8 mac[FOG_MAC_SIZE],
		     u8 out[FOG_ND_SIZE]);

bool fog_ip_is_v4(const u8 ip[16]);

#endif
