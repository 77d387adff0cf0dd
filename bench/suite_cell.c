/* SPDX-License-Identifier: BSD-3-Clause */
/* The onion layer at a relay, by the number of live circuits: cells of circuits drawn in random
 * order, 32 to a batch, each under keys of its own; the cells themselves stay in the cache, as they
 * do between the stages of a worker.
 *
 *	cell.cgo_relay.*	exact CGO, 509 bytes; beside C-tor's own bench
 *	  .of_floor		the same beside bare AES-CTR and POLYVAL passes over it
 *	  .of_openssl		the same beside OpenSSL's AES-128-CTR alone
 *	cell.uiv_body.*		our body of 1392 bytes, in ns a byte; beside CGO's
 *	cell.encrypt*		our body by CPU path */
#include "bench/bench.h"

#include <openssl/evp.h>
#include <sys/mman.h>

#include "bench/floor.h"
#include "bench/tor_peer.h"
#include "crypto/cell/cell.h"
#include "crypto/cell/cgo.h"
#include "crypto/cpu.h"
#include "crypto/random/random.h"

#define BATCH       32
#define RING        64 /* bodies in use at a time: those of a worker's batch */
#define BODY_ROOM   1408
#define CGO_ROOM    512
#define CTR_SIZE    (FOG_CGO_BODY_SIZE - FOG_CGO_TAG_SIZE)
#define HASH_SIZE   512 /* tweak and right part: 32 blocks */
#define TOR_SAMPLES 3

struct circuits {
	u32 count;
	u32 at; /* next place in order */
	u32 ring;
	u32 *order;
	struct fog_cgo *cgo;
	struct fog_cell_key *uiv;
	u64 sequence;
	EVP_CIPHER_CTX *ctr;
};

static _Alignas(64) u8 bodies[RING][BODY_ROOM];

static void *big_alloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, size, MADV_HUGEPAGE);
	return p;
}

static bool circuits_init(struct circuits *c, u32 count)
{
	struct fog_rng rng;
	u8 keys[FOG_CGO_KEYS_SIZE];

	*c = (struct circuits){
		.count = count,
		.order = big_alloc(count * sizeof(*c->order)),
		.cgo = big_alloc(count * sizeof(*c->cgo)),
		.uiv = big_alloc(count * sizeof(*c->uiv)),
		.ctr = EVP_CIPHER_CTX_new(),
	};
	if (c->order == NULL || c->cgo == NULL || c->uiv == NULL || c->ctr == NULL)
		return false;
	fog_rng_init_u64(&rng, 1);
	for (u32 i = 0; i < count; i++) {
		fog_rng_bytes(&rng, keys, sizeof(keys));
		fog_cgo_init(&c->cgo[i], keys);
		fog_cell_key_init(&c->uiv[i], keys);
		u32 other = (u32)fog_rng_below(&rng, i + 1);
		c->order[i] = c->order[other];
		c->order[other] = i;
	}
	return EVP_EncryptInit_ex(c->ctr, EVP_aes_128_ctr(), NULL, keys, keys + 16) == 1;
}

static void circuits_free(struct circuits *c)
{
	munmap(c->order, c->count * sizeof(*c->order));
	munmap(c->cgo, c->count * sizeof(*c->cgo));
	munmap(c->uiv, c->count * sizeof(*c->uiv));
	EVP_CIPHER_CTX_free(c->ctr);
}

static inline u32 next(struct circuits *c)
{
	u32 i = c->order[c->at];

	c->at = c->at + 1 == c->count ? 0 : c->at + 1;
	return i;
}

static inline u8 *body_next(struct circuits *c)
{
	return bodies[c->ring++ % RING];
}

/* Bodies of CGO lie closer. */
static inline u8 *cgo_body_next(struct circuits *c)
{
	return bodies[0] + (size_t)(c->ring++ % RING) * CGO_ROOM;
}

static void cgo_step(void *arg, u64 rounds)
{
	struct circuits *c = arg;
	struct fog_cgo_job jobs[BATCH];

	while (rounds-- != 0) {
		for (unsigned i = 0; i < BATCH; i++)
			jobs[i] = (struct fog_cgo_job){
				.cgo = &c->cgo[next(c)], .body = cgo_body_next(c), .command = 3};
		fog_cgo_relay_many(jobs, BATCH);
	}
}

static void floor_step(void *arg, u64 rounds)
{
	struct circuits *c = arg;
	struct floor_job jobs[BATCH];

	while (rounds-- != 0) {
		for (unsigned i = 0; i < BATCH; i++)
			jobs[i] = (struct floor_job){.key = &c->cgo[next(c)].key,
						     .data = cgo_body_next(c)};
		floor_ctr(jobs, BATCH, CTR_SIZE);
		floor_polyval(jobs, BATCH, HASH_SIZE);
	}
}

static void openssl_step(void *arg, u64 rounds)
{
	struct circuits *c = arg;
	int len;

	while (rounds-- != 0)
		for (unsigned i = 0; i < BATCH; i++) {
			u8 *body = cgo_body_next(c);
			EVP_EncryptUpdate(c->ctr, body, &len, body, CTR_SIZE);
		}
}

static void uiv_step(void *arg, u64 rounds)
{
	struct circuits *c = arg;
	struct fog_cell_job jobs[BATCH];

	while (rounds-- != 0) {
		for (unsigned i = 0; i < BATCH; i++) {
			const struct fog_cell_key *key = &c->uiv[next(c)];
			u8 *body = body_next(c);
			jobs[i] = (struct fog_cell_job){.key = key,
							.in = body,
							.out = body,
							.sequence = c->sequence++,
							.direction = FOG_CELL_FORWARD,
							.command = 5};
		}
		fog_cell_encrypt_many(jobs, BATCH);
	}
}

/* Ours timed as by bench_run(), C-tor's by its own program before and after. */
static void beside_tor(struct bench *b, struct bench_case *c)
{
	double tor[TOR_SAMPLES] = {-1};

	if (!bench_wanted(b, c->name))
		return;
	for (unsigned i = 0; i < TOR_SAMPLES; i++)
		tor[i] = tor_cgo_measure();
	if (tor[0] < 0 || tor[1] < 0 || tor[2] < 0) {
		c->peer = "C-tor 0.4.9.11, recorded (make tor-bench measures it here)";
		c->peer_recorded = true;
		bench_run_alone(b, c, TOR_CGO_RECORDED);
	} else {
		double low = FOG_MIN(tor[0], FOG_MIN(tor[1], tor[2]));
		double high = FOG_MAX(tor[0], FOG_MAX(tor[1], tor[2]));
		c->peer = "C-tor's own bench, cell_ops_cgo, same run";
		bench_run_alone(b, c, tor[0] + tor[1] + tor[2] - low - high);
	}
	c->peer_recorded = false;
}

static void by_circuits(struct bench *b, u32 count, const char *label)
{
	struct circuits circuits;
	char name[64];
	struct bench_case c = {.name = name,
			       .unit = "ns/cell",
			       .ours = cgo_step,
			       .ours_arg = &circuits,
			       .ours_divisor = BATCH,
			       .theirs_arg = &circuits,
			       .theirs_divisor = BATCH};

	snprintf(name, sizeof(name),
		 "cell.cgo_relay.circuits_%s.of_floor cell.uiv_body.circuits_%s", label, label);
	if (b->only != NULL && !bench_wanted(b, name) && strstr(name, b->only) == NULL)
		return; /* the tables are large */
	if (!circuits_init(&circuits, count)) {
		fprintf(stderr, "fog-bench: no memory for %u circuits\n", count);
		return;
	}
	snprintf(name, sizeof(name), "cell.cgo_relay.circuits_%s", label);
	beside_tor(b, &c);
	snprintf(name, sizeof(name), "cell.cgo_relay.circuits_%s.of_floor", label);
	c.peer = "limit: bare AES-128-CTR and POLYVAL passes, same circuits";
	c.theirs = floor_step;
	bench_run(b, &c);
	snprintf(name, sizeof(name), "cell.cgo_relay.circuits_%s.of_openssl", label);
	c.peer = "OpenSSL AES-128-CTR alone, one key, same bytes";
	c.theirs = openssl_step;
	bench_run(b, &c);
	snprintf(name, sizeof(name), "cell.uiv_body.circuits_%s", label);
	c.unit = "ns/byte";
	c.peer = "our CGO relay step, a byte";
	c.ours = uiv_step;
	c.ours_divisor = BATCH * FOG_ONION_BODY_SIZE;
	c.theirs = cgo_step;
	c.theirs_divisor = BATCH * FOG_CGO_BODY_SIZE;
	bench_run(b, &c);
	circuits_free(&circuits);
}

struct layer {
	struct fog_cell_key keys[BATCH];
	struct fog_cell_job jobs[BATCH];
	EVP_CIPHER_CTX *ctr;
};

static void layer_encrypt(void *arg, u64 rounds)
{
	struct layer *l = arg;

	while (rounds-- != 0)
		fog_cell_encrypt_many(l->jobs, BATCH);
}

static void layer_encrypt_one(void *arg, u64 rounds)
{
	struct layer *l = arg;

	for (u64 i = 0; i < rounds; i++)
		fog_cell_encrypt_many(&l->jobs[i % BATCH], 1);
}

static void layer_openssl(void *arg, u64 rounds)
{
	struct layer *l = arg;
	int len;

	while (rounds-- != 0)
		for (unsigned i = 0; i < BATCH; i++)
			EVP_EncryptUpdate(l->ctr, bodies[i], &len, bodies[i], FOG_ONION_BODY_SIZE);
}

static void by_path(struct bench *b)
{
	static struct layer layer;
	u8 seed[FOG_CELL_SEED_SIZE];
	char name[64];
	const char *chosen = fog_crypto_cpu();
	struct bench_case c = {.name = name,
			       .unit = "ns/cell",
			       .peer = "limit: one AES-128-CTR pass, OpenSSL, same bytes",
			       .theirs = layer_openssl,
			       .ours_arg = &layer,
			       .theirs_arg = &layer,
			       .theirs_divisor = BATCH};

	for (unsigned i = 0; i < BATCH; i++) {
		fog_random_bytes(seed, sizeof(seed));
		fog_cell_key_init(&layer.keys[i], seed);
		layer.jobs[i] = (struct fog_cell_job){.key = &layer.keys[i],
						      .in = bodies[i],
						      .out = bodies[i],
						      .sequence = i + 1,
						      .direction = FOG_CELL_FORWARD,
						      .command = 5};
	}
	layer.ctr = EVP_CIPHER_CTX_new();
	if (layer.ctr == NULL ||
	    EVP_EncryptInit_ex(layer.ctr, EVP_aes_128_ctr(), NULL, seed, seed + 16) != 1) {
		fprintf(stderr, "fog-bench: OpenSSL has no AES-128-CTR\n");
		return;
	}
	for (unsigned i = 0; fog_crypto_path(i) != NULL; i++) {
		if (fog_crypto_select(fog_crypto_path(i)) != 0)
			continue;
		snprintf(name, sizeof(name), "cell.encrypt32.%s", fog_crypto_path(i));
		c.ours = layer_encrypt;
		c.ours_divisor = BATCH;
		bench_run(b, &c);
		snprintf(name, sizeof(name), "cell.encrypt1.%s", fog_crypto_path(i));
		c.ours = layer_encrypt_one;
		c.ours_divisor = 1;
		bench_run(b, &c);
	}
	fog_crypto_select(chosen);
	EVP_CIPHER_CTX_free(layer.ctr);
}

void bench_suite_cell(struct bench *b)
{
	by_circuits(b, 1, "1");
	by_circuits(b, 1000, "1k");
	by_circuits(b, 20000, "20k");
	by_circuits(b, 100000, "100k");
	by_circuits(b, 1000000, "1m");
	by_path(b);
}
