/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI addresses, IDs and paths as text and as numbers. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_PCI_H
#define VFIO_CLAIM_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleanup.h"

/* One PCI function. Domains may be 32 bits wide (Intel VMD starts at 0x10000). */
struct pci_address {
	uint32_t domain;
	uint8_t bus;
	uint8_t device;   /* 0 to 0x1f */
	uint8_t function; /* 0 to 7 */
};

/* Stands for "any" in a pattern of IDs; what the kernel calls PCI_ANY_ID. */
#define PCI_ANY UINT32_MAX

/* The IDs of a device, or a pattern of them. */
struct pci_ids {
	uint32_t vendor;
	uint32_t device;
	uint32_t subvendor;
	uint32_t subdevice;
};

enum {
	PCI_ADDRESS_SIZE = sizeof("ffffffff:ff:1f.7"),
	PCI_PATH_HOPS = 16,
	PCI_PATH_SIZE = PCI_ADDRESS_SIZE + PCI_PATH_HOPS * 5,
	PCI_IDS_SIZE = sizeof("ffff:ffff:ffff:ffff"),
};

/*
 * The way down from a root bus: the address of the function on it, then device and function
 * numbers behind each bridge. Bus numbers below the first are left out on purpose: they move
 * when another card is added.
 */
struct pci_path {
	struct pci_address root;
	uint8_t hops; /* functions below the root one, 0 to PCI_PATH_HOPS */
	struct {
		uint8_t device;
		uint8_t function;
	} hop[PCI_PATH_HOPS];
};

/*
 * Parses "[DDDD:]BB:DD.F", domain of four to eight digits (0000 when left out).
 *
 * @any_function: where not NULL, "BB:DD.*" is allowed and sets it; where NULL it is an error
 * Returns 0, -EINVAL (form) or -ERANGE (device beyond 1f, function beyond 7).
 */
int pci_address_parse(const char *string, struct pci_address *ret_address,
		      bool *any_function) MUST_CHECK;

/* Writes DDDD:BB:DD.F into `out` and returns it. */
const char *pci_address_format(const struct pci_address *address, char out[PCI_ADDRESS_SIZE]);

/* Orders by domain, bus, device, function: negative, 0 or positive. */
int pci_address_compare(const struct pci_address *a, const struct pci_address *b);

/* True for two functions of one device number: what a multi-function card shows. */
bool pci_address_same_slot(const struct pci_address *a, const struct pci_address *b);

/*
 * Parses "VVVV:DDDD[:SSSS:SSSS]", each field four digits or "*"; absent subsystem IDs are
 * PCI_ANY. Returns 0 or -EINVAL.
 */
int pci_ids_parse(const char *string, struct pci_ids *ret_ids) MUST_CHECK;

/* Writes the form that pci_ids_parse() reads; leaves out a subsystem that is any. */
const char *pci_ids_format(const struct pci_ids *ids, char out[PCI_IDS_SIZE]);

/* True when the IDs fit the pattern. */
bool pci_ids_match(const struct pci_ids *pattern, const struct pci_ids *ids);

/* Parses "[DDDD:]BB:DD.F/DD.F/...". Returns 0, -EINVAL, -ERANGE or -E2BIG (too many hops). */
int pci_path_parse(const char *string, struct pci_path *ret_path) MUST_CHECK;

/*
 * Reads the path out of the target of a link in /sys/bus/pci/devices, such as
 * "../../../devices/pci0000:00/0000:00:03.0/0000:01:00.0": every component that is a PCI
 * address counts, others (a VMD's "pci10000:00", a platform device) start the path anew.
 * Returns 0, -EINVAL (no address in it) or -E2BIG.
 */
int pci_path_from_sysfs(const char *target, struct pci_path *ret_path) MUST_CHECK;

/* Writes the form that pci_path_parse() reads. */
const char *pci_path_format(const struct pci_path *path, char out[PCI_PATH_SIZE]);

/* True when both name the same way. */
bool pci_path_equal(const struct pci_path *a, const struct pci_path *b);

#endif
