// SPDX-License-Identifier: GPL-2.0-or-later
/* Gathers what `vfio-claim status` judges. */
#include "evidence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "boot_record.h"
#include "config_files.h"
#include "details.h"
#include "facts.h"
#include "match.h"
#include "needs.h"
#include "scan.h"
#include "state.h"
#include "target.h"
#include "text.h"
#include "usage.h"

#define DEVICES "sys/bus/pci/devices"
#define DRIVERS "sys/bus/pci/drivers"
#define TABLES "sys/firmware/acpi/tables"

enum { LINE_SIZE_MOST = 1 << 16, PROC_SIZE_MOST = 1 << 22, MODPROBE_SIZE_MOST = 1 << 20 };

static bool there(const struct root *root, const char *path)
{
	struct stat st;

	return fstatat(root->fd, path, &st, 0) == 0;
}

static enum answer answer(bool yes)
{
	return yes ? ANSWER_YES : ANSWER_NO;
}

long long file_time(const struct root *root, const char *path)
{
	AUTO_CLOSE int fd = root_open_inside(root, path, O_PATH);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? (long long)st.st_mtime : 0;
}

/* --- What does not change while the machine is up ---------------------------------------- */

static int read_line(struct evidence *evidence)
{
	AUTO_FREE char *line = NULL;
	size_t length;
	int r = root_read(evidence->root, "proc/cmdline", LINE_SIZE_MOST, &line, &length);

	if (r < 0)
		return r == -ENOMEM ? r
				    : sentences_add(&evidence->facts.unread,
						    "/proc/cmdline cannot be read: %s",
						    strerror(-r));
	r = kargs_parse(line, &evidence->facts.line);
	if (r == 0)
		r = cmdline_parse(line, &evidence->cmdline);
	evidence->facts.disabled_by = evidence->cmdline.disabled_by;
	for (size_t i = 0; r == 0 && i < evidence->cmdline.problem_count; i++)
		r = sentences_add(&evidence->facts.unknown_arguments, "%s",
				  evidence->cmdline.problems[i]);
	return r;
}

/*
 * The claims of this boot: the configuration's, as its table has them, then those of the
 * command line, as the boot helper takes them together.
 */
static int compile_claims(struct evidence *evidence)
{
	char reason[TABLE_REASON_SIZE];
	AUTO_FREE char *table = NULL;
	int r = table_render(&evidence->facts.config->claims, &table);

	if (r == 0)
		r = table_parse(table, strlen(table), &evidence->claims,
				evidence->facts.checksum, reason);
	if (r == 0 && !evidence->cmdline.disabled)
		r = claims_append(&evidence->claims, &evidence->cmdline.claims);
	evidence->facts.claims = &evidence->claims;
	return r;
}

/* The time at which the kernel started: btime of proc_stat(5). */
static long long read_boot_time(const struct root *root)
{
	AUTO_FREE char *text = NULL;
	size_t length;
	unsigned seconds;

	if (root_read(root, "proc/stat", PROC_SIZE_MOST, &text, &length) < 0)
		return 0;
	char *line = strncmp(text, "btime ", 6) == 0 ? text : strstr(text, "\nbtime ");
	if (line == NULL)
		return 0;
	line += *line == '\n' ? 7 : 6;
	line[strcspn(line, "\n")] = '\0';
	return parse_decimal(line, 0, UINT32_MAX, &seconds) == 0 ? (long long)seconds : 0;
}

static bool has_entries(const struct root *root, const char *path)
{
	int fd = openat(root->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	bool any = false;

	if (fd < 0)
		return false;
	AUTO_CLOSEDIR DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		(void)close(fd);
		return false;
	}
	while (!any && (entry = readdir(dir)) != NULL)
		any = entry->d_name[0] != '.';
	return any;
}

/* DMAR is Intel's table, IVRS that of AMD, IORT that of Arm's servers. */
static enum answer find_firmware_iommu(const struct root *root)
{
	if (!there(root, TABLES))
		return ANSWER_UNKNOWN;
	return answer(there(root, TABLES "/DMAR") || there(root, TABLES "/IVRS") ||
		      there(root, TABLES "/IORT"));
}

static void open_modules(struct evidence *evidence)
{
	static const char *const indexes[] = { "modules.dep.bin", "modules.dep" };
	char path[128];

	for (size_t i = 0; i < 2 && evidence->modules == NULL; i++) {
		(void)snprintf(path, sizeof(path), "lib/modules/%s/%s", evidence->kernel,
			       indexes[i]);
		if (*evidence->kernel == '\0' || !there(evidence->root, path))
			continue;
		if (modules_open(evidence->root, evidence->kernel, &evidence->modules) < 0)
			evidence->modules = NULL;
	}
}

/* What this machine's kernel is to be given; as `vfio-claim cmdline --with-hardware`. */
static int compose_arguments(struct evidence *evidence)
{
	struct facts *facts = &evidence->facts;
	char reason[ARGUMENTS_REASON_SIZE];
	struct arguments arguments = { 0 };
	struct target target;
	int r = target_find_with(evidence->root, facts->config, true, &target);

	if (r < 0)
		return r == -ENOMEM
			       ? r
			       : sentences_add(&facts->unread,
					       "the kernel arguments that are wanted cannot "
					       "be worked out: %s",
					       strerror(-r));
	facts->cpu = target.cpu;
	r = arguments_compose(facts->config, &target, "", &arguments, reason);
	target_free(&target);
	if (r == -E2BIG)
		return sentences_add(&facts->unread, "%s", reason);
	facts->arguments = arguments.kargs;
	arguments.kargs = (struct kargs){ 0 };
	arguments_free(&arguments);
	return r;
}

/* As the loaded module has it; one that is to be loaded will have what it is given then. */
static void look_at_interrupts(struct evidence *evidence)
{
	struct facts *facts = &evidence->facts;
	enum remapping remapping = facts_remapping(evidence->root);
	int unsafe = facts_allows_unsafe(evidence->root);

	facts->remaps_interrupts = remapping == REMAPPING_UNKNOWN
					   ? ANSWER_UNKNOWN
					   : answer(remapping == REMAPPING_ON);
	facts->unsafe_interrupts =
		unsafe > 0 || (unsafe < 0 && (facts->config->host.unsafe_interrupts ||
					      facts_has_unsafe_argument(&facts->line)));
}

/* --- Devices ----------------------------------------------------------------------------- */

static int scan(struct evidence *evidence)
{
	int r = scan_devices(evidence->root, &evidence->snapshot);

	/* A machine without PCI has no device that a claim could name. */
	if (r < 0 && r != -ENOENT)
		return r;
	snapshot_mark_candidates(&evidence->snapshot, &evidence->claims);
	for (size_t i = 0; evidence->modules != NULL && i < evidence->snapshot.count; i++)
		if (evidence->snapshot.devices[i].candidate)
			modules_find_variant(evidence->modules, &evidence->snapshot.devices[i]);
	/* A device's group may have members that no claim names. */
	snapshot_mark_all(&evidence->snapshot);
	scan_candidates(evidence->root, &evidence->snapshot);
	evidence->facts.snapshot = &evidence->snapshot;
	return 0;
}

/*
 * /dev/vfio/GROUP; in no-IOMMU mode noiommu-GROUP; without VFIO's groups (CONFIG_VFIO_GROUP) the
 * device's own node, whose name its directory vfio-dev has.
 */
static enum answer find_node(const struct root *root, const struct device *device)
{
	char address[PCI_ADDRESS_SIZE];
	char group[16];
	char path[64];

	(void)snprintf(path, sizeof(path), DEVICES "/%s/iommu_group",
		       pci_address_format(&device->address, address));
	if (read_link_name(root->fd, path, group, sizeof(group)) > 0) {
		(void)snprintf(path, sizeof(path), "dev/vfio/%s%s",
			       device->iommu_group < 0 ? "noiommu-" : "", group);
		if (there(root, path))
			return ANSWER_YES;
	}
	(void)snprintf(path, sizeof(path), DEVICES "/%s/vfio-dev", address);
	if (has_entries(root, path) && there(root, "dev/vfio/devices"))
		return ANSWER_YES;
	/* What was recorded of a machine has no /dev. */
	return root->is_host || there(root, "dev/vfio") ? ANSWER_NO : ANSWER_UNKNOWN;
}

/* True: the driver is registered, or its module can be loaded. */
static enum answer find_driver(const struct evidence *evidence, const char *driver)
{
	char path[sizeof(DRIVERS) + DRIVER_NAME_SIZE];
	char module[DRIVER_NAME_SIZE];

	(void)snprintf(path, sizeof(path), DRIVERS "/%s", driver);
	if (there(evidence->root, path))
		return ANSWER_YES;
	if (evidence->modules == NULL)
		return ANSWER_UNKNOWN;
	module_of_driver(driver, module);
	int has = modules_has(evidence->modules, module);
	return has < 0 ? ANSWER_UNKNOWN : answer(has > 0);
}

static void look_at_device(struct evidence *evidence, size_t index)
{
	const struct decision *decision = &evidence->plan.decisions[index];
	struct device_facts *facts = &evidence->devices[index];
	char address[PCI_ADDRESS_SIZE];
	char path[128];

	if (decision->device == NULL)
		return;
	(void)snprintf(path, sizeof(path), DEVICES "/%s/driver_override",
		       pci_address_format(&decision->address, address));
	facts->override_known = read_attribute(evidence->root->fd, path, facts->override,
					       sizeof(facts->override)) >= 0;
	/* So the kernel prints that there is none (drivers/pci/pci-sysfs.c). */
	if (!facts->override_known || strcmp(facts->override, "(null)") == 0)
		facts->override[0] = '\0';
	facts->node = find_node(evidence->root, decision->device);
	if (decision->verdict == VERDICT_TAKE)
		facts->driver_there = find_driver(evidence, decision->driver);
}

/* What the host needs, once: what is mounted while we wait is not what the boot needed. */
static int find_needs(struct evidence *evidence)
{
	if (evidence->guards.phase == PHASE_WHOLE)
		return 0;
	evidence->guards.phase = PHASE_WHOLE;
	evidence->guards.network_boot =
		network_boot_sign(evidence->root, &evidence->cmdline) != NULL;
	evidence->facts.guards = &evidence->guards;
	evidence->facts.uses = &evidence->uses;
	int r = needs_find(evidence->root, "", NEEDS_BOOT | NEEDS_NOW, &evidence->snapshot,
			   &evidence->guards);
	return r == 0 ? uses_find_routes(evidence->root, &evidence->uses) : r;
}

static bool has_groups(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++)
		if (snapshot->devices[i].iommu_group >= 0)
			return true;
	return false;
}

static int look_at_devices(struct evidence *evidence)
{
	int r = scan(evidence);

	if (r == 0)
		r = find_needs(evidence);
	if (r == 0)
		r = plan_make(&evidence->claims, &evidence->snapshot, &evidence->guards,
			      &evidence->plan);
	if (r < 0)
		return r;
	evidence->facts.plan = &evidence->plan;
	evidence->devices =
		calloc(evidence->plan.decision_count + 1, sizeof(*evidence->devices));
	if (evidence->devices == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < evidence->plan.decision_count; i++)
		look_at_device(evidence, i);
	evidence->facts.devices = evidence->devices;
	evidence->facts.has_groups = answer(has_groups(&evidence->snapshot));
	return 0;
}

/* --- Modules that should not be loaded --------------------------------------------------- */

/* The elements of every KEY=A,B of the list, with underscores. */
static int add_elements(struct kargs *modules, const struct kargs *line, const char *key)
{
	int r = 0;

	for (size_t i = 0; i < line->count; i++) {
		const char *value = kargs_value_of(line->items[i], key);

		while (r == 0 && value != NULL) {
			size_t length = strcspn(value, ",");
			char word[DRIVER_NAME_SIZE];
			char module[DRIVER_NAME_SIZE];

			(void)snprintf(word, sizeof(word), "%.*s", (int)length, value);
			module_of_driver(word, module);
			if (*module != '\0')
				r = kargs_add(modules, module);
			value = value[length] == ',' ? value + length + 1 : NULL;
		}
	}
	return r;
}

/* "blacklist MODULE" lines of modprobe.d(5). */
static int add_blacklist_lines(struct kargs *modules, char *text)
{
	char *rest = text;
	int r = 0;

	for (char *line = strsep(&rest, "\n"); r == 0 && line != NULL;
	     line = strsep(&rest, "\n")) {
		char module[DRIVER_NAME_SIZE];

		line += strspn(line, " \t");
		if (strncmp(line, "blacklist", 9) != 0 || strspn(line + 9, " \t") == 0)
			continue;
		line += 9 + strspn(line + 9, " \t");
		line[strcspn(line, " \t#")] = '\0';
		module_of_driver(line, module);
		if (*module != '\0')
			r = kargs_add(modules, module);
	}
	return r;
}

static int add_modprobe_files(const struct root *root, struct kargs *modules)
{
	static const char *const places[] = { "etc/modprobe.d", "run/modprobe.d",
					      "usr/lib/modprobe.d", "lib/modprobe.d" };
	struct file_list files = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(places) / sizeof(places[0]); i++)
		r = file_list_add_directory(root, places[i], ".conf", &files);
	for (size_t i = 0; r == 0 && i < files.count; i++) {
		AUTO_FREE char *text = NULL;
		size_t length;

		if (root_read(root, files.paths[i], MODPROBE_SIZE_MOST, &text, &length) == 0)
			r = add_blacklist_lines(modules, text);
	}
	file_list_free(&files);
	return r;
}

static int add_native(void *context, const char *module, const char *path)
{
	(void)path;
	return kargs_add(context, module);
}

/* The native drivers' modules of the devices that are to be taken. */
static int find_natives(const struct evidence *evidence, struct kargs *natives)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < evidence->plan.decision_count; i++) {
		const struct decision *decision = &evidence->plan.decisions[i];
		char address[PCI_ADDRESS_SIZE];
		char path[128];
		char alias[MODALIAS_SIZE];

		if (decision->verdict != VERDICT_TAKE)
			continue;
		(void)snprintf(path, sizeof(path), DEVICES "/%s/modalias",
			       pci_address_format(&decision->address, address));
		if (read_attribute(evidence->root->fd, path, alias, sizeof(alias)) > 0)
			r = modules_each_of_alias(evidence->modules, alias, add_native,
						  natives);
	}
	return r;
}

/*
 * What the configuration keeps away from everybody, and native drivers of claimed devices that
 * the command line or modprobe.d does.
 */
static int find_blacklisted(const struct evidence *evidence, struct kargs *blacklisted)
{
	struct kargs natives = { 0 };
	struct kargs others = { 0 };
	int r = add_elements(blacklisted, &evidence->facts.arguments, "modprobe.blacklist");

	if (r == 0 && evidence->modules != NULL)
		r = find_natives(evidence, &natives);
	if (r == 0 && natives.count > 0)
		r = add_elements(&others, &evidence->facts.line, "modprobe.blacklist");
	if (r == 0 && natives.count > 0)
		r = add_modprobe_files(evidence->root, &others);
	for (size_t i = 0; r == 0 && i < natives.count; i++)
		if (kargs_has(&others, natives.items[i]))
			r = kargs_add(blacklisted, natives.items[i]);
	kargs_free(&natives);
	kargs_free(&others);
	return r;
}

/* True when the module's driver has a device that is to be VFIO's: that device's trouble. */
static bool has_claimed_device(const struct evidence *evidence, const char *module)
{
	for (size_t i = 0; i < evidence->plan.decision_count; i++) {
		const struct decision *decision = &evidence->plan.decisions[i];
		char path[sizeof(DRIVERS) + DRIVER_NAME_SIZE + 8];
		char owner[DRIVER_NAME_SIZE];

		if (decision->verdict != VERDICT_TAKE || decision->device == NULL ||
		    *decision->device->driver == '\0')
			continue;
		module_of_driver(decision->device->driver, owner);
		if (strcmp(owner, module) == 0)
			return true;
		(void)snprintf(path, sizeof(path), DRIVERS "/%s/module",
			       decision->device->driver);
		if (read_link_name(evidence->root->fd, path, owner, sizeof(owner)) > 0 &&
		    strcmp(owner, module) == 0)
			return true;
	}
	return false;
}

/* The first word of each line of /proc/modules is a module's name. */
static int keep_loaded(struct evidence *evidence, const struct kargs *blacklisted, char *text)
{
	char *rest = text;
	int r = 0;

	for (char *line = strsep(&rest, "\n"); r == 0 && line != NULL;
	     line = strsep(&rest, "\n")) {
		line[strcspn(line, " ")] = '\0';
		if (*line != '\0' && kargs_has(blacklisted, line) &&
		    !has_claimed_device(evidence, line))
			r = kargs_add(&evidence->facts.unbound, line);
	}
	return r;
}

static int look_at_modules(struct evidence *evidence)
{
	struct kargs blacklisted = { 0 };
	AUTO_FREE char *text = NULL;
	size_t length;
	int r = find_blacklisted(evidence, &blacklisted);

	if (r == 0 && blacklisted.count > 0 &&
	    root_read(evidence->root, "proc/modules", PROC_SIZE_MOST, &text, &length) == 0)
		r = keep_loaded(evidence, &blacklisted, text);
	kargs_free(&blacklisted);
	return r;
}

/* --- All of it --------------------------------------------------------------------------- */

static int read_boot(struct evidence *evidence)
{
	int r = boot_record_read(evidence->root, &evidence->boot);

	evidence->facts.boot = &evidence->boot;
	if (r == 0 || r == -ENOMEM)
		return r;
	return sentences_add(
		&evidence->facts.unread,
		"the boot helper's record /run/vfio-claim/boot.json cannot be read: "
		"%s",
		r == -EBADMSG ? "it is damaged, or of another version" : strerror(-r));
}

static int look_now(struct evidence *evidence)
{
	int r = look_at_devices(evidence);

	return r == 0 ? look_at_modules(evidence) : r;
}

void evidence_begin(const struct root *root, struct evidence *evidence)
{
	*evidence = (struct evidence){ .root = root };
	if (read_attribute(root->fd, "proc/sys/kernel/osrelease", evidence->kernel,
			   sizeof(evidence->kernel)) < 0)
		evidence->kernel[0] = '\0';
}

int evidence_gather(const struct root *root, const struct config *config,
		    const struct diagnostics *diagnostics, bool next_boot,
		    struct evidence *evidence)
{
	evidence_begin(root, evidence);
	evidence->facts.config = config;
	evidence->facts.diagnostics = diagnostics;
	open_modules(evidence);
	evidence->facts.boot_time = read_boot_time(root);
	evidence->facts.applied_time = file_time(root, STATE_PATH);
	evidence->facts.firmware_iommu = find_firmware_iommu(root);
	int r = read_line(evidence);
	look_at_interrupts(evidence);
	if (r == 0)
		r = compile_claims(evidence);
	if (r == 0)
		r = compose_arguments(evidence);
	if (r == 0)
		r = read_boot(evidence);
	if (r == 0)
		r = look_now(evidence);
	return r == 0 && next_boot
		       ? next_boot_look(root, config, evidence->kernel, &evidence->facts)
		       : r;
}

static void forget_now(struct evidence *evidence)
{
	plan_free(&evidence->plan);
	snapshot_free(&evidence->snapshot);
	free(evidence->devices);
	evidence->devices = NULL;
	kargs_free(&evidence->facts.unbound);
}

int evidence_refresh(struct evidence *evidence)
{
	forget_now(evidence);
	return look_now(evidence);
}

static void free_facts(struct facts *facts)
{
	for (size_t i = 0; i < facts->kernel_count; i++) {
		free(facts->kernels[i].release);
		sentences_free(&facts->kernels[i].problems);
	}
	free(facts->kernels);
	kargs_free(&facts->line);
	kargs_free(&facts->arguments);
	kargs_free(&facts->stale_files);
	sentences_free(&facts->unknown_arguments);
	sentences_free(&facts->entry_problems);
	sentences_free(&facts->entry_remarks);
	sentences_free(&facts->unread);
}

void evidence_free(struct evidence *evidence)
{
	forget_now(evidence);
	free_facts(&evidence->facts);
	boot_record_free(&evidence->boot);
	cmdline_free(&evidence->cmdline);
	claims_free(&evidence->claims);
	guards_free(&evidence->guards);
	uses_free(&evidence->uses);
	modules_close(evidence->modules);
	*evidence = (struct evidence){ 0 };
}
