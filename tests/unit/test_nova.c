// SPDX-License-Identifier: GPL-2.0-or-later
/* What Nova is told: releases and their words, and which devices a spec stands for. */
#include "nova.h"
#include "unit.h"

static void test_releases(void **state)
{
	static const struct {
		const char *word;
		int version;
		const char *group;
		const char *spec;
		const char *alias;
	} rows[] = {
		{ "newton", 14, "DEFAULT", "pci_passthrough_whitelist", "pci_alias" },
		{ "ocata", 15, "pci", "passthrough_whitelist", "alias" },
		{ "yoga", 25, "pci", "passthrough_whitelist", "alias" },
		{ "zed", 26, "pci", "device_spec", "alias" },
		{ "2023.1", 27, "pci", "device_spec", "alias" },
		{ "antelope", 27, "pci", "device_spec", "alias" },
		{ "epoxy", 31, "pci", "device_spec", "alias" },
		{ "2025.2", 32, "pci", "device_spec", "alias" },
		{ NULL, 33, "pci", "device_spec", "alias" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const struct nova_release *release = nova_release_find(rows[i].word);

		assert_non_null(release);
		assert_int_equal(release->version, rows[i].version);
		assert_string_equal(nova_group(release), rows[i].group);
		assert_string_equal(nova_spec_option(release), rows[i].spec);
		assert_string_equal(nova_alias_option(release), rows[i].alias);
	}
	assert_null(nova_release_find("mitaka"));
	assert_null(nova_release_find(""));
	assert_null(nova_release_find("Zed"));
	assert_null(nova_filters(nova_release_find("yoga")));
	assert_contains(nova_filters(nova_release_find("zed")), ",PciPassthroughFilter");
}

/* Three cards with the same IDs, the third of which nobody claims, and a port with a twin. */
struct world {
	struct device devices[6];
	struct details details[6];
	struct export_device items[6];
	struct claims claims;
	struct export_options options;
	struct exports exports;
	struct nova nova;
	struct text reason;
};

static void put(struct world *world, size_t index, uint8_t bus, uint8_t function,
		uint32_t vendor, uint32_t product, const struct claim *claim)
{
	world->devices[index] = (struct device){ .address = { 0, bus, 0, function },
						 .ids = { vendor, product, 0, 0 } };
	world->details[index] = (struct details){ .numa_node = -1 };
	world->items[index] = (struct export_device){ .device = &world->devices[index],
						      .details = &world->details[index],
						      .name = "name",
						      .claim = claim,
						      .taken = claim != NULL };
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_non_null(claims_add(&world->claims, "gpu"));
	assert_non_null(claims_add(&world->claims, "nic"));
	const struct claim *claims = world->claims.items;
	put(world, 0, 1, 0, 0x10de, 0x1c30, &claims[0]);
	put(world, 1, 1, 1, 0x10de, 0x10f1, &claims[0]);
	put(world, 2, 2, 0, 0x10de, 0x1c30, &claims[0]);
	put(world, 3, 3, 0, 0x10de, 0x1c30, NULL);
	put(world, 4, 4, 0, 0x8086, 0x1521, &claims[1]);
	put(world, 5, 4, 1, 0x8086, 0x1521, &claims[1]);
	world->exports = (struct exports){ .claims = &world->claims,
					   .has_machine = true,
					   .machine = "",
					   .devices = world->items,
					   .device_count = 6,
					   .options = &world->options };
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	nova_free(&world->nova);
	text_free(&world->reason);
	claims_free(&world->claims);
	free(world);
	return 0;
}

static void make(struct world *world, const char *usual)
{
	assert_int_equal(nova_make(&world->exports, usual, &world->nova, &world->reason), 0);
}

static void assert_refused(struct world *world, const char *part)
{
	assert_int_equal(nova_make(&world->exports, NULL, &world->nova, &world->reason),
			 -EPERM);
	assert_contains(world->reason.data, part);
}

static void test_split_cards_go_by_address(void **state)
{
	struct world *world = *state;

	make(world, "zed");
	assert_int_equal(world->nova.spec_count, 4);
	assert_string_equal(world->nova.specs[0].json,
			    "{\"address\": \"0000:01:00.0\", \"vendor_id\": \"10de\", "
			    "\"product_id\": \"1c30\"}");
	assert_contains(world->nova.specs[0].comment,
			"0000:03:00.0 has the same IDs and is left to the host");
	assert_string_equal(world->nova.specs[1].json,
			    "{\"vendor_id\": \"10de\", \"product_id\": \"10f1\"}");
	assert_string_equal(world->nova.specs[3].json,
			    "{\"vendor_id\": \"8086\", \"product_id\": \"1521\"}");
}

static void test_whole_kinds_go_by_ids(void **state)
{
	struct world *world = *state;

	world->items[3].claim = &world->claims.items[0];
	world->items[3].taken = true;
	make(world, "zed");
	assert_int_equal(world->nova.spec_count, 3);
	assert_string_equal(world->nova.specs[0].json,
			    "{\"vendor_id\": \"10de\", \"product_id\": \"1c30\"}");
	nova_free(&world->nova);

	/* Refused by the boot is left to the host. */
	world->items[3].taken = false;
	make(world, "zed");
	assert_contains(world->nova.specs[0].json, "address");
	assert_int_equal(world->nova.notes.count, 1);
	assert_contains(world->nova.notes.items[0], "0000:03:00.0 [gpu] is left out: refused.");
}

/* A second port is a device like the first; a GPU's audio is not. */
static void test_companions(void **state)
{
	struct world *world = *state;

	make(world, NULL);
	assert_int_equal(world->nova.alias_count, 3);
	assert_string_equal(world->nova.aliases[0].name, "gpu");
	assert_false(world->nova.aliases[0].companion);
	assert_int_equal(world->nova.aliases[0].devices, 2);
	assert_string_equal(world->nova.aliases[1].name, "gpu-other");
	assert_true(world->nova.aliases[1].companion);
	assert_string_equal(world->nova.aliases[2].name, "nic");
	assert_int_equal(world->nova.aliases[2].devices, 2);
}

static void test_types(void **state)
{
	struct world *world = *state;

	world->details[4].sriov_totalvfs = 7;
	world->details[5].sriov_totalvfs = 7;
	world->details[2].is_vf = true;
	assert_refused(world, "the alias gpu would stand for type-PCI and type-VF");
	world->items[2].claim = NULL;
	text_free(&world->reason);
	make(world, NULL);
	assert_contains(world->nova.aliases[2].json, "\"device_type\": \"type-PF\"");
}

static void test_families(void **state)
{
	struct world *world = *state;

	world->details[4].sriov_totalvfs = 1;
	world->details[5].is_vf = true;
	world->details[5].has_physfn = true;
	world->details[5].physfn = world->devices[4].address;
	assert_refused(world, "0000:04:00.0 and its virtual function 0000:04:00.1 are both");
	text_free(&world->reason);
	world->items[5].claim = NULL;
	assert_refused(world, "with the same IDs, is not; Nova would give both");
	text_free(&world->reason);
	world->devices[5].ids.device = 0x1520;
	make(world, NULL);
}

static void test_wide_domains(void **state)
{
	struct world *world = *state;

	world->devices[5].address.domain = 0xffff;
	make(world, NULL);
	nova_free(&world->nova);
	world->devices[5].address.domain = 0x10000;
	assert_refused(world, "10000:04:00.1 of claim nic is beyond FFFF:FF:1F.7");
}

static void test_lists(void **state)
{
	struct world *world = *state;
	struct text text = { 0 };
	char *string;

	world->exports.device_count = 0;
	assert_refused(world, "no claim takes a device of this machine");
	world->exports.device_count = 2;
	make(world, "zed");
	nova_add_specs(&text, &world->nova);
	assert_int_equal(text_take(&text, &string), 0);
	assert_string_equal(string, "[{\"vendor_id\": \"10de\", \"product_id\": \"1c30\"}, "
				    "{\"vendor_id\": \"10de\", \"product_id\": \"10f1\"}]");
	free(string);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_releases),
		cmocka_unit_test_setup_teardown(test_split_cards_go_by_address, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_whole_kinds_go_by_ids, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_companions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_types, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_families, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wide_domains, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("nova", tests, NULL, NULL);
}
