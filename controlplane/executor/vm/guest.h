/* SPDX-License-Identifier: BSD-3-Clause */
/* What the host says to the guest of engine "microvm", and the guest to the host.
 *
 * In the initial RAM disk, made per job:
 *	/init                fog-vm-init
 *	/modules/N-NAME.ko   kernel modules, loaded in the order of their names
 *	/input/..            the job's input files
 *	/fog/job             argv, an empty string, variables, an empty string, name of the standard
 *			     input or an empty string, name of the archive that /checkpoint begins
 *			     as or an empty string; each string ends with a zero
 *
 * Ports of one virtio console, in this order: standard output, standard error, control, work,
 * checkpoint.
 * Control gets one line when the job's first process has ended: "exit N" or "signal N", or
 * "failed TEXT" if it never began. Then work and checkpoint get tar archives of what the job left
 *in /work and in /checkpoint. */
#ifndef FOG_EXECUTOR_VM_GUEST_H
#define FOG_EXECUTOR_VM_GUEST_H

#define FOG_GUEST_JOB_PATH     "/fog/job"
#define FOG_GUEST_ROOTFS       "rootfs.tar" /* an input of this name becomes the job's file tree */
#define FOG_GUEST_MARKER       ".complete"  /* in /checkpoint, see keep.h */
#define FOG_GUEST_ID           1000         /* user and group of the job */
#define FOG_GUEST_LINE_MAX     255
#define FOG_GUEST_PORT_WAIT_MS 10000 /* for the console to appear, then the guest gives up */

enum fog_guest_port {
	FOG_GUEST_STDOUT = 1, /* as the kernel numbers them: 0 is a console's */
	FOG_GUEST_STDERR,
	FOG_GUEST_CONTROL,
	FOG_GUEST_WORK,
	FOG_GUEST_CHECKPOINT,
	FOG_GUEST_PORTS_END,
};

#endif
