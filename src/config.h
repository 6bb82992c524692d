/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration: [host] settings and [claim NAME] sections.
 *
 * The parser is our own: libeconf (0.5 in Debian 12) stops at its first error and merges
 * repeated keys, where every error with its line and repeated `match` lines are wanted.
 */
#ifndef VFIO_CLAIM_CONFIG_H
#define VFIO_CLAIM_CONFIG_H

#include "claim.h"

enum {
	CONFIG_LINE_MOST = 4096,
	/* COMMAND_LINE_SIZE of x86 and arm64 (arch/.../setup.h), less its end mark. */
	EXTRA_ARGS_SIZE = 2048,
};

enum host_iommu { IOMMU_PT, IOMMU_ON, IOMMU_OFF };
enum host_cpu { CPU_AUTO, CPU_ANY, CPU_INTEL, CPU_AMD, CPU_ARM };
enum host_blacklist { BLACKLIST_AUTO, BLACKLIST_NONE, BLACKLIST_LIST };
enum host_framebuffer { FRAMEBUFFER_KEEP, FRAMEBUFFER_OFF };

struct host {
	enum host_iommu iommu;
	enum host_cpu cpu;
	enum host_blacklist blacklist;
	char (*modules)[DRIVER_NAME_SIZE]; /* of BLACKLIST_LIST, as written */
	size_t module_count;
	bool unsafe_interrupts;
	bool ignore_msrs;
	enum host_framebuffer framebuffer;
	char extra_args[EXTRA_ARGS_SIZE];
};

struct config {
	struct host host;
	struct claims claims;
};

/* One error, in the order of the files' lines. */
struct diagnostic {
	char *file;
	unsigned line;
	char *message;
};

struct diagnostics {
	struct diagnostic *items;
	size_t count;
};

/*
 * Reads one file's text into `config`, over what earlier files said: a [host] key replaces the
 * earlier one, a claim of the same name replaces the earlier claim. Everything wrong goes into
 * `diagnostics`, none of it stops the reading.
 *
 * @file: the name to report
 * @data, @length: the text; need not end with a zero byte
 * Returns 0 (look at `diagnostics` for errors) or -ENOMEM.
 */
int config_parse(struct config *config, const char *file, const char *data, size_t length,
		 struct diagnostics *diagnostics) MUST_CHECK;

/* Adds one error. Returns 0 or -ENOMEM. */
int diagnostics_add(struct diagnostics *diagnostics, const char *file, unsigned line,
		    const char *format, ...) PRINTF_LIKE(4, 5);

/* Release; both accept empty values. */
void config_free(struct config *config);
void diagnostics_free(struct diagnostics *diagnostics);

#endif
