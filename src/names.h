/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only user of libpci: the names of vendors, devices and classes. */
#ifndef VFIO_CLAIM_NAMES_H
#define VFIO_CLAIM_NAMES_H

#include "pci.h"
#include "root.h"

/* The longest line of pci.ids is shorter. */
enum { NAME_SIZE = 256 };

struct names;

/*
 * Opens the list of names: for a tree that has a pci.ids of its own, that one and no other;
 * otherwise the running system's, with udev's hwdb for what is not in it. Where there is none
 * at all every name is empty; of a damaged one the names before the damage are known.
 * Returns 0 and *ret_names (release with names_close()), or -ENOMEM.
 */
int names_open(const struct root *root, struct names **ret_names) MUST_CHECK;

/* Accepts NULL. */
void names_close(struct names *names);

/*
 * Each writes a name into `out`, empty where there is none, and returns it. Names are as they
 * are in the list: UTF-8, not checked. A `names` that is NULL knows none.
 */
const char *names_vendor(struct names *names, const struct pci_ids *ids, char out[NAME_SIZE]);
const char *names_model(struct names *names, const struct pci_ids *ids, char out[NAME_SIZE]);

/* Vendor and model in one: "NVIDIA Corporation GP106GL [Quadro P2000]", "Intel Corporation
 * device 1234"; empty where the vendor has no name. */
const char *names_device(struct names *names, const struct pci_ids *ids, char out[NAME_SIZE]);

/*
 * The name of a class of 24 bits: "VGA compatible controller". Without a list the base class
 * by a name of our own: "Display controller".
 */
const char *names_class(struct names *names, uint32_t class_code, char out[NAME_SIZE]);

#endif
