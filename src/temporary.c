// SPDX-License-Identifier: GPL-2.0-or-later
/* The one temporary directory of a run, which is removed however the run ends. */
#include "temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What getdents64(2) gives; libc's readdir() may not be called in a signal handler. */
struct kernel_entry {
	/* cppcheck-suppress unusedStructMember */
	uint64_t inode;
	/* cppcheck-suppress unusedStructMember */
	int64_t offset;
	uint16_t length;
	/* cppcheck-suppress unusedStructMember */
	uint8_t type;
	char name[];
};

enum { ENTRIES_SIZE = 4096 };

/* Empty: there is none. Read by the signal handler, which is blocked while it is written. */
static char directory[PATH_MAX];

static bool empty_directory(int dir);

static bool remove_entry(int dir, const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	if (unlinkat(dir, name, 0) == 0)
		return true;
	int child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (child < 0)
		return false;
	while (empty_directory(child))
		;
	(void)close(child);
	return unlinkat(dir, name, AT_REMOVEDIR) == 0;
}

/*
 * One pass over a directory, with calls that signal-safety(7) allows and getdents64(). Returns
 * true when something was removed: then there may be more, since a pass may miss entries of a
 * directory that changes.
 */
static bool empty_directory(int dir)
{
	_Alignas(struct kernel_entry) char entries[ENTRIES_SIZE];
	bool removed = false;
	long length;

	(void)lseek(dir, 0, SEEK_SET);
	while ((length = syscall(SYS_getdents64, dir, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < length;) {
			const struct kernel_entry *entry =
				(const struct kernel_entry *)(const void *)(entries + at);

			if (remove_entry(dir, entry->name))
				removed = true;
			at += entry->length;
		}
	}
	return removed;
}

static void remove_directory(void)
{
	if (directory[0] == '\0')
		return;
	int dir = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0) {
		while (empty_directory(dir))
			;
		(void)close(dir);
	}
	(void)rmdir(directory);
	directory[0] = '\0';
}

/* SA_RESETHAND and SA_NODEFER: the second signal is the default one, and ends the program. */
static void remove_and_end(int number)
{
	remove_directory();
	(void)raise(number);
}

static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM };
enum { SIGNAL_COUNT = sizeof(signals) / sizeof(signals[0]) };

static void fill_set(sigset_t *set)
{
	(void)sigemptyset(set);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		(void)sigaddset(set, signals[i]);
}

/* One that is ignored, as under nohup, stays ignored. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = remove_and_end,
				    .sa_flags = (int)SA_RESETHAND | SA_NODEFER };
	struct sigaction old;

	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			(void)sigaction(signals[i], &action, NULL);
}

/*
 * Tens of thousands of small files take a second in memory, and minutes on some disks. The
 * /dev/shm of a container may be small: then the disk it is.
 */
static const char *find_place(void)
{
	const uint64_t room = UINT64_C(1) << 30;
	const char *place = getenv("TMPDIR");
	struct statfs memory;

	if (place != NULL && *place != '\0')
		return place;
	if (statfs("/dev/shm", &memory) == 0 && memory.f_type == TMPFS_MAGIC &&
	    (uint64_t)memory.f_bavail * (uint64_t)memory.f_bsize >= room &&
	    access("/dev/shm", W_OK) == 0)
		return "/dev/shm";
	return "/tmp";
}

int temporary_make(const char **ret_path)
{
	sigset_t ours;
	sigset_t before;
	int r = 0;

	if (directory[0] != '\0')
		return -EBUSY;
	fill_set(&ours);
	(void)sigprocmask(SIG_BLOCK, &ours, &before);
	if ((size_t)snprintf(directory, sizeof(directory), "%s/vfio-claim.XXXXXX",
			     find_place()) >= sizeof(directory))
		r = -ENAMETOOLONG;
	else if (mkdtemp(directory) == NULL)
		r = -errno;
	if (r < 0)
		directory[0] = '\0';
	else
		catch_signals();
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		*ret_path = directory;
	return r;
}

void temporary_remove(void)
{
	sigset_t ours;
	sigset_t before;

	fill_set(&ours);
	(void)sigprocmask(SIG_BLOCK, &ours, &before);
	remove_directory();
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}
