/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What could go wrong in the next boot, or with the devices after it, each with its fix. Pure:
 * made of what was read of the machine and of the plan for it.
 */
#ifndef VFIO_CLAIM_WARNINGS_H
#define VFIO_CLAIM_WARNINGS_H

#include "config.h"
#include "details.h"
#include "plan.h"
#include "uses.h"

enum severity {
	SEVERITY_WARNING, /* the claims come true, and something is to be known about it */
	SEVERITY_FAULT,   /* a claim does not come true, or its device cannot be used */
	SEVERITY_DANGER,  /* the machine loses what it needs */
};

/* The words of `enum severity`, NULL-terminated. */
extern const char *const severity_names[];

struct warning {
	enum severity severity;
	const char *code; /* one of warning_codes[] */
	bool has_address;
	struct pci_address address;
	const struct claim *claim; /* or NULL */
	char *text;                /* one sentence, without the address */
	char *fix;                 /* what to do about it, one sentence */
};

struct warnings {
	struct warning *items; /* the gravest first */
	size_t count;
};

/* Every code there is, NULL-terminated: stable, scripts may go by them. */
extern const char *const warning_codes[];

/* Are the interrupts of devices kept apart by the IOMMU? */
enum remapping { REMAPPING_UNKNOWN, REMAPPING_ON, REMAPPING_OFF };

enum { KERNEL_NAME_SIZE = 65, CONSOLES_SIZE = 128 };

struct kernel_outlook {
	char name[KERNEL_NAME_SIZE];
	bool has_vfio_pci; /* as a module or built in */
};

/* Of the driver that a claim names. */
struct driver_facts {
	bool found;   /* a kernel has it; also where there is no kernel to ask */
	bool outside; /* it is not the kernel's own: in updates/ or extra/ */
};

/* Of one device, in the order of the snapshot. */
struct device_outlook {
	char builtin[DRIVER_NAME_SIZE]; /* a native driver that is built in; empty: none */
	char native[DRIVER_NAME_SIZE];  /* any native driver; empty: none, or not asked for */
	char blacklisted[DRIVER_NAME_SIZE]; /* its driver's module, where the next boot does not
					       load it any more; else empty */
	uint32_t vf_device; /* the device ID of its virtual functions; 0: not known */
};

/* What there is to know of the machine besides its devices. */
struct host_facts {
	enum host_cpu cpu;
	bool has_iommu; /* the kernel has one in use */
	enum remapping remapping;
	bool unsafe_interrupts; /* allowed in the next boot */
	const char *iommu_off;  /* the word by which the next boot has no IOMMU, or NULL */
	bool iommu_off_now;     /* this boot has such a word too */
	bool iommu_pending;     /* the next boot has intel_iommu=on, this one has it not */
	bool display_pending;   /* the same, and it covers Intel's displays */
	const char *too_long; /* why the arguments do not fit into the command line, or NULL */
	char lockdown[16];    /* none, integrity, confidentiality; empty: not told */
	bool secure_boot;
	char consoles[CONSOLES_SIZE]; /* the kernel's consoles that are not on a display */
	bool display_console;         /* tty0 is a console of the kernel */
	bool has_framebuffer;         /* of the firmware, on this device */
	struct pci_address framebuffer;
	const char *off_by;  /* the argument that switches claims off in this boot, or NULL */
	bool off_always;     /* the boot loader gives it in every boot */
	bool unsigned_addon; /* the arguments are in an add-on to a unified kernel image */
	struct kernel_outlook *kernels;
	size_t kernel_count;
	struct driver_facts *drivers;   /* one for each claim, or NULL */
	struct device_outlook *devices; /* one for each device, or NULL */
};

/* All that warnings are made of; none of it is changed. */
struct outlook {
	const struct config *config;
	const struct claims *claims; /* the config's and the command line's */
	const struct snapshot *snapshot;
	const struct details *details;
	const struct guards *guards; /* of PHASE_WHOLE */
	const struct plan *plan;
	const struct uses *uses;
	const struct host_facts *facts;
	/* A device's name for people, valid until the next call; or NULL. */
	const char *(*name)(void *context, const struct device *device);
	void *name_context;
};

/*
 * Finds everything there is to warn of. The warnings point into the claims of `outlook`.
 * Returns 0 and *ret_warnings (release with warnings_free()), or -ENOMEM.
 */
int warnings_find(const struct outlook *outlook, struct warnings *ret_warnings) MUST_CHECK;

/* How many there are of a severity. */
size_t warnings_count(const struct warnings *warnings, enum severity severity);

/* The decision that the plan has for a device, or NULL. */
const struct decision *plan_decision(const struct plan *plan, const struct device *device);

/* True for drivers that leave an IOMMU group viable; see warnings_group.c. */
bool driver_is_harmless(const char *driver);

/* True for the drivers of VFIO. */
bool driver_is_vfio(const char *driver);

void warnings_free(struct warnings *warnings);

#endif
