// SPDX-License-Identifier: GPL-2.0-or-later
/* Warnings about the machine as a whole. */
#include <string.h>

#include "warnings_parts.h"

static bool takes_something(const struct view *view)
{
	for (size_t i = 0; i < view->outlook->snapshot->count; i++)
		if (view_takes(view, i))
			return true;
	return false;
}

static const char *iommu_fix(const struct outlook *outlook)
{
	if (outlook->config->host.iommu == IOMMU_OFF)
		return "the configuration has iommu = off: say iommu = pt, apply and reboot";
	switch (outlook->facts->cpu) {
	case CPU_INTEL:
		return "turn VT-d on in the firmware's set-up";
	case CPU_AMD:
		return "turn the IOMMU (AMD-Vi) on in the firmware's set-up";
	case CPU_ARM:
		return "turn the SMMU on in the firmware's set-up";
	case CPU_AUTO:
	case CPU_ANY:
		break;
	}
	return "turn the IOMMU (VT-d, AMD-Vi, SMMU) on in the firmware's set-up";
}

static bool has_iommu(const struct outlook *outlook)
{
	if (outlook->facts->has_iommu)
		return true;
	for (size_t i = 0; i < outlook->snapshot->count; i++)
		if (outlook->snapshot->devices[i].iommu_group >= 0)
			return true;
	return false;
}

/*
 * A word on the next boot's command line keeps the IOMMU off. One that this boot has too is
 * overruled by the firmware where there is an IOMMU all the same: see iommu_off_word().
 */
static void warn_of_iommu_word(struct view *view)
{
	const char *word = view->outlook->facts->iommu_off;

	warning_add(view, SEVERITY_FAULT, "iommu-off", NULL, NULL,
		    "the next boot has no IOMMU: %s is on its command line, and vfio-pci takes "
		    "no device without one",
		    word);
	warning_fix(view, "take %s out of the boot loader's settings, reboot, and look again",
		    word);
}

/* Without an IOMMU there are no groups, and vfio-pci takes nothing (see warnings_groups.c). */
static void warn_of_iommu(struct view *view)
{
	const struct outlook *outlook = view->outlook;
	const struct host_facts *facts = outlook->facts;

	if (facts->iommu_off != NULL && !(facts->iommu_off_now && has_iommu(outlook))) {
		warn_of_iommu_word(view);
		return;
	}
	if (has_iommu(outlook))
		return;
	if (facts->iommu_pending) {
		warning_add(view, SEVERITY_WARNING, "iommu-pending", NULL, NULL,
			    "no IOMMU is in use now; intel_iommu=on comes with the next boot, "
			    "and the IOMMU groups are not known until then");
		warning_fix(view, "see that VT-d is on in the firmware's set-up, and look at "
				  "plan again after the reboot");
		return;
	}
	warning_add(view, SEVERITY_FAULT, "iommu-off", NULL, NULL,
		    "no IOMMU is in use: vfio-pci takes no device without one");
	warning_fix(view, "%s", iommu_fix(outlook));
}

/*
 * Without interrupt remapping vfio_iommu_type1 attaches no group (-EPERM) unless its
 * allow_unsafe_interrupts is set (drivers/vfio/vfio_iommu_type1.c), nor does iommufd
 * (drivers/iommu/iommufd/device.c).
 */
static void warn_of_remapping(struct view *view)
{
	const struct host_facts *facts = view->outlook->facts;

	if (facts->remapping != REMAPPING_OFF || facts->unsafe_interrupts ||
	    !has_iommu(view->outlook))
		return;
	warning_add(
		view, SEVERITY_FAULT, "no-interrupt-remapping", NULL, NULL,
		"the IOMMU does not remap interrupts: no virtual machine may have a device");
	warning_fix(view, "turn interrupt remapping (x2APIC) on in the firmware's set-up; or "
			  "unsafe_interrupts = yes, where guests are trusted");
}

static void warn_of_kernels(struct view *view)
{
	const struct host_facts *facts = view->outlook->facts;

	for (size_t i = 0; i < facts->kernel_count; i++) {
		if (facts->kernels[i].has_vfio_pci)
			continue;
		warning_add(view, SEVERITY_FAULT, "kernel-without-vfio", NULL, NULL,
			    "the kernel %s has no vfio_pci: booted with it, nothing is claimed",
			    facts->kernels[i].name);
		warning_fix(view, "install the package with its other modules (Ubuntu: "
				  "linux-modules-extra; RHEL, Fedora: kernel-modules-core, "
				  "kernel-modules), or remove it");
	}
}

static void warn_of_switch(struct view *view)
{
	const struct host_facts *facts = view->outlook->facts;

	if (facts->off_by == NULL)
		return;
	if (facts->off_always) {
		warning_add(view, SEVERITY_FAULT, "switched-off", NULL, NULL,
			    "the boot loader gives %s to every boot: nothing is claimed",
			    facts->off_by);
		warning_fix(view, "take it out of the boot loader's configuration");
		return;
	}
	warning_add(view, SEVERITY_WARNING, "switched-off", NULL, NULL,
		    "this boot has %s on its command line; the plan is for one without it",
		    facts->off_by);
	warning_fix(view, "nothing, if it was chosen for this boot alone");
}

/* systemd-stub(7): under Secure Boot an add-on counts only when it is signed. */
static void warn_of_addon(struct view *view)
{
	const struct host_facts *facts = view->outlook->facts;

	if (!facts->unsigned_addon || !facts->secure_boot)
		return;
	warning_add(view, SEVERITY_WARNING, "unsigned-addon", NULL, NULL,
		    "the arguments go into an add-on to the unified kernel image, which "
		    "Secure Boot ignores unless it is signed");
	warning_fix(view, "give the keys in /etc/kernel/uki.conf, so that ukify signs it");
}

/* Whatever is claimed: `apply` refuses the whole configuration then. */
static void warn_of_length(struct view *view)
{
	const char *reason = view->outlook->facts->too_long;

	if (reason == NULL)
		return;
	warning_add(view, SEVERITY_FAULT, "cmdline-too-long", NULL, NULL, "%s", reason);
	warning_fix(view, "shorten what it names; until all of it fits 'vfio-claim apply' "
			  "changes nothing");
}

void warn_of_host(struct view *view)
{
	warn_of_switch(view);
	warn_of_length(view);
	if (!takes_something(view))
		return;
	warn_of_iommu(view);
	warn_of_remapping(view);
	warn_of_kernels(view);
	warn_of_addon(view);
}
