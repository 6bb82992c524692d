// SPDX-License-Identifier: GPL-2.0-or-later
/* Growing text buffers, growing arrays and strict number parsing. */
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_FIRST_ROOM = 256, NEAREST_LONGEST = 32 };

static bool text_reserve(struct text *text, size_t more)
{
	if (text->error != 0)
		return false;
	if (text->room - text->length > more)
		return true;

	size_t room = text->room ? text->room : TEXT_FIRST_ROOM;
	while (room - text->length <= more)
		room *= 2;
	char *data = realloc(text->data, room);
	if (data == NULL) {
		text->error = -ENOMEM;
		return false;
	}
	text->data = data;
	text->room = room;
	return true;
}

void text_add(struct text *text, const char *format, ...)
{
	va_list args;
	size_t room = text->room - text->length;

	if (text->error != 0)
		return;
	va_start(args, format);
	int needed = vsnprintf(room > 0 ? text->data + text->length : NULL, room, format, args);
	va_end(args);
	if (needed < 0) {
		text->error = -EINVAL;
		return;
	}
	if ((size_t)needed >= room) {
		if (!text_reserve(text, (size_t)needed))
			return;
		va_start(args, format);
		(void)vsnprintf(text->data + text->length, (size_t)needed + 1, format, args);
		va_end(args);
	}
	text->length += (size_t)needed;
}

/* Appends bytes as they are. */
static void text_append(struct text *text, const char *bytes, size_t length)
{
	if (!text_reserve(text, length))
		return;
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void text_put(struct text *text, const char *string)
{
	text_append(text, string, strlen(string));
}

void text_put_number(struct text *text, unsigned number)
{
	char digits[3 * sizeof(number)];
	size_t first = sizeof(digits);

	do
		digits[--first] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	text_append(text, digits + first, sizeof(digits) - first);
}

static bool is_plain_json(unsigned char c)
{
	return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
}

void text_add_json(struct text *text, const char *string)
{
	text_append(text, "\"", 1);
	while (*string != '\0') {
		const char *plain = string;

		while (is_plain_json((unsigned char)*string))
			string++;
		text_append(text, plain, (size_t)(string - plain));
		if (*string == '"' || *string == '\\')
			text_add(text, "\\%c", *string++);
		else if (*string != '\0')
			text_add(text, "\\u%04x", (unsigned char)*string++);
	}
	text_append(text, "\"", 1);
}

int text_take(struct text *text, char **ret_string)
{
	/* Makes sure that an empty text is an empty string and not NULL. */
	text_add(text, "%s", "");
	if (text->error != 0) {
		int error = text->error;

		text_free(text);
		return error;
	}
	*ret_string = text->data;
	*text = (struct text){ 0 };
	return 0;
}

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){ 0 };
}

void *array_grow(void *items, size_t count, size_t size)
{
	void **array = items;

	/* Capacity is the next power of two, so it needs no field of its own. */
	if ((count & (count - 1)) == 0) {
		size_t room = count ? count * 2 : 1;
		void *grown = reallocarray(*array, room, size);

		if (grown == NULL)
			return NULL;
		*array = grown;
	}
	void *element = (char *)*array + count * size;
	memset(element, 0, size);
	return element;
}

/* The value of a hexadecimal digit + 1; 0: it is none. A table, and not isxdigit(): some thirty
 * digits are read for every device. */
static const unsigned char hex_digits[UCHAR_MAX + 1] = {
	['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

int parse_hex(const char *string, size_t length, uint32_t *ret_value)
{
	uint32_t value = 0;

	if (length == 0 || length > 8)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		uint32_t digit = hex_digits[(unsigned char)string[i]];

		if (digit == 0)
			return -EINVAL;
		value = value << 4 | (digit - 1);
	}
	*ret_value = value;
	return 0;
}

int parse_decimal(const char *string, unsigned low, unsigned high, unsigned *ret_value)
{
	uint64_t value = 0;

	if (*string == '\0')
		return -EINVAL;
	for (const char *c = string; *c != '\0'; c++) {
		if (!isdigit((unsigned char)*c))
			return -EINVAL;
		if (value <= UINT32_MAX)
			value = value * 10 + (uint64_t)(*c - '0');
	}
	if (value < low || value > high)
		return -ERANGE;
	*ret_value = (unsigned)value;
	return 0;
}

void cut_last_newline(char *text)
{
	size_t length = strlen(text);

	if (length > 0 && text[length - 1] == '\n')
		text[length - 1] = '\0';
}

int copy_field(char *field, size_t size, const char *string)
{
	size_t length = strlen(string);

	if (length >= size) {
		field[0] = '\0';
		return -ENAMETOOLONG;
	}
	memcpy(field, string, length + 1);
	return 0;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

size_t edit_distance(const char *a, const char *b)
{
	size_t row[NEAREST_LONGEST + 1];
	size_t width = strlen(b);

	if (width > NEAREST_LONGEST)
		return SIZE_MAX;

	for (size_t j = 0; j <= width; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= width; j++) {
			size_t above = row[j];
			bool same = tolower((unsigned char)a[i - 1]) ==
				    tolower((unsigned char)b[j - 1]);

			row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (same ? 0 : 1));
			diagonal = above;
		}
	}
	return row[width];
}

const char *nearest_name(const char *word, const char *const *names)
{
	const char *nearest = NULL;
	size_t least = SIZE_MAX;

	if (strlen(word) > NEAREST_LONGEST)
		return NULL;
	for (; *names != NULL; names++) {
		if (strlen(*names) > NEAREST_LONGEST)
			continue;
		size_t distance = edit_distance(word, *names);

		if (distance < least && distance * 3 <= strlen(*names) + 1) {
			least = distance;
			nearest = *names;
		}
	}
	return nearest;
}

bool is_plain_word(const char *word, size_t most, const char *extra)
{
	size_t length = strlen(word);

	if (length == 0 || length > most)
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)word[i];

		if (c > 0x7e || (!isalnum(c) && strchr(extra, c) == NULL))
			return false;
	}
	return true;
}

uint64_t fnv1a64(const char *data, size_t length)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < length; i++) {
		hash ^= (unsigned char)data[i];
		hash *= UINT64_C(0x100000001b3);
	}
	return hash;
}
