// SPDX-License-Identifier: GPL-2.0-or-later
/* The claims table: what was written is read back, and nothing else is ever believed. */
#include <inttypes.h>

#include "machine.h"
#include "table.h"

static const struct test_claim claims_in_full[] = {
	{ .name = "p2000",
	  .match = { "10de:1c30", "0000:83:00.0 10de:1bb0" },
	  .except = { "0000:84:00.*" },
	  .expect = 2 },
	{ .name = "vf",
	  .match = { "15b3:101e:*:0001 class=0200", "path=10000:e0:06.0/00.0 nth=3" },
	  .functions = FUNCTIONS_MATCHED,
	  .driver = "mlx5_vfio_pci" },
};

static const char text_in_full[] = "vfio-claim-table 1\n"
				   "claim p2000\n"
				   "match 10de:1c30\n"
				   "match 0000:83:00.0 10de:1bb0\n"
				   "except 0000:84:00.*\n"
				   "functions all\n"
				   "driver auto\n"
				   "when auto\n"
				   "expect 2\n"
				   "origin config\n"
				   "claim vf\n"
				   "match 15b3:101e:*:0001 class=0200\n"
				   "match path=10000:e0:06.0/00.0 nth=3\n"
				   "functions matched\n"
				   "driver mlx5_vfio_pci\n"
				   "when early\n"
				   "origin vfio-pci.ids\n";

static char *render_in_full(void)
{
	struct claims claims = claims_of(claims_in_full, LENGTH(claims_in_full));
	char *text;

	claims.items[1].when = WHEN_EARLY;
	claims.items[1].origin = ORIGIN_IDS_ARGUMENT;
	assert_int_equal(table_render(&claims, &text), 0);
	claims_free(&claims);
	return text;
}

/* Parses a copy of exactly that many bytes. Nothing may come out of a refused table. */
static int parse(const char *data, size_t length, struct claims *claims,
		 char reason[TABLE_REASON_SIZE])
{
	char checksum[TABLE_CHECKSUM_SIZE];
	char *copy = malloc(length > 0 ? length : 1);

	assert_non_null(copy);
	memcpy(copy, data, length);
	*claims = (struct claims){ 0 };
	int r = table_parse(copy, length, claims, checksum, reason);
	free(copy);
	if (r < 0) {
		assert_null(claims->items);
		assert_int_equal(claims->count, 0);
		assert_string_equal(checksum, "");
		assert_string_not_equal(reason, "");
	} else {
		assert_int_equal(strlen(checksum), 16);
		assert_string_equal(reason, "");
	}
	return r;
}

static void test_form(void **state)
{
	char *text = render_in_full();

	(void)state;
	assert_memory_equal(text, text_in_full, strlen(text_in_full));
	assert_int_equal(strlen(text), strlen(text_in_full) + strlen("checksum ") + 17);
	char wanted[64];
	(void)snprintf(wanted, sizeof(wanted), "checksum %016" PRIx64 "\n",
		       fnv1a64(text_in_full, strlen(text_in_full)));
	assert_string_equal(text + strlen(text_in_full), wanted);
	free(text);
}

static void test_round_trip(void **state)
{
	char reason[TABLE_REASON_SIZE];
	char *text = render_in_full();
	struct claims claims;
	char *again;

	(void)state;
	assert_int_equal(parse(text, strlen(text), &claims, reason), 0);
	assert_int_equal(claims.count, 2);
	assert_int_equal(claims.items[0].expect, 2);
	assert_int_equal(claims.items[0].match_count, 2);
	assert_int_equal(claims.items[0].except_count, 1);
	assert_int_equal(claims.items[1].when, WHEN_EARLY);
	assert_int_equal(claims.items[1].origin, ORIGIN_IDS_ARGUMENT);
	assert_int_equal(claims.items[1].functions, FUNCTIONS_MATCHED);
	assert_string_equal(claims.items[1].driver, "mlx5_vfio_pci");
	assert_int_equal(table_render(&claims, &again), 0);
	assert_string_equal(text, again);
	free(text);
	free(again);
	claims_free(&claims);
}

static void test_no_claims(void **state)
{
	char reason[TABLE_REASON_SIZE];
	struct claims claims = { 0 };
	char *text;

	(void)state;
	assert_int_equal(table_render(&claims, &text), 0);
	assert_int_equal(parse(text, strlen(text), &claims, reason), 0);
	assert_int_equal(claims.count, 0);
	free(text);
	claims_free(&claims);
}

static void test_cut_at_every_byte(void **state)
{
	char reason[TABLE_REASON_SIZE];
	char *text = render_in_full();
	struct claims claims;

	(void)state;
	for (size_t length = 0; length < strlen(text); length++)
		assert_int_equal(parse(text, length, &claims, reason), -EBADMSG);
	assert_int_equal(parse("", 0, &claims, reason), -EBADMSG);
	assert_string_equal(reason, "it is empty");
	assert_int_equal(parse(text, strlen(text) - 1, &claims, reason), -EBADMSG);
	assert_string_equal(reason, "its last line is missing: it was cut short");
	free(text);
}

/* Cut at the front, or with something behind it. */
static void test_not_from_begin_to_end(void **state)
{
	char reason[TABLE_REASON_SIZE];
	char *text = render_in_full();
	size_t length = strlen(text);
	char *twice = malloc(2 * length + 1);
	struct claims claims;

	(void)state;
	assert_non_null(twice);
	for (size_t start = 1; start < length; start++)
		assert_true(parse(text + start, length - start, &claims, reason) < 0);
	(void)snprintf(twice, 2 * length + 1, "%s%s", text, text);
	assert_int_equal(parse(twice, 2 * length, &claims, reason), -EBADMSG);
	assert_int_equal(parse(twice, length + 1, &claims, reason), -EBADMSG);
	(void)snprintf(twice, 2 * length + 1, "%s\n", text);
	assert_int_equal(parse(twice, length + 1, &claims, reason), -EBADMSG);
	free(twice);
	free(text);
}

static void test_every_byte_flipped(void **state)
{
	char reason[TABLE_REASON_SIZE];
	char *text = render_in_full();
	size_t length = strlen(text);
	struct claims claims;

	(void)state;
	for (size_t i = 0; i < length; i++) {
		char byte = text[i];

		for (int bit = 0; bit < 8; bit++) {
			text[i] = (char)(byte ^ (1 << bit));
			assert_true(parse(text, length, &claims, reason) < 0);
		}
		text[i] = '\0';
		assert_true(parse(text, length, &claims, reason) < 0);
		text[i] = byte;
	}
	assert_int_equal(parse(text, length, &claims, reason), 0);
	claims_free(&claims);
	free(text);
}

static void test_two_bytes_swapped(void **state)
{
	char reason[TABLE_REASON_SIZE];
	char *text = render_in_full();
	size_t length = strlen(text);
	struct claims claims;

	(void)state;
	for (size_t i = 0; i + 1 < length; i++) {
		char byte = text[i];

		if (byte == text[i + 1])
			continue;
		text[i] = text[i + 1];
		text[i + 1] = byte;
		assert_true(parse(text, length, &claims, reason) < 0);
		text[i + 1] = text[i];
		text[i] = byte;
	}
	free(text);
}

/* `body` with a right checksum: what a later version or a mischievous tool could write. */
static int parse_sealed(const char *body, size_t length, struct claims *claims,
			char reason[TABLE_REASON_SIZE])
{
	char *whole = malloc(length + 64);

	assert_non_null(whole);
	memcpy(whole, body, length);
	int more = snprintf(whole + length, 64, "checksum %016" PRIx64 "\n",
			    fnv1a64(body, length));
	int r = parse(whole, length + (size_t)more, claims, reason);
	free(whole);
	return r;
}

static void test_future_versions(void **state)
{
	static const char *const versions[] = { "2", "10", "11", "4294967295" };
	char reason[TABLE_REASON_SIZE];
	struct claims claims;

	(void)state;
	for (size_t i = 0; i < LENGTH(versions); i++) {
		char body[128];

		(void)snprintf(body, sizeof(body),
			       "vfio-claim-table %s\nclaim a\nmatch 10de:1c30\n", versions[i]);
		assert_int_equal(parse_sealed(body, strlen(body), &claims, reason), -EPROTO);
		assert_contains(reason, versions[i]);
		assert_contains(reason, "rebuild the initramfs");
		/* Its checksum may be of another kind: the version is told all the same. */
		assert_int_equal(parse(body, strlen(body), &claims, reason), -EPROTO);
	}
}

static void test_wrong_with_a_right_checksum(void **state)
{
	static const struct {
		const char *body;
		const char *reason;
	} rows[] = {
		{ "", "does not begin" },
		{ "\n", "does not begin" },
		{ "vfio-claim-table \n", "does not begin" },
		{ "vfio-claim-table1\n", "does not begin" },
		{ "VFIO-claim-table 1\n", "does not begin" },
		{ "vfio-claim-table 11111111111111111\n", "does not begin" },
		{ "vfio-claim-table 0\n", "version is not a number" },
		{ "vfio-claim-table 1x\n", "version is not a number" },
		{ "vfio-claim-table -1\n", "version is not a number" },
		{ "vfio-claim-table 1\r\n", "version is not a number" },
		{ "vfio-claim-table 1\nclaim\n", "line 2 " },
		{ "vfio-claim-table 1\nclaim \n", "line 2 " },
		{ "vfio-claim-table 1\nclaim a b\n", "line 2 " },
		{ "vfio-claim-table 1\n\nclaim a\n", "line 2 " },
		{ "vfio-claim-table 1\nmatch 10de:1c30\n", "line 2 " },
		{ "vfio-claim-table 1\nclaim a\nclaim a\n", "line 3 " },
		{ "vfio-claim-table 1\nclaim a\nmatch 10de:1c3\n", "line 3 " },
		{ "vfio-claim-table 1\nclaim a\nmatch *:*\n", "line 3 " },
		{ "vfio-claim-table 1\nclaim a\nmatch 10de:1c30\nexcept x\n", "line 4 " },
		{ "vfio-claim-table 1\nclaim a\nfunctions some\n", "line 3 " },
		{ "vfio-claim-table 1\nclaim a\nfunctions all \n", "line 3 " },
		{ "vfio-claim-table 1\nclaim a\nwhen late\n", "line 3 " },
		{ "vfio-claim-table 1\nclaim a\norigin mars\n", "line 3 " },
		{ "vfio-claim-table 1\nclaim a\ndriver ../x\n", "line 3 " },
		{ "vfio-claim-table 1\nclaim a\ndriver nvidia\n", "line 3 " },
		{ "vfio-claim-table 1\nclaim a\nexpect 0\n", "line 3 " },
		{ "vfio-claim-table 1\nclaim a\nfuture word\n", "line 3 " },
		{ "vfio-claim-table 1\nclaim a\nmatch 10de:1c30", "line 3 " },
	};
	char reason[TABLE_REASON_SIZE];
	struct claims claims;

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		if (parse_sealed(rows[i].body, strlen(rows[i].body), &claims, reason) != -EBADMSG)
			fail_msg("'%s' was believed", rows[i].body);
		assert_contains(reason, rows[i].reason);
	}
	assert_int_equal(parse_sealed("vfio-claim-table 1\nclaim a\0b\n", 29, &claims, reason),
			 -EBADMSG);
	assert_contains(reason, "line 2 ");
}

static void test_long_lines(void **state)
{
	char body[2048] = "vfio-claim-table 1\nclaim a\ndriver vfio";
	char reason[TABLE_REASON_SIZE];
	size_t start = strlen(body);
	struct claims claims;

	(void)state;
	for (size_t more = 0; more < 1000; more++) {
		memset(body + start, 'd', more);
		strcpy(body + start + more, "\n");
		int r = parse_sealed(body, strlen(body), &claims, reason);
		assert_int_equal(r, more <= 63 - strlen("vfio") ? 0 : -EBADMSG);
		claims_free(&claims);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_no_claims),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_not_from_begin_to_end),
		cmocka_unit_test(test_every_byte_flipped),
		cmocka_unit_test(test_two_bytes_swapped),
		cmocka_unit_test(test_future_versions),
		cmocka_unit_test(test_wrong_with_a_right_checksum),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
