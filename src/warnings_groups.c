// SPDX-License-Identifier: GPL-2.0-or-later
/* Warnings about IOMMU groups. */
#include <errno.h>
#include <string.h>

#include "warnings_parts.h"

enum { MEMBERS_SHOWN = 8 };

bool driver_is_vfio(const char *driver)
{
	char module[DRIVER_NAME_SIZE];
	size_t length = strlen(driver);
	const size_t suffix = strlen("_" VFIO_PCI_MODULE);

	/* Variant drivers all end so, with dashes or underscores: mlx5_vfio_pci, xe-vfio-pci. */
	module_of_driver(driver, module);
	return strcmp(module, VFIO_PCI_MODULE) == 0 ||
	       (length > suffix && strcmp(module + length - suffix, "_" VFIO_PCI_MODULE) == 0);
}

/*
 * A group can be opened when no driver in it has the DMA of its device managed by the kernel.
 * Since 5.19 that is each driver without .driver_managed_dma: binding it takes the group
 * (drivers/pci/pci-driver.c: pci_dma_configure(), iommu_device_use_default_domain()), and then
 * iommu_group_claim_dma_owner() fails for VFIO (drivers/iommu/iommu.c; called by
 * drivers/vfio/container.c since 6.2, vfio_main.c before, and by iommufd). The flag is set by
 * vfio-pci and its variants, pci-stub and pcieport. Kernels before had a list of the same
 * names and let every driver of a bridge pass (vfio.c: vfio_dev_driver_allowed()).
 */
bool driver_is_harmless(const char *driver)
{
	return *driver == '\0' || driver_is_vfio(driver) || strcmp(driver, "pci-stub") == 0 ||
	       strcmp(driver, "pcieport") == 0;
}

/* Who has a device that the plan does not take: who has it now, unless that is VFIO. */
static const char *driver_then(const struct view *view, size_t index)
{
	const struct outlook *outlook = view->outlook;
	const struct device *device = &outlook->snapshot->devices[index];

	if (!driver_is_vfio(device->driver))
		return device->driver;
	return outlook->facts->devices ? outlook->facts->devices[index].native : "";
}

static bool stands_in_the_way(const struct view *view, size_t index)
{
	return !view_takes(view, index) && !driver_is_harmless(driver_then(view, index));
}

/* What a group lacks, as text for the warning and its fix. */
struct missing {
	struct text list;  /* every function with its name and driver */
	struct text match; /* "match = " lines that complete the group */
	unsigned count;
	bool possible;                  /* all of them could be claimed */
	const struct decision *refusal; /* the first that is about how a claim names one */
};

/*
 * What stays with the host whatever a claim says, or should: bridges, and what is needed or could
 * be, which is why the late phase refuses it. Every other refusal is about how a claim names the
 * device (a card that was changed, a bridge that a pattern catches), so its address does.
 */
static bool is_hosts(const struct view *view, size_t index)
{
	const struct outlook *outlook = view->outlook;
	const struct device *device = &outlook->snapshot->devices[index];
	const struct decision *decision = view->decisions[index].decision;

	return (device_is_bridge(device) && !device_is_other_bridge(device)) ||
	       (decision != NULL && decision->late && !decision->companion) ||
	       guards_reason(outlook->guards, &device->address, guard_kind_of(device)) !=
		       NULL ||
	       uses_route(outlook->uses, &device->address) != NULL;
}

static void add_member(const struct view *view, size_t index, struct missing *missing)
{
	const struct outlook *outlook = view->outlook;
	const struct device *device = &outlook->snapshot->devices[index];
	const struct decision *decision = view->decisions[index].decision;
	const char *name = outlook->name ? outlook->name(outlook->name_context, device) : "";

	missing->count++;
	missing->possible = missing->possible && !is_hosts(view, index);
	if (missing->refusal == NULL && decision != NULL && !decision->companion)
		missing->refusal = decision;
	if (missing->count > MEMBERS_SHOWN)
		return;
	text_add(&missing->list, "%s%s %s%s(%s%s)", missing->count > 1 ? ", " : "",
		 ADDRESS_TEXT(device), name, *name ? " " : "", driver_then(view, index),
		 decision != NULL ? ", refused" : "");
	text_add(&missing->match, "%s%s", missing->count > 1 ? ", " : "", ADDRESS_TEXT(device));
}

static void fix_group(struct view *view, const struct missing *missing, const char *match)
{
	const char *others = missing->count > MEMBERS_SHOWN ? " and the others" : "";
	const struct decision *refusal = missing->refusal;

	if (!missing->possible)
		warning_fix(view, "not all of that can be claimed: put the card into a slot "
				  "whose group has nothing of the host in it");
	else if (refusal == NULL)
		warning_fix(view, "claim what else is in it too: match = %s%s", match, others);
	else
		warning_fix(view,
			    "claim what else is in it too: match = %s%s; %s is refused by "
			    "[claim %s] now: %s",
			    match, others, ADDRESS_TEXT(refusal), refusal->claim->name,
			    refusal->reason);
}

static void warn_of_group(struct view *view, size_t first)
{
	const struct snapshot *snapshot = view->outlook->snapshot;
	const struct device *device = &snapshot->devices[first];
	const struct claim *claim = view->decisions[first].decision->claim;
	struct missing missing = { .possible = true };
	AUTO_FREE char *list = NULL;
	AUTO_FREE char *match = NULL;

	for (size_t i = 0; i < snapshot->count; i++)
		if (snapshot->devices[i].iommu_group == device->iommu_group &&
		    stands_in_the_way(view, i))
			add_member(view, i, &missing);
	if (missing.count > MEMBERS_SHOWN)
		text_add(&missing.list, " and %u more", missing.count - MEMBERS_SHOWN);
	int list_error = text_take(&missing.list, &list);
	if (text_take(&missing.match, &match) < 0 || list_error < 0)
		view->error = -ENOMEM;
	if (missing.count == 0 || view->error < 0)
		return;
	warning_add(view, SEVERITY_FAULT, "group-incomplete", &device->address, claim,
		    "IOMMU group %d stays incomplete, no virtual machine can use it: %s",
		    device->iommu_group, list);
	fix_group(view, &missing, match);
}

static bool has_groups(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++)
		if (snapshot->devices[i].iommu_group >= 0)
			return true;
	return false;
}

static bool is_intel_display(const struct device *device)
{
	return device->ids.vendor == 0x8086 && device->class_code >> 16 == 0x03;
}

/*
 * INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF of Debian's kernels (drivers/iommu/intel/iommu.c) leaves them
 * out of an IOMMU that is on for all else, until the next boot has the argument.
 */
static void warn_of_display_pending(struct view *view, size_t index)
{
	warning_add(view, SEVERITY_WARNING, "iommu-pending",
		    &view->outlook->snapshot->devices[index].address,
		    view->decisions[index].decision->claim,
		    "it has no IOMMU group yet: intel_iommu=on, which covers Intel's displays "
		    "too, comes with the next boot, and the group is not known until then");
	warning_fix(view, "look at plan again after the reboot");
}

/*
 * Without a group the probe of vfio-pci fails with -EINVAL (drivers/vfio/group.c:
 * vfio_group_find_or_alloc()). Where there is no IOMMU at all, warn_of_host() says so.
 */
static void warn_of_no_group(struct view *view, size_t index)
{
	const struct device *device = &view->outlook->snapshot->devices[index];

	if (is_intel_display(device) && view->outlook->facts->display_pending &&
	    has_groups(view->outlook->snapshot)) {
		warn_of_display_pending(view, index);
		return;
	}
	warning_add(view, SEVERITY_FAULT, "no-group", &device->address,
		    view->decisions[index].decision->claim,
		    "it has no IOMMU group, so vfio-pci does not take it");
	if (is_intel_display(device))
		warning_fix(view, "intel_iommu=on covers Intel's displays too: iommu = pt, "
				  "cpu = intel, then apply and reboot");
	else
		warning_fix(view, "see whether the firmware's tables (DMAR, IVRS, IORT) leave "
				  "it out: dmesg | grep -iE 'dmar|amd-vi|smmu'");
}

static bool is_first_of_group(const struct view *view, size_t index)
{
	const struct device *devices = view->outlook->snapshot->devices;

	for (size_t i = 0; i < index; i++)
		if (devices[i].iommu_group == devices[index].iommu_group && view_takes(view, i))
			return false;
	return true;
}

void warn_of_groups(struct view *view)
{
	const struct snapshot *snapshot = view->outlook->snapshot;
	bool groups = view->outlook->facts->has_iommu || has_groups(snapshot);

	for (size_t i = 0; groups && i < snapshot->count; i++) {
		if (!view_takes(view, i))
			continue;
		if (snapshot->devices[i].iommu_group < 0)
			warn_of_no_group(view, i);
		else if (is_first_of_group(view, i))
			warn_of_group(view, i);
	}
}
