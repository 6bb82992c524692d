// SPDX-License-Identifier: GPL-2.0-or-later
/* Which devices a claim's selectors take. */
#include "match.h"

#include "lookup.h"

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

bool selector_holds(const struct selector *selector, const struct device *device)
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

bool selector_names_bridge(const struct selector *selector)
{
	unsigned words = selector->words;

	return ((words & SELECT_ADDRESS) != 0 && !selector->any_function) ||
	       (words & SELECT_PATH) != 0 ||
	       ((words & SELECT_IDS) != 0 && selector->ids.vendor != PCI_ANY &&
		selector->ids.device != PCI_ANY) ||
	       ((words & SELECT_CLASS) != 0 && (selector->class_mask & 0xffff00) == 0xffff00);
}

bool claim_names_bridge(const struct claim *claim, const struct device *device)
{
	for (size_t i = 0; i < claim->match_count; i++)
		if (selector_names_bridge(&claim->matches[i]) &&
		    selector_holds(&claim->matches[i], device))
			return true;
	return false;
}

static void mark_slot(struct snapshot *snapshot, size_t index)
{
	size_t end = snapshot_slot_end(snapshot, index);

	for (size_t i = snapshot_slot_begin(snapshot, index); i < end; i++)
		snapshot->devices[i].candidate = true;
}

/* A claim with functions = matched takes nothing along: its devices' neighbours do not matter. */
static void mark_concerned(struct snapshot *snapshot, const struct claim *claim,
			   const struct lookup *lookup, size_t *found)
{
	for (size_t i = 0; i < claim->match_count; i++) {
		size_t count = lookup_concerned(lookup, &claim->matches[i], found);

		for (size_t j = 0; j < count; j++)
			if (claim->functions == FUNCTIONS_ALL)
				mark_slot(snapshot, found[j]);
			else
				snapshot->devices[found[j]].candidate = true;
	}
}

void snapshot_mark_all(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++)
		snapshot->devices[i].candidate = true;
}

void snapshot_mark_candidates(struct snapshot *snapshot, const struct claims *claims)
{
	AUTO_FREE size_t *found = calloc(snapshot->count + 1, sizeof(*found));
	struct lookup *lookup;

	/* One candidate too many costs a few reads, one too few a device. */
	if (found == NULL || lookup_new(snapshot, &lookup) < 0) {
		snapshot_mark_all(snapshot);
		return;
	}
	for (size_t i = 0; i < claims->count; i++)
		mark_concerned(snapshot, &claims->items[i], lookup, found);
	lookup_free(lookup);
}

size_t selector_select(const struct selector *selector, const struct snapshot *snapshot,
		       bool *taken)
{
	bool in_slot = (selector->words & SELECT_ADDRESS) != 0;
	struct pci_address first = selector->address;
	size_t found = 0;
	size_t counted = 0;

	first.function = 0;
	for (size_t i = in_slot ? snapshot_place(snapshot, &first) : 0; i < snapshot->count;
	     i++) {
		if (in_slot && !pci_address_same_slot(&first, &snapshot->devices[i].address))
			break;
		if (!selector_holds(selector, &snapshot->devices[i]))
			continue;
		counted++;
		if ((selector->words & SELECT_NTH) != 0 && counted != selector->nth)
			continue;
		taken[i] = true;
		found++;
	}
	return found;
}
