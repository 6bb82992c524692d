/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims and releases devices of the running machine: looks, judges, carries out. */
#ifndef VFIO_CLAIM_RUNTIME_H
#define VFIO_CLAIM_RUNTIME_H

#include "modules.h"
#include "record.h"
#include "runtime_rules.h"

/* How it stands with one device that was meant. */
enum result_kind {
	RESULT_LEFT,    /* nothing was done: refused, or a dry run would do it */
	RESULT_ALREADY, /* it is as wanted, and was */
	RESULT_CLAIMED,
	RESULT_RELEASED,
	RESULT_FAILED,
	RESULT_PUT_BACK, /* another function of its card failed */
};

struct result {
	enum result_kind kind;
	const struct device *device;
	const char *claim;             /* of the configuration that takes it at boot, or NULL */
	char wanted[DRIVER_NAME_SIZE]; /* empty: none, or not known yet */
	char before[DRIVER_NAME_SIZE]; /* empty: none */
	char after[DRIVER_NAME_SIZE];  /* empty: none */
	char override[DRIVER_NAME_SIZE]; /* empty: none */
	char reason[PLAN_REASON_SIZE];
};

struct runtime {
	const struct root *root;
	struct snapshot snapshot;
	struct details *details;
	struct uses uses;
	struct guards guards;    /* what is mounted and swapped to now */
	struct modules *modules; /* NULL: libkmod does not work here */
	struct natives natives;

	struct claims wanted; /* what the words mean */
	struct plan plan;     /* of a claim; of a release only which devices are meant */
	struct record record;
	struct plan back; /* what goes back to native drivers */
	struct record back_record;
	struct refusals refusals;
	struct plan config_plan; /* what a boot would take */

	struct result *results; /* one for each device that is meant */
	size_t result_count;
	size_t change_count; /* how many of them are not as wanted */
};

/*
 * Reads the machine: devices, uses, native drivers that are remembered, and what the
 * configuration takes. Returns 0 or a negative errno (-ENOENT: there is no PCI bus); either
 * way runtime_free() releases it.
 */
int runtime_open(struct runtime *runtime, const struct root *root,
		 const struct claims *configured) MUST_CHECK;

/* Makes the plan out of `wanted`; see `refusals` and `results` after it. Both return 0 or a
 * negative errno. */
int runtime_plan_claim(struct runtime *runtime, bool group) MUST_CHECK;
int runtime_plan_release(struct runtime *runtime, bool force) MUST_CHECK;

/*
 * Carry the plan out and read back. A claim that fails for one function of a card gives the
 * card's other functions back. Both return 0 (see `results`) or a negative errno.
 */
int runtime_claim(struct runtime *runtime) MUST_CHECK;
int runtime_release(struct runtime *runtime) MUST_CHECK;

void runtime_free(struct runtime *runtime);

#endif
