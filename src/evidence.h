/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gathers what `vfio-claim status` judges: the facts of readiness.h. Changes nothing. */
#ifndef VFIO_CLAIM_EVIDENCE_H
#define VFIO_CLAIM_EVIDENCE_H

#include "cmdline.h"
#include "modules.h"
#include "readiness.h"
#include "root.h"

struct evidence {
	struct facts facts;
	/* What the facts point to. */
	const struct root *root;
	char kernel[65];         /* the running one's release; "" where not known */
	struct modules *modules; /* of that kernel; NULL: not known */
	struct cmdline cmdline;
	struct claims claims;
	struct guards guards;
	struct uses uses; /* the default routes */
	struct snapshot snapshot;
	struct plan plan;
	struct device_facts *devices;
	struct boot_record boot;
};

/* An empty one with what is known of every machine: its kernel. */
void evidence_begin(const struct root *root, struct evidence *evidence);

/*
 * Gathers all of it, begun or not.
 *
 * @config: valid; it must outlive the evidence, as `root` and `diagnostics` (none) must
 * @next_boot: look at the next boot too: initramfs images, boot entries, files of apply
 * Returns 0, or a negative errno (-ENOMEM, or no sysfs); release with evidence_free() in any
 * case. What a user may not read is named in facts.unread.
 */
int evidence_gather(const struct root *root, const struct config *config,
		    const struct diagnostics *diagnostics, bool next_boot,
		    struct evidence *evidence) MUST_CHECK;

/* Reads again what may change by itself: devices, drivers, nodes, modules. */
int evidence_refresh(struct evidence *evidence) MUST_CHECK;

void evidence_free(struct evidence *evidence);

/* Fills what is about the next boot (next_boot.c). Returns 0 or a negative errno. */
int next_boot_look(const struct root *root, const struct config *config, const char *kernel,
		   struct facts *facts) MUST_CHECK;

/* The time of a file, seconds since 1970. 0 is of one that is not there, or that is told to be of
 * 1970: before every boot either way, and no answer to the question whether it is there. */
long long file_time(const struct root *root, const char *path);

#endif
