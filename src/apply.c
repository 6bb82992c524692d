// SPDX-License-Identifier: GPL-2.0-or-later
/* Carries a plan out: writes, reads back, and records what came of it. */
#include "apply.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define DEVICES "sys/bus/pci/devices"
#define PROBE "sys/bus/pci/drivers_probe"

enum { SYSFS_PATH_SIZE = 160 };

struct run {
	const struct plan *plan;
	const struct root *root;
	const struct loader *loader;
	struct record *record;
	int load_error; /* of vfio-pci, a negative errno or 0 */
	int error;      /* -ENOMEM, sticky */
	/* For each decision: how its last step of each kind ended, a positive errno or 0. */
	int (*errors)[STEP_KINDS];
};

static void add_step(struct run *run, enum step_kind kind, size_t decision, const char *target,
		     int error)
{
	run->errors[decision][kind] = -error;
	if (record_add_step(run->record, kind, decision, target, error) < 0)
		run->error = -ENOMEM;
}

/* Path of one of the device's attributes; without printf(), for each device has a dozen. */
static const char *attribute(const struct run *run, size_t decision, const char *name,
			     char out[SYSFS_PATH_SIZE])
{
	char *end = stpcpy(out, DEVICES "/");

	end += strlen(pci_address_format(&run->plan->decisions[decision].address, end));
	(void)stpcpy(stpcpy(end, "/"), name);
	return out;
}

/* Reads the `driver` link; an empty name where no driver has the device. */
static void read_driver(const struct run *run, size_t decision, char driver[DRIVER_NAME_SIZE])
{
	char path[SYSFS_PATH_SIZE];

	if (read_link_name(run->root->fd, attribute(run, decision, "driver", path), driver,
			   DRIVER_NAME_SIZE) < 0)
		driver[0] = '\0';
}

/* An empty name clears it, for which the kernel wants a newline (driver_set_override()). */
static void do_override(struct run *run, size_t decision, const char *driver)
{
	char path[SYSFS_PATH_SIZE];
	int r = root_write_attribute(run->root,
				     attribute(run, decision, "driver_override", path),
				     *driver ? driver : "\n");

	add_step(run, STEP_OVERRIDE, decision, driver, r);
}

static void do_load(struct run *run, const char *module, const char *options)
{
	int r = run->loader->load(run->loader->context, module, options);

	add_step(run, STEP_LOAD, 0, module, r);
	if (strcmp(module, VFIO_PCI_MODULE) == 0)
		run->load_error = r;
}

static bool was_loaded(const struct run *run, const char *module)
{
	for (size_t i = 0; i < run->record->step_count; i++)
		if (run->record->steps[i].kind == STEP_LOAD &&
		    strcmp(run->record->steps[i].target, module) == 0)
			return true;
	return false;
}

static void do_unbind(struct run *run, size_t decision, const char *driver)
{
	char path[SYSFS_PATH_SIZE];
	char address[PCI_ADDRESS_SIZE];
	int r = root_write_attribute(
		run->root, attribute(run, decision, "driver/unbind", path),
		pci_address_format(&run->plan->decisions[decision].address, address));

	add_step(run, STEP_UNBIND, decision, driver, r);
}

/*
 * Has the wanted driver take the device. drivers_probe succeeds even when nothing was bound
 * (drivers/base/bus.c: drivers_probe_store()), so the link decides; only then the driver's own
 * `bind` attribute is written, for its answer says what is wrong.
 */
static void do_probe(struct run *run, size_t decision)
{
	const char *wanted = run->record->devices[decision].wanted;
	char address[PCI_ADDRESS_SIZE];
	char driver[DRIVER_NAME_SIZE];
	char path[SYSFS_PATH_SIZE];

	(void)pci_address_format(&run->plan->decisions[decision].address, address);
	add_step(run, STEP_PROBE, decision, wanted,
		 root_write_attribute(run->root, PROBE, address));
	read_driver(run, decision, driver);
	if (*driver != '\0')
		return;
	(void)snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/bind", wanted);
	add_step(run, STEP_BIND, decision, wanted,
		 root_write_attribute(run->root, path, address));
}

static bool is_bound_to_wanted(const struct run *run, size_t decision)
{
	char driver[DRIVER_NAME_SIZE];

	read_driver(run, decision, driver);
	return strcmp(driver, run->record->devices[decision].wanted) == 0;
}

static void do_bind(struct run *run, size_t decision)
{
	struct device_record *device = &run->record->devices[decision];
	char driver[DRIVER_NAME_SIZE];

	read_driver(run, decision, driver);
	if (strcmp(driver, device->wanted) == 0)
		return;
	if (*driver != '\0') {
		/* It may have come between the snapshot and the override. */
		if (*device->before == '\0')
			(void)copy_field(device->before, sizeof(device->before), driver);
		do_unbind(run, decision, driver);
	}
	do_probe(run, decision);
	if (!run->plan->decisions[decision].fallback || is_bound_to_wanted(run, decision))
		return;

	/* The variant is not there or does not want this one: vfio-pci serves every device. */
	(void)copy_field(device->wanted, sizeof(device->wanted), VFIO_PCI_DRIVER);
	do_override(run, decision, device->wanted);
	if (!was_loaded(run, VFIO_PCI_MODULE))
		do_load(run, VFIO_PCI_MODULE, NULL);
	if (!is_bound_to_wanted(run, decision))
		do_probe(run, decision);
}

/* The one PCI driver of a module that is loaded or built in; empty where that is not so. */
static void driver_of_module(const struct run *run, const char *module,
			     char driver[DRIVER_NAME_SIZE])
{
	static const char prefix[] = "pci:";
	char path[SYSFS_PATH_SIZE];
	const struct dirent *entry;
	unsigned count = 0;

	driver[0] = '\0';
	(void)snprintf(path, sizeof(path), "sys/module/%s/drivers", module);
	int fd = *module ? openat(run->root->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL && fd >= 0)
		(void)close(fd);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 && ++count == 1)
			(void)copy_field(driver, DRIVER_NAME_SIZE,
					 entry->d_name + strlen(prefix));
	if (count != 1)
		driver[0] = '\0';
}

/*
 * Gives a device back to its native driver. That one's name stands in driver_override while it
 * is probed: a vfio-pci that has the device's IDs in its list would be quicker. Without a native
 * driver nothing is probed, for the same reason.
 */
static void do_release(struct run *run, size_t decision)
{
	struct device_record *device = &run->record->devices[decision];
	char driver[DRIVER_NAME_SIZE];

	if (*device->wanted == '\0')
		driver_of_module(run, run->plan->decisions[decision].module, device->wanted);
	do_override(run, decision, device->wanted);
	read_driver(run, decision, driver);
	if (*driver != '\0' && strcmp(driver, device->wanted) != 0)
		do_unbind(run, decision, driver);
	if (*device->wanted == '\0')
		return;
	if (!is_bound_to_wanted(run, decision))
		do_probe(run, decision);
	do_override(run, decision, "");
}

/* Says in one sentence why a device is not on the wanted driver. */
static void explain_failure(const struct run *run, size_t decision)
{
	struct device_record *device = &run->record->devices[decision];
	int override = run->errors[decision][STEP_OVERRIDE];
	int unbind = run->errors[decision][STEP_UNBIND];
	int bind = run->errors[decision][STEP_BIND];
	char *out = device->reason;
	size_t size = sizeof(device->reason);

	if (override != 0)
		(void)snprintf(out, size, "driver_override could not be written: %s",
			       strerror(override));
	else if (run->load_error != 0)
		(void)snprintf(out, size, "the module vfio_pci could not be loaded: %s%s",
			       strerror(-run->load_error),
			       run->load_error == -ENOENT ? "; is it in the initramfs?" : "");
	else if (*device->after != '\0' && unbind != 0)
		(void)snprintf(out, size, "%s did not let go of it: %s", device->after,
			       strerror(unbind));
	else if (run->plan->decisions[decision].device->iommu_group < 0)
		(void)snprintf(
			out, size,
			"it has no IOMMU group (%s): switch the IOMMU on in the firmware "
			"(VT-d, AMD-Vi, SMMU) and, for Intel, with intel_iommu=on",
			strerror(bind ? bind : EINVAL));
	else if (bind == EBUSY)
		(void)snprintf(out, size, "%s says: busy; a PF whose VFs are enabled?",
			       device->wanted);
	else
		(void)snprintf(out, size, "%s did not take it: %s", device->wanted,
			       bind ? strerror(bind) : "no reason given");
}

static void read_back(struct run *run, size_t decision)
{
	struct device_record *device = &run->record->devices[decision];
	char path[SYSFS_PATH_SIZE];

	read_driver(run, decision, device->after);
	if (read_attribute(run->root->fd, attribute(run, decision, "driver_override", path),
			   device->override, sizeof(device->override)) < 0 ||
	    strcmp(device->override, "(null)") == 0)
		device->override[0] = '\0';
}

/* The first error of loading this module; 0 if it was loaded or not to be. */
static int load_error(const struct run *run, const char *module)
{
	for (size_t i = 0; i < run->record->step_count; i++)
		if (run->record->steps[i].kind == STEP_LOAD &&
		    strcmp(run->record->steps[i].target, module) == 0)
			return run->record->steps[i].error;
	return 0;
}

static void explain_release(const struct run *run, size_t decision)
{
	struct device_record *device = &run->record->devices[decision];
	const char *module = run->plan->decisions[decision].module;
	const char *native = *device->wanted ? device->wanted : module;
	int override = run->errors[decision][STEP_OVERRIDE];
	int bind = run->errors[decision][STEP_BIND];
	int load = load_error(run, module);
	char *out = device->reason;
	size_t size = sizeof(device->reason);

	if (override != 0)
		(void)snprintf(out, size, "driver_override could not be cleared: %s",
			       strerror(override));
	else if (*device->after != '\0')
		(void)snprintf(out, size, "%s has it still%s%s", device->after,
			       *native ? " and not " : "", native);
	else if (load != 0)
		(void)snprintf(out, size, "the module %s could not be loaded: %s", module,
			       strerror(load));
	else
		(void)snprintf(out, size, "%s did not take it: %s; dmesg may say more", native,
			       bind ? strerror(bind) : "no reason given");
}

/* As wanted: no override, and the native driver has it, or nobody where there is or was none. */
static void verify_release(struct run *run, size_t decision)
{
	struct device_record *device = &run->record->devices[decision];
	const char *module = run->plan->decisions[decision].module;

	read_back(run, decision);
	bool none = *device->after == '\0' && run->plan->decisions[decision].fallback;
	bool native = *device->wanted != '\0' ? strcmp(device->after, device->wanted) == 0
					      : *device->after == '\0' && *module == '\0';
	if ((native || none) && *device->override == '\0') {
		device->outcome = OUTCOME_RELEASED;
		return;
	}
	device->outcome = OUTCOME_FAILED;
	explain_release(run, decision);
}

static void do_verify(struct run *run, size_t decision)
{
	struct device_record *device = &run->record->devices[decision];

	if (run->plan->decisions[decision].verdict == VERDICT_RELEASE) {
		verify_release(run, decision);
		return;
	}
	read_back(run, decision);
	if (strcmp(device->after, device->wanted) == 0) {
		device->outcome = OUTCOME_CLAIMED;
		return;
	}
	device->outcome = OUTCOME_FAILED;
	explain_failure(run, decision);
}

static void do_action(struct run *run, const struct action *action)
{
	switch (action->kind) {
	case ACTION_OVERRIDE:
		do_override(run, action->decision,
			    run->record->devices[action->decision].wanted);
		break;
	case ACTION_LOAD:
		do_load(run, action->module, action->options);
		break;
	case ACTION_BIND:
		if (run->plan->decisions[action->decision].verdict == VERDICT_RELEASE)
			do_release(run, action->decision);
		else
			do_bind(run, action->decision);
		break;
	case ACTION_VERIFY:
		do_verify(run, action->decision);
		break;
	}
}

static void begin_device(struct device_record *device, const struct decision *decision)
{
	device->outcome = decision->verdict == VERDICT_WAIT ? OUTCOME_WAITING : OUTCOME_REFUSED;
	(void)copy_field(device->wanted, sizeof(device->wanted), decision->driver);
	(void)copy_field(device->reason, sizeof(device->reason), decision->reason);
	if (decision->device == NULL)
		return;
	(void)copy_field(device->before, sizeof(device->before), decision->device->driver);
}

/* What became of the other devices is read back too: vfio-pci.ids= may have taken one. */
static void end_untaken(struct run *run, size_t decision)
{
	struct device_record *device = &run->record->devices[decision];

	if (run->plan->decisions[decision].verdict == VERDICT_TAKE ||
	    run->plan->decisions[decision].verdict == VERDICT_RELEASE)
		return;
	read_driver(run, decision, device->after);
	if (strcmp(device->after, VFIO_PCI_DRIVER) != 0 ||
	    strcmp(device->before, device->after) == 0)
		return;
	device->outcome = OUTCOME_CLAIMED;
	(void)snprintf(
		device->reason, sizeof(device->reason),
		"not by vfio-claim: vfio-pci was loaded before it and took it by itself");
}

int plan_apply(const struct plan *plan, const struct root *root, const struct loader *loader,
	       struct record *record)
{
	struct run run = { .plan = plan, .root = root, .loader = loader, .record = record };
	AUTO_FREE void *errors = calloc(plan->decision_count + 1, sizeof(*run.errors));

	record->devices = calloc(plan->decision_count + 1, sizeof(*record->devices));
	if (record->devices == NULL || errors == NULL)
		return -ENOMEM;
	run.errors = errors;
	for (size_t i = 0; i < plan->decision_count; i++)
		begin_device(&record->devices[i], &plan->decisions[i]);
	for (size_t i = 0; i < plan->action_count; i++)
		do_action(&run, &plan->actions[i]);
	for (size_t i = 0; i < plan->decision_count; i++)
		end_untaken(&run, i);
	return run.error;
}
