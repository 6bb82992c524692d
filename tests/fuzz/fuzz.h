/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzzers share. With clang: -fsanitize=fuzzer. With any compiler: -DREPLAY adds a
 * main() that feeds the files named on its command line, or all of a directory's, to the fuzzer
 * once each and prints TAP.
 */
#ifndef VFIO_CLAIM_FUZZ_H
#define VFIO_CLAIM_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise must stop the fuzzer in every build, so assert() will not do. */
#define MUST(condition)                                                                        \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			(void)fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__,       \
				      #condition);                                             \
			abort();                                                               \
		}                                                                              \
	} while (0)

/* What is accepted must survive being written as a table and read again, byte for byte. */
__attribute__((unused)) static void check_round_trip(const struct claims *claims)
{
	char checksum[TABLE_CHECKSUM_SIZE];
	char reason[TABLE_REASON_SIZE];
	struct claims again = { 0 };
	char *first;
	char *second;

	MUST(table_render(claims, &first) == 0);
	MUST(table_parse(first, strlen(first), &again, checksum, reason) == 0);
	MUST(table_render(&again, &second) == 0);
	MUST(strcmp(first, second) == 0);
	free(first);
	free(second);
	claims_free(&again);
}

#ifdef REPLAY
#include <dirent.h>
#include <sys/stat.h>

static unsigned replayed;

/* Exactly as many bytes as the file has, so that a sanitizer sees one too many being read. */
static void replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat st;

	MUST(file != NULL && fstat(fileno(file), &st) == 0);
	size_t size = (size_t)st.st_size;
	uint8_t *data = malloc(size > 0 ? size : 1);
	MUST(data != NULL && fread(data, 1, size, file) == size);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	(void)fclose(file);
	const char *slash = strrchr(path, '/');
	(void)printf("ok %u - %s\n", ++replayed, slash ? slash + 1 : path);
	(void)fflush(stdout);
}

static void replay(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	if (dir == NULL) {
		replay_file(path);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		MUST((size_t)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) <
		     sizeof(name));
		replay_file(name);
	}
	(void)closedir(dir);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	(void)printf("1..%u\n", replayed);
	/* A corpus that is not there must not look like one that passed. */
	return replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
#endif

#endif
