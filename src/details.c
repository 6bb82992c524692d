// SPDX-License-Identifier: GPL-2.0-or-later
/* What sysfs says of a device that the tool shows and the boot helper does not need. */
#include "details.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lookup.h"
#include "root.h"
#include "scan.h"
#include "text.h"

#define DEVICES "sys/bus/pci/devices"

/* PCI_SRIOV_TOTAL_VF is a field of 16 bits. */
enum { NUMBER_SIZE = 16, VFS_MOST = 65535, NODES_MOST = 1 << 16 };

static bool has(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A number that is not there, or is none, is `otherwise`. */
static unsigned read_number(int dir, const char *name, unsigned most, unsigned otherwise)
{
	char text[NUMBER_SIZE];
	unsigned number;

	return read_attribute(dir, name, text, sizeof(text)) > 0 &&
			       parse_decimal(text, 0, most, &number) == 0
		       ? number
		       : otherwise;
}

/* As modalias_show() in drivers/pci/pci-sysfs.c prints it: no need to read what is known. */
static void make_modalias(const struct device *device, struct details *details)
{
	(void)snprintf(details->modalias, sizeof(details->modalias),
		       "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", device->ids.vendor,
		       device->ids.device, device->ids.subvendor, device->ids.subdevice,
		       device->class_code >> 16 & 0xff, device->class_code >> 8 & 0xff,
		       device->class_code & 0xff);
}

static void read_sriov(int dir, bool is_vf, struct details *details)
{
	char target[PCI_ADDRESS_SIZE];

	/* A virtual function has none of its own. */
	if (is_vf)
		details->has_physfn =
			read_link_name(dir, "physfn", target, sizeof(target)) > 0 &&
			pci_address_parse(target, &details->physfn, NULL) == 0;
	else
		details->sriov_totalvfs = read_number(dir, "sriov_totalvfs", VFS_MOST, 0);
	if (details->sriov_totalvfs == 0)
		return;
	details->sriov_numvfs = read_number(dir, "sriov_numvfs", VFS_MOST, 0);
	details->sriov_autoprobe = read_number(dir, "sriov_drivers_autoprobe", 1, 1) == 1;
}

static void read_reset(int dir, struct details *details)
{
	if (read_attribute(dir, "reset_method", details->reset_methods,
			   sizeof(details->reset_methods)) < 0)
		details->reset_methods[0] = '\0';
	details->can_reset = details->reset_methods[0] != '\0' || has(dir, "reset");
}

static void read_override(int dir, struct details *details)
{
	if (read_attribute(dir, "driver_override", details->override,
			   sizeof(details->override)) < 0 ||
	    strcmp(details->override, "(null)") == 0)
		details->override[0] = '\0';
}

/* The last component of a link's target but its own that is an address. Writes into `target`. */
static size_t find_parent(char *target, const struct snapshot *snapshot)
{
	struct pci_address address;
	char *slash;

	if ((slash = strrchr(target, '/')) != NULL)
		*slash = '\0';
	while ((slash = strrchr(target, '/')) != NULL) {
		if (pci_address_parse(slash + 1, &address, NULL) == 0) {
			size_t index = snapshot_find(snapshot, &address);

			return index < snapshot->count ? index : NO_PARENT;
		}
		*slash = '\0';
	}
	return NO_PARENT;
}

/* Base class 06: 04 and 09 are PCI-to-PCI, 07 is CardBus. */
static bool is_bridge(uint32_t class_code)
{
	uint32_t class = class_code >> 8;

	return class == 0x0604 || class == 0x0607 || class == 0x0609;
}

/* What its link in the directory of all leads to, or "". */
static void read_target(int devices, const char *address, char target[PATH_MAX])
{
	ssize_t length = readlinkat(devices, address, target, PATH_MAX - 1);

	target[length > 0 ? length : 0] = '\0';
}

static int read_device(int devices, const struct snapshot *snapshot, struct device *device,
			struct details *details)
{
	char address[PCI_ADDRESS_SIZE];
	char target[PATH_MAX];

	*details = (struct details){
		.numa_node = -1,
		.boot_vga = -1,
		.is_bridge = is_bridge(device->class_code),
		.parent = NO_PARENT,
	};
	(void)pci_address_format(&device->address, address);
	/* A path below the device itself is one link shorter for each attribute. */
	AUTO_CLOSE int dir = openat(devices, address, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int error = dir < 0 ? errno : 0;
	read_target(devices, address, target);
	scan_device(dir, target, device);
	make_modalias(device, details);
	/* Gone meanwhile, or a link of a tree that leads nowhere: it has no group and no driver. */
	if (dir < 0)
		return root_is_trouble(error) ? -error : 0;
	details->is_vf = device->is_vf;
	details->numa_node = (int)read_number(dir, "numa_node", NODES_MOST, UINT_MAX);
	/* pci_dev_attrs_are_visible() has it for VGA alone, class 0300 and the old 0001. */
	if (device->class_code >> 8 == 0x0300 || device->class_code >> 8 == 0x0001)
		details->boot_vga = (int)read_number(dir, "boot_vga", 1, UINT_MAX);
	read_sriov(dir, device->is_vf, details);
	read_override(dir, details);
	read_reset(dir, details);
	details->parent = find_parent(target, snapshot);
	return 0;
}

/*
 * Links of a tree that no kernel made may go in a circle, in which whoever climbs would stay.
 * Of two that climb, one twice as fast, the faster then meets the slower.
 */
static void break_loops(struct details *details, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t slow = i;
		size_t fast = i;

		while (fast != NO_PARENT && details[fast].parent != NO_PARENT) {
			slow = details[slow].parent;
			fast = details[details[fast].parent].parent;
			if (slow == fast) {
				details[slow].parent = NO_PARENT;
				break;
			}
		}
	}
}

int details_read(const struct root *root, struct snapshot *snapshot,
		 struct details **ret_details)
{
	AUTO_CLOSE int dir = openat(root->fd, DEVICES, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool reset_known = false;
	int r = 0;

	if (dir < 0)
		return -errno;
	AUTO_FREE struct details *details = calloc(snapshot->count + 1, sizeof(*details));
	if (details == NULL)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < snapshot->count; i++) {
		r = read_device(dir, snapshot, &snapshot->devices[i], &details[i]);
		reset_known = reset_known || details[i].can_reset;
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < snapshot->count; i++)
		details[i].reset_known = reset_known;
	break_loops(details, snapshot->count);
	*ret_details = details;
	details = NULL;
	return 0;
}
