// SPDX-License-Identifier: GPL-2.0-or-later
/* From a file system's name to its block device, and from there down to PCI functions. */
#include "storage.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mount_table.h"
#include "text.h"

#define BLOCKS "sys/class/block"

enum {
	DEPTH_MOST = 24,
	MOUNTINFO_SIZE_MOST = 1 << 20,
	RECORD_SIZE_MOST = 1 << 16,
	RECORD_VALUE_SIZE = 128,
};

/* As readdir(3); that it could not be read is noted. */
static const struct dirent *next_entry(DIR *dir)
{
	int error = 0;

	return root_next_entry(dir, &error);
}

static bool block_exists(const struct root *root, const char *name)
{
	char path[sizeof(BLOCKS) + NAME_MAX + 2];

	(void)snprintf(path, sizeof(path), BLOCKS "/%s", name);
	return strchr(name, '/') == NULL && *name != '\0' && *name != '.' &&
	       entry_exists(root->fd, path) == 1;
}

int block_of_number(const struct root *root, unsigned major, unsigned minor,
		    char ret_name[BLOCK_NAME_SIZE])
{
	char path[64];

	(void)snprintf(path, sizeof(path), "sys/dev/block/%u:%u", major, minor);
	return read_link_name(root->fd, path, ret_name, BLOCK_NAME_SIZE) < 0 ? -ENOENT : 0;
}

/* The device-mapper device of this name. */
static int find_mapping(const struct root *root, const char *mapping,
			char ret_name[BLOCK_NAME_SIZE])
{
	AUTO_CLOSEDIR DIR *dir = root_open_directory(root, BLOCKS);
	const struct dirent *entry;

	while (dir != NULL && (entry = next_entry(dir)) != NULL) {
		char path[NAME_MAX + 16];
		char name[NAME_MAX];

		if (strncmp(entry->d_name, "dm-", 3) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/dm/name", entry->d_name);
		if (read_attribute(dirfd(dir), path, name, sizeof(name)) >= 0 &&
		    strcmp(name, mapping) == 0)
			return copy_field(ret_name, BLOCK_NAME_SIZE, entry->d_name);
	}
	return -ENOENT;
}

/* A dash of a volume group's or volume's own name is doubled in the mapping's. */
static size_t add_mangled(char *out, size_t size, size_t used, const char *name, size_t length)
{
	for (size_t i = 0; i < length && used + 2 < size; i++) {
		if (name[i] == '-')
			out[used++] = '-';
		out[used++] = name[i];
	}
	return used;
}

/* "GROUP/VOLUME" of /dev as the mapping GROUP-VOLUME. */
static int find_volume(const struct root *root, const char *path,
		       char ret_name[BLOCK_NAME_SIZE])
{
	char mapping[NAME_MAX];
	const char *slash = strchr(path, '/');
	size_t used =
		add_mangled(mapping, sizeof(mapping) - 1, 0, path, (size_t)(slash - path));

	mapping[used++] = '-';
	used = add_mangled(mapping, sizeof(mapping), used, slash + 1, strlen(slash + 1));
	mapping[used] = '\0';
	return find_mapping(root, mapping, ret_name);
}

/* A path in /dev, without the /dev/. */
static int resolve_path(const struct root *root, const char *path,
			char ret_name[BLOCK_NAME_SIZE])
{
	char whole[MOUNT_FIELD_SIZE + 8];
	struct stat st;

	(void)snprintf(whole, sizeof(whole), "dev/%s", path);
	/* Of a tree the nodes, if there are any, mean other devices. */
	if (root->is_host && fstatat(root->fd, whole, &st, 0) == 0)
		return S_ISBLK(st.st_mode) ? block_of_number(root, major(st.st_rdev),
							     minor(st.st_rdev), ret_name)
					   : -ENOENT;
	if (!root->is_host && read_link_name(root->fd, whole, ret_name, BLOCK_NAME_SIZE) > 0 &&
	    block_exists(root, ret_name))
		return 0;
	if (strncmp(path, "mapper/", 7) == 0)
		return find_mapping(root, path + 7, ret_name);
	if (strchr(path, '/') != NULL)
		return find_volume(root, path, ret_name);
	return block_exists(root, path) ? copy_field(ret_name, BLOCK_NAME_SIZE, path) : -ENOENT;
}

/* What libblkid finds by reading; its cache is neither read nor written. */
static int scan_for_tag(const struct root *root, const char *tag, const char *value,
			char ret_name[BLOCK_NAME_SIZE])
{
	blkid_cache cache = NULL;
	int r = -ENOENT;

	if (!root->is_host || blkid_get_cache(&cache, "/dev/null") < 0)
		return -ENOENT;
	AUTO_FREE char *path = blkid_evaluate_tag(tag, value, &cache);
	if (path != NULL && strncmp(path, "/dev/", 5) == 0)
		r = resolve_path(root, path + 5, ret_name);
	blkid_put_cache(cache);
	return r;
}

static int resolve_tag(const struct root *root, const char *tag, const char *value,
		       char ret_name[BLOCK_NAME_SIZE])
{
	static const char *const tags[] = { "UUID", "LABEL", "PARTUUID", "PARTLABEL", "ID" };
	static const char *const directories[] = { "uuid", "label", "partuuid", "partlabel",
						   "id" };
	char encoded[MOUNT_FIELD_SIZE * 4];
	char path[sizeof(encoded) + 32];

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		/* The names of udev's links (libblkid/src/encode.c). */
		if (strcmp(tag, tags[i]) != 0 ||
		    blkid_encode_string(value, encoded, sizeof(encoded)) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "disk/by-%s/%s", directories[i], encoded);
		if (strlen(path) < MOUNT_FIELD_SIZE && resolve_path(root, path, ret_name) == 0)
			return 0;
		return strcmp(tag, "ID") == 0 ? -ENOENT
					      : scan_for_tag(root, tag, value, ret_name);
	}
	return -ENOENT;
}

int block_resolve(const struct root *root, const char *source, char ret_name[BLOCK_NAME_SIZE])
{
	char tag[16];
	const char *equals = strchr(source, '=');

	if (strncmp(source, "/dev/", 5) == 0)
		return resolve_path(root, source + 5, ret_name);
	if (equals == NULL || equals == source || (size_t)(equals - source) >= sizeof(tag))
		return -ENOENT;
	(void)snprintf(tag, sizeof(tag), "%.*s", (int)(equals - source), source);
	return resolve_tag(root, tag, equals + 1, ret_name);
}

/* ---- Down to the PCI functions */

static int add_function(struct storage *storage, const struct pci_address *address)
{
	for (size_t i = 0; i < storage->count; i++)
		if (pci_address_compare(&storage->functions[i], address) == 0)
			return 0;
	struct pci_address *slot =
		array_grow(&storage->functions, storage->count, sizeof(*slot));
	if (slot == NULL)
		return -ENOMEM;
	*slot = *address;
	storage->count++;
	return 0;
}

/* Every PCI function on the way. Returns how many there were, or -ENOMEM. */
static int add_functions_of_path(struct storage *storage, char *path)
{
	char *rest = NULL;
	int found = 0;

	for (char *name = strtok_r(path, "/", &rest); name != NULL;
	     name = strtok_r(NULL, "/", &rest)) {
		struct pci_address address;

		if (pci_address_parse(name, &address, NULL) < 0)
			continue;
		if (add_function(storage, &address) < 0)
			return -ENOMEM;
		found++;
	}
	return found;
}

/* Where the device is in sysfs, below sys/devices. Returns the length or a negative errno. */
static int read_device_path(const struct root *root, const char *link, char path[PATH_MAX])
{
	ssize_t length = readlinkat(root->fd, link, path, PATH_MAX - 1);

	if (length < 0) {
		root_note_trouble(errno);
		return -errno;
	}
	path[length] = '\0';
	return (int)length;
}

static void lose(struct storage *storage, const char *name, const char *what)
{
	if (storage->lost[0] == '\0')
		(void)snprintf(storage->lost, sizeof(storage->lost), "%.63s%s%.60s", what,
			       *what ? " " : "", name);
}

static int follow(const struct root *root, const char *name, struct storage *storage,
		  unsigned depth);

/*
 * Follows every device that a directory has a link to. Returns how many there were, or a
 * negative errno.
 */
static int follow_directory(const struct root *root, const char *path, struct storage *storage,
			    unsigned depth)
{
	AUTO_CLOSEDIR DIR *dir = root_open_directory(root, path);
	const struct dirent *entry;
	int found = 0;

	while (dir != NULL && (entry = next_entry(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		int r = follow(root, entry->d_name, storage, depth + 1);
		if (r < 0)
			return r;
		found++;
	}
	return found;
}

static bool is_controller_name(const char *name)
{
	return strncmp(name, "nvme", 4) == 0 && name[4] >= '0' && name[4] <= '9' &&
	       name[4 + strspn(name + 4, "0123456789")] == '\0';
}

/*
 * A namespace with several paths hangs under the virtual subsystem, which has links to its
 * controllers (drivers/nvme/host/core.c: nvme_init_subsystem()).
 */
static int follow_subsystem(const struct root *root, const char *subsystem,
			    struct storage *storage)
{
	char path[PATH_MAX];
	char link[PATH_MAX];
	const struct dirent *entry;
	int found = 0;

	(void)snprintf(path, sizeof(path), "sys/class/nvme-subsystem/%.200s", subsystem);
	AUTO_CLOSEDIR DIR *dir = root_open_directory(root, path);
	while (dir != NULL && (entry = next_entry(dir)) != NULL) {
		if (!is_controller_name(entry->d_name))
			continue;
		ssize_t length = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		if (length < 0) {
			root_note_trouble(errno);
			continue;
		}
		link[length] = '\0';
		if (strstr(link, "nvme-fabrics/") != NULL)
			storage->network = true;
		int r = add_functions_of_path(storage, link);
		if (r < 0)
			return r;
		found++;
	}
	return found;
}

/*
 * The device of the file system that holds the loop device's file: its deepest mount. Of a loop
 * device on a disk it is the disk, and not that of /dev.
 */
static int follow_loop(const struct root *root, const char *name, struct storage *storage,
		       unsigned depth)
{
	char path[NAME_MAX + 64];
	char file[PATH_MAX];
	char block[BLOCK_NAME_SIZE];
	struct mount_entry entry;
	struct mount_entry best = { 0 };
	AUTO_FREE char *mounts = NULL;
	size_t length;

	(void)snprintf(path, sizeof(path), BLOCKS "/%s/loop/backing_file", name);
	if (read_attribute(root->fd, path, file, sizeof(file)) < 0 || *file != '/' ||
	    root_read(root, "proc/self/mountinfo", MOUNTINFO_SIZE_MOST, &mounts, &length) < 0)
		return 0;
	for (const char *text = mounts; mountinfo_next(&text, &entry);) {
		size_t target = strlen(entry.target);
		bool under = strncmp(file, entry.target, target) == 0 &&
			     (target == 1 || file[target] == '/');

		if (under && target >= strlen(best.target))
			best = entry;
	}
	if (block_resolve(root, file, block) < 0 &&
	    block_of_number(root, best.major, best.minor, block) < 0 &&
	    block_resolve(root, best.source, block) < 0)
		return 0;
	int r = follow(root, block, storage, depth + 1);
	return r < 0 ? r : 1;
}

/* What has no PCI function on its way. */
static int follow_virtual(const struct root *root, const char *name, char *path,
			  struct storage *storage, unsigned depth)
{
	char *subsystem = strstr(path, "/nvme-subsystem/");
	int found = 0;

	if (strstr(path, "/nvme-fabrics/") != NULL || strstr(path, "/session") != NULL ||
	    strncmp(name, "nbd", 3) == 0 || strncmp(name, "rbd", 3) == 0) {
		storage->network = true;
		return 0;
	}
	/* Memory; and buses of machines that are not PCI: nothing there is ours to claim. */
	if (strncmp(name, "zram", 4) == 0 || strncmp(name, "ram", 3) == 0 ||
	    strstr(path, "/virtual/") == NULL)
		return 0;
	if (subsystem != NULL) {
		subsystem += strlen("/nvme-subsystem/");
		subsystem[strcspn(subsystem, "/")] = '\0';
		found = follow_subsystem(root, subsystem, storage);
	} else if (strncmp(name, "loop", 4) == 0) {
		found = follow_loop(root, name, storage, depth);
	}
	if (found == 0)
		lose(storage, name, "");
	return found < 0 ? found : 0;
}

static int follow(const struct root *root, const char *name, struct storage *storage,
		  unsigned depth)
{
	char link[sizeof(BLOCKS) + NAME_MAX + 16];
	char path[PATH_MAX];
	char copy[PATH_MAX];

	(void)snprintf(link, sizeof(link), BLOCKS "/%s", name);
	if (depth > DEPTH_MOST || read_device_path(root, link, path) < 0) {
		lose(storage, name, "");
		return 0;
	}
	(void)snprintf(link, sizeof(link), BLOCKS "/%s/slaves", name);
	int below = follow_directory(root, link, storage, depth);
	if (below < 0)
		return below;
	(void)snprintf(copy, sizeof(copy), "%s", path);
	int found = add_functions_of_path(storage, copy);
	if (found != 0 || below > 0)
		return found < 0 ? found : 0;
	return follow_virtual(root, name, path, storage, depth);
}

int storage_add(const struct root *root, const char *name, struct storage *storage)
{
	return follow(root, name, storage, 0);
}

/* One that is mounted: sysfs has a directory a file system, named by its UUID. */
static int add_mounted_btrfs(const struct root *root, const char *name, struct storage *storage)
{
	AUTO_CLOSEDIR DIR *dir = root_open_directory(root, "sys/fs/btrfs");
	const struct dirent *entry;
	int r = 0;

	while (dir != NULL && r == 0 && (entry = next_entry(dir)) != NULL) {
		char path[NAME_MAX * 2 + 64];

		(void)snprintf(path, sizeof(path), "sys/fs/btrfs/%s/devices/%.63s",
			       entry->d_name, name);
		if (entry->d_name[0] == '.' || entry_exists(root->fd, path) != 1)
			continue;
		(void)snprintf(path, sizeof(path), "sys/fs/btrfs/%s/devices", entry->d_name);
		r = follow_directory(root, path, storage, 0);
	}
	return r;
}

/* Every block device that has the same UUID in its super block. */
static int add_by_uuid(const struct root *root, blkid_cache cache, const char *uuid,
		       struct storage *storage)
{
	blkid_dev_iterate all = blkid_dev_iterate_begin(cache);
	blkid_dev device;
	int r = 0;

	(void)blkid_dev_set_search(all, "UUID", uuid);
	while (r >= 0 && blkid_dev_next(all, &device) == 0) {
		char name[BLOCK_NAME_SIZE];

		device = blkid_verify(cache, device);
		if (device != NULL && block_resolve(root, blkid_dev_devname(device), name) == 0)
			r = follow(root, name, storage, 0);
	}
	blkid_dev_iterate_end(all);
	return r;
}

/* ---- What was recorded of contents */

/* What udev wrote down of a block device: lines "E:ID_FS_TYPE=ext4", as snapshots have them. */
static char *read_recorded(const struct root *root, const char *name)
{
	char number[24];
	char path[BLOCK_NAME_SIZE + sizeof(BLOCKS) + 8];
	char *text = NULL;
	size_t length;

	(void)snprintf(path, sizeof(path), BLOCKS "/%.63s/dev", name);
	if (read_attribute(root->fd, path, number, sizeof(number)) <= 0 ||
	    number[strspn(number, "0123456789:")] != '\0')
		return NULL;
	(void)snprintf(path, sizeof(path), "run/udev/data/b%s", number);
	return root_read(root, path, RECORD_SIZE_MOST, &text, &length) == 0 ? text : NULL;
}

/* The value of a key in it; empty where there is none. */
static void find_recorded(const char *text, const char *key, char value[RECORD_VALUE_SIZE])
{
	size_t length = strlen(key);

	value[0] = '\0';
	while (*text != '\0') {
		size_t line = strcspn(text, "\n");

		if (strncmp(text, key, length) == 0 && line - length < RECORD_VALUE_SIZE) {
			memcpy(value, text + length, line - length);
			value[line - length] = '\0';
		}
		text += line + (text[line] == '\n');
	}
}

/* Adds every block device of a tree whose file system has this UUID. */
static int add_by_recorded_uuid(const struct root *root, const char *uuid,
				struct storage *storage)
{
	AUTO_CLOSEDIR DIR *dir = root_open_directory(root, BLOCKS);
	const struct dirent *entry;
	int r = 0;

	while (dir != NULL && r >= 0 && (entry = next_entry(dir)) != NULL) {
		char value[RECORD_VALUE_SIZE];
		AUTO_FREE char *text =
			entry->d_name[0] == '.' ? NULL : read_recorded(root, entry->d_name);

		if (text == NULL)
			continue;
		find_recorded(text, "E:ID_FS_UUID=", value);
		if (strcmp(value, uuid) == 0)
			r = follow(root, entry->d_name, storage, 0);
	}
	return r;
}

static int add_recorded_btrfs(const struct root *root, const char *name,
			      struct storage *storage)
{
	char uuid[RECORD_VALUE_SIZE] = "";
	AUTO_FREE char *text = read_recorded(root, name);

	if (text != NULL)
		find_recorded(text, "E:ID_FS_UUID=", uuid);
	int r = uuid[0] != '\0' ? add_by_recorded_uuid(root, uuid, storage) : 0;
	return r < 0 ? r : storage_add(root, name, storage);
}

int storage_add_btrfs(const struct root *root, const char *name, struct storage *storage)
{
	blkid_cache cache = NULL;
	char path[BLOCK_NAME_SIZE + 8];
	int r = add_mounted_btrfs(root, name, storage);

	if (r != 0)
		return r < 0 ? r : 0;
	if (!root->is_host)
		return add_recorded_btrfs(root, name, storage);
	if (blkid_get_cache(&cache, "/dev/null") < 0)
		return storage_add(root, name, storage);
	(void)snprintf(path, sizeof(path), "/dev/%.63s", name);
	(void)blkid_probe_all(cache);
	AUTO_FREE char *uuid = blkid_get_tag_value(cache, "UUID", path);
	if (uuid != NULL)
		r = add_by_uuid(root, cache, uuid, storage);
	blkid_put_cache(cache);
	return r < 0 ? r : storage_add(root, name, storage);
}

void storage_free(struct storage *storage)
{
	free(storage->functions);
	*storage = (struct storage){ 0 };
}

/* ---- Contents */

/* Every usage but these is a member of something (libblkid: superblocks.c). */
static bool hides(const char *usage, const char *type)
{
	return strcmp(type, "zfs_member") == 0 ||
	       (*usage != '\0' && strcmp(usage, "filesystem") != 0 &&
		strcmp(type, "swap") != 0 && strcmp(type, "swsuspend") != 0);
}

static bool probe_hides(blkid_probe probe)
{
	const char *usage = NULL;
	const char *type = NULL;

	if (blkid_probe_lookup_value(probe, "USAGE", &usage, NULL) < 0)
		usage = "";
	if (blkid_probe_lookup_value(probe, "TYPE", &type, NULL) < 0)
		type = "";
	return hides(usage, type);
}

/* multipath's rules give its members a type and no usage. */
static bool recorded_may_hide(const struct root *root, const char *name)
{
	char usage[RECORD_VALUE_SIZE];
	char type[RECORD_VALUE_SIZE];
	char several[RECORD_VALUE_SIZE];
	AUTO_FREE char *text = read_recorded(root, name);

	if (text == NULL)
		return true;
	find_recorded(text, "E:ID_FS_USAGE=", usage);
	find_recorded(text, "E:ID_FS_TYPE=", type);
	find_recorded(text, "E:ID_FS_AMBIVALENT=", several);
	return several[0] != '\0' || (type[0] != '\0' && usage[0] == '\0') ||
	       hides(usage, type);
}

bool block_may_hide(const struct root *root, const char *name)
{
	char path[BLOCK_NAME_SIZE + 8];

	if (!root->is_host)
		return recorded_may_hide(root, name);
	(void)snprintf(path, sizeof(path), "/dev/%.63s", name);
	blkid_probe probe = blkid_new_probe_from_filename(path);
	if (probe == NULL)
		return true;
	(void)blkid_probe_enable_superblocks(probe, 1);
	(void)blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE);
	/* 0: one content; 1: none that is known; less: several, or it cannot be read. */
	int r = blkid_do_safeprobe(probe);
	bool may = r < 0 || (r == 0 && probe_hides(probe));
	blkid_free_probe(probe);
	return may;
}
