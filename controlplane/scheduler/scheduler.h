/* SPDX-License-Identifier: BSD-3-Clause */
/* Placement of one job: filter the hosts, score what is left, take the best, and say why.
 *
 *	hosts --filter--> feasible --score--> chosen
 *	        `-> counted by the first reason in the order of enum fog_placement_reason
 *
 * The score is a weighted sum of terms in [0,1], lower is better:
 *	cost        price of the job there / highest price among the feasible
 *	latency     ms / (ms + 100); unknown counts as FOG_PLACEMENT_LATENCY_UNKNOWN_MS
 *	reputation  1 - lower credible bound
 *	load        share of CPU or memory, the larger, that would be committed with the job
 *	spread      jobs of ours there and of the group around, n / (n + 1)
 *	waste       1 on a host with accelerators when the job needs none
 *	jitter      a hash of (seed, host): equal hosts share the work, one seed repeats exactly
 *
 * Pure: no clock, no file, no allocation. Any thread. One pass over the hosts to filter and one to
 * score. */
#ifndef FOG_SCHEDULER_H
#define FOG_SCHEDULER_H

#include "controlplane/scheduler/keep.h"
#include "controlplane/scheduler/tariff.h"
#include "crypto/types.h"

#define FOG_PLACEMENT_HOSTS_MAX          16384 /* hosts of one call */
#define FOG_PLACEMENT_EXCLUDE_MAX        64    /* hosts a job may exclude, retries included */
#define FOG_PLACEMENT_ATTRIBUTES_MAX     8     /* equalities of one job */
#define FOG_PLACEMENT_NAME_SIZE          64
#define FOG_PLACEMENT_VALUE_SIZE         64
#define FOG_PLACEMENT_GPU_SIZE           32
#define FOG_PLACEMENT_EXPLAIN_SIZE       512
#define FOG_PLACEMENT_LATENCY_UNKNOWN_MS 200
#define FOG_PLACEMENT_WALL_MS_MAX        (30ull * 24 * 3600 * 1000)
#define FOG_PLACEMENT_PRICE_MAX          1000000000000ull /* mfog an hour; sums fit 128 bits */

#define FOG_NODE_ID_SIZE 32

enum fog_placement_role {
	FOG_PLACEMENT_ROLE_WORKER = 1 << 0,
};

/* Keys an equality may name; "as" compares the decimal number. */
enum fog_placement_key {
	FOG_PLACEMENT_KEY_INVALID = 0,
	FOG_PLACEMENT_KEY_OPERATOR,
	FOG_PLACEMENT_KEY_COUNTRY,
	FOG_PLACEMENT_KEY_REGION,
	FOG_PLACEMENT_KEY_AS,
	FOG_PLACEMENT_KEY_POWER_REGION,
	FOG_PLACEMENT_KEY_TEE_VENDOR,
	FOG_PLACEMENT_KEY_COUNT
};

/* What rules about a job's group of jobs say of a host. */
enum fog_placement_mark {
	FOG_PLACEMENT_MARK_NONE = 0,
	FOG_PLACEMENT_MARK_APART, /* one it must be apart from is there */
	FOG_PLACEMENT_MARK_AWAY,  /* those it must be with are elsewhere */
	FOG_PLACEMENT_MARK_TAKEN, /* APART, for as long as one gang is being placed */
};

/* A host as the directory, the job engine and the reputation know it. Text is zero-terminated. */
struct fog_placement_host {
	u8 id[FOG_NODE_ID_SIZE];
	char name[FOG_PLACEMENT_NAME_SIZE];
	u32 roles;     /* enum fog_placement_role */
	bool alive;    /* its descriptor is valid and it was heard of */
	bool local;    /* this very host: used only when named */
	bool attested; /* we checked what attests it, and it still runs that */
	u64 cpu_milli; /* offered, 1/1000 core */
	u64 memory_bytes;
	u64 gpu_milli;        /* 1/1000 of an accelerator, all of the host's together */
	u64 gpu_memory_bytes; /* of each; 0 = unknown */
	char gpu_type[FOG_PLACEMENT_GPU_SIZE]; /* of all */
	struct fog_tariff price;
	u32 latency_ms;       /* 0 = unknown */
	u32 bandwidth_kbps;   /* to it; 0 = unknown */
	u32 idle_mw, core_mw; /* power without work, and for each busy core; 0 = unknown */
	char attribute[FOG_PLACEMENT_KEY_COUNT][FOG_PLACEMENT_VALUE_SIZE]; /* by key; "" unknown */

	/* Filled by the job engine. */
	u64 cpu_milli_committed; /* by jobs of ours that may still run there */
	u64 memory_bytes_committed;
	u64 gpu_milli_committed;
	u32 jobs_committed;
	double reputation_lower; /* in [0,1] */
	bool cordoned;           /* takes nothing new */
	/* A reservation: work that may last longer than this from now uses no more than the spare.
	 * 0 = none. */
	u64 reserved_ms;
	u64 cpu_milli_spare;
	u64 memory_bytes_spare;
	u64 gpu_milli_spare;
	struct fog_keep *keep; /* what people have reserved there; NULL = nothing */
	/* For the job at hand only: */
	enum fog_placement_mark mark;
	u32 crowd; /* jobs of its group in the host's spread domain */
};

struct fog_placement_equality {
	enum fog_placement_key key;
	char value[FOG_PLACEMENT_VALUE_SIZE];
};

/* What the job needs. */
struct fog_placement_request {
	u64 cpu_milli;
	u64 memory_bytes;
	u64 gpu_milli;
	u64 gpu_memory_bytes;                  /* each has at least so much; 0 = any */
	char gpu_type[FOG_PLACEMENT_GPU_SIZE]; /* "" = any */
	u64 wall_ms; /* requested limit: the estimate the price is made of */
	bool target_set;
	u8 target[FOG_NODE_ID_SIZE]; /* the only host allowed; the local one too */
	u32 exclude_count;
	u8 exclude[FOG_PLACEMENT_EXCLUDE_MAX][FOG_NODE_ID_SIZE];
	u32 equality_count;
	struct fog_placement_equality equality[FOG_PLACEMENT_ATTRIBUTES_MAX];
	bool attested;         /* only hosts that are: class S */
	double reputation_min; /* on the lower bound; 0 = none */
	i64 price_cap;         /* mfog for the whole job; 0 = none */
	u32 owner;             /* of reservations (keep.h); 0 = has none */
	u64 seed;
};

/* Why a host was refused; the first that applies, in this order. X(name, "text") where the text
 * completes "3 hosts ..". */
#define FOG_PLACEMENT_REASONS(X)                            \
	X(TARGET, "not the requested host")                 \
	X(LOCAL, "this host (name it as target to use it)") \
	X(ROLE, "not a worker")                             \
	X(DEAD, "not alive")                                \
	X(CORDONED, "cordoned")                             \
	X(EXCLUDED, "excluded or failed this job before")   \
	X(ATTRIBUTE, "without the required attributes")     \
	X(ATTESTED, "not attested")                         \
	X(APART, "with a job it must be apart from")        \
	X(AWAY, "away from the jobs it must be with")       \
	X(KIND, "without such accelerators")                \
	X(CPU, "without enough CPU")                        \
	X(MEMORY, "without enough memory")                  \
	X(GPU, "without enough free accelerators")          \
	X(RESERVED, "kept free for a job that is its turn") \
	X(KEPT, "reserved for others in that time")         \
	X(REPUTATION, "below the minimum reputation")       \
	X(PRICE, "above the price cap")

enum fog_placement_reason {
	FOG_PLACEMENT_FITS = 0,
#define X(name, text) FOG_PLACEMENT_##name,
	FOG_PLACEMENT_REASONS(X)
#undef X
		FOG_PLACEMENT_REASON_COUNT
};

/* Weights of the terms. A negative load packs: best fit. */
struct fog_placement_weights {
	double cost, latency, reputation, load, spread, waste, jitter;
};
extern const struct fog_placement_weights fog_placement_weights_default;
/* Packs, so that large jobs find room: best fit. */
extern const struct fog_placement_weights fog_placement_weights_pack;

struct fog_placement {
	bool found;
	u32 index; /* of the chosen host */
	i64 price; /* of the job there at the requested limit, mfog */
	double score;
	u32 feasible;
	u32 rejected[FOG_PLACEMENT_REASON_COUNT];
	u32 hosts;
};

/* Price in mfog, rounded up, of reserving the resources for wall_ms; CPU, memory and accelerators
 * are rounded separately. Resources of zero cost nothing. Returns -1 when it does not fit i64. */
i64 fog_price(u64 cpu_milli, u64 memory_bytes, u64 gpu_milli, u64 wall_ms,
	      const struct fog_tariff *tariff);

/* Whether its counts, keys and bounds are in range. */
bool fog_placement_request_ok(const struct fog_placement_request *request);

/* Why this host may not have the job, or FITS. The request is in range. */
enum fog_placement_reason fog_placement_filter(const struct fog_placement_request *request,
					       const struct fog_placement_host *host);
/* The same of the host without any work and reservation: may it ever have the job? */
enum fog_placement_reason fog_placement_filter_empty(const struct fog_placement_request *request,
						     const struct fog_placement_host *host);

/* Would it meet what is reserved there for others? */
bool fog_placement_kept(const struct fog_placement_request *request,
			const struct fog_placement_host *host);

/* Notes that the job was placed there: what is committed, and what the reservation leaves. */
void fog_placement_commit(struct fog_placement_host *host,
			  const struct fog_placement_request *request);

/* Takes it away again. */
void fog_placement_uncommit(struct fog_placement_host *host,
			    const struct fog_placement_request *request);

/* Are the two one host, or, unless key is FOG_PLACEMENT_KEY_COUNT, alike in this attribute? Unknown
 * is not alike. */
bool fog_placement_near(const struct fog_placement_host *a, const struct fog_placement_host *b,
			enum fog_placement_key key);

/* Chooses. weights NULL = default. Returns 0 (out->found says whether a host fits) or -EINVAL when
 * the request or the number of hosts is out of range. */
int fog_placement_choose(const struct fog_placement_request *request,
			 const struct fog_placement_host *hosts, u32 host_count,
			 const struct fog_placement_weights *weights, struct fog_placement *out);

/* Writes for people why nothing fitted: "of 5 hosts: 3 without enough memory, 1 below the minimum
 * reputation 0.30, 1 not alive". Empty directory: "no host is known". Always terminated. */
void fog_placement_explain(const struct fog_placement_request *request,
			   const struct fog_placement *placement,
			   char out[FOG_PLACEMENT_EXPLAIN_SIZE]);

/* What the reason says of hosts: "without enough CPU". */
const char *fog_placement_reason_text(enum fog_placement_reason reason);

/* The key with that name ("country", ..), or INVALID; and back. */
enum fog_placement_key fog_placement_key_parse(const char *name);
const char *fog_placement_key_name(enum fog_placement_key key);

#endif
