/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds out what a target is: its kernels, architecture, CPU, native display drivers. */
#ifndef VFIO_CLAIM_TARGET_H
#define VFIO_CLAIM_TARGET_H

#include "arguments.h"
#include "device.h"
#include "root.h"

/* The kernels installed in the target: directories of lib/modules with a modules.dep,
 * newest last by version. */
struct kernels {
	char **items;
	size_t count;
};

int kernels_find(const struct root *root, struct kernels *ret_kernels) MUST_CHECK;
void kernels_free(struct kernels *kernels);

/*
 * On the host the CPU's maker is read from /proc/cpuinfo and this machine's devices from sysfs;
 * in a tree neither is looked at: a CPU that the config leaves open is CPU_ANY there, and the
 * display drivers are those that the kernels of the tree have for the IDs of the selectors. A
 * chroot and a container count as a tree: there an image is built, on somebody else's hardware.
 * Returns 0 and *ret_target (release with target_free()), or a negative errno.
 */
int target_find(const struct root *root, const struct config *config,
		struct target *ret_target) MUST_CHECK;

/* The same, with proc and sys below the root looked at or not as `hardware` says: a tree may
 * hold what was recorded of a machine. */
int target_find_with(const struct root *root, const struct config *config, bool hardware,
		     struct target *ret_target) MUST_CHECK;

/* The same with hardware; the devices, of scan_devices(), are not read again. */
int target_find_for(const struct root *root, const struct config *config,
		    const struct snapshot *devices, struct target *ret_target) MUST_CHECK;

/* That of the running kernel. */
enum architecture architecture_of_host(void);

void target_free(struct target *target);

#endif
