// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds out what a target is: its kernels, architecture, CPU, native display drivers. */
#include "target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "capture.h"
#include "cmdline.h"
#include "container.h"
#include "match.h"
#include "modules.h"
#include "needs.h"
#include "plan.h"
#include "scan.h"
#include "text.h"

enum { MODALIAS_SIZE = 80, NVIDIA = 0x10de, LINE_SIZE_MOST = 1 << 16 };

/* While the drivers to blacklist are looked for. */
struct finder {
	const struct root *root;
	const struct config *config;
	const struct snapshot *devices; /* as read already, or NULL */
	struct target *target;
	struct kargs claimed;   /* modaliases of displays and accelerators that are claimed */
	struct kargs unclaimed; /* modaliases of every other device of this machine */
	struct kargs drivers;   /* modules that would bind what is claimed, of GPUs only */
	struct kargs needed;    /* modules that would bind, or have bound, what is not */
	bool nvidia_claimed;
	bool nvidia_needed;
};

/* The architecture in the head of an ELF file, or ARCH_OTHER. */
static enum architecture read_elf(const struct root *root, const char *path)
{
	unsigned char head[20]; /* e_ident, e_type, e_machine: alike in both classes */
	AUTO_CLOSE int fd = root_open_inside(root, path, O_RDONLY | O_NONBLOCK);

	if (fd < 0 || read(fd, head, sizeof(head)) != sizeof(head) ||
	    memcmp(head, ELFMAG, SELFMAG) != 0 || head[EI_DATA] != ELFDATA2LSB)
		return ARCH_OTHER;
	switch (head[18] | head[19] << 8) {
	case EM_X86_64:
	case EM_386:
		return ARCH_X86;
	case EM_AARCH64:
		return ARCH_ARM64;
	default:
		return ARCH_OTHER;
	}
}

/* Debian's kernels are called VERSION-amd64, those of Fedora VERSION.x86_64. */
static enum architecture architecture_of_name(const char *kernel)
{
	if (strstr(kernel, "amd64") != NULL || strstr(kernel, "x86_64") != NULL)
		return ARCH_X86;
	if (strstr(kernel, "arm64") != NULL || strstr(kernel, "aarch64") != NULL)
		return ARCH_ARM64;
	return ARCH_OTHER;
}

enum architecture architecture_of_host(void)
{
	struct utsname name;

	return uname(&name) == 0 ? architecture_of_name(name.machine) : ARCH_OTHER;
}

static enum architecture architecture_of_cpu(enum host_cpu cpu)
{
	switch (cpu) {
	case CPU_ANY: /* "an image that may boot on either": Intel or AMD */
	case CPU_INTEL:
	case CPU_AMD:
		return ARCH_X86;
	case CPU_ARM:
		return ARCH_ARM64;
	case CPU_AUTO:
		break;
	}
	return ARCH_OTHER;
}

static enum architecture find_architecture(const struct finder *finder, bool hardware,
					   const struct kernels *kernels)
{
	static const char *const programs[] = { "usr/sbin/vfio-claim", "usr/bin/env", "bin/sh",
						"usr/bin/sh" };
	enum architecture found = ARCH_OTHER;
	struct capture_info info;

	if (hardware && finder->root->is_host)
		found = architecture_of_host();
	else if (hardware && capture_info_read(finder->root, &info) == 0)
		found = architecture_of_name(info.machine);
	for (size_t i = 0; found == ARCH_OTHER && i < 4; i++)
		found = read_elf(finder->root, programs[i]);
	for (size_t i = kernels->count; found == ARCH_OTHER && i > 0; i--)
		found = architecture_of_name(kernels->items[i - 1]);
	return found != ARCH_OTHER ? found : architecture_of_cpu(finder->config->host.cpu);
}

static enum host_cpu cpu_of_vendor(const char *cpuinfo)
{
	static const struct {
		const char *vendor;
		enum host_cpu cpu;
	} known[] = {
		{ "GenuineIntel", CPU_INTEL },
		{ "AuthenticAMD", CPU_AMD },
		{ "HygonGenuine", CPU_AMD },
	};
	const char *line = strstr(cpuinfo, "vendor_id");

	if (line == NULL)
		return CPU_ANY;
	const char *vendor = line + strcspn(line, ":\n");
	vendor += strspn(vendor, ": \t");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strncmp(vendor, known[i].vendor, strcspn(vendor, "\n")) == 0 &&
		    strcspn(vendor, "\n") == strlen(known[i].vendor))
			return known[i].cpu;
	return CPU_ANY;
}

static enum host_cpu find_cpu(const struct finder *finder, bool hardware)
{
	enum { FIRST_PROCESSOR = 4096 };
	char cpuinfo[FIRST_PROCESSOR];

	if (finder->target->architecture == ARCH_ARM64)
		return CPU_ARM;
	if (finder->config->host.cpu != CPU_AUTO)
		return finder->config->host.cpu;
	if (!hardware ||
	    read_attribute(finder->root->fd, "proc/cpuinfo", cpuinfo, sizeof(cpuinfo)) < 0)
		return CPU_ANY;
	return cpu_of_vendor(cpuinfo);
}

/* Returns 1, 0 or a negative errno: one that cannot be looked at must not be left out. */
static int has_index(int modules, const char *kernel)
{
	static const char *const names[] = { "modules.dep", "modules.dep.bin" };
	char path[NAME_MAX + 24];
	int found = 0;

	for (size_t i = 0; found == 0 && i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", kernel, names[i]);
		found = entry_exists(modules, path);
	}
	return found;
}

static int compare_versions(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

static int read_kernels(DIR *dir, struct kernels *kernels)
{
	const struct dirent *entry;
	int r = 0;

	while ((entry = root_next_entry(dir, &r)) != NULL) {
		int found = entry->d_name[0] == '.' ? 0 : has_index(dirfd(dir), entry->d_name);

		if (found < 0)
			return found;
		if (found == 0)
			continue;
		char **slot = array_grow(&kernels->items, kernels->count, sizeof(*slot));
		if (slot == NULL)
			return -ENOMEM;
		*slot = strdup(entry->d_name);
		if (*slot == NULL)
			return -ENOMEM;
		kernels->count++;
	}
	return r;
}

int kernels_find(const struct root *root, struct kernels *ret_kernels)
{
	struct kernels kernels = { 0 };
	int fd = root_open_inside(root, "lib/modules", O_RDONLY | O_DIRECTORY);

	if (fd < 0) {
		*ret_kernels = kernels;
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	}
	AUTO_CLOSEDIR DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	int r = read_kernels(dir, &kernels);
	if (r < 0) {
		kernels_free(&kernels);
		return r;
	}
	if (kernels.count > 1)
		qsort(kernels.items, kernels.count, sizeof(*kernels.items), compare_versions);
	*ret_kernels = kernels;
	return 0;
}

void kernels_free(struct kernels *kernels)
{
	for (size_t i = 0; i < kernels->count; i++)
		free(kernels->items[i]);
	free(kernels->items);
	*kernels = (struct kernels){ 0 };
}

/* As sysfs has it: drivers/pci/pci-sysfs.c, modalias_show(). */
static int add_modalias(struct kargs *list, const struct pci_ids *ids, uint32_t class_code)
{
	char modalias[MODALIAS_SIZE];

	(void)snprintf(modalias, sizeof(modalias),
		       "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", ids->vendor, ids->device,
		       ids->subvendor == PCI_ANY ? 0 : ids->subvendor,
		       ids->subdevice == PCI_ANY ? 0 : ids->subdevice, class_code >> 16 & 0xff,
		       class_code >> 8 & 0xff, class_code & 0xff);
	return kargs_add(list, modalias);
}

/* Displays and processing accelerators: what GPU drivers bind (include/linux/pci_ids.h). */
static bool is_display(uint32_t class_code)
{
	return class_code >> 16 == 0x03 || class_code >> 16 == 0x12;
}

static int spare(struct target *target, const struct pci_ids *ids)
{
	for (size_t i = 0; i < target->spared_count; i++)
		if (memcmp(&target->spared[i], ids, sizeof(*ids)) == 0)
			return 0;
	struct pci_ids *slot = array_grow(&target->spared, target->spared_count, sizeof(*slot));
	if (slot == NULL)
		return -ENOMEM;
	*slot = *ids;
	target->spared_count++;
	return 0;
}

static int note_unclaimed(struct finder *finder, const struct device *device)
{
	char module[DRIVER_NAME_SIZE];
	int r = add_modalias(&finder->unclaimed, &device->ids, device->class_code);

	if (device->ids.vendor == NVIDIA && is_display(device->class_code))
		finder->nvidia_needed = true;
	if (r == 0 && device->driver[0] != '\0') {
		module_of_driver(device->driver, module);
		r = kargs_add(&finder->needed, module);
	}
	return r == 0 ? spare(finder->target, &device->ids) : r;
}

static int note_claimed(struct finder *finder, const struct device *device)
{
	if (!is_display(device->class_code))
		return 0;
	if (device->ids.vendor == NVIDIA)
		finder->nvidia_claimed = true;
	return add_modalias(&finder->claimed, &device->ids, device->class_code);
}

/*
 * What is only decided when root is mounted counts as the host's: vfio-pci.ids= would have the
 * kernel take root's disk in a boot where vfio-claim is off or comes too late.
 */
static bool is_taken(const struct plan *plan, const struct device *device)
{
	for (size_t i = 0; i < plan->decision_count; i++)
		if (plan->decisions[i].device == device &&
		    plan->decisions[i].verdict == VERDICT_TAKE && !plan->decisions[i].late)
			return true;
	return false;
}

/* Does the boot go over the network: this one, or by what it is given from the next one on? */
static int find_network_boot(const struct finder *finder, bool *ret_network)
{
	AUTO_FREE char *line = NULL;
	size_t length;
	struct cmdline cmdline;

	/* What cannot be read has no sign in it, as for the plan. */
	if (root_read(finder->root, "proc/cmdline", LINE_SIZE_MOST, &line, &length) == -ENOMEM)
		return -ENOMEM;
	int r = cmdline_parse(line != NULL ? line : "", &cmdline);
	if (r < 0)
		return r;
	*ret_network = network_boot_sign(finder->root, &cmdline) != NULL ||
		       cmdline_network(finder->config->host.extra_args) != NULL;
	cmdline_free(&cmdline);
	return 0;
}

static int sort_devices(struct finder *finder, const struct snapshot *snapshot)
{
	/* Who needs what does not count: all that could be needed is late, and so the host's. */
	struct guards guards = { .phase = PHASE_WHOLE };
	struct plan plan;
	int r = find_network_boot(finder, &guards.network_boot);

	if (r == 0)
		r = plan_make(&finder->config->claims, snapshot, &guards, &plan);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < snapshot->count; i++) {
		const struct device *device = &snapshot->devices[i];

		r = is_taken(&plan, device) ? note_claimed(finder, device)
					    : note_unclaimed(finder, device);
	}
	plan_free(&plan);
	return r;
}

/* The devices below the root's sys, and what the next boot would do with them. */
static int look_at_devices(struct finder *finder)
{
	struct snapshot snapshot;
	int r = finder->devices != NULL ? snapshot_copy(finder->devices, &snapshot)
					: scan_devices(finder->root, &snapshot);

	if (r == -ENOENT)
		return sentences_add(&finder->target->notes,
				     "there is no PCI bus in sysfs: no driver is blacklisted");
	if (r < 0)
		return r;
	snapshot_mark_candidates(&snapshot, &finder->config->claims);
	scan_candidates(finder->root, &snapshot);
	r = sort_devices(finder, &snapshot);
	snapshot_free(&snapshot);
	return r;
}

static bool class_fits(const struct selector *selector, uint32_t class_code)
{
	return (selector->words & SELECT_CLASS) == 0 ||
	       ((selector->class_code ^ class_code) & selector->class_mask) == 0;
}

/* Why no driver can be named for what a selector takes in a tree, or NULL. */
static const char *selector_obstacle(const struct claim *claim, const struct selector *selector)
{
	if ((selector->words & SELECT_IDS) == 0 || selector->ids.vendor == PCI_ANY ||
	    selector->ids.device == PCI_ANY)
		return "names no vendor and device, so the native driver is not known here";
	if ((selector->words & ~(unsigned)(SELECT_IDS | SELECT_CLASS)) != 0 ||
	    claim->except_count > 0)
		return "takes some of these cards only, and the others could need their driver";
	return NULL;
}

/*
 * A tree has no devices: what its kernels have for the IDs of a selector, as any kind of
 * display or accelerator, would bind. An ID names cards of one kind, so only one fits.
 */
static int look_at_selector(struct finder *finder, const struct claim *claim,
			    const struct selector *selector)
{
	static const uint32_t classes[] = { 0x030000, 0x030200, 0x038000, 0x120000 };
	const char *obstacle = selector_obstacle(claim, selector);
	char text[SELECTOR_TEXT_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (!class_fits(selector, classes[i]))
			continue;
		if (obstacle != NULL)
			return sentences_add(&finder->target->notes,
					     "claim %s: '%s' %s and is not blacklisted; "
					     "blacklist = MODULE... does it",
					     claim->name, selector_format(selector, text),
					     obstacle);
		if (selector->ids.vendor == NVIDIA)
			finder->nvidia_claimed = true;
		r = add_modalias(&finder->claimed, &selector->ids, classes[i]);
	}
	return r;
}

static int look_at_selectors(struct finder *finder)
{
	const struct claims *claims = &finder->config->claims;
	int r = 0;

	for (size_t i = 0; i < claims->count; i++)
		for (size_t j = 0; r == 0 && j < claims->items[i].match_count; j++)
			r = look_at_selector(finder, &claims->items[i],
					     &claims->items[i].matches[j]);
	return r;
}

/*
 * True for the drivers that serve displays and accelerators and nothing else: all that lies in
 * these directories, and the same drivers where a newer one from elsewhere (amdgpu-dkms, say)
 * is in updates/ or extra/.
 */
static bool is_gpu_driver(const char *module, const char *path)
{
	static const char *const directories[] = { "/drivers/gpu/", "/drivers/video/fbdev/",
						   "/drivers/accel/" };
	static const char *const names[] = { "amdgpu",  "ast",    "i915", "mgag200",
					     "nouveau", "radeon", "xe" };

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		if (strstr(path, directories[i]) != NULL)
			return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(module, names[i]) == 0)
			return true;
	return false;
}

/*
 * A driver that is built in has no file and would not heed a blacklist. One of VFIO that binds
 * by IDs, as some from outside the kernel do, is not to be kept away.
 */
static int add_driver(void *context, const char *module, const char *path)
{
	struct finder *finder = context;

	if (path == NULL || !is_gpu_driver(module, path) || driver_serves_vfio(module))
		return 0;
	return kargs_add(&finder->drivers, module);
}

static int add_needed(void *context, const char *module, const char *path)
{
	struct finder *finder = context;

	(void)path;
	return kargs_add(&finder->needed, module);
}

static int ask_kernel(struct finder *finder, const char *kernel)
{
	struct modules *modules = NULL;
	int r = modules_open(finder->root, kernel, &modules);

	for (size_t i = 0; r == 0 && i < finder->claimed.count; i++)
		r = modules_each_of_alias(modules, finder->claimed.items[i], add_driver,
					  finder);
	for (size_t i = 0; r == 0 && i < finder->unclaimed.count; i++)
		r = modules_each_of_alias(modules, finder->unclaimed.items[i], add_needed,
					  finder);
	modules_close(modules);
	return r;
}

static int note_builtin(void *context, const char *module, const char *path)
{
	bool *builtin = context;

	(void)module;
	*builtin = *builtin || path == NULL;
	return 0;
}

/* Of a tree: what has the IDs is not known, and Ubuntu 20.04 to 22.04 have vfio-pci built in. */
static int look_for_builtin_vfio(struct finder *finder, const struct kernels *kernels)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < kernels->count; i++) {
		struct modules *modules = NULL;

		r = modules_open(finder->root, kernels->items[i], &modules);
		if (r == 0)
			r = modules_each_of_alias(modules, "vfio_pci", note_builtin,
						  &finder->target->ids_blind);
		modules_close(modules);
	}
	return r;
}

/* NVIDIA's own drivers are built outside of the kernel, perhaps only after this. */
static int add_nvidia(struct finder *finder)
{
	static const char *const family[] = { "nvidia", "nvidia_drm", "nvidia_modeset",
					      "nvidia_uvm" };
	bool needed = finder->nvidia_needed;
	int r = 0;

	for (size_t i = 0; i < 4; i++)
		needed = needed || kargs_has(&finder->needed, family[i]);
	for (size_t i = 0; r == 0 && i < 4; i++) {
		if (needed)
			r = kargs_add(&finder->needed, family[i]);
		else if (finder->nvidia_claimed)
			r = kargs_add(&finder->drivers, family[i]);
	}
	return r;
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int find_drivers(struct finder *finder, const struct kernels *kernels)
{
	int r = 0;

	if (finder->claimed.count == 0)
		return 0;
	if (kernels->count == 0)
		r = sentences_add(&finder->target->notes,
				  "no kernel is installed here, so blacklist = auto does not "
				  "find the native drivers in it");
	for (size_t i = 0; r == 0 && i < kernels->count; i++)
		r = ask_kernel(finder, kernels->items[i]);
	if (r == 0)
		r = add_nvidia(finder);
	if (r < 0)
		return r;
	kargs_remove(&finder->drivers, &finder->needed);
	if (finder->drivers.count > 1)
		qsort(finder->drivers.items, finder->drivers.count,
		      sizeof(*finder->drivers.items), compare_words);
	finder->target->blacklist = finder->drivers;
	finder->drivers = (struct kargs){ 0 };
	return 0;
}

static void finder_free(struct finder *finder)
{
	kargs_free(&finder->claimed);
	kargs_free(&finder->unclaimed);
	kargs_free(&finder->drivers);
	kargs_free(&finder->needed);
}

static int fill_target(struct finder *finder, bool hardware)
{
	bool automatic = finder->config->host.blacklist == BLACKLIST_AUTO;
	struct kernels kernels = { 0 };
	int r = kernels_find(finder->root, &kernels);

	finder->target->line_most = COMMAND_LINE_MOST;
	finder->target->architecture = find_architecture(finder, hardware, &kernels);
	finder->target->cpu = find_cpu(finder, hardware);
	/* The devices are looked at also without a blacklist, for those that are spared. */
	if (r == 0 && finder->config->claims.count > 0 && (hardware || automatic))
		r = hardware ? look_at_devices(finder) : look_at_selectors(finder);
	if (r == 0 && automatic)
		r = find_drivers(finder, &kernels);
	if (r == 0 && !hardware && finder->config->claims.count > 0)
		r = look_for_builtin_vfio(finder, &kernels);
	kernels_free(&kernels);
	return r;
}

/* @devices: as read already, or NULL; only with hardware */
static int find_with(const struct root *root, const struct config *config, bool hardware,
		     const struct snapshot *devices, struct target *ret_target)
{
	struct target target = { 0 };
	struct finder finder = {
		.root = root, .config = config, .devices = devices, .target = &target
	};
	int r = fill_target(&finder, hardware);

	finder_free(&finder);
	if (r < 0) {
		target_free(&target);
		return r;
	}
	*ret_target = target;
	return 0;
}

int target_find_with(const struct root *root, const struct config *config, bool hardware,
		     struct target *ret_target)
{
	return find_with(root, config, hardware, NULL, ret_target);
}

int target_find_for(const struct root *root, const struct config *config,
		    const struct snapshot *devices, struct target *ret_target)
{
	return find_with(root, config, true, devices, ret_target);
}

/*
 * In a chroot "/" is not that of the first process (systemd does the same: running_in_chroot()
 * in src/basic/virt.c). Where that cannot be read, as for a user who is not root, it is not
 * known to be a chroot; without /proc it is.
 */
static bool is_chroot(const struct root *root)
{
	struct stat here;
	struct stat first;

	if (fstat(root->fd, &here) < 0)
		return false;
	if (stat("/proc/1/root/.", &first) < 0)
		return errno == ENOENT;
	return here.st_dev != first.st_dev || here.st_ino != first.st_ino;
}

int target_find(const struct root *root, const struct config *config, struct target *ret_target)
{
	bool hardware = root->is_host && !is_chroot(root) && container_detect(root) == NULL;

	return target_find_with(root, config, hardware, ret_target);
}

void target_free(struct target *target)
{
	kargs_free(&target->blacklist);
	free(target->spared);
	sentences_free(&target->notes);
	*target = (struct target){ 0 };
}
