// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the lines of the files in which something may be left over. */
#include "leftovers.h"

#include <errno.h>
#include <string.h>

#include "leftover_parts.h"
#include "text.h"

#define BLANKS " \t\r"
/* What is around kernel arguments in assignments, TOML and JSON. */
#define QUOTES "\"'[]"

/* A backslash at a line's end, where lines are joined: nothing, within a word too. */
static bool is_break(const char *c)
{
	return c[0] == '\\' && c[1] == '\n';
}

/* Goes on to the next word, and counts lines. */
static char *skip_ends(struct finder *finder, char *in, const char *ends)
{
	finder->line += finder->behind;
	finder->behind = 0;
	for (; *in != '\0' && (*in == '\n' || is_break(in) || strchr(ends, *in)); in++)
		finder->line += *in == '\n';
	return in;
}

/* The next word of a line, or NULL; finder->line is where it begins. @ends: what ends a word */
static char *next_word(struct finder *finder, char **rest, const char *ends)
{
	char *in = skip_ends(finder, *rest, ends);
	char *word = in;
	char *out = in;

	for (; *in != '\0' && *in != '\n' && strchr(ends, *in) == NULL; in++)
		if (is_break(in)) {
			in++;
			finder->behind++;
		} else {
			*out++ = *in;
		}
	*rest = in;
	if (*in != '\0') {
		finder->behind += *in == '\n';
		(*rest)++;
	}
	*out = '\0';
	return out == word ? NULL : word;
}

/* The value of the next word KEY=VALUE among those that follow; "" for none. */
static const char *value_of_next(struct finder *finder, char *rest, const char *key)
{
	size_t length = strlen(key);
	const char *word;

	while ((word = next_word(finder, &rest, BLANKS)) != NULL)
		if (strncmp(word, key, length) == 0)
			return word + length;
	return "";
}

static int check_softdep(struct finder *finder, char *rest)
{
	const char *word;
	int r = 0;

	while (r == 0 && (word = next_word(finder, &rest, BLANKS)) != NULL)
		if (leftover_same_module(word, "pci_stub"))
			r = leftover_module(finder, word, "");
	return r;
}

static int check_modprobe_line(struct finder *finder, char *line)
{
	char *rest = line;
	const char *verb = next_word(finder, &rest, BLANKS);
	const char *module = verb != NULL ? next_word(finder, &rest, BLANKS) : NULL;

	if (module == NULL)
		return 0;
	if (strcmp(verb, "options") == 0)
		return leftover_module(finder, module, value_of_next(finder, rest, "ids="));
	if (strcmp(verb, "softdep") == 0)
		return check_softdep(finder, rest);
	if (strcmp(verb, "blacklist") == 0 && leftover_same_module(module, "vfio_pci"))
		return diagnostics_add(
			finder->warnings, finder->file, finder->line,
			"a blacklisted vfio-pci is not loaded by modprobe -b, as "
			"libvirt and initramfs-tools start it; remove it");
	if (strcmp(verb, "install") == 0 && leftover_same_module(module, "vfio_pci"))
		return diagnostics_add(finder->warnings, finder->file, finder->line,
				       "an install command for vfio-pci is not run by the boot "
				       "helper; claims do the work of such scripts, remove it");
	return 0;
}

static int check_modules_line(struct finder *finder, char *line)
{
	char *rest = line;
	const char *module = next_word(finder, &rest, BLANKS);

	if (module == NULL)
		return 0;
	return leftover_module(finder, module, value_of_next(finder, rest, "ids="));
}

static int check_arguments(struct finder *finder, char *rest)
{
	const char *word;
	int r = 0;

	while (r == 0 && (word = next_word(finder, &rest, BLANKS QUOTES)) != NULL)
		r = leftover_argument(finder, word);
	return r;
}

/*
 * What is behind = when a word sets a variable of kernel arguments, or NULL. EDPM keeps
 * edpm_kernel_args in a variable that it adds to that of GRUB: GRUB_EDPM_KERNEL_ARGS
 * (edpm-ansible, roles/edpm_kernel/tasks/kernelargs.yml). Xen has arguments of its own.
 */
static const char *set_arguments(struct finder *finder, const char *word)
{
	static const char xen[] = "GRUB_CMDLINE_XEN";
	const char *value = strchr(word, '=');

	if (value == NULL || strncmp(word, xen, strlen(xen)) == 0)
		return NULL;
	size_t length = (size_t)(value - word);
	bool generated = memmem(word, length, "KERNEL_ARGS", strlen("KERNEL_ARGS")) != NULL;
	if (!generated && memmem(word, length, "CMDLINE", strlen("CMDLINE")) == NULL)
		return NULL;
	finder->generated = generated;
	finder->recovery = memmem(word, length, "RECOVERY", strlen("RECOVERY")) != NULL;
	return value + 1;
}

/* Quotes end words as blanks do, so that substitutions need not be understood. */
static int check_shell_line(struct finder *finder, char *line)
{
	bool inside = false;
	const char *word;
	char *rest = line;
	int r = 0;

	while (r == 0 && (word = next_word(finder, &rest, BLANKS QUOTES)) != NULL) {
		const char *value = set_arguments(finder, word);

		if (value != NULL || inside)
			r = leftover_argument(finder, value ? value : word);
		inside = inside || value != NULL;
	}
	return r;
}

/*
 * Lines of the Boot Loader Specification, of extlinux, of GRUB's own scripts and of its
 * environment block; rEFInd's, with their title in quotes; in profiles of tuned cmdline=, and cmdline_NAME= with what it adds.
 */
static bool holds_arguments(const char *key)
{
	static const char *const keys[] = { "options",  "append",  "linux",
					    "linuxefi", "linux16", "kernelopts" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcasecmp(key, keys[i]) == 0)
			return true;
	return strcmp(key, "cmdline") == 0 || strncmp(key, "cmdline_", 8) == 0;
}

static int check_entry_line(struct finder *finder, char *line)
{
	char *rest = line;
	char *word = next_word(finder, &rest, BLANKS);
	int r = 0;

	if (word == NULL)
		return 0;
	char *value = word + strcspn(word, "=");
	if (*value == '=')
		*value++ = '\0';
	if (*word != '"' && !holds_arguments(word))
		return 0;
	for (word = value; r == 0 && word != NULL;
	     word = next_word(finder, &rest, BLANKS QUOTES))
		if (*(word += strspn(word, "=+")) != '\0')
			r = leftover_argument(finder, word);
	return r;
}

/* The variables of dracut.conf(5) that matter. */
enum dracut_list { DRACUT_OTHER, DRACUT_DRIVERS, DRACUT_OMITTED, DRACUT_ARGUMENTS };

/* @ret_value: what is behind = and += */
static enum dracut_list dracut_variable(const char *word, const char **ret_value)
{
	static const struct {
		const char *name;
		enum dracut_list list;
	} lists[] = {
		{ "add_drivers", DRACUT_DRIVERS },      { "force_drivers", DRACUT_DRIVERS },
		{ "drivers", DRACUT_DRIVERS },          { "omit_drivers", DRACUT_OMITTED },
		{ "kernel_cmdline", DRACUT_ARGUMENTS },
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		size_t length = strlen(lists[i].name);

		if (strncmp(word, lists[i].name, length) != 0)
			continue;
		length += word[length] == '+';
		if (word[length] != '=')
			continue;
		*ret_value = word + length + 1;
		return lists[i].list;
	}
	return DRACUT_OTHER;
}

static int check_dracut_word(struct finder *finder, enum dracut_list list, const char *word)
{
	if (list == DRACUT_ARGUMENTS)
		return leftover_argument(finder, word);
	if (list == DRACUT_DRIVERS)
		return leftover_module(finder, word, "");
	if (list == DRACUT_OMITTED && leftover_same_module(word, "vfio_pci"))
		return diagnostics_add(finder->warnings, finder->file, finder->line,
				       "omit_drivers keeps vfio_pci out of the initramfs, "
				       "where claims need it; remove it");
	return 0;
}

/* Lists grow by += as strings do; dracut itself warns of a value without blanks around it. */
static bool is_glued(const char *line)
{
	const char *value = strstr(line, "+=");

	if (value == NULL || strstr(value, "vfio") == NULL)
		return false;
	value += strlen("+=");
	if (*value != '"' && *value != '\'')
		return true;
	const char *end = strchr(value + 1, *value);
	return strchr(BLANKS "\n", value[1]) == NULL ||
	       (end != NULL && strchr(BLANKS "\n", end[-1]) == NULL);
}

static int check_dracut_line(struct finder *finder, char *line)
{
	enum dracut_list list = DRACUT_OTHER;
	bool glued = is_glued(line);
	const char *word;
	char *rest = line;
	int r = 0;

	while (r == 0 && (word = next_word(finder, &rest, BLANKS QUOTES)) != NULL) {
		const char *value = word;
		enum dracut_list named = dracut_variable(word, &value);

		list = named != DRACUT_OTHER ? named : list;
		if (named != DRACUT_OTHER && glued)
			r = diagnostics_add(finder->warnings, finder->file, finder->line,
					    "dracut joins this to the values of other files: "
					    "put a blank before the first word and behind the "
					    "last one");
		if (r == 0 && *value != '\0')
			r = check_dracut_word(finder, list, value);
	}
	return r;
}

/* driverctl(8) sets the override when udev has found the device, over what is there already. */
static int check_driverctl_line(struct finder *finder, char *line)
{
	char *rest = line;
	const char *driver = next_word(finder, &rest, BLANKS);

	return driver == NULL ? 0 : leftover_driverctl(finder, driver);
}

/* Only commands do something; a unit's description may tell of what it is about. */
static int check_unit_line(struct finder *finder, char *line)
{
	line += strspn(line, BLANKS);
	return strncmp(line, "Exec", strlen("Exec")) == 0 ? leftover_script(finder, line) : 0;
}

static int check_script_line(struct finder *finder, char *line)
{
	return leftover_script(finder, line);
}

/* How the lines of a kind of file are read. */
static const struct syntax {
	const char *comments; /* what begins one, at the start of a line */
	bool trailing;        /* also behind a blank, outside of quotes */
	bool joins;           /* a backslash at a line's end: it goes on in the next one */
	bool spans;           /* a quote does so, too */
	int (*check)(struct finder *finder, char *line);
} syntaxes[] = {
	/* libkmod joins lines first, those of comments too (libkmod-config.c). */
	[LEFTOVER_MODPROBE] = { .comments = "", .joins = true, .check = check_modprobe_line },
	[LEFTOVER_MODULES] = { .comments = "#", .check = check_modules_line },
	[LEFTOVER_LINE] = { .comments = "#", .check = check_arguments },
	[LEFTOVER_TOML] = { .comments = "#", .trailing = true, .check = check_arguments },
	[LEFTOVER_ENTRY] = { .comments = "#;", .joins = true, .check = check_entry_line },
	[LEFTOVER_SHELL] = { .comments = "#",
			     .trailing = true,
			     .joins = true,
			     .spans = true,
			     .check = check_shell_line },
	[LEFTOVER_DRACUT] = { .comments = "#",
			      .trailing = true,
			      .joins = true,
			      .spans = true,
			      .check = check_dracut_line },
	[LEFTOVER_BOOTED] = { .comments = "", .check = check_arguments },
	[LEFTOVER_DRIVERCTL] = { .comments = "#", .check = check_driverctl_line },
	[LEFTOVER_SCRIPT] = { .comments = "#", .trailing = true, .check = check_script_line },
	/* systemd.syntax(7) */
	[LEFTOVER_UNIT] = { .comments = "#;", .joins = true, .check = check_unit_line },
};

static bool begins_comment(const struct syntax *syntax, const char *line, const char *c)
{
	if (strchr(syntax->comments, *c) == NULL)
		return false;
	if (syntax->trailing && (c == line || strchr(BLANKS, c[-1]) != NULL))
		return true;
	while (c > line && strchr(BLANKS, c[-1]) != NULL)
		c--;
	return c == line || c[-1] == '\n';
}

/*
 * Cuts the next line off, with all that it goes on in, and empties its comments. The backslashes
 * and newlines within are next_word()'s to take away, which counts lines by them.
 */
static char *take_line(struct finder *finder, char **rest)
{
	const struct syntax *syntax = &syntaxes[finder->kind];
	char quote = '\0';
	char *line = *rest;
	char *c;

	finder->line = finder->next_line;
	finder->behind = 0;
	for (c = line; *c != '\0' && (*c != '\n' || (quote != '\0' && syntax->spans)); c++) {
		if (*c == '\\' && c[1] != '\0' && (c[1] != '\n' || syntax->joins))
			c++;
		else if (*c == quote)
			quote = '\0';
		else if (quote == '\0' && (*c == '"' || *c == '\''))
			quote = *c;
		else if (quote == '\0' && begins_comment(syntax, line, c))
			memset(c, ' ', strcspn(c, "\n"));
		finder->next_line += *c == '\n';
	}
	*rest = *c == '\0' ? NULL : c + 1;
	*c = '\0';
	finder->next_line++;
	return line;
}

int leftovers_find(enum leftover_file kind, const char *file, const char *text,
		   const struct leftover_view *view, struct diagnostics *warnings)
{
	struct finder finder = { .kind = kind,
				 .file = file,
				 .next_line = 1,
				 .view = view,
				 .before = warnings->count,
				 .warnings = warnings };
	AUTO_FREE char *copy = strdup(text);
	char *rest = copy;
	int r = 0;

	if (copy == NULL)
		return -ENOMEM;
	if (kind == LEFTOVER_SCRIPT || kind == LEFTOVER_UNIT)
		finder.named = leftover_script_names(&view->config->claims, text);
	while (r == 0 && rest != NULL)
		r = syntaxes[kind].check(&finder, take_line(&finder, &rest));
	return r;
}
