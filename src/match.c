// SPDX-License-Identifier: GPL-2.0-or-later
/* Which devices a claim's selectors take. */
#include "match.h"

static bool address_holds(const struct selector *selector, const struct pci_address *address)
{
	return selector->any_function ? pci_address_same_slot(&selector->address, address)
				      : pci_address_compare(&selector->address, address) == 0;
}

bool selector_holds_plainly(const struct selector *selector, const struct device *device)
{
	unsigned words = selector->words;

	if ((words & SELECT_ADDRESS) != 0 && !address_holds(selector, &device->address))
		return false;
	if ((words & SELECT_IDS) != 0 && !pci_ids_match(&selector->ids, &device->ids))
		return false;
	/* The kernel's own rule for a class with a mask: pci_match_one_device(). */
	return (words & SELECT_CLASS) == 0 ||
	       ((selector->class_code ^ device->class_code) & selector->class_mask) == 0;
}

static bool holds(const struct selector *selector, const struct device *device)
{
	return selector_holds_plainly(selector, device) &&
	       ((selector->words & SELECT_PATH) == 0 ||
		(device->has_path && pci_path_equal(&selector->path, &device->path)));
}

bool claim_means_early(const struct claim *claim, const struct device *device)
{
	for (size_t i = 0; claim->when == WHEN_EARLY && i < claim->match_count; i++) {
		const struct selector *selector = &claim->matches[i];

		if ((selector->words & SELECT_ADDRESS) != 0 && !selector->any_function &&
		    selector_holds_plainly(selector, device))
			return true;
	}
	return false;
}

/* Also where the place is right and the device is not: the refusal says what is there. */
static bool is_concerned(const struct selector *selector, const struct device *device)
{
	if ((selector->words & SELECT_ADDRESS) != 0)
		return address_holds(selector, &device->address);
	return selector_holds_plainly(selector, device);
}

static bool could_take(const struct claims *claims, const struct device *device)
{
	for (size_t i = 0; i < claims->count; i++)
		for (size_t j = 0; j < claims->items[i].match_count; j++)
			if (is_concerned(&claims->items[i].matches[j], device))
				return true;
	return false;
}

void snapshot_mark_candidates(struct snapshot *snapshot, const struct claims *claims)
{
	size_t slot = 0; /* first function of the slot at hand; devices are in address order */
	bool in_slot = false;

	for (size_t i = 0; i <= snapshot->count; i++) {
		bool same = i < snapshot->count &&
			    pci_address_same_slot(&snapshot->devices[slot].address,
						  &snapshot->devices[i].address);

		if (!same) {
			for (; in_slot && slot < i; slot++)
				snapshot->devices[slot].candidate = true;
			slot = i;
			in_slot = false;
		}
		if (i < snapshot->count)
			in_slot = in_slot || could_take(claims, &snapshot->devices[i]);
	}
}

size_t selector_select(const struct selector *selector, const struct snapshot *snapshot,
		       bool *taken)
{
	size_t found = 0;
	size_t counted = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		if (!holds(selector, &snapshot->devices[i]))
			continue;
		counted++;
		if ((selector->words & SELECT_NTH) != 0 && counted != selector->nth)
			continue;
		taken[i] = true;
		found++;
	}
	return found;
}
