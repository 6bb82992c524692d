// SPDX-License-Identifier: GPL-2.0-or-later
/* The claims table: the config's claims compiled for the boot helper. */
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define TABLE_MAGIC "vfio-claim-table "
#define CHECKSUM_WORD "checksum "

enum { TABLE_LINE_SIZE = 512, CHECKSUM_LINE = sizeof(CHECKSUM_WORD) - 1 + 16 + 1 };

static const char *const origin_names[] = { "config", "vfio-pci.ids", "rd.vfio-claim", NULL };

static void render_claim(struct text *text, const struct claim *claim)
{
	char selector[SELECTOR_TEXT_SIZE];

	text_add(text, "claim %s\n", claim->name);
	for (size_t i = 0; i < claim->match_count; i++)
		text_add(text, "match %s\n", selector_format(&claim->matches[i], selector));
	for (size_t i = 0; i < claim->except_count; i++)
		text_add(text, "except %s\n", selector_format(&claim->excepts[i], selector));
	text_add(text, "functions %s\n", claim_functions_names[claim->functions]);
	text_add(text, "driver %s\n", claim->driver);
	text_add(text, "when %s\n", claim_when_names[claim->when]);
	if (claim->expect != 0)
		text_add(text, "expect %u\n", claim->expect);
	text_add(text, "origin %s\n", origin_names[claim->origin]);
}

int table_render(const struct claims *claims, char **ret_text)
{
	struct text text = { 0 };

	text_add(&text, TABLE_MAGIC "%d\n", TABLE_VERSION);
	for (size_t i = 0; i < claims->count; i++)
		render_claim(&text, &claims->items[i]);
	if (text.error == 0)
		text_add(&text, CHECKSUM_WORD "%016" PRIx64 "\n",
			 fnv1a64(text.data, text.length));
	return text_take(&text, ret_text);
}

static int find_name(const char *const *names, const char *word)
{
	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], word) == 0)
			return i;
	return -1;
}

static int parse_selector(struct claim *claim, const char *value, bool except)
{
	struct selector selector;
	char reason[SELECTOR_TEXT_SIZE];

	if (selector_parse(value, false, &selector, reason) < 0)
		return -EBADMSG;
	return except ? claim_add_except(claim, &selector) : claim_add_match(claim, &selector);
}

/* One "WORD VALUE" line of a claim. Returns 0, -EBADMSG or -ENOMEM. */
static int parse_field(struct claim *claim, const char *word, const char *value)
{
	int found;

	if (strcmp(word, "match") == 0 || strcmp(word, "except") == 0)
		return parse_selector(claim, value, *word == 'e');
	if (strcmp(word, "functions") == 0) {
		found = find_name(claim_functions_names, value);
		claim->functions = (enum claim_functions)found;
	} else if (strcmp(word, "when") == 0) {
		found = find_name(claim_when_names, value);
		claim->when = (enum claim_when)found;
	} else if (strcmp(word, "origin") == 0) {
		found = find_name(origin_names, value);
		claim->origin = (enum claim_origin)found;
	} else if (strcmp(word, "driver") == 0) {
		found = driver_name_valid(value) && driver_serves_vfio(value) ? 0 : -1;
		(void)copy_field(claim->driver, sizeof(claim->driver), value);
	} else if (strcmp(word, "expect") == 0) {
		found = parse_decimal(value, 1, 65535, &claim->expect);
	} else {
		found = -1;
	}
	return found < 0 ? -EBADMSG : 0;
}

static int parse_line(struct claims *claims, char *line)
{
	char *value = strchr(line, ' ');

	if (value == NULL)
		return -EBADMSG;
	*value++ = '\0';
	if (strcmp(line, "claim") != 0)
		return claims->count == 0
			       ? -EBADMSG
			       : parse_field(&claims->items[claims->count - 1], line, value);
	if (!claim_name_valid(value) || claims_find(claims, value) != NULL)
		return -EBADMSG;
	return claims_add(claims, value) != NULL ? 0 : -ENOMEM;
}

static int parse_body(const char *data, size_t length, struct claims *claims,
		      unsigned *ret_line)
{
	const char *end = data + length;

	for (*ret_line = 2; data < end; (*ret_line)++) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));
		char line[TABLE_LINE_SIZE];

		if (newline == NULL || (size_t)(newline - data) >= sizeof(line) ||
		    memchr(data, '\0', (size_t)(newline - data)) != NULL)
			return -EBADMSG;
		memcpy(line, data, (size_t)(newline - data));
		line[newline - data] = '\0';
		int r = parse_line(claims, line);
		if (r < 0)
			return r;
		data = newline + 1;
	}
	return 0;
}

/*
 * Judges the first line. Returns the bytes it has or -EBADMSG, -EPROTO with the reason. A
 * table of the future is told by its version before anything else of it is looked at.
 */
static int parse_header(const char *data, size_t length, char reason[TABLE_REASON_SIZE])
{
	size_t magic = strlen(TABLE_MAGIC);
	char number[16];
	unsigned version;
	const char *newline = memchr(data, '\n', length);

	if (length == 0) {
		(void)snprintf(reason, TABLE_REASON_SIZE, "it is empty");
		return -EBADMSG;
	}
	if (newline == NULL || (size_t)(newline - data) <= magic ||
	    memcmp(data, TABLE_MAGIC, magic) != 0 ||
	    (size_t)(newline - data) - magic >= sizeof(number)) {
		(void)snprintf(reason, TABLE_REASON_SIZE,
			       "it does not begin like a claims table");
		return -EBADMSG;
	}
	memcpy(number, data + magic, (size_t)(newline - data) - magic);
	number[(size_t)(newline - data) - magic] = '\0';
	if (parse_decimal(number, 1, UINT32_MAX, &version) < 0) {
		(void)snprintf(reason, TABLE_REASON_SIZE, "its version is not a number");
		return -EBADMSG;
	}
	if (version != TABLE_VERSION) {
		(void)snprintf(reason, TABLE_REASON_SIZE,
			       "it has version %u, this helper reads version %d; rebuild the "
			       "initramfs",
			       version, TABLE_VERSION);
		return -EPROTO;
	}
	return (int)(newline + 1 - data);
}

/* Compares the last line with the bytes before it. Returns 0 or -EBADMSG with the reason. */
static int check_checksum(const char *data, size_t length, char checksum[TABLE_CHECKSUM_SIZE],
			  char reason[TABLE_REASON_SIZE])
{
	char wanted[TABLE_CHECKSUM_SIZE];
	const char *last = length < CHECKSUM_LINE ? NULL : data + length - CHECKSUM_LINE;

	if (last == NULL || data[length - 1] != '\n' ||
	    memcmp(last, CHECKSUM_WORD, strlen(CHECKSUM_WORD)) != 0) {
		(void)snprintf(reason, TABLE_REASON_SIZE,
			       "its last line is missing: it was cut short");
		return -EBADMSG;
	}
	(void)snprintf(wanted, sizeof(wanted), "%016" PRIx64,
		       fnv1a64(data, length - CHECKSUM_LINE));
	if (memcmp(last + strlen(CHECKSUM_WORD), wanted, 16) != 0) {
		(void)snprintf(reason, TABLE_REASON_SIZE,
			       "its checksum is wrong: it was damaged or edited");
		return -EBADMSG;
	}
	memcpy(checksum, wanted, TABLE_CHECKSUM_SIZE);
	return 0;
}

int table_parse(const char *data, size_t length, struct claims *ret_claims,
		char checksum[TABLE_CHECKSUM_SIZE], char reason[TABLE_REASON_SIZE])
{
	struct claims claims = { 0 };
	unsigned line = 0;

	checksum[0] = '\0';
	reason[0] = '\0';
	int header = parse_header(data, length, reason);
	if (header < 0)
		return header;
	int r = check_checksum(data, length, checksum, reason);
	if (r < 0)
		return r;
	r = parse_body(data + header, length - (size_t)header - CHECKSUM_LINE, &claims, &line);
	if (r < 0) {
		if (r == -EBADMSG)
			(void)snprintf(reason, TABLE_REASON_SIZE, "line %u is not understood",
				       line);
		checksum[0] = '\0';
		claims_free(&claims);
		return r;
	}
	*ret_claims = claims;
	return 0;
}
