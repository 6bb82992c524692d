// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads sysfs into a snapshot. */
#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "text.h"

#define DEVICES "sys/bus/pci/devices"

enum { UEVENT_SIZE = 1024, DEVICE_PATH_SIZE = 64 };

/* Two numbers of at most eight hexadecimal digits, "VVVV:DDDD". */
static int parse_pair(const char *value, size_t length, uint32_t *ret_first,
		      uint32_t *ret_second)
{
	const char *colon = memchr(value, ':', length);

	if (colon == NULL || parse_hex(value, (size_t)(colon - value), ret_first) < 0)
		return -EINVAL;
	colon++;
	return parse_hex(colon, length - (size_t)(colon - value), ret_second);
}

static bool begins(const char *line, size_t length, const char *key, size_t key_length)
{
	return length >= key_length && memcmp(line, key, key_length) == 0;
}

#define BEGINS(line, length, key) begins(line, length, key, sizeof(key) - 1)

/* One KEY=VALUE line of a uevent. Returns a bit for each of the two that must be there. */
static unsigned read_uevent_line(const char *line, size_t length, struct device *device)
{
	if (*line != 'P' && *line != 'D')
		return 0;
	if (BEGINS(line, length, "PCI_CLASS="))
		return parse_hex(line + 10, length - 10, &device->class_code) == 0 ? 1 : 0;
	if (BEGINS(line, length, "PCI_ID="))
		return parse_pair(line + 7, length - 7, &device->ids.vendor,
				  &device->ids.device) == 0
			       ? 2
			       : 0;
	if (BEGINS(line, length, "PCI_SUBSYS_ID="))
		(void)parse_pair(line + 14, length - 14, &device->ids.subvendor,
				 &device->ids.subdevice);
	if (BEGINS(line, length, "DRIVER=") && length - 7 < sizeof(device->driver)) {
		memcpy(device->driver, line + 7, length - 7);
		device->driver[length - 7] = '\0';
	}
	return 0;
}

/* By hand, and not with snprintf() and strtok(): it is done for every function of the machine. */
static int read_uevent(int dir, const char *name, struct device *device)
{
	static const char file[] = "/uevent";
	char path[NAME_MAX + 1 + sizeof(file)];
	char uevent[UEVENT_SIZE];
	size_t name_length = strnlen(name, NAME_MAX);
	unsigned found = 0;

	memcpy(path, name, name_length);
	memcpy(path + name_length, file, sizeof(file));
	int r = read_attribute(dir, path, uevent, sizeof(uevent));
	if (r < 0)
		return r;
	for (const char *line = uevent, *end = uevent + r; line < end; line++) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline != NULL ? newline : end;

		found |= read_uevent_line(line, (size_t)(stop - line), device);
		line = stop;
	}
	return found == 3 ? 0 : -EINVAL;
}

static int compare_devices(const void *a, const void *b)
{
	const struct device *left = a;
	const struct device *right = b;

	return pci_address_compare(&left->address, &right->address);
}

static int scan_entry(int dir, const char *name, struct snapshot *snapshot)
{
	struct pci_address address;

	if (pci_address_parse(name, &address, NULL) < 0)
		return 0;
	struct device *device =
		array_grow(&snapshot->devices, snapshot->count, sizeof(*device));
	if (device == NULL)
		return -ENOMEM;
	device->address = address;
	device->iommu_group = -1;
	/* One that is gone meanwhile, or says nothing of use, is left out. */
	int r = read_uevent(dir, name, device);
	if (r == 0)
		snapshot->count++;
	else
		root_note_trouble(r);
	return 0;
}

int scan_devices(const struct root *root, struct snapshot *ret_snapshot)
{
	struct snapshot snapshot = { 0 };
	int fd = openat(root->fd, DEVICES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	int r = 0;

	if (fd < 0)
		return -errno;
	AUTO_CLOSEDIR DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir)) != NULL)
		r = scan_entry(dirfd(dir), entry->d_name, &snapshot);
	if (r < 0) {
		snapshot_free(&snapshot);
		return r;
	}
	if (snapshot.count > 1)
		qsort(snapshot.devices, snapshot.count, sizeof(*snapshot.devices),
		      compare_devices);
	*ret_snapshot = snapshot;
	return 0;
}

/* The way to an attribute: the device's directory, and what comes before the attribute's name. */
struct place {
	int dir;
	const char *prefix; /* "ADDRESS/", or nothing where `dir` is the device's own */
};

/* Without printf(), for each device has four. */
static const char *path_of(const struct place *place, const char *name,
			   char out[DEVICE_PATH_SIZE])
{
	(void)stpcpy(stpcpy(out, place->prefix), name);
	return out;
}

/*
 * The link to the physical function is made just after a virtual function is announced
 * (drivers/pci/iov.c: pci_iov_add_virtfn()); the attribute, since 5.13, is there from the start.
 */
static bool is_virtual_function(const struct place *place)
{
	static const char *const signs[] = { "physfn", "sriov_vf_msix_count" };
	char path[DEVICE_PATH_SIZE];
	struct stat st;

	for (size_t i = 0; i < 2; i++)
		if (fstatat(place->dir, path_of(place, signs[i], path), &st,
			    AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

/* The attribute is there for class 0300 and 0001 only (drivers/pci/pci-sysfs.c). */
static bool is_boot_display(const struct place *place)
{
	char path[DEVICE_PATH_SIZE];
	char value[8];

	return read_attribute(place->dir, path_of(place, "boot_vga", path), value,
			      sizeof(value)) > 0 &&
	       strcmp(value, "1") == 0;
}

/* The attribute is there for the headers of bridges only (drivers/pci/pci-sysfs.c). */
static bool leads_to_bus(const struct place *place)
{
	char path[DEVICE_PATH_SIZE];
	struct stat st;

	return fstatat(place->dir, path_of(place, "secondary_bus_number", path), &st,
		       AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * In its no-IOMMU mode VFIO makes a group of this name for a device that has none, where nothing
 * keeps devices apart (drivers/vfio/group.c: vfio_noiommu_group_alloc()).
 */
static bool is_stand_in(const struct place *place)
{
	char path[DEVICE_PATH_SIZE];
	char name[16];

	return read_attribute(place->dir, path_of(place, "iommu_group/name", path), name,
			      sizeof(name)) > 0 &&
	       strcmp(name, "vfio-noiommu") == 0;
}

static void scan_group(const struct place *place, struct device *device)
{
	char path[DEVICE_PATH_SIZE];
	char group[16];
	unsigned number;

	if (read_link_name(place->dir, path_of(place, "iommu_group", path), group,
			   sizeof(group)) > 0 &&
	    parse_decimal(group, 0, INT_MAX, &number) == 0 && !is_stand_in(place))
		device->iommu_group = (int)number;
}

static void scan_place(const struct place *place, struct device *device)
{
	device->is_vf = is_virtual_function(place);
	/* Of other bridges the class says it all. */
	if (device->class_code >> 8 == 0x0680)
		device->leads_to_bus = leads_to_bus(place);
	if (device->class_code >> 8 == 0x0300 || device->class_code >> 8 == 0x0001)
		device->boot_display = is_boot_display(place);
	scan_group(place, device);
}

void scan_device(int dir, const char *target, struct device *device)
{
	device->candidate = true;
	device->has_path = pci_path_from_sysfs(target, &device->path) == 0;
	if (dir >= 0)
		scan_place(&(struct place){ .dir = dir, .prefix = "" }, device);
}

/* Its directory is not opened: for the few that are claimed that would be two calls more. */
static void scan_candidate(int dir, struct device *device)
{
	char address[PCI_ADDRESS_SIZE];
	char prefix[PCI_ADDRESS_SIZE + 1];
	char target[PATH_MAX];

	(void)pci_address_format(&device->address, address);
	ssize_t length = readlinkat(dir, address, target, sizeof(target) - 1);
	if (length >= 0) {
		target[length] = '\0';
		device->has_path = pci_path_from_sysfs(target, &device->path) == 0;
	}
	(void)stpcpy(stpcpy(prefix, address), "/");
	scan_place(&(struct place){ .dir = dir, .prefix = prefix }, device);
}

void scan_candidates(const struct root *root, struct snapshot *snapshot)
{
	AUTO_CLOSE int dir = openat(root->fd, DEVICES, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return;
	for (size_t i = 0; i < snapshot->count; i++)
		if (snapshot->devices[i].candidate)
			scan_candidate(dir, &snapshot->devices[i]);
}

int snapshot_copy(const struct snapshot *snapshot, struct snapshot *ret_snapshot)
{
	struct device *devices = calloc(snapshot->count + 1, sizeof(*devices));

	if (devices == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->count; i++)
		devices[i] = snapshot->devices[i];
	*ret_snapshot = (struct snapshot){ .devices = devices, .count = snapshot->count };
	return 0;
}

void snapshot_free(struct snapshot *snapshot)
{
	free(snapshot->devices);
	*snapshot = (struct snapshot){ 0 };
}
