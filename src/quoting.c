// SPDX-License-Identifier: GPL-2.0-or-later
/* Strings in the languages of other systems' files. */
#include "quoting.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { COMMENT_COLUMNS = 95 };

/*
 * Decodes the character at `string`. Returns how many bytes it has and sets *ret_character, or 0
 * where there is none: a stray or missing byte, a longer form than needed, a surrogate, too far.
 */
static size_t decode(const char *string, uint32_t *ret_character)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *bytes = (const unsigned char *)string;
	size_t length = bytes[0] < 0x80   ? 1
			: bytes[0] < 0xc0 ? 0
			: bytes[0] < 0xe0 ? 2
			: bytes[0] < 0xf0 ? 3
			: bytes[0] < 0xf8 ? 4
					  : 0;
	uint32_t character = length < 2 ? bytes[0] : bytes[0] & (0x7fU >> length);

	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (bytes[i] & 0x3f);
	}
	if (length == 0 || character < least[length] || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return 0;
	*ret_character = character;
	return length;
}

size_t utf8_length(const char *string)
{
	const char *end = string;
	uint32_t character;
	size_t length;

	while (*end != '\0' && (length = decode(end, &character)) > 0)
		end += length;
	return (size_t)(end - string);
}

bool is_utf8(const char *string)
{
	return string[utf8_length(string)] == '\0';
}

static bool is_control(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

/* Line ends of Unicode, the byte order mark, and what is no character: not all readers of YAML
 * take them as they are (5.1), and nobody can see them. */
static bool is_delicate(uint32_t character)
{
	return is_control(character) || character == 0x2028 || character == 0x2029 ||
	       character == 0xfeff || (character & 0xfffe) == 0xfffe;
}

void text_put_visible(struct text *text, const char *string)
{
	uint32_t character;

	while (*string != '\0') {
		size_t length = decode(string, &character);

		if (length > 0 &&
		    (*string == '\n' || *string == '\t' || !is_delicate(character)))
			text_add(text, "%.*s", (int)length, string);
		else
			for (size_t i = 0; i < (length > 0 ? length : 1); i++)
				text_add(text, "\\x%02x", (unsigned char)string[i]);
		string += length > 0 ? length : 1;
	}
}

/* How a language writes a character by its number. */
typedef void escape_function(struct text *text, uint32_t character);

/* Beyond 16 bits as two surrogates (RFC 8259, 7). */
static void escape_json(struct text *text, uint32_t character)
{
	if (character < 0x10000) {
		text_add(text, "\\u%04x", character);
		return;
	}
	character -= 0x10000;
	text_add(text, "\\u%04x\\u%04x", 0xd800 + (character >> 10),
		 0xdc00 + (character & 0x3ff));
}

/* YAML 1.1 and TOML have no surrogates, but \U. */
static void escape_wide(struct text *text, uint32_t character)
{
	if (character < 0x10000)
		text_add(text, "\\u%04x", character);
	else
		text_add(text, "\\U%08x", character);
}

static void add_escaped(struct text *text, uint32_t character, const char *bytes, size_t length,
			escape_function *escape)
{
	if (character == '"' || character == '\\')
		text_add(text, "\\%c", (char)character);
	else if (character == '\n')
		text_add(text, "\\n");
	else if (character == '\t')
		text_add(text, "\\t");
	else if (is_delicate(character))
		escape(text, character);
	else
		text_add(text, "%.*s", (int)length, bytes);
}

static int quote_escaped(struct text *text, const char *string, escape_function *escape)
{
	uint32_t character;

	if (!is_utf8(string))
		return -EINVAL;
	text_add(text, "\"");
	while (*string != '\0') {
		size_t length = decode(string, &character);

		add_escaped(text, character, string, length, escape);
		string += length;
	}
	text_add(text, "\"");
	return 0;
}

int quote_json(struct text *text, const char *string)
{
	return quote_escaped(text, string, escape_json);
}

int quote_yaml(struct text *text, const char *string)
{
	return quote_escaped(text, string, escape_wide);
}

int quote_toml(struct text *text, const char *string)
{
	return quote_escaped(text, string, escape_wide);
}

/* Python's str.strip() takes every blank of Unicode away. */
static bool is_blank(uint32_t character)
{
	return character == ' ' || character == 0xa0 || character == 0x1680 ||
	       (character >= 0x2000 && character <= 0x200a) || character == 0x202f ||
	       character == 0x205f || character == 0x3000;
}

static bool ini_can_say(const char *string)
{
	uint32_t first = 0;
	uint32_t last = 0;
	uint32_t character;

	for (const char *c = string; *c != '\0';) {
		size_t length = decode(c, &character);

		if (length == 0 || is_delicate(character) || (last == '\\' && character == '$'))
			return false;
		if (c == string)
			first = character;
		last = character;
		c += length;
	}
	return !is_blank(first) && !is_blank(last) &&
	       !(first == last && (first == '"' || first == '\''));
}

int quote_ini(struct text *text, const char *string)
{
	if (!ini_can_say(string))
		return -EINVAL;
	for (; *string != '\0'; string++)
		text_add(text, "%s%c", *string == '$' ? "$" : "", *string);
	return 0;
}

/* Char of XML 1.0 (2.2). The controls from 7f on are allowed, if discouraged. */
static bool is_xml(uint32_t character)
{
	return character >= 0x20 ? character != 0xfffe && character != 0xffff
				 : character == '\t' || character == '\n' || character == '\r';
}

/* A reference where the bare character would mean something, or would be changed by the reader:
 * line ends (2.11), blanks of attributes (3.3.3). */
static bool xml_needs_reference(uint32_t character, bool attribute)
{
	return is_control(character)
		       ? attribute || (character != '\n' && character != '\t')
		       : strchr("&<>\"'", (int)(character & 0x7f)) != NULL && character < 0x80;
}

static int quote_xml(struct text *text, const char *string, bool attribute)
{
	uint32_t character;

	for (const char *c = string; *c != '\0';) {
		size_t length = decode(c, &character);

		if (length == 0 || !is_xml(character))
			return -EINVAL;
		c += length;
	}
	while (*string != '\0') {
		size_t length = decode(string, &character);

		if (xml_needs_reference(character, attribute))
			text_add(text, "&#%u;", character);
		else
			text_add(text, "%.*s", (int)length, string);
		string += length;
	}
	return 0;
}

int quote_xml_text(struct text *text, const char *string)
{
	return quote_xml(text, string, false);
}

int quote_xml_attribute(struct text *text, const char *string)
{
	return quote_xml(text, string, true);
}

void quote_shell(struct text *text, const char *string)
{
	text_add(text, "'");
	for (; *string != '\0'; string++)
		if (*string == '\'')
			text_add(text, "'\\''");
		else
			text_add(text, "%c", *string);
	text_add(text, "'");
}

/* Appends `length` bytes of a comment's word; a character that cannot be seen, or a byte that is
 * of none, is one "?". */
static void add_visible(struct text *text, const char *string, size_t length)
{
	uint32_t character;

	for (const char *end = string + length; string < end;) {
		size_t bytes = decode(string, &character);

		if (bytes == 0 || is_delicate(character))
			text_add(text, "?");
		else
			text_add(text, "%.*s", (int)bytes, string);
		string += bytes > 0 ? bytes : 1;
	}
}

void text_add_comment(struct text *text, const char *prefix, const char *string)
{
	size_t prefix_length = strlen(prefix);
	size_t columns = 0; /* bytes rather: good enough to break lines at */

	string += strspn(string, " ");
	if (*string == '\0') {
		while (prefix_length > 0 && prefix[prefix_length - 1] == ' ')
			prefix_length--;
		text_add(text, "%.*s\n", (int)prefix_length, prefix);
		return;
	}
	while (*string != '\0') {
		size_t length = strcspn(string, " ");

		if (columns > 0 && columns + 1 + length > COMMENT_COLUMNS) {
			text_add(text, "\n");
			columns = 0;
		}
		text_add(text, "%s", columns == 0 ? prefix : " ");
		columns += columns == 0 ? prefix_length : 1;
		add_visible(text, string, length);
		columns += length;
		string += length;
		string += strspn(string, " ");
	}
	text_add(text, "\n");
}

void text_add_comment_f(struct text *text, const char *prefix, const char *format, ...)
{
	char sentence[1024]; /* longer ones are cut: a comment is for people */
	va_list args;

	va_start(args, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	text_add_comment(text, prefix, sentence);
}
