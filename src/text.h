/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growing text buffers, growing arrays and strict number parsing. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_TEXT_H
#define VFIO_CLAIM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

/*
 * A buffer that only grows. `error` is sticky: after a failed allocation every call is a
 * no-op, so that a renderer checks once, at its end (text_take()).
 */
struct text {
	char *data;
	size_t length;
	size_t room;
	int error;
};

/* Appends formatted text. On allocation failure sets the sticky error. */
void text_add(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

/* Appends a string as it is. */
void text_put(struct text *text, const char *string);

/* Appends a number in decimal digits. */
void text_put_number(struct text *text, unsigned number);

/* Appends `string` as a JSON string with its quotes; bytes that are not ASCII text become
 * \u00XX. */
void text_add_json(struct text *text, const char *string);

/*
 * Hands the built string over. Returns 0 and sets *ret_string (owned by the caller, never
 * NULL), or the sticky negative errno after releasing the buffer.
 */
int text_take(struct text *text, char **ret_string) MUST_CHECK;

/* Releases the buffer; accepts one that was never used. */
void text_free(struct text *text);

/*
 * Makes room for one more element in an array.
 *
 * @items: address of the array pointer (NULL for an empty array)
 * @count: elements in use
 * @size:  bytes of one element
 * Returns a pointer to the new, zeroed element at index `count`, or NULL without memory (the
 * array is unchanged). The caller raises its count.
 */
void *array_grow(void *items, size_t count, size_t size) MUST_CHECK;

/*
 * Parses exactly `length` characters as a hexadecimal number without sign or prefix.
 * Returns 0 and sets *ret_value, or -EINVAL (no digits, more than eight, a stray character).
 */
int parse_hex(const char *string, size_t length, uint32_t *ret_value) MUST_CHECK;

/*
 * Parses the whole string as a decimal number in `low`..`high`.
 * Returns 0, -EINVAL (not a number) or -ERANGE.
 */
int parse_decimal(const char *string, unsigned low, unsigned high,
		  unsigned *ret_value) MUST_CHECK;

/* Takes the newline at the end of a text away, where there is one. */
void cut_last_newline(char *text);

/*
 * Copies `string` into a fixed field of `size` bytes with its end mark.
 * Returns 0 or -ENAMETOOLONG (the field is then empty).
 */
int copy_field(char *field, size_t size, const char *string);

/*
 * The Levenshtein distance of two words, letters compared without case; SIZE_MAX when the second
 * is longer than 32 characters.
 */
size_t edit_distance(const char *a, const char *b);

/*
 * The entry of `names` (NULL at its end) that is most like `word`, or NULL when none is near
 * (more than a third of its letters differ). For "did you mean".
 */
const char *nearest_name(const char *word, const char *const *names);

/* True when `word` is 1 to `most` characters out of [A-Za-z0-9] and `extra`. */
bool is_plain_word(const char *word, size_t most, const char *extra);

/*
 * The 64-bit FNV-1a hash of a text: finds corruption, is no protection against an attacker
 * (who could replace the whole initramfs anyway).
 */
uint64_t fnv1a64(const char *data, size_t length);

#endif
