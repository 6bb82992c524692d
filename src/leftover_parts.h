/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of leftovers.h share. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_LEFTOVER_PARTS_H
#define VFIO_CLAIM_LEFTOVER_PARTS_H

#include "leftovers.h"

/* Where in which file things are looked for. */
struct finder {
	enum leftover_file kind;
	const char *file;
	unsigned line;
	const struct leftover_view *view;
	bool generated; /* this line is EDPM's, which `export edpm` may have been the source of */
	unsigned ids_seen; /* vfio-pci.ids= in this file */
	size_t before;     /* warnings of other files */
	struct diagnostics *warnings;
};

/* True for two names of one module: - and _ are alike. */
bool leftover_same_module(const char *a, const char *b);

/* Each warns of what it finds at finder->line, and returns 0 or -ENOMEM. */

/* @word: one argument of the kernel's */
int leftover_argument(struct finder *finder, const char *word) MUST_CHECK;

/* @options: the rest of the line, "" for none */
int leftover_module(struct finder *finder, const char *module, const char *options) MUST_CHECK;

#endif
