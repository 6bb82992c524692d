// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fedora and RHEL: grubby edits the entries of boot/loader/entries.
 *
 * Of grubby-bls (update_args(), update_bls_fragment()): --remove-args=KEY=VALUE removes just
 * that word; --args= first removes every word with the name of a word that it adds, then adds
 * all of its words, so that two of one name in one call stay. Entries that say $kernelopts get
 * their words in GRUB's environment block. Since 8.40-41 it writes GRUB_CMDLINE_LINUX into
 * /etc/default/grub too, unless it is told not to (8.40-43).
 */
#include <errno.h>
#include <string.h>

#include "arguments.h"
#include "loader_text.h"
#include "loader_ways.h"
#include "text.h"

#define ENTRIES "boot/loader/entries"
#define NO_ETC "--no-etc-grub-update"

bool has_grubby(const struct root *root)
{
	char path[COMMAND_PATH_SIZE];

	return command_find(root, "grubby", path) && root_has(root, ENTRIES);
}

/* All entries, and their words without ours. They are one line to us, since grubby treats them
 * alike. */
struct lines {
	struct bls_entries entries;
	struct view others;
};

static void lines_free(struct lines *lines)
{
	bls_free(&lines->entries);
	view_free(&lines->others);
}

static bool gives_any_back(const struct kargs *replaced, const char *word)
{
	for (size_t i = 0; i < replaced->count; i++)
		if (words_gives_back(word, replaced->items[i]))
			return true;
	return false;
}

/*
 * A word of others that has all that ours has was not in every entry, or ours would not have
 * been needed; which of them had it is not known any more, and words_without() gives it back to
 * each. It is left out of what they all have, so that ours stays ours.
 */
static int drop_given_back(const struct loader_state *before, struct kargs *common)
{
	struct kargs dropped = { 0 };
	int r = 0;

	for (size_t i = 0; i < before->ours.count; i++) {
		const char *our = before->ours.items[i];

		if (!gives_any_back(&before->replaced, our) || !words_satisfy(common, our))
			continue;
		for (size_t j = 0; r == 0 && j < common->count; j++)
			if (words_gives_back(our, common->items[j]))
				r = kargs_add(&dropped, common->items[j]);
	}
	kargs_remove(common, &dropped);
	kargs_free(&dropped);
	return r;
}

static int lines_read(const struct root *root, const struct loader_state *before,
		      struct lines *ret_lines)
{
	struct lines lines = { 0 };
	int r = bls_read(root, ENTRIES, &lines.entries);

	/* The newest first: the order of its words is taken. */
	for (size_t i = lines.entries.count; r == 0 && i > 0; i--) {
		struct kargs others;

		r = words_without(&lines.entries.items[i - 1].words, before, &others);
		if (r < 0)
			break;
		r = view_add(&lines.others, &others, i == lines.entries.count);
		kargs_free(&others);
	}
	if (r == 0)
		r = drop_given_back(before, &lines.others.common);
	if (r < 0)
		lines_free(&lines);
	else
		*ret_lines = lines;
	return r;
}

/* What stands in one entry alone is no argument of the others: it counts only where each has
 * it. A list of one of them is merged with ours by words_merge(). */
static int base_line(const struct root *root, const struct loader_state *before,
		     char **ret_line)
{
	struct lines lines;
	int r = lines_read(root, before, &lines);

	if (r < 0)
		return r;
	r = kargs_join(&lines.others.common, ret_line);
	lines_free(&lines);
	return r;
}

static bool any_same_name(const struct kargs *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++)
		if (words_same_name(words->items[i], word))
			return true;
	return false;
}

static bool knows_no_etc(const struct root *root)
{
	return text_has(root, "usr/libexec/grubby/grubby-bls", NO_ETC) ||
	       text_has(root, "usr/sbin/grubby", NO_ETC) ||
	       text_has(root, "usr/bin/grubby", NO_ETC);
}

/* "--NAME=WORD WORD"; "" without words. */
static int render_option(const char *name, const struct kargs *words, char **ret_option)
{
	struct text option = { 0 };
	AUTO_FREE char *line = NULL;
	int r = kargs_join(words, &line);

	if (r < 0)
		return r;
	if (words->count > 0)
		text_add(&option, "--%s=%s", name, line);
	return text_take(&option, ret_option);
}

static int add_grubby(const struct root *root, const struct kargs *removed,
		      const struct kargs *added, struct command_lines *commands)
{
	char program[COMMAND_PATH_SIZE];
	AUTO_FREE char *remove = NULL;
	AUTO_FREE char *add = NULL;
	const char *rest[4] = { NULL };
	size_t count = 0;
	int r = words_check_grubby(removed);

	if (r == 0)
		r = words_check_grubby(added);
	if (r == 0)
		r = render_option("remove-args", removed, &remove);
	if (r == 0)
		r = render_option("args", added, &add);
	if (r != 0 || !command_find(root, "grubby", program))
		return r;
	if (*remove != '\0')
		rest[count++] = remove;
	if (*add != '\0')
		rest[count++] = add;
	/* Not before the others: some versions do not know it there. */
	if (knows_no_etc(root))
		rest[count++] = NO_ETC;
	return command_lines_add(commands, "boot loader (grubby)", program,
				 "--update-kernel=ALL", rest[0], rest[1], rest[2],
				 (const char *)NULL);
}

/*
 * What --args= must say: the words themselves, and before them what it would take away with
 * them, that is, words of others of the same name.
 */
static int words_to_add(const struct kargs *others, const struct loader_state *after,
			struct kargs *ret_words)
{
	struct kargs words = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < others->count; i++)
		if (any_same_name(&after->ours, others->items[i]) &&
		    !kargs_has(&after->replaced, others->items[i]))
			r = kargs_add(&words, others->items[i]);
	for (size_t i = 0; r == 0 && i < after->ours.count; i++)
		r = kargs_add(&words, after->ours.items[i]);
	if (r < 0)
		kargs_free(&words);
	else
		*ret_words = words;
	return r;
}

/* The same for words of others that come back, with all that have their names. */
static int add_given_back(const struct kargs *others, const struct kargs *back,
			  const struct loader_state *after, struct kargs *words)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < others->count; i++)
		if (any_same_name(back, others->items[i]) &&
		    !kargs_has(&after->replaced, others->items[i]))
			r = kargs_add(words, others->items[i]);
	return r;
}

/* Which words of ours go and which of others come back. What is both stays as it is. */
static int find_leaving(const struct loader_state *before, const struct loader_state *after,
			struct kargs *stale, struct kargs *back)
{
	struct kargs ours = { 0 };
	struct kargs replaced = { 0 };
	int r = words_difference(&before->ours, &after->ours, &ours);

	if (r == 0)
		r = words_difference(&before->replaced, &after->replaced, &replaced);
	if (r == 0)
		r = words_difference(&ours, &replaced, stale);
	if (r == 0)
		r = words_difference(&replaced, &ours, back);
	kargs_free(&ours);
	kargs_free(&replaced);
	return r;
}

/*
 * -ENOTSUP where others say of huge pages what is to go with ours, of another size: which of two
 * equal words --remove-args= takes is not ours to say. What --args= says comes back whole.
 */
static int check_removed(const struct kargs *others, const struct kargs *removed,
			 const struct kargs *added)
{
	for (size_t i = 0; i < removed->count; i++)
		if (argument_is_pages(removed->items[i]) &&
		    kargs_has(others, removed->items[i]) &&
		    !kargs_has(added, removed->items[i]))
			return -ENOTSUP;
	return 0;
}

/* Adds the command that turns the entries from `before` to `after`, unless they are so. */
static int change_entries(const struct root *root, const struct lines *lines,
			  const struct loader_state *before, const struct loader_state *after,
			  struct command_lines *commands)
{
	struct kargs stale = { 0 };
	struct kargs back = { 0 };
	struct kargs added = { 0 };
	int r = find_leaving(before, after, &stale, &back);

	if (r == 0)
		r = words_to_add(&lines->others.all, after, &added);
	if (r == 0 && !bls_are_as_wanted(&lines->entries, &added, &stale)) {
		r = add_given_back(&lines->others.all, &back, after, &added);
		if (r == 0)
			r = check_removed(&lines->others.all, &stale, &added);
		if (r == 0)
			r = add_grubby(root, &stale, &added, commands);
	}
	kargs_free(&stale);
	kargs_free(&back);
	kargs_free(&added);
	return r;
}

/*
 * grubby takes away every word with a name of ours, and gets them all back, once, for each
 * entry: what others say of huge pages must be one thing in all entries that say anything.
 */
static int check_entries(const struct lines *lines, const struct loader_state *before,
			 const struct kargs *ours)
{
	static const struct kargs nothing;
	const struct kargs *all = &lines->others.all;
	int r = 0;

	if (words_same_pages(ours, &nothing))
		return 0;
	for (size_t i = 0; r == 0 && i < lines->entries.count; i++) {
		struct kargs others;

		r = words_without(&lines->entries.items[i].words, before, &others);
		if (r < 0)
			return r;
		if (!words_same_pages(&others, &nothing) && !words_same_pages(&others, all))
			r = -ENOTSUP;
		kargs_free(&others);
	}
	return r < 0 || !words_pages_clash(all, ours) ? r : -ENOTSUP;
}

/* What some entries have already all get, and those that had it keep it when ours go. */
static int keep_shared(const struct kargs *all, struct loader_state *after)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < all->count; i++)
		if (kargs_has(&after->ours, all->items[i]))
			r = kargs_add(&after->replaced, all->items[i]);
	return r;
}

static int prepare(const struct root *root, const struct kargs *arguments,
		   const struct loader_state *before, struct changes *changes,
		   struct command_lines *commands, struct loader_state *ret_after)
{
	struct kargs wanted = { 0 };
	struct lines lines;
	int r = lines_read(root, before, &lines);

	(void)changes;
	if (r < 0)
		return r;
	if (lines.entries.count > 0) {
		r = words_missing(&lines.others.common, arguments, &wanted);
		if (r == 0)
			r = words_merge(&lines.others.all, &wanted, MERGE_ALL, ret_after);
		if (r == 0)
			r = keep_shared(&lines.others.all, ret_after);
		if (r == 0)
			r = check_entries(&lines, before, &ret_after->ours);
		if (r == 0)
			r = change_entries(root, &lines, before, ret_after, commands);
	}
	kargs_free(&wanted);
	lines_free(&lines);
	return r;
}

/* Raises *length to that of an entry in which grubby did what --args= says. */
static int raise_to_entry(const struct kargs *entry, const struct loader_state *before,
			  const struct kargs *added, size_t *length)
{
	struct kargs others;
	struct kargs line = { 0 };
	int r = words_without(entry, before, &others);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < others.count; i++)
		if (!any_same_name(added, others.items[i]))
			r = kargs_append(&line, others.items[i]);
	for (size_t i = 0; r == 0 && i < added->count; i++)
		r = kargs_append(&line, added->items[i]);
	if (r == 0)
		r = line_raise(&line, length);
	kargs_free(&others);
	kargs_free(&line);
	return r;
}

static int longest_line(const struct root *root, const struct loader_state *before,
			const struct loader_state *after, size_t *ret_length)
{
	struct kargs added = { 0 };
	struct lines lines;
	int r = lines_read(root, before, &lines);

	if (r < 0)
		return r;
	r = words_to_add(&lines.others.all, after, &added);
	for (size_t i = 0; r == 0 && i < lines.entries.count; i++)
		r = raise_to_entry(&lines.entries.items[i].words, before, &added, ret_length);
	kargs_free(&added);
	lines_free(&lines);
	return r;
}

/* True when an entry is not what it would be without us. */
static int find_traces(const struct lines *lines, const struct loader_state *before,
		       struct kargs *ret_traces)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < lines->entries.count; i++) {
		const struct kargs *words = &lines->entries.items[i].words;
		struct kargs without;
		struct kargs traces = { 0 };

		r = words_without(words, before, &without);
		if (r < 0)
			return r;
		r = words_difference(words, &without, &traces);
		for (size_t j = 0; r == 0 && j < traces.count; j++)
			r = kargs_add(ret_traces, traces.items[j]);
		kargs_free(&traces);
		kargs_free(&without);
	}
	return r;
}

static int revert(const struct root *root, const struct loader_state *before,
		  struct changes *changes, struct command_lines *commands)
{
	static const struct loader_state nothing;
	struct kargs traces = { 0 };
	struct kargs reduced = { 0 };
	struct kargs added = { 0 };
	struct lines lines;
	int r = lines_read(root, before, &lines);

	(void)changes;
	if (r < 0)
		return r;
	r = find_traces(&lines, before, &traces);
	/* Of a list that was merged with ours, others' part is written anew. */
	for (size_t i = 0; r == 0 && i < traces.count; i++)
		if (gives_any_back(&before->replaced, traces.items[i]) ||
		    !kargs_has(&before->ours, traces.items[i]))
			r = kargs_add(&reduced, traces.items[i]);
	if (r == 0)
		r = add_given_back(&lines.others.all, &reduced, &nothing, &added);
	if (r == 0)
		r = check_removed(&lines.others.all, &traces, &added);
	if (r == 0 && traces.count > 0)
		r = add_grubby(root, &traces, &added, commands);
	kargs_free(&traces);
	kargs_free(&reduced);
	kargs_free(&added);
	lines_free(&lines);
	return r;
}

static int verify(const struct root *root, const struct kargs *arguments,
		  struct sentences *problems)
{
	struct bls_entries entries = { 0 };
	int r = bls_read(root, ENTRIES, &entries);

	if (r == 0 && entries.count == 0)
		r = sentences_add(problems,
				  "%s: there is no entry; run vfio-claim apply again "
				  "once a kernel is installed",
				  ENTRIES);
	if (r == 0)
		r = bls_verify(&entries, arguments, problems);
	bls_free(&entries);
	return r;
}

static int count_entries(const struct root *root, size_t *ret_count)
{
	struct bls_entries entries = { 0 };
	int r = bls_read(root, ENTRIES, &entries);

	if (r == 0)
		*ret_count = entries.count;
	bls_free(&entries);
	return r;
}

const struct loader_way loader_grubby = {
	.base_line = base_line,
	.prepare = prepare,
	.longest_line = longest_line,
	.revert = revert,
	.verify = verify,
	.entries = count_entries,
};
