// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * quote LANGUAGE: quotes each string of standard input (a zero byte behind each) and prints it, a
 * zero byte behind each, or a byte 1 where the language cannot say it. tests/tools/quotes.py reads
 * the result with real readers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quoting.h"

static int quote_shell_word(struct text *text, const char *string)
{
	quote_shell(text, string);
	return 0;
}

static const struct {
	const char *name;
	int (*quote)(struct text *text, const char *string);
} languages[] = {
	{ "ini", quote_ini },           { "json", quote_json },
	{ "yaml", quote_yaml },         { "toml", quote_toml },
	{ "xml-text", quote_xml_text }, { "xml-attribute", quote_xml_attribute },
	{ "shell", quote_shell_word },
};

static int print_quoted(int (*quote)(struct text *text, const char *string), const char *string)
{
	struct text text = { 0 };
	AUTO_FREE char *quoted = NULL;
	int r = quote(&text, string);
	int taken = text_take(&text, &quoted);

	if (taken < 0)
		return taken;
	(void)fputs(r < 0 ? "\x01" : quoted, stdout);
	(void)putchar('\0');
	return 0;
}

int main(int argc, char **argv)
{
	AUTO_FREE char *string = NULL;
	size_t room = 0;
	size_t language = 0;
	const size_t count = sizeof(languages) / sizeof(languages[0]);

	while (language < count &&
	       (argc != 2 || strcmp(argv[1], languages[language].name) != 0))
		language++;
	if (language == count)
		return EXIT_FAILURE;
	while (getdelim(&string, &room, '\0', stdin) >= 0)
		if (print_quoted(languages[language].quote, string) < 0)
			return EXIT_FAILURE;
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
