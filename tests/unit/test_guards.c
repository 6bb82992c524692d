// SPDX-License-Identifier: GPL-2.0-or-later
/* What could be needed by a boot, and what is. */
#include "guards.h"
#include "unit.h"

static struct device device_of(const char *ids, uint32_t class_code)
{
	struct device device = { .class_code = class_code };

	assert_int_equal(pci_ids_parse(ids, &device.ids), 0);
	return device;
}

static void test_kinds(void **state)
{
	static const struct {
		uint32_t class_code;
		enum guard_kind kind;
	} rows[] = {
		{ 0x010601, GUARD_STORAGE }, { 0x010802, GUARD_STORAGE },
		{ 0x010000, GUARD_STORAGE }, { 0x018000, GUARD_STORAGE },
		{ 0x0c0400, GUARD_STORAGE }, { 0x080501, GUARD_STORAGE },
		{ 0x0c0010, GUARD_STORAGE }, { 0x050210, GUARD_STORAGE },
		{ 0x020000, GUARD_NETWORK }, { 0x028000, GUARD_NETWORK },
		{ 0x0d8000, GUARD_NETWORK }, { 0x0c0600, GUARD_NETWORK },
		{ 0x0c0330, GUARD_USB },     { 0x0c0300, GUARD_USB },
		{ 0x030000, GUARD_NONE },    { 0x030200, GUARD_NONE },
		{ 0x040300, GUARD_NONE },    { 0x0c8000, GUARD_NONE },
		{ 0x120000, GUARD_NONE },    { 0x000000, GUARD_NONE },
		{ 0x0b4000, GUARD_NONE },    { 0x080000, GUARD_NONE },
		{ 0x060400, GUARD_NONE },    { 0xff0000, GUARD_NONE },
		{ 0x050000, GUARD_NONE },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct device device = device_of("8086:1234", rows[i].class_code);

		assert_int_equal(guard_kind_of(&device), rows[i].kind);
		assert_int_equal(device_is_bridge(&device), rows[i].class_code >> 16 == 6);
		assert_false(device_is_other_bridge(&device));
	}
}

/* A bridge by its class, and by its header or not. */
static void test_other_bridge(void **state)
{
	struct device device = device_of("10de:22a3", 0x068000);

	(void)state;
	assert_true(device_is_bridge(&device));
	assert_true(device_is_other_bridge(&device));
	device.leads_to_bus = true;
	assert_true(device_is_bridge(&device));
	assert_false(device_is_other_bridge(&device));
}

/* Cloud Hypervisor gives its virtio devices a class of their own. */
static void test_virtio_by_id(void **state)
{
	static const struct {
		const char *ids;
		enum guard_kind kind;
	} rows[] = {
		{ "1af4:1042", GUARD_STORAGE }, { "1af4:1001", GUARD_STORAGE },
		{ "1af4:105a", GUARD_STORAGE }, { "1af4:105b", GUARD_STORAGE },
		{ "1af4:1041", GUARD_NETWORK }, { "1af4:1000", GUARD_NETWORK },
		{ "1af4:1050", GUARD_NONE },    { "8086:1042", GUARD_NONE },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct device device = device_of(rows[i].ids, 0x00ff00);

		assert_int_equal(guard_kind_of(&device), rows[i].kind);
	}
}

static void test_reasons(void **state)
{
	const struct pci_address disk = { 0, 1, 0, 0 };
	const struct pci_address other = { 0, 2, 0, 0 };
	struct guards guards = { .phase = PHASE_LATE };

	(void)state;
	assert_null(guards_reason(&guards, &disk, GUARD_STORAGE));
	assert_int_equal(guards_add(&guards, &disk, "%s is on it", "/"), 0);
	assert_int_equal(guards_add(&guards, &disk, "%s is on it", "/var"), 0);
	assert_int_equal(guards.need_count, 1);
	assert_string_equal(guards_reason(&guards, &disk, GUARD_STORAGE), "/ is on it");
	assert_string_equal(guards_need(&guards, &disk), "/ is on it");
	assert_null(guards_reason(&guards, &other, GUARD_STORAGE));
	assert_null(guards_need(&guards, &other));

	(void)snprintf(guards.storage_reason, sizeof(guards.storage_reason), "all");
	assert_string_equal(guards_reason(&guards, &disk, GUARD_STORAGE), "/ is on it");
	assert_string_equal(guards_reason(&guards, &other, GUARD_STORAGE), "all");
	assert_string_equal(guards_reason(&guards, &other, GUARD_USB), "all");
	assert_null(guards_reason(&guards, &other, GUARD_NETWORK));
	assert_null(guards_reason(&guards, &other, GUARD_NONE));
	assert_int_equal(guards_clear(&guards, &other), 0);
	assert_null(guards_reason(&guards, &other, GUARD_STORAGE));

	(void)snprintf(guards.network_reason, sizeof(guards.network_reason), "net");
	assert_string_equal(guards_reason(&guards, &other, GUARD_NETWORK), "net");
	assert_null(guards_reason(&guards, &other, GUARD_STORAGE));
	guards_free(&guards);
	assert_null(guards.needs);
}

/* What does not fit is cut, with its end mark. */
static void test_long_reason(void **state)
{
	const struct pci_address disk = { 0, 1, 0, 0 };
	struct guards guards = { 0 };
	char text[GUARD_REASON_SIZE * 2];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(guards_add(&guards, &disk, "%s", text), 0);
	assert_int_equal(strlen(guards_need(&guards, &disk)), GUARD_REASON_SIZE - 1);
	guards_free(&guards);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),        cmocka_unit_test(test_other_bridge),
		cmocka_unit_test(test_virtio_by_id), cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_long_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
