// SPDX-License-Identifier: GPL-2.0-or-later
/* What boot loaders keep in files, read and edited as text. */
#include "loader_text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "arguments.h"
#include "text.h"

/*
 * What separates words for systemd and for shells. The kernel splits at 0xa0, too, which is also
 * the end of letters in UTF-8: root=LABEL=... would be written back as two words.
 */
#define BLANKS " \t\n\v\f\r"

#define LINUX_VARIABLE "GRUB_CMDLINE_LINUX"
#define DEFAULT_VARIABLE "GRUB_CMDLINE_LINUX_DEFAULT"

/* Here and not with the rest of loader.h, since the state file's reader is pure too. */
const char *const loader_names[] = {
	[LOADER_GRUB_D] = "grub.d",         [LOADER_GRUB_DEFAULT] = "grub-default",
	[LOADER_GRUBBY] = "grubby",         [LOADER_KERNEL_INSTALL] = "kernel-install",
	[LOADER_UKI_ADDON] = "uki-addon",   [LOADER_BOOTC] = "bootc",
	[LOADER_RPM_OSTREE] = "rpm-ostree", [LOADER_COUNT] = NULL,
};

void loader_state_free(struct loader_state *state)
{
	kargs_free(&state->ours);
	kargs_free(&state->replaced);
}

/* --- The marked line in /etc/default/grub ------------------------------------------------ */

#define GRUB_LINE "[ ! -r /" GRUB_SNIPPET " ] || . /" GRUB_SNIPPET " "

/* The mark says what else was added with the line, so that the file alone is enough to undo. */
#define MARK "# added by vfio-claim"
#define MARK_NEWLINE MARK ", with the newline before it"
#define MARK_FILE MARK ", with this file"

static size_t line_length(const char *line)
{
	return strcspn(line, "\n");
}

static const char *next_line(const char *line)
{
	line += line_length(line);
	return *line == '\n' ? line + 1 : line;
}

/* True when the line ends with `mark`; a \r that an editor added is not seen. */
static bool ends_with(const char *line, const char *mark)
{
	size_t length = line_length(line);
	size_t mark_length = strlen(mark);

	if (length > 0 && line[length - 1] == '\r')
		length--;
	return length >= mark_length &&
	       memcmp(line + length - mark_length, mark, mark_length) == 0;
}

static bool is_marked(const char *line)
{
	return ends_with(line, MARK) || ends_with(line, MARK_NEWLINE) ||
	       ends_with(line, MARK_FILE);
}

static const char *find_marked(const char *text)
{
	for (; *text != '\0'; text = next_line(text))
		if (is_marked(text))
			return text;
	return NULL;
}

bool grub_line_there(const char *text)
{
	return find_marked(text) != NULL;
}

/* True when a line sets one of the two variables, which undoes what a line before it did. */
static bool sets_arguments(const char *line)
{
	line += strspn(line, " \t");
	if (strncmp(line, "export", 6) == 0 && (line[6] == ' ' || line[6] == '\t'))
		line += 6 + strspn(line + 6, " \t");
	return strncmp(line, LINUX_VARIABLE, strlen(LINUX_VARIABLE)) == 0;
}

static bool is_good_line(const char *line)
{
	if (strncmp(line, GRUB_LINE, strlen(GRUB_LINE)) != 0)
		return false;
	for (line = next_line(line); *line != '\0'; line = next_line(line))
		if (sets_arguments(line) || is_marked(line))
			return false;
	return true;
}

int grub_line_add(const char *text, char **ret_text)
{
	AUTO_FREE char *rest = NULL;
	struct text out = { 0 };
	const char *mark = MARK;

	if (text == NULL) {
		mark = MARK_FILE;
	} else {
		const char *line = find_marked(text);

		if (line != NULL && is_good_line(line)) {
			*ret_text = strdup(text);
			return *ret_text != NULL ? 0 : -ENOMEM;
		}
		int r = grub_line_remove(text, &rest);
		if (r < 0)
			return r;
		size_t length = rest != NULL ? strlen(rest) : 0;
		if (rest == NULL)
			mark = MARK_FILE;
		else if (length > 0 && rest[length - 1] != '\n')
			mark = MARK_NEWLINE;
		text_add(&out, "%s%s", rest != NULL ? rest : "",
			 strcmp(mark, MARK_NEWLINE) == 0 ? "\n" : "");
	}
	text_add(&out, "%s%s\n", GRUB_LINE, mark);
	return text_take(&out, ret_text);
}

int grub_line_remove(const char *text, char **ret_text)
{
	struct text out = { 0 };
	bool made_file = false;

	for (const char *line = text; *line != '\0'; line = next_line(line)) {
		if (!is_marked(line)) {
			text_add(&out, "%.*s", (int)(next_line(line) - line), line);
			continue;
		}
		made_file = made_file || ends_with(line, MARK_FILE);
		/* The newline before the line belongs to what somebody wrote after it, if so. */
		if (ends_with(line, MARK_NEWLINE) && *next_line(line) == '\0' &&
		    out.error == 0 && out.length > 0)
			out.data[--out.length] = '\0';
	}
	int r = text_take(&out, ret_text);
	if (r == 0 && made_file && **ret_text == '\0') {
		free(*ret_text);
		*ret_text = NULL;
	}
	return r;
}

/* --- /etc/default/grub ------------------------------------------------------------------- */

/* The variable that `name` is, or NULL. */
__attribute__((nonnull)) static char **find_variable(struct grub_default *variables,
						     const char *name, size_t length)
{
	if (length == strlen(LINUX_VARIABLE) && memcmp(name, LINUX_VARIABLE, length) == 0)
		return &variables->linux_args;
	if (length == strlen(DEFAULT_VARIABLE) && memcmp(name, DEFAULT_VARIABLE, length) == 0)
		return &variables->default_args;
	return NULL;
}

static size_t name_length(const char *name)
{
	size_t length = 0;

	while (isalnum((unsigned char)name[length]) || name[length] == '_')
		length++;
	return length;
}

/* $NAME or ${NAME} of the two variables. Returns what is behind it, or NULL: not understood. */
static const char *read_reference(const char *c, struct grub_default *variables,
				  struct text *value)
{
	bool braces = *++c == '{';

	c += braces ? 1 : 0;
	size_t length = name_length(c);
	char **variable = find_variable(variables, c, length);
	if (variable == NULL || (braces && c[length] != '}'))
		return NULL;
	/* The name may go on in the next line. */
	if (!braces && strncmp(c + length, "\\\n", 2) == 0)
		return NULL;
	text_add(value, "%s", *variable != NULL ? *variable : "");
	return c + length + (braces ? 1 : 0);
}

/* What is between double quotes; `c` is behind the first. Returns what is behind the last. */
static const char *read_double_quotes(const char *c, struct grub_default *variables,
				      struct text *value)
{
	while (c != NULL && *c != '\0' && *c != '"') {
		if (*c == '`')
			return NULL;
		if (*c == '$') {
			c = read_reference(c, variables, value);
		} else if (*c == '\\' && c[1] == '\n') {
			c += 2;
		} else {
			if (*c == '\\' && c[1] != '\0' && strchr("\\\"$`", c[1]) != NULL)
				c++;
			text_add(value, "%c", *c++);
		}
	}
	return c != NULL && *c == '"' ? c + 1 : NULL;
}

static const char *read_single_quotes(const char *c, struct text *value)
{
	size_t length = strcspn(c, "'");

	text_add(value, "%.*s", (int)length, c);
	return c[length] == '\'' ? c + length + 1 : NULL;
}

/*
 * A value with the quotes of a shell. Returns what is behind it, or NULL: not understood. A
 * shell expands a ~ where a path begins, and bash a {a,b} behind export: none of them is looked
 * at closely.
 */
static const char *read_value(const char *c, struct grub_default *variables, struct text *value)
{
	while (c != NULL && *c != '\0' && strchr(" \t\r\n;", *c) == NULL) {
		if (*c == '"')
			c = read_double_quotes(c + 1, variables, value);
		else if (*c == '\'')
			c = read_single_quotes(c + 1, value);
		else if (*c == '$')
			c = read_reference(c, variables, value);
		else if (strchr("\\`&|<>(){~", *c) != NULL)
			return NULL;
		else
			text_add(value, "%c", *c++);
	}
	return c;
}

/* Only blanks and a comment may be behind a value. */
static bool is_line_end(const char *c)
{
	c += strspn(c, " \t\r;");
	return *c == '\0' || *c == '\n' || *c == '#';
}

/* `c` is behind the name: "=VALUE" or "+=VALUE". Returns where the next line is looked for. */
static const char *read_assignment(const char *c, struct grub_default *variables,
				   char **variable)
{
	struct text value = { 0 };
	char *read;

	if (*c == '+') {
		text_add(&value, "%s", *variable != NULL ? *variable : "");
		c++;
	}
	const char *end = *c == '=' ? read_value(c + 1, variables, &value) : NULL;
	if (end == NULL || !is_line_end(end)) {
		text_free(&value);
		variables->unclear = true;
		return c;
	}
	/* Without memory the variable is unclear, which is safe: see grub_default_read(). */
	if (text_take(&value, &read) < 0)
		return NULL;
	free(*variable);
	*variable = read;
	return end;
}

/* The value of another variable may have several lines. Returns where the next one is looked for. */
static const char *skip_assignment(const char *c, struct grub_default *variables)
{
	struct text value = { 0 };
	const char *sign = *c == '+' ? c + 1 : c;
	const char *end = *sign == '=' ? read_value(sign + 1, variables, &value) : NULL;

	text_free(&value);
	return end != NULL ? end : c;
}

/*
 * Whether a shell reads the next line as a part of this one, of which `c` is the rest: behind a
 * backslash, within quotes, a substitution or parentheses, or as a here-document. Looks closely
 * at none of them; more is taken for such than is.
 */
static bool line_goes_on(const char *c)
{
	char quote = '\0';
	int parentheses = 0;
	bool word_begins = true;

	for (; *c != '\0' && *c != '\n'; c++) {
		if (*c == '#' && word_begins && quote == '\0')
			break;
		word_begins = strchr(" \t;", *c) != NULL;
		if (*c == '\\' && quote != '\'') {
			if (*++c == '\n' || *c == '\0')
				return true;
		} else if (quote != '\0') {
			if (*c == quote)
				quote = '\0';
		} else if (strchr("'\"`", *c) != NULL) {
			quote = *c;
		} else if (*c == '<' && c[1] == '<') {
			return true;
		} else {
			parentheses += (*c == '(') - (*c == ')');
		}
	}
	return quote != '\0' || parentheses > 0;
}

int grub_default_read(const char *text, struct grub_default *variables)
{
	while (text != NULL && *text != '\0') {
		text += strspn(text, " \t");
		if (strncmp(text, "export", 6) == 0 && (text[6] == ' ' || text[6] == '\t'))
			text += 6 + strspn(text + 6, " \t");
		size_t length = name_length(text);
		char **variable = find_variable(variables, text, length);
		const char *other = strstr(text, LINUX_VARIABLE);

		if (variable != NULL)
			text = read_assignment(text + length, variables, variable);
		else if (*text != '#' && other != NULL && other < text + line_length(text) &&
			 strncmp(text, "GRUB_CMDLINE_LINUX_", strlen("GRUB_CMDLINE_LINUX_")) !=
				 0)
			variables->unclear = true; /* within an `if`, say */
		else if (length > 0)
			text = skip_assignment(text + length, variables);
		/* What looks like an assignment in the next line is none then. */
		if (variable == NULL && line_goes_on(text))
			variables->unclear = true;
		if (text != NULL)
			text = next_line(text);
	}
	return text != NULL ? 0 : -ENOMEM;
}

void grub_default_free(struct grub_default *variables)
{
	free(variables->linux_args);
	free(variables->default_args);
	*variables = (struct grub_default){ 0 };
}

/* --- grub.cfg ---------------------------------------------------------------------------- */

static bool starts_with(const char *line, const char *word)
{
	size_t length = strlen(word);

	return strncmp(line, word, length) == 0 &&
	       (line[length] == ' ' || line[length] == '\t');
}

/* True when `part` is within the line. */
static bool line_has(const char *line, size_t length, const char *part)
{
	size_t part_length = strlen(part);

	for (size_t i = 0; i + part_length <= length; i++)
		if (memcmp(line + i, part, part_length) == 0)
			return true;
	return false;
}

/* "### BEGIN /etc/grub.d/10_linux ###": a name may have been changed to move the entries. */
static bool is_our_section(const char *line)
{
	size_t length = line_length(line);

	return line_has(line, length, "_linux") && !line_has(line, length, "xen");
}

/*
 * "menuentry 'TITLE' ... $menuentry_id_option 'gnulinux-6.1.0-recovery-UUID' {": titles are
 * translated, the id is not (grub 2.06 util/grub.d/10_linux.in).
 */
static void read_menuentry(const char *line, struct grub_entry *entry)
{
	size_t length = line_length(line);
	const char *title = line + strcspn(line, "'\"\n");

	*entry = (struct grub_entry){ .title = title };
	if (*title == '\'' || *title == '"') {
		entry->title = title + 1;
		while (title + 1 + entry->title_length < line + length &&
		       entry->title[entry->title_length] != *title)
			entry->title_length++;
	}
	entry->recovery = line_has(line, length, "-recovery-") ||
			  line_has(line, length, "(recovery mode)");
}

/* "linux PATH ARGUMENTS" with any of GRUB's names for it. */
static bool read_linux(const char *line, struct grub_entry *entry)
{
	if (!starts_with(line, "linux") && !starts_with(line, "linuxefi") &&
	    !starts_with(line, "linux16"))
		return false;
	const char *end = line + line_length(line);
	for (int words = 0; words < 2; words++) {
		line += strcspn(line, " \t\n");
		line += strspn(line, " \t");
	}
	entry->line = line < end ? line : end;
	entry->line_length = (size_t)(end - entry->line);
	return true;
}

bool grub_cfg_next(struct grub_cfg *cfg)
{
	while (*cfg->next != '\0') {
		const char *line = cfg->next + strspn(cfg->next, " \t");

		cfg->next = next_line(line);
		if (strncmp(line, "### BEGIN ", 10) == 0)
			cfg->ours = is_our_section(line);
		else if (strncmp(line, "### END ", 8) == 0)
			cfg->ours = false;
		else if (cfg->ours && starts_with(line, "menuentry"))
			read_menuentry(line, &cfg->entry);
		else if (cfg->ours && read_linux(line, &cfg->entry))
			return true;
	}
	return false;
}

/* --- Entries of the Boot Loader Specification -------------------------------------------- */

int bls_value(const char *entry, const char *key, char **ret_value)
{
	struct text value = { 0 };

	for (; *entry != '\0'; entry = next_line(entry)) {
		const char *line = entry + strspn(entry, " \t");

		if (!starts_with(line, key))
			continue;
		line += strlen(key);
		line += strspn(line, " \t");
		size_t length = line_length(line);
		while (length > 0 && isspace((unsigned char)line[length - 1]))
			length--;
		text_add(&value, "%s%.*s", value.length > 0 ? " " : "", (int)length, line);
	}
	return text_take(&value, ret_value);
}

/* "NAME=VALUE" of the environment block, to the end of its line. NULL: not there. */
static const char *grubenv_value(const char *grubenv, const char *name, size_t length)
{
	for (; grubenv != NULL && *grubenv != '\0'; grubenv = next_line(grubenv))
		if (strncmp(grubenv, name, length) == 0 && grubenv[length] == '=')
			return grubenv + length + 1;
	return NULL;
}

/* `set NAME="VALUE"` of grub.cfg: what grub2-mkconfig writes for a lost environment block. */
static const char *grub_cfg_value(const char *grub_cfg, const char *name, size_t length)
{
	for (; grub_cfg != NULL && *grub_cfg != '\0'; grub_cfg = next_line(grub_cfg)) {
		const char *line = grub_cfg + strspn(grub_cfg, " \t");

		if (strncmp(line, "set ", 4) == 0 && strncmp(line + 4, name, length) == 0 &&
		    strncmp(line + 4 + length, "=\"", 2) == 0)
			return line + 4 + length + 2;
	}
	return NULL;
}

/* Adds a word of the options, or what a variable stands for; unknown ones are empty to GRUB. */
static void expand_word(const char *word, const char *grubenv, const char *grub_cfg,
			struct text *line)
{
	const char *name = word + 1;
	size_t skipped = *name == '{' ? 1 : 0;
	size_t length = name_length(name + skipped);
	const char *value = NULL;
	size_t value_length = 0;

	if (*word != '$') {
		text_add(line, "%s ", word);
		return;
	}
	value = grubenv_value(grubenv, name + skipped, length);
	if (value != NULL) {
		value_length = line_length(value);
	} else {
		value = grub_cfg_value(grub_cfg, name + skipped, length);
		value_length = value != NULL ? strcspn(value, "\"\n") : 0;
	}
	text_add(line, "%.*s ", (int)value_length, value != NULL ? value : "");
}

int bls_words(const char *entry, const char *grubenv, const char *grub_cfg,
	      struct kargs *ret_words)
{
	AUTO_FREE char *options = NULL;
	AUTO_FREE char *expanded = NULL;
	struct kargs words = { 0 };
	struct text line = { 0 };
	int r = bls_value(entry, "options", &options);

	if (r == 0)
		r = kargs_parse(options, &words);
	if (r != 0)
		return r;
	for (size_t i = 0; i < words.count; i++)
		expand_word(words.items[i], grubenv, grub_cfg, &line);
	kargs_free(&words);
	r = text_take(&line, &expanded);
	return r < 0 ? r : kargs_parse(expanded, ret_words);
}

/* --- Words ------------------------------------------------------------------------------- */

/* Parameters whose value is a list with commas. */
static const struct list_key {
	const char *name;
	bool last_only; /* a plain string to the kernel: the last word replaces those before */
} list_keys[] = {
	/* libkmod reads every modprobe.blacklist= (libkmod/libkmod-config.c). */
	{ "modprobe.blacklist=", false },
	/* dracut reads every one of these (getargs). */
	{ "rd.driver.blacklist=", false },
	{ "rd.driver.pre=", false },
	{ "rd.driver.post=", false },
	/* kernel/module/main.c: core_param(module_blacklist); drivers/vfio/pci/vfio_pci.c and
	 * drivers/pci/pci-stub.c: module_param_string(ids). */
	{ "module_blacklist=", true },
	{ "vfio-pci.ids=", true },
	{ "pci-stub.ids=", true },
};

size_t word_key_length(const char *word)
{
	size_t length = strcspn(word, "=");

	return word[length] == '=' ? length + 1 : length;
}

static bool is_dash(char c)
{
	return c == '-' || c == '_';
}

bool words_same_key(const char *a, const char *b)
{
	size_t length = word_key_length(a);

	if (length != word_key_length(b) || length == 0 || a[length - 1] != '=')
		return false;
	for (size_t i = 0; i < length; i++)
		if (a[i] != b[i] && !(is_dash(a[i]) && is_dash(b[i])))
			return false;
	return true;
}

bool words_same_name(const char *a, const char *b)
{
	size_t length = strcspn(a, "=");

	return length == strcspn(b, "=") && strncmp(a, b, length) == 0;
}

static const struct list_key *find_list(const char *word)
{
	for (size_t i = 0; i < sizeof(list_keys) / sizeof(*list_keys); i++)
		if (words_same_key(word, list_keys[i].name))
			return &list_keys[i];
	return NULL;
}

int words_check(const struct kargs *words)
{
	for (size_t i = 0; i < words->count; i++) {
		bool quoted = false;

		for (const char *c = words->items[i]; *c != '\0'; c++) {
			if (iscntrl((unsigned char)*c) || (*c == ' ' && !quoted))
				return -EINVAL;
			if (*c == '"')
				quoted = !quoted;
		}
		if (quoted || words->items[i][0] == '\0')
			return -EINVAL;
	}
	return 0;
}

int words_check_grubby(const struct kargs *words)
{
	for (size_t i = 0; i < words->count; i++)
		/* The first word is echo's: no option of its. */
		if (!is_plain_word(words->items[i], strlen(words->items[i]), "-_.,:;=@/%~") ||
		    words->items[i][0] == '=' || words->items[i][0] == '-')
			return -EINVAL;
	return 0;
}

/* True when the element is in the list that `word` gives. */
static bool value_has(const char *word, const char *element, size_t length)
{
	const char *value = word + word_key_length(word);

	for (;;) {
		size_t here = strcspn(value, ",");

		if (here == length && memcmp(value, element, length) == 0)
			return true;
		if (value[here] == '\0')
			return false;
		value += here + 1;
	}
}

/* True when any word of the same key as `word` has the element. */
static bool words_have_element(const struct kargs *words, const char *word, const char *element,
			       size_t length)
{
	for (size_t i = 0; i < words->count; i++)
		if (words_same_key(words->items[i], word) &&
		    value_has(words->items[i], element, length))
			return true;
	return false;
}

static const char *last_of_key(const struct kargs *words, const char *word)
{
	for (size_t i = words->count; i > 0; i--)
		if (words_same_key(words->items[i - 1], word))
			return words->items[i - 1];
	return NULL;
}

/* The next element of a list; `cursor` starts at the value. NULL at the end. */
static const char *next_element(const char **cursor, size_t *ret_length)
{
	const char *element = *cursor;

	if (element == NULL)
		return NULL;
	*ret_length = strcspn(element, ",");
	*cursor = element[*ret_length] == ',' ? element + *ret_length + 1 : NULL;
	return element;
}

bool words_satisfy(const struct kargs *line, const char *word)
{
	const struct list_key *list = find_list(word);
	const char *cursor = word + word_key_length(word);
	const char *element;
	size_t length;

	if (list == NULL)
		return kargs_has(line, word);
	const char *last = last_of_key(line, word);
	if (last == NULL)
		return false;
	while ((element = next_element(&cursor, &length)) != NULL) {
		/* "a,,b": merge_word() leaves out what asks for nothing. */
		if (length == 0)
			continue;
		if (list->last_only ? !value_has(last, element, length)
				    : !words_have_element(line, word, element, length))
			return false;
	}
	return true;
}

bool words_satisfy_at(const struct kargs *line, const struct kargs *words, size_t index)
{
	if (argument_partner(words, index) == index)
		return words_satisfy(line, words->items[index]);
	return argument_is_in(line, words, index);
}

/* The next word about huge pages from `index` on; words->count: none. */
static size_t next_pages(const struct kargs *words, size_t index)
{
	while (index < words->count && !argument_is_pages(words->items[index]))
		index++;
	return index;
}

bool words_same_pages(const struct kargs *a, const struct kargs *b)
{
	size_t i = next_pages(a, 0);
	size_t j = next_pages(b, 0);

	while (i < a->count && j < b->count && kargs_same(a->items[i], b->items[j])) {
		i = next_pages(a, i + 1);
		j = next_pages(b, j + 1);
	}
	return i == a->count && j == b->count;
}

/* hugepages= without a size: behind another one the kernel does not hear it (hugepages_setup()). */
static bool has_pages_of_no_size(const struct kargs *words)
{
	for (size_t i = 0; i < words->count; i++)
		if (kargs_value_of(words->items[i], "hugepages") != NULL &&
		    argument_partner(words, i) == i)
			return true;
	return false;
}

bool words_pages_clash(const struct kargs *others, const struct kargs *ours)
{
	size_t first = next_pages(others, 0);

	if (next_pages(ours, 0) == ours->count || words_same_pages(others, ours))
		return false;
	if (first < others->count && has_pages_of_no_size(ours))
		return true;
	for (size_t i = first; i < others->count; i = next_pages(others, i + 1)) {
		struct kargs before = { .items = others->items, .count = i };

		if (kargs_has(ours, others->items[i]) || kargs_has(&before, others->items[i]))
			return true;
	}
	return false;
}

/* True when the value has every element of another word's. */
static bool value_has_all(const char *word, const char *other)
{
	const char *cursor = other + word_key_length(other);
	const char *element;
	size_t length;

	while ((element = next_element(&cursor, &length)) != NULL)
		if (length > 0 && !value_has(word, element, length))
			return false;
	return true;
}

/* The word without the elements of ours that replace nobody's; "" when none is left. */
static int word_reduce(const char *word, const struct loader_state *state, char **ret_word)
{
	const char *cursor = word + word_key_length(word);
	struct text value = { 0 };
	AUTO_FREE char *left = NULL;
	const char *element;
	size_t length;

	while ((element = next_element(&cursor, &length)) != NULL)
		if (!words_have_element(&state->ours, word, element, length) ||
		    words_have_element(&state->replaced, word, element, length))
			text_add(&value, "%s%.*s", value.length > 0 ? "," : "", (int)length,
				 element);
	int r = text_take(&value, &left);
	if (r < 0)
		return r;
	struct text out = { 0 };
	if (*left != '\0')
		text_add(&out, "%.*s%s", (int)word_key_length(word), word, left);
	return text_take(&out, ret_word);
}

/* True for a word that is ours; one of a pair about huge pages only where the pair is: others may
 * want as many pages of another size. */
static bool is_ours(const char *word, const struct kargs *line, size_t index,
		    const struct loader_state *state)
{
	return index < line->count ? argument_is_in(&state->ours, line, index)
				   : kargs_has(&state->ours, word);
}

/*
 * What a word of a line becomes without `state`: "" when it goes. Where our word of a list is
 * not in the line somebody merged it with another (a newer grubby does in
 * /etc/kernel/cmdline), or split what we had merged; our elements go then.
 *
 * @index: where the word is in the line; line->count: nobody knows
 */
static int word_without(const char *word, const struct kargs *line, size_t index,
			const struct loader_state *state, char **ret_word)
{
	const char *our = find_list(word) != NULL ? last_of_key(&state->ours, word) : NULL;

	if (our != NULL && !kargs_has(line, our) &&
	    (value_has_all(word, our) || last_of_key(&state->replaced, word) != NULL))
		return word_reduce(word, state, ret_word);
	*ret_word = strdup(is_ours(word, line, index, state) ? "" : word);
	return *ret_word != NULL ? 0 : -ENOMEM;
}

bool words_gives_back(const char *word, const char *replaced)
{
	return find_list(word) != NULL ? words_same_key(replaced, word)
				       : kargs_same(replaced, word);
}

/* True for a word that is in the line and stays there. */
static bool stays(const char *word, const struct kargs *line, const struct loader_state *state)
{
	return kargs_has(line, word) && !kargs_has(&state->ours, word);
}

/* The words that `word` of ours stood in for, but those that are there beside it. */
static int add_replaced(const char *word, const struct kargs *line,
			const struct loader_state *state, struct kargs *out)
{
	const struct kargs *replaced = &state->replaced;
	int r = 0;

	for (size_t i = 0; r == 0 && i < replaced->count; i++)
		if (words_gives_back(word, replaced->items[i]) &&
		    !stays(replaced->items[i], line, state))
			r = kargs_add(out, replaced->items[i]);
	return r;
}

int words_without(const struct kargs *line, const struct loader_state *state,
		  struct kargs *ret_words)
{
	struct kargs out = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < line->count; i++) {
		AUTO_FREE char *word = NULL;

		r = word_without(line->items[i], line, i, state, &word);
		/* Each as often as it is there: the last of some words counts. */
		if (r == 0 && *word != '\0')
			r = kargs_append(&out, word);
		else if (r == 0)
			r = add_replaced(line->items[i], line, state, &out);
	}
	if (r < 0) {
		kargs_free(&out);
		return r;
	}
	*ret_words = out;
	return 0;
}

/* Adds the elements of a word that are not in `seen` yet. */
static int merge_elements(const char *word, struct kargs *seen, struct text *out)
{
	const char *cursor = word + word_key_length(word);
	const char *element;
	size_t length;
	int r = 0;

	while (r == 0 && (element = next_element(&cursor, &length)) != NULL) {
		struct text single = { 0 };
		AUTO_FREE char *known = NULL;

		if (length == 0 || words_have_element(seen, word, element, length))
			continue;
		text_add(out, "%s%.*s", seen->count > 0 ? "," : "", (int)length, element);
		text_add(&single, "%.*s%.*s", (int)word_key_length(word), word, (int)length,
			 element);
		r = text_take(&single, &known);
		if (r == 0)
			r = kargs_add(seen, known);
	}
	return r;
}

/* KEY= with the elements of all words of that key, and with those of `word` behind them. */
static int merge_word(const struct kargs *others, const char *word, char **ret_word)
{
	struct text out = { 0 };
	struct kargs seen = { 0 };
	int r = 0;

	text_add(&out, "%.*s", (int)word_key_length(word), word);
	for (size_t i = 0; r == 0 && i < others->count; i++)
		if (words_same_key(others->items[i], word))
			r = merge_elements(others->items[i], &seen, &out);
	if (r == 0)
		r = merge_elements(word, &seen, &out);
	kargs_free(&seen);
	if (r < 0) {
		text_free(&out);
		return r;
	}
	return text_take(&out, ret_word);
}

static int merge_argument(const struct kargs *others, const char *word, enum merge merge,
			  struct loader_state *state)
{
	const struct list_key *list = find_list(word);
	AUTO_FREE char *merged = NULL;
	int r = 0;

	if (list == NULL || last_of_key(others, word) == NULL)
		return kargs_add(&state->ours, word);
	if (merge == MERGE_ALL || list->last_only)
		r = merge_word(others, word, &merged);
	if (r == 0)
		r = kargs_add(&state->ours, merged != NULL ? merged : word);
	for (size_t i = 0; r == 0 && merge != MERGE_LAST_ONLY && i < others->count; i++)
		if (words_same_key(others->items[i], word))
			r = kargs_add(&state->replaced, others->items[i]);
	return r;
}

int words_missing(const struct kargs *line, const struct kargs *wanted,
		  struct kargs *ret_missing)
{
	struct kargs missing = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < wanted->count; i++) {
		if (words_satisfy_at(line, wanted, i))
			continue;
		/* hugepages= may rightly be there twice. */
		r = argument_partner(wanted, i) == i ? kargs_add(&missing, wanted->items[i])
						     : kargs_append(&missing, wanted->items[i]);
	}
	if (r < 0)
		kargs_free(&missing);
	else
		*ret_missing = missing;
	return r;
}

int words_removable(const struct kargs *line, const struct kargs *ours, struct kargs *ret_words)
{
	struct kargs words = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < line->count; i++)
		if (argument_is_in(ours, line, i))
			r = kargs_add(&words, line->items[i]);
	for (size_t i = 0; r == 0 && i < line->count; i++)
		if (kargs_has(&words, line->items[i]) && !argument_is_in(ours, line, i))
			r = -ENOTSUP;
	if (r < 0)
		kargs_free(&words);
	else
		*ret_words = words;
	return r;
}

int words_present(const struct kargs *line, const struct kargs *wanted,
		  struct kargs *ret_present)
{
	struct kargs present = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < wanted->count; i++)
		if (words_satisfy_at(line, wanted, i))
			r = kargs_append(&present, wanted->items[i]);
	if (r < 0)
		kargs_free(&present);
	else
		*ret_present = present;
	return r;
}

int words_merge(const struct kargs *others, const struct kargs *arguments, enum merge merge,
		struct loader_state *ret_state)
{
	struct loader_state state = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < arguments->count; i++)
		r = merge_argument(others, arguments->items[i], merge, &state);
	if (r < 0) {
		loader_state_free(&state);
		return r;
	}
	*ret_state = state;
	return 0;
}

int words_choose(const struct kargs *line, const struct kargs *arguments,
		 const struct loader_state *before, enum merge merge,
		 struct loader_state *ret_state)
{
	struct kargs others = { 0 };
	struct kargs wanted = { 0 };
	int r = words_without(line, before, &others);

	if (r == 0)
		r = words_missing(&others, arguments, &wanted);
	if (r == 0)
		r = words_merge(&others, &wanted, merge, ret_state);
	kargs_free(&others);
	kargs_free(&wanted);
	return r;
}

/* --- /etc/kernel/cmdline ----------------------------------------------------------------- */

/* The length of the word at `c`: up to a blank that no quotes enclose. */
static size_t word_length(const char *c)
{
	bool quoted = false;
	size_t length = 0;

	for (; c[length] != '\0' && (quoted || strchr(BLANKS, c[length]) == NULL); length++)
		if (c[length] == '"')
			quoted = !quoted;
	return length;
}

/*
 * True for a line that kernel-install leaves out: in entries since systemd 257 (pull request
 * 34008: grep -v '^\s*#' in 90-loaderentry.install), in images since pull request 41146 of
 * 2026. To those before it is arguments like any other line; no word of ours is seen or put
 * there, which is right for both.
 */
static bool is_comment(const char *line)
{
	return line[strspn(line, " \t\v\f\r")] == '#';
}

/* Where the last line begins of the first `length` characters. */
static const char *last_line(const char *text, size_t length)
{
	while (length > 0 && text[length - 1] != '\n')
		length--;
	return text + length;
}

int cmdline_words(const char *text, struct kargs *ret_words)
{
	struct text kept = { 0 };
	AUTO_FREE char *lines = NULL;

	/* kernel-install makes a blank of a newline, in quotes too (90-loaderentry.install: tr). */
	for (; *text != '\0'; text = next_line(text))
		if (!is_comment(text))
			text_add(&kept, "%.*s ", (int)line_length(text), text);
	int r = text_take(&kept, &lines);
	return r < 0 ? r : kargs_parse(lines, ret_words);
}

static bool ends_with_any(const struct text *out, const char *characters)
{
	return out->error == 0 && out->length > 0 &&
	       strchr(characters, out->data[out->length - 1]) != NULL;
}

/*
 * Takes the blank before the word out that is written next, or, for the first word, moves
 * behind the blank after it, so that a word leaves as it came. A line that was begun behind a
 * comment leaves with the last of its words.
 */
static const char *drop_blank(struct text *out, const char *behind)
{
	if (ends_with_any(out, " \t"))
		out->data[--out->length] = '\0';
	else if (out->length == 0 && *behind == ' ')
		behind++;
	if ((*behind == '\n' || *behind == '\0') && ends_with_any(out, "\n") &&
	    is_comment(last_line(out->data, out->length - 1)))
		out->data[--out->length] = '\0';
	return behind;
}

/* The next place of the word in the line, from `index` on; line->count: none, as of a word with a
 * newline within quotes. */
static size_t find_word(const struct kargs *line, size_t index, const char *word)
{
	while (index < line->count && strcmp(line->items[index], word) != 0)
		index++;
	return index;
}

/* Copies the comments and the words of `text` without those of `stale`. */
static int copy_words(const char *text, const struct kargs *line,
		      const struct loader_state *stale, struct text *out)
{
	static const struct loader_state nothing;
	size_t next = 0; /* of the line's words */

	for (const char *start = text; *text != '\0';) {
		size_t blanks = strspn(text, BLANKS);
		bool first = text == start || memchr(text, '\n', blanks) != NULL;
		bool comment = first && text[blanks] == '#';
		size_t length =
			comment ? line_length(text + blanks) : word_length(text + blanks);
		AUTO_FREE char *word = strndup(text + blanks, length);
		AUTO_FREE char *left = NULL;

		if (word == NULL)
			return -ENOMEM;
		text_add(out, "%.*s", (int)blanks, text);
		text += blanks + length;
		size_t index = comment ? line->count : find_word(line, next, word);
		if (index < line->count)
			next = index + 1;
		/* A comment is nobody's word, even one that reads like a word of ours. */
		int r = word_without(word, line, index, comment ? &nothing : stale, &left);
		if (r < 0)
			return r;
		if (*left != '\0' || length == 0)
			text_add(out, "%s", left);
		else
			text = drop_blank(out, text);
	}
	return 0;
}

/* The text with the words at its end, before the newlines there are; behind a comment on a
 * line of their own. */
static int append_words(const char *text, const char *words, char **ret_text)
{
	struct text out = { 0 };
	const char *blank = " ";
	size_t length = strlen(text);

	while (length > 0 && text[length - 1] == '\n')
		length--;
	if (length == 0 || *words == '\0')
		blank = "";
	else if (is_comment(last_line(text, length)))
		blank = "\n";
	text_add(&out, "%.*s%s%s%s", (int)length, text, blank, words, text + length);
	return text_take(&out, ret_text);
}

int cmdline_edit(const char *text, const struct loader_state *stale, const struct kargs *added,
		 char **ret_text)
{
	struct text out = { 0 };
	AUTO_FREE char *copy = NULL;
	AUTO_FREE char *words = NULL;
	struct kargs line;
	int r = cmdline_words(text, &line);

	if (r < 0)
		return r;
	r = copy_words(text, &line, stale, &out);
	kargs_free(&line);
	if (r < 0) {
		text_free(&out);
		return r;
	}
	r = text_take(&out, &copy);
	if (r == 0)
		r = kargs_join(added, &words);
	return r != 0 ? r : append_words(copy, words, ret_text);
}

/* --- bootc ------------------------------------------------------------------------------- */

int bootc_render(const struct kargs *words, char **ret_text)
{
	struct text out = { 0 };

	text_add(&out, "# Written by vfio-claim from its configuration.\nkargs = [\n");
	for (size_t i = 0; i < words->count; i++) {
		text_add(&out, "    \"");
		for (const char *c = words->items[i]; *c != '\0'; c++)
			text_add(&out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
		text_add(&out, "\",\n");
	}
	text_add(&out, "]\n");
	return text_take(&out, ret_text);
}

/* Blanks, newlines and comments of TOML. */
static const char *skip_toml(const char *c)
{
	for (;;) {
		c += strspn(c, BLANKS);
		if (*c != '#')
			return c;
		c += line_length(c);
	}
}

/* One string, of either kind, on one line. Returns what is behind it, or NULL. */
static const char *read_toml_string(const char *c, struct text *value)
{
	char quote = *c++;

	for (; *c != quote; c++) {
		if (*c == '\0' || *c == '\n')
			return NULL;
		if (quote == '"' && *c == '\\') {
			c++;
			if (*c != '"' && *c != '\\')
				return NULL;
		}
		text_add(value, "%c", *c);
	}
	return c + 1;
}

static int read_toml_array(const char *c, struct kargs *words)
{
	for (c = skip_toml(c); *c != ']'; c = skip_toml(c)) {
		struct text value = { 0 };
		AUTO_FREE char *word = NULL;

		if (*c != '"' && *c != '\'')
			return -EBADMSG;
		c = read_toml_string(c, &value);
		if (c == NULL) {
			text_free(&value);
			return -EBADMSG;
		}
		int r = text_take(&value, &word);
		if (r == 0)
			r = kargs_append(words, word);
		if (r < 0)
			return r;
		c = skip_toml(c);
		if (*c == ',')
			c++;
		else if (*c != ']')
			return -EBADMSG;
	}
	return 0;
}

int bootc_read(const char *text, struct kargs *words)
{
	for (; *text != '\0'; text = next_line(text)) {
		const char *c = text + strspn(text, " \t");

		if (strncmp(c, "kargs", 5) != 0)
			continue;
		c += 5 + strspn(c + 5, " \t");
		if (*c != '=')
			continue;
		c = skip_toml(c + 1);
		return *c == '[' ? read_toml_array(c + 1, words) : -EBADMSG;
	}
	return 0;
}

/* --- PE files ---------------------------------------------------------------------------- */

/* Microsoft's "PE Format": offsets within the headers. */
enum {
	PE_POINTER = 0x3c,
	COFF_SECTIONS = 6,
	COFF_OPTIONAL_SIZE = 20,
	COFF_SIZE = 24,
	SECTION_SIZE = 40,
	SECTION_NAME = 8,
	SECTION_VIRTUAL_SIZE = 8,
	SECTION_RAW_SIZE = 16,
	SECTION_POINTER = 20,
	PE32_DIRECTORIES = 96,
	PE32_PLUS_DIRECTORIES = 112,
	PE32_PLUS_MAGIC = 0x20b,
	CERTIFICATES = 4 * 8 + 4, /* the size of the fifth directory */
};

/* A little-endian number; 0 behind the end, which no valid header has there. */
static size_t read_number(const char *data, size_t length, size_t offset, unsigned bytes)
{
	size_t number = 0;

	if (offset > length || length - offset < bytes)
		return 0;
	for (unsigned i = bytes; i > 0; i--)
		number = number << 8 | (unsigned char)data[offset + i - 1];
	return number;
}

/* Where "PE\0\0" is, or 0. */
static size_t find_pe(const char *data, size_t length)
{
	size_t offset = read_number(data, length, PE_POINTER, 4);

	if (length < 2 || memcmp(data, "MZ", 2) != 0 || offset > length ||
	    length - offset < COFF_SIZE || memcmp(data + offset, "PE\0\0", 4) != 0)
		return 0;
	return offset;
}

bool pe_find_section(const char *data, size_t length, const char *name,
		     struct pe_section *ret_section)
{
	size_t pe = find_pe(data, length);
	size_t count = read_number(data, length, pe + COFF_SECTIONS, 2);
	size_t header = pe + COFF_SIZE + read_number(data, length, pe + COFF_OPTIONAL_SIZE, 2);

	for (; pe != 0 && count > 0; count--, header += SECTION_SIZE) {
		if (header > length || length - header < SECTION_SIZE)
			return false;
		if (strncmp(data + header, name, SECTION_NAME) != 0)
			continue;
		size_t size = read_number(data, length, header + SECTION_VIRTUAL_SIZE, 4);
		size_t raw = read_number(data, length, header + SECTION_RAW_SIZE, 4);
		ret_section->offset = read_number(data, length, header + SECTION_POINTER, 4);
		/* The raw size is rounded up to the file's alignment. */
		ret_section->size = size != 0 && size < raw ? size : raw;
		return true;
	}
	return false;
}

bool pe_is_signed(const char *data, size_t length)
{
	size_t pe = find_pe(data, length);
	size_t optional = pe + COFF_SIZE;
	bool plus = read_number(data, length, optional, 2) == PE32_PLUS_MAGIC;

	return pe != 0 && read_number(data, length,
				      optional + CERTIFICATES +
					      (plus ? PE32_PLUS_DIRECTORIES : PE32_DIRECTORIES),
				      4) != 0;
}
