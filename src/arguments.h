/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel arguments that a configuration asks for. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_ARGUMENTS_H
#define VFIO_CLAIM_ARGUMENTS_H

#include "config.h"
#include "kargs.h"
#include "sentences.h"

enum architecture { ARCH_X86, ARCH_ARM64, ARCH_OTHER };

/* What the arguments are for; found by an edge (target.h), or made up by a test. */
struct target {
	enum architecture architecture;
	enum host_cpu cpu;      /* never CPU_AUTO */
	struct kargs blacklist; /* of `blacklist = auto`: module names with underscores */
	/* IDs that vfio-pci.ids= must not name, since a device of this machine that the config
	 * leaves to the host (or that is refused) has them. */
	struct pci_ids *spared;
	size_t spared_count;
	size_t line_most; /* bytes of the whole command line: COMMAND_LINE_SIZE - 1 */
};

struct arguments {
	struct kargs kargs;     /* ours, none of which stands in the base line already */
	struct sentences notes; /* what was left out and why, one sentence each */
};

/*
 * Composes the arguments, always in the same order.
 *
 * @base: the rest of the command line, in which nothing of ours stands; "" where not known.
 *        Its vfio-pci.ids= is taken over into ours, since only the last one counts.
 * @reason: with -E2BIG one sentence
 * Returns 0 and *ret_arguments (release with arguments_free()), -E2BIG when the whole line is
 * longer than the kernel reads, or -ENOMEM.
 */
int arguments_compose(const struct config *config, const struct target *target,
		      const char *base, struct arguments *ret_arguments,
		      char reason[256]) MUST_CHECK;

void arguments_free(struct arguments *arguments);

#endif
