/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of readiness.h share: its findings while they are gathered. Pure. */
#ifndef VFIO_CLAIM_FINDINGS_H
#define VFIO_CLAIM_FINDINGS_H

#include "readiness.h"

#define FIX_APPLY "run 'vfio-claim apply', then reboot"

/* Where this boot should have had it: another reboot would bring the same again. */
#define FIX_SOURCE                                                                             \
	"see what the machine boots from (another entry, a line edited in the boot menu, "     \
	"another disk's boot loader, an unmounted /boot or ESP, PXE, kexec, a hypervisor's "   \
	"own kernel)"

/* While the conclusions are drawn; `error` is sticky. */
struct draft {
	const struct facts *facts;
	struct readiness out;
	int error;
};

/* Returns the new finding, valid until the next one, or NULL without memory. */
struct finding *finding_add(struct draft *draft, enum finding_code code,
			    enum finding_level level);

/* The same about the device of a decision and its claim. */
struct finding *finding_add_about(struct draft *draft, enum finding_code code,
				  enum finding_level level, const struct decision *decision);

/* Set the cause and the fix of a finding; nothing where it is NULL. */
void finding_say(struct draft *draft, struct finding *finding, const char *text, ...)
	PRINTF_LIKE(3, 4);
void finding_fix(struct draft *draft, struct finding *finding, const char *text, ...)
	PRINTF_LIKE(3, 4);

/* When something of the next boot was written in this one; 0: not known to have been. */
long long prepared_since(const struct facts *facts);

/*
 * True when VFIO has the device of a decision in its no-IOMMU mode, in which a program can write
 * to all memory with it and no virtual machine can have it (vfio-noiommu of the kernel's
 * drivers/vfio/group.c).
 */
bool is_without_iommu(const struct facts *facts, size_t index);

/* The same where the configuration has `iommu = off`: it is wanted so, for DPDK, say. */
bool is_meant_without(const struct facts *facts, size_t index);

/* True when VFIO attaches no group, since the IOMMU does not remap interrupts. */
bool interrupts_are_unsafe(const struct facts *facts);

/* True when this boot's claims table is not what the configuration compiles to now. */
bool config_is_newer(const struct facts *facts);

/*
 * The parts, in their order: the devices' part counts those that are ready, which the later ones
 * look at.
 */
void assess_iommu(struct draft *draft);
void assess_devices(struct draft *draft);
void assess_boot(struct draft *draft);
void assess_arguments(struct draft *draft);
void assess_next_boot(struct draft *draft);

#endif
