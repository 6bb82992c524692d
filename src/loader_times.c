// SPDX-License-Identifier: GPL-2.0-or-later
/* When the boot entries were written: has this boot had what they say now? */
#include <stdio.h>

#include "loader_ways.h"

/* A file that is not there says nothing. */
static void look_at_file(const struct root *root, const char *path, long long *latest)
{
	struct stat st;

	if (root_stat(root, path, 0, &st) == 0 && (long long)st.st_mtime > *latest)
		*latest = (long long)st.st_mtime;
}

/*
 * The files alone: systemd-bless-boot(8) renames entries in each boot, and that is of the
 * directory. For the like reason nobody asks grubenv, to which each boot adds its success; what
 * `apply` does there has the time of its state: see journal_begin().
 */
static int look_at_files(const struct root *root, const char *directory, const char *suffix,
			 long long *latest)
{
	struct names names = { 0 };
	int r = list_files(root, directory, suffix, &names);

	for (size_t i = 0; r == 0 && i < names.count; i++)
		look_at_file(root, names.items[i], latest);
	names_free(&names);
	return r;
}

/* The same in each place where the ESP may be mounted. */
static int look_at_partitions(const struct root *root, const char *directory,
			      const char *suffix, long long *latest)
{
	int r = 0;

	for (size_t i = 0; r == 0 && boot_partitions[i] != NULL; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "%s/%s", boot_partitions[i], directory);
		r = look_at_files(root, path, suffix, latest);
	}
	return r;
}

static int look_at_kernel_install(const struct root *root, long long *latest)
{
	int r = look_at_partitions(root, "loader/entries", ".conf", latest);

	look_at_file(root, "etc/kernel/cmdline", latest);
	return r == 0 ? look_at_partitions(root, "EFI/Linux", ".efi", latest) : r;
}

int loader_written(enum loader loader, const struct root *root, long long *ret_time)
{
	long long latest = 0;
	int r = 0;

	switch (loader) {
	case LOADER_GRUB_D:
	case LOADER_GRUB_DEFAULT:
		look_at_file(root, "boot/grub/grub.cfg", &latest);
		look_at_file(root, "boot/grub2/grub.cfg", &latest);
		break;
	case LOADER_GRUBBY:
		/* Entries may use variables that grub.cfg sets. */
		look_at_file(root, "boot/grub2/grub.cfg", &latest);
		r = look_at_files(root, "boot/loader/entries", ".conf", &latest);
		break;
	case LOADER_KERNEL_INSTALL:
		r = look_at_kernel_install(root, &latest);
		break;
	case LOADER_UKI_ADDON:
		r = look_at_partitions(root, "loader/addons", ".efi", &latest);
		break;
	case LOADER_BOOTC:
		look_at_file(root, "usr/lib/bootc/kargs.d/50-vfio-claim.toml", &latest);
		break;
	case LOADER_RPM_OSTREE:
		/* A deployment that is staged gets its entry at shutdown. */
		look_at_file(root, "run/ostree/staged-deployment", &latest);
		r = look_at_files(root, "boot/loader/entries", ".conf", &latest);
		break;
	case LOADER_COUNT:
		break;
	}
	if (r == 0)
		*ret_time = latest;
	return r;
}
