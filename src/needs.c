// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds out what the machine needs: the devices under its file systems and its network. */
#include "needs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "named.h"
#include "storage.h"
#include "text.h"

#define INTERFACES "sys/class/net"
#define BLOCKS "sys/class/block"

enum { FILE_SIZE_MOST = 1 << 20 };

struct search {
	const struct root *root;
	const char *real_root;
	struct root real; /* that of real_root */
	unsigned what;
	const struct snapshot *snapshot;
	struct guards *guards;
	const struct named *named; /* while it is followed; else NULL */
	char faint
		[GUARD_REASON_SIZE]; /* a volume that is not found, and the boot does without */
	bool may_be_cleared;         /* storage_reason is of a file system that was not found */
	bool network;                /* something needs the network */
};

/* ---- Files */

static char *read_file(const struct root *root, const char *path)
{
	char *text = NULL;
	size_t length;

	return root_read(root, path, FILE_SIZE_MOST, &text, &length) < 0 ? NULL : text;
}

/* ---- Storage */

static const struct device *find_device(const struct snapshot *snapshot,
					const struct pci_address *address)
{
	size_t low = 0;
	size_t high = snapshot->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = pci_address_compare(&snapshot->devices[middle].address, address);

		if (order == 0)
			return &snapshot->devices[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* A sentence that is longer than its place loses its middle, never its verb. */
static void describe(const struct mount_entry *entry, char out[GUARD_REASON_SIZE])
{
	if (strcmp(entry->type, "crypt") == 0)
		(void)snprintf(out, GUARD_REASON_SIZE, "the crypt volume %.40s (%.64s)",
			       entry->target, entry->source);
	else
		(void)snprintf(out, GUARD_REASON_SIZE, "%.48s (%.64s)", entry->target,
			       entry->source);
}

static int add_physical_function(struct search *search, const struct pci_address *vf,
				 const char *reason)
{
	char path[64];
	char name[PCI_ADDRESS_SIZE];
	struct pci_address address;

	(void)snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/physfn",
		       pci_address_format(vf, name));
	if (read_link_name(search->root->fd, path, name, sizeof(name)) < 0 ||
	    pci_address_parse(name, &address, NULL) < 0)
		return 0;
	return guards_add(search->guards, &address, "%s", reason);
}

/* The bridges on the way are never claimed, so only the others are worth a line. */
static int add_function(struct search *search, const struct pci_address *address,
			const char *what)
{
	const struct device *device = find_device(search->snapshot, address);
	char reason[GUARD_REASON_SIZE];

	if (device == NULL || device_is_bridge(device))
		return 0;
	(void)snprintf(reason, sizeof(reason), "%.140s is on it", what);
	int r = guards_add(search->guards, address, "%s", reason);
	return r < 0 ? r : add_physical_function(search, address, reason);
}

static void protect_all(struct search *search, const char *what, const char *why,
			bool may_be_cleared)
{
	char *reason = search->guards->storage_reason;

	/* What cannot be cleared counts more. */
	if (reason[0] != '\0' && (may_be_cleared || !search->may_be_cleared))
		return;
	(void)snprintf(reason, GUARD_REASON_SIZE, "%.90s %.68s", what, why);
	search->may_be_cleared = may_be_cleared;
}

/* Spread over devices without any of them having its number (fs/btrfs, fs/bcachefs). */
static bool has_several_devices(const struct mount_entry *entry)
{
	return strcmp(entry->type, "btrfs") == 0 || strcmp(entry->type, "bcachefs") == 0;
}

static int add_block(struct search *search, const struct mount_entry *entry, const char *name)
{
	struct storage storage = { 0 };
	char what[GUARD_REASON_SIZE];
	int r = has_several_devices(entry) ? storage_add_btrfs(search->root, name, &storage)
					   : storage_add(search->root, name, &storage);

	describe(entry, what);
	for (size_t i = 0; r == 0 && i < storage.count; i++)
		r = add_function(search, &storage.functions[i], what);
	if (storage.network) {
		search->network = true;
		protect_all(search, what, "comes over the network: all storage stays", false);
	}
	if (storage.lost[0] != '\0') {
		char why[BLOCK_NAME_SIZE * 2 + 64];

		(void)snprintf(why, sizeof(why),
			       "is on %.20s, of unknown place: all storage stays",
			       storage.lost);
		protect_all(search, what, why, false);
	}
	storage_free(&storage);
	return r;
}

/* File systems whose devices only their own tools know, or that come from the hypervisor. */
static bool has_hidden_device(const struct mount_entry *entry)
{
	return strcmp(entry->type, "zfs") == 0 || strcmp(entry->type, "zfs_member") == 0 ||
	       strcmp(entry->type, "9p") == 0 || strcmp(entry->type, "virtiofs") == 0;
}

/*
 * True for the mapping that an entry of crypttab opens: that entry is followed itself.
 * @any: also of one that the boot does without
 */
static bool is_crypt_mapping(const struct search *search, const char *source, bool any)
{
	static const char directory[] = "/dev/mapper/";
	const struct named *named = search->named;

	if (strncmp(source, directory, sizeof(directory) - 1) != 0)
		return false;
	for (size_t i = 0; named != NULL && i < named->count; i++)
		if (strcmp(named->items[i].type, "crypt") == 0 &&
		    strcmp(named->items[i].target, source + sizeof(directory) - 1) == 0 &&
		    (any || (!named->items[i].optional && !named->items[i].not_at_boot)))
			return true;
	return false;
}

static void note_unknown(struct search *search, const struct mount_entry *entry)
{
	char what[GUARD_REASON_SIZE];

	describe(entry, what);
	protect_all(search, what, "is on devices that are not known: all storage stays", false);
}

/* By its name a volume of LVM or an array: on disks that are seen to be members. */
static bool is_volume(const char *source)
{
	return strncmp(source, "/dev/mapper/", 12) == 0 || strncmp(source, "/dev/md", 7) == 0 ||
	       (strncmp(source, "/dev/", 5) == 0 && strchr(source + 5, '/') != NULL &&
		strncmp(source, "/dev/disk/", 10) != 0);
}

/*
 * An initramfs makes the volumes of root alone, so that one with nofail is there as a rule, and
 * only not yet.
 */
static void note_faint(struct search *search, const struct mount_entry *entry)
{
	char what[GUARD_REASON_SIZE];

	if (search->faint[0] != '\0' || entry->network || !is_volume(entry->source) ||
	    is_crypt_mapping(search, entry->source, true))
		return;
	describe(entry, what);
	(void)snprintf(search->faint, sizeof(search->faint),
		       "%.120s is not found and may be on it", what);
}

/* An entry without a block device that could be followed. */
static void note_missing(struct search *search, const struct mount_entry *entry, bool there)
{
	char what[GUARD_REASON_SIZE];

	if (there) {
		/* Every other type has its device's number, or no device of ours: fuse has
		 * the source /dev/fuse. */
		if (entry->major == 0 && has_several_devices(entry))
			note_unknown(search, entry);
		return;
	}
	/* A network file system has no device, and what is optional need not be there. A
	 * mapping of crypttab has its devices from there. */
	if (entry->optional)
		note_faint(search, entry);
	if (entry->network || entry->optional || is_crypt_mapping(search, entry->source, false))
		return;
	/* To libblkid each disk of it has a file system like any other, so that no controller
	 * can be cleared for what is seen on its disks. */
	if (strcmp(entry->type, "bcachefs") == 0) {
		note_unknown(search, entry);
		return;
	}
	describe(entry, what);
	protect_all(search, what, "is not found: what could hide it stays", true);
}

/* "/dev/a:/dev/b", as bcachefs names its devices (fs/bcachefs/util.c: bch2_split_devs()). */
static int add_parts(struct search *search, const struct mount_entry *entry, bool there)
{
	char name[BLOCK_NAME_SIZE];
	char parts[MOUNT_FIELD_SIZE];
	char *rest = NULL;
	bool missing = false;
	int r = 0;

	memcpy(parts, entry->source, sizeof(parts));
	for (char *part = strtok_r(parts, ":", &rest); part != NULL && r == 0;
	     part = strtok_r(NULL, ":", &rest)) {
		if (block_resolve(search->root, part, name) == 0)
			r = add_block(search, entry, name);
		else
			missing = true;
	}
	if (missing)
		note_missing(search, entry, there);
	return r;
}

static int add_device(struct search *search, const struct mount_entry *entry, bool there)
{
	char name[BLOCK_NAME_SIZE];

	if (has_hidden_device(entry)) {
		note_unknown(search, entry);
		return 0;
	}
	if (mount_has_no_device(entry))
		return 0;
	if ((entry->major != 0 &&
	     block_of_number(search->root, entry->major, entry->minor, name) == 0) ||
	    block_resolve(search->root, entry->source, name) == 0)
		return add_block(search, entry, name);
	if (strcmp(entry->type, "bcachefs") == 0)
		return add_parts(search, entry, there);
	note_missing(search, entry, there);
	return 0;
}

/* A crypt volume that is open has been given its header and its key. */
static bool is_open(const struct search *search, const struct mount_entry *entry)
{
	char path[sizeof("/dev/mapper/") + MOUNT_FIELD_SIZE];
	char name[BLOCK_NAME_SIZE];

	(void)snprintf(path, sizeof(path), "/dev/mapper/%s", entry->target);
	return strcmp(entry->type, "crypt") == 0 &&
	       block_resolve(search->root, path, name) == 0;
}

/* @there: it is mounted, so that a name that is not found is seldom a reason to worry */
static int add_entry(struct search *search, const struct mount_entry *entry, bool there)
{
	int r = add_device(search, entry, there);

	for (size_t i = 0; r == 0 && i < MOUNT_OTHERS_MOST; i++) {
		struct mount_entry other = *entry;

		if (entry->others[i][0] == '\0')
			continue;
		memcpy(other.source, entry->others[i], sizeof(other.source));
		other.major = 0;
		/* A device whatever carries it: a bind mount may name one too. */
		if (strcmp(entry->type, "crypt") != 0)
			other.type[0] = '\0';
		other.optional = entry->optional || is_open(search, entry);
		r = add_device(search, &other, false);
	}
	return r;
}

/* ---- Where they are named */

/* The mount point as the real root has it: "/sysroot/usr" is "/usr". */
static const char *inside_real_root(const struct search *search, const char *target)
{
	size_t length = strlen(search->real_root);

	if (length == 0)
		return target;
	if (target[0] != '/' || strncmp(target + 1, search->real_root, length) != 0)
		return NULL;
	target += 1 + length;
	return *target == '\0' ? "/" : *target == '/' ? target : NULL;
}

static bool is_root_or_usr(const char *target)
{
	return target != NULL && (strcmp(target, "/") == 0 || strcmp(target, "/usr") == 0);
}

/* Root first, then the others: of several reasons for a device, the first stays. */
static int add_mounts(struct search *search, const char *mounts, bool of_root)
{
	struct mount_entry entry;
	int r = 0;

	for (const char *text = mounts; r == 0 && mountinfo_next(&text, &entry);) {
		const char *target = inside_real_root(search, entry.target);
		bool root = is_root_or_usr(target);

		if (root != of_root)
			continue;
		if (target != NULL)
			memmove(entry.target, target, strlen(target) + 1);
		if (root && entry.network)
			search->network = true;
		r = add_entry(search, &entry, true);
	}
	return r;
}

/* A live system's root is on mounts of its own. */
static bool root_is_layered(const struct search *search, const char *mounts)
{
	struct mount_entry entry;

	while (mountinfo_next(&mounts, &entry)) {
		const char *target = inside_real_root(search, entry.target);

		if (target != NULL && strcmp(target, "/") == 0 &&
		    strcmp(entry.type, "overlay") == 0)
			return true;
	}
	return false;
}

static int add_all_mounts(struct search *search)
{
	AUTO_FREE char *mounts = read_file(search->root, "proc/self/mountinfo");
	int r = 0;

	if (mounts == NULL)
		protect_all(search, "/proc/self/mountinfo", "cannot be read: all storage stays",
			    false);
	else
		r = add_mounts(search, mounts, true);
	if (mounts != NULL && r == 0 &&
	    ((search->what & NEEDS_NOW) != 0 || root_is_layered(search, mounts)))
		r = add_mounts(search, mounts, false);
	return r;
}

static int add_swaps(struct search *search)
{
	AUTO_FREE char *swaps = read_file(search->root, "proc/swaps");
	struct mount_entry entry;
	int r = 0;

	for (const char *text = swaps; r == 0 && text != NULL && swaps_next(&text, &entry);)
		r = add_entry(search, &entry, true);
	return r;
}

/* Where the machine would wake up from: /sys/power/resume is what was found of resume=. */
static int add_resume(struct search *search)
{
	struct mount_entry entry = { .target = "the image to resume from", .source = "resume" };
	char number[32];
	char name[BLOCK_NAME_SIZE];

	if (read_attribute(search->root->fd, "sys/power/resume", number, sizeof(number)) < 0 ||
	    sscanf(number, "%u:%u", &entry.major, &entry.minor) != 2 || entry.major == 0 ||
	    block_of_number(search->root, entry.major, entry.minor, name) < 0)
		return 0;
	(void)snprintf(entry.source, sizeof(entry.source), "/dev/%s", name);
	return add_block(search, &entry, name);
}

static int add_named(struct search *search)
{
	struct named named;
	int r = named_read(search->root, &search->real, &named);

	search->named = &named;
	for (size_t i = 0; r == 0 && i < named.count; i++)
		if (!named.items[i].not_at_boot)
			r = add_entry(search, &named.items[i], false);
	named_free(&named);
	search->named = NULL;
	return r == 0 ? add_resume(search) : r;
}

/* ---- What is seen to be free of anything hidden */

/* 1 when a block device hangs on the function and hides nothing, 0 when not on it, -1: hides. */
static int look_at_block(const struct search *search, const struct pci_address *address,
			 const char *name)
{
	struct storage storage = { 0 };
	int found = 0;

	if (storage_add(search->root, name, &storage) < 0)
		return -1;
	for (size_t i = 0; i < storage.count; i++)
		if (pci_address_compare(&storage.functions[i], address) == 0)
			found = block_may_hide(search->root, name) ? -1 : 1;
	storage_free(&storage);
	return found;
}

/* 1 when the controller has disks and all can be seen through, 0: has none, -1: one hides. */
static int look_at_disks(const struct search *search, const struct device *device)
{
	AUTO_CLOSEDIR DIR *dir = root_open_directory(search->root, BLOCKS);
	const struct dirent *entry;
	int seen = 0;

	int error = 0;
	while (dir != NULL && (entry = root_next_entry(dir, &error)) != NULL) {
		int r = entry->d_name[0] == '.'
				? 0
				: look_at_block(search, &device->address, entry->d_name);

		if (r < 0)
			return -1;
		seen |= r;
	}
	return seen;
}

static int clear_controllers(struct search *search)
{
	int r = 0;

	if (search->guards->storage_reason[0] == '\0' || !search->may_be_cleared)
		return 0;
	for (size_t i = 0; r == 0 && i < search->snapshot->count; i++) {
		const struct device *device = &search->snapshot->devices[i];

		if (device->candidate && guard_kind_of(device) == GUARD_STORAGE &&
		    look_at_disks(search, device) > 0)
			r = guards_clear(search->guards, &device->address);
	}
	return r;
}

/* Keeps the controllers with a disk that a volume could be on; those without disks are free. */
static int keep_members(struct search *search)
{
	int r = 0;

	for (size_t i = 0; r == 0 && search->faint[0] != '\0' && i < search->snapshot->count;
	     i++) {
		const struct device *device = &search->snapshot->devices[i];

		if (device->candidate && guard_kind_of(device) != GUARD_NONE &&
		    guards_need(search->guards, &device->address) == NULL &&
		    look_at_disks(search, device) < 0)
			r = guards_add(search->guards, &device->address, "%s", search->faint);
	}
	return r;
}

/* ---- The network */

static bool is_up(int dir, const char *name)
{
	char path[NAME_MAX + 16];
	char flags[16];

	(void)snprintf(path, sizeof(path), "%s/flags", name);
	return read_attribute(dir, path, flags, sizeof(flags)) > 0 &&
	       (strtoul(flags, NULL, 16) & IFF_UP) != 0;
}

/* The PCI function nearest to the interface, for virtio too, whose link leads through it. */
static bool find_function(int dir, const char *name, struct pci_address *ret_address)
{
	char path[PATH_MAX];
	char *rest = NULL;
	bool found = false;
	ssize_t length = readlinkat(dir, name, path, sizeof(path) - 1);

	if (length < 0) {
		root_note_trouble(errno);
		return false;
	}
	path[length] = '\0';
	for (char *word = strtok_r(path, "/", &rest); word != NULL;
	     word = strtok_r(NULL, "/", &rest))
		if (pci_address_parse(word, ret_address, NULL) == 0)
			found = true;
	return found;
}

static int add_interfaces(struct search *search)
{
	AUTO_CLOSEDIR DIR *dir = root_open_directory(search->root, INTERFACES);
	const struct dirent *entry;
	struct pci_address address;
	size_t found = 0;
	int r = 0;

	while (dir != NULL && r == 0 && (entry = root_next_entry(dir, &r)) != NULL) {
		if (entry->d_name[0] == '.' || !is_up(dirfd(dir), entry->d_name) ||
		    !find_function(dirfd(dir), entry->d_name, &address))
			continue;
		r = guards_add(search->guards, &address,
			       "the boot goes over the network, and %.32s is up",
			       entry->d_name);
		if (r == 0)
			r = add_physical_function(search, &address,
						  "the boot goes over the network, by one of "
						  "its virtual functions");
		found++;
	}
	if (found == 0)
		(void)snprintf(search->guards->network_reason, GUARD_REASON_SIZE,
			       "the boot goes over the network, and no interface that is up "
			       "leads to a device");
	return r;
}

/* Whatever could not be read may have named any of them. */
static void protect_unread(struct search *search, int error)
{
	char why[80];

	if (error == 0)
		return;
	(void)snprintf(why, sizeof(why), "cannot be read (%.30s): all storage stays",
		       strerror(-error));
	protect_all(search, "what the machine needs", why, false);
	/* Of those too that what could be read does not lead to. */
	search->guards->cleared_count = 0;
	if (search->network && search->guards->network_reason[0] == '\0')
		(void)snprintf(search->guards->network_reason, GUARD_REASON_SIZE,
			       "the boot goes over the network, and its interfaces cannot be "
			       "read: %.60s",
			       strerror(-error));
}

/*
 * The real root as a tree of its own: an absolute link in it means a file of its own, not one of
 * the initramfs.
 */
static void open_real_root(struct search *search)
{
	search->real = *search->root;
	if (search->real_root[0] == '\0')
		return;
	search->real.is_host = false;
	search->real.fd =
		root_open_inside(search->root, search->real_root, O_PATH | O_DIRECTORY);
	if (search->real.fd < 0)
		protect_all(search, "the real root", "cannot be opened: all storage stays",
			    false);
}

static void close_real_root(struct search *search)
{
	if (search->real_root[0] != '\0')
		root_close(&search->real);
}

int needs_find(const struct root *root, const char *real_root, unsigned what,
	       const struct snapshot *snapshot, struct guards *guards)
{
	struct search search = { .root = root,
				 .real_root = real_root,
				 .what = what,
				 .snapshot = snapshot,
				 .guards = guards,
				 .network = guards->network_boot };
	(void)!root_take_trouble(); /* of somebody else's questions */
	open_real_root(&search);
	int r = add_all_mounts(&search);

	if (r == 0 && (what & NEEDS_NOW) != 0)
		r = add_swaps(&search);
	if (r == 0 && (what & NEEDS_BOOT) != 0)
		r = add_named(&search);
	if (r == 0)
		r = clear_controllers(&search);
	if (r == 0)
		r = keep_members(&search);
	if (r == 0 && search.network)
		r = add_interfaces(&search);
	close_real_root(&search);
	protect_unread(&search, root_take_trouble());
	return r;
}

/* ---- Before there is a network */

/*
 * Files that are there only where the boot goes over the network. Whose they are:
 * - the firmware's tables for iSCSI and for NVMe over fabrics: the kernel shows them before the
 *   module that reads them is loaded (drivers/firmware/iscsi_ibft.c: ibft_signs), and numbers
 *   them from 1 where there are several (drivers/acpi/sysfs.c: acpi_table_attr_init()); dracut's
 *   module nvmf makes arguments of NBFT* (parse-nvmf-boot-connections.sh)
 * - what the hooks of open-iscsi, dropbear, clevis and mandos leave in an image of
 *   initramfs-tools, mandos in one of dracut too: but for the first they go to the network
 *   without being told to
 */
static const char *network_file(const struct root *root)
{
	static const char *const files[] = {
		"sys/firmware/ibft",
		"sys/firmware/acpi/tables/iBFT",
		"sys/firmware/acpi/tables/IBFT",
		"sys/firmware/acpi/tables/BIFT",
		"sys/firmware/acpi/tables/NBFT",
		"sys/firmware/acpi/tables/NBFT1",
		"etc/iscsi.initramfs",
		"scripts/init-premount/dropbear",
		"scripts/init-premount/mandos",
		"lib/mandos",
		"scripts/local-top/clevis",
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (faccessat(root->fd, files[i], F_OK, 0) == 0)
			return files[i];
	return NULL;
}

/* Of a file with arguments or settings in it; comments may name what they explain. */
static const char *sign_of_file(const struct root *root, const char *path)
{
	AUTO_FREE char *text = NULL;
	const char *sign = NULL;
	char *rest = NULL;
	size_t length;

	if (root_read(root, path, FILE_SIZE_MOST, &text, &length) < 0)
		return NULL;
	for (char *line = strtok_r(text, "\n", &rest); line != NULL && sign == NULL;
	     line = strtok_r(NULL, "\n", &rest))
		if (line[strspn(line, " \t")] != '#')
			sign = cmdline_network(line);
	return sign;
}

static const char *sign_of_directory(const struct root *root, const char *directory)
{
	AUTO_CLOSEDIR DIR *dir = root_open_directory(root, directory);
	const struct dirent *entry;
	const char *sign = NULL;

	while (dir != NULL && sign == NULL && (entry = readdir(dir)) != NULL) {
		char path[NAME_MAX + 32];

		(void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (entry->d_name[0] != '.')
			sign = sign_of_file(root, path);
	}
	return sign;
}

const char *network_boot_sign(const struct root *root, const struct cmdline *cmdline)
{
	const char *sign = cmdline->network_by;

	if (sign == NULL)
		sign = network_file(root);
	/* Arguments of dracut's image; settings of initramfs-tools' image. */
	if (sign == NULL)
		sign = sign_of_directory(root, "etc/cmdline.d");
	if (sign == NULL)
		sign = sign_of_file(root, "conf/initramfs.conf");
	return sign == NULL ? sign_of_directory(root, "conf/conf.d") : sign;
}
