// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls the edges that have no command of their own, for tests/initramfs.bats:
 *
 *     edges find ROOT NAME              command_find()
 *     edges run ROOT LOG PROGRAM ARG... command_run(), prints its result
 *     edges words WORD...               command_line_render()
 *     edges generator ROOT              generator_detect()
 *     edges path ROOT KERNEL            initramfs_path()
 *     edges rebuild ROOT KERNEL         initramfs_add_rebuild()
 *     edges rebuild-host ROOT KERNEL    the same, as if ROOT were the running system
 *     edges inspect ROOT KERNEL         initramfs_inspect() with the claims of ROOT's table
 *     edges inspect-none ROOT KERNEL    the same with no claims
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "initramfs.h"
#include "table.h"
#include "version.h"

static int fail(const char *what, int error)
{
	(void)fprintf(stderr, "%s: %s\n", what, strerror(-error));
	return 1;
}

static int run_find(const struct root *root, char **arguments)
{
	char path[COMMAND_PATH_SIZE];

	if (!command_find(root, arguments[0], path))
		return 1;
	puts(path);
	return 0;
}

static int run_run(const struct root *root, char **arguments)
{
	struct command_line line = { .argv = arguments + 1 };
	AUTO_CLOSE int log =
		open(arguments[0], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int r = log < 0 ? -errno : command_run(root, &line, log);

	if (r < 0)
		puts(strerrorname_np(-r));
	else
		printf("%d\n", r);
	return 0;
}

static int run_generator(const struct root *root, char **arguments)
{
	static const char *const names[] = { "none", "initramfs-tools", "dracut" };

	(void)arguments;
	puts(names[generator_detect(root)]);
	return 0;
}

static int run_path(const struct root *root, char **arguments)
{
	char path[256];
	int r = initramfs_path(root, generator_detect(root), arguments[0], path);

	if (r < 0)
		return fail("path", r);
	puts(path);
	return 0;
}

static int print_lines(const struct command_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		AUTO_FREE char *words = command_line_render(&lines->items[i]);

		printf("%s: %s\n", lines->items[i].title, words);
	}
	return 0;
}

static int run_rebuild(const struct root *root, char **arguments)
{
	struct command_lines lines = { 0 };
	int r = initramfs_add_rebuild(root, generator_detect(root), arguments[0], &lines);

	if (r == 0)
		r = print_lines(&lines);
	command_lines_free(&lines);
	return r < 0 ? fail("rebuild", r) : 0;
}

static int run_rebuild_host(const struct root *root, char **arguments)
{
	struct root host = *root;

	host.is_host = true;
	return run_rebuild(&host, arguments);
}

static int inspect(const struct root *root, const char *kernel, const struct claims *claims)
{
	struct sentences problems = { 0 };
	int r = initramfs_inspect(root, generator_detect(root), kernel, claims, &problems);

	for (size_t i = 0; i < problems.count; i++)
		puts(problems.items[i]);
	sentences_free(&problems);
	return r < 0 ? fail("inspect", r) : 0;
}

static int run_inspect_none(const struct root *root, char **arguments)
{
	return inspect(root, arguments[0], NULL);
}

static int run_inspect(const struct root *root, char **arguments)
{
	struct claims claims = { 0 };
	AUTO_FREE char *data = NULL;
	size_t length;
	char checksum[TABLE_CHECKSUM_SIZE];
	char reason[TABLE_REASON_SIZE];
	int r = root_read(root, CLAIMS_TABLE_PATH, TABLE_SIZE_MOST, &data, &length);

	if (r == 0)
		r = table_parse(data, length, &claims, checksum, reason);
	if (r < 0)
		return fail(CLAIMS_TABLE_PATH, r);
	r = inspect(root, arguments[0], &claims);
	claims_free(&claims);
	return r;
}

static int run_words(char **arguments)
{
	struct command_line line = { .argv = arguments };
	AUTO_FREE char *words = command_line_render(&line);

	puts(words);
	return 0;
}

int main(int count, char **arguments)
{
	static const struct {
		const char *name;
		int least;
		int (*run)(const struct root *root, char **arguments);
	} commands[] = {
		{ "find", 4, run_find },           { "run", 5, run_run },
		{ "generator", 3, run_generator }, { "path", 4, run_path },
		{ "rebuild", 4, run_rebuild },     { "rebuild-host", 4, run_rebuild_host },
		{ "inspect", 4, run_inspect },     { "inspect-none", 4, run_inspect_none },
	};
	struct root root;

	if (count > 2 && strcmp(arguments[1], "words") == 0)
		return run_words(arguments + 2);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (count < commands[i].least || strcmp(arguments[1], commands[i].name) != 0)
			continue;
		/* "/" is the running system here. */
		int r = root_open(strcmp(arguments[2], "/") == 0 ? NULL : arguments[2], &root);
		if (r < 0)
			return fail(arguments[2], r);
		r = commands[i].run(&root, arguments + 3);
		root_close(&root);
		return r;
	}
	return 2;
}
