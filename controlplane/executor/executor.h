/* SPDX-License-Identifier: BSD-3-Clause */
/* The executor: runs one attempt of a job in a sandbox and survives the process that asked for it.
 *
 * The control plane prepares a spool directory, starts fog-exec on it and later looks at the files
 * fog-exec leaves there. Nothing else connects the two, so a control plane that was killed finds
 *its jobs again by looking at the spools:
 *
 *	SPOOL/spec.json    what to run           written by prepare
 *	SPOOL/input/       files for the job     written by input_write; the job sees them at
 * /input, read-only SPOOL/work/        its directory         the job sees it at /work, writable
 *	SPOOL/stdout       what it printed       grows while it runs, cut at limits.output_bytes
 *	SPOOL/stderr
 *	SPOOL/state.json   who runs it           replaced atomically
 *	SPOOL/result.json  how it ended          appears once, atomically, never changes
 *	SPOOL/kept/        what it leaves behind, kept.h; whole once kept/index.json names it
 *	SPOOL/lock         flock                 held for as long as the monitor or the job's init
 *lives
 *
 *	PENDING --start--> RUNNING --lock free, result.json--> FINISHED
 *	                      `-----lock free, no result-----> VANISHED (monitor killed, host
 *rebooted)
 *
 * One monitor runs one job; a spool runs once. Another try is another spool.
 *
 * Functions return 0 or -errno, do blocking file work of a few milliseconds and keep no state; they
 * may be called from any thread, not for the same spool at once. */
#ifndef FOG_EXECUTOR_H
#define FOG_EXECUTOR_H

#include <sys/types.h>

#include "controlplane/executor/accelerators.h"
#include "crypto/types.h"

/* Limits. A spec that breaks one is refused, never cut to fit. */
#define FOG_EXECUTOR_JOB_MAX      64  /* characters of a job id: [A-Za-z0-9._-] */
#define FOG_EXECUTOR_ENGINE_MAX   15  /* characters of an engine's name */
#define FOG_EXECUTOR_BUILDERS_MAX 16  /* builders of WebAssembly a host trusts */
#define FOG_EXECUTOR_ARGS_MAX     256 /* strings in argv */
#define FOG_EXECUTOR_ENV_MAX      72  /* variables: 64 of a job, and what it is told beside */
#define FOG_EXECUTOR_STRINGS_MAX                                                               \
	(128u << 10)                        /* bytes of argv and env with their NULs (ARG_MAX) \
					     */
#define FOG_EXECUTOR_NAME_MAX   255         /* bytes of an input file's name (NAME_MAX) */
#define FOG_EXECUTOR_SPEC_MAX   (1u << 20)  /* bytes of spec.json: the strings, all escaped */
#define FOG_EXECUTOR_RESULT_MAX (64u << 10) /* bytes of result.json and state.json */
#define FOG_EXECUTOR_ERROR_MAX  255         /* characters of an error text */
#define FOG_EXECUTOR_PATH_MAX   3072        /* bytes of a spool's path, room left for names below */

#define FOG_EXECUTOR_CPU_CORES_MIN 0.01
#define FOG_EXECUTOR_CPU_CORES_MAX 4096.0
#define FOG_EXECUTOR_MEMORY_MIN    (4ull << 20)
#define FOG_EXECUTOR_MEMORY_MAX    (1ull << 50)
#define FOG_EXECUTOR_PIDS_MIN      1u
#define FOG_EXECUTOR_PIDS_MAX      32768u
#define FOG_EXECUTOR_WALL_MS_MAX   (30ull * 24 * 3600 * 1000) /* 30 days */
#define FOG_EXECUTOR_CPU_MS_MAX    (FOG_EXECUTOR_WALL_MS_MAX * 4096)
#define FOG_EXECUTOR_OUTPUT_MAX    (1ull << 30)
#define FOG_EXECUTOR_DISK_MAX      (1ull << 50)

/* ---- checkpoints and artifacts -------------------------------------------------------------- */
#define FOG_EXECUTOR_CHECKPOINT_MAX      (256ull << 20) /* bytes of a checkpoint's archive */
#define FOG_EXECUTOR_GRACE_MS_MAX        60000u         /* from SIGTERM to SIGKILL */
#define FOG_EXECUTOR_INTERVAL_MS_MAX     (24u * 3600 * 1000)
#define FOG_EXECUTOR_PATTERNS_MAX        32  /* of artifacts */
#define FOG_EXECUTOR_PATTERN_MAX         255 /* bytes of one */
#define FOG_EXECUTOR_STARS_MAX           8   /* '*' in one: what matching costs grows with them */
#define FOG_EXECUTOR_ARTIFACTS_MAX       256 /* files taken; more are left out and counted */
#define FOG_EXECUTOR_ARTIFACT_NAME_MAX   255 /* bytes of a file's path below /work */
#define FOG_EXECUTOR_ARTIFACT_TEXT_SIZE  (3 * FOG_EXECUTOR_ARTIFACT_NAME_MAX + 1) /* as text */
#define FOG_EXECUTOR_ARTIFACTS_BYTES_MAX (256ull << 20) /* of all files together */
#define FOG_EXECUTOR_MANIFEST_MAX        (1u << 20)     /* bytes of the manifest */
#define FOG_EXECUTOR_LEFT_OUT_MAX        32 /* files named in the manifest that were not taken */

/* What confinement the job insists on; without it the job fails before its first instruction.
 * NAMESPACES means mount, pid, net, ipc and uts together: the private file tree and no network. */
enum fog_executor_require {
	FOG_EXECUTOR_REQUIRE_NAMESPACES = 1 << 0,
	FOG_EXECUTOR_REQUIRE_NO_NEW_PRIVS = 1 << 1,
	FOG_EXECUTOR_REQUIRE_SECCOMP = 1 << 2,
	FOG_EXECUTOR_REQUIRE_LANDLOCK = 1 << 3,
	FOG_EXECUTOR_REQUIRE_USER = 1 << 4,   /* a user namespace of its own */
	FOG_EXECUTOR_REQUIRE_MEMORY = 1 << 5, /* memory limit by control group */
	FOG_EXECUTOR_REQUIRE_PIDS = 1 << 6,
	FOG_EXECUTOR_REQUIRE_CPU = 1 << 7,
	FOG_EXECUTOR_REQUIRE_NOTHING = 1 << 8, /* run with whatever the kernel offers */
};
#define FOG_EXECUTOR_REQUIRE_DEFAULT                                           \
	(FOG_EXECUTOR_REQUIRE_NAMESPACES | FOG_EXECUTOR_REQUIRE_NO_NEW_PRIVS | \
	 FOG_EXECUTOR_REQUIRE_SECCOMP)

struct fog_executor_limits {
	double cpu_cores; /* CPU time per wall time, 1.0 = one core; CPU_CORES_MIN..MAX */
	u64 memory_bytes; /* page cache and tmpfs of the job included; MEMORY_MIN..MAX */
	u32 pids;         /* processes and threads of the job; its init (1) comes on top */
	u64 wall_ms;      /* 1..WALL_MS_MAX; then SIGKILL, outcome TIMEOUT */
	u64 cpu_ms;       /* CPU time of all its processes, checked 5 times a second; 0: no limit */
	u64 output_bytes; /* kept of stdout and of stderr each; the rest is read and dropped */
	u64 disk_bytes;   /* of /work; strict per file, checked 5 times a second in sum; 0: no limit
			   */
};

/* A directory of its own that the job keeps its progress in, /checkpoint. It is taken
 *	- while the job runs, when there is a file "/checkpoint/.complete": it is archived as it is,
 *	  then the file is removed. The job changes nothing while the file is there;
 *	- when the job has ended and the file is there, or it exited with exit_code.
 * At the wall limit less grace_ms, and when it is cancelled, the job gets SIGTERM and then has
 * grace_ms. Archives of more than bytes_max are not taken, nor what holds more than sockets and
 * devices beside files: the one before stays the newest. */
struct fog_executor_checkpoint {
	u64 bytes_max;    /* 0: the job has no /checkpoint; ..CHECKPOINT_MAX; and the directory may
			   * hold twice as much, else the disk limit is broken */
	u64 interval_ms;  /* none is taken sooner than this, or a second, after another */
	u64 grace_ms;     /* 1..GRACE_MS_MAX */
	int exit_code;    /* 1..255; 0: none means anything */
	const char *from; /* the file of input/ that /checkpoint begins as; NULL: empty */
};

/* Files of /work that are taken when the job has ended, unless it was cancelled. */
struct fog_executor_artifacts {
	const char *const *patterns; /* relative to /work; * and ? and [..] within a component. One
				      * that means a directory means all in it */
	size_t count;                /* 0..PATTERNS_MAX */
	u64 bytes_max;               /* of all together; what does not fit is left out */
};

/* What to run. Borrowed by prepare for the call; all strings are UTF-8. */
struct fog_executor_spec {
	const char *job;         /* id, 1..JOB_MAX of [A-Za-z0-9._-], not "." or ".." */
	const char *engine;      /* NULL or "native"; "wasm" */
	const char *const *argv; /* argv[0] is looked up in the job's PATH if it has no slash */
	size_t argv_count;       /* 1..ARGS_MAX */
	const char *const *env;  /* "KEY=value", KEY [A-Za-z_][A-Za-z0-9_]*, no key twice */
	size_t env_count;        /* 0..ENV_MAX; PATH, HOME, TMPDIR and LANG have defaults */
	const char *stdin_name;  /* a file of input/, or NULL for an empty stdin */
	const char *traceparent; /* what it belongs to, for who looks; not the job's; or NULL */
	struct fog_executor_limits limits;
	const u8 (*builders)[32];   /* engine "wasm": whose code this host runs, Ed25519 keys */
	size_t builder_count;       /* 0..BUILDERS_MAX */
	const char *const *devices; /* native and oci: files of /dev that it is shown, too */
	size_t device_count;        /* 0..FOG_ACCELERATOR_DEVICES_MAX */
	bool network;               /* false: no interface at all; true: a private loopback */
	u32 require;                /* enum fog_executor_require bits; 0: REQUIRE_DEFAULT */
	struct fog_executor_checkpoint checkpoint;
	struct fog_executor_artifacts artifacts;
};

enum fog_executor_outcome {
	FOG_EXECUTOR_OUTCOME_NONE = 0,
	FOG_EXECUTOR_EXITED,    /* exit_code says how */
	FOG_EXECUTOR_SIGNALED,  /* signal says which */
	FOG_EXECUTOR_TIMEOUT,   /* wall or CPU limit; error says which */
	FOG_EXECUTOR_OOM,       /* a process of the job was killed for memory */
	FOG_EXECUTOR_CANCELLED, /* SIGTERM to the monitor; exit_code or signal say how it took it */
	FOG_EXECUTOR_FAILED,    /* never ran, or broke the disk limit; error says why */
};

/* Namespaces in force, and limits a control group enforces. */
enum fog_executor_namespace {
	FOG_EXECUTOR_NS_USER = 1 << 0,
	FOG_EXECUTOR_NS_MOUNT = 1 << 1,
	FOG_EXECUTOR_NS_PID = 1 << 2,
	FOG_EXECUTOR_NS_NET = 1 << 3,
	FOG_EXECUTOR_NS_IPC = 1 << 4,
	FOG_EXECUTOR_NS_UTS = 1 << 5,
	FOG_EXECUTOR_NS_CGROUP = 1 << 6,
};
enum fog_executor_cgroup_limit {
	FOG_EXECUTOR_CGROUP_MEMORY = 1 << 0,
	FOG_EXECUTOR_CGROUP_PIDS = 1 << 1,
	FOG_EXECUTOR_CGROUP_CPU = 1 << 2,
};

/* CPU and memory come from the control group where there is one, else from rusage, which misses
 * processes nobody waited for. io_* is rusage block I/O: dirtied pages count as written. */
struct fog_executor_usage {
	u64 wall_ms;
	u64 cpu_user_ms;
	u64 cpu_system_ms;
	u64 memory_peak_bytes;
	u64 output_bytes; /* produced on stdout and stderr together, dropped ones included */
	u64 io_read_bytes;
	u64 io_write_bytes;
};

/* The confinement that was really in force when the job's program began. */
struct fog_executor_sandbox {
	u32 namespaces; /* enum fog_executor_namespace bits */
	bool no_new_privs;
	bool seccomp;
	bool proc;          /* a /proc of its own is mounted */
	u32 landlock_abi;   /* 0: not in force */
	u32 cgroup_version; /* 0: none, 1, 2 */
	u32 cgroup_limits;  /* enum fog_executor_cgroup_limit bits */
	u32 uid;            /* host user id the job ran as */
	char machine[40];   /* what it ran on: "process", "qemu microvm, kvm", .. */
};

struct fog_executor_result {
	enum fog_executor_outcome outcome;
	int exit_code;                          /* 0..255, or -1: did not exit */
	int signal;                             /* or 0: was not signalled */
	char error[FOG_EXECUTOR_ERROR_MAX + 1]; /* empty when nothing went wrong */
	u64 started_unix_ms;
	u64 ended_unix_ms;
	struct fog_executor_usage usage;
	u8 stdout_sha256[32]; /* of the bytes kept in SPOOL/stdout */
	u8 stderr_sha256[32];
	bool output_truncated;
	struct fog_executor_sandbox sandbox;
};

enum fog_executor_state {
	FOG_EXECUTOR_STATE_NONE = 0,
	FOG_EXECUTOR_PENDING,
	FOG_EXECUTOR_RUNNING,
	FOG_EXECUTOR_FINISHED,
	FOG_EXECUTOR_VANISHED,
};

struct fog_executor_status {
	enum fog_executor_state state;
	pid_t monitor_pid;                 /* fog-exec; RUNNING only, 0 if not yet known */
	pid_t pid;                         /* the job's init; RUNNING only, 0 if not yet known */
	u64 started_unix_ms;               /* RUNNING and VANISHED; 0 if not yet known */
	struct fog_executor_result result; /* FINISHED only, else zero */
};

enum fog_executor_stream {
	FOG_EXECUTOR_STDOUT = 1,
	FOG_EXECUTOR_STDERR = 2,
};

/* Make spool_dir (mode 0700; its parent exists) with input/, work/ and spec.json, synced to disk.
 * A spool that was prepared but never started is prepared again, keeping its input.
 * -EINVAL: the spec breaks a rule above (error, if not NULL, says which; error_cap bytes);
 * -EEXIST: the spool ran already; else what the file system says. */
int fog_executor_prepare_explain(const struct fog_executor_spec *spec, const char *spool_dir,
				 char *error, size_t error_cap);
int fog_executor_prepare(const struct fog_executor_spec *spec, const char *spool_dir);

/* Put len bytes at offset of input/name, making the file at need. name: one path component, not
 * starting with a dot. Only before start. -EINVAL, -EBUSY once started. */
int fog_executor_input_write(const char *spool_dir, const char *name, u64 offset, const void *data,
			     size_t len);

/* Start the monitor, detached from the caller. On return it holds the spool's lock. monitor_pid may
 * be NULL. A job that cannot run is not an error here: its result says FAILED.
 * -ENOENT: no program or spool; -EBUSY: running or ran already; -EIO: fog-exec failed (it says why
 * on stderr). Reaps only its own short-lived child. Cost: a spawn and two forks, about 5 ms. */
int fog_executor_start(const char *fog_exec_path, const char *spool_dir, pid_t *monitor_pid);

/* Look at a spool. -ENOENT: no such spool; -EBADMSG: result.json is not ours. */
int fog_executor_poll(const char *spool_dir, struct fog_executor_status *status);

/* Ask the monitor to end the job: SIGTERM, after 2 s SIGKILL, outcome CANCELLED. Returns at once;
 * harmless when repeated (2 s: or the checkpoint's grace_ms). -ESRCH: nothing is running. */
int fog_executor_cancel(const char *spool_dir);

/* Copy up to cap bytes of a stream from offset; *len is what was there, 0 at the end so far. Works
 * while the job runs. A stream that does not exist yet is empty. */
int fog_executor_read_output(const char *spool_dir, enum fog_executor_stream which, u64 offset,
			     void *buf, size_t cap, size_t *len);

struct fog_executor_file {
	u64 size;
	u8 sha256[32];
};

struct fog_executor_kept {
	u32 number; /* of the newest checkpoint, from 1; 0: there is none */
	struct fog_executor_file checkpoint;
	struct fog_executor_file manifest; /* size 0: the job has not ended or was to leave nothing
					    */
	u32 artifacts;
	u64 artifact_bytes;
	char note[128]; /* why a checkpoint was not taken; "" */
};

/* What the job has left behind so far; all zero when that is nothing. -ENOENT: no such spool;
 * -EBADMSG: the index is not ours. */
int fog_executor_kept(const char *spool_dir, struct fog_executor_kept *out);

/* Copy up to cap bytes of "checkpoint.N", "manifest" or "artifact.N" (as numbered by the manifest,
 * from 0) from offset. A checkpoint that is read stays there, complete, until another one is.
 * -ENOENT: it is not there (any more); -EINVAL: no such name. */
int fog_executor_kept_read(const char *spool_dir, const char *name, u64 offset, void *buf,
			   size_t cap, size_t *len);

/* Delete the spool, whatever the job left in it, and what a killed monitor left in the control
 * group tree. -EBUSY: still running. -ENOENT: no such spool. */
int fog_executor_remove(const char *spool_dir);

/* Words of the enums as they appear in the JSON; "unknown" outside. */
const char *fog_executor_outcome_name(enum fog_executor_outcome outcome);
const char *fog_executor_state_name(enum fog_executor_state state);

#endif
