/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds snapshots and claims for tests out of short strings. */
#ifndef VFIO_CLAIM_MACHINE_H
#define VFIO_CLAIM_MACHINE_H

#include "device.h"
#include "match.h"
#include "plan.h"
#include "unit.h"

/* One device: "BB:DD.F", "VVVV:DDDD[:SSSS:SSSS]", class, the way down to it. */
struct test_device {
	const char *address;
	const char *ids;
	uint32_t class_code;
	const char *path; /* NULL: on the root bus */
	const char *driver;
	bool is_vf;
	const char *variant;
};

/* Devices are given in address order, as scan_devices() delivers them. */
static inline struct snapshot machine(const struct test_device *devices, size_t count)
{
	struct snapshot snapshot = { calloc(count + 1, sizeof(struct device)), count };

	assert_non_null(snapshot.devices);
	for (size_t i = 0; i < count; i++) {
		struct device *device = &snapshot.devices[i];
		const struct test_device *from = &devices[i];

		assert_int_equal(pci_address_parse(from->address, &device->address, NULL), 0);
		assert_int_equal(pci_ids_parse(from->ids, &device->ids), 0);
		if (device->ids.subvendor == PCI_ANY)
			device->ids.subvendor = device->ids.subdevice = 0;
		assert_int_equal(pci_path_parse(from->path ? from->path : from->address,
						&device->path),
				 0);
		device->has_path = true;
		device->class_code = from->class_code;
		device->is_vf = from->is_vf;
		device->iommu_group = (int)i;
		(void)copy_field(device->driver, sizeof(device->driver),
				 from->driver ? from->driver : "");
		(void)copy_field(device->variant, sizeof(device->variant),
				 from->variant ? from->variant : "");
	}
	return snapshot;
}

static inline struct selector selector(const char *string)
{
	char reason[SELECTOR_TEXT_SIZE] = "";
	struct selector parsed = { 0 };

	if (selector_parse(string, false, &parsed, reason) < 0)
		fail_msg("selector '%s': %s", string, reason);
	return parsed;
}

/* A claim of up to three lines each; the rest are defaults. */
struct test_claim {
	const char *name;
	const char *match[4];
	const char *except[4];
	enum claim_functions functions;
	const char *driver;
	unsigned expect;
	enum claim_origin origin;
	enum claim_when when;
};

static inline struct claims claims_of(const struct test_claim *from, size_t count)
{
	struct claims claims = { 0 };

	for (size_t i = 0; i < count; i++) {
		struct claim *claim = claims_add(&claims, from[i].name);
		struct selector parsed;

		assert_non_null(claim);
		for (size_t j = 0; j < 4 && from[i].match[j] != NULL; j++) {
			parsed = selector(from[i].match[j]);
			assert_int_equal(claim_add_match(claim, &parsed), 0);
		}
		for (size_t j = 0; j < 4 && from[i].except[j] != NULL; j++) {
			parsed = selector(from[i].except[j]);
			assert_int_equal(claim_add_except(claim, &parsed), 0);
		}
		claim->functions = from[i].functions;
		claim->expect = from[i].expect;
		claim->origin = from[i].origin;
		claim->when = from[i].when;
		if (from[i].driver != NULL)
			(void)copy_field(claim->driver, sizeof(claim->driver), from[i].driver);
	}
	return claims;
}

#endif
