/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/executor/engine.h"
#include "controlplane/executor/file.h"
#include "controlplane/executor/keep.h"
#include "controlplane/executor/spec.h"
#include "controlplane/executor/vault.h"
#include "crypto/hash/hash.h"

#define READ_BYTES   65536 /* of output at once: a pipe's default size */
#define LOCK_WAIT_NS 10000000
#define NS_PER_MS    1000000ull
#define POLL_STREAMS 2
#define DISK_PAUSE \
	10 /* a walk of /work and /checkpoint is followed by a pause this many times as long */
#define KEEP_MS 5000 /* for another fog-exec to take a checkpoint, beyond the job's grace */

struct stream {
	int pipe_fd; /* -1 at its end */
	int file_fd;
	u64 seen;
	u64 kept;
	bool truncated;
	struct fog_sha256 hash;
};

struct monitor {
	struct fog_spec *spec;
	const struct fog_engine *engine;
	struct fog_job job;
	struct fog_keep keep;
	struct fog_executor_monitor state;
	struct fog_executor_result result;
	struct stream stream[POLL_STREAMS];
	int spool_fd;
	int work_fd;
	int signal_fd;
	int lifeline_fd;
	int tick_fd;
	bool echo;
	u64 started_ns;
	u64 wall_end_ns;
	u64 warn_ns;      /* when to send SIGTERM before that; UINT64_MAX: never, or done */
	u64 kill_ns;      /* when to follow SIGTERM by SIGKILL; 0: not cancelled */
	u64 disk_next_ns; /* no walk of /work before */
	u64 drain_ns;     /* when to stop waiting for output; 0: the job still runs */
	bool ended;
	bool warned; /* its time is nearly over, and it was told */
	/* Why we killed it; NONE: we did not. */
	enum fog_executor_outcome verdict;
};

static u64 clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

static int lock_take(int spool_fd)
{
	const struct timespec wait = {.tv_nsec = LOCK_WAIT_NS};

	int fd = openat(spool_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	for (int i = 0; i < FOG_MONITOR_LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		nanosleep(&wait, NULL);
	}
	int err = errno;
	close(fd);
	return err == EWOULDBLOCK || err == EINTR ? -EBUSY : -err;
}

static int state_write(struct monitor *m)
{
	char *text;

	int ret = fog_state_emit(&m->state, &text);
	if (ret < 0)
		return ret;
	ret = fog_file_replace(m->spool_fd, "state.json", text, strlen(text));
	free(text);
	return ret;
}

static int result_write(struct monitor *m)
{
	char *text;

	int ret = fog_result_emit(&m->result, &text);
	if (ret < 0)
		return ret;
	ret = fog_file_replace(m->spool_fd, "result.json", text, strlen(text));
	free(text);
	return ret;
}

/* Kill the job for a reason of ours; the first reason counts. */
static void condemn(struct monitor *m, enum fog_executor_outcome why, const char *error)
{
	if (m->verdict == FOG_EXECUTOR_OUTCOME_NONE) {
		m->verdict = why;
		snprintf(m->result.error, sizeof(m->result.error), "%s", error);
	}
	m->engine->ops->signal(&m->job, SIGKILL);
}

/* From SIGTERM to SIGKILL. */
static u64 grace_ns(const struct monitor *m)
{
	const struct fog_executor_checkpoint *c = &m->job.spec->checkpoint;

	if (c->bytes_max == 0)
		return FOG_MONITOR_GRACE_MS * NS_PER_MS;
	return (c->grace_ms + (m->engine->keeps ? KEEP_MS : 0)) * NS_PER_MS;
}

static void cancel(struct monitor *m)
{
	if (m->verdict != FOG_EXECUTOR_OUTCOME_NONE || m->ended)
		return;
	m->verdict = FOG_EXECUTOR_CANCELLED;
	m->kill_ns = clock_ns(CLOCK_MONOTONIC) + grace_ns(m);
	m->engine->ops->signal(&m->job, SIGTERM);
}

/* Once: killing it again would keep us busy. */
static void lifeline_lost(struct monitor *m)
{
	m->lifeline_fd = -1;
	if (!m->ended)
		condemn(m, FOG_EXECUTOR_CANCELLED, "who started it has ended");
}

static void stream_keep(struct monitor *m, struct stream *s, const u8 *data, size_t len)
{
	u64 room = m->job.spec->limits.output_bytes - s->kept;
	size_t keep = s->truncated ? 0 : (size_t)FOG_MIN(room, (u64)len);

	s->seen += len;
	if (keep < len)
		s->truncated = true;
	if (keep == 0)
		return;
	off_t before = (off_t)s->kept;
	int ret = fog_file_write_all(s->file_fd, data, keep);
	if (ret == 0) {
		fog_sha256_update(&s->hash, data, keep);
		s->kept += keep;
		if (m->echo)
			(void)fog_file_write_all(s == m->stream ? STDOUT_FILENO : STDERR_FILENO,
						 data, keep);
		return;
	}
	// A full disk: what the file holds must stay what the hash says.
	s->truncated = true;
	(void)!ftruncate(s->file_fd, before);
	if (m->result.error[0] == '\0')
		snprintf(m->result.error, sizeof(m->result.error), "output not kept: %s",
			 strerror(-ret));
}

/* Take what is there; a job that prints without end must not keep us from its limits. */
static void stream_read(struct monitor *m, struct stream *s)
{
	u8 buf[READ_BYTES];

	ssize_t n = read(s->pipe_fd, buf, sizeof(buf));
	if (n > 0)
		stream_keep(m, s, buf, (size_t)n);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(s->pipe_fd);
		s->pipe_fd = -1;
	}
}

static void disk_check(struct monitor *m)
{
	u64 limit = m->job.spec->limits.disk_bytes;
	u64 bytes;

	if (limit == 0)
		return;
	int ret = fog_tree_measure(m->work_fd, &bytes);
	if (ret == -E2BIG)
		condemn(m, FOG_EXECUTOR_FAILED, "disk limit: too many files or too deep in /work");
	else if (ret == -EACCES)
		condemn(m, FOG_EXECUTOR_FAILED, "disk limit: a directory of /work cannot be read");
	else if (bytes > limit)
		condemn(m, FOG_EXECUTOR_FAILED, "disk limit: /work holds more than disk_bytes");
}

static void checkpoint_check(struct monitor *m)
{
	if (fog_keep_full(&m->keep))
		condemn(m, FOG_EXECUTOR_FAILED,
			"disk limit: /checkpoint holds more than twice its limit");
}

/* Also while it ends on its own after a cancel. */
static void checkpoint_take(struct monitor *m)
{
	u64 end = m->kill_ns != 0 ? FOG_MIN(m->wall_end_ns, m->kill_ns) : m->wall_end_ns;

	if (m->verdict == FOG_EXECUTOR_OUTCOME_NONE || m->verdict == FOG_EXECUTOR_CANCELLED)
		fog_keep_tick(&m->keep, end);
}

static void limits_check(struct monitor *m)
{
	const struct fog_executor_limits *l = &m->job.spec->limits;

	m->engine->ops->sample(&m->job);
	if (m->job.oom)
		condemn(m, FOG_EXECUTOR_OOM, "out of memory");
	if (l->cpu_ms > 0 && m->job.usage.cpu_user_ms + m->job.usage.cpu_system_ms >= l->cpu_ms)
		condemn(m, FOG_EXECUTOR_TIMEOUT, "CPU time limit reached");
	u64 begin = clock_ns(CLOCK_MONOTONIC);
	if (begin >= m->disk_next_ns) {
		disk_check(m);
		checkpoint_check(m);
		m->disk_next_ns = begin + (clock_ns(CLOCK_MONOTONIC) - begin) * (DISK_PAUSE + 1);
	}
	checkpoint_take(m);
}

static void deadlines_check(struct monitor *m)
{
	u64 now = clock_ns(CLOCK_MONOTONIC);

	if (m->ended)
		return;
	if (now >= m->warn_ns && m->verdict == FOG_EXECUTOR_OUTCOME_NONE) {
		m->warn_ns = UINT64_MAX;
		m->warned = true;
		m->engine->ops->signal(&m->job, SIGTERM);
	}
	if (now >= m->wall_end_ns)
		condemn(m, FOG_EXECUTOR_TIMEOUT, "wall time limit reached");
	if (m->kill_ns != 0 && now >= m->kill_ns) {
		m->engine->ops->signal(&m->job, SIGKILL);
		m->kill_ns = now + FOG_MONITOR_GRACE_MS * NS_PER_MS;
	}
}

static int poll_timeout_ms(const struct monitor *m)
{
	u64 now = clock_ns(CLOCK_MONOTONIC);
	u64 next = m->ended ? m->drain_ns : FOG_MIN(m->wall_end_ns, m->warn_ns);

	if (!m->ended && m->kill_ns != 0)
		next = FOG_MIN(next, m->kill_ns);
	return next <= now ? 0 : (int)FOG_MIN((next - now) / NS_PER_MS + 1, 3600000ull);
}

static void on_end(struct monitor *m)
{
	m->engine->ops->reap(&m->job);
	if (m->engine->finish != NULL)
		m->engine->finish(&m->job);
	m->ended = true;
	m->drain_ns = clock_ns(CLOCK_MONOTONIC) + FOG_MONITOR_DRAIN_MS * NS_PER_MS;
	m->result.usage.wall_ms = (clock_ns(CLOCK_MONOTONIC) - m->started_ns) / NS_PER_MS;
	m->result.ended_unix_ms = clock_ns(CLOCK_REALTIME) / NS_PER_MS;
}

static bool done(const struct monitor *m)
{
	if (!m->ended)
		return false;
	return (m->stream[0].pipe_fd < 0 && m->stream[1].pipe_fd < 0) ||
	       clock_ns(CLOCK_MONOTONIC) >= m->drain_ns;
}

static void loop(struct monitor *m)
{
	while (!done(m)) {
		// Negative descriptors are skipped by poll.
		struct pollfd p[] = {
			{.fd = m->signal_fd, .events = POLLIN},
			{.fd = m->ended ? -1 : m->tick_fd, .events = POLLIN},
			{.fd = m->stream[0].pipe_fd, .events = POLLIN},
			{.fd = m->stream[1].pipe_fd, .events = POLLIN},
			{.fd = m->job.report_fd, .events = POLLIN},
			{.fd = m->ended ? -1 : m->job.pidfd, .events = POLLIN},
			{.fd = m->ended ? -1 : m->lifeline_fd, .events = POLLIN},
		};
		struct signalfd_siginfo si;
		u64 ticks;
		if (poll(p, FOG_ARRAY_COUNT(p), poll_timeout_ms(m)) < 0 && errno != EINTR)
			break;
		if (p[0].revents != 0 && read(m->signal_fd, &si, sizeof(si)) > 0)
			cancel(m);
		if (p[1].revents != 0 && read(m->tick_fd, &ticks, sizeof(ticks)) > 0)
			limits_check(m);
		for (size_t i = 0; i < POLL_STREAMS; i++)
			if (p[2 + i].revents != 0)
				stream_read(m, &m->stream[i]);
		if (p[4].revents != 0)
			m->engine->ops->report(&m->job);
		if (p[5].revents != 0)
			on_end(m);
		if (p[6].revents != 0 && fog_vault_is_lost(m->lifeline_fd))
			lifeline_lost(m);
		deadlines_check(m);
	}
}

static int streams_open(struct monitor *m)
{
	static const char *const names[POLL_STREAMS] = {"stdout", "stderr"};
	int pair[2];

	for (size_t i = 0; i < POLL_STREAMS; i++) {
		struct stream *s = &m->stream[i];
		s->file_fd = openat(
			m->spool_fd, names[i],
			O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (s->file_fd < 0 || pipe2(pair, O_CLOEXEC) < 0)
			return -errno;
		s->pipe_fd = pair[0];
		m->job.out_fd[i] = pair[1];
		if (fcntl(s->pipe_fd, F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	}
	return 0;
}

static int watch_open(struct monitor *m)
{
	const struct itimerspec tick = {
		.it_interval = {.tv_nsec = (long)(FOG_MONITOR_TICK_MS * NS_PER_MS)},
		.it_value = {.tv_nsec = (long)(FOG_MONITOR_TICK_MS * NS_PER_MS)},
	};

	m->work_fd = openat(m->spool_fd, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (m->work_fd < 0)
		return -errno;
	m->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (m->tick_fd < 0 || timerfd_settime(m->tick_fd, 0, &tick, NULL) < 0)
		return -errno;
	return 0;
}

static int signals_open(struct monitor *m)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	// Ignored children would be reaped behind our back.
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return m->signal_fd < 0 ? -errno : 0;
}

/* How the job ended, from our verdict and its own status. */
static void judge(struct monitor *m)
{
	struct fog_executor_result *r = &m->result;
	const struct fog_job *job = &m->job;

	if (job->has_status && WIFEXITED(job->wstatus))
		r->exit_code = WEXITSTATUS(job->wstatus);
	if (job->has_status && WIFSIGNALED(job->wstatus))
		r->signal = WTERMSIG(job->wstatus);
	if (job->error[0] != '\0') {
		// It never ran: what init said about the process that tried is not a status of the
		// job.
		r->outcome =
			m->verdict == FOG_EXECUTOR_CANCELLED ? m->verdict : FOG_EXECUTOR_FAILED;
		r->exit_code = -1;
		r->signal = 0;
		snprintf(r->error, sizeof(r->error), "%s", job->error);
	} else if (m->verdict != FOG_EXECUTOR_OUTCOME_NONE) {
		r->outcome = m->verdict;
	} else if (job->timed_out) {
		r->outcome = FOG_EXECUTOR_TIMEOUT;
		snprintf(r->error, sizeof(r->error), "time limit reached");
	} else if (m->warned && r->exit_code != 0) {
		r->outcome = FOG_EXECUTOR_TIMEOUT;
		snprintf(r->error, sizeof(r->error), "ended when its time was nearly over");
	} else if (job->oom) {
		r->outcome = FOG_EXECUTOR_OOM;
		snprintf(r->error, sizeof(r->error), "out of memory");
	} else if (r->exit_code >= 0) {
		r->outcome = FOG_EXECUTOR_EXITED;
	} else if (r->signal != 0) {
		r->outcome = FOG_EXECUTOR_SIGNALED;
	} else {
		r->outcome = FOG_EXECUTOR_FAILED;
		snprintf(r->error, sizeof(r->error), "the sandbox was killed from outside");
	}
}

static void streams_close(struct monitor *m)
{
	for (size_t i = 0; i < POLL_STREAMS; i++) {
		struct stream *s = &m->stream[i];
		if (s->pipe_fd >= 0)
			close(s->pipe_fd);
		if (s->file_fd >= 0) {
			(void)fsync(s->file_fd);
			close(s->file_fd);
		}
		s->pipe_fd = s->file_fd = -1;
		m->result.usage.output_bytes += s->seen;
		m->result.output_truncated |= s->truncated;
		fog_sha256_final(&s->hash,
				 i == 0 ? m->result.stdout_sha256 : m->result.stderr_sha256);
	}
}

static void usage_copy(struct monitor *m)
{
	struct fog_executor_usage *to = &m->result.usage;
	const struct fog_executor_usage *from = &m->job.usage;

	if (from->wall_ms > 0)
		to->wall_ms = from->wall_ms;
	to->cpu_user_ms = from->cpu_user_ms;
	to->cpu_system_ms = from->cpu_system_ms;
	to->memory_peak_bytes = from->memory_peak_bytes;
	to->io_read_bytes = from->io_read_bytes;
	to->io_write_bytes = from->io_write_bytes;
	m->result.sandbox = m->job.sandbox;
}

/* A last look: what was written after the last tick counts as well. */
static void disk_judge(struct monitor *m)
{
	if (m->result.outcome != FOG_EXECUTOR_EXITED)
		return;
	disk_check(m);
	if (m->verdict == FOG_EXECUTOR_FAILED)
		m->result.outcome = FOG_EXECUTOR_FAILED;
}

/* A job with a checkpoint hears of its wall limit in time, of which it gets half in any case. */
static u64 warn_at_ns(const struct monitor *m)
{
	const struct fog_executor_spec *spec = m->job.spec;

	if (spec->checkpoint.bytes_max == 0 || m->engine->keeps)
		return UINT64_MAX;
	u64 before_ms = FOG_MIN(spec->checkpoint.grace_ms, spec->limits.wall_ms / 2);
	return m->wall_end_ns - before_ms * NS_PER_MS;
}

/* Whatever its end: nothing of it runs any more. */
static void leavings_take(struct monitor *m)
{
	const struct fog_job *job = &m->job;

	if (job->error[0] == '\0')
		fog_keep_end(&m->keep,
			     job->has_status && WIFEXITED(job->wstatus) ? WEXITSTATUS(job->wstatus)
									: -1,
			     m->verdict != FOG_EXECUTOR_CANCELLED);
}

static void job_run(struct monitor *m)
{
	m->started_ns = clock_ns(CLOCK_MONOTONIC);
	m->wall_end_ns =
		m->started_ns + (m->job.spec->limits.wall_ms + m->engine->slack_ms) * NS_PER_MS;
	m->warn_ns = warn_at_ns(m);
	int ret = m->engine->ops->start(&m->job);
	if (ret < 0) {
		m->result.ended_unix_ms = clock_ns(CLOCK_REALTIME) / NS_PER_MS;
		judge(m);
		return;
	}
	m->state.running = true;
	m->state.pid = m->job.pid;
	m->state.leaves = m->job.cgroup.leaves;
	memcpy(m->state.leaf, m->job.cgroup.leaf, sizeof(m->state.leaf));
	ret = state_write(m);
	if (ret < 0)
		condemn(m, FOG_EXECUTOR_FAILED, "state.json cannot be written");
	loop(m);
	leavings_take(m);
	judge(m);
	disk_judge(m);
}

/* Everything between the lock and the result; false: error text is set. */
static bool job_prepare(struct monitor *m)
{
	char *text;
	size_t len;

	int ret = fog_file_read(m->spool_fd, "spec.json", FOG_EXECUTOR_SPEC_MAX, &text, &len);
	if (ret < 0) {
		fog_job_fail(&m->job, -ret, "spec.json");
		return false;
	}
	char why[FOG_EXECUTOR_ERROR_MAX + 1] = "spec.json";
	ret = fog_spec_parse(text, len, &m->spec, why, sizeof(why));
	free(text);
	if (ret < 0) {
		fog_job_fail(&m->job, ret == -EINVAL ? 0 : -ret, "%s", why);
		return false;
	}
	m->job.spec = &m->spec->spec;
	m->engine = fog_engine_find(m->spec->spec.engine);
	if (m->engine == NULL) {
		fog_job_fail(&m->job, 0, "engine: there is no \"%s\" here", m->spec->spec.engine);
		return false;
	}
	ret = streams_open(m);
	if (ret == 0)
		ret = watch_open(m);
	if (ret < 0)
		fog_job_fail(&m->job, -ret, "spool");
	if (ret == 0 && !m->engine->keeps)
		ret = fog_keep_open(&m->keep, &m->job);
	if (ret == 0)
		ret = m->engine->prepare(&m->job);
	if (ret < 0)
		fog_job_fail(&m->job, -ret, "engine");
	return ret == 0;
}

static int spool_check(int spool_fd, char *error, size_t cap)
{
	static const char *const past[] = {"state.json", "result.json"};
	struct stat st;

	if (fstat(spool_fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
		snprintf(error, cap, "the spool must be ours alone to write");
		return -EPERM;
	}
	for (size_t i = 0; i < FOG_ARRAY_COUNT(past); i++) {
		if (faccessat(spool_fd, past[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
			snprintf(error, cap, "the spool ran already: it has %s", past[i]);
			return -EBUSY;
		}
	}
	return 0;
}

static void monitor_init(struct monitor *m, const struct fog_monitor_options *o)
{
	memset(m, 0, sizeof(*m));
	m->spool_fd = m->job.spool_fd = o->spool_fd;
	m->job.cgroup_parent = o->cgroup_parent;
	m->lifeline_fd = o->lifeline_fd;
	m->echo = o->echo;
	m->work_fd = m->signal_fd = m->tick_fd = -1;
	m->keep = (struct fog_keep){.job = &m->job, .checkpoint_fd = -1, .kept_fd = -1};
	m->job.lock_fd = m->job.pidfd = m->job.report_fd = -1;
	m->result.exit_code = -1;
	for (size_t i = 0; i < POLL_STREAMS; i++) {
		m->stream[i].pipe_fd = m->stream[i].file_fd = m->job.out_fd[i] = -1;
		fog_sha256_init(&m->stream[i].hash);
	}
	m->state.monitor_pid = getpid();
	m->state.started_unix_ms = clock_ns(CLOCK_REALTIME) / NS_PER_MS;
	m->result.started_unix_ms = m->state.started_unix_ms;
	m->result.ended_unix_ms = m->state.started_unix_ms;
}

int fog_monitor_run(const struct fog_monitor_options *o, char *error, size_t error_cap)
{
	static struct monitor m; /* large, and one per process */

	error[0] = '\0';
	monitor_init(&m, o);
	int ret = spool_check(o->spool_fd, error, error_cap);
	if (ret < 0)
		return ret;
	ret = m.job.lock_fd = lock_take(o->spool_fd);
	if (ret < 0)
		return ret;
	// Again: the one who held the lock before us may have run it.
	ret = spool_check(o->spool_fd, error, error_cap);
	if (ret == 0)
		ret = fog_process_start_time(m.state.monitor_pid, &m.state.monitor_start);
	if (ret == 0)
		ret = signals_open(&m);
	if (ret == 0)
		ret = state_write(&m);
	if (ret < 0)
		goto out;
	if (o->ready != NULL)
		o->ready(o->arg);
	if (job_prepare(&m))
		job_run(&m);
	else
		judge(&m);
	usage_copy(&m);
	streams_close(&m);
	if (m.engine != NULL)
		m.engine->ops->release(&m.job);
	ret = result_write(&m);
out:
	fog_keep_close(&m.keep);
	fog_spec_free(m.spec);
	for (size_t i = 0; i < 2; i++)
		if (m.job.out_fd[i] >= 0)
			close(m.job.out_fd[i]);
	if (m.work_fd >= 0)
		close(m.work_fd);
	if (m.tick_fd >= 0)
		close(m.tick_fd);
	if (m.signal_fd >= 0)
		close(m.signal_fd);
	close(m.job.lock_fd);
	return ret;
}
