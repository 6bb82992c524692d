/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the boot helper: to the kernel's log on a host, to stderr elsewhere. */
#ifndef VFIO_CLAIM_LOG_H
#define VFIO_CLAIM_LOG_H

#include "root.h"

/* The kernel's own levels (include/linux/kern_levels.h). */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* Sends messages to this root's kernel log (NULL: stderr); debug ones only with `debug`. */
void log_open(const struct root *root, bool debug);

/* Writes one line, "vfio-claim: " before it. Never fails: there is nobody to tell. */
void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
