// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel command line. */
#include "cmdline.h"
#include "unit.h"

static struct cmdline parse(const char *string)
{
	/* A copy of the exact size: a byte read behind it is then found. */
	char *copy = strdup(string);
	struct cmdline cmdline;

	assert_non_null(copy);
	assert_int_equal(cmdline_parse(copy, &cmdline), 0);
	free(copy);
	return cmdline;
}

/* All claims as "NAME: SELECTOR, SELECTOR; ..." */
static void assert_claims(const char *string, const char *wanted)
{
	struct cmdline cmdline = parse(string);
	struct text text = { 0 };
	char *found;

	for (size_t i = 0; i < cmdline.claims.count; i++) {
		const struct claim *claim = &cmdline.claims.items[i];

		text_add(&text, "%s%s:", i ? "; " : "", claim->name);
		for (size_t j = 0; j < claim->match_count; j++) {
			char out[SELECTOR_TEXT_SIZE];

			text_add(&text, "%s %s", j ? "," : "",
				 selector_format(&claim->matches[j], out));
		}
	}
	assert_int_equal(text_take(&text, &found), 0);
	if (strcmp(found, wanted) != 0)
		fail_msg("'%s' makes '%s', not '%s'", string, found, wanted);
	free(found);
	cmdline_free(&cmdline);
}

static void assert_problem(const char *string, const char *part)
{
	struct cmdline cmdline = parse(string);

	if (cmdline.problem_count != 1)
		fail_msg("'%s' makes %zu problems", string, cmdline.problem_count);
	assert_contains(cmdline.problems[0], part);
	cmdline_free(&cmdline);
}

static void test_nothing_of_ours(void **state)
{
	static const char *const lines[] = {
		"",
		" \t\n",
		"BOOT_IMAGE=/vmlinuz root=UUID=x ro quiet splash -- single",
		"rd.vfio-claimx=0",
		"xrd.vfio-claim=0",
		"vfio-pci.ids",
		"rd.driver.pre",
		"vfio-pci.disable_vga=1",
		"vfio.pci.ids=10de:1c30",
		"RD.VFIO-CLAIM=0",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(lines); i++) {
		struct cmdline cmdline = parse(lines[i]);

		assert_false(cmdline.disabled);
		assert_false(cmdline.debug);
		assert_int_equal(cmdline.claims.count, 0);
		assert_int_equal(cmdline.pre.count, 0);
		assert_int_equal(cmdline.problem_count, 0);
		cmdline_free(&cmdline);
	}
}

static void test_switch(void **state)
{
	static const struct {
		const char *string;
		bool disabled;
	} rows[] = {
		{ "rd.vfio-claim=0", true },
		{ "rd.vfio-claim=no", true },
		{ "rd.vfio-claim=off", true },
		{ "rd.vfio_claim=0", true },
		{ "quiet \"rd.vfio-claim=0\" ro", true },
		{ "rd.vfio-claim=\"0\"", true },
		/* What is a blank to the kernel. */
		{ "quiet rd.vfio-claim=0\r\n", true },
		{ "quiet\vrd.vfio-claim=0\fro", true },
		{ "rd.vfio-claim=1 rd.vfio-claim=0", true },
		/* Off stays off: a recovery entry only adds to the line. */
		{ "rd.vfio-claim=0 rd.vfio-claim=1", true },
		{ "rd.vfio-claim=0 rd.vfio-claim=10de:1c30", true },
		{ "rd.vfio-claim=1", false },
		{ "rd.vfio-claim=yes", false },
		{ "rd.vfio-claim=on", false },
		{ "rd.vfio-claim=", false },
		{ "-- rd.vfio-claim=0", false },
		/* GRUB's recovery entries: those of Debian, of Ubuntu. */
		{ "ro single", true },
		{ "ro recovery nomodeset", true },
		{ "ro single rd.vfio-claim=1", false },
		{ "ro single rd.vfio-claim=10de:1c30", false },
		{ "ro single rd.vfio-claim=1 rd.vfio-claim=0", true },
		{ "ro singles recovery=1 x.single", false },
		{ "ro -- single", false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct cmdline cmdline = parse(rows[i].string);

		if (cmdline.disabled != rows[i].disabled)
			fail_msg("%s", rows[i].string);
		assert_int_equal(cmdline.problem_count, 0);
		cmdline_free(&cmdline);
	}
	/* A word that nobody knows is no claim and no switch. */
	assert_problem("rd.vfio-claim", "rd.vfio-claim has no value");
	assert_problem("rd.vfio-claim=disabled", "rd.vfio-claim=disabled: 'disabled': IDs are");
}

static void test_debug(void **state)
{
	static const struct {
		const char *string;
		bool debug;
	} rows[] = {
		{ "ro rd.vfio-claim.debug", true },
		{ "rd.vfio_claim.debug", true },
		{ "rd.vfio-claim.debug=1", true },
		{ "rd.vfio_claim.debug=yes", true },
		{ "rd.vfio-claim.debug=on", true },
		{ "rd.vfio-claim.debug=", true },
		{ "rd.vfio-claim.debug=0", false },
		{ "rd.vfio-claim.debug rd.vfio-claim.debug=no", false },
		{ "rd.vfio-claim.debug=off rd.vfio-claim.debug", true },
		{ "rd.vfio-claim=1", false },
		{ "-- rd.vfio-claim.debug=1", false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct cmdline cmdline = parse(rows[i].string);

		if (cmdline.debug != rows[i].debug)
			fail_msg("%s", rows[i].string);
		assert_false(cmdline.disabled);
		assert_int_equal(cmdline.problem_count, 0);
		cmdline_free(&cmdline);
	}
	assert_problem("rd.vfio-claim.debug=all", "rd.vfio-claim.debug=all: write 1 or 0");
	assert_problem("rd.vfio-claim.log=1", "'rd.vfio-claim.log=1' is none of");
}

static void test_selectors(void **state)
{
	(void)state;
	assert_claims("rd.vfio-claim=10de:1c30", "rd.vfio-claim-1: 10de:1c30");
	assert_claims("rd.vfio-claim=10de:1c30 ro rd.vfio-claim=class=0300",
		      "rd.vfio-claim-1: 10de:1c30; rd.vfio-claim-2: class=0300");
	assert_claims("rd.vfio-claim=0000:83:00.0,10de:1bb0",
		      "rd.vfio-claim-1: 0000:83:00.0 10de:1bb0");
	assert_claims("rd.vfio-claim=\"10de:1c30 nth=2\" quiet",
		      "rd.vfio-claim-1: 10de:1c30 nth=2");
	assert_claims("\"rd.vfio-claim=10de:1c30 nth=2\"", "rd.vfio-claim-1: 10de:1c30 nth=2");
	assert_claims("rd.vfio-claim=10000:e1:00.*", "rd.vfio-claim-1: 10000:e1:00.*");
	assert_claims("rd.vfio_claim=10de:1c30", "rd.vfio-claim-1: 10de:1c30");
	assert_claims("a\tb\nrd.vfio-claim=10de:1c30\n", "rd.vfio-claim-1: 10de:1c30");
	assert_claims("rd.vfio-claim=10de:1c30 -- rd.vfio-claim=10de:1c31",
		      "rd.vfio-claim-1: 10de:1c30");
	assert_claims("rd.vfio-claim=wrong rd.vfio-claim=10de:1c31",
		      "rd.vfio-claim-1: 10de:1c31");
	assert_problem("rd.vfio-claim=10de:1c30,nth=0", "nth counts from 1");
	assert_problem("rd.vfio-claim=*:*", "every device");
	assert_problem("\"rd.vfio-claim=10de:1c30 oh", "'oh': IDs are");
}

static void test_claim_of_a_selector(void **state)
{
	struct cmdline cmdline = parse("rd.vfio-claim=10de:1c30");
	const struct claim *claim = &cmdline.claims.items[0];

	(void)state;
	assert_int_equal(claim->origin, ORIGIN_ARGUMENT);
	assert_int_equal(claim->functions, FUNCTIONS_ALL);
	assert_int_equal(claim->when, WHEN_AUTO);
	assert_string_equal(claim->driver, "auto");
	cmdline_free(&cmdline);
}

static void test_claim_of_ids(void **state)
{
	struct cmdline cmdline = parse("vfio-pci.ids=10de:1c30");
	const struct claim *claim = &cmdline.claims.items[0];

	(void)state;
	/* As the kernel does it: these devices, no others, on vfio-pci. */
	assert_int_equal(claim->origin, ORIGIN_IDS_ARGUMENT);
	assert_int_equal(claim->functions, FUNCTIONS_MATCHED);
	assert_string_equal(claim->driver, "vfio-pci");
	cmdline_free(&cmdline);
}

static void test_ids(void **state)
{
	(void)state;
	assert_claims("vfio-pci.ids=10de:1c30,10de:10f1", "vfio-pci.ids: 10de:1c30, 10de:10f1");
	assert_claims("vfio_pci.ids=10DE:1C30", "vfio-pci.ids: 10de:1c30");
	assert_claims("vfio-pci.ids=0x10de:0x1c30", "vfio-pci.ids: 10de:1c30");
	assert_claims("vfio-pci.ids=8086:2e", "vfio-pci.ids: 8086:002e");
	assert_claims("vfio-pci.ids=10de:1c30:10de", "vfio-pci.ids: 10de:1c30:10de:*");
	assert_claims("vfio-pci.ids=10de:1c30:10de:11b3", "vfio-pci.ids: 10de:1c30:10de:11b3");
	assert_claims("vfio-pci.ids=10de:1c30:ffffffff:11b3", "vfio-pci.ids: 10de:1c30:*:11b3");
	assert_claims("vfio-pci.ids=10de:ffffffff", "vfio-pci.ids: 10de:*");
	/* A class without a mask asks for nothing; a mask does. */
	assert_claims("vfio-pci.ids=10de:1c30:10de:11b3:030000",
		      "vfio-pci.ids: 10de:1c30:10de:11b3");
	assert_claims("vfio-pci.ids=10de:ffffffff:ffffffff:ffffffff:030000:ffff00",
		      "vfio-pci.ids: 10de:* class=0300");
	assert_claims("vfio-pci.ids=10de:ffffffff:ffffffff:ffffffff:000200:00ff00",
		      "vfio-pci.ids: 10de:* class=000200/00ff00");
	assert_claims("vfio-pci.ids=ffffffff:ffffffff:ffffffff:ffffffff:030000:ffff00",
		      "vfio-pci.ids: *:* class=0300");
	assert_claims("vfio-pci.ids=,,10de:1c30,", "vfio-pci.ids: 10de:1c30");
	assert_claims("vfio-pci.ids=", "vfio-pci.ids:");
	assert_claims("vfio-pci.ids=wrong,10de:1c30", "vfio-pci.ids: 10de:1c30");
	assert_claims("rd.vfio-claim=class=03 vfio-pci.ids=1:2",
		      "rd.vfio-claim-1: class=03; vfio-pci.ids: 0001:0002");
	assert_claims("vfio-pci.ids=1:2 rd.vfio-claim=class=03 rd.vfio-claim=class=12",
		      "vfio-pci.ids: 0001:0002; rd.vfio-claim-1: class=03; "
		      "rd.vfio-claim-2: class=12");
}

static void test_wrong_ids(void **state)
{
	static const char *const lines[] = {
		"vfio-pci.ids=10de",
		"vfio-pci.ids=10de:",
		"vfio-pci.ids=:1c30",
		"vfio-pci.ids=10de:*",
		"vfio-pci.ids=110de:1c30",
		"vfio-pci.ids=10de:123456789",
		"vfio-pci.ids=10de:0x",
		"vfio-pci.ids=ffffffff:ffffffff",
		"vfio-pci.ids=ffffffff:ffffffff:ffffffff:ffffffff:030000",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(lines); i++) {
		assert_problem(lines[i], "is not VVVV:DDDD");
		assert_claims(lines[i], "vfio-pci.ids:");
	}
	/* sscanf() stops at an empty field, and so does the kernel. */
	assert_problem("vfio-pci.ids=10de::1c30", "is not VVVV:DDDD");
	assert_claims("vfio-pci.ids=10de:1c30:", "vfio-pci.ids: 10de:1c30");
	assert_claims("vfio-pci.ids=10de:1c30::11b3", "vfio-pci.ids: 10de:1c30");
	/* It forgets what is behind; vfio-pci takes such a device, so the plan must too. */
	assert_claims("vfio-pci.ids=10de:1c3g", "vfio-pci.ids: 10de:01c3");
	assert_problem("vfio-pci.ids=10de:1c3g", "does not read the end of '10de:1c3g'");
	assert_claims("vfio-pci.ids=1:2:3:4:5:6:7",
		      "vfio-pci.ids: 0001:0002:0003:0004 class=000005/000006");
	assert_problem("vfio-pci.ids=1:2:3:4:5:6:7", "does not read the end");
	assert_claims("vfio-pci.ids=0000:01:00.0", "vfio-pci.ids: 0000:0001:0000:*");
	assert_problem("vfio-pci.ids=0000:01:00.0", "does not read the end");
}

static void test_last_ids_win(void **state)
{
	static const char line[] = "vfio-pci.ids=10de:1c30,10de:10f1 ro vfio_pci.ids=1002:0001 "
				   "vfio-pci.ids=8086:0002";
	struct cmdline cmdline = parse(line);

	(void)state;
	assert_claims(line, "vfio-pci.ids: 8086:0002");
	assert_int_equal(cmdline.problem_count, 2);
	assert_contains(cmdline.problems[0], "more than once: the last counts");
	assert_int_equal(cmdline.claims.items[0].functions, FUNCTIONS_MATCHED);
	assert_int_equal(cmdline.claims.items[0].origin, ORIGIN_IDS_ARGUMENT);
	assert_string_equal(cmdline.claims.items[0].driver, "vfio-pci");
	cmdline_free(&cmdline);
}

/* More than the 1023 bytes that vfio-pci.ids= can hold on the module's side. */
static void test_many_ids(void **state)
{
	struct text text = { 0 };
	struct cmdline cmdline;
	char *string;

	(void)state;
	text_add(&text, "vfio-pci.ids=10de:0000");
	for (int i = 1; i < 300; i++)
		text_add(&text, ",10de:%04x", i);
	assert_int_equal(text_take(&text, &string), 0);
	cmdline = parse(string);
	assert_int_equal(cmdline.claims.items[0].match_count, 300);
	assert_int_equal(cmdline.claims.items[0].matches[299].ids.device, 299);
	cmdline_free(&cmdline);
	free(string);
}

static void assert_modules(const struct module_list *list, const char *wanted)
{
	char found[256] = "";

	for (size_t i = 0; i < list->count; i++) {
		(void)strcat(found, i ? "," : "");
		(void)strcat(found, list->items[i]);
	}
	assert_string_equal(found, wanted);
}

static void test_modules(void **state)
{
	struct cmdline cmdline =
		parse("rd.driver.pre=vfio-pci,vfio_iommu_type1 rd.driver.blacklist=nouveau "
		      "rd.driver.pre=a rd.driver.post=late,,later, rd.driver.blacklist=\"b,c\" "
		      "-- rd.driver.pre=no");

	(void)state;
	assert_modules(&cmdline.pre, "vfio-pci,vfio_iommu_type1,a");
	assert_modules(&cmdline.blacklist, "nouveau,b,c");
	assert_modules(&cmdline.post, "late,later");
	assert_int_equal(cmdline.problem_count, 0);
	/* A module without IDs claims nothing by itself. */
	assert_int_equal(cmdline.claims.count, 0);
	cmdline_free(&cmdline);
}

static void test_wrong_modules(void **state)
{
	struct cmdline cmdline = parse("rd.driver.pre=a,../b,c rd.driver.blacklist=\"d e\n\"");

	(void)state;
	assert_modules(&cmdline.pre, "a,c");
	assert_modules(&cmdline.blacklist, "");
	assert_int_equal(cmdline.problem_count, 2);
	assert_contains(cmdline.problems[0], "rd.driver.pre: '../b'");
	assert_contains(cmdline.problems[1], "rd.driver.blacklist: 'd e");
	cmdline_free(&cmdline);
}

static void test_one_wrong_word_spoils_no_other(void **state)
{
	struct cmdline cmdline = parse("rd.vfio-claim=x vfio-pci.ids=y,10de:1c30 "
				       "rd.driver.pre=/ rd.vfio-claim=class=03");

	(void)state;
	assert_int_equal(cmdline.problem_count, 3);
	assert_int_equal(cmdline.claims.count, 2);
	cmdline_free(&cmdline);
}

static void test_quotes(void **state)
{
	(void)state;
	/* The blank does not end a quoted argument, wherever the quotes are. */
	assert_claims("x=\" rd.vfio-claim=10de:1c30 \"", "");
	assert_claims("x=\"a b\"rd.vfio-claim=10de:1c30", "");
	assert_claims("rd.vfio-claim=\"10de:1c30\"", "rd.vfio-claim-1: 10de:1c30");
	assert_claims("x=\"a\" rd.vfio-claim=10de:1c30", "rd.vfio-claim-1: 10de:1c30");
	assert_claims("x=\"--\" \"y -- z\" rd.vfio-claim=10de:1c30",
		      "rd.vfio-claim-1: 10de:1c30");
	assert_claims("x-- rd.vfio-claim=10de:1c30", "rd.vfio-claim-1: 10de:1c30");
	assert_claims("--x rd.vfio-claim=10de:1c30", "rd.vfio-claim-1: 10de:1c30");
}

/* What says that the boot goes over the network, and what only looks like it. */
static void test_network(void **state)
{
	static const char *const network[] = {
		"ro ip=dhcp",
		"ip=192.168.0.2::192.168.0.1:255.255.255.0:host:eth0:none",
		"BOOTIF=01-52-54-00-12-34-56",
		"root=/dev/nfs",
		"root=nfs:10.0.2.2:/x",
		"root=nfs4:10.0.2.2:/x",
		"nfsroot=10.0.2.2:/x",
		"boot=nfs",
		"rd.neednet=1",
		"netroot=iscsi:@10.0.2.2::3260::iqn",
		"rd.iscsi.firmware=1",
		"iscsi_initiator=iqn.x",
		"fcoe=eth0:nodcb",
		"rd.nvmf.discover=tcp,x",
		"root=dhcp",
		"root=live:http://x/y",
		"BOOT=nfs",
		"IP=dhcp",
		"\"ip=dhcp\"",
		"rd.neednet",
		"rd.neednet=",
		"rd.neednet=yes",
		"rd.neednet=on",
		"fetch=http://10.0.2.2/x.squashfs",
		"httpfs=http://10.0.2.2/x.iso",
		"ftpfs=ftp://10.0.2.2/x.iso",
		"netboot=cifs",
		"iscsi=10.0.2.2,3260;iqn.x",
		"root=/dev/cifs",
		"root=http://10.0.2.2/x.iso",
		"root=https://10.0.2.2/x.iso",
		"root=ftp://10.0.2.2/x.iso",
		"root=squash:http://10.0.2.2/x",
		"root=tar:https://10.0.2.2/x",
		"root=live:ftp://10.0.2.2/x",
		"root=live:tftp://10.0.2.2/x",
		"live.updates=http://10.0.2.2/x",
		"rd.systemd.pull=raw,machine,blockdev:rootdisk:https://10.0.2.2/x",
	};
	static const char *const local[] = {
		"",
		"ro root=/dev/sda1",
		"ip=",
		"ip=off",
		"ip=none",
		"BOOTIF=",
		"skip=dhcp",
		"rd.neednet=0",
		"root=UUID=1",
		"boot=local",
		"BOOT=local",
		"ipv6.disable=1",
		"NFSROOT=auto",
		"root=LABEL=nfs",
		"rd.neednet=no",
		"rd.neednet=off",
		"rd.neednetwork",
		"fetch=",
		"netboot=",
		"root=live:/dev/sr0",
		"root=live:CDLABEL=http",
		"root=squash:/x",
	};
	struct cmdline cmdline;

	(void)state;
	for (size_t i = 0; i < LENGTH(network); i++)
		if (cmdline_network(network[i]) == NULL)
			fail_msg("'%s' is a boot over the network", network[i]);
	for (size_t i = 0; i < LENGTH(local); i++)
		if (cmdline_network(local[i]) != NULL)
			fail_msg("'%s' is no boot over the network", local[i]);
	assert_int_equal(cmdline_parse("ro ip=dhcp", &cmdline), 0);
	assert_string_equal(cmdline.network_by, "ip=");
	cmdline_free(&cmdline);
}

static void test_mounts(void **state)
{
	const char *line =
		"ro systemd.mount-extra=/dev/sda1:/srv:ext4 systemd.mount-extra= "
		"\"systemd.swap_extra=/dev/sda2:x y\" systemd.mount-extras=/dev/sdb quiet";
	struct mount_entry entry;

	(void)state;
	assert_true(cmdline_next_mount(&line, &entry));
	assert_string_equal(entry.source, "/dev/sda1");
	assert_string_equal(entry.target, "/srv");
	assert_true(cmdline_next_mount(&line, &entry));
	assert_string_equal(entry.source, "/dev/sda2");
	assert_string_equal(entry.target, "swap");
	assert_false(cmdline_next_mount(&line, &entry));
}

static void test_a_very_long_argument(void **state)
{
	char *line = malloc(20000);

	(void)state;
	assert_non_null(line);
	memset(line, 'x', 19999);
	line[19999] = '\0';
	memcpy(line + 10000, " rd.vfio-claim=10de:1c30 ", 25);
	assert_claims(line, "rd.vfio-claim-1: 10de:1c30");
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_of_ours),
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_debug),
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_claim_of_a_selector),
		cmocka_unit_test(test_claim_of_ids),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_wrong_ids),
		cmocka_unit_test(test_last_ids_win),
		cmocka_unit_test(test_many_ids),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_wrong_modules),
		cmocka_unit_test(test_one_wrong_word_spoils_no_other),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_a_very_long_argument),
	};

	return cmocka_run_group_tests_name("cmdline", tests, NULL, NULL);
}
