// SPDX-License-Identifier: GPL-2.0-or-later
/* The files of a system in which leftovers.h looks. */
#include "leftover_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config_files.h"
#include "leftovers.h"
#include "modules.h"
#include "target.h"

enum { FILE_SIZE_MOST = 1 << 20 };

/* A file, or a directory with the end of its files' names. */
static const struct place {
	const char *path;
	const char *suffix; /* NULL: a file */
	enum leftover_file kind;
} places[] = {
	{ "usr/lib/modprobe.d", ".conf", LEFTOVER_MODPROBE },
	{ "usr/local/lib/modprobe.d", ".conf", LEFTOVER_MODPROBE },
	{ "run/modprobe.d", ".conf", LEFTOVER_MODPROBE },
	{ "etc/modprobe.d", ".conf", LEFTOVER_MODPROBE },
	{ "etc/modules", NULL, LEFTOVER_MODULES },
	{ "usr/lib/modules-load.d", ".conf", LEFTOVER_MODULES },
	{ "etc/modules-load.d", ".conf", LEFTOVER_MODULES },
	{ "usr/share/initramfs-tools/modules.d", "", LEFTOVER_MODULES },
	{ "etc/initramfs-tools/modules", NULL, LEFTOVER_MODULES },
	{ "etc/default/grub", NULL, LEFTOVER_SHELL },
	{ "etc/default/grub.d", ".cfg", LEFTOVER_SHELL },
	{ "usr/lib/kernel/cmdline", NULL, LEFTOVER_LINE },
	{ "etc/kernel/cmdline", NULL, LEFTOVER_LINE },
	{ "usr/lib/bootc/kargs.d", ".toml", LEFTOVER_LINE },
	{ "etc/driverctl.d", "", LEFTOVER_DRIVERCTL },
	{ "etc/initramfs-tools/scripts/init-top", "", LEFTOVER_SCRIPT },
	{ "etc/initramfs-tools/scripts/init-premount", "", LEFTOVER_SCRIPT },
	{ "etc/udev/rules.d", ".rules", LEFTOVER_SCRIPT },
	{ "etc/systemd/system", ".service", LEFTOVER_SCRIPT },
	{ "etc/rc.local", NULL, LEFTOVER_SCRIPT },
};

static bool is_ours(const char *path)
{
	const char *name = strrchr(path, '/');

	return strstr(name ? name : path, "vfio-claim") != NULL;
}

static int check_file(const struct root *root, enum leftover_file kind, const char *path,
		      bool has_virqfd, struct diagnostics *warnings)
{
	AUTO_FREE char *text = NULL;
	char shown[512];
	size_t length;
	int r = root_read(root, path, FILE_SIZE_MOST, &text, &length);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	(void)snprintf(shown, sizeof(shown), "%s/%s", root->path, path);
	return leftovers_find(kind, shown, text, has_virqfd, warnings);
}

static int check_place(const struct root *root, const struct place *place, bool has_virqfd,
		       struct diagnostics *warnings)
{
	struct file_list files = { 0 };

	if (place->suffix == NULL)
		return check_file(root, place->kind, place->path, has_virqfd, warnings);
	int r = file_list_add_directory(root, place->path, place->suffix, &files);
	/* What is no directory or cannot be read holds nothing for the kernel either. */
	r = r == -ENOMEM ? r : 0;
	for (size_t i = 0; r == 0 && i < files.count; i++)
		if (!is_ours(files.paths[i]))
			r = check_file(root, place->kind, files.paths[i], has_virqfd, warnings);
	file_list_free(&files);
	return r;
}

/* vfio_virqfd was a module of its own up to 6.1. Where no kernel is seen nothing is wrong. */
static bool any_kernel_has_virqfd(const struct root *root)
{
	struct kernels kernels = { 0 };
	bool found = kernels_find(root, &kernels) < 0 || kernels.count == 0;

	for (size_t i = 0; !found && i < kernels.count; i++) {
		struct modules *modules = NULL;

		if (modules_open(root, kernels.items[i], &modules) == 0)
			found = modules_has(modules, "vfio_virqfd") == 1;
		modules_close(modules);
	}
	kernels_free(&kernels);
	return found;
}

int leftover_files_check(const struct root *root, struct diagnostics *warnings)
{
	bool has_virqfd = any_kernel_has_virqfd(root);
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(places) / sizeof(places[0]); i++)
		r = check_place(root, &places[i], has_virqfd, warnings);
	if (r == 0 && root->is_host)
		r = check_file(root, LEFTOVER_BOOTED, "proc/cmdline", has_virqfd, warnings);
	return r;
}
