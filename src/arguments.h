/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel arguments that a configuration asks for. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_ARGUMENTS_H
#define VFIO_CLAIM_ARGUMENTS_H

#include "config.h"
#include "kargs.h"
#include "sentences.h"

enum architecture { ARCH_X86, ARCH_ARM64, ARCH_OTHER };

enum {
	/* COMMAND_LINE_SIZE - 1 of x86 and arm64 (arch/.../include/{asm,uapi/asm}/setup.h). */
	COMMAND_LINE_MOST = 2047,
	/* module_param_string() of a char[1024] (drivers/vfio/pci/vfio_pci.c). */
	VFIO_PCI_IDS_MOST = 1023,
	ARGUMENTS_REASON_SIZE = 256,
};

/* What the arguments are for; found by an edge (target.h), or made up by a test. */
struct target {
	enum architecture architecture;
	enum host_cpu cpu;      /* never CPU_AUTO */
	struct kargs blacklist; /* of `blacklist = auto`: module names with underscores */
	/* IDs that vfio-pci.ids= must not name, since a device of this machine that the config
	 * leaves to the host (or that is refused) has them. */
	struct pci_ids *spared;
	size_t spared_count;
	/* Nobody knows what the IDs of the config are, and vfio-pci starts before anything that
	 * could look: vfio-pci.ids= could take the disk that root is on. */
	bool ids_blind;
	size_t line_most; /* bytes of the whole command line: COMMAND_LINE_SIZE - 1 */
	struct sentences
		notes; /* what could not be found out; copied to the arguments' notes */
};

struct arguments {
	struct kargs kargs;     /* ours, none of which stands in the base line already */
	struct sentences notes; /* what was left out and why, one sentence each */
};

/*
 * Composes the arguments, always in the same order.
 *
 * A configuration without any claim (an empty file puts the helper into the initramfs, and all
 * claims come from the kernel command line, by MAAS for instance) gives only what its [host]
 * says beyond the defaults: nothing for an empty file. IOMMU arguments are given there when
 * `cpu` is not auto or `iommu` is on.
 *
 * @base: the rest of the command line, in which nothing of ours stands; "" where not known.
 *        Its vfio-pci.ids= is taken over into ours, since only the last one counts.
 * @reason: with -E2BIG one sentence
 * Returns 0 and *ret_arguments (release with arguments_free()), -E2BIG when the whole line is
 * longer than the kernel reads, or -ENOMEM.
 */
int arguments_compose(const struct config *config, const struct target *target,
		      const char *base, struct arguments *ret_arguments,
		      char reason[ARGUMENTS_REASON_SIZE]) MUST_CHECK;

/*
 * Fits arguments that were composed before, for an empty base, to a base line: the last good
 * ones, where the configuration is not valid now. Otherwise as above.
 */
int arguments_fit(const struct kargs *kargs, const char *base, size_t line_most,
		  struct arguments *ret_arguments,
		  char reason[ARGUMENTS_REASON_SIZE]) MUST_CHECK;

/*
 * The length of one line that may be booted, where several are; arguments_compose() sees only
 * what they have in common.
 *
 * @whole: bytes of the line with all arguments
 * @ours: of which the caller adds
 * Returns 0, or -E2BIG and one sentence in `reason`.
 */
int arguments_check_length(size_t whole, size_t ours, size_t line_most,
			   char reason[ARGUMENTS_REASON_SIZE]) MUST_CHECK;

/* True for hugepagesz= and hugepages=. */
bool argument_is_pages(const char *word);

/*
 * hugepages= is about the hugepagesz= before it (mm/hugetlb.c), so the two are one argument:
 * of "hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=4" no word is one too many. Returns the
 * index of the other word of such a pair, or `index` for a word that is in none.
 */
size_t argument_partner(const struct kargs *words, size_t index);

/* True when the line has what words->items[index] is a part of: a pair as a pair, or the word. */
bool argument_is_in(const struct kargs *line, const struct kargs *words, size_t index);

/*
 * The word of a kernel command line that keeps the IOMMU off, or NULL; it points into `line`.
 * Linux 6.1 to 7.2 know three, each a list with commas:
 * - iommu=off (arch/x86/kernel/pci-dma.c: iommu_setup()) sets no_iommu for VT-d and AMD-Vi, and
 *   nothing takes that back, intel_iommu=on neither. Not so where the firmware of a machine with
 *   outer ports opts in to DMA protection (platform_optin_force_iommu()).
 * - amd_iommu=off (drivers/iommu/amd/init.c: parse_amd_iommu_options()), for good too.
 * - intel_iommu=off (drivers/iommu/intel/iommu.c: intel_iommu_setup()): of on and off the last
 *   one counts.
 * What stands behind "--" goes to init.
 *
 * @cpu: the processor; with CPU_AUTO or CPU_ANY each of the three counts, with CPU_ARM none
 */
const char *iommu_off_word(const struct kargs *line, enum host_cpu cpu);

/*
 * True for a line that can stand in the configuration of any boot loader without quoting:
 * letters, digits, blanks and _-.,:=/@+%~ only, which no shell and no GRUB script changes.
 */
bool arguments_are_plain(const char *line);

void arguments_free(struct arguments *arguments);

#endif
