// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the readers of the system's own files: mounts, names and links in archives, aliases of
 * drivers, what a snapshot keeps, what `check` looks through.
 */
#include <fnmatch.h>
#include <mntent.h>

#include "archive_names.h"
#include "capture_text.h"
#include "cmdline.h"
#include "fuzz.h"
#include "leftovers.h"
#include "match.h"
#include "mount_table.h"
#include "pci.h"
#include "variant.h"

static void check_filters(const char *text)
{
	static capture_filter *const filters[] = {
		capture_cpuinfo,    capture_modules, capture_routes,
		capture_routes6,    capture_fstab,   capture_crypttab,
		capture_interrupts, capture_unit,    capture_udev,
	};

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		char *out;

		char *again;

		MUST(filters[i](text, &out) == 0);
		/* A snapshot of what was unpacked from one has the same. */
		MUST(filters[i](out, &again) == 0 && strcmp(out, again) == 0);
		free(out);
		free(again);
	}
}

static void check_info(const char *text)
{
	struct capture_info info;
	struct capture_info again;
	char *out;

	/* Every snapshot has the version that made it. */
	if (capture_info_parse(text, &info) < 0 || info.version[0] == '\0')
		return;
	MUST(capture_info_render(&info, &out) == 0);
	MUST(capture_info_parse(out, &again) == 0);
	MUST(again.format == info.format && strcmp(again.kernel, info.kernel) == 0);
	/* It becomes a part of paths. */
	MUST(strchr(info.kernel, '/') == NULL && strcmp(info.kernel, "..") != 0);
	free(out);
}

static void check_names(const char *text)
{
	char path[ARCHIVE_NAME_SIZE];

	if (archive_name_read(text, path) != NULL)
		return;
	MUST(path[0] != '/' && strlen(path) < sizeof(path));
	for (const char *part = path; *part != '\0'; part += strspn(part, "/")) {
		size_t length = strcspn(part, "/");

		MUST(length != 2 || strncmp(part, "..", 2) != 0);
		part += length;
	}
}

/* Walks from a link to its target. Returns how deep that is, or -1 where the way leaves the tree. */
static int walk(const char *path, const char *target)
{
	int depth = 0;

	for (const char *c = path; *c != '\0'; c++)
		depth += *c == '/';
	while (*target != '\0') {
		size_t length = strcspn(target, "/");

		if (length == 2 && strncmp(target, "..", 2) == 0)
			depth--;
		else if (length > 0)
			depth++;
		/* Below the first component, which is no link. */
		if (depth < 1)
			return -1;
		target += length + (target[length] == '/');
	}
	return depth;
}

/* "PATH\nTARGET": a link that is allowed stays within its tree. */
static void check_link(const char *text)
{
	char path[ARCHIVE_NAME_SIZE];
	char resolved[ARCHIVE_NAME_SIZE];
	const char *target = strchr(text, '\n');
	char *name = strndup(text, strcspn(text, "\n"));

	MUST(name != NULL);
	if (target != NULL && archive_name_read(name, path) == NULL &&
	    archive_link_check(path, target + 1) == NULL) {
		size_t top = strcspn(path, "/");

		MUST(target[1] != '/' && path[top] == '/');
		MUST(archive_link_resolve(path, target + 1, resolved) == 0);
		MUST(strncmp(path, resolved, top) == 0);
		MUST(resolved[top] == '/' || resolved[top] == '\0');
		MUST(walk(path, target + 1) >= 0);
	}
	free(name);
}

/* The alias as the kernel's depmod writes it is matched as libkmod does: by fnmatch(). */
static bool serves(const char *alias, const struct device *device)
{
	char modalias[128];

	(void)snprintf(modalias, sizeof(modalias),
		       "vfio_pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", device->ids.vendor,
		       device->ids.device, device->ids.subvendor, device->ids.subdevice,
		       device->class_code >> 16, device->class_code >> 8 & 0xff,
		       device->class_code & 0xff);
	return fnmatch(alias, modalias, 0) == 0;
}

/* "ALIAS\nSELECTOR": no driver is left out that could serve a device that is meant. */
static void check_alias(const char *text)
{
	char reason[SELECTOR_TEXT_SIZE];
	struct selector selector;
	const char *newline = strchr(text, '\n');
	char *alias = strndup(text, strcspn(text, "\n"));

	MUST(alias != NULL);
	if (newline != NULL && selector_parse(newline + 1, false, &selector, reason) == 0) {
		const struct pci_ids *ids = &selector.ids;
		bool named = (selector.words & SELECT_IDS) != 0;
		struct device device = {
			.address = selector.address,
			.ids = { named && ids->vendor != PCI_ANY ? ids->vendor : 0x15b3,
				 named && ids->device != PCI_ANY ? ids->device : 0x101e,
				 named && ids->subvendor != PCI_ANY ? ids->subvendor : 0x15b3,
				 named && ids->subdevice != PCI_ANY ? ids->subdevice : 0x21 },
			.class_code =
				selector.words & SELECT_CLASS ? selector.class_code : 0x020000,
		};

		if (serves(alias, &device) && selector_holds_plainly(&selector, &device))
			MUST(variant_could_serve(alias, &selector));
	}
	free(alias);
}

/* Lines that getmntent(3) reads without any decoding, and without its limits. */
static bool is_plain_fstab(const char *text)
{
	return strlen(text) < MOUNT_FIELD_SIZE && strpbrk(text, "\\\"\r\v\f") == NULL;
}

/* What the C library reads from the same file. */
static void check_fstab(const char *text)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	struct mount_entry entry;
	struct mntent mount;
	char line[2 * MOUNT_FIELD_SIZE];

	MUST(file != NULL);
	while (getmntent_r(file, &mount, line, sizeof(line)) != NULL) {
		/* Without a mount point there is no entry to us. */
		if (*mount.mnt_dir == '\0')
			continue;
		MUST(fstab_next(&text, &entry));
		MUST(strcmp(entry.source, mount.mnt_fsname) == 0);
		MUST(strcmp(entry.target,
			    strcmp(entry.type, "swap") == 0 ? "swap" : mount.mnt_dir) == 0);
		MUST(strncmp(entry.type, mount.mnt_type, sizeof(entry.type)) == 0 ||
		     strcmp(entry.type, "?") == 0);
		if (entry.optional)
			MUST(hasmntopt(&mount, "nofail") != NULL);
		if (entry.not_at_boot)
			MUST(hasmntopt(&mount, "noauto") != NULL);
	}
	MUST(!fstab_next(&text, &entry));
	(void)fclose(file);
}

/* Each reader ends, whatever it reads. */
static void check_mounts(const char *text)
{
	static bool (*const readers[])(const char **, struct mount_entry *) = {
		fstab_next, crypttab_next, mountinfo_next, swaps_next, cmdline_next_mount
	};
	struct mount_entry entry;

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		for (const char *rest = text; readers[i](&rest, &entry);)
			MUST(rest > text);
	(void)mount_unit_parse(text, &entry);
	(void)mount_extra_parse(text, false, &entry);
	(void)mount_extra_parse(text, true, &entry);
}

static void check_addresses(const char *text)
{
	struct pci_address address;
	struct pci_path path;
	char out[PCI_PATH_SIZE];

	if (pci_address_parse(text, &address, NULL) == 0)
		MUST(strlen(pci_address_format(&address, out)) < PCI_ADDRESS_SIZE);
	if (pci_path_from_sysfs(text, &path) == 0)
		MUST(strlen(pci_path_format(&path, out)) < PCI_PATH_SIZE);
}

/* Whatever is read, a warning is of a line that is there. */
static void check_leftovers(const char *text)
{
	static const struct config config;
	static const struct leftover_view view = { .config = &config };
	unsigned lines = 1;

	for (const char *c = text; *c != '\0'; c++)
		lines += *c == '\n';
	for (int kind = 0; kind < LEFTOVER_KINDS; kind++) {
		struct diagnostics warnings = { 0 };

		MUST(leftovers_find((enum leftover_file)kind, "/etc/pci-01:00.0", text, &view,
				    &warnings) == 0);
		for (size_t i = 0; i < warnings.count; i++)
			MUST(warnings.items[i].line >= 1 && warnings.items[i].line <= lines);
		diagnostics_free(&warnings);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *string = malloc(size + 1);

	MUST(string != NULL);
	if (size > 0)
		memcpy(string, data, size);
	string[size] = '\0';
	check_filters(string);
	check_info(string);
	check_names(string);
	check_link(string);
	check_alias(string);
	check_addresses(string);
	check_mounts(string);
	check_leftovers(string);
	if (*string != '\0' && is_plain_fstab(string))
		check_fstab(string);
	free(string);
	return 0;
}
