/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan: which device is taken by which claim and driver, which is refused and why, and the
 * ordered actions that bring it about. Pure: made of claims and a snapshot, changes nothing.
 */
#ifndef VFIO_CLAIM_PLAN_H
#define VFIO_CLAIM_PLAN_H

#include "claim.h"
#include "device.h"
#include "guards.h"

enum { PLAN_REASON_SIZE = 192 };

/* The driver's name; its module is called vfio_pci. */
#define VFIO_PCI_DRIVER "vfio-pci"
#define VFIO_PCI_MODULE "vfio_pci"
#define VFIO_IOMMU_MODULE "vfio_iommu_type1"

/*
 * VERDICT_WAIT is of PHASE_EARLY only: the late phase takes or refuses the device.
 * VERDICT_RELEASE is of plan_release() only (runtime_rules.h).
 */
enum verdict { VERDICT_TAKE, VERDICT_REFUSE, VERDICT_WAIT, VERDICT_RELEASE };

/* What becomes of one device that a claim names. */
struct decision {
	struct pci_address address;
	const struct device *device; /* in the snapshot; NULL: there is none at this address */
	const struct claim *claim;
	enum verdict verdict;
	bool companion; /* taken as another function of a matched card */
	bool late;      /* it is decided when root is mounted */
	/* The driver is a variant; vfio-pci will do too. Of VERDICT_RELEASE: no driver will. */
	bool fallback;
	char driver[DRIVER_NAME_SIZE]; /* not of VERDICT_REFUSE */
	char reason[PLAN_REASON_SIZE]; /* why it is taken or refused, one sentence */
	char module[DRIVER_NAME_SIZE]; /* of VERDICT_RELEASE: the native driver's, or empty */
};

/*
 * In this order: every override first, so that no driver loaded from then on can take a
 * device; then each VFIO driver once; then what is already bound or was not bound by the
 * loading; last the check.
 */
enum action_kind {
	ACTION_OVERRIDE, /* write the driver's name to driver_override */
	ACTION_LOAD,     /* load a module */
	ACTION_BIND,     /* unbind from another driver if there is one, then probe */
	ACTION_VERIFY,   /* read the driver link */
};

struct action {
	enum action_kind kind;
	size_t decision;               /* not of ACTION_LOAD */
	char module[DRIVER_NAME_SIZE]; /* of ACTION_LOAD, with underscores */
	const char *options;           /* of ACTION_LOAD, behind those of modprobe.d; or NULL */
};

struct plan {
	struct decision *decisions; /* in address order */
	size_t decision_count;
	struct action *actions;
	size_t action_count;
	char **messages; /* sentences about claims as a whole */
	size_t message_count;
};

/*
 * Makes the plan of a phase. It points into `claims` and `snapshot`, which must outlive it.
 * A plan of PHASE_LATE has the devices that waited in the early one, and nothing else.
 * Returns 0 and *ret_plan (release with plan_free()), or -ENOMEM.
 */
int plan_make(const struct claims *claims, const struct snapshot *snapshot,
	      const struct guards *guards, struct plan *ret_plan) MUST_CHECK;

void plan_free(struct plan *plan);

/* Turns the name of a driver or module into a module's: dashes become underscores. */
void module_of_driver(const char *driver, char out[DRIVER_NAME_SIZE]);

/* Renders the plan for people. Returns 0 and *ret_text (owned by the caller), or -ENOMEM. */
int plan_render(const struct plan *plan, char **ret_text) MUST_CHECK;

#endif
