/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VFIO variant drivers by their aliases. Pure. */
#ifndef VFIO_CLAIM_VARIANT_H
#define VFIO_CLAIM_VARIANT_H

#include "claim.h"

/*
 * True when a device could both be taken by the selector and be served by the driver with this
 * alias, as scripts/mod/file2alias.c writes it: vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i*.
 * An alias of another form could serve anything.
 */
bool variant_could_serve(const char *alias, const struct selector *selector);

#endif
