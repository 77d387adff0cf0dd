/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is whose neighbour, who guards a circuit, who sits in a committee, who mixes in which layer:
 * drawn by ECVRF (RFC 9381, edwards25519, ELL2) from the beacon of the epoch, so that nobody can
 * choose, nobody can foretell another's draw, and anybody can check one.
 *
 *	alpha = "fog draw 1" | 0 | kind u8 | epoch u64 | beacon 32 | SHA-256 of what is drawn from
 *	beta  = VRF(key of the host that draws, alpha);  its hash seeds ChaCha20
 *
 * CHOICES (neighbours, relays): one host draws others, weighted by reputation and stake, without
 * replacement: a host at a time, among those that the rules of diversity still allow:
 *
 *	one a network (/24, /48), two an AS, two an operator; when nobody is left, the rules are
 *	relaxed for that place, and the draw says how often
 *
 * Neighbours change slowly: at most a quarter of the former ones go in one epoch, so that an
 * attacker who appears with many hosts does not take over a neighbourhood at once.
 *
 * LOTS (committee, mix): a host draws for itself, and nothing but its key decides. It publishes the
 * proof; whoever checked it (lots.h) knows beta and
 *
 *	has the host in the committee when the first eight bytes of beta, as a fraction, are below
 *	size x weight / total weight, weights being those the reader believes in;
 *	puts the mixes in the order of their betas and cuts that into layers of one size.
 *
 * Integers only: the same on every machine. Pure. */
#ifndef FOG_DIRECTORY_DRAW_H
#define FOG_DIRECTORY_DRAW_H

#include "crypto/sign/sign.h"
#include "crypto/types.h"
#include "crypto/vrf/vrf.h"

#define FOG_EPOCH_MS            300000ull
#define FOG_DRAW_CANDIDATES_MAX 4096
#define FOG_DRAW_CHOSEN_MAX     16
#define FOG_DRAW_DEGREE         8 /* wanted, of neighbours; never above FOG_DRAW_CHOSEN_MAX .. */
#define FOG_DRAW_DEGREE_MIN     4 /* .. and below this the draw says so */
#define FOG_DRAW_REPLACE_PART   4 /* a quarter of the former neighbours may go */
#define FOG_DRAW_NET_MAX        1
#define FOG_DRAW_AS_MAX         2
#define FOG_DRAW_OPERATOR_MAX   2
#define FOG_DRAW_LAYERS         3
#define FOG_DRAW_WEIGHT_MIN     50000u   /* a newcomer is drawn sometimes .. */
#define FOG_DRAW_WEIGHT_MAX     2000000u /* .. and a star with stake not always */

enum fog_beacon_source {
	FOG_BEACON_DERIVED = 1, /* from the number of the epoch alone: known to all in advance */
	FOG_BEACON_QUORUM,      /* agreed by the quorum: nobody knew it before */
};

struct fog_beacon {
	u64 epoch;
	u8 value[32];
	enum fog_beacon_source source;
};

u64 fog_epoch_of(u64 now_ms); /* Unix; never 0 */
/* The beacon while no quorum provides one: SHA-256 of "fog beacon 1", a zero byte and the epoch. It
 * keeps hosts from choosing (their key is fixed before), but it can be foretold. */
void fog_beacon_derive(u64 epoch, struct fog_beacon *out);
/* The quorum's: SHA-256 of "fog beacon 2", a zero byte, the epoch and the randomness of the first
 * block whose time lies in it. */
void fog_beacon_agree(u64 epoch, const u8 randomness[32], struct fog_beacon *out);

enum fog_draw_kind {
	FOG_DRAW_NEIGHBOURS = 1,
	FOG_DRAW_RELAYS,
	FOG_DRAW_COMMITTEE,
	FOG_DRAW_MIX,
	FOG_DRAW_KIND_COUNT
};
const char *fog_draw_kind_name(enum fog_draw_kind kind);
enum fog_draw_kind fog_draw_kind_parse(const char *name); /* 0: no such one */

struct fog_draw_candidate {
	u8 node_id[32];
	u8 net[16];     /* fog_place_net() */
	u8 operator[8]; /* first bytes of SHA-256 of its name; zero = not named */
	u32 as;         /* 0 = unknown */
	u32 weight;     /* FOG_DRAW_WEIGHT_MIN .. FOG_DRAW_WEIGHT_MAX */
	bool bad;       /* worse than a newcomer; for fog_eclipse_look() alone */
};

/* reputation_ppm: lower credible bound; stake: mfog that back the host. Each doubling of the stake
 * above a fog adds a tenth, up to twice. */
u32 fog_draw_weight(u32 reputation_ppm, u64 stake);

/* A choice. Candidates are sorted by node id, all different, never the host itself. */
struct fog_choice {
	enum fog_draw_kind kind; /* NEIGHBOURS or RELAYS */
	struct fog_beacon beacon;
	u8 node_id[32]; /* who draws */
	u32 wanted;     /* 1 .. FOG_DRAW_CHOSEN_MAX */
	const struct fog_draw_candidate *candidates;
	u32 candidate_count;
	u32 former_count; /* NEIGHBOURS: of the last epoch; else 0 */
	u8 former[FOG_DRAW_CHOSEN_MAX][32];
	/* made by the draw */
	u8 proof[FOG_VRF_PROOF_SIZE];
	u32 chosen_count;
	u8 chosen[FOG_DRAW_CHOSEN_MAX][32];
	u32 relaxed; /* places filled against the rules of diversity, for want of others */
};

/* Draws. 0, or -EINVAL: no such kind, nothing wanted, or candidates out of order. About 200 us and
 * 1 us a candidate and place. */
int fog_choice_draw(struct fog_choice *c, const u8 sk[FOG_SIGN_SECRET_SIZE]);
/* Checks everything "made by the draw" against the rest. 0; -EINVAL as above; -EBADMSG: the proof
 * is false; -EPROTO: the proof is good but another choice follows from it. */
int fog_choice_verify(const struct fog_choice *c);

struct fog_lot {
	enum fog_draw_kind kind; /* COMMITTEE or MIX */
	struct fog_beacon beacon;
	u8 node_id[32];
	u8 proof[FOG_VRF_BATCH_PROOF_SIZE]; /* made by the draw; many are checked at once */
};
/* 0, or -EINVAL: no such kind, or no beacon. About 200 us. */
int fog_lot_draw(struct fog_lot *l, const u8 sk[FOG_SIGN_SECRET_SIZE]);

/* Checks `count` lots: result[i] = 0, -EINVAL as above, or -EBADMSG: the proof is false. beta[i] is
 * zeroed unless 0. Needs 1 to FOG_LOTS_CHECK_MAX lots; allocates the batch's memory and says
 * -ENOMEM for all without it. */
#define FOG_LOTS_CHECK_MAX 64
void fog_lots_verify(const struct fog_lot *lots, u32 count, u8 (*beta)[FOG_VRF_OUTPUT_SIZE],
		     int *result);

/* weight <= total, total > 0. */
bool fog_lot_selects(const u8 beta[FOG_VRF_OUTPUT_SIZE], u32 size, u32 weight, u64 total);
/* The layer of the mix that is at `rank` of `count` in the order of betas: every layer has as many
 * as another, or one more, and a mix more or less moves only those at the borders. */
u32 fog_mix_layer(u32 rank, u32 count);

/* ---- eclipse -------------------------------------------------------------------------------- */

#define FOG_ECLIPSE_GROUP_PPM 800000u /* of the neighbours are one network, AS or operator */
#define FOG_ECLIPSE_LOW_PPM   600000u /* of the neighbours are worse than newcomers */
#define FOG_ECLIPSE_MIN       4       /* fewer neighbours are a lab */

struct fog_eclipse {
	u32 neighbours;
	u32 net_ppm, as_ppm, operator_ppm; /* share of the largest */
	u32 low_ppm;                       /* share that is bad */
	u32 nets;                          /* different ones */
	bool suspected;
};
/* count <= FOG_DRAW_CANDIDATES_MAX. O(count^2) up to 64 neighbours, of more the first 64. */
void fog_eclipse_look(const struct fog_draw_candidate *neighbours, u32 count,
		      struct fog_eclipse *out);

#endif
