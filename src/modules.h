/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only user of libkmod: loads modules, finds VFIO variant drivers. */
#ifndef VFIO_CLAIM_MODULES_H
#define VFIO_CLAIM_MODULES_H

#include "device.h"
#include "root.h"

struct modules;

/*
 * Opens the modules of a kernel.
 *
 * @root: the tree whose lib/modules is meant
 * @kernel: the release (uname -r); NULL for the running kernel
 * @ret_modules: release with modules_close()
 * Returns 0 or a negative errno.
 */
int modules_open(const struct root *root, const char *kernel,
		 struct modules **ret_modules) MUST_CHECK;

/* Accepts NULL. */
void modules_close(struct modules *modules);

/*
 * Loads a module and what it depends on, with the options of modprobe.d and of the kernel
 * command line, but without `install` commands: one for vfio-pci could call us again. Loading
 * what is loaded or built in succeeds. `options` (or NULL) come behind the configured ones, so
 * that of two values for one parameter theirs counts. Outside of the running host nothing is
 * loaded and only the module's presence is checked. Returns 0 or a negative errno (-ENOENT:
 * there is no such module).
 */
int modules_load(struct modules *modules, const char *name, const char *options) MUST_CHECK;

/*
 * Finds the VFIO variant driver made for a device, through the `vfio_pci:` aliases that
 * drivers with PCI_DRIVER_OVERRIDE_DEVICE_VFIO have (scripts/mod/file2alias.c, since 5.16).
 * Leaves device->variant empty when only vfio-pci itself serves it.
 */
void modules_find_variant(struct modules *modules, struct device *device);

/*
 * Calls `each` for every variant driver with the pattern of its alias. Stops early when `each`
 * returns a negative errno and returns that; otherwise 0 or a negative errno of its own.
 */
int modules_each_variant(struct modules *modules,
			 int (*each)(void *context, const char *alias, const char *module),
			 void *context) MUST_CHECK;

/*
 * Calls `each` for every module that a device's modalias leads to, blacklisted or not, with the
 * path of its file, or NULL where it is built in. Stops early when `each` returns a negative
 * errno and returns that; otherwise 0 (also when there is none) or a negative errno of its own.
 */
int modules_each_of_alias(struct modules *modules, const char *alias,
			  int (*each)(void *context, const char *module, const char *path),
			  void *context) MUST_CHECK;

/*
 * True when a `blacklist` line of modprobe.d or modprobe.blacklist= of the running kernel's
 * command line keeps the module from being loaded for a device. By name it can be loaded.
 */
bool modules_is_blacklisted(struct modules *modules, const char *name);

/* 1 when the module is in the tree or built in, 0 when not, or a negative errno. */
int modules_has(struct modules *modules, const char *name) MUST_CHECK;

#endif
