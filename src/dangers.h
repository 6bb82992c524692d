/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stops a command that would take from the machine what it needs. */
#ifndef VFIO_CLAIM_DANGERS_H
#define VFIO_CLAIM_DANGERS_H

#include "tool.h"

/*
 * Looks whether the next boot with the configuration would take a device that the host cannot
 * do without (the warnings of SEVERITY_DANGER), and prints what it finds to stderr, with the
 * faults of the machine as a whole, which stop nothing. Only on a host: a tree is an image for
 * other machines. `--force` prints and goes on.
 * Returns EXIT_AS_WANTED or EXIT_REFUSED. Where the machine cannot be looked at there is
 * nothing to refuse.
 */
enum exit_code dangers_refuse(const struct tool *tool) MUST_CHECK;

#endif
