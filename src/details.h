/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sysfs says of a device that the tool shows and the boot helper does not need. */
#ifndef VFIO_CLAIM_DETAILS_H
#define VFIO_CLAIM_DETAILS_H

#include "device.h"
#include "root.h"

enum {
	/* The longest that file2alias.c and pci_uevent() print has 56 characters. */
	MODALIAS_SIZE = 128,
	/* All methods of pci_reset_fn_methods[] (drivers/pci/pci.c) have 45. */
	RESET_METHODS_SIZE = 64,
};

/* No function above it: the device is on a root bus. */
#define NO_PARENT SIZE_MAX

/* Attributes are named in Documentation/ABI/testing/sysfs-bus-pci of the kernel. */
struct details {
	char modalias[MODALIAS_SIZE]; /* made of the IDs where the attribute is missing */
	int numa_node;                /* -1: not known */
	int boot_vga; /* 1: the firmware's display, 0: another one, -1: not told */

	unsigned sriov_totalvfs; /* 0: no physical function with SR-IOV */
	unsigned sriov_numvfs;   /* enabled now */
	bool sriov_autoprobe;    /* native drivers take new virtual functions */
	bool is_vf;
	bool has_physfn; /* a virtual function whose `physfn` link could be read */
	struct pci_address physfn;

	char override[DRIVER_NAME_SIZE]; /* driver_override; empty: none */

	/*
	 * Kernels before 5.15 tell only whether there is a way to reset (the attribute `reset`),
	 * later ones which (`reset_method`). Both are missing where there is none.
	 */
	char reset_methods[RESET_METHODS_SIZE]; /* blanks between; empty: none or not told */
	bool can_reset;
	bool reset_known; /* the attributes are there on this machine, so missing means none */

	bool is_bridge; /* to another bus: PCI-to-PCI, CardBus, semi-transparent */
	/* Index in the snapshot of the bridge above; for the root bus of a domain that hangs on
	 * a device (Intel VMD) that device; or NO_PARENT. */
	size_t parent;
};

/*
 * Reads the details of every device, and of each what scan_candidates() reads, with its directory
 * open for both: all are candidates then. What cannot be read is left as not known, but for a device
 * whose directory cannot be opened for want of memory or files: its group would be missing.
 * Returns 0 and *ret_details, one for each device of the snapshot, in its order (to be given to
 * free(); never NULL), or a negative errno (-ENOENT: no PCI bus in sysfs, -ENOMEM, -EMFILE).
 */
int details_read(const struct root *root, struct snapshot *snapshot,
		 struct details **ret_details) MUST_CHECK;

#endif
