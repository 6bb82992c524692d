/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of sentences for people: problems, notes. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_SENTENCES_H
#define VFIO_CLAIM_SENTENCES_H

#include <stddef.h>

#include "cleanup.h"

struct sentences {
	char **items;
	size_t count;
};

/* Adds one. Returns 0 or -ENOMEM. */
int sentences_add(struct sentences *sentences, const char *format, ...)
	PRINTF_LIKE(2, 3) MUST_CHECK;

/* Accepts an empty list. */
void sentences_free(struct sentences *sentences);

#endif
