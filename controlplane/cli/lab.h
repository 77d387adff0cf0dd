/* SPDX-License-Identifier: BSD-3-Clause */
/* A lab: several hosts of a fog on one machine, each with its own folder, configuration and
 * processes, in network namespaces or on ports of 127.0.0.1.
 *
 *	DIR/plan.json		what `lab up` decided; read by the supervisor
 *	DIR/lab.json		plan + processes as they are now; written by the supervisor,
 *atomically DIR/lock		locked while a supervisor lives DIR/supervisor.log DIR/hosts/NAME/
 *run directory of a host: fog.conf, sockets, *.log, state/
 *
 * Both files hold one object:
 *
 *	{"version":1, "id":"3fa9", "dir":"..", "mode":"netns"|"loopback", "why":"..",
 *"state":"starting"| "up"|"stopping"|"down", "exec":path of fog-exec,
 *"supervisor":{"pid","start_ticks"}, "www":{"netns","address"}|null,
 *	 "hosts":[{"name","netns":".."|null,"address","link_port","control_port","socks","run_dir",
 *	   "api","exit":true|false,
 *	   "processes":[{"name","argv":[..],"log","state":"running"|"waiting"|"stopped","pid",
 *	     "start_ticks","started_ms","restarts","last_exit":".."|null}]}]} */
#ifndef FOG_CLI_LAB_H
#define FOG_CLI_LAB_H

#include <jansson.h>

#include "controlplane/cli/command.h"

#define FOG_LAB_HOSTS_MAX     64
#define FOG_LAB_HOSTS_DEFAULT 7
#define FOG_LAB_DIR_MAX       64 /* so that socket paths fit into sun_path */
#define FOG_LAB_PATH_MAX      256
#define FOG_LAB_LINK_PORT     7000 /* in namespaces; loopback probes for free ones */
#define FOG_LAB_CONTROL_PORT  7001
#define FOG_LAB_QUORUM_PORT   7002
#define FOG_LAB_VALIDATORS    7 /* the first so many hosts vote, the others follow */
#define FOG_LAB_SOCKS_PORT    9050
#define FOG_LAB_ADDRESS_FIRST 10 /* 10.77.0.10, .11 .. */
#define FOG_LAB_WWW_ADDRESS   "10.77.0.250"
#define FOG_LAB_NOTE_MAX      512

enum fog_lab_mode {
	FOG_LAB_AUTO = 1,
	FOG_LAB_NETNS,
	FOG_LAB_LOOPBACK,
};

/* ---- lab.c: the object and its files ------------------------------------------------------- */

/* Folder of the lab this call is about: --lab or --dir, $FOG_LAB, or /tmp/fog-lab-UID. Absolute,
 * without a last slash. 0 or -ENAMETOOLONG. */
int fog_lab_dir(const struct fog_cli *cli, char dir[FOG_LAB_DIR_MAX]);

/* Folder of a lab when nothing says otherwise: /tmp/fog-lab-UID. */
void fog_lab_dir_usual(char dir[FOG_LAB_DIR_MAX]);

/* Plan a lab: names, addresses, ports, folders, commands. `bin` is the build's or installation's
 * folder of programs. NULL when out of memory or of free ports. */
json_t *fog_lab_plan(const char *dir, const char *id, enum fog_lab_mode mode, u32 hosts);

/* Read DIR/plan.json or DIR/lab.json (`file`); checks what the other functions rely on. NULL when
 * there is none or it is not a lab. */
json_t *fog_lab_load(const char *dir, const char *file);
/* Write it: temporary file, then rename. 0 or -errno. */
int fog_lab_save(const json_t *lab, const char *dir, const char *file);

/* Host by name; NULL = the first. Borrowed; NULL when there is none. */
const json_t *fog_lab_host(const json_t *lab, const char *name);

/* True while a supervisor holds DIR/lock. */
bool fog_lab_alive(const char *dir);

/* Make DIR (0700, ours) and empty its hosts/ folder. Refuses a folder that is somebody else's or
 * holds other things; `why` says so. 0 or -errno. */
int fog_lab_dir_prepare(const char *dir, char why[FOG_LAB_NOTE_MAX]);

/* ---- lab_conf.c ---------------------------------------------------------------------------- */

/* Write each host's folder and fog.conf. keys[i]: control key of host i in hex, or NULL on the
 * first pass, before the keys exist. 0 or -errno. */
int fog_lab_conf_write(const json_t *lab, const char *const *keys);
/* DIR/genesis.json of the shared ledger, unless it is there: the first FOG_LAB_VALIDATORS hosts
 * vote, every host owns something. nodes, keys: node ids and control keys in hex. 0 or -errno. */
int fog_lab_genesis_write(const json_t *lab, const char *const *nodes, const char *const *keys);
/* One string as libconfig reads it, with quotes. */
void fog_lab_conf_string(FILE *out, const char *text);

/* ---- lab_net.c ----------------------------------------------------------------------------- */

/* Build the bridge and the namespaces of the plan. On failure everything is taken down again and
 * `why` says what did not work. 0 or -errno. */
int fog_lab_net_up(const json_t *lab, char why[FOG_LAB_NOTE_MAX]);
/* Delete every namespace of lab `id`. Returns how many there were. */
u32 fog_lab_net_down(const char *id);
/* First port >= *next of 127.0.0.1 free for UDP and TCP; moves *next past it. 0 = none. */
u16 fog_lab_port_probe(u16 *next);

/* ---- supervise.c --------------------------------------------------------------------------- */

/* Start what the plan of DIR lists and keep it running until SIGTERM or SIGINT; then stop it.
 * Writes lab.json at every change. Holds DIR/lock. 0, -EBUSY (another supervisor), or -errno. */
int fog_supervise(const char *dir);

/* Kill what a dead supervisor may have left of lab `id` in DIR: processes marked in their
 * environment and namespaces. Bounded at 5 s. */
void fog_lab_sweep(const char *dir, const char *id);

/* ---- lab_wait.c ---------------------------------------------------------------------------- */

/* What a host's control plane says about itself. */
struct fog_lab_facts {
	bool answers;    /* the API does */
	bool attached;   /* to its data plane */
	bool edge;       /* its fog-edge is connected */
	u32 hosts_known; /* valid descriptors, its own included */
	u32 links_up;    /* sessions with neighbours */
	i64 attached_ms; /* Unix time of the attachment; 0 = unknown */
	char error[128]; /* why it does not answer */
};

void fog_lab_facts_read(const json_t *host, struct fog_lab_facts *facts);

/* Wait until each host knows all others and has its links up, with progress on a terminal. 0, or
 * -ETIMEDOUT with `why` naming what is missing and the log to read. */
int fog_lab_wait(const struct fog_cli *cli, const json_t *lab, u64 timeout_ms,
		 char why[FOG_LAB_NOTE_MAX]);

/* ---- lab_story.c --------------------------------------------------------------------------- */

/* Send a job from the first host of a lab that is up, tell its way, check every step. FOG_CLI_*. */
int fog_lab_story(const struct fog_cli *cli, const json_t *lab);

/* ---- lab_up.c ------------------------------------------------------------------------------ */

/* Everything of `lab up`: plan, network, configuration, supervisor, waiting. On failure it has
 * printed why and taken the lab down; the logs stay. FOG_CLI_*. *lab is the caller's to free. */
int fog_lab_up(const struct fog_cli *cli, const char *dir, json_t **lab);
/* Stop the lab in DIR and remove its namespaces, whether or not its supervisor lives. 0, -ENOENT
 * when there never was one, or -ETIMEDOUT. */
int fog_lab_down(const char *dir);

/* SIGINT and SIGTERM set a flag from now on, so that waiting ends and cleaning up begins. */
void fog_lab_interruptible(void);
bool fog_lab_interrupted(void);

#endif
