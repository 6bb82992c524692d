/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sysfs said of the machine's PCI functions, read once. Plain data. */
#ifndef VFIO_CLAIM_DEVICE_H
#define VFIO_CLAIM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "claim.h"
#include "pci.h"

struct device {
	struct pci_address address;
	struct pci_ids ids;
	uint32_t class_code;           /* 24 bits */
	char driver[DRIVER_NAME_SIZE]; /* empty: none */

	/* The fields below are read only for candidates (see snapshot_mark_candidates()). */
	bool candidate;
	bool is_vf;
	bool leads_to_bus; /* of class 0680: its header is a bridge's */
	bool boot_display; /* the firmware's console is on it */
	int iommu_group;   /* -1: none, or one that VFIO made up in its no-IOMMU mode */
	struct pci_path path;
	bool has_path;
	char variant[DRIVER_NAME_SIZE]; /* the VFIO variant driver made for it; empty: none */
};

/* All functions in address order. */
struct snapshot {
	struct device *devices;
	size_t count;
};

#endif
