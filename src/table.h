/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The claims table: the config's claims compiled for the boot helper, and the only file of
 * ours that the helper reads. Lines of words:
 *
 *     vfio-claim-table 1
 *     claim p2000
 *     match 10de:1c30
 *     except 0000:83:00.0
 *     functions all
 *     driver auto
 *     when auto
 *     expect 2
 *     origin config
 *     checksum 0123456789abcdef
 *
 * The last line is the FNV-1a hash of every byte before it, so that a table which was cut
 * short or changed is not believed.
 */
#ifndef VFIO_CLAIM_TABLE_H
#define VFIO_CLAIM_TABLE_H

#include "claim.h"

enum {
	TABLE_VERSION = 1,
	TABLE_REASON_SIZE = 160,
	TABLE_CHECKSUM_SIZE = 17,
	/* Room for some 50,000 selectors; anything larger is not a table of ours. */
	TABLE_SIZE_MOST = 1 << 20,
};

/* Renders the table. Returns 0 and *ret_text (owned by the caller), or -ENOMEM. */
int table_render(const struct claims *claims, char **ret_text) MUST_CHECK;

/*
 * Reads a table.
 *
 * @checksum: set to the table's checksum, or to an empty string when it is not valid
 * @reason: on -EBADMSG (empty, cut short, damaged, not a table) and -EPROTO (a version of the
 *          future) one sentence on what is wrong
 * Returns 0 and *ret_claims (release with claims_free()), -EBADMSG, -EPROTO or -ENOMEM.
 */
int table_parse(const char *data, size_t length, struct claims *ret_claims,
		char checksum[TABLE_CHECKSUM_SIZE], char reason[TABLE_REASON_SIZE]) MUST_CHECK;

#endif
