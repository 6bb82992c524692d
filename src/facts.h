/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what warnings are made of besides the devices: IOMMU, consoles, kernels, lockdown. */
#ifndef VFIO_CLAIM_FACTS_H
#define VFIO_CLAIM_FACTS_H

#include "kargs.h"
#include "root.h"
#include "target.h"
#include "warnings.h"

/* What the facts are read for. */
struct facts_query {
	const struct root *root;
	const struct config *config;
	const struct claims *claims;
	const struct snapshot *snapshot;
	const struct details *details;
	const struct plan *plan;
	const struct kargs *present; /* this boot's command line */
	const struct kargs *next;    /* that of the next one; outlives the facts */
	enum host_cpu cpu;
	const struct kernels *kernels;
	const char *kernel; /* the one that is asked for native drivers, or NULL: none */
};

/*
 * Reads them. Of off_by, off_always and unsigned_addon nothing is known here: they are the
 * caller's to set. What cannot be read is left as not known.
 * Returns 0 and *ret_facts (release with facts_free()), or -ENOMEM.
 */
int facts_read(const struct facts_query *query, struct host_facts *ret_facts) MUST_CHECK;

void facts_free(struct host_facts *facts);

/* Does the IOMMU that is in use keep the interrupts of devices apart? By /proc/interrupts. */
enum remapping facts_remapping(const struct root *root);

/* True when the command line lets VFIO do without (vfio_iommu_type1.allow_unsafe_interrupts). */
bool facts_has_unsafe_argument(const struct kargs *line);

/* The same of vfio_iommu_type1 as it is now. Returns 1, 0, or a negative errno: not loaded. */
int facts_allows_unsafe(const struct root *root);

#endif
