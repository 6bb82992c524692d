/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine as `vfio-claim list` shows it: every PCI function with all that is known of it,
 * filtered, ordered as a tree and rendered. Pure: libc only, no I/O.
 */
#ifndef VFIO_CLAIM_INVENTORY_H
#define VFIO_CLAIM_INVENTORY_H

#include "details.h"
#include "plan.h"

enum { INVENTORY_NAME_SIZE = 512 };

/* A module that a device's modalias leads to. */
struct native_module {
	char name[DRIVER_NAME_SIZE];
	bool builtin;
	bool blacklisted;
};

/* One function. What it points to but its own strings and modules is another's. */
struct inventory_item {
	const struct device *device;
	const struct details *details;
	char *vendor; /* names as pci.ids has them; empty: none */
	char *model;
	char *class_name;
	struct native_module *modules;
	size_t module_count;
	const struct decision *decision; /* NULL: no claim names it */
	char *need; /* why the running system needs it; NULL: not known to */
	bool shown; /* passed the filters */

	/* Set by inventory_prepare(). */
	size_t group_size; /* functions in its IOMMU group, itself included; 0: no group */
	const struct inventory_item
		*obstacle; /* in its group, not taken, with a native driver */
};

/* In address order, one for each device of the snapshot: details' indexes are these. */
struct inventory {
	struct inventory_item *items;
	size_t count;
	bool numa_known; /* somebody has a NUMA node; set by inventory_prepare() */
};

/* Makes an item for each device, all shown, without names. Returns 0 or -ENOMEM. */
int inventory_make(const struct snapshot *snapshot, const struct details *details,
		   struct inventory *ret_inventory) MUST_CHECK;

void inventory_free(struct inventory *inventory);

/* Gives each device its decision; decisions are in address order, as the plan's are. */
void inventory_decide(struct inventory *inventory, const struct plan *plan);

/* Looks through the IOMMU groups, after inventory_decide(). Returns 0 or -ENOMEM. */
int inventory_prepare(struct inventory *inventory) MUST_CHECK;

/* What is to be shown; all that is set must hold. */
struct inventory_filter {
	uint32_t class_code;
	uint32_t class_mask;    /* 0: any class */
	const char *class_word; /* of class_words, or NULL */
	bool claimed;
	int group;                        /* -1: any */
	const struct selector *selectors; /* one of them */
	size_t selector_count;
};

/*
 * Parses a class: two, four or six hex digits, or a word (display, network, storage, ...).
 * Returns 0 or -EINVAL.
 */
int class_filter_parse(const char *string, struct inventory_filter *filter) MUST_CHECK;

/* The words that class_filter_parse() knows; NULL-terminated. */
extern const char *const class_words[];

/* The word for a class: "display", "usb", ...; "other" where there is none. */
const char *class_word(uint32_t class_code);

/* Shows what passes and hides the rest. Returns 0 or -ENOMEM. */
int inventory_filter(struct inventory *inventory, const struct snapshot *snapshot,
		     const struct inventory_filter *filter) MUST_CHECK;

/*
 * The shown functions and the bridges above them, each behind the one above it, in address
 * order otherwise.
 */
struct tree_node {
	size_t item;
	unsigned depth; /* 0: on a root bus */
	bool last;      /* of those below the same bridge, or on the same root bus */
	size_t end;     /* index behind the last node below this one */
};

struct inventory_tree {
	struct tree_node *nodes;
	size_t count;
};

int inventory_tree(const struct inventory *inventory,
		   struct inventory_tree *ret_tree) MUST_CHECK;
void inventory_tree_free(struct inventory_tree *tree);

/* Who has a device now. */
enum owner { OWNER_NONE, OWNER_NATIVE, OWNER_VFIO };
enum owner item_owner(const struct inventory_item *item);

/* True when the plan takes it. */
bool item_taken(const struct inventory_item *item);

/*
 * Copies text that comes from outside: what is no character (bytes that are not UTF-8, control
 * characters) becomes "?". What does not fit is cut between characters. Returns `out`.
 */
const char *clean_text(const char *string, char *out, size_t size);

/* How many columns a cleaned text takes: one a character. */
size_t text_columns(const char *string);

/* "NVIDIA GP106GL [Quadro P2000]": without "Corporation" and its like; the class where there is
 * no name. */
const char *item_name(const struct inventory_item *item, char out[INVENTORY_NAME_SIZE]);

/* "boot display", "PF 4/7", "VF of 0000:05:00.0", comma between; empty: nothing. */
const char *item_marks(const struct inventory_item *item, char out[INVENTORY_NAME_SIZE]);

/* "nouveau", "xhci_hcd (xhci_pci)", "- (!nouveau)": the driver, and the candidate modules that
 * do not have its name, "!" before a blacklisted one. */
const char *item_driver(const struct inventory_item *item, char out[INVENTORY_NAME_SIZE]);

/* "gpu", "gpu (refused)", "gpu (mlx5_vfio_pci)"; empty: no claim. */
const char *item_claim(const struct inventory_item *item, char out[INVENTORY_NAME_SIZE]);

/*
 * Calls `each` with every sentence on what is wrong, or will go wrong, with a device that a
 * claim names. Nothing for the others.
 */
void item_warnings(const struct inventory_item *item,
		   void (*each)(void *context, const char *sentence), void *context);

/*
 * The renderings. Each returns 0 and *ret_text (owned by the caller), or -ENOMEM.
 *
 * @columns: of the terminal: names are cut to it; 0: nothing is cut
 * @colour: with ANSI escapes
 */
int inventory_table(const struct inventory *inventory, size_t columns, bool colour,
		    char **ret_text) MUST_CHECK;
int inventory_render_tree(const struct inventory *inventory, size_t columns, bool colour,
			  char **ret_text) MUST_CHECK;

/* A drawing, SVG 1.1. `title` is what it is of. */
int inventory_svg(const struct inventory *inventory, const char *title,
		  char **ret_text) MUST_CHECK;

#endif
