/* SPDX-License-Identifier: BSD-3-Clause */
/* Sphinx packets in Katzenpost's format (core/sphinx of github.com/katzenpost/katzenpost), in two
 * profiles:
 *
 *	NIKE	one X25519 element for all hops, blinded at each: two X25519 to unwrap
 *	KEM	a fresh element per hop, in the routing block of the hop before: one opening to
 *		unwrap; over X25519 here, over post-quantum KEMs where crypto/pq is built
 *
 *	packet	= header | payload tag 32 (zero in clear) | payload
 *	header	= version 2 (zero) | element | hops x routing block | MAC 32
 *	block	= commands, zero filled [| next element, in the KEM profile]
 *
 * An element is 32 bytes over X25519, else a ciphertext of the KEM. Keys of a hop come of
 *HKDF-Expand over the shared secret: HMAC-SHA256 key, AES-256-CTR key and start, AEZ key, seed of
 *the blinding scalar. All of a node's work is free of branches on secrets up to the MAC; what
 *follows branches on what the node may know of the packet. Any thread. */
#ifndef FOG_CRYPTO_SPHINX_H
#define FOG_CRYPTO_SPHINX_H

#include "crypto/types.h"

#define FOG_SPHINX_HOPS_MAX    5
#define FOG_SPHINX_ID_SIZE     32
#define FOG_SPHINX_MAC_SIZE    32
#define FOG_SPHINX_ELEMENT_MAX 1120 /* of X-Wing */
#define FOG_SPHINX_TAG_SIZE    32   /* zero bytes before the payload */
#define FOG_SPHINX_SURB_ID     16
#define FOG_SPHINX_COMMANDS    82 /* of a routing block: next hop 65, SURB reply 17 */
#define FOG_SPHINX_BLOCK_MAX   (FOG_SPHINX_COMMANDS + FOG_SPHINX_ELEMENT_MAX)
#define FOG_SPHINX_HEADER_MAX \
	(2 + FOG_SPHINX_ELEMENT_MAX + FOG_SPHINX_HOPS_MAX * FOG_SPHINX_BLOCK_MAX + 32)
#define FOG_SPHINX_PACKET_MAX  65536
#define FOG_SPHINX_BATCH_MAX   64
#define FOG_SPHINX_ROUTES_MAX  8
#define FOG_SPHINX_LAYER_SIZE  64 /* AEZ key 48 and nonce 16 */
#define FOG_SPHINX_SURB_MAX    (FOG_SPHINX_HEADER_MAX + 32 + FOG_SPHINX_LAYER_SIZE)
#define FOG_SPHINX_REPLAY_SIZE 32

struct fog_rng;

/* A KEM for the profile of that name. Columns of `count` <= FOG_SPHINX_BATCH_MAX rows; a result
 * that is not 0 refuses its row, whose shared secret is then no secret. */
struct fog_sphinx_kem {
	const char *name;
	size_t element;    /* bytes of a ciphertext */
	size_t public_key; /* bytes of it */
	/* secret[i]: what this KEM calls one. */
	void (*open_many)(u8 (*shared)[32], int *result, const void *const *secret,
			  const u8 *const *element, unsigned count);
	void (*seal_many)(u8 (*shared)[32], u8 *const *element, int *result,
			  const u8 *const *public_key, struct fog_rng *rng, unsigned count);
};

#define FOG_SPHINX_NIKE ((const struct fog_sphinx_kem *)NULL)
/* Secret: struct fog_sphinx_x25519. */
extern const struct fog_sphinx_kem fog_sphinx_kem_x25519;

struct fog_sphinx_x25519 {
	u8 secret[32], public_key[32];
};

/* Sizes that all packets of a network share. */
struct fog_sphinx_geometry {
	const struct fog_sphinx_kem *kem; /* or FOG_SPHINX_NIKE */
	size_t element;
	unsigned hops;  /* the most a path may have */
	size_t block;   /* routing block of a hop */
	size_t routing; /* of all hops */
	size_t header;
	size_t packet;
	size_t payload; /* packet - header - FOG_SPHINX_TAG_SIZE */
	size_t surb;
};

/* 0, or -EINVAL for hops out of 1 .. FOG_SPHINX_HOPS_MAX or a packet without room for one byte of
 * payload. */
int fog_sphinx_geometry_init(struct fog_sphinx_geometry *g, const struct fog_sphinx_kem *kem,
			     unsigned hops, size_t packet);

/* What a routing block tells its hop. Numbers are big-endian on the wire:
 *	0x01 next hop 32 | its MAC 32	0x02 recipient 32	0x03 SURB 16	0x80 delay u32
 *	0x00 the rest is zero */
struct fog_sphinx_commands {
	bool has_next, has_recipient, has_surb, has_delay;
	u8 next[FOG_SPHINX_ID_SIZE];
	u8 next_mac[FOG_SPHINX_MAC_SIZE];
	u8 recipient[FOG_SPHINX_ID_SIZE];
	u8 surb[FOG_SPHINX_SURB_ID];
	u32 delay; /* Fog: microseconds */
};

/* 0, or -EPROTO: unknown, cut off, given twice, or followed by something not zero. */
int fog_sphinx_commands_parse(struct fog_sphinx_commands *c, const u8 *block, size_t len);
/* Writes them in the order delay, recipient, SURB, next hop; fills up with zeros. 0 or -ENOSPC. */
int fog_sphinx_commands_write(const struct fog_sphinx_commands *c, u8 *block, size_t len);

/* ---- a node ------------------------------------------------------------------------------- */

struct fog_sphinx_job {
	/* in: packet of geometry size, owned by the caller; secret of this node, 32 bytes or what
	 * the KEM calls one. A job with result != 0 is passed over. */
	u8 *packet;
	const void *secret;
	/* out */
	int result;
	u8 replay[FOG_SPHINX_REPLAY_SIZE]; /* by fog_sphinx_tags() */
	struct fog_sphinx_commands commands;
};

/* Version check and replay tags (SHA-512/256 of the element), before any public-key work.
 * result = 0, or -EPROTO for an unknown version. count <= FOG_SPHINX_BATCH_MAX. */
void fog_sphinx_tags(const struct fog_sphinx_geometry *g, struct fog_sphinx_job *job,
		     unsigned count);

/* Unwraps in place those jobs whose result is 0 so far. result after it:
 *	0		has_next: the packet is ready for the next hop; else the payload is in
 *			place at packet + header + FOG_SPHINX_TAG_SIZE, or at packet + header
 *			with has_surb, still under the layers of fog_sphinx_surb_open()
 *	-EKEYREJECTED	element of low order
 *	-EBADMSG	header MAC
 *	-EPROTO		commands
 *	-EILSEQ		payload tag: somebody altered the payload
 * Keys are wiped. Best in calls of FOG_SPHINX_BATCH_MAX; costs in docs/PERFORMANCE.md. */
void fog_sphinx_unwrap_many(const struct fog_sphinx_geometry *g, struct fog_sphinx_job *job,
			    unsigned count);

/* ---- a client ----------------------------------------------------------------------------- */

struct fog_sphinx_hop {
	u8 id[FOG_SPHINX_ID_SIZE];
	const u8 *key;                       /* public; stays the caller's */
	struct fog_sphinx_commands commands; /* all but next */
};

/* A path with its header and the keys of its layers, from which a packet or a reply block is made.
 * Public-key work is nearly all of the cost of either, and goes in lanes over several of them. */
struct fog_sphinx_route {
	/* in; stays the caller's */
	const struct fog_sphinx_hop *path;
	unsigned hops;
	/* out: 0, -EINVAL (hops, or commands that do not fit) or -EKEYREJECTED (a public key of low
	 * order, or none of this KEM) */
	int result;
	u8 header[FOG_SPHINX_HEADER_MAX];
	u8 layer[FOG_SPHINX_HOPS_MAX][FOG_SPHINX_LAYER_SIZE]; /* secret; wiped by the use of it */
};

/* Takes, of each, hops (hops + 3) / 2 X25519 in the NIKE profile and `hops` sealings in the KEM
 * profile, of two X25519 each over that; FOG_SPHINX_ROUTES_MAX of them fill the lanes. */
void fog_sphinx_routes(const struct fog_sphinx_geometry *g, struct fog_rng *rng,
		       struct fog_sphinx_route *route, unsigned count);
/* The packet along a route of result 0, to be handed to path[0]. payload is of geometry size. */
void fog_sphinx_route_packet(const struct fog_sphinx_geometry *g, struct fog_sphinx_route *r,
			     const u8 *payload, u8 *packet);

/* What the maker of a SURB keeps; wipe after use. */
struct fog_sphinx_surb_keys {
	unsigned count;
	u8 layer[FOG_SPHINX_HOPS_MAX + 1][FOG_SPHINX_LAYER_SIZE];
};

/* A single-use reply block of g->surb bytes along a route of result 0: header | first hop's id |
 * AEZ key and nonce. The last hop's commands carry the SURB's number. */
void fog_sphinx_route_surb(const struct fog_sphinx_geometry *g, struct fog_rng *rng,
			   struct fog_sphinx_route *r, u8 *surb, struct fog_sphinx_surb_keys *keys);

/* The same with one route; the result of it. */
int fog_sphinx_wrap(const struct fog_sphinx_geometry *g, struct fog_rng *rng,
		    const struct fog_sphinx_hop *path, unsigned hops, const u8 *payload,
		    u8 *packet);
int fog_sphinx_surb_create(const struct fog_sphinx_geometry *g, struct fog_rng *rng,
			   const struct fog_sphinx_hop *path, unsigned hops, u8 *surb,
			   struct fog_sphinx_surb_keys *keys);
/* A reply of g->payload bytes; next gets the id of the hop to hand it to. */
void fog_sphinx_surb_use(const struct fog_sphinx_geometry *g, const u8 *surb, const u8 *payload,
			 u8 *packet, u8 next[FOG_SPHINX_ID_SIZE]);
/* Undoes the layers in place: payload at data + FOG_SPHINX_TAG_SIZE. len = tag and payload. 0, or
 * -EILSEQ when it was altered or is of another SURB. Wipes the keys. */
int fog_sphinx_surb_open(struct fog_sphinx_surb_keys *keys, u8 *data, size_t len);

#endif
