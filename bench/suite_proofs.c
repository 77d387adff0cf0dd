/* SPDX-License-Identifier: BSD-3-Clause */
/* Proofs as the fog takes them: signatures in batches and for known keys, VRF and range proofs, and
 * what the verify rings leave of the bare rate. Peers that are not to be had here are recorded:
 * what they did on a machine of the same class (AMD Zen 4, 3.67 GHz). */
#include "bench/bench.h"

#include <sodium.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "crypto/check/check.h"
#include "crypto/random/random.h"
#include "crypto/sign/known.h"
#include "crypto/vrf/vrf.h"
#include "crypto/zk/range.h"
#include "dataplane/abi/feed.h"
#include "dataplane/ctl/verify.h"

#define SIGNATURES 1024
#define KNOWN      8
#define MESSAGE    128
#define PROOFS     64
#define RING_ITEMS 20000
#define RING_EDGE  2500 /* the rings hold fewer */
/* The feeder shares the verify thread's CPU: its wake-ups, not the ring, would be measured. Full
 * rings are worth eight naps. */
#define RING_NAP_US 1000

/* Recorded, ns. */
#define PEER_ECVRF        361000.0  /* ECVRF-TAI on the public interface of libsodium 1.0.18 */
#define PEER_RANGE_VERIFY 547000.0  /* dalek bulletproofs 5.0, curve25519-dalek 4.2 with IFMA */
#define PEER_RANGE_BATCH  309000.0  /* tari bulletproofs-plus 0.4.1, per proof */
#define PEER_RANGE_PROVE  3670000.0 /* dalek, as above */

struct proofs {
	u8 pk[SIGNATURES][32], sk[64], sig[SIGNATURES][64], msg[SIGNATURES][MESSAGE];
	struct fog_sign_item item[SIGNATURES], known_item[KNOWN];
	u8 known_pk[KNOWN][32], known_sig[KNOWN][64];
	int result[SIGNATURES];
	void *memory, *vrf_memory;
	struct fog_sign_known *known;
	unsigned count;

	u8 vrf_plain[FOG_VRF_PROOF_SIZE], vrf_batch[PROOFS][FOG_VRF_BATCH_PROOF_SIZE];
	struct fog_vrf_item vrf_item[PROOFS];

	struct fog_range_gens gens;
	struct fog_range_prover prover;
	struct fog_range_batch range;
	u64 value;
	struct fog_scalar blinding;
	u8 commitment[PROOFS][1][32], proof[PROOFS][FOG_RANGE_PROOF_MAX], random[32];
	size_t proof_len;
};

static void batch_verify(void *arg, u64 rounds)
{
	struct proofs *p = arg;

	while (rounds-- != 0) {
		fog_sign_verify_in(p->memory, p->count, p->item, p->count, p->result);
		FOG_ASSERT(p->result[0] == 0 && p->result[p->count - 1] == 0);
	}
}

static void known_verify(void *arg, u64 rounds)
{
	struct proofs *p = arg;

	while (rounds-- != 0) {
		fog_sign_known_verify(p->known, p->known_item, KNOWN, p->result);
		FOG_ASSERT(p->result[0] == 0 && p->result[KNOWN - 1] == 0);
	}
}

static void peer_verify(void *arg, u64 rounds)
{
	struct proofs *p = arg;

	while (rounds-- != 0)
		FOG_ASSERT(crypto_sign_verify_detached(p->sig[0], p->msg[0], MESSAGE, p->pk[0]) ==
			   0);
}

static void vrf_verify(void *arg, u64 rounds)
{
	struct proofs *p = arg;
	u8 beta[FOG_VRF_OUTPUT_SIZE];

	while (rounds-- != 0)
		FOG_ASSERT(fog_vrf_verify(FOG_VRF_TAI, p->pk[0], p->msg[0], 32, p->vrf_plain,
					  beta) == 0);
}

static void vrf_batch(void *arg, u64 rounds)
{
	struct proofs *p = arg;

	while (rounds-- != 0) {
		fog_vrf_verify_in(p->vrf_memory, PROOFS, p->vrf_item, PROOFS, p->result);
		FOG_ASSERT(p->result[0] == 0 && p->result[PROOFS - 1] == 0);
	}
}

static void range_prove_at(struct proofs *p, unsigned i)
{
	const struct fog_range_witness w = {&p->value, &p->blinding, 1, 64};
	struct fog_merlin t;

	fog_check_transcript(&t, FOG_CHECK_RANGE, "bench", 5);
	FOG_ASSERT(fog_range_prove(&p->prover, &p->gens, &t, &w, p->random, p->commitment[i],
				   p->proof[i], sizeof(p->proof[i]), &p->proof_len) == 0);
}

static void range_prove(void *arg, u64 rounds)
{
	while (rounds-- != 0)
		range_prove_at(arg, 0);
}

static void range_verify(void *arg, u64 rounds)
{
	struct proofs *p = arg;
	struct fog_merlin t;

	while (rounds-- != 0) {
		fog_range_batch_init(&p->range, &p->gens, p->random);
		for (unsigned i = 0; i < p->count; i++) {
			fog_check_transcript(&t, FOG_CHECK_RANGE, "bench", 5);
			FOG_ASSERT(fog_range_batch_add(&p->range, &t, p->proof[i], p->proof_len,
						       (const u8(*)[32])p->commitment[i], 64,
						       1) == 0);
		}
		FOG_ASSERT(fog_range_batch_verify(&p->range) == 0);
	}
}

static void *memory_take(size_t size)
{
	void *memory = aligned_alloc(64, (size + 63) & ~(size_t)63);

	FOG_ASSERT(memory != NULL);
	memset(memory, 0, size);
	return memory;
}

static void signatures_setup(struct proofs *p)
{
	u8 seed[32], sk[64];

	fog_random_bytes(p->msg, sizeof(p->msg));
	p->memory = memory_take(fog_sign_memory_size(SIGNATURES));
	p->known = fog_sign_known_init(memory_take(fog_sign_known_size(KNOWN)), KNOWN);
	for (unsigned i = 0; i < SIGNATURES; i++) {
		fog_random_bytes(seed, sizeof(seed));
		fog_sign_keypair(p->pk[i], sk, seed);
		fog_sign(p->sig[i], p->msg[i], MESSAGE, sk);
		p->item[i] = (struct fog_sign_item){p->sig[i], p->pk[i], p->msg[i], MESSAGE};
		if (i == 0)
			memcpy(p->sk, sk, sizeof(sk));
		if (i >= KNOWN)
			continue;
		p->known_item[i] = p->item[i];
		FOG_ASSERT(fog_sign_known_add(p->known, p->pk[i]) == 0);
	}
}

static void proofs_setup(struct proofs *p)
{
	signatures_setup(p);
	p->vrf_memory = memory_take(fog_vrf_memory_size(PROOFS));
	FOG_ASSERT(fog_vrf_prove(FOG_VRF_TAI, p->sk, p->msg[0], 32, p->vrf_plain) == 0);
	for (unsigned i = 0; i < PROOFS; i++) {
		FOG_ASSERT(fog_vrf_prove_batch(FOG_VRF_TAI, p->sk, p->msg[i], 32,
					       p->vrf_batch[i]) == 0);
		p->vrf_item[i] = (struct fog_vrf_item){.suite = FOG_VRF_TAI,
						       .pk = p->pk[0],
						       .alpha = p->msg[i],
						       .len = 32,
						       .proof = p->vrf_batch[i]};
	}
	fog_range_gens_init(&p->gens);
	for (unsigned i = 0; i < PROOFS; i++) {
		fog_random_bytes(&p->value, sizeof(p->value));
		fog_random_bytes(p->random, sizeof(p->random));
		fog_scalar_from_u64(&p->blinding, p->value ^ i);
		range_prove_at(p, i);
	}
}

static u64 clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

/* Time of this thread alone for one operation: others on the machine do not count. */
static double cpu_sample(bench_fn fn, void *arg, double seconds)
{
	u64 begin = clock_ns(CLOCK_THREAD_CPUTIME_ID), rounds = 0, now = begin;

	for (; (double)(now - begin) < seconds * 1e9; now = clock_ns(CLOCK_THREAD_CPUTIME_ID)) {
		fn(arg, 1);
		rounds++;
	}
	return (double)(now - begin) / (double)rounds;
}

/* As bench_run(), or with a recorded peer, in processor time. */
static void cpu_run(struct bench *b, const struct bench_case *c, double recorded)
{
	double ours[BENCH_SAMPLES_MAX], theirs[BENCH_SAMPLES_MAX];
	unsigned samples = FOG_MIN(b->samples, (unsigned)BENCH_SAMPLES_MAX);

	if (!bench_wanted(b, c->name))
		return;
	(void)cpu_sample(c->ours, c->ours_arg, b->seconds);
	for (unsigned i = 0; i < samples; i++) {
		ours[i] = cpu_sample(c->ours, c->ours_arg, b->seconds) / c->ours_divisor;
		theirs[i] = c->peer_recorded ? recorded
					     : cpu_sample(c->theirs, c->theirs_arg, b->seconds);
	}
	bench_record(b, c, ours, samples, bench_median(theirs, samples));
}

/* ---- the verify ring ------------------------------------------------------------------------ */

struct ring {
	struct fog_data_region *data;
	struct fog_control_region *control;
	struct fog_verify *verify;
	struct fog_feed feed[FOG_VERIFY_CLASSES];
	struct fog_ring verdicts;
	u8 payload[SIGNATURES][96 + MESSAGE];
};

static void *pages(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	FOG_ASSERT(memory != MAP_FAILED);
	return memory;
}

static void ring_open(struct ring *r, const struct proofs *p)
{
	r->data = pages(sizeof(*r->data));
	r->control = pages(sizeof(*r->control));
	FOG_ASSERT(fog_verify_start(&r->verify, r->data, 1, NULL, -1) == 0);
	fog_verify_attach(r->verify, r->control);
	for (unsigned c = 0; c < FOG_VERIFY_CLASSES; c++)
		fog_feed_producer(&r->feed[c], &r->control->verify_head[0][c],
				  &r->data->verify_tail[0][c], &r->control->verify[0][c]);
	fog_ring_consumer(&r->verdicts, &r->data->verdict_head[0], &r->control->verdict_tail[0],
			  r->data->verdicts[0], FOG_VERDICT_RING_COUNT,
			  sizeof(struct fog_verify_verdict));
	for (unsigned i = 0; i < SIGNATURES; i++)
		FOG_ASSERT(fog_check_put_ed25519(r->payload[i], sizeof(r->payload[i]), p->pk[i],
						 p->sig[i], p->msg[i], MESSAGE) > 0);
}

static void ring_close(struct ring *r)
{
	fog_verify_stop(r->verify);
	munmap(r->data, sizeof(*r->data));
	munmap(r->control, sizeof(*r->control));
}

/* What all other threads of the process, that is the verify thread, have used. */
static u64 others_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) - clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Fills the rings up to `total` submissions; returns how many there are now. */
static u64 ring_feed(struct ring *r, u64 sent, u64 total)
{
	u64 one = 1;

	while (sent < total) {
		struct fog_feed *f = &r->feed[sent % FOG_VERIFY_CLASSES];
		const struct fog_verify_submit s = {.tag = sent, .kind = FOG_CHECK_ED25519};

		if (fog_feed_push(f, s, r->payload[sent % SIGNATURES], sizeof(r->payload[0])) != 0)
			break;
		sent++;
		if (fog_ring_wants_wake(&f->ring))
			FOG_ASSERT(write(fog_verify_wake_fd(r->verify, 0), &one, 8) == 8);
	}
	return sent;
}

/* The time of the verify thread alone, per signature, between two moments at which the rings are
 * full: its first and last batches, which are smaller, are not full load. */
static double ring_sample(struct ring *r)
{
	const u64 first = RING_EDGE, last = RING_EDGE + RING_ITEMS, total = last + RING_EDGE;
	u64 sent = 0, got = 0, begin = 0, end = 0, begin_at = 0, end_at = 0;

	while (got < total) {
		struct fog_verify_verdict v;
		u64 moved = sent + got;

		sent = ring_feed(r, sent, total);
		while (fog_ring_pop(&r->verdicts, &v) == 0) {
			FOG_ASSERT(v.result == 0);
			got++;
		}
		if (begin_at == 0 && got >= first) {
			begin = others_ns();
			begin_at = got;
		}
		if (end_at == 0 && got >= last) {
			end = others_ns();
			end_at = got;
		}
		if (sent + got == moved) /* rings full, nothing answered: out of the way */
			usleep(RING_NAP_US);
	}
	return (double)(end - begin) / (double)(end_at - begin_at);
}

static double bare_sample(struct proofs *p)
{
	u64 begin = clock_ns(CLOCK_THREAD_CPUTIME_ID), done = 0;

	for (unsigned at = 0; done < RING_ITEMS; done += FOG_VERIFY_BATCH_MAX) {
		fog_sign_verify_in(p->memory, FOG_VERIFY_BATCH_MAX, p->item + at,
				   FOG_VERIFY_BATCH_MAX, p->result);
		FOG_ASSERT(p->result[0] == 0);
		at = (at + FOG_VERIFY_BATCH_MAX) % SIGNATURES;
	}
	return (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / (double)done;
}

static void ring_suite(struct bench *b, struct proofs *p)
{
	const struct bench_case c = {
		.name = "proofs.verify_ring.of_bare",
		.unit = "ns/signature",
		.peer = "the same batches of 256 without the ring",
	};
	double ours[BENCH_SAMPLES_MAX], bare[BENCH_SAMPLES_MAX];
	unsigned samples = FOG_MIN(b->samples, (unsigned)BENCH_SAMPLES_MAX);
	static struct ring r;

	if (!bench_wanted(b, c.name))
		return;
	ring_open(&r, p);
	(void)ring_sample(&r);
	for (unsigned i = 0; i < samples; i++) {
		bare[i] = bare_sample(p);
		ours[i] = ring_sample(&r);
	}
	ring_close(&r);
	bench_record(b, &c, ours, samples, bench_median(bare, samples));
}

static void signatures_suite(struct bench *b, struct proofs *p)
{
	static const char sodium[] = "libsodium, one by one";
	struct bench_case c = {.unit = "ns/signature",
			       .peer = sodium,
			       .ours = batch_verify,
			       .theirs = peer_verify,
			       .ours_arg = p,
			       .theirs_arg = p};

	p->count = 64;
	c.name = "proofs.ed25519_batch64";
	c.ours_divisor = 64;
	cpu_run(b, &c, 0);
	p->count = 1024;
	c.name = "proofs.ed25519_batch1024";
	c.ours_divisor = 1024;
	cpu_run(b, &c, 0);
	c.name = "proofs.ed25519_known_keys8";
	c.ours = known_verify;
	c.ours_divisor = KNOWN;
	cpu_run(b, &c, 0);
}

/* A second of preparation is for those who want it. */
static bool any_wanted(const struct bench *b)
{
	static const char *const names[] = {
		"proofs.ed25519_batch64", "proofs.ed25519_batch1024", "proofs.ed25519_known_keys8",
		"proofs.ecvrf_verify",    "proofs.ecvrf_batch64",     "proofs.range64_verify",
		"proofs.range64_batch64", "proofs.range64_prove",     "proofs.verify_ring.of_bare",
	};
	bool wanted = false;

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(names); i++)
		wanted |= bench_wanted(b, names[i]);
	return wanted;
}

void bench_suite_proofs(struct bench *b)
{
	struct proofs *p;
	struct bench_case c = {.peer_recorded = true};

	if (!any_wanted(b))
		return;
	p = memory_take(sizeof(*p));
	proofs_setup(p);
	signatures_suite(b, p);
	c.ours_arg = p;
	c.unit = "ns/proof";
	c.ours_divisor = 1;
	c.name = "proofs.ecvrf_verify";
	c.peer = "recorded: ECVRF-TAI on the public interface of libsodium";
	c.ours = vrf_verify;
	cpu_run(b, &c, PEER_ECVRF);
	c.name = "proofs.ecvrf_batch64";
	c.ours = vrf_batch;
	c.ours_divisor = PROOFS;
	cpu_run(b, &c, PEER_ECVRF);
	c.name = "proofs.range64_verify";
	c.peer = "recorded: dalek bulletproofs with IFMA";
	c.ours = range_verify;
	c.ours_divisor = 1;
	p->count = 1;
	cpu_run(b, &c, PEER_RANGE_VERIFY);
	c.name = "proofs.range64_batch64";
	c.peer = "recorded: tari bulletproofs-plus with IFMA, batches";
	c.ours_divisor = PROOFS;
	p->count = PROOFS;
	cpu_run(b, &c, PEER_RANGE_BATCH);
	c.name = "proofs.range64_prove";
	c.peer = "recorded: dalek bulletproofs with IFMA";
	c.ours = range_prove;
	c.ours_divisor = 1;
	cpu_run(b, &c, PEER_RANGE_PROVE);
	ring_suite(b, p);
	free(p->known);
	free(p->memory);
	free(p->vrf_memory);
	free(p);
}
