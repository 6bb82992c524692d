// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Drives the boot loader code for tests/loader.bats:
 *
 *   loader-driver ROOT STATE detect
 *   loader-driver ROOT STATE [-l LOADER] base|written
 *   loader-driver ROOT STATE [-l LOADER] prepare|apply|verify WORD...
 *   loader-driver ROOT STATE [-l LOADER] unprepare|revert
 *
 * prepare and unprepare show what apply and revert do: a diff of the files and the commands,
 * which are logged to STATE.log. STATE keeps what was done, as `vfio-claim apply` keeps it.
 * ROOT is "-" for the running system.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "loader.h"
#include "sentences.h"
#include "text.h"

struct driver {
	struct root root;
	const char *state_path;
	bool used[LOADER_COUNT];
	struct loader_state before[LOADER_COUNT];
	struct loader_state after[LOADER_COUNT];
	struct changes changes;
	struct command_lines commands;
};

static int find_loader(const char *name)
{
	for (int i = 0; loader_names[i] != NULL; i++)
		if (strcmp(loader_names[i], name) == 0)
			return i;
	return -1;
}

/* Lines "LOADER ours|replaced WORD". */
static int load_state(struct driver *driver)
{
	FILE *file = fopen(driver->state_path, "re");
	char line[4096];
	int r = 0;

	while (file != NULL && r == 0 && fgets(line, sizeof(line), file) != NULL) {
		char *rest = line;
		line[strcspn(line, "\n")] = '\0';
		const char *name = strsep(&rest, " ");
		const char *kind = strsep(&rest, " ");
		int i = find_loader(name);

		if (i < 0 || kind == NULL || rest == NULL)
			r = -EBADMSG;
		else
			r = kargs_add(*kind == 'o' ? &driver->before[i].ours
						   : &driver->before[i].replaced,
				      rest);
	}
	if (file != NULL)
		(void)fclose(file);
	return r;
}

static int save_state(const struct driver *driver)
{
	FILE *file = fopen(driver->state_path, "we");

	if (file == NULL)
		return -errno;
	for (int i = 0; i < LOADER_COUNT; i++) {
		const struct loader_state *state = &driver->after[i];

		for (size_t j = 0; j < state->ours.count; j++)
			(void)fprintf(file, "%s ours %s\n", loader_names[i],
				      state->ours.items[j]);
		for (size_t j = 0; j < state->replaced.count; j++)
			(void)fprintf(file, "%s replaced %s\n", loader_names[i],
				      state->replaced.items[j]);
	}
	return fclose(file) == 0 ? 0 : -errno;
}

/* A tree that is the host has no diff(1); the paths must do there. */
static void show(const struct driver *driver)
{
	if (changes_print_diff(&driver->changes) < 0)
		for (size_t i = 0; i < driver->changes.count; i++)
			(void)printf("file: %s\n", driver->changes.items[i].path);
	(void)fflush(stdout);
	for (size_t i = 0; i < driver->commands.count; i++) {
		char *line = command_line_render(&driver->commands.items[i]);

		(void)printf("run: %s\n", line);
		free(line);
	}
}

static int carry_out(const struct driver *driver)
{
	const char *failed = NULL;
	char path[4096];
	int r = changes_commit(&driver->changes, &driver->root, &failed);

	if (r < 0) {
		(void)fprintf(stderr, "%s: %s\n", failed, strerror(-r));
		return r;
	}
	(void)snprintf(path, sizeof(path), "%s.log", driver->state_path);
	AUTO_CLOSE int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	r = log < 0 ? -errno : 0;
	for (size_t i = 0; r == 0 && i < driver->commands.count; i++) {
		r = command_run(&driver->root, &driver->commands.items[i], log);
		if (r != 0)
			(void)fprintf(stderr, "%s: %d\n", driver->commands.items[i].argv[0], r);
	}
	if (r != 0) {
		(void)changes_undo(&driver->changes, &driver->root);
		return -EIO;
	}
	changes_finish(&driver->changes, &driver->root);
	return save_state(driver);
}

static int run_base(struct driver *driver)
{
	int r = 0;

	for (int i = 0; r == 0 && i < LOADER_COUNT; i++) {
		AUTO_FREE char *line = NULL;

		if (!driver->used[i])
			continue;
		r = loader_base_line((enum loader)i, &driver->root, &driver->before[i], &line);
		if (r == 0)
			(void)printf("%s: %s\n", loader_names[i], line);
	}
	return r;
}

static int run_prepare(struct driver *driver, const struct kargs *words, bool carry)
{
	int r = 0;

	for (int i = 0; r == 0 && i < LOADER_COUNT; i++) {
		if (!driver->used[i])
			continue;
		r = loader_prepare((enum loader)i, &driver->root, words, &driver->before[i],
				   &driver->changes, &driver->commands, &driver->after[i]);
		if (r < 0)
			(void)fprintf(stderr, "%s: %s\n", loader_names[i], strerror(-r));
	}
	if (r == 0)
		show(driver);
	return r == 0 && carry ? carry_out(driver) : r;
}

static int run_revert(struct driver *driver, bool carry)
{
	int r = 0;

	for (int i = 0; r == 0 && i < LOADER_COUNT; i++)
		if (driver->used[i])
			r = loader_revert((enum loader)i, &driver->root, &driver->before[i],
					  &driver->changes, &driver->commands);
	if (r == 0)
		show(driver);
	return r == 0 && carry ? carry_out(driver) : r;
}

static int run_verify(struct driver *driver, const struct kargs *words)
{
	struct sentences problems = { 0 };
	int r = 0;

	for (int i = 0; r == 0 && i < LOADER_COUNT; i++)
		if (driver->used[i])
			r = loader_verify((enum loader)i, &driver->root, words, &problems);
	for (size_t i = 0; i < problems.count; i++)
		(void)printf("%s\n", problems.items[i]);
	if (r == 0 && problems.count > 0)
		r = -EILSEQ;
	sentences_free(&problems);
	return r;
}

static int run_written(struct driver *driver)
{
	int r = 0;

	for (int i = 0; r == 0 && i < LOADER_COUNT; i++) {
		long long written = 0;

		if (!driver->used[i])
			continue;
		r = loader_written((enum loader)i, &driver->root, &written);
		(void)printf("%s: %lld\n", loader_names[i], written);
	}
	return r;
}

static int run(struct driver *driver, const char *command, const struct kargs *words)
{
	if (strcmp(command, "base") == 0)
		return run_base(driver);
	if (strcmp(command, "written") == 0)
		return run_written(driver);
	if (strcmp(command, "prepare") == 0 || strcmp(command, "apply") == 0)
		return run_prepare(driver, words, *command == 'a');
	if (strcmp(command, "unprepare") == 0 || strcmp(command, "revert") == 0)
		return run_revert(driver, *command == 'r');
	if (strcmp(command, "verify") == 0)
		return run_verify(driver, words);
	return strcmp(command, "detect") == 0 ? 0 : -EINVAL;
}

/* Those that are found, or the one that is asked for; "detect" tells. */
static int choose(struct driver *driver, const char *name, const char *command)
{
	struct loaders loaders;
	int only = name != NULL ? find_loader(name) : -1;

	if (name != NULL && only < 0)
		return -EINVAL;
	int r = loaders_detect(&driver->root, &loaders);
	if (r < 0)
		return r;
	for (int i = 0; i < LOADER_COUNT; i++) {
		driver->used[i] = only < 0 ? loaders.used[i] : i == only;
		if (strcmp(command, "detect") == 0 && loaders.used[i])
			(void)printf("%s: %s\n", loader_names[i], loaders.why[i]);
	}
	return 0;
}

static void driver_free(struct driver *driver)
{
	for (int i = 0; i < LOADER_COUNT; i++) {
		loader_state_free(&driver->before[i]);
		loader_state_free(&driver->after[i]);
	}
	changes_free(&driver->changes);
	command_lines_free(&driver->commands);
	root_close(&driver->root);
}

int main(int argc, char **argv)
{
	struct driver driver = { .root = { .fd = -1 } };
	struct kargs words = { 0 };
	const char *name = NULL;
	int next = 3;

	if (argc > 5 && strcmp(argv[3], "-l") == 0) {
		name = argv[4];
		next = 5;
	}
	if (argc <= next)
		return 2;
	driver.state_path = argv[2];
	int r = root_open(strcmp(argv[1], "-") == 0 ? NULL : argv[1], &driver.root);
	if (r == 0)
		r = load_state(&driver);
	if (r == 0)
		r = choose(&driver, name, argv[next]);
	for (int i = next + 1; r == 0 && i < argc; i++)
		r = kargs_append(&words, argv[i]);
	if (r == 0)
		r = run(&driver, argv[next], &words);
	if (r < 0 && r != -EILSEQ)
		(void)fprintf(stderr, "loader-driver: %s\n", strerror(-r));
	kargs_free(&words);
	driver_free(&driver);
	return r == 0 ? 0 : 1;
}
