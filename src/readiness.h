/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is the machine ready for passthrough as the configuration wants it? Facts go in, findings come
 * out. Pure: libc only, no I/O.
 */
#ifndef VFIO_CLAIM_READINESS_H
#define VFIO_CLAIM_READINESS_H

#include "config.h"
#include "kargs.h"
#include "plan.h"
#include "sentences.h"
#include "table.h"
#include "uses.h"

/* What `vfio-claim status` can find; finding_code_names[] has the stable names. */
enum finding_code {
	FINDING_CONFIG_INVALID,
	FINDING_IOMMU_OFF,
	FINDING_NO_INTERRUPT_REMAPPING,
	FINDING_NO_GROUP,
	FINDING_GROUP_INCOMPLETE,
	FINDING_GROUP_NODE,
	FINDING_NATIVE_DRIVER,
	FINDING_DRIVER_MISSING,
	FINDING_NOT_BOUND,
	FINDING_OVERRIDE_MISSING,
	FINDING_VARIANT_UNUSED,
	FINDING_DEVICE_MISSING,
	FINDING_DEVICE_DIFFERS,
	FINDING_DEVICE_REFUSED,
	FINDING_CLAIM_UNMATCHED,
	FINDING_EXPECT_DIFFERS,
	FINDING_HELPER_ABSENT,
	FINDING_HELPER_OFF,
	FINDING_HELPER_FAILED,
	FINDING_TABLE_BAD,
	FINDING_LATE_RUN_MISSING,
	FINDING_CONFIG_NEWER,
	FINDING_ARGUMENTS_MISSING,
	FINDING_ARGUMENTS_DIFFER,
	FINDING_ARGUMENT_UNKNOWN,
	FINDING_MODULE_LOADED,
	FINDING_NOT_APPLIED,
	FINDING_FILES_STALE,
	FINDING_INITRAMFS_STALE,
	FINDING_BOOT_ENTRY_STALE,
	FINDING_UNREADABLE,
	FINDING_CODE_COUNT,
};

/* NULL-terminated, in the order of the enum. */
extern const char *const finding_code_names[];

/* How much a finding counts: notes and warnings leave the machine ready. */
enum finding_level {
	LEVEL_NOTE,    /* something could not be looked at */
	LEVEL_WARNING, /* ready now, but not as it should be */
	LEVEL_REBOOT,  /* not ready now; the next boot makes it right */
	LEVEL_ERROR,   /* not ready, and a reboot alone does not help */
};

extern const char *const finding_level_names[];

/* The answer to a question about the machine. */
enum answer { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_YES };

/* What boot.json says of a device. */
enum boot_outcome {
	BOOT_NOT_NAMED,
	BOOT_CLAIMED,
	BOOT_FAILED,
	BOOT_REFUSED,
	BOOT_WAITING, /* for the late run, which did not come */
};

struct boot_device {
	struct pci_address address;
	enum boot_outcome outcome;
	bool is_vf;
	char claim[CLAIM_NAME_SIZE];
	char reason[PLAN_REASON_SIZE];
};

/* The boot helper's record of this boot, see vfio-claim-boot(8). */
struct boot_record {
	bool found;
	bool enabled;
	char table_status[16]; /* ok, missing, bad, unread */
	char table_checksum[TABLE_CHECKSUM_SIZE];
	char table_reason[TABLE_REASON_SIZE];
	double seconds;              /* that the helper took, the late run included */
	struct boot_device *devices; /* in address order */
	size_t device_count;
};

/* What the record says of the device at this address, or NULL: nothing. By bisection. */
const struct boot_device *boot_record_find(const struct boot_record *record,
					   const struct pci_address *address);

/* What sysfs and /dev say of the device of a decision, beside what the snapshot has. */
struct device_facts {
	bool override_known;
	char override[DRIVER_NAME_SIZE]; /* empty: none */
	/* The node of its group in /dev/vfio is there; without a group: that of no-IOMMU mode. */
	enum answer node;
	enum answer driver_there; /* the wanted driver is loaded, or there to be loaded */
};

/* An installed kernel and its initramfs. */
struct kernel_facts {
	char *release;
	bool running;
	enum answer current;       /* the image is as the configuration wants it */
	struct sentences problems; /* of an image that is not */
	long long image_time;      /* when it was written, seconds since 1970; 0: not known */
};

/*
 * What is true of the machine. Everything is owned by whoever made it and must outlive the
 * assessment; what could not be found out is ANSWER_UNKNOWN, empty or 0.
 */
struct facts {
	const struct diagnostics *diagnostics; /* of the configuration; with any, no more */
	const struct config *config;
	const struct claims *claims;     /* of the configuration, then of the command line */
	const struct snapshot *snapshot; /* all of them candidates */
	const struct guards *guards;     /* of the plan: what the host needs, PHASE_WHOLE */
	const struct uses *uses;         /* the default routes at least */
	const struct plan *plan;
	const struct device_facts *devices; /* one for each decision of the plan */
	const struct boot_record *boot;
	const char *disabled_by; /* the argument of this boot that switches off; or NULL */
	char checksum[TABLE_CHECKSUM_SIZE]; /* of the table that the config compiles to */
	enum answer has_groups;             /* some device is in an IOMMU group */
	enum answer firmware_iommu;         /* the firmware describes an IOMMU */
	enum host_cpu cpu;                  /* CPU_AUTO: not known */
	enum answer remaps_interrupts;      /* the IOMMU keeps them apart, device by device */
	bool unsafe_interrupts;             /* VFIO may do without that, in this boot */

	struct kargs line;                  /* /proc/cmdline */
	struct kargs arguments;             /* what the configuration asks of it */
	struct sentences unknown_arguments; /* what was not understood of /proc/cmdline */
	struct kargs unbound; /* modules, loaded though blacklisted, without a claimed device */

	enum answer applied; /* `vfio-claim apply` was run here and not taken back */
	bool reverted;
	struct kargs stale_files; /* that apply would write or remove */
	bool fixed;   /* images are not for apply to make: see initramfs_is_fixed() */
	bool by_hand; /* there is no boot loader that apply could give arguments to */
	enum answer entries_current;     /* every boot entry has every needed argument */
	enum answer entries_complete;    /* and all others too, but for recovery entries */
	struct sentences entry_problems; /* where one is missing that is needed */
	struct sentences entry_remarks;  /* where the claims table does the work */
	struct kernel_facts *kernels;
	size_t kernel_count;
	struct sentences unread; /* what could not be looked at, and why */
	long long boot_time;     /* of the kernel, seconds since 1970; 0: not known */
	long long applied_time;  /* of the state file; 0: not known */
	long long entries_time;  /* of the youngest boot entry; 0: not known */
};

/* One thing that is to be told. */
struct finding {
	enum finding_code code;
	enum finding_level level;
	bool has_address;
	struct pci_address address;
	const char *claim;  /* its name in facts->claims, or NULL */
	const char *kernel; /* its release in facts->kernels, or NULL */
	char *text;         /* the cause, one sentence without its full stop */
	char *fix;          /* what to do about it; NULL: nothing */
};

enum device_state { DEVICE_READY, DEVICE_NOT_READY, DEVICE_LEFT /* to the host: refused */ };

struct device_readiness {
	enum device_state state;
	bool taken;              /* VFIO is to have it: by the plan, or still from the boot */
	bool repeated;           /* another selector's refusal of what is there already */
	enum answer viable;      /* its whole group is free for VFIO */
	enum finding_code cause; /* of DEVICE_NOT_READY and DEVICE_LEFT */
};

enum readiness_state { STATE_READY, STATE_REBOOT_DUE, STATE_NOT_READY };

struct readiness {
	enum readiness_state state;
	struct finding *findings; /* errors first */
	size_t finding_count;
	struct device_readiness *devices; /* one for each decision of the plan */
	size_t device_count;
	size_t wanted;          /* devices that shall be ready */
	size_t ready;           /* those of them that are */
	long long reboot_since; /* seconds since 1970; 0: not known, or none is due */
	bool may_change;        /* not ready, and only for what can change by itself, soon */
};

/*
 * Draws the conclusions.
 *
 * A device is ready when the driver that the plan chose has it, and every other function of its
 * IOMMU group is on a VFIO driver, on pci-stub, on pcieport or on none: the kernel gives a group
 * to a user only while no driver in it may do DMA of its own (drivers/iommu/iommu.c,
 * iommu_group_claim_dma_owner(); drivers say so with driver_managed_dma, since 5.19).
 *
 * Returns 0 and *ret_readiness (release with readiness_free()), or -ENOMEM. It points into the
 * facts.
 */
int readiness_assess(const struct facts *facts, struct readiness *ret_readiness) MUST_CHECK;

/* Accepts an empty one. */
void readiness_free(struct readiness *readiness);

/* True for a driver that lets VFIO have the rest of its group. */
bool driver_leaves_group(const char *driver);

/*
 * True for an argument that makes no difference to the claimed devices of a machine whose IOMMU
 * is on: the claims table in the initramfs does its work, or it is about speed.
 */
bool argument_is_spare(const struct config *config, enum answer has_groups, const char *word);

#endif
