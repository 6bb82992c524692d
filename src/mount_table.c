// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads fstab, crypttab, mountinfo, swaps and mount units, a line at a time. */
#include "mount_table.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

enum { LINE_FIELDS = 16 };

#define UNREADABLE "?"

/* The fields of a line, where they begin and how long they are. */
struct line {
	const char *field[LINE_FIELDS];
	size_t length[LINE_FIELDS];
	size_t count;
};

/* The next line that is no comment. Further fields than LINE_FIELDS are left out. */
static bool next_line(const char **text, struct line *line)
{
	while (**text != '\0') {
		const char *c = *text;
		const char *end = c + strcspn(c, "\n");

		*text = *end == '\0' ? end : end + 1;
		line->count = 0;
		for (;;) {
			c += strspn(c, " \t\r");
			if (c >= end || line->count == LINE_FIELDS)
				break;
			size_t length = strcspn(c, " \t\r\n");
			line->field[line->count] = c;
			line->length[line->count++] = length;
			c += length;
		}
		if (line->count > 0 && line->field[0][0] != '#')
			return true;
	}
	return false;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Copies a field, \040 and the like as the byte they stand for (getmntent(3)). */
static void copy_unescaped(char *out, size_t size, const char *field, size_t length)
{
	size_t used = 0;

	for (size_t i = 0; i < length && used + 1 < size; used++) {
		if (field[i] == '\\' && i + 3 < length && is_octal(field[i + 1]) &&
		    is_octal(field[i + 2]) && is_octal(field[i + 3])) {
			out[used] = (char)((field[i + 1] - '0') * 64 +
					   (field[i + 2] - '0') * 8 + (field[i + 3] - '0'));
			i += 4;
		} else {
			out[used] = field[i++];
		}
	}
	out[used] = '\0';
	if (length >= size)
		(void)snprintf(out, size, UNREADABLE);
}

static void take(const struct line *line, size_t index, char *out, size_t size)
{
	if (index < line->count)
		copy_unescaped(out, size, line->field[index], line->length[index]);
	else
		out[0] = '\0';
}

/* Cuts the quotes of UUID="..." (mount(8) allows them). */
static void cut_quotes(char *source)
{
	char *to = source;

	for (const char *c = source; *c != '\0'; c++)
		if (*c != '"')
			*to++ = *c;
	*to = '\0';
}

/*
 * An option, commas between them: "nofail", or "logdev=" with any value. Returns the value, up
 * to the comma, or NULL where there is no such option.
 */
static const char *find_option(const char *options, size_t length, const char *name,
			       size_t *ret_length)
{
	size_t wanted = strlen(name);

	while (length > 0) {
		size_t end = 0;

		while (end < length && options[end] != ',')
			end++;
		if (end >= wanted && strncmp(options, name, wanted) == 0 &&
		    (end == wanted || name[wanted - 1] == '=')) {
			*ret_length = end - wanted;
			return options + wanted;
		}
		end += end < length;
		options += end;
		length -= end;
	}
	return NULL;
}

static bool has_option(const char *options, size_t length, const char *word)
{
	size_t unused;

	return find_option(options, length, word, &unused) != NULL;
}

/* Where the option stands last; NULL where there is none. */
static const char *last_option(const char *options, size_t length, const char *word)
{
	const char *end = options + length;
	const char *last = NULL;
	size_t unused;

	for (const char *at = options;
	     (at = find_option(at, (size_t)(end - at), word, &unused)) != NULL;)
		last = at;
	return last;
}

/* Of two options that take each other back the last counts (mount(8); systemd too). */
static bool says(const char *options, size_t length, const char *word, const char *opposite)
{
	const char *yes = last_option(options, length, word);
	const char *no = last_option(options, length, opposite);

	return yes != NULL && (no == NULL || yes > no);
}

/*
 * noauto alone keeps an entry out of the boot. systemd mounts it all the same at the first
 * access, or with another unit (systemd.mount(5); src/fstab-generator/fstab-generator.c:
 * parse_fstab(), also of the old spelling with comment=).
 */
static bool is_left_alone(const char *options, size_t length)
{
	static const char *const starts[] = {
		"x-systemd.automount",
		"comment=systemd.automount",
		"x-systemd.wanted-by=",
		"x-systemd.required-by=",
	};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (has_option(options, length, starts[i]))
			return false;
	return says(options, length, "noauto", "auto");
}

/* What stands for a block device: a tag or a path in /dev, but no source of random keys. */
static bool is_device(const char *text)
{
	static const char *const starts[] = { "UUID=",      "LABEL=", "PARTUUID=",
					      "PARTLABEL=", "ID=",    "/dev/" };
	static const char *const others[] = { "/dev/urandom", "/dev/random", "/dev/hwrng",
					      "/dev/zero",    "/dev/null",   "/dev/stdin" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(text, others[i]) == 0)
			return false;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(text, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

/*
 * The device that a header or a key of crypttab(5) is on: DEVICE itself, or "/path:DEVICE"
 * (systemd), or "DEVICE:/path" (Debian's keyscript passdev). For a file, its path. Else empty.
 */
static void take_location(const char *text, size_t length, char out[MOUNT_FIELD_SIZE])
{
	char place[MOUNT_FIELD_SIZE];
	const char *device = "";

	copy_unescaped(place, sizeof(place), text, length);
	char *colon = strrchr(place, ':');
	if (strcmp(place, UNREADABLE) == 0) {
		device = place;
	} else if (colon != NULL && is_device(colon + 1)) {
		device = colon + 1;
	} else if (is_device(place)) {
		colon = strstr(place, ":/");
		if (colon != NULL)
			*colon = '\0';
		device = place;
	} else if (place[0] == '/' && strncmp(place, "/dev/", 5) != 0) {
		device = place;
	}
	(void)snprintf(out, MOUNT_FIELD_SIZE, "%s", device);
}

/* An option that may be there several times: into the places from `place` on. */
static void read_required(struct mount_entry *entry, const char *options, size_t length,
			  const char *name, size_t *place)
{
	const char *end = options + length;
	size_t found;

	for (const char *at = options;
	     (at = find_option(at, (size_t)(end - at), name, &found)) != NULL; at += found) {
		/* More than there are places for: then nothing is known. */
		if (*place == MOUNT_OTHERS_MOST) {
			(void)snprintf(entry->others[*place - 1], MOUNT_FIELD_SIZE, UNREADABLE);
			return;
		}
		take_location(at, found, entry->others[*place]);
		*place += entry->others[*place][0] != '\0';
	}
}

/* xfs(5), ext4(5), crypttab(5), integritytab(5), systemd.mount(5). */
static void read_others(struct mount_entry *entry, const char *options, size_t length)
{
	static const struct {
		const char *name;
		size_t place;
	} others[] = { { "logdev=", 0 },
		       { "rtdev=", 1 },
		       { "journal_path=", 0 },
		       { "header=", 0 },
		       { "data-device=", 0 } };
	size_t place = 2;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		size_t found = 0;
		const char *value = find_option(options, length, others[i].name, &found);

		if (value != NULL)
			take_location(value, found, entry->others[others[i].place]);
	}
	read_required(entry, options, length, "x-systemd.requires=", &place);
	read_required(entry, options, length, "x-systemd.requires-mounts-for=", &place);
}

static void read_options(struct mount_entry *entry, const char *options, size_t length)
{
	entry->optional = says(options, length, "nofail", "fail");
	entry->not_at_boot = is_left_alone(options, length);
	entry->network = entry->network || has_option(options, length, "_netdev");
	read_others(entry, options, length);
}

static bool type_is_network(const char *type)
{
	static const char *const types[] = { "nfs",       "nfs4", "cifs",  "smb3",       "ceph",
					     "glusterfs", "afs",  "ncpfs", "fuse.sshfs", NULL };

	for (size_t i = 0; types[i] != NULL; i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

bool type_is_virtual(const char *type)
{
	static const char *const types[] = {
		"proc",      "sysfs",     "tmpfs",      "ramfs",       "devtmpfs", "devpts",
		"cgroup",    "cgroup2",   "securityfs", "debugfs",     "tracefs",  "configfs",
		"hugetlbfs", "mqueue",    "bpf",        "efivarfs",    "pstore",   "autofs",
		"overlay",   "rootfs",    "nsfs",       "binfmt_misc", "fusectl",  "rpc_pipefs",
		"none",      "selinuxfs", "squashfuse", NULL,
	};

	for (size_t i = 0; types[i] != NULL; i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

bool mount_has_no_device(const struct mount_entry *entry)
{
	const char *source = entry->source;

	if (type_is_virtual(entry->type) || strcmp(source, "/dev/null") == 0)
		return true;
	/* Mounted, with a device's number: its name may be anything. */
	if (entry->major != 0)
		return false;
	return strncmp(source, "/dev/", 5) != 0 && strcmp(source, UNREADABLE) != 0 &&
	       (source[0] == '/' || strchr(source, '=') == NULL);
}

bool fstab_next(const char **text, struct mount_entry *entry)
{
	struct line line;

	while (next_line(text, &line)) {
		if (line.count < 2)
			continue;
		*entry = (struct mount_entry){ 0 };
		take(&line, 0, entry->source, sizeof(entry->source));
		take(&line, 1, entry->target, sizeof(entry->target));
		take(&line, 2, entry->type, sizeof(entry->type));
		cut_quotes(entry->source);
		entry->network = type_is_network(entry->type);
		if (line.count > 3)
			read_options(entry, line.field[3], line.length[3]);
		if (strcmp(entry->type, "swap") == 0)
			(void)snprintf(entry->target, sizeof(entry->target), "swap");
		return true;
	}
	return false;
}

bool crypttab_next(const char **text, struct mount_entry *entry)
{
	struct line line;

	while (next_line(text, &line)) {
		if (line.count < 2)
			continue;
		*entry = (struct mount_entry){ .type = "crypt" };
		take(&line, 0, entry->target, sizeof(entry->target));
		take(&line, 1, entry->source, sizeof(entry->source));
		cut_quotes(entry->source);
		if (line.count > 2)
			take_location(line.field[2], line.length[2], entry->others[1]);
		if (line.count > 3)
			read_options(entry, line.field[3], line.length[3]);
		return true;
	}
	return false;
}

bool veritytab_next(const char **text, struct mount_entry *entry)
{
	struct line line;

	while (next_line(text, &line)) {
		if (line.count < 3)
			continue;
		*entry = (struct mount_entry){ .type = "crypt" };
		take(&line, 0, entry->target, sizeof(entry->target));
		take(&line, 1, entry->source, sizeof(entry->source));
		if (line.count > 4)
			read_options(entry, line.field[4], line.length[4]);
		take_location(line.field[2], line.length[2], entry->others[1]);
		return true;
	}
	return false;
}

static bool read_number(const char *field, size_t length, unsigned *ret_number)
{
	char digits[12];

	if (length >= sizeof(digits))
		return false;
	(void)snprintf(digits, sizeof(digits), "%.*s", (int)length, field);
	return parse_decimal(digits, 0, INT32_MAX, ret_number) == 0;
}

static bool read_device_number(const struct line *line, struct mount_entry *entry)
{
	size_t colon = 0;

	while (colon < line->length[2] && line->field[2][colon] != ':')
		colon++;
	return colon < line->length[2] && read_number(line->field[2], colon, &entry->major) &&
	       read_number(line->field[2] + colon + 1, line->length[2] - colon - 1,
			   &entry->minor);
}

/* 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue */
bool mountinfo_next(const char **text, struct mount_entry *entry)
{
	struct line line;

	while (next_line(text, &line)) {
		size_t dash = 6;

		*entry = (struct mount_entry){ 0 };
		while (dash < line.count &&
		       (line.length[dash] != 1 || line.field[dash][0] != '-'))
			dash++;
		if (dash + 2 >= line.count || !read_device_number(&line, entry))
			continue;
		take(&line, 4, entry->target, sizeof(entry->target));
		take(&line, dash + 1, entry->type, sizeof(entry->type));
		take(&line, dash + 2, entry->source, sizeof(entry->source));
		if (dash + 3 < line.count)
			read_others(entry, line.field[dash + 3], line.length[dash + 3]);
		entry->network = type_is_network(entry->type);
		return true;
	}
	return false;
}

bool swaps_next(const char **text, struct mount_entry *entry)
{
	struct line line;

	while (next_line(text, &line)) {
		if (line.count < 2 || line.length[1] != strlen("partition") ||
		    strncmp(line.field[1], "partition", line.length[1]) != 0)
			continue;
		*entry = (struct mount_entry){ .type = "swap", .target = "swap" };
		take(&line, 0, entry->source, sizeof(entry->source));
		return true;
	}
	return false;
}

/* KEY=VALUE; blanks may be at both ends and around the sign (systemd.syntax(7)). */
static bool read_key(const char *line, size_t length, const char *key, char *out, size_t size)
{
	static const char blanks[] = " \t\r";
	const char *end = line + length;
	size_t name = strlen(key);

	line += strspn(line, blanks);
	if (strncmp(line, key, name) != 0)
		return false;
	line += name + strspn(line + name, blanks);
	if (*line != '=')
		return false;
	line += 1 + strspn(line + 1, blanks);
	while (end > line && strchr(blanks, end[-1]) != NULL)
		end--;
	copy_unescaped(out, size, line, end > line ? (size_t)(end - line) : 0);
	return true;
}

bool mount_unit_parse(const char *text, struct mount_entry *entry)
{
	char options[MOUNT_FIELD_SIZE] = "";

	*entry = (struct mount_entry){ .target = "swap" };
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		if (read_key(text, length, "Options", options, sizeof(options)))
			read_options(entry, options, strlen(options));
		(void)(read_key(text, length, "What", entry->source, sizeof(entry->source)) ||
		       read_key(text, length, "Where", entry->target, sizeof(entry->target)) ||
		       read_key(text, length, "Type", entry->type, sizeof(entry->type)));
		text += length + (text[length] == '\n');
	}
	entry->network = entry->network || type_is_network(entry->type);
	/* Only fstab's entries are left alone so; a unit is started by what wants it. */
	entry->not_at_boot = false;
	return entry->source[0] != '\0';
}

/* The next part up to a colon, moving *text behind it. Returns its length. */
static size_t next_part(const char **text, const char **ret_part)
{
	size_t length = strcspn(*text, ":");

	*ret_part = *text;
	*text += length + ((*text)[length] == ':');
	return length;
}

bool mount_extra_parse(const char *value, bool swap, struct mount_entry *entry)
{
	const char *part;
	size_t length = next_part(&value, &part);

	*entry = (struct mount_entry){ .target = "swap", .type = "swap" };
	copy_unescaped(entry->source, sizeof(entry->source), part, length);
	if (!swap) {
		length = next_part(&value, &part);
		copy_unescaped(entry->target, sizeof(entry->target), part, length);
		length = next_part(&value, &part);
		copy_unescaped(entry->type, sizeof(entry->type), part, length);
	}
	entry->network = type_is_network(entry->type);
	length = next_part(&value, &part);
	read_options(entry, part, length);
	return entry->source[0] != '\0';
}

/* Is the path the mount point, or below it? Root is there anyway. */
static bool lies_in(const char *path, const char *target)
{
	size_t length = strlen(target);

	while (length > 1 && target[length - 1] == '/')
		length--;
	return target[0] == '/' && length > 1 && strncmp(path, target, length) == 0 &&
	       (path[length] == '\0' || path[length] == '/');
}

static bool names(const char *path, const struct mount_entry *entry)
{
	static const char directory[] = "/dev/mapper/";
	size_t length = sizeof(directory) - 1;

	if (strcmp(entry->type, "crypt") != 0)
		return lies_in(path, entry->target);
	return strncmp(path, directory, length) == 0 &&
	       strcmp(path + length, entry->target) == 0;
}

static bool needs(const struct mount_entry *entry, const struct mount_entry *other)
{
	for (size_t i = 0; i < MOUNT_OTHERS_MOST; i++)
		if (names(entry->others[i], other))
			return true;
	return names(entry->source, other) || names(entry->target, other);
}

static bool is_needed(const struct mount_entry *entries, size_t count,
		      const struct mount_entry *entry)
{
	for (size_t i = 0; i < count; i++)
		if (!entries[i].not_at_boot && needs(&entries[i], entry))
			return true;
	return false;
}

void mount_entries_pull(struct mount_entry *entries, size_t count)
{
	bool more = true;

	/* Each round takes one at least, or is the last. */
	while (more) {
		more = false;
		for (size_t i = 0; i < count; i++)
			if (entries[i].not_at_boot && is_needed(entries, count, &entries[i])) {
				entries[i].not_at_boot = false;
				more = true;
			}
	}
}

bool unit_is_mount(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && (strcmp(dot, ".mount") == 0 || strcmp(dot, ".swap") == 0);
}

bool unit_is_automount(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && strcmp(dot, ".automount") == 0;
}

bool unit_directory_is_of_target(const char *name)
{
	const char *ending = strstr(name, ".target.");

	return ending != NULL && (strcmp(ending, ".target.requires") == 0 ||
				  strcmp(ending, ".target.wants") == 0);
}
