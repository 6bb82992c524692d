// SPDX-License-Identifier: GPL-2.0-or-later
/* Images of bootc: a drop-in. Booted hosts of rpm-ostree: its own command. */
#include <errno.h>
#include <string.h>

#include "loader_text.h"
#include "loader_ways.h"
#include "text.h"

/* --- bootc ------------------------------------------------------------------------------- */

#define KARGS_D "usr/lib/bootc/kargs.d"
#define KARGS_D_FILE KARGS_D "/50-vfio-claim.toml"

/* What the other drop-ins of the image say. One that is not understood says nothing here. */
static int read_others(const struct root *root, struct kargs *words)
{
	struct names names = { 0 };
	int r = list_files(root, KARGS_D, ".toml", &names);

	for (size_t i = 0; r == 0 && i < names.count; i++) {
		AUTO_FREE char *text = NULL;

		if (strcmp(names.items[i], KARGS_D_FILE) == 0)
			continue;
		r = read_text(root, names.items[i], &text);
		if (r == 0 && text != NULL && bootc_read(text, words) == -ENOMEM)
			r = -ENOMEM;
	}
	names_free(&names);
	return r;
}

static int base_line_bootc(const struct root *root, const struct loader_state *before,
			   char **ret_line)
{
	struct kargs words = { 0 };
	int r = read_others(root, &words);

	(void)before;
	if (r == 0)
		r = kargs_join(&words, ret_line);
	kargs_free(&words);
	return r;
}

/* At an upgrade bootc compares the old image's words with the new one's, each by itself. */
static int check_pages_bootc(const struct root *root, const struct kargs *arguments)
{
	static const struct loader_state nothing;
	struct kargs words = { 0 };
	int r = read_others(root, &words);

	if (r == 0)
		r = check_pages(&words, &nothing, arguments);
	kargs_free(&words);
	return r;
}

static int prepare_bootc(const struct root *root, const struct kargs *arguments,
			 const struct loader_state *before, struct changes *changes,
			 struct command_lines *commands, struct loader_state *ret_after)
{
	AUTO_FREE char *text = NULL;
	int r = check_pages_bootc(root, arguments);

	(void)before;
	(void)commands;
	if (r == 0 && arguments->count > 0)
		r = bootc_render(arguments, &text);
	if (r == 0)
		r = changes_add(changes, root, KARGS_D_FILE, text);
	return r < 0 ? r : words_copy(arguments, &ret_after->ours);
}

static int revert_bootc(const struct root *root, const struct loader_state *before,
			struct changes *changes, struct command_lines *commands)
{
	(void)before;
	(void)commands;
	return changes_add(changes, root, KARGS_D_FILE, NULL);
}

static int verify_bootc(const struct root *root, const struct kargs *arguments,
			struct sentences *problems)
{
	AUTO_FREE char *text = NULL;
	struct kargs words = { 0 };
	int r = read_text(root, KARGS_D_FILE, &text);

	if (r == 0 && text != NULL)
		r = bootc_read(text, &words);
	if (r == -EBADMSG)
		r = sentences_add(problems, "%s is not as vfio-claim wrote it", KARGS_D_FILE);
	else if (r == 0)
		r = verify_words(KARGS_D_FILE, &words, arguments, problems);
	kargs_free(&words);
	return r;
}

const struct loader_way loader_bootc = {
	.base_line = base_line_bootc,
	.prepare = prepare_bootc,
	.revert = revert_bootc,
	.verify = verify_bootc,
};

/* --- rpm-ostree -------------------------------------------------------------------------- */

/*
 * A changed deployment is staged: its entry is written at shutdown, and until then its
 * arguments are in this file only (a GVariant, in which each string ends with a zero byte).
 */
#define STAGED "run/ostree/staged-deployment"

enum { STAGED_MOST = 1 << 20 };

/* Adds every string that there is between zero bytes, each as often as it is there; arguments
 * among much else. */
static int read_staged(const struct root *root, struct kargs *words, bool *ret_staged)
{
	AUTO_FREE char *data = NULL;
	size_t length = 0;
	int r = root_read(root, STAGED, STAGED_MOST, &data, &length);

	*ret_staged = r == 0;
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	for (size_t i = 0; r == 0 && i < length; i += strlen(data + i) + 1)
		if (data[i] != '\0')
			r = kargs_append(words, data + i);
	return r;
}

/* The entry that is booted next: ostree gives the first of its order the highest version. */
static int read_newest(const struct root *root, struct kargs *words)
{
	struct bls_entries entries = { 0 };
	const struct bls_entry *newest = NULL;
	int r = bls_read(root, "boot/loader/entries", &entries);

	for (size_t i = 0; r == 0 && i < entries.count; i++)
		if (newest == NULL || strverscmp(entries.items[i].version, newest->version) > 0)
			newest = &entries.items[i];
	for (size_t i = 0; r == 0 && newest != NULL && i < newest->words.count; i++)
		r = kargs_append(words, newest->words.items[i]);
	bls_free(&entries);
	return r;
}

/* The words that the next boot will have, as far as they can be told. */
static int read_next(const struct root *root, struct kargs *words)
{
	bool staged;
	int r = read_staged(root, words, &staged);

	return r < 0 || staged ? r : read_newest(root, words);
}

static int base_line_ostree(const struct root *root, const struct loader_state *before,
			    char **ret_line)
{
	struct kargs line = { 0 };
	struct kargs words = { 0 };
	int r = root->is_host ? read_newest(root, &line) : 0;

	if (r == 0)
		r = words_without(&line, before, &words);
	if (r == 0)
		r = kargs_join(&words, ret_line);
	kargs_free(&line);
	kargs_free(&words);
	return r;
}

/* Adds one option for each word. */
static int add_options(const char *name, const struct kargs *words, struct kargs *options)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < words->count; i++) {
		struct text text = { 0 };
		AUTO_FREE char *option = NULL;

		text_add(&text, "--%s=%s", name, words->items[i]);
		r = text_take(&text, &option);
		if (r == 0)
			r = kargs_add(options, option);
	}
	return r;
}

/* command_lines_add() with as many arguments as there are options. */
static int add_with_options(const char *program, const struct kargs *options,
			    struct command_lines *commands)
{
	int r = command_lines_add(commands, "kernel arguments (rpm-ostree)", program, "kargs",
				  (const char *)NULL);
	struct command_line *line = r == 0 ? &commands->items[commands->count - 1] : NULL;

	if (line == NULL)
		return r;
	char **argv = reallocarray(line->argv, options->count + 3, sizeof(*argv));
	if (argv == NULL)
		return -ENOMEM;
	line->argv = argv;
	for (size_t i = 0; i < options->count; i++) {
		argv[2 + i + 1] = NULL;
		argv[2 + i] = strdup(options->items[i]);
		if (argv[2 + i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static bool share_word(const struct kargs *a, const struct kargs *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (kargs_has(b, a->items[i]))
			return true;
	return false;
}

/*
 * One call, which makes one deployment, unless a word goes and comes: rpm-ostree looks for what
 * is missing in the arguments as they are before the call, and would only take that word away.
 */
static int add_kargs(const struct root *root, const struct kargs *added,
		     const struct kargs *removed, struct command_lines *commands)
{
	char program[COMMAND_PATH_SIZE];
	struct kargs deletions = { 0 };
	struct kargs rest = { 0 };
	int r = 0;

	/* In a tree there is no deployment that could be changed. */
	if (!root->is_host || !command_find(root, "rpm-ostree", program))
		return 0;
	if (share_word(added, removed)) {
		r = add_options("delete-if-present", removed, &deletions);
		if (r == 0)
			r = add_with_options(program, &deletions, commands);
	} else {
		r = add_options("delete-if-present", removed, &rest);
	}
	if (r == 0)
		r = add_options("append-if-missing", added, &rest);
	if (r == 0 && rest.count > 0)
		r = add_with_options(program, &rest, commands);
	kargs_free(&deletions);
	kargs_free(&rest);
	return r;
}

static int prepare_ostree(const struct root *root, const struct kargs *arguments,
			  const struct loader_state *before, struct changes *changes,
			  struct command_lines *commands, struct loader_state *ret_after)
{
	struct kargs line = { 0 };
	struct kargs stale = { 0 };
	struct kargs removed = { 0 };
	struct kargs left = { 0 };
	struct kargs added = { 0 };
	int r = root->is_host ? read_next(root, &line) : 0;

	(void)changes;
	if (r == 0)
		r = words_choose(&line, arguments, before, MERGE_LAST_ONLY, ret_after);
	if (r == 0)
		r = check_pages(&line, before, &ret_after->ours);
	if (r == 0)
		r = words_stale(&line, before, &ret_after->ours, &stale);
	if (r == 0)
		r = words_removable(&line, &stale, &removed);
	/* A longer list that goes has all that the shorter one needs, and takes it away. */
	if (r == 0)
		r = words_difference(&line, &removed, &left);
	if (r == 0)
		r = words_missing(&left, &ret_after->ours, &added);
	if (r == 0)
		r = add_kargs(root, &added, &removed, commands);
	kargs_free(&line);
	kargs_free(&stale);
	kargs_free(&removed);
	kargs_free(&left);
	kargs_free(&added);
	return r;
}

static int revert_ostree(const struct root *root, const struct loader_state *before,
			 struct changes *changes, struct command_lines *commands)
{
	static const struct kargs none;
	struct kargs line = { 0 };
	struct kargs removed = { 0 };
	int r = root->is_host ? read_next(root, &line) : 0;

	(void)changes;
	if (r == 0)
		r = words_removable(&line, &before->ours, &removed);
	if (r == 0)
		r = add_kargs(root, &none, &removed, commands);
	kargs_free(&line);
	kargs_free(&removed);
	return r;
}

static int verify_ostree(const struct root *root, const struct kargs *arguments,
			 struct sentences *problems)
{
	struct kargs line = { 0 };
	AUTO_FREE char *words = NULL;
	int r;

	if (!root->is_host) {
		r = kargs_join(arguments, &words);
		return r < 0 || *words == '\0'
			       ? r
			       : sentences_add(problems,
					       "rpm-ostree sets kernel arguments on the booted "
					       "host only: run vfio-claim apply there (for %s)",
					       words);
	}
	r = read_next(root, &line);
	if (r == 0)
		r = verify_words("the next deployment", &line, arguments, problems);
	kargs_free(&line);
	return r;
}

/* The deployment that is booted next. */
static int count_next(const struct root *root, size_t *ret_count)
{
	struct kargs line = { 0 };
	int r = root->is_host ? read_next(root, &line) : 0;

	if (r == 0)
		*ret_count = line.count > 0 ? 1 : 0;
	kargs_free(&line);
	return r;
}

const struct loader_way loader_rpm_ostree = {
	.base_line = base_line_ostree,
	.prepare = prepare_ostree,
	.revert = revert_ostree,
	.verify = verify_ostree,
	.entries = count_next,
};
