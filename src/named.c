// SPDX-License-Identifier: GPL-2.0-or-later
/* What the real root's files and the command line have the boot mount, swap to and open. */
#include "named.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cmdline.h"
#include "text.h"

enum { FILE_SIZE_MOST = 1 << 20, UNIT_PATH_SIZE = 32 + NAME_MAX * 2 };

/*
 * Where systemd reads units, the first first (systemd.unit(5)). Not in /run: what is there when
 * the real root is up was put there after the boot that is looked at.
 */
static const char *const unit_places[] = {
	"etc/systemd/system",
	"usr/local/lib/systemd/system",
	"usr/lib/systemd/system",
	"lib/systemd/system",
};

enum { UNIT_PLACES = sizeof(unit_places) / sizeof(unit_places[0]) };

static char *read_file(const struct root *root, const char *path)
{
	char *text = NULL;
	size_t length;

	return root_read(root, path, FILE_SIZE_MOST, &text, &length) < 0 ? NULL : text;
}

static int add(struct named *named, const struct mount_entry *entry)
{
	struct mount_entry *slot = array_grow(&named->items, named->count, sizeof(*slot));

	if (slot == NULL)
		return -ENOMEM;
	*slot = *entry;
	named->count++;
	return 0;
}

static int add_table(const struct root *root, const char *path,
		     bool (*next)(const char **text, struct mount_entry *entry),
		     struct named *named)
{
	AUTO_FREE char *table = read_file(root, path);
	struct mount_entry entry;
	int r = 0;

	for (const char *text = table; r == 0 && text != NULL && next(&text, &entry);)
		r = add(named, &entry);
	return r;
}

/* ---- Units */

/* An error is no answer: then it may be there. */
static bool may_have(const struct root *real, const char *place, const char *name,
		     const char *ending)
{
	char path[UNIT_PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/%s%s", place, name, ending);
	return root_has_entry(real, path) != 0;
}

static bool is_wanted_in(const struct root *real, const char *directory, const char *unit)
{
	AUTO_CLOSEDIR DIR *dir = root_open_directory(real, directory);
	const struct dirent *entry;
	bool found = false;
	int error = 0;

	while (dir != NULL && !found && (entry = root_next_entry(dir, &error)) != NULL) {
		char path[NAME_MAX * 2 + 2];

		if (!unit_directory_is_of_target(entry->d_name))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", entry->d_name, unit);
		found = entry_exists(dirfd(dir), path) != 0;
	}
	return found;
}

static bool is_wanted(const struct root *real, const char *unit)
{
	for (size_t i = 0; i < UNIT_PLACES; i++)
		if (is_wanted_in(real, unit_places[i], unit))
			return true;
	return is_wanted_in(real, "run/systemd/system", unit);
}

/*
 * A unit that is not enabled need not be there (systemctl(1), enable; systemd.unit(5)). With an
 * automount unit of its name that one is enabled instead (systemd.automount(5)).
 */
static bool is_enabled(const struct root *real, const char *unit)
{
	char automount[NAME_MAX + sizeof("automount")];
	const char *dot = strrchr(unit, '.');

	if (is_wanted(real, unit))
		return true;
	if (dot == NULL || strcmp(dot, ".mount") != 0)
		return false;
	(void)snprintf(automount, sizeof(automount), "%.*s.automount", (int)(dot - unit), unit);
	return is_wanted(real, automount);
}

/* Adds the drop-ins of a place to a unit's text. */
static int add_drop_ins(const struct root *real, const char *place, const char *unit,
			struct text *out)
{
	char path[UNIT_PATH_SIZE];
	const struct dirent *file;
	int r = 0;

	(void)snprintf(path, sizeof(path), "%s/%s.d", place, unit);
	AUTO_CLOSEDIR DIR *dir = root_open_directory(real, path);
	while (dir != NULL && r == 0 && (file = root_next_entry(dir, &r)) != NULL) {
		char name[UNIT_PATH_SIZE + NAME_MAX + 2];

		if (file->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", path, file->d_name);
		AUTO_FREE char *text = read_file(real, name);
		if (text != NULL)
			text_add(out, "%s\n", text);
	}
	return r;
}

/*
 * The unit as systemd puts it together: the file of the first place that has one, then the
 * drop-ins, those of /etc last, so that they count. A file that is empty or not to be read (a
 * link to /dev/null) masks it: *ret_text is then NULL. One of fstab may have drop-ins alone.
 */
static int read_unit(const struct root *real, const char *unit, char **ret_text)
{
	struct text out = { 0 };
	bool found = false;
	int r = 0;

	for (size_t i = 0; i < UNIT_PLACES && !found; i++) {
		char path[UNIT_PATH_SIZE];

		found = may_have(real, unit_places[i], unit, "");
		if (!found)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", unit_places[i], unit);
		AUTO_FREE char *text = read_file(real, path);
		if (text == NULL || *text == '\0') {
			*ret_text = NULL;
			return 0;
		}
		text_add(&out, "%s\n", text);
	}
	for (size_t i = UNIT_PLACES; r == 0 && i > 0; i--)
		r = add_drop_ins(real, unit_places[i - 1], unit, &out);
	if (r == 0)
		return text_take(&out, ret_text);
	text_free(&out);
	return r;
}

static int add_unit(const struct root *real, const char *unit, struct named *named)
{
	AUTO_FREE char *text = NULL;
	struct mount_entry entry;
	int r = read_unit(real, unit, &text);

	if (r < 0 || text == NULL || !mount_unit_parse(text, &entry) ||
	    mount_has_no_device(&entry))
		return r;
	entry.optional = entry.optional || !is_enabled(real, unit);
	return add(named, &entry);
}

/* Is it, or a directory with drop-ins for it, in a place before this one, or listed here too? */
static bool is_seen(const struct root *real, size_t place, const char *unit, bool drop_ins)
{
	for (size_t i = 0; i < place; i++)
		if (may_have(real, unit_places[i], unit, "") ||
		    may_have(real, unit_places[i], unit, ".d"))
			return true;
	return drop_ins && may_have(real, unit_places[place], unit, "");
}

/* The unit that a file, or a directory with drop-ins, is of. Returns false for any other. */
static bool unit_of(const char *name, char unit[NAME_MAX + 1], bool *ret_drop_ins)
{
	size_t length = strlen(name);

	*ret_drop_ins = length > 2 && strcmp(name + length - 2, ".d") == 0;
	if (*ret_drop_ins)
		length -= 2;
	(void)snprintf(unit, NAME_MAX + 1, "%.*s", (int)length, name);
	return unit_is_mount(unit);
}

static int add_units(const struct root *real, size_t place, struct named *named)
{
	AUTO_CLOSEDIR DIR *dir = root_open_directory(real, unit_places[place]);
	const struct dirent *file;
	int r = 0;

	while (dir != NULL && r == 0 && (file = root_next_entry(dir, &r)) != NULL) {
		char unit[NAME_MAX + 1];
		bool drop_ins;

		if (unit_of(file->d_name, unit, &drop_ins) &&
		    !is_seen(real, place, unit, drop_ins))
			r = add_unit(real, unit, named);
	}
	return r;
}

int named_read(const struct root *root, const struct root *real, struct named *ret_named)
{
	*ret_named = (struct named){ 0 };
	int r = add_table(real, "etc/fstab", fstab_next, ret_named);

	if (r == 0)
		r = add_table(real, "etc/crypttab", crypttab_next, ret_named);
	if (r == 0)
		r = add_table(real, "etc/integritytab", crypttab_next, ret_named);
	if (r == 0)
		r = add_table(real, "etc/veritytab", veritytab_next, ret_named);
	if (r == 0)
		r = add_table(root, "proc/cmdline", cmdline_next_mount, ret_named);
	for (size_t i = 0; r == 0 && i < UNIT_PLACES; i++)
		r = add_units(real, i, ret_named);
	mount_entries_pull(ret_named->items, ret_named->count);
	return r;
}

void named_free(struct named *named)
{
	free(named->items);
	*named = (struct named){ 0 };
}
