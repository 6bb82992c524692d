// SPDX-License-Identifier: GPL-2.0-or-later
/* GRUB with a grub.cfg that grub-mkconfig makes: a drop-in, or a line in /etc/default/grub. */
#include <errno.h>
#include <string.h>

#include "cmdline.h"
#include "loader_text.h"
#include "loader_ways.h"
#include "text.h"

#define GRUB_D "etc/default/grub.d"
#define GRUB_D_FILE GRUB_D "/90-vfio-claim.cfg"
#define GRUB_DEFAULT "etc/default/grub"

/* The script that makes entries; only some of them have arguments for recovery alone. */
#define LINUX_SCRIPT "etc/grub.d/10_linux"

/* --- What there is ----------------------------------------------------------------------- */

/* grub-mkconfig under either name; `ret_two`: it is grub2-mkconfig. */
static bool find_mkconfig(const struct root *root, char path[COMMAND_PATH_SIZE], bool *ret_two)
{
	*ret_two = !command_find(root, "grub-mkconfig", path);
	return !*ret_two || command_find(root, "grub2-mkconfig", path);
}

bool has_grub_mkconfig(const struct root *root)
{
	char path[COMMAND_PATH_SIZE];
	bool two;

	return find_mkconfig(root, path, &two);
}

bool reads_grub_d(const struct root *root)
{
	char path[COMMAND_PATH_SIZE];
	bool two;

	return find_mkconfig(root, path, &two) && text_has(root, path, "default/grub.d");
}

/* The grub.cfg that is in use, or where it will be; NULL: GRUB is not set up in this target. */
static const char *find_grub_cfg(const struct root *root, bool two)
{
	static const char *const files[] = { "boot/grub/grub.cfg", "boot/grub2/grub.cfg" };
	static const char *const directories[] = { "boot/grub", "boot/grub2" };

	for (unsigned i = 0; i < 2; i++)
		if (root_has(root, files[two ? 1 - i : i]))
			return files[two ? 1 - i : i];
	for (unsigned i = 0; i < 2; i++)
		if (root_has(root, directories[two ? 1 - i : i]))
			return files[two ? 1 - i : i];
	return NULL;
}

/* --- The arguments without ours ---------------------------------------------------------- */

static int read_variables(const struct root *root, const char *path,
			  struct grub_default *variables)
{
	AUTO_FREE char *text = NULL;
	int r = read_text(root, path, &text);

	return r < 0 || text == NULL ? r : grub_default_read(text, variables);
}

static int read_drop_ins(const struct root *root, struct grub_default *variables)
{
	struct names names = { 0 };
	int r = list_files(root, GRUB_D, ".cfg", &names);

	for (size_t i = 0; r == 0 && i < names.count; i++)
		if (strcmp(names.items[i], GRUB_D_FILE) != 0)
			r = read_variables(root, names.items[i], variables);
	names_free(&names);
	return r;
}

static int base_line(const struct root *root, bool drop_ins, char **ret_line)
{
	struct grub_default variables = { 0 };
	struct text line = { 0 };
	int r = read_variables(root, GRUB_DEFAULT, &variables);

	if (r == 0 && drop_ins)
		r = read_drop_ins(root, &variables);
	/* What only a shell understands is not known here: then the line is empty. */
	if (r == 0 && !variables.unclear && variables.linux_args != NULL)
		text_add(&line, "%s", variables.linux_args);
	if (r == 0 && !variables.unclear && variables.default_args != NULL)
		text_add(&line, "%s%s", line.length > 0 ? " " : "", variables.default_args);
	grub_default_free(&variables);
	return r < 0 ? r : text_take(&line, ret_line);
}

static int base_line_grub_d(const struct root *root, const struct loader_state *before,
			    char **ret_line)
{
	(void)before;
	return base_line(root, true, ret_line);
}

static int base_line_default(const struct root *root, const struct loader_state *before,
			     char **ret_line)
{
	(void)before;
	return base_line(root, false, ret_line);
}

/* --- grub.cfg ---------------------------------------------------------------------------- */

static int entry_words(const struct grub_entry *entry, struct kargs *ret_words)
{
	AUTO_FREE char *line = strndup(entry->line, entry->line_length);

	return line != NULL ? kargs_parse(line, ret_words) : -ENOMEM;
}

/* A recovery entry must switch the boot helper off, in whichever way the helper knows. */
static int verify_recovery(const char *name, const char *line, struct sentences *problems)
{
	struct cmdline cmdline;
	int r = cmdline_parse(line, &cmdline);

	if (r < 0)
		return r;
	if (!cmdline.disabled)
		r = sentences_add(problems, "%s: the recovery entry has no rd.vfio-claim=0",
				  name);
	cmdline_free(&cmdline);
	return r;
}

static int verify_entry(const char *path, const struct grub_entry *entry,
			const struct kargs *arguments, struct sentences *problems)
{
	AUTO_FREE char *line = strndup(entry->line, entry->line_length);
	struct text what = { 0 };
	AUTO_FREE char *name = NULL;
	struct kargs words = { 0 };

	if (line == NULL)
		return -ENOMEM;
	text_add(&what, "%s, %.*s", path, (int)entry->title_length, entry->title);
	int r = text_take(&what, &name);
	if (r == 0 && entry->recovery)
		return verify_recovery(name, line, problems);
	if (r == 0)
		r = kargs_parse(line, &words);
	if (r == 0)
		r = verify_words(name, &words, arguments, problems);
	kargs_free(&words);
	return r;
}

/* Adds a sentence for each entry that is not as wanted. */
static int verify_grub_cfg(const struct root *root, const struct kargs *arguments,
			   bool recovery_too, struct sentences *problems)
{
	char program[COMMAND_PATH_SIZE];
	AUTO_FREE char *text = NULL;
	bool two;
	const char *path = find_mkconfig(root, program, &two) ? find_grub_cfg(root, two) : NULL;
	int r = path != NULL ? read_text(root, path, &text) : 0;

	if (r < 0 || text == NULL || arguments->count == 0)
		return r;
	for (struct grub_cfg cfg = { .next = text }; r == 0 && grub_cfg_next(&cfg);)
		if (recovery_too || !cfg.entry.recovery)
			r = verify_entry(path, &cfg.entry, arguments, problems);
	return r;
}

static int count_entries(const struct root *root, size_t *ret_count)
{
	char program[COMMAND_PATH_SIZE];
	AUTO_FREE char *text = NULL;
	size_t count = 0;
	bool two;
	const char *path = find_mkconfig(root, program, &two) ? find_grub_cfg(root, two) : NULL;
	int r = path != NULL ? read_text(root, path, &text) : 0;

	if (r < 0)
		return r;
	for (struct grub_cfg cfg = { .next = text }; text != NULL && grub_cfg_next(&cfg);)
		count += cfg.entry.recovery ? 0 : 1;
	*ret_count = count;
	return 0;
}

/* True in *ret_has when an entry has any of the words. */
static int has_any(const struct root *root, const struct kargs *words, bool *ret_has)
{
	char program[COMMAND_PATH_SIZE];
	AUTO_FREE char *text = NULL;
	bool two;
	const char *path = find_mkconfig(root, program, &two) ? find_grub_cfg(root, two) : NULL;
	int r = path != NULL ? read_text(root, path, &text) : 0;

	*ret_has = false;
	if (r < 0 || text == NULL)
		return r;
	for (struct grub_cfg cfg = { .next = text }; r == 0 && grub_cfg_next(&cfg);) {
		struct kargs entry;

		r = entry_words(&cfg.entry, &entry);
		if (r < 0)
			return r;
		for (size_t i = 0; i < words->count; i++)
			*ret_has = *ret_has || kargs_has(&entry, words->items[i]);
		kargs_free(&entry);
	}
	return r;
}

/*
 * True in *ret_needs when a run of grub-mkconfig would better the entries that there are: one
 * lacks an argument, or has one that is no longer wanted. A recovery entry without ours counts
 * only where grub-mkconfig can give it one.
 */
static int needs_mkconfig(const struct root *root, const struct kargs *arguments,
			  const struct loader_state *before, bool *ret_needs)
{
	struct sentences problems = { 0 };
	struct kargs stale = { 0 };
	bool has_stale = false;
	bool recovery = text_has(root, LINUX_SCRIPT, "GRUB_CMDLINE_LINUX_RECOVERY");
	int r = verify_grub_cfg(root, arguments, recovery, &problems);

	if (r == 0)
		r = words_difference(&before->ours, arguments, &stale);
	if (r == 0)
		r = has_any(root, &stale, &has_stale);
	*ret_needs = problems.count > 0 || has_stale;
	sentences_free(&problems);
	kargs_free(&stale);
	return r;
}

/* update-grub where it is, since it knows its own grub.cfg; else grub-mkconfig. */
static int add_mkconfig(const struct root *root, struct command_lines *commands)
{
	char program[COMMAND_PATH_SIZE];
	struct text path = { 0 };
	AUTO_FREE char *output = NULL;
	bool two;

	if (!find_mkconfig(root, program, &two))
		return 0;
	const char *grub_cfg = find_grub_cfg(root, two);
	if (grub_cfg == NULL)
		return 0;
	if (!two && reads_grub_d(root) && command_find(root, "update-grub", program))
		return command_lines_add(commands, "boot loader (update-grub)", program,
					 (const char *)NULL);
	(void)find_mkconfig(root, program, &two);
	text_add(&path, "/%s", grub_cfg);
	int r = text_take(&path, &output);
	return r < 0 ? r
		     : command_lines_add(commands, "boot loader (grub-mkconfig)", program, "-o",
					 output, (const char *)NULL);
}

/* --- A drop-in: Debian, Ubuntu ----------------------------------------------------------- */

static int read_snippet(const struct root *root, char **ret_text)
{
	int r = read_text(root, GRUB_SNIPPET, ret_text);

	return r == 0 && *ret_text == NULL ? -ENOENT : r;
}

static int prepare_grub_d(const struct root *root, const struct kargs *arguments,
			  const struct loader_state *before, struct changes *changes,
			  struct command_lines *commands, struct loader_state *ret_after)
{
	AUTO_FREE char *text = NULL;
	size_t count = changes->count;
	bool needs = false;
	int r = read_snippet(root, &text);

	if (r == 0)
		r = changes_add(changes, root, GRUB_D_FILE, text);
	if (r == 0)
		r = needs_mkconfig(root, arguments, before, &needs);
	if (r == 0 && (needs || changes->count != count))
		r = add_mkconfig(root, commands);
	return r < 0 ? r : words_copy(arguments, &ret_after->ours);
}

static int revert_grub_d(const struct root *root, const struct loader_state *before,
			 struct changes *changes, struct command_lines *commands)
{
	size_t count = changes->count;
	bool has;
	int r = changes_add(changes, root, GRUB_D_FILE, NULL);

	if (r == 0)
		r = has_any(root, &before->ours, &has);
	if (r == 0 && (has || changes->count != count))
		r = add_mkconfig(root, commands);
	return r;
}

static int verify_grub_d(const struct root *root, const struct kargs *arguments,
			 struct sentences *problems)
{
	AUTO_FREE char *wanted = NULL;
	AUTO_FREE char *text = NULL;
	int r = read_text(root, GRUB_SNIPPET, &wanted);

	if (r == 0)
		r = read_text(root, GRUB_D_FILE, &text);
	if (r == 0 && (text == NULL || wanted == NULL || strcmp(text, wanted) != 0))
		r = sentences_add(problems, "%s is not as vfio-claim wrote it", GRUB_D_FILE);
	return r < 0 ? r : verify_grub_cfg(root, arguments, true, problems);
}

const struct loader_way loader_grub_d = {
	.base_line = base_line_grub_d,
	.prepare = prepare_grub_d,
	.revert = revert_grub_d,
	.verify = verify_grub_d,
	.entries = count_entries,
};

/* --- The marked line: upstream's GRUB, SUSE, and beside grubby --------------------------- */

/* Where GRUB reads entries from boot/loader/entries, grub.cfg has none; grubby does the work. */
static int add_mkconfig_unless_bls(const struct root *root, struct command_lines *commands)
{
	return has_grubby(root) ? 0 : add_mkconfig(root, commands);
}

static int prepare_default(const struct root *root, const struct kargs *arguments,
			   const struct loader_state *before, struct changes *changes,
			   struct command_lines *commands, struct loader_state *ret_after)
{
	AUTO_FREE char *old = NULL;
	AUTO_FREE char *new = NULL;
	size_t count = changes->count;
	bool needs = false;
	int r = root_has(root, GRUB_SNIPPET) ? 0 : -ENOENT;

	if (r == 0)
		r = changes_read(changes, root, GRUB_DEFAULT, &old);
	if (r == 0)
		r = grub_line_add(old, &new);
	if (r == 0)
		r = changes_add(changes, root, GRUB_DEFAULT, new);
	if (r == 0)
		r = needs_mkconfig(root, arguments, before, &needs);
	if (r == 0 && (needs || changes->count != count))
		r = add_mkconfig_unless_bls(root, commands);
	return r < 0 ? r : words_copy(arguments, &ret_after->ours);
}

static int revert_default(const struct root *root, const struct loader_state *before,
			  struct changes *changes, struct command_lines *commands)
{
	AUTO_FREE char *old = NULL;
	AUTO_FREE char *new = NULL;
	size_t count = changes->count;
	bool has = false;
	int r = changes_read(changes, root, GRUB_DEFAULT, &old);

	if (r == 0 && old != NULL && grub_line_there(old)) {
		r = grub_line_remove(old, &new);
		if (r == 0)
			r = changes_add(changes, root, GRUB_DEFAULT, new);
	}
	if (r == 0)
		r = has_any(root, &before->ours, &has);
	if (r == 0 && (has || changes->count != count))
		r = add_mkconfig_unless_bls(root, commands);
	return r;
}

static int verify_default(const struct root *root, const struct kargs *arguments,
			  struct sentences *problems)
{
	if (!text_has(root, GRUB_DEFAULT, GRUB_SNIPPET)) {
		int r = sentences_add(problems, "%s does not source /%s", GRUB_DEFAULT,
				      GRUB_SNIPPET);
		if (r < 0)
			return r;
	}
	return verify_grub_cfg(root, arguments, true, problems);
}

const struct loader_way loader_grub_default = {
	.base_line = base_line_default,
	.prepare = prepare_default,
	.revert = revert_default,
	.verify = verify_default,
	.entries = count_entries,
};
