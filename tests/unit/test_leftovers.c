// SPDX-License-Identifier: GPL-2.0-or-later
/* What works against the claims in a system's files. */
#include "leftovers.h"
#include "unit.h"

static const struct config no_claims;

/* The warnings of one text, "LINE: MESSAGE" each, joined by newlines. */
static char *find_in(const struct leftover_view *view, enum leftover_file kind,
		     const char *file, const char *text)
{
	struct diagnostics warnings = { 0 };
	struct text out = { 0 };
	char *joined;

	assert_int_equal(leftovers_find(kind, file, text, view, &warnings), 0);
	for (size_t i = 0; i < warnings.count; i++) {
		assert_string_equal(warnings.items[i].file, file);
		text_add(&out, "%u: %s\n", warnings.items[i].line, warnings.items[i].message);
	}
	diagnostics_free(&warnings);
	assert_int_equal(text_take(&out, &joined), 0);
	return joined;
}

static char *find_with(const struct leftover_view *view, enum leftover_file kind,
		       const char *text)
{
	return find_in(view, kind, "file", text);
}

static char *find(enum leftover_file kind, const char *text, bool has_virqfd)
{
	const struct leftover_view view = { .config = &no_claims, .has_virqfd = has_virqfd };

	return find_with(&view, kind, text);
}

struct row {
	enum leftover_file kind;
	const char *text;
	const char *warning; /* NULL: none */
};

static const struct row rows[] = {
	{ LEFTOVER_SCRIPT,
	  "#!/bin/sh\nfor d in 0000:01:00.0; do\n"
	  "echo vfio-pci >/sys/bus/pci/devices/$d/driver_override\n"
	  "echo $d >/sys/bus/pci/drivers/vfio-pci/bind\n",
	  "3: it binds devices by hand (driver_override)" },
	{ LEFTOVER_UNIT, "[Service]\n ExecStart=/usr/local/bin/vfio-bind-devices.sh\n",
	  "2: it binds devices by hand (vfio-bind)" },
	{ LEFTOVER_UNIT, "ExecStart=/bin/sh -c \\\n  'echo a >driver_override'\n",
	  "1: it binds devices by hand (driver_override)" },
	{ LEFTOVER_UNIT, "Description=driver_override of the GPU\n", NULL },
	{ LEFTOVER_UNIT, ";ExecStart=/bin/vfio-bind\n # ExecStart=/bin/vfio-bind\n", NULL },
	{ LEFTOVER_SCRIPT, "modprobe vfio # vfio-bind is gone\n", NULL },
	{ LEFTOVER_SCRIPT, "echo 'a #' >driver_override\n", "1: it binds devices by hand" },
	{ LEFTOVER_SHELL, "GRUB_CMDLINE_LINUX=\"quiet\" # vfio-pci.ids=10de:1c30\n", NULL },
	{ LEFTOVER_SHELL, "GRUB_CMDLINE_LINUX=\"a # amd_iommu=on\"\n", "1: amd_iommu=on is" },
	{ LEFTOVER_SHELL, "A='it''s' # isn't\nGRUB_CMDLINE_LINUX='a#b amd_iommu=on'\n",
	  "2: amd_iommu=on is" },
	{ LEFTOVER_SHELL, "GRUB_CMDLINE_LINUX=\"quiet \\\n\\\n  amd_iommu=on\"\nX=1\n",
	  "3: amd_iommu=on is" },
	{ LEFTOVER_SHELL, "GRUB_CMDLINE_LINUX=\"quiet amd_\\\niommu=on\"\n",
	  "1: amd_iommu=on is" },
	{ LEFTOVER_SHELL, "\nGRUB_CMDLINE_LINUX='\n quiet\n amd_iommu=on'\n",
	  "4: amd_iommu=on is" },
	{ LEFTOVER_SHELL, "GRUB_CMDLINE_LINUX='a\nb' \\\n\nGRUB_CMDLINE_LINUX=amd_iommu=on",
	  "4: amd_iommu=on is" },
	{ LEFTOVER_SHELL, "# GRUB_CMDLINE_LINUX=\\\nOTHER=amd_iommu=on\n", NULL },
	{ LEFTOVER_SHELL, "GRUB_CMDLINE_LINUX=a\\\\\nOTHER=amd_iommu=on\n", NULL },
	{ LEFTOVER_SHELL, "OTHER='\nGRUB_DEFAULT=amd_iommu=on'\n", NULL },
	{ LEFTOVER_SHELL, "GRUB_CMDLINE_XEN=\"amd_iommu=on\"\n", NULL },
	{ LEFTOVER_TOML, "kargs = [\"quiet\", \"amd_iommu=on\"]\n", "amd_iommu=on is no" },
	{ LEFTOVER_TOML, "kargs = ['quiet', # amd_iommu=on\n \"amd_iommu=on\",\n]\n",
	  "2: amd" },
	{ LEFTOVER_TOML, "kargs = ['quiet'] # amd_iommu=on\n", NULL },
	/* kernel-install(8): a comment is a whole line. */
	{ LEFTOVER_LINE, "quiet # amd_iommu=on\n", "1: amd_iommu=on" },
	{ LEFTOVER_LINE, "quiet\n# amd_iommu=on\n", NULL },
	{ LEFTOVER_MODPROBE, "options vfio-pci \\\n ids=10de:1c30\noptions pci-stub ids=1:2\n",
	  "2: ids= of vfio-pci beside" },
	{ LEFTOVER_MODPROBE, "options vfio-pci \\\n ids=10de:1c30\noptions pci-stub ids=1:2\n",
	  "3: pci_stub of" },
	{ LEFTOVER_MODPROBE, "# options \\\noptions vfio-pci ids=10de:1c30\n", NULL },
	{ LEFTOVER_MODPROBE, "options vfio-pci disable_ids=1\n", NULL },
	{ LEFTOVER_SCRIPT, "# echo vfio-pci >driver_override\nmodprobe vfio-pci\n", NULL },
	/* The test's file is called "file", which is no device's. */
	{ LEFTOVER_DRIVERCTL, "vfio-pci\n", NULL },
	{ LEFTOVER_SHELL, "GRUB_CMDLINE_LINUX=\"quiet amd_iommu=on\"\n",
	  "1: amd_iommu=on is no" },
	{ LEFTOVER_SHELL, "# GRUB_CMDLINE_LINUX=\"amd_iommu=on\"\n", NULL },
	{ LEFTOVER_SHELL, "OTHER=\"amd_iommu=on\"\n", NULL },
	{ LEFTOVER_SHELL, "GRUB_CMDLINE_LINUX='amd_iommu=fullflush'\n", NULL },
	{ LEFTOVER_SHELL, "\nGRUB_CMDLINE_LINUX_DEFAULT='a rs.driver.blacklist=nouveau'\n",
	  "2: the kernel knows no 'rs.driver.blacklist'; is rd.driver.blacklist meant?" },
	{ LEFTOVER_SHELL, "GRUB_CMDLINE_LINUX='modprobe.blaklist=nouveau'\n",
	  "is modprobe.blacklist meant?" },
	{ LEFTOVER_LINE, "vfio_pci.id=10de:1c30", "is vfio-pci.ids meant?" },
	{ LEFTOVER_LINE, "inte_iommu=on", "is intel-iommu meant?" },
	{ LEFTOVER_LINE, "intel_iommu=on iommu=pt iommu.passthrough=1 rd.driver.pre=vfio-pci",
	  NULL },
	{ LEFTOVER_LINE, "module_blacklist=a initcall_blacklist=b kvm.ignore_msrs=1", NULL },
	{ LEFTOVER_LINE, "kvm.report_ignored_msrs=0 amd_iommu_intr=vapic rd.driver.export",
	  NULL },
	{ LEFTOVER_LINE, "modprobe.blacklist=nouveau,snd-hda-intel,xe",
	  "'snd-hda-intel' has no effect, write snd_hda_intel" },
	{ LEFTOVER_LINE, "modprobe.blacklist=nouveau,snd_hda_intel", NULL },
	{ LEFTOVER_LINE, "rdblacklist=nouveau", "1: rdblacklist= is an old name" },
	{ LEFTOVER_SHELL, "if [ \"$a\" = b ]; then GRUB_CMDLINE_LINUX=\"amd_iommu=on\"; fi\n",
	  "1: amd_iommu=on is no" },
	{ LEFTOVER_SHELL, "GRUB_EDPM_KERNEL_ARGS=\" amd_iommu=on vfio-pci.ids=10de:20f1 \"\n",
	  "1: amd_iommu=on is no" },
	{ LEFTOVER_LINE, "pci-stub.ids=10de:1c30", "1: pci-stub.ids= of an older guide" },
	{ LEFTOVER_LINE, "vfio-pci.ids=10de:1c30",
	  "1: vfio-pci.ids= beside the configuration" },
	{ LEFTOVER_ENTRY, "title amd_iommu=on\noptions ro amd_iommu=on $tuned_params\n",
	  "2: amd_iommu=on is" },
	{ LEFTOVER_ENTRY, "#options amd_iommu=on\n  APPEND ro amd_iommu=on\n",
	  "2: amd_iommu=on" },
	{ LEFTOVER_ENTRY, "options\tamd_iommu=on\n", "1: amd_iommu=on is" },
	{ LEFTOVER_ENTRY, "kernelopts=root=/dev/sda1 amd_iommu=on\n", "1: amd_iommu=on is" },
	{ LEFTOVER_ENTRY, "kernelopts=amd_iommu=on\nboot_success=0\n", "1: amd_iommu=on is" },
	{ LEFTOVER_ENTRY, "menuentry 'a' {\n\tlinux /vmlinuz ro \\\n amd_iommu=on\n}\n",
	  "3: amd_iommu=on is" },
	{ LEFTOVER_ENTRY, "[bootloader]\ncmdline_gpu = +amd_iommu=on\n", "2: amd_iommu=on is" },
	{ LEFTOVER_ENTRY, "cmdline=amd_iommu=on\n", "1: amd_iommu=on is" },
	{ LEFTOVER_ENTRY, "cmdline_gpu=+amd_iommu=on\n", "1: amd_iommu=on is" },
	{ LEFTOVER_ENTRY, "cmdline_gpu=-amd_iommu=on\n; cmdline=amd_iommu=on\n", NULL },
	{ LEFTOVER_ENTRY, "linux\nsummary=amd_iommu=on\n", NULL },
	{ LEFTOVER_LINE, "intel_iommu=pt", "1: intel_iommu=pt is no option of the kernel" },
	{ LEFTOVER_LINE, "intel_iommu=1", "1: intel_iommu=1 is no option of the kernel" },
	{ LEFTOVER_LINE, "intel_iommu=on,pt", "1: intel_iommu=pt is no option" },
	{ LEFTOVER_LINE, "intel_iommu=on,igfx_off,sm_on,new_one iommu=pt iommu=force", NULL },
	{ LEFTOVER_LINE, "amd_iommu=pt",
	  "AMD's IOMMU is on by itself, and iommu=pt is meant;" },
	{ LEFTOVER_LINE, "amd_iommu=on,pt", "1: amd_iommu=on is no option" },
	{ LEFTOVER_LINE, "amd_iommu=on,pt", "1: amd_iommu=pt is no option" },
	{ LEFTOVER_LINE, "amd_iommu=pgtbl_v2,force_enable", NULL },
	{ LEFTOVER_LINE, "iommu=off", "1: iommu=off is there to switch off the IOMMU" },
	{ LEFTOVER_LINE, "intel_iommu=off", "1: intel_iommu=off is there to switch off" },
	{ LEFTOVER_BOOTED, "amd_iommu=off", "1: amd_iommu=off is there to switch off" },
	{ LEFTOVER_LINE, "efi=off acpi=off iommu=nopt video=efifb:off", NULL },
	{ LEFTOVER_LINE, "module_blacklist=nouveau,snd-hda-intel",
	  "module_blacklist= takes underscores only: 'snd-hda-intel' has no effect, write "
	  "snd_hda_intel" },
	{ LEFTOVER_LINE, "module_blacklist=nouveau,vfio_pci",
	  "1: module_blacklist=vfio_pci: " },
	{ LEFTOVER_LINE, "module_blacklist=nouveau modprobe.blacklist=xe,nvidiafb", NULL },
	{ LEFTOVER_SHELL, "GRUB_CMDLINE_LINUX=\"vfio-pci ids=10de:1c30\"\n",
	  "1: ids= alone is no argument" },
	{ LEFTOVER_SHELL, "GRUB_CMDLINE_LINUX=\"quiet rd.vfio-claim=0\"\n",
	  "1: rd.vfio-claim=0 switches all claims off, at every boot" },
	{ LEFTOVER_SHELL, "GRUB_CMDLINE_LINUX_RECOVERY=\"single rd.vfio-claim=0\"\n", NULL },
	{ LEFTOVER_SHELL,
	  "GRUB_CMDLINE_LINUX_RECOVERY=single\nGRUB_CMDLINE_LINUX=\"rd.vfio-claim=off\"\n",
	  "2: rd.vfio-claim=off switches" },
	{ LEFTOVER_LINE, "rd.vfio-claim=10de:1c30 rd.vfio-claim.debug", NULL },
	{ LEFTOVER_LINE, "ro rd.vfio-claim=no", "1: rd.vfio-claim=no switches" },
	{ LEFTOVER_BOOTED, "rd.vfio-claim=0", NULL },
	{ LEFTOVER_ENTRY, "options ro rd.vfio-claim=0\n", NULL },
	{ LEFTOVER_ENTRY, "\"Recovery\" \"ro rd.vfio-claim=0\"\n", NULL },
	{ LEFTOVER_ENTRY, "\"Boot it\" \"ro amd_iommu=on\"\n", "1: amd_iommu=on is" },
	{ LEFTOVER_MODPROBE, "blacklist vfio-pci\n",
	  "1: a blacklisted vfio-pci is not loaded" },
	{ LEFTOVER_MODPROBE, "blacklist nouveau\nblacklist vfio_pci_mdev\n", NULL },
	{ LEFTOVER_MODPROBE, "softdep nouveau pre: pci-stub\n",
	  "1: pci_stub of an older guide" },
	{ LEFTOVER_BOOTED, "vfio-pci.ids=10de:1c30", NULL },
	{ LEFTOVER_BOOTED, "vfio-pci.ids=10de:1c30 vfio_pci.ids=10de:10f1",
	  "1: vfio-pci.ids= stands there more than once" },
	{ LEFTOVER_MODPROBE, "options vfio-pci ids=10de:1c30\n", "1: ids= of vfio-pci beside" },
	{ LEFTOVER_MODPROBE, "options vfio-pci disable_vga=1\n", NULL },
	{ LEFTOVER_MODPROBE, "options\tpci-stub ids=10de:1c30\n",
	  "pci_stub of an older guide" },
	{ LEFTOVER_MODPROBE, "install vfio-pci /sbin/override.sh\n", "an install command" },
	{ LEFTOVER_MODPROBE, "install nouveau /bin/false\n", NULL },
	{ LEFTOVER_MODPROBE, "softdep nouveau pre: vfio-pci\n", NULL },
	{ LEFTOVER_MODULES, "# list\npci_stub ids=10de:1c30\n",
	  "2: pci_stub of an older guide" },
	{ LEFTOVER_MODULES, "vfio_pci ids=10de:1c30\n", "1: ids= of vfio-pci" },
	{ LEFTOVER_MODULES, "vfio\nvfio_pci\nvfio_iommu_type1\n", NULL },
	{ LEFTOVER_MODULES, "vfio\nvfio_virqfd\n",
	  "2: no kernel here has the module vfio_virqfd" },
	{ LEFTOVER_MODULES, "", NULL },
	{ LEFTOVER_DRACUT, "add_drivers+=\" vfio vfio_virqfd vfio_pci \"\n",
	  "1: no kernel here has the module vfio_virqfd (part of vfio since 6.2), and dracut "
	  "leaves out what stands behind it; remove it" },
	{ LEFTOVER_DRACUT, "add_drivers+=' vfio vfio_iommu_type1 vfio_pci '\n", NULL },
	{ LEFTOVER_DRACUT, "# add_drivers+=' vfio_virqfd '\nadd_drivers+=' a ' # pci_stub\n",
	  NULL },
	{ LEFTOVER_DRACUT, "force_drivers+=\" pci_stub \"\n", "1: pci_stub of an older guide" },
	{ LEFTOVER_DRACUT, "drivers=\"pci-stub\"\n", "1: pci_stub of an older guide" },
	{ LEFTOVER_DRACUT, "force_drivers+=pci_stub\n", "1: pci_stub of an older guide" },
	{ LEFTOVER_DRACUT, "add_drivers+=\" vfio \\\n  pci-stub\n vfio_virqfd \"\n",
	  "2: pci_stub of an older guide" },
	{ LEFTOVER_DRACUT, "add_drivers+=\" vfio \\\n  pci-stub\n vfio_virqfd \"\n",
	  "3: no kernel here" },
	{ LEFTOVER_DRACUT, "kernel_cmdline=\"ro vfio-pci.ids=10de:1c30\"\n",
	  "1: vfio-pci.ids= beside" },
	{ LEFTOVER_DRACUT, "omit_drivers+=\" nouveau vfio-pci \"\n",
	  "1: omit_drivers keeps vfio_pci out" },
	{ LEFTOVER_DRACUT, "omit_drivers+=\" nouveau pci_stub \"\n", NULL },
	{ LEFTOVER_DRACUT, "add_drivers+=\"vfio_pci\"\n", "1: dracut joins this to" },
	{ LEFTOVER_DRACUT, "add_drivers+=\" vfio_pci\"\n", "1: dracut joins this to" },
	{ LEFTOVER_DRACUT, "add_drivers+=vfio_pci\n", "1: dracut joins this to" },
	{ LEFTOVER_DRACUT, "add_drivers=\"vfio_pci\"\nadd_drivers+=\"nvme\"\n", NULL },
	{ LEFTOVER_DRACUT, "install_items+=\"/etc/vfio-pci.ids=\"\nhostonly=\"no\"\n", NULL },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char *found = find(rows[i].kind, rows[i].text, false);

		if (rows[i].warning == NULL)
			assert_string_equal(found, "");
		else
			assert_contains(found, rows[i].warning);
		free(found);
	}
}

/* 6.1 has it as a module of its own. */
static void test_virqfd(void **state)
{
	char *found = find(LEFTOVER_MODULES, "vfio_virqfd\n", true);

	(void)state;
	assert_string_equal(found, "");
	free(found);
}

static void test_long_lists(void **state)
{
	struct text text = { 0 };
	char *line;

	(void)state;
	text_add(&text, "vfio-pci.ids=10de:0000");
	for (int i = 1; i < 102; i++)
		text_add(&text, ",10de:%04x", i);
	char *most = strdup(text.data);
	text_add(&text, ",10de:ffff");
	assert_int_equal(text_take(&text, &line), 0);
	assert_int_equal(strlen(most) - strlen("vfio-pci.ids="), 1019);

	char *found = find(LEFTOVER_BOOTED, most, false);
	assert_string_equal(found, "");
	free(found);
	found = find(LEFTOVER_BOOTED, line, false);
	assert_contains(found, "the list of IDs has 1029 bytes, the kernel takes 1023");
	free(found);
	free(most);
	free(line);
}

/* Adds one with those selectors, up to `count` or to a NULL. */
static void add_claim(struct config *config, const char *const *matches, size_t count,
		      const char *except)
{
	struct claim *claim = claims_add(&config->claims, "a");
	char reason[SELECTOR_TEXT_SIZE];
	struct selector selector;

	for (size_t i = 0; i < count && matches[i] != NULL; i++) {
		assert_int_equal(selector_parse(matches[i], false, &selector, reason), 0);
		assert_int_equal(claim_add_match(claim, &selector), 0);
	}
	if (except != NULL) {
		assert_int_equal(selector_parse(except, false, &selector, reason), 0);
		assert_int_equal(claim_add_except(claim, &selector), 0);
	}
}

/* EDPM's node set, whose arguments `export edpm` may have written from the same claims. */
static void test_node_set(void **state)
{
	static const char line[] =
		"GRUB_EDPM_KERNEL_ARGS=\" rd.driver.pre=vfio-pci "
		"vfio-pci.ids=10de:20f1,10de:1aef \"\n"
		"GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX ${GRUB_EDPM_KERNEL_ARGS}\"\n";
	static const struct {
		const char *matches[2];
		const char *warning;
	} sets[] = {
		{ { NULL }, "1: vfio-pci.ids= gives 10de:20f1 to VFIO" },
		{ { "10de:20f1" }, "1: vfio-pci.ids= gives 10de:1aef to VFIO" },
		{ { "10de:1aef", "10de:20f1" }, NULL },
		{ { "10de:*" }, NULL },
		/* What is there, and so what its IDs are, cannot be told. */
		{ { "10de:1234", "0000:83:00.0" }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(sets); i++) {
		struct config config = { 0 };
		const struct leftover_view view = { .config = &config };

		add_claim(&config, sets[i].matches, 2, NULL);
		char *found = find_with(&view, LEFTOVER_SHELL, line);
		if (sets[i].warning == NULL)
			assert_string_equal(found, "");
		else
			assert_contains(found, sets[i].warning);
		free(found);
		claims_free(&config.claims);
	}
}

/* What is in other slots than the claims' is others' business: DPDK's network cards, say. */
static void test_bindings(void **state)
{
	static const struct {
		enum leftover_file kind;
		const char *file; /* NULL: "file" */
		const char *text;
		const char *matches[2];
		const char *except;
		const char *warning;
	} cases[] = {
		{ LEFTOVER_DRIVERCTL,
		  "/etc/driverctl.d/pci-0000:5e:00.1",
		  "vfio-pci\n",
		  { "0000:01:00.0 10de:1c30" },
		  NULL,
		  NULL },
		{ LEFTOVER_DRIVERCTL,
		  "/etc/driverctl.d/pci-0000:01:00.1",
		  "vfio-pci\n",
		  { "0000:01:00.0 10de:1c30" },
		  NULL,
		  "1: driverctl gives 0000:01:00.1 to vfio-pci when udev runs, whatever" },
		{ LEFTOVER_DRIVERCTL,
		  "/etc/driverctl.d/pci-0000:5e:00.1",
		  "vfio-pci\n",
		  { "0000:01:00.0", "10de:1c30" },
		  NULL,
		  "when udev runs: if a claim takes this device, take it back with: driverctl "
		  "unset-override 0000:5e:00.1; leave it if it serves something else" },
		{ LEFTOVER_DRIVERCTL,
		  "/etc/driverctl.d/pci-0000:5e:00.1",
		  "vfio-pci\n",
		  { NULL },
		  NULL,
		  "leave it if it serves something else" },
		{ LEFTOVER_DRIVERCTL,
		  "/etc/driverctl.d/pci-0000:5e:00.1",
		  "vfio-pci\n",
		  { "5e:00.*" },
		  "5e:00.1",
		  NULL },
		{ LEFTOVER_DRIVERCTL,
		  "/etc/driverctl.d/pci-0000:5e:00.2",
		  "vfio-pci\n",
		  { "5e:00.*" },
		  "5e:00.1",
		  "whatever the claims say" },
		{ LEFTOVER_SCRIPT,
		  NULL,
		  "echo vfio-pci >/sys/bus/pci/devices/0000\\:5e\\:00.1/driver_override\n",
		  { "01:00.0" },
		  NULL,
		  NULL },
		{ LEFTOVER_SCRIPT,
		  NULL,
		  "# 0000:01:00.0 is the GPU's\nKERNEL==\"0000:5e:00.1\", "
		  "ATTR{driver_override}=\"vfio-pci\"\n",
		  { "01:00.0" },
		  NULL,
		  NULL },
		{ LEFTOVER_SCRIPT,
		  NULL,
		  "for d in 5e:00.1 01:00.1; "
		  "do\n>/sys/bus/pci/devices/0000:$d/driver_override\n",
		  { "01:00.0" },
		  NULL,
		  "2: it binds devices by hand (driver_override): claims do that" },
		{ LEFTOVER_SCRIPT,
		  NULL,
		  "for d in $(cat /etc/list); do echo $d >driver_override; done\n",
		  { "01:00.0" },
		  NULL,
		  "1: it binds devices by hand (driver_override): if a claim takes them" },
		{ LEFTOVER_SCRIPT,
		  NULL,
		  "bind pci_0000_5e_00_1 >driver_override\n",
		  { "01:00.0" },
		  NULL,
		  NULL },
		{ LEFTOVER_SCRIPT,
		  NULL,
		  "bind pci_0000_01_00_1 >driver_override\n",
		  { "01:00.0" },
		  NULL,
		  "claims do that" },
		{ LEFTOVER_SCRIPT,
		  NULL,
		  "echo 0x10de 12:30 >driver_override\n",
		  { "01:00.0" },
		  NULL,
		  "if a claim takes them" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct config config = { 0 };
		const struct leftover_view view = { .config = &config };
		char *found;

		if (cases[i].matches[0] != NULL)
			add_claim(&config, cases[i].matches, 2, cases[i].except);
		found = find_in(&view, cases[i].kind, cases[i].file ? cases[i].file : "file",
				cases[i].text);
		if (cases[i].warning == NULL)
			assert_string_equal(found, "");
		else
			assert_contains(found, cases[i].warning);
		free(found);
		claims_free(&config.claims);
	}
}

/* An IOMMU that is off is as the configuration wants it, or of another machine. */
static void test_iommu_off(void **state)
{
	static const char line[] = "iommu=off intel_iommu=off";
	struct config config = { 0 };
	const struct leftover_view view = { .config = &config };

	(void)state;
	config.host.cpu = CPU_AMD;
	char *found = find_with(&view, LEFTOVER_LINE, line);
	assert_contains(found, "1: iommu=off");
	assert_null(strstr(found, "intel_iommu=off"));
	free(found);
	config.host.cpu = CPU_INTEL;
	found = find_with(&view, LEFTOVER_LINE, line);
	assert_contains(found, "1: intel_iommu=off");
	free(found);
	config.host.iommu = IOMMU_OFF;
	found = find_with(&view, LEFTOVER_LINE, line);
	assert_string_equal(found, "");
	free(found);
}

/* What apply wrote into a file of others is no left-over; what is beside it is. */
static void test_ours(void **state)
{
	static const char line[] = "ro vfio-pci.ids=10de:1c30 amd_iommu=on";
	struct kargs ours = { 0 };
	const struct leftover_view view = { .config = &no_claims, .ours = &ours };

	(void)state;
	assert_int_equal(kargs_add(&ours, "vfio_pci.ids=10de:1c30"), 0);
	char *found = find_with(&view, LEFTOVER_LINE, line);
	assert_contains(found, "1: amd_iommu=on");
	assert_null(strstr(found, "beside the configuration"));
	free(found);
	found = find_with(&view, LEFTOVER_LINE,
			  "vfio-pci.ids=dead:beef vfio-pci.ids=10de:1c30");
	assert_contains(found, "1: vfio-pci.ids= beside the configuration");
	free(found);
	/* Nobody but its user writes into that one. */
	found = find_with(&view, LEFTOVER_MODULES, "vfio_pci ids=10de:1c30");
	assert_contains(found, "1: ids= of vfio-pci beside");
	free(found);
	kargs_free(&ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),       cmocka_unit_test(test_virqfd),
		cmocka_unit_test(test_long_lists), cmocka_unit_test(test_node_set),
		cmocka_unit_test(test_bindings),   cmocka_unit_test(test_iommu_off),
		cmocka_unit_test(test_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
