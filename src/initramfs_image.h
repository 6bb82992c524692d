/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads an initramfs image as the kernel does. The only user of libarchive. */
#ifndef VFIO_CLAIM_INITRAMFS_IMAGE_H
#define VFIO_CLAIM_INITRAMFS_IMAGE_H

#include <sys/types.h>

#include "cleanup.h"

enum { IMAGE_REASON_SIZE = 256 };

/* Who looks at the entries of an image. */
struct image_visitor {
	/*
	 * Called for each entry with its path (no "/" or "./" before it). Returns how many bytes
	 * of content are wanted at most; 0: none.
	 */
	size_t (*entry)(void *context, const char *path, mode_t mode);
	/*
	 * The content of an entry that was wanted, with a zero byte behind it; `data` is given
	 * to the callee. Not called when the content is longer than wanted. Returns 0 or a
	 * negative errno.
	 */
	int (*content)(void *context, const char *path, char *data, size_t length);
	void *context;
};

/*
 * Walks through an image: cpio archives in the "newc" format, one behind the other with zero
 * bytes between, each one as it is or compressed
 * (Documentation/driver-api/early-userspace/buffer-format.rst). It is read as a stream, and
 * only what is wanted is kept.
 *
 * @fd: a file, read from its beginning
 * @reason: with -EBADMSG one sentence on what is wrong and where
 * Returns 0, -EBADMSG (damaged, cut short, or compressed in a way that cannot be read here), what
 * the visitor returned, or another negative errno.
 */
int image_walk(int fd, const struct image_visitor *visitor,
	       char reason[IMAGE_REASON_SIZE]) MUST_CHECK;

#endif
