// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzzes the reader of the claims table, once as given and once with a right checksum. */
#include <inttypes.h>

#include "fuzz.h"
#include "text.h"

static void parse(const char *data, size_t size)
{
	char checksum[TABLE_CHECKSUM_SIZE];
	char reason[TABLE_REASON_SIZE];
	struct claims claims = { 0 };
	int r = table_parse(data, size, &claims, checksum, reason);

	if (r == 0) {
		MUST(strlen(checksum) == 16);
		check_round_trip(&claims);
	} else {
		MUST(claims.items == NULL && claims.count == 0);
		MUST(checksum[0] == '\0' && reason[0] != '\0');
	}
	claims_free(&claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[64];

	parse((const char *)data, size);

	/* No fuzzer guesses a checksum: behind it lies the part that reads lines. */
	int length = snprintf(line, sizeof(line), "checksum %016" PRIx64 "\n",
			      fnv1a64((const char *)data, size));
	char *whole = malloc(size + (size_t)length);
	MUST(whole != NULL);
	if (size > 0)
		memcpy(whole, data, size);
	memcpy(whole + size, line, (size_t)length);
	parse(whole, size + (size_t)length);
	free(whole);
	return 0;
}
