/* SPDX-License-Identifier: BSD-3-Clause */
/* What accelerators this machine has, and the device files that jobs which get one are shown.
 *
 *	/proc/driver/nvidia/gpus/ADDRESS/information   Model, Device Minor -> /dev/nvidiaMINOR
 *	/sys/class/drm/renderDN/device/                vendor, device, mem_info_vram_total
 *	                                                                   -> /dev/dri/renderDN
 *
 * The type is the model in lower case with dashes ("tesla-t4"), or vendor and device ("amd-73bf",
 * "intel-56a0"). A host offers accelerators of one type: of several the one it has most of, then
 * the one with most memory. Or what the operator says: "TYPE:COUNT[:MEMORY_MB]", "none".
 *
 * Blocking file work of a millisecond; any thread. */
#ifndef FOG_EXECUTOR_ACCELERATORS_H
#define FOG_EXECUTOR_ACCELERATORS_H

#include "crypto/types.h"

#define FOG_ACCELERATORS_MAX        64 /* of one host; more are not looked at */
#define FOG_ACCELERATOR_TYPE_SIZE   32
#define FOG_ACCELERATOR_DEVICE_SIZE 32
#define FOG_ACCELERATOR_DEVICES_MAX 80 /* shown to one job, those that are shared included */

struct fog_accelerators {
	u32 count;
	char type[FOG_ACCELERATOR_TYPE_SIZE]; /* "" with none */
	u64 memory_bytes;                     /* of each; 0 = not known */
	/* Of each; "" = the operator named it, but there is no device file for it here. */
	char device[FOG_ACCELERATORS_MAX][FOG_ACCELERATOR_DEVICE_SIZE];
};

/* root: "" for this machine, or a folder that looks like it. */
void fog_accelerators_find(const char *root, struct fog_accelerators *out);

/* As the operator says; "auto" or "": what was found. -EINVAL: neither. */
int fog_accelerators_configure(const char *text, const struct fog_accelerators *found,
			       struct fog_accelerators *out);

/* [a-z0-9._-]{1,31} */
static inline bool fog_accelerator_type_valid(const char *type)
{
	size_t len = strlen(type);

	return len > 0 && len < FOG_ACCELERATOR_TYPE_SIZE &&
	       strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

/* Device files of those in the mask, with what all of their kind need (/dev/nvidiactl, ..): paths
 * into out, as long as they exist. Returns how many. */
u32 fog_accelerators_devices(const struct fog_accelerators *a, u64 mask,
			     const char *out[FOG_ACCELERATOR_DEVICES_MAX]);

#endif
