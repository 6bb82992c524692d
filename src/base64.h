/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64, for files that are carried inside of others. Pure: libc only, no I/O. */
#ifndef VFIO_CLAIM_BASE64_H
#define VFIO_CLAIM_BASE64_H

#include "text.h"

/*
 * Appends `length` bytes of `data` in the alphabet of RFC 4648, section 4, with its padding and
 * without line ends. Without memory the text's own error is set, as by text_add().
 */
void text_add_base64(struct text *text, const char *data, size_t length);

#endif
