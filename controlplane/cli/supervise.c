/* SPDX-License-Identifier: BSD-3-Clause */
/* The supervisor of a lab: what systemd is to the hosts of a real fog. One thread; it sleeps in
 * poll() until a child ended or tells of itself, somebody wants it to stop, or a restart is due.
 *
 *	start -> running --ended--> waiting --backoff over--> running ...
 *	                    SIGTERM, any state -> stopped
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/proc.h"

#define PROCESSES_MAX     (FOG_LAB_HOSTS_MAX * 4)
#define ARGV_MAX          32
#define BACKOFF_MIN_MS    100
#define BACKOFF_MAX_MS    5000
#define HEALTHY_MS        10000 /* a run this long forgets the backoff */
#define STOP_MS           4000  /* from SIGTERM to SIGKILL, each kind of process */
#define TICK_MS           1000
#define WATCHDOG_S        30 /* silence after which a process is killed; $FOG_LAB_WATCHDOG */
#define MESSAGE_MAX       512
#define LOG_SIZE_MAX      (64ll << 20) /* a larger log is emptied */
#define SWEEP_TRIES       50
#define SWEEP_INTERVAL_MS 100

struct child {
	json_t *node; /* in the lab object; carries what lab.json tells */
	const char *argv[ARGV_MAX + 1];
	const char *log;
	const char *netns; /* NULL = ours */
	pid_t pid;         /* 0 = not running */
	u64 started_ms;    /* monotonic */
	u64 restart_ms;    /* monotonic; 0 = none due */
	u64 beat_ms;       /* monotonic: its last READY=1 or WATCHDOG=1; 0 = none yet */
	u32 backoff_ms;
	u32 rank; /* place in its host's list: stopped in reverse */
};

struct supervisor {
	const char *dir;
	json_t *lab;
	struct child children[PROCESSES_MAX];
	u32 count;
	bool changed; /* lab.json is out of date */
	int notify_fd, signal_fd;
	u32 watchdog_ms;
};

static u64 clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

static void node_set(struct supervisor *s, struct child *c, const char *key, json_t *value)
{
	json_object_set_new(c->node, key, value);
	s->changed = true;
}

static void state_write(struct supervisor *s)
{
	if (!s->changed)
		return;
	int rc = fog_lab_save(s->lab, s->dir, "lab.json");
	if (rc != 0)
		fprintf(stderr, "supervise: cannot write lab.json: %s\n", strerror(-rc));
	s->changed = false;
}

static void lab_state(struct supervisor *s, const char *state)
{
	json_object_set_new(s->lab, "state", json_string(state));
	s->changed = true;
	state_write(s);
}

static int netns_enter(const char *name)
{
	char path[FOG_LAB_PATH_MAX];

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = setns(fd, CLONE_NEWNET) == 0 ? 0 : -errno;
	close(fd);
	return rc;
}

/* In the new process. */
__attribute__((noreturn)) static void child_run(const struct child *c, pid_t parent)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int log = open(c->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(127);
	int rc = c->netns != NULL ? netns_enter(c->netns) : 0;
	if (rc != 0) {
		dprintf(2, "supervise: cannot enter %s: %s\n", c->netns, strerror(-rc));
		_exit(127);
	}
	/* A lab without its supervisor would run on unseen: end with it, however it ends. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(c->argv[0], (char *const *)c->argv);
	dprintf(2, "supervise: cannot start %s: %s\n", c->argv[0], strerror(errno));
	_exit(127);
}

static void child_start(struct supervisor *s, struct child *c)
{
	pid_t parent = getpid();

	c->restart_ms = 0;
	c->pid = fork();
	if (c->pid == 0)
		child_run(c, parent);
	if (c->pid < 0) {
		fprintf(stderr, "supervise: fork: %s\n", strerror(errno));
		c->pid = 0;
		c->restart_ms = clock_ms() + BACKOFF_MAX_MS;
		return;
	}
	c->started_ms = clock_ms();
	c->beat_ms = 0;
	node_set(s, c, "state", json_string("running"));
	node_set(s, c, "pid", json_integer(c->pid));
	node_set(s, c, "start_ticks", json_integer((json_int_t)fog_proc_start_ticks(c->pid)));
	node_set(s, c, "started_ms", json_integer((json_int_t)fog_now_ms()));
}

static void child_ended(struct supervisor *s, struct child *c, int status, bool stopping)
{
	char text[32];
	u64 now = clock_ms();

	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "signal %d", WTERMSIG(status));
	else
		snprintf(text, sizeof(text), "status %d", WEXITSTATUS(status));
	fprintf(stderr, "supervise: %s ended: %s\n", c->log, text);
	c->pid = 0;
	node_set(s, c, "last_exit", json_string(text));
	node_set(s, c, "pid", json_null());
	node_set(s, c, "state", json_string(stopping ? "stopped" : "waiting"));
	if (stopping)
		return;
	if (now - c->started_ms >= HEALTHY_MS || c->backoff_ms == 0)
		c->backoff_ms = BACKOFF_MIN_MS;
	else
		c->backoff_ms = FOG_MIN(c->backoff_ms * 2, (u32)BACKOFF_MAX_MS);
	c->restart_ms = now + c->backoff_ms;
	node_set(s, c, "restarts", json_integer(fog_pick_number(c->node, "restarts", 0) + 1));
}

/* Take the exit statuses of ours, and of orphans that ended up with us (job monitors). */
static void children_reap(struct supervisor *s, bool stopping)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (u32 i = 0; i < s->count; i++) {
			if (s->children[i].pid == pid) {
				child_ended(s, &s->children[i], status, stopping);
				break;
			}
		}
	}
}

/* ---- the watchdog: what systemd does for a service with WatchdogSec= ------------------------- */

static int watchdog_open(struct supervisor *s)
{
	const char *wanted = getenv("FOG_LAB_WATCHDOG");
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char text[32];
	int on = 1;

	unsigned long seconds = wanted != NULL ? strtoul(wanted, NULL, 10) : 0;
	s->watchdog_ms = 1000 * (u32)(seconds > 0 && seconds <= 3600 ? seconds : WATCHDOG_S);
	if (snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/notify.sock", s->dir) >=
	    (int)sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	unlink(sa.sun_path);
	s->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->notify_fd < 0 ||
	    setsockopt(s->notify_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
	    bind(s->notify_fd, (struct sockaddr *)&sa, sizeof(sa)) != 0)
		return -errno;
	/* They tell twice in that time: of three times two may be lost. */
	snprintf(text, sizeof(text), "%llu", 1000ull * s->watchdog_ms * 2 / 3);
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
	setenv("WATCHDOG_USEC", text, 1);
	return 0;
}

static void beat_take(struct supervisor *s, pid_t pid)
{
	for (u32 i = 0; i < s->count; i++)
		if (s->children[i].pid == pid)
			s->children[i].beat_ms = clock_ms();
}

static void beats_read(struct supervisor *s)
{
	char text[MESSAGE_MAX + 1], control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = {.iov_base = text, .iov_len = MESSAGE_MAX};

	for (;;) {
		struct msghdr m = {.msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = control,
				   .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(s->notify_fd, &m, MSG_DONTWAIT);
		if (n < 0)
			return;
		text[n] = '\0';
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		if (c == NULL || c->cmsg_type != SCM_CREDENTIALS ||
		    (strstr(text, "WATCHDOG=1") == NULL && strstr(text, "READY=1") == NULL))
			continue;
		struct ucred cred;
		memcpy(&cred, CMSG_DATA(c), sizeof(cred));
		beat_take(s, cred.pid);
	}
}

static void silent_kill(struct supervisor *s)
{
	u64 now = clock_ms();

	for (u32 i = 0; i < s->count; i++) {
		struct child *c = &s->children[i];
		if (c->pid == 0 || c->beat_ms == 0 || now < c->beat_ms + s->watchdog_ms)
			continue;
		fprintf(stderr, "supervise: %s: no sign of life for %u ms\n", c->log,
			s->watchdog_ms);
		kill(c->pid, SIGKILL);
		c->beat_ms = now;
	}
}

static void log_check(const struct child *c)
{
	struct stat st;

	/* Written with O_APPEND: what follows goes to the new end. */
	if (stat(c->log, &st) == 0 && st.st_size > LOG_SIZE_MAX && truncate(c->log, 0) != 0)
		fprintf(stderr, "supervise: %s: %s\n", c->log, strerror(errno));
}

/* Start what is due. Returns milliseconds until the next is, at most TICK_MS. */
static u64 children_start(struct supervisor *s)
{
	u64 now = clock_ms();
	u64 wait = TICK_MS;

	for (u32 i = 0; i < s->count; i++) {
		struct child *c = &s->children[i];
		if (c->restart_ms != 0 && c->restart_ms <= now)
			child_start(s, c);
		if (c->restart_ms > now)
			wait = FOG_MIN(wait, c->restart_ms - now);
		log_check(c);
	}
	return wait;
}

/* The number of a signal that came, or -1. The socket of beats holds ten (net.unix.max_dgram_qlen);
 * who does not find room there says nothing: it is read at once. */
static int signal_wait(struct supervisor *s, u64 ms)
{
	struct pollfd fds[] = {{.fd = s->signal_fd, .events = POLLIN},
			       {.fd = s->notify_fd, .events = POLLIN}};
	struct signalfd_siginfo info;

	(void)poll(fds, FOG_ARRAY_COUNT(fds), (int)ms);
	beats_read(s);
	return read(s->signal_fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : -1;
}

static bool rank_alive(const struct supervisor *s, u32 rank)
{
	for (u32 i = 0; i < s->count; i++)
		if (s->children[i].rank == rank && s->children[i].pid != 0)
			return true;
	return false;
}

static void rank_signal(const struct supervisor *s, u32 rank, int number)
{
	for (u32 i = 0; i < s->count; i++)
		if (s->children[i].rank == rank && s->children[i].pid != 0)
			kill(s->children[i].pid, number);
}

static void rank_stop(struct supervisor *s, u32 rank)
{
	u64 deadline = clock_ms() + STOP_MS;

	rank_signal(s, rank, SIGTERM);
	while (rank_alive(s, rank)) {
		u64 now = clock_ms();
		if (now >= deadline) {
			rank_signal(s, rank, SIGKILL);
			deadline = now + STOP_MS;
		}
		signal_wait(s, 50);
		children_reap(s, true);
	}
}

static int children_load(struct supervisor *s)
{
	size_t h, p, a;
	json_t *host, *process, *word;

	json_array_foreach(json_object_get(s->lab, "hosts"), h, host)
	{
		json_array_foreach(json_object_get(host, "processes"), p, process)
		{
			json_t *argv = json_object_get(process, "argv");
			struct child *c = &s->children[s->count];

			if (s->count == PROCESSES_MAX || json_array_size(argv) > ARGV_MAX)
				return -E2BIG;
			*c = (struct child){.node = process, .rank = (u32)p, .restart_ms = 1};
			json_array_foreach(argv, a, word)
			{
				c->argv[a] = json_string_value(word);
				if (c->argv[a] == NULL)
					return -EINVAL;
			}
			c->log = fog_pick_text(process, "log", NULL);
			c->netns = fog_pick_text(host, "netns", NULL);
			json_object_set_new(process, "restarts", json_integer(0));
			json_object_set_new(process, "last_exit", json_null());
			s->count++;
		}
	}
	return 0;
}

static int lock_take(const char *dir)
{
	char path[FOG_LAB_PATH_MAX];

	snprintf(path, sizeof(path), "%s/lock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static void supervise_loop(struct supervisor *s)
{
	for (;;) {
		u64 wait = children_start(s);
		state_write(s);
		int number = signal_wait(s, wait);
		if (number == SIGTERM || number == SIGINT)
			break;
		children_reap(s, false);
		silent_kill(s);
	}
}

static void environment_mark(const char *id, const char *dir)
{
	char mark[FOG_LAB_PATH_MAX];

	snprintf(mark, sizeof(mark), "%s:%s", id, dir);
	setenv("FOG_LAB_MARK", mark, 1); /* fog_lab_sweep() looks for it */
	unsetenv("FOG_SOCKET");
	unsetenv("FOG_LAB");
}

int fog_supervise(const char *dir)
{
	struct supervisor *s;
	int lock = lock_take(dir);
	int rc = 0;

	if (lock < 0)
		return lock;
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		close(lock);
		return -ENOMEM;
	}
	s->dir = dir;
	s->notify_fd = s->signal_fd = -1;
	s->lab = fog_lab_load(dir, "plan.json");
	rc = s->lab != NULL ? children_load(s) : -ENOENT;
	if (rc != 0)
		goto out;
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	s->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->signal_fd < 0) {
		rc = -errno;
		goto out;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	environment_mark(fog_pick_text(s->lab, "id", ""), dir);
	rc = watchdog_open(s);
	if (rc != 0)
		goto out;
	json_object_set_new(s->lab, "supervisor",
			    json_pack("{s:i, s:I}", "pid", (int)getpid(), "start_ticks",
				      (json_int_t)fog_proc_start_ticks(getpid())));
	lab_state(s, "up");
	supervise_loop(s);
	lab_state(s, "stopping");
	u32 ranks = 0;
	for (u32 i = 0; i < s->count; i++)
		ranks = FOG_MAX(ranks, s->children[i].rank + 1);
	while (ranks-- > 0)
		rank_stop(s, ranks);
	lab_state(s, "down");
out:
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	if (s->notify_fd >= 0)
		close(s->notify_fd);
	json_decref(s->lab);
	free(s);
	close(lock);
	return rc;
}

void fog_lab_sweep(const char *dir, const char *id)
{
	char marker[FOG_LAB_PATH_MAX];

	snprintf(marker, sizeof(marker), "FOG_LAB_MARK=%s:%s", id, dir);
	for (u32 i = 0; i < SWEEP_TRIES; i++) {
		if (fog_proc_signal_marked(marker, SIGKILL) == 0)
			break;
		usleep(SWEEP_INTERVAL_MS * 1000);
	}
	fog_lab_net_down(id);
}
