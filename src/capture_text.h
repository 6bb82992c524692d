/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a snapshot keeps of files that say more than anybody needs, and its own description.
 * Pure: libc only, no I/O.
 */
#ifndef VFIO_CLAIM_CAPTURE_TEXT_H
#define VFIO_CLAIM_CAPTURE_TEXT_H

#include "cleanup.h"

/*
 * Each takes the text of a file and gives the one to record, in the same format, owned by the
 * caller. Returns 0 or -ENOMEM.
 */
typedef int capture_filter(const char *text, char **ret_text);

/* proc/cpuinfo: maker and model of the first processor. */
capture_filter capture_cpuinfo;

/* proc/modules: without the addresses, which root alone may know (kernel.kptr_restrict). */
capture_filter capture_modules;

/* proc/net/route and proc/net/ipv6_route: without gateways and without our own addresses. */
capture_filter capture_routes;
capture_filter capture_routes6;

/* etc/fstab: without comments, and without options that may hold a name or a password. */
capture_filter capture_fstab;

/* etc/crypttab: without comments; a third column that is no path may be a secret (keyscript=,
 * crypttab(5)) and becomes "masked". */
capture_filter capture_crypttab;

/* proc/interrupts: the chips' names, which say whether interrupts are remapped; no counts. */
capture_filter capture_interrupts;

/* A .mount or .swap unit of systemd: without comments, its options as in fstab. */
capture_filter capture_unit;

/* run/udev/data/b*: what udev found on a block device: ID_FS_USAGE, _TYPE, _UUID and the like.
 * Neither serial numbers nor labels. */
capture_filter capture_udev;

enum { CAPTURE_FORMAT = 1, CAPTURE_WORD_SIZE = 72 };

/* What run/vfio-claim/snapshot says: lines of KEY=VALUE, FORMAT= first. */
struct capture_info {
	unsigned format;
	char version[CAPTURE_WORD_SIZE]; /* of the vfio-claim that made it */
	char kernel[CAPTURE_WORD_SIZE];  /* uname -r; empty: not known */
	char machine[CAPTURE_WORD_SIZE]; /* uname -m; empty: not known */
};

/* Returns 0 and the text, owned by the caller, or -ENOMEM. */
int capture_info_render(const struct capture_info *info, char **ret_text) MUST_CHECK;

/* Keys that are not known are left out. Returns 0, or -EBADMSG (no FORMAT=, or a value that is
 * too long or no plain word: the kernel becomes a part of paths). */
int capture_info_parse(const char *text, struct capture_info *ret_info) MUST_CHECK;

#endif
