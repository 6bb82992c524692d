/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of warnings.h share. */
#ifndef VFIO_CLAIM_WARNINGS_PARTS_H
#define VFIO_CLAIM_WARNINGS_PARTS_H

#include "warnings.h"

struct verdict_of {
	const struct decision *decision; /* NULL: no claim names the device */
};

/* While warnings are found. */
struct view {
	const struct outlook *outlook;
	struct warnings *warnings;
	const struct verdict_of *decisions; /* one for each device */
	int error;                          /* sticky: -ENOMEM */
};

/*
 * Adds a warning with its text. Its fix is to be set at once, with warning_fix().
 *
 * @address, @claim: what it is about; both may be NULL
 */
void warning_add(struct view *view, enum severity severity, const char *code,
		 const struct pci_address *address, const struct claim *claim,
		 const char *format, ...) PRINTF_LIKE(6, 7);

/* Sets the fix of the warning that was added last. */
void warning_fix(struct view *view, const char *format, ...) PRINTF_LIKE(2, 3);

/* True when the next boot gives this device of the snapshot to VFIO. */
bool view_takes(const struct view *view, size_t index);

/* The address as text. */
#define ADDRESS_TEXT(device)                                                                   \
	pci_address_format(&(device)->address, (char[PCI_ADDRESS_SIZE]){ "" })

/* Each finds what its file is about. */
void warn_of_claims(struct view *view);
void warn_of_devices(struct view *view);
void warn_of_groups(struct view *view);
void warn_of_host(struct view *view);

#endif
