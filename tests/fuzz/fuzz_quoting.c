// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzzes the quoting: what a reader of each language gets is what was given, to its end. */
#include <errno.h>

#include "fuzz.h"
#include "quoting.h"

/* A text that is being read, and the characters that were read. */
struct reading {
	const char *rest;
	char *out;
	size_t length;
};

static void put(struct reading *reading, uint32_t character)
{
	unsigned char *out = (unsigned char *)reading->out + reading->length;
	size_t length = character < 0x80      ? 1
			: character < 0x800   ? 2
			: character < 0x10000 ? 3
					      : 4;

	for (size_t i = length - 1; i > 0; i--, character >>= 6)
		out[i] = (unsigned char)(0x80 | (character & 0x3f));
	out[0] = (unsigned char)(length == 1 ? character
					     : (0xf00U >> length & 0xff) | character);
	reading->length += length;
}

static uint32_t take_hex(struct reading *reading, size_t digits)
{
	uint32_t value;

	MUST(strlen(reading->rest) >= digits && parse_hex(reading->rest, digits, &value) == 0);
	reading->rest += digits;
	return value;
}

/* Of JSON, YAML and TOML: the escapes that all of them have, and the two that some do. */
static void take_escape(struct reading *reading, bool surrogates)
{
	char kind = *reading->rest++;
	uint32_t character;

	if (kind == '"' || kind == '\\' || kind == 'n' || kind == 't') {
		put(reading, kind == 'n' ? '\n' : kind == 't' ? '\t' : (uint32_t)kind);
		return;
	}
	MUST(kind == 'u' || (kind == 'U' && !surrogates));
	character = take_hex(reading, kind == 'u' ? 4 : 8);
	if (character >= 0xd800 && character < 0xdc00) {
		MUST(surrogates && strncmp(reading->rest, "\\u", 2) == 0);
		reading->rest += 2;
		uint32_t low = take_hex(reading, 4);
		MUST(low >= 0xdc00 && low < 0xe000);
		character = 0x10000 + ((character - 0xd800) << 10 | (low - 0xdc00));
	}
	put(reading, character);
}

static void read_escaped(struct reading *reading, bool surrogates)
{
	MUST(*reading->rest++ == '"');
	while (*reading->rest != '"') {
		/* The end, or what none of them allows as it is. */
		MUST((unsigned char)*reading->rest >= 0x20 && *reading->rest != 0x7f);
		if (*reading->rest == '\\') {
			reading->rest++;
			take_escape(reading, surrogates);
		} else {
			reading->out[reading->length++] = *reading->rest++;
		}
	}
	MUST(*++reading->rest == '\0');
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
	bool quoted = false;

	for (; *reading->rest != '\0'; reading->rest++) {
		if (*reading->rest == '\'') {
			quoted = !quoted;
			continue;
		}
		if (!quoted) {
			MUST(*reading->rest == '\\' && reading->rest[1] == '\'');
			reading->rest++;
		}
		reading->out[reading->length++] = *reading->rest;
	}
	MUST(!quoted);
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
