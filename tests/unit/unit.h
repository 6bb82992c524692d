/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every unit test includes: cmocka, with the headers it forgets, and small helpers. */
#ifndef VFIO_CLAIM_UNIT_H
#define VFIO_CLAIM_UNIT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Fails, showing both, unless `text` has `part` in it. */
#define assert_contains(text, part)                                                            \
	do {                                                                                   \
		if (strstr((text), (part)) == NULL)                                            \
			fail_msg("'%s' has no '%s' in it", (text), (part));                    \
	} while (0)

#endif
