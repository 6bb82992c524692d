/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which native drivers had the devices before they were claimed at run time. Pure. */
#ifndef VFIO_CLAIM_NATIVES_H
#define VFIO_CLAIM_NATIVES_H

#include "claim.h"

#define NATIVES_PATH "run/vfio-claim/native"

enum { NATIVES_SIZE_MOST = 1 << 20 };

struct native {
	struct pci_address address;
	char driver[DRIVER_NAME_SIZE]; /* empty: none */
};

struct natives {
	struct native *items;
	size_t count;
};

/*
 * Reads lines "ADDRESS DRIVER", with - for none, and adds them. A line of another form is
 * passed over: release then looks for the driver as if nothing were known. Returns 0 or -ENOMEM.
 */
int natives_parse(const char *text, struct natives *natives) MUST_CHECK;

/* Returns 0 and *ret_text (owned by the caller), or -ENOMEM. */
int natives_render(const struct natives *natives, char **ret_text) MUST_CHECK;

/* What is known of the device, or NULL. */
const struct native *natives_find(const struct natives *natives,
				  const struct pci_address *address);

/* Sets the driver (empty: none) of a device. Returns 0 or -ENOMEM. */
int natives_set(struct natives *natives, const struct pci_address *address,
		const char *driver) MUST_CHECK;

/* Forgets the device; nothing happens where it is not known. */
void natives_remove(struct natives *natives, const struct pci_address *address);

/* Accepts an empty list. */
void natives_free(struct natives *natives);

#endif
