/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state file while a deployment is carried out. Before the first file changes it says what
 * the last apply did and what this run is about to do, so that whenever a run is killed revert
 * and the next apply know all that may be there.
 */
#ifndef VFIO_CLAIM_JOURNAL_H
#define VFIO_CLAIM_JOURNAL_H

#include "changes.h"
#include "state.h"

struct journal {
	const struct root *root;
	const struct state *before;
	const struct state *after;
	struct changes pending; /* of the state file: from the old one to both */
};

/*
 * Writes what both states say, so that the state file is younger than what was there, whatever it
 * said; `before` and `after` are to stay until the end. Returns 0 or a negative errno, with which
 * it is the old one. Then one of the other two.
 */
int journal_begin(struct journal *journal, const struct root *root, const struct state *before,
		  const struct state *after) MUST_CHECK;

/*
 * All is done: the state file becomes `text`, or is removed (NULL). Returns 0 or a negative
 * errno, with which it still says what both states do.
 */
int journal_finish(struct journal *journal, const char *text) MUST_CHECK;

/*
 * The files are put back. `told`: a boot loader may have been told of `after` all the same, so what
 * both states say stays; else the state file is the old one again. Returns 0 or a negative errno.
 */
int journal_undo(struct journal *journal, bool told);

#endif
