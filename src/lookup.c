// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the devices of a selector without a look at every device. */
#include "lookup.h"

#include <errno.h>

#include "match.h"

/* No device, no kind. */
#define NONE SIZE_MAX

/* The devices of one kind: a chain in address order. */
struct kind {
	size_t first;
	size_t last;
};

struct lookup {
	const struct snapshot *snapshot;
	size_t *next; /* for each device: the next one of its kind, or NONE */
	struct kind *kinds;
	size_t kind_count;
	/*
	 * Kinds by vendor and device, at the first free place from where the two hash to. Never
	 * more than half full, so that every search ends.
	 */
	uint32_t *slots; /* number of the kind + 1; 0: free */
	size_t mask;
};

static size_t hash(const struct pci_ids *ids)
{
	/* Knuth's multiplicative hash; its high bits are the good ones. */
	return (ids->vendor << 16 ^ ids->device) * UINT32_C(2654435769) >> 8;
}

static bool same_kind(const struct device *a, const struct device *b)
{
	return a->ids.vendor == b->ids.vendor && a->ids.device == b->ids.device &&
	       a->ids.subvendor == b->ids.subvendor && a->ids.subdevice == b->ids.subdevice &&
	       a->class_code == b->class_code;
}

static const struct device *kind_device(const struct lookup *lookup, size_t kind)
{
	return &lookup->snapshot->devices[lookup->kinds[kind].first];
}

static void add_device(struct lookup *lookup, size_t index)
{
	const struct device *device = &lookup->snapshot->devices[index];
	size_t slot = hash(&device->ids) & lookup->mask;

	lookup->next[index] = NONE;
	for (; lookup->slots[slot] != 0; slot = (slot + 1) & lookup->mask) {
		struct kind *kind = &lookup->kinds[lookup->slots[slot] - 1];

		if (!same_kind(device, &lookup->snapshot->devices[kind->first]))
			continue;
		lookup->next[kind->last] = index;
		kind->last = index;
		return;
	}
	lookup->kinds[lookup->kind_count] = (struct kind){ index, index };
	lookup->slots[slot] = (uint32_t)++lookup->kind_count;
}

int lookup_new(const struct snapshot *snapshot, struct lookup **ret_lookup)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	size_t room = 2;

	if (lookup == NULL)
		return -ENOMEM;
	while (room < snapshot->count * 2)
		room *= 2;
	lookup->snapshot = snapshot;
	lookup->mask = room - 1;
	lookup->next = calloc(snapshot->count + 1, sizeof(*lookup->next));
	lookup->kinds = calloc(snapshot->count + 1, sizeof(*lookup->kinds));
	lookup->slots = calloc(room, sizeof(*lookup->slots));
	if (lookup->next == NULL || lookup->kinds == NULL || lookup->slots == NULL) {
		lookup_free(lookup);
		return -ENOMEM;
	}
	for (size_t i = 0; i < snapshot->count; i++)
		add_device(lookup, i);
	*ret_lookup = lookup;
	return 0;
}

void lookup_free(struct lookup *lookup)
{
	if (lookup == NULL)
		return;
	free(lookup->next);
	free(lookup->kinds);
	free(lookup->slots);
	free(lookup);
}

/* Adds the devices of a kind for which the whole selector holds; the kind's words do. */
static size_t add_kind(const struct lookup *lookup, size_t kind,
		       const struct selector *selector, size_t *found, size_t count)
{
	for (size_t i = lookup->kinds[kind].first; i != NONE; i = lookup->next[i])
		if (selector_holds(selector, &lookup->snapshot->devices[i]))
			found[count++] = i;
	return count;
}

static size_t select_by_kind(const struct lookup *lookup, const struct selector *selector,
			     size_t *found)
{
	const struct pci_ids *ids = &selector->ids;
	size_t count = 0;

	if ((selector->words & SELECT_IDS) == 0 || ids->vendor == PCI_ANY ||
	    ids->device == PCI_ANY) {
		for (size_t i = 0; i < lookup->kind_count; i++)
			if (selector_holds_plainly(selector, kind_device(lookup, i)))
				count = add_kind(lookup, i, selector, found, count);
		return count;
	}
	for (size_t slot = hash(ids) & lookup->mask; lookup->slots[slot] != 0;
	     slot = (slot + 1) & lookup->mask) {
		size_t kind = lookup->slots[slot] - 1;

		if (selector_holds_plainly(selector, kind_device(lookup, kind)))
			count = add_kind(lookup, kind, selector, found, count);
	}
	return count;
}

static size_t select_by_address(const struct lookup *lookup, const struct selector *selector,
				size_t *found)
{
	const struct snapshot *snapshot = lookup->snapshot;
	struct pci_address first = selector->address;
	size_t count = 0;

	if (selector->any_function)
		first.function = 0;
	for (size_t i = snapshot_place(snapshot, &first);
	     i < snapshot->count &&
	     pci_address_same_slot(&snapshot->devices[i].address, &selector->address);
	     i++)
		if (selector_holds(selector, &snapshot->devices[i]))
			found[count++] = i;
	return count;
}

static int compare_indices(const void *a, const void *b)
{
	size_t left = *(const size_t *)a;
	size_t right = *(const size_t *)b;

	return (left > right) - (left < right);
}

size_t lookup_select(const struct lookup *lookup, const struct selector *selector,
		     size_t *ret_found)
{
	size_t count = (selector->words & SELECT_ADDRESS) != 0
			       ? select_by_address(lookup, selector, ret_found)
			       : select_by_kind(lookup, selector, ret_found);

	if ((selector->words & SELECT_NTH) == 0)
		return count;
	if (selector->nth == 0 || selector->nth > count)
		return 0;
	qsort(ret_found, count, sizeof(*ret_found), compare_indices);
	ret_found[0] = ret_found[selector->nth - 1];
	return 1;
}

size_t lookup_concerned(const struct lookup *lookup, const struct selector *selector,
			size_t *ret_found)
{
	struct selector plain = *selector;

	plain.words &= (selector->words & SELECT_ADDRESS) != 0 ? SELECT_ADDRESS
							       : SELECT_IDS | SELECT_CLASS;
	return lookup_select(lookup, &plain, ret_found);
}

const struct device *lookup_elsewhere(const struct lookup *lookup, const struct pci_ids *ids,
				      const struct pci_address *address)
{
	const struct device *devices = lookup->snapshot->devices;
	size_t least = NONE;

	for (size_t i = 0; i < lookup->kind_count; i++) {
		size_t index = lookup->kinds[i].first;

		if (!pci_ids_match(ids, &devices[index].ids))
			continue;
		if (address != NULL &&
		    pci_address_compare(address, &devices[index].address) == 0)
			index = lookup->next[index];
		if (index < least)
			least = index;
	}
	return least == NONE ? NULL : &devices[least];
}

size_t snapshot_place(const struct snapshot *snapshot, const struct pci_address *address)
{
	size_t low = 0;
	size_t high = snapshot->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pci_address_compare(&snapshot->devices[middle].address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t snapshot_find(const struct snapshot *snapshot, const struct pci_address *address)
{
	size_t place = snapshot_place(snapshot, address);

	if (place < snapshot->count &&
	    pci_address_compare(&snapshot->devices[place].address, address) == 0)
		return place;
	return snapshot->count;
}

size_t snapshot_slot_begin(const struct snapshot *snapshot, size_t index)
{
	const struct device *devices = snapshot->devices;

	while (index > 0 &&
	       pci_address_same_slot(&devices[index - 1].address, &devices[index].address))
		index--;
	return index;
}

size_t snapshot_slot_end(const struct snapshot *snapshot, size_t index)
{
	const struct device *devices = snapshot->devices;

	do
		index++;
	while (index < snapshot->count &&
	       pci_address_same_slot(&devices[index - 1].address, &devices[index].address));
	return index;
}
