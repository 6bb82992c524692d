// SPDX-License-Identifier: GPL-2.0-or-later
/* Kernel arguments as a list of words. */
#include "kargs.h"

#include <errno.h>
#include <string.h>

#include "text.h"

/*
 * What separates words for systemd and for shells. The kernel splits at 0xa0, too, which is also
 * the end of letters in UTF-8: root=LABEL=... would be written back as two words.
 */
#define BLANKS " \t\n\v\f\r"

static bool is_blank(char c)
{
	return c != '\0' && strchr(BLANKS, c) != NULL;
}

/* The length of the word at `string`: up to a blank that no quotes enclose. */
static size_t word_length(const char *string)
{
	bool quoted = false;
	size_t length = 0;

	for (; string[length] != '\0' && (quoted || !is_blank(string[length])); length++)
		if (string[length] == '"')
			quoted = !quoted;
	return length;
}

static int append(struct kargs *kargs, const char *word, size_t length)
{
	char *copy = strndup(word, length);

	if (copy == NULL)
		return -ENOMEM;
	char **slot = array_grow(&kargs->items, kargs->count, sizeof(*slot));
	if (slot == NULL) {
		free(copy);
		return -ENOMEM;
	}
	*slot = copy;
	kargs->count++;
	return 0;
}

int kargs_append(struct kargs *kargs, const char *word)
{
	return append(kargs, word, strlen(word));
}

int kargs_parse(const char *line, struct kargs *ret_kargs)
{
	struct kargs kargs = { 0 };

	for (line += strspn(line, BLANKS); *line != '\0'; line += strspn(line, BLANKS)) {
		size_t length = word_length(line);

		if (append(&kargs, line, length) < 0) {
			kargs_free(&kargs);
			return -ENOMEM;
		}
		line += length;
	}
	*ret_kargs = kargs;
	return 0;
}

int kargs_add(struct kargs *kargs, const char *word)
{
	return kargs_has(kargs, word) ? 0 : kargs_append(kargs, word);
}

void kargs_remove(struct kargs *kargs, const struct kargs *others)
{
	size_t kept = 0;

	for (size_t i = 0; i < kargs->count; i++) {
		if (kargs_has(others, kargs->items[i]))
			free(kargs->items[i]);
		else
			kargs->items[kept++] = kargs->items[i];
	}
	kargs->count = kept;
}

static char dash(char c)
{
	if (c == '_')
		return '-';
	return c;
}

/* The kernel's own rule for names: kernel/params.c, parameq(). */
bool kargs_same(const char *a, const char *b)
{
	for (; *a != '\0' && *a != '='; a++, b++)
		if (dash(*a) != dash(*b))
			return false;
	return strcmp(a, b) == 0;
}

bool kargs_has(const struct kargs *kargs, const char *word)
{
	for (size_t i = 0; i < kargs->count; i++)
		if (kargs_same(kargs->items[i], word))
			return true;
	return false;
}

const char *kargs_value_of(const char *word, const char *key)
{
	for (; *key != '\0'; key++, word++)
		if (dash(*word) != dash(*key))
			return NULL;
	return *word == '=' ? word + 1 : NULL;
}

const char *kargs_value(const struct kargs *kargs, const char *key)
{
	const char *value = NULL;

	for (size_t i = kargs->count; value == NULL && i > 0; i--)
		value = kargs_value_of(kargs->items[i - 1], key);
	return value;
}

int kargs_join(const struct kargs *kargs, char **ret_line)
{
	struct text text = { 0 };

	for (size_t i = 0; i < kargs->count; i++)
		text_add(&text, "%s%s", i == 0 ? "" : " ", kargs->items[i]);
	return text_take(&text, ret_line);
}

void kargs_free(struct kargs *kargs)
{
	for (size_t i = 0; i < kargs->count; i++)
		free(kargs->items[i]);
	free(kargs->items);
	*kargs = (struct kargs){ 0 };
}
