/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims and their selectors: what the config, the claims table and the command line say. */
#ifndef VFIO_CLAIM_CLAIM_H
#define VFIO_CLAIM_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pci.h"
#include "text.h"

enum {
	CLAIM_NAME_SIZE = 65,
	/* MODULE_NAME_LEN of the kernel is 56 on 64-bit machines (include/linux/moduleparam.h).
	 */
	DRIVER_NAME_SIZE = 64,
	SELECTOR_TEXT_SIZE = 256,
	/* A resource class or a trait of Placement has at most 255 characters
	 * (placement/schemas/{resource_class,trait}.py). */
	PLACEMENT_NAME_SIZE = 256,
};

/* The words that a selector has; all of them must hold. */
enum selector_word {
	SELECT_ADDRESS = 1 << 0,
	SELECT_IDS = 1 << 1,
	SELECT_CLASS = 1 << 2,
	SELECT_PATH = 1 << 3,
	SELECT_NTH = 1 << 4,
};

/* One `match` or `except` line. */
struct selector {
	unsigned words; /* of enum selector_word */
	struct pci_address address;
	bool any_function; /* address was BB:DD.* */
	struct pci_ids ids;
	uint32_t class_code; /* 24 bits, as in sysfs */
	uint32_t class_mask;
	struct pci_path path;
	unsigned nth; /* from 1, in address order */
};

enum claim_functions { FUNCTIONS_ALL, FUNCTIONS_MATCHED };
enum claim_when { WHEN_AUTO, WHEN_EARLY, WHEN_GUARDED };
enum claim_origin { ORIGIN_CONFIG, ORIGIN_IDS_ARGUMENT, ORIGIN_ARGUMENT };

enum cloud_device_type { CLOUD_TYPE_AUTO, CLOUD_TYPE_PCI, CLOUD_TYPE_PF, CLOUD_TYPE_VF };
enum cloud_numa {
	CLOUD_NUMA_LEGACY,
	CLOUD_NUMA_PREFERRED,
	CLOUD_NUMA_REQUIRED,
	CLOUD_NUMA_SOCKET
};
enum cloud_answer { CLOUD_NO, CLOUD_YES, CLOUD_NOT_SAID };

/* How a cloud is to offer the claim's devices. Exports use it; nothing on the host does. */
struct claim_cloud {
	char alias[CLAIM_NAME_SIZE]; /* empty: the claim's name */
	enum cloud_device_type device_type;
	bool has_numa;
	enum cloud_numa numa;
	char resource_class[PLACEMENT_NAME_SIZE]; /* empty: not said */
	char (*traits)[PLACEMENT_NAME_SIZE];
	size_t trait_count;
	enum cloud_answer managed;
	enum cloud_answer live_migratable;
	enum cloud_answer one_time_use;
};

struct claim {
	char name[CLAIM_NAME_SIZE];
	struct selector *matches;
	size_t match_count;
	struct selector *excepts;
	size_t except_count;
	enum claim_functions functions;
	enum claim_when when;
	enum claim_origin origin;
	char driver[DRIVER_NAME_SIZE]; /* as driver_serves_vfio() allows */
	unsigned expect;               /* cards there must be; 0: not said */
	struct claim_cloud cloud;
};

/* An ordered list of claims; an earlier one wins a device that two would take. */
struct claims {
	struct claim *items;
	size_t count;
};

/*
 * Parses one selector: words separated by blanks, and by commas where `commas` is set (a
 * kernel argument has no blanks unless it is quoted).
 *
 * @reason: on error, one sentence naming the offending word
 * Returns 0 or -EINVAL; *ret_selector is untouched on error.
 */
int selector_parse(const char *string, bool commas, struct selector *ret_selector,
		   char reason[SELECTOR_TEXT_SIZE]) MUST_CHECK;

/* Writes the form that selector_parse() reads and returns `out`. */
const char *selector_format(const struct selector *selector, char out[SELECTOR_TEXT_SIZE]);

/*
 * Adds a claim with the defaults of DESIGN (functions = all, driver = auto, when = auto).
 * Returns it (owned by `claims`, valid until the next addition) or NULL without memory.
 */
struct claim *claims_add(struct claims *claims, const char *name) MUST_CHECK;

/* The claim of this name, or NULL. */
struct claim *claims_find(const struct claims *claims, const char *name);

/* Adds a selector to a claim's matches (or excepts). Returns 0 or -ENOMEM. */
int claim_add_match(struct claim *claim, const struct selector *selector) MUST_CHECK;
int claim_add_except(struct claim *claim, const struct selector *selector) MUST_CHECK;

/* Empties a claim, keeping its name: a later file replaces it. */
void claim_reset(struct claim *claim);

/*
 * Moves the claims of `more` behind those of `claims`. Returns 0 or -ENOMEM; either way both
 * are whole and to be released.
 */
int claims_append(struct claims *claims, struct claims *more) MUST_CHECK;

/* Releases all claims. */
void claims_free(struct claims *claims);

/* True for the name of a claim: letters, digits, "._-", at most 64. */
bool claim_name_valid(const char *name);

/* True for names that claims of the kernel command line have: vfio-pci.ids, rd.vfio-claim-1. */
bool claim_name_reserved(const char *name);

/* True for the name of a driver or a module: letters, digits, "_-", at most 63. */
bool driver_name_valid(const char *name);

/*
 * True for a driver that a claim may name: auto, one with "vfio" in its name, as vfio-pci and
 * every variant driver of the kernel have (drivers/vfio/pci), or pci-stub, which keeps a device
 * from all others. VFIO opens no group that another driver has a device of.
 */
bool driver_serves_vfio(const char *name);

/* The words that config and claims table use; NULL-terminated, in the order of the enums. */
extern const char *const claim_functions_names[];
extern const char *const claim_when_names[];
extern const char *const cloud_device_type_names[];
extern const char *const cloud_numa_names[];

/*
 * True for a resource class that a claim may have: one of its own (CUSTOM_ and capitals, digits,
 * "_", at most 255 in all, as Placement has it) or a standard one that fits a PCI device.
 */
bool resource_class_valid(const char *name);

/* True for a trait: CUSTOM_ or HW_ and capitals, digits, "_", at most 255 in all. */
bool trait_valid(const char *name);

#endif
