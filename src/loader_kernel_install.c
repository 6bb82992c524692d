// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * systemd's kernel-install: /etc/kernel/cmdline, and the entries or images made from it.
 *
 * kernel-install reads /etc/kernel/cmdline, else /usr/lib/kernel/cmdline, else /proc/cmdline
 * without BOOT_IMAGE= and initrd= (systemd, src/kernel-install/90-loaderentry.install.in and
 * 60-ukify.install). The first of them that there is replaces the others, so a new
 * /etc/kernel/cmdline must have what the next one had, or root= would be lost. Of both files
 * comments are no words (cmdline_words()).
 */
#include <errno.h>
#include <string.h>

#include "kernel_install.h"
#include "loader_text.h"
#include "loader_ways.h"
#include "text.h"

#define CMDLINE "etc/kernel/cmdline"
#define VENDOR_CMDLINE "usr/lib/kernel/cmdline"

/* --- What there is ----------------------------------------------------------------------- */

bool has_entries(const struct root *root)
{
	for (size_t i = 0; boot_partitions[i] != NULL; i++) {
		char path[64];
		struct names names = { 0 };

		(void)snprintf(path, sizeof(path), "%s/loader/loader.conf", boot_partitions[i]);
		if (root_has(root, path))
			return true;
		(void)snprintf(path, sizeof(path), "%s/loader/entries", boot_partitions[i]);
		int r = list_files(root, path, ".conf", &names);
		bool found = r == 0 && names.count > 0;
		names_free(&names);
		if (found)
			return true;
	}
	return false;
}

static bool says_layout_uki(const struct root *root, const char *path)
{
	return text_has(root, path, "\nlayout=uki") || text_has(root, path, "\nlayout = uki");
}

/* A file may begin with the line, too. */
static bool begins_with_layout_uki(const struct root *root, const char *path)
{
	AUTO_FREE char *text = NULL;

	return read_text(root, path, &text) == 0 && text != NULL &&
	       (strncmp(text, "layout=uki", 10) == 0 || strncmp(text, "layout = uki", 12) == 0);
}

bool makes_ukis(const struct root *root)
{
	static const char *const directories[] = { "etc/kernel/install.conf.d",
						   "usr/lib/kernel/install.conf.d" };
	struct names names = { 0 };
	bool found = false;

	/* The first of the two files counts alone, the drop-ins on top of it. */
	const char *file = root_has(root, "etc/kernel/install.conf")
				   ? "etc/kernel/install.conf"
				   : "usr/lib/kernel/install.conf";
	found = says_layout_uki(root, file) || begins_with_layout_uki(root, file);
	for (size_t i = 0; i < 2 && !found; i++)
		if (list_files(root, directories[i], ".conf", &names) < 0)
			break;
	for (size_t i = 0; i < names.count && !found; i++)
		found = says_layout_uki(root, names.items[i]) ||
			begins_with_layout_uki(root, names.items[i]);
	names_free(&names);
	return found;
}

/* --- The line without ours --------------------------------------------------------------- */

/* True for a word that kernel-install does not take over; or a #, which would make a comment of
 * the whole line if it came to be its first word. */
static bool is_left_out(const char *word)
{
	return strncmp(word, "BOOT_IMAGE=", 11) == 0 || strncmp(word, "initrd=", 7) == 0 ||
	       *word == '#';
}

/* The words of /proc/cmdline that kernel-install takes over. */
static int read_proc_cmdline(const struct root *root, char **ret_line)
{
	AUTO_FREE char *text = NULL;
	struct kargs words;
	struct text line = { 0 };
	int r = read_text(root, "proc/cmdline", &text);

	if (r < 0)
		return r;
	r = kargs_parse(text != NULL ? text : "", &words);
	if (r < 0)
		return r;
	for (size_t i = 0; i < words.count; i++)
		if (!is_left_out(words.items[i]))
			text_add(&line, "%s%s", line.length > 0 ? " " : "", words.items[i]);
	kargs_free(&words);
	return text_take(&line, ret_line);
}

/*
 * What a new /etc/kernel/cmdline starts from, on one line; NULL: nothing that is known, as in a
 * tree, where /proc is the builder's.
 */
static int read_source(const struct root *root, char **ret_line)
{
	AUTO_FREE char *text = NULL;
	struct kargs words;
	int r = read_text(root, VENDOR_CMDLINE, &text);

	*ret_line = NULL;
	if (r == 0 && text == NULL && root->is_host)
		r = read_proc_cmdline(root, &text);
	if (r < 0 || text == NULL)
		return r;
	r = cmdline_words(text, &words);
	if (r < 0)
		return r;
	r = kargs_join(&words, ret_line);
	kargs_free(&words);
	return r;
}

/* "(created) WORDS": what we made the file from, for revert to know it by. */
static const char *find_created(const struct loader_state *state)
{
	for (size_t i = 0; i < state->replaced.count; i++)
		if (strncmp(state->replaced.items[i], LOADER_CREATED, strlen(LOADER_CREATED)) ==
		    0)
			return state->replaced.items[i];
	return NULL;
}

static const char *created_words(const char *created)
{
	created += strlen(LOADER_CREATED);
	return *created == ' ' ? created + 1 : created;
}

/*
 * What a new file starts from. One that we made before may be gone since, as after an apply that
 * failed, and the kernel that runs may have our words already: what it was made from has not.
 */
static int read_start(const struct root *root, const struct loader_state *before,
		      char **ret_line)
{
	const char *created = find_created(before);

	if (created == NULL || root_has(root, VENDOR_CMDLINE))
		return read_source(root, ret_line);
	*ret_line = strdup(created_words(created));
	return *ret_line != NULL ? 0 : -ENOMEM;
}

static int base_line(const struct root *root, const struct loader_state *before,
		     char **ret_line)
{
	AUTO_FREE char *text = NULL;
	struct kargs line = { 0 };
	struct kargs words = { 0 };
	int r = read_text(root, CMDLINE, &text);

	if (r == 0 && text == NULL)
		r = read_start(root, before, &text);
	if (r == 0)
		r = cmdline_words(text != NULL ? text : "", &line);
	if (r == 0)
		r = words_without(&line, before, &words);
	if (r == 0)
		r = kargs_join(&words, ret_line);
	kargs_free(&line);
	kargs_free(&words);
	return r;
}

/* --- Entries and images ------------------------------------------------------------------ */

/* Once for each kernel; an entry without a kernel of ours is left as it is. */
static int add_entry(const struct root *root, const char *version, struct kargs *done,
		     struct command_lines *commands)
{
	struct text title = { 0 };
	AUTO_FREE char *string = NULL;

	if (kargs_has(done, version))
		return 0;
	text_add(&title, "boot entry of %s", version);
	int r = text_take(&title, &string);
	if (r == 0)
		r = kernel_install_add(root, version, string, commands);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : kargs_add(done, version);
}

/* Reads all entries that kernel-install makes; those of boot/ are grubby's where it is. */
static int read_all_entries(const struct root *root, struct bls_entries *entries)
{
	int r = 0;

	for (size_t i = 0; r == 0 && boot_partitions[i] != NULL; i++) {
		char path[64];

		if (strcmp(boot_partitions[i], "boot") == 0 && has_grubby(root))
			continue;
		(void)snprintf(path, sizeof(path), "%s/loader/entries", boot_partitions[i]);
		r = bls_read(root, path, entries);
	}
	return r;
}

/*
 * The length of a name without the counters at its end, +LEFT or +LEFT-DONE: what systemd-boot
 * keeps in the names of entries and images that have not proven themselves (the Boot Loader
 * Specification, "Boot counting"; 90-uki-copy.install with /etc/kernel/tries).
 */
static size_t without_counters(const char *name, size_t length)
{
	size_t plus = length;

	while (plus > 0 && strchr("-0123456789", name[plus - 1]) != NULL)
		plus--;
	return plus > 0 && name[plus - 1] == '+' ? plus - 1 : length;
}

/* The version at the end of TOKEN-VERSION. A token may have dashes as a version may, so what is
 * a version is what there is a kernel of. Owned by the caller; NULL: none. */
static char *version_of(const struct root *root, const char *name, size_t length)
{
	char kernel[KERNEL_FILE_SIZE];

	for (size_t i = 0; i < length; i++) {
		if (name[i] != '-')
			continue;
		char *version = strndup(name + i + 1, length - i - 1);
		if (version == NULL || kernel_file_find(root, version, kernel))
			return version;
		free(version);
	}
	return NULL;
}

/* The kernel that an image is of: DIR/TOKEN-VERSION.efi, perhaps with counters (a + of the
 * version itself is none: 6.12.43+deb13-amd64). Owned by the caller; NULL: none. */
static char *image_version(const struct root *root, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	size_t length = strlen(name) - strlen(".efi");
	size_t counted = without_counters(name, length);
	char *version = version_of(root, name, length);

	return version == NULL && counted < length ? version_of(root, name, counted) : version;
}

/* Takes over `path` on success. */
static int add_image(const struct root *root, char *path, struct bls_entries *entries)
{
	struct bls_entry *slot = array_grow(&entries->items, entries->count, sizeof(*slot));
	struct bls_entry entry = { .path = path, .version = image_version(root, path) };
	bool is_signed;

	if (entry.version == NULL)
		return slot == NULL ? -ENOMEM : -ENOENT;
	int r = slot == NULL ? -ENOMEM : read_pe_cmdline(root, path, &entry.words, &is_signed);
	if (r < 0) {
		free(entry.version);
		return r;
	}
	*slot = entry;
	entries->count++;
	return 0;
}

/* Every file that is named like an image. */
static int list_images(const struct root *root, struct names *names)
{
	int r = 0;

	for (size_t i = 0; r == 0 && boot_partitions[i] != NULL; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "%s/EFI/Linux", boot_partitions[i]);
		r = list_files(root, path, ".efi", names);
	}
	return r;
}

bool find_uki(const struct root *root, const char *kernel, char path[256])
{
	struct names names = { 0 };
	bool found = false;

	if (list_images(root, &names) == 0)
		for (size_t i = 0; i < names.count && !found; i++) {
			AUTO_FREE char *version = image_version(root, names.items[i]);

			found = version != NULL && strcmp(version, kernel) == 0 &&
				snprintf(path, 256, "%s", names.items[i]) < 256;
		}
	names_free(&names);
	return found;
}

/* Adds the images that kernel-install made, as if they were entries. Images that have no
 * command line, or no kernel here, are somebody else's. */
static int read_images(const struct root *root, struct bls_entries *entries)
{
	struct names names = { 0 };
	int r = list_images(root, &names);

	for (size_t i = 0; r == 0 && i < names.count; i++) {
		r = add_image(root, names.items[i], entries);
		if (r == 0)
			names.items[i] = NULL;
		else if (r != -ENOMEM)
			r = 0;
	}
	names_free(&names);
	return r;
}

static int read_made(const struct root *root, struct bls_entries *entries)
{
	int r = read_all_entries(root, entries);

	return r == 0 && makes_ukis(root) ? read_images(root, entries) : r;
}

/* Adds a command for each kernel with an entry that is not as wanted. */
static int remake_entries(const struct root *root, const struct kargs *arguments,
			  const struct kargs *stale, struct command_lines *commands)
{
	struct bls_entries entries = { 0 };
	struct kargs done = { 0 };
	int r = read_made(root, &entries);

	for (size_t i = 0; r == 0 && i < entries.count; i++) {
		struct bls_entries one = { .items = &entries.items[i], .count = 1 };

		if (!bls_are_as_wanted(&one, arguments, stale))
			r = add_entry(root, entries.items[i].version, &done, commands);
	}
	kargs_free(&done);
	bls_free(&entries);
	return r;
}

/* --- The file ---------------------------------------------------------------------------- */

static int add_created(const char *line, struct loader_state *state)
{
	struct text text = { 0 };
	AUTO_FREE char *word = NULL;

	text_add(&text, "%s %s", LOADER_CREATED, line);
	int r = text_take(&text, &word);
	return r < 0 ? r : kargs_add(&state->replaced, word);
}

static int find_stale(const struct kargs *line, const struct loader_state *before,
		      const struct loader_state *after, struct loader_state *ret_stale)
{
	int r = words_stale(line, before, &after->ours, &ret_stale->ours);

	return r < 0 ? r : words_copy(&before->replaced, &ret_stale->replaced);
}

/* Adds those words to the text that it has not. */
static int add_missing(const char *text, const struct kargs *words, char **ret_text)
{
	static const struct loader_state nothing;
	struct kargs line = { 0 };
	struct kargs added = { 0 };
	int r = cmdline_words(text, &line);

	if (r == 0)
		r = words_missing(&line, words, &added);
	if (r == 0)
		r = cmdline_edit(text, &nothing, &added, ret_text);
	kargs_free(&line);
	kargs_free(&added);
	return r;
}

/* Works out the new text and which of the arguments are ours. */
static int edit(const char *text, const struct kargs *arguments,
		const struct loader_state *before, enum merge merge, struct loader_state *after,
		char **ret_text)
{
	static const struct kargs none;
	AUTO_FREE char *left = NULL;
	struct kargs line = { 0 };
	struct loader_state stale = { 0 };
	int r = cmdline_words(text, &line);

	if (r == 0)
		r = words_choose(&line, arguments, before, merge, after);
	if (r == 0)
		r = check_pages(&line, before, &after->ours);
	if (r == 0)
		r = find_stale(&line, before, after, &stale);
	/* First the old words: a longer list has all that the shorter one needs, until it goes. */
	if (r == 0)
		r = cmdline_edit(text, &stale, &none, &left);
	if (r == 0)
		r = add_missing(left, &after->ours, ret_text);
	kargs_free(&line);
	loader_state_free(&stale);
	return r;
}

/* The file's text, or the one that it is made from. NULL: neither. */
static int read_file(const struct root *root, const struct changes *changes,
		     const struct loader_state *before, struct loader_state *after,
		     char **ret_text)
{
	AUTO_FREE char *source = NULL;
	struct text text = { 0 };
	const char *created = find_created(before);
	int r = changes_read(changes, root, CMDLINE, ret_text);

	if (r < 0)
		return r;
	if (*ret_text != NULL)
		return created != NULL ? kargs_add(&after->replaced, created) : 0;
	r = read_start(root, before, &source);
	if (r < 0 || source == NULL)
		return r;
	r = add_created(source, after);
	if (r < 0)
		return r;
	text_add(&text, "%s\n", source);
	return text_take(&text, ret_text);
}

/* Writes the file and says in `after` what of it is ours. */
static int prepare_file(const struct root *root, const struct kargs *arguments,
			const struct loader_state *before, const char *old,
			const struct kargs *created, struct changes *changes,
			struct loader_state *after)
{
	AUTO_FREE char *new = NULL;
	/* grubby edits the file, too, and keeps one word for a key: theirs goes for ours then. */
	enum merge merge = has_grubby(root) ? MERGE_SHARED : MERGE_LAST_ONLY;
	int r = edit(old, arguments, before, merge, after, &new);

	/* Nothing to say: no reason to make a file, but to keep /proc/cmdline out of entries that
	 * lose ours. */
	bool needed = after->ours.count > 0 || root_has(root, CMDLINE) ||
		      (before->ours.count > 0 && !root_has(root, VENDOR_CMDLINE));
	if (r < 0 || !needed)
		return r;
	for (size_t i = 0; r == 0 && i < created->count; i++)
		r = kargs_add(&after->replaced, created->items[i]);
	return r < 0 ? r : changes_add(changes, root, CMDLINE, new);
}

static int prepare(const struct root *root, const struct kargs *arguments,
		   const struct loader_state *before, struct changes *changes,
		   struct command_lines *commands, struct loader_state *ret_after)
{
	struct loader_state created = { 0 };
	struct kargs stale = { 0 };
	AUTO_FREE char *old = NULL;
	int r = read_file(root, changes, before, &created, &old);

	if (r == 0 && old != NULL) {
		r = prepare_file(root, arguments, before, old, &created.replaced, changes,
				 ret_after);
		if (r == 0)
			r = words_difference(&before->ours, &ret_after->ours, &stale);
		if (r == 0)
			r = remake_entries(root, arguments, &stale, commands);
	}
	loader_state_free(&created);
	kargs_free(&stale);
	return r;
}

/* True when the text has just the words that the file was made from. */
static int is_as_created(const char *text, const char *created, bool *ret_is)
{
	AUTO_FREE char *line = NULL;
	struct kargs words;
	int r = cmdline_words(text, &words);

	if (r < 0)
		return r;
	r = kargs_join(&words, &line);
	kargs_free(&words);
	if (r == 0)
		*ret_is = strcmp(created_words(created), line) == 0;
	return r;
}

/*
 * Takes a file away that we made. Where entries are made anew this waits until they are:
 * without the file kernel-install would take our arguments from /proc/cmdline.
 */
static int remove_created(const struct root *root, const char *text, bool later,
			  struct changes *changes, struct command_lines *commands)
{
	char program[COMMAND_PATH_SIZE];

	if (!later || !command_find(root, "rm", program))
		return changes_add(changes, root, CMDLINE, NULL);
	int r = changes_add(changes, root, CMDLINE, text);
	return r < 0 ? r
		     : command_lines_add(commands, "removal of /" CMDLINE, program, "-f",
					 "/" CMDLINE, (const char *)NULL);
}

/*
 * The file's text; and where we made it and it is gone already, as after an apply that failed,
 * what it was made from, for the entries that are made anew: kernel-install would take our
 * arguments from /proc/cmdline. NULL: no text is needed.
 */
static int read_made_file(const struct root *root, const struct loader_state *before,
			  bool remade, const struct changes *changes, char **ret_text)
{
	AUTO_FREE char *line = NULL;
	struct text text = { 0 };
	int r = changes_read(changes, root, CMDLINE, ret_text);

	if (r < 0 || *ret_text != NULL || !remade || find_created(before) == NULL ||
	    root_has(root, VENDOR_CMDLINE))
		return r;
	r = read_start(root, before, &line);
	if (r < 0)
		return r;
	text_add(&text, "%s\n", line);
	return text_take(&text, ret_text);
}

static int revert(const struct root *root, const struct loader_state *before,
		  struct changes *changes, struct command_lines *commands)
{
	static const struct kargs none;
	AUTO_FREE char *old = NULL;
	AUTO_FREE char *new = NULL;
	const char *created = find_created(before);
	size_t count = commands->count;
	bool removed = false;
	int r = remake_entries(root, &none, &before->ours, commands);

	if (r == 0)
		r = read_made_file(root, before, commands->count != count, changes, &old);
	if (r < 0 || old == NULL)
		return r;
	r = cmdline_edit(old, before, &none, &new);
	if (r == 0 && created != NULL)
		r = is_as_created(new, created, &removed);
	if (r < 0)
		return r;
	return removed ? remove_created(root, new, commands->count != count, changes, commands)
		       : changes_add(changes, root, CMDLINE, new);
}

/* What kernel-install reads: where it has all that is wanted, prepare() made no file of ours. */
static int verify_file(const struct root *root, const struct kargs *arguments,
		       struct sentences *problems)
{
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *source = NULL;
	struct kargs words = { 0 };
	int r = read_text(root, CMDLINE, &text);

	if (r == 0 && text == NULL) {
		r = read_source(root, &source);
		if (r == 0 && source == NULL)
			return sentences_add(problems,
					     "%s: there is none, and nothing to make it from: "
					     "write it with root= and what else this system "
					     "needs, then run vfio-claim apply again",
					     CMDLINE);
	}
	if (r == 0)
		r = cmdline_words(text != NULL ? text : source, &words);
	if (r == 0)
		r = verify_words(CMDLINE, &words, arguments, problems);
	kargs_free(&words);
	return r;
}

static int verify(const struct root *root, const struct kargs *arguments,
		  struct sentences *problems)
{
	struct bls_entries entries = { 0 };
	int r = verify_file(root, arguments, problems);

	if (r == 0)
		r = read_made(root, &entries);
	if (r == 0)
		r = bls_verify(&entries, arguments, problems);
	bls_free(&entries);
	return r;
}

static int count_entries(const struct root *root, size_t *ret_count)
{
	struct bls_entries entries = { 0 };
	int r = read_made(root, &entries);

	if (r == 0)
		*ret_count = entries.count;
	bls_free(&entries);
	return r;
}

const struct loader_way loader_kernel_install = {
	.base_line = base_line,
	.prepare = prepare,
	.revert = revert,
	.verify = verify,
	.entries = count_entries,
};
