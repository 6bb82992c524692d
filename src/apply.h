/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries a plan out: writes, reads back, and records what came of it. Never plans anew. */
#ifndef VFIO_CLAIM_APPLY_H
#define VFIO_CLAIM_APPLY_H

#include "plan.h"
#include "record.h"
#include "root.h"

/*
 * Loads a module, with options behind the configured ones (or NULL); the boot helper gives
 * modules_load(), tests give what they want.
 */
struct loader {
	int (*load)(void *context, const char *module, const char *options);
	void *context;
};

/*
 * Does every action of the plan. A failure is the device's alone: the others go on.
 * Fills record->steps and record->devices (one for each decision).
 * Returns 0 or -ENOMEM (what was done until then is recorded).
 */
int plan_apply(const struct plan *plan, const struct root *root, const struct loader *loader,
	       struct record *record) MUST_CHECK;

#endif
