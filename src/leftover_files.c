// SPDX-License-Identifier: GPL-2.0-or-later
/* The files of a system in which leftovers.h looks. */
#include "leftover_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config_files.h"
#include "leftovers.h"
#include "loader_text.h"
#include "modules.h"
#include "state.h"
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
	{ "usr/lib/dracut/dracut.conf.d", ".conf", LEFTOVER_DRACUT },
	{ "etc/dracut.conf", NULL, LEFTOVER_DRACUT },
	{ "etc/dracut.conf.d", ".conf", LEFTOVER_DRACUT },
	{ "etc/default/grub", NULL, LEFTOVER_SHELL },
	{ "etc/default/grub.d", ".cfg", LEFTOVER_SHELL },
	{ "usr/lib/kernel/cmdline", NULL, LEFTOVER_LINE },
	{ "etc/kernel/cmdline", NULL, LEFTOVER_LINE },
	{ "etc/kernelstub/configuration", NULL, LEFTOVER_LINE },
	{ "boot/refind_linux.conf", NULL, LEFTOVER_ENTRY },
	{ "boot/loader/entries", ".conf", LEFTOVER_ENTRY },
	{ "efi/loader/entries", ".conf", LEFTOVER_ENTRY },
	{ "boot/efi/loader/entries", ".conf", LEFTOVER_ENTRY },
	{ "boot/grub2/grubenv", NULL, LEFTOVER_ENTRY },
	{ "etc/grub.d", "", LEFTOVER_ENTRY },
	{ "boot/grub/custom.cfg", NULL, LEFTOVER_ENTRY },
	{ "boot/grub2/custom.cfg", NULL, LEFTOVER_ENTRY },
	{ "boot/extlinux.conf", NULL, LEFTOVER_ENTRY },
	{ "boot/extlinux/extlinux.conf", NULL, LEFTOVER_ENTRY },
	{ "etc/tuned/bootcmdline", NULL, LEFTOVER_SHELL },
	{ "usr/lib/bootc/kargs.d", ".toml", LEFTOVER_TOML },
	{ "etc/driverctl.d", "", LEFTOVER_DRIVERCTL },
	{ "etc/udev/rules.d", ".rules", LEFTOVER_SCRIPT },
	{ "etc/systemd/system", ".service", LEFTOVER_UNIT },
	{ "usr/local/lib/systemd/system", ".service", LEFTOVER_UNIT },
	{ "etc/rc.local", NULL, LEFTOVER_SCRIPT },
	{ "etc/rc.d/rc.local", NULL, LEFTOVER_SCRIPT },
	{ "etc/crontab", NULL, LEFTOVER_SCRIPT },
	{ "etc/cron.d", "", LEFTOVER_SCRIPT },
};

/* Directories with others in them, so and so deep. */
static const struct tree {
	struct place place;
	unsigned depth;
} trees[] = {
	/* PROFILE/tuned.conf, or profiles/PROFILE/tuned.conf */
	{ { "etc/tuned", ".conf", LEFTOVER_ENTRY }, 2 },
	/* init-top, local-top, init-bottom and so on */
	{ { "etc/initramfs-tools/scripts", "", LEFTOVER_SCRIPT }, 1 },
	{ { "usr/lib/dracut/modules.d", ".sh", LEFTOVER_SCRIPT }, 1 },
	/* NAME.service.d/DROP-IN.conf */
	{ { "etc/systemd/system", ".conf", LEFTOVER_UNIT }, 1 },
	{ { "usr/local/lib/systemd/system", ".conf", LEFTOVER_UNIT }, 1 },
	/* /var/spool/cron/USER, or crontabs/USER */
	{ { "var/spool/cron", "", LEFTOVER_SCRIPT }, 1 },
	/* qemu, or qemu.d/DOMAIN/prepare/begin/SCRIPT as hook helpers have it */
	{ { "etc/libvirt/hooks", "", LEFTOVER_SCRIPT }, 5 },
};

/* What the files are looked through for. */
struct look {
	const struct root *root;
	struct leftover_view view;
	struct diagnostics *warnings;
};

static int check_file(const struct look *look, enum leftover_file kind, const char *path)
{
	AUTO_FREE char *text = NULL;
	struct stat status;
	char shown[512];
	size_t length;

	/* A FIFO would be waited for. */
	if (root_stat(look->root, path, 0, &status) < 0 || !S_ISREG(status.st_mode))
		return 0;
	int r = root_read(look->root, path, FILE_SIZE_MOST, &text, &length);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	(void)snprintf(shown, sizeof(shown), "%s/%s", look->root->path, path);
	return leftovers_find(kind, shown, text, &look->view, look->warnings);
}

/* A file of our own, or one in a directory of our own. */
static bool is_ours(const char *path)
{
	return strstr(path, "vfio-claim") != NULL;
}

static bool ends_in(const char *name, const char *suffix)
{
	size_t length = strlen(name);
	size_t end = strlen(suffix);

	return length >= end && strcmp(name + length - end, suffix) == 0;
}

static int check_directory(const struct look *look, const struct place *place, const char *path,
			   unsigned depth)
{
	struct file_list files = { 0 };
	int r = file_list_add_directory(look->root, path, "", &files);

	/* What is no directory or cannot be read holds nothing for the kernel either. */
	r = r == -ENOMEM ? r : 0;
	for (size_t i = 0; r == 0 && i < files.count; i++) {
		if (is_ours(files.paths[i]))
			continue;
		if (ends_in(files.paths[i], place->suffix))
			r = check_file(look, place->kind, files.paths[i]);
		if (r == 0 && depth > 0)
			r = check_directory(look, place, files.paths[i], depth - 1);
	}
	file_list_free(&files);
	return r;
}

static int check_place(const struct look *look, const struct place *place)
{
	if (place->suffix == NULL)
		return check_file(look, place->kind, place->path);
	return check_directory(look, place, place->path, 0);
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

/* What apply gave to any boot loader: one tool writes into files of another (grubby into
 * /etc/kernel/cmdline). A state that cannot be read tells of nothing. */
static int read_ours(const struct root *root, struct kargs *ours, struct kargs *grubby)
{
	AUTO_FREE char *text = NULL;
	struct state state = { 0 };
	unsigned line;
	size_t length;
	int r = root_read(root, STATE_PATH, STATE_SIZE_MOST, &text, &length);

	if (r == 0)
		r = state_parse(text, &state, &line);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (int i = 0; i < LOADER_COUNT; i++)
		for (size_t k = 0; r == 0 && k < state.loader[i].ours.count; k++)
			r = kargs_add(ours, state.loader[i].ours.items[k]);
	*grubby = state.loader[LOADER_GRUBBY].ours;
	state.loader[LOADER_GRUBBY].ours = (struct kargs){ 0 };
	state_free(&state);
	return r;
}

/* An upgraded image of bootc has a state of its own no more: /var is the host's. */
static int read_bootc(const struct root *root, struct kargs *ours)
{
	AUTO_FREE char *text = NULL;
	size_t length;
	int r = root_read(root, "usr/lib/bootc/kargs.d/50-vfio-claim.toml", FILE_SIZE_MOST,
			  &text, &length);

	if (r == 0)
		r = bootc_read(text, ours);
	return r == -ENOMEM ? r : 0;
}

static int check_places(const struct look *look)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(places) / sizeof(places[0]); i++)
		r = check_place(look, &places[i]);
	for (size_t i = 0; r == 0 && i < sizeof(trees) / sizeof(trees[0]); i++)
		r = check_directory(look, &trees[i].place, trees[i].place.path, trees[i].depth);
	if (r == 0 && look->root->is_host)
		r = check_file(look, LEFTOVER_BOOTED, "proc/cmdline");
	return r;
}

int leftover_files_check(const struct root *root, const struct config *config,
			 struct diagnostics *warnings)
{
	struct kargs ours = { 0 };
	struct kargs grubby = { 0 };
	int r = read_ours(root, &ours, &grubby);
	const struct look look = { .root = root,
				   .view = { .config = config,
					     .ours = &ours,
					     .grubby = &grubby,
					     .has_virqfd = any_kernel_has_virqfd(root) },
				   .warnings = warnings };

	if (r == 0)
		r = read_bootc(root, &ours);
	if (r == 0)
		r = check_places(&look);
	kargs_free(&ours);
	kargs_free(&grubby);
	return r;
}
