/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel command line asks of the boot helper. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_CMDLINE_H
#define VFIO_CLAIM_CMDLINE_H

#include "claim.h"

/* A list of module names, in the order given, dashes kept as written. */
struct module_list {
	char (*items)[DRIVER_NAME_SIZE];
	size_t count;
};

struct cmdline {
	bool disabled;                /* rd.vfio-claim=0 (or no, off) */
	bool debug;                   /* rd.vfio-claim.debug */
	struct module_list pre;       /* rd.driver.pre= */
	struct module_list post;      /* rd.driver.post= */
	struct module_list blacklist; /* rd.driver.blacklist= */
	struct claims claims;         /* of rd.vfio-claim=SELECTOR and vfio-pci.ids= */
	char **problems;              /* sentences on arguments that were not understood */
	size_t problem_count;
};

/*
 * Reads a kernel command line. Quotes group, as in the kernel's next_arg() (lib/cmdline.c).
 * What follows " -- " belongs to init and is not read. An argument that is not understood is
 * left out and reported in `problems`; it never spoils the others.
 *
 * vfio-pci.ids= has the kernel's syntax VVVV:DDDD[:SSSS[:SSSS[:CLASS[:MASK]]]]
 * (drivers/vfio/pci/vfio_pci.c); of several such arguments the last counts, as for every
 * string parameter of a module.
 *
 * Returns 0 and *ret_cmdline (release with cmdline_free()), or -ENOMEM.
 */
int cmdline_parse(const char *string, struct cmdline *ret_cmdline) MUST_CHECK;

void cmdline_free(struct cmdline *cmdline);

#endif
