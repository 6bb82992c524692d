/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an initramfs needs of us: the same answers for dracut and for initramfs-tools. */
#ifndef VFIO_CLAIM_IMAGE_H
#define VFIO_CLAIM_IMAGE_H

#include "config.h"
#include "root.h"

/* Writes the claims table into the image under construction. Returns 0 or a negative errno. */
int image_write_table(const struct root *image, const struct claims *claims) MUST_CHECK;

/*
 * Prints the kernel modules that the claims may need, one a line, for the hook to install with
 * all they depend on: vfio_pci, vfio_iommu_type1, variant drivers that could serve a claim, and
 * drivers that claims name. What a kernel needs beside (vfio_virqfd on 6.1) depends on these in
 * its modules.dep. A module that this kernel does not have is left out, with a warning where
 * that means that nothing can be claimed.
 *
 * @root: the tree with lib/modules/KERNEL
 * Returns 0 or a negative errno.
 */
int image_print_modules(const struct root *root, const char *kernel,
			const struct claims *claims) MUST_CHECK;

#endif
