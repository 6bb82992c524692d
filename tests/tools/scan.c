// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints all that is read of a machine's devices, for tests/snapshot.bats: of the running system,
 * or of the tree that is its only argument.
 */
#include <stdio.h>
#include <string.h>

#include "details.h"
#include "match.h"
#include "needs.h"
#include "scan.h"
#include "usage.h"

static void print_device(const struct device *device, const struct details *details)
{
	char address[PCI_ADDRESS_SIZE];
	char other[PCI_ADDRESS_SIZE] = "";
	char path[PCI_PATH_SIZE] = "none";

	if (details->has_physfn)
		(void)pci_address_format(&details->physfn, other);
	if (device->has_path)
		(void)pci_path_format(&device->path, path);
	printf("%s %04x:%04x:%04x:%04x class %06x driver %s vf %d group %d path %s\n",
	       pci_address_format(&device->address, address), device->ids.vendor,
	       device->ids.device, device->ids.subvendor, device->ids.subdevice,
	       device->class_code, device->driver, device->is_vf, device->iommu_group, path);
	printf("  %s numa %d vga %d sriov %u %u %d %d pf %s override %s reset %s %d %d bridge "
	       "%d "
	       "parent %zd\n",
	       details->modalias, details->numa_node, details->boot_vga,
	       details->sriov_totalvfs, details->sriov_numvfs, details->sriov_autoprobe,
	       details->is_vf, other, details->override, details->reset_methods,
	       details->can_reset, details->reset_known, details->is_bridge,
	       (ssize_t)details->parent);
}

static int print_needs(const struct root *root, const struct snapshot *snapshot)
{
	struct guards guards = { .phase = PHASE_WHOLE };
	char address[PCI_ADDRESS_SIZE];

	if (needs_find(root, "", NEEDS_BOOT | NEEDS_NOW, snapshot, &guards) < 0)
		return 1;
	for (size_t i = 0; i < guards.need_count; i++)
		printf("needs %s: %s\n", pci_address_format(&guards.needs[i].address, address),
		       guards.needs[i].reason);
	printf("storage: %s\nnetwork: %s\n", guards.storage_reason, guards.network_reason);
	for (size_t i = 0; i < guards.cleared_count; i++)
		printf("cleared %s\n", pci_address_format(&guards.cleared[i], address));
	guards_free(&guards);
	return 0;
}

static int print_machine(const struct root *root)
{
	struct snapshot snapshot;
	struct details *details = NULL;
	struct uses uses;
	char *text = NULL;

	if (scan_devices(root, &snapshot) < 0)
		return 1;
	if (details_read(root, &snapshot, &details) < 0)
		return 1;
	for (size_t i = 0; i < snapshot.count; i++)
		print_device(&snapshot.devices[i], &details[i]);
	free(details);
	if (uses_find(root, &snapshot, &uses) < 0 || uses_render(&uses, &text) < 0)
		return 1;
	(void)fputs(text, stdout);
	free(text);
	uses_free(&uses);
	int r = print_needs(root, &snapshot);
	snapshot_free(&snapshot);
	return r;
}

int main(int argc, char **argv)
{
	struct root root;

	if (argc > 2 || root_open(argc == 2 ? argv[1] : NULL, &root) < 0)
		return 2;
	int r = print_machine(&root);
	root_close(&root);
	return r;
}
