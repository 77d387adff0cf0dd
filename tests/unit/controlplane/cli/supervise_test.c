/* SPDX-License-Identifier: BSD-3-Clause */
/* The supervisor with stand-in commands: it restarts what ends, backs off from what keeps ending,
 * stops everything in order, and what it leaves when it is killed can be swept. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/proc.h"
#include "tests/unit/fog_test.h"

#define WAIT_MS 30000

static char dir[] = "/tmp/fog-supervise-XXXXXX";
static char id[5];

/* One host with these commands as its processes, each run by sh -c. */
static void plan_write(const char *const *commands, u32 count)
{
	char run_dir[FOG_LAB_PATH_MAX];
	json_t *processes = json_array();

	snprintf(run_dir, sizeof(run_dir), "%s/hosts/ash", dir);
	for (u32 i = 0; i < count; i++) {
		char name[16], log[FOG_LAB_PATH_MAX + 32];
		snprintf(name, sizeof(name), "p%u", i);
		snprintf(log, sizeof(log), "%s/%s.log", run_dir, name);
		json_array_append_new(processes,
				      json_pack("{s:s, s:[s,s,s], s:s}", "name", name, "argv", "sh",
						"-c", commands[i], "log", log));
	}
	json_t *lab = json_pack("{s:i, s:s, s:s, s:s, s:[{s:s, s:s, s:s, s:o}]}", "version", 1,
				"id", id, "dir", dir, "mode", "loopback", "hosts", "name", "ash",
				"run_dir", run_dir, "api", run_dir, "processes", processes);
	CU_ASSERT_EQUAL(fog_lab_save(lab, dir, "plan.json"), 0);
	json_decref(lab);
}

static pid_t supervisor_start(void)
{
	char path[FOG_LAB_PATH_MAX];

	snprintf(path, sizeof(path), "%s/lab.json", dir);
	unlink(path);
	pid_t pid = fork();
	if (pid == 0) {
		int log = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(log, 2);
		_exit(fog_supervise(dir) == 0 ? 0 : 1);
	}
	return pid;
}

static void begin(const char *const *commands, u32 count)
{
	char path[FOG_LAB_PATH_MAX];

	memcpy(strrchr(dir, '-'), "-XXXXXX", 8);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(id, sizeof(id), "%04x", (unsigned)getpid() & 0xffff);
	snprintf(path, sizeof(path), "%s/hosts", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/hosts/ash", dir);
	mkdir(path, 0700);
	plan_write(commands, count);
}

static void end(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

/* Value of a process in lab.json; waits until it is at least `least`. */
static i64 process_value(u32 index, const char *key, i64 least)
{
	i64 value = -1;

	for (u32 ms = 0; ms < WAIT_MS; ms += 10) {
		json_t *lab = fog_lab_load(dir, "lab.json");
		const json_t *p = json_array_get(
			json_object_get(fog_lab_host(lab, NULL), "processes"), index);
		value = fog_pick_number(p, key, -1);
		json_decref(lab);
		if (value >= least)
			break;
		usleep(10000);
	}
	return value;
}

static bool gone(pid_t pid)
{
	for (u32 ms = 0; ms < WAIT_MS; ms += 10) {
		if (fog_proc_start_ticks(pid) == 0)
			return true;
		usleep(10000);
	}
	return false;
}

static void file_read(const char *name, char *text, size_t size)
{
	char path[FOG_LAB_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;
	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/* A process exists before it has said anything. */
static void wait_for_log(const char *want)
{
	char text[64] = "";

	for (u32 ms = 0; ms < WAIT_MS && strcmp(text, want) != 0; ms += 10) {
		file_read("hosts/ash/p0.log", text, sizeof(text));
		usleep(10000);
	}
	CU_ASSERT_STRING_EQUAL(text, want);
}

static void test_life_cycle(void)
{
	const char *commands[] = {"echo started; exec sleep 60", "exec sleep 60"};
	int status;

	begin(commands, 2);
	pid_t s = supervisor_start();
	pid_t a = (pid_t)process_value(0, "pid", 1);
	CU_ASSERT(a > 0);
	CU_ASSERT(fog_lab_alive(dir));
	CU_ASSERT_EQUAL(fog_supervise(dir), -EBUSY);

	wait_for_log("started\n");
	CU_ASSERT_EQUAL(kill(a, SIGKILL), 0);
	CU_ASSERT_EQUAL(process_value(0, "restarts", 1), 1);
	pid_t b = 0;
	for (u32 ms = 0; ms < WAIT_MS && (b <= 0 || b == a); ms += 10) {
		b = (pid_t)process_value(0, "pid", 1);
		usleep(10000);
	}
	CU_ASSERT(b > 0 && b != a);
	CU_ASSERT_EQUAL(process_value(0, "start_ticks", 1), (i64)fog_proc_start_ticks(b));
	json_t *lab = fog_lab_load(dir, "lab.json");
	CU_ASSERT_STRING_EQUAL(fog_pick_text(lab, "state", ""), "up");
	const json_t *p = json_array_get(json_object_get(fog_lab_host(lab, NULL), "processes"), 0);
	CU_ASSERT_STRING_EQUAL(fog_pick_text(p, "last_exit", ""), "signal 9");
	json_decref(lab);

	wait_for_log("started\nstarted\n");
	CU_ASSERT_EQUAL(kill(s, SIGTERM), 0);
	CU_ASSERT_EQUAL(waitpid(s, &status, 0), s);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_EQUAL(fog_proc_start_ticks(b), 0);
	CU_ASSERT(!fog_lab_alive(dir));
	lab = fog_lab_load(dir, "lab.json");
	CU_ASSERT_STRING_EQUAL(fog_pick_text(lab, "state", ""), "down");
	json_decref(lab);
	wait_for_log("started\nstarted\n");
	end();
}

static void test_bad_arguments(void)
{
	const char *commands[] = {"true"};
	char path[FOG_LAB_PATH_MAX];

	CU_ASSERT_EQUAL(fog_supervise("/nowhere/at/all"), -ENOENT);
	begin(commands, 1);
	snprintf(path, sizeof(path), "%s/plan.json", dir);
	unlink(path);
	CU_ASSERT_EQUAL(fog_supervise(dir), -ENOENT);
	end();
}

/* Ends at once, every time: restarts come slower and slower instead of eating the machine. */
static void test_backoff(void)
{
	const char *commands[] = {"exit 7", "exec /no/such/program"};
	int status;

	begin(commands, 2);
	pid_t s = supervisor_start();
	usleep(1000000);
	i64 restarts = process_value(0, "restarts", 2);
	CU_ASSERT(restarts >= 2 && restarts <= 5); /* after 0.1, 0.3, 0.7, 1.5 s */
	json_t *lab = fog_lab_load(dir, "lab.json");
	const json_t *p = json_array_get(json_object_get(fog_lab_host(lab, NULL), "processes"), 0);
	CU_ASSERT_STRING_EQUAL(fog_pick_text(p, "last_exit", ""), "status 7");
	json_decref(lab);
	kill(s, SIGTERM);
	waitpid(s, &status, 0);
	end();
}

/* Last process of a host first; one that ignores SIGTERM is killed. */
static void test_stop_order(void)
{
	char first[160], last[160], text[64];
	int status;

	begin((const char *const[]){"true"}, 1);
	snprintf(first, sizeof(first),
		 "trap 'echo first >> %s/order; exit' TERM; while :; do sleep 0.01; done", dir);
	snprintf(last, sizeof(last),
		 "trap 'echo last >> %s/order; exit' TERM; while :; do sleep 0.01; done", dir);
	plan_write((const char *const[]){first, "trap '' TERM; while :; do sleep 0.01; done", last},
		   3);
	pid_t s = supervisor_start();
	CU_ASSERT(process_value(2, "pid", 1) > 0);
	usleep(200000); /* the shells set their traps */
	pid_t stubborn = (pid_t)process_value(1, "pid", 1);
	kill(s, SIGTERM);
	waitpid(s, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_EQUAL(fog_proc_start_ticks(stubborn), 0);
	file_read("order", text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "last\nfirst\n");
	end();
}

/* kill -9 of the supervisor: its processes end with it, detached grandchildren are swept. */
static void test_supervisor_killed(void)
{
	char command[160], text[32];
	int status;

	begin((const char *const[]){"true"}, 1);
	snprintf(command, sizeof(command), "setsid sleep 60 & echo $! > %s/pid; exec sleep 60",
		 dir);
	plan_write((const char *const[]){command}, 1);
	pid_t s = supervisor_start();
	pid_t child = (pid_t)process_value(0, "pid", 1);
	pid_t orphan = 0;
	for (u32 ms = 0; ms < WAIT_MS && orphan == 0; ms += 10) {
		file_read("pid", text, sizeof(text));
		orphan = (pid_t)strtol(text, NULL, 10);
		usleep(10000);
	}
	CU_ASSERT(fog_proc_start_ticks(orphan) != 0);
	kill(s, SIGKILL);
	waitpid(s, &status, 0);
	CU_ASSERT(gone(child));
	CU_ASSERT(!fog_lab_alive(dir));
	CU_ASSERT(fog_proc_start_ticks(orphan) != 0);
	CU_ASSERT_EQUAL(fog_lab_down(dir), 0);
	CU_ASSERT(gone(orphan));
	json_t *lab = fog_lab_load(dir, "lab.json");
	CU_ASSERT_STRING_EQUAL(fog_pick_text(lab, "state", ""), "down");
	json_decref(lab);
	end();
}

/* The socket of beats holds few: who does not find room there is silent, and killed for it. Read
 * once a second, as they were, these would take more than a minute. */
static void test_beats_are_read_at_once(void)
{
	const char *commands[] = {"sleep 100"};
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct timeval wait = {.tv_sec = WAIT_MS / 1000};
	struct timespec begin_ts, end_ts;
	int status;

	begin(commands, 1);
	pid_t supervisor = supervisor_start();
	CU_ASSERT(process_value(0, "pid", 1) > 0);
	CU_ASSERT((size_t)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/notify.sock", dir) <
		  sizeof(sa.sun_path));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)), 0);
	CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	clock_gettime(CLOCK_MONOTONIC, &begin_ts);
	for (u32 i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(send(fd, "WATCHDOG=1", 10, 0), 10);
	clock_gettime(CLOCK_MONOTONIC, &end_ts);
	CU_ASSERT(end_ts.tv_sec - begin_ts.tv_sec <= WAIT_MS / 1000);
	close(fd);
	kill(supervisor, SIGTERM);
	CU_ASSERT_EQUAL(waitpid(supervisor, &status, 0), supervisor);
	end();
}

FOG_TEST_MAIN("controlplane/cli/supervise", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_backoff), FOG_TEST(test_stop_order), FOG_TEST(test_supervisor_killed),
	      FOG_TEST(test_beats_are_read_at_once))
