// SPDX-License-Identifier: GPL-2.0-or-later
/* The files of a system in which leftovers.h looks. */
#include "leftover_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config_files.h"
#include "leftovers.h"
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
	{ "usr/lib/bootc/kargs.d", ".toml", LEFTOVER_TOML },
	{ "etc/driverctl.d", "", LEFTOVER_DRIVERCTL },
	{ "etc/initramfs-tools/scripts/init-top", "", LEFTOVER_SCRIPT },
	{ "etc/initramfs-tools/scripts/init-premount", "", LEFTOVER_SCRIPT },
	{ "etc/udev/rules.d", ".rules", LEFTOVER_SCRIPT },
	{ "etc/systemd/system", ".service", LEFTOVER_UNIT },
	{ "etc/rc.local", NULL, LEFTOVER_SCRIPT },
};

static bool is_ours(const char *path)
{
	const char *name = strrchr(path, '/');

	return strstr(name ? name : path, "vfio-claim") != NULL;
}

/* What the files are looked through for. */
struct look {
	const struct root *root;
	struct leftover_view view;
	struct diagnostics *warnings;
};

static int check_file(const struct look *look, enum leftover_file kind, const char *path)
{
	AUTO_FREE char *text = NULL;
	char shown[512];
	size_t length;
	int r = root_read(look->root, path, FILE_SIZE_MOST, &text, &length);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	(void)snprintf(shown, sizeof(shown), "%s/%s", look->root->path, path);
	return leftovers_find(kind, shown, text, &look->view, look->warnings);
}

static int check_place(const struct look *look, const struct place *place)
{
	struct file_list files = { 0 };

	if (place->suffix == NULL)
		return check_file(look, place->kind, place->path);
	int r = file_list_add_directory(look->root, place->path, place->suffix, &files);
	/* What is no directory or cannot be read holds nothing for the kernel either. */
	r = r == -ENOMEM ? r : 0;
	for (size_t i = 0; r == 0 && i < files.count; i++)
		if (!is_ours(files.paths[i]))
			r = check_file(look, place->kind, files.paths[i]);
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

/* What apply gave to any boot loader: one tool writes into files of another (grubby into
 * /etc/kernel/cmdline). A state that cannot be read tells of nothing. */
static int read_ours(const struct root *root, struct kargs *ours)
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
	state_free(&state);
	return r;
}

static int check_places(const struct look *look)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(places) / sizeof(places[0]); i++)
		r = check_place(look, &places[i]);
	if (r == 0 && look->root->is_host)
		r = check_file(look, LEFTOVER_BOOTED, "proc/cmdline");
	return r;
}

int leftover_files_check(const struct root *root, const struct config *config,
			 struct diagnostics *warnings)
{
	struct kargs ours = { 0 };
	int r = read_ours(root, &ours);
	const struct look look = { .root = root,
				   .view = { .config = config,
					     .ours = &ours,
					     .has_virqfd = any_kernel_has_virqfd(root) },
				   .warnings = warnings };

	if (r == 0)
		r = check_places(&look);
	kargs_free(&ours);
	return r;
}
