// SPDX-License-Identifier: GPL-2.0-or-later
/* The machine as `vfio-claim list` shows it: filters, tree, texts, table and drawing. */
#include "machine.h"

#include "inventory.h"

/* A bridge with a card of two functions, a disk, two functions that share a group. */
static const struct test_device devices[] = {
	{ "00:03.0", "8086:2f08", 0x060400, NULL, "pcieport", false, NULL },
	{ "00:1f.2", "8086:2922", 0x010601, NULL, "ahci", false, NULL },
	{ "00:1f.3", "8086:2930", 0x040300, NULL, "snd_hda_intel", false, NULL },
	{ "01:00.0", "10de:1c30", 0x030000, "00:03.0/00.0", "nouveau", false, NULL },
	{ "01:00.1", "10de:10f1", 0x040300, "00:03.0/00.1", "vfio-pci", false, NULL },
	{ "0001:02:00.0", "144d:a80a", 0x010802, NULL, NULL, false, NULL },
};

struct state {
	struct snapshot snapshot;
	struct details details[LENGTH(devices)];
	struct claims claims;
	struct plan plan;
	struct inventory inventory;
};

static void set_names(struct inventory_item *item, const char *vendor, const char *model)
{
	free(item->vendor);
	free(item->model);
	item->vendor = strdup(vendor);
	item->model = strdup(model);
}

static void add_module(struct inventory_item *item, const char *name, bool blacklisted)
{
	struct native_module *module =
		array_grow(&item->modules, item->module_count, sizeof(*module));

	assert_non_null(module);
	(void)copy_field(module->name, sizeof(module->name), name);
	module->blacklisted = blacklisted;
	item->module_count++;
}

/* With a claim of the selector, or without any where that is NULL. */
static void make(struct state *state, const char *match)
{
	const struct test_claim claim = { .name = "gpu", .match = { match } };
	const struct guards guards = { .phase = PHASE_WHOLE };

	memset(state, 0, sizeof(*state));
	state->snapshot = machine(devices, LENGTH(devices));
	for (size_t i = 0; i < LENGTH(devices); i++)
		state->details[i] = (struct details){ .numa_node = -1,
						      .boot_vga = -1,
						      .parent = NO_PARENT,
						      .is_bridge = i == 0 };
	state->details[3].parent = state->details[4].parent = 0;
	state->snapshot.devices[2].iommu_group = 1; /* that of 00:1f.2 */
	state->snapshot.devices[4].iommu_group = 3; /* that of 01:00.0 */
	state->claims = claims_of(&claim, match != NULL ? 1 : 0);
	for (size_t i = 0; i < LENGTH(devices); i++)
		state->snapshot.devices[i].candidate = true;
	assert_int_equal(plan_make(&state->claims, &state->snapshot, &guards, &state->plan), 0);
	assert_int_equal(inventory_make(&state->snapshot, state->details, &state->inventory),
			 0);
	inventory_decide(&state->inventory, &state->plan);
	assert_int_equal(inventory_prepare(&state->inventory), 0);
}

static void unmake(struct state *state)
{
	inventory_free(&state->inventory);
	plan_free(&state->plan);
	claims_free(&state->claims);
	free(state->snapshot.devices);
}

static void test_class_words(void **unused)
{
	static const struct {
		uint32_t code;
		const char *word;
	} rows[] = {
		{ 0x030000, "display" }, { 0x030200, "display" }, { 0x000100, "display" },
		{ 0x000000, "other" },   { 0x010802, "nvme" },    { 0x010601, "storage" },
		{ 0x020000, "network" }, { 0x040300, "audio" },   { 0x040000, "media" },
		{ 0x060000, "host" },    { 0x060400, "bridge" },  { 0x0c0330, "usb" },
		{ 0x0c0500, "bus" },     { 0x120000, "accel" },   { 0xff0000, "other" },
	};

	(void)unused;
	for (size_t i = 0; i < LENGTH(rows); i++)
		assert_string_equal(class_word(rows[i].code), rows[i].word);
	/* Each word that a device can have is one that can be asked for. */
	for (uint32_t code = 0; code <= 0xffff; code++) {
		struct inventory_filter filter = { .group = -1 };

		assert_int_equal(class_filter_parse(class_word(code << 8), &filter), 0);
	}
}

/* The addresses that a filter shows, blanks between. */
static const char *shown(struct state *state, const struct inventory_filter *filter)
{
	static char out[256];
	char address[PCI_ADDRESS_SIZE];

	out[0] = '\0';
	assert_int_equal(inventory_filter(&state->inventory, &state->snapshot, filter), 0);
	for (size_t i = 0; i < state->inventory.count; i++)
		if (state->inventory.items[i].shown)
			(void)snprintf(
				out + strlen(out), sizeof(out) - strlen(out), "%s%s",
				out[0] != '\0' ? " " : "",
				pci_address_format(&state->inventory.items[i].device->address,
						   address));
	return out;
}

static void test_filters(void **unused)
{
	static const struct {
		const char *class;
		const char *words[2];
		int group;
		bool claimed;
		const char *wanted;
	} rows[] = {
		{ "display", { NULL }, -1, false, "0000:01:00.0" },
		{ "03", { NULL }, -1, false, "0000:01:00.0" },
		{ "0302", { NULL }, -1, false, "" },
		{ "0300", { NULL }, -1, false, "0000:01:00.0" },
		{ "010601", { NULL }, -1, false, "0000:00:1f.2" },
		{ "storage", { NULL }, -1, false, "0000:00:1f.2 0001:02:00.0" },
		{ "nvme", { NULL }, -1, false, "0001:02:00.0" },
		{ "other", { NULL }, -1, false, "" },
		{ "audio", { NULL }, -1, true, "0000:01:00.1" },
		{ NULL, { NULL }, -1, true, "0000:01:00.0 0000:01:00.1" },
		{ NULL, { NULL }, 1, false, "0000:00:1f.2 0000:00:1f.3" },
		{ "audio", { NULL }, 1, false, "0000:00:1f.3" },
		{ NULL, { NULL }, 99, false, "" },
		{ NULL, { "01:00.1" }, -1, false, "0000:01:00.1" },
		{ NULL, { "00:1f.*" }, -1, false, "0000:00:1f.2 0000:00:1f.3" },
		{ NULL,
		  { "10de:*", "00:03.0" },
		  -1,
		  false,
		  "0000:00:03.0 0000:01:00.0 0000:01:00.1" },
		{ "display", { "10de:*" }, 3, true, "0000:01:00.0" },
	};
	struct state state;

	(void)unused;
	make(&state, "10de:1c30");
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct selector selectors[2];
		struct inventory_filter filter = { .group = rows[i].group,
						   .claimed = rows[i].claimed,
						   .selectors = selectors };

		for (size_t j = 0; j < 2 && rows[i].words[j] != NULL; j++)
			selectors[filter.selector_count++] = selector(rows[i].words[j]);
		if (rows[i].class != NULL)
			assert_int_equal(class_filter_parse(rows[i].class, &filter), 0);
		assert_string_equal(shown(&state, &filter), rows[i].wanted);
	}
	unmake(&state);
}

static void test_wrong_classes(void **unused)
{
	static const char *const wrong[] = { "",      "3",    "300",     "gpus",
					     "03000", "0x03", "0300000", "Display" };
	struct inventory_filter filter = { .group = -1 };

	(void)unused;
	for (size_t i = 0; i < LENGTH(wrong); i++)
		assert_int_equal(class_filter_parse(wrong[i], &filter), -EINVAL);
}

static void test_clean_text(void **unused)
{
	static const struct {
		const char *from;
		const char *wanted;
	} rows[] = {
		{ "plain", "plain" },
		{ "Gr\xc3\xbc\xc3\x9f"
		  "e \xe2\x84\xa2 \xf0\x9f\x98\x80",
		  "Gr\xc3\xbc\xc3\x9f"
		  "e \xe2\x84\xa2 \xf0\x9f\x98\x80" },
		{ "\033[31mred\n\t\x7f", "?[31mred???" },
		{ "\xc3", "?" }, /* cut short */
		{ "\xc3(", "?(" },
		{ "\x80\xbf", "??" }, /* stray continuation */
		{ "\xc0\xaf", "??" }, /* overlong */
		{ "\xe0\x80\xaf", "???" },
		{ "\xed\xa0\x80", "???" }, /* a surrogate */
		{ "\xf4\x90\x80\x80", "????" },
		{ "\xff\xfe", "??" },
		{ "\xc2\x85", "??" }, /* a control character of Latin-1 */
		{ "\xe2\x80\xae"
		  "fdp",
		  "???fdp" },              /* turns the direction */
		{ "\xef\xbf\xbe", "???" }, /* no character of XML */
	};
	char out[64];

	(void)unused;
	for (size_t i = 0; i < LENGTH(rows); i++)
		assert_string_equal(clean_text(rows[i].from, out, sizeof(out)), rows[i].wanted);
	assert_string_equal(clean_text("abc\xc3\xbc", out, 5), "abc"); /* not half of it */
	assert_string_equal(clean_text("abc\xc3\xbc", out, 6), "abc\xc3\xbc");
	assert_string_equal(clean_text("abc", out, 1), "");
	assert_int_equal(text_columns("abc\xc3\xbc\xe2\x84\xa2"), 5);
}

static void test_names(void **unused)
{
	static const struct {
		const char *vendor;
		const char *model;
		const char *wanted;
	} rows[] = {
		{ "NVIDIA Corporation", "GP106GL [Quadro P2000]",
		  "NVIDIA GP106GL [Quadro P2000]" },
		{ "Advanced Micro Devices, Inc. [AMD/ATI]", "Navi 21", "AMD/ATI Navi 21" },
		{ "Red Hat, Inc.", "Virtio 1.0 GPU", "Red Hat Virtio 1.0 GPU" },
		{ "Samsung Electronics Co Ltd", "PM9A1", "Samsung PM9A1" },
		{ "Intel Corporation", "", "Intel device 1c30" },
		{ "Corporation", "X", "Corporation X" },
		{ "[odd]", "X", "[odd] X" },
		{ "", "", "VGA compatible controller" },
	};
	struct state state;
	char out[INVENTORY_NAME_SIZE];

	(void)unused;
	make(&state, NULL);
	state.inventory.items[3].class_name = strdup("VGA compatible controller");
	for (size_t i = 0; i < LENGTH(rows); i++) {
		set_names(&state.inventory.items[3], rows[i].vendor, rows[i].model);
		assert_string_equal(item_name(&state.inventory.items[3], out), rows[i].wanted);
	}
	/* A name of 4096 letters is cut and breaks nothing. */
	char *huge = malloc(4097);
	memset(huge, 'x', 4096);
	huge[4096] = '\0';
	set_names(&state.inventory.items[3], huge, huge);
	assert_true(strlen(item_name(&state.inventory.items[3], out)) < sizeof(out));
	free(huge);
	unmake(&state);
}

static void test_drivers(void **unused)
{
	struct state state;
	char out[INVENTORY_NAME_SIZE];
	char name[DRIVER_NAME_SIZE];

	(void)unused;
	make(&state, NULL);
	struct inventory_item *items = state.inventory.items;
	assert_string_equal(item_driver(&items[3], out), "nouveau");
	add_module(&items[3], "nouveau", false);
	assert_string_equal(item_driver(&items[3], out), "nouveau");
	add_module(&items[3], "nvidiafb", true);
	assert_string_equal(item_driver(&items[3], out), "nouveau (!nvidiafb)");
	add_module(&items[4], "snd_hda_intel", false);
	assert_string_equal(item_driver(&items[4], out), "vfio-pci (snd_hda_intel)");
	assert_string_equal(item_driver(&items[5], out), "-");
	add_module(&items[5], "nvme", true);
	assert_string_equal(item_driver(&items[5], out), "- (!nvme)");
	/* A driver's dashes are its module's underscores. */
	(void)copy_field(state.snapshot.devices[1].driver, DRIVER_NAME_SIZE, "intel-lpss");
	add_module(&items[1], "intel_lpss", false);
	assert_string_equal(item_driver(&items[1], out), "intel-lpss");
	for (int i = 0; i < 50; i++) {
		(void)snprintf(name, sizeof(name), "a_module_with_a_rather_long_name_%d", i);
		add_module(&items[5], name, false);
	}
	assert_true(strlen(item_driver(&items[5], out)) < sizeof(out));
	assert_int_equal(item_owner(&items[3]), OWNER_NATIVE);
	assert_int_equal(item_owner(&items[4]), OWNER_VFIO);
	assert_int_equal(item_owner(&items[5]), OWNER_NONE);
	unmake(&state);
}

static void test_marks(void **unused)
{
	struct state state;
	char out[INVENTORY_NAME_SIZE];

	(void)unused;
	make(&state, NULL);
	const struct inventory_item *item = &state.inventory.items[3];
	struct details *details = &state.details[3];
	assert_string_equal(item_marks(item, out), "");
	details->boot_vga = 0;
	assert_string_equal(item_marks(item, out), "");
	details->boot_vga = 1;
	assert_string_equal(item_marks(item, out), "boot display");
	details->sriov_totalvfs = 7;
	details->sriov_numvfs = 2;
	assert_string_equal(item_marks(item, out), "boot display, PF 2/7");
	*details = (struct details){ .is_vf = true, .parent = NO_PARENT };
	assert_string_equal(item_marks(item, out), "VF");
	details->has_physfn = true;
	assert_int_equal(pci_address_parse("10000:05:00.1", &details->physfn, NULL), 0);
	assert_string_equal(item_marks(item, out), "VF of 10000:05:00.1");
	unmake(&state);
}

static void gather(void *context, const char *sentence)
{
	text_add(context, "%s\n", sentence);
}

static void assert_warnings(struct state *state, size_t index, const char *wanted)
{
	struct text text = { 0 };
	char *string;

	item_warnings(&state->inventory.items[index], gather, &text);
	assert_int_equal(text_take(&text, &string), 0);
	assert_string_equal(string, wanted);
	free(string);
}

static void test_warnings(void **unused)
{
	struct state state;

	(void)unused;
	/* The whole card is taken: nothing is wrong, with vfio-pci or a native driver on it. */
	make(&state, "10de:1c30");
	assert_warnings(&state, 3, "");
	assert_warnings(&state, 4, "");
	assert_warnings(&state, 1, "");
	state.details[3].boot_vga = 1;
	state.details[3].sriov_numvfs = 1;
	state.inventory.items[3].need = strdup("/ is on it");
	assert_warnings(&state, 3,
			"the system needs it: / is on it\n"
			"it is the boot display: the console on it goes dark\n"
			"vfio-pci refuses a PF while its VFs are enabled\n");
	unmake(&state);

	/* Of the group of 00:1f one is taken and the other is not; it has a native driver. */
	make(&state, "00:1f.3");
	assert_warnings(&state, 2,
			"IOMMU group 1 stays incomplete: ahci keeps 0000:00:1f.2 in it\n");
	assert_warnings(&state, 1, "");
	unmake(&state);

	make(&state, "00:03.0");
	assert_contains(state.plan.decisions[0].reason, "bridge");
	(void)copy_field(state.plan.decisions[0].reason, PLAN_REASON_SIZE, "it is a bridge");
	assert_warnings(&state, 0, "refused: it is a bridge\n");
	unmake(&state);

	make(&state, "10de:1c30");
	state.snapshot.devices[3].iommu_group = state.snapshot.devices[4].iommu_group = -1;
	assert_int_equal(inventory_prepare(&state.inventory), 0);
	state.inventory.items[3].obstacle = NULL;
	assert_warnings(&state, 3, "it has no IOMMU group: is the IOMMU on?\n");
	unmake(&state);
}

static void test_table(void **unused)
{
	struct state state;
	char *text;

	(void)unused;
	make(&state, "10de:1c30");
	set_names(&state.inventory.items[3], "NVIDIA Corporation", "GP106GL [Quadro P2000]");
	state.details[3].boot_vga = 1;
	assert_int_equal(inventory_table(&state.inventory, 0, false, &text), 0);
	assert_string_equal(
		text,
		"ADDRESS       ID         CLASS    GROUP  DRIVER (MODULES)  CLAIM  NAME\n"
		"0000:00:03.0  8086:2f08  bridge       0  pcieport\n"
		"0000:00:1f.2  8086:2922  storage      1  ahci\n"
		"0000:00:1f.3  8086:2930  audio        1  snd_hda_intel\n"
		"0000:01:00.0  10de:1c30  display      3  nouveau           gpu    "
		"NVIDIA GP106GL [Quadro P2000] (boot display)\n"
		"0000:01:00.1  10de:10f1  audio        3  vfio-pci          gpu\n"
		"0001:02:00.0  144d:a80a  nvme         5  -\n"
		"note: 0000:01:00.0 (claim gpu): it is the boot display: the console on it "
		"goes dark\n");
	free(text);
	/* Cut to 100 columns, the marks stay; much narrower, the name keeps a rest. */
	assert_int_equal(inventory_table(&state.inventory, 100, false, &text), 0);
	assert_contains(text, "gpu    NVIDIA GP106GL [... (boot display)\n");
	free(text);
	assert_int_equal(inventory_table(&state.inventory, 40, false, &text), 0);
	assert_contains(text, "gpu    NVIDIA GP... (boot display)\n");
	free(text);
	state.details[1].numa_node = 1;
	assert_int_equal(inventory_prepare(&state.inventory), 0);
	assert_int_equal(inventory_table(&state.inventory, 0, true, &text), 0);
	assert_contains(text, "GROUP  NUMA  DRIVER");
	assert_contains(text, "    1     1  ahci\n");
	assert_contains(text, "    1     -  snd_hda_intel\n");
	assert_contains(text, "\033[32mgpu\033[0m    NVIDIA");
	free(text);
	unmake(&state);
}

static void test_tree(void **unused)
{
	const struct inventory_filter filter = { .group = 3 };
	struct state state;
	char *text;

	(void)unused;
	make(&state, NULL);
	assert_int_equal(inventory_render_tree(&state.inventory, 0, false, &text), 0);
	assert_string_equal(text,
			    "ADDRESS               GROUP  DRIVER (MODULES)  CLASS AND NAME\n"
			    "root bus 0000:00\n"
			    "|-- 0000:00:03.0          0  pcieport\n"
			    "|   |-- 0000:01:00.0      3  nouveau\n"
			    "|   `-- 0000:01:00.1      3  vfio-pci\n"
			    "|-- 0000:00:1f.2          1  ahci\n"
			    "`-- 0000:00:1f.3          1  snd_hda_intel\n"
			    "root bus 0001:02\n"
			    "`-- 0001:02:00.0          5  -\n");
	free(text);
	/* The bridge above what is shown is shown too. */
	assert_int_equal(inventory_filter(&state.inventory, &state.snapshot, &filter), 0);
	assert_int_equal(inventory_render_tree(&state.inventory, 0, false, &text), 0);
	assert_string_equal(text,
			    "ADDRESS               GROUP  DRIVER (MODULES)  CLASS AND NAME\n"
			    "root bus 0000:00\n"
			    "`-- 0000:00:03.0          0  pcieport\n"
			    "    |-- 0000:01:00.0      3  nouveau\n"
			    "    `-- 0000:01:00.1      3  vfio-pci\n");
	free(text);
	unmake(&state);
}

/* So many functions, each below the one before it. */
static void make_chain(struct snapshot *snapshot, struct details **details, size_t count)
{
	*snapshot = (struct snapshot){ calloc(count, sizeof(struct device)), count };
	*details = calloc(count, sizeof(**details));
	assert_non_null(snapshot->devices);
	assert_non_null(*details);
	for (size_t i = 0; i < count; i++) {
		snapshot->devices[i].address.domain = (uint32_t)i;
		snapshot->devices[i].class_code = 0x060400;
		(*details)[i].parent = i == 0 ? NO_PARENT : i - 1;
		(*details)[i].is_bridge = true;
	}
}

/* What no machine is: 5,000 bridges in a row. Not drawn wide, and without deep recursion. */
static void test_deep_tree(void **unused)
{
	struct snapshot snapshot;
	struct details *details;
	struct inventory inventory;
	struct inventory_tree tree;
	char *text;

	(void)unused;
	make_chain(&snapshot, &details, 5000);
	assert_int_equal(inventory_make(&snapshot, details, &inventory), 0);
	assert_int_equal(inventory_prepare(&inventory), 0);
	assert_int_equal(inventory_tree(&inventory, &tree), 0);
	assert_int_equal(tree.count, 5000);
	assert_int_equal(tree.nodes[4999].depth, 4999);
	assert_int_equal(tree.nodes[0].end, 5000);
	inventory_tree_free(&tree);
	assert_int_equal(inventory_render_tree(&inventory, 0, false, &text), 0);
	assert_true(strlen(text) < 5000 * 160);
	free(text);
	assert_int_equal(inventory_svg(&inventory, "deep", &text), 0);
	assert_null(strstr(text, "width=\"-"));
	free(text);
	inventory_free(&inventory);
	free(details);
	free(snapshot.devices);
}

static void test_no_devices(void **unused)
{
	struct snapshot snapshot = { 0 };
	struct details none = { 0 };
	struct inventory inventory;
	char *text;

	(void)unused;
	assert_int_equal(inventory_make(&snapshot, &none, &inventory), 0);
	assert_int_equal(inventory_prepare(&inventory), 0);
	assert_int_equal(inventory_table(&inventory, 0, false, &text), 0);
	assert_contains(text, "ADDRESS");
	free(text);
	assert_int_equal(inventory_render_tree(&inventory, 0, false, &text), 0);
	free(text);
	assert_int_equal(inventory_svg(&inventory, "", &text), 0);
	assert_contains(text, "0 functions");
	free(text);
	inventory_free(&inventory);
}

static char *draw(struct state *state, const char *title)
{
	char *text;

	assert_int_equal(inventory_svg(&state->inventory, title, &text), 0);
	return text;
}

static void test_svg(void **unused)
{
	struct state state;
	char *text;

	(void)unused;
	make(&state, "10de:1c30");
	set_names(&state.inventory.items[3], "A & B <x>", "\"q\" \033]0;t\a");
	state.details[3].boot_vga = 1;
	text = draw(&state, "host <&> \"a\"");
	assert_contains(text, "<title>host &lt;&amp;&gt; &quot;a&quot;</title>");
	assert_contains(text, "A &amp; B &lt;x&gt; &quot;q&quot; ?]0;t?</text>");
	assert_null(strstr(text, "\033"));
	assert_contains(text, "6 functions; VFIO has 1 now. The next boot claims 2 (1 with");
	assert_contains(text, "class=\"danger\"");
	assert_contains(text, "class=\"claimed\"");
	assert_contains(text, ">it is the boot display: the console on it goes dark</text>");
	assert_contains(text, "claim gpu: vfio-pci</text>");
	assert_contains(text, "driver nouveau, boot display</text>");
	assert_contains(text, "root bus 0001:02</text>");
	assert_contains(text, ">group 5</text>");
	free(text);
	state.inventory.items[1].need = strdup("swap (/dev/sda2) is on it");
	text = draw(&state, "");
	assert_contains(text, "needed by the system: swap (/dev/sda2) is on it</text>");
	free(text);
	unmake(&state);
}

/* Rows that are alike become one, with how many they are and their groups. */
static void test_svg_alike(void **unused)
{
	enum { COUNT = 64 };
	struct snapshot snapshot = { calloc(COUNT, sizeof(struct device)), COUNT };
	struct details *details = calloc(COUNT, sizeof(*details));
	struct inventory inventory;
	char *text;

	(void)unused;
	assert_non_null(snapshot.devices);
	assert_non_null(details);
	for (size_t i = 0; i < COUNT; i++) {
		struct device *device = &snapshot.devices[i];

		device->address =
			(struct pci_address){ 0, 5, (uint8_t)(i / 8), (uint8_t)(i % 8) };
		device->ids = (struct pci_ids){ 0x8086, 0x1520, 0, 0 };
		device->class_code = 0x020000;
		device->iommu_group = 10 + (int)i;
		details[i].parent = NO_PARENT;
		details[i].is_vf = true;
	}
	assert_int_equal(inventory_make(&snapshot, details, &inventory), 0);
	assert_int_equal(inventory_prepare(&inventory), 0);
	assert_int_equal(inventory_svg(&inventory, "", &text), 0);
	assert_contains(text, ">0000:05:00.0 to 0000:05:07.7</text>");
	assert_contains(text, ">groups 10 to 73</text>");
	assert_null(strstr(text, ">0000:05:00.1"));
	free(text);
	/* One with another driver is by itself, and parts the others. */
	(void)copy_field(snapshot.devices[32].driver, DRIVER_NAME_SIZE, "igbvf");
	assert_int_equal(inventory_svg(&inventory, "", &text), 0);
	assert_contains(text, ">0000:05:00.0 to 0000:05:03.7</text>");
	assert_contains(text, ">0000:05:04.0</text>");
	assert_contains(text, ">0000:05:04.1 to 0000:05:07.7</text>");
	free(text);
	inventory_free(&inventory);
	free(details);
	free(snapshot.devices);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_class_words),   cmocka_unit_test(test_filters),
		cmocka_unit_test(test_wrong_classes), cmocka_unit_test(test_clean_text),
		cmocka_unit_test(test_names),         cmocka_unit_test(test_drivers),
		cmocka_unit_test(test_marks),         cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_table),         cmocka_unit_test(test_tree),
		cmocka_unit_test(test_deep_tree),     cmocka_unit_test(test_no_devices),
		cmocka_unit_test(test_svg),           cmocka_unit_test(test_svg_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
