/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/cli/output.h"
#include "controlplane/cli/proc.h"

#define FILE_SIZE_MAX  (4u << 20) /* of plan.json and lab.json; larger is no lab */
#define FTW_FDS_MAX    16
#define LOOPBACK_BASE  20000 /* below the ports the kernel hands out by itself */
#define LOOPBACK_RANGE 10000

struct host_row {
	const char *name;
	bool exit;
};

static const struct host_row host_rows[] = {
#define X(name, op, country, region, as, power, exit, cpu, gb) {#name, exit},
#include "configs/lab/hosts.def"
#undef X
};

void fog_lab_dir_usual(char dir[FOG_LAB_DIR_MAX])
{
	snprintf(dir, FOG_LAB_DIR_MAX, "/tmp/fog-lab-%u", (unsigned)geteuid());
}

int fog_lab_dir(const struct fog_cli *cli, char dir[FOG_LAB_DIR_MAX])
{
	const char *given = cli->option[FOG_OPTION_LAB];
	char cwd[FOG_LAB_PATH_MAX];
	int n;

	if (given == NULL)
		given = cli->option[FOG_OPTION_DIR];
	if (given == NULL || *given == '\0')
		given = getenv("FOG_LAB");
	if (given == NULL || *given == '\0') {
		fog_lab_dir_usual(dir);
		return 0;
	}
	if (*given == '/')
		n = snprintf(dir, FOG_LAB_DIR_MAX, "%s", given);
	else if (getcwd(cwd, sizeof(cwd)) != NULL)
		n = snprintf(dir, FOG_LAB_DIR_MAX, "%s/%s", cwd, given);
	else
		return -ENAMETOOLONG;
	if (n >= FOG_LAB_DIR_MAX)
		return -ENAMETOOLONG;
	for (size_t i = strlen(dir); i > 1 && dir[i - 1] == '/'; i--)
		dir[i - 1] = '\0';
	return 0;
}

/* Where the programs of this build or installation are, from the folder of fogctl. */
static void program_path(const char *name, char path[FOG_LAB_PATH_MAX])
{
	static const char *const folders[] = {
		".",
		"../../dataplane",
		"../../dataplane/edge",
		"../../controlplane",
		"../../controlplane/executor",
	};
	char own[FOG_LAB_PATH_MAX / 2];

	if (fog_proc_own_folder(own, sizeof(own)) == 0) {
		for (size_t i = 0; i < FOG_ARRAY_COUNT(folders); i++) {
			snprintf(path, FOG_LAB_PATH_MAX, "%s/%s/%s", own, folders[i], name);
			if (access(path, X_OK) == 0) {
				char *real = realpath(path, NULL);
				if (real != NULL)
					snprintf(path, FOG_LAB_PATH_MAX, "%s", real);
				free(real);
				return;
			}
		}
	}
	snprintf(path, FOG_LAB_PATH_MAX, "%s", name); /* searched in PATH */
}

static json_t *process_plan(const char *run_dir, const char *name)
{
	char program[64], path[FOG_LAB_PATH_MAX];

	snprintf(program, sizeof(program), "fog-%s", name);
	program_path(program, path);
	return json_pack("{s:s, s:[s,s,s+], s:s+++}", "name", name, "argv", path, "--config",
			 run_dir, "/fog.conf", "log", run_dir, "/", name, ".log");
}

static json_t *processes_plan(const char *run_dir)
{
	return json_pack("[o,o,o]", process_plan(run_dir, "dataplane"),
			 process_plan(run_dir, "controlplane"), process_plan(run_dir, "edge"));
}

static json_t *host_plan_netns(const char *run_dir, const char *id, const char *name, u32 index)
{
	char netns[48], address[32], socks[32];

	snprintf(netns, sizeof(netns), "fog-%s-%s", id, name);
	snprintf(address, sizeof(address), "10.77.0.%u", FOG_LAB_ADDRESS_FIRST + index);
	snprintf(socks, sizeof(socks), "127.0.0.1:%u", FOG_LAB_SOCKS_PORT);
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:s, s:s, s:s+}", "name", name,
			 "netns", netns, "address", address, "link_port", FOG_LAB_LINK_PORT,
			 "control_port", FOG_LAB_CONTROL_PORT, "quorum_port", FOG_LAB_QUORUM_PORT,
			 "socks", socks, "http", "127.0.0.1:8000", "run_dir", run_dir, "api",
			 run_dir, "/api.sock");
}

static json_t *host_plan_loopback(const char *run_dir, const char *name, u16 *port)
{
	char socks[32], http[32];
	u16 link = fog_lab_port_probe(port);
	u16 control = fog_lab_port_probe(port);
	u16 quorum = fog_lab_port_probe(port);
	u16 proxy = fog_lab_port_probe(port);
	u16 api = fog_lab_port_probe(port);

	if (api == 0)
		return NULL;
	snprintf(http, sizeof(http), "127.0.0.1:%u", api);
	snprintf(socks, sizeof(socks), "127.0.0.1:%u", proxy);
	return json_pack("{s:s, s:n, s:s, s:i, s:i, s:i, s:s, s:s, s:s, s:s+}", "name", name,
			 "netns", "address", "127.0.0.1", "link_port", link, "control_port",
			 control, "quorum_port", quorum, "socks", socks, "http", http, "run_dir",
			 run_dir, "api", run_dir, "/api.sock");
}

json_t *fog_lab_plan(const char *dir, const char *id, enum fog_lab_mode mode, u32 hosts)
{
	char name[32], run_dir[FOG_LAB_PATH_MAX], path[FOG_LAB_PATH_MAX];
	u16 port = (u16)(LOOPBACK_BASE + strtoul(id, NULL, 16) * 7 % LOOPBACK_RANGE);
	json_t *array = json_array();

	for (u32 i = 0; i < hosts; i++) {
		const struct host_row *row = &host_rows[i % FOG_ARRAY_COUNT(host_rows)];
		if (i < FOG_ARRAY_COUNT(host_rows))
			snprintf(name, sizeof(name), "%s", row->name);
		else
			snprintf(name, sizeof(name), "host%u", i + 1);
		snprintf(run_dir, sizeof(run_dir), "%s/hosts/%s", dir, name);
		json_t *host = mode == FOG_LAB_NETNS ? host_plan_netns(run_dir, id, name, i)
						     : host_plan_loopback(run_dir, name, &port);
		if (host == NULL ||
		    json_object_set_new(host, "exit", json_boolean(row->exit)) != 0 ||
		    json_object_set_new(host, "processes", processes_plan(run_dir)) != 0 ||
		    json_array_append_new(array, host) != 0) {
			json_decref(host);
			json_decref(array);
			return NULL;
		}
	}
	json_t *www = mode == FOG_LAB_NETNS ? json_pack("{s:s++, s:s}", "netns", "fog-", id, "-www",
							"address", FOG_LAB_WWW_ADDRESS)
					    : json_null();
	program_path("fog-exec", path);
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "version", 1, "id", id,
			 "dir", dir, "mode", mode == FOG_LAB_NETNS ? "netns" : "loopback", "why",
			 "", "exec", path, "state", "starting", "www", www, "hosts", array);
}

/* What the rest relies on without looking again. */
static bool lab_valid(const json_t *lab)
{
	size_t h, p;
	const json_t *host, *process;

	if (fog_pick_number(lab, "version", 0) != 1 || fog_pick_text(lab, "dir", NULL) == NULL ||
	    strlen(fog_pick_text(lab, "id", "")) != 4 || fog_pick_text(lab, "mode", NULL) == NULL)
		return false;
	const json_t *hosts = json_object_get(lab, "hosts");
	if (json_array_size(hosts) == 0 || json_array_size(hosts) > FOG_LAB_HOSTS_MAX)
		return false;
	json_array_foreach((json_t *)hosts, h, host)
	{
		const json_t *processes = json_object_get(host, "processes");
		if (fog_pick_text(host, "name", NULL) == NULL ||
		    fog_pick_text(host, "run_dir", NULL) == NULL ||
		    fog_pick_text(host, "api", NULL) == NULL || !json_is_array(processes))
			return false;
		json_array_foreach((json_t *)processes, p, process)
		{
			if (fog_pick_text(process, "name", NULL) == NULL ||
			    fog_pick_text(process, "log", NULL) == NULL ||
			    json_array_size(json_object_get(process, "argv")) == 0)
				return false;
		}
	}
	return true;
}

json_t *fog_lab_load(const char *dir, const char *file)
{
	char path[FOG_LAB_PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	json_t *lab = NULL;
	/* A lab's plan names programs that we start: only our own is good. */
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && st.st_size <= FILE_SIZE_MAX)
		lab = json_loadfd(fd, 0, NULL);
	close(fd);
	if (lab != NULL && !lab_valid(lab)) {
		json_decref(lab);
		lab = NULL;
	}
	return lab;
}

int fog_lab_save(const json_t *lab, const char *dir, const char *file)
{
	char path[FOG_LAB_PATH_MAX], temporary[FOG_LAB_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	snprintf(temporary, sizeof(temporary), "%s/.%s.%d", dir, file, (int)getpid());
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int rc = json_dumpfd(lab, fd, JSON_INDENT(1)) == 0 ? 0 : -EIO;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(temporary, path) != 0)
		rc = -errno;
	if (rc != 0)
		unlink(temporary);
	return rc;
}

const json_t *fog_lab_host(const json_t *lab, const char *name)
{
	const json_t *hosts = json_object_get(lab, "hosts");
	size_t index;
	const json_t *host;

	if (name == NULL)
		return json_array_get(hosts, 0);
	json_array_foreach((json_t *)hosts, index, host) if (strcmp(fog_pick_text(host, "name", ""),
								    name) == 0) return host;
	return NULL;
}

bool fog_lab_alive(const char *dir)
{
	char path[FOG_LAB_PATH_MAX];

	snprintf(path, sizeof(path), "%s/lock", dir);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	bool alive = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return alive;
}

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

int fog_lab_dir_prepare(const char *dir, char why[FOG_LAB_NOTE_MAX])
{
	char path[FOG_LAB_PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/hosts", dir);
	if (mkdir(dir, 0700) == 0) {
		if (mkdir(path, 0700) == 0)
			return 0;
		snprintf(why, FOG_LAB_NOTE_MAX, "cannot make %s: %s", path, strerror(errno));
		return -errno;
	}
	if (errno != EEXIST || lstat(dir, &st) != 0) {
		snprintf(why, FOG_LAB_NOTE_MAX, "cannot make %s: %s", dir, strerror(errno));
		return -EACCES;
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
		snprintf(why, FOG_LAB_NOTE_MAX, "%s is not a folder of ours", dir);
		return -EPERM;
	}
	char marker[FOG_LAB_PATH_MAX];
	snprintf(marker, sizeof(marker), "%s/plan.json", dir);
	if (access(marker, F_OK) != 0 && rmdir(dir) != 0) {
		snprintf(why, FOG_LAB_NOTE_MAX, "%s holds other things than a lab; choose --dir",
			 dir);
		return -ENOTEMPTY;
	}
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return -errno;
	if (chmod(dir, 0700) != 0 ||
	    (nftw(path, entry_remove, FTW_FDS_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 &&
	     errno != ENOENT) ||
	    mkdir(path, 0700) != 0) {
		int rc = -errno;
		snprintf(why, FOG_LAB_NOTE_MAX, "cannot empty %s: %s", path, strerror(-rc));
		return rc;
	}
	return 0;
}
