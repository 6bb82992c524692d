// SPDX-License-Identifier: GPL-2.0-or-later
/* What the tools of a tree need below it. */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* True for a directory without entries, which is what a mount point of an image is. */
static bool is_empty_directory(const char *path)
{
	AUTO_CLOSEDIR DIR *dir = opendir(path);
	const struct dirent *entry;

	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return false;
	return true;
}

/* A node of the running system's, bound: mknod(2) is refused in many containers. */
static void bind_device(const char *name)
{
	char from[64];
	char to[64];

	(void)snprintf(from, sizeof(from), "/dev/%s", name);
	(void)snprintf(to, sizeof(to), "dev/%s", name);
	AUTO_CLOSE int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void)mount(from, to, NULL, MS_BIND, NULL);
}

static void make_dev(void)
{
	static const char *const devices[] = { "null",   "zero",    "full",
					       "random", "urandom", "tty" };
	static const char *const links[][2] = {
		{ "/proc/self/fd", "dev/fd" },
		{ "/proc/self/fd/0", "dev/stdin" },
		{ "/proc/self/fd/1", "dev/stdout" },
		{ "/proc/self/fd/2", "dev/stderr" },
	};

	if (mount("dev", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755") < 0)
		return;
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		bind_device(devices[i]);
	/* On a tmpfs just made; what needs one that is not there will say so. */
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			return;
}

/*
 * kernel-install gives new entries what /proc/cmdline has, where no file says better, and
 * dracut looks into /proc/modules for what this machine needs: both are the builder's.
 */
static void make_proc(void)
{
	static const char *const hidden[] = { "proc/cmdline", "proc/modules" };

	if (mount("proc", "proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL) < 0)
		return;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		/* A kernel without modules has no list of them. */
		if (mount("/dev/null", hidden[i], NULL, MS_BIND, NULL) == 0 ||
		    access(hidden[i], F_OK) < 0)
			continue;
		/* Rather none than the builder's. */
		(void)umount2("proc", MNT_DETACH);
		return;
	}
}

/*
 * By its path, since a descriptor that was opened before unshare(2) leads to the mounts of the
 * old namespace, below which nothing can be mounted.
 */
static bool enter_by_path(const struct root *root)
{
	struct stat wanted;
	struct stat found;

	return chdir(*root->path != '\0' ? root->path : "/") == 0 &&
	       fstat(root->fd, &wanted) == 0 && stat(".", &found) == 0 &&
	       wanted.st_dev == found.st_dev && wanted.st_ino == found.st_ino;
}

int mounts_make(const struct root *root)
{
	bool alone = unshare(CLONE_NEWNS) == 0 &&
		     mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;

	if (!alone || !enter_by_path(root))
		return fchdir(root->fd) < 0 ? -errno : 0;
	if (is_empty_directory("proc"))
		make_proc();
	if (is_empty_directory("dev"))
		make_dev();
	return 0;
}
