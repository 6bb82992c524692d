// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a snapshot has of a machine: the files and links that list, plan and the exports read.
 * The section SNAPSHOTS of vfio-claim(8) tells it to people.
 */
#include "capture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "mount_table.h"
#include "pci.h"
#include "scan.h"
#include "target.h"
#include "text.h"
#include "usage.h"
#include "version.h"

#define PCI_DEVICES "sys/bus/pci/devices"

/* What is recorded of each entry of a directory of sysfs; every list ends with NULL. */
struct class_rule {
	const char *const *files;
	const char *const *links;       /* or "*" alone: all of them */
	const char *const *directories; /* whose links are all recorded */
};

static const char *const no_names[] = { NULL };
static const char *const all_names[] = { "*", NULL };

/* A name of the list that ends in '*' is a beginning. */
static bool name_fits(const char *name, const char *const *list)
{
	for (; *list != NULL; list++) {
		size_t length = strlen(*list);

		if ((*list)[length - 1] == '*' ? strncmp(name, *list, length - 1) == 0
					       : strcmp(name, *list) == 0)
			return true;
	}
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* The path of a name in a directory. False where it is too long to be recorded. */
static bool join(char out[ARCHIVE_NAME_SIZE], const char *directory, const char *name)
{
	return snprintf(out, ARCHIVE_NAME_SIZE, "%s/%s", directory, name) < ARCHIVE_NAME_SIZE;
}

/* The links of a directory that a list has. */
static void add_links(struct capture *capture, const char *directory, const char *const *links)
{
	char path[ARCHIVE_NAME_SIZE];

	if (links == all_names) {
		capture_each(capture, directory, capture_link_to_directory);
		return;
	}
	for (; *links != NULL; links++)
		if (join(path, directory, *links))
			capture_link_to_directory(capture, path);
}

/*
 * The bus and the driver of each device on the way down to this one: the way itself is known
 * by its name.
 */
static void add_ancestors(struct capture *capture, const char *directory)
{
	static const char *const links[] = { "subsystem", "driver", NULL };
	char path[ARCHIVE_NAME_SIZE];
	char *slash;

	(void)snprintf(path, sizeof(path), "%s", directory);
	while (strncmp(path, "sys/devices/", 12) == 0 && (slash = strrchr(path, '/')) != NULL) {
		add_links(capture, path, links);
		*slash = '\0';
	}
}

static void add_entry(struct capture *capture, const char *path, const struct class_rule *rule)
{
	char directory[ARCHIVE_NAME_SIZE];
	char below[ARCHIVE_NAME_SIZE];
	int r = capture_link(capture, path, directory);

	/* A tree made by hand may have the directory itself. */
	if (r == -EINVAL)
		r = copy_field(directory, sizeof(directory), path);
	else if (r == 0)
		capture_directory(capture, directory);
	if (r < 0)
		return;
	capture_files(capture, directory, rule->files);
	add_links(capture, directory, rule->links);
	for (const char *const *name = rule->directories; *name != NULL; name++)
		if (join(below, directory, *name))
			add_links(capture, below, all_names);
	add_ancestors(capture, directory);
}

/* ---- PCI */

/* Signs that cannot be read, or whose values are of no interest. */
static void add_signs(struct capture *capture, const char *directory)
{
	static const char *const signs[] = { "reset", "secondary_bus_number",
					     "sriov_vf_msix_count" };
	char path[ARCHIVE_NAME_SIZE];

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (join(path, directory, signs[i]))
			capture_presence(capture, path);
}

static void add_function_link(struct capture *capture, const char *path)
{
	static const char *const names[] = { "driver", "iommu",   "iommu_group",
					     "physfn", "virtfn*", NULL };

	if (name_fits(base_name(path), names))
		capture_link_to_directory(capture, path);
}

static void add_function(struct capture *capture, const char *path)
{
	static const char *const files[] = {
		"uevent",
		"class",
		"modalias",
		"numa_node",
		"boot_vga",
		"reset_method",
		"driver_override",
		"sriov_totalvfs",
		"sriov_numvfs",
		"sriov_vf_device",
		"sriov_drivers_autoprobe",
		NULL,
	};
	char directory[ARCHIVE_NAME_SIZE];
	struct pci_address address;
	int r = capture_link(capture, path, directory);

	if (r == -EINVAL)
		r = copy_field(directory, sizeof(directory), path);
	if (r < 0 || pci_address_parse(base_name(path), &address, NULL) < 0)
		return;
	capture_directory(capture, directory);
	capture_files(capture, directory, files);
	add_signs(capture, directory);
	capture_each(capture, directory, add_function_link);
}

/* A driver is there as a directory, and says which module it is of. */
static void add_driver(struct capture *capture, const char *path)
{
	static const char *const links[] = { "module", NULL };

	if (strncmp(path, "sys/", 4) != 0)
		return;
	capture_directory(capture, path);
	add_links(capture, path, links);
}

static void add_pci(struct capture *capture)
{
	capture_directory(capture, PCI_DEVICES);
	capture_each(capture, PCI_DEVICES, add_function);
	capture_each(capture, "sys/bus/pci/drivers", add_driver);
	capture_file(capture, "sys/bus/pci/drivers_autoprobe", NULL);
}

/* ---- Classes */

static void add_class_iommu(struct capture *capture, const char *path)
{
	static const char *const files[] = { "intel-iommu/cap",     "intel-iommu/ecap",
					     "intel-iommu/version", "amd-iommu/cap",
					     "amd-iommu/features",  NULL };

	add_entry(capture, path, &(struct class_rule){ files, no_names, no_names });
}

static void add_class_block(struct capture *capture, const char *path)
{
	static const char *const files[] = {
		"uevent",
		"dev",
		"partition",
		"hidden",
		"removable",
		"dm/name",
		"dm/uuid",
		"md/level",
		"md/metadata_version",
		"md/array_state",
		"loop/backing_file",
		NULL,
	};
	static const char *const links[] = { "device", "bcache", NULL };
	static const char *const directories[] = { "slaves", "holders", "multipath", "bcache",
						   NULL };

	add_entry(capture, path, &(struct class_rule){ files, links, directories });
}

static void add_class_nvme(struct capture *capture, const char *path)
{
	static const char *const files[] = { "transport", "state", "address", "subsystype",
					     NULL };

	add_entry(capture, path, &(struct class_rule){ files, all_names, no_names });
}

static void add_class_net(struct capture *capture, const char *path)
{
	static const char *const files[] = { "operstate", "carrier", "flags", "type", NULL };

	add_entry(capture, path, &(struct class_rule){ files, all_names, no_names });
}

static void add_class_display(struct capture *capture, const char *path)
{
	static const char *const files[] = { "name", "dev",          "status", "enabled",
					     "bind", "boot_display", NULL };
	static const char *const links[] = { "device", NULL };

	add_entry(capture, path, &(struct class_rule){ files, links, no_names });
}

static void add_framebuffer(struct capture *capture, const char *path)
{
	static const char *const names[] = { "simple-framebuffer.*", "efi-framebuffer.*",
					     "vesa-framebuffer.*", "platform-framebuffer.*",
					     NULL };
	static const char *const links[] = { "driver", NULL };

	if (name_fits(base_name(path), names))
		add_entry(capture, path, &(struct class_rule){ no_names, links, no_names });
}

static void add_btrfs(struct capture *capture, const char *path)
{
	char devices[ARCHIVE_NAME_SIZE];

	if (join(devices, path, "devices"))
		capture_each(capture, devices, capture_link_to_directory);
}

static void add_bcache(struct capture *capture, const char *path)
{
	capture_each(capture, path, capture_link_to_directory);
}

static void add_classes(struct capture *capture)
{
	capture_each(capture, "sys/class/iommu", add_class_iommu);
	capture_each(capture, "sys/class/block", add_class_block);
	capture_each(capture, "sys/dev/block", capture_link_to_directory);
	capture_each(capture, "sys/class/nvme", add_class_nvme);
	capture_each(capture, "sys/class/nvme-subsystem", add_class_nvme);
	capture_each(capture, "sys/fs/btrfs", add_btrfs);
	capture_each(capture, "sys/fs/bcache", add_bcache);
	capture_each(capture, "sys/class/net", add_class_net);
	capture_each(capture, "sys/class/drm", add_class_display);
	capture_each(capture, "sys/class/graphics", add_class_display);
	capture_each(capture, "sys/class/vtconsole", add_class_display);
	capture_each(capture, "sys/bus/platform/devices", add_framebuffer);
}

/* ---- Modules */

static void add_parameter(struct capture *capture, const char *path)
{
	capture_file(capture, path, NULL);
}

/* That a module is loaded, or built in with parameters; the parameters of those that matter. */
static void add_module(struct capture *capture, const char *path)
{
	static const char *const asked[] = { "vfio*", "*_vfio_pci", "pci_stub", "nvme_core",
					     NULL };
	char below[ARCHIVE_NAME_SIZE];
	static const char *const files[] = { "initstate", NULL };

	capture_directory(capture, path);
	capture_files(capture, path, files);
	if (name_fits(base_name(path), asked) && join(below, path, "parameters"))
		capture_each(capture, below, add_parameter);
}

static void add_modprobe_file(struct capture *capture, const char *path)
{
	const char *dot = strrchr(base_name(path), '.');

	if (dot != NULL && strcmp(dot, ".conf") == 0)
		capture_file(capture, path, NULL);
}

/*
 * What libkmod reads to find the modules of a modalias, and what they need: the least by trial
 * (kmod 30 and 34), with modules.dep for kernels that have no other index, and the list that
 * says whether a soft dependency would load something.
 */
static void add_kernel(struct capture *capture, const char *kernel)
{
	static const char *const files[] = {
		"modules.dep.bin",           "modules.alias.bin", "modules.builtin.bin",
		"modules.builtin.alias.bin", "modules.softdep",   NULL,
	};
	char path[ARCHIVE_NAME_SIZE];

	if (kernel[0] != '\0' && join(path, "lib/modules", kernel))
		capture_files(capture, path, files);
}

/* That of the running system; all those of a tree. */
static void add_kernels(struct capture *capture, const char *running)
{
	struct kernels kernels;

	if (capture->root->is_host) {
		add_kernel(capture, running);
		return;
	}
	if (kernels_find(capture->root, &kernels) < 0)
		return;
	for (size_t i = 0; i < kernels.count; i++)
		add_kernel(capture, kernels.items[i]);
	kernels_free(&kernels);
}

static void add_modules(struct capture *capture)
{
	static const char *const places[] = { "etc", "run", "usr/local/lib", "usr/lib" };
	char path[ARCHIVE_NAME_SIZE];
	char target[ARCHIVE_NAME_SIZE];

	capture_each(capture, "sys/module", add_module);
	capture_file(capture, "proc/modules", capture_modules);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (join(path, places[i], "modprobe.d"))
			capture_each(capture, path, add_modprobe_file);
	/* Where lib is usr/lib it was that just now. */
	if (read_link_name(capture->root->fd, "lib", target, sizeof(target)) < 0)
		capture_each(capture, "lib/modprobe.d", add_modprobe_file);
}

/* ---- The rest */

static void add_secure_boot(struct capture *capture, const char *path)
{
	if (strncmp(base_name(path), "SecureBoot-", 11) == 0)
		capture_file(capture, path, NULL);
}

static void add_firmware_table(struct capture *capture, const char *path)
{
	static const char *const names[] = { "DMAR", "IVRS", "IORT",  "iBFT",
					     "IBFT", "BIFT", "NBFT*", NULL };

	if (name_fits(base_name(path), names))
		capture_presence(capture, path);
}

static void add_node_link(struct capture *capture, const char *path)
{
	(void)capture_link(capture, path, NULL);
}

/* dev/disk/by-*, dev/mapper, dev/md and the directories of volume groups: links only. */
static void add_node_directory(struct capture *capture, const char *path)
{
	static const char *const others[] = { "char",      "block",  "fd",  "pts", "shm",
					      "input",     "snd",    "dri", "bus", "disk",
					      "hugepages", "mqueue", "net", "usb", "vfio",
					      "cpu",       "serial", "v4l", NULL };

	if (!name_fits(base_name(path), others))
		capture_each(capture, path, add_node_link);
}

static void add_disk_links(struct capture *capture, const char *path)
{
	if (strncmp(base_name(path), "by-", 3) == 0)
		capture_each(capture, path, add_node_link);
}

/* Units that somebody wrote: those that systemd makes of fstab say nothing new. */
static void add_mount_unit(struct capture *capture, const char *path)
{
	if (unit_is_mount(base_name(path)))
		capture_file(capture, path, capture_unit);
}

static void add_wanted_unit(struct capture *capture, const char *path)
{
	if (unit_is_mount(base_name(path)) || unit_is_automount(base_name(path)))
		capture_presence(capture, path);
}

static void add_drop_in(struct capture *capture, const char *path)
{
	capture_file(capture, path, capture_unit);
}

/* Whether the boot starts them, and what drop-ins add. */
static void add_unit_directory(struct capture *capture, const char *path)
{
	const char *name = base_name(path);
	size_t length = strlen(name);
	char unit[ARCHIVE_NAME_SIZE];

	if (unit_directory_is_of_target(name))
		capture_each(capture, path, add_wanted_unit);
	if (length <= 2 || length >= sizeof(unit) || strcmp(name + length - 2, ".d") != 0)
		return;
	(void)snprintf(unit, sizeof(unit), "%.*s", (int)length - 2, name);
	if (unit_is_mount(unit))
		capture_each(capture, path, add_drop_in);
}

/* The places that named_read() looks at. */
static void add_units(struct capture *capture)
{
	static const char *const places[] = { "etc", "usr/local/lib", "usr/lib", "lib" };
	char path[ARCHIVE_NAME_SIZE];
	char target[ARCHIVE_NAME_SIZE];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		/* Where lib is usr/lib it was that just now. */
		if (read_link_name(capture->root->fd, places[i], target, sizeof(target)) >= 0 ||
		    !join(path, places[i], "systemd/system"))
			continue;
		capture_each(capture, path, add_mount_unit);
		capture_each(capture, path, add_unit_directory);
	}
	capture_each(capture, "run/systemd/system", add_unit_directory);
}

/* Of block devices alone. */
static void add_udev_record(struct capture *capture, const char *path)
{
	if (base_name(path)[0] == 'b')
		capture_file(capture, path, capture_udev);
}

static void add_files(struct capture *capture)
{
	static const struct {
		const char *path;
		capture_filter *filter;
	} files[] = {
		{ "proc/cmdline", NULL },
		{ "proc/self/mountinfo", NULL },
		{ "proc/1/mountinfo", NULL },
		{ "proc/mounts", NULL },
		{ "proc/swaps", NULL },
		{ "proc/consoles", NULL },
		{ "proc/cpuinfo", capture_cpuinfo },
		{ "proc/interrupts", capture_interrupts },
		{ "proc/sys/kernel/osrelease", NULL },
		{ "proc/sys/kernel/hostname", NULL },
		{ "proc/net/route", capture_routes },
		{ "proc/net/ipv6_route", capture_routes6 },
		{ "sys/power/resume", NULL },
		{ "sys/power/resume_offset", NULL },
		{ "sys/kernel/security/lockdown", NULL },
		{ "sys/class/tty/console/active", NULL },
		{ "sys/class/tty/tty0/active", NULL },
		{ "etc/fstab", capture_fstab },
		{ "etc/crypttab", capture_crypttab },
		{ "etc/integritytab", capture_crypttab },
		{ "etc/veritytab", NULL },
		{ RUN_RECORD_PATH, NULL },
		{ RUN_CLAIMS_PATH, NULL },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		capture_file(capture, files[i].path, files[i].filter);
	capture_each(capture, "sys/firmware/efi/efivars", add_secure_boot);
	capture_each(capture, "sys/firmware/acpi/tables", add_firmware_table);
	capture_presence(capture, "sys/firmware/ibft");
	add_units(capture);
	capture_each(capture, "run/udev/data", add_udev_record);
	capture_each(capture, "dev", add_node_directory);
	capture_each(capture, "dev/disk", add_disk_links);
}

/*
 * Who uses which device. Only the running system has processes to be asked; a tree says what
 * was recorded in it.
 */
static void add_uses(struct capture *capture)
{
	struct snapshot snapshot;
	struct uses uses;
	char *text = NULL;

	if (!capture->root->is_host) {
		capture_file(capture, USES_PATH, NULL);
		return;
	}
	if (scan_devices(capture->root, &snapshot) < 0)
		return;
	int r = uses_find(capture->root, &snapshot, &uses);
	if (r == 0) {
		if (uses_render(&uses, &text) < 0)
			text = NULL;
		capture_add_text(capture, USES_PATH, text);
		uses_free(&uses);
	}
	snapshot_free(&snapshot);
}

/* Of a tree: what it says of itself, if it is an unpacked snapshot. */
static void find_info(const struct root *root, struct capture_info *info)
{
	struct utsname name;

	if (root->is_host || capture_info_read(root, info) < 0)
		*info = (struct capture_info){ 0 };
	info->format = CAPTURE_FORMAT;
	if (root->is_host && uname(&name) == 0) {
		(void)copy_field(info->kernel, sizeof(info->kernel), name.release);
		(void)copy_field(info->machine, sizeof(info->machine), name.machine);
	}
	(void)copy_field(info->version, sizeof(info->version), VFIO_CLAIM_VERSION);
}

int capture_info_read(const struct root *root, struct capture_info *ret_info)
{
	enum { INFO_MOST = 4096 };
	AUTO_FREE char *text = NULL;
	size_t length;
	int r = root_read(root, CAPTURE_INFO_PATH, INFO_MOST, &text, &length);

	return r < 0 ? r : capture_info_parse(text, ret_info);
}

void capture_machine(struct capture *capture)
{
	struct capture_info info;
	char *text = NULL;

	find_info(capture->root, &info);
	add_pci(capture);
	add_classes(capture);
	add_modules(capture);
	add_kernels(capture, info.kernel);
	add_files(capture);
	add_uses(capture);
	if (capture_info_render(&info, &text) < 0)
		text = NULL;
	capture_add_text(capture, CAPTURE_INFO_PATH, text);
	capture_finish(capture);
}
