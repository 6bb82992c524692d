// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds and reads the configuration's files. */
#include "config_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define MAIN_FILE "etc/vfio-claim.conf"
#define ADMIN_DROP_INS "etc/vfio-claim.conf.d"

static int add_path(struct file_list *files, const char *directory, const char *name)
{
	char **slot = array_grow(&files->paths, files->count, sizeof(*slot));

	if (slot == NULL ||
	    asprintf(slot, "%s%s%s", directory, *directory ? "/" : "", name) < 0)
		return -ENOMEM;
	files->count++;
	return 0;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_drop_in(const char *name, const char *suffix)
{
	size_t length = strlen(name);
	size_t end = strlen(suffix);

	return name[0] != '.' && length > end && strcmp(name + length - end, suffix) == 0;
}

/* 1 where the directory, if there is one, has such a file too; 0, or a negative errno. */
static int exists_in(const struct root *root, const char *directory, const char *name)
{
	char path[PATH_MAX];

	if (directory == NULL)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	return root_has_entry(root, path);
}

static int add_drop_in(const struct root *root, const char *path, const char *name,
		       const char *mask, struct file_list *files)
{
	int hidden = exists_in(root, mask, name);

	return hidden != 0 ? (hidden < 0 ? hidden : 0) : add_path(files, path, name);
}

/* `mask`: a directory (or NULL) whose files hide those of the same name here. */
static int find_drop_ins(const struct root *root, const char *path, const char *suffix,
			 const char *mask, struct file_list *files)
{
	size_t first = files->count;
	const struct dirent *entry;
	int fd = root_open_inside(root, path, O_RDONLY | O_DIRECTORY);
	int r = 0;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	AUTO_CLOSEDIR DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while (r == 0 && (entry = root_next_entry(dir, &r)) != NULL)
		if (is_drop_in(entry->d_name, suffix))
			r = add_drop_in(root, path, entry->d_name, mask, files);
	if (files->count > first)
		qsort(files->paths + first, files->count - first, sizeof(*files->paths),
		      compare_paths);
	return r;
}

int file_list_add_directory(const struct root *root, const char *path, const char *suffix,
			    struct file_list *files)
{
	return find_drop_ins(root, path, suffix, NULL, files);
}

int config_files_find(const struct root *root, struct file_list *ret_files)
{
	struct file_list files = { 0 };
	int r = find_drop_ins(root, "usr/lib/vfio-claim.conf.d", ".conf", ADMIN_DROP_INS,
			      &files);

	int main_file = r == 0 ? root_has_entry(root, MAIN_FILE) : r;
	if (main_file != 0)
		r = main_file < 0 ? main_file : add_path(&files, "", MAIN_FILE);
	if (r == 0)
		r = find_drop_ins(root, ADMIN_DROP_INS, ".conf", NULL, &files);
	if (r < 0) {
		file_list_free(&files);
		return r;
	}
	*ret_files = files;
	return 0;
}

/*
 * A link to /dev/null is how systemd's drop-ins are masked (systemd.unit(5)): it is empty, also
 * in the tree of an image, whose /dev is empty or not there.
 */
static bool is_masked(const struct root *root, const char *path)
{
	static const char nothing[] = "/dev/null";
	char target[sizeof(nothing)];
	AUTO_CLOSE int fd = root_open_inside(root, path, O_PATH | O_NOFOLLOW);
	ssize_t length = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof(target));

	return length == sizeof(nothing) - 1 && memcmp(target, nothing, (size_t)length) == 0;
}

/* `shown`: the path with the slash that the root took away, for people. */
static int read_file(const struct root *root, const char *path, const char *shown,
		     struct config *config, struct diagnostics *diagnostics)
{
	char *data = NULL;
	size_t length = 0;

	if (is_masked(root, path))
		return 0;
	int r = root_read(root, path, CONFIG_FILE_MOST, &data, &length);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return diagnostics_add(diagnostics, shown, 0, "it cannot be read: %s",
				       strerror(-r));
	r = config_parse(config, shown, data, length, diagnostics);
	free(data);
	return r;
}

static int read_only_file(const char *only, struct config *config, struct file_list *files,
			  struct diagnostics *diagnostics)
{
	const struct root here = { .fd = AT_FDCWD, .path = ".", .is_host = true };
	int r = add_path(files, "", only);

	return r == 0 ? read_file(&here, only, only, config, diagnostics) : r;
}

int config_files_read(const struct root *root, const char *only, struct config *config,
		      struct file_list *files, struct diagnostics *diagnostics)
{
	if (only != NULL)
		return read_only_file(only, config, files, diagnostics);
	int r = config_files_find(root, files);
	for (size_t i = 0; r == 0 && i < files->count; i++) {
		AUTO_FREE char *shown = NULL;
		const char *prefix = root->path;

		if (asprintf(&shown, "%s/%s", prefix, files->paths[i]) < 0)
			return -ENOMEM;
		r = read_file(root, files->paths[i], shown, config, diagnostics);
	}
	return r;
}

void file_list_free(struct file_list *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->paths[i]);
	free(files->paths);
	*files = (struct file_list){ 0 };
}
