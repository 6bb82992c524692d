// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the readers of the system's own files: mounts, names in archives, what a snapshot keeps,
 * what `check` looks through.
 */
#include "archive_names.h"
#include "capture_text.h"
#include "cmdline.h"
#include "fuzz.h"
#include "leftovers.h"
#include "mount_table.h"
#include "pci.h"

static void check_filters(const char *text)
{
	static capture_filter *const filters[] = {
		capture_cpuinfo,    capture_modules, capture_routes,
		capture_routes6,    capture_fstab,   capture_crypttab,
		capture_interrupts, capture_unit,    capture_udev,
	};

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		char *out;

		MUST(filters[i](text, &out) == 0);
		free(out);
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
	check_addresses(string);
	check_mounts(string);
	check_leftovers(string);
	free(string);
	return 0;
}
