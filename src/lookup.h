/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the devices of a selector without a look at every device: by their address, or by their
 * kind, which is their IDs and their class. A machine with thousands of functions has a few
 * dozen kinds. Pure.
 */
#ifndef VFIO_CLAIM_LOOKUP_H
#define VFIO_CLAIM_LOOKUP_H

#include "device.h"

struct lookup;

/*
 * Makes the lookup of a snapshot, which must outlive it and keep its devices where they are.
 * Returns 0 and *ret_lookup (release with lookup_free()), or -ENOMEM.
 */
int lookup_new(const struct snapshot *snapshot, struct lookup **ret_lookup) MUST_CHECK;

/* Accepts NULL. */
void lookup_free(struct lookup *lookup);

/*
 * Which devices a selector takes.
 *
 * @ret_found: their indices in the snapshot, in no order; room for one a device
 * Returns how many they are.
 */
size_t lookup_select(const struct lookup *lookup, const struct selector *selector,
		     size_t *ret_found);

/*
 * As lookup_select(), and also where the place is right and the device is not: the refusal says
 * what is there. The words that need details (path, nth) count for nothing.
 */
size_t lookup_concerned(const struct lookup *lookup, const struct selector *selector,
			size_t *ret_found);

/* The first device with these IDs that is not at this address; NULL: there is none. */
const struct device *lookup_elsewhere(const struct lookup *lookup, const struct pci_ids *ids,
				      const struct pci_address *address);

/* The index of the device at this address, or snapshot->count. By bisection. */
size_t snapshot_find(const struct snapshot *snapshot, const struct pci_address *address);

/* Where the device at this address is, or would be: the first that is not before it. */
size_t snapshot_place(const struct snapshot *snapshot, const struct pci_address *address);

/* The first and, behind it, the end of the functions in the slot of device `index`. */
size_t snapshot_slot_begin(const struct snapshot *snapshot, size_t index);
size_t snapshot_slot_end(const struct snapshot *snapshot, size_t index);

#endif
