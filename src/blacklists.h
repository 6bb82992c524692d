/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose driver the next boot would not load. */
#ifndef VFIO_CLAIM_BLACKLISTS_H
#define VFIO_CLAIM_BLACKLISTS_H

#include "kargs.h"
#include "root.h"
#include "warnings.h"

/*
 * Finds the devices whose driver of now is of a module that modprobe.blacklist=,
 * module_blacklist= or rd.driver.blacklist= of the next boot keeps away. What this boot's
 * command line names too does not count: the driver is there in spite of it. Nor do VFIO's
 * drivers.
 *
 * @devices: one for each device of the snapshot; its `blacklisted` is set
 * Returns 0 or -ENOMEM.
 */
int blacklists_find(const struct root *root, const struct snapshot *snapshot,
		    const struct kargs *present, const struct kargs *next,
		    struct device_outlook *devices) MUST_CHECK;

#endif
