// SPDX-License-Identifier: GPL-2.0-or-later
/* What `vfio-claim status` makes of the facts: each finding, with its fault and without. */
#include "machine.h"
#include "readiness.h"

/* A machine on which all is well; each test spoils something. */
struct fixture {
	struct config config;
	struct snapshot snapshot;
	struct guards guards;
	struct uses uses;
	struct plan plan;
	struct device_facts devices[16];
	struct boot_record boot;
	struct boot_device boot_devices[16];
	struct kernel_facts kernels[2];
	struct diagnostics diagnostics;
	struct facts facts;
	struct readiness out;
};

static const struct test_device gpu[] = {
	{ "00:03.0", "8086:2f08", 0x060400, NULL, "pcieport", false, NULL },
	{ "01:00.0", "10de:1c30", 0x030000, "00:03.0/00.0", "vfio-pci", false, NULL },
	{ "01:00.1", "10de:10f1", 0x040300, "00:03.0/00.1", "vfio-pci", false, NULL },
	{ "02:00.0", "8086:1234", 0x088000, "00:04.0/00.0", "ioatdma", false, NULL },
};

static const struct test_claim one_claim[] = { { .name = "p2000", .match = { "10de:1c30" } } };

static void add_kernel(struct fixture *f, const char *release, bool running)
{
	struct kernel_facts *kernel = &f->kernels[f->facts.kernel_count++];

	kernel->release = strdup(release);
	kernel->running = running;
	kernel->current = ANSWER_YES;
	kernel->image_time = 900;
}

/* What the boot helper and the kernel made of the plan when all went well. */
static void fill_devices(struct fixture *f)
{
	for (size_t i = 0; i < f->plan.decision_count; i++) {
		f->devices[i].override_known = true;
		(void)copy_field(f->devices[i].override, DRIVER_NAME_SIZE,
				 f->plan.decisions[i].driver);
		f->devices[i].node = ANSWER_YES;
		f->devices[i].driver_there = ANSWER_YES;
		f->boot_devices[i] = (struct boot_device){
			.address = f->plan.decisions[i].address,
			.outcome = BOOT_CLAIMED,
			.reason = "matched",
		};
		(void)copy_field(f->boot_devices[i].claim, CLAIM_NAME_SIZE,
				 f->plan.decisions[i].claim->name);
	}
	f->boot.device_count = f->plan.decision_count;
}

static void make_plan(struct fixture *f)
{
	assert_int_equal(plan_make(&f->config.claims, &f->snapshot, &f->guards, &f->plan), 0);
	fill_devices(f);
}

/* The two functions of the card and their root port are in group 1. */
static void begin_with(struct fixture *f, const struct test_device *devices, size_t count,
		       const struct test_claim *claims, size_t claim_count)
{
	*f = (struct fixture){ 0 };
	f->guards.phase = PHASE_WHOLE;
	f->config.claims = claims_of(claims, claim_count);
	f->snapshot = machine(devices, count);
	for (size_t i = 0; i < count && i < 3; i++)
		f->snapshot.devices[i].iommu_group = 1;
	f->boot.found = f->boot.enabled = true;
	(void)strcpy(f->boot.table_status, "ok");
	(void)strcpy(f->boot.table_checksum, "0123456789abcdef");
	f->boot.devices = f->boot_devices;
	f->facts = (struct facts){
		.diagnostics = &f->diagnostics,
		.config = &f->config,
		.claims = &f->config.claims,
		.snapshot = &f->snapshot,
		.guards = &f->guards,
		.uses = &f->uses,
		.plan = &f->plan,
		.devices = f->devices,
		.boot = &f->boot,
		.checksum = "0123456789abcdef",
		.has_groups = ANSWER_YES,
		.firmware_iommu = ANSWER_YES,
		.applied = ANSWER_YES,
		.entries_current = ANSWER_YES,
		.entries_complete = ANSWER_YES,
		.kernels = f->kernels,
		.boot_time = 1000,
		.applied_time = 900,
		.entries_time = 900,
	};
	add_kernel(f, "6.1.0-1", true);
	add_kernel(f, "6.1.0-2", false);
	assert_int_equal(kargs_parse("ro intel_iommu=on iommu=pt vfio-pci.ids=10de:1c30",
				     &f->facts.line),
			 0);
	assert_int_equal(kargs_parse("intel_iommu=on iommu=pt vfio-pci.ids=10de:1c30",
				     &f->facts.arguments),
			 0);
	make_plan(f);
}

/* The host needs the device: the plan is made again. */
static void need(struct fixture *f, const char *address, const char *reason)
{
	struct pci_address wanted;

	assert_int_equal(pci_address_parse(address, &wanted, NULL), 0);
	assert_int_equal(guards_add(&f->guards, &wanted, "%s", reason), 0);
	plan_free(&f->plan);
	make_plan(f);
}

static void begin(struct fixture *f)
{
	begin_with(f, gpu, LENGTH(gpu), one_claim, 1);
}

static void set_line(struct kargs *kargs, const char *line)
{
	kargs_free(kargs);
	assert_int_equal(kargs_parse(line, kargs), 0);
}

static void assess(struct fixture *f)
{
	readiness_free(&f->out);
	assert_int_equal(readiness_assess(&f->facts, &f->out), 0);
}

static void end(struct fixture *f)
{
	readiness_free(&f->out);
	plan_free(&f->plan);
	guards_free(&f->guards);
	uses_free(&f->uses);
	claims_free(&f->config.claims);
	free(f->snapshot.devices);
	kargs_free(&f->facts.line);
	kargs_free(&f->facts.arguments);
	kargs_free(&f->facts.unbound);
	kargs_free(&f->facts.stale_files);
	sentences_free(&f->facts.unknown_arguments);
	sentences_free(&f->facts.entry_problems);
	sentences_free(&f->facts.entry_remarks);
	sentences_free(&f->facts.unread);
	diagnostics_free(&f->diagnostics);
	for (size_t i = 0; i < 2; i++) {
		free(f->kernels[i].release);
		sentences_free(&f->kernels[i].problems);
	}
}

static const struct finding *find(const struct fixture *f, enum finding_code code)
{
	for (size_t i = 0; i < f->out.finding_count; i++)
		if (f->out.findings[i].code == code)
			return &f->out.findings[i];
	return NULL;
}

/* Exactly one finding, of this code and level, with these words; and the machine's state. */
static void expect(struct fixture *f, enum finding_code code, enum finding_level level,
		   const char *text, const char *fix)
{
	static const enum readiness_state states[] = {
		[LEVEL_NOTE] = STATE_READY,
		[LEVEL_WARNING] = STATE_READY,
		[LEVEL_REBOOT] = STATE_REBOOT_DUE,
		[LEVEL_ERROR] = STATE_NOT_READY,
	};

	assess(f);
	if (f->out.finding_count != 1)
		for (size_t i = 0; i < f->out.finding_count; i++)
			print_message("%s: %s\n", finding_code_names[f->out.findings[i].code],
				      f->out.findings[i].text);
	assert_int_equal(f->out.finding_count, 1);
	const struct finding *finding = &f->out.findings[0];
	assert_string_equal(finding_code_names[finding->code], finding_code_names[code]);
	assert_string_equal(finding_level_names[finding->level], finding_level_names[level]);
	assert_contains(finding->text, text);
	if (fix == NULL)
		assert_null(finding->fix);
	else
		assert_contains(finding->fix, fix);
	assert_int_equal(f->out.state, states[level]);
}

static void expect_nothing(struct fixture *f)
{
	assess(f);
	if (f->out.finding_count > 0)
		fail_msg("found: %s", f->out.findings[0].text);
	assert_int_equal(f->out.state, STATE_READY);
	assert_int_equal(f->out.ready, f->out.wanted);
	assert_false(f->out.may_change);
}

/* The device of the plan at this address, "BB:DD.F". */
static size_t decision_at(const struct fixture *f, const char *address)
{
	struct pci_address wanted;

	assert_int_equal(pci_address_parse(address, &wanted, NULL), 0);
	for (size_t i = 0; i < f->plan.decision_count; i++)
		if (pci_address_compare(&f->plan.decisions[i].address, &wanted) == 0)
			return i;
	fail_msg("no decision on %s", address);
	return 0;
}

static struct device *device_at(struct fixture *f, const char *address)
{
	struct pci_address wanted;

	assert_int_equal(pci_address_parse(address, &wanted, NULL), 0);
	for (size_t i = 0; i < f->snapshot.count; i++)
		if (pci_address_compare(&f->snapshot.devices[i].address, &wanted) == 0)
			return &f->snapshot.devices[i];
	fail_msg("no device %s", address);
	return NULL;
}

static void set_driver(struct fixture *f, const char *address, const char *driver)
{
	struct device *device = device_at(f, address);

	(void)copy_field(device->driver, sizeof(device->driver), driver);
}

static void test_ready(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	expect_nothing(&f);
	assert_int_equal(f.out.wanted, 2);
	assert_int_equal(f.out.devices[0].viable, ANSWER_YES);
	end(&f);
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < FINDING_CODE_COUNT; i++) {
		assert_non_null(finding_code_names[i]);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(finding_code_names[i], finding_code_names[j]);
	}
	assert_null(finding_code_names[FINDING_CODE_COUNT]);
}

static void test_invalid_config(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(diagnostics_add(&f.diagnostics, "/etc/a.conf", 3, "no such key"), 0);
	assert_int_equal(diagnostics_add(&f.diagnostics, "/etc/b.conf", 0, "unreadable"), 0);
	assess(&f);
	assert_int_equal(f.out.finding_count, 2);
	assert_int_equal(f.out.state, STATE_NOT_READY);
	assert_int_equal(f.out.device_count, 0);
	assert_string_equal(f.out.findings[0].text, "/etc/a.conf:3: no such key");
	assert_string_equal(f.out.findings[1].text, "/etc/b.conf: unreadable");
	end(&f);
}

/* No group at all: one finding for the machine, whose fix depends on what keeps it off. */
static void test_iommu_off(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	for (size_t i = 0; i < f.snapshot.count; i++)
		f.snapshot.devices[i].iommu_group = -1;
	f.facts.has_groups = ANSWER_NO;
	set_driver(&f, "01:00.0", "");
	set_driver(&f, "01:00.1", "");
	f.facts.firmware_iommu = ANSWER_NO;
	expect(&f, FINDING_IOMMU_OFF, LEVEL_ERROR, "no IOMMU groups", "firmware's setup");
	assert_int_equal(f.out.devices[0].cause, FINDING_IOMMU_OFF);
	assert_int_equal(f.out.ready, 0);
	f.facts.firmware_iommu = ANSWER_UNKNOWN;
	expect(&f, FINDING_IOMMU_OFF, LEVEL_ERROR, "the IOMMU is off", "DMAR or AMD-Vi");
	set_line(&f.facts.line, "intel_iommu=on iommu=pt vfio-pci.ids=10de:1c30 amd_iommu=off");
	expect(&f, FINDING_IOMMU_OFF, LEVEL_ERROR, "command line has amd_iommu=off",
	       "take amd_iommu=off out");
	/* Of an Intel machine another word is the cause. */
	f.facts.cpu = CPU_INTEL;
	assess(&f);
	assert_null(strstr(find(&f, FINDING_IOMMU_OFF)->text, "amd_iommu"));
	set_line(&f.facts.line, "intel_iommu=on iommu=pt iommu=off vfio-pci.ids=10de:1c30");
	expect(&f, FINDING_IOMMU_OFF, LEVEL_ERROR, "command line has iommu=off",
	       "take iommu=off out");
	/* The same with vfio-pci bound, in its no-IOMMU mode and not. */
	set_line(&f.facts.line, "intel_iommu=on iommu=pt vfio-pci.ids=10de:1c30");
	set_driver(&f, "01:00.0", "vfio-pci");
	set_driver(&f, "01:00.1", "vfio-pci");
	f.devices[0].node = f.devices[1].node = ANSWER_NO;
	expect(&f, FINDING_IOMMU_OFF, LEVEL_ERROR, "the IOMMU is off", "");
	f.facts.has_groups = ANSWER_YES;
	assess(&f);
	assert_null(find(&f, FINDING_IOMMU_OFF));
	end(&f);
}

static void test_iommu_argument_lacks(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	for (size_t i = 0; i < f.snapshot.count; i++)
		f.snapshot.devices[i].iommu_group = -1;
	f.devices[0].node = f.devices[1].node = ANSWER_NO;
	f.facts.has_groups = ANSWER_NO;
	set_driver(&f, "01:00.0", "");
	set_line(&f.facts.line, "iommu=pt vfio-pci.ids=10de:1c30");
	/* The entries had it before this boot, which did without them. */
	assess(&f);
	assert_int_equal(f.out.state, STATE_NOT_READY);
	assert_contains(find(&f, FINDING_IOMMU_OFF)->fix, "did not use the boot entries");
	f.facts.entries_time = 1100;
	assess(&f);
	assert_int_equal(f.out.state, STATE_REBOOT_DUE);
	assert_int_equal(f.out.reboot_since, 1100);
	assert_contains(find(&f, FINDING_IOMMU_OFF)->fix, "the boot entries have");
	assert_contains(find(&f, FINDING_ARGUMENTS_MISSING)->text, "lacks intel_iommu=on");
	assert_int_equal(find(&f, FINDING_ARGUMENTS_MISSING)->level, LEVEL_REBOOT);
	f.facts.firmware_iommu = ANSWER_NO;
	assess(&f);
	assert_int_equal(find(&f, FINDING_IOMMU_OFF)->level, LEVEL_ERROR);
	f.facts.firmware_iommu = ANSWER_YES;
	set_line(&f.facts.line, "vfio-pci.ids=10de:1c30");
	assess(&f);
	assert_int_equal(f.out.finding_count, 3);
	assert_contains(f.out.findings[2].text, "lacks iommu=pt (the claims hold");
	assert_int_equal(f.out.findings[2].level, LEVEL_WARNING);
	f.facts.entries_current = ANSWER_NO;
	assess(&f);
	assert_int_equal(f.out.state, STATE_NOT_READY);
	assert_contains(find(&f, FINDING_IOMMU_OFF)->fix, "vfio-claim apply");
	f.facts.by_hand = true;
	assess(&f);
	assert_contains(find(&f, FINDING_IOMMU_OFF)->fix, "by hand");
	f.facts.by_hand = false;
	set_line(&f.facts.arguments, "");
	f.config.host.iommu = IOMMU_OFF;
	assess(&f);
	assert_contains(find(&f, FINDING_IOMMU_OFF)->fix, "iommu = off");
	end(&f);
}

static void test_no_remapping(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.facts.remaps_interrupts = ANSWER_NO;
	expect(&f, FINDING_NO_INTERRUPT_REMAPPING, LEVEL_ERROR, "no virtual machine", "x2APIC");
	assert_int_equal(f.out.ready, 0);
	assert_int_equal(f.out.devices[0].cause, FINDING_NO_INTERRUPT_REMAPPING);
	assert_int_equal(f.out.devices[0].viable, ANSWER_YES);
	assert_false(f.out.may_change);
	/* A device that has a cause of its own keeps it. */
	set_driver(&f, "01:00.1", "");
	assess(&f);
	assert_int_equal(f.out.devices[1].cause, FINDING_NOT_BOUND);
	set_driver(&f, "01:00.1", "vfio-pci");
	set_line(&f.facts.arguments, "vfio_iommu_type1.allow_unsafe_interrupts=1");
	assess(&f);
	assert_int_equal(f.out.state, STATE_NOT_READY);
	assert_contains(find(&f, FINDING_NO_INTERRUPT_REMAPPING)->fix, "did not use");
	f.facts.entries_time = 1100;
	assess(&f);
	assert_int_equal(f.out.state, STATE_REBOOT_DUE);
	assert_contains(find(&f, FINDING_NO_INTERRUPT_REMAPPING)->fix, "the boot entries have");
	f.facts.entries_current = ANSWER_NO;
	assess(&f);
	assert_contains(find(&f, FINDING_NO_INTERRUPT_REMAPPING)->fix, "vfio-claim apply");
	set_line(&f.facts.arguments, "");
	f.facts.unsafe_interrupts = true;
	expect_nothing(&f);
	f.facts.unsafe_interrupts = false;
	f.facts.remaps_interrupts = ANSWER_UNKNOWN;
	expect_nothing(&f);
	end(&f);
}

static void test_no_group(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	device_at(&f, "01:00.1")->iommu_group = -1;
	set_driver(&f, "01:00.1", "");
	f.boot_devices[1].outcome = BOOT_FAILED;
	expect(&f, FINDING_NO_GROUP, LEVEL_ERROR, "in no IOMMU group", "igfx_off");
	assert_false(f.out.may_change);
	set_driver(&f, "01:00.1", "vfio-pci");
	f.devices[1].node = ANSWER_NO;
	expect(&f, FINDING_NO_GROUP, LEVEL_ERROR, "in no IOMMU group", "igfx_off");
	/* VFIO's no-IOMMU mode, which is of no use to a guest, and which somebody may want. */
	f.devices[1].node = ANSWER_YES;
	expect(&f, FINDING_NO_GROUP, LEVEL_ERROR, "no-IOMMU mode", "igfx_off");
	assert_int_equal(f.out.devices[1].cause, FINDING_NO_GROUP);
	f.config.host.iommu = IOMMU_OFF;
	expect_nothing(&f);
	end(&f);
}

/* The same of a machine without an IOMMU. */
static void test_no_iommu_mode(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	for (size_t i = 0; i < f.snapshot.count; i++)
		f.snapshot.devices[i].iommu_group = -1;
	f.facts.has_groups = ANSWER_NO;
	expect(&f, FINDING_IOMMU_OFF, LEVEL_ERROR, "no-IOMMU mode", "DMAR");
	assert_int_equal(f.out.devices[0].cause, FINDING_IOMMU_OFF);
	assert_int_equal(f.out.ready, 0);
	f.config.host.iommu = IOMMU_OFF;
	expect_nothing(&f);
	/* One of them is not in that mode. */
	f.devices[1].node = ANSWER_NO;
	assess(&f);
	assert_non_null(find(&f, FINDING_IOMMU_OFF));
	assert_int_equal(f.out.devices[0].state, DEVICE_READY);
	assert_int_equal(f.out.devices[1].cause, FINDING_IOMMU_OFF);
	end(&f);
}

static void test_group_members(void **state)
{
	static const char *const free_ones[] = {
		"", "pci-stub", "pcieport", "vfio-pci", "mlx5_vfio_pci", "nvgrace-gpu-vfio-pci"
	};
	struct fixture f;

	(void)state;
	begin(&f);
	device_at(&f, "02:00.0")->iommu_group = 1;
	for (size_t i = 0; i < LENGTH(free_ones); i++) {
		set_driver(&f, "02:00.0", free_ones[i]);
		expect_nothing(&f);
	}
	set_driver(&f, "02:00.0", "ioatdma");
	assess(&f);
	assert_int_equal(f.out.finding_count, 2); /* one for each function of the card */
	assert_int_equal(f.out.state, STATE_NOT_READY);
	assert_int_equal(f.out.devices[0].viable, ANSWER_NO);
	assert_contains(find(&f, FINDING_GROUP_INCOMPLETE)->text, "0000:02:00.0 (ioatdma)");
	assert_contains(find(&f, FINDING_GROUP_INCOMPLETE)->fix, "match = 0000:02:00.0");
	assert_true(f.out.may_change);
	/* A bridge is never claimed; since 5.19 its driver counts like any other. */
	device_at(&f, "02:00.0")->class_code = 0x060000;
	assess(&f);
	assert_contains(find(&f, FINDING_GROUP_INCOMPLETE)->fix, "another slot; or, as");
	assert_contains(find(&f, FINDING_GROUP_INCOMPLETE)->fix, "its driver ioatdma away");
	assert_null(strstr(find(&f, FINDING_GROUP_INCOMPLETE)->fix, "claim it too"));
	device_at(&f, "02:00.0")->class_code = 0x088000;
	/* A VFIO driver that a claim names was chosen for the purpose; another changes nothing. */
	(void)strcpy(f.config.claims.items[0].driver, "ioatdma");
	assess(&f);
	assert_contains(find(&f, FINDING_GROUP_INCOMPLETE)->text, "0000:02:00.0 (ioatdma)");
	set_driver(&f, "02:00.0", "my_vfio_ioat");
	assess(&f);
	assert_contains(find(&f, FINDING_GROUP_INCOMPLETE)->text, "(my_vfio_ioat)");
	(void)strcpy(f.config.claims.items[0].driver, "my_vfio_ioat");
	expect_nothing(&f);
	set_driver(&f, "02:00.0", "ioatdma");
	assert_false(driver_leaves_group("ioatdma"));
	assert_false(driver_leaves_group("my-vfio-pci-not"));
	(void)strcpy(f.config.claims.items[0].driver, "auto");
	device_at(&f, "02:00.0")->iommu_group = 7;
	expect_nothing(&f);
	end(&f);
}

/* What is said of the group, whichever function of the card it is told of. */
static void expect_group_fix(struct fixture *f, const char *fix)
{
	assess(f);
	assert_contains(find(f, FINDING_GROUP_INCOMPLETE)->fix, fix);
	if (strstr(fix, "claim it too") == NULL)
		assert_null(strstr(find(f, FINDING_GROUP_INCOMPLETE)->fix, "claim it too"));
}

/* Nobody is told to claim what the host needs, or may. */
static void test_group_with_hosts_device(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	struct device *other = device_at(&f, "02:00.0");
	other->iommu_group = 1;
	other->class_code = 0x010802;
	set_driver(&f, "02:00.0", "nvme");
	expect_group_fix(&f, "claim it too");
	(void)strcpy(f.guards.storage_reason, "a pool is not understood");
	expect_group_fix(&f, "another slot; 0000:02:00.0 has to stay with the host: a pool");
	f.guards.storage_reason[0] = '\0';
	need(&f, "02:00.0", "/ is on it");
	expect_group_fix(&f, "has to stay with the host: / is on it");
	/* A bridge beside it could be kept without its driver; that alone does not help. */
	set_driver(&f, "00:03.0", "edac");
	expect_group_fix(&f, "has to stay with the host: / is on it");
	set_driver(&f, "00:03.0", "pcieport");
	guards_free(&f.guards);
	other->class_code = 0x020000;
	assert_int_equal(uses_add(&f.uses, &other->address, USE_LINK, "is up"), 0);
	expect_group_fix(&f, "claim it too");
	assert_int_equal(uses_add(&f.uses, &other->address, USE_ROUTE, "carries the route"), 0);
	expect_group_fix(&f, "has to stay with the host: carries the route");
	end(&f);
}

/* What is refused for how a claim names it can be claimed all the same, by its address. */
static void test_group_with_refused_device(void **state)
{
	static const struct test_claim both[] = {
		{ .name = "p2000", .match = { "10de:1c30" } },
		{ .name = "other", .match = { "02:00.0 8086:9999" } },
	};
	static const struct test_claim same_card[] = {
		{ .name = "gpu", .match = { "10de:1c30" }, .functions = FUNCTIONS_MATCHED },
		{ .name = "sound", .match = { "01:00.1 10de:10f0" } },
	};
	static const struct test_claim vendor[] = { { .name = "hgx", .match = { "10de:*" } } };
	static const struct test_device card[] = {
		{ "01:00.0", "10de:1c30", 0x030000, "00:03.0/00.0", "vfio-pci", false, NULL },
		{ "01:00.1", "10de:1c38", 0x020000, "00:03.0/00.1", "mlx5_core", false, NULL },
	};
	static const struct test_device board[] = {
		{ "01:00.0", "10de:2330", 0x030200, "00:03.0/00.0", "vfio-pci", false, NULL },
		{ "02:00.0", "10de:22a3", 0x068000, "00:04.0/00.0", "nvidia-nvswitch", false,
		  NULL },
	};
	struct fixture f;

	(void)state;
	begin_with(&f, gpu, LENGTH(gpu), both, 2);
	device_at(&f, "02:00.0")->iommu_group = 1;
	expect_group_fix(&f, "claim it by its address ('match = 0000:02:00.0' in [claim "
			     "other]; it is refused now: another device is here: 8086:1234");
	/* What the host needs stays with it, however it is named. */
	need(&f, "02:00.0", "/ is on it");
	expect_group_fix(&f, "has to stay with the host: / is on it");
	end(&f);
	begin_with(&f, gpu, LENGTH(gpu), same_card, 2);
	set_driver(&f, "01:00.1", "snd_hda_intel");
	expect_group_fix(&f, "claim it by its address ('match = 0000:01:00.1' in [claim "
			     "sound]; it is refused now: another device is here: 10de:10f1");
	end(&f);
	begin_with(&f, board, LENGTH(board), vendor, 1);
	expect_group_fix(&f, "claim it by its address ('match = 0000:02:00.0' in [claim hgx]; "
			     "it is refused now: a bridge of this kind is claimed only by");
	end(&f);
	begin_with(&f, card, LENGTH(card), one_claim, 1);
	expect_group_fix(&f, "claim it too ('match = 0000:01:00.1'");
	end(&f);
}

/* Refused by the late guards: the claim asked for what the host needs. */
static void test_group_with_guarded_device(void **state)
{
	static const struct test_claim both[] = {
		{ .name = "p2000", .match = { "10de:1c30" } },
		{ .name = "disk", .match = { "02:00.0" } },
	};
	static const struct test_device disk[] = {
		{ "01:00.0", "10de:1c30", 0x030000, "00:03.0/00.0", "vfio-pci", false, NULL },
		{ "02:00.0", "144d:a80a", 0x010802, "00:04.0/00.0", "nvme", false, NULL },
	};
	struct fixture f;

	(void)state;
	begin_with(&f, disk, LENGTH(disk), both, 2);
	need(&f, "02:00.0", "/ is on it");
	expect_group_fix(&f,
			 "another slot; 0000:02:00.0 has to stay with the host: / is on it");
	end(&f);
}

/* The member of the group that keeps the other back is named once, by its own finding. */
static void test_native_driver(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	set_driver(&f, "01:00.1", "snd_hda_intel");
	expect(&f, FINDING_NATIVE_DRIVER, LEVEL_ERROR, "claimed at boot and taken since",
	       "vfio-claim claim 0000:01:00.1");
	assert_int_equal(f.out.devices[0].cause, FINDING_GROUP_INCOMPLETE);
	assert_int_equal(f.out.devices[1].cause, FINDING_NATIVE_DRIVER);
	assert_int_equal(f.out.ready, 0);
	assert_true(f.out.may_change);
	f.boot_devices[1].outcome = BOOT_FAILED;
	(void)strcpy(f.boot_devices[1].reason, "it stayed with snd_hda_intel");
	expect(&f, FINDING_NATIVE_DRIVER, LEVEL_ERROR, "at boot: it stayed", "");
	f.boot.device_count = 1;
	expect(&f, FINDING_NATIVE_DRIVER, LEVEL_ERROR, "snd_hda_intel has it, not vfio-pci",
	       "or reboot");
	end(&f);
}

static void test_not_bound(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	set_driver(&f, "01:00.1", "");
	expect(&f, FINDING_NOT_BOUND, LEVEL_ERROR, "no driver has it", "kernel's log");
	assert_true(f.out.may_change);
	f.boot_devices[1].outcome = BOOT_FAILED;
	(void)strcpy(f.boot_devices[1].reason, "vfio-pci did not take it");
	expect(&f, FINDING_HELPER_FAILED, LEVEL_ERROR, "at boot: vfio-pci did not",
	       "vfio-claim claim 0000:01:00.1");
	f.boot_devices[1].outcome = BOOT_CLAIMED;
	f.devices[1].override[0] = '\0';
	expect(&f, FINDING_OVERRIDE_MISSING, LEVEL_ERROR, "driver_override is not vfio-pci",
	       "claim 0000:01:00.1");
	/* What cannot be read is not held against it. */
	f.devices[1].override_known = false;
	expect(&f, FINDING_NOT_BOUND, LEVEL_ERROR, "no driver has it", "");
	end(&f);
}

static void test_driver_missing(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	set_driver(&f, "01:00.1", "");
	f.boot_devices[1].outcome = BOOT_FAILED;
	f.devices[1].driver_there = ANSWER_NO;
	expect(&f, FINDING_DRIVER_MISSING, LEVEL_ERROR, "driver vfio-pci is neither loaded",
	       "package of modules");
	f.devices[1].driver_there = ANSWER_UNKNOWN;
	assess(&f);
	assert_null(find(&f, FINDING_DRIVER_MISSING));
	end(&f);
}

static void test_group_node(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.devices[0].node = ANSWER_NO;
	expect(&f, FINDING_GROUP_NODE, LEVEL_ERROR, "no /dev/vfio/1", "udevadm");
	assert_true(f.out.may_change);
	assert_int_equal(f.out.ready, 1);
	f.devices[0].node = ANSWER_UNKNOWN;
	expect_nothing(&f);
	end(&f);
}

static void test_override_of_a_ready_device(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.devices[0].override[0] = '\0';
	expect(&f, FINDING_OVERRIDE_MISSING, LEVEL_WARNING, "any native driver", "reboot");
	assert_int_equal(f.out.ready, 2);
	(void)strcpy(f.devices[0].override, "nouveau");
	expect(&f, FINDING_OVERRIDE_MISSING, LEVEL_WARNING, "is nouveau", "reboot");
	f.devices[0].override_known = false;
	expect_nothing(&f);
	end(&f);
}

static void test_variant(void **state)
{
	static const struct test_device grace[] = {
		{ "01:00.0", "10de:2342", 0x030200, "00:03.0/00.0", "nvgrace-gpu-vfio-pci",
		  false, "nvgrace-gpu-vfio-pci" },
	};
	static const struct test_claim claim[] = { { .name = "g", .match = { "10de:2342" } } };
	struct fixture f;

	(void)state;
	begin_with(&f, grace, 1, claim, 1);
	expect_nothing(&f);
	set_driver(&f, "01:00.0", "vfio-pci");
	(void)strcpy(f.devices[0].override, "vfio-pci");
	expect(&f, FINDING_VARIANT_UNUSED, LEVEL_WARNING, "nvgrace-gpu-vfio-pci did not",
	       "driver = vfio-pci");
	assert_int_equal(f.out.ready, 1);
	end(&f);
}

static void test_missing_device(void **state)
{
	static const struct test_claim claims[] = {
		{ .name = "p2000", .match = { "10de:1c30" } },
		{ .name = "far", .match = { "0000:83:00.0" } },
	};
	static const struct test_claim moved[] = {
		{ .name = "p2000", .match = { "10de:1c30" } },
		{ .name = "far", .match = { "0000:02:00.0 10de:1bb0" } },
	};
	struct fixture f;

	(void)state;
	begin_with(&f, gpu, LENGTH(gpu), claims, 2);
	expect(&f, FINDING_DEVICE_MISSING, LEVEL_ERROR, "no device at this address",
	       "[claim far]");
	assert_int_equal(f.out.wanted, 3);
	assert_int_equal(f.out.ready, 2);
	assert_int_equal(f.out.devices[decision_at(&f, "83:00.0")].state, DEVICE_NOT_READY);
	assert_true(f.out.may_change);
	end(&f);
	begin_with(&f, gpu, LENGTH(gpu), moved, 2);
	expect(&f, FINDING_DEVICE_DIFFERS, LEVEL_ERROR, "another device is here", "match =");
	assert_false(f.out.may_change);
	end(&f);
}

/* An empty slot is one device, however many selectors of a claim want it. */
static void test_repeated_refusal(void **state)
{
	static const struct test_claim claims[] = {
		{ .name = "p2000", .match = { "10de:1c30" } },
		{ .name = "far", .match = { "83:00.0", "83:00.0", "83:00.0 10de:1bb0" } },
	};
	struct fixture f;

	(void)state;
	begin_with(&f, gpu, LENGTH(gpu), claims, 2);
	assert_int_equal(f.plan.decision_count, 5);
	expect(&f, FINDING_DEVICE_MISSING, LEVEL_ERROR, "no device at this address",
	       "[claim far]");
	assert_int_equal(f.out.wanted, 3);
	assert_false(f.out.devices[2].repeated);
	assert_true(f.out.devices[3].repeated);
	assert_true(f.out.devices[4].repeated);
	end(&f);
}

/* The boot's record has a device more than the machine. */
static void test_vanished_device(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	struct boot_device *gone = &f.boot_devices[f.boot.device_count++];
	*gone = (struct boot_device){ .outcome = BOOT_CLAIMED, .claim = "p2000" };
	assert_int_equal(pci_address_parse("83:00.0", &gone->address, NULL), 0);
	expect(&f, FINDING_DEVICE_MISSING, LEVEL_ERROR, "left the bus", "reboot");
	assert_true(f.out.findings[0].has_address);
	assert_string_equal(f.out.findings[0].claim, "p2000");
	assert_int_equal(f.out.wanted, 3);
	assert_int_equal(f.out.ready, 2);
	assert_true(f.out.may_change);
	gone->is_vf = true;
	expect(&f, FINDING_DEVICE_MISSING, LEVEL_WARNING, "left the bus", "sriov_numvfs");
	gone->is_vf = false;
	/* The count says it, or that all is well. */
	f.config.claims.items[0].expect = 1;
	expect_nothing(&f);
	f.config.claims.items[0].expect = 0;
	/* It was never claimed, and it is no claim's any more. */
	gone->outcome = BOOT_FAILED;
	expect_nothing(&f);
	gone->outcome = BOOT_CLAIMED;
	(void)strcpy(gone->claim, "other");
	expect_nothing(&f);
	end(&f);
}

/* With all of them gone the claim is unmatched, which is an error of its own in the config. */
static void test_all_vanished(void **state)
{
	static const struct test_claim claims[] = {
		{ .name = "p2000", .match = { "10de:1c30" } },
		{ .name = "amd", .match = { "1002:*" } },
	};
	struct fixture f;

	(void)state;
	begin_with(&f, gpu, LENGTH(gpu), claims, 2);
	struct boot_device *gone = &f.boot_devices[f.boot.device_count++];
	*gone = (struct boot_device){ .outcome = BOOT_CLAIMED, .claim = "amd" };
	assert_int_equal(pci_address_parse("83:00.0", &gone->address, NULL), 0);
	expect(&f, FINDING_CLAIM_UNMATCHED, LEVEL_ERROR, "claim amd", "lspci -nn");
	f.config.claims.items[1].origin = ORIGIN_IDS_ARGUMENT;
	assess(&f);
	assert_int_equal(f.out.finding_count, 2);
	assert_int_equal(find(&f, FINDING_DEVICE_MISSING)->level, LEVEL_ERROR);
	end(&f);
}

static void test_unmatched_claim(void **state)
{
	static const struct test_claim claims[] = {
		{ .name = "p2000", .match = { "10de:1c30" } },
		{ .name = "amd", .match = { "1002:*", "class=1200" } },
	};
	struct fixture f;

	(void)state;
	begin_with(&f, gpu, LENGTH(gpu), claims, 2);
	expect(&f, FINDING_CLAIM_UNMATCHED, LEVEL_ERROR, "claim amd: this machine has no",
	       "lspci -nn");
	assert_string_equal(f.out.findings[0].claim, "amd");
	assert_true(f.out.may_change);
	/* Of the kernel's own argument nobody promised that it fits. */
	f.config.claims.items[1].origin = ORIGIN_IDS_ARGUMENT;
	expect(&f, FINDING_CLAIM_UNMATCHED, LEVEL_WARNING, "claim amd", "");
	end(&f);
}

/* A claim whose devices an earlier one has is not unmatched. */
static void test_claim_of_the_same(void **state)
{
	static const struct test_claim claims[] = {
		{ .name = "p2000", .match = { "10de:1c30" } },
		{ .name = "vfio-pci.ids",
		  .match = { "10de:1c30" },
		  .origin = ORIGIN_IDS_ARGUMENT },
	};
	struct fixture f;

	(void)state;
	begin_with(&f, gpu, LENGTH(gpu), claims, 2);
	expect_nothing(&f);
	end(&f);
}

static void test_expect(void **state)
{
	static const struct test_device twins[] = {
		{ "01:00.0", "10de:1c30", 0x030000, "00:03.0/00.0", "vfio-pci", false, NULL },
		{ "01:00.1", "10de:10f1", 0x040300, "00:03.0/00.1", "vfio-pci", false, NULL },
		{ "02:00.0", "10de:1c30", 0x030000, "00:04.0/00.0", "vfio-pci", false, NULL },
	};
	static const struct test_claim two[] = {
		{ .name = "p2000", .match = { "10de:1c30" }, .expect = 2 }
	};
	struct fixture f;

	(void)state;
	begin_with(&f, gpu, LENGTH(gpu), two, 1);
	expect(&f, FINDING_EXPECT_DIFFERS, LEVEL_ERROR, "2 cards expected, 1 taken",
	       "look for");
	assert_true(f.out.may_change);
	f.config.claims.items[0].expect = 1;
	expect_nothing(&f);
	end(&f);
	begin_with(&f, twins, LENGTH(twins), two, 1);
	expect_nothing(&f);
	f.config.claims.items[0].expect = 1;
	expect(&f, FINDING_EXPECT_DIFFERS, LEVEL_ERROR, "1 card expected, 2 taken", "narrow");
	end(&f);
}

static void test_refused(void **state)
{
	static const struct test_device disks[] = {
		{ "01:00.0", "10de:1c30", 0x030000, "00:03.0/00.0", "vfio-pci", false, NULL },
		{ "04:00.0", "144d:a80a", 0x010802, "00:05.0/00.0", "nvme", false, NULL },
	};
	static const struct test_claim apart[] = {
		{ .name = "gpu", .match = { "10de:1c30" } },
		{ .name = "disk", .match = { "144d:a80a" } },
	};
	static const struct test_claim together[] = {
		{ .name = "both", .match = { "10de:1c30", "144d:a80a" } },
	};
	struct fixture f;

	(void)state;
	begin_with(&f, disks, 2, apart, 2);
	f.snapshot.devices[1].iommu_group = 9;
	need(&f, "04:00.0", "/ is on it");
	f.boot_devices[1].outcome = BOOT_REFUSED;
	expect(&f, FINDING_DEVICE_REFUSED, LEVEL_ERROR, "left to the host: / is on it",
	       "when = early");
	assert_int_equal(f.out.wanted, 1);
	assert_int_equal(f.out.devices[1].state, DEVICE_LEFT);
	assert_false(f.out.may_change);
	/* The boot took it, and now something of it would be needed. */
	f.boot_devices[1].outcome = BOOT_CLAIMED;
	set_driver(&f, "04:00.0", "vfio-pci");
	expect(&f, FINDING_DEVICE_REFUSED, LEVEL_WARNING, "the next one leaves it", "except =");
	assert_int_equal(f.out.wanted, 2);
	assert_int_equal(f.out.ready, 2);
	end(&f);
	begin_with(&f, disks, 2, together, 1);
	f.snapshot.devices[1].iommu_group = 9;
	need(&f, "04:00.0", "/ is on it");
	f.boot_devices[1].outcome = BOOT_REFUSED;
	expect(&f, FINDING_DEVICE_REFUSED, LEVEL_WARNING, "left to the host", "[claim both]");
	f.config.claims.items[0].expect = 2;
	assess(&f);
	assert_int_equal(find(&f, FINDING_DEVICE_REFUSED)->level, LEVEL_ERROR);
	assert_non_null(find(&f, FINDING_EXPECT_DIFFERS));
	end(&f);
}

/* What no address and no word in the config would change is not advised. */
static void test_refused_for_good(void **state)
{
	static const struct test_device card[] = {
		{ "01:00.0", "10de:1c30", 0x030000, "00:03.0/00.0", "vfio-pci", false, NULL },
		{ "01:00.1", "10de:0001", 0x020000, "00:03.0/00.1", "mlx5_core", false, NULL },
		{ "02:00.0", "8086:2f08", 0x060400, "00:04.0/00.0", "pcieport", false, NULL },
	};
	static const struct test_claim claims[] = {
		{ .name = "gpu", .match = { "10de:1c30", "8086:2f08" } },
	};
	struct fixture f;

	(void)state;
	begin_with(&f, card, 3, claims, 1);
	for (size_t i = 0; i < 3; i++)
		f.snapshot.devices[i].iommu_group = (int)i;
	f.boot_devices[1].outcome = f.boot_devices[2].outcome = BOOT_REFUSED;
	assess(&f);
	assert_int_equal(f.out.state, STATE_READY);
	assert_int_equal(f.out.finding_count, 2);
	assert_contains(f.out.findings[0].text, "not taken along");
	assert_contains(f.out.findings[0].fix, "'match =' if it is meant");
	assert_contains(f.out.findings[1].text, "a bridge is never claimed");
	assert_null(strstr(f.out.findings[1].fix, "early"));
	end(&f);
}

/* No record: what that means depends on the devices and on the images. */
static void test_helper_absent(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.boot.found = false;
	expect(&f, FINDING_HELPER_ABSENT, LEVEL_WARNING, "no record of this boot", "6.1.0-1");
	set_driver(&f, "01:00.0", "nouveau");
	expect(&f, FINDING_HELPER_ABSENT, LEVEL_ERROR, "no record", "its own initramfs");
	assert_int_equal(f.out.devices[0].cause, FINDING_HELPER_ABSENT);
	assert_false(f.out.may_change);
	f.kernels[0].image_time = 1100;
	expect(&f, FINDING_HELPER_ABSENT, LEVEL_REBOOT, "its initramfs was made since",
	       "reboot");
	assert_int_equal(f.out.reboot_since, 1100);
	assert_false(f.out.may_change);
	f.kernels[0].current = ANSWER_NO;
	expect(&f, FINDING_HELPER_ABSENT, LEVEL_ERROR, "no record", "vfio-claim apply");
	/* Not looked at: the state file tells. */
	f.kernels[0].current = ANSWER_UNKNOWN;
	f.kernels[0].image_time = 0;
	expect(&f, FINDING_HELPER_ABSENT, LEVEL_ERROR, "no record", "vfio-claim apply");
	f.facts.applied_time = 1200;
	expect(&f, FINDING_HELPER_ABSENT, LEVEL_REBOOT, "no record", "reboot");
	assert_int_equal(f.out.reboot_since, 1200);
	/* Its entry had none until now. */
	f.kernels[0].current = ANSWER_YES;
	f.facts.applied_time = 900;
	expect(&f, FINDING_HELPER_ABSENT, LEVEL_ERROR, "no record", "its own initramfs");
	f.facts.entries_time = 1400;
	expect(&f, FINDING_HELPER_ABSENT, LEVEL_REBOOT, "boot entries were written since",
	       "reboot");
	assert_int_equal(f.out.reboot_since, 1400);
	end(&f);
}

static void test_helper_off(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.boot.enabled = false;
	(void)strcpy(f.boot.table_status, "unread");
	f.boot.device_count = 0;
	f.facts.disabled_by = "rd.vfio-claim=0";
	set_driver(&f, "01:00.0", "nouveau");
	expect(&f, FINDING_HELPER_OFF, LEVEL_ERROR, "by rd.vfio-claim=0 on the kernel",
	       "normal entry");
	assert_int_equal(f.out.devices[0].cause, FINDING_HELPER_OFF);
	/* Of the line what others than the helper read. */
	set_line(&f.facts.line,
		 "ro intel_iommu=on iommu=pt rd.vfio-claim=0 rd.driver.pre=vfio-pci "
		 "vfio_pci.ids=10de:1c30 modprobe.blacklist=nouveau quiet "
		 "rd.driver.blacklist=nouveau -- module_blacklist=nouveau");
	assess(&f);
	assert_string_equal(
		find(&f, FINDING_HELPER_OFF)->text,
		"vfio-claim is switched off for this boot by rd.vfio-claim=0 on the "
		"kernel command line; native drivers are kept away all the same, by "
		"rd.driver.pre=vfio-pci vfio_pci.ids=10de:1c30 "
		"modprobe.blacklist=nouveau rd.driver.blacklist=nouveau");
	assert_contains(find(&f, FINDING_HELPER_OFF)->fix, "take the other words out");
	set_line(&f.facts.line, "intel_iommu=on iommu=pt single");
	assess(&f);
	assert_null(strstr(find(&f, FINDING_HELPER_OFF)->text, "kept away"));
	assert_null(strstr(find(&f, FINDING_HELPER_OFF)->fix, "other words"));
	set_driver(&f, "01:00.0", "vfio-pci");
	set_line(&f.facts.line, "intel_iommu=on iommu=pt vfio-pci.ids=10de:1c30");
	expect(&f, FINDING_HELPER_OFF, LEVEL_WARNING, "switched off", "reboot");
	f.boot.enabled = true;
	(void)strcpy(f.boot.table_status, "ok");
	expect_nothing(&f);
	end(&f);
}

static void test_bad_table(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	(void)strcpy(f.boot.table_status, "bad");
	(void)strcpy(f.boot.table_reason, "it is cut short");
	f.boot.table_checksum[0] = '\0';
	f.boot.device_count = 0;
	set_driver(&f, "01:00.0", "nouveau");
	/* That of the image here is good, and was before this boot. */
	expect(&f, FINDING_TABLE_BAD, LEVEL_ERROR, "it is cut short",
	       "did not use the initramfs that is here: see what the machine boots from");
	f.kernels[0].image_time = 1100;
	expect(&f, FINDING_TABLE_BAD, LEVEL_REBOOT, "it is cut short", "reboot");
	assert_int_equal(f.out.devices[0].cause, FINDING_TABLE_BAD);
	/* Nobody knows when this boot began. */
	f.kernels[0].image_time = 900;
	f.facts.boot_time = 0;
	expect(&f, FINDING_TABLE_BAD, LEVEL_REBOOT, "it is cut short", "reboot");
	f.kernels[0].current = ANSWER_NO;
	expect(&f, FINDING_TABLE_BAD, LEVEL_ERROR, "claims table", "vfio-claim apply");
	end(&f);
}

static void test_newer_config(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	(void)strcpy(f.facts.checksum, "fedcba9876543210");
	expect(&f, FINDING_CONFIG_NEWER, LEVEL_ERROR, "an older configuration",
	       "did not use the initramfs");
	f.facts.applied_time = 1300;
	expect(&f, FINDING_CONFIG_NEWER, LEVEL_REBOOT, "an older configuration", "reboot");
	assert_int_equal(f.out.reboot_since, 1300);
	f.kernels[0].current = ANSWER_NO;
	expect(&f, FINDING_CONFIG_NEWER, LEVEL_ERROR, "older configuration", "apply");
	f.kernels[0].current = ANSWER_YES;
	/* A device that the old one did not name has that as its cause. */
	f.boot.device_count = 1;
	set_driver(&f, "01:00.1", "snd_hda_intel");
	expect(&f, FINDING_CONFIG_NEWER, LEVEL_REBOOT, "older", "reboot");
	assert_int_equal(f.out.devices[1].cause, FINDING_CONFIG_NEWER);
	end(&f);
}

static void test_late_run(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	set_driver(&f, "01:00.1", "snd_hda_intel");
	f.boot_devices[1].outcome = BOOT_WAITING;
	expect(&f, FINDING_LATE_RUN_MISSING, LEVEL_ERROR, "waits for", "late hook");
	f.boot_devices[1].outcome = BOOT_REFUSED;
	(void)strcpy(f.boot_devices[1].reason, "root is on it");
	expect(&f, FINDING_DEVICE_REFUSED, LEVEL_ERROR, "helper refused it: root is on it",
	       "except =");
	end(&f);
}

static void test_arguments(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	set_line(&f.facts.arguments,
		 "intel_iommu=on hugepagesz=1G hugepages=4 kvm.ignore_msrs=1");
	expect(&f, FINDING_ARGUMENTS_MISSING, LEVEL_ERROR,
	       "lacks hugepagesz=1G hugepages=4 kvm.ignore_msrs=1",
	       "did not use the boot entries that are here: see what the machine boots from");
	/* update-grub was run by hand in this boot, or apply. */
	f.facts.entries_time = 1100;
	expect(&f, FINDING_ARGUMENTS_MISSING, LEVEL_REBOOT,
	       "lacks hugepagesz=1G hugepages=4 kvm.ignore_msrs=1", "reboot");
	assert_int_equal(f.out.reboot_since, 1100);
	f.facts.entries_time = 900;
	f.facts.applied_time = 1200;
	expect(&f, FINDING_ARGUMENTS_MISSING, LEVEL_REBOOT, "lacks hugepagesz=1G", "reboot");
	assert_int_equal(f.out.reboot_since, 1200);
	/* Nobody knows when this boot began. */
	f.facts.applied_time = 900;
	f.facts.boot_time = 0;
	expect(&f, FINDING_ARGUMENTS_MISSING, LEVEL_REBOOT, "lacks hugepagesz=1G", "reboot");
	f.facts.boot_time = 1000;
	f.facts.entries_current = ANSWER_NO;
	expect(&f, FINDING_ARGUMENTS_MISSING, LEVEL_ERROR, "lacks hugepagesz=1G", "apply");
	assert_false(f.out.may_change);
	/* The claims hold without these. */
	f.facts.entries_complete = ANSWER_NO;
	set_line(&f.facts.arguments, "rd.driver.pre=vfio-pci modprobe.blacklist=nouveau");
	expect(&f, FINDING_ARGUMENTS_MISSING, LEVEL_WARNING,
	       "lacks rd.driver.pre=vfio-pci modprobe.blacklist=nouveau", "apply");
	f.config.host.blacklist = BLACKLIST_LIST;
	assess(&f);
	assert_int_equal(f.out.finding_count, 2);
	assert_int_equal(f.out.findings[0].level, LEVEL_ERROR);
	assert_contains(f.out.findings[0].text, "lacks modprobe.blacklist=nouveau");
	/* A list that has more is as good. */
	set_line(&f.facts.line, "rd.driver.pre=vfio_x,vfio-pci modprobe.blacklist=a,nouveau");
	expect_nothing(&f);
	end(&f);
}

/* A configuration that was edited and not applied: only such words are not in the entries yet. */
static void test_spare_arguments(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.facts.entries_complete = ANSWER_NO;
	set_line(&f.facts.arguments, "vfio-pci.ids=10de:1c30,1002:73bf");
	expect(&f, FINDING_ARGUMENTS_DIFFER, LEVEL_WARNING, "has vfio-pci.ids=10de:1c30 where",
	       "run 'vfio-claim apply', reboot");
	set_line(&f.facts.line, "ro");
	expect(&f, FINDING_ARGUMENTS_MISSING, LEVEL_WARNING,
	       "lacks vfio-pci.ids=", "run 'vfio-claim apply', then reboot");
	f.facts.entries_time = 1100;
	expect(&f, FINDING_ARGUMENTS_MISSING, LEVEL_WARNING,
	       "lacks vfio-pci.ids=", "run 'vfio-claim apply', then reboot");
	f.facts.entries_complete = ANSWER_YES;
	expect(&f, FINDING_ARGUMENTS_MISSING, LEVEL_WARNING,
	       "lacks vfio-pci.ids=", "reboot: the boot entries have it");
	/* Those that are needed do not ask it. */
	f.facts.entries_complete = ANSWER_NO;
	set_line(&f.facts.arguments, "kvm.ignore_msrs=1");
	expect(&f, FINDING_ARGUMENTS_MISSING, LEVEL_REBOOT, "lacks kvm.ignore_msrs=1",
	       "reboot: the boot entries have it");
	end(&f);
}

static void test_different_arguments(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	set_line(&f.facts.line, "intel_iommu=on iommu=pt vfio-pci.ids=10de:1c30 "
				"vfio-pci.ids=8086:1234");
	expect(&f, FINDING_ARGUMENTS_DIFFER, LEVEL_WARNING,
	       "has vfio-pci.ids=8086:1234 where the configuration asks for",
	       "did not use the boot entries");
	f.facts.entries_time = 1100;
	expect(&f, FINDING_ARGUMENTS_DIFFER, LEVEL_WARNING, "has vfio-pci.ids=8086:1234",
	       "reboot");
	set_line(&f.facts.line,
		 "intel_iommu=on iommu=pt vfio-pci.ids=10de:1c30 kvm.ignore_msrs=0");
	set_line(&f.facts.arguments, "kvm.ignore_msrs=1");
	f.facts.entries_current = ANSWER_UNKNOWN;
	expect(&f, FINDING_ARGUMENTS_DIFFER, LEVEL_ERROR, "has kvm.ignore_msrs=0",
	       "take kvm.ignore_msrs=0 out");
	set_line(&f.facts.line, "kvm.ignore-msrs=1");
	expect_nothing(&f);
	end(&f);
}

static void test_lists(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(sentences_add(&f.facts.unknown_arguments, "rd.vfio-claim=x: what?"),
			 0);
	expect(&f, FINDING_ARGUMENT_UNKNOWN, LEVEL_WARNING, "x: what?", "cmdline(7)");
	sentences_free(&f.facts.unknown_arguments);
	assert_int_equal(kargs_add(&f.facts.unbound, "nouveau"), 0);
	expect(&f, FINDING_MODULE_LOADED, LEVEL_WARNING, "module nouveau is loaded though",
	       "modprobe -r nouveau");
	kargs_free(&f.facts.unbound);
	assert_int_equal(sentences_add(&f.facts.unread, "/x cannot be read"), 0);
	expect(&f, FINDING_UNREADABLE, LEVEL_NOTE, "/x cannot be read", NULL);
	sentences_free(&f.facts.unread);
	expect_nothing(&f);
	end(&f);
}

static void test_files(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.facts.applied = ANSWER_NO;
	expect(&f, FINDING_NOT_APPLIED, LEVEL_WARNING, "was not run here", "vfio-claim apply");
	f.facts.reverted = true;
	expect(&f, FINDING_NOT_APPLIED, LEVEL_ERROR, "taken back", "vfio-claim apply");
	f.facts.applied = ANSWER_UNKNOWN;
	expect_nothing(&f);
	f.facts.applied = ANSWER_YES;
	assert_int_equal(kargs_add(&f.facts.stale_files, "/etc/a"), 0);
	expect(&f, FINDING_FILES_STALE, LEVEL_WARNING, "/etc/a", "vfio-claim apply");
	end(&f);
}

static void test_images(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.kernels[1].current = ANSWER_NO;
	assert_int_equal(sentences_add(&f.kernels[1].problems, "/boot/2: no table"), 0);
	expect(&f, FINDING_INITRAMFS_STALE, LEVEL_WARNING,
	       "no table; not ready after a reboot into kernel 6.1.0-2", "vfio-claim apply");
	f.facts.fixed = true;
	assess(&f);
	expect(&f, FINDING_INITRAMFS_STALE, LEVEL_WARNING, "no table", "rpm-ostree initramfs");
	f.facts.fixed = false;
	assert_string_equal(f.out.findings[0].kernel, "6.1.0-2");
	f.kernels[1].current = ANSWER_YES;
	f.kernels[0].current = ANSWER_NO;
	assert_int_equal(sentences_add(&f.kernels[0].problems, "/boot/1: no table"), 0);
	expect(&f, FINDING_INITRAMFS_STALE, LEVEL_ERROR, "/boot/1: no table", "apply");
	assert_int_equal(f.out.ready, 2);
	end(&f);
}

static void test_entries(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(sentences_add(&f.facts.entry_problems, "grub.cfg, Debian: lacks x"),
			 0);
	expect(&f, FINDING_BOOT_ENTRY_STALE, LEVEL_ERROR, "lacks x", "vfio-claim apply");
	sentences_free(&f.facts.entry_problems);
	assert_int_equal(sentences_add(&f.facts.entry_problems, "Linux 6.1.0-2: lacks x"), 0);
	expect(&f, FINDING_BOOT_ENTRY_STALE, LEVEL_WARNING, "lacks x", "vfio-claim apply");
	assert_string_equal(f.out.findings[0].kernel, "6.1.0-2");
	sentences_free(&f.facts.entry_problems);
	assert_int_equal(sentences_add(&f.facts.entry_remarks, "lacks y"), 0);
	expect(&f, FINDING_BOOT_ENTRY_STALE, LEVEL_WARNING, "lacks y", "vfio-claim apply");
	end(&f);
}

/* The worst comes first, and waiting ends where one fault stays. */
static void test_order(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(sentences_add(&f.facts.unread, "a note"), 0);
	f.devices[0].override[0] = '\0';
	set_driver(&f, "01:00.1", "");
	assess(&f);
	assert_int_equal(f.out.finding_count, 3);
	assert_int_equal(f.out.findings[0].level, LEVEL_ERROR);
	assert_int_equal(f.out.findings[1].level, LEVEL_WARNING);
	assert_int_equal(f.out.findings[2].level, LEVEL_NOTE);
	assert_true(f.out.may_change);
	f.kernels[0].current = ANSWER_NO;
	assert_int_equal(sentences_add(&f.kernels[0].problems, "stale"), 0);
	assess(&f);
	assert_false(f.out.may_change);
	end(&f);
}

static void test_record_find(void **state)
{
	struct boot_device devices[5] = { 0 };
	struct boot_record record = { .devices = devices };
	struct pci_address address = { .domain = 1 };

	(void)state;
	assert_null(boot_record_find(&record, &address));
	record.device_count = 5;
	for (uint8_t i = 0; i < 5; i++)
		devices[i].address =
			(struct pci_address){ .domain = 1, .bus = (uint8_t)(2 * i + 1) };
	for (uint8_t bus = 0; bus < 12; bus++) {
		address.bus = bus;
		const struct boot_device *found = boot_record_find(&record, &address);

		if (bus % 2 == 1 && bus < 10)
			assert_ptr_equal(found, &devices[bus / 2]);
		else
			assert_null(found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ready),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_invalid_config),
		cmocka_unit_test(test_iommu_off),
		cmocka_unit_test(test_iommu_argument_lacks),
		cmocka_unit_test(test_no_remapping),
		cmocka_unit_test(test_no_group),
		cmocka_unit_test(test_no_iommu_mode),
		cmocka_unit_test(test_group_members),
		cmocka_unit_test(test_group_with_hosts_device),
		cmocka_unit_test(test_group_with_refused_device),
		cmocka_unit_test(test_group_with_guarded_device),
		cmocka_unit_test(test_native_driver),
		cmocka_unit_test(test_not_bound),
		cmocka_unit_test(test_driver_missing),
		cmocka_unit_test(test_group_node),
		cmocka_unit_test(test_override_of_a_ready_device),
		cmocka_unit_test(test_variant),
		cmocka_unit_test(test_missing_device),
		cmocka_unit_test(test_repeated_refusal),
		cmocka_unit_test(test_vanished_device),
		cmocka_unit_test(test_all_vanished),
		cmocka_unit_test(test_unmatched_claim),
		cmocka_unit_test(test_claim_of_the_same),
		cmocka_unit_test(test_expect),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_for_good),
		cmocka_unit_test(test_helper_absent),
		cmocka_unit_test(test_helper_off),
		cmocka_unit_test(test_bad_table),
		cmocka_unit_test(test_newer_config),
		cmocka_unit_test(test_late_run),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_spare_arguments),
		cmocka_unit_test(test_different_arguments),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_record_find),
	};

	return cmocka_run_group_tests_name("readiness", tests, NULL, NULL);
}
