/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The udev rule that claims devices which appear after the boot helper ran. Pure. */
#ifndef VFIO_CLAIM_UDEV_RULE_H
#define VFIO_CLAIM_UDEV_RULE_H

#include "claim.h"
#include "device.h"

/*
 * Renders the rule for the claims in force.
 *
 * @known: the devices that the helper saw. One that is not among them and has neither driver nor
 *         override came while no udevd listened; the rule takes it at the coldplug. Other events
 *         of `udevadm trigger` take nothing.
 *
 * It does for hot-plugged cards and virtual functions what the helper did for the devices of
 * the boot: override, unbind, probe; and it keeps udev from loading native modules on behalf of
 * claimed devices. Only sysfs attributes are written and no process is started, with two
 * exceptions, where the helper is asked about a hot-plugged device of the claim's vendor or
 * slot: an unmatched function (functions = all), and claims with nth=, which no rule can count.
 *
 * Returns 0 and *ret_text (owned by the caller), or -ENOMEM.
 */
int udev_rule_render(const struct claims *claims, const struct snapshot *known,
		     char **ret_text) MUST_CHECK;

/*
 * The same as a file of the real root, for boots whose /run was lost on the way there. It does
 * nothing where the helper left its own rule, and nothing with rd.vfio-claim=0.
 */
int udev_rule_render_installed(const struct claims *claims, char **ret_text) MUST_CHECK;

#endif
