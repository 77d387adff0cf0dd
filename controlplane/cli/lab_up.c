/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/proc.h"
#include "controlplane/cli/units.h"
#include "controlplane/core/identity.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"

#define SUPERVISOR_START_MS 5000
#define DOWN_MS             20000 /* all ranks of processes, each with its SIGKILL */
#define POLL_MS             50
#define UP_TIMEOUT_MS       90000
#define KEY_HEX_SIZE        65

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	interrupted = number;
}

void fog_lab_interruptible(void)
{
	struct sigaction action = {.sa_handler = on_interrupt};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool fog_lab_interrupted(void)
{
	return interrupted != 0;
}

static int mode_parse(const char *text, enum fog_lab_mode *mode)
{
	if (text == NULL || strcmp(text, "auto") == 0)
		*mode = FOG_LAB_AUTO;
	else if (strcmp(text, "netns") == 0)
		*mode = FOG_LAB_NETNS;
	else if (strcmp(text, "loopback") == 0)
		*mode = FOG_LAB_LOOPBACK;
	else
		return -EINVAL;
	return 0;
}

static int id_draw(char id[5])
{
	u16 value;

	if (getrandom(&value, sizeof(value), 0) != sizeof(value))
		return -EIO;
	snprintf(id, 5, "%04x", value);
	return 0;
}

/* Back ends that see frames need a namespace a host. */
static int io_parse(const char *text, enum fog_lab_mode *mode, const char **io)
{
	static const char *const names[] = {"auto", "uring", "socket", "af_xdp", "dpdk"};
	unsigned i;

	*io = text != NULL ? text : "auto";
	for (i = 0; i < FOG_ARRAY_COUNT(names) && strcmp(*io, names[i]) != 0; i++)
		;
	if (i == FOG_ARRAY_COUNT(names) || (i >= 3 && *mode == FOG_LAB_LOOPBACK))
		return -EINVAL;
	if (i >= 3)
		*mode = FOG_LAB_NETNS;
	return 0;
}

/* The plan of the mode asked for, its network up. With AUTO falls back to loopback and says why. */
static json_t *network_up(const char *dir, const char *id, enum fog_lab_mode mode, u32 hosts,
			  const char *io, char why[FOG_LAB_NOTE_MAX])
{
	json_t *lab = NULL;

	why[0] = '\0';
	if (mode != FOG_LAB_LOOPBACK && geteuid() != 0) {
		snprintf(why, FOG_LAB_NOTE_MAX, "network namespaces need root");
	} else if (mode != FOG_LAB_LOOPBACK) {
		lab = fog_lab_plan(dir, id, FOG_LAB_NETNS, hosts);
		json_object_set_new(lab, "io", json_string(io));
		/* The plan is written first, so that `lab down` finds what a crash here left. */
		if (lab != NULL && fog_lab_save(lab, dir, "plan.json") == 0 &&
		    fog_lab_net_up(lab, why) == 0)
			return lab;
		json_decref(lab);
	}
	if (mode == FOG_LAB_NETNS)
		return NULL;
	lab = fog_lab_plan(dir, id, FOG_LAB_LOOPBACK, hosts);
	json_object_set_new(lab, "io", json_string(io));
	if (lab == NULL)
		snprintf(why, FOG_LAB_NOTE_MAX, "no free ports on 127.0.0.1");
	else
		json_object_set_new(lab, "why", json_string(why));
	return lab;
}

static int programs_check(const json_t *lab, char why[FOG_LAB_NOTE_MAX])
{
	const json_t *host = fog_lab_host(lab, NULL);
	size_t index;
	const json_t *process;

	json_array_foreach(json_object_get(host, "processes"), index, process)
	{
		const char *path =
			json_string_value(json_array_get(json_object_get(process, "argv"), 0));
		if (strchr(path, '/') == NULL || access(path, X_OK) != 0) {
			snprintf(why, FOG_LAB_NOTE_MAX,
				 "%s is not beside fogctl; build it first: ninja -C build", path);
			return -ENOENT;
		}
	}
	return 0;
}

/* Every host's identity is made here, so that each can be told the control keys of its peers. */
static int keys_make(const json_t *lab, char keys[][KEY_HEX_SIZE], char nodes[][KEY_HEX_SIZE],
		     char why[FOG_LAB_NOTE_MAX])
{
	size_t index;
	const json_t *host;

	json_array_foreach(json_object_get(lab, "hosts"), index, host)
	{
		struct fog_identity id;
		char state[FOG_LAB_PATH_MAX], text[FOG_IDENTITY_WHY_SIZE];

		snprintf(state, sizeof(state), "%s/state", fog_pick_text(host, "run_dir", ""));
		int rc = fog_identity_load(&id, state, text);
		if (rc != 0) {
			snprintf(why, FOG_LAB_NOTE_MAX, "%.200s: %.255s", state, text);
			return rc;
		}
		FOG_ASSERT(fog_hex_encode(id.control_pk, 32, keys[index], KEY_HEX_SIZE) == 0);
		FOG_ASSERT(fog_hex_encode(id.node_id, 32, nodes[index], KEY_HEX_SIZE) == 0);
		fog_identity_wipe(&id);
	}
	return 0;
}

static int hosts_prepare(const json_t *lab, char why[FOG_LAB_NOTE_MAX])
{
	static char keys[FOG_LAB_HOSTS_MAX][KEY_HEX_SIZE], nodes[FOG_LAB_HOSTS_MAX][KEY_HEX_SIZE];
	const char *list[FOG_LAB_HOSTS_MAX], *node_list[FOG_LAB_HOSTS_MAX];

	for (u32 i = 0; i < FOG_LAB_HOSTS_MAX; i++) {
		list[i] = keys[i];
		node_list[i] = nodes[i];
	}
	int rc = programs_check(lab, why);
	if (rc != 0)
		return rc;
	rc = fog_lab_conf_write(lab, NULL);
	if (rc == 0)
		rc = keys_make(lab, keys, nodes, why);
	if (rc == 0)
		rc = fog_lab_genesis_write(lab, node_list, list);
	if (rc == 0)
		rc = fog_lab_conf_write(lab, list);
	if (rc != 0 && why[0] == '\0')
		snprintf(why, FOG_LAB_NOTE_MAX, "cannot write fog.conf: %s", strerror(-rc));
	return rc;
}

/* In the process that becomes the supervisor. */
__attribute__((noreturn)) static void supervisor_exec(const char *dir)
{
	char path[FOG_LAB_PATH_MAX];
	int null = open("/dev/null", O_RDWR);

	snprintf(path, sizeof(path), "%s/supervisor.log", dir);
	int log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	if (null >= 0 && log >= 0 && dup2(null, 0) == 0 && dup2(log, 1) == 1 && dup2(log, 2) == 2) {
		closefrom(3);
		execl("/proc/self/exe", "fogctl", "lab", "supervise", "--lab", dir, (char *)NULL);
	}
	_exit(127);
}

static int supervisor_start(const char *dir, char why[FOG_LAB_NOTE_MAX])
{
	char path[FOG_LAB_PATH_MAX];

	snprintf(path, sizeof(path), "%s/lab.json", dir);
	unlink(path); /* of a former lab */
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		if (fork() == 0)
			supervisor_exec(dir);
		_exit(0);
	}
	if (pid < 0)
		return -errno;
	waitpid(pid, NULL, 0);
	for (u32 ms = 0; ms < SUPERVISOR_START_MS; ms += POLL_MS) {
		if (access(path, F_OK) == 0 && fog_lab_alive(dir))
			return 0;
		usleep(POLL_MS * 1000);
	}
	snprintf(why, FOG_LAB_NOTE_MAX, "the supervisor did not start, see %s/supervisor.log", dir);
	return -ETIMEDOUT;
}

static int lab_start(const struct fog_cli *cli, const char *dir, json_t *lab,
		     char why[FOG_LAB_NOTE_MAX])
{
	int rc = hosts_prepare(lab, why);

	if (rc == 0)
		rc = fog_lab_save(lab, dir, "plan.json");
	if (rc == 0)
		rc = supervisor_start(dir, why);
	if (rc == 0)
		rc = fog_lab_wait(cli, lab, UP_TIMEOUT_MS, why);
	if (rc != 0 && why[0] == '\0')
		snprintf(why, FOG_LAB_NOTE_MAX, "%s", strerror(-rc));
	return rc;
}

/* The lab trusts one builder of WebAssembly, whose key anybody here may use: DIR/builder.key. */
static int builder_make(json_t *lab, const char *dir)
{
	u8 seed[FOG_SIGN_SEED_SIZE], pk[FOG_SIGN_PUBLIC_SIZE], sk[FOG_SIGN_SECRET_SIZE];
	char path[FOG_LAB_PATH_MAX], text[KEY_HEX_SIZE];

	snprintf(path, sizeof(path), "%s/builder.key", dir);
	(void)unlink(path);
	fog_random_bytes(seed, sizeof(seed));
	fog_sign_keypair(pk, sk, seed);
	(void)fog_hex_encode(seed, sizeof(seed), text, sizeof(text));
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc = fd < 0 ? -errno : dprintf(fd, "%s\n", text) < 0 ? -EIO : 0;
	if (fd >= 0 && close(fd) != 0 && rc == 0)
		rc = -errno;
	(void)fog_hex_encode(pk, sizeof(pk), text, sizeof(text));
	json_object_set_new(lab, "wasm_builder", json_string(text));
	return rc;
}

/* What the lab's genesis shall say otherwise; NULL when nothing. */
static int genesis_read(const struct fog_cli *cli, json_t **out)
{
	const char *path = cli->option[FOG_OPTION_GENESIS];
	json_error_t error;

	*out = path != NULL ? json_load_file(path, JSON_REJECT_DUPLICATES, &error) : NULL;
	if (path == NULL || json_is_object(*out))
		return 0;
	(void)fog_cli_fail(cli, "%s: line %d: %s", path, error.line, error.text);
	json_decref(*out);
	*out = NULL;
	return -EINVAL;
}

int fog_lab_up(const struct fog_cli *cli, const char *dir, json_t **out)
{
	char why[FOG_LAB_NOTE_MAX] = "", id[5];
	const char *hosts_text = cli->option[FOG_OPTION_HOSTS];
	enum fog_lab_mode mode;
	const char *io;
	u64 hosts = FOG_LAB_HOSTS_DEFAULT;
	json_t *genesis;

	*out = NULL;
	if (mode_parse(cli->option[FOG_OPTION_MODE], &mode) != 0)
		return fog_cli_usage(cli, "--mode is auto, netns or loopback");
	if (io_parse(cli->option[FOG_OPTION_IO], &mode, &io) != 0)
		return fog_cli_usage(cli, "--io is auto, uring, socket, af_xdp or dpdk; the last "
					  "two want --mode netns");
	if (hosts_text != NULL && fog_count_parse(hosts_text, 1, FOG_LAB_HOSTS_MAX, &hosts) != 0)
		return fog_cli_usage(cli, "--hosts is a number from 1 to %d", FOG_LAB_HOSTS_MAX);
	if (fog_lab_alive(dir))
		return fog_cli_fail(cli, "a lab is already up in %s; stop it with: fogctl lab down",
				    dir);
	if (genesis_read(cli, &genesis) != 0)
		return FOG_CLI_FAILED;
	fog_lab_interruptible();
	fog_lab_down(dir); /* what an earlier one may have left */
	json_t *lab = NULL;
	if (fog_lab_dir_prepare(dir, why) == 0 && id_draw(id) == 0)
		lab = network_up(dir, id, mode, (u32)hosts, io, why);
	if (lab == NULL) {
		json_decref(genesis);
		return fog_cli_fail(cli, "%s", why);
	}
	json_object_set_new(lab, "genesis", genesis);
	if (builder_make(lab, dir) != 0)
		return fog_cli_fail(cli, "cannot make %s/builder.key", dir);
	if (why[0] != '\0' && !cli->json)
		fprintf(cli->out, "The hosts share 127.0.0.1, each on ports of its own: %s.\n",
			why);
	why[0] = '\0';
	int rc = lab_start(cli, dir, lab, why);
	if (rc != 0) {
		fog_lab_down(dir);
		json_decref(lab);
		return fog_cli_fail(cli, "%s", why);
	}
	*out = lab;
	return FOG_CLI_OK;
}

static void supervisor_signal(const json_t *state, int number)
{
	fog_proc_signal((pid_t)fog_pick_number(state, "supervisor.pid", 0),
			(u64)fog_pick_number(state, "supervisor.start_ticks", 0), number);
}

int fog_lab_down(const char *dir)
{
	json_t *plan = fog_lab_load(dir, "plan.json");
	json_t *state = fog_lab_load(dir, "lab.json");

	if (plan == NULL) {
		json_decref(state);
		return -ENOENT;
	}
	if (state != NULL && fog_lab_alive(dir))
		supervisor_signal(state, SIGTERM);
	for (u32 ms = 0; ms < DOWN_MS && fog_lab_alive(dir); ms += POLL_MS)
		usleep(POLL_MS * 1000);
	if (state != NULL && fog_lab_alive(dir))
		supervisor_signal(state, SIGKILL);
	fog_lab_sweep(dir, fog_pick_text(plan, "id", ""));
	json_decref(state);
	json_decref(plan);
	state = fog_lab_load(dir, "lab.json");
	if (state != NULL && strcmp(fog_pick_text(state, "state", ""), "down") != 0) {
		json_object_set_new(state, "state", json_string("down"));
		fog_lab_save(state, dir, "lab.json");
	}
	json_decref(state);
	return fog_lab_alive(dir) ? -ETIMEDOUT : 0;
}
