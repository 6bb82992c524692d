/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claim and release at run time: what is meant, what is refused, which driver is native. Pure. */
#ifndef VFIO_CLAIM_RUNTIME_RULES_H
#define VFIO_CLAIM_RUNTIME_RULES_H

#include "config.h"
#include "details.h"
#include "natives.h"
#include "plan.h"
#include "uses.h"

enum { RULES_REASON_SIZE = 256 };

/* Why a device stays as it is. */
struct refusal {
	struct pci_address address;
	char *reason;  /* part of a sentence behind the address; owned */
	char *fix;     /* what to do, or NULL; owned */
	bool forcible; /* --force does it all the same */
};

struct refusals {
	struct refusal *items;
	size_t count;
};

/* What the rules look at; nothing of it is owned. */
struct situation {
	const struct snapshot *snapshot; /* all marked as candidates and read */
	const struct details *details;   /* one for each device */
	const struct uses *uses;
};

/* The name of a claim that is made of a device and not of the configuration's. */
#define WORD_CLAIM "now"

/* What a word of the command line is taken for. */
enum word_result {
	WORD_TAKEN,
	WORD_UNKNOWN, /* neither a device nor the name of a claim */
	WORD_NOTHING, /* no such device is here */
	WORD_NO_MEMORY,
};

/*
 * Adds a claim for a word: an address (BB:DD.F, BB:DD.*), vendor and device ID (VVVV:DDDD), or
 * the name of a claim of the configuration. One by address or IDs takes the card's other
 * functions too, and has the driver that the configuration gives these devices.
 *
 * @reason: where the word is not taken, one sentence
 */
enum word_result wanted_add(struct claims *wanted, const struct config *config,
			    const struct snapshot *snapshot, const char *word,
			    char reason[RULES_REASON_SIZE]) MUST_CHECK;

/*
 * Adds the other devices of the IOMMU groups that the plan takes from, bridges left out, to the
 * claim of the device that brings them. Returns 0 or -ENOMEM.
 */
int wanted_add_groups(struct claims *wanted, const struct snapshot *snapshot,
		      const struct plan *plan) MUST_CHECK;

/* True for vfio-pci and the drivers made for VFIO beside it, all of which have it in their
 * names (drivers/vfio/pci). */
bool is_vfio_driver(const char *driver);

/* True where the driver that the decision wants has the device, with its override set. */
bool is_claimed_already(const struct decision *decision, const struct details *details);

/* True where a VFIO driver has the device or is to have it. */
bool is_held_for_vfio(const struct device *device, const struct details *details);

/* What speaks against the plan of a claim. Returns 0 and *ret_refusals, or -ENOMEM. */
int claim_refusals(const struct plan *plan, const struct situation *situation,
		   struct refusals *ret_refusals) MUST_CHECK;

/* What speaks against a release. Returns 0 and *ret_refusals, or -ENOMEM. */
int release_refusals(const struct plan *plan, const struct situation *situation,
		     struct refusals *ret_refusals) MUST_CHECK;

/* Adds one; `fix` may be NULL. Returns 0 or -ENOMEM. */
int refusals_add(struct refusals *refusals, const struct pci_address *address, bool forcible,
		 const char *fix, const char *format, ...) PRINTF_LIKE(5, 6) MUST_CHECK;

void refusals_free(struct refusals *refusals);

/* A module that the device's modalias leads to. */
struct candidate {
	char name[DRIVER_NAME_SIZE];
	bool loaded; /* or built in */
	bool blacklisted;
	bool frame_buffer; /* below drivers/video/fbdev: never what is wanted */
};

/*
 * The module whose driver is to take a released device: one that is loaded, else the first that
 * is not blacklisted, else with `force` the first that is, frame buffer drivers left out.
 *
 * @only_loaded: the device had no driver before, so that none is to be loaded
 * Returns its index, or -1; *ret_blacklisted then says whether a blacklist is the reason, and is
 * the index of the module that it keeps away, or -1.
 */
int choose_native(const struct candidate *candidates, size_t count, bool force,
		  bool only_loaded, int *ret_blacklisted);

/* One device to give back. */
struct giving_back {
	const struct device *device;
	const struct claim *claim;
	char driver[DRIVER_NAME_SIZE]; /* that it is to have; empty: the module's, or none */
	char module[DRIVER_NAME_SIZE]; /* to load first; empty: none */
	bool or_none; /* it had no driver before: a loaded one may take it, or not */
};

/*
 * The plan that gives devices back: loads each module, then has every device let go, probed
 * and read back. Returns 0 and *ret_plan (release with plan_free()), or -ENOMEM.
 */
int plan_release(const struct giving_back *devices, size_t count,
		 struct plan *ret_plan) MUST_CHECK;

#endif
