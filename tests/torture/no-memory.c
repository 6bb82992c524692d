// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Preloaded into a program: allocation number $NO_MEMORY_AT, counted from main() on, fails. With
 * $NO_MEMORY_COUNT the number of allocations is written to that file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static unsigned long fail_at;
static unsigned long count;
static int counting;

__attribute__((constructor)) static void begin(void)
{
	const char *at = getenv("NO_MEMORY_AT");

	fail_at = at ? strtoul(at, NULL, 10) : 0;
	/* For what the program starts: one failure is enough. */
	(void)unsetenv("LD_PRELOAD");
	counting = 1;
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("NO_MEMORY_COUNT");
	unsigned long total = count;

	counting = 0;
	FILE *out = path ? fopen(path, "we") : NULL;
	if (out == NULL)
		return;
	(void)fprintf(out, "%lu\n", total);
	(void)fclose(out);
}

static int fails(void)
{
	if (!counting || ++count != fail_at)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t items, size_t size)
{
	return fails() ? NULL : __libc_calloc(items, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t items, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(items, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return fails() ? NULL : __libc_realloc(old, bytes);
}
