/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzzers of quoting and of exports share: small readers of what was quoted. */
#ifndef VFIO_CLAIM_UNQUOTE_H
#define VFIO_CLAIM_UNQUOTE_H

#include "fuzz.h"
#include "text.h"

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

/* A string in double quotes, up to its end. */
static void take_escaped(struct reading *reading, bool surrogates)
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
	reading->rest++;
}

/* What a shell takes for one word, as far as it is in single quotes. */
static void take_shell(struct reading *reading)
{
	bool quoted = false;

	for (;; reading->rest++) {
		bool escaped = !quoted && strncmp(reading->rest, "\\'", 2) == 0;

		if (*reading->rest == '\'') {
			quoted = !quoted;
			continue;
		}
		if (!quoted && !escaped)
			return;
		MUST(*reading->rest != '\0');
		reading->rest += escaped;
		reading->out[reading->length++] = *reading->rest;
	}
}

#endif
