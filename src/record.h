/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot helper did, and its rendering as boot.json. Pure. */
#ifndef VFIO_CLAIM_RECORD_H
#define VFIO_CLAIM_RECORD_H

#include "cmdline.h"
#include "plan.h"
#include "table.h"

enum { RECORD_SCHEMA = 1 };

enum step_kind { STEP_OVERRIDE, STEP_LOAD, STEP_UNBIND, STEP_PROBE, STEP_BIND, STEP_KINDS };

/* One thing that was done to the machine. */
struct step {
	enum step_kind kind;
	size_t decision;               /* not of STEP_LOAD */
	char target[DRIVER_NAME_SIZE]; /* the driver or module */
	int error;                     /* 0 or a positive errno */
};

/*
 * OUTCOME_WAITING: the late run of the helper, when root is mounted, has the rest.
 * OUTCOME_RELEASED is of a release at run time, and never in boot.json.
 */
enum outcome {
	OUTCOME_CLAIMED,
	OUTCOME_FAILED,
	OUTCOME_REFUSED,
	OUTCOME_WAITING,
	OUTCOME_RELEASED,
};

/* The words of `enum step_kind`. */
extern const char *const step_names[];

/* How one decision ended. */
struct device_record {
	enum outcome outcome;
	char wanted[DRIVER_NAME_SIZE];
	char before[DRIVER_NAME_SIZE];   /* who had it when it was first touched; empty: none */
	char after[DRIVER_NAME_SIZE];    /* read back at the end; empty: none */
	char override[DRIVER_NAME_SIZE]; /* read back at the end; empty: none */
	char reason[PLAN_REASON_SIZE];
};

enum table_status { TABLE_UNREAD, TABLE_OK, TABLE_MISSING, TABLE_BAD };

struct record {
	bool enabled;
	char kernel[65];
	const char *command_line;
	double started; /* seconds since the kernel started */
	double finished;
	long peak_memory_kib; /* of the helper, libraries included */
	enum table_status table;
	char checksum[TABLE_CHECKSUM_SIZE];
	char table_reason[TABLE_REASON_SIZE];
	struct device_record *devices; /* one for each decision of the plan */
	struct step *steps;
	size_t step_count;
};

/* Adds a step. `error` is 0 or a negative errno. Returns 0 or -ENOMEM. */
int record_add_step(struct record *record, enum step_kind kind, size_t decision,
		    const char *target, int error) MUST_CHECK;

void record_free(struct record *record);

/*
 * Renders boot.json; its schema is documented in vfio-claim-boot(8).
 * Returns 0 and *ret_text (owned by the caller), or -ENOMEM.
 */
int record_render(const struct record *record, const struct plan *plan,
		  const struct cmdline *cmdline, char **ret_text) MUST_CHECK;

/* True when boot.json has the late part. */
bool record_has_late(const char *record);

/*
 * Renders boot.json again with what the late run did, as its last member "late".
 *
 * @early: boot.json as the early run left it
 * Returns 0 and *ret_text (owned by the caller), -EBADMSG (`early` has another end) or -ENOMEM.
 */
int record_render_late(const char *early, const struct record *record, const struct plan *plan,
		       const struct guards *guards, char **ret_text) MUST_CHECK;

#endif
