/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel command line asks of the boot helper. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_CMDLINE_H
#define VFIO_CLAIM_CMDLINE_H

#include "claim.h"
#include "mount_table.h"

/* A list of module names, in the order given, dashes kept as written. */
struct module_list {
	char (*items)[DRIVER_NAME_SIZE];
	size_t count;
};

struct cmdline {
	bool disabled;                /* nothing is claimed in this boot */
	const char *disabled_by;      /* the argument that says so: a static string, or NULL */
	const char *recovery;         /* single or recovery: GRUB's recovery entry; or NULL */
	bool enabled;                 /* rd.vfio-claim=1 (or yes, on), or a selector */
	bool debug;                   /* rd.vfio-claim.debug, or =1 */
	const char *network_by;       /* what shows a boot over the network: a static string */
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
 * rd.vfio-claim=0 switches off. So does a recovery entry of GRUB, told by its word `single` or
 * `recovery` (10_linux of Debian and Ubuntu), unless rd.vfio-claim=1 or a selector is given:
 * GRUB before 2.12 has no place for arguments of such entries alone.
 *
 * Returns 0 and *ret_cmdline (release with cmdline_free()), or -ENOMEM.
 */
int cmdline_parse(const char *string, struct cmdline *ret_cmdline) MUST_CHECK;

/*
 * The word of a command line, or of a file with such arguments (dracut's /etc/cmdline.d), that
 * says the boot goes over the network, as a static string; or NULL. Known are those of
 * dracut.cmdline(7), initramfs-tools(7), the kernel's nfsroot.rst, open-iscsi and NVMe-oF.
 */
const char *cmdline_network(const char *string);

/*
 * The next systemd.mount-extra= or systemd.swap-extra= of a command line: moves *string behind
 * it. Returns false at the end.
 */
bool cmdline_next_mount(const char **string, struct mount_entry *entry);

void cmdline_free(struct cmdline *cmdline);

#endif
