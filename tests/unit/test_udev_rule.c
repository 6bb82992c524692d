// SPDX-License-Identifier: GPL-2.0-or-later
/* The rule for devices that appear later. */
#include <fnmatch.h>

#include "guards.h"
#include "machine.h"
#include "udev_rule.h"
#include "version.h"

/* Not inlined: gcc 12 then takes the result for a pointer into this function. */
static __attribute__((noinline)) char *render(const struct test_claim *from, size_t count)
{
	struct claims claims = claims_of(from, count);
	char *rule = NULL;

	assert_int_equal(udev_rule_render(&claims, NULL, &rule), 0);
	claims_free(&claims);
	return rule;
}

/* The part of the rule that belongs to its first claim, or "" when there is none. */
static char *render_claim(const struct test_claim *from)
{
	char *rule = render(from, 1);
	char *begin = strstr(rule, "# claim ");
	char *end = begin ? strstr(begin, "\nLABEL=\"vfio_claim_0_take\"") : NULL;

	assert_non_null(end);
	end[1] = '\0';
	begin = strchr(begin, '\n') + 1;
	char *part = strdup(begin);
	assert_non_null(part);
	free(rule);
	return part;
}

static void test_full_rule(void **state)
{
	static const struct test_claim claims[] = {
		{ .name = "gpu", .match = { "10de:1c30" } },
		{ .name = "vf",
		  .match = { "15b3:101e" },
		  .functions = FUNCTIONS_MATCHED,
		  .driver = "mlx5_vfio_pci" },
	};
	char *rule = render(claims, LENGTH(claims));

	(void)state;
	assert_string_equal(
		rule,
		"# Made at boot by vfio-claim-boot from the claims in force; do not edit.\n"
		"SUBSYSTEM!=\"pci\", GOTO=\"vfio_claim_end\"\n"
		"ACTION!=\"add\", GOTO=\"vfio_claim_end\"\n"
		"\n"
		"# Virtual functions wait for the rules below.\n"
		"ATTR{vendor}==\"0x10de\", ATTR{sriov_vf_device}==\"1c30\", "
		"ATTR{sriov_drivers_autoprobe}=\"0\"\n"
		"ATTR{vendor}==\"0x15b3\", ATTR{sriov_vf_device}==\"101e\", "
		"ATTR{sriov_drivers_autoprobe}=\"0\"\n"
		"\n"
		"# Only what appears now: not the replay of `udevadm trigger`, which would "
		"take\n"
		"# back a device that was released on purpose.\n"
		"ENV{SYNTH_UUID}==\"?*\", GOTO=\"vfio_claim_held\"\n"
		"\n"
		"# Bridges never, but for what is one by its class only (NVSwitches).\n"
		"ATTR{class}==\"0x06*\", ATTR{class}!=\"0x0680*\", "
		"GOTO=\"vfio_claim_held\"\n"
		"ATTR{class}==\"0x0680*\", TEST==\"secondary_bus_number\", "
		"GOTO=\"vfio_claim_held\"\n"
		"# Storage and network only as virtual functions.\n"
		"TEST!=\"physfn\", TEST!=\"sriov_vf_msix_count\", "
		"ATTR{class}==\"0x01*|0x02*|0x0502*|0x0805*|0x0c00*|0x0c04*|0x0c06*|0x0d*\", "
		"GOTO=\"vfio_claim_held\"\n"
		"TEST!=\"physfn\", TEST!=\"sriov_vf_msix_count\", ATTR{vendor}==\"0x1af4\", "
		"ATTR{device}==\"0x1000|0x1001|0x1004|0x1009|0x1041|0x1042|0x1048|0x1049|"
		"0x105a|"
		"0x105b\", GOTO=\"vfio_claim_held\"\n"
		"\n"
		"# claim gpu\n"
		"ATTR{vendor}==\"0x10de\", ATTR{device}==\"0x1c30\", "
		"GOTO=\"vfio_claim_0_take\"\n"
		"ATTR{vendor}==\"0x10de\", TEST!=\"physfn\", TEST!=\"sriov_vf_msix_count\", "
		"PROGRAM==\"" BOOT_HELPER " --device $kernel --claim "
		"gpu\", "
		"GOTO=\"vfio_claim_0_take\"\n"
		"GOTO=\"vfio_claim_0_end\"\n"
		"LABEL=\"vfio_claim_0_take\"\n"
		"ENV{VFIO_CLAIM}=\"taken\"\n"
		"ATTR{driver_override}=\"vfio-pci\"\n"
		"DRIVER==\"?*\", DRIVER!=\"vfio-pci\", ATTR{driver/unbind}=\"$kernel\"\n"
		"ATTR{[subsystem/pci]drivers_probe}=\"$kernel\"\n"
		"RUN{builtin}:=\"kmod load vfio_pci\"\n"
		"GOTO=\"vfio_claim_end\"\n"
		"LABEL=\"vfio_claim_0_end\"\n"
		"\n"
		"# claim vf\n"
		"ATTR{vendor}==\"0x15b3\", ATTR{device}==\"0x101e\", "
		"GOTO=\"vfio_claim_1_take\"\n"
		"GOTO=\"vfio_claim_1_end\"\n"
		"LABEL=\"vfio_claim_1_take\"\n"
		"ENV{VFIO_CLAIM}=\"taken\"\n"
		"ATTR{driver_override}=\"mlx5_vfio_pci\"\n"
		"DRIVER==\"?*\", DRIVER!=\"mlx5_vfio_pci\", ATTR{driver/unbind}=\"$kernel\"\n"
		"ATTR{[subsystem/pci]drivers_probe}=\"$kernel\"\n"
		"RUN{builtin}:=\"kmod load mlx5_vfio_pci\"\n"
		"GOTO=\"vfio_claim_end\"\n"
		"LABEL=\"vfio_claim_1_end\"\n"
		"\n"
		"LABEL=\"vfio_claim_held\"\n"
		"# No native module is loaded on behalf of a device that is VFIO's.\n"
		"ATTR{driver_override}==\"vfio-pci|*_vfio_pci|*-vfio-pci|mlx5_vfio_pci\", "
		"RUN{builtin}:=\"path_id\"\n"
		"\n"
		"LABEL=\"vfio_claim_end\"\n");
	free(rule);
}

/* The patterns of the last ATTR{name} in `line`, with an end mark instead of its quote. */
static char *patterns_of(char *line, const char *name)
{
	char *begin = strstr(line, name);

	assert_non_null(begin);
	begin += strlen(name);
	begin[strcspn(begin, "\"")] = '\0';
	return begin;
}

/* udev's own rule for "a|b*". */
static bool fits(const char *patterns, const char *value)
{
	char *copy = strdup(patterns);
	char *rest = NULL;
	bool found = false;

	assert_non_null(copy);
	for (char *pattern = strtok_r(copy, "|", &rest); pattern != NULL && !found;
	     pattern = strtok_r(NULL, "|", &rest))
		found = fnmatch(pattern, value, 0) == 0;
	free(copy);
	return found;
}

/* What waits at boot, or stays with the host, is not taken by the rule either. */
static void test_guarded(void **state)
{
	char *rule = render(NULL, 0);
	char *line = strstr(rule, "# Storage and network");
	char *virtio_line = line ? strstr(line, "ATTR{vendor}==\"0x1af4\"") : NULL;

	(void)state;
	assert_non_null(virtio_line);
	const char *ids = patterns_of(virtio_line, "ATTR{device}==\"");
	const char *classes = patterns_of(line, "ATTR{class}==\"");

	for (uint32_t number = 0; number <= 0xffff; number++) {
		struct device device = { .ids = { .vendor = 0x8086 } };
		struct device virtio = { .ids = { .vendor = 0x1af4, .device = number } };
		char class_code[16];
		char id[16];

		device.class_code = number << 8;
		(void)snprintf(class_code, sizeof(class_code), "0x%04x00", number);
		(void)snprintf(id, sizeof(id), "0x%04x", number);
		enum guard_kind kind = guard_kind_of(&device);
		if (fits(classes, class_code) !=
		    (kind == GUARD_STORAGE || kind == GUARD_NETWORK))
			fail_msg("the rule and guard_kind_of() differ in class %s", class_code);
		if (fits(ids, id) != (guard_kind_of(&virtio) != GUARD_NONE))
			fail_msg("the rule and guard_kind_of() differ in 1af4:%04x", number);
	}
	free(rule);
}

/* Behind a selector that has no bridge in mind. */
#define NO_BRIDGE "ATTR{class}!=\"0x0680*\", "

static void test_selectors(void **state)
{
	static const struct {
		const char *match;
		const char *rule;
	} rows[] = {
		{ "10de:*:*:11b3",
		  "ATTR{vendor}==\"0x10de\", ATTR{subsystem_device}==\"0x11b3\", " NO_BRIDGE },
		{ "10de:1c30:10de:11b3",
		  "ATTR{vendor}==\"0x10de\", ATTR{device}==\"0x1c30\", "
		  "ATTR{subsystem_vendor}==\"0x10de\", ATTR{subsystem_device}==\"0x11b3\", " },
		{ "83:00.0", "KERNEL==\"0000:83:00.0\", " },
		{ "10000:e1:00.*", "KERNEL==\"10000:e1:00.*\", " NO_BRIDGE },
		{ "10de:22a3", "ATTR{vendor}==\"0x10de\", ATTR{device}==\"0x22a3\", " },
		{ "class=06", "ATTR{class}==\"0x06*\", " NO_BRIDGE },
		{ "10de:* class=0680", "ATTR{vendor}==\"0x10de\", ATTR{class}==\"0x0680*\", " },
		{ "83:00.0 10de:1c30", "KERNEL==\"0000:83:00.0\", ATTR{vendor}==\"0x10de\", "
				       "ATTR{device}==\"0x1c30\", " },
		{ "class=03", "ATTR{class}==\"0x03*\", " },
		{ "class=0302", "ATTR{class}==\"0x0302*\", " },
		{ "class=030200", "ATTR{class}==\"0x030200*\", " },
		{ "path=00:03.0/00.0", "DEVPATH==\"*/0000:00:03.0/0000:??:00.0\", " },
		{ "path=10000:e0:06.0/00.0/01.1",
		  "DEVPATH==\"*/10000:e0:06.0/10000:??:00.0/10000:??:01.1\", " },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const struct test_claim claim = { .name = "a",
						  .match = { rows[i].match },
						  .functions = FUNCTIONS_MATCHED };
		char *part = render_claim(&claim);
		char wanted[512];

		(void)snprintf(wanted, sizeof(wanted),
			       "%sGOTO=\"vfio_claim_0_take\"\nGOTO=\"vfio_claim_0_end\"\n",
			       rows[i].rule);
		assert_string_equal(part, wanted);
		free(part);
	}
}

/* An exception is asked before the matches. */
static void test_except(void **state)
{
	static const struct test_claim claim = { .name = "a",
						 .match = { "10de:*" },
						 .except = { "83:00.*" },
						 .functions = FUNCTIONS_MATCHED };
	char *part = render_claim(&claim);

	(void)state;
	assert_string_equal(part, "KERNEL==\"0000:83:00.*\", GOTO=\"vfio_claim_0_end\"\n"
				  "ATTR{vendor}==\"0x10de\", " NO_BRIDGE
				  "GOTO=\"vfio_claim_0_take\"\n"
				  "GOTO=\"vfio_claim_0_end\"\n");
	free(part);
}

/* What a rule cannot say is asked of the helper, and nothing is taken without its answer. */
static void test_beyond_rules(void **state)
{
	static const struct test_claim claims[] = {
		{ .name = "a", .match = { "10de:1c30 nth=2" }, .functions = FUNCTIONS_MATCHED },
		{ .name = "a",
		  .match = { "10de:*" },
		  .except = { "10de:1c30 nth=2" },
		  .functions = FUNCTIONS_MATCHED },
		{ .name = "a",
		  .match = { "10de:* class=000300/00ff00" },
		  .functions = FUNCTIONS_MATCHED },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(claims); i++) {
		char *part = render_claim(&claims[i]);

		assert_string_equal(part, "ATTR{vendor}==\"0x10de\", "
					  "PROGRAM==\"" BOOT_HELPER " --device $kernel "
					  "--claim a\", GOTO=\"vfio_claim_0_take\"\n"
					  "GOTO=\"vfio_claim_0_end\"\n");
		free(part);
	}
}

/* Autoprobe is switched off only where each virtual function of that ID is ours. */
static void test_autoprobe(void **state)
{
	static const struct {
		struct test_claim claim;
		bool off;
	} rows[] = {
		{ { .name = "a", .match = { "15b3:101e" } }, true },
		{ { .name = "a", .match = { "15b3:*" } }, false },
		{ { .name = "a", .match = { "*:101e" } }, false },
		{ { .name = "a", .match = { "15b3:101e:15b3:*" } }, false },
		{ { .name = "a", .match = { "15b3:101e nth=1" } }, false },
		{ { .name = "a", .match = { "15b3:101e 05:00.2" } }, false },
		{ { .name = "a", .match = { "15b3:101e" }, .except = { "05:00.2" } }, false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char *rule = render(&rows[i].claim, 1);

		assert_int_equal(strstr(rule, "sriov_drivers_autoprobe") != NULL, rows[i].off);
		free(rule);
	}
}

/* The helper is asked about the neighbourhood of each match, once. */
static void test_companions(void **state)
{
	static const struct {
		const char *match;
		const char *where;
	} rows[] = {
		{ "83:00.0", "KERNEL==\"0000:83:00.*\", TEST" },
		{ "10000:e1:00.0 10de:1c30", "KERNEL==\"10000:e1:00.*\", TEST" },
		{ "10de:1c30", "ATTR{vendor}==\"0x10de\", TEST" },
		{ "class=03", "\nTEST" },
	};
	static const struct test_claim same = {
		.name = "a", .match = { "10de:1c30", "10de:1c31", "1002:0001" }
	};
	size_t asked = 0;

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const struct test_claim claim = { .name = "a", .match = { rows[i].match } };
		char *part = render_claim(&claim);

		assert_contains(part, rows[i].where);
		assert_contains(part, "!=\"sriov_vf_msix_count\", PROGRAM==");
		free(part);
	}
	char *part = render_claim(&same);
	for (const char *c = part; (c = strstr(c, "PROGRAM==")) != NULL; c++)
		asked++;
	assert_int_equal(asked, 2);
	free(part);
}

/* A replayed event takes only what the helper cannot have seen. */
static void test_replay(void **state)
{
	static const struct test_device devices[] = {
		{ .address = "00:02.0", .ids = "8086:1234", .class_code = 0x030000 },
		{ .address = "01:00.0", .ids = "10de:1c30", .class_code = 0x030000 },
		{ .address = "01:00.1", .ids = "10de:10f1", .class_code = 0x040300 },
		{ .address = "02:00.0", .ids = "1002:0001", .class_code = 0x030000 },
		{ .address = "02:00.1", .ids = "1002:0002", .class_code = 0x040300 },
		{ .address = "03:00.0", .ids = "1002:0001", .class_code = 0x030000 },
	};
	static const struct {
		const char *match[2];
		const char *known;
	} rows[] = {
		{ { "10de:1c30" }, "\nKERNEL==\"0000:01:00.0|0000:01:00.1\", " },
		{ { "02:00.0", "10de:1c31" },
		  "\nKERNEL==\"0000:01:00.0|0000:01:00.1|0000:02:00.0|0000:02:00.1\", " },
		{ { "class=03" },
		  "\nKERNEL==\"0000:00:02.0|0000:01:00.0|0000:01:00.1|"
		  "0000:02:00.0|0000:02:00.1|0000:03:00.0\", " },
		{ { "04:00.0" }, "none of them" },
	};
	struct snapshot known = machine(devices, LENGTH(devices));

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const struct test_claim from = {
			.name = "a", .match = { rows[i].match[0], rows[i].match[1] }
		};
		struct claims claims = claims_of(&from, 1);
		char *rule = NULL;

		assert_int_equal(udev_rule_render(&claims, &known, &rule), 0);
		assert_contains(rule, "ENV{SYNTH_UUID}!=\"?*\", GOTO=\"vfio_claim_new\"\n"
				      "DRIVER==\"?*\", GOTO=\"vfio_claim_held\"\n");
		if (rows[i].known[0] == '\n')
			assert_contains(rule, rows[i].known);
		else
			assert_null(strstr(rule, "\nKERNEL==\"0000:01"));
		free(rule);
		claims_free(&claims);
	}
	free(known.devices);
}

/* A USB controller that appears in an initramfs is the helper's to judge, before any claim. */
static void test_usb(void **state)
{
	static const struct test_claim from = { .name = "a", .match = { "class=0c03" } };
	static const struct device device = { .class_code = 0x0c0330 };
	struct snapshot known = { (struct device *)(uintptr_t)&device, 1 };
	struct claims claims = claims_of(&from, 1);
	char *rule = NULL;

	(void)state;
	assert_int_equal(udev_rule_render(&claims, &known, &rule), 0);
	const char *question = strstr(
		rule, "LABEL=\"vfio_claim_new\"\n"
		      "ATTR{class}!=\"0x0c03*\", GOTO=\"vfio_claim_asked\"\n"
		      "TEST!=\"/etc/initrd-release\", TEST!=\"/conf/initramfs.conf\", "
		      "GOTO=\"vfio_claim_asked\"\n"
		      "PROGRAM==\"" BOOT_HELPER " --device $kernel\", "
		      "GOTO=\"vfio_claim_asked\"\n"
		      "GOTO=\"vfio_claim_held\"\n"
		      "LABEL=\"vfio_claim_asked\"\n");
	assert_non_null(question);
	assert_contains(question, "# claim a\n");
	free(rule);
	claims_free(&claims);
}

/* udev reads lines of up to 16383 bytes. */
static void test_long_lines(void **state)
{
	const struct test_claim from = { .name = "a", .match = { "class=03" } };
	struct snapshot known = { calloc(2000, sizeof(struct device)), 2000 };
	struct claims claims = claims_of(&from, 1);
	char *rule = NULL;
	size_t lines = 0;

	(void)state;
	assert_non_null(known.devices);
	for (size_t i = 0; i < known.count; i++)
		known.devices[i].address = (struct pci_address){ 0x10000, 0, 0, 0 };
	assert_int_equal(udev_rule_render(&claims, &known, &rule), 0);
	for (char *line = strtok(rule, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		assert_true(strlen(line) < 16383);
		lines += strncmp(line, "KERNEL==\"10000:00:00.0|", 23) == 0;
	}
	assert_int_equal(lines, 4);
	free(rule);
	claims_free(&claims);
	free(known.devices);
}

/* The installed rule has conditions of its own, behind those that most events end at. */
static void test_installed(void **state)
{
	static const struct test_claim from = { .name = "a", .match = { "10de:1c30" } };
	static const char begin[] =
		"SUBSYSTEM!=\"pci\", GOTO=\"vfio_claim_end\"\n"
		"ACTION!=\"add\", GOTO=\"vfio_claim_end\"\n"
		"TEST==\"/" RUN_UDEV_RULE_PATH "\", GOTO=\"vfio_claim_end\"\n";
	struct claims claims = claims_of(&from, 1);
	char *boot = render(&from, 1);
	char *rule = NULL;

	(void)state;
	assert_int_equal(udev_rule_render_installed(&claims, &rule), 0);
	assert_contains(rule, begin);
	assert_contains(rule, "TEST==\"/" RUN_RECORD_PATH "\", GOTO=\"vfio_claim_end\"\n");
	assert_contains(rule, "ENV{rd.vfio-claim}==\"0|no|off\", GOTO=\"vfio_claim_end\"\n");
	/* From there on the two are the same. */
	const char *rest = strstr(rule, "\n# Virtual functions wait");
	assert_non_null(rest);
	assert_string_equal(rest, strstr(boot, "\n# Virtual functions wait"));
	free(boot);
	free(rule);
	claims_free(&claims);
}

static void test_no_claims(void **state)
{
	char *rule = render(NULL, 0);

	(void)state;
	assert_null(strstr(rule, "driver_override}=\""));
	assert_contains(rule, "LABEL=\"vfio_claim_end\"\n");
	free(rule);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_rule),  cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_except),     cmocka_unit_test(test_beyond_rules),
		cmocka_unit_test(test_autoprobe),  cmocka_unit_test(test_companions),
		cmocka_unit_test(test_no_claims),  cmocka_unit_test(test_replay),
		cmocka_unit_test(test_long_lines), cmocka_unit_test(test_guarded),
		cmocka_unit_test(test_installed),  cmocka_unit_test(test_usb),
	};

	return cmocka_run_group_tests_name("udev_rule", tests, NULL, NULL);
}
