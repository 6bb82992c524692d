// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose driver the next boot would not load. */
#include "blacklists.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { VIRTIO = 0x1af4 };

/* Adds the modules of a list "a,b". @exact: a name with a dash means no module in it */
static int add_modules(struct kargs *modules, const char *list, bool exact)
{
	AUTO_FREE char *copy = strdup(list);
	char *rest = NULL;
	int r = copy == NULL ? -ENOMEM : 0;

	for (char *name = copy ? strtok_r(copy, ",", &rest) : NULL; r == 0 && name != NULL;
	     name = strtok_r(NULL, ",", &rest)) {
		char module[DRIVER_NAME_SIZE];

		module_of_driver(name, module);
		if (!exact || strchr(name, '-') == NULL)
			r = kargs_add(modules, module);
	}
	return r;
}

/* libkmod and the kernel compare letter by letter (arguments.c); dracut writes a file. */
static int add_blacklists(struct kargs *modules, const struct kargs *words)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < words->count; i++) {
		const char *word = words->items[i];
		const char *file = kargs_value_of(word, "rd.driver.blacklist");
		const char *value = file;

		if (value == NULL)
			value = kargs_value_of(word, "modprobe.blacklist");
		if (value == NULL)
			value = kargs_value_of(word, "module_blacklist");
		r = value ? add_modules(modules, value, file == NULL) : 0;
	}
	return r;
}

/* What sysfs says; else, as a rule, the driver has its module's name with dashes. */
static void find_module(const struct root *root, const char *driver,
			char module[DRIVER_NAME_SIZE])
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/module", driver);
	if (read_link_name(root->fd, path, module, DRIVER_NAME_SIZE) < 0)
		module_of_driver(strcmp(driver, "xhci_hcd") == 0 ? "xhci_pci" : driver, module);
}

/* The module that drives what virtio-pci only carries (include/uapi/linux/virtio_ids.h). */
static const char *virtio_module(const struct device *device)
{
	static const struct {
		uint32_t transitional;
		uint32_t modern;
		const char *module;
	} kinds[] = {
		{ 0x1000, 0x1041, "virtio_net" },
		{ 0x1001, 0x1042, "virtio_blk" },
		{ 0x1004, 0x1048, "virtio_scsi" },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (device->ids.vendor == VIRTIO &&
		    (device->ids.device == kinds[i].transitional ||
		     device->ids.device == kinds[i].modern))
			return kinds[i].module;
	return NULL;
}

static void look_at(const struct root *root, const struct device *device,
		    const struct kargs *modules, struct device_outlook *outlook)
{
	char module[DRIVER_NAME_SIZE];
	const char *carried = virtio_module(device);

	if (*device->driver == '\0' || driver_is_vfio(device->driver))
		return;
	find_module(root, device->driver, module);
	if (carried != NULL && !kargs_has(modules, module))
		(void)copy_field(module, sizeof(module), carried);
	if (kargs_has(modules, module))
		(void)copy_field(outlook->blacklisted, sizeof(outlook->blacklisted), module);
}

int blacklists_find(const struct root *root, const struct snapshot *snapshot,
		    const struct kargs *present, const struct kargs *next,
		    struct device_outlook *devices)
{
	struct kargs modules = { 0 };
	struct kargs already = { 0 };
	int r = add_blacklists(&modules, next);

	if (r == 0)
		r = add_blacklists(&already, present);
	kargs_remove(&modules, &already);
	for (size_t i = 0; r == 0 && modules.count > 0 && i < snapshot->count; i++)
		look_at(root, &snapshot->devices[i], &modules, &devices[i]);
	kargs_free(&modules);
	kargs_free(&already);
	return r;
}
