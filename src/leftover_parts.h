/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of leftovers.h share. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_LEFTOVER_PARTS_H
#define VFIO_CLAIM_LEFTOVER_PARTS_H

#include "leftovers.h"

/* Is a device one that the claims take? In the order of what counts. */
enum named {
	NAMED_NOWHERE, /* no device is told */
	NAMED_NOT,
	NAMED_PERHAPS, /* a claim by ID, say: what is at an address is not known here */
	NAMED,
};

/* Where in which file things are looked for. */
struct finder {
	enum leftover_file kind;
	const char *file;
	unsigned line;
	unsigned next_line; /* where the next one begins */
	unsigned behind;    /* newlines that the last word had or ended with */
	const struct leftover_view *view;
	bool generated; /* this line is EDPM's, which `export edpm` may have been the source of */
	bool recovery;     /* it is for recovery entries */
	unsigned ids_seen; /* vfio-pci.ids= in this file */
	size_t before;     /* warnings of other files */
	enum named named;  /* of scripts and units: leftover_script_names() of the file */
	struct diagnostics *warnings;
};

/* True for two names of one module: - and _ are alike. */
bool leftover_same_module(const char *a, const char *b);

/* Each warns of what it finds at finder->line, and returns 0 or -ENOMEM. */

/* @word: one argument of the kernel's */
int leftover_argument(struct finder *finder, const char *word) MUST_CHECK;

/* @ids: the value of its option ids=, "" for none */
int leftover_module(struct finder *finder, const char *module, const char *ids) MUST_CHECK;

/* @driver: what a file of driverctl's says; the file's name has the device */
int leftover_driverctl(struct finder *finder, const char *driver) MUST_CHECK;

/* Warns once a file: what is done there is one thing, in however many lines. */
int leftover_script(struct finder *finder, const char *line) MUST_CHECK;

/* Do the claims take any device of which the text has the address? NAMED_PERHAPS where it has
 * none; never NAMED_NOWHERE. */
enum named leftover_script_names(const struct claims *claims, const char *text) MUST_CHECK;

#endif
