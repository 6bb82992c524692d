// SPDX-License-Identifier: GPL-2.0-or-later
/* Which names and links of an archive may be unpacked. */
#include "archive_names.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* They would reach the terminal with an error message. */
static bool has_control_character(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

static bool is_component(const char *at, size_t length, const char *name)
{
	return strlen(name) == length && strncmp(at, name, length) == 0;
}

/* Why no path may have this component, or NULL. */
static const char *component_fault(const char *at, size_t length)
{
	if (length == 0)
		return "it has an empty component";
	if (length > NAME_MAX)
		return "it has a component that is too long";
	if (is_component(at, length, ".."))
		return "it has '..' in it";
	if (is_component(at, length, "."))
		return "it has '.' in it";
	return NULL;
}

/* Looks at every component of what is not empty. Returns NULL or why it is refused. */
static const char *path_fault(const char *path)
{
	for (unsigned depth = 1;; depth++) {
		size_t length = strcspn(path, "/");
		const char *fault = component_fault(path, length);

		if (fault != NULL)
			return fault;
		if (depth > ARCHIVE_DEPTH_MOST)
			return "it has too many components";
		if (path[length] == '\0')
			return NULL;
		path += length + 1;
	}
}

const char *archive_name_read(const char *name, char out[ARCHIVE_NAME_SIZE])
{
	out[0] = '\0';
	if (*name == '\0')
		return "it is empty";
	if (*name == '/')
		return "it is absolute";
	if (has_control_character(name))
		return "it has a control character in it";
	while (strncmp(name, "./", 2) == 0)
		name += 2;
	size_t length = strlen(name);
	if (length > 0 && name[length - 1] == '/')
		length--;
	if (length == 0 || is_component(name, length, "."))
		return NULL;
	if (length >= ARCHIVE_NAME_SIZE)
		return "it is too long";
	memcpy(out, name, length);
	out[length] = '\0';
	const char *fault = path_fault(out);
	if (fault != NULL)
		out[0] = '\0';
	return fault;
}

/* Takes the last component off. False when there was none. */
static bool cut_component(char *path)
{
	char *slash = strrchr(path, '/');
	bool had = *path != '\0';

	*(slash != NULL ? slash : path) = '\0';
	return had;
}

static int add_component(char path[ARCHIVE_NAME_SIZE], const char *component, size_t length)
{
	size_t there = strlen(path);
	size_t slash = there > 0 ? 1 : 0;

	if (there + slash + length >= ARCHIVE_NAME_SIZE)
		return -ENAMETOOLONG;
	if (slash == 1)
		path[there] = '/';
	memcpy(path + there + slash, component, length);
	path[there + slash + length] = '\0';
	return 0;
}

int archive_link_resolve(const char *path, const char *target, char out[ARCHIVE_NAME_SIZE])
{
	char result[ARCHIVE_NAME_SIZE] = "";

	if (*target == '/')
		return -EXDEV;
	int r = add_component(result, path, strlen(path));
	(void)cut_component(result);
	while (r == 0 && *target != '\0') {
		size_t length = strcspn(target, "/");

		if (is_component(target, length, ".."))
			r = cut_component(result) ? 0 : -EXDEV;
		else if (length > 0 && !is_component(target, length, "."))
			r = add_component(result, target, length);
		target += length;
		target += strspn(target, "/");
	}
	if (r == 0)
		memcpy(out, result, sizeof(result));
	return r;
}

static bool same_top(const char *a, const char *b)
{
	size_t length = strcspn(a, "/");

	return length == strcspn(b, "/") && strncmp(a, b, length) == 0;
}

const char *archive_link_check(const char *path, const char *target)
{
	char resolved[ARCHIVE_NAME_SIZE];
	const char *down = target;

	if (*target == '\0')
		return "its target is empty";
	if (*target == '/')
		return "its target is absolute";
	if (has_control_character(target))
		return "its target has a control character in it";
	while (strncmp(down, "../", 3) == 0)
		down += 3;
	/* Behind a name, which may be a link, ".." means what only that link's target knows. */
	if (strcmp(down, "..") != 0 && path_fault(down) != NULL)
		return "its target has '..', '.' or nothing between two slashes";
	int r = archive_link_resolve(path, target, resolved);
	if (r == -ENAMETOOLONG)
		return "its target is too long";
	if (r < 0 || strchr(path, '/') == NULL || !same_top(path, resolved))
		return "it leads out of its tree";
	return NULL;
}
