/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `--output FILE`: standard output becomes a file that is there as a whole or not at all. */
#ifndef VFIO_CLAIM_OUTPUT_FILE_H
#define VFIO_CLAIM_OUTPUT_FILE_H

#include "options.h"

/*
 * Makes standard output a file beside `output`, with a name of its own (*ret_staged, owned by the
 * caller), to take its place when it is whole: a reader sees the old one or the new one.
 * node_exporter passes over it, as it does not end in .prom. Returns 0 or a negative errno.
 */
int output_begin(const char *output, char **ret_staged) MUST_CHECK;

/*
 * Puts the file in its place where `code` is EXIT_AS_WANTED, and removes it otherwise. Standard
 * output has to be flushed. Returns `code`, or EXIT_SYSTEM after saying why.
 */
enum exit_code output_end(const char *output, const char *staged,
			  enum exit_code code) MUST_CHECK;

#endif
