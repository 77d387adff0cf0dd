/* SPDX-License-Identifier: BSD-3-Clause */
/* Engine "microvm": a virtual machine of its own kernel, QEMU's "microvm" board, itself a process
 * in the sandbox. The job finds its input files at /input; if one is called rootfs.tar, that is its
 * file tree. What it leaves in /work comes back as work/work.tar, or as files where artifacts are
 * asked for; what it leaves in /checkpoint comes back when it has ended.
 *
 * KVM where a job's user may use it and the processor has it, else QEMU's emulation: the result
 * says which. The memory limit covers QEMU, so the guest gets what is left of it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "controlplane/executor/bundle.h"
#include "controlplane/executor/engine.h"
#include "controlplane/executor/file.h"
#include "controlplane/executor/parts.h"
#include "controlplane/executor/vm/guest.h"
#include "controlplane/executor/vm/initrd.h"

#define QEMU_MEMORY  (96ull << 20) /* of QEMU itself, its translation buffer of 32 MiB included */
#define GUEST_MEMORY (96ull << 20) /* the least a guest boots in */
#define QEMU_THREADS 16u
#define CPUS_MAX     16u
#define INPUT_MAX    (1ull << 30)
#define STATUS_NAME  ".status" /* in work/, written by QEMU */
#define STATUS_MAX   4096
#define WORK_NAME    "work.tar"
#define KEPT_NAME    ".checkpoint"
#define TEXT_SIZE    128
#define TSC_WAIT_NS  20000000

/* ---- the initial RAM disk -------------------------------------------------------------------- */

static void host_file_add(struct fog_initrd *r, const char *path, const char *name, u32 mode)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		r->error = r->error == 0 ? -errno : r->error;
		return;
	}
	fog_initrd_file(r, name, mode, fd, INPUT_MAX);
	close(fd);
}

static void modules_add(struct fog_initrd *r, const char *version)
{
	char path[512], name[TEXT_SIZE];

	fog_initrd_dir(r, "modules");
	for (size_t i = 0; i < FOG_VM_MODULES; i++) {
		snprintf(path, sizeof(path), "/lib/modules/%s/kernel/%s", version,
			 fog_vm_modules[i]);
		snprintf(name, sizeof(name), "modules/%zu-%s", i,
			 strrchr(fog_vm_modules[i], '/') + 1);
		host_file_add(r, path, name, 0444);
	}
}

static void inputs_add(struct fog_initrd *r, int spool_fd)
{
	char name[FOG_EXECUTOR_NAME_MAX + 8];
	struct dirent *e;

	int fd = openat(spool_fd, "input", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		r->error = r->error == 0 ? -errno : r->error;
		return;
	}
	fog_initrd_dir(r, "input");
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "input/%s", e->d_name);
		int file = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (file < 0) {
			r->error = r->error == 0 ? -errno : r->error;
			continue;
		}
		fog_initrd_file(r, name, 0755, file, INPUT_MAX);
		close(file);
	}
	closedir(dir);
}

static void job_add(struct fog_initrd *r, const struct fog_executor_spec *spec)
{
	static char text[FOG_EXECUTOR_STRINGS_MAX + 2 * FOG_EXECUTOR_NAME_MAX + 64];
	size_t at = 0;

	for (size_t i = 0; i < spec->argv_count; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", spec->argv[i]) + 1;
	text[at++] = '\0';
	for (size_t i = 0; i < spec->env_count; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", spec->env[i]) + 1;
	text[at++] = '\0';
	at += (size_t)snprintf(text + at, sizeof(text) - at, "%s",
			       spec->stdin_name == NULL ? "" : spec->stdin_name) +
	      1;
	at += (size_t)snprintf(text + at, sizeof(text) - at, "%s",
			       spec->checkpoint.from == NULL ? "" : spec->checkpoint.from) +
	      1;
	fog_initrd_dir(r, "fog");
	fog_initrd_data(r, &FOG_GUEST_JOB_PATH[1], 0400, text, at);
}

static int initrd_write(struct fog_job *job, const char *version)
{
	const char *init = fog_engine_sibling("fog-vm-init");
	struct fog_initrd r;

	if (init == NULL) {
		fog_job_fail(job, 0, "microvm: there is no fog-vm-init beside fog-exec");
		return -ENOENT;
	}
	int ret = fog_engine_data_add(job, "", 0, "initrd", 0644);
	if (ret < 0)
		return ret;
	int fd = openat(job->spool_fd, "engine/initrd", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	fog_initrd_begin(&r, fd);
	host_file_add(&r, init, "init", 0555);
	modules_add(&r, version);
	inputs_add(&r, job->spool_fd);
	job_add(&r, job->spec);
	ret = fog_initrd_end(&r);
	close(fd);
	if (ret < 0)
		fog_job_fail(job, -ret, "microvm: initial RAM disk");
	return ret;
}

/* ---- QEMU ------------------------------------------------------------------------------------ */

/* May the job's user, who is neither root nor in any group, use it? */
static bool kvm_usable(void)
{
	char line[4096];
	struct stat st;
	bool found = false;

	if (stat("/dev/kvm", &st) < 0 || (st.st_mode & 06) != 06)
		return false;
	// A hypervisor may offer the device without the hardware; guests then crawl.
	FILE *f = fopen("/proc/cpuinfo", "re");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = strncmp(line, "flags", 5) == 0 &&
			(strstr(line, " vmx ") != NULL || strstr(line, " svm ") != NULL);
	if (f != NULL)
		fclose(f);
	return found;
}

static void port_add(const char **argv, size_t *n, const char *chardev, const char *device)
{
	argv[(*n)++] = "-chardev";
	argv[(*n)++] = chardev;
	argv[(*n)++] = "-device";
	argv[(*n)++] = device;
}

/* The guest's clock is the host's time stamp counter. It cannot measure its rate: the board has no
 * other timer, and on a loaded host a guest that tries hangs for good. */
static u64 tsc_khz(void)
{
#ifdef __x86_64__
	const struct timespec wait = {.tv_nsec = TSC_WAIT_NS};
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	u64 ticks = __rdtsc();
	nanosleep(&wait, NULL);
	clock_gettime(CLOCK_MONOTONIC, &to);
	ticks = __rdtsc() - ticks;
	u64 ns = (u64)(to.tv_sec - from.tv_sec) * 1000000000ull + (u64)to.tv_nsec -
		 (u64)from.tv_nsec;
	return ticks * 1000000 / ns;
#else
	return 0;
#endif
}

static void argv_fill(struct fog_job *job)
{
	static char memory[32], cpus[16], kernel[TEXT_SIZE];
	const struct fog_executor_limits *l = &job->spec->limits;
	const char **argv = job->launch.argv;
	size_t n = 0;

	u32 count = (u32)l->cpu_cores + (l->cpu_cores > (u32)l->cpu_cores);
	snprintf(memory, sizeof(memory), "%lluM",
		 (unsigned long long)((l->memory_bytes - QEMU_MEMORY) >> 20));
	snprintf(cpus, sizeof(cpus), "%u", FOG_MAX(1u, FOG_MIN(count, CPUS_MAX)));
	snprintf(kernel, sizeof(kernel),
		 "quiet panic=-1 reboot=t tsc=reliable random.trust_cpu=on tsc_early_khz=%llu",
		 (unsigned long long)tsc_khz());
	const char *const fixed[] = {FOG_QEMU,
				     "-M",
				     "microvm,rtc=on,isa-serial=off",
				     "-nodefaults",
				     "-no-user-config",
				     "-display",
				     "none",
				     "-no-reboot",
				     "-m",
				     memory,
				     "-smp",
				     cpus,
				     "-accel",
				     job->launch.kvm ? "kvm" : "tcg,tb-size=32",
				     "-cpu",
				     job->launch.kvm ? "host" : "max",
				     "-kernel",
				     "/engine/kernel",
				     "-initrd",
				     "/engine/initrd",
				     "-append",
				     kernel,
				     "-device",
				     "virtio-serial-device,max_ports=8"};
	for (size_t i = 0; i < FOG_ARRAY_COUNT(fixed); i++)
		argv[n++] = fixed[i];
	port_add(argv, &n, "file,id=out,path=/proc/self/fd/1", "virtserialport,nr=1,chardev=out");
	port_add(argv, &n, "file,id=err,path=/proc/self/fd/2", "virtserialport,nr=2,chardev=err");
	port_add(argv, &n, "file,id=control,path=/work/" STATUS_NAME,
		 "virtserialport,nr=3,chardev=control");
	port_add(argv, &n, "file,id=work,path=/work/" WORK_NAME,
		 "virtserialport,nr=4,chardev=work");
	port_add(argv, &n, "file,id=kept,path=/work/" KEPT_NAME,
		 "virtserialport,nr=5,chardev=kept");
}

static int microvm_prepare(struct fog_job *job)
{
	char version[FOG_VM_VERSION], path[FOG_PART_SIZE];

	if (access(FOG_QEMU, X_OK) < 0 || tsc_khz() == 0) {
		fog_job_fail(job, 0, "microvm: there is no " FOG_QEMU " for this processor");
		return -ENOENT;
	}
	if (fog_vm_kernel_find(version) < 0) {
		fog_job_fail(job, 0,
			     "microvm: no kernel in /boot has virtio modules "
			     "(Debian: linux-image-cloud-amd64)");
		return -ENOENT;
	}
	if (job->spec->limits.memory_bytes < QEMU_MEMORY + GUEST_MEMORY) {
		fog_job_fail(job, 0, "microvm: needs a memory limit of at least %llu MiB",
			     (unsigned long long)(QEMU_MEMORY + GUEST_MEMORY) >> 20);
		return -EINVAL;
	}
	if (job->spec->limits.pids < QEMU_THREADS) {
		fog_job_fail(job, 0, "microvm: needs a limit of at least %u processes",
			     QEMU_THREADS);
		return -EINVAL;
	}
	snprintf(path, sizeof(path), "/boot/vmlinuz-%s", version);
	int ret = fog_engine_file_add(job, path, "kernel", 0444);
	if (ret == 0)
		ret = initrd_write(job, version);
	job->launch.kvm = kvm_usable();
	snprintf(job->sandbox.machine, sizeof(job->sandbox.machine), "qemu microvm, %s",
		 job->launch.kvm ? "kvm" : "software emulation");
	argv_fill(job);
	return ret;
}

/* work/name becomes the files below dir, by a process that can do nothing else. What is no archive
 * stays what it is. */
static void archive_spread(const struct fog_job *job, int work, const char *name, const char *dir)
{
	int to = openat(job->spool_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int from = openat(work, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (to >= 0 && from >= 0 && fog_unpack(from, to, job->sandbox.uid, job->sandbox.uid) == 0)
		(void)unlinkat(work, name, 0);
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
}

/* The guest began with the same and may have removed some of it. */
static void checkpoint_spread(const struct fog_job *job, int work)
{
	int dir = openat(job->spool_fd, "checkpoint",
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (dir >= 0 && fog_tree_clear(dir) == 0)
		archive_spread(job, work, KEPT_NAME, "checkpoint");
	if (dir >= 0)
		close(dir);
}

/* What the guest says is the job's word about itself, as an exit status always is. */
static void microvm_finish(struct fog_job *job)
{
	char *text = NULL;
	size_t len;
	int value;

	int dir = openat(job->spool_fd, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int ret = dir < 0 ? -errno : fog_file_read(dir, STATUS_NAME, STATUS_MAX, &text, &len);
	bool ran = job->has_status && WIFEXITED(job->wstatus) && WEXITSTATUS(job->wstatus) == 0;
	job->has_status = false;
	if (ret == 0)
		text[strcspn(text, "\n")] = '\0';
	if (ret == 0 && sscanf(text, "exit %d", &value) == 1) {
		job->wstatus = (value & 0xff) << 8;
		job->has_status = true;
	} else if (ret == 0 && sscanf(text, "signal %d", &value) == 1) {
		job->wstatus = value & 0x7f;
		job->has_status = true;
	} else if (ret == 0 && strncmp(text, "failed ", 7) == 0) {
		fog_job_fail(job, 0, "microvm: %.200s", text + 7);
	} else if (ran) {
		fog_job_fail(job, 0, "microvm: the guest ended without a word");
	}
	if (dir >= 0) {
		(void)unlinkat(dir, STATUS_NAME, 0);
		if (job->spec->artifacts.count != 0)
			archive_spread(job, dir, WORK_NAME, "work");
		if (job->spec->checkpoint.bytes_max != 0)
			checkpoint_spread(job, dir);
		(void)unlinkat(dir, KEPT_NAME, 0);
		close(dir);
	}
	free(text);
}

const struct fog_engine fog_engine_microvm = {
	.name = "microvm",
	.ops = &fog_sandbox_ops,
	.prepare = microvm_prepare,
	.finish = microvm_finish,
};
