/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads back what the boot helper recorded of this boot. */
#ifndef VFIO_CLAIM_BOOT_RECORD_H
#define VFIO_CLAIM_BOOT_RECORD_H

#include "readiness.h"
#include "root.h"

/*
 * Reads /run/vfio-claim/boot.json (vfio-claim-boot(8) has its schema). A device that waited for
 * the late run has what came of it there.
 * Returns 0 and *ret_record (release with boot_record_free(); `found` is false where there is no
 * such file), -EBADMSG (it is damaged, or of another schema), or another negative errno.
 */
int boot_record_read(const struct root *root, struct boot_record *ret_record) MUST_CHECK;

/* Accepts an empty one. */
void boot_record_free(struct boot_record *record);

#endif
