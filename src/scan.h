/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads sysfs into a snapshot. Each attribute is read at most once. */
#ifndef VFIO_CLAIM_SCAN_H
#define VFIO_CLAIM_SCAN_H

#include "device.h"
#include "root.h"

/*
 * Reads address, IDs, class and driver of every PCI function, all from its `uevent` attribute
 * (drivers/pci/pci-driver.c: pci_uevent()), which costs one open a device. A device that
 * vanishes or cannot be read is left out.
 * Returns 0 and *ret_snapshot (release with snapshot_free()), -ENOENT (no PCI bus in sysfs) or
 * another negative errno.
 */
int scan_devices(const struct root *root, struct snapshot *ret_snapshot) MUST_CHECK;

/* Reads the details of the candidates: path, PF or VF, IOMMU group, driver_override. */
void scan_candidates(const struct root *root, struct snapshot *snapshot);

/*
 * Reads the same of one device, a candidate then.
 *
 * @dir: its directory, or -1 for none: its path alone is told then
 * @target: of its link in sys/bus/pci/devices, or ""
 */
void scan_device(int dir, const char *target, struct device *device);

/*
 * The same devices once more, to be marked for another purpose without sysfs being read again.
 * Returns 0 and *ret_snapshot (release with snapshot_free()), or -ENOMEM.
 */
int snapshot_copy(const struct snapshot *snapshot, struct snapshot *ret_snapshot) MUST_CHECK;

void snapshot_free(struct snapshot *snapshot);

#endif
