// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Preloaded into a program: FAULT="KIND NUMBER" lets that call of its kind go wrong, counted from
 * main() on. The kinds: malloc (there is no memory), short (write(2) takes half of what it is
 * given), libkmod and libblkid (the library says that it could not), child (what a child does to
 * become another program: mounts, chroot, descriptors, exec; in each child, counted from its
 * beginning), and call (a file cannot be opened, read, renamed, ...: for tools that strace cannot
 * be used with). With FAULT_COUNT the number of calls of each kind is written to that file, "KIND
 * NUMBER" a line; of several lines for `child` the largest counts.
 */
#include <blkid/blkid.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libkmod.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { MALLOC, SHORT, LIBKMOD, LIBBLKID, CALL, CHILD, KINDS };

static const char *const kind_names[KINDS] = { "malloc", "short", "libkmod", "libblkid",
					       "call",	 "child" };
static unsigned long counts[KINDS];
static enum kind bad_kind = KINDS;
static unsigned long bad_number;
static bool counting;
static bool in_child;
static int count_file = -1;

__attribute__((constructor)) static void begin(void)
{
	static const char program[] = "vfio-claim";
	const char *fault = getenv("FAULT");
	const char *number = fault != NULL ? strchr(fault, ' ') : NULL;

	/* Neither what runs the program, nor what it starts: one failure is enough. */
	if (strncmp(program_invocation_short_name, program, strlen(program)) != 0)
		return;
	(void)unsetenv("LD_PRELOAD");
	for (enum kind kind = 0; number != NULL && kind < KINDS; kind++)
		if (strncmp(fault, kind_names[kind], (size_t)(number - fault)) == 0)
			bad_kind = kind;
	bad_number = number != NULL ? strtoul(number, NULL, 10) : 0;
	/* Now: a child has another root when it has something to write. */
	const char *path = getenv("FAULT_COUNT");
	if (path != NULL)
		count_file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	counting = true;
}

__attribute__((destructor)) static void end(void)
{
	counting = false;
	for (enum kind kind = 0; count_file >= 0 && kind < KINDS; kind++)
		(void)dprintf(count_file, "%s %lu\n", kind_names[kind], counts[kind]);
}

static bool is_bad(enum kind kind)
{
	if (!counting || (kind == CHILD && !in_child))
		return false;
	return ++counts[kind] == bad_number && kind == bad_kind;
}

/* The function of this name that would be called without us; dlsym(3) gives no function. */
static void *next(const char *name)
{
	bool before = counting;

	counting = false;
	void *found = dlsym(RTLD_NEXT, name);
	counting = before;
	return found;
}

#define NEXT(name)                                                                             \
	static __typeof__(name) *real;                                                         \
	if (real == NULL) {                                                                    \
		void *found = next(#name);                                                     \
		memcpy(&real, &found, sizeof(real));                                           \
	}

/* Fails with `value` and errno, or is the real one. */
#define WRAP(kind, type, name, parameters, arguments, value, error)                            \
	type name parameters                                                                   \
	{                                                                                      \
		NEXT(name)                                                                     \
		if (is_bad(kind)) {                                                            \
			errno = (error);                                                       \
			return value;                                                          \
		}                                                                              \
		return real arguments;                                                         \
	}

/* ---- Memory: libc's own, which dlsym(3) needs itself */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static bool no_memory(void)
{
	if (!is_bad(MALLOC))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return no_memory() ? NULL : __libc_malloc(size);
}

void *calloc(size_t items, size_t size)
{
	return no_memory() ? NULL : __libc_calloc(items, size);
}

void *realloc(void *old, size_t size)
{
	return no_memory() ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t items, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(items, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return no_memory() ? NULL : __libc_realloc(old, bytes);
}

/* ---- libkmod and libblkid: what the programs call of them and may fail */

WRAP(LIBKMOD, struct kmod_ctx *, kmod_new,
     (const char *dirname, const char *const *config_paths), (dirname, config_paths), NULL,
     ENOMEM)
WRAP(LIBKMOD, int, kmod_module_new_from_lookup,
     (struct kmod_ctx * ctx, const char *alias, struct kmod_list **list), (ctx, alias, list),
     -EIO, EIO)
WRAP(LIBKMOD, int, kmod_module_new_from_name,
     (struct kmod_ctx * ctx, const char *name, struct kmod_module **mod), (ctx, name, mod),
     -ENOMEM, ENOMEM)
WRAP(LIBKMOD, int, kmod_dump_index, (struct kmod_ctx * ctx, enum kmod_index type, int fd),
     (ctx, type, fd), -EIO, EIO)
WRAP(LIBKMOD, struct kmod_config_iter *, kmod_config_get_blacklists,
     (const struct kmod_ctx *ctx), (ctx), NULL, ENOMEM)
WRAP(LIBBLKID, int, blkid_get_cache, (blkid_cache * cache, const char *filename),
     (cache, filename), -1, EIO)
WRAP(LIBBLKID, char *, blkid_evaluate_tag,
     (const char *token, const char *value, blkid_cache *cache), (token, value, cache), NULL,
     EIO)
WRAP(LIBBLKID, int, blkid_encode_string, (const char *string, char *out, size_t size),
     (string, out, size), -1, ENOMEM)
WRAP(LIBBLKID, blkid_probe, blkid_new_probe_from_filename, (const char *name), (name), NULL,
     EIO)
WRAP(LIBBLKID, int, blkid_do_safeprobe, (blkid_probe probe), (probe), -1, EIO)
WRAP(LIBBLKID, int, blkid_probe_all, (blkid_cache cache), (cache), -1, EIO)
WRAP(LIBBLKID, blkid_dev_iterate, blkid_dev_iterate_begin, (blkid_cache cache), (cache), NULL,
     ENOMEM)
WRAP(LIBBLKID, blkid_dev, blkid_verify, (blkid_cache cache, blkid_dev device), (cache, device),
     NULL, EIO)
WRAP(LIBBLKID, int, blkid_probe_lookup_value,
     (blkid_probe probe, const char *name, const char **value, size_t *size),
     (probe, name, value, size), -1, EIO)

/* ---- Files */

ssize_t write(int fd, const void *data, size_t size)
{
	NEXT(write)
	return real(fd, data, size > 1 && is_bad(SHORT) ? size / 2 : size);
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list arguments;

	va_start(arguments, flags);
	mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	NEXT(openat)
	if (!is_bad(CALL))
		return real(dir, path, flags, mode);
	errno = EIO;
	return -1;
}

WRAP(CALL, ssize_t, read, (int fd, void *data, size_t size), (fd, data, size), -1, EIO)
WRAP(CALL, DIR *, fdopendir, (int fd), (fd), NULL, ENOMEM)
WRAP(CALL, int, fsync, (int fd), (fd), -1, EIO)
WRAP(CALL, int, renameat, (int from, const char *old, int to, const char *name),
     (from, old, to, name), -1, EROFS)
WRAP(CALL, int, linkat, (int from, const char *old, int to, const char *name, int flags),
     (from, old, to, name, flags), -1, ENOSPC)
WRAP(CALL, int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags), -1, EROFS)
WRAP(CALL, int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode), -1,
     ENOSPC)
WRAP(CALL, int, fstatat, (int dir, const char *path, struct stat *status, int flags),
     (dir, path, status, flags), -1, EIO)
WRAP(CALL, int, faccessat, (int dir, const char *path, int mode, int flags),
     (dir, path, mode, flags), -1, EIO)
WRAP(CALL, ssize_t, readlinkat, (int dir, const char *path, char *out, size_t size),
     (dir, path, out, size), -1, EIO)
WRAP(CALL, int, pipe2, (int ends[2], int flags), (ends, flags), -1, EMFILE)

pid_t fork(void)
{
	NEXT(fork)
	if (is_bad(CALL)) {
		errno = EAGAIN;
		return -1;
	}
	pid_t pid = real();
	in_child = in_child || pid == 0;
	return pid;
}

/* ---- What a child does before it is another program */

WRAP(CHILD, int, dup2, (int from, int to), (from, to), -1, EMFILE)
WRAP(CHILD, int, unshare, (int flags), (flags), -1, EPERM)
WRAP(CHILD, int, mount,
     (const char *source, const char *target, const char *type, unsigned long flags,
      const void *data),
     (source, target, type, flags, data), -1, EPERM)
WRAP(CHILD, int, symlink, (const char *target, const char *path), (target, path), -1, ENOSPC)
WRAP(CHILD, int, chdir, (const char *path), (path), -1, EACCES)
WRAP(CHILD, int, fchdir, (int fd), (fd), -1, EACCES)
WRAP(CHILD, int, chroot, (const char *path), (path), -1, EPERM)

int execve(const char *path, char *const arguments[], char *const environment[])
{
	NEXT(execve)
	if (is_bad(CHILD)) {
		errno = ENOMEM;
		return -1;
	}
	if (counting && in_child && count_file >= 0)
		(void)dprintf(count_file, "child %lu\n", counts[CHILD]);
	return real(path, arguments, environment);
}
