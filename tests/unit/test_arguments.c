// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel arguments that a configuration asks for. */
#include "arguments.h"

#include "unit.h"

/* What a case does not say: an Intel or AMD machine of which nothing else is known. */
struct setting {
	enum architecture architecture;
	enum host_cpu cpu;
	const char *base;
	const char *blacklist;
	const char *spared; /* VVVV:DDDD:SSSS:SSSS with blanks between */
	size_t line_most;
};

struct result {
	int error;
	char *line;
	char *notes; /* a line each */
	char reason[ARGUMENTS_REASON_SIZE];
};

static void read_config(struct config *config, const char *text)
{
	struct diagnostics diagnostics = { 0 };

	*config = (struct config){ 0 };
	assert_int_equal(config_parse(config, "test", text, strlen(text), &diagnostics), 0);
	if (diagnostics.count > 0)
		fail_msg("%s: %s", text, diagnostics.items[0].message);
	diagnostics_free(&diagnostics);
}

static void make_target(struct target *target, const struct setting *setting)
{
	struct pci_ids *spared = calloc(8, sizeof(*spared));
	char list[256] = "";
	char *rest = NULL;

	assert_non_null(spared);
	*target = (struct target){
		.architecture = setting->architecture,
		.cpu = setting->cpu ? setting->cpu : CPU_ANY,
		.spared = spared,
		.line_most = setting->line_most ? setting->line_most : COMMAND_LINE_MOST,
	};
	assert_int_equal(
		kargs_parse(setting->blacklist ? setting->blacklist : "", &target->blacklist),
		0);
	strcpy(list, setting->spared ? setting->spared : "");
	for (char *word = strtok_r(list, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		assert_int_equal(pci_ids_parse(word, &spared[target->spared_count++]), 0);
}

static struct result result_of(int error, struct arguments *arguments)
{
	struct result result = { .error = error };
	struct text notes = { 0 };

	if (error == 0)
		assert_int_equal(kargs_join(&arguments->kargs, &result.line), 0);
	for (size_t i = 0; i < arguments->notes.count; i++)
		text_add(&notes, "%s\n", arguments->notes.items[i]);
	assert_int_equal(text_take(&notes, &result.notes), 0);
	arguments_free(arguments);
	return result;
}

static struct result compose(const char *text, const struct setting *setting)
{
	struct arguments arguments = { 0 };
	char reason[ARGUMENTS_REASON_SIZE] = "";
	struct config config;
	struct target target;

	read_config(&config, text);
	make_target(&target, setting);
	int r = arguments_compose(&config, &target, setting->base ? setting->base : "",
				  &arguments, reason);
	struct result result = result_of(r, &arguments);
	strcpy(result.reason, reason);
	config_free(&config);
	kargs_free(&target.blacklist);
	free(target.spared);
	return result;
}

static void result_free(struct result *result)
{
	free(result->line);
	free(result->notes);
}

/* Composes and compares the line; `note` is a part of the notes, "" for no notes at all. */
static void expect(const char *text, const struct setting *setting, const char *line,
		   const char *note)
{
	struct result result = compose(text, setting);

	assert_int_equal(result.error, 0);
	if (strcmp(result.line, line) != 0)
		fail_msg("%s\ngives  '%s'\nwanted '%s'", text, result.line, line);
	if (*note == '\0')
		assert_string_equal(result.notes, "");
	else
		assert_contains(result.notes, note);
	result_free(&result);
}

#define CLAIM "[claim a]\nmatch = 0000:01:00.0\n"
#define PRE "rd.driver.pre=vfio-pci"

static void iommu_of_each_processor(void **state)
{
	static const struct {
		const char *host;
		enum architecture architecture;
		enum host_cpu cpu;
		const char *line;
		const char *note;
	} cases[] = {
		{ "iommu=pt", ARCH_X86, CPU_INTEL, "intel_iommu=on iommu=pt " PRE, "" },
		{ "iommu=pt", ARCH_X86, CPU_ANY, "intel_iommu=on iommu=pt " PRE, "" },
		{ "iommu=pt", ARCH_X86, CPU_AMD, "iommu=pt " PRE, "" },
		{ "iommu=pt", ARCH_X86, CPU_ARM, "iommu=pt " PRE, "does not fit" },
		{ "iommu=pt", ARCH_ARM64, CPU_ARM, "iommu.passthrough=1 " PRE, "" },
		{ "iommu=pt", ARCH_ARM64, CPU_INTEL, "iommu.passthrough=1 " PRE, "" },
		{ "iommu=pt", ARCH_OTHER, CPU_ANY, PRE, "neither known as x86" },
		{ "iommu=on", ARCH_X86, CPU_INTEL, "intel_iommu=on " PRE, "" },
		{ "iommu=on", ARCH_X86, CPU_ANY, "intel_iommu=on " PRE, "" },
		{ "iommu=on", ARCH_X86, CPU_AMD, PRE, "" },
		{ "iommu=on", ARCH_ARM64, CPU_ARM, PRE, "" },
		{ "iommu=off", ARCH_X86, CPU_INTEL, PRE, "" },
		{ "iommu=off", ARCH_X86, CPU_AMD, PRE, "" },
		{ "iommu=off", ARCH_ARM64, CPU_ARM, PRE, "" },
		{ "iommu=off", ARCH_OTHER, CPU_ANY, PRE, "" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		const struct setting setting = { .architecture = cases[i].architecture,
						 .cpu = cases[i].cpu };
		char text[128];

		(void)snprintf(text, sizeof(text), "[host]\n%s\n" CLAIM, cases[i].host);
		expect(text, &setting, cases[i].line, cases[i].note);
	}
}

/* An empty configuration adds nothing: somebody else writes the command line (MAAS). */
static void nothing_without_claims_but_what_host_says(void **state)
{
	static const struct {
		const char *text;
		const char *line;
	} cases[] = {
		{ "", "" },
		{ "[host]\n", "" },
		{ "[host]\ncpu = intel\n", "intel_iommu=on iommu=pt" },
		{ "[host]\niommu = on\n", "intel_iommu=on" },
		{ "[host]\niommu = off\ncpu = intel\n", "" },
		{ "[host]\nblacklist = nouveau\n",
		  "modprobe.blacklist=nouveau rd.driver.blacklist=nouveau" },
		{ "[host]\nextra_args = hugepages=64\n", "hugepages=64" },
		{ "[host]\nunsafe_interrupts = yes\n",
		  "vfio_iommu_type1.allow_unsafe_interrupts=1" },
	};
	const struct setting setting = { 0 };

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		expect(cases[i].text, &setting, cases[i].line, "");
}

static void switches_of_host_in_their_order(void **state)
{
	static const struct {
		const char *text;
		const char *line;
	} cases[] = {
		{ "unsafe_interrupts = yes", "vfio_iommu_type1.allow_unsafe_interrupts=1" },
		{ "ignore_msrs = yes", "kvm.ignore_msrs=1" },
		{ "framebuffer = off", "initcall_blacklist=sysfb_init video=efifb:off" },
		{ "extra_args = b  a", "b a" },
		{ "extra_args = z\nframebuffer = off\nignore_msrs = yes\nunsafe_interrupts = "
		  "yes\n"
		  "blacklist = b-b, a",
		  "modprobe.blacklist=b_b,a rd.driver.blacklist=b_b,a "
		  "vfio_iommu_type1.allow_unsafe_interrupts=1 kvm.ignore_msrs=1 "
		  "initcall_blacklist=sysfb_init video=efifb:off z" },
	};
	const struct setting setting = { .blacklist = "" };

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char text[256];
		char line[512];

		(void)snprintf(text, sizeof(text), "[host]\n%s\n" CLAIM, cases[i].text);
		(void)snprintf(line, sizeof(line), "intel_iommu=on iommu=pt " PRE " %s",
			       cases[i].line);
		expect(text, &setting, line, "");
	}
}

static void blacklists(void **state)
{
	static const struct {
		const char *host;
		const char *modules; /* NULL: no blacklist */
	} cases[] = {
		{ "", "nouveau,nvidia" },
		{ "blacklist = auto\n", "nouveau,nvidia" },
		{ "blacklist = none\n", NULL },
		{ "blacklist = snd-hda-intel\n", "snd_hda_intel" },
		{ "blacklist = b, a-c b a_c\n", "b,a_c" },
	};
	const struct setting setting = { .cpu = CPU_AMD, .blacklist = "nouveau nvidia" };

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char text[128];
		char line[256];

		(void)snprintf(text, sizeof(text), "[host]\niommu=off\n%s" CLAIM,
			       cases[i].host);
		(void)snprintf(line, sizeof(line), PRE "%s%s%s%s",
			       cases[i].modules ? " modprobe.blacklist=" : "",
			       cases[i].modules ? cases[i].modules : "",
			       cases[i].modules ? " rd.driver.blacklist=" : "",
			       cases[i].modules ? cases[i].modules : "");
		expect(text, &setting, line, "");
	}
}

/* With iommu off and no blacklist: what is left is rd.driver.pre= and perhaps IDs. */
static void expect_ids(const char *claims, const struct setting *setting, const char *ids,
		       const char *note)
{
	char text[512];
	char line[512];

	(void)snprintf(text, sizeof(text), "[host]\niommu=off\nblacklist=none\n%s", claims);
	(void)snprintf(line, sizeof(line), PRE "%s%s", *ids ? " vfio-pci.ids=" : "", ids);
	expect(text, setting, line, note);
}

static void ids_of_selectors(void **state)
{
	static const struct {
		const char *claims;
		const char *ids;
		const char *note;
	} cases[] = {
		{ "[claim a]\nmatch=10de:1c30\n", "10de:1c30", "" },
		{ "[claim a]\nmatch=10DE:1C30\n", "10de:1c30", "" },
		{ "[claim a]\nmatch=10de:1c30:*:*\n", "10de:1c30", "" },
		{ "[claim a]\nmatch=10de:1c30:10de:*\n", "10de:1c30:10de", "" },
		{ "[claim a]\nmatch=10de:1c30:10de:11b3\n", "10de:1c30:10de:11b3", "" },
		{ "[claim a]\nmatch=10de:1c30:*:11b3\n", "10de:1c30:ffffffff:11b3", "" },
		{ "[claim a]\nmatch=0001:0002\n", "0001:0002", "" },
		{ "[claim a]\nmatch=0001:0002:0003:0004\n", "0001:0002:0003:0004", "" },
		{ "[claim a]\nmatch=10de:*\n", "", "" },
		{ "[claim a]\nmatch=01:00.0\n", "", "" },
		{ "[claim a]\nmatch=01:00.0 10de:1c30\n", "", "" },
		{ "[claim a]\nmatch=10de:1c30 class=0300\n", "", "" },
		{ "[claim a]\nmatch=10de:1c30 nth=2\n", "", "" },
		{ "[claim a]\nmatch=10de:1c30 path=00:03.0/00.0\n", "", "" },
		{ "[claim a]\nmatch=10de:1c30\nexcept=02:00.0\n", "", "" },
		{ "[claim a]\nmatch=10de:1c30\ndriver=vfio-pci\n", "10de:1c30", "" },
		{ "[claim a]\nmatch=10de:1c30\ndriver=pci-stub\n", "", "" },
		{ "[claim a]\nmatch=10de:1c30\nwhen=early\n", "10de:1c30", "" },
		{ "[claim a]\nmatch=10de:1c30\nwhen=guarded\n", "", "" },
		{ "[claim a]\nmatch=10de:1c30\nmatch=10de:10f1\nmatch=10de:1c30\n",
		  "10de:1c30,10de:10f1", "" },
		{ "[claim b]\nmatch=10de:1c30\n[claim a]\nmatch=10de:1c30\nmatch=1002:0001\n",
		  "10de:1c30,1002:0001", "" },
		/* Another claim leaves such a card to the host, or to another driver. */
		{ "[claim a]\nmatch=10de:1c30\n[claim b]\nmatch=10de:*\nexcept=10de:1c30 "
		  "nth=1\n",
		  "", "leaves out 10de:1c30 of claim a: another claim takes such a device" },
		{ "[claim a]\nmatch=10de:1c30\n[claim b]\nmatch=1002:0001\nexcept=02:00.0\n",
		  "", "another claim takes such a device out" },
		{ "[claim a]\nmatch=10de:1c30\n[claim b]\nmatch=1002:*\nexcept=1002:0001\n",
		  "10de:1c30", "" },
		{ "[claim b]\nmatch=02:00.0\ndriver=pci-stub\n[claim a]\nmatch=10de:1c30\n", "",
		  "to another driver" },
		{ "[claim b]\nmatch=10de:1c30:103c:*\ndriver=pci-stub\n"
		  "[claim a]\nmatch=10de:1c30:10de:*\n",
		  "10de:1c30:10de", "" },
		{ "[claim b]\nmatch=10de:1c30:103c:*\ndriver=pci-stub\n[claim "
		  "a]\nmatch=10de:1c30\n",
		  "", "to another driver" },
		{ "[claim b]\nmatch=02:00.0\nwhen=guarded\n[claim a]\nmatch=10de:1c30\n", "",
		  "or waits" },
		{ "[claim b]\nmatch=02:00.0\n[claim a]\nmatch=10de:1c30\n", "10de:1c30", "" },
	};
	const struct setting setting = { 0 };

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		expect_ids(cases[i].claims, &setting, cases[i].ids, cases[i].note);
}

static void ids_of_spared_devices_are_left_out(void **state)
{
	static const struct {
		const char *spared;
		const char *ids;
		const char *note;
	} cases[] = {
		{ "8086:0001:0000:0000", "10de:1c30,10de:10f1:10de", "" },
		{ "10de:1c30:1234:5678", "10de:10f1:10de",
		  "leaves out 10de:1c30 of claim a: a device of this machine" },
		{ "10de:10f1:103c:11b3", "10de:1c30,10de:10f1:10de", "" },
		{ "8086:0001:0000:0000 10de:10f1:10de:11b3", "10de:1c30",
		  "leaves out 10de:10f1:10de" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		const struct setting setting = { .spared = cases[i].spared };

		expect_ids("[claim a]\nmatch=10de:1c30\nmatch=10de:10f1:10de:*\n", &setting,
			   cases[i].ids, cases[i].note);
	}
}

static void ids_of_the_base_line_are_taken_over(void **state)
{
	static const struct {
		const char *base;
		const char *ids;
		const char *note;
	} cases[] = {
		{ "quiet vfio-pci.ids=8086:1234 ro", "8086:1234,10de:1c30", "taken over" },
		{ "vfio_pci.ids=8086:1234", "8086:1234,10de:1c30", "taken over" },
		{ "vfio-pci.ids=1:2 vfio-pci.ids=3:4", "3:4,10de:1c30", "taken over" },
		{ "vfio-pci.ids=8086:1234:10de:1c30", "8086:1234:10de:1c30,10de:1c30",
		  "taken over" },
		{ "vfio-pci.ids=10DE:1C30,8086:1234", "", "" },
		{ "vfio-pci.ids=10de:1c30 vfio-pci.ids=8086:1234", "8086:1234,10de:1c30",
		  "taken over" },
		{ "vfio-pci.ids=", "10de:1c30", "taken over" },
		{ "vfio-pci.ids=10de:1c30\" vfio-pci.ids=$(reboot)", "", "not understood" },
		{ "vfio-pci.ids=\"8086:1234\"", "", "not understood" },
		{ "vfio-pci.ids=8086:1234`x`", "", "not understood" },
		{ "vfio-pci.ids=8086:1234\\", "", "not understood" },
		{ "vfio-pci.ids=8086:1234;reboot", "", "not understood" },
		{ "xvfio-pci.ids=8086:1234", "10de:1c30", "" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		const struct setting setting = { .base = cases[i].base };

		expect_ids("[claim a]\nmatch=10de:1c30\n", &setting, cases[i].ids,
			   cases[i].note);
	}
}

static void ids_of_extra_args_and_claims_are_one_argument(void **state)
{
	const struct setting setting = { 0 };

	(void)state;
	expect("[host]\niommu=off\nblacklist=none\nextra_args = a vfio-pci.ids=1:2,10de:1c30 "
	       "b\n[claim a]\nmatch=10de:1c30\n",
	       &setting, PRE " a vfio-pci.ids=10de:1c30,1:2 b", "");
}

/* 102 plain entries have 1019 bytes; the kernel takes 1023. */
static void ids_have_a_limit(void **state)
{
	static const struct {
		int claimed;
		const char *base;
		size_t length; /* 0: left out */
	} cases[] = {
		{ 102, "", 1019 },
		{ 103, "", 0 },
		{ 102, "vfio-pci.ids=1:2", 1023 },
		{ 102, "vfio-pci.ids=01:2", 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		const struct setting setting = { .base = cases[i].base };
		struct text text = { 0 };
		char *config;

		text_add(&text, "[host]\niommu=off\nblacklist=none\n[claim a]\n");
		for (int j = 0; j < cases[i].claimed; j++)
			text_add(&text, "match=10de:%04x\n", j);
		assert_int_equal(text_take(&text, &config), 0);
		struct result result = compose(config, &setting);
		assert_int_equal(result.error, 0);
		if (cases[i].length == 0) {
			assert_string_equal(result.line, PRE);
			assert_contains(result.notes,
					"the kernel takes 1023; the claims table");
		} else {
			assert_int_equal(strlen(result.line),
					 strlen(PRE " vfio-pci.ids=") + cases[i].length);
		}
		result_free(&result);
		free(config);
	}
}

static void words_of_the_base_line_are_left_out(void **state)
{
	static const struct {
		const char *base;
		const char *line;
	} cases[] = {
		{ "", "intel_iommu=on iommu=pt " PRE
		      " modprobe.blacklist=x rd.driver.blacklist=x a=1" },
		{ "iommu=pt a=1 " PRE,
		  "intel_iommu=on modprobe.blacklist=x rd.driver.blacklist=x" },
		{ "intel-iommu=on iommu=on a=2", "iommu=pt " PRE " modprobe.blacklist=x "
						 "rd.driver.blacklist=x a=1" },
		{ "intel_iommu=on iommu=pt " PRE
		  " modprobe.blacklist=x rd.driver.blacklist=x a=1",
		  "" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		const struct setting setting = { .base = cases[i].base };

		expect("[host]\nblacklist = x\nextra_args = a=1 a=1\n" CLAIM, &setting,
		       cases[i].line, "");
	}
}

/* hugepages= belongs to the hugepagesz= before it. */
static void pairs_of_huge_pages_stay_together(void **state)
{
	static const struct {
		const char *base;
		const char *extra;
		const char *line;
	} cases[] = {
		{ "", "hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=4",
		  "hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=4" },
		{ "hugepagesz=2M hugepages=4", "hugepagesz=1G hugepages=4",
		  "hugepagesz=1G hugepages=4" },
		{ "quiet hugepagesz=1G hugepages=4 ro", "hugepagesz=1G hugepages=4", "" },
		{ "hugepages=4", "hugepages=4", "" },
		{ "", "hugepagesz=1G hugepages=4 hugepagesz=1G hugepages=4",
		  "hugepagesz=1G hugepages=4" },
		{ "", "hugepagesz=1G", "hugepagesz=1G" },
		{ "hugepages=64", "hugepagesz=1G hugepages=64", "hugepagesz=1G hugepages=64" },
		/* Words of other parameters stand between. */
		{ "hugepagesz=1G quiet hugepages=4", "hugepagesz=1G hugepages=4", "" },
		{ "hugepages=4", "hugepagesz=1G a hugepages=4", "hugepagesz=1G hugepages=4 a" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		const struct setting setting = { .base = cases[i].base };
		char text[256];

		(void)snprintf(text, sizeof(text), "[host]\nextra_args = %s\n", cases[i].extra);
		expect(text, &setting, cases[i].line, "");
	}
}

static void the_whole_line_has_a_limit(void **state)
{
	/* PRE has 22 bytes, and a blank goes between. */
	static const struct {
		size_t base;
		size_t most;
		int error;
	} cases[] = {
		{ 0, 22, 0 },
		{ 0, 21, -E2BIG },
		{ 10, 33, 0 },
		{ 10, 32, -E2BIG },
		{ 2024, COMMAND_LINE_MOST, 0 },
		{ 2025, COMMAND_LINE_MOST, -E2BIG },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char base[COMMAND_LINE_MOST + 2] = "";
		const struct setting setting = { .base = base, .line_most = cases[i].most };

		memset(base, 'x', cases[i].base);
		struct result result =
			compose("[host]\niommu=off\nblacklist=none\n[claim a]\nmatch=01:00.0\n",
				&setting);
		assert_int_equal(result.error, cases[i].error);
		if (result.error != 0) {
			assert_contains(result.reason, "22 of them ours");
			assert_contains(result.reason, "shorten");
		}
		result_free(&result);
	}
}

/* A long line of others is theirs: where nothing is added, nothing is refused. */
static void a_long_line_without_ours_is_no_error(void **state)
{
	const struct setting setting = { .base = "some words", .line_most = 3 };

	(void)state;
	expect("", &setting, "", "");
}

static void tells_what_goes_to_init(void **state)
{
	const struct setting init = { .base = "quiet -- single" };
	const struct setting curtin = { .base = "quiet --- console=ttyS0" };

	(void)state;
	expect("[host]\nextra_args=a\n", &init, "a", "goes to init");
	expect("[host]\nextra_args=a\n", &curtin, "a", "");
}

static void target_notes_come_first(void **state)
{
	struct arguments arguments = { 0 };
	char reason[ARGUMENTS_REASON_SIZE];
	struct target target = { .cpu = CPU_ANY, .line_most = COMMAND_LINE_MOST };
	struct config config;

	(void)state;
	read_config(&config, "[claim a]\nmatch=10de:1c30\n");
	assert_int_equal(sentences_add(&target.notes, "of the target"), 0);
	int r = arguments_compose(&config, &target, "vfio-pci.ids=1:2", &arguments, reason);
	struct result result = result_of(r, &arguments);
	assert_int_equal(strncmp(result.notes, "of the target\nthe IDs of the", 28), 0);
	result_free(&result);
	sentences_free(&target.notes);
	config_free(&config);
}

static void fits_what_was_composed_before(void **state)
{
	static const struct {
		const char *kept;
		const char *base;
		const char *line;
	} cases[] = {
		{ "iommu=pt vfio-pci.ids=1:2", "", "iommu=pt vfio-pci.ids=1:2" },
		{ "iommu=pt vfio-pci.ids=1:2", "iommu=pt vfio-pci.ids=3:4",
		  "vfio-pci.ids=3:4,1:2" },
		{ "", "quiet", "" },
	};
	char reason[ARGUMENTS_REASON_SIZE];

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct arguments arguments = { 0 };
		struct kargs kept;

		assert_int_equal(kargs_parse(cases[i].kept, &kept), 0);
		int r = arguments_fit(&kept, cases[i].base, 100, &arguments, reason);
		struct result result = result_of(r, &arguments);
		assert_string_equal(result.line, cases[i].line);
		result_free(&result);
		kargs_free(&kept);
	}
}

static void knows_plain_lines(void **state)
{
	static const struct {
		const char *line;
		bool plain;
	} cases[] = {
		{ "", true },
		{ "iommu=pt vfio-pci.ids=10de:1c30,1:2 a_b.c/d@e+f%g~", true },
		{ "a\"b", false },
		{ "a'b", false },
		{ "a$b", false },
		{ "a`b", false },
		{ "a\\b", false },
		{ "a\nb", false },
		{ "a\tb", false },
		{ "a;b", false },
		{ "a&b", false },
		{ "a|b", false },
		{ "a{b", false },
		{ "a(b", false },
		{ "a#b", false },
		{ "a*b", false },
		{ "a\xc3\xa4", false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		if (arguments_are_plain(cases[i].line) != cases[i].plain)
			fail_msg("'%s'", cases[i].line);
}

static void finds_what_keeps_the_iommu_off(void **state)
{
	static const struct {
		const char *line;
		enum host_cpu cpu;
		const char *word;
	} cases[] = {
		{ "ro quiet", CPU_ANY, NULL },
		{ "iommu=pt intel_iommu=on", CPU_INTEL, NULL },
		{ "ro iommu=off intel_iommu=on", CPU_INTEL, "iommu=off" },
		{ "iommu=off iommu=pt", CPU_AMD, "iommu=off" },
		{ "iommu=pt,off", CPU_INTEL, "iommu=pt,off" },
		{ "iommu=noaperture,soft,", CPU_INTEL, NULL },
		{ "iommu=", CPU_AUTO, NULL },
		{ "iommu", CPU_AUTO, NULL },
		{ "iommu=off", CPU_ANY, "iommu=off" },
		{ "iommu=off", CPU_ARM, NULL },
		{ "amd_iommu=off intel_iommu=off", CPU_ARM, NULL },
		{ "amd-iommu=fullflush,off", CPU_AMD, "amd-iommu=fullflush,off" },
		{ "amd_iommu=off amd_iommu=on", CPU_AUTO, "amd_iommu=off" },
		{ "amd_iommu=off", CPU_INTEL, NULL },
		{ "intel_iommu=off", CPU_AMD, NULL },
		{ "intel_iommu=off", CPU_AUTO, "intel_iommu=off" },
		/* The last one counts, within a word too. */
		{ "intel_iommu=off intel_iommu=on", CPU_INTEL, NULL },
		{ "intel_iommu=on intel_iommu=off", CPU_INTEL, "intel_iommu=off" },
		{ "intel_iommu=off,on", CPU_INTEL, NULL },
		{ "intel_iommu=on,sm_on,off", CPU_INTEL, "intel_iommu=on,sm_on,off" },
		{ "intel_iommu=off intel_iommu=igfx_off", CPU_INTEL, "intel_iommu=off" },
		{ "intel_iommu=igfx_off,sp_off", CPU_INTEL, NULL },
		{ "ro -- iommu=off", CPU_INTEL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct kargs line;

		assert_int_equal(kargs_parse(cases[i].line, &line), 0);
		const char *word = iommu_off_word(&line, cases[i].cpu);
		if ((word == NULL) != (cases[i].word == NULL) ||
		    (word != NULL && strcmp(word, cases[i].word) != 0))
			fail_msg("'%s' of %d: %s", cases[i].line, (int)cases[i].cpu,
				 word ? word : "nothing");
		kargs_free(&line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iommu_of_each_processor),
		cmocka_unit_test(nothing_without_claims_but_what_host_says),
		cmocka_unit_test(switches_of_host_in_their_order),
		cmocka_unit_test(blacklists),
		cmocka_unit_test(ids_of_selectors),
		cmocka_unit_test(ids_of_spared_devices_are_left_out),
		cmocka_unit_test(ids_of_the_base_line_are_taken_over),
		cmocka_unit_test(ids_of_extra_args_and_claims_are_one_argument),
		cmocka_unit_test(ids_have_a_limit),
		cmocka_unit_test(words_of_the_base_line_are_left_out),
		cmocka_unit_test(pairs_of_huge_pages_stay_together),
		cmocka_unit_test(the_whole_line_has_a_limit),
		cmocka_unit_test(a_long_line_without_ours_is_no_error),
		cmocka_unit_test(tells_what_goes_to_init),
		cmocka_unit_test(target_notes_come_first),
		cmocka_unit_test(fits_what_was_composed_before),
		cmocka_unit_test(knows_plain_lines),
		cmocka_unit_test(finds_what_keeps_the_iommu_off),
	};

	return cmocka_run_group_tests_name("arguments", tests, NULL, NULL);
}
