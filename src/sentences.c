// SPDX-License-Identifier: GPL-2.0-or-later
/* A list of sentences for people. */
#include "sentences.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "text.h"

int sentences_add(struct sentences *sentences, const char *format, ...)
{
	char *sentence = NULL;
	va_list args;

	va_start(args, format);
	int length = vasprintf(&sentence, format, args);
	va_end(args);
	if (length < 0)
		return -ENOMEM;
	char **slot = array_grow(&sentences->items, sentences->count, sizeof(*slot));
	if (slot == NULL) {
		free(sentence);
		return -ENOMEM;
	}
	*slot = sentence;
	sentences->count++;
	return 0;
}

void sentences_free(struct sentences *sentences)
{
	for (size_t i = 0; i < sentences->count; i++)
		free(sentences->items[i]);
	free(sentences->items);
	*sentences = (struct sentences){ 0 };
}
