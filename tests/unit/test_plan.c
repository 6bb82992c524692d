// SPDX-License-Identifier: GPL-2.0-or-later
/* Selectors on machines, and the plans made of them. */
#include "machine.h"

#define WAITS ": decided when root is mounted\n"

/* Two identical cards behind root ports, each with display and audio; a chipset beside them. */
static const struct test_device twins[] = {
	{ "00:00.0", "8086:29c0", 0x060000, NULL, NULL, false, NULL },
	{ "00:03.0", "8086:2f08", 0x060400, NULL, "pcieport", false, NULL },
	{ "00:04.0", "8086:2f09", 0x060400, NULL, "pcieport", false, NULL },
	{ "00:1f.0", "8086:2918", 0x060100, NULL, "lpc_ich", false, NULL },
	{ "00:1f.2", "8086:2922", 0x010601, NULL, "ahci", false, NULL },
	{ "00:1f.3", "8086:2930", 0x040300, NULL, "snd_hda_intel", false, NULL },
	{ "01:00.0", "10de:1c30:10de:11b3", 0x030000, "00:03.0/00.0", "nouveau", false, NULL },
	{ "01:00.1", "10de:10f1:10de:11b3", 0x040300, "00:03.0/00.1", NULL, false, NULL },
	{ "02:00.0", "10de:1c30:103c:11b3", 0x030000, "00:04.0/00.0", NULL, false, NULL },
	{ "02:00.1", "10de:10f1:103c:11b3", 0x040300, "00:04.0/00.1", NULL, false, NULL },
	{ "03:00.0", "144d:a80a", 0x010802, "00:05.0/00.0", NULL, false, NULL },
};

/* A network card with two ports and virtual functions; display and more on the root bus. */
static const struct test_device mixed[] = {
	{ "00:02.0", "8086:46a6", 0x030000, NULL, "i915", false, NULL },
	{ "00:02.1", "8086:46a7", 0x038000, NULL, NULL, false, NULL },
	{ "00:02.2", "8086:46a8", 0x040300, NULL, NULL, false, NULL },
	{ "00:02.3", "8086:46a9", 0x0c0500, NULL, NULL, false, NULL },
	{ "00:1f.0", "8086:5182", 0x060100, NULL, NULL, false, NULL },
	{ "00:1f.3", "8086:51c8", 0x040300, NULL, NULL, false, NULL },
	{ "00:1f.4", "8086:51a3", 0x0c0500, NULL, NULL, false, NULL },
	{ "05:00.0", "8086:1521", 0x020000, "00:05.0/00.0", "igb", false, NULL },
	{ "05:00.1", "8086:1521", 0x020000, "00:05.0/00.1", "igb", false, NULL },
	{ "05:10.0", "8086:1520", 0x120000, "00:05.0/10.0", NULL, true, "some_vfio_pci" },
	{ "05:10.1", "8086:1520", 0x120000, "00:05.0/10.1", NULL, true, NULL },
	{ "0001:01:00.0", "10de:2342", 0x030200, "0001:00:00.0/00.0", NULL, false,
	  "nvgrace_gpu_vfio_pci" },
	{ "10000:e1:00.0", "10de:1c30", 0x030000, "10000:e0:06.0/00.0", NULL, false, NULL },
};

/* A workstation card: display, audio, xHCI, UCSI. */
static const struct test_device four[] = {
	{ "41:00.0", "10de:1e84", 0x030000, "40:01.1/00.0", NULL, false, NULL },
	{ "41:00.1", "10de:10f8", 0x040300, "40:01.1/00.1", NULL, false, NULL },
	{ "41:00.2", "10de:1ad8", 0x0c0330, "40:01.1/00.2", "xhci_hcd", false, NULL },
	{ "41:00.3", "10de:1ad9", 0x0c8000, "40:01.1/00.3", NULL, false, NULL },
};

/* What the plans of this file are made under, unless a test changes it. */
static struct guards guards;

/* Plans and renders. */
static char *plan_of(const struct test_device *devices, size_t device_count,
		     const struct test_claim *from, size_t claim_count)
{
	struct snapshot snapshot = machine(devices, device_count);
	struct claims claims = claims_of(from, claim_count);
	struct plan plan;
	char *text;

	snapshot_mark_candidates(&snapshot, &claims);
	assert_int_equal(plan_make(&claims, &snapshot, &guards, &plan), 0);
	for (size_t i = 0; i < plan.decision_count; i++)
		assert_true(plan.decisions[i].verdict == VERDICT_REFUSE ||
			    plan.decisions[i].device->candidate);
	assert_int_equal(plan_render(&plan, &text), 0);
	plan_free(&plan);
	claims_free(&claims);
	free(snapshot.devices);
	return text;
}

/* Asserts on decisions and notes: the plan without its actions, from the first column on. */
static void assert_plan(const struct test_device *devices, size_t device_count,
			const struct test_claim *from, size_t claim_count, const char *wanted)
{
	static const char *const actions[] = { "override  ", "load      ", "bind      ",
					       "verify    " };
	char *text = plan_of(devices, device_count, from, claim_count);

	for (size_t i = 0; i < LENGTH(actions); i++) {
		char *action = strncmp(text, actions[i], 10) == 0 ? text : NULL;
		char pattern[16];

		(void)snprintf(pattern, sizeof(pattern), "\n%s", actions[i]);
		if (action == NULL && (action = strstr(text, pattern)) != NULL)
			action++;
		if (action != NULL)
			*action = '\0';
	}
	assert_string_equal(text, wanted);
	free(text);
}

#define PLAN(machine, claim, wanted)                                                           \
	assert_plan(machine, LENGTH(machine), claim, LENGTH(claim), wanted)

/* What the selector takes, as addresses with blanks between. */
static void assert_takes(const struct test_device *devices, size_t count, const char *string,
			 const char *wanted)
{
	struct snapshot snapshot = machine(devices, count);
	struct selector parsed = selector(string);
	bool taken[64] = { false };
	char found[512] = "";
	size_t sum = 0;

	assert_true(count <= LENGTH(taken));
	size_t said = selector_select(&parsed, &snapshot, taken);
	for (size_t i = 0; i < count; i++) {
		char address[PCI_ADDRESS_SIZE];

		if (!taken[i])
			continue;
		sum++;
		(void)strcat(found, *found ? " " : "");
		(void)strcat(found, pci_address_format(&snapshot.devices[i].address, address));
	}
	if (strcmp(found, wanted) != 0)
		fail_msg("'%s' takes '%s', not '%s'", string, found, wanted);
	assert_int_equal(said, sum);
	free(snapshot.devices);
}

static void test_selectors(void **state)
{
	static const char *const on_twins[][2] = {
		{ "10de:1c30", "0000:01:00.0 0000:02:00.0" },
		{ "10de:1c30:10de:11b3", "0000:01:00.0" },
		{ "10de:1c30:*:11b3", "0000:01:00.0 0000:02:00.0" },
		{ "10de:*", "0000:01:00.0 0000:01:00.1 0000:02:00.0 0000:02:00.1" },
		{ "*:*:103c:*", "0000:02:00.0 0000:02:00.1" },
		{ "10de:1c31", "" },
		{ "01:00.0", "0000:01:00.0" },
		{ "01:00.*", "0000:01:00.0 0000:01:00.1" },
		{ "0001:01:00.*", "" },
		{ "01:00.0 10de:1c30", "0000:01:00.0" },
		{ "01:00.0 10de:10f1", "" },
		{ "01:00.* class=04", "0000:01:00.1" },
		{ "class=03", "0000:01:00.0 0000:02:00.0" },
		{ "class=0300", "0000:01:00.0 0000:02:00.0" },
		{ "class=030001", "" },
		{ "class=0302", "" },
		{ "class=000300/00ff00", "0000:00:1f.3 0000:01:00.1 0000:02:00.1" },
		{ "10de:1c30 nth=1", "0000:01:00.0" },
		{ "10de:1c30 nth=2", "0000:02:00.0" },
		{ "10de:1c30 nth=3", "" },
		{ "class=0403 nth=2", "0000:01:00.1" },
		{ "path=00:03.0/00.0", "0000:01:00.0" },
		{ "path=00:04.0/00.1", "0000:02:00.1" },
		{ "path=00:1f.3", "0000:00:1f.3" },
		{ "path=00:03.0", "0000:00:03.0" },
		{ "path=00:06.0/00.0", "" },
		{ "path=00:03.0/00.0 10de:10f1", "" },
	};
	static const char *const on_mixed[][2] = {
		{ "0001:01:00.0", "0001:01:00.0" },
		{ "10000:e1:00.*", "10000:e1:00.0" },
		{ "path=10000:e0:06.0/00.0", "10000:e1:00.0" },
		{ "path=0001:00:00.0/00.0", "0001:01:00.0" },
		{ "class=0300 nth=2", "10000:e1:00.0" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(on_twins); i++)
		assert_takes(twins, LENGTH(twins), on_twins[i][0], on_twins[i][1]);
	for (size_t i = 0; i < LENGTH(on_mixed); i++)
		assert_takes(mixed, LENGTH(mixed), on_mixed[i][0], on_mixed[i][1]);
}

/* A device whose way down is not known holds no path. */
static void test_path_unknown(void **state)
{
	struct snapshot snapshot = machine(twins, LENGTH(twins));
	struct selector parsed = selector("path=00:03.0/00.0");
	bool taken[LENGTH(twins)] = { false };

	(void)state;
	for (size_t i = 0; i < snapshot.count; i++)
		snapshot.devices[i].has_path = false;
	assert_int_equal(selector_select(&parsed, &snapshot, taken), 0);
	free(snapshot.devices);
}

/* Details are read for the slots that a claim could take from, and for no others. */
static void test_candidates(void **state)
{
	static const struct test_claim claim[] = { { .name = "a", .match = { "10de:10f1" } } };
	static const struct test_claim path[] = { { .name = "a",
						    .match = { "path=00:03.0" } } };
	struct snapshot snapshot = machine(twins, LENGTH(twins));
	struct claims claims = claims_of(claim, 1);

	(void)state;
	snapshot_mark_candidates(&snapshot, &claims);
	for (size_t i = 0; i < snapshot.count; i++)
		assert_int_equal(snapshot.devices[i].candidate, i >= 6 && i <= 9);
	claims_free(&claims);
	/* A path is a detail: without another word every device could be the one. */
	claims = claims_of(path, 1);
	snapshot_mark_candidates(&snapshot, &claims);
	for (size_t i = 0; i < snapshot.count; i++)
		assert_true(snapshot.devices[i].candidate);
	claims_free(&claims);
	free(snapshot.devices);
	snapshot = (struct snapshot){ 0 };
	snapshot_mark_candidates(&snapshot, &claims);
}

static void test_identical_cards(void **state)
{
	static const struct test_claim both[] = { { .name = "gpu", .match = { "10de:1c30" } } };
	static const struct test_claim one[] = { { .name = "gpu",
						   .match = { "0000:02:00.0 10de:1c30" } } };
	static const struct test_claim second[] = { { .name = "gpu",
						      .match = { "10de:1c30 nth=2" } } };
	static const char only_second[] =
		"0000:02:00.0  10de:1c30  take    vfio-pci      gpu: matched\n"
		"0000:02:00.1  10de:10f1  take    vfio-pci      gpu: another function of a "
		"matched card\n";

	(void)state;
	PLAN(twins, both,
	     "0000:01:00.0  10de:1c30  take    vfio-pci      gpu: matched\n"
	     "0000:01:00.1  10de:10f1  take    vfio-pci      gpu: another function of a "
	     "matched "
	     "card\n"
	     "0000:02:00.0  10de:1c30  take    vfio-pci      gpu: matched\n"
	     "0000:02:00.1  10de:10f1  take    vfio-pci      gpu: another function of a "
	     "matched "
	     "card\n");
	PLAN(twins, one, only_second);
	PLAN(twins, second, only_second);
}

static void test_functions_matched(void **state)
{
	static const struct test_claim claim[] = {
		{ .name = "gpu", .match = { "01:00.0" }, .functions = FUNCTIONS_MATCHED }
	};

	(void)state;
	PLAN(twins, claim, "0000:01:00.0  10de:1c30  take    vfio-pci      gpu: matched\n");
}

static void test_except(void **state)
{
	static const struct test_claim card[] = {
		{ .name = "gpu", .match = { "10de:1c30" }, .except = { "01:00.*" } }
	};
	static const struct test_claim audio[] = {
		{ .name = "gpu", .match = { "01:00.0" }, .except = { "class=04" } }
	};
	static const struct test_claim everything[] = {
		{ .name = "gpu", .match = { "10de:1c30" }, .except = { "10de:*" } }
	};
	/* An excepted audio function of the one is not the companion of the other either. */
	static const struct test_claim nth[] = {
		{ .name = "gpu", .match = { "10de:1c30" }, .except = { "10de:10f1 nth=2" } }
	};

	(void)state;
	PLAN(twins, card,
	     "0000:02:00.0  10de:1c30  take    vfio-pci      gpu: matched\n"
	     "0000:02:00.1  10de:10f1  take    vfio-pci      gpu: another function of a "
	     "matched "
	     "card\n");
	PLAN(twins, audio, "0000:01:00.0  10de:1c30  take    vfio-pci      gpu: matched\n");
	PLAN(twins, everything, "");
	PLAN(twins, nth,
	     "0000:01:00.0  10de:1c30  take    vfio-pci      gpu: matched\n"
	     "0000:01:00.1  10de:10f1  take    vfio-pci      gpu: another function of a "
	     "matched "
	     "card\n"
	     "0000:02:00.0  10de:1c30  take    vfio-pci      gpu: matched\n");
}

static void test_moved_card(void **state)
{
	static const struct test_claim other[] = { { .name = "gpu",
						     .match = { "0000:03:00.0 10de:1c30" } } };
	static const struct test_claim empty[] = { { .name = "gpu",
						     .match = { "0000:07:00.0 10de:1c30" } } };
	static const struct test_claim gone[] = {
		{ .name = "gpu", .match = { "0000:07:00.0 1002:0001", "0000:08:00.0" } }
	};

	(void)state;
	PLAN(twins, other,
	     "0000:03:00.0  144d:a80a  refuse  -             gpu: another device is here: "
	     "144d:a80a:0000:0000 where '0000:03:00.0 10de:1c30' is wanted; 10de:1c30 is at "
	     "0000:01:00.0\n");
	PLAN(twins, empty,
	     "0000:07:00.0  -          refuse  -             gpu: there is no device at this "
	     "address; 10de:1c30 is at 0000:01:00.0\n");
	PLAN(twins, gone,
	     "0000:07:00.0  -          refuse  -             gpu: there is no device at this "
	     "address\n"
	     "0000:08:00.0  -          refuse  -             gpu: there is no device at this "
	     "address\n");
}

static void test_nothing_matches(void **state)
{
	static const struct test_claim claims[] = {
		{ .name = "a", .match = { "1002:0001", "class=12" } },
		{ .name = "b", .match = { "07:00.*" } },
		{ .name = "c", .match = { "path=00:09.0/00.0" } },
	};

	(void)state;
	PLAN(twins, claims,
	     "note: claim a: nothing matches '1002:0001'\n"
	     "note: claim a: nothing matches 'class=12'\n"
	     "note: claim b: nothing matches '0000:07:00.*'\n"
	     "note: claim c: nothing matches 'path=0000:00:09.0/00.0'\n");
	assert_plan(NULL, 0, claims, 1,
		    "note: claim a: nothing matches '1002:0001'\n"
		    "note: claim a: nothing matches 'class=12'\n");
	assert_plan(twins, LENGTH(twins), NULL, 0, "");
}

static void test_expect(void **state)
{
	static const struct test_claim two[] = {
		{ .name = "gpu", .match = { "10de:*" }, .expect = 2 }
	};
	static const struct test_claim three[] = {
		{ .name = "gpu", .match = { "10de:1c30" }, .expect = 3 }
	};
	static const struct test_claim one[] = {
		{ .name = "gpu", .match = { "10de:1c31" }, .expect = 1 }
	};
	static const struct test_claim vfs[] = {
		{ .name = "vf", .match = { "8086:1520" }, .expect = 1 }
	};
	char *text = plan_of(twins, LENGTH(twins), two, 1);

	(void)state;
	assert_null(strstr(text, "note: "));
	free(text);
	text = plan_of(twins, LENGTH(twins), three, 1);
	assert_contains(text, "note: claim gpu: 3 cards expected, 2 found\n");
	free(text);
	text = plan_of(twins, LENGTH(twins), one, 1);
	assert_contains(text, "note: claim gpu: 1 card expected, 0 found\n");
	free(text);
	/* Each virtual function is a card. */
	text = plan_of(mixed, LENGTH(mixed), vfs, 1);
	assert_contains(text, "note: claim vf: 1 card expected, 2 found\n");
	free(text);
}

static void test_companions_of_a_card(void **state)
{
	static const struct test_claim display[] = { { .name = "w",
						       .match = { "10de:1e84" } } };
	static const struct test_claim usb[] = { { .name = "w", .match = { "10de:1ad8" } } };
	char *text = plan_of(four, LENGTH(four), display, 1);

	(void)state;
	assert_contains(text, "0000:41:00.0  10de:1e84  take    vfio-pci      w: matched\n");
	assert_contains(text, "0000:41:00.1  10de:10f8  take    vfio-pci      w: another");
	assert_contains(text, "0000:41:00.2  10de:1ad8  take    vfio-pci      w: another");
	assert_contains(text, "0000:41:00.3  10de:1ad9  take    vfio-pci      w: another");
	free(text);
	/* Behind a bridge a card is a card, whichever function is named. */
	text = plan_of(four, LENGTH(four), usb, 1);
	assert_contains(text, "0000:41:00.2  10de:1ad8  take    vfio-pci      w: matched\n");
	assert_contains(text, "0000:41:00.0  10de:1e84  take    vfio-pci      w: another");
	free(text);
}

/* A hypervisor puts functions of several makers into one slot: that is no card. */
static void test_makers_in_one_slot(void **state)
{
	static const struct test_device slot[] = {
		{ "08:03.0", "1b36:000d", 0x0c0330, "00:01.2/03.0", "", false, NULL },
		{ "08:03.1", "1af4:1041", 0x120000, "00:01.2/03.1", "", false, NULL },
		{ "08:03.2", "1b36:0005", 0x070002, "00:01.2/03.2", "", false, NULL },
		{ "08:03.3", "1b36:0006", 0x088000, "00:01.2/03.3", "", false, NULL },
	};
	static const struct test_claim serial[] = { { .name = "s",
						      .match = { "1b36:0005" } } };
	static const struct test_claim usb[] = { { .name = "u", .match = { "1b36:000d" } } };

	(void)state;
	PLAN(slot, serial,
	     "0000:08:03.2  1b36:0005  take    vfio-pci      s: matched\n"
	     "0000:08:03.3  1b36:0006  take    vfio-pci      s: another function of a matched "
	     "card\n");
	/* What USB takes along without a display is USB. */
	PLAN(slot, usb,
	     "0000:08:03.0  1b36:000d  wait    vfio-pci      u: the boot could need what is "
	     "plugged in" WAITS);
}

/* The slot of an AMD processor: graphics are ATI's; the rest is the host's own. */
static void test_processor_with_graphics(void **state)
{
	static const struct test_device slot[] = {
		{ "06:00.0", "1002:1638", 0x030000, "00:08.1/00.0", "amdgpu", false, NULL },
		{ "06:00.2", "1022:15df", 0x108000, "00:08.1/00.2", "ccp", false, NULL },
		{ "06:00.3", "1022:1639", 0x0c0330, "00:08.1/00.3", "xhci_hcd", false, NULL },
		{ "06:00.4", "1022:1639", 0x0c0330, "00:08.1/00.4", "xhci_hcd", false, NULL },
		{ "06:00.6", "1022:15e3", 0x040300, "00:08.1/00.6", NULL, false, NULL },
	};
	static const struct test_claim display[] = { { .name = "a",
						       .match = { "1002:1638" } } };
	static const struct test_claim audio[] = { { .name = "a", .match = { "1022:15e3" } } };
	static const struct test_claim psp[] = { { .name = "a", .match = { "1022:15df" } } };
	static const struct test_claim usb[] = {
		{ .name = "a", .match = { "06:00.3" }, .functions = FUNCTIONS_MATCHED }
	};
	static const struct test_claim both[] = { { .name = "a", .match = { "06:00.3" } } };

	(void)state;
	PLAN(slot, display, "0000:06:00.0  1002:1638  take    vfio-pci      a: matched\n");
	PLAN(slot, audio, "0000:06:00.6  1022:15e3  take    vfio-pci      a: matched\n");
	PLAN(slot, psp, "0000:06:00.2  1022:15df  take    vfio-pci      a: matched\n");
	PLAN(slot, usb,
	     "0000:06:00.3  1022:1639  wait    vfio-pci      a: the boot could need what is "
	     "plugged in" WAITS);
	PLAN(slot, both,
	     "0000:06:00.3  1022:1639  wait    vfio-pci      a: the boot could need what is "
	     "plugged in" WAITS
	     "0000:06:00.4  1022:1639  wait    vfio-pci      a: the boot could need what is "
	     "plugged in" WAITS);
}

/* Two USB controllers of the host, the second of which is taken for the sake of the first. */
static const struct test_device pair[] = {
	{ "06:00.3", "1022:1639", 0x0c0330, "00:08.1/00.3", "xhci_hcd", false, NULL },
	{ "06:00.4", "1022:1640", 0x0c0330, "00:08.1/00.4", "xhci_hcd", false, NULL },
};

/* On the root bus only the usual companions of a display go with it. */
static void test_companions_on_the_root_bus(void **state)
{
	static const struct test_claim display[] = { { .name = "i",
						       .match = { "8086:46a6" } } };
	static const struct test_claim audio[] = { { .name = "i", .match = { "8086:51c8" } } };
	static const struct test_claim bus[] = { { .name = "i", .match = { "8086:46a9" } } };

	(void)state;
	PLAN(mixed, display,
	     "0000:00:02.0  8086:46a6  take    vfio-pci      i: matched\n"
	     "0000:00:02.1  8086:46a7  take    vfio-pci      i: another function of a matched "
	     "card\n"
	     "0000:00:02.2  8086:46a8  take    vfio-pci      i: another function of a matched "
	     "card\n");
	PLAN(mixed, audio, "0000:00:1f.3  8086:51c8  take    vfio-pci      i: matched\n");
	PLAN(mixed, bus, "0000:00:02.3  8086:46a9  take    vfio-pci      i: matched\n");
}

/* A virtual function is a card of its own: neither taken along nor taking along. */
static void test_virtual_functions(void **state)
{
	static const struct test_claim vf[] = { { .name = "vf", .match = { "05:10.1" } } };
	struct test_device slot[] = {
		{ "05:00.0", "8086:1521", 0x120000, "00:05.0/00.0", NULL, false, NULL },
		{ "05:00.1", "8086:1520", 0x120000, "00:05.0/00.1", NULL, true, NULL },
		{ "05:00.2", "8086:1520", 0x120000, "00:05.0/00.2", NULL, true, NULL },
	};
	static const struct test_claim pf[] = { { .name = "pf", .match = { "05:00.0" } } };
	static const struct test_claim first[] = { { .name = "vf", .match = { "05:00.1" } } };

	(void)state;
	PLAN(mixed, vf, "0000:05:10.1  8086:1520  take    vfio-pci      vf: matched\n");
	PLAN(slot, pf, "0000:05:00.0  8086:1521  take    vfio-pci      pf: matched\n");
	PLAN(slot, first, "0000:05:00.1  8086:1520  take    vfio-pci      vf: matched\n");
}

static void test_refusals_in_a_plan(void **state)
{
	static const struct test_claim claims[] = {
		{ .name = "disk", .match = { "144d:a80a" } },
		{ .name = "chipset", .match = { "00:1f.*" } },
	};
	char *text = plan_of(twins, LENGTH(twins), claims, LENGTH(claims));

	(void)state;
	assert_contains(text,
			"0000:00:1f.0  8086:2918  refuse  -             chipset: a bridge");
	assert_contains(text,
			"0000:00:1f.2  8086:2922  wait    vfio-pci      chipset: root could");
	assert_contains(text,
			"0000:00:1f.3  8086:2930  take    vfio-pci      chipset: matched");
	assert_contains(text,
			"0000:03:00.0  144d:a80a  wait    vfio-pci      disk: root could");
	assert_null(strstr(text, "override  0000:03:00.0"));
	assert_null(strstr(text, "bind      0000:00:1f.2"));
	free(text);
}

/* An NVSwitch is a bridge of class 0680: only a claim that names it has it. */
static void test_other_bridges(void **state)
{
	static const struct test_device machine_with[] = {
		{ "04:00.0", "8086:1533", 0x060400, "00:02.0/00.0", "pcieport", false, NULL },
		{ "07:00.0", "10de:22a3", 0x068000, "00:03.0/00.0", NULL, false, NULL },
		{ "08:00.0", "10de:2330", 0x030200, "00:04.0/00.0", NULL, false, NULL },
		{ "08:00.1", "10de:22a4", 0x068000, "00:04.0/00.1", NULL, false, NULL },
	};
	static const char *const naming[] = { "07:00.0", "10de:22a3", "class=0680",
					      "class=068000", "path=00:03.0/00.0" };
	static const char *const not_naming[] = { "07:00.*", "10de:*", "*:22a3", "class=06" };

	(void)state;
	for (size_t i = 0; i < LENGTH(naming); i++) {
		struct test_claim claim[] = { { .name = "c", .match = { naming[i] } } };
		char *text = plan_of(machine_with, LENGTH(machine_with), claim, 1);

		assert_contains(text,
				"0000:07:00.0  10de:22a3  take    vfio-pci      c: matched");
		free(text);
	}
	for (size_t i = 0; i < LENGTH(not_naming); i++) {
		struct test_claim claim[] = { { .name = "c", .match = { not_naming[i] } } };
		char *text = plan_of(machine_with, LENGTH(machine_with), claim, 1);

		assert_contains(text,
				"0000:07:00.0  10de:22a3  refuse  -             c: a bridge "
				"of this kind is claimed only by its address");
		free(text);
	}
	static const struct test_claim port[] = { { .name = "c", .match = { "04:00.0" } } };
	static const struct test_claim card[] = { { .name = "c", .match = { "08:00.0" } } };

	PLAN(machine_with, port,
	     "0000:04:00.0  8086:1533  refuse  -             c: a bridge is never claimed\n");
	/* Nor is one taken along with a card. */
	PLAN(machine_with, card,
	     "0000:08:00.0  10de:2330  take    vfio-pci      c: matched\n"
	     "0000:08:00.1  10de:22a4  refuse  -             c: a bridge of this kind is "
	     "claimed only by its address, its vendor and device ID, or class=0680\n");
}

/* vfio-pci.ids= is the kernel's to read too: loaded with it, vfio-pci would take the disk. */
static void test_refused_ids(void **state)
{
	static const struct test_claim by_config[] = {
		{ .name = "gpu", .match = { "10de:1c30" } },
		{ .name = "disk", .match = { "144d:a80a" } },
		{ .name = "vfio-pci.ids",
		  .match = { "10de:1c30", "144d:a80a" },
		  .origin = ORIGIN_IDS_ARGUMENT },
	};
	static const struct test_claim disk_only[] = {
		{ .name = "vfio-pci.ids",
		  .match = { "144d:a80a" },
		  .origin = ORIGIN_IDS_ARGUMENT },
	};
	static const struct test_claim harmless[] = {
		{ .name = "gpu", .match = { "10de:1c30" } },
		{ .name = "disk", .match = { "144d:a80a" } },
		{ .name = "vfio-pci.ids",
		  .match = { "10de:1c30" },
		  .origin = ORIGIN_IDS_ARGUMENT },
	};
	char *text = plan_of(twins, LENGTH(twins), by_config, LENGTH(by_config));

	(void)state;
	assert_contains(text,
			"0000:03:00.0  144d:a80a  wait    vfio-pci      disk: root could");
	assert_contains(text, "load      vfio_pci  ids=\n");
	free(text);
	text = plan_of(twins, LENGTH(twins), &by_config[2], 1);
	assert_contains(text, "load      vfio_pci  ids=\n");
	free(text);
	/* Also where nothing is taken: rd.driver.pre=vfio-pci would load it with the list. */
	text = plan_of(twins, LENGTH(twins), disk_only, LENGTH(disk_only));
	assert_contains(text, "load      vfio_pci  ids=\n");
	free(text);
	text = plan_of(twins, LENGTH(twins), harmless, LENGTH(harmless));
	assert_contains(text, "load      vfio_pci\n");
	free(text);
}

/* A refused function takes no others along, and refused companions are told. */
static void test_refused_companions(void **state)
{
	static const struct test_device card[] = {
		{ "01:00.0", "1af4:1045", 0x00ff00, "00:01.0/00.0", NULL, false, NULL },
		{ "01:00.1", "1af4:1041", 0x020000, "00:01.0/00.1", NULL, false, NULL },
	};
	static const struct test_claim port[] = { { .name = "a", .match = { "1af4:1041" } } };
	static const struct test_claim other[] = { { .name = "a", .match = { "1af4:1045" } } };

	(void)state;
	PLAN(card, port, "0000:01:00.1  1af4:1041  take    vfio-pci      a: matched\n");
	PLAN(card, other,
	     "0000:01:00.0  1af4:1045  take    vfio-pci      a: matched\n"
	     "0000:01:00.1  1af4:1041  refuse  -             a: storage and network functions "
	     "are not taken along with a card: name it in the claim if it is meant\n");
}

/* The two disks, one of which is root's; a network card; a card's USB and one of its own. */
static const struct test_device guarded[] = {
	{ "00:14.0", "8086:51ed", 0x0c0330, NULL, "xhci_hcd", false, NULL },
	{ "01:00.0", "144d:a80a", 0x010802, "00:01.0/00.0", "nvme", false, NULL },
	{ "02:00.0", "144d:a80a", 0x010802, "00:02.0/00.0", "nvme", false, NULL },
	{ "03:00.0", "8086:1521", 0x020000, "00:03.0/00.0", "igb", false, NULL },
	{ "04:00.0", "10de:1e84", 0x030000, "00:04.0/00.0", NULL, false, NULL },
	{ "04:00.2", "10de:1ad8", 0x0c0330, "00:04.0/00.2", NULL, false, NULL },
};

static const struct test_claim guarded_claims[] = {
	{ .name = "usb", .match = { "class=0c03" } },
	{ .name = "disks", .match = { "144d:a80a" } },
	{ .name = "nic", .match = { "8086:1521" } },
	{ .name = "gpu", .match = { "10de:1e84" } },
};

/* Nothing is known yet: what could be needed waits, and nothing of it is touched. */
static void test_early_phase(void **state)
{
	char *text;

	(void)state;
	PLAN(guarded, guarded_claims,
	     "0000:00:14.0  8086:51ed  wait    vfio-pci      usb: the boot could need what is "
	     "plugged in" WAITS
	     "0000:01:00.0  144d:a80a  wait    vfio-pci      disks: root could be on this "
	     "storage" WAITS
	     "0000:02:00.0  144d:a80a  wait    vfio-pci      disks: root could be on this "
	     "storage" WAITS "0000:03:00.0  8086:1521  take    vfio-pci      nic: matched\n"
	     "0000:04:00.0  10de:1e84  take    vfio-pci      gpu: matched\n"
	     "0000:04:00.2  10de:1ad8  take    vfio-pci      usb: matched\n");
	guards.network_boot = true;
	text = plan_of(guarded, LENGTH(guarded), guarded_claims, LENGTH(guarded_claims));
	assert_contains(text,
			"0000:03:00.0  8086:1521  wait    vfio-pci      nic: the boot goes "
			"over the network" WAITS);
	assert_null(strstr(text, "override  0000:03:00.0"));
	assert_null(strstr(text, "override  0000:01:00.0"));
	assert_contains(text, "override  0000:04:00.2");
	free(text);
	guards = (struct guards){ 0 };
}

static void need(const char *address, const char *reason)
{
	struct pci_address parsed;

	assert_int_equal(pci_address_parse(address, &parsed, NULL), 0);
	assert_int_equal(guards_add(&guards, &parsed, "%s", reason), 0);
}

/* The late plan has what waited and nothing else. */
static void test_late_phase(void **state)
{
	(void)state;
	guards.phase = PHASE_LATE;
	need("01:00.0", "/ (/dev/nvme0n1p1) is on it");
	PLAN(guarded, guarded_claims,
	     "0000:00:14.0  8086:51ed  take    vfio-pci      usb: matched\n"
	     "0000:01:00.0  144d:a80a  refuse  -             disks: / (/dev/nvme0n1p1) is on "
	     "it\n"
	     "0000:02:00.0  144d:a80a  take    vfio-pci      disks: matched\n");
	guards_free(&guards);

	guards.phase = PHASE_LATE;
	guards.network_boot = true;
	(void)snprintf(guards.storage_reason, sizeof(guards.storage_reason), "zfs");
	(void)snprintf(guards.network_reason, sizeof(guards.network_reason), "nobody is up");
	PLAN(guarded, guarded_claims,
	     "0000:00:14.0  8086:51ed  refuse  -             usb: zfs\n"
	     "0000:01:00.0  144d:a80a  refuse  -             disks: zfs\n"
	     "0000:02:00.0  144d:a80a  refuse  -             disks: zfs\n"
	     "0000:03:00.0  8086:1521  refuse  -             nic: nobody is up\n");
	struct pci_address seen_through;
	assert_int_equal(pci_address_parse("02:00.0", &seen_through, NULL), 0);
	assert_int_equal(guards_clear(&guards, &seen_through), 0);
	PLAN(guarded, guarded_claims,
	     "0000:00:14.0  8086:51ed  refuse  -             usb: zfs\n"
	     "0000:01:00.0  144d:a80a  refuse  -             disks: zfs\n"
	     "0000:02:00.0  144d:a80a  take    vfio-pci      disks: matched\n"
	     "0000:03:00.0  8086:1521  refuse  -             nic: nobody is up\n");
	guards_free(&guards);
}

/* What the tool shows: both phases in one. */
static void test_whole_plan(void **state)
{
	(void)state;
	guards.phase = PHASE_WHOLE;
	need("01:00.0", "/ (/dev/nvme0n1p1) is on it");
	/* Not guarded, so that the boot does not ask. */
	need("03:00.0", "it is up");
	PLAN(guarded, guarded_claims,
	     "0000:00:14.0  8086:51ed  take    vfio-pci      usb: matched\n"
	     "0000:01:00.0  144d:a80a  refuse  -             disks: / (/dev/nvme0n1p1) is on "
	     "it\n"
	     "0000:02:00.0  144d:a80a  take    vfio-pci      disks: matched\n"
	     "0000:03:00.0  8086:1521  take    vfio-pci      nic: matched\n"
	     "0000:04:00.0  10de:1e84  take    vfio-pci      gpu: matched\n"
	     "0000:04:00.2  10de:1ad8  take    vfio-pci      usb: matched\n");
	guards_free(&guards);
}

/* Nobody asked for what only goes along: it stays where the function that is named stays. */
static void test_companion_of_a_refused_function(void **state)
{
	static const struct test_claim first[] = { { .name = "a", .match = { "06:00.3" } } };
	static const struct test_claim each[] = {
		{ .name = "a", .match = { "06:00.3", "06:00.4" } }
	};

	(void)state;
	for (int phase = PHASE_LATE; phase <= PHASE_WHOLE; phase++) {
		guards.phase = (enum guard_phase)phase;
		PLAN(pair, first,
		     "0000:06:00.3  1022:1639  take    vfio-pci      a: matched\n"
		     "0000:06:00.4  1022:1640  take    vfio-pci      a: another function of a "
		     "matched card\n");
		need("06:00.3", "the keyboard is on it");
		PLAN(pair, first,
		     "0000:06:00.3  1022:1639  refuse  -             a: the keyboard is on it\n"
		     "0000:06:00.4  1022:1640  refuse  -             a: the function of its card "
		     "that the claim names is refused\n");
		PLAN(pair, each,
		     "0000:06:00.3  1022:1639  refuse  -             a: the keyboard is on it\n"
		     "0000:06:00.4  1022:1640  take    vfio-pci      a: matched\n");
		guards_free(&guards);
	}
}

/* `when` moves a device from one phase to the other. */
static void test_when(void **state)
{
	static const struct test_claim exact[] = {
		{ .name = "a", .match = { "02:00.0 144d:a80a" }, .when = WHEN_EARLY },
		{ .name = "b", .match = { "04:00.0" }, .when = WHEN_GUARDED },
	};
	static const struct test_claim by_ids[] = {
		{ .name = "a", .match = { "144d:a80a", "03:00.*" }, .when = WHEN_EARLY },
	};
	static const struct test_claim card[] = {
		{ .name = "a", .match = { "10de:1e84" }, .when = WHEN_EARLY },
		{ .name = "b", .match = { "00:14.*" }, .when = WHEN_EARLY },
	};
	static const char early[] =
		"0000:02:00.0  144d:a80a  take    vfio-pci      a: matched\n"
		"0000:04:00.0  10de:1e84  wait    vfio-pci      b: when = guarded" WAITS
		"0000:04:00.2  10de:1ad8  wait    vfio-pci      b: when = guarded" WAITS;

	(void)state;
	PLAN(guarded, exact, early);
	/* Early is before the need is known: it is what the exact address is for. */
	need("02:00.0", "/ is on it");
	PLAN(guarded, exact, early);
	guards_free(&guards);
	PLAN(guarded, by_ids,
	     "0000:01:00.0  144d:a80a  wait    vfio-pci      a: when = early counts here only "
	     "with the exact address" WAITS
	     "0000:02:00.0  144d:a80a  wait    vfio-pci      a: when = early counts here only "
	     "with the exact address" WAITS
	     "0000:03:00.0  8086:1521  take    vfio-pci      a: matched\n");
	/* Early is never later than auto: a card's own USB controller goes with the card. */
	PLAN(guarded, card,
	     "0000:00:14.0  8086:51ed  wait    vfio-pci      b: when = early counts here only "
	     "with the exact address" WAITS
	     "0000:04:00.0  10de:1e84  take    vfio-pci      a: matched\n"
	     "0000:04:00.2  10de:1ad8  take    vfio-pci      a: another function of a matched "
	     "card\n");
	guards.phase = PHASE_LATE;
	PLAN(guarded, exact,
	     "0000:04:00.0  10de:1e84  take    vfio-pci      b: matched\n"
	     "0000:04:00.2  10de:1ad8  take    vfio-pci      b: another function of a matched "
	     "card\n");
	guards_free(&guards);
}

/* Said before it happens; not of a device that only waits. */
static void test_boot_display(void **state)
{
	static const struct test_claim claim[] = { { .name = "gpu", .match = { "02:00.0" } } };
	struct snapshot snapshot = machine(twins, LENGTH(twins));
	struct claims claims = claims_of(claim, 1);
	struct plan plan;

	(void)state;
	snapshot.devices[6].boot_display = true;
	assert_int_equal(plan_make(&claims, &snapshot, &guards, &plan), 0);
	assert_int_equal(plan.message_count, 0);
	plan_free(&plan);
	snapshot.devices[8].boot_display = true;
	assert_int_equal(plan_make(&claims, &snapshot, &guards, &plan), 0);
	assert_int_equal(plan.message_count, 1);
	assert_contains(plan.messages[0], "claim gpu: 0000:02:00.0 is the boot display");
	plan_free(&plan);
	claims.items[0].when = WHEN_GUARDED;
	assert_int_equal(plan_make(&claims, &snapshot, &guards, &plan), 0);
	assert_int_equal(plan.message_count, 0);
	plan_free(&plan);
	claims_free(&claims);
	free(snapshot.devices);
}

static void test_two_claims_on_one_device(void **state)
{
	static const struct test_claim claims[] = {
		{ .name = "first", .match = { "01:00.0" }, .functions = FUNCTIONS_MATCHED },
		{ .name = "second", .match = { "10de:1c30" } },
		{ .name = "third", .match = { "01:00.0 10de:1c30", "02:00.1" } },
	};

	(void)state;
	/* What a claim names goes before what another takes along. */
	PLAN(twins, claims,
	     "0000:01:00.0  10de:1c30  take    vfio-pci      first: matched\n"
	     "0000:02:00.0  10de:1c30  take    vfio-pci      second: matched\n"
	     "0000:02:00.1  10de:10f1  take    vfio-pci      third: matched\n");
}

static void test_drivers(void **state)
{
	static const struct test_claim automatic[] = {
		{ .name = "a", .match = { "10de:2342", "05:10.0" } }
	};
	static const struct test_claim plain[] = {
		{ .name = "a", .match = { "10de:2342" }, .driver = "vfio-pci" }
	};
	static const struct test_claim named[] = {
		{ .name = "a", .match = { "10de:1c30" }, .driver = "mlx5-vfio-pci" }
	};
	char *text = plan_of(mixed, LENGTH(mixed), automatic, 1);

	(void)state;
	assert_string_equal(
		text, "0000:05:10.0  8086:1520  take    some_vfio_pci  a: matched\n"
		      "0001:01:00.0  10de:2342  take    nvgrace_gpu_vfio_pci  a: matched\n"
		      "override  0000:05:10.0  some_vfio_pci\n"
		      "override  0001:01:00.0  nvgrace_gpu_vfio_pci\n"
		      "load      some_vfio_pci\n"
		      "load      nvgrace_gpu_vfio_pci\n"
		      "load      vfio_pci  ids=\n"
		      "load      vfio_iommu_type1\n"
		      "bind      0000:05:10.0  some_vfio_pci\n"
		      "bind      0001:01:00.0  nvgrace_gpu_vfio_pci\n"
		      "verify    0000:05:10.0  some_vfio_pci\n"
		      "verify    0001:01:00.0  nvgrace_gpu_vfio_pci\n");
	free(text);
	text = plan_of(mixed, LENGTH(mixed), plain, 1);
	assert_contains(text, "override  0001:01:00.0  vfio-pci\nload      vfio_pci  ids=\n");
	assert_null(strstr(text, "nvgrace"));
	free(text);
	/* The driver's name as it is, its module with underscores. */
	text = plan_of(mixed, LENGTH(mixed), named, 1);
	assert_contains(text,
			"override  10000:e1:00.0  mlx5-vfio-pci\nload      mlx5_vfio_pci\n");
	free(text);
}

/* Only an automatic claim may fall back to vfio-pci, and only from a variant. */
static void test_fallback(void **state)
{
	static const struct test_claim claim[] = {
		{ .name = "a", .match = { "10de:2342" } },
		{ .name = "b", .match = { "05:10.1" } },
		{ .name = "c", .match = { "05:10.0" }, .driver = "other_vfio_pci" },
	};
	struct snapshot snapshot = machine(mixed, LENGTH(mixed));
	struct claims claims = claims_of(claim, LENGTH(claim));
	struct plan plan;

	(void)state;
	assert_int_equal(plan_make(&claims, &snapshot, &guards, &plan), 0);
	assert_int_equal(plan.decision_count, 3);
	assert_string_equal(plan.decisions[0].driver, "other_vfio_pci");
	assert_false(plan.decisions[0].fallback);
	assert_false(plan.decisions[1].fallback);
	assert_true(plan.decisions[2].fallback);
	plan_free(&plan);
	claims_free(&claims);
	free(snapshot.devices);
}

/* Every override before the first load, every load before the first bind, checks at the end. */
static void test_order_of_actions(void **state)
{
	static const struct test_claim claims[] = {
		{ .name = "z", .match = { "02:00.0" } },
		{ .name = "a", .match = { "01:00.0" } },
		{ .name = "d", .match = { "03:00.0" } },
	};
	char *text = plan_of(twins, LENGTH(twins), claims, LENGTH(claims));
	const char *actions = strstr(text, "override");

	(void)state;
	assert_non_null(actions);
	assert_string_equal(actions, "override  0000:01:00.0  vfio-pci\n"
				     "override  0000:01:00.1  vfio-pci\n"
				     "override  0000:02:00.0  vfio-pci\n"
				     "override  0000:02:00.1  vfio-pci\n"
				     "load      vfio_pci  ids=\n"
				     "load      vfio_iommu_type1\n"
				     "bind      0000:01:00.0  vfio-pci\n"
				     "bind      0000:01:00.1  vfio-pci\n"
				     "bind      0000:02:00.0  vfio-pci\n"
				     "bind      0000:02:00.1  vfio-pci\n"
				     "verify    0000:01:00.0  vfio-pci\n"
				     "verify    0000:01:00.1  vfio-pci\n"
				     "verify    0000:02:00.0  vfio-pci\n"
				     "verify    0000:02:00.1  vfio-pci\n");
	free(text);
}

/* Without a device that a claim names nothing is loaded. One that waits is not to be taken by a
 * list of IDs either, which rd.driver.pre=vfio-pci would find in a modprobe.d. */
static void test_loads_without_any_taken(void **state)
{
	static const struct test_claim absent[] = { { .name = "d", .match = { "144d:ffff" } } };
	static const struct test_claim waits[] = { { .name = "d", .match = { "144d:a80a" } } };
	char *text = plan_of(twins, LENGTH(twins), absent, 1);

	(void)state;
	assert_null(strstr(text, "load"));
	assert_null(strstr(text, "override"));
	free(text);
	text = plan_of(twins, LENGTH(twins), waits, 1);
	assert_contains(text, "load      vfio_pci  ids=\n");
	assert_null(strstr(text, "override"));
	assert_null(strstr(text, "vfio_iommu_type1"));
	free(text);
}

static void test_modules_of_drivers(void **state)
{
	char module[DRIVER_NAME_SIZE];

	(void)state;
	module_of_driver("vfio-pci", module);
	assert_string_equal(module, "vfio_pci");
	module_of_driver("a-b_c-d", module);
	assert_string_equal(module, "a_b_c_d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_path_unknown),
		cmocka_unit_test(test_candidates),
		cmocka_unit_test(test_identical_cards),
		cmocka_unit_test(test_functions_matched),
		cmocka_unit_test(test_except),
		cmocka_unit_test(test_moved_card),
		cmocka_unit_test(test_nothing_matches),
		cmocka_unit_test(test_expect),
		cmocka_unit_test(test_companions_of_a_card),
		cmocka_unit_test(test_processor_with_graphics),
		cmocka_unit_test(test_makers_in_one_slot),
		cmocka_unit_test(test_companions_on_the_root_bus),
		cmocka_unit_test(test_virtual_functions),
		cmocka_unit_test(test_refusals_in_a_plan),
		cmocka_unit_test(test_other_bridges),
		cmocka_unit_test(test_refused_ids),
		cmocka_unit_test(test_refused_companions),
		cmocka_unit_test(test_early_phase),
		cmocka_unit_test(test_late_phase),
		cmocka_unit_test(test_whole_plan),
		cmocka_unit_test(test_companion_of_a_refused_function),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_boot_display),
		cmocka_unit_test(test_two_claims_on_one_device),
		cmocka_unit_test(test_drivers),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_order_of_actions),
		cmocka_unit_test(test_loads_without_any_taken),
		cmocka_unit_test(test_modules_of_drivers),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
