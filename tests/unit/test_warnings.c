// SPDX-License-Identifier: GPL-2.0-or-later
/* Each warning where its fault is, and its absence where the fault is not. */
#include "machine.h"
#include "warnings.h"

/* A machine about which there is nothing to say when its second display is claimed. */
static const struct test_device good[] = {
	{ "00:02.0", "8086:46a6", 0x030000, NULL, "i915", false, NULL },
	{ "00:03.0", "8086:2f08", 0x060400, NULL, "pcieport", false, NULL },
	{ "00:1f.0", "8086:2918", 0x060100, NULL, "lpc_ich", false, NULL },
	{ "00:1f.3", "8086:2930", 0x040300, NULL, "snd_hda_intel", false, NULL },
	{ "01:00.0", "10de:1c30:10de:11b3", 0x030000, "00:03.0/00.0", "nouveau", false, NULL },
	{ "01:00.1", "10de:10f1:10de:11b3", 0x040300, "00:03.0/00.1", NULL, false, NULL },
	{ "03:00.0", "144d:a80a", 0x010802, "00:05.0/00.0", "nvme", false, NULL },
	{ "05:00.0", "8086:1572", 0x020000, "00:06.0/00.0", "i40e", false, NULL },
	{ "05:02.0", "8086:154c", 0x020000, "00:06.0/02.0", NULL, true, NULL },
	{ "10000:e1:00.0", "10de:2230", 0x030200, "10000:e0:06.0/00.0", NULL, false, NULL },
};

enum { IGPU, PORT, LPC, SOUND, GPU, AUDIO, DISK, NIC, VF, FAR, COUNT };

static const struct test_claim the_gpu[] = { { .name = "gpu", .match = { "10de:1c30" } } };

/* Everything that warnings are made of; a test spoils one thing. */
struct world {
	struct config config;
	struct claims claims;
	struct snapshot snapshot;
	struct details details[COUNT];
	struct guards guards; /* of the plan */
	struct guards in_use;
	struct plan plan;
	struct uses uses;
	struct host_facts facts;
	struct kernel_outlook kernels[2];
	struct driver_facts drivers[4];
	struct device_outlook devices[COUNT];
	struct warnings warnings;
	bool found;
};

static const char *name_of(void *context, const struct device *device)
{
	(void)context;
	return device->ids.vendor == 0x10de ? "NVIDIA thing" : "";
}

static struct world world_of(const struct test_claim *claims, size_t count)
{
	struct world world = {
		.claims = claims_of(claims, count),
		.snapshot = machine(good, COUNT),
		.guards.phase = PHASE_WHOLE,
		.in_use.phase = PHASE_WHOLE,
		.facts = { .cpu = CPU_INTEL,
			   .has_iommu = true,
			   .remapping = REMAPPING_ON,
			   .kernel_count = 2,
			   .consoles = "ttyS0" },
		.kernels = { { "6.1.0", true }, { "6.12.0", true } },
	};

	world.snapshot.devices[AUDIO].iommu_group = GPU;
	for (size_t i = 0; i < COUNT; i++) {
		world.details[i].boot_vga = i == IGPU ? 1 : -1;
		world.details[i].reset_known = world.details[i].can_reset = true;
		world.details[i].is_bridge = i == PORT;
		world.details[i].parent = i >= GPU ? PORT : NO_PARENT;
		world.details[i].is_vf = i == VF;
	}
	world.details[NIC].sriov_totalvfs = 4;
	world.details[NIC].sriov_numvfs = 1;
	world.details[VF].has_physfn = true;
	world.details[VF].physfn = world.snapshot.devices[NIC].address;
	for (size_t i = 0; i < LENGTH(world.drivers); i++)
		world.drivers[i].found = true;
	return world;
}

#define WORLD(claims) world_of(claims, LENGTH(claims))

static void find(struct world *world)
{
	struct outlook outlook = {
		.config = &world->config,
		.claims = &world->claims,
		.snapshot = &world->snapshot,
		.details = world->details,
		.guards = &world->in_use,
		.plan = &world->plan,
		.uses = &world->uses,
		.facts = &world->facts,
		.name = name_of,
	};

	world->facts.kernels = world->kernels;
	world->facts.drivers = world->drivers;
	world->facts.devices = world->devices;
	uses_sort(&world->uses);
	assert_int_equal(
		plan_make(&world->claims, &world->snapshot, &world->guards, &world->plan), 0);
	assert_int_equal(warnings_find(&outlook, &world->warnings), 0);
	world->found = true;
}

static void world_free(struct world *world)
{
	warnings_free(&world->warnings);
	plan_free(&world->plan);
	uses_free(&world->uses);
	guards_free(&world->guards);
	guards_free(&world->in_use);
	claims_free(&world->claims);
	free(world->snapshot.devices);
}

static bool is_listed(const char *code)
{
	for (size_t i = 0; warning_codes[i] != NULL; i++)
		if (strcmp(warning_codes[i], code) == 0)
			return true;
	return false;
}

/* The only warning of this code, which is whole. */
static const struct warning *only(struct world *world, const char *code)
{
	const struct warning *only = NULL;

	if (!world->found)
		find(world);
	for (size_t i = 0; i < world->warnings.count; i++) {
		const struct warning *warning = &world->warnings.items[i];

		assert_true(is_listed(warning->code));
		assert_non_null(warning->text);
		assert_non_null(warning->fix);
		assert_true(*warning->text != '\0' && *warning->fix != '\0');
		if (strcmp(warning->code, code) != 0)
			continue;
		if (only != NULL)
			fail_msg("%s twice: '%s', '%s'", code, only->text, warning->text);
		only = warning;
	}
	return only;
}

/* There is one of this code and severity, about this device (COUNT: none), with these parts. */
static void assert_warns(struct world *world, enum severity severity, const char *code,
			 size_t device, const char *text, const char *fix)
{
	const struct warning *warning = only(world, code);

	if (warning == NULL)
		fail_msg("no %s", code);
	assert_contains(warning->text, text);
	assert_contains(warning->fix, fix);
	assert_int_equal(warning->severity, severity);
	assert_int_equal(warning->has_address, device != COUNT);
	if (device != COUNT)
		assert_int_equal(pci_address_compare(&warning->address,
						     &world->snapshot.devices[device].address),
				 0);
}

static void assert_silent(struct world *world, const char *code)
{
	const struct warning *warning = only(world, code);

	assert_true(is_listed(code));
	if (warning != NULL)
		fail_msg("%s: '%s'", code, warning->text);
}

static void add_use(struct world *world, size_t device, enum use_kind kind, const char *text)
{
	assert_int_equal(uses_add(&world->uses, &world->snapshot.devices[device].address, kind,
				  "%s", text),
			 0);
}

static void test_nothing_to_say(void **state)
{
	struct world world = WORLD(the_gpu);

	(void)state;
	find(&world);
	for (size_t i = 0; i < world.warnings.count; i++)
		fail_msg("%s: %s", world.warnings.items[i].code, world.warnings.items[i].text);
	assert_int_equal(world.plan.decision_count, 2);
	world_free(&world);
}

static void test_no_match(void **state)
{
	static const struct test_claim missing[] = { { .name = "a",
						       .match = { "10de:ffff" } } };
	static const struct test_claim moved[] = {
		{ .name = "a", .match = { "path=00:09.0/00.0 10de:1c30" } }
	};
	static const struct test_claim refused[] = { { .name = "a", .match = { "09:00.0" } } };
	static const struct test_claim again[] = { { .name = "a", .match = { "10de:ffff" } },
						   { .name = "vfio-pci.ids",
						     .match = { "10de:ffff" },
						     .origin = ORIGIN_IDS_ARGUMENT } };
	struct world world = WORLD(missing);

	(void)state;
	assert_warns(&world, SEVERITY_FAULT, "no-match", COUNT, "nothing matches '10de:ffff'",
		     "lspci -nn");
	assert_string_equal(only(&world, "no-match")->claim->name, "a");
	world_free(&world);
	world = WORLD(moved);
	assert_warns(&world, SEVERITY_FAULT, "no-match", COUNT, "these IDs are at 0000:01:00.0",
		     "mend the selector");
	world_free(&world);
	/* The plan has a refusal with its reason for an exact address. */
	world = WORLD(refused);
	assert_silent(&world, "no-match");
	assert_int_equal(world.plan.decision_count, 1);
	world_free(&world);
	/* What our own vfio-pci.ids= repeats is said once. */
	world = WORLD(again);
	assert_warns(&world, SEVERITY_FAULT, "no-match", COUNT, "10de:ffff", "");
	assert_string_equal(only(&world, "no-match")->claim->name, "a");
	world_free(&world);
	world = WORLD(the_gpu);
	assert_silent(&world, "no-match");
	world_free(&world);
}

static void test_no_vfs(void **state)
{
	static const struct test_claim vfs[] = { { .name = "vf", .match = { "8086:154d" } } };
	struct world world = WORLD(vfs);

	(void)state;
	world.details[NIC].sriov_numvfs = 0;
	world.devices[NIC].vf_device = 0x154d;
	assert_warns(&world, SEVERITY_WARNING, "no-vfs", NIC, "'8086:154d'",
		     "sriov_numvfs of 0000:05:00.0");
	assert_silent(&world, "no-match");
	world_free(&world);
	/* Without the device ID of its virtual functions it is a guess. */
	world = WORLD(vfs);
	world.details[NIC].sriov_numvfs = 0;
	assert_warns(&world, SEVERITY_FAULT, "no-match", COUNT, "'8086:154d'",
		     "if virtual functions of 0000:05:00.0 are meant");
	assert_silent(&world, "no-vfs");
	world_free(&world);
	/* Another device ID, and one that has virtual functions. */
	world = WORLD(vfs);
	world.details[NIC].sriov_numvfs = 0;
	world.devices[NIC].vf_device = 0x1234;
	assert_warns(&world, SEVERITY_FAULT, "no-match", COUNT, "'8086:154d'", "look for");
	world_free(&world);
	world = WORLD(vfs);
	world.devices[NIC].vf_device = 0x154d;
	assert_silent(&world, "no-vfs");
	world_free(&world);
}

static void test_expect(void **state)
{
	static const struct test_claim two[] = {
		{ .name = "gpu", .match = { "10de:1c30" }, .expect = 2 }
	};
	static const struct test_claim one[] = {
		{ .name = "gpu", .match = { "10de:1c30" }, .expect = 1 }
	};
	static const struct test_claim any[] = {
		{ .name = "gpu", .match = { "class=03" }, .except = { "00:02.0" }, .expect = 1 }
	};
	struct world world = WORLD(two);

	(void)state;
	assert_warns(&world, SEVERITY_FAULT, "expect", COUNT,
		     "2 cards expected, 1 will be claimed", "missing");
	world_free(&world);
	world = WORLD(any);
	assert_warns(&world, SEVERITY_FAULT, "expect", COUNT,
		     "1 card expected, 2 will be claimed", "name the cards");
	world_free(&world);
	world = WORLD(one);
	assert_silent(&world, "expect");
	world_free(&world);
	/* What is refused is not claimed. */
	world = WORLD(one);
	world.snapshot.devices[GPU].class_code = 0x060400;
	assert_warns(&world, SEVERITY_FAULT, "expect", COUNT,
		     "1 card expected, 0 will be claimed", "refused");
	world_free(&world);
}

/* The second display becomes a twin of the first. */
static void make_twins(struct world *world)
{
	world->snapshot.devices[FAR].ids = world->snapshot.devices[GPU].ids;
	world->snapshot.devices[FAR].ids.subvendor = 0x103c;
	world->snapshot.devices[FAR].address.domain = 1;
}

static void test_identical(void **state)
{
	static const struct test_claim meant[] = {
		{ .name = "gpu", .match = { "10de:1c30" }, .expect = 2 }
	};
	static const struct test_claim named[] = { { .name = "gpu", .match = { "01:00.0" } } };
	static const struct test_claim both[] = {
		{ .name = "a", .match = { "01:00.0" } },
		{ .name = "b", .match = { "0001:e1:00.0" } },
	};
	static const struct test_claim each[] = {
		{ .name = "a", .match = { "01:00.0", "0001:e1:00.0" } },
	};
	static const struct test_claim argument[] = { { .name = "vfio-pci.ids",
							.match = { "10de:1c30" },
							.origin = ORIGIN_IDS_ARGUMENT } };
	struct world world = WORLD(the_gpu);

	(void)state;
	make_twins(&world);
	assert_warns(&world, SEVERITY_WARNING, "identical-all", GPU, "all 2 cards 10de:1c30",
		     "expect = 2");
	assert_silent(&world, "identical-left");
	world_free(&world);
	world = WORLD(argument);
	make_twins(&world);
	assert_warns(&world, SEVERITY_WARNING, "identical-all", GPU, "all 2 cards",
		     "rd.vfio-claim=0000:01:00.0");
	world_free(&world);
	world = WORLD(meant);
	make_twins(&world);
	assert_silent(&world, "identical-all");
	world_free(&world);
	world = WORLD(named);
	make_twins(&world);
	assert_warns(&world, SEVERITY_WARNING, "identical-left", GPU,
		     "0001:e1:00.0 (no driver) stays with the host", "match = 10de:1c30");
	assert_silent(&world, "identical-all");
	world_free(&world);
	world = WORLD(both);
	make_twins(&world);
	assert_silent(&world, "identical-left");
	assert_silent(&world, "identical-all");
	world_free(&world);
	world = WORLD(each);
	make_twins(&world);
	assert_silent(&world, "identical-all");
	world_free(&world);
	world = WORLD(the_gpu);
	assert_silent(&world, "identical-all");
	assert_silent(&world, "identical-left");
	world_free(&world);
}

static void test_driver(void **state)
{
	static const struct test_claim named[] = {
		{ .name = "gpu", .match = { "10de:1c30" }, .driver = "my_vfio_pci" }
	};
	struct world world = WORLD(named);

	(void)state;
	world.drivers[0].found = false;
	assert_warns(&world, SEVERITY_FAULT, "driver-missing", COUNT,
		     "no kernel here has the driver my_vfio_pci", "driver = auto");
	world_free(&world);
	world = WORLD(named);
	world.drivers[0].outside = true;
	assert_silent(&world, "driver-missing");
	assert_silent(&world, "driver-unsigned");
	world_free(&world);
	world = WORLD(named);
	world.drivers[0].outside = true;
	(void)strcpy(world.facts.lockdown, "none");
	assert_silent(&world, "driver-unsigned");
	world_free(&world);
	world = WORLD(named);
	world.drivers[0].outside = true;
	(void)strcpy(world.facts.lockdown, "integrity");
	assert_warns(&world, SEVERITY_WARNING, "driver-unsigned", COUNT, "(integrity)",
		     "mokutil");
	world_free(&world);
	world = WORLD(named);
	(void)strcpy(world.facts.lockdown, "integrity");
	assert_silent(&world, "driver-unsigned");
	world_free(&world);
	/* driver = auto is asked of no kernel. */
	world = WORLD(the_gpu);
	world.drivers[0].found = false;
	assert_silent(&world, "driver-missing");
	world_free(&world);
}

static const struct test_claim the_nic[] = { { .name = "nic", .match = { "05:00.0" } } };

static void test_default_route(void **state)
{
	struct world world = WORLD(the_nic);

	(void)state;
	add_use(&world, NIC, USE_ROUTE, "carries the default route (eth0)");
	add_use(&world, NIC, USE_LINK, "eth0 is up");
	assert_warns(&world, SEVERITY_DANGER, "default-route", NIC,
		     "carries the default route (eth0)", "except = 0000:05:00.0");
	/* The danger comes first, and says all there is. */
	assert_string_equal(world.warnings.items[0].code, "default-route");
	assert_int_equal(warnings_count(&world.warnings, SEVERITY_DANGER), 1);
	assert_silent(&world, "in-use");
	world_free(&world);
	/* Meant: early and the exact address; not by ID alone, nor without `when`. */
	world = WORLD(the_nic);
	world.claims.items[0].when = WHEN_EARLY;
	add_use(&world, NIC, USE_ROUTE, "carries the default route (eth0)");
	assert_warns(&world, SEVERITY_WARNING, "default-route", NIC, "claimed all the same",
		     "guarded");
	world_free(&world);
	static const struct test_claim by_id[] = { { .name = "n", .match = { "8086:1572" } } };
	world = WORLD(by_id);
	world.claims.items[0].when = WHEN_EARLY;
	add_use(&world, NIC, USE_ROUTE, "carries the default route (eth0)");
	assert_warns(&world, SEVERITY_DANGER, "default-route", NIC, "", "");
	world_free(&world);
	/* A kernel argument has no `except`. */
	static const struct test_claim argument[] = {
		{ .name = "rd.vfio-claim-1", .match = { "05:00.0" }, .origin = ORIGIN_ARGUMENT }
	};
	world = WORLD(argument);
	add_use(&world, NIC, USE_ROUTE, "carries the default route (eth0)");
	assert_warns(&world, SEVERITY_DANGER, "default-route", NIC, "",
		     "out of the kernel's command line");
	world_free(&world);
	/* On another device it is nobody's matter. */
	world = WORLD(the_gpu);
	add_use(&world, NIC, USE_ROUTE, "carries the default route (eth0)");
	assert_silent(&world, "default-route");
	world_free(&world);
}

static void test_needed(void **state)
{
	static const struct test_claim disk[] = { { .name = "disk", .match = { "03:00.0" } } };
	struct world world = WORLD(disk);
	const struct pci_address *address = &world.snapshot.devices[DISK].address;

	(void)state;
	/* Mounted now and not named for the boot: nothing guards it there. */
	assert_int_equal(guards_add(&world.in_use, address, "/data (/dev/nvme0n1) is on it"),
			 0);
	assert_warns(&world, SEVERITY_DANGER, "needed", DISK, "/data (/dev/nvme0n1) is on it",
		     "when = early");
	world_free(&world);
	/* Guarded: the plan refuses it, and that is all there is to say. */
	world = WORLD(disk);
	address = &world.snapshot.devices[DISK].address;
	assert_int_equal(guards_add(&world.in_use, address, "/ is on it"), 0);
	assert_int_equal(guards_add(&world.guards, address, "/ is on it"), 0);
	assert_silent(&world, "needed");
	assert_int_equal(world.plan.decisions[0].verdict, VERDICT_REFUSE);
	world_free(&world);
	/* Meant. */
	world = WORLD(disk);
	address = &world.snapshot.devices[DISK].address;
	world.claims.items[0].when = WHEN_EARLY;
	assert_int_equal(guards_add(&world.in_use, address, "/ is on it"), 0);
	assert_warns(&world, SEVERITY_WARNING, "needed", DISK, "/ is on it", "guarded");
	assert_silent(&world, "unguarded");
	world_free(&world);
	world = WORLD(disk);
	assert_silent(&world, "needed");
	world_free(&world);
}

/* Blacklisting the root disk's driver takes it as a claim would. */
static void test_driver_blacklisted(void **state)
{
	char(modules[])[DRIVER_NAME_SIZE] = { "sd-mod", "nvme" };
	struct world world = WORLD(the_gpu);

	(void)state;
	(void)strcpy(world.devices[DISK].blacklisted, "nvme");
	assert_silent(&world, "driver-blacklisted");
	world_free(&world);

	world = WORLD(the_gpu);
	(void)strcpy(world.devices[DISK].blacklisted, "nvme");
	assert_int_equal(
		guards_add(&world.in_use, &world.snapshot.devices[DISK].address, "/ is on it"),
		0);
	assert_warns(&world, SEVERITY_DANGER, "driver-blacklisted", DISK,
		     "does not load nvme, its driver, which is blacklisted; / is on it",
		     "take nvme out of the blacklists in extra_args");
	assert_silent(&world, "needed");
	world_free(&world);

	world = WORLD(the_gpu);
	world.config.host.blacklist = BLACKLIST_LIST;
	world.config.host.modules = modules;
	world.config.host.module_count = LENGTH(modules);
	(void)strcpy(world.devices[DISK].blacklisted, "nvme");
	(void)strcpy(world.in_use.storage_reason, "zfs");
	assert_warns(&world, SEVERITY_WARNING, "driver-blacklisted", DISK,
		     "it could be needed: zfs", "take nvme out of blacklist in the config");
	world_free(&world);

	/* What is built in heeds no blacklist. */
	world = WORLD(the_gpu);
	(void)strcpy(world.devices[NIC].blacklisted, "i40e");
	add_use(&world, NIC, USE_ROUTE, "carries the default route (eth0)");
	assert_warns(&world, SEVERITY_DANGER, "driver-blacklisted", NIC,
		     "i40e, its driver, which is blacklisted; carries the default route",
		     "i40e");
	world_free(&world);
	world = WORLD(the_gpu);
	(void)strcpy(world.devices[NIC].blacklisted, "i40e");
	(void)strcpy(world.devices[NIC].builtin, "i40e");
	add_use(&world, NIC, USE_ROUTE, "carries the default route (eth0)");
	assert_silent(&world, "driver-blacklisted");
	world_free(&world);
}

static void test_perhaps_needed(void **state)
{
	static const struct test_claim disk[] = { { .name = "disk", .match = { "03:00.0" } } };
	static const char reason[] = "/data (tank) is on devices that are not known";
	struct world world = WORLD(disk);

	(void)state;
	(void)strcpy(world.in_use.storage_reason, reason);
	assert_warns(&world, SEVERITY_WARNING, "perhaps-needed", DISK, reason, "zpool");
	assert_silent(&world, "needed");
	world_free(&world);
	/* Seen to have nothing of it; known to have; no storage. */
	world = WORLD(disk);
	(void)strcpy(world.in_use.storage_reason, reason);
	assert_int_equal(guards_clear(&world.in_use, &world.snapshot.devices[DISK].address), 0);
	assert_silent(&world, "perhaps-needed");
	world_free(&world);
	world = WORLD(disk);
	(void)strcpy(world.in_use.storage_reason, reason);
	assert_int_equal(
		guards_add(&world.in_use, &world.snapshot.devices[DISK].address, "/ is on it"),
		0);
	assert_silent(&world, "perhaps-needed");
	world_free(&world);
	world = WORLD(the_gpu);
	(void)strcpy(world.in_use.storage_reason, reason);
	assert_silent(&world, "perhaps-needed");
	world_free(&world);
	/* A display card's own USB controller: nothing of the host is plugged in. */
	world = WORLD(the_gpu);
	world.snapshot.devices[AUDIO].class_code = 0x0c0330;
	(void)strcpy(world.in_use.storage_reason, reason);
	assert_silent(&world, "perhaps-needed");
	assert_int_equal(world.plan.decision_count, 2);
	world_free(&world);
}

static void test_unguarded(void **state)
{
	static const struct test_claim disk[] = { { .name = "disk", .match = { "03:00.0" } } };
	struct world world = WORLD(disk);

	(void)state;
	world.claims.items[0].when = WHEN_EARLY;
	assert_warns(&world, SEVERITY_WARNING, "unguarded", DISK, "when = early",
		     "when = auto");
	world_free(&world);
	world = WORLD(disk);
	assert_silent(&world, "unguarded");
	assert_true(world.plan.decisions[0].late);
	world_free(&world);
	/* By its ID alone it waits all the same. */
	static const struct test_claim by_id[] = { { .name = "d", .match = { "144d:a80a" } } };
	world = WORLD(by_id);
	world.claims.items[0].when = WHEN_EARLY;
	assert_silent(&world, "unguarded");
	assert_true(world.plan.decisions[0].late);
	world_free(&world);
	/* No storage. */
	world = WORLD(the_gpu);
	world.claims.items[0].when = WHEN_EARLY;
	assert_silent(&world, "unguarded");
	world_free(&world);
}

static void test_in_use(void **state)
{
	struct world world = WORLD(the_gpu);

	(void)state;
	add_use(&world, GPU, USE_DISPLAY, "Xorg (pid 77) draws on it");
	assert_warns(&world, SEVERITY_WARNING, "in-use", GPU, "Xorg (pid 77) draws on it",
		     "does without it");
	world_free(&world);
	world = WORLD(the_gpu);
	add_use(&world, GPU, USE_VFIO, "qemu (pid 7) has group 5 open");
	assert_warns(&world, SEVERITY_WARNING, "in-use", GPU, "qemu (pid 7)",
		     "shut the virtual machine down");
	world_free(&world);
	world = WORLD(the_nic);
	add_use(&world, NIC, USE_LINK, "eth0 is up");
	assert_warns(&world, SEVERITY_WARNING, "in-use", NIC, "eth0 is up", "");
	world_free(&world);
	/* A serial card is no display. */
	world = WORLD(the_nic);
	add_use(&world, NIC, USE_CONSOLE, "the console ttyS4 is on it");
	assert_warns(&world, SEVERITY_WARNING, "in-use", NIC, "ttyS4", "");
	assert_silent(&world, "boot-display");
	world_free(&world);
	/* What stays with the host may be used. */
	world = WORLD(the_gpu);
	add_use(&world, SOUND, USE_SOUND, "pipewire plays");
	add_use(&world, NIC, USE_LINK, "eth0 is up");
	assert_silent(&world, "in-use");
	world_free(&world);
}

static void test_boot_display(void **state)
{
	struct world world = WORLD(the_gpu);

	(void)state;
	world.details[IGPU].boot_vga = 0;
	world.details[GPU].boot_vga = 1;
	assert_warns(&world, SEVERITY_WARNING, "boot-display", GPU,
		     "the console stays on ttyS0; another display stays with the host",
		     "choose 0000:00:02.0 (i915)");
	world_free(&world);
	/* No other display: none of a driver's. */
	world = WORLD(the_gpu);
	world.details[GPU].boot_vga = 1;
	world.snapshot.devices[IGPU].driver[0] = '\0';
	assert_warns(&world, SEVERITY_WARNING, "boot-display", GPU, "no longer",
		     "try the console on ttyS0");
	world_free(&world);
	world = WORLD(the_gpu);
	world.details[GPU].boot_vga = 1;
	world.snapshot.devices[IGPU].driver[0] = '\0';
	world.facts.consoles[0] = '\0';
	world.facts.display_console = true;
	world.config.host.framebuffer = FRAMEBUFFER_OFF;
	assert_warns(&world, SEVERITY_WARNING, "boot-display", GPU,
		     "nothing of Linux (framebuffer = off); there is no other console",
		     "another way in");
	world_free(&world);
	/* Where the consoles cannot be read nothing is said of them. */
	world = WORLD(the_gpu);
	world.details[GPU].boot_vga = 1;
	world.facts.consoles[0] = '\0';
	assert_warns(&world, SEVERITY_WARNING, "boot-display", GPU,
		     "once vfio-pci has it; another display", "");
	world_free(&world);
	/* The framebuffer's own device says so too, and a use; a 3D controller has no boot_vga. */
	world = WORLD(the_gpu);
	world.facts.has_framebuffer = true;
	world.facts.framebuffer = world.snapshot.devices[GPU].address;
	assert_warns(&world, SEVERITY_WARNING, "boot-display", GPU, "", "");
	world_free(&world);
	world = WORLD(the_gpu);
	add_use(&world, GPU, USE_CONSOLE, "the console is on it");
	assert_warns(&world, SEVERITY_WARNING, "boot-display", GPU, "", "");
	assert_silent(&world, "in-use");
	world_free(&world);
	world = WORLD(the_gpu);
	world.facts.has_framebuffer = true;
	world.facts.framebuffer = world.snapshot.devices[IGPU].address;
	assert_silent(&world, "boot-display");
	world_free(&world);
}

static void test_no_reset(void **state)
{
	static const struct test_claim alone[] = {
		{ .name = "gpu", .match = { "01:00.0" }, .functions = FUNCTIONS_MATCHED }
	};
	static const struct test_claim sound[] = { { .name = "snd", .match = { "00:1f.3" } } };
	struct world world = WORLD(alone);

	(void)state;
	world.details[GPU].can_reset = false;
	assert_warns(&world, SEVERITY_WARNING, "no-reset", GPU, "nor with its bus",
		     "claim all that is on bus 0000:01");
	world_free(&world);
	world = WORLD(sound);
	world.details[SOUND].can_reset = false;
	assert_warns(&world, SEVERITY_WARNING, "no-reset", SOUND,
		     "it cannot be reset by itself:", "a reboot of the host");
	world_free(&world);
	/* The whole bus is claimed, so VFIO resets that. */
	world = WORLD(the_gpu);
	world.details[GPU].can_reset = world.details[AUDIO].can_reset = false;
	assert_silent(&world, "no-reset");
	world_free(&world);
	/* A kernel that does not tell. */
	world = WORLD(alone);
	world.details[GPU].can_reset = world.details[GPU].reset_known = false;
	assert_silent(&world, "no-reset");
	world_free(&world);
}

static void test_sriov(void **state)
{
	static const struct test_claim both[] = {
		{ .name = "pf", .match = { "05:00.0" } },
		{ .name = "vf", .match = { "05:02.0" } },
	};
	static const struct test_claim vf[] = { { .name = "vf", .match = { "8086:154c" } } };
	struct world world = WORLD(the_nic);

	(void)state;
	assert_warns(&world, SEVERITY_WARNING, "pf-with-vfs", NIC, "1 virtual function",
		     "claim the virtual functions instead");
	assert_silent(&world, "pf-and-vf");
	world_free(&world);
	world = WORLD(both);
	assert_warns(&world, SEVERITY_FAULT, "pf-and-vf", NIC, "together with 1",
		     "except = 0000:05:00.0");
	assert_silent(&world, "pf-with-vfs");
	world_free(&world);
	world = WORLD(the_nic);
	world.details[NIC].sriov_numvfs = 0;
	assert_silent(&world, "pf-with-vfs");
	assert_silent(&world, "pf-and-vf");
	world_free(&world);
	world = WORLD(vf);
	assert_silent(&world, "pf-with-vfs");
	assert_silent(&world, "pf-and-vf");
	world_free(&world);
}

static void test_nova_domain(void **state)
{
	static const struct test_claim far[] = { { .name = "far", .match = { "10de:2230" } } };
	struct world world = WORLD(far);

	(void)state;
	assert_warns(&world, SEVERITY_WARNING, "nova-domain", FAR, "Nova", "VMD");
	world_free(&world);
	world = WORLD(far);
	world.snapshot.devices[FAR].address.domain = 0xffff;
	assert_silent(&world, "nova-domain");
	world_free(&world);
}

static void test_builtin(void **state)
{
	struct world world = WORLD(the_gpu);

	(void)state;
	(void)strcpy(world.devices[AUDIO].builtin, "snd_hda_intel");
	assert_warns(&world, SEVERITY_WARNING, "built-in-driver", AUDIO,
		     "snd_hda_intel is built into the kernel", "nothing");
	world_free(&world);
	world = WORLD(the_gpu);
	(void)strcpy(world.devices[AUDIO].native, "snd_hda_intel");
	(void)strcpy(world.devices[SOUND].builtin, "snd_hda_intel");
	assert_silent(&world, "built-in-driver");
	world_free(&world);
}

static void test_no_longer_claimed(void **state)
{
	struct world world = WORLD(the_gpu);

	(void)state;
	(void)strcpy(world.snapshot.devices[FAR].driver, "nvgrace-gpu-vfio-pci");
	assert_warns(&world, SEVERITY_WARNING, "no-longer-claimed", FAR, "nvgrace-gpu-vfio-pci",
		     "match = 10000:e1:00.0");
	world_free(&world);
	/* libvirt's, for a machine that runs; one that stays; no VFIO driver. */
	world = WORLD(the_gpu);
	(void)strcpy(world.snapshot.devices[FAR].driver, "vfio-pci");
	add_use(&world, FAR, USE_VFIO, "qemu (pid 7) has it open");
	assert_silent(&world, "no-longer-claimed");
	world_free(&world);
	world = WORLD(the_gpu);
	(void)strcpy(world.snapshot.devices[GPU].driver, "vfio-pci");
	(void)strcpy(world.snapshot.devices[FAR].driver, "vfio_pcix");
	assert_silent(&world, "no-longer-claimed");
	world_free(&world);
}

/* Which drivers leave a group viable: the kernel's rule. */
static void test_harmless_drivers(void **state)
{
	static const char *const harmless[] = { "",
						"vfio-pci",
						"pci-stub",
						"pcieport",
						"mlx5_vfio_pci",
						"xe-vfio-pci",
						"qat_vfio_pci" };
	static const char *const harmful[] = { "nvidia",  "lpc_ich", "shpchp",    "vfio",
					       "my_vfio", "_pci",    "vfio_pci_x" };

	(void)state;
	for (size_t i = 0; i < LENGTH(harmless); i++)
		if (!driver_is_harmless(harmless[i]))
			fail_msg("%s", harmless[i]);
	for (size_t i = 0; i < LENGTH(harmful); i++)
		if (driver_is_harmless(harmful[i]))
			fail_msg("%s", harmful[i]);
}

static void test_group(void **state)
{
	static const struct test_claim alone[] = {
		{ .name = "gpu", .match = { "01:00.0" }, .functions = FUNCTIONS_MATCHED }
	};
	static const struct test_claim sound[] = { { .name = "snd", .match = { "00:1f.3" } } };
	struct world world = WORLD(alone);
	struct device *devices = world.snapshot.devices;

	(void)state;
	(void)strcpy(devices[AUDIO].driver, "snd_hda_intel");
	(void)strcpy(devices[FAR].driver, "nvidia");
	devices[PORT].iommu_group = devices[FAR].iommu_group = GPU;
	assert_warns(&world, SEVERITY_FAULT, "group-incomplete", GPU,
		     "IOMMU group 4 stays incomplete, no virtual machine can use it: "
		     "0000:01:00.1 NVIDIA thing (snd_hda_intel), "
		     "10000:e1:00.0 NVIDIA thing (nvidia)",
		     "match = 0000:01:00.1, 10000:e1:00.0");
	world_free(&world);
	/* Without a driver, with pcieport, with VFIO's own it does no harm. */
	world = WORLD(alone);
	world.snapshot.devices[PORT].iommu_group = GPU;
	assert_silent(&world, "group-incomplete");
	world_free(&world);
	world = WORLD(the_gpu);
	(void)strcpy(world.snapshot.devices[AUDIO].driver, "snd_hda_intel");
	assert_silent(&world, "group-incomplete");
	world_free(&world);
	/* VFIO's now, the native driver's then. */
	world = WORLD(alone);
	(void)strcpy(world.snapshot.devices[AUDIO].driver, "vfio-pci");
	(void)strcpy(world.devices[AUDIO].native, "snd_hda_intel");
	assert_warns(&world, SEVERITY_FAULT, "group-incomplete", GPU, "(snd_hda_intel)", "");
	world_free(&world);
	world = WORLD(alone);
	(void)strcpy(world.snapshot.devices[AUDIO].driver, "vfio-pci");
	assert_silent(&world, "group-incomplete");
	world_free(&world);
	/* A bridge to ISA with a driver is in the way and cannot be claimed. */
	world = WORLD(sound);
	world.snapshot.devices[LPC].iommu_group = SOUND;
	assert_warns(&world, SEVERITY_FAULT, "group-incomplete", SOUND,
		     "0000:00:1f.0 (lpc_ich)", "a slot whose group");
	world_free(&world);
	/* A bridge by its class only can be, by its address. */
	world = WORLD(sound);
	world.snapshot.devices[LPC].iommu_group = SOUND;
	world.snapshot.devices[LPC].class_code = 0x068000;
	assert_warns(&world, SEVERITY_FAULT, "group-incomplete", SOUND,
		     "0000:00:1f.0 (lpc_ich)", "match = 0000:00:1f.0");
	world_free(&world);
}

static void test_group_shows_what_is_refused(void **state)
{
	struct world world = WORLD(the_gpu);
	static const struct test_claim both[] = {
		{ .name = "gpu", .match = { "01:00.0" } },
		{ .name = "disk", .match = { "03:00.0" } },
	};

	(void)state;
	world_free(&world);
	world = WORLD(both);
	world.snapshot.devices[DISK].iommu_group = GPU;
	assert_int_equal(
		guards_add(&world.guards, &world.snapshot.devices[DISK].address, "/ is on it"),
		0);
	assert_warns(&world, SEVERITY_FAULT, "group-incomplete", GPU, "(nvme, refused)",
		     "a slot whose group");
	world_free(&world);
}

/* What is refused for how a claim names it can be claimed all the same, by its address. */
static void test_group_with_badly_named_device(void **state)
{
	static const struct test_claim both[] = {
		{ .name = "gpu", .match = { "01:00.0" }, .functions = FUNCTIONS_MATCHED },
		{ .name = "sound", .match = { "01:00.1 10de:10ff" } },
	};
	static const struct test_claim vendor[] = {
		{ .name = "gpu", .match = { "01:00.0" } },
		{ .name = "intel", .match = { "8086:*" }, .except = { "class=03" } },
	};
	struct world world = WORLD(both);

	(void)state;
	(void)strcpy(world.snapshot.devices[AUDIO].driver, "snd_hda_intel");
	assert_warns(&world, SEVERITY_FAULT, "group-incomplete", GPU,
		     "(snd_hda_intel, refused)",
		     "claim what else is in it too: match = 0000:01:00.1; 0000:01:00.1 is "
		     "refused by [claim sound] now: another device is here: ");
	world_free(&world);
	world = WORLD(vendor);
	world.snapshot.devices[LPC].iommu_group = GPU;
	world.snapshot.devices[LPC].class_code = 0x068000;
	assert_warns(&world, SEVERITY_FAULT, "group-incomplete", GPU, "(lpc_ich, refused)",
		     "match = 0000:00:1f.0; 0000:00:1f.0 is refused by [claim intel] now: a "
		     "bridge of this kind is claimed only by its address");
	world_free(&world);
}

/* Nobody is told to claim what the host needs, or may. */
static void test_group_with_hosts_device(void **state)
{
	struct world world = WORLD(the_gpu);

	(void)state;
	world.snapshot.devices[DISK].iommu_group = GPU;
	assert_warns(&world, SEVERITY_FAULT, "group-incomplete", GPU, "(nvme)",
		     "match = 0000:03:00.0");
	world_free(&world);
	world = WORLD(the_gpu);
	world.snapshot.devices[DISK].iommu_group = GPU;
	assert_int_equal(
		guards_add(&world.in_use, &world.snapshot.devices[DISK].address, "/ is on it"),
		0);
	assert_warns(&world, SEVERITY_FAULT, "group-incomplete", GPU, "(nvme)",
		     "a slot whose group");
	world_free(&world);
	world = WORLD(the_gpu);
	world.snapshot.devices[DISK].iommu_group = GPU;
	(void)strcpy(world.in_use.storage_reason, "a pool is not understood");
	assert_warns(&world, SEVERITY_FAULT, "group-incomplete", GPU, "(nvme)",
		     "a slot whose group");
	world_free(&world);
	world = WORLD(the_gpu);
	world.snapshot.devices[NIC].iommu_group = GPU;
	add_use(&world, NIC, USE_LINK, "eth0 is up");
	assert_warns(&world, SEVERITY_FAULT, "group-incomplete", GPU, "(i40e)",
		     "match = 0000:05:00.0");
	world_free(&world);
	world = WORLD(the_gpu);
	world.snapshot.devices[NIC].iommu_group = GPU;
	add_use(&world, NIC, USE_ROUTE, "carries the default route (eth0)");
	assert_warns(&world, SEVERITY_FAULT, "group-incomplete", GPU, "(i40e)",
		     "a slot whose group");
	world_free(&world);
}

static void test_no_group(void **state)
{
	static const struct test_claim igpu[] = { { .name = "igpu", .match = { "00:02.0" } } };
	struct world world = WORLD(igpu);

	(void)state;
	world.snapshot.devices[IGPU].iommu_group = -1;
	assert_warns(&world, SEVERITY_FAULT, "no-group", IGPU, "no IOMMU group",
		     "intel_iommu=on");
	world_free(&world);
	/* The argument comes with the next boot, and mends it for Intel's displays alone. */
	world = WORLD(igpu);
	world.snapshot.devices[IGPU].iommu_group = -1;
	world.facts.iommu_pending = world.facts.display_pending = true;
	assert_warns(&world, SEVERITY_WARNING, "iommu-pending", IGPU, "no IOMMU group yet",
		     "after the reboot");
	assert_silent(&world, "no-group");
	world_free(&world);
	world = WORLD(the_gpu);
	world.snapshot.devices[GPU].iommu_group = -1;
	world.facts.iommu_pending = world.facts.display_pending = true;
	assert_warns(&world, SEVERITY_FAULT, "no-group", GPU, "no IOMMU group", "dmesg");
	assert_silent(&world, "iommu-pending");
	world_free(&world);
	world = WORLD(the_gpu);
	world.snapshot.devices[GPU].iommu_group = -1;
	assert_warns(&world, SEVERITY_FAULT, "no-group", GPU, "no IOMMU group", "dmesg");
	world_free(&world);
	world = WORLD(the_gpu);
	world.snapshot.devices[IGPU].iommu_group = -1;
	assert_silent(&world, "no-group");
	world_free(&world);
	/* There is an IOMMU, and no device has a group. */
	world = WORLD(igpu);
	for (size_t i = 0; i < COUNT; i++)
		world.snapshot.devices[i].iommu_group = -1;
	assert_warns(&world, SEVERITY_FAULT, "no-group", IGPU, "", "");
	assert_silent(&world, "iommu-off");
	world_free(&world);
	world = WORLD(igpu);
	for (size_t i = 0; i < COUNT; i++)
		world.snapshot.devices[i].iommu_group = -1;
	world.facts.iommu_pending = world.facts.display_pending = true;
	assert_warns(&world, SEVERITY_FAULT, "no-group", IGPU, "", "");
	world_free(&world);
}

static struct world without_iommu(const struct test_claim *claims, size_t count)
{
	struct world world = world_of(claims, count);

	world.facts.has_iommu = false;
	world.facts.remapping = REMAPPING_OFF;
	for (size_t i = 0; i < COUNT; i++)
		world.snapshot.devices[i].iommu_group = -1;
	return world;
}

static void test_iommu(void **state)
{
	static const struct {
		enum host_cpu cpu;
		const char *fix;
	} fixes[] = {
		{ CPU_INTEL, "turn VT-d on" },
		{ CPU_AMD, "AMD-Vi" },
		{ CPU_ARM, "SMMU" },
		{ CPU_ANY, "VT-d, AMD-Vi, SMMU" },
	};
	static const struct test_claim none[] = { { .name = "x", .match = { "ffff:ffff" } } };
	struct world world;

	(void)state;
	for (size_t i = 0; i < LENGTH(fixes); i++) {
		world = without_iommu(the_gpu, 1);
		world.facts.cpu = fixes[i].cpu;
		assert_warns(&world, SEVERITY_FAULT, "iommu-off", COUNT, "no IOMMU is in use",
			     fixes[i].fix);
		/* One cause, one warning. */
		assert_silent(&world, "no-group");
		assert_silent(&world, "no-interrupt-remapping");
		world_free(&world);
	}
	world = without_iommu(the_gpu, 1);
	world.config.host.iommu = IOMMU_OFF;
	assert_warns(&world, SEVERITY_FAULT, "iommu-off", COUNT, "", "iommu = pt");
	world_free(&world);
	world = without_iommu(the_gpu, 1);
	world.facts.iommu_pending = true;
	assert_warns(&world, SEVERITY_WARNING, "iommu-pending", COUNT, "intel_iommu=on",
		     "after the reboot");
	assert_silent(&world, "iommu-off");
	world_free(&world);
	/* A word that keeps it off is the cause, whatever else the next boot has. */
	world = without_iommu(the_gpu, 1);
	world.facts.cpu = CPU_INTEL;
	world.facts.iommu_off = "iommu=off";
	world.facts.iommu_off_now = true;
	assert_warns(&world, SEVERITY_FAULT, "iommu-off", COUNT, "iommu=off is on its command",
		     "take iommu=off out of the boot loader's settings");
	assert_silent(&world, "iommu-pending");
	world_free(&world);
	/* The IOMMU is on in spite of it now, so it will be; but not with a new word. */
	world = WORLD(the_gpu);
	world.facts.iommu_off = "iommu=off";
	world.facts.iommu_off_now = true;
	assert_silent(&world, "iommu-off");
	world_free(&world);
	world = WORLD(the_gpu);
	world.facts.iommu_off = "iommu=off";
	assert_warns(&world, SEVERITY_FAULT, "iommu-off", COUNT, "the next boot has no IOMMU",
		     "take iommu=off out of the boot loader's settings");
	world_free(&world);
	/* Groups are a sign of an IOMMU too; and who claims nothing needs none. */
	world = WORLD(the_gpu);
	world.facts.has_iommu = false;
	world.facts.iommu_pending = true;
	assert_silent(&world, "iommu-off");
	assert_silent(&world, "iommu-pending");
	world_free(&world);
	world = without_iommu(none, 1);
	assert_silent(&world, "iommu-off");
	world_free(&world);
}

static void test_remapping(void **state)
{
	struct world world = WORLD(the_gpu);

	(void)state;
	world.facts.remapping = REMAPPING_OFF;
	assert_warns(&world, SEVERITY_FAULT, "no-interrupt-remapping", COUNT,
		     "does not remap interrupts", "unsafe_interrupts = yes");
	world_free(&world);
	world = WORLD(the_gpu);
	world.facts.remapping = REMAPPING_OFF;
	world.facts.unsafe_interrupts = true;
	assert_silent(&world, "no-interrupt-remapping");
	world_free(&world);
	world = WORLD(the_gpu);
	world.facts.remapping = REMAPPING_UNKNOWN;
	assert_silent(&world, "no-interrupt-remapping");
	world_free(&world);
}

static void test_kernels(void **state)
{
	struct world world = WORLD(the_gpu);

	(void)state;
	world.kernels[1].has_vfio_pci = false;
	assert_warns(&world, SEVERITY_FAULT, "kernel-without-vfio", COUNT,
		     "6.12.0 has no vfio_pci",
		     "Ubuntu: linux-modules-extra; RHEL, Fedora: kernel-modules-core");
	world_free(&world);
	world = WORLD(the_gpu);
	assert_silent(&world, "kernel-without-vfio");
	world_free(&world);
}

static void test_switch(void **state)
{
	struct world world = WORLD(the_gpu);

	(void)state;
	world.facts.off_by = "single";
	assert_warns(&world, SEVERITY_WARNING, "switched-off", COUNT, "this boot has single",
		     "this boot alone");
	world_free(&world);
	world = WORLD(the_gpu);
	world.facts.off_by = "rd.vfio-claim=0";
	world.facts.off_always = true;
	assert_warns(&world, SEVERITY_FAULT, "switched-off", COUNT, "every boot",
		     "boot loader's configuration");
	world_free(&world);
	world = WORLD(the_gpu);
	assert_silent(&world, "switched-off");
	world_free(&world);
}

static void test_addon(void **state)
{
	struct world world = WORLD(the_gpu);

	(void)state;
	world.facts.unsigned_addon = world.facts.secure_boot = true;
	assert_warns(&world, SEVERITY_WARNING, "unsigned-addon", COUNT, "Secure Boot",
		     "uki.conf");
	world_free(&world);
	world = WORLD(the_gpu);
	world.facts.unsigned_addon = true;
	assert_silent(&world, "unsigned-addon");
	world_free(&world);
	world = WORLD(the_gpu);
	world.facts.secure_boot = true;
	assert_silent(&world, "unsigned-addon");
	world_free(&world);
}

/* Apply refuses it whatever is claimed. */
static void test_length(void **state)
{
	static const struct test_claim none[] = { { .name = "none",
						    .match = { "dead:beef" } } };
	struct world world = WORLD(none);

	(void)state;
	world.facts.too_long = "the kernel's command line would have 3000 bytes";
	assert_warns(&world, SEVERITY_FAULT, "cmdline-too-long", COUNT,
		     "command line would have 3000 bytes", "vfio-claim apply");
	world_free(&world);
	world = WORLD(the_gpu);
	assert_silent(&world, "cmdline-too-long");
	world_free(&world);
}

/* The gravest first, the rest in the order it was found. */
static void test_order(void **state)
{
	static const struct test_claim claims[] = { { .name = "nic",
						      .match = { "05:00.0", "ffff:ffff" } } };
	struct world world = WORLD(claims);
	static const char *const wanted[] = { "default-route", "no-match", "pf-with-vfs",
					      "switched-off" };

	(void)state;
	world.facts.off_by = "single";
	add_use(&world, NIC, USE_ROUTE, "carries the default route (eth0)");
	find(&world);
	assert_int_equal(world.warnings.count, LENGTH(wanted));
	for (size_t i = 0; i < LENGTH(wanted); i++)
		assert_string_equal(world.warnings.items[i].code, wanted[i]);
	assert_int_equal(warnings_count(&world.warnings, SEVERITY_WARNING), 2);
	assert_int_equal(warnings_count(&world.warnings, SEVERITY_FAULT), 1);
	world_free(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_say),
		cmocka_unit_test(test_no_match),
		cmocka_unit_test(test_no_vfs),
		cmocka_unit_test(test_expect),
		cmocka_unit_test(test_identical),
		cmocka_unit_test(test_driver),
		cmocka_unit_test(test_default_route),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_driver_blacklisted),
		cmocka_unit_test(test_perhaps_needed),
		cmocka_unit_test(test_unguarded),
		cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_boot_display),
		cmocka_unit_test(test_no_reset),
		cmocka_unit_test(test_sriov),
		cmocka_unit_test(test_nova_domain),
		cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_no_longer_claimed),
		cmocka_unit_test(test_harmless_drivers),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_group_with_hosts_device),
		cmocka_unit_test(test_group_shows_what_is_refused),
		cmocka_unit_test(test_group_with_badly_named_device),
		cmocka_unit_test(test_no_group),
		cmocka_unit_test(test_iommu),
		cmocka_unit_test(test_remapping),
		cmocka_unit_test(test_kernels),
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_addon),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
