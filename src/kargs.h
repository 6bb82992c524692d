/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel arguments as a list of words. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_KARGS_H
#define VFIO_CLAIM_KARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"

/* Words of a kernel command line in their order, quotes kept as written; each is owned. */
struct kargs {
	char **items;
	size_t count;
};

/*
 * Splits a line at blanks outside of double quotes, as the kernel does (lib/cmdline.c:
 * next_arg()). Returns 0 and *ret_kargs (release with kargs_free()), or -ENOMEM.
 */
int kargs_parse(const char *line, struct kargs *ret_kargs) MUST_CHECK;

/* Adds one word at the end, unless the same word is there. Returns 0 or -ENOMEM. */
int kargs_add(struct kargs *kargs, const char *word) MUST_CHECK;

/* Adds one word at the end, also where the same word is there: of hugepagesz=1G hugepages=4
 * hugepagesz=2M hugepages=4 each counts. Returns 0 or -ENOMEM. */
int kargs_append(struct kargs *kargs, const char *word) MUST_CHECK;

/* Removes each word that is also in `others`; what remains keeps its order. */
void kargs_remove(struct kargs *kargs, const struct kargs *others);

/* True when this very word is there; - and _ of a parameter's name are alike to the kernel. */
bool kargs_has(const struct kargs *kargs, const char *word);

/* True for two equal words, - and _ of the parameter's name being alike. */
bool kargs_same(const char *a, const char *b);

/* The value when `word` is KEY=VALUE, - and _ of the key being alike, or NULL. */
const char *kargs_value_of(const char *word, const char *key);

/*
 * The value of the last "KEY=VALUE" (the one that counts for a plain parameter), or NULL.
 * Dashes and underscores of the key are alike. Points into `kargs`.
 */
const char *kargs_value(const struct kargs *kargs, const char *key);

/* The words with a blank between. Returns 0 and *ret_line (owned by the caller) or -ENOMEM. */
int kargs_join(const struct kargs *kargs, char **ret_line) MUST_CHECK;

/* Accepts an empty list. */
void kargs_free(struct kargs *kargs);

#endif
