/* SPDX-License-Identifier: BSD-3-Clause */
/* Four validators as four processes on this machine, over TCP and Noise on 127.0.0.1, with the
 * ledger, votes synced to disk before they are sent. Latency is what a client sees, from giving a
 * signed transfer to one validator to its verdict from a final block; throughput is transfers of
 * sixty-four accounts, signatures checked by every validator. Published figures stand beside ours:
 * they were measured elsewhere, on other machines. */
#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/validator/genesis.h"
#include "controlplane/validator/node.h"
#include "crypto/curve/x25519.h"

#define VALIDATORS 4
#define ACCOUNTS   64 /* clients; validator i gets those with number % 4 == i */
#define PER        2000
#define WINDOW     4096 /* transfers of one validator's clients under way */
#define PROBES     400
#define PORT       17700

enum phase { PHASE_START, PHASE_LATENCY, PHASE_LOAD, PHASE_CRASH, PHASE_END };

struct shared {
	_Atomic int phase;
	_Atomic u32 up;   /* connected to all */
	_Atomic u32 done; /* load finished */
	_Atomic u64 final[VALIDATORS];
	_Atomic u64 cpu_us[VALIDATORS]; /* in the load phase */
	double latency_ms[PROBES];
	_Atomic u32 probes;
	double gap_ms; /* longest time without a verdict after the crash */
	double first_s, last_s;
};

struct client {
	struct ev_loop *loop;
	struct ev_timer timer;
	struct fog_node *node;
	u32 index;
	u32 next[ACCOUNTS];
	u32 under_way;
	u64 finished;
	bool probing, reported;
	u64 probe_ns, crash_ns, last_ns;
	u64 cpu_start_us;
};

static struct shared *shared;
static struct fog_identity ids[VALIDATORS];
static u8 sk[ACCOUNTS][64], pk[ACCOUNTS][32];
static u8 *signed_tx; /* [ACCOUNTS][PER + PROBES * 4] of TX_SIZE */
static u32 tx_size;

#define TX_EACH (PER + 4 * PROBES)

static u8 *tx_at(u32 account, u32 nonce)
{
	return signed_tx + ((size_t)account * TX_EACH + nonce) * 256;
}

static u64 cpu_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (u64)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
	       (u64)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* ---- one validator with its clients ---------------------------------------------------------- */

static void pump(struct client *c);

/* What is under way when the run ends is told that the node stops. */
static bool verdict_good(int result, const char *why)
{
	if (result == 0)
		return true;
	if (result == -ECANCELED && atomic_load(&shared->phase) == PHASE_END)
		return false;
	fprintf(stderr, "quorum: a transfer was refused: %s\n", why);
	_exit(1);
}

static void on_load_verdict(void *arg, int result, const char *why, u64 height)
{
	struct client *c = arg;

	if (!verdict_good(result, why))
		return;
	c->under_way--;
	c->finished++;
	atomic_store(&shared->final[c->index], c->finished);
	shared->last_s = (double)fog_monotonic_ns() / 1e9;
}

static void pump(struct client *c)
{
	u32 own = ACCOUNTS / VALIDATORS, empty = 0;

	/* A little of each account in turn: nobody is far ahead of his nonce. */
	for (u32 k = 0; c->under_way < WINDOW && empty < own; k = (k + 1) % own) {
		u32 account = c->index + VALIDATORS * k;
		if (c->next[account] == PER) {
			empty++;
			continue;
		}
		empty = 0;
		for (u32 i = 0; i < 16 && c->next[account] < PER; i++) {
			if (fog_node_submit(c->node, tx_at(account, c->next[account]), tx_size,
					    on_load_verdict, c) != 0)
				return;
			c->next[account]++;
			c->under_way++;
		}
	}
}

static void probe(struct client *c);

static void on_probe_verdict(void *arg, int result, const char *why, u64 height)
{
	struct client *c = arg;
	u64 now = fog_monotonic_ns();
	double ms = (double)(now - c->probe_ns) / 1e6;

	if (!verdict_good(result, why))
		return;
	c->probing = false;
	if (atomic_load(&shared->phase) == PHASE_LATENCY)
		shared->latency_ms[atomic_fetch_add(&shared->probes, 1) % PROBES] = ms;
	if (atomic_load(&shared->phase) == PHASE_CRASH && c->crash_ns != 0 && ms > shared->gap_ms)
		shared->gap_ms = ms;
}

static void probe(struct client *c)
{
	u32 account = c->index;

	if (c->probing || c->next[account] >= TX_EACH)
		return;
	c->probing = true;
	c->probe_ns = fog_monotonic_ns();
	if (fog_node_submit(c->node, tx_at(account, c->next[account]), tx_size, on_probe_verdict,
			    c) == 0)
		c->next[account]++;
}

static void connected_check(struct client *c)
{
	struct fog_quorum_status s;

	fog_node_status(c->node, &s);
	if (!c->reported && (u32)__builtin_popcountll(s.heard) == VALIDATORS && s.height > 0) {
		c->reported = true;
		atomic_fetch_add(&shared->up, 1);
	}
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct client *c = w->data;

	switch (atomic_load(&shared->phase)) {
	case PHASE_START:
		connected_check(c);
		break;
	case PHASE_LOAD:
		if (c->cpu_start_us == 0)
			c->cpu_start_us = cpu_us();
		pump(c);
		if (c->finished == (u64)PER * ACCOUNTS / VALIDATORS && c->under_way == 0) {
			c->finished++;
			atomic_fetch_add(&shared->done, 1);
		}
		atomic_store(&shared->cpu_us[c->index], cpu_us() - c->cpu_start_us);
		break;
	case PHASE_CRASH:
		c->crash_ns = 1;
		/* fall through */
	case PHASE_LATENCY:
		if (c->index == 0)
			probe(c);
		break;
	default:
		ev_break(loop, EVBREAK_ALL);
	}
}

static u64 genesis_ms; /* of all processes of a run */

static void genesis_make(struct fog_genesis *g, struct fog_genesis_account *account)
{
	static const struct fog_genesis_parameter parameters[] = {
		{.number = FOG_PARAMETER_QUORUM_PROFILE, .value = FOG_PROFILE_ENHANCED},
		{.number = FOG_PARAMETER_QUORUM_EPOCH_MS, .value = 3600000}};

	memset(account, 0, (VALIDATORS + ACCOUNTS) * sizeof(*account));
	*g = (struct fog_genesis){.name = "bench",
				  .time_ms = genesis_ms,
				  .account = account,
				  .account_count = VALIDATORS + ACCOUNTS,
				  .parameter = parameters,
				  .parameter_count = FOG_ARRAY_COUNT(parameters)};
	for (u32 i = 0; i < VALIDATORS; i++) {
		struct fog_validator_attributes *t = &account[i].attributes;
		memcpy(account[i].pk, ids[i].node_id, 32);
		account[i].bond = 10000000;
		memcpy(t->control_pk, ids[i].control_pk, 32);
		(void)fog_ip_parse("127.0.0.1", t->address);
		t->port = (u16)(PORT + i);
		t->as = 64500 + i;
		snprintf(t->operator_name, sizeof(t->operator_name), "op%u", i);
		snprintf(t->country, sizeof(t->country), "C%u", i);
		snprintf(t->power_region, sizeof(t->power_region), "p%u", i);
	}
	for (u32 i = 0; i < ACCOUNTS; i++) {
		memcpy(account[VALIDATORS + i].pk, pk[i], 32);
		account[VALIDATORS + i].balance = 10000000000;
	}
}

static struct fog_ledger_app *app_make(void)
{
	static const struct fog_chain_ports ports = {NULL, ""};
	static struct fog_genesis_account account[VALIDATORS + ACCOUNTS];
	struct fog_ledger_app *app = NULL;
	struct fog_genesis g;
	const char *why;

	genesis_make(&g, account);
	FOG_ASSERT(fog_ledger_app_new(&app, &ports, &g, &why) == 0);
	return app;
}

static int validator_run(const char *dir, u32 index)
{
	static struct fog_genesis_account account[VALIDATORS + ACCOUNTS];
	static struct fog_validators set;
	struct client c = {.index = index, .loop = ev_loop_new(EVFLAG_AUTO)};
	struct fog_address listen = {.port = (u16)(PORT + index)};
	struct fog_genesis g;
	char why[FOG_NODE_WHY_SIZE], path[256], key_new[264];

	(void)fog_ip_parse("127.0.0.1", listen.ip);
	genesis_make(&g, account);
	FOG_ASSERT(fog_genesis_set(&g, 0, true, &set, why) == 0);
	snprintf(path, sizeof(path), "%s/%u", dir, index);
	snprintf(key_new, sizeof(key_new), "%s.new", path);
	FOG_ASSERT(close(creat(key_new, 0600)) == 0);
	struct fog_node_config config = {.loop = c.loop,
					 .id = &ids[index],
					 .dir = path,
					 .listen = &listen,
					 .genesis = &set,
					 .genesis_ms = genesis_ms,
					 .key_new = key_new};
	struct fog_ledger_app *app = app_make();
	fog_ledger_app_interface(app, &config.app);
	if (fog_node_start(&c.node, &config, why) != 0) {
		fprintf(stderr, "quorum: %s\n", why);
		return 1;
	}
	ev_timer_init(&c.timer, on_timer, 0.0005, 0.0005);
	c.timer.data = &c;
	ev_timer_start(c.loop, &c.timer);
	ev_run(c.loop, 0);
	fog_node_stop(c.node);
	fog_ledger_app_free(app);
	return 0;
}

/* ---- the run --------------------------------------------------------------------------------- */

static void keys_make(void)
{
	genesis_ms = (u64)time(NULL) * 1000;
	for (u32 i = 0; i < VALIDATORS; i++) {
		u8 seed[32] = {(u8)(1 + i), 7};
		fog_sign_keypair(ids[i].node_id, ids[i].sign_sk, seed);
		seed[1] = (u8)(8 + i);
		memcpy(ids[i].control_sk, seed, 32);
		fog_x25519_base(ids[i].control_pk, ids[i].control_sk);
	}
	for (u32 i = 0; i < ACCOUNTS; i++) {
		u8 seed[32] = {(u8)(1 + i), 9};
		fog_sign_keypair(pk[i], sk[i], seed);
	}
}

static void transfers_sign(void)
{
	struct fog_ledger_app *app = app_make();
	u8 bytes[FOG_TX_SIZE_MAX];

	signed_tx = calloc((size_t)ACCOUNTS * TX_EACH, 256);
	FOG_ASSERT(signed_tx != NULL);
	for (u32 i = 0; i < ACCOUNTS; i++) {
		u32 count = i == 0 ? TX_EACH : PER;
		for (u32 k = 0; k < count; k++) {
			struct fog_tx tx = {
				.kind = FOG_TX_TRANSFER, .nonce = k, .fee_max = 1000000};
			memcpy(tx.sender, pk[i], 32);
			memcpy(tx.body.transfer.to, pk[(i + 1) % ACCOUNTS], 32);
			tx.body.transfer.amount = 1 + k % 9;
			tx_size = fog_tx_encode(&tx, fog_chain_id(fog_ledger_app_chain(app)), sk[i],
						bytes);
			FOG_ASSERT(tx_size <= 256);
			memcpy(tx_at(i, k), bytes, tx_size);
		}
	}
	fog_ledger_app_free(app);
}

static bool wait_for(_Atomic u32 *what, u32 count, double seconds)
{
	u64 end = fog_monotonic_ns() + (u64)(seconds * 1e9);

	while (atomic_load(what) < count && fog_monotonic_ns() < end)
		usleep(1000);
	return atomic_load(what) >= count;
}

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

static void record(struct bench *b, const char *name, const char *unit, double value, double peer,
		   bool rate, const char *text)
{
	struct bench_case c = {.name = name,
			       .unit = unit,
			       .peer = text,
			       .peer_recorded = true,
			       .more_is_better = rate};

	bench_record(b, &c, &value, 1, peer);
}

static void results(struct bench *b, double load_s)
{
	u64 cpu = 0, count = (u64)PER * ACCOUNTS;
	u32 probes = FOG_MIN(atomic_load(&shared->probes), (u32)PROBES);

	qsort(shared->latency_ms, probes, sizeof(double), by_value);
	for (u32 i = 0; i < VALIDATORS; i++)
		cpu += atomic_load(&shared->cpu_us[i]);
	record(b, "quorum.commit_latency_p50", "ms", shared->latency_ms[probes / 2], 9.0, false,
	       "two-chain HotStuff, n=4, one machine (published)");
	record(b, "quorum.commit_latency_p99", "ms", shared->latency_ms[probes - 1 - probes / 100],
	       500.0, false, "Mysticeti, WAN (published)");
	record(b, "quorum.transfers_per_s", "transfers/s", (double)count / load_s, 94000, true,
	       "two-chain HotStuff, n=10, WAN, 512 B without execution (published)");
	record(b, "quorum.cpu_per_transfer", "us, all four", (double)cpu / (double)count,
	       1e6 * VALIDATORS / 400, false,
	       "CometBFT, 400 tx/s at 200 nodes: four cores' time a transaction (published)");
	record(b, "quorum.view_change", "ms", shared->gap_ms, 1000.0, false,
	       "longest verdict after kill -9 of a validator; limit 1 s");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static bool phases(struct bench *b, pid_t *child)
{
	if (!wait_for(&shared->up, VALIDATORS, 20))
		return false;
	atomic_store(&shared->phase, PHASE_LOAD);
	double start = (double)fog_monotonic_ns() / 1e9;
	if (!wait_for(&shared->done, VALIDATORS, 120))
		return false;
	double load_s = shared->last_s - start;
	atomic_store(&shared->phase, PHASE_LATENCY);
	if (!wait_for(&shared->probes, PROBES, 60))
		return false;
	atomic_store(&shared->phase, PHASE_CRASH);
	usleep(100000);
	kill(child[VALIDATORS - 1], SIGKILL);
	usleep(3000000);
	results(b, load_s);
	return true;
}

void bench_suite_quorum(struct bench *b)
{
	char dir[] = "/var/tmp/fog-bench-quorum.XXXXXX";
	pid_t child[VALIDATORS];
	cpu_set_t all;
	int status;

	if (!bench_wanted(b, "quorum.commit_latency_p50") &&
	    !bench_wanted(b, "quorum.transfers_per_s") && !bench_wanted(b, "quorum.view_change") &&
	    !bench_wanted(b, "quorum.cpu_per_transfer"))
		return;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	FOG_ASSERT(shared != MAP_FAILED);
	FOG_ASSERT(mkdtemp(dir) != NULL);
	keys_make();
	transfers_sign();
	fog_log_set_level(getenv("FOG_BENCH_LOG") ? FOG_LOG_DEBUG : FOG_LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	fflush(stdout);
	for (u32 i = 0; i < VALIDATORS; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			/* All of the machine, whatever the other suites are pinned to. */
			memset(&all, 0xff, sizeof(all));
			(void)sched_setaffinity(0, sizeof(all), &all);
			_exit(validator_run(dir, i));
		}
	}
	if (!phases(b, child))
		printf("quorum: the validators did not get through in time\n");
	atomic_store(&shared->phase, PHASE_END);
	for (u32 i = 0; i < VALIDATORS; i++)
		waitpid(child[i], &status, 0);
	nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(signed_tx);
	munmap(shared, sizeof(*shared));
}
