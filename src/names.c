// SPDX-License-Identifier: GPL-2.0-or-later
/* The only user of libpci: the names of vendors, devices and classes. */
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <pci/pci.h>

#include "text.h"

/* The list of pci.ids has 1.5 MB in 2026. */
enum { LIST_SIZE_MOST = 16 << 20 };

/* Answers that are remembered: udev's database takes its time over each question. */
enum { ANSWERS = 128 };

struct answer {
	bool known;
	enum pci_lookup_mode kind;
	uint32_t first;
	uint32_t second;
	char name[NAME_SIZE];
};

struct names {
	struct pci_access *access;
	int flags;
	bool usable;
	struct answer answers[ANSWERS];
};

/*
 * libpci calls error() where it cannot go on, and that must not return: a damaged list would
 * end the program. One look-up runs at a time.
 */
static jmp_buf on_error;

__attribute__((noreturn)) static void leave(char *format, ...)
{
	(void)format;
	longjmp(on_error, 1);
}

static void say_nothing(char *format, ...)
{
	(void)format;
}

/* Debian and Ubuntu; Fedora, RHEL and SUSE; Arch and pciutils itself. */
static int open_own_list(const struct root *root)
{
	static const char *const paths[] = { "usr/share/misc/pci.ids",
					     "usr/share/hwdata/pci.ids", "usr/share/pci.ids" };
	struct stat st;

	for (size_t i = 0; !root->is_host && i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = root_open_inside(root, paths[i], O_RDONLY | O_NONBLOCK);

		if (fd < 0)
			continue;
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= LIST_SIZE_MOST)
			return fd;
		(void)close(fd);
	}
	return -1;
}

/*
 * Asking udev's database where there is none leaks memory for each name (lib/names-hwdb.c of
 * pciutils 3.9 to 3.14). The places are those of hwdb_bin_paths in systemd's hwdb-internal.h.
 */
static bool has_database(void)
{
	static const char *const paths[] = { "/etc/systemd/hwdb/hwdb.bin", "/etc/udev/hwdb.bin",
					     "/usr/lib/systemd/hwdb/hwdb.bin",
					     "/usr/lib/udev/hwdb.bin", "/lib/udev/hwdb.bin" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], R_OK) == 0)
			return true;
	return false;
}

/* Where libpci gives up in the middle of a damaged list, what it read before stays. */
static void load_list(struct names *names)
{
	if (setjmp(on_error) == 0)
		(void)pci_load_name_list(names->access);
}

int names_open(const struct root *root, struct names **ret_names)
{
	char path[64];
	struct names *names = calloc(1, sizeof(*names));

	if (names == NULL)
		return -ENOMEM;
	names->access = pci_alloc();
	if (names->access == NULL) {
		free(names);
		return -ENOMEM;
	}
	names->access->error = leave;
	names->access->warning = say_nothing;
	names->access->debug = say_nothing;
	/* Not the cache of what somebody once asked the network. */
	names->access->id_lookup_mode = 0;
	names->flags = PCI_LOOKUP_NO_NUMBERS;
	names->usable = true;
	AUTO_CLOSE int fd = open_own_list(root);
	if (fd >= 0) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		pci_set_name_list_path(names->access, path, 0);
	}
	if (fd >= 0 || !has_database())
		names->flags |= PCI_LOOKUP_NO_HWDB;
	load_list(names);
	if (fd >= 0)
		pci_set_name_list_path(names->access, "", 0);
	*ret_names = names;
	return 0;
}

void names_close(struct names *names)
{
	if (names == NULL)
		return;
	if (setjmp(on_error) == 0)
		pci_cleanup(names->access);
	free(names);
}

static const char *ask(struct names *names, enum pci_lookup_mode kind, uint32_t first,
		       uint32_t second, char out[NAME_SIZE])
{
	const char *found = NULL;

	out[0] = '\0';
	if (names == NULL || !names->usable || first > 0xffff || second > 0xffff)
		return out;
	if (setjmp(on_error) != 0) {
		names->usable = false;
		out[0] = '\0';
		return out;
	}
	found = pci_lookup_name(names->access, out, NAME_SIZE, (int)kind | names->flags,
				(int)first, (int)second);
	/* What does not fit is a text in angle brackets, and not what was written. */
	if (found == NULL || found != out)
		out[0] = '\0';
	return out;
}

/* Looks up with the one or two numbers that `kind` has. */
static const char *look_up(struct names *names, enum pci_lookup_mode kind, uint32_t first,
			   uint32_t second, char out[NAME_SIZE])
{
	if (names == NULL)
		return ask(names, kind, first, second, out);
	struct answer *answer =
		&names->answers[((uint32_t)kind * 31 + first * 7 + second) % ANSWERS];

	if (!answer->known || answer->kind != kind || answer->first != first ||
	    answer->second != second) {
		(void)ask(names, kind, first, second, answer->name);
		answer->kind = kind;
		answer->first = first;
		answer->second = second;
		answer->known = true;
	}
	(void)copy_field(out, NAME_SIZE, answer->name);
	return out;
}

const char *names_vendor(struct names *names, const struct pci_ids *ids, char out[NAME_SIZE])
{
	return look_up(names, PCI_LOOKUP_VENDOR, ids->vendor, 0, out);
}

const char *names_model(struct names *names, const struct pci_ids *ids, char out[NAME_SIZE])
{
	return look_up(names, PCI_LOOKUP_DEVICE, ids->vendor, ids->device, out);
}

const char *names_device(struct names *names, const struct pci_ids *ids, char out[NAME_SIZE])
{
	char model[NAME_SIZE];
	size_t length;

	(void)names_vendor(names, ids, out);
	if (out[0] == '\0')
		return out;
	(void)names_model(names, ids, model);
	length = strlen(out);
	if (model[0] != '\0')
		(void)snprintf(out + length, NAME_SIZE - length, " %s", model);
	else
		(void)snprintf(out + length, NAME_SIZE - length, " device %04x", ids->device);
	return out;
}

/* PCI Code and ID Assignment Specification, base classes. */
static const char *base_class(uint32_t number)
{
	static const char *const names[] = {
		"Unclassified device",
		"Mass storage controller",
		"Network controller",
		"Display controller",
		"Multimedia controller",
		"Memory controller",
		"Bridge",
		"Communication controller",
		"Generic system peripheral",
		"Input device controller",
		"Docking station",
		"Processor",
		"Serial bus controller",
		"Wireless controller",
		"Intelligent controller",
		"Satellite communications controller",
		"Encryption controller",
		"Signal processing controller",
		"Processing accelerators",
		"Non-Essential Instrumentation",
	};

	return number < sizeof(names) / sizeof(names[0]) ? names[number] : "Unassigned class";
}

const char *names_class(struct names *names, uint32_t class_code, char out[NAME_SIZE])
{
	(void)look_up(names, PCI_LOOKUP_CLASS, class_code >> 8 & 0xffff, 0, out);
	if (out[0] == '\0')
		(void)copy_field(out, NAME_SIZE, base_class(class_code >> 16 & 0xff));
	return out;
}
