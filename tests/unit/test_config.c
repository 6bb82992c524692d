// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration's parser: every key, every diagnostic with its line, files over files. */
#include "config.h"
#include "unit.h"

struct parsed {
	struct config config;
	struct diagnostics diagnostics;
};

static struct parsed *parsed_new(void **state)
{
	struct parsed *parsed = calloc(1, sizeof(*parsed));

	assert_non_null(parsed);
	*state = parsed;
	return parsed;
}

static int set_up(void **state)
{
	(void)parsed_new(state);
	return 0;
}

static int tear_down(void **state)
{
	struct parsed *parsed = *state;

	config_free(&parsed->config);
	diagnostics_free(&parsed->diagnostics);
	free(parsed);
	return 0;
}

static void parse_bytes(struct parsed *parsed, const char *file, const char *text, size_t length)
{
	/* A copy of the exact size: a byte read behind it is then found. */
	char *copy = malloc(length > 0 ? length : 1);

	assert_non_null(copy);
	memcpy(copy, text, length);
	assert_int_equal(config_parse(&parsed->config, file, copy, length, &parsed->diagnostics),
			 0);
	free(copy);
}

static void parse(struct parsed *parsed, const char *text)
{
	parse_bytes(parsed, "conf", text, strlen(text));
}

static void assert_valid(const struct parsed *parsed)
{
	if (parsed->diagnostics.count > 0)
		fail_msg("line %u: %s", parsed->diagnostics.items[0].line,
			 parsed->diagnostics.items[0].message);
}

static void assert_error(const struct parsed *parsed, size_t index, unsigned line,
			 const char *part)
{
	if (index >= parsed->diagnostics.count)
		fail_msg("no error %zu: '%s'", index, part);
	assert_contains(parsed->diagnostics.items[index].message, part);
	assert_int_equal(parsed->diagnostics.items[index].line, line);
}

static void test_every_key(void **state)
{
	struct parsed *parsed = *state;
	const struct host *host = &parsed->config.host;

	parse(parsed, "# a comment\n"
		      "[host]\n"
		      "iommu = on\n"
		      "cpu=amd\n"
		      "  blacklist =  nouveau,snd_hda_intel nvidia-drm\t\n"
		      "unsafe_interrupts = yes\n"
		      "ignore_msrs = yes ; a remark\n"
		      "framebuffer = off\n"
		      "extra_args = hugepagesz=1G hugepages=64\n"
		      "\n"
		      "[claim p2000]\n"
		      "match = 10de:1c30   # the card\n"
		      "match = 0000:83:00.0 10de:1bb0\n"
		      "except = 10de:1c30 nth=2\n"
		      "functions = matched\n"
		      "driver = mlx5_vfio_pci\n"
		      "when = early\n"
		      "expect = 2\n");
	assert_valid(parsed);
	assert_int_equal(host->iommu, IOMMU_ON);
	assert_int_equal(host->cpu, CPU_AMD);
	assert_int_equal(host->blacklist, BLACKLIST_LIST);
	assert_int_equal(host->module_count, 3);
	assert_string_equal(host->modules[0], "nouveau");
	assert_string_equal(host->modules[1], "snd_hda_intel");
	assert_string_equal(host->modules[2], "nvidia-drm");
	assert_true(host->unsafe_interrupts);
	assert_true(host->ignore_msrs);
	assert_int_equal(host->framebuffer, FRAMEBUFFER_OFF);
	assert_string_equal(host->extra_args, "hugepagesz=1G hugepages=64");

	assert_int_equal(parsed->config.claims.count, 1);
	const struct claim *claim = &parsed->config.claims.items[0];
	assert_string_equal(claim->name, "p2000");
	assert_int_equal(claim->match_count, 2);
	assert_int_equal(claim->except_count, 1);
	assert_int_equal(claim->matches[1].words, SELECT_ADDRESS | SELECT_IDS);
	assert_int_equal(claim->excepts[0].nth, 2);
	assert_int_equal(claim->functions, FUNCTIONS_MATCHED);
	assert_string_equal(claim->driver, "mlx5_vfio_pci");
	assert_int_equal(claim->when, WHEN_EARLY);
	assert_int_equal(claim->expect, 2);
	assert_int_equal(claim->origin, ORIGIN_CONFIG);
}

static void test_keys_of_clouds(void **state)
{
	struct parsed *parsed = *state;

	parse(parsed, "[claim gpu]\n"
		      "match = 10de:20f1\n"
		      "alias = a100.40_GB-x\n"
		      "device_type = type-PF\n"
		      "numa_policy = socket\n"
		      "resource_class = CUSTOM_A100\n"
		      "traits = CUSTOM_RACK_7, HW_GPU_API_VULKAN\n"
		      "managed = yes\n"
		      "live_migratable = no\n"
		      "one_time_use = yes\n");
	assert_valid(parsed);
	const struct claim_cloud *cloud = &parsed->config.claims.items[0].cloud;
	assert_string_equal(cloud->alias, "a100.40_GB-x");
	assert_int_equal(cloud->device_type, CLOUD_TYPE_PF);
	assert_true(cloud->has_numa);
	assert_int_equal(cloud->numa, CLOUD_NUMA_SOCKET);
	assert_string_equal(cloud->resource_class, "CUSTOM_A100");
	assert_int_equal(cloud->trait_count, 2);
	assert_string_equal(cloud->traits[0], "CUSTOM_RACK_7");
	assert_string_equal(cloud->traits[1], "HW_GPU_API_VULKAN");
	assert_int_equal(cloud->managed, CLOUD_YES);
	assert_int_equal(cloud->live_migratable, CLOUD_NO);
	assert_int_equal(cloud->one_time_use, CLOUD_YES);

	/* A later file's claim begins anew. */
	parse(parsed, "[claim gpu]\nmatch = 10de:20f1\n");
	cloud = &parsed->config.claims.items[0].cloud;
	assert_string_equal(cloud->alias, "");
	assert_int_equal(cloud->device_type, CLOUD_TYPE_AUTO);
	assert_false(cloud->has_numa);
	assert_string_equal(cloud->resource_class, "");
	assert_int_equal(cloud->trait_count, 0);
	assert_int_equal(cloud->managed, CLOUD_NOT_SAID);
	assert_int_equal(cloud->live_migratable, CLOUD_NOT_SAID);
	assert_int_equal(cloud->one_time_use, CLOUD_NOT_SAID);
}

static void test_names_of_placement(void **state)
{
	char longest[PLACEMENT_NAME_SIZE + 1];

	(void)state;
	memset(longest, 'A', sizeof(longest));
	memcpy(longest, "CUSTOM_", 7);
	longest[PLACEMENT_NAME_SIZE] = '\0';
	assert_false(resource_class_valid(longest));
	assert_false(trait_valid(longest));
	longest[PLACEMENT_NAME_SIZE - 1] = '\0';
	assert_true(resource_class_valid(longest));
	assert_true(trait_valid(longest));
	assert_true(resource_class_valid("PGPU"));
	assert_true(resource_class_valid("CUSTOM_0_"));
	assert_false(resource_class_valid("VCPU"));
	assert_false(resource_class_valid("CUSTOM_"));
	assert_false(resource_class_valid("CUSTOM_a"));
	assert_false(resource_class_valid("CUSTOM_A-B"));
	assert_false(resource_class_valid("HW_GPU"));
	assert_false(resource_class_valid(""));
	assert_true(trait_valid("HW_GPU_API_VULKAN"));
	assert_false(trait_valid("HW_"));
	assert_false(trait_valid("COMPUTE_NODE"));
	assert_false(trait_valid("CUSTOM_A\"B"));
}

static void test_defaults(void **state)
{
	struct parsed *parsed = *state;
	const struct host *host = &parsed->config.host;

	parse(parsed, "[claim a]\nmatch = 10de:1c30\n");
	assert_valid(parsed);
	assert_int_equal(host->iommu, IOMMU_PT);
	assert_int_equal(host->cpu, CPU_AUTO);
	assert_int_equal(host->blacklist, BLACKLIST_AUTO);
	assert_false(host->unsafe_interrupts);
	assert_false(host->ignore_msrs);
	assert_int_equal(host->framebuffer, FRAMEBUFFER_KEEP);
	assert_string_equal(host->extra_args, "");
	const struct claim *claim = &parsed->config.claims.items[0];
	assert_int_equal(claim->functions, FUNCTIONS_ALL);
	assert_string_equal(claim->driver, "auto");
	assert_int_equal(claim->when, WHEN_AUTO);
	assert_int_equal(claim->expect, 0);
}

static void test_nothing_is_valid(void **state)
{
	static const char *const texts[] = { "", "\n", "\n\n  \n", "# x", "; x\n", "[host]",
					     "[ host ]\n", "\r\n\r\n" };
	struct parsed *parsed = *state;

	for (size_t i = 0; i < LENGTH(texts); i++)
		parse(parsed, texts[i]);
	assert_valid(parsed);
	assert_int_equal(parsed->config.claims.count, 0);
}

/* One wrong text a row: the line of its only error and a part of the message. */
static const struct {
	const char *text;
	unsigned line;
	const char *message;
} wrong[] = {
	{ "iommu = pt\n", 1, "'iommu' stands before any section" },
	{ "[host\n", 1, "'[host' is not a section" },
	{ "[host] x\n", 1, "is not a section" },
	{ "[]\n", 1, "section '' is not known" },
	{ "[hosts]\n", 1, "section 'hosts' is not known; did you mean 'host'?" },
	{ "[claims a]\n", 1, "did you mean 'claim'?" },
	{ "[completely]\n", 1, "it is one of: host, claim" },
	{ "[host a]\n", 1, "[host] takes no name" },
	{ "[claim]\n", 1, "is not a claim's name" },
	{ "[claim a b]\n", 1, "'a b' is not a claim's name" },
	{ "[claim a/b]\nmatch = 1:2\n", 1, "'a/b' is not a claim's name" },
	{ "[claim vfio-pci.ids]\n", 1, "kept for the kernel command line" },
	{ "[claim rd.vfio-claim-1]\n", 1, "kept for the kernel command line" },
	{ "[claim a]\nmatch = 10de:1c30\n[claim a]\nmatch = 10de:1c30\n", 3,
	  "stands in this file twice" },
	{ "[claim a]\n", 1, "claim a has no match line" },
	{ "\n[claim a]\nexcept = 10de:1c30\n[host]\n", 2, "claim a has no match line" },
	/* What was not understood may have been one. */
	{ "[claim a]\nmatch 10de:1c30\n", 2, "'match 10de:1c30' is neither a section nor" },
	{ "[claim a]\nmacht = 10de:1c30\n", 2, "did you mean 'match'?" },
	{ "[claim a]\nmatch =\n", 2, "key 'match' has no value" },
	{ "[host]\nx\n[claim a]\nmatch = 10de:1c30\n", 2, "is neither" },
	{ "[host]\nx\n", 2, "'x' is neither a section nor KEY = VALUE" },
	{ "[host]\nimmou = pt\n", 2, "key 'immou' is not known; did you mean 'iommu'?" },
	{ "[host]\nmatch = 10de:1c30\n", 2, "key 'match' is not known; it is one of: iommu, " },
	{ "[host]\n= pt\n", 2, "key '' is not known" },
	{ "[host]\niommu =\n", 2, "key 'iommu' has no value" },
	{ "[host]\niommu = # pt\n", 2, "key 'iommu' has no value" },
	{ "[host]\niommu = pt\n\niommu = pt\n", 4,
	  "'iommu' stands in this file's [host] twice" },
	{ "[host]\niommu = pt\n[claim a]\nmatch = 10de:1c30\n[host]\ncpu = amd\niommu = on\n",
	  7, "'iommu' stands in this file's [host] twice" },
	{ "[claim a]\nmatch = 10de:1c30\nexpect = 1\nexpect = 2\n", 4,
	  "'expect' stands in this section twice" },
	{ "[host]\niommu = ptt\n", 2, "value of iommu 'ptt' is not known; did you mean" },
	{ "[host]\niommu = PT\n", 2, "value of iommu 'PT' is not known" },
	{ "[host]\ncpu = via\n", 2, "one of: auto, any, intel, amd, arm" },
	{ "[host]\nframebuffer = no\n", 2, "one of: keep, off" },
	{ "[host]\nunsafe_interrupts = 1\n", 2, "one of: no, yes" },
	{ "[host]\nignore_msrs = true\n", 2, "one of: no, yes" },
	{ "[host]\nblacklist = auto nouveau\n", 2, "'auto' stands alone or not at all" },
	{ "[host]\nblacklist = nouveau,none\n", 2, "'none' stands alone or not at all" },
	{ "[host]\nblacklist = a nou/veau b\n", 2, "'nou/veau' is not the name of a module" },
	{ "[host]\nextra_args = a b$(c)\n", 2, "extra_args: character '$' is not allowed" },
	{ "[host]\nextra_args = a \"b c\"\n", 2, "character '\"' is not allowed" },
	{ "[host]\nextra_args = a\tb\n", 2, "character '?' is not allowed" },
	{ "[host]\nextra_args = \xc3\xa9\n", 2, "character '?' is not allowed" },
	{ "[host]\nextra_args = a -- b\n", 2, "what stands behind '--' goes to init" },
	{ "[host]\nextra_args = single\n", 2, "single switches every claim off" },
	{ "[host]\nextra_args = a recovery\n", 2, "recovery switches every claim off" },
	{ "[host]\nextra_args = rd.vfio-claim=0\n", 2, "rd.vfio-claim=0 switches every claim" },
	{ "[host]\nextra_args = rd.vfio_claim=no\n", 2, "switches every claim off" },
	{ "[host]\nextra_args = a=1 rd.vfio-claim=off\n", 2, "switches every claim off" },
	{ "[host]\nextra_args = iommu=off\n", 2, "'iommu=off' turns the IOMMU off" },
	{ "[host]\nextra_args = intel_iommu=strict,off\n", 2, "turns the IOMMU off" },
	{ "[host]\nextra_args = amd-iommu=off\n", 2, "turns the IOMMU off" },
	{ "[host]\nextra_args = modprobe.blacklist=nouveau,vfio_pci\n", 2,
	  "VFIO's own vfio_pci" },
	{ "[host]\nextra_args = module_blacklist=vfio_iommu_type1\n", 2, "VFIO's own vfio_iommu" },
	{ "[host]\nextra_args = rd.driver.blacklist=vfio-pci\n", 2, "VFIO's own vfio-pci" },
	{ "[host]\nblacklist = nouveau vfio_pci\n", 2, "vfio_pci is VFIO's own" },
	{ "[host]\nblacklist = vfio-pci\n", 2, "vfio-pci is VFIO's own" },
	{ "[host]\nextra_args = modprobe.blacklist=nouveau,snd-hda-intel\n", 2,
	  "write 'blacklist = snd-hda-intel'" },
	{ "[host]\nextra_args = module_blacklist=snd-hda-intel\n", 2, "does nothing" },
	{ "[claim a]\nmatch = 10de:1c3\n", 2, "'10de:1c3': IDs are VVVV:DDDD" },
	{ "[claim a]\nmatch = 10de:1c30\nmatch = 0000:01:20.0\n", 3, "an address is" },
	{ "[claim a]\nmatch = 01:00\n", 2,
	  "'01:00': an address has a function; write 01:00.0, or 01:00.* for all of them" },
	{ "[claim a]\nmatch = 0000:8a:1f\n", 2, "write 0000:8a:1f.0, or 0000:8a:1f.*" },
	{ "[claim a]\nmatch = 01:20\n", 2, "'01:20': IDs are VVVV:DDDD" },
	{ "[claim a]\nmatch = class=display\n", 2,
	  "a class is two, four or six hex digits: 03 is display, 02 network" },
	{ "[claim a]\nmatch = class=VGA\n", 2, "0300 VGA" },
	{ "[claim a]\nmatch = 10de:1c30\nexcept = class=3\n", 3, "a class is" },
	{ "[claim a]\nmatch = *:*\n", 2, "this would take every device" },
	{ "[claim a]\nmatch = 10de:1c30\nfunctions = none\n", 3, "one of: all, matched" },
	{ "[claim a]\nmatch = 10de:1c30\nwhen = late\n", 3, "one of: auto, early, guarded" },
	{ "[claim a]\nmatch = 10de:1c30\nexpect = 0\n", 3, "expect: '0' is not a number" },
	{ "[claim a]\nmatch = 10de:1c30\nexpect = many\n", 3, "'many' is not a number" },
	{ "[claim a]\nmatch = 10de:1c30\ndriver = a b\n", 3, "is not the name of a driver" },
	{ "[claim a]\nmatch = 10de:1c30\ndriver = vfio_pci\n", 3, "is called 'vfio-pci'" },
	{ "[claim a]\nmatch = 8086:e211\ndriver = xe_vfio_pci\n", 3, "is called 'xe-vfio-pci'" },
	{ "[claim a]\nmatch = 1014:04ed\ndriver = ism-vfio-pci\n", 3, "is called 'ism_vfio_pci'" },
	{ "[claim a]\nmatch = 10de:2342\ndriver = nvgrace-gpu-vfio-pci\n", 3,
	  "is called 'nvgrace_gpu_vfio_pci'" },
	{ "[claim a]\nmatch = 10de:1c30\ndriver = nvidia\n", 3, "'nvidia' is no VFIO driver" },
	{ "[claim a]\nmatch = 10de:1c30\ndriver = nvme\n", 3, "who gets the devices, not who" },
	{ "[claim a]\nmatch = 10de:1c30\ndriver = pci_stub\n", 3, "is no VFIO driver" },
	{ "[claim a]\nmatch = 10de:1c30\nmatches = 10de:1c30\n", 3, "did you mean 'match'?" },
	{ "[claim a]\nmatch = 10de:1c30\niommu = pt\n", 3, "key 'iommu' is not known" },
	{ "[claim a]\nmatch = 10de:1c30\nalias = a b\n", 3, "alias: 'a b' is not a name" },
	{ "[claim a]\nmatch = 10de:1c30\nalias = a\"b\n", 3, "alias: 'a\"b' is not a name" },
	{ "[claim a]\nmatch = 10de:1c30\nalias = a:2\n", 3, "alias: 'a:2' is not a name" },
	{ "[claim a]\nmatch = 10de:1c30\ndevice_type = type-pf\n", 3,
	  "did you mean 'type-PF'?" },
	{ "[claim a]\nmatch = 10de:1c30\ndevice_type = PCI\n", 3, "is not known" },
	{ "[claim a]\nmatch = 10de:1c30\nnuma_policy = strict\n", 3,
	  "one of: legacy, preferred, required, socket" },
	{ "[claim a]\nmatch = 10de:1c30\nresource_class = gpu\n", 3,
	  "resource_class: 'gpu' is not one" },
	{ "[claim a]\nmatch = 10de:1c30\nresource_class = CUSTOM_a100\n", 3,
	  "'CUSTOM_a100' is not one" },
	{ "[claim a]\nmatch = 10de:1c30\nresource_class = CUSTOM_A CUSTOM_B\n", 3,
	  "'CUSTOM_A CUSTOM_B' is not one" },
	{ "[claim a]\nmatch = 10de:1c30\ntraits = CUSTOM_A,fast\n", 3,
	  "traits: 'fast' is not one" },
	{ "[claim a]\nmatch = 10de:1c30\nmanaged = 0\n", 3, "one of: no, yes" },
	{ "[claim a]\nmatch = 10de:1c30\nlive_migratable = maybe\n", 3, "one of: no, yes" },
	{ "[claim a]\nmatch = 10de:1c30\none_time_use = true\n", 3, "one of: no, yes" },
};

static void test_every_diagnostic(void **state)
{
	for (size_t i = 0; i < LENGTH(wrong); i++) {
		struct parsed parsed = { 0 };

		(void)state;
		parse(&parsed, wrong[i].text);
		if (parsed.diagnostics.count != 1)
			fail_msg("%zu errors in '%s'", parsed.diagnostics.count, wrong[i].text);
		assert_error(&parsed, 0, wrong[i].line, wrong[i].message);
		assert_string_equal(parsed.diagnostics.items[0].file, "conf");
		config_free(&parsed.config);
		diagnostics_free(&parsed.diagnostics);
	}
}

static void test_all_errors_at_once(void **state)
{
	struct parsed *parsed = *state;

	parse(parsed, "early = 1\n"
		      "[host]\n"
		      "iommu = maybe\n"
		      "nonsense\n"
		      "[claim a]\n"
		      "match = wrong\n"
		      "expect = x\n"
		      "[nobody]\n"
		      "not = looked at\n"
		      "[claim b]\n"
		      "match = 10de:1c30\n"
		      "drvier = auto\n");
	assert_int_equal(parsed->diagnostics.count, 7);
	assert_error(parsed, 0, 1, "early");
	assert_error(parsed, 1, 3, "maybe");
	assert_error(parsed, 2, 4, "nonsense");
	assert_error(parsed, 3, 6, "wrong");
	assert_error(parsed, 4, 7, "expect");
	assert_error(parsed, 5, 8, "nobody");
	assert_error(parsed, 6, 12, "driver");
}

/* A claim's missing match is known at its end, yet told at its place. */
static void test_errors_are_in_the_order_of_lines(void **state)
{
	struct parsed *parsed = *state;

	parse(parsed, "[claim a]\nexpect = x\nwhen = y\n[claim b]\nexpect = z\n");
	assert_int_equal(parsed->diagnostics.count, 5);
	for (size_t i = 1; i < parsed->diagnostics.count; i++)
		assert_true(parsed->diagnostics.items[i - 1].line <
			    parsed->diagnostics.items[i].line);
}

/* A wrong match line is a match line; a wrong except line is none. */
static void test_wrong_except_does_not_hide_a_missing_match(void **state)
{
	struct parsed *parsed = *state;

	parse(parsed, "[claim a]\nexcept = wrong\n");
	assert_int_equal(parsed->diagnostics.count, 2);
	assert_error(parsed, 0, 1, "claim a has no match line");
	assert_error(parsed, 1, 2, "wrong");
}

/* What a terminal or a JSON reader would choke on is not repeated as it is. */
static void test_messages_are_plain_text(void **state)
{
	struct parsed *parsed = *state;

	parse(parsed, "[host]\n\x1b[2J = 1\n\xff\xfe = 2\niommu = \x01\n"
		      "[claim a]\nmatch = \x1b]0;\xc3\n");
	assert_int_equal(parsed->diagnostics.count, 4);
	for (size_t i = 0; i < parsed->diagnostics.count; i++)
		for (const char *c = parsed->diagnostics.items[i].message; *c != '\0'; c++)
			assert_in_range((unsigned char)*c, 0x20, 0x7e);
}

static void test_later_file_replaces(void **state)
{
	struct parsed *parsed = *state;

	parse(parsed, "[host]\niommu = off\ncpu = intel\nblacklist = a b\n"
		      "[claim one]\nmatch = 10de:1c30\nexcept = class=04\nfunctions = matched\n"
		      "expect = 3\n"
		      "[claim two]\nmatch = 10de:0002\n");
	parse_bytes(parsed, "later", "[host]\niommu = on\nblacklist = none\n[claim one]\nmatch = "
				     "1002:0001\n[claim three]\nmatch = 10de:0003",
		    96);
	assert_valid(parsed);
	assert_int_equal(parsed->config.host.iommu, IOMMU_ON);
	assert_int_equal(parsed->config.host.cpu, CPU_INTEL);
	assert_int_equal(parsed->config.host.blacklist, BLACKLIST_NONE);
	assert_int_equal(parsed->config.host.module_count, 0);
	/* The place of the first, the contents of the last. */
	const struct claims *claims = &parsed->config.claims;
	assert_int_equal(claims->count, 3);
	assert_string_equal(claims->items[0].name, "one");
	assert_int_equal(claims->items[0].match_count, 1);
	assert_int_equal(claims->items[0].matches[0].ids.vendor, 0x1002);
	assert_int_equal(claims->items[0].except_count, 0);
	assert_int_equal(claims->items[0].functions, FUNCTIONS_ALL);
	assert_int_equal(claims->items[0].expect, 0);
	assert_string_equal(claims->items[1].name, "two");
	assert_string_equal(claims->items[2].name, "three");
}

static void test_crlf(void **state)
{
	struct parsed *parsed = *state;

	parse(parsed, "[host]\r\niommu = off\r\n\r\n# x\r\n[claim a]\r\nmatch = 10de:1c30 \r\n"
		      "expect = 2\r\n");
	assert_valid(parsed);
	assert_int_equal(parsed->config.host.iommu, IOMMU_OFF);
	assert_int_equal(parsed->config.claims.items[0].expect, 2);
}

static void test_byte_order_mark(void **state)
{
	struct parsed *parsed = *state;

	parse(parsed, "\xef\xbb\xbf[host]\niommu = off\n");
	parse(parsed, "\xef\xbb\xbf# x\n");
	parse(parsed, "\xef\xbb\xbf");
	assert_valid(parsed);
	assert_int_equal(parsed->config.host.iommu, IOMMU_OFF);
	/* Half of one is nothing, and so is one that stands elsewhere. */
	parse(parsed, "\xef\xbb");
	parse(parsed, "\n\xef\xbb\xbf[host]\n");
	assert_int_equal(parsed->diagnostics.count, 2);
}

/* Two [host] sections without a common key are one. */
static void test_host_twice(void **state)
{
	struct parsed *parsed = *state;

	parse(parsed, "[host]\niommu = off\n[host]\ncpu = intel\n");
	/* The next file may say all of it again. */
	parse(parsed, "[host]\niommu = on\n[host]\nignore_msrs = yes\n");
	assert_valid(parsed);
	assert_int_equal(parsed->config.host.iommu, IOMMU_ON);
	assert_int_equal(parsed->config.host.cpu, CPU_INTEL);
}

static void test_comments(void **state)
{
	struct parsed *parsed = *state;

	parse(parsed, "[host] # x\n[claim a] ; y\n   # z\nmatch = 10de:1c30\t;match = no\n"
		      "#match = no\n;match = no\n");
	assert_valid(parsed);
	assert_int_equal(parsed->config.claims.items[0].match_count, 1);
	/* Without a blank before it, it is part of the value. */
	parse(parsed, "[claim b]\nmatch = 10de:1c30#x\n");
	assert_int_equal(parsed->diagnostics.count, 1);
	assert_contains(parsed->diagnostics.items[0].message, "10de:1c30#x");
}

static void test_zero_bytes(void **state)
{
	struct parsed *parsed = *state;

	parse_bytes(parsed, "conf", "[host]\niommu = o\0n\ncpu = amd\n\0", 30);
	assert_int_equal(parsed->diagnostics.count, 2);
	assert_error(parsed, 0, 2, "zero byte");
	assert_error(parsed, 1, 4, "zero byte");
	assert_int_equal(parsed->config.host.iommu, IOMMU_PT);
	assert_int_equal(parsed->config.host.cpu, CPU_AMD);
}

static void test_long_lines(void **state)
{
	struct parsed *parsed = *state;
	char text[CONFIG_LINE_MOST + 64] = "[host]\n#";
	size_t start = strlen(text) - 1;

	memset(text + start + 1, 'x', CONFIG_LINE_MOST - 1);
	strcpy(text + start + CONFIG_LINE_MOST, "\ncpu = amd\n");
	parse(parsed, text);
	assert_valid(parsed);
	strcpy(text + start + CONFIG_LINE_MOST, "x\niommu = on\n");
	parse(parsed, text);
	assert_int_equal(parsed->diagnostics.count, 1);
	assert_error(parsed, 0, 2, "the line has 4097 bytes, at most 4096 are read");
	assert_int_equal(parsed->config.host.iommu, IOMMU_ON);
}

/* What is near to a word that undoes the claims, and does not. */
static void test_extra_args_that_are_fine(void **state)
{
	static const char *const values[] = {
		"rd.vfio-claim=1 single",
		"rd.vfio-claim=10de:1c30",
		"rd.vfio-claim.debug",
		"single=1 recovered a--b ---",
		"iommu=pt intel_iommu=on,igfx_off amd_iommu=force_isolation",
		"iommu.strict=off gpu_iommu=off iommu=offset",
		"modprobe.blacklist=snd_hda_intel,mlx5_vfio_pci",
		"rd.driver.blacklist=snd-hda-intel rd.driver.pre=vfio-pci",
		"modprobe.blacklist= vfio_pci.disable_vga=1",
	};
	struct parsed *parsed = *state;
	char text[256];

	for (size_t i = 0; i < LENGTH(values); i++) {
		(void)snprintf(text, sizeof(text), "[host]\nextra_args = %s\n", values[i]);
		parse(parsed, text);
		assert_valid(parsed);
		assert_string_equal(parsed->config.host.extra_args, values[i]);
	}
}

static void test_extra_args_size(void **state)
{
	struct parsed *parsed = *state;
	char text[EXTRA_ARGS_SIZE + 64] = "[host]\nextra_args = ";
	size_t start = strlen(text);

	memset(text + start, 'a', EXTRA_ARGS_SIZE - 1);
	parse(parsed, text);
	assert_valid(parsed);
	assert_int_equal(strlen(parsed->config.host.extra_args), EXTRA_ARGS_SIZE - 1);
	text[start + EXTRA_ARGS_SIZE - 1] = 'a';
	parse(parsed, text);
	assert_int_equal(parsed->diagnostics.count, 1);
	assert_error(parsed, 0, 2, "extra_args: 2048 bytes");
}

static void test_many_claims(void **state)
{
	struct parsed *parsed = *state;
	struct text text = { 0 };
	char *string;

	for (int i = 0; i < 500; i++)
		text_add(&text, "[claim c%d]\nmatch = 10de:%04x\nmatch = class=03\n", i, i);
	assert_int_equal(text_take(&text, &string), 0);
	parse(parsed, string);
	free(string);
	assert_valid(parsed);
	assert_int_equal(parsed->config.claims.count, 500);
	assert_int_equal(parsed->config.claims.items[499].matches[0].ids.device, 499);
	assert_int_equal(parsed->config.claims.items[499].match_count, 2);
}

/* The last line need not end. */
static void test_cut_at_every_byte(void **state)
{
	static const char text[] = "[host]\niommu = pt\nblacklist = a,b\n[claim a]\n"
				   "match = 0000:01:00.0 10de:1c30\nexcept = class=04\n";

	(void)state;
	for (size_t length = 0; length < sizeof(text); length++) {
		struct parsed parsed = { 0 };

		parse_bytes(&parsed, "conf", text, length);
		config_free(&parsed.config);
		diagnostics_free(&parsed.diagnostics);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_key),
		TEST(test_keys_of_clouds),
		TEST(test_names_of_placement),
		TEST(test_defaults),
		TEST(test_nothing_is_valid),
		cmocka_unit_test(test_every_diagnostic),
		TEST(test_all_errors_at_once),
		TEST(test_errors_are_in_the_order_of_lines),
		TEST(test_wrong_except_does_not_hide_a_missing_match),
		TEST(test_messages_are_plain_text),
		TEST(test_later_file_replaces),
		TEST(test_crlf),
		TEST(test_host_twice),
		TEST(test_byte_order_mark),
		TEST(test_comments),
		TEST(test_zero_bytes),
		TEST(test_long_lines),
		TEST(test_extra_args_that_are_fine),
		TEST(test_extra_args_size),
		TEST(test_many_claims),
		cmocka_unit_test(test_cut_at_every_byte),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
