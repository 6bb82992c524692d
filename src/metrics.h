/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readiness as metrics for Prometheus. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_METRICS_H
#define VFIO_CLAIM_METRICS_H

#include "readiness.h"

/* What the metrics tell beside the readiness. */
struct metrics {
	const struct facts *facts; /* without plan and kernels where the config is invalid */
	const struct readiness *readiness;
	const char *version; /* of vfio-claim */
	const char *kernel;  /* the running one's release; "" where not known */
	bool configured;     /* there is a configuration */
};

/*
 * Renders them in the text format that node_exporter's textfile collector reads
 * (https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4): for each metric
 * its HELP and TYPE, then its samples; no time stamps, which that collector refuses. Every code
 * of a finding has a sample, so that its series do not come and go.
 * Returns 0 and *ret_text (owned by the caller), or -ENOMEM.
 */
int metrics_render(const struct metrics *metrics, char **ret_text) MUST_CHECK;

#endif
