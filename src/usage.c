// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds out who uses the devices of a machine now. */
#include "usage.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "guards.h"
#include "mount_table.h"
#include "storage.h"
#include "text.h"

#define DEVICES "sys/bus/pci/devices"
#define NVIDIA "proc/driver/nvidia/gpus"

/* RECORDED_MOST: thousands of uses. STACKED_MOST: a VLAN on a bridge on a team on a bond ... */
enum {
	RECORDED_MOST = 1 << 18,
	MOUNTS_MOST = 1 << 22,
	MOUNT_NAMESPACE_SIZE = 32,
	CONSOLES_MOST = 1 << 14,
	STACKED_MOST = 8
};

enum { IFF_UP_FLAG = 0x1 }; /* include/uapi/linux/if.h */

struct search {
	const struct root *root;
	const struct snapshot *snapshot;
	struct uses *uses;
	int error; /* -ENOMEM, sticky */
};

/* One process with open files. */
struct process {
	const char *pid;
	char name[PROGRAM_NAME_SIZE];
	size_t first; /* of its uses */
};

/* Opens a directory of the machine, or returns NULL with errno set. */
static DIR *open_directory(const struct search *search, const char *path)
{
	int fd = root_open_inside(search->root, path, O_RDONLY | O_DIRECTORY);

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	DIR *dir = fdopendir(fd);
	if (dir == NULL)
		(void)close(fd);
	return dir;
}

/* Next entry that does not begin with a dot, or NULL. */
static const char *next_name(DIR *dir)
{
	const struct dirent *entry;

	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			return entry->d_name;
	return NULL;
}

/* True for what can be a component of a path: names come from the kernel's lists too. */
static bool is_component(const char *name)
{
	return *name != '\0' && *name != '.' && strchr(name, '/') == NULL &&
	       strlen(name) <= NAME_MAX;
}

/*
 * The PCI function of DIRECTORY/NAME, a link such as those of sys/class. The text of the link
 * has the whole way down, so that the target need not be there.
 */
static bool find_function(const struct search *search, const char *directory, const char *name,
			  struct pci_address *ret_address)
{
	char path[PATH_MAX];
	char target[PATH_MAX];

	if (!is_component(name) ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path))
		return false;
	ssize_t length = readlinkat(search->root->fd, path, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	return sysfs_pci_address(target, ret_address) == 0;
}

static void note(struct search *search, int r)
{
	if (r < 0)
		search->error = r;
}

/* The first use of this kind from `first` on, or NULL. */
static struct use *find_use(const struct search *search, const struct pci_address *address,
			    enum use_kind kind, size_t first)
{
	for (size_t i = first; i < search->uses->count; i++) {
		struct use *use = &search->uses->items[i];

		if (use->kind == kind && pci_address_compare(&use->address, address) == 0)
			return use;
	}
	return NULL;
}

/*
 * Marks a function, and of a virtual one the physical function too: without its driver there
 * are no virtual ones.
 */
static void mark_route(struct search *search, const struct pci_address *address,
		       const char *interface, const char *route)
{
	bool same = strcmp(interface, route) == 0;
	char name[PCI_ADDRESS_SIZE];
	char path[64];
	struct pci_address physical;

	note(search, uses_add(search->uses, address, USE_ROUTE,
			      "carries the default route (%.30s%s%.30s)", interface,
			      same ? "" : " of ", same ? "" : route));
	(void)snprintf(path, sizeof(path), DEVICES "/%s/physfn",
		       pci_address_format(address, name));
	if (read_link_name(search->root->fd, path, name, sizeof(name)) > 0 &&
	    pci_address_parse(name, &physical, NULL) == 0)
		note(search, uses_add(search->uses, &physical, USE_ROUTE,
				      "has the virtual function that carries the default route "
				      "(%.30s%s%.30s)",
				      interface, same ? "" : " of ", same ? "" : route));
}

static bool follow_route(struct search *search, const char *interface, const char *route,
			 unsigned depth);

/* The interfaces below a stacked one. Returns true when they lead to a device. */
static bool follow_lower(struct search *search, const char *interface, const char *route,
			 unsigned depth)
{
	static const char lower[] = "lower_";
	char path[PATH_MAX];
	bool found = false;
	const char *name;

	(void)snprintf(path, sizeof(path), "sys/class/net/%s", interface);
	AUTO_CLOSEDIR DIR *dir = open_directory(search, path);
	while (dir != NULL && (name = next_name(dir)) != NULL)
		if (strncmp(name, lower, strlen(lower)) == 0 &&
		    follow_route(search, name + strlen(lower), route, depth + 1))
			found = true;
	return found;
}

/* Marks the devices below an interface. Returns true when there is one. */
static bool follow_route(struct search *search, const char *interface, const char *route,
			 unsigned depth)
{
	struct pci_address address;

	if (depth > STACKED_MOST || !is_component(interface))
		return false;
	bool found = find_function(search, "sys/class/net", interface, &address);
	if (found)
		mark_route(search, &address, interface, route);
	return follow_lower(search, interface, route, depth) || found;
}

/*
 * An internal port of Open vSwitch, and what is stacked on one, has no link to the ports that
 * carry it, which are those of "ovs-system" (net/openvswitch/vport-netdev.c). Where anything
 * else leads to a device, that is it: a bridge has ports of virtual machines, too, which end
 * nowhere.
 */
static void follow_default_route(struct search *search, const char *interface)
{
	if (!follow_route(search, interface, interface, 0))
		(void)follow_lower(search, "ovs-system", interface, 0);
}

/* A router's table can have a million lines: they are read one by one. */
static void find_routes(struct search *search, const char *path, bool ipv6)
{
	int fd = root_open_inside(search->root, path, O_RDONLY);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "r");
	char interface[INTERFACE_NAME_SIZE];
	char *line = NULL;
	size_t room = 0;

	if (stream == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while (getline(&line, &room, stream) > 0)
		if (route_default_interface(line, ipv6, interface))
			follow_default_route(search, interface);
	free(line);
	(void)fclose(stream);
}

static void find_all_routes(struct search *search)
{
	find_routes(search, "proc/net/route", false);
	find_routes(search, "proc/net/ipv6_route", true);
}

/* Up and connected. Some drivers never say more than "unknown" (RFC 2863; operstates.rst). */
static bool is_link_up(const struct search *search, const char *interface)
{
	char path[PATH_MAX];
	char state[16];
	char flags[16];
	uint32_t bits;

	(void)snprintf(path, sizeof(path), "sys/class/net/%s/operstate", interface);
	if (read_attribute(search->root->fd, path, state, sizeof(state)) < 0)
		return false;
	if (strcmp(state, "unknown") != 0)
		return strcmp(state, "up") == 0;
	(void)snprintf(path, sizeof(path), "sys/class/net/%s/flags", interface);
	return read_attribute(search->root->fd, path, flags, sizeof(flags)) > 2 &&
	       parse_hex(flags + 2, strlen(flags + 2), &bits) == 0 && (bits & IFF_UP_FLAG) != 0;
}

static void find_links(struct search *search)
{
	AUTO_CLOSEDIR DIR *dir = open_directory(search, "sys/class/net");
	struct pci_address address;
	const char *name;

	while (dir != NULL && (name = next_name(dir)) != NULL)
		if (find_function(search, "sys/class/net", name, &address) &&
		    find_use(search, &address, USE_ROUTE, 0) == NULL &&
		    is_link_up(search, name))
			note(search, uses_add(search->uses, &address, USE_LINK,
					      "has a network link that is up (%.60s)", name));
}

/* Only VGA-compatible displays have the attribute (drivers/pci/pci-sysfs.c). */
static void find_boot_display(struct search *search)
{
	for (size_t i = 0; i < search->snapshot->count; i++) {
		const struct device *device = &search->snapshot->devices[i];
		char address[PCI_ADDRESS_SIZE];
		char path[64];
		char value[8];

		(void)snprintf(path, sizeof(path), DEVICES "/%s/boot_vga",
			       pci_address_format(&device->address, address));
		if (device->class_code >> 16 == 0x03 &&
		    read_attribute(search->root->fd, path, value, sizeof(value)) > 0 &&
		    strcmp(value, "1") == 0)
			note(search, uses_add(search->uses, &device->address, USE_CONSOLE,
					      "is the display that the firmware started with"));
	}
}

static void find_frame_buffers(struct search *search)
{
	AUTO_CLOSEDIR DIR *dir = open_directory(search, "sys/class/graphics");
	struct pci_address address;
	const char *name;

	while (dir != NULL && (name = next_name(dir)) != NULL)
		if (strncmp(name, "fb", 2) == 0 && isdigit((unsigned char)name[2]) &&
		    find_function(search, "sys/class/graphics", name, &address))
			note(search,
			     uses_add(search->uses, &address, USE_CONSOLE,
				      "has the frame buffer of the console (%.30s)", name));
}

/* Lines such as "ttyS4  -W- (EC p a)  4:68": a serial line may be a PCI function. */
static void find_consoles(struct search *search)
{
	AUTO_FREE char *data = NULL;
	size_t length;
	char *rest = NULL;
	struct pci_address address;

	if (root_read(search->root, "proc/consoles", CONSOLES_MOST, &data, &length) < 0)
		return;
	for (char *line = strtok_r(data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		line[strcspn(line, " ")] = '\0';
		if (find_function(search, "sys/class/tty", line, &address))
			note(search, uses_add(search->uses, &address, USE_CONSOLE,
					      "is the kernel's console (%.30s)", line));
	}
}

/* One use for a process and device is enough: the first of its nodes by name. */
static void add_open(struct search *search, const struct process *process, enum use_kind kind,
		     const struct pci_address *address, const char *node)
{
	struct uses *uses = search->uses;
	size_t count = uses->count;

	note(search, uses_add(uses, address, kind, "is in use by %s, pid %s (%.40s)",
			      process->name, process->pid, node));
	struct use *first = find_use(search, address, kind, process->first);
	if (uses->count == count || first == NULL || first == &uses->items[count])
		return;
	if (strcmp(uses->items[count].text, first->text) < 0)
		*first = uses->items[count];
	uses->count--;
}

/*
 * The devices of an IOMMU group. The directory's links lead a mediated device to its parent
 * too; where a tree has no such directory, the devices' own links are looked at.
 */
static void add_group(struct search *search, const struct process *process, const char *group,
		      const char *node)
{
	char path[PATH_MAX];
	char number[16];
	char address[PCI_ADDRESS_SIZE];
	struct pci_address found;
	const char *name;

	(void)snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%.20s/devices", group);
	AUTO_CLOSEDIR DIR *dir = open_directory(search, path);
	while (dir != NULL && (name = next_name(dir)) != NULL)
		if (find_function(search, path, name, &found))
			add_open(search, process, USE_VFIO, &found, node);
	for (size_t i = 0; dir == NULL && i < search->snapshot->count; i++) {
		const struct device *device = &search->snapshot->devices[i];

		(void)snprintf(path, sizeof(path), DEVICES "/%s/iommu_group",
			       pci_address_format(&device->address, address));
		if (read_link_name(search->root->fd, path, number, sizeof(number)) > 0 &&
		    strcmp(number, group) == 0)
			add_open(search, process, USE_VFIO, &device->address, node);
	}
}

/* "Device Minor: \t 0" of proc/driver/nvidia/gpus/ADDRESS/information. */
static bool has_minor(const struct search *search, const char *address, const char *minor)
{
	static const char key[] = "Device Minor:";
	char path[PATH_MAX];
	AUTO_FREE char *data = NULL;
	size_t length;

	(void)snprintf(path, sizeof(path), NVIDIA "/%s/information", address);
	if (root_read(search->root, path, 4096, &data, &length) < 0)
		return false;
	const char *value = strstr(data, key);
	if (value == NULL)
		return false;
	value += strlen(key);
	value += strspn(value, " \t");
	length = strspn(value, "0123456789");
	return length == strlen(minor) && strncmp(value, minor, length) == 0;
}

static void add_nvidia(struct search *search, const struct process *process, const char *minor,
		       const char *node)
{
	AUTO_CLOSEDIR DIR *dir = open_directory(search, NVIDIA);
	struct pci_address address;
	const char *name;

	while (dir != NULL && (name = next_name(dir)) != NULL)
		if (pci_address_parse(name, &address, NULL) == 0 &&
		    has_minor(search, name, minor))
			add_open(search, process, USE_DISPLAY, &address, node);
}

/* One node for the computing of every AMD GPU: which of them is not told. */
static void add_kfd(struct search *search, const struct process *process, const char *node)
{
	for (size_t i = 0; i < search->snapshot->count; i++)
		if (strcmp(search->snapshot->devices[i].driver, "amdgpu") == 0)
			add_open(search, process, USE_DISPLAY,
				 &search->snapshot->devices[i].address, node);
}

/* Has each function below a block device that is used as the text says: by the process, or NULL. */
static void add_disk(struct search *search, const struct process *process, const char *name,
		     const char *text)
{
	struct storage storage = { 0 };
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "sys/class/block/%.60s", name);
	if (!is_component(name) ||
	    faccessat(search->root->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	note(search, storage_add(search->root, name, &storage));
	for (size_t i = 0; i < search->snapshot->count; i++) {
		const struct device *device = &search->snapshot->devices[i];

		for (size_t j = 0; !device_is_bridge(device) && j < storage.count; j++) {
			if (pci_address_compare(&storage.functions[j], &device->address) != 0)
				continue;
			if (process != NULL)
				add_open(search, process, USE_DISK, &device->address, text);
			else
				note(search, uses_add(search->uses, &device->address, USE_DISK,
						      "%s", text));
		}
	}
	storage_free(&storage);
}

/* The name that people know it by: that of device-mapper, else the kernel's. */
static void name_of_block(const struct search *search, const char *name,
			  char out[BLOCK_NAME_SIZE])
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "sys/class/block/%.60s/dm/name", name);
	if (read_attribute(search->root->fd, path, out, BLOCK_NAME_SIZE) <= 0)
		(void)copy_field(out, BLOCK_NAME_SIZE, name);
}

/*
 * What the kernel has made of a disk or partition (md, LVM, LUKS, bcache), be it mounted or not:
 * the links in its `holders` (block/genhd.c, bd_link_disk_holder()).
 */
static void find_holders(struct search *search, const char *name)
{
	char holder[BLOCK_NAME_SIZE];
	char path[PATH_MAX];
	char text[USE_TEXT_SIZE];
	const char *entry;

	(void)snprintf(path, sizeof(path), "sys/class/block/%.60s/holders", name);
	AUTO_CLOSEDIR DIR *dir = open_directory(search, path);
	while (dir != NULL && (entry = next_name(dir)) != NULL) {
		name_of_block(search, entry, holder);
		(void)snprintf(text, sizeof(text), "has a disk that %.50s is made of (%.30s)",
			       holder, name);
		add_disk(search, NULL, name, text);
	}
}

/* Of stacked ones the lowest are enough: all below have the same functions. */
static bool is_stacked(const struct search *search, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "sys/class/block/%.60s/slaves", name);
	AUTO_CLOSEDIR DIR *dir = open_directory(search, path);
	return dir != NULL && next_name(dir) != NULL;
}

static bool is_partition(const struct search *search, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "sys/class/block/%.60s/partition", name);
	return faccessat(search->root->fd, path, F_OK, 0) == 0;
}

static void find_all_holders(struct search *search)
{
	AUTO_CLOSEDIR DIR *dir = open_directory(search, "sys/class/block");
	const char *name;

	while (dir != NULL && (name = next_name(dir)) != NULL)
		if (is_component(name) && !is_stacked(search, name))
			find_holders(search, name);
}

/* One path of several to a namespace has no node (block/genhd.c, disk_hidden_show()). */
static bool is_hidden(const struct search *search, const char *name)
{
	char path[PATH_MAX];
	char value[4];

	(void)snprintf(path, sizeof(path), "sys/class/block/%.60s/hidden", name);
	return read_attribute(search->root->fd, path, value, sizeof(value)) > 0 && *value == '1';
}

/*
 * True when the kernel itself has a disk or a part of it, mounted or not: then nobody else may open
 * it exclusively (open(2), O_EXCL without O_CREAT; block/bdev.c, bd_prepare_to_claim()).
 */
static bool is_held(struct search *search, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "dev/%.60s", name);
	AUTO_CLOSE int fd =
		root_open_inside(search->root, path, O_RDONLY | O_EXCL | O_NONBLOCK);
	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
		note(search, fd);
	else if ((fd == -EACCES || fd == -EPERM || fd == -ENOENT) && !is_hidden(search, name))
		(void)copy_field(search->uses->unopened, sizeof(search->uses->unopened), name);
	return fd == -EBUSY;
}

static bool has_use(const struct search *search, const struct device *device,
		    enum use_kind kind)
{
	return find_use(search, &device->address, kind, 0) != NULL;
}

/* Has each device that is asked for and hangs below the disk. It is opened for these alone. */
static void find_held(struct search *search, const char *name, const bool *asked)
{
	struct storage storage = { 0 };
	bool opened = false;
	bool held = false;

	note(search, storage_add(search->root, name, &storage));
	for (size_t i = 0; i < search->snapshot->count; i++) {
		const struct device *device = &search->snapshot->devices[i];

		for (size_t j = 0; asked[i] && j < storage.count; j++) {
			if (pci_address_compare(&storage.functions[j], &device->address) != 0 ||
			    has_use(search, device, USE_DISK))
				continue;
			held = opened ? held : is_held(search, name);
			opened = true;
			if (held)
				note(search,
				     uses_add(
					     search->uses, &device->address, USE_DISK,
					     "has a disk that the kernel itself holds (%.30s), "
					     "for a ZFS pool, DRBD, an iSCSI target or the "
					     "like",
					     name));
		}
	}
	storage_free(&storage);
}

/* Where configfs has what the kernel offers of this machine's disks, in two levels of names. */
struct target {
	const char *name;
	const char *directory;
	const char *below; /* each name of the first level */
	const char *attribute;
};

/*
 * What is offered in one directory. A target may have opened the disk so that others can, too:
 * drivers/nvme/target/io-cmd-bdev.c, nvmet_bdev_ns_enable(), opens it without a holder.
 */
static void add_offered(struct search *search, const struct target *target,
			const char *directory)
{
	char path[PATH_MAX];
	char value[PATH_MAX];
	char block[BLOCK_NAME_SIZE];
	char text[USE_TEXT_SIZE];

	(void)snprintf(path, sizeof(path), "%.3000s/enable", directory);
	if (read_attribute(search->root->fd, path, value, sizeof(value)) <= 0 || *value != '1')
		return;
	(void)snprintf(path, sizeof(path), "%.3000s/%s", directory, target->attribute);
	if (read_attribute(search->root->fd, path, value, sizeof(value)) <= 0 ||
	    block_resolve(search->root, value, block) < 0)
		return;
	(void)snprintf(text, sizeof(text), "has a disk that is offered to others (%.30s, %s)",
		       block, target->name);
	add_disk(search, NULL, block, text);
}

static void find_offered_below(struct search *search, const struct target *target,
			       const char *outer)
{
	char path[PATH_MAX];
	char inner[PATH_MAX];
	const char *name;

	(void)snprintf(path, sizeof(path), "%s/%.255s%s", target->directory, outer,
		       target->below);
	AUTO_CLOSEDIR DIR *dir = open_directory(search, path);
	while (dir != NULL && (name = next_name(dir)) != NULL) {
		(void)snprintf(inner, sizeof(inner), "%.2000s/%.255s", path, name);
		add_offered(search, target, inner);
	}
}

static void find_all_offered(struct search *search)
{
	static const struct target targets[] = {
		{ "NVMe target", "sys/kernel/config/nvmet/subsystems", "/namespaces",
		  "device_path" },
		{ "SCSI target", "sys/kernel/config/target/core", "", "udev_path" },
	};
	const char *name;

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		AUTO_CLOSEDIR DIR *dir = open_directory(search, targets[i].directory);

		while (dir != NULL && (name = next_name(dir)) != NULL)
			find_offered_below(search, &targets[i], name);
	}
}

/* The rest of `string` behind `prefix`, or NULL. */
static const char *behind(const char *string, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(string, prefix, length) == 0 ? string + length : NULL;
}

/* A device node that a process has open; anything else is passed over. */
static void look_at_node(struct search *search, const struct process *process, const char *node)
{
	static const struct {
		const char *prefix;
		const char *directory;
		enum use_kind kind;
	} classes[] = {
		{ "/dev/dri/", "sys/class/drm", USE_DISPLAY },
		{ "/dev/snd/", "sys/class/sound", USE_SOUND },
		{ "/dev/vfio/devices/", "sys/class/vfio-dev", USE_VFIO },
		{ "/dev/uio", "sys/class/uio", USE_PROGRAM },
		{ "/dev/infiniband/uverbs", "sys/class/infiniband_verbs", USE_PROGRAM },
		{ "/dev/infiniband/umad", "sys/class/infiniband_mad", USE_PROGRAM },
		{ "/dev/accel/", "sys/class/accel", USE_PROGRAM },
		{ "/dev/st", "sys/class/scsi_tape", USE_PROGRAM },
		{ "/dev/nst", "sys/class/scsi_tape", USE_PROGRAM },
		{ "/dev/sg", "sys/class/scsi_generic", USE_PROGRAM },
		{ "/dev/ng", "sys/class/nvme-generic", USE_PROGRAM },
		{ "/dev/video", "sys/class/video4linux", USE_PROGRAM },
	};
	struct pci_address address;
	const char *name;

	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (behind(node, classes[i].prefix) == NULL)
			continue;
		name = strrchr(node, '/') + 1;
		if (find_function(search, classes[i].directory, name, &address))
			add_open(search, process, classes[i].kind, &address, node);
		return;
	}
	if ((name = behind(node, "/dev/vfio/noiommu-")) != NULL ||
	    (name = behind(node, "/dev/vfio/")) != NULL) {
		if (isdigit((unsigned char)*name) && is_component(name))
			add_group(search, process, name, node);
	} else if ((name = behind(node, "/dev/nvidia")) != NULL) {
		if (isdigit((unsigned char)*name))
			add_nvidia(search, process, name, node);
	} else if (strcmp(node, "/dev/kfd") == 0) {
		add_kfd(search, process, node);
	} else if ((name = behind(node, "/dev/")) != NULL) {
		add_disk(search, process, name, node);
	}
}

static void find_open_files(struct search *search, const char *pid)
{
	struct process process = { .pid = pid, .first = search->uses->count };
	char path[64];
	char node[PATH_MAX];
	const char *name;

	(void)snprintf(path, sizeof(path), "proc/%.20s/fd", pid);
	AUTO_CLOSEDIR DIR *dir = open_directory(search, path);
	if (dir == NULL) {
		/* Not ENOENT, ESRCH: it has ended meanwhile. */
		if (errno == EACCES || errno == EPERM)
			search->uses->unread++;
		return;
	}
	(void)snprintf(path, sizeof(path), "proc/%.20s/comm", pid);
	if (read_attribute(search->root->fd, path, process.name, sizeof(process.name)) <= 0)
		(void)copy_field(process.name, sizeof(process.name), "a program");
	while ((name = next_name(dir)) != NULL) {
		ssize_t length = readlinkat(dirfd(dir), name, node, sizeof(node) - 1);

		if (length <= 0)
			continue;
		node[length] = '\0';
		look_at_node(search, &process, node);
	}
}

static void find_processes(struct search *search)
{
	AUTO_CLOSEDIR DIR *dir = open_directory(search, "proc");
	char self[16];
	const char *name;

	/* What we inherited from whoever started us is theirs. */
	(void)snprintf(self, sizeof(self), "%d", search->root->is_host ? (int)getpid() : 0);
	while (dir != NULL && (name = next_name(dir)) != NULL)
		if (name[strspn(name, "0123456789")] == '\0' && strcmp(name, self) != 0)
			find_open_files(search, name);
}

/* ---- What is mounted where we do not see it */

/* The mounts of one namespace; ours are the business of needs.h. */
struct namespace_list {
	char *own; /* our mountinfo */
	char (*seen)[MOUNT_NAMESPACE_SIZE];
	size_t count;
};

static bool is_mounted_here(const struct namespace_list *list, const struct mount_entry *entry)
{
	struct mount_entry own;

	for (const char *text = list->own; text != NULL && mountinfo_next(&text, &own);)
		if (own.major == entry->major && own.minor == entry->minor &&
		    (own.major != 0 || strcmp(own.source, entry->source) == 0))
			return true;
	return false;
}

/* True once for each namespace, and where it cannot be told which one it is. */
static bool is_new_namespace(struct search *search, struct namespace_list *list,
			     const char *pid)
{
	char path[64];
	char name[MOUNT_NAMESPACE_SIZE];

	(void)snprintf(path, sizeof(path), "proc/%.20s/ns/mnt", pid);
	if (read_link_name(search->root->fd, path, name, sizeof(name)) <= 0)
		return true;
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->seen[i], name) == 0)
			return false;
	char(*slot)[MOUNT_NAMESPACE_SIZE] = array_grow(&list->seen, list->count, sizeof(*slot));
	if (slot == NULL) {
		search->error = -ENOMEM;
		return false;
	}
	list->count++;
	return copy_field(*slot, sizeof(*slot), name) == 0;
}

static void find_mounts_of(struct search *search, const struct namespace_list *list,
			   const char *pid)
{
	char path[64];
	char block[BLOCK_NAME_SIZE];
	char program[PROGRAM_NAME_SIZE];
	char text[USE_TEXT_SIZE];
	AUTO_FREE char *mounts = NULL;
	struct mount_entry entry;
	size_t length;

	(void)snprintf(path, sizeof(path), "proc/%.20s/mountinfo", pid);
	if (root_read(search->root, path, MOUNTS_MOST, &mounts, &length) < 0)
		return;
	(void)snprintf(path, sizeof(path), "proc/%.20s/comm", pid);
	if (read_attribute(search->root->fd, path, program, sizeof(program)) <= 0)
		(void)copy_field(program, sizeof(program), "a program");
	for (const char *rest = mounts; mountinfo_next(&rest, &entry);) {
		if (type_is_virtual(entry.type) || is_mounted_here(list, &entry) ||
		    (entry.major != 0
			     ? block_of_number(search->root, entry.major, entry.minor, block)
			     : block_resolve(search->root, entry.source, block)) < 0)
			continue;
		(void)snprintf(text, sizeof(text),
			       "is mounted for %.20s, pid %.10s (%.30s on %.30s)", program, pid,
			       block, entry.target);
		add_disk(search, NULL, block, text);
	}
}

/* Containers and services have mounts that are not in our own table. */
static void find_other_mounts(struct search *search)
{
	struct namespace_list list = { 0 };
	size_t length;
	const char *name;

	if (root_read(search->root, "proc/self/mountinfo", MOUNTS_MOST, &list.own, &length) < 0)
		return;
	(void)is_new_namespace(search, &list, "self");
	AUTO_CLOSEDIR DIR *dir = open_directory(search, "proc");
	while (dir != NULL && search->error == 0 && (name = next_name(dir)) != NULL)
		if (name[strspn(name, "0123456789")] == '\0' &&
		    is_new_namespace(search, &list, name))
			find_mounts_of(search, &list, name);
	free(list.own);
	free(list.seen);
}

/* What is not of the form is no reason to fail: the rest is still true. */
static void read_recorded(struct search *search)
{
	AUTO_FREE char *data = NULL;
	size_t length;

	if (search->root->is_host ||
	    root_read(search->root, USES_PATH, RECORDED_MOST, &data, &length) < 0)
		return;
	if (uses_parse(data, search->uses) == -ENOMEM)
		search->error = -ENOMEM;
}

/* Hands them over in order, or frees them. */
static int take_uses(struct search *search, struct uses *ret_uses)
{
	if (search->error < 0) {
		uses_free(search->uses);
		return search->error;
	}
	uses_sort(search->uses);
	*ret_uses = *search->uses;
	return 0;
}

int uses_find(const struct root *root, const struct snapshot *snapshot, struct uses *ret_uses)
{
	struct uses uses = { 0 };
	struct search search = { .root = root, .snapshot = snapshot, .uses = &uses };

	read_recorded(&search);
	find_all_routes(&search);
	find_links(&search);
	find_boot_display(&search);
	find_frame_buffers(&search);
	find_consoles(&search);
	find_all_holders(&search);
	find_all_offered(&search);
	find_processes(&search);
	find_other_mounts(&search);
	return take_uses(&search, ret_uses);
}

int uses_find_routes(const struct root *root, struct uses *ret_uses)
{
	struct uses uses = { 0 };
	struct search search = { .root = root, .uses = &uses };

	read_recorded(&search);
	find_all_routes(&search);
	return take_uses(&search, ret_uses);
}

int uses_add_held(const struct root *root, const struct snapshot *snapshot, const bool *asked,
		  struct uses *uses)
{
	struct search search = { .root = root, .snapshot = snapshot, .uses = uses };
	AUTO_CLOSEDIR DIR *dir = open_directory(&search, "sys/class/block");
	const char *name;

	/* Of a disk with partitions the whole tells. */
	while (dir != NULL && (name = next_name(dir)) != NULL)
		if (is_component(name) && !is_partition(&search, name) &&
		    !is_stacked(&search, name))
			find_held(&search, name, asked);
	uses_sort(uses);
	return search.error;
}
