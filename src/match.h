/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which devices a claim's selectors take. Pure. */
#ifndef VFIO_CLAIM_MATCH_H
#define VFIO_CLAIM_MATCH_H

#include "device.h"

/* True when the words that need no detail (address, IDs, class) hold for the device. */
bool selector_holds_plainly(const struct selector *selector, const struct device *device);

/* True when every word but nth= holds for the device. */
bool selector_holds(const struct selector *selector, const struct device *device);

/*
 * True when the claim says `when = early` and names the device by its exact address: it is meant,
 * whatever may be on it.
 */
bool claim_means_early(const struct claim *claim, const struct device *device);

/*
 * True when a selector of the claim names the bridge (class 06) itself: by its address, its
 * path, its vendor and device ID, or class=0680. 10de:*, class=06 and 03:00.* do not; they
 * may have other devices in mind. selector_names_bridge() is the same for one selector, and
 * does not look whether it holds.
 */
bool claim_names_bridge(const struct claim *claim, const struct device *device);
bool selector_names_bridge(const struct selector *selector);

/*
 * Marks every device that a selector could take as a candidate, and the other functions of its
 * slot where the claim takes them along: only of these the details are read.
 */
void snapshot_mark_candidates(struct snapshot *snapshot, const struct claims *claims);

/* Marks every device as a candidate: a tool shows all of them. */
void snapshot_mark_all(struct snapshot *snapshot);

/*
 * Marks in `taken` (one flag a device) what the selector takes, in address order.
 * Returns how many devices that were.
 */
size_t selector_select(const struct selector *selector, const struct snapshot *snapshot,
		       bool *taken);

#endif
