/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_CLAIM_VERSION_H
#define VFIO_CLAIM_VERSION_H

#define VFIO_CLAIM_VERSION "0.1.0"

/* Where things are, relative to a root (see root.h) and, with a slash before it, on the host.
 */
#define CLAIMS_TABLE_PATH "etc/vfio-claim/claims"
/* The last good kernel arguments, for `vfio-claim cmdline --or-last`. */
#define ARGUMENTS_PATH "var/lib/vfio-claim/arguments"
#define RUN_RECORD_PATH "run/vfio-claim/boot.json"
#define RUN_CLAIMS_PATH "run/vfio-claim/claims"
#define RUN_UDEV_RULE_PATH "run/udev/rules.d/70-vfio-claim.rules"

/* Where the Makefile installs the helper; the same path on the host and in the initramfs. */
#ifndef LIBEXECDIR
#define LIBEXECDIR "/usr/lib/vfio-claim"
#endif
#define BOOT_HELPER LIBEXECDIR "/vfio-claim-boot"

#endif
