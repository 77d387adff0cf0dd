/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of the host that an engine runs a job with, besides Fog's own programs: what a measurement
 * of a launch has to cover, and where the engines find them. Shared libraries, the firmware of QEMU
 * and what a native job sees of the host are not among them. */
#ifndef FOG_EXECUTOR_PARTS_H
#define FOG_EXECUTOR_PARTS_H

#include "crypto/types.h"

#define FOG_QEMU       "/usr/bin/qemu-system-x86_64"
#define FOG_CRUN       "/usr/bin/crun"
#define FOG_VM_MODULES 4
#define FOG_PARTS_MAX  (2 + FOG_VM_MODULES)
#define FOG_PART_SIZE  256 /* of a path */
#define FOG_VM_VERSION 128

/* Virtio modules of a guest, below /lib/modules/VERSION/kernel/, in the order they are loaded. */
extern const char *const fog_vm_modules[FOG_VM_MODULES];

/* The version of the newest kernel in /boot that has them. -ENOENT. */
int fog_vm_kernel_find(char version[FOG_VM_VERSION]);

/* Paths, in an order that stays; how many, 0 for engines that need none; -ENOENT: the machine lacks
 * the engine. */
int fog_executor_parts(const char *engine, char path[FOG_PARTS_MAX][FOG_PART_SIZE]);

#endif
