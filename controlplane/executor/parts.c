/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/parts.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

const char *const fog_vm_modules[FOG_VM_MODULES] = {
	"drivers/virtio/virtio_ring.ko", "drivers/virtio/virtio.ko",
	"drivers/virtio/virtio_mmio.ko", "drivers/char/virtio_console.ko"};

static int kernel_filter(const struct dirent *e)
{
	return strncmp(e->d_name, "vmlinuz-", 8) == 0;
}

static void module_path(char path[FOG_PART_SIZE], const char *version, u32 i)
{
	snprintf(path, FOG_PART_SIZE, "/lib/modules/%.120s/kernel/%s", version, fog_vm_modules[i]);
}

static bool kernel_fits(const char *version)
{
	char path[FOG_PART_SIZE];

	for (u32 i = 0; i < FOG_VM_MODULES; i++) {
		module_path(path, version, i);
		if (access(path, R_OK) < 0)
			return false;
	}
	return true;
}

int fog_vm_kernel_find(char version[FOG_VM_VERSION])
{
	struct dirent **list;
	int found = -ENOENT;

	int count = scandir("/boot", &list, kernel_filter, versionsort);
	for (int i = count - 1; i >= 0; i--) {
		const char *v = list[i]->d_name + strlen("vmlinuz-");
		if (found < 0 && strlen(v) < FOG_VM_VERSION && kernel_fits(v)) {
			memcpy(version, v, strlen(v) + 1);
			found = 0;
		}
		free(list[i]);
	}
	if (count >= 0)
		free(list);
	return found;
}

int fog_executor_parts(const char *engine, char path[FOG_PARTS_MAX][FOG_PART_SIZE])
{
	char version[FOG_VM_VERSION];

	if (strcmp(engine, "oci") == 0) {
		snprintf(path[0], FOG_PART_SIZE, "%s", FOG_CRUN);
		return access(FOG_CRUN, X_OK) == 0 ? 1 : -ENOENT;
	}
	if (strcmp(engine, "microvm") != 0)
		return 0;
	if (access(FOG_QEMU, X_OK) < 0 || fog_vm_kernel_find(version) < 0)
		return -ENOENT;
	snprintf(path[0], FOG_PART_SIZE, "%s", FOG_QEMU);
	snprintf(path[1], FOG_PART_SIZE, "/boot/vmlinuz-%.120s", version);
	for (u32 i = 0; i < FOG_VM_MODULES; i++)
		module_path(path[2 + i], version, i);
	return FOG_PARTS_MAX;
}
