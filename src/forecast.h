/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the next boot of a machine will do: the boot helper's own code on what the boot helper
 * will find, and what could go wrong with it.
 */
#ifndef VFIO_CLAIM_FORECAST_H
#define VFIO_CLAIM_FORECAST_H

#include "arguments.h"
#include "cmdline.h"
#include "deployment.h"
#include "names.h"
#include "warnings.h"

struct forecast {
	const struct root *root;
	const struct config *config;
	struct kargs present; /* this boot's command line, as words */
	struct kargs next;    /* that of the next boot, once the configuration is applied */
	char too_long[ARGUMENTS_REASON_SIZE]; /* why `next` is without them; empty: it is not */
	struct cmdline cmdline;               /* `next`, read as the boot helper does */
	struct claims claims;
	struct snapshot snapshot;
	struct details *details;
	struct guards guards; /* what the next boot needs */
	struct guards in_use; /* the same, and what is needed now */
	struct uses uses;
	struct plan plan;
	struct host_facts facts;
	struct warnings warnings;
	struct names *names;
	struct loaders loaders;
	struct sentences notes; /* for people: what could not be found out */
	bool applied_known;     /* whether the files are as the configuration says */
	bool applied;
	bool unmet; /* `apply` cannot do all that is wanted: the notes say what */
};

/*
 * Makes the forecast for the machine below `root`, which its sys, proc and etc describe.
 *
 * @configured: there is a configuration, so that its arguments come with the next boot
 * @files: look whether the configuration is applied (it takes a while: each initramfs is opened)
 * Returns 0 or a negative errno (-ENOENT: there is no PCI bus in its sysfs). Release with
 * forecast_free() in any case.
 */
int forecast_make(const struct root *root, const struct config *config, bool configured,
		  bool files, struct forecast *forecast) MUST_CHECK;

/* How a device gets to VFIO in the next boot: early, late or when it appears. */
const char *forecast_when(const struct forecast *forecast, const struct decision *decision);

/* The name of a device of the snapshot for people; empty: none. Valid until the next call. */
const char *forecast_name(void *forecast, const struct device *device);

void forecast_free(struct forecast *forecast);

#endif
