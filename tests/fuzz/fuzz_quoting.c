// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzzes the quoting: what a reader of each language gets is what was given, to its end. */
#include <errno.h>

#include "quoting.h"
#include "unquote.h"

static void read_escaped(struct reading *reading, bool surrogates)
{
	take_escaped(reading, surrogates);
	MUST(*reading->rest == '\0');
}

static void read_json(struct reading *reading)
{
	read_escaped(reading, true);
}

static void read_wide(struct reading *reading)
{
	read_escaped(reading, false);
}

/* As oslo.config: one line, the ends trimmed, "\$" like "$$", $name another option's value. */
static void read_ini(struct reading *reading)
{
	size_t length = strlen(reading->rest);

	MUST(length == 0 || (reading->rest[0] != ' ' && reading->rest[length - 1] != ' '));
	MUST(length == 0 || reading->rest[0] != reading->rest[length - 1] ||
	     strchr("\"'", reading->rest[0]) == NULL);
	for (; *reading->rest != '\0'; reading->rest++) {
		MUST((unsigned char)*reading->rest >= 0x20);
		MUST(strncmp(reading->rest, "\\$", 2) != 0);
		if (*reading->rest == '$')
			MUST(*++reading->rest == '$');
		reading->out[reading->length++] = *reading->rest;
	}
}

static void read_xml(struct reading *reading)
{
	while (*reading->rest != '\0') {
		char *end;

		MUST(strchr("<>\"'", *reading->rest) == NULL && *reading->rest != '\r');
		if (*reading->rest != '&') {
			reading->out[reading->length++] = *reading->rest++;
			continue;
		}
		MUST(reading->rest[1] == '#' && reading->rest[2] != '+' &&
		     reading->rest[2] != '-');
		put(reading, (uint32_t)strtoul(reading->rest + 2, &end, 10));
		MUST(end != reading->rest + 2 && *end == ';');
		reading->rest = end + 1;
	}
}

static void read_attribute_value(struct reading *reading)
{
	/* A reader makes these into blanks (3.3.3). */
	MUST(strpbrk(reading->rest, "\n\t") == NULL);
	read_xml(reading);
}

static void read_shell(struct reading *reading)
{
	take_shell(reading);
	MUST(*reading->rest == '\0');
}

static int quote_shell_word(struct text *text, const char *string)
{
	quote_shell(text, string);
	return 0;
}

static void check(const char *string, int (*quote)(struct text *, const char *),
		  void (*read)(struct reading *))
{
	struct text text = { 0 };
	char *quoted;
	int r = quote(&text, string);

	MUST(text_take(&text, &quoted) == 0);
	MUST(r == 0 || (r == -EINVAL && *quoted == '\0'));
	if (r == 0) {
		struct reading reading = { .rest = quoted,
					   .out = malloc(strlen(quoted) * 4 + 8) };

		MUST(reading.out != NULL);
		read(&reading);
		MUST(reading.length == strlen(string));
		MUST(memcmp(reading.out, string, reading.length) == 0);
		free(reading.out);
	}
	free(quoted);
}

/* Every line is the comment's own. */
static void check_comment(const char *string)
{
	struct text text = { 0 };
	char *comment;

	text_add_comment(&text, "  # ", string);
	MUST(text_take(&text, &comment) == 0 && is_utf8(comment));
	for (const char *line = comment; *line != '\0'; line = strchr(line, '\n') + 1)
		MUST(strncmp(line, "  #", 3) == 0 && strchr(line, '\n') != NULL);
	MUST(strpbrk(comment, "\r\v\f\x1b") == NULL && *comment != '\0');
	free(comment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *string = strndup((const char *)data, size);

	MUST(string != NULL);
	check(string, quote_json, read_json);
	check(string, quote_yaml, read_wide);
	check(string, quote_toml, read_wide);
	check(string, quote_ini, read_ini);
	check(string, quote_xml_text, read_xml);
	check(string, quote_xml_attribute, read_attribute_value);
	check(string, quote_shell_word, read_shell);
	check_comment(string);
	free(string);
	return 0;
}
