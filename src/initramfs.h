/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The initramfs images of a target: who builds them, and what is really in them. */
#ifndef VFIO_CLAIM_INITRAMFS_H
#define VFIO_CLAIM_INITRAMFS_H

#include "commands.h"
#include "config.h"
#include "root.h"
#include "sentences.h"

enum generator { GENERATOR_NONE, GENERATOR_INITRAMFS_TOOLS, GENERATOR_DRACUT };

/* Which of the two builds this target's images: the one whose kernel hook or command is there;
 * where both are, the one that /etc/kernel/postinst.d or kernel-install calls. */
enum generator generator_detect(const struct root *root);

/* The path of a kernel's image relative to the root, as the generator names it
 * (boot/initrd.img-V, boot/initramfs-V.img, a kernel-install directory), or the unified kernel
 * image that has it in a section. */
int initramfs_path(const struct root *root, enum generator generator, const char *kernel,
		   char out[256]) MUST_CHECK;

/*
 * True on a running system of ostree or bootc: its /usr, with the initramfs beside the modules, is
 * that of an image and read-only. What makes the next one is no command of ours.
 */
bool initramfs_is_fixed(const struct root *root);

/* Adds the command that rebuilds a kernel's image. Returns 0 or a negative errno. */
int initramfs_add_rebuild(const struct root *root, enum generator generator, const char *kernel,
			  struct command_lines *commands) MUST_CHECK;

/*
 * Opens a built image and compares it with what the claims ask for: the helper, byte for byte
 * that of the target; the claims table; the boot script or hook; the kernel modules. With
 * `claims` NULL: that nothing of ours is in it.
 *
 * A helper that was stripped (dracut does that) is the target's when it loads the same bytes.
 * Modules are those that the kernel has as files: vfio_pci, vfio_iommu_type1 and what claims
 * name, with all that they depend on.
 *
 * @problems: a sentence for each difference, one where the image is damaged; none means that
 *            the image is as wanted
 * Returns 0, or a negative errno where the image cannot be read (-ENOENT: there is none).
 */
int initramfs_inspect(const struct root *root, enum generator generator, const char *kernel,
		      const struct claims *claims, struct sentences *problems) MUST_CHECK;

#endif
