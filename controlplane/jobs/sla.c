/* SPDX-License-Identifier: BSD-3-Clause */
/* What was promised and not kept: recorded once per job and kind, and paid back at once. */
#include <errno.h>

#include "controlplane/jobs/state.h"

enum fog_breach { BREACH_START = 0, BREACH_DEADLINE, BREACH_LOST, BREACH_DISAGREED };

static const char *const breach_name[] = {"start", "deadline", "lost", "disagreed"};

/* From the fog's own account: who broke it is a matter between hosts. */
static void pay_back(struct fog_jobs *j, const char *user, const char *job, const char *kind,
		     i64 amount)
{
	char key[FOG_LEDGER_KEY_SIZE], account[FOG_LEDGER_ACCOUNT_SIZE];
	struct fog_ledger_tx tx;

	snprintf(key, sizeof(key), "sla:%s:%s", job, kind);
	snprintf(account, sizeof(account), "user:%s", user);
	int rc = fog_ledger_transfer(&tx, key, FOG_LEDGER_ISSUER, account, amount, "sla");
	if (rc == 0)
		rc = fog_db_ledger_apply(j, &tx);
	fog_jobs_fail(j, rc);
}

static void breach(struct fog_jobs *j, struct fog_job *job, enum fog_breach kind,
		   const char *detail)
{
	i64 price = FOG_MAX(job->quote_max, fog_db_quote_max(j, job->id));

	if (job->breached & 1u << kind)
		return;
	job->breached |= 1u << kind;
	if (price == 0) /* never placed: what we would ask ourselves */
		price = FOG_MAX(fog_price(job->limits.cpu_milli, job->limits.memory_bytes,
					  1000 * job->limits.accelerators, job->limits.wall_ms,
					  &j->config.price),
				0);
	i64 amount = fog_tier_back(job->terms.tier, price);
	if (!fog_db_breach_add(j, job->id, job->terms.space, job->terms.tier, breach_name[kind],
			       detail, amount))
		return;
	j->stats.breaches++;
	pay_back(j, job->user, job->id, breach_name[kind], amount);
}

static void start_check(struct fog_jobs *j, struct fog_job *job)
{
	u64 limit = fog_tiers[job->terms.tier].start_ms;
	u64 waited = j->now_ms - FOG_MIN(job->released_ms, j->now_ms);
	char detail[FOG_JOB_REASON_SIZE];

	if (limit == 0 || job->held || job->began || waited <= limit)
		return;
	fog_jobs_reason(detail, "not begun after %llu s, promised within %llu s",
			(unsigned long long)waited / 1000, (unsigned long long)limit / 1000);
	breach(j, job, BREACH_START, detail);
}

static void deadline_check(struct fog_jobs *j, struct fog_job *job)
{
	char detail[FOG_JOB_REASON_SIZE];

	if (job->terms.tier == FOG_TIER_NONE || job->terms.deadline_ms == 0 ||
	    j->now_ms <= job->created_ms + job->terms.deadline_ms)
		return;
	fog_jobs_reason(detail, "not done %llu s after its submission",
			(unsigned long long)job->terms.deadline_ms / 1000);
	breach(j, job, BREACH_DEADLINE, detail);
}

void fog_sla_waiting(struct fog_jobs *j, struct fog_job *job)
{
	start_check(j, job);
	deadline_check(j, job);
}

void fog_sla_began(struct fog_jobs *j, struct fog_job *job)
{
	start_check(j, job);
	job->began = true;
}

void fog_sla_ended(struct fog_jobs *j, struct fog_job *job, enum fog_job_state state, bool hosts)
{
	if (state == FOG_JOB_CANCELLED)
		return;
	start_check(j, job);
	deadline_check(j, job);
	if (job->terms.tier != FOG_TIER_NONE && state == FOG_JOB_FAILED && hosts)
		breach(j, job, BREACH_LOST, "no host brought it to an end");
}

void fog_sla_disagreed(struct fog_jobs *j, const char *user, const char *space, const char *job,
		       enum fog_tier tier, i64 price)
{
	i64 amount = fog_tier_back(tier, price);

	if (tier == FOG_TIER_NONE ||
	    !fog_db_breach_add(j, job, space, tier, breach_name[BREACH_DISAGREED],
			       "no majority of the replicas agrees", amount))
		return;
	j->stats.breaches++;
	pay_back(j, user, job, breach_name[BREACH_DISAGREED], amount);
}
