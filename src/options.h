/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command line options from one table: what is parsed is what --help prints. */
#ifndef VFIO_CLAIM_OPTIONS_H
#define VFIO_CLAIM_OPTIONS_H

#include <stdbool.h>

#include "cleanup.h"

/* The exit codes of both programs. */
enum exit_code {
	EXIT_AS_WANTED = 0,
	EXIT_NOT_AS_WANTED = 1,
	EXIT_USAGE = 2,
	EXIT_INVALID_CONFIG = 3,
	EXIT_REFUSED = 4,
	EXIT_SYSTEM = 5,
};

/* One long option; the last entry of a table has no name. */
struct option_entry {
	const char *name;
	const char *argument; /* what --help calls it; NULL: the option takes none */
	const char *help;
	bool *flag;           /* set where it takes no argument */
	const char **value;   /* set where it does */
	const char *commands; /* blanks between; NULL: every command has it */
};

/*
 * Reads options up to the first word that is none, or "--". -h is --help and -V is --version,
 * the only short ones.
 *
 * @index: in: the first word to look at; out: the first that is not an option
 * Returns 0, or -EINVAL after saying on stderr what is wrong, with the nearest valid option.
 */
int options_parse(const char *program, const struct option_entry *options, int argc,
		  char **argv, int *index) MUST_CHECK;

/* True when `word` is one of the words of `list`, blanks between them. */
bool list_has(const char *list, const char *word);

/* Prints the options, aligned, with the commands they go with, to stdout. */
void options_help(const struct option_entry *options);

#endif
