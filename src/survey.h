/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads all that `vfio-claim list` shows of a machine. */
#ifndef VFIO_CLAIM_SURVEY_H
#define VFIO_CLAIM_SURVEY_H

#include "inventory.h"
#include "root.h"

/* The inventory points into the rest, so a survey stays where it is. */
struct survey {
	struct snapshot snapshot;
	struct details *details;
	struct claims claims;
	struct guards guards;
	struct plan plan;
	struct inventory inventory;
	char *host; /* the machine's name, or empty */
};

/*
 * Reads the machine below the root: sysfs, the modules of its kernel, the kernel command line
 * (whose claims count too, and whose problems are warned of on stderr), what the system needs,
 * names. Then makes the plan of the next boot.
 *
 * @claims: the configuration's; moved into the survey; NULL: there are none, only what the
 *          kernel command line claims
 * Returns 0 and *survey (release with survey_free()), or a negative errno (-ENOENT: there is no
 * PCI bus in sysfs).
 */
int survey_make(const struct root *root, struct claims *claims,
		struct survey *survey) MUST_CHECK;

void survey_free(struct survey *survey);

#endif
