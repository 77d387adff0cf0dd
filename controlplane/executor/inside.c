/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/executor/confine.h"
#include "controlplane/executor/rootfs.h"

#define ENV_DEFAULTS 4
#define KILL_ROUNDS  200 /* without a pid namespace: passes over our children */
#define KILL_WAIT_NS 5000000
#define CHILDREN_MAX 4096 /* bytes of a children file read at once */
#define EXIT_SETUP   127

static void send_message(const struct fog_inside *in, const struct fog_inside_message *m)
{
	ssize_t n;

	do
		n = send(in->socket_fd, m, sizeof(*m), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
}

__attribute__((noreturn)) static void fail(const struct fog_inside *in, int err, const char *what)
{
	struct fog_inside_message m = {.type = FOG_INSIDE_FAILED, .value = err};

	snprintf(m.text, sizeof(m.text), "%s", what);
	send_message(in, &m);
	_exit(EXIT_SETUP);
}

static void die_with_parent(void)
{
	// A second way beside end of file on the socket: this one needs no running of our code.
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int user_become(const struct fog_inside *in)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	// The capabilities of our own user namespace must survive: mounting comes next.
	if (prctl(PR_SET_KEEPCAPS, 1) < 0)
		return -errno;
	// Refused where an unprivileged user made the namespace; he keeps his groups then.
	(void)setgroups(0, NULL);
	if (setresgid(in->gid, in->gid, in->gid) < 0 || setresuid(in->uid, in->uid, in->uid) < 0)
		return -errno;
	if (syscall(SYS_capget, &header, caps) < 0)
		return -errno;
	for (size_t i = 0; i < FOG_ARRAY_COUNT(caps); i++)
		caps[i].effective = caps[i].permitted;
	return syscall(SYS_capset, &header, caps) < 0 ? -errno : 0;
}

static int loopback_up(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int ret = ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* In namespaces: a new tree, name and user. */
static void furnish(struct fog_inside *in)
{
	static const char host[] = "fog-job";
	struct fog_rootfs root;
	const char *what;

	// Only now are we in our leaf, which becomes the root of what the job sees.
	if (unshare(CLONE_NEWCGROUP) == 0)
		in->facts.namespaces |= FOG_EXECUTOR_NS_CGROUP;
	int ret = fog_rootfs_open(&root, in->job->spec, &in->job->launch, &what);
	if (ret < 0)
		fail(in, -ret, what);
	ret = user_become(in);
	if (ret < 0)
		fail(in, -ret, "change user");
	ret = fog_rootfs_enter(&root, in->job->spec, in->uid, &in->facts.proc, &what);
	if (ret < 0)
		fail(in, -ret, what);
	if (sethostname(host, sizeof(host) - 1) < 0)
		fail(in, errno, "set host name");
	ret = in->job->spec->network ? loopback_up() : 0;
	if (ret < 0)
		fail(in, -ret, "loopback");
}

/* Without: the host's tree, its files held back by Landlock if there is one. */
static void make_do(struct fog_inside *in, struct fog_landlock_rule spool[2])
{
	static const char *const names[] = {"input", "work"};

	for (size_t i = 0; i < 2; i++) {
		spool[i].fd = open(names[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		spool[i].right = i == 0 ? FOG_LANDLOCK_READ : FOG_LANDLOCK_WRITE;
		if (spool[i].fd < 0)
			fail(in, errno, names[i]);
	}
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (in->uid != geteuid()) {
		int ret = user_become(in);
		if (ret < 0)
			fail(in, -ret, "change user");
	}
	if (fchdir(spool[1].fd) < 0)
		fail(in, errno, "enter work");
}

/* Environment of the job: its own, and defaults for what it left out. */
static char **environment(const struct fog_inside *in)
{
	static const char *const defaults[ENV_DEFAULTS] = {
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/work", "TMPDIR=/tmp", "LANG=C.UTF-8"};
	static char *env[FOG_EXECUTOR_ENV_MAX + ENV_DEFAULTS + 1];
	const struct fog_executor_spec *spec = in->job->spec;
	size_t n = 0;

	for (; n < spec->env_count; n++)
		env[n] = (char *)spec->env[n];
	for (size_t d = 0; d < ENV_DEFAULTS; d++) {
		size_t key = strcspn(defaults[d], "=") + 1;
		size_t i = 0;
		while (i < spec->env_count && strncmp(spec->env[i], defaults[d], key) != 0)
			i++;
		if (i == spec->env_count)
			env[n++] = (char *)defaults[d];
	}
	env[n] = NULL;
	return env;
}

static int stdin_open(const struct fog_inside *in, const struct fog_landlock_rule spool[2])
{
	const char *name = in->job->spec->stdin_name;
	int dir = spool[0].fd;

	if (name == NULL)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	// From inside, over the read-only mount: a reopening through /proc cannot get more.
	if (in->namespaces)
		dir = open("/input", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int err = errno;
	if (in->namespaces && dir >= 0)
		close(dir);
	errno = err;
	return fd;
}

static void landlock_apply(struct fog_inside *in, const struct fog_landlock_rule spool[2])
{
	static const struct {
		const char *path;
		enum fog_landlock_right right;
		bool inside_only;
	} paths[] = {
		{"/", FOG_LANDLOCK_LIST, true},
		{"/usr", FOG_LANDLOCK_READ, false},
		{"/bin", FOG_LANDLOCK_READ, false},
		{"/sbin", FOG_LANDLOCK_READ, false},
		{"/lib", FOG_LANDLOCK_READ, false},
		{"/lib32", FOG_LANDLOCK_READ, false},
		{"/lib64", FOG_LANDLOCK_READ, false},
		{"/libx32", FOG_LANDLOCK_READ, false},
		{"/etc/ld.so.cache", FOG_LANDLOCK_READ, false},
		{"/etc/alternatives", FOG_LANDLOCK_READ, false},
		{"/etc", FOG_LANDLOCK_READ, true},
		{"/proc", FOG_LANDLOCK_READ, true},
		{"/input", FOG_LANDLOCK_READ, true},
		{"/engine", FOG_LANDLOCK_READ, true},
		{"/work", FOG_LANDLOCK_WRITE, true},
		{"/checkpoint", FOG_LANDLOCK_WRITE, true},
		{"/tmp", FOG_LANDLOCK_WRITE, true},
		{"/dev/shm", FOG_LANDLOCK_WRITE, true},
		{"/dev/null", FOG_LANDLOCK_DEVICE, false},
		{"/dev/zero", FOG_LANDLOCK_DEVICE, false},
		{"/dev/full", FOG_LANDLOCK_DEVICE, false},
		{"/dev/random", FOG_LANDLOCK_DEVICE, false},
		{"/dev/urandom", FOG_LANDLOCK_DEVICE, false},
		{"/dev/kvm", FOG_LANDLOCK_DEVICE, true},
	};
	struct fog_landlock_rule rules[FOG_LANDLOCK_RULES_MAX];
	size_t count = 0;

	_Static_assert(FOG_ARRAY_COUNT(paths) + FOG_ACCELERATOR_DEVICES_MAX + 2 <=
			       FOG_LANDLOCK_RULES_MAX,
		       "room for all rules");
	for (size_t i = 0; i < FOG_ARRAY_COUNT(paths); i++) {
		if (paths[i].inside_only && !in->namespaces)
			continue;
		rules[count].fd = open(paths[i].path, O_PATH | O_CLOEXEC);
		rules[count].right = paths[i].right;
		count += rules[count].fd >= 0;
	}
	for (size_t i = 0; i < in->job->spec->device_count; i++) {
		rules[count].fd = open(in->job->spec->devices[i], O_PATH | O_CLOEXEC);
		rules[count].right = FOG_LANDLOCK_DEVICE;
		count += rules[count].fd >= 0;
	}
	size_t opened = count;
	for (size_t i = 0; i < 2 && !in->namespaces; i++)
		rules[count++] = spool[i];
	int ret = fog_landlock_enter(rules, count, in->job->spec->network, &in->facts.landlock_abi);
	while (opened > 0)
		close(rules[--opened].fd);
	// A kernel without it is a fact for the result; one that refuses our rules is our bug.
	if (ret < 0 && fog_landlock_abi() > 0)
		fail(in, -ret, "landlock");
}

/* A name of what the spec insists on and we do not have, or NULL. */
static const char *missing(const struct fog_inside *in)
{
	u32 require = in->job->spec->require;

	if ((require & FOG_EXECUTOR_REQUIRE_NAMESPACES) && !in->namespaces)
		return "namespaces";
	if ((require & FOG_EXECUTOR_REQUIRE_USER) && !in->user)
		return "user namespace";
	if ((require & FOG_EXECUTOR_REQUIRE_NO_NEW_PRIVS) && !in->facts.no_new_privs)
		return "no_new_privs";
	if ((require & FOG_EXECUTOR_REQUIRE_LANDLOCK) && in->facts.landlock_abi == 0)
		return "landlock";
	if ((require & FOG_EXECUTOR_REQUIRE_SECCOMP) && !in->facts.seccomp)
		return "seccomp";
	return NULL;
}

static void signals_reset(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

__attribute__((noreturn)) static void job_main(struct fog_inside *in,
					       const struct fog_landlock_rule spool[2])
{
	const struct fog_executor_spec *spec = in->job->spec;
	const char *const *argv = in->job->launch.argv;
	struct fog_inside_message ready = {.type = FOG_INSIDE_READY};
	char what[FOG_EXECUTOR_ERROR_MAX + 1];

	die_with_parent();
	(void)setsid();
	signals_reset();
	int input = stdin_open(in, spool);
	if (input < 0)
		fail(in, errno, "stdin");
	if (dup2(input, STDIN_FILENO) < 0 || dup2(in->job->out_fd[0], STDOUT_FILENO) < 0 ||
	    dup2(in->job->out_fd[1], STDERR_FILENO) < 0)
		fail(in, errno, "standard streams");
	landlock_apply(in, spool);
	// Late: from here on we may be unable to allocate.
	int ret = fog_rlimits_set(&spec->limits, in->facts.cgroup_limits);
	if (ret < 0)
		fail(in, -ret, "rlimits");
	const char *lacks = missing(in);
	if (lacks != NULL) {
		snprintf(what, sizeof(what), "required but not available: %s", lacks);
		fail(in, 0, what);
	}
	ready.facts = in->facts;
	send_message(in, &ready);
	environ = environment(in);
	// Whatever was inherited unnoticed ends here; the socket and all of ours close on exec
	// anyway.
	(void)syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
	execvp(argv[0], (char *const *)argv);
	ret = errno;
	snprintf(what, sizeof(what), "exec %.200s", argv[0]);
	fail(in, ret, what);
}

/* Without a pid namespace: what the job left behind becomes our child, generation by generation. */
static void children_kill(void)
{
	const struct timespec wait = {.tv_nsec = KILL_WAIT_NS};
	char path[64], text[CHILDREN_MAX];

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	for (int round = 0; round < KILL_ROUNDS; round++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (fd >= 0)
			close(fd);
		if (n <= 0)
			return;
		text[n] = '\0';
		char *save = NULL;
		for (char *at = strtok_r(text, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
			long pid = strtol(at, NULL, 10);
			if (pid > 1)
				(void)kill((pid_t)pid, SIGKILL);
		}
		nanosleep(&wait, NULL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

/* Take what has ended; true once the job's first process has. */
static bool reap(const struct fog_inside *in, pid_t job, bool *reported)
{
	struct fog_inside_message m = {.type = FOG_INSIDE_EXITED};
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != job)
			continue;
		m.value = status;
		send_message(in, &m);
		*reported = true;
	}
	return *reported;
}

static void job_signal(pid_t job, int signo)
{
	// Its session's first group: a shell and what it waits for.
	if (kill(-job, signo) < 0)
		(void)kill(job, signo);
}

__attribute__((noreturn)) static void init_loop(const struct fog_inside *in, pid_t job, int sig_fd)
{
	struct pollfd p[2] = {{.fd = in->socket_fd, .events = POLLIN},
			      {.fd = sig_fd, .events = POLLIN}};
	struct fog_inside_message m;
	struct signalfd_siginfo si;
	bool reported = false;

	while (!reap(in, job, &reported)) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents != 0)
			(void)!read(sig_fd, &si, sizeof(si));
		if (p[0].revents == 0)
			continue;
		ssize_t n = recv(in->socket_fd, &m, sizeof(m), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		// End of file: the monitor is dead, and so are we.
		if (n != (ssize_t)sizeof(m))
			break;
		if (m.type == FOG_INSIDE_SIGNAL)
			job_signal(job, m.value);
	}
	if (!in->namespaces) {
		job_signal(job, SIGKILL);
		children_kill();
		reap(in, job, &reported);
	}
	// In a pid namespace the kernel now kills everything else in it.
	_exit(0);
}

static void go_wait(const struct fog_inside *in)
{
	struct fog_inside_message m;
	ssize_t n;

	do
		n = recv(in->socket_fd, &m, sizeof(m), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(m) || m.type != FOG_INSIDE_GO)
		_exit(EXIT_SETUP);
}

/* Close what the monitor had open, above all its end of the socket. Stays: our standard streams,
 * the job's, our end, and the lock, which so is held until we are gone. */
static void close_others(const struct fog_inside *in)
{
	int keep[] = {in->socket_fd, in->job->out_fd[0], in->job->out_fd[1], in->job->lock_fd};
	unsigned from = STDERR_FILENO + 1;

	for (size_t i = 1; i < FOG_ARRAY_COUNT(keep); i++) {
		for (size_t k = i; k > 0 && keep[k] < keep[k - 1]; k--) {
			int swap = keep[k];
			keep[k] = keep[k - 1];
			keep[k - 1] = swap;
		}
	}
	for (size_t i = 0; i < FOG_ARRAY_COUNT(keep); i++) {
		if ((unsigned)keep[i] > from)
			(void)syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0);
		from = FOG_MAX(from, (unsigned)keep[i] + 1);
	}
	(void)syscall(SYS_close_range, from, ~0u, 0);
}

void fog_inside_main(struct fog_inside *in)
{
	struct fog_landlock_rule spool[2] = {{.fd = -1}, {.fd = -1}};
	sigset_t chld;

	die_with_parent();
	(void)prctl(PR_SET_NAME, "fog-init");
	umask(022);
	close_others(in);
	go_wait(in);
	// The starter's keys are not the job's.
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	if (in->namespaces)
		furnish(in);
	else
		make_do(in, spool);
	int ret = fog_privileges_drop();
	if (ret < 0)
		fail(in, -ret, "drop privileges");
	in->facts.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	// Same user as the job: without this it could write to our memory through /proc.
	(void)prctl(PR_SET_DUMPABLE, 0);
	// A change of user forgets it.
	die_with_parent();
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	(void)sigprocmask(SIG_SETMASK, &chld, NULL);
	int sig_fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sig_fd < 0)
		fail(in, errno, "signalfd");
	// Init and job share the filter: the job must not meet an init that can do more.
	ret = fog_seccomp_enter(in->namespaces || in->job->spec->network);
	if (ret < 0 && (in->job->spec->require & FOG_EXECUTOR_REQUIRE_SECCOMP))
		fail(in, -ret, "seccomp");
	in->facts.seccomp = ret == 0;
	pid_t job = fork();
	if (job < 0)
		fail(in, errno, "fork");
	if (job == 0)
		job_main(in, spool);
	close(in->job->out_fd[0]);
	close(in->job->out_fd[1]);
	init_loop(in, job, sig_fd);
}
