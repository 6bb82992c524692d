/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Nova is told of the claimed devices: its device specs and aliases, as JSON. Pure: libc only,
 * no I/O. The formats that carry it (nova.conf, EDPM, Helm, charms, Bright) are other files.
 *
 * Nova's rules are those of nova/pci/{devspec,whitelist,request,stats,utils}.py, nova/conf/pci.py
 * and nova/compute/pci_placement_translator.py, from Newton to 2026.1.
 */
#ifndef VFIO_CLAIM_NOVA_H
#define VFIO_CLAIM_NOVA_H

#include "exports.h"

/* Releases at which something changed, by Nova's major version. */
enum nova_version {
	NOVA_NEWTON = 14,
	NOVA_OCATA = 15,   /* the group [pci] */
	NOVA_PIKE = 16,    /* PCIWeigher */
	NOVA_QUEENS = 17,  /* numa_policy of an alias */
	NOVA_WALLABY = 23, /* its value socket */
	NOVA_ZED = 26,     /* device_spec; report_in_placement, resource_class, traits */
	NOVA_2023_1 = 27,  /* pci_in_placement; class and traits of an alias */
	NOVA_2025_1 = 31,  /* managed, live_migratable */
	NOVA_2025_2 = 32,  /* one_time_use */
};

struct nova_release {
	const char *name;     /* "2025.1"; of older ones the code name */
	const char *codename; /* "epoxy"; may be the same */
	int version;
};

/* The release of this name or code name; the newest for NULL. NULL where there is none. */
const struct nova_release *nova_release_find(const char *name);

/* The options' group and names in a release. */
const char *nova_group(const struct nova_release *release);
const char *nova_spec_option(const struct nova_release *release);
const char *nova_alias_option(const struct nova_release *release);

struct nova_line {
	char *json; /* one JSON object on one line */
	char *comment;
};

struct nova_alias {
	char *name;
	char *json;
	char *comment;
	bool companion;   /* of further functions of a card: no flavor need ask for it */
	unsigned devices; /* of this machine; 0: not known */
};

struct nova {
	const struct nova_release *release;
	bool placement;    /* report_in_placement */
	bool in_placement; /* pci_in_placement, too */
	struct nova_line *specs;
	size_t spec_count;
	struct nova_alias *aliases;
	size_t alias_count;
	struct sentences notes; /* on what is not there */
};

/*
 * Finds out what Nova is to be told. `by`, `release` and `placement` of the options count.
 *
 * @usual: the release where the options name none; NULL: the newest
 * @reason: sentences on an error
 * Returns 0 and *ret_nova (release with nova_free()), -EINVAL for a wrong option, -EPERM where
 * Nova would refuse it, or take something else than is meant; or -ENOMEM.
 */
int nova_make(const struct exports *exports, const char *usual, struct nova *ret_nova,
	      struct text *reason) MUST_CHECK;

void nova_free(struct nova *nova);

/* The lists as one JSON array on one line. */
void nova_add_specs(struct text *text, const struct nova *nova);
void nova_add_aliases(struct text *text, const struct nova *nova);

/*
 * The lines of nova.conf for a host with the devices, and for the controllers, each line behind
 * `indent`; with the group's header. Returns 0 or -EINVAL where INI has no words for it.
 */
int nova_add_compute(struct text *text, const struct nova *nova, const char *indent) MUST_CHECK;
int nova_add_controller(struct text *text, const struct nova *nova,
			const char *indent) MUST_CHECK;

/* What `add` writes (one of these two), as comments to be copied from. Returns 0, what `add`
 * returned, or -ENOMEM. */
int nova_add_commented(struct text *text, const struct nova *nova,
		       int (*add)(struct text *, const struct nova *, const char *)) MUST_CHECK;

/* The scheduler's filters of this release and the one for PCI devices, commas between; NULL where
 * they are not known. */
const char *nova_filters(const struct nova_release *release);

/* Comments, behind `prefix` ("# "): what is left out, and Placement's order of enabling. */
void nova_add_notes(struct text *text, const struct nova *nova, const char *prefix);
void nova_add_order(struct text *text, const struct nova *nova, const char *prefix);

/* The commands that have flavors ask for the devices, one alias each, behind `indent`. */
void nova_add_flavors(struct text *text, const struct nova *nova, const char *indent);

/* "nova.conf 2025.1, by vfio-claim 0.1", the host's name where there is one: a format's head. */
void nova_add_head(struct text *text, const struct exports *exports, const struct nova *nova,
		   const char *prefix, const char *what);

#endif
