// SPDX-License-Identifier: GPL-2.0-or-later
/* The lookup of devices must answer as a look at every device does. */
#include <stdio.h>
#include <string.h>

#include "lookup.h"
#include "match.h"
#include "unit.h"

enum { DEVICES = 300, SELECTORS = 4000 };

/* A small number of one's own: the same run after run, on every libc. */
static unsigned random_below(unsigned limit)
{
	static uint32_t state = 20261121;

	state = state * 1664525 + 1013904223;
	return (state >> 16) % limit;
}

static int compare_devices(const void *a, const void *b)
{
	return pci_address_compare(&((const struct device *)a)->address,
				   &((const struct device *)b)->address);
}

/* Few vendors, devices and classes, so that kinds repeat and share their places. */
static void make_devices(struct device *devices, size_t count)
{
	static const uint32_t classes[] = { 0x030000, 0x030200, 0x040300, 0x0c0330, 0x020000 };

	for (size_t i = 0; i < count; i++) {
		struct pci_address address = { .domain = (uint32_t)(i / 100) * 0x8000,
					       .bus = (uint8_t)(i % 100 / 8 * 3),
					       .device = (uint8_t)(i % 8 / 2 + 7),
					       .function = (uint8_t)(i % 2 * 3) };

		devices[i] = (struct device){
			.address = address,
			.ids = { 0x1000 + random_below(3), 0x2000 + random_below(6),
				 random_below(3), random_below(2) },
			.class_code = classes[random_below(5)],
			.iommu_group = -1,
			.has_path = random_below(4) > 0,
			.path = { .root = { 0, 0, (uint8_t)random_below(4), 0 } },
		};
	}
	qsort(devices, count, sizeof(*devices), compare_devices);
}

static void pick_ids(struct selector *selector, const struct device *device)
{
	selector->words |= SELECT_IDS;
	selector->ids = device->ids;
	if (random_below(2) > 0)
		selector->ids.subvendor = selector->ids.subdevice = PCI_ANY;
	if (random_below(3) == 0)
		selector->ids.device = PCI_ANY;
	if (random_below(6) == 0)
		selector->ids.vendor = PCI_ANY;
	if (random_below(8) == 0)
		selector->ids.device = 0x3000;
}

static struct selector make_selector(const struct device *devices, size_t count)
{
	const struct device *device = &devices[random_below((unsigned)count)];
	struct selector selector = { 0 };

	if (random_below(3) == 0) {
		selector.words |= SELECT_ADDRESS;
		selector.address = device->address;
		selector.any_function = random_below(2) > 0;
		if (random_below(5) == 0)
			selector.address.device++;
	}
	if (random_below(2) > 0)
		pick_ids(&selector, device);
	if (random_below(4) == 0) {
		selector.words |= SELECT_CLASS;
		selector.class_code = device->class_code;
		selector.class_mask = random_below(2) > 0 ? 0xffff00 : 0xff0000;
	}
	if (random_below(6) == 0) {
		selector.words |= SELECT_PATH;
		selector.path = device->path;
	}
	if (random_below(4) == 0) {
		selector.words |= SELECT_NTH;
		selector.nth = 1 + random_below(5);
	}
	return selector;
}

/* Compares the answer with the one of `taken`, the flags of selector_select(). */
static void assert_same(const struct lookup *lookup, const struct selector *selector,
			const bool *taken, size_t wanted)
{
	size_t found[DEVICES];
	size_t count = lookup_select(lookup, selector, found);

	assert_int_equal(count, wanted);
	for (size_t i = 0; i < count; i++) {
		assert_true(taken[found[i]]);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(found[i], found[j]);
	}
}

static void test_select(void **state)
{
	static struct device devices[DEVICES];
	const struct snapshot snapshot = { devices, DEVICES };
	struct lookup *lookup;
	unsigned empty = 0;

	(void)state;
	make_devices(devices, DEVICES);
	assert_int_equal(lookup_new(&snapshot, &lookup), 0);
	for (unsigned i = 0; i < SELECTORS; i++) {
		struct selector selector = make_selector(devices, DEVICES);
		bool taken[DEVICES] = { false };
		size_t wanted = 0;

		/* Plainly: not selector_select(), which bisects too. */
		for (size_t j = 0, counted = 0; j < DEVICES; j++) {
			if (!selector_holds(&selector, &devices[j]))
				continue;
			counted++;
			taken[j] =
				(selector.words & SELECT_NTH) == 0 || counted == selector.nth;
			wanted += taken[j];
		}
		assert_same(lookup, &selector, taken, wanted);
		bool again[DEVICES] = { false };
		assert_int_equal(selector_select(&selector, &snapshot, again), wanted);
		assert_memory_equal(taken, again, sizeof(taken));
		empty += wanted == 0;
	}
	/* The selectors must have been of both sorts. */
	assert_in_range(empty, SELECTORS / 20, SELECTORS / 2);
	lookup_free(lookup);
}

static void test_concerned(void **state)
{
	struct device devices[] = {
		{ .address = { 0, 1, 0, 0 }, .ids = { 0x10de, 0x1c30, 1, 2 } },
		{ .address = { 0, 1, 0, 1 }, .ids = { 0x10de, 0x10f1, 1, 2 } },
	};
	const struct snapshot snapshot = { devices, 2 };
	struct selector selector = { .words = SELECT_ADDRESS | SELECT_IDS | SELECT_NTH,
				     .address = { 0, 1, 0, 1 },
				     .ids = { 0x8086, 0x1234, PCI_ANY, PCI_ANY },
				     .nth = 9 };
	struct lookup *lookup;
	size_t found[2];

	(void)state;
	assert_int_equal(lookup_new(&snapshot, &lookup), 0);
	assert_int_equal(lookup_concerned(lookup, &selector, found), 1);
	assert_int_equal(found[0], 1);
	selector.any_function = true;
	assert_int_equal(lookup_concerned(lookup, &selector, found), 2);
	selector.words = SELECT_IDS | SELECT_PATH | SELECT_NTH;
	assert_int_equal(lookup_concerned(lookup, &selector, found), 0);
	selector.ids = (struct pci_ids){ 0x10de, 0x1c30, PCI_ANY, PCI_ANY };
	assert_int_equal(lookup_concerned(lookup, &selector, found), 1);
	lookup_free(lookup);
}

static void test_elsewhere(void **state)
{
	struct device devices[] = {
		{ .address = { 0, 1, 0, 0 }, .ids = { 0x10de, 0x1c30, 1, 2 } },
		{ .address = { 0, 2, 0, 0 }, .ids = { 0x10de, 0x1c30, 3, 4 } },
		{ .address = { 0, 3, 0, 0 }, .ids = { 0x10de, 0x1c30, 1, 2 } },
	};
	const struct snapshot snapshot = { devices, 3 };
	const struct pci_ids any = { 0x10de, 0x1c30, PCI_ANY, PCI_ANY };
	const struct pci_ids first = { 0x10de, 0x1c30, 1, 2 };
	const struct pci_ids none = { 0x10de, 0x1c31, PCI_ANY, PCI_ANY };
	struct lookup *lookup;

	(void)state;
	assert_int_equal(lookup_new(&snapshot, &lookup), 0);
	assert_ptr_equal(lookup_elsewhere(lookup, &any, NULL), &devices[0]);
	assert_ptr_equal(lookup_elsewhere(lookup, &any, &devices[0].address), &devices[1]);
	assert_ptr_equal(lookup_elsewhere(lookup, &first, &devices[0].address), &devices[2]);
	assert_null(lookup_elsewhere(lookup, &none, NULL));
	lookup_free(lookup);
}

static void test_nothing(void **state)
{
	const struct snapshot snapshot = { NULL, 0 };
	const struct selector selector = { .words = SELECT_IDS, .ids = { 1, 2, 3, 4 } };
	const struct pci_address address = { 0, 0, 0, 0 };
	struct lookup *lookup;
	size_t found[1];

	(void)state;
	assert_int_equal(lookup_new(&snapshot, &lookup), 0);
	assert_int_equal(lookup_select(lookup, &selector, found), 0);
	assert_null(lookup_elsewhere(lookup, &selector.ids, NULL));
	assert_int_equal(snapshot_find(&snapshot, &address), 0);
	lookup_free(lookup);
	lookup_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_concerned),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
