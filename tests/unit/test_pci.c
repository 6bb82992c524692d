// SPDX-License-Identifier: GPL-2.0-or-later
/* PCI addresses, IDs and paths. */
#include "pci.h"
#include "unit.h"

static void test_addresses(void **state)
{
	static const struct {
		const char *string;
		int result;
		const char *formatted;
	} rows[] = {
		{ "0000:01:00.0", 0, "0000:01:00.0" },
		{ "01:00.0", 0, "0000:01:00.0" },
		{ "0001:ff:1f.7", 0, "0001:ff:1f.7" },
		{ "ABCD:0A:0B.1", 0, "abcd:0a:0b.1" },
		{ "10000:e1:00.0", 0, "10000:e1:00.0" },
		{ "ffffffff:ff:1f.7", 0, "ffffffff:ff:1f.7" },
		{ "00010000:e1:00.0", 0, "10000:e1:00.0" },
		{ "0000:01:20.0", -ERANGE, NULL },
		{ "0000:01:00.8", -ERANGE, NULL },
		{ "100000000:01:00.0", -EINVAL, NULL },
		{ "000:01:00.0", -EINVAL, NULL },
		{ ":01:00.0", -EINVAL, NULL },
		{ "0000:1:00.0", -EINVAL, NULL },
		{ "0000:01:0.0", -EINVAL, NULL },
		{ "0000:01:00", -EINVAL, NULL },
		{ "0000:01:00.", -EINVAL, NULL },
		{ "0000:01:00.00", -EINVAL, NULL },
		{ "0000:01:00.*", -EINVAL, NULL },
		{ "0000:001:00.0", -EINVAL, NULL },
		{ "0000:01:00.0 ", -EINVAL, NULL },
		{ "0000:01:00.g", -EINVAL, NULL },
		{ "0000:0000:01:00.0", -EINVAL, NULL },
		{ "pci0000:00", -EINVAL, NULL },
		{ "01-00.0", -EINVAL, NULL },
		{ "", -EINVAL, NULL },
		{ ":", -EINVAL, NULL },
		{ "::", -EINVAL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct pci_address address = { .domain = 77 };
		char out[PCI_ADDRESS_SIZE];

		if (pci_address_parse(rows[i].string, &address, NULL) != rows[i].result)
			fail_msg("'%s' is not parsed as wanted", rows[i].string);
		if (rows[i].formatted == NULL)
			assert_int_equal(address.domain, 77);
		else
			assert_string_equal(pci_address_format(&address, out),
					    rows[i].formatted);
	}
}

static void test_any_function(void **state)
{
	struct pci_address address;
	bool any = false;

	(void)state;
	assert_int_equal(pci_address_parse("0000:01:02.*", &address, &any), 0);
	assert_true(any);
	assert_int_equal(address.device, 2);
	assert_int_equal(address.function, 0);
	assert_int_equal(pci_address_parse("0000:01:02.3", &address, &any), 0);
	assert_false(any);
	assert_int_equal(address.function, 3);
}

static void test_order(void **state)
{
	static const char *const sorted[] = {
		"0000:00:00.0", "0000:00:00.1", "0000:00:01.0", "0000:00:1f.7",
		"0000:01:00.0", "0000:ff:00.0", "0001:00:00.0", "ffff:00:00.0",
		"10000:00:00.0", "ffffffff:00:00.0",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(sorted); i++)
		for (size_t j = 0; j < LENGTH(sorted); j++) {
			struct pci_address a;
			struct pci_address b;

			assert_int_equal(pci_address_parse(sorted[i], &a, NULL), 0);
			assert_int_equal(pci_address_parse(sorted[j], &b, NULL), 0);
			int order = pci_address_compare(&a, &b);
			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
}

static void test_same_slot(void **state)
{
	struct pci_address a = { 0, 1, 2, 0 };

	(void)state;
	assert_true(pci_address_same_slot(&a, &(struct pci_address){ 0, 1, 2, 7 }));
	assert_false(pci_address_same_slot(&a, &(struct pci_address){ 0, 1, 3, 0 }));
	assert_false(pci_address_same_slot(&a, &(struct pci_address){ 0, 2, 2, 0 }));
	assert_false(pci_address_same_slot(&a, &(struct pci_address){ 0x10000, 1, 2, 0 }));
}

static void test_ids(void **state)
{
	static const struct {
		const char *string;
		int result;
		const char *formatted;
	} rows[] = {
		{ "10de:1c30", 0, "10de:1c30" },
		{ "10DE:1C30", 0, "10de:1c30" },
		{ "10de:*", 0, "10de:*" },
		{ "*:1c30", 0, "*:1c30" },
		{ "*:*", 0, "*:*" },
		{ "10de:1c30:10de:11b3", 0, "10de:1c30:10de:11b3" },
		{ "10de:1c30:*:11b3", 0, "10de:1c30:*:11b3" },
		{ "10de:1c30:10de:*", 0, "10de:1c30:10de:*" },
		{ "10de:1c30:*:*", 0, "10de:1c30" },
		{ "*:*:*:11b3", 0, "*:*:*:11b3" },
		{ "ffff:ffff", 0, "ffff:ffff" },
		{ "10de", -EINVAL, NULL },
		{ "10de:", -EINVAL, NULL },
		{ ":1c30", -EINVAL, NULL },
		{ "10de:1c3", -EINVAL, NULL },
		{ "10de:1c300", -EINVAL, NULL },
		{ "10de:1c3g", -EINVAL, NULL },
		{ "10de:1c30:10de", -EINVAL, NULL },
		{ "10de:1c30:10de:11b3:0000", -EINVAL, NULL },
		{ "10de:1c30:10de:11b3:", -EINVAL, NULL },
		{ "10de:**", -EINVAL, NULL },
		{ "10de:1c3*", -EINVAL, NULL },
		{ "0x10de:0x1c30", -EINVAL, NULL },
		{ "", -EINVAL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct pci_ids ids = { .vendor = 77 };
		char out[PCI_IDS_SIZE];

		if (pci_ids_parse(rows[i].string, &ids) != rows[i].result)
			fail_msg("'%s' is not parsed as wanted", rows[i].string);
		if (rows[i].formatted == NULL)
			assert_int_equal(ids.vendor, 77);
		else
			assert_string_equal(pci_ids_format(&ids, out), rows[i].formatted);
	}
}

static void test_ids_match(void **state)
{
	static const struct pci_ids device = { 0x10de, 0x1c30, 0x10de, 0x11b3 };
	static const struct {
		const char *pattern;
		bool matches;
	} rows[] = {
		{ "10de:1c30", true },		 { "10de:*", true },
		{ "*:*", true },		 { "10de:1c30:10de:11b3", true },
		{ "10de:1c30:*:11b3", true },	 { "10de:1c31", false },
		{ "10df:1c30", false },		 { "10de:1c30:10de:11b4", false },
		{ "10de:1c30:103c:11b3", false }, { "*:*:*:11b4", false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct pci_ids pattern;

		assert_int_equal(pci_ids_parse(rows[i].pattern, &pattern), 0);
		assert_int_equal(pci_ids_match(&pattern, &device), rows[i].matches);
	}
}

static void test_paths(void **state)
{
	static const struct {
		const char *string;
		int result;
		const char *formatted;
	} rows[] = {
		{ "00:03.0", 0, "0000:00:03.0" },
		{ "00:03.0/00.0", 0, "0000:00:03.0/00.0" },
		{ "0000:00:03.0/00.0/1f.7", 0, "0000:00:03.0/00.0/1f.7" },
		{ "10000:e0:06.0/00.0", 0, "10000:e0:06.0/00.0" },
		{ "ffffffff:ff:1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/"
		  "1f.7/1f.7/1f.7/1f.7/1f.7",
		  0,
		  "ffffffff:ff:1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/"
		  "1f.7/1f.7/1f.7/1f.7/1f.7" },
		{ "00:03.0/0.0/0.0", -EINVAL, NULL },
		{ "00:03.0/00.0/00.0/00.0/00.0/00.0/00.0/00.0/00.0/00.0/00.0/00.0/00.0/00.0/"
		  "00.0/00.0/00.0/00.0",
		  -E2BIG, NULL },
		{ "00:03.0/", -EINVAL, NULL },
		{ "/00.0", -EINVAL, NULL },
		{ "00:03.0//00.0", -EINVAL, NULL },
		{ "00:03.0/01:00.0", -EINVAL, NULL },
		{ "00:03.0/00.*", -EINVAL, NULL },
		{ "00:03.*/00.0", -EINVAL, NULL },
		{ "00:03.0/20.0", -ERANGE, NULL },
		{ "00:03.0/00.8", -ERANGE, NULL },
		{ "", -EINVAL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct pci_path path = { .hops = 7 };
		char out[PCI_PATH_SIZE];

		if (pci_path_parse(rows[i].string, &path) != rows[i].result)
			fail_msg("'%s' is not parsed as wanted", rows[i].string);
		if (rows[i].formatted == NULL)
			assert_int_equal(path.hops, 7);
		else
			assert_string_equal(pci_path_format(&path, out), rows[i].formatted);
	}
}

static void test_paths_from_sysfs(void **state)
{
	static const struct {
		const char *target;
		int result;
		const char *path;
	} rows[] = {
		{ "../../../devices/pci0000:00/0000:00:02.0", 0, "0000:00:02.0" },
		{ "../../../devices/pci0000:00/0000:00:03.0/0000:01:00.0", 0,
		  "0000:00:03.0/00.0" },
		{ "../../../devices/pci0000:80/0000:80:01.0/0000:81:00.0/0000:82:08.0/"
		  "0000:83:00.1",
		  0, "0000:80:01.0/00.0/08.0/00.1" },
		/* VMD: the functions of its domain hang below the VMD function itself. */
		{ "../../../devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/"
		  "10000:e1:00.0",
		  0, "10000:e0:06.0/00.0" },
		{ "../../../devices/platform/40000000.pcie/pci0001:00/0001:00:00.0/"
		  "0001:01:00.0",
		  0, "0001:00:00.0/00.0" },
		/* Both of one name: the domain was wrapped in something else. */
		{ "../../../devices/LNXSYSTM:00/0000:00:01.0", 0, "0000:00:01.0" },
		{ "../../../devices/pci0000:00", -EINVAL, NULL },
		{ "../../../devices/pci0000:00/0000:00:03.0/usb1", -EINVAL, NULL },
		{ "", -EINVAL, NULL },
		{ "/", -EINVAL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct pci_path path = { .hops = 7 };
		char out[PCI_PATH_SIZE];

		if (pci_path_from_sysfs(rows[i].target, &path) != rows[i].result)
			fail_msg("'%s' is not read as wanted", rows[i].target);
		if (rows[i].path == NULL)
			assert_int_equal(path.hops, 7);
		else
			assert_string_equal(pci_path_format(&path, out), rows[i].path);
	}
}

static void test_path_too_deep(void **state)
{
	char target[512] = "pci0000:00/0000:00:01.0";
	struct pci_path path;

	(void)state;
	for (int i = 0; i < PCI_PATH_HOPS; i++)
		strcat(target, "/0000:01:00.0");
	assert_int_equal(pci_path_from_sysfs(target, &path), 0);
	strcat(target, "/0000:01:00.0");
	assert_int_equal(pci_path_from_sysfs(target, &path), -E2BIG);
}

static void test_path_equal(void **state)
{
	static const char *const different[] = {
		"0000:00:03.0",	     "0000:00:03.1/00.0", "0001:00:03.0/00.0",
		"0000:00:03.0/00.1", "0000:00:03.0/01.0", "0000:00:03.0/00.0/00.0",
	};
	struct pci_path a;
	struct pci_path b;

	(void)state;
	assert_int_equal(pci_path_parse("00:03.0/00.0", &a), 0);
	assert_int_equal(pci_path_parse("0000:00:03.0/00.0", &b), 0);
	assert_true(pci_path_equal(&a, &b));
	for (size_t i = 0; i < LENGTH(different); i++) {
		assert_int_equal(pci_path_parse(different[i], &b), 0);
		assert_false(pci_path_equal(&a, &b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_any_function),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_same_slot),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_ids_match),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_paths_from_sysfs),
		cmocka_unit_test(test_path_too_deep),
		cmocka_unit_test(test_path_equal),
	};

	return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
