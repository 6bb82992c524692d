// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the reader of the kernel command line; its claims must fit into a table. What switches
 * off and what shows a boot over the network is held against a small reader in the kernel's way.
 */
#include <ctype.h>

#include "cmdline.h"
#include "fuzz.h"
#include "udev_rule.h"

static void check_modules(const struct module_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		MUST(driver_name_valid(list->items[i]));
}

/* isspace() of the kernel (lib/ctype.c), which has the no-break space of Latin-1 too. */
static bool is_blank(char c)
{
	return isspace((unsigned char)c) || (unsigned char)c == 0xa0;
}

/*
 * The next argument of a line, as the kernel's next_arg() finds it (lib/cmdline.c), all quotes
 * taken away; NULL at the end. Moves *line behind it and writes into it.
 */
static char *next_arg(char **line)
{
	char *start = *line;
	char *to;
	bool in_quote = false;

	while (*start != '\0' && is_blank(*start))
		start++;
	if (*start == '\0')
		return NULL;
	char *c = to = start;
	for (; *c != '\0' && (in_quote || !is_blank(*c)); c++) {
		if (*c == '"')
			in_quote = !in_quote;
		else
			*to++ = *c;
	}
	*line = *c != '\0' ? c + 1 : c;
	*to = '\0';
	return start;
}

/* What of a line can be told by its arguments alone. */
struct expected {
	bool off;
	bool on;
	bool recovery;
	bool debug;
	bool network; /* by a word that has no other meaning */
};

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

/* An argument, its dashes being underscores in the name. */
static void expect_argument(char *argument, struct expected *expected)
{
	static const char *const off[] = { "0", "no", "off", NULL };
	static const char *const on[] = { "", "1", "yes", "on", NULL };
	static const char *const recovery[] = { "single", "recovery", NULL };

	if (is_one_of(argument, recovery))
		expected->recovery = true;
	char *value = argument + strcspn(argument, "=");
	bool has_value = *value == '=';
	if (has_value)
		*value++ = '\0';
	for (char *c = argument; *c != '\0'; c++)
		*c = *c == '-' ? '_' : *c;
	if (has_value && strcmp(argument, "rd.vfio_claim") == 0) {
		expected->off = expected->off || is_one_of(value, off);
		expected->on = expected->on || !is_one_of(value, off);
	}
	if (strcmp(argument, "rd.vfio_claim.debug") == 0 &&
	    (!has_value || is_one_of(value, on) || is_one_of(value, off)))
		expected->debug = !has_value || is_one_of(value, on);
}

static struct expected expect(const char *string)
{
	static const char *const network[] = { "ip=dhcp", "root=/dev/nfs", "rd.neednet=1",
					       "netroot=iscsi:x", NULL };
	struct expected expected = { 0 };
	char *copy = strdup(string);
	char *rest = copy;
	bool to_init = false;
	char *argument;

	MUST(copy != NULL);
	while ((argument = next_arg(&rest)) != NULL) {
		expected.network = expected.network || is_one_of(argument, network);
		to_init = to_init || strcmp(argument, "--") == 0;
		if (!to_init)
			expect_argument(argument, &expected);
	}
	free(copy);
	return expected;
}

/* The word that shows a boot over the network is the beginning of an argument. */
static void check_network_by(const char *string, const char *network_by)
{
	char *copy = strdup(string);
	char *rest = copy;
	bool found = false;
	const char *argument;

	MUST(copy != NULL);
	while ((argument = next_arg(&rest)) != NULL)
		found = found || strncmp(argument, network_by, strlen(network_by)) == 0;
	MUST(found);
	free(copy);
}

static void check_expected(const char *string, const struct cmdline *cmdline)
{
	struct expected expected = expect(string);

	MUST(cmdline->enabled == expected.on);
	MUST(cmdline->disabled == (expected.off || (expected.recovery && !expected.on)));
	MUST(cmdline->disabled == (cmdline->disabled_by != NULL));
	MUST((cmdline->recovery != NULL) == expected.recovery);
	MUST(cmdline->debug == expected.debug);
	MUST(!expected.network || cmdline->network_by != NULL);
	if (cmdline->network_by != NULL)
		check_network_by(string, cmdline->network_by);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cmdline cmdline;
	char *string = malloc(size + 1);
	char *rule;

	MUST(string != NULL);
	if (size > 0)
		memcpy(string, data, size);
	string[size] = '\0';
	MUST(cmdline_parse(string, &cmdline) == 0);
	check_round_trip(&cmdline.claims);
	check_modules(&cmdline.pre);
	check_modules(&cmdline.post);
	check_modules(&cmdline.blacklist);
	/* Longer arguments are cut. */
	if (strlen(string) < 4096)
		check_expected(string, &cmdline);
	MUST(udev_rule_render(&cmdline.claims, NULL, &rule) == 0);
	free(rule);
	cmdline_free(&cmdline);
	free(string);
	return 0;
}
