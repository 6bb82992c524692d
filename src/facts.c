// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads what warnings are made of besides the devices. */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "blacklists.h"
#include "modules.h"

/* One line an interrupt, ten bytes a processor. */
enum { INTERRUPTS_MOST = 64 << 20, CONSOLES_MOST = 4096, ATTRIBUTE_SIZE = 64 };

/* drivers/iommu/iommu-sysfs.c: each IOMMU that is in use registers there. */
static bool has_iommu(const struct root *root)
{
	int fd = root_open_inside(root, "sys/class/iommu", O_RDONLY | O_DIRECTORY);
	const struct dirent *entry;

	if (fd < 0)
		return false;
	AUTO_CLOSEDIR DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		(void)close(fd);
		return false;
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			return true;
	return false;
}

/*
 * On x86 every interrupt chip behind a remapping IOMMU has a name that begins with IR-, or vIR-
 * (arch/x86/kernel/apic/io_apic.c: "IR-IO-APIC"; .prefix of struct msi_parent_ops in
 * drivers/iommu/{intel/irq_remapping,amd/iommu}.c; "IR-PCI-MSI" before 6.2), and the I/O APIC
 * is always there. The bit in intel-iommu/ecap only says what the hardware could do. Others
 * (GICv3's ITS, s390) isolate messages without saying so here: not known.
 */
enum remapping facts_remapping(const struct root *root)
{
	AUTO_FREE char *data = NULL;
	size_t length = 0;

	if (root_read(root, "proc/interrupts", INTERRUPTS_MOST, &data, &length) < 0)
		return REMAPPING_UNKNOWN;
	if (strstr(data, "IR-IO-APIC") != NULL || strstr(data, "IR-PCI-MSI") != NULL)
		return REMAPPING_ON;
	return strstr(data, "IO-APIC") != NULL ? REMAPPING_OFF : REMAPPING_UNKNOWN;
}

static bool is_yes(const char *value)
{
	return value != NULL && strchr("1yY", value[0]) != NULL && value[0] != '\0';
}

bool facts_has_unsafe_argument(const struct kargs *line)
{
	return is_yes(kargs_value(line, "vfio_iommu_type1.allow_unsafe_interrupts"));
}

int facts_allows_unsafe(const struct root *root)
{
	static const char parameter[] =
		"sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts";
	char value[ATTRIBUTE_SIZE];
	int r = read_attribute(root->fd, parameter, value, sizeof(value));

	return r < 0 ? r : is_yes(value);
}

static bool allows_unsafe_interrupts(const struct facts_query *query)
{
	return query->config->host.unsafe_interrupts ||
	       facts_has_unsafe_argument(query->next) || facts_allows_unsafe(query->root) > 0;
}

/* "none [integrity] confidentiality": security/lockdown/lockdown.c. */
static void read_lockdown(const struct root *root, struct host_facts *facts)
{
	char value[ATTRIBUTE_SIZE];

	if (read_attribute(root->fd, "sys/kernel/security/lockdown", value, sizeof(value)) <= 0)
		return;
	const char *begin = strchr(value, '[');
	size_t length = begin ? strcspn(begin + 1, "]") : 0;
	if (length > 0 && length < sizeof(facts->lockdown))
		(void)snprintf(facts->lockdown, sizeof(facts->lockdown), "%.*s", (int)length,
			       begin + 1);
}

/* UEFI 2.10, 3.3: the variable is 1 when on. efivarfs puts four bytes of attributes before. */
static bool has_secure_boot(const struct root *root)
{
	static const char path[] = "sys/firmware/efi/efivars/"
				   "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	AUTO_FREE char *data = NULL;
	size_t length = 0;

	return root_read(root, path, ATTRIBUTE_SIZE, &data, &length) == 0 && length == 5 &&
	       data[4] == 1;
}

static void add_console(struct host_facts *facts, const char *name)
{
	size_t length = strlen(facts->consoles);

	/* tty0 and the like: the virtual terminals of the display. */
	if (strncmp(name, "tty", 3) == 0 && name[3] >= '0' && name[3] <= '9')
		facts->display_console = true;
	else if (length + strlen(name) + 3 < sizeof(facts->consoles))
		(void)snprintf(facts->consoles + length, sizeof(facts->consoles) - length,
			       "%s%s", length > 0 ? ", " : "", name);
}

/* "ttyS0  -W- (EC p a)  4:64", fs/proc/consoles.c; what is no terminal has no numbers. */
static void read_consoles(const struct root *root, struct host_facts *facts)
{
	AUTO_FREE char *data = NULL;
	size_t length = 0;
	char *rest = NULL;

	if (root_read(root, "proc/consoles", CONSOLES_MOST, &data, &length) < 0)
		return;
	for (char *line = strtok_r(data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		bool terminal = strchr(line, ':') != NULL;

		line[strcspn(line, " \t")] = '\0';
		if (terminal && *line != '\0')
			add_console(facts, line);
	}
}

/*
 * The firmware's framebuffer is a device below the PCI function it belongs to
 * (drivers/firmware/sysfb.c: sysfb_parent_dev(), in 6.12); not so in 6.1, where boot_vga tells.
 */
static void find_framebuffer(const struct root *root, struct host_facts *facts)
{
	static const char *const names[] = { "simple-framebuffer.0", "efi-framebuffer.0",
					     "vesa-framebuffer.0", "platform-framebuffer.0" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char target[PATH_MAX];
		char path[ATTRIBUTE_SIZE];

		(void)snprintf(path, sizeof(path), "sys/bus/platform/devices/%s", names[i]);
		ssize_t length = readlinkat(root->fd, path, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';
		if (sysfs_pci_address(target, &facts->framebuffer) == 0) {
			facts->has_framebuffer = true;
			return;
		}
	}
}

/* depmod.d(5): what distributions and administrators add goes into these directories. */
static int note_driver(void *context, const char *module, const char *path)
{
	struct driver_facts *facts = context;

	(void)module;
	facts->found = true;
	facts->outside =
		facts->outside || (path != NULL && (strstr(path, "/updates/") != NULL ||
						    strstr(path, "/extra/") != NULL ||
						    strstr(path, "/weak-updates/") != NULL));
	return 0;
}

static int ask_for_drivers(const struct facts_query *query, struct modules *modules,
			   struct host_facts *facts)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < query->claims->count; i++) {
		char module[DRIVER_NAME_SIZE];

		if (strcmp(query->claims->items[i].driver, "auto") == 0)
			continue;
		module_of_driver(query->claims->items[i].driver, module);
		r = modules_each_of_alias(modules, module, note_driver, &facts->drivers[i]);
	}
	return r;
}

static int ask_kernel(const struct facts_query *query, const char *name,
		      struct host_facts *facts)
{
	struct modules *modules = NULL;
	struct kernel_outlook *kernel =
		array_grow(&facts->kernels, facts->kernel_count, sizeof(*kernel));

	if (kernel == NULL)
		return -ENOMEM;
	(void)copy_field(kernel->name, sizeof(kernel->name), name);
	facts->kernel_count++;
	int r = modules_open(query->root, name, &modules);
	if (r == 0) {
		kernel->has_vfio_pci = modules_has(modules, VFIO_PCI_MODULE) == 1;
		r = ask_for_drivers(query, modules, facts);
	}
	modules_close(modules);
	return r == -ENOMEM ? r : 0;
}

static int ask_kernels(const struct facts_query *query, struct host_facts *facts)
{
	int r = 0;

	facts->drivers = calloc(query->claims->count + 1, sizeof(*facts->drivers));
	if (facts->drivers == NULL)
		return -ENOMEM;
	for (size_t i = 0; query->kernels->count == 0 && i < query->claims->count; i++)
		facts->drivers[i].found = true;
	for (size_t i = 0; r == 0 && i < query->kernels->count; i++)
		r = ask_kernel(query, query->kernels->items[i], facts);
	return r;
}

/* The first native driver, and the first that is built in. */
static int note_native(void *context, const char *module, const char *path)
{
	struct device_outlook *facts = context;

	if (facts->native[0] == '\0')
		(void)copy_field(facts->native, sizeof(facts->native), module);
	if (path == NULL && facts->builtin[0] == '\0')
		(void)copy_field(facts->builtin, sizeof(facts->builtin), module);
	return 0;
}

static void read_vf_device(const struct root *root, const struct device *device,
			   struct device_outlook *facts)
{
	char address[PCI_ADDRESS_SIZE];
	char path[ATTRIBUTE_SIZE];
	char value[ATTRIBUTE_SIZE];

	(void)snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/sriov_vf_device",
		       pci_address_format(&device->address, address));
	/* "%x" without 0x: drivers/pci/iov.c */
	if (read_attribute(root->fd, path, value, sizeof(value)) <= 0 ||
	    parse_hex(value, strlen(value), &facts->vf_device) < 0)
		facts->vf_device = 0;
}

/* Only of those that are claimed, that VFIO has now, or that may lose their driver. */
static int ask_for_natives(const struct facts_query *query, struct modules *modules,
			   struct host_facts *facts)
{
	const struct snapshot *snapshot = query->snapshot;
	int r = 0;

	for (size_t i = 0; r == 0 && i < snapshot->count; i++)
		if (driver_is_vfio(snapshot->devices[i].driver) ||
		    *facts->devices[i].blacklisted != '\0' ||
		    plan_decision(query->plan, &snapshot->devices[i]) != NULL)
			r = modules_each_of_alias(modules, query->details[i].modalias,
						  note_native, &facts->devices[i]);
	return r;
}

static int ask_for_devices(const struct facts_query *query, struct host_facts *facts)
{
	const struct snapshot *snapshot = query->snapshot;
	struct modules *modules = NULL;

	facts->devices = calloc(snapshot->count + 1, sizeof(*facts->devices));
	if (facts->devices == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->count; i++)
		if (query->details[i].sriov_totalvfs > 0)
			read_vf_device(query->root, &snapshot->devices[i], &facts->devices[i]);
	int r = blacklists_find(query->root, snapshot, query->present, query->next,
				facts->devices);
	if (r < 0 || query->kernel == NULL ||
	    modules_open(query->root, query->kernel, &modules) < 0)
		return r;
	r = ask_for_natives(query, modules, facts);
	modules_close(modules);
	return r == -ENOMEM ? r : 0;
}

/* Words of Intel's IOMMU that leave its displays out; intgpu_off is Debian's. */
static bool leaves_displays_out(const struct kargs *line)
{
	for (size_t i = 0; i < line->count; i++) {
		const char *value = kargs_value_of(line->items[i], "intel_iommu");

		if (value != NULL &&
		    (strstr(value, "igfx_off") != NULL || strstr(value, "intgpu_off") != NULL))
			return true;
	}
	return false;
}

/* Of the IOMMU what the command lines say. */
static void read_iommu_words(const struct facts_query *query, struct host_facts *facts)
{
	facts->iommu_off = iommu_off_word(query->next, query->cpu);
	facts->iommu_off_now = iommu_off_word(query->present, query->cpu) != NULL;
	facts->iommu_pending = facts->iommu_off == NULL &&
			       kargs_has(query->next, "intel_iommu=on") &&
			       !kargs_has(query->present, "intel_iommu=on");
	facts->display_pending = facts->iommu_pending && !leaves_displays_out(query->next);
}

int facts_read(const struct facts_query *query, struct host_facts *ret_facts)
{
	struct host_facts facts = { .cpu = query->cpu };

	facts.has_iommu = has_iommu(query->root);
	facts.remapping = facts_remapping(query->root);
	facts.unsafe_interrupts = allows_unsafe_interrupts(query);
	read_iommu_words(query, &facts);
	read_lockdown(query->root, &facts);
	facts.secure_boot = has_secure_boot(query->root);
	read_consoles(query->root, &facts);
	find_framebuffer(query->root, &facts);
	int r = ask_kernels(query, &facts);
	if (r == 0)
		r = ask_for_devices(query, &facts);
	if (r < 0) {
		facts_free(&facts);
		return r;
	}
	*ret_facts = facts;
	return 0;
}

void facts_free(struct host_facts *facts)
{
	free(facts->kernels);
	free(facts->drivers);
	free(facts->devices);
	*facts = (struct host_facts){ 0 };
}
