// SPDX-License-Identifier: GPL-2.0-or-later
/* Command line options from one table. */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

enum { MOST_OPTIONS = 48 };

static const struct option_entry *find_option(const struct option_entry *options,
					      const char *name, size_t length)
{
	for (; options->name != NULL; options++)
		if (strlen(options->name) == length &&
		    strncmp(options->name, name, length) == 0)
			return options;
	return NULL;
}

static int report_unknown(const char *program, const struct option_entry *options,
			  const char *word)
{
	const char *names[MOST_OPTIONS + 1] = { NULL };

	for (size_t i = 0; i < MOST_OPTIONS && options[i].name != NULL; i++)
		names[i] = options[i].name;
	const char *nearest = nearest_name(word + strspn(word, "-"), names);
	(void)fprintf(stderr, "%s: unknown option '%s'", program, word);
	if (nearest != NULL)
		(void)fprintf(stderr, "; did you mean --%s?", nearest);
	(void)fprintf(stderr, "\nTry '%s --help'.\n", program);
	return -EINVAL;
}

static int set_option(const char *program, const struct option_entry *option,
		      const char *inline_value, int argc, char **argv, int *index)
{
	if (option->argument == NULL) {
		if (inline_value != NULL) {
			(void)fprintf(stderr, "%s: --%s takes no value\n", program,
				      option->name);
			return -EINVAL;
		}
		*option->flag = true;
		return 0;
	}
	if (inline_value == NULL) {
		if (*index + 1 >= argc) {
			(void)fprintf(stderr, "%s: --%s needs a value: %s\n", program,
				      option->name, option->argument);
			return -EINVAL;
		}
		inline_value = argv[++*index];
	}
	*option->value = inline_value;
	return 0;
}

/* What people type before they know an option; every program has these two. */
static const char *long_form(const char *word)
{
	if (strcmp(word, "-h") == 0)
		return "--help";
	return strcmp(word, "-V") == 0 ? "--version" : word;
}

int options_parse(const char *program, const struct option_entry *options, int argc,
		  char **argv, int *index)
{
	for (; *index < argc; (*index)++) {
		const char *word = long_form(argv[*index]);

		if (strcmp(word, "--") == 0) {
			(*index)++;
			return 0;
		}
		if (word[0] != '-' || word[1] == '\0')
			return 0;
		size_t length = strcspn(word, "=");
		const struct option_entry *option =
			strncmp(word, "--", 2) == 0 ? find_option(options, word + 2, length - 2)
						    : NULL;
		if (option == NULL)
			return report_unknown(program, options, word);
		const char *value = word[length] == '=' ? word + length + 1 : NULL;
		int r = set_option(program, option, value, argc, argv, index);
		if (r < 0)
			return r;
	}
	return 0;
}

bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (*list != '\0') {
		size_t next = strcspn(list, " ");

		if (next == length && strncmp(list, word, length) == 0)
			return true;
		list += next;
		list += strspn(list, " ");
	}
	return false;
}

void options_help(const struct option_entry *options)
{
	for (; options->name != NULL; options++) {
		char left[40];

		(void)snprintf(left, sizeof(left), "--%s%s%s", options->name,
			       options->argument ? " " : "",
			       options->argument ? options->argument : "");
		(void)printf("  %-22s %s", left, options->help);
		if (options->commands != NULL)
			(void)printf(" (%s)", options->commands);
		(void)printf("\n");
	}
}
