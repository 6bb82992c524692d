// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the readers and editors of boot loaders' files. The input is up to three texts with a
 * line "%%" between: a file, the words that are wanted in it, and GRUB's environment block. What
 * is edited is undone byte for byte, and a second edit changes nothing.
 */
#include <errno.h>

#include "fuzz.h"
#include "loader_text.h"
#include "state.h"

#define SEPARATOR "\n%%\n"

static const struct loader_state nothing;
static const struct kargs none;

static bool same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_words(const struct kargs *a, const struct kargs *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static void check_grub_line(const char *text)
{
	char *without;
	char *with;
	char *again;
	char *undone;

	MUST(grub_line_remove(text, &without) == 0);
	MUST(without == NULL || !grub_line_there(without));
	MUST(grub_line_there(text) || same(without, text));
	MUST(grub_line_add(text, &with) == 0 && grub_line_there(with));
	MUST(grub_line_add(with, &again) == 0 && same(again, with));
	MUST(grub_line_remove(with, &undone) == 0 && same(undone, without));
	free(without);
	free(with);
	free(again);
	free(undone);
}

/* What it gives is compared with a shell's in tests/fuzz.bats. */
static void check_grub_default(const char *text)
{
	struct grub_default variables = { 0 };

	MUST(grub_default_read(text, &variables) == 0);
	MUST(grub_default_read(text, &variables) == 0);
	grub_default_free(&variables);
}

static void check_part_of_line(const char *text, const char *part, size_t length)
{
	MUST(part >= text && length <= strlen(part));
	MUST(memchr(part, '\n', length) == NULL);
}

static void check_grub_cfg(const char *text)
{
	struct grub_cfg cfg = { .next = text };

	for (const char *before = text; grub_cfg_next(&cfg); before = cfg.next) {
		MUST(cfg.next > before);
		check_part_of_line(text, cfg.entry.line, cfg.entry.line_length);
		if (cfg.entry.title != NULL)
			check_part_of_line(text, cfg.entry.title, cfg.entry.title_length);
	}
}

/* Every one is a word of its own, and they are found again in their line. */
static void check_are_words(const struct kargs *words)
{
	struct kargs again;
	char *line;

	MUST(kargs_join(words, &line) == 0 && kargs_parse(line, &again) == 0);
	MUST(same_words(words, &again));
	kargs_free(&again);
	free(line);
}

static bool has_open_quote(const char *text)
{
	bool open = false;

	for (; *text != '\0'; text++)
		if (*text == '"')
			open = !open;
	return open;
}

static void check_bls(const char *entry, const char *grubenv, const char *grub_cfg)
{
	struct kargs words;
	struct kargs plain;
	char *value;

	MUST(bls_value(entry, "options", &value) == 0 && strchr(value, '\n') == NULL);
	MUST(bls_words(entry, grubenv, grub_cfg, &words) == 0);
	check_are_words(&words);
	MUST(kargs_parse(value, &plain) == 0);
	if (strchr(value, '$') == NULL && !has_open_quote(value))
		MUST(same_words(&words, &plain));
	kargs_free(&plain);
	kargs_free(&words);
	free(value);
}

static bool has_key(const struct kargs *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++)
		if (words_same_key(words->items[i], word))
			return true;
	return false;
}

/* The words of the second text that a loader's files can hold, each name once as in what
 * arguments_compose() gives. */
static void take_wanted(const char *text, struct kargs *wanted)
{
	struct kargs words;

	MUST(kargs_parse(text, &words) == 0);
	for (size_t i = 0; i < words.count; i++) {
		struct kargs one = { &words.items[i], 1 };

		/* A # would be a comment's at the beginning of a line. */
		if (words_check(&one) == 0 && words.items[i][0] != '#' &&
		    !has_key(wanted, words.items[i]))
			MUST(kargs_add(wanted, words.items[i]) == 0);
	}
	kargs_free(&words);
	check_are_words(wanted);
}

static void check_bootc(const char *text, const struct kargs *wanted)
{
	struct kargs words = { 0 };
	char *file;

	int r = bootc_read(text, &words);
	MUST(r == 0 || r == -EBADMSG);
	kargs_free(&words);
	MUST(bootc_render(wanted, &file) == 0 && bootc_read(file, &words) == 0);
	MUST(same_words(wanted, &words));
	kargs_free(&words);
	free(file);
}

/* The state file keeps what was done. */
static void check_state(const struct loader_state *done)
{
	struct state state = { 0 };
	struct state again;
	unsigned line;
	char *text;

	state.used[LOADER_KERNEL_INSTALL] = true;
	state.loader[LOADER_KERNEL_INSTALL] = *done;
	MUST(state_render(&state, &text) == 0);
	MUST(state_parse(text, &again, &line) == 0);
	MUST(same_words(&again.loader[LOADER_KERNEL_INSTALL].ours, &done->ours));
	MUST(same_words(&again.loader[LOADER_KERNEL_INSTALL].replaced, &done->replaced));
	MUST(again.files.count == 0 && again.directories.count == 0);
	state_free(&again);
	free(text);
}

/* True where each line's quotes end in it: only then is what follows a word of its own. */
static bool has_whole_lines(const char *text)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		bool open = false;

		for (size_t i = 0; i < length; i++)
			open = open != (text[i] == '"');
		if (open)
			return false;
		text += length + (text[length] == '\n');
	}
	return true;
}

/* As `apply` does it with /etc/kernel/cmdline. */
static void edit(const char *text, const struct kargs *wanted,
		 const struct loader_state *before, enum merge merge,
		 struct loader_state *ret_after, char **ret_text)
{
	struct kargs line;
	struct kargs added;
	char *left;

	MUST(cmdline_words(text, &line) == 0);
	MUST(words_choose(&line, wanted, before, merge, ret_after) == 0);
	kargs_free(&line);
	MUST(cmdline_edit(text, before, &none, &left) == 0);
	MUST(cmdline_words(left, &line) == 0);
	MUST(words_missing(&line, &ret_after->ours, &added) == 0);
	MUST(cmdline_edit(left, &nothing, &added, ret_text) == 0);
	kargs_free(&line);
	kargs_free(&added);
	free(left);
}

/* True where a word that is to come is there already, at a place where it does not count, or
 * where `apply` refuses to say anything of huge pages. */
static bool is_there(const char *text, const struct loader_state *state)
{
	struct kargs line;
	bool there = false;

	MUST(cmdline_words(text, &line) == 0);
	for (size_t i = 0; i < state->ours.count; i++)
		there = there || kargs_has(&line, state->ours.items[i]);
	there = there || words_pages_clash(&line, &state->ours);
	kargs_free(&line);
	return there;
}

static void check_has(const char *text, const struct kargs *wanted)
{
	struct kargs line;
	struct kargs missing;

	MUST(cmdline_words(text, &line) == 0);
	MUST(words_missing(&line, wanted, &missing) == 0 && missing.count == 0);
	kargs_free(&line);
	kargs_free(&missing);
}

static void check_edit(const char *text, const struct kargs *wanted, enum merge merge)
{
	struct loader_state first;
	struct loader_state second;
	char *with;
	char *again;
	char *undone;

	edit(text, wanted, &nothing, merge, &first, &with);
	check_state(&first);
	MUST(cmdline_edit(with, &first, &none, &undone) == 0);
	edit(with, wanted, &first, merge, &second, &again);
	if (has_whole_lines(text) && !is_there(text, &first)) {
		check_has(with, wanted);
		MUST(same(undone, text));
		MUST(same(again, with));
		MUST(same_words(&first.ours, &second.ours));
	}
	loader_state_free(&first);
	loader_state_free(&second);
	free(with);
	free(again);
	free(undone);
}

/* grubby keeps one word for a name: the old ones of ours go, ours come to the end. */
static void run_grubby(const struct kargs *line, const struct kargs *ours,
		       struct kargs *ret_line)
{
	for (size_t i = 0; i < line->count; i++) {
		bool replaced = false;

		for (size_t j = 0; j < ours->count; j++)
			replaced = replaced || words_same_name(line->items[i], ours->items[j]);
		if (!replaced)
			MUST(kargs_append(ret_line, line->items[i]) == 0);
	}
	for (size_t j = 0; j < ours->count; j++)
		MUST(kargs_append(ret_line, ours->items[j]) == 0);
}

/* "KEY=a,,b": nothing there is to be kept of the middle one. */
static bool has_empty_element(const char *word)
{
	const char *value = word + word_key_length(word);
	size_t length = strlen(value);

	return length == 0 || value[0] == ',' || value[length - 1] == ',' ||
	       strstr(value, ",,") != NULL;
}

/* Of lists nothing of others is lost: neither while ours are there nor afterwards. */
static void check_merge(const char *text, const struct kargs *wanted)
{
	struct kargs line;
	struct kargs with = { 0 };
	struct kargs without;
	struct loader_state state;

	MUST(kargs_parse(text, &line) == 0);
	MUST(words_choose(&line, wanted, &nothing, MERGE_ALL, &state) == 0);
	run_grubby(&line, &state.ours, &with);
	for (size_t i = 0; i < state.replaced.count; i++)
		MUST(kargs_has(&line, state.replaced.items[i]));
	for (size_t i = 0; i < state.replaced.count; i++)
		MUST(has_empty_element(state.replaced.items[i]) ||
		     words_satisfy(&with, state.replaced.items[i]));
	MUST(words_without(&with, &state, &without) == 0);
	for (size_t i = 0; i < state.replaced.count; i++)
		MUST(kargs_has(&without, state.replaced.items[i]));
	kargs_free(&line);
	kargs_free(&with);
	kargs_free(&without);
	loader_state_free(&state);
}

static void check_pe(const char *data, size_t size)
{
	struct pe_section section;

	(void)pe_find_section(data, size, ".cmdline", &section);
	(void)pe_find_section(data, size, ".initrd", &section);
	(void)pe_is_signed(data, size);
}

/* Cuts the text at its next separator. Returns what is behind, "" for nothing. */
static char *cut(char *text)
{
	char *separator = strstr(text, SEPARATOR);

	if (separator == NULL)
		return text + strlen(text);
	/* The newline before it is the text's. */
	separator[1] = '\0';
	return separator + strlen(SEPARATOR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *file = strndup((const char *)data, size);
	struct kargs wanted = { 0 };

	MUST(file != NULL);
	check_pe((const char *)data, size);
	char *words = cut(file);
	char *grubenv = cut(words);
	take_wanted(words, &wanted);
	check_grub_line(file);
	check_grub_default(file);
	check_grub_cfg(file);
	check_bls(file, NULL, NULL);
	check_bls(file, words, grubenv);
	check_bls(file, grubenv, words);
	check_bootc(file, &wanted);
	check_edit(file, &wanted, MERGE_LAST_ONLY);
	check_edit(file, &wanted, MERGE_SHARED);
	check_merge(file, &wanted);
	kargs_free(&wanted);
	free(file);
	return 0;
}
