// SPDX-License-Identifier: GPL-2.0-or-later
/* Collects files, links and directories of a machine to be written as a snapshot. */
#include "capture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* modules.alias.bin of a distribution's kernel has 1.5 MiB. */
enum { CAPTURED_FILE_MOST = 16 << 20 };

static void leave_out(struct capture *capture, const char *path, int error)
{
	if (capture->left_out++ > 0)
		return;
	(void)copy_field(capture->first_left_out, sizeof(capture->first_left_out), path);
	capture->first_error = error;
}

/* Takes `data`. A name that nobody would unpack is not added. */
static void add(struct capture *capture, const char *path, enum captured_kind kind, char *data,
		size_t length)
{
	struct captured *slot = NULL;
	char name[ARCHIVE_NAME_SIZE];
	char *copy = NULL;

	if (archive_name_read(path, name) != NULL) {
		free(data);
		leave_out(capture, "a name with odd characters", -EINVAL);
		return;
	}
	if (capture->error == 0) {
		copy = strdup(path);
		slot = array_grow(&capture->items, capture->count, sizeof(*slot));
	}
	if (slot == NULL || copy == NULL) {
		free(copy);
		free(data);
		capture->error = -ENOMEM;
		return;
	}
	*slot = (struct captured){ copy, kind, data, length };
	capture->count++;
}

/*
 * An attribute that does not apply answers so: carrier of a network interface that is down with
 * EINVAL, others with ENODEV, ENXIO or EOPNOTSUPP. That is no loss.
 */
static bool is_absent(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -EINVAL || error == -ENODEV ||
	       error == -ENXIO || error == -EOPNOTSUPP || error == -EISDIR;
}

void capture_add_text(struct capture *capture, const char *path, char *text)
{
	if (text == NULL)
		capture->error = -ENOMEM;
	else
		add(capture, path, CAPTURED_FILE, text, strlen(text));
}

void capture_presence(struct capture *capture, const char *path)
{
	AUTO_CLOSE int fd = root_open_inside(capture->root, path, O_PATH);

	if (fd >= 0)
		capture_add_text(capture, path, strdup(""));
}

void capture_file(struct capture *capture, const char *path, capture_filter *filter)
{
	char *data = NULL;
	size_t length = 0;
	int r = capture->error;

	if (r == 0)
		r = root_read(capture->root, path, CAPTURED_FILE_MOST, &data, &length);
	if (r == 0 && filter != NULL) {
		AUTO_FREE char *whole = data;

		data = NULL;
		r = filter(whole, &data);
		length = r == 0 ? strlen(data) : 0;
	}
	if (r == 0)
		add(capture, path, CAPTURED_FILE, data, length);
	else if (r == -ENOMEM)
		capture->error = r;
	else if (!is_absent(r))
		leave_out(capture, path, r);
}

void capture_files(struct capture *capture, const char *directory, const char *const *names)
{
	char path[ARCHIVE_NAME_SIZE];

	for (; *names != NULL; names++)
		if (snprintf(path, sizeof(path), "%s/%s", directory, *names) <
		    (int)sizeof(path))
			capture_file(capture, path, NULL);
}

int capture_link(struct capture *capture, const char *path, char ret_target[ARCHIVE_NAME_SIZE])
{
	char target[ARCHIVE_NAME_SIZE];
	char resolved[ARCHIVE_NAME_SIZE];
	ssize_t length = readlinkat(capture->root->fd, path, target, sizeof(target) - 1);

	if (length < 0)
		return -errno;
	target[length] = '\0';
	if (archive_link_check(path, target) != NULL ||
	    archive_link_resolve(path, target, resolved) < 0)
		return -EXDEV;
	char *copy = strdup(target);
	if (copy == NULL)
		capture->error = -ENOMEM;
	else
		add(capture, path, CAPTURED_LINK, copy, (size_t)length);
	if (ret_target != NULL)
		memcpy(ret_target, resolved, sizeof(resolved));
	return 0;
}

void capture_link_to_directory(struct capture *capture, const char *path)
{
	char target[ARCHIVE_NAME_SIZE];

	if (capture_link(capture, path, target) == 0)
		capture_directory(capture, target);
}

void capture_directory(struct capture *capture, const char *path)
{
	add(capture, path, CAPTURED_DIRECTORY, NULL, 0);
}

void capture_each(struct capture *capture, const char *directory,
		  void (*each)(struct capture *capture, const char *path))
{
	char path[ARCHIVE_NAME_SIZE];
	const struct dirent *entry;
	int fd = root_open_inside(capture->root, directory, O_RDONLY | O_DIRECTORY);

	if (fd < 0) {
		if (!is_absent(fd))
			leave_out(capture, directory, fd);
		return;
	}
	AUTO_CLOSEDIR DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		(void)close(fd);
		capture->error = -ENOMEM;
		return;
	}
	while (capture->error == 0 && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) <
		    (int)sizeof(path))
			each(capture, path);
	}
}

/* A slash sorts before all else, so that what is below a path comes right behind it. */
static int compare_paths(const char *a, const char *b)
{
	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	if (*a == '/' || *b == '/')
		return *b == '\0' || *a != '/' ? (*a == '\0' ? -1 : 1) : -1;
	return (unsigned char)*a - (unsigned char)*b;
}

static int compare_captured(const void *a, const void *b)
{
	const struct captured *left = a;
	const struct captured *right = b;
	int order = compare_paths(left->path, right->path);

	return order != 0 ? order : (int)left->kind - (int)right->kind;
}

static void captured_free(struct captured *item)
{
	free(item->path);
	free(item->data);
}

static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/*
 * Of two with one path the link or file goes before the directory. Nothing can be below a link
 * or a file; it could be so in a tree that somebody made by hand.
 */
static bool is_needless(const struct captured *item, const struct captured *before,
			const struct captured *next)
{
	if (before != NULL &&
	    (strcmp(before->path, item->path) == 0 ||
	     (before->kind != CAPTURED_DIRECTORY && is_below(item->path, before->path))))
		return true;
	return item->kind == CAPTURED_DIRECTORY && next != NULL &&
	       (strcmp(next->path, item->path) == 0 || is_below(next->path, item->path));
}

void capture_finish(struct capture *capture)
{
	size_t kept = 0;

	if (capture->count > 1)
		qsort(capture->items, capture->count, sizeof(*capture->items),
		      compare_captured);
	for (size_t i = 0; i < capture->count; i++) {
		const struct captured *before = kept > 0 ? &capture->items[kept - 1] : NULL;
		const struct captured *next =
			i + 1 < capture->count ? &capture->items[i + 1] : NULL;

		if (is_needless(&capture->items[i], before, next))
			captured_free(&capture->items[i]);
		else
			capture->items[kept++] = capture->items[i];
	}
	capture->count = kept;
}

void capture_free(struct capture *capture)
{
	for (size_t i = 0; i < capture->count; i++)
		captured_free(&capture->items[i]);
	free(capture->items);
	capture->items = NULL;
	capture->count = 0;
}
