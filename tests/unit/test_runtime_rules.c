// SPDX-License-Identifier: GPL-2.0-or-later
/* Claim and release at run time: what is meant, what is refused, which driver is native. */
#include "machine.h"
#include "runtime_rules.h"

/* Two cards, two USB controllers, and a chipset's sound beside its LPC bridge. */
static const struct test_device devices[] = {
	{ "00:1f.0", "8086:2918", 0x060100, NULL, "lpc_ich", false, NULL },
	{ "00:1f.3", "8086:2930", 0x040300, NULL, "snd_hda_intel", false, NULL },
	{ "01:00.0", "10de:1c30", 0x030000, "00:03.0/00.0", "nouveau", false, NULL },
	{ "01:00.1", "10de:10f1", 0x040300, "00:03.0/00.1", "snd_hda_intel", false, NULL },
	{ "02:00.0", "10de:1c30", 0x030000, "00:04.0/00.0", "vfio-pci", false, NULL },
	{ "02:00.1", "10de:10f1", 0x040300, "00:04.0/00.1", "vfio-pci", false, NULL },
	{ "03:00.0", "1b21:2142", 0x0c0330, "00:05.0/00.0", "xhci_hcd", false, NULL },
	{ "04:00.0", "10de:1ad8", 0x0c0330, "00:06.0/00.0", "", false, NULL },
};

struct world {
	struct snapshot snapshot;
	struct details details[LENGTH(devices)];
	struct uses uses;
	struct config config;
	struct claims wanted;
	struct plan plan;
	struct refusals refusals;
	struct situation situation;
};

static struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->snapshot = machine(devices, LENGTH(devices));
	for (size_t i = 0; i < LENGTH(devices); i++)
		world->snapshot.devices[i].candidate = true;
	/* Each card is one group. */
	world->snapshot.devices[0].iommu_group = 1;
	world->snapshot.devices[1].iommu_group = 1;
	world->snapshot.devices[2].iommu_group = 5;
	world->snapshot.devices[3].iommu_group = 5;
	world->snapshot.devices[4].iommu_group = 6;
	world->snapshot.devices[5].iommu_group = 6;
	world->snapshot.devices[6].iommu_group = 7;
	world->snapshot.devices[7].iommu_group = 8;
	(void)copy_field(world->details[4].override, DRIVER_NAME_SIZE, "vfio-pci");
	(void)copy_field(world->details[5].override, DRIVER_NAME_SIZE, "vfio-pci");
	world->situation = (struct situation){ &world->snapshot, world->details, &world->uses };
	return world;
}

static void world_free(struct world *world)
{
	refusals_free(&world->refusals);
	plan_free(&world->plan);
	claims_free(&world->wanted);
	config_free(&world->config);
	uses_free(&world->uses);
	free(world->snapshot.devices);
	free(world);
}

static void use(struct world *world, const char *where, enum use_kind kind, const char *text)
{
	struct pci_address at;

	assert_int_equal(pci_address_parse(where, &at, NULL), 0);
	assert_int_equal(uses_add(&world->uses, &at, kind, "%s", text), 0);
}

static void want(struct world *world, const char *word)
{
	char reason[RULES_REASON_SIZE] = "";

	if (wanted_add(&world->wanted, &world->config, &world->snapshot, word, reason) !=
	    WORD_TAKEN)
		fail_msg("%s: %s", word, reason);
}

static void judge(struct world *world)
{
	static const struct guards none = { .phase = PHASE_WHOLE };

	plan_free(&world->plan);
	refusals_free(&world->refusals);
	assert_int_equal(plan_make(&world->wanted, &world->snapshot, &none, &world->plan), 0);
	assert_int_equal(claim_refusals(&world->plan, &world->situation, &world->refusals), 0);
}

static void configure(struct world *world, const char *text)
{
	struct diagnostics diagnostics = { 0 };

	assert_int_equal(config_parse(&world->config, "test", text, strlen(text), &diagnostics),
			 0);
	assert_int_equal(diagnostics.count, 0);
}

static void test_words(void **state)
{
	static const struct {
		const char *word;
		enum word_result result;
		const char *reason;
		size_t decisions;
	} rows[] = {
		{ "01:00.0", WORD_TAKEN, "", 2 },
		{ "0000:01:00.1", WORD_TAKEN, "", 2 },
		{ "01:00.*", WORD_TAKEN, "", 2 },
		{ "10de:1c30", WORD_TAKEN, "", 4 },
		{ "gpu", WORD_TAKEN, "", 1 },
		{ "09:00.0", WORD_NOTHING, "no device 09:00.0 here", 0 },
		{ "1234:5678", WORD_NOTHING, "no device 1234:5678 here", 0 },
		{ "10de:*", WORD_UNKNOWN, "'10de:*' is no device", 0 },
		{ "class=0300", WORD_UNKNOWN, "is no device", 0 },
		{ "gpv", WORD_UNKNOWN, "did you mean 'gpu'?", 0 },
		{ "01:00.0 10de:1c30", WORD_UNKNOWN, "is no device", 0 },
		{ "", WORD_UNKNOWN, "is no device", 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct world *world = world_new();
		char reason[RULES_REASON_SIZE] = "";

		configure(world, "[claim gpu]\nmatch = 02:00.0\nfunctions = matched\n"
				 "when = early\n");
		enum word_result result = wanted_add(&world->wanted, &world->config,
						     &world->snapshot, rows[i].word, reason);
		if (result != rows[i].result)
			fail_msg("'%s' gives %d", rows[i].word, (int)result);
		assert_contains(reason, rows[i].reason);
		if (result == WORD_TAKEN) {
			judge(world);
			assert_int_equal(world->plan.decision_count, rows[i].decisions);
			assert_int_equal(world->wanted.items[0].when, WHEN_GUARDED);
		}
		world_free(world);
	}
}

static void test_the_configured_driver(void **state)
{
	struct world *world = world_new();

	(void)state;
	configure(world, "[claim gpu]\nmatch = 10de:1c30\ndriver = mine_vfio\n");
	want(world, "01:00.0");
	want(world, "03:00.0");
	judge(world);
	assert_int_equal(world->plan.decision_count, 3);
	assert_string_equal(world->plan.decisions[0].driver, "mine_vfio");
	assert_string_equal(world->plan.decisions[2].driver, "vfio-pci");
	world_free(world);
}

static void test_uses(void **state)
{
	static const struct {
		enum use_kind kind;
		bool forcible;
		const char *fix;
	} rows[] = {
		{ USE_ROUTE, false, "another interface" },
		{ USE_VFIO, false, "shut that virtual machine down" },
		{ USE_DISK, false, "end it first" },
		{ USE_DISPLAY, true, "end it" },
		{ USE_CONSOLE, true, "dark" },
		{ USE_SOUND, true, "end it" },
		{ USE_LINK, true, "ip link" },
		{ USE_PROGRAM, false, "end it first" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct world *world = world_new();

		use(world, "01:00.0", rows[i].kind, "does something");
		use(world, "03:00.0", rows[i].kind, "is none of ours");
		want(world, "01:00.0");
		judge(world);
		assert_int_equal(world->refusals.count, 1);
		assert_string_equal(world->refusals.items[0].reason, "does something");
		assert_int_equal(world->refusals.items[0].forcible, rows[i].forcible);
		assert_contains(world->refusals.items[0].fix, rows[i].fix);
		world_free(world);
	}
}

static void test_nvidia_is_not_forced(void **state)
{
	struct world *world = world_new();

	(void)state;
	(void)copy_field(world->snapshot.devices[2].driver, DRIVER_NAME_SIZE, "nvidia");
	use(world, "01:00.0", USE_DISPLAY,
	    "is in use by nvidia-persiste, pid 7 (/dev/nvidia0)");
	want(world, "01:00.0");
	judge(world);
	assert_int_equal(world->refusals.count, 1);
	assert_false(world->refusals.items[0].forcible);
	assert_contains(world->refusals.items[0].fix, "nvidia-persistenced");
	world_free(world);
}

static void test_many_uses_are_cut(void **state)
{
	struct world *world = world_new();
	char text[32];

	(void)state;
	for (int i = 0; i < 20; i++) {
		(void)snprintf(text, sizeof(text), "program %02d", i);
		use(world, "01:00.0", i == 19 ? USE_VFIO : USE_DISPLAY, text);
	}
	want(world, "01:00.0");
	judge(world);
	assert_int_equal(world->refusals.count, 5);
	assert_string_equal(world->refusals.items[4].reason, "is in use by 16 more");
	/* One of those that are not shown is a virtual machine. */
	assert_false(world->refusals.items[4].forcible);
	world_free(world);
}

static void test_claimed_already(void **state)
{
	struct world *world = world_new();

	(void)state;
	use(world, "02:00.0", USE_VFIO, "is in use by qemu");
	want(world, "02:00.0");
	judge(world);
	assert_int_equal(world->refusals.count, 0);
	assert_true(is_claimed_already(&world->plan.decisions[0], &world->details[4]));
	/* vfio-pci has it by an ID, but would not have it again. */
	world->details[4].override[0] = '\0';
	assert_false(is_claimed_already(&world->plan.decisions[0], &world->details[4]));
	judge(world);
	assert_int_equal(world->refusals.count, 1);
	world_free(world);
}

static void test_variant_is_claimed_by_its_fallback(void **state)
{
	struct world *world = world_new();

	(void)state;
	(void)copy_field(world->snapshot.devices[4].variant, DRIVER_NAME_SIZE, "x_vfio_pci");
	want(world, "02:00.0");
	judge(world);
	assert_string_equal(world->plan.decisions[0].driver, "x_vfio_pci");
	assert_true(is_claimed_already(&world->plan.decisions[0], &world->details[4]));
	(void)copy_field(world->snapshot.devices[4].driver, DRIVER_NAME_SIZE, "nouveau");
	assert_false(is_claimed_already(&world->plan.decisions[0], &world->details[4]));
	world_free(world);
}

static void test_device_itself(void **state)
{
	struct world *world = world_new();

	(void)state;
	world->details[6].sriov_numvfs = 7;
	want(world, "03:00.0");
	want(world, "00:1f.0");
	judge(world);
	assert_int_equal(world->refusals.count, 2);
	assert_contains(world->refusals.items[0].reason, "a bridge is never claimed");
	assert_contains(world->refusals.items[1].reason, "has 7 virtual functions enabled");
	assert_string_equal(world->refusals.items[1].fix,
			    "'echo 0 > /sys/bus/pci/devices/0000:03:00.0/sriov_numvfs'");
	assert_false(world->refusals.items[1].forcible);
	world->snapshot.devices[6].iommu_group = -1;
	world->details[6].sriov_numvfs = 0;
	judge(world);
	assert_contains(world->refusals.items[1].reason, "has no IOMMU group");
	assert_contains(world->refusals.items[1].fix, "intel_iommu=on");
	assert_false(world->refusals.items[1].forcible);
	world_free(world);
}

static void test_group(void **state)
{
	struct world *world = world_new();

	(void)state;
	world->snapshot.devices[6].iommu_group = 5;
	world->snapshot.devices[7].iommu_group = 5; /* no driver: does not matter */
	want(world, "01:00.0");
	judge(world);
	assert_int_equal(world->refusals.count, 1);
	assert_string_equal(world->refusals.items[0].reason,
			    "is in IOMMU group 5 together with 0000:03:00.0 (xhci_hcd), and "
			    "goes to a virtual machine with all of it or not at all");
	assert_contains(world->refusals.items[0].fix, "--whole-group");
	assert_false(world->refusals.items[0].forcible);
	assert_int_equal(wanted_add_groups(&world->wanted, &world->snapshot, &world->plan), 0);
	judge(world);
	assert_int_equal(world->refusals.count, 0);
	assert_int_equal(world->plan.decision_count, 4);
	world_free(world);
}

static void test_group_with_bridge(void **state)
{
	struct world *world = world_new();

	(void)state;
	/* A PCI bridge with its usual driver does not matter; one with another driver does. */
	want(world, "00:1f.3");
	judge(world);
	assert_int_equal(world->refusals.count, 1);
	assert_contains(world->refusals.items[0].reason,
			"0000:00:1f.0 (lpc_ich, never claimed)");
	assert_contains(world->refusals.items[0].fix, "cannot be given away");
	assert_int_equal(wanted_add_groups(&world->wanted, &world->snapshot, &world->plan), 0);
	judge(world);
	assert_int_equal(world->refusals.count, 1);
	/* One that is a bridge by its class only can be named, and is not taken along. */
	world->snapshot.devices[0].class_code = 0x068000;
	assert_int_equal(wanted_add_groups(&world->wanted, &world->snapshot, &world->plan), 0);
	judge(world);
	assert_int_equal(world->refusals.count, 1);
	assert_contains(world->refusals.items[0].reason, "0000:00:1f.0 (lpc_ich)");
	assert_contains(world->refusals.items[0].fix, "name that too");
	world->snapshot.devices[0].class_code = 0x060400;
	judge(world);
	assert_int_equal(world->refusals.count, 1);
	assert_contains(world->refusals.items[0].reason, "(lpc_ich, never claimed)");
	assert_int_equal(copy_field(world->snapshot.devices[0].driver, DRIVER_NAME_SIZE, "pcieport"),
			 0);
	judge(world);
	assert_int_equal(world->refusals.count, 0);
	world_free(world);
}

static void test_release_of_a_running_machine(void **state)
{
	struct world *world = world_new();

	(void)state;
	use(world, "02:00.0", USE_VFIO, "is in use by qemu");
	use(world, "02:00.0", USE_CONSOLE, "is of no matter");
	use(world, "01:00.0", USE_VFIO, "is not held");
	want(world, "10de:1c30");
	const struct guards none = { .phase = PHASE_WHOLE };
	assert_int_equal(plan_make(&world->wanted, &world->snapshot, &none, &world->plan), 0);
	assert_int_equal(release_refusals(&world->plan, &world->situation, &world->refusals),
			 0);
	assert_int_equal(world->refusals.count, 1);
	assert_string_equal(world->refusals.items[0].reason, "is in use by qemu");
	assert_false(world->refusals.items[0].forcible);
	world_free(world);
}

static void test_held(void **state)
{
	struct device device = { 0 };
	struct details details = { 0 };

	(void)state;
	assert_false(is_held_for_vfio(&device, &details));
	(void)copy_field(details.override, DRIVER_NAME_SIZE, "vfio-pci");
	assert_true(is_held_for_vfio(&device, &details));
	(void)copy_field(device.driver, DRIVER_NAME_SIZE, "nouveau");
	assert_false(is_held_for_vfio(&device, &details));
	(void)copy_field(device.driver, DRIVER_NAME_SIZE, "mlx5_vfio_pci");
	assert_true(is_held_for_vfio(&device, &details));
}

#define NOUVEAU                                                                                \
	{                                                                                      \
		"nouveau", false, false, false                                                 \
	}
#define LOADED                                                                                 \
	{                                                                                      \
		"nvidia", true, true, false                                                    \
	}
#define LISTED                                                                                 \
	{                                                                                      \
		"nouveau", false, true, false                                                  \
	}
#define FBDEV                                                                                  \
	{                                                                                      \
		"nvidiafb", false, true, true                                                  \
	}

static void test_native(void **state)
{
	static const struct {
		struct candidate items[2];
		size_t count;
		bool force;
		bool only_loaded;
		int chosen;
		int blacklisted;
	} rows[] = {
		{ { NOUVEAU }, 1, false, false, 0, -1 },
		{ { NOUVEAU, LOADED }, 2, false, false, 1, -1 },
		{ { FBDEV, NOUVEAU }, 2, false, false, 1, -1 },
		{ { FBDEV, LISTED }, 2, false, false, -1, 1 },
		{ { FBDEV, LISTED }, 2, true, false, 1, -1 },
		{ { FBDEV }, 1, true, false, -1, -1 },
		{ { NOUVEAU }, 1, false, true, -1, -1 },
		{ { LISTED }, 1, true, true, -1, -1 },
		{ { NOUVEAU, LOADED }, 2, false, true, 1, -1 },
		{ { NOUVEAU }, 0, true, false, -1, -1 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		int blacklisted = 7;
		int chosen = choose_native(rows[i].items, rows[i].count, rows[i].force,
					   rows[i].only_loaded, &blacklisted);

		if (chosen != rows[i].chosen || blacklisted != rows[i].blacklisted)
			fail_msg("row %zu: %d %d", i, chosen, blacklisted);
	}
}

static void test_release_plan(void **state)
{
	struct world *world = world_new();
	struct giving_back giving[] = {
		{ &world->snapshot.devices[4], NULL, "nouveau", "", true },
		{ &world->snapshot.devices[5], NULL, "", "snd_hda_intel", false },
		{ &world->snapshot.devices[3], NULL, "", "snd_hda_intel", false },
	};
	static const enum action_kind kinds[] = {
		ACTION_LOAD,   ACTION_BIND,   ACTION_BIND,   ACTION_BIND,
		ACTION_VERIFY, ACTION_VERIFY, ACTION_VERIFY,
	};

	(void)state;
	assert_int_equal(plan_release(giving, LENGTH(giving), &world->plan), 0);
	assert_int_equal(world->plan.decision_count, 3);
	assert_int_equal(world->plan.decisions[0].verdict, VERDICT_RELEASE);
	assert_string_equal(world->plan.decisions[0].driver, "nouveau");
	assert_true(world->plan.decisions[0].fallback);
	assert_false(world->plan.decisions[1].fallback);
	assert_string_equal(world->plan.decisions[1].module, "snd_hda_intel");
	assert_int_equal(world->plan.action_count, LENGTH(kinds));
	for (size_t i = 0; i < LENGTH(kinds); i++)
		assert_int_equal(world->plan.actions[i].kind, kinds[i]);
	assert_string_equal(world->plan.actions[0].module, "snd_hda_intel");
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_the_configured_driver),
		cmocka_unit_test(test_uses),
		cmocka_unit_test(test_nvidia_is_not_forced),
		cmocka_unit_test(test_many_uses_are_cut),
		cmocka_unit_test(test_claimed_already),
		cmocka_unit_test(test_variant_is_claimed_by_its_fallback),
		cmocka_unit_test(test_device_itself),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_group_with_bridge),
		cmocka_unit_test(test_release_of_a_running_machine),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_native),
		cmocka_unit_test(test_release_plan),
	};

	return cmocka_run_group_tests_name("runtime_rules", tests, NULL, NULL);
}
