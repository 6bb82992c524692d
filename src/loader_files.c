// SPDX-License-Identifier: GPL-2.0-or-later
/* The files of boot loaders: read and listed, for the files of the single loaders. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "arguments.h"
#include "loader_text.h"
#include "loader_ways.h"
#include "text.h"

enum {
	TEXT_MOST = 4 << 20,
	CMDLINE_MOST = 65536,
};

bool is_booted_ostree(const struct root *root)
{
	return root->is_host && root_has(root, "run/ostree-booted");
}

/* bootctl(1) looks at /efi, /boot and /boot/efi for the ESP; the longer name is looked at
 * before the directory that it is in. */
const char *const boot_partitions[] = { "efi", "boot/efi", "boot", NULL };

int read_text(const struct root *root, const char *path, char **ret_text)
{
	size_t length;
	int r = root_read(root, path, TEXT_MOST, ret_text, &length);

	if (r == -ENOENT || r == -ENOTDIR) {
		*ret_text = NULL;
		return 0;
	}
	return r;
}

bool text_has(const struct root *root, const char *path, const char *part)
{
	AUTO_FREE char *text = NULL;
	int r = read_text(root, path, &text);

	root_note_trouble(r);
	return r == 0 && text != NULL && strstr(text, part) != NULL;
}

static int compare_names(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name);
	size_t suffix_length = strlen(suffix);

	return name[0] != '.' && length > suffix_length &&
	       strcmp(name + length - suffix_length, suffix) == 0;
}

static int add_name(struct names *names, const char *dir, const char *name)
{
	struct text path = { 0 };
	char **slot = array_grow(&names->items, names->count, sizeof(*slot));

	if (slot == NULL)
		return -ENOMEM;
	text_add(&path, "%s/%s", dir, name);
	int r = text_take(&path, slot);
	if (r == 0)
		names->count++;
	return r;
}

int list_files(const struct root *root, const char *dir, const char *suffix,
	       struct names *names)
{
	int fd = root_open_inside(root, dir, O_RDONLY | O_DIRECTORY);
	const struct dirent *entry;
	int r = 0;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	AUTO_CLOSEDIR DIR *stream = fdopendir(fd);
	if (stream == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (r == 0 && (entry = root_next_entry(stream, &r)) != NULL)
		if (has_suffix(entry->d_name, suffix))
			r = add_name(names, dir, entry->d_name);
	if (names->count > 0)
		qsort(names->items, names->count, sizeof(*names->items), compare_names);
	return r;
}

void names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
	*names = (struct names){ 0 };
}

/* --- Boot Loader Specification ----------------------------------------------------------- */

/* What GRUB expands variables of entries with. */
struct grub_texts {
	char *grubenv;
	char *grub_cfg;
};

static int add_entry(const char *path, const char *text, const struct grub_texts *grub,
		     struct bls_entries *entries)
{
	AUTO_FREE char *kernel = NULL;
	struct bls_entry entry = { 0 };
	int r = bls_value(text, "linux", &kernel);

	if (r < 0 || *kernel == '\0')
		return r;
	struct bls_entry *slot = array_grow(&entries->items, entries->count, sizeof(*slot));
	entry.path = strdup(path);
	r = slot == NULL || entry.path == NULL ? -ENOMEM
					       : bls_value(text, "version", &entry.version);
	if (r == 0)
		r = bls_words(text, grub->grubenv, grub->grub_cfg, &entry.words);
	if (r < 0) {
		free(entry.path);
		free(entry.version);
		return r;
	}
	*slot = entry;
	entries->count++;
	return 0;
}

static int read_entries(const struct root *root, const struct names *names,
			const struct grub_texts *grub, struct bls_entries *entries)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < names->count; i++) {
		AUTO_FREE char *text = NULL;

		r = read_text(root, names->items[i], &text);
		if (r == 0 && text != NULL)
			r = add_entry(names->items[i], text, grub, entries);
	}
	return r;
}

int bls_read(const struct root *root, const char *dir, struct bls_entries *entries)
{
	struct grub_texts grub = { 0 };
	struct names names = { 0 };
	int r = list_files(root, dir, ".conf", &names);

	if (r == 0)
		r = read_text(root, "boot/grub2/grubenv", &grub.grubenv);
	if (r == 0)
		r = read_text(root, "boot/grub2/grub.cfg", &grub.grub_cfg);
	if (r == 0)
		r = read_entries(root, &names, &grub, entries);
	free(grub.grubenv);
	free(grub.grub_cfg);
	names_free(&names);
	return r;
}

void bls_free(struct bls_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		free(entries->items[i].path);
		free(entries->items[i].version);
		kargs_free(&entries->items[i].words);
	}
	free(entries->items);
	*entries = (struct bls_entries){ 0 };
}

int verify_words(const char *what, const struct kargs *have, const struct kargs *arguments,
		 struct sentences *problems)
{
	for (size_t i = 0; i < arguments->count; i++) {
		size_t partner = argument_partner(arguments, i);

		if (!words_satisfy_at(have, arguments, i))
			return sentences_add(problems, "%s: the argument %s%s%s is missing",
					     what, arguments->items[i], partner != i ? " " : "",
					     partner != i ? arguments->items[partner] : "");
	}
	return 0;
}

int bls_verify(const struct bls_entries *entries, const struct kargs *arguments,
	       struct sentences *problems)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < entries->count; i++)
		r = verify_words(entries->items[i].path, &entries->items[i].words, arguments,
				 problems);
	return r;
}

bool bls_are_as_wanted(const struct bls_entries *entries, const struct kargs *arguments,
		       const struct kargs *stale)
{
	for (size_t i = 0; i < entries->count; i++) {
		for (size_t j = 0; j < arguments->count; j++)
			if (!words_satisfy_at(&entries->items[i].words, arguments, j))
				return false;
		for (size_t j = 0; j < entries->items[i].words.count; j++)
			if (argument_is_in(stale, &entries->items[i].words, j))
				return false;
	}
	return true;
}

/* --- Several lines ----------------------------------------------------------------------- */

void view_free(struct view *view)
{
	kargs_free(&view->all);
	kargs_free(&view->common);
}

int line_raise(const struct kargs *words, size_t *length)
{
	AUTO_FREE char *line = NULL;
	int r = kargs_join(words, &line);

	if (r == 0 && strlen(line) > *length)
		*length = strlen(line);
	return r;
}

int view_add(struct view *view, const struct kargs *words, bool first)
{
	struct kargs kept = { 0 };
	int r = words_present(words, first ? words : &view->common, &kept);

	if (r < 0)
		return r;
	kargs_free(&view->common);
	view->common = kept;
	for (size_t i = 0; r == 0 && i < words->count; i++)
		r = kargs_add(&view->all, words->items[i]);
	return r;
}

/* --- PE files ---------------------------------------------------------------------------- */

static int read_at(int fd, char *data, size_t size, size_t offset, size_t *ret_length)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = pread(fd, data + length, size - length, (off_t)(offset + length));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	*ret_length = length;
	return 0;
}

int read_pe_cmdline(const struct root *root, const char *path, struct kargs *ret_words,
		    bool *ret_signed)
{
	AUTO_CLOSE int fd = root_open_inside(root, path, O_RDONLY);
	AUTO_FREE char *data = calloc(1, CMDLINE_MOST + 1);
	struct pe_section section;
	size_t length = 0;

	if (fd < 0)
		return fd;
	int r = data != NULL ? read_at(fd, data, PE_HEADERS_MOST, 0, &length) : -ENOMEM;
	if (r < 0)
		return r;
	*ret_signed = pe_is_signed(data, length);
	if (!pe_find_section(data, length, ".cmdline", &section) || section.size > CMDLINE_MOST)
		return -EBADMSG;
	r = read_at(fd, data, section.size, section.offset, &length);
	if (r < 0)
		return r;
	data[length] = '\0';
	return kargs_parse(data, ret_words);
}

/* --- States ------------------------------------------------------------------------------ */

int words_copy(const struct kargs *words, struct kargs *ret_copy)
{
	static const struct kargs none;

	return words_difference(words, &none, ret_copy);
}

int check_pages(const struct kargs *line, const struct loader_state *before,
		const struct kargs *ours)
{
	struct kargs others;
	int r = words_without(line, before, &others);

	if (r < 0)
		return r;
	r = words_pages_clash(&others, ours) ? -ENOTSUP : 0;
	kargs_free(&others);
	return r;
}

int words_stale(const struct kargs *line, const struct loader_state *before,
		const struct kargs *ours, struct kargs *ret_stale)
{
	struct kargs stale = { 0 };
	int r = words_difference(&before->ours, ours, &stale);

	/* Somebody wrote another list behind ours, or took one word of a pair away. */
	for (size_t i = 0; r == 0 && i < ours->count; i++)
		if (kargs_has(line, ours->items[i]) && !words_satisfy_at(line, ours, i))
			r = kargs_add(&stale, ours->items[i]);
	if (r < 0)
		kargs_free(&stale);
	else
		*ret_stale = stale;
	return r;
}

int words_difference(const struct kargs *before, const struct kargs *after,
		     struct kargs *ret_words)
{
	struct kargs words = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < before->count; i++) {
		if (argument_is_in(after, before, i))
			continue;
		/* hugepages= may rightly be there twice. */
		r = argument_partner(before, i) == i ? kargs_add(&words, before->items[i])
						     : kargs_append(&words, before->items[i]);
	}
	if (r < 0)
		kargs_free(&words);
	else
		*ret_words = words;
	return r;
}
